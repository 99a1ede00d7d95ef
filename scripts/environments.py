"""The Python environments that the project's scripts and tests run in: found or made, and kept.

Owns where Python 3.11 and 3.13 are, the cache folder outside the checkout, one virtual environment for
each purpose, named after what it is for and a hash of what it holds, and what was downloaded for them.
Standard library only, and readable by older Pythons as far as ``require_python()``: that is how they
learn what is missing.

Two runs at once are safe: a lock in the cache guards each environment while it is made, and a marker
says that it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent

#: The `bpy` wheels that tests run in: the minor version people say, and the release on PyPI.
WHEELS = {"4.2": "4.2.23", "4.5": "4.5.15", "5.0": "5.0.1", "5.2": "5.2.3", "5.3": "5.3.0"}

#: The Python that Blender 4.1 to 5.0 have, and the one that this project's own tools run in.
OLD_PYTHON = "3.11"
#: The Python that Blender 5.1 and later have.
NEW_PYTHON = "3.13"

#: What each tool environment holds, relative to the checkout.
TOOLS = {
    "stand-in": "tests/stand_in/requirements.txt",
    "core-oldest": "tests/core/requirements-oldest.txt",
    "core-newest": "tests/core/requirements.txt",
    "lint": "tests/requirements-lint.txt",
    "types-4.2": "tests/types/requirements-4.2.txt",
    "types-newest": "tests/types/requirements-newest.txt",
    "host": "tests/requirements-host.txt",  # tests that start other programs
    "farm": "tests/farm/requirements.txt",
}
_WHEEL_TESTS = "tests/blender/requirements.txt"
#: The tool environments that are not for ``OLD_PYTHON``: HTTP libraries go with the Python of their Blender.
_NEW_TOOLS = {"core-newest"}

_PYTHON_MISSING = """\
Python {wanted} is needed ({whose}) and was not found; this is Python {version}.
Install it, then run the command again:
  Debian, Ubuntu   sudo apt install python{wanted} python{wanted}-venv
  Fedora           sudo dnf install python{wanted}
  macOS            brew install python@{wanted}
  Windows          winget install Python.Python.{wanted}
  anywhere         uv python install {wanted}, or pyenv install {wanted}"""
_WAITING = "Waiting for {}, which is being set up already …"
#: Whose Python it is, for somebody who has to install it.
_WHOSE = {OLD_PYTHON: "Blender's own up to 5.0", NEW_PYTHON: "Blender's own from 5.1 on"}


class Missing(RuntimeError):
    """Something that this machine would need; the text says what, and how to get it."""


def say(text: str) -> None:
    """Tell the person at the terminal, at once, without mixing into a program's output."""
    print(text, file=sys.stderr, flush=True)


def cache_dir() -> Path:
    """The folder for everything fetched or made for tests, outside the checkout; exists afterwards."""
    if chosen := os.environ.get("GROK_VIDEO_CACHE"):
        folder = Path(chosen).expanduser()
    elif sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        folder = Path(local, "grok-video-tests", "Cache")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches" / "grok-video-tests"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base, "grok-video-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the lock ``name`` in the cache; waits for another process that holds it, and says so."""
    folder = cache_dir() / "locks"
    folder.mkdir(exist_ok=True)
    with open(folder / f"{name}.lock", "a+b") as handle:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            try:
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                say(_WAITING.format(name))
                while True:  # LK_LOCK gives up after 10 s
                    with contextlib.suppress(OSError):
                        msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                        break
            try:
                yield
            finally:
                handle.seek(0)
                msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(_WAITING.format(name))
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield  # closing the file lets go of the lock


def _outside() -> str:
    """The running Python, or the one that the virtual environment was made with in which it runs.

    From a ring's environment, or a person's, each of ours would be made a second time: a gigabyte for a wheel.
    """
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _candidates(minor: str) -> Iterator[list[str]]:
    """Commands that may start a Python such as '3.11', those that the person chose first."""
    # On Windows `py` knows what an installer has put down, for everybody too, and what is of the Store.
    for name, *words in ([f"python{minor}"], ["py", f"-{minor}"]):
        if found := shutil.which(name):
            yield [found, *words]
    told, home = os.environ, Path.home()
    local = Path(told.get("LOCALAPPDATA") or home / "AppData" / "Local")
    roaming = Path(told.get("APPDATA") or home / "AppData" / "Roaming")
    programs = Path(told.get("ProgramFiles") or "C:/Program Files")
    unix, windows = f"bin/python{minor}", "python.exe"
    version, of_uv = minor.replace(".", ""), f"cpython-{minor}*"
    for folder, pattern in (
        (Path(told.get("PYENV_ROOT") or home / ".pyenv"), f"versions/{minor}*/{unix}"),
        (home / ".pyenv" / "pyenv-win", f"versions/{minor}*/{windows}"),
        (home / ".local" / "share" / "uv" / "python", f"{of_uv}/{unix}"),
        (roaming / "uv", f"**/python/{of_uv}/{windows}"),
        (Path("/Library/Frameworks/Python.framework/Versions"), f"{minor}/{unix}"),
        (Path("/opt/homebrew"), unix),
        (Path("/usr/local"), unix),
        (local / "Programs" / "Python", f"Python{version}/{windows}"),
        (programs, f"Python{version}/{windows}"),
        (local / "Python", f"pythoncore-{minor}-*/{windows}"),
    ):
        yield from ([str(path)] for path in sorted(folder.glob(pattern), reverse=True))


def find_python(minor: str) -> str:
    """The path of a Python such as '3.11': the running one, or one on this machine, outside of environments.

    Raises Missing with what to install.
    """
    wanted = tuple(map(int, minor.split(".")))
    if sys.version_info[:2] == wanted:
        return _outside()
    # A pyenv shim is on the path although its Python may not be chosen: each candidate says what it is.
    question = f"import sys; print(sys.version_info[:2] == {wanted} and sys._base_executable)"
    for candidate in _candidates(minor):
        with contextlib.suppress(OSError):
            asked = subprocess.run(
                [*candidate, "-X", "utf8", "-c", question],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
            )
            if asked.returncode == 0 and (found := asked.stdout.strip()) != "False":
                return os.path.realpath(found)
    raise Missing(
        _PYTHON_MISSING.format(wanted=minor, whose=_WHOSE[minor], version=platform.python_version())
    )


def require_python() -> None:
    """Go on in Python 3.11, in UTF-8: starts the running script again in it, or leaves with a sentence."""
    _speak_utf8()
    if sys.version_info[:2] == (3, 11):
        return
    try:
        python = find_python(OLD_PYTHON)
    except Missing as missing:
        raise SystemExit(str(missing)) from None
    become([python, *sys.argv])


def _speak_utf8() -> None:
    """Print in UTF-8, here and in each Python that is started from here.

    On Windows a pipe has the code page of the person's language, which lacks most letters.
    """
    os.environ["PYTHONIOENCODING"] = "utf-8"
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def become(command: list[str], environment: Mapping[str, str] | None = None) -> NoReturn:
    """Run ``command`` in the place of this program, in that environment: its end is this one's, Ctrl+C is for it."""
    environment = os.environ if environment is None else environment
    if sys.platform == "win32":  # execve does not wait there, and takes arguments apart at blanks
        signal.signal(signal.SIGINT, lambda *_: None)
        raise SystemExit(subprocess.run(command, env=environment).returncode)
    os.execve(command[0], command, environment)


@dataclass(frozen=True)
class Download:
    """Something that came over the network for an environment or a system."""

    what: str
    megabytes: float  # what was transferred, as the tool that fetched it says
    seconds: float  # from the start of the download until the thing was ready for use


#: What this process fetched, oldest first.
DOWNLOADS: list[Download] = []


def downloaded(what: str, megabytes: float, seconds: float) -> None:
    """Remember a download and tell the person how large it was and how long it took."""
    DOWNLOADS.append(Download(what, megabytes, seconds))
    say(f"{what} is ready: {megabytes:.0f} MB downloaded, {seconds:.0f} s.")


#: How pip tells of a transfer; what it takes from its own cache, it says it is "Using".
PIP_DOWNLOADS = r"Downloading \S+ \(([\d.]+) (bytes|kB|MB|GB)\)"
_UNITS = {"bytes": 1e-6, "B": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


def megabytes(pattern: str, text: str) -> float:
    """The sum of the sizes in ``text``, in MB. ``pattern`` has two groups: a number and its unit."""
    found = re.findall(pattern, text)
    return sum(float(number.replace(",", "")) * _UNITS[unit] for number, unit in found)


def _requirements(relative: str) -> str:
    path = ROOT / relative
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise Missing(f"{relative} is not in this checkout.") from None


def environment(name: str, requirements: str, minor: str = OLD_PYTHON) -> Path:
    """The Python of the environment that holds ``requirements`` (pip's format); made when needed.

    ``minor`` is the Python it is made with. Raises Missing when it cannot be made, with pip's own words.
    """
    python = find_python(minor)
    made_from = f"{python}\n{platform.platform()}\n{requirements}"
    digest = hashlib.sha256(made_from.encode()).hexdigest()[:10]
    folder = cache_dir() / "venvs" / f"{name}-{digest}"
    marker = folder / "complete"
    inside = (
        folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"
    )
    if marker.exists():
        return inside
    with lock(folder.name):
        if marker.exists():
            return inside
        say(f"Setting up the environment {name} (once) …")
        start = time.monotonic()
        if folder.exists():
            shutil.rmtree(folder)  # an earlier run was interrupted in it
        folder.parent.mkdir(exist_ok=True)
        _make_venv(python, folder, minor)
        listed = folder / "requirements.txt"
        listed.write_text(requirements, "utf-8")
        told = _run([str(inside), "-m", "pip", "install", "--disable-pip-version-check",
                     "--progress-bar=off", "--no-color", "-r", str(listed)],
                    f"Could not install what the environment {name} needs")  # fmt: skip
        size = megabytes(PIP_DOWNLOADS, told)
        marker.touch()
        downloaded(f"The environment {name}", size, time.monotonic() - start)
    return inside


def _make_venv(python: str, folder: Path, minor: str) -> None:
    command, trouble = (
        [python, "-m", "venv", str(folder)],
        f"{python} cannot make a virtual environment",
    )
    try:
        _run(command, trouble)
    except Missing as missing:
        if not (can_apt() and "ensurepip" in str(missing)):
            raise
        # Debian splits venv off Python. As root on such a machine we can mend that ourselves.
        apt_install([f"python{minor}-venv"])
        shutil.rmtree(folder, ignore_errors=True)
        _run(command, trouble)


def _run(command: list[str], trouble: str) -> str:
    """What ``command`` printed. Raises Missing with that when it failed."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",  # of a program that is not ours
    )
    if done.returncode:
        raise Missing(f"{trouble}:\n{done.stdout.strip()}")
    return done.stdout


def can_apt() -> bool:
    """Whether packages of the system can be installed without asking: Debian or kin, as root."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str]) -> None:
    """Install Debian packages. Raises Missing with apt's own words, or with the command to type."""
    if not can_apt():
        raise Missing(f"Install these first: {' '.join(packages)} (Debian's names)")
    say(f"Installing {' '.join(packages)} …")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    with lock("apt"):
        _run([*apt, "update"], "apt-get update failed")
        _run([*apt, "install", "--no-install-recommends", *packages], "apt-get install failed")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


#: The `bpy` wheels from the oldest to the newest ('5.10' comes after '5.9').
VERSIONS = sorted(WHEELS, key=_numbers)
OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]


def python_of(version: str) -> str:
    """The Python, such as '3.11', that the `bpy` wheel of a Blender such as '4.2' is built for."""
    return NEW_PYTHON if _numbers(version) >= (5, 1) else OLD_PYTHON


def wheel_python(version: str) -> Path:
    """The Python of the environment with the `bpy` wheel of a Blender such as ``'4.2'``."""
    release = WHEELS[version]
    requirements = f"bpy=={release}\n{_requirements(_WHEEL_TESTS)}"
    return environment(f"bpy-{release}", requirements, python_of(version))


def newest_wheel() -> str:
    """The newest Blender whose wheel needs no other Python than the tools do."""
    return [version for version in VERSIONS if python_of(version) == OLD_PYTHON][-1]


def neighbour(version: str) -> str:
    """The wheel that tests put beside that of ``version``: one whose files it can open.

    It is the oldest, which the build needs anyway; 5.0 writes files that 4.2 cannot read.
    """
    return VERSIONS[1] if version == OLDEST else OLDEST


def tool_python(name: str) -> Path:
    """The Python of the environment for one of ``TOOLS``."""
    minor = NEW_PYTHON if name in _NEW_TOOLS else OLD_PYTHON
    return environment(name, _requirements(TOOLS[name]), minor)


def extension_tool() -> Path:
    """Blender's own extension tool, out of the oldest wheel: what that one accepts, all accept."""
    packages = wheel_python(OLDEST).parent.parent
    found = sorted(packages.rglob("bl_pkg/cli/blender_ext.py"))
    if not found:
        raise Missing(f"There is no blender_ext.py in the wheel of Blender {OLDEST}.")
    return found[0]

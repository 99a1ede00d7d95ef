"""The Python environments that the project's scripts and tests run in: found or made, and kept.

Owns where Python 3.11 is, the cache folder outside the checkout, and one virtual environment for each
purpose, named after what it is for and a hash of what it holds. Standard library only, and readable by
older Pythons as far as ``require_python()``: that is how they learn what is missing.

Two runs at once are safe: a lock in the cache guards each environment while it is made, and a marker
says that it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: The `bpy` wheels that tests run in: the minor version people say, and the release on PyPI.
WHEELS = {"4.2": "4.2.23", "4.5": "4.5.15", "5.0": "5.0.1"}

#: What each tool environment holds, relative to the checkout.
TOOLS = {
    "stand-in": "tests/stand_in/requirements.txt",
    "core": "tests/core/requirements.txt",
    "core-oldest": "tests/core/requirements-oldest.txt",
    "lint": "tests/requirements-lint.txt",
    "types-4.2": "tests/types/requirements-4.2.txt",
    "types-newest": "tests/types/requirements-newest.txt",
    "host": "tests/requirements-host.txt",  # tests that start other programs
}
_WHEEL_TESTS = "tests/blender/requirements.txt"

_PYTHON_MISSING = """\
Python 3.11 is needed (Blender's own) and was not found; this is Python {version}.
Install it, then run the command again:
  Debian, Ubuntu   sudo apt install python3.11 python3.11-venv
  Fedora           sudo dnf install python3.11
  macOS            brew install python@3.11
  Windows          winget install Python.Python.3.11
  anywhere         uv python install 3.11, or pyenv install 3.11"""


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
                say(f"Waiting for another run that sets up {name} …")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield  # closing the file lets go of the lock


def python311() -> str:
    """The path of a Python 3.11: the running one, or one on this machine.

    Raises Missing with what to install.
    """
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    candidates = [shutil.which("python3.11") or ""]
    candidates += [
        str(path)
        for root, pattern in (
            (Path.home() / ".pyenv" / "versions", "3.11*/bin/python3.11"),
            (Path.home() / ".local" / "share" / "uv" / "python", "cpython-3.11*/bin/python3.11"),
            (Path("/opt/homebrew/bin"), "python3.11"),
            (Path("/usr/local/bin"), "python3.11"),
            (
                Path(os.environ.get("LOCALAPPDATA") or "/nonexistent", "Programs", "Python"),
                "Python311/python.exe",
            ),
        )
        for path in sorted(root.glob(pattern), reverse=True)
    ]
    for candidate in filter(None, candidates):
        with contextlib.suppress(OSError):
            asked = subprocess.run(
                [candidate, "-c", "import sys; print(sys.version_info[:2] == (3, 11))"],
                capture_output=True,
                text=True,
            )
            if asked.stdout.strip() == "True":
                return candidate
    raise Missing(_PYTHON_MISSING.format(version=platform.python_version()))


def require_python() -> None:
    """Go on in Python 3.11: starts the running script again in it, or leaves with a sentence."""
    if sys.version_info[:2] == (3, 11):
        return
    try:
        python = python311()
    except Missing as missing:
        raise SystemExit(str(missing)) from None
    if sys.platform == "win32":  # execv does not wait there
        raise SystemExit(subprocess.run([python, *sys.argv]).returncode)
    os.execv(python, [python, *sys.argv])


def _requirements(relative: str) -> str:
    path = ROOT / relative
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise Missing(f"{relative} is not in this checkout.") from None


def environment(name: str, requirements: str) -> Path:
    """The Python of the environment that holds ``requirements`` (pip's format); made when needed.

    Raises Missing when it cannot be made, with pip's own words.
    """
    python = python311()
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
        if folder.exists():
            shutil.rmtree(folder)  # an earlier run was interrupted in it
        folder.parent.mkdir(exist_ok=True)
        _make_venv(python, folder)
        listed = folder / "requirements.txt"
        listed.write_text(requirements, "utf-8")
        _run([str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
              "-r", str(listed)], f"Could not install what the environment {name} needs")  # fmt: skip
        marker.touch()
    return inside


def _make_venv(python: str, folder: Path) -> None:
    made = subprocess.run([python, "-m", "venv", str(folder)], capture_output=True, text=True)
    if made.returncode and can_apt() and "ensurepip" in made.stdout + made.stderr:
        # Debian splits venv off Python. As root on such a machine we can mend that ourselves.
        apt_install(["python3.11-venv"])
        shutil.rmtree(folder, ignore_errors=True)
        made = subprocess.run([python, "-m", "venv", str(folder)], capture_output=True, text=True)
    if made.returncode:
        raise Missing(f"{python} cannot make a virtual environment:\n{made.stdout}{made.stderr}")


def _run(command: list[str], trouble: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Missing(f"{trouble}:\n{done.stdout.strip()}")


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


def wheel_python(version: str) -> Path:
    """The Python of the environment with the `bpy` wheel of a Blender such as ``'4.2'``."""
    release = WHEELS[version]
    return environment(f"bpy-{release}", f"bpy=={release}\n{_requirements(_WHEEL_TESTS)}")


def neighbour(version: str) -> str:
    """The wheel that tests put beside that of ``version``: one whose files it can open.

    It is the oldest, which the build needs anyway; 5.0 writes files that 4.2 cannot read.
    """
    oldest, next_one, *_ = sorted(WHEELS)
    return next_one if version == oldest else oldest


def tool_python(name: str) -> Path:
    """The Python of the environment for one of ``TOOLS``."""
    return environment(name, _requirements(TOOLS[name]))


def extension_tool() -> Path:
    """Blender's own extension tool, out of the oldest wheel: what that one accepts, all accept."""
    packages = wheel_python(min(WHEELS)).parent.parent
    found = sorted(packages.rglob("bl_pkg/cli/blender_ext.py"))
    if not found:
        raise Missing(f"There is no blender_ext.py in the wheel of Blender {min(WHEELS)}.")
    return found[0]

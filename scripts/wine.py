"""Windows under Wine: a Windows Python with what the tests need, and Windows Blender as a module, on Linux.

Owns the cached system with Wine, the Windows Python, and how a program is run in it. All of it comes from Debian
and from PyPI: the DLLs of the Windows build of CPython 3.11.9 lie in a wheel, ``python.exe`` is a line of C, and the
.py files are those of the Python 3.11 that runs the tests (see ``_python``). A run sees Wine's files as they were
set up and leaves none: what it writes there is in memory and goes with it, and so do its processes.

    python3 scripts/wine.py [5.0 | 4.2 …]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import debian
from environments import (
    OLD_PYTHON,
    PIP_DOWNLOADS,
    ROOT,
    VERSIONS,
    WHEELS,
    Missing,
    cache_dir,
    downloaded,
    find_python,
    lock,
    megabytes,
    python_of,
    require_python,
    say,
    tool_python,
)

#: The Debian whose Wine is taken: 10. Wine 8, of the Debian before, maps files wrongly: Blender reads no .blend there.
SUITE = "trixie"
#: The Blenders that a Windows Python 3.11 can be.
BLENDERS = [version for version in VERSIONS if python_of(version) == OLD_PYTHON]
_LISTS = ROOT / "tests" / "windows"
_COMPILER = ["gcc-mingw-w64-x86-64-win32"]
#: Of the standard library: what no test needs.
_UNUSED = ("site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "lib2to3", "config-*", "lib-dynload")  # fmt: skip

_PYTHON_C = """\
#include <wchar.h>
__declspec(dllimport) int Py_Main(int, wchar_t **);
int wmain(int argc, wchar_t **argv) { return Py_Main(argc, argv); }
"""
#: Makes, in a folder with python311.dll: python.exe, and python3.dll, the stable ABI, which hands on what the other has.
_COMPILE = r"""
set -e; cd "$0"
printf 'LIBRARY python311.dll\nEXPORTS\nPy_Main\n' > python.def
x86_64-w64-mingw32-dlltool -d python.def -l python.a
x86_64-w64-mingw32-gcc -O1 -municode -o python.exe python.c python.a
{ printf 'LIBRARY python3.dll\nEXPORTS\n'
  x86_64-w64-mingw32-objdump -p python311.dll \
    | awk '/\[Ordinal\/Name Pointer\] Table/ {on = 1} on && $NF ~ /^_?Py/ {print $NF " = python311." $NF}'
} > python3.def
x86_64-w64-mingw32-gcc -shared -nostdlib -Wl,--entry=0 -o python3.dll python3.def
rm python.def python.a python.c python3.def
"""

#: Each module of Windows must fit what it calls: one that lacks a name ends this with a traceback.
_IMPORT_ALL = """
import importlib, sys
for name in sorted(sys.stdlib_module_names - {"antigravity", "crypt", "idlelib", "lib2to3", "this"}):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        pass  # of other systems
print(sys.version)
"""

#: Where Wine's own files are, in its system, and what Wine is told.
_PREFIX = "wine"
_TOLD = [
    "env", "-u", "DISPLAY", "-u", "WAYLAND_DISPLAY", f"WINEPREFIX=/{_PREFIX}", "WINEARCH=win64", "WINEDEBUG=-all",
    "WINEDLLOVERRIDES=mscoree,mshtml=;winemenubuilder.exe=d", "HOME=/tmp", "LC_ALL=C.UTF-8",
    "XDG_RUNTIME_DIR=/tmp",
]  # fmt: skip
_LOADER = "/usr/lib/wine/wine64"


@dataclass(frozen=True, slots=True)
class Windows:
    """A Windows Python on this machine, for programs that work in the checkout."""

    python: Path  # its python.exe, as the host sees it

    @property
    def path(self) -> str:
        """The path of python.exe, as programs of Windows write it."""
        return "Z:" + str(self.python).replace("/", "\\")

    def command(self, *arguments: str) -> list[str]:
        """The command that runs it in the checkout.

        Its output must go into a pipe: CPython under Wine cannot write to a file that it is given as its output.
        """
        root = _folder() / SUITE
        prefix, memory = shlex.quote(f"{root}/{_PREFIX}"), shlex.quote(f"{root}/tmp")
        # What is written to the disk C: stays in memory; so does /tmp, where each run has a wineserver of its own.
        also = (
            f"mount -t tmpfs tmpfs {memory}; mkdir {memory}/upper {memory}/work; mount -t overlay overlay -o "
            f"lowerdir={prefix},upperdir={memory}/upper,workdir={memory}/work {prefix}"
        )
        # The shell waits for all that ends before it does, so the processor time of all is counted.
        shell = ["sh", "-c", f'cd "$0"; {_LOADER} "$@"; exit $?', str(ROOT)]
        return debian.enter(
            root,
            [*_TOLD, *shell, str(self.python), *arguments],
            [*_SYS, cache_dir(), ROOT],
            also=also,
            apart=True,
        )


#: Without it Wine 10 tells a wrong number of processors, and Blender starts hundreds of threads.
_SYS = [Path("/sys")]


def windows_python() -> Windows:
    """The Windows Python with what the tests need; set up when needed (minutes; 2.3 GB on disk).

    Raises Missing with what this machine lacks.
    """
    _system()
    python, packages = _list("requirements-python.txt"), _list("requirements.txt")

    def make(folder: Path) -> float:
        return _python(folder, python) + _install(packages, folder / "Lib" / "site-packages")

    made_of = f"{find_python(OLD_PYTHON)}\n{platform.platform()}\n{_COMPILE}\n{python}\n{packages}"
    return _made("python", made_of, make)


def windows_blender(version: str) -> Windows:
    """The same with the Blender ``version``, such as '5.0', as a module (0.6 GB more). Raises Missing."""
    python = windows_python()
    release = f"bpy=={WHEELS[version]} "
    pinned = [
        line for line in _list("requirements-bpy.txt").splitlines() if line.startswith(release)
    ]

    def make(folder: Path) -> float:
        shutil.copytree(python.python.parent, folder, copy_function=os.link)
        (folder / "complete").unlink()
        return _install("\n".join(pinned), folder / "Lib" / "site-packages")

    return _made(f"blender-{version}", f"{python.python.parent.name}\n{pinned}", make)


def _folder() -> Path:
    return cache_dir() / "wine"


def _list(name: str) -> str:
    try:
        return (ROOT / "tests" / "windows" / name).read_text("utf-8")
    except FileNotFoundError:
        raise Missing(f"tests/windows/{name} is not in this checkout.") from None


def _system() -> None:
    """Fetch the Debian with Wine when needed, and let Wine lay out its disk C:."""
    folder = _folder() / SUITE
    with lock(f"wine-{SUITE}"):
        if (folder / "complete").exists():
            return
        debian.require("Windows under Wine", "on Windows itself this ring needs neither.")
        if platform.machine() != "x86_64":
            raise Missing("Windows runs under Wine on x86-64 only.")
        say(f"Fetching Wine from Debian {SUITE} (once; minutes, 2 GB on disk) …")
        debian.fetch(SUITE, folder, ["wine", "wine64"], "Wine {}", _lay_out)


def _lay_out(root: Path) -> str:
    shell = f"{_LOADER} wineboot -i; wineserver -w; {_LOADER} --version | cut -d- -f2 > /version"
    debian.run(debian.enter(root, [*_TOLD, "sh", "-c", shell], _SYS, apart=True), root)
    return (root / "version").read_text("ascii").strip()


def _made(name: str, made_of: str, make: Callable[[Path], float]) -> Windows:
    """The Windows Python in the folder that ``make`` fills, unless it is there; it gives the MB it fetched."""
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:10]
    folder = _folder() / f"{name}-{digest}"
    windows = Windows(folder / "python.exe")
    with lock(f"wine-{folder.name}"):
        if (folder / "complete").exists():
            return windows
        say(f"Setting up Windows' {name} (once) …")
        start = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)  # an earlier run was interrupted in it
        size = make(folder)
        # A pipe, as for every program under Wine.
        tried = _said(windows.command("-c", _IMPORT_ALL))
        (folder / "complete").touch()
        downloaded(f"Windows' {name} {tried.split()[0]}", size, time.monotonic() - start)
    return windows


def _python(folder: Path, listed: str) -> float:
    """Windows CPython in ``folder``, without packages; gives the MB that were fetched.

    Its .py files are those of this machine's Python 3.11, of whichever 3.11.x that is: they are the same for every system,
    and what they ask of the modules in C stays the same within 3.11. ``_IMPORT_ALL`` tries it.
    """
    library = _said(
        [find_python(OLD_PYTHON), "-c", "import os; print(os.path.dirname(os.__file__))"]
    )
    shutil.copytree(library.strip(), folder / "Lib", ignore=shutil.ignore_patterns(*_UNUSED))
    _said([find_python(OLD_PYTHON), "-m", "compileall", "-q", str(folder / "Lib")])
    (folder / "DLLs").mkdir()
    wheels = folder / "wheels"
    size = _pip("download", listed, "--dest", wheels)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if place := _place(Path(name)):
                    (folder / place).write_bytes(archive.read(name))
    shutil.rmtree(wheels)
    (folder / "python.c").write_text(_PYTHON_C, "ascii")
    root = _folder() / SUITE
    with lock(f"wine-{SUITE}"):
        size += debian.install(root, _COMPILER)
        debian.run(debian.enter(root, ["sh", "-c", _COMPILE, str(folder)], [folder]), root)
        debian.purge(root, _COMPILER)  # 0.3 GB that nothing else needs
    return size


def _place(packed: Path) -> Path | None:
    """Where a file of the two wheels belongs in the folder of python.exe; None: nowhere."""
    if packed.parent.name == "Scripts" and packed.suffix == ".dll":  # the runtime of its compiler
        return Path(packed.name)
    if packed.parent.name != "deploy_libs":
        return None
    if packed.name == "python311.dll":
        return Path(packed.name)
    wanted = packed.suffix == ".pyd" and packed.stem != "_tkinter"  # its libraries are not there
    wanted |= packed.stem in (
        "libcrypto-3",
        "libffi-8",
        "libssl-3",
        "sqlite3",
    )
    return Path("DLLs", packed.name) if wanted else None


def _install(listed: str, packages: Path) -> float:
    """Install the wheels of a list in a Windows Python; gives the MB that were fetched. Raises Missing."""
    return _pip("install", listed, "--target", packages)


def _pip(verb: str, listed: str, option: str, folder: Path) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(listed)
        file.flush()
        told = _said([
            str(tool_python("host")), "-m", "pip", verb, "--disable-pip-version-check", "--progress-bar=off", "--no-color",
            "--platform=win_amd64", "--python-version=3.11", "--implementation=cp", "--only-binary=:all:", "--no-deps",
            "--require-hashes", "-r", file.name, option, str(folder),
        ])  # fmt: skip
    return megabytes(PIP_DOWNLOADS, told)


def _said(command: list[str]) -> str:
    """What a command printed. Raises Missing with that when it failed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise Missing(f"Windows under Wine cannot be set up here:\n{done.stdout.strip()}")
    return done.stdout


def main() -> None:
    """Set up the Windows Python and Blenders, and print where they are."""
    require_python()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("versions", nargs="*", metavar=" | ".join(BLENDERS), help="default: none")
    args = parser.parse_args()
    if unknown := set(args.versions) - set(BLENDERS):
        parser.error(f"no such Blender here: {' '.join(sorted(unknown))}")
    try:
        for windows in (windows_python(), *map(windows_blender, args.versions)):
            print(shlex.join(windows.command()))
    except Missing as missing:
        raise SystemExit(str(missing)) from None


if __name__ == "__main__":
    main()

"""Whose Python the scripts run in, on each system, and how they start again in it and print.

The Pythons of these tests are small files which say, as a Python would, which version they are of.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT)]

import blenders  # noqa: E402
import dev  # noqa: E402
import environments  # noqa: E402

from tests.patience import PATIENCE  # noqa: E402

#: Where somebody's Python 3.13 is, below the home folder; who put it there.
PLACES = {
    "pyenv": ".pyenv/versions/3.13.5/bin/python3.13",
    "pyenv on Windows": ".pyenv/pyenv-win/versions/3.13.5/python.exe",
    "uv": ".local/share/uv/python/cpython-3.13.5-macos-aarch64-none/bin/python3.13",
    "uv on Windows": "AppData/Roaming/uv/python/cpython-3.13.5-windows-x86_64-none/python.exe",
    "uv on Windows, as it says": "AppData/Roaming/uv/data/python/cpython-3.13.5-windows-x86_64-none/python.exe",
    "python.org, for one user": "AppData/Local/Programs/Python/Python313/python.exe",
    "python.org, for everybody": "Program Files/Python313/python.exe",
    "Windows' install manager": "AppData/Local/Python/pythoncore-3.13-64/python.exe",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person without any Python but the one that runs, and without a word about one in the environment."""
    for name in ("PATH", "HOME", "USERPROFILE", "ProgramFiles"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("ProgramFiles", str(tmp_path / "Program Files"))
    for name in ("LOCALAPPDATA", "APPDATA", "PYENV_ROOT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_python_is_looked_for_where_it_is_put(home: Path, place: str) -> None:
    there = home / place
    there.parent.mkdir(parents=True)
    there.touch()
    assert [str(there)] in list(environments._candidates("3.13"))


def program(path: Path, says: str) -> None:
    """A program that prints its arguments into ``said.txt``, and ``says``."""
    path.write_text(f'#!/bin/sh\necho "$*" > "{path}.said"\necho "{says}"\n', "utf-8")
    path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")
def test_the_launcher_of_windows_is_asked_by_its_own_words(home: Path) -> None:
    program(home / "py", f"{home}/é/python.exe")
    assert environments.find_python("3.13") == f"{os.path.realpath(home)}/é/python.exe"
    assert (home / "py.said").read_text("utf-8").startswith("-3.13 -X utf8 -c import sys;")


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")
def test_a_python_of_another_version_is_passed_over(home: Path) -> None:
    program(home / "python3.13", "False")
    program(home / "py", "/the/right/one")
    assert environments.find_python("3.13") == "/the/right/one"


# --------------------------------------------------------------------------------------- what Debian alone has


@pytest.mark.parametrize("system", ["win32", "darwin"])
@pytest.mark.parametrize("named", ["", "/Applications/Blender.app/Contents/MacOS/Blender"])
def test_windows_are_clicked_on_linux_alone(
    monkeypatch: pytest.MonkeyPatch, system: str, named: str
) -> None:
    """A ring says so, also where the person names a Blender: nothing of Debian's is asked for."""
    monkeypatch.setenv("BLENDER", named)
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(environments.Missing, match="on Linux alone"):
        blenders.window("5.2")


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_a_blender_of_ones_own_opens_on_every_system(
    home: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    program(home / "blender", "Blender 5.2.2 LTS")
    monkeypatch.setenv("BLENDER", str(home / "blender"))
    monkeypatch.setattr(sys, "platform", system)
    version, command = dev.in_a_window("5.2", ["a film.blend"])
    assert version == "5.2.2 LTS"
    assert command == [str(home / "blender"), "a film.blend", "--python", str(dev.START_UP)]


# --------------------------------------------------------------------------------- started again, and in which letters

AGAIN = "import sys; sys.path.insert(0, {scripts!r}); import environments\n"


def run(code: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run Python code that has ``environments``, on a machine whose pipes are not in UTF-8."""
    return subprocess.run(
        [sys.executable, "-c", AGAIN.format(scripts=str(ROOT / "scripts")) + code],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"} | environment,
        capture_output=True,
    )


def test_what_is_printed_has_every_letter() -> None:
    done = run(
        "environments.require_python(); print('──── Łódź')\n"
        "import subprocess; subprocess.run([sys.executable, '-c', 'print(chr(0x141))'])"
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.decode("utf-8").splitlines()) == sorted(["──── Łódź", "Ł"])


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_other_program_gets_its_words_and_gives_its_code(code: int) -> None:
    words = ["a blank", 'a "quote"', "--", ""]
    asked = f"import sys; print(ascii(sys.argv[1:]), flush=True); sys.exit({code})"
    done = run(f"environments.become([sys.executable, '-c', {asked!r}, *{words!r}])")
    assert done.stdout.decode().strip() == ascii(words)
    assert done.returncode == code


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill() there is no Ctrl+C")
def test_an_interruption_is_for_the_other_program() -> None:
    """Windows is asked for here by its name alone: what waits there for the other program leaves Ctrl+C to it."""
    asked = (
        "import os, signal, sys\n"
        "try:\n"
        "    os.kill(os.getppid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('tidied up', flush=True)\n"
        "    sys.exit(7)\n"
    )
    done = run(f"sys.platform = 'win32'; environments.become([sys.executable, '-c', {asked!r}])")
    assert done.stdout == b"tidied up\n"
    assert (done.returncode, done.stderr) == (7, b"")


@pytest.mark.parametrize("held", [True, False])
def test_whoever_waits_for_a_lock_says_so(tmp_path: Path, held: bool) -> None:
    """Another process holds it, or nobody does."""
    cache = {"GROK_VIDEO_CACHE": str(tmp_path)}
    take = (
        "with environments.lock('a-lock'):\n    print('held', flush=True)\n    sys.stdin.readline()"
    )
    code = AGAIN.format(scripts=str(ROOT / "scripts")) + take
    start = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(start, env=os.environ | cache, **pipes) as first:
        assert first.stdout
        assert first.stdin
        assert first.stderr
        assert first.stdout.readline().strip() == b"held"
        if not held:
            first.communicate(b"\n")
        with subprocess.Popen(start, env=os.environ | cache, **pipes) as second:
            assert second.stdout
            assert second.stderr
            guard = threading.Timer(PATIENCE, second.kill)
            guard.start()
            if held:
                assert b"Waiting for a-lock" in second.stderr.readline()
                first.communicate(b"\n")
            assert second.stdout.readline().strip() == b"held"
            guard.cancel()
            _, said = second.communicate(b"\n")
            assert not said

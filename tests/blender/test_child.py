"""A process that does one piece of work beside Blender: how its end is told, whom it comes after, what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .others import wait_for

Module = Callable[[str], ModuleType]
WINDOWS = sys.platform == "win32"
#: What a read at no address is called.
CRASH = "0xC0000005" if WINDOWS else "SIGSEGV"
#: The child waits for the end of its standard input.
WAITS = "import sys; sys.stdin.read()"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (1, "ended with an error (1)"),
        (255, "ended with an error (255)"),
        (0x40010004, "ended with an error (1073807364)"),  # a debugger's word: no error
        (0xC0000005, "crashed (0xC0000005)"),
        (0xC0000409, "crashed (0xC0000409)"),
        (0xE06D7363, "crashed (0xE06D7363)"),  # an exception of C++ that nobody took
        (-11, "crashed (SIGSEGV)"),
        (-200, "ended with an error (-200)"),
    ],
)
def test_how_a_process_ended(module: Module, code: int, told: str) -> None:
    assert module("blender.processes").how_it_ended(code) == told


@pytest.fixture
def piece(module: Module, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Begins a piece of work: a Python program in the place of a second Blender."""
    child = module("blender.sources.child")
    begun: list[Any] = []

    class Piece(child.Child):
        silent_seconds = 3600.0

        def _collect(self) -> str:
            return "made"

    def begin(program: str) -> Any:
        job = Piece(tmp_path / "out" / "a.mp4", "piece", 1)
        job._begin(lambda _file: {}, {})
        job._command = [sys.executable, "-c", program]
        begun.append(job)
        assert job.poll() is None
        return job

    yield begin
    for job in begun:
        job.cancel()


def end_of(module: Module, job: Any) -> str:
    """What the artist is told of a piece of work that ends without a file."""

    def failed() -> str:
        try:
            job.poll()
        except module("blender.refusal").Interrupted as error:
            return str(error)
        return ""

    return str(wait_for(failed, "the end of the child"))


def test_a_crash_is_told_as_the_system_tells_it(
    module: Module,
    piece: Callable[[str], Any],
    tmp_path: Path,
    left_in: Callable[[Path], list[Path]],
) -> None:
    """A real one: a process that reads where nothing is."""
    job = piece("import faulthandler; faulthandler._read_null()")
    assert f"Blender in the background crashed ({CRASH}). " in end_of(module, job)
    assert left_in(tmp_path / "out") == []


def test_a_folder_that_is_still_open_is_removed_with_the_next_one(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows keeps a folder in which a process that is ending works, be there anything in it or not."""
    room = module("blender.sources.private_folder")

    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError

    first = room.PrivateFolder(tmp_path)
    with monkeypatch.context() as held:
        held.setattr(os, "rmdir", refused)
        first.remove()
    assert first.path.is_dir()
    assert not any(first.path.iterdir())
    second = room.PrivateFolder(tmp_path)
    assert not first.path.exists()
    second.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not WINDOWS, reason="elsewhere the second Blender removes everything")
def test_an_empty_folder_is_somebodys_for_a_moment_only(module: Module, tmp_path: Path) -> None:
    room = module("blender.sources.private_folder")
    young, old = (tmp_path / f"{room.FOLDER_PREFIX}{name}" for name in ("young", "old"))
    young.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - 60, time.time() - 60))
    room.PrivateFolder(tmp_path).remove()
    assert list(tmp_path.iterdir()) == [young]


@pytest.fixture
def crashes(tmp_path: Path) -> Path:
    """A program to be started in the place of the extension's own."""
    program = tmp_path / "crashes.py"
    program.write_text("import faulthandler; faulthandler._read_null()", "utf-8")
    return program


def test_a_worker_that_crashes_is_told_alike(
    module: Module, crashes: Path, tmp_path: Path, patches: Any
) -> None:
    process, place = module("blender.session.worker_process"), module("ledger.place")
    patches.set(process, "PACKAGE_FOLDER", crashes, copies_ok="nothing is moved")
    worker = process.WorkerProcess(place.DataFolder(tmp_path / "data"), "s")

    def told() -> str:
        worker.look()
        return str(worker.trouble)

    worker.ensure(process.Account("http://127.0.0.1:9", "", "f", 5.0))
    assert wait_for(told, "the end of the worker").startswith(
        f"The background worker crashed ({CRASH}) and is started again. Its log is "
    )


def test_a_move_that_crashes_is_told_alike(
    module: Module, crashes: Path, tmp_path: Path, patches: Any
) -> None:
    process = module("blender.session.move_process")
    patches.set(process, "PACKAGE_FOLDER", crashes, copies_ok="no worker is started")
    move = process.MoveProcess(tmp_path / "old", tmp_path / "new")
    wait_for(move.look, "the end of the move")
    words = f"The move of the job list crashed ({CRASH}). Nothing is lost, and the list is whole."
    assert (move.ended, move.failed) == ("", words)


@pytest.mark.skipif(
    not WINDOWS, reason="elsewhere a process is nice: tests/blender/test_background.py"
)
def test_the_child_comes_after_the_artists_blender(
    piece: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wine 10 gives no process the class that its start asks for: there only the asking is seen."""
    import ctypes

    below = subprocess.BELOW_NORMAL_PRIORITY_CLASS
    asked: list[int] = []
    start = subprocess._winapi.CreateProcess

    def starts(*given: Any) -> Any:
        asked.append(given[5])
        return start(*given)

    def class_of(process: Any) -> int:
        handle = ctypes.c_void_p(int(process._handle))
        return int(ctypes.windll.kernel32.GetPriorityClass(handle))

    with subprocess.Popen(
        [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, creationflags=below
    ) as plain:
        heeded = class_of(plain)
    monkeypatch.setattr(subprocess._winapi, "CreateProcess", starts)
    job = piece(WAITS)
    (flags,) = asked
    assert flags & below
    assert flags & subprocess.CREATE_NO_WINDOW
    assert class_of(job._process) == heeded
    assert heeded in (below, subprocess.NORMAL_PRIORITY_CLASS)


def test_a_report_that_cannot_be_read_just_now_is_read_later(
    module: Module, piece: Callable[[str], Any]
) -> None:
    """As on Windows, where a scanner may have it to itself for a moment."""
    job = piece(WAITS)
    report = job._folder / "report"
    report.mkdir()
    assert job.poll() is None
    report.rmdir()
    report.write_bytes(b"1\n")
    assert job.poll() is None
    assert job.progress == (1, 1)


# ------------------------------------------------------------------------------------------ what is left in its folder


@pytest.fixture
def private_folder(module: Module) -> ModuleType:
    return module("blender.sources.private_folder")


def swept(private_folder: ModuleType, folder: Path) -> bool:
    """Whether the next start removes a folder."""
    private_folder.PrivateFolder(folder.parent).remove()
    return not folder.exists()


def test_another_blenders_folder_is_left_alone(private_folder: ModuleType, tmp_path: Path) -> None:
    """From the moment it is there, with whatever is in it."""
    mine = private_folder.PrivateFolder(tmp_path / "out")
    assert not swept(private_folder, mine.path)
    (mine.path / "edit.blend").write_bytes(b"BLENDER")
    assert not swept(private_folder, mine.path)
    assert (mine.path / "edit.blend").exists()
    mine.remove()
    just_made = tmp_path / "out" / f"{private_folder.FOLDER_PREFIX}1"
    just_made.mkdir()
    assert not swept(private_folder, just_made)


@pytest.mark.parametrize("inside", ["log", "textures/result.mp4"])
def test_what_a_child_leaves_whose_blender_is_gone(
    private_folder: ModuleType, tmp_path: Path, inside: str
) -> None:
    """On Windows the next start after the child's end removes it, elsewhere one a day later."""
    folder = tmp_path / "out" / f"{private_folder.FOLDER_PREFIX}1"
    (folder / inside).parent.mkdir(parents=True)
    (folder / "report").write_bytes(b"1\n")
    with open(folder / inside, "wb") as file:
        child = subprocess.Popen([sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=file)
    try:
        assert not swept(private_folder, folder)
        assert (folder / "report").exists()  # nothing of a folder goes before all of it can
    finally:
        child.communicate()
    assert swept(private_folder, folder) == WINDOWS
    if not WINDOWS:
        os.utime(folder, (0, time.time() - private_folder.STALE_SECONDS - 10.0))
        assert swept(private_folder, folder)

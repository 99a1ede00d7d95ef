"""A file is written whole or not at all, and nothing is left beside it: planted failures at every step."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from grok_video.core import files
from grok_video.core.files import (
    INSIDE,
    begin_anew,
    default_data_dir,
    is_writable,
    make_private,
    new_folder,
    sync_file,
    write_whole,
)
from grok_video.ledger import inbox
from grok_video.ledger.inbox import put_command
from tests.core.conftest import wait_for
from tests.patching import Patches
from tests.patience import PATIENCE
from tests.posix import posix

POSIX = posix("Windows has no such modes")
OLD, NEW = b"what was there before\n" * 100, b"what comes\n" * 200


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with something in it, alone in its folder."""
    path = tmp_path / "a.json"
    path.write_bytes(OLD)
    return path


def alone(path: Path) -> bool:
    """Whether nothing is left beside a file."""
    return os.listdir(path.parent) == [path.name]


def write(path: Path, *, durable: bool = True, private: bool = True, patience: float = 0.0) -> None:
    write_whole(path, NEW, durable=durable, private=private, patience=patience)


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("private", [True, False])
def test_a_file_holds_what_was_written(path: Path, durable: bool, private: bool) -> None:
    write(path, durable=durable, private=private)
    assert path.read_bytes() == NEW
    path.unlink()
    write(path, durable=durable, private=private)  # where there was none
    assert path.read_bytes() == NEW
    assert alone(path)


@POSIX
def test_a_private_file_is_for_its_user_alone(path: Path) -> None:
    """From its first moment, and where a crash left a part that others may read."""
    part = path.with_name("a.json.part")
    part.write_bytes(b"half")
    os.chmod(part, 0o644)
    before = os.umask(0o022)
    try:
        write(path, private=True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        write(path, private=False)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    finally:
        os.umask(before)
    assert alone(path)


def failing(error: BaseException) -> Callable[..., Any]:
    def fails(*_: Any) -> Any:
        raise error

    return fails


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_failure_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: OSError | KeyboardInterrupt
) -> None:
    monkeypatch.setattr(os, step, failing(error))
    with pytest.raises(type(error)):
        write(path)
    assert path.read_bytes() == OLD
    assert alone(path)


@POSIX
@pytest.mark.parametrize("written", [0, 7, len(NEW) - 1])
def test_a_full_disk_leaves_what_was_there(path: Path, written: int) -> None:
    """A real failure in the middle of the data: no file of this process may grow any longer."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == OLD
    assert alone(path)


def test_a_folder_that_is_gone(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(path.parent / "gone" / "a.json")
    assert not (path.parent / "gone").exists()


def test_what_is_in_the_way_is_not_ours_to_remove(path: Path) -> None:
    (path.parent / "a.json.part").mkdir()
    with pytest.raises(OSError, match=r"a\.json\.part"):
        write(path)
    assert path.read_bytes() == OLD
    assert (path.parent / "a.json.part").is_dir()


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_to_outlive_a_power_cut_is_on_the_disk_first(
    path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    """All of it, before the old file goes, then its new name. Blender's process never waits for the disk."""
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(number: int) -> None:
        told = os.fstat(number)
        folders = {path.parent.stat().st_ino: "folder", path.parent.parent.stat().st_ino: "above"}
        assert told.st_ino in folders or told.st_size == len(NEW)
        sync(number)
        done.append(folders.get(told.st_ino, "synced"))

    def replaced(part: Path, place: Path) -> None:
        replace(part, place)
        done.append("replaced")

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write(path, durable=durable)
    folders = [] if sys.platform == "win32" else ["folder", "above"]
    assert done == (["synced", "replaced", *folders] if durable else ["replaced"])


@POSIX
@pytest.mark.parametrize("code", ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EACCES", "EPERM"])
@pytest.mark.parametrize("step", ["open", "fsync"])
def test_a_folder_that_cannot_be_synced_is_no_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: str
) -> None:
    """As on file systems of networks and FUSE, and where a folder may be entered and not read."""
    on_folders(monkeypatch, step, getattr(errno, code))
    write(path)
    assert path.read_bytes() == NEW
    assert alone(path)
    sync_file(path)


@POSIX
@pytest.mark.parametrize("code", ["EIO", "ENOSPC", "EROFS"])
def test_a_disk_that_fails_at_a_folder_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    on_folders(monkeypatch, "fsync", getattr(errno, code))
    for tried in (lambda: write(path), lambda: sync_file(path)):
        with pytest.raises(OSError, match=os.strerror(getattr(errno, code))):
            tried()
    assert alone(path)


def on_folders(monkeypatch: pytest.MonkeyPatch, step: str, code: int) -> None:
    """Let a call of the system fail for folders."""
    real = getattr(os, step)

    def fails(what: Any, *rest: Any) -> Any:
        folder = stat.S_ISDIR(os.fstat(what).st_mode) if step == "fsync" else os.path.isdir(what)
        if folder:
            raise OSError(code, os.strerror(code))
        return real(what, *rest)

    monkeypatch.setattr(os, step, fails)


@POSIX
def test_what_is_no_file_is_not_waited_for(path: Path) -> None:
    """A pipe that nobody writes into, a folder, a device; what is gone is said."""
    os.mkfifo(path.with_name("pipe"))
    for what in (path.with_name("pipe"), path.parent, Path(os.devnull)):
        sync_file(what)
    with pytest.raises(FileNotFoundError):
        sync_file(path.with_name("gone"))


@POSIX
def test_a_file_that_may_only_be_read_is_synced(path: Path) -> None:
    os.chmod(path, 0o400)
    sync_file(path)


class Scanner:
    """A scanner of Windows that holds a file for so long; it and the program have a clock of their own."""

    def __init__(self, patches: Patches, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.now = 1000.0
        self._until = self.now + seconds
        self._replace = os.replace
        patches.set(files, "_OVER_IN_A_MOMENT", True)
        monkeypatch.setattr(os, "replace", self.replace)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def replace(self, part: Path, place: Path) -> None:
        if self.now < self._until:
            raise PermissionError(errno.EACCES, "in use", str(place))
        self._replace(part, place)


@pytest.mark.parametrize(
    ("held", "patience"), [(0.004, 0.25), (0.1, 0.25), (0.249, 0.25), (4.9, 5.0)]
)
def test_a_scanner_is_waited_for(
    path: Path, patches: Patches, monkeypatch: pytest.MonkeyPatch, held: float, patience: float
) -> None:
    scanner = Scanner(patches, monkeypatch, held)
    write(path, patience=patience)
    assert path.read_bytes() == NEW
    assert held <= scanner.now - 1000.0 <= min(2 * held + 0.005, held + 0.1)
    assert alone(path)


@pytest.mark.parametrize("patience", [0.0, 0.25, 5.0])
def test_a_scanner_is_not_waited_for_longer_than_said(
    path: Path, patches: Patches, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    scanner = Scanner(patches, monkeypatch, 60.0)
    with pytest.raises(PermissionError):
        write(path, patience=patience)
    assert patience <= scanner.now - 1000.0 <= patience + 0.001
    assert path.read_bytes() == OLD
    assert alone(path)


@pytest.mark.skipif(sys.platform != "win32", reason="rights of Windows")
@pytest.mark.parametrize(("below", "mode"), [("Grok Video", 0o777), ("../films/list", 0o700)])
def test_a_data_folder_in_the_profile_inherits_its_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, mode: int
) -> None:
    """Python 3.11.10 and later give by 0o700 rights that belong to administrators where one made the folder."""
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    made: list[int] = []
    mkdir = os.mkdir

    def noted(path: str, mode: int = 0o777) -> None:
        made.append(mode)
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", noted)
    folder = Path(os.path.normpath(default_data_dir().parent / below))
    make_private(folder)
    assert folder.is_dir()
    assert made[-1] == mode  # the folders above it come with the mode that inherits
    assert INSIDE == 0o777


class Slept(BaseException):
    """The program has waited where nothing gets better by it."""


@POSIX
def test_a_refusal_of_rights_comes_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "replace", failing(PermissionError(errno.EPERM, "no right")))
    monkeypatch.setattr(time, "sleep", failing(Slept()))
    with pytest.raises(PermissionError):
        write(path, patience=files.WORKERS_PATIENCE)
    assert path.read_bytes() == OLD
    assert alone(path)


@pytest.mark.parametrize("which", ["a.json", "a.json.part"])
def test_a_file_that_somebody_has_open(
    path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """The real thing: on Windows a file that is open is not renamed, and no file takes its place."""
    replace, tries = os.replace, 0
    opened: list[BinaryIO] = []

    def replaced(part: Path, place: Path) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            opened.append(open(path.with_name(which), "rb"))  # noqa: SIM115
        if tries == 3:
            opened.pop().close()
        replace(part, place)

    monkeypatch.setattr(os, "replace", replaced)
    write(path, patience=PATIENCE)
    assert path.read_bytes() == NEW
    assert alone(path)
    assert tries == (3 if sys.platform == "win32" else 1)
    assert [file.close() for file in opened] == ([] if sys.platform == "win32" else [None])


#: Opens each new file of a folder for 5 ms, as a scanner does. Arguments: the folder; the file where it says which.
SCANS = """
import os, sys, time
folder, told = sys.argv[1:]
seen = set()
with open(told, "w", buffering=1) as met:
    print("looks", file=met)
    while True:
        for name in os.listdir(folder):
            if name not in seen:
                try:
                    file = open(os.path.join(folder, name), "rb")
                except OSError:
                    continue
                seen.add(name)
                with file:
                    time.sleep(0.005)
                print(name, file=met)
        time.sleep(0)
"""


def test_no_click_fails_by_a_scanner(tmp_path: Path, patches: Patches) -> None:
    """200 clicks, and on Windows until ten of them have met the scanner in the moment that matters."""
    folder, told = tmp_path / "inbox", tmp_path / "told"
    folder.mkdir()
    # Of a machine that has a dozen other things to do.
    patches.set(inbox, "BLENDERS_PATIENCE", PATIENCE, copies_ok="the job log is no click")
    scanner = subprocess.Popen([sys.executable, "-c", SCANS, folder, told])

    def met() -> list[str]:
        return told.read_text("ascii").split() if told.exists() else []

    try:
        wait_for(met, "the scanner")
        clicks = in_time = 0
        while clicks < 200 or (sys.platform == "win32" and in_time < 10):
            name = f"{put_command(tmp_path, 'check')}.command"
            clicks += 1
            wait_for(lambda: name in met(), "the scanner to look for the next file")  # noqa: B023
            in_time += f"{name}.part" in met()
            assert os.listdir(folder) == [name]
            (folder / name).unlink()
    finally:
        scanner.kill()
        scanner.wait()


# ----------------------------------------------------------------------------------------- where nothing may be written


class ManyTries(BaseException):
    """Names are tried again and again: with ``tempfile`` on Windows two billion of them."""


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what a system refused to make that lets nothing be made."""
    asked: list[str] = []

    def refuses(name: str | Path, *_: Any) -> Any:
        asked.append(os.fspath(name))
        if len(asked) > 3:
            raise ManyTries
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)

    monkeypatch.setattr(os, "open", refuses)
    monkeypatch.setattr(os, "mkdir", refuses)
    return asked


def test_one_name_tells_that_nothing_may_be_written(tmp_path: Path, refused: list[str]) -> None:
    assert not is_writable(tmp_path)
    assert len(refused) == 1
    with pytest.raises(PermissionError):
        new_folder(tmp_path, ".mine-")
    assert len(refused) == 2
    with pytest.raises(PermissionError):
        begin_anew(tmp_path / "a.part", private=True)
    assert len(refused) == 3
    assert {Path(name).parent for name in refused} == {tmp_path}


def test_where_files_may_be_made(path: Path) -> None:
    """What is made to see that is gone, whatever else is asked for: a folder that is none, one that is not there."""
    assert is_writable(path.parent)
    assert alone(path)
    assert not is_writable(path)
    assert not is_writable(path.parent / "gone")


def test_a_folder_has_a_name_of_its_own(tmp_path: Path) -> None:
    made = {new_folder(tmp_path, ".mine-") for _ in range(20)}
    assert len(made) == 20
    assert set(tmp_path.iterdir()) == made
    assert all(folder.is_dir() and folder.name.startswith(".mine-") for folder in made)
    if sys.platform != "win32":
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in made} == {0o700}
    with pytest.raises(FileNotFoundError):
        new_folder(tmp_path / "gone", ".mine-")

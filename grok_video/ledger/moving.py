"""The list of clips, moved to another folder as a whole: copied, checked, and only then bought from there.

Owns the order of the steps, by which a process that is killed at any moment leaves one list that can be bought from:
the old one until its ``moved.json`` is on the disk, from then on the new one. Until it may be used the new one has
``arriving.json`` beside it, and each that may not be used is fenced against versions that know no notes. Nothing is ever
merged. Pictures to be sent and clips stay where they are: jobs name them by their whole paths.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing
from enum import StrEnum
from pathlib import Path

from ..core.files import (
    INSIDE,
    WORKERS_PATIENCE,
    begin_anew,
    is_of_the_system,
    make_private,
    open_own,
    replace_patiently,
    size_of,
    sync,
    sync_file,
    sync_folder,
    sync_name,
)
from ..core.spec import new_id
from .errors import LedgerElsewhere, LedgerError, LedgerInUse
from .inbox import holds_commands
from .journal import LIMITS_NAME
from .ledger import Ledger
from .locks import FileLock, wait_for
from .place import holds_list
from .reader import Tail, limits_of
from .schema import FENCED, FILE_NAME, SCHEMA_VERSION, stored_text, uri
from .whereabouts import (
    ARRIVING,
    MOVED,
    STAYS,
    Note,
    at_work,
    elsewhere,
    list_folder,
    note_in,
    write_note,
)

#: Seconds in which workers that were told to leave do so.
LEAVING = 10.0
_PAGES = 256  # of the ledger, copied between two looks at whether to stop
_PART = f"{FILE_NAME}.part"
_COPIED = (".jsonl", ".http", ".damaged")  # of the files in ``jobs/``

#: Is told how much is done, and of how much; raises to stop the move.
Progress = Callable[[int, int], None]


class Moved(StrEnum):
    """What became of a wish for another folder."""

    MOVED = "MOVED"  # the list is in the new folder
    OPENED = "OPENED"  # the new folder had a list already, which is to be opened as it is
    EMPTY = "EMPTY"  # neither folder had a list


def move(source: Path, target: Path, progress: Progress) -> Moved:
    """Let the list of ``source`` be the list of ``target``, or find that ``target`` has one of its own.

    Raises LedgerError with a sentence, and what ``progress`` raises: then the list is where it was.
    """
    _refuse_place(source, target)
    with _complaining(source):
        if elsewhere(source):
            return _after(source, target)
        if not holds_list(source):
            if holds_commands(source):
                raise LedgerInUse(_WAITING)
            with _locked(target):
                return Moved.OPENED if _has_own(target, source) else Moved.EMPTY
        _wait_for_workers(source)
    with _locked(source), closing(Ledger.opened(source)) as old:
        _refuse_open(old)
        with _locked(target):
            return Moved.OPENED if _has_own(target, source) else _move(old, target, progress)


# ------------------------------------------------------------------------------------------------- what refuses

_WAITING = f"{STAYS} what you asked for last is not in the list yet. Try again in a moment."
_IN_USE = (
    f"{STAYS} another Blender, or its background worker, is using it. Wait half a minute after its last clip, or "
    "close the other Blender, and try again."
)


def _refuse_place(source: Path, target: Path) -> None:
    """Refuse a folder in which a list cannot lie beside the old one."""
    if not target.is_absolute():
        raise LedgerError(f"{STAYS} “{target}” is not a whole path.")
    if _is_same(source, target):
        raise LedgerError(f"{STAYS} {target} is its folder already.")
    if _is_inside(source, target) or _is_inside(target, source):
        raise LedgerError(f"{STAYS} one of the two folders lies inside of the other, {target}.")
    if os.path.lexists(target) and not target.is_dir():
        raise LedgerError(f"{STAYS} {target} is no folder.")


def _refuse_open(old: Ledger) -> None:
    """Refuse to leave a list in which something is open, or that somebody has open."""
    if words := at_work(old.jobs()):
        raise LedgerInUse(words)
    if holds_commands(old.data_dir):
        raise LedgerInUse(_WAITING)
    if _in_use(old.data_dir):
        raise LedgerInUse(_IN_USE)


def _in_use(data_dir: Path) -> bool:
    for path in (data_dir / "workers").glob("[!.]*.lock"):  # see ``is_of_the_system``
        lock = FileLock.take(path)
        if lock is None:
            return True
        lock.release()
    return False


def _wait_for_workers(data_dir: Path) -> None:
    deadline = time.monotonic() + LEAVING
    while _in_use(data_dir):
        if time.monotonic() > deadline:
            raise LedgerInUse(_IN_USE)
        time.sleep(0.05)


def _trouble(folder: Path, error: OSError | sqlite3.Error) -> LedgerError:
    why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return LedgerError(f"{STAYS} {folder} cannot be used: {why}.")


@contextlib.contextmanager
def _complaining(target: Path) -> Generator[None]:
    """Turn what the disk says into a sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _trouble(target, error) from error


@contextlib.contextmanager
def _locked(data_dir: Path) -> Generator[None]:
    """Keep every process from opening the list of a folder, which is made; what its disk says becomes a sentence."""
    with _complaining(data_dir):
        make_private(data_dir)
        for name in ("inbox", "workers", "jobs", "stills", "clips"):
            (data_dir / name).mkdir(mode=INSIDE, exist_ok=True)
        lock = wait_for(data_dir / "opening.lock")
        try:
            yield
        finally:
            lock.release()


# ------------------------------------------------------------------------------------------------- the new folder


def _has_own(target: Path, source: Path) -> bool:
    """Whether ``target`` has a list of its own that can be opened; else there is room for another one."""
    if arriving := note_in(target, ARRIVING):
        _settle(target, arriving)
    if words := elsewhere(target):  # the list that was here
        if not _is_same(list_folder(target), source):
            raise LedgerElsewhere(f"{STAYS} {words}")
        return False
    if not holds_list(target):
        return False
    Ledger.opened(target).close()  # a newer list, or one that is broken and in use, says so
    return True


def _settle(target: Path, arriving: Note) -> None:
    """End a move that was killed: by the note of the folder that it came from the list is here, or is there."""
    before = Path(arriving.folder)
    if not arriving.folder or not holds_list(before):
        raise LedgerElsewhere(elsewhere(target))
    moved = note_in(before, MOVED)
    if moved is not None and moved.move == arriving.move:
        _let_in(target)
        return
    # Not removed: should the list there be another one by now, made in the place of that which was moved, this is the
    # last copy.
    _set_aside(target)
    (target / ARRIVING).unlink()
    sync_folder(target)


def _is_same(one: str | Path, other: Path) -> bool:
    """Whether two paths lead to one folder. A volume may know no capitals, and ``realpath`` keeps those that are typed."""
    if not one:  # no note tells
        return False
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of the two is not there
        return _real(one) == _real(other)


def _is_inside(path: Path, folder: Path) -> bool:
    return any(_is_same(parent, folder) for parent in _real(path).parents)


def _real(path: str | Path) -> Path:
    return Path(os.path.normcase(os.path.realpath(path)))


def _clear(target: Path) -> None:
    """Remove what a move has brought that this process gives up; the note last, which says that all this is a copy."""
    for name in (FILE_NAME, _PART, f"{_PART}-journal", LIMITS_NAME):
        (target / name).unlink(missing_ok=True)
    for path in (target / "jobs").iterdir():
        if _is_copied(path.name):
            path.unlink()
    (target / ARRIVING).unlink(missing_ok=True)
    sync_folder(target)


def _set_aside(target: Path) -> None:
    """Put by what is left of a list that had moved away, or of a move that was killed."""
    stamp = f"before-{time.strftime('%Y%m%d-%H%M%S')}-{new_id()[:4]}"
    for name in (FILE_NAME, LIMITS_NAME, "jobs"):
        path = target / name
        if path.exists():
            replace_patiently(path, target / f"{name}.{stamp}", WORKERS_PATIENCE)
    (target / "jobs").mkdir(mode=INSIDE)
    journal = target / f"{FILE_NAME}-journal"
    if size_of(journal):
        replace_patiently(journal, target / f"{FILE_NAME}.{stamp}-journal", WORKERS_PATIENCE)
    if holds_commands(target):  # said to the list that had left: limits of long ago would count now
        replace_patiently(target / "inbox", target / f"inbox.{stamp}", WORKERS_PATIENCE)
        (target / "inbox").mkdir(mode=INSIDE)


# ------------------------------------------------------------------------------------------------- the move


def _move(old: Ledger, target: Path, progress: Progress) -> Moved:
    source, step, has_room = old.data_dir, new_id(), False
    try:
        with old.transaction():  # no process writes into the list before the end
            _refuse_open(old)
            with _complaining(target):
                write_note(target, ARRIVING, source, step)
                if (target / MOVED).exists():
                    _set_aside(target)
                has_room = True  # what lay there before may be the last copy of a list
                _copy(old, target, progress)
            _refuse_open(
                old
            )  # another Blender may have been told something since, which nobody would hear
            old.connection.execute(f"PRAGMA user_version={FENCED}")
    except BaseException:
        with contextlib.suppress(OSError):  # left with its note: the next move clears the rest
            if has_room:
                _clear(target)
        raise
    old.close()
    try:
        write_note(source, MOVED, target, step)
    except OSError as error:
        (source / MOVED).unlink(missing_ok=True)  # there perhaps, and not sure to stay
        _unfence(source)
        _clear(target)
        raise _trouble(source, error) from error
    _let_in(target)
    return Moved.MOVED


def _after(source: Path, target: Path) -> Moved:
    """The list of ``source`` is elsewhere: finish its move, or open a list in the place of it."""
    if not holds_list(target):  # a disk that is not there just now: nothing is made in its place
        raise LedgerElsewhere(elsewhere(source))
    with _locked(target):
        arriving, moved = note_in(target, ARRIVING), note_in(source, MOVED)
        if arriving is not None and moved is not None and arriving.move == moved.move != "":
            _let_in(target)
        if not elsewhere(target):
            Ledger.opened(target).close()
            return Moved.MOVED if _is_same(list_folder(source), target) else Moved.OPENED
    raise LedgerElsewhere(elsewhere(source))


def _let_in(target: Path) -> None:
    """Let the list be used that has come into ``target``."""
    try:
        _unfence(target)
        for name in (MOVED, ARRIVING):  # one by one: with MOVED alone no folder would have the list
            (target / name).unlink(missing_ok=True)
            sync_folder(target)
    except (OSError, sqlite3.Error) as error:
        raise LedgerElsewhere(
            f"The job list was moved to {target}, and cannot be opened there: {error}. Choose that folder again."
        ) from error


def _unfence(data_dir: Path) -> None:
    with closing(sqlite3.connect(uri(data_dir / FILE_NAME, "rw"), uri=True)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _is_copied(name: str) -> bool:
    return Path(name).suffix in _COPIED and not is_of_the_system(name)


def _copy(old: Ledger, target: Path, progress: Progress) -> None:
    source = old.data_dir
    with os.scandir(source / "jobs") as entries:
        files = [
            (source / "jobs" / entry.name, target / "jobs" / entry.name)
            for entry in entries
            if _is_copied(entry.name) and entry.is_file(follow_symlinks=False)
        ]
    if (source / LIMITS_NAME).exists():
        files.append((source / LIMITS_NAME, target / LIMITS_NAME))
    else:
        (target / LIMITS_NAME).unlink(missing_ok=True)  # of a list that was deleted
    _copy_ledger(old, target, lambda: progress(0, len(files)))
    for number, (path, its_copy) in enumerate(files, 1):
        progress(number, len(files))
        _copy_file(path, its_copy)
    for folder in (target / "jobs", target):
        sync_name(folder / FILE_NAME)


def _copy_ledger(old: Ledger, target: Path, look: Callable[[], None]) -> None:
    """Copy the ledger by SQLite's backup and compare the copy; it gets its name fenced."""
    part = target / _PART

    def looked(_status: int, _left: int, _of: int) -> None:
        look()

    # Of a move that was killed, or of a list that was deleted: SQLite would take it up.
    for name in (_PART, FILE_NAME):
        (target / f"{name}-journal").unlink(missing_ok=True)
    begin_anew(part, private=True).close()
    # The connection of the transaction cannot be copied from while it writes.
    with (
        closing(sqlite3.connect(uri(old.data_dir / FILE_NAME, "ro"), uri=True)) as reading,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        reading.backup(copy, pages=_PAGES, progress=looked)
        _compare(old, copy)
        copy.execute(f"PRAGMA user_version={FENCED}")
    sync_file(part)
    replace_patiently(part, target / FILE_NAME, WORKERS_PATIENCE)
    sync_name(target / FILE_NAME)


def _compare(old: Ledger, copy: sqlite3.Connection) -> None:
    """Raise LedgerError where a copy is not what was copied: whole, with the same jobs, events, limits and sum."""
    copy.text_factory = stored_text
    (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    tail = Tail()
    tail.read(copy, -1)
    ours, theirs = old.jobs(), list(tail.in_order().values())
    counts = [
        connection.execute("SELECT count(*), max(n) FROM events").fetchone()
        for connection in (old.connection, copy)
    ]
    same = ours == theirs and sum(job.spent for job in ours) == sum(job.spent for job in theirs)
    if verdict != "ok" or not same or counts[0] != counts[1] or limits_of(copy) != old.limits():
        raise LedgerError(f"{STAYS} the copy that was made is not the same as the list.")


def _copy_file(path: Path, target: Path) -> None:
    """Copy one file and let it be on the disk; its name is synced later. Raises OSError."""
    with open_own(path, "rb") as given, begin_anew(target, private=True) as file:
        shutil.copyfileobj(given, file)
        file.flush()
        sync(file.fileno())
        if file.tell() != os.fstat(given.fileno()).st_size:
            raise OSError(0, "a copy is not as long as the file", str(target))

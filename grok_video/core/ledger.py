"""The ledger: one durable file for jobs and events, shared by every Blender and worker of one user.

Owns the data folder (``ledger.sqlite3``, ``inbox/``, ``workers/``, ``jobs/<id>.jsonl``), the schema, the leases
and slots that count over all workers, and what a command from Blender does to a job. It must not know HTTP,
clips or Blender. Everything raises ``LedgerError`` with a sentence for an artist, never a bare sqlite3 error.

SQLite runs with ``journal_mode=TRUNCATE`` and ``synchronous=FULL``: WAL fails on network homes.
Nobody opens the database except through SQLite: any other open and close in a process drops its locks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import os
import re
import shutil
import sqlite3
import stat
import sys
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, cast
from urllib.parse import quote

from . import job as job_module
from . import money
from .job import (
    MONEY_EVENTS,
    AnswerLost,
    Created,
    Done,
    Downloaded,
    Event,
    Held,
    IllegalTransition,
    ImportClaimed,
    Imported,
    ImportReleased,
    Job,
    JobSpec,
    Kind,
    LocalFailed,
    NotCharged,
    NotSent,
    Problem,
    ProblemCode,
    Progress,
    Released,
    Retried,
    Sending,
    State,
    StopRequested,
    SubmitStarted,
    Submitted,
    Unrecognised,
    apply,
    from_payload,
    job_from_payload,
    job_to_payload,
    new_id,
    problem_from_payload,
    spec_from_payload,
    to_payload,
)
from .money import LARGEST_LIMIT, Limits

SCHEMA_VERSION = 1
FILE_NAME = "ledger.sqlite3"
LIMITS_NAME = "limits.json"  # the twin of the spending limits

#: Answers that say *later*: nothing was started, so the one POST of a job is free again (docs/safety.md, rule 2).
LATER_STATUS = frozenset({425, 429})

#: Came after the first ledgers were made: added to those that lack it.
_LIMITS_SCHEMA = """
CREATE TABLE IF NOT EXISTS limits(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS events(
    n INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL,
    kind TEXT NOT NULL, payload TEXT NOT NULL, worker TEXT NOT NULL DEFAULT '', UNIQUE(job, seq));
CREATE INDEX IF NOT EXISTS spending ON events(at, job) WHERE kind = 'submit_started';
CREATE TABLE IF NOT EXISTS jobs(
    id TEXT PRIMARY KEY, first INTEGER NOT NULL, n INTEGER NOT NULL UNIQUE,
    fold TEXT NOT NULL, snapshot TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS posts(job TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TRIGGER IF NOT EXISTS one_post AFTER INSERT ON events WHEN NEW.kind = 'sending'
    BEGIN INSERT INTO posts(job, at) VALUES (NEW.job, NEW.at); END;
CREATE TRIGGER IF NOT EXISTS post_refuted AFTER INSERT ON events WHEN NEW.kind = 'not_sent'
    AND json_extract(NEW.payload, '$.problem.http_status') IN (425, 429)
    BEGIN DELETE FROM posts WHERE job = NEW.job; END;
CREATE TABLE IF NOT EXISTS leases(
    job TEXT PRIMARY KEY, worker TEXT NOT NULL, crashes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS workers(id TEXT PRIMARY KEY, session TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS slots(account TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS slots_by_account ON slots(account, at);
CREATE TABLE IF NOT EXISTS commands(id TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS notices(
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, payload TEXT NOT NULL);
{_LIMITS_SCHEMA};
"""

#: Snapshots of another fold are ignored and folded anew: the events decide, never the shortcut.
_FOLD = hashlib.blake2b(Path(job_module.__file__).read_bytes(), digest_size=8).hexdigest()
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_KIND = re.compile(r"[a-z_]{1,64}")
_NOTICES_KEPT = 32
#: Under which every Blender is told that the ledger was rebuilt, until somebody says that it was heard.
REBUILT = "rebuilt"
#: Seconds of locks without a pause before Blender says that the ledger is locked.
LOCKED_AFTER = 10.0
_NOT_NOW = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN}
#: Not the disk's, a lock's or a permission's doing: the file itself is no ledger any more.
_BROKEN = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_ERROR,  # a table that is gone, a format that there is not
}
#: Events that end the count of workers that died with a job.
_PROOFS = (Progress, Submitted, Done, Downloaded, LocalFailed)


class LedgerError(Exception):
    """A sentence for an artist. The ledger is as it was before."""


class LedgerNewer(LedgerError):
    """A newer version of the extension wrote this ledger: it may be read, not written."""


class LedgerDamaged(LedgerError):
    """The file is no ledger any more and another Blender still uses it."""


class LedgerUnwritable(LedgerError):
    """Full, read-only or locked: nothing is lost, the same call may work later."""


class StaleJob(LedgerError):
    """The job has moved on since it was read: look again."""


class LimitReached(LedgerError):
    """The job would pass a spending limit: ``problem`` says so to the artist."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class LeaseLost(LedgerError):
    """Another worker drives this job."""


class NoFile(OSError):
    """A pipe, a folder, a device, or too long: nothing that this program has written."""


class CommandRefused(LedgerError):
    """The file in the inbox says nothing that can be done."""


def default_data_dir() -> Path:
    """The user's data folder of the system: it outlives Blender versions and the extension."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "Grok Video"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Grok Video"
    # The XDG specification tells to ignore a relative path.
    given = os.environ.get("XDG_DATA_HOME", "")
    return (
        Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"
    ) / "grok_video"


_LONGEST_COMMAND = 1 << 20  # bytes
_LONGEST_LIMITS = 1 << 16
_LONGEST_TWIN = 64 << 20


def read_file(path: Path, most: int) -> bytes:
    """What is in a file of at most ``most`` bytes. Raises NoFile for anything else, OSError.

    Opening a pipe waits until somebody writes into it, and a device may never end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise NoFile(errno.EINVAL, "it is no file", str(path))
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NoFile(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


_said_at = 0
_saying = threading.Lock()


def _later() -> int:
    """Wall time in ns, after that of every command before: a clock ticks coarsely, and may be set back.

    Commands are applied by it: a *stop* must never come before its *submit*.
    """
    global _said_at
    with _saying:
        _said_at = max(time.time_ns(), _said_at + 1)
        return _said_at


def put_command(data_dir: Path, command: str, **fields: Any) -> str:
    """Say something to the worker; returns the command's id. Quick and without a sync: for the UI thread.

    A ``spec`` may be a JobSpec, a ``problem`` a Problem. Raises OSError when the folder cannot be written.
    """
    command_id = new_id()
    for name, value in fields.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields[name] = dataclasses.asdict(value)
    text = json.dumps({"id": command_id, "command": command, "at": _later(), **fields})
    inbox = Path(data_dir) / "inbox"
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = inbox / f"{command_id}.tmp"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    os.replace(temporary, inbox / f"{command_id}.json")
    return command_id


# ------------------------------------------------------------------------------------------------- OS locks


class FileLock:
    """An exclusive lock of the system on a file, held until ``release`` or the end of the process.

    Measured under SIGSTOP and SIGKILL: only a dead holder's lock is free. POSIX drops a process's locks on
    any close of the file, so a process never opens the lock file that it holds a second time.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self._path = path

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """The lock, or None when somebody else holds it. Raises OSError when the file cannot be made."""
        while True:
            file = open(path, "a+b")  # noqa: SIM115 - lives as long as the lock
            if not _lock(file):
                file.close()
                return None
            try:
                same = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
            except FileNotFoundError:
                same = False  # a cleaner took it for a dead worker's between open and lock
            if same:
                return cls(file, path)
            file.close()

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back. ``remove`` also deletes the file."""
        if remove:
            with contextlib.suppress(OSError):  # Windows: an open file stays until it is closed
                self._path.unlink()
        self._file.close()
        if remove:
            with contextlib.suppress(OSError):
                self._path.unlink()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True


# ------------------------------------------------------------------------------------------ reading the jobs


class _Tail:
    """The jobs as far as they were read: each changed job is one row, read once."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        #: Ids that whoever owns this has not taken note of yet; a read that breaks off keeps them.
        self.changed: set[str] = set()
        self._first: dict[str, int] = {}
        self._n = 0

    def read(self, connection: sqlite3.Connection, limit: int, deadline: float = math.inf) -> bool:
        """Take in changed jobs, oldest change first; False when none was left.

        At most ``limit`` (-1: all), and none more after ``deadline`` (of ``time.perf_counter``) but the first.
        """
        rows = connection.execute(
            "SELECT id, first, n, fold, snapshot FROM jobs WHERE n > ? ORDER BY n LIMIT ?",
            (self._n, limit),
        ).fetchall()
        for job_id, first, n, fold, snapshot in rows:
            if not (isinstance(job_id, str) and type(first) is type(n) is int):
                raise _damage("a job's row")
            job = _from_snapshot(snapshot) if fold == _FOLD else None
            job = job or _refold(connection, job_id)
            if job is not None:
                self.put(job, first, n)
            self._n = n
            if time.perf_counter() >= deadline:
                break
        return bool(rows)

    def put(self, job: Job, first: int, n: int) -> None:
        """``job`` is what its events up to row ``n`` make; its first event is row ``first``."""
        self.jobs[job.id] = job
        self.changed.add(job.id)
        self._first[job.id] = first
        self._n = max(self._n, n)

    def first(self, job_id: str) -> int:
        """Row of the job's first event: the order in which jobs were made."""
        return self._first[job_id]

    def in_order(self) -> dict[str, Job]:
        """All jobs, oldest first."""
        return {i: self.jobs[i] for i in sorted(self.jobs, key=self._first.__getitem__)}


def _from_snapshot(text: str) -> Job | None:
    try:
        return job_from_payload(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # folded anew from the events


def _refold(connection: sqlite3.Connection, job_id: str) -> Job | None:
    rows = connection.execute(
        "SELECT kind, payload, at FROM events WHERE job = ? ORDER BY seq", (job_id,)
    )
    job: Job | None = None
    for kind, payload, at in rows.fetchall():
        job = _fold(job, kind, payload, at)
        if job is None:
            return None
    return job


def _fold(job: Job | None, kind: Any, payload: Any, at: Any) -> Job | None:
    """One stored event more. What cannot be understood is kept: the job is then shown, not driven."""
    values = _object(payload)
    if not (isinstance(kind, str) and isinstance(at, float)):
        raise _damage("an event's row")
    try:
        return apply(job, from_payload(kind, values), at)
    except ValueError:  # not an event of this version, not allowed in that state
        return job and apply(job, Unrecognised(kind, {}), at)


def _limits_of(connection: sqlite3.Connection) -> Limits:
    """The spending limits on record; none in a ledger of before there were any."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'limits'").fetchone():
        return Limits()
    values = dict(connection.execute("SELECT name, value FROM limits").fetchall())
    return Limits(
        values.get("day", 0), values.get("month", 0), bool(values.get("count_loopback", 0))
    )


def _object(text: Any) -> dict[str, Any]:
    """The JSON object that was stored. Raises sqlite3.DatabaseError: nobody stores anything else."""
    try:
        data = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damage("stored JSON") from error
    if not isinstance(data, dict):
        raise _damage("stored JSON")
    return data  # pyright: ignore[reportUnknownVariableType]


def _damage(what: str) -> sqlite3.DatabaseError:
    """SQLite has no checksums: what it reads well may be noise all the same."""
    error = sqlite3.DatabaseError(f"{what} cannot be read")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _ascii(data: bytes) -> str:
    """Text as it was stored, all of it ASCII. Raises sqlite3.DatabaseError."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise _damage("stored text") from None


def _uri(path: Path, mode: str) -> str:
    text = path.absolute().as_posix()
    return f"file://{'' if text.startswith('/') else '/'}{quote(text, safe='/:')}?mode={mode}"


def _main_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


class LedgerReader:
    """What Blender's timer reads. It never waits, never writes and never raises on a bad ledger.

    BUSY, a killed writer's journal (READONLY_ROLLBACK) and a missing file mean *next time*; it says so when
    that goes on and on.
    """

    def __init__(self, data_dir: Path) -> None:
        self.jobs: Mapping[str, Job] = MappingProxyType({})
        self.notices: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
        self.limits = Limits()
        self.trouble = ""
        self.damaged = False  # a worker would rebuild it
        self.missed = False  # the last refresh met a lock: what it could not read is still unheard
        self._missed_since = math.inf
        self._path = Path(data_dir) / FILE_NAME
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # (device, inode) of what is open
        self._tail = _Tail()
        self._notice = 0
        self._version = -1
        self._unread = True
        self._space_due = 0.0

    @property
    def behind(self) -> bool:
        """Whether the last ``refresh`` stopped for its budget with more to read."""
        return self._connection is not None and self._unread

    def refresh(self, budget: float) -> bool:
        """Read what is new for at most about ``budget`` seconds; True when jobs, notices or limits changed."""
        deadline = time.perf_counter() + budget
        before = (self.jobs, self.notices, self.trouble, self.limits)
        self.missed = False
        try:
            self._refresh(deadline)
        except sqlite3.Error as error:
            self._failed(error)
        except OSError as error:
            self.trouble = f"The folder of Grok Video's ledger cannot be read: {error.strerror}."
        self._look_for_locks()
        jobs, notices, *others = before
        changed = [self.trouble, self.limits] != others
        return self.jobs is not jobs or self.notices is not notices or changed

    def _failed(self, error: sqlite3.Error) -> None:
        code = _main_code(error)
        if code in _NOT_NOW or code == sqlite3.SQLITE_READONLY:
            self.missed = True
            return
        self.close()
        if self.trouble == _NEWER:
            return  # it may hold what this version cannot read
        self.damaged = code in _BROKEN
        self.trouble = (
            _DAMAGED
            if self.damaged
            else f"The list of clips (Grok Video's ledger) cannot be read: {error}."
        )

    def _look_for_locks(self) -> None:
        now = time.monotonic()
        self._missed_since = min(self._missed_since, now) if self.missed else math.inf
        if now - self._missed_since > LOCKED_AFTER:
            self.trouble = _LOCKED
        elif self.trouble == _LOCKED and not self.missed:
            self.trouble = ""

    def _refresh(self, deadline: float) -> None:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            self.close()
            return
        if self._file != (found.st_dev, found.st_ino):
            self.close()  # the worker set a damaged file aside
        if self._connection is None:
            self._connection = sqlite3.connect(
                _uri(self._path, "ro"), uri=True, timeout=0, isolation_level=None
            )
            self._connection.text_factory = _ascii
            self._file = (found.st_dev, found.st_ino)
            self._tail, self._notice, self._version, self._unread = _Tail(), 0, -1, True
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            (schema,) = self._connection.execute("PRAGMA user_version").fetchone()
            self._unread = schema > 0  # 0: the worker is just making it
            self._version = version
            standing = _DAMAGED if self.damaged else ""
            self.trouble = _NEWER if schema > SCHEMA_VERSION else standing
        self._look_for_space()
        if self._unread:
            self._read(self._connection, deadline)
        if self.damaged and not self._unread:  # all of it could be read
            self.damaged, self.trouble = False, ""

    def _read(self, connection: sqlite3.Connection, deadline: float) -> None:
        self.limits = _limits_of(connection)
        try:
            while self._tail.read(connection, 8, deadline):
                if time.perf_counter() >= deadline:
                    break
            else:
                self._unread = False
        finally:
            # A BUSY between two reads must not hide what the first one brought.
            if self._tail.changed:
                self._tail.changed.clear()
                self.jobs = MappingProxyType(self._tail.in_order())
        rows = connection.execute(
            "SELECT n, id, payload FROM notices WHERE n > ? ORDER BY n", (self._notice,)
        ).fetchall()
        if rows:
            notices = {**self.notices, **{row[1]: _object(row[2]) for row in rows}}
            kept = list(notices)[-_NOTICES_KEPT:]
            self.notices = MappingProxyType({key: notices[key] for key in kept})
            self._notice = rows[-1][0]

    def _look_for_space(self) -> None:
        """A full disk stops the worker's writes, so the ledger itself cannot say it."""
        if time.monotonic() < self._space_due or self.trouble == _NEWER or self.damaged:
            return
        self._space_due = time.monotonic() + 10.0
        self.trouble = ""
        if not all(os.access(path, os.W_OK) for path in (self._path.parent, self._path)):
            self.trouble = (
                "Grok Video's ledger or its folder cannot be written. Nothing is lost; allow "
                "writing there and the jobs go on."
            )
        elif shutil.disk_usage(self._path.parent).free < 4 << 20:
            self.trouble = (
                "The disk with Grok Video's ledger is full. Nothing is lost; free some space and "
                "the jobs go on."
            )

    def close(self) -> None:
        """Close the file; the jobs read so far stay. ``refresh`` opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._file = None


_DAMAGED = (
    "The list of clips (Grok Video's ledger) is damaged. Nothing is bought again; it is rebuilt from its copies "
    "as soon as no other Blender uses it."
)
_LOCKED = (
    "The list of clips (Grok Video's ledger) is locked by another program, or may not be opened. Nothing is "
    "lost; the jobs go on when it is free."
)
_NEWER = (
    "The list of clips was written by a newer version of Grok Video: it is shown, but only that version "
    "can go on with it. Update the extension in this Blender."
)


# ------------------------------------------------------------------------------------------ the worker's side


class Ledger:
    """Read and write: for the worker and for tests. One connection; its threads may share it."""

    def __init__(
        self, data_dir: Path, connection: sqlite3.Connection, lock: FileLock | None
    ) -> None:
        self.data_dir = data_dir
        self.rebuilt = False  # opening found a damaged file and rebuilt it
        self.twin_trouble = ""  # why a readable copy could not be written the last time
        self._connection = connection
        self._own = lock
        self._guard = threading.RLock()
        self._tail = _Tail()
        self._version = -1
        self._pending: dict[str, tuple[Job, int, int]] = {}
        self._twins: list[tuple[str, int, str, str]] = []  # job, seq, kind, line, until the commit

    # -- opening

    @classmethod
    def open(cls, data_dir: Path, *, worker: str = "", session: str = "") -> Ledger:
        """Open the ledger, making or mending it. With a ``worker`` id its lock is held until ``close``.

        Raises LedgerNewer, LedgerDamaged or LedgerUnwritable.
        """
        data_dir = Path(data_dir)
        try:
            for folder in ("", "inbox", "workers", "jobs", "stills", "clips"):
                (data_dir / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock.take(data_dir / "workers" / f"{worker}.lock") if worker else None
        except OSError as error:
            raise LedgerUnwritable(_unwritable(data_dir, error.strerror or "")) from error
        if worker and lock is None:
            raise LedgerUnwritable("Another worker with the same id is running.")
        ledger = None
        try:
            opening = _wait_for(data_dir / "opening.lock")
            try:
                ledger = cls._open(data_dir, lock, worker)
            finally:
                opening.release()
            if worker:
                ledger._register(worker, session)
        except BaseException:
            if ledger is not None:
                ledger.close()
            elif lock is not None:
                lock.release(remove=True)
            raise
        return ledger

    @classmethod
    def _open(cls, data_dir: Path, lock: FileLock | None, worker: str) -> Ledger:
        path = data_dir / FILE_NAME
        damaged: Path | None = None
        for last_try in (False, True):
            connection: sqlite3.Connection | None = None
            try:
                connection = sqlite3.connect(
                    _uri(path, "rwc"),
                    uri=True,
                    timeout=30.0,
                    isolation_level=None,
                    check_same_thread=False,
                )
                connection.text_factory = _ascii
                (schema,) = connection.execute("PRAGMA user_version").fetchone()
                if schema > SCHEMA_VERSION:
                    connection.close()
                    raise LedgerNewer(_NEWER)
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    raise _damage(verdict)
                connection.execute("PRAGMA journal_mode=TRUNCATE")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("PRAGMA fullfsync=ON")
                ledger = cls(data_dir, connection, lock)
                if schema < SCHEMA_VERSION:
                    connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
                    # A ledger that is gone altogether is one that was damaged. The version comes last,
                    # with the jobs: whoever is killed before has made nothing.
                    ledger._rebuild(damaged)
                elif not connection.execute(
                    "SELECT 1 FROM sqlite_master WHERE name = 'limits'"
                ).fetchone():
                    ledger._add_limits()
                ledger._tail.read(connection, -1)
                return ledger
            except sqlite3.Error as error:
                if connection is not None:
                    connection.close()
                # Full, read-only or locked is no damage: left in place and said.
                if _main_code(error) not in _BROKEN or last_try:
                    raise LedgerUnwritable(_unwritable(data_dir, str(error))) from error
                damaged = _set_aside(data_dir, worker)
        raise AssertionError("unreachable")

    def _register(self, worker: str, session: str) -> None:
        with self._transaction():
            known = [row[0] for row in self._connection.execute("SELECT id FROM workers")]
            leased = {row[0] for row in self._connection.execute("SELECT worker FROM leases")}
            for other in known:
                if other != worker and other not in leased and not self.alive(other):
                    self._connection.execute("DELETE FROM workers WHERE id = ?", (other,))
                    for suffix in (".lock", ".ready"):
                        with contextlib.suppress(
                            OSError
                        ):  # only litter; the next worker tries again
                            (self.data_dir / "workers" / f"{other}{suffix}").unlink()
            self._connection.execute(
                "INSERT OR REPLACE INTO workers(id, session) VALUES (?, ?)", (worker, session)
            )

    def close(self) -> None:
        """Give everything back: the connection, then the lock that says *alive*."""
        with self._guard:
            self._connection.close()
            if self._own is not None:
                self._own.release(remove=True)
                self._own = None

    # -- reading

    def refresh(self) -> list[Job]:
        """The jobs that changed since the last call, by anybody, oldest first."""
        with self._guard, self._errors():
            self._pull()
            changed = [self._tail.jobs[job_id] for job_id in self._tail.changed]
            self._tail.changed.clear()
            return sorted(changed, key=lambda job: self._tail.first(job.id))

    def job(self, job_id: str) -> Job | None:
        """The job as it is now."""
        with self._guard, self._errors():
            self._pull()
            return self._job(job_id)

    def jobs(self) -> list[Job]:
        """All jobs, oldest first."""
        with self._guard, self._errors():
            self._pull()
            return list(self._tail.in_order().values())

    def events(self, job_id: str) -> list[tuple[Event, float]]:
        """What happened to the job, with wall times, oldest first."""
        with self._guard, self._errors():
            rows = self._connection.execute(
                "SELECT kind, payload, at FROM events WHERE job = ? ORDER BY seq", (job_id,)
            ).fetchall()
        return [(from_payload(kind, json.loads(payload)), at) for kind, payload, at in rows]

    def spent(self, account: str, since: float) -> int:
        """Ticks that the account's jobs submitted since that wall time cost, or may cost yet."""
        with self._guard, self._errors():
            self._pull()
            return money.spent(self._tail.jobs.values(), account, since)

    def limits(self) -> Limits:
        """The spending limits as they are now."""
        with self._guard, self._errors():
            return _limits_of(self._connection)

    def refusal(self, job: Job, now: float) -> Problem | None:
        """Why the limits would refuse to let ``job`` be submitted; ``append`` asks again, for good."""
        with self._guard, self._errors():
            self._pull()
            return self._over(job, job.spec.estimate, now)

    # -- writing

    def append(
        self,
        job_id: str,
        expected_seq: int | None,
        event: Event,
        *,
        worker: str = "",
        at: float | None = None,
    ) -> Job:
        """Store ``event`` durably and return the job after it.

        ``expected_seq`` is the ``seq`` of the job that the decision was made on (0: no job yet, None: any).
        With a ``worker`` its lease is checked. *Submit started* reserves the job's cost and is where the
        spending limits hold, over all processes. Raises StaleJob, LeaseLost, LimitReached,
        IllegalTransition or LedgerUnwritable; nothing has happened then.
        """
        with self._transaction():
            if worker and self._holder(job_id) != worker:
                raise LeaseLost(f"Another worker goes on with job {job_id[:8]}.")
            job = self._job(job_id)
            if expected_seq is not None and expected_seq != (job.seq if job else 0):
                raise StaleJob(f"Job {job_id[:8]} has changed meanwhile.")
            at = time.time() if at is None else at
            if isinstance(event, SubmitStarted) and job is not None:
                unknown = job.spec.estimate is None
                if problem := self._over(job, None if unknown else event.reserved, at):
                    raise LimitReached(problem)
                # Days and months never go back, so each of them is full only once.
                at = money.not_before(at, self._tail.jobs.values())
            return self._append(job_id, event, worker, at)

    def take_slot(self, account: str, now: float, gap: float, per_minute: int) -> float:
        """Leave to call the API once: 0 when granted, else the seconds to wait before asking again.

        Counts over all workers by wall time. A clock that was set back waits about a second, not an hour:
        the slots on record are moved to at most 1 s ahead of ``now``.
        """
        with self._transaction():
            execute = self._connection.execute
            (newest,) = execute(
                "SELECT max(at) FROM slots WHERE account = ?", (account,)
            ).fetchone()
            if newest is None:
                execute("INSERT INTO slots(account, at) VALUES (?, ?)", (account, now))
                return 0.0
            if newest > now + 1.0:
                execute(
                    "UPDATE slots SET at = at - ? WHERE account = ?", (newest - now - 1.0, account)
                )
                newest = now + 1.0
            row = execute(
                "SELECT at FROM slots WHERE account = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
                (account, per_minute - 1),
            ).fetchone()
            due = max(newest + gap, row[0] + 60.0 if row else 0.0)
            if due > now:
                return due - now
            execute("DELETE FROM slots WHERE account = ? AND at < ?", (account, now - 120.0))
            execute("INSERT INTO slots(account, at) VALUES (?, ?)", (account, now))
            return 0.0

    def notice(self, key: str, payload: Mapping[str, Any]) -> None:
        """Tell every Blender something under a key, such as the answer to a command. Few are kept."""
        with self._transaction():
            self._notice(key, payload)

    # -- leases

    def alive(self, worker: str) -> bool:
        """Whether a worker lives: whether its lock is held. Our own is never probed (see FileLock)."""
        path = self.data_dir / "workers" / f"{worker}.lock"
        if self._own is not None and path == self._own._path:  # pyright: ignore[reportPrivateUsage]
            return True
        if not path.exists():
            return False
        try:
            lock = FileLock.take(path)
        except OSError:
            return False
        if lock is None:
            return True
        lock.release()
        return False

    def session_alive(self, session: str) -> bool:
        """Whether any living worker belongs to that Blender session."""
        with self._guard, self._errors():
            rows = self._connection.execute(
                "SELECT id FROM workers WHERE session = ?", (session,)
            ).fetchall()
        return any(self.alive(row[0]) for row in rows)

    def lease(self, job_id: str, worker: str) -> int | None:
        """Take the job for ``worker``; None when a living worker has it.

        Returns how many workers died with this job since it last came forward.
        """
        with self._transaction():
            row = self._connection.execute(
                "SELECT worker, crashes FROM leases WHERE job = ?", (job_id,)
            ).fetchone()
            holder, crashes = row or ("", 0)
            if holder == worker:
                return crashes
            if holder:
                if self.alive(holder):
                    return None
                crashes += 1
            self._connection.execute(
                "INSERT OR REPLACE INTO leases(job, worker, crashes) VALUES (?, ?, ?)",
                (job_id, worker, crashes),
            )
            return crashes

    def taken(self, worker: str) -> set[str]:
        """The jobs that other living workers drive."""
        with self._guard, self._errors():
            rows = self._connection.execute(
                "SELECT worker, job FROM leases WHERE worker NOT IN ('', ?)", (worker,)
            ).fetchall()
        alive = {other: self.alive(other) for other in {row[0] for row in rows}}
        return {job for other, job in rows if alive[other]}

    def release(self, worker: str, job_id: str = "") -> None:
        """Give back one job, or all of a worker that leaves in order."""
        with self._transaction():
            self._connection.execute(
                "UPDATE leases SET worker = '' WHERE worker = ? AND (job = ? OR ? = '')",
                (worker, job_id, job_id),
            )
            if not job_id:
                self._connection.execute("DELETE FROM workers WHERE id = ?", (worker,))

    def _holder(self, job_id: str) -> str:
        row = self._connection.execute(
            "SELECT worker FROM leases WHERE job = ?", (job_id,)
        ).fetchone()
        return row[0] if row else ""

    # -- the inbox

    def inbox(self) -> list[tuple[Path, dict[str, Any]]]:
        """The commands that wait, oldest first. Files that say nothing go to ``inbox/bad``."""
        folder = self.data_dir / "inbox"
        found: list[tuple[int, Path, dict[str, Any]]] = []
        try:
            names = [entry.name for entry in os.scandir(folder) if entry.name.endswith(".json")]
        except OSError:
            return []  # made again by whoever speaks next
        for name in names:
            path = folder / name
            try:
                if not path.exists() and path.is_symlink():
                    raise ValueError("leads nowhere")
                data = json.loads(read_file(path, _LONGEST_COMMAND))
                if not isinstance(data, dict):
                    raise ValueError("not an object")
                command: dict[str, Any] = data  # pyright: ignore[reportUnknownVariableType]
                command_id = command.get("id")
                if not (isinstance(command_id, str) and _ID.fullmatch(command_id)):
                    raise ValueError("without an id")
                if not isinstance(command.get("command"), str):
                    raise ValueError("without a command")
                at = command.get("at")
                found.append((at if isinstance(at, int) else 0, path, command))
            except FileNotFoundError:
                continue  # another worker applied it
            except (NoFile, ValueError, RecursionError):
                self.set_aside(path)
            except OSError:
                continue  # Windows: a scanner has it open; the next look finds it
        return [(path, command) for _, path, command in sorted(found, key=lambda item: item[:2])]

    def set_aside(self, path: Path) -> None:
        """Move a command that cannot be read out of the way, for whoever looks into it."""
        bad = path.parent / "bad"
        with contextlib.suppress(OSError):  # another worker did it, or a scanner has it: next look
            bad.mkdir(mode=0o700, exist_ok=True)
            os.replace(path, bad / path.name)

    def apply(self, command: Mapping[str, Any]) -> None:
        """Do what a command says, once. Raises CommandRefused when its text makes no sense.

        A command that comes too late (a stop of a finished job) is answered by a notice and is no error.
        """
        with self._transaction():
            now = time.time()
            fresh = self._connection.execute(
                "INSERT OR IGNORE INTO commands(id, at) VALUES (?, ?)", (command["id"], now)
            )
            if fresh.rowcount == 0:
                return
            if command.get("command") == "heard":  # that the ledger was rebuilt
                self._notice(REBUILT, {})
                return
            try:
                if command.get("command") == "limits":
                    self._set_limits(command)
                    self._notice(command["id"], {"ok": True, "message": ""})
                    return
                for job_id, event in self._meaning(command):
                    self._append(job_id, event, "", now)
            except IllegalTransition as error:
                self._notice(command["id"], {"ok": False, "message": f"Too late: {error}."})

    def answer(self, command: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        """Record that a command was done outside the ledger, with what is to be said of it."""
        with self._transaction():
            self._connection.execute(
                "INSERT OR IGNORE INTO commands(id, at) VALUES (?, ?)", (command["id"], time.time())
            )
            self._notice(command["id"], payload)

    def done(self, command_id: str) -> bool:
        """Whether a command was applied or answered before."""
        with self._guard, self._errors():
            row = self._connection.execute(
                "SELECT 1 FROM commands WHERE id = ?", (command_id,)
            ).fetchone()
        return row is not None

    def _meaning(self, command: Mapping[str, Any]) -> list[tuple[str, Event]]:
        """The events that a command stands for, as things are now."""
        name = command.get("command")
        if name == "submit":
            spec = _checked_spec(command.get("spec"))
            return [] if self._job(spec.id) else [(spec.id, Created(spec))]
        job_id = _text(command, "job", 64)
        job = self._job(job_id)
        if job is None:
            raise CommandRefused(f"There is no job {job_id[:8]}.")
        match name:
            case "stop":
                return [(job_id, StopRequested())]
            case "retry":
                return [(job_id, Retried())]
            case "not_charged":
                return [(job_id, NotCharged())]
            case "release":
                return [(job_id, Released(_text(command, "session", 64)))]
            case "claim":
                return [
                    (job_id, event) for event in self._claim(job, _text(command, "session", 64))
                ]
            case "unclaim":
                return [(job_id, ImportReleased(_given_problem(command.get("problem"))))]
            case "imported":
                blend = command.get("blend")
                scene = _text(command, "scene", 256)
                return [(job_id, Imported(scene, blend if isinstance(blend, str) else ""))]
            case "request_id":
                if not job.recoverable:
                    raise IllegalTransition(f"the job is {job.state} and has its own request id")
                value = _text(command, "value", 200).strip()
                if not re.fullmatch(r"[!-.0-~]+", value):  # printable ASCII, no slash, no space
                    raise IllegalTransition("that is not a request id")
                others = (o for o in self._tail.jobs.values() if o.id != job_id)
                if any(other.request_id == value for other in others):
                    raise IllegalTransition("that request id is another job's")
                return [(job_id, Submitted(value))]
            case _:
                raise CommandRefused(f"There is no command {name!r}.")

    def _claim(self, job: Job, session: str) -> list[Event]:
        if job.claimed_by == session and job.state is State.READY:
            return []
        if not job.claimed_by or job.state is not State.READY or self.session_alive(job.claimed_by):
            return [ImportClaimed(session)]
        # The Blender that had claimed it is gone: the clip is free again.
        gone = Problem(ProblemCode.SCENE, "The Blender that was importing this clip has ended.")
        return [ImportReleased(gone), ImportClaimed(session)]

    # -- inside a transaction

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise IllegalTransition("the last byte of this job's POST has left before") from error
        except sqlite3.Error as error:
            kind = LedgerDamaged if _main_code(error) in _BROKEN else LedgerUnwritable
            raise kind(_unwritable(self.data_dir, str(error))) from error

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        with self._guard, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._pull()
                yield
                self._write_twins()
                self._connection.execute("COMMIT")
            except BaseException:
                self._pending.clear()
                self._twins.clear()
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            for job, first, n in self._pending.values():
                self._tail.put(job, first, n)
            self._pending.clear()

    def _pull(self) -> None:
        """Take in what others wrote. ``data_version`` costs microseconds and sees other processes."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._tail.read(self._connection, -1)
            self._version = version

    def _job(self, job_id: str) -> Job | None:
        pending = self._pending.get(job_id)
        return pending[0] if pending else self._tail.jobs.get(job_id)

    def _append(
        self, job_id: str, event: Event, worker: str, at: float, *, twin: bool = True
    ) -> Job:
        before = self._job(job_id)
        if (
            isinstance(event, NotSent)
            and before is not None
            and before.sent
            and event.problem.http_status not in LATER_STATUS
        ):
            raise IllegalTransition("only an answer that says 'later' takes a sent POST back")
        after = apply(before, event, at)
        if after.id != job_id or not _ID.fullmatch(job_id):
            raise IllegalTransition("the event belongs to another job")
        execute = self._connection.execute
        payload = json.dumps(to_payload(event))
        kind = event.name if isinstance(event, Unrecognised) else event.kind
        n = execute(
            "INSERT INTO events(job, seq, at, kind, payload, worker) VALUES (?, ?, ?, ?, ?, ?)",
            (job_id, after.seq, at, kind, payload, worker),
        ).lastrowid
        assert n is not None
        pending = self._pending.get(job_id)
        first = pending[1] if pending else self._tail.first(job_id) if before else n
        execute(
            "INSERT OR REPLACE INTO jobs(id, first, n, fold, snapshot) VALUES (?, ?, ?, ?, ?)",
            (job_id, first, n, _FOLD, json.dumps(job_to_payload(after))),
        )
        if isinstance(event, _PROOFS):
            execute("UPDATE leases SET crashes = 0 WHERE job = ? AND crashes > 0", (job_id,))
        self._pending[job_id] = (after, first, n)
        if twin:
            line = _twin_line(after.seq, at, kind, payload)
            self._twins.append((job_id, after.seq, kind, line))
        return after

    def _notice(self, key: str, payload: Mapping[str, Any]) -> None:
        execute = self._connection.execute
        execute("INSERT INTO notices(id, payload) VALUES (?, ?)", (key, json.dumps(dict(payload))))
        execute("DELETE FROM notices WHERE n <= (SELECT max(n) FROM notices) - ?", (_NOTICES_KEPT,))

    # -- the spending limits

    def _over(self, job: Job, price: int | None, now: float) -> Problem | None:
        limits = _limits_of(self._connection)
        if not limits.any or not limits.count(job.spec.api_base):
            return None
        others = [other for other in self._tail.jobs.values() if other.id != job.id]
        now = money.not_before(now, others)
        account = job.spec.account
        today = money.spent(others, account, money.day_start(now))
        month = money.spent(others, account, money.month_start(now))
        return money.over(limits, today, month, price, job.spec.model)

    def _set_limits(self, command: Mapping[str, Any]) -> None:
        """Change the limits that the command names. Their twin comes first: a rebuilt ledger must not
        allow more than this one did."""
        values = dataclasses.asdict(_limits_of(self._connection))
        for name in ("day", "month"):
            if name in command:
                ticks = command[name]
                if type(ticks) is not int or not 0 <= ticks <= LARGEST_LIMIT:
                    raise CommandRefused(f"{ticks!r:.40} is no spending limit.")
                values[name] = ticks
        if "count_loopback" in command:
            values["count_loopback"] = command["count_loopback"] is True
        path = self.data_dir / LIMITS_NAME
        temporary = path.with_suffix(".tmp")
        try:
            with open(
                os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
            ) as file:
                file.write(json.dumps(values))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            raise LedgerUnwritable(_unwritable(self.data_dir, error.strerror or "")) from error
        self._store_limits(values)

    def _store_limits(self, values: Mapping[str, int]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO limits(name, value) VALUES (?, ?)", values.items()
        )

    def _restore_limits(self) -> None:
        """Take the limits from their twin. One that cannot be read lets nothing be bought."""
        try:
            told = json.loads(read_file(self.data_dir / LIMITS_NAME, _LONGEST_LIMITS))
            values = {name: int(told[name]) for name in ("day", "month", "count_loopback")}
            if not all(0 <= ticks <= LARGEST_LIMIT for ticks in values.values()):
                raise ValueError("no limits")
        except FileNotFoundError:
            return
        except (NoFile, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            values = {"day": 1}  # less than anything costs; the artist sets it anew
        except OSError as error:
            raise LedgerUnwritable(_unwritable(self.data_dir, error.strerror or "")) from error
        self._store_limits(values)

    def _add_limits(self) -> None:
        with self._transaction():
            self._connection.execute(_LIMITS_SCHEMA)
            self._restore_limits()

    # -- the twins

    def _write_twins(self) -> None:
        """The readable copies of what is about to be committed.

        They come first: what the ledger knew of money must outlive the ledger, whenever this process dies. A
        line whose commit then fails says what has happened all the same, until the next one takes its number.
        """
        twins, self._twins = self._twins, []
        for job_id, seq, kind, line in twins:
            if kind == Sending.kind and not self._twin_holds(job_id, seq):
                self._renew_twin(job_id)  # with this line
            else:
                self._write_twin(job_id, line, synced=kind in MONEY_EVENTS)
            # A ledger rebuilt from twins must never think that nothing was sent.
            if self.twin_trouble and kind == Sending.kind:
                raise LedgerUnwritable(_unwritable(self.data_dir, self.twin_trouble))

    def _write_twin(self, job_id: str, line: str, synced: bool) -> None:
        """One line more of the job's readable copy. The ledger has the event too: a failure is only noted."""
        try:
            with open(self.data_dir / "jobs" / f"{job_id}.jsonl", "a+b") as file:
                file.write(_line_break(file) + line.encode())
                if synced:
                    file.flush()
                    os.fsync(file.fileno())
            self.twin_trouble = ""
        except OSError as error:
            self.twin_trouble = _twin_trouble(job_id, error)

    def _twin_holds(self, job_id: str, seq: int) -> bool:
        """Whether the job's readable copy says all that comes before ``seq``: without it that says nothing."""
        lines, _torn = read_twin(self.data_dir / "jobs" / f"{job_id}.jsonl")
        rows = self._connection.execute(
            "SELECT seq, at, kind, payload FROM events WHERE job = ? AND seq < ?", (job_id, seq)
        )
        told = [_line_of(number, at, kind, _object(text)) for number, at, kind, text in rows]
        return all(line is not None and lines.get(line[0]) == line[1] for line in told)

    def _rebuild(self, damaged: Path | None) -> None:
        """Fill an empty ledger from the twins, and from what can still be read of the ``damaged`` one.

        Nothing is sent of what was not sent yet before the user says so; and where a line of a twin cannot
        be read, it may be the one that says *sending*.
        """
        rows = _salvaged(damaged) if damaged is not None else {}
        found = {path.stem: read_twin(path) for path in (self.data_dir / "jobs").glob("*.jsonl")}
        lost = 0
        with self._transaction():
            self._restore_limits()
            histories: list[tuple[str, dict[int, Line], bool]] = []
            for job_id in {**rows, **found}:
                lines, torn = found.get(job_id, ({}, False))
                histories.append((job_id, {**rows.get(job_id, {}), **lines}, torn))
            # The list shows the oldest first, as it did.
            histories.sort(key=lambda one: min((at for _, at in one[1].values()), default=0.0))
            for job_id, lines, torn in histories:
                # A full disk can keep a line out altogether: its number is then missing.
                torn |= len(lines) < max(lines, default=0)
                for _, (event, at) in sorted(lines.items()):
                    with contextlib.suppress(IllegalTransition):  # a line that never counted
                        self._append(job_id, event, "", at, twin=False)
                job = self._job(job_id)
                if job is None:
                    lost += 1
                    continue
                for event in _doubts(job, torn):
                    self._append(job_id, event, "", time.time(), twin=False)
                self._renew_twin(job_id)
            self.rebuilt = bool(self._pending or lost) or damaged is not None
            if self.rebuilt:
                self._notice(REBUILT, {"message": _told(len(self._pending), lost)})
            self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _renew_twin(self, job_id: str) -> None:
        """Let the twin say what the ledger says: its numbers would mislead the next rebuild."""
        path = self.data_dir / "jobs" / f"{job_id}.jsonl"
        rows = self._connection.execute(
            "SELECT seq, at, kind, payload FROM events WHERE job = ? ORDER BY seq", (job_id,)
        )
        text = "".join(_twin_line(*row) for row in rows).encode()
        self.twin_trouble = ""
        try:
            before = read_file(path, _LONGEST_TWIN) if path.exists() else b""
            if before == text:
                return
            if before:
                path.with_suffix(".damaged").write_bytes(before)
            temporary = path.with_suffix(".tmp")
            with open(temporary, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            # Nothing is sent without a twin, so nothing is left to doubt; the next event says it again.
            self.twin_trouble = _twin_trouble(job_id, error)


Line = tuple[Event, float]  # with its wall time


def _twin_line(seq: int, at: float, kind: str, payload: str) -> str:
    return f'{{"seq": {seq}, "at": {at!r}, "kind": "{kind}", "payload": {payload}}}\n'


def _line_break(file: IO[bytes]) -> bytes:
    """What has to go before the next line: the one before may have been cut by a full disk or a crash."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _twin_trouble(job_id: str, error: OSError) -> str:
    return f"The readable copy of job {job_id[:8]} is incomplete: {error.strerror}"


def _told(kept: int, lost: int) -> str:
    clips = "1 clip" if kept == 1 else f"{kept} clips"
    rest = (
        f" {lost} more could not be read and count as nothing spent: see the folder jobs beside it."
    )
    return (
        f"The list of clips was damaged and has been rebuilt from its copies: {clips}. What was spent on them still "
        f"counts, and what was not sent yet waits for your word.{rest if lost else ''} A damaged file is kept."
    )


def _doubts(job: Job, torn: bool) -> list[Event]:
    """What is to be thought of a job that its copy leaves before its last byte left.

    ``torn``: a line of it cannot be read, perhaps the one that says that it did.
    """
    waiting = job.state is State.QUEUED or (job.state is State.SUBMITTING and not job.sent)
    if not waiting:
        return []
    if torn:
        lost = Problem(
            ProblemCode.ANSWER_LOST,
            "The list of clips was damaged, and with it the record whether this job was sent. It may have been "
            "charged.",
            job_module.LOST_HINT,
        )
        started = [SubmitStarted(job.spec.estimate or 0)] if job.state is State.QUEUED else []
        return [*started, Sending(), AnswerLost(lost)]
    problem = Problem(
        ProblemCode.HELD,
        "The list of clips was damaged and has been rebuilt. Nothing was bought.",
        "Press Send to send this job.",
        charged=False,
    )
    unsent = [NotSent(problem)] if job.state is State.SUBMITTING else []
    # A job that was to be stopped ends with NotSent: nobody has to release what is cancelled.
    return [*unsent, *([] if job.held or job.stop_requested else [Held(problem)])]


def _line_of(seq: Any, at: Any, kind: Any, payload: Any) -> tuple[int, Line] | None:
    """A stored event with its number; None when it is none."""
    if not (type(seq) is int and type(at) in (int, float) and math.isfinite(at)):
        return None
    if not (isinstance(kind, str) and _KIND.fullmatch(kind) and isinstance(payload, dict)):
        return None
    try:
        values: dict[str, Any] = payload  # pyright: ignore[reportUnknownVariableType]
        return seq, (from_payload(kind, values), float(at))
    except (ValueError, OverflowError):
        return None


def read_twin(path: Path) -> tuple[dict[int, Line], bool]:
    """The events of a twin by their number, and whether any of its lines cannot be read.

    The last word on a number counts: a line is written before what it says is certain.
    """
    lines: dict[int, Line] = {}
    torn = False
    try:
        data = read_file(path, _LONGEST_TWIN)
    except OSError:
        return {}, True
    for raw in data.split(b"\n"):
        try:
            line = json.loads(raw)
            found = _line_of(line["seq"], line["at"], line["kind"], line["payload"])
        except (ValueError, KeyError, TypeError, RecursionError):
            found = None
        if found is not None:
            lines[found[0]] = found[1]
        else:
            torn |= bool(raw.strip())
    return lines, torn


def _salvaged(path: Path) -> dict[str, dict[int, Line]]:
    """The events of a damaged ledger by job and number: from both ends as far as it can be read."""
    found: dict[str, dict[int, Line]] = {}
    for order in ("ASC", "DESC"):
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(_uri(path, "ro"), uri=True)) as connection,
        ):
            connection.text_factory = _ascii
            for job_id, seq, at, kind, payload in connection.execute(
                f"SELECT job, seq, at, kind, payload FROM events ORDER BY n {order}"
            ):
                if not (isinstance(job_id, str) and _ID.fullmatch(job_id)):
                    continue
                with contextlib.suppress(sqlite3.DatabaseError):
                    if line := _line_of(seq, at, kind, _object(payload)):
                        found.setdefault(job_id, {})[line[0]] = line[1]
    return found


def _set_aside(data_dir: Path, worker: str) -> Path:
    """Move a damaged ledger away, only when no other worker lives; returns its new place.

    The caller holds the opening lock.
    """
    message = (
        "The list of clips (Grok Video's ledger) is damaged and in use by another Blender. Nothing is "
        "bought again; close the other Blenders, and it is rebuilt from its copies."
    )
    for path in (data_dir / "workers").glob("*.lock"):
        if path.stem == worker:
            continue
        lock = FileLock.take(path)
        if lock is None:
            raise LedgerDamaged(message)
        lock.release(remove=True)
    stamp = f"damaged-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
    aside = data_dir / f"{FILE_NAME}.{stamp}"
    try:
        for suffix in ("", "-journal"):
            path = data_dir / f"{FILE_NAME}{suffix}"
            if path.exists():
                os.replace(path, f"{aside}{suffix}")
    except OSError as error:
        raise LedgerDamaged(message) from error
    return aside


def _wait_for(path: Path) -> FileLock:
    """The lock on ``path``, waited for: opening takes milliseconds, a rebuild a few seconds."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            lock = FileLock.take(path)
        except OSError as error:
            raise LedgerUnwritable(_unwritable(path.parent, error.strerror or "")) from error
        if lock is not None:
            return lock
        if time.monotonic() > deadline:
            raise LedgerUnwritable(_unwritable(path.parent, "another Blender is opening it"))
        time.sleep(0.02)


def _unwritable(data_dir: Path, why: str) -> str:
    return (
        f"The list of clips (Grok Video's ledger) in {data_dir} cannot be written just now: {why}. "
        "Nothing is lost and nothing was bought by this; check the disk's space and permissions."
    )


# ------------------------------------------------------------------------------------ what a command may hold

_MOST_PICTURES = 64  # of a kind; the table of models says what a service takes
_LARGEST_FILE = 4 << 30  # bytes
_LONGEST_VIDEO = 86_400.0  # seconds
_LARGEST_NUMBER = 2**31 - 1  # what Blender holds as a whole number
#: Others by the name of their field. Python reckons with any; SQLite, Blender and fractions do not.
_LARGEST = {"estimate": LARGEST_LIMIT, "size": _LARGEST_FILE, "image_bytes": _LARGEST_FILE}


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, int | float]]:
    """Every number in JSON-ready data with the name of the field that it is in."""
    if isinstance(value, int | float):
        yield name, value
    elif isinstance(value, Mapping):
        for field, inner in cast(Mapping[str, Any], value).items():
            yield from _numbers(inner, field)
    elif isinstance(value, list | tuple):
        for inner in cast(Sequence[Any], value):
            yield from _numbers(inner, name)


def _checked_spec(payload: Any) -> JobSpec:
    """The spec of a command, when it can be what Blender meant to buy. Raises CommandRefused."""
    try:
        spec = spec_from_payload(payload)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise CommandRefused(f"The job cannot be read: {error}") from error
    if not _ID.fullmatch(spec.id):
        raise CommandRefused("The job's id is not one.")
    for name, value in _numbers(dataclasses.asdict(spec)):
        if abs(value) > _LARGEST.get(name, _LARGEST_NUMBER):
            raise CommandRefused(f"The job's {name} is no number that it can be.")
    if spec.estimate is not None and spec.estimate < 0:
        raise CommandRefused("The job's estimate is less than nothing.")
    if max(len(spec.references), len(spec.keyframes)) > _MOST_PICTURES:
        raise CommandRefused(f"The job has more than {_MOST_PICTURES} pictures of a kind.")
    if spec.kind is not Kind.GENERATE and spec.video is None:
        raise CommandRefused(f"A job that is to {spec.kind} has a source video.")
    files = [(spec.output, 0)] if spec.output else []
    files += [(picture.path, picture.size) for _, picture in spec.pictures]
    if spec.video is not None:
        files.append((spec.video.path, spec.video.size))
        if not 0 < spec.video.seconds <= _LONGEST_VIDEO:
            raise CommandRefused(f"A source video cannot last {spec.video.seconds} seconds.")
        if min(spec.video.width, spec.video.height) < 0:
            raise CommandRefused("A source video has no size below 0.")
    for path, size in files:
        # The worker's folder is not Blender's: a relative path would name another file.
        if not os.path.isabs(path):
            raise CommandRefused(f"The path {path!r:.80} is not absolute.")
        if not 0 <= size <= _LARGEST_FILE:
            raise CommandRefused(f"No file has {size} bytes.")
    return spec


def _text(command: Mapping[str, Any], name: str, longest: int) -> str:
    value = command.get(name)
    if not isinstance(value, str) or not value or len(value) > longest:
        raise CommandRefused(f"The command lacks {name!r}.")
    return value


def _given_problem(payload: Any) -> Problem:
    try:
        return problem_from_payload(payload)
    except (ValueError, KeyError, TypeError):
        return Problem(ProblemCode.SCENE, "The clip could not be imported and waits in the queue.")

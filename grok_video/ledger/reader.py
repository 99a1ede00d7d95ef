"""What Blender's timer reads of the ledger: jobs, notices and limits, in slices of milliseconds.

Owns the read-only connection and the tail of changed jobs. It never waits, never writes, and opens the file only
through SQLite. It must not know what a worker does.
"""

from __future__ import annotations

import errno
import itertools
import json
import math
import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..core import events
from ..core.files import NoFile
from ..core.job import Job, apply
from ..core.payload import from_payload, job_from_payload
from ..core.spending import Limits
from .errors import CUT_MOVE, DAMAGED, GONE, LOCKED, NEWER, replaced
from .listing import Listing
from .place import DataFolder, FileId, file_id, is_put_by
from .schema import (
    BROKEN,
    FENCED,
    FILE_NAME,
    FOLD,
    NOT_NOW,
    SCHEMA_VERSION,
    damage,
    main_code,
    no_file,
    stored_object,
    stored_text,
    uri,
)
from .whereabouts import elsewhere, list_folder

NOTICES_KEPT = 256
_MOST_ASKED = 256  # commands that are looked for at a time
#: Key of the notice that tells every Blender that the ledger was rebuilt, until an artist has read so.
REBUILT = "rebuilt"
#: Seconds of locks, met at each look, before Blender says that the ledger is locked: as long as a worker waits for one.
LOCKED_AFTER = 30.0
#: Of the time between two looks that both met a lock so many seconds count. While a render held Blender up, or the
#: machine was busy, nobody looked, and each of the two may be a worker's that was just writing.
_BETWEEN_LOOKS = 0.5


def looks_notice(account: str) -> str:
    """Key of the notice that tells what the service last listed of models for looks, to the key of that fingerprint."""
    return f"looks {account}"


#: The newest event, and the number of the newest notice, of a file.
Newest = tuple[tuple[Any, ...] | None, int]


def newest_in(connection: sqlite3.Connection) -> Newest:
    event = "SELECT n, job, seq, at, kind FROM events ORDER BY n DESC LIMIT 1"
    (notice,) = connection.execute("SELECT coalesce(max(n), 0) FROM notices").fetchone()
    return connection.execute(event).fetchone(), notice


class Tail:
    """The jobs of the ledger as far as they were read, and which of them changed: a job that changed is one row.

    ``newest_first``: what the file held when it was first read is read from its end, so that what a list shows first is
    there first; what changes meanwhile comes before the rest.
    """

    def __init__(self, *, newest_first: bool = False) -> None:
        self.jobs: dict[str, Job] = {}
        #: Ids of jobs read since the owner of this tail last cleared the set; a read that breaks off keeps them.
        self.changed: set[str] = set()
        #: What the file has had last (``newest_in``), when it was last looked at.
        self.newest: Newest = None, 0
        self._first: dict[str, int] = {}
        self._n = 0
        #: Row before which the rest is still to be read, backwards; None: not asked yet.
        self._rest: int | None = None if newest_first else 0

    def goes_on(self, connection: sqlite3.Connection) -> bool:
        """Whether the file still has what it had at the last call: ``cp`` writes an older copy into the open file."""
        (event, notice), now = self.newest, newest_in(connection)
        same = "SELECT n, job, seq, at, kind FROM events WHERE n = ?"
        if event is not None and connection.execute(same, event[:1]).fetchone() != event:
            return False
        if now[1] < notice:
            return False
        self.newest = now
        return True

    def read(self, connection: sqlite3.Connection, limit: int, deadline: float = math.inf) -> bool:
        """Take in at most ``limit`` changed jobs (-1: all), oldest change first; False when there was none.

        After ``deadline`` (of ``time.perf_counter``) no more are taken in, but always one.
        """
        if self._rest is None:
            (self._n,) = connection.execute("SELECT coalesce(max(n), 0) FROM jobs").fetchone()
            self._rest = self._n + 1
        columns = "SELECT id, first, n, fold, snapshot FROM jobs"
        rows = connection.execute(
            f"{columns} WHERE n > ? ORDER BY n LIMIT ?", (self._n, limit)
        ).fetchall()
        if not rows and self._rest:
            rows = connection.execute(
                f"{columns} WHERE n < ? ORDER BY n DESC LIMIT ?", (self._rest, limit)
            ).fetchall()
            self._rest = self._rest if rows else 0
        for job_id, first, n, fold, snapshot in rows:
            if not (isinstance(job_id, str) and type(first) is type(n) is int):
                raise damage("a job's row")
            job = _from_snapshot(snapshot) if fold == FOLD else None
            job = job or _refold(connection, job_id)
            if job is not None:
                self.put(job, first, n)
            if n < self._rest:
                self._rest = n
            self._n = max(self._n, n)
            if time.perf_counter() >= deadline:
                break
        return bool(rows)

    def put(self, job: Job, first: int, n: int) -> None:
        """Take in ``job`` as its events up to row ``n`` make it; row ``first`` is its first event."""
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
    """The job after one stored event more. An event of a newer version makes it a job that is shown, not driven."""
    values = stored_object(payload)
    if not (isinstance(kind, str) and isinstance(at, float)):
        raise damage("an event's row")
    try:
        return apply(job, from_payload(kind, values), at)
    except ValueError:  # not an event of this version, not allowed in that state
        return job and apply(job, events.Unrecognised(kind, {}), at)


def limits_of(connection: sqlite3.Connection) -> Limits:
    """The spending limits on record; none in a ledger that was made before limits existed."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'limits'").fetchone():
        return Limits()
    values = dict(connection.execute("SELECT name, value FROM limits").fetchall())
    return Limits(
        values.get("day", 0), values.get("month", 0), bool(values.get("count_loopback", 0))
    )


class LedgerReader:
    """The ledger as Blender's timer reads it: without a wait, a write, or an error for a bad file.

    BUSY, a killed writer's journal (READONLY_ROLLBACK) and a file that is not made yet mean *next time*; after
    LOCKED_AFTER seconds of that, ``trouble`` says so. A file that goes is said at once, and the jobs stay as they were
    until there is a file again.
    """

    def __init__(self, data_dir: Path) -> None:
        self.listing = Listing()
        #: Another object whenever a job has changed; what it holds is what the listing holds now.
        self.jobs: Mapping[str, Job] = MappingProxyType(self.listing)
        self.notices: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
        self.limits = Limits()
        #: Ids of commands that a worker is to deal with, oldest first; out of here once all that they did is read.
        self.awaited: dict[str, None] = {}
        self.trouble = ""
        self.damaged = False  # the file is broken or gone, and a worker would rebuild it
        self.lost = False  # the whole folder is gone, and may come back
        self.elsewhere = False  # the list was moved to another folder, or is not here yet
        self.list_folder = ""  # the folder in which it is, where that is known
        self.replaced = ""  # a sentence when another list was found in the place of the one before
        self.folder = DataFolder(Path(data_dir))
        self.missed = False  # the last refresh met a lock, and what changed is still to be read
        self._locked_for = 0.0  # seconds
        self._missed_at = math.inf  # when the last look met a lock
        self._path = Path(data_dir) / FILE_NAME
        self._connection: sqlite3.Connection | None = None
        self._put_by = False  # the last look found that a worker is just putting the file by
        self._file: FileId | None = None  # what is open, or is to be read on
        self._opened = False  # some file was opened, at any time
        self._tail = Tail(newest_first=True)
        self._listing = Listing()  # of the jobs of the tail
        self._notice = 0
        self._version: int = -1
        self._fenced: bool = False
        self._unread: bool = True
        self._before: frozenset[str] = (
            frozenset()
        )  # jobs of the file before, until all of this one is read
        self._missing: frozenset[str] = frozenset()  # jobs of files before that are not in this one
        self._space_due = 0.0

    @property
    def behind(self) -> bool:
        """Whether the last ``refresh`` stopped with more to read: for its budget, or as the file is being put by."""
        return self._unread and (self._connection is not None or self._put_by)

    def refresh(self, budget: float) -> bool:
        """Read what is new for at most about ``budget`` seconds; True when jobs, notices or limits changed."""
        deadline = time.perf_counter() + budget
        before = (self.jobs, self.notices, self.trouble, self.limits)
        self.missed = self._put_by = False
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
        code = main_code(error)
        if code in NOT_NOW or code == sqlite3.SQLITE_READONLY:
            self.missed = True
            return
        self.close()
        if self._say_elsewhere() or self.trouble == NEWER:
            return  # a newer ledger may have tables that look damaged to this version
        self.damaged = code in BROKEN
        self.trouble = (
            DAMAGED
            if self.damaged
            else f"The list of clips (Grok Video's ledger) cannot be read: {error}."
        )

    def _look_for_locks(self) -> None:
        now = time.monotonic()
        since = max(0.0, now - self._missed_at)
        self._locked_for = self._locked_for + min(since, _BETWEEN_LOOKS) if self.missed else 0.0
        self._missed_at = now if self.missed else math.inf
        if self._locked_for > LOCKED_AFTER:
            self.trouble = LOCKED
        elif self.trouble == LOCKED and not self.missed:
            self.trouble = ""

    def _refresh(self, deadline: float) -> None:
        found = file_id(self._path)
        if found is None:
            self.close()
            if not self._say_elsewhere() and self._opened:
                self._say_gone()
            return
        self.lost = False
        if name := no_file(self._path):
            self.close()
            raise NoFile(errno.EINVAL, f"what lies at {name} is no file")
        if is_put_by(self._path.parent):
            self.let_go()
            self.missed = self._put_by = self._unread = True
            return
        if self._file != found:
            self.close()  # the worker set a damaged file aside, or somebody replaced the file
        if self._connection is None:
            self._connection = sqlite3.connect(
                uri(self._path, "ro"), uri=True, timeout=0, isolation_level=None
            )
            self._connection.text_factory = stored_text
            self.folder.note()
            self._opened = True
            if self._file is None:
                self._begin_anew()
            self._file, self._version = found, -1
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or self._fenced or self.elsewhere:
            (schema,) = self._connection.execute("PRAGMA user_version").fetchone()
            if schema == 0 and self.jobs:  # somebody has emptied the file
                self._begin_anew()
            while schema > 0 and not self._tail.goes_on(self._connection):
                self._begin_anew()
            changed = self._unread or version != self._version
            self._unread = changed and schema > 0  # 0: a worker is just making the file
            if schema == 0 and self._before:
                self.damaged, self.trouble = True, GONE
            self._fenced = schema == FENCED
            if not self._say_elsewhere():
                if self._fenced:  # until a worker opens the ledger
                    self.damaged, self.trouble = True, CUT_MOVE
                standing = self.trouble if self.damaged else ""
                self.trouble = NEWER if SCHEMA_VERSION < schema != FENCED else standing
            self._version = version
        self._look_for_space()
        if self._unread:
            self._read(self._connection, deadline)
        if self.damaged and not (self._fenced or self._unread or self._before):
            # The whole ledger could be read.
            self.damaged, self.trouble = False, ""

    def _begin_anew(self) -> None:
        """Forget how far the file was read: it is another one, or an older copy was written over it."""
        self._tail, self._listing = Tail(newest_first=True), Listing()
        self._notice, self._version, self._unread = 0, -1, True
        self._before |= frozenset(self.jobs)

    def _read(self, connection: sqlite3.Connection, deadline: float) -> None:
        self.limits = limits_of(connection)
        dealt_with = self._dealt_with(
            connection
        )  # before the jobs: what those say is as new, or newer
        try:
            while self._tail.read(connection, 8, deadline):
                if time.perf_counter() >= deadline:
                    break
            else:
                self._unread = False
        finally:
            # Also after an error: a BUSY on the second read must not hide the jobs of the first.
            if self._tail.changed:
                for job_id in self._tail.changed:
                    self._listing.put(self._tail.jobs[job_id], self._tail.first(job_id))
                self._tail.changed.clear()
                self._show()
        if not self._unread and (self._before or self._missing):
            self._compare()
        rows = connection.execute(
            "SELECT n, id, payload FROM notices WHERE n > ? ORDER BY n", (self._notice,)
        ).fetchall()
        if rows:
            notices = {**self.notices, **{row[1]: stored_object(row[2]) for row in rows}}
            kept = list(notices)[-NOTICES_KEPT:]
            self.notices = MappingProxyType({key: notices[key] for key in kept})
            self._notice = rows[-1][0]
        if not self._unread:
            for command_id in dealt_with:
                del self.awaited[command_id]

    def _dealt_with(self, connection: sqlite3.Connection) -> list[str]:
        """The awaited commands that a worker has applied, answered or refused."""
        asked = list(itertools.islice(self.awaited, _MOST_ASKED))
        rows = connection.execute(
            f"SELECT id FROM commands WHERE id IN ({','.join('?' * len(asked))})", asked
        )
        return [command_id for (command_id,) in rows]

    def _compare(self) -> None:
        """Note which jobs of the file before are not in this one, which was read to its end.

        A worker that knows them may add some yet.
        """
        self._missing = (self._missing | self._before).difference(self._tail.jobs)
        self.replaced = replaced(len(self._missing)) if self._missing else ""
        if self._before:
            self._before = frozenset()
            self._show()

    def _show(self) -> None:
        """Let others see what the tail has read by now."""
        self.listing, self.jobs = self._listing, MappingProxyType(self._listing)

    def _say_elsewhere(self) -> bool:
        """Say where the list is, where a note of the folder tells that it is not here; returns whether it does."""
        words = elsewhere(self._path.parent)
        if words or self.elsewhere:
            self.damaged, self.trouble = False, words
            self.list_folder = list_folder(self._path.parent)
        self.elsewhere = bool(words)
        return self.elsewhere

    def _say_gone(self) -> None:
        if self.lost and self.folder.lost:
            return  # said before; to look where the folder went takes too long for each tick
        words = self.folder.trouble
        self.lost = bool(words)
        self.damaged, self.trouble = not words, words or GONE

    def _look_for_space(self) -> None:
        """Note in ``trouble`` that the disk is full or read-only, which no worker can write into the ledger."""
        standing = self.trouble == NEWER or self.damaged or self.elsewhere
        if standing or time.monotonic() < self._space_due:
            return
        import shutil  # here: Blender's start does not wait for its archive formats

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

    def heard(self) -> None:
        """Note that the artist has read of the jobs that are missing."""
        self._missing, self.replaced = frozenset(), ""

    def let_go(self) -> None:
        """Close the file, which on Windows nobody can rename while it is open; ``refresh`` reads on where this one was."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def close(self) -> None:
        """Close the file; the jobs read so far stay. ``refresh`` opens it again, and reads it anew."""
        self.let_go()
        self._file = None

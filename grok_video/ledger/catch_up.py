"""A ledger that is older than the journals of its jobs, as after a backup, is brought up to what they say.

Owns what is made of a journal that says something else than the ledger: what it says beyond the ledger happened;
where both say something else of the same moment both are kept, and nothing is sent before the artist says so. Only
journals whose length is not the one on record are read. It must not know HTTP, clips or Blender.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..core import events
from ..core.job import IllegalTransition, Job, State, apply
from ..core.problem import LOST_HINT, Problem, ProblemCode
from .errors import LedgerUnwritable
from .journal import Line, Row, entries_of, journal_line, line_of, read_limits
from .reader import REBUILT, limits_of
from .rebuild import counted_as_sent, held_back, waits
from .schema import JOURNAL_COLUMN, stored_object
from .store import Store

#: Journals that are gone or behind are made anew, so many at an opening: each costs a sync, and others wait.
MOST_RENEWED = 200
#: More histories than this in one journal are no work of ours.
_MOST_HISTORIES = 64

Entry = tuple[int, Line] | None  # None: a line that cannot be read
History = dict[int, Line]

_TWO_RECORDS = "There are two records of this job, as after a backup of the list of clips."
_SENT = Problem(
    ProblemCode.ANSWER_LOST,
    f"{_TWO_RECORDS} By one of them it was sent, so it may have been charged.",
    LOST_HINT,
)
_SENT_AS_ANOTHER = Problem(
    ProblemCode.ANSWER_LOST,
    f"{_TWO_RECORDS} By one of them it was sent: that clip is a row of its own in this list.",
    "Nothing is lost. Send Again makes and charges a new one.",
)
_UNSENT = Problem(
    ProblemCode.HELD,
    f"{_TWO_RECORDS} By both of them nothing was bought.",
    "Press Send to send this job.",
)
_UNREADABLE = Problem(
    ProblemCode.ANSWER_LOST,
    "A line in the record of this job cannot be read, and may say that the job was sent. It may have been charged.",
    LOST_HINT,
)
_ABANDONED = Problem(
    ProblemCode.ANSWER_LOST,
    "The program ended as this request was being sent. It may have been charged.",
    LOST_HINT,
)


def catch_up(store: Store, driven: Callable[[str], bool]) -> None:
    """Take in what the journals know beyond the store, in one transaction. Raises LedgerError.

    Inside of it no worker is between a journal and its commit. ``driven``: whether a living worker drives a job.
    """
    with store.transaction():
        columns = store.connection.execute("PRAGMA table_info(jobs)").fetchall()
        if "journal" not in {column[1] for column in columns}:
            store.connection.execute(f"ALTER TABLE jobs ADD COLUMN {JOURNAL_COLUMN}")
        work = _CatchUp(store, driven)
        try:
            sizes = store.journals.sizes()
        except OSError:
            sizes = {}  # nothing is sent without a journal
        else:
            work.all(sizes)
        work.limits()
        work.say()


class _CatchUp:
    """One opening's work, inside its transaction."""

    def __init__(self, store: Store, driven: Callable[[str], bool]) -> None:
        self._store = store
        self._driven = driven
        self._taken: dict[str, int] = {}  # events by job
        self._doubled: set[str] = set()  # jobs with two records
        self._renewed = 0

    def all(self, sizes: dict[str, int]) -> None:
        """Look at every job whose journal is not as long as the store has it, by the journals' ``sizes``."""
        kept = dict(self._store.connection.execute("SELECT id, journal FROM jobs").fetchall())
        unknown: list[tuple[float, str, list[Entry], int]] = []
        for job_id, size in sizes.items():
            if kept.get(job_id) == size:
                continue
            try:
                data = self._store.journals.read(job_id)
            except OSError:
                continue  # no file, or not to be read: nothing is sent without it
            if job_id in kept:
                self._known(job_id, data)
            else:
                entries, _cut = entries_of(data)
                if _tells_of(job_id, entries, {}):
                    first = min(entry[1][1] for entry in entries if entry is not None)
                    unknown.append((first, job_id, entries, len(data)))
        # In the order in which the jobs were made, which the list in the panel shows.
        for _, job_id, entries, size in sorted(unknown, key=lambda one: one[:2]):
            self._job(job_id, entries, {}, size)
        for job_id in kept:
            if job_id not in sizes:
                self._renew(job_id)

    def limits(self) -> None:
        """Let the limits' own copy count, which is written before the store is."""
        try:
            told = read_limits(self._store.data_dir)
        except LedgerUnwritable:  # as while a scanner of Windows looks at the copy
            if self._taken:
                raise
            return
        unreadable = bool(told) and "month" not in told
        if not told or (unreadable and not self._taken):
            return
        now = limits_of(self._store.connection)
        if (told["day"], told.get("month", 0)) != (now.day, now.month):
            self._store.put_limits(told)

    def say(self) -> None:
        """Tell every Blender what was taken in; not the one step of a worker that was killed."""
        clips, steps, doubled = len(self._taken), sum(self._taken.values()), len(self._doubled)
        if not doubled and clips < 2 and steps <= 2:
            return
        words = "1 clip" if clips == 1 else f"{clips} clips"
        message = (
            "The list of clips was older than the records beside it, as after a backup was put back. What they say "
            f"has been taken in: {words}. What was spent counts, and nothing is bought again by this."
        )
        if doubled:
            message += f" Clips with two records, which wait for your word: {doubled}."
        self._store.tell(REBUILT, {"message": message})

    # -- one job

    def _known(self, job_id: str, data: bytes) -> None:
        rows = self._rows(job_id)
        if data == b"".join(journal_line(*row).encode() for row in rows):
            self._store.keep_size(job_id, len(data))
            return
        entries, _cut = entries_of(data)
        lines = _lines(rows)
        if _tells_of(job_id, entries, lines):
            self._job(job_id, entries, lines, len(data))
            return
        # Another job's, renamed, or nothing but noise: the store has what happened. But where no line says whose the
        # journal is, and one says more than the store, that one may be of this job, and say *sending*.
        job = self._store.current(job_id)
        more = any(entry is not None and entry[0] > len(lines) for entry in entries)
        nameless = not any(entry is not None and entry[0] == 1 for entry in entries)
        if more and nameless and job is not None and waits(job):
            self._count_as_sent(job, job.spec.estimate or 0, _UNREADABLE)
        self._renew(job_id)

    def _job(
        self, job_id: str, entries: list[Entry], lines: dict[int, Line | None], size: int
    ) -> None:
        """Take in a journal; ``lines``: what the store says of the job, ``size``: the journal's length in bytes."""
        store = self._store
        before = store.current(job_id)
        doubt = _unread_after(entries, lines)
        spoilt = doubt
        for history in _histories(entries):
            now = _lines(self._rows(job_id))
            fork = _fork(history, now)
            if fork is None:
                beyond = [number for number in sorted(history) if number > len(now)]
                doubt |= bool(beyond) and beyond[-1] != len(now) + len(beyond)
                spoilt |= self._put(job_id, [history[number] for number in beyond])
            else:
                spoilt = True
                if not any(_ours(line) for line in now.values()):
                    self._two_records(job_id, history, fork)
        job = store.current(job_id)
        if job is None:
            return
        if doubt and waits(job):
            self._count_as_sent(job, job.spec.estimate or 0, _UNREADABLE)
        elif (
            (job.state is State.SUBMITTING and job.sent)
            and not (before and before.sent)
            and not self._driven(job_id)
        ):
            self._put_now(job_id, [events.AnswerLost(_ABANDONED)])
        told = {entry[0] for entry in entries if entry is not None}
        whole = told.issuperset(
            number for number, line in _lines(self._rows(job_id)).items() if line
        )
        if whole and not spoilt and not doubt:
            store.keep_size(job_id, size)
        else:
            self._renew(job_id, must=True)

    def _two_records(self, job_id: str, history: History, fork: int) -> None:
        """Keep both: the store's own and ``history``, which says something else from number ``fork`` on."""
        store = self._store
        ours, other = store.current(job_id), _folded(history.values())
        if ours is None or other is None:
            return
        common = _folded(history[number] for number in history if number < fork)
        branch = [history[number] for number in sorted(history) if number >= fork]
        sends = any(isinstance(event, events.Sending) for event, _ in branch)
        if common is not None and _posted(common) and _posted(ours) and not sends:
            # Of one and the same POST: the other record may know more.
            self._put(job_id, branch)
            now = store.current(job_id)
            if other.request_id and now is not None and now.request_id != other.request_id:
                self._as_another(job_id, other, history)
            return
        if not (sends or _posted(other)):
            if waits(ours) and not ours.held:
                self._put_now(job_id, held_back(ours, _UNSENT))
                self._doubled.add(job_id)
            return
        self._doubled.add(job_id)
        refused = other.state is State.FAILED and not other.request_id
        apart = bool(other.request_id) if waits(ours) else _posted(other) and not refused
        if apart:
            self._as_another(job_id, other, history)
        if waits(ours):
            problem, reserved = (_SENT_AS_ANOTHER, 0) if apart else (_SENT, other.spent)
            self._count_as_sent(ours, reserved, problem)
        else:
            store.connection.execute(
                "INSERT OR IGNORE INTO posts(job, at) VALUES (?, ?)", (job_id, time.time())
            )

    def _as_another(self, job_id: str, other: Job, history: History) -> None:
        """Keep what another record of a job says as a job of its own: its POST, its request id, what it cost.

        The same record makes the same job, however often it is found.
        """
        told = "".join(repr(history[number]) for number in sorted(history))
        text = f"{job_id} {told}".encode("ascii", "backslashreplace")
        another = hashlib.blake2b(text, digest_size=16).hexdigest()
        if self._store.current(another) is not None:
            return
        spec = replace(other.spec, id=another, parent=job_id)
        for number in sorted(history):
            event, at = history[number]
            self._put(another, [(events.Created(spec) if number == 1 else event, at)])
        job = self._store.current(another)
        if job is not None and job.state is State.SUBMITTING:
            self._put_now(another, [events.AnswerLost(_SENT)])
        self._renew(another, must=True)

    # -- the store

    def _rows(self, job_id: str) -> list[Row]:
        return self._store.connection.execute(
            "SELECT seq, at, kind, payload FROM events WHERE job = ? ORDER BY seq", (job_id,)
        ).fetchall()

    def _put(self, job_id: str, lines: Iterable[Line]) -> bool:
        """Take in events; returns whether one of them could not happen, such as one whose commit had failed."""
        left_out = False
        for event, at in lines:
            try:
                self._store.put(job_id, event, "", at, journal=False)
            except (IllegalTransition, sqlite3.IntegrityError):
                left_out = True
                continue
            self._taken[job_id] = self._taken.get(job_id, 0) + 1
        return left_out

    def _put_now(self, job_id: str, happened: list[events.Event]) -> None:
        for event in happened:
            with contextlib.suppress(IllegalTransition, sqlite3.IntegrityError):
                self._store.put(job_id, event, "", time.time(), journal=False)

    def _count_as_sent(self, job: Job, reserved: int, problem: Problem) -> None:
        # *Sending* puts the job into the table of posts, also where it stands there by another record.
        self._store.connection.execute("DELETE FROM posts WHERE job = ?", (job.id,))
        self._put_now(job.id, counted_as_sent(job, reserved, problem))

    def _renew(self, job_id: str, *, must: bool = False) -> None:
        if must or self._renewed < MOST_RENEWED:
            self._renewed += not must
            self._store.renew_journal(job_id)


def _lines(rows: Iterable[Row]) -> dict[int, Line | None]:
    """The events of a job by number, None for one that this version cannot read."""
    found: dict[int, Line | None] = {}
    for seq, at, kind, payload in rows:
        line = line_of(seq, at, kind, stored_object(payload))
        found[seq] = line[1] if line is not None else None
    return found


def _tells_of(job_id: str, entries: list[Entry], lines: dict[int, Line | None]) -> bool:
    """Whether a journal is that of the job: a file may have been renamed, or be nothing but noise."""
    first = [entry[1][0] for entry in entries if entry is not None and entry[0] == 1]
    if first:
        return all(isinstance(event, events.Created) and event.spec.id == job_id for event in first)
    return any(entry is not None and lines.get(entry[0]) == entry[1] for entry in entries)


def _unread_after(entries: list[Entry], lines: dict[int, Line | None]) -> bool:
    """Whether a line that cannot be read follows all that the store knows: it may say *sending*."""
    last = len(lines)
    line = lines.get(last)
    for number in reversed(range(len(entries))):
        entry = entries[number]
        if entry is not None and line is not None and entry[0] == last and _same(entry[1], line):
            return None in entries[number:]
    return not lines and None in entries


def _histories(entries: list[Entry]) -> list[History]:
    """The histories in a journal: a number that comes again with another event begins another one.

    The last in the file comes first: it is the one that was gone on with.
    """
    found: list[History] = []
    now: History = {}
    top = 0
    for entry in entries:
        if entry is None:
            continue
        number, line = entry
        if number <= top and number in now and _same(now[number], line):
            continue
        if number <= top:
            if len(found) < _MOST_HISTORIES:
                found.append(now)
            now = {earlier: told for earlier, told in now.items() if earlier < number}
        now[number] = line
        top = number
    return [now, *reversed(found)]


def _fork(history: History, lines: dict[int, Line | None]) -> int | None:
    """The first number of which a history says something else than the store; None: it says more, or less."""
    for number in sorted(history):
        line = lines.get(number)
        if line is not None and not _same(line, history[number]):
            return number
    return None


def _same(one: Line, other: Line) -> bool:
    """Whether two lines say the same, as when one was written again after its commit had failed.

    Two lines of *sending* are two POSTs, unless their time is the same.
    """
    return one[0] == other[0] and (one[1] == other[1] or not isinstance(one[0], events.Sending))


def _ours(line: Line | None) -> bool:
    """Whether an event is the one that ``_two_records`` leaves: found again, the other record changes nothing."""
    event = line[0] if line is not None else None
    return isinstance(event, events.AnswerLost) and event.problem in (_SENT, _SENT_AS_ANOTHER)


def _posted(job: Job) -> bool:
    """Whether a job's POST has left; an answer that came before the last byte may hold an id as well."""
    return job.sent or bool(job.request_id)


def _folded(lines: Iterable[Line]) -> Job | None:
    job: Job | None = None
    for event, at in lines:
        with contextlib.suppress(IllegalTransition):
            job = apply(job, event, at)
    return job

"""A ledger that is older than the journals of its jobs, as after a backup, is brought up to what they say.

Owns what is made of a journal that says something else than the ledger: what it says beyond the ledger happened;
where both say something else of the same moment both are kept, and nothing is sent before the artist says so. Only
journals that are not as the ledger left them are read. It must not know HTTP, clips or Blender.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
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
        work.all(store.journals.marks())
        work.limits()
        work.say()


def sent_by(history: History) -> Job | None:
    """The job that a history makes, where its POST has left by that; else None."""
    job = _folded(history[number] for number in sorted(history))
    return job if job is not None and _posted(job) else None


def keep_as_another(store: Store, job_id: str, other: Job, history: History, fork: int) -> str:
    """Keep what is remembered of a job, and the store's job cannot have, as a job of its own; returns its id.

    ``fork``: the number from which on the store says something else.
    """
    return _CatchUp(store, lambda _: False).as_another(job_id, other, history, fork)


class _CatchUp:
    """One opening's work, inside its transaction."""

    def __init__(self, store: Store, driven: Callable[[str], bool]) -> None:
        self._store = store
        self._driven = driven
        self._taken: dict[str, int] = {}  # events by job
        self._doubled: set[str] = set()  # jobs with two records
        self._renewed = 0

    def all(self, marks: dict[str, str]) -> None:
        """Look at every job whose journal is not as the store left it, by the journals' ``marks``."""
        kept = dict(self._store.connection.execute("SELECT id, journal FROM jobs").fetchall())
        unknown: list[tuple[float, str, list[Entry], str]] = []
        for job_id, mark in marks.items():
            if kept.get(job_id) == mark:
                continue
            try:
                data = self._store.journals.read(job_id)
            except LedgerUnwritable:
                job = self._store.current(job_id)
                if job is None or not _posted(job):
                    raise
                continue  # its POST is on record: what else became of it is read at another opening
            if data is None:
                continue  # nothing is sent without a journal
            if job_id in kept:
                self._known(job_id, data, mark)
            else:
                entries, _cut = entries_of(data)
                if _tells_of(job_id, entries, {}):
                    first = min(entry[1][1] for entry in entries if entry is not None)
                    unknown.append((first, job_id, entries, mark))
        # In the order in which the jobs were made, which the list in the panel shows.
        for _, job_id, entries, mark in sorted(unknown, key=lambda one: one[:2]):
            self._job(job_id, entries, {}, mark)
        for job_id in kept:
            if job_id not in marks:
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

    def _known(self, job_id: str, data: bytes, mark: str) -> None:
        rows = self._rows(job_id)
        if data == b"".join(journal_line(*row).encode() for row in rows):
            self._store.keep_mark(job_id, mark)
            return
        entries, _cut = entries_of(data)
        lines = _lines(rows)
        if _tells_of(job_id, entries, lines):
            self._job(job_id, entries, lines, mark)
            return
        # Another job's, renamed, or nothing but noise: the store has what happened. But where no line says whose the
        # journal is, its lines, which the store does not have, may be of this job, and say *sending*.
        job = self._store.current(job_id)
        told = [entry for entry in entries if entry is not None]
        nameless = not any(number == 1 for number, _ in told)
        more = any(number > len(lines) or _post_of(job_id, line) for number, line in told)
        more |= bool(told) and None in entries
        if more and nameless and job is not None and waits(job):
            self._count_as_sent(job, job.spec.estimate or 0, _UNREADABLE)
        self._renew(job_id)

    def _job(
        self, job_id: str, entries: list[Entry], lines: dict[int, Line | None], mark: str
    ) -> None:
        """Take in a journal; ``lines``: what the store says of the job, ``mark``: the journal's."""
        store = self._store
        before = store.current(job_id)
        doubt = _unread(entries, lines)
        spoilt = doubt
        orphans: list[Line] = []
        for history in _histories(entries):
            now = _lines(self._rows(job_id))
            fork = _fork(history, now)
            if fork is None:
                beyond = [number for number in sorted(history) if number > len(now)]
                doubt |= bool(beyond) and beyond[-1] != len(now) + len(beyond)
                left_out = self._put(job_id, [history[number] for number in beyond])
                spoilt |= bool(left_out)
                orphans += left_out
            else:
                spoilt = True
                self._two_records(job_id, history, fork, _left_here(now))
                orphans += _left_out(history)
        self._keep_posts(job_id, orphans)
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
            store.keep_mark(job_id, mark)
        else:
            self._renew(job_id, must=True)

    def _two_records(self, job_id: str, history: History, fork: int, left: list[Problem]) -> None:
        """Keep both: the store's own and ``history``, which says something else from number ``fork`` on.

        ``left``: what was left in the store's when other records of this job were found, which may have grown since.
        """
        store = self._store
        ours, other = store.current(job_id), _folded(history.values())
        if ours is None or other is None:
            return
        common = _folded(history[number] for number in history if number < fork)
        branch = [history[number] for number in sorted(history) if number >= fork]
        sends = any(isinstance(event, events.Sending) for event, _ in branch)
        one_post = common is not None and _posted(common) and _posted(ours) and not sends
        if one_post or _SENT in left:
            # Of one and the same POST: the other record may know more.
            self._put_news(job_id, branch)
            now = store.current(job_id)
            if other.request_id and now is not None and now.request_id != other.request_id:
                self.as_another(job_id, other, history, fork)
            return
        if not (sends or _posted(other)):
            if waits(ours) and not ours.held:
                self._put_now(job_id, held_back(ours, _UNSENT))
                self._doubled.add(job_id)
            return
        refused = other.state is State.FAILED and not (other.request_id or other.spent)
        apart = bool(other.request_id) if waits(ours) else _posted(other) and not refused
        if apart:
            self.as_another(job_id, other, history, fork)
        if waits(ours):
            self._doubled.add(job_id)
            reserved = other.spent if _posted(other) else ours.spec.estimate or 0
            problem, reserved = (_SENT_AS_ANOTHER, 0) if apart else (_SENT, reserved)
            self._count_as_sent(ours, reserved, problem)
        else:
            store.connection.execute(
                "INSERT OR IGNORE INTO posts(job, at) VALUES (?, ?)", (job_id, time.time())
            )

    def as_another(self, job_id: str, other: Job, history: History, fork: int) -> str:
        """Keep what another record of a job says as a job of its own: its POST, its request id, what it cost.

        The same POST is the same job, however often it is found and however far its record has grown. Returns that
        job's id; '' where there is none.
        """
        lines = [history[number] for number in sorted(history)]
        names = [name for line in lines if (name := _post_of(job_id, line))]
        later = [history[number] for number in sorted(history) if number >= fork]
        new = [name for line in later if (name := _post_of(job_id, line))] or names[-1:]
        another = next((name for name in names if self._is_record(name, other)), "")
        if not another:
            another = next((name for name in new if self._store.current(name) is None), "")
            if not another:
                return ""
            self._doubled.add(job_id)
            # A name of its own for its clip, whose download would go into the file of the other's.
            root, end = os.path.splitext(other.spec.output)
            output = f"{root}-{another[:8]}{end}" if root else ""
            spec = replace(other.spec, id=another, parent=job_id, output=output)
            self._put(another, [(events.Created(spec), lines[0][1])])
        self._put_news(another, lines[1:])
        job = self._store.current(another)
        if job is not None and job.state is State.SUBMITTING:
            self._put_now(another, [events.AnswerLost(_SENT)])
        self._renew(another, must=True)
        return another

    def _keep_posts(self, job_id: str, orphans: list[Line]) -> None:
        """Let no POST be passed over of which only the end is told, such as by a worker of a ledger that was replaced.

        ``orphans``: lines that could not happen after those before them.
        """
        for event, at in orphans:
            job = self._store.current(job_id)
            if job is None or not isinstance(event, events.Sending | events.Submitted):
                continue
            request_id = event.request_id if isinstance(event, events.Submitted) else ""
            records = self._records(job_id)
            if waits(job):
                self._doubled.add(job_id)
                self._count_as_sent(job, job.spec.estimate or 0, _SENT)
            elif not request_id and _SENT not in [record.problem for record in records]:
                self._rebuilt(job_id, job, [(events.Sending(), at)])
            if request_id and request_id not in [record.request_id for record in records]:
                lacking = [one for one in self._records(job_id) if one.problem == _SENT]
                if not lacking or self._put(lacking[0].id, [(event, at)]):
                    self._rebuilt(job_id, job, [(events.Sending(), at), (event, at)])

    def _rebuilt(self, job_id: str, job: Job, lines: list[Line]) -> None:
        """Keep a POST of which nothing else is told than ``lines`` as a job of its own."""
        at = lines[0][1]
        begins = [events.Created(job.spec), events.SubmitStarted(job.spec.estimate or 0)]
        history = dict(enumerate([*((event, at) for event in begins), *lines], 1))
        other = _folded(history.values())
        assert other is not None
        self.as_another(job_id, other, history, 2)

    def _records(self, job_id: str) -> list[Job]:
        """The job, and the jobs that were made of other records of it."""
        made = {job.id for job in self._store.others(job_id) if job.spec.parent == job_id}
        jobs = [self._store.current(one) for one in (job_id, *made, *self._taken)]
        return [job for job in jobs if job and job_id in (job.id, job.spec.parent)]

    def _is_record(self, another: str, other: Job) -> bool:
        """Whether the job ``another``, made of a record with the same POST, is the one that ``other`` goes on with."""
        job = self._store.current(another)
        return job is not None and not (
            job.request_id and other.request_id and job.request_id != other.request_id
        )

    # -- the store

    def _rows(self, job_id: str) -> list[Row]:
        return self._store.connection.execute(
            "SELECT seq, at, kind, payload FROM events WHERE job = ? ORDER BY seq", (job_id,)
        ).fetchall()

    def _put(self, job_id: str, lines: Iterable[Line]) -> list[Line]:
        """Take in events; returns those that could not happen, such as one whose commit had failed."""
        left_out: list[Line] = []
        for event, at in lines:
            try:
                self._store.put(job_id, event, "", at, journal=False)
            except (IllegalTransition, sqlite3.IntegrityError):
                left_out.append((event, at))
                continue
            self._taken[job_id] = self._taken.get(job_id, 0) + 1
        return left_out

    def _put_news(self, job_id: str, lines: Iterable[Line]) -> None:
        """Take in the events that the store does not have yet."""
        told = list(_lines(self._rows(job_id)).values())
        self._put(job_id, [line for line in lines if line not in told])

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


def _unread(entries: list[Entry], lines: dict[int, Line | None]) -> bool:
    """Whether a line that cannot be read may be one that the store does not have: it may say *sending*.

    It is one of the store's where the store's lines around it leave the room of just that one, or those.
    """
    last: int | None = 0  # number of the line before, if the store has that
    unread = 0
    for entry in entries:
        if entry is None:
            unread += 1
            continue
        line = lines.get(entry[0])
        known = line is not None and _same(entry[1], line)
        if unread and not (known and last is not None and entry[0] == last + unread + 1):
            return True
        last, unread = entry[0] if known else None, 0
    return unread > 0


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


def _left_here(lines: dict[int, Line | None]) -> list[Problem]:
    """What ``_two_records`` has left in a job's events."""
    lost = [line[0] for line in lines.values() if line and isinstance(line[0], events.AnswerLost)]
    return [event.problem for event in lost if event.problem in (_SENT, _SENT_AS_ANOTHER)]


def _post_of(job_id: str, line: Line) -> str:
    """The id of the job that another record of ``job_id`` becomes whose POST a line tells of; '' for other lines."""
    event, at = line
    match event:
        case events.Sending():
            told = f"{job_id} sent {at!r}"
        case events.Submitted(request_id):
            told = f"{job_id} answered {request_id}"
        case _:
            return ""
    return hashlib.blake2b(told.encode("ascii", "backslashreplace"), digest_size=16).hexdigest()


def _posted(job: Job) -> bool:
    """Whether a job's POST has left; an answer that came before the last byte may hold an id as well."""
    return job.sent or bool(job.request_id)


def _folded(lines: Iterable[Line]) -> Job | None:
    return _fold(lines)[0]


def _left_out(history: History) -> list[Line]:
    return _fold(history.values())[1]


def _fold(lines: Iterable[Line]) -> tuple[Job | None, list[Line]]:
    """The job after these events, and those that could not happen."""
    job: Job | None = None
    left_out: list[Line] = []
    for event, at in lines:
        try:
            job = apply(job, event, at)
        except IllegalTransition:
            left_out.append((event, at))
    return job, left_out

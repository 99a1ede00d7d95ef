"""What a process knows of its jobs and limits, brought into a ledger that it opens in the place of the one that it had.

The file at the path may be an older copy, or another list. Owns what follows: no job that was sent looks unsent
there, an answer that is still to come finds its job, and no limit of the same list is lost.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from ..core import events
from ..core.job import IllegalTransition, Job, State
from ..core.problem import LOST_HINT, Problem, ProblemCode
from ..core.record import record
from ..core.spending import Limits
from .catch_up import History, keep_as_another, sent_by
from .journal import Line, Row, line_of, write_limits
from .reader import limits_of
from .rebuild import counted_as_sent, held_back, waits
from .schema import stored_object
from .store import Store

_WAITED = Problem(
    ProblemCode.HELD,
    "The list of clips was replaced while this job waited. Nothing was bought.",
    "Press Send to send this job.",
)
_UNREADABLE = Problem(
    ProblemCode.ANSWER_LOST,
    "The list of clips was replaced, and the record whether this job was sent cannot be read. It may have been charged.",
    LOST_HINT,
)


@record
class Remembered:
    """A ledger as it was: the events of each job, as they are stored, and the spending limits.

    ``sent``: jobs whose POST has left, of which the events are gone.
    """

    jobs: Mapping[str, list[Row]]
    limits: Limits
    sent: tuple[Job, ...] = ()


@record
class Carried:
    """Of how many ``jobs`` a list did not know all, and which are another one there, by the id before."""

    jobs: int
    others: Mapping[str, str]


def remember(store: Store) -> Remembered | None:
    """All that a ledger holds that is still open, wherever its file went; None when it cannot be read any more."""
    jobs: dict[str, list[Row]] = {}
    try:
        limits = limits_of(store.connection)
        sent = tuple(job for job in store.lost() if job.sent or job.request_id)
    except sqlite3.Error:
        return None
    with suppress(sqlite3.Error):
        for job_id, *row in store.connection.execute(
            "SELECT job, seq, at, kind, payload FROM events ORDER BY job, seq"
        ):
            jobs.setdefault(job_id, []).append((row[0], row[1], row[2], row[3]))
    return Remembered(jobs, limits, sent)


def carry_over(store: Store, before: Remembered, paid: Collection[str], *, same: bool) -> Carried:
    """Let ``store`` know what is remembered.

    ``same``: it is surely the same list; one that has some job, or its journal, in common is so too. Jobs that the same
    list lacks are added, and those of ``paid`` (whose answer is awaited, or has just come) in any case. What was not
    sent is held. Of the limits of the same list, and of one without a job, the lower ones count; another list has its
    own. A job that cannot be brought over keeps no other from it. Raises LedgerError.
    """
    with store.transaction():
        same = same or any(
            store.current(job_id) is not None or store.journals.has(job_id)
            for job_id in before.jobs
        )
        if same or not store.others(""):
            _keep_lower(store, before.limits)
        known, others = 0, dict[str, str]()
        for job_id, rows in before.jobs.items():
            now = store.current(job_id)
            there = _rows_of(store, job_id)
            if rows == there[: len(rows)] or not (now or same or job_id in paid):
                continue
            history = _history(rows)
            if now is None:
                _add(store, job_id, history)
            elif another := _take_in(store, now, history, _history(there)):
                others[job_id] = another
            if len(history) < len(rows):
                _doubt(store, job_id)
            if now != store.current(job_id):
                store.renew_journal(job_id)
            known += job_id in others or now != store.current(job_id)
        ids = {job.request_id for job in store.others("") if job.request_id}
        for job in before.sent:
            if job.request_id in ids:
                continue
            another = _keep_sent(store, job, make=same or job.id in paid)
            if another is not None:
                known += 1
                store.renew_journal(job.id)
            if another:
                others[job.id] = another
    return Carried(known, others)


def _keep_lower(store: Store, before: Limits) -> None:
    now = limits_of(store.connection)
    lower = now.lower(before)
    if lower != now:
        values = dataclasses.asdict(lower)
        write_limits(store.data_dir, values)
        store.put_limits(values)


def _take_in(store: Store, now: Job, history: History, there: History) -> str:
    """Take in the ``history`` of a job that the store has as ``now``: all that followed, or what was paid.

    A sent job must not look unsent, and a request id is the only way to the clip. Returns '', or the id of the job of
    its own that was made of a POST which the store's job cannot have.
    """
    both = sorted(there.keys() & history.keys())
    fork = next((number for number in both if there[number] != history[number]), 0)
    if not fork:
        _put(store, now.id, [line for number, line in sorted(history.items()) if number > now.seq])
        return ""
    was = sent_by(history)
    if was is None:
        return ""
    started = max(
        number for number, (event, _) in history.items() if isinstance(event, events.SubmitStarted)
    )
    bought = [line for number, line in sorted(history.items()) if number >= started]
    if waits(now):
        # A job that stays held would be paid for and never asked for.
        if now.held:
            _put_now(store, now.id, [events.Released(now.released_by)])
        if now.state is State.SUBMITTING and not now.stop_requested:
            _put_now(store, now.id, [events.NotSent(_WAITED)])
        _put(store, now.id, bought)
        return ""
    one_post = any(
        isinstance(line[0], events.Sending) and line in there.values() for line in bought
    )
    if one_post and not now.request_id:
        _put(store, now.id, bought)
        return ""
    refused = was.state is State.FAILED and not (was.request_id or was.spent)
    if refused or (one_post and not was.request_id) or was.request_id == now.request_id != "":
        return ""
    return keep_as_another(store, now.id, was, history, fork)


def _keep_sent(store: Store, was: Job, *, make: bool) -> str | None:
    """Let a job count as sent that was known so, where neither the list nor a journal says so any more.

    ``make``: also where the list does not have the job. Returns what ``_take_in`` does; None where nothing is lacking.
    """
    now = store.current(was.id)
    if now is None and not make:
        return None
    if now is not None and (now.sent or now.request_id) and not (was.request_id and now.request_id):
        _put(store, was.id, list(_made_of(was).values())[3:])  # one POST: its answer may be lacking
        return None if now == store.current(was.id) else ""
    if now is not None:
        return _take_in(store, now, _made_of(was), _history(_rows_of(store, was.id)))
    _add(store, was.id, _made_of(was))
    return ""


def _made_of(job: Job) -> History:
    """The events that a job must have had whose POST has left."""
    lines: list[Line] = [
        (events.Created(job.spec), job.created_at),
        (events.SubmitStarted(job.reserved, job.day), job.started_at),
        (events.Sending(), job.started_at),
    ]
    if job.request_id:
        lines.append((events.Submitted(job.request_id), job.submitted_at))
        if job.cost is not None:
            lines.append((events.Progress(job.progress, job.cost), job.submitted_at))
    elif job.url:
        lines.append((events.Bought(job.url, job.cost, job.bill), job.done_at))
    elif job.state is State.FAILED and job.problem is not None:
        billed = events.Billed(job.problem, job.cost, job.bill)
        lines.append((billed if job.spent else events.Rejected(job.problem), job.updated_at))
    return dict(enumerate(lines, 1))


def _rows_of(store: Store, job_id: str) -> list[Row]:
    return store.connection.execute(
        "SELECT seq, at, kind, payload FROM events WHERE job = ? ORDER BY seq", (job_id,)
    ).fetchall()


def _history(rows: Iterable[Row]) -> History:
    """The events of a job by number, without those that cannot be read."""
    found: History = {}
    for seq, at, kind, payload in rows:
        with suppress(sqlite3.DatabaseError):
            if line := line_of(seq, at, kind, stored_object(payload)):
                found[line[0]] = line[1]
    return found


def _put(store: Store, job_id: str, lines: Iterable[Line]) -> None:
    """Put down what can happen to a job of all that did."""
    for event, at in lines:
        if isinstance(event, events.Sending) and (job := store.current(job_id)) and not job.sent:
            # *Sending* puts the job into the table of posts, also where it stands there without that word.
            store.connection.execute("DELETE FROM posts WHERE job = ?", (job_id,))
        with suppress(IllegalTransition):
            store.put(job_id, event, "", at, journal=False)


def _put_now(store: Store, job_id: str, happened: list[events.Event]) -> None:
    _put(store, job_id, [(event, time.time()) for event in happened])


def _add(store: Store, job_id: str, history: History) -> None:
    """Make a job with its history."""
    _put(store, job_id, history.values())
    job = store.current(job_id)
    if job is not None and waits(job):
        _put_now(store, job_id, held_back(job, _WAITED))


def _doubt(store: Store, job_id: str) -> None:
    """Count a job as sent one of whose events cannot be read: that one may have said *sending*."""
    job = store.current(job_id)
    if job is not None and waits(job):
        _put_now(store, job_id, counted_as_sent(job, job.spec.estimate or 0, _UNREADABLE))

"""What a process knows of its jobs, brought into a ledger that it opens in the place of the one that it had.

The file at the path may be an older copy, or another list. Owns what follows: no job that was sent looks unsent there,
and an answer that is still to come finds its job.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Mapping
from contextlib import suppress

from ..core import events
from ..core.job import IllegalTransition, Job, State, apply
from ..core.payload import from_payload
from ..core.problem import Problem, ProblemCode
from .store import Store

#: Kind, payload and wall time of each event of a job, as they are stored.
Rows = list[tuple[str, str, float]]


def remember(store: Store) -> dict[str, Rows]:
    """Every job of a ledger that is still open, wherever its file went; none when it cannot be read any more."""
    found: dict[str, Rows] = {}
    with suppress(sqlite3.Error):
        for job_id, *row in store.connection.execute(
            "SELECT job, kind, payload, at FROM events ORDER BY job, seq"
        ):
            found.setdefault(job_id, []).append((row[0], row[1], row[2]))
    return found


def carry_over(
    store: Store, before: Mapping[str, Rows], paid: Collection[str], *, same: bool
) -> int:
    """Let ``store`` know what is remembered; returns of how many jobs it did not know all.

    ``same``: it is surely the same list; one that has some job, or its journal, in common is so too. Jobs that the same
    list lacks are added, and those of ``paid`` (whose answer is awaited, or has just come) in any case. What was not
    sent is held. Raises LedgerError.
    """
    carried = 0
    with store.transaction():
        same = same or any(
            store.current(job_id) is not None or store.journals.has(job_id) for job_id in before
        )
        for job_id, rows in before.items():
            now = store.current(job_id)
            with suppress(IllegalTransition, ValueError):
                if now is None:
                    carried += (same or job_id in paid) and _add(store, job_id, rows)
                    continue
                missing = _missing(store, now, rows)
                carried += bool(missing)
                for event, at in missing:
                    store.put(job_id, event, "", at)
    return carried


def _missing(store: Store, now: Job, rows: Rows) -> list[tuple[events.Event, float]]:
    """What is remembered of a job and is not on record: all that followed, or where it went another way, what was paid.

    A sent job must not look unsent, and a request id is the only way to the clip.
    """
    if len(rows) > now.seq and rows[: now.seq] == _rows_of(store, now.id):
        return [
            (from_payload(kind, json.loads(payload)), at) for kind, payload, at in rows[now.seq :]
        ]
    if now.request_id or not any(kind == events.Sending.kind for kind, _, _ in rows):
        return []
    was = _folded(rows)
    road: list[events.Event] = []
    if was.sent and not now.sent:
        if now.state is State.QUEUED:
            # A job that stays held would be paid for and never asked for.
            road = [events.Released(now.released_by)] if now.held else []
            road.append(events.SubmitStarted(was.reserved))
        if now.state in (State.QUEUED, State.SUBMITTING):
            road.append(events.Sending())
        else:  # a job that was stopped, or failed, before it was sent
            return []
    if was.request_id:
        road.append(events.Submitted(was.request_id))
    return [(event, time.time()) for event in road]


def _rows_of(store: Store, job_id: str) -> Rows:
    return store.connection.execute(
        "SELECT kind, payload, at FROM events WHERE job = ? ORDER BY seq", (job_id,)
    ).fetchall()


def _folded(rows: Rows) -> Job:
    job: Job | None = None
    for kind, payload, at in rows:
        job = apply(job, from_payload(kind, json.loads(payload)), at)
    assert job is not None
    return job


def _add(store: Store, job_id: str, rows: Rows) -> bool:
    """Put a job with its history into the store; whether that made a job."""
    for kind, payload, at in rows:
        with suppress(IllegalTransition, ValueError):
            store.put(job_id, from_payload(kind, json.loads(payload)), "", at, journal=False)
    job = store.current(job_id)
    if job is None:
        return False
    if not job.sent and not job.stop_requested:
        problem = Problem(
            ProblemCode.HELD,
            "The list of clips was replaced while this job waited. Nothing was bought.",
            "Press Send to send this job.",
        )
        if job.state is State.SUBMITTING:
            job = store.put(job_id, events.NotSent(problem), "", time.time(), journal=False)
        if job.state is State.QUEUED and not job.held:
            store.put(job_id, events.Held(problem), "", time.time(), journal=False)
    store.renew_journal(job_id)
    return True

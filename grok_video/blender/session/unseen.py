"""Which jobs have ended since the artist looked at the list: while the panel was folded, or Blender did something else.

Owns what was noticed in this session, for the file that is open. A row that was drawn stays marked for some seconds, so
that the mark can be seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import bpy

from ...core.job import State
from .state import current, job_by_id, running
from .watch import redraw

MARKED_SECONDS = 10.0  # that a row stays marked after its first drawing
#: States that end a job as news; who stops a job knows so.
_NEWS = frozenset({State.READY, State.IMPORTED, State.FAILED, State.UNKNOWN})


def look() -> bool:
    """Note the jobs that have ended since the last look; True when there are any. Called on ticks."""
    session = current()
    own, snapshot = session.unseen, session.bridge.snapshot
    if own.seen_in is snapshot:
        return False
    before, own.open, own.seen_in = own.open, {job.id for job in snapshot.open}, snapshot
    gone = (job_by_id(job_id) for job_id in before - own.open)
    ended = {job.id for job in gone if job is not None and not job.open and job.state in _NEWS}
    for job_id in ended:
        own.ended[job_id] = 0.0
    for job_id in own.open & own.ended.keys():  # taken up again
        del own.ended[job_id]
    return bool(ended)


def count() -> int:
    """How many jobs have ended that no panel has shown since. No look."""
    return sum(not at for at in current().unseen.ended.values())


def is_new(job_id: str) -> bool:
    """Whether a job's row is to be marked. No look."""
    return job_id in current().unseen.ended


def drawn(job_ids: Iterable[str]) -> None:
    """Note which rows a panel shows just now. No look: panels call this."""
    own = current().unseen
    unseen = [job_id for job_id in job_ids if own.ended.get(job_id) == 0.0]
    for job_id in unseen:
        own.ended[job_id] = time.monotonic()
    if unseen and not bpy.app.background and not bpy.app.timers.is_registered(fade):
        # The header with the count was drawn before its rows: once more at once, and then without the marks.
        bpy.app.timers.register(fade, first_interval=0.1)


def fade() -> float | None:
    """Timer: take the marks off rows that were shown long enough."""
    session = running()
    if session is None:
        return None
    own, now = session.unseen, time.monotonic()
    for job_id in [i for i, at in own.ended.items() if at and now - at >= MARKED_SECONDS]:
        del own.ended[job_id]
    redraw()
    return MARKED_SECONDS / 4 if any(own.ended.values()) else None


def forget() -> None:
    """Another file is open: what ended for the one before is no news in it."""
    current().unseen.ended.clear()

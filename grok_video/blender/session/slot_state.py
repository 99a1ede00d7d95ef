"""What a waiting slot tells of its clip, over its strip and in the panel: read for each redraw, without a look at the disk."""

from __future__ import annotations

import time
from typing import Any

from ...core.expected import time_text
from ...core.job import Job, State
from ...core.record import record
from .. import timeline
from . import files
from .state import current, is_prepared, job_by_id, may_come, under_way

_STRANGE = "Its job is not in this list of clips. Where its clip lies beside the .blend, it comes by itself."


@record
class SlotState:
    """What a waiting slot tells: words for the artist, and how far its clip is."""

    words: str
    bad: bool  # nothing more happens by itself
    factor: float | None  # from 0 to 1; None where nobody knows
    job: Job | None  # None where there is no job (yet), or this list does not have it


def state_of(strip: Any) -> SlotState | None:
    """What a waiting slot tells of its clip; None for every other strip. No look at the disk: each redraw asks."""
    if not timeline.slots.is_waiting(strip):
        return None
    job_id = timeline.strips.job_of(strip)
    session = current()
    job = job_by_id(job_id)
    if job is not None and may_come(job):
        return _state_of_job(job)
    if asked := timeline.takes.awaited_by(strip):
        job_id = asked  # another take was asked for, whose click may not be a job yet
        job = job_by_id(asked) or job
    if job is not None and not is_prepared(job_id):
        # After an undo the strip may name a job that had ended before the clip was bought again.
        newest = None if may_come(job) else under_way(timeline.strips.slot_of(strip))
        return _state_of_job(newest or job)
    for click in session.click.queue:
        if click.spec is not None and click.spec.id == job_id:
            done = click.progress
            return SlotState("Preparing", False, done[0] / max(done[1], 1) if done else None, None)
    if is_prepared(job_id):
        return SlotState("Waiting", False, None, None)  # of a shot list
    for told in (session.slots.ended, session.answers.not_taken):
        if words := told.get(job_id):
            return SlotState(words, True, None, None)
    if job_id in session.documents:
        return SlotState("Waiting to Send", False, None, None)
    if session.bridge.reader.behind:
        return SlotState("Reading the List of Jobs", False, None, None)
    return SlotState(_STRANGE, True, None, None)


_WORDS = {
    State.QUEUED: "Waiting to Send",
    State.SUBMITTING: "Sending",
    State.RUNNING: "Generating",
    State.DOWNLOADING: "Downloading",
    State.READY: "Ready",
    State.IMPORTED: "Ready",
    State.FAILED: "Failed",
    State.CANCELLED: "Stopped",
    State.UNKNOWN: "Answer Lost",
}
_BAD = frozenset({State.FAILED, State.CANCELLED, State.UNKNOWN})


def words_of_job(job: Job) -> str:
    """What became of a job, for artists; without the time, which changes while nothing happens."""
    return _state_of_job(job, timed=False).words


def _state_of_job(job: Job, *, timed: bool = True) -> SlotState:
    words, factor = _WORDS[job.state], None
    bad = job.held or job.blocked or job.state in _BAD
    why = job.problem.message if job.problem is not None else ""
    if job.fetching:
        words = "Downloading Again"
    elif job.held:
        words = f"Held: {why}" if why else "Held"
    elif job.stop_requested and job.state not in _BAD:
        words = "Stopping"
    elif job.state is State.RUNNING:
        factor = job.progress / 100 if job.progress is not None else None
        percent = f" {job.progress} %" if job.progress is not None else ""
        words = f"{words}{percent}"
        if timed:
            words = f"{words} · {time_text(time.time() - job.created_at)}"
        if job.blocked and why:
            words = f"Blocked: {why}"
    elif job.state in (State.READY, State.IMPORTED):
        lost = files.lost(job)
        if lost == "gone":
            words, bad = "The file of this clip is gone. Download Again is free.", True
        elif waits := current().imports.waiting:
            words = f"Ready. {waits}"
    elif job.state is State.FAILED and why:
        words = f"Failed: {why}"
    return SlotState(words, bad, factor, job)

"""A strip that is extended in several passes: each is bought when the one before is on the timeline.

The artist agreed to all passes and their price; whatever ends the series keeps what is there.
"""

from __future__ import annotations

import bpy

from ...core.job import FINAL_STATES
from ...service.pricing import Pass
from ..refusal import Interrupted, Refused
from ..submission.extend import next_pass
from ..submission.strip_part import strip_named
from ..timeline.source_strip import source_strip_of
from .click import accept, refuse_now
from .state import current, job_by_id, session_id


def start_next_pass(context: bpy.types.Context) -> bool:
    """Let a shot go on from the part that was just placed; True when that began or ended.

    The artist agreed to all passes and their price; each is bought when the one before is on the timeline.
    """
    flow = current()
    if not flow.next_passes or flow.pending is not None:
        return False
    job_id, (scene_name, strip_name) = next(iter(flow.next_passes.items()))
    del flow.next_passes[job_id]
    passes = flow.passes.pop(job_id)
    job = job_by_id(job_id)
    try:
        if job is None:
            raise Refused("Its job is gone.")
        refuse_now()
        shot = source_strip_of(strip_named(scene_name, strip_name))
        order = next_pass(shot, job, session_id(), job_by_id, passes[0])
        order.passes = passes[1:]
        flow.follows[job_id] = accept(context, order)
    except (Refused, Interrupted) as error:
        flow.message = _series_ended(passes, str(error))
        if bpy.app.background:
            raise Refused(flow.message) from error
    return True


def _series_ended(passes: tuple[Pass, ...], why: str) -> str:
    parts = "1 more part was" if len(passes) == 1 else f"{len(passes)} more parts were"
    return f"The shot was not extended further: {why} What is there stays; {parts} not sent or charged."


def drop_passes(job_id: str, why: str) -> None:
    """What was to follow a job is not bought any more: the artist would have to ask for it anew."""
    flow = current()
    flow.next_passes.pop(job_id, None)
    if passes := flow.passes.pop(job_id, ()):
        flow.message = _series_ended(passes, why)


def end_series() -> None:
    """Nothing follows a pass that did not come in by itself.

    *Retry*, *Send* and *Import* speak of one job, so none of them may buy what was to follow it.
    """
    flow = current()
    for job_id in list(flow.passes):
        job = job_by_id(job_id)
        if job is None or job_id in flow.next_passes:
            continue
        if job.held or job.stop_requested or job.state in FINAL_STATES:
            drop_passes(job_id, "The part before it was stopped, failed or was placed elsewhere.")

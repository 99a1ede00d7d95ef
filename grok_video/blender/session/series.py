"""A strip that is extended in several passes: each is bought when the one before is on the timeline.

The artist agreed to all passes and their price; whatever ends the series keeps what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ...core.job import FINAL_STATES, State
from ...service.pricing import Pass
from .. import submission, timeline
from ..identity import Meant
from ..refusal import Interrupted, Refused
from . import click
from .state import current, is_prepared, job_by_id, session_id

if TYPE_CHECKING:
    from ..submission.common import Submission
    from ..timeline.source_strip import SourceStrip


def extend(context: bpy.types.Context, source: SourceStrip, passes: list[Pass]) -> str:
    """Let a strip go on by the first of ``passes``; the others follow one after the other.

    Returns the id of the first pass's job to be. Raises Refused.
    """
    click.refuse_now()
    if not passes:
        raise Refused("Nothing can be added to this strip.", "Choose another strip.")
    first = submission.extend.extension(
        context.scene, source, session_id(), job_by_id, passes[0].seconds
    )
    # A script agrees to nothing for the artist: what waits for *Send* is one part, with that part's price.
    return _accept(context, first, tuple(passes[1:]) if click.may_buy() else ())


def _accept(
    context: bpy.types.Context,
    submission: Submission,
    others: tuple[Pass, ...],
    *,
    select: bool = True,
) -> str:
    """Buy one pass, and note the passes that the artist agreed to with it. Raises Refused, Interrupted."""
    job_id = click.accept(context, submission, select=select)
    if others:
        current().series.agreed[job_id] = others
    return job_id


def start_next_pass(context: bpy.types.Context) -> bool:
    """Buy the pass that follows a pass just placed; True when a pass was bought, or the series has ended.

    In the background raises Refused where the series ends; in a window the panel says so.
    """
    session = current()
    series = session.series
    if not series.next or session.click.queue:
        return False
    job_id, (meant, strip_name) = next(iter(series.next.items()))
    del series.next[job_id]
    passes = series.agreed.pop(job_id)
    job = job_by_id(job_id)
    try:
        if job is None:
            raise Refused("Its job is gone.")
        click.refuse_now()
        strip = _strip_of_pass(meant, strip_name, job_id)
        source = timeline.source_strip.source_strip_of(strip)
        following = submission.extend.next_pass(source, job, session_id(), job_by_id, passes[0])
        # The artist agreed to this pass with the first one, and has selected something else since.
        with click.begun_by(press=True, slot=bool(job.spec.target.slot)):
            series.follows[job_id] = _accept(context, following, passes[1:], select=False)
    except (Refused, Interrupted) as error:
        why = _series_ended(passes, str(error))
        click.say(why)
        if bpy.app.background:
            raise Refused(why) from error
    return True


def _series_ended(passes: tuple[Pass, ...], why: str) -> str:
    parts = "1 more part was" if len(passes) == 1 else f"{len(passes)} more parts were"
    return f"The shot was not extended further: {why} What is there stays; {parts} not sent or charged."


def _strip_of_pass(meant: Meant, name: str, job_id: str) -> Any:
    """The movie strip that the job's pass has become, renamed or not. Raises Refused."""
    scene = meant.find(bpy.data.scenes)
    mine = timeline.strips.strips_of(scene, job_id) if scene is not None else []
    movies = [strip for strip in mine if strip.type == "MOVIE"]
    for strip in movies:
        if strip.name == name or len(movies) == 1:
            return strip
    raise Refused(f"There is no strip “{name}” in the scene “{meant.name}”.")


def go_on_from(job_id: str, scene: bpy.types.Scene, strip: str) -> bool:
    """Let the next pass start from the strip that the job's pass has become; False where no further one was agreed."""
    series = current().series
    if job_id not in series.agreed:
        return False
    series.next[job_id] = Meant.of(scene), strip
    return True


def drop_passes(job_id: str, why: str) -> None:
    """Give up the passes that were to follow a job, and say in the panel why."""
    series = current().series
    series.next.pop(job_id, None)
    if passes := series.agreed.pop(job_id, ()):
        click.say(_series_ended(passes, why))


def end_series() -> None:
    """Give up what was to follow a pass whose clip does not come in by itself any more.

    *Retry*, *Send* and *Import* speak of one job, so none of them may buy what was to follow that job.
    """
    session = current()
    series = session.series
    for job_id in list(series.agreed):
        if job_id not in session.documents and not is_prepared(job_id):
            del series.agreed[job_id]  # the click ended without a job: the panel says why
            continue
        job = job_by_id(job_id)
        if job is None or job_id in series.next:
            continue
        if job.state is State.IMPORTED and job_id in session.slots.waiting:
            continue  # into the same file, in another Blender: here the slot becomes the clip just now
        if job.held or job.stop_requested or job.state in FINAL_STATES:
            drop_passes(job_id, "The part before it was stopped, failed or was placed elsewhere.")
        elif job.spec.slot in session.slots.removed:
            # Else undo or redo, which bring the slot back, would buy what was to follow.
            drop_passes(job_id, "The slot of the part before it was removed from the timeline.")


def forget_all() -> None:
    """Give up the passes of all series: another file was opened, and with it the edit of the strips is gone."""
    series = current().series
    series.agreed.clear()
    series.next.clear()

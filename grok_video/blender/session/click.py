"""A click, from the button to the queue: refused, prepared, and handed to the worker as a job.

Owns the click that is being prepared. A double click is one click.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import bpy

from ...core import spending as money
from ...core.files import make_private
from ...core.job import Job
from ...core.payload import spec_to_payload
from ...core.spec import JobSpec, Target, new_id
from ...service import checks
from ...service.pricing import Pass
from .. import config
from ..refusal import Interrupted, Refused
from ..submission.common import Submission, price_of, still_path
from ..submission.edit import edit_of_animation, edit_of_strip
from ..submission.extend import continuation, extension
from ..submission.generate import generation
from ..submission.preparation import Preparation, files_sent, remove_files
from ..submission.strip_part import source_gone
from ..timeline import clip_files
from ..timeline.source_strip import SourceStrip
from .queue import connection_trouble, read_all, send
from .spending import limits_count
from .state import current, job_by_id, session_id
from .watch import watch

DOUBLE_CLICK_SECONDS = 1.0
NOTHING_LOST = "Nothing was sent or charged."


def generate(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
) -> str:
    """Start a clip from ``scene``'s settings for ``target`` at ``frame``; returns the id of the job to be.

    Raises Refused, Interrupted.
    """
    refuse_now()
    return accept(context, generation(context, scene, target, frame, session_id()))


def extend(context: bpy.types.Context, shot: SourceStrip, passes: list[Pass]) -> str:
    """Let a shot go on by the first of ``passes``; the others follow one after the other. Raises Refused."""
    refuse_now()
    order = extension(context.scene, shot, session_id(), job_by_id, passes[0].seconds)
    order.passes = tuple(passes[1:])
    return accept(context, order)


def edit(context: bpy.types.Context, shot: SourceStrip) -> str:
    """Let a shot look different. Raises Refused."""
    refuse_now()
    return accept(context, edit_of_strip(context.scene, shot, session_id(), job_by_id))


def edit_animation(context: bpy.types.Context, target: bpy.types.Scene) -> str:
    """Play the animation into a clip and let it look different. Raises Refused."""
    refuse_now()
    return accept(context, edit_of_animation(context, context.scene, target, session_id()))


def continue_shot(context: bpy.types.Context, shot: SourceStrip) -> str:
    """Start a new clip from a shot's last frame. Raises Refused, Interrupted."""
    refuse_now()
    return accept(context, continuation(context.scene, shot, session_id()))


def refuse_now() -> None:
    """Raise Refused where no click can become a job at this moment."""
    flow = current()
    if flow.pending is not None:
        raise Refused("The source of another clip is being prepared.", "Wait until it is done.")
    if trouble := connection_trouble():
        raise Refused(trouble[0], code=trouble[1])
    if trouble := flow.bridge.ledger_trouble:
        if bpy.app.background and flow.bridge.ledger_damaged:
            return  # no timer has it rebuilt: the worker does so before it takes up the job
        raise Refused(trouble)


def accept(context: bpy.types.Context, order: Submission) -> str:
    """Take the pictures that are there, and queue the job, or note what must be made before.

    In a window what is to be made is only noted here and started on the next tick, so that the panel can
    say so first. Returns the id of the job to be. Raises Refused, Interrupted.
    """
    flow = current()
    _refuse_unpriced(order.spec)
    _refuse_double_click(order.spec)
    flow.message = ""
    make_private(flow.bridge.data_dir)
    still_path(order.spec.id).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    spec = order.spec
    try:
        for take in order.stills:
            spec = take(spec)
    except (Refused, Interrupted):
        remove_files(spec)
        raise
    if order.passes:
        flow.passes[spec.id] = order.passes
    if order.steps:
        prepare_first(context, Preparation(spec, order.steps))
    else:
        _queue(spec)
    return spec.id


def prepare_first(context: bpy.types.Context, pending: Preparation) -> None:
    """Let ticks make what is needed; in background mode this blocks until it is there. Raises Refused."""
    flow = current()
    flow.message = ""
    flow.pending = pending
    if not bpy.app.background:
        watch()
        return
    while flow.pending is not None:
        prepare(context)
        time.sleep(0.02)
    if flow.message:
        raise Refused(flow.message)


def _refuse_unpriced(spec: JobSpec) -> None:
    # What has a price and is too dear becomes a job that is held: only the ledger knows for sure.
    if bpy.app.background:
        read_all()
    if spec.estimate is None and limits_count():
        over = money.over(current().bridge.limits, 0, 0, None, spec.model)
        assert over is not None
        raise Refused(over.message, over.hint, over.code)


def _refuse_double_click(spec: JobSpec) -> None:
    # The second click of a double click arrives when the first has been dealt with. Where playback makes
    # each turn of the event loop slow that may be seconds later, so the turns count as well as the time.
    flow = current()
    same = what_a_click_asks_for(spec)
    before, at = flow.last_click
    soon = time.monotonic() - at < DOUBLE_CLICK_SECONDS
    soon |= flow.watched and flow.since_click < DOUBLE_CLICK_SECONDS
    # Each click of a row counts from the one before: hammering the button is one click.
    _clicked(same)
    if not bpy.app.background and before == same and soon:
        raise Refused("This clip was sent just now.", "Press again if you want a second one.")


def _clicked(what: object) -> None:
    flow = current()
    flow.last_click, flow.since_click = (what, time.monotonic()), 0.0


def what_a_click_asks_for(spec: JobSpec) -> JobSpec:
    """What two clicks have in common that are one: the playhead may move between them."""
    return replace(
        spec,
        id="",
        image="",
        output="",
        target=Target("", strip=spec.target.strip),
        video=None,
        references=(),
        last_frame=None,
        keyframes=(),
    )


def prepare(context: bpy.types.Context) -> bool:
    """Go on with what a click needs, and queue its job when all is there; True when something changed."""
    flow = current()
    pending = flow.pending
    if pending is None:
        return False
    try:
        changed = pending.tick(context)
    except (Interrupted, Refused) as error:
        drop_because(str(error))
        return True
    except Exception:
        # A bug ends this click, and not every click to come.
        import traceback

        traceback.print_exc()
        drop_because("The program failed: Blender's console says more.")
        return True
    if not pending.done:
        return changed
    if pending.spec is not None and (why := source_gone(pending.spec)):
        drop_because(why)
        return True
    flow.pending = None
    try:
        if pending.spec is not None:
            _queue(pending.spec)
    except Refused as error:
        flow.message = str(error)
        if pending.spec is not None:
            flow.passes.pop(pending.spec.id, None)
    return True


def drop_pending() -> None:
    """The artist gives up what is being prepared; nothing was sent or charged."""
    flow = current()
    if flow.pending is not None:
        drop_because("Stopped.")


def drop_because(sentence: str) -> None:
    flow = current()
    if flow.pending is not None:
        flow.pending.cancel()
        if flow.pending.spec is not None:
            flow.passes.pop(flow.pending.spec.id, None)
    flow.pending = None
    said = "" if sentence.endswith(NOTHING_LOST) else f" {NOTHING_LOST}"
    flow.message = f"{sentence}{said}"


def _queue(spec: JobSpec) -> None:
    """Hand the job to the worker. From here on it survives everything that happens to Blender."""
    flow = current()
    flow.documents[spec.id] = flow.document
    send("submit", spec=spec_to_payload(spec))
    # On a busy machine all this outlasts the time between the clicks of a double click.
    _clicked(flow.last_click[0])


def send_again(job: Job, target: bpy.types.Scene, frame: int) -> str:
    """Buy ``job`` once more as a new job with the same still and settings. Raises Refused."""
    if trouble := connection_trouble():
        raise Refused(trouble[0], code=trouble[1])
    spec = job.spec
    for path in files_sent(spec):
        if not Path(path).is_file():
            raise Refused(f"A source of this job is gone: {path}.", "Make the clip anew.")
    job_id = new_id()
    folder = clip_files.clip_folder(bpy.data.filepath, config.output_dir())
    fresh = replace(
        spec,
        id=job_id,
        parent=spec.id,
        account=config.account(),
        api_base=config.api_base(),
        estimate=price_again(job),
        output=str(clip_files.clip_path(folder, datetime.now(), spec.prompt, job_id)),
        # What went after or over a strip goes there again; it is found by the strip.
        target=replace(
            spec.target,
            session=session_id(),
            blend=bpy.data.filepath,
            scene=target.name,
            **({"frame": frame} if spec.target.place == "AT" else {}),
        ),
    )
    if problem := checks.check(fresh):
        raise Refused(problem.message, problem.hint, problem.code)
    _refuse_unpriced(fresh)
    _refuse_double_click(fresh)
    _queue(fresh)
    return job_id


def price_again(job: Job) -> int | None:
    """What sending ``job`` again would cost, in ticks, at today's prices."""
    return price_of(job.spec)

"""A click, from the button to the queue: refused, prepared, and handed to the worker as a job.

Owns the clicks that are being prepared, one after the other. A double click is one click.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ...core import spending as money
from ...core.clock import Clocks
from ...core.files import INSIDE
from ...core.job import Job, State
from ...core.payload import spec_to_payload
from ...core.problem import Problem, ProblemCode
from ...core.spec import JobSpec, Kind, new_id
from ...core.word import SLEPT
from ...service import checks
from .. import config, identity, submission
from ..refusal import Interrupted, Refused
from . import look_frames, slots, waiting
from .answers import UNSEND, note
from .questions import listed_looks
from .queue import click_trouble, make_data_folder, read_all, refuse_lost, refuse_moving, send
from .spending import limits_count
from .state import current, is_prepared, job_by_id, may_come, session_id
from .watch import watch

if TYPE_CHECKING:
    from ..submission.common import Submission
    from ..submission.preparation import Preparation
    from ..timeline.gaps import Gap
    from ..timeline.source_strip import SourceStrip

DOUBLE_CLICK_SECONDS = 1.0
NOTHING_LOST = "Nothing was sent or charged."
SLOT_GONE = "Its slot was removed from the timeline."
ALLOW_SCRIPTS = "Scripts May Buy in This Window"  # the preference
#: Why the job of a script waits.
_OF_A_SCRIPT = Problem(
    ProblemCode.HELD,
    "A script asked for this clip, not you. Nothing was bought.",
    "Press Send to buy it.",
)
MOST_FOR_SCRIPTS = 50  # clips of scripts that wait at a time: more would bury the artist's own


@contextmanager
def begun_by(press: bool, *, slot: bool = False) -> Iterator[None]:
    """What is asked for inside is asked for by the artist's ``press`` of a button that buys, or by a script.

    ``slot``: a slot is to stand where the clip will be, from now on. A script that runs inside, such as a render handler
    of the artist's, says so for itself.
    """
    own = current().click
    before = own.pressed, own.slotted
    own.pressed, own.slotted = press, slot
    try:
        yield
    finally:
        own.pressed, own.slotted = before


def may_buy() -> bool:
    """Whether what is asked for now is bought: by the artist's press, in the background, or by leave of the artist.

    All else becomes a job that is held (docs/safety.md, rule 4).
    """
    own = current().click
    return bpy.app.background or own.pressed or own.scripts_may_buy


def allow_scripts(allowed: bool) -> None:
    """Let scripts buy in this Blender from now on, or not any more; the artist's leave ends with the session."""
    current().click.scripts_may_buy = allowed


def generate(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
    *,
    allow_single_color: bool = False,
) -> str:
    """Start a clip from ``scene``'s settings for ``target`` at ``frame``; returns the id of the job to be.

    ``allow_single_color``: see ``accept``. Raises Refused, Interrupted.
    """
    refuse_now()
    asked = submission.generate.generation(
        context, scene, target, frame, session_id(), in_look=look_frames.in_look(scene)
    )
    return accept(context, asked, allow_single_color=allow_single_color)


def edit(context: bpy.types.Context, source: SourceStrip) -> str:
    """Start an edit of a strip; returns the id of the job to be. Raises Refused."""
    refuse_now()
    return accept(
        context, submission.edit.edit_of_strip(context.scene, source, session_id(), job_by_id)
    )


def edit_animation(context: bpy.types.Context, target: bpy.types.Scene) -> str:
    """Start an edit of the animation, which is played into a clip first; returns the id of the job to be.

    Raises Refused.
    """
    refuse_now()
    return accept(
        context, submission.edit.edit_of_animation(context, context.scene, target, session_id())
    )


def continue_shot(
    context: bpy.types.Context, source: SourceStrip, *, allow_single_color: bool = False
) -> str:
    """Start a new clip from a strip's last frame; returns the id of the job to be. Raises Refused, Interrupted."""
    refuse_now()
    asked = submission.extend.continuation(context.scene, source, session_id())
    return accept(context, asked, allow_single_color=allow_single_color)


def fill_gap(
    context: bpy.types.Context, found: Gap, model: str, *, allow_single_color: bool = False
) -> str:
    """Start a clip of ``model`` ('': the panel's) that fills a gap; returns the id of the job to be.

    Raises Refused, Interrupted.
    """
    refuse_now()
    asked = submission.gap.filling(context.scene, found, session_id(), model)
    return accept(context, asked, allow_single_color=allow_single_color)


def refuse_now() -> None:
    """Raise Refused where no click can become a job at this moment."""
    refuse_moving()
    session = current()
    if session.click.queue:
        raise Refused("The source of another clip is being prepared.", "Wait until it is done.")
    if trouble := click_trouble():
        raise Refused(trouble[0], code=trouble[1])
    refuse_lost()
    if session.bridge.reader.trouble:
        session.bridge.tick(0.0)  # no tick may have looked since
    if trouble := session.bridge.reader.trouble:
        if bpy.app.background and session.bridge.reader.damaged:
            return  # the worker rebuilds the ledger before it takes up the job
        raise Refused(trouble)


def accept(
    context: bpy.types.Context,
    asked: Submission,
    *,
    allow_single_color: bool = False,
    select: bool = True,
) -> str:
    """Take the pictures that take no time; then queue the job, or note which steps come before.

    In a window the steps begin on the next tick, so that the panel can say so first. ``allow_single_color``: the clip is
    bought with frames of one colour as well. Without ``select`` a slot leaves the artist's selection as it is. Returns the
    id of the job to be. Raises Refused, Interrupted.
    """
    refuse_unpriced(asked.spec)
    held = not may_buy()
    if held:
        for one in submission.variants.specs_of(asked.spec, asked.others):
            note_for_script(one)
    else:
        _refuse_double_click(asked.spec)
    say("")
    make_data_folder()
    submission.common.still_path(asked.spec.id).parent.mkdir(
        parents=True, exist_ok=True, mode=INSIDE
    )
    submission.common.sweep_stills()
    spec = submission.preparation.marked(asked.spec)
    waits = None
    try:
        for add_to in asked.stills:
            spec = submission.preparation.marked(add_to(spec))
        prepared = submission.preparation.Preparation(
            spec, asked.steps, held=held, allow_single_color=allow_single_color
        )
        prepared.others = asked.others
        prepared.keep()
        if not asked.steps:
            waits = why_held(spec, held, allow_single_color)
    except (Refused, Interrupted):
        submission.preparation.remove_files(spec)
        raise
    no_slot = ""
    if current().click.slotted and not spec.target.slot:
        spec, no_slot = slots.place(context, spec, _size_to_come(asked), select=select)
        prepared.spec = spec
    if asked.steps:
        if spec.target.slot == spec.id:
            slots.push_undo_step(context)
        enqueue(context, prepared)
    else:
        _queue_with_slot(context, spec, waits)
        prepared.put_others(lambda one: queue_job(one, waits))
    if no_slot:
        say(f"The clip comes without a slot: {no_slot}")
    return spec.id


def _size_to_come(asked: Submission) -> tuple[int, int] | None:
    """The pixels of the first frame where the camera is still to be rendered; None where the frame is there or none is sent."""
    stills = [s for s in asked.steps if isinstance(s, submission.preparation.CameraStep)]
    return next((s.size for s in stills if s.noun == "source"), None)


def _queue_with_slot(context: bpy.types.Context, spec: JobSpec, held: Problem | None) -> None:
    """As ``queue_job``; its slot becomes an undo step with that, or goes where the job was not taken. Raises Refused."""
    try:
        queue_job(spec, held)
    except Refused:
        if spec.target.slot == spec.id:
            slots.take_back(spec.id)
        raise
    if spec.target.slot == spec.id:
        slots.push_undo_step(context)


def why_held(spec: JobSpec, script: bool, allow_single_color: bool) -> Problem | None:
    """Why the job of ``spec``, whose pictures are there, waits for the artist's word; None: it is bought.

    Raises Refused in the background, where nobody can be asked, and Interrupted.
    """
    if not allow_single_color and (words := submission.single_color.words_of(spec)):
        if bpy.app.background:
            raise Refused(f"{words} With allow_single_color=True it is bought.", NOTHING_LOST)
        return submission.single_color.problem_of(words, script=script)
    return _OF_A_SCRIPT if script else None


def enqueue(context: bpy.types.Context, preparation: Preparation) -> None:
    """Let ticks prepare a click, after the clicks that wait already.

    In background mode this blocks until the click is a job or has ended. Raises Refused.
    """
    click = current().click
    say("")
    click.queue.append(preparation)
    if not bpy.app.background:
        watch()
        return
    try:
        waiting.until(lambda: preparation not in click.queue, lambda: prepare(context))
    except KeyboardInterrupt:
        # Left in the queue, the click would be bought by whatever the script waits for next.
        _drop_first("Interrupted.", preparation)
        raise
    if click.message:
        raise Refused(click.message)


def say(message: str) -> None:
    """Say in the panel why a click, or what was to follow a click, ended without a job; '': say nothing."""
    current().click.message = message


def refuse_unpriced(spec: JobSpec) -> None:
    # Only a clip without a price: a clip that is too dear becomes a job, which the worker holds.
    if bpy.app.background:
        read_all()
    if spec.estimate is None and limits_count():
        over = money.over(current().bridge.reader.limits, 0, 0, None, spec.model, kind=spec.kind)
        assert over is not None
        raise Refused(over.message, over.hint, over.code)


def _refuse_double_click(spec: JobSpec) -> None:
    # Blender delivers the second click of a double click when the first has been dealt with. Where playback makes
    # each turn of the event loop slow that may be seconds later, so the turns count as well as the time.
    same = submission.common.what_a_click_asks_for(spec)
    before, at = current().click.last
    soon = time.monotonic() - at < DOUBLE_CLICK_SECONDS
    soon |= current().watch.running and turned_since() < DOUBLE_CLICK_SECONDS
    # Before the refusal: in a row of clicks each counts from the click before, so that hammering is one click.
    _clicked(same)
    what = "look" if spec.kind is Kind.LOOK else "clip"
    if not bpy.app.background and before == same and soon:
        raise Refused(f"This {what} was sent just now.", "Press again if you want a second one.")


def note_for_script(spec: JobSpec) -> None:
    """Note that a script asks for ``spec``. Raises Refused where as much waits for the artist already."""
    session = current()
    waiting_jobs = session.click.for_scripts
    for job_id in list(waiting_jobs):
        job = job_by_id(job_id)
        under_way = is_prepared(job_id) or job_id in session.documents
        if not under_way if job is None else job.state is not State.QUEUED:
            del waiting_jobs[job_id]
    same = submission.common.what_a_click_asks_for(spec)
    if same in waiting_jobs.values():
        raise Refused("A script asked for this clip before.", "It waits in the list for Send.")
    if len(waiting_jobs) >= MOST_FOR_SCRIPTS:
        raise Refused(
            f"{MOST_FOR_SCRIPTS} clips that scripts asked for wait already.",
            "Press Send or Discard in the list first.",
        )
    waiting_jobs[spec.id] = same


def turned_since() -> float:
    """Seconds since the last click, with each turn of the event loop counted as one tick's time at most."""
    session = current()
    return session.watch.turned - session.click.turned_then


def _clicked(what: object) -> None:
    session = current()
    session.click.last = what, time.monotonic()
    session.click.turned_then = session.watch.turned


def prepare(context: bpy.types.Context) -> bool:
    """Go on with what the first click needs, and queue its job when all is there.

    The next click begins when the first is done. True when something changed.
    """
    first = current().click.preparing
    if first is None:
        return False
    try:
        changed = first.tick(context)
    except (Interrupted, Refused) as error:
        _drop_first(str(error), first)
        return True
    except Exception:
        # A bug ends this click, and no other: raised, the exception would end the timer.
        import traceback

        traceback.print_exc()
        _drop_first("The program failed: Blender's console says more.", first)
        return True
    if current().click.preparing is not first:
        return True  # the step ran a handler of the artist's, which ended this click
    if not first.done:
        return changed
    if first.spec is not None and (why := lost_place(first.spec)):
        _drop_first(why, first)
        return True
    waits = None
    try:
        if first.spec is not None:
            waits = why_held(first.spec, first.held, first.allow_single_color)
    except (Interrupted, Refused) as error:
        _drop_first(str(error), first)
        return True
    _take_first()
    try:
        if first.spec is not None:
            queue_job(first.spec, waits, first.clicked)
            slots.picture_made(first.spec)
    except Refused as error:
        say(str(error))
        if first.spec is not None:
            slots.click_ended(first.spec.id, str(error))
        return True
    try:
        first.put_others(lambda one: queue_job(one, waits, first.clicked))
    except Refused as error:
        say(str(error))
    return True


def lost_place(spec: JobSpec) -> str:
    """'' or why a click must not be bought after its preparation: scene or strip is gone, or the place is taken."""
    if spec.target.slot:
        # Its slot has the place, wherever that was moved by now.
        return submission.strip_part.source_refusal(spec) if slots.stands(spec.slot) else SLOT_GONE
    if identity.scene_of(spec.target, same_file=True) is None:
        return f"The scene “{spec.target.scene}” that takes the clip is gone."
    return submission.strip_part.source_refusal(spec) or submission.common.room_refusal(spec)


def _take_first() -> Preparation:
    """Take the first click out of the queue and let the next click begin."""
    queue = current().click.queue
    first = queue.popleft()
    if queue:
        queue[0].come_up()
    return first


def stop_preparing() -> None:
    """Give up the click that is being prepared, for the artist; clicks that wait for their turn go on."""
    if (first := current().click.preparing) is not None:
        _drop_first("Stopped.", first)


def drop_all(sentence: str) -> None:
    """End every click that is no job yet, and say why."""
    queue = current().click.queue
    dropped = list(queue)
    # Emptied first: when one click fails to be cancelled, the others must not go on and be bought.
    queue.clear()
    for click in dropped:
        click.cancel()
        _say_lost(sentence, click)


def stop_removed() -> bool:
    """Stop what the artist took back by removing its slot before it was sent: by undo, or by deleting its last piece.

    True when something was stopped.
    """
    queue = current().click.queue
    removed = slots.removed_unsent()
    for job_id in removed:
        click = next((c for c in queue if c.spec is not None and c.spec.id == job_id), None)
        if click is None:
            _stop_unsent(job_id)
        elif click is queue[0]:
            _drop_first(SLOT_GONE, click)
        else:
            queue.remove(click)
            click.cancel()
            _say_lost(SLOT_GONE, click)
    return bool(removed)


def _stop_unsent(job_id: str) -> None:
    """Stop a job that is in the list, or on its way there, unless it was sent meanwhile."""
    try:
        note(send("stop", job=job_id, unsent=True), UNSEND, job_id)
    except Refused as error:
        say(f"{SLOT_GONE} {error}")
        return
    slots.stopping(job_id)
    say(f"{SLOT_GONE} Its clip is stopped, unless it was sent just then.")


def _drop_first(sentence: str, first: Preparation) -> None:
    if current().click.preparing is not first:
        return  # ended while its step ran: the first click is another one by now
    for other in look_frames.rest_of(first):
        current().click.queue.remove(other)
        other.cancel()
    _take_first().cancel()
    _say_lost(sentence, first)


def _say_lost(sentence: str, click: Preparation) -> None:
    said = "" if sentence.endswith(NOTHING_LOST) else f" {NOTHING_LOST}"
    say(f"{sentence}{said}")
    if click.spec is not None:
        slots.click_ended(click.spec.id, f"{sentence}{said}")


def queue_job(spec: JobSpec, held: Problem | None, clicked: Clocks | None = None) -> None:
    """Hand the job to the worker; from then on the job survives everything that happens to Blender.

    ``held``: why the job waits for *Send*. ``clicked``: the click, whose word grows old while the machine sleeps.
    """
    session, target = current(), spec.target
    if target.scene_mark and (scene := identity.scene_of(target, same_file=True)) is not None:
        identity.mark_scene(scene, target.scene_mark)
    fields: dict[str, object] = {}
    if held is not None:
        fields["held"] = held
    # Noted before the command is put down: a script that is interrupted in between asks what was queued.
    session.documents[spec.id] = session.document
    try:
        slept = Clocks.now().slept_since(clicked) if clicked is not None else 0.0
        if slept > SLEPT:
            fields["at"] = time.time_ns() - int(slept * 1e9)
        note(send("submit", spec=spec_to_payload(spec), **fields), "submit", spec.id)
    except Refused:
        del session.documents[spec.id]
        raise
    # The click counts from now: preparing and queueing may take longer than the time between the clicks of a double
    # click, and the second one would be bought as a new clip.
    if held is None:
        _clicked(session.click.last[0])


def send_again(
    context: bpy.types.Context,
    job: Job,
    target: bpy.types.Scene,
    frame: int,
    *,
    slot: str = "",
    changed: JobSpec | None = None,
) -> str:
    """Buy ``job`` once more as a new job with the same still and settings, into its slot where that waits.

    ``slot``: the clip is to be a take of that slot, of which there are strips. ``changed``: the request of the job with
    other words and settings, and with its pictures. Raises Refused.
    """
    if trouble := click_trouble():
        raise Refused(trouble[0], code=trouble[1])
    spec = submission.preparation.marked(changed or job.spec)
    for path in submission.preparation.files_sent(spec):
        if not Path(path).is_file():
            raise Refused(f"A source of this job is gone: {path}.", "Make the clip anew.")
    job_id = new_id()
    # A clip that went after or over a strip goes there again: the strip is found again, not its frame.
    place = submission.common.retarget(job.spec.target, session_id(), target, frame)
    fresh = replace(
        spec,
        id=job_id,
        parent=job.id,
        account=config.account(),
        api_base=config.api_base(),
        estimate=price_again(job) if changed is None else submission.common.price_of(changed),
        output=submission.takes.output_again(spec, job_id),
        target=replace(place, slot=slot),
    )
    if problem := checks.check(fresh, listed_looks()):
        raise Refused(problem.message, problem.hint, problem.code)
    refuse_unpriced(fresh)
    in_slot = slots.waits_for(job.id) and not (slot and may_come(job))
    if not (in_slot or slot) and (why := submission.common.room_refusal(fresh)):
        raise Refused(why)
    if in_slot:
        fresh = replace(fresh, target=replace(fresh.target, slot=slot or job.spec.slot))
    if may_buy():
        _refuse_double_click(fresh)
    else:
        note_for_script(fresh)
    held = None if may_buy() else _OF_A_SCRIPT
    if in_slot:
        queue_job(fresh, held)
        slots.wait_for(fresh, job.id)
    else:
        if current().click.slotted and not slot:
            fresh, _ = slots.place(context, fresh)
        _queue_with_slot(context, fresh, held)
    return job_id


def price_again(job: Job) -> int | None:
    """Ticks that *Send* or *Send Again* of ``job`` would cost at today's prices; None when not known."""
    return submission.common.price_of(job.asked_for, listed_looks())

"""A press that buys many shots: from the rows to the queue, a step a tick.

Owns the order of a press. All that a second Blender renders is written at the press; then slots are placed, one a tick, in
the order of the list, and become one undo step; then pictures are made, and each shot is handed to the worker as soon as its
picture is there. One press is under way at a time, and the artist's single clicks come before it.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.files import INSIDE
from ...core.job import State
from ...core.spec import JobSpec, new_id
from .. import scenes, sources, submission, timeline
from ..identity import Meant
from ..refusal import Interrupted, Refused
from . import click, shot_looks, slots
from .answers import STOP_SHOT, note
from .queue import make_data_folder, read_all, send
from .shot_state import job_of, key_of, key_of_look, state_of
from .shots import marked
from .state import ShotPress, current, job_by_id, session_id
from .watch import watch

if TYPE_CHECKING:
    from ..sources.background import Ordered
    from ..submission.common import Submission
    from ..submission.preparation import CameraStep, Preparation

#: Jobs of a press that wait to be sent at a time. A word holds for ten minutes (``core.word``), in which the service takes
#: some hundreds: of more, the last ones would be held. And what is no job yet is stopped without a trace.
MOST_UNSENT = 30
READ_SECONDS = 0.05  # for which a press may read the list of jobs
UNDER_WAY = "A list of shots is being generated."


def begin(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    rows: Sequence[Any],
    agreed: Mapping[str, int | None] | None = None,
    *,
    looks: bool = False,
    in_look: Mapping[str, str] | None = None,
    allow_single_color: bool = False,
) -> list[str]:
    """Begin to buy rows of ``scene``'s list, or with ``looks`` their pictures in the look in use; returns the ids of the jobs to be, in the order of the list.

    ``agreed``: mark of each row → the price that was agreed to, in ticks; a row that costs another one is left out, and so
    are rows that are refused; ``state_of`` says why. ``in_look``: mark of a row → path of the picture in the look that its clip
    begins with; None: as the list's switch says. Blender is held up as a save of the file does where a second
    Blender renders. Ticks do the rest, also in background mode, where the caller makes them. Raises Refused.
    """
    click.refuse_now()
    if current().shot_batch.press is not None:
        raise Refused(UNDER_WAY, "Wait until it is done, or press Stop.")
    _read_list()
    marked(scene)
    make_data_folder()
    submission.common.still_path("").parent.mkdir(parents=True, exist_ok=True, mode=INSIDE)
    submission.common.sweep_stills()
    kept = sources.ways.Kept(several=True, wanted=sources.ways.for_many())
    press = ShotPress(Meant.of(scene), kept, len(rows))
    press.allow_single_color, press.of_looks = allow_single_color, looks
    press.slotted = current().click.slotted and not looks  # a look has no place on the timeline
    look = shot_looks.look_in_use(scene).job if looks else ""
    firsts = shot_looks.in_look(context, scene, rows) if in_look is None else in_look
    target, pictures = timeline.strips.target_scene(context), new_id()
    folder = submission.common.output_folder(look=looks)
    every: list[Submission] = []
    try:
        for row in rows:
            try:
                if looks:
                    asked = shot_looks.submission_for(context, scene, row, pictures, folder)
                else:
                    first = firsts.get(row.mark, "")
                    asked = _clip_of(context, scene, row, target, pictures, folder, first)
                every.append(_agreed_to(asked, agreed))
            except (Refused, Interrupted) as error:
                _ended(key_of_look(row.mark, look) if looks else row.mark, "", str(error))
        current().shot_batch.press = press  # from here on its shots are known as prepared
        for asked, why in _kept(press, every):
            if not (why := why or _taken_in(press, asked)):
                continue
            _ended(key_of(asked.spec), "", why)
            submission.preparation.remove_files(asked.spec)
    except BaseException:
        current().shot_batch.press = None
        press.kept.discard()
        raise
    return _begun(press)


def _read_list() -> None:
    """Read what is new in the list of jobs: another Blender may have bought rows of this file. Raises Refused."""
    if bpy.app.background:
        read_all()
        return
    bridge = current().bridge
    bridge.tick(READ_SECONDS)
    if bridge.reader.behind or bridge.reader.missed:
        raise Refused("The list of clips is still being read.", "Press again in a moment.")


def _clip_of(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    target: bpy.types.Scene,
    pictures: str,
    folder: Path,
    first: str,
) -> Submission:
    """What a row asks for; ``first``: path of the picture in the look that it begins with, '': of none. Raises Refused."""
    begins = submission.shot_looks.first_frame_from(first) if first else None
    return submission.shots.submission_of(
        context, scene, _checked(row), target, session_id(), pictures, folder, first=begins
    )


def _checked(row: Any) -> Any:
    """A row that nothing stands for. Raises Refused."""
    if not state_of(row.mark, row.job).again:
        raise Refused("This shot was bought, or waits to be sent.")
    return row


def _agreed_to(asked: Submission, agreed: Mapping[str, int | None] | None) -> Submission:
    """What a row asks for, its references made. Raises Refused, Interrupted."""
    if agreed is not None and agreed.get(asked.spec.shot, -1) != asked.spec.estimate:
        raise Refused("The price of this shot has changed meanwhile.", "Press again.")
    click.refuse_unpriced(asked.spec)
    asked.spec = submission.preparation.marked(asked.spec)
    for add_to in asked.stills:
        asked.spec = submission.preparation.marked(add_to(asked.spec))
    return asked


def _kept(press: ShotPress, every: list[Submission]) -> Iterator[tuple[Submission, str]]:
    """Keep what the cameras of all shots show, as it is now, in one file; each shot with '' or why it cannot be kept."""
    camera_step = submission.preparation.CameraStep
    cameras = [step for one in every for step in one.steps if isinstance(step, camera_step)]
    unwritten = _write(press, cameras)
    for asked in every:
        why = ""
        for step in asked.steps:
            if not isinstance(step, camera_step):
                continue
            try:
                if not (why := unwritten.get(step.scene.uid, "")):
                    step.keep(press.kept)
            except (Refused, Interrupted) as error:
                why = str(error)
        yield asked, why


def _write(press: ShotPress, cameras: list[CameraStep]) -> dict[int, str]:
    """Write the scenes that a second Blender may have to render into one file: scenes that could not be, and why."""
    found: dict[int, bpy.types.Scene] = {}
    for step in cameras:
        scene = step.scene.find(bpy.data.scenes)
        if scene is None or step.scene.uid in found:
            continue
        with suppress(Refused):  # said once more of each shot
            way = press.kept.way(scene, step.frame)
            is_spare = way is sources.ways.Way.COPY and press.kept.is_spare(scene, step.frame)
            if way is sources.ways.Way.BACKGROUND or is_spare:
                found[step.scene.uid] = scene
    if not found:
        return {}
    try:
        press.kept.write(list(found.values()), cameras[0].path.parent)
    except Interrupted as error:
        return dict.fromkeys(found, str(error))
    return {}


def _taken_in(press: ShotPress, asked: Submission) -> str:
    """Let what a row asks for be a shot to come; '' or why it cannot be."""
    own, spec, held = current().shot_batch, asked.spec, not click.may_buy()
    if held:
        try:
            click.note_for_script(spec)
        except Refused as error:
            return str(error)
    single = press.allow_single_color
    item = submission.preparation.Preparation(
        spec, asked.steps, held=held, allow_single_color=single
    )
    press.items[spec.id] = item
    press.of_row[key_of(spec)] = spec.id
    own.notes.pop(key_of(spec), None)
    return ""


def _begun(press: ShotPress) -> list[str]:
    """Let ticks go on with a press; returns the ids of the jobs to be."""
    ids = list(press.items)
    if not ids:
        current().shot_batch.press = None
        press.kept.discard()
        return ids
    orders: list[Ordered] = []
    ordered: list[str] = []
    for job_id, item in press.items.items():
        step: Any = item.steps[0] if item.steps else None
        if step is None:
            press.ready.append(job_id)
        elif _is_for_second_blender(step):
            orders.append(step.ordered)
            ordered.append(job_id)
        else:
            press.here.append(job_id)
    # What holds the window up comes first, while the artist waits for the press anyway.
    press.here = deque(sorted(press.here, key=lambda job_id: not _holds_up(press, job_id)))
    if orders:
        press.stills, press.ordered = sources.stills.Stills(orders), tuple(ordered)
    if press.slotted:
        press.to_place.extend(ids)
    watch()
    return ids


def _holds_up(press: ShotPress, job_id: str) -> bool:
    """Whether the window waits while a shot's picture is made: of the scene itself, which must be as it was at the press."""
    steps, camera_step = press.items[job_id].steps, submission.preparation.CameraStep
    return any(isinstance(s, camera_step) and s.way is sources.ways.Way.ITSELF for s in steps)


def _is_for_second_blender(step: Any) -> bool:
    camera_step = submission.preparation.CameraStep
    return isinstance(step, camera_step) and step.way is sources.ways.Way.BACKGROUND


def _ended(key: str, job_id: str, sentence: str) -> None:
    """Note why a row's clip or look came to no job."""
    said = "" if sentence.endswith(click.NOTHING_LOST) else f" {click.NOTHING_LOST}"
    current().shot_batch.ended[key] = job_id, f"{sentence}{said}"


# ---------------------------------------------------------------------------------------------- ticks


def go_on(context: bpy.types.Context) -> bool:
    """Go on with the press that is under way, as far as that needs no waiting; True when something changed."""
    press = current().shot_batch.press
    if press is None:
        return False
    try:
        changed = _go_on(context, press)
    except Exception:
        # A bug ends this press, and nothing else: raised, the exception would end all ticks.
        traceback.print_exc()
        drop_all("The program failed: Blender's console says more.")
        return True
    if not press.here and (press.stills is None or press.stills.done):
        press.kept.discard()
    if not press.items and not press.unpushed:
        drop_all("")
        return True
    return changed


def _go_on(context: bpy.types.Context, press: ShotPress) -> bool:
    changed = _hear(press)
    if current().click.queue:
        return changed  # the artist's single click comes first
    if press.here and _holds_up(press, press.here[0]):
        return changed | _make_here(context, press)
    if press.to_place or press.unpushed:
        return _place_next(context, press) or changed
    return changed | _make_here(context, press) | _hand_over(press)


def _hear(press: ShotPress) -> bool:
    """Take in the pictures that the second Blender has made."""
    if press.stills is None or press.stills.done:
        return False
    told = press.stills.poll()
    for index, made in told:
        job_id = press.ordered[index]
        item = press.items.get(job_id)
        if item is None:
            if not isinstance(made, Interrupted):  # of a shot that was stopped meanwhile
                sources.pixels.remove(Path(made.path))
            continue
        if isinstance(made, Interrupted):
            _drop(press, job_id, str(made))
            continue
        step: Any = item.steps.pop()
        try:
            item.spec = submission.preparation.marked(step.add_to(item.spec, made))
        except (Interrupted, OSError) as error:
            _drop(press, job_id, str(error))
            continue
        press.ready.append(job_id)
    return bool(told)


def _place_next(context: bpy.types.Context, press: ShotPress) -> bool:
    """Let the next slot stand; when the last one does, all are one undo step."""
    if timeline.importing.unsettled(context, at_once=True):
        return False
    if press.to_place:
        job_id = press.to_place.popleft()
        item = press.items[job_id]
        assert item.spec is not None
        item.spec, why = _placed(context, item)
        if why:
            current().shot_batch.notes[item.spec.shot] = f"The clip comes without a slot: {why}"
        press.unpushed |= item.spec.target.slot == job_id
    if press.unpushed and not press.to_place:
        press.unpushed = False
        slots.push_undo_step(context)
    return True


def _placed(context: bpy.types.Context, item: Preparation) -> tuple[JobSpec, str]:
    """Let a slot stand for a shot: the one that waits for an earlier job of its row, where that is at its place."""
    spec = item.spec
    assert spec is not None
    for before, frame in _before(spec.shot):
        if frame == spec.target.frame and (slot := slots.slot_waiting_for(before)):
            spec = replace(spec, target=replace(spec.target, slot=slot))
            slots.wait_for(spec, before)
            slots.follow(slot)
            return spec, ""
    stills = [s for s in item.steps if isinstance(s, submission.preparation.CameraStep)]
    size = stills[0].size if stills else None
    return slots.place(context, spec, size, select=False)


def _before(mark: str) -> list[tuple[str, int]]:
    """The jobs that a row came to before, and the one that it nearly came to, with their frames; the newest first."""
    jobs = current().bridge.snapshot.jobs.of_shot(mark)
    found = [(job.id, job.spec.target.frame) for job in reversed(jobs)]
    if (stopped := current().shot_batch.stopped.get(mark)) is not None:
        found.insert(0, stopped)
    return found


def _make_here(context: bpy.types.Context, press: ShotPress) -> bool:
    """Go on with the first picture that this Blender makes."""
    if not press.here:
        return False
    job_id = press.here[0]
    item = press.items[job_id]
    if item.running is None and scenes.busy():
        return False
    try:
        changed = item.tick(context)
    except (Interrupted, Refused) as error:
        _drop(press, job_id, str(error))
        return True
    # The step may have run a handler of the artist's, which ended this press, or this shot.
    if job_id in press.items and item.done:
        press.here.popleft()
        press.ready.append(job_id)
    return changed


def _hand_over(press: ShotPress) -> bool:
    """Hand the next shot to the worker whose picture is there."""
    press.unsent = [job_id for job_id in press.unsent if _is_unsent(job_id)]
    if not press.ready or len(press.unsent) >= MOST_UNSENT:
        return False
    job_id = press.ready[0]
    item, own = press.items[job_id], current().shot_batch
    spec = item.spec
    assert spec is not None
    try:
        row = _row_of(press.scene, spec.shot)
        if row is None:
            raise Refused("Its row was removed from the list.")
        if why := click.lost_place(spec):
            raise Refused(why)
        held = click.why_held(spec, item.held, item.allow_single_color)
        click.queue_job(spec, held, item.clicked)
    except (Interrupted, Refused) as error:
        _drop(press, job_id, str(error))
        return True
    press.ready.popleft()
    key = key_of(spec)
    del press.items[job_id], press.of_row[key]
    press.unsent.append(job_id)
    own.queued[key] = job_id
    own.ended.pop(key, None)
    own.stopped.pop(key, None)
    slots.picture_made(spec)
    if not press.of_looks:
        row.job = spec.id  # for a file that another computer opens; an undo may take that back
    return True


def _is_unsent(job_id: str) -> bool:
    """Whether a job waits for its turn at the worker."""
    job = job_by_id(job_id)
    if job is None:
        return job_id in current().documents
    return job.state is State.QUEUED and not job.held


def _row_of(of: Meant, mark: str) -> Any:
    """The row of that mark, None where it was removed, or its scene."""
    scene = of.find(bpy.data.scenes)
    rows = scene.grok_video.shots if scene is not None else ()
    return next((one for one in rows if one.mark == mark), None)


# ---------------------------------------------------------------------------------------------- the end


def stop(scene: bpy.types.Scene) -> None:
    """Stop what was not sent of ``scene``'s list, and the press that is under way, whichever list that is of.

    What was sent comes in.
    """
    own = current().shot_batch
    if own.press is not None and own.press.unpushed:
        slots.push_undo_step(bpy.context)  # the slots that stand tell what was stopped
    asked = list(own.press.unsent) if own.press is not None else []  # of rows that were removed too
    drop_all("Stopped.")
    look = submission.first_frame.look_of(scene)
    for row in scene.grok_video.shots:
        clip = job_of(row.mark)
        asked += [clip.id] if clip is not None else []
        asked += [job.id for job in current().bridge.snapshot.jobs.looks_of_shot(row.mark)]
        keys = (row.mark, key_of_look(row.mark, look.job) if look is not None else "")
        asked += [own.queued[key] for key in keys if key in own.queued]
    for job_id in dict.fromkeys(asked):
        if _is_unsent(job_id):
            _stop_unsent(job_id)


def _stop_unsent(job_id: str) -> None:
    note(send("stop", job=job_id, unsent=True), STOP_SHOT, job_id)


def drop_all(sentence: str) -> None:
    """End the press that is under way, and say why at each shot that is no job yet."""
    press = current().shot_batch.press
    if press is None:
        return
    for job_id in list(press.items):
        _drop(press, job_id, sentence)
    current().shot_batch.press = None
    if press.stills is not None:
        press.stills.cancel()
    press.kept.discard()


def _drop(press: ShotPress, job_id: str, sentence: str) -> None:
    """End a shot that is no job yet."""
    item = press.items.pop(job_id)
    for queue in (press.to_place, press.here, press.ready):
        if job_id in queue:
            queue.remove(job_id)
    item.cancel()
    spec = item.spec
    assert spec is not None
    key = key_of(spec)
    del press.of_row[key]
    _ended(key, job_id, sentence)
    own = current().shot_batch
    own.stopped[key] = job_id, spec.target.frame
    slots.click_ended(job_id, own.ended[key][1], spec.target.slot)


def stop_removed() -> bool:
    """End the shots whose slots the artist has removed, by undo or by hand; True when some were."""
    press, removed = current().shot_batch.press, current().slots.removed
    if press is None or not removed:
        return False
    gone = [k for k, item in press.items.items() if item.spec and item.spec.target.slot in removed]
    for job_id in gone:
        _drop(press, job_id, click.SLOT_GONE)
    return bool(gone)


def undone() -> None:
    """End the press that is under way where its slots are still being placed: an undo has taken them all."""
    press = current().shot_batch.press
    if press is not None and press.unpushed:
        drop_all("You took the press back.")

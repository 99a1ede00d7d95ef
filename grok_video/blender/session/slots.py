"""The slots of the open file: from the click on a strip stands where the clip will be, and becomes the clip.

Owns when a slot is placed, what is known of the slots of the open file, and what an undo or an opened file makes of them.
What a strip shows, and how that changes, is ``timeline.slots``'s; what a slot tells is ``slot_state``'s; what is bought is
not decided here.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import bpy

from ...core.job import Job, State
from ...core.record import record
from ...core.spec import Clip, JobSpec, Kind
from .. import compat, identity, sources, timeline
from ..refusal import Refused
from . import files, placing, seams, slot_marks, still_clip
from .state import current, is_prepared, job_by_id, may_come

LOOK_SECONDS = 2.0  # after which the strips are looked at even if their number is the same
SHOW_SECONDS = 0.03  # of a tick, for strips that come to show their clips; one strip at least
MISSING_SECONDS = 5.0  # after which a clip whose file was missing is looked for again
MOST_FILES = 8  # still movies that one tick looks for after a file was opened
UNDO_STEP = "Grok Video Slot"


# ---------------------------------------------------------------------------------------------- placing


def place(
    context: bpy.types.Context,
    spec: JobSpec,
    size: tuple[int, int] | None = None,
    *,
    select: bool = True,
) -> tuple[JobSpec, str]:
    """Let a slot stand where the clip of ``spec`` will be: the spec with its slot, and ''.

    ``size``: pixels of the first frame, where that is still to be made. Without ``select`` the artist's selection stays.
    Pushes no undo step. The spec as it is, and why, where no slot can stand now: the clip comes all the same.
    """
    if spec.kind is Kind.LOOK:  # a picture, which has no place on the timeline
        return spec, ""
    scene = identity.scene_of(spec.target, same_file=True)
    if scene is None:
        return spec, f"The scene “{spec.target.scene}” is gone."
    slotted = replace(spec, target=replace(spec.target, slot=spec.id))
    chosen = timeline.strips.selection_of(scene)
    try:
        clip = still_clip.still_clip(scene, slotted, size)
        landing = placing.place(context, slotted, clip, scene, None, here=True, at_once=True)
    except (Refused, OSError) as why:
        timeline.strips.select(scene, chosen)
        return spec, str(why)
    if not select:
        timeline.strips.select(scene, chosen)
    timeline.strips.show_scene(context, scene)
    own = current().slots
    own.placed.add(spec.id)
    own.waiting.add(spec.id)
    own.landings[spec.id] = landing
    own.removed.discard(spec.id)
    slot_marks.mark(scene, spec.id)
    return slotted, ""


def waits_for(job_id: str) -> bool:
    """Whether a slot in the open file waits for the clip of that job: looked up now."""
    return job_id in _waiting_strips()


def slot_waiting_for(job_id: str) -> str:
    """The slot in the open file that waits for the clip of that job, be there such a job or not; '' for none."""
    strips = _waiting_strips().get(job_id)
    return timeline.strips.slot_of(strips[0]) if strips else ""


def wait_for(fresh: JobSpec, job_id: str) -> None:
    """Let the slot that waits for a job wait for ``fresh``, the same clip bought once more.

    Pushes no undo step: after an undo the slot shows what came of either.
    """
    own = current().slots
    for strip in _waiting_strips().get(job_id, []):
        sounds = timeline.sounds.sounds_of(strip)
        for one in (strip, *(s for s in sounds if timeline.strips.job_of(s) == job_id)):
            one[timeline.strips.JOB_PROPERTY] = fresh.id
            one[timeline.strips.SLOT_PROPERTY] = fresh.slot
        own.waiting.add(fresh.id)
    own.waiting.discard(job_id)


def take_back(job_id: str) -> None:
    """Remove the strips of a slot whose click came to nothing before anything else happened."""
    own = current().slots
    for scene in _local_scenes():
        for strip in timeline.strips.strips_of(scene, job_id):
            base = timeline.strips.owner_of(strip)
            compat.strips(base).remove(strip)
        slot_marks.unmark(scene, job_id)
    own.placed.discard(job_id)
    own.waiting.discard(job_id)
    own.landings.pop(job_id, None)


def push_undo_step(context: bpy.types.Context, message: str = UNDO_STEP) -> None:
    """Make the slot that was just placed one step of Blender's undo: operators that buy have none of their own."""
    window = context.window or next(iter(context.window_manager.windows), None)
    with suppress(RuntimeError), context.temp_override(window=window):
        bpy.ops.ed.undo_push(message=message)


def picture_made(spec: JobSpec) -> None:
    """Let the slot of ``spec`` show its first frame, which was made after the click, from one of the next ticks on."""
    if spec.target.slot and spec.image:
        current().slots.pictures[spec.id] = spec


def click_ended(job_id: str, sentence: str, slot: str = "") -> None:
    """Note why a click ended without a job: its slot, which stays, tells that. ``slot``: one that stood before."""
    own = current().slots
    if (slot or job_id) in own.placed:
        own.ended[job_id] = sentence


def stopping(job_id: str) -> None:
    """Note that the job of a removed slot is being stopped: not once more on each tick."""
    current().slots.stopping.add(job_id)


def follow(slot: str) -> None:
    """Let what was just asked for a slot that stands be taken back with it, as by the click that placed a slot."""
    strip = next(timeline.slots.strips_of_slot(slot), None)
    if strip is not None:
        current().slots.placed.add(slot)
        slot_marks.mark(strip.id_data, slot)


def stands(slot: str) -> bool:
    """Whether strips of a slot are there, in any scene: looked up now."""
    return next(timeline.slots.strips_of_slot(slot), None) is not None


# ---------------------------------------------------------------------------------------------- what is there


def _local_scenes() -> Iterator[bpy.types.Scene]:
    """The artist's scenes that can be changed: no linked ones, and no copies of ours that are rendered just now."""
    return (
        scene
        for scene in bpy.data.scenes
        if scene.library is None
        and scene.override_library is None
        and not sources.scene_copy.is_tagged(scene)
    )


def _waiting_strips() -> dict[str, list[Any]]:
    """The movie strips of the file that show a still movie, by the job whose clip they wait for."""
    found: dict[str, list[Any]] = {}
    for strip in _our_movies():
        if timeline.slots.is_waiting(strip):
            found.setdefault(timeline.strips.job_of(strip), []).append(strip)
    return found


def _our_movies() -> Iterator[Any]:
    for scene in _local_scenes():
        if scene.sequence_editor is not None:
            for strip in compat.strips_all(scene.sequence_editor):
                if timeline.strips.job_of(strip) and strip.type == "MOVIE":
                    yield strip


def look() -> None:
    """Look through the strips of the file: which slots wait, and which are gone. No look at the disk."""
    own = current().slots
    found, waiting, marked = set[str](), set[str](), set[str]()
    for strip in _our_movies():
        job_id = timeline.strips.job_of(strip)
        found |= {job_id, timeline.strips.slot_of(strip)}
        if timeline.slots.is_waiting(strip):
            waiting.add(job_id)
    for scene in _local_scenes():
        marked.update(slot_marks.marks_of(scene))
    own.waiting = waiting
    own.removed = (own.placed | marked) - found
    own.stopping &= {one for slot in own.removed for one in _takes(slot)}
    for job_id in (own.removed & own.placed) - marked:
        # An undo takes the mark back with the slot, and the file may be saved so.
        job = job_by_id(job_id)
        scene = identity.scene_of(job.spec.target, same_file=True) if job is not None else None
        if scene := scene or next(_local_scenes(), None):
            slot_marks.mark(scene, job_id)
    own.stale = False
    own.counted, own.looked = _count(), time.monotonic()


def _count() -> tuple[tuple[int, int], ...]:
    """How many strips each scene has: cheap enough for every tick, and another one when a strip was removed."""
    return tuple(
        (scene.session_uid, len(compat.strips_all(scene.sequence_editor)))
        for scene in _local_scenes()
        if scene.sequence_editor is not None
    )


def look_if_due() -> None:
    """Look through the strips where that may tell something new: after an undo, and for slots that are not sent yet."""
    own = current().slots
    if own.stale or (
        any(is_unsent(one) for slot in own.placed for one in _takes(slot))
        and (time.monotonic() - own.looked > LOOK_SECONDS or _count() != own.counted)
    ):
        look()


def changed_behind() -> None:
    """Note that an undo, a redo or an opened file has brought back strips as they were: the next tick looks at them."""
    current().slots.stale = True


def file_opened() -> None:
    """Forget the slots of the file that was open: the next tick looks at those of this one."""
    session = current()
    own = session.slots
    own.placed.clear()
    own.ended.clear()
    own.landings.clear()
    own.pictures.clear()
    own.missing.clear()
    own.asked.clear()
    own.strangers.clear()
    own.stopping.clear()
    look()
    # A slot of this session's clicks, in a file that was saved and opened again meanwhile.
    own.placed |= own.waiting & session.documents.keys()
    own.unchecked = sorted(own.waiting)


def is_unsent(job_id: str) -> bool:
    """Whether the request of a slot's job has not left, as far as is known here: to stop it costs nothing."""
    session = current()
    if job_id in session.slots.ended:
        return False
    job = job_by_id(job_id)
    if job is None:
        return is_prepared(job_id) or job_id in session.documents
    waits = job.state is State.QUEUED or (job.state is State.SUBMITTING and not job.sent)
    return waits and not job.stop_requested


def removed_unsent() -> list[str]:
    """The jobs whose slots the artist has removed before their requests were sent."""
    own = current().slots
    unsent = [one for slot in own.removed & own.placed for one in _takes(slot) if is_unsent(one)]
    return [one for one in unsent if one not in own.stopping]


def _takes(slot: str) -> set[str]:
    """The jobs that were bought for a slot: its first, which gave it its id, and others of the same click or later."""
    return {slot, *(job.id for job in current().bridge.snapshot.jobs.takes_of(slot))}


def is_removed(job: Job) -> bool:
    """Whether the artist has removed the slot of a job: its clip is not forced upon anybody.

    Where the file was not saved with its slot, Blender has crashed perhaps, the clip is placed as without one.
    """
    own = current().slots
    if job.spec.target.slot and job.id not in own.asked:
        own.asked.add(job.id)  # once when the clip has come; from then on each undo looks
        look()
    return job.id in own.removed or job.spec.target.slot in own.removed


# ---------------------------------------------------------------------------------------------- arrival


def due() -> list[str]:
    """The jobs for which slots wait in the open file, and whose clips may come now."""
    return [job_id for job_id, take in _there().items() if not seams.is_held(take.id)]


def takes_there() -> list[Job]:
    """The jobs whose clips are there for slots that wait."""
    return list(_there().values())


def _there() -> dict[str, Job]:
    """The jobs for which slots wait → the jobs whose clips are there for these."""
    waiting = current().slots.waiting
    takes = {job_id: _take_of(job_id) for job_id in waiting if _may_try(job_id)}
    return {job_id: take for job_id, take in takes.items() if take is not None}


def is_busy() -> bool:
    """Whether a tick has something to do for slots."""
    own = current().slots
    if own.stale or own.pictures or own.unchecked:
        return True
    strangers = not current().bridge.reader.behind and any(map(_is_stranger, own.waiting))
    return strangers or bool(due())


def _take_of(job_id: str) -> Job | None:
    """The job whose clip a slot that waits for ``job_id`` shows: that one, else the newest take that has come."""
    job = job_by_id(job_id)
    if job is None:
        return None
    if job.clip is not None:
        return None if job.fetching else job
    if may_come(job):
        return None  # its own clip is to come
    takes = current().bridge.snapshot.jobs.takes_of(job.spec.slot)
    return next((t for t in reversed(takes) if t.clip is not None and not t.fetching), None)


def _may_try(job_id: str) -> bool:
    own = current().slots
    seq, at = own.missing.get(job_id, (-1, 0.0))
    job = job_by_id(job_id)
    return job is None or job.seq != seq or time.monotonic() - at > MISSING_SECONDS


@record
class Arrival:
    """What came of a clip whose slot was waiting."""

    take: Job  # whose clip is shown
    scene: bpy.types.Scene | None  # of the last piece; None: nothing could be shown
    movie: str  # name of the last piece
    words: str  # what is not as one would expect
    whole: bool  # no piece waits any more


def arrive(context: bpy.types.Context, job_id: str) -> Arrival | None:
    """Let the strips that wait for a job show the clip, as many as this tick may; None where its file is missing, or no strip waits.

    Pushes no undo step: the clip was there with the slot.
    """
    own = current().slots
    take, waiting = _take_of(job_id), _waiting_strips().get(job_id, [])
    if not waiting:
        # Removed since the last look: what is known of the slot stays, or its clip would come in as one without a slot.
        look()
    if take is None or take.clip is None or not waiting:
        return None
    showing = _showing(take)
    if showing is None:
        own.missing[job_id] = (take.seq, time.monotonic())
        return None
    own.missing.pop(job_id, None)
    began, words, pieces = time.monotonic(), dict[str, None](), list[tuple[int, str, Any]]()
    for strip in waiting:
        # Named before: Blender may make another object of a strip whose clip has another rate.
        piece = compat.span(strip)[1], strip.name, strip.id_data
        try:
            words |= dict.fromkeys(timeline.slots.show(context, strip, showing, take.id))
            seams.arrived(context, piece[2], piece[1], take)
        except Exception:
            # A bug keeps this strip waiting, and nothing else: raised, the exception would end all ticks.
            traceback.print_exc()
            own.missing[job_id] = (take.seq, time.monotonic())
            continue
        pieces.append(piece)
        if time.monotonic() - began > SHOW_SECONDS:
            break
    whole = len(pieces) == len(waiting)
    if whole:
        own.waiting.discard(job_id)
        has_come(take)
    _, movie, scene = max(pieces, key=lambda piece: piece[0], default=(0, "", None))
    return Arrival(take, scene, movie, " ".join(words), whole)


def has_come(take: Job) -> None:
    """Note that the clip of a take is on the timeline: its slot is forgotten when no more of its clips are to come.

    Until then the clips of a slot that is removed are forced upon nobody.
    """
    slot = take.spec.slot
    takes = current().bridge.snapshot.jobs.takes_of(slot)
    if any(one.clip is None and may_come(one) for one in takes):
        return
    current().slots.placed.discard(slot)
    for scene in _local_scenes():
        slot_marks.unmark(scene, slot)


def landing_of(arrival: Arrival) -> Any:
    """What the artist is told of a clip that has become its slot: of its place, as of one that was imported."""
    landing = current().slots.landings.pop(arrival.take.id, None)
    words, off_colour = arrival.words, False
    if landing is not None:
        words, off_colour = f"{landing.notice} {words}".strip(), landing.off_colour
    return timeline.importing.Landing(arrival.movie, words, off_colour)


def _showing(take: Job) -> Any | None:
    """The clip of a take as strips show it: its file, else a copy beside the .blend; None where there is neither."""
    clip = take.clip
    assert clip is not None
    if files.look_now(take) == "gone":
        clip = timeline.clip_files.clip_beside(take.id)
        if clip is None:
            return None
    return placing.showing_of(take.spec, clip)


def go_on(context: bpy.types.Context) -> bool:
    """Do what slots need beside the arrival of their clips; True when a strip shows something else."""
    own = current().slots
    look_if_due()
    if not (own.pictures or own.unchecked or own.waiting):
        return False
    if timeline.importing.unsettled(context, at_once=True):
        return False
    return _show_pictures(context) | _make_missing(context) | _show_strangers(context)


def _show_pictures(context: bpy.types.Context) -> bool:
    own = current().slots
    shown = False
    for job_id in list(own.pictures):
        spec = own.pictures.pop(job_id)
        strips = _waiting_strips().get(job_id, [])
        if not strips:
            continue
        with suppress(OSError):
            clip = still_clip.still_clip(strips[0].id_data, spec, None)
            shown |= _show_still(context, strips, spec, clip)
    return shown


def _show_still(
    context: bpy.types.Context, strips: list[Any], spec: JobSpec | None, clip: Clip
) -> bool:
    if spec is not None:
        showing = placing.showing_of(spec, clip)
    else:
        stood = timeline.slots.stands_for(strips[0])
        showing = timeline.slots.Showing.of(clip, tail=stood.tail if stood is not None else 0)
    for strip in strips:
        job_id = timeline.strips.job_of(strip)
        same = timeline.strips.path_of(strip) == os.path.normpath(clip.path)
        timeline.slots.show(context, strip, showing, job_id)
        if same:
            strip.filepath = strip.filepath
    return bool(strips)


def _make_missing(context: bpy.types.Context) -> bool:
    """Make the still movies anew that a file which was opened names, and that are not there: on another computer."""
    own = current().slots
    now, own.unchecked = own.unchecked[:MOST_FILES], own.unchecked[MOST_FILES:]
    if not now:
        return False
    waiting, made = _waiting_strips(), False
    for job_id in now:
        strips = [
            s for s in waiting.get(job_id, []) if not os.path.isfile(timeline.strips.path_of(s))
        ]
        if not strips:
            continue
        job = job_by_id(job_id)
        with suppress(OSError):
            if job is not None:
                clip = still_clip.still_clip(strips[0].id_data, job.spec, None)
            else:
                clip = still_clip.card_of(strips[0])
            made |= _show_still(context, strips, job and job.spec, clip)
    return made


def _show_strangers(context: bpy.types.Context) -> bool:
    """Let slots show the clips beside the .blend whose jobs another computer has in its list, each looked for once."""
    own = current().slots
    if current().bridge.reader.behind:
        return False
    due_now = next((j for j in sorted(own.waiting) if _is_stranger(j)), None)
    if due_now is None:
        return False
    own.strangers.add(due_now)
    clip = timeline.clip_files.clip_beside(due_now)
    if clip is None:
        return False
    for strip in _waiting_strips().get(due_now, []):
        stood, head = timeline.slots.stands_for(strip), 0.0
        tail = stood.tail if stood is not None else 0
        if stood is not None and stood.head:
            added = stood.seconds - stood.head
            head = timeline.placement.head_seconds(clip.seconds, stood.head, added)
        timeline.slots.show(context, strip, timeline.slots.Showing.of(clip, head, tail), due_now)
    own.waiting.discard(due_now)
    return True


def _is_stranger(job_id: str) -> bool:
    session = current()
    own = session.slots
    known = (own.placed, own.strangers, session.documents, session.bridge.snapshot.jobs)
    return not any(job_id in ids for ids in known)

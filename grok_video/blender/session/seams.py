"""What the service did to the colours of a source, measured when its extension comes, and taken back on the new strip.

Owns which clips wait for their measurement, for how long, and what was found; and the strips whose modifiers wait for an
open Sequencer. A clip for which nothing is found in time comes without. What a strip gets is ``timeline.seam``'s.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import bpy

from ...core import mp4
from ...core.job import Job
from ...core.seam import Seam
from ...core.spec import Kind
from .. import compat, config, identity, sources, timeline
from ..identity import Meant
from ..refusal import Interrupted, Refused
from . import placing
from .queue import send
from .state import current, job_by_id, running
from .watch import report, watch

PATIENCE = 10.0  # seconds that a clip waits for its measurement
LOOK_SECONDS = 1.0  # after which an open Sequencer is looked for again
UNDO_STEP = "Match to Source"


# ------------------------------------------------------------------------------------------- arrival


def hold(jobs: Iterable[Job]) -> None:
    """Of clips that are there, hold back those that wait for their measurement; ticks call this first."""
    own = current().seams
    own.held = frozenset({job.id for job in jobs if _waits(job)})


def hold_none() -> None:
    """Let all clips come without measurements: nobody ticks."""
    current().seams.held = frozenset()


def is_held(job_id: str) -> bool:
    """Whether the clip of a job waits for its measurement."""
    return job_id in current().seams.held


def is_busy() -> bool:
    """Whether a measurement is under way, or a clip waits for one."""
    own = current().seams
    return own.process is not None or bool(own.held)


def _waits(job: Job) -> bool:
    own = current().seams
    if _is_known(job) or not _is_to_be_measured(job):
        return False
    now = time.monotonic()
    if now - own.since.setdefault(job.id, now) > PATIENCE:
        if own.measured == job.id:
            _stop()
        own.found[job.id] = None
    elif own.process is None:
        try:
            _begin(job, None)
        except (Refused, Interrupted):
            own.found[job.id] = None
    return job.id not in own.found


def _is_known(job: Job) -> bool:
    """Whether the clip of a job was measured, or what came instead of that."""
    return job.id in current().seams.found or job.seam is not None


def _is_to_be_measured(job: Job) -> bool:
    """Whether the clip of a job goes on from a strip, and its strip is to be matched to that by itself."""
    if job.clip is None or job.fetching or not config.preferences().match_seams:
        return False
    return job.spec.target.place == "AFTER" and job.spec.kind in (Kind.EXTEND, Kind.GENERATE)


def go_on(context: bpy.types.Context) -> bool:
    """Go on with the measurement and with the strips that wait; True when there is something new to show."""
    own = current().seams
    changed = own.waiting and _go_on_with_strips(context)
    if own.process is None:
        return changed
    try:
        measured = own.process.poll()
    except Interrupted as why:
        asked = own.asked
        _ended(None)
        if asked is not None:
            report(str(why), bad=True)
        return True
    if measured is None:
        return changed
    job = job_by_id(own.measured)
    if measured.seam is not None and job is not None:
        with suppress(Refused):  # without a list that can be written the strip has the numbers
            send("seam", job=job.id, seam=dataclasses.asdict(measured.seam))
    asked = own.asked
    _ended(measured.seam)
    if asked is not None and job is not None:
        _match(context, job, asked, measured)
    return True


def _ended(seam: Seam | None) -> None:
    own = current().seams
    own.found[own.measured] = seam
    own.process, own.measured, own.asked = None, "", None


def _stop() -> None:
    own = current().seams
    if own.process is not None:
        own.process.cancel()
    own.process, own.measured, own.asked = None, "", None


# ------------------------------------------------------------------------------------------- measuring


def _begin(job: Job, strip: Any) -> None:
    """Begin to measure the clip of a job, for ``strip`` or the strip to be. Raises Refused, Interrupted."""
    own, spec, clip = current().seams, job.spec, job.clip
    assert clip is not None
    scene = strip.id_data if strip is not None else identity.scene_of(spec.target, same_file=True)
    if scene is None:
        raise Refused(f"The scene “{spec.target.scene}” is gone.")
    if strip is None:
        strip = next(timeline.slots.strips_of_slot(spec.slot, scene), None)
    planned = timeline.colour.colour_plan(scene, "").colorspace
    space = strip.colorspace_settings.name if strip is not None else planned or "sRGB"
    path = source_of(job)
    picture = spec.video is None
    compared = _compared(job)
    if compared is None:
        raise Refused("There are no frames to compare.")
    own.process = sources.seam.Measurement.begin(
        scene,
        sources.seam.Shown(path, space, picture),
        sources.seam.Shown(clip.path, space),
        compared,
        config.data_dir() / "stills",
        None if spec.video is None else spec.video.seam,
    )
    own.measured = job.id
    watch()


def source_of(job: Job) -> str:
    """The file that the clip of a job was made from: a clip, or the last frame of one. Raises Refused."""
    spec = job.spec
    if spec.video is not None:
        path = spec.video.path
    elif spec.source.kind == "STRIP":
        path = spec.image
    else:
        raise Refused("This clip was not made from a strip.", "There is nothing to match it to.")
    if not path or not os.path.isfile(path):
        raise Refused("The file that this clip was made from is gone.")
    return path


def _compared(job: Job) -> Any:
    """Which frames of a job's source and of its clip are to be compared. Raises Refused."""
    spec, clip = job.spec, job.clip
    assert clip is not None
    if spec.video is None:
        return sources.seam.Compared((0,), (0,))
    try:
        source = mp4.probe(spec.video.path)
    except (OSError, mp4.NotAClip) as error:
        raise Refused(f"The file that this clip was made from cannot be read: {error}.") from error
    if spec.kind is Kind.EDIT:
        return sources.seam.all_through(source.frames, clip.frames)
    head = placing.head_of(spec, clip)
    return sources.seam.last_second(
        (source.fps, source.frames), (clip.fps, clip.frames), source.seconds, head
    )


# ------------------------------------------------------------------------------------------- on strips


def arrived(context: bpy.types.Context, scene: bpy.types.Scene, name: str, job: Job) -> None:
    """As ``shown``, as the clip of the job has come; the sound of its new part fades in."""
    shown(context, scene, name, job)
    editor = scene.sequence_editor
    strip = compat.strips_all(editor).get(name) if editor is not None else None
    if strip is None or job.clip is None or job.spec.target.place != "AFTER":
        return
    if config.preferences().match_seams:
        timeline.fade.fade_in(strip, placing.head_of(job.spec, job.clip))
    if _is_to_be_measured(job) and not _is_known(job):
        timeline.seam.set_due(strip, job.id)
        _look_later()


def shown(context: bpy.types.Context, scene: bpy.types.Scene, name: str, job: Job) -> None:
    """Let the strip of that name, which has come to show the clip of a job, take the shift of its colours back."""
    editor = scene.sequence_editor
    strip = compat.strips_all(editor).get(name) if editor is not None else None
    if strip is None or strip.type != "MOVIE":
        return
    if config.preferences().match_seams or timeline.seam.note_of(strip) is not None:
        timeline.seam.give(context, strip, job.id, seam_of(job))
        if timeline.seam.waits(strip):
            _look_later()


def seam_of(job: Job) -> Seam | None:
    """What takes the shift of a job's clip back, as measured last; None: nothing, or nobody knows."""
    return current().seams.found.get(job.id) or job.seam


def _make_waiting(context: bpy.types.Context) -> bool:
    """Make the modifiers for which strips wait, if a Sequencer is open by now; whether any were made."""
    own = current().seams
    made = left = False
    if not timeline.importing.unsettled(context, at_once=True):
        for strip in list(timeline.seam.waiting()):
            done = timeline.seam.make_waiting(context, strip)
            made, left = made or done, left or not done
        own.waiting = left or any(True for _ in timeline.seam.due())
    if own.waiting:
        _look_later()
    return made


def _measure_due() -> bool:
    """Measure the next of the clips that came before they were; whether a strip got what was found."""
    own, gave = current().seams, False
    for strip in list(timeline.seam.due()):
        job = job_by_id(timeline.strips.job_of(strip))
        if job is None or job.clip is None or job.fetching:
            continue
        if _is_known(job):
            timeline.seam.set_measured(strip)
            shown(bpy.context, strip.id_data, strip.name, job)
            gave = True
        elif own.process is None and not own.held:
            try:
                _begin(job, strip)
            except (Refused, Interrupted):
                own.found[job.id] = None
    return gave


def _go_on_with_strips(context: bpy.types.Context) -> bool:
    """As ``_measure_due``, then ``_make_waiting``."""
    gave = _measure_due()
    return _make_waiting(context) or gave


def _look_later() -> None:
    current().seams.waiting = True
    if not bpy.app.background and not bpy.app.timers.is_registered(look):
        bpy.app.timers.register(look, first_interval=LOOK_SECONDS, persistent=True)


def look() -> float | None:
    """Timer: measure and make what strips wait for, the modifiers once a Sequencer is open."""
    session = running()
    if session is None or not session.seams.waiting:
        return None
    _go_on_with_strips(bpy.context)
    return LOOK_SECONDS if session.seams.waiting else None


def changed_behind() -> None:
    """After an undo, a redo or a file that was opened: strips may wait that did not."""
    current().seams.waiting = True


def free() -> None:
    """End the measurement under way: the add-on is disabled."""
    _stop()


# -------------------------------------------------------------------------------------- Match to Source


def has_source(strip: Any) -> bool:
    """Whether the clip that a strip shows was made from a strip or of one. Cheap enough for a redraw: looks at no disk."""
    job = job_by_id(timeline.strips.job_of(strip))
    if job is None or job.clip is None or timeline.slots.is_waiting(strip):
        return False
    return job.spec.video is not None or job.spec.source.kind == "STRIP"


def is_matching() -> bool:
    """Whether a strip is being matched by the artist's word."""
    return current().seams.asked is not None


def match(context: bpy.types.Context, strip: Any) -> None:
    """Begin to match a strip to the source of its clip; a script waits for the end. Raises Refused, Interrupted."""
    job = job_by_id(timeline.strips.job_of(strip))
    if job is None or job.clip is None or timeline.slots.is_waiting(strip):
        raise Refused(f"“{strip.name}” shows no clip of Grok Video.", "Click one that does.")
    if not os.path.isfile(job.clip.path):
        raise Refused(f"The file of this clip is gone: {job.clip.path}.", "Download Again is free.")
    own = current().seams
    if own.asked is not None:
        raise Refused("Another strip is being matched just now.", "Try again in a moment.")
    if own.process is not None:
        _stop()  # of a clip that is to come: begun again with the next tick
    _begin(job, strip)
    own.asked = (Meant.of(strip.id_data), strip.name)


def _match(context: bpy.types.Context, job: Job, asked: tuple[Meant, str], measured: Any) -> None:
    strip = timeline.takes.find(*asked)
    if strip is None or timeline.strips.job_of(strip) != job.id:
        return
    if measured.seam is None:
        off = f"by {measured.before:.1f} of 255 on average"
        report(
            f"“{strip.name}” is left as it is: its colours are off {off}, and no curve brings them nearer.",
            bad=False,
        )
        return
    timeline.seam.make_anew(context, strip, job.id, measured.seam)
    if timeline.seam.waits(strip):
        _look_later()
    window = context.window or next(iter(context.window_manager.windows), None)
    with suppress(RuntimeError), context.temp_override(window=window):
        bpy.ops.ed.undo_push(message=UNDO_STEP)
    report(
        f"“{strip.name}” is matched to its source: {measured.before:.1f} of 255 off before, {measured.after:.1f} now.",
        bad=False,
    )

"""What takes the service's shift of colours back on a strip: when its modifiers are made, set, muted, or left alone.

Owns the note on a strip, which says whose numbers its modifiers have. Modifiers that the artist has deleted are not made
again, and what the artist has muted stays muted. Pushes no undo step. Which modifiers those are is ``seam_modifiers``'s.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import bpy

from ...core.payload import seam_from_payload
from ...core.record import record
from ...core.seam import Seam
from .. import compat, seam_modifiers
from .strips import job_of

#: Custom property of a strip: ``Note``, as JSON. With it another computer, whose list lacks the job, has the numbers.
SEAM_PROPERTY = "grok_video_seam"
_LONGEST = 16384  # characters: Blender's files may hold anything


@record
class Note:
    """Whose numbers the modifiers of a strip have."""

    job: str  # the take that the strip shows
    seam: Seam | None  # None: for that take there is none
    made: bool = False  # the modifiers were made: where they are gone, the artist has deleted them
    muted: bool = False  # the modifiers were muted here, as the take needs none
    due: bool = False  # the clip came before its colours were measured


def note_of(strip: Any) -> Note | None:
    """What is noted on a strip; None for nothing, and for what is no such note: scripts write anything."""
    text = strip.get(SEAM_PROPERTY)
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
        values = json.loads(text)
        seam = None if values["seam"] is None else seam_from_payload(values["seam"])
        said = (values["made"] is True, values["muted"] is True, values.get("due") is True)
        return Note(str(values["job"]), seam, *said)
    return None


def _note(strip: Any, note: Note) -> None:
    text = json.dumps(dataclasses.asdict(note))
    if strip.get(SEAM_PROPERTY) != text:
        strip[SEAM_PROPERTY] = text


def waits(strip: Any) -> bool:
    """Whether the modifiers of a strip are still to be made: there was no Sequencer open yet."""
    note = note_of(strip)
    return (
        note is not None and note.seam is not None and not note.made and note.job == job_of(strip)
    )


def waiting() -> Iterator[Any]:
    """The strips of the file whose modifiers are still to be made."""
    return filter(waits, _noted())


def is_due(strip: Any) -> bool:
    """Whether the colours of the clip that a strip shows are still to be measured."""
    note = note_of(strip)
    return note is not None and note.due and note.job == job_of(strip)


def due() -> Iterator[Any]:
    """The strips of the file whose colours are still to be measured."""
    return filter(is_due, _noted())


def set_due(strip: Any, job_id: str) -> None:
    """Note that the colours of a job's clip are still to be measured, which the strip shows."""
    note = note_of(strip)
    known = note is not None and note.job == job_id
    _note(strip, dataclasses.replace(note if known else Note(job_id, None), due=True))


def set_measured(strip: Any) -> None:
    """Note that the colours of the clip that a strip shows were measured; see ``give``."""
    note = note_of(strip)
    if note is None:
        return
    if (done := dataclasses.replace(note, due=False)) == Note(note.job, None):
        del strip[SEAM_PROPERTY]
    else:
        _note(strip, done)


def _noted() -> Iterator[Any]:
    for scene in bpy.data.scenes:
        if scene.library is None and scene.override_library is None and scene.sequence_editor:
            every = compat.strips_all(scene.sequence_editor)
            yield from (s for s in every if SEAM_PROPERTY in s and s.type == "MOVIE")


def give(context: bpy.types.Context, strip: Any, job_id: str, seam: Seam | None) -> None:
    """Let a movie strip, which shows the clip of a job now, take back what ``seam`` says; None: nothing.

    Where no Sequencer is open, new modifiers wait; see ``make_waiting``.
    """
    note, ours = note_of(strip), seam_modifiers.of_strip(strip)
    if note is not None and note.job == job_id and seam in (None, note.seam):
        if waits(strip):
            make_waiting(context, strip)
        return
    if seam is not None and seam.space != strip.colorspace_settings.name:
        seam = None  # of a scene with another view: the numbers mean other colours here
    made = note is not None and note.made
    if seam is None:
        if note is None and not ours:
            return
        shown = [modifier for modifier in ours if not modifier.mute]
        for modifier in shown:
            modifier.mute = True
        _note(strip, Note(job_id, None, made, bool(shown) or (note is not None and note.muted)))
        return
    if made and not ours:  # by the artist's word
        _note(strip, Note(job_id, seam, made=True))
        return
    if note is not None and note.muted:
        for modifier in ours:
            modifier.mute = False
    seam_modifiers.set_values(strip, seam)
    whole = bool(ours) and not seam_modifiers.lacks(strip, seam)
    _note(strip, Note(job_id, seam, made=whole))
    if not whole:
        make_waiting(context, strip)


def make_anew(context: bpy.types.Context, strip: Any, job_id: str, seam: Seam) -> None:
    """Give a strip the modifiers of ``seam`` whatever became of those before: the artist has asked for them."""
    for modifier in seam_modifiers.of_strip(strip):
        modifier.mute = False
    _note(strip, Note(job_id, seam))
    make_waiting(context, strip)


def make_waiting(context: bpy.types.Context, strip: Any) -> bool:
    """Make the modifiers that a strip waits for, if a Sequencer is open; whether they are there now.

    Blender 5.0 ends where modifiers are made in any other context (measured).
    """
    note = note_of(strip)
    override = _open_sequencer(context, strip.id_data)
    if override is None or note is None or note.seam is None:
        return False
    muted = [modifier for modifier in seam_modifiers.of_strip(strip) if modifier.mute]
    with context.temp_override(**override):
        seam_modifiers.make(strip, note.seam)
    if muted:
        for modifier in seam_modifiers.of_strip(strip):
            modifier.mute = True
    _note(strip, dataclasses.replace(note, made=True))
    return True


def _open_sequencer(context: bpy.types.Context, scene: bpy.types.Scene) -> dict[str, Any] | None:
    """An override with the area of a Sequencer that a window shows; None where none does."""
    windows = context.window_manager.windows
    current = context.window or next(iter(windows), None)
    for window in sorted(windows, key=lambda window: window != current):
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                region = next(region for region in area.regions if region.type == "WINDOW")
                override = compat.sequencer_override(area, region, scene)
                return override if window == current else {**override, "screen": window.screen}
    return None


def on(strip: Any) -> Seam | None:
    """What our modifiers do to a strip, or will once they are made; None for nothing."""
    note = note_of(strip)
    if note is None or note.seam is None:
        return None
    done = seam_modifiers.does(strip, note.seam)
    return note.seam if done or waits(strip) else None


def is_only_change(strip: Any) -> bool:
    """Whether no modifier of a strip changes its picture but ours, as we have set them."""
    shown = [modifier for modifier in strip.modifiers if not modifier.mute]
    return not shown or (
        len(shown) == len(seam_modifiers.of_strip(strip)) and on(strip) is not None
    )

"""What a strip shows: which slot and job it belongs to, whether it still waits, and how it comes to show another clip.

A slot is a movie strip from the first moment, whose file is a still movie until the clip is there. To show another clip
is to name another file: Blender then keeps all that the artist did. What Blender does not keep is kept here: size, sound,
length, and where in the file the new part begins. Knows nothing of the state of jobs, and pushes no undo step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import bpy

from ...core import mp4, spec
from ...core.paths import spelling
from ...core.record import record
from ...core.still_movie import is_still_movie
from .. import compat
from ..movie_size import FILE_PROPERTY, SIZE_PROPERTY
from .media import named
from .realign import Content, Ends, realign
from .refit import refit
from .sounds import sounds_of
from .strips import (
    JOB_PROPERTY,
    SLOT_PROPERTY,
    job_of,
    path_of,
    pixels_of,
    slot_of,
)

_LARGEST = 2.0**31


@record
class Showing:
    """A clip, or the still movie of a slot, that a strip is to show."""

    path: str  # absolute
    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    has_sound: bool
    head: float = 0.0  # seconds at its start that are the source's

    @staticmethod
    def of(clip: spec.Clip, head: float = 0.0) -> Showing:
        """The clip of a job; ``head``: see ``placement.head_seconds``."""
        return Showing(
            path=clip.path,
            width=clip.width,
            height=clip.height,
            fps=clip.fps,
            frames=clip.frames,
            seconds=clip.seconds,
            has_sound=clip.has_audio,
            head=head,
        )


def is_waiting(strip: Any) -> bool:
    """Whether a strip shows the still movie of a slot, and no clip yet. Looks at no disk."""
    return strip.type == "MOVIE" and is_still_movie(strip.filepath)


def strips_of_slot(slot: str, scene: bpy.types.Scene | None = None) -> Iterator[Any]:
    """The movie strips that may show the takes of ``slot``: pieces and copies too, inside meta strips too.

    Of ``scene``, or of all scenes that are not linked.
    """
    return (strip for strip in _movies(scene) if slot and slot_of(strip) == slot)


def strips_of_job(job_id: str, scene: bpy.types.Scene | None = None) -> Iterator[Any]:
    """The movie strips that show the clip of a job or wait for it, as ``strips_of_slot``."""
    return (strip for strip in _movies(scene) if job_id and job_of(strip) == job_id)


def _movies(scene: bpy.types.Scene | None) -> Iterator[Any]:
    for one in bpy.data.scenes if scene is None else (scene,):
        if one.library is None and one.override_library is None and one.sequence_editor is not None:
            yield from (s for s in compat.strips_all(one.sequence_editor) if s.type == "MOVIE")


def stand_for(strip: Any, showing: Showing) -> None:
    """Note on a movie strip that was just placed what its transform and its place stand for."""
    _note(strip, _Stood((showing.width, showing.height), _content_of(showing)))


def stands_for(strip: Any) -> Showing | None:
    """What was noted by ``stand_for``, as a clip that the strip shows; None for a strip without that."""
    if (noted := _noted(strip)) is None:
        return None
    (width, height), one = noted.size, noted.content
    seconds = one.frames / one.fps
    return Showing(path_of(strip), width, height, one.fps, one.frames, seconds, True, one.head)


@record
class _Stood:
    """What a strip's transform and place stand for."""

    size: tuple[int, int]
    content: Content


def _content_of(showing: Showing) -> Content:
    return Content(showing.fps, showing.frames, showing.head)


def _note(strip: Any, stood: _Stood) -> None:
    one = stood.content
    values = [*stood.size, one.fps, one.frames, one.head, *one.trim]
    if (kept := _noted(strip)) is None or kept != stood:
        strip[SIZE_PROPERTY] = [float(value) for value in values]
    if strip.get(FILE_PROPERTY) != (name := os.path.basename(path_of(strip))):
        strip[FILE_PROPERTY] = name


def _noted(strip: Any) -> _Stood | None:
    """What was noted on a strip; None for nothing, and for what is no such note: scripts write anything."""
    value = strip.get(SIZE_PROPERTY)
    if getattr(value, "typecode", "") not in ("f", "d") or len(value) != 7:
        return None
    width, height, fps, frames, head, first, last = value.to_list()
    if not (
        all(0 < one < _LARGEST for one in (width, height, fps, frames))
        and all(0 <= one < _LARGEST for one in (head, first, last))
    ):
        return None
    trim = round(first), round(last)
    return _Stood((round(width), round(height)), Content(fps, round(frames), head, trim))


def _stood_for(strip: Any, showing: Showing) -> _Stood:
    """What was noted on a strip; a strip from before 0.4.0 stands for the file that it names, with the same head."""
    if (noted := _noted(strip)) is not None:
        return noted
    try:
        now = Showing.of(mp4.probe(path_of(strip)), showing.head)
    except (OSError, mp4.NotAClip):
        # The file is gone: Blender keeps the size of a movie that it has read once, and knows no more.
        return _Stood(pixels_of(strip), _content_of(showing))
    return _Stood((now.width, now.height), _content_of(now))


def show(context: bpy.types.Context, strip: Any, showing: Showing, job_id: str) -> list[str]:
    """Let a movie strip and its sound show ``showing``, the clip of ``job_id``, from now on.

    As large and as framed as before, and between its handles the same part of the clip. Returns sentences for the artist of
    what is not as one would expect. A second call changes nothing.
    """
    stood = _stood_for(strip, showing)
    slot = slot_of(strip)
    sounds = [sound for sound in sounds_of(strip) if slot_of(sound) == slot]
    ends = Ends.of(strip, sounds)
    if spelling(path_of(strip)) != spelling(showing.path):
        strip.filepath = named(showing.path)
    size = showing.width, showing.height
    refit(strip, stood.size, size)
    content, said = realign(strip, sounds, ends, stood.content, _content_of(showing))
    for sound in sounds:
        _hear(sound, showing)
    for one in (strip, *sounds):
        for name, value in ((SLOT_PROPERTY, slot), (JOB_PROPERTY, job_id)):
            if one.get(name) != value:
                one[name] = value
    _note(strip, _Stood(size, content))
    return said


def _hear(sound: Any, showing: Showing) -> None:
    """Let a sound strip play the sound of ``showing``; the sound of a clip without any is silence."""
    shown = sound.sound
    if shown is not None and (shown.library is not None or shown.packed_file is not None):
        return
    if shown is None or spelling(path_of(shown)) != spelling(showing.path):
        # Never by `sound.filepath`: other pieces share the sound, and 5.2 draws the old waveform on (measured).
        sound.sound = bpy.data.sounds.load(named(showing.path), check_existing=True)


def waiting_in(scene: bpy.types.Scene, start: int, end: int, strip: Any = None) -> list[str]:
    """The names of the waiting slots that are seen in the scene frames [start, end), inside meta and scene strips too.

    Of the whole edit of ``scene``, or of what ``strip`` shows: what it is made of, and what lies in it.
    """
    found: dict[str, None] = {}
    if strip is not None:
        _note_waiting(strip, start, end, found, (scene,))
    elif scene.sequence_editor is not None:
        _note_inside(scene.sequence_editor, start, end, found, (scene,))
    return list(found)


def _note_inside(
    owner: Any, start: int, end: int, found: dict[str, None], around: tuple[Any, ...]
) -> None:
    for strip in compat.strips(owner):
        first, after = compat.span(strip)
        if (
            first < end
            and after > start
            and not strip.mute
            and not owner.channels[strip.channel].mute
        ):
            _note_waiting(strip, max(first, start), min(after, end), found, around)


def _note_waiting(
    strip: Any, start: int, end: int, found: dict[str, None], around: tuple[Any, ...]
) -> None:
    if is_waiting(strip):
        found[strip.name] = None
    for source in compat.inputs(strip):
        _note_waiting(source, start, end, found, around)
    if strip.type == "META":
        # Faster or slower, a meta strip shows other frames than those at the same time.
        plain = not (strip.use_reverse_frames or compat.is_retimed_meta(strip))
        _note_inside(strip, *((start, end) if plain else (-(2**31), 2**31)), found, around)
    elif strip.type == "SCENE" and strip.scene is not None and strip.scene not in around:
        shown = strip.scene
        if strip.scene_input == "SEQUENCER" and shown.sequence_editor is not None:
            later = shown.frame_start - compat.content_start(strip) + compat.content_skipped(strip)
            plain = not (compat.is_retimed(strip) or strip.use_reverse_frames)
            part = (start + later, end + later) if plain else (-(2**31), 2**31)
            _note_inside(shown.sequence_editor, *part, found, (*around, shown))

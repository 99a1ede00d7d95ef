"""What a strip shows: which slot and job it belongs to, whether it still waits, and how it comes to show another clip.

A slot is a movie strip from the first moment, whose file is a still movie until the clip is there. To show another clip
is to name another file: Blender then keeps all that the artist did. What Blender does not keep is kept here: size, sound,
length, and where in the file the new part begins. Knows nothing of the state of jobs, and pushes no undo step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bpy

from ...core import mp4, spec
from ...core.paths import spelling
from ...core.record import record
from ...core.still_movie import is_still_movie
from .. import compat
from .. import said as said_by_blender
from ..movie_size import FILE_PROPERTY, SIZE_PROPERTY
from ..refusal import Refused
from .media import named
from .new_sound import add_sound
from .realign import (
    Content,
    Ends,
    follow_end,
    frames_of_head,
    frames_of_tail,
    hide_tail,
    name_and_realign,
    slip,
)
from .rebirth import reborn
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
_ALIKE_RATES = (
    1 / 4000
)  # part by which two rates may differ that are the same: 29.97 and 30 differ by four times that


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
    tail: int = 0  # frames at its end that show its beginning again

    @staticmethod
    def of(clip: spec.Clip, head: float = 0.0, tail: int = 0) -> Showing:
        """The clip of a job; ``head``: see ``placement.head_seconds``; ``tail``: 1 of a loop."""
        return Showing(
            path=clip.path,
            width=clip.width,
            height=clip.height,
            fps=clip.fps,
            frames=clip.frames,
            seconds=clip.seconds,
            has_sound=clip.has_audio,
            head=head,
            tail=tail,
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
    """Note on a movie strip that was just placed what its transform and its place stand for; hide the tail of a loop."""
    stood = _stood_of(showing)
    if showing.tail:
        hide_tail(strip, sounds_of(strip), stood.content)
    _note(strip, stood)


def end_of_loop(strip: Any) -> int:
    """The scene frame at which a strip begins to show the first frame of its loop again; 0 where the strip ends before."""
    noted = _noted(strip)
    tail = frames_of_tail(strip, noted.content) if noted is not None else 0
    end = compat.span(strip)[1] + round(compat.hidden_at_end(strip)) - tail
    return end if tail and end < compat.span(strip)[1] else 0


def stands_for(strip: Any) -> Showing | None:
    """The file that the transform and the place of a strip stand for, as noted; None for a strip from before 0.4.0."""
    if (noted := _noted(strip)) is None:
        return None
    one = noted.content
    return Showing(
        path=path_of(strip),
        width=noted.size[0],
        height=noted.size[1],
        fps=one.fps,
        frames=one.frames,
        seconds=one.frames / one.fps,
        has_sound=noted.had_sound,
        head=one.head,
        tail=one.tail,
    )


@record
class _Stood:
    """What a strip's transform and place stand for, and whether it ever had a sound strip: the artist may remove that."""

    size: tuple[int, int]
    content: Content
    had_sound: bool


def _stood_of(showing: Showing) -> _Stood:
    content = Content(showing.fps, showing.frames, showing.head, tail=showing.tail)
    return _Stood((showing.width, showing.height), content, showing.has_sound)


def _note(strip: Any, stood: _Stood) -> None:
    if _noted(strip) != stood:
        one = stood.content
        values = [*stood.size, one.fps, one.frames, one.head, *one.trim, stood.had_sound]
        values += [one.tail] if one.tail else []  # versions before 0.5.0 read eight
        strip[SIZE_PROPERTY] = [float(value) for value in values]
    if strip.type == "MOVIE":  # the note on a sound strip tells of its place alone
        name = os.path.basename(path_of(strip))
        if strip.get(FILE_PROPERTY) != name:
            strip[FILE_PROPERTY] = name


def _noted(strip: Any) -> _Stood | None:
    """What was noted on a strip; None for nothing, and for what is no such note: scripts write anything."""
    value = strip.get(SIZE_PROPERTY)
    if getattr(value, "typecode", "") not in ("f", "d") or len(value) not in (8, 9):
        return None
    width, height, fps, frames, head, first, last, sound, *more = value.to_list()
    tail = more[0] if more else 0.0
    if not (
        all(1.0 <= one < _LARGEST for one in (width, height, fps, frames))
        and all(0.0 <= one < _LARGEST for one in (head, first, last, tail))
    ):
        return None
    content = Content(fps, round(frames), head, (round(first), round(last)), round(tail))
    return _Stood((round(width), round(height)), content, sound == 1.0)


def _stood_for(strip: Any, showing: Showing) -> _Stood:
    """What was noted on a strip; a strip from before 0.4.0 stands for the file that it names, with the same head."""
    if (noted := _noted(strip)) is not None:
        return noted
    try:
        return _stood_of(Showing.of(mp4.probe(path_of(strip)), showing.head, showing.tail))
    except (OSError, mp4.NotAClip):
        # The file is gone: Blender keeps the size of a movie that it has read once, and knows no more.
        return replace(_stood_of(showing), size=pixels_of(strip), had_sound=True)


def show(context: bpy.types.Context, strip: Any, showing: Showing, job_id: str) -> list[str]:
    """Let a movie strip and its sound show ``showing``, the clip of ``job_id``, from now on.

    As large and as framed as before, and between its handles the same part of the clip. Returns sentences for the artist of
    what is not as one would expect. A second call changes nothing.
    """
    stood, new = _stood_for(strip, showing), _stood_of(showing)
    slot = slot_of(strip)
    sounds = [sound for sound in sounds_of(strip) if slot_of(sound) == slot]
    ends = Ends.of(strip, sounds, stood.content)
    refused: list[str] = []
    strip, content, said = name_and_realign(
        strip,
        lambda: _name(context, strip, showing.path, stood.content.fps, new.content.fps, refused),
        stood.content,
        new.content,
    )
    if refused:  # the next clip finds the rate at which the strip plays
        content, said = replace(content, fps=stood.content.fps), refused + said
    refit(strip, stood.size, new.size)
    said += follow_end(strip, sounds, ends, content)
    for sound in sounds:
        said += _hear(sound, showing)
        # Two copies at the same time share a sound before 5.2: what is noted on the sound itself moves it only once.
        slip(sound, frames_of_head(sound, (_noted(sound) or stood).content, content))
    if showing.has_sound and not sounds and not stood.had_sound and not compat.is_retimed(strip):
        sounds = add_sound(context, strip, named(showing.path))
    for one in (strip, *sounds):
        for key, value in ((SLOT_PROPERTY, slot), (JOB_PROPERTY, job_id)):
            if one.get(key) != value:
                one[key] = value
        _note(one, _Stood(new.size, content, stood.had_sound or bool(sounds)))
    return said


def _name(
    context: bpy.types.Context,
    strip: Any,
    path: str,
    old_fps: float,
    new_fps: float,
    refused: list[str],
) -> Any:
    """Let a strip name a file; a strip of another rate is made anew for that. Returns the strip, ``refused`` gets why not."""
    if abs(old_fps - new_fps) > old_fps * _ALIKE_RATES and not compat.is_retimed(strip):
        try:
            return reborn(context, strip, path)
        except Refused as error:
            refused.append(f"{error} It plays as fast as before.")
    if spelling(path_of(strip)) != spelling(path):
        strip.filepath = named(path)
    return strip


def _hear(sound: Any, showing: Showing) -> list[str]:
    """Let a sound strip play the sound of ``showing``; the sound of a clip without any is silence. Returns a sentence."""
    shown = sound.sound
    if shown is not None and _is_kept(shown):
        return [f"The sound of “{sound.name}” is packed or linked and was left as it is."]
    if shown is None or spelling(path_of(shown)) != spelling(showing.path):
        # Never by `sound.filepath`: other pieces share the sound, and 5.2 draws the old waveform on (measured).
        try:
            sound.sound = bpy.data.sounds.load(named(showing.path), check_existing=True)
        except said_by_blender.BLENDERS_ERRORS:
            return [f"Blender cannot read the sound of {showing.path}."]
    return []


def _is_kept(sound: Any) -> bool:
    """Whether a sound is linked, or packed and nowhere else: the silence of a slot is, and a clip's lies in its file."""
    if sound.packed_file is None or sound.library is not None:
        return sound.library is not None
    return not (is_still_movie(sound.filepath) or os.path.isfile(path_of(sound)))


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

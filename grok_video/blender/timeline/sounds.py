"""The sounds that belong to what a strip shows, and whether these sounds are heard.

What belongs is sent with its picture, and plays on below an edit of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ...core.paths import spelling
from .. import compat, scenes
from .strips import (
    SAME_FRAME,
    curves_of,
    job_of,
    metas_around,
    owner_of,
    path_of,
    visible_span,
)

#: Seconds by which the sound of a file may begin before or after its picture: phones and screen recorders write such
#: files, and Blender places the strips so; or the artist has slipped the sound.
_APART = 1.0


def sounds_of(strip: Any) -> list[Any]:
    """The sound strips that belong to what ``strip`` shows.

    To a movie belong the sounds that Blender connects with it (known from 5.2 on), else the sounds at the same time
    that are from the same job, or from the same file and begin within a second of it. To a meta strip belong the sounds
    inside, to an effect the sounds of its inputs.
    """
    if strip.type == "META":
        inside = compat.strips(strip)
        direct = [s for s in inside if s.type == "SOUND"]
        return direct + [sound for s in inside if s.type == "META" for sound in sounds_of(s)]
    if strip.type == "MOVIE":
        if linked := [s for s in compat.connected(strip) if s.type == "SOUND"]:
            return linked
        beside = [s for s in compat.strips(owner_of(strip)) if belongs_to(s, strip)]
        # Not beside it: the artist may have put all sounds into a meta strip of their own.
        every = compat.strips_all(strip.id_data.sequence_editor)
        return beside or [s for s in every if belongs_to(s, strip)]
    found = {s.name: s for source in compat.inputs(strip) for s in sounds_of(source)}
    return list(found.values())


def belongs_to(sound: Any, movie: Any) -> bool:
    """Whether a sound strip is that of a movie strip, as far as file and place tell."""
    if sound.type != "SOUND" or movie.type != "MOVIE" or not _meet(sound, movie):
        return False
    if (job := job_of(movie)) and job_of(sound) == job:
        return True
    apart = _apart(sound, movie)
    if apart is None or apart > _APART * scenes.rate(sound.id_data) + SAME_FRAME:
        return False
    # Another use of the same film, or of its sound, lies nearer: those two belong together.
    others = [*compat.strips(owner_of(movie))]
    if owner_of(sound) != owner_of(movie):
        others += compat.strips(owner_of(sound))
    return not any(
        (s.type == "MOVIE" and _is_nearer(_apart(sound, s), apart) and _meet(s, sound))
        or (s.type == "SOUND" and _is_nearer(_apart(s, movie), apart) and _meet(s, sound))
        for s in others
    )


def _apart(sound: Any, movie: Any) -> int | None:
    """Scene frames between the starts of a sound's and a movie's content; None for two files."""
    if sound.sound is None or spelling(path_of(sound.sound)) != spelling(path_of(movie)):
        return None
    return abs(compat.content_start(sound) - compat.content_start(movie))


def _is_nearer(other: int | None, apart: int) -> bool:
    return other is not None and other + SAME_FRAME < apart


def _meet(one: Any, other: Any) -> bool:
    """Whether two strips are at the same time, as far as the meta strips around them show them."""
    (start, end), (first, after) = compat.span(one), compat.span(other)
    if start >= after or first >= end:
        return False
    (start, end), (first, after) = visible_span(one), visible_span(other)
    return start < after and first < end


def voices_of(strip: Any) -> list[Any]:
    """The strips that may be heard with what ``strip`` shows: its sounds, and scene strips whose scene has a sound.

    A scene strip is sent with its sound: that is no strip of this edit.
    """
    return [*sounds_of(strip), *(s for s in _scene_strips(strip) if any(True for _ in _inside(s)))]


def _scene_strips(strip: Any) -> Iterator[Any]:
    """The scene strips that ``strip`` is, holds or is made of."""
    if strip.type == "SCENE":
        yield strip
    for part in compat.strips(strip) if strip.type == "META" else compat.inputs(strip):
        yield from _scene_strips(part)


def is_heard(strip: Any) -> bool:
    """Whether a sound strip can be heard: neither silent, nor muted, nor in a muted channel or meta strip.

    Of a scene strip: also whether anything in its scene can.
    """
    return _is_open(strip) and (strip.type != "SCENE" or any(_inside(strip)))


def _is_open(strip: Any) -> bool:
    """Whether a strip lets sound through: it is not silent, and neither muted nor in anything that is."""
    pieces = (strip, *metas_around(strip))
    return (
        volume_of(strip) > 0.0
        and not any(piece.mute for piece in pieces)
        and not any(owner_of(piece).channels[piece.channel].mute for piece in pieces)
    )


def _inside(strip: Any, around: tuple[Any, ...] = ()) -> Iterator[bool]:
    """For each sound in the frames that a scene strip shows of its scene: whether it is heard there (measured, 4.5, 5.3).

    Speakers play what lies in their NLA tracks; what is in the sequencer plays only where that is what the strip shows.
    """
    scene = strip.scene
    if scene is None or scene in around:
        return
    on = scene.use_audio
    for thing in scene.objects:
        if thing.type == "SPEAKER" and thing.data.sound is not None and _has_sound_strip(thing):
            yield on and not thing.data.muted and thing.data.volume > 0.0
    if scene.sequence_editor is None or strip.scene_input != "SEQUENCER":
        return
    later = scene.frame_start - compat.content_start(strip) + compat.content_skipped(strip)
    start, end = (frame + later for frame in visible_span(strip))
    for inner in compat.strips_all(scene.sequence_editor):
        if inner.type not in ("SOUND", "SCENE"):
            continue
        first, after = visible_span(inner)
        if first < end and after > start:
            if inner.type == "SCENE":
                heard = on and _is_open(inner)
                yield from (heard and deep for deep in _inside(inner, (*around, scene)))
            elif inner.sound is not None:
                yield on and _is_open(inner)


def _has_sound_strip(speaker: bpy.types.Object) -> bool:
    animation = speaker.animation_data
    tracks = animation.nla_tracks if animation is not None else ()
    return any(s.type == "SOUND" and not s.mute for t in tracks if not t.mute for s in t.strips)


def volume_of(sound: Any) -> float:
    """The volume of a sound strip; of an animated volume the highest, so that a fade does not count."""
    keys = [
        key.co[1]
        for curve in curves_of(sound, "volume")
        for key in getattr(curve, "keyframe_points", ())
    ]
    return max(keys, default=sound.volume)

"""What a strip shows, and how it is found again: the sources of extensions, edits and continued shots.

Owns the reading of a strip as an artist sees it (which frames, which sounds, whose result, untouched or
not), why a strip cannot be a source, and the mark by which it is found when the clip made from it is
there. It changes nothing but that mark. It knows nothing of jobs beyond an id, of files beyond their
names, and of the panel.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import bpy

from ..core.record import record
from . import compat, render, sequencer

#: Custom property of a source strip: the marks of the clicks it was a source for, with blanks between.
#: Cuts and duplicates carry it along, files keep it.
SOURCE_PROPERTY = "grok_video_source"

#: They show what lies below them, so on their own they show nothing.
_SHOW_WHAT_IS_BELOW = {"ADJUSTMENT": "An adjustment strip", "MULTICAM": "A multicam strip"}
_SAME = 1  # frames: positions that are rounded differently
_ALIKE = 0.02  # sizes and shapes that differ by less are meant to be the same


class ShotRefused(Exception):
    """A sentence for the artist: why the strip cannot be a source, and what would work."""


@record
class Shot:
    """What a strip visibly shows."""

    scene: str
    strip: str
    kind: str  # RNA type: 'MOVIE', 'IMAGE', 'META' …
    channel: int
    start: int  # scene frames [start, end) that it shows: its handles, cut by the metas around it
    end: int
    origin: int  # scene frame where its content begins: moves with the strip, stays when it is cut
    fps: float  # of the scene
    sounds: tuple[str, ...]  # names of the sound strips that belong to it
    pixels: tuple[int, int]  # of its picture, of the scene's frame where it has none of its own
    job: str  # id of the job it came from; '' for none
    whole: bool  # it shows all of its file as that job's clip came in, so that the clip can stand for it
    path: str  # its movie's file, absolute; '' for other kinds. The artist may have put in another one

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / self.fps

    @property
    def last(self) -> int:
        """The last scene frame that it shows."""
        return self.end - 1


# -------------------------------------------------------------------------------------------- the active one


def active_shot(context: bpy.types.Context) -> Shot:
    """What the active strip of the sequencer's scene shows. Cheap enough for a panel: looks at no disk.

    Where no strip is active, the only selected one with a picture counts. Raises ShotRefused.
    """
    scene = compat.sequencer_scene(context)
    editor = scene.sequence_editor
    if scene.library is not None or scene.override_library is not None:
        raise ShotRefused(
            f"The scene “{scene.name}” is linked from another file. Make it local first."
        )
    if editor is None or not len(compat.strips(editor)):
        raise ShotRefused(f"The sequencer of “{scene.name}” is empty. Add a strip first.")
    strip = editor.active_strip
    if strip is None:
        selected = [s for s in compat.strips_all(editor) if s.select and s.type != "SOUND"]
        if len(selected) != 1:
            raise ShotRefused("No strip is active. Click one in the Video Sequencer.")
        strip = selected[0]
    return shot_of(strip)


def shot_of(strip: Any) -> Shot:
    """What ``strip`` shows. Raises ShotRefused."""
    if why := _refusal(strip):
        raise ShotRefused(why)
    scene = strip.id_data
    start, end = visible_span(strip)
    return Shot(
        scene=scene.name,
        strip=strip.name,
        kind=strip.type,
        channel=strip.channel,
        start=start,
        end=end,
        origin=compat.content_start(strip),
        fps=scene.render.fps / scene.render.fps_base,
        sounds=tuple(sound.name for sound in sounds_of(strip)),
        pixels=_pixels(strip),
        job=strip.get(sequencer.JOB_PROPERTY, ""),
        whole=_is_whole(strip),
        path=_path_of(strip) if strip.type == "MOVIE" else "",
    )


def visible_span(strip: Any) -> tuple[int, int]:
    """The scene frames [start, end) between its handles that no meta strip around it hides."""
    start, end = compat.span(strip)
    for meta in metas_around(strip):
        first, after = compat.span(meta)
        start, end = max(start, first), min(end, after)
    return start, end


def metas_around(strip: Any) -> Iterator[Any]:
    """The meta strips that hold ``strip``, innermost first."""
    while (strip := strip.parent_meta()) is not None:
        yield strip


def owner_of(strip: Any) -> Any:
    """Where a strip lies: its meta strip, or the editor of its scene."""
    return strip.parent_meta() or strip.id_data.sequence_editor


def _pixels(strip: Any) -> tuple[int, int]:
    if strip.type in {"MOVIE", "IMAGE"} and len(strip.elements):
        element = strip.elements[0]
        if element.orig_width and element.orig_height:
            return element.orig_width, element.orig_height
    width, height = render.frame_size(strip.id_data)
    return round(width), round(height)


# ----------------------------------------------------------------------------------------------- refusals


def _refusal(strip: Any) -> str:
    """Why a strip cannot be a source, as far as Blender knows without a look at the disk; or ''."""
    named = f"“{strip.name}”"
    if strip.type == "SOUND":
        movie = next((s for s in compat.strips(owner_of(strip)) if _belongs(strip, s)), None)
        other = f"the strip “{movie.name}” it belongs to" if movie else "a strip with a picture"
        return f"{named} is a sound. Click {other}."
    if what := _SHOW_WHAT_IS_BELOW.get(strip.type):
        return (
            f"{what} shows what other strips show. Click one of those, or make a meta strip of all."
        )
    start, end = visible_span(strip)
    if end <= start:
        return (
            f"{named} lies outside of its meta strip and is not seen. Make the meta strip longer."
        )
    muted = next((s for s in (strip, *metas_around(strip)) if s.mute), None)
    if muted is not None:
        return f"“{muted.name}” is muted and shows nothing. Unmute it first."
    for piece in (strip, *metas_around(strip)):
        if owner_of(piece).channels[piece.channel].mute:
            return f"Channel {piece.channel} is muted, so {named} shows nothing. Unmute it first."
    return _nothing_to_see(strip)


def _nothing_to_see(strip: Any) -> str:
    """Why a strip has no picture, or ''."""
    named = f"“{strip.name}”"
    match strip.type:
        case "MOVIE":
            # Blender keeps the size of a movie it has read once; `fps` opens the file, so it comes last.
            if not strip.elements or (not strip.elements[0].orig_width and not strip.fps):
                return f"Blender cannot read the movie of {named}: {strip.filepath}. Choose another file for it."
        case "IMAGE":
            if not strip.elements:
                return f"{named} has no image. Choose one for it."
        case "META":
            inside = [s for s in compat.strips(strip) if s.type != "SOUND" and not s.mute]
            if not inside:
                return f"The meta strip {named} has no picture in it. Put a strip into it."
            if all(_nothing_to_see(s) for s in inside):
                return _nothing_to_see(inside[0])
        case "SCENE":
            shown = strip.scene
            if shown is None:
                return f"{named} shows no scene. Choose one for it."
            if strip.scene_input == "SEQUENCER":
                if shown.sequence_editor is None or not len(compat.strips(shown.sequence_editor)):
                    return f"The sequencer of “{shown.name}” is empty, so {named} shows nothing."
            elif strip.scene_camera is None and shown.camera is None:
                return f"The scene “{shown.name}” of {named} has no camera. Add one."
        case "MASK":
            if strip.mask is None:
                return f"{named} has no mask. Choose one for it."
        case "MOVIECLIP":
            if getattr(strip, "clip", strip) is None:  # 4.2 does not tell
                return f"{named} has no movie clip. Choose one for it."
        case _:
            inputs = compat.inputs(strip)
            if getattr(strip, "input_count", 0) > len(inputs):
                return f"The effect {named} has lost a strip that it needs. Click another strip."
            return next(filter(None, map(_nothing_to_see, inputs)), "")
    return ""


def missing_file(strip: Any) -> str:
    """A sentence when a file that ``strip`` shows is not there or is no movie; else ''.

    Looks at the disk: for a click, not for a redraw.
    """
    advice = "Put it back, or choose another with Strip › Inputs › Change Path/Files."
    for shown in _all_shown(strip):
        if shown.type == "MOVIE":
            path = _path_of(shown)
            if not os.path.isfile(path):
                return f"The file of “{shown.name}” is missing: {path}. {advice}"
            if not shown.fps:
                return f"Blender cannot read the movie of “{shown.name}”: {path}. {advice}"
        elif shown.type == "IMAGE":
            folder = bpy.path.abspath(shown.directory)
            for element in shown.elements:
                path = os.path.join(folder, element.filename)
                if not os.path.isfile(path):
                    return f"An image of “{shown.name}” is missing: {path}. {advice}"
    return ""


def _all_shown(strip: Any) -> Iterator[Any]:
    """A strip, the inputs of an effect and what lies in a meta strip."""
    yield strip
    for source in compat.inputs(strip):
        yield from _all_shown(source)
    if strip.type == "META":
        for inside in compat.strips(strip):
            if not inside.mute:
                yield from _all_shown(inside)


def refusal_to_extend(shot: Shot, least: float) -> str:
    """'' or why it cannot be extended by a service that needs ``least`` seconds of a source."""
    if _frames(least, shot.fps) <= shot.end - shot.start:
        return ""
    return (
        f"“{shot.strip}” shows {shot.seconds:.2f} s, and an extension needs at least {least:g} s. "
        "Make the strip longer, or use Continue Shot: it needs only the last frame."
    )


def refusal_to_edit(shot: Shot, least: float = 0.0) -> str:
    """'' or why it cannot be edited by a service that needs ``least`` seconds of a source.

    A strip that is too long is no reason: the artist chooses the part that is sent.
    """
    if _frames(least, shot.fps) <= shot.end - shot.start:
        return ""
    return (
        f"“{shot.strip}” shows {shot.seconds:.2f} s, and an edit needs at least {least:g} s. "
        "Make the strip longer."
    )


def _frames(seconds: float, fps: float) -> int:
    """The least whole number of frames that lasts ``seconds``, as 29.97 frames a second allow it."""
    return int(seconds * fps - 1e-6) + 1 if seconds > 0 else 0


# ------------------------------------------------------------------------------------------------- sounds


def sounds_of(strip: Any) -> list[Any]:
    """The sound strips that belong to what ``strip`` shows.

    Those that Blender connects with it (told from 5.2 on), else those from the same file in step with
    it, or from the same job, at the same time. A meta strip has those inside of it, an effect those of
    its inputs.
    """
    if strip.type == "META":
        inside = compat.strips(strip)
        direct = [s for s in inside if s.type == "SOUND"]
        return direct + [sound for s in inside if s.type == "META" for sound in sounds_of(s)]
    if strip.type == "MOVIE":
        linked = [s for s in compat.connected(strip) if s.type == "SOUND"]
        return linked or [s for s in compat.strips(owner_of(strip)) if _belongs(s, strip)]
    found = {s.name: s for source in compat.inputs(strip) for s in sounds_of(source)}
    return list(found.values())


def is_heard(sound: Any) -> bool:
    """Whether a sound strip can be heard: it and its channel are not muted, and it is not silent."""
    pieces = (sound, *metas_around(sound))
    return (
        volume_of(sound) > 0.0
        and not any(piece.mute for piece in pieces)
        and not any(owner_of(piece).channels[piece.channel].mute for piece in pieces)
    )


def volume_of(sound: Any) -> float:
    """The volume of a sound strip; the highest where it is animated, which a fade does not change."""
    keys = [
        key.co[1]
        for curve in _curves_of(sound, "volume")
        for key in getattr(curve, "keyframe_points", ())
    ]
    return max(keys, default=sound.volume)


def _belongs(sound: Any, movie: Any) -> bool:
    if sound.type != "SOUND" or movie.type != "MOVIE":
        return False
    start, end = compat.span(sound)
    first, after = compat.span(movie)
    if start >= after or first >= end:
        return False
    job = movie.get(sequencer.JOB_PROPERTY, "")
    if job and sound.get(sequencer.JOB_PROPERTY) == job:
        return True
    apart = abs(compat.content_start(sound) - compat.content_start(movie))
    return apart <= _SAME and sound.sound is not None and _path_of(sound.sound) == _path_of(movie)


def _path_of(owner: Any) -> str:
    return os.path.normpath(bpy.path.abspath(owner.filepath))


# -------------------------------------------------------------------------------------------------- whole


def _is_whole(strip: Any) -> bool:
    """Whether a strip shows a whole clip of ours, and looks as when it came in."""
    return (
        strip.type == "MOVIE"
        and bool(strip.get(sequencer.JOB_PROPERTY))
        and visible_span(strip) == compat.span(strip)
        and not compat.is_trimmed(strip)
        and not len(strip.retiming_keys)
        and _is_placed_as_it_came(strip)
        and _looks_as_it_came(strip)
        and not any(True for _ in _curves_of(strip, ""))
        and not any(strip in compat.inputs(s) for s in compat.strips(owner_of(strip)))
    )


def _is_placed_as_it_came(strip: Any) -> bool:
    """All of the picture is seen, as large as the frame."""
    transform, crop = strip.transform, strip.crop
    wanted = cover_scale(strip)
    return (
        not (crop.min_x or crop.max_x or crop.min_y or crop.max_y)
        and not (strip.use_flip_x or strip.use_flip_y or strip.use_reverse_frames)
        and max(abs(transform.offset_x), abs(transform.offset_y)) < 0.5
        and abs(transform.rotation) < 1e-4
        and abs(transform.scale_x / wanted - 1.0) < _ALIKE
        and abs(transform.scale_y / wanted - 1.0) < _ALIKE
    )


def cover_scale(strip: Any) -> float:
    """The scale by which a picture fits into the frame of its scene; fills it where both are alike.

    Services make 850x482 from 848x480: as a whole it would leave a line of what lies below.
    """
    (width, height), output = _pixels(strip), strip.id_data.render
    fit, fill = sorted((output.resolution_x / width, output.resolution_y / height))
    return fill if fill / fit - 1.0 < _ALIKE else fit


def _looks_as_it_came(strip: Any) -> bool:
    wanted = sequencer.colour_plan(strip.id_data, "").colorspace
    return (
        strip.blend_type in {"REPLACE", "ALPHA_OVER", "CROSS"}
        and strip.blend_alpha == 1.0
        and strip.color_multiply == 1.0
        and strip.color_saturation == 1.0
        and strip.strobe <= 1.0
        and not strip.use_deinterlace
        and not strip.use_multiview
        and wanted in ("", strip.colorspace_settings.name)
        and all(modifier.mute for modifier in strip.modifiers)
    )


def _curves_of(strip: Any, name: str) -> Iterator[Any]:
    """The animation curves of a strip's property, of all its properties for ''."""
    ends = f'_all["{bpy.utils.escape_identifier(strip.name)}"].{name}'
    return (curve for curve in compat.curves(strip.id_data) if ends in curve.data_path)


# ------------------------------------------------------------------------------------------ finding it again


def mark(strip: Any) -> str:
    """The mark by which ``find_source`` knows this strip and what becomes of it.

    An old mark serves again unless another strip has it too: then the strip was cut or duplicated since,
    and the others are not meant. No undo step; the property is written only where it must be.
    """
    marks = _marks(strip)
    others = [s for s in compat.strips_all(strip.id_data.sequence_editor) if s != strip]
    for known in reversed(marks):
        if not any(known in _marks(s) for s in others):
            return known
    fresh = uuid.uuid4().hex
    strip[SOURCE_PROPERTY] = " ".join((*marks, fresh))
    return fresh


def _marks(strip: Any) -> list[str]:
    return str(strip.get(SOURCE_PROPERTY, "")).split()


def find_source(
    scene: bpy.types.Scene, name: str, mark: str, near: int, *, content: int | None = None
) -> Any | None:
    """The strip that was marked, or the piece of it that counts; None when it is gone.

    It was ``name`` then, and ended at the scene frame ``near`` (for ``content``: the part began there).
    Where it was cut since, the piece is the one with the last of its content, wherever it was moved; with
    ``content``, frames from the start of the content, the piece that shows those. A duplicate is not
    taken for a piece: it shows what the strip itself shows. Without the mark (undo may take it back) the
    name alone counts.
    """
    if scene.sequence_editor is None:
        return None
    every = [s for s in compat.strips_all(scene.sequence_editor) if s.type != "SOUND"]
    marked = [s for s in every if mark in _marks(s)] if mark else []
    if not marked:
        return next((s for s in every if s.name == name), None)

    def away(strip: Any) -> int:
        start, end = compat.span(strip)
        return abs(near - end) if content is None else max(start - near, near - end + 1, 0)

    # A cut leaves the name with the left piece, a duplicate with the original.
    pieces = [next((s for s in marked if s.name == name), None) or min(marked, key=away)]
    while after := [s for s in marked if s not in pieces and _continues(pieces[-1], s)]:
        end = compat.span(pieces[-1])[1]
        pieces.append(min(after, key=lambda s: (_content(s)[0], abs(compat.span(s)[0] - end))))
    if content is None:
        return pieces[-1]
    return next((s for s in pieces if _shows_content(s, content)), pieces[0])


def _content(strip: Any) -> tuple[int, int]:
    """What of its content a strip shows: frames [first, after) from the start of the content."""
    start, end = compat.span(strip)
    origin = compat.content_start(strip)
    return start - origin, end - origin


def _shows_content(strip: Any, content: int) -> bool:
    first, after = _content(strip)
    return first <= content < after


def _continues(piece: Any, other: Any) -> bool:
    """Whether ``other`` was cut from the right of ``piece``."""
    if compat.content_length(piece) <= 1:  # its content moves with its left handle
        return compat.span(other)[0] == compat.span(piece)[1]
    return _content(other)[0] >= _content(piece)[1] - _SAME


def pieces_of(strip: Any, mark: str) -> list[Any]:
    """The pieces of the marked strip that lie where ``strip`` is, as if nothing but cuts had been made."""
    return [
        s
        for s in compat.strips(owner_of(strip))
        if s == strip or (mark in _marks(s) and _in_step(s, strip))
    ]


def _in_step(one: Any, other: Any) -> bool:
    return abs(compat.content_start(one) - compat.content_start(other)) <= _SAME

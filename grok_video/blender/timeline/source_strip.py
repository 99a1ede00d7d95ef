"""A strip as the source of a job: what it shows, whether it can be extended or edited, and why not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy

from ...core.files import open_given
from ...core.picture_kind import HEAD, kind_of
from ...core.record import record
from ...core.seam import Seam
from .. import compat, scenes
from ..identity import Meant
from ..refusal import Refused
from . import colour, seam
from .slots import is_waiting, stands_for, waiting_in
from .sounds import belongs_to
from .strips import (
    ALIKE,
    cover_scale,
    curves_of,
    job_of,
    metas_around,
    owner_of,
    path_of,
    visible_span,
)

#: Types of strips that show what lies below them, so that on their own they show nothing.
_SHOW_WHAT_IS_BELOW = {"ADJUSTMENT": "An adjustment strip", "MULTICAM": "A multicam strip"}


@record
class SourceStrip:
    """A strip as it would be sent: where it lies, the frames that it shows, the job and file it shows them of."""

    scene: str  # its name
    strip: str
    channel: int
    start: int  # scene frames [start, end) that are seen: between the handles of strip and metas
    end: int
    origin: int  # scene frame where the content begins: moves with the strip, cuts leave it
    fps: float  # of the scene
    job: str  # id of the job that the strip came from; '' for none
    whole: bool  # shows its file as the job's clip came in, all but ``head``: the file can be sent instead
    head: int  # scene frames at the start of an extension that the import has hidden; 0 where some of them are seen
    seam: Seam | None  # what our modifiers do to it nevertheless; see ``timeline.seam``
    path: str  # a movie's file, absolute, perhaps another than the job's clip; '' for other kinds
    scene_meant: Meant

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / self.fps

    @property
    def last(self) -> int:
        """The last scene frame in which the strip is seen."""
        return self.end - 1


def active_source_strip(context: bpy.types.Context) -> SourceStrip:
    """The active strip of the sequencer's scene as a source. Cheap enough for a panel: looks at no disk.

    Where no strip is active, the only selected one with a picture counts. Raises Refused.
    """
    scene = compat.sequencer_scene(context)
    editor = scene.sequence_editor
    if scene.library is not None or scene.override_library is not None:
        raise Refused(f"The scene “{scene.name}” is linked from another file. Make it local first.")
    if editor is None or not len(compat.strips(editor)):
        raise Refused(f"The sequencer of “{scene.name}” is empty. Add a strip first.")
    strip = editor.active_strip
    if strip is None:
        selected = [s for s in compat.strips_all(editor) if s.select and s.type != "SOUND"]
        if len(selected) != 1:
            raise Refused("No strip is active. Click one in the Video Sequencer.")
        strip = selected[0]
    return source_strip_of(strip)


def source_strip_of(strip: Any) -> SourceStrip:
    """``strip`` as a source. Raises Refused."""
    if why := _refusal(strip):
        raise Refused(why)
    scene = strip.id_data
    start, end = visible_span(strip)
    head = _hidden_head(strip)
    return SourceStrip(
        scene=scene.name,
        strip=strip.name,
        channel=strip.channel,
        start=start,
        end=end,
        origin=compat.content_start(strip),
        fps=scene.render.fps / scene.render.fps_base,
        job=job_of(strip),
        whole=_is_whole(strip, head),
        head=head,
        seam=seam.on(strip),
        path=path_of(strip) if strip.type == "MOVIE" else "",
        scene_meant=Meant.of(scene),
    )


def waiting_refusal(strip: Any, start: int, end: int) -> str:
    """'' or why what ``strip`` shows in the scene frames [start, end) is no source: a slot in there has no clip yet.

    Inside meta and scene strips too. What the slot shows is a still, and not what the artist will see.
    """
    names = waiting_in(strip.id_data, start, end, strip)
    return _waits(names, f"“{strip.name}”" if names != [strip.name] else "")


def waiting_refusal_at(scene: bpy.types.Scene, frame: int) -> str:
    """'' or why the edit of ``scene`` is no source at ``frame``: see ``waiting_refusal``."""
    return _waits(waiting_in(scene, frame, frame + 1), f"The edit of “{scene.name}”")


def _waits(names: list[str], what: str) -> str:
    """The sentence that ``what`` shows the waiting slots ``names``; '' for ``what``: that the slot itself waits."""
    if not names:
        return ""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    shows = f"{what} shows “{names[0]}”{more}: a slot" if what else f"“{names[0]}” is a slot"
    advice = "Wait for it, or mute the slot." if what else "Wait for it."
    return f"{shows} whose clip is not there yet. {advice}"


def _refusal(strip: Any) -> str:
    """Why a strip cannot be a source, as far as Blender knows without a look at the disk; or ''."""
    named = f"“{strip.name}”"
    if strip.type == "SOUND":
        movie = next((s for s in compat.strips(owner_of(strip)) if belongs_to(strip, s)), None)
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
    return _picture_refusal(strip)


def _picture_refusal(strip: Any) -> str:
    """Why a strip has no picture, or ''."""
    named = f"“{strip.name}”"
    match strip.type:
        case "MOVIE" if is_waiting(strip):
            return _waits([strip.name], "")
        case "MOVIE":
            # Blender keeps the size of a movie that it has read once; `fps` opens the file, so it is asked last.
            if not strip.elements or (not strip.elements[0].orig_width and not strip.fps):
                return f"Blender cannot read the movie of {named}: {strip.filepath}. Choose another file for it."
        case "IMAGE":
            if not strip.elements:
                return f"{named} has no image. Choose one for it."
        case "META":
            inside = [s for s in compat.strips(strip) if s.type != "SOUND" and not s.mute]
            if not inside:
                return f"The meta strip {named} has no picture in it. Put a strip into it."
            if all(_picture_refusal(s) for s in inside):
                return _picture_refusal(inside[0])
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
            if getattr(strip, "clip", strip) is None:  # 4.2 has no such property
                return f"{named} has no movie clip. Choose one for it."
        case _:
            inputs = compat.inputs(strip)
            if getattr(strip, "input_count", 0) > len(inputs):
                return f"The effect {named} has lost a strip that it needs. Click another strip."
            return next(filter(None, map(_picture_refusal, inputs)), "")
    return ""


def file_refusal(strip: Any, start: int, end: int) -> str:
    """'' or a sentence that a file which ``strip`` shows in the scene frames [start, end) is missing or unreadable.

    Looks at the disk: for a click, not for a redraw.
    """
    advice = "Put it back, or choose another with Strip › Inputs › Change Path/Files."
    for shown, frames in _all_shown(strip, range(start, end)):
        if shown.type == "MOVIE":
            path = path_of(shown)
            if not os.path.isfile(path):
                return f"The file of “{shown.name}” is missing: {path}. {advice}"
            if not shown.fps:
                return f"Blender cannot read the movie of “{shown.name}”: {path}. {advice}"
        elif shown.type == "IMAGE":
            folder = bpy.path.abspath(shown.directory)
            for element in _images_at(shown, frames):
                path = os.path.join(folder, element.filename)
                if not os.path.isfile(path):
                    return f"An image of “{shown.name}” is missing: {path}. {advice}"
                if words := _unseen_kind(path):
                    return f"An image of “{shown.name}” is {words}, which is not seen: {path}. Save it as a PNG or JPEG."
    return ""


def _images_at(strip: Any, frames: Iterable[int]) -> list[Any]:
    """The elements of an image strip that are shown at those scene frames, each once: Blender knows which."""
    found = (strip.strip_elem_from_frame(frame) for frame in frames)
    return list({e.filename: e for e in found if e is not None}.values())


def _unseen_kind(path: str) -> str:
    """'' or the kind of a picture of which Blender shows nothing, as words."""
    try:
        with open_given(Path(path)) as file:
            return kind_of(file.read(HEAD))
    except OSError:
        return "a file that cannot be read"


def _all_shown(strip: Any, frames: range) -> Iterator[tuple[Any, range]]:
    """The strip, and what it is made of: inputs of an effect, what is not muted in a meta strip.

    Each with the scene frames that are seen of it: those hidden by the handles of a meta strip or its strips are not.
    """
    yield strip, frames
    for source in compat.inputs(strip):
        # A speed effect shows other frames of its input than those at the same time.
        anything = strip.type == "SPEED"
        yield from _all_shown(source, range(*compat.span(source)) if anything else frames)
    if strip.type != "META":
        return
    # Backwards, faster or slower, or with each frame held for some time, a meta strip shows other frames than those at
    # the same time, also of those that its handles hide: any that it has.
    plain = not (strip.use_reverse_frames or strip.strobe > 1.0 or compat.is_retimed_meta(strip))
    for inside in compat.strips(strip):
        first, after = compat.span(inside)
        part = (
            range(max(first, frames.start), min(after, frames.stop))
            if plain
            else range(first, after)
        )
        if part and not inside.mute and not strip.channels[inside.channel].mute:
            yield from _all_shown(inside, part)


def refusal_to_extend(source: SourceStrip, least: float) -> str:
    """'' or why a source strip is too short to be extended: the service needs ``least`` seconds."""
    if _frames(least, source.fps) <= source.end - source.start:
        return ""
    return (
        f"“{source.strip}” shows {source.seconds:.2f} s, and an extension needs at least {least:g} s. "
        "Make the strip longer, or use Continue Shot: it needs only the last frame."
    )


def refusal_to_edit(source: SourceStrip, least: float = 0.0) -> str:
    """'' or why a source strip is too short to be edited: the service needs ``least`` seconds.

    Of a strip that is too long the artist chooses the part that is sent.
    """
    if _frames(least, source.fps) <= source.end - source.start:
        return ""
    return (
        f"“{source.strip}” shows {source.seconds:.2f} s, and an edit needs at least {least:g} s. "
        "Make the strip longer."
    )


def _frames(seconds: float, fps: float) -> int:
    """The least number of frames that lasts ``seconds`` at ``fps`` a second, be it 29.97."""
    return int(seconds * fps - 1e-6) + 1 if seconds > 0 else 0


def _hidden_head(strip: Any) -> int:
    """The scene frames that an import has hidden at the start of a strip, and that are hidden still; else 0."""
    showing = stands_for(strip) if strip.type == "MOVIE" else None
    head = round(showing.head * scenes.rate(strip.id_data)) if showing is not None else 0
    return head if compat.span(strip)[0] - compat.content_start(strip) == head else 0


def _is_trimmed_behind(strip: Any) -> bool:
    """Whether a strip hides pictures of its file otherwise than by its left handle, or holds one."""
    return abs(compat.hidden_at_end(strip)) > 0.01 or any(compat.trim(strip))


def _is_whole(strip: Any, head: int) -> bool:
    """Whether a strip shows all of its job's clip but its ``head``, placed and coloured as the import left it."""
    return (
        strip.type == "MOVIE"
        and bool(job_of(strip))
        and visible_span(strip) == compat.span(strip)
        and not (_is_trimmed_behind(strip) if head else compat.is_trimmed(strip))
        and not len(strip.retiming_keys)
        and _is_placed_as_it_came(strip)
        and _looks_as_it_came(strip)
        and not any(True for _ in curves_of(strip, ""))
        and not any(strip in compat.inputs(s) for s in compat.strips(owner_of(strip)))
    )


def _is_placed_as_it_came(strip: Any) -> bool:
    """Whether all of a strip's picture is seen, as large as the frame."""
    transform, crop = strip.transform, strip.crop
    wanted = cover_scale(strip)
    return (
        not (crop.min_x or crop.max_x or crop.min_y or crop.max_y)
        and not (strip.use_flip_x or strip.use_flip_y or strip.use_reverse_frames)
        and max(abs(transform.offset_x), abs(transform.offset_y)) < 0.5
        and abs(transform.rotation) < 1e-4
        and abs(transform.scale_x / wanted - 1.0) < ALIKE
        and abs(transform.scale_y / wanted - 1.0) < ALIKE
    )


def _looks_as_it_came(strip: Any) -> bool:
    wanted = colour.colour_plan(strip.id_data, "").colorspace
    return (
        strip.blend_type in {"REPLACE", "ALPHA_OVER", "CROSS"}
        and strip.blend_alpha == 1.0
        and strip.color_multiply == 1.0
        and strip.color_saturation == 1.0
        and strip.strobe <= 1.0
        and not strip.use_deinterlace
        and not strip.use_multiview
        and wanted in ("", strip.colorspace_settings.name)
        and seam.is_only_change(strip)
    )

"""Facts about strips: their scene and name, what of a strip is seen, the job it came from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import bpy

from .. import compat, scenes
from ..movie_size import size_of_file

#: Custom property of a strip: the job whose clip it shows, or waits for.
JOB_PROPERTY = "grok_video_job"
#: Custom property of a strip: the slot whose takes it may show.
SLOT_PROPERTY = "grok_video_slot"
_LONGEST_ID = 64  # characters of a job's id
#: Bytes of a strip's name, of the 63 that Blender has. It cuts a longer name to append .001, and where the cut goes
#: through a character several strips get the same name (measured, 4.2 to 5.0).
_NAME_BYTES = 56


def target_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene that takes the clip: the one the sequencer shows, else the window's."""
    return compat.sequencer_scene(context)


def show_scene(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """Let the sequencers show ``scene`` where they show none (Blender 5), so that the clip is seen."""
    compat.show_in_sequencer(context, scene)


def strips_of(scene: bpy.types.Scene, job_id: str) -> list[Any]:
    """The strips of ``scene`` that came from a job, those inside meta strips too."""
    editor = scene.sequence_editor
    if editor is None or not job_id:
        return []
    return [s for s in compat.strips_all(editor) if job_of(s) == job_id]


def job_of(strip: Any) -> str:
    """The id of the job that a strip came from; '' for none, and for a property that is no id: scripts write anything."""
    return text_of(strip, JOB_PROPERTY, _LONGEST_ID)


def slot_of(strip: Any) -> str:
    """The slot whose takes a strip may show; '' for a strip of no job. A strip from before 0.4.0 has its job's."""
    return text_of(strip, SLOT_PROPERTY, _LONGEST_ID) or job_of(strip)


def text_of(strip: Any, name: str, longest: int) -> str:
    """A strip's custom property that is text of so many characters at most; '' for anything else."""
    value = strip.get(name)
    return value if isinstance(value, str) and len(value) <= longest else ""


def show_strips(context: bpy.types.Context, scene: bpy.types.Scene, job_id: str) -> bool:
    """Select the strips of a job and move the playhead to their start; False when there are none."""
    found = strips_of(scene, job_id)
    if not found:
        return False
    editor: Any = scene.sequence_editor  # not None: the strips that were found lie in the editor
    for strip in compat.strips_all(editor):
        strip.select = strip in found
    movie = next((strip for strip in found if strip.type == "MOVIE"), found[0])
    editor.active_strip = movie
    scene.frame_set(compat.span(movie)[0])
    show_scene(context, scene)
    return True


def strip_name(text: str) -> str:
    """``text`` as a strip's name: one line that fits, whole characters only."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(shown.split()) or "Grok Video"
    return line.encode()[:_NAME_BYTES].decode(errors="ignore").rstrip()


def meta_at(scene: bpy.types.Scene, frame: int) -> Any:
    """The open meta strip, to which Blender adds new strips, when it shows ``frame``; else None.

    A clip that begins outside of the open meta strip would never be seen in it.
    """
    editor = scene.sequence_editor
    if editor is not None and len(editor.meta_stack):
        meta = editor.meta_stack[-1]
        start, end = compat.span(meta)
        if start <= frame < end:
            return meta
    return None


SAME_FRAME = 1  # frames by which two positions may differ that only rounding sets apart
ALIKE = (
    0.02  # part by which a strip's scale may differ from that of its import and count as untouched
)
#: Part of a picture that may be cut off so that no line is left beside it: encoders round sizes to 16 pixels, which is
#: 0.6 % of 848 x 480. What differs by more was meant to.
COVERS = 0.01


def visible_span(strip: Any) -> tuple[int, int]:
    """The scene frames [start, end) in which a strip is seen: between its handles and those of its meta strips."""
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


def pixels_of(strip: Any) -> tuple[int, int]:
    if all(size := size_of_file(strip)):
        return size
    width, height = scenes.frame_size(strip.id_data)
    return round(width), round(height)


def path_of(owner: Any) -> str:
    return os.path.normpath(bpy.path.abspath(owner.filepath))


def cover_scale(strip: Any) -> float:
    """The scale of a strip's picture as it comes in, see ``natural_scale``."""
    return natural_scale(strip.id_data, pixels_of(strip))


def natural_scale(scene: bpy.types.Scene, size: tuple[int, int]) -> float:
    """The scale by which a picture of that size fits into a scene's frame, or covers it where their shapes are alike.

    Services make 848x480 for 16:9, and 850x482 from 848x480: shown whole, such a picture would leave a line of what
    lies below.
    """
    (width, height), output = size, scene.render
    fit, fill = sorted((output.resolution_x / width, output.resolution_y / height))
    return fill if fill / fit - 1.0 < COVERS else fit


def curves_of(strip: Any, name: str) -> Iterator[Any]:
    """The animation curves of a strip's property ``name``; for '' of all its properties."""
    ends = f'_all["{bpy.utils.escape_identifier(strip.name)}"].{name}'
    return (curve for curve in compat.curves(strip.id_data) if ends in curve.data_path)


def selection_of(scene: bpy.types.Scene) -> tuple[str, frozenset[str]]:
    """The names of the active strip and of the selected ones."""
    editor = scene.sequence_editor
    if editor is None:
        return "", frozenset()
    active = editor.active_strip.name if editor.active_strip is not None else ""
    return active, frozenset(s.name for s in compat.strips_all(editor) if s.select)


def select(scene: bpy.types.Scene, chosen: tuple[str, frozenset[str]]) -> None:
    """Select what ``selection_of`` gave."""
    editor = scene.sequence_editor
    if editor is None:
        return
    active, selected = chosen
    for strip in compat.strips_all(editor):
        strip.select = strip.name in selected
    editor.active_strip = compat.strips_all(editor).get(active) if active else None

"""What an artist does in the sequencer, for tests: strips made, cut, moved and put into meta strips.

Knows nothing of the extension.
"""

from __future__ import annotations

from typing import Any

import bpy


def base_of(owner: Any) -> Any:
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def strips(scene: Any) -> list[Any]:
    return list(base_of(scene.sequence_editor)) if scene.sequence_editor else []


def span(strip: Any) -> tuple[int, int]:
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def color(scene: Any, channel: int, start: int, end: int, kind: str = "COLOR", *inputs: Any) -> Any:
    """Another strip of the artist's, without a file."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    extent = {"length": end - start} if bpy.app.version >= (5, 0) else {"frame_end": end}
    word = "input" if bpy.app.version >= (4, 5) else "seq"
    fields = extent | {f"{word}{n}": strip for n, strip in enumerate(inputs, 1)}
    return base_of(editor).new_effect(
        name=f"{kind} {channel} {start}", type=kind, channel=channel, frame_start=start, **fields
    )


def overlaps(scene: Any) -> list[tuple[str, str]]:
    found = strips(scene)
    return [
        (a.name, b.name)
        for i, a in enumerate(found)
        for b in found[i + 1 :]
        if a.channel == b.channel and span(a)[0] < span(b)[1] and span(b)[0] < span(a)[1]
    ]


def sequencer_operators(scene: Any) -> Any:
    """A context for Blender's own sequencer operators."""
    area = max(bpy.context.window.screen.areas, key=lambda area: area.width)
    area.type = "SEQUENCE_EDITOR"
    keys = {"sequencer_scene": scene} if bpy.app.version >= (5, 0) else {}
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(area=area, region=region, scene=scene, **keys)


def set_span(strip: Any, start: int, end: int) -> None:
    if hasattr(strip, "left_handle"):
        strip.left_handle, strip.right_handle = start, end
    else:
        strip.frame_final_start, strip.frame_final_end = start, end


def shift(strip: Any, frames: int) -> None:
    """Move a strip along the timeline."""
    strip.frame_start = int(strip.frame_start) + frames


def split(strip: Any, frame: int) -> Any:
    """Cut a strip; gives the right piece."""
    return strip.split(frame=frame, split_method="SOFT")


def every(scene: Any) -> list[Any]:
    """All strips, inside meta strips too. References die with every meta strip that is made."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def find(scene: Any, name: str) -> Any:
    """A strip by its name, inside meta strips too."""
    return next(strip for strip in every(scene) if strip.name == name)


def select(scene: Any, *wanted: Any) -> None:
    for strip in strips(scene):
        strip.select = strip in wanted


def make_meta(scene: Any, *inside: Any) -> Any:
    """Put strips of the edit into a meta strip of their own."""
    select(scene, *inside)
    before = {strip.name for strip in strips(scene)}
    with sequencer_operators(scene):
        bpy.ops.sequencer.meta_make()
    return next(strip for strip in strips(scene) if strip.name not in before)


def duplicate(scene: Any, strip: Any, frames: int, channel: int = 60) -> Any:
    """A copy of a strip, so many frames later, on a channel where nothing is."""
    before = {other.name for other in strips(scene)}
    select(scene, strip)
    with sequencer_operators(scene):
        bpy.ops.sequencer.duplicate()
    made = next(other for other in strips(scene) if other.name not in before)
    made.channel = channel
    shift(made, frames)
    return made

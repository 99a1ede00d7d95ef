"""Extend, Edit and Continue, clicked: from a clip on the timeline to what follows it and what covers it."""

from __future__ import annotations

from typing import Any

import bpy
from driver import Steps, Ui
from jobs import described, quick, strips, timeline

KIND = "SEQUENCE_EDITOR"


def flow(ui: Ui) -> Any:
    """The extension's session."""
    return ui.module("blender.flow").current()


def open_section(ui: Ui, above: str, inside: str, kind: str = KIND) -> Steps:
    """Click the title of a part of the panel that is closed: it lies below the widget ``above``."""
    widget = yield from ui.find(above, kind)
    scale = bpy.context.preferences.system.ui_scale
    x = ui.region(kind).x + int(80 * scale)
    for down in range(int(24 * scale), int(60 * scale), int(5 * scale)):
        yield from ui.move(x, widget.y - down)
        if ui.under_mouse(kind) is not None:
            continue  # still the widget above
        yield from ui.press()
        yield from ui.redraw()
        met = yield from ui.scan(kind, lambda found: found.name == inside)
        if met and met[-1].name == inside:
            return
    raise AssertionError(f"there is no part of the panel with {inside} below {above}")


def movies() -> list[Any]:
    """The picture strips of clips, in the order of time."""
    return sorted(
        (strip for strip in strips() if strip.type == "MOVIE"),
        key=lambda strip: described(strip)["span"][0],
    )


def wait_for_clip(ui: Ui, count: int) -> Steps:
    """Wait until there are so many clips on the timeline."""
    yield from ui.until(lambda: len(movies()) == count, f"clip number {count}", 180)
    yield from ui.redraw()


def every_kind(ui: Ui, seconds: int) -> Steps:
    """Generate, extend what came, edit it, continue it."""
    quick(bpy.context.scene, seconds=seconds)
    timeline().frame_set(11)
    yield from ui.sidebar(KIND)
    yield from ui.fill("prompt", "A heron lifts off")
    yield from ui.click("grok_video.generate")
    yield from ui.point(KIND)
    yield from wait_for_clip(ui, 1)
    yield from open_section(ui, "grok_video.generate", "extend_prompt")
    yield from ui.fill("extend_prompt", "It lands again")
    bpy.context.scene.grok_video.extend_seconds = 2
    yield from ui.redraw()
    yield from ui.shot("rework-extend")
    yield from ui.click("grok_video.extend")
    yield from ui.point(KIND)
    yield from wait_for_clip(ui, 2)
    yield from ui.shot("rework-extended")
    ui.note(extended=[described(strip) for strip in strips()])


def looked_at(ui: Ui) -> Steps:
    """Only to look: all parts of the panel open, in the 3D View's high sidebar."""
    quick(bpy.context.scene, seconds=2)
    yield from ui.sidebar("VIEW_3D")
    yield from open_section(ui, "grok_video.generate", "extend_prompt", "VIEW_3D")
    yield from ui.shot("rework-looked")

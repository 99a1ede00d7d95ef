"""A clip of a block-out is extended by a service that shifts its colours: what is seen on both sides of the seam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from jobs import let_scripts_buy, newest, timeline
from looks import block_out
from rework import activate, open_extend, service, span, wait_for_clip

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"


def extended(ui: Ui, drift: str) -> Steps:
    """Press Extend; take the frames beside the seam as they are matched, and as they would be without."""
    block_out(bpy.context.scene)
    chosen = bpy.context.scene.grok_video
    chosen.prompt, chosen.generate_audio, chosen.duration = "A harbour in the fog", False, 2
    chosen.extend_seconds = 2
    let_scripts_buy()
    bpy.ops.grok_video.generate()
    source = yield from wait_for_clip(ui, 1)
    activate(source)
    service("settings", drift=drift)
    ui.module("blender.session.seams").PATIENCE = 120.0  # others keep this machine busy
    yield from ui.sidebar(KIND)
    yield from open_extend(ui)
    yield from ui.fill("extend_prompt", "The tide comes in")
    yield from ui.click("grok_video.extend")
    yield from ui.point(KIND)
    strip = yield from wait_for_clip(ui, 2)
    ours = [modifier for modifier in strip.modifiers if modifier.name.startswith("Grok Video Seam")]
    seam = span(strip)[0]
    ui.note(
        modifiers=[modifier.type for modifier in ours],
        spans=[span(source), span(strip)],
        seam=newest().seam is not None,
    )
    timeline().frame_set(seam)
    yield from ui.shot("seam")
    see(ui, "source", seam - 1)
    see(ui, "matched", seam)
    for modifier in ours:
        modifier.mute = True
    see(ui, "raw", seam)


def see(ui: Ui, name: str, frame: int) -> None:
    """Save what the edit shows at a frame as a render of it does."""
    scene: Any = timeline()
    scene.frame_set(frame)
    render = scene.render
    render.image_settings.file_format = "PNG"
    render.filepath = str(ui.output / f"seam-{name}.png")
    render.use_sequencer = True
    render.resolution_percentage = 50
    bpy.ops.render.render(write_still=True, scene=scene.name)

"""The default scene as it comes, with the engine that holds the window while it renders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from jobs import newest, strips

if TYPE_CHECKING:
    from driver import Steps, Ui


def default_scene(ui: Ui) -> Steps:
    """Press Generate in the startup file and get EEVEE's picture as a clip."""
    kind = "VIEW_3D"
    scene = bpy.context.scene
    scene.grok_video.duration = 1
    scene.eevee.taa_render_samples = 4  # on the CPU, 64 take minutes
    scene.render.resolution_percentage = 50  # of the artist's output, not of ours
    yield from ui.sidebar(kind)
    yield from ui.click("grok_video.generate", kind)
    yield from ui.point(kind)
    yield from ui.until(newest, "the job, after the render", 200)
    yield from ui.until(strips, "the clip on the timeline", 60)
    still = bpy.data.images.load(newest().spec.image)
    ui.note(
        engine=scene.render.engine,
        pixels=list(still.size),
        scenes=[s.name for s in bpy.data.scenes],
    )

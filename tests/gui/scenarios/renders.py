"""Camera renders, one after the other, as they run beside an artist's work."""

from __future__ import annotations

from pathlib import Path

import bpy
from driver import Steps, Ui
from jobs import quick


def many(ui: Ui, folder: str, count: int) -> Steps:
    """Take ``count`` pictures with the camera, each by a render job of its own."""
    quick(bpy.context.scene, seconds=1)
    CameraRender = ui.module("blender.sources.camera").CameraRender
    for number in range(count):
        path = Path(folder, f"{number}.png")
        render = CameraRender.start(bpy.context, bpy.context.scene, (848, 480), path, "PNG")
        still = yield from ui.until(render.poll, f"picture {number}", 60)
        assert path.stat().st_size == still.size
        ui.note(taken=number + 1)

"""Camera renders, one after the other, as they run beside an artist's work."""

from __future__ import annotations

from pathlib import Path

import bpy
from driver import Steps, Ui
from jobs import quick


def many(ui: Ui, folder: str, count: int) -> Steps:
    """Take ``count`` pictures with the camera, each by a render job of its own; another add-on changes the first."""
    quick(bpy.context.scene, seconds=1)
    mine = Path(folder, "beauty.png")
    mine.write_bytes(b"the artist's own")

    changed: list[str] = []

    def changes(scene: bpy.types.Scene, *_: object) -> None:
        # No more, and once: set in the thread of a render job, settings crash Blender now and then (docs/blender.md).
        if not changed:
            changed.append(scene.name)
            scene.render.resolution_percentage = 50
            scene.render.filepath = str(mine)

    bpy.app.handlers.render_init.append(changes)
    CameraRender = ui.module("blender.sources.camera").CameraRender
    for number in range(count):
        path = Path(folder, f"{number}.png")
        render = CameraRender.start(bpy.context, bpy.context.scene, (848, 480), path, "PNG")
        still = yield from ui.until(render.poll, f"picture {number}", 60)
        assert path.stat().st_size == still.size
        ui.note(taken=number + 1)
    bpy.app.handlers.render_init.remove(changes)
    assert changed
    assert mine.read_bytes() == b"the artist's own"
    pictures = sorted(path.name for path in Path(folder).glob("*.png"))
    assert pictures == sorted([mine.name, *(f"{number}.png" for number in range(count))])

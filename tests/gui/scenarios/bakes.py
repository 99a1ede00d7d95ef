"""Bakes of a strip, of the camera and of the viewport, in a saved file that must stay saved."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from patience import own_clock

if TYPE_CHECKING:
    from driver import Steps, Ui


def bakes(ui: Ui, folder: str) -> Steps:
    """One of each, one after the other."""
    bake, playblast = ui.module("blender.sources.bake"), ui.module("blender.sources.playblast")
    compat = ui.module("blender.compat")
    out = Path(folder)
    scene = bpy.context.scene
    scene.render.fps = 24
    longest = [0.0]

    def finish(job: Any, name: str) -> Steps:
        while True:
            start = own_clock()
            result = job.poll()
            longest[0] = max(longest[0], own_clock() - start)
            if result is not None:
                break
            yield 0.02
        ui.note(**{name: [result.width, result.height, result.frames, result.fps]})
        return result

    camera = yield from finish(bake.Bake.camera(scene, 1, 7, out / "camera.mp4"), "camera")

    editor = scene.sequence_editor_create()
    strip = compat.strips(editor).new_movie("camera", camera.path, 3, 10)
    strip.select = False
    scene.frame_set(3)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "artist.blend"))
    yield
    assert not bpy.data.is_dirty
    cube = scene.objects["Cube"]

    def state() -> tuple[object, ...]:
        return (
            bpy.data.is_dirty,
            bpy.context.preferences.is_dirty,
            bpy.context.window.scene.name,
            [s.name for s in bpy.data.scenes],
            scene.frame_current,
            [(s.name, s.select, compat.span(s)) for s in compat.strips_all(editor)],
            (cube.select_get(), bpy.context.view_layer.objects.active.name),
            len(bpy.context.window_manager.windows),
        )

    before = state()
    yield from finish(bake.Bake.strip(scene, strip, 11, 15, [], out / "strip.mp4"), "strip")
    assert state() == before, state()
    ui.note(longest_poll=longest[0])

    job = bake.Bake.strip(scene, strip, 11, 15, [], out / "stopped.mp4")
    yield 0.7
    assert job.poll() is None
    start = time.monotonic()
    job.cancel()
    ui.note(cancel_seconds=time.monotonic() - start)

    played = playblast.Playblast.start(bpy.context, scene, 20, 25, out / "viewport.mp4")
    frames = []

    def watched(result: Any = None) -> Steps:
        while result is None:
            result = played.poll()
            frames.append(scene.frame_current)
            yield 0.02
        return result

    result = yield from watched()
    ui.note(viewport=[result.width, result.height, result.frames, result.fps])
    assert frames[:4] == [20, 21, 22, 23], frames
    assert frames[-1] == 3
    assert state() == before, state()

    image = bpy.data.images.load(result.path)
    pixels = list(image.pixels)
    bpy.data.images.remove(image)
    assert max(pixels[::4]) - min(pixels[::4]) > 0.2, "the viewport is empty"

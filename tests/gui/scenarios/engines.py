"""The default scene as it comes, with the engine that would hold the window while it renders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from jobs import newest, strips

if TYPE_CHECKING:
    from driver import Steps, Ui

VIEW = "VIEW_3D"


def default_scene(ui: Ui) -> Steps:
    """Press Generate in the startup file, orbit while EEVEE renders, and get F12's picture as a clip."""
    scene = bpy.context.scene
    scene.grok_video.duration = 1
    scene.eevee.taa_render_samples = 4  # on the CPU, 64 take minutes
    scene.render.resolution_percentage = 50  # of the artist's output, not of ours
    yield from ui.sidebar(VIEW)
    yield from ui.click("grok_video.generate", VIEW)
    yield from ui.point(VIEW)
    yield from _orbit_while_it_renders(ui)
    yield from ui.until(newest, "the job, after the render")
    yield from ui.until(strips, "the clip on the timeline", 60)
    still = _pixels(newest().spec.image)
    ui.note(
        engine=scene.render.engine,
        pixels=[still.shape[1], still.shape[0]],
        scenes=[s.name for s in bpy.data.scenes],
    )
    # Last, and by execute: an interactive render of a GPU engine kills 4.3 on a virtual screen.
    ui.note(off=_share_that_differs(still, _f12(ui, scene, still.shape[1::-1])))


def _orbit_while_it_renders(ui: Ui) -> Steps:
    """Turn the view by the middle mouse button until the source is there; note when it turned."""
    click = ui.module("blender.session.state").current().click
    yield from ui.until(
        lambda: click.preparing is not None and click.preparing.running, "the render", 60
    )
    view = ui.area(VIEW).spaces.active.region_3d
    began = time.monotonic()
    turns: list[float] = []  # seconds since the start at which the view was found turned
    shots = 0
    ui.event("MIDDLEMOUSE", "PRESS")
    while click.preparing is not None:
        before = view.view_rotation.copy()
        x, y = ui._mouse
        yield from ui.move(x + (9 if len(turns) % 40 < 20 else -9), y + 1)
        yield 0.05
        now = time.monotonic() - began
        if click.preparing is not None and view.view_rotation != before:
            turns.append(now)
        if shots < 6 and now > 0.5 * shots:
            shots += 1
            yield from ui.shot(f"orbiting-{shots}")
        assert now < 400, (
            "the render never ended"
        )  # a second Blender comes after all that runs here
    ui.event("MIDDLEMOUSE", "RELEASE")
    assert not click.message, click.message
    ui.note(turns=turns, took=time.monotonic() - began)


def _f12(ui: Ui, scene: bpy.types.Scene, size: Any) -> np.ndarray:
    camera = ui.module("blender.sources.camera")
    full = ui.module("blender.scenes").frame_size(scene)
    settings = camera.frame_settings(full, tuple(size), "AUTO", region=True)[1]
    for name, value in (settings | {"resolution_percentage": 100}).items():
        setattr(scene.render, name, value)
    formats = scene.render.image_settings
    formats.file_format, formats.color_mode, formats.color_depth = "PNG", "RGB", "8"
    scene.render.filepath = str(ui.output / "f12.png")
    bpy.ops.render.render(write_still=True)
    return _pixels(scene.render.filepath)


def _pixels(path: str) -> np.ndarray:
    """Height × width × 3, 0..255."""
    image = bpy.data.images.load(path)
    width, height = image.size
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    return np.rint(values.reshape(height, width, -1)[..., :3] * 255).astype(int)


def _share_that_differs(one: np.ndarray, other: np.ndarray) -> float:
    """The share of pixels that are more than 1 of 255 apart."""
    return float((abs(one - other).max(axis=2) > 1).mean())

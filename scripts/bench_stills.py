"""What ``bench.py`` measures of stills that a second Blender renders, inside the ``bpy`` wheel: raw figures in seconds.

Owns the scene of 2 million vertices and 200 MB of packed images. Its functions are tasks of ``bench_in_wheel.py``,
which has the means.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

VERTICES = 2_000_000
MEGABYTES = 200  # of packed images


def written_scene(task: dict[str, Any]) -> dict[str, list[float]]:
    """How long Blender is held up when a still begins in the background, and by a saved copy of the same file."""
    import bench_in_wheel as wheel
    import bpy

    home = Path(task["home"])
    told: dict[str, list[float]] = {"start": [], "save": []}
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = _heavy(bpy)
    with wheel.enabled(home):
        background = wheel.module("blender.sources.background")
        for number in range(task["runs"]):
            path = home / f"still-{number}.png"
            start = time.perf_counter()
            work = background.BackgroundRender.start(bpy.context, scene, (848, 480), path, "PNG")
            told["start"].append(time.perf_counter() - start)
            work.cancel()
            # A new name each: over an old file Blender also keeps a .blend1.
            copy = home / f"copy-{number}.blend"
            start = time.perf_counter()
            bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True, compress=False)
            told["save"].append(time.perf_counter() - start)
            copy.unlink()
    return told


def _heavy(bpy: Any) -> Any:
    import numpy as np

    scene = bpy.context.scene
    # As a mesh of one object: vertices, and quads between them.
    side = int(VERTICES**0.5)
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    mesh = bpy.data.meshes.new("Heavy")
    mesh.vertices.add(side * side)
    places = np.stack([x.ravel(), y.ravel(), (x * y).ravel() % 7], axis=1).astype(np.float32)
    mesh.vertices.foreach_set("co", places.ravel())
    first = (y[:-1, :-1] * side + x[:-1, :-1]).ravel()
    corners = np.stack([first, first + 1, first + side + 1, first + side], axis=1).astype(np.int32)
    mesh.loops.add(corners.size)
    mesh.loops.foreach_set("vertex_index", corners.ravel())
    mesh.polygons.add(len(corners))
    mesh.polygons.foreach_set("loop_start", np.arange(0, corners.size, 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    scene.collection.objects.link(bpy.data.objects.new("Heavy", mesh))
    for number in range(10):
        image = bpy.data.images.new(f"Packed {number}", 8, 8)
        size = MEGABYTES * 10**6 // 10
        image.pack(data=os.urandom(size), data_len=size)
        image.use_fake_user = True
        mesh[f"image {number}"] = image  # a user, without which Blender would not write the image
    return scene

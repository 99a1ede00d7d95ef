"""What ``bench.py`` measures of stills that a second Blender renders, inside the ``bpy`` wheel: raw figures in seconds.

Owns the scene of 2 million vertices and 200 MB of packed images, which a window measures too. ``written_scene`` is a
task of ``bench_in_wheel.py``, which has the means.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

VERTICES = 2_000_000
MEGABYTES = 200  # of packed images


def written_scene(task: dict[str, Any]) -> dict[str, list[float]]:
    """How long Blender is held up when a still begins in the background, and by a saved copy of the same file.

    In turn, and in the other order each time: what one leaves to the disk the other has to wait for. The first of each
    warms the memory and does not count.
    """
    import bench_in_wheel as wheel
    import bpy

    home = Path(task["home"])
    told: dict[str, list[float]] = {"start": [], "save": [], "start busy": [], "save busy": []}
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    heavy(scene, VERTICES, MEGABYTES)
    with wheel.enabled(home):
        background = wheel.module("blender.sources.background")
        for number in range(task["runs"] + 1):
            for who in ("start", "save") if number % 2 else ("save", "start"):
                # A new name each: over an old file Blender also keeps a .blend1.
                copy, path = home / f"copy-{number}.blend", home / f"still-{number}.png"
                work: Any = None
                start, busy = time.perf_counter(), time.process_time()
                if who == "start":
                    work = background.BackgroundRender.start(
                        bpy.context, scene, (848, 480), path, "PNG"
                    )
                else:
                    bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True, compress=False)
                took = time.perf_counter() - start, time.process_time() - busy
                if number:
                    told[who].append(took[0])
                    told[f"{who} busy"].append(took[1])
                if work is not None:
                    work.cancel()
                copy.unlink(missing_ok=True)
    return told


def heavy(scene: Any, vertices: int, megabytes: int) -> Any:
    """Add one object of so many vertices, and quads between them, with packed images of so many MB; returns its mesh."""
    import bpy
    import numpy as np

    side = int(vertices**0.5)
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
    size = megabytes * 10**6 // 10
    for number in range(10 if size else 0):
        image = bpy.data.images.new(f"Packed {number}", 8, 8)
        image.pack(data=os.urandom(size), data_len=size)
        image.use_fake_user = True
        mesh[f"image {number}"] = image  # a user, without which Blender would not write the image
    return mesh

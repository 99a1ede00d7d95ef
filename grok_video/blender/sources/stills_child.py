"""What the Blender in the background does for stills: renders cameras of the written scenes, one picture an order.

Loaded by ``bake_child.py``, which hands it what it needs of itself, and imported for nothing else. ``kit`` has ``compat``
and ``shared`` (modules), ``found`` (a datablock by its name), ``render`` of a scene, ``folder``, in which the pictures
are made, and ``unbakeable``, what is raised with a reason.
"""

from __future__ import annotations

import traceback
from typing import Any

import bpy


def make(order: dict[str, Any], kit: Any, name: str) -> None:
    """Render a scene's camera at one frame into the picture ``name``. Raises kit.unbakeable.

    Afterwards the scene has its own cameras again, for the next order. All else that an order sets, each order sets.
    """
    scene = kit.found(bpy.data.scenes, order["scene"])
    output = scene.render
    for setting, value in order["settings"].items():
        setattr(output, setting, value)
    output.filepath = kit.compat.literal_path(str(kit.folder / name))
    output.use_file_extension = False
    output.use_overwrite = True
    output.use_placeholder = False
    kit.compat.write_images(output.image_settings, order["format"], order["quality"])
    kit.shared.show_on_srgb(scene)
    bound = [(marker, marker.camera) for marker in scene.timeline_markers]
    own = scene.camera
    try:
        if order["camera"] is not None:
            for marker, _ in bound:
                marker.camera = None
            scene.camera = kit.found(bpy.data.objects, order["camera"])
        # Set only: the render evaluates the scene at its frame.
        scene.frame_current, scene.frame_subframe = order["frame"], order["subframe"]
        kit.render(scene)
    finally:
        for marker, camera in bound:
            marker.camera = camera
        scene.camera = own
    if not (kit.folder / name).exists():
        raise kit.unbakeable("Blender wrote no file")


def make_all(orders: list[dict[str, Any]], kit: Any, report: Any) -> None:
    """Render a picture for each order and report each, made or failed: one that fails does not keep the others."""
    for index, order in enumerate(orders):
        why = ""
        try:
            make(order, kit, kit.shared.still_name(index))
        except kit.unbakeable as error:
            why = str(error)
        except Exception as error:  # what a scene makes of an order is not known before
            traceback.print_exc()
            why = f"Blender gave an error ({type(error).__name__}: {error})"
        report.still(index, why)

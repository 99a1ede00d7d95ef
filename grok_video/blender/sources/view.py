"""From where a source is seen: a short text that is another one once that has changed.

Told of a camera are its place, lens and frame, of a viewport its view, of an image the datablock. What stands in front
of the camera is not looked at: whether that has changed only a render tells. Changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import bpy

from .. import compat, scenes
from . import viewport
from .image_size import size_of

_LENS = (
    *("type", "lens", "ortho_scale", "sensor_fit", "sensor_width", "sensor_height"),
    *("shift_x", "shift_y"),
)


def view_of(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    source: str,
    image: bpy.types.Image | None,
) -> str:
    """What stands for the view of a source now; '' where nothing tells. Cheap enough for a redraw."""
    match source:
        case "CAMERA":
            camera = scenes.camera_of(scene)
            if camera is None:
                return ""
            lens = [getattr(camera.data, name, "") for name in _LENS]
            place = [value for row in camera.matrix_world for value in row]
            return _short((scene.frame_float, *scenes.frame_size(scene), *lens, *place))
        case "VIEWPORT":
            view = viewport.find(context)
            if view is None:
                return ""
            seen = [value for row in view.region_3d.view_matrix for value in row]
            size = viewport.frame_size(view, scene)
            return _short((scene.frame_float, view.space.lens, *size, *seen))
        case "IMAGE":
            size = size_of(image) if image is not None else None
            return _short((image.name_full, *size)) if image is not None and size else ""
        case "RENDER_RESULT":
            return _short(scenes.frame_size(scene))
        case "SEQUENCER":
            edit = compat.sequencer_scene(context)
            return _short((edit.name, edit.frame_float, *scenes.frame_size(edit)))
        case _:
            return ""


def _short(values: Iterable[object]) -> str:
    # Rounded: an animation that is played and put back leaves the last digits otherwise.
    told = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
    return hashlib.blake2b("|".join(told).encode(), digest_size=8).hexdigest()

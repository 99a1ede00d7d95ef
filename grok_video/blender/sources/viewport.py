"""The 3D viewport as it looks, drawn off screen.

Owns which viewport is meant, what its frame is, and the drawing, during which overlays are off; no other setting is
changed. Knows nothing of files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import bpy
from mathutils import Matrix

from ...core.framing import crop_inside
from ...core.record import record
from .. import said, scenes
from ..refusal import Interrupted, Refused

if TYPE_CHECKING:
    import numpy as np  # functions import numpy themselves: Blender's start does not wait

_NONE = "There is no 3D Viewport in this window. Open one, or choose another source."


@record
class View:
    """A 3D viewport of the window: its space, and the region that is drawn."""

    space: bpy.types.SpaceView3D
    region: bpy.types.Region
    region_3d: bpy.types.RegionView3D


def find(context: bpy.types.Context) -> View | None:
    """The viewport that the artist means: the one under the panel, else the largest of the window."""
    window = context.window
    if bpy.app.background or window is None:
        return None
    areas = [area for area in window.screen.areas if area.type == "VIEW_3D"]
    if not areas:
        return None
    area = context.area
    if area is None or area.type != "VIEW_3D":
        area = max(areas, key=lambda a: a.width * a.height)
    regions = [region for region in area.regions if region.type == "WINDOW" and region.data]
    if not regions:
        return None
    # Of the four regions of a quad view the one that shows perspective, or the camera.
    region = max(regions, key=lambda r: r.data.view_perspective != "ORTHO")
    space: Any = area.spaces.active
    return View(space, region, region.data)


def refusal(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """'' or why no viewport can be captured now."""
    if bpy.app.background:
        return "There is no 3D Viewport without a window. Choose another source."
    view = find(context)
    if view is None:
        return _NONE
    if view.space.shading.type == "RENDERED" and scenes.engine_class(scene) is not None:
        # A viewport that shows a Cycles render is black when drawn off screen (measured in 5.2).
        return (
            "The 3D Viewport shows a Cycles render, which cannot be taken from it. Switch it to Solid "
            "or Material Preview, or choose Camera as source."
        )
    return ""


def _camera(view: View, scene: bpy.types.Scene) -> bpy.types.Object | None:
    if view.region_3d.view_perspective != "CAMERA":
        return None
    return view.space.camera if view.space.use_local_camera else scene.camera


def frame_size(view: View, scene: bpy.types.Scene) -> tuple[float, float]:
    """Width and height in square pixels: of the viewport, or of the camera's frame when that is looked through."""
    if _camera(view, scene):
        return scenes.frame_size(scene)
    return float(view.region.width), float(view.region.height)


def draw(
    context: bpy.types.Context, scene: bpy.types.Scene, size: tuple[int, int]
) -> tuple[np.ndarray, str]:
    """Draw the viewport: its pixels, ``size`` and cropped inside its frame, and the name of its camera or ''.

    Pixels are (height, width, 3), uint8, bottom row first. Raises Refused, Interrupted.
    """
    import gpu  # cannot be used in background mode
    import numpy as np

    view = find(context)
    if view is None:
        raise Refused(_NONE)
    camera = _camera(view, scene)
    frame = frame_size(view, scene)
    if camera:
        depsgraph = context.evaluated_depsgraph_get()
        window = camera.evaluated_get(depsgraph).calc_matrix_camera(
            depsgraph, x=round(frame[0]), y=round(frame[1])
        )
        looking = camera.evaluated_get(depsgraph).matrix_world.normalized().inverted()
    else:
        window, looking = view.region_3d.window_matrix.copy(), view.region_3d.view_matrix.copy()
    crop = crop_inside(*frame, *size)
    zoom = (1.0 / (crop.right - crop.left), 1.0 / (crop.top - crop.bottom))
    overlays = view.space.overlay.show_overlays
    try:
        screen = cast(Any, gpu.types.GPUOffScreen)(*size)
    except (RuntimeError, SystemError) as error:
        raise Interrupted(f"The viewport could not be drawn: {said.sentence(error)}") from error
    try:
        view.space.overlay.show_overlays = False
        screen.draw_view3d(
            scene,
            context.view_layer,
            view.space,
            view.region,
            looking,
            Matrix.Diagonal((*zoom, 1.0, 1.0)) @ window,
            do_color_management=True,
        )
        buffer: Any = screen.texture_color.read()
    finally:
        view.space.overlay.show_overlays = overlays
        screen.free()
    buffer.dimensions = size[0] * size[1] * 4
    rgba = np.asarray(buffer).reshape(size[1], size[0], 4)
    return np.ascontiguousarray(rgba[..., :3]), camera.name if camera else ""

"""Facts about a scene that many files ask for: frame size, rate, camera, and whether Blender is busy.

Changes nothing.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import compat

#: Jobs of Blender during which nothing may be rendered.
BUSY_JOBS: dict[Any, str] = {"RENDER": "renders", "OBJECT_BAKE": "bakes", "COMPOSITE": "composites"}


def busy() -> str:
    """What Blender does while no render may begin: 'renders', 'bakes', 'composites', or ''."""
    # A second render while an interactive one runs crashes Blender 4.3 and 5.2 (measured).
    return next((does for job, does in BUSY_JOBS.items() if bpy.app.is_job_running(job)), "")


def engine_freezes(scene: bpy.types.Scene) -> bool:
    """Whether Blender's window stands still while this scene's engine renders.

    Engines that draw with the graphics card's context hold it for the whole render: EEVEE, Workbench,
    and add-ons' engines that say so. Cycles does not.
    """
    engine = engine_class(scene)
    return engine is None or bool(getattr(engine, "bl_use_gpu_context", False))


def engine_class(scene: bpy.types.Scene) -> type[bpy.types.RenderEngine] | None:
    """The Python class of the scene's engine; EEVEE and Workbench have none, Cycles has one."""
    classes = [bpy.types.RenderEngine]
    while classes:
        cls = classes.pop()
        if cls.__dict__.get("bl_idname") == scene.render.engine:
            return cls
        classes.extend(cls.__subclasses__())
    return None


def frame_size(scene: bpy.types.Scene) -> tuple[float, float]:
    """The scene's full frame in square pixels."""
    render = scene.render
    aspect = render.pixel_aspect_x / render.pixel_aspect_y
    if aspect >= 1.0:
        return render.resolution_x * aspect, float(render.resolution_y)
    return float(render.resolution_x), render.resolution_y / aspect


def rate(scene: bpy.types.Scene) -> float:
    """The scene's frames per second."""
    return scene.render.fps / scene.render.fps_base


def camera_of(scene: bpy.types.Scene, frame: int | None = None) -> bpy.types.Object | None:
    """The camera that a render of ``frame`` (None: the current one) uses: the one a marker binds, else the scene's."""
    frame = scene.frame_current if frame is None else frame
    bound = [m for m in scene.timeline_markers if m.camera and not m.camera.hide_render]
    if not bound:
        return scene.camera
    passed = [m for m in bound if m.frame <= frame]
    # As Blender does: before the first marker, that one binds already.
    return (max(passed, key=_frame) if passed else min(bound, key=_frame)).camera


def _frame(marker: bpy.types.TimelineMarker) -> int:
    return marker.frame


def settings_refusal(scene: bpy.types.Scene) -> str:
    """'' or why the artist's settings in ``scene`` cannot be changed: no file would keep what was changed."""
    if scene.library is None and scene.override_library is None:
        return ""
    return (
        f"The scene “{scene.name}” is linked from another file: its settings cannot be changed here. "
        "Choose a local scene."
    )


def camera_refusal(scene: bpy.types.Scene, camera: bpy.types.Object | None = None) -> str:
    """'' or why ``camera`` (None: the scene's) cannot be rendered now."""
    if does := busy():
        return f"Blender {does} something else. Wait until it is done."
    # Without a camera an interactive render reports success and writes a bogus file (measured).
    if (camera or camera_of(scene)) is None:
        return f"The scene “{scene.name}” has no camera. Add one, or choose another source."
    if camera is not None and camera.type != "CAMERA":  # in a .blend from elsewhere
        return f"“{camera.name}” is no camera. Choose a camera."
    layers = scene.render.use_single_layer or any(layer.use for layer in scene.view_layers)
    if not layers and not compat.composites(scene):
        # Such a render ends well and without a picture (measured, 4.2 to 5.3).
        return (
            f"No view layer of “{scene.name}” is rendered. Turn on Use for Rendering in the View Layer "
            "properties, or choose another source."
        )
    if scene.render.engine == "CYCLES" and compat.lacks_denoiser(scene):
        return (
            "This Blender was built without Cycles' denoiser. Turn off Denoise in the Render "
            "properties, or choose another source."
        )
    return ""

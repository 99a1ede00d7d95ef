"""Render jobs on a temporary copy of the scene, so that the artist's own scene stays as it is.

Owns the copy (its settings, its compositor, its end), the camera render as an interactive job, and the
handlers that notice what ends it. It knows nothing of jobs, of the panel and of the other sources.

The copy is tagged: undo steps that Blender stores meanwhile contain it, and bring it back when they are
undone (measured in 5.2). ``tidy()`` removes such ghosts.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.spec import Source, new_id
from . import compat, still
from .still import CaptureInterrupted, CaptureRefused, Still

#: Names that begin with a dot are left out of Blender's menus.
PREFIX = ".grok_video "
TAG = "grok_video_temporary"
#: Jobs of Blender during which nothing may be rendered.
BUSY_JOBS: dict[Any, str] = {"RENDER": "renders", "OBJECT_BAKE": "bakes", "COMPOSITE": "composites"}
#: Seconds to wait for Blender to call our job over once it reported its end. Longer than that, another
#: render runs beside it.
JOB_END_SECONDS = 1.0
#: At most so long a render is held back for one turn of the event loop (see ``compat``).
HOLD_SECONDS = 3.0


def busy() -> str:
    """What Blender does that a render must wait for ('renders', 'bakes'), or ''."""
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


def camera_of(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The camera that a render of the current frame uses: the one a marker binds, else the scene's."""
    bound = [m for m in scene.timeline_markers if m.camera and not m.camera.hide_render]
    if not bound:
        return scene.camera
    passed = [m for m in bound if m.frame <= scene.frame_current]
    # Blender takes the first marker of all while the playhead is before it.
    return (max(passed, key=_frame) if passed else min(bound, key=_frame)).camera


def _frame(marker: bpy.types.TimelineMarker) -> int:
    return marker.frame


def camera_refusal(scene: bpy.types.Scene, camera: bpy.types.Object | None = None) -> str:
    """Why the camera (the scene's, where none is given) cannot be rendered now, or ''."""
    if does := busy():
        return f"Blender {does} something else. Wait until it is done."
    # Without a camera an interactive render reports success and writes a bogus file (measured).
    if (camera or camera_of(scene)) is None:
        return f"The scene “{scene.name}” has no camera. Add one, or choose another source."
    if scene.render.engine == "CYCLES" and compat.lacks_denoiser(scene):
        return (
            "This Blender was built without Cycles' denoiser. Turn off Denoise in the Render "
            "properties, or choose another source."
        )
    return ""


# --------------------------------------------------------------------------------------- the temporary copy


def copy_scene(scene: bpy.types.Scene, path: Path, file_format: str) -> bpy.types.Scene:
    """A tagged copy of ``scene`` that writes ``path`` as 8-bit RGB, and nothing else to disk.

    What shapes the picture stays as the artist has it; what shapes the file is ours. Objects, cameras and
    worlds are shared with the artist's scene and must not be touched.
    """
    copy = scene.copy()
    copy.name = f"{PREFIX}{new_id()[:8]}"
    copy[TAG] = True
    render = copy.render
    render.filepath = compat.literal_path(str(path))
    render.use_file_extension = False
    render.use_overwrite = True
    render.use_placeholder = False
    render.resolution_percentage = 100
    render.use_border = render.use_crop_to_border = False
    render.use_multiview = False
    render.use_lock_interface = False
    render.use_persistent_data = False
    # The flags put the .blend's path and more into the file even when nothing is drawn on the picture.
    for name in render.bl_rna.properties.keys():
        if name.startswith("use_stamp"):
            setattr(render, name, False)
    compat.write_images(render.image_settings, file_format, still.JPEG_QUALITY)
    show_on_srgb(copy)
    compat.own_compositor(scene, copy, TAG, PREFIX)
    return copy


def show_on_srgb(scene: bpy.types.Scene) -> None:
    """Pictures for the service are sRGB, whatever screen the artist grades for."""
    device, view = scene.display_settings.display_device, scene.view_settings.view_transform
    if device == "sRGB":
        return
    # An own OpenColorIO configuration may have neither; then the picture stays as it is.
    with suppress(TypeError):
        scene.display_settings.display_device = "sRGB"  # type: ignore[assignment]
        scene.view_settings.view_transform = view


def run(copy: bpy.types.Scene, *, wait: bool) -> set[Any]:
    """Render a copy at its own frame into its file; with ``wait`` it is there on return.

    Window layout, preferences and the slots of the Render Result stay as they are. Raises RuntimeError.
    """
    preferences = bpy.context.preferences
    display, dirty = preferences.view.render_display_type, preferences.is_dirty
    slots = result.render_slots if (result := render_result()) else None
    shown = slots.active_index if slots else 0
    try:
        # A window of its own would change the artist's layout.
        preferences.view.render_display_type = "NONE"
        if slots and _last_slot is not None:
            # A render into another slot than the last one moves the artist's picture there (measured).
            slots.active_index = _last_slot
        # With the scene= of the operator the context's frame would be rendered (measured).
        with bpy.context.temp_override(scene=copy):
            if wait:
                return bpy.ops.render.render(write_still=True)
            return bpy.ops.render.render("INVOKE_DEFAULT", write_still=True)
    finally:
        if slots:
            slots.active_index = shown
        preferences.view.render_display_type = display
        # Setting a preference marks them as unsaved even when the old value is back (measured).
        preferences.is_dirty = dirty


def render_result() -> bpy.types.Image | None:
    """The image that holds every scene's last render, if there ever was one."""
    return next((i for i in bpy.data.images if i.type == "RENDER_RESULT"), None)


def tidy() -> int:
    """Remove the temporary copies that are not being rendered, ghosts of undo included; how many."""
    if not (ghosts := _ghosts()) or bpy.app.is_job_running("RENDER"):
        return 0
    for ghost in ghosts:
        if isinstance(ghost, bpy.types.Scene):
            bpy.data.scenes.remove(ghost)
        else:
            bpy.data.node_groups.remove(ghost)
    return len(ghosts)


def _ghosts() -> list[bpy.types.Scene | bpy.types.NodeTree]:
    rendering = _active.scene_name if _active is not None else ""
    scenes: list[bpy.types.Scene | bpy.types.NodeTree] = [
        s for s in bpy.data.scenes if _tagged(s) and s.name != rendering
    ]
    if rendering:
        return scenes  # its node groups cannot be told from theirs
    return scenes + [g for g in bpy.data.node_groups if _tagged(g)]


def _tagged(block: bpy.types.ID) -> bool:
    return block.name.startswith(PREFIX) and TAG in block


def _tidy_soon() -> float | None:
    """A timer: tidies as soon as nothing renders, then ends."""
    tidy()
    return 0.5 if _ghosts() and _active is None else None


# --------------------------------------------------------------------------------------- the camera render


def cover(frame: tuple[float, float], size: tuple[int, int], sensor_fit: str) -> tuple[int, int]:
    """The smallest full frame, in whole pixels, that holds ``size`` at the framing of ``frame``.

    The side that the camera's lens is fitted to decides how the other one is rounded: so that the frame
    never shows more than the camera does.
    """
    from fractions import Fraction  # here: with decimal it costs Blender's start 2 ms

    ratio = Fraction(frame[0]) / Fraction(frame[1])
    wide = sensor_fit == "HORIZONTAL" or (sensor_fit == "AUTO" and ratio >= 1)
    tiny = Fraction(1, 10**6)
    if ratio >= Fraction(*size):
        exact = size[1] * ratio
        return (math.ceil(exact - tiny) if wide else math.floor(exact + tiny)), size[1]
    exact = size[0] / ratio
    return size[0], (math.floor(exact + tiny) if wide else math.ceil(exact - tiny))


class CameraRender:
    """One render of a scene's camera at the pixels of the clip. One at a time.

    In a window Blender renders while the artist goes on: call ``poll()`` from a timer. In background
    mode ``start()`` blocks until the picture is there.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        path: Path,
        file_format: str,
        frame: int | None,
        camera: bpy.types.Object | None,
    ) -> None:
        self.size = size
        self.path = path
        self.file_format = file_format
        self.broken = ""  # what ended it without a picture
        self.held = False  # its thread waits for one turn of the event loop
        self.done_at = 0.0  # monotonic time at which Blender reported the end, either way
        full = frame_size(scene)
        copy = copy_scene(scene, still.part_of(path), file_format)
        self.scene_name = copy.name
        if frame is not None:
            # Set, and not gone to: the render itself evaluates the scene there.
            copy.frame_current, copy.frame_subframe = frame, 0.0
        if camera is None:
            camera = camera_of(copy)
        else:
            for marker in copy.timeline_markers:
                marker.camera = None
            copy.camera = camera
        assert camera is not None
        self.source = Source("CAMERA", scene=scene.name, frame=copy.frame_float, camera=camera.name)
        render = copy.render
        render.use_sequencer = False
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
        fit = camera.data.sensor_fit if isinstance(camera.data, bpy.types.Camera) else "AUTO"
        width, height = cover(full, size, fit)
        render.resolution_x, render.resolution_y = width, height
        self.whole = (width, height) == size
        if not self.whole and not compat.composites(copy):
            # A compositor sees the whole frame, as its vignettes and masks expect: cropped afterwards.
            # Blender cuts fractions of a pixel off, hence the halves.
            self.whole = True
            x, y = (width - size[0]) // 2, (height - size[1]) // 2
            render.use_border = render.use_crop_to_border = True
            render.border_min_x = (x + 0.5) / width if x else 0.0
            render.border_min_y = (y + 0.5) / height if y else 0.0
            render.border_max_x = min(1.0, (x + size[0] + 0.5) / width)
            render.border_max_y = min(1.0, (y + size[1] + 0.5) / height)
        if not self.whole:
            compat.write_images(render.image_settings, "PNG", still.JPEG_QUALITY)

    @staticmethod
    def start(
        context: bpy.types.Context,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        path: Path,
        file_format: str,
        frame: int | None = None,
        camera: bpy.types.Object | None = None,
    ) -> CameraRender:
        """Render ``scene``'s camera into ``path``, ``size`` pixels exactly.

        ``frame`` and ``camera`` are the scene's own where they are None. Raises CaptureRefused, or CaptureInterrupted when Blender cannot render it.
        """
        global _active
        if _active is not None:
            raise CaptureRefused(
                "The source of another clip is being rendered. Wait until it is done."
            )
        if why := camera_refusal(scene, camera):
            raise CaptureRefused(why)
        self = CameraRender(scene, size, path, file_format, frame, camera)
        _active = self
        if not bpy.app.background and compat.frees_contexts_in_use():
            self.held = True
            bpy.app.timers.register(self._let_go, first_interval=0.0, persistent=True)
        try:
            result = run(bpy.data.scenes[self.scene_name], wait=bpy.app.background)
        except RuntimeError as error:
            self._end()
            raise CaptureInterrupted(f"Render interrupted: {sentence(error)}") from error
        if "CANCELLED" in result:
            self._end()
            raise CaptureInterrupted("Render interrupted: Blender did not start it.")
        return self

    def _let_go(self) -> None:
        """A timer: by the next turn of the event loop Blender has freed what it frees."""
        self.held = False

    def poll(self) -> Still | None:
        """The still, or None while it is being rendered. Raises CaptureInterrupted.

        Whatever the end, the copy is gone afterwards, and so is an unfinished file.
        """
        running = bpy.app.is_job_running("RENDER")
        scene = bpy.data.scenes.get(self.scene_name)
        if scene is None:
            self.broken = self.broken or "the scene is gone"
        if running and time.monotonic() - (self.done_at or math.inf) < JOB_END_SECONDS:
            return None
        if not self.done_at and not self.broken:
            self.broken = "Blender ended it"
        if bpy.app.is_job_running("OBJECT_BAKE"):
            self.broken = self.broken or "baking was started"  # which stops renders
        if self.broken:
            self._end()
            raise CaptureInterrupted(f"Render interrupted: {self.broken}.")
        try:
            return self._collect()
        finally:
            self._end()

    def cancel(self) -> None:
        """Give the render up: nothing is kept of it. Blender ends the job itself in its own time."""
        self.broken = self.broken or "it was cancelled"
        self._end()

    def _collect(self) -> Still:
        part = still.part_of(self.path)
        try:
            if self.whole:
                os.replace(part, self.path)
            else:
                still.write(
                    still.fit(still.read(part), 1.0, self.size), self.path, self.file_format
                )
            return still.finished(self.path, self.file_format, *self.size, self.source)
        except OSError as error:
            raise CaptureInterrupted(
                f"Render interrupted: the picture could not be written to “{self.path.parent}”. "
                "Check the disk and the folder."
            ) from error

    def _end(self) -> None:
        global _active
        if _active is self:
            _active = None
        if self._clean() is not None and not bpy.app.background:
            bpy.app.timers.register(self._clean, first_interval=0.5, persistent=True)

    def _clean(self) -> float | None:
        """A timer: what a job still writes or reads is removed once it has ended."""
        if bpy.app.is_job_running("RENDER"):
            return 0.5
        still.remove(still.part_of(self.path))
        tidy()
        return None


def sentence(error: Exception) -> str:
    """What Blender said, without its prefix and its trace."""
    lines = [line.removeprefix("Error: ").strip() for line in str(error).splitlines()]
    return next((line for line in lines if line), "Blender gave no reason").rstrip(".") + "."


#: The render under way. Blender's handlers are functions of the module and have no other way to it.
_active: CameraRender | None = None
#: The slot that the last render went to, which Blender does not tell; None: not known.
_last_slot: int | None = None


# ------------------------------------------------------------------------------------------------- handlers
# Those of a render run on foreign threads (measured): they set a flag and touch nothing.


@persistent
def _render_init(scene: bpy.types.Scene, *_: object) -> None:
    global _last_slot
    if _tagged(scene):
        _hold(scene)
        return
    if result := render_result():
        _last_slot = result.render_slots.active_index
    # It stops ours half-way, and Blender still reports it complete (measured in 5.2).
    if _active is not None:
        _active.broken = _active.broken or "another render was started"


def _hold(scene: bpy.types.Scene) -> None:
    """Keep our render back, on its own thread, until Blender's window cannot crash it any more."""
    ours = _active
    end = time.monotonic() + HOLD_SECONDS
    while ours is not None and ours.held and not ours.broken and time.monotonic() < end:
        time.sleep(0.002)


@persistent
def _render_post(scene: bpy.types.Scene, *_: object) -> None:
    # Afterwards other add-ons may set what they like: the picture is there.
    ours = _active is not None and scene.name == _active.scene_name
    if ours and scene.frame_float != _active.source.frame:
        _active.broken = _active.broken or "another add-on changed the frame"


@persistent
def _render_complete(scene: bpy.types.Scene, *_: object) -> None:
    if _active is not None and scene.name == _active.scene_name:
        _active.done_at = time.monotonic()


@persistent
def _render_cancel(scene: bpy.types.Scene, *_: object) -> None:
    if _active is not None and scene.name == _active.scene_name:
        _active.broken = _active.broken or "it was cancelled or failed"
        _active.done_at = time.monotonic()


@persistent
def _undone(*_: object) -> None:
    # Undo aborts a render, and Blender still reports it complete (measured in 4.3 and 5.2).
    if _active is not None:
        _active.broken = _active.broken or "undo and redo end a render"
    if not bpy.app.background and not bpy.app.timers.is_registered(_tidy_soon):
        bpy.app.timers.register(_tidy_soon, first_interval=0.0)


@persistent
def _loading(*_: object) -> None:
    global _last_slot
    _last_slot = None
    if _active is not None:
        _active.broken = _active.broken or "another file was opened"


_HANDLERS = {
    "render_init": _render_init,
    "render_post": _render_post,
    "render_complete": _render_complete,
    "render_cancel": _render_cancel,
    "undo_post": _undone,
    "redo_post": _undone,
    "load_pre": _loading,
    "load_post": _undone,
}


def register() -> None:
    for name, handler in _HANDLERS.items():
        # Before those of other add-ons, which may change what ours look at.
        getattr(bpy.app.handlers, name).insert(0, handler)


def unregister() -> None:
    if _active is not None:
        _active.cancel()
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
    tidy()

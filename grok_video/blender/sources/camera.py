"""The camera render as an interactive job of Blender, and the handlers that notice what ends it.

Blender calls the handlers of a render on threads of its own (measured): they set a flag and touch nothing of Blender's.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.files import BLENDERS_PATIENCE, replace_patiently
from ...core.spec import Source
from .. import compat, said
from ..refusal import Interrupted, Refused
from ..scenes import camera_of, camera_refusal, frame_size
from . import pixels
from .pixels import Still
from .scene_copy import (
    copy_scene,
    is_tagged,
    register_copies,
    run,
    save,
    set_in_use,
    tidy,
    tidy_soon,
    unregister_copies,
)

#: Seconds that Blender may take from the report of our render's end until it shows no render job. After that, the job
#: that runs is another render.
JOB_END_SECONDS = 1.0
#: Seconds that a render is held back at most, for one turn of the event loop (compat.frees_contexts_in_use).
HOLD_SECONDS = 3.0


def cover(frame: tuple[float, float], size: tuple[int, int], sensor_fit: str) -> tuple[int, int]:
    """The smallest full frame, in whole pixels, that holds ``size`` at the framing of ``frame``.

    ``sensor_fit``, the camera's, decides whether a side is rounded up or down: the frame must never show more than the
    camera does.
    """
    # Here: fractions loads decimal, which would cost Blender's start 2 ms.
    from fractions import Fraction

    ratio = Fraction(frame[0]) / Fraction(frame[1])
    wide = sensor_fit == "HORIZONTAL" or (sensor_fit == "AUTO" and ratio >= 1)
    tiny = Fraction(1, 10**6)
    if ratio >= Fraction(*size):
        exact = size[1] * ratio
        return (math.ceil(exact - tiny) if wide else math.floor(exact + tiny)), size[1]
    exact = size[0] / ratio
    return size[0], (math.floor(exact + tiny) if wide else math.ceil(exact - tiny))


def frame_settings(
    frame: tuple[float, float], size: tuple[int, int], sensor_fit: str, *, region: bool
) -> tuple[tuple[int, int], dict[str, Any]]:
    """The pixels that a render gives for a still of ``size``, and the render settings for that.

    With ``region`` Blender crops to ``size`` as it renders; else the render is as large as the full frame.
    """
    width, height = cover(frame, size, sensor_fit)
    settings: dict[str, Any] = {
        "use_sequencer": False,
        "pixel_aspect_x": 1.0,
        "pixel_aspect_y": 1.0,
        "resolution_x": width,
        "resolution_y": height,
    }
    if not region or (width, height) == size:
        return (width, height), settings
    # The halves: Blender cuts off fractions of a pixel.
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    return size, settings | {
        "use_border": True,
        "use_crop_to_border": True,
        "border_min_x": (x + 0.5) / width if x else 0.0,
        "border_min_y": (y + 0.5) / height if y else 0.0,
        "border_max_x": min(1.0, (x + size[0] + 0.5) / width),
        "border_max_y": min(1.0, (y + size[1] + 0.5) / height),
    }


class CameraRender:
    """One render of a scene's camera at the pixels of the clip; no two at the same time.

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
        self.broken = ""  # what ended the render without a picture
        self.held = False  # the render's thread waits for one turn of the event loop
        self.done_at = 0.0  # monotonic time at which Blender reported the end, good or bad
        full = frame_size(scene)
        copy = copy_scene(scene)
        self.scene_name = copy.name
        if frame is not None:
            # Set only: the render itself evaluates the scene at that frame, and frame_set() would do so twice.
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
        fit = camera.data.sensor_fit if isinstance(camera.data, bpy.types.Camera) else "AUTO"
        self.rendered, settings = frame_settings(
            full, size, fit, region=compat.renders_regions(render.engine, compat.composites(copy))
        )
        for name, value in settings.items():
            setattr(render, name, value)

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

        ``frame`` and ``camera`` are the scene's own where None. Raises Refused, or Interrupted when Blender cannot
        render.
        """
        global _active
        if _active is not None:
            raise Refused("The source of another clip is being rendered. Wait until it is done.")
        if why := camera_refusal(scene, camera):
            raise Refused(why)
        self = CameraRender(scene, size, path, file_format, frame, camera)
        _active = self
        set_in_use(self.scene_name)
        if not bpy.app.background and compat.frees_contexts_in_use():
            self.held = True
            bpy.app.timers.register(self._let_go, first_interval=0.0, persistent=True)
        try:
            result = run(bpy.data.scenes[self.scene_name], wait=bpy.app.background)
        except said.BLENDERS_ERRORS as error:
            self._end()
            raise Interrupted(f"Render interrupted: {said.sentence(error)}") from error
        if "CANCELLED" in result:
            self._end()
            raise Interrupted("Render interrupted: Blender did not start it.")
        return self

    def _let_go(self) -> None:
        """Timer: let the held render go on; when this runs, Blender has freed the contexts that it frees."""
        self.held = False

    def poll(self) -> Still | None:
        """The still, or None while it is being rendered. Raises Interrupted.

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
            self.broken = self.broken or "baking was started"  # Blender then stops its renders
        if self.broken or scene is None:
            self._end()
            raise Interrupted(f"Render interrupted: {self.broken}.")
        try:
            return self._collect(scene)
        finally:
            self._end()

    def cancel(self) -> None:
        """Give the render up: no picture is kept. Blender ends its render job by itself, some time later."""
        self.broken = self.broken or "it was cancelled"
        self._end()

    def _collect(self, scene: bpy.types.Scene) -> Still:
        part = pixels.part_of(self.path)
        whole = self.rendered == self.size
        try:
            save(scene, part, self.file_format if whole else "PNG", self.rendered)
            if whole:
                replace_patiently(part, self.path, BLENDERS_PATIENCE)
            else:
                pixels.write(
                    pixels.fit(pixels.read(part), 1.0, self.size), self.path, self.file_format
                )
            return pixels.finished(self.path, self.file_format, *self.size, self.source)
        except OSError as error:
            raise Interrupted(
                f"Render interrupted: the picture could not be written to “{self.path.parent}”. "
                "Check the disk and the folder."
            ) from error

    def _end(self) -> None:
        global _active
        if _active is self:
            _active = None
            set_in_use("")
        if self._clean() is not None and not bpy.app.background:
            bpy.app.timers.register(self._clean, first_interval=0.5, persistent=True)

    def _clean(self) -> float | None:
        """Timer: remove the unfinished file and the copy of the scene once no render job can use them."""
        if bpy.app.is_job_running("RENDER"):
            return 0.5
        pixels.remove(pixels.part_of(self.path))
        tidy()
        return None


#: The camera render under way, for Blender's handlers, which are given nothing of it.
_active: CameraRender | None = None


@persistent
def _render_init(scene: bpy.types.Scene, *_: object) -> None:
    if is_tagged(scene):
        _hold(scene)
        return
    # A render that the artist starts stops ours half-way, and Blender still reports ours complete (measured in 5.2).
    if _active is not None:
        _active.broken = _active.broken or "another render was started"


def _hold(scene: bpy.types.Scene) -> None:
    """On the render's thread: wait until Blender has freed unused GPU contexts; freed later, ours crashes Blender."""
    ours = _active
    end = time.monotonic() + HOLD_SECONDS
    while ours is not None and ours.held and not ours.broken and time.monotonic() < end:
        time.sleep(0.002)


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
    if not bpy.app.background and not bpy.app.timers.is_registered(tidy_soon):
        bpy.app.timers.register(tidy_soon, first_interval=0.0)


@persistent
def _loading(*_: object) -> None:
    if _active is not None:
        _active.broken = _active.broken or "another file was opened"


_HANDLERS = {
    "render_init": _render_init,
    "render_complete": _render_complete,
    "render_cancel": _render_cancel,
    "undo_post": _undone,
    "redo_post": _undone,
    "load_pre": _loading,
    "load_post": _undone,
}


def register() -> None:
    register_copies()
    for name, handler in _HANDLERS.items():
        # First in the list: handlers of other add-ons may change the frame that ours look at.
        getattr(bpy.app.handlers, name).insert(0, handler)


def unregister() -> None:
    if _active is not None:
        _active.cancel()
    for name, handler in _HANDLERS.items():
        getattr(bpy.app.handlers, name).remove(handler)
    unregister_copies()

"""The artist's own scene rendered at the pixels of the clip: what no copy of the scene would show as F12 does.

Blender waits meanwhile (the operator's *execute*, not *invoke*): nobody sees the playhead elsewhere, and nothing is
clicked, undone or saved before the scene is as it was. A handler of another add-on that saves the file in the middle
saves the artist's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.spec import Source
from .. import compat, said
from ..refusal import Interrupted, Refused
from ..scenes import camera_of, camera_refusal, frame_size
from . import kept_settings, pixels
from .bake_common import show_on_srgb
from .borrowed import borrowed, borrowed_output
from .camera import cover
from .foreign import with_groups
from .pixels import Still
from .playhead import at_frame
from .scene_copy import own_slot, plain_output, render_result

if TYPE_CHECKING:
    import numpy as np  # functions import numpy themselves: Blender's start does not wait


class SceneRender:
    """A still of a scene that was rendered itself; the same interface as ``camera.CameraRender``."""

    def __init__(self, still: Still) -> None:
        self._still = still

    @staticmethod
    def start(
        context: bpy.types.Context,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        path: Path,
        file_format: str,
        frame: int | None = None,
        camera: bpy.types.Object | None = None,
    ) -> SceneRender:
        """Render ``scene``'s camera into ``path``, ``size`` pixels exactly, while Blender waits.

        ``frame`` and ``camera`` are the scene's own where None. Raises Refused, or Interrupted when Blender gives no
        picture; either way the scene is as it was.
        """
        if why := camera_refusal(scene, camera):
            raise Refused(why)
        lending = _Lending(scene, size, frame, camera)
        try:
            rgb = _rendered(lending, pixels.part_of(path).with_suffix(".png"))
            if rgb.shape[1::-1] != lending.full:
                raise Interrupted("Render interrupted: another add-on changed the size.")
            # At whole pixels, where a region of a copy has them too.
            x, y = ((whole - part) // 2 for whole, part in zip(lending.full, size, strict=True))
            rgb = rgb[y : y + size[1], x : x + size[0]]
            pixels.write(rgb, path, file_format)
            return SceneRender(pixels.finished(path, file_format, *size, lending.source))
        except ReferenceError as error:
            raise Interrupted("Render interrupted: the scene is gone.") from error
        except OSError as error:
            raise Interrupted(
                f"Render interrupted: the picture could not be written to “{path.parent}”. "
                "Check the disk and the folder."
            ) from error

    def poll(self) -> Still:
        """The still: ``start`` has made it."""
        return self._still

    def cancel(self) -> None:
        """Remove the picture."""
        pixels.remove(Path(self._still.path))


def _rendered(lending: _Lending, part: Path) -> np.ndarray:
    """The pixels of the full frame, by way of the file ``part``. Raises Interrupted."""
    scene = lending.scene
    try:
        with _handling(lending.handlers()), own_slot():
            try:
                lending.lend()
                # By an override: the operator's own scene= would render the frame of the context's scene.
                with bpy.context.temp_override(scene=scene):
                    result = bpy.ops.render.render()
                if "CANCELLED" in result or lending.broken:
                    why = lending.broken or "Blender did not make the picture"
                    raise Interrupted(f"Render interrupted: {why}.")
                image = render_result()
                assert image is not None
                # Saved here, not by the render: another add-on may set the render's path to a file of the artist's.
                with borrowed_output(scene.render):
                    compat.write_images(scene.render.image_settings, "PNG", pixels.JPEG_QUALITY)
                    image.save_render(str(part), scene=scene)
            finally:
                lending.give_back()
        return pixels.read(part)
    except said.BLENDERS_ERRORS as error:
        raise Interrupted(f"Render interrupted: {said.sentence(error)}") from error
    finally:
        pixels.remove(part)


class _Lending:
    """The artist's scene set for a still, and put back."""

    def __init__(
        self,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        frame: int | None,
        camera: bpy.types.Object | None,
    ) -> None:
        self.scene = scene
        self.size = size
        self.frame = frame
        self.camera = camera
        self.full = size  # pixels of the whole frame, of which ``size`` is cut out
        self.source = Source("CAMERA")
        self.broken = ""  # what ended the render without the right picture
        self._wanted: dict[str, Any] = {}  # settings of the render, by name
        self._lent = ExitStack()  # puts back what was set

    def lend(self) -> None:
        """Set the scene for the render; each thing that is set can be put back before."""
        lent = self._lent = ExitStack()
        scene, render = self.scene, self.scene.render
        # Blender itself sets the camera that a marker binds, when the frame changes and when it renders.
        lent.enter_context(borrowed(scene, ["camera"]))
        if self.frame is not None and self.frame != scene.frame_float:
            lent.enter_context(at_frame(scene, self.frame))
        if self.camera is not None:
            for marker in scene.timeline_markers:
                _set(lent, marker, camera=None)
            _set(lent, scene, camera=self.camera)
        camera = camera_of(scene)
        assert camera is not None
        self.source = Source("CAMERA", scene.name, scene.frame_float, camera.name)
        fit = camera.data.sensor_fit if isinstance(camera.data, bpy.types.Camera) else "AUTO"
        self.full = cover(frame_size(scene), self.size, fit)
        for tree in with_groups(compat.compositors_of(scene)):
            for node in tree.nodes:
                if node.type == "OUTPUT_FILE":  # writes files of the artist's
                    _set(lent, node, mute=True)
        self._wanted = {
            **plain_output(render),
            "resolution_x": self.full[0],
            "resolution_y": self.full[1],
            "pixel_aspect_x": 1.0,
            "pixel_aspect_y": 1.0,
            "use_sequencer": False,
        }
        with kept_settings.for_drivers(scene, lent):
            _set(lent, render, **self._wanted)
        lent.enter_context(borrowed(scene.view_settings))
        lent.enter_context(borrowed(scene.display_settings))
        show_on_srgb(scene)

    def give_back(self) -> None:
        """Put back what ``lend`` has set."""
        self._lent.close()

    def handlers(self) -> dict[str, Callable[..., None]]:
        """What Blender shall call meanwhile: handlers of other add-ons may save the file, or set the frame or size."""

        def give_back(*_: object) -> None:
            self.give_back()

        def lend(*_: object) -> None:
            self.lend()

        def begins(*_: object) -> None:
            # Blender reads the settings after the last handler.
            for name, value in self._wanted.items():
                if getattr(self.scene.render, name) != value:
                    setattr(self.scene.render, name, value)

        def rendered(*_: object) -> None:
            if self.scene.frame_float != self.source.frame:
                self.broken = self.broken or "another add-on changed the frame"

        def failed(*_: object) -> None:
            self.broken = self.broken or "it was cancelled or failed"

        return {
            "save_pre": give_back,
            "save_post": lend,
            "save_post_fail": lend,
            "render_init": begins,
            "render_post": rendered,
            "render_cancel": failed,
        }


def _set(lent: ExitStack, owner: bpy.types.bpy_struct, **values: object) -> None:
    """Set values of ``owner`` until ``lent`` is closed."""
    lent.enter_context(borrowed(owner, values))
    for name, value in values.items():
        if getattr(owner, name) != value:
            setattr(owner, name, value)


@contextmanager
def _handling(handlers: dict[str, Callable[..., None]]) -> Iterator[None]:
    """For the time of the context Blender calls ``handlers``: as a render begins after those of others, else before."""
    for name, handler in handlers.items():
        listed = getattr(bpy.app.handlers, name)
        listed.insert(len(listed) if name == "render_init" else 0, handler)
    try:
        yield
    finally:
        for name, handler in handlers.items():
            listed = getattr(bpy.app.handlers, name)
            if handler in listed:  # opening a file takes away what is not persistent
                listed.remove(handler)

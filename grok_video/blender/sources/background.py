"""The camera's still rendered by a second Blender, while the artist works on.

Owns the order of a still and its check; the second Blender's life is in ``child.py``, what happens there in
``bake_child.py``. The scene itself is written, not a copy of it: drivers and simulations hang on the scene that they
name. Undo does not end the render, another file that is opened does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.files import BLENDERS_PATIENCE, replace_patiently
from ...core.spec import Source
from .. import compat
from ..refusal import Refused
from ..scenes import camera_of, camera_refusal, frame_size
from . import pixels
from .artist import artists_settings
from .bake_common import STILL, path_of
from .camera import frame_settings
from .child import NOTHING_LOST, Child
from .edit_copy import copies_of, unsaved_images, write_library
from .pixels import Still
from .scene_copy import plain_output

#: A child that gives no sign of life for so long hangs. Long: EEVEE compiles the shaders of a heavy scene for minutes,
#: once, and says nothing meanwhile; and the artist's Blender, and on a busy machine others, come first.
SILENT_SECONDS = 2700.0
#: What helps where a second Blender cannot render: the last words of the sentence.
HERE = "Choose Here as Render Source in the preferences"


class BackgroundRender(Child[Still]):
    """One render of a scene's camera by a second Blender; the same interface as ``camera.CameraRender``."""

    def __init__(
        self,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        path: Path,
        file_format: str,
        frame: int | None,
        camera: bpy.types.Object | None,
    ) -> None:
        """Write the scene and start the child. Raises Interrupted."""
        super().__init__(path, "source", 1)
        self.size = size
        self.file_format = file_format
        self._scene = scene.session_uid  # stays through undo, and no other file has such a scene
        at = scene.frame_float if frame is None else float(frame)
        taken = camera or camera_of(scene, frame)
        assert taken is not None
        self.source = Source("CAMERA", scene=scene.name, frame=at, camera=taken.name)
        fit = taken.data.sensor_fit if isinstance(taken.data, bpy.types.Camera) else "AUTO"
        self.rendered, framing = frame_settings(
            frame_size(scene),
            size,
            fit,
            region=compat.renders_regions(scene.render.engine, compat.composites(scene)),
        )
        self._begin(
            self._write,
            {
                "what": "still",
                "passes": 1,
                "camera": _name_of(camera) if camera is not None else None,
                "frame": scene.frame_current if frame is None else frame,
                "subframe": scene.frame_subframe if frame is None else 0.0,
                "settings": plain_output(scene.render) | framing,
                "format": file_format if self.rendered == size else "PNG",
                "quality": pixels.JPEG_QUALITY,
                "artist": artists_settings([scene]),
            },
        )

    @staticmethod
    def start(
        context: bpy.types.Context,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        path: Path,
        file_format: str,
        frame: int | None = None,
        camera: bpy.types.Object | None = None,
    ) -> BackgroundRender:
        """Begin to render ``scene``'s camera into ``path``, ``size`` pixels exactly.

        ``frame`` and ``camera`` are the scene's own where None. Writing the scene holds Blender up as a save of the
        file does. Raises Refused, Interrupted.
        """
        if why := camera_refusal(scene, camera):
            raise Refused(why)
        return BackgroundRender(scene, size, path, file_format, frame, camera)

    @property
    def silent_seconds(self) -> float:
        return SILENT_SECONDS

    def poll(self) -> Still | None:
        """The still, or None while it is being rendered. Raises Interrupted.

        Whatever the end, the child is gone afterwards, and nothing but the still is left.
        """
        if self._made is None and not self._failed and self._scene not in _scenes():
            self._fail("another file was opened, or its scene was removed")
        return super().poll()

    def _write(self, file: Path) -> dict[str, Any]:
        scene = bpy.data.scenes[_scenes().index(self._scene)]
        with unsaved_images() as images:
            write_library({scene, *images.values()}, file)
            return {"scene": _name_of(scene), "images": copies_of(images)}

    def _collect(self) -> Still:
        made = self._folder / STILL
        self._check(made)
        if self.rendered == self.size:
            replace_patiently(made, self.path, BLENDERS_PATIENCE)
        else:
            pixels.write(pixels.fit(pixels.read(made), 1.0, self.size), self.path, self.file_format)
        self.progress = (1, 1)
        return pixels.finished(self.path, self.file_format, *self.size, self.source)

    def _check(self, made: Path) -> None:
        """Fail when the child's picture is not whole, or not as large as ordered. Raises OSError, Interrupted."""
        made.stat()
        found = pixels.measured(made)
        if found is None or found[1:] != self.rendered:
            self._fail("its picture is not whole")

    # ------------------------------------------------------------------------------------------- the end

    def _sentence(self, why: str) -> str:
        return (
            f"The source could not be rendered in the background: {why.rstrip('.')}. {NOTHING_LOST}"
        )

    def _ended(self, code: int) -> str:
        return f"{super()._ended(code).rstrip('.')}. {HERE}"


def _scenes() -> list[int]:
    return [scene.session_uid for scene in bpy.data.scenes]


def _name_of(block: bpy.types.ID) -> list[str]:
    """What a datablock is found by in the written file: its name, and its library's path, '' where it is local."""
    return [block.name, path_of(block.library)]

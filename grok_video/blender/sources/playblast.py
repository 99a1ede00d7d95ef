"""The animation as the 3D viewport shows it, played into an MP4.

Owns the drawing of one frame after the other, and that the playhead is put back. The encoding is ``sources.bake``'s. A
playblast is driven like a bake: ``poll()`` from a timer, ``progress``, ``cancel()``.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ...core.spec import Clip
from .. import scenes
from ..refusal import Interrupted, Refused
from . import pixels, viewport
from .bake import Bake, playblast_size, range_refusal
from .private_folder import PrivateFolder

_FORMAT, _SUFFIX = "JPEG", ".jpg"


class Playblast:
    """One playblast under way: each poll draws a frame, which moves the scene's playhead as playback does."""

    def __init__(
        self, scene: bpy.types.Scene, start: int, end: int, size: tuple[int, int], path: Path
    ) -> None:
        """Make the private folder. Raises Interrupted."""
        self.path = path
        self._scene = scene.session_uid  # stays through undo, and no other file has such a scene
        self._playhead = (scene.frame_current, scene.frame_subframe)
        self._start = start
        self._frames = end - start
        self._size = size
        self._names: list[str] = []
        self._bake: Bake | None = None
        self._failed = ""
        try:
            self._folder = PrivateFolder(path.parent)
        except OSError as error:
            raise Interrupted(
                _sentence(f"“{path.parent}” cannot be written ({error.strerror})")
            ) from error

    @staticmethod
    def start(
        context: bpy.types.Context, scene: bpy.types.Scene, start: int, end: int, path: Path
    ) -> Playblast:
        """Begin to play the frames [start, end) of ``scene``, which the window shows, into ``path``.

        Raises Refused, Interrupted.
        """
        if does := scenes.busy():
            raise Refused(f"Blender {does} something else. Wait until it is done.")
        if why := viewport.refusal(context, scene) or range_refusal(start, end):
            raise Refused(why)
        if context.screen and context.screen.is_animation_playing:
            raise Refused("The animation is playing. Stop it first.")
        view = viewport.find(context)
        assert view is not None
        size = playblast_size(viewport.frame_size(view, scene))
        return Playblast(scene, start, end, size, path)

    @property
    def progress(self) -> tuple[int, int]:
        """Frames done and frames in all: drawing counts nine tenths, encoding the last tenth."""
        encoded = self._bake.progress[0] if self._bake else 0
        return (9 * len(self._names) + encoded) // 10, self._frames

    def poll(self) -> Clip | None:
        """Draw one frame, or look whether the encoding is done; the finished clip, or None. Raises Interrupted.

        Whatever the end, nothing but the clip is left, and the playhead is where it was.
        """
        if self._failed:
            raise Interrupted(self._failed)
        try:
            if self._bake is None:
                self._step()
                return None
            baked = self._bake.poll()
        except Interrupted as error:
            self._failed = str(error)
            self._clean()
            raise
        if baked is not None:
            self._clean()
        return baked

    def _step(self) -> None:
        """Draw the next frame; after the last one, begin to encode. Raises Interrupted."""
        scene = self._find()
        if scene is None or bpy.context.scene != scene:
            raise Interrupted(_sentence("the window shows another scene"))
        if len(self._names) < self._frames:
            try:
                self._draw(scene)
            except (Refused, Interrupted, OSError) as error:
                raise Interrupted(_sentence(str(error))) from error
        if len(self._names) == self._frames:
            self._restore()
            self._bake = Bake.pictures(scene, self._folder.path, self._names, self._size, self.path)

    def _draw(self, scene: bpy.types.Scene) -> None:
        """One more picture in the private folder. Raises Refused, Interrupted."""
        scene.frame_set(self._start + len(self._names))
        rgb, _camera = viewport.draw(bpy.context, scene, self._size)
        name = f"{len(self._names):06}{_SUFFIX}"
        pixels.write(rgb, self._folder.path / name, _FORMAT)
        self._names.append(name)

    def cancel(self) -> None:
        """End the playblast now: all that it wrote is gone on return."""
        self._failed = self._failed or _sentence("it was stopped")
        self._clean()

    def _find(self) -> bpy.types.Scene | None:
        return next((s for s in bpy.data.scenes if s.session_uid == self._scene), None)

    def _restore(self) -> None:
        scene = self._find()
        if scene is not None and self._bake is None:
            scene.frame_set(self._playhead[0], subframe=self._playhead[1])

    def _clean(self) -> None:
        self._restore()
        if self._bake is not None:
            self._bake.cancel()
        self._folder.remove()


def _sentence(why: str) -> str:
    return f"The animation could not be prepared: {why.rstrip('.')}. Nothing was sent or charged."

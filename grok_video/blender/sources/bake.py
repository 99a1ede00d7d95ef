"""A bake: what a strip shows, or an animation, made into an MP4 by a Blender in the background, the child.

Owns the order and the edit that are written for the child, and the finished file; the child's life is in
``child.py``, what happens in the child in ``bake_child.py``. Knows nothing of jobs, of prices and of the panel.

Frames are the scene's, [start, end); the scene's rate is never changed, because cuts would move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...core import mp4
from ...core.files import BLENDERS_PATIENCE, replace_patiently
from ...core.spec import Clip
from .. import compat, scenes
from ..movie_size import size_of_file
from ..refusal import Refused
from . import contents
from .artist import artists_settings
from .bake_common import RESULT
from .child import NOTHING_LOST, Child
from .edit_copy import NeededStrips, copies_of, unsaved_images, write_edit, write_library

#: A child that gives no sign of life for so long hangs. On a machine that others keep busy it gets little of it.
SILENT_SECONDS = 360.0
#: Short sides of a baked picture in pixels: SMALL for a source that has no more, else LARGE.
SMALL, LARGE = 480, 720
_ALIKE = 1.02


class Bake(Child[Clip]):
    """One bake under way; see ``Child``."""

    @property
    def silent_seconds(self) -> float:
        return SILENT_SECONDS

    @staticmethod
    def strip(
        scene: bpy.types.Scene,
        strip: bpy.types.Strip,
        start: int,
        end: int,
        sounds: Sequence[bpy.types.Strip],
        path: Path,
    ) -> Bake:
        """Begin to bake what ``strip`` shows in the frames [start, end) of ``scene`` into ``path``.

        ``sounds`` are the sound strips to be heard with ``strip``, muted or not; sounds inside a meta strip that is
        baked are heard as they are. Mutes of the strip and its channel do not count. Raises Refused, or Interrupted
        when the disk or Blender does not let the bake begin.
        """
        needed = NeededStrips(scene, strip, start, end, sounds)
        if why := needed.refusal():
            raise Refused(why)
        size = bake_size(scene, strip)
        full = scene.render.resolution_x, scene.render.resolution_y
        same = size == full and scene.render.pixel_aspect_x == scene.render.pixel_aspect_y
        place = not same and needed.plain()
        percent = 100
        while percent > 25 and full[1] * percent // 200 >= size[1]:
            percent //= 2
        self = Bake(path, "strip", end - start)
        self._begin(
            lambda file: write_edit(scene, needed, file),
            {
                "what": "strip",
                "place": place,
                "passes": 1 if same or place else 2,
                "percent": percent,
                "start": start,
                "end": end,
                "size": size,
                "audio": needed.has_sound(),
                "artist": artists_settings(needed.rendered()),
                **_rate(scene),
            },
        )
        return self

    @staticmethod
    def camera(scene: bpy.types.Scene, start: int, end: int, path: Path) -> Bake:
        """Begin to render the scene's cameras in Workbench in the frames [start, end), without sound.

        Writing the scene holds Blender up: measured, 0.5 to 1.3 s for 1500 objects with 160 MB of meshes.
        Raises Refused, Interrupted.
        """
        if why := (
            _camera_refusal(scene) or range_refusal(start, end) or _lost_refusal(scene, start, end)
        ):
            raise Refused(why)
        self = Bake(path, "animation", end - start)

        def write(file: Path) -> dict[str, Any]:
            with unsaved_images([scene], "BLENDER_WORKBENCH") as images:
                write_library({scene, *images.values()}, file)
                return {"scene": scene.name, "images": copies_of(images)}

        self._begin(
            write,
            {
                "what": "camera",
                "passes": 1,
                "start": start,
                "end": end,
                "size": playblast_size(scenes.frame_size(scene)),
                "artist": artists_settings([]),
                **_rate(scene),
            },
        )
        return self

    @staticmethod
    def pictures(
        scene: bpy.types.Scene,
        folder: Path,
        names: Sequence[str],
        size: tuple[int, int],
        path: Path,
    ) -> Bake:
        """Begin to make a clip of ``scene``'s rate of the pictures ``names`` in ``folder``, one a frame.

        The pictures are display-referred and all of ``size``. The caller removes the folder. Raises Interrupted.
        """
        self = Bake(path, "animation", len(names))
        self._begin(
            lambda _file: {"frames": [str(folder / name) for name in names], "images": {}},
            {
                "what": "frames",
                "passes": 1,
                "size": size,
                "start": 0,
                "end": len(names),
                **_rate(scene),
            },
        )
        return self

    def _collect(self) -> Clip:
        made = self._folder / RESULT
        try:
            clip = mp4.probe(made)
            if clip.frames != self.progress[1]:
                raise mp4.NotAClip(f"it holds {clip.frames} of {self.progress[1]} frames")
        except mp4.NotAClip as error:
            self._fail(f"its file is not whole: {error}")
        if compat.encodes_bt601():
            mp4.say_bt601(made)
        size = made.stat().st_size
        replace_patiently(made, self.path, BLENDERS_PATIENCE)
        self.progress = (clip.frames, clip.frames)
        return replace(clip, path=str(self.path), size=size)


def bake_size(scene: bpy.types.Scene, strip: bpy.types.Strip) -> tuple[int, int]:
    """Width and height of the bake of a strip: the scene's ratio, even, at most 720p."""
    width, height = scenes.frame_size(scene)
    native = _native_side(strip) or min(width, height)
    # A clip that the service calls 480p may have 482 lines. Baked as 720p, the strip would cost more to send and
    # show no more.
    return _even((width, height), SMALL if native <= SMALL * _ALIKE else LARGE)


def playblast_size(frame: tuple[float, float]) -> tuple[int, int]:
    """Width and height of a playblast of a frame in square pixels: its ratio, even, at most 720p."""
    return _even(frame, LARGE)


def _rate(scene: bpy.types.Scene) -> dict[str, Any]:
    return {"fps": scene.render.fps, "fps_base": scene.render.fps_base}


def _even(frame: tuple[float, float], side: int) -> tuple[int, int]:
    """``frame`` with a short side of at most ``side``, in even numbers, never enlarged."""
    scale = min(1.0, side / min(frame))
    width, height = (max(2, min(2 * round(x * scale / 2), 2 * int(x / 2))) for x in frame)
    return width, height


def _native_side(strip: Any) -> int:
    """The short side, in pixels, of the pictures in a strip's files; 0 where that is not known, or there is no file."""
    if strip.type in ("MOVIE", "IMAGE") and len(strip.elements):
        return min(size_of_file(strip))
    if strip.type == "META":
        return _largest(compat.strips(strip))
    return _largest(compat.inputs(strip))


def _largest(strips: Sequence[Any]) -> int:
    """The largest native side of the strips; 0 as soon as one of them has none."""
    sides = [_native_side(strip) for strip in strips if strip.type != "SOUND"]
    return max(sides, default=0) if all(sides) else 0


def _camera_refusal(scene: bpy.types.Scene) -> str:
    if does := scenes.busy():
        return f"Blender {does} something else. Wait until it is done."
    if scenes.camera_of(scene) is None:
        return f"The scene “{scene.name}” has no camera. Add one, or play the viewport."
    return ""


def _lost_refusal(scene: bpy.types.Scene, start: int, end: int) -> str:
    lost = contents.lost_in_bake(scene, start, end)
    if not lost:
        return ""
    return (
        f"Blender in the background does not carry {lost}. Choose Viewport Animation, which is played here. "
        f"{NOTHING_LOST}"
    )


def range_refusal(start: int, end: int) -> str:
    if end <= start:
        return "There is nothing to take: the range is empty."
    if start < 0:
        return "The range begins before frame 0. Let it begin at frame 0 or later."
    return ""

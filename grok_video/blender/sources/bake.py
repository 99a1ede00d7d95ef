"""A bake: what a strip shows, or an animation, made into an MP4 by a Blender in the background, the child.

Owns the order and the files that are written for the child, the child's life, and the finished file. Nothing here
waits: ``poll()`` looks and goes. What happens in the child is in ``bake_child.py``. Knows nothing of jobs, of prices
and of the panel.

Frames are the scene's, [start, end); the scene's rate is never changed, because cuts would move.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...core import mp4
from ...core.files import BLENDERS_PATIENCE, open_own, replace_patiently
from ...core.spec import Clip
from .. import compat, scenes
from ..processes import child_environment
from ..refusal import Interrupted, Refused
from .bake_common import ORDER, REPORT, RESULT
from .edit_copy import NeededStrips, copies_of, unsaved_images, write_edit, write_library

#: A child that gives no sign of life for so long hangs.
SILENT_SECONDS = 120.0
#: Short sides of a baked picture in pixels: SMALL for a source that has no more, else LARGE.
SMALL, LARGE = 480, 720
_ALIKE = 1.02
FOLDER_PREFIX = ".grok_video_bake-"
#: Seconds after which the folder of another bake counts as left behind by a crash, and is removed.
STALE_SECONDS = 24 * 3600.0
_END_SECONDS = 1.0  # a killed child is gone in milliseconds
_FULL = 1 << 20  # bytes: a disk with less is full
_NOTHING_LOST = "Nothing was sent or charged."
_CHILD = Path(__file__).with_name("bake_child.py")


class Bake:
    """One bake under way. Call ``poll()`` from a timer until it gives a clip or raises; ``cancel()`` at any time."""

    def __init__(self, path: Path, noun: str, frames: int) -> None:
        """Make the private folder. Raises Interrupted."""
        self.path = path
        self.progress = (0, frames)
        self._noun = noun
        self._baked: Clip | None = None
        self._failed = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0  # bytes of the report
        self._why = ""  # the child's own word of why there is no file
        self._alive_at = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path.parent)
            self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=path.parent))
        except OSError as error:
            raise Interrupted(
                self._sentence(f"“{path.parent}” cannot be written ({error.strerror})")
            ) from error

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
        if why := _camera_refusal(scene) or range_refusal(start, end):
            raise Refused(why)
        self = Bake(path, "animation", end - start)

        def write(file: Path) -> dict[str, Any]:
            with unsaved_images() as images:
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

    def _begin(self, write: Any, order: dict[str, Any]) -> None:
        """Write the edit and the order, and start the child. Raises Interrupted, and leaves nothing."""
        try:
            blend = self._folder / "edit.blend"
            order |= write(blend)
            order["blend"] = str(blend) if blend.exists() else ""
            (self._folder / ORDER).write_text(json.dumps(order), "utf-8")
            self._start(order["blend"])
        except (OSError, RuntimeError) as error:
            self._finish()
            why = error.strerror if isinstance(error, OSError) else scenes.sentence(error)
            raise Interrupted(self._sentence(why or "Blender gave no reason")) from error
        except BaseException:
            self._finish()
            raise

    def _start(self, blend: str) -> None:
        if bpy.app.binary_path:
            command = [bpy.app.binary_path, "-b", "--factory-startup", "--offline-mode"]
            command += [blend] if blend else []
            command += ["--python-exit-code", "1", "--python", str(_CHILD)]
        else:
            command = [sys.executable, *bpy.app.python_args, str(_CHILD)]
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # never written to: the child ends when the pipe does
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=child_environment(),
                creationflags=flags,
                start_new_session=sys.platform != "win32",
            )
        self._alive_at = time.monotonic()

    # ------------------------------------------------------------------------------ while the child runs

    def poll(self) -> Clip | None:
        """The finished clip, or None while the child makes it. Raises Interrupted.

        Whatever the end, the child and its files are gone afterwards.
        """
        if self._baked is not None:
            return self._baked
        if self._failed:
            raise Interrupted(self._failed)
        assert self._process is not None
        code = self._process.poll()
        self._read_report()
        if code is None:
            if time.monotonic() - self._alive_at > SILENT_SECONDS:
                self._fail(f"Blender in the background did nothing for {SILENT_SECONDS:.0f} s")
            return None
        if code != 0:
            self._fail(self._why or self._crash(code))
        try:
            self._baked = self._collect()
        except mp4.NotAClip as error:
            self._fail(f"its file is not whole: {error}")
        except FileNotFoundError:
            self._fail("Blender wrote no file")
        except OSError as error:
            self._fail(f"“{self.path}” cannot be written ({error.strerror})")
        self._finish()
        return self._baked

    def cancel(self) -> None:
        """End the bake now: the child and all that it wrote are gone on return."""
        if self._baked is None and not self._failed:
            self._failed = self._sentence("it was stopped")
        self._finish()

    def _read_report(self) -> None:
        try:
            with open_own(self._folder / REPORT, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:  # the child has not begun yet
            return
        *lines, _unfinished = data.split(b"\n")
        for line in lines:
            self._read += len(line) + 1
            self._alive_at = time.monotonic()
            if line.isdigit():
                self.progress = (min(int(line), self.progress[1]), self.progress[1])
            elif line.startswith(b"{"):
                self._why = json.loads(line)["failed"]

    def _collect(self) -> Clip:
        made = self._folder / RESULT
        clip = mp4.probe(made)
        if clip.frames != self.progress[1]:
            raise mp4.NotAClip(f"it holds {clip.frames} of {self.progress[1]} frames")
        if compat.encodes_bt601():
            mp4.say_bt601(made)
        size = made.stat().st_size
        replace_patiently(made, self.path, BLENDERS_PATIENCE)
        self.progress = (clip.frames, clip.frames)
        return replace(clip, path=str(self.path), size=size)

    # ------------------------------------------------------------------------------------------- the end

    def _sentence(self, why: str) -> str:
        return f"The {self._noun} could not be prepared: {why.rstrip('.')}. {_NOTHING_LOST}"

    def _fail(self, why: str) -> None:
        self._failed = self._sentence(self._disk() or why)
        self._finish()
        raise Interrupted(self._failed)

    def _disk(self) -> str:
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError:
            return ""
        return f"the disk of “{self.path.parent}” is full" if free < _FULL else ""

    def _crash(self, code: int) -> str:
        if code < 0:
            with suppress(ValueError):
                return f"Blender in the background crashed ({signal.Signals(-code).name})"
        return f"Blender in the background ended with an error ({code})"

    def _finish(self) -> None:
        """End the child if it runs, and remove the private folder."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                with suppress(OSError):
                    if sys.platform == "win32":
                        process.kill()
                    else:
                        os.killpg(process.pid, signal.SIGKILL)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_END_SECONDS)
            if process.stdin is not None:
                process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove the folders of bakes that crashes left behind."""
    for old in folder.glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(old, ignore_errors=True)


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
        first = strip.elements[0]
        return min(first.orig_width or 0, first.orig_height or 0)
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


def range_refusal(start: int, end: int) -> str:
    if end <= start:
        return "There is nothing to take: the range is empty."
    if start < 0:
        return "The range begins before frame 0. Let it begin at frame 0 or later."
    return ""

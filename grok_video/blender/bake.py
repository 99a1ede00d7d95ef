"""What a strip shows, baked into an MP4 by a Blender in the background.

Owns which strips are needed for that, the light copy of the edit that is written for the child, the
child's life, and the finished file. It never waits: ``poll()`` looks and goes. What happens in the child
is in ``bake_child.py``. It knows nothing of jobs, of prices and of the panel.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core import mp4
from ..core.record import record
from ..core.spec import new_id
from . import compat, render
from .bake_shared import ORDER, REPORT, RESULT, ROLE, show_only
from .processes import child_environment

#: A child that gives no sign of life for so long hangs.
SILENT_SECONDS = 120.0
#: Short sides of a baked picture: one as small as the first one stays so.
SMALL, LARGE = 480, 720
_ALIKE = 1.02
FOLDER_PREFIX = ".grok_video_bake-"
#: Folders that a crash or a power cut left behind are removed after so long.
STALE_SECONDS = 24 * 3600.0
_END_SECONDS = 1.0  # a killed child is gone in milliseconds
_FULL = 1 << 20  # bytes: a disk with less is full
_NOTHING_LOST = "Nothing was sent or charged."
_CHILD = Path(__file__).with_name("bake_child.py")


class BakeRefused(Exception):
    """A sentence for the artist: what cannot be baked and what would work. Nothing was started."""


class BakeFailed(Exception):
    """'The strip could not be prepared: …' Nothing was sent or charged, and no file is left."""


@record
class Baked:
    """A finished bake, as its file says."""

    path: str  # absolute
    width: int  # pixels
    height: int
    frames: int
    fps: float
    seconds: float
    size: int  # bytes
    has_audio: bool


class Bake:
    """One bake. Call ``poll()`` from a timer until it returns or raises; ``cancel()`` at any time."""

    def __init__(self, path: Path, noun: str, frames: int) -> None:
        """Make the private folder. Raises BakeFailed."""
        self.path = path
        self.progress = (0, frames)
        self._noun = noun
        self._baked: Baked | None = None
        self._failed = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0  # bytes of the report
        self._why = ""  # what the child said at last
        self._alive_at = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path.parent)
            self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=path.parent))
        except OSError as error:
            raise BakeFailed(
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

        ``sounds`` are the sound strips to be heard with it, whether or not they are muted; those inside
        a meta strip that is baked are heard as they are. Mutes of the strip and its channel do not count.
        Raises BakeRefused, or BakeFailed when the disk or Blender does not let it begin.
        """
        needed = _Needed(scene, strip, start, end, sounds)
        if why := needed.refusal():
            raise BakeRefused(why)
        size = bake_size(scene, strip)
        full = scene.render.resolution_x, scene.render.resolution_y
        same = size == full and scene.render.pixel_aspect_x == scene.render.pixel_aspect_y
        place = not same and needed.plain()
        percent = 100
        while percent > 25 and full[1] * percent // 200 >= size[1]:
            percent //= 2
        self = Bake(path, "strip", end - start)
        self._begin(
            lambda file: _write_edit(scene, needed, file),
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
        Raises BakeRefused, BakeFailed.
        """
        if why := _camera_refusal(scene) or range_refusal(start, end):
            raise BakeRefused(why)
        self = Bake(path, "animation", end - start)

        def write(file: Path) -> dict[str, Any]:
            with _unsaved_images() as images:
                _write({scene, *images.values()}, file)
                return {"scene": scene.name, "images": _names(images)}

        self._begin(
            write,
            {
                "what": "camera",
                "passes": 1,
                "start": start,
                "end": end,
                "size": playblast_size(render.frame_size(scene)),
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

        They are as they are to be seen, all of ``size``. The folder is the caller's. Raises BakeFailed.
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
        """Write the edit and the order, and start the child. Raises BakeFailed, and leaves nothing."""
        try:
            blend = self._folder / "edit.blend"
            order |= write(blend)
            order["blend"] = str(blend) if blend.exists() else ""
            (self._folder / ORDER).write_text(json.dumps(order), "utf-8")
            self._start(order["blend"])
        except (OSError, RuntimeError) as error:
            self._finish()
            why = error.strerror if isinstance(error, OSError) else render.sentence(error)
            raise BakeFailed(self._sentence(why or "Blender gave no reason")) from error
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
                stdin=subprocess.PIPE,  # never written to: its end tells the child of ours
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=child_environment(),
                creationflags=flags,
                start_new_session=sys.platform != "win32",
            )
        self._alive_at = time.monotonic()

    # ------------------------------------------------------------------------------------ while it runs

    def poll(self) -> Baked | None:
        """The finished bake, or None while it is being made. Raises BakeFailed.

        Whatever the end, the child and its files are gone afterwards. Call it a few times a second.
        """
        if self._baked is not None:
            return self._baked
        if self._failed:
            raise BakeFailed(self._failed)
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
        """End it now: the child and all that it wrote are gone on return."""
        if self._baked is None and not self._failed:
            self._failed = self._sentence("it was stopped")
        self._finish()

    def _read_report(self) -> None:
        try:
            with open(self._folder / REPORT, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:  # it has not begun yet
            return
        *lines, _unfinished = data.split(b"\n")
        for line in lines:
            self._read += len(line) + 1
            self._alive_at = time.monotonic()
            if line.isdigit():
                self.progress = (min(int(line), self.progress[1]), self.progress[1])
            elif line.startswith(b"{"):
                self._why = json.loads(line)["failed"]

    def _collect(self) -> Baked:
        made = self._folder / RESULT
        clip = mp4.probe(made)
        if clip.frames != self.progress[1]:
            raise mp4.NotAClip(f"it holds {clip.frames} of {self.progress[1]} frames")
        if compat.encodes_bt601():
            mp4.say_bt601(made)
        size = made.stat().st_size
        os.replace(made, self.path)
        self.progress = (clip.frames, clip.frames)
        return Baked(
            str(self.path),
            clip.width,
            clip.height,
            clip.frames,
            clip.fps,
            clip.seconds,
            size,
            clip.has_audio,
        )

    # ------------------------------------------------------------------------------------------ its end

    def _sentence(self, why: str) -> str:
        return f"The {self._noun} could not be prepared: {why.rstrip('.')}. {_NOTHING_LOST}"

    def _fail(self, why: str) -> None:
        self._failed = self._sentence(self._disk() or why)
        self._finish()
        raise BakeFailed(self._failed)

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
    """Remove what crashes left behind: whoever made it has long ended."""
    for old in folder.glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(old, ignore_errors=True)


# ------------------------------------------------------------------------------------------------- sizes


def bake_size(scene: bpy.types.Scene, strip: bpy.types.Strip) -> tuple[int, int]:
    """Width and height of the bake of a strip: the scene's ratio, even, at most 720p."""
    width, height = render.frame_size(scene)
    native = _native_side(strip) or min(width, height)
    # A clip that services call 480p may have 482 lines. As 720p it would cost more and show no more.
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
    """The short side of the picture that a strip's file holds; 0 where there is no file, or none is known."""
    if strip.type in ("MOVIE", "IMAGE") and len(strip.elements):
        first = strip.elements[0]
        return min(first.orig_width or 0, first.orig_height or 0)
    if strip.type == "META":
        return _largest(compat.strips(strip))
    return _largest(compat.inputs(strip))


def _largest(strips: Sequence[Any]) -> int:
    """The largest native side of several; 0 as soon as one has none."""
    sides = [_native_side(strip) for strip in strips if strip.type != "SOUND"]
    return max(sides, default=0) if all(sides) else 0


# ---------------------------------------------------------------------------------------- what is needed


def _walk(base: Any) -> Iterator[tuple[Any, Any]]:
    """All strips of an editor or a meta strip with what they lie in, always in the same order."""
    for strip in compat.strips(base):
        yield strip, base
        if strip.type == "META":
            yield from _walk(strip)


class _Needed:
    """The strips that a bake needs, and what each is there for.

    'shown': to be seen or heard. 'around': a meta strip that it lies in. 'feeds': an input of an effect,
    or a mask. 'part': what a meta strip, a multicam or an adjustment consists of, as the artist left it.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        strip: bpy.types.Strip,
        start: int,
        end: int,
        sounds: Sequence[bpy.types.Strip],
    ) -> None:
        self.scene = scene
        self.strip: Any = strip
        self.start = start
        self.end = end
        self.roles: dict[int, str] = {}
        self.strips: list[Any] = []
        self._owners = {s.as_pointer(): base for s, base in _walk(scene.sequence_editor)}
        self._include(strip, "shown")
        for sound in sounds:
            self._include(sound, "shown")
            self.roles[sound.as_pointer()] = "shown"
        for inner in (strip, *sounds):
            for meta in self._around(inner):
                if meta.as_pointer() not in self.roles:
                    self._add(meta, "around")

    def _add(self, strip: Any, role: str) -> None:
        self.roles[strip.as_pointer()] = role
        self.strips.append(strip)

    def _around(self, strip: Any) -> Iterator[Any]:
        owner = self._owners[strip.as_pointer()]
        while owner != self.scene.sequence_editor:
            yield owner
            owner = self._owners[owner.as_pointer()]

    def _include(self, strip: Any, role: str) -> None:
        if strip.as_pointer() in self.roles:
            return
        self._add(strip, role)
        feeds = "part" if role == "part" else "feeds"
        for other in compat.inputs(strip):
            self._include(other, feeds)
        for modifier in getattr(strip, "modifiers", ()):
            if modifier.input_mask_strip is not None:
                self._include(modifier.input_mask_strip, feeds)
        for other in self._below(strip):
            self._include(other, "part")

    def _below(self, strip: Any) -> list[Any]:
        """What a strip consists of that is not its input."""
        if strip.type == "META":
            return list(compat.strips(strip))
        siblings = compat.strips(self._owners[strip.as_pointer()])
        match strip.type:
            case "MULTICAM":
                below = [s for s in siblings if s.channel == strip.multicam_source]
            case "ADJUSTMENT":
                below = [s for s in siblings if s.channel < strip.channel]
            case _:
                return []
        first, end = compat.span(strip)
        return [s for s in below if compat.span(s)[0] < end and compat.span(s)[1] > first]

    def has_sound(self) -> bool:
        """Whether there may be something to hear."""
        if not bpy.app.build_options.audaspace:  # the wheel of 4.2
            return False
        return any(
            (s.type == "SOUND" and (self.roles[s.as_pointer()] == "shown" or not s.mute))
            or (s.type == "SCENE" and _sounds(s.scene))
            for s in self.strips
        )

    def roles_in_order(self) -> list[str]:
        """What each strip of the edit is there for, as ``_walk`` gives them; '' for what is not needed."""
        return [self.roles.get(s.as_pointer(), "") for s, _ in _walk(self.scene.sequence_editor)]

    def plain(self) -> bool:
        """Whether it is nothing but movies and images, whose places and scales can be changed."""
        scene = self.scene
        return scene.animation_data is None and (
            scene.render.pixel_aspect_x == scene.render.pixel_aspect_y
            and all(
                s.type in ("MOVIE", "IMAGE", "SOUND")
                or (self.roles[s.as_pointer()] == "around" and not _crops(s))
                for s in self.strips
            )
        )

    def has_scenes(self) -> bool:
        """Whether whole scenes are needed, with their objects."""
        return any(strip.type == "SCENE" for strip in self.strips)

    # -------------------------------------------------------------------------------------- refusals

    def refusal(self) -> str:
        """Why it cannot be baked, as a sentence, or ''."""
        name, kind = self.strip.name, self.strip.type
        if does := render.busy():
            return f"Blender {does} something else. Wait until it is done."
        if kind == "SOUND":
            return f"“{name}” is a sound and shows no picture. Choose its movie strip."
        if kind == "META" and not any(s.type != "SOUND" for s in compat.strips(self.strip)):
            return f"The meta strip “{name}” holds nothing to see. Choose another strip."
        if self.end <= self.start:
            return f"There is nothing of “{name}” to take: the range is empty."
        if self.start < 0:
            # Scene.frame_start, from which an animation is rendered, cannot be negative.
            return f"“{name}” begins before frame 0. Move it to frame 0 or later."
        for shown in (self.strip, *self._around(self.strip)):
            first, end = compat.span(shown)
            if self.start < first or self.end > end:
                return f"“{shown.name}” is shown from frame {first} to {end - 1} only."
        for strip in self.strips:
            if why := self._strip_refusal(strip):
                return why
        return ""

    def _strip_refusal(self, strip: Any) -> str:
        if strip.type == "SCENE":
            return _scene_refusal(strip)
        if strip.type == "SOUND" and strip.mute and self.roles[strip.as_pointer()] != "shown":
            return ""
        for path in self._files(strip):
            if not os.path.isfile(path):
                return f"“{strip.name}” shows “{path}”, which is not there. Find the file, or choose another strip."
        return ""

    def _files(self, strip: Any) -> Iterator[str]:
        """The files that a strip reads in the range."""
        library = self.scene.library
        match strip.type:
            case "MOVIE":
                yield bpy.path.abspath(strip.filepath, library=library)
            case "IMAGE":
                folder = bpy.path.abspath(strip.directory, library=library)
                first, end = compat.span(strip)
                frames = range(max(first, self.start), min(end, self.end))
                found = (strip.strip_elem_from_frame(frame) for frame in frames)
                yield from dict.fromkeys(
                    os.path.join(folder, element.filename) for element in found if element
                )
            case "SOUND" if strip.sound is not None and strip.sound.packed_file is None:
                yield bpy.path.abspath(strip.sound.filepath, library=strip.sound.library)
            case "MOVIECLIP" if strip.clip is not None and strip.clip.source == "MOVIE":
                yield bpy.path.abspath(strip.clip.filepath, library=strip.clip.library)
            case _:
                return


def _crops(strip: Any) -> bool:
    crop = strip.crop
    return any((crop.min_x, crop.max_x, crop.min_y, crop.max_y))


def _camera_refusal(scene: bpy.types.Scene) -> str:
    if does := render.busy():
        return f"Blender {does} something else. Wait until it is done."
    if render.camera_of(scene) is None:
        return f"The scene “{scene.name}” has no camera. Add one, or play the viewport."
    return ""


def range_refusal(start: int, end: int) -> str:
    if end <= start:
        return "There is nothing to take: the range is empty."
    if start < 0:
        return "The range begins before frame 0. Let it begin at frame 0 or later."
    return ""


def _scene_refusal(strip: Any) -> str:
    scene = strip.scene
    if scene is None:
        return f"“{strip.name}” has no scene any more. Choose another strip."
    if strip.scene_input == "SEQUENCER":
        return ""
    if strip.scene_camera is None and render.camera_of(scene) is None:
        return f"The scene “{scene.name}” has no camera. Add one, or choose another strip."
    if scene.render.engine == "CYCLES" and compat.lacks_denoiser(scene):
        return (
            "This Blender was built without Cycles' denoiser. Turn off Denoise in the Render properties of "
            f"“{scene.name}”, or choose another strip."
        )
    return ""


def _sounds(scene: bpy.types.Scene | None) -> bool:
    if scene is None:
        return False
    editor = scene.sequence_editor
    return any(o.type == "SPEAKER" for o in scene.objects) or (
        editor is not None and any(s.type in ("SOUND", "SCENE") for s in compat.strips_all(editor))
    )


# -------------------------------------------------------------------------------------------- the written file


def _write_edit(scene: bpy.types.Scene, needed: _Needed, file: Path) -> dict[str, Any]:
    """Write the needed strips and what they depend on into ``file``; what the child must know of it.

    The artist's scene is not touched: a copy that has nothing else is written and removed.
    """
    roles = needed.roles_in_order()
    copy = scene.copy()
    try:
        copy.name = name = f"{render.PREFIX}{new_id()[:8]}"
        copy[render.TAG] = True
        _lighten(copy)
        render.show_on_srgb(copy)
        _keep(copy, roles)
        with _unsaved_images() if needed.has_scenes() else nullcontext({}) as images:
            _write({copy, *images.values()}, file)
            return {"scene": name, "images": _names(images)}
    finally:
        bpy.data.scenes.remove(copy)


def _write(blocks: set[Any], file: Path) -> None:
    compat.sync_view_layers()
    bpy.data.libraries.write(str(file), blocks, path_remap="ABSOLUTE", compress=False)


@contextmanager
def _unsaved_images() -> Iterator[dict[str, bpy.types.Image]]:
    """Copies of the images whose pixels are in memory only, by the names of those; gone afterwards.

    A file has an image's pixels only when they are packed, which is not ours to do with the artist's own,
    and a copy made by Blender has none (measured).
    """
    copies: dict[str, bpy.types.Image] = {}
    try:
        for image in [i for i in bpy.data.images if i.is_dirty and i.users and i.has_data]:
            if image.type not in ("IMAGE", "UV_TEST") or image.library or image.channels != 4:
                continue
            copy = bpy.data.images.new(
                f"{render.PREFIX}{new_id()[:8]}",
                *image.size,
                alpha=True,
                float_buffer=image.is_float,
            )
            copies[image.name] = copy
            copy.colorspace_settings.name = image.colorspace_settings.name
            copy.alpha_mode = image.alpha_mode
            values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
            pixels: Any = image.pixels
            pixels.foreach_get(values)
            pixels = copy.pixels
            pixels.foreach_set(values)
            copy.pack()
        yield copies
    finally:
        for copy in copies.values():
            bpy.data.images.remove(copy)


def _names(images: dict[str, bpy.types.Image]) -> dict[str, str]:
    return {name: image.name for name, image in images.items()}


def isolate(scene: bpy.types.Scene, copy: bpy.types.Scene, strip: bpy.types.Strip) -> None:
    """Leave in the edit of ``copy``, a copy of ``scene``, only what ``strip`` shows: for a still of it."""
    needed = _Needed(scene, strip, *compat.span(strip), ())
    _keep(copy, needed.roles_in_order())
    show_only(copy.sequence_editor, compat.strips)


def _keep(copy: bpy.types.Scene, roles: list[str]) -> None:
    """Remove the strips of a copied edit that have no role, and note on the others what they are for."""
    unwanted: list[tuple[int, Any, Any]] = []
    for (strip, base), role in zip(_walk(copy.sequence_editor), roles, strict=True):
        if role:
            strip[ROLE] = role
        elif base == copy.sequence_editor or base.get(ROLE):
            unwanted.append((_depth(strip), strip, base))
    # A strip takes the effects that it feeds along: those go first.
    for _, strip, base in sorted(unwanted, key=lambda item: -item[0]):
        compat.strips(base).remove(strip)


def _depth(strip: Any) -> int:
    """How many effects lie one on the other in a strip."""
    return 1 + max((_depth(other) for other in compat.inputs(strip)), default=-1)


def _lighten(copy: bpy.types.Scene) -> None:
    """Take everything from a copied scene that would be written with it and is not its edit."""
    compat.drop_properties(copy)
    copy[render.TAG] = True
    compat.drop_compositor(copy)
    copy.timeline_markers.clear()
    copy.camera = copy.world = copy.background_set = copy.active_clip = None
    for layer in copy.view_layers:
        layer.material_override = None
    for child in list(copy.collection.children):
        copy.collection.children.unlink(child)
    for thing in list(copy.collection.objects):
        copy.collection.objects.unlink(thing)

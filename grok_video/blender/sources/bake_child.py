"""The Blender in the background that bakes: reads an order, renders, writes one MP4 or one picture.

Owns what happens in the child process, from the written scene to the finished file. A script, never imported:
``blender -b edit.blend --python bake_child.py`` or, where Blender is a Python module, ``python bake_child.py``, in a
private folder in which ``bake.py`` wrote the edit and the order. Knows nothing of jobs, of keys and of the artist's
Blender, except that the child has to end when the artist's Blender does.

Where the size changes, plain movies and images are placed smaller. All else takes two passes: Blender scales by whole
percents only, so a first render, as large as the edit (or half, a quarter …), goes into an intermediate file, and a
second one shows that file as a strip of the right size.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import bpy


def _load(path: Path) -> Any:
    """A module of the package, loaded by its path: the extension is not enabled in the child."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


compat = _load(Path(__file__).parents[1] / "compat.py")
said = _load(Path(__file__).parents[1] / "said.py")
shared = _load(Path(__file__).with_name("bake_common.py"))
_BEAT_SECONDS = 1.0
#: Blender's cache of frames, which are seen only once here.
_CACHE_MEGABYTES = 256
#: The custom property at the end of a path.
_CUSTOM = re.compile(r'\["((?:[^"\\]|\\.)*)"\]$')
#: The private folder of the bake, in which the parent starts this process.
_FOLDER = Path.cwd()


class Unbakeable(Exception):
    """There will be no file; the text says why, as a part of a sentence for the artist."""


class Report:
    """The file that the parent reads: a line for each frame, a dot for a sign of life, at last why the bake failed."""

    def __init__(self, passes: int, blend: str) -> None:
        """``blend``: the file that was opened, '' without one."""
        self.passes = passes
        self.frames = 0
        # Nobody else is left to remove the file: it may lie in a folder of its own, for the stills to come.
        self._folders = {_FOLDER, Path(blend).parent} if blend else {_FOLDER}
        self._file = open(shared.REPORT, "ab", buffering=0)  # noqa: SIM115
        self._beat_at = 0.0

    def frame(self, *_: object) -> None:
        """Render handler: report a frame that was written."""
        self.frames += 1
        self._file.write(b"%d\n" % (self.frames // self.passes))
        self.alive()

    def alive(self, *_: object) -> None:
        """Render handler: report a sign of life, or end this process when its parent is gone."""
        if _parent_is_gone():
            self._file.close()
            os.chdir("..")
            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)
            os._exit(1)
        if time.monotonic() - self._beat_at > _BEAT_SECONDS:
            self._beat_at = time.monotonic()
            self._file.write(b".\n")

    def still(self, index: int, why: str) -> None:
        """Report one of several stills: made, or why not."""
        self._file.write(json.dumps({"still": index, "failed": why}).encode() + b"\n")
        self.alive()

    def failed(self, why: str) -> None:
        self._file.write(json.dumps({"failed": why}).encode() + b"\n")


def _parent_is_gone() -> bool:
    """Whether the artist's Blender has ended, which closes the pipe at our standard input."""
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        handle = ctypes.c_void_p(msvcrt.get_osfhandle(0))
        waiting = ctypes.c_ulong()
        peek = ctypes.windll.kernel32.PeekNamedPipe
        return not peek(handle, None, 0, None, ctypes.byref(waiting), None)
    import select

    readable, _, _ = select.select([0], [], [], 0)
    return bool(readable) and os.read(0, 1) == b""


def to_file(scene: bpy.types.Scene, path: str, *, middle: bool, audio: bool) -> None:
    """Let ``scene`` write H.264 into the file ``path`` of the private folder; ``middle``: for a second pass."""
    render = scene.render
    # Absolute: 5.0 refuses relative paths (measured).
    render.filepath = compat.literal_path(str(_FOLDER / path))
    render.use_file_extension = False
    render.use_overwrite = True
    render.use_placeholder = False
    render.use_border = render.use_crop_to_border = False
    render.use_multiview = False
    render.use_persistent_data = False
    render.dither_intensity = 0.0
    for stamp in render.bl_rna.properties.keys():
        if stamp.startswith("use_stamp"):
            setattr(render, stamp, False)
    compat.write_movie(render.image_settings)
    ffmpeg: Any = render.ffmpeg
    ffmpeg.format = "MKV" if middle else "MPEG4"
    ffmpeg.codec = "H264"
    ffmpeg.use_lossless_output = False
    ffmpeg.use_autosplit = False
    # Fast rather than small: the artist waits for this file, and the service makes new pictures of what is in it.
    ffmpeg.ffmpeg_preset = "REALTIME"
    ffmpeg.constant_rate_factor = "PERC_LOSSLESS" if middle else "HIGH"
    ffmpeg.gopsize = 24
    ffmpeg.use_max_b_frames = False
    ffmpeg.audio_codec = ("FLAC" if middle else "AAC") if audio else "NONE"
    ffmpeg.audio_bitrate = 192
    ffmpeg.audio_mixrate = 48000
    ffmpeg.audio_channels = "STEREO"
    ffmpeg.audio_volume = 1.0
    scene.frame_step = 1


def render(scene: bpy.types.Scene, *, animation: bool = True) -> None:
    """Render the frames of ``scene``, or its current one, into its file. Raises Unbakeable."""
    # By an override: the operator's own scene= would render the frame of the context's scene (measured).
    with bpy.context.temp_override(scene=scene):
        try:
            bpy.ops.render.render(animation=animation, write_still=not animation)
        except said.BLENDERS_ERRORS as error:
            raise Unbakeable(said.sentence(error).removesuffix(".")) from error


def no_caches(scene: bpy.types.Scene) -> None:
    """Turn off the caches of a scene's sequencer: every frame is rendered once.

    Not for the artist's edit, where a retimed movie would show another frame in 5.0 without its cache (measured).
    """
    editor = scene.sequence_editor
    for name in editor.bl_rna.properties.keys():
        if name.startswith(("use_cache_", "use_prefetch")):
            setattr(editor, name, False)


def no_file_outputs() -> None:
    """Remove the compositors' nodes that would write over files of the artist."""
    compositors = [group for each in bpy.data.scenes for group in compat.compositors_of(each)]
    for group in [*bpy.data.node_groups, *compositors]:
        for node in [n for n in group.nodes if n.type == "OUTPUT_FILE"]:
            group.nodes.remove(node)


def bake_strip(order: dict[str, Any], report: Report) -> None:
    """Bake the strip that the parent left in the copy of the scene, as large as ordered. Raises Unbakeable."""
    scene = bpy.data.scenes[order["scene"]]
    no_file_outputs()
    drivers_to(scene, order["original"])
    key_drivers(order, scene, report)
    shared.show_only(scene.sequence_editor, compat.strips)
    check_movies(scene)
    bpy.context.preferences.system.memory_cache_limit = _CACHE_MEGABYTES
    output = scene.render
    output.use_sequencer = True
    output.use_compositing = False
    scene.frame_start, scene.frame_end = order["start"], order["end"] - 1
    size = tuple(order["size"])
    if order["place"]:
        _place(scene, size)
    if report.passes == 1:
        output.resolution_percentage = 100
        to_file(scene, shared.RESULT, middle=False, audio=order["audio"])
        render(scene)
        return
    share = order["percent"] / 100
    # H.264 has even sizes only: the edit gets a line or column more, which the second pass cuts off again.
    output.resolution_percentage = order["percent"]
    step = 200 // order["percent"]
    full = (output.resolution_x, output.resolution_y)
    output.resolution_x += -output.resolution_x % step
    output.resolution_y += -output.resolution_y % step
    to_file(scene, shared.MIDDLE, middle=True, audio=order["audio"])
    render(scene)
    if not os.path.exists(shared.MIDDLE):
        raise Unbakeable("Blender wrote no file")  # 5.0 says nothing when it cannot write
    second = plain_scene("second", order, size)
    strips = compat.strips(second.sequence_editor)
    movie = strips.new_movie("picture", str(_FOLDER / shared.MIDDLE), 2, 1)
    movie.transform.scale_x = size[0] / (full[0] * share)
    movie.transform.scale_y = size[1] / (full[1] * share)
    compat.best_filter(movie.transform)
    if order["audio"]:
        strips.new_sound("sound", str(_FOLDER / shared.MIDDLE), 1, 1)
    to_file(second, shared.RESULT, middle=False, audio=order["audio"])
    render(second)


def drivers_to(scene: bpy.types.Scene, original: str) -> None:
    """Let drivers read ``scene`` that read the one of which it is a copy, by its full name: its frame is set."""
    other = next((each for each in bpy.data.scenes if each.name_full == original), None)
    if other is None:
        return
    for _, curve in _drivers():
        for variable in curve.driver.variables:
            for target in variable.targets:
                if target.id == other:
                    target.id = scene


def key_drivers(order: dict[str, Any], scene: bpy.types.Scene, report: Report) -> None:
    """Make keys of the drivers of an edit, of masks and of strips' groups, for each of the ordered frames.

    While Blender renders an animation of an edit it does not move the objects that drivers read (measured, all
    versions), as it does when the artist goes from frame to frame.
    """
    modifiers = [m for strip in compat.strips_all(scene.sequence_editor) for m in _modifiers(strip)]
    groups = {getattr(modifier, "node_group", None) for modifier in modifiers} - {None}
    driven: list[tuple[Any, str, int]] = [
        (owner, curve.data_path, curve.array_index)
        for owner in (scene, *bpy.data.masks, *groups)
        for curve in (owner.animation_data.drivers if owner.animation_data else ())
        if not curve.mute
        and (owner != scene or curve.data_path.startswith(shared.OF_EDIT))
        and _has(owner, curve.data_path)
    ]
    if not driven:
        return
    frames = range(order["start"], order["end"])
    values = []
    for frame in frames:
        scene.frame_set(frame)
        values.append([_property(*one)[2]() for one in driven])
        report.alive()
    check_drivers(scene, order["original"])
    for one, column in zip(driven, zip(*values, strict=True), strict=True):
        owner, path, _ = one
        index, put, _ = _property(*one)
        owner.driver_remove(path, index)
        for frame, value in zip(frames, column, strict=True):
            put(value)
            owner.keyframe_insert(path, index=index, frame=frame)


def _has(owner: Any, path: str) -> bool:
    """Whether there is what a driver drives: it may be of a strip that is not needed, or a property of an add-on."""
    try:
        owner.path_resolve(path)
    except ValueError:
        return False
    return True


def check_drivers(scene: bpy.types.Scene, original: str) -> None:
    """Raise Unbakeable when a driver that Blender has evaluated here failed, for want of what the copy is without."""
    for owner, curve in _drivers():
        if not curve.mute and not curve.driver.is_valid and _has(owner, curve.data_path):
            name = original if owner == scene else owner.name
            raise Unbakeable(
                f"the driver of “{curve.data_path}” in “{name}” reads what a copy of the edit is without. "
                "Key what it drives instead"
            )


def _drivers() -> Iterator[tuple[Any, Any]]:
    """All drivers of the file, each with its datablock."""
    everything: Any = bpy.data  # the stubs ask for arguments that need not be given
    for block in everything.user_map():
        for owner in (block, getattr(block, "node_tree", None)):
            animation = getattr(owner, "animation_data", None)
            for curve in animation.drivers if animation else ():
                yield owner, curve


def _modifiers(strip: bpy.types.Strip) -> Any:
    return getattr(strip, "modifiers", ())  # a sound has none in some versions


def _property(
    owner: bpy.types.ID, path: str, index: int
) -> tuple[int, Callable[[Any], None], Callable[[], Any]]:
    """The index of an animated property (-1: it is no array), what sets it, and what reads it."""
    value: Any = owner.path_resolve(path)
    if hasattr(value, "__len__") and not isinstance(value, str):
        return index, partial(value.__setitem__, index), partial(value.__getitem__, index)
    if custom := _CUSTOM.search(path):
        at = custom.start()
        holder: Any = owner.path_resolve(path[:at]) if at else owner
        key = bpy.utils.unescape_identifier(custom[1])
        return -1, partial(holder.__setitem__, key), partial(holder.__getitem__, key)
    place, _, name = path.rpartition(".")
    holder = owner.path_resolve(place) if place else owner
    return -1, partial(setattr, holder, name), partial(getattr, holder, name)


def _place(scene: bpy.types.Scene, size: tuple[int, int]) -> None:
    """Lay movies and images out for a frame of ``size``: their places and scales are in pixels."""
    output = scene.render
    x, y = size[0] / output.resolution_x, size[1] / output.resolution_y
    output.resolution_x, output.resolution_y = size
    for strip in compat.strips_all(scene.sequence_editor):
        if strip.type == "SOUND":
            continue
        transform = strip.transform
        transform.offset_x *= x
        transform.offset_y *= y
        if strip.type != "META":  # a meta strip is as large as the frame, whatever its size
            transform.scale_x *= x
            transform.scale_y *= y
            if transform.filter == "AUTO" and transform.scale_x < 1.0:
                compat.best_filter(transform)


def bake_camera(order: dict[str, Any]) -> None:
    """Bake the scene through its cameras, rendered by Workbench. Raises Unbakeable."""
    scene = bpy.data.scenes[order["scene"]]
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.use_sequencer = scene.render.use_compositing = False
    _resize(scene, order)
    scene.frame_start, scene.frame_end = order["start"], order["end"] - 1
    to_file(scene, shared.RESULT, middle=False, audio=False)
    render(scene)


def make_stills(order: dict[str, Any], report: Report) -> None:
    """Render what the order's stills show, each into a picture of its own. Raises Unbakeable for the only one."""
    child = _load(Path(__file__).with_name("stills_child.py"))
    kit = SimpleNamespace(
        compat=compat,
        shared=shared,
        found=found,
        render=partial(render, animation=False),
        folder=_FOLDER,
        unbakeable=Unbakeable,
    )
    no_file_outputs()
    if order["what"] == "still":
        child.make(order, kit, shared.STILL)
    else:
        child.make_all(order["orders"], kit, report)


def measure_seam(order: dict[str, Any]) -> None:
    """Compare the colours of two clips, and write what was measured. Raises Unbakeable."""
    beside = Path(__file__).with_name
    kit = SimpleNamespace(
        compat=compat,
        modifiers=_load(Path(__file__).parents[1] / "seam_modifiers.py"),
        fit=_load(beside("seam_fit.py")),
        space=_load(beside("seam_space.py")),
        render=partial(render, animation=False),
        unbakeable=Unbakeable,
    )
    _load(beside("seam_child.py")).measure(order, kit, _FOLDER / shared.MEASURED)


def found(blocks: Any, name: list[str]) -> Any:
    """The datablock of a name and a library's path, '' for one of this file. Raises Unbakeable."""
    for block in blocks:
        if [block.name, shared.path_of(block.library)] == name:
            return block
    raise Unbakeable(f"“{name[0]}” is not in the copy of the file")


def as_the_artists(artist: dict[str, Any]) -> None:
    """Set in this Blender, which has factory settings, what the artist's has and what shapes a render."""
    system = bpy.context.preferences.system
    for name, value in artist.get("system", {}).items():
        setattr(system, name, value)
    if "ambient" in artist:
        system.light_ambient = artist["ambient"]
    for light, values in zip(system.solid_lights, artist.get("lights", []), strict=False):
        for name, value in values.items():
            setattr(light, name, value)
    if cycles := artist.get("cycles"):
        own: Any = bpy.context.preferences.addons["cycles"].preferences
        own.compute_device_type = cycles["kind"]
        own.refresh_devices()
        for device in own.devices:
            device.use = cycles["devices"].get(device.id, False)


def bake_frames(order: dict[str, Any]) -> None:
    """Bake pictures that lie in one folder, one a frame. Raises Unbakeable."""
    scene = plain_scene("frames", order, tuple(order["size"]))
    first, *others = order["frames"]
    strips = compat.strips(scene.sequence_editor)
    strip = strips.new_image("frames", first, 1, 1, fit_method="STRETCH")
    for path in others:
        strip.elements.append(os.path.basename(path))
    compat.set_end(strip, 1 + len(order["frames"]))
    to_file(scene, shared.RESULT, middle=False, audio=False)
    render(scene)


def plain_scene(name: str, order: dict[str, Any], size: tuple[int, int]) -> bpy.types.Scene:
    """A new scene with an empty edit, of the ordered rate and length, that does not change the colours of files."""
    scene = bpy.data.scenes.new(name)
    compat.plain_view(scene)
    output = scene.render
    output.resolution_x, output.resolution_y = size
    output.resolution_percentage = 100
    output.fps, output.fps_base = order["fps"], order["fps_base"]
    output.use_sequencer = True
    output.use_compositing = False
    scene.frame_start, scene.frame_end = 1, order["end"] - order["start"]
    scene.sequence_editor_create()
    no_caches(scene)
    return scene


def _resize(scene: bpy.types.Scene, order: dict[str, Any]) -> None:
    output = scene.render
    output.resolution_x, output.resolution_y = order["size"]
    output.resolution_percentage = 100
    output.pixel_aspect_x = output.pixel_aspect_y = 1.0


def check_movies(scene: bpy.types.Scene) -> None:
    """Raise Unbakeable when Blender cannot read one of the movies that are needed."""
    for strip in compat.strips_all(scene.sequence_editor):
        if (
            strip.get(shared.ROLE) != "read"
            and strip.type == "MOVIE"
            and not strip.reload_if_needed()
        ):
            path = bpy.path.abspath(strip.filepath)
            raise Unbakeable(f"Blender cannot read “{path}”")


def main(order: dict[str, Any]) -> None:
    """Bake what is ordered, in the private folder. Raises Unbakeable."""
    report = Report(order["passes"], order["blend"])
    report.alive()
    handlers = bpy.app.handlers
    handlers.render_write.append(report.frame)
    for signs in (handlers.render_stats, handlers.render_pre, handlers.render_post):
        signs.append(report.alive)
    try:
        as_the_artists(order.get("artist", {}))
        images: Any = bpy.data.images  # the stubs know no key but a name
        for unsaved, packed in order["images"].items():
            image = images.get((unsaved, None))  # None: of this file, not of a library
            if image is not None:  # else nothing that was written shows it
                image.user_remap(images[packed])
        match order["what"]:
            case "strip":
                bake_strip(order, report)
            case "camera":
                bake_camera(order)
            case "frames":
                bake_frames(order)
            case "still" | "stills":
                make_stills(order, report)
            case "seam":
                measure_seam(order)
    except Unbakeable as why:
        report.failed(str(why))
        raise


def _leave(code: int) -> NoReturn:
    # At once: on its own way out Blender frees everything, and after a failed render it was seen to hang there.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        ordered = json.loads(Path(shared.ORDER).read_text("utf-8"))
        if not bpy.app.binary_path and ordered["blend"]:
            bpy.ops.wm.open_mainfile(
                filepath=ordered["blend"], load_ui=False, use_scripts=ordered["trusted"]
            )
        main(ordered)
    except BaseException:
        import traceback

        traceback.print_exc()
        _leave(1)
    _leave(0)

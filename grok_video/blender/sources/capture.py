"""A still from what the artist sees: camera, viewport, render result, image, sequencer.

Owns what each source is, when it cannot be taken, and how its pixels are got without changing anything. Knows nothing
of jobs and of the panel. The camera takes a render job: ``camera.CameraRender``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ...core.spec import Source
from .. import compat, scenes
from ..refusal import Interrupted, Refused
from . import pixels, viewport
from .edit_copy import isolate
from .pixels import Still
from .scene_copy import copy_scene, render_result, run, tidy

if TYPE_CHECKING:
    import numpy as np  # functions import numpy themselves: Blender's start does not wait

#: 8192 x 8192; reading more would take gigabytes and stall the window.
MAX_PIXELS = 2**26


def natural_size(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    source: str,
    image: bpy.types.Image | None,
) -> tuple[float, float] | None:
    """Width and height of a source's full frame in square pixels; None without a source. Cheap enough for a redraw.

    Blender does not tell the size of a render result: the scene's frame stands for it, and the picture is cropped by
    its own pixels later.
    """
    match source:
        case "CAMERA" | "RENDER_RESULT":
            return scenes.frame_size(scene)
        case "VIEWPORT":
            view = viewport.find(context)
            return viewport.frame_size(view, scene) if view else None
        case "IMAGE":
            return (image.size[0], image.size[1]) if image and all(image.size) else None
        case "SEQUENCER":
            return scenes.frame_size(compat.sequencer_scene(context))
        case _:
            return None


_NOT_RENDERED = "This scene has not been rendered yet. Press F12 first, or choose another source."


def refusal(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    source: str,
    image: bpy.types.Image | None,
) -> str:
    """'' or why ``source`` cannot be captured now. Cheap and without side effects."""
    if does := scenes.busy():
        return f"Blender {does} something else. Wait until it is done."
    match source:
        case "NONE":
            return ""
        case "CAMERA":
            return scenes.camera_refusal(scene)
        case "VIEWPORT":
            return viewport.refusal(context, scene)
        case "RENDER_RESULT":
            return "" if render_result() else _NOT_RENDERED
        case "IMAGE":
            return image_refusal(image) if image else "Choose the image that the clip starts from."
        case "SEQUENCER":
            return _sequencer_refusal(compat.sequencer_scene(context))
        case _:
            return f"There is no source “{source}”."


def capture_now(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    source: str,
    image: bpy.types.Image | None,
    size: tuple[int, int],
    path: Path,
    file_format: str,
) -> Still:
    """A still of any source but the camera, written to ``path`` as 'PNG' or 'JPEG'.

    ``size`` is the clip's, in pixels: the picture is cropped inside to that ratio and shrunk to that size, never
    enlarged. Raises Refused, or Interrupted when Blender fails to deliver.
    """
    if why := refusal(context, scene, source, image):
        raise Refused(why)
    shown = Source(source, scene=scene.name, frame=scene.frame_float)
    aspect = 1.0
    match source:
        case "VIEWPORT":
            rgb, camera = viewport.draw(context, scene, size)
            shown = Source(source, scene=scene.name, frame=scene.frame_float, camera=camera)
        case "RENDER_RESULT":
            rgb = _render_result_pixels(scene, path)
            aspect = scene.render.pixel_aspect_x / scene.render.pixel_aspect_y
        case "IMAGE":
            assert image is not None
            rgb = _image_pixels(scene, image, path)
            shown = Source(source, scene=scene.name, frame=scene.frame_float, image=image.name)
        case "SEQUENCER":
            edit = compat.sequencer_scene(context)
            rgb = _edit_pixels(edit, pixels.part_of(path).with_suffix(".png"), None, None)
            aspect = edit.render.pixel_aspect_x / edit.render.pixel_aspect_y
            shown = Source(source, scene=edit.name, frame=edit.frame_float)
        case _:
            raise Refused(f"“{source}” cannot be captured at once.")
    rgb = pixels.fit(rgb, aspect, size)
    pixels.write(rgb, path, file_format)
    return pixels.finished(path, file_format, rgb.shape[1], rgb.shape[0], shown)


def _render_result_pixels(scene: bpy.types.Scene, path: Path) -> np.ndarray:
    result = render_result()
    assert result is not None
    part = pixels.part_of(path).with_suffix(".png")
    # Saved by the artist's scene, with its settings changed for the moment: a copy of the scene has no pixels.
    try:
        with _borrowed(scene.render):
            result.save_render(str(part), scene=scene)
        return pixels.read(part)
    except RuntimeError as error:
        raise Refused(_NOT_RENDERED) from error
    finally:
        pixels.remove(part)


@contextmanager
def _borrowed(output: bpy.types.RenderSettings) -> Iterator[None]:
    """For the time of the context, the artist's output format is 8-bit PNG; then it is put back."""
    # With ffmpeg's: when the format becomes video again, 4.2 sets the container anew (measured).
    owners = [output.image_settings, output.ffmpeg]
    before = [
        (owner, name, getattr(owner, name)) for owner in owners for name in _settings_of(owner)
    ]
    try:
        compat.write_images(output.image_settings, "PNG", pixels.JPEG_QUALITY)
        yield
    finally:
        for owner, name, value in before:
            if getattr(owner, name) != value:
                setattr(owner, name, value)


def _settings_of(owner: bpy.types.bpy_struct) -> list[str]:
    """The names of an owner's plain settings; first the settings that decide which values others can have."""
    first = ("media_type", "file_format", "color_mode", "color_depth", "format", "codec")
    names = [
        prop.identifier
        for prop in owner.bl_rna.properties
        if not prop.is_readonly and prop.type not in {"POINTER", "COLLECTION"}
    ]
    return [n for n in first if n in names] + [n for n in names if n not in first]


def image_refusal(image: bpy.types.Image | None) -> str:
    """'' or why an image cannot be sent."""
    if image is None:
        return "Choose an image."
    if image.source in {"MOVIE", "SEQUENCE"}:
        # An image datablock does not know which frame is meant: its pixels are of frame 0, or none (measured).
        return (
            f"“{image.name}” has many frames. Put it into the Video Sequencer and choose Sequencer "
            "as source."
        )
    if image.type in {"RENDER_RESULT", "COMPOSITING"}:
        return f"“{image.name}” is not an image of its own. Choose Render Result as source."
    width, height = image.size
    if not width or not height:
        return f"“{image.name}” has no pixels: its file is missing or cannot be read."
    if width * height > MAX_PIXELS:
        return f"“{image.name}” is too large ({width} × {height}). Choose a smaller copy of it."
    return ""


def _image_pixels(scene: bpy.types.Scene, image: bpy.types.Image, path: Path) -> np.ndarray:
    """The image as Blender's Image Editor shows it, over black.

    Byte images in sRGB, and data, keep their values exactly. Other images are shown by the Standard view, or by the
    scene's where the image says *View as Render*.
    """
    space = image.colorspace_settings
    if (
        not image.is_float
        and not image.use_view_as_render
        and (space.is_data or space.name == "sRGB")
    ):
        rgb, alpha = pixels.pixels_of(image)
        if image.alpha_mode not in {"NONE", "CHANNEL_PACKED"}:
            rgb = rgb * alpha
        return pixels.to_bytes(rgb)
    part = pixels.part_of(path).with_suffix(".png")
    copy = copy_scene(scene, part, "PNG")
    try:
        if not image.use_view_as_render:
            compat.plain_view(copy)
        copy.render.dither_intensity = 0.0
        image.save_render(str(part), scene=copy)
        return pixels.read(part)
    except RuntimeError as error:
        raise Refused(f"“{image.name}” could not be read: {error}") from error
    finally:
        pixels.remove(part)
        tidy()


#: The longer side, in pixels, that a reference is shrunk to.
_LONGEST_REFERENCE = 1536


def reference(
    scene: bpy.types.Scene, image: bpy.types.Image, path: Path, file_format: str
) -> Still:
    """A still of an image in its own ratio, at most 1536 pixels long, written to ``path``: a reference.

    Raises Refused, Interrupted.
    """
    if why := image_refusal(image):
        raise Refused(why)
    rgb = _image_pixels(scene, image, path)
    height, width = rgb.shape[:2]
    scale = min(1.0, _LONGEST_REFERENCE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    rgb = pixels.fit(rgb, 1.0, size)
    pixels.write(rgb, path, file_format)
    shown = Source("IMAGE", scene=scene.name, frame=scene.frame_float, image=image.name)
    return pixels.finished(path, file_format, rgb.shape[1], rgb.shape[0], shown)


def packed_image(path: Path, name: str) -> bpy.types.Image:
    """Load the picture at ``path`` as an image, pack it into the .blend, and remove the file at ``path``."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.name = name
    image.pack()
    image.filepath = ""
    pixels.remove(path)
    return image


def strip_still(
    scene: bpy.types.Scene,
    strip: bpy.types.Strip,
    frame: int,
    size: tuple[int, int],
    path: Path,
    file_format: str,
) -> Still:
    """A still of what ``strip`` alone shows at a scene frame, cropped inside to ``size``, written to ``path``.

    Raises Refused, Interrupted.
    """
    if does := scenes.busy():
        raise Refused(f"Blender {does} something else. Wait until it is done.")
    part = pixels.part_of(path).with_suffix(".png")
    rgb = _edit_pixels(scene, part, frame, strip)
    aspect = scene.render.pixel_aspect_x / scene.render.pixel_aspect_y
    rgb = pixels.fit(rgb, aspect, size)
    pixels.write(rgb, path, file_format)
    shown = Source("STRIP", scene=scene.name, frame=frame, image=strip.name)
    return pixels.finished(path, file_format, rgb.shape[1], rgb.shape[0], shown)


def _sequencer_refusal(scene: bpy.types.Scene) -> str:
    editor = scene.sequence_editor
    if editor is None or not compat.strips(editor):
        return f"The sequencer of “{scene.name}” is empty. Choose another source."
    if not any(_shows(strip, editor, scene.frame_current) for strip in compat.strips(editor)):
        return f"The sequencer shows nothing at frame {scene.frame_current}. Move the playhead to a strip."
    return ""


def _shows(strip: bpy.types.Strip, editor: bpy.types.SequenceEditor, frame: int) -> bool:
    first, end = compat.span(strip)
    return (
        first <= frame < end
        and strip.type != "SOUND"
        and not strip.mute
        and not editor.channels[strip.channel].mute
    )


def _edit_pixels(
    scene: bpy.types.Scene, part: Path, frame: int | None, alone: bpy.types.Strip | None
) -> np.ndarray:
    """The pixels of a scene's edit at its playhead, or at ``frame``; of the strip ``alone`` where one is given.

    In the scene's own view transform and at its full size.
    """
    copy = copy_scene(scene, part, "PNG")
    try:
        copy.render.use_sequencer = True
        copy.render.use_compositing = False
        if frame is not None:
            copy.frame_current, copy.frame_subframe = frame, 0.0
        if alone is not None:
            isolate(scene, copy, alone)
        run(copy, wait=True)
        return pixels.read(part)
    except RuntimeError as error:
        raise Interrupted(
            f"The sequencer could not be rendered: {scenes.sentence(error)}"
        ) from error
    finally:
        pixels.remove(part)
        tidy()

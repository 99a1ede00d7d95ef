"""A still from what the artist sees: camera, viewport, render result, image, sequencer.

Owns what each source is, when it cannot be taken, and how its pixels are got without changing anything. Knows nothing
of jobs and of the panel. The camera takes a render job: ``camera.CameraRender``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import bpy

from ...core.files import open_given
from ...core.picture_kind import HEAD, MOVING_WEBP, kind_of
from ...core.spec import Source
from .. import compat, said, scenes
from ..refusal import Interrupted, Refused
from . import pixels, viewport
from .borrowed import borrowed_output
from .edit_copy import NeededStrips, isolate
from .image_size import size_of
from .pixels import Still
from .scene_copy import copy_scene, is_other_slot, render_result, run, save, tidy

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
            size = size_of(image) if image is not None else None
            return size if size is not None and all(size) else None
        case "SEQUENCER":
            return scenes.frame_size(compat.sequencer_scene(context))
        case _:
            return None


_NOT_RENDERED = "This scene has not been rendered yet. Press F12 first, or choose another source."
_EMPTY_SLOT = (
    "“{}” of the Render Result is empty. Choose the slot with your picture in the Image Editor, or "
    "press F12 again."
)


def refusal(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    source: str,
    image: bpy.types.Image | None,
    *,
    look: bool = False,
) -> str:
    """'' or why ``source`` cannot be captured now. Cheap and without side effects.

    ``look``: at the image's file, as a click must and a redraw must not.
    """
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
            if image is None:
                return "Choose the image that the clip starts from."
            return image_refusal(image, look=look)
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
    whole: Callable[[float, float], tuple[int, int]] | None = None,
) -> Still:
    """A still of any source but the camera, written to ``path`` as 'PNG' or 'JPEG'.

    ``size`` is the clip's, in pixels: the picture is cropped inside to that ratio and shrunk to that size, never
    enlarged. ``whole`` gives the size for a picture that is sent whole, from its width and height in square pixels;
    only the viewport is drawn at ``size`` then. Raises Refused, or Interrupted when Blender fails to deliver.
    """
    if why := refusal(context, scene, source, image, look=True):
        raise Refused(why)
    shown = Source(source, scene=scene.name, frame=scene.frame_float)
    part = pixels.part_of(path).with_suffix(".png")
    aspect = 1.0
    match source:
        case "VIEWPORT":
            rgb, camera = viewport.draw(context, scene, size)
            shown = Source(source, scene=scene.name, frame=scene.frame_float, camera=camera)
        case "RENDER_RESULT":
            rgb = _render_result_pixels(scene, part)
            aspect = scene.render.pixel_aspect_x / scene.render.pixel_aspect_y
        case "IMAGE":
            assert image is not None
            rgb = _image_pixels(scene, image, part)
            shown = Source(source, scene=scene.name, frame=scene.frame_float, image=image.name)
        case "SEQUENCER":
            edit = compat.sequencer_scene(context)
            rgb = _edit_pixels(edit, part, None, None)
            aspect = edit.render.pixel_aspect_x / edit.render.pixel_aspect_y
            shown = Source(source, scene=edit.name, frame=edit.frame_float)
        case _:
            raise Refused(f"“{source}” cannot be captured at once.")
    if whole is not None:
        size = whole(*pixels.square_size(rgb, aspect))
    rgb = pixels.fit(rgb, aspect, size)
    pixels.write(rgb, path, file_format)
    return pixels.finished(path, file_format, rgb.shape[1], rgb.shape[0], shown)


def _render_result_pixels(scene: bpy.types.Scene, part: Path) -> np.ndarray:
    result = render_result()
    assert result is not None
    # Saved by the artist's scene, with its settings changed for the moment: a copy of the scene has no pixels.
    try:
        with borrowed_output(scene.render):
            compat.write_images(scene.render.image_settings, "PNG", pixels.JPEG_QUALITY)
            return _saved(result, scene, part)
    except said.BLENDERS_ERRORS as error:
        slot = result.render_slots.active
        others = slot is not None and is_other_slot(result.render_slots.active_index)
        raise Refused(_EMPTY_SLOT.format(slot.name) if others else _NOT_RENDERED) from error


def _saved(image: bpy.types.Image, scene: bpy.types.Scene, part: Path) -> np.ndarray:
    """The pixels of an image as ``scene`` saves it. Raises RuntimeError where there is no picture."""
    try:
        pixels.save_view(image, scene, part)
        return pixels.read(part)
    finally:
        pixels.remove(part)


_WHAT_WORKS = "Save it as a PNG or JPEG, and choose that."


def image_refusal(image: bpy.types.Image | None, *, look: bool = False) -> str:
    """'' or why an image cannot be sent, and what works; ``look``: at its file, see ``refusal``."""
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
    size = size_of(image)  # read first: only then does Blender know the type
    if image.type == "MULTILAYER":
        return f"“{image.name}” has many layers, none of which is the picture. {_WHAT_WORKS}"
    if image.source == "TILED" and len(image.tiles) > 1:
        return f"“{image.name}” has many tiles. Choose an image of its own for what shall be sent."
    if look and (why := _file_refusal(image)):
        return why
    if size is None:
        return ""  # a redraw, and nobody has read the image yet
    width, height = size
    if not width or not height:
        return f"“{image.name}” has no pixels: its file is missing or cannot be read. {_WHAT_WORKS}"
    if width * height > MAX_PIXELS:
        return f"“{image.name}” is too large ({width} × {height}). Choose a smaller copy of it."
    return ""


def _file_refusal(image: bpy.types.Image) -> str:
    """'' or what is wrong with the file of an image. Pixels that were painted or loaded before need no file."""
    if image.source != "FILE" or image.is_dirty:
        return ""
    if image.packed_file is not None:
        head = cast("bytes", image.packed_file.data)[:HEAD]  # the stubs say text
    else:
        path = bpy.path.abspath(image.filepath, library=image.library)
        try:
            with open_given(Path(path)) as file:
                head = file.read(HEAD)
        except OSError:
            if all(image.size):
                return ""
            return f"The file of “{image.name}” is missing or cannot be read: {path}. Put it back, or choose another."
    words = kind_of(head)
    if words and (words == MOVING_WEBP or not all(image.size)):
        return f"“{image.name}” is {words}, which cannot be sent. {_WHAT_WORKS}"
    if not all(image.size):
        return f"Blender cannot read “{image.name}”: its file is broken, or of a kind that Blender does not know. {_WHAT_WORKS}"
    return ""


def _image_pixels(scene: bpy.types.Scene, image: bpy.types.Image, part: Path) -> np.ndarray:
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
    copy = copy_scene(scene)
    try:
        compat.write_images(copy.render.image_settings, "PNG", pixels.JPEG_QUALITY)
        if not image.use_view_as_render:
            compat.plain_view(copy)
        copy.render.dither_intensity = 0.0
        return _saved(image, copy, part)
    except said.BLENDERS_ERRORS as error:
        raise Refused(f"“{image.name}” could not be read: {said.sentence(error)}") from error
    finally:
        tidy()


#: The longer side, in pixels, that a reference is shrunk to.
_LONGEST_REFERENCE = 1536


def reference(
    scene: bpy.types.Scene, image: bpy.types.Image, path: Path, file_format: str
) -> Still:
    """A still of an image in its own ratio, at most 1536 pixels long, written to ``path``: a reference.

    Raises Refused, Interrupted.
    """
    if why := image_refusal(image, look=True):
        raise Refused(why)
    rgb = _image_pixels(scene, image, pixels.part_of(path).with_suffix(".png"))
    height, width = rgb.shape[:2]
    scale = min(1.0, _LONGEST_REFERENCE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    rgb = pixels.fit(rgb, 1.0, size)
    pixels.write(rgb, path, file_format)
    shown = Source("IMAGE", scene=scene.name, frame=scene.frame_float, image=image.name)
    return pixels.finished(path, file_format, rgb.shape[1], rgb.shape[0], shown)


def fitted(
    scene: bpy.types.Scene,
    image: bpy.types.Image,
    size: tuple[int, int],
    path: Path,
    file_format: str,
) -> Still:
    """A still of an image, cropped inside to the ratio of ``size`` and shrunk to that size, written to ``path``.

    Raises Refused, Interrupted.
    """
    if why := image_refusal(image, look=True):
        raise Refused(why)
    rgb = pixels.fit(
        _image_pixels(scene, image, pixels.part_of(path).with_suffix(".png")), 1.0, size
    )
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
    if why := NeededStrips(scene, strip, frame, frame + 1, ()).still_refusal():
        raise Refused(why)
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
    copy = copy_scene(scene)
    try:
        copy.render.use_sequencer = True
        copy.render.use_compositing = False
        # Else a strip of a stereo pair would show both eyes side by side.
        copy.render.use_multiview = scene.render.use_multiview
        if frame is not None:
            copy.frame_current, copy.frame_subframe = frame, 0.0
        if alone is not None:
            isolate(scene, copy, alone)
        run(copy, wait=True)
        save(copy, part, "PNG", (copy.render.resolution_x, copy.render.resolution_y))
        return pixels.read(part)
    except said.BLENDERS_ERRORS as error:
        raise Interrupted(f"The sequencer could not be rendered: {said.sentence(error)}") from error
    finally:
        pixels.remove(part)
        tidy()

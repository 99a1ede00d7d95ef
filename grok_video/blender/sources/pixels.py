"""The pixels of stills: read, cropped, shrunk, and written to a file.

Knows nothing of where a picture comes from (`capture.py`, `camera.py`), of jobs and of the panel.

Pixels are arrays of shape (height, width, 3), uint8, display-referred, the bottom row first as Blender
keeps them.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.files import BLENDERS_PATIENCE, new_folder, open_own, replace_patiently
from ...core.framing import crop_inside
from ...core.picture_kind import ENDS, MEASURED, measure
from ...core.record import record
from ...core.spec import Source
from .. import said
from ..refusal import Interrupted

if TYPE_CHECKING:
    import numpy as np  # functions import numpy themselves: Blender's start does not wait

JPEG_QUALITY = 90
MIME = {"PNG": "image/png", "JPEG": "image/jpeg"}


@record
class Still:
    """The file of a finished still, as it will be sent, and where its picture came from."""

    path: str  # absolute
    mime: str  # 'image/png' 'image/jpeg'
    width: int  # pixels
    height: int
    size: int  # bytes
    source: Source


def part_of(path: Path) -> Path:
    """Where the still for ``path`` is written until the file is whole: beside it, with the same suffix."""
    return path.with_name(f"{path.stem}.part{path.suffix}")


def remove(path: Path) -> None:
    """Remove a file; no error when there is none, or when a virus scanner holds it."""
    with suppress(OSError):
        path.unlink()


def read(path: Path) -> np.ndarray:
    """The pixels of an 8-bit picture without alpha. Raises Interrupted if it cannot be read."""
    image = _loaded(path)
    try:
        rgb, _alpha = pixels_of(image)
    finally:
        bpy.data.images.remove(image)
    return to_bytes(rgb)


def shrunk(path: Path, longest: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """The pixels of a picture whose longer side is made ``longest`` pixels, as floats 0..1; for looking, not for sending.

    ``size``: width and height instead, to whose ratio the picture is cropped inside. Raises Interrupted.
    """
    image = _loaded(path)
    try:
        width, height = image.size
        if not width or not height:
            raise Interrupted("The picture has no pixels.")
        if size is None:
            scale = min(longest / max(width, height), 1.0)
            image.scale(max(round(width * scale), 1), max(round(height * scale), 1))
            return pixels_of(image)[0]
        crop = crop_inside(width, height, *size)
        wide = max(round(size[0] / (crop.right - crop.left)), size[0])
        high = max(round(size[1] / (crop.top - crop.bottom)), size[1])
        image.scale(wide, high)
        x, y = (wide - size[0]) // 2, (high - size[1]) // 2
        return pixels_of(image)[0][y : y + size[1], x : x + size[0]]
    finally:
        bpy.data.images.remove(image)


def _loaded(path: Path) -> bpy.types.Image:
    try:
        return bpy.data.images.load(str(path), check_existing=False)
    except said.BLENDERS_ERRORS as error:
        raise Interrupted("Render interrupted: no picture was written.") from error


def pixels_of(image: bpy.types.Image) -> tuple[np.ndarray, np.ndarray]:
    """Colour (height, width, 3) and alpha (height, width, 1) of an image with pixels, as floats.

    Of a byte image the stored values / 255, whatever its colour space is; of a float image the values.
    """
    import numpy as np

    width, height = image.size
    channels = image.channels
    values = np.empty(width * height * channels, np.float32)
    pixels: Any = image.pixels  # some stubs type this property as float
    pixels.foreach_get(values)
    values = values.reshape(height, width, channels)
    alpha = values[..., 3:4] if channels == 4 else np.ones((height, width, 1), np.float32)
    rgb = values[..., :3] if channels >= 3 else np.repeat(values[..., :1], 3, axis=2)
    return rgb, alpha


def to_bytes(rgb: np.ndarray) -> np.ndarray:
    """Floats 0..1 as uint8, rounded to nearest."""
    import numpy as np

    return np.rint(np.clip(rgb, 0.0, 1.0) * 255.0).astype(np.uint8)


def square_size(rgb: np.ndarray, aspect: float) -> tuple[int, int]:
    """Width and height of ``rgb`` once its pixels, ``aspect`` times as wide as high, were shrunk to squares."""
    height, width = rgb.shape[:2]
    return max(1, round(width * min(aspect, 1.0))), max(1, round(height / max(aspect, 1.0)))


def fit(rgb: np.ndarray, aspect: float, size: tuple[int, int]) -> np.ndarray:
    """``rgb`` with square pixels, cropped inside to the ratio of ``size`` and shrunk to that size.

    ``aspect`` is the width of a pixel divided by its height. Nothing is ever enlarged: where the source
    has too few pixels the result is smaller than ``size``, of the same ratio to within a pixel.
    """
    import numpy as np

    width, height = square_size(rgb, aspect)
    if aspect > 1.0:
        rgb = _shrink(rgb, 0, 0.0, rgb.shape[0], height)
    elif aspect < 1.0:
        rgb = _shrink(rgb, 1, 0.0, rgb.shape[1], width)
    crop = crop_inside(width, height, *size)
    left, right = crop.left * width, crop.right * width
    bottom, top = crop.bottom * height, crop.top * height
    scale = min((right - left) / size[0], (top - bottom) / size[1])
    if scale < 1.0 - 1e-6:
        # Too few pixels: a crop at whole pixels, without the blur of half-pixel offsets.
        columns = max(1, int(right - left + 1e-6))
        rows = max(1, int(top - bottom + 1e-6))
        x, y = (width - columns) // 2, (height - rows) // 2
        return np.ascontiguousarray(rgb[y : y + rows, x : x + columns])
    rgb = _shrink(rgb, 0, bottom, top, size[1])
    return _shrink(rgb, 1, left, right, size[0])


def _shrink(rgb: np.ndarray, axis: int, start: float, stop: float, count: int) -> np.ndarray:
    """``rgb`` from ``start`` to ``stop`` along ``axis``, in ``count`` pixels: each the mean of those that it covers.

    The mean is taken of display values, as image viewers do. Where the size stays, pixels stay exactly as they are.
    """
    import numpy as np

    if axis == 1:
        return _shrink(rgb.transpose(1, 0, 2), 0, start, stop, count).transpose(1, 0, 2)
    out = np.empty((count, *rgb.shape[1:]), np.uint8)
    edges = np.round(np.linspace(start, stop, count + 1), 6)
    for i in range(count):
        low, high = edges[i], edges[i + 1]
        first, last = int(low), min(int(np.ceil(high)), rgb.shape[0])
        weights = np.ones(last - first, np.float32)
        weights[0] -= low - first
        weights[-1] -= max(0.0, last - high)
        mean = np.tensordot(weights / weights.sum(), rgb[first:last].astype(np.float32), axes=1)
        out[i] = np.rint(mean)
    return out


def write(rgb: np.ndarray, path: Path, file_format: str) -> None:
    """Write the pixels into a file as 8-bit RGB, whole or not at all. Raises Interrupted.

    By Blender's own encoder, through an image datablock that lives as long as this call.
    """
    import numpy as np

    height, width = rgb.shape[:2]
    values = np.ones((height, width, 4), np.float32)
    values[..., :3] = rgb
    values[..., :3] /= 255.0
    part = part_of(path)
    image: Any = bpy.data.images.new(".grok_video still", width, height, alpha=False)
    try:
        image.pixels.foreach_set(values.ravel())
        image.file_format = file_format
        image.save(filepath=str(part), quality=JPEG_QUALITY)
        replace_patiently(part, path, BLENDERS_PATIENCE)
    except (*said.BLENDERS_ERRORS, OSError) as error:
        remove(part)
        why = error.strerror if isinstance(error, OSError) else said.sentence(error)
        raise Interrupted(
            f"The still could not be written to “{path.parent}”: {str(why).removesuffix('.')}. "
            "Check the disk and the folder."
        ) from error
    finally:
        bpy.data.images.remove(image)


#: How the folder begins in which the views of an image are written.
_SPARE = ".grok_video_views-"


def save_view(image: bpy.types.Image, scene: bpy.types.Scene, path: Path) -> None:
    """Write an image as ``scene`` saves pictures; of a stereo or multi-view image the view that is shown first.

    Of such an image Blender writes a file for each view, and then reports a failure (measured, 4.2 to 5.3): so into a
    folder of its own, beside ``path``. Raises RuntimeError where there is no picture; OSError.
    """
    from shutil import rmtree  # here: Blender's start does not wait for it

    spare = new_folder(path.parent, _SPARE)
    try:
        try:
            image.save_render(str(spare / "view.png"), scene=scene)
        except said.BLENDERS_ERRORS:
            if not os.listdir(spare):
                raise
        found = {entry.stem: entry for entry in sorted(spare.iterdir())}
        suffixes = ["", *(view.file_suffix for view in scene.render.views)]
        named = [found[f"view{suffix}"] for suffix in suffixes if f"view{suffix}" in found]
        replace_patiently((named or list(found.values()))[0], path, BLENDERS_PATIENCE)
    finally:
        rmtree(spare, ignore_errors=True)


def measured(path: Path) -> tuple[str, int, int] | None:
    """The type ('image/png'), width and height that the file itself tells; None: no whole PNG or JPEG is there."""
    try:
        with open_own(path, "rb") as file:
            found = measure(file.read(MEASURED))
            if found is None:
                return None
            end = ENDS[found[0]]
            file.seek(max(0, file.seek(0, os.SEEK_END) - len(end)))
            return found if file.read() == end else None
    except OSError:
        return None


def finished(path: Path, file_format: str, width: int, height: int, source: Source) -> Still:
    """The still whose file lies at ``path``: every picture that is sent passes here.

    Raises OSError; Interrupted, with the file removed, when the file is not the picture that it should be.
    """
    size = path.stat().st_size
    if (found := measured(path)) != (MIME[file_format], width, height):
        remove(path)
        is_there = "{1} × {2}, {0}".format(*found) if found else "no picture that could be sent"
        raise Interrupted(
            f"The still came out as {is_there}, and not as {file_format} of {width} × {height}. Does another add-on "
            "change renders? Nothing was sent or charged."
        )
    return Still(str(path), MIME[file_format], width, height, size, source)


def smaller(still: Still, kept: Path, size: tuple[int, int]) -> tuple[Still, Still]:
    """A still, shrunk to ``size`` in its own file, and the still as it was, in the file ``kept`` from now on.

    Twice the still itself where it is no larger. Raises Interrupted, OSError.
    """
    if size[0] >= still.width or size[1] >= still.height:
        return still, still
    path = Path(still.path)
    replace_patiently(path, kept, BLENDERS_PATIENCE)
    file_format = next(name for name, mime in MIME.items() if mime == still.mime)
    rgb = fit(read(kept), 1.0, size)
    write(rgb, path, file_format)
    made = finished(path, file_format, rgb.shape[1], rgb.shape[0], still.source)
    return made, replace(still, path=str(kept))


#: Most that two pixels of one colour differ by in a channel, of 255: dithering at its most makes 4, a JPEG of that 7.
_SAME = 7
#: Side of a tile, in pixels. Of one colour, tiles are equally bright: the noise of dithering has a mean that stays.
_TILE = 8
#: Most that the brightness of two such tiles differs by, of 255: a JPEG of one colour makes 1.5. A faint gradient has more.
_SAME_TILES = 2.0
#: Bytes for each pixel that a PNG of one colour with its dithering has at most; measured 1.0.
_FLAT = 1.5


def is_single_color(path: Path) -> bool:
    """Whether the picture at ``path`` is one colour from edge to edge. Raises Interrupted if it cannot be read.

    Blender spreads one colour over neighbouring values: the scene's dithering, which is on in a new file. So of a
    picture whose values all lie close together, the brightness of small parts tells whether it shows something.
    Most pictures are told by how large their file is, or by some of their pixels: the window waits.
    """
    found = measured(path)
    if found is not None and found[0] == MIME["PNG"]:
        with suppress(OSError):
            if path.stat().st_size > _FLAT * found[1] * found[2]:
                return False
    image = _loaded(path)
    try:
        rgb, _alpha = pixels_of(image)
    finally:
        bpy.data.images.remove(image)
    every = rgb.reshape(-1, 3)
    return _is_near(every[::97]) and _is_near(every) and _is_even(rgb)


def _is_near(rgb: np.ndarray) -> bool:
    return bool(((rgb.max(axis=0) - rgb.min(axis=0)) * 255.0 < _SAME + 0.5).all())


def _is_even(rgb: np.ndarray) -> bool:
    """Whether all whole tiles of ``rgb`` (height, width, 3) are equally bright; true of what has none."""
    rows, columns = rgb.shape[0] // _TILE, rgb.shape[1] // _TILE
    if not rows or not columns:
        return True
    tiles = rgb[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE, 3)
    bright = tiles.mean(axis=(1, 3)) @ (0.299, 0.587, 0.114)
    return bool((bright.max() - bright.min()) * 255.0 <= _SAME_TILES)


#: Seconds after which what a crash left of a still is nobody's any more.
_STALE_SECONDS = 24 * 3600.0


def sweep(folder: Path) -> None:
    """Remove unfinished stills that crashes, and versions before 0.2.0, left in the folder of stills."""
    from shutil import rmtree  # here: as above

    with suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            part = ".part" in entry.name and entry.name.endswith((".png", ".jpg"))
            if not (part or entry.name.startswith(_SPARE)):
                continue
            with suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_SECONDS:
                    if part:
                        os.unlink(entry.path)
                    else:
                        rmtree(entry.path)

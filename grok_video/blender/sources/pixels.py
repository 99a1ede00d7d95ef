"""The pixels of stills: read, cropped, shrunk, and written to a file.

Knows nothing of where a picture comes from (`capture.py`, `camera.py`), of jobs and of the panel.

Pixels are arrays of shape (height, width, 3), uint8, display-referred, the bottom row first as Blender
keeps them.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.files import BLENDERS_PATIENCE, replace_patiently
from ...core.framing import crop_inside
from ...core.record import record
from ...core.spec import Source
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
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError as error:
        raise Interrupted("Render interrupted: no picture was written.") from error
    try:
        rgb, _alpha = pixels_of(image)
    finally:
        bpy.data.images.remove(image)
    return to_bytes(rgb)


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


def fit(rgb: np.ndarray, aspect: float, size: tuple[int, int]) -> np.ndarray:
    """``rgb`` with square pixels, cropped inside to the ratio of ``size`` and shrunk to that size.

    ``aspect`` is the width of a pixel divided by its height. Nothing is ever enlarged: where the source
    has too few pixels the result is smaller than ``size``, of the same ratio to within a pixel.
    """
    import numpy as np

    height, width = rgb.shape[:2]
    if aspect > 1.0:
        rgb = _shrink(rgb, 0, 0.0, height, max(1, round(height / aspect)))
    elif aspect < 1.0:
        rgb = _shrink(rgb, 1, 0.0, width, max(1, round(width * aspect)))
    height, width = rgb.shape[:2]
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
    except (RuntimeError, OSError) as error:
        remove(part)
        raise Interrupted(
            f"The still could not be written to “{path.parent}”: {error}. Check the disk and the folder."
        ) from error
    finally:
        bpy.data.images.remove(image)


def finished(path: Path, file_format: str, width: int, height: int, source: Source) -> Still:
    """The still whose file lies at ``path``. Raises OSError."""
    return Still(str(path), MIME[file_format], width, height, path.stat().st_size, source)

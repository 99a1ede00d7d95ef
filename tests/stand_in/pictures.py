"""Pictures made of other pictures, as the image models make them.

Owns how such a picture looks: the one that was sent in other colours, its edges where they were, in a size of the
service's own, with the mark of ``frame_code.py`` that names what it was made of. Knows nothing of HTTP and of jobs.
Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from . import clips, frame_code, shapes

#: Sizes of ``1k`` by their ratio, wide ones; tall ones are these turned (docs/api.md: seen, not published).
_SIZES = {
    (1, 1): (1024, 1024),
    (4, 3): (1280, 896),
    (3, 2): (1296, 864),
    (16, 9): (1408, 768),
    (2, 1): (1408, 704),
    (20, 9): (1280, 576),
    (19.5, 9): (1248, 576),
}
#: How far the ratio of a picture may be from a named one to get its size, and how wide a picture is at most.
_NEAR, _WIDEST = 0.03, 4.0
_SCALES = {"1k": 1.0, "1.5k": 1.5, "2k": 2.0}
#: How much of a picture is the colour of its prompt.
_TINT = 0.2

_Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides what is in a picture, so that equal plans can share a file."""

    width: int
    height: int
    format: str  # of shapes.PICTURE_FORMATS
    prompt: str
    mark: frame_code.Mark
    source: str = ""  # path of the picture that was sent first; '' for one of ``words``
    words: str = ""
    geometry: str = ""  # words of shapes.GEOMETRY
    stretches: bool = False  # to the other ratio; False: what is beyond it is cut off
    marked: bool = True


def size_of(resolution: str, ratio: float) -> tuple[int, int]:
    """Width and height of a picture for '1k' '1.5k' '2k' and an aspect ratio (width / height).

    Some 1, 2.3 and 4 megapixels; sides are multiples of 16, so the ratio is only nearly the one that was asked for.
    """
    stretch = min(max(ratio, 1 / ratio), _WIDEST)

    def distance(named: tuple[float, float]) -> float:
        # A picture of the service's own keeps its size when it is sent again.
        ratios = (named, _SIZES[named])
        return min(abs(math.log(across / down / stretch)) for across, down in ratios)

    nearest = min(_SIZES, key=distance)
    if distance(nearest) <= _NEAR:
        long, short = _SIZES[nearest]
    else:
        side = 1024 * math.sqrt(stretch)
        long, short = 32 * round(side / 32), 32 * round(side / stretch / 32)
    scale = _SCALES[resolution]
    size = round(long * scale), round(short * scale)
    return size if ratio >= 1 else size[::-1]


def make(plan: Plan, target: Path) -> None:
    """Write the picture of a plan. Raises OSError."""
    if plan.source:
        flat = clips.flattened(Path(plan.source))
        shown = _recoloured(_moved(_fitted(flat, plan), plan.geometry), plan.prompt)
    else:
        shown = np.asarray(clips.made(plan.words, (plan.width, plan.height))).astype(np.float32)
    pixels = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    if plan.marked:
        pixels = _marked(pixels, plan.mark)
    partial = target.with_suffix(".part")
    options = {
        "jpeg": {"quality": 92, "subsampling": 0},
        "png": {"compress_level": 1},
        "webp": {"quality": 92, "method": 0},
    }
    Image.fromarray(pixels).save(partial, plan.format.upper(), **options[plan.format])
    partial.replace(target)


def _fitted(flat: Image.Image, plan: Plan) -> _Plane:
    size = (plan.width, plan.height)
    if plan.stretches:
        fitted = flat.resize(size, Image.Resampling.LANCZOS)
    else:
        fitted = ImageOps.fit(flat, size, Image.Resampling.LANCZOS)
    return np.asarray(fitted).astype(np.float32)


def _moved(pixels: _Plane, geometry: str) -> _Plane:
    """A picture that lies otherwise than its source; what lies beyond an edge is as the edge is."""
    words = shapes.numbers(geometry, shapes.GEOMETRY)
    shift = words.get("shift", (0.0, 0.0))
    (scale,) = words.get("scale", (1.0,))
    height, width = pixels.shape[:2]
    for axis, (length, moved) in enumerate(((height, shift[1]), (width, shift[0]))):
        middle = (length - 1) / 2
        at = (np.arange(length) - middle - moved * length) / scale + middle
        if axis == 1 and "mirror" in words:
            at = length - 1 - at
        pixels = _sampled(pixels, np.clip(at, 0, length - 1), axis)
    return pixels


def _sampled(pixels: _Plane, at: npt.NDArray[np.float64], axis: int) -> _Plane:
    low = np.floor(at).astype(int)
    part = (at - low).astype(np.float32)
    part = part[:, None, None] if axis == 0 else part[None, :, None]
    high = np.minimum(low + 1, pixels.shape[axis] - 1)
    return pixels.take(low, axis) * (1 - part) + pixels.take(high, axis) * part


def _recoloured(pixels: _Plane, prompt: str) -> _Plane:
    """Red takes green's place, green blue's, blue red's, and all a little of a colour that the prompt decides."""
    tint = np.frombuffer(hashlib.sha256(prompt.encode()).digest()[:3], np.uint8).astype(np.float32)
    return pixels[..., [1, 2, 0]] * (1 - _TINT) + tint * _TINT


def _marked(pixels: npt.NDArray[np.uint8], mark: frame_code.Mark) -> npt.NDArray[np.uint8]:
    pixels = pixels.copy()
    height, width = pixels.shape[:2]
    strip = pixels[-round(height * frame_code.STRIP_HEIGHT) :]
    strip[:] = 0
    first, across = width * frame_code.MARK_LEFT, width * frame_code.MARK_WIDTH
    # A pixel belongs to the cell that its middle lies in.
    which = np.floor((np.arange(width) + 0.5 - first) * frame_code.MARK_CELLS / across).astype(int)
    inside = (which >= 0) & (which < frame_code.MARK_CELLS)
    row = np.array(frame_code.mark_cells(mark), np.uint8) * 255
    strip[:, inside] = row[which[inside]][None, :, None]
    return pixels

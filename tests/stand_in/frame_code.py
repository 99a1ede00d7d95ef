"""Frame numbers that can be read back from a picture, and seconds that can be read back from a sound.

Owns the layout of both and their decoders. Numpy only, no relative imports: tests load it by its path
inside Blender.

The picture: the bottom 1/20 of a frame is a strip of grey. Its left 8/10 is ``CELLS`` cells of equal
width: a white one, a black one, then 16 bits, most significant first, each as two cells: white-black for
1, black-white for 0. The bits are the 12 of the frame's number (from 0) and 4 to check them. A bit is the
*order* of two neighbours, so it outlives any change of colours that keeps bright above dark. The right
2/10 shows the number in digits for people.

The sound: silence, and at every full second ``n`` (from 0) a beep of ``BEEP_SECONDS`` at
``400 + 50 * n`` Hz.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Part of the frame's height that the strip takes, and part of the strip's width that the cells take.
STRIP_HEIGHT = 1 / 20
CELLS_WIDTH = 8 / 10
_BITS = 12
_CHECK_BITS = 4
CELLS = 2 + 2 * (_BITS + _CHECK_BITS)
LARGEST = 2**_BITS - 1

BEEP_SECONDS = 0.08

Rect = tuple[float, float, float, float]


class Unreadable(ValueError):
    """There is no frame number here: the picture was cut, mixed with another, or is not ours."""


def cells(number: int) -> list[int]:
    """The cells for a frame number, 1 for white and 0 for black, left to right."""
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} is not a frame number between 0 and {LARGEST}")
    word = number << _CHECK_BITS | _check(number)
    row = [1, 0]
    for bit in range(_BITS + _CHECK_BITS - 1, -1, -1):
        one = word >> bit & 1
        row += [one, 1 - one]
    return row


def _check(number: int) -> int:
    return (number ^ number >> 4 ^ number >> 8 ^ 0b1010) & 0b1111


def fit_rect(width: int, height: int, clip_width: int, clip_height: int) -> Rect:
    """Where a clip lies in a larger or smaller picture that shows all of it, centred.

    Gives (left, top, width, height) in pixels, for ``decode(rect=)``.
    """
    scale = min(width / clip_width, height / clip_height)
    shown_width, shown_height = clip_width * scale, clip_height * scale
    return (width - shown_width) / 2, (height - shown_height) / 2, shown_width, shown_height


def decode(
    pixels: npt.NDArray[np.generic], rect: Rect | None = None, bottom_up: bool = False
) -> int:
    """The number of the frame in a picture.

    ``pixels`` is height x width, or height x width x 1, 3 or 4, of any number type and range.
    ``rect`` is where the clip lies in it: (left, top, width, height) in pixels from the upper left
    corner; the whole picture when not given. ``bottom_up``: row 0 is the lowest, as in Blender's
    ``Image.pixels``. Raises Unreadable.
    """
    grey = np.asarray(pixels).astype(np.float64)
    if grey.ndim == 3:
        grey = grey[..., :3].mean(axis=2)
    if bottom_up:
        grey = grey[::-1]
    left, top, width, height = rect or (0.0, 0.0, float(grey.shape[1]), float(grey.shape[0]))
    strip = height * STRIP_HEIGHT
    middle = top + height - strip / 2
    rows = grey[_span(middle, strip / 2, grey.shape[0])].mean(axis=0)
    step = width * CELLS_WIDTH / CELLS
    found = [
        float(rows[_span(left + (n + 0.5) * step, step / 2, grey.shape[1])].mean())
        for n in range(CELLS)
    ]
    contrast = found[0] - found[1]
    if not contrast > 0:
        raise Unreadable("the strip does not begin with a white and a black cell")
    word = 0
    for first, second in zip(found[2::2], found[3::2], strict=True):
        if abs(first - second) < 0.3 * contrast:
            raise Unreadable("a bit is neither 0 nor 1: two frames mixed, or not our strip")
        word = word << 1 | (first > second)
    number, check = word >> _CHECK_BITS, word & (2**_CHECK_BITS - 1)
    if check != _check(number):
        raise Unreadable(f"the check of {number} does not hold")
    return number


def _span(middle: float, length: float, end: int) -> slice:
    """The pixels that lie within ``length`` around ``middle``; at least one."""
    if not 0 <= middle < end:
        raise Unreadable("the strip lies outside of the picture")
    first = min(max(round(middle - length / 2), 0), end - 1)
    return slice(first, max(first + 1, min(round(middle + length / 2), end)))


def beeps(samples: npt.NDArray[np.generic], rate: int) -> list[tuple[float, int]]:
    """The beeps in a sound: (seconds from the start of the samples, which second it says).

    ``samples`` is one channel, or samples x channels. Exact to about 5 ms.
    """
    sound = np.asarray(samples).astype(np.float64)
    if sound.ndim == 2:
        sound = sound.mean(axis=1)
    window = max(1, rate // 200)
    count = len(sound) // window
    loud = np.abs(sound[: count * window]).reshape(count, window).max(axis=1)
    if not count or loud.max() == 0:
        return []
    on = np.concatenate([[False], loud > 0.25 * loud.max(), [False]])
    edges = np.flatnonzero(on[1:] != on[:-1])
    found: list[tuple[float, int]] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        piece = sound[first * window : last * window]
        if len(piece) < rate * BEEP_SECONDS / 2:
            continue  # a click, or cut at the end
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), n=rate))
        found.append((float(first * window / rate), round((int(spectrum.argmax()) - 400) / 50)))
    return found

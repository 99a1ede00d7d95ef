"""What can be read back from a picture or a sound of the stand-in: a frame's number, a picture's mark, seconds.

Owns the layouts and their decoders. Numpy only, no relative imports: tests load it by its path inside
Blender.

The picture: the bottom 1/20 of a frame is a strip of grey. Its left 8/10 is ``CELLS`` cells of equal
width: a white one, a black one, then 16 bits, most significant first, each as two cells: white-black for
1, black-white for 0. The bits are the 12 of the frame's number (from 0) and 4 to check them. A bit is the
*order* of two neighbours, so it outlives any change of colours that keeps bright above dark. The right
2/10 shows the number in digits for people.

The mark of a picture that was made of others stands in a strip of the same height, between 1/10 and 9/10 of the
width, so that a picture which was cropped a little still shows all of it: the start of the hash of the picture that
was sent first, of the prompt, of all further pictures, the number of the picture in its answer, and 6 bits to check
them. A clip made from such a picture has its frame numbers over the mark.

The sound: silence, and at every full second ``n`` (from 0) a beep of ``BEEP_SECONDS`` at
``400 + 50 * n`` Hz.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Part of the frame's height that the strip takes, and part of the strip's width that the cells take.
STRIP_HEIGHT = 1 / 20
CELLS_WIDTH = 8 / 10
_BITS = 12
_CHECK_BITS = 4
CELLS = 2 + 2 * (_BITS + _CHECK_BITS)
LARGEST = 2**_BITS - 1

#: Where the cells of a mark begin and how wide they are, as parts of the width, and the bits of its fields.
MARK_LEFT, MARK_WIDTH = 1 / 10, 8 / 10
_MARK_BITS = {"source": 20, "prompt": 12, "others": 12, "number": 4}
_MARK_CHECK_BITS = 6
MARK_CELLS = 2 + 2 * (sum(_MARK_BITS.values()) + _MARK_CHECK_BITS)

BEEP_SECONDS = 0.08

Rect = tuple[float, float, float, float]


class Unreadable(ValueError):
    """There is no frame number here: the picture was cut, mixed with another, or is not ours."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a picture was made of; two that are equal were made of the same (once in a million by chance)."""

    source: int  # of the first picture that was sent; 0 for none
    prompt: int
    others: int  # of all further pictures, in their order; 0 for none
    number: int = 0  # of the picture in its answer, from 0


def mark_of(
    source: bytes | str = "", prompt: str = "", others: Sequence[bytes | str] = (), number: int = 0
) -> Mark:
    """The mark of a picture that is made of these.

    ``source`` and ``others``: the bytes of the pictures that were sent, or their SHA-256 in hex; of one that lies on
    another host, that of its address.
    """
    named = [_digest(one) for one in others]
    return Mark(
        _start(_digest(source), _MARK_BITS["source"]) if source else 0,
        _start(_digest(prompt.encode()), _MARK_BITS["prompt"]),
        _start(_digest("".join(named).encode()), _MARK_BITS["others"]) if named else 0,
        number,
    )


def _digest(what: bytes | str) -> str:
    return hashlib.sha256(what).hexdigest() if isinstance(what, bytes) else what


def _start(digest: str, bits: int) -> int:
    return int(digest[:8], 16) >> 32 - bits


def cells(number: int) -> list[int]:
    """The cells for a frame number, 1 for white and 0 for black, left to right."""
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} is not a frame number between 0 and {LARGEST}")
    return _cells(number << _CHECK_BITS | _check(number), _BITS + _CHECK_BITS)


def mark_cells(mark: Mark) -> list[int]:
    """The cells for a mark, as ``cells``."""
    word = 0
    for name, bits in _MARK_BITS.items():
        word = word << bits | getattr(mark, name)
    whole = word << _MARK_CHECK_BITS | _mark_check(word)
    return _cells(whole, sum(_MARK_BITS.values()) + _MARK_CHECK_BITS)


def _cells(word: int, bits: int) -> list[int]:
    row = [1, 0]
    for bit in range(bits - 1, -1, -1):
        one = word >> bit & 1
        row += [one, 1 - one]
    return row


def _check(number: int) -> int:
    return (number ^ number >> 4 ^ number >> 8 ^ 0b1010) & 0b1111


def _mark_check(word: int) -> int:
    folded = 0b101010
    while word:
        folded ^= word
        word >>= _MARK_CHECK_BITS
    return folded & 2**_MARK_CHECK_BITS - 1


def fit_rect(width: int, height: int, clip_width: int, clip_height: int) -> Rect:
    """Where a clip lies in a larger or smaller picture that shows all of it, centred.

    Gives (left, top, width, height) in pixels, for ``decode(rect=)``.
    """
    scale = min(width / clip_width, height / clip_height)
    shown_width, shown_height = clip_width * scale, clip_height * scale
    return (width - shown_width) / 2, (height - shown_height) / 2, shown_width, shown_height


def cover_rect(width: int, height: int, whole_width: int, whole_height: int) -> Rect:
    """Where a picture lies that covers a smaller one, which shows the middle of it, for ``decode_mark(rect=)``.

    Gives (left, top, width, height) in pixels of the smaller; left and top are 0 or less.
    """
    scale = max(width / whole_width, height / whole_height)
    shown_width, shown_height = whole_width * scale, whole_height * scale
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
    word = _word(pixels, rect, bottom_up, 0.0, CELLS_WIDTH, CELLS)
    number, check = word >> _CHECK_BITS, word & (2**_CHECK_BITS - 1)
    if check != _check(number):
        raise Unreadable(f"the check of {number} does not hold")
    return number


def decode_mark(
    pixels: npt.NDArray[np.generic], rect: Rect | None = None, bottom_up: bool = False
) -> Mark:
    """The mark of a picture; arguments as of ``decode``. Raises Unreadable.

    ``rect`` is where the whole picture lies: for a cropped one it begins outside, see ``cover_rect``.
    """
    whole = _word(pixels, rect, bottom_up, MARK_LEFT, MARK_WIDTH, MARK_CELLS)
    word = whole >> _MARK_CHECK_BITS
    if whole & 2**_MARK_CHECK_BITS - 1 != _mark_check(word):
        raise Unreadable("the check of the mark does not hold")
    fields: dict[str, int] = {}
    for name, bits in reversed(_MARK_BITS.items()):
        fields[name] = word & 2**bits - 1
        word >>= bits
    return Mark(**fields)


def _word(
    pixels: npt.NDArray[np.generic],
    rect: Rect | None,
    bottom_up: bool,
    first: float,
    across: float,
    count: int,
) -> int:
    """The bits of a strip whose ``count`` cells begin at ``first`` and are ``across`` wide, parts of the width."""
    grey = np.asarray(pixels).astype(np.float64)
    if grey.ndim == 3:
        grey = grey[..., :3].mean(axis=2)
    if bottom_up:
        grey = grey[::-1]
    left, top, width, height = rect or (0.0, 0.0, float(grey.shape[1]), float(grey.shape[0]))
    upper, lower = top + height * (1 - STRIP_HEIGHT), min(top + height, float(grey.shape[0]))
    rows = grey[_span((upper + lower) / 2, (lower - upper) / 2, grey.shape[0])].mean(axis=0)
    step = width * across / count
    found = [
        float(rows[_span(left + width * first + (n + 0.5) * step, step / 2, grey.shape[1])].mean())
        for n in range(count)
    ]
    contrast = found[0] - found[1]
    if not contrast > 0:
        raise Unreadable("the strip does not begin with a white and a black cell")
    word = 0
    for one, other in zip(found[2::2], found[3::2], strict=True):
        if abs(one - other) < 0.3 * contrast:
            raise Unreadable("a bit is neither 0 nor 1: two pictures mixed, or not our strip")
        word = word << 1 | (one > other)
    return word


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

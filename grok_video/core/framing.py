"""Frames, ratios and crops: which offered ratio is nearest, and what of a picture is left in it.

Knows nothing of models or pictures' pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .record import record


def nearest_ratio(width: float, height: float, ratios: Iterable[str]) -> str:
    """The offered ratio nearest to width / height, as the eye counts: 2:1 is as far from 1:1 as 1:2.

    Raises ValueError when a side is not positive or no ratio is offered.
    """
    if not (width > 0 and height > 0):
        raise ValueError(f"a frame has no ratio when it is {width} × {height}")
    return min(ratios, key=lambda ratio: abs(log_ratio(width, height, *sides(ratio))))


def sides(ratio: str) -> tuple[int, int]:
    """(16, 9) for '16:9'. Raises ValueError for what is no ratio."""
    across, down = ratio.split(":")
    return int(across), int(down)


def log_ratio(width: float, height: float, other_width: float, other_height: float) -> float:
    """How much wider a frame is than another, as the eye counts: 0 for the same ratio, 0.02 for 2 % wider."""
    return math.log(width / height) - math.log(other_width / other_height)


def same_shape(
    width: float, height: float, other_width: float, other_height: float, *, pixels: bool = True
) -> bool:
    """Whether two frames have one ratio, but for what codecs round: 2 %, or 8 pixels of the shortest side.

    Without ``pixels`` the other two are a ratio alone: 16 and 9.
    """
    least = min(width, height, *((other_width, other_height) if pixels else ()))
    return abs(log_ratio(width, height, other_width, other_height)) <= max(0.02, 8 / least)


#: Pixels of a side at least: Blender renders no smaller frame.
_LEAST_SIDE = 4


def whole_frame(
    width: float, height: float, short: int, longest: int, *, enlarge: bool = True
) -> tuple[int, int]:
    """The size at which a frame of width × height square pixels is made whole: its ratio, in even pixels.

    The short side gets ``short`` pixels; fewer where the long side would pass ``longest``. Without ``enlarge`` no side
    gets more pixels than the frame has. Raises ValueError when a side is not positive.
    """
    if not (width > 0 and height > 0):
        raise ValueError(f"a frame has no ratio when it is {width} × {height}")
    scale = min(short / min(width, height), longest / max(width, height))
    if not enlarge:
        scale = min(scale, 1.0)

    def even(side: float) -> int:
        pixels = max(2 * math.floor(side * scale / 2 + 0.5), _LEAST_SIDE)
        return pixels if enlarge or pixels <= side else max(int(side) // 2 * 2, 1)

    return even(width), even(height)


@record
class Crop:
    """The part of a source frame that is kept, in fractions of the frame from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def whole(self) -> bool:
        """Whether less than 1 % is cut off, which the panel does not mention (848 × 480 from a frame of 16:9)."""
        return self.right - self.left > 0.99 and self.top - self.bottom > 0.99

    @property
    def text(self) -> str:
        """What is cut off, as the panel says it: 'crops 12 % of the width'."""
        width, height = 1 - (self.right - self.left), 1 - (self.top - self.bottom)
        side, part = ("width", width) if width > height else ("height", height)
        return f"crops {part * 100:.0f} % of the {side}"


def crop_inside(width: float, height: float, ratio_width: float, ratio_height: float) -> Crop:
    """The largest centred part of a width × height frame that has the ratio: never more than the frame."""
    kept_width = min(1.0, height * ratio_width / ratio_height / width)
    kept_height = min(1.0, width * ratio_height / ratio_width / height)
    x, y = (1 - kept_width) / 2, (1 - kept_height) / 2
    return Crop(x, y, 1 - x, 1 - y)

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
    wanted = math.log(width / height)

    def distance(ratio: str) -> float:
        across, down = ratio.split(":")
        return abs(math.log(int(across) / int(down)) - wanted)

    return min(ratios, key=distance)


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

"""How long the clips of a shot list are, and which of them run into each other.

Knows nothing of Blender; frames and rates are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Part of a second that a shot may be longer than its clip: a cut that is some frames off buys no second more.
_SHORT_BY = 0.1


def whole_seconds(frames: int, rate: float, least: int, most: int) -> int:
    """Seconds of a clip that covers ``frames`` at ``rate`` a second, as near as a model comes that makes least to most."""
    return min(max(math.ceil(frames / rate - _SHORT_BY), least), most)


def is_longer(frames: int, rate: float, most: int) -> bool:
    """Whether a shot of ``frames`` is longer than the longest clip of a model that makes ``most`` seconds."""
    return frames / rate > most + _SHORT_BY


def overlaps(starts: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """For each clip, in frames from its start on, the number of one that it runs into, or -1.

    A length of 0 or less is no clip: that of a shot which is not made. Cheap enough for a redraw with 500 shots.
    """
    found = [-1] * len(starts)
    end, last = -math.inf, -1  # of the clip that reaches furthest
    for start, number in sorted(zip(starts, range(len(starts)), strict=True)):
        length = lengths[number]
        if length <= 0:
            continue
        if start < end:
            found[number] = last
            if found[last] < 0:
                found[last] = number
        if start + length > end:
            end, last = start + length, number
    return found

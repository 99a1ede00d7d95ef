"""How a clip of whole seconds fills a gap in an edit: how many seconds are bought, and how fast they then play.

Knows nothing of models, strips or money. A gap is counted in scene frames, ``rate`` is scene frames a second.
"""

from __future__ import annotations

import math

from .record import record

#: How fast a clip may play, as a part of its own speed: beyond, people see that it was slowed down or sped up.
SLOWEST, FASTEST = 0.8, 1.25
#: The service makes 24·d+1 frames of a clip of d seconds, so that its first and last picture are d seconds apart.
_ONE_FRAME = 1 / 24
#: A speed that only rounding sets apart from a limit.
_SLACK = 1e-9


@record
class Filling:
    """What is bought for a gap."""

    seconds: int
    speed: float  # 1.1: the clip plays a tenth faster than it was made


def speed_of(seconds: float, frames: int, rate: float) -> float:
    """How fast a clip that lasts ``seconds`` plays where it fills so many scene frames."""
    return seconds * rate / frames


def is_fit(speed: float) -> bool:
    """Whether a clip may play so fast."""
    return SLOWEST - _SLACK <= speed <= FASTEST + _SLACK


def filling_of(frames: int, rate: float, least: int, most: int) -> Filling | None:
    """The whole seconds, from ``least`` to ``most``, whose clip is nearest to its own speed in a gap.

    None where none of them fits.
    """
    if frames < 1:
        return None
    # The nearest is one of the two whole numbers around the length of the gap, or the end of what is offered.
    exact = frames / rate - _ONE_FRAME
    tries = {min(max(seconds, least), most) for seconds in (math.floor(exact), math.ceil(exact))}
    found = [Filling(d, speed_of(d + _ONE_FRAME, frames, rate)) for d in sorted(tries)]
    best = min(found, key=lambda filling: abs(math.log(filling.speed)))
    return best if is_fit(best.speed) else None


def lengths_that_fit(rate: float, least: int, most: int) -> list[tuple[int, int]]:
    """The gaps that clips of ``least`` to ``most`` seconds fill, in scene frames, as (shortest, longest), in order."""
    found: list[tuple[int, int]] = []
    for seconds in range(least, most + 1):
        lasts = (seconds + _ONE_FRAME) * rate
        shortest = max(math.ceil(lasts / FASTEST - 1e-6), 1)
        longest = math.floor(lasts / SLOWEST + 1e-6)
        if longest < shortest:
            continue
        if found and shortest <= found[-1][1] + 1:
            found[-1] = found[-1][0], longest
        else:
            found.append((shortest, longest))
    return found


def refusal(frames: int, rate: float, least: int, most: int) -> str:
    """'' or a sentence that no clip of ``least`` to ``most`` seconds fills the gap, with the lengths that work."""
    if filling_of(frames, rate, least, most) is not None:
        return ""
    fits = [
        f"{first} to {last} frames ({first / rate:.2f} to {last / rate:.2f} s)"
        for first, last in lengths_that_fit(rate, least, most)
    ]
    long = f"{frames} frame{'' if frames == 1 else 's'} ({frames / rate:.2f} s)"
    return (
        f"The gap has {long}, and a clip of whole seconds does not fit at {SLOWEST:g} to {FASTEST:g} times its speed. "
        f"Make the gap {' or '.join(fits)} long."
    )

"""The only loop in which scripts wait. A Blender with a window never runs this loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

PAUSE = 0.02  # seconds between two turns, in which the worker has the processor
_T = TypeVar("_T")


def until(
    condition: Callable[[], _T], go_on: Callable[[], object], seconds: float = math.inf
) -> _T:
    """Call ``go_on`` until ``condition()`` is true, for so many seconds at most; returns the last ``condition()``.

    Scripts and background mode only: this blocks. Raises what ``condition`` and ``go_on`` raise.
    """
    deadline = time.monotonic() + seconds
    while not (now := condition()) and time.monotonic() < deadline:
        go_on()
        time.sleep(PAUSE)
    return now

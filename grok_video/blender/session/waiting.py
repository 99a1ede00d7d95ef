"""The one loop in which a script waits, and in which no window ever does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

PAUSE = 0.02  # seconds between two turns: the worker shall have the processor meanwhile
_T = TypeVar("_T")


def until(
    condition: Callable[[], _T], go_on: Callable[[], object], seconds: float = math.inf
) -> _T:
    """Go on until the condition holds, and give what it then is; what it last was after so many seconds.

    Scripts and background mode only: this blocks. Raises what ``condition`` and ``go_on`` raise.
    """
    deadline = time.monotonic() + seconds
    while not (now := condition()) and time.monotonic() < deadline:
        go_on()
        time.sleep(PAUSE)
    return now

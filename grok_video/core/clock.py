"""The clocks of one moment: wall time, and how long this machine has been awake.

Knows nothing of what the times are compared for.
"""

from __future__ import annotations

import sys
import time

from .record import record


@record
class Clocks:
    """What both clocks showed at one moment, in seconds."""

    wall: float  # since the epoch: goes on while the machine sleeps, and may be set
    awake: float  # since some moment of this boot: stands still while the machine sleeps

    @classmethod
    def now(cls) -> Clocks:
        """What the clocks show now."""
        return cls(time.time(), awake())

    def slept_since(self, before: Clocks) -> float:
        """Seconds that the machine slept since ``before``; a clock that was set ahead looks the same."""
        return (self.wall - before.wall) - (self.awake - before.awake)


def awake() -> float:
    """Seconds that this machine has been awake; only differences within one process mean anything.

    On Linux (CLOCK_MONOTONIC) and macOS (mach_absolute_time) Python's monotonic clock stands still in sleep. On Windows
    that one goes on (GetTickCount64, from Python 3.13 on QueryPerformanceCounter), and the *unbiased* time does not.
    """
    if sys.platform == "win32":
        import ctypes

        ticks = ctypes.c_ulonglong()  # of 100 ns
        if ctypes.windll.kernel32.QueryUnbiasedInterruptTime(ctypes.byref(ticks)):
            return ticks.value / 1e7
    return time.monotonic()

"""How long tests wait. Every ring has these bounds, also inside of Blender: standard library only.

A wait ends as soon as its condition holds, so a long bound costs something only where a test fails; a short one fails
on a machine that is busy with something else, and says nothing about the product.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

#: Seconds in which what is waited for comes, on a machine that has a dozen other things to do.
PATIENCE = 120.0
#: Set by the ring ``deadlines``, beside which nothing runs.
ALONE = "GROK_VIDEO_ALONE"


def at_once(seconds: float) -> float:
    """How many seconds something may take that is not to be waited for: so many with nothing beside the test.

    For tests with the mark ``deadline``. In any other ring it may take as long as a busy machine makes it, and less than
    the deadlines of calls (30 s and more), which it must not wait for.
    """
    return seconds if os.environ.get(ALONE) else max(seconds, 25.0)


def own_clock() -> float:
    """Seconds of a clock that stands still while this thread is ready and the machine runs something else (on Linux).

    By it a wait takes as long as on any machine, and so does work.
    """
    try:
        told = Path("/proc/thread-self/schedstat").read_text(
            "ascii"
        )  # ns on the CPU, ns in its queue
    except OSError:
        return time.monotonic()
    return time.monotonic() - int(told.split()[1]) / 1e9

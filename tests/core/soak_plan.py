"""What a soak does: the actions of a seed, and the faults to choose from. Who does it is ``soak``."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BLENDERS = 3
PAUSE = 0.08  # seconds between two actions, on average

#: (endpoint, failure, its options): all that the stand-in can do in a short time.
FAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(("submit", what, {"seconds": 0.5}) for what in ("hang", "hang-after-body", "hang-after-start")),
    *(("submit", what, {}) for what in ("close", "close-during-body", "close-after-body")),
    *(("submit", what, {}) for what in ("answer-lost", "answer-cut", "gzip", "redirect")),
    *(("submit", what, {}) for what in ("garbage", "html", "empty", "null", "no-id", "huge")),
    *(("submit", what, {}) for what in ("proxy-502", "500", "408", "400", "403", "err-429-rps")),
    ("submit", "answer-late", {"seconds": 0.7}),
    ("submit", "answer-early", {"status": 503}),
    ("submit", "answer-replaced", {"status": 500}),
    ("submit", "answer", {"status": 425, "headers": {"Retry-After": "0.2"}}),
    *(("poll", what, {"times": 2}) for what in ("garbage", "html", "500", "404", "bad-credentials")),
    *(("poll", what, {}) for what in ("close", "truncate", "answer-cut", "unknown-status", "429")),
    ("poll", "hang", {"seconds": 0.5}),
    *(("download", what, {}) for what in ("truncate", "no-length", "short-length", "no-range")),
    *(("download", what, {}) for what in ("close", "gzip", "redirect", "not-mp4", "500", "404")),
    ("download", "drip", {"bytes": 4000, "seconds": 0.1}),
    ("any", "close", {"times": 3}),
    *(("job", what, {}) for what in ("failed", "unavailable", "failed-bare", "expired")),
    *(("job", what, {}) for what in ("moderated", "moderated-400", "no-url", "stall", "no-suffix")),
)  # fmt: skip

#: What is done, and how often in relation to each other.
WEIGHTS = {
    "submit": 30,
    "submit again": 4,  # the same order under another command, as from a button pressed twice
    "fault": 16,
    "kill": 5,
    "terminate": 2,
    "end of input": 2,
    "quit": 2,  # and opened anew: another session
    "freeze": 3,
    "offline": 3,
    "online": 6,
    "stop": 4,
    "retry": 4,
    "release": 5,
    "import": 6,
    "check": 1,
    "expire": 1,
    "damage": 0.6,
}
KILLS = ("kill", "terminate", "end of input", "quit", "freeze")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. ``which`` and ``how`` are 0 to 1: of what there is then, the one at that place."""

    what: str
    blender: int
    which: float
    how: float
    pause: float  # seconds


def plan(seed: int) -> Iterator[Action]:
    """The actions of a seed, without an end."""
    chance = random.Random(seed)
    while True:
        (what,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        yield Action(
            what,
            chance.randrange(BLENDERS),
            chance.random(),
            chance.random(),
            min(chance.expovariate(1 / PAUSE), 10 * PAUSE),
        )

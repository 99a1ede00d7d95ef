"""Why something did not happen: a code for the program, a sentence and a hint for the artist.

Owns the codes and which of them a free retry can mend. Knows nothing of jobs, HTTP or Blender.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum

from .record import record


class ProblemCode(StrEnum):
    """What kind of trouble a job is in: decides the button that the panel offers."""

    KEY = "KEY"  # no key, a wrong key, a blocked team: the preferences
    OTHER_KEY = "OTHER_KEY"  # the job belongs to another key or API base
    OFFLINE = "OFFLINE"  # online access is off in Blender's preferences
    NETWORK = "NETWORK"  # DNS, TLS, proxy, refused, reset, too slow
    RATE = "RATE"  # too many requests: waits by itself
    CREDITS = "CREDITS"  # out of money
    REQUEST = "REQUEST"  # the service refused the request as it stands
    MODERATED = "MODERATED"
    EXPIRED = "EXPIRED"
    SERVICE = "SERVICE"  # the service failed
    ANSWER_LOST = "ANSWER_LOST"  # sent, and nobody knows whether the service sold the clip
    DOWNLOAD = "DOWNLOAD"  # the result could not be fetched
    FILE = "FILE"  # folder gone, not writable, disk full, source still missing
    SCENE = "SCENE"  # the target scene or .blend is not there
    HELD = "HELD"  # waits for the user's word before money is spent
    CRASHED = "CRASHED"  # was active in three crashes of the worker
    LIMIT = "LIMIT"  # would pass a spending limit: the preferences


@record
class Problem:
    """A sentence for an artist: what happened, whether anything was charged, what to do now."""

    code: ProblemCode
    message: str  # what happened; the service's own words where it said some
    hint: str = ""  # what to do now
    http_status: int | None = None


def of_look(problem: Problem, service: str = "") -> Problem:
    """A sentence about a clip as one about a look, but for the words of the ``service`` in it."""
    message = problem.message
    if not (service and service in message):
        message = _CLIP.sub(r"look\1", message)
    return replace(problem, message=message, hint=_CLIP.sub(r"look\1", problem.hint))


_CLIP = re.compile(r"\bclip(s?)\b")
#: What to do about ANSWER_LOST: the same wherever the answer was lost.
LOST_HINT = (
    "Look for it in the xAI console: with its request id the clip can be fetched for free. Send Again "
    "makes and charges a new one."
)
#: A FAILED job with one of these can be taken up again for free. EXPIRED and SERVICE are among them: the word may have
#: been a gateway's, or the clip came too late. Not so REQUEST and MODERATED, which the same request would meet again.
RETRYABLE_PROBLEMS = frozenset(
    {
        ProblemCode.DOWNLOAD,
        ProblemCode.FILE,
        ProblemCode.NETWORK,
        ProblemCode.CRASHED,
        ProblemCode.EXPIRED,
        ProblemCode.SERVICE,
    }
)

"""How long the artist's word holds: a click on a button that buys, or a press of *Send*.

Pure: it is given times. Wall times are seconds since the epoch; what a machine was awake is seconds too.
"""

from __future__ import annotations

from .problem import Problem, ProblemCode

#: Seconds after the artist's word in which a job may be sent; later it is held for a new word.
WORD_HOLDS = 600.0
#: Seconds that a word may lie ahead of the clock, which is set right now and then.
AHEAD = 60.0
#: Seconds that the machine may have slept while a job was being sent.
SLEPT = 60.0
_SEND_NOW = "Press Send to send it now."


def held_because(why: str) -> Problem:
    """Why a job is held for a new word: the sentence ``why``, and what to do now."""
    return Problem(ProblemCode.HELD, f"{why} Nothing was bought.", _SEND_NOW)


def is_lapse(problem: Problem | None) -> bool:
    """Whether a job that is held for ``problem`` waits for nothing but a new word: see ``held_because``."""
    return problem is not None and (problem.code, problem.hint) == (ProblemCode.HELD, _SEND_NOW)


def lapsed(given: float, wall: float, awake: float = 0.0) -> Problem | None:
    """Why a word ``given`` at that wall time holds no more, or not yet, at ``wall``; None while it holds.

    ``awake``: its age by a clock that nobody can set, as far as that is known.
    """
    if given - wall > AHEAD:
        return held_because(
            "By this computer's clock, which was set back, your click is still to come."
        )
    if max(wall - given, awake) > WORD_HOLDS:
        return held_because("This job was not sent within 10 minutes of your click.")
    return None


def slept_through(seconds: float) -> Problem | None:
    """Why a job must not be sent while whose upload the machine slept for so long; None where it may be."""
    if seconds > SLEPT:
        return held_because("This computer slept while the job was being sent.")
    return None

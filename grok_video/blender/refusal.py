"""The two ways in which what an artist asked for does not happen; each is a sentence for that artist.

Code tells them apart by their class, and one refusal from another by its ``code``, never by the words.
"""

from __future__ import annotations

from ..core.problem import ProblemCode


class Refused(Exception):
    """Nothing was started, sent or charged, and nothing is left of an attempt: what is wrong, and what would work."""

    def __init__(self, message: str, hint: str = "", code: ProblemCode | None = None) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code


class Interrupted(Exception):
    """The making of a picture or a clip began and ended without one. Nothing was sent or charged, no file is left."""

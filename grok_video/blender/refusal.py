"""Refusals: a sentence for the artist, and what it says of what was done."""

from __future__ import annotations

from ..core.problem import ProblemCode


class Refused(Exception):
    """A sentence for the artist; nothing was rendered, sent or charged."""

    def __init__(self, message: str, hint: str = "", code: ProblemCode | None = None) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code


class Interrupted(Exception):
    """A sentence for the artist: the click ended without a job. Nothing was sent or charged."""


class ImportRefused(Exception):
    """A sentence for the artist; nothing was changed."""


class ShotRefused(Exception):
    """A sentence for the artist: why the strip cannot be a source, and what would work."""


class CaptureRefused(Exception):
    """A sentence for the artist; nothing was rendered and nothing was changed."""


class CaptureInterrupted(Exception):
    """'Render interrupted …': there is no picture, everything was restored, no file is left."""


class BakeRefused(Exception):
    """A sentence for the artist: what cannot be baked and what would work. Nothing was started."""


class BakeFailed(Exception):
    """'The strip could not be prepared: …' Nothing was sent or charged, and no file is left."""

"""The sequencer: strips as sources, and clips as strips.

A module of this folder is imported when something of it is first used, see ``lazily``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazily import modules_of

if TYPE_CHECKING:
    from . import (  # noqa: F401 - for type checkers
        channels,
        clip_files,
        colour,
        fade,
        gaps,
        importing,
        media,
        new_sound,
        placement,
        realign,
        rebirth,
        refit,
        room,
        seam,
        slots,
        sounds,
        source_marks,
        source_strip,
        strips,
        takes,
    )

__getattr__ = modules_of(__name__)

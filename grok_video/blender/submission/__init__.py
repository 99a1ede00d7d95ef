"""Submissions: what a click asks for, as a job that the worker can send.

Knows nothing of panels and of sessions.

A module of this folder is imported when something of it is first used, see ``lazily``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazily import modules_of

if TYPE_CHECKING:
    from . import (  # noqa: F401 - for type checkers
        cast,
        common,
        edit,
        extend,
        finish,
        first_frame,
        gap,
        generate,
        look,
        look_frames,
        preparation,
        shot_looks,
        shots,
        single_color,
        strip_part,
        takes,
        variants,
    )

__getattr__ = modules_of(__name__)

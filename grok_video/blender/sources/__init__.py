"""Pictures and films of the scene, the viewport, an image or the edit, as files that can be sent.

A module of this folder is imported when something of it is first used, see ``lazily``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazily import modules_of

if TYPE_CHECKING:
    from . import (  # noqa: F401 - for type checkers
        bake,
        bake_common,
        camera,
        capture,
        edit_copy,
        pixels,
        playblast,
        scene_copy,
        viewport,
    )

__getattr__ = modules_of(__name__)

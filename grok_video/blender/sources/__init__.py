"""Pictures and films of the scene, the viewport, an image or the edit, as files that can be sent.

A module of this folder is imported when something of it is first used, see ``lazily``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazily import modules_of

if TYPE_CHECKING:
    from . import (  # noqa: F401 - for type checkers
        artist,
        background,
        bake,
        bake_common,
        borrowed,
        camera,
        capture,
        changes,
        child,
        clip_frame,
        contents,
        driven,
        edit_copy,
        edit_motion,
        foreign,
        handler_code,
        image_size,
        kept_settings,
        likeness,
        on_disk,
        pixels,
        playblast,
        playhead,
        private_folder,
        scene_copy,
        scene_render,
        seam,
        seam_child,
        seam_fit,
        stage,
        view,
        viewport,
        ways,
    )

__getattr__ = modules_of(__name__)

"""Which version wrote the settings of a scene: the mark that every change of the artist's leaves on them."""

from __future__ import annotations

from typing import Any

import bpy

#: What ``settings_of`` says of settings that this version, or a later one, has written.
SETTINGS = 2


def touched(settings: Any, _context: bpy.types.Context) -> None:
    """Note that the artist has changed one of the ``settings``: what a property of theirs updates."""
    settings.settings_of = SETTINGS

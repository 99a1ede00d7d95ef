"""What the artist's Blender and the Blender that bakes share. Imports nothing of ours: the child loads it alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import bpy

ORDER = "order.json"  # what to bake
REPORT = "report"  # how far the bake is: a line for each frame
MIDDLE = "middle.mkv"
RESULT = "result.mp4"
STILL = "still"
MEASURED = "measured.json"
#: Beginnings of the paths of a scene's own properties that change what its edit shows, or that drivers of strips read.
OF_EDIT = ("[", "view_settings.", "sequence_editor.")
ROLE = "grok_video_bake"  # custom property of a strip: its role, see ``edit_copy.NeededStrips``
#: Blend types that show a strip's picture as it is over an empty edit; all others mix the picture with black.
_PLAIN_BLENDS = {"REPLACE", "ALPHA_OVER", "CROSS"}


def still_name(index: int) -> str:
    """The file of one of several stills, by the place of its order."""
    return f"{STILL}-{index}"


def path_of(library: Any) -> str:
    """Where a library lies, however its path is written: Blender leaves no ``..`` in the paths of a file it writes."""
    return os.path.normpath(bpy.path.abspath(library.filepath)) if library is not None else ""


def show_on_srgb(scene: Any) -> None:
    """Let ``scene`` render for an sRGB display, as the service expects, whatever screen the artist grades for."""
    device, view = scene.display_settings.display_device, scene.view_settings.view_transform
    if device == "sRGB":
        return
    # An OpenColorIO configuration of the studio's may lack this display or view: then the picture stays as it is.
    with suppress(TypeError):
        scene.display_settings.display_device = "sRGB"
        scene.view_settings.view_transform = view


def show_only(base: Any, strips: Callable[[Any], Any]) -> None:
    """In a copy of an edit, show the strips that were asked for and hide the ones that only feed those.

    All other strips stay as they are. ``strips`` gives the strips that lie in an editor or a meta strip.
    """
    for strip in strips(base):
        match strip.get(ROLE):
            case "shown":
                strip.mute = False
                base.channels[strip.channel].mute = False
                if strip.type != "SOUND" and strip.blend_type not in _PLAIN_BLENDS:
                    strip.blend_type = "ALPHA_OVER"
            case "around":
                strip.mute = False
                base.channels[strip.channel].mute = False
            case "feeds" | "read":
                strip.mute = True
            case _:
                pass
        if strip.type == "META":
            show_only(strip, strips)

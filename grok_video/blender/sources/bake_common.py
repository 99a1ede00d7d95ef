"""What the artist's Blender and the Blender that bakes share. Imports nothing of ours: the child loads it alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ORDER = "order.json"  # what to bake
REPORT = "report"  # how far the bake is: a line for each frame
MIDDLE = "middle.mkv"
RESULT = "result.mp4"
ROLE = "grok_video_bake"  # custom property of a strip: its role, see ``edit_copy.NeededStrips``
#: Blend types that show a strip's picture as it is over an empty edit; all others mix the picture with black.
_PLAIN_BLENDS = {"REPLACE", "ALPHA_OVER", "CROSS"}


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
            case "feeds":
                strip.mute = True
            case _:
                pass
        if strip.type == "META":
            show_only(strip, strips)

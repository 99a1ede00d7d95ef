"""What the Blender of the artist and the one that bakes both know. No imports of ours: both load it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ORDER = "order.json"  # what to do
REPORT = "report"  # what was done: a line for each frame
MIDDLE = "middle.mkv"
RESULT = "result.mp4"
ROLE = "grok_video_bake"  # a property of strips: what each is there for, see ``bake._Needed``
#: How the picture of a strip comes over the black of an empty edit. Others would mix it with that black.
_PLAIN_BLENDS = {"REPLACE", "ALPHA_OVER", "CROSS"}


def show_only(base: Any, strips: Callable[[Any], Any]) -> None:
    """In a copy of an edit: show what was asked for, hide what only feeds it, leave the rest as it was.

    ``strips`` gives those that lie in an editor or a meta strip.
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

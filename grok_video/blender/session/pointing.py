"""Where in the timeline the mouse was when the artist opened a menu: Blender tells a menu nothing of the mouse."""

from __future__ import annotations

import math
import time

import bpy

from .. import compat
from .state import current

#: Seconds between a press of the mouse and the menu that the press opens; a menu that comes later was opened by a key.
_SOON = 1.0


def point(context: bpy.types.Context, x: int, y: int) -> None:
    """Note that the mouse was pressed at a place of the timeline, in pixels of its region."""
    region = context.region
    if region is None or region.type != "WINDOW":
        return
    frame, channel = region.view2d.region_to_view(x, y)
    own = current().pointing
    own.scene = compat.sequencer_scene(context).name
    own.frame, own.channel = math.floor(frame), math.floor(channel)
    own.at = time.monotonic()


def pointed_at(scene: bpy.types.Scene) -> tuple[int, int] | None:
    """Channel and frame of ``scene`` at which the mouse opened a menu just now; None where it did not."""
    own = current().pointing
    if own.scene != scene.name or time.monotonic() - own.at > _SOON:
        return None
    return own.channel, own.frame

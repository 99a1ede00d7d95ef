"""Where in the timeline the mouse was when the artist opened a menu: Blender tells a menu nothing of the mouse."""

from __future__ import annotations

import math

import bpy

from .. import compat
from .state import current


def point(context: bpy.types.Context, x: int, y: int) -> None:
    """Note that the mouse was at a place of the timeline, in pixels of its region, when a menu was asked for."""
    region = context.region
    if region is None or region.type != "WINDOW":
        return
    frame, channel = region.view2d.region_to_view(x, y)
    own = current().pointing
    own.scene = compat.sequencer_scene(context).name
    own.frame, own.channel = math.floor(frame), math.floor(channel)


def pointed_at(scene: bpy.types.Scene) -> tuple[int, int] | None:
    """Channel and frame of ``scene`` at which the menu was opened; None where none was.

    However long ago: Blender draws a menu anew while the artist looks at it.
    """
    own = current().pointing
    return (own.channel, own.frame) if own.scene == scene.name else None

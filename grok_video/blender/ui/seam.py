"""*Match to Source*: a strip's colours are brought to those of what its clip was made from. In *Strip* and in its menus."""

from __future__ import annotations

import bpy

from .. import timeline
from ..session import queue, seams, tick, waiting, watch
from .asking import Asks, Result
from .clip_strip import SCENE, STRIP, clip_strip
from .widgets import draw_quietly


class GROK_VIDEO_OT_match_to_source(Asks, bpy.types.Operator):
    bl_idname = "grok_video.match_to_source"
    bl_label = "Match to Source"
    bl_description = (
        "Measure how the service has shifted the colours of what this clip was made from, and take that back with "
        "modifiers named Grok Video Seam. The clip's file stays as it is. Free"
    )
    bl_options = set()  # what is measured comes later, as an undo step of its own

    scene: SCENE
    strip: STRIP

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        seams.match(context, clip_strip(context, self.scene, self.strip))
        watch.redraw()
        if bpy.app.background:
            waiting.until(lambda: not seams.is_matching(), lambda: tick.tick(context))
        return {"FINISHED"}


def draw_seam(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what can be done for the colours of the active strip; nothing where its clip was made from no strip."""
    strip = timeline.takes.active_movie(context)
    if strip is None or not seams.has_source(strip):
        return
    if timeline.seam.waits(strip):
        draw_quietly(layout, context, "Match the Seam waits until a Sequencer is open")
    elif timeline.seam.is_due(strip):
        draw_quietly(layout, context, "Match the Seam waits for its colors to be measured")
    row = layout.row()
    row.enabled = not seams.is_matching()
    text = "Match to Source" if row.enabled else "Measuring Colors…"
    row.operator("grok_video.match_to_source", text=text, icon="MOD_HUE_SATURATION")


def draw_seam_entry(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw *Match to Source* in a menu."""
    strip = timeline.takes.active_movie(context)
    if strip is not None and seams.has_source(strip):
        layout.operator("grok_video.match_to_source", icon="MOD_HUE_SATURATION")


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_match_to_source,))

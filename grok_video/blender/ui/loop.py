"""Loops in the panel: the switch beside the end frame, and what the strip of a loop shows at its end."""

from __future__ import annotations

import bpy

from ...service import models
from .. import timeline
from ..session.state import job_by_id
from .widgets import draw_quietly, draw_wrapped


def draw_loop(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the switch, and which models make loops where the chosen one does not."""
    chosen, model = context.scene.grok_video, context.scene.grok_video.model_row()
    column = layout.column(align=True)
    column.use_property_split = False
    column.prop(chosen, "loop")
    if not chosen.loop or chosen.source == "NONE":
        return  # why a text makes no loop is said at the button
    if "last_frame" in model.makes:
        draw_quietly(column, context, "Ends on its first frame")
        return
    draw_wrapped(column, context, f"{model.label} takes no end frame, which a loop needs", "INFO")
    for other in models.models_that("last_frame"):
        column.operator("grok_video.use_model", text=f"Use {other.label}").model = other.id


def draw_loop_of_active(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw of the strip of a loop whether it can be repeated; nothing of other strips."""
    strip = timeline.takes.active_movie(context)
    job = job_by_id(timeline.strips.job_of(strip)) if strip is not None else None
    if job is None or not job.spec.loop or timeline.slots.is_waiting(strip):
        return
    if end := timeline.slots.end_of_loop(strip):
        words = f"Ends on its first frame once more. Drag its end to frame {end} to repeat it"
        draw_wrapped(layout, context, words, "INFO")
    else:
        draw_quietly(layout, context, "A loop: copies of it, end to end, go on without a seam")

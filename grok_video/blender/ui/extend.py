"""The features Extend and Continue Shot in the panel: what is drawn for them, and their operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ...core.spec import Kind
from ...service.pricing import Pass, price_of_passes
from .. import submission, timeline
from ..refusal import Refused
from ..session import click, series
from ..session.state import current, job_by_id
from .asking import ALLOW_SINGLE_COLOR, ON_THE_TIMELINE, OnStrip, Result, finish
from .widgets import (
    draw_button,
    draw_part,
    draw_rework_prompt,
    draw_who_can,
    draw_wrapped,
    is_narrow,
)

if TYPE_CHECKING:
    from ..submission.strip_part import StripPart
    from ..timeline.source_strip import SourceStrip


class GROK_VIDEO_OT_extend(OnStrip, bpy.types.Operator):
    bl_idname = "grok_video.extend"
    bl_label = "Extend Strip"
    bl_description = (
        "Let the shot go on after its visible end: the new part is placed there when it is done. "
        "The strip itself stays as it is"
    )

    def price(self, context: bpy.types.Context) -> int | None:
        return price_of_passes(self._plan(context)[1])

    def _plan(self, context: bpy.types.Context) -> tuple[SourceStrip, list[Pass]]:
        source = self.source_strip(context)
        part = submission.extend.part_to_extend(context.scene, source, job_by_id, look=True)
        return source, submission.extend.passes_of(context.scene, part)

    def part_asked_about(self, context: bpy.types.Context) -> StripPart | None:
        source = self.source_strip(context)
        return submission.extend.part_to_extend(context.scene, source, job_by_id, look=True)

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        passes = self._plan(context)[1]
        if len(passes) <= 1:
            return OnStrip.question(self, context, price)
        seconds = context.scene.grok_video.extend_seconds
        changed = self.changed(context)
        return (
            f"Extend in {len(passes)} Passes?",
            f"{seconds} seconds are made in {len(passes)} parts, one after the other. Stopping keeps "
            f"what is there. {changed}".strip(),
        )

    def run(self, context: bpy.types.Context) -> Result:
        source, passes = self._plan(context)
        job_id = series.extend(context, source, passes)
        result = finish(self, context, job_id, ON_THE_TIMELINE)
        while "FINISHED" in result and job_id in current().series.follows:  # all passes
            job_id = current().series.follows[job_id]
            result = finish(self, context, job_id, ON_THE_TIMELINE)
        return result


class GROK_VIDEO_OT_continue_shot(OnStrip, bpy.types.Operator):
    bl_idname = "grok_video.continue_shot"
    bl_label = "Continue Shot"
    bl_description = (
        "Make a new clip that starts from the last visible frame of the strip, and place it after "
        "the strip. Works with every model, and costs one image instead of the strip's seconds"
    )

    allow_single_color: ALLOW_SINGLE_COLOR

    def price(self, context: bpy.types.Context) -> int | None:
        source = self.source_strip(context)
        draft = submission.extend.continue_draft(context.scene, source)
        if why := submission.extend.continue_refusal(source, draft):
            raise Refused(why)
        return submission.common.price_of(draft)

    def run(self, context: bpy.types.Context) -> Result:
        job_id = click.continue_shot(
            context, self.source_strip(context), allow_single_color=self.allow_single_color
        )
        return finish(self, context, job_id, ON_THE_TIMELINE)


def draw_extend(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scene = context.scene
    layout.use_property_split = False
    try:
        source = timeline.source_strip.active_source_strip(context)
    except Refused as why:
        draw_wrapped(layout, context, str(why), "INFO")
        return
    part = submission.extend.part_to_extend(scene, source, job_by_id)
    draw_part(layout, part)
    draw_rework_prompt(layout, context, "extend_prompt", "What happens next?")
    row = layout.row(align=True)
    row.prop(scene.grok_video, "extend_seconds")
    passes = submission.extend.passes_of(scene, part)
    if len(passes) > 1:
        row.label(text=f"in {len(passes)} passes")
    if draw_who_can(layout, context, "extend") and passes:
        draft = submission.strip_part.rework_draft(scene, Kind.EXTEND, part, passes[0].seconds)
        trouble = submission.extend.extend_refusal(scene, source, draft)
        words = "Extend" if len(passes) == 1 else "Extend…"
        price, icon = price_of_passes(passes), "TRACKING_FORWARDS_SINGLE"
        draw_button(layout, context, "grok_video.extend", words, icon, price, trouble, source)
    draft = submission.extend.continue_draft(scene, source)
    words = "Continue Shot"
    if is_narrow(context):
        words = "Continue"  # else the price would be cut off
    elif draft.duration != scene.grok_video.extend_seconds:  # a new clip has limits of its own
        words += f" {draft.duration} s"
    price = submission.common.price_of(draft)
    trouble = submission.extend.continue_refusal(source, draft)
    draw_button(
        layout, context, "grok_video.continue_shot", words, "FRAME_NEXT", price, trouble, source
    )


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_extend,
        GROK_VIDEO_OT_continue_shot,
    )
)

"""The feature Edit in the panel: what is drawn for it, and its operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import EnumProperty

from ...core.spec import JobSpec, Kind
from ...service import checks
from ...service.pricing import billed_seconds
from .. import submission, timeline
from ..refusal import Refused
from ..session import click
from ..session.state import job_by_id
from .asking import ON_THE_TIMELINE, OnStrip, Result, finish, target_of
from .widgets import (
    draw_button,
    draw_part,
    draw_rework_prompt,
    draw_who_can,
    draw_wrapped,
    is_narrow,
)

if TYPE_CHECKING:
    from ..submission.edit import AnimationRange
    from ..submission.strip_part import StripPart
    from ..timeline.source_strip import SourceStrip


class GROK_VIDEO_OT_edit(OnStrip, bpy.types.Operator):
    bl_idname = "grok_video.edit"
    bl_label = "Edit Clip"
    bl_description = (
        "Change what the strip, or the animation, looks like. The result is placed over the strip: "
        "mute it to see the original"
    )

    what: EnumProperty(
        name="What",
        description="What is edited",
        items=(
            ("SET", "As Set", "What the scene's setting “edit_of” says"),
            ("STRIP", "Strip", "What the strip shows"),
            ("ANIMATION", "Animation", "What the camera or the 3D viewport shows"),
        ),
        default="SET",
        options={"SKIP_SAVE"},
    )

    def _is_of_strip(self, context: bpy.types.Context) -> bool:
        if self.what == "SET":
            return context.scene.grok_video.edit_of == "STRIP"
        return self.what == "STRIP"

    def strip_asked_about(self, context: bpy.types.Context) -> SourceStrip | None:
        return self.source_strip(context) if self._is_of_strip(context) else None

    def price(self, context: bpy.types.Context) -> int | None:
        scene = context.scene
        if not self._is_of_strip(context):
            animation = submission.edit.range_to_edit(context, scene)
            return submission.common.price_of(submission.edit.animation_draft(scene, animation))
        part = self.part_asked_about(context)
        assert part is not None
        seconds = billed_seconds(part.seconds)
        return submission.common.price_of(
            submission.strip_part.rework_draft(scene, Kind.EDIT, part, seconds)
        )

    def part_asked_about(self, context: bpy.types.Context) -> StripPart | None:
        source = self.strip_asked_about(context)
        if source is None:
            return None
        return submission.edit.part_to_edit(context.scene, source, job_by_id, look=True)

    def run(self, context: bpy.types.Context) -> Result:
        if self._is_of_strip(context):
            job_id = click.edit(context, self.source_strip(context))
        else:
            job_id = click.edit_animation(context, target_of(context, self.scene))
        return finish(self, context, job_id, ON_THE_TIMELINE)


def draw_edit(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the part of *Strip* that edits what the active strip shows."""
    scene = context.scene
    chosen = scene.grok_video
    layout.use_property_split = False
    try:
        source = timeline.source_strip.active_source_strip(context)
    except Refused as why:
        draw_wrapped(layout, context, str(why), "INFO")
        return
    part = submission.edit.part_to_edit(scene, source, job_by_id)
    draw_part(layout, part)
    if not part.whole:
        layout.prop(chosen, "edit_start", text="Skip Frames")
    draft = submission.strip_part.rework_draft(scene, Kind.EDIT, part, billed_seconds(part.seconds))
    trouble = checks.refusal(draft) or submission.edit.room_over(part)
    if note := submission.edit.note_over(part):
        draw_wrapped(layout, context, note, "INFO")
    _draw_button(layout, context, "STRIP", draft, trouble, source)


def draw_edit_animation(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the part of *Generate* that edits what the camera or the 3D viewport plays: no strip is needed."""
    scene = context.scene
    layout.use_property_split = False
    row = layout.column(align=True) if is_narrow(context) else layout.row()
    row.prop(scene.grok_video, "edit_animation", expand=True)
    animation = submission.edit.range_to_edit(context, scene)
    _draw_range(layout, context, animation)
    draft = submission.edit.animation_draft(scene, animation)
    trouble = submission.edit.animation_refusal(context, scene, draft)
    trouble = trouble or timeline.room.refusal_at(
        timeline.strips.target_scene(context),
        animation.start,
        animation.end - animation.start,
        sound=True,
    )
    _draw_button(layout, context, "ANIMATION", draft, trouble, None)


def _draw_button(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    what: str,
    draft: JobSpec,
    trouble: str,
    source: SourceStrip | None,
) -> None:
    """Draw the prompt and the button of either part."""
    draw_rework_prompt(layout, context, "edit_prompt", "What shall be different?")
    if draw_who_can(layout, context, "edit"):
        price = submission.common.price_of(draft)
        button = draw_button(
            layout, context, "grok_video.edit", "Edit", "BRUSH_DATA", price, trouble, source
        )
        button.what = what


def _draw_range(
    layout: bpy.types.UILayout, context: bpy.types.Context, animation: AnimationRange
) -> None:
    """Draw which frames of the animation will be sent."""
    row = layout.row()
    row.active = False
    size = f"{animation.pixels[0]} × {animation.pixels[1]}"
    row.label(
        text=f"Frames {animation.start}–{animation.end - 1}, {animation.seconds:.1f} s, {size}",
        icon="TIME",
    )
    if animation.cut:
        draw_wrapped(layout, context, "The range is longer than what can be edited", "INFO")


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_edit,))

"""The feature Fill Gap: what is drawn for it in the panel and in the timeline's menu, and its operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import StringProperty

from ...core.legible import legible
from ...service import models
from .. import compat, submission, timeline
from ..refusal import Refused
from ..session import click, pointing
from .asking import (
    ALLOW_SINGLE_COLOR,
    ON_THE_TIMELINE,
    Buys,
    Result,
    finish,
    target_of,
)
from .widgets import draw_button, draw_rework_prompt, draw_section, draw_wrapped

if TYPE_CHECKING:
    from ..timeline.gaps import Gap


class GROK_VIDEO_OT_fill_gap(Buys, bpy.types.Operator):
    bl_idname = "grok_video.fill_gap"
    bl_label = "Fill Gap"
    bl_description = (
        "Make a clip from the last picture before the gap to the first one behind it, and retime the clip so that it "
        "fills the gap exactly"
    )

    scene: StringProperty(
        name="Scene",
        description="Scene of the gap; empty: the sequencer's",
        options={"SKIP_SAVE"},
    )
    left: StringProperty(
        name="Strip Before",
        description="Name of the strip before the gap; empty: the one before the strip behind it. Both empty: the gap "
        "at the playhead on the active strip's channel, or the one that follows the active strip",
        options={"SKIP_SAVE"},
    )
    right: StringProperty(
        name="Strip Behind",
        description="Name of the strip behind the gap; empty: the next one on the channel",
        options={"SKIP_SAVE"},
    )
    model: StringProperty(
        name="Model",
        description="Model that makes the clip; empty: the panel's",
        options={"SKIP_SAVE"},
    )
    allow_single_color: ALLOW_SINGLE_COLOR

    def gap(self, context: bpy.types.Context) -> Gap:
        """The gap that is meant. Raises Refused."""
        scene = target_of(context, self.scene)
        if self.left or self.right:
            return submission.gap.gap_named(scene, self.left, self.right)
        return timeline.gaps.gap_at_playhead(scene)

    def price(self, context: bpy.types.Context) -> int | None:
        found = self.gap(context)
        if why := submission.gap.refusal(context.scene, found, self.model):
            raise Refused(why)
        draft = submission.gap.draft(context.scene, found, self.model)
        return submission.common.price_of(draft)

    def ask(
        self,
        context: bpy.types.Context,
        event: bpy.types.Event,
        price: int | None,
        title: str,
        message: str,
        words: str = "",
    ) -> Result:
        # Named now: during the question a clip may come in and become the active strip.
        found = self.gap(context)
        self.scene, self.left, self.right = found.scene, found.left, found.right
        about = f"{_between(found)}: {_plays(context, found, self.model)}. {message}"
        return super().ask(context, event, price, title, about, words)

    def run(self, context: bpy.types.Context) -> Result:
        job_id = click.fill_gap(
            context, self.gap(context), self.model, allow_single_color=self.allow_single_color
        )
        return finish(self, context, job_id, ON_THE_TIMELINE)


class GROK_VIDEO_OT_point(bpy.types.Operator):
    bl_idname = "grok_video.point"
    bl_label = "Note the Gap under the Mouse"
    bl_description = "Let the timeline's menu offer to fill the gap in which it was opened"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        pointing.point(context, event.mouse_region_x, event.mouse_region_y)
        return {"PASS_THROUGH"}  # to what opens the menu


def _between(found: Gap) -> str:
    """The gap in words: '52 frames between “A” and “B”'."""
    long = f"{found.frames} frames"
    if not found.left:
        return f"{long} before “{legible(found.right)}”"
    if not found.right:
        return f"{long} behind “{legible(found.left)}”"
    return f"{long} between “{legible(found.left)}” and “{legible(found.right)}”"


def _plays(context: bpy.types.Context, found: Gap, model: str) -> str:
    """How long a clip is made for a gap, how fast it plays, and by which model where that is not the panel's."""
    draft = submission.gap.draft(context.scene, found, model)
    speed = submission.gap.speed(context.scene, found, model)
    rate = "its own speed" if abs(speed - 1.0) < 0.005 else f"{speed:.2f} times its speed"
    by = f" by {submission.gap.model_of(context.scene, model).label}" if model else ""
    return f"{draft.duration} s{by}, at {rate}"


def _model_for(context: bpy.types.Context, found: Gap) -> str:
    """'' where the chosen model can fill the gap; else the id of the first model that can."""
    needed = submission.gap.makes_needed(found)
    if needed in context.scene.grok_video.model_row().makes:
        return ""
    return models.models_that(needed)[0].id


def draw_gap(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what fills the gap that follows the active strip, where there is one."""
    scene = compat.sequencer_scene(context)
    editor = scene.sequence_editor
    active = editor.active_strip if editor is not None else None
    if active is None or timeline.gaps.gap_after(scene, active) is None:
        return
    draw_section(layout, context, "grok_video_gap", "Fill Gap", _draw_body)


def _draw_body(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scene = compat.sequencer_scene(context)
    editor: Any = scene.sequence_editor
    found = timeline.gaps.gap_after(scene, editor.active_strip)
    assert found is not None
    layout.use_property_split = False
    column = layout.column(align=True)
    column.label(
        text=f"{found.frames / found.fps:.2f} s to “{legible(found.right)}”",
        icon="SEQUENCE",
        translate=False,
    )
    model = _model_for(context, found)
    trouble = submission.gap.refusal(context.scene, found, model)
    if not submission.gap.speed(context.scene, found, model):
        draw_wrapped(layout, context, trouble, "INFO")
        return
    row = column.row()
    row.active = False
    row.label(text=_plays(context, found, ""), icon="BLANK1", translate=False)
    draw_rework_prompt(layout, context, "gap_prompt", "What happens between?")
    if model:
        chosen, can = context.scene.grok_video.model_row().label, models.MODELS[model].label
        draw_wrapped(layout, context, f"{chosen} takes no end frame. Made by {can}", "INFO")
    price = submission.common.price_of(submission.gap.draft(context.scene, found, model))
    button = draw_button(
        layout, context, "grok_video.fill_gap", "Fill Gap", "ARROW_LEFTRIGHT", price, trouble, None
    )
    _name(button, found, model)


def _name(button: Any, found: Gap, model: str) -> None:
    button.scene, button.left, button.right, button.model = (
        found.scene,
        found.left,
        found.right,
        model,
    )


def draw_entry(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the entry of a menu for the gap at the playhead, or the one that follows the active strip; greyed without."""
    scene = compat.sequencer_scene(context)
    column = layout.column()
    column.operator_context = "INVOKE_DEFAULT"
    try:
        found = timeline.gaps.gap_at_playhead(scene)
    except Refused:
        column.enabled = False
        found = None
    _draw_operator(column, context, found)


def _draw_in_context_menu(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Draw *Fill Gap* in the menu that the mouse opens in a gap of the timeline."""
    scene = compat.sequencer_scene(context)
    pointed = pointing.pointed_at(scene)
    if pointed is None:
        return
    try:
        found = timeline.gaps.gap_at(scene, *pointed)
    except Refused:
        return  # a strip lies there, or no strip at all
    column = self.layout.column()
    column.operator_context = "INVOKE_DEFAULT"
    _draw_operator(column, context, found)
    self.layout.separator()


def _draw_operator(
    layout: bpy.types.UILayout, context: bpy.types.Context, found: Gap | None
) -> None:
    button = layout.operator("grok_video.fill_gap", text="Fill Gap…", icon="ARROW_LEFTRIGHT")
    if found is not None:
        _name(button, found, _model_for(context, found))


_CLASSES = (GROK_VIDEO_OT_fill_gap, GROK_VIDEO_OT_point)
_MENU = "SEQUENCER_MT_context_menu"
#: W where the right button selects.
_OPENS_THE_MENU = ("RIGHTMOUSE", "W", "APP")


def _keymap() -> bpy.types.KeyMap | None:
    """The add-on's keymap of the timeline; None where Blender has no keymaps, in the background."""
    configuration = bpy.context.window_manager.keyconfigs.addon
    if configuration is None:
        return None
    return configuration.keymaps.new(
        name="Sequencer", space_type="SEQUENCE_EDITOR", region_type="WINDOW"
    )


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    # At the top: who points into a gap means the gap, and all below is about the strips that are selected.
    getattr(bpy.types, _MENU).prepend(_draw_in_context_menu)
    if (keymap := _keymap()) is not None:
        # What opens the menu in Blender's keymaps; each press goes on to Blender, so no key is taken.
        for key in _OPENS_THE_MENU:
            keymap.keymap_items.new(GROK_VIDEO_OT_point.bl_idname, key, "PRESS", head=True)


def unregister() -> None:
    if (keymap := _keymap()) is not None:
        for item in list(keymap.keymap_items):
            if item.idname == GROK_VIDEO_OT_point.bl_idname:
                keymap.keymap_items.remove(item)
    getattr(bpy.types, _MENU).remove(_draw_in_context_menu)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)

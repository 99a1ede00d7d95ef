"""The add-on's preferences: their properties, how they are drawn, and the operators in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from ...core.amount import TICKS_PER_USD
from ...core.legible import legible
from ...core.problem import ProblemCode
from ...core.spending import LARGEST_LIMIT
from ...core.urls import api_base_refusal
from .. import config
from ..config import DEFAULT_API_BASE, MIN_POLL_INTERVAL, PACKAGE, ticks
from ..session import click, moving, questions, spending, tick
from ..session.state import current, running
from .asking import Asks, Result, ask_service
from .list_folder import draw_list_folder
from .press import is_from_blend
from .widgets import draw_help_button, draw_wrapped


def _limit(
    name: Literal["day", "month"],
) -> tuple[Callable[[GrokVideoPreferences], float], Callable[[GrokVideoPreferences, float], None]]:
    """What reads and what changes a spending limit, in dollars, for its property."""

    def get(_self: GrokVideoPreferences) -> float:
        return getattr(spending.limits(), name) / TICKS_PER_USD

    def change(_self: GrokVideoPreferences, dollars: float) -> None:
        if is_from_blend() and not click.may_buy():
            raise PermissionError("A script of a .blend cannot change a spending limit.")
        questions.set_limits(**{name: ticks(dollars)})

    return get, change


# Blender evaluates the annotations of a class with the names of its module.
_get_day_limit, _set_day_limit = _limit("day")
_get_month_limit, _set_month_limit = _limit("month")


def _get_scripts_may_buy(_self: GrokVideoPreferences) -> bool:
    session = running()
    return session is not None and session.click.scripts_may_buy


def _set_scripts_may_buy(_self: GrokVideoPreferences, allowed: bool) -> None:
    if allowed and is_from_blend():
        raise PermissionError(f"A script of a .blend cannot turn on “{click.ALLOW_SCRIPTS}”.")
    click.allow_scripts(allowed)


def _preferences_changed(_self: GrokVideoPreferences, _context: bpy.types.Context) -> None:
    tick.preferences_changed()


def _ledger_dir_changed(_self: GrokVideoPreferences, _context: bpy.types.Context) -> None:
    moving.chosen()


class GrokVideoPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    api_key: StringProperty(
        name="API Key",
        description="Your key of the xAI API. The environment's XAI_API_KEY wins over it",
        subtype="PASSWORD",
        update=_preferences_changed,
    )
    api_base: StringProperty(
        name="API Base URL",
        description="Where the service is: https, or http on this computer only. "
        "The environment's XAI_API_BASE wins over it",
        default=DEFAULT_API_BASE,
        update=_preferences_changed,
    )
    output_dir: StringProperty(
        name="Clip Folder",
        description="Where clips go while the .blend is not saved or its folder cannot be written",
        subtype="DIR_PATH",
    )
    poll_interval: FloatProperty(
        name="Ask Every",
        description="Seconds between two questions to the service about the same job",
        default=MIN_POLL_INTERVAL,
        min=0.05,
        soft_min=MIN_POLL_INTERVAL,
        soft_max=60.0,
        max=600.0,
        step=100,
        precision=1,
        subtype="TIME_ABSOLUTE",
        update=_preferences_changed,
    )
    ledger_dir: StringProperty(
        name="Job List Folder",
        description="Where the list of your jobs and their costs is kept. One place serves all versions of Blender. "
        "A script that sets another folder moves the list there; the value changes once it is there",
        update=_ledger_dir_changed,
    )
    unseen_list: StringProperty(options={"HIDDEN"})
    still_format: EnumProperty(
        name="Source Image Format",
        description="How the first frame is sent",
        items=(
            ("PNG", "PNG", "Exact, and larger to send"),
            ("JPEG", "JPEG", "Smaller to send, quality 90 %"),
        ),
        default="PNG",
    )
    render_source: EnumProperty(
        name="Render Source",
        description="Which Blender renders the camera's pictures",
        items=(
            (
                "AUTO",
                "Automatic",
                "In the background where this window would stand still meanwhile, else here. Where one click "
                "needs several pictures, the later ones too if the scene has changed by then",
            ),
            (
                "HERE",
                "Here",
                "In this Blender. Where one click needs several pictures, the later ones show what you "
                "have changed by then",
            ),
            (
                "BACKGROUND",
                "In the Background",
                "In a second Blender, while you work on. What it cannot show is rendered here",
            ),
        ),
        default="AUTO",
    )

    place_slot: BoolProperty(
        name="Place a Slot at Once",
        description="Let a strip stand in the sequencer from the press on, where the clip will be, and become the clip "
        "when it is there. Off: the strip comes with the clip",
        default=True,
    )
    match_seams: BoolProperty(
        name="Match Seams",
        description="Measure how the service has shifted the colours of what it goes on from, and take that back on the new "
        "strip with modifiers named Grok Video Seam. A clip waits 10 seconds for that at most",
        default=True,
    )
    crop_to_nearest: BoolProperty(
        name="Crop to the Nearest Ratio",
        description="Auto Ratio crops the source to the nearest ratio that has a name, instead of sending the whole "
        "frame. For a service whose clips do not follow the first frame",
    )

    prompts_of_all_files: BoolProperty(
        name="Prompts of All Files",
        description="The history beside the prompt has the prompts of every .blend. Off: those of the file that is open",
    )
    prompts_cleared_at: StringProperty(options={"HIDDEN"})

    # The limits lie in the ledger, which all versions of Blender share; the fields read and write them there.
    day_limit: FloatProperty(
        name="Limit per Day",
        description="Dollars that your clips may cost a day, counted for this API key. What would "
        "pass it is held and not sent. 0: no limit",
        min=0.0,
        max=LARGEST_LIMIT / TICKS_PER_USD,
        step=10,
        precision=2,
        get=_get_day_limit,
        set=_set_day_limit,
    )
    month_limit: FloatProperty(
        name="Limit per Month",
        description="Dollars that your clips may cost a month, counted for this API key. What would "
        "pass it is held and not sent. 0: no limit",
        min=0.0,
        max=LARGEST_LIMIT / TICKS_PER_USD,
        step=10,
        precision=2,
        get=_get_month_limit,
        set=_set_month_limit,
    )
    confirm_above: FloatProperty(
        name="Ask Above",
        description="Ask before a clip is bought that costs more than this many dollars, or whose "
        "price is not known. 0: never ask",
        min=0.0,
        max=LARGEST_LIMIT / TICKS_PER_USD,
        step=10,
        precision=2,
    )
    unknown_price: FloatProperty(
        name="Other Models, a Second",
        description="Dollars that a second costs of a model whose name you typed, as the service's "
        "price list says. Without it such a model is refused while there is a limit. 0: not known",
        min=0.0,
        max=1000.0,
        step=10,
        precision=3,
    )

    # Kept nowhere: what a .blend or a forgotten day leaves behind must not buy.
    scripts_may_buy: BoolProperty(
        name=click.ALLOW_SCRIPTS,
        description="Let scripts and other add-ons buy clips without your press, until you close this "
        "Blender. Off: what they ask for waits in the list with its price, for your Send",
        get=_get_scripts_may_buy,
        set=_set_scripts_may_buy,
        options={"SKIP_SAVE"},
    )

    def draw(self, context: bpy.types.Context) -> None:
        draw_preferences(self.layout, context, self)


class GROK_VIDEO_OT_check_connection(Asks, bpy.types.Operator):
    bl_idname = "grok_video.check_connection"
    bl_label = "Check Connection"
    bl_description = "Ask the service whether the key is good. Free"
    bl_options = set()

    def run(self, context: bpy.types.Context) -> Result:
        return ask_service(self, context, current().questions.key)


class GROK_VIDEO_OT_show_preferences(bpy.types.Operator):
    bl_idname = "grok_video.show_preferences"
    bl_label = "Grok Video Preferences"
    bl_description = "Open the preferences of Grok Video"
    bl_options = set()

    def execute(self, _context: bpy.types.Context) -> Result:
        bpy.ops.preferences.addon_show(module=config.PACKAGE)
        return {"FINISHED"}


def draw_preferences(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    own: GrokVideoPreferences,
) -> None:
    """Draw the add-on's preferences, under Preferences › Add-ons."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    column = layout.column()
    for name, variable in (("api_key", "XAI_API_KEY"), ("api_base", "XAI_API_BASE")):
        row = column.row()
        given = bool(os.environ.get(variable, "").strip())
        row.enabled = not given
        row.prop(own, name)
        if given:
            column.label(text=f"The environment's {variable} is used", icon="INFO")
    if trouble := api_base_refusal(config.api_base()):
        draw_wrapped(column, context, trouble, "ERROR")
    if not bpy.app.online_access:
        draw_wrapped(column, context, "Blender's online access is off: nothing is sent.", "ERROR")
        draw_help_button(column, ProblemCode.OFFLINE)
    column.separator()
    column.operator("grok_video.check_connection")
    answer = questions.answer_to(current().questions.key)
    if answer is not None:
        icon = "CHECKMARK" if answer["ok"] else "ERROR"
        draw_wrapped(column, context, str(answer["message"]), icon)
    column.operator("grok_video.copy_diagnostics", icon="COPYDOWN")
    column.separator()
    column.prop(own, "output_dir", placeholder=legible(str(config.data_dir() / "clips")))
    if trouble := config.output_refusal():
        draw_wrapped(column, context, trouble, "ERROR")
    elif own.output_dir and (meant := str(config.output_dir())) != own.output_dir.rstrip("/\\"):
        draw_wrapped(column, context, f"Clips go to {meant}", "INFO")
    draw_list_folder(column, context, own)
    column.prop(own, "still_format")
    column.prop(own, "place_slot")
    column.prop(own, "match_seams")
    column.prop(own, "render_source")
    column.prop(own, "crop_to_nearest")
    column.prop(own, "prompts_of_all_files")
    column.prop(own, "poll_interval")
    if config.poll_interval() != own.poll_interval:
        column.label(text="The service is asked every 5 seconds at most", icon="INFO")
    _draw_spending_preferences(layout, context, own)


def _draw_spending_preferences(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    own: GrokVideoPreferences,
) -> None:
    box = layout.box().column()
    box.label(text="Spending in US Dollars (0: No Limit)")
    box.prop(own, "day_limit")
    box.prop(own, "month_limit")
    if trouble := questions.limits_trouble():
        draw_wrapped(box, context, trouble, "ERROR")
    elif not current().bridge.reader.limits.count(config.api_base()):
        box.label(text="What is spent at a service on this computer does not count", icon="INFO")
    box.prop(own, "confirm_above")
    box.prop(own, "unknown_price")
    box.prop(own, "scripts_may_buy")


register, unregister = bpy.utils.register_classes_factory(
    (
        GrokVideoPreferences,
        GROK_VIDEO_OT_check_connection,
        GROK_VIDEO_OT_show_preferences,
    )
)

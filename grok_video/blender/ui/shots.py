"""The panel *Shots*: the list, the shot that is chosen, and what all prompts begin and end with.

Drawing computes nothing of a row: price, state and refusal are what ``session.shots`` has ready.
"""

from __future__ import annotations

import fnmatch
import functools
import math
import re
from array import array
from typing import Any

import bpy
from bpy.props import EnumProperty

from ...core.amount import usd
from ...core.legible import legible
from ...core.shot_spans import overlaps
from .. import compat, scenes, timeline
from ..session import shots
from .jobs import ICONS
from .shot_properties import LONGEST
from .shots_generate import draw_generate_shots, draw_shot_job
from .shots_list import read_only
from .shots_look import draw_shot_look, draw_shots_look
from .widgets import draw_quietly, draw_wrapped, is_narrow

_ROWS, _MOST_ROWS = 4, 10
#: Width in pixels, at an interface scale of 1, of a sidebar with room for frame and seconds in a row.
_WIDE = 320
#: Characters of a name that a sentence shows.
_NAME = 40
_FILLERS: tuple[tuple[str, str, Any], ...] = (
    ("grok_video.shots_from_markers", "From Camera Markers", "MARKER_HLT"),
    ("grok_video.shots_from_strips", "From Selected Strips", "SEQUENCE"),
    ("grok_video.shots_from_file", "From File…", "FILE_FOLDER"),
)
_SOURCE_ICONS: dict[str, Any] = {
    "CAMERA": "CAMERA_DATA",
    "IMAGE": "IMAGE_DATA",
    "STRIP": "SEQUENCE",
    "NONE": "TEXT",
}
#: Of what is not a job yet.
_STATE_ICONS: dict[str, Any] = {
    "WAITING": "SORTTIME",
    "PREPARING": "RENDER_STILL",
    "STOPPED": "CANCEL",
} | {str(state): icon for state, icon in ICONS.items()}


class GROK_VIDEO_UL_shots(bpy.types.UIList):
    order: EnumProperty(
        name="Order",
        description="How the list is shown. Shots are made in the list's own order",
        items=(
            ("LIST", "List", "The order in which shots are made"),
            ("NAME", "Name", "By their names"),
            ("FRAME", "Frame", "By their frames"),
            ("STATE", "State", "By what has become of them"),
        ),
    )

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        item: Any,
        _icon: int,
        _active_data: Any,
        _active_property: str,
        index: int = 0,
    ) -> None:
        told = shots.told(context, context.scene)[index]
        row = layout.row(align=True)
        row.prop(item, "enabled", text="")
        name = row.row(align=True)
        name.active = item.enabled
        name.prop(item, "name", text="", emboss=False, icon=_SOURCE_ICONS[item.source])
        words = row.row(align=True)
        words.alignment, words.active = "RIGHT", item.enabled
        if told.refusal or told.state:
            words.label(text="", icon=_STATE_ICONS.get(told.state, "ERROR"))
        if _is_wide(context):
            seconds = item.seconds or context.scene.grok_video.duration
            words.label(text=str(item.frame), translate=False)
            words.label(text=f"{seconds} s", translate=False)
        if told.price is not None and not is_narrow(context):
            words.label(text=usd(told.price), translate=False)

    def draw_filter(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        row = layout.row(align=True)
        row.prop(self, "filter_name", text="", icon="VIEWZOOM", placeholder="Name, Frame or State")
        row.prop(self, "use_filter_invert", text="", icon="ARROW_LEFTRIGHT")
        row = layout.row(align=True)
        if is_narrow(context):
            row.prop(self, "order", text="")
        else:
            row.prop(self, "order", expand=True)
        icon: Any = "SORT_DESC" if self.use_filter_sort_reverse else "SORT_ASC"
        row.prop(self, "use_filter_sort_reverse", text="", icon=icon)

    def filter_items(
        self, context: bpy.types.Context, data: Any, name: str
    ) -> tuple[list[int], list[int]]:
        """Which rows are shown, and at which place each. Blender itself inverts and reverses."""
        rows = getattr(data, name)
        shown, places = list[int](), list[int]()
        if self.filter_name:
            shown = _found(context, rows, self.filter_name, self.bitflag_filter_item)
        if self.order != "LIST":
            keys = _keys(context, rows, self.order)
            places = [0] * len(rows)
            for place, number in enumerate(sorted(range(len(rows)), key=keys.__getitem__)):
                places[number] = place
        return shown, places


def _is_wide(context: bpy.types.Context) -> bool:
    """Whether frame and seconds of a row fit beside its name."""
    region = context.region
    scale = context.preferences.system.ui_scale or 1.0
    return region is not None and region.width / scale >= _WIDE


def _found(context: bpy.types.Context, rows: Any, typed: str, flag: int) -> list[int]:
    """``flag`` for each row whose name or state holds what was typed, or whose frame is that; else 0."""
    fits = re.compile(fnmatch.translate(f"*{typed}*"), re.IGNORECASE).match
    told = shots.told(context, context.scene)
    frames = _numbers(rows, "frame")
    typed_frame = int(typed) if re.fullmatch("-?[0-9]{1,9}", typed) else None
    return [
        flag if fits(row.name) or frames[number] == typed_frame or fits(told[number].state) else 0
        for number, row in enumerate(rows)
    ]


def _keys(context: bpy.types.Context, rows: Any, order: str) -> list[Any]:
    """What rows are sorted by."""
    if order == "NAME":
        return [row.name.casefold() for row in rows]
    if order == "FRAME":
        return list(_numbers(rows, "frame"))
    return [one.state for one in shots.told(context, context.scene)]


def _numbers(rows: Any, name: str) -> array[int]:
    """A whole number of each row, asked of Blender at once."""
    numbers = array("i", bytes(4 * len(rows)))
    rows.foreach_get(name, numbers)
    return numbers


class GROK_VIDEO_MT_shots(bpy.types.Menu):
    bl_label = "Shots"

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        _draw_fillers(layout)
        layout.separator()
        layout.operator("grok_video.export_shots", icon="EXPORT", text="Export Shots…")
        template = layout.operator("grok_video.export_shots", text="Export Template…")
        template.template = True
        layout.operator("grok_video.export_render_job", text="Export Render Job…")
        layout.separator()
        layout.operator("grok_video.duplicate_shot", icon="DUPLICATE")
        for which, words in (("ALL", "All"), ("NONE", "None"), ("FAILED", "the Failed Ones")):
            enable = layout.operator("grok_video.enable_shots", text=f"Enable {words}")
            enable.which = which
        layout.separator()
        layout.operator("grok_video.clear_shots", icon="TRASH")


def draw_shots(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the panel *Shots*."""
    scene = context.scene
    chosen = scene.grok_video
    why = read_only(scene)
    if not len(chosen.shots):
        if why:
            draw_wrapped(layout, context, why, "INFO")
        else:
            _draw_empty(layout, context)
        return
    row = layout.row()
    row.template_list(
        "GROK_VIDEO_UL_shots",
        "",
        chosen,
        "shots",
        chosen,
        "shots_index",
        rows=_ROWS,
        maxrows=_MOST_ROWS,
    )
    if why:
        draw_wrapped(layout, context, why, "INFO")
    else:
        _draw_beside(row)
    if 0 <= chosen.shots_index < len(chosen.shots):
        _draw_shot(layout, context, chosen.shots_index)
    _draw_overlaps(layout, context, chosen.shots_index)
    column = layout.column(align=True)
    column.label(text="All Prompts")
    column.prop(chosen, "shots_begin", text="", placeholder="Begin With")
    column.prop(chosen, "shots_end", text="", placeholder="End With")
    if not why:
        draw_shots_look(layout, context)
        draw_generate_shots(layout, context)


def _draw_empty(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    words = "Many clips with one press: list what each begins with and what happens in it, and generate all"
    draw_quietly(layout, context, words)
    column = layout.column(align=True)
    _draw_fillers(column)
    column.operator("grok_video.add_shot", icon="ADD")


def _draw_fillers(layout: bpy.types.UILayout) -> None:
    for operator, words, icon in _FILLERS:
        layout.operator(operator, text=words, icon=icon)


def _draw_beside(layout: bpy.types.UILayout) -> None:
    """Draw the buttons beside the list."""
    side = layout.column(align=True)
    side.operator("grok_video.add_shot", text="", icon="ADD")
    side.operator("grok_video.remove_shot", text="", icon="REMOVE")
    side.separator()
    side.menu("GROK_VIDEO_MT_shots", text="", icon="DOWNARROW_HLT")
    side.separator()
    up = side.operator("grok_video.move_shot", text="", icon="TRIA_UP")
    up.direction = "UP"
    down = side.operator("grok_video.move_shot", text="", icon="TRIA_DOWN")
    down.direction = "DOWN"


def _draw_shot(layout: bpy.types.UILayout, context: bpy.types.Context, number: int) -> None:
    """Draw the fields of a shot, and what there is to say of it."""
    chosen = context.scene.grok_video
    row = chosen.shots[number]
    column = layout.column(align=True)
    hint = "What happens in this shot"
    if not compat.textbox(column, row, "prompt", lines=2, placeholder=hint):
        column.prop(row, "prompt", text="", placeholder=hint)
    column = layout.column(align=True)
    column.prop(row, "source", text="")
    match row.source:
        case "CAMERA":
            column.prop(row, "scene", text="", placeholder="This Scene")
            column.prop(row, "camera", text="", placeholder="The Scene's Camera")
        case "IMAGE":
            column.template_ID(row, "image", open="image.open")
        case "STRIP":
            column.prop(row, "strip", text="", icon="SEQUENCE", placeholder="Strip")
        case _:
            pass
    column = layout.column(align=True)
    column.prop(row, "frame")
    column.prop(row, "seconds")
    column.prop(row, "target_frame")
    column = layout.column(align=True)
    column.prop(row, "model", text="", placeholder="Model of Generate")
    column.prop(row, "resolution", text="", placeholder="Resolution of Generate")
    told = shots.told(context, context.scene)[number]
    draw_shot_job(layout, context, row, told)
    draw_shot_look(layout, context, row)
    if told.refusal:
        draw_wrapped(layout, context, told.refusal, "ERROR")


def _draw_overlaps(layout: bpy.types.UILayout, context: bpy.types.Context, number: int) -> None:
    """Draw whose clip the clip of a row will lie over, else how many rows there are of which that can be said."""
    found = _overlapping(context)
    other = found[number] if 0 <= number < len(found) else -1
    if other >= 0:
        name = legible(context.scene.grok_video.shots[other].name[:_NAME])
        words = f"It overlaps “{name}” in the sequencer: one of the clips goes to another channel"
    elif count := sum(one >= 0 for one in found):
        words = f"{count} other shots overlap in the sequencer"
    else:
        return
    draw_quietly(layout, context, words, "INFO")


def _overlapping(context: bpy.types.Context) -> list[int]:
    """For each row the number of one whose clip will lie at the same frames, or -1."""
    chosen = context.scene.grok_video
    rows = chosen.shots
    enabled = [True] * len(rows)
    rows.foreach_get("enabled", enabled)
    rate = scenes.rate(timeline.strips.target_scene(context))
    starts, seconds = _numbers(rows, "target_frame"), _numbers(rows, "seconds")
    return _overlaps(bytes(starts), bytes(seconds), bytes(enabled), chosen.duration, rate)


@functools.lru_cache(maxsize=4)
def _overlaps(
    starts: bytes, seconds: bytes, enabled: bytes, default: int, rate: float
) -> list[int]:
    """``core.shot_spans.overlaps`` of what Blender holds of rows: kept until one of them changes."""
    numbers = memoryview(seconds).cast("i")
    lengths = [
        math.ceil(min(number if number > 0 else default, LONGEST) * rate) if on else 0
        for number, on in zip(numbers, enabled, strict=True)
    ]
    return overlaps(memoryview(starts).cast("i"), lengths)


register, unregister = bpy.utils.register_classes_factory(
    (GROK_VIDEO_UL_shots, GROK_VIDEO_MT_shots)
)

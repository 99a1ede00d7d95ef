"""The entries in Blender's menus, where artists look for what the panels offer.

An entry carries no price: what buys asks with its price (``Buys``). That a key may open a menu is why each menu says
how its entries are called: without a dialog they would be bought unseen, or held.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, timeline
from .finish import draw_finish_entry
from .gap import draw_entry
from .jobs import draw_lost_strip
from .seam import draw_seam_entry
from .slot import draw_slot_entries
from .takes import draw_takes_entries


def draw_strip_entries(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what can be done with the active strip, as in the panel *Strip*."""
    layout.operator("grok_video.extend", text="Extend…", icon="TRACKING_FORWARDS_SINGLE")
    layout.operator("grok_video.continue_shot", text="Continue Shot…", icon="FRAME_NEXT")
    layout.operator("grok_video.edit", text="Edit…", icon="BRUSH_DATA").what = "STRIP"
    draw_takes_entries(layout, context)
    draw_seam_entry(layout, context)


def _draw_clip(layout: bpy.types.UILayout, text: str) -> Any:
    layout.operator_context = "INVOKE_DEFAULT"
    return layout.operator("grok_video.generate_dialog", text=text, icon="FILE_MOVIE")


class GROK_VIDEO_MT_strip(bpy.types.Menu):
    """In the Sequencer's context menu and in its menu *Strip*."""

    bl_label = "Grok Video"

    def draw(self, context: bpy.types.Context) -> None:
        editor = timeline.strips.target_scene(context).sequence_editor
        column = self.layout.column()
        column.operator_context = "INVOKE_DEFAULT"
        column.enabled = editor is not None and editor.active_strip is not None
        draw_slot_entries(column, context)
        draw_finish_entry(column, context)
        draw_strip_entries(column, context)
        draw_entry(column, context)


class GROK_VIDEO_MT_add(bpy.types.Menu):
    """In the Sequencer's menu *Add*."""

    bl_label = "Grok Video"

    def draw(self, context: bpy.types.Context) -> None:
        _draw_clip(self.layout, "Clip…")
        self.layout.separator()
        self.layout.menu_contents(GROK_VIDEO_MT_strip.__name__)


def _draw_strip(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu(GROK_VIDEO_MT_strip.__name__, icon="FILE_MOVIE")


def _draw_add(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu(GROK_VIDEO_MT_add.__name__, icon="FILE_MOVIE")


def _draw_view3d_view(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    # Below Viewport Render Image, where artists look for a picture of the viewport.
    self.layout.separator()
    _draw_clip(self.layout.column(), "Grok Video from Viewport…").source = "VIEWPORT"


def _draw_file_external(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("grok_video.collect_clips")
    self.layout.operator_context = "INVOKE_DEFAULT"
    self.layout.operator("grok_video.remove_unused_takes", text="Remove Unused Takes…")


def _draw_source(self: bpy.types.Panel, context: bpy.types.Context) -> None:
    # In the panel of a strip's file, where artists look when Blender draws the strip in red.
    draw_lost_strip(self.layout, context)


_MENUS = (
    ("SEQUENCER_MT_add", _draw_add),
    ("SEQUENCER_MT_strip", _draw_strip),
    ("SEQUENCER_MT_context_menu", _draw_strip),
    ("VIEW3D_MT_view", _draw_view3d_view),
    ("TOPBAR_MT_file_external_data", _draw_file_external),
)
_CLASSES = (GROK_VIDEO_MT_strip, GROK_VIDEO_MT_add)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    for menu, draw in _MENUS:
        getattr(bpy.types, menu).append(draw)
    getattr(bpy.types, compat.STRIP_SOURCE_PANEL).prepend(_draw_source)


def unregister() -> None:
    getattr(bpy.types, compat.STRIP_SOURCE_PANEL).remove(_draw_source)
    for menu, draw in _MENUS:
        getattr(bpy.types, menu).remove(draw)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)

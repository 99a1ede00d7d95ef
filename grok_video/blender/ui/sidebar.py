"""The panels of the sidebars and the entries in Blender's menus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..session import unseen, watch
from ..session.state import current
from .generate import draw_generate, draw_request, draw_scenes
from .jobs import draw_jobs, draw_lost_strip
from .references import draw_pictures
from .spending import draw_spending
from .strip import draw_strip
from .widgets import draw_section


class _Sidebar(bpy.types.Panel if TYPE_CHECKING else object):
    """What the main panels of both editors have in common."""

    bl_region_type = "UI"
    bl_category = watch.TAB


class _RequestPanel(_Sidebar):
    bl_label = "Generate"

    def draw(self, context: bpy.types.Context) -> None:
        draw_request(self.layout, context)
        draw_section(
            self.layout, context, "grok_video_pictures", "References and Frames", draw_pictures
        )
        draw_scenes(self.layout, context)
        draw_generate(self.layout, context)


class _StripPanel(_Sidebar):
    bl_label = "Strip"

    def draw(self, context: bpy.types.Context) -> None:
        draw_strip(self.layout, context)


class _JobsPanel(_Sidebar):
    bl_label = "Jobs"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        active, new = len(current().bridge.snapshot.active), unseen.count()
        if new:
            words = f"{new} new, {active} active" if active else f"{new} new"
            self.layout.label(text=words, icon="DOT")
        elif active:
            self.layout.label(text=f"{active} active")

    def draw(self, context: bpy.types.Context) -> None:
        draw_jobs(self.layout, context)
        if current().bridge.snapshot.all:
            draw_section(self.layout, context, "grok_video_spending", "Spending", draw_spending)


class GROK_VIDEO_PT_request_sequencer(_RequestPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_strip_sequencer(_StripPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_jobs_sequencer(_JobsPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_request_view3d(_RequestPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class GROK_VIDEO_PT_strip_view3d(_StripPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class GROK_VIDEO_PT_jobs_view3d(_JobsPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


def _draw_dialog(layout: bpy.types.UILayout, text: str) -> Any:
    column = layout.column()
    # A menu that a key opens calls operators without a dialog: what it calls would be bought unseen, or held.
    column.operator_context = "INVOKE_DEFAULT"
    column.separator()
    return column.operator("grok_video.generate_dialog", text=text, icon="FILE_MOVIE")


def _draw_sequencer_add(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    _draw_dialog(self.layout, "Grok Video Clip…")


def _draw_view3d_view(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    # Below Viewport Render Image, where artists look for a picture of the viewport.
    _draw_dialog(self.layout, "Grok Video from Viewport…").source = "VIEWPORT"


def _draw_file_external(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("grok_video.collect_clips")
    self.layout.operator_context = "INVOKE_DEFAULT"
    self.layout.operator("grok_video.remove_unused_takes", text="Remove Unused Takes…")


def _draw_source(self: bpy.types.Panel, context: bpy.types.Context) -> None:
    # In the panel of a strip's file, where artists look when Blender draws the strip in red.
    draw_lost_strip(self.layout, context)


_CLASSES = (
    GROK_VIDEO_PT_request_sequencer,
    GROK_VIDEO_PT_strip_sequencer,
    GROK_VIDEO_PT_jobs_sequencer,
    GROK_VIDEO_PT_request_view3d,
    GROK_VIDEO_PT_strip_view3d,
    GROK_VIDEO_PT_jobs_view3d,
)
_MENUS = (
    ("SEQUENCER_MT_add", _draw_sequencer_add),
    ("VIEW3D_MT_view", _draw_view3d_view),
    ("TOPBAR_MT_file_external_data", _draw_file_external),
)


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

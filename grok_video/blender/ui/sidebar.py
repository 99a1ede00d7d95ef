"""The four panels of the sidebars, of equal rank and in the artist's order: *Generate*, *Shots*, *Strip*, *Jobs*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .. import sources
from ..session import watch
from ..session.state import current
from . import presets
from .cast import draw_cast
from .edit import draw_edit_animation
from .generate import draw_generate, draw_request, draw_scenes
from .jobs import draw_jobs, summary
from .look import draw_look
from .references import draw_pictures
from .shots import draw_shots
from .spending import draw_spending
from .strip import draw_strip
from .widgets import draw_section


class _Sidebar(bpy.types.Panel if TYPE_CHECKING else object):
    """What the main panels of both editors have in common."""

    bl_region_type = "UI"
    bl_category = watch.TAB


class _RequestPanel(_Sidebar):
    bl_label = "Generate"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        presets.GROK_VIDEO_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        with sources.image_size.in_redraw():
            draw_request(self.layout, context, draw_look)
            draw_section(
                self.layout, context, "grok_video_pictures", "References and Frames", draw_pictures
            )
            draw_section(self.layout, context, "grok_video_cast", "Cast", draw_cast)
            draw_scenes(self.layout, context)
            draw_generate(self.layout, context)
            draw_section(
                self.layout, context, "grok_video_animation", "Edit Animation", draw_edit_animation
            )


class _ShotsPanel(_Sidebar):
    bl_label = "Shots"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        if count := len(context.scene.grok_video.shots):
            self.layout.label(text=str(count))

    def draw(self, context: bpy.types.Context) -> None:
        draw_shots(self.layout, context)


class _StripPanel(_Sidebar):
    bl_label = "Strip"

    def draw(self, context: bpy.types.Context) -> None:
        with sources.image_size.in_redraw():
            draw_strip(self.layout, context)


class _JobsPanel(_Sidebar):
    bl_label = "Jobs"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        # In sight where the list itself is scrolled out of the sequencer's low sidebar.
        if words := summary():
            self.layout.label(text=words)

    def draw(self, context: bpy.types.Context) -> None:
        draw_jobs(self.layout, context)
        if current().bridge.snapshot.all:
            draw_section(self.layout, context, "grok_video_spending", "Spending", draw_spending)


class GROK_VIDEO_PT_request_sequencer(_RequestPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_shots_sequencer(_ShotsPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_strip_sequencer(_StripPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_jobs_sequencer(_JobsPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_request_view3d(_RequestPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class GROK_VIDEO_PT_shots_view3d(_ShotsPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class GROK_VIDEO_PT_strip_view3d(_StripPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class GROK_VIDEO_PT_jobs_view3d(_JobsPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


_CLASSES = (
    GROK_VIDEO_PT_request_sequencer,
    GROK_VIDEO_PT_shots_sequencer,
    GROK_VIDEO_PT_strip_sequencer,
    GROK_VIDEO_PT_jobs_sequencer,
    GROK_VIDEO_PT_request_view3d,
    GROK_VIDEO_PT_shots_view3d,
    GROK_VIDEO_PT_strip_view3d,
    GROK_VIDEO_PT_jobs_view3d,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)

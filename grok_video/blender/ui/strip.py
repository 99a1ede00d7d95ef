"""The panel *Strip*: what can be done with the active strip, one part a feature. It owns their order."""

from __future__ import annotations

import bpy

from .. import timeline
from .compare import draw_compare_of_active
from .edit import draw_edit
from .extend import draw_extend
from .finish import draw_finish
from .gap import draw_gap
from .loop import draw_loop_of_active
from .seam import draw_seam
from .slot import draw_slot
from .takes import draw_takes
from .use_settings import draw_use_settings
from .widgets import draw_quietly, draw_section

#: Parts that open and close: id, title, and the function that draws the part.
_SECTIONS = (
    ("grok_video_extend", "Extend", draw_extend),
    ("grok_video_edit", "Edit", draw_edit),
)


def draw_strip(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    editor = timeline.strips.target_scene(context).sequence_editor
    if editor is None or editor.active_strip is None:
        draw_quietly(layout, context, "No active strip")
        return
    draw_slot(layout, context)
    draw_finish(layout, context)
    draw_takes(layout, context)
    draw_loop_of_active(layout, context)
    draw_compare_of_active(layout, context)
    draw_seam(layout, context)
    draw_use_settings(layout, context)
    for name, title, draw in _SECTIONS:
        draw_section(layout, context, name, title, draw)
    draw_gap(layout, context)

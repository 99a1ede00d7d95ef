"""The job list's folder in the preferences: where it is, the move to another one, and how that goes."""

from __future__ import annotations

import textwrap

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.legible import legible
from .. import config
from ..refusal import Refused
from ..session import moving, queue, watch
from ..session.state import current
from .asking import Asks, Result, refuse
from .widgets import draw_wrapped

_LINE = 72  # characters of a line of the question


class GROK_VIDEO_OT_move_list(Asks, bpy.types.Operator):
    bl_idname = "grok_video.move_list"
    bl_label = "Move Job List"
    bl_description = (
        "Keep the list of your jobs, their costs and your limits in another folder. A list that lies there "
        "already is opened as it is"
    )
    bl_options = set()

    directory: StringProperty(
        name="Folder",
        description="The new folder; empty: the one that the system has for such data",
        options={"SKIP_SAVE"},
    )

    _question: tuple[str, ...] = ()

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        try:
            self._question = moving.would(moving.target_of(self.directory)[0])
        except Refused as error:
            return refuse(self, error)
        title = self._question[0]
        # Not ``invoke_confirm``, whose one line is wider than the window where folders have long names.
        return context.window_manager.invoke_props_dialog(
            self, width=500, title=title, confirm_text=title.split()[0]
        )

    def draw(self, _context: bpy.types.Context) -> None:
        for sentence in self._question[1:]:
            column = self.layout.column(align=True)
            for line in textwrap.wrap(legible(sentence), _LINE):
                column.label(text=line, translate=False)

    def run(self, _context: bpy.types.Context) -> Result:
        moving.begin(self.directory)
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_choose_list_folder(bpy.types.Operator):
    bl_idname = "grok_video.choose_list_folder"
    bl_label = "Choose Folder"
    bl_description = "Choose the folder in which the list of your jobs is kept"
    bl_options = {"INTERNAL"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        self.directory = str(current().bridge.data_dir.parent)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context: bpy.types.Context) -> Result:
        bpy.ops.grok_video.move_list("INVOKE_DEFAULT", directory=self.directory)
        return {"FINISHED"}


class GROK_VIDEO_OT_stop_move(bpy.types.Operator):
    bl_idname = "grok_video.stop_move"
    bl_label = "Stop"
    bl_description = "Stop the move. The job list stays where it is"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> Result:
        moving.stop()
        return {"FINISHED"}


def draw_list_folder(
    layout: bpy.types.UILayout, context: bpy.types.Context, own: config.Preferences
) -> None:
    """Draw where the job list is, with the button that moves it, or how far the move is."""
    session = current()
    row = layout.row(align=True)
    field = row.row(align=True)
    field.enabled = False
    field.prop(own, "ledger_dir", placeholder=legible(str(session.bridge.data_dir)))
    process = session.moving.process
    if process is None:
        row.operator("grok_video.choose_list_folder", text="", icon="FILE_FOLDER")
        if config.preferences().ledger_dir:
            row.operator("grok_video.move_list", text="", icon="LOOP_BACK").directory = ""
    else:
        row = layout.row(align=True)
        done, of = process.progress
        row.progress(factor=done / of if of else 0.0, text=legible(f"Moving to {process.target}"))
        row.operator("grok_video.stop_move", text="", icon="X", emboss=False)
    if trouble := session.moving.message or queue.list_refusal():
        draw_wrapped(layout, context, trouble, "ERROR")


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_move_list,
        GROK_VIDEO_OT_choose_list_folder,
        GROK_VIDEO_OT_stop_move,
    )
)

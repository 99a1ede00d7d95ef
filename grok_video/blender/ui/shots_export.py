"""*Export Render Job…*: the shot list as a job for a farm, in a folder that its hosts share."""

from __future__ import annotations

import os
import textwrap

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...core.legible import legible
from .. import folders, telling
from ..refusal import Refused
from ..session import shots_export
from .asking import Asks, Result, refuse

_LINE = 44  # characters of a line in the sidebar of the file browser
_ABOUT = {
    "OPENJD": "Stills on any number of hosts, one task that buys, one that places. For engines that read Open Job Description",
    "FLAMENCO": "A job type for Flamenco Manager, and the job for it",
}
#: As Blender wants them.
_ENGINES = [
    (name, label, _ABOUT[name], number)
    for number, (name, label) in enumerate(shots_export.ENGINES.items())
]


class GROK_VIDEO_OT_export_render_job(Asks, bpy.types.Operator):
    bl_idname = "grok_video.export_render_job"
    bl_label = "Export Render Job"
    bl_description = (
        "Write the shot list as a job for a farm, into a folder that all its hosts share: they render the stills, one "
        "of them buys the clips. Nothing is bought by the export"
    )
    bl_options = {"REGISTER"}

    filepath: StringProperty(
        name="Folder",
        description="The folder of the job, which is made where there is none",
        subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )
    engine: EnumProperty(
        name="Engine",
        description="What runs the job",
        items=_ENGINES,
        default="OPENJD",
    )
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        try:
            shots_export.refuse_unsaved()
        except Refused as error:
            return refuse(self, error)
        if not self.filepath:
            stem, _ = os.path.splitext(bpy.data.filepath)
            self.filepath = f"{stem}_job"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.prop(self, "engine")
        column = self.layout.column(align=True)
        for line in textwrap.wrap(
            f"{_ABOUT[self.engine]}. The key of the API is in no file of it.", _LINE
        ):
            column.label(text=line, translate=False)

    def run(self, context: bpy.types.Context) -> Result:
        folder = folders.understood(self.filepath)
        if folder is None:
            raise Refused("There is no name for the folder.")
        made = shots_export.export(context, context.scene, folder, self.engine)
        for sentence in made.left_out:
            telling.report(self, "WARNING", legible(sentence))
        telling.report(self, "INFO", legible(shots_export.summary_of(made)))
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_export_render_job,))

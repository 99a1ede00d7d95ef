"""What is done to the rows of a shot list by hand: adding, copying, moving, removing, switching on and off."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ...core.cast import free_name
from ...core.shot import frame_at
from ...core.spec import new_id
from .. import scenes, timeline
from ..refusal import Refused
from ..session import shots
from .asking import Asks, Result
from .shot_properties import GrokVideoShot

#: What a shot is called that was given no name.
NAMELESS = "Shot"
#: What a copy of a row does not take over: what jobs know the row by, and the job itself.
_OF_ONE_ROW = {"rna_type", "mark", "name", "job"}
INDEX = IntProperty(
    name="Index",
    description="Number of the shot in the list; -1: the one that is shown",
    default=-1,
    min=-1,
    options={"SKIP_SAVE"},
)


def read_only(scene: bpy.types.Scene) -> str:
    """'' or why the shot list of ``scene`` cannot be changed."""
    if scene.library is None and scene.override_library is None:
        return ""
    return f"The scene “{scene.name}” is linked from another file, and its shot list cannot be changed."


def list_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose list is changed: that of the window. Raises Refused."""
    if why := read_only(context.scene):
        raise Refused(why, "Choose a local scene.")
    return context.scene


def shown(scene: bpy.types.Scene, index: int = -1) -> int:
    """The number of the row that is meant, below 0 for the one that is shown. Raises Refused."""
    chosen = scene.grok_video
    number = chosen.shots_index if index < 0 else index
    if not 0 <= number < len(chosen.shots):
        empty = not len(chosen.shots)
        words = "There is no shot in the list." if empty else "No shot of the list is chosen."
        raise Refused(words, "Add one with +." if empty else "Click one.")
    return number


def new_row(scene: bpy.types.Scene, name: str) -> GrokVideoShot:
    """A row at the end of the list, called ``name``, known to no job."""
    row: GrokVideoShot = scene.grok_video.shots.add()
    row.mark, row.name = new_id(), name
    return row


class GROK_VIDEO_OT_add_shot(Asks, bpy.types.Operator):
    bl_idname = "grok_video.add_shot"
    bl_label = "Add Shot"
    bl_description = "Add a shot of the camera at the current frame to the list"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="Empty: “Shot”", options={"SKIP_SAVE"})

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        chosen = scene.grok_video
        edit = timeline.strips.target_scene(context)
        name = free_name(self.name or NAMELESS, [row.name for row in chosen.shots])
        row = new_row(scene, name)
        row.frame = scene.frame_current
        row.target_frame = frame_at(row.frame, scenes.rate(scene), scenes.rate(edit))
        chosen.shots_index = len(chosen.shots) - 1
        return {"FINISHED"}


class GROK_VIDEO_OT_duplicate_shot(Asks, bpy.types.Operator):
    bl_idname = "grok_video.duplicate_shot"
    bl_label = "Duplicate Shot"
    bl_description = "Add a copy of this shot below it. The copy was not made yet"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: INDEX

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        rows = scene.grok_video.shots
        number = shown(scene, self.index)
        copy = new_row(scene, free_name(rows[number].name, [row.name for row in rows]))
        row = rows[number]  # again: an added row may have moved the others in memory
        names = set(row.bl_rna.properties.keys()) - _OF_ONE_ROW
        for name in sorted(names, key=lambda name: name.endswith("_name")):
            setattr(
                copy, name, getattr(row, name)
            )  # what is called so is chosen before: that sets the name anew
        rows.move(len(rows) - 1, number + 1)
        scene.grok_video.shots_index = number + 1
        return {"FINISHED"}


class GROK_VIDEO_OT_remove_shot(Asks, bpy.types.Operator):
    bl_idname = "grok_video.remove_shot"
    bl_label = "Remove Shot"
    bl_description = "Take this shot out of the list. What was made of it stays"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: INDEX

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        chosen = scene.grok_video
        number = shown(scene, self.index)
        chosen.shots.remove(number)
        if chosen.shots_index > number or chosen.shots_index >= len(chosen.shots):
            chosen.shots_index = max(min(chosen.shots_index - 1, len(chosen.shots) - 1), 0)
        return {"FINISHED"}


class GROK_VIDEO_OT_move_shot(Asks, bpy.types.Operator):
    bl_idname = "grok_video.move_shot"
    bl_label = "Move Shot"
    bl_description = "Move this shot in the list. Shots are made in its order"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: INDEX
    direction: EnumProperty(name="Direction", items=(("UP", "Up", ""), ("DOWN", "Down", "")))

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        chosen = scene.grok_video
        number = shown(scene, self.index)
        place = number + (-1 if self.direction == "UP" else 1)
        if not 0 <= place < len(chosen.shots):
            return {"CANCELLED"}
        chosen.shots.move(number, place)
        chosen.shots_index = place
        return {"FINISHED"}


class GROK_VIDEO_OT_clear_shots(Asks, bpy.types.Operator):
    bl_idname = "grok_video.clear_shots"
    bl_label = "Clear Shots"
    bl_description = "Take all shots out of the list. What was made of them stays"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> Result:
        chosen = list_scene(context).grok_video
        if not len(chosen.shots):
            raise Refused("There is no shot in the list.")
        chosen.shots.clear()
        chosen.shots_index = 0
        return {"FINISHED"}


class GROK_VIDEO_OT_enable_shots(Asks, bpy.types.Operator):
    bl_idname = "grok_video.enable_shots"
    bl_label = "Enable Shots"
    bl_description = "Choose which shots of the list are generated"
    bl_options = {"REGISTER", "UNDO"}

    which: EnumProperty(
        name="Which",
        items=(
            ("ALL", "All", "Every shot"),
            ("NONE", "None", "No shot"),
            ("FAILED", "Failed", "Those whose last clip was not made, and no other"),
        ),
    )

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        rows = scene.grok_video.shots
        if not len(rows):
            raise Refused("There is no shot in the list.", "Add one with +.")
        failed: Any = ()
        if self.which == "FAILED":
            shots.marked(scene)
            failed = {row.mark for row in shots.failed(scene)}
            if not failed:
                raise Refused("No shot of the list has failed.")
        for row in rows:
            row.enabled = self.which == "ALL" or row.mark in failed
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_add_shot,
        GROK_VIDEO_OT_duplicate_shot,
        GROK_VIDEO_OT_remove_shot,
        GROK_VIDEO_OT_move_shot,
        GROK_VIDEO_OT_clear_shots,
        GROK_VIDEO_OT_enable_shots,
    )
)

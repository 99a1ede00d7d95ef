"""Presets of the panel *Generate*, in Blender's own preset system: prompt and settings, pictures as file paths.

A preset is a file of Python, as all of Blender's are, in the user's ``presets/grok_video``; the files stay when the
extension is removed. A preset sets ``scene.grok_video.nearest``, so one of another version, or with values that there
are not, sets what it can. Presets hold no datablocks: what a preset cannot hold is said when the preset is made.
"""

from __future__ import annotations

import os
from typing import Any, cast

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel
from bpy.props import StringProperty

from ...core.legible import legible
from .. import scenes, submission, telling
from ..refusal import Refused
from .asking import Asks, Result, refuse
from .nearest import file_of

_SETTINGS = (
    # The model first, which says what the others can be.
    *("model", "model_other", "source", "image", "duration", "resolution", "aspect_ratio"),
    *("generate_audio", "references", "end_frame", "keyframes", "loop", "draft", "prompt"),
)
_FOLDER = "grok_video"
_NAMED = 5  # pictures that a sentence names


class GROK_VIDEO_PT_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Grok Video Presets"
    preset_subdir = _FOLDER
    preset_operator = "grok_video.use_preset"
    preset_add_operator = "grok_video.preset_add"


class AddsPreset(AddPresetBase):
    """Operators that make or remove a preset, and say what it does not hold."""

    @staticmethod
    def not_kept(scene: bpy.types.Scene) -> list[str]:
        """What of the panel no preset can hold, each with its name."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> Result:
        asked: Any = self  # the stubs do not know the base's properties
        adds = not (asked.remove_name or asked.remove_active)
        if adds and asked.name.strip() and not self.as_filename(asked.name):
            # Blender would write a hidden file, and show no preset.
            return refuse(
                asked, Refused("This name has no letter.", "Give the preset another name.")
            )
        result: Result = cast(Any, AddPresetBase).execute(self, context)
        if adds and "FINISHED" in result and (lost := asked.not_kept(context.scene)):
            more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
            words = (
                f"A preset holds settings and files, and so not {', '.join(lost[:_NAMED])}{more}."
            )
            telling.report(asked, "WARNING", words)
        return result


class GROK_VIDEO_OT_preset_add(AddsPreset, bpy.types.Operator):
    bl_idname = "grok_video.preset_add"
    bl_label = "Add Grok Video Preset"
    bl_description = "Keep prompt and settings of the panel as a preset, or remove a preset"
    preset_menu = "GROK_VIDEO_PT_presets"
    preset_subdir = _FOLDER
    # No name for the settings in ``preset_defines``: with Python 3.13, Debian's 4.3 loses what is defined there.
    preset_values = tuple(f"bpy.context.scene.grok_video.nearest.{name}" for name in _SETTINGS)

    @staticmethod
    def not_kept(scene: bpy.types.Scene) -> list[str]:
        return not_kept(scene)


class UsesPreset(Asks):
    """Operators that set the panel to a preset; the class says of which panel, and which setting has its pictures."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    panel = ""
    pictures = ""

    def run(self, context: bpy.types.Context) -> Result:
        scene = context.scene
        near = scene.grok_video.nearest
        if why := scenes.settings_refusal(scene):
            raise Refused(why)
        if not os.path.isfile(self.filepath):
            raise Refused(f"There is no preset {self.filepath}.", "It was removed meanwhile.")
        try:
            bpy.ops.script.execute_preset(filepath=self.filepath, menu_idname=self.panel)
        except RuntimeError as error:
            name = bpy.path.display_name(self.filepath, title_case=False)
            raise Refused(
                f"The preset “{name}” broke off: {error}", "Make it anew, and remove this one."
            ) from error
        paths: Any = getattr(near, self.pictures)
        if gone := [str(path) for path in paths if not os.path.exists(path)]:
            names = ", ".join(f"“{bpy.path.basename(path)}”" for path in gone[:_NAMED])
            telling.report(self, "WARNING", f"Gone, and to be chosen anew or removed: {names}.")
        return {"FINISHED"}


class GROK_VIDEO_OT_use_preset(UsesPreset, bpy.types.Operator):
    bl_idname = "grok_video.use_preset"
    bl_label = "Use Preset"
    bl_description = "Set the panel to prompt and settings of this preset"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}  # Blender's own operator is no undo step
    panel = "GROK_VIDEO_PT_presets"
    pictures = "references"


def not_kept(scene: bpy.types.Scene) -> list[str]:
    """What of the panel no preset can hold, each with its name: what is only in this .blend."""
    chosen, lost = scene.grok_video, list[str]()
    if chosen.source == "IMAGE" and chosen.image is not None and not file_of(chosen.image):
        lost.append(f"the image {_quoted(chosen.image)}")
    lost += lost_of(chosen.references)
    for prompt in submission.variants.asked_for(scene).prompts:
        for one in submission.cast.told(scene, prompt).members:
            if (words := f"the character “{legible(one.name)}”") not in lost:
                lost.append(words)
    if chosen.end_frame and chosen.end_camera is not None:
        lost.append(f"the end camera {_quoted(chosen.end_camera)}")
    return lost


def lost_of(references: Any) -> list[str]:
    """The references that no preset can hold: images without a file."""
    return [
        f"the reference {_quoted(one.image)}"
        for one in references
        if one.image is not None and not file_of(one.image)
    ]


def _quoted(block: bpy.types.ID) -> str:
    return f"“{legible(block.name)}”"


register, unregister = bpy.utils.register_classes_factory(
    (GROK_VIDEO_OT_preset_add, GROK_VIDEO_OT_use_preset, GROK_VIDEO_PT_presets)
)

"""Presets of the part *Look*, as those of *Generate* are: words and settings, pictures as file paths."""

from __future__ import annotations

import bpy
from bl_ui.utils import PresetPanel

from .presets import AddsPreset, UsesPreset, lost_of

_SETTINGS = ("look_model", "look_quality", "look_size", "look_references", "look_prompt")
_FOLDER = "grok_video_look"


class GROK_VIDEO_PT_look_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Look Presets"
    preset_subdir = _FOLDER
    preset_operator = "grok_video.use_look_preset"
    preset_add_operator = "grok_video.look_preset_add"


class GROK_VIDEO_OT_look_preset_add(AddsPreset, bpy.types.Operator):
    bl_idname = "grok_video.look_preset_add"
    bl_label = "Add Look Preset"
    bl_description = "Keep prompt and settings of the look as a preset, or remove a preset"
    preset_menu = "GROK_VIDEO_PT_look_presets"
    preset_subdir = _FOLDER
    preset_values = tuple(f"bpy.context.scene.grok_video.nearest.{name}" for name in _SETTINGS)

    @staticmethod
    def not_kept(scene: bpy.types.Scene) -> list[str]:
        return lost_of(scene.grok_video.look_references)


class GROK_VIDEO_OT_use_look_preset(UsesPreset, bpy.types.Operator):
    bl_idname = "grok_video.use_look_preset"
    bl_label = "Use Preset"
    bl_description = "Set the look to prompt and settings of this preset"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}
    panel = "GROK_VIDEO_PT_look_presets"
    pictures = "look_references"


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_look_preset_add,
        GROK_VIDEO_OT_use_look_preset,
        GROK_VIDEO_PT_look_presets,
    )
)

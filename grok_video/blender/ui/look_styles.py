"""Words to begin a look with: one for each way in which pictures are often made."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

_KEEP = "Keep camera, framing, poses and silhouettes exactly as they are."
#: Identifier, name, and the words.
STYLES = (
    (
        "STORYBOARD",
        "Storyboard",
        "A storyboard frame in soft pencil with grey wash on white paper, loose hatching in the shadows, clear outlines",
    ),
    (
        "GOUACHE",
        "Gouache",
        "A gouache painting with flat opaque colours, visible brush strokes, muted palette, light paper grain",
    ),
    (
        "CLAY",
        "Clay",
        "A stop-motion set of modelling clay with fingerprints, rounded edges, soft studio light, shallow depth of field",
    ),
    (
        "FILM",
        "Film",
        "A frame of a live-action film with real materials, natural light from one side, fine grain, subtle haze",
    ),
    (
        "PRODUCT",
        "Product",
        "A product photograph on a seamless backdrop with large softboxes, clean reflections, crisp detail",
    ),
    (
        "NIGHT",
        "Night",
        "The same place at night after rain: wet ground, warm windows, cool moonlight, deep but readable shadows",
    ),
)
_WORDS = {name: f"{words}. {_KEEP}" for name, _, words in STYLES}


class GROK_VIDEO_OT_use_look_style(bpy.types.Operator):
    bl_idname = "grok_video.use_look_style"
    bl_label = "Use Style"
    bl_description = "Put words for this style into the prompt of the look"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    style: EnumProperty(
        name="Style", items=[(name, label, f"{words}.") for name, label, words in STYLES]
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.grok_video.look_prompt = _WORDS[self.style]
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_use_look_style,))

"""The cast in the panel: the list of characters with their pictures and voices, and what the prompt makes of them."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ...core.job import Job
from ...core.legible import legible
from .. import submission
from ..refusal import Refused
from ..session import voices
from . import references
from .asking import Asks, Result, settings_of
from .cast_properties import NAMELESS, GrokVideoCharacter
from .widgets import draw_quietly, draw_wrapped

_ROWS = 3
_MOST_NOTES = 8
INDEX = IntProperty(
    name="Index",
    description="Number of the character in the list; -1: the one that is shown",
    default=-1,
    min=-1,
    options={"SKIP_SAVE"},
)


def _number(scene: bpy.types.Scene, index: int) -> int:
    """The number of the character that is meant. Raises Refused."""
    chosen = scene.grok_video
    number = chosen.cast_index if index < 0 else index
    if number >= len(chosen.cast):
        raise Refused("There is no such character.", "Add one with +.")
    return number


class GROK_VIDEO_UL_cast(bpy.types.UIList):
    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        item: Any,
        _icon: int,
        _active_data: Any,
        _active_property: str,
        index: int = 0,
    ) -> None:
        row = layout.row(align=True)
        first = next((one.image for one in item.images if one.image is not None), None)
        if first is None:
            row.prop(item, "name", text="", emboss=False, icon="USER")
        else:
            row.prop(item, "name", text="", emboss=False, icon_value=row.icon(first))
        row.label(text="", icon="SPEAKER" if item.voice.strip() else "BLANK1")
        insert = row.operator("grok_video.insert_character", text="", icon="TEXT", emboss=False)
        insert.index = index


class GROK_VIDEO_OT_add_character(Asks, bpy.types.Operator):
    bl_idname = "grok_video.add_character"
    bl_label = "Add Character"
    bl_description = "Add a character that the prompt can name, as @Name"
    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="Empty: “Character”", options={"SKIP_SAVE"})

    def run(self, context: bpy.types.Context) -> Result:
        chosen = settings_of(context)
        chosen.cast.add().name = self.name or NAMELESS  # becomes one that is free
        chosen.cast_index = len(chosen.cast) - 1
        return {"FINISHED"}


class GROK_VIDEO_OT_remove_character(Asks, bpy.types.Operator):
    bl_idname = "grok_video.remove_character"
    bl_label = "Remove Character"
    bl_description = "Take this character out of the cast, with its list of pictures and its voice"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: INDEX

    def run(self, context: bpy.types.Context) -> Result:
        chosen = settings_of(context)
        number = _number(context.scene, self.index)
        chosen.cast.remove(number)
        if chosen.cast_index > number or chosen.cast_index == len(chosen.cast):
            chosen.cast_index = max(chosen.cast_index - 1, 0)
        return {"FINISHED"}


class GROK_VIDEO_OT_move_character(Asks, bpy.types.Operator):
    bl_idname = "grok_video.move_character"
    bl_label = "Move Character"
    bl_description = "Move this character in the list. Pictures are sent in its order"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: INDEX
    direction: EnumProperty(name="Direction", items=(("UP", "Up", ""), ("DOWN", "Down", "")))

    def run(self, context: bpy.types.Context) -> Result:
        chosen = settings_of(context)
        number = _number(context.scene, self.index)
        place = number + (-1 if self.direction == "UP" else 1)
        if not 0 <= place < len(chosen.cast):
            return {"CANCELLED"}
        chosen.cast.move(number, place)
        chosen.cast_index = place
        return {"FINISHED"}


class GROK_VIDEO_OT_insert_character(Asks, bpy.types.Operator):
    bl_idname = "grok_video.insert_character"
    bl_label = "Insert into Prompt"
    bl_description = "Put @ and the name of this character at the end of the prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: INDEX

    def run(self, context: bpy.types.Context) -> Result:
        chosen = settings_of(context)
        chosen.add_words(f"@{chosen.cast[_number(context.scene, self.index)].name}")
        return {"FINISHED"}


_VOICE_ITEMS: list[tuple[str, str, str]] = []


def _voices(_self: object, _context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    # Kept in a list of the module: Blender keeps no reference to the strings of dynamic items.
    _VOICE_ITEMS[:] = [(voice, voice, "") for voice in voices.known()]
    return _VOICE_ITEMS


class GROK_VIDEO_OT_choose_voice(Asks, bpy.types.Operator):
    bl_idname = "grok_video.choose_voice"
    bl_label = "Choose a Voice"
    bl_description = "Let the character speak with a voice that is known"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: INDEX
    voice: EnumProperty(name="Voice", items=_voices)

    def run(self, context: bpy.types.Context) -> Result:
        settings_of(context).cast[_number(context.scene, self.index)].voice = self.voice
        return {"FINISHED"}


def draw_cast(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the list of characters, and the one that is chosen."""
    chosen = context.scene.grok_video
    layout.use_property_split = False
    if not len(chosen.cast):
        layout.operator("grok_video.add_character", icon="ADD")
        return
    row = layout.row()
    row.template_list(
        "GROK_VIDEO_UL_cast", "", chosen, "cast", chosen, "cast_index", rows=_ROWS, maxrows=8
    )
    side = row.column(align=True)
    side.operator("grok_video.add_character", text="", icon="ADD")
    less = side.column(align=True)
    less.enabled = chosen.cast_index < len(chosen.cast)
    less.operator("grok_video.remove_character", text="", icon="REMOVE")
    if len(chosen.cast) > 1:
        side.separator()
        up = side.operator("grok_video.move_character", text="", icon="TRIA_UP")
        up.direction = "UP"
        down = side.operator("grok_video.move_character", text="", icon="TRIA_DOWN")
        down.direction = "DOWN"
    if chosen.cast_index < len(chosen.cast):
        _draw_character(layout, context, chosen.cast[chosen.cast_index])
    makes = chosen.model_row().makes
    lacks = [what for what in ("references", "voices") if what not in makes]
    if lacks:
        words = f"{chosen.model_row().label} takes no {' and no '.join(lacks)}"
        draw_wrapped(layout, context, words, "INFO")


def _draw_character(
    layout: bpy.types.UILayout, context: bpy.types.Context, character: GrokVideoCharacter
) -> None:
    column = layout.column(align=True)
    insert = column.operator(
        "grok_video.insert_character", text=legible(f"Insert @{character.name}"), icon="TEXT"
    )
    insert.index = -1
    row = column.row(align=True)
    row.prop(character, "voice", text="", icon="SPEAKER", placeholder="Voice")
    row.operator_menu_enum("grok_video.choose_voice", "voice", text="", icon="DOWNARROW_HLT")
    if character.voice.strip() and voices.is_unknown(character.voice):
        # No error: an account may have voices of its own, which are in no list.
        draw_wrapped(layout, context, "The service's list has no such voice", "INFO")
    column = layout.column()
    for number, picture in enumerate(character.images):
        tools = references.draw_picture(column, picture, number, character.name)
        tools.label(text=f"Picture {number + 1}")
    full = len(character.images) >= references.MOST_PICTURES
    references.draw_add(column, character.name, full=full)


def draw_notes(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what the characters that the prompt names become when it is sent."""
    scene = context.scene
    asked = submission.variants.asked_for(scene)
    people = submission.cast.characters(scene, "\n".join(asked.prompts))
    for number, prompt in enumerate(asked.prompts, 1):
        said = submission.cast.told(scene, prompt, people)
        if not said.notes:
            continue
        notes = [*said.notes[:_MOST_NOTES]]
        if more := len(said.notes) - _MOST_NOTES:
            notes += [f"{more} more"] if more > 0 else []
        which = f"Variant {number}: " if asked.count > 1 else ""
        draw_quietly(layout, context, f"{which}{'; '.join(notes)}", "USER")
        if said.voices and not scene.grok_video.generate_audio:
            draw_quietly(layout, context, "Without sound no voice is heard", "INFO")
        return


def draw_voices_of_refusal(
    layout: bpy.types.UILayout, context: bpy.types.Context, job: Job
) -> None:
    """Draw a choice of the voices that the service offered when it refused a job's, for each character that had none of them."""
    offered = {voice.casefold() for voice in voices.offered_by(job)}
    for member in job.spec.cast:
        there = submission.cast.named(context.scene, member.name)
        if not offered or there is None or there.voice.strip().casefold() in ("", *offered):
            continue
        row = layout.row()
        menu = row.operator_menu_enum(
            "grok_video.choose_voice",
            "voice",
            text=legible(f"Voice of {member.name[:40]}"),
            icon="SPEAKER",
        )
        menu.index = list(context.scene.grok_video.cast).index(there)


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_UL_cast,
        GROK_VIDEO_OT_add_character,
        GROK_VIDEO_OT_remove_character,
        GROK_VIDEO_OT_move_character,
        GROK_VIDEO_OT_insert_character,
        GROK_VIDEO_OT_choose_voice,
    )
)

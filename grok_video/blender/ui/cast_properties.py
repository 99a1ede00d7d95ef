"""What the artist sets of a cast: characters with pictures and a voice, kept in the .blend; and what one picture is.

RNA holds the artist's inputs only. What a prompt makes of a cast is ``core.cast``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import bpy
from bpy.props import CollectionProperty, PointerProperty, StringProperty

from ...core.cast import LONGEST_NAME, clean_name, free_name, renamed
from ...core.spec import Character
from ..session import voices
from .settings_version import touched

#: What a character is called that was given no name.
NAMELESS = "Character"
#: The prompts of a scene's settings; one may be a text datablock.
_PROMPTS = ("prompt", "extend_prompt", "edit_prompt", "gap_prompt")


def _touched(self: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    touched(cast("bpy.types.Scene", self.id_data).grok_video, context)


def is_camera(_self: object, item: bpy.types.Object) -> bool:
    return item.type == "CAMERA"


class GrokVideoReference(bpy.types.PropertyGroup):
    """A reference: a picture from which the model shall take a thing, a person or a look."""

    image: PointerProperty(
        name="Image",
        description="The picture that is sent",
        type=bpy.types.Image,
        update=_touched,
    )
    camera: PointerProperty(
        name="Camera",
        description="The camera that the picture was taken from",
        type=bpy.types.Object,
        poll=is_camera,
        update=_touched,
    )


def _named(self: GrokVideoCharacter, context: bpy.types.Context) -> None:
    listed = cast("bpy.types.Scene", self.id_data).grok_video.cast
    others = [one.name for one in listed if one != self]
    name = free_name(clean_name(self.name) or NAMELESS, others)
    if name != self.name:
        self.name = name  # calls this function again, which finds nothing to change
        return
    before, self.prompted = self.prompted, name
    if before and before != name:
        _carry_through(self, before)
    _touched(self, context)


def keep_names(listed: Iterable[GrokVideoCharacter]) -> None:
    """Note what the characters of a file of 0.5.0 are called, as those of later versions do."""
    for one in listed:
        if not one.prompted:
            one.prompted = one.name


def _carry_through(character: GrokVideoCharacter, before: str) -> None:
    """Let the prompts of the scene name a character as it is called now, and not as ``before``.

    A text that is another scene's prompt as well, or lies in a library, stays: that scene has a cast of its own.
    """
    scene = cast("bpy.types.Scene", character.id_data)
    chosen = scene.grok_video
    listed = [Character(before if one == character else one.name) for one in chosen.cast]
    number = next(n for n, one in enumerate(chosen.cast) if one == character)
    for name in _PROMPTS:
        written = getattr(chosen, name)
        if (prompt := renamed(written, listed, number, character.name)) != written:
            setattr(chosen, name, prompt)
    text = chosen.prompt_text
    users = [one for one in bpy.data.scenes if one.grok_video.prompt_text == text]
    if text is None or text.library is not None or users != [scene]:
        return
    for line in text.lines:
        if (words := renamed(line.body, listed, number, character.name)) != line.body:
            line.body = words


def _voices_known(_self: object, _context: bpy.types.Context, typed: str) -> list[str]:
    """The voices that are known and hold what is ``typed``: suggestions of the field."""
    return [voice for voice in voices.known() if typed.lower() in voice.lower()]


class GrokVideoCharacter(bpy.types.PropertyGroup):
    """A character of the cast: whom ``@Name`` in the prompt means."""

    name: StringProperty(
        name="Name",
        description="How the prompt names this character, behind an @",
        maxlen=LONGEST_NAME * 4,  # bytes
        update=_named,
    )
    prompted: StringProperty(
        name="Name in Prompts",
        description="The name that the prompts of the scene have for this character: they follow a new one",
        options={"HIDDEN"},
    )
    images: CollectionProperty(
        name="Pictures",
        description="Pictures of this character. They are sent where the prompt names it",
        type=GrokVideoReference,
    )
    voice: StringProperty(
        name="Voice",
        description="Id of the voice in which this character speaks. Empty: none is asked for",
        maxlen=128,
        search=_voices_known,
        update=_touched,
    )

"""What the artist sets of a cast: characters with pictures and a voice, kept in the .blend; and what one picture is.

RNA holds the artist's inputs only. What a prompt makes of a cast is ``core.cast``'s.
"""

from __future__ import annotations

from typing import cast

import bpy
from bpy.props import CollectionProperty, PointerProperty, StringProperty

from ...core.cast import LONGEST_NAME, clean_name, free_name
from ..session import voices
from .settings_version import touched

#: What a character is called that was given no name.
NAMELESS = "Character"


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
    _touched(self, context)


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

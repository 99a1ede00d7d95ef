"""What the artist sets for looks, and the look in use: parts of ``scene.grok_video`` and ``window_manager.grok_video``."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...service import look_models

# Tables that live on: Blender keeps no reference to the strings of dynamic items.
_MODEL_ITEMS = tuple(
    (model.id, model.label, f"Makes looks from {model.most_pictures} pictures at most", number)
    for number, model in enumerate(look_models.LOOK_MODELS.values())
)
_SIZES = {
    "1k": "About 1 megapixel: enough for clips up to 720p",
    "2k": "About 4 megapixels: for 1080p",
}
_SIZE_ITEMS = {
    model.id: [
        (name.upper(), name.upper(), _SIZES[name], "", look_models.RESOLUTIONS.index(name))
        for name in model.resolutions
    ]
    for model in look_models.LOOK_MODELS.values()
}


def _size_items(
    self: Any, _context: bpy.types.Context | None
) -> list[tuple[str, str, str, str, int]]:
    return _SIZE_ITEMS.get(self.look_model, _SIZE_ITEMS[look_models.DEFAULT_LOOK_MODEL])


class GrokVideoLookReference(bpy.types.PropertyGroup):
    """A picture that a look takes something from: a mood, a character, the look of the shot before."""

    image: PointerProperty(
        name="Image", description="The picture that is sent", type=bpy.types.Image
    )


class GrokVideoLook(bpy.types.PropertyGroup):
    """The look in use: the picture that is the first frame in place of the render that it was made from."""

    job: StringProperty(
        name="Job", description="Id of the job that made the look; empty: none is in use"
    )
    image: PointerProperty(name="Image", description="The look", type=bpy.types.Image)
    source: StringProperty(name="Source", description="The source of the render")
    of_image: PointerProperty(
        name="Of Image", description="The image that was the source", type=bpy.types.Image
    )
    scene: StringProperty(name="Scene", description="The scene that was rendered")
    camera: StringProperty(name="Camera", description="The camera of the render")
    frame: FloatProperty(name="Frame", description="The frame of the render")
    width: IntProperty(name="Width", description="Pixels of the render", min=0)
    height: IntProperty(name="Height", description="Pixels of the render", min=0)
    render: StringProperty(name="Render", description="SHA-256 of the file of the render")
    view: StringProperty(name="View", description="Stands for what the render was seen from")


class LookSettings:
    """The part of ``scene.grok_video`` that is about looks."""

    look_prompt: StringProperty(
        name="Look Prompt",
        description="What the picture shall look like: style, material, light, colours. The geometry of the source stays",
    )
    look_model: EnumProperty(
        name="Look Model",
        description="The model that makes the look",
        items=_MODEL_ITEMS,
        default=look_models.DEFAULT_LOOK_MODEL,
    )
    look_quality: EnumProperty(
        name="Look Quality",
        description="How carefully the look is made",
        items=(
            ("LOW", "Low", "Quick and cheap, to find a direction", "", 0),
            ("MEDIUM", "Medium", "Closer to the prompt and to the source", "", 1),
        ),
        default="MEDIUM",
    )
    look_size: EnumProperty(
        name="Look Size", description="How large the look is made", items=_size_items
    )
    look_references: CollectionProperty(
        name="Look References",
        description="Pictures that the look takes something from",
        type=GrokVideoLookReference,
    )
    look_frames: BoolProperty(
        name="Frames in the Look",
        description="Send end frame and keyframes in the look where that was made, and not as they are rendered",
        default=True,
    )
    look: PointerProperty(
        name="Look", description="The look that is the first frame", type=GrokVideoLook
    )


class LookList:
    """The part of ``window_manager.grok_video`` that is about looks."""

    look: StringProperty(
        name="Look", description="Id of the look that is shown; empty: the newest of the source"
    )


CLASSES = (GrokVideoLookReference, GrokVideoLook)

"""What the artist sets per scene, and how the list of jobs is shown.

RNA holds the artist's inputs only: jobs are read from the ledger's snapshot and never mirrored here.
"""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...service import models
from ..session import questions

SOURCE_ITEMS = (
    ("CAMERA", "Camera", "Render the scene's camera at the current frame", "CAMERA_DATA", 0),
    ("VIEWPORT", "3D Viewport", "Take the 3D viewport as it looks", "VIEW3D", 1),
    ("RENDER_RESULT", "Render Result", "Take the last render of this scene", "RENDER_RESULT", 2),
    ("IMAGE", "Image", "Take an image of this file", "IMAGE_DATA", 3),
    ("SEQUENCER", "Sequencer", "Take the sequencer's picture at its playhead", "SEQUENCE", 4),
    ("NONE", "Text Only", "Make the clip from the prompt alone", "TEXT", 5),
)
# Tables that live on: Blender keeps no reference to the strings of dynamic items.
OTHER_MODEL = "OTHER"
_MODEL_ITEMS = (
    *(
        (m.id, m.label, f"Makes clips of {m.min_seconds} to {m.max_seconds} seconds", number)
        for number, m in enumerate(models.MODELS.values())
    ),
    # 1000: the number is saved in .blend files, and models to come are counted on from 0.
    (OTHER_MODEL, "Other Model…", "Type the name of a model. It is sent unchecked", 1000),
)
_ALL_RESOLUTIONS = tuple(
    dict.fromkeys(name for model in models.MODELS.values() for name in model.prices)
)
_ALL_RATIOS = tuple(dict.fromkeys(r for model in models.MODELS.values() for r in model.ratios))
_RESOLUTION_ITEMS = {
    model.id: [
        (name, name, f"{models.clip_size(name, '16:9')[1]} pixels on the short side", "", number)
        for number, name in enumerate(_ALL_RESOLUTIONS)
        if name in model.prices
    ]
    for model in (*models.MODELS.values(), models.ANY)
}
_AUTO_ITEM = ("AUTO", "Auto Ratio", "The offered ratio nearest to the source", "", 0)
_RATIO_ITEMS = {
    model.id: [
        _AUTO_ITEM,
        *(
            (name, name, f"{name}, cropped inside the source", "", number)
            for number, name in enumerate(_ALL_RATIOS, 1)
            if name in model.ratios
        ),
    ]
    for model in (*models.MODELS.values(), models.ANY)
}


def _resolution_items(
    self: GrokVideoSettings, _context: bpy.types.Context | None
) -> list[tuple[str, str, str, str, int]]:
    return _RESOLUTION_ITEMS[self.model_row().id]


def _ratio_items(
    self: GrokVideoSettings, _context: bpy.types.Context | None
) -> list[tuple[str, str, str, str, int]]:
    return _RATIO_ITEMS[self.model_row().id]


def _model_changed(self: GrokVideoSettings, _context: bpy.types.Context) -> None:
    # A setting that the new model lacks is not drawn: left as it was, the setting would be sent and refused.
    model = self.model_row()
    offered = [item[4] for item in _RESOLUTION_ITEMS[model.id]]
    if self.get("resolution", offered[0]) not in offered:
        self.resolution = _RESOLUTION_ITEMS[model.id][-1][0]
    if self.get("aspect_ratio", 0) not in [item[4] for item in _RATIO_ITEMS[model.id]]:
        self.aspect_ratio = "AUTO"
    self.duration = min(max(self.duration, model.min_seconds), model.max_seconds)
    if not model.audio:
        self.generate_audio = False


def _is_camera(_self: object, item: bpy.types.Object) -> bool:
    return item.type == "CAMERA"


def _models_known(_self: object, _context: bpy.types.Context, typed: str) -> list[str]:
    """The models that the service has named and that hold what is ``typed``: suggestions of the field Other Model."""
    return [name for name in questions.models_of_key() if typed.lower() in name.lower()]


class GrokVideoReference(bpy.types.PropertyGroup):
    """A reference: a picture from which the model shall take a thing, a person or a look."""

    image: PointerProperty(
        name="Image", description="The picture that is sent", type=bpy.types.Image
    )
    camera: PointerProperty(
        name="Camera",
        description="The camera that the picture was taken from",
        type=bpy.types.Object,
        poll=_is_camera,
    )


class GrokVideoSettings(bpy.types.PropertyGroup):
    """``scene.grok_video``: what the next clip is made from. Saved in the .blend, undone by Ctrl-Z."""

    prompt: StringProperty(
        name="Prompt",
        description="What happens in the clip: subject, movement, camera, mood, sound",
    )
    prompt_text: PointerProperty(
        name="Prompt Text",
        description="Take the prompt from this text of the Text Editor instead",
        type=bpy.types.Text,
    )
    source: EnumProperty(
        name="Source",
        description="Where the first frame of the clip comes from",
        items=SOURCE_ITEMS,
        default="CAMERA",
    )
    image: PointerProperty(
        name="Image", description="The first frame of the clip", type=bpy.types.Image
    )
    model: EnumProperty(
        name="Model",
        description="The model that makes the clip",
        items=_MODEL_ITEMS,
        default=models.DEFAULT_MODEL,
        update=_model_changed,
    )
    model_other: StringProperty(
        name="Model Name",
        description="Name of a model of the service. It is sent as it is, and its price is not known",
        search=_models_known,
    )
    duration: IntProperty(
        name="Duration",
        description="Length of the clip in seconds",
        default=6,
        min=1,
        max=15,
    )
    resolution: EnumProperty(
        name="Resolution",
        description="Size of the clip. What the model cannot make is not offered",
        items=_resolution_items,
    )
    aspect_ratio: EnumProperty(
        name="Aspect Ratio",
        description="Shape of the clip. The source is cropped inside its frame",
        items=_ratio_items,
    )
    generate_audio: BoolProperty(
        name="Sound", description="Let the service make sound for the clip", default=True
    )
    references: CollectionProperty(
        name="References",
        description="Pictures of things, people or looks that shall appear in the clip",
        type=GrokVideoReference,
    )
    end_frame: BoolProperty(
        name="End Frame",
        description="Render the camera where the clip will end, and let the clip arrive there",
    )
    end_camera: PointerProperty(
        name="End Camera",
        description="The camera of the end frame; empty: the scene's",
        type=bpy.types.Object,
        poll=_is_camera,
    )
    keyframes: BoolProperty(
        name="Keyframes at Markers",
        description="Render the camera at each timeline marker inside the clip, and let the clip pass "
        "through these pictures",
    )
    extend_prompt: StringProperty(
        name="Prompt", description="What happens next: how the shot goes on after its last frame"
    )
    extend_seconds: IntProperty(
        name="Seconds",
        description="How much is added. More than one pass can make is made in several, one after "
        "the other",
        default=6,
        min=min(m.min_added for m in models.models_that("extend")),
        soft_max=30,
        max=120,
    )
    edit_prompt: StringProperty(
        name="Prompt", description="What shall look or be different; what moves stays as it is"
    )
    edit_of: EnumProperty(
        name="Edit",
        description="What is sent to be changed",
        items=(
            ("STRIP", "Active Strip", "What the active strip shows", "SEQUENCE", 0),
            ("CAMERA", "Camera Animation", "A playblast of the camera", "CAMERA_DATA", 1),
            ("VIEWPORT", "Viewport Animation", "A playblast of the 3D viewport", "VIEW3D", 2),
        ),
        default="STRIP",
    )
    edit_start: IntProperty(
        name="From",
        description="First frame that is sent of a longer strip, counted from the strip's start",
        min=0,
    )

    def model_id(self) -> str:
        """The name of the chosen model at the service."""
        return self.model_other.strip() if self.model == OTHER_MODEL else self.model

    def model_row(self) -> models.Model:
        """The row of the chosen model in the table of models; ``models.ANY`` for a model that was typed in."""
        return models.MODELS.get(self.model, models.ANY)

    def written_prompt(self) -> str:
        """The prompt that will be sent: the Text datablock's when one is chosen."""
        text = self.prompt_text.as_string() if self.prompt_text else self.prompt
        return text.strip()


class GrokVideoList(bpy.types.PropertyGroup):
    """``window_manager.grok_video``: how the list of jobs is shown."""

    show: EnumProperty(
        name="Show",
        description="Which jobs are listed",
        items=(
            ("ACTIVE", "Active", "Jobs that are under way or wait for you"),
            ("DONE", "Done", "Jobs that have ended"),
            ("ALL", "All", "Every job of this computer's user"),
        ),
        default="ALL",
    )
    page: IntProperty(name="Page", description="Page of the list", default=1, min=1)


_CLASSES = (GrokVideoReference, GrokVideoSettings, GrokVideoList)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.grok_video = PointerProperty(type=GrokVideoSettings)
    bpy.types.WindowManager.grok_video = PointerProperty(type=GrokVideoList)


def unregister() -> None:
    del bpy.types.WindowManager.grok_video
    del bpy.types.Scene.grok_video
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)

"""What the artist sets per scene, and how the list of jobs is shown.

RNA holds the artist's inputs only: jobs are read from the ledger's snapshot and never mirrored here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...service import checks, look_models, models
from .. import compat, config
from ..session import questions
from . import look_properties
from .cast_properties import GrokVideoCharacter, GrokVideoReference, is_camera, keep_names
from .draft_properties import DraftSettings
from .nearest import OTHER_MODEL, Nearest
from .settings_version import SETTINGS, touched
from .shot_properties import GrokVideoShot, ShotSettings

SOURCE_ITEMS = (
    ("CAMERA", "Camera", "Render the scene's camera at the current frame", "CAMERA_DATA", 0),
    ("VIEWPORT", "3D Viewport", "Take the 3D viewport as it looks", "VIEW3D", 1),
    ("RENDER_RESULT", "Render Result", "Take the last render of this scene", "RENDER_RESULT", 2),
    ("IMAGE", "Image", "Take an image of this file", "IMAGE_DATA", 3),
    ("SEQUENCER", "Sequencer", "Take the sequencer's picture at its playhead", "SEQUENCE", 4),
    ("NONE", "Text Only", "Make the clip from the prompt alone", "TEXT", 5),
)
# Tables that live on: Blender keeps no reference to the strings of dynamic items.
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
# The numbers are saved in .blend files. 0 is what 0.1.0 knew as AUTO.
_AUTO_NUMBER = 100  # the default: of dynamic items Blender takes the number
_OWN_RATIO_ITEMS = (
    (
        config.AUTO,
        "Auto Ratio",
        "The whole frame of the source: the clip follows its shape",
        "",
        _AUTO_NUMBER,
    ),
    (
        config.NEAREST,
        "Nearest Ratio",
        "The offered ratio nearest to the source, which is cropped",
        "",
        0,
    ),
)
_RATIO_ITEMS = {
    model.id: [
        *_OWN_RATIO_ITEMS,
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


def _ratio_changed(self: GrokVideoSettings, context: bpy.types.Context) -> None:
    touched(self, context)
    if self.aspect_ratio == config.AUTO:
        # Kept in no file: 0.1.0 has no item of that number, and its panel breaks off there.
        self.property_unset("aspect_ratio")


def _local_settings() -> Iterator[GrokVideoSettings]:
    """The settings of scenes that have some, be it an empty group: a panel that is drawn leaves that."""
    for scene in bpy.data.scenes:
        if scene.library is None and scene.is_property_set("grok_video"):
            yield scene.grok_video


def _is_written(chosen: GrokVideoSettings, name: str) -> bool:
    """Whether somebody has set a property. Read only, a pointer counts as set, and ``rna_type`` always does."""
    # A reference that is added marks nothing, and 0.1.0 asked for a prompt beside references. What is computed is
    # stored nowhere, and counts as set.
    if name in ("references", "cast", "shots", "edit_animation") or not chosen.is_property_set(
        name
    ):
        return False
    return getattr(chosen, name) is not None


def _keep_shapes(*, empty: bool) -> None:
    """Give settings of 0.1.0 the ratio that they had there: its default, which no .blend stores, is another now.

    Settings without the mark of a version are 0.1.0's; ``empty`` ones only in a file that was read just now.
    """
    for chosen in _local_settings():
        keep_names(chosen.cast)
        if chosen.settings_of >= SETTINGS:
            continue
        if empty or any(_is_written(chosen, name) for name in type(chosen).__annotations__):
            if not chosen.is_property_set("aspect_ratio"):
                chosen.aspect_ratio = config.NEAREST
            chosen.settings_of = SETTINGS


def mark_soon(chosen: GrokVideoSettings) -> None:
    """Let settings that are drawn bear this version's mark in a moment: a redraw must write nothing.

    An autosave or a quit calls no handlers, and without a mark the recovered settings would be taken for 0.1.0's.
    """
    if chosen.settings_of < SETTINGS and not bpy.app.timers.is_registered(_mark_drawn):
        bpy.app.timers.register(_mark_drawn, first_interval=0.0)


def _mark_drawn() -> None:
    _keep_shapes(empty=False)
    _saving()


@persistent
def _loaded(*_: object) -> None:
    _keep_shapes(empty=True)


@persistent
def _came(*_: object) -> None:
    _keep_shapes(empty=False)


@persistent
def _saving(*_: object) -> None:
    for chosen in _local_settings():
        chosen.settings_of = SETTINGS


def _model_changed(self: GrokVideoSettings, context: bpy.types.Context) -> None:
    touched(self, context)
    # A setting that the new model lacks is not drawn: left as it was, the setting would be sent and refused.
    model = self.model_row()
    offered = [item[4] for item in _RESOLUTION_ITEMS[model.id]]
    if self.get("resolution", offered[0]) not in offered:
        self.resolution = _RESOLUTION_ITEMS[model.id][-1][0]
    ratios = [item[4] for item in _RATIO_ITEMS[model.id]]
    if self.get("aspect_ratio", ratios[0]) not in ratios:
        self.aspect_ratio = config.AUTO
    self.duration = min(max(self.duration, model.min_seconds), model.max_seconds)
    if not model.audio:
        self.generate_audio = False


def _set_edit_animation(self: GrokVideoSettings, number: int) -> None:
    self.edit_of = "VIEWPORT" if number == 2 else "CAMERA"


def _models_known(_self: object, _context: bpy.types.Context, typed: str) -> list[str]:
    """The models that the service has named and that hold what is ``typed``: suggestions of the field Other Model."""
    return [name for name in questions.models_of_key() if typed.lower() in name.lower()]


#: Least and largest value of the whole numbers.
_RANGES = {
    "duration": (1, 15),
    "extend_seconds": (min(m.min_added for m in models.models_that("extend")), 120),
    "edit_start": (0, 2**31 - 1),
}
#: What counts where a file's choice is none of this version's; '': the first that the model offers.
_CHOICES = {
    "source": "CAMERA",
    "model": models.DEFAULT_MODEL,
    "resolution": "",
    "aspect_ratio": config.AUTO,
    "edit_of": "STRIP",
    "look_model": look_models.DEFAULT_LOOK_MODEL,
    "look_quality": "MEDIUM",
    "look_size": "1K",
}
#: What the pointers lead to.
_KINDS = {"prompt_text": bpy.types.Text, "image": bpy.types.Image, "end_camera": bpy.types.Object}


class GrokVideoSettings(
    DraftSettings, ShotSettings, look_properties.LookSettings, bpy.types.PropertyGroup
):
    """``scene.grok_video``: what the next clip is made from. Saved in the .blend, undone by Ctrl-Z."""

    prompt: StringProperty(
        name="Prompt",
        description="What happens in the clip: subject, movement, camera, mood, sound",
        update=touched,
    )
    prompt_text: PointerProperty(
        name="Prompt Text",
        description="Take the prompt from this text of the Text Editor instead",
        type=bpy.types.Text,
        update=touched,
    )
    source: EnumProperty(
        name="Source",
        description="Where the first frame of the clip comes from",
        items=SOURCE_ITEMS,
        default="CAMERA",
        update=touched,
    )
    image: PointerProperty(
        name="Image",
        description="The first frame of the clip",
        type=bpy.types.Image,
        update=touched,
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
        description="Name of a model of the service. One that is not known here is sent as it is",
        search=_models_known,
        update=_model_changed,
    )
    duration: IntProperty(
        name="Duration",
        description="Length of the clip in seconds",
        default=6,
        min=_RANGES["duration"][0],
        max=_RANGES["duration"][1],
        update=touched,
    )
    resolution: EnumProperty(
        name="Resolution",
        description="Size of the clip. What the model cannot make is not offered",
        items=_resolution_items,
        update=touched,
    )
    aspect_ratio: EnumProperty(
        name="Aspect Ratio",
        description="Shape of the clip. Auto follows the source; to a named ratio the source is cropped",
        items=_ratio_items,
        default=_AUTO_NUMBER,
        update=_ratio_changed,
    )
    generate_audio: BoolProperty(
        name="Sound",
        description="Let the service make sound for the clip",
        default=True,
        update=touched,
    )
    references: CollectionProperty(
        name="References",
        description="Pictures of things, people or looks that shall appear in the clip",
        type=GrokVideoReference,
    )
    cast: CollectionProperty(
        name="Cast",
        description="Characters that the prompt may name, as @Name",
        type=GrokVideoCharacter,
    )
    cast_index: IntProperty(name="Character", description="The character that is shown", min=0)
    end_frame: BoolProperty(
        name="End Frame",
        description="Render the camera where the clip will end, and let the clip arrive there",
        update=touched,
    )
    end_camera: PointerProperty(
        name="End Camera",
        description="The camera of the end frame; empty: the scene's",
        type=bpy.types.Object,
        poll=is_camera,
        update=touched,
    )
    keyframes: BoolProperty(
        name="Keyframes at Markers",
        description="Render the camera at each timeline marker inside the clip, and let the clip pass "
        "through these pictures",
        update=touched,
    )
    extend_prompt: StringProperty(
        name="Prompt",
        description="What happens next: how the shot goes on after its last frame",
        update=touched,
    )
    extend_seconds: IntProperty(
        name="Seconds",
        description="How much is added. More than one pass can make is made in several, one after "
        "the other",
        default=6,
        min=_RANGES["extend_seconds"][0],
        soft_max=30,
        max=_RANGES["extend_seconds"][1],
        update=touched,
    )
    edit_prompt: StringProperty(
        name="Prompt",
        description="What shall look or be different; what moves stays as it is",
        update=touched,
    )
    gap_prompt: StringProperty(
        name="Prompt",
        description="What happens between the strip before the gap and the strip behind it. May be empty",
        update=touched,
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
        update=touched,
    )
    # Stored nowhere: the part of the panel that edits the animation has no strip to offer.
    edit_animation: EnumProperty(
        name="Animation",
        description="What is played and sent to be changed",
        items=(
            ("CAMERA", "Camera", "A playblast of the camera", "CAMERA_DATA", 1),
            ("VIEWPORT", "Viewport", "A playblast of the 3D viewport", "VIEW3D", 2),
        ),
        get=lambda self: 2 if self.edit_of == "VIEWPORT" else 1,
        set=_set_edit_animation,
    )
    edit_start: IntProperty(
        name="From",
        description="First frame that is sent of a longer strip, counted from the strip's start",
        min=_RANGES["edit_start"][0],
        update=touched,
    )

    settings_of: IntProperty(
        name="Settings Of",
        description="Which version wrote these settings; 0: 0.1.0",
        options={"HIDDEN"},
    )
    #: See ``prompts``: this and older jobs are not in the history of the prompts of this file.
    cleared_at: StringProperty(
        name="History Cleared At",
        description="Id of the newest job when the history of prompts was cleared",
        options={"HIDDEN"},
        update=touched,
    )

    @property
    def nearest(self) -> Nearest:
        """These settings, to be set to anything: what is no choice of the panel's becomes the nearest that is."""
        return Nearest(self)

    def __getattribute__(self, name: str) -> Any:
        """What the artist chose; where a file holds what no panel can set, the nearest value that can be chosen.

        A .blend from elsewhere, or of another version, holds any number, and choices that there are not.
        """
        value = super().__getattribute__(name)
        if name in _RANGES:
            least, most = _RANGES[name]
            return min(max(value, least), most)
        if name in _CHOICES and not value:
            return _CHOICES[name] or _RESOLUTION_ITEMS[self.model_row().id][0][0]
        if name in _KINDS and not isinstance(value, _KINDS[name]):
            return None
        return value

    def add_words(self, words: str) -> None:
        """Put ``words`` at the end of the prompt, or at the cursor of its text: a text field's cursor nobody tells."""
        text = self.prompt_text
        if text is not None:
            line, at = text.current_line.body, text.current_character
            before = "" if line[:at].endswith(" ") or at == 0 else " "
            text.write(f"{before}{words}{' ' if line[at : at + 1].isalnum() else ''}")
        else:
            self.prompt = f"{self.prompt.rstrip()} {words}".strip()

    def model_id(self) -> str:
        """The name of the chosen model at the service."""
        return self.model_other.strip() if self.model == OTHER_MODEL else self.model

    def model_row(self) -> models.Model:
        """The row of the chosen model in the table of models; ``models.ANY`` for one that the table does not know."""
        name = self.model_id()
        # A row's own name, typed, goes unchecked: the way around a rule of ours that the service has given up.
        typed = self.model == OTHER_MODEL and name in models.MODELS
        return models.ANY if typed else models.model_named(name) or models.ANY

    def written_prompt(self) -> str:
        """The prompt that will be sent: the Text datablock's when one is chosen.

        Of a text that is far too long to be sent only a part that is too long as well: each redraw asks for it.
        """
        if self.prompt_text is None:
            return self.prompt.strip()
        lines, length = list[str](), 0
        for line in self.prompt_text.lines:
            lines.append(line.body)
            length += len(line.body) + 1
            if length > 2 * checks.COUNTED:
                break
        written = "\n".join(lines).strip()
        if length > 2 * checks.COUNTED and len(written) <= checks.COUNTED:  # nearly all is blank
            return self.prompt_text.as_string().strip()
        return written


class GrokVideoList(look_properties.LookList, bpy.types.PropertyGroup):
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


_CLASSES = (
    *look_properties.CLASSES,
    GrokVideoReference,
    GrokVideoCharacter,
    GrokVideoShot,
    GrokVideoSettings,
    GrokVideoList,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.grok_video = PointerProperty(type=GrokVideoSettings)
    bpy.types.WindowManager.grok_video = PointerProperty(type=GrokVideoList)
    bpy.app.handlers.load_post.append(_loaded)
    bpy.app.handlers.save_pre.append(_saving)
    for handlers in compat.append_handlers():
        handlers.append(_came)
    # Registering, Blender shows no scenes; in one of them 0.1.0 may have worked until it was replaced just now.
    bpy.app.timers.register(_came, first_interval=0.0)


def unregister() -> None:
    for timer in (_came, _mark_drawn):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    for handlers in compat.append_handlers():
        handlers.remove(_came)
    bpy.app.handlers.save_pre.remove(_saving)
    bpy.app.handlers.load_post.remove(_loaded)
    del bpy.types.WindowManager.grok_video
    del bpy.types.Scene.grok_video
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)

"""What the artist sets: per scene, per window manager (how the list is shown) and in the preferences.

Owns every RNA property of the add-on. RNA holds the artist's inputs only: jobs are read from the
ledger's snapshot and never mirrored here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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

from .. import __package__ as base_package
from ..core.amount import TICKS_PER_USD
from ..core.files import default_data_dir
from ..core.spec import account_of
from ..core.spending import LARGEST_LIMIT
from ..core.urls import is_local
from ..service import models

PACKAGE = str(base_package)
DEFAULT_API_BASE = "https://api.x.ai"
MIN_POLL_INTERVAL = 5.0  # seconds: the guide's limit; less only on loopback

SOURCE_ITEMS = (
    ("CAMERA", "Camera", "Render the scene's camera at the current frame", "CAMERA_DATA", 0),
    ("VIEWPORT", "3D Viewport", "Take the 3D viewport as it looks", "VIEW3D", 1),
    ("RENDER_RESULT", "Render Result", "Take the last render of this scene", "RENDER_RESULT", 2),
    ("IMAGE", "Image", "Take an image of this file", "IMAGE_DATA", 3),
    ("SEQUENCER", "Sequencer", "Take the sequencer's picture at its playhead", "SEQUENCE", 4),
    ("NONE", "Text Only", "Make the clip from the prompt alone", "TEXT", 5),
)

# Blender keeps no reference to the strings of dynamic items: these tables do.
OTHER_MODEL = "OTHER"
_MODEL_ITEMS = (
    *(
        (m.id, m.label, f"Makes clips of {m.min_seconds} to {m.max_seconds} seconds", number)
        for number, m in enumerate(models.MODELS.values())
    ),
    # Its number is saved in files: models to come are counted from 0 on.
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
    # What the new model cannot do must not stay set unseen.
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
    """What the service named when it was asked, for the field of another model."""
    from . import flow

    return [name for name in flow.models_of_key() if typed.lower() in name.lower()]


class GrokVideoReference(bpy.types.PropertyGroup):
    """A picture that the model shall take a thing, a person or a look from."""

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
        """The model as the service names it."""
        return self.model_other.strip() if self.model == OTHER_MODEL else self.model

    def model_row(self) -> models.Model:
        """What is known of the model: of one that was typed in, that it may do anything."""
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


def _get_day_limit(_self: GrokVideoPreferences) -> float:
    from . import flow

    return flow.limits().day / TICKS_PER_USD


def _set_day_limit(_self: GrokVideoPreferences, dollars: float) -> None:
    from . import flow

    flow.set_limits(day=ticks(dollars))


def _get_month_limit(_self: GrokVideoPreferences) -> float:
    from . import flow

    return flow.limits().month / TICKS_PER_USD


def _set_month_limit(_self: GrokVideoPreferences, dollars: float) -> None:
    from . import flow

    flow.set_limits(month=ticks(dollars))


def _preferences_changed(_self: GrokVideoPreferences, _context: bpy.types.Context) -> None:
    from . import flow

    flow.preferences_changed()


def _ledger_dir_changed(self: GrokVideoPreferences, context: bpy.types.Context) -> None:
    # A relative folder would move with the open file, and the jobs and limits with it.
    chosen = self.ledger_dir.strip()
    if chosen.startswith("//") or (chosen and not os.path.isabs(chosen)):
        self.ledger_dir = os.path.abspath(bpy.path.abspath(chosen))  # comes here again
    else:
        _preferences_changed(self, context)


class GrokVideoPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    api_key: StringProperty(
        name="API Key",
        description="Your key of the xAI API. The environment's XAI_API_KEY wins over it",
        subtype="PASSWORD",
        update=_preferences_changed,
    )
    api_base: StringProperty(
        name="API Base URL",
        description="Where the service is: https, or http on this computer only. "
        "The environment's XAI_API_BASE wins over it",
        default=DEFAULT_API_BASE,
        update=_preferences_changed,
    )
    output_dir: StringProperty(
        name="Clip Folder",
        description="Where clips go while the .blend is not saved or its folder cannot be written",
        subtype="DIR_PATH",
    )
    poll_interval: FloatProperty(
        name="Ask Every",
        description="Seconds between two questions to the service about the same job",
        default=MIN_POLL_INTERVAL,
        min=0.05,
        soft_min=MIN_POLL_INTERVAL,
        soft_max=60.0,
        max=600.0,
        step=100,
        precision=1,
        subtype="TIME_ABSOLUTE",
        update=_preferences_changed,
    )
    ledger_dir: StringProperty(
        name="Job List Folder",
        description="Where the list of your jobs and their costs is kept. "
        "One place serves all versions of Blender",
        subtype="DIR_PATH",
        update=_ledger_dir_changed,
    )
    still_format: EnumProperty(
        name="Source Image Format",
        description="How the first frame is sent",
        items=(
            ("PNG", "PNG", "Exact, and larger to send"),
            ("JPEG", "JPEG", "Smaller to send, quality 90 %"),
        ),
        default="PNG",
    )

    # The limits are kept by the list of jobs, which all versions of Blender share: these fields show it.
    day_limit: FloatProperty(
        name="Limit per Day",
        description="Dollars that your clips may cost a day, counted for this API key. What would "
        "pass it is held and not sent. 0: no limit",
        min=0.0,
        max=LARGEST_LIMIT / TICKS_PER_USD,
        step=10,
        precision=2,
        get=_get_day_limit,
        set=_set_day_limit,
    )
    month_limit: FloatProperty(
        name="Limit per Month",
        description="Dollars that your clips may cost a month, counted for this API key. What would "
        "pass it is held and not sent. 0: no limit",
        min=0.0,
        max=LARGEST_LIMIT / TICKS_PER_USD,
        step=10,
        precision=2,
        get=_get_month_limit,
        set=_set_month_limit,
    )
    confirm_above: FloatProperty(
        name="Ask Above",
        description="Ask before a clip is bought that costs more than this many dollars, or whose "
        "price is not known. 0: never ask",
        min=0.0,
        max=LARGEST_LIMIT / TICKS_PER_USD,
        step=10,
        precision=2,
    )
    unknown_price: FloatProperty(
        name="Other Models, a Second",
        description="Dollars that a second costs of a model whose name you typed, as the service's "
        "price list says. Without it such a model is refused while there is a limit. 0: not known",
        min=0.0,
        max=1000.0,
        step=10,
        precision=3,
    )

    def draw(self, context: bpy.types.Context) -> None:
        from .panel import draw_preferences

        draw_preferences(self.layout, context, self)


def preferences(context: bpy.types.Context | None = None) -> GrokVideoPreferences:
    """The add-on's preferences (also while registering)."""
    found: Any = (context or bpy.context).preferences.addons[PACKAGE].preferences
    return found


def api_key() -> str:
    """The key that is used: the environment's, else the preferences'. '' when there is none."""
    return os.environ.get("XAI_API_KEY", "").strip() or preferences().api_key.strip()


def api_key_trouble(key: str) -> str:
    """'' or a sentence that says why ``key`` cannot be used."""
    if not key:
        return "There is no API key yet. Enter yours in the preferences."
    if not all("!" <= character <= "~" for character in key):
        return "The API key holds a blank or a letter that no key has. Paste it again in the preferences."
    return ""


def api_base() -> str:
    """The API base that is used, without a trailing slash, and without the ``/v1`` many paste along."""
    base = os.environ.get("XAI_API_BASE", "").strip() or preferences().api_base.strip()
    return (base or DEFAULT_API_BASE).rstrip("/").removesuffix("/v1")


def api_base_trouble(base: str) -> str:
    """'' or a sentence that says why ``base`` cannot be used."""
    try:
        parts = urlsplit(base)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return f"The API base URL “{base}” is not a web address."
    if parts.username or parts.password:
        return "The API base URL must not hold a user name or a password."
    if not host or parts.query or parts.fragment:
        return f"The API base URL “{base}” is not a web address such as {DEFAULT_API_BASE}."
    if parts.scheme == "https" or (parts.scheme == "http" and is_local(base)):
        return ""
    return "The API base URL must start with https://, else your key could be read on the way."


def account() -> str:
    """What stands for the (API base, key) pair in use; see ``core.job.account_of``."""
    return account_of(api_base(), api_key())


def poll_interval() -> float:
    """Seconds between two polls of a job: never below 5 unless the service is on this computer."""
    wanted = preferences().poll_interval
    return wanted if is_local(api_base()) else max(wanted, MIN_POLL_INTERVAL)


def ticks(dollars: float) -> int:
    """An amount that was entered, to a hundredth of a cent: Blender's floats hold no more."""
    return round(dollars * 10_000) * (TICKS_PER_USD // 10_000)


def unknown_second() -> int:
    """Ticks that a second of a typed-in model costs, as the artist says; 0 when they do not."""
    return ticks(preferences().unknown_price)


def asks_about(price: int | None) -> bool:
    """Whether the artist wants to be asked before this many ticks are spent; None is not known."""
    above = ticks(preferences().confirm_above)
    return above > 0 and (price is None or price > above)


def data_dir() -> Path:
    """The folder of the ledger, the stills and the clips that have no other home."""
    chosen = preferences().ledger_dir.strip()
    return Path(bpy.path.abspath(chosen)) if chosen else default_data_dir()


def output_dir() -> Path:
    """Where clips go that cannot lie beside their .blend."""
    chosen = preferences().output_dir.strip()
    return Path(bpy.path.abspath(chosen)) if chosen else data_dir() / "clips"


_CLASSES = (GrokVideoReference, GrokVideoSettings, GrokVideoList, GrokVideoPreferences)


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

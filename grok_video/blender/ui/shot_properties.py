"""What the artist sets of a shot list: its rows, and what all prompts of it begin and end with. Kept in the .blend.

What becomes of a row says the ledger, which knows jobs by the row's mark: an undo cannot make it forget what was bought.
"""

from __future__ import annotations

from typing import Any, cast

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
from .. import compat, submission
from .cast_properties import is_camera
from .settings_version import touched

#: The numbers are saved in .blend files.
_SOURCES = (
    ("CAMERA", "Camera", "Render the camera at the frame of the shot", "CAMERA_DATA", 0),
    ("IMAGE", "Image", "Take an image of this file", "IMAGE_DATA", 1),
    ("STRIP", "Strip", "Take what a strip shows at the frame of the shot", "SEQUENCE", 2),
    ("NONE", "Text Only", "Make the clip from the prompt alone", "TEXT", 3),
)


def _models_known(_self: object, _context: bpy.types.Context, typed: str) -> list[str]:
    return [name for name in models.MODELS if typed.lower() in name.lower()]


def _resolutions_known(self: GrokVideoShot, _context: bpy.types.Context, typed: str) -> list[str]:
    model = submission.shots.model_of(cast("bpy.types.Scene", self.id_data), self)
    return [name for name in model.prices if typed.lower() in name.lower()]


def _strips_known(_self: object, context: bpy.types.Context, typed: str) -> list[str]:
    editor = compat.sequencer_scene(context).sequence_editor
    strips = compat.strips_all(editor) if editor is not None else ()
    return [s.name for s in strips if s.type != "SOUND" and typed.lower() in s.name.lower()]


#: What the pointers lead to.
_KINDS = {"scene": bpy.types.Scene, "camera": bpy.types.Object, "image": bpy.types.Image}
#: Blender's timeline: first and last frame.
_FRAMES = (-1_048_574, 1_048_574)
#: Seconds of a row at most: far more than any model makes, which is said, and few enough to be multiplied.
LONGEST = 3600
_RANGES = {"frame": _FRAMES, "target_frame": _FRAMES, "seconds": (0, LONGEST)}
_GUARDED = frozenset((*_KINDS, *_RANGES, "source"))


def _scene_chosen(self: GrokVideoShot, _context: bpy.types.Context) -> None:
    self.scene_name = self.scene.name if self.scene is not None else ""


def _camera_chosen(self: GrokVideoShot, _context: bpy.types.Context) -> None:
    self.camera_name = self.camera.name if self.camera is not None else ""


class GrokVideoShot(bpy.types.PropertyGroup):
    """A row of the shot list."""

    #: What jobs know this row by; '' of a row that a script added, until the list is looked at.
    mark: StringProperty(options={"HIDDEN"})
    enabled: BoolProperty(
        name="Enabled", description="Generate this shot with the others", default=True
    )
    name: StringProperty(name="Name", description="What the shot is called")
    prompt: StringProperty(
        name="Prompt",
        description="What happens in this shot. {shot}, {camera}, {scene} and {frame} are filled in",
    )
    source: EnumProperty(
        name="Source", description="What the clip begins with", items=_SOURCES, default="CAMERA"
    )
    scene: PointerProperty(
        name="Scene",
        description="The scene whose camera is rendered; empty: the scene of this list",
        type=bpy.types.Scene,
        update=_scene_chosen,
    )
    camera: PointerProperty(
        name="Camera",
        description="The camera that is rendered; empty: the one that the scene has at the frame",
        type=bpy.types.Object,
        poll=is_camera,
        update=_camera_chosen,
    )
    #: What was chosen was called so: Blender empties a pointer when the scene or the camera is removed, and an empty
    #: field means another one.
    scene_name: StringProperty(options={"HIDDEN"})
    camera_name: StringProperty(options={"HIDDEN"})
    image: PointerProperty(
        name="Image", description="The image that the clip begins with", type=bpy.types.Image
    )
    strip: StringProperty(
        name="Strip",
        description="Name of the strip that the clip begins with",
        search=_strips_known,
    )
    frame: IntProperty(
        name="Frame",
        description="The frame of the scene that the clip begins with",
        min=_FRAMES[0],
        max=_FRAMES[1],
    )
    seconds: IntProperty(
        name="Seconds",
        description="Length of the clip in seconds; 0: as many as Generate says",
        min=0,
        soft_max=15,
        max=LONGEST,
    )
    model: StringProperty(
        name="Model",
        description="The model that makes the clip; empty: the one that Generate has",
        search=_models_known,
    )
    resolution: StringProperty(
        name="Resolution",
        description="Size of the clip; empty: the one that Generate has",
        search=_resolutions_known,
    )
    target_frame: IntProperty(
        name="Target Frame",
        description="The frame of the sequencer at which the clip begins",
        min=_FRAMES[0],
        max=_FRAMES[1],
    )
    job: StringProperty(
        name="Job", description="Id of the shot's last job; empty: it was not made yet"
    )

    def __getattribute__(self, name: str) -> Any:
        """What the artist set; where a file holds what no panel can set, the nearest value that can be chosen."""
        value = super().__getattribute__(name)
        if name not in _GUARDED:
            return value
        if name in _RANGES:
            least, most = _RANGES[name]
            return min(max(value, least), most)
        if name == "source":
            return value or "CAMERA"
        return value if isinstance(value, _KINDS[name]) else None


class ShotSettings:
    """A part of the settings of a scene: see ``properties.GrokVideoSettings``."""

    shots: CollectionProperty(
        name="Shots", description="The clips that are made together", type=GrokVideoShot
    )
    shots_index: IntProperty(name="Shot", description="The shot that is shown", min=0)
    shots_look: BoolProperty(
        name="In the Look",
        description="Begin each clip of the list with the picture of its source in the look in use, where that was made",
    )
    shots_begin: StringProperty(
        name="Beginning",
        description="What the prompt of each shot begins with. {shot}, {camera}, {scene} and {frame} are filled in",
        update=touched,
    )
    shots_end: StringProperty(
        name="End",
        description="What the prompt of each shot ends with. {shot}, {camera}, {scene} and {frame} are filled in",
        update=touched,
    )

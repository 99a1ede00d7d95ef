"""References, end frame and keyframes in the panel: what is drawn for them, and their operators."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ...core.cast import picture_token
from ...core.files import INSIDE
from ...core.legible import legible
from ...core.spec import new_id
from ...service import models
from .. import identity, scenes, sources, submission, timeline
from ..identity import Meant
from ..refusal import Interrupted, Refused
from ..session import click, queue, watch
from ..session.state import current
from . import properties
from .asking import Asks, Result
from .loop import draw_loop
from .widgets import draw_wrapped

#: Pictures of a character at most: as many as any model takes.
MOST_PICTURES = max(model.max_references for model in models.MODELS.values())

if TYPE_CHECKING:
    from ..sources import pixels
    from ..timeline.source_strip import SourceStrip


CHARACTER = StringProperty(
    name="Character",
    description="Name of the character of the cast whose picture it is; empty: the clip's own",
    options={"SKIP_SAVE"},
)


class GROK_VIDEO_OT_add_reference(Asks, bpy.types.Operator):
    bl_idname = "grok_video.add_reference"
    bl_label = "Add Reference"
    bl_description = "Add a picture of a thing, a person or a look that shall appear in the clip"
    bl_options = {"REGISTER", "UNDO"}

    source: EnumProperty(
        name="Source",
        items=(
            ("IMAGE", "Image", "An image of this file, or one that is opened"),
            ("STRIP", "Strip", "What the active strip shows at the playhead"),
        ),
    )
    image: StringProperty(name="Image", description="Name of an image of this file")
    character: CHARACTER

    def run(self, context: bpy.types.Context) -> Result:
        image = identity.named(bpy.data.images, self.image) if self.image else None
        if self.image and image is None:
            raise Refused(f"There is no image “{self.image}” in this file.")
        if self.source == "STRIP":
            image = from_strip(timeline.source_strip.active_source_strip(context))
        add(context.scene, image, self.character)
        return {"FINISHED"}


_CAMERA_ITEMS: list[tuple[str, str, str]] = []


def _cameras(_self: object, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    # Kept in a list of the module: Blender keeps no reference to the strings of dynamic items.
    cameras = [o for o in (context.scene.objects if context else ()) if o.type == "CAMERA"]
    alike = Counter(camera.name for camera in cameras)
    # By the full name, with its file, only where a linked camera is called as another one is.
    names = [camera.name_full if alike[camera.name] > 1 else camera.name for camera in cameras]
    _CAMERA_ITEMS[:] = [(name, name, "") for name in names]
    return _CAMERA_ITEMS


class GROK_VIDEO_OT_add_camera_reference(Asks, bpy.types.Operator):
    bl_idname = "grok_video.add_camera_reference"
    bl_label = "Add Reference from Camera"
    bl_description = "Render a camera at the current frame, and add the picture to the references"
    bl_options = set()

    camera: EnumProperty(name="Camera", items=_cameras)
    character: CHARACTER

    def run(self, context: bpy.types.Context) -> Result:
        add_from_camera(context, self.camera, self.character)
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_remove_reference(Asks, bpy.types.Operator):
    bl_idname = "grok_video.remove_reference"
    bl_label = "Remove Reference"
    bl_description = "Take this picture out of the list. The ones after it get other numbers"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: IntProperty(min=0)
    character: CHARACTER

    def run(self, context: bpy.types.Context) -> Result:
        listed = pictures_of(context.scene, self.character)
        if self.index >= len(listed):
            return {"CANCELLED"}
        listed.remove(self.index)
        return {"FINISHED"}


class GROK_VIDEO_OT_insert_reference(bpy.types.Operator):
    bl_idname = "grok_video.insert_reference"
    bl_label = "Insert into Prompt"
    bl_description = "Put the name of this picture at the end of the prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: IntProperty(min=0)

    def execute(self, context: bpy.types.Context) -> Result:
        context.scene.grok_video.add_words(picture_token(self.index))
        return {"FINISHED"}


def draw_pictures(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw references, the end frame, keyframes and the switch of a loop, as far as the chosen model can use them."""
    scene = context.scene
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    if "references" in model.makes:
        _draw_references(layout, context, chosen, model)
    elif len(chosen.references):
        draw_wrapped(layout, context, f"{model.label} takes no references", "INFO")
    if "last_frame" in model.makes:
        column = layout.column(align=True)
        column.use_property_split = False
        column.enabled = not chosen.loop
        row = column.row(align=True)
        row.prop(chosen, "end_frame")
        if chosen.end_frame and not chosen.loop:
            row.label(text=f"frame {submission.generate.end_frame_of(scene)}")
            column.prop(
                chosen, "end_camera", text="", icon="CAMERA_DATA", placeholder="Same Camera"
            )
    if "keyframes" in model.makes:
        column = layout.column(align=True)
        column.use_property_split = False
        column.prop(chosen, "keyframes")
        if chosen.keyframes:
            _draw_marks(column, context)
    if not {"references", "last_frame", "keyframes"} & model.makes:
        draw_wrapped(layout, context, f"{model.label} starts from one picture only", "INFO")
    draw_loop(layout, context)


def _draw_references(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    chosen: properties.GrokVideoSettings,
    model: models.Model,
) -> None:
    column = layout.column()
    column.use_property_split = False
    for number, reference in enumerate(chosen.references):
        tools = draw_picture(column, reference, number)
        token = tools.operator("grok_video.insert_reference", text=picture_token(number))
        token.index = number
    draw_add(column, full=len(chosen.references) >= model.max_references)
    if len(chosen.references) > model.max_references:
        words = f"{model.label} takes {model.max_references} references"
        draw_wrapped(column, context, words, "INFO")


def draw_picture(
    column: bpy.types.UILayout, reference: Any, number: int, character: str = ""
) -> bpy.types.UILayout:
    """Draw one picture of a list, with its button to be removed; gives the row beside that."""
    row = column.box().row(align=True)
    row.template_icon(icon_value=row.icon(reference.image) if reference.image else 0, scale=2.5)
    parts = row.column(align=True)
    parts.template_ID(reference, "image", open="image.open")
    line = parts.row(align=True)
    tools = line.row(align=True)
    remove = line.operator("grok_video.remove_reference", text="", icon="X")
    remove.index, remove.character = number, character
    return tools


def draw_add(column: bpy.types.UILayout, character: str = "", *, full: bool) -> None:
    """Draw the buttons that add a picture to a list."""
    row = column.row(align=True)
    row.enabled = not full
    image = row.operator("grok_video.add_reference", text="Image", icon="ADD")
    image.source, image.character = "IMAGE", character
    menu = row.operator_menu_enum(
        "grok_video.add_camera_reference", "camera", text="Camera", icon="CAMERA_DATA"
    )
    menu.character = character
    strip = row.operator("grok_video.add_reference", text="Strip", icon="SEQUENCE")
    strip.source, strip.character = "STRIP", character


def _draw_marks(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the markers that will be sent as keyframes, each with the time at which the service puts it."""
    found = submission.generate.marker_keyframes(context.scene)
    if not found:
        column.label(text="No marker lies inside the clip", icon="INFO")
    for mark in found:
        row = column.row()
        row.active = False
        row.label(text=legible(mark.name), icon="MARKER_HLT", translate=False)
        row.label(text=f"{mark.seconds:.2f} → {mark.thirds / 3:.2f} s")


def pictures_of(scene: bpy.types.Scene, character: str) -> Any:
    """The list of the pictures of a character of the cast, of the clip's own for ''. Raises Refused."""
    if not character:
        return scene.grok_video.references
    cast = scene.grok_video.cast
    found = next((one for one in cast if one.name == character), None)
    if found is None:
        raise Refused(f"There is no character “{character}” in the cast of this scene.")
    return found.images


def refusal(scene: bpy.types.Scene, character: str = "") -> str:
    """'' or why the list of pictures takes no more; of a character as many as any model takes. Raises Refused."""
    most, whose = scene.grok_video.model_row().max_references, "A clip takes {} references"
    if character:
        most, whose = MOST_PICTURES, "A character has {} pictures"
    if len(pictures_of(scene, character)) < most:
        return ""
    return f"{whose.format(most)} at most. Remove one first."


def add(scene: bpy.types.Scene, image: bpy.types.Image | None, character: str = "") -> None:
    """Add a picture to a list; ``image`` None: the artist chooses the picture later. Raises Refused."""
    if why := refusal(scene, character):
        raise Refused(why)
    pictures_of(scene, character).add().image = image


def from_strip(source: SourceStrip) -> bpy.types.Image:
    """An image of what a strip shows at the playhead, or at its frame nearest to that. Raises Refused, Interrupted."""
    strip = submission.strip_part.strip_of(source)
    scene: bpy.types.Scene = strip.id_data
    frame = min(max(scene.frame_current, source.start), source.last)
    path = _spare_path()
    if why := timeline.source_strip.waiting_refusal(strip, frame, frame + 1):
        raise Refused(why)
    sources.capture.strip_still(scene, strip, frame, _whole_frame(scene), path, "PNG")
    return sources.capture.packed_image(path, f"{source.strip}, frame {frame}")


def add_from_camera(context: bpy.types.Context, name: str, character: str = "") -> None:
    """Render a camera at the playhead and add the picture to the references, or to a character's. Raises Refused.

    In a window the picture comes when it is rendered, as an undo step of its own.
    """
    if current().click.queue:
        raise Refused("Something else is being prepared.", "Wait until it is done.")
    scene = context.scene
    camera = identity.named([o for o in scene.objects if o.type == "CAMERA"], name)
    if camera is None:
        raise Refused(f"There is no camera “{name}” in this scene.")
    why = refusal(scene, character) or scenes.camera_refusal(scene, camera)
    if why := why or sources.ways.choose(scene).refusal:
        raise Refused(why)
    owner, frame = Meant.of(scene), scene.frame_current

    def add_to(_no_job: None, made: pixels.Still) -> None:
        # Asked again: the scene may be gone, or its list full, since the click.
        scene = owner.find(bpy.data.scenes)
        try:
            why = refusal(scene, character) if scene else f"The scene “{owner.name}” is gone."
        except Refused as error:  # the character is gone
            why = str(error)
        if scene is None or why:
            sources.pixels.remove(Path(made.path))
            raise Interrupted(why)
        image = sources.capture.packed_image(Path(made.path), f"{name}, frame {frame}")
        add(scene, image, character)
        if not bpy.app.background:
            bpy.ops.ed.undo_push(message="Add Reference from Camera")

    size, path = _whole_frame(scene), _spare_path()
    step = submission.preparation.CameraStep(
        owner,
        size,
        path,
        "PNG",
        add_to,
        scene.frame_float,
        camera=Meant.of(camera),
        label="Rendering Reference…",
        noun="reference",
    )
    prepared = submission.preparation.Preparation(None, [step])
    prepared.keep()
    click.enqueue(context, prepared)


def _whole_frame(scene: bpy.types.Scene) -> tuple[int, int]:
    width, height = scenes.frame_size(scene)
    return round(width), round(height)


def _spare_path() -> Path:
    """A free path in the data folder for a picture until the picture is packed into the .blend."""
    folder = queue.make_data_folder() / "stills"
    folder.mkdir(mode=INSIDE, exist_ok=True)
    return folder / f"{new_id()}-reference.png"


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_add_reference,
        GROK_VIDEO_OT_add_camera_reference,
        GROK_VIDEO_OT_remove_reference,
        GROK_VIDEO_OT_insert_reference,
    )
)

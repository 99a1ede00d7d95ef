"""Looks in the panel *Generate*: what is drawn for them below the source, and their operators."""

from __future__ import annotations

import time
from textwrap import shorten

import bpy
from bpy.props import IntProperty, StringProperty

from ...core.amount import usd
from ...core.job import State
from ...core.problem import ProblemCode
from ...core.spec import Kind
from ...service import look_models
from .. import compat, identity, submission, telling
from ..refusal import Refused
from ..session import files, looks, queue, spending, stages, thumbnails, watch
from ..session.questions import listed_looks
from ..session.state import current
from . import look_presets
from .asking import ALLOW_SINGLE_COLOR, JOB, Asks, Buys, Result, finish, settings_of
from .jobs import status_of
from .look_frames import draw_frames
from .widgets import (
    draw_help_button,
    draw_limit,
    draw_priced,
    draw_quietly,
    draw_wrapped,
    is_narrow,
)

PICTURE = 9.0  # height of the preview of a look, in rows
#: A look that is there has ended its job.
_MADE = frozenset({State.IMPORTED})


class GROK_VIDEO_OT_look(Buys, bpy.types.Operator):
    bl_idname = "grok_video.look"
    bl_label = "Make a Look"
    bl_description = (
        "Render the source and have a picture made from it in the style of the prompt: what a clip may begin with. It "
        "costs cents"
    )

    allow_single_color: ALLOW_SINGLE_COLOR

    @property
    def _slotted(self) -> bool:
        return False  # a look has no place on the timeline

    def price(self, context: bpy.types.Context) -> int | None:
        return price_of(context)

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        question = Buys.question(self, context, price)
        return None if question is None else ("Buy This Look?", question[1])

    def about(self, context: bpy.types.Context) -> str:
        prompt = " ".join(context.scene.grok_video.look_prompt[:400].split())
        return shorten(prompt, 60, placeholder=" …")

    def run(self, context: bpy.types.Context) -> Result:
        single = self.allow_single_color
        job_id = looks.make(context, context.scene, allow_single_color=single)
        return finish(self, context, job_id, _MADE)


class GROK_VIDEO_OT_use_look(Asks, bpy.types.Operator):
    bl_idname = "grok_video.use_look"
    bl_label = "Use This Look"
    bl_description = "Let the clip begin with this look in place of the render. Free"
    bl_options = {"REGISTER", "UNDO"}

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: job.spec.kind is Kind.LOOK and bool(job.clip))
        self.job = job.id  # F9 means the same one, also where a newer look has come
        said = looks.use(context.scene, job)
        if words := looks.measure_now(job):
            said.append(f"{words}.")
        if said:
            telling.report(self, "WARNING", " ".join(said))
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_use_render(Asks, bpy.types.Operator):
    bl_idname = "grok_video.use_render"
    bl_label = "Use the Render"
    bl_description = "Let the clip begin with the source itself again. The look is kept"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> Result:
        looks.put_back(context.scene)
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_turn_look(bpy.types.Operator):
    bl_idname = "grok_video.turn_look"
    bl_label = "Next Look"
    bl_description = "Show another look of this source"
    bl_options = {"INTERNAL"}

    step: IntProperty(default=1, min=-1, max=1)

    def execute(self, context: bpy.types.Context) -> Result:
        looks.turn(context, context.scene, self.step)
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_add_look_reference(Asks, bpy.types.Operator):
    bl_idname = "grok_video.add_look_reference"
    bl_label = "Add Picture"
    bl_description = "Add a picture that the look takes something from: a mood, a character, the look of the shot before"
    bl_options = {"REGISTER", "UNDO"}

    image: StringProperty(
        name="Image", description="Name of an image of this file; empty: chosen later"
    )

    def run(self, context: bpy.types.Context) -> Result:
        chosen = settings_of(context)
        image = identity.named(bpy.data.images, self.image) if self.image else None
        if self.image and image is None:
            raise Refused(f"There is no image “{self.image}” in this file.")
        listed, most = chosen.look_references, _most(context.scene)
        if len(listed) >= most:
            raise Refused(f"A look of this model takes {most} pictures besides the source.")
        listed.add().image = image
        return {"FINISHED"}


class GROK_VIDEO_OT_remove_look_reference(Asks, bpy.types.Operator):
    bl_idname = "grok_video.remove_look_reference"
    bl_label = "Remove Picture"
    bl_description = "Take this picture out of the list. The ones after it get other numbers"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: IntProperty(min=0)

    def run(self, context: bpy.types.Context) -> Result:
        listed = settings_of(context).look_references
        if self.index >= len(listed):
            return {"CANCELLED"}
        listed.remove(self.index)
        return {"FINISHED"}


class GROK_VIDEO_OT_paste_look_prompt(Asks, bpy.types.Operator):
    bl_idname = "grok_video.paste_look_prompt"
    bl_label = "Paste Prompt"
    bl_description = "Replace the prompt of the look by the clipboard's text, with all its lines"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def run(self, context: bpy.types.Context) -> Result:
        chosen, text = settings_of(context), context.window_manager.clipboard.strip()
        if not text:
            telling.report(self, "WARNING", "There is no text on the clipboard")
            return {"CANCELLED"}
        chosen.look_prompt = text
        return {"FINISHED"}


def price_of(context: bpy.types.Context) -> int | None:
    """Ticks that a look costs now; None when not known."""
    draft = submission.look.look_draft(context.scene)
    return submission.common.price_of(draft, listed_looks())


def _most(scene: bpy.types.Scene) -> int:
    """Pictures that a look of the chosen model takes besides the source."""
    row = look_models.look_model_named(scene.grok_video.look_model) or look_models.ANY_LOOK
    return row.most_pictures - 1


def draw_look(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the part *Look*: the look in use, the looks of the source, and the settings of the next one."""
    scene = context.scene
    if scene.grok_video.source == "NONE":
        return
    draw_in_use(layout, context)
    header, body = layout.panel("grok_video_look", default_closed=True)
    header.label(text="Look")
    look_presets.GROK_VIDEO_PT_look_presets.draw_panel_header(header)
    if body is None:
        return
    body.use_property_split = False
    _draw_shown(body, context)
    _draw_settings(body, context)
    _draw_button(body, context)


def draw_in_use(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw that a look is the first frame, with what there is to say of it, and the way back."""
    scene = context.scene
    look = submission.first_frame.look_of(scene)
    if look is None:
        return
    box = layout.box().column(align=True)
    box.use_property_split = False
    row = box.row(align=True)
    if look.image is not None and (icon := row.icon(look.image)):
        row.template_icon(icon_value=icon, scale=2.0)
    column = row.column(align=True)
    column.label(text="Begins with the Look")
    draft = submission.generate.generate_draft(context, scene)
    size = submission.generate.picture_size(context, scene, draft)
    crop = submission.first_frame.crop_of(look, size)
    if crop is not None:
        kept = submission.first_frame.kept_of(look, crop, size)
        cropped = "" if crop.whole else f", {crop.text}"
        draw_quietly(column, context, f"{kept[0]} × {kept[1]}{cropped}")
    if submission.first_frame.is_earlier(context, scene, look, stages.known_of(scene)):
        from_ = looks.made_from(submission.first_frame.source_of(look))
        draw_wrapped(box, context, f"Made from an earlier view: {from_}", "ERROR")
    draw_frames(box, context, look)
    box.operator("grok_video.use_render", icon="LOOP_BACK")


def _draw_shown(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the look that is shown, the way to the others, and what can be done with it."""
    scene = context.scene
    at = time.time()
    for job in looks.under_way(scene):
        row = layout.row(align=True)
        row.progress(factor=(job.progress or 0) / 100, text=f"Look: {status_of(job, at)}")
        row.operator("grok_video.stop", text="", icon="X", emboss=False).job = job.id
    found, job = looks.of_source(scene), looks.shown(context, scene)
    if job is None or job.clip is None:
        return
    files.show((job.clip.path,))
    box = layout.box().column(align=True)
    if icon := thumbnails.icon_of(job):
        box.template_icon(icon_value=icon, scale=PICTURE)
    number = found.index(job)
    row = box.row(align=True)
    back = row.row(align=True)
    back.enabled = number > 0
    back.operator("grok_video.turn_look", text="", icon="TRIA_LEFT").step = -1
    words = row.row(align=True)
    words.alignment = "CENTER"
    words.label(text=f"Look {number + 1} of {len(found)}")
    on = row.row(align=True)
    on.enabled = number + 1 < len(found)
    on.operator("grok_video.turn_look", text="", icon="TRIA_RIGHT").step = 1
    cost = f", {usd(job.cost)}" if job.cost is not None else ""
    told = f"{looks.made_from(job.spec.source)}, {job.clip.width} × {job.clip.height}{cost}"
    draw_quietly(box, context, told)
    if moved := looks.moved(job):
        draw_wrapped(box, context, moved, "INFO")
    gone = files.lost(job) == "gone"
    if gone:
        draw_wrapped(box, context, "The file of this look is gone", "ERROR")
    row = box.row(align=True)
    use = row.row(align=True)
    used = submission.first_frame.look_of(scene)
    use.enabled = not gone and (used is None or used.job != job.id)
    words_of_use = "Use" if use.enabled or gone else "In Use"
    use.operator("grok_video.use_look", text=words_of_use, icon="CHECKMARK").job = job.id
    if gone and job.fetchable_again:
        row.operator("grok_video.download_again", text="Download Again").job = job.id
    else:
        row.operator("grok_video.compare_look", text="Compare", icon="IMAGE_DATA").job = job.id


def _draw_settings(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw prompt, references and settings of the next look."""
    scene = context.scene
    chosen = scene.grok_video
    column = layout.column(align=True)
    head = column.row(align=True)
    head.label(text="Prompt of the Look")
    head.menu("GROK_VIDEO_MT_look_prompts", text="", icon="DOWNARROW_HLT")
    head.operator("grok_video.paste_look_prompt", text="", icon="PASTEDOWN")
    placeholder = "What shall it look like?"
    if not compat.textbox(column, chosen, "look_prompt", lines=2, placeholder=placeholder):
        column.prop(chosen, "look_prompt", text="", placeholder=placeholder)
        if len(chosen.look_prompt) > 30 or "\n" in chosen.look_prompt:
            draw_wrapped(column, context, chosen.look_prompt, most=6)
    for number, reference in enumerate(chosen.look_references, 1):
        row = column.row(align=True)
        row.template_ID(reference, "image", open="image.open")
        row.label(text=f"<IMAGE_{number}>")
        row.operator("grok_video.remove_look_reference", text="", icon="X").index = number - 1
    row = column.row(align=True)
    row.enabled = len(chosen.look_references) < _most(scene)
    row.operator("grok_video.add_look_reference", text="Add Picture", icon="ADD")
    column = layout.column(align=True)
    row = column if is_narrow(context) else column.row(align=True)
    row.prop(chosen, "look_model", text="")
    model = look_models.look_model_named(chosen.look_model)
    row = column.row(align=True)
    row.prop(chosen, "look_size", expand=True)
    if model is None or any(model.qualities):
        row.prop(chosen, "look_quality", expand=True)


def _draw_button(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button that buys a look, with its price; below, why it cannot be pressed."""
    scene, listed = context.scene, listed_looks()
    draft = submission.look.look_draft(scene)
    trouble = queue.click_trouble()
    if trouble is None and (why := submission.look.look_refusal(context, scene, draft, listed)):
        trouble = why, ProblemCode.REQUEST
    price = submission.common.price_of(draft, listed)
    if trouble is None and price is None and (why := spending.limit_refusal(None, draft.model)):
        trouble = why, ProblemCode.LIMIT
    row = layout.row()
    row.scale_y = 1.2
    if (preparing := current().click.preparing) is not None:
        row.enabled = False
        row.operator("grok_video.look", text=preparing.label, icon="RENDER_STILL")
        return
    row.enabled = trouble is None
    draw_priced(row, "grok_video.look", "Make a Look", price, "SHADING_RENDERED")
    draw_limit(layout, context, price)
    if trouble is not None and draft.prompt:  # an empty section need not complain
        draw_wrapped(layout, context, trouble[0], "ERROR")
        draw_help_button(layout, trouble[1])


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_look,
        GROK_VIDEO_OT_use_look,
        GROK_VIDEO_OT_use_render,
        GROK_VIDEO_OT_turn_look,
        GROK_VIDEO_OT_add_look_reference,
        GROK_VIDEO_OT_remove_look_reference,
        GROK_VIDEO_OT_paste_look_prompt,
    )
)

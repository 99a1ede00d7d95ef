"""The feature Generate in the panel: what is drawn for it, its dialog, and its operators."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import shorten

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.amount import usd
from ...core.framing import crop_inside
from ...core.legible import legible
from ...core.problem import ProblemCode
from ...core.spec import JobSpec
from ...service import models
from .. import compat, config, scenes, sources, submission, telling, timeline
from ..refusal import Refused
from ..session import click, looks, moving, questions, queue, spending, variants, watch
from ..session.state import current
from . import cast, press, properties
from .asking import (
    ALLOW_SINGLE_COLOR,
    ON_THE_TIMELINE,
    Asks,
    Buys,
    Result,
    Spends,
    ask_service,
    finish,
    frame_of,
    refuse,
    target_of,
)
from .draft import draw_draft, verb_of
from .look import draw_in_use
from .widgets import (
    draw_help_button,
    draw_limit,
    draw_preferences_button,
    draw_priced,
    draw_quietly,
    draw_wrapped,
    is_narrow,
)

VARIANTS = BoolProperty(
    name="Variants",
    description="Make a clip of each variant that “{a|b|c}” in the prompt stands for. Off: braces are sent as they "
    "are. Unset: on for a press, off for a script",
    options={"SKIP_SAVE"},
)


class GROK_VIDEO_OT_generate(Spends, bpy.types.Operator):
    bl_idname = "grok_video.generate"
    bl_label = "Generate Video Clip"
    bl_description = (
        "Render the source, send it with the prompt to the service, and place the clip "
        "at the playhead when it is done. You go on working meanwhile"
    )

    allow_single_color: ALLOW_SINGLE_COLOR
    variants: VARIANTS

    @property
    def _makes_variants(self) -> bool:
        """Whether braces make variants: for the artist's press always, for a script where it says so."""
        return self.variants if self.properties.is_property_set("variants") else self._pressed

    def price(self, context: bpy.types.Context) -> int | None:
        return price_of(context, variants=self._makes_variants)

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        if earlier := looks.question(context, context.scene):
            known = "Its price is not known." if price is None else f"The clip costs {usd(price)}."
            return "Begin with This Look?", f"{earlier} {known}"
        question, count = Spends.question(self, context, price), self._count(context)
        if question is None or count == 1:
            return question
        return f"Buy {count} Variants?", question[1].replace("It costs", "Together they cost")

    def about(self, context: bpy.types.Context) -> str:
        prompt = " ".join(context.scene.grok_video.written_prompt()[:400].split())
        words, count = shorten(prompt, 60, placeholder=" …"), self._count(context)
        return words if count == 1 else f"{count} variants of {words}"

    def _count(self, context: bpy.types.Context) -> int:
        """How many clips are bought."""
        return submission.variants.asked_for(context.scene).count if self._makes_variants else 1

    def run(self, context: bpy.types.Context) -> Result:
        target = target_of(context, self.scene)
        where = context, context.scene, target, frame_of(self, target)
        looks.agree()
        if not self._makes_variants:
            job_id = click.generate(*where, allow_single_color=self.allow_single_color)
            return finish(self, context, job_id, ON_THE_TIMELINE)
        jobs = variants.generate(*where, allow_single_color=self.allow_single_color)
        # All are waited for, also where one of them has failed.
        results = [finish(self, context, job_id, ON_THE_TIMELINE) for job_id in jobs]
        return next((result for result in results if "FINISHED" not in result), results[0])


class GROK_VIDEO_OT_generate_dialog(Buys, bpy.types.Operator):
    bl_idname = "grok_video.generate_dialog"
    bl_label = "Generate Video Clip…"
    bl_description = "Look over source, prompt, settings and price, then generate a clip"

    source: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    _earlier = ""  # what the dialog asks about the look in use

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        self._pressed = press.is_press(context, event)
        if self.source:
            context.scene.grok_video.source = self.source
        try:
            self._told = moving.unseen()
        except Refused as error:
            return refuse(self, error)
        self._earlier = looks.question(context, context.scene)
        # No price on the dialog's button, whose words cannot follow the settings: ``draw`` shows the price.
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Generate")

    def draw(self, context: bpy.types.Context) -> None:
        if self._told:
            draw_wrapped(self.layout, context, self._told, "INFO")
        with sources.image_size.in_redraw():
            draw_request(self.layout, context, draw_in_use)
            if self._earlier and submission.first_frame.look_of(context.scene) is not None:
                words = f"{self._earlier} Generate begins with it all the same."
                draw_wrapped(self.layout, context, words, "ERROR")
            draw_price(self.layout, context, variants=self._pressed)

    def run(self, context: bpy.types.Context) -> Result:
        target = timeline.strips.target_scene(context)
        where = context, context.scene, target, target.frame_current
        earlier = looks.question(context, context.scene) if self._pressed else ""
        if earlier and earlier != self._earlier:  # of another source, chosen in the dialog
            raise Refused(f"{earlier} Nothing was bought.", "Open the dialog again to begin so.")
        looks.agree()
        # A script's prompt stands for itself.
        job_id = variants.generate(*where)[0] if self._pressed else click.generate(*where)
        return finish(self, context, job_id, ON_THE_TIMELINE)


class GROK_VIDEO_OT_stop_preparing(bpy.types.Operator):
    bl_idname = "grok_video.stop_preparing"
    bl_label = "Stop"
    bl_description = "Stop preparing the source. Nothing has been sent or charged"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> Result:
        click.stop_preparing()
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_use_model(bpy.types.Operator):
    bl_idname = "grok_video.use_model"
    bl_label = "Use Model"
    bl_description = "Choose this model, which can do it"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    model: StringProperty()

    def execute(self, context: bpy.types.Context) -> Result:
        context.scene.grok_video.model = self.model
        return {"FINISHED"}


class GROK_VIDEO_OT_refresh_models(Asks, bpy.types.Operator):
    bl_idname = "grok_video.refresh_models"
    bl_label = "Refresh Models"
    bl_description = (
        "Ask the service which models your key may use, and which voices there are. Free"
    )
    bl_options = set()

    def run(self, context: bpy.types.Context) -> Result:
        result = ask_service(self, context, current().questions.models)
        # Not every key may read the list of voices: then nothing is said, and a voice can be typed.
        questions.ask_service(current().questions.voices)
        return result


class GROK_VIDEO_OT_paste_prompt(bpy.types.Operator):
    bl_idname = "grok_video.paste_prompt"
    bl_label = "Paste Prompt"
    bl_description = "Replace the prompt by the clipboard's text, with all its lines"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context: bpy.types.Context) -> Result:
        text = context.window_manager.clipboard.strip()
        if not text:
            telling.report(self, "WARNING", "There is no text on the clipboard")
            return {"CANCELLED"}
        context.scene.grok_video.prompt = text
        context.scene.grok_video.prompt_text = None
        return {"FINISHED"}


def draw_request(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    below_source: Callable[[bpy.types.UILayout, bpy.types.Context], None] | None = None,
) -> None:
    """Draw source, prompt and settings of the next clip: the same in both sidebars and in the dialog.

    ``below_source`` draws what is said of looks between the source and the prompt.
    """
    chosen = context.scene.grok_video
    properties.mark_soon(chosen)
    layout.use_property_split = True
    layout.use_property_decorate = False
    narrow = is_narrow(context)
    column = layout.column()
    if narrow:
        row = column.row()
        row.use_property_split = False
        row.prop(chosen, "source", text="")
    else:
        column.prop(chosen, "source")
    if chosen.source == "IMAGE":
        column.template_ID(chosen, "image", open="image.open")
    _draw_framing(column, context)
    _draw_waiting(column, context)
    if below_source is not None:
        below_source(layout, context)
    _draw_prompt(layout, context)
    # Two fields to a row, so that the sequencer's low sidebar shows jobs below.
    column = layout.column(align=True)
    column.use_property_split = False
    _draw_model(column, context)
    row = column if narrow else column.row(align=True)
    row.prop(chosen, "duration", text="Seconds")
    row.prop(chosen, "resolution", text="")
    row = column if narrow else column.row(align=True)
    row.prop(chosen, "aspect_ratio", text="")
    sound = row.row(align=True)
    sound.enabled = chosen.model_row().audio
    icon = "SOUND" if chosen.generate_audio else "MUTE_IPO_OFF"
    sound.prop(chosen, "generate_audio", toggle=True, icon=icon)
    draw_draft(layout, context)


def _draw_model(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    chosen = context.scene.grok_video
    row = column.row(align=True)
    row.prop(chosen, "model", text="")
    row.operator("grok_video.refresh_models", text="", icon="FILE_REFRESH")
    model = chosen.model_row()
    if chosen.model == properties.OTHER_MODEL:
        column.prop(chosen, "model_other", text="", placeholder="Name of the Model")
        known = "the price is yours" if config.unknown_second() else "its price is not known"
        words = f"Sent unchecked; {known}" if model is models.ANY else f"The same as {model.label}"
        draw_wrapped(column, context, words, "INFO")
    elif (names := questions.models_of_key()) and not {model.id, *model.aliases} & set(names):
        draw_wrapped(column, context, "Your key may not use this model", "INFO")


def _draw_framing(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what of the first frame will be sent, or in which ratio a clip from text alone is made."""
    scene = context.scene
    chosen = scene.grok_video
    ratio = submission.generate.ratio_of(context, scene)
    if chosen.source == "NONE":
        if chosen.aspect_ratio == config.AUTO:
            draw_quietly(layout, context, f"{ratio}, nearest to your frame")
        return
    natural = submission.generate.natural_size(context, scene)
    if natural is not None and submission.generate.is_whole(scene):
        draw_quietly(layout, context, _whole_text(chosen, natural))
    else:
        _draw_crop(layout, chosen, natural, models.clip_size(chosen.resolution, ratio))


def _draw_waiting(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw that Blender pauses while it renders a picture of the camera, and why."""
    scene, ways, generate = context.scene, sources.ways, submission.generate
    for _, frame in generate.ends_of(generate.camera_frames(scene)):
        choice = ways.known(scene, frame)
        if words := ways.waiting(choice, freezes=scenes.engine_freezes(scene)):
            if frame is None:
                words += ". The source 3D Viewport takes no time"
            draw_quietly(layout, context, words, "INFO")
            return


def _whole_text(chosen: properties.GrokVideoSettings, natural: tuple[float, float]) -> str:
    """What the panel says of a clip that follows its first frame, whose size is ``natural``."""
    width, height = models.whole_size(chosen.resolution, *natural)
    about = "{} × {}".format(*models.about_size(width, height))
    text = f"Follows your {'image' if chosen.source == 'IMAGE' else 'frame'}, about {about}"
    if f"{min(width, height)}p" != chosen.resolution:
        text += f": no side is longer than {models.LONGEST_SIDE}"
    return text


def _draw_crop(
    layout: bpy.types.UILayout,
    chosen: properties.GrokVideoSettings,
    natural: tuple[float, float] | None,
    size: tuple[int, int],
) -> None:
    """Draw the size at which the first frame is sent, and what is cropped away of its ``natural`` one."""
    cropped = ""
    if natural is not None:
        crop = crop_inside(*natural, *size)
        if not crop.whole:
            cropped = f", {crop.text}"
        if chosen.source in ("IMAGE", "RENDER_RESULT", "SEQUENCER"):
            # Pictures are never enlarged: a picture that is smaller than the clip is sent as small as it is.
            kept = (crop.right - crop.left) * natural[0], (crop.top - crop.bottom) * natural[1]
            if kept[0] < size[0]:
                size = max(1, int(kept[0] + 1e-6)), max(1, int(kept[1] + 1e-6))
    text = f"{size[0]} × {size[1]} {submission.common.preferred_format()}{cropped}"
    row = layout.row()
    row.active = False
    row.alignment = "RIGHT"
    row.label(text=text)


def _draw_prompt(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    chosen = context.scene.grok_video
    column = layout.column(align=True)
    column.use_property_split = False
    head = column.row(align=True)
    head.label(text="Prompt")
    head.menu("GROK_VIDEO_MT_prompts", text="", icon="DOWNARROW_HLT")
    head.operator("grok_video.paste_prompt", text="", icon="PASTEDOWN")
    if chosen.prompt_text is None:
        placeholder = "What happens in the clip?"
        # The sequencer's sidebar is low: below the prompt the jobs shall be seen.
        lines = 2 if context.area and context.area.type == "SEQUENCE_EDITOR" else 4
        if not compat.textbox(column, chosen, "prompt", lines=lines, placeholder=placeholder):
            column.prop(chosen, "prompt", text="", placeholder=placeholder)
            # A plain field shows one line: the whole prompt stands below the field.
            prompt = chosen.prompt
            if len(prompt) > 30 or "\n" in prompt:
                draw_wrapped(column, context, prompt, most=12)
    else:
        draw_wrapped(column, context, chosen.written_prompt(), most=12)
    column.prop(chosen, "prompt_text", text="", icon="TEXT", placeholder="Or a Text Datablock")
    cast.draw_notes(column, context)


def draw_scenes(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw which scene is rendered and which takes the clip, where those differ (Blender 5 pins the latter)."""
    target = timeline.strips.target_scene(context)
    if target == context.scene:
        return
    column = layout.column(align=True)
    column.label(text=legible(f"Source: {context.scene.name}"), icon="SCENE_DATA")
    clip = legible(f"Clip: {target.name}, frame {target.frame_current}")
    column.label(text=clip, icon="SEQ_SEQUENCER")


def price_of(context: bpy.types.Context, *, variants: bool) -> int | None:
    """Ticks that Generate spends now, with a clip of each variant or with one clip; None when not known."""
    scene, generate = context.scene, submission.generate
    if not variants:
        return submission.common.price_of(generate.generate_draft(context, scene))
    asked = submission.variants.asked_for(scene)
    return generate.price_of_variants(asked, generate.variant_drafts(context, scene, asked))


def draw_price(layout: bpy.types.UILayout, context: bpy.types.Context, *, variants: bool) -> None:
    """Draw what the clip costs as it is set now, or its variants: for the dialog, whose button cannot tell."""
    price = price_of(context, variants=variants)
    row = layout.row()
    row.alignment = "RIGHT"
    words = "Price not known" if price is None else f"Price {usd(price)}"
    count = submission.variants.asked_for(context.scene).count if variants else 1
    row.label(text=words if count == 1 else f"{count} Variants, {words}")


def draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scene = context.scene
    now = current()
    asked, generate = submission.variants.asked_for(scene), submission.generate
    drafts = generate.variant_drafts(context, scene, asked)
    draft = drafts[0]
    trouble = queue.click_trouble()
    refused = asked.refusal or _refusal(context, draft)
    refused = refused or generate.variants_refusal(scene, asked, drafts)
    if trouble is None and refused:
        trouble = refused, ProblemCode.REQUEST
    price = generate.price_of_variants(asked, drafts)
    if trouble is None and price is None and (why := spending.limit_refusal(None, draft.model)):
        trouble = why, ProblemCode.LIMIT
    row = layout.row()
    row.scale_y = 1.5
    if (preparing := now.click.preparing) is not None:
        row.enabled = False
        row.operator("grok_video.generate", text=preparing.label, icon="RENDER_STILL")
        return
    row.enabled = trouble is None
    words = verb_of(draft, asked.count, narrow=is_narrow(context))
    known = None if asked.refusal else price
    button = draw_priced(row, "grok_video.generate", words, known, "RENDER_ANIMATION")
    button.variants = True
    draw_limit(layout, context, price, asked.count)
    if trouble is not None:
        draw_wrapped(layout, context, trouble[0], "ERROR")
        if trouble[1] is ProblemCode.FILE:  # a folder of the preferences
            draw_preferences_button(layout)
        draw_help_button(layout, trouble[1])
    if now.click.message:
        draw_wrapped(layout, context, now.click.message, "ERROR")
        if sources.background.HERE in now.click.message:
            layout.prop_enum(config.preferences(), "render_source", "HERE", text="Render Here")


def _refusal(context: bpy.types.Context, draft: JobSpec) -> str:
    """'' or why Generate cannot be pressed: nothing to send, or no place for what would come."""
    if why := submission.generate.generate_refusal(context, context.scene, draft):
        return why
    target = timeline.strips.target_scene(context)
    frames = submission.common.frames_of(target, draft.duration)
    return timeline.room.refusal_at(
        target, target.frame_current, frames, sound=draft.generate_audio
    )


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_generate,
        GROK_VIDEO_OT_generate_dialog,
        GROK_VIDEO_OT_stop_preparing,
        GROK_VIDEO_OT_use_model,
        GROK_VIDEO_OT_refresh_models,
        GROK_VIDEO_OT_paste_prompt,
    )
)

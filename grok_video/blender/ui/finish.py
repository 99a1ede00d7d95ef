"""Finish on the strip of a draft: what is drawn for it, and its operator."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.amount import usd
from ...core.job import Job, State
from ...core.legible import legible
from ...core.spec import JobSpec
from ...service import checks, models
from .. import submission, timeline
from ..refusal import Refused
from ..session import files, queue, takes
from ..session.state import current, may_come
from .asking import ALLOW_SINGLE_COLOR, ON_THE_TIMELINE, Buys, Result, finish
from .clip_strip import SCENE, STRIP, clip_strip
from .jobs import TITLE
from .takes import still_shown, words_of_what_was_sent
from .widgets import draw_button, draw_quietly, draw_wrapped, is_narrow


class GROK_VIDEO_OT_finish(Buys, bpy.types.Operator):
    bl_idname = "grok_video.finish"
    bl_label = "Finish"
    bl_description = (
        "Buy the clip of this draft in its final quality: the same request with its full-size first frame, "
        "as another take of the same strip. The draft stays a take"
    )

    scene: SCENE
    strip: STRIP
    model: StringProperty(
        name="Model",
        description="Name of the model; empty: the one that was chosen when the draft was made",
        options={"SKIP_SAVE"},
    )
    resolution: StringProperty(
        name="Resolution",
        description="Size of the clip, such as 720p; empty: the one that was chosen when the draft was made",
        options={"SKIP_SAVE"},
    )
    keep_motion: BoolProperty(
        name="Keep the Motion",
        description="Let the clip pass through frames of the draft and end on its last one",
        options={"SKIP_SAVE"},
    )
    small_frame: BoolProperty(
        name="Small Frame",
        description="Send the smaller first frame that the draft was made from: for where the full-size one is gone",
        options={"SKIP_SAVE"},
    )
    allow_single_color: ALLOW_SINGLE_COLOR
    _take = ""  # id of the draft that the press was about

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        if properties.small_frame:
            return "Buy the final clip with the smaller first frame that the draft was made from"
        return cls.bl_description

    def _finished(self, context: bpy.types.Context) -> tuple[Any, Job, JobSpec]:
        """The strip, named from now on, its draft, and the request of the final clip. Raises Refused."""
        strip = clip_strip(context, self.scene, self.strip)
        self.scene, self.strip = strip.id_data.name, strip.name
        job = takes.asked_of(strip)
        if not job.spec.draft:
            raise Refused(f"“{strip.name}” shows no draft.", "Choose the take that is one.")
        self._take = still_shown(job, self._take)
        return strip, job, final_of(job, self)

    def price(self, context: bpy.types.Context) -> int | None:
        _, job, final = self._finished(context)
        return price_of_final(job, final, keep_motion=self.keep_motion)

    def about(self, context: bpy.types.Context) -> str:
        _, _, final = self._finished(context)
        return f"{final.prompt[:TITLE]}: {words_of(final)}" if final.prompt else words_of(final)

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        _, job, final = self._finished(context)
        if not (
            before := words_of_what_was_sent(job)
            or finished_before(job, final, keep_motion=self.keep_motion)
        ):
            return super().question(context, price)
        known = "Its price is not known." if price is None else f"It costs {usd(price)}."
        return "Buy This Clip Once More?", f"{before} {known}"

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        strip, _, final = self._finished(context)
        job_id = takes.finish(
            context,
            strip,
            final,
            keep_motion=self.keep_motion,
            allow_single_color=self.allow_single_color,
        )
        return finish(self, context, job_id, ON_THE_TIMELINE)


def finished_before(job: Job, final: JobSpec, *, keep_motion: bool) -> str:
    """'' or that such a final clip of the draft ``job`` was bought already: another press may be a mistake."""
    if keep_motion:
        final = submission.finish.with_motion(job.spec, final, submission.common.DRAFT)
    same = [
        one
        for one in current().bridge.snapshot.all
        if one.spec.parent == job.id
        and not one.spec.draft
        and (one.spec.model, one.spec.resolution) == (final.model, final.resolution)
        and (may_come(one) or one.state is State.UNKNOWN)
    ]
    if not same:
        return ""
    times = {1: "once", 2: "twice"}.get(len(same), f"{len(same)} times")
    return f"This draft was finished with this model and size {times} already."


def final_of(job: Job, asked: Any) -> JobSpec:
    """The request of the final clip of a draft as an operator, or a button's properties, ask for it."""
    request = (
        submission.finish.small_request if asked.small_frame else submission.finish.full_request
    )
    return request(job.spec, asked.model, asked.resolution)


def price_of_final(job: Job, final: JobSpec, *, keep_motion: bool) -> int | None:
    """Ticks that the final clip costs; None when not known."""
    if keep_motion:
        final = submission.finish.with_motion(job.spec, final, submission.common.DRAFT)
    return submission.common.price_of(final)


def words_of(final: JobSpec) -> str:
    """'Grok Imagine Video 1.5, 720p, 6 s'."""
    model = models.model_named(final.model)
    name = model.label if model is not None else final.model
    return legible(f"{name}, {final.resolution}, {final.duration} s")


# ------------------------------------------------------------------------------------------------- drawing


def draw_finish(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the buttons that finish the draft which the active strip shows; nothing for other clips."""
    strip = timeline.takes.active_movie(context)
    job = takes.choice_of(strip).job if strip is not None else None
    if job is None or not job.spec.draft:
        return
    chosen = context.scene.grok_video
    spec, finish = job.spec, submission.finish
    box = layout.box().column()
    box.label(text="Draft", icon="GREASEPENCIL")
    final = finish.full_request(spec)
    narrow = is_narrow(context)
    _draw_button(box, context, strip, job, final, "Finish")
    here = finish.full_request(spec, chosen.model_id(), chosen.resolution)
    if (here.model, here.resolution) != (final.model, final.resolution):
        words = "Finish" if narrow else "Finish as in the Panel"
        _draw_button(box, context, strip, job, here, words, of_panel=True)
    full = spec.full_image
    if full is not None and full.path != spec.image:
        files.show((full.path,))
        if files.is_gone(full.path):
            draw_wrapped(box, context, "Its full-size first frame is gone", "ERROR")
            small = finish.small_request(spec)
            words = "Small Frame" if narrow else "Finish with the Small Frame"
            _draw_button(box, context, strip, job, small, words, small=True)
    row = box.column()
    row.use_property_split = False
    row.prop(chosen, "keep_motion")
    if chosen.keep_motion:
        draw_quietly(row, context, "Passes through frames of the draft; ends at 720p")


def _draw_button(
    box: bpy.types.UILayout,
    context: bpy.types.Context,
    strip: Any,
    job: Job,
    final: JobSpec,
    words: str,
    *,
    of_panel: bool = False,
    small: bool = False,
) -> None:
    """Draw one button that finishes a draft, what it buys, and why it cannot be pressed."""
    motion = context.scene.grok_video.keep_motion
    trouble = ""
    if motion:
        trouble = submission.finish.motion_refusal(job.spec, final, job.clip)
        final = submission.finish.with_motion(job.spec, final, submission.common.DRAFT)
    trouble = trouble or checks.refusal(final)
    price = submission.common.price_of(final)
    button = draw_button(
        box, context, "grok_video.finish", words, "RENDER_ANIMATION", price, trouble, None
    )
    button.scene, button.strip = strip.id_data.name, strip.name
    button.keep_motion, button.small_frame = motion, small
    if of_panel:
        button.model, button.resolution = final.model, context.scene.grok_video.resolution
    draw_quietly(box, context, words_of(final))


def draw_finish_entry(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw an entry of a menu for the draft that the active strip shows: it asks, with its price."""
    strip = timeline.takes.active_movie(context)
    job = takes.choice_of(strip).job if strip is not None else None
    if job is None or not job.spec.draft:
        return
    entry = layout.operator("grok_video.finish", text="Finish…", icon="RENDER_ANIMATION")
    entry.keep_motion = context.scene.grok_video.keep_motion


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_finish,))

"""*Apply the Look*: end frame and keyframes in the look in use, drawn where that is shown."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.amount import usd
from ...core.job import State
from ...core.legible import legible
from .. import submission
from ..refusal import Refused
from ..session import look_frames, looks, queue
from ..session.questions import listed_looks
from ..session.state import current
from .asking import ALLOW_SINGLE_COLOR, Buys, Result, finish
from .widgets import draw_limit, draw_priced, draw_wrapped


class GROK_VIDEO_OT_apply_look(Buys, bpy.types.Operator):
    bl_idname = "grok_video.apply_look"
    bl_label = "Apply the Look"
    bl_description = (
        "Have the end frame and the keyframes made in the look in use: each is rendered, and sent with the look as second "
        "picture and the words that made it, followed by “Make it look like <IMAGE_1>.”"
    )

    allow_single_color: ALLOW_SINGLE_COLOR

    @property
    def _slotted(self) -> bool:
        return False  # a look has no place on the timeline

    def price(self, context: bpy.types.Context) -> int | None:
        return price_of(context.scene)

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        if sent := sent_before(context.scene):
            known = "Its price is not known." if price is None else f"It costs {usd(price)}."
            return "Buy These Looks Once More?", f"{sent} {known}"
        question = Buys.question(self, context, price)
        return None if question is None else ("Buy These Looks?", question[1])

    def about(self, context: bpy.types.Context) -> str:
        return _count(len(looks.frames_to_make(context.scene)))

    def run(self, context: bpy.types.Context) -> Result:
        jobs = looks.apply(context, context.scene, allow_single_color=self.allow_single_color)
        made = frozenset({State.IMPORTED})
        # All are waited for, also where one of them has failed.
        results = [finish(self, context, job_id, made) for job_id in jobs]
        return next((result for result in results if "FINISHED" not in result), results[0])


def sent_before(scene: bpy.types.Scene) -> str:
    """'' or that a frame which is to be made was sent before, and may be charged: another press may be a mistake."""
    lost = look_frames.may_be_paid(scene)
    named = [f"frame {one.frame}" for one in looks.frames_to_make(scene) if one.key in lost]
    if not named:
        return ""
    was = "was" if len(named) == 1 else "were"
    return f"{' and '.join(named).capitalize()} {was} sent before and may be charged already: look into the list first."


def price_of(scene: bpy.types.Scene) -> int | None:
    """Ticks that the frames cost together that are not in the look yet; None when not known. Raises Refused."""
    look = submission.first_frame.look_of(scene)
    if look is None:
        raise Refused("No look is in use.", "Use one first.")
    made, listed = looks.made_so(look), listed_looks()
    prices = [
        submission.common.price_of(
            submission.look_frames.frame_draft(scene, look, one, made), listed
        )
        for one in looks.frames_to_make(scene)
    ]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def draw_frames(layout: bpy.types.UILayout, context: bpy.types.Context, look: Any) -> None:
    """Draw which frames of the clip are in the look ``look``, and the button that has the others made."""
    scene = context.scene
    every = submission.look_frames.wanted(scene)
    if not every:
        return
    made, to_make = look_frames.jobs_of_frames(scene), looks.frames_to_make(scene)
    sent, on_their_way = look_frames.in_look(scene), look_frames.on_their_way(scene)
    for one in every:
        row = layout.split(factor=0.65)
        row.active = False
        words = "in the look" if one.key in sent else "rendered"
        if one.key in on_their_way:
            words = "being made"
        if one.key in made and made[one.key].clip is None:
            words = "held" if made[one.key].held else "being made"
        row.label(text=legible(f"{one.what}, frame {one.frame}"), translate=False)
        row.label(text=words)
    if sent or not scene.grok_video.look_frames:
        layout.prop(scene.grok_video, "look_frames")
    if not to_make:
        return
    trouble = queue.click_trouble()
    draft = submission.look_frames.frame_draft(scene, look, to_make[0], looks.made_so(look))
    why = submission.look_frames.refusal(context, scene, look, to_make[0], draft, listed_looks())
    row = layout.row()
    row.enabled = trouble is None and not why and current().click.preparing is None
    words = f"Apply to {_count(len(to_make))}"
    price = price_of(scene)
    draw_priced(row, "grok_video.apply_look", words, price, "SHADING_RENDERED")
    draw_limit(layout, context, price, len(to_make))
    if why:
        draw_wrapped(layout, context, why, "INFO")


def _count(frames: int) -> str:
    return "1 Frame" if frames == 1 else f"{frames} Frames"


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_apply_look,))

"""*Apply the Look to 12 Shots for $0.84*: the picture of each shot in the look in use, and the switch that lets clips begin with it."""

from __future__ import annotations

from typing import Any

import bpy

from .. import submission
from ..refusal import Refused
from ..session import looks, queue, shot_looks, shots, spending
from ..session.questions import listed_looks
from ..session.shot_told import ShotTotals
from ..session.state import current
from .asking import Result
from .shots_generate import BuysList, Offer, all_refused, count_of, over_limits
from .widgets import draw_limit, draw_priced, draw_quietly


def offer_of(context: bpy.types.Context, scene: bpy.types.Scene) -> Offer:
    """What *Apply the Look* would buy for ``scene``'s list now, files looked at. Raises Refused where that is nothing."""
    look = shot_looks.look_in_use(scene)
    shots.marked(scene)
    rows = shot_looks.wanted(context, scene, shots.wanted(scene))
    if not rows:
        raise Refused(
            "No shot that is still to be made lacks the look.", "Add a shot, or enable one."
        )
    made_so, listed = looks.made_so(look), listed_looks()
    agreed, names = dict[str, int | None](), dict[str, str]()
    refused, here = list[tuple[str, str]](), list[str]()
    for row in rows:
        made = submission.shot_looks.draft(context, scene, row, look, made_so)
        price = submission.common.price_of(made, listed)
        why = submission.shot_looks.refusal(context, scene, row, look, made, listed, at_file=True)
        if not why and price is None:
            why = spending.limit_refusal(None, made.model)
        if why:
            refused.append((row.name, why))
            continue
        agreed[row.mark], names[row.mark] = price, row.name
        if submission.shots.pauses(scene, row):
            here.append(row.name)
    if not agreed:
        raise all_refused(refused)
    over = tuple(names[mark] for mark in over_limits(agreed))
    return Offer(agreed, names, tuple(refused), over, tuple(here), {}, noun="looks")


class GROK_VIDEO_OT_apply_look_to_shots(BuysList, bpy.types.Operator):
    bl_idname = "grok_video.apply_look_to_shots"
    bl_label = "Apply the Look to Shots"
    bl_description = (
        "Have the picture of each enabled shot that was not bought yet made in the look in use, after one question: it is "
        "rendered as for its clip, and sent with the look as second picture"
    )

    _of_looks = True

    def offer(self, context: bpy.types.Context) -> Offer:
        return offer_of(context, context.scene)

    def title(self, shots: str) -> str:
        return f"Apply the Look to {shots}?"

    def run(self, context: bpy.types.Context) -> Result:
        result = super().run(context)
        context.scene.grok_video.shots_look = True  # what was paid for is used
        return result


def draw_shots_look(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the switch, and the button that has the pictures made, where a look is in use."""
    scene, session = context.scene, current()
    if submission.first_frame.look_of(scene) is None:
        return
    column = layout.column(align=True)
    column.prop(scene.grok_video, "shots_look")
    totals = session.shot_list.totals.get(scene.session_uid, ShotTotals())
    if not totals.looks:
        return
    row = column.row()
    free = session.shot_batch.press is None and not session.click.queue
    row.enabled = free and queue.click_trouble() is None
    words = f"Apply the Look to {count_of(totals.looks)}"
    draw_priced(
        row, "grok_video.apply_look_to_shots", words, totals.looks_price, "SHADING_RENDERED"
    )
    draw_limit(layout, context, totals.looks_price, totals.looks)


def draw_shot_look(layout: bpy.types.UILayout, context: bpy.types.Context, row: Any) -> None:
    """Draw what became of a row's picture in the look in use."""
    if row.source != "NONE" and (told := shot_looks.state_of(context, context.scene, row)).state:
        words = told.words if told.state != "IMPORTED" else "There"
        draw_quietly(layout, context, f"In the look: {words}")


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_apply_look_to_shots,))

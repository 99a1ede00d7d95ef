"""Drafts in the panel *Generate*: the switch, and what a draft is made with."""

from __future__ import annotations

import bpy

from ...core.spec import JobSpec
from ...service import models
from .. import submission
from .widgets import draw_quietly


def draw_draft(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the switch, and with it on the model and size of the draft: those above are for *Finish*."""
    chosen = context.scene.grok_video
    column = layout.column(align=True)
    column.use_property_split = False
    column.prop(chosen, "draft")
    if chosen.draft:
        draft = submission.generate.generate_draft(context, context.scene)
        row = models.model_named(draft.model)
        name = row.label if row is not None else draft.model
        words = f"By {name}, {draft.resolution}. Finish, on its strip, makes it as chosen above"
        draw_quietly(column, context, words)


def verb_of(draft: JobSpec, count: int, *, narrow: bool) -> str:
    """What the button says that buys so many clips as ``draft``: 'Generate Draft', 'Generate 2 Variants'."""
    if count == 1:
        plain = "Draft" if narrow else "Generate Draft"
        return plain if draft.draft else "Generate"
    what = f"{count} Drafts" if draft.draft else f"{count} Variants"
    return what if narrow else f"Generate {what}"

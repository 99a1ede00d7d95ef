"""A slot that waits for its clip, in the panel *Strip* and in the Sequencer's menus: its state, why, and what can be done."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.job import Job
from ...core.legible import legible
from .. import compat, timeline
from ..refusal import Refused
from ..session import files, slot_state, watch
from ..session.state import current
from .asking import Asks, Result
from .clip_strip import SCENE, STRIP, clip_strip
from .job_buttons import draw_actions, draw_charge, draw_copy_buttons
from .widgets import draw_wrapped, is_narrow

_LINES = 8  # of what a slot tells
_STATE = 400  # characters of a state that a menu's line looks at


class GROK_VIDEO_OT_remove_slot(Asks, bpy.types.Operator):
    bl_idname = "grok_video.remove_slot"
    bl_label = "Remove Slot"
    bl_description = (
        "Remove this strip and its sound from the edit. What was not sent yet is not bought; "
        "a clip that was bought waits in the list"
    )
    bl_options = {"REGISTER", "UNDO"}

    scene: SCENE
    strip: STRIP

    def run(self, context: bpy.types.Context) -> Result:
        strip = clip_strip(context, self.scene, self.strip)
        if not timeline.slots.is_waiting(strip):
            raise Refused(f"“{strip.name}” shows its clip: it is no slot that waits.")
        for one in reversed(timeline.takes.with_sounds(strip)):
            compat.strips(timeline.strips.owner_of(one)).remove(one)
        watch.redraw()
        return {"FINISHED"}


def draw_slot(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what the active strip waits for; nothing where it shows its clip."""
    strip = timeline.takes.active_movie(context)
    state = slot_state.state_of(strip) if strip is not None else None
    if state is None:
        return
    job = state.job
    box = layout.box().column(align=True)
    head = box.row(align=True)
    words = legible(state.words)
    short, _, _ = words.partition(": ") if state.bad else (words, "", "")
    if not state.bad:
        head.progress(factor=state.factor or 0.0, text=short, translate=False)
    elif job is not None:
        head.label(text=short, icon="ERROR", translate=False)
    if job is not None:
        draw_copy_buttons(head, job)
    _draw_stop(head, strip, job)
    if job is None:
        if state.bad:
            draw_wrapped(box, context, state.words, "ERROR", most=_LINES)
    else:
        _draw_job(box, context, job)
    remove = box.operator("grok_video.remove_slot", text="Remove", icon="TRASH")
    remove.scene, remove.strip = strip.id_data.name, strip.name


def _draw_job(box: bpy.types.UILayout, context: bpy.types.Context, job: Job) -> None:
    """Draw why a slot's job is where it is, what it cost, and its buttons."""
    narrow = is_narrow(context)
    if job.problem is not None:
        words = f"{job.problem.message} {job.problem.hint}".strip()
        draw_wrapped(box, context, words, most=_LINES * (2 if narrow else 1))
    draw_charge(box, context, job)
    draw_actions(box, job, narrow, of_slot=True)
    if files.lost(job) and job.fetchable_again:
        box.operator("grok_video.download_again", icon="FILE_REFRESH").job = job.id


def _draw_stop(row: bpy.types.UILayout, strip: Any, job: Job | None) -> None:
    """Draw the button that stops what goes on for a slot: its job, or what is being made for its click."""
    first = current().click.preparing
    prepared = first.spec.id if first is not None and first.spec is not None else ""
    if prepared and prepared in (timeline.strips.job_of(strip), timeline.takes.awaited_by(strip)):
        row.operator("grok_video.stop_preparing", text="", icon="X", emboss=False)
    elif job is not None and job.open:
        row.operator("grok_video.stop", text="", icon="X", emboss=False).job = job.id


def draw_slot_entries(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw a waiting slot's entries in a menu: what buys asks with its price, as no entry carries one."""
    strip = timeline.takes.active_movie(context)
    state = slot_state.state_of(strip) if strip is not None else None
    if state is None:
        return
    job = state.job
    words = legible(" ".join(state.words[:_STATE].split()))
    layout.label(
        text=words.partition(": ")[0], icon="ERROR" if state.bad else "SORTTIME", translate=False
    )
    if job is not None:
        _draw_job_entries(layout, job)
    remove = layout.operator("grok_video.remove_slot", text="Remove Slot", icon="TRASH")
    remove.scene, remove.strip = strip.id_data.name, strip.name
    layout.separator()


def _draw_job_entries(layout: bpy.types.UILayout, job: Job) -> None:
    """Draw what can be done with a slot's job. *Generate Again…* is an entry of its takes."""
    layout.operator("grok_video.show_log", text="Show Log", icon="TEXT").job = job.id
    if job.held:
        layout.operator("grok_video.release", text="Send…", icon="EXPORT").job = job.id
        layout.operator("grok_video.stop", text="Discard", icon="X").job = job.id
        return
    if job.open:
        layout.operator("grok_video.stop", text="Stop", icon="X").job = job.id
    if job.retryable:
        layout.operator("grok_video.retry", icon="FILE_REFRESH").job = job.id
    if job.recoverable:
        layout.operator("grok_video.request_id", text="Recover by Request ID…").job = job.id
    if files.lost(job) and job.fetchable_again:
        layout.operator("grok_video.download_again", icon="FILE_REFRESH").job = job.id


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_remove_slot,))

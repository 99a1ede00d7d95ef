"""What is drawn of a job wherever it is shown, in the list and for its slot: what it cost, and what can be done."""

from __future__ import annotations

import bpy

from ...core.amount import priced, usd
from ...core.job import FINAL_STATES, Job, State
from ...core.problem import ProblemCode
from ...core.spec import Kind
from ..session import click, files, spending
from ..session.state import current
from . import use_settings
from .cast import draw_voices_of_refusal
from .widgets import draw_help_button, draw_priced, draw_wrapped


def seconds_left(job: Job, at: float) -> float:
    """Seconds that are still to be expected of a job that runs; 0.0 where nothing is known, or it takes longer."""
    if job.state is not State.RUNNING:
        return 0.0
    expected = current().bridge.snapshot.jobs.expected(job)
    return 0.0 if expected is None else max(expected - (at - job.submitted_at), 0.0)


def draw_charge(box: bpy.types.UILayout, context: bpy.types.Context, job: Job) -> None:
    """Draw what the artist could not know before: that a job cost something else, or may have cost something."""
    words, bad = spending.bill(job)
    if words:
        draw_wrapped(box, context, words, "ERROR" if bad else "NONE")
    elif job.charge_open:
        draw_wrapped(box, context, f"Counts as {usd(job.spent)} until you know better")


def draw_copy_buttons(row: bpy.types.UILayout, job: Job) -> None:
    # Beside the title, which may be cut: the price in the line below may not.
    row.operator(
        "grok_video.use_settings", text="", icon=use_settings.ICON, emboss=False
    ).job = job.id
    if job.problem is not None:
        row.operator("grok_video.copy_error", text="", icon="COPYDOWN", emboss=False).job = job.id
    if job.request_id:
        row.operator(
            "grok_video.copy_request_id", text="", icon="COPY_ID", emboss=False
        ).job = job.id
    row.operator("grok_video.show_log", text="", icon="TEXT", emboss=False).job = job.id


def draw_actions(box: bpy.types.UILayout, job: Job, narrow: bool, *, of_slot: bool = False) -> None:
    """Draw the buttons with words below a job: what the artist has to decide.

    ``of_slot``: without those that a slot makes needless, as its clip comes into the slot, or that its takes have.
    """
    row = box.row(align=True)
    if job.held:
        price = click.price_again(job)
        # Beside Discard the price would be cut off in a narrow sidebar.
        buttons = box if narrow else row
        draw_priced(buttons, "grok_video.release", "Send", price).job = job.id
        buttons.operator("grok_video.stop", text="Discard").job = job.id
        if job.problem is not None and job.problem.code is ProblemCode.LIMIT:
            draw_help_button(box, job.problem.code)
        return
    if job.state in (State.READY, State.IMPORTED) and job.spec.kind is Kind.LOOK:
        if job.spec.look:
            return  # of another frame of a clip, which is sent in it by itself
        row.enabled = not job.fetching and files.lost(job) != "gone"
        row.operator("grok_video.use_look", text="Use", icon="CHECKMARK").job = job.id
        return
    if job.state is State.READY and of_slot:
        return
    if job.state is State.READY:
        row.enabled = not job.fetching and files.lost(job) != "gone"
        row.operator("grok_video.import_result", text="Import", icon="IMPORT").job = job.id
        here = row.operator("grok_video.import_result", text="At the Playhead")
        here.job, here.here = job.id, True
        return
    if job.problem is not None:
        draw_help_button(row, job.problem.code)
        draw_voices_of_refusal(box, bpy.context, job)
    if job.retryable:
        row.operator("grok_video.retry", icon="FILE_REFRESH").job = job.id
    if job.recoverable:
        words = "Recover by ID…" if narrow else "Recover by Request ID…"
        box.operator("grok_video.request_id", text=words).job = job.id
    if job.charge_open:
        box.operator("grok_video.not_charged", text="Not Charged…").job = job.id
    if job.state in FINAL_STATES and job.state is not State.IMPORTED and not of_slot:
        price = click.price_again(job)
        # On a line of its own: beside Retry the price would be cut off.
        box.operator(
            "grok_video.send_again",
            text=priced("Send Again…" if price is None else "Send Again", price),
        ).job = job.id

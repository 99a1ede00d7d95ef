"""Spending in the panel: the sums, and the operators *Not Charged* and *Export Spending*."""

from __future__ import annotations

import os
import time
from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy_extras.io_utils import ExportHelper

from ...core import spending as money
from ...core.amount import usd
from ...core.files import BLENDERS_PATIENCE, write_whole
from .. import telling
from ..folders import understood
from ..refusal import Refused
from ..session import blocking, queue, spending, watch
from ..session.state import current
from .asking import JOB, Asks, Result, Settles
from .widgets import draw_wrapped


class GROK_VIDEO_OT_not_charged(Settles, bpy.types.Operator):
    bl_idname = "grok_video.not_charged"
    bl_label = "Not Charged"
    bl_description = (
        "Say that the service did not charge for this job, as its bill shows. Until then it counts as "
        "spent, at its estimate"
    )

    job: JOB

    def ask(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        job = queue.job_of(self.job, lambda job: job.charge_open)
        self.job = job.id
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Was This Job Not Charged?",
            message=f"It counts as {usd(job.spent)} spent. Look at the service's bill first: what "
            "you say here makes room under your limits.",
            confirm_text="Not Charged",
        )

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: job.charge_open)
        if not job.charge_open:
            raise Refused("What this job cost is known, or it goes on.")
        command = queue.not_charged(job)
        if bpy.app.background:
            blocking.wait_for_command(context, command, job.id, lambda now: not now.charge_open)
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_settle_clock(Settles, bpy.types.Operator):
    bl_idname = "grok_video.settle_clock"
    bl_label = money.SETTLE
    bl_description = (
        "Say that this computer's clock is right now. What is on record as bought on a day that is "
        "still to come counts as bought today from then on"
    )

    def ask(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        now = time.time()
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=f"Is Today {money.date_text(now)}?",
            message=f"What is on record for {money.date_text(spending.ahead())} counts as bought today from then on, "
            "and your limits count by today's date again.",
            confirm_text=self.bl_label,
        )

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        if not spending.ahead():
            raise Refused("No purchase is on record for a day that is still to come.")
        command = spending.clock_is_right()
        if bpy.app.background:
            blocking.wait_for_command(context, command)
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_export_spending(Asks, ExportHelper, bpy.types.Operator):
    bl_idname = "grok_video.export_spending"
    bl_label = "Export Spending"
    bl_description = (
        "Write a table of everything that was bought, for a spreadsheet. It holds no prompts but the words that "
        "name the files of clips"
    )
    bl_options = set()

    filename_ext = ".csv"
    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        if not self.filepath:
            folder = os.path.dirname(bpy.data.filepath) or os.path.expanduser("~")
            self.filepath = os.path.join(folder, "grok_video_spending.csv")
        return super().invoke(context, event)

    def run(self, context: bpy.types.Context) -> Result:
        if (named := understood(self.filepath)) is None:
            raise Refused("No file is named.")
        path = Path(bpy.path.ensure_ext(str(named), self.filename_ext))
        data = spending.table().encode("utf-8-sig", "replace")  # the mark is for spreadsheets
        try:
            write_whole(path, data, durable=False, private=False, patience=BLENDERS_PATIENCE)
        except OSError as error:
            raise Refused(
                f"The table cannot be written to {path}: {error.strerror}.",
                "Choose another folder or name.",
            ) from error
        telling.report(self, "INFO", f"Written to {path}")
        return {"FINISHED"}


def draw_ahead(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw that all counts by a day that is still to come, where that is so, and the button that settles it."""
    if not (at := spending.ahead()):
        return
    box = layout.box().column(align=True)
    words = (
        f"By this computer's clock today is {money.date_text(time.time())}, but a purchase is on record for "
        f"{money.date_text(at)}. Until then today's sums and your limits are those of that day."
    )
    draw_wrapped(box, context, words, "ERROR")
    box.operator("grok_video.settle_clock", text=f"{money.SETTLE}…")


def draw_spending(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what was spent, what is left of the limits, and the button that exports all purchases."""
    if not spending.limits_count():
        draw_ahead(
            layout, context
        )  # under a limit the list says so, also where this part is closed
    sums, limits = spending.sums_now(), current().bridge.reader.limits
    column = layout.column(align=True)
    _draw_sum(column, "This File", sums.file)
    _draw_sum(column, "Today", sums.today)
    _draw_sum(column, "This Month", sums.month)
    _draw_sum(column, "All Time", sums.all_time)
    if spending.limits_count():
        column.separator()
        # The limits count for the key in use, the sums above for every key.
        if limits.day:
            _draw_sum(column, "Left Today", max(limits.day - sums.account_today, 0))
        if limits.month:
            _draw_sum(column, "Left This Month", max(limits.month - sums.account_month, 0))
    layout.operator("grok_video.export_spending", text="Export Spending as CSV…", icon="EXPORT")


def _draw_sum(column: bpy.types.UILayout, name: str, ticks: int) -> None:
    row = column.row()
    row.label(text=name)
    amount = row.row()
    amount.alignment = "RIGHT"
    amount.label(text=usd(ticks))


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_not_charged,
        GROK_VIDEO_OT_settle_clock,
        GROK_VIDEO_OT_export_spending,
    )
)

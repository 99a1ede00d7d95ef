"""Remove Unused Takes and Put Back: the dialog with the takes that no strip uses, and the way back."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, IntProperty, StringProperty

from ...core.amount import usd
from ...core.legible import legible
from .. import submission, telling, timeline
from ..refusal import Refused
from ..session import files, queue, unused, watch
from ..session.state import job_by_id
from .asking import JOB, Asks, Result, refuse
from .widgets import size_text

ROWS = 10  # of the list in the dialog
TITLE = 60  # characters of a prompt in that list


class GrokVideoUnused(bpy.types.PropertyGroup):
    """A row of the dialog."""

    job: StringProperty()
    facts: StringProperty()  # size and price
    remove: BoolProperty(
        name="Remove", description="Move this take into the folder “unused”", default=True
    )


class GROK_VIDEO_UL_unused(bpy.types.UIList):
    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        item: Any,
        _icon: int,
        _active_data: Any,
        _active_property: str,
    ) -> None:
        row = layout.row()
        row.prop(item, "remove", text="")
        row.label(text=item.name, translate=False)
        facts = row.row()
        facts.alignment = "RIGHT"
        facts.label(text=item.facts, translate=False)


class GROK_VIDEO_OT_remove_unused_takes(Asks, bpy.types.Operator):
    bl_idname = "grok_video.remove_unused_takes"
    bl_label = "Remove Unused Takes"
    bl_description = (
        "Move takes that no strip of this file uses into the folder “unused” beside the clips. "
        "Nothing is deleted: Put Back in the list of jobs returns them"
    )
    bl_options = set()

    jobs: StringProperty(
        name="Takes",
        description="Ids of their jobs, with blanks between; empty: all that are unused and have no star",
        options={"SKIP_SAVE"},
    )
    offered: CollectionProperty(type=GrokVideoUnused, options={"SKIP_SAVE", "HIDDEN"})
    active: IntProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        try:
            found = unused.unused()
        except Refused as error:
            return refuse(self, error)
        if not found:
            telling.report(self, "INFO", _NOTHING)
            return {"CANCELLED"}
        self.offered.clear()
        for take in found:
            row = self.offered.add()
            words = " ".join(submission.cast.as_written(take.job.spec)[: TITLE * 2].split())[:TITLE]
            row.name = legible(words or take.job.spec.source.image or "Untitled Clip")
            row.remove = not timeline.takes.is_starred(take.job.id)
            row.job, row.facts = take.job.id, _facts(take.size, take.price)
        title = "Remove Unused Takes" if len(found) > 1 else "Remove Unused Take"
        return context.window_manager.invoke_props_dialog(
            self, width=460, title=title, confirm_text="Move to “unused”"
        )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        rows = min(max(len(self.offered), 2), ROWS)
        layout.template_list(
            "GROK_VIDEO_UL_unused", "", self, "offered", self, "active", rows=rows, maxrows=ROWS
        )
        column = layout.column(align=True)
        column.label(text="No strip has used them since this file was opened.", icon="INFO")
        column.label(
            text="Another .blend may use them: its strips would miss the files.", icon="BLANK1"
        )
        column.label(text="Nothing is deleted. Put Back in the list returns a take.", icon="BLANK1")

    def run(self, _context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        # Once more: while the dialog was open a strip may have come to use a take.
        found = {take.job.id: take for take in unused.unused()}
        wanted = self.jobs.split() or [row.job for row in self.offered if row.remove]
        if not self.jobs and not self.offered:
            wanted = [one for one in found if not timeline.takes.is_starred(one)]
        moved, failed = 0, list[str]()
        for job_id in wanted:
            if job_id not in found:
                failed.append(f"“{job_id[:8]}” is used, or no take of this file, and stays.")
                continue
            try:
                unused.put_away(found[job_id].job)
                moved += 1
            except Refused as error:
                failed.append(str(error))
        watch.redraw()
        for sentence in failed:
            telling.report(self, "WARNING" if moved else "ERROR", sentence)
        takes = "1 take" if moved == 1 else f"{moved} takes"
        words = f"{takes} moved into the folder “unused”" if wanted else _NOTHING
        telling.report(self, "INFO", words)
        return {"FINISHED"} if moved else {"CANCELLED"}


_NOTHING = "Every take of this file is used, or may be used elsewhere. Nothing was moved."


def _facts(size: int, price: int | None) -> str:
    return size_text(size) if price is None else f"{size_text(size)}  ·  {usd(price)}"


class GROK_VIDEO_OT_put_back(Asks, bpy.types.Operator):
    bl_idname = "grok_video.put_back"
    bl_label = "Put Back"
    bl_description = "Move this clip back from the folder “unused” to its place. Free"
    bl_options = set()

    job: JOB

    def run(self, _context: bpy.types.Context) -> Result:
        job = queue.job_of(
            self.job,
            lambda job: files.look_now(job) == "gone" and files.is_put_away(job),
        )
        if job.clip is None:
            raise Refused("The clip of this job never came.", "Retry asks for it, free.")
        unused.put_back(job)
        files.show_clip(job)
        watch.redraw()
        return {"FINISHED"}


def draw_put_away(layout: bpy.types.UILayout, job_id: str) -> bool:
    """Draw where a clip that was put away lies, and its way back; False, and nothing drawn, for any other. No look."""
    job = job_by_id(job_id)
    if job is None or job.clip is None or not files.is_put_away(job):
        return False
    layout.label(text="In the folder “unused”", icon="FILE_FOLDER")
    layout.operator("grok_video.put_back", icon="LOOP_BACK").job = job.id
    return True


register, unregister = bpy.utils.register_classes_factory(
    (
        GrokVideoUnused,
        GROK_VIDEO_UL_unused,
        GROK_VIDEO_OT_remove_unused_takes,
        GROK_VIDEO_OT_put_back,
    )
)

"""The ⌄ beside the prompt: the last prompts of this file, or of all files, searched by typing.

The jobs of the list are the history; nothing else keeps prompts. *Clear History* notes the newest job: that job and
older ones are not shown from then on, and no job is deleted. Of a prompt with alternatives the whole is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import bpy

from ...core.job import Job
from ...core.legible import legible
from ...core.spec import Kind
from .. import config, scenes, submission
from ..refusal import Refused
from ..session import queue
from ..session.state import current, is_of_file, job_by_id
from . import look_styles
from .asking import JOB, Asks, Result

MOST = 20  # prompts in the history
_LOOKED_THROUGH = 2000  # jobs, the newest: a list may have 50,000, and the menu opens at once
_SHOWN = 80  # characters of a prompt in the menu; its tooltip has more
_TOOLTIP = 1000


class GROK_VIDEO_OT_use_prompt(Asks, bpy.types.Operator):
    bl_idname = "grok_video.use_prompt"
    bl_label = "Use Prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    job: JOB

    @classmethod
    def description(
        cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties
    ) -> str:
        asked: Any = properties  # the stubs do not know the operator's own
        job = job_by_id(asked.job)
        if job is None:
            return "Put the prompt of this clip into the panel"
        words = typed_for(job)
        return legible(words if len(words) <= _TOOLTIP else f"{words[:_TOOLTIP]}…", lines=True)

    def run(self, context: bpy.types.Context) -> Result:
        scene = context.scene
        if why := scenes.settings_refusal(scene):
            raise Refused(why)
        job = queue.job_of(self.job, _has_prompt)
        self.job = job.id  # F9 means the same one
        if job.spec.kind is Kind.LOOK:
            scene.grok_video.look_prompt = job.spec.prompt
        else:
            scene.grok_video.nearest.prompt = typed_for(job)
        return {"FINISHED"}


class GROK_VIDEO_OT_clear_history(bpy.types.Operator):
    bl_idname = "grok_video.clear_history"
    bl_label = "Clear History"
    bl_description = "Show none of the prompts so far beside the prompt any more. The clips and their jobs stay as they are"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, _context: bpy.types.Context) -> Result:
        jobs = current().bridge.snapshot.all
        newest = jobs[0].id if len(jobs) else ""
        own = config.preferences()
        if own.prompts_of_all_files:
            own.prompts_cleared_at = newest
            bpy.context.preferences.is_dirty = True
        for scene in bpy.data.scenes:
            if scene.library is None:
                scene.grok_video.cleared_at = newest
        return {"FINISHED"}


class GROK_VIDEO_MT_prompts(bpy.types.Menu):
    bl_label = "Prompts"
    bl_description = "The last prompts, newest first. Type to search"
    bl_options = {"SEARCH_ON_KEY_PRESS"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "EXEC_DEFAULT"
        draw_history(layout, history(context.scene))


class GROK_VIDEO_MT_look_prompts(bpy.types.Menu):
    bl_label = "Prompts of Looks"
    bl_description = "Words for some styles, and the last prompts of looks, newest first"
    bl_options = {"SEARCH_ON_KEY_PRESS"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "EXEC_DEFAULT"
        for style, label, _ in look_styles.STYLES:
            layout.operator("grok_video.use_look_style", text=label).style = style
        layout.separator()
        draw_history(layout, history(context.scene, look=True))


def draw_history(layout: bpy.types.UILayout, jobs: list[Job]) -> None:
    """Draw prompts to choose from, and the button that hides them."""
    for job in jobs:
        words = layout.operator("grok_video.use_prompt", text=_shown(job), translate=False)
        words.job = job.id
    if not jobs:
        everywhere = config.preferences().prompts_of_all_files
        words = "No prompts yet" if everywhere else "No prompts in this file yet"
        row = layout.row()
        row.active = False
        row.label(text=words)
    layout.separator()
    row = layout.row()
    row.enabled = bool(jobs)
    row.operator("grok_video.clear_history", icon="TRASH")


def history(scene: bpy.types.Scene, *, look: bool = False) -> list[Job]:
    """The jobs whose prompts are the history, newest first, each prompt once. Quick enough for a menu that opens.

    ``look``: the history of the prompts for looks.
    """
    own = config.preferences()
    ends = {scene.grok_video.cleared_at, own.prompts_cleared_at} - {""}
    found: dict[str, Job] = {}
    for job in _newest(ends):
        if (
            (job.spec.kind is Kind.LOOK) is look
            and _has_prompt(job)
            and (own.prompts_of_all_files or is_of_file(job))
        ):
            found.setdefault(typed_for(job).strip(), job)
            if len(found) == MOST:
                break
    return list(found.values())


def _newest(ends: set[str]) -> Iterator[Job]:
    """The newest jobs, up to one of ``ends``: jobs that were the newest when the history was cleared."""
    for job in islice(current().bridge.snapshot.all, _LOOKED_THROUGH):
        if job.id in ends:
            return
        yield job


def typed_for(job: Job) -> str:
    """What was typed into the panel to get this job: its prompt with its alternatives, where it has some."""
    return job.spec.written or submission.cast.typed_for(job.spec)


def _has_prompt(job: Job) -> bool:
    spec = job.spec
    of_panel = spec.kind is Kind.GENERATE and spec.source.kind != "STRIP"
    of_panel |= spec.kind is Kind.LOOK and not spec.look  # Apply the Look has added words
    return of_panel and bool(spec.prompt.strip())


def _shown(job: Job) -> str:
    # The search of a menu takes a bar for the beginning of a shortcut, and shows the rest at the right.
    words = legible(" ".join(typed_for(job)[: _SHOWN * 4].split())).replace("|", "¦")
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_use_prompt,
        GROK_VIDEO_OT_clear_history,
        GROK_VIDEO_MT_prompts,
        GROK_VIDEO_MT_look_prompts,
    )
)

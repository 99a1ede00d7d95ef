"""The list of jobs in the panel.

Drawing does no I/O and keeps nothing: the snapshot that is shown was made on a tick.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import bpy

from ...core.amount import usd
from ...core.expected import time_text
from ...core.job import Job, State
from ...core.legible import legible
from ...core.problem import ProblemCode
from ...core.shape import other_shape
from ...core.spec import Kind
from .. import submission, timeline
from ..session import files, spending, thumbnails, unseen
from ..session.state import current, is_open, job_by_id
from .job_buttons import draw_actions, draw_charge, draw_copy_buttons, seconds_left
from .spending import draw_ahead
from .unused import draw_put_away
from .widgets import about_text, draw_wrapped, is_narrow, size_text

if TYPE_CHECKING:
    from ..submission.preparation import Preparation

ROWS = 8  # jobs on a page
TITLE = 400  # characters of a prompt that a row looks at: no sidebar is wide enough for more
PICTURE = 2.2  # height of a job's picture, in rows
PROBLEM_LINES = 8  # lines of a problem's text below a job; Copy Error has the whole text
ICONS: dict[State, Any] = {
    State.QUEUED: "SORTTIME",
    State.SUBMITTING: "EXPORT",
    State.RUNNING: "RENDER_ANIMATION",
    State.DOWNLOADING: "IMPORT",
    State.READY: "FILE_MOVIE",
    State.IMPORTED: "CHECKMARK",
    State.FAILED: "ERROR",
    State.CANCELLED: "CANCEL",
    State.UNKNOWN: "QUESTION",
}
_WORDS = {
    State.QUEUED: "Waiting to Send",
    State.SUBMITTING: "Sending",
    State.RUNNING: "Generating",
    State.DOWNLOADING: "Downloading",
    State.READY: "Ready to Import",
    State.IMPORTED: "Imported",
    State.FAILED: "Failed",
    State.CANCELLED: "Stopped",
    State.UNKNOWN: "Answer Lost",
}


_WORDS_OF_LOOK = {
    State.RUNNING: "Making the Look",
    State.READY: "Look Made",
    State.IMPORTED: "Look Made",
}


def _draw_preparing(layout: bpy.types.UILayout, preparation: Preparation) -> None:
    """Draw what is being made for a click that is no job yet, and the button that stops it."""
    row = layout.box().row(align=True)
    done, every = preparation.progress or (0, 0)
    text = f"{preparation.label} {done} of {every}" if every else preparation.label
    row.progress(factor=done / every if every else 0.0, text=text)
    row.operator("grok_video.stop_preparing", text="", icon="X", emboss=False)


def draw_jobs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    now = current()
    snapshot = now.bridge.snapshot
    shown = context.window_manager.grok_video
    if trouble := now.bridge.reader.trouble or now.bridge.worker.trouble:
        draw_wrapped(layout, context, trouble, "ERROR")
        if folder := now.bridge.reader.list_folder:
            there = layout.operator("grok_video.move_list", text="Open It There…")
            there.directory = folder
        layout.operator("grok_video.copy_diagnostics", icon="COPYDOWN")
    if now.answers.refusal:
        draw_wrapped(layout, context, now.answers.refusal, "ERROR")
    if now.bridge.rebuilt:
        box = layout.box().column(align=True)
        draw_wrapped(box, context, now.bridge.rebuilt, "INFO")
        box.operator("grok_video.heard")
    if spending.limits_count():
        draw_ahead(layout, context)
    if now.click.preparing is not None:
        _draw_preparing(layout, now.click.preparing)
    if not snapshot.all:
        if now.click.preparing is None:
            row = layout.row()
            row.active = False
            row.label(text="Your clips appear here")
        return
    if shown.show != "ALL" or len(snapshot.all) > ROWS:  # else there is nothing to choose from
        layout.row().prop(shown, "show", expand=True)
    jobs = {"ACTIVE": snapshot.active, "DONE": snapshot.done}.get(shown.show, snapshot.all)
    if now.imports.waiting:
        draw_wrapped(layout, context, now.imports.waiting, "INFO")
    pages = max((len(jobs) + ROWS - 1) // ROWS, 1)
    page = min(shown.page, pages)
    at = time.time()
    listed = jobs[(page - 1) * ROWS : page * ROWS]
    files.show(job.clip.path for job in listed if job.clip is not None)
    unseen.drawn(job.id for job in listed)
    for job in listed:
        _draw_job(layout, context, job, at)
    if not jobs:
        row = layout.row()
        row.active = False
        row.label(text="None of the jobs is here")
    if pages > 1:
        row = layout.row(align=True)
        newer = row.row(align=True)
        newer.enabled = page > 1
        newer.operator("grok_video.page", text="", icon="TRIA_LEFT").page = max(page - 1, 1)
        middle = row.row(align=True)
        middle.alignment = "CENTER"
        middle.label(text=f"{page} of {pages}")
        older = row.row(align=True)
        older.enabled = page < pages
        older.operator("grok_video.page", text="", icon="TRIA_RIGHT").page = page + 1
    if not trouble and any(job.problem is not None for job in listed):
        layout.operator("grok_video.copy_diagnostics", icon="COPYDOWN")


def summary() -> str:
    """What is new and what is under way, in a few words for the panel's header; '' when nothing is."""
    if (preparing := current().click.preparing) is not None:
        return preparing.label
    active, new = current().bridge.snapshot.active, unseen.count()
    words = f"{len(active)} active" if active else ""
    if len(active) == 1:
        words = _status(active[0], time.time(), short=True)
    return ", ".join(filter(None, (f"{new} new" if new else "", words)))


def _title(job: Job) -> str:
    words = " ".join(submission.cast.as_written(job.spec)[:TITLE].split())
    if job.spec.kind is Kind.LOOK:
        words = f"Look: {words}"
    return words or job.spec.source.image or "Untitled Clip"


def _status(job: Job, at: float, short: bool = False) -> str:
    """State, time and money of a job in a few words; ``short``: where the icon says the state."""
    ended = job.finished_at or job.ready_at
    word = _WORDS[job.state]
    if job.spec.kind is Kind.LOOK:
        word = _WORDS_OF_LOOK.get(job.state, word)
    if job.held:
        word = "Held"
    elif job.fetching:
        word = "Downloading" if short else "Downloading Again"
    elif job.state is State.FAILED and job.problem and job.problem.code is ProblemCode.MODERATED:
        word = "Refused" if short else "Refused by Moderation"
    elif job.state is State.RUNNING and job.blocked:
        word = "Blocked"
    elif job.state is State.RUNNING and job.slow:
        word = "Slow"
    if job.state is State.SUBMITTING and job.spec.image:
        word += f" {size_text(job.spec.image_bytes)}"
    if job.state is State.RUNNING and job.progress is not None:
        percent = f"{job.progress} %"
        word = percent if short and word == _WORDS[State.RUNNING] else f"{word} {percent}"
    parts = [word]
    paid = short and job.cost is not None  # a narrow row has no room for both time and money
    left = seconds_left(job, at) if job.state is State.RUNNING else 0.0
    unsent = job.state is State.QUEUED and job.held
    if not paid and not job.fetching and not unsent and not (short and left):
        parts.append(time_text((ended or at) - job.created_at))
    if left:
        parts.append(about_text(left) if short else f"{about_text(left)} left")
    if job.cost is not None:
        parts.append(usd(job.cost))
    return (" · " if short else "  ·  ").join(parts)


def _draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, job: Job, at: float) -> None:
    box = layout.box().column(align=True)
    narrow = is_narrow(context)
    top, short = box, narrow
    if not narrow and (icon := thumbnails.icon_of(job)):
        row = box.row()
        picture = row.column()
        picture.template_icon(icon_value=icon, scale=PICTURE)
        top, short = row.column(align=True), True  # else the cost would be cut off
    head = top.row(align=True)
    if unseen.is_new(job.id):
        head.label(text="", icon="DOT")
    head.label(text=legible(_title(job)), icon=ICONS[job.state], translate=False)
    draw_copy_buttons(head, job)
    line = top.row(align=True)
    status = _status(job, at, short)
    if job.fetching or job.state in (State.SUBMITTING, State.RUNNING, State.DOWNLOADING):
        running = job.state is State.RUNNING and job.progress is not None
        line.progress(factor=(job.progress or 0) / 100 if running else 0.0, text=status)
    else:
        words = line.row()
        words.active = False
        words.label(text=status)
    if narrow and not job.open:
        line = box.row(align=True)
        line.alignment = "RIGHT"
    _draw_small_buttons(line, job)
    lost = files.lost(job)
    put_away = lost == "gone" and not job.fetching and draw_put_away(box, job.id)
    if not put_away:
        _draw_trouble(box, context, job, lost, narrow)
    if words := other_shape(job):
        draw_wrapped(box, context, words, "INFO")
    draw_charge(box, context, job)
    draw_actions(box, job, narrow)
    if lost and job.fetchable_again and not put_away:
        box.operator("grok_video.download_again", icon="FILE_REFRESH").job = job.id
    landing = current().imports.landings.get(job.id)
    if landing is not None:
        draw_wrapped(box, context, landing.notice, "INFO")
        if landing.off_colour:
            box.operator("grok_video.use_standard").scene = job.imported_into


def _draw_trouble(
    box: bpy.types.UILayout, context: bpy.types.Context, job: Job, lost: str, narrow: bool
) -> None:
    """Draw what is wrong with a job or the file of its clip, or that the clip is for another .blend."""
    problem = job.problem
    if problem is not None and (lost or not _over(job)):
        words = f"{problem.message} {problem.hint}".strip()
        draw_wrapped(box, context, words, most=PROBLEM_LINES * (2 if narrow else 1))
    elif lost and not job.fetching:
        gone = lost == "gone"  # another file may be the artist's own wish
        words = "gone" if gone else "not the one that came"
        draw_wrapped(
            box, context, f"The file of this clip is {words}.", "ERROR" if gone else "INFO"
        )
    elif job.state is State.READY and _of_other_file(job) and job.spec.kind is not Kind.LOOK:
        name = bpy.path.basename(job.spec.target.blend) or "a file that was not saved"
        draw_wrapped(box, context, f"Made for {name}. Import places it in the file that is open.")


def _of_other_file(job: Job) -> bool:
    blend = job.spec.target.blend
    return bool(blend or bpy.data.filepath) and not is_open(blend)


def _over(job: Job) -> bool:
    """Whether a delivered job tells of a file that could not be fetched again, which somebody has put back since."""
    delivered = job.state in (State.READY, State.IMPORTED) and not job.fetching
    stays = job.problem is None or job.problem.code in (ProblemCode.FILE, ProblemCode.SCENE)
    return delivered and not stays


def _draw_small_buttons(row: bpy.types.UILayout, job: Job) -> None:
    """Draw the icons at the right of a job: always in the same order, so that none jumps."""
    if job.clip is not None:
        row.operator(
            "grok_video.open_folder", text="", icon="FILE_FOLDER", emboss=False
        ).job = job.id
    if job.state is State.IMPORTED and job.spec.kind is not Kind.LOOK:
        again = row.operator("grok_video.import_result", text="", icon="IMPORT", emboss=False)
        again.job, again.here = job.id, True
        row.operator("grok_video.show_strip", text="", icon="VIEWZOOM", emboss=False).job = job.id
    if job.open:
        row.operator("grok_video.stop", text="", icon="X", emboss=False).job = job.id


def draw_lost_strip(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw what can be done for the active strip when it came from a job and its file is missing."""
    editor = timeline.strips.target_scene(context).sequence_editor
    strip = editor.active_strip if editor is not None else None
    job = job_by_id(timeline.strips.job_of(strip)) if strip is not None else None
    if job is None or job.clip is None:
        return
    path = timeline.media.file_of(strip)
    files.show((path, job.clip.path))
    if job.fetching and job.problem is None:
        layout.label(text="The clip's file is being downloaded again", icon="IMPORT")
    elif job.fetching or files.is_gone(path):
        draw_wrapped(layout, context, words_of_lost(job), "ERROR")
        if job.fetchable_again:
            layout.operator("grok_video.download_again", icon="FILE_REFRESH").job = job.id


def status_of(job: Job, at: float) -> str:
    """State, time and money of a job at wall time ``at``, in as few words as a narrow row has."""
    return _status(job, at, short=True)


def words_of_lost(job: Job) -> str:
    """What the last try to fetch a missing file came to; before one, that the file is gone. No look."""
    if job.problem is None or not files.lost(job):
        return "The file of this clip is gone."
    return f"{job.problem.message} {job.problem.hint}".strip()

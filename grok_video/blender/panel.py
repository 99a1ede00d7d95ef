"""The panel, the menus and the preferences: drawn from settings and the ledger's snapshot.

``draw`` does no I/O and keeps nothing; what it shows was made by ``flow`` on a tick.
"""

from __future__ import annotations

import os
import textwrap
import time
from typing import TYPE_CHECKING, Any

import bpy

from ..core import models
from ..core.job import FINAL_STATES, Job, ProblemCode, State
from . import capture, compat, flow, sequencer, settings

ROWS = 8  # jobs on a page
PROBLEM_LINES = 6  # of a problem's text in a row; the rest is behind Copy Error
NARROW = (
    230  # pixels of a sidebar, at an interface scale of 1, that hold two labelled fields in a row
)

_ICONS: dict[State, Any] = {
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


# ------------------------------------------------------------------------------------------------ helpers


def _wrapped(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    text: str,
    icon: Any = "NONE",
    most: int = 20,
) -> None:
    """Labels that hold the whole text in the width there is (labels do not wrap by themselves)."""
    region = context.region
    scale = context.preferences.system.ui_scale
    width = region.width if region is not None else 400
    # Measured with Blender's own font: about 6 pixels a character at a scale of 1.
    characters = max(int((width - 60 * scale) / (6.0 * scale)), 16)
    lines = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, characters, max_lines=most, placeholder=" …")
    ][:most]
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(lines):
        if number == 0:
            column.label(text=line, icon=icon)
        else:
            column.label(text=line, icon="BLANK1" if icon != "NONE" else "NONE")


def _narrow(context: bpy.types.Context) -> bool:
    """Whether the sidebar was made so narrow that labels beside fields would be cut."""
    region = context.region
    if region is None or region.type != "UI":
        return False
    return region.width < NARROW * context.preferences.system.ui_scale


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size // 1000, 1)} KB"


def _help_button(layout: bpy.types.UILayout, code: ProblemCode | None) -> None:
    """The button that mends the trouble, where one can."""
    if code is ProblemCode.OFFLINE:
        if not bpy.app.online_access_override:
            layout.operator("extensions.userpref_allow_online", text="Allow Online Access")
    elif code in (ProblemCode.KEY, ProblemCode.OTHER_KEY, ProblemCode.NETWORK):
        layout.operator("grok_video.show_preferences", text="Preferences…", icon="PREFERENCES")


# --------------------------------------------------------------------------------------------- the request


def draw_request(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Source, prompt and settings: the same in both sidebars and in the dialog."""
    chosen = context.scene.grok_video
    layout.use_property_split = True
    layout.use_property_decorate = False
    narrow = _narrow(context)
    column = layout.column()
    if narrow:
        row = column.row()
        row.use_property_split = False
        row.prop(chosen, "source", text="")
    else:
        column.prop(chosen, "source")
    if chosen.source == "IMAGE":
        column.template_ID(chosen, "image", open="image.open")
    _draw_framing(column, context)
    _draw_prompt(layout, context)
    # Two to a row: in the sequencer's low sidebar the jobs below shall be seen as well.
    column = layout.column(align=True)
    column.use_property_split = False
    column.prop(chosen, "model", text="")
    row = column if narrow else column.row(align=True)
    row.prop(chosen, "duration", text="Seconds")
    row.prop(chosen, "resolution", text="")
    row = column if narrow else column.row(align=True)
    row.prop(chosen, "aspect_ratio", text="")
    sound = row.row(align=True)
    sound.enabled = models.MODELS[chosen.model].audio
    icon = "SOUND" if chosen.generate_audio else "MUTE_IPO_OFF"
    sound.prop(chosen, "generate_audio", toggle=True, icon=icon)


def _draw_framing(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What will be sent: its pixels, its format, and what the ratio crops away."""
    scene = context.scene
    chosen = scene.grok_video
    if chosen.source == "NONE":
        return
    size = models.clip_size(chosen.resolution, flow.ratio_of(context, scene))
    natural = capture.natural_size(context, scene, chosen.source, chosen.image)
    cropped = ""
    if natural is not None:
        crop = models.crop_inside(*natural, *size)
        if not crop.whole:
            cropped = f", {crop.text}"
        if chosen.source in ("IMAGE", "RENDER_RESULT", "SEQUENCER"):
            # Pictures are never enlarged: a small one is sent as small as it is.
            kept = (crop.right - crop.left) * natural[0], (crop.top - crop.bottom) * natural[1]
            if kept[0] < size[0]:
                size = max(1, int(kept[0] + 1e-6)), max(1, int(kept[1] + 1e-6))
    text = f"{size[0]} × {size[1]} {flow.preferred_format()}{cropped}"
    row = layout.row()
    row.active = False
    row.alignment = "RIGHT"
    row.label(text=text)
    if chosen.source == "CAMERA" and capture.engine_freezes(scene):
        words = layout.column()
        words.active = False
        words.use_property_split = False
        _wrapped(
            words,
            context,
            "Blender waits while this engine renders; the source 3D Viewport is taken at once",
            "INFO",
        )


def _draw_prompt(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    chosen = context.scene.grok_video
    column = layout.column(align=True)
    column.use_property_split = False
    head = column.row(align=True)
    head.label(text="Prompt")
    head.operator("grok_video.paste_prompt", text="", icon="PASTEDOWN")
    if chosen.prompt_text is None:
        placeholder = "What happens in the clip?"
        if not compat.textbox(column, chosen, "prompt", lines=4, placeholder=placeholder):
            column.prop(chosen, "prompt", text="", placeholder=placeholder)
            # A plain field shows one line: the whole prompt stands below it.
            if len(chosen.prompt) > 30 or "\n" in chosen.prompt:
                _wrapped(column, context, chosen.prompt, most=12)
    else:
        _wrapped(column, context, chosen.written_prompt(), most=12)
    column.prop(chosen, "prompt_text", text="", icon="TEXT", placeholder="Or a Text Datablock")


def _draw_scenes(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Blender 5 edits one scene and shows another: say which is which when they differ."""
    target = sequencer.target_scene(context)
    if target == context.scene:
        return
    column = layout.column(align=True)
    column.label(text=f"Source: {context.scene.name}", icon="SCENE_DATA")
    column.label(text=f"Clip: {target.name}, frame {target.frame_current}", icon="SEQ_SEQUENCER")


def _draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scene = context.scene
    now = flow.current()
    trouble = flow.obvious_trouble(context, scene)
    price = flow.price(scene)
    row = layout.row()
    row.scale_y = 1.5
    if now.pending is not None:
        row.enabled = False
        row.operator("grok_video.generate", text="Rendering…", icon="RENDER_STILL")
        return
    row.enabled = trouble is None
    row.operator(
        "grok_video.generate",
        text="Generate" if price is None else f"Generate for {models.usd(price)}",
        icon="RENDER_ANIMATION",
    )
    if trouble is not None:
        _wrapped(layout, context, trouble[0], "ERROR")
        _help_button(layout, trouble[1])
    if now.message:
        _wrapped(layout, context, now.message, "ERROR")


# ------------------------------------------------------------------------------------------------ the jobs


def _draw_jobs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    now = flow.current()
    snapshot = now.bridge.snapshot
    shown = context.window_manager.grok_video
    if trouble := now.bridge.ledger_trouble or now.bridge.trouble:
        _wrapped(layout, context, trouble, "ERROR")
    if not snapshot.all:
        row = layout.row()
        row.active = False
        row.label(text="Your clips appear here")
        return
    layout.row().prop(shown, "show", expand=True)
    jobs = {"ACTIVE": snapshot.active, "DONE": snapshot.done}.get(shown.show, snapshot.all)
    if now.waiting:
        _wrapped(layout, context, now.waiting, "INFO")
    pages = max((len(jobs) + ROWS - 1) // ROWS, 1)
    page = min(shown.page, pages)
    at = time.time()
    for job in jobs[(page - 1) * ROWS : page * ROWS]:
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


def _title(job: Job) -> str:
    words = " ".join(job.spec.prompt.split())
    return words or job.spec.source.image or "Untitled Clip"


def _status(job: Job, at: float, short: bool = False) -> str:
    """State, time and money of a job in a few words; ``short``: where the icon says the state."""
    ended = job.finished_at or job.ready_at
    word = _WORDS[job.state]
    if job.held:
        word = "Held"
    elif job.state is State.FAILED and job.problem and job.problem.code is ProblemCode.MODERATED:
        word = "Refused" if short else "Refused by Moderation"
    elif job.state is State.RUNNING and job.blocked:
        word = "Blocked"
    elif job.state is State.RUNNING and job.slow:
        word = "Slow"
    if job.state is State.SUBMITTING and job.spec.image:
        word += f" {_bytes(job.spec.image_bytes)}"
    if job.state is State.RUNNING and job.progress is not None:
        percent = f"{job.progress} %"
        word = percent if short and word == _WORDS[State.RUNNING] else f"{word} {percent}"
    parts = [word]
    paid = short and job.cost is not None  # then the money matters, and there is no room for both
    if not paid and (job.state is not State.QUEUED or not job.held):
        parts.append(_seconds((ended or at) - job.created_at))
    if job.cost is not None:
        parts.append(models.usd(job.cost))
    return (" · " if short else "  ·  ").join(parts)


def _draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, job: Job, at: float) -> None:
    box = layout.box().column(align=True)
    head = box.row(align=True)
    head.label(text=_title(job), icon=_ICONS[job.state])
    _draw_copy_buttons(head, job)
    narrow = _narrow(context)
    line = box.row(align=True)
    status = _status(job, at, narrow)
    if job.state in (State.SUBMITTING, State.RUNNING, State.DOWNLOADING):
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
    problem = job.problem
    if problem is not None:
        words = f"{problem.message} {problem.hint}".strip()
        _wrapped(box, context, words, most=PROBLEM_LINES * (2 if narrow else 1))
    elif job.state is State.READY and job.spec.target.blend != bpy.data.filepath:
        name = bpy.path.basename(job.spec.target.blend) or "a file that was not saved"
        _wrapped(box, context, f"Made for {name}. Import places it in the file that is open.")
    _draw_actions(box, job)
    notice = flow.current().notices.get(job.id)
    if notice:
        _wrapped(box, context, notice, "INFO")
        button = box.operator("grok_video.use_standard")
        button.scene = job.imported_into


def _draw_copy_buttons(row: bpy.types.UILayout, job: Job) -> None:
    if job.problem is not None:
        row.operator("grok_video.copy_error", text="", icon="COPYDOWN", emboss=False).job = job.id
    if job.request_id:
        row.operator(
            "grok_video.copy_request_id", text="", icon="COPY_ID", emboss=False
        ).job = job.id


def _draw_small_buttons(row: bpy.types.UILayout, job: Job) -> None:
    """The icons at the right of a row: always in the same order, so that they do not jump."""
    if job.clip is not None:
        row.operator(
            "grok_video.open_folder", text="", icon="FILE_FOLDER", emboss=False
        ).job = job.id
    if job.state is State.IMPORTED:
        again = row.operator("grok_video.import_result", text="", icon="IMPORT", emboss=False)
        again.job, again.here = job.id, True
        row.operator("grok_video.show_strip", text="", icon="VIEWZOOM", emboss=False).job = job.id
    if job.open:
        row.operator("grok_video.stop", text="", icon="X", emboss=False).job = job.id


def _draw_actions(box: bpy.types.UILayout, job: Job) -> None:
    """The buttons with words: what there is to decide."""
    row = box.row(align=True)
    if job.held:
        price = flow.price_again(job)
        row.operator(
            "grok_video.release", text="Send" if price is None else f"Send for {models.usd(price)}"
        ).job = job.id
        row.operator("grok_video.stop", text="Discard").job = job.id
        return
    if job.state is State.READY:
        row.operator("grok_video.import_result", text="Import", icon="IMPORT").job = job.id
        here = row.operator("grok_video.import_result", text="At the Playhead")
        here.job, here.here = job.id, True
        return
    if job.problem is not None:
        _help_button(row, job.problem.code)
    if job.retryable:
        row.operator("grok_video.retry", icon="FILE_REFRESH").job = job.id
    if job.state is State.UNKNOWN and not job.request_id:
        row.operator("grok_video.request_id", text="Enter ID…").job = job.id
    if job.state in FINAL_STATES and job.state is not State.IMPORTED:
        price = flow.price_again(job)
        row.operator(
            "grok_video.send_again",
            text="Send Again…" if price is None else f"Send Again for {models.usd(price)}",
        ).job = job.id


# ---------------------------------------------------------------------------------------------- the panels


class _Sidebar(bpy.types.Panel if TYPE_CHECKING else object):
    """The same panels in both editors."""

    bl_region_type = "UI"
    bl_category = flow.TAB


class _RequestPanel(_Sidebar):
    bl_label = "Generate Clip"

    def draw(self, context: bpy.types.Context) -> None:
        draw_request(self.layout, context)
        _draw_scenes(self.layout, context)
        _draw_generate(self.layout, context)


class _JobsPanel(_Sidebar):
    bl_label = "Jobs"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        count = len(flow.current().bridge.snapshot.active)
        if count:
            self.layout.label(text=f"{count} active")

    def draw(self, context: bpy.types.Context) -> None:
        _draw_jobs(self.layout, context)


class GROK_VIDEO_PT_request_sequencer(_RequestPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_jobs_sequencer(_JobsPanel, bpy.types.Panel):
    bl_space_type = "SEQUENCE_EDITOR"


class GROK_VIDEO_PT_request_view3d(_RequestPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


class GROK_VIDEO_PT_jobs_view3d(_JobsPanel, bpy.types.Panel):
    bl_space_type = "VIEW_3D"


# ------------------------------------------------------------------------------------------------ the menus


def _draw_sequencer_add(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("grok_video.generate_dialog", text="Grok Video Clip…", icon="FILE_MOVIE")


def _draw_view3d_view(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    # Below Viewport Render Image: where one looks for a picture of what one sees.
    self.layout.separator()
    self.layout.operator(
        "grok_video.generate_dialog", text="Grok Video from Viewport…", icon="FILE_MOVIE"
    ).source = "VIEWPORT"


def _draw_file_external(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("grok_video.collect_clips")


# ------------------------------------------------------------------------------------------- the preferences


def draw_preferences(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    own: settings.GrokVideoPreferences,
) -> None:
    """The add-on's preferences, under Preferences › Add-ons."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    column = layout.column()
    for name, variable in (("api_key", "XAI_API_KEY"), ("api_base", "XAI_API_BASE")):
        row = column.row()
        given = bool(os.environ.get(variable, "").strip())
        row.enabled = not given
        row.prop(own, name)
        if given:
            column.label(text=f"The environment's {variable} is used", icon="INFO")
    if trouble := settings.api_base_trouble(settings.api_base()):
        _wrapped(column, context, trouble, "ERROR")
    if not bpy.app.online_access:
        _wrapped(column, context, "Blender's online access is off: nothing is sent.", "ERROR")
        _help_button(column, ProblemCode.OFFLINE)
    column.separator()
    column.operator("grok_video.check_connection")
    answer = flow.connection_answer()
    if answer is not None:
        icon = "CHECKMARK" if answer["ok"] else "ERROR"
        _wrapped(column, context, str(answer["message"]), icon)
    column.separator()
    column.prop(own, "output_dir", placeholder=str(settings.output_dir()))
    column.prop(own, "ledger_dir", placeholder=str(settings.data_dir()))
    column.prop(own, "still_format")
    column.prop(own, "poll_interval")
    if settings.poll_interval() != own.poll_interval:
        column.label(text="The service is asked every 5 seconds at most", icon="INFO")


_CLASSES = (
    GROK_VIDEO_PT_request_sequencer,
    GROK_VIDEO_PT_jobs_sequencer,
    GROK_VIDEO_PT_request_view3d,
    GROK_VIDEO_PT_jobs_view3d,
)
_MENUS = (
    ("SEQUENCER_MT_add", _draw_sequencer_add),
    ("VIEW3D_MT_view", _draw_view3d_view),
    ("TOPBAR_MT_file_external_data", _draw_file_external),
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    for menu, draw in _MENUS:
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    for menu, draw in _MENUS:
        getattr(bpy.types, menu).remove(draw)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)

"""The panel, the menus and the preferences: drawn from settings and the ledger's snapshot.

``draw`` does no I/O and keeps nothing; what it shows was made by ``flow`` on a tick.
"""

from __future__ import annotations

import functools
import os
import textwrap
import time
from typing import TYPE_CHECKING, Any

import blf
import bpy

from ..core.amount import priced, usd
from ..core.framing import crop_inside
from ..core.job import FINAL_STATES, Job, State
from ..core.problem import ProblemCode
from ..core.spec import Kind
from ..service import checks, models
from ..service.pricing import billed_seconds, price_of_passes
from . import capture, compat, flow, orders, preparing, sequencer, settings, shots

ROWS = 8  # jobs on a page
PROBLEM_LINES = 8  # of a problem's text in a row; the rest is behind Copy Error
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

_FEWEST = 12  # characters of a line, however narrow the sidebar


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
    # Beside the text: the panel, the box, the tabs, and the icon.
    beside = 68 if icon == "NONE" else 88
    size = context.preferences.ui_styles[0].widget.points * scale
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(_lines(text, int(width - beside * scale), size, most)):
        if number == 0:
            column.label(text=line, icon=icon)
        else:
            column.label(text=line, icon="BLANK1" if icon != "NONE" else "NONE")


@functools.lru_cache(maxsize=128)
def _lines(text: str, room: int, size: float, most: int) -> list[str]:
    """``text`` in at most ``most`` lines of ``room`` pixels, in Blender's own font at that size."""
    blf.size(0, size)
    characters = max(
        int(room / (size * 0.4)), _FEWEST
    )  # more than fit, of all but the thinnest letters
    while True:
        lines = [
            line
            for paragraph in text.splitlines()
            for line in textwrap.wrap(paragraph, characters, max_lines=most, placeholder=" …")
        ][:most]
        widest = max((blf.dimensions(0, line)[0] for line in lines), default=0.0)
        if widest <= room or characters <= _FEWEST:
            return lines
        characters -= 1


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


_IN_PREFERENCES = {
    ProblemCode.KEY,
    ProblemCode.OTHER_KEY,
    ProblemCode.NETWORK,
    ProblemCode.LIMIT,
}


def _help_button(layout: bpy.types.UILayout, code: ProblemCode | None) -> None:
    """The button that mends the trouble, where one can."""
    if code is ProblemCode.OFFLINE:
        if not bpy.app.online_access_override:
            layout.operator("extensions.userpref_allow_online", text="Allow Online Access")
    elif code in _IN_PREFERENCES:
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
    _draw_model(column, context)
    row = column if narrow else column.row(align=True)
    row.prop(chosen, "duration", text="Seconds")
    row.prop(chosen, "resolution", text="")
    row = column if narrow else column.row(align=True)
    row.prop(chosen, "aspect_ratio", text="")
    sound = row.row(align=True)
    sound.enabled = chosen.model_row().audio
    icon = "SOUND" if chosen.generate_audio else "MUTE_IPO_OFF"
    sound.prop(chosen, "generate_audio", toggle=True, icon=icon)


def _draw_model(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    chosen = context.scene.grok_video
    row = column.row(align=True)
    row.prop(chosen, "model", text="")
    row.operator("grok_video.refresh_models", text="", icon="FILE_REFRESH")
    if chosen.model == settings.OTHER_MODEL:
        column.prop(chosen, "model_other", text="", placeholder="Name of the Model")
        known = "the price is yours" if settings.unknown_second() else "its price is not known"
        _wrapped(column, context, f"Sent unchecked; {known}", "INFO")
    elif (names := flow.models_of_key()) and chosen.model_id() not in names:
        _wrapped(column, context, "Your key may not use this model", "INFO")


def _draw_framing(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What will be sent: its pixels, its format, and what the ratio crops away."""
    scene = context.scene
    chosen = scene.grok_video
    if chosen.source == "NONE":
        return
    size = models.clip_size(chosen.resolution, orders.ratio_of(context, scene))
    natural = capture.natural_size(context, scene, chosen.source, chosen.image)
    cropped = ""
    if natural is not None:
        crop = crop_inside(*natural, *size)
        if not crop.whole:
            cropped = f", {crop.text}"
        if chosen.source in ("IMAGE", "RENDER_RESULT", "SEQUENCER"):
            # Pictures are never enlarged: a small one is sent as small as it is.
            kept = (crop.right - crop.left) * natural[0], (crop.top - crop.bottom) * natural[1]
            if kept[0] < size[0]:
                size = max(1, int(kept[0] + 1e-6)), max(1, int(kept[1] + 1e-6))
    text = f"{size[0]} × {size[1]} {orders.preferred_format()}{cropped}"
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


def draw_price(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the clip will cost as it is set now: for the dialog, whose button cannot tell."""
    price = orders.price_of(orders.generate_draft(context, context.scene))
    row = layout.row()
    row.alignment = "RIGHT"
    row.label(text="Price not known" if price is None else f"Price {usd(price)}")


def _draw_generate(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scene = context.scene
    now = flow.current()
    draft = orders.generate_draft(context, scene)
    trouble = flow.connection_trouble()
    if trouble is None and (why := orders.generate_trouble(context, scene, draft)):
        trouble = why, ProblemCode.REQUEST
    price = orders.price_of(draft)
    if trouble is None and price is None and (why := flow.limit_trouble(None, draft.model)):
        trouble = why, ProblemCode.LIMIT
    row = layout.row()
    row.scale_y = 1.5
    if now.pending is not None:
        row.enabled = False
        row.operator("grok_video.generate", text=now.pending.label, icon="RENDER_STILL")
        return
    row.enabled = trouble is None
    row.operator(
        "grok_video.generate",
        text=priced("Generate", price),
        icon="RENDER_ANIMATION",
    )
    _draw_limit(layout, context, price)
    if trouble is not None:
        _wrapped(layout, context, trouble[0], "ERROR")
        _help_button(layout, trouble[1])
    if now.message:
        _wrapped(layout, context, now.message, "ERROR")


def _draw_limit(layout: bpy.types.UILayout, context: bpy.types.Context, price: int | None) -> None:
    """That a clip of this price would be held, before it is made."""
    if price is not None and flow.limit_trouble(price, ""):
        _wrapped(layout, context, "It would pass your spending limit and be held, not sent", "INFO")


# ------------------------------------------------------------------------------- more pictures for a clip


def _draw_pictures(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """References, the end frame and keyframes: what the chosen model can use."""
    scene = context.scene
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    if "references" in model.makes:
        _draw_references(layout, chosen, model)
    elif len(chosen.references):
        _wrapped(layout, context, f"{model.label} takes no references", "INFO")
    if "last_frame" in model.makes:
        column = layout.column(align=True)
        column.use_property_split = False
        row = column.row(align=True)
        row.prop(chosen, "end_frame")
        if chosen.end_frame:
            row.label(text=f"frame {orders.end_frame_of(scene)}")
            column.prop(
                chosen, "end_camera", text="", icon="CAMERA_DATA", placeholder="Same Camera"
            )
    if "keyframes" in model.makes:
        column = layout.column(align=True)
        column.use_property_split = False
        column.prop(chosen, "keyframes")
        if chosen.keyframes:
            _draw_marks(column, context)
    if not {"references", "last_frame", "keyframes"} & model.makes:
        _wrapped(layout, context, f"{model.label} starts from one picture only", "INFO")


def _draw_references(
    layout: bpy.types.UILayout, chosen: settings.GrokVideoSettings, model: models.Model
) -> None:
    column = layout.column()
    column.use_property_split = False
    for number, reference in enumerate(chosen.references):
        row = column.box().row(align=True)
        icon = row.icon(reference.image) if reference.image else 0
        row.template_icon(icon_value=icon, scale=2.5)
        parts = row.column(align=True)
        parts.template_ID(reference, "image", open="image.open")
        tools = parts.row(align=True)
        token = tools.operator("grok_video.insert_reference", text=f"<IMAGE_{number}>")
        token.index = number
        tools.operator("grok_video.remove_reference", text="", icon="X").index = number
    row = column.row(align=True)
    row.enabled = len(chosen.references) < model.max_references
    row.operator("grok_video.add_reference", text="Image", icon="ADD").source = "IMAGE"
    row.operator_menu_enum(
        "grok_video.add_camera_reference", "camera", text="Camera", icon="CAMERA_DATA"
    )
    row.operator("grok_video.add_reference", text="Strip", icon="SEQUENCE").source = "STRIP"


def _draw_marks(column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The keyframes as they will be sent, each with where the service puts it."""
    found = orders.marks(context.scene)
    if not found:
        column.label(text="No marker lies inside the clip", icon="INFO")
    for mark in found:
        row = column.row()
        row.active = False
        row.label(text=mark.name, icon="MARKER_HLT")
        row.label(text=f"{mark.seconds:.2f} → {mark.thirds / 3:.2f} s")


# ------------------------------------------------------------------------------------------ extend and edit


def _draw_rework_prompt(
    layout: bpy.types.UILayout, context: bpy.types.Context, name: str, placeholder: str
) -> None:
    chosen = context.scene.grok_video
    column = layout.column(align=True)
    if not compat.textbox(column, chosen, name, lines=2, placeholder=placeholder):
        column.prop(chosen, name, text="", placeholder=placeholder)
        text = getattr(chosen, name)
        if len(text) > 30 or "\n" in text:
            _wrapped(column, context, text, most=12)


def _draw_part(layout: bpy.types.UILayout, part: orders.Part) -> None:
    """What is sent of a strip."""
    column = layout.column(align=True)
    column.label(text=part.shot.strip, icon="SEQUENCE")
    row = column.row()
    row.active = False
    all_of_it = (part.shot.end - part.shot.start) / part.shot.fps
    if part.whole:
        text = f"{part.seconds:.1f} s"
    elif part.end == part.shot.end:
        text = f"Last {part.seconds:.1f} of {all_of_it:.1f} s"
    else:
        text = f"{part.seconds:.1f} of {all_of_it:.1f} s"
    row.label(text=f"{text}, {part.pixels[0]} × {part.pixels[1]}", icon="BLANK1")


def _draw_who_can(layout: bpy.types.UILayout, context: bpy.types.Context, what: str) -> bool:
    """Where the chosen model cannot: say so, and offer the one that can. True when it can."""
    model = context.scene.grok_video.model_row()
    if what in model.makes:
        return True
    _wrapped(layout, context, f"{model.label} cannot {what} clips", "INFO")
    for other in models.models_that(what):
        layout.operator("grok_video.use_model", text=f"Use {other.label}").model = other.id
    return False


def _draw_button(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    operator: str,
    words: str,
    icon: Any,
    price: int | None,
    trouble: str,
    shot: shots.Shot | None,
) -> None:
    """A button with its price in ticks, and why it cannot be pressed."""
    row = layout.row()
    row.scale_y = 1.2
    ready = flow.current().pending is None and flow.connection_trouble() is None
    if not trouble and price is None:
        trouble = flow.limit_trouble(None, context.scene.grok_video.model_id())
    row.enabled = ready and not trouble
    button = row.operator(operator, text=priced(words, price), icon=icon)
    if shot is not None:
        # The price is this strip's: a clip that comes in before the click becomes the active one.
        button.scene, button.strip = shot.scene, shot.strip
    if trouble:
        _wrapped(layout, context, trouble, "INFO")
    _draw_limit(layout, context, price)


def _draw_extend(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scene = context.scene
    layout.use_property_split = False
    try:
        shot = shots.active_shot(context)
    except shots.ShotRefused as why:
        _wrapped(layout, context, str(why), "INFO")
        return
    part = orders.part_to_extend(scene, shot, flow.job_by_id)
    _draw_part(layout, part)
    _draw_rework_prompt(layout, context, "extend_prompt", "What happens next?")
    row = layout.row(align=True)
    row.prop(scene.grok_video, "extend_seconds")
    passes = orders.passes_of(scene, part)
    if len(passes) > 1:
        row.label(text=f"in {len(passes)} passes")
    if _draw_who_can(layout, context, "extend") and passes:
        draft = orders.rework_draft(scene, Kind.EXTEND, part, passes[0].seconds)
        trouble = orders.extend_trouble(scene, shot, draft)
        words = "Extend" if len(passes) == 1 else "Extend…"
        price, icon = price_of_passes(passes), "TRACKING_FORWARDS_SINGLE"
        _draw_button(layout, context, "grok_video.extend", words, icon, price, trouble, shot)
    draft = orders.continue_draft(scene, shot)
    words = "Continue Shot"
    if _narrow(context):
        words = "Continue"  # the price must not be cut off
    elif draft.duration != scene.grok_video.extend_seconds:  # a new clip has limits of its own
        words += f" {draft.duration} s"
    price = orders.price_of(draft)
    _draw_button(layout, context, "grok_video.continue_shot", words, "FRAME_NEXT", price, "", shot)


def _draw_edit(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    scene = context.scene
    chosen = scene.grok_video
    layout.use_property_split = False
    layout.prop(chosen, "edit_of", text="")
    shot: shots.Shot | None = None
    if chosen.edit_of == "STRIP":
        try:
            shot = shots.active_shot(context)
        except shots.ShotRefused as why:
            _wrapped(layout, context, str(why), "INFO")
            return
        part = orders.part_to_edit(scene, shot, flow.job_by_id)
        _draw_part(layout, part)
        if not part.whole:
            layout.prop(chosen, "edit_start", text="Skip Frames")
        seconds = billed_seconds(part.seconds)
        draft = orders.rework_draft(scene, Kind.EDIT, part, seconds)
        trouble = checks.trouble(draft)
    else:
        take = orders.take_to_edit(context, scene)
        _draw_take(layout, context, take)
        draft = orders.animation_draft(scene, take)
        trouble = orders.animation_trouble(context, scene, draft)
    _draw_rework_prompt(layout, context, "edit_prompt", "What shall be different?")
    if _draw_who_can(layout, context, "edit"):
        price = orders.price_of(draft)
        _draw_button(layout, context, "grok_video.edit", "Edit", "BRUSH_DATA", price, trouble, shot)


def _draw_take(layout: bpy.types.UILayout, context: bpy.types.Context, take: orders.Take) -> None:
    """What is sent of the animation."""
    row = layout.row()
    row.active = False
    size = f"{take.pixels[0]} × {take.pixels[1]}"
    row.label(text=f"Frames {take.start}–{take.end - 1}, {take.seconds:.1f} s, {size}", icon="TIME")
    if take.cut:
        _wrapped(layout, context, "The range is longer than what can be edited", "INFO")


# ------------------------------------------------------------------------------------------------ the jobs


def _draw_preparing(layout: bpy.types.UILayout, pending: preparing.Preparation) -> None:
    """What is being made before there is a job, with a way to stop it."""
    row = layout.box().row(align=True)
    done, every = pending.progress or (0, 0)
    text = f"{pending.label} {done} of {every}" if every else pending.label
    row.progress(factor=done / every if every else 0.0, text=text)
    row.operator("grok_video.stop_preparing", text="", icon="X", emboss=False)


def _draw_jobs(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    now = flow.current()
    snapshot = now.bridge.snapshot
    shown = context.window_manager.grok_video
    if trouble := now.bridge.ledger_trouble or now.bridge.trouble:
        _wrapped(layout, context, trouble, "ERROR")
        layout.operator("grok_video.copy_diagnostics", icon="COPYDOWN")
    if now.bridge.rebuilt:
        box = layout.box().column(align=True)
        _wrapped(box, context, now.bridge.rebuilt, "INFO")
        box.operator("grok_video.heard")
    if now.pending is not None:
        _draw_preparing(layout, now.pending)
    if not snapshot.all:
        if now.pending is None:
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
    listed = jobs[(page - 1) * ROWS : page * ROWS]
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
        parts.append(usd(job.cost))
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
    _draw_charge(box, context, job)
    _draw_actions(box, job, narrow)
    landing = flow.current().notices.get(job.id)
    if landing is not None:
        _wrapped(box, context, landing.notice, "INFO")
        if landing.off_colour:
            box.operator("grok_video.use_standard").scene = job.imported_into


def _draw_charge(box: bpy.types.UILayout, context: bpy.types.Context, job: Job) -> None:
    """What the artist could not know before: that it cost something else, or may have."""
    if job.cost is not None and job.spec.estimate not in (None, job.cost):
        estimate = usd(job.spec.estimate or 0)
        _wrapped(box, context, f"Charged {usd(job.cost)}, estimated {estimate}")
    elif job.charge_open:
        _wrapped(box, context, f"Counts as {usd(job.spent)} until you know better")


def _draw_copy_buttons(row: bpy.types.UILayout, job: Job) -> None:
    if job.problem is not None:
        row.operator("grok_video.copy_error", text="", icon="COPYDOWN", emboss=False).job = job.id
    if job.request_id:
        row.operator(
            "grok_video.copy_request_id", text="", icon="COPY_ID", emboss=False
        ).job = job.id
    row.operator("grok_video.show_log", text="", icon="TEXT", emboss=False).job = job.id


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


def _draw_actions(box: bpy.types.UILayout, job: Job, narrow: bool) -> None:
    """The buttons with words: what there is to decide."""
    row = box.row(align=True)
    if job.held:
        price = flow.price_again(job)
        row.operator("grok_video.release", text=priced("Send", price)).job = job.id
        row.operator("grok_video.stop", text="Discard").job = job.id
        if job.problem is not None and job.problem.code is ProblemCode.LIMIT:
            _help_button(box, job.problem.code)
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
    if job.recoverable:
        words = "Recover by ID…" if narrow else "Recover by Request ID…"
        box.operator("grok_video.request_id", text=words).job = job.id
    if job.charge_open:
        box.operator("grok_video.not_charged", text="Not Charged…").job = job.id
    if job.state in FINAL_STATES and job.state is not State.IMPORTED:
        price = flow.price_again(job)
        # A line of its own: beside Retry its price would be cut off.
        box.operator(
            "grok_video.send_again",
            text=priced("Send Again…" if price is None else "Send Again", price),
        ).job = job.id


# -------------------------------------------------------------------------------------------------- the money


def _draw_spending(layout: bpy.types.UILayout, _context: bpy.types.Context) -> None:
    """What was spent, what is left of the limits, and the table of it."""
    sums, limits = flow.spending(), flow.current().bridge.limits
    column = layout.column(align=True)
    _draw_sum(column, "This File", sums.file)
    _draw_sum(column, "Today", sums.today)
    _draw_sum(column, "This Month", sums.month)
    _draw_sum(column, "All Time", sums.all_time)
    if flow.limits_count():
        column.separator()
        # They count for the key in use; the sums above for every key.
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


#: Parts of the panel that open and close: id, title, what draws it, and where.
_SECTIONS = (
    ("grok_video_pictures", "References and Frames", _draw_pictures),
    ("grok_video_extend", "Extend", _draw_extend),
    ("grok_video_edit", "Edit", _draw_edit),
    ("grok_video_spending", "Spending", _draw_spending),
)


def _draw_sections(layout: bpy.types.UILayout, context: bpy.types.Context, names: set[str]) -> None:
    for name, title, draw in _SECTIONS:
        if name in names:
            header, body = layout.panel(name, default_closed=True)
            header.label(text=title)
            if body is not None:
                draw(body, context)


# ---------------------------------------------------------------------------------------------- the panels


class _Sidebar(bpy.types.Panel if TYPE_CHECKING else object):
    """The same panels in both editors."""

    bl_region_type = "UI"
    bl_category = flow.TAB


class _RequestPanel(_Sidebar):
    bl_label = "Generate Clip"

    def draw(self, context: bpy.types.Context) -> None:
        draw_request(self.layout, context)
        _draw_sections(self.layout, context, {"grok_video_pictures"})
        _draw_scenes(self.layout, context)
        _draw_generate(self.layout, context)
        _draw_sections(self.layout, context, {"grok_video_extend", "grok_video_edit"})


class _JobsPanel(_Sidebar):
    bl_label = "Jobs"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        count = len(flow.current().bridge.snapshot.active)
        if count:
            self.layout.label(text=f"{count} active")

    def draw(self, context: bpy.types.Context) -> None:
        _draw_jobs(self.layout, context)
        if flow.current().bridge.snapshot.all:
            _draw_sections(self.layout, context, {"grok_video_spending"})


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
    column.operator("grok_video.copy_diagnostics", icon="COPYDOWN")
    column.separator()
    column.prop(own, "output_dir", placeholder=str(settings.output_dir()))
    column.prop(own, "ledger_dir", placeholder=str(settings.data_dir()))
    column.prop(own, "still_format")
    column.prop(own, "poll_interval")
    if settings.poll_interval() != own.poll_interval:
        column.label(text="The service is asked every 5 seconds at most", icon="INFO")
    _draw_spending_preferences(layout, context, own)


def _draw_spending_preferences(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    own: settings.GrokVideoPreferences,
) -> None:
    box = layout.box().column()
    box.label(text="Spending in US Dollars (0: No Limit)")
    box.prop(own, "day_limit")
    box.prop(own, "month_limit")
    if trouble := flow.limits_trouble():
        _wrapped(box, context, trouble, "ERROR")
    elif not flow.current().bridge.limits.count(settings.api_base()):
        box.label(text="What is spent at a service on this computer does not count", icon="INFO")
    box.prop(own, "confirm_above")
    box.prop(own, "unknown_price")


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

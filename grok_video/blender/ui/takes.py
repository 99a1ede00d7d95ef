"""The takes of the active strip's slot: what is drawn for them, and the operators that make, choose and mark takes."""

from __future__ import annotations

import time
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...core.amount import usd
from ...core.job import Job, State
from ...core.legible import legible
from ...service import models
from .. import compat, submission, telling, timeline
from ..refusal import Refused
from ..session import click, files, imports, looks, queue, takes, thumbnails, watch
from ..session.state import job_by_id, may_come
from .asking import ALLOW_SINGLE_COLOR, ON_THE_TIMELINE, Asks, Buys, Result, finish
from .clip_strip import SCENE, STRIP, clip_strip
from .jobs import TITLE, status_of, words_of_lost
from .unused import draw_put_away
from .widgets import draw_button, draw_wrapped, is_narrow

ROWS = 12  # takes of a slot that the panel lists, the newest
_TAKE = StringProperty(
    name="Take",
    description="Id of the take's job; empty: the one that the strip shows",
    options={"SKIP_SAVE"},
)


class GROK_VIDEO_OT_another_take(Buys, bpy.types.Operator):
    bl_idname = "grok_video.another_take"
    bl_label = "Another Take"
    bl_description = (
        "Buy this clip once more as another take of the same strip, which shows it when it is there. "
        "The takes so far stay"
    )

    scene: SCENE
    strip: STRIP
    changed: BoolProperty(
        name="With the Panel's Settings",
        description="With the prompt and settings as they are in the panel now; off: the same request",
        options={"SKIP_SAVE"},
    )
    allow_single_color: ALLOW_SINGLE_COLOR
    _take = ""  # id of the take that the press was about

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        if not properties.changed:
            return cls.bl_description
        return (
            "Buy another take of the same strip, with the prompt and settings as they are in the panel "
            "now. The strip shows it when it is there. The takes so far stay"
        )

    def ask(
        self,
        context: bpy.types.Context,
        event: bpy.types.Event,
        price: int | None,
        title: str,
        message: str,
        words: str = "",
    ) -> Result:
        return super().ask(context, event, price, title, message, words or self.bl_label)

    def _named(self, context: bpy.types.Context) -> Any:
        """The strip, named from now on: during a question a clip may come in and become the active strip."""
        strip = clip_strip(context, self.scene, self.strip)
        self.scene, self.strip = strip.id_data.name, strip.name
        self._take = still_shown(takes.asked_of(strip), self._take)
        return strip

    def price(self, context: bpy.types.Context) -> int | None:
        job = takes.asked_of(self._named(context))
        return price_of_take(context, job, changed=self.changed)

    def about(self, context: bpy.types.Context) -> str:
        job = takes.asked_of(self._named(context))
        if self.changed:
            return submission.takes.changed(context, context.scene, job.spec).draft.prompt[:TITLE]
        return submission.cast.as_written(job.spec)[:TITLE]

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        job = takes.asked_of(self._named(context))
        known = "Its price is not known." if price is None else f"It costs {usd(price)}."
        if before := words_of_what_was_sent(job):
            return "Buy This Clip Once More?", f"{before} {known}"
        wanted = (
            submission.takes.changed(context, context.scene, job.spec) if self.changed else None
        )
        begins_anew = wanted is not None and wanted.anew and bool(wanted.draft.look)
        if begins_anew and (earlier := looks.question(context, context.scene)):
            return "Begin with This Look?", f"{earlier} {known}"
        return super().question(context, price)

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        strip = self._named(context)
        if self.changed:
            looks.agree()
        job_id = takes.another_take(
            context, strip, changed=self.changed, allow_single_color=self.allow_single_color
        )
        return finish(self, context, job_id, ON_THE_TIMELINE)


class GROK_VIDEO_OT_choose_take(Asks, bpy.types.Operator):
    bl_idname = "grok_video.choose_take"
    bl_label = "Choose Take"
    bl_description = "Let the strip show this take. Trims, keys and effects stay. Free"
    bl_options = {"REGISTER", "UNDO"}

    scene: SCENE
    strip: STRIP
    job: StringProperty(
        name="Take",
        description="Id of the take's job; empty: the next one in the direction of Step, round and round",
        options={"SKIP_SAVE"},
    )
    step: IntProperty(
        name="Step",
        description="1: the next take, -1: the one before",
        default=1,
        min=-1,
        max=1,
        options={"SKIP_SAVE"},
    )
    scope: EnumProperty(
        name="Scope",
        items=(
            ("STRIP", "This Strip", "Only this strip shows the take"),
            ("PIECES", "All Pieces", "All strips of the same slot in this scene show the take"),
        ),
        # Else a press after *In All 3 Pieces* would mean all of them again.
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        if properties.scope == "PIECES":
            return "Let all strips of this slot in this scene show this take. Free"
        if properties.job:
            job = job_by_id(properties.job)
            told = "" if job is None else f"{_words(job)}\n{_made_by(job)}\n"
            return f"{told}{cls.bl_description}"
        which = "before" if properties.step < 0 else "after"
        return f"Let the strip show the take {which} this one. Trims, keys and effects stay. Free"

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        strip = clip_strip(context, self.scene, self.strip)
        job = self._wanted(strip)
        said = takes.choose(context, strip, job, pieces=self.scope == "PIECES")
        if said:
            telling.report(self, "WARNING", " ".join(said))
        watch.redraw()
        return {"FINISHED"}

    def _wanted(self, strip: Any) -> Job:
        choice = takes.choice_of(strip)
        if self.job:
            found = next((job for job in choice.takes if job.id == self.job), None)
            if found is None:
                raise Refused(f"“{self.job[:8]}” is no take of “{strip.name}”.")
            return found
        step = self.step or 1
        found = choice.beside(step) or choice.first(step)
        if found is None:
            raise Refused(f"“{strip.name}” has no other take yet.", "Another Take makes one.")
        return found


class GROK_VIDEO_OT_star_take(Asks, bpy.types.Operator):
    bl_idname = "grok_video.star_take"
    bl_label = "Star Take"
    bl_description = "Mark this take with a star, or take the star away. This file keeps the stars"
    bl_options = {"REGISTER", "UNDO"}

    scene: SCENE
    strip: STRIP
    job: _TAKE

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        strip = clip_strip(context, self.scene, self.strip)
        job_id = self.job or takes.asked_of(strip).id
        if all(job.id != job_id for job in takes.choice_of(strip).takes):
            raise Refused(f"“{job_id[:8]}” is no take of “{strip.name}”.")
        timeline.takes.set_star(strip.id_data, job_id, not timeline.takes.is_starred(job_id))
        watch.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_take_as_strip(Asks, bpy.types.Operator):
    bl_idname = "grok_video.take_as_strip"
    bl_label = "As a New Strip"
    bl_description = "Place this take above the strip, as a strip of its own. Free"
    bl_options = {"REGISTER", "UNDO"}

    scene: SCENE
    strip: STRIP
    job: _TAKE

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        strip = clip_strip(context, self.scene, self.strip)
        choice = takes.choice_of(strip)
        wanted = self.job or takes.asked_of(strip).id
        job = next((job for job in choice.takes if job.id == wanted), None)
        if job is None:
            raise Refused(f"“{wanted[:8]}” is no take of “{strip.name}”.")
        scene, slot = strip.id_data, timeline.takes.keep_slot(strip)
        landing = imports.import_job(context, job, scene, compat.span(strip)[0])
        if landing is None:
            return {"CANCELLED"}
        made = compat.strips_all(scene.sequence_editor)[landing.movie]
        timeline.takes.belong_to(made, slot)
        if landing.notice:
            telling.report(self, "WARNING", landing.notice)
        return {"FINISHED"}


class GROK_VIDEO_OT_own_slot(Asks, bpy.types.Operator):
    bl_idname = "grok_video.own_slot"
    bl_label = "Use as Its Own Slot"
    bl_description = (
        "Let this strip have takes of its own: new ones come to this strip alone. "
        "The takes so far stay its first ones"
    )
    bl_options = {"REGISTER", "UNDO"}

    scene: SCENE
    strip: STRIP

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            queue.read_all()
        takes.own_slot(clip_strip(context, self.scene, self.strip))
        watch.redraw()
        return {"FINISHED"}


def still_shown(job: Job, before: str) -> str:
    """The id of the take that a strip shows, which is the one of ``before`` ('': none yet). Raises Refused.

    Another take may come while the artist is asked: what is bought is what the question was about.
    """
    if before not in ("", job.id):
        raise Refused(
            "The strip shows another take than when you were asked. Nothing was bought.",
            "Press again.",
        )
    return job.id


def words_of_what_was_sent(job: Job) -> str:
    """'' or that a job which nobody follows any more may be paid for, and how its clip comes without another purchase."""
    if job.state not in (State.UNKNOWN, State.CANCELLED) or not (job.sent or job.request_id):
        return ""
    free = "Retry asks for its clip" if job.retryable else "Recover by Request ID brings its clip"
    return f"It was sent and may be charged already. {free}, free."


def price_of_take(context: bpy.types.Context, job: Job, *, changed: bool) -> int | None:
    """Ticks that another take of the request of ``job`` would cost; None when not known."""
    if not changed:
        return click.price_again(job)
    draft = submission.takes.changed(context, context.scene, job.spec).draft
    return submission.common.price_of(draft)


# ------------------------------------------------------------------------------------------------- drawing


def draw_takes(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the takes of the active strip: which one is shown, the others, and the buttons for another one."""
    strip = timeline.takes.active_movie(context)
    choice = takes.choice_of(strip) if strip is not None else None
    if choice is None or choice.job is None:
        return
    job = choice.job
    files.show(one.clip.path for one in choice.takes[-ROWS:] if one.clip is not None)
    column = layout.column(align=True)
    if len(choice.takes) > 1:
        _draw_step(column, strip, choice)
        _draw_list(column, strip, choice)
    _draw_shown(layout, context, job)
    pieces = list(timeline.slots.strips_of_slot(timeline.strips.slot_of(strip), strip.id_data))
    others = [piece for piece in pieces if timeline.strips.job_of(piece) != job.id]
    if others and job.clip is not None:
        words = "In Both Pieces" if len(pieces) == 2 else f"In All {len(pieces)} Pieces"
        button = layout.operator("grok_video.choose_take", text=words)
        _name(button, strip)
        button.job, button.scope = job.id, "PIECES"
    _draw_buying(layout, context, strip, job)
    row = layout.row(align=True)
    if job.clip is not None:
        _name(row.operator("grok_video.take_as_strip"), strip)
    if len(pieces) > 1:
        _name(row.operator("grok_video.own_slot"), strip)


def draw_takes_entries(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the takes of the active strip as entries of a menu; what buys asks there, with its price."""
    strip = timeline.takes.active_movie(context)
    choice = takes.choice_of(strip) if strip is not None else None
    if choice is None or choice.job is None:
        return
    layout.separator()
    if len(choice.takes) > 1:
        layout.label(text=f"Take {choice.shown + 1} of {len(choice.takes)}")
        layout.operator("grok_video.choose_take", text="Next Take", icon="TRIA_RIGHT").step = 1
        layout.operator("grok_video.choose_take", text="Previous Take", icon="TRIA_LEFT").step = -1
    again = takes.is_given_up(strip)
    words = "Generate Again…" if again else "Another Take…"
    layout.operator("grok_video.another_take", text=words, icon="ADD")
    words = "Another Take with the Panel's Settings…"
    layout.operator("grok_video.another_take", text=words, icon="OPTIONS").changed = True
    layout.operator("grok_video.take_as_strip", text="Take as a New Strip")
    layout.operator("grok_video.own_slot")


def _name(button: Any, strip: Any) -> None:
    """Let a button name its strip: a clip that comes in becomes the active strip."""
    button.scene, button.strip = strip.id_data.name, strip.name


def _draw_step(layout: bpy.types.UILayout, strip: Any, choice: takes.Choice) -> None:
    row = layout.row(align=True)
    before = row.row(align=True)
    before.enabled = choice.beside(-1) is not None
    # Without a strip and a job: a key that is given to the button then works for every strip.
    before.operator("grok_video.choose_take", text="", icon="TRIA_LEFT").step = -1
    middle = row.row(align=True)
    middle.alignment = "CENTER"
    middle.label(text=f"Take {choice.shown + 1} of {len(choice.takes)}")
    after = row.row(align=True)
    after.enabled = choice.beside(1) is not None
    after.operator("grok_video.choose_take", text="", icon="TRIA_RIGHT").step = 1
    _draw_star(row, strip, choice.takes[choice.shown])


def _draw_list(layout: bpy.types.UILayout, strip: Any, choice: takes.Choice) -> None:
    """Draw a row for each take: pressed, the strip shows that take."""
    now, first = time.time(), max(len(choice.takes) - ROWS, 0)
    for number, job in enumerate(choice.takes[first:], first + 1):
        row = layout.row(align=True)
        button = row.row(align=True)
        button.enabled = job.clip is not None
        shown = number - 1 == choice.shown
        press = button.operator(
            "grok_video.choose_take",
            text=f"{number}  {'Draft: ' if job.spec.draft else ''}{_words(job)}",
            depress=shown,
            **_picture(job),
            translate=False,
        )
        _name(press, strip)
        press.job = job.id
        if job.clip is not None and not shown:
            look = row.operator("grok_video.compare_takes", text="", icon="UV_SYNC_SELECT")
            _name(look, strip)
            look.job = job.id
        side = row.row(align=True)
        side.alignment = "RIGHT"
        side.active = False
        side.label(text=_beside(job, now))
        _draw_star(row, strip, job)


def _draw_star(row: bpy.types.UILayout, strip: Any, job: Job) -> None:
    icon: Any = "SOLO_ON" if timeline.takes.is_starred(job.id) else "SOLO_OFF"
    star = row.operator("grok_video.star_take", text="", icon=icon, emboss=False)
    _name(star, strip)
    star.job = job.id


def _words(job: Job) -> str:
    words = " ".join(submission.cast.as_written(job.spec)[:TITLE].split())
    return legible(words or job.spec.source.image or "Untitled Clip")


def _picture(job: Job) -> dict[str, Any]:
    """What a take's row begins with: a picture of the take, where there is one and nothing to tell of its file."""
    if job.clip is not None and not files.lost(job) and (number := thumbnails.icon_of(job)):
        return {"icon_value": number}
    return {"icon": _icon(job)}


def _icon(job: Job) -> Any:
    if job.clip is None:
        return "SORTTIME" if may_come(job) else "ERROR"
    return "ERROR" if files.lost(job) else "FILE_MOVIE"


def _beside(job: Job, now: float) -> str:
    """What stands at the end of a take's row: its cost, or what becomes of it."""
    if job.clip is None or job.fetching:
        return status_of(job, now)
    if files.lost(job):
        return "File Gone" if files.lost(job) == "gone" else "Other File"
    return "" if job.cost is None else usd(job.cost)


def _made_by(job: Job) -> str:
    """The model, the length and the cost of a take: 'Grok Imagine Video  ·  6 s  ·  $0.30'."""
    spec = job.spec
    model = models.model_named(spec.model)
    parts = [model.label if model is not None else spec.model, f"{spec.duration} s"]
    if job.cost is not None:
        parts.append(usd(job.cost))
    elif spec.estimate is not None:
        parts.append(f"about {usd(spec.estimate)}")
    return legible("  ·  ".join(parts))


def _draw_shown(layout: bpy.types.UILayout, context: bpy.types.Context, job: Job) -> None:
    """Draw the prompt, the model and the cost of the take that is shown, and what to do about its file."""
    column = layout.column(align=True)
    column.active = False
    draw_wrapped(column, context, _words(job), most=3)
    column.label(text=_made_by(job), translate=False)
    if job.clip is not None and files.lost(job) and not job.fetching:
        words = words_of_lost(job)
        if files.lost(job) != "gone":
            words = "Another file lies where the clip of this take was."
        if draw_put_away(layout, job.id):
            return
        draw_wrapped(layout, context, words, "ERROR")
        if job.fetchable_again:
            layout.operator("grok_video.download_again", icon="FILE_REFRESH").job = job.id


def _draw_buying(
    layout: bpy.types.UILayout, context: bpy.types.Context, strip: Any, job: Job
) -> None:
    narrow = is_narrow(context)  # where longer words would cut the price off
    words = "Take" if narrow else "Another Take"
    if takes.is_given_up(strip):
        words = "Again" if narrow else "Generate Again"
    price = price_of_take(context, job, changed=False)
    button = draw_button(layout, context, "grok_video.another_take", words, "ADD", price, "", None)
    _name(button, strip)
    wanted = submission.takes.changed(context, context.scene, job.spec)
    price = submission.common.price_of(wanted.draft)
    trouble = submission.takes.refusal(context, context.scene, wanted)
    words = "Changed" if narrow else "With the Panel's Settings"
    button = draw_button(
        layout, context, "grok_video.another_take", words, "OPTIONS", price, trouble, None
    )
    _name(button, strip)
    button.changed = True


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_another_take,
        GROK_VIDEO_OT_choose_take,
        GROK_VIDEO_OT_star_take,
        GROK_VIDEO_OT_take_as_strip,
        GROK_VIDEO_OT_own_slot,
    )
)

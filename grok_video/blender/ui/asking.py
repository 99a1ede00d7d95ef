"""What the operators have in common that ask the session for something: refusals, questions about a price, names.

In background mode operators block until the job has ended and raise on failure, so that a script reads like what it
does. Operators that spend money have neither REGISTER nor UNDO: Redo and Repeat Last must not buy.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ...core.amount import priced, usd
from ...core.job import FINAL_STATES, Job, State
from ...core.legible import legible
from ...core.problem import ProblemCode
from ...core.shape import other_shape
from .. import config, identity, scenes, submission, telling, timeline
from ..refusal import Interrupted, Refused
from ..session import blocking, click, moving, questions, queue, spending, watch
from ..session.blocking import (
    INTERRUPTED_SECONDS,
    UNREACHABLE_SECONDS,
    became_of,
    interrupted,
    say_step,
)
from ..session.state import Question, current
from . import press
from .press import is_priced, shows_price

if TYPE_CHECKING:
    from ..submission.strip_part import StripPart
    from ..timeline.source_strip import SourceStrip

Result = set[Any]
JOB = StringProperty(name="Job", description="Id of the job; empty: the newest that fits")
ALLOW_SINGLE_COLOR = BoolProperty(
    name="Allow Single Color",
    description="Buy the clip even if its first frame, end frame or a keyframe is one colour from "
    "edge to edge. In a window such a clip waits for Send otherwise",
    options={"SKIP_SAVE"},
)


def refuse(operator: bpy.types.Operator, error: Exception) -> Result:
    """Report an error's sentence where artists look for errors; in scripts the operator then raises RuntimeError."""
    telling.report(operator, "ERROR", str(error))
    watch.redraw()
    return {"CANCELLED"}


def finish(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    job_id: str,
    wanted: frozenset[State],
    ended: frozenset[State] = FINAL_STATES,
) -> Result:
    """End an operator that queued a job: in background mode wait for the job's end, report one not ``wanted``.

    With the operator's ``wait`` off the job is left to *Wait for Clips*.
    """
    if not bpy.app.background:
        watch.redraw()
        return {"FINISHED"}
    if isinstance(operator, Buys) and not operator.wait:
        blocking.leave(job_id)
        return {"FINISHED"}
    try:
        return wait_for_end(operator, context, job_id, wanted, ended)
    except KeyboardInterrupt:
        telling.report(operator, "ERROR", interrupted(context, job_id))
        return {"CANCELLED"}


def wait_for_end(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    job_id: str,
    wanted: frozenset[State],
    ended: frozenset[State] = FINAL_STATES,
    stays: Callable[[Job], bool] = lambda _job: False,
    since: float | None = None,
) -> Result:
    """Wait for a job's end, or until the job ``stays`` as it is, and report one not ``wanted``.

    ``since``: monotonic time from which on the service may have been out of reach; None: now. Background mode only: this
    blocks. Raises Refused, KeyboardInterrupt.
    """
    blocking.taken(job_id)
    started = time.monotonic() if since is None else since
    unreachable = False

    def is_over(job: Job) -> bool:
        nonlocal unreachable
        say_step(job)
        # A job that waits for the artist may never move by itself: a script would hang.
        code = job.problem.code if job.problem is not None else None
        unplaced = job.state is State.READY and code is ProblemCode.SCENE and not job.claimed_by
        unreachable = (
            job.state is State.QUEUED
            and code is ProblemCode.NETWORK
            and time.monotonic() - started > UNREACHABLE_SECONDS
        )
        waits = job.held or unplaced or unreachable or (job.open and job.blocked)
        return job.state in ended or waits or stays(job)

    job = blocking.wait_until(context, job_id, is_over)
    words, bad = spending.bill(job)
    if words:
        telling.report(operator, "WARNING" if bad else "INFO", words)
    if shape := other_shape(job):
        telling.report(operator, "WARNING", shape)
    if job.state in wanted:
        return {"FINISHED"}
    problem = job.problem
    ended_so = _NOT_PLACED if job.state is State.READY else "The job was stopped."
    sentence = f"{problem.message} {problem.hint}".strip() if problem else ended_so
    if unreachable:
        # The script may send the clip again: left in the queue, this job would be bought as well.
        blocking.stop_unsent(context, job_id, INTERRUPTED_SECONDS)
        sentence = f"{sentence} {became_of(job_id)}"
    telling.report(operator, "ERROR", sentence)
    return {"CANCELLED"}


_NOT_PLACED = "The clip is ready and was not placed: its file is not open. Import places it."
ON_THE_TIMELINE = frozenset({State.IMPORTED})


def target_of(context: bpy.types.Context, name: str) -> bpy.types.Scene:
    if not name:
        return timeline.strips.target_scene(context)
    scene = identity.named(bpy.data.scenes, name)
    if scene is None:
        raise Refused(f"There is no scene “{name}” in this file.")
    return scene


def settings_of(context: bpy.types.Context) -> Any:
    """``scene.grok_video`` of the context, to be changed. Raises Refused where the scene is another file's."""
    if why := scenes.settings_refusal(context.scene):
        raise Refused(why)
    return context.scene.grok_video


def frame_of(operator: bpy.types.Operator, target: bpy.types.Scene) -> int:
    if operator.properties.is_property_set("frame"):
        return operator.properties.frame
    return target.frame_current


def ask_service(
    operator: bpy.types.Operator, context: bpy.types.Context, question: Question
) -> Result:
    """Ask what costs nothing and is no job; scripts wait for the answer and report it. Raises Refused."""
    if trouble := queue.connection_trouble():
        raise Refused(trouble[0], code=trouble[1])
    questions.ask_service(question)
    if not bpy.app.background:
        watch.redraw()
        return {"FINISHED"}
    answer = blocking.wait_for(context, lambda: questions.answer_to(question))
    telling.report(operator, "INFO" if answer["ok"] else "ERROR", str(answer["message"]))
    return {"FINISHED"} if answer["ok"] else {"CANCELLED"}


class Asks(bpy.types.Operator if TYPE_CHECKING else object):
    """Operators that ask the session for something: a refusal is reported as a sentence, and raises in scripts."""

    def run(self, context: bpy.types.Context) -> Result:
        """Do what the operator is for. Raises Refused or Interrupted, which ``execute`` reports."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> Result:
        before = set(current().documents)
        try:
            return self.run(context)
        except (Refused, Interrupted) as error:
            return refuse(self, error)
        except KeyboardInterrupt:
            # Ctrl-C before ``finish`` waited: a job that was queued just then must not be bought unseen.
            queued = current().documents.keys() - before
            if not bpy.app.background or not queued:
                raise
            for job_id in queued:
                telling.report(self, "ERROR", interrupted(context, job_id))
            return {"CANCELLED"}


class Pressed(Asks):
    """Operators that listen to the artist's own press alone; ``invoke`` notes whether it was called for one."""

    _pressed = False

    @property
    def _is_word(self) -> bool:
        """Whether the artist says so: by a press, or by the leave given to scripts."""
        with click.begun_by(press=self._pressed):
            return click.may_buy()


class Settles(Pressed):
    """Operators by whose word a purchase counts otherwise, or not at all: never a script's in a window."""

    bl_options = set()

    def ask(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        """Let the artist confirm; then ``execute``. Raises Refused."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        self._pressed = press.is_press(context, event)
        if not self._is_word:
            return self.execute(context)
        try:
            return self.ask(context, event)
        except Refused as error:
            return refuse(self, error)

    def execute(self, context: bpy.types.Context) -> Result:
        if not self._is_word:
            return refuse(self, Refused(*_SETTLED_BY_SCRIPT))
        return super().execute(context)


class Buys(Pressed):
    """Operators that can cost money: never REGISTER, never UNDO.

    Only a button that carries the price buys at one click (``draw_priced``): from a menu, a key or Quick Favorites they
    ask, with the price, and so does a button whose price has changed since it was drawn, or is above the amount of the
    preferences. Scripts are not asked. What a script asks for in a window becomes a job that is held, and the script
    is told so.
    """

    bl_options = set()

    wait: BoolProperty(
        name="Wait",
        description="Scripts in the background: return when the clip is on the timeline. Off: return when the clip is "
        "queued; Wait for Clips waits for it later",
        default=True,
        options={"SKIP_SAVE"},
    )
    slot: BoolProperty(
        name="Place a Slot at Once",
        description="Let a strip stand where the clip will be, from now on. Unset: a press does as the preferences say, "
        "a script places none",
        options={"SKIP_SAVE"},
    )

    _asked = False
    _agreed: int | None = None  # the price that was asked about, in ticks
    _told = ""  # the limits and sums of another list that the question told

    @property
    def _slotted(self) -> bool:
        """Whether a slot is wanted: as a script says, else at the artist's press as the preferences say."""
        if self.properties.is_property_set("slot"):
            return self.slot
        return self._pressed and config.preferences().place_slot

    def price(self, context: bpy.types.Context) -> int | None:
        """Ticks that the operator will spend; None when not known. Raises Refused."""
        raise NotImplementedError

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        """Title and text of the question before the clip is bought; None: no question. Raises Refused."""
        if not config.asks_about(price):
            return None
        above = usd(config.ticks(config.preferences(context).confirm_above))
        known = "Its price is not known." if price is None else f"It costs {usd(price)}."
        return "Buy This Clip?", f"{known} You are asked above {above}."

    def about(self, context: bpy.types.Context) -> str:
        """What is bought, in a few words for a question; '' where the operator's name says so. Raises Refused."""
        return ""

    def _question_of_press(
        self, context: bpy.types.Context, price: int | None
    ) -> tuple[str, str] | None:
        """The question after a press that showed no price, or another one. Raises Refused."""
        if not self._pressed or shows_price(context, price):
            return None
        known = "Its price is not known." if price is None else f"It costs {usd(price)}."
        about = self.about(context)
        named = f"“{about}”. " if about else ""
        if is_priced(context):
            return "The Price Has Changed", f"{named}{known}"
        return f"{self.bl_label}?", f"{named}{known}"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        self._pressed = press.is_press(context, event)
        if not self._is_word:
            return self.execute(context)  # without a question: nothing will be bought
        try:
            price = self.price(context)
            question = self.question(context, price)
            if question is None and moving.unseen():
                known = (
                    "Its price is not known" if price is None else f"This clip costs {usd(price)}"
                )
                question = "Buy by This List?", f"{known}."
            if question is None:
                question = self._question_of_press(context, price)
        except Refused as error:
            return refuse(self, error)
        if question is None:
            return self.execute(context)
        return self.ask(context, event, price, *question)

    def ask(
        self,
        context: bpy.types.Context,
        event: bpy.types.Event,
        price: int | None,
        title: str,
        message: str,
        words: str = "",
    ) -> Result:
        """Ask whether to buy for ``price``; then ``execute``. ``words`` are the button's, without the price."""
        try:
            self._told = moving.unseen()
        except Refused as error:
            return refuse(self, error)
        self._asked, self._agreed = True, price
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=title,
            message=legible(f"{self._told} {message}".strip()),
            confirm_text=priced(words or self.bl_label.split()[0], price),
        )

    def execute(self, context: bpy.types.Context) -> Result:
        try:
            if self._asked and self.price(context) != self._agreed:
                raise Refused("The price has changed while you were asked.", "Press again.")
            # Opened while the artist was asked, or a script buys that may: nobody has read of its limits yet.
            if (
                not (self._told or bpy.app.background)
                and self._is_word
                and (new := moving.unseen())
            ):
                raise Refused(
                    f"{new} Nothing was bought.", "Press the button, which asks you once."
                )
        except Refused as error:
            return refuse(self, error)
        if self._told:
            moving.seen()
        with click.begun_by(press=self._pressed, slot=self._slotted):
            result = super().execute(context)
        if "FINISHED" in result and not self._is_word:
            return refuse(self, Refused(*_HELD_FOR_SCRIPT))
        return result


_SETTLED_BY_SCRIPT = (
    "In a window only your press of a button says what counts as spent, and a script called. Nothing was changed.",
    f"Press the button yourself, or turn on “{click.ALLOW_SCRIPTS}” in the preferences first.",
)
_HELD_FOR_SCRIPT = (
    "In a window only your press of a button buys, and a script called. Nothing was bought: the clip waits in the list "
    "with its price.",
    f"Press Send there, or turn on “{click.ALLOW_SCRIPTS}” in the preferences first.",
)


class Spends(Buys):
    """Operators that buy a clip and have properties for the scene and frame it goes to."""

    scene: StringProperty(
        name="Scene", description="Scene that takes the clip; empty: the sequencer's"
    )
    frame: IntProperty(
        name="Frame",
        description="Frame where the clip starts; unset: the playhead. The source is always taken "
        "at the scene's current frame",
    )


class OnStrip(Buys):
    """Operators that buy what is made from a strip, and have properties that name the strip."""

    scene: StringProperty(
        name="Scene",
        description="Scene of the strip, or the one that takes the clip; empty: the sequencer's",
        options={"SKIP_SAVE"},
    )
    strip: StringProperty(
        name="Strip",
        description="Name of the strip; empty: the active one",
        options={"SKIP_SAVE"},
    )

    def ask(self, context: bpy.types.Context, *about: Any, **words: Any) -> Result:
        if not self.strip and (active := self.strip_asked_about(context)):
            # Named now: during the question a clip may come in and become the active strip.
            self.scene, self.strip = active.scene, active.strip
        return super().ask(context, *about, **words)

    def about(self, context: bpy.types.Context) -> str:
        if self.strip:
            return self.strip
        asked = self.strip_asked_about(context)
        return asked.strip if asked is not None else ""

    def part_asked_about(self, context: bpy.types.Context) -> StripPart | None:
        """The part of the strip that is bought for, its file looked at; None where none is sent. Raises Refused."""
        return None

    def changed(self, context: bpy.types.Context) -> str:
        """'' or a sentence that another file lies where the strip's clip was. Raises Refused."""
        part = self.part_asked_about(context)
        if part is None or not part.changed:
            return ""
        return f"The file of “{part.source.strip}” is not the clip that was made."

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        changed = self.changed(context)
        if not changed:
            return super().question(context, price)
        known = "Its price is not known." if price is None else f"It costs {usd(price)}."
        return "Send the File as It Is Now?", f"{changed} {known}"

    def strip_asked_about(self, context: bpy.types.Context) -> SourceStrip | None:
        """The source strip that the question is about; None where no strip is. Raises Refused."""
        return self.source_strip(context)

    def source_strip(self, context: bpy.types.Context) -> SourceStrip:
        """The named strip, else the active one, as a source. Raises Refused."""
        if not self.strip:
            return timeline.source_strip.active_source_strip(context)
        scene = target_of(context, self.scene)
        return timeline.source_strip.source_strip_of(
            submission.strip_part.strip_named(scene, self.strip)
        )

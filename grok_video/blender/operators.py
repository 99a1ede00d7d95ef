"""The operators: what the artist presses, searches for, and calls from scripts.

Thin: each asks ``flow`` and reports. In background mode the ones that start or resume something block
until the job has ended and raise on failure, so that a script reads like what it does.
Operators that spend money have neither REGISTER nor UNDO: Redo and Repeat Last must not buy.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ..core.amount import priced, usd
from ..core.job import FINAL_STATES, Job, State
from ..core.problem import ProblemCode
from ..core.spec import Kind
from ..service import models
from ..service.pricing import Pass, billed_seconds, price_of_passes
from . import flow, orders, processes, references, sequencer, settings, shots

_Result = set[Any]
_JOB = StringProperty(name="Job", description="Id of the job; empty: the newest that fits")


_REFUSALS = (flow.Refused, sequencer.ImportRefused, shots.ShotRefused)


def _refuse(operator: bpy.types.Operator, error: Exception) -> _Result:
    """Report the sentence where artists look for it; in scripts this raises RuntimeError."""
    operator.report({"ERROR"}, str(error))
    flow.redraw()
    return {"CANCELLED"}


def _finish(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    job_id: str,
    wanted: frozenset[State],
    ended: frozenset[State] = FINAL_STATES,
) -> _Result:
    """In background mode: block until the job has ended; an end that was not wanted is an error."""
    if not bpy.app.background:
        flow.redraw()
        return {"FINISHED"}
    started = time.monotonic()
    unreachable = False

    def is_over(job: Job) -> bool:
        nonlocal unreachable
        _say(job)
        # What waits for the artist moves by itself never, or not for sure: no script is left hanging.
        code = job.problem.code if job.problem is not None else None
        unplaced = job.state is State.READY and code is ProblemCode.SCENE and not job.claimed_by
        unreachable = (
            job.state is State.QUEUED
            and code is ProblemCode.NETWORK
            and time.monotonic() - started > UNREACHABLE_SECONDS
        )
        waits = job.held or unplaced or unreachable or (job.open and job.blocked)
        return job.state in ended or waits

    try:
        job = flow.wait_until(context, job_id, is_over)
    except KeyboardInterrupt:
        operator.report({"ERROR"}, _interrupted(context, job_id))
        return {"CANCELLED"}
    if job.state in wanted:
        return {"FINISHED"}
    problem = job.problem
    sentence = f"{problem.message} {problem.hint}".strip() if problem else "The job was stopped."
    if unreachable:
        # The script will try again: this one shall not be bought beside that.
        flow.stop_unsent(context, job_id, INTERRUPTED_SECONDS)
        sentence = f"{sentence} {_became_of(job_id)}"
    operator.report({"ERROR"}, sentence)
    return {"CANCELLED"}


def _say(job: Job) -> None:
    """On the console of a script: each step of its job once, and at the end where the clip is."""
    step = (job.id, job.state, job.problem and job.problem.message)
    if flow.current().said == step:
        return
    flow.current().said = step
    words = [f"Grok Video {job.spec.short_id}: {job.state.lower()}"]
    if job.problem is not None:
        words.append(job.problem.message)
    if job.state is State.IMPORTED and job.clip is not None:
        words.append(job.clip.path)
        if job.cost is not None:
            words.append(usd(job.cost))
    print(", ".join(words), flush=True)


def _interrupted(context: bpy.types.Context, job_id: str) -> str:
    """Ctrl-C in a script: what was not sent yet shall not be bought after it. Says what became of the job."""
    flow.stop_unsent(context, job_id, INTERRUPTED_SECONDS)
    return f"Interrupted. {_became_of(job_id)}"


def _became_of(job_id: str) -> str:
    """What there is to say of a job that ``stop_unsent`` was to stop."""
    job = flow.job_by_id(job_id)
    if job is not None and (job.sent or job.request_id):
        return "The job was sent and goes on at the service; Retry or a new start finds it."
    if job is None and not flow.current().bridge.expects:
        return "Nothing was sent or charged."
    if job is not None and job.state is State.CANCELLED:
        return "The job was not sent or charged; it is kept in the list."
    return "The job is being stopped; if it was sent before, it is kept in the list."


#: Seconds that an interrupted script waits to know whether its job was sent.
INTERRUPTED_SECONDS = 5.0
#: Seconds that a script waits for a service that cannot be reached; nothing was sent then.
UNREACHABLE_SECONDS = 60.0
_ON_THE_TIMELINE = frozenset({State.IMPORTED})


def _target(context: bpy.types.Context, name: str) -> bpy.types.Scene:
    if not name:
        return sequencer.target_scene(context)
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise flow.Refused(f"There is no scene “{name}” in this file.")
    return scene


def _frame(operator: bpy.types.Operator, target: bpy.types.Scene) -> int:
    if operator.properties.is_property_set("frame"):
        return operator.properties.frame
    return target.frame_current


class _Asks(bpy.types.Operator if TYPE_CHECKING else object):
    """Operators that ask ``flow``: what it refuses is reported as a sentence, in scripts it raises."""

    def run(self, context: bpy.types.Context) -> _Result:
        """``execute``, but for the refusals."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> _Result:
        before = set(flow.current().documents)
        try:
            return self.run(context)
        except _REFUSALS as error:
            return _refuse(self, error)
        except KeyboardInterrupt:
            # Between the click and the waiting: what was put down just then must not be bought unseen.
            queued = flow.current().documents.keys() - before
            if not bpy.app.background or not queued:
                raise
            for job_id in queued:
                self.report({"ERROR"}, _interrupted(context, job_id))
            return {"CANCELLED"}


class _Buys(_Asks):
    """Operators that can cost money: never REGISTER, never UNDO.

    From a window they ask once more, with the price, where the preferences say so; scripts are not asked.
    """

    bl_options = set()

    _asked = False
    _agreed: int | None = None  # the price that was asked about, in ticks

    def price(self, context: bpy.types.Context) -> int | None:
        """Ticks that pressing it will cost; None when they are not known. Raises one of _REFUSALS."""
        raise NotImplementedError

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        """Title and text of what is asked before it is bought; None: nothing. Raises one of _REFUSALS."""
        if not settings.asks_about(price):
            return None
        above = usd(settings.ticks(settings.preferences(context).confirm_above))
        known = "Its price is not known." if price is None else f"It costs {usd(price)}."
        return "Buy This Clip?", f"{known} You are asked above {above}."

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> _Result:
        try:
            price = self.price(context)
            question = self.question(context, price)
        except _REFUSALS as error:
            return _refuse(self, error)
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
    ) -> _Result:
        """Ask whether to buy for ``price``; then ``execute``. ``words`` are the button's, without the price."""
        self._asked, self._agreed = True, price
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=title,
            message=message,
            confirm_text=priced(words or self.bl_label.split()[0], price),
        )

    def execute(self, context: bpy.types.Context) -> _Result:
        try:
            if self._asked and self.price(context) != self._agreed:
                raise flow.Refused("The price has changed while you were asked.", "Press again.")
        except _REFUSALS as error:
            return _refuse(self, error)
        return super().execute(context)


class _Spends(_Buys):
    """Operators that buy a clip for a scene and frame."""

    scene: StringProperty(
        name="Scene", description="Scene that takes the clip; empty: the sequencer's"
    )
    frame: IntProperty(
        name="Frame",
        description="Frame where the clip starts; unset: the playhead. The source is always taken "
        "at the scene's current frame",
    )


class GROK_VIDEO_OT_generate(_Spends, bpy.types.Operator):
    bl_idname = "grok_video.generate"
    bl_label = "Generate Video Clip"
    bl_description = (
        "Render the source, send it with the prompt to the service, and place the clip "
        "at the playhead when it is done. You go on working meanwhile"
    )

    def price(self, context: bpy.types.Context) -> int | None:
        return orders.price_of(orders.generate_draft(context, context.scene))

    def run(self, context: bpy.types.Context) -> _Result:
        target = _target(context, self.scene)
        job_id = flow.generate(context, context.scene, target, _frame(self, target))
        return _finish(self, context, job_id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_generate_dialog(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.generate_dialog"
    bl_label = "Generate Video Clip…"
    bl_description = "Look over source, prompt, settings and price, then generate a clip"
    bl_options = set()

    source: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> _Result:
        if self.source:
            context.scene.grok_video.source = self.source
        # Its words cannot change with the settings, so the price is drawn.
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Generate")

    def draw(self, context: bpy.types.Context) -> None:
        from . import panel

        panel.draw_request(self.layout, context)
        panel.draw_price(self.layout, context)

    def run(self, context: bpy.types.Context) -> _Result:
        target = sequencer.target_scene(context)
        job_id = flow.generate(context, context.scene, target, target.frame_current)
        return _finish(self, context, job_id, _ON_THE_TIMELINE)


class _OnStrip(_Buys):
    """Operators that buy something made from a strip."""

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

    def ask(self, context: bpy.types.Context, *about: Any, **words: Any) -> _Result:
        if not self.strip and (active := self.shot_asked_about(context)):
            # While it is asked, a clip may come in and be the active strip.
            self.scene, self.strip = active.scene, active.strip
        return super().ask(context, *about, **words)

    def shot_asked_about(self, context: bpy.types.Context) -> shots.Shot | None:
        """The strip that is meant; None where it is not about a strip. Raises Refused, ShotRefused."""
        return self.shot(context)

    def shot(self, context: bpy.types.Context) -> shots.Shot:
        """What the strip shows. Raises Refused, ShotRefused."""
        if not self.strip:
            return shots.active_shot(context)
        scene = _target(context, self.scene)
        return shots.shot_of(orders.strip_named(scene.name, self.strip))


class GROK_VIDEO_OT_extend(_OnStrip, bpy.types.Operator):
    bl_idname = "grok_video.extend"
    bl_label = "Extend Strip"
    bl_description = (
        "Let the shot go on after its visible end: the new part is placed there when it is done. "
        "The strip itself stays as it is"
    )

    def price(self, context: bpy.types.Context) -> int | None:
        return price_of_passes(self._plan(context)[1])

    def _plan(self, context: bpy.types.Context) -> tuple[shots.Shot, list[Pass]]:
        shot = self.shot(context)
        part = orders.part_to_extend(context.scene, shot, flow.job_by_id)
        return shot, orders.passes_of(context.scene, part)

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        passes = self._plan(context)[1]
        if len(passes) <= 1:
            return _OnStrip.question(self, context, price)
        seconds = context.scene.grok_video.extend_seconds
        return (
            f"Extend in {len(passes)} Passes?",
            f"{seconds} seconds are made in {len(passes)} parts, one after the other. Stopping keeps "
            "what is there.",
        )

    def run(self, context: bpy.types.Context) -> _Result:
        shot, passes = self._plan(context)
        job_id = flow.extend(context, shot, passes)
        result = _finish(self, context, job_id, _ON_THE_TIMELINE)
        while "FINISHED" in result and job_id in flow.current().follows:  # scripts wait for all
            job_id = flow.current().follows[job_id]
            result = _finish(self, context, job_id, _ON_THE_TIMELINE)
        return result


class GROK_VIDEO_OT_edit(_OnStrip, bpy.types.Operator):
    bl_idname = "grok_video.edit"
    bl_label = "Edit Clip"
    bl_description = (
        "Change what the strip, or the animation, looks like. The result is placed over the strip: "
        "mute it to see the original"
    )

    def shot_asked_about(self, context: bpy.types.Context) -> shots.Shot | None:
        return self.shot(context) if context.scene.grok_video.edit_of == "STRIP" else None

    def price(self, context: bpy.types.Context) -> int | None:
        scene = context.scene
        if scene.grok_video.edit_of != "STRIP":
            take = orders.take_to_edit(context, scene)
            return orders.price_of(orders.animation_draft(scene, take))
        part = orders.part_to_edit(scene, self.shot(context), flow.job_by_id)
        seconds = billed_seconds(part.seconds)
        return orders.price_of(orders.rework_draft(scene, Kind.EDIT, part, seconds))

    def run(self, context: bpy.types.Context) -> _Result:
        chosen = context.scene.grok_video
        if chosen.edit_of == "STRIP":
            job_id = flow.edit(context, self.shot(context))
        else:
            job_id = flow.edit_animation(context, _target(context, self.scene))
        return _finish(self, context, job_id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_continue_shot(_OnStrip, bpy.types.Operator):
    bl_idname = "grok_video.continue_shot"
    bl_label = "Continue Shot"
    bl_description = (
        "Make a new clip that starts from the last visible frame of the strip, and place it after "
        "the strip. Works with every model, and costs one image instead of the strip's seconds"
    )

    def price(self, context: bpy.types.Context) -> int | None:
        return orders.price_of(orders.continue_draft(context.scene, self.shot(context)))

    def run(self, context: bpy.types.Context) -> _Result:
        job_id = flow.continue_shot(context, self.shot(context))
        return _finish(self, context, job_id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_stop_preparing(bpy.types.Operator):
    bl_idname = "grok_video.stop_preparing"
    bl_label = "Stop"
    bl_description = "Stop preparing the source. Nothing has been sent or charged"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> _Result:
        flow.drop_pending()
        flow.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_use_model(bpy.types.Operator):
    bl_idname = "grok_video.use_model"
    bl_label = "Use Model"
    bl_description = "Choose this model, which can do it"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    model: StringProperty()

    def execute(self, context: bpy.types.Context) -> _Result:
        context.scene.grok_video.model = self.model
        return {"FINISHED"}


class GROK_VIDEO_OT_refresh_models(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.refresh_models"
    bl_label = "Refresh Models"
    bl_description = "Ask the service which models your key may use. Free"
    bl_options = set()

    def run(self, context: bpy.types.Context) -> _Result:
        if trouble := flow.connection_trouble():
            raise flow.Refused(trouble[0], code=trouble[1])
        flow.refresh_models()
        if bpy.app.background:
            answer = flow.wait_for(context, flow.models_answer)
            self.report({"INFO" if answer["ok"] else "ERROR"}, str(answer["message"]))
            return {"FINISHED"} if answer["ok"] else {"CANCELLED"}
        flow.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_send_again(_Spends, bpy.types.Operator):
    bl_idname = "grok_video.send_again"
    bl_label = "Send Again"
    bl_description = "Buy this clip once more: a new job with the same source, prompt and settings"

    job: _JOB
    confirm: BoolProperty(
        name="Confirm",
        description="Scripts say True: this costs money",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> _Result:
        try:
            job = flow.job_of(self.job, _can_send_again)
        except flow.Refused as error:
            return _refuse(self, error)
        price = flow.price_again(job)
        known = "Its price is not known" if price is None else f"It costs {usd(price)}"
        self.job = job.id
        self.confirm = True  # what the dialog asks
        return self.ask(
            context,
            event,
            price,
            "Buy This Clip Once More?",
            " ".join(
                filter(
                    None,
                    (_bought_since(job), f"{known}. The service charges for every submission."),
                )
            ),
            "Send Again",
        )

    def price(self, context: bpy.types.Context) -> int | None:
        return flow.price_again(flow.job_of(self.job, _can_send_again))

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, _can_send_again)
        if not self.confirm:
            raise flow.Refused("Sending again costs money.", "Call it with confirm=True.")
        if not _can_send_again(job):  # it may have moved on while the dialog asked
            raise flow.Refused(
                "This job is under way or has its clip: nothing was sent or charged.",
                "Generate makes another clip.",
            )
        # What belongs to a strip goes into that strip's scene, whichever the sequencer shows now.
        own = job.spec.target
        stays = own.place != "AT" and own.scene in bpy.data.scenes
        target = _target(context, self.scene or (own.scene if stays else ""))
        job_id = flow.send_again(job, target, _frame(self, target))
        return _finish(self, context, job_id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_release(_Buys, bpy.types.Operator):
    bl_idname = "grok_video.release"
    bl_label = "Send"
    bl_description = "Send this held job now. It has not been sent or charged before"

    job: _JOB

    def price(self, context: bpy.types.Context) -> int | None:
        return flow.price_again(flow.job_of(self.job, lambda job: job.held))

    def run(self, context: bpy.types.Context) -> _Result:
        if trouble := flow.connection_trouble():
            raise flow.Refused(trouble[0], code=trouble[1])
        job = flow.job_of(self.job, lambda job: job.held)
        if not job.held:
            raise flow.Refused("This job does not wait to be sent.")
        if flow.price_again(job) != job.spec.estimate:
            # The limits reckon with the price that the job was made with.
            raise flow.Refused(
                "The price of this clip has changed since it was made.",
                "Stop it and generate it anew.",
            )
        flow.release(job)
        if bpy.app.background:  # until then it is still held
            flow.wait_until(context, job.id, lambda now: now.seq > job.seq)
        return _finish(self, context, job.id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_stop(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.stop"
    bl_label = "Stop Tracking"
    bl_description = (
        "Stop asking for this job. The service cannot cancel, so what was sent is still charged; "
        "the job can be taken up again with Retry"
    )
    bl_options = set()

    job: _JOB

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: job.state in _STOPPABLE)
        flow.drop_passes(job.id, "It was stopped.")
        flow.send("stop", job=job.id)
        if bpy.app.background and job.state in _STOPPABLE:
            # Held and blocked jobs are stopped as well: neither ends the waiting.
            flow.wait_until(
                context, job.id, lambda now: now.seq > job.seq and now.state in _STOPPED
            )
        return {"FINISHED"}


class GROK_VIDEO_OT_retry(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.retry"
    bl_label = "Retry"
    bl_description = "Ask for this job or download its clip once more. Free: nothing is bought"
    bl_options = set()

    job: _JOB

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: job.retryable)
        if not job.retryable:
            raise flow.Refused(
                "There is nothing to take up: this job has ended for good.",
                "Send it again to buy it once more.",
            )
        trouble = flow.connection_trouble()
        if trouble and trouble[1] is ProblemCode.OFFLINE:
            raise flow.Refused(trouble[0], code=trouble[1])
        flow.retry(job)
        # The answer is there when the job has left the state it was in.
        if bpy.app.background:
            before = job.seq
            flow.wait_until(context, job.id, lambda job: job.seq > before)
        return _finish(self, context, job.id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_request_id(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.request_id"
    bl_label = "Recover by Request ID"
    bl_description = (
        "Fetch the clip of a job whose answer was lost, by the request id that the service's console "
        "shows. Free: nothing is bought"
    )
    bl_options = set()

    job: _JOB
    value: StringProperty(
        name="Request ID",
        description="The id alone, or what holds it: a web address of the service, its answer",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> _Result:
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Recover")

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.prop(self, "value")

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: job.recoverable)
        command = flow.recover(job, self.value)
        if bpy.app.background:  # until then it is where it was
            flow.wait_for_command(context, command, job)
        return _finish(self, context, job.id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_not_charged(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.not_charged"
    bl_label = "Not Charged"
    bl_description = (
        "Say that the service did not charge for this job, as its bill shows. Until then it counts as "
        "spent, at its estimate"
    )
    bl_options = set()

    job: _JOB

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> _Result:
        try:
            job = flow.job_of(self.job, lambda job: job.charge_open)
        except flow.Refused as error:
            return _refuse(self, error)
        self.job = job.id
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Was This Job Not Charged?",
            message=f"It counts as {usd(job.spent)} spent. Look at the service's bill first: what "
            "you say here makes room under your limits.",
            confirm_text="Not Charged",
        )

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: job.charge_open)
        if not job.charge_open:
            raise flow.Refused("What this job cost is known, or it goes on.")
        flow.not_charged(job)
        if bpy.app.background:
            flow.wait_until(context, job.id, lambda now: now.seq > job.seq)
        flow.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_export_spending(_Asks, ExportHelper, bpy.types.Operator):
    bl_idname = "grok_video.export_spending"
    bl_label = "Export Spending"
    bl_description = (
        "Write a table of everything that was bought, for a spreadsheet. It holds no prompts but the words that "
        "name the files of clips"
    )
    bl_options = set()

    filename_ext = ".csv"
    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> _Result:
        if not self.filepath:
            folder = os.path.dirname(bpy.data.filepath) or os.path.expanduser("~")
            self.filepath = os.path.join(folder, "grok_video_spending.csv")
        return super().invoke(context, event)

    def run(self, context: bpy.types.Context) -> _Result:
        if not self.filepath:
            raise flow.Refused("No file is named.")
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), self.filename_ext))
        # A table that was there before is whole until the new one is. The mark is for spreadsheets.
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_bytes(flow.spending_table().encode("utf-8-sig", "replace"))
            os.replace(part, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise flow.Refused(
                f"The table cannot be written to {path}: {error.strerror}.",
                "Choose another folder or name.",
            ) from error
        self.report({"INFO"}, f"Written to {path}")
        return {"FINISHED"}


class GROK_VIDEO_OT_import_result(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.import_result"
    bl_label = "Import Clip"
    bl_description = "Place the clip of this job in the sequencer"
    bl_options = {"REGISTER", "UNDO"}

    job: _JOB
    scene: StringProperty(
        name="Scene", description="Scene that takes the clip; empty: the one it was made for"
    )
    frame: IntProperty(
        name="Frame", description="Frame where the clip starts; unset: where the playhead was"
    )
    here: BoolProperty(
        name="At the Playhead",
        description="Place it in the sequencer's scene, also when it was placed before",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: job.clip is not None)
        scene: bpy.types.Scene | None = None
        frame: int | None = None
        if self.scene or self.here:
            scene = _target(context, self.scene)
            frame = scene.frame_current if self.here else None
        if self.properties.is_property_set("frame"):
            frame = self.frame
        landing = flow.import_job(context, job, scene, frame)
        if landing is None:
            self.report({"INFO"}, "The clip is in the sequencer already")
            return {"CANCELLED"}
        if job.problem is not None and job.problem.code is ProblemCode.FILE:
            self.report({"WARNING"}, job.problem.message)  # it lies elsewhere than it should
        if landing.notice:
            self.report({"WARNING"}, landing.notice)
        if bpy.app.background:  # until then it is where it was, and may still say that it waits
            flow.wait_until(context, job.id, lambda now: now.seq > job.seq)
        return _finish(self, context, job.id, _ON_THE_TIMELINE)


class GROK_VIDEO_OT_show_strip(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.show_strip"
    bl_label = "Show in Sequencer"
    bl_description = "Select the strip of this job and move the playhead to its start"
    bl_options = {"REGISTER", "UNDO"}

    job: _JOB

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: job.state is State.IMPORTED)
        scenes = (sequencer.target_scene(context), *bpy.data.scenes)
        for scene in scenes:
            if sequencer.show_strips(context, scene, job.id):
                return {"FINISHED"}
        self.report({"WARNING"}, "The strip of this job is not in this file. Import it again.")
        return {"CANCELLED"}


class GROK_VIDEO_OT_open_folder(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.open_folder"
    bl_label = "Open Folder"
    bl_description = "Show the clip's folder in the system's file browser"
    bl_options = set()

    job: _JOB

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: job.clip is not None)
        folder = Path(job.clip.path if job.clip else job.spec.output).parent
        if not folder.is_dir():
            self.report({"ERROR"}, f"The folder {folder} is not there.")
            return {"CANCELLED"}
        return _open(self, folder)


class GROK_VIDEO_OT_show_log(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.show_log"
    bl_label = "Show Log"
    bl_description = (
        "Show what this job sent, what came back, and when, as a text for a bug report. It holds the "
        "prompt, and neither the API key nor pictures nor folders"
    )
    bl_options = set()

    job: _JOB

    def run(self, _context: bpy.types.Context) -> _Result:
        from . import diagnostics

        job = flow.job_of(self.job, lambda job: True)
        try:
            path = diagnostics.write_log(job)
        except OSError as error:
            self.report({"ERROR"}, f"The log cannot be written: {error.strerror}.")
            return {"CANCELLED"}
        if bpy.app.background:
            self.report({"INFO"}, f"The log is in {path}")
            return {"FINISHED"}
        return _open(self, path)


def _open(operator: bpy.types.Operator, path: Path) -> _Result:
    try:
        processes.open_path(path)
    except OSError:
        operator.report({"ERROR"}, f"The system has no program that opens {path}.")
        return {"CANCELLED"}
    return {"FINISHED"}


class GROK_VIDEO_OT_copy_diagnostics(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.copy_diagnostics"
    bl_label = "Copy Diagnostics"
    bl_description = (
        "Copy versions, settings, the state of the worker and the last errors for a bug report, without "
        "the API key"
    )
    bl_options = set()

    prompts: BoolProperty(
        name="Include Prompts", description="Also copy what you wrote", options={"SKIP_SAVE"}
    )
    paths: BoolProperty(
        name="Include Folders",
        description="Also copy where your files are, which may tell your name",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> _Result:
        return context.window_manager.invoke_props_dialog(self, confirm_text="Copy")

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.prop(self, "prompts")
        column.prop(self, "paths")

    def run(self, context: bpy.types.Context) -> _Result:
        from . import diagnostics

        text = diagnostics.text(context, prompts=self.prompts, paths=self.paths)
        if bpy.app.background:  # there is no clipboard
            print(text, flush=True)
            return {"FINISHED"}
        context.window_manager.clipboard = text
        held = [
            name for name, there in (("prompts", self.prompts), ("folders", self.paths)) if there
        ]
        with_ = f"with {' and '.join(held)}" if held else "without prompts and folders"
        self.report({"INFO"}, f"Diagnostics copied to the clipboard, {with_}")
        return {"FINISHED"}


class _Copies(_Asks):
    """Operators that put a text of a job on the clipboard."""

    bl_options = set()
    job: _JOB

    def text(self, job: Job) -> str:
        raise NotImplementedError

    def run(self, context: bpy.types.Context) -> _Result:
        job = flow.job_of(self.job, lambda job: bool(self.text(job)))
        context.window_manager.clipboard = self.text(job)
        self.report({"INFO"}, "Copied to the clipboard")
        return {"FINISHED"}


class GROK_VIDEO_OT_copy_error(_Copies, bpy.types.Operator):
    bl_idname = "grok_video.copy_error"
    bl_label = "Copy Error"
    bl_description = "Copy what went wrong with this job to the clipboard"

    def text(self, job: Job) -> str:
        problem = job.problem
        if problem is None:
            return ""
        status = f"HTTP {problem.http_status}" if problem.http_status else ""
        parts = (problem.message, problem.hint, status, f"job {job.id}", job.spec.model)
        request = f"request {job.request_id}" if job.request_id else ""
        return "\n".join(part for part in (*parts, request) if part)


class GROK_VIDEO_OT_copy_request_id(_Copies, bpy.types.Operator):
    bl_idname = "grok_video.copy_request_id"
    bl_label = "Copy Request ID"
    bl_description = "Copy the service's id of this job, for its support or for another program"

    def text(self, job: Job) -> str:
        return job.request_id


class GROK_VIDEO_OT_copy_prompt(_Copies, bpy.types.Operator):
    bl_idname = "grok_video.copy_prompt"
    bl_label = "Copy Prompt"
    bl_description = "Copy the prompt of this job to the clipboard"

    def text(self, job: Job) -> str:
        return job.spec.prompt


class GROK_VIDEO_OT_paste_prompt(bpy.types.Operator):
    bl_idname = "grok_video.paste_prompt"
    bl_label = "Paste Prompt"
    bl_description = "Replace the prompt by the clipboard's text, with all its lines"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context: bpy.types.Context) -> _Result:
        text = context.window_manager.clipboard.strip()
        if not text:
            self.report({"WARNING"}, "There is no text on the clipboard")
            return {"CANCELLED"}
        context.scene.grok_video.prompt = text
        context.scene.grok_video.prompt_text = None
        return {"FINISHED"}


class GROK_VIDEO_OT_add_reference(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.add_reference"
    bl_label = "Add Reference"
    bl_description = "Add a picture of a thing, a person or a look that shall appear in the clip"
    bl_options = {"REGISTER", "UNDO"}

    source: EnumProperty(
        name="Source",
        items=(
            ("IMAGE", "Image", "An image of this file, or one that is opened"),
            ("STRIP", "Strip", "What the active strip shows at the playhead"),
        ),
    )
    image: StringProperty(name="Image", description="Name of an image of this file")

    def run(self, context: bpy.types.Context) -> _Result:
        image = bpy.data.images.get(self.image) if self.image else None
        if self.image and image is None:
            raise flow.Refused(f"There is no image “{self.image}” in this file.")
        if self.source == "STRIP":
            image = references.from_strip(shots.active_shot(context))
        references.add(context.scene, image)
        return {"FINISHED"}


def _cameras(_self: object, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    # Blender keeps no reference to the strings: the list does.
    _CAMERA_ITEMS[:] = [
        (camera.name, camera.name, "")
        for camera in (context.scene.objects if context else ())
        if camera.type == "CAMERA"
    ]
    return _CAMERA_ITEMS


_CAMERA_ITEMS: list[tuple[str, str, str]] = []


class GROK_VIDEO_OT_add_camera_reference(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.add_camera_reference"
    bl_label = "Add Reference from Camera"
    bl_description = "Render a camera at the current frame, and add the picture to the references"
    bl_options = set()

    camera: EnumProperty(name="Camera", items=_cameras)

    def run(self, context: bpy.types.Context) -> _Result:
        references.add_from_camera(context, self.camera)
        flow.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_remove_reference(bpy.types.Operator):
    bl_idname = "grok_video.remove_reference"
    bl_label = "Remove Reference"
    bl_description = "Take this picture out of the list. The ones after it get other numbers"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: IntProperty(min=0)

    def execute(self, context: bpy.types.Context) -> _Result:
        listed = context.scene.grok_video.references
        if self.index >= len(listed):
            return {"CANCELLED"}
        listed.remove(self.index)
        return {"FINISHED"}


class GROK_VIDEO_OT_insert_reference(bpy.types.Operator):
    bl_idname = "grok_video.insert_reference"
    bl_label = "Insert into Prompt"
    bl_description = "Put the name of this picture at the end of the prompt"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    index: IntProperty(min=0)

    def execute(self, context: bpy.types.Context) -> _Result:
        token = models.reference_token(self.index)
        chosen = context.scene.grok_video
        if chosen.prompt_text is not None:
            chosen.prompt_text.write(token)
        else:
            chosen.prompt = f"{chosen.prompt.rstrip()} {token}".strip()
        return {"FINISHED"}


class GROK_VIDEO_OT_page(bpy.types.Operator):
    bl_idname = "grok_video.page"
    bl_label = "Turn Page"
    bl_description = "Show newer or older jobs"
    bl_options = {"INTERNAL"}

    page: IntProperty(min=1)

    def execute(self, context: bpy.types.Context) -> _Result:
        context.window_manager.grok_video.page = self.page
        return {"FINISHED"}


class GROK_VIDEO_OT_heard(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.heard"
    bl_label = "Got It"
    bl_description = "Stop saying that the list of clips was rebuilt, in every Blender"
    bl_options = {"INTERNAL"}

    def run(self, _context: bpy.types.Context) -> _Result:
        flow.heard_of_rebuilding()
        return {"FINISHED"}


class GROK_VIDEO_OT_use_standard(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.use_standard"
    bl_label = "Use Standard in This Scene"
    bl_description = (
        "Set the scene's view transform to Standard, so that clips show the colours of their files"
    )
    bl_options = {"REGISTER", "UNDO"}

    scene: StringProperty(name="Scene")

    def run(self, context: bpy.types.Context) -> _Result:
        sequencer.use_standard(_target(context, self.scene))
        flow.current().notices.clear()
        return {"FINISHED"}


class GROK_VIDEO_OT_collect_clips(bpy.types.Operator):
    bl_idname = "grok_video.collect_clips"
    bl_label = "Collect Clips Beside the File"
    bl_description = (
        "Copy the clips of this file into the folder “grok_video” beside it and let the strips "
        "use the copies"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not bpy.data.filepath:
            cls.poll_message_set("Save the file first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> _Result:
        count, sentences = sequencer.collect_clips(context)
        for sentence in sentences:
            self.report({"WARNING"}, sentence)
        clips = "1 clip" if count == 1 else f"{count} clips"
        self.report({"INFO"}, f"{clips} copied beside the file")
        return {"FINISHED"}


class GROK_VIDEO_OT_check_connection(_Asks, bpy.types.Operator):
    bl_idname = "grok_video.check_connection"
    bl_label = "Check Connection"
    bl_description = "Ask the service whether the key is good. Free"
    bl_options = set()

    def run(self, context: bpy.types.Context) -> _Result:
        if trouble := flow.connection_trouble():
            raise flow.Refused(trouble[0], code=trouble[1])
        flow.check_connection()
        if bpy.app.background:
            answer = flow.wait_for(context, flow.connection_answer)
            self.report({"INFO" if answer["ok"] else "ERROR"}, str(answer["message"]))
            return {"FINISHED"} if answer["ok"] else {"CANCELLED"}
        flow.redraw()
        return {"FINISHED"}


class GROK_VIDEO_OT_show_preferences(bpy.types.Operator):
    bl_idname = "grok_video.show_preferences"
    bl_label = "Grok Video Preferences"
    bl_description = "Open the preferences of Grok Video"
    bl_options = set()

    def execute(self, _context: bpy.types.Context) -> _Result:
        bpy.ops.preferences.addon_show(module=settings.PACKAGE)
        return {"FINISHED"}


class GROK_VIDEO_OT_watch(bpy.types.Operator):
    """Ticks while something is under way; every event goes on to Blender."""

    bl_idname = "grok_video.watch"
    bl_label = "Watch Grok Video Jobs"
    bl_options = {"INTERNAL"}

    _timer: bpy.types.Timer | None = None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> _Result:
        if flow.current().watched:
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(
            flow.TICK_SECONDS, window=context.window
        )
        flow.watch_started()
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> _Result:
        if event.type == "TIMER":
            again = flow.watch_tick(context)
            if not again:
                self._end(context)
                return {"CANCELLED", "PASS_THROUGH"}
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        self._end(context)

    def _end(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        flow.watch_ended()


def _bought_since(job: Job) -> str:
    """'' or how often this very job was sent again before: a second press may be a mistake."""
    count = sum(other.spec.parent == job.id for other in flow.current().bridge.snapshot.all)
    times = {1: "once", 2: "twice"}.get(count, f"{count} times")
    return f"It was sent again {times} already." if count else ""


_STOPPABLE = frozenset(
    {State.QUEUED, State.SUBMITTING, State.RUNNING, State.DOWNLOADING, State.UNKNOWN}
)
_STOPPED = FINAL_STATES | {State.READY}


def _can_send_again(job: Job) -> bool:
    return job.state in FINAL_STATES


_CLASSES = (
    GROK_VIDEO_OT_generate,
    GROK_VIDEO_OT_generate_dialog,
    GROK_VIDEO_OT_extend,
    GROK_VIDEO_OT_edit,
    GROK_VIDEO_OT_continue_shot,
    GROK_VIDEO_OT_stop_preparing,
    GROK_VIDEO_OT_use_model,
    GROK_VIDEO_OT_refresh_models,
    GROK_VIDEO_OT_send_again,
    GROK_VIDEO_OT_release,
    GROK_VIDEO_OT_stop,
    GROK_VIDEO_OT_retry,
    GROK_VIDEO_OT_request_id,
    GROK_VIDEO_OT_not_charged,
    GROK_VIDEO_OT_export_spending,
    GROK_VIDEO_OT_import_result,
    GROK_VIDEO_OT_show_strip,
    GROK_VIDEO_OT_open_folder,
    GROK_VIDEO_OT_show_log,
    GROK_VIDEO_OT_copy_diagnostics,
    GROK_VIDEO_OT_copy_error,
    GROK_VIDEO_OT_copy_request_id,
    GROK_VIDEO_OT_copy_prompt,
    GROK_VIDEO_OT_paste_prompt,
    GROK_VIDEO_OT_add_reference,
    GROK_VIDEO_OT_add_camera_reference,
    GROK_VIDEO_OT_remove_reference,
    GROK_VIDEO_OT_insert_reference,
    GROK_VIDEO_OT_page,
    GROK_VIDEO_OT_heard,
    GROK_VIDEO_OT_use_standard,
    GROK_VIDEO_OT_collect_clips,
    GROK_VIDEO_OT_check_connection,
    GROK_VIDEO_OT_show_preferences,
    GROK_VIDEO_OT_watch,
)

register, unregister = bpy.utils.register_classes_factory(_CLASSES)

"""The operators on a job of the list: send again, send, stop, retry, recover, import, show."""

from __future__ import annotations

from dataclasses import replace
from textwrap import shorten

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ...core.amount import usd
from ...core.job import FINAL_STATES, Job, State
from ...core.problem import ProblemCode
from ...core.shape import other_shape
from ...core.spec import Kind
from ...service import checks
from .. import identity, submission, telling, timeline
from ..refusal import Refused
from ..session import blocking, click, files, imports, queue, series, slots, watch
from ..session.questions import listed_looks
from ..session.state import current, is_as_clicked, is_open
from . import press
from .asking import (
    JOB,
    ON_THE_TIMELINE,
    Asks,
    Buys,
    Result,
    Spends,
    finish,
    frame_of,
    refuse,
    target_of,
)


class GROK_VIDEO_OT_send_again(Spends, bpy.types.Operator):
    bl_idname = "grok_video.send_again"
    bl_label = "Send Again"
    bl_description = "Buy this clip once more: a new job with the same source, prompt and settings"

    job: JOB
    confirm: BoolProperty(
        name="Confirm",
        description="Scripts say True: this costs money",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        self._pressed = press.is_press(context, event)
        if not self._is_word:
            return self.execute(context)  # without a question: nothing will be bought
        try:
            job = queue.job_of(self.job, _can_send_again)
        except Refused as error:
            return refuse(self, error)
        price = click.price_again(job)
        known = "Its price is not known" if price is None else f"It costs {usd(price)}"
        self.job = job.id
        self.confirm = True  # the dialog asks for this confirmation
        return self.ask(
            context,
            event,
            price,
            f"Buy This {'Look' if job.spec.kind is Kind.LOOK else 'Clip'} Once More?",
            " ".join(
                filter(
                    None,
                    (_bought_since(job), f"{known}. The service charges for every submission."),
                )
            ),
            "Send Again",
        )

    def price(self, context: bpy.types.Context) -> int | None:
        return click.price_again(queue.job_of(self.job, _can_send_again))

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, _can_send_again)
        if not self.confirm:
            raise Refused("Sending again costs money.", "Call it with confirm=True.")
        if not _can_send_again(job):  # the job may have moved on during the question
            raise Refused(
                "This job is under way or has its clip: nothing was sent or charged.",
                "Generate makes another clip.",
            )
        # A clip that belongs to a strip goes into that strip's scene, whatever scene the sequencer shows now. So does a
        # look: it is found beside the source that it was made from.
        own = job.spec.target
        belongs = own.place != "AT" or job.spec.kind is Kind.LOOK
        stays = identity.scene_of(own, same_file=is_as_clicked(job)) if belongs else None
        target = stays if stays and not self.scene else target_of(context, self.scene)
        job_id = click.send_again(context, job, target, frame_of(self, target))
        return finish(self, context, job_id, ON_THE_TIMELINE)


class GROK_VIDEO_OT_release(Buys, bpy.types.Operator):
    bl_idname = "grok_video.release"
    bl_label = "Send"
    bl_description = (
        "Send this held job now. By this list of clips it has not been sent or charged before. If the list was put "
        "back from a backup together with its folder, nothing here can know: look into the xAI console first"
    )

    job: JOB

    def price(self, context: bpy.types.Context) -> int | None:
        return click.price_again(queue.job_of(self.job, lambda job: job.held))

    def about(self, context: bpy.types.Context) -> str:
        spec = queue.job_of(self.job, lambda job: job.held).spec
        prompt = submission.cast.as_written(spec)
        return shorten(" ".join(prompt[:400].split()), 60, placeholder=" …")

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        job = queue.job_of(self.job, lambda job: job.held)
        before = job.spec.estimate
        only_price = replace(job.asked_for, estimate=before) == job.spec
        if not job.held or (only_price and price == before):
            return Buys.question(self, context, price)
        was = "" if before in (None, price) else f", and not {usd(before or 0)}"
        known = "Its price is not known" if price is None else f"It costs {usd(price)}{was}"
        if only_price:
            return "Send at Today's Price?", f"The price has changed since your click. {known}."
        return (
            "Send the File as It Is Now?",
            f"A file of this clip has changed since your click. {known}.",
        )

    def run(self, context: bpy.types.Context) -> Result:
        if not click.may_buy():
            raise Refused(
                "In a window only your press of Send buys, and a script called. The job stays held.",
                f"“{click.ALLOW_SCRIPTS}” in the preferences allows it.",
            )
        if trouble := queue.connection_trouble():
            raise Refused(trouble[0], code=trouble[1])
        job = queue.job_of(self.job, lambda job: job.held)
        if not job.held:
            raise Refused("This job does not wait to be sent.")
        same = is_as_clicked(job)
        here = same or is_open(job.spec.target.blend)
        if (
            here
            and not slots.stands(job.spec.slot)
            and (why := submission.common.room_refusal(job.spec, same_file=same))
        ):
            raise Refused(why, click.NOTHING_LOST)
        price, said, instead = click.price_again(job), job.asked_for.estimate, job.instead
        if price != said and not self._asked:  # a script has read the price that is on record
            raise Refused(
                f"The price of this clip has changed since it was made: it was {_price(said)}, and now is {_price(price)}.",
                "Discard it and generate it anew.",
            )
        if instead is not None or price != said:
            # The spending limits count a job at the price that it has on record.
            instead = replace(job.asked_for, estimate=price)
            if problem := checks.check(instead, listed_looks()):
                raise Refused(problem.message, problem.hint, problem.code)
        command = queue.release(job, instead)
        slots.follow(job.spec.slot)
        if bpy.app.background:  # until the release is applied the job is held, which ends a wait
            blocking.wait_for_command(context, command, job.id, lambda now: not now.held)
        return finish(self, context, job.id, ON_THE_TIMELINE)


def _price(ticks: int | None) -> str:
    return "not known" if ticks is None else usd(ticks)


_STOPPABLE = frozenset(
    {State.QUEUED, State.SUBMITTING, State.RUNNING, State.DOWNLOADING, State.UNKNOWN}
)
_STOPPED = FINAL_STATES | {State.READY}


class GROK_VIDEO_OT_stop(Asks, bpy.types.Operator):
    bl_idname = "grok_video.stop"
    bl_label = "Stop Tracking"
    bl_description = (
        "Stop asking for this job. The service cannot cancel, so what was sent is still charged; "
        "the job can be taken up again with Retry"
    )
    bl_options = set()

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: job.state in _STOPPABLE or job.fetching)
        if job.fetching:
            command = files.stop_fetching(job)
            if bpy.app.background:
                blocking.wait_for_command(context, command)
                blocking.wait_until(context, job.id, lambda now: not now.fetching)
            return {"FINISHED"}
        series.drop_passes(job.id, "It was stopped.")
        command = queue.send("stop", job=job.id)
        if bpy.app.background:
            blocking.wait_for_command(context, command, job.id, lambda now: now.state in _STOPPED)
            # Not by ``finish``: for it, a job that is held or blocked has ended.
            blocking.wait_until(context, job.id, lambda now: now.state in _STOPPED)
        return {"FINISHED"}


class GROK_VIDEO_OT_retry(Asks, bpy.types.Operator):
    bl_idname = "grok_video.retry"
    bl_label = "Retry"
    bl_description = "Ask for this job or download its clip once more. Free: nothing is bought"
    bl_options = set()

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: job.retryable)
        if not job.retryable:
            raise Refused(
                "There is nothing to take up: this job has ended for good.",
                "Send it again to buy it once more.",
            )
        trouble = queue.connection_trouble()
        if trouble and trouble[1] is ProblemCode.OFFLINE:
            raise Refused(trouble[0], code=trouble[1])
        command = queue.retry(job)
        # Until the retry is applied the job is still where it ended, which ends a wait.
        if bpy.app.background:
            blocking.wait_for_command(context, command, job.id, lambda now: not now.retryable)
        return finish(self, context, job.id, ON_THE_TIMELINE)


class GROK_VIDEO_OT_download_again(Asks, bpy.types.Operator):
    bl_idname = "grok_video.download_again"
    bl_label = "Download Again"
    bl_description = (
        "Download the file of this clip once more, while the service still has it, and let the strips "
        "show it. Free: nothing is bought"
    )
    bl_options = set()

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: job.fetchable_again and bool(files.look_now(job)))
        command = "" if job.fetching else self._begin(job)
        if command is None:
            return {"FINISHED"}
        if not bpy.app.background:
            watch.redraw()
            return {"FINISHED"}
        if command:
            blocking.wait_for_command(context, command)
        job = blocking.wait_until(context, job.id, lambda now: not now.fetching or now.blocked)
        if job.problem is not None:
            kind = "WARNING" if not files.look_now(job) else "ERROR"
            telling.report(self, kind, f"{job.problem.message} {job.problem.hint}".strip())
        return {"CANCELLED"} if files.look_now(job) else {"FINISHED"}

    def _begin(self, job: Job) -> str | None:
        """Ask for the file; the command's id, None where the file is there and the strips need but to show it.

        Raises Refused.
        """
        if not job.fetchable_again:
            raise Refused("The clip of this job never came.", "Retry asks for it, free.")
        if not files.look_now(job):
            if not files.show_clip(job):
                raise Refused(
                    "The file of this clip is there.", "Import it again where it is missing."
                )
            telling.report(self, "INFO", "The file is there, and the strips of this clip show it")
            return None
        trouble = queue.connection_trouble()
        if trouble and trouble[1] is ProblemCode.OFFLINE:
            raise Refused(trouble[0], code=trouble[1])
        return files.fetch_again(job)


class GROK_VIDEO_OT_request_id(Asks, bpy.types.Operator):
    bl_idname = "grok_video.request_id"
    bl_label = "Recover by Request ID"
    bl_description = (
        "Fetch the clip of a job whose answer was lost, by the request id that the service's console "
        "shows. Free: nothing is bought"
    )
    bl_options = set()

    job: JOB
    value: StringProperty(
        name="Request ID",
        description="The id alone, or what holds it: a web address of the service, its answer",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Recover")

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.prop(self, "value")

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(self.job, lambda job: job.recoverable)
        command = queue.recover(job, self.value)
        if bpy.app.background:  # until the id is taken up the job is where it ended
            blocking.wait_for_command(
                context,
                command,
                job.id,
                lambda now: bool(now.request_id) and now.request_id in self.value,
            )
        return finish(self, context, job.id, ON_THE_TIMELINE)


class GROK_VIDEO_OT_import_result(Asks, bpy.types.Operator):
    bl_idname = "grok_video.import_result"
    bl_label = "Import Clip"
    bl_description = "Place the clip of this job in the sequencer"
    bl_options = {"REGISTER", "UNDO"}

    job: JOB
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

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(
            self.job, lambda job: job.clip is not None and job.spec.kind is not Kind.LOOK
        )
        self.job = job.id  # F9 means the same one
        scene: bpy.types.Scene | None = None
        frame: int | None = None
        if self.scene or self.here:
            scene = target_of(context, self.scene)
            frame = scene.frame_current if self.here else None
        if self.properties.is_property_set("frame"):
            frame = self.frame
        landing = imports.import_job(context, job, scene, frame)
        if landing is None:
            telling.report(self, "INFO", "The clip is in the sequencer already")
            return {"CANCELLED"}
        if job.problem is not None and job.problem.code is ProblemCode.FILE:
            # The clip's folder cannot be written.
            telling.report(self, "WARNING", job.problem.message)
        words = landing.notice
        if not bpy.app.background:  # there ``finish`` says so
            words = f"{words} {other_shape(job)}".strip()
        if words:
            telling.report(self, "WARNING", words)
        if bpy.app.background:  # until the import is on record the job may say that it waits
            blocking.wait_for_command(context, current().imports.told[job.id])
        return finish(self, context, job.id, ON_THE_TIMELINE)


class GROK_VIDEO_OT_show_strip(Asks, bpy.types.Operator):
    bl_idname = "grok_video.show_strip"
    bl_label = "Show in Sequencer"
    bl_description = "Select the strip of this job and move the playhead to its start"
    bl_options = {"REGISTER", "UNDO"}

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        job = queue.job_of(
            self.job, lambda job: job.state is State.IMPORTED and job.spec.kind is not Kind.LOOK
        )
        self.job = job.id  # F9 means the same one
        if job.spec.kind is Kind.LOOK:
            raise Refused("A look is a picture and has no strip.", "Use makes it the first frame.")
        scenes = (timeline.strips.target_scene(context), *bpy.data.scenes)
        for scene in scenes:
            if timeline.strips.show_strips(context, scene, job.id):
                return {"FINISHED"}
        telling.report(
            self, "WARNING", "The strip of this job is not in this file. Import it again."
        )
        return {"CANCELLED"}


class GROK_VIDEO_OT_page(bpy.types.Operator):
    bl_idname = "grok_video.page"
    bl_label = "Turn Page"
    bl_description = "Show newer or older jobs"
    bl_options = {"INTERNAL"}

    page: IntProperty(min=1)

    def execute(self, context: bpy.types.Context) -> Result:
        context.window_manager.grok_video.page = self.page
        return {"FINISHED"}


class GROK_VIDEO_OT_heard(Asks, bpy.types.Operator):
    bl_idname = "grok_video.heard"
    bl_label = "Got It"
    bl_description = "Stop saying that the list of clips was rebuilt, in every Blender"
    bl_options = {"INTERNAL"}

    def run(self, context: bpy.types.Context) -> Result:
        command = queue.heard_of_rebuilding()
        if bpy.app.background:
            blocking.wait_for_command(context, command)
        return {"FINISHED"}


class GROK_VIDEO_OT_use_standard(Asks, bpy.types.Operator):
    bl_idname = "grok_video.use_standard"
    bl_label = "Use Standard in This Scene"
    bl_description = (
        "Set the scene's view transform to Standard, so that clips show the colours of their files"
    )
    bl_options = {"REGISTER", "UNDO"}

    scene: StringProperty(name="Scene")

    def run(self, context: bpy.types.Context) -> Result:
        timeline.colour.use_standard(target_of(context, self.scene))
        imports.forget_landings()
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

    def execute(self, context: bpy.types.Context) -> Result:
        count, sentences = timeline.clip_files.collect_clips(context)
        for sentence in sentences:
            telling.report(self, "WARNING", sentence)
        clips = "1 clip" if count == 1 else f"{count} clips"
        telling.report(self, "INFO", f"{clips} copied beside the file")
        return {"FINISHED"}


def _bought_since(job: Job) -> str:
    """'' or a sentence of how often ``job`` was sent again before: another press may be a mistake."""
    count = sum(other.spec.parent == job.id for other in current().bridge.snapshot.all)
    times = {1: "once", 2: "twice"}.get(count, f"{count} times")
    return f"It was sent again {times} already." if count else ""


def _can_send_again(job: Job) -> bool:
    return job.state in FINAL_STATES and not job.fetching


register, unregister = bpy.utils.register_classes_factory(
    (
        GROK_VIDEO_OT_send_again,
        GROK_VIDEO_OT_release,
        GROK_VIDEO_OT_stop,
        GROK_VIDEO_OT_retry,
        GROK_VIDEO_OT_download_again,
        GROK_VIDEO_OT_request_id,
        GROK_VIDEO_OT_import_result,
        GROK_VIDEO_OT_show_strip,
        GROK_VIDEO_OT_page,
        GROK_VIDEO_OT_heard,
        GROK_VIDEO_OT_use_standard,
        GROK_VIDEO_OT_collect_clips,
    )
)

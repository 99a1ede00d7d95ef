"""The operator by which a script waits for clips that it bought without waiting."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ...core.job import Job, State
from ...core.spec import Kind
from .. import telling
from ..refusal import Refused
from ..session import blocking, imports, looks, queue
from ..session.state import current
from .asking import ON_THE_TIMELINE, Asks, Result, wait_for_end


class GROK_VIDEO_OT_wait(Asks, bpy.types.Operator):
    bl_idname = "grok_video.wait"
    bl_label = "Wait for Clips"
    bl_description = (
        "Scripts in the background: wait until a clip is on the timeline, or all clips that this Blender "
        "has bought"
    )
    bl_options = {"INTERNAL"}

    job: StringProperty(
        name="Job",
        description="Id of the job; empty: all of this session",
        options={"SKIP_SAVE"},
    )

    def run(self, context: bpy.types.Context) -> Result:
        if not bpy.app.background:
            raise Refused(
                "A window does not wait: it would stand still. Your clips come by themselves.",
                "In the background scripts can wait for them.",
            )
        if self.job and self.job not in current().documents:
            queue.job_of(self.job, _any)  # refuses an id that nobody knows
        result: Result = {"FINISHED"}
        jobs = [self.job] if self.job else blocking.jobs_left()
        for number, job_id in enumerate(jobs):  # grows meanwhile
            try:
                ended = wait_for_end(self, context, job_id, ON_THE_TIMELINE, stays=_stays)
            except KeyboardInterrupt:
                for left in jobs[number:]:
                    telling.report(self, "ERROR", blocking.interrupted(context, left))
                return {"CANCELLED"}
            if "CANCELLED" in ended:
                result = ended
            # The parts of an extension become jobs one after the other.
            after = current().series.follows.get(job_id, "")
            if after and after not in jobs:
                jobs.append(after)
        return result


def _any(_job: Job) -> bool:
    return True


def _stays(job: Job) -> bool:
    """Whether a clip that came will not be placed by this Blender, such as one for a file that is not open."""
    if job.spec.kind is Kind.LOOK:
        return job.state is State.READY and not looks.ends_by_itself(job)
    reported = job.id in current().imports.reported
    return job.state is State.READY and not reported and not imports.imports_by_itself(job)


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_wait,))

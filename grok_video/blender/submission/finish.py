"""What Finish submits: the request of a draft, with its full-size first frame, on the model and at the size of the final clip.

Owns which pictures the final clip has, and whether they are still there. Knows nothing of strips and of the panel.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ...core.job import Job
from ...core.record import mutable_record
from ...core.spec import Clip, JobSpec, Keyframe, Picture, new_id
from ...service import cheapest, checks
from ...service.models import model_named, models_that
from .. import config
from ..refusal import Refused
from ..sources import pixels
from ..sources.clip_frame import clip_frame
from .common import (
    Submission,
    looped,
    output_of,
    picture_of,
    preferred_format,
    price_of,
    retarget,
)
from .preparation import Change, Step

ANEW = "“With the Panel's Settings” renders the frame anew, and “Finish with the Small Frame” sends the draft's own."
MOST = 4  # frames of a draft that the final clip passes through


def full_request(spec: JobSpec, model: str = "", resolution: str = "") -> JobSpec:
    """The request of the final clip of the draft ``spec``, its files not looked at. Cheap enough for a redraw.

    ``model``, ``resolution``: '' for those that were chosen at the draft's click. A request that is no draft is what it is.
    """
    final, full = cheapest.as_chosen(spec, model, resolution), spec.full_image
    if not spec.draft or full is None:
        return final
    final = replace(final, image=full.path, image_mime=full.mime, image_bytes=full.size)
    return looped(final) if final.loop else final


def small_request(spec: JobSpec, model: str = "", resolution: str = "") -> JobSpec:
    """As ``full_request``, with the smaller first frame that the draft was made from."""
    return cheapest.as_chosen(spec, model, resolution)


def looked_at(final: JobSpec, spec: JobSpec) -> JobSpec:
    """``final``, the request of the final clip of the draft ``spec``, with the size of its first frame: one look at that.

    Raises Refused where the full-size frame is not the one that was made for the draft.
    """
    full = spec.full_image
    if not spec.draft or not spec.image or (full is not None and final.image != full.path):
        return final
    if full is None:
        raise Refused("This draft has no full-size first frame.", ANEW)
    path = Path(full.path)
    found = pixels.measured(path)
    if found is None or path.stat().st_size != full.size:
        there = "is gone" if found is None else "is another file now"
        raise Refused(f"The full-size first frame of this draft {there}: {path}.", ANEW)
    return replace(final, image_pixels=found[1:])


# --------------------------------------------------------------------------------------------- keep the motion


def motion_refusal(spec: JobSpec, final: JobSpec, clip: Clip | None) -> str:
    """'' or why the final clip cannot keep the motion of its draft. Cheap enough for a redraw."""
    if clip is None:
        return "The motion of the draft can be kept when its clip is there."
    model = model_named(final.model)
    if model is not None and not {"keyframes", "last_frame"} <= model.makes:
        able = " or ".join(row.label for row in models_that("keyframes"))
        return f"{model.label} takes no keyframes, which keep the motion. Choose {able}."
    return ""


def with_motion(spec: JobSpec, final: JobSpec, job_id: str) -> JobSpec:
    """``final`` passing through frames of its draft ``spec`` and ending on the last one, the pictures still to be made.

    Where the draft had an end frame or keyframes of its own, those stay, and frames of the draft come between. Such a
    clip ends at 720p.
    """
    frames = list(final.keyframes)
    for thirds in spread(spec.duration):
        beside = any(abs(thirds - one.thirds) <= 1 for one in final.keyframes)
        if len(frames) < MOST and not beside:
            name = f"draft at {thirds / 3:.2f} s"
            frames.append(Keyframe(picture_of(job_id, f"-draft-{thirds}", name), thirds))
    model = model_named(final.model)
    resolution = final.resolution
    if model is not None and resolution not in model.reference_resolutions:
        resolution = [one for one in model.prices if one in model.reference_resolutions][-1]
    return replace(
        final,
        resolution=resolution,
        keyframes=tuple(sorted(frames, key=lambda frame: frame.thirds)),
        last_frame=final.last_frame or picture_of(job_id, "-draft-end", "draft's last frame"),
    )


def spread(seconds: int) -> list[int]:
    """Thirds of a second, evenly spread inside of a clip: four of them, or as many as are not side by side."""
    found = [round(3 * seconds * number / (MOST + 1)) for number in range(1, MOST + 1)]
    return [one for one in dict.fromkeys(found) if 0 < one < 3 * seconds]


def finishing(
    job: Job, final: JobSpec, session: str, scene: bpy.types.Scene, frame: int, slot: str
) -> Submission:
    """The submission of ``final``, the final clip of the draft ``job`` whose motion is kept, as a take of ``slot``.

    Raises Refused.
    """
    clip = job.clip
    if why := motion_refusal(job.spec, final, clip):
        raise Refused(why)
    assert clip is not None
    job_id = new_id()
    target = replace(retarget(job.spec.target, session, scene, frame), slot=slot)
    spec = replace(
        with_motion(job.spec, final, job_id),
        id=job_id,
        parent=job.id,
        target=target,
        account=config.account(),
        api_base=config.api_base(),
        output=output_of(final.prompt, job_id),
    )
    spec = replace(spec, estimate=price_of(spec))
    if problem := checks.check(spec):
        raise Refused(problem.message, problem.hint, problem.code)
    submission = Submission(spec)
    before = {one.picture.path for one in final.keyframes}
    for number, one in enumerate(spec.keyframes):
        if one.picture.path not in before:
            shown = round(one.seconds * clip.fps)
            submission.steps.append(FrameStep(clip, shown, one.picture, number))
    if final.last_frame is None and spec.last_frame is not None:
        last = clip.frames - 1
        submission.steps.append(FrameStep(clip, last, spec.last_frame, None))
    return submission


@mutable_record
class FrameStep(Step):
    """A frame of a draft's clip as a picture of the final one: one on each tick, as it takes a tenth of a second."""

    clip: Clip
    shown: int  # number of the frame in the clip, from 0
    picture: Picture  # that the frame becomes, without its size
    keyframe: int | None  # which keyframe the picture is; None: the end frame
    label: str = "Reading the Draft…"
    made: pixels.Still | None = None

    def start(self, context: bpy.types.Context) -> None:
        number = min(self.shown, self.clip.frames - 1)
        path = Path(self.picture.path)
        self.made = clip_frame(self.clip, number, path, preferred_format())

    def poll(self, context: bpy.types.Context) -> Change | None:
        made = self.made
        assert made is not None
        sized = replace(self.picture, size=made.size)

        def add_to(spec: JobSpec) -> JobSpec:
            if self.keyframe is None:
                return replace(spec, last_frame=sized)
            frames = list(spec.keyframes)
            frames[self.keyframe] = replace(frames[self.keyframe], picture=sized)
            return replace(spec, keyframes=tuple(frames))

        return add_to

    def cancel(self) -> None:
        if self.made is not None:
            pixels.remove(Path(self.made.path))

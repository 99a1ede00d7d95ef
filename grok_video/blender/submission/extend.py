"""What Extend and Continue Shot submit: a strip, or its last frame, to go on from where it visibly ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ...core.amount import usd
from ...core.framing import nearest_ratio
from ...core.job import Job
from ...core.spec import JobSpec, Kind, Source, new_id
from ...service import checks, models
from ...service.pricing import Pass, plan_passes, priced_resolution
from .. import config, scenes
from ..refusal import Refused
from ..sources import capture
from ..timeline.source_marks import source_id
from ..timeline.source_strip import (
    SourceStrip,
    file_refusal,
    refusal_to_extend,
    waiting_refusal,
)
from .common import (
    DRAFT,
    FindJob,
    Submission,
    draft_of,
    mime_type,
    model_for,
    place_of,
    preferred_format,
    price_of,
    room_after,
    signed,
    target_of,
    with_still,
)
from .generate import is_whole
from .strip_part import StripPart, part_of_strip, rework, rework_draft, strip_of


def part_to_extend(
    scene: bpy.types.Scene, source: SourceStrip, find_job: FindJob, *, look: bool = False
) -> StripPart:
    """The last seconds of a strip, as many as the model can extend; ``look``: see ``part_of_strip``."""
    model = model_for(scene, "extend")
    whole = part_of_strip(source, source.start, source.end, find_job, look=look, matched=True)
    # A clip that the service made as 15 s measures a frame more.
    if whole.clip is not None and whole.seconds <= model.max_source + 1 / 20:
        return whole
    most = int(model.max_source * source.fps)
    start = max(source.start, source.end - most)
    return part_of_strip(source, start, source.end, find_job, look=look)


def passes_of(scene: bpy.types.Scene, part: StripPart) -> list[Pass]:
    """The extensions, one after the other, that add the seconds the artist asks for; one where that is enough."""
    model, resolution = model_for(scene, "extend"), priced_resolution(*part.pixels)
    added = scene.grok_video.extend_seconds
    passes = plan_passes(added, part.seconds, resolution, model.id or models.DEFAULT_MODEL)
    if model.id:
        return passes
    second = config.unknown_second()  # the model was typed in: no other price is known
    return [replace(one, price=one.seconds * second or None) for one in passes]


def extend_refusal(scene: bpy.types.Scene, source: SourceStrip, draft: JobSpec) -> str:
    """'' or why Extend would refuse now, as far as a redraw may find out."""
    least = model_for(scene, "extend").min_source
    return (
        refusal_to_extend(source, least)
        or waiting_refusal(strip_of(source), round(draft.source.frame), source.end)
        or checks.refusal(draft)
        or room_behind(source, draft)
    )


def room_behind(source: SourceStrip, draft: JobSpec) -> str:
    """'' or why what ``draft`` buys could not be placed behind the strip. Cheap enough for a redraw."""
    strip = strip_of(source)
    return room_after(strip.id_data, strip, draft, source.end)


def extension(
    scene: bpy.types.Scene, source: SourceStrip, session: str, find_job: FindJob, seconds: int
) -> Submission:
    """The submission of one pass that lets a strip go on for ``seconds`` after its visible end. Raises Refused."""
    if why := refusal_to_extend(source, model_for(scene, "extend").min_source):
        raise Refused(why)
    part = part_to_extend(scene, source, find_job, look=True)
    job_id = new_id()
    draft = rework_draft(scene, Kind.EXTEND, part, seconds, job_id)
    return rework(draft, job_id, part, session, "AFTER")


def next_pass(
    source: SourceStrip, before: Job, session: str, find_job: FindJob, agreed: Pass
) -> Submission:
    """The submission of the pass after the job ``before``, whose strip goes on as ``agreed``. Raises Refused."""
    if before.spec.account not in config.accounts([before.spec.api_base]):
        raise Refused("The API key was changed.")
    scene = strip_of(source).id_data
    # Every second that is sent is paid for: no more than was agreed, however long the part before came out.
    most = round(agreed.source_seconds * source.fps)
    start = max(source.start, source.end - most)
    # What an import has hidden was not agreed to be paid for once more.
    matched = not source.head
    part = part_of_strip(source, start, source.end, find_job, look=True, matched=matched)
    if part.changed:  # the artist agreed to go on from the clip, not from what was put in its place
        raise Refused(f"The file of “{source.strip}” was changed.")
    job_id = new_id()
    # Prompt, model and sound as agreed at the click, whatever the panel says by now.
    draft = replace(
        rework_draft(scene, Kind.EXTEND, part, agreed.seconds, job_id),
        prompt=before.spec.prompt,
        cast=before.spec.cast,
        model=before.spec.model,
        unchecked=before.spec.unchecked,
        generate_audio=before.spec.generate_audio,
    )
    price = price_of(draft)
    if price is not None and agreed.price is not None and price > agreed.price:
        raise Refused(f"Its next part would cost {usd(price)} and not {usd(agreed.price)}.")
    return rework(draft, job_id, part, session, "AFTER")


def continue_draft(scene: bpy.types.Scene, source: SourceStrip, job_id: str = DRAFT) -> JobSpec:
    """The spec that Continue Shot would send now: a strip's last frame, as many seconds as asked for and possible."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    edit_scene = strip_of(source).id_data
    return draft_of(
        scene,
        Kind.GENERATE,
        chosen.extend_prompt,
        min(max(chosen.extend_seconds, model.min_seconds), model.max_seconds),
        chosen.resolution,
        nearest_ratio(*scenes.frame_size(edit_scene), model.picture_ratios),
        image=place_of(job_id),
        image_mime=mime_type(),
        source=Source("STRIP", scene=source.scene, frame=source.last, image=source.strip),
    )


def continue_refusal(source: SourceStrip, draft: JobSpec) -> str:
    """'' or why Continue Shot would refuse now. Cheap enough for a redraw."""
    waits = waiting_refusal(strip_of(source), source.last, source.end)
    return waits or room_behind(source, draft)


def continuation(scene: bpy.types.Scene, source: SourceStrip, session: str) -> Submission:
    """The submission of a new clip that starts from a strip's last frame and lands after it. Raises Refused."""
    job_id, strip = new_id(), strip_of(source)
    waits = waiting_refusal(strip, source.last, source.end)
    if why := waits or file_refusal(strip, source.last, source.end):
        raise Refused(why)
    target = target_of(session, strip.id_data, source.end, place="AFTER", strip=source.strip)
    submission = Submission(signed(continue_draft(scene, source, job_id), job_id, target))
    target = replace(target, mark=source_id(strip), channel=source.channel)
    submission.spec = replace(submission.spec, target=target)
    resolution = submission.spec.resolution
    if is_whole(scene):
        size = models.whole_size(resolution, *scenes.frame_size(strip.id_data))
    else:
        size = models.clip_size(resolution, submission.spec.aspect_ratio)
    path = Path(submission.spec.image)

    def add_to(spec: JobSpec) -> JobSpec:
        scene = strip.id_data
        made = capture.strip_still(scene, strip, source.last, size, path, preferred_format())
        return with_still(spec, made)

    submission.stills.append(add_to)
    return submission

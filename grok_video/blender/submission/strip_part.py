"""Which part of a strip would be sent, and the bake that makes a file of that part."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...core import mp4
from ...core.framing import nearest_ratio
from ...core.record import record
from ...core.spec import Clip, JobSpec, Kind, Source, SourceVideo
from ...service import models
from ...service.pricing import priced_resolution
from .. import compat
from ..refusal import Refused
from ..sources import bake
from ..timeline.source_marks import find_source, source_id
from ..timeline.source_strip import SourceStrip, file_refusal
from ..timeline.strips import SAME_FRAME, is_heard, sounds_of
from .common import DRAFT, FindJob, Submission, draft_of, signed, target_of, video_path
from .preparation import BakeStep


@record
class StripPart:
    """What would be sent of a strip: scene frames [start, end), and the size of the picture."""

    source: SourceStrip
    start: int
    end: int
    pixels: tuple[int, int]
    seconds: float
    clip: Clip | None  # the clip of a job, shown whole: its file is sent, without a bake
    changed: bool = (
        False  # another file lies where the job's clip was: what the strip shows now is sent
    )

    @property
    def whole(self) -> bool:
        """Whether the part is all that the strip shows."""
        return (self.start, self.end) == (self.source.start, self.source.end)


def part_of_strip(
    source: SourceStrip, start: int, end: int, find_job: FindJob, *, look: bool = False
) -> StripPart:
    """The part [start, end) of a strip. ``look``: at the file, as a click must and a redraw must not."""
    changed = False
    job = (
        find_job(source.job)
        if source.whole and (start, end) == (source.start, source.end)
        else None
    )
    # Not the job's clip when the artist has chosen another file for the strip since.
    if job is not None and job.clip is not None and job.clip.path == source.path:
        clip: Clip | None = job.clip
        if look and _size_of(clip.path) != clip.size:
            changed, clip = True, _shown_whole(source, clip.path)
        if clip is not None:
            pixels = (clip.width, clip.height)
            return StripPart(source, start, end, pixels, clip.seconds, clip, changed)
    strip = strip_of(source)
    pixels = bake.bake_size(strip.id_data, strip)
    return StripPart(source, start, end, pixels, (end - start) / source.fps, None, changed)


def _size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _shown_whole(source: SourceStrip, path: str) -> Clip | None:
    """The clip that is at ``path`` now, where the strip shows all of it; None: only a bake has what is shown."""
    try:
        if not os.path.isfile(path):
            return None
        clip = mp4.probe(path)
    except (mp4.NotAClip, OSError):
        return None
    frames = clip.seconds * source.fps - (source.end - source.start)
    return clip if abs(frames) <= SAME_FRAME else None


def rework_draft(
    scene: bpy.types.Scene, kind: Kind, part: StripPart, seconds: int, job_id: str = DRAFT
) -> JobSpec:
    """The spec that Extend (adding ``seconds``) or Edit would send now, its bake not made yet."""
    chosen = scene.grok_video
    prompt = chosen.extend_prompt if kind is Kind.EXTEND else chosen.edit_prompt
    clip, (width, height) = part.clip, part.pixels
    if clip is not None:
        video = SourceVideo(clip.path, clip.seconds, clip.size, width, height, part.source.job)
    else:
        video = SourceVideo(str(video_path(job_id)), part.seconds, 0, width, height)
    return draft_of(
        scene,
        kind,
        prompt,
        seconds,
        priced_resolution(*part.pixels),
        nearest_ratio(*part.pixels, models.RATIOS),
        video=video,
        source=Source("STRIP", scene=part.source.scene, frame=part.start, image=part.source.strip),
    )


def rework(draft: JobSpec, job_id: str, part: StripPart, session: str, place: str) -> Submission:
    source, strip = part.source, strip_of(part.source)
    if why := file_refusal(strip):
        raise Refused(why)
    target = target_of(session, strip.id_data, part.end if place == "AFTER" else part.start)
    submission = Submission(signed(draft, job_id, target))
    if part.clip is None:
        path = video_path(job_id)
        submission.steps.append(
            BakeStep(lambda: _bake(source, part.start, part.end, path), "Preparing Strip…")
        )
    # The strip is marked last: a click that is refused leaves it as it was.
    target = replace(
        target,
        place=place,
        strip=source.strip,
        mark=source_id(strip),
        channel=source.channel,
        length=part.end - part.start,
        offset=part.start - source.origin,
    )
    submission.spec = replace(submission.spec, target=target)
    return submission


def strip_named(scene_name: str, name: str) -> Any:
    """The strip of that name, looked up anew: an undo makes every strip another object. Raises Refused."""
    scene = bpy.data.scenes.get(scene_name)
    if scene is not None and scene.sequence_editor is not None:
        strip = compat.strips_all(scene.sequence_editor).get(name)
        if strip is not None:
            return strip
    raise Refused(f"There is no strip “{name}” in the scene “{scene_name}”.")


def strip_of(source: SourceStrip) -> Any:
    """Blender's strip of a source strip. Raises Refused."""
    return strip_named(source.scene, source.strip)


def source_refusal(spec: JobSpec) -> str:
    """'' or a sentence that the source strip of ``spec`` is not there any more, deleted or undone since the click."""
    target = spec.target
    if not target.strip:
        return ""
    scene = bpy.data.scenes.get(target.scene)
    content = target.offset if target.place == "OVER" else None
    if scene is not None and find_source(
        scene, target.strip, target.mark, target.frame, content=content
    ):
        return ""
    return f"The strip “{target.strip}” is not there any more."


def _bake(source: SourceStrip, start: int, end: int, path: Path) -> bake.Bake:
    """Begin to bake the frames [start, end) of a source strip into ``path``. Raises Refused, Interrupted."""
    strip = strip_of(source)
    # Only the sounds that are heard: the bake plays every sound that it is given, muted or not.
    sounds = [sound for sound in sounds_of(strip) if is_heard(sound)]
    return bake.Bake.strip(strip.id_data, strip, start, end, sounds, path)

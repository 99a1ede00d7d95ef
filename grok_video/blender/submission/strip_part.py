"""Which part of a strip would be sent, and the bake that makes a file of that part."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...core import mp4
from ...core.framing import nearest_ratio
from ...core.paths import spelling
from ...core.record import record
from ...core.spec import Clip, JobSpec, Kind, Source, SourceVideo, Target
from ...service import models
from ...service.pricing import priced_resolution
from .. import compat, identity
from ..refusal import Refused
from ..sources import bake
from ..timeline.sounds import is_heard, sounds_of
from ..timeline.source_marks import find_source, marks_of, source_id
from ..timeline.source_strip import (
    SourceStrip,
    file_refusal,
    source_strip_of,
    waiting_refusal,
)
from ..timeline.strips import SAME_FRAME
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
    source: SourceStrip,
    start: int,
    end: int,
    find_job: FindJob,
    *,
    look: bool = False,
    matched: bool = False,
) -> StripPart:
    """The part [start, end) of a strip. ``look``: at the file, as a click must and a redraw must not.

    ``matched``: what comes goes on from where the strip ends, and is matched to what it shows, so that neither *Grok Video
    Seam* nor a head that the import has hidden changes what is sent.

    A click is refused here where a slot that waits for its clip is seen in the part: before it asks about the price.
    Raises Refused, with ``look`` only.
    """
    if look and (why := waiting_refusal(strip_of(source), start, end)):
        raise Refused(why)
    changed = False
    whole = source.whole and (start, end) == (source.start, source.end)
    raw = whole and (matched or (source.seam is None and not source.head))
    job = find_job(source.job) if raw else None
    # Not the job's clip when the artist has chosen another file for the strip since.
    if (
        job is not None
        and job.clip is not None
        and spelling(job.clip.path) == spelling(source.path)
    ):
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
    frames = clip.seconds * source.fps - (source.end - source.start + source.head)
    return clip if abs(frames) <= SAME_FRAME else None


def rework_draft(
    scene: bpy.types.Scene, kind: Kind, part: StripPart, seconds: int, job_id: str = DRAFT
) -> JobSpec:
    """The spec that Extend (adding ``seconds``) or Edit would send now, its bake not made yet."""
    chosen = scene.grok_video
    prompt = chosen.extend_prompt if kind is Kind.EXTEND else chosen.edit_prompt
    clip, (width, height) = part.clip, part.pixels
    if clip is not None:
        video = SourceVideo(
            *(clip.path, clip.seconds, clip.size, width, height, part.source.job),
            part.source.seam,
        )
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
    if why := file_refusal(strip, part.start, part.end):
        raise Refused(why)
    target = target_of(
        session,
        strip.id_data,
        part.end if place == "AFTER" else part.start,
        place=place,
        strip=source.strip,
        channel=source.channel,
        length=part.end - part.start,
        offset=part.start - source.origin,
    )
    submission = Submission(signed(draft, job_id, target))
    if part.clip is None:
        path = video_path(job_id)
        submission.steps.append(
            BakeStep(lambda: _bake(part, submission.spec.target, path), "Preparing Strip…")
        )
    # The strip is marked last: a click that is refused leaves it as it was.
    submission.spec = replace(submission.spec, target=replace(target, mark=source_id(strip)))
    return submission


def strip_named(scene: bpy.types.Scene, name: str) -> Any:
    """The strip of that name, looked up anew: an undo makes every strip another object. Raises Refused."""
    if scene.sequence_editor is not None:
        strip = compat.strips_all(scene.sequence_editor).get(name)
        if strip is not None:
            return strip
    raise Refused(f"There is no strip “{name}” in the scene “{scene.name}”.")


def strip_of(source: SourceStrip) -> Any:
    """Blender's strip of a source strip. Raises Refused."""
    scene = source.scene_meant.find(bpy.data.scenes)
    if scene is None:
        raise Refused(f"The scene “{source.scene}” is gone.")
    return strip_named(scene, source.strip)


def _strip_as_clicked(source: SourceStrip, target: Target) -> Any:
    """The strip that was clicked, be it called otherwise by now. Raises Refused.

    Without its mark, which undo may take back, a strip of that name counts where it shows what the clicked strip did.
    """
    strip = _marked_source(target)
    if strip is not None and (target.mark in marks_of(strip) or _shows_the_same(strip, source)):
        return strip
    raise Refused(_gone(target))


def _shows_the_same(strip: Any, source: SourceStrip) -> bool:
    now = source_strip_of(strip)
    return (now.start, now.end, now.origin, now.path, now.job) == (
        source.start,
        source.end,
        source.origin,
        source.path,
        source.job,
    )


def _marked_source(target: Target) -> Any | None:
    """The source strip of a click in this file, by its mark or else its name; None when it is gone."""
    scene = identity.scene_of(target, same_file=True)
    content = target.offset if target.place == "OVER" else None
    if scene is None:
        return None
    return find_source(scene, target.strip, target.mark, target.frame, content=content)


def _gone(target: Target) -> str:
    return f"The strip “{target.strip}” is not there any more."


def source_refusal(spec: JobSpec) -> str:
    """'' or a sentence that the source strip of ``spec`` is not there any more, deleted or undone since the click."""
    target = spec.target
    return _gone(target) if target.strip and _marked_source(target) is None else ""


def _bake(part: StripPart, target: Target, path: Path) -> bake.Bake:
    """Begin to bake the part of a strip into ``path``, wherever that was moved since. Raises Refused, Interrupted."""
    strip = _strip_as_clicked(part.source, target)
    # The content of a single picture moves with the left handle, and is the same everywhere.
    still = compat.content_length(strip) <= 1
    moved = 0 if still else compat.content_start(strip) - part.source.origin
    # Only the sounds that are heard: the bake plays every sound that it is given, muted or not.
    sounds = [sound for sound in sounds_of(strip) if is_heard(sound)]
    start, end = part.start + moved, part.end + moved
    if why := waiting_refusal(strip, start, end):  # come into the meta strip since the click
        raise Refused(why)
    return bake.Bake.strip(strip.id_data, strip, start, end, sounds, path)

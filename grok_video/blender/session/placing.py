"""Where the strips of a clip belong: at a frame, behind the strip that it continues, over the strip that it changes, or
in the gap that it fills.

Used with a clip that has come, and for a slot with the still movie that stands for the clip to be. Knows the spec of a
job, and nothing of what became of the job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ...core.spec import Clip, JobSpec
from .. import compat, identity, submission, timeline

if TYPE_CHECKING:
    from ..timeline import importing


def place(
    context: bpy.types.Context,
    spec: JobSpec,
    clip: Clip,
    scene: bpy.types.Scene,
    frame: int | None,
    *,
    here: bool,
    at_once: bool = False,
) -> importing.Landing:
    """Make the strips of a clip where they belong: at a frame, after the clip's source, over that, or in a gap.

    ``here``: ``scene`` is the one that the clip is for. ``at_once``: while the animation is playing too. Raises Refused.
    """
    landing = _landing(context, spec, clip, scene, frame, here=here, at_once=at_once)
    head = head_of(spec, clip) if spec.target.place == "AFTER" else 0.0
    editor: Any = scene.sequence_editor  # not None: the clip has landed in it
    movie = compat.strips_all(editor)[landing.movie]
    timeline.slots.stand_for(movie, timeline.slots.Showing.of(clip, head, tail_of(spec, clip)))
    return landing


def _landing(
    context: bpy.types.Context,
    spec: JobSpec,
    clip: Clip,
    scene: bpy.types.Scene,
    frame: int | None,
    *,
    here: bool,
    at_once: bool,
) -> importing.Landing:
    target = spec.target
    written = submission.cast.as_written(spec)
    title = spec.shot_name.strip() or written or spec.source.image or "Grok Video"
    view = _view_of_source(spec, scene, here=here)
    made = timeline.importing.Clip(
        clip.path,
        title,
        spec.id,
        view,
        clip.has_audio,
        slot=spec.slot,
        at_once=at_once,
    )
    if target.place == "AT" or frame is not None:
        # The frame that the artist wants counts before the place that the clip was made for.
        at = target.frame if frame is None else frame
        if target.place == "AFTER":
            head = head_of(spec, clip)
            return timeline.placement.place_after(
                context, scene, made, source=None, frame=at, head=head, chosen=True
            )
        meta = timeline.strips.meta_at(scene, at)
        return timeline.importing.bring_in(
            context, scene, made, meta=meta, frame=at, settle=timeline.channels.settle_lowest
        )
    if target.place == "GAP":
        return timeline.gaps.place_in_gap(context, scene, made, target=target, here=here)
    whole = spec.video is not None and bool(spec.video.job)
    if target.place == "OVER":
        source = here and timeline.source_marks.find_source(
            scene, target.strip, target.mark, target.frame, content=target.offset
        )
        part = timeline.placement.SentPart(
            target.frame, target.length, target.offset, target.channel, target.mark
        )
        return timeline.placement.place_over(
            context, scene, made, source=source or None, part=part, whole=whole
        )
    source = here and timeline.source_marks.find_source(
        scene, target.strip, target.mark, target.frame
    )
    return timeline.placement.place_after(
        context,
        scene,
        made,
        source=source or None,
        frame=target.frame,
        head=head_of(spec, clip),
        whole=whole,
    )


def showing_of(spec: JobSpec, clip: Clip) -> Any:
    """``clip`` of the job of ``spec`` as its strips show it."""
    head = head_of(spec, clip) if spec.target.place == "AFTER" else 0.0
    return timeline.slots.Showing.of(clip, head, tail_of(spec, clip))


def tail_of(spec: JobSpec, clip: Clip) -> int:
    """Frames at the end of a clip that are hidden: the end frame of a loop, which shows its beginning again.

    And of a shot of a list the frame by which clips are longer than they were asked for: it would run into the next shot.
    """
    longer = clip.fps > 0.0 and clip.frames == round(spec.duration * clip.fps) + 1
    return 1 if spec.loop or (spec.shot and longer) else 0


def head_of(spec: JobSpec, clip: Clip) -> float:
    """Seconds at the start of a clip that show its source and are hidden on the timeline."""
    video = spec.video
    if video is None:  # of Continue Shot: the clip is all new
        return 0.0
    return timeline.placement.head_seconds(clip.seconds, video.seconds, spec.duration)


def _view_of_source(spec: JobSpec, scene: bpy.types.Scene, *, here: bool) -> str:
    """The view transform that the job's first frame came through; '' for none."""
    source = spec.source
    if source.kind in ("NONE", "IMAGE"):
        return ""
    if here and source.scene == spec.target.scene:  # be it called otherwise by now
        return scene.view_settings.view_transform
    origin = identity.named(bpy.data.scenes, source.scene)
    return (origin or scene).view_settings.view_transform

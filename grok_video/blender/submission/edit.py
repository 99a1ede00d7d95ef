"""What Edit submits: a strip or an animation, to come back looking different and moving as before."""

from __future__ import annotations

import bpy

from ...core.framing import nearest_ratio
from ...core.record import record
from ...core.spec import JobSpec, Kind, Source, SourceVideo, new_id
from ...service import checks, models
from ...service.pricing import billed_seconds, priced_resolution
from .. import scenes
from ..identity import Meant
from ..refusal import Refused
from ..sources import bake, playblast, viewport
from ..timeline import room
from ..timeline.source_strip import SourceStrip, refusal_to_edit
from .common import DRAFT, FindJob, Submission, draft_of, model_for, signed, target_of, video_path
from .preparation import BakeStep
from .strip_part import StripPart, part_of_strip, rework, rework_draft, strip_of


def part_to_edit(
    scene: bpy.types.Scene, source: SourceStrip, find_job: FindJob, *, look: bool = False
) -> StripPart:
    """The part of a strip that would be edited: all, or as much as the model takes from where the artist begins.

    ``look``: see ``part_of_strip``.
    """
    most = int(model_for(scene, "edit").max_edit * source.fps)
    length = min(source.end - source.start, most)
    first = source.start + min(scene.grok_video.edit_start, source.end - source.start - length)
    return part_of_strip(source, first, first + length, find_job, look=look)


def edit_of_strip(
    scene: bpy.types.Scene, source: SourceStrip, session: str, find_job: FindJob
) -> Submission:
    """The submission of an edit of a strip. Raises Refused."""
    if why := refusal_to_edit(source):
        raise Refused(why)
    part = part_to_edit(scene, source, find_job, look=True)
    job_id = new_id()
    draft = rework_draft(scene, Kind.EDIT, part, billed_seconds(part.seconds), job_id)
    return rework(draft, job_id, part, session, "OVER")


def room_over(part: StripPart) -> str:
    """'' or why an edit of ``part`` could not be placed over its strip. Cheap enough for a redraw."""
    strip = strip_of(part.source)
    return room.refusal_over(
        strip.id_data, strip, part.start, part.end - part.start, part.source.channel
    )


def note_over(part: StripPart) -> str:
    """'' or what the artist should know of the place of an edit of ``part`` before buying that."""
    strip = strip_of(part.source)
    return room.note_over(strip.id_data, strip, part.start)


@record
class AnimationRange:
    """The scene frames [start, end) of an animation that would be sent as a playblast, and its size."""

    start: int
    end: int
    seconds: float
    pixels: tuple[int, int]
    cut: bool  # the range is longer than what can be edited


def animation_range(scene: bpy.types.Scene) -> tuple[int, int]:
    """The scene frames [start, end) of the animation that Edit is about.

    The preview range, else the markers around the playhead, else the scene's range.
    """
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end + 1
    frames = sorted(m.frame for m in scene.timeline_markers)
    before = [frame for frame in frames if frame <= scene.frame_current]
    after = [frame for frame in frames if frame > scene.frame_current]
    if before and after:
        return before[-1], after[0]
    return scene.frame_start, scene.frame_end + 1


def range_to_edit(context: bpy.types.Context, scene: bpy.types.Scene) -> AnimationRange:
    """The part of the animation that would be sent: its range, as far as the model takes it."""
    start, end = animation_range(scene)
    most = int(model_for(scene, "edit").max_edit * scenes.rate(scene))
    last = min(end, start + most)
    seconds = (last - start) / scenes.rate(scene)
    frame = scenes.frame_size(scene)
    if scene.grok_video.edit_animation == "VIEWPORT" and (view := viewport.find(context)):
        frame = viewport.frame_size(view, scene)
    return AnimationRange(start, last, seconds, bake.playblast_size(frame), last < end)


def animation_draft(
    scene: bpy.types.Scene, animation: AnimationRange, job_id: str = DRAFT
) -> JobSpec:
    """The spec that Edit would send of the animation, its playblast not made yet."""
    chosen, (width, height) = scene.grok_video, animation.pixels
    return draft_of(
        scene,
        Kind.EDIT,
        chosen.edit_prompt,
        billed_seconds(animation.seconds),
        priced_resolution(width, height),
        nearest_ratio(width, height, models.RATIOS),
        video=SourceVideo(str(video_path(job_id)), animation.seconds, 0, width, height),
        source=Source(chosen.edit_animation, scene=scene.name, frame=animation.start),
    )


def animation_refusal(context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec) -> str:
    """'' or why the animation cannot be played into a clip and edited now."""
    if does := scenes.busy():
        return f"Blender {does} something else. Wait until it is done."
    if scene.grok_video.edit_animation == "CAMERA":
        if scenes.camera_of(scene) is None:
            return f"The scene “{scene.name}” has no camera. Add one, or choose Viewport Animation."
    elif why := viewport.refusal(context, scene):
        return why
    return checks.refusal(draft)


def edit_of_animation(
    context: bpy.types.Context, scene: bpy.types.Scene, target: bpy.types.Scene, session: str
) -> Submission:
    """The submission of an edit of the animation, which is played into a clip first. Raises Refused."""
    animation, job_id = range_to_edit(context, scene), new_id()
    draft = animation_draft(scene, animation, job_id)
    if why := animation_refusal(context, scene, draft):
        raise Refused(why)
    place = target_of(session, target, animation.start, length=animation.end - animation.start)
    submission = Submission(signed(draft, job_id, place))
    meant, kind, path = Meant.of(scene), scene.grok_video.edit_animation, video_path(job_id)

    def start() -> bake.Bake | playblast.Playblast:
        scene = meant.find(bpy.data.scenes)
        if scene is None:
            raise Refused(f"The scene “{meant.name}” is gone.")
        if kind == "CAMERA":
            return bake.Bake.camera(scene, animation.start, animation.end, path)
        return playblast.Playblast.start(bpy.context, scene, animation.start, animation.end, path)

    submission.steps.append(BakeStep(start, "Playing Animation…"))
    return submission

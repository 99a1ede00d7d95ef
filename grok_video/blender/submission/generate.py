"""What Generate submits: a spec from a scene's settings, and the pictures that must be made for it first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import bpy

from ...core.framing import nearest_ratio
from ...core.record import record
from ...core.spec import JobSpec, Keyframe, Kind, Picture, Source, new_id
from ...service import checks, models
from .. import compat, config, scenes
from ..identity import Meant
from ..refusal import Refused
from ..sources import capture, pixels, ways
from ..timeline.source_strip import waiting_refusal_at
from . import first_frame
from .common import (
    DRAFT,
    Submission,
    draft_of,
    mime_type,
    output_of,
    picture_of,
    place_of,
    preferred_format,
    signed,
    target_of,
    with_still,
)
from .preparation import CameraStep
from .variants import asked_for, first_prompt, others_of

PictureSize = tuple[int, int]  # width, height in pixels
CameraFrame = tuple[
    str, int | None
]  # which picture ('End frame: '), scene frame (None: the current one)


def ratio_of(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """The aspect ratio that the spec names ('16:9'): without a name in the panel, the nearest to the source.

    A clip from text alone has the ratio nearest to the scene's frame. Where the frame is sent whole, the name is only
    on record (``core.shape``).
    """
    chosen = scene.grok_video
    if chosen.aspect_ratio not in (config.AUTO, config.NEAREST):
        return chosen.aspect_ratio
    model = chosen.model_row()
    if chosen.source == "NONE":
        # 0.1.0 made 16:9 of text alone, and its files keep that.
        auto = chosen.aspect_ratio == config.AUTO
        return nearest_ratio(*scenes.frame_size(scene), model.ratios) if auto else model.ratios[0]
    size = natural_size(context, scene)
    return nearest_ratio(*size, model.picture_ratios) if size else model.ratios[0]


def natural_size(context: bpy.types.Context, scene: bpy.types.Scene) -> tuple[float, float] | None:
    """Width and height of the source's full frame, of a look in use those of its render where the source is gone."""
    chosen = scene.grok_video
    size = capture.natural_size(context, scene, chosen.source, chosen.image)
    if size is None and (look := first_frame.look_of(scene)) and look.width and look.height:
        return float(look.width), float(look.height)
    return size


def is_whole(scene: bpy.types.Scene) -> bool:
    """Whether a first frame is sent whole, and the clip follows its ratio."""
    chosen = scene.grok_video
    follows = chosen.model_row().follows_picture and not config.preferences().crop_to_nearest
    return chosen.aspect_ratio == config.AUTO and follows


def picture_size(context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec) -> PictureSize:
    """The pixels at which the draft's pictures are rendered: the whole frame's, else those of the named ratio.

    Of a render result the scene's frame stands for the picture until that is taken.
    """
    if draft.image and is_whole(scene):
        natural = natural_size(context, scene)
        if natural is not None:
            return models.whole_size(draft.resolution, *natural)
    return models.clip_size(draft.resolution, draft.aspect_ratio)


@record
class MarkerKeyframe:
    """A timeline marker inside the clip to be, at which a keyframe will be rendered."""

    name: str
    frame: int
    seconds: float  # from the clip's start to the marker
    thirds: int  # thirds of a second from the clip's start: where the service puts the keyframe


def end_frame_of(scene: bpy.types.Scene) -> int:
    """The scene frame at which a clip that starts at the playhead ends."""
    return round(scene.frame_current + scene.grok_video.duration * scenes.rate(scene))


def marker_keyframes(scene: bpy.types.Scene) -> list[MarkerKeyframe]:
    """The markers inside a clip that starts at the playhead, in order."""
    first, rate = scene.frame_current, scenes.rate(scene)
    last = end_frame_of(scene)
    inside = sorted((m.frame, m.name) for m in scene.timeline_markers if first < m.frame < last)
    return [
        MarkerKeyframe(
            name, frame, (frame - first) / rate, models.snap_thirds((frame - first) / rate)
        )
        for frame, name in inside
    ]


def generate_draft(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    job_id: str = DRAFT,
    prompt: str | None = None,
) -> JobSpec:
    """The spec that Generate would send now, its files not made yet. Cheap enough for a redraw.

    ``prompt``: of a variant; None: the prompt as it is written, its braces are braces.
    """
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    image, mime, look = "", "", first_frame.look_of(scene)
    if chosen.source != "NONE":
        image, mime = place_of(job_id), mime_type()
    references = tuple(
        picture_of(job_id, f"-reference-{number}", one.image.name if one.image else "")
        for number, one in enumerate(chosen.references)
    )
    last_frame, keyframes = None, ()
    if chosen.end_frame and "last_frame" in model.makes:
        camera = chosen.end_camera.name if chosen.end_camera else "camera"
        last_frame = picture_of(job_id, "-end", f"{camera}, frame {end_frame_of(scene)}")
    if chosen.keyframes and "keyframes" in model.makes:
        keyframes = tuple(
            Keyframe(picture_of(job_id, f"-keyframe-{number}", marker.name), marker.thirds)
            for number, marker in enumerate(marker_keyframes(scene))
        )
    return draft_of(
        scene,
        Kind.GENERATE,
        chosen.written_prompt() if prompt is None else prompt,
        chosen.duration,
        chosen.resolution,
        ratio_of(context, scene),
        image=image,
        image_mime=mime,
        source=first_frame.source_of(look) if look else Source(chosen.source, scene=scene.name),
        look=look.job if look else "",
        references=references,
        last_frame=last_frame,
        keyframes=keyframes,
    )


def generate_refusal(
    context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec, *, look: bool = False
) -> str:
    """'' or why Generate would refuse ``draft`` now; ``look``: at files and each frame, as a click must and a redraw must not."""
    chosen = scene.grok_video
    if why := first_frame_refusal(context, scene, draft, look=look):
        return why
    for number, reference in enumerate(chosen.references):
        if why := capture.image_refusal(reference.image, look=look):
            return f"Reference {number}: {why}"
    if draft.last_frame and (why := scenes.camera_refusal(scene, chosen.end_camera)):
        return f"End frame: {why}"
    if draft.keyframes and (why := scenes.camera_refusal(scene)):
        return f"Keyframes: {why}"
    frames = camera_frames(scene)
    if look:
        choices = ways.choose_each(scene, [frame for _, frame in frames])
    else:
        frames = ends_of(frames)
        choices = [ways.known(scene, frame) for _, frame in frames]
    for (what, _), choice in zip(frames, choices, strict=True):
        if why := choice.refusal:
            return f"{what}{why}"
    return checks.refusal(draft)


def first_frame_refusal(
    context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec, *, look: bool
) -> str:
    """'' or why the first frame of ``draft``, the source or the look in use, cannot be taken; ``look``: at files."""
    if draft.look and (used := first_frame.look_of(scene)):
        size = picture_size(context, scene, draft)
        return first_frame.refusal(used, size, at_file=look)
    return source_refusal(context, scene, look=look)


def source_refusal(context: bpy.types.Context, scene: bpy.types.Scene, *, look: bool) -> str:
    """'' or why the source cannot be taken now; ``look``: at files, as a click must and a redraw must not."""
    chosen = scene.grok_video
    if why := capture.refusal(context, scene, chosen.source, chosen.image, look=look):
        return why
    if chosen.source == "SEQUENCER":
        edit = compat.sequencer_scene(context)
        return waiting_refusal_at(edit, edit.frame_current)
    return ""


def ends_of(frames: list[CameraFrame]) -> list[CameraFrame]:
    """The first and the last of ``camera_frames``: for redraws, which cannot look at each."""
    return [*frames[:1], *frames[1:][-1:]]


def camera_frames(scene: bpy.types.Scene) -> list[CameraFrame]:
    """The frames at which the scene's camera is rendered for Generate."""
    chosen, makes = scene.grok_video, scene.grok_video.model_row().makes
    frames: list[CameraFrame] = []
    if chosen.source == "CAMERA" and first_frame.look_of(scene) is None:
        frames.append(("", None))
    if chosen.keyframes and "keyframes" in makes:
        frames += [("Keyframes: ", marker.frame) for marker in marker_keyframes(scene)]
    if chosen.end_frame and "last_frame" in makes:
        frames.append(("End frame: ", end_frame_of(scene)))
    return frames


def generation(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
    session: str,
    *,
    variants: bool = False,
    in_look: first_frame.InLook | None = None,
) -> Submission:
    """The submission of a clip from ``scene``'s settings, to land in ``target`` at ``frame``. Raises Refused.

    ``variants``: of a clip for each variant that the prompt stands for, all from the same pictures. ``in_look``: the
    frames that are sent in the look and not as they are rendered.
    """
    place = target_of(session, target, frame)
    job_id = new_id()
    draft = generate_draft(context, scene, job_id, first_prompt(scene) if variants else None)
    if why := generate_refusal(context, scene, draft, look=True):
        raise Refused(why)
    submission = Submission(signed(draft, job_id, place))
    if variants:
        submission.others = others_of(submission.spec, asked_for(scene), output_of)
        if submission.others:
            submission.spec = replace(submission.spec, written=scene.grok_video.written_prompt())
    size = picture_size(context, scene, draft)
    if draft.look:
        first_frame.add_look(submission, scene, first_frame.look_of(scene), size)
    elif draft.image:
        add_source(submission, context, scene, size, draft.resolution)
    for number, reference in enumerate(scene.grok_video.references):
        _add_reference(submission, scene, reference.image, number)
    if draft.last_frame is not None:
        _add_end_frame(submission, scene, size, in_look or {})
    for number, marker in enumerate(marker_keyframes(scene)[: len(draft.keyframes)]):
        _add_keyframe(submission, scene, size, number, marker, in_look or {})
    return submission


def add_source(
    submission: Submission,
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    size: PictureSize,
    resolution: str,
) -> None:
    """Let what the source shows be the first picture of ``submission``, as large as a clip of ``resolution`` takes it."""
    path, image = Path(submission.spec.image), scene.grok_video.image
    source = scene.grok_video.source
    whole = partial(models.whole_size, resolution, enlarge=False) if is_whole(scene) else None
    if source == "CAMERA":
        submission.steps.append(camera_step(scene, size, path, with_still, None))
        return

    def add_to(spec: JobSpec) -> JobSpec:
        file_format = preferred_format()
        made = capture.capture_now(context, scene, source, image, size, path, file_format, whole)
        if whole is not None and source == "RENDER_RESULT":
            # Its size is known only now, and the frames that the clip shall pass have the first one's.
            for step in submission.steps:
                if isinstance(step, CameraStep):
                    step.size = models.whole_size(resolution, made.width, made.height)
        return with_still(spec, made)

    submission.stills.append(add_to)


def _add_reference(
    submission: Submission, scene: bpy.types.Scene, image: bpy.types.Image, number: int
) -> None:
    def add_to(spec: JobSpec) -> JobSpec:
        pictures = list(spec.references)
        path = Path(pictures[number].path)
        made = capture.reference(scene, image, path, preferred_format())
        pictures[number] = replace(pictures[number], size=made.size)
        return replace(spec, references=tuple(pictures))

    submission.stills.append(add_to)


def camera_step(
    scene: bpy.types.Scene,
    size: PictureSize,
    path: Path,
    add_to: Callable[[JobSpec, pixels.Still], JobSpec],
    frame: int | None,
    noun: str = "source",
    chosen: bpy.types.Object | None = None,
) -> CameraStep:
    """The step that renders the camera ``chosen``, else the one that the scene has now at ``frame``."""
    camera = chosen or scenes.camera_of(scene, frame)
    meant = Meant.of(camera) if camera is not None else None
    return CameraStep(
        Meant.of(scene),
        size,
        path,
        preferred_format(),
        add_to,
        scene.frame_float,
        frame,
        meant,
        "Rendering…" if noun == "source" else f"Rendering {noun.title()}…",
        noun,
    )


def _add_end_frame(
    submission: Submission, scene: bpy.types.Scene, size: PictureSize, in_look: first_frame.InLook
) -> None:
    picture = submission.spec.last_frame
    assert picture is not None
    frame, camera = end_frame_of(scene), scene.grok_video.end_camera

    def add_to(spec: JobSpec, made: pixels.Still) -> JobSpec:
        return replace(spec, last_frame=replace(picture, size=made.size))

    if path := in_look.get(first_frame.key_of(scene, frame, camera)):
        submission.stills.append(
            lambda spec: replace(
                spec, last_frame=first_frame.frame_from(path, picture, "End frame", size)
            )
        )
        return
    submission.steps.append(
        camera_step(scene, size, Path(picture.path), add_to, frame, "end frame", camera)
    )


def _add_keyframe(
    submission: Submission,
    scene: bpy.types.Scene,
    size: PictureSize,
    number: int,
    marker: MarkerKeyframe,
    in_look: first_frame.InLook,
) -> None:
    picture = submission.spec.keyframes[number].picture

    def with_picture(spec: JobSpec, made: Picture) -> JobSpec:
        done = list(spec.keyframes)
        done[number] = replace(done[number], picture=made)
        return replace(spec, keyframes=tuple(done))

    if path := in_look.get(first_frame.key_of(scene, marker.frame)):
        submission.stills.append(
            lambda spec: with_picture(
                spec, first_frame.frame_from(path, picture, marker.name, size)
            )
        )
        return

    def add_to(spec: JobSpec, made: pixels.Still) -> JobSpec:
        return with_picture(spec, replace(picture, size=made.size))

    path_of_render = Path(picture.path)
    submission.steps.append(
        camera_step(scene, size, path_of_render, add_to, marker.frame, "keyframe")
    )

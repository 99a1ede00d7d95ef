"""What Generate submits: a spec from a scene's settings, and the pictures that must be made for it first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ...core.framing import nearest_ratio
from ...core.record import record
from ...core.spec import JobSpec, Keyframe, Kind, Source, new_id
from ...service import checks, models
from .. import scenes
from ..refusal import Refused
from ..sources import capture, pixels
from .common import (
    DRAFT,
    Submission,
    draft_of,
    mime_type,
    picture_of,
    place_of,
    preferred_format,
    signed,
    target_of,
    with_still,
)
from .preparation import CameraStep


def ratio_of(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """The aspect ratio that will be asked for ('16:9'): 'AUTO' becomes the offered ratio nearest to the source."""
    chosen = scene.grok_video
    if chosen.aspect_ratio != "AUTO":
        return chosen.aspect_ratio
    ratios = chosen.model_row().ratios
    size = capture.natural_size(context, scene, chosen.source, chosen.image)
    return nearest_ratio(*size, ratios) if size else ratios[0]


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
    context: bpy.types.Context, scene: bpy.types.Scene, job_id: str = DRAFT
) -> JobSpec:
    """The spec that Generate would send now, its files not made yet. Cheap enough for a redraw."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    image, mime = "", ""
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
        chosen.written_prompt(),
        chosen.duration,
        chosen.resolution,
        ratio_of(context, scene),
        image=image,
        image_mime=mime,
        source=Source(chosen.source, scene=scene.name),
        references=references,
        last_frame=last_frame,
        keyframes=keyframes,
    )


def generate_refusal(context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec) -> str:
    """'' or why Generate would refuse ``draft`` now, as far as a redraw may find out."""
    chosen = scene.grok_video
    if why := capture.refusal(context, scene, chosen.source, chosen.image):
        return why
    for number, reference in enumerate(chosen.references):
        if why := capture.image_refusal(reference.image):
            return f"Reference {number}: {why}"
    if draft.last_frame and (why := scenes.camera_refusal(scene, chosen.end_camera)):
        return f"End frame: {why}"
    if draft.keyframes and (why := scenes.camera_refusal(scene)):
        return f"Keyframes: {why}"
    return checks.refusal(draft)


def generation(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
    session: str,
) -> Submission:
    """The submission of a clip from ``scene``'s settings, to land in ``target`` at ``frame``. Raises Refused."""
    place = target_of(session, target, frame)
    job_id = new_id()
    draft = generate_draft(context, scene, job_id)
    if why := generate_refusal(context, scene, draft):
        raise Refused(why)
    submission = Submission(signed(draft, job_id, place))
    size = models.clip_size(draft.resolution, draft.aspect_ratio)
    if draft.image:
        _add_first_frame(submission, context, scene, size)
    for number, reference in enumerate(scene.grok_video.references):
        _add_reference(submission, scene, reference.image, number)
    end_camera = scene.grok_video.end_camera
    if draft.last_frame is not None:
        _render_end_frame(submission, scene, size, end_camera.name if end_camera else "")
    for number, marker in enumerate(marker_keyframes(scene)[: len(draft.keyframes)]):
        _render_keyframe(submission, scene, size, number, marker.frame)
    return submission


def _add_first_frame(
    submission: Submission,
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    size: tuple[int, int],
) -> None:
    path, image = Path(submission.spec.image), scene.grok_video.image
    source = scene.grok_video.source
    if source == "CAMERA":
        submission.steps.append(CameraStep(scene.name, size, path, preferred_format(), with_still))
        return

    def add_to(spec: JobSpec) -> JobSpec:
        made = capture.capture_now(context, scene, source, image, size, path, preferred_format())
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


def _render_end_frame(
    submission: Submission, scene: bpy.types.Scene, size: tuple[int, int], camera: str
) -> None:
    picture = submission.spec.last_frame
    assert picture is not None

    def add_to(spec: JobSpec, made: pixels.Still) -> JobSpec:
        return replace(spec, last_frame=replace(picture, size=made.size))

    frame, label = end_frame_of(scene), "Rendering End Frame…"
    path, file_format = Path(picture.path), preferred_format()
    submission.steps.append(
        CameraStep(scene.name, size, path, file_format, add_to, frame, camera, label)
    )


def _render_keyframe(
    submission: Submission, scene: bpy.types.Scene, size: tuple[int, int], number: int, frame: int
) -> None:
    picture = submission.spec.keyframes[number].picture

    def add_to(spec: JobSpec, made: pixels.Still) -> JobSpec:
        done = list(spec.keyframes)
        done[number] = replace(done[number], picture=replace(picture, size=made.size))
        return replace(spec, keyframes=tuple(done))

    path, file_format, label = Path(picture.path), preferred_format(), "Rendering Keyframe…"
    submission.steps.append(
        CameraStep(scene.name, size, path, file_format, add_to, frame, "", label)
    )

"""*Apply the Look*: end frame and keyframes in the look of the first frame, each made from its own render.

Each is a look of its own, made from the frame as it is rendered and from the approved look as second picture. Owns which
frames those are, and what is sent for each. Knows nothing of jobs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...core.record import record
from ...core.spec import JobSpec, Source, new_id
from ...service import checks
from ...service.look_models import ListedLook
from .. import config, scenes
from ..identity import Meant
from ..refusal import Refused
from ..sources import capture, ways
from . import first_frame, generate
from .common import (
    DRAFT,
    Submission,
    output_of,
    picture_of,
    place_of,
    preferred_format,
    price_of,
    with_still,
)
from .look import look_draft, target_for

#: Said behind the words of the look: the second picture is the approved look.
LIKE = "Make it look like <IMAGE_1>."


@record
class Wanted:
    """A frame of the clip besides the first, which is rendered from the timeline."""

    what: str  # 'End frame'; of a keyframe the name of its marker
    frame: int
    camera: Meant

    @property
    def key(self) -> first_frame.Key:
        """What the look of this frame is found by."""
        return float(self.frame), self.camera.name


def wanted(scene: bpy.types.Scene) -> list[Wanted]:
    """The frames that Generate renders besides the first, in order. Cheap enough for a redraw."""
    chosen, makes = scene.grok_video, scene.grok_video.model_row().makes
    found: list[tuple[str, int, Any]] = []
    if chosen.keyframes and "keyframes" in makes:
        found += [(mark.name, mark.frame, None) for mark in generate.marker_keyframes(scene)]
    if generate.ends_on_camera(scene):
        found.append(("End frame", generate.end_frame_of(scene), chosen.end_camera))
    every = [(w, frame, own or scenes.camera_of(scene, frame)) for w, frame, own in found]
    wanted = [
        Wanted(w, frame, Meant.of(camera)) for w, frame, camera in every if camera is not None
    ]
    return list({one.key: one for one in reversed(wanted)}.values())[::-1]  # two markers, one frame


def frame_draft(
    scene: bpy.types.Scene, look: Any, one: Wanted, made: JobSpec | None, job_id: str = DRAFT
) -> JobSpec:
    """The spec of a frame in the look ``look`` of the panel, which was ``made`` so; None: nobody knows how."""
    draft = look_draft(scene, job_id)
    how = made or draft
    source = Source("CAMERA", scene=scene.name, frame=float(one.frame), camera=one.camera.name)
    return replace(
        draft,
        model=how.model,
        quality=how.quality,
        resolution=how.resolution,
        prompt=f"{how.prompt} {LIKE}".strip(),
        image=place_of(job_id),
        source=source,
        look=look.job,
        references=(picture_of(job_id, "-reference-0", look.image.name if look.image else ""),),
    )


def refusal(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    look: Any,
    one: Wanted,
    draft: JobSpec,
    listed: tuple[ListedLook, ...],
    *,
    at_file: bool = False,
) -> str:
    """'' or why the frame cannot be made in the look now; ``at_file``: looked at files, as a click must."""
    if look.image is None:
        return first_frame.GONE
    if why := capture.image_refusal(look.image, look=at_file):
        return f"The look in use cannot be sent. {why}"
    camera = one.camera.find(bpy.data.objects)
    if camera is None:
        return f"The camera “{one.camera.name}” is gone."
    if why := scenes.camera_refusal(scene, camera):
        return f"{one.what}: {why}"
    choice = ways.choose(scene, one.frame) if at_file else ways.known(scene, one.frame)
    return f"{one.what}: {choice.refusal}" if choice.refusal else checks.refusal(draft, listed)


def frame_in_look(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    look: Any,
    one: Wanted,
    made: JobSpec | None,
    session: str,
    listed: tuple[ListedLook, ...],
) -> Submission:
    """The submission of one frame in the look in use. Raises Refused."""
    job_id = new_id()
    place = target_for(session, scene)
    draft = frame_draft(scene, look, one, made, job_id)
    if why := refusal(context, scene, look, one, draft, listed, at_file=True):
        raise Refused(why)
    spec = replace(
        draft,
        id=job_id,
        account=config.account(),
        api_base=config.api_base(),
        estimate=price_of(draft, listed),
        output=output_of(draft.prompt, job_id, look=True),
        target=place,
    )
    submission = Submission(spec)
    image = look.image

    def add_look(spec: JobSpec) -> JobSpec:
        (picture,) = spec.references
        sent = capture.reference(scene, image, Path(picture.path), preferred_format())
        return replace(spec, references=(replace(picture, size=sent.size),))

    submission.stills.append(add_look)
    size = generate.picture_size(context, scene, generate.generate_draft(context, scene))
    camera = one.camera.find(bpy.data.objects)
    path = Path(spec.image)
    submission.steps.append(
        generate.camera_step(scene, size, path, with_still, one.frame, "frame", camera)
    )
    return submission

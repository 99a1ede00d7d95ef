"""Orders: what the artist asks for, from the settings and the timeline to a spec that can be queued.

Owns how each button (Generate, Extend, Edit, Continue Shot) becomes a ``JobSpec``, what must be made for it
first, what it costs, and why it cannot be had. Nothing here sends, renders or waits: ``flow`` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import bpy

from ..core import models
from ..core.job import (
    JobSpec,
    Keyframe,
    Kind,
    Picture,
    ProblemCode,
    Source,
    SourceVideo,
    Target,
    new_id,
)
from . import bake, capture, compat, playblast, render, sequencer, settings, shots
from .preparing import BakeStep, CameraStep, Step

MAX_FRAME = 1_048_574 - 60 * 240  # Blender's last frame, less a minute at its highest rate


class Refused(Exception):
    """A sentence for the artist; nothing was rendered, sent or charged."""

    def __init__(self, message: str, hint: str = "", code: ProblemCode | None = None) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code


@dataclass(slots=True)
class Order:
    """A click: the spec as far as it is known, and what is to be made before it can be queued."""

    spec: JobSpec
    #: Pictures that are there at once; each gives the spec with what it adds.
    stills: list[Callable[[JobSpec], JobSpec]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    #: The passes that are to follow this one (*Extend to a length*).
    passes: tuple[models.Pass, ...] = ()


# ------------------------------------------------------------------------------------------------- common


def preferred_format() -> str:
    """'PNG' or 'JPEG': how pictures are sent."""
    return settings.preferences().still_format


def still_path(job_id: str, part: str = "") -> Path:
    """Where a picture of a job lies: beside the ledger, so that sending again needs no render."""
    suffix = ".jpg" if preferred_format() == "JPEG" else ".png"
    return settings.data_dir() / "stills" / f"{job_id}{part}{suffix}"


def video_path(job_id: str) -> Path:
    """Where the baked source of a job lies."""
    return settings.data_dir() / "stills" / f"{job_id}.mp4"


def _mime() -> str:
    return f"image/{preferred_format().lower()}"


def _spec(
    scene: bpy.types.Scene,
    kind: Kind,
    prompt: str,
    target: Target,
    *,
    seconds: int,
    resolution: str,
    ratio: str,
    **fields: Any,
) -> JobSpec:
    chosen = scene.grok_video
    job_id = new_id()
    folder = sequencer.clip_folder(bpy.data.filepath, settings.output_dir())
    spec = JobSpec(
        id=job_id,
        kind=kind,
        model=chosen.model_id(),
        prompt=prompt,
        duration=seconds,
        resolution=resolution,
        aspect_ratio=ratio,
        generate_audio=chosen.generate_audio and chosen.model_row().audio,
        account=settings.account(),
        api_base=settings.api_base(),
        estimate=None,
        output=str(sequencer.clip_path(folder, datetime.now(), prompt, job_id)),
        target=target,
        unchecked=chosen.model_row() is models.ANY,
        **fields,
    )
    return replace(spec, estimate=models.estimate_of(spec))


def _target(session: str, scene: bpy.types.Scene, frame: int, **fields: Any) -> Target:
    if scene.library is not None or scene.override_library is not None:
        raise Refused(
            f"The scene “{scene.name}” is linked from another file and cannot take strips.",
            "Choose a local scene for the clip.",
        )
    if abs(frame) > MAX_FRAME:
        raise Refused(f"Blender's timeline ends before frame {frame}.", "Choose another frame.")
    return Target(
        session=session, blend=bpy.data.filepath, scene=scene.name, frame=frame, **fields
    )


def _checked(order: Order) -> Order:
    if problem := models.check(order.spec):
        raise Refused(problem.message, problem.hint, problem.code)
    return order


def price(spec_like: JobSpec) -> int | None:
    """What an order costs, in ticks; None when the model's price is not known."""
    return models.estimate_of(spec_like)


# ----------------------------------------------------------------------------------------------- generate


def ratio_of(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """The ratio that will be asked for: 'AUTO' becomes the offered one nearest to the source."""
    chosen = scene.grok_video
    if chosen.aspect_ratio != "AUTO":
        return chosen.aspect_ratio
    ratios = chosen.model_row().ratios
    size = capture.natural_size(context, scene, chosen.source, chosen.image)
    return models.nearest_ratio(*size, ratios) if size else ratios[0]


@dataclass(frozen=True, slots=True)
class Mark:
    """A keyframe to be: a timeline marker inside the clip."""

    name: str
    frame: int
    seconds: float  # from the clip's start to the marker
    thirds: int  # where the service puts it


def end_frame_of(scene: bpy.types.Scene) -> int:
    """The scene frame at which a clip that starts at the playhead ends."""
    return round(scene.frame_current + scene.grok_video.duration * render.rate(scene))


def marks(scene: bpy.types.Scene) -> list[Mark]:
    """The keyframes of a clip that starts at the playhead: the markers inside it, in order."""
    first, rate = scene.frame_current, render.rate(scene)
    last = end_frame_of(scene)
    inside = sorted(
        (m.frame, m.name) for m in scene.timeline_markers if first < m.frame < last
    )
    return [
        Mark(name, frame, (frame - first) / rate, models.snap_thirds((frame - first) / rate))
        for frame, name in inside
    ]


def pictures_sent(scene: bpy.types.Scene) -> int:
    """How many pictures Generate would send: each is charged."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    count = 0 if chosen.source == "NONE" else 1
    count += len(chosen.references)
    count += chosen.end_frame and "last_frame" in model.makes
    count += len(marks(scene)) if chosen.keyframes and "keyframes" in model.makes else 0
    return count


def price_of_generate(scene: bpy.types.Scene) -> int | None:
    """The estimate in ticks of what Generate would buy now; None when it is not known."""
    chosen = scene.grok_video
    return models.estimate(
        chosen.model_id(), chosen.duration, chosen.resolution, pictures_sent(scene)
    )


def generate_trouble(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """Why Generate would refuse now, as far as a redraw may find out; '' when it would not."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    if chosen.model == settings.OTHER_MODEL and not chosen.model_id():
        return "Type the name of the model."
    if why := capture.refusal(context, scene, chosen.source, chosen.image):
        return why
    prompt = chosen.written_prompt()
    if not prompt and chosen.source == "NONE":
        return "Write a prompt: a clip from text alone needs one."
    if too_long := prompt_trouble(prompt):
        return too_long
    if why := references_trouble(scene):
        return why
    if chosen.end_frame and "last_frame" in model.makes:
        if why := render.camera_refusal(scene, chosen.end_camera):
            return f"End frame: {why}"
    if chosen.keyframes and "keyframes" in model.makes:
        if why := models.keyframes_trouble([m.thirds for m in marks(scene)], chosen.duration):
            return why
        if marks(scene) and (why := render.camera_refusal(scene)):
            return f"Keyframes: {why}"
    return ""


def prompt_trouble(prompt: str) -> str:
    """'' or that a prompt is too long."""
    much = len(prompt) - models.MAX_PROMPT
    return f"The prompt is {much} characters too long." if much > 0 else ""


def references_trouble(scene: bpy.types.Scene) -> str:
    """'' or why the references cannot be sent as they are."""
    chosen = scene.grok_video
    if not len(chosen.references):
        return ""
    for number, reference in enumerate(chosen.references):
        if why := capture.image_refusal(reference.image):
            return f"Reference {number}: {why}"
    trouble = models.references_trouble(
        chosen.model_row(),
        len(chosen.references),
        pinned=chosen.source != "NONE",
        seconds=chosen.duration,
        resolution=chosen.resolution,
    )
    if not trouble and not chosen.written_prompt():
        trouble = "Write a prompt: references need one."
    return trouble


def generate(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
    session: str,
) -> Order:
    """A clip from ``scene``'s settings for ``target`` at ``frame``. Raises Refused."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    place = _target(session, target, frame)
    if why := generate_trouble(context, scene):
        raise Refused(why)
    order = Order(
        _spec(
            scene,
            Kind.GENERATE,
            chosen.written_prompt(),
            place,
            seconds=chosen.duration,
            resolution=chosen.resolution,
            ratio=ratio_of(context, scene),
            source=Source(chosen.source, scene=scene.name),
        )
    )
    size = models.clip_size(order.spec.resolution, order.spec.aspect_ratio)
    if chosen.source != "NONE":
        _with_first_frame(order, context, scene, size)
    for number, reference in enumerate(chosen.references):
        _with_reference(order, scene, reference.image, number)
    if chosen.end_frame and "last_frame" in model.makes:
        camera = chosen.end_camera.name if chosen.end_camera else ""
        _with_end_frame(order, scene, size, end_frame_of(scene), camera)
    if chosen.keyframes and "keyframes" in model.makes:
        for mark in marks(scene):
            _with_keyframe(order, scene, size, mark)
    order.spec = replace(order.spec, estimate=models.estimate_of(order.spec))
    return _checked(order)


def _with_first_frame(
    order: Order, context: bpy.types.Context, scene: bpy.types.Scene, size: tuple[int, int]
) -> None:
    chosen = scene.grok_video
    path, source, image = still_path(order.spec.id), chosen.source, chosen.image
    order.spec = replace(order.spec, image=str(path), image_mime=_mime())
    if source == "CAMERA":
        order.steps.append(
            CameraStep(scene.name, size, path, preferred_format(), with_still)
        )
        return

    def take(spec: JobSpec) -> JobSpec:
        made = capture.capture_now(context, scene, source, image, size, path, preferred_format())
        return with_still(spec, made)

    order.stills.append(take)


def with_still(spec: JobSpec, made: capture.Still) -> JobSpec:
    """The spec with its first frame."""
    return replace(
        spec,
        image=made.path,
        image_mime=made.mime,
        image_pixels=(made.width, made.height),
        image_bytes=made.size,
        source=made.source,
    )


def _with_reference(
    order: Order, scene: bpy.types.Scene, image: bpy.types.Image, number: int
) -> None:
    path = still_path(order.spec.id, f"-reference-{number}")
    planned = Picture(str(path), _mime(), label=image.name)
    order.spec = replace(order.spec, references=(*order.spec.references, planned))

    def take(spec: JobSpec) -> JobSpec:
        made = capture.reference(scene, image, path, preferred_format())
        pictures = list(spec.references)
        pictures[number] = replace(planned, size=made.size)
        return replace(spec, references=tuple(pictures))

    order.stills.append(take)


def _with_end_frame(
    order: Order, scene: bpy.types.Scene, size: tuple[int, int], frame: int, camera: str
) -> None:
    path = still_path(order.spec.id, "-end")
    planned = Picture(str(path), _mime(), label=f"{camera or 'camera'}, frame {frame}")
    order.spec = replace(order.spec, last_frame=planned)

    def take(spec: JobSpec, made: capture.Still) -> JobSpec:
        return replace(spec, last_frame=replace(planned, size=made.size))

    order.steps.append(
        CameraStep(
            scene.name, size, path, preferred_format(), take, frame, camera, "Rendering End Frame…"
        )
    )


def _with_keyframe(
    order: Order, scene: bpy.types.Scene, size: tuple[int, int], mark: Mark
) -> None:
    number = len(order.spec.keyframes)
    path = still_path(order.spec.id, f"-keyframe-{number}")
    planned = Picture(str(path), _mime(), label=f"{mark.name}, frame {mark.frame}")
    keyframes = (*order.spec.keyframes, Keyframe(planned, mark.thirds))
    order.spec = replace(order.spec, keyframes=keyframes)

    def take(spec: JobSpec, made: capture.Still) -> JobSpec:
        done = list(spec.keyframes)
        done[number] = replace(done[number], picture=replace(planned, size=made.size))
        return replace(spec, keyframes=tuple(done))

    order.steps.append(
        CameraStep(
            scene.name, size, path, preferred_format(), take, mark.frame, "", "Rendering Keyframe…"
        )
    )

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
    Clip,
    Job,
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
from . import bake, capture, render, sequencer, settings, shots, viewport
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


def add_reference(scene: bpy.types.Scene, image: bpy.types.Image | None) -> None:
    """One more picture in the list. Raises Refused when it is full."""
    chosen = scene.grok_video
    most = chosen.model_row().max_references
    if len(chosen.references) >= most:
        raise Refused(f"A clip takes {most} references at most.", "Remove one first.")
    chosen.references.add().image = image


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


# ------------------------------------------------------------------------------- extend, edit, continue shot

FindJob = Callable[[str], Job | None]


@dataclass(frozen=True, slots=True)
class Part:
    """What would be sent of a shot: scene frames [start, end), and as which picture."""

    shot: shots.Shot
    start: int
    end: int
    pixels: tuple[int, int]
    clip: Clip | None  # the whole result that needs no bake
    seconds: float

    @property
    def frames(self) -> int:
        return self.end - self.start

    @property
    def resolution(self) -> str:
        """What the service prices: the result keeps the size of its source."""
        return models.resolution_of(*self.pixels)

    @property
    def whole(self) -> bool:
        """Whether all that the strip shows is sent."""
        return self.start == self.shot.start and self.end == self.shot.end


def _part(shot: shots.Shot, start: int, end: int, find_job: FindJob) -> Part:
    job = find_job(shot.job) if shot.whole and (start, end) == (shot.start, shot.end) else None
    if job is not None and job.clip is not None and job.clip.path == shot.path:
        clip = job.clip
        return Part(shot, start, end, (clip.width, clip.height), clip, clip.seconds)
    pixels = bake.size_of(bpy.data.scenes[shot.scene], shot.pixels)
    return Part(shot, start, end, pixels, None, (end - start) / shot.fps)


def part_to_extend(scene: bpy.types.Scene, shot: shots.Shot, find_job: FindJob) -> Part:
    """The last seconds of a shot, as many as can be extended."""
    model = _model_for(scene, "extend")
    most = int(model.extend_source[1] * shot.fps)
    return _part(shot, max(shot.start, shot.end - most), shot.end, find_job)


def part_to_edit(scene: bpy.types.Scene, shot: shots.Shot, find_job: FindJob) -> Part:
    """The part of a shot that is edited: all of it, or where the artist lets it begin."""
    chosen = scene.grok_video
    most = int(_model_for(scene, "edit").edit_source * shot.fps)
    length = min(shot.end - shot.start, most)
    first = min(chosen.edit_start, shot.end - shot.start - length)
    return _part(shot, shot.start + first, shot.start + first + length, find_job)


def _model_for(scene: bpy.types.Scene, what: str) -> models.Model:
    """The artist's model where it can, else the one whose limits hold for those that can."""
    model = scene.grok_video.model_row()
    return model if what in model.makes else models.models_that(what)[0]


def rework_trouble(scene: bpy.types.Scene, what: str, prompt: str) -> str:
    """'' or why the service would refuse to 'extend' or 'edit' with these settings."""
    model = scene.grok_video.model_row()
    if what not in model.makes:
        return f"{model.label} cannot {what} clips."
    if not prompt.strip():
        question = "how the shot goes on" if what == "extend" else "what shall be different"
        return f"Write {question}."
    return prompt_trouble(prompt.strip())


def extend_trouble(scene: bpy.types.Scene, shot: shots.Shot) -> str:
    """'' or why Extend would refuse this shot now."""
    shortest = _model_for(scene, "extend").extend_source[0]
    why = rework_trouble(scene, "extend", scene.grok_video.extend_prompt)
    return shots.refusal_to_extend(shot, shortest) or why


def edit_trouble(scene: bpy.types.Scene, shot: shots.Shot) -> str:
    """'' or why Edit would refuse this shot now."""
    return rework_trouble(scene, "edit", scene.grok_video.edit_prompt)


def passes_of(scene: bpy.types.Scene, part: Part) -> tuple[models.Pass, ...]:
    """The passes that add what was asked for; one where one is enough."""
    return models.plan_passes(scene.grok_video.extend_seconds, part.seconds)


def price_of_extend(scene: bpy.types.Scene, part: Part) -> int | None:
    """What all passes cost, in ticks."""
    model = scene.grok_video.model_id()
    prices = [
        models.estimate(
            model, one.seconds, part.resolution, 0, input_seconds=one.source_seconds
        )
        for one in passes_of(scene, part)
    ]
    return None if None in prices else sum(price for price in prices if price is not None)


def price_of_edit(scene: bpy.types.Scene, seconds: float, resolution: str) -> int | None:
    """What an edit of so many seconds costs, in ticks."""
    return models.estimate(
        scene.grok_video.model_id(), round(seconds), resolution, 0, input_seconds=seconds
    )


def extend(
    scene: bpy.types.Scene,
    shot: shots.Shot,
    session: str,
    find_job: FindJob,
    *,
    seconds: int,
    prompt: str,
) -> Order:
    """The shot goes on for ``seconds`` after its visible end: one pass. Raises Refused."""
    if why := rework_trouble(scene, "extend", prompt):
        raise Refused(why, _who_can(scene, "extend"))
    part = part_to_extend(scene, shot, find_job)
    if why := shots.refusal_to_extend(shot, _model_for(scene, "extend").extend_source[0]):
        raise Refused(why)
    return _rework(scene, part, session, Kind.EXTEND, prompt, seconds, place="AFTER")


def next_pass(
    edit_scene: bpy.types.Scene,
    strip_name: str,
    job: Job,
    session: str,
    find_job: FindJob,
    one: models.Pass,
) -> Order:
    """The shot goes on from the part that ``job`` made, with its prompt and model. Raises Refused, ShotRefused."""
    shot = shots.shot_of(edit_scene, strip_name)
    part = _part(shot, shot.start, shot.end, find_job)
    order = _rework(
        edit_scene, part, session, Kind.EXTEND, job.spec.prompt, one.seconds, place="AFTER"
    )
    # As it was agreed to, whatever the panel says by now.
    spec = replace(
        order.spec,
        model=job.spec.model,
        unchecked=job.spec.unchecked,
        generate_audio=job.spec.generate_audio,
    )
    order.spec = replace(spec, estimate=models.estimate_of(spec))
    return _checked(order)


def edit(
    scene: bpy.types.Scene, shot: shots.Shot, session: str, find_job: FindJob, *, prompt: str
) -> Order:
    """The shot looks different and moves as before. Raises Refused."""
    if why := rework_trouble(scene, "edit", prompt):
        raise Refused(why, _who_can(scene, "edit"))
    part = part_to_edit(scene, shot, find_job)
    if why := shots.refusal_to_edit(shot):
        raise Refused(why)
    seconds = max(1, round(part.seconds))
    return _rework(scene, part, session, Kind.EDIT, prompt, seconds, place="OVER")


def _who_can(scene: bpy.types.Scene, what: str) -> str:
    if what in scene.grok_video.model_row().makes:
        return ""
    return f"Choose {models.models_that(what)[0].label}."


def _rework(
    scene: bpy.types.Scene,
    part: Part,
    session: str,
    kind: Kind,
    prompt: str,
    seconds: int,
    *,
    place: str,
) -> Order:
    shot = part.shot
    edit_scene = bpy.data.scenes[shot.scene]
    strip = shots.strip_of(edit_scene, shot)
    target = _target(
        session,
        edit_scene,
        part.end if place == "AFTER" else part.start,
        place=place,
        strip=shot.strip,
        mark=shots.mark(edit_scene, strip),
        channel=shot.channel,
        length=part.frames,
        offset=part.start - shot.start,
    )
    order = Order(
        _spec(
            scene,
            kind,
            prompt.strip(),
            target,
            seconds=seconds,
            resolution=part.resolution,
            ratio=models.nearest_ratio(*part.pixels, models.RATIOS),
            source=Source("STRIP", scene=shot.scene, frame=part.start, image=shot.strip),
        )
    )
    width, height = part.pixels
    if part.clip is not None:
        clip = part.clip
        video = SourceVideo(clip.path, clip.seconds, clip.size, width, height, job=shot.job)
    else:
        path = video_path(order.spec.id)
        video = SourceVideo(str(path), part.seconds, width=width, height=height)
        order.steps.append(
            BakeStep(lambda: _bake(shot, part.start, part.end, path), "Preparing Strip…")
        )
    order.spec = replace(order.spec, video=video)
    order.spec = replace(order.spec, estimate=models.estimate_of(order.spec))
    return _checked(order)


def _bake(shot: shots.Shot, start: int, end: int, path: Path) -> bake.Bake:
    """Begin to bake. By names: an undo since the click has made every strip another one."""
    scene = bpy.data.scenes.get(shot.scene)
    if scene is None:
        raise bake.BakeRefused(f"The scene “{shot.scene}” is gone.")
    try:
        strip = shots.strip_of(scene, shot)
    except shots.ShotRefused as error:
        raise bake.BakeRefused(str(error)) from error
    return bake.Bake.strip(scene, strip, start, end, shots.sounds_of(scene, shot), path)


def animation_range(scene: bpy.types.Scene) -> tuple[int, int]:
    """The frames [start, end) of *Edit the animation*: the preview range, the markers around the playhead,
    or the scene's range."""
    if scene.use_preview_range:
        return scene.frame_preview_start, scene.frame_preview_end + 1
    frames = sorted(m.frame for m in scene.timeline_markers)
    before = [frame for frame in frames if frame <= scene.frame_current]
    after = [frame for frame in frames if frame > scene.frame_current]
    if before and after:
        return before[-1], after[0]
    return scene.frame_start, scene.frame_end + 1


@dataclass(frozen=True, slots=True)
class Take:
    """What a playblast would send: scene frames [start, end)."""

    start: int
    end: int
    seconds: float
    pixels: tuple[int, int]
    cut: bool  # the range is longer than what can be edited

    @property
    def resolution(self) -> str:
        return models.resolution_of(*self.pixels)


def take_to_edit(scene: bpy.types.Scene) -> Take:
    """The part of the animation that is edited: the range, or what can be edited of it."""
    start, end = animation_range(scene)
    most = int(_model_for(scene, "edit").edit_source * render.rate(scene))
    last = min(end, start + most)
    native = round(scene.render.resolution_x), round(scene.render.resolution_y)
    pixels = bake.size_of(scene, native)
    return Take(start, last, (last - start) / render.rate(scene), pixels, last < end)


def animation_trouble(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """'' or why the animation cannot be played into a clip now."""
    if does := render.busy():
        return f"Blender {does} something else. Wait until it is done."
    if scene.grok_video.edit_of == "CAMERA":
        if render.camera_of(scene) is None:
            return f"The scene “{scene.name}” has no camera. Add one, or choose Viewport Animation."
        return ""
    return viewport.refusal(context, scene)


def edit_animation(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    session: str,
    *,
    prompt: str,
) -> Order:
    """The animation, played as a playblast, in a finished look. Raises Refused."""
    if why := rework_trouble(scene, "edit", prompt):
        raise Refused(why, _who_can(scene, "edit"))
    if why := animation_trouble(context, scene):
        raise Refused(why)
    take = take_to_edit(scene)
    kind = scene.grok_video.edit_of
    order = Order(
        _spec(
            scene,
            Kind.EDIT,
            prompt.strip(),
            _target(session, target, take.start, length=take.end - take.start),
            seconds=max(1, round(take.seconds)),
            resolution=take.resolution,
            ratio=models.nearest_ratio(*take.pixels, models.RATIOS),
            source=Source(kind, scene=scene.name, frame=take.start),
        )
    )
    path = video_path(order.spec.id)

    name = scene.name

    def start() -> bake.Bake | bake.Playblast:
        scene = bpy.data.scenes.get(name)
        if scene is None:
            raise bake.BakeRefused(f"The scene “{name}” is gone.")
        if kind == "CAMERA":
            return bake.Bake.camera(scene, take.start, take.end, path)
        return bake.Playblast(bpy.context, scene, take.start, take.end, path)

    order.steps.append(BakeStep(start, "Playing Animation…"))
    video = SourceVideo(str(path), take.seconds, width=take.pixels[0], height=take.pixels[1])
    order.spec = replace(order.spec, video=video)
    order.spec = replace(order.spec, estimate=models.estimate_of(order.spec))
    return _checked(order)


def continue_seconds(scene: bpy.types.Scene) -> int:
    """How long the clip of *Continue Shot* is: what is asked for, as far as the model makes it."""
    model = scene.grok_video.model_row()
    return min(max(scene.grok_video.extend_seconds, model.min_seconds), model.max_seconds)


def price_of_continue(scene: bpy.types.Scene) -> int | None:
    """What *Continue Shot* costs, in ticks: a clip with one image."""
    chosen = scene.grok_video
    return models.estimate(chosen.model_id(), continue_seconds(scene), chosen.resolution, 1)


def continue_shot(
    scene: bpy.types.Scene, shot: shots.Shot, session: str, *, prompt: str
) -> Order:
    """A new clip after the shot that starts from its last frame. Raises Refused."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    if why := prompt_trouble(prompt.strip()):
        raise Refused(why)
    edit_scene = bpy.data.scenes[shot.scene]
    strip = shots.strip_of(edit_scene, shot)
    target = _target(
        session,
        edit_scene,
        shot.end,
        place="AFTER",
        strip=shot.strip,
        mark=shots.mark(edit_scene, strip),
        channel=shot.channel,
    )
    ratio = models.nearest_ratio(*render.frame_size(edit_scene), model.ratios)
    order = Order(
        _spec(
            scene,
            Kind.GENERATE,
            prompt.strip(),
            target,
            seconds=continue_seconds(scene),
            resolution=chosen.resolution,
            ratio=ratio,
            source=Source("STRIP", scene=shot.scene, frame=shot.end - 1, image=shot.strip),
        )
    )
    path = still_path(order.spec.id)
    size = models.clip_size(order.spec.resolution, ratio)
    order.spec = replace(order.spec, image=str(path), image_mime=_mime())

    def take(spec: JobSpec) -> JobSpec:
        made = capture.strip_still(
            edit_scene, strip, shot.end - 1, size, path, preferred_format()
        )
        return replace(with_still(spec, made), source=spec.source)

    order.stills.append(take)
    order.spec = replace(order.spec, estimate=models.estimate_of(order.spec))
    return _checked(order)

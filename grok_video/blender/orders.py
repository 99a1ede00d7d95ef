"""Orders: what the artist asks for, from the settings and the timeline to a spec that can be queued.

Owns how each button (Generate, Extend, Edit, Continue Shot) becomes a ``JobSpec`` and what must be made for
it first. The panel asks for the same specs as drafts: what is priced and checked there is what a click sends.
Nothing here sends, renders or waits: ``flow`` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import bpy

from ..core.amount import usd
from ..core.framing import nearest_ratio
from ..core.job import Job
from ..core.problem import ProblemCode
from ..core.record import mutable_record, record
from ..core.spec import Clip, JobSpec, Keyframe, Kind, Picture, Source, SourceVideo, Target, new_id
from ..service import checks, models
from ..service.pricing import Pass, billed_seconds, estimate_of, plan_passes, priced_resolution
from . import bake, capture, compat, playblast, render, sequencer, settings, shots, viewport
from .preparing import BakeStep, CameraStep, Step

MAX_FRAME = 1_048_574 - 60 * 240  # Blender's last frame, less a minute at its highest rate


class Refused(Exception):
    """A sentence for the artist; nothing was rendered, sent or charged."""

    def __init__(self, message: str, hint: str = "", code: ProblemCode | None = None) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code


@mutable_record
class Order:
    """A click: the spec as far as it is known, and what is to be made before it can be queued."""

    spec: JobSpec
    #: Pictures that are there at once; each gives the spec with what it adds.
    stills: list[Callable[[JobSpec], JobSpec]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    #: The passes that follow this one (*Extend to a length*).
    passes: tuple[Pass, ...] = ()


# ------------------------------------------------------------------------------------------------- common

DRAFT = "draft"  # in place of a job's id


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


def _place(job_id: str, part: str = "") -> str:
    """Where a picture will lie; that of a draft needs no place, and each redraw makes drafts."""
    return DRAFT if job_id == DRAFT else str(still_path(job_id, part))


def _picture(job_id: str, part: str, label: str) -> Picture:
    return Picture(_place(job_id, part), _mime(), label=label)


def _mime() -> str:
    return f"image/{preferred_format().lower()}"


def _draft(
    scene: bpy.types.Scene,
    kind: Kind,
    prompt: str,
    seconds: int,
    resolution: str,
    ratio: str,
    **sent: Any,
) -> JobSpec:
    # All in one go: each redraw makes drafts, and replace() costs more than all else in them.
    chosen = scene.grok_video
    return JobSpec(
        id=DRAFT,
        kind=kind,
        model=chosen.model_id(),
        prompt=prompt.strip(),
        duration=seconds,
        resolution=resolution,
        aspect_ratio=ratio,
        generate_audio=chosen.generate_audio and chosen.model_row().audio,
        account="",
        api_base="",
        estimate=None,
        unchecked=chosen.model_row() is models.ANY,
        **sent,
    )


def _signed(draft: JobSpec, job_id: str, target: Target) -> JobSpec:
    """The draft as a job of this account. Raises Refused with what the service would refuse."""
    if problem := checks.check(draft):
        raise Refused(problem.message, problem.hint, problem.code)
    folder = sequencer.clip_folder(bpy.data.filepath, settings.output_dir())
    return replace(
        draft,
        id=job_id,
        account=settings.account(),
        api_base=settings.api_base(),
        estimate=price_of(draft),
        output=str(sequencer.clip_path(folder, datetime.now(), draft.prompt, job_id)),
        target=target,
    )


def price_of(spec: JobSpec) -> int | None:
    """Ticks that ``spec`` will cost: of a typed-in model what the artist says of it; None: not known."""
    return estimate_of(spec, settings.unknown_second())


def _target(session: str, scene: bpy.types.Scene, frame: int, **fields: Any) -> Target:
    if scene.library is not None or scene.override_library is not None:
        raise Refused(
            f"The scene “{scene.name}” is linked from another file and cannot take strips.",
            "Choose a local scene for the clip.",
        )
    if abs(frame) > MAX_FRAME:
        raise Refused(f"Blender's timeline ends before frame {frame}.", "Choose another frame.")
    return Target(session=session, blend=bpy.data.filepath, scene=scene.name, frame=frame, **fields)


# ----------------------------------------------------------------------------------------------- generate


def ratio_of(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """The ratio that will be asked for: 'AUTO' becomes the offered one nearest to the source."""
    chosen = scene.grok_video
    if chosen.aspect_ratio != "AUTO":
        return chosen.aspect_ratio
    ratios = chosen.model_row().ratios
    size = capture.natural_size(context, scene, chosen.source, chosen.image)
    return nearest_ratio(*size, ratios) if size else ratios[0]


@record
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
    """The markers inside a clip that starts at the playhead, in order."""
    first, rate = scene.frame_current, render.rate(scene)
    last = end_frame_of(scene)
    inside = sorted((m.frame, m.name) for m in scene.timeline_markers if first < m.frame < last)
    return [
        Mark(name, frame, (frame - first) / rate, models.snap_thirds((frame - first) / rate))
        for frame, name in inside
    ]


def generate_draft(
    context: bpy.types.Context, scene: bpy.types.Scene, job_id: str = DRAFT
) -> JobSpec:
    """What Generate would send now, its files not made yet. Cheap enough for a redraw."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    image, mime = "", ""
    if chosen.source != "NONE":
        image, mime = _place(job_id), _mime()
    references = tuple(
        _picture(job_id, f"-reference-{number}", one.image.name if one.image else "")
        for number, one in enumerate(chosen.references)
    )
    last_frame, keyframes = None, ()
    if chosen.end_frame and "last_frame" in model.makes:
        camera = chosen.end_camera.name if chosen.end_camera else "camera"
        last_frame = _picture(job_id, "-end", f"{camera}, frame {end_frame_of(scene)}")
    if chosen.keyframes and "keyframes" in model.makes:
        keyframes = tuple(
            Keyframe(_picture(job_id, f"-keyframe-{number}", mark.name), mark.thirds)
            for number, mark in enumerate(marks(scene))
        )
    return _draft(
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


def generate_trouble(context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec) -> str:
    """Why Generate would refuse ``draft`` now, as far as a redraw may find out; '' when it would not."""
    chosen = scene.grok_video
    if why := capture.refusal(context, scene, chosen.source, chosen.image):
        return why
    for number, reference in enumerate(chosen.references):
        if why := capture.image_refusal(reference.image):
            return f"Reference {number}: {why}"
    if draft.last_frame and (why := render.camera_refusal(scene, chosen.end_camera)):
        return f"End frame: {why}"
    if draft.keyframes and (why := render.camera_refusal(scene)):
        return f"Keyframes: {why}"
    return checks.trouble(draft)


def generate(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
    session: str,
) -> Order:
    """A clip from ``scene``'s settings for ``target`` at ``frame``. Raises Refused."""
    place = _target(session, target, frame)
    job_id = new_id()
    draft = generate_draft(context, scene, job_id)
    if why := generate_trouble(context, scene, draft):
        raise Refused(why)
    order = Order(_signed(draft, job_id, place))
    size = models.clip_size(draft.resolution, draft.aspect_ratio)
    if draft.image:
        _take_first_frame(order, context, scene, size)
    for number, reference in enumerate(scene.grok_video.references):
        _take_reference(order, scene, reference.image, number)
    end_camera = scene.grok_video.end_camera
    if draft.last_frame is not None:
        _render_end_frame(order, scene, size, end_camera.name if end_camera else "")
    for number, mark in enumerate(marks(scene)[: len(draft.keyframes)]):
        _render_keyframe(order, scene, size, number, mark.frame)
    return order


def _take_first_frame(
    order: Order, context: bpy.types.Context, scene: bpy.types.Scene, size: tuple[int, int]
) -> None:
    path, image = Path(order.spec.image), scene.grok_video.image
    source = scene.grok_video.source
    if source == "CAMERA":
        order.steps.append(CameraStep(scene.name, size, path, preferred_format(), with_still))
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


def _take_reference(
    order: Order, scene: bpy.types.Scene, image: bpy.types.Image, number: int
) -> None:
    def take(spec: JobSpec) -> JobSpec:
        pictures = list(spec.references)
        path = Path(pictures[number].path)
        made = capture.reference(scene, image, path, preferred_format())
        pictures[number] = replace(pictures[number], size=made.size)
        return replace(spec, references=tuple(pictures))

    order.stills.append(take)


def _render_end_frame(
    order: Order, scene: bpy.types.Scene, size: tuple[int, int], camera: str
) -> None:
    picture = order.spec.last_frame
    assert picture is not None

    def take(spec: JobSpec, made: capture.Still) -> JobSpec:
        return replace(spec, last_frame=replace(picture, size=made.size))

    frame, label = end_frame_of(scene), "Rendering End Frame…"
    path, file_format = Path(picture.path), preferred_format()
    order.steps.append(CameraStep(scene.name, size, path, file_format, take, frame, camera, label))


def _render_keyframe(
    order: Order, scene: bpy.types.Scene, size: tuple[int, int], number: int, frame: int
) -> None:
    picture = order.spec.keyframes[number].picture

    def take(spec: JobSpec, made: capture.Still) -> JobSpec:
        done = list(spec.keyframes)
        done[number] = replace(done[number], picture=replace(picture, size=made.size))
        return replace(spec, keyframes=tuple(done))

    path, file_format, label = Path(picture.path), preferred_format(), "Rendering Keyframe…"
    order.steps.append(CameraStep(scene.name, size, path, file_format, take, frame, "", label))


# ----------------------------------------------------------------------------------------- extend and edit

FindJob = Callable[[str], Job | None]


@record
class Part:
    """What would be sent of a shot: scene frames [start, end), and as which picture."""

    shot: shots.Shot
    start: int
    end: int
    pixels: tuple[int, int]
    seconds: float
    clip: Clip | None  # a whole result of ours, which needs no bake

    @property
    def whole(self) -> bool:
        """Whether all that the strip shows is sent."""
        return (self.start, self.end) == (self.shot.start, self.shot.end)


def _part(shot: shots.Shot, start: int, end: int, find_job: FindJob) -> Part:
    job = find_job(shot.job) if shot.whole and (start, end) == (shot.start, shot.end) else None
    # The artist may have chosen another file for the strip since.
    if job is not None and job.clip is not None and job.clip.path == shot.path:
        clip = job.clip
        return Part(shot, start, end, (clip.width, clip.height), clip.seconds, clip)
    strip = strip_of(shot)
    pixels = bake.bake_size(strip.id_data, strip)
    return Part(shot, start, end, pixels, (end - start) / shot.fps, None)


def _limits(scene: bpy.types.Scene, what: str) -> models.Model:
    """The artist's model where it can 'extend' or 'edit', else the one that can."""
    model = scene.grok_video.model_row()
    return model if what in model.makes else models.models_that(what)[0]


def part_to_extend(scene: bpy.types.Scene, shot: shots.Shot, find_job: FindJob) -> Part:
    """The last seconds of a shot, as many as can be extended."""
    model = _limits(scene, "extend")
    whole = _part(shot, shot.start, shot.end, find_job)
    # A clip of 15 s is a frame longer than that.
    if whole.clip is not None and whole.seconds <= model.max_source + 1 / 20:
        return whole
    most = int(model.max_source * shot.fps)
    return _part(shot, max(shot.start, shot.end - most), shot.end, find_job)


def part_to_edit(scene: bpy.types.Scene, shot: shots.Shot, find_job: FindJob) -> Part:
    """The part of a shot that is edited: all of it, or where the artist lets it begin."""
    most = int(_limits(scene, "edit").max_edit * shot.fps)
    length = min(shot.end - shot.start, most)
    first = shot.start + min(scene.grok_video.edit_start, shot.end - shot.start - length)
    return _part(shot, first, first + length, find_job)


def passes_of(scene: bpy.types.Scene, part: Part) -> list[Pass]:
    """The passes that add the seconds asked for; one where one is enough."""
    model, resolution = _limits(scene, "extend"), priced_resolution(*part.pixels)
    added = scene.grok_video.extend_seconds
    passes = plan_passes(added, part.seconds, resolution, model.id or models.DEFAULT_MODEL)
    if model.id:
        return passes
    second = settings.unknown_second()  # of a model that was typed in
    return [replace(one, price=one.seconds * second or None) for one in passes]


def rework_draft(
    scene: bpy.types.Scene, kind: Kind, part: Part, seconds: int, job_id: str = DRAFT
) -> JobSpec:
    """What Extend (adding ``seconds``) or Edit would send now, the bake not made yet."""
    chosen = scene.grok_video
    prompt = chosen.extend_prompt if kind is Kind.EXTEND else chosen.edit_prompt
    clip, (width, height) = part.clip, part.pixels
    if clip is not None:
        video = SourceVideo(clip.path, clip.seconds, clip.size, width, height, part.shot.job)
    else:
        video = SourceVideo(str(video_path(job_id)), part.seconds, 0, width, height)
    return _draft(
        scene,
        kind,
        prompt,
        seconds,
        priced_resolution(*part.pixels),
        nearest_ratio(*part.pixels, models.RATIOS),
        video=video,
        source=Source("STRIP", scene=part.shot.scene, frame=part.start, image=part.shot.strip),
    )


def extend_trouble(scene: bpy.types.Scene, shot: shots.Shot, draft: JobSpec) -> str:
    """'' or why Extend would refuse now, as far as a redraw may find out."""
    least = _limits(scene, "extend").min_source
    return shots.refusal_to_extend(shot, least) or checks.trouble(draft)


def extend(
    scene: bpy.types.Scene, shot: shots.Shot, session: str, find_job: FindJob, seconds: int
) -> Order:
    """The shot goes on for ``seconds`` after its visible end: one pass. Raises Refused."""
    if why := shots.refusal_to_extend(shot, _limits(scene, "extend").min_source):
        raise Refused(why)
    part = part_to_extend(scene, shot, find_job)
    job_id = new_id()
    draft = rework_draft(scene, Kind.EXTEND, part, seconds, job_id)
    return _rework(draft, job_id, part, session, "AFTER")


def next_pass(
    shot: shots.Shot, before: Job, session: str, find_job: FindJob, agreed: Pass
) -> Order:
    """The shot goes on from the part that the job ``before`` made, for what was ``agreed``. Raises Refused."""
    if settings.account() != before.spec.account:
        raise Refused("The API key was changed.")
    scene = bpy.data.scenes[shot.scene]
    # Every second that is sent is paid for: not more than was asked for, however long the part before is.
    most = round(agreed.source_seconds * shot.fps)
    part = _part(shot, max(shot.start, shot.end - most), shot.end, find_job)
    job_id = new_id()
    # As it was agreed to, whatever the panel says by now.
    draft = replace(
        rework_draft(scene, Kind.EXTEND, part, agreed.seconds, job_id),
        prompt=before.spec.prompt,
        model=before.spec.model,
        unchecked=before.spec.unchecked,
        generate_audio=before.spec.generate_audio,
    )
    price = price_of(draft)
    if price is not None and agreed.price is not None and price > agreed.price:
        raise Refused(f"Its next part would cost {usd(price)} and not {usd(agreed.price)}.")
    return _rework(draft, job_id, part, session, "AFTER")


def edit(scene: bpy.types.Scene, shot: shots.Shot, session: str, find_job: FindJob) -> Order:
    """The shot looks different and moves as before. Raises Refused."""
    if why := shots.refusal_to_edit(shot):
        raise Refused(why)
    part = part_to_edit(scene, shot, find_job)
    job_id = new_id()
    draft = rework_draft(scene, Kind.EDIT, part, billed_seconds(part.seconds), job_id)
    return _rework(draft, job_id, part, session, "OVER")


def _rework(draft: JobSpec, job_id: str, part: Part, session: str, place: str) -> Order:
    shot, strip = part.shot, strip_of(part.shot)
    if why := shots.missing_file(strip):
        raise Refused(why)
    target = _target(session, strip.id_data, part.end if place == "AFTER" else part.start)
    order = Order(_signed(draft, job_id, target))
    if part.clip is None:
        path = video_path(job_id)
        order.steps.append(
            BakeStep(lambda: _bake(shot, part.start, part.end, path), "Preparing Strip…")
        )
    # The strip is marked last: a click that is refused leaves it as it was.
    target = replace(
        target,
        place=place,
        strip=shot.strip,
        mark=shots.mark(strip),
        channel=shot.channel,
        length=part.end - part.start,
        offset=part.start - shot.origin,
    )
    order.spec = replace(order.spec, target=target)
    return order


def strip_named(scene_name: str, name: str) -> Any:
    """A strip by its name: an undo makes every strip another one. Raises Refused."""
    scene = bpy.data.scenes.get(scene_name)
    if scene is not None and scene.sequence_editor is not None:
        strip = compat.strips_all(scene.sequence_editor).get(name)
        if strip is not None:
            return strip
    raise Refused(f"There is no strip “{name}” in the scene “{scene_name}”.")


def strip_of(shot: shots.Shot) -> Any:
    """The strip that a shot was read from. Raises Refused."""
    return strip_named(shot.scene, shot.strip)


def source_gone(spec: JobSpec) -> str:
    """'' or that the strip was deleted, or its making undone, while it was prepared: still nothing is bought."""
    target = spec.target
    if not target.strip:
        return ""
    scene = bpy.data.scenes.get(target.scene)
    content = target.offset if target.place == "OVER" else None
    if scene is not None and shots.find_source(
        scene, target.strip, target.mark, target.frame, content=content
    ):
        return ""
    return f"The strip “{target.strip}” is not there any more."


def _bake(shot: shots.Shot, start: int, end: int, path: Path) -> bake.Bake:
    try:
        strip = strip_of(shot)
    except Refused as error:
        raise bake.BakeRefused(str(error)) from error
    # A bake lets every sound be heard that it is given.
    sounds = [sound for sound in shots.sounds_of(strip) if shots.is_heard(sound)]
    return bake.Bake.strip(strip.id_data, strip, start, end, sounds, path)


# ------------------------------------------------------------------------------------ edit the animation


@record
class Take:
    """What a playblast would send: scene frames [start, end)."""

    start: int
    end: int
    seconds: float
    pixels: tuple[int, int]
    cut: bool  # the range is longer than what can be edited


def animation_range(scene: bpy.types.Scene) -> tuple[int, int]:
    """The frames [start, end) of the animation that is edited.

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


def take_to_edit(context: bpy.types.Context, scene: bpy.types.Scene) -> Take:
    """The part of the animation that is edited: the range, or what can be edited of it."""
    start, end = animation_range(scene)
    most = int(_limits(scene, "edit").max_edit * render.rate(scene))
    last = min(end, start + most)
    seconds = (last - start) / render.rate(scene)
    frame = render.frame_size(scene)
    if scene.grok_video.edit_of == "VIEWPORT" and (view := viewport.find(context)):
        frame = viewport.frame_size(view, scene)
    return Take(start, last, seconds, bake.playblast_size(frame), last < end)


def animation_draft(scene: bpy.types.Scene, take: Take, job_id: str = DRAFT) -> JobSpec:
    """What Edit would send of the animation, the playblast not made yet."""
    chosen, (width, height) = scene.grok_video, take.pixels
    return _draft(
        scene,
        Kind.EDIT,
        chosen.edit_prompt,
        billed_seconds(take.seconds),
        priced_resolution(width, height),
        nearest_ratio(width, height, models.RATIOS),
        video=SourceVideo(str(video_path(job_id)), take.seconds, 0, width, height),
        source=Source(chosen.edit_of, scene=scene.name, frame=take.start),
    )


def animation_trouble(context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec) -> str:
    """'' or why the animation cannot be played into a clip and edited now."""
    if does := render.busy():
        return f"Blender {does} something else. Wait until it is done."
    if scene.grok_video.edit_of == "CAMERA":
        if render.camera_of(scene) is None:
            return f"The scene “{scene.name}” has no camera. Add one, or choose Viewport Animation."
    elif why := viewport.refusal(context, scene):
        return why
    return checks.trouble(draft)


def edit_animation(
    context: bpy.types.Context, scene: bpy.types.Scene, target: bpy.types.Scene, session: str
) -> Order:
    """The animation, played as a playblast, in a finished look. Raises Refused."""
    take, job_id = take_to_edit(context, scene), new_id()
    draft = animation_draft(scene, take, job_id)
    if why := animation_trouble(context, scene, draft):
        raise Refused(why)
    place = _target(session, target, take.start, length=take.end - take.start)
    order = Order(_signed(draft, job_id, place))
    name, kind, path = scene.name, scene.grok_video.edit_of, video_path(job_id)

    def start() -> bake.Bake | playblast.Playblast:
        scene = bpy.data.scenes.get(name)
        if scene is None:
            raise bake.BakeRefused(f"The scene “{name}” is gone.")
        if kind == "CAMERA":
            return bake.Bake.camera(scene, take.start, take.end, path)
        return playblast.Playblast.start(bpy.context, scene, take.start, take.end, path)

    order.steps.append(BakeStep(start, "Playing Animation…"))
    return order


# ------------------------------------------------------------------------------------------ continue shot


def continue_draft(scene: bpy.types.Scene, shot: shots.Shot, job_id: str = DRAFT) -> JobSpec:
    """What Continue Shot would send now: an image, and as many seconds as the model makes of those asked for."""
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    edit_scene = bpy.data.scenes[shot.scene]
    return _draft(
        scene,
        Kind.GENERATE,
        chosen.extend_prompt,
        min(max(chosen.extend_seconds, model.min_seconds), model.max_seconds),
        chosen.resolution,
        nearest_ratio(*render.frame_size(edit_scene), model.ratios),
        image=_place(job_id),
        image_mime=_mime(),
        source=Source("STRIP", scene=shot.scene, frame=shot.last, image=shot.strip),
    )


def continue_shot(scene: bpy.types.Scene, shot: shots.Shot, session: str) -> Order:
    """A new clip after the shot that starts from its last frame. Raises Refused."""
    job_id, strip = new_id(), strip_of(shot)
    if why := shots.missing_file(strip):
        raise Refused(why)
    target = _target(session, strip.id_data, shot.end, place="AFTER", strip=shot.strip)
    order = Order(_signed(continue_draft(scene, shot, job_id), job_id, target))
    target = replace(target, mark=shots.mark(strip), channel=shot.channel)
    order.spec = replace(order.spec, target=target)
    size = models.clip_size(order.spec.resolution, order.spec.aspect_ratio)
    path = Path(order.spec.image)

    def take(spec: JobSpec) -> JobSpec:
        scene = strip.id_data
        made = capture.strip_still(scene, strip, shot.last, size, path, preferred_format())
        return with_still(spec, made)

    order.stills.append(take)
    return order

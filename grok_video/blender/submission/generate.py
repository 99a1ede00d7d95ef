"""What Generate submits: a spec from a scene's settings, and the pictures that must be made for it first."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import bpy

from ...core.cast import Cast, Told
from ...core.framing import nearest_ratio
from ...core.record import record
from ...core.spec import JobSpec, Keyframe, Kind, Picture, Source, mark_of, new_id
from ...core.variants import Variants
from ...service import checks, models
from ...service.cheapest import as_chosen, drafted
from .. import compat, config, scenes
from ..identity import Meant
from ..refusal import Refused
from ..sources import capture, pixels, ways
from ..timeline.source_strip import waiting_refusal_at
from . import cast, first_frame
from .common import (
    DRAFT,
    FIRST_FRAME,
    Submission,
    draft_of,
    mime_type,
    output_of,
    picture_of,
    place_of,
    preferred_format,
    price_of,
    signed,
    target_of,
    with_still,
)
from .preparation import CameraStep
from .variants import asked_for, variant_of

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
    if size is None and (look := first_frame.look_of(scene)):
        return first_frame.render_size(look)
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
            return models.whole_size(final_resolution(draft), *natural)
    return models.clip_size(final_resolution(draft), draft.aspect_ratio)


def final_resolution(draft: JobSpec) -> str:
    """The resolution of the clip that is wanted in the end: of a cheap draft another one than the draft's."""
    return draft.final_resolution or draft.resolution


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
    people: Cast | None = None,
) -> JobSpec:
    """The spec that Generate would send now, its files not made yet. Cheap enough for a redraw.

    ``prompt``: of a variant; None: the prompt as it is written, its braces are braces. Of a prompt that ``cast.refusal``
    is about, the draft sends no character. ``people``: as for ``cast.told``.
    """
    chosen, model = scene.grok_video, scene.grok_video.model_row()
    text = chosen.written_prompt() if prompt is None else prompt
    told, look = cast.told(scene, text, people), first_frame.look_of(scene)
    image, mime = ("", "") if chosen.source == "NONE" else (place_of(job_id), mime_type())
    references = references_of(scene, told, job_id)
    last_frame, keyframes = None, ()
    if ends_on_camera(scene):
        camera = chosen.end_camera.name if chosen.end_camera else "camera"
        last_frame = picture_of(job_id, "-end", f"{camera}, frame {end_frame_of(scene)}")
    if chosen.keyframes and "keyframes" in model.makes:
        keyframes = tuple(
            Keyframe(picture_of(job_id, f"-keyframe-{number}", marker.name), marker.thirds)
            for number, marker in enumerate(marker_keyframes(scene))
        )
    if chosen.loop and image:
        last_frame = Picture(image, mime, label=FIRST_FRAME)
    final = draft_of(
        scene,
        Kind.GENERATE,
        told.prompt,
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
        voices=told.voices,
        cast=told.members,
        written=cast.written_for(text, told),
        loop=chosen.loop,
    )
    if not chosen.draft:
        return final
    full = picture_of(job_id, "-full", "full-size first frame") if image else None
    return drafted(replace(final, full_image=full), chosen.models_of_key())


def ends_on_camera(scene: bpy.types.Scene) -> bool:
    """Whether the camera is rendered as the clip's end frame: not for a loop, which ends on its first frame."""
    chosen = scene.grok_video
    return chosen.end_frame and not chosen.loop and "last_frame" in chosen.model_row().makes


def references_of(scene: bpy.types.Scene, told: Told, job_id: str) -> tuple[Picture, ...]:
    """The references of a clip, and behind them the pictures of whom its prompt names: files called after ``job_id``."""
    chosen = scene.grok_video
    own = (
        picture_of(job_id, _of_reference(number), one.image.name if one.image else "")
        for number, one in enumerate(chosen.references)
    )
    of_cast = (
        picture_of(job_id, _of_cast(number, place), one.image.name if one.image else "")
        for number in told.named
        for place, one in enumerate(chosen.cast[number].images)
    )
    return (*own, *of_cast)


def add_references(
    submission: Submission, scene: bpy.types.Scene, job_id: str, wanted: set[str]
) -> None:
    """Let the pictures of ``references_of`` whose paths are ``wanted`` be made for ``submission``."""
    for number, reference in enumerate(scene.grok_video.references):
        if (path := place_of(job_id, _of_reference(number))) in wanted:
            _add_reference(submission, scene, reference.image, path)
    for number, character in enumerate(scene.grok_video.cast):
        for place, one in enumerate(character.images):
            if (path := place_of(job_id, _of_cast(number, place))) in wanted:
                _add_reference(submission, scene, one.image, path)


def _of_reference(number: int) -> str:
    """What the file of a reference is called, behind the job's id."""
    return f"-reference-{number}"


def _of_cast(number: int, place: int) -> str:
    """What the file of a character's picture is called, behind the job's id."""
    return f"-cast-{number}-{place}"


def variant_drafts(
    context: bpy.types.Context, scene: bpy.types.Scene, asked: Variants, job_id: str = DRAFT
) -> dict[int, JobSpec]:
    """The drafts of the variants by their numbers, from 0. Cheap enough for a redraw.

    Of variants that name nobody of the cast only what tells for all: the first, the shortest and the longest.
    """
    if not asked.prompts:
        return {0: generate_draft(context, scene, job_id)}
    people = cast.characters(scene, "\n".join(asked.prompts))
    numbers = range(asked.count)
    if job_id == DRAFT and not any("@" in prompt for prompt in asked.prompts):
        by_length = sorted(numbers, key=lambda number: len(asked.prompts[number]))
        numbers = sorted({0, by_length[0], by_length[-1]})
    every = asked.prompts
    return {n: generate_draft(context, scene, job_id, every[n], people) for n in numbers}


def variants_refusal(
    scene: bpy.types.Scene, asked: Variants, drafts: dict[int, JobSpec], *, look: bool = False
) -> str:
    """'' or why the variants would be refused: what one of their prompts changes about that."""
    if asked.refusal or asked.count == 1:
        return asked.refusal
    people = cast.characters(scene, "\n".join(asked.prompts))
    for number, draft in drafts.items():
        if why := cast.refusal(scene, draft, people, look=look) or checks.refusal(draft):
            return f"Variant {number + 1}: {why}"
    return ""


def price_of_variants(asked: Variants, drafts: dict[int, JobSpec]) -> int | None:
    """Ticks that all variants cost; None where the price of one is not known."""
    prices = [price_of(draft) for draft in drafts.values()]
    known = [price for price in prices if price is not None]
    if len(known) < len(prices):
        return None
    return sum(known) if len(drafts) == asked.count else known[0] * asked.count


def generate_refusal(
    context: bpy.types.Context, scene: bpy.types.Scene, draft: JobSpec, *, look: bool = False
) -> str:
    """'' or why Generate would refuse ``draft`` now; ``look``: at files and each frame, as a click must and a redraw must not."""
    chosen = scene.grok_video
    if why := first_frame_refusal(context, scene, draft, look=look):
        return why
    if why := references_refusal(scene, draft, look=look):
        return why
    if ends_on_camera(scene) and (why := scenes.camera_refusal(scene, chosen.end_camera)):
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
    if draft.draft and (why := checks.refusal(as_chosen(draft))):
        return why  # a draft that could not be finished is not worth its price
    return checks.refusal(draft)


def references_refusal(scene: bpy.types.Scene, draft: JobSpec, *, look: bool) -> str:
    """'' or why the references, and whom the draft's prompt names, cannot be sent; ``look``: at files."""
    for number, reference in enumerate(scene.grok_video.references):
        if why := capture.image_refusal(reference.image, look=look):
            return f"Reference {number}: {why}"
    return cast.refusal(scene, draft, look=look)


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
    if ends_on_camera(scene):
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
    asked = asked_for(scene)
    drafts = {0: generate_draft(context, scene, job_id)}
    if variants:
        drafts = variant_drafts(context, scene, asked, job_id)
    draft = drafts[0]
    if why := generate_refusal(context, scene, draft, look=True):
        raise Refused(why)
    submission = Submission(signed(draft, job_id, place))
    if variants:
        if why := variants_refusal(scene, asked, drafts, look=True):
            raise Refused(why)
        submission.others = tuple(
            variant_of(one, price_of(one), output_of) for one in list(drafts.values())[1:]
        )
        if submission.others:
            submission.spec = replace(submission.spec, written=scene.grok_video.written_prompt())
    size = picture_size(context, scene, draft)
    if draft.look:
        first_frame.add_look(submission, scene, first_frame.look_of(scene), size)
    elif draft.image:
        add_source(submission, context, scene, size, final_resolution(draft))
    sent = {picture.path for one in drafts.values() for picture in one.references}
    add_references(submission, scene, job_id, sent)
    if ends_on_camera(scene):
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
    # Of a draft the full-size frame is made, and the one that is sent is made from that: see ``with_still``.
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
    submission: Submission, scene: bpy.types.Scene, image: bpy.types.Image, path: str
) -> None:
    def add_to(spec: JobSpec) -> JobSpec:
        if not os.path.isfile(path):  # made already for another shot of the same press
            capture.reference(scene, image, Path(path), preferred_format())
        size = os.path.getsize(path)
        if all(picture.path != path for picture in spec.references):
            # Of a character that only other variants name: they find the file by its mark.
            return replace(spec, files=(*spec.files, mark_of(path, os.stat(path))))
        pictures = (
            replace(picture, size=size) if picture.path == path else picture
            for picture in spec.references
        )
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

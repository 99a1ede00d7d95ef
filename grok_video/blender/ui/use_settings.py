"""*Use These Settings*: prompt, source, model, settings and pictures of a job, back in the panel.

A job knows what was sent, the panel how to make the like of it: the source is taken anew, at the playhead. What cannot
come back is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import bpy

from ...core.job import Job
from ...core.legible import legible
from ...core.record import mutable_record
from ...core.shape import names_ratio
from ...core.spec import JobSpec, Kind, Picture
from ...service import models
from ...service.cheapest import as_chosen
from .. import config, identity, scenes, sources, submission, telling, timeline
from ..refusal import Interrupted, Refused
from ..session import looks, queue
from ..session.state import is_as_clicked, is_open, job_by_id
from .asking import JOB, Asks, Result
from .nearest import OTHER_MODEL, image_from, put_references

ICON = "LOOP_BACK"
_NAMED = 3  # sentences of what is gone; more of them are only counted


class GROK_VIDEO_OT_use_settings(Asks, bpy.types.Operator):
    bl_idname = "grok_video.use_settings"
    bl_label = "Use These Settings"
    bl_description = (
        "Put prompt, source, model, settings and pictures of this clip back into the panel of this scene. Nothing is "
        "sent or charged"
    )
    bl_options = {"REGISTER", "UNDO"}

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        scene = context.scene
        if why := scenes.settings_refusal(scene):
            raise Refused(why)
        job = queue.job_of(self.job, lambda _job: True)
        self.job = job.id  # F9 means the same one
        said = use(context, job)
        words = [f"The panel has the settings of {_title(job)}.", *said.gone[:_NAMED]]
        if more := len(said.gone[_NAMED:]):
            words.append(f"{more} more of what it used {'is' if more == 1 else 'are'} gone.")
        telling.report(self, "WARNING" if said.gone else "INFO", " ".join([*words, *said.notes]))
        return {"FINISHED"}


@mutable_record
class Said:
    """What there is to tell of settings that came back."""

    gone: list[str]  # sentences of what could not
    notes: list[str]  # sentences of what else is different, or has changed


def use(context: bpy.types.Context, job: Job) -> Said:
    """Set the panel of the context's scene to what ``job`` asked for, or to the nearest that the panel can set."""
    # Of a draft the model and size that were chosen for the final clip.
    spec, said = as_chosen(job.spec), Said([], [])
    _model(context.scene, spec)
    match spec.kind:
        case Kind.EXTEND:
            _next_part(context.scene, spec)
        case Kind.EDIT:
            _edit(context.scene, spec)
        case Kind.LOOK:
            _look(context.scene, job, said)
        case Kind.GENERATE if spec.source.kind == "STRIP":  # Continue Shot
            _next_part(context.scene, spec)
            _clip(context.scene, spec)
        case Kind.GENERATE:
            _clip(context.scene, spec)
            context.scene.grok_video.nearest.draft = job.spec.draft
            context.scene.grok_video.nearest.duration = spec.duration
            context.scene.grok_video.nearest.prompt = submission.cast.typed_for(spec)
            _source(context.scene, job, said)
            _look_in_use(context.scene, spec, said)
            _pictures(context.scene, job, said)
            _cast(context.scene, job, said)
            _frames(context.scene, spec, said)
            _ratio(context, spec)
    return said


def _look(scene: bpy.types.Scene, job: Job, said: Said) -> None:
    """Set the part *Look* to what a look was made with."""
    spec, near = job.spec, scene.grok_video.nearest
    near.look_model, near.look_size = spec.model, spec.resolution.upper()
    near.look_quality, near.look_prompt = spec.quality.upper(), spec.prompt
    scene.grok_video.look_references.clear()
    for picture in spec.references:
        if (image := _image_of(job, picture)) is not None:
            scene.grok_video.look_references.add().image = image
        else:
            said.gone.append(f"The picture {_quoted(picture.name)} is gone.")
    _source(scene, job, said)


def _look_in_use(scene: bpy.types.Scene, spec: JobSpec, said: Said) -> None:
    """Let the look that the clip began with be the first frame again, or none where it had none."""
    look = job_by_id(spec.look) if spec.look else None
    if scene.grok_video.look.job == spec.look and spec.look:
        return
    looks.put_back(scene)
    if not spec.look:
        return
    try:
        if look is None:
            raise Refused("It is not in the list of jobs.")
        looks.use(scene, look)
    except (Refused, Interrupted) as error:
        said.gone.append(f"The look that the clip began with is not there: {error}")


def _model(scene: bpy.types.Scene, spec: JobSpec) -> None:
    chosen = scene.grok_video
    if (
        spec.unchecked and spec.model.strip()
    ):  # typed, also where the table of models has such a row by now
        chosen.model, chosen.nearest.model_other = OTHER_MODEL, spec.model
    else:
        chosen.nearest.model = spec.model


def _clip(scene: bpy.types.Scene, spec: JobSpec) -> None:
    near = scene.grok_video.nearest
    near.resolution, near.generate_audio = spec.resolution, spec.generate_audio


def _next_part(scene: bpy.types.Scene, spec: JobSpec) -> None:
    near = scene.grok_video.nearest
    near.extend_prompt, near.extend_seconds = spec.prompt, spec.duration


def _edit(scene: bpy.types.Scene, spec: JobSpec) -> None:
    near = scene.grok_video.nearest
    near.edit_prompt, near.edit_of = spec.prompt, spec.source.kind
    if spec.source.kind == "STRIP":
        near.edit_start = spec.target.offset


def _source(scene: bpy.types.Scene, job: Job, said: Said) -> None:
    """Set the source, unless what it shows is gone."""
    shown, chosen = job.spec.source, scene.grok_video
    if shown.kind == "CAMERA" and shown.camera:
        if not _camera(scene, shown.camera, said):
            return
    elif shown.kind == "IMAGE":
        sent = job.spec.full_image or Picture(job.spec.image, "")
        # Of a clip that began with a look, that picture was sent, and not the image.
        picture = Picture("" if job.spec.look else sent.path, "", label=shown.image)
        image = _image_of(job, picture)
        if image is None:
            said.gone.append(
                f"The image {_quoted(shown.image)} is gone: the source stays as it is."
            )
            return
        chosen.image = image
    chosen.nearest.source = shown.kind
    if chosen.source != shown.kind:
        said.gone.append(f"There is no source {_quoted(shown.kind)}: the source stays as it is.")
    elif shown.kind in ("CAMERA", "VIEWPORT", "RENDER_RESULT") and shown.scene not in (
        "",
        scene.name,
    ):
        said.notes.append(
            f"The clip showed the scene {_quoted(shown.scene)}; the source is this scene."
        )


def _camera(scene: bpy.types.Scene, name: str, said: Said) -> bool:
    """Whether the scene has the camera of that name; the camera is the scene's own then."""
    camera = _camera_named(scene.objects, name)
    if camera is None:
        there = _camera_named(bpy.data.objects, name) is not None
        what = "is not in this scene" if there else "is gone"
        said.gone.append(f"The camera {_quoted(name)} {what}: the source stays as it is.")
        return False
    if scenes.camera_of(scene) != camera:
        scene.camera = camera
        if scenes.camera_of(scene) == camera:
            said.notes.append(f"{_quoted(name)} is the scene's camera now.")
        else:
            said.notes.append(f"A marker binds another camera than {_quoted(name)} at this frame.")
    return True


def _camera_named(objects: Iterable[bpy.types.Object], name: str) -> bpy.types.Object | None:
    return identity.named([one for one in objects if one.type == "CAMERA"], name)


def _pictures(scene: bpy.types.Scene, job: Job, said: Said) -> None:
    own = job.spec.references[: submission.cast.plain_references(job.spec)]
    put_references(scene.grok_video, _images_of(job, own, "reference", said))


def _images_of(
    job: Job, pictures: Iterable[Picture], what: str, said: Said
) -> list[bpy.types.Image]:
    """The images that pictures were made from, of those that are not gone."""
    found: list[bpy.types.Image] = []
    for picture in pictures:
        if (image := _image_of(job, picture)) is not None:
            found.append(image)
        else:
            said.gone.append(f"The {what} {_quoted(picture.name)} is gone.")
    return found


def _cast(scene: bpy.types.Scene, job: Job, said: Said) -> None:
    """Add the characters of the job that the cast lacks; one that the artist has changed since stays as it is."""
    rest = list(job.spec.references[submission.cast.plain_references(job.spec) :])
    for member in job.spec.cast:
        pictures, rest = rest[: member.pictures], rest[member.pictures :]
        there = submission.cast.named(scene, member.name)
        if there is None:
            one = scene.grok_video.cast.add()
            one.name, one.voice = member.name, member.voice
            for image in _images_of(job, pictures, f"picture of {_quoted(member.name)}", said):
                one.images.add().image = image
            continue
        now = [one.image.name for one in there.images if one.image is not None]
        if (there.voice, now) != (member.voice, [picture.label for picture in pictures]):
            said.notes.append(f"The character {_quoted(member.name)} has changed since.")


def _image_of(job: Job, picture: Picture) -> bpy.types.Image | None:
    """The image that a picture was made from, else one of the file that was sent; None where both are gone.

    In another .blend than the job's an image of the same name may be another picture: the file comes first.
    """
    named = identity.named(bpy.data.images, picture.label) if picture.label else None
    if named is not None and (is_as_clicked(job) or is_open(job.spec.target.blend)):
        return named
    if not (os.path.isabs(picture.path) and os.path.isfile(picture.path)):
        return named
    before = set(bpy.data.images)
    image = image_from(picture.path)
    if image not in before and picture.label:
        image.name = timeline.strips.strip_name(picture.label)
    return image


def _frames(scene: bpy.types.Scene, spec: JobSpec, said: Said) -> None:
    """Set the end frame and the keyframes, which are rendered anew."""
    near = scene.grok_video.nearest
    own_end = spec.last_frame is not None and not spec.loop
    near.loop, near.end_frame, near.keyframes = spec.loop, own_end, bool(spec.keyframes)
    if own_end and spec.last_frame is not None:
        name = spec.last_frame.label.rpartition(", frame ")[0]
        camera = _camera_named(bpy.data.objects, name)
        # Without a camera of its own the end frame is said to be of "camera".
        if camera is None and name not in ("", "camera"):
            said.gone.append(
                f"The camera {_quoted(name)} of the end frame is gone: the scene's is taken."
            )
        scene.grok_video.end_camera = camera
    there = {marker.name for marker in scene.timeline_markers}
    for keyframe in spec.keyframes:
        if keyframe.picture.label not in there:
            said.gone.append(f"The marker {_quoted(keyframe.picture.label)} of a keyframe is gone.")


def _ratio(context: bpy.types.Context, spec: JobSpec) -> None:
    """Set the ratio: to Auto where that asks for the same clip, else to the ratio that was named."""
    scene, chosen = context.scene, context.scene.grok_video
    chosen.aspect_ratio = config.AUTO
    if not names_ratio(spec):
        return  # the frame was sent whole
    same = submission.generate.ratio_of(context, scene) == spec.aspect_ratio
    if same and chosen.source != "NONE" and submission.generate.is_whole(scene):
        natural = sources.capture.natural_size(context, scene, chosen.source, chosen.image)
        named = models.clip_size(chosen.resolution, spec.aspect_ratio)
        same = natural is not None and models.whole_size(chosen.resolution, *natural) == named
    if not same:
        chosen.nearest.aspect_ratio = spec.aspect_ratio


def _title(job: Job) -> str:
    words = " ".join(submission.cast.as_written(job.spec)[:200].split())
    if not words:
        return job.spec.short_id
    return _quoted(words if len(words) <= 40 else f"{words[:40]}…")


def _quoted(name: str) -> str:
    """A name in a sentence: of a damaged record it may be anything."""
    return f"“{legible(name[:60])}”"


def draw_use_settings(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button for the clip that the active strip shows, where its job is in the list."""
    editor = timeline.strips.target_scene(context).sequence_editor
    strip = editor.active_strip if editor is not None else None
    job = job_by_id(timeline.strips.job_of(strip)) if strip is not None else None
    if job is not None:
        layout.operator("grok_video.use_settings", icon=ICON).job = job.id


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_use_settings,))

"""What another take sends: the request of a take, unchanged or with the prompt and settings of the panel.

Owns which pictures a changed request keeps. Knows nothing of strips: what a take is placed into is the session's.
"""

from __future__ import annotations

from dataclasses import replace

import bpy

from ...core.record import record
from ...core.spec import JobSpec, Kind
from ...service import checks
from .. import compat
from ..refusal import Refused
from . import cast
from .common import Submission, draft_of, looped, output_of
from .finish import full_request
from .first_frame import InLook
from .generate import generate_draft, generate_refusal, generation
from .variants import asked_for, first_prompt

#: Sources whose picture depends on the frame: another frame's would not be a take of the same clip.
_OF_A_FRAME = frozenset({"CAMERA", "VIEWPORT", "SEQUENCER"})


@record
class Changed:
    """The request of a take, with the panel's prompt and settings."""

    draft: JobSpec
    #: The pictures are made anew, as Generate makes them: those of the take do not fit the settings any more.
    anew: bool
    trouble: str = ""  # why such a take cannot be asked for now


def changed(context: bpy.types.Context, scene: bpy.types.Scene, spec: JobSpec) -> Changed:
    """What the settings of ``scene`` make of the request ``spec``. Cheap enough for a redraw."""
    if spec.kind is not Kind.GENERATE or spec.source.kind == "STRIP":
        return Changed(_reworked(scene, spec), anew=False)
    draft = generate_draft(context, scene, prompt=first_prompt(scene))
    if not draft.draft:
        spec = full_request(spec)
    if (count := asked_for(scene).count) > 1:
        several = f"The prompt makes {count} variants, and this is one take. Write one of them, or press Generate."
        return Changed(draft, anew=False, trouble=several)
    if not _other_pictures(scene, spec, draft):
        return Changed(_with_pictures_of(draft, spec), False, cast.refusal(scene, draft))
    of_edit = scene.grok_video.source == "SEQUENCER"
    playhead = (compat.sequencer_scene(context) if of_edit else scene).frame_float
    frame = spec.source.frame
    # A look is what it is wherever the playhead stands.
    rendered = not draft.look or bool(draft.last_frame or draft.keyframes)
    of_frames = rendered and {scene.grok_video.source, spec.source.kind} <= _OF_A_FRAME
    if of_frames and abs(playhead - frame) > 0.5:
        return Changed(
            draft,
            anew=True,
            trouble="With these settings the first frame is made anew, at the playhead. This take "
            f"begins with frame {frame:g}: put the playhead there.",
        )
    return Changed(draft, anew=True)


def refusal(context: bpy.types.Context, scene: bpy.types.Scene, wanted: Changed) -> str:
    """'' or why such a take would be refused now, as far as a redraw may find out."""
    if wanted.trouble:
        return wanted.trouble
    if wanted.anew:
        return generate_refusal(context, scene, wanted.draft)
    return checks.refusal(wanted.draft)


def generated_anew(
    context: bpy.types.Context,
    spec: JobSpec,
    target: bpy.types.Scene,
    frame: int,
    session: str,
    in_look: InLook | None = None,
) -> Submission:
    """The submission of a take of ``spec`` whose pictures are made anew from the panel's settings. Raises Refused.

    ``target`` and ``frame``: where the strip is that asks for the take. ``in_look``: see ``generation``.
    """
    wanted = changed(context, context.scene, spec)
    if wanted.trouble:
        raise Refused(wanted.trouble)
    submission = generation(
        context, context.scene, target, frame, session, variants=True, in_look=in_look
    )
    place = replace(submission.spec.target, slot=spec.slot)
    submission.spec = replace(submission.spec, target=place, parent=spec.id)
    return submission


def output_again(spec: JobSpec, job_id: str) -> str:
    """The path of what a job makes that repeats the request ``spec``. Raises Refused."""
    return output_of(cast.as_written(spec), job_id, look=spec.kind is Kind.LOOK)


def _reworked(scene: bpy.types.Scene, spec: JobSpec) -> JobSpec:
    """The request of an extension, an edit or a continuation with other words: what is sent along stays."""
    chosen = scene.grok_video
    seconds, resolution = spec.duration, spec.resolution
    if spec.kind is Kind.EXTEND:
        seconds = chosen.extend_seconds
    elif spec.kind is Kind.GENERATE:
        model = chosen.model_row()
        seconds = min(max(chosen.extend_seconds, model.min_seconds), model.max_seconds)
        resolution = chosen.resolution
    prompt = chosen.edit_prompt if spec.kind is Kind.EDIT else chosen.extend_prompt
    draft = draft_of(scene, spec.kind, prompt, seconds, resolution, spec.aspect_ratio)
    return _with_pictures_of(replace(draft, video=spec.video), spec)


def _with_pictures_of(draft: JobSpec, spec: JobSpec) -> JobSpec:
    kept = replace(draft, **{name: getattr(spec, name) for name in _PICTURES})
    if draft.loop or not spec.loop:
        return looped(kept) if draft.loop else kept
    return replace(kept, last_frame=None)  # a loop's end frame is no picture of its own


#: The fields of a spec that tell of its pictures.
_PICTURES = (
    "image",
    "image_mime",
    "image_pixels",
    "image_bytes",
    "source",
    "look",
    "references",
    "last_frame",
    "keyframes",
    "files",
    "full_image",
)


def _other_pictures(scene: bpy.types.Scene, spec: JobSpec, draft: JobSpec) -> bool:
    """Whether the panel asks for other pictures than the request ``spec`` has."""
    chosen, source = scene.grok_video, spec.source
    image = chosen.image.name if chosen.image is not None else ""
    camera = scene.camera.name if scene.camera is not None else ""
    if (
        chosen.source != source.kind
        or (source.kind == "IMAGE" and image != source.image)
        or (source.kind == "CAMERA" and (scene.name, camera) != (source.scene, source.camera))
        or [one.label for one in draft.references] != [one.label for one in spec.references]
        or draft.look != spec.look
        or _has_end(draft) != _has_end(spec)
        or bool(draft.keyframes) != bool(spec.keyframes)
    ):
        return True
    if draft.duration != spec.duration and (_has_end(draft) or draft.keyframes):
        return True  # frames of another time
    if draft.draft and not (spec.draft and draft.final_resolution == spec.final_resolution):
        return bool(spec.image)  # the take has no full-size frame for the final clip
    shape = (draft.resolution, draft.aspect_ratio) != (spec.resolution, spec.aspect_ratio)
    return shape and bool(spec.image or spec.last_frame or spec.keyframes)


def _has_end(spec: JobSpec) -> bool:
    """Whether a request has an end frame that was made for it, as that of a loop is not."""
    return spec.last_frame is not None and not spec.loop

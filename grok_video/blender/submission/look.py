"""What *Make a Look* submits: the still that Generate would send, the words for the look, and its references."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import bpy

from ...core.spec import JobSpec, Kind, Source, Target, new_id
from ...service import checks
from ...service.look_models import ListedLook, look_model_named
from .. import config, scenes
from ..refusal import Refused
from ..sources import capture, ways
from . import first_frame
from .common import (
    DRAFT,
    Submission,
    mime_type,
    output_of,
    picture_of,
    place_of,
    preferred_format,
    price_of,
    target_of,
)
from .generate import add_source, final_resolution, generate_draft, picture_size, source_refusal


def look_draft(scene: bpy.types.Scene, job_id: str = DRAFT) -> JobSpec:
    """The spec of the look that would be made now, its files not made yet. Cheap enough for a redraw."""
    chosen = scene.grok_video
    model, quality = look_model_named(chosen.look_model), chosen.look_quality.lower()
    is_there = chosen.source != "NONE"
    return JobSpec(
        id=DRAFT,
        kind=Kind.LOOK,
        model=chosen.look_model,
        prompt=chosen.look_prompt.strip(),
        duration=0,
        resolution=chosen.look_size.lower(),
        aspect_ratio=config.AUTO,
        generate_audio=False,
        account="",
        api_base="",
        estimate=None,
        quality=quality if model is None or quality in model.qualities else "",
        image=place_of(job_id) if is_there else "",
        image_mime=mime_type() if is_there else "",
        source=Source(chosen.source, scene=scene.name),
        references=tuple(
            picture_of(job_id, f"-reference-{number}", one.image.name if one.image else "")
            for number, one in enumerate(chosen.look_references)
        ),
    )


def look_refusal(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    draft: JobSpec,
    listed: Iterable[ListedLook] = (),
    *,
    look: bool = False,
) -> str:
    """'' or why the look of ``draft`` would be refused now; ``look``: at files, as a click must and a redraw must not."""
    if scene.grok_video.source == "NONE":
        return "A look is made from a picture. Choose a source."
    if why := source_refusal(context, scene, look=look):
        return why
    for number, reference in enumerate(scene.grok_video.look_references):
        if why := capture.image_refusal(reference.image, look=look):
            return f"Reference {number + 1}: {why}"
    if scene.grok_video.source == "CAMERA":
        choice = ways.choose(scene, None) if look else ways.known(scene, None)
        if choice.refusal:
            return choice.refusal
    return checks.refusal(draft, listed)


def making(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    session: str,
    listed: tuple[ListedLook, ...] = (),
) -> Submission:
    """The submission of a look from ``scene``'s settings. Raises Refused."""
    job_id = new_id()
    place = target_for(session, scene)
    draft = look_draft(scene, job_id)
    if why := look_refusal(context, scene, draft, listed, look=True):
        raise Refused(why)
    context.view_layer.update()  # a script may have moved the camera just now
    seen = first_frame.seen_now(context, scene, draft.source.kind)
    spec = replace(
        draft,
        id=job_id,
        account=config.account(),
        api_base=config.api_base(),
        estimate=price_of(draft, listed),
        output=output_of(draft.prompt, job_id, look=True),
        target=place,
        source=replace(draft.source, view=seen),
    )
    submission = Submission(spec)
    clip = generate_draft(context, scene)
    add_source(
        submission, context, scene, picture_size(context, scene, clip), final_resolution(clip)
    )
    for number, reference in enumerate(scene.grok_video.look_references):
        _add_reference(submission, scene, reference.image, number)
    return submission


def target_for(session: str, scene: bpy.types.Scene) -> Target:
    """The target of a look: the scene that it is made for. Raises Refused."""
    if why := scenes.settings_refusal(scene):
        raise Refused(why)
    return target_of(session, scene, scene.frame_current)


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

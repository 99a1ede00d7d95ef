"""What every submission shares: the spec as a draft, its price, the places of its files, the target of its clip.

The panel asks for the same specs as drafts: what is priced and checked there is what a click sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import bpy

from ...core.job import Job
from ...core.record import mutable_record
from ...core.spec import JobSpec, Kind, Picture, Target
from ...service import checks, models
from ...service.pricing import estimate_of
from .. import config
from ..refusal import Refused
from ..sources import pixels
from ..timeline import clip_files
from .preparation import Step

MAX_FRAME = 1_048_574 - 60 * 240  # Blender's last frame, less a minute at its highest rate


@mutable_record
class Submission:
    """What a click asks for: the spec as far as it is known, and what must be made before the job can be queued."""

    spec: JobSpec
    #: Makers of pictures that take no time: each writes its picture and returns the spec with that added.
    stills: list[Callable[[JobSpec], JobSpec]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


DRAFT = "draft"  # in place of a job's id


def preferred_format() -> str:
    """'PNG' or 'JPEG': how pictures are sent."""
    return config.preferences().still_format


def still_path(job_id: str, part: str = "") -> Path:
    """Where a picture of a job lies: beside the ledger, so that sending again needs no render."""
    suffix = ".jpg" if preferred_format() == "JPEG" else ".png"
    return config.data_dir() / "stills" / f"{job_id}{part}{suffix}"


def video_path(job_id: str) -> Path:
    """Where the baked source of a job lies."""
    return config.data_dir() / "stills" / f"{job_id}.mp4"


def place_of(job_id: str, part: str = "") -> str:
    """Where a job's picture will lie, absolute; only DRAFT for a draft, of which each redraw makes one."""
    return DRAFT if job_id == DRAFT else str(still_path(job_id, part))


def picture_of(job_id: str, part: str, label: str) -> Picture:
    return Picture(place_of(job_id, part), mime_type(), label=label)


def mime_type() -> str:
    return f"image/{preferred_format().lower()}"


def draft_of(
    scene: bpy.types.Scene,
    kind: Kind,
    prompt: str,
    seconds: int,
    resolution: str,
    ratio: str,
    **sent: Any,
) -> JobSpec:
    # All fields in one call: each redraw makes drafts, and replace() costs more than all else about them.
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


def signed(draft: JobSpec, job_id: str, target: Target) -> JobSpec:
    """The draft as a job of this account. Raises Refused with what the service would refuse."""
    if problem := checks.check(draft):
        raise Refused(problem.message, problem.hint, problem.code)
    folder = clip_files.clip_folder(bpy.data.filepath, config.output_dir())
    return replace(
        draft,
        id=job_id,
        account=config.account(),
        api_base=config.api_base(),
        estimate=price_of(draft),
        output=str(clip_files.clip_path(folder, datetime.now(), draft.prompt, job_id)),
        target=target,
    )


def price_of(spec: JobSpec) -> int | None:
    """Ticks that ``spec`` will cost, None when not known; of a typed-in model the artist has entered the price."""
    return estimate_of(spec, config.unknown_second())


def target_of(session: str, scene: bpy.types.Scene, frame: int, **fields: Any) -> Target:
    if scene.library is not None or scene.override_library is not None:
        raise Refused(
            f"The scene “{scene.name}” is linked from another file and cannot take strips.",
            "Choose a local scene for the clip.",
        )
    if abs(frame) > MAX_FRAME:
        raise Refused(f"Blender's timeline ends before frame {frame}.", "Choose another frame.")
    return Target(session=session, blend=bpy.data.filepath, scene=scene.name, frame=frame, **fields)


def with_still(spec: JobSpec, made: pixels.Still) -> JobSpec:
    """The spec with the still ``made`` as its first frame."""
    return replace(
        spec,
        image=made.path,
        image_mime=made.mime,
        image_pixels=(made.width, made.height),
        image_bytes=made.size,
        source=made.source,
    )


FindJob = Callable[[str], Job | None]


def model_for(scene: bpy.types.Scene, what: str) -> models.Model:
    """The model that the artist chose where that can do ``what`` ('extend', 'edit'), else the first that can."""
    model = scene.grok_video.model_row()
    return model if what in model.makes else models.models_that(what)[0]

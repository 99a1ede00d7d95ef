"""A row of the shot list in the look in use: what is sent for its picture, and its clip's first frame from that.

A row's picture is made as for its clip, and sent with the approved look as second picture. Knows nothing of jobs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...core.record import mutable_record
from ...core.spec import JobSpec, Source, new_id
from ...service import checks
from ...service.look_models import ListedLook
from .. import config
from ..refusal import Interrupted, Refused
from ..sources import capture, pixels
from ..sources.pixels import Still
from . import first_frame, look_frames, shots
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
from .preparation import Change, Step


def draft(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    look: Any,
    made: JobSpec | None,
    job_id: str = DRAFT,
    pictures: str = "",
) -> JobSpec:
    """The spec of a row's picture in the look ``look``, which was ``made`` so; None: nobody knows how.

    ``pictures``: what the file of the look is called after, which the rows of one press share; '': after ``job_id``.
    """
    panel = look_draft(scene, job_id)
    how = made or panel
    return replace(
        panel,
        model=how.model,
        quality=how.quality,
        resolution=how.resolution,
        prompt=f"{how.prompt} {look_frames.LIKE}".strip(),
        image=place_of(job_id),
        source=shots.source_of(context, scene, row),
        look=look.job,
        references=(
            picture_of(pictures or job_id, "-reference-0", look.image.name if look.image else ""),
        ),
        shot=row.mark,
        shot_name=row.name,
    )


def refusal(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    look: Any,
    draft: JobSpec,
    listed: tuple[ListedLook, ...],
    *,
    at_file: bool = False,
) -> str:
    """'' or why a row's picture cannot be made in the look now; ``at_file``: looked at files, as a click must."""
    if row.source == "NONE":
        return "This shot has no picture: it is made from text."
    if look.image is None:
        return first_frame.GONE
    if why := capture.image_refusal(look.image, look=at_file):
        return f"The look in use cannot be sent. {why}"
    return shots.source_refusal(context, scene, row, look=at_file) or checks.refusal(draft, listed)


def submission_of(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    look: Any,
    made: JobSpec | None,
    session: str,
    listed: tuple[ListedLook, ...],
    pictures: str,
    folder: Path,
) -> Submission:
    """The submission of a row's picture in the look in use; the arguments are those of ``draft``. Raises Refused.

    ``folder``: see ``common.output_of``.
    """
    job_id = new_id()
    place = target_for(session, scene)
    wanted = draft(context, scene, row, look, made, job_id, pictures)
    if why := refusal(context, scene, row, look, wanted, listed, at_file=True):
        raise Refused(why)
    spec = replace(
        wanted,
        id=job_id,
        account=config.account(),
        api_base=config.api_base(),
        estimate=price_of(wanted, listed),
        output=output_of(f"{row.name} {wanted.prompt}", job_id, look=True, folder=folder),
        target=place,
    )
    submission = Submission(spec)
    image = look.image

    def add_look(spec: JobSpec) -> JobSpec:
        (picture,) = spec.references
        path = Path(picture.path)
        if not path.is_file():  # made already for another row of the same press
            capture.reference(scene, image, path, preferred_format())
        return replace(spec, references=(replace(picture, size=path.stat().st_size),))

    submission.stills.append(add_look)
    clip = shots.draft(context, scene, row)
    shots.add_source(submission, context, scene, row, clip)
    return submission


def file_refusal(path: str) -> str:
    """'' or why the picture of a row in the look, which lies at ``path``, cannot be sent."""
    if Path(path).is_file():
        return ""
    return f"The file of its look is gone: {path}. Download it again from the list, or turn off In the Look."


def first_frame_from(path: str) -> shots.FirstFrame:
    """What lets a row's clip begin with its picture in the look, which lies at ``path``."""

    def add(
        submission: Submission,
        context: bpy.types.Context,
        scene: bpy.types.Scene,
        row: Any,
        made: JobSpec,
    ) -> None:
        if why := file_refusal(path):
            raise Refused(why)
        size = shots.picture_size(context, scene, row, made)
        spec = submission.spec
        submission.steps.append(InLook(spec.source, size, path, Path(spec.image)))

    return add


@mutable_record
class InLook(Step):
    """The first frame of a row's clip from its picture in the look: made here, at one go."""

    source: Source  # of the row
    size: tuple[int, int]  # pixels of the clip
    look: str  # path of the picture in the look
    path: Path
    label: str = "Preparing the Look…"
    made: Still | None = None

    def start(self, context: bpy.types.Context) -> None:
        if why := file_refusal(self.look):
            raise Interrupted(why)
        rgb = pixels.fit(pixels.read(Path(self.look)), 1.0, self.size)
        file_format = preferred_format()
        pixels.write(rgb, self.path, file_format)
        self.made = pixels.finished(self.path, file_format, rgb.shape[1], rgb.shape[0], self.source)

    def poll(self, context: bpy.types.Context) -> Change | None:
        made = self.made
        assert made is not None
        return lambda spec: with_still(spec, made)

    def cancel(self) -> None:
        """Nothing is under way between two ticks."""

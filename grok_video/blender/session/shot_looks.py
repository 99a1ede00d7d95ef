"""The look in use for the rows of a shot list: which rows have it, which can get it, and what their clips begin with.

A row's look is a job of its own, known by the row's mark, the look in use and what the row's source shows: a row that was
moved to another frame has none. It is bought once, as a clip is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.job import Job
from ...core.shot import pictured
from .. import submission
from ..refusal import Refused
from . import looks
from .questions import listed_looks
from .shot_state import key_of_look, newest, told_by
from .shot_told import Told
from .state import current, session_id

if TYPE_CHECKING:
    from ..submission.common import Submission


def look_in_use(scene: bpy.types.Scene) -> Any:
    """The look in use of ``scene``. Raises Refused."""
    look = submission.first_frame.look_of(scene)
    if look is None:
        raise Refused("No look is in use.", "Use one first.")
    return look


def _jobs_of(context: bpy.types.Context, scene: bpy.types.Scene, row: Any, look: Any) -> list[Job]:
    """The jobs of a row's picture in the look, oldest first."""
    every = current().bridge.snapshot.jobs.looks_of_shot(row.mark) if row.mark else []
    if not every:
        return []
    shown = pictured(submission.shots.source_of(context, scene, row))
    return [
        job for job in every if job.spec.look == look.job and pictured(job.spec.source) == shown
    ]


def state_of(context: bpy.types.Context, scene: bpy.types.Scene, row: Any) -> Told:
    """What became of a row's picture in the look in use; ``again``: nothing stands for it, and it may be bought."""
    look = submission.first_frame.look_of(scene)
    if look is None:
        return Told()
    return told_by(key_of_look(row.mark, look.job), newest(_jobs_of(context, scene, row, look)))


def wanted(context: bpy.types.Context, scene: bpy.types.Scene, rows: Sequence[Any]) -> list[Any]:
    """The rows among ``rows`` whose picture is not in the look in use yet, and not on its way; without those of text only."""
    return [row for row in rows if row.source != "NONE" and state_of(context, scene, row).again]


def offered(
    context: bpy.types.Context, scene: bpy.types.Scene, row: Any, *, is_twin: bool = False
) -> Told | None:
    """What the picture of a row in the look would cost; None where it cannot be made now, or is bought. No look at files.

    ``is_twin``: the row has the mark of another one, whose look is none of its.
    """
    look = submission.first_frame.look_of(scene)
    if look is None or row.source == "NONE":
        return None
    if not is_twin and not state_of(context, scene, row).again:
        return None
    shot_looks, listed = submission.shot_looks, listed_looks()
    made = shot_looks.draft(context, scene, row, look, looks.made_so(look))
    if shot_looks.refusal(context, scene, row, look, made, listed):
        return None
    return Told(price=submission.common.price_of(made, listed))


def submission_for(
    context: bpy.types.Context, scene: bpy.types.Scene, row: Any, pictures: str, folder: Path
) -> Submission:
    """The submission of a row's picture in the look in use, see ``submission.shot_looks``. Raises Refused."""
    look = look_in_use(scene)
    if not state_of(context, scene, row).again:
        raise Refused("This shot is in the look already, or waits to be.")
    return submission.shot_looks.submission_of(
        context,
        scene,
        row,
        look,
        looks.made_so(look),
        session_id(),
        listed_looks(),
        pictures,
        folder,
    )


def is_wanted_by(scene: bpy.types.Scene) -> bool:
    """Whether the clips of ``scene``'s list are to begin in the look."""
    return scene.grok_video.shots_look and submission.first_frame.look_of(scene) is not None


def in_look(
    context: bpy.types.Context, scene: bpy.types.Scene, rows: Sequence[Any]
) -> dict[str, str]:
    """The rows among ``rows`` that begin in the look, by their marks, with the path of each picture; {} where that is off."""
    look = submission.first_frame.look_of(scene)
    if look is None or not scene.grok_video.shots_look:
        return {}
    found: dict[str, str] = {}
    for row in rows:
        if row.source == "NONE":
            continue
        came = [
            job.clip.path for job in _jobs_of(context, scene, row, look) if job.clip is not None
        ]
        if came:
            found[row.mark] = came[-1]
    return found

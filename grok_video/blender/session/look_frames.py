"""End frame and keyframes in the look of the first frame: which are made, which are sent.

Nothing of that is kept in the file: a look that was made after the one in use, of the same frame and camera, is that
frame's. So an undo, and another look, need nothing put back.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

import bpy

from ...core.job import Job, State
from ...core.spec import Kind
from .. import identity, submission
from .state import current, is_of_file, is_prepared, job_by_id, may_come

if TYPE_CHECKING:
    from ..submission.preparation import Preparation

_LOOKED_THROUGH = 500  # looks, the newest


def jobs_of_frames(scene: bpy.types.Scene) -> dict[tuple[float, str], Job]:
    """The newest look of each frame that was made after the look in use, and has come or is to come."""
    return _newest(scene, may_come)


def may_be_paid(scene: bpy.types.Scene) -> dict[tuple[float, str], Job]:
    """The newest look of each frame that was sent and that nobody follows any more: it may be charged."""
    ended = (State.UNKNOWN, State.CANCELLED)
    return _newest(scene, lambda job: job.state in ended and bool(job.sent or job.request_id))


def _newest(scene: bpy.types.Scene, wanted: Callable[[Job], bool]) -> dict[tuple[float, str], Job]:
    look = submission.first_frame.look_of(scene)
    if look is None:
        return {}
    found: dict[tuple[float, str], Job] = {}
    for job in islice(current().bridge.snapshot.jobs.looks, _LOOKED_THROUGH):
        spec = job.spec
        if spec.look != look.job or spec.shot:
            continue  # a shot's look is of its row alone
        if not is_of_file(job) and not identity.bears(scene, spec.target.scene_mark):
            continue
        if wanted(job):
            found.setdefault((spec.source.frame, spec.source.camera), job)
    return found


def in_look(scene: bpy.types.Scene) -> dict[tuple[float, str], str]:
    """The frames that are sent in the look, with the path of each picture; {} where the artist wants the renders."""
    if not scene.grok_video.look_frames:
        return {}
    made = jobs_of_frames(scene)
    return {key: job.clip.path for key, job in made.items() if job.clip is not None}


def on_their_way(scene: bpy.types.Scene) -> set[tuple[float, str]]:
    """The frames in the look in use that were clicked in this session, and are no jobs of the list yet."""
    look = submission.first_frame.look_of(scene)
    session = current()
    return {
        key
        for job_id, (of_look, key) in session.looks.frames.items()
        if look is not None
        and of_look == look.job
        and (is_prepared(job_id) or (job_id in session.documents and job_by_id(job_id) is None))
    }


def rest_of(first: Preparation) -> list[Preparation]:
    """The frames that one press asked for along with ``first``: nobody who stopped that wants to buy those."""
    spec = first.spec
    if spec is None or spec.kind is not Kind.LOOK or not spec.look:
        return []
    queue = current().click.queue
    return [one for one in queue if one is not first and one.spec and one.spec.look == spec.look]

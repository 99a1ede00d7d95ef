"""End frame and keyframes in the look of the first frame: which are made, which are sent.

Nothing of that is kept in the file: a look that was made after the one in use, of the same frame and camera, is that
frame's. So an undo, and another look, need nothing put back.
"""

from __future__ import annotations

from itertools import islice

import bpy

from ...core.job import Job
from .. import identity, submission
from .state import current, is_of_file, is_prepared, job_by_id

_LOOKED_THROUGH = 500  # looks, the newest


def jobs_of_frames(scene: bpy.types.Scene) -> dict[tuple[float, str], Job]:
    """The newest look of each frame that was made after the look in use, and has come or is to come."""
    look = submission.first_frame.look_of(scene)
    if look is None:
        return {}
    found: dict[tuple[float, str], Job] = {}
    for job in islice(current().bridge.snapshot.jobs.looks, _LOOKED_THROUGH):
        spec = job.spec
        if spec.look != look.job:
            continue
        if not is_of_file(job) and not identity.bears(scene, spec.target.scene_mark):
            continue
        if job.clip is not None or job.open or job.held:
            found.setdefault((spec.source.frame, spec.source.camera), job)
    return found


def note_asked(look: str, key: tuple[float, str], job_id: str) -> None:
    """Note that a frame in the look of that job was asked for just now."""
    current().looks.frames_asked[look, *key] = job_id


def is_asked(look: str, key: tuple[float, str]) -> bool:
    """Whether a frame in the look of that job was asked for, and is still to come into the list."""
    session = current()
    job_id = session.looks.frames_asked.get((look, *key), "")
    return job_by_id(job_id) is None and (is_prepared(job_id) or job_id in session.documents)


def in_look(scene: bpy.types.Scene) -> dict[tuple[float, str], str]:
    """The frames that are sent in the look, with the path of each picture; {} where the artist wants the renders."""
    if not scene.grok_video.look_frames:
        return {}
    made = jobs_of_frames(scene)
    return {key: job.clip.path for key, job in made.items() if job.clip is not None}

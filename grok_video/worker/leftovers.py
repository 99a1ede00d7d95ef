"""What downloads of a job that is over have left beside its clip: litter, or the last copy of what was paid for.

Owns what becomes of a ``.part``. How a clip is put in place is ``worker.delivery``'s, how its file is fetched again
``worker.redelivery``'s.
"""

from __future__ import annotations

import contextlib
import os
import time
from enum import StrEnum
from pathlib import Path

from ..core.files import is_there
from ..core.job import Job, State
from ..ledger.inbox import put_command
from . import kept_answer
from .clip_file import clip_in, facts_of, is_clip
from .delivery import name_part, part_of, spare_path
from .desk import Desk
from .submit import URL_FRESH


class _Left(StrEnum):
    FINISHED = "FINISHED"  # the part was the clip, and has its name again
    KEPT = "KEPT"  # the clip is missing, and the part is not the clip


class Leftovers:
    """Sees to the parts of one worker's jobs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asked: set[str] = set()  # jobs whose file this worker wanted fetched again
        self._fetched: set[str] = set()  # jobs whose file was fetched again in this worker's life

    def see_to(self, job: Job) -> None:
        """Remove what is litter, and let a clip that lost its name have it again.

        A power cut takes back a rename whose folder was not synced, also one that the ledger has: then the part is the
        only copy of a clip that is paid for. It gets its name when it is what is on record, and is kept as long as the
        clip is missing. Of a job without a clip, or after its file was fetched again in vain, a whole part is kept.
        """
        if job.fetching:
            self._fetched.add(job.id)
        kept_answer.forget(self._desk.data_dir, job)
        # What lies beside a job whose answer is still to come, whose file is just fetched again, or that a newer version
        # has gone on with, may be needed yet.
        if job.state is State.UNKNOWN or job.fetching or not job.driven:
            return
        chosen = (job.spec.output, job.clip.path if job.clip is not None else "")
        places = {spare_path(self._desk.data_dir, job), *(Path(path) for path in chosen if path)}
        left: set[_Left | None] = set()
        for part in map(part_of, places):
            with contextlib.suppress(OSError):  # a disk that fails keeps the part
                if os.path.lexists(part):  # mostly there is none
                    left.add(_settle(self._desk, job, part, fetched=job.id in self._fetched))
        if _Left.FINISHED in left:
            self._desk.log(f"job {job.id[:8]}: its clip had lost its name and has it again")
        elif _Left.KEPT in left:
            self._fetch_again(job)

    def _fetch_again(self, job: Job) -> None:
        """Say, as Blender does, that a clip is to be fetched again: once, and while its link works as a rule."""
        fresh = time.time() - job.done_at < URL_FRESH
        if not (fresh and job.fetchable_again) or job.id in self._asked | self._fetched:
            return
        self._asked.add(job.id)
        with contextlib.suppress(OSError):  # a full disk: the artist may say so later
            put_command(self._desk.data_dir, "fetch_again", job=job.id)
            self._desk.log(f"job {job.id[:8]}: its clip is gone, and is not what lies beside it")


def _settle(desk: Desk, job: Job, part: Path, *, fetched: bool) -> _Left | None:
    """What became of a part. Raises OSError."""
    clip = job.clip
    known = facts_of(clip, job.clip_sha256) if clip is not None else {}
    half_is_litter = clip is None or fetched
    delivered = clip is not None and is_clip(Path(clip.path), known)
    if delivered or (half_is_litter and clip_in(part, job.spec.kind) is None):
        part.unlink()
        return None
    if clip is None or is_there(Path(clip.path)):
        return None
    if not is_clip(part, known):
        return _Left.KEPT
    name_part(desk, job, part, clip, job.clip_sha256)
    return _Left.FINISHED

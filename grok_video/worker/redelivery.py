"""The file of a delivered clip, fetched again: it comes back under the name on record, and no other file is lost.

Owns what becomes of what lies there by now. How a clip is put in place is ``worker.delivery``'s, what a failure means
for the job ``worker.fetch``'s.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from ..core import events, mp4
from ..core.files import WORKERS_PATIENCE, replace_patiently, sync_file
from ..core.job import Job
from ..core.problem import Problem, ProblemCode
from ..core.spec import Clip
from .delivery import free_name, name_part, part_of, probed, writable_place
from .desk import Desk, RunningCall
from .http.errors import unwritable
from .http.transport import Transport


class _There(StrEnum):
    """What lies at the place of a clip."""

    NOTHING = "NOTHING"
    CLIP = "CLIP"
    BROKEN = "BROKEN"  # a file that is no whole clip, whatever it was
    OTHER = "OTHER"  # another clip, a link, a folder, a pipe


def deliver_again(
    call: RunningCall, desk: Desk, job: Job, transport: Transport
) -> events.Downloaded:
    """Fetch the clip of a delivered job to where it lay; where that cannot be written, into the data folder.

    A broken file is put aside and kept. Another whole clip, which may be the artist's own, stays, and the clip gets a
    name beside it. Raises TransportError and its kinds.
    """
    assert job.clip is not None
    place = Path(job.clip.path)
    try:
        if _lies_at(place, job.clip) is _There.CLIP:
            # Somebody put the file back, or a worker did and ended before it could say so.
            sync_file(place)
            return events.Downloaded(job.clip)
    except OSError as error:
        raise unwritable(error, place) from error
    wanted, problem = writable_place(desk, job, place)
    part = part_of(wanted)
    if not is_clip(part, job.clip):  # else a worker ended between the download and the rename
        transport.download(job.url, part, call.etag, call.call)
    clip = probed(part)
    try:
        sync_file(part)
        final, kept = _make_way(wanted, job.clip)
        if _lies_at(final, job.clip) is _There.CLIP:
            part.unlink()
            sync_file(final)
        else:
            name_part(desk, job, part, clip, final)
    except OSError as error:
        raise unwritable(error, wanted) from error
    return events.Downloaded(replace(clip, path=str(final)), problem or kept)


def is_clip(path: Path, clip: Clip) -> bool:
    """Whether a file is ``clip`` as far as its size and what it says of itself tell."""
    try:
        if os.stat(path).st_size != clip.size:
            return False
        found = mp4.probe(path)
    except (mp4.NotAClip, OSError):
        return False
    return (found.width, found.height, found.frames) == (clip.width, clip.height, clip.frames)


def _lies_at(path: Path, clip: Clip) -> _There:
    try:
        found = os.lstat(path)
    except OSError:
        return _There.NOTHING
    if is_clip(path, clip):
        return _There.CLIP
    if not stat.S_ISREG(found.st_mode):
        return _There.OTHER
    if not found.st_size:
        return _There.NOTHING
    try:
        mp4.probe(path)
    except mp4.NotAClip:
        return _There.BROKEN
    except OSError:
        pass
    return _There.OTHER


def _make_way(wanted: Path, clip: Clip) -> tuple[Path, Problem | None]:
    """Where the clip goes, and what the artist is to know of it. Raises OSError."""
    there = _lies_at(wanted, clip)
    if there is _There.BROKEN:
        aside = free_name(wanted.with_name(f"{wanted.stem}-broken{wanted.suffix}"))
        try:
            replace_patiently(wanted, aside, WORKERS_PATIENCE)
        except OSError:  # Windows: a program has the file open
            there = _There.OTHER
        else:
            return wanted, Problem(
                ProblemCode.FILE,
                f"What lay at {wanted} was not the whole clip. It is kept as {aside.name}.",
            )
    if there is _There.OTHER:
        beside = free_name(wanted)
        return beside, Problem(
            ProblemCode.FILE,
            f"Something else lies at {wanted} and is left alone: the clip is {beside.name} beside it.",
        )
    return wanted, None

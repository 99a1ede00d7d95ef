"""The file of a delivered clip, fetched again: it comes back under the name on record, and no other file is lost.

Owns what becomes of what lies there by now. How a clip is put in place is ``worker.delivery``'s, what a failure means
for the job ``worker.fetch``'s.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..core import events, mp4
from ..core.files import WORKERS_PATIENCE, is_there, replace_patiently, sync_file
from ..core.job import Job
from ..core.problem import Problem, ProblemCode
from ..core.spec import Kind
from .clip_file import facts_of, is_clip, probe
from .delivery import (
    fetch_into,
    free_name,
    name_part,
    part_of,
    probed,
    sha256_of,
    writable_place,
)
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
    known = facts_of(job.clip, job.clip_sha256)
    try:
        # Somebody put the file back, or a worker did and ended before it could say so.
        if _lies_at(place, known, job.spec.kind) is _There.CLIP:
            sync_file(place)
            return events.Downloaded(job.clip, None, job.clip_sha256)
    except OSError:
        pass  # a folder that cannot be looked into may not be written either: its clip goes to the data folder
    wanted, problem = writable_place(desk, job, place)
    wanted = wanted.with_suffix(place.suffix)  # a look has that of its kind
    part = part_of(wanted)
    try:
        downloaded = is_clip(part, known)  # a worker ended between the download and the rename
    except OSError as error:
        raise unwritable(error, part) from error
    if not downloaded:
        fetch_into(part, desk, job, transport, call)
    clip, sha256 = probed(part, job.spec.kind), sha256_of(part)
    try:
        sync_file(part)
        final, kept = _make_way(wanted, known, job.spec.kind)
        if is_clip(final, known):
            part.unlink()
            sync_file(final)
            clip, sha256 = job.clip, job.clip_sha256
        else:
            name_part(desk, job, part, replace(clip, path=str(final)), sha256)
    except OSError as error:
        raise unwritable(error, wanted) from error
    return events.Downloaded(replace(clip, path=str(final)), problem or kept, sha256)


def _lies_at(path: Path, known: Mapping[str, Any], kind: Kind) -> _There:
    """What lies at a path. Raises OSError where that cannot be told: nothing may be written there then."""
    if not is_there(path):
        return _There.NOTHING
    found = os.lstat(path)
    try:
        if is_clip(path, known):
            return _There.CLIP
        if not stat.S_ISREG(found.st_mode):
            return _There.OTHER
        if not found.st_size:
            return _There.NOTHING
        probe(path, kind)
    except mp4.NotAClip:
        return _There.BROKEN
    except OSError:
        pass
    return _There.OTHER


def _make_way(wanted: Path, known: Mapping[str, Any], kind: Kind) -> tuple[Path, Problem | None]:
    """Where the clip goes, and what the artist is to know of it. Raises OSError."""
    there = _lies_at(wanted, known, kind)
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

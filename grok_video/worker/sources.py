"""The files of a job, just before and while they are sent: are they those of the click, and what is sent if not.

Owns the comparison of files with their marks, and the spec that *Send* would send of files that are other ones now.
Files are looked at when they are open: what a path names may be replaced between two looks. Runs in the thread of a
POST: files are read here, some of them twice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..core import mp4
from ..core.files import open_given
from ..core.job import Job
from ..core.problem import Problem, ProblemCode
from ..core.record import record
from ..core.spec import Clip, FileMark, JobSpec, Keyframe, Kind, Picture, mark_of
from ..service.pricing import billed_seconds, estimate_of, priced_resolution
from ..service.request import RemoteClip
from .clip_file import checksum_of, facts_of, is_clip_open
from .dearer import costs
from .http.errors import SourceGone

#: Seconds by which a measured length may miss the priced one: clocks of files are no finer.
_ALIKE = 0.005
_PUT_BACK = "Put the file back and press Send, or make the clip anew."
_TAKE_IT = "Send takes the file as it is now, at the price on the button."


class FilesChanged(Exception):
    """A file is not the one of the click. ``instead``: the job with the files as they are; None: cannot be sent."""

    def __init__(self, what_happened: str, hint: str, instead: JobSpec | None = None) -> None:
        super().__init__(what_happened)
        self.problem = Problem(
            ProblemCode.FILE, f"{what_happened} Nothing was sent or charged.", hint
        )
        self.instead = instead


@record
class _Found:
    """A file of a job as it is now."""

    what: str  # its name for artists
    mark: FileMark
    same: bool  # the file of the click
    clip: Clip | None  # of a source video
    downloaded: bool  # that clip is what the job that made it has on record


def files_of_click(
    spec: JobSpec, named: RemoteClip | None, made: Job | None
) -> tuple[tuple[FileMark, ...], RemoteClip | None]:
    """The files of ``spec`` as they are, and ``named`` where the source clip is what the job ``made`` downloaded.

    A file is the one of the click when its content is known to be the same; where no content is on record, when its
    size, time and inode are. Of what 0.1.0 put down the size counts. The length and size of a source clip must be
    those that were priced. Raises FilesChanged.
    """
    if named is not None and not spec.files and _is_gone(spec):
        return (), named  # put down by 0.1.0, which sends the address of a clip that is gone
    marks = {mark.path: mark for mark in spec.files}
    found = [
        _looked_at(spec, what, path, size, marks.get(path), made)
        for what, path, size in spec.sent_files
    ]
    fresh = _as_found(spec, found) if found else spec
    if changed := [one.what for one in found if not one.same]:
        words = one_or_more(changed, "has", "have")
        raise FilesChanged(f"{words} changed since your click.", _TAKE_IT, fresh)
    if other := _not_priced(spec, fresh):
        raise FilesChanged(other, _TAKE_IT, fresh)
    if not all(one.downloaded for one in found):
        named = None
    return tuple(one.mark for one in found), named


def one_or_more(files: Sequence[str], one: str, more: str) -> str:
    """The beginning of a sentence of a job's files, by an artist's names: 'The A and the B of this job have'."""
    return f"The {' and the '.join(files)} of this job {one if len(files) == 1 else more}"


def _is_gone(spec: JobSpec) -> bool:
    return spec.video is not None and not os.path.lexists(spec.video.path)


def found_instead(spec: JobSpec, named: RemoteClip | None, made: Job | None) -> JobSpec | None:
    """``spec`` with the files as they are now; None where they are those of the click, or cannot be sent."""
    try:
        files_of_click(spec, named, made)
    except FilesChanged as changed:
        return changed.instead
    return None


def _looked_at(
    spec: JobSpec, what: str, path: str, size: int, known: FileMark | None, made: Job | None
) -> _Found:
    """Look at one file. Raises FilesChanged when it cannot be read, or is no clip where a clip is sent."""
    clip: Clip | None = None
    recorded = facts_of(made.clip, made.clip_sha256) if made is not None and made.clip else {}
    try:
        with open_given(Path(path)) as file:
            mark = mark_of(path, os.fstat(file.fileno()))
            if spec.kind.reworks:
                clip = mp4.probe_open(file, path)
            downloaded = bool(recorded) and is_clip_open(file, recorded)
            moved = known is not None and not known.looks_like(mark)
            if made is not None or moved or (known is not None and known.sha256):
                mark = replace(mark, sha256=checksum_of(file))
    except mp4.NotAClip as error:
        raise FilesChanged(
            f"The {what} of this job is no whole clip: {error}.", _PUT_BACK
        ) from error
    except OSError as error:
        raise FilesChanged(
            f"The {what} of this job cannot be read: {error.strerror}.", _PUT_BACK
        ) from error
    if known is None:
        return _Found(what, mark, size in (0, mark.size), clip, downloaded)
    same = known.holds(mark) if known.sha256 else known.looks_like(mark)
    # The click knew no content, but the download did: a sync tool that gives the clip another time changes nothing.
    by_content = downloaded and "sha256" in recorded
    same |= not known.sha256 and known.size == mark.size and by_content
    return _Found(what, mark, same, clip, downloaded)


def _not_priced(spec: JobSpec, fresh: JobSpec) -> str:
    """'' or why the source clip as it is, in ``fresh``, is not sent at the price that the artist saw.

    A clip of another length or size was not agreed to at all, be it cheaper.
    """
    if spec.video is None or fresh.video is None:
        return ""
    seconds = (fresh.video.seconds, spec.video.seconds)
    alike = abs(seconds[0] - seconds[1]) < _ALIKE or len({*map(billed_seconds, seconds)}) == 1
    if not alike or fresh.resolution != spec.resolution:
        return (
            "The source clip of this job is another one than was priced: it lasts "
            f"{seconds[0]:.1f} s at {fresh.resolution}."
        )
    price, seen = fresh.estimate, spec.estimate
    if price is None or seen is None or price <= seen:
        return ""
    return costs(price, seen)


def _as_found(spec: JobSpec, found: list[_Found]) -> JobSpec:
    """``spec`` with the files as they are now, and the price of those."""
    sizes = {one.mark.path: one.mark.size for one in found}

    def sized(picture: Picture) -> Picture:
        return replace(picture, size=sizes[picture.path])

    if not spec.kind.reworks:
        return replace(
            spec,
            files=tuple(one.mark for one in found),
            image_bytes=sizes.get(spec.image, 0),
            references=tuple(map(sized, spec.references)),
            last_frame=spec.last_frame and sized(spec.last_frame),
            keyframes=tuple(
                Keyframe(sized(frame.picture), frame.thirds) for frame in spec.keyframes
            ),
        )
    (one,) = found
    clip = one.clip
    assert clip is not None
    assert spec.video is not None
    video = replace(
        spec.video, seconds=clip.seconds, size=clip.size, width=clip.width, height=clip.height
    )
    edit = spec.kind is Kind.EDIT
    fresh = replace(
        spec,
        files=(one.mark,),
        video=video,
        duration=billed_seconds(clip.seconds) if edit else spec.duration,
        resolution=priced_resolution(clip.width, clip.height),
    )
    # A model that was typed in has the price per second that the artist entered.
    by_second = (spec.estimate or 0) // max(spec.duration, 1)
    return replace(fresh, estimate=estimate_of(fresh, by_second))


class Reading:
    """The files of one POST while they leave: each must be what ``files_of_click`` saw, to its last byte."""

    def __init__(self, files: tuple[FileMark, ...]) -> None:
        self._files = {Path(mark.path): mark for mark in files}

    @property
    def files(self) -> tuple[FileMark, ...]:
        """The files with the checksums of what has left."""
        return tuple(self._files.values())

    def opened(self, path: Path, status: os.stat_result) -> None:
        """A file was opened, and the system says ``status`` of what is open. Raises SourceGone."""
        known = self._files.get(path)
        if known is not None and not known.looks_like(mark_of(str(path), status)):
            raise source_changed(path)

    def left(self, path: Path, sha256: str) -> None:
        """All of a file has left. Raises SourceGone."""
        known = self._files.get(path)
        if known is None:
            return
        if known.sha256 not in ("", sha256):
            raise source_changed(path)
        self._files[path] = replace(known, sha256=sha256)


def source_changed(path: Path) -> SourceGone:
    return SourceGone(
        Problem(
            ProblemCode.FILE,
            f"The file {path.name} changed while it was sent. Nothing was sent or charged.",
            "Press Send when the file is as you want it.",
        )
    )

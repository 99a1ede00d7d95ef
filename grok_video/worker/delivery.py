"""A clip's files: their folder, the ``.part`` of a download, the JSON beside the clip, and the rename into place.

Owns every file that a download leaves in the artist's folder or in the data folder. What a failure means for the job
is ``worker.fetch``'s.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core import events, mp4, picture_file
from ..core.amount import TICKS_PER_USD
from ..core.files import (
    INSIDE,
    WORKERS_PATIENCE,
    NoFile,
    begin_anew,
    is_there,
    open_given,
    open_own,
    read_file,
    replace_patiently,
    sync,
    sync_file,
    sync_name,
    write_whole,
)
from ..core.job import Job
from ..core.problem import Problem, ProblemCode
from ..core.shape import ratio_text
from ..core.spec import Clip, JobSpec, Kind
from ..core.urls import host_of
from . import kept_answer
from .clip_file import checksum_of, clip_in, facts_of, is_clip, probe
from .desk import Desk, RunningCall
from .http.errors import LinkGone, Refused, TransportError, unwritable
from .http.transport import Transport

_LONGEST_SIDECAR = 1 << 20  # bytes
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FROM_PART = Problem(
    ProblemCode.DOWNLOAD,
    "The link to this clip no longer works. The clip is what an earlier download had left, which is whole.",
    "Where its pictures are broken, remove the file and press Download Again: free, if the service has it again.",
)

#: The folder of looks, in that of clips.
LOOKS = "looks"


def deliver(call: RunningCall, desk: Desk, job: Job, transport: Transport) -> events.Downloaded:
    """Fetch the clip to the place chosen at the click; where that cannot be written, into the data folder.

    Raises TransportError and its kinds.
    """
    chosen = Path(job.spec.output) if job.spec.output else spare_path(desk.data_dir, job)
    wanted, problem = writable_place(desk, job, chosen)
    try:
        earlier = already_there(wanted, job)
    except OSError as error:
        raise unwritable(error, wanted) from error
    if earlier is not None:
        return events.Downloaded(earlier, problem, sha256_of(Path(earlier.path)))
    part = part_of(wanted)
    try:
        fetch_into(part, desk, job, transport, call)
    except (LinkGone, Refused):
        if not _left_whole(job, part):
            raise
        problem = problem or _FROM_PART
    clip, sha256 = probed(part, job.spec.kind), sha256_of(part)
    try:
        if job.spec.kind is Kind.LOOK:
            wanted = wanted.with_suffix(picture_file.suffix_of(part))
        final = free_name(wanted)
        name_part(desk, job, part, replace(clip, path=str(final)), sha256)
    except OSError as error:
        raise unwritable(error, wanted) from error
    return events.Downloaded(replace(clip, path=str(final)), problem, sha256)


def fetch_into(part: Path, desk: Desk, job: Job, transport: Transport, call: RunningCall) -> None:
    """Let ``part`` hold what the job bought: from its link, or from the answer that it came in.

    Raises TransportError and its kinds.
    """
    if job.url != events.IN_THE_ANSWER:
        longest = picture_file.LARGEST_FILE if job.spec.kind is Kind.LOOK else None
        transport.download(job.url, part, call.etag, call.call, longest)
        return
    try:
        with begin_anew(part, private=False) as file:
            file.write(kept_answer.picture_of(desk.data_dir, job))
            file.flush()
            sync(file.fileno())
    except OSError as error:
        raise unwritable(error, part) from error


def _left_whole(job: Job, part: Path) -> bool:
    """Whether an earlier worker, which ended then, downloaded all of the clip of ``job`` into ``part``.

    Nothing of it is on record, so only a part whose name holds the job's id counts: another job has another.
    """
    try:
        if job.spec.short_id not in part.name or clip_in(part, job.spec.kind) is None:
            return False
        sync_file(part)
    except OSError:
        return False
    return True


def writable_place(desk: Desk, job: Job, wanted: Path) -> tuple[Path, Problem | None]:
    """``wanted``, or the place in the data folder where that cannot be written, and what the artist is to know.

    Raises TransportError where neither can be written, and on a full disk: the clip waits for space.
    """
    try:
        prepare_folder(wanted, 0o777 & ~desk.umask)
    except OSError as error:
        if error.errno in _FULL:
            raise unwritable(error, wanted) from error
        spare = spare_path(desk.data_dir, job)
        problem = Problem(
            ProblemCode.FILE,
            f"The folder {wanted.parent} cannot be written ({error.strerror}), so the clip is in "
            f"{spare.parent}.",
            "Import it from the queue, or move it where you like.",
        )
        try:
            prepare_folder(spare)
        except OSError as again:
            raise unwritable(again, spare) from again
        return spare, problem
    return wanted, None


def probed(part: Path, kind: Kind) -> Clip:
    """What a download of a job of that kind says of itself, without cover art before its pictures, which Blender would show for the clip.

    Raises TransportError for what is no whole clip, which is removed, or gone.
    """
    try:
        clip = probe(part, kind)
        if kind is not Kind.LOOK and mp4.take_off_cover(part):
            sync_file(part)
        return clip
    except OSError as error:  # a scanner of Windows, or a worker of 0.1.0, took it
        raise unwritable(error, part) from error
    except mp4.NotAClip as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise TransportError(
            Problem(ProblemCode.DOWNLOAD, f"What came is not a whole clip: {error}.")
        ) from error


def name_part(desk: Desk, job: Job, part: Path, clip: Clip, sha256: str) -> None:
    """Let the whole download ``part``, which is synced, have its name, that of ``clip``; its JSON first. Raises OSError."""
    final = Path(clip.path)
    if final.parent != spare_path(desk.data_dir, job).parent:
        # In the artist's folder a clip has the rights of the artist's other files; our umask is private.
        give_rights(part, 0o666 & ~desk.umask)
    sidecar = final.with_suffix(".json")
    # The JSON of a clip that is fetched again may still be there, and the service may have encoded that clip anew.
    told = _told(sidecar)
    outdated = told.get("job") == job.id and told.get("clip") != _facts(clip, sha256)
    if outdated or not is_there(sidecar):
        write_sidecar(sidecar, job, clip, sha256, desk.umask)
    _give_name(part, final)


def sha256_of(path: Path) -> str:
    """The checksum of a clip's file, 64 hex characters; '' where the file cannot be read: it is paid for anyway."""
    try:
        with open_given(path) as file:
            return checksum_of(file)
    except OSError:
        return ""


def spare_path(data_dir: Path, job: Job) -> Path:
    """The place in the data folder of a clip whose own folder cannot be written."""
    ending = ".jpg" if job.spec.kind is Kind.LOOK else ".mp4"
    name = Path(job.spec.output).name[-100:] if job.spec.output else f"{job.id}{ending}"
    return data_dir / "clips" / name


def _give_name(part: Path, clip: Path) -> None:
    """Rename the whole file ``part``, which is synced, for good. Raises OSError."""
    replace_patiently(part, clip, WORKERS_PATIENCE)
    sync_name(clip)


def write_sidecar(path: Path, job: Job, clip: Clip, sha256: str, umask: int) -> None:
    """Write the JSON of how a clip was made. Raises OSError."""
    spec = job.spec
    text = json.dumps(
        {
            "prompt": spec.prompt,
            "kind": spec.kind,
            "model": spec.model,
            "settings": _settings(spec),
            "job": job.id,
            "request_id": job.request_id,
            "cost_usd": _dollars(job.cost),
            "estimated_cost_usd": _dollars(spec.estimate),
            "source": dataclasses.asdict(spec.source),
            **_inputs(spec),
            "parent": spec.parent,
            "made_at": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(job.ready_at or None)),
            "result_host": host_of(job.url),
            "clip": _facts(clip, sha256),
        },
        indent=2,
        ensure_ascii=False,
    )
    data = text.encode("utf-8", "replace") + b"\n"
    write_whole(path, data, durable=True, private=False, patience=WORKERS_PATIENCE)
    # The worker's own umask is private, and whoever may read the artist's folder may read how a clip was made.
    give_rights(path, 0o666 & ~umask)


def _facts(clip: Clip, sha256: str) -> dict[str, Any]:
    """What a clip's JSON says of its file."""
    return {"file": Path(clip.path).name, **facts_of(clip, sha256)}


def _dollars(ticks: int | None) -> float | None:
    return None if ticks is None else ticks / TICKS_PER_USD


def _settings(spec: JobSpec) -> dict[str, Any]:
    if spec.kind is Kind.LOOK:
        return {"resolution": spec.resolution, "quality": spec.quality}
    return {
        "duration": spec.duration,
        "resolution": spec.resolution,
        "aspect_ratio": ratio_text(spec),
        "generate_audio": spec.generate_audio,
    }


def _inputs(spec: JobSpec) -> dict[str, Any]:
    """What a request was made from, for the clip's JSON: names of files, never a URL."""
    told: dict[str, Any] = {}
    if spec.written:
        told["written"] = spec.written
    if spec.kind is Kind.LOOK:
        width, height = spec.image_pixels
        mark = next((mark for mark in spec.files if mark.path == spec.image), None)
        told["source_picture"] = {
            "file": Path(spec.image).name,
            "width": width,
            "height": height,
            "sha256": mark.sha256 if mark is not None else "",
        }
    if spec.video is not None:
        video = spec.video
        told["source_video"] = {
            "file": Path(video.path).name,
            "seconds": video.seconds,
            "job": video.job,
        }
    if spec.references:
        told["references"] = [picture.name for picture in spec.references]
    if spec.cast:
        told["cast"] = [
            {"name": one.name, "pictures": one.pictures, "voice": one.voice} for one in spec.cast
        ]
    if spec.voices:
        told["voices"] = list(spec.voices)
    if spec.last_frame is not None:
        told["last_frame"] = spec.last_frame.name
    if spec.loop:
        told["loop"] = True
    if spec.draft:
        told["draft_of"] = {"model": spec.final_model, "resolution": spec.final_resolution}
    if spec.keyframes:
        told["keyframes"] = [
            {"seconds": round(frame.seconds, 3), "picture": frame.picture.name}
            for frame in spec.keyframes
        ]
    return told


def give_rights(path: Path, mode: int) -> None:
    """Let ``path`` have the rights of ``mode`` where its file system keeps any.

    A share, a stick or a disk of another system refuses that (EPERM, ENOTSUP) although it takes the clip, which is paid.
    """
    with contextlib.suppress(OSError):
        os.chmod(path, mode)


def part_of(clip: Path) -> Path:
    return clip.with_name(clip.name + ".part")


def prepare_folder(clip: Path, mode: int = INSIDE) -> None:
    """Make the folder of ``clip`` where its parent exists, and try to write there. Raises OSError.

    The folder of looks lies in that of clips, which is made too.
    """
    deep = (clip.parent.parent,) if clip.parent.name == LOOKS else ()
    for folder in (*deep, clip.parent):
        if not folder.is_dir():
            folder.mkdir()
            give_rights(folder, mode)
    part = part_of(clip)
    try:
        open_own(part, "ab").close()
    except NoFile:
        part.unlink()  # a pipe or a link: the name is this program's own
        open_own(part, "ab").close()


def _names(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in range(2, 10_000):
        yield wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")


def _beside(path: Path) -> Iterator[Path]:
    """Every file that a clip or look of that name may have: a JSON belongs to one of them."""
    yield from (path, path.with_suffix(".json"))
    if path.suffix in picture_file.SUFFIXES.values():
        yield from (path.with_suffix(suffix) for suffix in picture_file.SUFFIXES.values())


def free_name(wanted: Path) -> Path:
    """``wanted``, or the first of ``-2``, ``-3`` … of which there is neither clip nor JSON. Raises OSError."""
    for path in _names(wanted):
        if not any(map(is_there, _beside(path))):
            return path
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(wanted))


def already_there(wanted: Path, job: Job) -> Clip | None:
    """The clip of ``job`` when a worker put it in place, or was about to, and ended before it could say so; else None.

    The JSON is written before the clip gets its name: a part that is what the JSON says is whole. Raises OSError.
    """
    part = part_of(wanted)
    for path in _names(wanted):
        sidecar = path.with_suffix(".json")
        told = _told(sidecar)
        if told.get("job") != job.id:
            if any(map(is_there, _beside(path))):
                continue
            return None
        known = _facts_in(told)
        path = _with_ending(path, known)
        if not is_there(path):
            # A JSON of 0.1.0 tells no size, and so of no part.
            if "bytes" not in known or not is_clip(part, known):
                with contextlib.suppress(OSError):
                    sidecar.unlink()
                continue
            _give_name(part, path)
        clip = _clip_at(path, known, job.spec.kind)
        if clip is None:
            continue
        # The worker that put both files there may have ended before a power cut could take neither.
        sync_file(sidecar)
        sync_file(path)
        with contextlib.suppress(OSError):
            part.unlink()
        return clip
    return None


def clip_on_disk(data_dir: Path, job: Job) -> str:
    """The name of a file that tells that the clip of ``job`` was bought and downloaded; '' without one.

    Of the clip, or its part, beside whose name it is written that ``job`` made it; where both are gone, of that JSON.
    """
    for wanted in (Path(job.spec.output), spare_path(data_dir, job)) if job.spec.output else ():
        for path in _names(wanted):
            sidecar = path.with_suffix(".json")
            told = _told(sidecar)
            if told.get("job") == job.id:
                known = _facts_in(told)
                path = _with_ending(path, known)
                if path.is_file():
                    return path.name
                part = part_of(wanted)
                whole = "bytes" in known and _clip_at(part, known, job.spec.kind)
                return part.name if whole else sidecar.name
            if not any(map(os.path.lexists, _beside(path))):
                break
    return ""


def _with_ending(path: Path, known: dict[str, Any]) -> Path:
    """``path`` as the file is called of which a JSON tells: a look has the ending of its kind, a clip always its own."""
    ending = Path(str(known.get("file", ""))).suffix
    return path.with_suffix(ending) if ending in picture_file.SUFFIXES.values() else path


def _clip_at(path: Path, known: dict[str, Any], kind: Kind) -> Clip | None:
    """The clip at ``path`` when it is the one of a JSON; None also where it cannot be read."""
    try:
        return clip_in(path, kind) if is_clip(path, known) else None
    except OSError:
        return None


def _facts_in(told: dict[str, Any]) -> dict[str, Any]:
    facts = told.get("clip")
    return facts if isinstance(facts, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _told(sidecar: Path) -> dict[str, Any]:
    """What the JSON beside a clip says; nothing where there is none."""
    try:
        data = json.loads(read_file(sidecar, _LONGEST_SIDECAR))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}  # pyright: ignore[reportUnknownVariableType]

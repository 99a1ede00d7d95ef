"""What lies in the folder of an exported shot list: the list itself, stills, claims and clips, each with its JSON.

    shots.json                  the rows of the list, and which of them this folder is for
    stills/<shot>.png, .json    the first frame, its size, checksum and frame, and of which .blend it is
    claims/                     see ``claims``
    clips/<shot>.mp4, .json     the clip, as a worker writes both
    <name>_clips.blend          what *place* makes

All hosts of a farm share the folder. Knows files, and believes none of them. Takes as long as the disk takes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from ..core.files import NoFile, open_given, read_file
from ..core.paths import no_name_of_windows
from ..core.record import record
from ..core.shot import Shot
from ..core.shot_file import MOST_BYTES, to_json
from ..core.spec import Source
from .claims import SHOT
from .shared_file import put_shared

LIST = "shots.json"
_VERSION = 1
_LONGEST_NOTE = 1 << 20  # bytes of the JSON beside a still or a clip
_LARGEST_STILL = 256 << 20  # bytes
_LAST_FRAME = 1 << 31  # a frame is none beyond
_LONGEST_NAME = 40  # characters of a shot's name that its files keep
_HEX64 = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}


class FolderTrouble(Exception):
    """What lies in the folder cannot be read or written: a sentence. Nothing was bought."""


@record
class Listed:
    """A row of the shot list that the folder is for."""

    file: str  # what its files are called, without their endings
    row: int  # of the list in the .blend, from 0
    mark: str  # what jobs know the row by
    name: str  # as the artist has named it
    still: bool  # whether its clip begins with a picture
    price: int | None  # ticks at the export; None where it was not known


@record
class ShotList:
    """What ``shots.json`` says."""

    blend: str  # path of the .blend at the export
    sha256: str  # of that file, 64 hex characters
    scene: str  # name of the scene whose list it is
    digest: str  # of all rows of the list: see ``digest_of``
    shots: tuple[Listed, ...]


@record
class StillNote:
    """The JSON of a still."""

    path: str  # absolute
    mime: str  # 'image/png' 'image/jpeg'
    width: int  # pixels
    height: int
    size: int  # bytes
    sha256: str
    blend: str  # checksum of the .blend that was rendered
    mark: str  # of the row: a .blend may have several lists
    source: Source


@record
class ClipNote:
    """A whole clip in the folder."""

    path: str  # absolute
    job: str  # id of the job that bought it
    data: dict[str, Any]  # all of its JSON


def names_for(names: Iterable[str]) -> list[str]:
    """A name for the files of each shot, in order: the shot's own as far as every system takes it, and no name twice.

    Small letters, digits and '_' alone: a hyphen is what workers put before the number of a second clip.
    """
    made: list[str] = []
    taken: set[str] = set()
    numbers: dict[str, int] = {}  # the last one of each name: thousands may be called the same
    for name in names:
        ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "_", ascii_text).strip("_")[:_LONGEST_NAME].rstrip("_")
        if not slug or no_name_of_windows(f"C:\\{slug}"):
            slug = f"shot_{slug}".rstrip("_")
        free, number = slug, numbers.get(slug, 1)
        while free in taken:
            number += 1
            free = f"{slug}_{number}"
        numbers[slug] = number
        taken.add(free)
        made.append(free)
    return made


def digest_of(shots: Sequence[Shot], begin: str, end: str) -> str:
    """64 hex characters that stand for all rows of a list, and what their prompts begin and end with."""
    return hashlib.sha256(to_json(shots, begin=begin, end=end)).hexdigest()


def checksum_of(path: Path) -> str:
    """64 hex characters that stand for the content of a file. Raises OSError."""
    with open_given(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_list(
    folder: Path, listed: ShotList, shots: Sequence[Shot], begin: str, end: str
) -> ShotList:
    """Write ``shots.json``; ``shots`` are all rows. Returns what it says: of a list that the folder has already, the shots
    that went along before stay. Raises FolderTrouble, also for a folder that holds another list.
    """
    try:
        there: ShotList | None = read_list(folder)
    except FolderTrouble:
        there = None
    if any((folder / name).is_dir() for name in ("claims", "clips")):
        if there is None or not _is_one_list(there, listed):
            raise FolderTrouble(
                f"The folder {folder} has the claims and clips of another list. Choose an empty folder."
            )
        # What was bought is wanted no more by an export, and its clip belongs to the film.
        shot_of = {one.row: one for one in (*there.shots, *listed.shots)}
        kept = tuple(shot_of[row] for row in sorted(shot_of))
        listed = dataclasses.replace(listed, shots=kept)
    farm = {"version": _VERSION, **dataclasses.asdict(listed)}
    data = to_json(shots, begin=begin, end=end, farm=farm)
    write_note(folder / LIST, data)
    return listed


def _is_one_list(there: ShotList, listed: ShotList) -> bool:
    """Whether claims and clips that were made for one are those of the other: no row of both has another name or mark."""
    known = {one.row: (one.file, one.mark) for one in there.shots}
    files = {one.file: one.row for one in there.shots}
    return (there.digest, there.scene) == (listed.digest, listed.scene) and all(
        known.get(one.row, (one.file, one.mark)) == (one.file, one.mark)
        and files.get(one.file, one.row) == one.row
        for one in listed.shots
    )


def read_list(folder: Path) -> ShotList:
    """What ``shots.json`` in a folder says. Raises FolderTrouble."""
    path = folder / LIST
    try:
        told: Any = json.loads(read_file(path, 2 * MOST_BYTES))
        return _list_in(told["farm"])
    except FileNotFoundError:
        raise FolderTrouble(
            f"There is no {LIST} in {folder}. The folder of the exported list has to be one that all hosts share."
        ) from None
    except OSError as error:
        raise FolderTrouble(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FolderTrouble(
            f"{path} is no list of this program, or of a newer version. Export it again."
        ) from None


def _list_in(told: dict[str, Any]) -> ShotList:
    """Raises ValueError, KeyError, TypeError."""
    if told["version"] != _VERSION:
        raise ValueError
    shots = tuple(_listed_in(one) for one in told["shots"])
    files = {one.file for one in shots}
    if len(files) < len(shots) or len({one.row for one in shots}) < len(shots):
        raise ValueError
    texts = [told[name] for name in ("blend", "scene")]
    sums = [told[name] for name in ("sha256", "digest")]
    if not all(isinstance(text, str) for text in texts + sums) or not all(
        map(_HEX64.fullmatch, sums)
    ):
        raise ValueError
    return ShotList(texts[0], sums[0], texts[1], sums[1], shots)


def _listed_in(told: dict[str, Any]) -> Listed:
    found = Listed(**{one.name: told[one.name] for one in dataclasses.fields(Listed)})
    numbers: list[Any] = [found.row] if found.price is None else [found.row, found.price]
    texts: list[Any] = [found.file, found.mark, found.name]
    good = (
        all(isinstance(text, str) for text in texts)
        and SHOT.fullmatch(found.file)
        and 0 < len(found.mark) <= 64
        and told["still"] in (True, False)
        and all(type(number) is int and number >= 0 for number in numbers)
    )
    if not good:
        raise ValueError
    return found


def write_note(path: Path, data: bytes) -> None:
    """Let a file of the folder hold ``data``. Raises FolderTrouble."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put_shared(path, data)
    except OSError as error:
        raise FolderTrouble(f"{path} cannot be written: {error.strerror or error}.") from error


def still_path(folder: Path, shot: str, mime: str) -> Path:
    """Where the still of a shot lies."""
    return folder / "stills" / f"{shot}{_SUFFIXES[mime]}"


def clip_path(folder: Path, shot: str) -> Path:
    """Where the clip of a shot lies."""
    return folder / "clips" / f"{shot}.mp4"


def put_still(
    folder: Path,
    shot: str,
    mark: str,
    picture: Path,
    mime: str,
    pixels: tuple[int, int],
    source: Source,
    blend: str,
) -> StillNote:
    """Copy a finished still into the folder, then its JSON: a still without its JSON is none. Raises FolderTrouble."""
    try:
        data = read_file(picture, _LARGEST_STILL)
    except OSError as error:
        raise FolderTrouble(
            f"The still of shot “{shot}” cannot be read: {error.strerror}."
        ) from error
    path = still_path(folder, shot, mime)
    width, height = pixels
    digest = hashlib.sha256(data).hexdigest()
    note = StillNote(str(path), mime, width, height, len(data), digest, blend, mark, source)
    write_note(path, data)
    told = {"version": _VERSION, "shot": shot, **dataclasses.asdict(note), "path": path.name}
    write_note(path.with_suffix(".json"), json.dumps(told, indent=1).encode())
    return note


def still_of(folder: Path, shot: str, mark: str, blend: str) -> StillNote | None:
    """The still of a shot that is there, whole, and of that row of the .blend with that checksum; else None."""
    told = _told(folder / "stills" / f"{shot}.json")
    try:
        mime, source = told["mime"], Source(**told["source"])
        path = still_path(folder, shot, mime)
        note = StillNote(
            str(path),
            mime,
            told["width"],
            told["height"],
            told["size"],
            told["sha256"],
            told["blend"],
            told["mark"],
            source,
        )
        numbers = (note.width, note.height, note.size)
        if told["version"] != _VERSION or told["shot"] != shot:
            return None
        if (note.blend, note.mark) != (blend, mark):
            return None
        if not all(type(number) is int and number > 0 for number in numbers):
            return None
        texts: list[Any] = [source.kind, source.scene, source.camera, source.image, source.view]
        frame: Any = source.frame
        if not all(isinstance(text, str) for text in texts):
            return None
        if not isinstance(frame, int | float) or not abs(frame) < _LAST_FRAME:
            return None
        data = read_file(path, _LARGEST_STILL)
    except (KeyError, TypeError, OSError):
        return None
    whole = len(data) == note.size and hashlib.sha256(data).hexdigest() == note.sha256
    return note if whole else None


def clip_of(folder: Path, shot: str) -> ClipNote | None:
    """The clip of a shot that is there and whole by its JSON; else None."""
    path = clip_path(folder, shot)
    told = _told(path.with_suffix(".json"))
    facts, job = told.get("clip"), told.get("job")
    if not isinstance(facts, dict) or not isinstance(job, str) or not _ID.fullmatch(job):
        return None
    known = cast(dict[str, Any], facts)
    try:
        if known.get("bytes") != path.stat().st_size or checksum_of(path) != known.get("sha256"):
            return None
    except OSError:
        return None
    return ClipNote(str(path), job, told)


def put_clip(folder: Path, shot: str, clip: Path) -> None:
    """Copy a clip that lies elsewhere, with its JSON, into the folder. Raises FolderTrouble."""
    path = clip_path(folder, shot)
    try:
        data, note = read_file(clip, 4 << 30), read_file(clip.with_suffix(".json"), _LONGEST_NOTE)
    except OSError as error:
        raise FolderTrouble(
            f"The clip {clip} of shot “{shot}” cannot be read: {error.strerror}."
        ) from error
    write_note(path, data)
    write_note(path.with_suffix(".json"), note)


def _told(path: Path) -> dict[str, Any]:
    """What a JSON of the folder says; nothing where there is none."""
    try:
        told: Any = json.loads(read_file(path, _LONGEST_NOTE))
    except (OSError, NoFile, ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], told) if isinstance(told, dict) else {}

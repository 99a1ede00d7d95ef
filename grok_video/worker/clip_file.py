"""Whether a file is the clip, or the look, that is on record: the one place that says so.

Knows a clip's facts, as the ledger and the JSON beside a clip hold them. Where files go, and what becomes of those that
are no clip, is ``worker.delivery``'s and its neighbours'.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

from ..core import mp4, picture_file
from ..core.files import NoFile, open_given
from ..core.spec import Clip, Kind


def facts_of(clip: Clip, sha256: str) -> dict[str, Any]:
    """What is on record of a clip's file, whatever its name; ``sha256`` is '' where no checksum is on record."""
    facts = {
        "bytes": clip.size,
        "width": clip.width,
        "height": clip.height,
        "fps": clip.fps,
        "frames": clip.frames,
        "has_audio": clip.has_audio,
    }
    return {**facts, "sha256": sha256} if sha256 else facts


def is_clip(path: Path, known: Mapping[str, Any]) -> bool:
    """Whether a file is the clip of which ``known`` is on record; not where there is no file.

    Raises OSError where the file is there and cannot be read: then nobody knows.
    """
    try:
        with open_given(path) as file:
            return is_clip_open(file, known)
    except (FileNotFoundError, NotADirectoryError, NoFile):
        return False


def is_clip_open(file: BufferedReader, known: Mapping[str, Any]) -> bool:
    """Whether an open file is the clip of which ``known`` is on record. Raises OSError.

    Its checksum decides. 0.1.0 recorded none: there every fact counts that is on record of size, picture and sound.
    """
    size = os.fstat(file.fileno()).st_size
    if known.get("bytes", size) != size:
        return False
    if "sha256" in known:
        return checksum_of(file) == known["sha256"]
    # A look, unlike any clip, has no rate.
    probe_open = picture_file.probe_open if known.get("fps") == 0 else mp4.probe_open
    try:
        found = facts_of(probe_open(file, ""), "")
    except mp4.NotAClip:
        return False
    return all(known.get(name, value) == value for name, value in found.items())


def checksum_of(file: BufferedReader) -> str:
    """The checksum of all of an open file, 64 hex characters. Raises OSError."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def probe(path: Path, kind: Kind) -> Clip:
    """What the file of a job of that kind says of itself: a clip, or a look's picture. Raises NotAClip, or OSError."""
    return picture_file.probe(path) if kind is Kind.LOOK else mp4.probe(path)


def clip_in(part: Path, kind: Kind) -> Clip | None:
    """The clip, or the look, in a file; None where there is no file, or in it no whole one. Raises OSError."""
    try:
        return probe(part, kind)
    except (mp4.NotAClip, FileNotFoundError, NotADirectoryError, NoFile):
        return None

"""What the file of a look says of itself: is it a whole picture, of which kind and how large.

Owns the kinds that a look may have, and how their names end. The file comes from the network: every size in it is a
claim until checked, and whatever is wrong ends in ``NotAPicture``. Knows nothing of jobs, HTTP or Blender.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from .files import open_given
from .mp4 import NotAClip
from .picture_kind import HEAD, MOVING_WEBP, kind_of, measure
from .spec import Clip

#: How the name of a look ends, by its kind.
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
LARGEST_FILE = 64 << 20  # bytes; a look of 4 megapixels has some 5 MB
LONGEST_SIDE = 8192  # pixels; a look of 4 megapixels has some 2,700
_LONGEST_HEAD = (
    1 << 20
)  # bytes in which a JPEG tells its size, profiles and a small picture of itself come before
_MOST_CHUNKS = 100_000  # of a PNG
_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})  # markers of a JPEG without a length


class NotAPicture(NotAClip):
    """The file is no whole picture of a kind that a look has. The text says what is wrong with it."""


def probe(path: str | os.PathLike[str]) -> Clip:
    """The picture in the file at ``path``, as a clip of one frame. Raises NotAPicture, or OSError."""
    with open_given(Path(path)) as file:
        return probe_open(file, path)


def probe_open(file: BinaryIO, path: str | os.PathLike[str]) -> Clip:
    """The picture in the open ``file``, wherever in it one has read to; ``path`` is told in the clip. Raises as ``probe``."""
    size = os.fstat(file.fileno()).st_size
    if size > LARGEST_FILE:
        raise NotAPicture(f"it has {size >> 20} MB, far too many for a picture")
    file.seek(0)
    data = file.read(LARGEST_FILE)
    _, width, height = _measured(data)
    return Clip(str(path), size, width, height, 0.0, 1, 0.0, False)


def suffix_of(path: Path) -> str:
    """How the name of the picture at ``path`` ends, by what it is. Raises NotAPicture, or OSError."""
    with open_given(path) as file:
        return SUFFIXES[_measured(file.read(LARGEST_FILE))[0]]


def _measured(data: bytes) -> tuple[str, int, int]:
    """The type, width and height (pixels) of a whole picture. Raises NotAPicture."""
    found = _webp(data) if data[:4] == b"RIFF" else measure(data[:_LONGEST_HEAD])
    if found is None:
        words = kind_of(data[:HEAD])
        raise NotAPicture(f"it is {words}" if words else "it is no picture that can be read")
    mime, width, height = found
    if max(width, height) > LONGEST_SIDE:
        raise NotAPicture(f"it says that it is {width} × {height} pixels large")
    whole = {"image/jpeg": _jpeg_ends, "image/png": _png_ends}.get(mime)
    if whole is not None and not whole(data):
        raise NotAPicture("its end is missing")
    return found


def _jpeg_ends(data: bytes) -> bool:
    """Whether a JPEG has its end, after whatever tables and small pictures come before its own picture."""
    at = 2
    while at + 4 <= min(len(data), _LONGEST_HEAD) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            # In the picture itself FF stands before 00 or D0 to D7 alone: what is found is the end.
            return data.find(b"\xff\xd9", at) != -1
        if marker == 0xFF:
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _png_ends(data: bytes) -> bool:
    """Whether a PNG has a picture, and its end."""
    at, seen = 8, False
    for _ in range(_MOST_CHUNKS):
        name = data[at + 4 : at + 8]
        seen |= name == b"IDAT"
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if name == b"IEND" or at >= len(data):
            return seen and name == b"IEND" and at <= len(data)
    return False


def _webp(data: bytes) -> tuple[str, int, int] | None:
    """The type, width and height of a WebP; None for another file of that family. Raises NotAPicture."""
    if data[8:12] != b"WEBP" or len(data) < 30:
        return None
    if kind_of(data[:HEAD]) == MOVING_WEBP:
        raise NotAPicture(f"it is {MOVING_WEBP}")
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise NotAPicture("its end is missing")

    def number(start: int, end: int) -> int:
        return int.from_bytes(data[start:end], "little")

    match data[12:16]:
        case b"VP8 ":
            size = number(26, 28) & 0x3FFF, number(28, 30) & 0x3FFF
        case b"VP8L":
            bits = number(21, 25)
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            size = number(24, 27) + 1, number(27, 30) + 1
        case _:
            return None
    return ("image/webp", *size) if all(size) else None

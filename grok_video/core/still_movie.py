"""A movie in which one picture stands still: what a slot of the edit shows until its clip is there.

Owns a small writer of QuickTime movies (QuickTime File Format; ISO/IEC 14496-12): no encoder is asked, as all frames are
the same bytes of one PNG or JPEG, so that a movie of minutes is its picture and 4 bytes a frame. Knows nothing of jobs
and of Blender. Whatever picture it is given comes from somewhere: each size in it is a claim until checked.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from .files import BLENDERS_PATIENCE, write_whole
from .picture_kind import ENDS, FRAMES, measure

if TYPE_CHECKING:
    from fractions import Fraction

#: How the names of these files end. By it a strip tells that it waits, on another computer too, without a look at the disk.
SUFFIX = ".slot.mov"
_FOLDER = "slots"  # in the data folder
_LARGEST_SIDE = (
    8192  # pixels: more than any model makes, and than a movie of this kind could be played with
)
_LARGEST_PICTURE = 64 << 20  # bytes
_MOST_FRAMES = 100_000
_CARD = (
    43,
    45,
    51,
)  # sRGB of 255: a grey beside which texts in white are read, and that no clip is taken for
_RATE, _BLOCK = (
    8000,
    800,
)  # of the silent sound: samples a second, and samples of which all of it is made
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
#: Frames of a JPEG that players decode: baseline, extended and progressive ones with Huffman codes.
_DECODED = frozenset({0xC0, 0xC1, 0xC2})


def still_movie_path(data: Path, slot: str) -> Path:
    """Where the still movie of a slot lies in the data folder ``data``."""
    return data / _FOLDER / f"{slot}{SUFFIX}"


def is_still_movie(path: str) -> bool:
    """Whether a path, of whatever system, names a still movie. Looks at no disk."""
    return path.endswith(SUFFIX)


def write_still_movie(
    picture: bytes, target: Path, frames: int, fps: float = 24.0, sound: bool = True
) -> tuple[int, int]:
    """Write a movie of ``frames`` times the PNG or JPEG ``picture`` at ``fps`` a second; returns its width and height.

    ``sound``: with a silent sound of the same length. The file is written whole or not at all, in a folder that is made
    where it is missing. Raises ValueError, whose text says what is wrong, for a picture that a movie cannot hold (a card
    takes its place), and for what is no length or rate; OSError.
    """
    from fractions import (
        Fraction,
    )  # here: fractions loads decimal, which would cost Blender's start 2 ms

    if not 1 <= frames <= _MOST_FRAMES:
        raise ValueError(f"a movie of {frames} frames cannot be written")
    if not 1.0 <= fps <= 1000.0:
        raise ValueError(f"a movie of {fps} frames a second cannot be written")
    rate = Fraction(fps).limit_denominator(1001)
    kind, width, height = _checked(picture)
    data = _movie(picture, kind, (width, height), frames, rate, sound)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, data, durable=False, private=True, patience=BLENDERS_PATIENCE)
    return width, height


def card(width: int, height: int) -> bytes:
    """A PNG of that size in one quiet colour, for a clip of which no picture is known. Raises ValueError."""
    _check_size(width, height)
    row = b"\0" + bytes(_CARD) * width
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(row * height, 1)
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


# ---------------------------------------------------------------------------------------------- the picture


def _checked(picture: bytes) -> tuple[str, int, int]:
    """The type, width and height of a picture that a movie can hold. Raises ValueError."""
    if len(picture) > _LARGEST_PICTURE:
        raise ValueError("the picture is too large")
    found = measure(picture)
    if found is None:
        raise ValueError("the picture is neither a PNG nor a JPEG")
    kind, width, height = found
    _check_size(width, height)
    if kind == "image/png":
        _check_png(picture)
    else:
        _check_jpeg(picture)
    return found


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE):
        raise ValueError(f"a picture of {width} × {height} pixels cannot be shown")


def _check_png(picture: bytes) -> None:
    """Raises ValueError for a PNG of 16 bits, and where its chunks do not follow each other up to its end, or are damaged."""
    if picture[24:25] > b"\x08":  # bits a channel: Blender 5.0 shows a grey one black (measured)
        raise ValueError("the PNG has 16 bits a channel")
    at, kinds = 8, set[bytes]()
    while at + 12 <= len(picture):
        length, kind = struct.unpack_from(">I4s", picture, at)
        data = picture[at + 4 : at + 8 + length]
        if at + 12 + length > len(picture) or picture[at + 8 + length : at + 12 + length] != (
            zlib.crc32(data).to_bytes(4, "big")
        ):
            raise ValueError("the PNG is damaged")
        kinds.add(kind)
        at += 12 + length
        if kind == b"IEND":
            break
    if not {b"IHDR", b"IDAT", b"IEND"} <= kinds:
        raise ValueError("the PNG is not whole")


def _check_jpeg(picture: bytes) -> None:
    """Raises ValueError for a JPEG that players show in other colours or not at all."""
    at = 2
    while at + 10 <= len(picture) and picture[at] == 0xFF:
        marker = picture[at + 1]
        if marker in FRAMES:
            if marker not in _DECODED or picture[at + 4] != 8:
                raise ValueError("the JPEG is of a kind that is not played")
            if picture[at + 9] not in (1, 3):
                raise ValueError("the JPEG is made for print")
            if picture.rfind(ENDS["image/jpeg"]) < at:  # a preview in its head ends so too
                raise ValueError("the JPEG is not whole")
            return
        at += 1 if marker == 0xFF else 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
    raise ValueError("the JPEG is damaged")


# ------------------------------------------------------------------------------------------------ the movie


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _movie(
    picture: bytes, kind: str, size: tuple[int, int], frames: int, rate: Fraction, sound: bool
) -> bytes:
    """The file: what it is, the picture with a tenth of a second of silence, and the index."""
    scale, ticks = rate.numerator, rate.denominator
    start = _box(b"ftyp", b"qt  ", struct.pack(">I", 0x200), b"qt  ")
    media = _box(b"mdat", picture, bytes(2 * _BLOCK) if sound else b"")
    at = len(start) + 8
    table = _table(
        _picture_entry(kind, size), (frames, ticks), [(1, 1)], (len(picture), frames), [at] * frames
    )
    picture_track = _track(1, scale, frames * ticks, scale, table, size)
    tracks = [picture_track]
    if sound:
        heard = -(-frames * ticks * _RATE // scale)
        whole, rest = divmod(heard, _BLOCK)
        chunks = ([(1, _BLOCK)] if whole else []) + ([(whole + 1, rest)] if rest else [])
        places = [at + len(picture)] * (whole + bool(rest))
        table = _table(_sound_entry(), (heard, 1), chunks, (2, heard), places)
        tracks.append(_track(2, _RATE, heard, scale, table))
    head = _full(
        b"mvhd",
        0,
        struct.pack(">4IIH", 0, 0, scale, frames * ticks, 0x10000, 0x100),
        bytes(10),
        _MATRIX,
        bytes(24),
        struct.pack(">I", len(tracks) + 1),
    )
    return start + media + _box(b"moov", head, *tracks)


def _table(
    entry: bytes,
    ticks: tuple[int, int],
    chunks: list[tuple[int, int]],
    sizes: tuple[int, int],
    places: list[int],
) -> bytes:
    """Where the samples of a track lie: ``ticks`` (number of samples, length of each), ``sizes`` (bytes of each, number)
    and ``chunks`` (the first of those that have so many samples)."""
    return _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), entry),
        _full(b"stts", 0, struct.pack(">III", 1, *ticks)),
        _full(
            b"stsc",
            0,
            struct.pack(">I", len(chunks)),
            *(struct.pack(">III", *c, 1) for c in chunks),
        ),
        _full(b"stsz", 0, struct.pack(">II", *sizes)),
        _full(b"stco", 0, struct.pack(f">I{len(places)}I", len(places), *places)),
    )


def _track(
    number: int,
    scale: int,
    length: int,
    movie_scale: int,
    table: bytes,
    size: tuple[int, int] | None = None,
) -> bytes:
    """A track of ``length`` ticks, ``scale`` of them a second: of pictures of a ``size``, or of sound."""
    volume, handler = (0, b"vide") if size else (0x100, b"soun")
    told = _full(b"vmhd", 1, bytes(8)) if size else _full(b"smhd", 0, bytes(4))
    width, height = size or (0, 0)
    return _box(
        b"trak",
        _full(
            b"tkhd",
            3,
            struct.pack(">5I", 0, 0, number, 0, length * movie_scale // scale),
            bytes(8),
            struct.pack(">HHHH", 0, 0, volume, 0),
            _MATRIX,
            struct.pack(">II", width << 16, height << 16),
        ),
        _box(
            b"mdia",
            _full(b"mdhd", 0, struct.pack(">4IHH", 0, 0, scale, length, 0x55C4, 0)),
            _full(b"hdlr", 0, bytes(4), handler, bytes(12), b"\0"),
            _box(
                b"minf",
                told,
                _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1))),
                table,
            ),
        ),
    )


def _picture_entry(kind: str, size: tuple[int, int]) -> bytes:
    return _box(
        b"png " if kind == "image/png" else b"jpeg",
        bytes(6),
        struct.pack(">H", 1),
        bytes(16),
        struct.pack(">HHIIIH", *size, 0x480000, 0x480000, 0, 1),
        bytes(32),
        struct.pack(">Hh", 24, -1),
    )


def _sound_entry() -> bytes:
    """16-bit samples, the lower byte first, of one channel."""
    sizes = struct.pack(">HHHHI", 1, 16, 0, 0, _RATE << 16)
    return _box(b"sowt", bytes(6), struct.pack(">H", 1), bytes(8), sizes)

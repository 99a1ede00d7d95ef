"""What an MP4 file says of itself: is it whole, how large, how fast, how long, with sound or not.

Owns a small parser of ISO base media boxes (ISO/IEC 14496-12), plain and fragmented. It must not know jobs'
states, HTTP or Blender. The file comes from the network: every size in it is a claim until checked, nothing is
read into memory but ``moov`` and ``moof`` (bounded), and whatever is wrong ends in ``NotAClip``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from .files import open_given, open_own
from .record import mutable_record
from .spec import Clip

if TYPE_CHECKING:
    from fractions import Fraction

_LONGEST_HEADER = 16 << 20  # bytes of one moov or moof; a 15 s clip has about 10 KB
_MOST_BOXES = 100_000
#: Rates that files mean when their clock is too coarse to say them (1/1000 s gives 23.998).
_RATES = ((24, 1), (25, 1), (30, 1), (50, 1), (60, 1), (24000, 1001), (30000, 1001), (60000, 1001))


class NotAClip(ValueError):
    """The file is no whole MP4 with a picture. The text says what is wrong with it."""


@mutable_record
class _Track:
    id: int = 0
    handler: bytes = b""
    scale: int = 0  # ticks per second
    width: int = 0
    height: int = 0
    frames: int = 0
    ticks: int = 0
    default_ticks: int = 0  # of one sample in a fragment


@mutable_record
class _Movie:
    tracks: list[_Track] = field(default_factory=list[_Track])


def probe(path: str | os.PathLike[str]) -> Clip:
    """The clip in the file at ``path``. Raises NotAClip, or OSError when it cannot be read.

    ``frames`` and ``fps`` are those of the first picture track, ``seconds`` is that track's length.
    """
    with open_given(Path(path)) as file:
        return probe_open(file, path)


def probe_open(file: BinaryIO, path: str | os.PathLike[str]) -> Clip:
    """The clip in the open ``file``, wherever in it one has read to; ``path`` is told in the clip. Raises as ``probe``."""
    size = os.fstat(file.fileno()).st_size
    movie = _read(file, size)
    pictures = [track for track in movie.tracks if track.handler == b"vide" and track.frames]
    if not pictures:
        raise NotAClip("it holds no picture")
    track = pictures[0]
    if not (track.width and track.height and track.scale and track.ticks):
        raise NotAClip("it does not say its size and rate")
    rate = _rate(track.frames * track.scale, track.ticks)
    return Clip(
        path=str(Path(path).absolute()),
        size=size,
        width=track.width,
        height=track.height,
        fps=float(rate),
        frames=track.frames,
        seconds=track.ticks / track.scale,
        has_audio=any(track.handler == b"soun" and track.frames for track in movie.tracks),
    )


#: colr: BT.709 primaries and transfer, BT.601 matrix, TV range (ISO/IEC 23091-2).
_BT601 = struct.pack(">4sHHHB", b"nclx", 1, 1, 6, 0)
_TO_ENTRIES = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def say_bt601(path: str | os.PathLike[str]) -> None:
    """Write into the H.264 file at ``path`` that its colours are BT.601, as those of Blender before 4.4 are.

    Readers that are not told guess by the size of the picture, some wrongly. Raises NotAClip, OSError.
    """
    with open_own(Path(path), "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        at = 0
        while True:
            file.seek(at)
            if len(head := file.read(16)) < 8:
                raise NotAClip("its index is missing")
            kind, start, end = _header(head, at, size)
            if kind == b"moov":
                break
            at = end
        if end != size:
            return  # the pictures lie behind the index, which would move them
        index = _coloured(_body(file, start, end), _TO_ENTRIES)
        file.seek(at)
        file.write(_box(b"moov", index))


def _coloured(data: bytes, way: tuple[bytes, ...]) -> bytes:
    """``data`` with a colour box in each H.264 entry that the boxes of ``way`` lead to."""
    out = b""
    for kind, content in _boxes(data):
        if not way:
            if kind == b"avc1" and b"colr" not in content:
                content += _box(b"colr", _BT601)
        elif kind == way[0]:
            head = 8 if kind == b"stsd" else 0  # version, flags, number of entries
            content = content[:head] + _coloured(content[head:], way[1:])
        out += _box(kind, content)
    return out


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _rate(frames: int, seconds: int) -> Fraction:
    # Here: fractions loads decimal, which would cost Blender's start 2 ms.
    from fractions import Fraction

    measured = Fraction(frames, seconds)
    nearest = min((Fraction(*rate) for rate in _RATES), key=lambda rate: abs(rate - measured))
    return nearest if abs(nearest - measured) < nearest / 4000 else measured


def _read(file: BinaryIO, size: int) -> _Movie:
    """Walk the boxes of the file: they must fill it, which is what *whole* means."""
    movie: _Movie | None = None
    media = 0
    at = 0
    for _ in range(_MOST_BOXES):
        if size - at < 8:
            break
        file.seek(at)
        kind, start, end = _header(file.read(16), at, size)
        if kind == b"moov" and movie is None:
            movie = _moov(_body(file, start, end))
        elif kind == b"moof" and movie is not None:
            _moof(_body(file, start, end), movie)
        elif kind == b"mdat":
            media += end - start
        elif at == 0 and kind not in (b"ftyp", b"styp", b"free", b"skip", b"wide"):
            raise NotAClip("it is no MP4 file")
        at = end
    if movie is None:
        raise NotAClip("its index is missing" if at else "it is empty")
    if not media:
        raise NotAClip("its pictures are missing")
    return movie


def _header(data: bytes, at: int, limit: int) -> tuple[bytes, int, int]:
    """(kind, start of the content, end) of the box at ``at``, whose first bytes are ``data``."""
    length, kind = struct.unpack_from(">I4s", data)
    start = at + 8
    if length == 1:
        if len(data) < 16:
            raise NotAClip("it ends too early")
        (length,) = struct.unpack_from(">Q", data, 8)
        start = at + 16
    end = limit if length == 0 else at + length
    if end < start:
        raise NotAClip("a box in it is shorter than its own header")
    if end > limit:
        raise NotAClip("it ends too early")
    return kind, start, end


def _body(file: IO[bytes], start: int, end: int) -> bytes:
    if end - start > _LONGEST_HEADER:
        raise NotAClip("its index is too long to be one")
    file.seek(start)
    data = file.read(end - start)
    if len(data) != end - start:
        raise NotAClip("it ends too early")
    return data


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each box in ``data``."""
    at = 0
    for _ in range(_MOST_BOXES):
        if len(data) - at < 8:
            return
        kind, start, end = _header(data[at : at + 16], at, len(data))
        yield kind, data[start:end]
        at = end


def _unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as error:
        raise NotAClip("a box in it is too short") from error


def _moov(data: bytes) -> _Movie:
    movie = _Movie()
    defaults: dict[int, int] = {}
    for kind, content in _boxes(data):
        if kind == b"trak":
            movie.tracks.append(_trak(content))
        elif kind == b"mvex":
            for inner, trex in _boxes(content):
                if inner == b"trex":
                    track_id, _, ticks = _unpack(">III", trex, 4)
                    defaults[track_id] = ticks
    for track in movie.tracks:
        track.default_ticks = defaults.get(track.id, 0)
    return movie


def _trak(data: bytes) -> _Track:
    track = _Track()
    for kind, content in _boxes(data):
        if kind == b"tkhd":
            (track.id,) = _unpack(">I", content, 20 if content[:1] == b"\1" else 12)
        elif kind == b"mdia":
            _mdia(content, track)
    return track


def _mdia(data: bytes, track: _Track) -> None:
    for kind, content in _boxes(data):
        if kind == b"mdhd":
            (track.scale,) = _unpack(">I", content, 20 if content[:1] == b"\1" else 12)
        elif kind == b"hdlr":
            track.handler = content[8:12]
        elif kind == b"minf":
            for inner, table in _boxes(content):
                if inner == b"stbl":
                    _stbl(table, track)


def _stbl(data: bytes, track: _Track) -> None:
    for kind, content in _boxes(data):
        if kind == b"stsd" and track.handler == b"vide":
            # The first sample entry: 8 bytes of full box and count, 8 of box header, 24 of no concern.
            track.width, track.height = _unpack(">HH", content, 8 + 8 + 24)
        elif kind == b"stts":
            (count,) = _unpack(">I", content, 4)
            if count * 8 > len(content) - 8:
                raise NotAClip("a table in it is too short")
            for frames, ticks in struct.iter_unpack(">II", content[8 : 8 + count * 8]):
                track.frames += frames
                track.ticks += frames * ticks


def _moof(data: bytes, movie: _Movie) -> None:
    for kind, content in _boxes(data):
        if kind == b"traf":
            _traf(content, movie)


def _traf(data: bytes, movie: _Movie) -> None:
    track: _Track | None = None
    default = 0
    for kind, content in _boxes(data):
        if kind == b"tfhd":
            flags, track_id = _unpack(">II", content, 0)
            track = next((t for t in movie.tracks if t.id == track_id), None)
            default = track.default_ticks if track else 0
            # Before the default duration stand optional fields: base data offset (8 bytes), sample description
            # index (4).
            if flags & 0x8:
                (default,) = _unpack(">I", content, 8 + 8 * bool(flags & 1) + 4 * bool(flags & 2))
        elif kind == b"trun" and track is not None:
            _trun(content, track, default)


def _trun(data: bytes, track: _Track, default: int) -> None:
    flags, count = _unpack(">II", data, 0)
    at = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    row = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if at + count * row > len(data):
        raise NotAClip("a table in it is too short")
    track.frames += count
    if flags & 0x100:
        for i in range(count):
            track.ticks += _unpack(">I", data, at + i * row)[0]
    else:
        track.ticks += count * default

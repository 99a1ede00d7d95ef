"""What an MP4 file says of itself: is it whole, how large, how fast, how long, with sound or not.

Owns a small parser of ISO base media boxes (ISO/IEC 14496-12), plain and fragmented. It must not know jobs'
states, HTTP or Blender. The file comes from the network: every size in it is a claim until checked, nothing is
read into memory but ``moov`` and ``moof``, and whatever is wrong ends in ``NotAClip``. Each byte of those is looked at a fixed
number of times, however boxes and tables refer to each other, and all of them together are bounded.
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

_LONGEST_INDEX = 16 << 20  # bytes of a file's moov and moofs together; a 15 s clip has about 10 KB
_MOST_BOXES = 100_000  # in all of a file, whichever they lie in
#: Without the end of one of these a clip is not whole; whatever else has no end lies behind a clip, and is none of it.
_OF_A_CLIP = (b"moov", b"moof", b"mdat")
#: Sample entries of pictures that stand still: cover art, and the pictures of chapters.
_STILL = (b"jpeg", b"png ", b"gif ", b"tiff")
#: Rates that files mean when their clock is too coarse to say them (1/1000 s gives 23.998).
_RATES = ((24, 1), (25, 1), (30, 1), (50, 1), (60, 1), (24000, 1001), (30000, 1001), (60000, 1001))


class NotAClip(ValueError):
    """The file is no whole MP4 with a picture. The text says what is wrong with it."""


@mutable_record
class _Track:
    at: int = 0  # of its box in the content of moov
    id: int = 0
    handler: bytes = b""
    scale: int = 0  # ticks per second
    codec: bytes = b""  # of its first sample entry; b"" without an entry
    width: int = 0
    height: int = 0
    frames: int = 0
    ticks: int = 0
    default_ticks: int = 0  # of one sample in a fragment
    in_fragments: bool = False  # some of the samples are told by a fragment
    sized: bool = True  # the table of sizes, where there is one, has a sample that is not empty
    placed: bool = True  # the table of chunks, where there is one, has a chunk inside of the file

    @property
    def is_cover(self) -> bool:
        """Whether the track, beside one of moving pictures, is cover art."""
        return self.codec in _STILL or self.frames == 1

    @property
    def is_heard(self) -> bool:
        """Whether the track has sound, and does not only promise it."""
        told = self.in_fragments or (self.sized and self.placed)
        return self.handler == b"soun" and bool(self.frames and self.codec) and told


@mutable_record
class _Movie:
    """What is known of a file while it is read."""

    size: int  # bytes of the file
    tracks: list[_Track] = field(default_factory=list[_Track])
    by_id: dict[int, _Track] = field(default_factory=dict[int, _Track])
    start: int = 0  # of the content of moov in the file
    covers: list[int] = field(default_factory=list[int])  # places of covr boxes in that content
    boxes: int = 0
    index: int = 0  # bytes of moov and moofs so far

    def count(self) -> None:
        """Count a box. Raises NotAClip."""
        self.boxes += 1
        if self.boxes > _MOST_BOXES:
            raise NotAClip("it has too many parts to be a clip")

    @property
    def picture(self) -> _Track:
        """The track of the clip's pictures: cover art may come before. Raises NotAClip."""
        pictures = [track for track in self.tracks if track.handler == b"vide" and track.frames]
        if not pictures:
            raise NotAClip("it holds no picture")
        return next((track for track in pictures if not track.is_cover), pictures[0])


def probe(path: str | os.PathLike[str]) -> Clip:
    """The clip in the file at ``path``. Raises NotAClip, or OSError when it cannot be read.

    ``frames`` and ``fps`` are those of the first track of moving pictures, ``seconds`` is that track's length.
    """
    with open_given(Path(path)) as file:
        return probe_open(file, path)


def probe_open(file: BinaryIO, path: str | os.PathLike[str]) -> Clip:
    """The clip in the open ``file``, wherever in it one has read to; ``path`` is told in the clip. Raises as ``probe``."""
    size = os.fstat(file.fileno()).st_size
    movie = _read(file, size)
    track = movie.picture
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
        has_audio=any(track.is_heard for track in movie.tracks),
    )


def take_off_cover(path: str | os.PathLike[str]) -> bool:
    """Make free space of what comes before the clip's pictures in the file at ``path``; returns whether there was any.

    Blender shows the first picture stream of a file, be it cover art, and takes size and rate from it also where a
    strip names another stream (measured, 4.2 and 4.5). Only names of boxes change. Raises NotAClip, OSError.
    """
    with open_given(Path(path)) as file:
        movie = _read(file, os.fstat(file.fileno()).st_size)
    tracks = [track.at for track in movie.tracks if track.handler == b"vide"]
    before = [at for at in (*tracks, *movie.covers) if at < movie.picture.at]
    if before:
        with open_own(Path(path), "r+b") as file:
            for at in before:
                file.seek(movie.start + at + 4)
                file.write(b"free")
    return bool(before)


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
        index = _coloured(_body(file, start, end, _Movie(size)), _TO_ENTRIES)
        file.seek(at)
        file.write(_box(b"moov", index))


def _coloured(data: bytes, way: tuple[bytes, ...]) -> bytes:
    """``data`` with a colour box in each H.264 entry that the boxes of ``way`` lead to."""
    out: list[bytes] = []
    for kind, inside in _boxes(memoryview(data), _Movie(len(data))):
        content = bytes(inside)
        if not way:
            if kind == b"avc1" and b"colr" not in content:
                content += _box(b"colr", _BT601)
        elif kind == way[0]:
            head = 8 if kind == b"stsd" else 0  # version, flags, number of entries
            content = content[:head] + _coloured(content[head:], way[1:])
        out.append(_box(kind, content))
    return b"".join(out)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def _rate(frames: int, seconds: int) -> Fraction:
    # Here: fractions loads decimal, which would cost Blender's start 2 ms.
    from fractions import Fraction

    measured = Fraction(frames, seconds)
    nearest = min((Fraction(*rate) for rate in _RATES), key=lambda rate: abs(rate - measured))
    return nearest if abs(nearest - measured) < nearest / 4000 else measured


def _read(file: BinaryIO, size: int) -> _Movie:
    """Walk the boxes of the file up to its end, or to what lies behind them and is no box."""
    movie = _Movie(size)
    media = 0
    at = 0
    while size - at >= 8:
        movie.count()
        file.seek(at)
        head = file.read(16)
        try:
            kind, start, end = _header(head, at, size)
        except NotAClip:
            if not at or head[4:8] in _OF_A_CLIP:
                raise
            break
        if kind == b"moov" and not movie.start:
            movie.start = start
            _moov(memoryview(_body(file, start, end, movie)), movie)
        elif kind == b"moof" and movie.start:
            _moof(memoryview(_body(file, start, end, movie)), movie)
        elif kind == b"mdat":
            media += end - start
        elif at == 0 and kind not in (b"ftyp", b"styp", b"free", b"skip", b"wide"):
            raise NotAClip("it is no MP4 file")
        at = end
    if not movie.start:
        raise NotAClip("its index is missing" if at else "it is empty")
    if not media:
        raise NotAClip("its pictures are missing")
    return movie


def _header(data: bytes | memoryview, at: int, limit: int) -> tuple[bytes, int, int]:
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


def _body(file: IO[bytes], start: int, end: int, movie: _Movie) -> bytes:
    movie.index += end - start
    if movie.index > _LONGEST_INDEX:
        raise NotAClip("its index is too long to be one")
    file.seek(start)
    data = file.read(end - start)
    if len(data) != end - start:
        raise NotAClip("it ends too early")
    return data


def _places(data: memoryview, movie: _Movie) -> Iterator[tuple[bytes, int, int, int]]:
    """(kind, start of the box, start of its content, end) of each box in ``data``."""
    at = 0
    while len(data) - at >= 8:
        movie.count()
        kind, start, end = _header(data[at : at + 16], at, len(data))
        yield kind, at, start, end
        at = end


def _boxes(data: memoryview, movie: _Movie) -> Iterator[tuple[bytes, memoryview]]:
    """(kind, content) of each box in ``data``."""
    return ((kind, data[start:end]) for kind, _, start, end in _places(data, movie))


def _unpack(form: str, data: memoryview, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as error:
        raise NotAClip("a box in it is too short") from error


def _moov(data: memoryview, movie: _Movie) -> None:
    defaults: dict[int, int] = {}
    for kind, at, start, end in _places(data, movie):
        content = data[start:end]
        if kind == b"trak":
            track = _trak(content, movie)
            track.at = at
            movie.tracks.append(track)
        elif kind in _TO_COVER:
            movie.covers += (start + inside for inside in _covers(kind, content, movie))
        elif kind == b"mvex":
            for inner, trex in _boxes(content, movie):
                if inner == b"trex":
                    track_id, _, ticks = _unpack(">III", trex, 4)
                    defaults[track_id] = ticks
    for track in movie.tracks:
        track.default_ticks = defaults.get(track.id, 0)
        movie.by_id.setdefault(track.id, track)


#: Boxes in which iTunes and ffmpeg keep cover art, each inside of one before it.
_TO_COVER = (b"udta", b"meta", b"ilst")


def _covers(kind: bytes, data: memoryview, movie: _Movie) -> list[int]:
    """Where cover art lies in ``data``, the content of one of _TO_COVER. What cannot be read there says nothing."""
    inside = (*_TO_COVER[_TO_COVER.index(kind) + 1 :], b"covr")
    # Of MP4 the box begins with version and flags, of QuickTime it does not.
    skipped = 4 if kind == b"meta" and bytes(data[4:8]) != b"hdlr" else 0
    found: list[int] = []
    try:
        for inner, at, start, end in _places(data[skipped:], movie):
            if inner == b"covr":
                found.append(skipped + at)
            elif inner in inside:
                content = data[skipped + start : skipped + end]
                found += (skipped + start + one for one in _covers(inner, content, movie))
    except NotAClip:
        if movie.boxes > _MOST_BOXES:
            raise
    return found


def _trak(data: memoryview, movie: _Movie) -> _Track:
    track = _Track()
    for kind, content in _boxes(data, movie):
        if kind == b"tkhd":
            (track.id,) = _unpack(">I", content, 20 if bytes(content[:1]) == b"\1" else 12)
        elif kind == b"mdia":
            _mdia(content, track, movie)
    return track


def _mdia(data: memoryview, track: _Track, movie: _Movie) -> None:
    for kind, content in _boxes(data, movie):
        if kind == b"mdhd":
            (track.scale,) = _unpack(">I", content, 20 if bytes(content[:1]) == b"\1" else 12)
        elif kind == b"hdlr":
            track.handler = bytes(content[8:12])
        elif kind == b"minf":
            for inner, table in _boxes(content, movie):
                if inner == b"stbl":
                    _stbl(table, track, movie)


def _stbl(data: memoryview, track: _Track, movie: _Movie) -> None:
    for kind, content in _boxes(data, movie):
        match kind:
            case b"stsd":
                # The first sample entry: 8 bytes of full box and count, 4 of its length, then its name; the size of
                # a picture 24 bytes behind that.
                track.codec = bytes(content[12:16])
                if len(content) >= 44:
                    track.width, track.height = _unpack(">HH", content, 8 + 8 + 24)
            case b"stts":
                (count,) = _unpack(">I", content, 4)
                if count * 8 > len(content) - 8:
                    raise NotAClip("a table in it is too short")
                for frames, ticks in struct.iter_unpack(">II", content[8 : 8 + count * 8]):
                    track.frames += frames
                    track.ticks += frames * ticks
            case b"stsz":
                every, count = _unpack(">II", content, 4)
                each = bytes(content[12 : 12 + count * 4])
                track.sized = bool(count and (every or each.strip(b"\0")))
            case b"stco" | b"co64":
                (count,) = _unpack(">I", content, 4)
                form, width = (">I", 4) if kind == b"stco" else (">Q", 8)
                whole = (min(count * width, len(content) - 8) // width) * width
                places = struct.iter_unpack(form, content[8 : 8 + whole])
                track.placed = any(place < movie.size for (place,) in places)
            case _:
                pass


def _moof(data: memoryview, movie: _Movie) -> None:
    for kind, content in _boxes(data, movie):
        if kind == b"traf":
            _traf(content, movie)


def _traf(data: memoryview, movie: _Movie) -> None:
    track: _Track | None = None
    default = 0
    for kind, content in _boxes(data, movie):
        if kind == b"tfhd":
            flags, track_id = _unpack(">II", content, 0)
            track = movie.by_id.get(track_id)
            default = track.default_ticks if track else 0
            # Before the default duration stand optional fields: base data offset (8 bytes), sample description
            # index (4).
            if flags & 0x8:
                (default,) = _unpack(">I", content, 8 + 8 * bool(flags & 1) + 4 * bool(flags & 2))
        elif kind == b"trun" and track is not None:
            _trun(content, track, default)


def _trun(data: memoryview, track: _Track, default: int) -> None:
    flags, count = _unpack(">II", data, 0)
    at = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    row = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if at + count * row > len(data):
        raise NotAClip("a table in it is too short")
    track.frames += count
    track.in_fragments |= bool(count)
    if flags & 0x100:
        rows = struct.iter_unpack(f">I{row - 4}x", data[at : at + count * row])
        track.ticks += sum(ticks for (ticks,) in rows)
    else:
        track.ticks += count * default

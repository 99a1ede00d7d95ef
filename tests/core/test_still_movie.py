"""A movie in which one picture stands still: what our own reader and the bytes say of it, and which pictures it takes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from grok_video.core import mp4
from grok_video.core.still_movie import (
    SUFFIX,
    card,
    is_still_movie,
    still_movie_path,
    write_still_movie,
)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 6, height: int = 4, depth: int = 8, kind: int = 2, laced: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, laced)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(400)))
        + chunk(b"IEND", b"")
    )


def jpeg(
    width: int = 6, height: int = 4, frame: int = 0xC0, parts: int = 3, depth: int = 8
) -> bytes:
    """A JPEG as far as its head tells, with a preview inside that has an end of its own."""
    size = struct.pack(">BHHB", depth, height, width, parts) + bytes(3 * parts)
    return (
        b"\xff\xd8\xff\xe1"
        + struct.pack(">H", 8)
        + b"Exif\xff\xd9"
        + bytes([0xFF, frame])
        + struct.pack(">H", len(size) + 2)
        + size
        + b"\xff\xda\x00\x02picture"
        + b"\xff\xd9"
    )


def boxes(data: bytes, way: str) -> Iterator[bytes]:
    """The contents of the boxes at the end of a way: 'moov/trak/tkhd'."""
    kind, _, rest = way.partition("/")
    at = 0
    while at < len(data):
        length, found = struct.unpack_from(">I4s", data, at)
        if found == kind.encode():
            inside = data[at + 8 : at + length]
            yield from boxes(inside, rest) if rest else (inside,)
        at += length
    assert at == len(data)


@pytest.mark.parametrize("picture", [png(), jpeg()])
@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize(
    ("frames", "fps"), [(1, 24.0), (145, 24.0), (151, 25.0), (181, 30000 / 1001), (361, 60.0)]
)
def test_our_own_reader_reads_it(
    tmp_path: Path, picture: bytes, sound: bool, frames: int, fps: float
) -> None:
    path = tmp_path / f"a{SUFFIX}"
    assert write_still_movie(picture, path, frames, fps, sound) == (6, 4)
    clip = mp4.probe(path)
    assert (clip.width, clip.height, clip.frames) == (6, 4, frames)
    assert clip.fps == pytest.approx(fps, abs=1e-9)
    assert clip.seconds == pytest.approx(frames / fps, abs=1e-9)
    assert clip.has_audio == sound
    assert path.stat().st_size < len(picture) + 4 * frames + 4000


def test_all_frames_are_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.slot.mov"
    write_still_movie(png(), path, 1000, sound=True)
    data = path.read_bytes()
    table = "moov/trak/mdia/minf/stbl"
    places, silence = boxes(data, f"{table}/stco")
    sizes, samples = boxes(data, f"{table}/stsz")
    (size, count) = struct.unpack_from(">II", sizes, 4)
    at = set(struct.unpack_from(f">{count}I", places, 8))
    assert (size, count, len(at)) == (len(png()), 1000, 1)
    (first,) = at
    assert data[first : first + size] == png()
    (heard,) = struct.unpack_from(">I", samples, 8)
    assert heard == -(-1000 * 8000 // 24)  # as long as the picture, to a sample
    chunks = struct.unpack_from(">I", silence, 4)[0]
    assert chunks == -(-heard // 800)
    for place in struct.unpack_from(f">{chunks}I", silence, 8):
        assert data[place : place + 1600] == bytes(1600)
    (told,) = boxes(data, "moov/mvhd")
    assert struct.unpack_from(">II", told, 12) == (24, 1000)


@pytest.mark.parametrize(
    "picture",
    [
        card(848, 480),
        card(1, 1),
        png(kind=0),  # grey
        png(kind=4),  # grey with alpha
        png(kind=6),
        png(laced=1),
        png() + b"behind its end",
        jpeg(frame=0xC1),
        jpeg(frame=0xC2),  # progressive
        jpeg(parts=1),
        jpeg() + bytes(9),
        jpeg(8192, 8192),
    ],
)
def test_pictures_that_it_takes(tmp_path: Path, picture: bytes) -> None:
    size = write_still_movie(picture, tmp_path / "a.slot.mov", 25)
    clip = mp4.probe(tmp_path / "a.slot.mov")
    assert (clip.width, clip.height) == size


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (b"", "neither"),
        (b"GIF89a" + bytes(90), "neither"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(90), "neither"),
        (png()[:20], "neither"),
        (png()[:-4], "whole"),
        (png()[:-12], "whole"),
        (png().replace(b"IDAT", b"IDAX"), "damaged"),
        (png(depth=16), "16 bits"),
        (png()[:24], "not whole|damaged"),
        (png(0, 4), "neither"),
        (png(8193, 4), "cannot be shown"),
        (png(2**32 - 1, 2**32 - 1), "cannot be shown"),
        (png()[:33] + struct.pack(">I", 2**32 - 1) + png()[37:], "damaged"),
        (jpeg()[:-2], "whole"),
        (jpeg()[:20], "neither"),
        (jpeg(parts=4), "print"),
        (jpeg(depth=12), "not played"),
        (jpeg(frame=0xC3), "not played"),  # lossless
        (jpeg(frame=0xC9), "not played"),  # arithmetic
        (jpeg(0, 4), "neither"),
        (jpeg(65535, 65535), "cannot be shown"),
        (b"\xff\xd8" + b"\xff" * 5000, "neither"),
        (b"\xff\xd8" + b"\xff\xe1\x00\x00" * 5000, "neither"),
    ],
)
def test_pictures_that_a_card_takes_the_place_of(tmp_path: Path, picture: bytes, why: str) -> None:
    """Refused before a file is begun; what was there stays."""
    path = tmp_path / "a.slot.mov"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match=why):
        write_still_movie(picture, path, 25)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("frames", "fps"), [(0, 24.0), (-1, 24.0), (10**9, 24.0), (5, 0.0), (5, float("nan")), (5, 1e9)]
)
def test_no_length_and_no_rate(tmp_path: Path, frames: int, fps: float) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        write_still_movie(png(), tmp_path / "a.slot.mov", frames, fps)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [(0, 9), (9, -1), (8193, 9)])
def test_no_card_of_no_size(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be shown"):
        card(*size)


def test_a_name_tells_a_still_movie(tmp_path: Path) -> None:
    path = still_movie_path(tmp_path, "0" * 32)
    assert path.parent == tmp_path / "slots"
    assert is_still_movie(str(path))
    assert is_still_movie(f"C:\\Users\\x\\slots\\{'0' * 32}.slot.mov")
    assert is_still_movie("//slots/0.slot.mov")
    assert not is_still_movie("//clips/0.mp4")
    assert not is_still_movie("")


def test_the_folder_is_made_and_a_full_one_is_said(tmp_path: Path) -> None:
    write_still_movie(png(), still_movie_path(tmp_path / "new", "a"), 2)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((NotADirectoryError, FileExistsError, FileNotFoundError)):
        write_still_movie(png(), still_movie_path(tmp_path / "file", "a"), 2)

"""The file of a look: which kinds are taken, how large each says that it is, and that what is cut is no picture."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core import picture_file
from grok_video.core.picture_file import LARGEST_FILE, LONGEST_SIDE, NotAPicture, probe, suffix_of
from grok_video.core.spec import Clip
from tests.core.conftest import png


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg(width: int = 1408, height: int = 768, before: bytes = b"", marker: int = 0xC0) -> bytes:
    """A JPEG by its marks: what is in it is noise without an end of its own."""
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    scan = segment(0xDA, bytes(10)) + b"\x12\xff\x00\x34" * 50
    return b"\xff\xd8" + before + segment(marker, frame) + scan + b"\xff\xd9"


def webp(kind: bytes, content: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def lossy(width: int, height: int) -> bytes:
    head = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width | 0x4000, height)
    return webp(b"VP8 ", head + bytes(40))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(40))


def extended(width: int, height: int, flags: int = 0) -> bytes:
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return webp(b"VP8X", bytes([flags, 0, 0, 0]) + sides + bytes(40))


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "look.part"
    path.write_bytes(data)
    return path


SMALL = jpeg(160, 120)  # as a camera puts into a larger one
WHOLE = {
    "jpeg": (jpeg(), ".jpg"),
    "progressive jpeg": (jpeg(marker=0xC2), ".jpg"),
    "jpeg with a small picture": (jpeg(before=segment(0xE1, SMALL)), ".jpg"),
    "jpeg with a long profile": (jpeg(before=segment(0xE2, bytes(60_000)) * 5), ".jpg"),
    "jpeg with fill bytes": (jpeg(before=b"\xff\xff"), ".jpg"),
    "jpeg with bytes behind its end": (jpeg() + bytes(9), ".jpg"),
    "png": (png(1408, 768), ".png"),
    "webp": (lossy(1408, 768), ".webp"),
    "lossless webp": (lossless(1408, 768), ".webp"),
    "extended webp": (extended(1408, 768), ".webp"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_picture(name: str, tmp_path: Path) -> None:
    data, suffix = WHOLE[name]
    path = written(tmp_path, data)
    assert probe(path) == Clip(str(path), len(data), 1408, 768, 0.0, 1, 0.0, False)
    assert suffix_of(path) == suffix


@pytest.mark.parametrize("name", WHOLE)
def test_a_picture_that_was_cut_is_none(name: str, tmp_path: Path) -> None:
    data, _ = WHOLE[name]
    end = data.rindex(b"\xff\xd9") if "jpeg" in name else len(data)
    for most in {0, 1, 7, 20, end // 2, end - 1}:
        with pytest.raises(NotAPicture):
            probe(written(tmp_path, data[:most]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><p>Gone", "a web page"),
        (b"\0\0\0\x20ftypisom" + bytes(40), "a movie"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "an AVIF picture"),
        (b"GIF89a" + bytes(40), "no picture that can be read"),
        (extended(64, 64, flags=2), "a WebP that moves"),
        (b"RIFF" + bytes(40), "no picture"),
        (webp(b"ALPH", bytes(40)), "no picture"),
        (lossy(0, 64), "no picture"),
        (jpeg(0, 768), "no picture"),
        (jpeg(LONGEST_SIDE + 1, 16), "pixels large"),
        (lossless(16384, 16384), "16384 × 16384"),
        (b"\xff\xd8" + b"\xff" * 4_000_000, "no picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(4_000_000), "no picture"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_said(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(NotAPicture, match=words):
        probe(written(tmp_path, data))


def test_a_png_without_a_picture_or_end_is_none(tmp_path: Path) -> None:
    whole = png(4, 4)
    no_picture = whole[:33] + whole[-12:]
    endless = whole[:33] + (struct.pack(">I4sI", 0, b"tEXt", zlib.crc32(b"tEXt")) * 200_000)
    for data in (no_picture, endless):
        with pytest.raises(NotAPicture, match="its end is missing"):
            probe(written(tmp_path, data))


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, jpeg())
    with path.open("r+b") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(NotAPicture, match="64 MB"):
        probe(path)


@given(st.binary(max_size=300), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"]))
def test_noise_is_refused_or_harmless(noise: bytes, head: bytes) -> None:
    for data in (noise, head + noise, b"RIFF\x04\0\0\0WEBP" + noise):
        try:
            mime, width, height = picture_file._measured(data)
        except NotAPicture:
            continue
        assert mime in picture_file.SUFFIXES
        assert 0 < width <= LONGEST_SIDE
        assert 0 < height <= LONGEST_SIDE

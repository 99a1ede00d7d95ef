"""The type and size of a picture, as its own first bytes tell them."""

from __future__ import annotations

import struct

import pytest

from grok_video.core.picture_kind import MEASURED, measure


def png(width: int, height: int) -> bytes:
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + header + bytes(4) + struct.pack(">I4s", 0, b"IDAT")


def jpeg(width: int, height: int, *, frame: int = 0xC0, before: bytes = b"") -> bytes:
    jfif = b"\xff\xe0" + struct.pack(">H5s", 16, b"JFIF") + bytes(9)
    tables = b"\xff\xc4" + struct.pack(">H", 5) + bytes(3)
    size = struct.pack(">BBHBHHB", 0xFF, frame, 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + jfif + before + tables + size + b"\xff\xda"


COMMENT = b"\xff\xfe" + struct.pack(">H", 60_002) + bytes(60_000)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (png(848, 480), ("image/png", 848, 480)),
        (png(70_000, 2), ("image/png", 70_000, 2)),
        (jpeg(848, 480), ("image/jpeg", 848, 480)),
        (jpeg(848, 480, frame=0xC2), ("image/jpeg", 848, 480)),  # progressive
        (jpeg(848, 480, before=COMMENT), ("image/jpeg", 848, 480)),
        (jpeg(848, 480, before=b"\xff\xff\xff"), ("image/jpeg", 848, 480)),  # filled up
        (png(0, 480), None),
        (jpeg(848, 0), None),
        (png(848, 480)[:23], None),
        (jpeg(848, 480)[:30], None),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), None),
        (b"\xff\xd8" + bytes(40), None),
        (b"\x76\x2f\x31\x01" + bytes(40), None),  # OpenEXR
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", None),
        (b"BM" + bytes(40), None),
        (b"", None),
    ],
)
def test_what_a_picture_says_of_itself(head: bytes, told: tuple[str, int, int] | None) -> None:
    assert measure(head[:MEASURED]) == told


@pytest.mark.parametrize("whole", [png(9, 9), jpeg(9, 9)])
def test_no_cut_picture_raises(whole: bytes) -> None:
    sizes = {measure(whole[:length]) for length in range(len(whole))}
    assert len(sizes) == 2
    assert None in sizes

"""Which kind of picture a file is, by its first bytes: the name's ending may say another.

For the kinds that people choose and Blender cannot turn into a picture, and for the size of what is sent. Knows nothing
of Blender.
"""

from __future__ import annotations

import re

#: Blender takes its size and makes a black picture of it (measured, 4.2 and 4.5).
MOVING_WEBP = "a WebP that moves"
HEAD = 512  # bytes of a file that tell its kind
_BRANDS = {
    b"heic": "a HEIC picture",
    b"heix": "a HEIC picture",
    b"heim": "a HEIC picture",
    b"hevc": "a HEIC picture",
    b"mif1": "a HEIC picture",
    b"msf1": "a HEIC picture",
    b"avif": "an AVIF picture",
    b"avis": "an AVIF picture",
    b"crx ": "a camera's raw picture",
}
_BEGINNINGS = (
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"gimp xcf", "a file of GIMP"),
    (b"BLENDER", "a .blend"),
    (b"\x28\xb5\x2f\xfd", "a packed .blend"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"PK\x03\x04", "an archive"),
    (b"\x1aE\xdf\xa3", "a movie"),
    (b"OggS", "a movie"),
)


def kind_of(head: bytes) -> str:
    """The kind of a file that begins with ``head``, as words ('an SVG drawing'); '' for kinds that Blender reads.

    Also '' for what is not known here. Of WebP: only one that moves is a kind of its own.
    """
    if not head:
        return "an empty file"
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & 2:
        return MOVING_WEBP
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "a movie")
    for beginning, words in _BEGINNINGS:
        if head.startswith(beginning):
            return words
    text = head.decode("utf-8-sig", "ignore").lstrip().lower()
    if re.search(r"<svg[\s>]", text):
        return "an SVG drawing"
    if text.startswith(("<!doctype html", "<html")):
        return "a web page"
    return ""


#: How a whole file ends; one that was cut, by a full disk, ends otherwise.
ENDS = {"image/png": b"\0\0\0\0IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9"}
MEASURED = 2**16  # bytes of a picture of ours in which its size is told
#: Markers of a JPEG that begin a frame: those from C0 to CF but for tables (DHT, DAC) and JPG.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def measure(head: bytes) -> tuple[str, int, int] | None:
    """The type ('image/png' or 'image/jpeg'), width and height in pixels of a picture that begins with ``head``.

    None for what is neither, is cut before its size, or has no pixels.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        whole = len(head) >= 24 and head[12:16] == b"IHDR"
        return _sized("image/png", head[16:20], head[20:24]) if whole else None
    if not head.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in FRAMES:
            return _sized("image/jpeg", head[at + 7 : at + 9], head[at + 5 : at + 7])
        # A second FF fills; all other markers before the picture tell how long they are.
        at += 1 if marker == 0xFF else 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


def _sized(kind: str, width: bytes, height: bytes) -> tuple[str, int, int] | None:
    size = int.from_bytes(width, "big"), int.from_bytes(height, "big")
    return (kind, *size) if all(size) else None

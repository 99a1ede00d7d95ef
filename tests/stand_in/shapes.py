"""Other shapes of what the service answers and makes (docs/api.md, §2): where ids and links stand, odd files.

Owns the names of the switches' values, and what each does to an answer. Standard library only; knows nothing of HTTP and
of jobs.
"""

from __future__ import annotations

import struct
from typing import Any
from urllib.parse import urlsplit

#: Where the id of a job can stand in the answer to its POST; the setting ``ids`` names one or more.
ID_PLACES = ("request_id", "id", "data.request_id", "data.id")
#: Where the link of a clip can stand in a poll; the setting ``link`` names one.
LINK_PLACES = ("video.url", "video_url", "videos[0].url", "video.file_output.public_url")
#: What can be odd about a clip that is whole; the setting ``odd`` names any of them.
ODD = {
    "tail": "bytes behind the last box",
    "cover": "a track of cover art before that of the pictures",
    "no-sound": "a track of sound without any sound",
}
#: How a picture that was made of another lies to it, and how many numbers each word takes: ``shift=x,y`` in parts of
#: the size, to the right and down; ``scale=s`` about the middle; ``mirror`` left to right.
GEOMETRY = {"shift": 2, "scale": 1, "mirror": 0}
#: What drifts, values from 0 to 255 a channel: out = 255 * ((in * gain + lift) / 255) ** (1 / gamma), and before it
#: each channel goes ``saturation`` times as far from the luma. ``gain`` and ``lift`` are one number or one a channel.
DRIFT = {"gain": 3, "lift": 3, "saturation": 1, "gamma": 1}
#: What drift can be asked of.
KINDS = ("extend", "edit", "generate")
PICTURE_FORMATS = ("jpeg", "png", "webp")


def numbers(text: str, known: dict[str, int]) -> dict[str, tuple[float, ...]]:
    """``word=1,2 word`` as numbers by their words; one number where three are known is all three. Raises ValueError."""
    found: dict[str, tuple[float, ...]] = {}
    for part in text.split():
        word, _, given = part.partition("=")
        if word not in known:
            raise ValueError(f"{word} is none of {', '.join(known)}")
        values = tuple(float(value) for value in given.split(",") if value)
        if known[word] == 3 and len(values) == 1:
            values *= 3
        if len(values) != known[word]:
            raise ValueError(f"{word} takes {known[word]} numbers, not {len(values)}")
        if word in ("scale", "gamma") and values[0] <= 0:
            raise ValueError(f"{word} is above 0")
        found[word] = values
    return found


def checked(name: str, value: Any) -> None:
    """Refuse what is no value of a setting. Raises ValueError."""
    if name in ("geometry", "drift"):
        numbers(str(value), GEOMETRY if name == "geometry" else DRIFT)
    known = {
        "ids": ID_PLACES,
        "link": LINK_PLACES,
        "odd": tuple(ODD),
        "drift_of": KINDS,
        "picture_format": PICTURE_FORMATS,
    }.get(name)
    words = str(value).split() if name != "link" else [str(value)]
    if known and (unknown := set(words) - set(known)):
        raise ValueError(f"{name} knows {', '.join(known)}, and not {', '.join(sorted(unknown))}")


def started(request_id: str, *, ids: str, number: bool, differ: bool, error: str) -> dict[str, Any]:
    """The answer to a POST: the id at each of the places ``ids``, at all but the first another one if they ``differ``."""
    body: dict[str, Any] = {"error": error} if error else {}
    value: Any = int(request_id) if number else request_id
    for place in ids.split():
        *inside, name = place.split(".")
        fields = body.setdefault(inside[0], {}) if inside else body
        fields[name] = value
        if differ:
            value = value + 1 if number else f"{value[:-1]}{'0' if value[-1] != '0' else '1'}"
    return body


def finished(body: dict[str, Any], *, word: str, link: str, relative: bool) -> dict[str, Any]:
    """The answer of a poll of a job that is done, with another word for it, and its link at another place."""
    body = {**body, "status": word}
    if not word:
        del body["status"]
    video = dict(body["video"])
    url = video.pop("url", None)
    if url is None:
        return body
    if relative:
        url = urlsplit(url).path
    match link:
        case "video_url":
            return body | {"video": video, "video_url": url}
        case "videos[0].url":
            del body["video"]
            return body | {"videos": [video | {"url": url}]}
        case "video.file_output.public_url":
            stored = {"file_id": "file_1", **video.get("file_output", {}), "public_url": url}
            return body | {"video": video | {"url": None, "file_output": stored}}
        case _:
            return body | {"video": {"url": url, **video}}


_TO_TABLES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def silenced(data: bytes, inside_sound: bool = False) -> bytes:
    """``data`` with tables of sound that name no sample; no byte moves."""
    out = b""
    while data:
        length, kind = struct.unpack_from(">I4s", data)
        length = length or len(data)
        box, data = data[:length], data[length:]
        if kind in _TO_TABLES:
            sound = inside_sound or (kind == b"trak" and b"soun" in box)
            box = box[:8] + silenced(box[8:], sound)
        elif inside_sound and kind in (b"stts", b"stsc", b"stsz", b"stco", b"co64"):
            box = box[:12] + bytes(length - 12)
        out += box
    return out

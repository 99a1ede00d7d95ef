"""A spec becomes a request: path, JSON fields, and the files that go along.

Owns the paths of the API and where a request id stands in what somebody pasted. It must not know sockets, clocks or
the ledger: files are named, not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

from ..core.record import record
from ..core.redact import ANY_KEY
from ..core.shape import names_ratio
from ..core.spec import JobSpec, Kind, Picture
from .models import WIDE_RATIOS

GENERATIONS_PATH = "/v1/videos/generations"
EXTENSIONS_PATH = "/v1/videos/extensions"
EDITS_PATH = "/v1/videos/edits"
LOOKS_PATH = "/v1/images/edits"
MODELS_PATH = "/v1/video-generation-models"  # free, says which models a key may use
LOOK_MODELS_PATH = "/v1/image-generation-models"  # free, says what looks cost
KEY_PATH = "/v1/api-key"  # free, says whether a key is good
_LONGEST_TYPED_ID = 200


@record
class Upload:
    """A POST to be made: its path, and a body of bytes and files (sent as base64) one after the other."""

    path: str  # appended to the API base
    parts: tuple[bytes | Path, ...]  # bytes and files in turn; the last ends with '}', which buys


@record
class RemoteClip:
    """A source clip that the service still has: a request that gives its URL need not upload the file."""

    url: str = field(repr=False)  # secret for a day
    request_id: str  # the guide's ``video_id``; the real service ignores it (likely)


@record
class _File:
    """A data URI of a file, in the place of a string of JSON."""

    mime: str
    path: str


def submission(spec: JobSpec, named: RemoteClip | None = None) -> Upload:
    """The request that buys ``spec``; ``named`` is its source video where that need not be uploaded.

    Unknown fields are ignored by the service and cost money instead of failing, so only fields of
    docs/api.md are sent; duration, resolution and sound always, as documents disagree on their defaults.
    Raises ValueError for an extension or edit without a source video.
    """
    if spec.kind is Kind.GENERATE:
        path, fields = GENERATIONS_PATH, _generation(spec)
    elif spec.kind is Kind.LOOK:
        path, fields = LOOKS_PATH, _look(spec)
    else:
        path, fields = EDITS_PATH, _rework(spec, named)
        if spec.kind is Kind.EXTEND:  # an edit is as long as its source
            path, fields["duration"] = EXTENSIONS_PATH, spec.duration
    parts: list[bytes | Path] = []
    for part in _json(fields):
        if parts and isinstance(part, bytes) and isinstance(parts[-1], bytes):
            parts[-1] += part
        else:
            parts.append(part)
    return Upload(path, tuple(parts))


def _generation(spec: JobSpec) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "model": spec.model,
        "prompt": spec.prompt,
        "duration": spec.duration,
        "resolution": spec.resolution,
        "aspect_ratio": spec.aspect_ratio,
        "generate_audio": spec.generate_audio,
    }
    if not spec.prompt.strip():
        del fields["prompt"]  # optional with a picture
    if spec.image and (not names_ratio(spec) or spec.aspect_ratio in WIDE_RATIOS):
        del fields[
            "aspect_ratio"
        ]  # a clip follows its first frame, and another ratio might crop or stretch it
    if spec.image:
        fields["image"] = {"url": _File(spec.image_mime, spec.image)}
    if spec.references:
        fields["reference_images"] = [_picture(picture) for picture in spec.references]
    if spec.voices:
        fields["reference_audios"] = [{"voice_id": voice} for voice in spec.voices]
    if spec.last_frame:
        fields["last_frame"] = _picture(spec.last_frame)
    if spec.keyframes:
        fields["keyframes"] = [
            {"image": _picture(frame.picture), "timestamp_s": frame.seconds}
            for frame in spec.keyframes
        ]
    return fields


def _picture(picture: Picture) -> dict[str, Any]:
    return {"url": _File(picture.mime, picture.path)}


def _look(spec: JobSpec) -> dict[str, Any]:
    """The JSON fields of a look.

    The pictures in the order of ``<IMAGE_0>``, ``<IMAGE_1>`` …; a look follows the first one's ratio, so none is named.
    ``deferred``: the id is known before the service begins. Who does not know the field answers with the picture.
    """
    pictures = [_picture(picture) for _, picture in spec.pictures]
    return {
        "model": spec.model,
        "prompt": spec.prompt,
        **({"image": pictures[0]} if len(pictures) == 1 else {"images": pictures}),
        "resolution": spec.resolution,
        **({"quality": spec.quality} if spec.quality else {}),
        "n": 1,
        "response_format": "url",
        "deferred": True,
    }


def _rework(spec: JobSpec, named: RemoteClip | None) -> dict[str, Any]:
    """The JSON fields that an edit and an extension have in common: model, prompt, source video."""
    fields: dict[str, Any] = {"model": spec.model, "prompt": spec.prompt}
    if named is not None:
        fields["video"] = {"url": named.url}
        fields["video_id"] = named.request_id
    elif spec.video is not None:
        fields["video"] = {"url": _File("video/mp4", spec.video.path)}
    else:
        raise ValueError(f"a job that is to {spec.kind} has a source video")
    return fields


def _json(value: Any) -> Iterator[bytes | Path]:
    """The pieces of a JSON text, ASCII only, with its files where their base64 belongs."""
    match value:
        case _File(mime, path):
            yield f'"data:{mime};base64,'.encode("ascii")
            yield Path(path)
            yield b'"'
        case dict():
            opening = b"{"
            for name, inner in cast(dict[str, Any], value).items():
                yield opening + json.dumps(name).encode("ascii") + b": "
                yield from _json(inner)
                opening = b", "
            yield b"}"
        case list():
            opening = b"["
            for inner in cast(list[Any], value):
                yield opening
                yield from _json(inner)
                opening = b", "
            yield b"]"
        case _:
            yield json.dumps(value).encode("ascii")


_FOUND_ID = re.compile(
    r"(?:(?:request|video|generation)[ _-]?|[\"'])id(?!\w)[\"'`]?\s*(?:[:=]|is)?\s*[\"'`“]?([^\s\"'`“”,;{}<>]+)",
    re.I,
)
_ID_IN_URL = re.compile(r"/(?:videos|images)/([^/?#\s]+)")


def request_id_in(pasted: str, told: str = "") -> str:
    """The request id in a text that somebody copied: bare, quoted, in an answer's JSON, or at the end of a URL.

    ``told``: a sentence with ids in its quotes, such as that of an answer with two; each of them is taken as it stands.
    Raises ValueError with a sentence when there is none, or none that can be asked for.
    """
    text = pasted.strip()
    as_told = text.strip("“”")
    if as_told and len(as_told) <= _LONGEST_TYPED_ID and f"“{as_told}”" in told:
        return as_told
    if not text:
        raise ValueError("Enter the request id.")
    if ANY_KEY.match(text):
        raise ValueError("That is an API key, not a request id.")
    in_url = _ID_IN_URL.search(text)
    named = _FOUND_ID.search(text)
    if in_url:
        text = unquote(in_url[1])
    elif named:
        text = named[1]
    text = text.strip(" \t\"'`“”<>()[]{},;.")
    if "://" in text:
        raise ValueError("That web address holds no request id.")
    if not text or re.search(r"\s", text):
        raise ValueError("That holds no request id: it is one word, such as 7d1f0c2e-…")
    if len(text) > _LONGEST_TYPED_ID or not re.fullmatch(r"[!-.0-~]+", text):
        raise ValueError("That is not a request id: it holds letters, digits and dashes.")
    return text


def poll_path(request_id: str, kind: Kind = Kind.GENERATE) -> str:
    """The path of the API at which to ask for a job of that kind; the opaque id is quoted."""
    made = "images" if kind is Kind.LOOK else "videos"
    return f"/v1/{made}/{quote(request_id, safe='', errors='replace')}"

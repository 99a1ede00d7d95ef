"""What the service accepts: every field rule of docs/api.md, §1, §3 and §5.

Owns the models, the shapes of the three requests, the checks, and the price. A body becomes an ``Order``
or raises ``Refusal`` with the service's answer. Where a captured body exists its words are used
(``fixtures.json``), elsewhere the sentence is ours. Knows nothing of sockets, jobs or encoding.

Pictures in data URIs are really decoded. Addresses on other hosts are **never fetched**: an
``https://…`` picture or clip is accepted as it stands, and something of our own is shown for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from . import clips, serde, voices

TEAM = "00000000-0000-4000-8000-000000000000"
LONGEST_PROMPT = 4096
LARGEST_IMAGE = 20 * 2**20
LONGEST_EDIT = 8.7
#: What a clip is taken to be that lies on a host we do not ask.
_ELSEWHERE = clips.Probe("mov,mp4", "h264", 848, 480, 6.04, True)
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/jpg": "JPEG", "image/webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Model:
    """A row of docs/api.md, §5; prices in ticks (10**-10 USD), a second or an image."""

    prices: dict[str, int]
    image: int
    makes: frozenset[str]
    references: int = 0
    reference_seconds: int = 0
    input_second: int = 0
    created: int = 1769558400


MODELS = {
    "grok-imagine-video": Model(
        {"480p": 500_000_000, "720p": 700_000_000},
        20_000_000,
        frozenset({"text", "image", "references", "extend", "edit"}),
        references=7,
        reference_seconds=10,
        input_second=100_000_000,
    ),
    "grok-imagine-video-1.5": Model(
        {"480p": 800_000_000, "720p": 1_400_000_000, "1080p": 2_500_000_000},
        100_000_000,
        frozenset({"text", "image", "references", "last_frame", "keyframes", "voices"}),
        references=14,
        reference_seconds=15,
    ),
    "grok-imagine-video-1.5-lite": Model(
        {"480p": 200_000_000, "720p": 300_000_000, "1080p": 1_400_000_000},
        100_000_000,
        frozenset({"text", "image"}),
    ),
}
DEFAULT_MODEL = "grok-imagine-video"
#: Other names of a model (docs/api.md, §5).
ALIASES = {
    "grok-imagine-video-1.5-preview": "grok-imagine-video-1.5",
    "grok-imagine-video-1.5-2026-05-30": "grok-imagine-video-1.5",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came with a request. ``data`` is empty for one on another host."""

    url: str = ""
    mime: str = ""
    width: int = 0
    height: int = 0
    sha256: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Video:
    """The source of an edit or extension. ``path`` is None for one on another host."""

    probe: clips.Probe
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was accepted."""

    kind: str  # 'generate' 'edit' 'extend'
    model: str
    prompt: str
    duration: int  # seconds to make; of an extension those added, of an edit the source's
    resolution: str
    aspect_ratio: str | None
    audio: bool
    image: Picture | None = None
    others: tuple[Picture, ...] = ()  # references, last frame, keyframes
    video: Video | None = None
    storage: dict[str, Any] | None = None
    fails: dict[str, str] | None = None  # accepted, but will fail on the poll with this
    voices: tuple[str, ...] = ()
    #: Of the others, those that stand at a second of the clip.
    pins: tuple[tuple[float, Picture], ...] = ()

    @property
    def ticks(self) -> int:
        """The price: seconds made, pictures sent, seconds of video sent (docs/api.md, §5)."""
        model = MODELS[self.model]
        made = self.duration * model.prices.get(self.resolution, 0)
        pictures = len(self.others) + (self.image is not None)
        sent = whole(self.video.probe.seconds) if self.video else 0
        return made + pictures * model.image + sent * model.input_second


@dataclass(slots=True)
class Refusal(Exception):
    """An answer that refuses; nothing was started. ``body`` is an object for JSON, or plain text."""

    status: int
    body: dict[str, Any] | str


class NoImage(Refusal):
    """What came as a picture is none."""


@dataclass(frozen=True, slots=True)
class World:
    """What the rules ask of the server around them."""

    guide: bool
    clip_at: Callable[[str], Path | None]  # a URL of ours -> the file
    clip_of: Callable[[str], Path | None]  # a request id -> the file of a job that is done
    file_of: Callable[[str], Path | None]  # a file_id -> the file
    keep_video: Callable[[bytes], Path]  # writes a source that came as a data URI
    longest_source: float = 15.1
    seen: list[Picture] = field(default_factory=list)  # every picture that could be decoded
    #: An image of ours by its file_id, or by its URL; None for none of ours. The URL of one that is gone is a Refusal.
    picture_of: Callable[[str], Path | None] = lambda _: None
    picture_at: Callable[[str], Path | None] = lambda _: None
    custom_voices: tuple[str, ...] = ()
    trusted: bool = False  # may send sounds of its own as voices


def whole(seconds: float) -> int:
    """A measured length in the whole seconds that are billed; how the service rounds is not known (docs/api.md, §5)."""
    return max(1, math.floor(seconds + 0.5))


def bad(words: str) -> Refusal:
    """400, an invalid value."""
    return Refusal(400, {"code": "invalid-argument", "error": words})


def missing(words: str) -> Refusal:
    """404, something that does not exist."""
    return Refusal(404, {"code": "not-found", "error": words})


_string = serde.option(serde.string)
link = serde.struct("ImageUrl", url=serde.string, image_url=serde.string, file_id=_string)
storage_options = serde.struct(
    "StorageOptions",
    ("filename",),
    filename=serde.string,
    expires_after=serde.option(serde.integer),
    public_url=serde.option(
        serde.either(
            "PublicUrl",
            serde.boolean,
            serde.struct("PublicUrlOptions", expires_after=serde.option(serde.integer)),
        )
    ),
)
_output = serde.option(serde.struct("VideoOutput", ("upload_url",), upload_url=serde.string))
_GENERATE = serde.struct(
    "GenerateVideoRequest",
    aspect_ratio=serde.option(
        # The captured error names seven; the two newest documents add two.
        serde.variant("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", also=("21:9", "5:2"))
    ),
    duration=serde.option(serde.integer),
    generate_audio=serde.option(serde.boolean),
    image=serde.option(link),
    keyframes=serde.sequence(
        serde.struct(
            "VideoKeyframe", ("image", "timestamp_s"), image=link, timestamp_s=serde.number
        )
    ),
    last_frame=serde.option(link),
    model=_string,
    output=_output,
    prompt=serde.string,
    reference_audios=serde.sequence(serde.struct("AudioRef", voice_id=_string, url=_string)),
    reference_images=serde.sequence(link),
    resolution=serde.option(serde.variant("480p", "720p", "1080p")),
    storage_options=serde.option(storage_options),
    user=_string,
)
_video = serde.struct("VideoUrl", url=serde.string, file_id=_string)


def _from_video(name: str, guide: bool) -> serde.Reader:
    return serde.struct(
        name,
        ("prompt",) if guide else ("prompt", "video"),
        duration=serde.option(serde.integer),
        model=_string,
        output=_output,
        prompt=serde.string,
        user=_string,
        video=serde.option(_video) if guide else _video,
        storage_options=serde.option(storage_options),
        **({"video_id": _string} if guide else {}),
    )


def check(kind: str, content_type: str, body: bytes, world: World) -> Order:
    """A request body as an order. ``kind`` is 'generate', 'edit' or 'extend'. Raises Refusal."""
    if kind == "generate":
        return _generate(read(content_type, body, _GENERATE), world)
    name = {"edit": "EditVideoRequest", "extend": "ExtendVideoRequest"}[kind]
    return _rework(kind, read(content_type, body, _from_video(name, world.guide)), world)


def read(content_type: str, body: bytes, kind: serde.Reader) -> Any:
    """A request body as that type. Raises Refusal."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "Expected request with `Content-Type: application/json`")
    try:
        return serde.Document(body).read(kind)
    except serde.Malformed as error:
        raise Refusal(400, str(error)) from None
    except serde.Misfit as error:
        raise Refusal(422, str(error)) from None


def no_model(name: str) -> Refusal:
    """404, a model that does not exist."""
    return missing(
        f"The model {name} does not exist or your team {TEAM} does not have access to it. "
        "If you believe this is a mistake, please contact support and quote your team ID and "
        "the model name."
    )


def _model(fields: dict[str, Any]) -> str:
    name = fields.get("model") or DEFAULT_MODEL
    name = ALIASES.get(name, name)
    if name not in MODELS:
        raise no_model(name)
    return name


def _prompt(fields: dict[str, Any], needed: bool) -> str:
    prompt = fields.get("prompt", "")
    if needed and not prompt.strip():
        raise bad("Prompt cannot be empty. Please provide a prompt.")
    if len(prompt) > LONGEST_PROMPT:
        raise bad(
            f"Prompt is too long: {len(prompt)} characters. Maximum allowed is {LONGEST_PROMPT}."
        )
    return prompt


def _offer(model: str, what: str, name: str) -> None:
    if what not in MODELS[model].makes:
        raise bad(f"{name} not supported for this model.")


def _generate(fields: dict[str, Any], world: World) -> Order:
    model = _model(fields)
    links = fields.get("reference_images", [])
    frames = fields.get("keyframes", [])
    audios = fields.get("reference_audios", [])
    start, last = fields.get("image"), fields.get("last_frame")
    seconds = fields.get("duration")
    seconds = 8 if seconds is None else seconds
    resolution = fields.get("resolution") or "480p"

    prompt = _prompt(fields, needed=not (start or links or last or frames))
    if links:
        _offer(model, "references", "`reference_images` is")
    if links or (audios and "voices" in MODELS[model].makes):
        # A voice alone makes it reference-to-video, with a reference's limits.
        _references(model, len(links), start is not None, seconds, resolution)
    if not 1 <= seconds <= 15:
        raise bad("Duration must be between 1 and 15 seconds")
    if resolution not in MODELS[model].prices:
        raise bad(f"{resolution} video resolution is not supported for this model.")
    if resolution == "1080p" and (last is not None or frames):
        raise bad(_NO_1080P)
    if last is not None:
        _offer(model, "last_frame", "Last frame is")
    if frames:
        _offer(model, "keyframes", "Keyframes are")
        _keyframes(frames, seconds)
    spoken = _voices(model, audios, world)
    storage = _storage_options(fields)
    pinned = [(frame["timestamp_s"], frame["image"]) for frame in frames]
    if last is not None:
        pinned.insert(0, (float(seconds), last))
    shown = [(when, picture(link, world)) for when, link in pinned]
    return Order(
        "generate",
        model,
        prompt,
        seconds,
        resolution,
        fields.get("aspect_ratio"),
        fields.get("generate_audio") is not False,
        image=picture(start, world) if start is not None else None,
        others=(*(picture(link, world) for link in links), *(one for _, one in shown)),
        storage=storage,
        voices=spoken,
        pins=tuple(shown),
    )


def _voices(model: str, audios: list[dict[str, Any]], world: World) -> tuple[str, ...]:
    if audios:
        _offer(model, "voices", "Reference audio is")
    try:
        return voices.checked(audios, world.custom_voices, world.trusted)
    except voices.Unfit as unfit:
        raise bad(str(unfit)) from None


_NO_1080P = "1080p video resolution is not supported for reference-to-video requests."


def _references(model: str, count: int, pinned: bool, seconds: int, resolution: str) -> None:
    if pinned and model == DEFAULT_MODEL:
        raise bad("Image and reference images cannot be used together for this model.")
    if count > (most := MODELS[model].references):
        raise bad(f"Too many reference images: {count}. Maximum allowed is {most}.")
    most = MODELS[model].reference_seconds
    if seconds > most:
        raise bad(
            f"Duration {seconds}s exceeds the maximum allowed for reference-to-video, "
            f"which is {most}s."
        )
    if resolution == "1080p":
        raise bad(_NO_1080P)


def _keyframes(frames: list[dict[str, Any]], seconds: int) -> None:
    if len(frames) > 4:
        raise bad(f"Too many keyframes: {len(frames)}. Maximum allowed is 4.")
    for frame in frames:
        when = frame["timestamp_s"]
        if not 0 < when < seconds:
            raise bad(
                f"Keyframe timestamp {when}s must lie strictly inside of the {seconds}s clip."
            )
        if abs(when * 3 - round(when * 3)) > 0.01:
            raise bad(f"Keyframe timestamp {when}s must be a multiple of 1/3 s.")


def _storage_options(fields: dict[str, Any]) -> dict[str, Any] | None:
    options = fields.get("storage_options")
    if options is not None and (options.get("expires_after") or 0) > 2_592_000:
        raise bad("storage_options.expires_after must be at most 2592000 seconds")
    return options


def data_uri(url: str, kinds: str) -> tuple[str, bytes]:
    """The media type and the bytes of a data URI; ``kinds`` is 'image', 'video'. Raises Refusal."""
    head, comma, text = url.partition(",")
    match = re.fullmatch(rf"data:({kinds}/[\w.+-]+);base64", head, re.IGNORECASE)
    if not (comma and match):
        raise bad(f"Invalid data URI: expected data:{kinds}/…;base64,…")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise bad("Invalid base64 in data URI") from None
    return match[1].lower(), data


def pixels(data: bytes) -> tuple[int, int] | None:
    """Width and height of a picture, or None."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def picture(link: dict[str, Any], world: World) -> Picture:
    """The picture that an ImageUrl names. Raises Refusal, and NoImage for what is no picture."""
    url = link.get("url") or link.get("image_url") or ""
    file_id = link.get("file_id") or ""
    if url and file_id:
        raise bad("An image takes a url or a file_id, not both.")
    if file_id:
        stored = world.picture_of(file_id)
        if stored is None:
            raise missing(f"The file {file_id} does not exist.")
        return _decoded(stored.read_bytes(), "", world)
    if not url:
        raise bad("An image needs a url or a file_id.")
    if not url.startswith("data:"):
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise bad("Invalid image URL")
        made = world.picture_at(url)
        return _decoded(made.read_bytes(), "", world) if made else Picture(url)
    mime, data = data_uri(url, "image")
    if mime not in _FORMATS:
        raise bad(f"Unsupported image format {mime}. Supported formats are JPEG, PNG and WebP.")
    if len(data) > LARGEST_IMAGE:
        raise bad("Image is larger than the maximum of 20 MiB.")
    return _decoded(data, mime, world)


def _decoded(data: bytes, mime: str, world: World) -> Picture:
    try:
        with Image.open(io.BytesIO(data)) as image:
            actual, size = image.format, image.size
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise _no_image("Image could not be decoded.") from None
    mime = mime or f"image/{str(actual).lower()}"
    if actual != _FORMATS.get(mime):
        raise _no_image(f"Image is {actual}, but the data URI says {mime}.")
    found = Picture("", mime, *size, hashlib.sha256(data).hexdigest(), data)
    world.seen.append(found)
    return found


def _no_image(words: str) -> NoImage:
    return NoImage(400, {"code": "invalid-argument", "error": words})


def _source(fields: dict[str, Any], world: World) -> Video:
    link = fields.get("video")
    wanted = fields.get("video_id")
    if world.guide and wanted:
        path = world.clip_of(wanted)
        if path is None:
            raise missing("The requested video was not found.")
    elif link is None:
        raise bad("A video_id is needed.")
    elif url := link.get("url") or "":
        if url.startswith("data:"):
            mime, data = data_uri(url, "video")
            if mime != "video/mp4":
                raise bad("Unsupported video format. Only MP4 is supported.")
            path = world.keep_video(data)
        elif urlsplit(url).scheme in {"http", "https"} and urlsplit(url).hostname:
            path = world.clip_at(url)
            if path is None:
                if urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}:
                    raise bad("Failed to download the video.")
                return Video(_ELSEWHERE)
        else:
            raise bad("Invalid video URL")
    elif link.get("file_id"):
        path = world.file_of(link["file_id"])
        if path is None:
            raise missing(f"The file {link['file_id']} does not exist.")
    else:
        raise bad("A video needs a url or a file_id.")
    probe = clips.probe(path)
    if probe is None or "mp4" not in probe.container:
        raise bad("Video could not be decoded. Only MP4 is supported.")
    if probe.codec not in {"h264", "hevc", "av1"}:
        raise bad(f"Unsupported video codec {probe.codec}. Supported are H.264, H.265 and AV1.")
    return Video(probe, path)


def _rework(kind: str, fields: dict[str, Any], world: World) -> Order:
    model = _model(fields)
    if kind not in MODELS[model].makes:
        name = "editing" if kind == "edit" else "extension"
        raise bad(f"Video {name} is not supported for this model.")
    prompt = _prompt(fields, needed=True)
    fails = None
    added = fields.get("duration")
    added = 6 if added is None else added
    if kind == "extend" and not 1 <= added <= 15:
        raise bad("Duration must be between 1 and 15 seconds")
    if kind == "extend" and not 2 <= added <= 10:
        # Seen on the service: 1 and 11 are accepted, and fail on the poll.
        words = "Duration must be between 2 and 10 seconds"
        fails = {"code": "invalid_argument", "message": words}
    storage = _storage_options(fields)
    video = _source(fields, world)
    seconds = video.probe.seconds
    if kind == "edit" and seconds > LONGEST_EDIT:
        raise bad(f"Video duration {seconds:.1f}s exceeds the maximum of {LONGEST_EDIT}s.")
    # Containers round a clip's end up, and d seconds are 24·d+1 frames.
    if kind == "extend" and not 1.95 <= seconds <= world.longest_source:
        raise bad(
            f"Video duration {seconds:.1f}s must be between 2 and {world.longest_source:.0f} seconds"
        )
    short = min(video.probe.width, video.probe.height)
    return Order(
        kind,
        model,
        prompt,
        added if kind == "extend" else whole(seconds),
        "480p" if short < 600 else "720p",
        None,
        video.probe.audio,
        video=video,
        storage=storage,
        fails=fails,
    )

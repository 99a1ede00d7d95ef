"""What the service accepts as an order for pictures: every field rule of docs/api.md.

Owns the image models with their prices, the two requests, and their checks. A body becomes an ``ImageOrder`` or raises
``rules.Refusal``. The words are the service's where somebody saw them, elsewhere ours. Knows nothing of sockets, jobs
or encoding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import rules, serde
from .rules import Picture, World, bad

QUALITIES = ("low", "medium")
RESOLUTIONS = ("1k", "1.5k", "2k")
RATIOS = (
    "1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1", "21:9", "5:2",
    "auto",
)  # fmt: skip
#: Ratios that only the newest model has.
_WIDE = ("21:9", "5:2")
_MOST_PICTURES = 10


@dataclass(frozen=True, slots=True)
class ImageModel:
    """A row of docs/api.md; prices in ticks (10**-10 USD), of a picture made and of one sent."""

    prices: dict[
        tuple[str, str], int
    ]  # by quality and resolution; quality '' where the model knows none
    input: int
    images: int  # pictures that can be sent at most
    version: str
    created: int
    aliases: tuple[str, ...] = ()
    wide: bool = False

    @property
    def qualities(self) -> bool:
        """Whether the model can be asked for a quality."""
        return ("", "1k") not in self.prices


NEWEST = "grok-imagine-image-2.0"
MODELS = {
    NEWEST: ImageModel(
        {
            ("low", "1k"): 400_000_000,
            ("medium", "1k"): 600_000_000,
            ("low", "1.5k"): 500_000_000,  # ours: nobody published a price of 1.5k
            ("medium", "1.5k"): 700_000_000,
            ("low", "2k"): 600_000_000,
            ("medium", "2k"): 800_000_000,
        },
        100_000_000,
        5,
        "2.0.0",
        1786060800,
        wide=True,
    ),
    "grok-imagine-image": ImageModel(
        {("", resolution): 200_000_000 for resolution in RESOLUTIONS},
        20_000_000,
        3,
        "1.0",
        1769558400,
        ("grok-imagine-image-2026-03-02",),
    ),
}
#: Names that lead to the newest model at its low quality, whatever quality is asked for.
REDIRECTS = (
    "grok-imagine-image-quality",
    "grok-imagine-image-quality-latest",
    "grok-imagine-image-quality-20260403",
    "grok-imagine-image-pro",
)


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """A request for pictures that was accepted."""

    kind: str  # 'image-edit' 'image-generate'
    asked: str  # the model's name in the request
    model: str  # the one that serves
    prompt: str
    quality: str  # the one that is billed; '' where the model knows none
    resolution: str
    aspect_ratio: str | None  # None: that of the first picture
    n: int
    response_format: str  # 'url' 'b64_json'
    deferred: bool
    pictures: tuple[Picture, ...] = ()
    storage: dict[str, Any] | None = None

    @property
    def ticks(self) -> int:
        """The price: each picture made, each picture sent (docs/api.md)."""
        model = MODELS[self.model]
        return (
            self.n * model.prices[self.quality, self.resolution] + len(self.pictures) * model.input
        )


_shared: dict[str, serde.Reader] = {
    "aspect_ratio": serde.option(serde.variant(*RATIOS)),
    "deferred": serde.option(serde.boolean),
    "model": serde.option(serde.string),
    "n": serde.option(serde.integer),
    "output": serde.option(
        serde.struct("ImageOutput", ("upload_urls",), upload_urls=serde.sequence(serde.string))
    ),
    "prompt": serde.string,
    "quality": serde.option(serde.string),
    "resolution": serde.option(serde.variant(*RESOLUTIONS)),
    "response_format": serde.option(serde.variant("url", "b64_json")),
    "size": lambda *_: True,  # of any type: refused by name
    "storage_options": serde.option(rules.storage_options),
    "user": serde.option(serde.string),
}
_GENERATE = serde.struct("GenerateImageRequest", ("prompt",), **_shared)
_EDIT = serde.struct(
    "EditImageRequest",
    ("prompt",),
    image=serde.option(rules.link),
    images=serde.option(serde.sequence(rules.link)),
    **_shared,
)


def check(
    kind: str,
    content_type: str,
    body: bytes,
    world: World,
    longest_prompt: int = 8000,
    defers: bool = True,
) -> ImageOrder:
    """A request body as an order. ``kind`` is 'image-edit' or 'image-generate'. Raises rules.Refusal.

    ``longest_prompt`` is in characters. A service that does not know the deferred form (``defers``) ignores its field.
    """
    fields = rules.read(content_type, body, _EDIT if kind == "image-edit" else _GENERATE)
    if not defers:
        fields.pop("deferred", None)
    if "size" in fields:
        raise bad("Argument not supported: size")
    asked = fields.get("model") or NEWEST
    model = _model(asked)
    quality = _quality(fields.get("quality"), asked, model, kind)
    prompt = fields["prompt"]
    if not prompt.strip():
        raise bad("Prompt cannot be empty. Please provide a prompt.")
    if len(prompt) > longest_prompt:
        raise bad(
            f"Prompt is too long: {len(prompt)} characters. Maximum allowed is {longest_prompt}."
        )
    ratio = fields.get("aspect_ratio")
    if ratio in _WIDE and not MODELS[model].wide:
        raise bad(f"Aspect ratio {ratio} is not supported for this model.")
    count = 1 if fields.get("n") is None else fields["n"]
    if not 1 <= count <= _MOST_PICTURES:
        raise bad(f"n must be between 1 and {_MOST_PICTURES}")
    _delivery(fields, count)
    links = _links(fields, model) if kind == "image-edit" else []
    if len(links) == 1 and not MODELS[model].wide:
        ratio = None  # the older model follows its one picture
    return ImageOrder(
        kind,
        asked,
        model,
        prompt,
        quality,
        fields.get("resolution") or "1k",
        None if ratio == "auto" else ratio,
        count,
        fields.get("response_format") or "url",
        fields.get("deferred") is True,
        tuple(_picture(link, world) for link in links),
        fields.get("storage_options"),
    )


def _model(asked: str) -> str:
    if asked in REDIRECTS:
        return NEWEST
    for name, model in MODELS.items():
        if asked == name or asked in model.aliases:
            return name
    raise rules.no_model(asked)


def _quality(wanted: str | None, asked: str, model: str, kind: str) -> str:
    if not MODELS[model].qualities:
        if wanted is not None:
            raise bad("quality is not supported for this model.")
        return ""
    if wanted not in (None, "auto", *QUALITIES):
        raise bad(f"Invalid quality {wanted}. Supported values are auto, low and medium.")
    if asked in REDIRECTS:
        return "low"
    if wanted in QUALITIES:
        return str(wanted)
    return "medium" if kind == "image-edit" else "low"


def _delivery(fields: dict[str, Any], count: int) -> None:
    as_url = (fields.get("response_format") or "url") == "url"
    if fields.get("deferred") and not as_url:
        raise bad("Deferred image generation supports only response_format url.")
    if output := fields.get("output"):
        if not as_url:
            raise bad("output.upload_urls supports only response_format url.")
        if len(output["upload_urls"]) != count:
            raise bad(f"output.upload_urls must have one URL for each of {count} images.")
    if storage := fields.get("storage_options"):
        seconds = storage.get("expires_after")
        if seconds is not None and not 3600 <= seconds <= 2_592_000:
            raise bad("storage_options.expires_after must be between 3600 and 2592000 seconds")


def _links(fields: dict[str, Any], model: str) -> list[dict[str, Any]]:
    one, several = fields.get("image"), fields.get("images")
    if one is not None and several is not None:
        raise bad("Only one of image and images can be provided.")
    links = [one] if one is not None else several or []
    if not links:
        raise bad("An image edit needs an image.")
    if len(links) > (most := MODELS[model].images):
        raise bad(f"Too many images: {len(links)}. Maximum allowed is {most}.")
    return links


def _picture(link: dict[str, Any], world: World) -> Picture:
    try:
        return rules.picture(link, world)
    except rules.NoImage:
        raise rules.Refusal(400, {"error": "invalid image format"}) from None

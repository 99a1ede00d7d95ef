"""What each model of the service can do: one table, so that a correction is one edit.

Facts are sure but for those called likely or weak (docs/api.md says what that means). It knows nothing of HTTP or of
Blender. Prices are integer ticks (1 USD = 10**10 ticks).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from ..core.amount import TICKS_PER_USD
from ..core.framing import log_ratio, nearest_ratio, sides, whole_frame
from ..core.record import record

#: Characters of a prompt at most (likely).
MAX_PROMPT = 4096
#: Aspect ratios as the service listed them in its own 422 for another ratio.
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
#: The ratios that the newest documents add, without a word of which models (likely): named for text alone. A clip
#: from a picture has the picture's ratio anyway.
WIDE_RATIOS = ("21:9", "5:2")


@record
class Model:
    """What one model of the service makes, takes and costs. Lengths are seconds; a limit of 0: never made."""

    id: str
    label: str
    makes: frozenset[
        str
    ]  # 'text' 'image' 'references' 'voices' 'extend' 'edit' 'last_frame' 'keyframes'
    prices: Mapping[str, int]  # resolution -> ticks per second; the resolutions offered, in order
    image_price: int  # ticks per input picture of any kind
    video_price: int = 0  # ticks per second of input video
    aliases: tuple[str, ...] = ()  # other names of the same model at the service
    ratios: tuple[str, ...] = RATIOS + WIDE_RATIOS  # of a clip
    picture_ratios: tuple[str, ...] = RATIOS  # the ratios that are named along with a first frame
    follows_picture: bool = True  # a clip from a first frame has that picture's own ratio
    min_seconds: int = 1
    max_seconds: int = 15
    audio: bool = True
    max_references: int = 7
    max_voices: int = 3
    reference_seconds: int = 0  # at most, when there are references or voices
    #: With references, voices, an end frame or keyframes (of the latter two likely): 720p at most.
    reference_resolutions: tuple[str, ...] = ("480p", "720p")
    references_with_image: bool = False  # a first frame and references together
    max_keyframes: int = 4
    min_added: int = 2  # an extension: 1 and 11 are taken and fail later
    max_added: int = 10
    min_source: float = 2.0  # of a clip that is extended
    max_source: float = 15.0  # the newer schema says 30
    max_edit: float = 8.7  # of a clip that is edited


def _per_second(*dollars: float) -> Mapping[str, int]:
    """Prices a second, for the resolutions in order."""
    resolutions = ("480p", "720p", "1080p")
    return MappingProxyType(dict(zip(resolutions, map(_ticks, dollars), strict=False)))


def _ticks(dollars: float) -> int:
    return round(dollars * TICKS_PER_USD)


#: In the order offered. The prices of -lite are likely.
MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(
            "grok-imagine-video",
            "Grok Imagine Video",
            frozenset({"text", "image", "references", "extend", "edit"}),
            _per_second(0.05, 0.07),
            _ticks(0.002),
            _ticks(0.01),
            reference_seconds=10,
        ),
        Model(
            "grok-imagine-video-1.5",
            "Grok Imagine Video 1.5",
            frozenset({"text", "image", "references", "voices", "last_frame", "keyframes"}),
            _per_second(0.08, 0.14, 0.25),
            _ticks(0.01),
            aliases=("grok-imagine-video-1.5-preview", "grok-imagine-video-1.5-2026-05-30"),
            max_references=14,
            reference_seconds=15,
            references_with_image=True,
        ),
        Model(
            "grok-imagine-video-1.5-lite",
            "Grok Imagine Video 1.5 Lite",
            frozenset({"text", "image"}),
            _per_second(0.02, 0.03, 0.14),
            _ticks(0.01),
        ),
    )
}
DEFAULT_MODEL = "grok-imagine-video"
_BY_ALIAS = {alias: model for model in MODELS.values() for alias in model.aliases}
#: A model that is not in the table: may do anything, until the service says otherwise, and has no price.
ANY = Model(
    "",
    "Other Model",
    frozenset(make for model in MODELS.values() for make in model.makes),
    MappingProxyType({name: 0 for model in MODELS.values() for name in model.prices}),
    0,
    max_references=14,
    reference_seconds=15,
    references_with_image=True,
)
#: Bytes of a picture at most: the service's general limit for an image (likely).
LARGEST_PICTURE = 20 << 20
PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp")
#: Pixels of a picture's long side at most: a full frame of 1080p.
LONGEST_SIDE = 1920
#: (resolution, ratio) -> (width, height) of the clip: the short side is the resolution's, the long one
#: follows the ratio in even pixels, LONGEST_SIDE at most. 848x480 and 1280x720 were captured; the rest is computed.
PIXELS: dict[tuple[str, str], tuple[int, int]] = {
    ("480p", "16:9"): (848, 480),
    ("480p", "9:16"): (480, 848),
    ("480p", "1:1"): (480, 480),
    ("480p", "4:3"): (640, 480),
    ("480p", "3:4"): (480, 640),
    ("480p", "3:2"): (720, 480),
    ("480p", "2:3"): (480, 720),
    ("480p", "21:9"): (1120, 480),
    ("480p", "5:2"): (1200, 480),
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("720p", "1:1"): (720, 720),
    ("720p", "4:3"): (960, 720),
    ("720p", "3:4"): (720, 960),
    ("720p", "3:2"): (1080, 720),
    ("720p", "2:3"): (720, 1080),
    ("720p", "21:9"): (1680, 720),
    ("720p", "5:2"): (1800, 720),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("1080p", "1:1"): (1080, 1080),
    ("1080p", "4:3"): (1440, 1080),
    ("1080p", "3:4"): (1080, 1440),
    ("1080p", "3:2"): (1620, 1080),
    ("1080p", "2:3"): (1080, 1620),
    ("1080p", "21:9"): (1920, 822),
    ("1080p", "5:2"): (1920, 768),
}


def clip_size(resolution: str, ratio: str) -> tuple[int, int]:
    """(width, height) in pixels of a clip. Raises KeyError for what is not in the table."""
    return PIXELS[resolution, ratio]


#: A frame whose ratio is within this part of a named one is of that ratio: 1366 x 768 is 16:9.
_NAMED = 0.002
#: The clip's long side is a multiple of that many pixels, as in 848x480 (weak: that size alone was captured).
_CLIP_STEP = 16


def whole_size(
    resolution: str, width: float, height: float, *, enlarge: bool = True
) -> tuple[int, int]:
    """(width, height) in pixels at which a frame of width x height square pixels is sent whole: see ``whole_frame``.

    A frame of a ratio that has a name gets the size of that name. Without ``enlarge`` the size is never beyond the
    frame's own. Raises ValueError when a side is not positive.
    """
    short = int(resolution.removesuffix("p"))
    ratio = nearest_ratio(width, height, RATIOS)
    named = clip_size(resolution, ratio)
    if abs(log_ratio(width, height, *sides(ratio))) < _NAMED and (
        enlarge or (named[0] <= width and named[1] <= height)
    ):
        return named
    return whole_frame(width, height, short, LONGEST_SIDE, enlarge=enlarge)


def about_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) that a clip from a picture of that size will have, about: what the panel says."""
    if width >= height:
        return max(width // _CLIP_STEP * _CLIP_STEP, height), height
    return width, max(height // _CLIP_STEP * _CLIP_STEP, width)


def model_named(name: str) -> Model | None:
    """The row of the model that the service knows by that name or alias; None for one that is not in the table."""
    return MODELS.get(name) or _BY_ALIAS.get(name)


def models_that(make: str) -> list[Model]:
    """The models that make something: see ``Model.makes``."""
    return [model for model in MODELS.values() if make in model.makes]


def snap_thirds(seconds: float) -> int:
    """Thirds of a second from the clip's start: where the service puts a keyframe that is meant for ``seconds``."""
    return math.floor(seconds * 3 + 0.5)


#: Voices that the service's own client lists (likely): suggestions, until the service itself names its voices.
VOICES = (
    *(
        "ara",
        "eve",
        "leo",
        "rex",
        "sal",
        "altair",
        "atlas",
        "aurora",
        "carina",
        "castor",
        "celeste",
    ),
    *(
        "cosmo",
        "helios",
        "helix",
        "iris",
        "kepler",
        "liora",
        "lumen",
        "luna",
        "lux",
        "naksh",
        "orion",
    ),
    *("perseus", "rigel", "sirius", "ursa", "zagan", "zenith"),
)

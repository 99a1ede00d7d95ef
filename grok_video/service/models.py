"""What each model of the service can do: one table, so that a correction is one edit.

Facts are sure but for those called likely or weak (docs/api.md says what that means). It knows nothing of HTTP or of
Blender. Prices are integer ticks (1 USD = 10**10 ticks).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from ..core.amount import TICKS_PER_USD
from ..core.record import record

#: Characters of a prompt at most (likely).
MAX_PROMPT = 4096
#: Aspect ratios as the service listed them in its own 422 for another ratio. The newest documents add 21:9 and 5:2
#: without saying for which models: not offered, as a refusal would come after the render of the first frame.
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")


@record
class Model:
    """What one model of the service makes, takes and costs. Lengths are seconds; a limit of 0: never made."""

    id: str
    label: str
    makes: frozenset[str]  # 'text' 'image' 'references' 'extend' 'edit' 'last_frame' 'keyframes'
    prices: Mapping[str, int]  # resolution -> ticks per second; the resolutions offered, in order
    image_price: int  # ticks per input picture of any kind
    video_price: int = 0  # ticks per second of input video
    ratios: tuple[str, ...] = RATIOS
    min_seconds: int = 1
    max_seconds: int = 15
    audio: bool = True
    max_references: int = 7
    reference_seconds: int = 0  # at most, when there are references
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
            frozenset({"text", "image", "references", "last_frame", "keyframes"}),
            _per_second(0.08, 0.14, 0.25),
            _ticks(0.01),
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
#: A model that is not in the table: may do anything, until the service says otherwise, and has no price.
ANY = Model(
    "",
    "Other Model",
    frozenset(make for model in MODELS.values() for make in model.makes),
    MappingProxyType({name: 0 for model in MODELS.values() for name in model.prices}),
    0,
    reference_seconds=15,
    references_with_image=True,
)
#: Bytes of a picture at most: the service's general limit for an image (likely).
LARGEST_PICTURE = 20 << 20
PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp")
#: (resolution, ratio) -> (width, height) of the clip: the short side is the resolution's, the long one
#: follows the ratio in even pixels. 848x480 and 1280x720 were captured; the rest is computed.
PIXELS: dict[tuple[str, str], tuple[int, int]] = {
    ("480p", "16:9"): (848, 480),
    ("480p", "9:16"): (480, 848),
    ("480p", "1:1"): (480, 480),
    ("480p", "4:3"): (640, 480),
    ("480p", "3:4"): (480, 640),
    ("480p", "3:2"): (720, 480),
    ("480p", "2:3"): (480, 720),
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("720p", "1:1"): (720, 720),
    ("720p", "4:3"): (960, 720),
    ("720p", "3:4"): (720, 960),
    ("720p", "3:2"): (1080, 720),
    ("720p", "2:3"): (720, 1080),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("1080p", "1:1"): (1080, 1080),
    ("1080p", "4:3"): (1440, 1080),
    ("1080p", "3:4"): (1080, 1440),
    ("1080p", "3:2"): (1620, 1080),
    ("1080p", "2:3"): (1080, 1620),
}


def clip_size(resolution: str, ratio: str) -> tuple[int, int]:
    """(width, height) in pixels of a clip. Raises KeyError for what is not in the table."""
    return PIXELS[resolution, ratio]


def models_that(make: str) -> list[Model]:
    """The models that make something: 'text' 'image' 'references' 'extend' 'edit' 'last_frame' 'keyframes'."""
    return [model for model in MODELS.values() if make in model.makes]


def snap_thirds(seconds: float) -> int:
    """Thirds of a second from the clip's start: where the service puts a keyframe that is meant for ``seconds``."""
    return math.floor(seconds * 3 + 0.5)


def reference_token(number: int) -> str:
    """How a prompt names the reference picture of that number, counted from 0 (likely)."""
    return f"<IMAGE_{number}>"

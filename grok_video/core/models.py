"""What each model can do and what it costs: one table, and the checks and estimates read from it.

Everything the service's documents say of models stands here, so that a correction is one edit. Confidence
(H official or captured, M one good third party, L weak) is that of the API reference the add-on was made from.
It knows nothing of HTTP or of Blender. Prices are integer ticks (1 USD = 10**10 ticks).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .job import TICKS_PER_USD, JobSpec, Kind, Problem, ProblemCode
from .record import record

#: Characters of a prompt at most (M).
MAX_PROMPT = 4096

#: What the service was seen to list in its own 422 for any other ratio (H). The newest documents add 21:9 and
#: 5:2 without saying for which models: offered, they could waste a render on a refusal, so no model has them.
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")


@record
class Model:
    """One model of the service."""

    id: str
    label: str
    makes: frozenset[str]  # 'text' 'image' 'references' 'extend' 'edit' 'last_frame' 'keyframes'
    prices: Mapping[str, int]  # resolution -> ticks per second; the resolutions offered, in order
    image_price: int  # ticks per input image
    ratios: tuple[str, ...] = RATIOS
    min_seconds: int = 1
    max_seconds: int = 15
    audio: bool = True


def _per_second(*dollars: float) -> Mapping[str, int]:
    """Prices a second, for the resolutions in order."""
    resolutions = ("480p", "720p", "1080p")
    return MappingProxyType(dict(zip(resolutions, map(_ticks, dollars), strict=False)))


def _ticks(dollars: float) -> int:
    return round(dollars * TICKS_PER_USD)


#: In the order offered. Prices H, those of -lite M.
MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model(
            "grok-imagine-video",
            "Grok Imagine Video",
            frozenset({"text", "image", "references", "extend", "edit"}),
            _per_second(0.05, 0.07),
            _ticks(0.002),
        ),
        Model(
            "grok-imagine-video-1.5",
            "Grok Imagine Video 1.5",
            frozenset({"text", "image", "references", "last_frame", "keyframes"}),
            _per_second(0.08, 0.14, 0.25),
            _ticks(0.01),
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

#: (resolution, ratio) -> (width, height) of the clip: the short side is the resolution's, the long one
#: follows the ratio in even pixels. 848x480 and 1280x720 were captured (H); the rest is computed.
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


def nearest_ratio(width: float, height: float, ratios: Iterable[str]) -> str:
    """The offered ratio nearest to width / height, as the eye counts: 2:1 is as far from 1:1 as 1:2.

    Raises ValueError when a side is not positive or no ratio is offered.
    """
    if not (width > 0 and height > 0):
        raise ValueError(f"a frame has no ratio when it is {width} × {height}")
    wanted = math.log(width / height)

    def distance(ratio: str) -> float:
        across, down = ratio.split(":")
        return abs(math.log(int(across) / int(down)) - wanted)

    return min(ratios, key=distance)


@record
class Crop:
    """The part of a source frame that is kept, in fractions of it from its lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def whole(self) -> bool:
        """Whether nothing worth a word is cut off: less than 1 %, as 848 × 480 from a frame of 16:9."""
        return self.right - self.left > 0.99 and self.top - self.bottom > 0.99

    @property
    def text(self) -> str:
        """For the panel: 'crops 12 % of the width'."""
        width, height = 1 - (self.right - self.left), 1 - (self.top - self.bottom)
        side, part = ("width", width) if width > height else ("height", height)
        return f"crops {part * 100:.0f} % of the {side}"


def crop_inside(width: float, height: float, ratio_width: float, ratio_height: float) -> Crop:
    """The largest centred part of a width × height frame that has the ratio: never more than the frame."""
    kept_width = min(1.0, height * ratio_width / ratio_height / width)
    kept_height = min(1.0, width * ratio_height / ratio_width / height)
    x, y = (1 - kept_width) / 2, (1 - kept_height) / 2
    return Crop(x, y, 1 - x, 1 - y)


def estimate(model_id: str, seconds: int, resolution: str, images: int) -> int | None:
    """Ticks that a clip will cost; None when the price is not known."""
    model = MODELS.get(model_id)
    if model is None or resolution not in model.prices:
        return None
    return model.prices[resolution] * seconds + model.image_price * images


def usd(ticks: int) -> str:
    """'$0.302': two decimals at least, four at most."""
    text = f"{ticks / TICKS_PER_USD:.4f}"
    while text.endswith("0") and len(text.split(".")[1]) > 2:
        text = text[:-1]
    return f"${text}"


def check(spec: JobSpec) -> Problem | None:
    """The first thing the service would refuse, as a sentence that says what to change; or None."""
    model = MODELS.get(spec.model)
    if model is None:
        return _refused(f"The model “{spec.model}” is not known.", "Choose another model.")
    if len(spec.prompt) > MAX_PROMPT:
        return _refused(
            f"The prompt has {len(spec.prompt)} characters; the service takes {MAX_PROMPT}.",
            f"Shorten it by {len(spec.prompt) - MAX_PROMPT}.",
        )
    if spec.kind is not Kind.GENERATE:
        return _refused("A clip cannot be extended or edited yet.", "Make a new one.")
    source = "image" if spec.image else "text"
    if source not in model.makes:
        return _refused(f"{model.label} makes no clips from {source}.", "Choose another model.")
    if not spec.prompt.strip() and not spec.image:
        return _refused("The prompt is empty.", "Write what happens in the clip.")
    if not model.min_seconds <= spec.duration <= model.max_seconds:
        return _refused(
            f"{model.label} makes clips of {model.min_seconds} to {model.max_seconds} seconds.",
            "Change the duration.",
        )
    if spec.resolution not in model.prices:
        return _refused(
            f"{model.label} does not make {spec.resolution}.",
            f"Choose {' or '.join(model.prices)}.",
        )
    if spec.aspect_ratio not in model.ratios:
        return _refused(
            f"{model.label} does not make {spec.aspect_ratio}.",
            f"Choose one of {', '.join(model.ratios)}.",
        )
    return None


def _refused(message: str, hint: str) -> Problem:
    return Problem(ProblemCode.REQUEST, message, hint, charged=False)

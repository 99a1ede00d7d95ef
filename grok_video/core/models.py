"""What each model can do and what it costs: one table, and the checks and estimates read from it.

Everything the service's documents say of models stands here, so that a correction is one edit. Facts are sure
but for those called likely or weak (docs/api.md says what that means).
It knows nothing of HTTP or of Blender. Prices are integer ticks (1 USD = 10**10 ticks).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .job import TICKS_PER_USD, JobSpec, Kind, Problem, ProblemCode
from .record import record

#: Characters of a prompt at most (likely).
MAX_PROMPT = 4096

#: What the service was seen to list in its own 422 for any other ratio. The newest documents add 21:9 and
#: 5:2 without saying for which models: offered, they could waste a render on a refusal, so no model has them.
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")


@record
class Model:
    """One model of the service. Lengths are seconds; a limit of 0 belongs to what the model does not make."""

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
#: What a model may do that is not in the table: anything, until the service says otherwise. It has no price.
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

#: d seconds of clip are 24·d+1 frames, so a clip of 15 s is a frame longer than that.
_ONE_FRAME = 1 / 20

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


def models_that(make: str) -> list[Model]:
    """The models that make something: 'text' 'image' 'references' 'extend' 'edit' 'last_frame' 'keyframes'."""
    return [model for model in MODELS.values() if make in model.makes]


# ----------------------------------------------------------------------------------------------------- prices


def estimate(
    model_id: str, seconds: int, resolution: str, images: int, input_seconds: float = 0.0
) -> int | None:
    """Ticks that a clip will cost; None when the price is not known.

    ``images`` counts every picture that is sent; ``input_seconds`` is the length of the video that is.
    """
    model = MODELS.get(model_id)
    if model is None or resolution not in model.prices:
        return None
    sent = billed_seconds(input_seconds) if input_seconds > 0 else 0
    return (
        model.prices[resolution] * seconds + model.image_price * images + model.video_price * sent
    )


def estimate_of(spec: JobSpec, unknown_second: int = 0) -> int | None:
    """Ticks that ``spec`` will cost; None when the price is not known.

    ``unknown_second`` is what the artist says that a second of a model costs that was typed in; 0: nothing.
    """
    if spec.kind is not Kind.GENERATE and spec.video is None:
        return None
    sent = spec.video.seconds if spec.video is not None else 0.0
    made = billed_seconds(sent) if spec.kind is Kind.EDIT else spec.duration
    if spec.unchecked:
        return made * unknown_second or None
    if spec.kind is Kind.GENERATE:
        return estimate(spec.model, made, spec.resolution, len(spec.pictures))
    return estimate(spec.model, made, spec.resolution, 0, sent)


def billed_seconds(seconds: float) -> int:
    """A measured length as it is billed (weak): whole seconds, as a clip of 6 s, 6.04 s long, is one of 6."""
    return max(1, math.floor(seconds + 0.5))


def priced_resolution(width: int, height: int) -> str:
    """What an extension or edit of such a clip is priced as: it keeps its size, at most 720p."""
    return "480p" if min(width, height) < 600 else "720p"


# -------------------------------------------------------------------------------------------------- extensions


@record
class Pass:
    """One extension of several."""

    seconds: int  # added
    source_seconds: float  # sent
    price: int | None  # ticks


def plan_passes(
    added: int, source_seconds: float, resolution: str = "720p", model_id: str = DEFAULT_MODEL
) -> list[Pass]:
    """The extensions that add so many seconds to a clip, nearly equal in length; none when none can.

    The first sends the clip, or the end of it that can be sent; each later one the part that the one before
    it made.
    """
    model = MODELS[model_id]
    if "extend" not in model.makes or added < model.min_added or source_seconds <= 0:
        return []
    count = -(-added // model.max_added)
    passes: list[Pass] = []
    sent = min(source_seconds, model.max_source)
    for number in range(count):
        seconds = added // count + (number < added % count)
        passes.append(Pass(seconds, sent, estimate(model_id, seconds, resolution, 0, sent)))
        sent = float(seconds)
    return passes


def price_of(passes: Iterable[Pass]) -> int | None:
    """Ticks that all passes cost together; None when one's price is not known."""
    prices = [one.price for one in passes]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def new_part_only(source_seconds: float, added_seconds: float, clip_seconds: float) -> bool:
    """Whether an extension came back without its source: the documents promise both in one file.

    Told by which of the two expected lengths the measured one is nearer to.
    """
    whole = source_seconds + added_seconds
    return abs(clip_seconds - added_seconds) < abs(clip_seconds - whole)


def snap_thirds(seconds: float) -> int:
    """The third of a second, counted from the clip's start, that a keyframe at that time comes to lie on."""
    return math.floor(seconds * 3 + 0.5)


# ------------------------------------------------------------------------------------------------------- money


def usd(ticks: int) -> str:
    """'$0.302': two decimals at least, four at most."""
    text = f"{ticks / TICKS_PER_USD:.4f}"
    while text.endswith("0") and len(text.split(".")[1]) > 2:
        text = text[:-1]
    return f"${text}"


def priced(words: str, ticks: int | None) -> str:
    """A button's words with its price: 'Generate for $0.302'; without one where it is not known."""
    return words if ticks is None else f"{words} for {usd(ticks)}"


def reference_token(number: int) -> str:
    """How a prompt names the reference of that number, from 0 (likely)."""
    return f"<IMAGE_{number}>"


# ------------------------------------------------------------------------------------------------------ checks


def trouble(spec: JobSpec) -> str:
    """'' or the first thing the service would refuse, and what to change."""
    problem = check(spec)
    return f"{problem.message} {problem.hint}".strip() if problem else ""


def check(spec: JobSpec) -> Problem | None:
    """The first thing the service would refuse, as a sentence that says what to change; or None.

    A spec with a model that was typed in is ``unchecked``: only what holds for every model is looked at.
    """
    if len(spec.prompt) > MAX_PROMPT:
        return _refused(
            f"The prompt has {len(spec.prompt)} characters; the service takes {MAX_PROMPT}.",
            f"Shorten it by {len(spec.prompt) - MAX_PROMPT}.",
        )
    if problem := _check_files(spec):
        return problem
    if spec.unchecked:
        return None if spec.model.strip() else _refused("No model is named.", "Choose a model.")
    model = MODELS.get(spec.model)
    if model is None:
        return _refused(f"The model “{spec.model}” is not known.", "Choose another model.")
    match spec.kind:
        case Kind.GENERATE:
            problem = _check_generate(spec, model)
        case Kind.EXTEND:
            problem = _check_extend(spec, model)
        case Kind.EDIT:
            problem = _check_edit(spec, model)
    if problem is None and spec.resolution not in model.prices:
        return _refused(
            f"{model.label} does not make {spec.resolution}.",
            f"Choose {' or '.join(model.prices)}.",
        )
    return problem


def _check_files(spec: JobSpec) -> Problem | None:
    if spec.kind is not Kind.GENERATE:
        if spec.video is None or not spec.video.path:
            return _refused(
                f"There is no clip to {spec.kind}.",
                "Select a strip that shows a picture: a movie, an image, a scene or a meta.",
            )
        return None
    for what, picture in spec.pictures:
        if not picture.path:
            return _refused(f"The {what} has no file.", "Choose another one.")
        if picture.size > LARGEST_PICTURE:
            return _refused(
                f"The {what} has {picture.size / (1 << 20):.0f} MB; the service takes "
                f"{LARGEST_PICTURE >> 20}.",
                "Send pictures as JPEG, or choose a smaller one.",
            )
        if picture.mime and picture.mime not in PICTURE_TYPES:
            return _refused(
                f"The service takes no pictures of the kind {picture.mime} ({what}).",
                "Save it as PNG or JPEG.",
            )
    return None


def _check_generate(spec: JobSpec, model: Model) -> Problem | None:
    if problem := _check_makes(spec, model):
        return problem
    if not spec.prompt.strip() and (spec.references or not spec.image):
        return _refused("The prompt is empty.", "Write what happens in the clip.")
    if not model.min_seconds <= spec.duration <= model.max_seconds:
        return _refused(
            f"{model.label} makes clips of {model.min_seconds} to {model.max_seconds} seconds.",
            "Change the duration.",
        )
    if spec.references and (problem := _check_references(spec, model)):
        return problem
    if spec.keyframes and (problem := _check_keyframes(spec, model)):
        return problem
    if spec.aspect_ratio not in model.ratios:
        return _refused(
            f"{model.label} does not make {spec.aspect_ratio}.",
            f"Choose one of {', '.join(model.ratios)}.",
        )
    return None


def _check_makes(spec: JobSpec, model: Model) -> Problem | None:
    """Whether the model takes everything that is sent along."""
    used = {
        "image": (bool(spec.image), "makes no clips from an image"),
        "references": (bool(spec.references), "takes no references"),
        "last_frame": (spec.last_frame is not None, "takes no end frame"),
        "keyframes": (bool(spec.keyframes), "takes no keyframes"),
    }
    wanted = {make: without for make, (there, without) in used.items() if there}
    wanted = wanted or {"text": "makes no clips from text alone"}
    for make, without in wanted.items():
        if make not in model.makes:
            both = "image" in wanted and "references" in wanted
            can = [
                other
                for other in MODELS.values()
                if other.makes.issuperset(wanted) and (other.references_with_image or not both)
            ]
            removed = {"last_frame": ", or remove it", "text": "", "image": ""}
            hint = _choose(can or models_that(make)) + removed.get(make, ", or remove them")
            return _refused(f"{model.label} {without}.", f"{hint}.")
    return None


def _check_references(spec: JobSpec, model: Model) -> Problem | None:
    count, most = len(spec.references), model.max_references
    if count > most:
        return _refused(
            f"There are {count} references; the service takes {most}.", f"Remove {count - most}."
        )
    if spec.image and not model.references_with_image:
        can = [other for other in models_that("references") if other.references_with_image]
        return _refused(
            f"{model.label} takes a first frame or references, not both.",
            f"Choose Text Only as source, remove the references, or {_choose(can, 'choose')}.",
        )
    if spec.duration > model.reference_seconds:
        can = [one for one in models_that("references") if spec.duration <= one.reference_seconds]
        hint = f", or {_choose(can, 'choose')}" if can else ""
        return _refused(
            f"{model.label} makes at most {model.reference_seconds} seconds from references.",
            f"Shorten the clip{hint}.",
        )
    offered = [name for name in model.prices if name in model.reference_resolutions]
    if spec.resolution in model.prices and spec.resolution not in offered:
        return _refused(
            f"With references there is no {spec.resolution}.",
            f"Choose {' or '.join(offered)}, or remove the references.",
        )
    return None


def _check_keyframes(spec: JobSpec, model: Model) -> Problem | None:
    count, most = len(spec.keyframes), model.max_keyframes
    if count > most:
        return _refused(
            f"There are {count} keyframes; the service takes {most}.", f"Remove {count - most}."
        )
    seen: set[int] = set()
    for frame in spec.keyframes:
        if not 0 < frame.thirds < 3 * spec.duration:
            return _refused(
                f"The keyframe {frame.picture.name} at {frame.seconds:.2f} s is not inside the "
                f"clip of {spec.duration} s.",
                "Move its marker, or change the duration.",
            )
        if frame.thirds in seen:
            return _refused(
                f"Two keyframes are on the same third of a second, at {frame.seconds:.2f} s.",
                "Move one of their markers by at least a third of a second.",
            )
        seen.add(frame.thirds)
    return None


def _check_extend(spec: JobSpec, model: Model) -> Problem | None:
    if problem := _check_rework(spec, model, "extend", "Write what happens next."):
        return problem
    if not model.min_added <= spec.duration <= model.max_added:
        return _refused(
            f"An extension adds {model.min_added} to {model.max_added} seconds.",
            "Change how much is added.",
        )
    assert spec.video is not None
    seconds = spec.video.seconds
    if seconds < model.min_source - 0.005:  # a length that was rounded
        return _refused(
            f"The clip is {seconds:.2f} s long; only one of {model.min_source:g} s or more can be "
            "extended.",
            "Make the strip longer, or use Continue Shot: it needs only the last frame.",
        )
    if seconds > model.max_source + _ONE_FRAME:
        return _refused(
            f"The clip is {seconds:.2f} s long; at most {model.max_source:g} s can be extended.",
            f"Cut the strip: its last {model.max_source:g} seconds are enough.",
        )
    return None


def _check_edit(spec: JobSpec, model: Model) -> Problem | None:
    if problem := _check_rework(spec, model, "edit", "Write what shall be different."):
        return problem
    assert spec.video is not None
    if spec.video.seconds > model.max_edit:
        return _refused(
            f"The clip is {spec.video.seconds:.2f} s long; at most {model.max_edit:g} s can be "
            "edited.",
            "Choose a shorter part, or cut the strip.",
        )
    return None


def _check_rework(spec: JobSpec, model: Model, make: str, what: str) -> Problem | None:
    if make not in model.makes:
        return _refused(f"{model.label} cannot {make} clips.", f"{_choose(models_that(make))}.")
    if not spec.prompt.strip():
        return _refused("The prompt is empty.", what)
    assert spec.video is not None
    if spec.video.seconds <= 0:
        return _refused("The clip has no length.", "Choose another strip.")
    return None


def _choose(can: Iterable[Model], verb: str = "Choose") -> str:
    """'Choose Grok Imagine Video', without its full stop."""
    return f"{verb} {' or '.join(model.label for model in can) or 'another model'}"


def _refused(message: str, hint: str) -> Problem:
    return Problem(ProblemCode.REQUEST, message, hint, charged=False)

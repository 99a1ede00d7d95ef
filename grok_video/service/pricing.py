"""What a job will cost, and into how many passes an extension is cut.

Reads the table of models. Money is integer ticks; what has no known price costs ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..core.record import record
from ..core.spec import JobSpec, Kind
from .look_models import ListedLook, look_price
from .models import DEFAULT_MODEL, MODELS, model_named


def estimate(
    model_id: str, seconds: int, resolution: str, images: int, input_seconds: float = 0.0
) -> int | None:
    """Ticks that a clip will cost; None when the price is not known.

    ``images`` counts every picture that is sent; ``input_seconds`` is the length of the video that is.
    """
    model = model_named(model_id)
    if model is None or resolution not in model.prices:
        return None
    sent = billed_seconds(input_seconds) if input_seconds > 0 else 0
    return (
        model.prices[resolution] * seconds + model.image_price * images + model.video_price * sent
    )


def estimate_of(
    spec: JobSpec, unknown_second: int = 0, listed: Iterable[ListedLook] = ()
) -> int | None:
    """Ticks that ``spec`` will cost; None when the price is not known.

    ``unknown_second``: ticks that a second of a typed-in model costs, as the artist says; 0: not said.
    ``listed``: what *Refresh Models* brought of the models for looks, whose prices count before the table's.
    """
    if spec.kind is Kind.LOOK:
        return look_price(spec.model, spec.resolution, spec.quality, len(spec.pictures), listed)
    if spec.kind.reworks and spec.video is None:
        return None
    sent = spec.video.seconds if spec.video is not None else 0.0
    made = billed_seconds(sent) if spec.kind is Kind.EDIT else spec.duration
    if spec.unchecked:
        return made * unknown_second or None
    if spec.kind is Kind.GENERATE:
        return estimate(spec.model, made, spec.resolution, len(spec.pictures))
    return estimate(spec.model, made, spec.resolution, 0, sent)


def billed_seconds(seconds: float) -> int:
    """The whole seconds that the service bills for a measured length (weak): 6 for a clip of 6.04 s."""
    return max(1, math.floor(seconds + 0.5))


def priced_resolution(width: int, height: int) -> str:
    """The resolution at whose price a clip of that size is extended or edited: '480p' or '720p'."""
    return "480p" if min(width, height) < 600 else "720p"


@record
class Pass:
    """One extension of those that together make a strip longer: seconds added, seconds sent, price."""

    seconds: int  # added
    source_seconds: float  # sent
    price: int | None  # ticks


def plan_passes(
    added: int, source_seconds: float, resolution: str = "720p", model_id: str = DEFAULT_MODEL
) -> list[Pass]:
    """The extensions that together add ``added`` seconds to a clip, nearly equal in length; [] when none can.

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


def price_of_passes(passes: Iterable[Pass]) -> int | None:
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

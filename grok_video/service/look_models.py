"""The models that make looks, pictures made from a still: one table, as ``service.models`` is of clips.

Owns what a look costs, also where *Refresh Models* has brought the service's own prices. Knows nothing of HTTP or of
Blender. Prices are integer ticks (1 USD = 10**10 ticks). Facts are sure but for those called likely or weak
(docs/api.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any, cast

from ..core.amount import TICKS_PER_USD
from ..core.record import record

#: Characters of a look's prompt at most, unless the service lists another number (weak: no limit is published).
MAX_LOOK_PROMPT = 4000
#: In the order offered. The service has '1.5k' too, at a price that nobody has told.
RESOLUTIONS = ("1k", "2k")
QUALITIES = ("low", "medium")
_MOST_TICKS = 10**5 * TICKS_PER_USD
_LONGEST_PROMPT = 1 << 20


@record
class LookModel:
    """What one model for looks takes and costs."""

    id: str
    label: str
    #: (resolution, quality) -> ticks of one look; the quality is '' where the model knows none, and none is sent.
    prices: Mapping[tuple[str, str], int]
    picture_price: int  # ticks for each picture that is sent, the still too
    most_pictures: int  # the still too
    aliases: tuple[str, ...] = ()  # other names of the same model at the service

    @property
    def qualities(self) -> tuple[str, ...]:
        """The qualities that the model makes, in the order offered; ('',) for a model that knows none."""
        return tuple(dict.fromkeys(quality for _, quality in self.prices))

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The resolutions that the model makes, in the order offered."""
        return tuple(dict.fromkeys(resolution for resolution, _ in self.prices))


def _prices(**dollars: tuple[float, float]) -> Mapping[tuple[str, str], int]:
    """Prices at 1k and 2k, by quality; 'any' for a model that knows none."""
    return MappingProxyType(
        {
            (resolution, "" if quality == "any" else quality): round(price * TICKS_PER_USD)
            for quality, both in dollars.items()
            for resolution, price in zip(RESOLUTIONS, both, strict=True)
        }
    )


#: In the order offered; the first is the default.
LOOK_MODELS: dict[str, LookModel] = {
    model.id: model
    for model in (
        LookModel(
            "grok-imagine-image-2.0",
            "Grok Imagine Image 2.0",
            _prices(low=(0.04, 0.06), medium=(0.06, 0.08)),
            round(0.01 * TICKS_PER_USD),
            5,
        ),
        LookModel(
            "grok-imagine-image",
            "Grok Imagine Image",
            _prices(any=(0.02, 0.02)),
            round(0.002 * TICKS_PER_USD),
            3,
            ("grok-imagine-image-2026-03-02",),
        ),
    )
}
DEFAULT_LOOK_MODEL = "grok-imagine-image-2.0"
#: Since November 2026 these names are answered by 2.0 at low quality, and billed so.
REDIRECTED = LookModel(
    "grok-imagine-image-quality",
    "Grok Imagine Image Quality",
    _prices(low=(0.04, 0.06)),
    round(0.01 * TICKS_PER_USD),
    5,
    (
        "grok-imagine-image-quality-latest",
        "grok-imagine-image-quality-20260403",
        "grok-imagine-image-pro",
    ),
)
#: A model that is not in the table: it may take as much as any, at the dearest price of a picture that is known.
ANY_LOOK = LookModel("", "Other Model", MappingProxyType({}), round(0.01 * TICKS_PER_USD), 5)
_BY_NAME = {
    name: model
    for model in (*LOOK_MODELS.values(), REDIRECTED)
    for name in (model.id, *model.aliases)
}


@record
class ListedLook:
    """A model for looks as *Refresh Models* found it at the service."""

    id: str
    label: str
    prices: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    longest_prompt: int = 0  # characters; 0: not said


def look_model_named(name: str) -> LookModel | None:
    """The row of the model that the service knows by that name or alias; None for one that is not in the table."""
    return _BY_NAME.get(name)


def listed_look(name: str, listed: Iterable[ListedLook]) -> ListedLook | None:
    """What *Refresh Models* brought of the model of that name, or of its row's other names; None where nothing."""
    row = look_model_named(name)
    names = (name, *((row.id, *row.aliases) if row is not None else ()))
    found = {one.id: one for one in listed}
    return next((found[one] for one in names if one in found), None)


def look_price(
    name: str, resolution: str, quality: str, pictures: int, listed: Iterable[ListedLook] = ()
) -> int | None:
    """Ticks that a look costs that is made from so many pictures; None when the price is not known."""
    row = look_model_named(name)
    at_service = listed_look(name, listed)
    made = _listed_price(at_service, resolution, quality) if at_service is not None else None
    if made is None and row is not None:
        made = row.prices.get((resolution, quality))
    return None if made is None else made + (row or ANY_LOOK).picture_price * pictures


def _listed_price(listed: ListedLook, resolution: str, quality: str) -> int | None:
    """The price of a look in the list; the dearest of a resolution where a model knows no quality and the list does."""
    if (exact := listed.prices.get((resolution, quality))) is not None or quality:
        return exact
    of_size = (ticks for (size, _), ticks in listed.prices.items() if size == resolution)
    return max(of_size, default=None)


def listed_from(answer: Mapping[str, Any] | None) -> tuple[ListedLook, ...]:
    """The models for looks in the answer to *Refresh Models*, as ``service.look_answer`` wrote them there.

    What cannot be read is left out: the answer was stored in the ledger.
    """
    looks: Any = answer.get("looks") if answer is not None else None
    entries = cast(list[Any], looks) if isinstance(looks, list) else []
    return tuple(filter(None, map(_listed, entries)))


def _listed(entry: Any) -> ListedLook | None:
    if not isinstance(entry, dict):
        return None
    told = cast(dict[str, Any], entry)
    model_id, label, longest = told.get("id"), told.get("name"), told.get("longest_prompt")
    if not isinstance(model_id, str) or not model_id:
        return None
    row = look_model_named(model_id)
    prices: Any = told.get("prices")
    return ListedLook(
        model_id,
        label if isinstance(label, str) and label else row.label if row else model_id,
        dict(_price(one) for one in cast(list[Any], prices) if _is_price(one))
        if isinstance(prices, list)
        else {},
        longest if type(longest) is int and 0 < longest <= _LONGEST_PROMPT else 0,
    )


def _is_price(entry: Any) -> bool:
    """Whether an entry is [resolution, quality, ticks]."""
    if not isinstance(entry, list) or len(cast(list[Any], entry)) != 3:
        return False
    resolution, quality, ticks = cast(list[Any], entry)
    return (
        isinstance(resolution, str)
        and isinstance(quality, str)
        and type(ticks) is int
        and 0 <= ticks <= _MOST_TICKS
    )


def _price(entry: Sequence[Any]) -> tuple[tuple[str, str], int]:
    resolution, quality, ticks = entry
    return (resolution, quality), ticks

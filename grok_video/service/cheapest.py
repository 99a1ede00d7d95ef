"""Drafts: the cheapest model and size that would make a request, and the request that a draft stands for.

Reads the table of models. Knows nothing of files: which pictures a draft and its final clip have is the caller's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from ..core.spec import JobSpec
from .checks import check
from .models import MODELS, Model, model_named
from .pricing import estimate


def drafted(spec: JobSpec, allowed: Collection[str] = ()) -> JobSpec:
    """``spec`` as a draft: on the model and at the resolution that make it for least, its own ones on record.

    ``allowed``: the names of the models that the key may use; none: not known. Where no model would take the request
    it keeps its own, and ``check`` says why.
    """
    draft = dataclasses.replace(
        spec, draft=True, final_model=spec.model, final_resolution=spec.resolution
    )
    for _, model, resolution in _by_price(spec, allowed):
        cheap = dataclasses.replace(
            draft, model=model.id, resolution=resolution, unchecked=False, estimate=None
        )
        if check(cheap) is None:
            return cheap
    return draft


def _by_price(spec: JobSpec, allowed: Collection[str]) -> list[tuple[int, Model, str]]:
    """The models of the key with each of their resolutions, the cheapest for ``spec`` first; price in ticks."""
    names = set(allowed)
    rows = [row for row in MODELS.values() if {row.id, *row.aliases} & names]
    images = len(spec.pictures)
    offers = [
        (price, row, resolution)
        for row in rows or MODELS.values()
        for resolution in row.prices
        if (price := estimate(row.id, spec.duration, resolution, images)) is not None
    ]
    return sorted(offers, key=lambda offer: offer[0])


def as_chosen(draft: JobSpec, model: str = "", resolution: str = "") -> JobSpec:
    """The request that ``draft`` stands for, on ``model`` and at ``resolution``; '' for those of its click.

    A request that is no draft is what it is. With the pictures of the draft.
    """
    if not draft.draft:
        return draft
    name = model or draft.final_model
    return dataclasses.replace(
        draft,
        model=name,
        resolution=resolution or draft.final_resolution,
        unchecked=model_named(name) is None,
        estimate=None,
        draft=False,
        final_model="",
        final_resolution="",
        full_image=None,
    )

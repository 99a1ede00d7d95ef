"""Drafts: which model and size are the cheapest that a request allows, and what the request of the final clip is."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from grok_video.core.spec import JobSpec, Keyframe, Picture
from grok_video.service.cheapest import as_chosen, drafted
from grok_video.service.checks import check
from grok_video.service.models import MODELS
from grok_video.service.pricing import estimate_of
from tests.core.conftest import make_spec

OLD, V15, LITE = MODELS
PICTURE = Picture("/stills/a.png", "image/png", 5000)
FRAME = Keyframe(PICTURE, 2)
IMAGE = {"image": "/stills/b.png", "image_mime": "image/png"}


def asked(**changes: Any) -> JobSpec:
    return make_spec(**{"model": V15, "resolution": "720p", "duration": 4, **changes})


@pytest.mark.parametrize(
    ("changes", "model"),
    [
        ({}, LITE),
        (IMAGE, LITE),
        ({**IMAGE, "resolution": "1080p"}, LITE),
        ({"references": (PICTURE,)}, OLD),
        ({"references": (PICTURE,), "duration": 11}, V15),
        ({"references": (PICTURE,) * 8}, V15),
        ({"references": (PICTURE,), **IMAGE}, V15),
        ({"last_frame": PICTURE, **IMAGE}, V15),
        ({"last_frame": PICTURE, **IMAGE, "loop": True}, V15),
        ({"keyframes": (FRAME,), **IMAGE}, V15),
        ({"model": "a-model-of-tomorrow", "unchecked": True}, LITE),
    ],
)
def test_a_draft_is_made_by_the_cheapest_that_takes_all_of_it(
    changes: dict[str, Any], model: str
) -> None:
    spec = asked(**changes)
    draft = drafted(spec)
    assert (draft.model, draft.resolution, draft.draft) == (model, "480p", True)
    assert check(draft) is None
    assert not draft.unchecked
    price = estimate_of(draft)
    assert price is not None
    for row, resolution in product(MODELS.values(), ("480p", "720p", "1080p")):
        other = make_spec(
            **changes | {"model": row.id, "resolution": resolution, "unchecked": False},
            **({} if "duration" in changes else {"duration": 4}),
        )
        if check(other) is None:
            assert (estimate_of(other) or 0) >= price


def test_what_goes_along_is_the_same() -> None:
    spec = asked(references=(PICTURE,), last_frame=PICTURE, keyframes=(FRAME,), **IMAGE)
    draft = drafted(spec)
    for name in ("prompt", "duration", "pictures", "aspect_ratio", "generate_audio"):
        assert getattr(draft, name) == getattr(spec, name)


def test_only_models_of_the_key_are_taken_where_those_are_known() -> None:
    assert drafted(asked(), [OLD, V15]).model == OLD
    assert drafted(asked(), [f"{V15}-preview"]).model == V15
    assert drafted(asked(), ["another-kind-of-model"]).model == LITE


def test_a_request_that_no_model_takes_says_why_as_it_is() -> None:
    draft = drafted(asked(prompt="x" * 5000))
    assert (draft.model, draft.resolution, draft.draft) == (V15, "720p", True)
    problem = check(draft)
    assert problem is not None
    assert "5000 characters" in problem.message


def test_the_final_request_is_that_of_the_click() -> None:
    spec = asked(**IMAGE)
    draft = drafted(spec)
    assert as_chosen(draft) == spec.__class__(**{**fields(spec), "estimate": None})
    assert as_chosen(spec) is spec
    other = as_chosen(draft, OLD, "480p")
    assert (other.model, other.resolution) == (OLD, "480p")
    assert not other.draft
    typed = as_chosen(drafted(asked(model="a-model-of-tomorrow", unchecked=True)))
    assert (typed.model, typed.unchecked) == ("a-model-of-tomorrow", True)


def fields(spec: JobSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in JobSpec.__dataclass_fields__}

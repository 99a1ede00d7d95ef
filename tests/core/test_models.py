"""The table of models: prices as the guide gives them, sizes that fit their names, and what is refused."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.job import TICKS_PER_USD, Kind, ProblemCode
from grok_video.core.models import (
    DEFAULT_MODEL,
    MAX_PROMPT,
    MODELS,
    PIXELS,
    Crop,
    check,
    clip_size,
    crop_inside,
    estimate,
    nearest_ratio,
    usd,
)
from tests.core.conftest import make_spec

FIXTURES = json.loads((Path(__file__).parent / "fixtures.json").read_text("utf-8"))
sides = st.floats(1, 100_000)
ratios = st.sampled_from(MODELS[DEFAULT_MODEL].ratios)


def parts(ratio: str) -> tuple[int, int]:
    across, down = ratio.split(":")
    return int(across), int(down)


# ----------------------------------------------------------------------------------------------------- money


@pytest.mark.parametrize(
    ("seconds", "resolution", "images", "price"),
    [(10, "720p", 1, "$0.702"), (6, "480p", 1, "$0.302"), (6, "480p", 0, "$0.30")],
)
def test_prices_are_those_of_the_guide(
    seconds: int, resolution: str, images: int, price: str
) -> None:
    ticks = estimate(DEFAULT_MODEL, seconds, resolution, images)
    assert ticks is not None
    assert usd(ticks) == price


def test_prices_are_those_that_were_billed() -> None:
    """Ticks as they stood in answers of the service."""
    billed = {
        entry["id"]: entry["body"]["usage"]["cost_in_usd_ticks"]
        for entry in FIXTURES
        if isinstance(entry["body"], dict) and "usage" in entry["body"]
    }
    assert estimate("grok-imagine-video", 1, "480p", 0) == billed.pop("poll-done-1s")
    assert estimate("grok-imagine-video-1.5", 10, "480p", 1) == billed.pop("poll-done-15")
    assert not billed


def test_every_price_is_whole_ticks_and_a_larger_picture_never_costs_less() -> None:
    for model in MODELS.values():
        prices = list(model.prices.values())
        assert all(type(price) is int for price in [*prices, model.image_price])
        assert all(0 < small < large for small, large in pairwise(prices))


def test_what_has_no_price_is_not_estimated() -> None:
    assert estimate("grok-imagine-video-9", 6, "480p", 0) is None
    assert estimate("grok-imagine-video", 6, "1080p", 0) is None


@given(st.integers(0, 10**16))
def test_money_is_shown_with_two_to_four_decimals(ticks: int) -> None:
    text = usd(ticks)
    assert re.fullmatch(r"\$\d+\.\d\d(\d?[1-9])?", text)
    assert math.isclose(
        float(text[1:]) * TICKS_PER_USD, ticks, abs_tol=0.000051 * TICKS_PER_USD, rel_tol=1e-12
    )


@pytest.mark.parametrize(
    ("ticks", "text"), [(0, "$0.00"), (TICKS_PER_USD // 2, "$0.50"), (20_000_000, "$0.002")]
)
def test_money_without_needless_zeros(ticks: int, text: str) -> None:
    assert usd(ticks) == text


# ----------------------------------------------------------------------------------------------------- sizes


def test_the_default_model_is_offered_first() -> None:
    assert next(iter(MODELS)) == DEFAULT_MODEL
    assert all(model.id == name for name, model in MODELS.items())


def test_everything_offered_has_a_size_that_fits_its_names() -> None:
    for model in MODELS.values():
        for resolution in model.prices:
            for ratio in model.ratios:
                width, height = clip_size(resolution, ratio)
                across, down = parts(ratio)
                assert (width % 2, height % 2) == (0, 0)
                assert f"{min(width, height)}p" == resolution
                # Even pixels move the long side by less than one.
                assert (
                    abs(max(width, height) - min(width, height) * max(across / down, down / across))
                    < 8
                )
                assert (width > height) == (across > down)


def test_a_portrait_is_a_landscape_on_its_side() -> None:
    for (resolution, ratio), (width, height) in PIXELS.items():
        turned = ":".join(reversed(ratio.split(":")))
        assert PIXELS[resolution, turned] == (height, width)


def test_sizes_that_were_seen() -> None:
    assert clip_size("480p", "16:9") == (848, 480)
    assert clip_size("720p", "16:9") == (1280, 720)
    assert clip_size("1080p", "16:9") == (1920, 1080)


def test_only_ratios_that_the_service_was_seen_to_take_are_offered() -> None:
    (refusal,) = (entry["body"] for entry in FIXTURES if entry["id"] == "err-422-aspect")
    taken = set(re.findall(r"`(\d+:\d+)`", refusal))
    assert taken
    for model in MODELS.values():
        assert set(model.ratios) == taken


# --------------------------------------------------------------------------------------------------- framing


@pytest.mark.parametrize(
    ("width", "height", "ratio"),
    [
        (1920, 1080, "16:9"),
        (1080, 1920, "9:16"),
        (4096, 1716, "16:9"),
        (1000, 1001, "1:1"),
        (1440, 1080, "4:3"),
        (2048, 1366, "3:2"),
        (1, 50, "9:16"),
    ],
)
def test_auto_takes_the_nearest_ratio(width: int, height: int, ratio: str) -> None:
    assert nearest_ratio(width, height, MODELS[DEFAULT_MODEL].ratios) == ratio


@given(sides, sides)
def test_a_frame_on_its_side_gets_the_ratio_on_its_side(width: float, height: float) -> None:
    """True only where ratios are compared as the eye does, in log space."""
    offered = MODELS[DEFAULT_MODEL].ratios
    across, down = parts(nearest_ratio(width, height, offered))
    turned = nearest_ratio(height, width, offered)
    distance = abs(math.log(across / down) - math.log(width / height))
    down_again, across_again = parts(turned)
    assert math.isclose(
        distance,
        abs(math.log(across_again / down_again) - math.log(width / height)),
        abs_tol=1e-9,
    )


def test_halfway_is_halfway_for_the_eye() -> None:
    # 1.45 is nearer to 2 than to 1 only in log space: sqrt(2) is the middle, not 1.5.
    assert nearest_ratio(1.45, 1, ["1:1", "2:1"]) == "2:1"
    assert nearest_ratio(1, 1.45, ["1:1", "1:2"]) == "1:2"


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0), (-4, -3), (math.nan, 1)])
def test_a_frame_without_a_side_has_no_ratio(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no ratio"):
        nearest_ratio(*size, ["1:1"])


@given(sides, sides, sides, sides)
def test_a_crop_has_the_ratio_and_never_shows_more_than_the_source(
    width: float, height: float, ratio_width: float, ratio_height: float
) -> None:
    crop = crop_inside(width, height, ratio_width, ratio_height)
    assert 0 <= crop.left < crop.right <= 1
    assert 0 <= crop.bottom < crop.top <= 1
    # As large as can be: one side is kept whole; and centred.
    assert max(crop.right - crop.left, crop.top - crop.bottom) > 1 - 1e-12
    assert math.isclose(crop.left, 1 - crop.right, abs_tol=1e-12)
    assert math.isclose(crop.bottom, 1 - crop.top, abs_tol=1e-12)
    kept = (crop.right - crop.left) * width / ((crop.top - crop.bottom) * height)
    assert math.isclose(kept, ratio_width / ratio_height, rel_tol=1e-6)


@given(sides, sides, ratios)
def test_the_panel_names_the_side_that_is_cropped(width: float, height: float, ratio: str) -> None:
    across, down = parts(ratio)
    crop = crop_inside(width, height, across, down)
    if crop.whole:
        return
    side = "width" if width / height > across / down else "height"
    found = re.fullmatch(rf"crops (\d+) % of the {side}", crop.text)
    assert found
    cut = 1 - (crop.right - crop.left) * (crop.top - crop.bottom)
    assert 1 <= int(found[1]) <= 100
    assert abs(int(found[1]) - cut * 100) <= 0.51


def test_the_text_of_a_crop() -> None:
    assert crop_inside(2000, 1000, 1, 1).text == "crops 50 % of the width"
    assert crop_inside(1000, 2000, 1, 1).text == "crops 50 % of the height"
    assert crop_inside(1920, 1080, 1280, 720).whole
    assert crop_inside(1920, 1080, 848, 480).whole  # a rounding to even pixels is not worth a word
    assert Crop(0, 0, 1, 1).whole


# -------------------------------------------------------------------------------------------------- refusals


def test_everything_offered_is_accepted() -> None:
    for model in MODELS.values():
        for image in ["", "still.png"] if "text" in model.makes else ["still.png"]:
            for seconds in (model.min_seconds, model.max_seconds):
                for resolution in model.prices:
                    for ratio in model.ratios:
                        spec = make_spec(
                            model=model.id,
                            resolution=resolution,
                            aspect_ratio=ratio,
                            duration=seconds,
                            image=image,
                        )
                        assert check(spec) is None


@pytest.mark.parametrize(
    ("changes", "names", "offers"),
    [
        ({"prompt": ""}, "prompt", "Write"),
        ({"prompt": " \n\t"}, "prompt", "Write"),
        ({"prompt": "x" * (MAX_PROMPT + 7)}, str(MAX_PROMPT + 7), "by 7"),
        ({"model": "grok-imagine-video-9"}, "grok-imagine-video-9", "model"),
        ({"duration": 0}, "1 to 15", "duration"),
        ({"duration": 16}, "1 to 15", "duration"),
        ({"duration": -5}, "1 to 15", "duration"),
        ({"resolution": "1080p"}, "1080p", "480p or 720p"),
        ({"resolution": ""}, "does not make", "480p or 720p"),
        ({"aspect_ratio": "21:9"}, "21:9", "16:9"),
        ({"aspect_ratio": "AUTO"}, "AUTO", "16:9"),
        ({"kind": Kind.EXTEND}, "extended", "new"),
        ({"kind": Kind.EDIT}, "edited", "new"),
    ],
)
def test_what_the_service_would_refuse_is_refused_with_what_to_change(
    changes: dict[str, Any], names: str, offers: str
) -> None:
    problem = check(make_spec(**changes))
    assert problem is not None
    assert problem.code is ProblemCode.REQUEST
    assert problem.charged is False
    assert names in problem.message
    assert offers in problem.hint


def test_the_longest_prompt_and_an_image_without_a_prompt_are_accepted() -> None:
    assert check(make_spec(prompt="x" * MAX_PROMPT)) is None
    assert check(make_spec(prompt="", image="still.png")) is None

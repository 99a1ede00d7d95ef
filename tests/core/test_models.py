"""The table of models: prices as the guide gives them, sizes that fit their names, and what is refused."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grok_video.core.amount import TICKS_PER_USD, usd
from grok_video.core.framing import Crop, crop_inside, nearest_ratio, same_shape
from grok_video.core.problem import ProblemCode
from grok_video.core.spec import Character, Keyframe, Kind, Picture, Source, SourceVideo
from grok_video.service.checks import check
from grok_video.service.models import (
    ANY,
    DEFAULT_MODEL,
    LONGEST_SIDE,
    MAX_PROMPT,
    MODELS,
    PIXELS,
    RATIOS,
    VOICES,
    WIDE_RATIOS,
    about_size,
    clip_size,
    model_named,
    models_that,
    snap_thirds,
    whole_size,
)
from grok_video.service.pricing import (
    estimate,
    estimate_of,
    new_part_only,
    plan_passes,
    price_of_passes,
    priced_resolution,
)
from tests.core.conftest import make_spec

FIXTURES = json.loads((Path(__file__).parent / "fixtures.json").read_text("utf-8"))
sides = st.floats(1, 100_000)
ratios = st.sampled_from(MODELS[DEFAULT_MODEL].ratios)


V15, LITE = "grok-imagine-video-1.5", "grok-imagine-video-1.5-lite"
PREVIEW, DATED = f"{V15}-preview", f"{V15}-2026-05-30"
PICTURE = Picture("/stills/a.png", "image/png", 5000)


def extend(seconds: float = 4.04, **changes: Any) -> dict[str, Any]:
    """An extension by 5 s of a clip of so many seconds."""
    video = SourceVideo("/stills/a.mp4", seconds)
    return {"kind": Kind.EXTEND, "video": video, "duration": 5, **changes}


def edit(seconds: float = 4.04, **changes: Any) -> dict[str, Any]:
    """An edit of a clip of so many seconds."""
    video = SourceVideo("/stills/a.mp4", seconds)
    return {"kind": Kind.EDIT, "video": video, "duration": round(seconds), **changes}


def refs(count: int, **changes: Any) -> dict[str, Any]:
    """A clip of 6 s from so many references."""
    return {"references": (PICTURE,) * count, "duration": 6, **changes}


def frames(*thirds: int, **changes: Any) -> dict[str, Any]:
    """A clip of 6 s with keyframes on those thirds of a second."""
    return {"keyframes": tuple(Keyframe(PICTURE, n) for n in thirds), "duration": 6, **changes}


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
    medium = replace(make_spec(kind=Kind.LOOK), model="grok-imagine-image-2.0", quality="medium")
    one = replace(medium, resolution="1k", image="/stills/a.png")
    assert estimate_of(one) == billed.pop("look-at-once") == billed.pop("look-poll-done")
    assert estimate_of(replace(one, resolution="2k")) == billed.pop("look-400-moderated")
    assert estimate("grok-imagine-video", 1, "480p", 0) == billed.pop("poll-done-1s")
    assert estimate("grok-imagine-video-1.5", 10, "480p", 1) == billed.pop("poll-done-15")
    assert not billed


def test_every_price_is_whole_ticks_and_a_larger_picture_never_costs_less() -> None:
    for model in MODELS.values():
        prices = list(model.prices.values())
        assert all(type(price) is int for price in [*prices, model.image_price])
        assert all(0 < small < large for small, large in pairwise(prices))


def test_what_an_extension_and_an_edit_cost() -> None:
    """Added seconds and input seconds; an edit pays for its length twice, once as made and once as sent."""
    ticks = estimate_of(make_spec(**extend(4.04, resolution="720p")))
    assert ticks is not None
    assert usd(ticks) == "$0.39"  # 5 x 0.07 + 4 x 0.01
    ticks = estimate_of(make_spec(**edit(8.0)))
    assert ticks is not None
    assert usd(ticks) == "$0.48"  # 8 x 0.05 + 8 x 0.01
    assert estimate_of(make_spec(kind=Kind.EDIT)) is None
    assert estimate_of(make_spec(unchecked=True)) is None


@pytest.mark.parametrize(
    ("size", "resolution"),
    [((848, 480), "480p"), ((480, 848), "480p"), ((1280, 720), "720p"), ((1088, 1920), "720p")],
)
def test_a_rework_is_priced_by_its_short_side(size: tuple[int, int], resolution: str) -> None:
    assert priced_resolution(*size) == resolution


# ------------------------------------------------------------------------------------------------ extensions


@given(st.integers(2, 600), st.floats(2, 60))
def test_passes_add_up_and_each_is_one_that_the_service_takes(added: int, source: float) -> None:
    passes = plan_passes(added, source)
    assert sum(one.seconds for one in passes) == added
    assert max(one.seconds for one in passes) - min(one.seconds for one in passes) <= 1
    assert len(passes) == math.ceil(added / 10)
    assert passes[0].source_seconds == min(source, 15)
    for before, after in pairwise(passes):
        assert after.source_seconds == before.seconds
    for one in passes:
        spec = make_spec(**extend(one.source_seconds, duration=one.seconds, resolution="720p"))
        assert check(spec) is None
        assert estimate_of(spec) == one.price


def test_a_shot_of_half_a_minute() -> None:
    """4 s and 26 more: what the artist is asked once."""
    passes = plan_passes(26, 4.0, "480p")
    assert [(one.seconds, one.source_seconds) for one in passes] == [(9, 4), (9, 9), (8, 9)]
    price = price_of_passes(passes)
    assert price is not None
    assert usd(price) == "$1.52"  # 26 x 0.05 + (4 + 9 + 9) x 0.01
    assert price_of_passes([]) == 0
    assert price_of_passes(plan_passes(5, 4.0, "4k")) is None


@pytest.mark.parametrize(("added", "source"), [(1, 4.0), (0, 4.0), (-3, 4.0), (5, 0.0)])
def test_nothing_is_planned_where_nothing_can_be_added(added: int, source: float) -> None:
    assert plan_passes(added, source) == []
    assert plan_passes(5, 4.0, model_id=V15) == []


@pytest.mark.parametrize(
    ("source", "added", "clip", "part"),
    [
        (8.042, 4, 12.042, False),  # measured on the service
        (10, 5, 15.04, False),
        (8.042, 4, 4.04, True),
        (4, 4, 4.04, True),
        (4, 4, 8.04, False),
        (15.04, 2, 2.04, True),
        (2, 10, 10.04, True),
        (2, 10, 12.0, False),
        (4, 4, 7.71, False),
        (4, 4, 6.1, False),
        (4, 4, 5.9, True),
    ],
)
def test_a_part_that_came_alone_is_told_by_its_length(
    source: float, added: float, clip: float, part: bool
) -> None:
    assert new_part_only(source, added, clip) is part


@given(st.integers(-9, 100))
def test_a_keyframe_snaps_to_the_nearest_third(thirds: int) -> None:
    for off in (-0.16, -0.05, 0.0, 0.05, 0.16):
        assert snap_thirds(thirds / 3 + off) == thirds


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
                short = f"{min(width, height)}p" == resolution
                assert short or (max(width, height) == LONGEST_SIDE and ratio in WIDE_RATIOS)
                # Even pixels move the long side by less than one.
                assert (
                    abs(max(width, height) - min(width, height) * max(across / down, down / across))
                    < 8
                )
                assert (width > height) == (across > down)


def test_a_portrait_is_a_landscape_on_its_side() -> None:
    for (resolution, ratio), (width, height) in PIXELS.items():
        if ratio in WIDE_RATIOS:  # no portrait of theirs has a name
            continue
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
        assert set(model.picture_ratios) == taken
        assert set(model.ratios) == taken | {"21:9", "5:2"}  # of the newest documents


# --------------------------------------------------------------------------------------------------- framing


@pytest.mark.parametrize(
    ("width", "height", "ratio"),
    [
        (1920, 1080, "16:9"),
        (1080, 1920, "9:16"),
        (4096, 1716, "21:9"),
        (2560, 1080, "21:9"),
        (5000, 1000, "5:2"),
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
    offered = MODELS[DEFAULT_MODEL].picture_ratios
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


WHOLE = [
    # A ratio that has a name gets that name's pixels.
    ("480p", 1920, 1080, (848, 480)),
    ("720p", 1366, 768, (1280, 720)),
    ("480p", 1080, 1920, (480, 848)),
    ("480p", 2048, 2048, (480, 480)),
    ("1080p", 3840, 2160, (1920, 1080)),
    # Every other frame is sent whole.
    ("480p", 2.39, 1, (1148, 480)),
    ("720p", 2048, 858, (1718, 720)),
    ("480p", 1998, 1080, (888, 480)),
    ("480p", 858, 2048, (480, 1146)),
    ("480p", 1, 1.91, (480, 916)),
    # A long side ends at 1920, and the short one shrinks.
    ("1080p", 2.39, 1, (1920, 804)),
    ("720p", 4096, 512, (1920, 240)),
    ("480p", 100, 1, (1920, 20)),
    ("480p", 1, 100, (20, 1920)),
    ("480p", 1, 65536, (4, 1920)),
]


@pytest.mark.parametrize(("resolution", "width", "height", "size"), WHOLE)
def test_a_frame_is_sent_whole_in_even_pixels(
    resolution: str, width: float, height: float, size: tuple[int, int]
) -> None:
    assert whole_size(resolution, width, height) == size


@given(sides, sides, st.sampled_from(["480p", "720p", "1080p"]))
@example(100_000, 1, "480p")
def test_a_whole_frame_loses_no_more_than_its_rounding(
    width: float, height: float, resolution: str
) -> None:
    size = whole_size(resolution, width, height)
    assert all(side % 2 == 0 and 4 <= side <= LONGEST_SIDE for side in size)
    assert min(size) <= int(resolution[:-1])
    assert min(size) == int(resolution[:-1]) or max(size) == LONGEST_SIDE
    crop = crop_inside(width, height, *size)
    if min(size) > 4:
        # At most half a step of two pixels on either side; 848 of 853 for a ratio with a name.
        assert (crop.right - crop.left) * (crop.top - crop.bottom) > 1 - max(
            0.0085, 1.05 / min(size)
        )
    # And on its side the same.
    assert whole_size(resolution, height, width) == size[::-1]


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from(["480p", "1080p"]))
@example(1, 1080, "480p")
@example(640, 361, "480p")
@example(847, 479, "480p")
def test_a_picture_that_is_sent_whole_is_never_enlarged(
    width: int, height: int, resolution: str
) -> None:
    size = whole_size(resolution, width, height, enlarge=False)
    assert 1 <= size[0] <= width
    assert 1 <= size[1] <= height
    assert all(side % 2 == 0 or side == 1 for side in size)
    if max(width, height) <= 400:  # nothing but an odd row or column is left out
        assert (width - size[0], height - size[1]) == (
            width % 2 if width > 1 else 0,
            height % 2 if height > 1 else 0,
        )


@pytest.mark.parametrize("size", [(0, 1), (5, 0), (-1, -1), (math.nan, 2)])
def test_a_frame_without_a_side_cannot_be_sent(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no ratio"):
        whole_size("480p", *size)


def test_the_panel_knows_about_how_large_a_clip_will_be() -> None:
    """As with 848 × 480, which the service made of 16:9."""
    assert about_size(*whole_size("480p", 1920, 1080)) == (848, 480)
    assert about_size(*whole_size("480p", 2.39, 1)) == (1136, 480)
    assert about_size(*whole_size("480p", 1, 2.39)) == (480, 1136)
    assert about_size(*whole_size("480p", 1001, 1000)) == (480, 480)
    assert about_size(*whole_size("1080p", 100, 1)) == (1920, 20)


def test_what_codecs_round_is_no_other_shape() -> None:
    for made, asked in [
        ((848, 480), (1280, 720)),
        ((1088, 1920), (1080, 1920)),
        ((850, 482), (848, 480)),
        ((1136, 480), (1148, 480)),
        ((1920, 16), (1920, 20)),
    ]:
        assert same_shape(*made, *asked)
    for made, asked in [
        ((848, 480), (1148, 480)),
        ((1120, 480), (1148, 480)),  # 21:9 for 2.39:1
        ((480, 848), (848, 480)),
        ((480, 480), (640, 480)),
    ]:
        assert not same_shape(*made, *asked)


@pytest.mark.parametrize("name", [PREVIEW, DATED])
def test_an_alias_has_the_rules_and_the_price_of_its_model(name: str) -> None:
    assert model_named(name) is MODELS[V15]
    for seconds, resolution, images in [(6, "480p", 1), (15, "720p", 14), (1, "1080p", 0)]:
        known = estimate(V15, seconds, resolution, images)
        assert known
        assert estimate(name, seconds, resolution, images) == known
    refused = check(make_spec(model=name, resolution="4k"))
    assert refused
    assert "1.5 does not make 4k" in refused.message


def test_no_other_name_is_one_that_is_known() -> None:
    for name in ("", f"{V15}-2026-05-31", V15.upper(), f"{DEFAULT_MODEL}-preview", f"{PREVIEW} "):
        assert model_named(name) is None
        assert estimate(name, 6, "480p", 1) is None
    names = [name for model in MODELS.values() for name in (model.id, *model.aliases)]
    assert len(names) == len(set(names))


def test_the_newest_ratios_are_of_text_alone() -> None:
    for model in (*MODELS.values(), ANY):
        assert model.picture_ratios == RATIOS
        assert set(model.ratios) - set(RATIOS) == set(WIDE_RATIOS)


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


def voices(count: int, **more: Any) -> dict[str, Any]:
    return {"voices": VOICES[:count], **more}


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
        ({"aspect_ratio": "9:21"}, "9:21", "16:9"),
        ({"aspect_ratio": "AUTO"}, "AUTO", "16:9"),
        ({"kind": Kind.EXTEND}, "no clip to extend", "Select a strip"),
        ({"kind": Kind.EDIT}, "no clip to edit", "Select a strip"),
        (extend(prompt=" "), "prompt", "what happens next"),
        (extend(duration=1), "2 to 10 seconds", "how much"),
        (extend(duration=11), "2 to 10 seconds", "how much"),
        (extend(1.96), "1.96 s long", "Continue Shot"),
        (extend(15.1), "at most 15 s", "last 15 seconds"),
        (extend(0.0), "no length", "strip"),
        (extend(model=V15), "1.5 cannot extend", "Choose Grok Imagine Video."),
        (extend(model=LITE), "Lite cannot extend", "Choose Grok Imagine Video."),
        (edit(model=V15), "1.5 cannot edit", "Choose Grok Imagine Video."),
        (edit(prompt=""), "prompt", "different"),
        (edit(8.71), "8.71 s long; at most 8.7 s", "shorter part"),
        (edit(resolution="1080p"), "1080p", "480p or 720p"),
        (
            refs(1, model=LITE),
            "Lite takes no references",
            "Video or Grok Imagine Video 1.5, or rem",
        ),
        (refs(8), "8 references; the service takes 7", "Remove 1"),
        (refs(15, model=V15, image="a.png"), "15 references; the service takes 14", "Remove 1"),
        (refs(15, model=PREVIEW), "15 references; the service takes 14", "Remove 1"),
        (refs(30, model=V15), "30 references", "Remove 16"),
        (refs(14), "14 references; the service takes 7", "Remove 7"),
        (refs(1, image="a.png"), "not both", "choose Grok Imagine Video 1.5"),
        (refs(1, model=LITE, image="a.png"), "references", "Choose Grok Imagine Video 1.5, or"),
        (refs(1, duration=11), "at most 10 seconds", "or choose Grok Imagine Video 1.5."),
        (refs(1, model=V15, duration=16), "1 to 15", "duration"),
        (refs(1, model=V15, resolution="1080p"), "no 1080p", "480p or 720p"),
        (refs(1, resolution="1080p"), "does not make 1080p", "480p or 720p"),
        (
            {"last_frame": PICTURE, "model": V15, "image": "a.png", "resolution": "1080p"},
            "With an end frame there is no 1080p.",
            "Choose 480p or 720p, or remove the end frame.",
        ),
        (
            {"last_frame": PICTURE, "model": V15, "resolution": "1080p"},
            "With an end frame there is no 1080p.",
            "480p or 720p",
        ),
        (
            frames(3, model=PREVIEW, image="a.png", resolution="1080p"),
            "With keyframes there is no 1080p.",
            "Choose 480p or 720p, or remove the keyframes.",
        ),
        (
            frames(3, model=V15, last_frame=PICTURE, resolution="1080p"),
            "With an end frame and keyframes there is no 1080p.",
            "Choose 480p or 720p, or remove the end frame and keyframes.",
        ),
        (voices(1), "takes no voices", "Choose Grok Imagine Video 1.5, or remove them."),
        (voices(1, model=LITE), "takes no voices", "Choose Grok Imagine Video 1.5, or"),
        (voices(4, model=V15), "4 voices; the service takes 3", "Name fewer"),
        (voices(1, model=V15, duration=16), "1 to 15", "duration"),
        (voices(1, model=V15, resolution="1080p"), "With voices there is no 1080p", "the voices"),
        (voices(1, model=V15, image="a.png", resolution="1080p"), "no 1080p", "480p or 720p"),
        (voices(1, model=V15, prompt=""), "prompt", "Write"),
        (
            {"cast": (Character("Ann", 1),), "references": (PICTURE,), "model": LITE},
            "takes no pictures of the cast",
            "or remove them",
        ),
        (extend(cast=(Character("Ann", 1),)), "names @Ann", "Say in words"),
        (edit(cast=(Character("Ann", 1),)), "names @Ann", "Say in words"),
        ({"cast": (Character("Ann"),), "source": Source("STRIP")}, "names @Ann", "in words"),
        (edit(model=DATED), "1.5 cannot edit", "Choose Grok Imagine Video."),
        (edit(prompt=" "), "prompt", "different"),
        ({"last_frame": PICTURE}, "no end frame", "Choose Grok Imagine Video 1.5, or remove it."),
        (frames(3), "no keyframes", "Choose Grok Imagine Video 1.5, or remove them."),
        (frames(1, 2, 3, 4, 5, model=V15), "5 keyframes", "Remove 1"),
        (frames(4, 4, model=V15), "same third of a second, at 1.33 s", "Move"),
        (frames(0, model=V15), "not inside", "marker"),
        (frames(18, model=V15), "at 6.00 s is not inside the clip of 6 s", "marker"),
        (frames(-1, model=V15), "not inside", "marker"),
        ({"image": "a.png", "image_bytes": (20 << 20) + 1}, "source still has 20 MB", "JPEG"),
        ({"last_frame": Picture("a.exr", "image/x-exr"), "model": V15}, "x-exr", "PNG or JPEG"),
        ({"references": (Picture("", "image/png", label="Ann"),)}, "reference Ann", "another"),
        ({"unchecked": True, "model": " "}, "No model", "model"),
        ({"unchecked": True, "model": "new", "prompt": "x" * 5000}, "5000", "Shorten"),
        (extend(unchecked=True, model="new", video=None), "no clip to extend", "strip"),
    ],
)
def test_what_the_service_would_refuse_is_refused_with_what_to_change(
    changes: dict[str, Any], names: str, offers: str
) -> None:
    problem = check(make_spec(**changes))
    assert problem is not None
    assert problem.code is ProblemCode.REQUEST
    assert names in problem.message
    assert offers in problem.hint


@pytest.mark.parametrize(
    "changes",
    [
        extend(2.0),
        extend(1.999),  # two seconds, measured
        extend(15.042, duration=10),  # the longest clip that the service makes
        extend(duration=2),
        edit(8.7),
        edit(0.5),
        refs(7, duration=10),
        refs(7, duration=15, model=V15, resolution="720p"),
        refs(7, prompt=""),
        refs(14, duration=15, model=V15, prompt="\n"),
        refs(14, duration=15, model=DATED),
        refs(1, image="a.png", model=V15, prompt=""),
        {"last_frame": PICTURE, "model": V15, "prompt": ""},
        {"last_frame": PICTURE, "model": V15, "resolution": "720p"},
        frames(3, model=V15, prompt=" "),
        {"aspect_ratio": "21:9"},
        {"aspect_ratio": "5:2", "model": LITE, "resolution": "1080p"},
        {"model": PREVIEW, "resolution": "1080p", "image": "a.png"},
        refs(1, image="a.png", model=V15),
        {"last_frame": PICTURE, "model": V15},
        {"last_frame": PICTURE, "model": V15, "image": "a.png", "prompt": ""},
        frames(1, 2, 16, 17, model=V15, image="a.png", last_frame=PICTURE),
        {"unchecked": True, "model": "grok-imagine-video-9", "duration": 99, "resolution": "4k"},
        refs(14, unchecked=True, model="grok-imagine-video-9"),
        edit(60, unchecked=True, model="grok-imagine-video-9"),
    ],
)
def test_what_the_service_takes_is_accepted(changes: dict[str, Any]) -> None:
    assert check(make_spec(**changes)) is None


def test_a_prompt_that_only_an_edit_needs_is_asked_for_before_its_length() -> None:
    """The first thing that is wrong is said, and one thing at a time."""
    problem = check(make_spec(**edit(60, prompt="", model=V15)))
    assert problem is not None
    assert "cannot edit" in problem.message


def test_models_that_can_are_offered_in_the_tables_order() -> None:
    assert [model.id for model in models_that("edit")] == [DEFAULT_MODEL]
    assert [model.id for model in models_that("references")] == [DEFAULT_MODEL, V15]
    assert [model.id for model in models_that("keyframes")] == [V15]
    assert models_that("holograms") == []


def test_the_longest_prompt_and_an_image_without_a_prompt_are_accepted() -> None:
    assert check(make_spec(prompt="x" * MAX_PROMPT)) is None
    assert check(make_spec(prompt="", image="still.png")) is None

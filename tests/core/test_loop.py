"""Loops before anything is sent: what is refused, and what the request of one holds."""

from __future__ import annotations

from typing import Any

import pytest

from grok_video.core.spec import Picture
from grok_video.service.checks import check
from grok_video.service.pricing import estimate_of
from grok_video.service.request import submission
from tests.core.conftest import make_spec

V15 = "grok-imagine-video-1.5"
FIRST = Picture("/stills/a.png", "image/png", 5000, "first frame")


def loop(**changes: Any) -> dict[str, Any]:
    fields = {"loop": True, "model": V15, "image": FIRST.path, "image_mime": FIRST.mime}
    return {**fields, "last_frame": FIRST, **changes}


@pytest.mark.parametrize(
    ("changes", "names", "offers"),
    [
        (loop(image="", last_frame=None), "text alone has none", "or turn off Loop"),
        (loop(image="", last_frame=None, unchecked=True), "text alone", "turn off Loop"),
        (loop(model="grok-imagine-video"), "no end frame", "Video 1.5, or turn off Loop"),
        (loop(model=f"{V15}-lite"), "no end frame", "Video 1.5, or turn off Loop"),
        (loop(resolution="1080p"), "with one there is no 1080p", "480p or 720p, or turn off Loop"),
    ],
)
def test_a_loop_that_cannot_be_is_refused_with_what_to_change(
    changes: dict[str, Any], names: str, offers: str
) -> None:
    problem = check(make_spec(**changes))
    assert problem is not None
    assert names in problem.message
    assert offers in problem.hint


def test_a_loop_sends_its_first_frame_twice_and_pays_for_both() -> None:
    spec, plain = make_spec(**loop()), make_spec(**loop(loop=False, last_frame=None))
    assert check(spec) is None
    assert [str(part) for part in submission(spec).parts].count(FIRST.path) == 2
    first, second = estimate_of(plain), estimate_of(spec)
    assert first is not None
    assert second is not None
    assert second - first == 10**8

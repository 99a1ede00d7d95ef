"""The shape of a clip: which one is asked for, what records say of that, and when another one came."""

from __future__ import annotations

from typing import Any

import pytest

from grok_video.core import events
from grok_video.core.shape import names_ratio, other_shape, ratio_text
from grok_video.core.spec import Clip, Kind, SourceVideo
from grok_video.ledger.job_log import _wanted
from grok_video.service.request import submission
from tests.core.conftest import make_spec, replay


def came(width: int, height: int, **changes: Any) -> Any:
    """A job whose clip has that size."""
    clip = Clip("/clips/a.mp4", 5, width, height, 24.0, 25, 1.04, False)
    happened = [
        events.Created(make_spec(**changes)),
        events.SubmitStarted(1, ""),
        events.Sending(()),
        events.Submitted("r-1"),
        events.Done("https://x.ai/a.mp4", None, ""),
        events.Downloaded(clip, None, ""),
    ]
    return replay((event, float(at)) for at, event in enumerate(happened))


WHOLE = {"image": "a.png", "image_pixels": (1148, 480), "aspect_ratio": "16:9"}
NAMED = {"image": "a.png", "image_pixels": (848, 480), "aspect_ratio": "16:9"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"aspect_ratio": "9:16"}, "9:16"),
        (NAMED, "16:9"),
        (WHOLE, "AUTO"),
        (
            {**WHOLE, "image_pixels": (0, 0)},
            "16:9",
        ),  # 0.1.0 kept none of a picture that it did not make
        ({**WHOLE, "image_pixels": (1, 90)}, "AUTO"),
    ],
)
def test_records_say_which_ratio_was_asked_for(changes: dict[str, Any], said: str) -> None:
    spec = make_spec(**changes)
    assert ratio_text(spec) == said
    assert names_ratio(spec) == (said != "AUTO")
    assert f", {said}, " in _wanted(came(848, 480, **changes))


@pytest.mark.parametrize(
    ("size", "changes"),
    [
        ((848, 480), {}),
        ((1088, 1920), {"aspect_ratio": "9:16"}),
        ((1120, 480), {"aspect_ratio": "21:9"}),
        ((848, 480), NAMED),
        ((1136, 480), WHOLE),
        ((1148, 480), WHOLE),
        ((2296, 960), WHOLE),
        ((1920, 16), {**WHOLE, "image_pixels": (1920, 20)}),
        ((850, 482), {"kind": Kind.EDIT, "video": SourceVideo("/a.mp4", 4.0, 9, 400, 300)}),
        ((0, 0), WHOLE),  # nothing was measured
    ],
)
def test_what_was_asked_for_is_not_worth_a_word(
    size: tuple[int, int], changes: dict[str, Any]
) -> None:
    assert other_shape(came(*size, **changes)) == ""
    assert other_shape(replay([(events.Created(make_spec(**changes)), 1.0)])) == ""


@pytest.mark.parametrize(
    ("size", "changes", "words"),
    [
        ((848, 480), WHOLE, "848 × 480, which is not the shape of the frame that was sent, 1148 ×"),
        ((1120, 480), WHOLE, "frame that was sent"),  # 21:9 for 2.39:1
        ((480, 1148), WHOLE, "frame that was sent"),
        ((480, 480), {}, "480 × 480, which is not the shape of 16:9."),
        ((480, 848), NAMED, "not the shape of 16:9."),
        ((640, 480), {"aspect_ratio": "3:2"}, "not the shape of 3:2."),
    ],
)
def test_another_shape_is_said(size: tuple[int, int], changes: dict[str, Any], words: str) -> None:
    said = other_shape(came(*size, **changes))
    assert words in said
    assert ("Crop to the Nearest Ratio" in said) == (changes is WHOLE)


@pytest.mark.parametrize(
    "changes",
    [
        *({"aspect_ratio": word} for word in ("", "auto", "AUTO", "16/9", "16:9:1", "1.85:1")),
        *(
            {"aspect_ratio": word}
            for word in ("0:9", "9:0", "-16:9", f"{10**400}:1", "9" * 5000 + ":1")
        ),
        *({"image_pixels": size} for size in ((-1148, 480), (1148, -480), (10**400, 1))),
    ],
)
def test_a_record_that_holds_no_shape_is_shown_and_sent_as_it_is(changes: dict[str, Any]) -> None:
    """Of a later version, or damaged: the list of jobs is drawn, and whatever was paid is delivered."""
    job = came(848, 480, **{**NAMED, **changes})
    assert names_ratio(job.spec)
    assert ratio_text(job.spec) == job.spec.aspect_ratio
    assert other_shape(job) == ""
    body = b"".join(part for part in submission(job.spec).parts if isinstance(part, bytes))
    assert f'"aspect_ratio": "{job.spec.aspect_ratio}"'.encode() in body


@pytest.mark.parametrize("size", [(-848, 480), (848, 0), (10**400, 1), (1, 10**400)])
def test_a_clip_of_no_size_has_no_other_shape(size: tuple[int, int]) -> None:
    assert other_shape(came(*size, **WHOLE)) == other_shape(came(*size, **NAMED)) == ""

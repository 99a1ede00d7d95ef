"""The stand-in's clips drift as they are told to, and hold the pictures that are pinned (docs/api.md, §1)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from stand_in import frame_code
from stand_in.calls import data_uri, generate, made
from stand_in.client import StandIn
from stand_in.test_clips import numbers, pictures

V15 = "grok-imagine-video-1.5"
#: Muted ones, so that no drift of these tests leaves the range.
COLOURS = [
    (120, 60, 60),
    (60, 120, 60),
    (70, 70, 130),
    (60, 60, 60),
    (160, 160, 160),
    (150, 120, 80),
]
STEP = 848 // len(COLOURS)
Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]


def patches(colours: list[tuple[int, int, int]] = COLOURS) -> Image.Image:
    image = Image.new("RGB", (848, 480))
    for n, colour in enumerate(colours):
        image.paste(colour, (n * STEP, 0, 848, 480))
    return image


def values(frame: Pixels) -> Values:
    """The colour of each patch, away from its edges and above the strip."""
    inside = [slice(int((n + 0.3) * STEP), int((n + 0.7) * STEP)) for n in range(len(COLOURS))]
    return np.array([frame[40:400, part].reshape(-1, 3).mean(axis=0) for part in inside])


def drift(
    colours: Values,
    gain: tuple[float, ...] = (1, 1, 1),
    lift: float = 0,
    saturation: float = 1,
    gamma: float = 1,
) -> Values:
    """What shapes.DRIFT says that happens to a colour, reckoned here once more."""
    luma = colours @ np.array([0.2126, 0.7152, 0.0722])
    out = luma[:, None] + (colours - luma[:, None]) * saturation
    out = np.clip(out * np.array(gain) + lift, 0, 255)
    return 255 * (out / 255) ** (1 / gamma)


@pytest.fixture
def clip(service: StandIn, tmp_path: Path) -> Callable[..., Pixels]:
    """Has a clip made and gives its frames."""
    service.settings(motion=False)

    def get(path: str = "generations", **fields: Any) -> Pixels:
        file = tmp_path / f"{time.monotonic_ns()}.mp4"
        file.write_bytes(made(service, path, **fields)[1])
        return pictures(file)

    return get


def source(service: StandIn, seconds: int = 2) -> str:
    return made(service, duration=seconds, image={"url": data_uri(patches())})[0]


def test_without_drift_an_extension_begins_with_its_source(
    service: StandIn, clip: Callable[..., Pixels], tmp_path: Path
) -> None:
    service.settings(motion=True)
    url, data = made(service, duration=2, image={"url": data_uri(patches())})
    (tmp_path / "source.mp4").write_bytes(data)
    before = pictures(tmp_path / "source.mp4").astype(int)
    after = clip("extensions", prompt="on", video={"url": url}, duration=2)[: len(before)]
    assert np.abs(after - before).mean() < 0.5
    assert np.abs(after - before).mean(axis=(1, 2, 3)).max() < 1


@pytest.mark.parametrize(
    ("words", "how"),
    [
        ("gain=1.1", {"gain": (1.1, 1.1, 1.1)}),
        ("gain=1.1,1,0.9", {"gain": (1.1, 1, 0.9)}),
        ("lift=12", {"lift": 12}),
        ("saturation=0.7", {"saturation": 0.7}),
        ("gamma=1.15", {"gamma": 1.15}),
        (
            "gain=0.95,1,1.05 lift=-8 saturation=1.2 gamma=0.9",
            {"gain": (0.95, 1, 1.05), "lift": -8, "saturation": 1.2, "gamma": 0.9},
        ),
    ],
)
def test_the_whole_answer_drifts_and_its_numbers_stay(
    service: StandIn, clip: Callable[..., Pixels], words: str, how: dict[str, Any]
) -> None:
    url = source(service)
    service.settings(drift=words)
    frames = clip("extensions", prompt="on", video={"url": url}, duration=2)
    expected = drift(np.array(COLOURS, float), **how)
    for frame in (frames[0], frames[24], frames[48], frames[49], frames[96]):
        assert np.abs(values(frame) - expected).max() < 2.5
    assert np.abs(expected - np.array(COLOURS)).max() > 5
    assert numbers(frames) == list(range(97))


def test_there_is_no_seam_inside_an_answer(service: StandIn, clip: Callable[..., Pixels]) -> None:
    """Not in the strip either, also in the extension of an extension."""
    service.settings(drift="gain=0.95,1,0.97 lift=8")
    once, _ = made(service, "extensions", prompt="on", video={"url": source(service)}, duration=2)
    frames = clip("extensions", prompt="on", video={"url": once}, duration=2).astype(int)
    assert numbers(frames) == list(range(145))
    before, after = frames[96], frames[97]  # the last of what was sent, the first that was added
    assert np.abs(before - after)[:450].mean() < 0.5
    step = 848 * frame_code.CELLS_WIDTH / frame_code.CELLS
    for cell in (0, 1):  # the white and the black that each strip begins with
        inside = slice(int((cell + 0.2) * step), int((cell + 0.8) * step))
        assert np.abs(before - after)[462:474, inside].mean() < 2
    how = (0.95, 1, 0.97), 8
    twice = drift(drift(np.array(COLOURS, float), *how), *how)
    assert np.abs(values(frames[0].astype(np.uint8)) - twice).max() < 3


def test_what_drifts_is_chosen(service: StandIn, clip: Callable[..., Pixels]) -> None:
    service.settings(drift="lift=20")
    picture = {"url": data_uri(patches())}
    assert np.abs(values(clip(image=picture)[0]) - np.array(COLOURS)).max() < 2.5
    service.settings(drift_of="generate edit")
    assert np.abs(values(clip(image=picture)[0]) - np.array(COLOURS) - 20).max() < 2.5
    for wrong in ("tint=3", "gain=1,2", "gamma=0", "lift"):
        with pytest.raises(ValueError, match=r"none of|takes|above"):
            service.settings(drift=wrong)
    with pytest.raises(ValueError, match="knows"):
        service.settings(drift_of="clips")


# Pinned pictures


def test_a_clip_ends_with_its_last_frame(service: StandIn, clip: Callable[..., Pixels]) -> None:
    service.settings(motion=True)
    first, last = {"url": data_uri(patches())}, {"url": data_uri(patches(COLOURS[::-1]))}
    frames = clip(model=V15, duration=2, image=first, last_frame=last)
    assert np.abs(values(frames[0]) - np.array(COLOURS)).max() < 2.5
    assert np.abs(values(frames[-1]) - np.array(COLOURS[::-1])).max() < 2.5
    steps = [np.abs(values(one) - values(two)).max() for one, two in itertools.pairwise(frames)]
    assert max(steps) < 25  # it goes over into it
    assert numbers(frames) == list(range(49))


def test_a_clip_whose_ends_are_one_picture_is_a_loop(
    service: StandIn, clip: Callable[..., Pixels]
) -> None:
    service.settings(motion=True)
    one = {"url": data_uri(patches())}
    frames = clip(model=V15, duration=2, image=one, last_frame=one).astype(int)
    assert np.abs(frames[0] - frames[-1])[:450].mean() < 1
    assert np.abs(frames[0] - frames[24])[:450].mean() > 1


def test_keyframes_stand_where_they_are_put(service: StandIn, clip: Callable[..., Pixels]) -> None:
    other = [(90, 140, 60)] * len(COLOURS)
    frames = clip(
        model=V15,
        duration=2,
        image={"url": data_uri(patches())},
        keyframes=[{"timestamp_s": 1.0, "image": {"url": data_uri(patches(other))}}],
    )
    for number, expected in ((0, COLOURS), (24, other), (40, COLOURS)):
        assert np.abs(values(frames[number]) - np.array(expected)).max() < 2.5
    assert (
        generate(service, model=V15, last_frame={"url": "https://example.com/a.png"}).status == 200
    )

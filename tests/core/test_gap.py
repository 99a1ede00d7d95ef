"""Gaps in an edit: how many seconds are bought for one, how fast they play, and which gaps cannot be filled."""

from __future__ import annotations

import pytest

from grok_video.core import gap

RATES = (24.0, 25.0, 30 / 1.001, 30.0, 60.0)


@pytest.mark.parametrize(
    ("frames", "rate", "seconds", "speed"),
    [
        (145, 24.0, 6, 1.0),  # exactly a clip of 6 seconds
        (144, 24.0, 6, 145 / 144),
        (156, 24.0, 6, 145 / 156),
        (
            157,
            24.0,
            7,
            169 / 157,
        ),  # half a second more: as the ear counts, the longer clip is nearer
        (20, 24.0, 1, 1.25),
        (31, 24.0, 1, 25 / 31),
        (40, 24.0, 2, 49 / 40),
        (451, 24.0, 15, 361 / 451),
        (1, 1.0, 1, (25 / 24)),
        (151, 25.0, 6, 145 / 24 * 25 / 151),
        (362, 60.0, 6, 145 / 24 * 60 / 362),
    ],
)
def test_the_nearest_whole_second(frames: int, rate: float, seconds: int, speed: float) -> None:
    assert gap.filling_of(frames, rate, 1, 15) == gap.Filling(seconds, pytest.approx(speed))
    assert not gap.refusal(frames, rate, 1, 15)


@pytest.mark.parametrize("frames", [-5, 0, 1, 19, 32, 39, 452, 24 * 3600, 2**31])
def test_a_gap_that_no_clip_fills(frames: int) -> None:
    assert gap.filling_of(frames, 24.0, 1, 15) is None
    words = gap.refusal(frames, 24.0, 1, 15)
    assert "20 to 31 frames (0.83 to 1.29 s) or 40 to 451 frames (1.67 to 18.79 s)" in words


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("least", "most"), [(1, 15), (2, 10), (6, 6)])
def test_the_lengths_that_are_named_are_those_that_fit(rate: float, least: int, most: int) -> None:
    named = gap.lengths_that_fit(rate, least, most)
    assert named == sorted(named)
    for frames in range(1, round(20 * rate)):
        fits = any(first <= frames <= last for first, last in named)
        filling = gap.filling_of(frames, rate, least, most)
        assert (filling is not None) == fits, frames
        if filling is not None:
            assert least <= filling.seconds <= most
            # No other whole second would play nearer to its own speed.
            speeds = [gap.speed_of(d + 1 / 24, frames, rate) for d in range(least, most + 1)]
            assert max(filling.speed, 1 / filling.speed) == pytest.approx(
                min(max(speed, 1 / speed) for speed in speeds)
            )


def test_no_such_rate_has_a_length() -> None:
    """At one frame a second some whole seconds have no gap of their own: no length is named twice, none is empty."""
    assert all(first <= last for first, last in gap.lengths_that_fit(1.0, 1, 15))
    assert "1 frame (1.00 s)" in gap.refusal(1, 1.0, 6, 6)

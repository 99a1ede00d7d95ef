"""How long the clips of a shot list are, and which of them run into each other: against the plain way to find that out."""

from __future__ import annotations

import random
from array import array

import pytest

from grok_video.core.shot_spans import is_longer, overlaps, whole_seconds


@pytest.mark.parametrize(
    ("frames", "rate", "seconds"),
    [
        (48, 24.0, 2),
        (49, 24.0, 2),  # a frame too late is no second more
        (60, 24.0, 3),
        (1, 24.0, 1),
        (0, 24.0, 1),
        (360, 24.0, 15),
        (361, 24.0, 15),
        (2_000_000_000, 24.0, 15),
        (60, 30000 / 1001, 2),
        (240, 240.0, 1),
    ],
)
def test_a_clip_covers_its_shot_in_whole_seconds(frames: int, rate: float, seconds: int) -> None:
    assert whole_seconds(frames, rate, 1, 15) == seconds


def test_what_is_longer_than_a_model_makes_is_told() -> None:
    assert [is_longer(frames, 24.0, 15) for frames in (359, 360, 362, 363, 10_000)] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_overlaps_are_those_of_a_look_at_each_pair() -> None:
    random.seed(16)
    for count in (0, 1, 2, 5, 40):
        for _ in range(200):
            starts = array("i", (random.randint(-50, 300) for _ in range(count)))
            lengths = array("i", (random.choice((0, -3, 1, 24, 48)) for _ in range(count)))
            found = overlaps(starts, lengths)

            def meet(
                a: int, b: int, starts: array[int] = starts, lengths: array[int] = lengths
            ) -> bool:
                if a == b or lengths[a] <= 0 or lengths[b] <= 0:
                    return False
                return starts[a] < starts[b] + lengths[b] and starts[b] < starts[a] + lengths[a]

            for number in range(count):
                others = [other for other in range(count) if meet(number, other)]
                assert (found[number] >= 0) == bool(others)
                assert found[number] < 0 or meet(number, found[number])

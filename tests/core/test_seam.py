"""What takes a shift of colours back: numbers that are usable, and their way into the list."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import Created
from grok_video.core.payload import seam_from_payload
from grok_video.core.seam import Seam
from grok_video.core.spec import new_id
from grok_video.ledger.errors import CommandRefused
from grok_video.ledger.ledger import Ledger
from tests.core.conftest import make_spec
from tests.core.test_job import ROADS, SEAM, State

WRONG: list[dict[str, Any]] = [
    {"at": [0.0, 0.0, 1.0]},
    {"at": [0.0]},
    {"at": []},
    {"red": [0.0, 1.0]},
    {"green": [0.0, float("nan"), 1.0]},
    {"blue": [0.0, 1e9, 1.0]},
    {"blue": "curve"},
    {"saturation": [1.0] * 7},
    {"saturation": [-1.0] * 8},
    {"hue": []},
    {"value": []},
    {"hue": [0.6] * 8, "value": [1.0] * 8},
    {"hue": [0.0] * 8, "value": [2.1] * 8},
    {"hue": [0.0] * 8, "value": [1.0] * 8, "saturation": []},
    {"space": 3},
    {"at": list(range(100)), **{name: list(range(100)) for name in ("red", "green", "blue")}},
]


def test_a_seam_is_read_as_it_was_written() -> None:
    assert seam_from_payload(dataclasses.asdict(SEAM)) == SEAM
    assert dataclasses.replace(SEAM, saturation=(), hue=(), value=()).usable


def test_the_numbers_of_0_5_are_read() -> None:
    """They know of no hues that turn, and of no values."""
    old = {
        key: value for key, value in dataclasses.asdict(SEAM).items() if key not in ("hue", "value")
    }
    assert seam_from_payload(old) == dataclasses.replace(SEAM, hue=(), value=())


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_numbers_that_are_no_curves_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        seam_from_payload(dataclasses.asdict(SEAM) | wrong)


def test_what_was_measured_is_kept_with_the_job(tmp_path: Path) -> None:
    ledger, spec = Ledger.open(tmp_path), make_spec()
    for event in (Created(spec), *ROADS[State.READY]):
        ledger.append(spec.id, None, event)

    def say(payload: Any) -> Seam | None:
        ledger.commands.apply({"id": new_id(), "command": "seam", "job": spec.id, "seam": payload})
        job = ledger.current(spec.id)
        assert job is not None
        return job.seam

    other = dataclasses.replace(SEAM, saturation=(), hue=(), value=())
    for seam in (SEAM, other):
        assert say(dataclasses.asdict(seam)) == seam
    for payload in (None, {}, 3, dataclasses.asdict(SEAM) | WRONG[0]):
        with pytest.raises(CommandRefused):
            say(payload)
    kept = ledger.current(spec.id)
    assert kept is not None
    assert kept.seam == other
    ledger.close()

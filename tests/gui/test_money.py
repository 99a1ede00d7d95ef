"""An artist sets a limit, is asked, is held at the limit, and sees what was spent."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


def test_a_limit_a_question_and_a_clip_that_is_held(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("money.py:limits_and_questions", 300, layout="General").notes
    assert notes["entered"] == pytest.approx([1, 0, 0.5])
    assert notes["jobs_while_asked"] == notes["jobs_after_escape"] == 0
    for words in ("$1.00 a day", "$0.60 is spent", "costs $0.60", "Nothing was sent or charged"):
        assert words in notes["held"]
    assert [job["duration"] for job in stand_in.jobs()] == [12, 12]
    assert len(stand_in.requests("submit")) == 2


def test_spending_is_exported_and_outlives_a_damaged_list(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("money.py:spending_and_a_rebuilt_list", 300, layout="General").notes
    paid, _ = stand_in.jobs()
    (row,) = csv.DictReader(io.StringIO(notes["table"]))
    assert row["request id"] == paid["id"]
    assert "Snow falls" not in notes["table"]
    assert "1 clip" in notes["rebuilt"]
    assert notes["states"] == ["IMPORTED", "IMPORTED"]
    assert len(stand_in.requests("submit")) == 2

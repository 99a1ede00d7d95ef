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
    notes = gui.run("money.py:limits_and_questions", layout="General").notes
    assert notes["entered"] == pytest.approx([1, 0, 0.5])
    assert notes["jobs_while_asked"] == notes["jobs_after_escape"] == 0
    for words in ("$1.00 a day", "$0.60 is spent", "costs $0.60", "Nothing was sent or charged"):
        assert words in notes["held"]
    assert [job["duration"] for job in stand_in.jobs()] == [12, 12]
    assert len(stand_in.requests("submit")) == 2


@pytest.mark.once
def test_spending_is_exported_and_outlives_a_damaged_list(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("money.py:spending_and_a_rebuilt_list", layout="General").notes
    paid, _ = stand_in.jobs()
    (row,) = csv.DictReader(io.StringIO(notes["table"]))
    assert row["request id"] == paid["id"]
    assert "Snow falls" not in notes["table"]
    assert "1 clip" in notes["rebuilt"]
    assert notes["states"] == ["IMPORTED", "IMPORTED"]
    assert len(stand_in.requests("submit")) == 2


@pytest.mark.once
def test_a_bill_above_the_price_and_a_purchase_far_ahead(gui: Gui, stand_in: StandIn) -> None:
    """Both are said where the artist looks: in the job's row and the status bar, and above the list of jobs."""
    stand_in.settings(job_seconds=1, bill=4.0)
    notes = gui.run("money.py:a_bill_and_a_clock", layout="General").notes
    words = "Charged $0.40, estimated $0.10. With it your limit of $0.30 a day is passed"
    assert notes["row"][0].startswith(words)
    assert "$0.40 is spent" in notes["row"][0]
    assert notes["row"][1]
    assert notes["reported"].count(words) == 1
    assert notes["before"]
    assert notes["today"] == 45 * 10**8
    assert len(stand_in.requests("submit")) == 1


@pytest.mark.once
def test_the_list_moves_and_another_one_says_its_limits(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("money.py:another_list", layout="General").notes
    assert notes["while_asked"] == ""
    assert notes["moved"] == notes["new"]
    assert notes["after_escape"] == 0
    assert notes["unseen"]
    assert notes["seen"]
    assert len(stand_in.requests("submit")) == 1

"""Fill Gap in a window: the menu in a gap, the question, the slot, and the clip that fills the gap to the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


def test_a_gap_is_filled_by_the_mouse(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=4)
    notes = gui.run("gaps.py:filled").notes
    (question,) = notes["asked"]
    assert "55 frames between" in question
    assert "2 s by Grok Imagine Video 1.5, at 0.89 times its speed" in question
    assert "It costs $" in question
    assert notes["slot"] == notes["clip"] == notes["gap"]
    assert notes["still"]
    assert notes["came"]
    assert notes["beside"] == [[1, 25], [80, 129]]
    body = stand_in.requests("submit")[-1]["body"]
    assert body["model"] == "grok-imagine-video-1.5"
    assert body["prompt"] == "It crosses the lake"
    assert {"image", "last_frame"} <= set(body)
    assert len(stand_in.requests("submit")) == 2


@pytest.mark.once
def test_the_part_of_the_panel(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("gaps.py:in_the_panel").notes
    assert len(notes["bought"]) == len(stand_in.requests("submit")) == 1

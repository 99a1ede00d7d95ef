"""The list of jobs as people look at it: pictures beside the jobs, and what has ended since the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


def test_the_list_shows_what_came_while_nobody_looked(gui: Gui, stand_in: StandIn) -> None:
    assert stand_in.requests() == []
    notes = gui.run("looking.py:the_list").notes
    assert (notes["unseen"], notes["loaded_before"]) == (2, [])
    assert notes["loaded"] == ["MOVIE", "MOVIE"]
    assert notes["unseen_after"] == notes["unseen_at_last"] == 0
    assert notes["again"] == 6
    assert notes["began"] < 0.004, "to begin pictures is the work of a tick"


def test_compare_by_hand(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("looking.py:compare").notes
    assert {name: value for name, value in notes.items() if value is not True} == {}
    assert len(stand_in.requests("submit")) == 2


@pytest.mark.once
def test_unused_takes_by_hand(gui: Gui, stand_in: StandIn) -> None:
    gui.run("looking.py:unused")
    assert len(stand_in.requests("submit")) == 2

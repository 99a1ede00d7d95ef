"""Extend, Edit and Continue in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


def test_every_kind_of_clip_by_clicking(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("rework.py:every_kind", seconds=2)
    assert len(stand_in.requests("submit")) == 2
    spans = sorted(s["span"] for s in report.notes["extended"] if s["type"] == "MOVIE")
    assert spans[1][0] == spans[0][1]

"""The list of shots in a real window: filled by a press, undone, renamed, searched, and looked at in each width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


@pytest.mark.once
def test_six_camera_markers_become_six_shots_by_one_press(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("shots.py:filled_from_markers", 600.0, widths=[190, 420])
    notes = report.notes
    assert [row[1:] for row in notes["filled"]] == [[1 + 48 * n, 2, 1 + 48 * n] for n in range(6)]
    assert notes["filled"][1][0] == "Close on Anna"
    assert (notes["undone"], notes["redone"]) == (0, 6), "filling the list is one undo step"
    assert notes["renamed"] == ["Dawn", *(row[0] for row in notes["filled"][1:])]
    assert notes["stays"], "a row that is chosen moves nothing"
    assert notes["found"] == ["Close on Anna", "Anna runs"]
    assert "Traceback" not in report.log  # a draw that raises only says so there
    assert "unknown operator" not in report.log
    assert not stand_in.requests("submit")


@pytest.mark.once
def test_six_camera_markers_become_six_clips_by_three_clicks(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("shots.py:bought_by_one_press", 900.0, widths=[])
    notes = report.notes
    assert (notes["before"], notes["asked"]) == (0, True), "the question comes before all else"
    assert notes["states"] == ["IMPORTED"] * 6
    assert len(stand_in.jobs()) == 6, (
        "a request that came too soon is refused, free, and made again"
    )
    assert (notes["jobs"], notes["rows"]) == (6, 6), "an undo takes the slots, and no purchase"
    assert "Traceback" not in report.log

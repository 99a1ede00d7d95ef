"""A clip whose file is gone, seen and mended in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


@pytest.mark.once
def test_a_file_that_is_gone_is_seen_and_comes_back(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("files.py:gone_and_back")
    notes = report.notes
    assert "Traceback" not in report.log, "a panel raised"
    assert notes["back"]
    assert notes["same"]
    assert (notes["state"], notes["lost"], notes["problem"]) == ("IMPORTED", "", None)
    assert len(stand_in.requests("submit")) == 1
    assert len(stand_in.requests("download")) == 2

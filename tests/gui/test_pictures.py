"""The panel in all its states; the pictures are looked at, the tests hold what can be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_panel_in_every_state(gui: Gui, stand_in: StandIn, scale: float) -> None:
    stand_in.fail("job", "moderated", after=1)
    report = gui.run("pictures.py:states", layout="General", scale=scale)
    assert report.notes["states"] == ["FAILED", "IMPORTED"]
    assert "moderation" in report.notes["problem"]
    assert len(stand_in.requests("submit")) == 2


def test_every_source_is_drawn(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("pictures.py:sources", layout="General")
    assert "EEVEE" in report.notes["engine"]
    assert "Traceback" not in report.log  # a draw that raises only says so there


def test_preferences(gui: Gui, stand_in: StandIn) -> None:
    assert gui.run("pictures.py:preferences", layout="General").notes["shown"]

"""The panel in all its states; the pictures are looked at, the tests hold what can be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

SCALES = pytest.mark.parametrize("scale", [1.0, pytest.param(1.5, marks=pytest.mark.once)])


@pytest.mark.pictures
@SCALES
def test_panel_in_every_state(gui: Gui, stand_in: StandIn, scale: float) -> None:
    stand_in.settings(job_seconds=40)
    stand_in.fail("job", "moderated", after=1)
    running = gui.start("pictures.py:states", {"scale": scale}, layout="General")
    running.until("running")
    stand_in.settings(job_seconds=1)
    stand_in.finish()
    notes = gui.good(running.wait(600)).notes  # of every state two pictures
    assert notes["states"] == ["FAILED", "IMPORTED"]
    assert "moderation" in notes["problem"]
    assert len(stand_in.requests("submit")) == 2


def test_every_source_is_drawn(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("pictures.py:sources", layout="General")
    assert "EEVEE" in report.notes["engine"]
    assert "Traceback" not in report.log  # a draw that raises only says so there


@pytest.mark.pictures
@SCALES
def test_timeline_with_the_clip(gui: Gui, stand_in: StandIn, scale: float) -> None:
    notes = gui.run("pictures.py:timeline_clip", scale=scale).notes
    assert notes["strips"] == 2


@pytest.mark.pictures
@SCALES
def test_preferences(gui: Gui, scale: float) -> None:
    assert gui.run("pictures.py:preferences", layout="General", scale=scale).notes["shown"]

"""What is drawn over slots that wait; the pictures are looked at, the tests hold what can be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


@pytest.mark.parametrize("scale", [1.0, pytest.param(2.0, marks=pytest.mark.once)])
def test_slots_tell_their_state(gui: Gui, stand_in: StandIn, scale: float) -> None:
    stand_in.settings(job_seconds=1)
    stand_in.fail("job", "stall", times=1)  # at 42 %
    stand_in.fail("job", "moderated", times=1)
    report = gui.run("slot_overlay.py:overlay", scale=scale)
    assert "Traceback" not in report.log  # a handler that raises only says so there
    assert report.notes["render"].startswith("1 slot waits for its clip")
    # 1 ms of a machine that does nothing else (docs/blender.md, §8); here several rings may run.
    assert report.notes["many"] < 0.01
    assert {state.split()[0] for state in report.notes["state"]} == {"Failed", "Generating", "Held"}

"""What is wrong stands in the panel in words, with the button that mends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


@pytest.mark.once
def test_offline_and_a_wrong_key_are_said_and_mended(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    stand_in.fail("submit", "bad-credentials")
    notes = gui.run("errors.py:offline_then_wrong_key", layout="General").notes
    assert not notes["job_without_folder"]
    assert notes["saved"] == ""
    assert not notes["job_while_offline"]
    assert Path(notes["clip"]).parent.name == "my clips"
    assert notes["refusal"] == "Stop Tracking was refused. Too late: the clip is imported by now."
    assert "key" in notes["copied"]
    assert "\n" in notes["copied"] or "." in notes["copied"]
    assert stand_in.key not in notes["copied"]
    assert notes["strips"] == 2
    assert notes["translated"] in ("Error", "Fehler")
    assert notes["message"].startswith("There is no free channel for the clip")
    first, second = stand_in.requests("submit")
    assert first["status"] in (400, 401, 403)
    assert second["status"] == 200
    assert len(stand_in.jobs()) == 1

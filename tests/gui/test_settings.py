"""What was written and set comes back: alternatives of a prompt, its history, presets, the settings of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


@pytest.mark.once
def test_pictures_of_variants_history_and_presets(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("settings.py:variants_history_and_presets").notes
    assert notes["prompts"] == ["A blue car", "A red car"]
    assert notes["undone"] == "Something else", "choosing a prompt is one undo step"
    assert notes["redone"] == "A {red|blue} car"
    assert notes["preset_undone"] == "Something else", "choosing a preset is one undo step"
    assert len(stand_in.requests("submit")) == 2

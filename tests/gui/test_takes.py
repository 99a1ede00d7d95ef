"""Takes in a real window: their buttons, what Ctrl-Z takes back, and that each is bought once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

PROMPTS = ["A heron lifts off, slowly, and the reeds bow", "A heron lands at dusk"]


@pytest.mark.once
def test_another_take_is_bought_and_chosen(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("takes.py:another_and_chosen", prompts=PROMPTS).notes
    assert notes["second"]
    assert notes["third"]
    assert len(set(notes["jobs"])) == 3
    bodies = [request["body"] for request in stand_in.requests("submit")]
    assert [body["prompt"] for body in bodies] == [PROMPTS[0], PROMPTS[0], PROMPTS[1]]
    assert [body["duration"] for body in bodies] == [1, 1, 2]

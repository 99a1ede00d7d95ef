"""The cast, clicked in the window: a character is added, named, put into the prompt, and goes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


@pytest.mark.once
def test_a_character_is_named_and_sent(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("cast.py:named_and_sent", 600.0, layout="General")
    notes = report.notes
    assert notes["numbered"] == ["Character", "Character.001"]
    assert notes["written"] == "In a room @Anna Lee"
    assert notes["undone"] == "In a room", "putting a name into the prompt is one undo step"
    (request,) = stand_in.requests("submit")
    body = request["body"]
    assert body["prompt"].startswith("In a room <IMAGE_0>.")
    assert "<IMAGE_0> speaks with the voice from <AUDIO_0>." in body["prompt"]
    assert len(body["reference_images"]) == 1
    assert body["reference_audios"] == [{"voice_id": "leo"}]
    assert notes["jobs"] == 1
    assert "Traceback" not in report.log  # a draw that raises only says so there

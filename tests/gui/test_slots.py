"""A slot at once, in a real window: the artist cuts and fades it while its clip is made, undoes and redoes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

PROMPT = "A heron lifts off, slowly, and the reeds bow."


def test_a_slot_that_is_cut_and_faded_becomes_the_clip(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=25)
    notes = gui.run("slots.py:becomes_the_clip", prompt=PROMPT).notes
    (slot,) = notes["slot"]
    assert slot == {"span": [20, slot["span"][1]], "still": True, "job": slot["job"]}
    assert notes["name"].startswith("A heron lifts off")
    pieces = [[20, 40], [40, slot["span"][1]]]
    assert [piece["span"] for piece in notes["cut"]] == pieces
    assert all(piece["still"] for piece in notes["cut"]), "the clip came before the slot was cut"
    for then in ("arrived", "redone", "taken_back"):
        assert [piece["span"] for piece in notes[then]] == pieces, then
        assert not any(piece["still"] for piece in notes[then]), then
    assert notes["played"], "the clip came only when the animation had ended"
    assert [piece["span"] for piece in notes["undone"]] == [slot["span"]]
    assert notes["said"].endswith("Nothing was sent or charged.")
    assert len(stand_in.requests("submit")) == 1


@pytest.mark.once
def test_while_the_slot_is_dragged_its_clip_waits(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=600)
    running = gui.start("slots.py:dragged", {"prompt": PROMPT})
    assert any("TRANSFORM" in name.upper() for name in running.until("dragging"))
    stand_in.finish()
    notes = gui.good(running.wait()).notes
    assert notes["waiting"] == "The clip waits while something is being moved."
    assert notes["held"] == [True]
    (before,), (after,) = notes["before"], notes["arrived"]
    assert after["span"] == [frame + 12 for frame in before["span"]]
    assert not after["still"]
    assert len(stand_in.requests("submit")) == 1

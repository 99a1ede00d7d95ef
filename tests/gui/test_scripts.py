"""In a window only the artist's press buys: what calls Generate by itself makes a job that is held."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

#: What calls Generate in ``scenarios/scripts.py`` without a press, and becomes a job that is held.
CALLS = {
    "load_post",
    "load_post invoke",
    "timer",
    "timer invoke",
    "timer alone",
    "depsgraph",
    "message bus",
    "mouse",
    "another operator",
    "modal operator",
    "run script",
    "run script invoke",
    "twice",
}


def test_nothing_that_calls_generate_by_itself_buys(
    gui: Gui, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.settings(job_seconds=1)
    report = gui.good(
        gui.start("scripts.py:nobody_presses", {"folder": str(tmp_path)}, layout="General").wait()
    )
    notes = report.notes
    # Blender 4.3 lets no operator run in a driver.
    assert CALLS <= notes["held"].keys() <= CALLS | {"driver"}
    assert all(held and "not you." in why for held, why in notes["held"].values())
    assert not notes["allowed"], "a .blend turned the preference on"
    said = dict(
        re.findall(r"^SAID (load_post(?: invoke)?|run script(?: invoke)?) (.+)", report.log, re.M)
    )
    said |= {case: words for case, words in notes["said"].items() if case != "driver"}
    asked_before = said.pop("twice")
    assert set(said) == CALLS - {"timer alone", "mouse", "twice"} | {"once"}
    for case, words in said.items():
        assert "Nothing was bought: the clip waits in the list" in words, case
    assert "asked for this clip before" in asked_before
    assert "only your press of Send buys" in notes["release"]
    assert notes["still_held"]
    assert ["what counts as spent" in words for words in notes["settled"]] == [True] * 4
    assert notes["limits"] == [0, 0], "a .blend changed a limit"
    # Then the artist pressed Send.
    sent, placed = notes["sent"]
    assert sent == placed
    assert len(stand_in.requests("submit")) == len(stand_in.jobs()) == 1


@pytest.mark.once
def test_the_preference_lets_scripts_buy(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("scripts.py:leave_of_the_artist", layout="General").notes
    assert not notes["by_a_timer"], "a timer that is no function of a file turned the preference on"
    assert notes["below_each_other"] > 8, "in a narrow sidebar the price on Send is cut off"
    assert notes["ticked"]
    assert notes["by_a_file"]
    assert notes["held"] == {
        "pressed": False,
        "off": True,
        "allowed": False,
        "allowed invoke": False,
        "off again": True,
    }
    assert notes["said"]["allowed"] == notes["said"]["allowed invoke"] == "nothing"
    assert len(stand_in.requests("submit")) == len(stand_in.jobs()) == 3


def test_however_the_artist_presses_it_is_a_press(gui: Gui, stand_in: StandIn) -> None:
    """Our entry of a menu opens the dialog also where a key opened the menu."""
    notes = gui.run("scripts.py:other_presses", layout="General").notes
    assert notes["held"] == {"key": False, "pie": False, "menu": False}
    assert len(stand_in.requests("submit")) == 3

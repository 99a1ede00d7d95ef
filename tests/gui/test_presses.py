"""Only a button that carries its price buys at one click; from everywhere else what buys asks, with the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

OPERATORS = {"generate", "extend", "continue_shot", "edit", "send_again", "release"}
AT_THE_TOP_OF_THE_MENU = {"extend", "continue_shot"}


def test_only_a_button_with_a_price_buys_at_one_click(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("presses.py:every_way").notes
    cases = {f"{name} by {way}" for name in OPERATORS for way in ("key", "search")}
    cases |= {f"{name} by menu" for name in AT_THE_TOP_OF_THE_MENU}
    assert notes["ways"].keys() == cases
    for case, asked in notes["ways"].items():
        assert len(asked) == 1, (case, asked)
        assert "It costs $" in asked[0], case
    assert len(notes["favorite"]) == 1
    assert notes["button"] == []

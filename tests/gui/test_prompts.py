"""Long prompts are typed and pasted without losing a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

TYPED = "The camera drifts slowly over the reeds while a heron lifts off, " * 4
PASTED = "First the fog lifts.\nThen the sun – wärmer, 日の出 – comes in.\n\nAt last: a bell."


@pytest.mark.once
def test_long_prompt_typed_and_pasted(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("prompts.py:long_prompts", typed=TYPED.strip(), pasted=PASTED).notes
    assert notes["typed"] == TYPED.strip()
    assert notes["pasted"] == PASTED

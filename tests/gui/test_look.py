"""From a block-out to a clip that begins with a look of it, by the mouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


def test_block_out_look_use_generate(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("looks.py:whole_look", layout="Layout").notes
    look, clip, *frames = stand_in.jobs()
    assert notes["undone"] == ""
    assert notes["redone"] == notes["sent"] == notes["look"]
    assert clip["image"] != look["image"], "the look was sent, and not the render"
    assert stand_in.image(clip["image"]) == Path(notes["image"]).read_bytes()
    assert len(notes["strips"]) == 1
    assert "was made from an earlier view: Camera, frame 1" in notes["asked"]
    assert notes["clips"] == 1, "a look of an earlier view is asked about"
    assert notes["first"] != notes["second"]
    assert Path(notes["first"]).parent.name == "looks"
    assert Path(notes["second"]).parent.name == "stills"
    assert len(stand_in.requests("submit")) == 4
    assert len({frame["others"][0] for frame in frames}) == 1, "both with the look"

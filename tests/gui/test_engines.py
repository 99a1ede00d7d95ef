"""The engine most artists have: EEVEE, in the startup file as it comes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


def test_default_scene_with_eevee(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("engines.py:default_scene", layout="General").notes
    assert "EEVEE" in notes["engine"]
    # Rendered in this window, the view would not turn once; see docs/blender.md.
    assert len(notes["turns"]) >= 3, notes
    assert notes["off"] <= 0.001, notes
    assert notes["scenes"] == ["Scene"]
    (job,) = stand_in.jobs()
    sent = Image.open(io.BytesIO(stand_in.image(job["image"]))).convert("RGB")
    assert list(sent.size) == notes["pixels"] == [848, 480]
    # The grey cube in the middle is lighter than the world around it.
    middle, corner = sent.getpixel((424, 230)), sent.getpixel((20, 20))
    assert sum(middle) > sum(corner) + 60

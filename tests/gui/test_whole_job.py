"""A whole job, clicked in the window: the promise of the program, as an artist lives it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

PROMPT = "A heron lifts off, slowly, and the reeds bow."
FRAME = 37


def reddish(picture: Path) -> float:
    """The share of a screenshot that shows the red of the scenario's world."""
    image = Image.open(picture).convert("RGB").resize((160, 100))
    pixels = list(zip(*[iter(image.tobytes())] * 3, strict=True))
    return sum(r > 120 and g < 80 and b < 80 for r, g, b in pixels) / len(pixels)


@pytest.mark.parametrize("kind", ["SEQUENCE_EDITOR"])
def test_clip_lands_where_the_playhead_was(gui: Gui, stand_in: StandIn, kind: str) -> None:
    report = gui.run("jobs.py:whole_job", kind=kind, prompt=PROMPT, frame=FRAME)
    notes = report.notes
    assert notes["prompt"] == PROMPT
    movie = next(strip for strip in notes["strips"] if strip["type"] == "MOVIE")
    sound = next(strip for strip in notes["strips"] if strip["type"] == "SOUND")
    assert movie["span"][0] == FRAME
    seconds = (movie["span"][1] - movie["span"][0]) / notes["fps"]
    assert 2.0 <= seconds <= 2.0 + 2 / notes["fps"]  # 24 * 2 + 1 frames
    assert sound["span"][0] == FRAME
    assert abs(sound["span"][1] - movie["span"][1]) <= 1
    assert movie["job"] == sound["job"]
    # Paid once, and the picture in the preview is the one that was sent.
    assert len(stand_in.requests("submit")) == 1
    before = reddish(report.output / f"{kind.lower()}-idle.png")
    after = reddish(report.output / f"{kind.lower()}-imported.png")
    assert after > before + 0.05

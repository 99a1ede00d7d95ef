"""A drifting service extends a clip, by the mouse: the seam cannot be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageStat

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Gui
    from stand_in.client import StandIn

DRIFT = "gain=1.05,1,0.93 lift=8,4,-6 gamma=1.08"
#: The stand-in counts its frames in the rows below: those differ from frame to frame.
COUNTED = 1 / 6


def difference(one: Path, other: Path) -> float:
    """The mean difference of two pictures, of 255, without the rows that count."""
    seen = []
    for path in (one, other):
        picture = Image.open(path).convert("RGB")
        height = round(picture.height * (1 - COUNTED))
        seen.append(picture.crop((0, 0, picture.width, height)))
    return sum(ImageStat.Stat(ImageChops.difference(*seen)).mean) / 3


def sheet(folder: Path) -> None:
    """The frame before the seam, the one behind it, and that one as the service sent it, side by side."""
    pictures = [Image.open(folder / f"seam-{name}.png") for name in ("source", "matched", "raw")]
    width, height = pictures[0].size
    whole = Image.new("RGB", (3 * width, height))
    for number, picture in enumerate(pictures):
        whole.paste(picture.convert("RGB"), (number * width, 0))
    whole.save(folder / "seam-sheet.png")


def test_an_extension_that_drifts_goes_on_without_a_seam(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("seams.py:extended", 300.0, drift=DRIFT)
    folder = gui.output
    sheet(folder)
    notes = report.notes
    assert notes["modifiers"], "the strip takes the shift back"
    assert notes["seam"], "the job keeps it"
    (_, end), (start, _) = notes["spans"]
    assert end == start
    matched = difference(folder / "seam-source.png", folder / "seam-matched.png")
    raw = difference(folder / "seam-source.png", folder / "seam-raw.png")
    assert raw > 8.0, "the service has shifted the colours"
    assert matched <= 2.0
    assert len(stand_in.requests("submit")) == 2

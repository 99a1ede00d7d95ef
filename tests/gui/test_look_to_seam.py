"""A grey block-out becomes a look, the look a clip, the clip a longer shot: by the mouse, and the seam cannot be seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

DRIFT = "gain=1.05,1,0.93 lift=8,4,-6 gamma=1.08"
#: The stand-in counts its frames in the rows below: those differ from frame to frame.
COUNTED = 1 / 6
#: Of 255: below, nobody sees a seam; above, everybody does.
UNSEEN, SEEN = 2.0, 8.0
#: Pixels of a frame on the sheet.
SHOWN = (480, 270)


def _differences(seen: dict[str, str], kind: str) -> list[float]:
    """The mean differences, of 255, of each frame before the seam from each of a kind behind it."""

    def pictures(which: str) -> list[Image.Image]:
        files = [file for name, file in seen.items() if name.startswith(f"{which}-")]
        whole = [Image.open(file).convert("RGB") for file in files]
        return [one.crop((0, 0, one.width, round(one.height * (1 - COUNTED)))) for one in whole]

    return [
        sum(ImageStat.Stat(ImageChops.difference(before, behind)).mean) / 3
        for before in pictures("before")
        for behind in pictures(kind)
    ]


def _sheet(seen: dict[str, str], file: Path) -> None:
    """The frames before the seam and behind it; above as they are seen, below without the modifiers."""
    rows = [
        [name for name in seen if name.startswith(("before-", kind))]
        for kind in ("with-", "without-")
    ]
    font = ImageFont.load_default(SHOWN[1] / 16)
    width, height = SHOWN
    sheet = Image.new("RGB", (width * len(rows[0]), height * len(rows)))
    draw = ImageDraw.Draw(sheet)
    for down, row in enumerate(rows):
        for across, name in enumerate(row):
            left, top = across * width, down * height
            sheet.paste(Image.open(seen[name]).convert("RGB").resize(SHOWN), (left, top))
            words = name.replace("-", ", frame ")
            draw.text(
                (left + 8, top + 8), words, "white", font, stroke_width=2, stroke_fill="black"
            )
    sheet.save(file)


def _check_look(notes: dict[str, Any], stand_in: StandIn) -> None:
    """The look was made once, used, taken back and brought again; the clip was asked about, and begins with it."""
    look, *frames, clip, _extension = stand_in.jobs()
    assert notes["undone"] == ""
    assert notes["redone"] == notes["sent"] == notes["look"]
    assert clip["image"] != look["image"], "the look was sent, and not the render"
    assert stand_in.image(clip["image"]) == Path(notes["image"]).read_bytes()
    assert "was made from an earlier view: Camera, frame 1" in notes["asked"]
    assert notes["unasked"] == 0, "a look of an earlier view is asked about"
    assert notes["clips"] == 1
    assert notes["first"] != notes["second"]
    assert Path(notes["first"]).parent.name == "looks"
    assert Path(notes["second"]).parent.name == "stills"
    assert len({frame["others"][0] for frame in frames}) == 1, "both with the look"


def test_from_a_block_out_to_a_shot_without_a_seam(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("look_to_seam.py:whole_way", layout="Layout", drift=DRIFT).notes
    _sheet(notes["seen"], gui.output / "seam-sheet.png")
    _check_look(notes, stand_in)
    assert len(stand_in.requests("submit")) == len(stand_in.jobs()) == 5
    assert notes["modifiers"], "the strip takes the shift back"
    assert notes["kept"], "the job keeps it"
    (_, end), (start, _) = notes["spans"]
    assert end == start
    assert min(_differences(notes["seen"], "without")) > SEEN, "the service has shifted the colours"
    assert max(_differences(notes["seen"], "with")) <= UNSEEN

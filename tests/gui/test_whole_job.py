"""A whole job, clicked in the window: the promise of the program, as an artist lives it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

PROMPT = "A heron lifts off, slowly, and the reeds bow."
FRAME = 37
SECONDS = 2


def is_red(pixel: tuple[int, int, int]) -> bool:
    """Whether a pixel shows the world of the scenario."""
    red, green, blue = pixel
    return red > 120 and green < 80 and blue < 80


def red_share(picture: Path) -> float:
    """The share of a screenshot that is red."""
    image = Image.open(picture).convert("RGB").resize((160, 100))
    pixels = [image.getpixel((x, y)) for x in range(image.width) for y in range(image.height)]
    return sum(map(is_red, pixels)) / len(pixels)


def check_clip(notes: dict[str, Any], stand_in: StandIn) -> None:
    """The clip lies where the playhead was, is whole, and was paid once, for the camera's picture."""
    assert notes["prompt"] == PROMPT
    strips = {strip["type"]: strip for strip in notes["strips"]}
    movie, sound = strips["MOVIE"], strips["SOUND"]
    assert movie["span"][0] == sound["span"][0] == FRAME
    frames = SECONDS * notes["fps"]
    assert frames <= movie["span"][1] - FRAME <= frames + 2  # the service's clips have a frame more
    assert abs(sound["span"][1] - movie["span"][1]) <= 1
    assert movie["job"] == sound["job"]
    assert notes["undone_prompt"] == PROMPT
    assert notes["undone_scenes"] == notes["scenes"]
    assert len(stand_in.requests("submit")) == 1
    (job,) = stand_in.jobs()
    assert (job["prompt"], job["duration"]) == (PROMPT, SECONDS)
    sent = Image.open(io.BytesIO(stand_in.image(job["image"]))).convert("RGB")
    assert is_red(sent.getpixel((sent.width // 8, sent.height // 8)))  # beside the default cube


def test_from_the_sequencer(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run(
        "jobs.py:whole_job", kind="SEQUENCE_EDITOR", prompt=PROMPT, frame=FRAME, seconds=SECONDS
    )
    check_clip(report.notes, stand_in)
    before = red_share(report.output / "sequence_editor-idle.png")
    after = red_share(report.output / "sequence_editor-imported.png")
    assert after > before + 0.1, "the preview does not show the clip"


def test_from_the_3d_view_with_no_sequencer_open(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run(
        "jobs.py:whole_job",
        layout="General",
        kind="VIEW_3D",
        prompt=PROMPT,
        frame=FRAME,
        seconds=SECONDS,
    )
    check_clip(report.notes, stand_in)

"""Extend, Edit and Continue Shot, clicked in the window: what is sent, where it lies, what is seen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from patience import at_once
from PIL import Image

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


#: Of a scenario, in seconds: several jobs and bakes each, and the mouse is slow on a busy machine.
LIMIT = 600.0


def bodies(stand_in: StandIn) -> list[dict[str, Any]]:
    return [request["body"] for request in stand_in.requests("submit")]


def share(picture: Path, which: int) -> float:
    """The share of a screenshot that is red (0) or blue (2)."""
    image = Image.open(picture).convert("RGB").resize((160, 100))
    pixels = [image.getpixel((x, y)) for x in range(image.width) for y in range(image.height)]
    others = [n for n in range(3) if n != which]
    strong = [p for p in pixels if p[which] > 120 and all(p[n] < 90 for n in others)]
    return len(strong) / len(pixels)


def test_a_shot_goes_on(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("rework.py:a_shot_goes_on", LIMIT)
    notes = report.notes
    first, whole, cut, edit, goes_on = bodies(stand_in)
    # As it came it is named by its address; cut, it is baked and sent.
    assert whole["video"]["url"].startswith("http")
    source, second = notes["whole"]
    assert second[0] == source[1]
    assert cut["video"]["url"]["data_uri"] == "video/mp4"

    assert notes["stopped_after"] < at_once(3.0)
    assert notes["ended"]
    assert notes["left"] == []
    assert "Nothing was sent or charged" in notes["message"]

    moved, third = notes["cut"]
    assert moved == [23, 23 + 55]
    assert third[0] == moved[1] - 12  # the slot stays where it was seen when the shot was moved
    assert abs(third[1] - third[0] - 48) <= 1
    assert not notes["notice"]

    assert edit["video"]["url"]["data_uri"] == "video/mp4"
    below, above = notes["edit"]
    assert above[0] == below[0]
    assert below[1] - 6 <= above[1] <= below[1]
    assert notes["channels"][1] > notes["channels"][0]
    shown = {name: report.output / f"rework-{name}.png" for name in ("edited", "edit-muted")}
    assert share(shown["edited"], 2) > 0.15 > share(shown["edited"], 0)
    assert share(shown["edit-muted"], 0) > 0.15 > share(shown["edit-muted"], 2)

    assert "video" not in goes_on
    assert goes_on["image"]["url"]["data_uri"] == "image/png"
    before, fourth = notes["continued"]
    assert fourth[0] == before[1]
    assert "image" in first


@pytest.mark.once
def test_extend_to_a_length(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("rework.py:to_a_length", LIMIT).notes
    assert notes["asked"] == 1
    assert [body["duration"] for body in bodies(stand_in)] == [2, 6, 6, 6, 6]
    first, second, third = notes["spans"]
    assert [second[0], third[0]] == [first[1], second[1]]
    assert abs(third[1] - first[1] - 12 * 24) <= 2
    assert notes["stopped"] == ["CANCELLED", True]
    assert len(notes["left"]) == 4
    assert notes["left"][3][0] == third[1]
    assert notes["waits"] == [False, False, 0]


def test_interrupted_bakes_cost_nothing(gui: Gui, stand_in: StandIn, tmp_path: Path) -> None:
    notes = gui.run("rework.py:interrupted", blend=str(tmp_path / "other.blend")).notes
    assert notes["escaped"], "Escape ended the bake"
    assert "“Sky”" in notes["undone"]
    assert "Nothing was sent or charged" in notes["undone"]
    assert notes["opened"] == "Another file was opened. Nothing was sent or charged."
    assert notes["ended"]
    assert notes["left"] == []
    assert stand_in.requests() == []


def colour_of(stand_in: StandIn, link: dict[str, Any]) -> str:
    """Whether a picture that was sent is red or blue."""
    picture = Image.open(io.BytesIO(stand_in.image(link["url"]["sha256"]))).convert("RGB")
    red, _green, blue = picture.getpixel((picture.width // 8, picture.height // 8))
    return "red" if red > blue else "blue"


@pytest.mark.once
def test_pictures_for_a_clip(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("rework.py:pictures_for_a_clip", LIMIT, layout="General").notes
    assert notes["references"] == ["Tree", "Sky, frame 1", "Camera, frame 1"]
    assert notes["prompt"] == "It turns blue <IMAGE_0>"
    assert notes["frame"] == 1
    (clip,) = bodies(stand_in)
    assert len(clip["reference_images"]) == 2
    assert colour_of(stand_in, clip["image"]) == "red"
    assert colour_of(stand_in, clip["last_frame"]) == "blue"
    assert [round(frame["timestamp_s"] * 3) for frame in clip["keyframes"]] == [1, 4]
    found = [colour_of(stand_in, frame["image"]) for frame in clip["keyframes"]]
    assert found == ["red", "blue"]


@pytest.mark.once
def test_the_animation_is_edited(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("rework.py:the_animation", LIMIT, layout="General").notes
    sent = bodies(stand_in)
    assert [edit["video"]["url"]["data_uri"] for edit in sent] == ["video/mp4"] * 2
    assert {edit["model"] for edit in sent} == {"grok-imagine-video"}
    assert [one[1] for one in notes["spans"]] == [1, 1]
    assert len({one[0] for one in notes["spans"]}) == 2
    assert notes["playhead"] == 1


@pytest.mark.pictures
def test_every_state_is_drawn(gui: Gui, stand_in: StandIn) -> None:
    report = gui.run("rework.py:states", LIMIT, layout="General", narrow=190)
    assert report.notes["width"] < 230
    assert "Traceback" not in report.log  # a draw that raises only says so there
    assert stand_in.requests() == []

"""Baking in a real window: the child is the same Blender, and the window's file stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from patience import at_once

if TYPE_CHECKING:
    from conftest import Gui


def test_bakes(gui: Gui, tmp_path: Path) -> None:
    folder = tmp_path / "bakes"
    folder.mkdir()
    notes = gui.run("bakes.py:bakes", layout="General", folder=str(folder)).notes
    assert notes["camera"] == [1280, 720, 6, 24.0]
    assert notes["strip"] == [1280, 720, 4, 24.0]
    assert notes["viewport"][2:] == [5, 24.0]
    assert notes["cancel_seconds"] < at_once(1.0)
    assert sorted(path.name for path in folder.iterdir()) == [
        "artist.blend", "camera.mp4", "strip.mp4", "viewport.mp4",
    ]  # fmt: skip
    # Nothing may wait for the child, which takes seconds.
    assert notes["longest_poll"] < 0.5

"""The camera render beside a live window: Blender must outlive it, every time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Gui

COUNT = 15


def test_many_renders_in_a_row(gui: Gui, tmp_path: Path) -> None:
    # Blender 4.3 frees the GPU context of such a render while it runs: unless we hold it back, it
    # crashes within a few of them.
    assert gui.run("renders.py:many", folder=str(tmp_path), count=COUNT).notes["taken"] == COUNT

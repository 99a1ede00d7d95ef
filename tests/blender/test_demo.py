"""The demo in this Blender: what it leaves, what its contact sheet shows, and whose list it does not touch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .conftest import ROOT
from .others import DATA_HOME

GAP, CELL = 8, 480  # pixels of the sheet between its four pictures, and their width


@pytest.mark.long
def test_the_demo(blender: ModuleType, stand_in: Any, archive: Path, tmp_path: Path) -> None:
    stand_in.settings(motion=False)
    artist, profile, out = (tmp_path / name for name in ("artist", "profile", "雪 out"))
    profile.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "scripts" / "demo_in_blender.py")),
            *(str(archive), str(out), "It drifts", "1", "480p"),
        ],
        env=os.environ | {"GROK_VIDEO_DEMO_PROFILE": str(profile), DATA_HOME: str(artist)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stdout
    assert "Nothing was charged; the real service would have cost $0.052" in done.stdout
    assert not artist.exists()
    (job,) = stand_in.jobs()
    (clip,) = (out / "grok_video").glob("*.mp4")
    names = {"demo.blend", "source.png", "contact-sheet.png", "grok_video"}
    assert {path.name for path in out.iterdir()} == names
    assert {path.name for path in clip.parent.iterdir()} == {clip.name, f"{clip.stem}.json"}
    assert stand_in.image(job["image"]) == (out / "source.png").read_bytes()
    with Image.open(out / "contact-sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(float)
    source, *shown = [
        pixels[GAP : -GAP - 20, left : left + CELL]  # without the strip with the number
        for left in range(GAP, pixels.shape[1] - GAP, CELL + GAP)
    ]
    assert len(shown) == 3
    assert source.std() > 20
    for frame in shown:  # the clip stands still: what was sent is what the sequencer shows
        assert abs(frame - source).mean() < 6

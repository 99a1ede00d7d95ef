"""The seam: the service's shift of colours is measured by a second Blender, and the strip's own modifiers take it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from . import drifting, editing, pictures
from .drifting import Drift
from .others import wait_for

Module = Callable[[str], ModuleType]
SPACES = {"Standard": "sRGB", "Filmic": "Filmic sRGB", "AgX": "AgX Base sRGB"}
FRAMES, ADDED = 36, 12
DRIFTS = {
    "gain": Drift(gain=(1.08, 1.0, 0.92)),
    "lift": Drift(lift=(0.06, 0.03, -0.04)),
    "gamma": Drift(gamma=(1.15, 1.05, 0.9)),
    "bright": Drift(gain=(1.08, 1.08, 1.08)),
    "saturation": Drift(saturation=1.2),
    "pale": Drift(saturation=0.8),
    "all": Drift((1.05, 1.0, 0.95), (0.03, 0.02, 0.0), (1.08, 1.08, 1.08), 1.1),
}
#: Mean difference of 255 that is left at the seam at most. AgX mixes the channels before the sequencer sees them, and *Hue
#: Correct* turns the saturation of another model than the service: what is left there depends on how colourful it is.
LEFT = {"Standard": 2.0, "Filmic": 2.1, "AgX": 2.7}  # Filmic: 2.01 in 4.2, below 2 elsewhere
COLOURFUL = {"Standard": 2.5, "Filmic": 2.5, "AgX": 3.5}


class Edit:
    """A source and its extension in a scene, frame by frame over each other on two channels."""

    def __init__(self, module: Module, folder: Path, view: str, source: Path, answer: Path) -> None:
        self.module, self.folder = module, folder
        self.scene = scene = bpy.context.scene
        scene.render.resolution_x, scene.render.resolution_y = drifting.WIDTH, drifting.HEIGHT
        scene.render.fps = drifting.FPS
        scene.view_settings.view_transform, scene.view_settings.look = view, "None"
        base = editing.base_of(scene.sequence_editor_create())
        self.source = base.new_movie("source", str(source), 1, 1)
        self.answer = base.new_movie("answer", str(answer), 2, 1)
        self.space = SPACES[view]
        for strip in (self.source, self.answer):
            strip.colorspace_settings.name = self.space

    def measured(self, **changes: Any) -> Any:
        seam = self.module("blender.sources.seam")
        shown = [
            seam.Shown(bpy.path.abspath(strip.filepath), self.space)
            for strip in (self.source, self.answer)
        ]
        seconds = FRAMES / drifting.FPS
        compared = seam.last_second(
            (drifting.FPS, FRAMES), (drifting.FPS, FRAMES + ADDED), seconds, seconds
        )
        job = seam.Measurement.begin(self.scene, *shown, compared, self.folder, **changes)
        return wait_for(job.poll, "the colours")

    def match(self, seam: Any) -> None:
        with editing.sequencer_operators(self.scene):
            self.module("blender.seam_modifiers").make(self.answer, seam)

    def difference(self) -> float:
        """Of the last frames of the source from those of the answer, as the sequencer renders them."""
        found = []
        for frame in range(FRAMES - 12, FRAMES + 1, 4):
            seen = []
            for hidden in (True, False):
                self.answer.mute = hidden
                seen.append(pictures.see(self.scene, self.folder, frame))
            found.append(np.abs(seen[0] - seen[1]).mean())
        return float(np.mean(found))


@pytest.fixture
def edit(blender: ModuleType, module: Module, tmp_path: Path) -> Callable[..., Edit]:
    def made(drift: Drift, view: str = "Standard", crf: int = 14) -> Edit:
        clips = drifting.pair(tmp_path, drift, frames=FRAMES, added=ADDED, crf=crf)
        return Edit(module, tmp_path, view, *clips)

    return made


@pytest.mark.parametrize("view", SPACES)
@pytest.mark.parametrize("name", DRIFTS)
def test_a_shift_is_taken_back(edit: Callable[..., Edit], name: str, view: str) -> None:
    made = edit(DRIFTS[name], view)
    measured = made.measured()
    before = made.difference()
    assert measured.seam is not None
    made.match(measured.seam)
    after = made.difference()
    left = (LEFT if DRIFTS[name].saturation == 1.0 else COLOURFUL)[view]
    assert after <= left, f"{before:.2f} -> {after:.2f}"
    assert len(made.answer.modifiers) <= 2


@pytest.mark.parametrize("view", SPACES)
def test_where_nothing_drifted_there_is_no_modifier(edit: Callable[..., Edit], view: str) -> None:
    """However badly the answer is encoded."""
    assert edit(Drift(), view, crf=30).measured().seam is None

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
#: Mean difference of 255 that is left at the seam at most.
LEFT = 2.0
#: … of a saturation that drifted, in AgX. AgX mixes the channels before the sequencer sees them, and *Hue Correct* keeps
#: the brightest channel where the service keeps the luma: what is left depends on how colourful the picture is.
LEFT_OF_SATURATION_IN_AGX = 2.2
LEFT_IN_OTHERS = 3.0


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
    hard = view == "AgX" and DRIFTS[name].saturation != 1.0
    assert after <= (LEFT_OF_SATURATION_IN_AGX if hard else LEFT), f"{before:.2f} -> {after:.2f}"
    assert len(made.answer.modifiers) <= 2


@pytest.mark.parametrize("space", ["ACEScg", "Linear Rec.709", "ACEScct", "Linear Rec.2020"])
@pytest.mark.parametrize("view", ["Standard", "AgX"])
def test_the_sequencer_may_work_in_another_color_space(
    edit: Callable[..., Edit], view: str, space: str
) -> None:
    made = edit(DRIFTS["all"], view)
    working: Any = made.scene.sequencer_colorspace_settings
    if space not in working.bl_rna.properties["name"].enum_items:
        pytest.skip("a Blender without that color space")
    working.name = space
    measured = made.measured()
    before = made.difference()
    assert measured.seam is not None
    made.match(measured.seam)
    after = made.difference()
    assert before > 8.0
    assert after <= LEFT_IN_OTHERS, f"{before:.2f} -> {after:.2f}"


def test_a_color_space_that_cannot_be_taken_back_is_told(
    edit: Callable[..., Edit], module: Module
) -> None:
    made = edit(DRIFTS["gain"])
    made.scene.sequencer_colorspace_settings.name = "AgX Base sRGB"
    with pytest.raises(module("blender.refusal").Interrupted, match="color space “AgX Base sRGB”"):
        made.measured()


@pytest.mark.parametrize("view", SPACES)
def test_where_nothing_drifted_there_is_no_modifier(edit: Callable[..., Edit], view: str) -> None:
    """However badly the answer is encoded."""
    assert edit(Drift(), view, crf=30).measured().seam is None

"""A slot that was edited while it waited: once its clip is there, the edit shows what it would show of the clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import pictures
from .editing import find, set_span, span, split

Module = Callable[[str], ModuleType]

SECONDS = 2
FRAMES = 24 * SECONDS + 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.numbered_clip(tmp_path_factory.mktemp("clips") / "take.mp4", SECONDS)


class Desk:
    def __init__(self, module: Module, folder: Path, clip: Path) -> None:
        self.slots = module("blender.timeline.slots")
        self.timeline = module("blender.timeline")
        self.importing = module("blender.timeline.importing")
        self.still = module("core.still_movie")
        self.mp4 = module("core.mp4")
        self.folder, self.clip = folder, clip
        self.scene = bpy.context.scene

    def place(self, frame: int = 1, name: str = "slot") -> Any:
        path = self.folder / "slots" / f"{name}.slot.mov"
        self.still.write_still_movie(self.still.card(pictures.WIDTH, pictures.HEIGHT), path, FRAMES)
        return self.put(path, frame)

    def put(self, path: Path, frame: int = 1) -> Any:
        clip = self.importing.Clip(str(path), "A frog", "job", "")
        from_ = module_settle(self)
        landing = self.importing.bring_in(
            bpy.context, self.scene, clip, meta=None, frame=frame, settle=from_
        )
        strip = find(self.scene, landing.movie)
        self.slots.stand_for(strip, self.slots.Showing.of(self.mp4.probe(path)))
        return strip

    def arrive(self, path: Path | None = None) -> list[str]:
        showing = self.slots.Showing.of(self.mp4.probe(path or self.clip))
        return [
            said
            for strip in list(self.slots.strips_of_job("job"))
            for said in self.slots.show(bpy.context, strip, showing, "job")
        ]

    def number(self, frame: int) -> int:
        return pictures.number_of(pictures.see(self.scene, self.folder, frame))


def module_settle(desk: Desk) -> Any:
    return desk.channels.settle_lowest


@pytest.fixture
def desk(blender: ModuleType, module: Module, tmp_path: Path, clip: Path) -> Desk:
    made = Desk(module, tmp_path, clip)
    made.channels = module("blender.timeline.channels")
    render = made.scene.render
    render.resolution_x, render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    made.scene.view_settings.view_transform = "Standard"
    return made


def test_smoke(desk: Desk) -> None:
    strip = desk.place(1)
    assert span(strip) == (1, 1 + FRAMES)
    assert desk.slots.is_waiting(strip)
    right = split(strip, 20)
    set_span(right, 25, 40)
    assert desk.slots.waiting_in(desk.scene, 1, 5)
    print(
        [
            (s.name, s.type, span(s), s.get("grok_video_job"))
            for s in desk.scene.sequence_editor.strips_all
        ]
        if hasattr(desk.scene.sequence_editor, "strips_all")
        else 0
    )
    print(desk.arrive())
    assert not desk.slots.is_waiting(strip)
    assert [desk.number(f) for f in (1, 10, 19, 25, 39)] == [0, 9, 18, 24, 38]

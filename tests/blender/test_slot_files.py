"""A slot that is edited while it waits: once its clip is there, the edit shows what it would show of the clip.

Every edit is made twice: on the slot, whose clip arrives then, and on the clip itself. Both are rendered and compared
frame by frame. Of what cannot be made twice, the frame's number is read from the picture.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from ..stand_in import clips
from . import pictures
from .editing import (
    color,
    duplicate,
    every,
    find,
    make_meta,
    select,
    sequencer_operators,
    set_span,
    shift,
    span,
    split,
    strips,
)

Module = Callable[[str], ModuleType]

SIZE = (pictures.WIDTH, pictures.HEIGHT)
FRAMES = 49  # of the clip that a slot expects: two seconds at 24
HAS_SOUND = bool(bpy.app.build_options.audaspace)
needs_sound = pytest.mark.skipif(not HAS_SOUND, reason="this wheel has no sound")


@pytest.fixture(scope="module")
def clip_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function: frames, size, sound -> a clip whose frames are numbered."""
    folder = tmp_path_factory.mktemp("takes")

    @functools.cache
    def made(frames: int = FRAMES, size: tuple[int, int] = SIZE, audio: bool = True) -> Path:
        path = folder / f"{frames}_{size[0]}_{audio}.mp4"
        clips.make(clips.Plan(*size, frames, audio, False, words="hills"), path)
        return path

    return made


class Desk:
    """An artist's place of work: what the tests do, in few words."""

    def __init__(self, module: Module, folder: Path) -> None:
        self.slots = module("blender.timeline.slots")
        self.channels = module("blender.timeline.channels")
        self.importing = module("blender.timeline.importing")
        self.still_movie = module("core.still_movie")
        self.mp4 = module("core.mp4")
        self.folder = folder

    @property
    def scene(self) -> Any:
        return bpy.context.scene

    def slot(
        self, frame: int = 1, frames: int = FRAMES, head: float = 0.0, fps: float = 24.0
    ) -> Any:
        """Place a slot that expects so many frames; its movie strip."""
        path = self.still_movie.still_movie_path(self.folder, f"slot{frames}_{fps:g}")
        self.still_movie.write_still_movie(self.still_movie.card(*SIZE), path, frames, fps)
        return self.put(path, frame, head)

    def put(self, path: Path, frame: int = 1, head: float = 0.0) -> Any:
        """Import a file as the job's; its movie strip."""
        landing = self.importing.bring_in(
            bpy.context,
            self.scene,
            self.importing.Clip(str(path), "A frog", "job", ""),
            meta=None,
            frame=frame,
            settle=self.channels.settle_lowest,
        )
        strip = find(self.scene, landing.movie)
        self.slots.stand_for(strip, self.showing(path, head))
        return strip

    def showing(self, path: Path, head: float = 0.0) -> Any:
        return self.slots.Showing.of(self.mp4.probe(path), head)

    def arrive(self, path: Path, head: float = 0.0, job: str = "job") -> list[str]:
        """Let all strips of the slot show a clip; what is said."""
        names = [(strip.id_data, strip.name) for strip in self.slots.strips_of_slot("job")]
        return [
            said
            for scene, name in names
            for said in self.slots.show(
                bpy.context, find(scene, name), self.showing(path, head), job
            )
        ]

    def see(self, frame: int) -> pictures.Picture:
        return pictures.see(self.scene, self.folder, frame)

    def number(self, frame: int) -> int:
        return pictures.number_of(self.see(frame))

    def numbers(self, *frames: int) -> list[int]:
        return [self.number(frame) for frame in frames]


@pytest.fixture
def desk(blender: ModuleType, module: Module, tmp_path: Path) -> Desk:
    render = blender.context.scene.render
    render.resolution_x, render.resolution_y = SIZE
    render.fps, render.fps_base = 24, 1.0
    blender.context.scene.view_settings.view_transform = "Standard"
    return Desk(module, tmp_path)


def sounds(scene: Any) -> list[Any]:
    return [strip for strip in every(scene) if strip.type == "SOUND"]


# ------------------------------------------------------------------------- the same edit, of the slot and of the clip


def cut_and_moved(scene: Any, strip: Any, _size: tuple[int, int]) -> None:
    """Three pieces: the first trimmed, the second moved away, the third muted."""
    start, end = span(strip)
    second = split(strip, start + 15)
    third = split(second, start + 30)
    third.mute = True
    set_span(strip, start + 4, start + 12)
    shift(second, end)


def stacked(scene: Any, strip: Any, size: tuple[int, int]) -> None:
    """A transition to a colour, an effect with a modifier on a copy, and a copy inside of a meta strip."""
    start, end = span(strip)
    copy = duplicate(scene, strip, end - start, channel=40)
    other = color(scene, 20, end - 12, end + 12)
    color(scene, 21, end - 12, end, "CROSS", find(scene, "A frog"), other)
    copy = find(scene, copy.name)
    blur = color(scene, 41, *span(copy), "GAUSSIAN_BLUR", copy)
    blur.size_x = 3.0
    with sequencer_operators(scene):
        scene.sequence_editor.active_strip = copy
        bpy.ops.sequencer.strip_modifier_add(type="BRIGHT_CONTRAST")
    find(scene, copy.name).modifiers[0].bright = 20.0
    copy = duplicate(scene, find(scene, "A frog"), 2 * (end - start), channel=60)
    set_span(copy, span(copy)[0] + 9, span(copy)[1] - 5)
    meta = make_meta(scene, copy)
    set_span(meta, span(meta)[0] + 3, span(meta)[1] - 3)


def animated(scene: Any, strip: Any, size: tuple[int, int]) -> None:
    """Framed, cropped, keyed and driven; sizes are in pixels of the file."""
    natural = SIZE[0] / size[0]
    start, end = span(strip)
    strip.crop.min_x, strip.crop.max_y = size[0] // 8, size[1] // 6
    strip.transform.offset_x = 11.0
    for frame, times in ((start, 0.5), (end - 1, 1.25)):
        strip.transform.scale_x = natural * times
        strip.transform.keyframe_insert("scale_x", frame=frame)
        strip.blend_alpha = times / 2
        strip.keyframe_insert("blend_alpha", frame=frame)
    curve = strip.transform.driver_add("scale_y")
    curve.driver.type = "SCRIPTED"
    curve.driver.expression = f"{natural} * (0.5 + frame / 100)"


def retimed(scene: Any, strip: Any, _size: tuple[int, int]) -> None:
    select(scene, strip)
    with sequencer_operators(scene):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=60.0)
    strip = find(scene, "A frog")
    assert len(strip.retiming_keys)
    set_span(strip, span(strip)[0] + 5, span(strip)[1] - 7)


RATES = [(24, 1.0), (25, 1.0), (30, 1.001), (30, 1.0), (60, 1.0)]


@pytest.mark.parametrize("edit", [cut_and_moved, stacked, animated, retimed])
@pytest.mark.parametrize(("fps", "base"), RATES)
def test_the_same_edit(
    desk: Desk, clip_of: Callable[..., Path], fps: int, base: float, edit: Any
) -> None:
    """Frame by frame, and strip by strip: handles, channels, names."""
    desk.scene.render.fps, desk.scene.render.fps_base = fps, base
    clip = clip_of()

    def seen() -> tuple[list[Any], list[pictures.Picture]]:
        layout = sorted((s.name, s.type, s.channel, *span(s)) for s in every(desk.scene))
        last = max(span(strip)[1] for strip in strips(desk.scene))
        return layout, [desk.see(frame) for frame in range(2, last + 1, max(3, last // 16))]

    edit(desk.scene, desk.slot(), SIZE)
    assert any(desk.slots.is_waiting(s) for s in every(desk.scene))
    desk.arrive(clip)
    assert not any(desk.slots.is_waiting(s) for s in every(desk.scene))
    layout, shown = seen()
    again = desk.arrive(clip)  # a second time changes nothing
    assert again == []
    assert seen()[0] == layout
    desk.scene.animation_data_clear()
    desk.scene.sequence_editor_clear()
    edit(desk.scene, desk.put(clip), SIZE)
    wanted_layout, wanted = seen()
    assert layout == wanted_layout
    assert [float(np.abs(a - b).max()) for a, b in zip(shown, wanted, strict=True)] == [0.0] * len(
        wanted
    )

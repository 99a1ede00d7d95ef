"""Seams on the timeline: an extension comes matched, waits for a Sequencer, and what the artist touches is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from . import pictures
from .editing import every, find, sequencer_operators, set_span, span
from .test_flow import newest

Module = Callable[[str], ModuleType]
NAME = "Grok Video Seam"
DRIFT = "gain=1.05,1,0.93 lift=8,4,-6 gamma=1.08"
#: Codes of 255 that are left at a seam at most.
LEFT = 2.0


@pytest.fixture
def source(blender: ModuleType, scene: Any, stand_in: Any, module: Module, patches: Any) -> Any:
    """The strip of a clip of two seconds that is to be extended; the service's extensions drift."""
    patches.set(module("blender.session.seams"), "PATIENCE", 120.0)  # others keep this machine busy
    scene.render.resolution_x, scene.render.resolution_y = 848, 480
    scene.render.resolution_percentage = 100
    scene.render.fps = 24
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.grok_video.duration = 2
    scene.grok_video.extend_prompt, scene.grok_video.extend_seconds = "It goes on", 2
    blender.ops.grok_video.generate(frame=1)
    stand_in.settings(drift=DRIFT)
    (strip,) = movies(scene)
    return strip


def movies(scene: Any) -> list[Any]:
    return sorted((s for s in every(scene) if s.type == "MOVIE"), key=lambda s: span(s)[0])


def open_sequencer(scene: Any) -> None:
    with sequencer_operators(scene):
        pass


def close_sequencers() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.type = "VIEW_3D"


def ours(strip: Any) -> list[str]:
    return [modifier.type for modifier in strip.modifiers if modifier.name.startswith(NAME)]


def extended(blender: ModuleType, module: Module, scene: Any) -> tuple[Any, Any]:
    """An extension of the last strip: the strip that came, and its job."""
    scene.sequence_editor.active_strip = movies(scene)[-1]
    assert blender.ops.grok_video.extend() == {"FINISHED"}
    return movies(scene)[-1], newest(module)


def difference(scene: Any, source: Any, strip: Any, folder: Path) -> float:
    """Of the last half second of the source from the same in its extension, whose head is shown for that."""
    start, end = span(strip)
    set_span(strip, start - 12, end)
    found = []
    for frame in range(start - 12, start, 4):
        seen = []
        for hidden, shown in ((strip, source), (source, strip)):
            hidden.mute, shown.mute = True, False
            seen.append(pictures.see(scene, folder, frame))
        found.append(np.abs(seen[0] - seen[1])[: 480 - 60].mean())  # without the row of numbers
    source.mute = strip.mute = False
    set_span(strip, start, end)
    return float(np.mean(found))


@pytest.mark.parametrize("slot", [False, True], ids=["imported", "slot"])
def test_an_extension_comes_matched(
    blender: ModuleType, scene: Any, source: Any, module: Module, tmp_path: Path, slot: bool
) -> None:
    open_sequencer(scene)
    scene.sequence_editor.active_strip = source
    blender.ops.grok_video.extend(slot=slot)
    strip, job = movies(scene)[-1], newest(module)
    assert ours(strip) == ["CURVES"]
    assert job.seam is not None
    note = json.loads(strip["grok_video_seam"])
    assert (note["job"], note["made"]) == (job.id, True)
    assert not list(source.modifiers)
    matched = difference(scene, source, strip, tmp_path)
    strip.modifiers[0].mute = True
    raw = difference(scene, source, strip, tmp_path)
    print(f"{bpy.app.version_string}: {raw:.2f} -> {matched:.2f}")
    assert raw > 5.0
    assert matched <= LEFT


def test_without_drift_there_is_nothing_on_the_strip(
    blender: ModuleType, scene: Any, source: Any, stand_in: Any, module: Module
) -> None:
    open_sequencer(scene)
    stand_in.settings(drift="")
    strip, job = extended(blender, module, scene)
    assert (ours(strip), job.seam, "grok_video_seam" in strip) == ([], None, False)


def test_the_preference_turns_it_off(
    blender: ModuleType, scene: Any, source: Any, module: Module
) -> None:
    open_sequencer(scene)
    module("blender.config").preferences().match_seams = False
    strip, job = extended(blender, module, scene)
    assert (ours(strip), job.seam, "grok_video_seam" in strip) == ([], None, False)


def test_without_a_sequencer_the_modifiers_wait(
    blender: ModuleType, scene: Any, source: Any, module: Module
) -> None:
    """5.0 would end where they were made; a file keeps what waits."""
    close_sequencers()
    strip, job = extended(blender, module, scene)
    assert (ours(strip), job.seam is None) == ([], False)
    assert not json.loads(strip["grok_video_seam"])["made"]
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene = bpy.context.scene
    name = movies(scene)[-1].name
    close_sequencers()
    tick = module("blender.session.tick").tick
    tick(bpy.context)
    assert ours(find(scene, name)) == []
    open_sequencer(scene)
    tick(bpy.context)
    assert ours(find(scene, name)) == ["CURVES"]
    tick(bpy.context)
    assert ours(find(scene, name)) == ["CURVES"]

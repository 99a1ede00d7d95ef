"""What is seen at the click is what is sent: stills of a click that a second Blender renders one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from . import test_ways
from .test_rework_breaker import in_state, tick_until, window
from .test_ways import f12, read

__all__ = ["window"]  # a fixture

Module = Callable[[str], ModuleType]
SIZE = (848, 480)  # as a clip of 480p is rendered: no side is cut off
END = 25  # the frame at which a clip of one second ends that begins at the first
#: The cube before its camera.
shown_scene = test_ways.scene


@pytest.fixture
def scene(shown_scene: Any, stand_in: Any, module: Module) -> Any:
    """A cube that moves to the right beside one that stands, in a scene that asks for a first and an end frame."""
    scene = shown_scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    cube = bpy.data.objects["Cube"]
    stone = bpy.data.objects.new("Stone", cube.data)
    stone.location = (0.0, 0.0, -6.0)
    scene.collection.objects.link(stone)
    for frame, x in ((1, -10.0), (END, 10.0)):
        cube.location.x = x
        cube.keyframe_insert("location", index=0, frame=frame)
    scene.frame_set(1)
    module("blender.config").preferences().render_source = "BACKGROUND"
    chosen = scene.grok_video
    chosen.model, chosen.source, chosen.prompt = "grok-imagine-video-1.5", "CAMERA", "It goes on"
    chosen.duration, chosen.generate_audio, chosen.end_frame = 1, False, True
    return scene


def seen(scene: Any, module: Module, tmp_path: Path) -> list[np.ndarray]:
    """What F12 shows at the first frame and at the clip's end."""
    pictures = []
    for frame in (END, 1):
        scene.frame_set(frame)
        pictures.append(f12(scene, module, tmp_path))
    return pictures[::-1]


def sent(session: Any, job_id: str, module: Module) -> list[np.ndarray]:
    tick_until(session, in_state(session, job_id, "IMPORTED"))
    spec = session.current().bridge.snapshot.jobs[job_id].spec
    return [read(path, module) for path in (spec.image, spec.last_frame.path)]


def clicked(module: Module, scene: Any, target: Any = None) -> str:
    click = module("blender.session.click")
    return click.generate(bpy.context, scene, target or scene, 1)


def left(tmp_path: Path) -> list[str]:
    """Files of a second Blender that are still there."""
    return [str(path) for path in (tmp_path / "data").rglob(".grok_video_bake-*")]


def move() -> None:
    bpy.data.objects["Stone"].location.x = 8.0


def paint() -> None:
    glow = bpy.data.materials["Glow"].node_tree.nodes
    next(n for n in glow if n.type == "EMISSION").inputs["Color"].default_value = (1, 0, 0, 1)


def no_camera() -> None:
    bpy.data.objects.remove(bpy.context.scene.camera)


def frame() -> None:
    bpy.context.scene.frame_set(40, subframe=0.5)


def preference() -> None:
    bpy.context.preferences.addons[test_ways.PACKAGE].preferences.render_source = "HERE"
    move()


def size() -> None:
    bpy.context.scene.render.resolution_x = 100


def no_scene() -> None:
    bpy.data.scenes.remove(bpy.data.scenes["Scene"])


@pytest.mark.parametrize("change", [move, paint, no_camera, frame, preference, size, no_scene])
def test_pictures_show_the_scene_of_the_click(
    window: None, scene: Any, module: Module, tmp_path: Path, change: Callable[[], None]
) -> None:
    session = module("blender.session")
    shown = seen(scene, module, tmp_path)
    assert (shown[0] != shown[1]).any()
    scene.name = "Scene"
    edit = bpy.data.scenes.new("Edit")
    job_id = clicked(module, scene, edit)
    clicks = session.current().click.queue
    tick_until(session, lambda: clicks[0].running is not None)
    change()
    pictures = sent(session, job_id, module)
    assert [(one == two).all() for one, two in zip(pictures, shown, strict=True)] == [True, True]
    assert left(tmp_path) == []

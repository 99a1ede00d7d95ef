"""What is seen at the click is what is sent: stills of a click that a second Blender renders one after the other."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from . import test_ways
from .test_rework_breaker import _Bpy, in_state, settle, tick_until, window
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
    scene.name = "Shot"
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
    ends = [spec.last_frame.path] if spec.last_frame else []
    return [read(path, module) for path in (spec.image, *ends)]


def clicked(module: Module, scene: Any, target: Any = None) -> str:
    click = module("blender.session.click")
    return click.generate(bpy.context, scene, target or scene, 1)


def alike(pictures: list[np.ndarray], shown: list[np.ndarray]) -> list[bool]:
    return [np.array_equal(one, two) for one, two in zip(pictures, shown, strict=True)]


def left(tmp_path: Path) -> list[str]:
    """Files of a second Blender that are still there."""
    return [str(path) for path in (tmp_path / "data").rglob(".grok_video_bake-*")]


def move() -> None:
    bpy.data.objects["Stone"].location.x = 8.0


def paint() -> None:
    glow = bpy.data.materials["Glow"].node_tree.nodes
    next(n for n in glow if n.type == "EMISSION").inputs["Color"].default_value = (1, 0, 0, 1)


def no_camera() -> None:
    bpy.data.objects.remove(bpy.data.objects["Camera"])


def frame() -> None:
    bpy.data.scenes["Shot"].frame_set(40, subframe=0.5)


def preference() -> None:
    bpy.context.preferences.addons[test_ways.PACKAGE].preferences.render_source = "HERE"
    move()


def size() -> None:
    bpy.data.scenes["Shot"].render.resolution_x = 100


def no_scene() -> None:
    bpy.data.scenes.remove(bpy.data.scenes["Shot"])


def everything_but_the_scene() -> None:
    for change in (move, paint, frame, preference, size, no_camera):
        change()


def everything() -> None:
    everything_but_the_scene()
    no_scene()


def test_pictures_show_the_scene_of_the_click(
    window: None, scene: Any, module: Module, tmp_path: Path
) -> None:
    """What the artist does between the first frame and the end frame is in neither."""
    session = module("blender.session")
    shown = seen(scene, module, tmp_path)
    assert (shown[0] != shown[1]).any()
    job_id = clicked(module, scene, bpy.data.scenes.new("Edit"))
    (click,) = session.current().click.queue
    tick_until(session, lambda: len(click.steps) == 1)
    everything()
    assert alike(sent(session, job_id, module), shown) == [True, True]
    assert left(tmp_path) == []


@pytest.mark.long
def test_each_of_two_clicks_shows_its_own_scene(
    window: None, scene: Any, module: Module, tmp_path: Path
) -> None:
    session, generate = module("blender.session"), module("blender.submission.generate")
    scene.grok_video.end_frame = False
    shown, jobs = [], []
    for place in (0.0, 6.0):
        bpy.data.objects["Stone"].location.x = place
        shown.append(f12(scene, module, tmp_path))
        # Past the refusal of a second click: a click must not count on being alone.
        asked = generate.generation(
            bpy.context, scene, scene, 1, module("blender.session.state").session_id()
        )
        asked.spec = replace(asked.spec, prompt=f"Clip {place}")
        jobs.append(module("blender.session.click").accept(bpy.context, asked))
    assert len(left(tmp_path)) == 2
    bpy.data.objects["Stone"].location.x = -6.0
    pictures = [sent(session, job_id, module)[0] for job_id in jobs]
    assert alike(pictures, shown) == [True, True]
    assert left(tmp_path) == []


@pytest.mark.long
def test_what_is_made_here_is_made_first(
    window: None, scene: Any, module: Module, tmp_path: Path, patches: Any
) -> None:
    """A scene whose end frame a second Blender would not carry, so that Blender renders a copy of it."""
    session = module("blender.session")
    shown = seen(scene, module, tmp_path)
    module("blender.sources.ways")  # which asks, and is loaded with the first click
    contents = module("blender.sources.contents")
    patches.set(
        contents,
        "lost_in_background",
        lambda _scene, frame=None, _found=None: "this" if frame == END else "",
    )
    job_id = clicked(module, scene)
    (click,) = session.current().click.queue
    assert [step.noun for step in click.steps] == ["end frame", "source"]
    tick_until(session, lambda: len(click.steps) == 1)
    everything_but_the_scene()
    assert alike(sent(session, job_id, module), shown) == [True, True]


def hide() -> None:
    bpy.data.objects["Stone"].hide_render = True


def exclude() -> None:
    layer = bpy.data.scenes["Shot"].view_layers[0].layer_collection
    next(iter(layer.children)).exclude = True


def add() -> None:
    another = bpy.data.objects["Stone"].copy()
    another.location.x = 6.0
    bpy.data.scenes["Shot"].collection.objects.link(another)


def reshape() -> None:
    bpy.data.objects["Cube"].data.vertices[0].co.z += 2.0
    bpy.data.objects["Cube"].data.update()


def look_around() -> None:
    """What changes no picture: another selection, the playhead, a copy of the scene that comes and goes."""
    bpy.data.objects["Stone"].select_set(True)
    frame()
    copy = bpy.data.scenes["Shot"].copy()
    bpy.context.view_layer.update()
    bpy.data.scenes.remove(copy)


@pytest.mark.long
@pytest.mark.parametrize(
    "change", [move, paint, hide, add, reshape, size, no_camera, everything, look_around]
)
def test_cycles_stays_here_until_the_scene_changes(
    window: None,
    scene: Any,
    module: Module,
    tmp_path: Path,
    patches: Any,
    change: Callable[[], None],
) -> None:
    session = module("blender.session")
    module("blender.config").preferences().render_source = "AUTO"
    patches.set(module("blender.sources.ways"), "bpy", _Bpy())
    shown = seen(scene, module, tmp_path)
    job_id = clicked(module, scene, bpy.data.scenes.new("Edit"))
    (click,) = session.current().click.queue
    renders = []
    tick_until(session, lambda: click.running is not None)
    renders.append(type(click.running.render).__name__)
    tick_until(session, lambda: len(click.steps) == 1)
    change()
    bpy.context.view_layer.update()  # as a window does at its next redraw
    tick_until(session, lambda: click.running is not None)
    renders.append(type(click.running.render).__name__)
    later = "CameraRender" if change is look_around else "BackgroundRender"
    assert renders == ["CameraRender", later]
    assert alike(sent(session, job_id, module), shown) == [True, True]
    assert left(tmp_path) == []
    listening = [h.__name__ for h in bpy.app.handlers.depsgraph_update_post]
    assert "_listen" not in listening


# --------------------------------------------------------------------------------------------- how a click may end


@pytest.mark.long
@pytest.mark.parametrize(
    "how",
    [
        "stopped",
        "another file",
        "disabled",
        pytest.param(
            "no disk",
            marks=pytest.mark.skipif(
                sys.platform == "win32", reason="Windows has no limit of the size of a file"
            ),
        ),
    ],
)
def test_what_was_written_goes_with_the_click(
    window: None, scene: Any, stand_in: Any, module: Module, tmp_path: Path, how: str
) -> None:
    if how == "no disk":
        import resource

        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            with pytest.raises(module("blender.refusal").Interrupted, match="in the background: "):
                clicked(module, scene)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    else:
        clicked(module, scene)
        assert len(left(tmp_path)) == 1, "one file for both pictures"
    match how:
        case "stopped":
            bpy.ops.grok_video.stop_preparing()
        case "another file":
            bpy.ops.wm.read_homefile(use_empty=True)
        case "disabled":
            bpy.ops.preferences.addon_disable(module=test_ways.PACKAGE)
            bpy.ops.preferences.addon_enable(module=test_ways.PACKAGE)
    assert not module("blender.session").current().click.queue
    assert left(tmp_path) == []
    assert stand_in.requests("submit") == []


@pytest.mark.long
def test_a_second_blender_that_dies_at_the_second_picture_buys_nothing(
    window: None, scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    """As when this Blender is gone: then nobody but the second one is left to remove the files."""
    session = module("blender.session")
    clicked(module, scene)
    (click,) = session.current().click.queue
    for message in ("Work", "More"):
        bpy.ops.ed.undo_push(message=message)
    tick_until(session, lambda: len(click.steps) == 1 and click.running is not None)
    tick_until(session, lambda: click.running.render._process is not None)
    assert list((tmp_path / "data").rglob("stills/*.png")), "the first picture"
    bpy.ops.ed.undo()
    render = click.running.render
    render._process.stdin.close()
    render._process.wait(60)
    assert left(tmp_path) == []
    tick_until(session, lambda: not session.current().click.queue)
    message = session.current().click.message
    assert message.startswith("The end frame could not be rendered in the background: ")
    assert message.endswith("Nothing was sent or charged.")
    assert list((tmp_path / "data").rglob("stills/*")) == []
    settle(session, 0.3)
    assert stand_in.requests("submit") == []


@pytest.mark.long
def test_a_file_that_somebody_removed_is_not_taken_for_blenders_own_first_one(
    window: None, scene: Any, module: Module, tmp_path: Path
) -> None:
    session = module("blender.session")
    clicked(module, scene)
    for folder in left(tmp_path):
        shutil.rmtree(folder)
    tick_until(session, lambda: not session.current().click.queue)
    assert "could not be rendered in the background" in session.current().click.message

"""The camera's still made by a second Blender: the same pixels, nothing of the artist's touched, and every end clean."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from ..patience import PATIENCE, at_once
from . import test_capture
from .others import CRASH, CRASH_NAME, gone, stop
from .test_capture import compositor, differences, file_output, pixels, state
from .test_orders import Drawn

Module = Callable[[str], ModuleType]
WAIT_SECONDS = PATIENCE
SIZE = (64, 36)
#: The plane that fills the frame, and what reads pictures.
scene, still = test_capture.scene, test_capture.still


@pytest.fixture
def capture(blender: ModuleType, module: Module) -> ModuleType:
    return module("blender.sources", "capture")


@pytest.fixture
def background(blender: ModuleType, module: Module) -> ModuleType:
    return module("blender.sources.background")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "stills"
    folder.mkdir()
    return folder


def begun(background: ModuleType, scene: Any, out: Path, *given: Any, size: Any = SIZE) -> Any:
    return background.BackgroundRender.start(
        bpy.context, scene, size, out / "back.png", "PNG", *given
    )


def finished(job: Any) -> Any:
    end = time.monotonic() + WAIT_SECONDS
    while (made := job.poll()) is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    return made


def failed(job: Any) -> str:
    """The sentence with which a render ends, at this poll or a later one, and again at the next."""
    with pytest.raises(Exception, match="Nothing was sent or charged") as why:
        finished(job)
    assert type(why.value).__name__ == "Interrupted"
    with pytest.raises(type(why.value), match="Nothing was sent or charged"):
        job.poll()
    return str(why.value)


def same(
    background: ModuleType, capture: Any, still: Any, scene: Any, out: Path, *given: Any, size: Any = SIZE
) -> np.ndarray:  # fmt: skip
    """The picture made in the background, after it was compared with the one of a copy of the scene here."""
    made = finished(begun(background, scene, out, *given, size=size))
    here = capture.CameraRender.start(
        bpy.context, scene, size, out / "here.png", "PNG", *given
    ).poll()
    picture = pixels(still, made.path)
    assert np.array_equal(picture, pixels(still, here.path))
    assert (made.width, made.height, made.mime, made.source) == (
        here.width, here.height, here.mime, here.source,
    )  # fmt: skip
    assert made.size == Path(made.path).stat().st_size
    assert sorted(path.name for path in out.iterdir()) == ["back.png", "here.png"]
    return picture


def test_the_same_picture_and_nothing_touched(
    background: ModuleType, capture: Any, still: Any, scene: Any, out: Path
) -> None:
    """With a name that no path likes, a wide frame, an edit, another display and a file that the compositor writes."""
    scene.name = "Übung / {x} 1"
    scene.cycles.samples, scene.cycles.seed = 2, 7
    scene.render.resolution_x, scene.render.resolution_y = 120, 51
    scene.render.resolution_percentage = 50
    scene.render.use_stamp = True
    scene.sequence_editor_create()
    strips = getattr(scene.sequence_editor, "strips", None)
    strips = strips if strips is not None else scene.sequence_editor.sequences
    length = {"length": 99} if bpy.app.version >= (5, 0) else {"frame_end": 100}
    strips.new_effect(name="c", type="COLOR", channel=1, frame_start=1, **length)
    before = state()
    picture = same(background, capture, still, scene, out)
    assert picture[..., :2].std() > 20
    assert differences(before, state()) == []


@pytest.mark.long
def test_what_the_compositor_writes_stays_away(
    background: ModuleType, capture: Any, still: Any, scene: Any, out: Path, tmp_path: Path
) -> None:
    tree, layers, shown = compositor(scene)
    invert = tree.nodes.new("CompositorNodeInvert")
    tree.links.new(layers.outputs[0], invert.inputs["Color"])
    tree.links.new(invert.outputs[0], shown)
    (tmp_path / "artists").mkdir()
    file_output(tree, tmp_path / "artists", layers.outputs[0])
    scene.render.resolution_x, scene.render.resolution_y = 120, 51
    picture = same(background, capture, still, scene, out)
    assert picture[..., 2].min() > 200  # inverted: the plane has no blue
    assert list((tmp_path / "artists").iterdir()) == []


@pytest.mark.long
def test_another_frame_its_bound_camera_and_one_that_is_named(
    background: ModuleType, capture: Any, still: Any, scene: Any, out: Path
) -> None:
    bound = bpy.data.objects.new("Bound", scene.camera.data.copy())
    bound.location = (4.0, 0.0, 5.0)
    scene.collection.objects.link(bound)
    scene.timeline_markers.new("a", frame=1).camera = scene.camera
    scene.timeline_markers.new("b", frame=20).camera = bound
    bpy.data.objects["Plane"].location.y = 0.0
    bpy.data.objects["Plane"].keyframe_insert("location", frame=1)
    bpy.data.objects["Plane"].location.y = 3.0
    bpy.data.objects["Plane"].keyframe_insert("location", frame=30)
    scene.frame_set(3, subframe=0.5)
    first = same(background, capture, still, scene, out)
    end = same(background, capture, still, scene, out, 25)
    named = same(background, capture, still, scene, out, 25, scene.camera)
    assert not np.array_equal(first, end)
    assert not np.array_equal(named, end)
    assert scene.frame_float == 3.5


def test_edit_mode_and_an_image_that_is_not_saved(
    background: ModuleType, still: Any, scene: Any, out: Path
) -> None:
    thing = bpy.data.objects["Plane"]
    image = bpy.data.images.new("Painted", 8, 8)
    image.pixels.foreach_set(np.tile(np.array([1, 0, 1, 1], np.float32), 64))
    unused = bpy.data.images.new("Painted, and in no scene", 8, 8)
    unused.pixels.foreach_set(np.ones(256, np.float32))
    unused.use_fake_user = True
    nodes = thing.data.materials[0].node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    glow = next(n for n in nodes if n.type == "EMISSION")
    thing.data.materials[0].node_tree.links.new(texture.outputs[0], glow.inputs["Color"])
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.translate(value=(8.0, 0.0, 0.0))
    picture = pixels(still, finished(begun(background, scene, out)).path)
    assert thing.mode == "EDIT"
    assert image.is_dirty
    assert image.packed_file is None
    left, right = picture[18, 8], picture[18, 56]
    assert left.tolist() == [0, 0, 255]  # the world, where the plane was
    assert right[0] > 200
    assert right[1] < 20


def test_trusted_python_is_trusted_there_and_other_python_is_not(
    background: ModuleType, still: Any, scene: Any, out: Path
) -> None:
    thing = bpy.data.objects["Plane"]
    driver = thing.driver_add("location", 0).driver
    preferences = bpy.context.preferences.filepaths
    for trusted in (False, True):
        preferences.use_scripts_auto_execute = trusted
        driver.expression = "(8.0).real"  # anew: one that failed is not tried again
        bpy.context.view_layer.update()
        picture = pixels(still, finished(begun(background, scene, out)).path)
        moved = picture[18, 8].tolist() == [0, 0, 255]
        assert moved == (thing.matrix_world.translation.x == 8.0) == trusted
    preferences.use_scripts_auto_execute = False


def test_python_that_was_never_tried_is_trusted_as_the_file_is(scene: Any, module: Module) -> None:
    """A driver that nothing has evaluated yet, and so nothing was blocked: the second Blender must not run it first."""
    trusted = module("blender.sources.artist").runs_scripts
    assert not trusted()
    assert (
        not bpy.app.autoexec_fail
    )  # in a window Blender would warn of a file that has nothing to run
    other = bpy.data.scenes.new("Other")
    hidden = bpy.data.objects.new("Hidden", None)
    other.collection.objects.link(hidden)
    hidden.driver_add("location", 0).driver.expression = "(8.0).real"
    names = [one.name for one in bpy.data.scenes], [one.name for one in bpy.data.objects]
    assert not trusted()
    preferences = bpy.context.preferences.filepaths
    preferences.use_scripts_auto_execute = True
    try:
        assert trusted()
    finally:
        preferences.use_scripts_auto_execute = False
    assert names == ([one.name for one in bpy.data.scenes], [one.name for one in bpy.data.objects])


@pytest.mark.long
def test_a_scene_of_another_file(
    background: ModuleType, capture: Any, still: Any, scene: Any, out: Path, tmp_path: Path
) -> None:
    """Linked, beside a local scene and a local camera of the same names."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.scene.name = "Scene"
    bpy.data.objects.new("Camera", None).use_fake_user = True
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.scenes = ["Scene"]
    (linked,) = (one for one in bpy.data.scenes if one.library is not None)
    picture = same(background, capture, still, linked, out, 1, linked.camera)
    assert picture[..., :2].std() > 20


@pytest.mark.long
def test_a_camera_of_a_library_in_another_folder(
    background: ModuleType, still: Any, scene: Any, out: Path, tmp_path: Path
) -> None:
    """Its path is a relative one through the folder above, and absolute in the written file."""
    (tmp_path / "props").mkdir()
    (tmp_path / "shots").mkdir()
    bpy.data.libraries.write(str(tmp_path / "props" / "rig.blend"), {scene.camera}, fake_user=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shots" / "one.blend"))
    path = str(tmp_path / "props" / "rig.blend")
    with bpy.data.libraries.load(path, link=True, relative=True) as (_, into):
        into.objects = ["Camera"]
    scene = bpy.context.scene
    (camera,) = into.objects
    scene.collection.objects.link(camera)
    assert camera.library.filepath == "//../props/rig.blend"
    picture = pixels(still, finished(begun(background, scene, out, None, camera)).path)
    assert picture[..., :2].std() > 20


@pytest.mark.long
def test_workbench_with_the_lights_of_the_preferences(
    background: ModuleType, capture: Any, still: Any, scene: Any, out: Path
) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.light = "STUDIO"
    system = bpy.context.preferences.system
    before = [tuple(light.diffuse_color) for light in system.solid_lights]
    plain = same(background, capture, still, scene, out)
    system.use_studio_light_edit = True
    try:
        for light in system.solid_lights:
            light.diffuse_color = (1.0, 0.0, 0.0)
        red = same(background, capture, still, scene, out)
    finally:
        for light, colour in zip(system.solid_lights, before, strict=True):
            light.diffuse_color = colour
        system.use_studio_light_edit = False
    assert not np.array_equal(plain, red)


# --------------------------------------------------------------------------------------------- how it may end


@pytest.fixture
def long(background: ModuleType, scene: Any, out: Path) -> Callable[[], Any]:
    """Starts a render that takes minutes."""

    def long() -> Any:
        scene.cycles.samples = 1 << 20
        scene.cycles.use_adaptive_sampling = False
        return begun(background, scene, out, size=(848, 480))

    return long


def working(job: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not job._read:
        assert job.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


def nice_of(pid: int | str) -> set[int]:
    """The nice values of a process's threads: on Linux each has its own."""
    stats = [(task / "stat").read_text("utf-8") for task in Path(f"/proc/{pid}/task").iterdir()]
    return {int(stat.rpartition(")")[2].split()[16]) for stat in stats}


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has nice threads, told by /proc"
)
def test_every_thread_of_the_child_comes_after_the_artists(long: Any) -> None:
    """As it renders, and its session too: what is nice counts within a session only (autogroup)."""
    own, session = nice_of("self"), Path("/proc/self/autogroup")
    before = session.read_text("utf-8") if session.exists() else ""
    job = long()
    assert job._process is None  # this Blender has its turn between the writing and the start
    try:
        working(job)
        pid = job._process.pid
        assert len(os.listdir(f"/proc/{pid}/task")) > 1
        assert nice_of(pid) == {min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)}
        if before:
            theirs = Path(f"/proc/{pid}/autogroup").read_text("utf-8")
            assert theirs.split()[1:] == ["nice", "5"]
    finally:
        job.cancel()
    assert nice_of("self") == own  # what the worker inherits
    assert not before or session.read_text("utf-8") == before


@pytest.mark.long
@pytest.mark.parametrize("how", ["cancel", "crash", "hang", "memory", "engine", "load", "undo"])
def test_a_render_that_ends_early_leaves_nothing(
    long: Any,
    background: ModuleType,
    out: Path,
    how: str,
    patches: Any,
    left_in: Callable[[Path], list[Path]],
) -> None:
    bpy.ops.ed.undo_push(message="one")
    bpy.ops.ed.undo_push(message="two")
    job = long()
    working(job)
    pid = job._process.pid
    match how:
        case "cancel":
            start = time.monotonic()
            job.cancel()
            assert time.monotonic() - start < at_once(1.0)
            words = "it was stopped"
        case "crash":
            os.kill(pid, CRASH)
            words = f"crashed ({CRASH_NAME}). Choose Here as Render Source in the preferences"
        case "hang":
            stop(pid)
            job.poll()
            patches.set(background, "SILENT_SECONDS", 0.5)
            words = "did nothing"
        case "memory":
            with open(job._folder / "log", "ab") as log:
                log.write(b"ERROR CUDA_ERROR_OUT_OF_MEMORY: at cuMemAlloc")
            os.kill(pid, CRASH)
            words = "needs more memory than is free"
        case "engine":
            with open(job._folder / "report", "ab") as report:
                report.write(b'\n{"failed": "System is out of GPU memory"}\n')
            os.kill(pid, CRASH)
            words = (
                "needs more memory than is free, on the graphics card or in this computer. Choose"
            )
        case "load":
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            words = "another file was opened"
        case "undo":
            bpy.ops.ed.undo()
            assert job.poll() is None
            job.cancel()
            words = "it was stopped"
    assert words in failed(job)
    assert gone(pid)
    assert left_in(out) == []


def test_a_second_blender_that_cannot_be_started(
    background: ModuleType, scene: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(out / "gone"))
    assert "could not be started (No such file or directory)" in failed(
        begun(background, scene, out)
    )
    assert list(out.iterdir()) == []


class Pressed(Drawn):
    """A layout whose choices are pressed as soon as they are drawn."""

    def prop_enum(self, data: Any, name: str, value: str, **_how: Any) -> None:
        setattr(data, name, value)


@pytest.mark.long
def test_a_press_renders_here_after_a_second_blender_failed(
    background: ModuleType, scene: Any, module: Module
) -> None:
    preferences, click = module("blender.config").preferences(), module("blender.session.click")
    for message, source in (("Stopped.", "AUTO"), (f"It crashed. {background.HERE}.", "HERE")):
        click.say(message)
        module("blender.ui").draw_generate(Pressed(), bpy.context)
        assert preferences.render_source == source


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of the size of a file")
@pytest.mark.long
def test_a_full_disk(background: ModuleType, scene: Any, out: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    scene.cycles.samples = 1
    job = begun(background, scene, out, size=(848, 480))
    assert job.poll() is None
    resource.prlimit(job._process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
    assert "could not be rendered in the background" in failed(job)
    assert list(out.iterdir()) == []


@pytest.mark.long
def test_two_at_once(background: ModuleType, still: Any, scene: Any, out: Path) -> None:
    first = begun(background, scene, out)
    second = background.BackgroundRender.start(bpy.context, scene, SIZE, out / "2.jpg", "JPEG")
    made = [finished(first), finished(second)]
    assert [one.mime for one in made] == ["image/png", "image/jpeg"]
    assert sorted(path.name for path in out.iterdir()) == ["2.jpg", "back.png"]

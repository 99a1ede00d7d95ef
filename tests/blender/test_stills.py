"""Many stills by one second Blender: the same pixels as one by one, each told as it is made, and every end clean."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from ..patience import at_once
from . import test_capture
from .others import CRASH, CRASH_NAME, gone, stop, wait_for
from .test_capture import differences, pixels, state

Module = Callable[[str], ModuleType]
SIZE = (64, 36)
scene, still = test_capture.scene, test_capture.still


@pytest.fixture
def background(blender: ModuleType, module: Module) -> ModuleType:
    return module("blender.sources.background")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "stills"
    folder.mkdir()
    return folder


@pytest.fixture
def moving(scene: Any) -> Any:
    """The scene with a plane that moves, a camera bound at frame 20, and two cameras aside."""
    thing = bpy.data.objects["Plane"]
    for frame, y in ((1, 0.0), (40, 6.0)):
        thing.location.y = y
        thing.keyframe_insert("location", frame=frame)
    for name, x in (("Bound", 4.0), ("Aside", -3.0)):
        other = bpy.data.objects.new(name, scene.camera.data.copy())
        other.location = (x, 0.0, 5.0)
        scene.collection.objects.link(other)
    scene.timeline_markers.new("a", frame=1).camera = scene.camera
    scene.timeline_markers.new("b", frame=20).camera = bpy.data.objects["Bound"]
    scene.frame_set(3)
    return scene


Order = tuple[Any, int | None, Any, tuple[int, int], str]


@pytest.fixture
def begun(module: Module, out: Path) -> Iterator[Callable[[list[Order]], Any]]:
    """Writes the scenes of orders into one file, and begins their stills."""
    background = module("blender.sources.background")
    written: list[Any] = []

    def begin(orders: list[Order]) -> Any:
        scenes = list({scene.session_uid: scene for scene, *_ in orders}.values())
        written.append(background.Written(scenes, out))
        noted = [
            background.ordered(
                written[-1], scene, size, out / f"{i}.{kind}", kind, frame, camera, "first frame"
            )
            for i, (scene, frame, camera, size, kind) in enumerate(orders)
        ]
        return module("blender.sources.stills").Stills(noted)

    yield begin
    for one in written:
        one.discard()


def plain(scene: Any, *frames: int) -> list[Order]:
    return [(scene, frame, None, SIZE, "PNG") for frame in frames]


def all_told(
    stills: Any, meanwhile: Callable[[], object] = lambda: None, begin: int = 0
) -> dict[int, Any]:
    """What is told of each still, in time; none is told of twice, and they come in order."""
    told: list[tuple[int, Any]] = []

    def go_on() -> bool:
        told.extend(stills.poll())
        meanwhile()
        return bool(stills.done)

    wait_for(go_on, "the stills")
    assert [index for index, _ in told] == list(range(begin, begin + len(told)))
    assert stills.poll() == []
    return dict(told)


def first_told(stills: Any) -> list[tuple[int, Any]]:
    return list(wait_for(stills.poll, "the first still"))


def test_each_is_what_it_is_alone_and_nothing_is_touched(
    background: ModuleType, still: Any, moving: Any, begun: Any, out: Path, tmp_path: Path
) -> None:
    """Frames, bound and named cameras, a size that is cropped, a JPEG, a second scene; one process makes all."""
    other = bpy.data.scenes.new("Übung {2}")
    other.render.engine, other.cycles.samples = "CYCLES", 1
    other.world, other.camera = test_capture.glowing_world((1.0, 0.0, 0.0)), moving.camera
    aside = bpy.data.objects["Aside"]
    for thing in (moving.camera, aside, bpy.data.objects["Plane"]):
        other.collection.objects.link(thing)
    orders: list[Order] = [
        (moving, 25, None, SIZE, "PNG"),
        (moving, 25, aside, SIZE, "PNG"),
        (moving, 25, None, (48, 36), "PNG"),
        (other, 7, aside, SIZE, "PNG"),
        (other, 7, None, SIZE, "PNG"),
        (moving, None, None, SIZE, "JPEG"),
        (moving, 10, None, SIZE, "PNG"),
    ]
    other.view_layers[0].update()
    before = state()
    stills = begun(orders)
    processes: set[int] = set()
    progress: list[tuple[int, int]] = []

    def note() -> None:
        progress.append(stills.progress)
        if stills._run is not None and stills._run._process is not None:
            processes.add(stills._run._process.pid)

    told = all_told(stills, note)
    assert differences(before, state()) == []
    assert len(processes) == 1
    assert progress == sorted(progress)
    assert progress[-1] == (7, 7)
    assert len(set(progress)) > 3  # each is told as it is made
    pictures = []
    for index, (shown, frame, camera, size, kind) in enumerate(orders):
        alone = background.BackgroundRender.start(
            bpy.context, shown, size, tmp_path / f"alone-{index}", kind, frame, camera
        )
        one = wait_for(alone.poll, "the still alone")
        picture = pixels(still, told[index].path)
        assert np.array_equal(picture, pixels(still, one.path)), index
        assert (told[index].source, told[index].mime) == (one.source, one.mime)
        assert told[index].size == Path(told[index].path).stat().st_size
        pictures.append(picture)
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[3], pictures[4])
    assert not np.array_equal(pictures[0], pictures[6])


def test_one_that_fails_is_told_and_the_others_go_on(moving: Any, begun: Any, out: Path) -> None:
    """A camera that the written file lacks."""
    stray = bpy.data.objects.new("Stray", bpy.data.cameras.new("Stray"))  # in no scene
    orders = plain(moving, 1, 2, 3)
    orders[1] = (moving, 2, stray, SIZE, "PNG")
    told = all_told(begun(orders))
    assert str(told[1]) == (
        "The first frame could not be rendered in the background: “Stray” is not in the copy of the file. "
        "Choose Here as Render Source in the preferences. Nothing was sent or charged."
    )
    assert [Path(told[index].path).name for index in (0, 2)] == ["0.PNG", "2.PNG"]


# --------------------------------------------------------------------------------------------- how it may end


@pytest.fixture
def heavy(scene: Any) -> Any:
    """A scene whose still takes minutes, beside the one whose still takes a moment."""
    heavy = scene.copy()
    heavy.name = "Heavy"
    heavy.cycles.samples = 1 << 20
    heavy.cycles.use_adaptive_sampling = False
    return heavy


def minutes(heavy: Any) -> Order:
    return heavy, 1, None, (848, 480), "PNG"


def working(stills: Any) -> int:
    """Wait until the second Blender has opened its file; its process."""

    def begun() -> bool:
        assert stills.poll() == []
        return stills._run is not None and stills._run._read > 0

    wait_for(begun, "a sign of life")
    return int(stills._run._process.pid)


def names(out: Path) -> list[str]:
    """The pictures, without the written file of the orders."""
    return sorted(path.name for path in out.iterdir() if path.is_file())


def rooms(out: Path) -> int:
    return sum(path.is_dir() for path in out.iterdir())


@pytest.mark.long
@pytest.mark.parametrize("how", ["crash", "hang", "memory"])
def test_what_ends_a_second_blender_costs_one_still_only(
    background: ModuleType, scene: Any, heavy: Any, begun: Any, out: Path, how: str, patches: Any
) -> None:
    stills = begun([*plain(scene, 1), minutes(heavy), *plain(scene, 2, 3)])
    told = dict(first_told(stills))
    pid = working(stills)
    match how:
        case "crash":
            os.kill(pid, CRASH)
            words = f"crashed ({CRASH_NAME}). {background.HERE}"
        case "hang":
            stop(pid)
            stills.poll()
            patches.set(background, "SILENT_SECONDS", 0.5)
            words = "did nothing"
        case "memory":
            with open(stills._run._folder / "log", "ab") as log:
                log.write(b"ERROR CUDA_ERROR_OUT_OF_MEMORY: at cuMemAlloc")
            os.kill(pid, CRASH)
            words = "needs more memory than is free"
    told |= dict(first_told(stills))
    patches.set(background, "SILENT_SECONDS", 2700.0)
    assert gone(pid)
    assert words in str(told[1])
    assert list(told) == [0, 1]
    last = all_told(stills, begin=2)
    assert [type(one).__name__ for one in last.values()] == ["Still", "Still"]
    assert names(out) == ["0.PNG", "2.PNG", "3.PNG"]
    assert rooms(out) == 1, [*out.rglob("*")]


@pytest.mark.long
def test_two_second_blenders_in_a_row_that_end_so_end_all(
    heavy: Any, scene: Any, begun: Any, out: Path
) -> None:
    stills = begun([minutes(heavy), minutes(heavy), *plain(scene, 1, 2)])
    told: dict[int, Any] = {}
    for _ in range(2):
        os.kill(working(stills), CRASH)
        told |= dict(first_told(stills))
    assert list(told) == [0, 1, 2, 3]
    assert stills.done
    assert all(f"crashed ({CRASH_NAME})" in str(one) for one in told.values())
    assert (names(out), rooms(out)) == ([], 1)


@pytest.mark.long
@pytest.mark.parametrize("how", ["cancel", "load"])
def test_an_end_for_all_leaves_nothing(
    heavy: Any, scene: Any, begun: Any, out: Path, how: str
) -> None:
    stills = begun([minutes(heavy), *plain(scene, 1)])
    pid = working(stills)
    start = time.monotonic()
    if how == "cancel":
        stills.cancel()
        assert (stills.poll(), stills.done) == ([], True)
    else:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        told = all_told(stills)
        assert len(told) == 2
        assert all("another file was opened" in str(one) for one in told.values())
    assert time.monotonic() - start < at_once(2.0)
    assert gone(pid)
    assert (names(out), rooms(out)) == ([], 1)


def test_a_second_blender_that_cannot_be_started(
    scene: Any, begun: Any, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(out / "gone"))
    told = all_told(begun(plain(scene, 1, 2, 3)))
    assert len(told) == 3
    assert all("could not be started" in str(one) for one in told.values())
    assert (names(out), rooms(out)) == ([], 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of the size of a file")
@pytest.mark.long
def test_a_full_disk(scene: Any, begun: Any, out: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    stills = begun([(scene, frame, None, (848, 480), "PNG") for frame in (1, 2, 3)])
    assert stills.poll() == []
    resource.prlimit(stills._run._process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
    told = all_told(stills)
    assert all("could not be rendered in the background" in str(one) for one in told.values())
    assert (names(out), rooms(out)) == ([], 1)


def test_orders_of_nothing_are_done(begun: Any, module: Module) -> None:
    stills = module("blender.sources.stills").Stills([])
    assert (stills.done, stills.poll(), stills.progress) == (True, [], (0, 0))

"""Drivers that read the size of a render, or what else a still sets: a still shows what F12 shows, or there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import test_ways
from .test_capture import differences, state
from .test_ways import SIZE, Module, f12, falling, made, read

scene, ways = test_ways.scene, test_ways.ways

#: The artist's frame: of the clip's shape, and twice as large.
LARGE = tuple(2 * side for side in SIZE)
#: What a cube's height is driven by: so many units above the middle in the artist's frame, of 18.
HEIGHT = 4.0


def drive(owner: Any, path: str, index: int, expression: str, *reads: str) -> Any:
    """A driver of ``owner``; ``reads``: its variable's kind (SCENE, OBJECT, CONTEXT), the name of what it reads, a path."""
    driver = (owner.driver_add(path, index) if index >= 0 else owner.driver_add(path)).driver
    if reads:
        kind, name, path = reads
        variable = driver.variables.new()
        variable.name = "p"
        target = variable.targets[0]
        if kind == "CONTEXT":
            variable.type = "CONTEXT_PROP"
        else:
            target.id_type = kind
            target.id = (bpy.data.scenes if kind == "SCENE" else bpy.data.objects)[name]
        target.data_path = path
    driver.expression = expression
    return driver


def cube_by(expression: str, *reads: str) -> Callable[[Any], None]:
    def put(_scene: Any) -> None:
        drive(bpy.data.objects["Cube"], "location", 2, expression, *reads)

    return put


def by_chain(scene: Any) -> None:
    """The size drives a custom property of the scene, and that a cube."""
    scene["high"] = 0.0
    drive(
        scene,
        '["high"]',
        -1,
        f"p / {LARGE[0] / HEIGHT}",
        "SCENE",
        scene.name,
        "render.resolution_x",
    )
    drive(bpy.data.objects["Cube"], "location", 2, "p", "SCENE", scene.name, '["high"]')


def exposure(scene: Any) -> None:
    """A driver of the scene's own picture."""
    drive(
        scene,
        "cycles.film_exposure",
        -1,
        f"p / {4 * LARGE[0]}",
        "SCENE",
        scene.name,
        "render.resolution_x",
    )
    bpy.data.objects["Cube"].location.z = HEIGHT


def by_function(_scene: Any) -> None:
    def high() -> float:
        return HEIGHT * bpy.data.scenes["Scene"].render.resolution_x / LARGE[0]

    bpy.app.driver_namespace["high"] = high
    drive(bpy.data.objects["Cube"], "location", 2, "high()")


def by_scene_behind(scene: Any) -> None:
    """By way of a pointer of another scene."""
    bpy.data.scenes.new("Other").background_set = scene
    path = "background_set.render.resolution_x"
    drive(bpy.data.objects["Cube"], "location", 2, WIDE, "SCENE", "Other", path)


WIDE = f"{HEIGHT} * p / {LARGE[0]}"
#: What is driven, and the ways that carry it not, of BACKGROUND, COPY and ITSELF.
KINDS: dict[str, tuple[Callable[[Any], None], str]] = {
    "width": (cube_by(WIDE, "SCENE", "Scene", "render.resolution_x"), "B"),
    "height": (cube_by(f"{HEIGHT} * p / {LARGE[1]}", "SCENE", "Scene", "render.resolution_y"), "B"),
    "percentage": (cube_by("p / 20", "SCENE", "Scene", "render.resolution_percentage"), "B"),
    "aspect": (cube_by("p * 3", "SCENE", "Scene", "render.pixel_aspect_x"), "B"),
    "region": (cube_by("p * 5", "SCENE", "Scene", "render.use_border"), "B"),
    "active scene": (cube_by(WIDE, "CONTEXT", "", "render.resolution_x"), "BC"),
    "chain": (by_chain, "BC"),
    "exposure": (exposure, "BC"),
    "expression": (
        cube_by(WIDE.replace("p", "bpy.data.scenes['Scene'].render.resolution_x")),
        "BI",
    ),
    "number": (cube_by(WIDE.replace("p", "bpy.data.scenes[0].render.resolution_x")), "BCI"),
    "depsgraph": (cube_by(WIDE.replace("p", "depsgraph.scene.render.resolution_x")), "BCI"),
    "function": (by_function, "BI"),
    "pointer": (by_scene_behind, "BI"),
    "name of a variable": (
        cube_by("p * 2", "OBJECT", "Cube", "scale[0]"),
        "",
    ),
    "another scene": (cube_by("p / 600", "SCENE", "Other", "render.resolution_x"), "B"),
}
WAYS = {"B": "background", "C": "copy", "I": "itself"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, scene: Any) -> Any:
    """A scene whose picture a driver makes of the size of its render; the letters of the ways that lose it."""
    scene.render.resolution_x, scene.render.resolution_y = LARGE
    scene.render.resolution_percentage = 80
    scene.render.pixel_aspect_x = scene.render.pixel_aspect_y = 1.5
    scene.render.use_border = True
    if request.param == "another scene":
        bpy.data.scenes.new("Other")
    scene.render.image_settings.file_format = "PNG"
    put, lost = KINDS[request.param]
    scripts = bpy.context.preferences.filepaths
    scripts.use_scripts_auto_execute = True  # for expressions with a dot
    put(scene)
    scene.frame_set(7)
    yield lost
    scripts.use_scripts_auto_execute = False
    bpy.app.driver_namespace.pop("high", None)
    # 4.2 crashes at its exit where a Python driver is left.
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


@pytest.mark.long
def test_a_driver_that_reads_what_a_still_sets(
    module: Module,
    scene: Any,
    tmp_path: Path,
    kind: str,
) -> None:
    contents = module("blender.sources.contents")
    said = {way: getattr(contents, f"lost_in_{name}")(scene) for way, name in WAYS.items()}
    assert [way for way, lost in said.items() if lost] == list(kind)
    owner, name = bpy.data.objects["Cube"], "location.z"
    if owner.animation_data is None:
        owner, name = scene, "cycles.film_exposure"
    there = owner.evaluated_get(bpy.context.evaluated_depsgraph_get()).path_resolve(name)
    assert there > 0.2
    curve = owner.animation_data.drivers[0]
    path = curve.driver.variables[0].targets[0].data_path if curve.driver.variables else ""
    stills = {}
    for way, render in (("C", "camera.CameraRender"), ("I", "scene_render.SceneRender")):
        room, _, kind_of = render.partition(".")
        start = getattr(module(f"blender.sources.{room}"), kind_of).start
        before = state()
        stills[way] = read(made(start, scene, tmp_path / f"{way}.png").path, module)
    assert differences(before, state()) == []
    assert not [key for key in scene.keys() if key.startswith("grok_video_kept")]
    if path:
        assert curve.driver.variables[0].targets[0].data_path == path
    # As F12 shows it, at the size of the clip: the cube where the driver has put it.
    owner.animation_data.drivers.remove(curve)
    holder, _, name = name.rpartition(".")
    setattr(owner.path_resolve(holder), name, there)
    scene.frame_set(7)
    truth = read(made(start, scene, tmp_path / "truth.png").path, module)
    # Another object reads the artist's scene also where a copy is rendered: said to be lost with the scene's own.
    doubt = "C" if owner != scene and scene.animation_data is not None else ""
    for way, still in stills.items():
        assert (still == truth).all() == (way not in kind or way in doubt), way


def test_what_was_played_stays_where_a_driver_reads_the_size(
    ways: ModuleType,
    module: Module,
    scene: Any,
    tmp_path: Path,
) -> None:
    """The scene itself is taken for what is live, and the driver of a body is no reason for Blender to begin anew."""
    cube = falling(scene)
    drive(cube, "scale", 0, f"p / {SIZE[0]}", "SCENE", "Scene", "render.resolution_x")
    cube.modifiers.new("Cloth", "CLOTH").settings.quality = 1
    for frame in range(21, 24):
        scene.frame_set(frame)
    shown = f12(scene, module, tmp_path)
    start = module("blender.sources.scene_render").SceneRender.start
    half = tuple(side // 2 for side in SIZE)
    start(bpy.context, scene, half, tmp_path / "half.png", "PNG").poll()
    assert ways.choose(scene).way == ways.Way.ITSELF
    still = made(ways.start, scene, tmp_path / "still.png")
    assert (read(still.path, module) == shown).all()
    assert (f12(scene, module, tmp_path) == shown).all()


def test_a_driver_that_cannot_be_kept_is_refused_in_words_that_help(
    ways: ModuleType,
    scene: Any,
    tmp_path: Path,
) -> None:
    """No other way is left for the scene: a live rigid body is in no copy."""
    falling(scene)
    by_function(scene)
    try:
        for _ in range(2):
            choice = ways.choose(scene)
            assert choice.way is None
            assert "the driver of “location” in “Cube”, which reads the size" in choice.refusal
            assert "Bake" not in choice.refusal
            assert "variable" in choice.refusal
            scene.frame_set(scene.frame_current)
    finally:
        del bpy.app.driver_namespace["high"]
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)

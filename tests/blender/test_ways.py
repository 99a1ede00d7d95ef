"""The ways of a still: its picture is what F12 shows, and a render of the artist's own scene leaves that as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from .conftest import PACKAGE
from .test_capture import compositor, differences, file_output, state

Module = Callable[[str], ModuleType]
SIZE = (64, 36)


@pytest.fixture
def ways(blender: ModuleType, module: Module) -> ModuleType:
    return module("blender.sources.ways")


@pytest.fixture
def scene(blender: ModuleType) -> bpy.types.Scene:
    """A cube on grey that glows, before an orthographic camera: a pixel is white or grey."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.view_settings.view_transform = "Standard"
    scene.render.dither_intensity = 0.0
    scene.frame_end = 100
    scene.camera = camera_at(scene, 0.0)
    mesh = bpy.data.meshes.new("Cube")
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh.from_pydata(corners, [], faces)
    glow = bpy.data.materials.new("Glow")
    glow.use_nodes = True
    glow.node_tree.nodes.clear()
    emission = glow.node_tree.nodes.new("ShaderNodeEmission")
    out = glow.node_tree.nodes.new("ShaderNodeOutputMaterial")
    glow.node_tree.links.new(emission.outputs[0], out.inputs["Surface"])
    mesh.materials.append(glow)
    scene.collection.objects.link(bpy.data.objects.new("Cube", mesh))
    return scene


def camera_at(scene: bpy.types.Scene, x: float) -> bpy.types.Object:
    """A camera that looks along y at a part of the world 32 wide and 18 high."""
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 32.0
    camera.location, camera.rotation_euler = (x, -20.0, 0.0), (np.pi / 2, 0.0, 0.0)
    scene.collection.objects.link(camera)
    return camera


def read(path: str | Path, module: Module) -> np.ndarray:
    return module("blender.sources.pixels").read(Path(path)).astype(int)


def f12(scene: bpy.types.Scene, module: Module, tmp_path: Path) -> np.ndarray:
    """What Blender's own render of the scene shows."""
    bpy.ops.render.render()
    formats = scene.render.image_settings
    formats.file_format, formats.color_mode = "PNG", "RGB"
    path = tmp_path / "f12.png"
    bpy.data.images["Render Result"].save_render(str(path), scene=scene)
    return read(path, module)


def made(start: Callable[..., Any], scene: bpy.types.Scene, path: Path, *at: Any) -> Any:
    return start(bpy.context, scene, SIZE, path, "PNG", *at).poll()


def falling(scene: bpy.types.Scene) -> bpy.types.Object:
    """The cube as a rigid body, played up to frame 20."""
    cube = bpy.data.objects["Cube"]
    cube.location.z = 6.0
    with bpy.context.temp_override(object=cube, active_object=cube):
        bpy.ops.rigidbody.world_add()
    scene.rigidbody_world.collection = bpy.data.collections.new("Bodies")
    scene.rigidbody_world.collection.objects.link(cube)
    for frame in range(1, 21):
        scene.frame_set(frame)
    return cube


def driven(scene: bpy.types.Scene) -> bpy.types.Object:
    """The cube, as high as the frame is late."""
    cube = bpy.data.objects["Cube"]
    driver = cube.driver_add("location", 2).driver
    driver.expression = "at * 0.1"
    at = driver.variables.new()
    at.name, at.type = "at", "SINGLE_PROP"
    at.targets[0].id_type, at.targets[0].id = "SCENE", scene
    at.targets[0].data_path = "frame_current"
    return cube


def cloth(scene: bpy.types.Scene) -> bpy.types.Object:
    """The cube as a cloth that falls, played up to frame 12."""
    cube = bpy.data.objects["Cube"]
    cube.modifiers.new("Cloth", "CLOTH").settings.quality = 1
    for frame in range(1, 13):
        scene.frame_set(frame)
    return cube


def edited(scene: bpy.types.Scene) -> bpy.types.Object:
    """The cube in Edit Mode, and half as large there."""
    import bmesh

    cube = bpy.data.objects["Cube"]
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode="EDIT")
    mesh = bmesh.from_edit_mesh(cube.data)
    for corner in mesh.verts:
        corner.co *= 2.5
    bmesh.update_edit_mesh(cube.data)
    return cube


@pytest.mark.parametrize("content", [falling, cloth, edited])
def test_what_is_live_is_sent_as_f12_shows_it(
    ways: ModuleType,
    module: Module,
    scene: bpy.types.Scene,
    tmp_path: Path,
    content: Callable[[bpy.types.Scene], bpy.types.Object],
) -> None:
    plain = f12(scene, module, tmp_path)
    content(scene)
    shown = f12(scene, module, tmp_path)
    assert (shown != plain).any(), "the picture does not tell: nothing is proven"
    still = made(ways.start, scene, tmp_path / "still.png")
    assert (read(still.path, module) == shown).all()


def test_an_end_frame_is_what_f12_shows_there(
    ways: ModuleType, module: Module, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    driven(scene)
    scene.frame_set(49)
    there = f12(scene, module, tmp_path)
    scene.frame_set(7, subframe=0.25)
    still = made(ways.start, scene, tmp_path / "end.png", 49)
    assert (read(still.path, module) == there).all()
    assert still.source.frame == 49.0
    assert (scene.frame_current, scene.frame_subframe) == (7, 0.25)


@pytest.mark.parametrize("picture", ["End frame", "Keyframes"])
def test_what_would_have_to_be_played_is_refused_before_it_is_bought(
    ways: ModuleType, scene: bpy.types.Scene, stand_in: Any, picture: str
) -> None:
    cube = falling(scene)
    height = cube.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation.z
    chosen = scene.grok_video
    chosen.prompt, chosen.source, chosen.duration = "It falls on", "NONE", 1
    chosen.model = "grok-imagine-video-1.5"
    chosen.end_frame, chosen.keyframes = picture == "End frame", picture == "Keyframes"
    scene.timeline_markers.new("Landing", frame=30)
    at = 44 if chosen.end_frame else 30
    with pytest.raises(RuntimeError, match=rf"{picture}: .*frame {at} .*“Scene”.* Bake"):
        bpy.ops.grok_video.generate()
    assert stand_in.jobs() == []
    assert scene.frame_current == 20
    again = cube.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation.z
    assert again == height, "the simulation was played, or lost"


@pytest.mark.parametrize(
    ("size", "file_format", "engine"),
    [
        ((64, 36), "PNG", "CYCLES"),
        ((36, 64), "PNG", "CYCLES"),
        ((50, 41), "JPEG", "CYCLES"),
        ((36, 64), "PNG", "BLENDER_WORKBENCH"),
    ],
)
def test_the_scene_itself_gives_the_picture_of_a_copy(
    module: Module,
    scene: bpy.types.Scene,
    tmp_path: Path,
    size: tuple[int, int],
    file_format: str,
    engine: str,
) -> None:
    scene.render.engine = engine
    other = bpy.data.scenes.new("Another, which the window shows")
    bpy.context.window.scene = other
    pictures = []
    for number, name in enumerate(("camera.CameraRender", "scene_render.SceneRender")):
        room, _, kind = name.partition(".")
        start = getattr(module(f"blender.sources.{room}"), kind).start
        still = start(bpy.context, scene, size, tmp_path / f"{number}", file_format).poll()
        assert still.mime == f"image/{file_format.lower()}"
        assert (still.width, still.height) == size
        pictures.append(read(still.path, module))
    assert np.abs(pictures[0] - pictures[1]).max() <= 1
    assert pictures[0].min() < 100 < pictures[0].max()


# ------------------------------------------------------------------------------------ the scene as it was


@pytest.fixture
def work(scene: bpy.types.Scene, tmp_path: Path) -> Iterator[bpy.types.Scene]:
    """A saved film scene with everything set otherwise than a still needs it, and a pose that has no key."""
    cube = driven(scene)
    for frame, x in ((1, 0.0), (49, 4.0)):
        cube.location.x = x
        cube.keyframe_insert("location", index=0, frame=frame)
    tree, layers, shown = compositor(scene)
    tree.links.new(layers.outputs["Image"], shown)
    file_output(tree, tmp_path / "passes", layers.outputs["Image"])
    render = scene.render
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MKV", "H264"
    render.resolution_percentage, render.pixel_aspect_x = 50, 2.0
    render.use_border = render.use_crop_to_border = render.use_multiview = True
    render.border_max_x = 0.5
    render.use_stamp = render.use_stamp_note = True
    render.filepath = str(tmp_path / "film.mkv")
    render.use_render_cache = True
    (tmp_path / "caches").mkdir()
    paths = bpy.context.preferences.filepaths
    before, paths.render_cache_directory = paths.render_cache_directory, str(tmp_path / "caches")
    scene.view_settings.exposure, scene.view_settings.gamma = 0.5, 1.5
    marker = scene.timeline_markers.new("Cut", frame=1)
    marker.camera = scene.camera
    scene.camera = camera_at(scene, 5.0)
    scene.camera.name = "Other"
    scene.grok_video.prompt = "It turns"  # settings that are the file's, not first kept by a save
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    scene = bpy.context.scene
    scene.frame_set(7, subframe=0.5)
    scene.camera = bpy.data.objects["Other"]
    bpy.data.objects["Cube"].location.x = -3.0  # no key yet
    bpy.context.preferences.is_dirty = False
    yield scene
    for handlers in (bpy.app.handlers.render_init, bpy.app.handlers.render_pre):
        handlers[:] = [one for one in handlers if one.__module__ != __name__]
    paths.render_cache_directory = before


def raises(*_: object) -> None:
    raise ValueError("another add-on fails")


def saves(*_: object) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=bpy.data.filepath.replace("work", "saved"), copy=True)


def enlarges(scene: bpy.types.Scene, *_: object) -> None:
    scene.render.resolution_x *= 2


def plays(scene: bpy.types.Scene, *_: object) -> None:
    scene.frame_set(60)


class Failing(bpy.types.RenderEngine):
    bl_idname = "WAYS_FAILING"
    bl_label = "Fails"

    def render(self, _depsgraph: bpy.types.Depsgraph) -> None:
        self.report({"ERROR"}, "out of memory")


HANDLERS: list[tuple[str, Any, str]] = [
    ("render_init", None, ""),
    ("render_init", raises, ""),
    ("render_init", saves, ""),
    ("render_pre", saves, ""),
    ("render_init", enlarges, ""),
    ("render_pre", enlarges, ""),
    ("render_pre", plays, "changed the frame"),
]


@pytest.mark.parametrize(("moment", "does", "word"), HANDLERS)
def test_the_scene_comes_back_as_it_was(
    module: Module, work: bpy.types.Scene, tmp_path: Path, moment: str, does: Any, word: str
) -> None:
    start = module("blender.sources.scene_render").SceneRender.start
    if does is not None:
        getattr(bpy.app.handlers, moment).append(does)
    before = state()
    if word:
        with pytest.raises(module("blender.refusal").Interrupted, match=word):
            made(start, work, tmp_path / "still.png", 49)
        assert not (tmp_path / "still.png").exists()
    else:
        still = made(start, work, tmp_path / "still.png", 49)
        assert (still.width, still.height, still.source.camera) == (*SIZE, "Camera")
    assert differences(before, state()) == []
    assert bpy.data.objects["Cube"].location.x == -3.0
    assert list((tmp_path / "caches").iterdir()) == []
    written = {p.name for p in tmp_path.iterdir()} - {"data", "still.png", "work.blend", "caches"}
    assert written == ({"saved.blend"} if does is saves else set())
    if does is saves:
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
        render = bpy.context.scene.render
        assert (render.resolution_percentage, render.use_border) == (50, True)
        assert bpy.context.scene.frame_current == 7


def test_a_copy_of_the_scene_leaves_nothing_among_the_caches(
    module: Module, work: bpy.types.Scene, tmp_path: Path
) -> None:
    made(module("blender.sources.camera").CameraRender.start, work, tmp_path / "still.png")
    assert list((tmp_path / "caches").iterdir()) == []


def test_what_has_no_key_comes_back_with_the_playhead(
    module: Module, scene: bpy.types.Scene
) -> None:
    """A pose over a nonlinear animation, and custom properties whatever their names."""
    cube, other = bpy.data.objects["Cube"], bpy.data.objects.new("Other", None)
    scene.collection.objects.link(other)
    names = ["plain", 'a"b', "x[1]", 'x"]["y', "back\\slash"]
    for frame, value in ((1, 0.0), (49, 5.0)):
        for thing in (cube, other):
            thing.location.x = value
            thing.keyframe_insert("location", index=0, frame=frame)
        for name in names:
            scene[name] = value
            scene.keyframe_insert(f'["{bpy.utils.escape_identifier(name)}"]', frame=frame)
    animation = cube.animation_data
    animation.nla_tracks.new().strips.new("Move", 1, animation.action)
    animation.action = None
    scene.frame_set(7)
    keys = sorted(scene.keys())
    for name in names:
        scene[name] = -3.0
    cube.location.x = other.location.x = -3.0
    with module("blender.sources.playhead").at_frame(scene, 49):
        assert cube.location.x == other.location.x == scene["plain"] == 5.0
    assert (cube.location.x, other.location.x) == (-3.0, -3.0)
    assert {name: scene[name] for name in names} == dict.fromkeys(names, -3.0)
    assert sorted(scene.keys()) == keys


def test_a_render_that_fails_leaves_the_scene_as_it_was(
    module: Module, work: bpy.types.Scene, tmp_path: Path
) -> None:
    bpy.utils.register_class(Failing)
    try:
        work.render.engine = Failing.bl_idname
        before = state()
        start = module("blender.sources.scene_render").SceneRender.start
        with pytest.raises(module("blender.refusal").Interrupted, match="out of memory"):
            made(start, work, tmp_path / "still.png", 49, bpy.data.objects["Other"])
        assert differences(before, state()) == []
    finally:
        bpy.utils.unregister_class(Failing)
    assert not (tmp_path / "still.png").exists()


def test_the_artists_picture_stays_in_its_slot(
    module: Module, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    rendered = f12(scene, module, tmp_path)
    bpy.data.objects["Cube"].location.z = 5.0
    start = module("blender.sources.scene_render").SceneRender.start
    for number in range(2):
        still = made(start, scene, tmp_path / f"{number}.png")
        assert (read(still.path, module) != rendered).any()
    result = bpy.data.images["Render Result"]
    assert result.render_slots.active_index == 0
    result.save_render(str(tmp_path / "after.png"), scene=scene)
    assert (read(tmp_path / "after.png", module) == rendered).all()
    assert [slot.name for slot in result.render_slots].count("Grok Video") == 1


# ------------------------------------------------------------------------------------------ the one order

BACK, COPY, ITSELF = "BACKGROUND", "COPY", "ITSELF"


@pytest.mark.parametrize(
    ("wanted", "freezes", "window", "order"),
    [
        ("AUTO", False, True, [COPY, BACK, ITSELF]),
        ("AUTO", True, True, [BACK, COPY, ITSELF]),
        ("AUTO", False, False, [COPY, ITSELF, BACK]),
        ("AUTO", True, False, [COPY, ITSELF, BACK]),
        ("HERE", True, True, [COPY, ITSELF]),
        ("HERE", False, False, [COPY, ITSELF]),
        ("BACKGROUND", False, True, [BACK, COPY, ITSELF]),
        ("BACKGROUND", False, False, [BACK, COPY, ITSELF]),
    ],
)
def test_the_order_of_ways(
    ways: ModuleType, wanted: str, freezes: bool, window: bool, order: list[str]
) -> None:
    assert [*ways.order(wanted, freezes=freezes, window=window)] == order


@pytest.mark.parametrize(
    ("lost", "way", "told"),
    [
        ([], BACK, ""),
        ([BACK], COPY, "what BACKGROUND loses"),
        ([BACK, COPY], ITSELF, "what BACKGROUND loses"),
        ([BACK, COPY, ITSELF], None, "what ITSELF loses"),
    ],
)
def test_a_way_is_taken_where_nothing_is_lost(
    ways: ModuleType,
    module: Module,
    scene: bpy.types.Scene,
    patches: Any,
    lost: list[str],
    way: str | None,
    told: str,
) -> None:
    bpy.context.preferences.addons[PACKAGE].preferences.render_source = BACK
    contents = module("blender.sources.contents")
    for number, name in enumerate([BACK, COPY, ITSELF]):
        if number <= len(lost):  # the ways behind are not asked
            loses = f"what {name} loses" if name in lost else ""
            patches.set(contents, f"lost_in_{name.lower()}", lambda *_at, loses=loses: loses)
    choice = ways.known(scene, 30)
    if lost:  # what is known is told again, and not looked for
        patches.set(contents, "lost_in_background", lambda *_at: "")
        assert ways.known(scene, 30) == choice
        scene.frame_set(scene.frame_current + 1)  # nor while the playhead is dragged
        assert ways.known(scene, 31).lost == choice.lost
        assert ("frame 31" in ways.known(scene, 31).refusal) == (choice.way is None)
        assert ways.choose(scene, 30).way == BACK
    assert (choice.way, choice.lost) == (way, told)
    assert ("frame 30" in choice.refusal and told in choice.refusal) == (way is None)
    stands = {freezes: ways.waiting(choice, freezes=freezes) for freezes in (False, True)}
    # In words that an artist understands at once: for how long, and why.
    assert all("pauses" in why and "as long as F12" in why for why in stands.values() if why)
    assert [why.endswith(f"because of {told}") for why in stands.values()] == {
        COPY: [False, True],
        ITSELF: [True, True],
    }.get(way or "", [False, False])

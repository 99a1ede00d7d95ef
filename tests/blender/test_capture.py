"""The first frame of a clip: its pixels and framing, and that taking it leaves no trace.

The scene most tests use is a plane that fills the camera's frame exactly. It glows red from left to right
and green from bottom to top, and around it the world is blue: so a pixel tells which part of the frame it
shows, and a blue one that more was shown than the camera sees.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from PIL import Image

Module = Callable[[str], ModuleType]


@pytest.fixture
def capture(blender: ModuleType, module: Module) -> ModuleType:
    return module("blender.sources", "capture")


@pytest.fixture
def still(blender: ModuleType, module: Module) -> ModuleType:
    return module("blender.sources.pixels")


@pytest.fixture
def scene(blender: ModuleType) -> Iterator[bpy.types.Scene]:
    """The plane that fills the frame, in Cycles, Standard view, without noise."""
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = 160, 90, 100
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 0.01
    scene.view_settings.view_transform = "Standard"
    scene.render.dither_intensity = 0.0
    scene.world = glowing_world((0.0, 0.0, 1.0))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type = "ORTHO"
    camera.location.z = 5.0
    scene.collection.objects.link(camera)
    scene.camera = camera
    plane(scene, 16.0, 9.0)
    return scene


def glowing_world(colour: tuple[float, float, float]) -> bpy.types.World:
    world = bpy.data.worlds.new("World")
    world.use_nodes = True
    background = next(n for n in world.node_tree.nodes if n.type == "BACKGROUND")
    background.inputs["Color"].default_value = (*colour, 1.0)
    return world


def plane(scene: bpy.types.Scene, width: float, height: float) -> bpy.types.Object:
    """A plane of that size whose colour is (its u, its v, 0); the camera's frame is as wide or high."""
    x, y = width / 2, height / 2
    mesh = bpy.data.meshes.new("Plane")
    mesh.from_pydata([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new()
    for corner, uv in zip(layer.data, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
        corner.uv = uv
    material = bpy.data.materials.new("Glow")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    place = nodes.new("ShaderNodeTexCoord")
    glow = nodes.new("ShaderNodeEmission")
    out = nodes.new("ShaderNodeOutputMaterial")
    links.new(place.outputs["UV"], glow.inputs["Color"])
    links.new(glow.outputs["Emission"], out.inputs["Surface"])
    mesh.materials.append(material)
    found = bpy.data.objects.new("Plane", mesh)
    scene.collection.objects.link(found)
    scene.camera.data.ortho_scale = max(width, height)
    return found


def uniform(scene: bpy.types.Scene, colour: tuple[float, float, float]) -> None:
    """Only a world of one scene-linear colour."""
    for thing in list(scene.collection.objects):
        if thing.type == "MESH":
            bpy.data.objects.remove(thing)
    scene.world = glowing_world(colour)


def pixels(still: ModuleType, path: str | Path) -> np.ndarray:
    """Row 0 is the bottom one; ints, so that differences do not wrap."""
    return still.read(Path(path)).astype(int)


def linear(values: np.ndarray) -> np.ndarray:
    """sRGB bytes as linear light."""
    v = values / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def shoot(
    capture: ModuleType,
    scene: bpy.types.Scene,
    size: tuple[int, int],
    path: Path,
    file_format: str = "PNG",
) -> Any:
    return capture.CameraRender.start(bpy.context, scene, size, path, file_format).poll()


def f12(still: ModuleType, scene: bpy.types.Scene, path: Path) -> np.ndarray:
    """What Blender's own render of the scene shows, as 8-bit RGB."""
    formats = scene.render.image_settings
    formats.file_format = "PNG"
    formats.color_mode = "RGB"
    bpy.ops.render.render()
    bpy.data.images["Render Result"].save_render(str(path), scene=scene)
    return pixels(still, path)


def texts(path: Path) -> list[bytes]:
    """The text chunks of a PNG."""
    data, at, found = path.read_bytes(), 8, []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] in {b"tEXt", b"iTXt", b"zTXt"}:
            found.append(data[at + 8 : at + 8 + length])
        at += 12 + length
    return found


def compositor(scene: bpy.types.Scene) -> tuple[Any, Any, Any]:
    """The scene's compositor, empty: (tree, its render layers node, the socket that is shown)."""
    effects = hasattr(scene, "compositor_effects")  # 5.3
    if effects or hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("Look", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        if effects:
            scene.compositor_effects.new("Look").node_group = tree
        else:
            scene.compositing_node_group = tree
        out = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        out = tree.nodes.new("CompositorNodeComposite")
    layers = tree.nodes.new("CompositorNodeRLayers")
    layers.scene = scene
    return tree, layers, out.inputs[0]


def file_output(tree: Any, folder: Path, source: Any) -> None:
    node = tree.nodes.new("CompositorNodeOutputFile")
    if hasattr(node, "base_path"):
        node.base_path = str(folder)
    else:
        node.directory = str(folder)
        node.file_output_items.new("RGBA", "Image")
    tree.links.new(source, node.inputs[0])


# ------------------------------------------------------------------------------------------- what changed


def values_of(thing: Any, depth: int = 0) -> Any:
    """Everything RNA tells of ``thing``, as plain data; other datablocks by name."""
    found = {}
    for prop in thing.bl_rna.properties:
        name = prop.identifier
        # Evaluated data is rebuilt at will; 4.2 crashes on some brushes.
        if name in {"rna_type", "depsgraph", "tool_slots", "uv_sculpt", "original"}:
            continue
        try:
            value = getattr(thing, name)
        except Exception as error:  # some cannot be read in this context: that must stay so
            value = type(error).__name__
        if name == "users" and bpy.app.version < (4, 3):
            continue  # see state()
        if isinstance(value, bpy.types.ID) and not isinstance(value, bpy.types.NodeTree):
            value = value.name_full
        elif isinstance(value, bpy.types.bpy_struct):
            value = values_of(value, depth + 1) if depth < 4 else repr(value)
        elif prop.type == "COLLECTION":
            value = [
                i.name_full if isinstance(i, bpy.types.ID) else values_of(i, depth + 1)
                for i in value
                if depth < 3
            ]
        elif hasattr(value, "__len__") and not isinstance(value, (str, bytes, set)):
            value = [tuple(v) if hasattr(v, "__len__") else v for v in value]
        found[name] = value
    return found


def state() -> dict[str, Any]:
    """What an artist would call *my file and my windows*."""
    scenes = {s.name: values_of(s) for s in bpy.data.scenes}
    # In 4.2 copying and removing a scene leaves one user too many on what its own collection and nodes
    # hold; loading the file counts anew. Nothing can lower the count, and too many lose nothing.
    counted = bpy.app.version >= (4, 3)
    blocks = {
        name: sorted((b.name_full, counted and b.users) for b in getattr(bpy.data, name))
        for name in dir(bpy.data)
        if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection)
        # Blender makes the empty 'Render Result' and 'Viewer Node' for any render of any scene; what
        # ``all_ids`` (5.3) holds, images among it, is in the other collections.
        and name not in {"images", "all_ids"}
    }
    blocks["images"] = sorted(
        (i.name, i.users, i.is_dirty, bool(i.packed_file), tuple(i.size), i.filepath, i.source)
        for i in bpy.data.images
        if i.type not in {"RENDER_RESULT", "COMPOSITING"}
    )
    groups = {g.name: values_of(g) for g in bpy.data.node_groups}
    preferences = bpy.context.preferences
    windows = [
        (
            w.scene.name,
            w.view_layer.name,
            w.screen.name,
            [(a.type, a.ui_type) for a in w.screen.areas],
        )
        for w in bpy.context.window_manager.windows
    ]
    return {
        "scenes": scenes,
        "blocks": blocks,
        "groups": groups,
        "preferences": (preferences.is_dirty, values_of(preferences.view)),
        "windows": windows,
        "file": (bpy.data.filepath, bpy.data.is_dirty),
        "selected": [o.name for o in bpy.context.selected_objects],
    }


def differences(before: Any, after: Any, at: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in before.keys() | after.keys()
            for line in differences(before.get(key), after.get(key), f"{at}.{key}")
        ]
    # NaN is what Blender shows for some unset floats.
    return [] if before == after or before != before else [f"{at}: {before!r} became {after!r}"]


# ------------------------------------------------------------------------------------------------- framing

FRAMES = [(160, 90), (90, 160), (100, 100), (159, 91), (101, 100)]
SIZES = [(96, 54), (54, 96), (60, 60), (72, 54), (53, 96)]


@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("composited", [False, True])
def test_framing_is_the_cameras_cropped_inside(
    capture: ModuleType,
    still: ModuleType,
    scene: bpy.types.Scene,
    module: Module,
    tmp_path: Path,
    frame: tuple[int, int],
    fit: str,
    composited: bool,
) -> None:
    bpy.data.objects.remove(bpy.data.objects["Plane"])
    plane(scene, frame[0] / 10, frame[1] / 10)
    scene.camera.data.sensor_fit = fit
    scene.camera.data.ortho_scale = {"HORIZONTAL": frame[0], "VERTICAL": frame[1]}.get(
        fit, max(frame)
    ) / 10
    scene.render.resolution_x, scene.render.resolution_y = frame
    if composited:
        tree, layers, shown = compositor(scene)
        tree.links.new(layers.outputs["Image"], shown)
    for size in SIZES:
        taken = shoot(capture, scene, size, tmp_path / "still.png")
        picture = pixels(still, taken.path)
        assert (taken.width, taken.height) == size == picture.shape[1::-1]
        assert picture[..., 2].max() == 0, f"{size} shows more than the camera does"
        crop = module("core.framing").crop_inside(*frame, *size)
        seen = linear(picture)
        columns, rows = seen[size[1] // 2, :, 0], seen[:, size[0] // 2, 1]
        # A pixel's centre lies half a pixel inside the edge; the frame is rounded to whole pixels.
        for values, low, high in ((columns, crop.left, crop.right), (rows, crop.bottom, crop.top)):
            pixel = (high - low) / len(values)
            assert values[0] == pytest.approx(low + pixel / 2, abs=1.1 * pixel + 0.005)
            assert values[-1] == pytest.approx(high - pixel / 2, abs=1.1 * pixel + 0.005)
            assert (np.diff(values) >= 0).all()


def test_every_clip_size_is_exact(
    capture: ModuleType, scene: bpy.types.Scene, module: Module, tmp_path: Path
) -> None:
    models = module("service.models")
    scene.cycles.use_adaptive_sampling = False
    for (resolution, ratio), size in models.PIXELS.items():
        if resolution == "480p":
            taken = shoot(capture, scene, size, tmp_path / "still.jpg", "JPEG")
            assert (taken.width, taken.height) == size, ratio
            assert taken.mime == "image/jpeg"
            assert taken.size == Path(taken.path).stat().st_size


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("frame", [*FRAMES, (1921, 817), (1000, 1001)])
def test_whole_pixels_never_show_more_than_the_frame(
    module: Module, frame: tuple[int, int], size: tuple[int, int], wide: bool
) -> None:
    cover = module("blender.sources.camera").cover
    width, height = cover(frame, size, "HORIZONTAL" if wide else "VERTICAL")
    assert width >= size[0] and height >= size[1]  # noqa: PT018
    # The side that the lens is fitted to shows all of the frame, so the other one must not show more.
    if wide:
        assert height * frame[0] <= width * frame[1]
    else:
        assert width * frame[1] <= height * frame[0]
    assert width - size[0] < 1 + abs(size[1] * frame[0] / frame[1] - size[0])


def test_pixel_aspect_becomes_square(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.render.resolution_x, scene.render.pixel_aspect_x = 80, 2.0
    assert capture.natural_size(bpy.context, scene, "CAMERA", None) == (160.0, 90.0)
    seen = linear(pixels(still, shoot(capture, scene, (96, 54), tmp_path / "a.png").path))
    assert seen[27, 0, 0] == pytest.approx(0.5 / 96, abs=0.01)
    assert seen[27, -1, 0] == pytest.approx(95.5 / 96, abs=0.01)
    assert seen[-1, 48, 1] == pytest.approx(53.5 / 54, abs=0.01)
    assert seen[..., 2].max() == 0


# --------------------------------------------------------------------------------------- picture and output


def test_what_only_shapes_the_output_is_off(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    plain = pixels(still, shoot(capture, scene, (96, 54), tmp_path / "plain.png").path)
    render = scene.render
    render.resolution_percentage = 37
    render.use_border = render.use_crop_to_border = True
    render.border_min_x, render.border_max_x = 0.4, 0.6
    render.use_stamp = render.use_stamp_note = True
    render.stamp_note_text = "secret"
    render.use_multiview = True
    render.use_overwrite = False
    render.filepath = "/nowhere/at/all"
    strips = scene.sequence_editor_create()
    strips = strips.strips if hasattr(strips, "strips") else strips.sequences
    colour_strip(strips, (0.0, 0.0, 1.0))
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    before = state()
    again = shoot(capture, scene, (96, 54), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert (pixels(still, again.path) == plain).all()
    assert b"secret" not in Path(again.path).read_bytes()


def test_the_file_tells_nothing_of_the_artists_folders(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "private-client.blend"))
    scene = bpy.context.scene
    for name in ("still.png", "still.jpg"):
        taken = shoot(capture, scene, (32, 18), tmp_path / name, {"g": "PNG"}.get(name[-1], "JPEG"))
        assert b"private-client" not in Path(taken.path).read_bytes()
    # Blender would write file, date, camera and more; Cycles' own figures cannot be turned off.
    assert [t for t in texts(tmp_path / "still.png") if not t.startswith(b"cycles.")] == []


@pytest.mark.parametrize("view", ["Standard", "Filmic", "AgX"])
def test_colours_are_those_of_the_scenes_view(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path, view: str
) -> None:
    scene.view_settings.view_transform = view
    scene.view_settings.exposure = 0.7
    scene.view_settings.gamma = 1.2
    scene.view_settings.use_curve_mapping = True
    scene.view_settings.curve_mapping.curves[3].points.new(0.5, 0.7)
    scene.view_settings.curve_mapping.update()
    taken = shoot(capture, scene, (160, 90), tmp_path / "still.png")
    shown = f12(still, scene, tmp_path / "f12.png")
    assert abs(pixels(still, taken.path) - shown).max() <= 1


def test_a_patch_has_the_bytes_that_the_standard_view_shows(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    uniform(scene, (0.5, 0.05, 1.0))
    patch = pixels(still, shoot(capture, scene, (16, 16), tmp_path / "still.png").path)
    assert linear(patch) == pytest.approx(np.broadcast_to((0.5, 0.05, 1.0), patch.shape), abs=0.005)


def test_an_output_override_is_not_what_the_artist_sees(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    plain = pixels(still, shoot(capture, scene, (96, 54), tmp_path / "plain.png").path)
    output = scene.render.image_settings
    output.color_management = "OVERRIDE"
    output.view_settings.exposure = 3.0
    again = pixels(still, shoot(capture, scene, (96, 54), tmp_path / "again.png").path)
    assert (again == plain).all()


def test_another_display_still_gives_srgb(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    plain = pixels(still, shoot(capture, scene, (96, 54), tmp_path / "plain.png").path)
    scene.display_settings.display_device = "Display P3"
    scene.view_settings.view_transform = "Standard"
    again = pixels(still, shoot(capture, scene, (96, 54), tmp_path / "again.png").path)
    assert abs(again - plain).max() <= 1


def test_transparency_goes_over_black(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    uniform(scene, (1.0, 1.0, 1.0))
    scene.render.film_transparent = True
    thing = plane(scene, 8.0, 9.0)
    scene.camera.data.ortho_scale = 16.0
    # A glow that lets half of what is behind it through: premultiplied (0.25, 0.25, 0.25), alpha 0.5.
    tree = thing.data.materials[0].node_tree
    glow = next(n for n in tree.nodes if n.type == "EMISSION")
    tree.links.remove(glow.inputs["Color"].links[0])
    glow.inputs["Color"].default_value = (0.5, 0.5, 0.5, 1.0)
    mix, clear = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeBsdfTransparent")
    out = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(glow.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Surface"])
    scene.cycles.samples = 256
    picture = pixels(still, shoot(capture, scene, (16, 9), tmp_path / "still.png").path)
    assert (picture[:, :3] == 0).all()
    assert linear(picture)[4, 8] == pytest.approx([0.25] * 3, abs=0.05)


def test_sub_frame_and_motion_blur_are_kept(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    thing = bpy.data.objects["Plane"]
    for frame, x in ((1, 0.0), (2, 16.0)):
        thing.location.x = x
        thing.keyframe_insert("location", frame=frame)
    for curve in curves_of(thing):
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"
    scene.frame_set(1, subframe=0.25)
    before = state()
    taken = shoot(capture, scene, (160, 90), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert taken.source.frame == pytest.approx(1.25)
    # A quarter of the way: the plane's left edge, and before it the world's blue.
    picture = pixels(still, taken.path)
    assert (picture[45, :39, 2] == 255).all()
    assert (picture[45, 41:, 2] == 0).all()
    scene.render.use_motion_blur = True
    scene.cycles.samples = 16
    blurred = pixels(still, shoot(capture, scene, (160, 90), tmp_path / "blur.png").path)
    assert 0 < blurred[45, 41, 2] < 255


def curves_of(thing: bpy.types.Object) -> Any:
    action = thing.animation_data.action
    if hasattr(action, "fcurves"):
        return action.fcurves
    return action.layers[0].strips[0].channelbags[0].fcurves


def test_a_marker_binds_the_camera(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    other = bpy.data.objects.new("Close", scene.camera.data.copy())
    other.data.ortho_scale = 1.0
    other.location = (8.0, 0.0, 5.0)
    scene.collection.objects.link(other)
    scene.timeline_markers.new("a", frame=10).camera = scene.camera
    scene.timeline_markers.new("b", frame=20).camera = other
    scene.frame_set(25)
    scene.camera = None
    assert capture.refusal(bpy.context, scene, "CAMERA", None) == ""
    taken = shoot(capture, scene, (16, 9), tmp_path / "still.png")
    assert taken.source.camera == "Close"
    picture = pixels(still, taken.path)
    assert (picture[:, 12, 2] == 255).all()
    assert linear(picture)[4, 4, 0] == pytest.approx(1.0, abs=0.05)
    assert scene.camera is None


def test_view_layers_are_the_artists(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    inside = bpy.data.collections.new("Inside")
    scene.collection.children.link(inside)
    thing = bpy.data.objects["Plane"]
    scene.collection.objects.unlink(thing)
    inside.objects.link(thing)
    scene.view_layers.new("Second")
    scene.view_layers[0].layer_collection.children["Inside"].exclude = True
    taken = pixels(still, shoot(capture, scene, (160, 90), tmp_path / "still.png").path)
    assert (taken == f12(still, scene, tmp_path / "f12.png")).all()


# ---------------------------------------------------------------------------------------------- compositor


def test_compositing_is_seen_and_file_output_writes_nothing(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    uniform(scene, (0.25, 0.25, 0.25))
    bpy.data.objects["Camera"].data.ortho_scale = 16.0
    folder = tmp_path / "passes"
    folder.mkdir()
    tree, layers, shown = compositor(scene)
    half = tree.nodes.new("CompositorNodeExposure")
    half.inputs["Exposure"].default_value = -1.0
    tree.links.new(layers.outputs["Image"], half.inputs["Image"])
    inner = bpy.data.node_groups.new("Inner", "CompositorNodeTree")
    inner.interface.new_socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    inner.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    start, end = inner.nodes.new("NodeGroupInput"), inner.nodes.new("NodeGroupOutput")
    inner.links.new(start.outputs[0], end.inputs[0])
    file_output(inner, folder, start.outputs[0])
    group = tree.nodes.new("CompositorNodeGroup")
    group.node_tree = inner
    tree.links.new(half.outputs[0], group.inputs[0])
    tree.links.new(group.outputs[0], shown)
    file_output(tree, folder, half.outputs[0])

    before = state()
    taken = shoot(capture, scene, (16, 9), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert list(folder.iterdir()) == []
    patch = linear(pixels(still, taken.path))
    assert patch == pytest.approx(np.full(patch.shape, 0.125), abs=0.005)
    # The nodes do write when the artist renders: the test would else prove nothing.
    bpy.ops.render.render(write_still=False)
    assert list(folder.iterdir()) != []


@pytest.mark.skipif(
    "compositor_effects" not in bpy.types.Scene.bl_rna.properties,
    reason="before 5.3 a scene has one compositor",
)
def test_a_stack_of_compositors_is_seen_as_it_is_set(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    uniform(scene, (0.25, 0.25, 0.25))
    bpy.data.objects["Camera"].data.ortho_scale = 16.0
    folder = tmp_path / "passes"
    folder.mkdir()
    tree = bpy.data.node_groups.new("Stops", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    stops = tree.interface.new_socket("Stops", in_out="INPUT", socket_type="NodeSocketFloat")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    start, end = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    exposure = tree.nodes.new("CompositorNodeExposure")
    tree.links.new(start.outputs[0], exposure.inputs["Image"])
    tree.links.new(start.outputs[1], exposure.inputs["Exposure"])
    tree.links.new(exposure.outputs[0], end.inputs[0])
    file_output(tree, folder, start.outputs[0])
    for name, value in (("down", -1.0), ("up", 2.0), ("not in renders", -5.0)):
        effect = scene.compositor_effects.new(name)
        effect.node_group = tree
        getattr(effect.properties.inputs, stops.identifier).value = value
        effect.enable_for_render = name != "not in renders"

    before = state()
    taken = shoot(capture, scene, (16, 9), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert list(folder.iterdir()) == []
    patch = linear(pixels(still, taken.path))
    assert patch == pytest.approx(np.full(patch.shape, 0.5), abs=0.01)


# ---------------------------------------------------------------------------------------------- no traces


def test_a_camera_still_leaves_no_trace(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "work.blend"))
    scene = bpy.context.scene
    bpy.context.preferences.is_dirty = False
    scene.frame_set(7, subframe=0.5)
    before = state()
    folder = tmp_path / "stills"
    folder.mkdir()
    shoot(capture, scene, (54, 96), folder / "still {x} #.png")
    assert differences(before, state()) == []
    assert [p.name for p in folder.iterdir()] == ["still {x} #.png"]


@pytest.mark.parametrize("composited", [False, True])
def test_the_render_result_and_its_slots_stay(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path, composited: bool
) -> None:
    if composited:
        tree, layers, socket = compositor(scene)
        tree.links.new(layers.outputs["Image"], socket)
    shown = f12(still, scene, tmp_path / "f12.png")
    result = bpy.data.images["Render Result"]
    while len(result.render_slots) < 2:
        result.render_slots.new()
    result.render_slots.active_index = 1
    uniform(scene, (1.0, 1.0, 1.0))
    shoot(capture, scene, (16, 9), tmp_path / "still.png")
    assert result.render_slots.active_index == 1
    with pytest.raises(RuntimeError):
        result.save_render(str(tmp_path / "empty.png"), scene=scene)
    result.render_slots.active_index = 0
    result.save_render(str(tmp_path / "after.png"), scene=scene)
    assert (pixels(still, tmp_path / "after.png") == shown).all()


def test_undo_brings_no_ghost_back(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    def push(*_: object) -> None:
        bpy.ops.ed.undo_push(message="the artist works on")

    bpy.ops.ed.undo_push(message="before")
    bpy.app.handlers.render_pre.append(push)
    try:
        shoot(capture, scene, (16, 9), tmp_path / "still.png")
    finally:
        bpy.app.handlers.render_pre.remove(push)
    names = bpy.data.scenes.keys()
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert len(bpy.data.scenes) == len(names) + 1, (
        "the step does not hold the copy: nothing is proven"
    )
    assert capture.tidy() == 1
    assert bpy.data.scenes.keys() == names
    assert capture.tidy() == 0


def test_a_linked_scene_is_rendered(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    plain = pixels(still, shoot(capture, scene, (96, 54), tmp_path / "plain.png").path)
    scene.name = "Shot"
    bpy.data.libraries.write(str(tmp_path / "lib.blend"), {scene}, fake_user=True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "lib.blend"), link=True) as (_, wanted):
        wanted.scenes = ["Shot"]
    linked = wanted.scenes[0]
    assert linked.library is not None
    before = state()
    taken = shoot(capture, linked, (96, 54), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert (pixels(still, taken.path) == plain).all()


# -------------------------------------------------------------------------------------------- interruptions


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_without_a_camera_nothing_starts(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    scene.camera = None
    assert "no camera" in capture.refusal(bpy.context, scene, "CAMERA", None)
    before = state()
    with pytest.raises(capture.Refused, match="no camera"):
        shoot(capture, scene, (16, 9), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "how", ["undo", "undo a step since", "load", "cancel", "another render", "escape"]
)
def test_what_ends_a_render_leaves_no_still(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path, how: str
) -> None:
    bpy.ops.ed.undo_push(message="one")
    bpy.ops.ed.undo_push(message="two")
    folder = tmp_path / "stills"
    folder.mkdir()
    going = capture.CameraRender.start(bpy.context, scene, (16, 9), folder / "still.png", "PNG")
    with pytest.raises(capture.Refused, match="another clip"):
        capture.CameraRender.start(bpy.context, scene, (16, 9), folder / "b.png", "PNG")
    match how:
        case "undo":
            bpy.ops.ed.undo()
        case "undo a step since":
            # The step that comes back holds the copy: it is there, and yet not the one rendered.
            bpy.ops.ed.undo_push(message="three")
            bpy.ops.ed.undo_push(message="four")
            bpy.ops.ed.undo()
            assert going.scene_name in bpy.data.scenes
        case "load":
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        case "cancel":
            going.cancel()
        case "another render":
            bpy.ops.render.render()
        case "escape":
            # No key is pressed in background mode: what Blender calls then is called here.
            for handler in bpy.app.handlers.render_cancel:
                handler(bpy.data.scenes[going.scene_name], None)
    with pytest.raises(capture.Interrupted, match=r"^Render interrupted: "):
        going.poll()
    capture.tidy()
    assert files(folder) == []
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    if how == "load":
        return
    shoot(capture, bpy.context.scene, (16, 9), folder / "again.png")
    assert files(folder) == ["again.png"]


def test_a_render_that_fails_says_so(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    # A folder of that name: Blender cannot write its picture.
    (tmp_path / "still.part.png").mkdir()
    (tmp_path / "still.part.png" / "x").touch()
    before = state()
    with pytest.raises(capture.Interrupted, match=r"^Render interrupted: "):
        shoot(capture, scene, (16, 9), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert files(tmp_path) == ["still.part.png"]


@pytest.mark.parametrize("moment", ["render_init", "render_pre", "render_post", "render_complete"])
@pytest.mark.parametrize("does", ["raises", "saves", "sets the frame"])
def test_other_add_ons_break_nothing(
    capture: ModuleType,
    still: ModuleType,
    scene: bpy.types.Scene,
    tmp_path: Path,
    moment: str,
    does: str,
) -> None:
    thing = bpy.data.objects["Plane"]
    for frame, x in ((1, 0.0), (2, 160.0)):
        thing.location.x = x
        thing.keyframe_insert("location", frame=frame)
    scene.frame_set(1)
    plain = pixels(still, shoot(capture, scene, (96, 54), tmp_path / "plain.png").path)
    saved = tmp_path / "saved.blend"

    def other(given: bpy.types.Scene, *_: object) -> None:
        match does:
            case "raises":
                raise ValueError("another add-on fails")
            case "saves":
                bpy.ops.wm.save_as_mainfile(filepath=str(saved), copy=True)
            case _:
                given.frame_set(2)

    handlers = getattr(bpy.app.handlers, moment)
    handlers.append(other)
    try:
        if (does, moment) == ("sets the frame", "render_pre"):
            # Set before the picture is made, the frame is wrong: then there must be no still.
            with pytest.raises(capture.Interrupted, match="another add-on"):
                shoot(capture, scene, (96, 54), tmp_path / "still.png")
            assert not (tmp_path / "still.png").exists()
        else:
            taken = shoot(capture, scene, (96, 54), tmp_path / "still.png")
            assert (pixels(still, taken.path) == plain).all()
    finally:
        handlers.remove(other)
    assert scene.frame_current == 1
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    if does == "saves":
        with bpy.data.libraries.load(str(saved)) as (holds, _):
            assert holds.scenes == ["Scene"]


def test_a_file_saved_during_the_render_opens_clean(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    tree, layers, shown = compositor(scene)
    tree.links.new(layers.outputs["Image"], shown)
    saved = str(tmp_path / "saved.blend")

    def save(*_: object) -> None:
        bpy.ops.wm.save_as_mainfile(filepath=saved, copy=True)

    bpy.app.handlers.render_pre.append(save)
    try:
        shoot(capture, scene, (16, 9), tmp_path / "still.png")
    finally:
        bpy.app.handlers.render_pre.remove(save)
    before = (bpy.data.scenes.keys(), bpy.data.node_groups.keys())
    bpy.ops.wm.open_mainfile(filepath=saved)
    capture.tidy()
    assert (bpy.data.scenes.keys(), bpy.data.node_groups.keys()) == before


def test_which_engines_freeze_the_window(module: Module, scene: bpy.types.Scene) -> None:
    assert not module("blender.scenes").engine_freezes(scene)
    scene.render.engine = "BLENDER_WORKBENCH"
    assert module("blender.scenes").engine_freezes(scene)


def test_workbench_frames_alike(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    uniform(scene, (0.0, 0.0, 0.0))
    thing = plane(scene, 4.0, 4.0)
    scene.camera.data.ortho_scale = 16.0
    thing.location = (2.0, 2.5, 0.0)
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.film_transparent = True
    picture = pixels(still, shoot(capture, scene, (90, 90), tmp_path / "still.png").path)
    lit = picture.max(axis=2) > 100
    # 10 pixels a unit; the middle 9 x 9 units of 16 x 9 are seen: the plane reaches from x 0 to 4, y .5 to 4.5.
    assert lit[60, 50]
    assert not lit[60, 40]
    assert lit[60, 80]
    assert not lit[40, 60]
    assert lit[:, 60].nonzero()[0].min() == pytest.approx(50, abs=1)
    assert lit[60].nonzero()[0].min() == pytest.approx(45, abs=1)


# --------------------------------------------------------------------------------------------------- images


def now(
    capture: ModuleType,
    scene: bpy.types.Scene,
    source: str,
    image: bpy.types.Image | None,
    size: tuple[int, int],
    path: Path,
    file_format: str = "PNG",
) -> Any:
    return capture.capture_now(bpy.context, scene, source, image, size, path, file_format)


def painted(name: str, width: int, height: int, **options: Any) -> bpy.types.Image:
    """An unsaved image: red grows with the column, green with the row."""
    image = bpy.data.images.new(name, width, height, **options)
    image.pixels.foreach_set(ramp(width, height).ravel())
    image.update()
    return image


def ramp(width: int, height: int) -> np.ndarray:
    values = np.ones((height, width, 4), np.float32)
    values[..., 0] = np.arange(width)[None, :] / 255
    values[..., 1] = np.arange(height)[:, None] / 255
    values[..., 2] = 0.2
    return values


@pytest.mark.parametrize("kind", ["unsaved", "packed", "saved", "tiled", "data", "channel packed"])
def test_a_byte_image_keeps_its_values(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path, kind: str
) -> None:
    image = painted("Painting", 160, 90, alpha=kind == "channel packed", tiled=kind == "tiled")
    expected = still.to_bytes(ramp(160, 90)[..., :3])
    match kind:
        case "packed":
            image.pack()
        case "saved":
            image.filepath_raw, image.file_format = str(tmp_path / "painting.png"), "PNG"
            image.save()
        case "data":
            image.colorspace_settings.name = "Non-Color"
            image.pixels.foreach_set(ramp(160, 90).ravel())
        case "channel packed":
            image.alpha_mode = "CHANNEL_PACKED"
            values = ramp(160, 90)
            values[..., 3] = 0.5
            image.pixels.foreach_set(values.ravel())
    scene.view_settings.view_transform = "AgX"
    before = state()
    taken = now(capture, scene, "IMAGE", image, (160, 90), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert (pixels(still, taken.path) == expected).all()
    assert taken.source.image == "Painting"


def test_an_image_is_cropped_and_shrunk_but_never_enlarged(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    image = painted("Painting", 200, 100)
    assert capture.natural_size(bpy.context, scene, "IMAGE", image) == (200, 100)
    small = now(capture, scene, "IMAGE", image, (50, 50), tmp_path / "a.png")
    picture = pixels(still, small.path)
    assert picture.shape == (50, 50, 3)
    # Columns 50 to 149 by twos: their means are 50.5, 52.5 …
    assert picture[0, :, 0] == pytest.approx(np.arange(50.5, 150, 2), abs=0.51)
    assert picture[:, 0, 1] == pytest.approx(np.arange(0.5, 100, 2), abs=0.51)
    large = now(capture, scene, "IMAGE", image, (1280, 720), tmp_path / "b.png")
    picture = pixels(still, large.path)
    assert picture.shape == (100, 177, 3) == (large.height, large.width, 3)
    assert (picture[0, :, 0] == np.arange(11, 188)).all()
    assert (picture[:, 0, 1] == np.arange(100)).all()


def test_transparent_pixels_of_an_image_go_over_black(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    image = bpy.data.images.new("Glass", 16, 9, alpha=True)
    image.pixels.foreach_set(np.tile(np.float32([1.0, 0.8, 0.2, 0.5]), 16 * 9))
    taken = now(capture, scene, "IMAGE", image, (16, 9), tmp_path / "a.png")
    assert pixels(still, taken.path)[0, 0] == pytest.approx([127.5, 102, 25.5], abs=1)


def test_a_float_image_is_shown_as_the_image_editor_shows_it(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    image = bpy.data.images.new("Light", 16, 9, float_buffer=True)
    image.pixels.foreach_set(np.tile(np.float32([0.5, 0.05, 1.0, 1.0]), 16 * 9))
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.exposure = 1.0
    before = state()
    plain = linear(
        pixels(still, now(capture, scene, "IMAGE", image, (16, 9), tmp_path / "a.png").path)
    )
    assert plain[0, 0] == pytest.approx([0.5, 0.05, 1.0], abs=0.005)
    assert differences(before, state()) == []
    image.use_view_as_render = True
    toned = pixels(still, now(capture, scene, "IMAGE", image, (16, 9), tmp_path / "b.png").path)
    uniform(scene, (0.5, 0.05, 1.0))
    assert abs(toned[0, 0] - f12(still, scene, tmp_path / "f12.png")[0, 0]).max() <= 1


@pytest.mark.parametrize("kind", ["none", "missing", "sequence", "render result"])
def test_an_image_without_pixels_is_refused(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path, kind: str
) -> None:
    image = None
    if kind == "render result":
        f12(still, scene, tmp_path / "f12.png")
        image = bpy.data.images["Render Result"]
    elif kind != "none":
        image = bpy.data.images.new("Gone", 4, 4)
        image.source = {"missing": "FILE", "sequence": "SEQUENCE"}[kind]
        image.filepath = str(tmp_path / "gone.png")
    assert capture.refusal(bpy.context, scene, "IMAGE", image)
    with pytest.raises(capture.Refused):
        now(capture, scene, "IMAGE", image, (16, 9), tmp_path / "still.png")
    assert not (tmp_path / "still.png").exists()


UNREADABLE = {
    "a.svg": (
        b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>",
        "an SVG drawing",
    ),
    "phone.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "a HEIC picture"),
    "page.png": (b"<!DOCTYPE html><html></html>", "a web page"),
    "paper.png": (b"%PDF-1.7" + bytes(99), "a PDF"),
    "nothing.png": (b"", "an empty file"),
    "broken.png": (b"\x89PNG\r\n\x1a\n" + bytes(40), "broken, or of a kind"),
    "moves.webp": (None, "a WebP that moves"),
    "layers.exr": (None, "many layers"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["on disk", "packed"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_an_image_of_a_kind_that_cannot_be_sent_says_which_and_what_works(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path, name: str, packed: bool
) -> None:
    data, words = UNREADABLE[name]
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    elif name == "moves.webp":
        frames = [Image.new("RGB", (32, 18), colour) for colour in ("red", "blue")]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    else:
        settings = scene.render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "MULTI_LAYER_IMAGE"
        settings.file_format = "OPEN_EXR_MULTILAYER"
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    if packed and data != b"":
        image.pack()
    for why in (
        capture.refusal(bpy.context, scene, "IMAGE", image, look=True),
        capture.image_refusal(image, look=True),  # as a reference
    ):
        assert words in why
        assert f"“{name}”" in why
        assert "PNG or JPEG" in why
    with pytest.raises(capture.Refused, match=words):
        now(capture, scene, "IMAGE", image, (16, 9), tmp_path / "still.png")
    if name != "moves.webp":  # only a look at the file tells
        assert "PNG or JPEG" in capture.image_refusal(image)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "WEBP"), ("a.jpg", "PNG"), ("a.txt", "JPEG"), ("a.tif", "TIFF"), ("a.bmp", "BMP"),
        ("a.webp", "WEBP"), ("a.tga", "TGA"), ("a.jp2", "JPEG2000"),
    ],
)  # fmt: skip
def test_an_image_of_any_kind_that_blender_reads_is_sent_whatever_its_ending(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path, name: str, kind: str
) -> None:
    Image.new("RGB", (32, 18), (200, 90, 30)).save(tmp_path / name, format=kind)
    image = bpy.data.images.load(str(tmp_path / name))
    assert capture.refusal(bpy.context, scene, "IMAGE", image, look=True) == ""
    made = now(capture, scene, "IMAGE", image, (16, 9), tmp_path / "still.png")
    assert abs(np.array(Image.open(made.path))[4, 8] - [200, 90, 30]).max() < 6


def test_the_path_of_an_image_that_is_missing_is_said(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    path = tmp_path / "gone.png"
    Image.new("RGB", (32, 18)).save(path)
    image = bpy.data.images.load(str(path))
    assert all(image.size)
    path.unlink()
    assert capture.image_refusal(image, look=True) == ""  # Blender has its pixels
    image.reload()
    assert f"is missing or cannot be read: {path}" in capture.image_refusal(image, look=True)


def test_a_folder_that_cannot_be_written_is_said(
    capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    (tmp_path / "still.png").mkdir()
    image = painted("Painting", 16, 9)
    before = state()
    with pytest.raises(capture.Interrupted, match="could not be written"):
        now(capture, scene, "IMAGE", image, (16, 9), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert files(tmp_path) == ["still.png"]


# ----------------------------------------------------------------------------------- render result, sequencer


def test_the_render_result_as_it_was_rendered(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    assert capture.refusal(bpy.context, scene, "NONE", None) == ""
    with pytest.raises(capture.Refused, match="not been rendered"):
        now(capture, scene, "RENDER_RESULT", None, (160, 90), tmp_path / "still.png")
    shown = f12(still, scene, tmp_path / "f12.png")
    uniform(scene, (1.0, 1.0, 1.0))
    output = scene.render.image_settings
    if hasattr(output, "media_type"):
        output.media_type = "VIDEO"
    output.file_format = "FFMPEG"
    scene.render.ffmpeg.format = "QUICKTIME"
    before = state()
    taken = now(capture, scene, "RENDER_RESULT", None, (160, 90), tmp_path / "still.png")
    assert differences(before, state()) == []
    assert (pixels(still, taken.path) == shown).all()
    other = bpy.data.scenes.new("Other")
    with pytest.raises(capture.Refused, match="not been rendered"):
        now(capture, other, "RENDER_RESULT", None, (160, 90), tmp_path / "b.png")


@pytest.mark.parametrize(
    "output", [("OPEN_EXR", "RGBA", "32"), ("PNG", "RGBA", "16"), ("JPEG", "BW", "8")]
)
def test_the_artists_output_format_comes_back(
    capture: ModuleType,
    still: ModuleType,
    scene: bpy.types.Scene,
    tmp_path: Path,
    output: tuple[str, str, str],
) -> None:
    f12(still, scene, tmp_path / "f12.png")
    formats = scene.render.image_settings
    formats.file_format, formats.color_mode, formats.color_depth = output
    formats.quality, formats.compression = 33, 77
    before = state()
    now(capture, scene, "RENDER_RESULT", None, (160, 90), tmp_path / "still.png")
    assert differences(before, state()) == []


def colour_strip(strips: Any, colour: tuple[float, float, float], start: int = 1) -> Any:
    length = {"length": 20} if bpy.app.version >= (5, 0) else {"frame_end": start + 20}
    strip = strips.new_effect("Colour", "COLOR", 1, start, **length)
    strip.color = colour
    return strip


def test_the_sequencer_at_its_playhead(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    def refused() -> str:
        return capture.refusal(bpy.context, scene, "SEQUENCER", None)

    assert "empty" in refused()
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = colour_strip(strips, (0.2, 0.4, 0.6), start=10)
    scene.frame_set(9)
    assert "frame 9" in refused()
    with pytest.raises(capture.Refused):
        now(capture, scene, "SEQUENCER", None, (16, 9), tmp_path / "a.png")
    scene.frame_set(10)
    assert refused() == ""
    strip.mute = True
    assert "frame 10" in refused()
    strip.mute = False
    before = state()
    taken = now(capture, scene, "SEQUENCER", None, (96, 54), tmp_path / "a.png")
    assert differences(before, state()) == []
    picture = pixels(still, taken.path)
    assert picture.shape == (54, 96, 3)
    assert picture.reshape(-1, 3) == pytest.approx(np.tile([51, 102, 153], (54 * 96, 1)), abs=1)


def test_a_picture_in_the_sequencer_keeps_its_framing(
    capture: ModuleType, still: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    image = painted("Painting", 160, 90)
    image.filepath_raw, image.file_format = str(tmp_path / "painting.png"), "PNG"
    image.save()
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_image("Painting", str(tmp_path / "painting.png"), 1, 1)
    scene.frame_set(1)
    taken = now(capture, scene, "SEQUENCER", None, (45, 45), tmp_path / "a.png")
    picture = pixels(still, taken.path)
    # The middle 90 columns of 160 by twos.
    assert picture[20, :, 0] == pytest.approx(np.arange(35.5, 125, 2), abs=2)
    assert picture[:, 20, 1] == pytest.approx(np.arange(0.5, 90, 2), abs=2)


def test_no_window_no_viewport(capture: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    assert "without a window" in capture.refusal(bpy.context, scene, "VIEWPORT", None)
    assert capture.natural_size(bpy.context, scene, "VIEWPORT", None) is None
    with pytest.raises(capture.Refused):
        now(capture, scene, "VIEWPORT", None, (16, 9), tmp_path / "still.png")


# ------------------------------------------------------------------------------------------------- shrinking


def test_shrinking_is_the_mean_of_what_a_pixel_covers(still: ModuleType) -> None:
    random = np.random.default_rng(1).integers(0, 256, (60, 90, 3), np.uint8)
    thirds = still.fit(random, 1.0, (30, 20))
    means = random.reshape(20, 3, 30, 3, 3).mean(axis=(1, 3))
    assert abs(thirds - means).max() <= 1.0
    flat = np.full((71, 133, 3), 200, np.uint8)
    assert (still.fit(flat, 1.0, (48, 27)) == 200).all()


def test_wide_pixels_become_square_by_shrinking(still: ModuleType) -> None:
    assert still.fit(np.zeros((576, 720, 3), np.uint8), 64 / 45, (1280, 720)).shape[:2] == (
        405,
        720,
    )
    assert still.fit(np.zeros((90, 160, 3), np.uint8), 0.5, (80, 90)).shape[:2] == (90, 80)

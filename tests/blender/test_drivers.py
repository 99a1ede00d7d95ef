"""What moves in an edit by keys, drivers and handlers: a bake and a still show it as the artist sees it, or say why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from . import pictures
from .editing import base_of, color
from .test_bake import all_strips, failed, finished, frames_of, trim

Module = Callable[[str], ModuleType]

START, END = 5, 9


@pytest.fixture
def bake(module: Module) -> Any:
    return module("blender.sources")


@pytest.fixture
def scene(blender: ModuleType) -> Iterator[Any]:
    """An edit of 64 x 36 in which nothing lies yet."""
    scene = blender.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    scene.view_settings.view_transform = "Standard"
    scene.sequence_editor_create()
    yield scene
    # 4.2 crashes at its exit where a Python driver is left.
    blender.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def keyed(scene: Any) -> list[str]:
    """The data paths of a scene's curves."""
    action = scene.animation_data.action
    if hasattr(action, "layers"):
        return [c.data_path for c in action.layers[0].strips[0].channelbags[0].fcurves]
    return [c.data_path for c in action.fcurves]


def test_the_keys_of_strips_that_are_not_needed_stay(bake: Any, scene: Any, tmp_path: Path) -> None:
    for channel in (1, 2):
        color(scene, channel, 1, 20).keyframe_insert("blend_alpha", frame=3)
    first, _ = all_strips(scene).values()
    before, action = keyed(scene), scene.animation_data.action
    assert len(before) == 2
    bake.Bake.strip(scene, first, START, END, [], tmp_path / "out" / "baked.mp4").cancel()
    assert keyed(scene) == before
    bake.strip_still(scene, first, START, (64, 36), tmp_path / "still.png", "PNG")
    assert keyed(scene) == before
    assert list(bpy.data.actions) == [scene.animation_data.action] == [action]


def drive(strip: Any, name: str, owner: Any, path: str, expression: str = "p") -> None:
    """Drive a property of a strip by one of ``owner``, as ``p`` in ``expression``."""
    driver = strip.driver_add(name).driver
    variable = driver.variables.new()
    variable.name = "p"
    variable.targets[0].id_type = "SCENE" if isinstance(owner, bpy.types.Scene) else "OBJECT"
    variable.targets[0].id = owner
    variable.targets[0].data_path = path
    driver.expression = expression


def mover(scene: Any) -> Any:
    """An object that jumps from x = 0 to 1 in the middle of the bake."""
    thing = bpy.data.objects.new("mover", None)
    scene.collection.objects.link(thing)
    for x, frame in ((0.0, START + 1), (1.0, START + 2)):
        thing.location.x = x
        thing.keyframe_insert("location", frame=frame)
    return thing


def path_of(strip: Any, name: str) -> str:
    return f"{strip.path_from_id()}.{name}"


def grey(picture: Any) -> int:
    return round(float(picture.mean()))


def meta_of(scene: Any, strips: list[Any]) -> Any:
    """A meta strip with the strips in it."""
    meta = base_of(scene.sequence_editor).new_meta("meta", 1, 1)
    for strip in strips:
        strip.move_to_meta(meta)
    trim(meta, 1, 20)
    return meta


def by_scene_property(scene: Any, strip: Any) -> None:
    scene["fade"] = 0.5
    drive(strip, "blend_alpha", scene, '["fade"]')


def by_frame(scene: Any, strip: Any) -> None:
    drive(strip, "blend_alpha", scene, "frame_current", "p / 10")


def by_object(scene: Any, strip: Any) -> None:
    drive(strip, "blend_alpha", mover(scene), "location.x")


def by_chain(scene: Any, strip: Any) -> None:
    """An object that is driven by the frame of the edit's scene."""
    thing = bpy.data.objects.new("chain", None)
    scene.collection.objects.link(thing)
    driver = thing.driver_add("location", 0).driver
    variable = driver.variables.new()
    variable.name = "p"
    variable.targets[0].id_type = "SCENE"
    variable.targets[0].id = scene
    variable.targets[0].data_path = "frame_current"
    driver.expression = "p / 10"
    drive(strip, "blend_alpha", thing, "location.x")


def by_other_scene(scene: Any, strip: Any) -> None:
    other = bpy.data.scenes.new("Other")
    other["fade"] = 0.25
    drive(strip, "blend_alpha", other, '["fade"]')


def by_other_strip(scene: Any, strip: Any) -> None:
    other = color(scene, 9, 1, 20)
    other.name, other.mute = 'an "other"', True
    for alpha, frame in ((0.2, START), (0.8, START + 1)):
        other.blend_alpha = alpha
        other.keyframe_insert("blend_alpha", frame=frame)
    drive(strip, "blend_alpha", scene, path_of(other, "blend_alpha"))


def colour_by_object(scene: Any, strip: Any) -> None:
    """An item of an array, by a chain of an object."""
    thing = mover(scene)
    for index in range(3):
        driver = strip.driver_add("color", index).driver
        variable = driver.variables.new()
        variable.name = "p"
        variable.targets[0].id = thing
        variable.targets[0].data_path = "location.x"
        driver.expression = "p / 2"


KINDS = [
    by_scene_property,
    by_frame,
    by_object,
    by_chain,
    by_other_scene,
    by_other_strip,
    colour_by_object,
]


def test_a_bake_shows_what_drivers_do(bake: Any, scene: Any, tmp_path: Path) -> None:
    """All kinds at once, each in columns of its own."""
    shown = []
    for number, kind in enumerate(KINDS):
        strip = color(scene, number + 1, 1, 20)
        strip.color = (1, 1, 1)
        strip.blend_type = "ALPHA_OVER"
        strip.crop.min_x, strip.crop.max_x = number * 8, 64 - (number + 1) * 8
        kind(scene, strip)
        shown.append(strip)
    meta = meta_of(scene, shown)
    seen = [pictures.see(scene, tmp_path, frame)[18, 4::8, 0] for frame in range(START, END)]
    scene.frame_set(1)
    result = finished(bake.Bake.strip(scene, meta, START, END, [], tmp_path / "out" / "a.mp4"))
    got = [picture[18, 4::8] for picture in frames_of(result)]
    rows = [list(map(round, row[: len(KINDS)])) for row in seen]
    assert len({tuple(row) for row in rows}) > 2
    for wanted, row in zip(rows, got, strict=True):
        assert [int(v) for v in row[: len(KINDS)]] == pytest.approx(wanted, abs=6), rows
    assert [s.name for s in bpy.data.scenes if s.name.startswith(".")] == []


def test_drivers_of_what_a_bake_is_without(bake: Any, scene: Any, tmp_path: Path) -> None:
    """Of another strip, of one that is gone, of an add-on's property: the strip is baked as if they were not there.

    Its own driver reads a linked scene, which is called as the scene of the edit is.
    """
    scene["steps"] = 10
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {scene})
    scene["steps"] = 1000
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.scenes = [scene.name]
    (linked,) = wanted.scenes
    strip, other, gone = (color(scene, channel, 1, 20) for channel in (1, 2, 3))
    strip.color = (1, 1, 1)
    drive(strip, "blend_alpha", linked, '["steps"]', "frame / p")
    by_frame(scene, other)
    drive(gone, "blend_alpha", scene, "frame_current", "p / 20")
    base_of(scene.sequence_editor).remove(gone)
    bpy.types.Scene.studio_fade = bpy.props.FloatProperty()
    scene["studio_fade"] = 0.5
    try:
        scene.driver_add("studio_fade").driver.expression = "frame / 10"
        result = finished(bake.Bake.strip(scene, strip, START, END, [], tmp_path / "out" / "a.mp4"))
    finally:
        del bpy.types.Scene.studio_fade
    got = [grey(picture) for picture in frames_of(result)]
    assert got == pytest.approx([frame * 25.5 for frame in range(START, END)], abs=4)


# ---------------------------------------------------------------------------------------------- refusals


def by_camera_of_scene(scene: Any, strip: Any) -> None:
    scene.camera = mover(scene)
    drive(strip, "blend_alpha", scene, "camera.location.x")


def by_chain_of_strip(scene: Any, strip: Any) -> None:
    """An object that is driven by another strip of the edit."""
    by_other_strip(scene, strip)
    thing = bpy.data.objects.new("chain", None)
    scene.collection.objects.link(thing)
    target = thing.driver_add("location", 0).driver.variables.new().targets[0]
    target.id_type, target.id = "SCENE", scene
    target.data_path = path_of(all_strips(scene)['an "other"'], "blend_alpha")
    strip.driver_remove("blend_alpha")
    drive(strip, "blend_alpha", thing, "location.x")


@pytest.mark.parametrize(
    ("kind", "named"),
    [(by_camera_of_scene, "blend_alpha” in “Scene”"), (by_chain_of_strip, "location” in “chain”")],
)
def test_what_a_driver_reads_and_the_copy_is_without(
    bake: Any, scene: Any, tmp_path: Path, kind: Callable[[Any, Any], None], named: str
) -> None:
    """The second Blender sees the driver fail, and makes no film of another value."""
    strip = color(scene, 1, 1, 20)
    kind(scene, strip)
    why = failed(bake, bake.Bake.strip(scene, strip, START, END, [], tmp_path / "out" / "a.mp4"))
    assert named in why
    assert why.endswith("Key what it drives instead. Nothing was sent or charged.")


@pytest.mark.parametrize("path", ["sequence_editor.ALL[1]", "sequence_editor.active_strip"])
def test_a_driver_that_names_no_strip(bake: Any, scene: Any, tmp_path: Path, path: str) -> None:
    """By a number, or as the active one: in a copy without the strips that are not needed that is another strip."""
    strip, other = color(scene, 1, 1, 20), color(scene, 2, 1, 20)
    scene.sequence_editor.active_strip = other
    path = path.replace("ALL", all_name(scene))
    drive(strip, "blend_alpha", scene, f"{path}.blend_alpha")
    scene.frame_set(START)
    assert "names no strip" in refused(bake, scene, strip, tmp_path)
    with pytest.raises(bake.Refused, match="names no strip"):
        bake.strip_still(scene, strip, START, (64, 36), tmp_path / "still.png", "PNG")


def refused(bake: Any, scene: Any, strip: Any, tmp_path: Path) -> str:
    """Why a bake of the strip is refused; '' if it is not."""
    try:
        job = bake.Bake.strip(scene, strip, START, END, [], tmp_path / "out" / "baked.mp4")
    except bake.Refused as why:
        return str(why)
    job.cancel()
    return ""


def test_a_function_that_only_this_blender_has(bake: Any, scene: Any, tmp_path: Path) -> None:
    strip, other = color(scene, 1, 1, 20), color(scene, 2, 1, 20)
    bpy.app.driver_namespace["fade_of_studio"] = lambda frame: frame / 10
    try:
        drive(strip, "blend_alpha", scene, "frame_current", "fade_of_studio(p)")
        assert "Opacity of “COLOR 1 1”" in refused(bake, scene, strip, tmp_path)
        assert refused(bake, scene, other, tmp_path) == ""
        other.name, other["of.mine"] = "A.001", 0.5
        other.driver_add('["of.mine"]').driver.expression = "fade_of_studio(1)"
        assert "The property “of.mine” of “A.001”" in refused(bake, scene, other, tmp_path)
    finally:
        del bpy.app.driver_namespace["fade_of_studio"]


@pytest.mark.parametrize(
    "path", ["studio_fade", 'sequence_editor.strips_all["COLOR 2 1"].studio_fade']
)
def test_a_property_of_an_add_on(bake: Any, scene: Any, tmp_path: Path, path: str) -> None:
    strip, _ = color(scene, 1, 1, 20), color(scene, 2, 1, 20)
    kinds = (bpy.types.Scene, getattr(bpy.types, "Strip", None) or bpy.types.Sequence)
    for kind in kinds:
        kind.studio_fade = bpy.props.FloatProperty(default=0.5)
    try:
        drive(strip, "blend_alpha", scene, path.replace("strips_all", all_name(scene)))
        assert "only this Blender has" in refused(bake, scene, strip, tmp_path)
    finally:
        for kind in kinds:
            del kind.studio_fade


def all_name(scene: Any) -> str:
    return "strips_all" if hasattr(scene.sequence_editor, "strips_all") else "sequences_all"


def live_body(scene: Any) -> Any:
    """A rigid body that falls and is not baked."""
    mesh = bpy.data.meshes.new("body")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], [], [(0, 1, 2), (0, 1, 3)])
    thing = bpy.data.objects.new("body", mesh)
    scene.collection.objects.link(thing)
    with bpy.context.temp_override(scene=scene, object=thing, view_layer=scene.view_layers[0]):
        scene.view_layers[0].objects.active = thing
        bpy.ops.rigidbody.object_add(type="ACTIVE")
    return thing


def test_an_object_that_falls_drives_a_strip(bake: Any, scene: Any, tmp_path: Path) -> None:
    strip = color(scene, 1, 1, 20)
    drive(strip, "blend_alpha", live_body(scene), "location.z")
    assert "rigid bodies" in refused(bake, scene, strip, tmp_path)


def closes_over(strip: Any) -> Any:
    def later(*_: object) -> None:
        strip.text = "12"

    return later


def names_the_edit(scene: Any) -> Any:
    def later(scene: Any, *_: object) -> None:
        helper(scene)

    def helper(scene: Any) -> None:
        next(iter(all_strips(scene).values())).text = "12"

    return later


def moves_an_object(scene: Any) -> Any:
    def later(scene: Any, *_: object) -> None:
        scene.camera.location.x = " a b ".strip().count("a")

    return later


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (closes_over, "when the frame changes"),
        (names_the_edit, "frame changes"),
        (moves_an_object, ""),
    ],
)
def test_a_script_that_may_change_the_edit(
    bake: Any, scene: Any, tmp_path: Path, make: Any, words: str
) -> None:
    strip = color(scene, 1, 1, 20, "TEXT")
    handler = make(scene if make is not closes_over else strip)
    bpy.app.handlers.frame_change_pre.append(handler)
    try:
        why = refused(bake, scene, strip, tmp_path)
        assert (words in why and "Nothing was sent or charged." in why) if words else not why
        strip.blend_type = "ALPHA_OVER"
        if not words:  # and what may change what drivers read counts
            drive(strip, "blend_alpha", scene, "frame_current", "p / 10")
            assert "when the frame changes" in refused(bake, scene, strip, tmp_path)
    finally:
        bpy.app.handlers.frame_change_pre.remove(handler)


def set_scene(scene: Any, name: str) -> Any:
    """A scene with a camera, as a strip of the edit."""
    other = bpy.data.scenes.new(name)
    other.render.engine = "BLENDER_WORKBENCH"
    other.camera = bpy.data.objects.new(f"{name} camera", bpy.data.cameras.new(name))
    other.collection.objects.link(other.camera)
    return other


def scene_strip(scene: Any, other: Any, source: str = "CAMERA") -> Any:
    if scene.sequence_editor is None:
        scene.sequence_editor_create()
    strip = base_of(scene.sequence_editor).new_scene(
        name=f"of {other.name}", scene=other, channel=3, frame_start=1
    )
    strip.scene_input = source
    trim(strip, 1, 20)
    return strip


@pytest.mark.parametrize("nested", [False, True])
def test_a_scene_strip_whose_scene_is_not_carried(
    bake: Any, scene: Any, tmp_path: Path, nested: bool
) -> None:
    class Studio(bpy.types.RenderEngine):
        bl_idname = "STUDIO_ENGINE"
        bl_label = "Studio"

    shown = set_scene(scene, "Set")
    strip = scene_strip(scene, shown)
    if nested:
        between = bpy.data.scenes.new("Between")
        scene_strip(between, shown)
        base_of(scene.sequence_editor).remove(strip)
        strip = scene_strip(scene, between, "SEQUENCER")
    assert refused(bake, scene, strip, tmp_path) == ""
    bpy.utils.register_class(Studio)
    try:
        shown.render.engine = "STUDIO_ENGINE"
        assert "“Studio”" in refused(bake, scene, strip, tmp_path)
        shown.render.engine = "BLENDER_WORKBENCH"
    finally:
        bpy.utils.unregister_class(Studio)
    live_body(shown)
    assert "rigid bodies of “Set”" in refused(bake, scene, strip, tmp_path)
    if nested:  # only where the strip would show its end at frame 5
        inner = base_of(between.sequence_editor)[0]
        between.frame_end = 40
        trim(strip, 1, 41)
        trim(inner, 30, 41)
        assert refused(bake, scene, strip, tmp_path) == ""
        strip.use_reverse_frames = True
        assert "rigid bodies of “Set”" in refused(bake, scene, strip, tmp_path)
    else:
        with pytest.raises(bake.Refused, match="rigid bodies"):
            bake.strip_still(scene, strip, START, (64, 36), tmp_path / "still.png", "PNG")


def test_a_still_of_what_objects_drive_is_taken_at_the_playhead(
    bake: Any, scene: Any, tmp_path: Path
) -> None:
    strip, plain = color(scene, 1, 1, 20), color(scene, 2, 1, 20)
    strip.color = plain.color = (1, 1, 1)
    by_object(scene, strip)
    by_frame(scene, plain)
    path = tmp_path / "still.png"
    scene.frame_set(1)
    with pytest.raises(bake.Refused, match=f"Move the playhead to frame {END}"):
        bake.strip_still(scene, strip, END, (64, 36), path, "PNG")
    bake.strip_still(scene, plain, END, (64, 36), path, "PNG")  # reads its own scene only
    assert grey(bake.read(path)) == pytest.approx(END * 25.5, abs=2)
    scene.frame_set(END, subframe=0.5)
    with pytest.raises(bake.Refused, match=f"Move the playhead to frame {END}"):
        bake.strip_still(scene, strip, END, (64, 36), path, "PNG")
    scene.frame_set(END)
    bake.strip_still(scene, strip, END, (64, 36), path, "PNG")
    assert grey(bake.read(path)) > 250


def test_a_playblast_of_what_falls_is_refused(bake: Any, scene: Any, tmp_path: Path) -> None:
    live_body(scene)
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    with pytest.raises(bake.Refused, match=r"rigid bodies.*Viewport Animation.*charged"):
        bake.Bake.camera(scene, START, END, tmp_path / "out" / "baked.mp4")
    assert not (tmp_path / "out").exists()


def masked(scene: Any) -> Any:
    """A mask over the whole frame whose layer an object shows from the middle of the bake on."""
    mask = bpy.data.masks.new("mask")
    layer = mask.layers.new(name="layer")
    spline = layer.splines.new()
    spline.use_cyclic = True
    spline.points.add(3)
    for point, place in zip(spline.points, ((-2, -2), (3, -2), (3, 3), (-2, 3)), strict=True):
        point.handle_type = "VECTOR"
        point.co = point.handle_left = point.handle_right = place
    driver = layer.driver_add("alpha").driver
    variable = driver.variables.new()
    variable.name = "p"
    variable.targets[0].id, variable.targets[0].data_path = mover(scene), "location.x"
    driver.expression = "p"
    return mask


def painted(scene: Any) -> Any:
    """A strip of a scene that shows a picture which is painted and not saved."""
    shown = set_scene(scene, "Painted")
    shown.render.resolution_x, shown.render.resolution_y = 64, 36
    shown.view_settings.view_transform = "Standard"
    shown.display.shading.light, shown.display.shading.color_type = "FLAT", "TEXTURE"
    shown.camera.location.z = 1
    mesh = bpy.data.meshes.new("wall")
    mesh.from_pydata([(-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)], [], [(0, 1, 2, 3)])
    mesh.uv_layers.new(name="uv")
    shown.collection.objects.link(bpy.data.objects.new("wall", mesh))
    image = bpy.data.images.new("paint", 8, 8)
    image.pixels.foreach_set([0.0, 1.0, 0.0, 1.0] * 64)
    image.update()
    material = bpy.data.materials.new("paint")
    material.use_nodes = True
    texture = material.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = image
    material.node_tree.nodes.active = texture
    mesh.materials.append(material)
    return scene_strip(scene, shown)


@pytest.mark.skipif(bpy.app.version < (5, 3), reason="the newest shows it")
def test_an_edit_of_many_kinds(bake: Any, scene: Any, tmp_path: Path) -> None:
    """A text, a driven mask, a mask on a strip, a painted scene, a keyed view: as the sequencer shows them."""
    editor = base_of(scene.sequence_editor)
    clip = bpy.data.movieclips.load(str(pictures.numbered_clip(tmp_path / "clip.mp4", 1)))
    below = editor.new_clip(name="clip", clip=clip, channel=1, frame_start=1)
    text = color(scene, 6, 1, 20, "TEXT")
    text.text, text.font_size = "MMMM", 60.0
    mask = editor.new_mask(name="mask", mask=masked(scene), channel=2, frame_start=1)
    faded = color(scene, 4, 1, 20)
    faded.color = (1, 1, 1)
    modifier = faded.modifiers.new("mask", "MASK")
    modifier.input_mask_type, modifier.input_mask_id = "ID", mask.mask
    strips = [text, mask, painted(scene), faded]
    for number, strip in enumerate(strips):
        trim(strip, 1, 20)
        strip.blend_type = "ALPHA_OVER"
        strip.crop.min_x, strip.crop.max_x = number * 12, 64 - (number + 1) * 12
    for exposure, frame in ((0.0, START), (-1.0, START + 1)):
        scene.view_settings.exposure = exposure
        scene.view_settings.keyframe_insert("exposure", frame=frame)
    trim(below, 1, 20)
    meta = meta_of(scene, [below, *strips])
    seen = [pictures.see(scene, tmp_path, frame) for frame in range(START, END)]
    scene.frame_set(1)
    result = finished(bake.Bake.strip(scene, meta, START, END, [], tmp_path / "out" / "a.mp4"))
    assert not np.allclose(seen[0], seen[1], atol=10)
    raw = pictures._decoded(Path(result.path), "-f", "rawvideo", "-pix_fmt", "rgb24")
    films = np.frombuffer(raw, np.uint8).reshape(-1, 36, 64, 3)
    for wanted, got in zip(seen, films, strict=True):
        assert np.abs(wanted - got).mean() < 4
        for column in range(6, 60, 12):
            assert got[18, column] == pytest.approx(wanted[18, column], abs=12)

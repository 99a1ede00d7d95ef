"""Looks: made from the still that Generate would send, used as the first frame, and never on a timeline.

Every look here is bought from the stand-in by a worker process; the pictures are real files.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

from .test_flow import newest, posts, refused, strips
from .test_orders import Drawn
from .test_rework_breaker import in_state, settle, tick_until, window

__all__ = ["window"]  # a fixture
Module = Callable[[str], ModuleType]
WIDTH, HEIGHT = 960, 540


def draw_image(name: str, width: int = WIDTH, height: int = HEIGHT) -> Any:
    """An image of this file with shapes that are nowhere alike."""
    rows, columns = np.mgrid[0:height, 0:width]
    values = np.ones((height, width, 4), np.float32)
    values[..., :3] = 0.2 + 0.3 * (rows / height)[..., None]
    values[height // 6 : height // 2, width // 8 : width // 3, :3] = (0.8, 0.3, 0.2)
    values[(rows - height * 0.7) ** 2 + (columns - width * 0.7) ** 2 < (height / 5) ** 2] = (
        *(0.1, 0.5, 0.9),
        1.0,
    )
    values[height // 2 : height - 20, width // 2 : width // 2 + 24, :3] = 0.95
    image = bpy.data.images.new(name, width, height)
    image.pixels.foreach_set(values.ravel())
    image.pack()
    return image


@pytest.fixture
def look_scene(scene: Any) -> Any:
    """A saved scene whose source is an image, and whose part *Look* is filled in."""
    chosen = scene.grok_video
    chosen.source, chosen.image = "IMAGE", draw_image("Block-out")
    chosen.look_prompt = "A gouache painting"
    bpy.ops.wm.save_mainfile()
    return scene


def sent_pictures(stand_in: Any) -> list[str]:
    return [job["image"] for job in stand_in.jobs() if job.get("image")]


# ------------------------------------------------------------------------------------------ made


def test_a_look_is_made_and_lies_beside_the_file(
    look_scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    job = newest(module)
    assert (job.state, job.spec.kind) == ("IMPORTED", "look")
    look = Path(job.clip.path)
    assert look.parent == tmp_path / "grok_video" / "looks"
    told = json.loads(look.with_suffix(".json").read_text("utf-8"))
    assert told["prompt"] == "A gouache painting"
    assert strips(look_scene) == []
    assert posts(stand_in) == 1
    (bought,) = stand_in.jobs()
    assert stand_in.image(bought["image"]) == Path(job.spec.image).read_bytes()
    generate, models = module("blender.submission.generate"), module("service.models")
    clip = generate.generate_draft(bpy.context, look_scene)
    assert tuple(bought["image_pixels"]) == models.whole_size(clip.resolution, WIDTH, HEIGHT)
    assert (bought["resolution"], bought["quality"]) == ("1k", "medium")
    assert job.cost == bought["ticks"] == job.spec.estimate
    assert look_scene.grok_video.look.job == "", "nothing is used by itself"
    assert [image.name for image in bpy.data.images if image.filepath] == []


def test_a_file_that_was_never_saved(
    blender: ModuleType, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    scene = bpy.context.scene
    scene.grok_video.source, scene.grok_video.image = "IMAGE", draw_image("Block-out")
    scene.grok_video.look_prompt = "Clay"
    own = module("blender.config").preferences()
    before, own.output_dir = own.output_dir, str(tmp_path / "clips")
    try:
        assert bpy.ops.grok_video.look() == {"FINISHED"}
        assert Path(newest(module).clip.path).parent == tmp_path / "clips" / "looks"
        bpy.ops.grok_video.use_look()
        assert scene.grok_video.look.image.filepath == newest(module).clip.path
    finally:
        own.output_dir = before


def test_what_the_panel_chose_is_sent(look_scene: Any, stand_in: Any, module: Module) -> None:
    chosen = look_scene.grok_video
    chosen.look_size, chosen.look_quality = "2K", "LOW"
    chosen.look_references.add().image = draw_image("Mood", 320, 320)
    bpy.ops.grok_video.add_look_reference(image="Block-out")
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    (bought,) = stand_in.jobs()
    assert (bought["resolution"], bought["quality"]) == ("2k", "low")
    assert len(bought["others"]) == 2
    assert newest(module).cost == bought["ticks"]
    assert module("blender.ui.look").price_of(bpy.context) == bought["ticks"]


def test_the_prices_of_the_service_count(look_scene: Any, stand_in: Any, module: Module) -> None:
    price_of = module("blender.ui.look").price_of
    stand_in.settings(image_price=2.0)
    by_the_table = price_of(bpy.context)
    bpy.ops.grok_video.refresh_models()
    assert price_of(bpy.context) > by_the_table
    stand_in.fail("image-job", "failed")
    refused(bpy.ops.grok_video.look, "could not be generated")
    failed = newest(module)
    assert module("blender.session.click").price_again(failed) == failed.spec.estimate
    assert bpy.ops.grok_video.send_again(job=failed.id, confirm=True) == {"FINISHED"}
    assert newest(module).spec.estimate == failed.spec.estimate


def test_an_older_model_has_no_quality(look_scene: Any, stand_in: Any, module: Module) -> None:
    look_scene.grok_video.look_model = "grok-imagine-image"
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    assert newest(module).spec.quality == ""
    for _ in range(3):
        look_scene.grok_video.look_references.add().image = draw_image("Mood", 64, 64)
    refused(bpy.ops.grok_video.look, "There are 4 pictures")
    assert posts(stand_in) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"look_prompt": "  "}, "The prompt of the look is empty"),
        ({"look_prompt": "x" * 5000}, "The prompt has 5000 characters"),
        ({"source": "NONE"}, "A look is made from a picture"),
        ({"image": None}, "Choose the image that the clip starts from"),
        ({"source": "CAMERA"}, "has no camera"),
        ({"source": "RENDER_RESULT"}, "has not been rendered yet"),
    ],
)
def test_what_cannot_be_made_says_so(
    look_scene: Any, stand_in: Any, change: dict[str, Any], words: str
) -> None:
    for name, value in change.items():
        setattr(look_scene.grok_video, name, value)
    refused(bpy.ops.grok_video.look, words)
    assert posts(stand_in) == 0


def test_a_source_and_a_reference_without_pixels(
    look_scene: Any, stand_in: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"<html>no picture</html>")
    image = bpy.data.images.new("Broken", 1, 1)
    image.source, image.filepath = "FILE", str(broken)
    look_scene.grok_video.look_references.add().image = image
    refused(bpy.ops.grok_video.look, "Reference 1: “Broken” is a web page")
    look_scene.grok_video.look_references.clear()
    look_scene.grok_video.look_references.add()
    refused(bpy.ops.grok_video.look, "Reference 1: Choose an image")
    look_scene.grok_video.look_references.clear()
    look_scene.grok_video.image = image
    refused(bpy.ops.grok_video.look, "is a web page")
    assert posts(stand_in) == 0


def test_an_hdr_picture_is_sent_as_it_is_shown(
    look_scene: Any, stand_in: Any, module: Module
) -> None:
    image = bpy.data.images.new("HDR", 64, 36, float_buffer=True)
    values = np.ones((36, 64, 4), np.float32)
    values[:, :32, :3], values[:, 32:, :3] = 7.5, 0.18
    image.pixels.foreach_set(values.ravel())
    look_scene.grok_video.image = image
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    kind, *_ = module("core.picture_kind").measure(stand_in.image(stand_in.jobs()[0]["image"]))
    assert kind == "image/png"


# ------------------------------------------------------------------------------------------ used


@pytest.fixture
def look(look_scene: Any, module: Module) -> Any:
    """The job of a look of the scene's source."""
    bpy.ops.grok_video.look()
    return newest(module)


def test_the_look_is_the_first_frame(
    look_scene: Any, look: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    assert bpy.ops.grok_video.use_look(job=look.id) == {"FINISHED"}
    used = look_scene.grok_video.look
    assert used.job == look.id
    assert used.image.filepath == "//grok_video/looks/" + Path(look.clip.path).name
    assert used.image.packed_file is None
    assert look_scene.grok_video.source == "IMAGE"
    assert (used.width, used.height) == look.spec.image_pixels
    assert len(used.render) == 64
    assert bpy.ops.grok_video.generate() == {"FINISHED"}
    job, bought = newest(module), stand_in.jobs()[-1]
    assert job.spec.look == look.id
    assert (job.spec.source.kind, job.spec.source.image) == ("IMAGE", "Block-out")
    clip = module("blender.submission.generate").generate_draft(bpy.context, look_scene)
    models = module("service.models")
    assert tuple(bought["image_pixels"]) == models.whole_size(clip.resolution, WIDTH, HEIGHT)
    pixels, framing = module("blender.sources.pixels"), module("core.framing")
    sent, whole = pixels.read(Path(job.spec.image)), pixels.read(Path(look.clip.path))
    assert (pixels.fit(whole, 1.0, (sent.shape[1], sent.shape[0])) == sent).all()
    assert not framing.crop_inside(whole.shape[1], whole.shape[0], *sent.shape[1::-1]).whole
    bpy.ops.grok_video.use_render()
    assert used.job == ""
    assert used.image is None
    bpy.ops.grok_video.generate()
    assert newest(module).spec.look == ""
    assert stand_in.jobs()[-1]["image"] == stand_in.jobs()[0]["image"]


def test_a_press_is_one_undo_step(look_scene: Any, look: Any, module: Module) -> None:
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.grok_video.use_look(job=look.id)
    bpy.ops.ed.undo_push(message="Use This Look")
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert (scene.grok_video.look.job, scene.grok_video.look.image) == ("", None)
    bpy.ops.ed.redo()
    assert bpy.context.scene.grok_video.look.job == look.id
    assert bpy.context.scene.grok_video.look.image is not None
    assert newest(module).state == "IMPORTED"
    for name in ("use_look", "use_render", "add_look_reference", "remove_look_reference"):
        operator = getattr(module("blender.ui.look"), f"GROK_VIDEO_OT_{name}")
        assert {"REGISTER", "UNDO"} <= operator.bl_options
    assert not module("blender.ui.look").GROK_VIDEO_OT_look.bl_options


def test_another_look_lets_go_of_the_first_but_not_of_a_packed_one(
    look_scene: Any, look: Any, module: Module
) -> None:
    bpy.ops.grok_video.look()
    second = newest(module)
    looks = module("blender.session.looks")
    assert [job.id for job in looks.of_source(look_scene)] == [look.id, second.id]
    assert looks.shown(bpy.context, look_scene).id == second.id
    bpy.ops.grok_video.turn_look(step=-1)
    assert looks.shown(bpy.context, look_scene).id == look.id
    bpy.ops.grok_video.turn_look(step=-1)
    assert looks.shown(bpy.context, look_scene).id == look.id
    bpy.ops.grok_video.use_look(job=look.id)
    first = look_scene.grok_video.look.image.name
    bpy.ops.grok_video.use_look(job=second.id)
    assert first not in bpy.data.images
    packed = look_scene.grok_video.look.image
    packed.pack()
    name = packed.name
    bpy.ops.grok_video.use_look(job=look.id)
    assert name in bpy.data.images
    assert bpy.data.images[name].packed_file is not None


def test_what_f9_does_again_is_about_the_same_look(
    look_scene: Any, look: Any, module: Module
) -> None:
    """Blender calls ``execute`` anew, with the properties that the operator had at its end."""
    for name in ("use_look", "use_settings", "use_prompt"):
        asked = SimpleNamespace(job="", report=lambda *_: None)
        operator = getattr(bpy.types, f"GROK_VIDEO_OT_{name}")
        assert operator.run(asked, bpy.context) == {"FINISHED"}
        assert asked.job == look.id, name


def test_looks_of_another_source_are_not_shown(look_scene: Any, look: Any, module: Module) -> None:
    looks = module("blender.session.looks")
    bpy.ops.grok_video.use_look(job=look.id)
    look_scene.grok_video.image = draw_image("Other")
    assert looks.of_source(look_scene) == []
    draft = module("blender.submission.generate").generate_draft(bpy.context, look_scene)
    assert draft.look == "", "the image that was chosen is sent"
    look_scene.grok_video.image = bpy.data.images["Block-out"]
    draft = module("blender.submission.generate").generate_draft(bpy.context, look_scene)
    assert draft.look == look.id
    assert looks.of_source(bpy.data.scenes.new("Empty")) == []


# ------------------------------------------------------------------------------------------ the camera


@pytest.fixture
def camera_scene(look_scene: Any) -> Any:
    """As ``look_scene``, its source a camera before a cube."""
    camera = bpy.data.objects.new("Shot Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0.0, -8.0, 0.0), (np.pi / 2, 0.0, 0.0)
    look_scene.collection.objects.link(camera)
    look_scene.camera = camera
    bpy.ops.mesh.primitive_cube_add()
    look_scene.world = bpy.data.worlds.new("World")
    look_scene.render.engine = "CYCLES"
    look_scene.cycles.samples = 1
    look_scene.cycles.use_denoising = False
    look_scene.grok_video.source = "CAMERA"
    bpy.context.view_layer.update()
    return look_scene


def test_a_look_of_the_camera_remembers_its_view(
    camera_scene: Any, stand_in: Any, module: Module
) -> None:
    camera_scene.frame_set(7)
    bpy.ops.grok_video.look(allow_single_color=True)
    look = newest(module)
    assert (look.spec.source.kind, look.spec.source.camera) == ("CAMERA", "Shot Camera")
    bpy.ops.grok_video.use_look(job=look.id)
    used = camera_scene.grok_video.look
    assert (used.camera, used.frame, used.view) == ("Shot Camera", 7.0, look.spec.source.view)
    first_frame = module("blender.submission.first_frame")
    looks = module("blender.session.looks")

    def is_earlier() -> bool:
        bpy.context.view_layer.update()
        return first_frame.is_earlier(bpy.context, camera_scene, used)

    assert not is_earlier()
    camera = camera_scene.camera
    for change in (
        lambda: setattr(camera, "location", (1.0, -8.0, 0.0)),
        lambda: setattr(camera.data, "lens", 35.0),
        lambda: camera_scene.frame_set(9),
        lambda: setattr(camera_scene.render, "resolution_y", 900),
    ):
        bpy.ops.grok_video.look(allow_single_color=True)
        newer = newest(module)
        bpy.ops.grok_video.use_look(job=newer.id)
        assert not is_earlier()
        change()
        assert is_earlier(), change
        assert "Shot Camera, frame" in looks.question(bpy.context, camera_scene)
        looks.agree()
        assert looks.question(bpy.context, camera_scene) == "", "asked once"
    before = posts(stand_in)
    renders = [job["image"] for job in stand_in.jobs()]
    bpy.ops.grok_video.generate()
    job = newest(module)
    assert posts(stand_in) == before + 1
    assert stand_in.jobs()[-1]["image"] not in renders, "the look is sent and no render"
    assert (job.spec.source.camera, job.spec.source.frame) == ("Shot Camera", 9.0)


def test_a_source_that_shows_something_else_is_asked_about(
    look_scene: Any, look: Any, module: Module
) -> None:
    looks = module("blender.session.looks")
    bpy.ops.grok_video.use_look(job=look.id)
    assert looks.question(bpy.context, look_scene) == ""
    image = look_scene.grok_video.image
    values = np.empty(WIDTH * HEIGHT * 4, np.float32)
    image.pixels.foreach_get(values)
    image.pixels.foreach_set(values[::-1])
    assert "shows something else" in looks.question(bpy.context, look_scene)
    looks.agree()
    assert looks.question(bpy.context, look_scene) == "", "asked once"
    image.pixels.foreach_set(np.sqrt(values))
    assert "shows something else" in looks.question(bpy.context, look_scene)
    stills = Path(look.spec.image).parent
    assert [path.name for path in stills.iterdir() if "-now" in path.name] == []


def test_what_moved_before_an_unmoved_camera_is_an_earlier_view(
    camera_scene: Any, module: Module
) -> None:
    looks, stages = module("blender.session.looks"), module("blender.session.stages")
    box = next(one for one in camera_scene.objects if one.type == "MESH")
    light = bpy.data.objects.new("Key", bpy.data.lights.new("Key", "POINT"))
    prop = bpy.data.objects.new("Prop", None)
    props = bpy.data.collections.new("Props")
    prop.instance_type, prop.instance_collection = "COLLECTION", props
    for one in (light, prop):
        camera_scene.collection.objects.link(one)
    box.keyframe_insert("location", frame=1)
    bpy.context.view_layer.update()

    def says_so() -> bool:
        bpy.context.view_layer.update()
        stages.changed()  # what Blender calls in a window
        stages.known_of(camera_scene)
        stages.look()
        layout = Drawn()
        module("blender.ui.look").draw_in_use(layout, bpy.context)
        drawn = "Made from an earlier view" in " ".join(layout.words)
        assert drawn == ("earlier view" in looks.question(bpy.context, camera_scene))
        return drawn

    for change, back in (
        (
            lambda: setattr(light, "location", (1, 2, 3)),
            lambda: setattr(light, "location", (0, 0, 0)),
        ),
        (lambda: setattr(light.data, "energy", 7), lambda: setattr(light.data, "energy", 10)),
        (
            lambda: setattr(prop, "location", (1, 2, 3)),
            lambda: setattr(prop, "location", (0, 0, 0)),
        ),
        (lambda: setattr(box, "hide_render", True), lambda: setattr(box, "hide_render", False)),
        (lambda: setattr(box, "delta_location", (0, 0.1, 0)), None),
    ):
        bpy.ops.grok_video.look(allow_single_color=True)
        bpy.ops.grok_video.use_look(job=newest(module).id)
        assert not says_so()
        change()
        assert says_so(), change
        if back is not None:
            back()
            assert not says_so(), "as it was"
    looks.agree()
    assert looks.question(bpy.context, camera_scene) == "", "asked once"
    camera_scene.grok_video.look.view = camera_scene.grok_video.look.view.partition(".")[0]
    assert not says_so(), "a look of 0.5.0 knows of its view alone"


def test_the_dialog_asks_once_about_a_look_of_an_earlier_view(
    camera_scene: Any, module: Module, stand_in: Any
) -> None:
    bpy.ops.grok_video.look(allow_single_color=True)
    bpy.ops.grok_video.use_look(job=newest(module).id)
    camera_scene.camera.location.x = 2.0
    bpy.context.view_layer.update()
    dialog = bpy.types.GROK_VIDEO_OT_generate_dialog
    looks, before = module("blender.session.looks"), posts(stand_in)

    def asked(**given: Any) -> Any:
        return SimpleNamespace(
            **{"_pressed": True, "_told": "", "layout": Drawn(), "report": lambda *_: None, **given}
        )

    with pytest.raises(module("blender.refusal").Refused, match="earlier view: Shot Camera"):
        dialog.run(asked(_earlier=""), bpy.context)  # nobody was asked
    assert posts(stand_in) == before
    open_one = asked(_earlier=looks.question(bpy.context, camera_scene))
    dialog.draw(open_one, bpy.context)
    assert "was made from an earlier view" in " ".join(open_one.layout.words)
    assert dialog.run(open_one, bpy.context) == {"FINISHED"}
    assert posts(stand_in) == before + 1
    assert looks.question(bpy.context, camera_scene) == "", "asked once"


# ------------------------------------------------------------------------------------------ bad input


def test_a_portrait_for_a_wide_clip(look_scene: Any, look: Any, stand_in: Any) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    image = look_scene.grok_video.look.image
    image.scale(400, 800)
    refused(bpy.ops.grok_video.generate, "more than half of the look would be cropped")
    assert posts(stand_in) == 1


def test_the_file_is_deleted_or_is_no_picture(
    look_scene: Any, look: Any, stand_in: Any, tmp_path: Path
) -> None:
    path = Path(look.clip.path)
    kept = path.read_bytes()
    path.unlink()
    refused(lambda: bpy.ops.grok_video.use_look(job=look.id), "The file of this look is gone")
    path.write_bytes(b"%PDF-1.4 no picture")
    refused(lambda: bpy.ops.grok_video.use_look(job=look.id), "is a PDF")
    assert [image.name for image in bpy.data.images if image.filepath] == []
    path.write_bytes(kept)
    bpy.ops.grok_video.use_look(job=look.id)
    bpy.ops.wm.save_mainfile()
    path.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    refused(bpy.ops.grok_video.generate, "The look in use cannot be sent")
    assert posts(stand_in) == 1
    bpy.ops.grok_video.download_again(job=look.id)
    assert bpy.ops.grok_video.generate() == {"FINISHED"}


@pytest.mark.parametrize("size", [(2**40, -3), (0, 7), (-1, 2**31)])
def test_a_damaged_list_and_a_damaged_file(
    look_scene: Any, look: Any, module: Module, size: tuple[int, int]
) -> None:
    looks, generate = module("blender.session.looks"), module("blender.submission.generate")
    wild = replace(look.spec.source, camera="Half \ud800 of it\0", frame=1e300)
    spec = replace(look.spec, image_pixels=size, source=replace(wild, scene="\udfff" * 4000))
    assert looks.use(look_scene, replace(look, spec=spec)) == []
    used = look_scene.grok_video.look
    used.frame = float("nan")
    for change in (None, "image"):
        if change:
            bpy.data.images.remove(look_scene.grok_video.image)
            used.of_image = None
        looks.question(bpy.context, look_scene)
        draft = generate.generate_draft(bpy.context, look_scene)
        generate.picture_size(bpy.context, look_scene, draft)
        module("blender.ui.look").draw_in_use(Drawn(), bpy.context)
    assert draft.look == look.id


def test_the_datablock_is_renamed_or_removed(look_scene: Any, look: Any, stand_in: Any) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    look_scene.grok_video.look.image.name = "Renamed"
    bpy.data.images["Block-out"].name = "Also Renamed"
    assert bpy.ops.grok_video.generate() == {"FINISHED"}
    assert stand_in.jobs()[-1]["image"] != stand_in.jobs()[0]["image"]
    bpy.data.images.remove(bpy.data.images["Renamed"])
    refused(bpy.ops.grok_video.generate, "is not in this file any more")
    assert posts(stand_in) == 2
    bpy.ops.grok_video.use_look(job=look.id)
    assert bpy.ops.grok_video.generate() == {"FINISHED"}


def test_another_take_with_the_look_is_asked_for_at_any_frame(
    camera_scene: Any, stand_in: Any, module: Module
) -> None:
    bpy.ops.grok_video.look(allow_single_color=True)
    bpy.ops.grok_video.use_look()
    bpy.ops.grok_video.generate()
    (strip,) = strips(camera_scene)
    camera_scene.frame_set(11)
    camera_scene.grok_video.resolution = "720p"
    asked = SimpleNamespace(_named=lambda _context: strip, changed=True)
    title, words = bpy.types.GROK_VIDEO_OT_another_take.question(asked, bpy.context, 10**9)
    assert title == "Begin with This Look?"
    assert "made from an earlier view" in words
    assert words.endswith("It costs $0.10.")
    assert bpy.ops.grok_video.another_take(strip=strip.name, changed=True) == {"FINISHED"}
    first, second = stand_in.jobs()[1:]
    assert (first["resolution"], second["resolution"]) == ("480p", "720p")
    assert newest(module).spec.look == camera_scene.grok_video.look.job
    bpy.ops.grok_video.use_render()
    refused(
        lambda: bpy.ops.grok_video.another_take(strip=strip.name, changed=True),
        "put the playhead there",
    )


def test_a_scene_of_another_file_is_refused(look_scene: Any, look: Any, tmp_path: Path) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.data.scenes["Scene"].name = "Own"
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_there, wanted):
        wanted.scenes = ["Scene"]
    scene = wanted.scenes[0]
    assert scene.override_create() is None, "Blender makes no library override of a scene"
    ops = bpy.ops.grok_video
    with bpy.context.temp_override(scene=scene):
        for press in (
            lambda: ops.use_look(job=look.id),
            ops.use_render,
            ops.add_look_reference,
            ops.remove_look_reference,
            ops.add_character,
            ops.remove_character,
            ops.insert_character,
            lambda: ops.use_settings(job=look.id),
            lambda: ops.use_prompt(job=look.id),
        ):
            refused(press, "is linked from another file: its settings cannot be changed here")
    assert scene.grok_video.look.job == look.id
    assert len(scene.grok_video.cast) == 0


def test_a_packed_look_goes_to_another_machine(
    look_scene: Any, look: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    look_scene.grok_video.look.image.pack()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(elsewhere / "shot.blend"))
    shutil.rmtree(tmp_path / "grok_video")
    bpy.ops.wm.open_mainfile(filepath=str(elsewhere / "shot.blend"))
    assert bpy.ops.grok_video.generate() == {"FINISHED"}
    assert newest(module).spec.look == look.id


def test_a_failed_look_is_sent_again_as_a_look(
    look_scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    stand_in.fail("image-job", "failed")
    refused(bpy.ops.grok_video.look, "could not be generated")
    failed = newest(module)
    assert failed.state == "FAILED"
    assert bpy.ops.grok_video.send_again(job=failed.id, confirm=True, slot=True) == {"FINISHED"}
    job = newest(module)
    assert (job.state, job.spec.parent) == ("IMPORTED", failed.id)
    assert Path(job.clip.path).parent == tmp_path / "grok_video" / "looks"
    assert strips(look_scene) == []


def test_moderated_is_billed_and_said(look_scene: Any, stand_in: Any, module: Module) -> None:
    stand_in.fail("image-job", "moderated-400")
    refused(bpy.ops.grok_video.look, "oderat")
    job = newest(module)
    assert (job.state, job.cost) == ("FAILED", stand_in.jobs()[0]["ticks"])


def test_a_service_that_answers_at_once(look_scene: Any, stand_in: Any, module: Module) -> None:
    stand_in.settings(defers=False, job_seconds=0.0)
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    assert newest(module).cost == stand_in.jobs()[0]["ticks"]


@pytest.mark.parametrize("picture_format", ["png", "webp"])
def test_other_kinds_of_pictures(
    look_scene: Any, stand_in: Any, module: Module, picture_format: str
) -> None:
    stand_in.settings(picture_format=picture_format, picture_said="image/jpeg")
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    assert Path(newest(module).clip.path).suffix == f".{picture_format}"
    bpy.ops.grok_video.use_look()
    assert bpy.ops.grok_video.generate() == {"FINISHED"}
    assert newest(module).spec.look


def test_a_web_page_is_no_look(look_scene: Any, stand_in: Any, module: Module) -> None:
    stand_in.fail("download", "not-mp4")
    assert bpy.ops.grok_video.look() == {"FINISHED"}, "asked for once more"
    assert Path(newest(module).clip.path).suffix == ".jpg"
    assert posts(stand_in) == 1


def test_scripts_wait_for_several(look_scene: Any, stand_in: Any, module: Module) -> None:
    assert bpy.ops.grok_video.look(wait=False) == {"FINISHED"}
    look_scene.grok_video.look_prompt = "Clay"
    assert bpy.ops.grok_video.look(wait=False) == {"FINISHED"}
    assert bpy.ops.grok_video.wait() == {"FINISHED"}
    jobs = module("blender.session.state").current().bridge.snapshot.all
    assert [job.state for job in jobs] == ["IMPORTED", "IMPORTED"]
    assert posts(stand_in) == 2


def test_a_look_is_no_clip(look_scene: Any, look: Any, module: Module) -> None:
    refused(lambda: bpy.ops.grok_video.import_result(job=look.id), "A look is a picture")
    refused(lambda: bpy.ops.grok_video.show_strip(job=look.id), "A look is a picture")
    refused(bpy.ops.grok_video.import_result, "There is no such job")
    assert strips(look_scene) == []
    bpy.ops.grok_video.generate()
    refused(lambda: bpy.ops.grok_video.use_look(job=newest(module).id), "no look")
    assert module("blender.session.unused").unused() == []


def test_a_look_that_comes_while_another_file_is_open(
    look_scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    looks, blocking = module("blender.session.looks"), module("blender.session.blocking")
    job_id = looks.make(bpy.context, look_scene, allow_single_color=False)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    blocking.wait_until(bpy.context, job_id, lambda job: job.state == "READY")
    for _ in range(20):
        module("blender.session.tick").tick(bpy.context)
    assert newest(module).state == "READY"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    blocking.wait_until(bpy.context, job_id, lambda job: job.state == "IMPORTED")
    assert strips(bpy.context.scene) == []
    assert looks.shown(bpy.context, bpy.context.scene).id == job_id


@pytest.mark.parametrize("opened", ["saved", "other", "again"])
def test_a_look_comes_to_a_file_that_was_saved_under_another_name_meanwhile(
    look_scene: Any, stand_in: Any, module: Module, tmp_path: Path, opened: str
) -> None:
    """Saved and left open; or opened again later, where another file was open meanwhile or not."""
    looks, blocking = module("blender.session.looks"), module("blender.session.blocking")
    job_id = looks.make(bpy.context, look_scene, allow_single_color=False)
    saved = tmp_path / "shot_v002.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(saved))
    if opened != "saved":
        if opened == "other":
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            blocking.wait_until(bpy.context, job_id, lambda job: job.state == "READY")
            for _ in range(5):
                module("blender.session.tick").tick(bpy.context)
            assert newest(module).state == "READY", "no file of it is open"
        bpy.ops.wm.open_mainfile(filepath=str(saved))
    blocking.wait_until(bpy.context, job_id, lambda job: job.state == "IMPORTED")
    assert looks.shown(bpy.context, bpy.context.scene).id == job_id
    bpy.ops.grok_video.use_look(job=job_id)
    assert bpy.context.scene.grok_video.look.job == job_id


def test_two_looks_clicked_at_once_are_one(
    window: None, look_scene: Any, stand_in: Any, module: Module
) -> None:
    looks, session = module("blender.session.looks"), module("blender.session")
    job_id = looks.make(bpy.context, look_scene, allow_single_color=False)
    with pytest.raises(module("blender.refusal").Refused, match="This look was sent just now"):
        looks.make(bpy.context, look_scene, allow_single_color=False)
    tick_until(session, in_state(session, job_id, "IMPORTED"))
    assert posts(stand_in) == 1


def test_a_look_that_is_approved_while_its_clip_is_sent_already(
    window: None, look_scene: Any, stand_in: Any, module: Module
) -> None:
    looks, session = module("blender.session.looks"), module("blender.session")
    look = looks.make(bpy.context, look_scene, allow_single_color=False)
    tick_until(session, in_state(session, look, "IMPORTED"))
    job_by_id = module("blender.session.state").job_by_id
    clip = module("blender.session.click").generate(bpy.context, look_scene, look_scene, 1)
    looks.use(look_scene, job_by_id(look))
    tick_until(session, in_state(session, clip, "IMPORTED"))
    assert job_by_id(clip).spec.look == ""
    assert stand_in.jobs()[1]["image"] == stand_in.jobs()[0]["image"], "the render, as clicked"
    assert look_scene.grok_video.look.job == look


def test_a_look_is_never_imported_by_itself(
    window: None, look_scene: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    looks, session = module("blender.session.looks"), module("blender.session")
    patches.set(looks, "arrive", lambda _context: False)
    job_id = looks.make(bpy.context, look_scene, allow_single_color=False)
    tick_until(session, in_state(session, job_id, "READY"))
    settle(session)
    assert in_state(session, job_id, "READY")()
    assert newest(module).claimed_by == "", "nobody asked for its import"
    assert strips(look_scene) == []


def test_use_these_settings_brings_the_look_back(
    look_scene: Any, look: Any, stand_in: Any, module: Module
) -> None:
    chosen = look_scene.grok_video
    bpy.ops.grok_video.use_look(job=look.id)
    bpy.ops.grok_video.generate()
    clip = newest(module)
    bpy.ops.grok_video.use_render()
    chosen.look_prompt, chosen.look_quality = "Something else", "LOW"
    bpy.ops.grok_video.use_settings(job=clip.id)
    assert chosen.look.job == look.id
    bpy.ops.grok_video.use_settings(job=look.id)
    assert (chosen.look_prompt, chosen.look_quality) == ("A gouache painting", "MEDIUM")
    bpy.ops.grok_video.use_render()
    Path(look.clip.path).unlink()
    said = module("blender.ui.use_settings").use(bpy.context, clip)
    assert any("The look that the clip began with is not there" in words for words in said.gone)
    assert chosen.look.job == ""


def test_the_prompts_of_looks_have_a_history_of_their_own(
    look_scene: Any, look: Any, module: Module
) -> None:
    prompts = module("blender.ui.prompts")
    assert [job.id for job in prompts.history(look_scene, look=True)] == [look.id]
    assert prompts.history(look_scene) == []
    look_scene.grok_video.look_prompt = ""
    bpy.ops.grok_video.use_prompt(job=look.id)
    assert look_scene.grok_video.look_prompt == "A gouache painting"
    for style, _, words in module("blender.ui.look_styles").STYLES:
        bpy.ops.grok_video.use_look_style(style=style)
        assert look_scene.grok_video.look_prompt.startswith(words)


# ------------------------------------------------------------------------------------------ geometry


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        ("", ""),
        ("shift=0.05,0", "has moved 5 % right"),
        ("shift=0,-0.05", "up"),
        ("mirror", "is mirrored"),
        ("scale=1.12", "larger"),
    ],
)
def test_where_the_look_has_moved(
    look_scene: Any, stand_in: Any, module: Module, geometry: str, words: str
) -> None:
    stand_in.settings(geometry=geometry, picture_marked=False)
    bpy.ops.grok_video.look()
    said = module("blender.session.looks").measure_now(newest(module))
    assert words in said if words else said == ""


# ------------------------------------------------------------------------------------------ other frames


def test_end_frame_and_keyframes_in_the_look(
    camera_scene: Any, stand_in: Any, module: Module
) -> None:
    chosen, camera = camera_scene.grok_video, camera_scene.camera
    chosen.model, chosen.duration = "grok-imagine-video-1.5", 2
    for frame, place in ((1, -8.0), (100, -4.0)):
        camera.location.y = place
        camera.keyframe_insert("location", frame=frame)
    camera_scene.frame_set(1)
    bpy.ops.grok_video.look(allow_single_color=True)
    look = newest(module)
    refused(bpy.ops.grok_video.apply_look, "No look is in use")
    bpy.ops.grok_video.use_look(job=look.id)
    refused(bpy.ops.grok_video.apply_look, "no end frame or keyframe")
    chosen.end_frame = chosen.keyframes = True
    camera_scene.timeline_markers.new("Middle", frame=25)
    price = module("blender.ui.look_frames").price_of(camera_scene)
    assert bpy.ops.grok_video.apply_look() == {"FINISHED"}
    jobs = module("blender.session.state").current().bridge.snapshot.all
    frames = {job.spec.source.frame: job for job in jobs if job.spec.look}
    end = module("blender.submission.generate").end_frame_of(camera_scene)
    assert set(frames) == {25.0, float(end)}
    assert all(job.state == "IMPORTED" for job in frames.values())
    assert sum(job.cost for job in frames.values()) == price
    bought = stand_in.jobs()[1:]
    assert len({job["image"] for job in bought}) == 2, "each from its own render"
    assert len({job["others"][0] for job in bought}) == 1, "and the same look"
    assert all(job["prompt"].endswith("Make it look like <IMAGE_1>.") for job in bought)
    refused(bpy.ops.grok_video.apply_look, "no end frame or keyframe to make")
    looks = module("blender.session.looks")
    assert [job.id for job in looks.of_source(camera_scene)] == [look.id]
    refused(lambda: bpy.ops.grok_video.use_look(job=frames[25.0].id), "another frame of a clip")
    bpy.ops.grok_video.generate()
    pixels, clip = module("blender.sources.pixels"), newest(module)
    for picture, frame in (
        (clip.spec.keyframes[0].picture, 25.0),
        (clip.spec.last_frame, float(end)),
    ):
        sent = pixels.read(Path(picture.path))
        made = pixels.read(Path(frames[frame].clip.path))
        assert (pixels.fit(made, 1.0, (sent.shape[1], sent.shape[0])) == sent).all()
    chosen.look_frames = False
    bpy.ops.grok_video.generate()
    sent = pixels.read(Path(newest(module).spec.last_frame.path)).astype(float)
    render = pixels.read(Path(frames[float(end)].spec.image)).astype(float)
    assert abs(sent - render).mean() < 2.0
    chosen.look_frames = True
    Path(frames[25.0].clip.path).unlink()
    before = posts(stand_in)
    refused(bpy.ops.grok_video.generate, "Middle: the file of its look is gone")
    assert posts(stand_in) == before


# ------------------------------------------------------------------------------------------ with the rest


def test_a_draft_and_its_final_clip_begin_with_the_look(
    look_scene: Any, look: Any, stand_in: Any, module: Module
) -> None:
    chosen = look_scene.grok_video
    chosen.resolution, chosen.draft = "720p", True
    bpy.ops.grok_video.use_look(job=look.id)
    assert bpy.ops.grok_video.generate() == {"FINISHED"}
    draft = newest(module)
    assert (draft.spec.look, draft.spec.draft) == (look.id, True)
    pixels = module("blender.sources.pixels")
    full = pixels.read(Path(draft.spec.full_image.path))
    made = pixels.read(Path(look.clip.path))
    assert (pixels.fit(made, 1.0, (full.shape[1], full.shape[0])) == full).all()
    (strip,) = strips(look_scene)
    assert bpy.ops.grok_video.finish(strip=strip.name) == {"FINISHED"}
    final = newest(module)
    assert final.spec.look == look.id
    assert (
        stand_in.image(stand_in.jobs()[-1]["image"])
        == Path(draft.spec.full_image.path).read_bytes()
    )


def test_a_loop_ends_on_the_look_that_it_begins_with(
    look_scene: Any, look: Any, stand_in: Any, module: Module
) -> None:
    chosen = look_scene.grok_video
    chosen.model, chosen.loop = "grok-imagine-video-1.5", True
    bpy.ops.grok_video.use_look(job=look.id)
    assert bpy.ops.grok_video.generate() == {"FINISHED"}
    job, body = newest(module), stand_in.requests("submit")[-1]["body"]
    assert job.spec.look == look.id
    assert body["last_frame"]["url"]["sha256"] == body["image"]["url"]["sha256"]

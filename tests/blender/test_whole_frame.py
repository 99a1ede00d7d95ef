"""Ratio *Auto*: the artist's frame as the service receives it, the clip that follows it, and files of 0.1.0.

A picture's left half glows from the left and its right half from the right: each edge is seen in what was sent.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from PIL import Image

from . import editing
from .others import DATA_NAME
from .test_capture import glowing_world, painted, plane
from .test_orders import drawn, newest

Module = Callable[[str], ModuleType]
PACKAGE = "bl_ext.user_default.grok_video"
OLD_SCENES = Path(__file__).resolve().parents[1] / "data" / "scenes-0.1.0.blend"
V15 = "grok-imagine-video-1.5"


@pytest.fixture
def scene(blender: ModuleType, stand_in: Any, tmp_path: Path) -> Any:
    """A plane that fills a frame of 2.39:1, glowing red to the right and green to the top, in a blue world."""
    scene = blender.context.scene
    frame(scene, 239, 100)
    scene.render.engine = "CYCLES"
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
    plane(scene, 23.9, 10.0)
    chosen = scene.grok_video
    chosen.duration, chosen.generate_audio = 1, False
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return blender.context.scene


def frame(scene: Any, width: int, height: int, aspect: tuple[float, float] = (1.0, 1.0)) -> None:
    render = scene.render
    render.resolution_x, render.resolution_y = width, height
    render.pixel_aspect_x, render.pixel_aspect_y = aspect


def received(stand_in: Any, name: str = "image") -> np.ndarray:
    """The newest picture of that field that came to the service, the top row first."""
    link = stand_in.requests("submit")[-1]["body"][name]["url"]
    return np.asarray(Image.open(io.BytesIO(stand_in.image(link["sha256"]))).convert("RGB"))


def last_body(stand_in: Any) -> dict[str, Any]:
    return stand_in.requests("submit")[-1]["body"]


def shape_of(module: Module, job: Any) -> str:
    """What is said of the clip's shape."""
    return module("core.shape").other_shape(job)


def labels(module: Module) -> str:
    """What the panel says of the next clip, in one line."""
    return " ".join(drawn(module, "draw_request"))


# ----------------------------------------------------------------------------------------------- the camera


def test_the_service_receives_the_frame_from_edge_to_edge(
    scene: Any, stand_in: Any, module: Module
) -> None:
    assert "Follows your frame, about 1136 × 480" in labels(module)
    price = module("blender.submission.common").price_of(
        module("blender.submission.generate").generate_draft(bpy.context, scene)
    )
    bpy.ops.grok_video.generate()
    picture = received(stand_in)
    assert picture.shape == (480, 1148, 3)
    assert picture[..., 2].max() == 0, "more was sent than the camera sees"
    middle, across = picture[240, :, 0], picture[:, 574, 1]
    # sRGB of a glow that begins at 0 and ends at 1: the outermost columns and rows are the frame's.
    assert (middle[0] < 25, middle[-1], across[-1] < 25, across[0]) == (True, 255, True, 255)
    assert "aspect_ratio" not in last_body(stand_in)
    job = newest(module)
    assert (job.clip.width, job.clip.height, shape_of(module, job)) == (1136, 480, "")
    assert job.spec.estimate == price == stand_in.jobs()[0]["ticks"]
    how = json.loads(Path(job.clip.path).with_suffix(".json").read_text("utf-8"))
    assert (how["settings"]["aspect_ratio"], how["clip"]["width"]) == ("AUTO", 1136)
    (movie,) = editing.strips(scene)
    # Fitted by what was measured: the clip fills the width of its scene.
    assert movie.transform.scale_x == pytest.approx(239 / 1136, rel=0.01)


@pytest.mark.parametrize(
    ("size", "aspect", "resolution", "pixels", "says"),
    [
        ((1920, 1080), (1, 1), "480p", (848, 480), "about 848 × 480"),
        ((2048, 858), (1, 1), "720p", (1718, 720), "about 1712 × 720"),
        ((2048, 858), (1, 1), "1080p", (1920, 804), "1920 × 804: no side is longer than 1920"),
        ((858, 2048), (1, 1), "480p", (480, 1146), "about 480 × 1136"),
        ((1024, 858), (2, 1), "480p", (1146, 480), "about 1136 × 480"),  # anamorphic
        ((720, 576), (16, 15), "480p", (640, 480), "about 640 × 480"),
        ((6400, 64), (1, 1), "480p", (1920, 20), "1920 × 20: no side is longer than 1920"),
        ((64, 6400), (1, 1), "480p", (20, 1920), "20 × 1920: no side is longer than 1920"),
        ((65536, 4), (1, 1), "480p", (1920, 4), "1920 × 4: no side is longer than 1920"),
    ],
)
def test_the_panel_says_what_the_clip_will_follow(
    scene: Any,
    module: Module,
    size: tuple[int, int],
    aspect: tuple[int, int],
    resolution: str,
    pixels: tuple[int, int],
    says: str,
) -> None:
    frame(scene, *size, aspect)
    # Of a frame the camera sees all, whatever a test render is cut down to.
    scene.render.resolution_percentage = 25
    scene.render.use_border = scene.render.use_crop_to_border = True
    scene.render.border_max_x = 0.5
    scene.grok_video.model, scene.grok_video.resolution = V15, resolution
    submission = module("blender.submission.generate")
    draft = submission.generate_draft(bpy.context, scene)
    assert submission.picture_size(bpy.context, scene, draft) == pixels
    assert says in labels(module)


def test_a_frame_of_one_row_is_rendered_as_large_as_it_is_said(
    scene: Any, module: Module, tmp_path: Path
) -> None:
    frame(scene, 6400, 8)
    render = module("blender.sources.camera").CameraRender
    size = module("service.models").whole_size("480p", 6400, 8)
    made = render.start(bpy.context, scene, size, tmp_path / "a.png", "PNG").poll()
    assert Image.open(made.path).size == (made.width, made.height) == (1920, 4)


def test_a_ratio_with_a_name_crops(scene: Any, stand_in: Any, module: Module) -> None:
    scene.grok_video.aspect_ratio = "16:9"
    assert "848 × 480 PNG, crops 26 % of the width" in labels(module)
    scene.grok_video.aspect_ratio = "NEAREST"
    assert "848 × 480 PNG, crops 26 % of the width" in labels(module)
    scene.grok_video.aspect_ratio = "AUTO"
    bpy.context.preferences.addons[PACKAGE].preferences.crop_to_nearest = True
    assert "848 × 480 PNG, crops 26 % of the width" in labels(module)
    bpy.ops.grok_video.generate()
    assert received(stand_in).shape == (480, 848, 3)
    assert last_body(stand_in)["aspect_ratio"] == "16:9"
    assert newest(module).clip.width == 848


def test_a_clip_that_did_not_follow_is_said(scene: Any, stand_in: Any, module: Module) -> None:
    stand_in.settings(crops=True)  # as older documents have it
    bpy.ops.grok_video.generate()
    job = newest(module)
    assert (job.state, job.clip.width, job.clip.height) == ("IMPORTED", 848, 480)
    assert "848 × 480, which is not the shape of the frame that was sent, 1148 × 480" in shape_of(
        module, job
    )
    row = " ".join(drawn(module, "draw_jobs"))
    assert "Crop to the Nearest Ratio" in row
    how = json.loads(Path(job.clip.path).with_suffix(".json").read_text("utf-8"))
    assert (how["clip"]["width"], how["clip"]["height"]) == (848, 480)
    (movie,) = editing.strips(scene)
    assert movie.transform.scale_x == pytest.approx(100 / 480, rel=0.01)


def test_a_clip_from_text_has_the_nearest_ratio_that_there_is(
    scene: Any, stand_in: Any, module: Module
) -> None:
    chosen = scene.grok_video
    chosen.source, chosen.prompt = "NONE", "A heron"
    for size, ratio in (((2048, 858), "21:9"), ((2560, 1000), "5:2"), ((1080, 1920), "9:16")):
        frame(scene, *size)
        assert f"{ratio}, nearest to your frame" in labels(module)
    chosen.aspect_ratio = "NEAREST"  # as 0.1.0 had it
    submission = module("blender.submission.generate")
    assert submission.ratio_of(bpy.context, scene) == "16:9"
    assert "nearest to" not in labels(module)
    chosen.aspect_ratio = "AUTO"
    frame(scene, 2048, 858)
    bpy.ops.grok_video.generate()
    assert last_body(stand_in)["aspect_ratio"] == "21:9"
    assert shape_of(module, newest(module)) == ""


# -------------------------------------------------------------------------------------------- other pictures


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ((1434, 600), (1148, 480)),
        ((301, 126), (300, 126)),
        ((100, 41), (100, 40)),
        ((1, 90), (1, 90)),
    ],
)
def test_an_image_is_sent_whole_and_never_enlarged(
    scene: Any, module: Module, tmp_path: Path, size: tuple[int, int], sent: tuple[int, int]
) -> None:
    generate = module("blender.submission.generate")
    chosen = scene.grok_video
    chosen.source, chosen.image = "IMAGE", painted("Painting", *size)
    made = generate.generation(bpy.context, scene, scene, 1, "session")
    (tmp_path / "data" / DATA_NAME / "stills").mkdir(parents=True, exist_ok=True)
    (still,) = made.stills
    spec = still(made.spec)
    assert spec.image_pixels == sent == Image.open(spec.image).size


def test_the_render_result_and_the_end_frame_have_its_own_ratio(
    scene: Any, stand_in: Any, module: Module
) -> None:
    frame(scene, 160, 40)
    bpy.ops.render.render()
    frame(scene, 160, 90)  # the scene has another shape by now
    chosen = scene.grok_video
    chosen.source, chosen.model, chosen.end_frame = "RENDER_RESULT", V15, True
    bpy.ops.grok_video.generate(allow_single_color=True)
    assert received(stand_in).shape == (40, 160, 3)
    assert received(stand_in, "last_frame").shape == (480, 1920, 3)
    assert "prompt" not in last_body(stand_in)
    assert shape_of(module, newest(module)) == ""


def test_the_sequencer_and_its_last_frame_are_sent_whole(
    scene: Any, stand_in: Any, module: Module
) -> None:
    frame(scene, 600, 250, (1.0, 1.0))
    editor = scene.sequence_editor_create()
    editing.color(scene, 1, 1, 49)
    chosen = scene.grok_video
    chosen.source = "SEQUENCER"
    bpy.ops.grok_video.generate(frame=200, allow_single_color=True)
    assert received(stand_in).shape == (250, 600, 3)
    editor.active_strip = editing.strips(scene)[0]
    strip = editor.active_strip.name
    chosen.extend_seconds = 2
    bpy.ops.grok_video.continue_shot(strip=strip, allow_single_color=True)
    assert received(stand_in).shape == (250, 600, 3)
    chosen.aspect_ratio = "NEAREST"
    bpy.ops.grok_video.continue_shot(strip=strip, allow_single_color=True)
    assert received(stand_in).shape == (250, 441, 3)


# ------------------------------------------------------------------------------------------ what a file keeps


def test_a_file_of_the_old_version_keeps_its_shape(
    blender: ModuleType, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    path = shutil.copy(OLD_SCENES, tmp_path / "old.blend")
    blender.ops.wm.open_mainfile(filepath=str(path))
    for again in (False, True):
        ratios = {s.name: s.grok_video.aspect_ratio for s in blender.data.scenes}
        assert ratios == {
            "Prompt": "NEAREST",
            "Auto": "NEAREST",
            "Tall": "9:16",
            "Seen": "NEAREST",
            "Never": "AUTO",
        }
        ratio_of = module("blender.submission.generate").ratio_of
        shapes = {s.name: ratio_of(blender.context, s) for s in blender.data.scenes}
        assert shapes.pop("Tall") == "9:16"
        assert set(shapes.values()) == {"16:9"}
        if not again:
            blender.ops.wm.save_mainfile()
            blender.ops.wm.open_mainfile(filepath=str(path))


def test_an_appended_scene_of_the_old_version_keeps_its_shape(
    blender: ModuleType, scene: Any, module: Module
) -> None:
    scene.grok_video.prompt = "Rain"
    for name in ("Prompt", "Auto", "Tall"):
        blender.ops.wm.append(directory=f"{OLD_SCENES}/Scene/", filename=name)
    if not hasattr(
        blender.app.handlers, "blend_import_post"
    ):  # 4.2 tells nobody: the panel finds it
        module("blender.ui.properties")._mark_drawn()
    ratios = {s.name: s.grok_video.aspect_ratio for s in blender.data.scenes}
    assert ratios == {scene.name: "AUTO", "Prompt": "NEAREST", "Auto": "NEAREST", "Tall": "9:16"}


def test_a_file_of_this_version_keeps_auto(blender: ModuleType, tmp_path: Path) -> None:
    """Also in scenes that nobody has touched, and after the default was chosen again."""
    for name in ("Seen", "Prompt", "Reference", "Chosen", "Nearest"):
        scene = blender.data.scenes.new(name)
        assert scene.grok_video.aspect_ratio == "AUTO"
    scenes = blender.data.scenes
    scenes["Prompt"].grok_video.prompt = "Rain"
    scenes["Reference"].grok_video.references.add()
    scenes["Chosen"].grok_video.aspect_ratio = "1:1"
    scenes["Chosen"].grok_video.aspect_ratio = "AUTO"
    scenes["Nearest"].grok_video.aspect_ratio = "NEAREST"
    # What a crash leaves behind was written without handlers: what was set carries its mark anyway.
    assert scenes["Prompt"].grok_video.settings_of
    path = str(tmp_path / "new.blend")
    blender.ops.wm.save_as_mainfile(filepath=path)
    blender.ops.wm.open_mainfile(filepath=path)
    for scene in blender.data.scenes:
        wanted = "NEAREST" if scene.name == "Nearest" else "AUTO"
        assert scene.grok_video.aspect_ratio == wanted, scene.name


def test_what_a_crash_leaves_keeps_auto(
    blender: ModuleType, module: Module, tmp_path: Path
) -> None:
    """An autosave is written without handlers, and 0.1.0's settings look like those that were only drawn."""
    properties, scene = module("blender.ui.properties"), blender.context.scene
    image = blender.data.images.new("Duck", 4, 4)
    by_script = blender.data.scenes.new("Script").grok_video
    by_script.references.add().image = image
    scene.grok_video.references.add()
    drawn(module, "draw_request")
    assert blender.app.timers.is_registered(properties._mark_drawn)
    blender.app.timers.unregister(properties._mark_drawn)
    assert not scene.grok_video.settings_of, "a redraw wrote into the file"
    properties._mark_drawn()
    path = str(tmp_path / "autosave.blend")
    blender.app.handlers.save_pre.remove(properties._saving)
    try:
        blender.ops.wm.save_as_mainfile(filepath=path)
    finally:
        blender.app.handlers.save_pre.append(properties._saving)
    blender.ops.wm.open_mainfile(filepath=path)
    ratios = {s.name: s.grok_video.aspect_ratio for s in blender.data.scenes}
    assert set(ratios.values()) == {"AUTO"}, ratios


def test_what_is_appended_changes_no_shape_of_this_version(
    blender: ModuleType, module: Module, tmp_path: Path
) -> None:
    """Any asset that comes in, after the panel was drawn and before anything was set."""
    image = blender.data.images.new("Duck", 4, 4)
    blender.data.libraries.write(str(tmp_path / "assets.blend"), {image})
    drawn(module, "draw_request")
    blender.data.scenes.new("Reference").grok_video.references.add()
    with blender.data.libraries.load(str(tmp_path / "assets.blend")) as (_, wanted):
        wanted.images = ["Duck"]
    assert {s.grok_video.aspect_ratio for s in blender.data.scenes} == {"AUTO"}


def test_auto_is_a_ratio_that_0_1_0_knows(blender: ModuleType, module: Module) -> None:
    """In a file it is the default, which 0.1.0 reads as its own; a number that it does not know ends its panel."""
    chosen = blender.context.scene.grok_video
    chosen.aspect_ratio = "1:1"
    chosen.aspect_ratio = "AUTO"
    assert (chosen.aspect_ratio, chosen.is_property_set("aspect_ratio")) == ("AUTO", False)
    module("blender.ui.properties")._keep_shapes(empty=True)
    assert chosen.aspect_ratio == "AUTO"


# ------------------------------------------------------------------------------------------- names of models


def test_a_typed_alias_is_the_model_that_it_names(
    scene: Any, stand_in: Any, module: Module
) -> None:
    chosen = scene.grok_video
    chosen.model, chosen.model_other = "OTHER", f" {V15}-preview "
    chosen.resolution = "1080p"
    chosen.end_frame = True
    assert "The same as Grok Imagine Video 1.5" in labels(module)
    generate, price_of = module("blender.submission.generate"), module("blender.submission.common")
    draft = generate.generate_draft(bpy.context, scene)
    assert (draft.model, draft.unchecked) == (f"{V15}-preview", False)
    assert price_of.price_of(draft) == (25 + 2) * 10**8  # a second of 1080p, and two pictures
    why = "With an end frame there is no 1080p. Choose 480p or 720p, or remove the end frame."
    assert why in " ".join(drawn(module, "draw_generate"))
    with pytest.raises(RuntimeError, match="no 1080p"):
        bpy.ops.grok_video.generate()
    assert stand_in.requests("submit") == []
    for typed in ("grok-imagine-video-2", V15):  # a row's own name is the way around our rules
        chosen.model_other = typed
        assert generate.generate_draft(bpy.context, scene).unchecked

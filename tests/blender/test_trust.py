"""What is sent is what it should be, and nobody looks at it before: other add-ons, stereo, engines, one colour."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from PIL import Image

from . import editing
from .others import DATA_NAME
from .test_capture import capture, f12, glowing_world, plane, shoot, still  # noqa: F401 - fixtures
from .test_flow import newest, refused
from .test_rework_breaker import in_state, tick_until, window  # noqa: F401 - a fixture

Module = Callable[[str], ModuleType]

# Nothing here was found to differ between versions; the newest wheel runs it.
pytestmark = pytest.mark.long


@pytest.fixture
def shot(scene: Any) -> Any:
    """A plane that glows red from left to right and green from bottom to top, and a second camera that sees blue."""
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = 160, 90
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.view_settings.view_transform, render.dither_intensity = "Standard", 0.0
    scene.world = glowing_world((0.0, 0.0, 1.0))
    for name, z in (("Camera", 5.0), ("Behind", -5.0)):
        camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        camera.data.type, camera.location.z = "ORTHO", z
        scene.collection.objects.link(camera)
    scene.camera = bpy.data.objects["Camera"]
    plane(scene, 16.0, 9.0)
    scene.grok_video.source = "CAMERA"
    return scene


def look(path: str | Path) -> np.ndarray:
    """The pixels of a picture that was sent or would be, top row first."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stills_of(tmp_path: Path) -> Path:
    return tmp_path / "data" / DATA_NAME / "stills"


# ------------------------------------------------------------------- other add-ons that change renders


def change(scene: Any, does: str, path: Path) -> None:
    """What add-ons set when a render begins."""
    render = scene.render
    match does:
        case "size":
            render.resolution_x, render.resolution_y = 204, 86
        case "percentage":
            render.resolution_percentage = 50
        case "border":
            render.use_border, render.use_crop_to_border = True, False
            render.border_min_x, render.border_max_x = 0.5, 0.7
        case "pixels":
            render.pixel_aspect_x = 2.0
        case "views":
            render.use_multiview = True
        case "sequencer":
            render.use_sequencer = not render.use_sequencer
        case "path":
            render.filepath = str(path)
        case "format":
            if hasattr(render.image_settings, "media_type"):
                render.image_settings.media_type = "IMAGE"
            render.image_settings.file_format = "OPEN_EXR"
        case "movie":
            if hasattr(render.image_settings, "media_type"):
                render.image_settings.media_type = "VIDEO"
            render.image_settings.file_format = "FFMPEG"
        case "camera":
            scene.camera = bpy.data.objects["Behind"]
        case "engine":
            render.engine = "CYCLES"


@pytest.fixture
def other() -> Iterator[Callable[..., None]]:
    """Another add-on's handler: what it does, when, and whether it was there before ours."""
    added = []

    def add(moment: str, does: Callable[..., None], *, first: bool = False) -> None:
        handlers = getattr(bpy.app.handlers, moment)
        handlers.insert(0, does) if first else handlers.append(does)
        added.append((handlers, does))

    yield add
    for handlers, does in added:
        handlers.remove(does)


SETTINGS = [
    *("size", "percentage", "border", "pixels", "views", "sequencer", "path", "format", "movie")
]


@pytest.mark.parametrize("does", SETTINGS)
@pytest.mark.parametrize("source", ["CAMERA", "SEQUENCER"])
def test_what_another_add_on_sets_is_not_in_the_picture(
    capture: ModuleType,  # noqa: F811
    shot: Any,
    module: Module,
    other: Any,
    tmp_path: Path,
    does: str,
    source: str,
) -> None:
    mine = tmp_path / "beauty.png"
    mine.write_bytes(b"the artist's own")
    colour = editing.color(shot, 1, 1, 9)
    colour.transform.offset_x = 40
    folder = tmp_path / "out"
    folder.mkdir()

    def taken(name: str) -> np.ndarray:
        path = folder / name
        if source == "CAMERA":
            made = shoot(capture, shot, (96, 54), path)
        else:
            made = capture.capture_now(bpy.context, shot, source, None, (96, 54), path, "PNG")
        assert (made.width, made.height) == (96, 54)
        return look(made.path)

    plain = taken("plain.png")
    for number, (moment, first) in enumerate(
        [("render_init", True), ("render_init", False), ("render_pre", False)]
    ):
        other(moment, lambda scene, *_: change(scene, does, mine), first=first)
        assert (taken(f"{number}.png") == plain).all()
    assert mine.read_bytes() == b"the artist's own"
    assert left_in(folder) == ["0.png", "1.png", "2.png", "plain.png"]
    assert [s.name for s in bpy.data.scenes] == [shot.name]


@pytest.mark.parametrize("does", ["camera", "engine"])
@pytest.mark.parametrize("moment", ["render_init", "render_pre"])
def test_another_camera_or_engine_is_said_and_not_sent(
    ramp: Any, other: Any, stand_in: Any, tmp_path: Path, does: str, moment: str
) -> None:
    other(moment, lambda scene, *_: change(scene, does, tmp_path))
    refused(bpy.ops.grok_video.generate, f"another add-on changed the {does}")
    assert stand_in.requests("submit") == []
    assert left_in(stills_of(tmp_path)) == []


def test_a_handler_that_comes_in_after_ours_is_seen_by_the_size(
    shot: Any, other: Any, stand_in: Any, tmp_path: Path
) -> None:
    def late(scene: Any, *_: object) -> None:
        change(scene, "size", tmp_path)

    def adds(*_: object) -> None:
        if late not in bpy.app.handlers.render_init:
            other("render_init", late)

    other("render_init", adds, first=True)
    refused(bpy.ops.grok_video.generate, "another add-on change")
    assert stand_in.requests("submit") == []
    assert left_in(stills_of(tmp_path)) == []


def test_a_strips_last_frame_keeps_its_size_as_well(
    capture: ModuleType,  # noqa: F811
    shot: Any,
    other: Any,
    tmp_path: Path,
) -> None:
    strip = editing.color(shot, 1, 1, 9)
    other("render_init", lambda scene, *_: change(scene, "size", tmp_path))
    shot.frame_set(5)  # at another frame, what a handler would do to a strip is not known
    made = capture.strip_still(shot, strip, 5, (96, 54), tmp_path / "last.jpg", "JPEG")
    assert look(made.path).shape == (54, 96, 3)


# ---------------------------------------------------------------------------------- the file that is sent


@pytest.mark.parametrize(
    ("is_there", "size"),
    [("JPEG", (96, 54)), ("BMP", (96, 54)), ("PNG", (97, 54)), ("cut PNG", (96, 54))],
)
def test_a_file_that_is_not_the_still_is_removed(
    still: ModuleType,  # noqa: F811
    module: Module,
    tmp_path: Path,
    is_there: str,
    size: tuple[int, int],
) -> None:
    path = tmp_path / "still.png"
    Image.new("RGB", size).save(path, is_there.removeprefix("cut "))
    if is_there.startswith("cut "):
        path.write_bytes(path.read_bytes()[:-1])
    source = module("core.spec").Source("CAMERA")
    with pytest.raises(module("blender.refusal").Interrupted, match="Nothing was sent or charged"):
        still.finished(path, "PNG", 96, 54, source)
    assert not path.exists()


def test_what_a_crash_left_of_stills_goes_with_the_next_click(scene: Any, tmp_path: Path) -> None:
    folder = stills_of(tmp_path)
    (folder / ".grok_video_views-x").mkdir(parents=True)
    names = ("a.part_L.png", "a.part.jpg", "b.part.png", "whole.png", "a.part.txt")
    for name in names:
        (folder / name).touch()
    old = time.time() - 2 * 24 * 3600
    for name in (*names, ".grok_video_views-x"):
        if name != "b.part.png":  # another Blender may be at it
            os.utime(folder / name, (old, old))
    bpy.ops.grok_video.generate()
    assert left_in(folder) == ["a.part.txt", "b.part.png", "whole.png"]


# ------------------------------------------------------------------------------------------------- stereo


@pytest.fixture
def eyes(shot: Any) -> Any:
    """A scene of which each eye sees another picture."""
    shot.render.use_multiview = True
    camera = shot.camera.data
    camera.type, camera.stereo.convergence_mode = "PERSP", "PARALLEL"
    camera.stereo.interocular_distance = 2.0
    return shot


@pytest.mark.parametrize(
    ("views", "views_format", "first"),
    [
        ("STEREO_3D", "STEREO_3D", "_L"),
        ("STEREO_3D", "INDIVIDUAL", "_L"),
        ("MULTIVIEW", "INDIVIDUAL", "_L"),
        ("MULTIVIEW without left", "STEREO_3D", "_R"),
        ("switched off since", "STEREO_3D", "_L"),
        ("switched on since", "STEREO_3D", ""),
    ],
)
def test_of_a_stereo_render_the_first_view_is_sent(
    eyes: Any, stand_in: Any, tmp_path: Path, views: str, views_format: str, first: str
) -> None:
    render = eyes.render
    if "MULTIVIEW" in views:
        render.views_format = "MULTIVIEW"
        render.views.new("middle").file_suffix = "_M"
        render.views["left"].use = "without" not in views
        for number, suffix in enumerate("LMR"):
            camera = eyes.camera.copy()
            camera.name, camera.location.x = f"Eye_{suffix}", number
            eyes.collection.objects.link(camera)
        eyes.camera = bpy.data.objects["Eye_L"]
        render.views["middle"].camera_suffix = "_M"
    render.use_multiview = "on since" not in views
    bpy.ops.render.render()
    seen = tmp_path / "seen"
    seen.mkdir()
    images = render.image_settings
    images.file_format, images.views_format = "PNG", "INDIVIDUAL"
    try:
        bpy.data.images["Render Result"].save_render(str(seen / "x.png"), scene=eyes)
    except RuntimeError:  # of several files Blender says so
        assert len(left_in(seen)) > 1
    if "since" in views:
        render.use_multiview = not render.use_multiview
    images.file_format, images.views_format = "JPEG", views_format
    eyes.grok_video.source = "RENDER_RESULT"
    bpy.ops.grok_video.generate()
    shown = [look(path) for path in sorted(seen.iterdir())]
    assert all((shown[0] != one).any() for one in shown[1:])
    (body,) = [request["body"] for request in stand_in.requests("submit")]
    (sent,) = stills_of(tmp_path).iterdir()
    assert stand_in.image(body["image"]["url"]["sha256"]) == sent.read_bytes()
    assert (look(sent) == look(seen / f"x{first}.png")).all()
    assert (images.file_format, images.views_format) == ("JPEG", views_format)


def test_an_empty_slot_is_not_called_a_scene_that_was_not_rendered(
    shot: Any, stand_in: Any
) -> None:
    shot.grok_video.source = "RENDER_RESULT"
    bpy.ops.render.render()
    bpy.data.images["Render Result"].render_slots.active_index = 3
    refused(bpy.ops.grok_video.generate, "“Slot 4” of the Render Result is empty")
    bpy.data.images["Render Result"].render_slots.active_index = 0
    bpy.ops.grok_video.generate()
    assert len(stand_in.requests("submit")) == 1


def test_a_stereo_image_is_sent_as_its_left_eye(
    capture: ModuleType,  # noqa: F811
    shot: Any,
    tmp_path: Path,
) -> None:
    both = np.zeros((54, 192, 3), np.uint8)
    both[:, :96, 0] = np.arange(96) * 2
    both[:, 96:, 2] = 200
    Image.fromarray(both).save(tmp_path / "pair.png")
    image = bpy.data.images.load(str(tmp_path / "pair.png"))
    shot.render.use_multiview = image.use_multiview = True
    image.views_format, image.stereo_3d_format.display_mode = "STEREO_3D", "SIDEBYSIDE"
    image.reload()
    assert tuple(image.size) == (96, 54)
    folder = tmp_path / "out"
    folder.mkdir()
    for as_rendered in (False, True):
        image.use_view_as_render = as_rendered
        made = capture.capture_now(
            bpy.context, shot, "IMAGE", image, (96, 54), folder / "still.png", "PNG"
        )
        sent = look(made.path)
        assert sent[:, :, 2].max() == 0
        assert sent[:, :, 0].max() > 100
        assert left_in(folder) == ["still.png"]


def test_a_stereo_strip_is_sent_as_the_sequencer_shows_it(
    capture: ModuleType,  # noqa: F811
    shot: Any,
    tmp_path: Path,
) -> None:
    """One eye, and not both side by side."""
    both = np.zeros((90, 320, 3), np.uint8)
    both[:, :160, 0], both[:, 160:, 2] = 200, 200
    Image.fromarray(both).save(tmp_path / "pair.png")
    strip = editing.base_of(shot.sequence_editor_create()).new_image(
        "Pair", str(tmp_path / "pair.png"), 1, 1
    )
    shot.render.use_multiview = strip.use_multiview = True
    strip.views_format, strip.stereo_3d_format.display_mode = "STEREO_3D", "SIDEBYSIDE"
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "still.png"
    for made in (
        capture.capture_now(bpy.context, shot, "SEQUENCER", None, (96, 54), path, "PNG"),
        capture.strip_still(shot, strip, 1, (96, 54), path, "PNG"),
    ):
        assert look(made.path).reshape(-1, 3).tolist() == [[200, 0, 0]] * (96 * 54)
        assert left_in(folder) == ["still.png"]


# -------------------------------------------------------------------------------------- engines of add-ons


class Ramp(bpy.types.RenderEngine):
    """As the example in Blender's documentation: without render regions. Red from left to right."""

    bl_idname, bl_label = "TEST_RAMP", "Ramp"
    does = ""

    def render(self, depsgraph: Any) -> None:
        if self.does == "nothing":
            return
        if self.does == "raises":
            raise ValueError("no licence")
        if self.does == "reports":
            self.report({"ERROR"}, "no licence")
            self.error_set("no licence")
            return
        render = depsgraph.scene.render
        width, height = render.resolution_x, render.resolution_y
        values = np.ones((height, width, 4), np.float32)
        values[..., 0], values[..., 1:3] = np.linspace(0.0, 1.0, width), 0.0
        result = self.begin_result(0, 0, width, height)
        result.layers[0].passes["Combined"].rect.foreach_set(values.ravel())
        self.end_result(result)


@pytest.fixture
def ramp(shot: Any) -> Iterator[Any]:
    bpy.utils.register_class(Ramp)
    shot.render.engine = "TEST_RAMP"
    shot.grok_video.aspect_ratio = "16:9"
    yield shot
    Ramp.does = ""
    bpy.utils.unregister_class(Ramp)


@pytest.mark.parametrize("frame", [(1920, 1080), (2390, 1000)])
def test_an_engine_without_regions_gives_its_picture(
    ramp: Any, stand_in: Any, tmp_path: Path, frame: tuple[int, int]
) -> None:
    ramp.render.resolution_x, ramp.render.resolution_y = frame
    bpy.ops.grok_video.generate()
    (sent,) = stills_of(tmp_path).iterdir()
    picture = look(sent)
    assert picture.shape == (480, 848, 3)
    assert (np.diff(picture[:, :, 0], axis=1) >= 0).all()
    assert picture[:, 424, 0].mean() == pytest.approx(188, abs=3)  # half the light, in the middle
    cut = (1 - 848 / 480 / (frame[0] / frame[1])) / 2
    assert picture[0, 0, 0] == pytest.approx(255 * cut ** (1 / 2.2), abs=12)


@pytest.mark.parametrize("does", ["nothing", "raises", "reports"])
def test_an_engine_that_fails_buys_nothing(
    ramp: Any, stand_in: Any, tmp_path: Path, does: str
) -> None:
    Ramp.does = does
    with pytest.raises(RuntimeError, match="Nothing was sent or charged"):
        bpy.ops.grok_video.generate()
    assert stand_in.requests("submit") == []
    assert left_in(stills_of(tmp_path)) == []


def test_without_view_layers_nothing_is_rendered(shot: Any, stand_in: Any) -> None:
    for layer in shot.view_layers:
        layer.use = False
    refused(bpy.ops.grok_video.generate, "No view layer of “Scene” is rendered")
    assert stand_in.requests("submit") == []


# ---------------------------------------------------------------------------------------------- one colour


@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_what_counts_as_one_colour(
    still: ModuleType,  # noqa: F811
    tmp_path: Path,
    file_format: str,
) -> None:
    flat = np.full((54, 96, 3), (10, 128, 250), np.uint8)
    dithered = flat + np.random.default_rng(1).integers(0, 2, flat.shape, np.uint8)
    lit = flat.copy()
    lit[20:28, 40:48] = (16, 134, 244)
    noise = np.random.default_rng(1).integers(0, 256, flat.shape, np.uint8)
    told = []
    for rgb in (flat, dithered, lit, noise):
        path = tmp_path / "picture.png"
        still.write(rgb, path, file_format)
        told.append(still.is_single_color(path))
    assert told == [True, True, False, False]


@pytest.fixture
def empty(shot: Any) -> Any:
    """A scene whose camera sees its grey world alone, dithered as in a new file."""
    bpy.data.objects.remove(bpy.data.objects["Plane"])
    shot.world, shot.render.dither_intensity = glowing_world((0.18, 0.18, 0.18)), 1.0
    shot.grok_video.duration = 2
    return shot


def test_a_script_buys_one_colour_only_when_it_says_so(
    empty: Any, stand_in: Any, tmp_path: Path
) -> None:
    refused(bpy.ops.grok_video.generate, "source still is one colour from edge to edge")
    assert left_in(stills_of(tmp_path)) == []
    assert stand_in.requests("submit") == []
    bpy.ops.grok_video.generate(allow_single_color=True)
    assert len(stand_in.requests("submit")) == 1


@pytest.mark.parametrize("source", ["RENDER_RESULT", "SEQUENCER", "IMAGE"])
def test_every_first_frame_is_looked_at(
    empty: Any, stand_in: Any, tmp_path: Path, source: str
) -> None:
    empty.grok_video.source = source
    if source == "RENDER_RESULT":
        bpy.ops.render.render()
    elif source == "SEQUENCER":
        editing.color(empty, 1, 1, 9)
    else:
        empty.grok_video.image = bpy.data.images.new("Blank", 96, 54)
    refused(bpy.ops.grok_video.generate, "source still is one colour")
    assert left_in(stills_of(tmp_path)) == []
    assert stand_in.requests("submit") == []


def test_the_last_frame_of_a_strip_and_the_end_frame_are_looked_at_and_references_are_not(
    shot: Any, stand_in: Any, module: Module
) -> None:
    strip = editing.color(shot, 1, 1, 9)
    refused(lambda: bpy.ops.grok_video.continue_shot(strip=strip.name), "one colour")
    chosen = shot.grok_video
    chosen.model, chosen.prompt = "grok-imagine-video-1.5", "It goes <IMAGE_0>"
    chosen.end_frame, chosen.end_camera = True, bpy.data.objects["Behind"]
    bpy.data.objects["Behind"].rotation_euler.x = 1.5708
    refused(bpy.ops.grok_video.generate, "The end frame is one colour")
    chosen.end_frame = False
    bpy.ops.grok_video.add_reference(image=bpy.data.images.new("Blank", 96, 54).name)
    bpy.ops.grok_video.generate()
    assert len(stand_in.requests("submit")) == 1


def test_in_a_window_one_colour_waits_for_send_and_send_buys_it(
    empty: Any,
    stand_in: Any,
    module: Module,
    window: None,  # noqa: F811
) -> None:
    session = module("blender.session")
    job_id = module("blender.session.click").generate(bpy.context, empty, empty, 1)
    tick_until(session, in_state(session, job_id, "QUEUED"))
    job = newest(module)
    assert job.problem.message.startswith("The source still is one colour from edge to edge")
    assert job.problem.message.endswith("Nothing was bought.")
    assert (job.problem.hint, stand_in.requests("submit")) == ("Press Send to buy it.", [])
    module("blender.session.queue").release(job)
    tick_until(session, in_state(session, job_id, "IMPORTED"))
    assert len(stand_in.requests("submit")) == 1

"""Extend, edit, continue, references, end frames and keyframes, as a script asks for them.

Every job is a real one: the strip is baked by a second Blender, the stand-in makes the clip, and what the
timeline then shows is read back from rendered pictures.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from PIL import Image

from ..patience import PATIENCE
from . import editing, pictures
from .placed import import_clip

Module = Callable[[str], ModuleType]


@pytest.fixture
def scene(blender: ModuleType, stand_in: Any, tmp_path: Path) -> Any:
    """A saved file of the clips' size at 24 frames a second."""
    scene = blender.context.scene
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    scene.view_settings.view_transform = "Standard"
    chosen = scene.grok_video
    chosen.generate_audio = False
    chosen.duration = 1
    chosen.extend_prompt, chosen.extend_seconds = "It goes on", 2
    chosen.edit_prompt = "As a drawing"
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return blender.context.scene


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """A clip from elsewhere, 6 s long, each frame with its number."""
    return pictures.numbered_clip(tmp_path / "camera.mp4", 6, audio=False)


@pytest.fixture
def strip(scene: Any, footage: Path) -> Any:
    """That clip on the timeline, cut: frames 24 to 95 of it from frame 11 on, and the active strip."""
    editor = scene.sequence_editor_create()
    made = editing.base_of(editor).new_movie("Camera", str(footage), 3, 11 - 24)
    editing.set_span(made, 11, 83)
    editor.active_strip = made
    return made


def newest(module: Module) -> Any:
    return module("blender.session.state").current().bridge.snapshot.all[0]


def made_by(scene: Any, job_id: str) -> Any:
    """The picture strip of a job."""
    (made,) = [
        s for s in editing.strips(scene) if s.type == "MOVIE" and s.get("grok_video_job") == job_id
    ]
    return made


def number_at(scene: Any, folder: Path, frame: int) -> int:
    """Which frame of its file the edit shows."""
    return pictures.number_of(pictures.see(scene, folder, frame))


def bodies(stand_in: Any) -> list[dict[str, Any]]:
    return [request["body"] for request in stand_in.requests("submit")]


def refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(words)):
        call()


class Drawn:
    """A layout that keeps what is written in it."""

    def __init__(self) -> None:
        self.__dict__["words"] = []

    def __setattr__(self, name: str, value: object) -> None:
        """Alignment, scale and the like are not looked at."""

    def label(self, text: str = "", **_how: Any) -> None:
        self.words.append(text)

    def operator(self, name: str, text: str = "", **_how: Any) -> SimpleNamespace:
        self.words.append(f"{name}: {text}")
        return SimpleNamespace()

    def operator_menu_enum(
        self, name: str, _choice: str, text: str = "", **_how: Any
    ) -> SimpleNamespace:
        return self.operator(name, text)

    def context_string_set(self, *_given: str) -> None:
        """The price that a button carries: the button's words tell it too."""

    def prop(self, _data: Any, name: str, **_how: Any) -> None:
        self.words.append(name)

    def template_ID(self, _data: Any, name: str, **_how: Any) -> None:
        self.words.append(name)

    def textbox(self, _data: Any, name: str, **_how: Any) -> None:
        self.words.append(name)

    def menu(self, _name: str, **_how: Any) -> None:
        """What a menu holds is drawn when it is opened."""

    def separator(self, **_how: Any) -> None:
        """A gap says nothing."""

    def icon(self, _of: Any) -> int:
        return 0  # no picture is drawn

    def row(self, **_how: Any) -> Drawn:
        return self

    column = box = split = row


def drawn(module: Module, part: str) -> list[str]:
    """What a part of the panel says now, line by line."""
    layout = Drawn()
    getattr(module("blender.ui"), part)(layout, bpy.context)
    return layout.words


# ------------------------------------------------------------------------------------------------- extend


def test_a_cut_strip_goes_on_where_it_is_cut(
    scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    bpy.ops.grok_video.extend()
    job, (body,) = newest(module), bodies(stand_in)
    assert body["video"]["url"]["data_uri"] == "video/mp4"
    assert job.spec.video.seconds == pytest.approx(3.0, abs=0.01)
    assert job.spec.estimate == stand_in.jobs()[0]["ticks"]
    made = made_by(scene, job.id)
    assert editing.span(strip) == (11, 83)
    assert editing.span(made)[0] == 83
    assert abs(editing.span(made)[1] - 83 - 48) <= 1
    # The last frame of the source, then those that the service counted on from there.
    seam = [number_at(scene, tmp_path, frame) for frame in (81, 82, 83, 84, 85)]
    assert seam == [94, 95, 96, 97, 98]
    assert not list((tmp_path / "data").rglob(".grok_video_bake-*"))


@pytest.mark.parametrize("rate", [25, 30, 60])
def test_the_seam_at_other_rates(
    scene: Any, footage: Path, stand_in: Any, module: Module, tmp_path: Path, rate: int
) -> None:
    """No frame twice, none missing, but the one by which 24 and the scene's rate cannot agree."""
    scene.render.fps = rate
    landing = import_clip(
        module("blender.timeline"), scene, footage, frame=1, name="A", job_id="elsewhere"
    )
    source = editing.find(scene, landing.movie)
    end = 1 + 3 * rate
    editing.set_span(source, 1, end)
    scene.sequence_editor.active_strip = source
    bpy.ops.grok_video.extend()
    job = newest(module)
    assert job.spec.video.seconds == pytest.approx(3.0, abs=0.01)
    assert editing.span(made_by(scene, job.id))[0] == end
    before = number_at(scene, tmp_path, end - 1)
    after = [number_at(scene, tmp_path, end + n) for n in range(4)]
    # 3 s are 72 frames of the source, which the service counts on from.
    assert abs(before - 71) <= 1
    assert after[0] - before in (0, 1)
    expected = [72 + n * 24 / rate for n in range(4)]
    assert all(abs(seen - due) <= 1 for seen, due in zip(after, expected, strict=True))


def test_only_the_last_seconds_of_a_long_strip_are_sent(
    scene: Any, module: Module, stand_in: Any, tmp_path: Path
) -> None:
    long = pictures.numbered_clip(tmp_path / "long.mp4", 18, audio=False)
    editor = scene.sequence_editor_create()
    editor.active_strip = editing.base_of(editor).new_movie("Long", str(long), 1, 1)
    bpy.ops.grok_video.extend()
    job = newest(module)
    assert job.spec.video.seconds == 15.0
    assert job.spec.target.length == 15 * 24
    assert editing.span(made_by(scene, job.id))[0] == 18 * 24 + 2
    assert number_at(scene, tmp_path, 18 * 24 + 1) == 18 * 24
    assert number_at(scene, tmp_path, 18 * 24 + 2) == 18 * 24 + 1


def test_extend_to_a_length_in_passes(
    scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    scene.grok_video.extend_seconds = 12
    assert bpy.ops.grok_video.extend() == {"FINISHED"}
    assert [body["duration"] for body in bodies(stand_in)] == [6, 6]
    jobs = list(reversed(module("blender.session.state").current().bridge.snapshot.all))
    first, second = (made_by(scene, job.id) for job in jobs)
    assert editing.span(first)[0] == 83
    assert editing.span(second)[0] == editing.span(first)[1]
    assert abs(editing.span(second)[1] - 83 - 12 * 24) <= 2
    models = module("service.pricing")
    agreed = models.price_of_passes(models.plan_passes(12, 3.0, "480p"))
    assert sum(job["ticks"] for job in stand_in.jobs()) == agreed


def test_the_button_says_what_all_passes_cost(scene: Any, strip: Any, module: Module) -> None:
    scene.grok_video.extend_seconds = 12
    # 12 s at $0.05, and at $0.01 the 3 s of the strip and the 6 s of the first part.
    assert "grok_video.extend: Extend… for $0.69" in drawn(module, "draw_extend")
    scene.grok_video.model, scene.grok_video.model_other = "OTHER", "grok-imagine-video-9"
    assert "grok_video.extend: Extend…" in drawn(module, "draw_extend")


def test_a_part_that_was_stopped_and_taken_up_again_buys_no_other(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """Retry is free: the passes that would have followed are given up with the stop."""
    stand_in.settings(job_seconds=600)
    series = module("blender.session.series")
    blocking = module("blender.session.blocking")
    tick = module("blender.session.tick")
    state = module("blender.session.state")
    shot = module("blender.timeline.source_strip").active_source_strip(bpy.context)
    job_id = series.extend(bpy.context, shot, passes(module, 12))
    blocking.wait_until(bpy.context, job_id, lambda job: bool(job.request_id))
    bpy.ops.grok_video.stop(job=job_id)
    stand_in.finish()
    bpy.ops.grok_video.retry(job=job_id)
    tick.tick(bpy.context)
    assert made_by(scene, job_id)
    assert (state.current().series.agreed, state.current().series.next) == ({}, {})
    deadline = time.monotonic() + PATIENCE
    while tick.busy():  # until the worker has read that it is imported
        assert time.monotonic() < deadline
        tick.tick(bpy.context)
        time.sleep(0.02)
    assert len(stand_in.requests("submit")) == 1


def test_a_pass_that_fails_keeps_what_is_there(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    scene.grok_video.extend_seconds = 12
    stand_in.fail("job", "failed", after=1)
    with pytest.raises(RuntimeError):
        bpy.ops.grok_video.extend()
    assert [job["state"] for job in stand_in.jobs()] == ["done", "failed"]
    assert len(editing.strips(scene)) == 2
    assert module("blender.session.state").current().series.agreed == {}


def test_a_service_that_returns_only_the_new_part(
    scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    """Recognised by its length: then nothing of it is hidden."""
    placement = module("blender.timeline.placement")
    placing = module("blender.session.placing")
    bpy.ops.grok_video.extend()
    job = newest(module)
    alone = pictures.numbered_clip(tmp_path / "alone.mp4", 2, audio=False)
    clip = module("core.mp4").probe(str(alone))
    assert placing.head_of(job.spec, clip) == 0.0
    assert placing.head_of(job.spec, job.clip) == pytest.approx(3.0, abs=0.1)
    assert placement.head_seconds(8.0, 6.0, 2.0) == pytest.approx(6.0)


def test_the_source_is_found_where_it_is_now(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    series = module("blender.session.series")
    blocking = module("blender.session.blocking")
    job_id = series.extend(
        bpy.context,
        module("blender.timeline.source_strip").active_source_strip(bpy.context),
        passes(module),
    )
    blocking.wait_until(bpy.context, job_id, lambda job: job.state == "RUNNING")
    strip.name = "Renamed"
    editing.shift(strip, 200)
    blocking.wait_until(bpy.context, job_id, lambda job: job.state == "IMPORTED")
    assert editing.span(made_by(scene, job_id))[0] == 283


def test_a_source_that_is_gone_leaves_its_place(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    series = module("blender.session.series")
    blocking = module("blender.session.blocking")
    state = module("blender.session.state")
    job_id = series.extend(
        bpy.context,
        module("blender.timeline.source_strip").active_source_strip(bpy.context),
        passes(module),
    )
    blocking.wait_until(bpy.context, job_id, lambda job: job.state == "RUNNING")
    editing.base_of(scene.sequence_editor).remove(strip)
    blocking.wait_until(bpy.context, job_id, lambda job: job.state == "IMPORTED")
    assert editing.span(made_by(scene, job_id))[0] == 83
    assert "gone" in state.current().imports.landings[job_id].notice


def passes(module: Module, seconds: int = 2) -> list[Any]:
    return module("service.pricing").plan_passes(seconds, 3.0)


# --------------------------------------------------------------------------------------------------- edit


def test_an_edit_lies_over_its_source(
    scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    before = pictures.see(scene, tmp_path, 20)
    bpy.ops.grok_video.edit()
    job = newest(module)
    made = made_by(scene, job.id)
    assert made.channel > strip.channel
    assert editing.span(made)[0] == 11
    assert editing.span(made)[1] <= 83
    # Frame for frame with the source, whose numbers the service keeps: 24 is shown at 11.
    assert number_at(scene, tmp_path, 20) == 33
    assert abs(pictures.see(scene, tmp_path, 20) - before).mean() > 3
    made.mute = True
    assert abs(pictures.see(scene, tmp_path, 20) - before).mean() < 1
    assert job.spec.estimate == stand_in.jobs()[0]["ticks"]


def test_a_part_of_a_long_strip_is_edited(
    scene: Any, module: Module, stand_in: Any, tmp_path: Path
) -> None:
    long = pictures.numbered_clip(tmp_path / "long.mp4", 12, audio=False)
    editor = scene.sequence_editor_create()
    source = editing.base_of(editor).new_movie("Long", str(long), 1, 1)
    editor.active_strip = source
    scene.grok_video.edit_start = 48
    bpy.ops.grok_video.edit()
    job = newest(module)
    assert job.spec.video.seconds == pytest.approx(8.7, abs=1 / 24)
    made = made_by(scene, job.id)
    assert editing.span(made)[0] == 49
    made.mute = True
    shown = number_at(scene, tmp_path, 60)
    made.mute = False
    assert number_at(scene, tmp_path, 60) == shown == 59
    scene.grok_video.edit_start = 10_000  # beyond its end: the last part is meant
    part = module("blender.submission.edit").part_to_edit(
        scene, module("blender.timeline.source_strip").source_strip_of(source), lambda _job: None
    )
    assert part.end == editing.span(source)[1]


# ----------------------------------------------------------------------------------------------- continue


def test_a_shot_is_continued_from_its_last_frame(
    scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    strip.mute = False
    bpy.ops.grok_video.continue_shot()
    job, (body,) = newest(module), bodies(stand_in)
    sent = Image.open(io.BytesIO(stand_in.image(body["image"]["url"]["sha256"])))
    assert pictures.number_of(np.asarray(sent.convert("RGB")).astype(float)) == 95
    assert body["duration"] == 2
    assert "video" not in body
    made = made_by(scene, job.id)
    assert editing.span(made)[0] == 83
    assert abs(editing.span(made)[1] - 83 - 49) <= 1
    assert job.spec.estimate == stand_in.jobs()[0]["ticks"]


# ------------------------------------------------------------------------- references, end frame, keyframes


@pytest.fixture
def cameras(scene: Any) -> list[Any]:
    """Two cameras that see two colours: the world is red before frame 20 and blue after it."""
    world = bpy.data.worlds.new("World")
    scene.world = world
    world.use_nodes = True
    background = world.node_tree.nodes["Background"].inputs["Color"]
    for frame, colour in ((1, (1, 0, 0, 1)), (19, (1, 0, 0, 1)), (20, (0, 0, 1, 1))):
        background.default_value = colour
        background.keyframe_insert("default_value", frame=frame)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    made = []
    for name in ("Wide", "Close"):
        camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        scene.collection.objects.link(camera)
        made.append(camera)
    scene.camera = made[0]
    scene.frame_set(1)
    return made


def colour_of(stand_in: Any, link: dict[str, Any]) -> tuple[int, ...]:
    """The colour in the middle of a picture that was sent."""
    picture = Image.open(io.BytesIO(stand_in.image(link["url"]["sha256"]))).convert("RGB")
    return picture.getpixel((picture.width // 2, picture.height // 2))


def is_blue(colour: tuple[int, ...]) -> bool:
    return colour[2] > 150 > colour[0]


@pytest.mark.parametrize(
    "render_source", ["AUTO", pytest.param("BACKGROUND", marks=pytest.mark.long)]
)
def test_end_frame_and_keyframes_are_rendered_where_they_are(
    scene: Any, cameras: list[Any], stand_in: Any, module: Module, render_source: str, patches: Any
) -> None:
    chosen = scene.grok_video
    module("blender.config").preferences().render_source = render_source
    if render_source == "BACKGROUND":
        here = module("blender.sources.camera").CameraRender
        patches.set(here, "start", None, unused_ok="the second Blender renders")
    chosen.model = "grok-imagine-video-1.5"
    chosen.source, chosen.prompt, chosen.duration = "CAMERA", "It turns blue", 2
    chosen.end_frame, chosen.end_camera = True, cameras[1]
    chosen.keyframes = True
    for name, frame in (("early", 10), ("late", 34), ("outside", 200)):
        scene.timeline_markers.new(name, frame=frame)
    bpy.ops.grok_video.generate(allow_single_color=True)
    (body,) = bodies(stand_in)
    assert not is_blue(colour_of(stand_in, body["image"]))
    assert is_blue(colour_of(stand_in, body["last_frame"]))
    # 9 and 33 frames after the start: the nearest thirds of a second.
    times = [frame["timestamp_s"] for frame in body["keyframes"]]
    assert times == pytest.approx([1 / 3, 4 / 3])
    found = [is_blue(colour_of(stand_in, frame["image"])) for frame in body["keyframes"]]
    assert found == [False, True]
    job = newest(module)
    assert "Close" in job.spec.last_frame.label
    assert job.spec.estimate == stand_in.jobs()[0]["ticks"]
    assert scene.frame_current == 1
    assert scene.camera == cameras[0]


def test_keyframes_that_cannot_be_are_refused_before_anything_is_rendered(
    scene: Any, cameras: list[Any], stand_in: Any
) -> None:
    chosen = scene.grok_video
    chosen.model = "grok-imagine-video-1.5"
    chosen.source, chosen.prompt, chosen.duration = "CAMERA", "x", 5
    chosen.keyframes = True
    scene.timeline_markers.new("a", frame=25)
    scene.timeline_markers.new("b", frame=26)
    refused(bpy.ops.grok_video.generate, "same third")
    scene.timeline_markers["b"].frame = 40
    for number in range(3):
        scene.timeline_markers.new(f"c{number}", frame=60 + 10 * number)
    refused(bpy.ops.grok_video.generate, "takes 4")
    assert stand_in.requests("submit") == []


def test_references_of_every_kind(
    scene: Any, strip: Any, cameras: list[Any], stand_in: Any, module: Module, tmp_path: Path
) -> None:
    chosen = scene.grok_video
    chosen.source, chosen.prompt = "NONE", "Here"
    scene.frame_set(30)
    bpy.ops.grok_video.add_camera_reference(camera="Close")
    bpy.ops.grok_video.add_reference(source="STRIP")
    picture = tmp_path / "file.png"
    Image.new("RGB", (3000, 1000), (0, 200, 0)).save(picture)
    opened = bpy.data.images.load(str(picture))
    bpy.ops.grok_video.add_reference(image=opened.name)
    assert [one.image.name for one in chosen.references] == [
        "Close, frame 30",
        "Camera, frame 30",
        "file.png",
    ]
    assert chosen.references[0].image.packed_file is not None
    bpy.ops.grok_video.insert_reference(index=0)
    bpy.ops.grok_video.generate()
    (body,) = bodies(stand_in)
    links = body["reference_images"]
    assert body["prompt"] == "Here <IMAGE_0>"
    assert is_blue(colour_of(stand_in, links[0]))
    assert links[2]["url"]["pixels"] == [1536, 512]
    assert newest(module).spec.estimate == stand_in.jobs()[0]["ticks"]
    bpy.ops.grok_video.remove_reference(index=1)
    assert len(chosen.references) == 2


def test_more_than_seven_references_are_refused(scene: Any) -> None:
    image = bpy.data.images.new("Small", 8, 8)
    for _ in range(7):
        bpy.ops.grok_video.add_reference(image=image.name)
    refused(lambda: bpy.ops.grok_video.add_reference(image=image.name), "7 references")


# --------------------------------------------------------------------------------------- edit the animation


def test_the_animation_itself_is_edited(
    scene: Any, cameras: list[Any], stand_in: Any, module: Module
) -> None:
    scene.grok_video.edit_of = "CAMERA"
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 5, 34
    bpy.ops.grok_video.edit()
    job = newest(module)
    assert job.spec.video.seconds == pytest.approx(30 / 24, abs=0.01)
    assert editing.span(made_by(scene, job.id))[0] == 5
    assert job.spec.estimate == stand_in.jobs()[0]["ticks"]


def test_which_frames_of_the_animation_are_meant(scene: Any, module: Module) -> None:
    orders = module("blender.submission.edit")
    scene.frame_start, scene.frame_end = 3, 500
    assert orders.animation_range(scene) == (3, 501)
    for frame in (10, 50, 90):
        scene.timeline_markers.new(str(frame), frame=frame)
    scene.frame_set(60)
    assert orders.animation_range(scene) == (50, 90)
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 7, 20
    assert orders.animation_range(scene) == (7, 21)
    scene.frame_preview_end = 400
    take = orders.range_to_edit(bpy.context, scene)
    assert (take.end - take.start, take.cut) == (int(8.7 * 24), True)


# ------------------------------------------------------------------------------------------------- models


def test_refresh_models_asks_what_the_key_may_use(
    scene: Any, stand_in: Any, module: Module
) -> None:
    assert bpy.ops.grok_video.refresh_models() == {"FINISHED"}
    named = module("blender.session.questions").models_of_key()
    assert set(module("service.models").MODELS) <= set(named)
    assert stand_in.requests("submit") == []


def test_a_model_that_is_typed_in_is_sent_unchecked(
    scene: Any, stand_in: Any, module: Module
) -> None:
    chosen = scene.grok_video
    chosen.model, chosen.model_other = "OTHER", "grok-imagine-video-9"
    chosen.source, chosen.prompt = "NONE", "x"
    refused(bpy.ops.grok_video.generate, "does not exist")
    (body,) = bodies(stand_in)
    assert body["model"] == "grok-imagine-video-9"
    assert newest(module).spec.estimate is None
    chosen.model_other = " "
    refused(bpy.ops.grok_video.generate, "No model is named")


# ---------------------------------------------------------------------------------------------- refused


def test_what_cannot_be_extended_is_said_before_anything_is_sent(
    scene: Any, footage: Path, strip: Any, stand_in: Any, module: Module
) -> None:
    extend, edit = bpy.ops.grok_video.extend, bpy.ops.grok_video.edit
    scene.grok_video.extend_prompt = " "
    refused(extend, "Write what happens next")
    scene.grok_video.extend_prompt = "x"
    editing.set_span(strip, 11, 40)
    refused(extend, "at least 2 s")
    editing.set_span(strip, 11, 83)
    scene.grok_video.model = "grok-imagine-video-1.5"
    refused(extend, "Grok Imagine Video")
    refused(edit, "Grok Imagine Video")
    bpy.ops.grok_video.use_model(model="grok-imagine-video")
    refused(lambda: extend(strip="Nobody"), "Nobody")
    footage.rename(footage.with_suffix(".gone"))
    refused(extend, "missing")
    refused(edit, "missing")
    refused(bpy.ops.grok_video.continue_shot, "missing")
    scene.sequence_editor.active_strip = None
    strip.select = False
    refused(extend, "No strip is active")
    editing.base_of(scene.sequence_editor).remove(strip)
    refused(extend, "empty")
    assert stand_in.requests() == []
    assert module("blender.session.state").current().bridge.snapshot.all == ()


def test_a_strip_that_is_gone_when_its_bake_is_done_is_not_bought(
    scene: Any, strip: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    step, base = (
        module("blender.submission.preparation").BakeStep,
        editing.base_of(scene.sequence_editor),
    )
    poll = step.poll

    def poll_and_delete(self: Any, context: Any) -> Any:
        change = poll(self, context)
        if change is not None:
            base.remove(editing.find(scene, "Camera"))
        return change

    patches.set(step, "poll", poll_and_delete)
    refused(bpy.ops.grok_video.extend, "“Camera” is not there any more. Nothing was sent")
    assert stand_in.requests() == []
    assert not list(module("blender.session.state").current().bridge.data_dir.rglob("*.mp4"))


def test_a_bake_that_fails_costs_nothing(
    scene: Any,
    strip: Any,
    stand_in: Any,
    module: Module,
    patches: Any,
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)\n", "utf-8")
    patches.set(module("blender.sources.child"), "_CHILD", broken)
    refused(bpy.ops.grok_video.extend, "could not be prepared")
    state = module("blender.session.state")
    assert state.current().click.message.count("Nothing was sent or charged.") == 1
    assert state.current().click.preparing is None
    assert state.current().bridge.snapshot.all == ()
    assert stand_in.requests("submit") == []
    assert not list((tmp_path / "data").rglob("*.mp4"))

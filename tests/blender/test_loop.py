"""Loops: the end frame is the first frame, and the strip ends before that is seen twice, at any rate of the scene."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import pictures
from .editing import duplicate, every, set_span, span, split
from .test_flow import newest, refused
from .test_rework_breaker import window
from .test_slots import Desk, desk, elsewhere, is_still, movies

__all__ = ["desk", "elsewhere", "window"]  # fixtures

Module = Callable[[str], ModuleType]
V15 = "grok-imagine-video-1.5"
LAST = 24  # number of the last frame of a clip of 1 s: the first one again


@pytest.fixture
def looping(scene: Any) -> Any:
    """A scene that asks for a loop of 1 s from an image."""
    image = bpy.data.images.new("Field", 848, 480)
    image.generated_type = "COLOR_GRID"
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    scene.render.resolution_percentage = 100
    chosen = scene.grok_video
    chosen.source, chosen.image, chosen.model = "IMAGE", image, V15
    chosen.loop = True
    return chosen


def numbers(scene: Any, folder: Path, start: int, end: int) -> list[int]:
    """Which frames of its clip the edit shows at the scene frames [start, end)."""
    return [pictures.number_of(pictures.see(scene, folder, frame)) for frame in range(start, end)]


def test_the_end_frame_is_the_first_frame_at_the_price_of_a_picture(
    blender: ModuleType, scene: Any, looping: Any, stand_in: Any, module: Module
) -> None:
    blender.ops.grok_video.generate(frame=10)
    job, (request,) = newest(module), stand_in.requests("submit")
    body = request["body"]
    assert body["image"] == body["last_frame"]
    looping.loop = False
    plain = module("blender.submission.generate").generate_draft(bpy.context, scene)
    price = module("blender.submission.common").price_of
    table = module("service.models").MODELS[V15]
    assert job.spec.estimate - price(plain) == table.image_price
    assert job.cost == job.spec.estimate
    assert (job.spec.loop, job.spec.last_frame.path) == (True, job.spec.image)
    assert json.loads(Path(job.clip.path).with_suffix(".json").read_text("utf-8"))["loop"] is True


@pytest.mark.parametrize("markers", [(), (20,)])
def test_a_loop_with_keyframes_costs_what_the_button_says(
    scene: Any, looping: Any, stand_in: Any, module: Module, markers: tuple[int, ...]
) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    looping.keyframes = True
    for frame in markers:
        scene.timeline_markers.new("Middle", frame=frame)
    draft = module("blender.submission.generate").generate_draft(bpy.context, scene)
    price = module("blender.submission.common").price_of(draft)
    bpy.ops.grok_video.generate(frame=10, allow_single_color=True)
    job, (request,) = newest(module), stand_in.requests("submit")
    assert "last_frame" in request["body"]
    assert price == job.spec.estimate == job.cost
    looping.resolution = "1080p"  # which has no end frame
    refused(lambda: bpy.ops.grok_video.generate(frame=10, allow_single_color=True), "1080p")
    assert len(stand_in.requests("submit")) == 1


@pytest.mark.parametrize(
    ("fps", "base"), [(24, 1.0), (25, 1.0), (30, 1.0), (60, 1.0), (24, 1.001), (30, 1.001), (12, 1)]
)
def test_copies_end_to_end_never_show_the_first_frame_twice(
    scene: Any, looping: Any, desk: Desk, tmp_path: Path, fps: int, base: float
) -> None:
    scene.render.fps, scene.render.fps_base = fps, base
    job_id = desk.click(frame=10)
    (slot,) = movies(scene)
    assert is_still(slot)
    lay = span(slot)
    desk.follow(job_id, "IMPORTED")
    (strip,) = movies(scene)
    assert not is_still(strip)
    assert span(strip) == lay
    start, end = lay
    rate = fps / base
    assert abs((end - start) - rate) <= max(1, rate / 48)
    duplicate(scene, strip, end - start).channel = strip.channel
    around = math.ceil(rate / 12)
    seen = numbers(scene, tmp_path, end - around, end + around)
    assert seen[around] == 0
    assert all(number > LAST / 2 for number in seen[:around])
    assert LAST not in seen
    # The step from one copy to the next is no longer than any other.
    longest = max(1, math.ceil(24 / rate))
    assert LAST - seen[around - 1] <= longest


def test_the_sound_ends_with_the_picture(
    scene: Any, looping: Any, desk: Desk, module: Module
) -> None:
    if bpy.app.version < (4, 3):
        pytest.skip("the wheel of 4.2 has no sound")
    desk.follow(desk.click(frame=10, generate_audio=True), "IMPORTED")
    found = {strip.type: span(strip) for strip in every(scene)}
    assert found["SOUND"] == found["MOVIE"]


def test_a_clip_without_a_slot_is_trimmed_at_the_import(
    blender: ModuleType, scene: Any, looping: Any
) -> None:
    blender.ops.grok_video.generate(frame=10)
    (strip,) = movies(scene)
    assert span(strip) == (10, 10 + LAST)


def test_the_artist_may_pull_the_handle_back_and_is_told_where_the_loop_ends(
    blender: ModuleType, scene: Any, looping: Any, module: Module, tmp_path: Path
) -> None:
    blender.ops.grok_video.generate(frame=10)
    (strip,) = movies(scene)
    slots = module("blender.timeline.slots")
    start, end = span(strip)
    assert slots.end_of_loop(strip) == 0
    set_span(strip, start, end + 1)
    assert numbers(scene, tmp_path, end, end + 1) == [LAST]
    assert slots.end_of_loop(strip) == end
    set_span(strip, start, end - 5)
    assert slots.end_of_loop(strip) == 0


def test_takes_that_are_loops_and_takes_that_are_not(
    blender: ModuleType, scene: Any, looping: Any, module: Module, stand_in: Any
) -> None:
    """A strip whose end nobody touched ends where what it shows does, also where another strip follows at once."""
    blender.ops.grok_video.generate(frame=10)
    looped = newest(module)
    looping.loop = False
    blender.ops.grok_video.another_take(changed=True)
    plain, body = newest(module), stand_in.requests("submit")[-1]["body"]
    assert (plain.spec.loop, plain.spec.last_frame) == (False, None)
    assert "last_frame" not in body
    assert body["image"] == stand_in.requests("submit")[0]["body"]["image"]
    (strip,) = movies(scene)
    assert span(strip) == (10, 10 + LAST + 1)
    choose = blender.ops.grok_video.choose_take
    choose("EXEC_DEFAULT", True, job=looped.id)
    assert span(movies(scene)[0]) == (10, 10 + LAST)
    looping.loop = True
    blender.ops.grok_video.another_take(changed=True)
    again = newest(module)
    assert again.spec.last_frame.path == again.spec.image == looped.spec.image
    # Something follows at once: no warning of one frame, and no hole of one frame.
    (strip,) = movies(scene)
    duplicate(scene, strip, LAST).channel = strip.channel
    first = min(movies(scene), key=span)
    takes = module("blender.session.takes")
    assert takes.choose(bpy.context, first, plain, pieces=False) == []
    first = min(movies(scene), key=span)
    assert (span(first), first["grok_video_job"]) == ((10, 10 + LAST), plain.id)


def test_a_clip_that_was_none_becomes_a_loop_of_the_same_frame(
    blender: ModuleType, scene: Any, looping: Any, module: Module, stand_in: Any
) -> None:
    """The playhead stands elsewhere by now, and no frame is made anew."""
    looping.loop = False
    blender.ops.grok_video.generate(frame=10)
    assert span(movies(scene)[0]) == (10, 10 + LAST + 1)
    looping.loop = True
    scene.frame_set(40)
    blender.ops.grok_video.another_take(changed=True)
    first, second = (request["body"] for request in stand_in.requests("submit"))
    assert first["image"] == second["image"] == second["last_frame"]
    assert newest(module).spec.loop
    assert span(movies(scene)[0]) == (10, 10 + LAST)


def test_a_touched_end_stays(blender: ModuleType, scene: Any, looping: Any, module: Module) -> None:
    blender.ops.grok_video.generate(frame=10)
    (strip,) = movies(scene)
    set_span(strip, 12, 20)
    blender.ops.grok_video.another_take()
    assert span(movies(scene)[0]) == (12, 20)


def test_a_text_makes_no_loop(blender: ModuleType, scene: Any, looping: Any, stand_in: Any) -> None:
    looping.source = "NONE"
    refused(blender.ops.grok_video.generate, "a clip from text alone has none")
    assert not stand_in.requests("submit")


@pytest.mark.parametrize("model", ["grok-imagine-video", "grok-imagine-video-1.5-lite"])
def test_a_model_without_end_frames_says_which_has(
    blender: ModuleType, scene: Any, looping: Any, stand_in: Any, model: str
) -> None:
    looping.model = model
    refused(
        blender.ops.grok_video.generate,
        "takes no end frame. Choose Grok Imagine Video 1.5, or turn off Loop.",
    )
    looping.model, looping.resolution = V15, "1080p"
    refused(blender.ops.grok_video.generate, "Choose 480p or 720p, or turn off Loop.")
    assert not stand_in.requests("submit")


def test_the_loop_wins_over_an_end_frame_of_its_own(
    blender: ModuleType, scene: Any, looping: Any, stand_in: Any, module: Module
) -> None:
    """Without a camera in the scene an end frame would be refused."""
    looping.end_frame = True
    blender.ops.grok_video.generate()
    body = stand_in.requests("submit")[0]["body"]
    assert body["image"] == body["last_frame"]


def test_the_settings_of_a_loop_come_back(
    blender: ModuleType, scene: Any, looping: Any, module: Module
) -> None:
    blender.ops.grok_video.generate(frame=10)
    looping.loop, looping.end_frame = False, True
    blender.ops.grok_video.use_settings(job=newest(module).id)
    assert (looping.loop, looping.end_frame) == (True, False)
    assert "loop" in module("blender.ui.presets")._SETTINGS
    looping.nearest.loop = 0
    assert not looping.loop


def test_an_extension_sends_what_the_strip_of_a_loop_shows(
    blender: ModuleType, scene: Any, looping: Any, stand_in: Any, module: Module
) -> None:
    looping.duration = 2
    blender.ops.grok_video.generate(frame=10)
    looping.model, looping.extend_prompt, looping.extend_seconds = "grok-imagine-video", "On", 2
    (strip,) = movies(scene)
    blender.ops.grok_video.extend(strip=strip.name)
    assert newest(module).spec.video.seconds == pytest.approx(2.0, abs=0.01)


# ------------------------------------------------------------------------------------------ undo, files, cuts


def test_undone_reopened_and_cut_a_loop_still_ends_where_it_begins(
    scene: Any, looping: Any, desk: Desk, tmp_path: Path
) -> None:
    job_id = desk.click(frame=10)
    right = split(movies(scene)[0], 20)
    assert span(right) == (20, 10 + LAST)
    bpy.ops.ed.undo_push(message="Cut")
    desk.follow(job_id, "IMPORTED")
    desk.undo()
    desk.until(lambda: not any(map(is_still, movies(desk.scene))))
    assert [span(strip) for strip in movies(desk.scene)] == [(10, 10 + LAST)]
    desk.undo("redo")
    desk.until(lambda: not any(map(is_still, movies(desk.scene))))
    spans = sorted(span(strip) for strip in movies(desk.scene))
    assert spans == [(10, 20), (20, 10 + LAST)]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert sorted(span(strip) for strip in movies(bpy.context.scene)) == spans


@pytest.mark.parametrize("came", [True, False])
def test_on_another_computer_too(
    scene: Any, looping: Any, desk: Desk, elsewhere: Callable[[], Path], module: Module, came: bool
) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click(frame=10)
    desk.follow(job_id, "RUNNING")
    bpy.ops.wm.save_mainfile()
    if came:
        desk.stand_in.finish()
        desk.follow(job_id, "IMPORTED")
    folder = elsewhere()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    (strip,) = movies(bpy.context.scene)
    assert is_still(strip) != came
    assert span(strip) == (10, 10 + LAST)
    slots = module("blender.timeline.slots")
    assert slots.stands_for(strip).tail == 1
    set_span(strip, 10, 10 + LAST + 1)
    assert slots.end_of_loop(strip) == 10 + LAST


@pytest.mark.parametrize(
    "noted", [[1.0] * 10, [848.0, 480.0, 24.0, 25.0, 0.0, 0.0, 0.0, 0.0, -1.0], [math.nan] * 9, "x"]
)
def test_a_note_that_is_none_is_no_loop(
    blender: ModuleType, scene: Any, looping: Any, module: Module, noted: Any
) -> None:
    blender.ops.grok_video.generate(frame=10)
    (strip,) = movies(scene)
    strip["grok_video_size"] = noted
    set_span(strip, 10, 10 + LAST + 1)
    assert module("blender.timeline.slots").end_of_loop(strip) == 0

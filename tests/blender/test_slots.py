"""Slots: a strip stands where the clip will be from the click on, becomes the clip, and is never a dead placeholder.

Without a window: the operators as a script calls them, and clicks as from a window, whose ticks the tests give.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from ..patience import PATIENCE
from . import pictures
from .editing import (
    base_of,
    duplicate,
    every,
    make_meta,
    sequencer_operators,
    shift,
    span,
    split,
)
from .others import DATA_HOME
from .test_rework_breaker import extend, settle, window

PACKAGE = "bl_ext.user_default.grok_video"
__all__ = ["window"]  # a fixture

Module = Callable[[str], ModuleType]


def movies(scene: Any) -> list[Any]:
    return [s for s in every(scene) if s.type == "MOVIE"]


def is_still(strip: Any) -> bool:
    return strip.filepath.endswith(".slot.mov")


def remove(scene: Any, *gone: Any) -> None:
    """Delete strips with their sounds, as the artist does."""
    names = {s.name for s in gone}
    for strip in [s for s in every(scene) if s.name in names]:
        owner = strip.parent_meta() or scene.sequence_editor
        base_of(owner).remove(strip)


class Desk:
    """An artist's Blender: clicks with a slot at once, undo, and ticks as a window gives them."""

    def __init__(self, module: Module, stand_in: Any) -> None:
        self.module, self.stand_in = module, stand_in
        self.session = module("blender.session.state").current()
        bpy.ops.ed.undo_push(message="Begin")

    @property
    def scene(self) -> Any:
        return bpy.context.scene

    def click(self, frame: int = 10, **chosen: Any) -> str:
        """Press Generate; the id of the job to be."""
        for name, value in chosen.items():
            setattr(self.scene.grok_video, name, value)
        click = self.module("blender.session.click")
        self.session.click.last = (None, 0.0)
        with click.begun_by(press=True, slot=True):
            return click.generate(bpy.context, self.scene, self.scene, frame)

    def tick(self) -> None:
        self.module("blender.session.tick").tick(bpy.context)

    def job(self, job_id: str) -> Any:
        return self.session.bridge.snapshot.jobs.get(job_id)

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < end, "waited in vain"
            self.tick()
            time.sleep(0.02)
        return value

    def follow(self, job_id: str, state: str) -> Any:
        return self.until(lambda: (job := self.job(job_id)) and job.state == state and job)

    def undo(self, step: str = "undo") -> None:
        with sequencer_operators(self.scene):
            getattr(bpy.ops.ed, step)()

    def state(self, strip: Any) -> Any:
        return self.module("blender.session.slot_state").state_of(strip)

    @property
    def bought(self) -> int:
        return len(self.stand_in.requests("submit"))


@pytest.fixture
def desk(scene: Any, module: Module, stand_in: Any) -> Desk:
    scene.render.fps = 24
    return Desk(module, stand_in)


@pytest.fixture
def camera(scene: Any) -> Any:
    """A camera whose picture takes no time to be rendered, and is not one colour."""
    camera = bpy.data.objects.new("Shot Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.location.z = 5.0
    mesh = bpy.data.meshes.new("Plane")
    mesh.from_pydata([(0, -1, 0), (2, -1, 0), (2, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3)])
    scene.collection.objects.link(bpy.data.objects.new("Plane", mesh))
    scene.camera = camera
    scene.world = bpy.data.worlds.new("World")
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    return camera


# ------------------------------------------------------------------------------------------ from the click to the clip


def test_a_click_places_a_slot_that_becomes_the_clip(desk: Desk, tmp_path: Path) -> None:
    job_id = desk.click(frame=10)
    (slot,) = movies(desk.scene)
    assert is_still(slot)
    assert (slot["grok_video_job"], slot["grok_video_slot"]) == (job_id, job_id)
    assert slot.name.startswith("A heron lifts off")
    assert span(slot) == (10, 35)  # 1 s of the service has 25 frames
    assert desk.state(slot).words == "Waiting to Send"
    left = (slot.name, slot.channel)
    slot.channel = 5
    right = split(slot, 20)
    shift(right, 100)
    desk.follow(job_id, "IMPORTED")
    pieces = sorted(movies(desk.scene), key=lambda s: span(s)[0])
    assert [span(s) for s in pieces] == [(10, 20), (120, 135)]
    assert (pieces[0].name, pieces[0].channel) == (left[0], 5)
    clip = desk.job(job_id).clip.path
    assert {bpy.path.abspath(s.filepath) for s in pieces} == {clip}
    assert desk.state(pieces[0]) is None
    assert desk.bought == 1
    assert desk.job(job_id).spec.target.slot == job_id


def test_a_script_places_none_unless_it_says_so(desk: Desk, patches: Any) -> None:
    seen = []
    slots = desk.module("blender.session.slots")
    place = slots.place

    def spy(*args: Any, **named: Any) -> Any:
        seen.append(True)
        return place(*args, **named)

    patches.set(slots, "place", spy)
    bpy.ops.grok_video.generate(frame=1)
    assert not seen
    bpy.ops.grok_video.generate(frame=100, slot=True)
    assert seen
    assert len(movies(desk.scene)) == 2
    assert not any(map(is_still, movies(desk.scene)))
    newest = desk.session.bridge.snapshot.all[0]
    assert [j.spec.target.slot for j in desk.session.bridge.snapshot.all] == [newest.id, ""]


def test_undo_before_it_is_sent_buys_nothing(desk: Desk) -> None:
    job_id = desk.click()
    desk.undo()
    assert movies(desk.scene) == []
    desk.follow(job_id, "CANCELLED")
    assert desk.bought == 0
    desk.undo("redo")
    (slot,) = movies(desk.scene)
    assert desk.state(slot).words == "Stopped"
    assert desk.state(slot).bad


def test_deleted_while_its_source_is_prepared_it_is_given_up(
    desk: Desk, camera: Any, window: None
) -> None:
    job_id = desk.click(source="CAMERA")
    (slot,) = movies(desk.scene)
    assert desk.state(slot).words == "Preparing"
    remove(desk.scene, slot)
    desk.until(lambda: not desk.session.click.queue)
    assert "Nothing was sent or charged" in desk.session.click.message
    assert desk.job(job_id) is None
    assert desk.bought == 0


def test_of_two_pieces_one_may_go(desk: Desk) -> None:
    job_id = desk.click()
    (slot,) = movies(desk.scene)
    right = split(slot, 20)
    make_meta(desk.scene, right)
    remove(desk.scene, next(s for s in movies(desk.scene) if span(s)[0] == 10))
    desk.follow(job_id, "IMPORTED")
    (piece,) = movies(desk.scene)
    assert not is_still(piece)
    assert piece.parent_meta() is not None


def test_removed_after_it_was_sent_the_clip_is_not_forced_upon_anybody(
    desk: Desk, tmp_path: Path
) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    desk.undo()
    desk.tick()
    desk.stand_in.finish()
    desk.follow(job_id, "READY")
    for _ in range(20):
        desk.tick()
    assert (movies(desk.scene), desk.job(job_id).state) == ([], "READY")
    # The file knows it too.
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    for _ in range(20):
        desk.tick()
    assert (movies(desk.scene), desk.job(job_id).state) == ([], "READY")
    assert bpy.ops.grok_video.import_result(job=job_id) == {"FINISHED"}
    (clip,) = movies(desk.scene)
    assert not is_still(clip)


def test_a_file_that_was_not_saved_with_the_slot_gets_the_clip(desk: Desk, tmp_path: Path) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click(frame=7)
    desk.follow(job_id, "RUNNING")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))  # as after a crash
    assert movies(desk.scene) == []
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    (clip,) = movies(desk.scene)
    assert span(clip)[0] == 7
    assert not is_still(clip)


# ------------------------------------------------------------------------------------------ undo, files


def test_undo_and_redo_never_show_a_dead_placeholder(desk: Desk) -> None:
    job_id = desk.click()
    (slot,) = movies(desk.scene)
    slot.channel = 6
    bpy.ops.ed.undo_push(message="Moved up")
    slot.blend_alpha = 0.5
    bpy.ops.ed.undo_push(message="Faded")
    desk.follow(job_id, "IMPORTED")
    for _ in range(5):
        desk.undo()
        (strip,) = movies(desk.scene)
        assert (is_still(strip), strip.blend_alpha) == (False, 1.0)
        desk.undo("redo")
        (strip,) = movies(desk.scene)
        assert (is_still(strip), strip.blend_alpha) == (False, 0.5)
    for _ in range(3):
        desk.undo()
    assert movies(desk.scene) == []
    desk.undo("redo")
    (strip,) = movies(desk.scene)
    assert not is_still(strip)
    assert (desk.job(job_id).state, desk.bought) == ("IMPORTED", 1)


def test_a_file_saved_while_the_slot_waited_opens_with_the_clip(desk: Desk, tmp_path: Path) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "waiting.blend"))
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert movies(desk.scene) == []
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "waiting.blend"))
    (strip,) = movies(desk.scene)
    assert bpy.path.abspath(strip.filepath) == desk.job(job_id).clip.path
    for _ in range(10):
        desk.tick()
    assert len(movies(desk.scene)) == 1


def test_a_file_opened_while_its_clip_is_still_made_waits_on(desk: Desk, tmp_path: Path) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    (slot,) = movies(desk.scene)
    still = Path(bpy.path.abspath(slot.filepath))
    bpy.ops.wm.save_mainfile()
    still.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    (slot,) = movies(desk.scene)
    assert still.is_file(), "the still movie was not made anew"
    assert desk.state(slot).words.startswith("Generating")
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    (strip,) = movies(desk.scene)
    assert not is_still(strip)


def test_switched_off_and_on_again_the_slot_still_becomes_the_clip(desk: Desk) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    desk.session = desk.module("blender.session.state").current()
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    (strip,) = movies(desk.scene)
    assert not is_still(strip)


@pytest.fixture
def elsewhere(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Another computer: its list knows no job, and the still movies of this one are not there."""

    def go() -> Path:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        bpy.ops.preferences.addon_disable(module=PACKAGE)
        monkeypatch.setenv(DATA_HOME, str(tmp_path / "other"))
        for still in (tmp_path / "data").rglob("*.slot.mov"):
            still.unlink()
        folder = tmp_path / "copied"
        folder.mkdir()
        for path in tmp_path.glob("*.blend"):
            path.rename(folder / path.name)
        if (tmp_path / "grok_video").exists():
            (tmp_path / "grok_video").rename(folder / "grok_video")
        bpy.ops.preferences.addon_enable(module=PACKAGE)
        return folder

    return go


def test_on_another_computer_the_clip_beside_the_file_is_found(
    desk: Desk, elsewhere: Callable[[], Path], tmp_path: Path, module: Module
) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    bpy.ops.wm.save_mainfile()
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    folder = elsewhere()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    (strip,) = movies(bpy.context.scene)
    shown = Path(bpy.path.abspath(strip.filepath))
    assert (shown.parent, shown.suffix) == (folder / "grok_video", ".mp4")
    assert job_id[:8] in shown.name


def test_on_another_computer_each_clip_beside_the_file_is_found(
    desk: Desk, elsewhere: Callable[[], Path]
) -> None:
    """At once: a computer that renders in the background has no ticks that would bring the others."""
    desk.stand_in.settings(job_seconds=60)
    jobs = [desk.click(frame=10 + 100 * number) for number in range(3)]
    for job_id in jobs:
        desk.follow(job_id, "RUNNING")
    bpy.ops.wm.save_mainfile()
    desk.stand_in.finish()
    for job_id in jobs:
        desk.follow(job_id, "IMPORTED")
    Path(desk.job(jobs[0]).clip.path).unlink()
    folder = elsewhere()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    shown = {s["grok_video_job"]: is_still(s) for s in movies(bpy.context.scene)}
    assert shown == {jobs[0]: True, jobs[1]: False, jobs[2]: False}


def test_on_another_computer_a_slot_without_a_clip_says_so(
    desk: Desk, elsewhere: Callable[[], Path], module: Module
) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    bpy.ops.wm.save_mainfile()
    folder = elsewhere()
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    (strip,) = movies(bpy.context.scene)
    assert is_still(strip)
    assert Path(bpy.path.abspath(strip.filepath)).is_file()
    assert span(strip) == (10, 35)
    state = module("blender.session.slot_state").state_of(strip)
    assert state.bad
    assert "not in this list" in state.words


# ------------------------------------------------------------------------------------------ pictures, sources


def test_the_still_of_the_camera_takes_the_cards_place(
    desk: Desk, camera: Any, window: None
) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click(source="CAMERA")
    (slot,) = movies(desk.scene)
    card = slot.filepath
    channel = slot.channel = 4
    desk.follow(job_id, "RUNNING")
    desk.until(lambda: movies(desk.scene)[0].filepath != card)
    (slot,) = movies(desk.scene)
    assert is_still(slot)
    assert job_id in slot.filepath
    still = Path(desk.job(job_id).spec.image).read_bytes()
    assert still in Path(bpy.path.abspath(slot.filepath)).read_bytes()
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    assert movies(desk.scene)[0].channel == channel


def test_a_click_that_fails_leaves_its_slot_with_the_reason(
    desk: Desk, camera: Any, window: None
) -> None:
    desk.click(source="CAMERA")
    bpy.data.objects.remove(camera)
    desk.until(lambda: not desk.session.click.queue)
    (slot,) = movies(desk.scene)
    state = desk.state(slot)
    assert state.bad
    assert state.words.endswith("Nothing was sent or charged.")
    assert desk.bought == 0


def test_an_extension_stands_behind_its_source_and_an_edit_over_it(
    desk: Desk, tmp_path: Path
) -> None:
    scene = desk.scene
    scene.render.resolution_x, scene.render.resolution_y = 848, 480
    scene.view_settings.view_transform = "Standard"
    scene.grok_video.duration = 2
    bpy.ops.grok_video.generate(frame=1)
    (source,) = movies(scene)
    name, (start, end) = source.name, span(source)
    desk.stand_in.settings(job_seconds=60)
    click = desk.module("blender.session.click")
    series = desk.module("blender.session.series")
    shots = desk.module("blender.timeline.source_strip")
    extend = desk.module("blender.submission.extend")
    scene.grok_video.extend_prompt = "And lands"
    scene.grok_video.extend_seconds = 2
    part = shots.source_strip_of(source)
    plan = extend.passes_of(scene, extend.part_to_extend(scene, part, desk.job, look=True))
    with click.begun_by(press=True, slot=True):
        extended = series.extend(bpy.context, part, plan)
    slot = next(s for s in movies(scene) if s["grok_video_job"] == extended)
    assert (is_still(slot), span(slot)) == (True, (end, end + 48))
    last, shown = (
        pictures.number_of(pictures.see(scene, tmp_path, frame)) for frame in (end - 1, end + 5)
    )
    assert last == shown, "the slot does not show its source's last frame"
    desk.follow(extended, "RUNNING")
    scene.grok_video.edit_prompt = "In blue"
    source = next(s for s in movies(scene) if s.name == name)
    with click.begun_by(press=True, slot=True):
        edited = click.edit(bpy.context, shots.source_strip_of(source))
    over = next(s for s in movies(scene) if s["grok_video_job"] == edited)
    assert is_still(over)
    assert span(over) == (start, end)
    assert over.channel > source.channel
    desk.follow(edited, "RUNNING")
    desk.stand_in.finish()
    desk.follow(extended, "IMPORTED")
    desk.follow(edited, "IMPORTED")
    assert len(movies(scene)) == 3
    assert not any(map(is_still, movies(scene)))
    slot = next(s for s in movies(scene) if s["grok_video_job"] == extended)
    assert span(slot) == (end, end + 48)


def test_each_pass_of_a_series_has_its_slot_when_its_job_begins(desk: Desk) -> None:
    scene = desk.scene
    scene.grok_video.duration = 2
    bpy.ops.grok_video.generate(frame=1)
    (source,) = movies(scene)
    scene.grok_video.extend_prompt = "And lands"
    scene.grok_video.extend_seconds = 14  # two passes
    bpy.ops.grok_video.extend(strip=source.name, slot=True)
    spans = sorted(map(span, movies(scene)))
    assert len(spans) == 3
    assert spans[0][1] == spans[1][0]
    assert spans[1][1] == spans[2][0]
    jobs = [job for job in desk.session.bridge.snapshot.all if job.spec.kind == "extend"]
    assert all(job.spec.target.slot == job.id for job in jobs)
    assert not any(map(is_still, movies(scene)))


def test_undo_ends_a_series_and_redo_does_not_buy_what_was_to_follow(
    desk: Desk, window: None
) -> None:
    scene = desk.scene
    desk.follow(desk.click(frame=1, duration=2), "IMPORTED")
    (source,) = movies(scene)
    scene.sequence_editor.active_strip = source
    scene.grok_video.extend_prompt = "And lands"
    desk.stand_in.settings(job_seconds=60)
    with desk.module("blender.session.click").begun_by(press=True, slot=True):
        part = extend(desk.module, 14)
    desk.follow(part, "RUNNING")
    assert desk.session.series.agreed
    desk.undo()
    desk.until(lambda: not desk.session.series.agreed)
    assert "1 more part was not sent or charged" in desk.session.click.message
    desk.undo("redo")
    desk.stand_in.finish()
    desk.follow(part, "IMPORTED")
    settle(desk.module("blender.session"), 0.5)
    assert desk.bought == 2
    assert not any(map(is_still, movies(desk.scene)))


# ------------------------------------------------------------------------------------------ what a slot tells, and again


def test_a_failed_slot_says_so_and_takes_the_next_try(desk: Desk) -> None:
    desk.stand_in.fail("job", "failed")
    job_id = desk.click(frame=50)
    desk.follow(job_id, "FAILED")
    (slot,) = movies(desk.scene)
    assert desk.state(slot).words.startswith("Failed: ")
    assert desk.state(slot).bad
    slot.channel = 7
    assert bpy.ops.grok_video.send_again(job=job_id, confirm=True) == {"FINISHED"}
    (clip,) = movies(desk.scene)
    again = desk.session.bridge.snapshot.all[0]
    assert (is_still(clip), clip.channel, span(clip)[0]) == (False, 7, 50)
    assert (clip["grok_video_job"], clip["grok_video_slot"]) == (again.id, job_id)
    assert again.spec.slot == job_id


def test_brought_back_as_it_was_before_it_was_bought_again_a_slot_tells_what_is_under_way(
    desk: Desk,
) -> None:
    """Redo brings back a strip that waits for the stopped job; *Generate Again* once more would pay for a second clip."""
    job_id = desk.click()
    desk.undo()
    desk.follow(job_id, "CANCELLED")
    desk.undo("redo")
    (slot,) = movies(desk.scene)
    takes = desk.module("blender.session.takes")
    assert takes.is_given_up(slot)
    desk.stand_in.settings(job_seconds=60)
    again = takes.another_take(bpy.context, slot, changed=False)
    desk.follow(again, "RUNNING")
    desk.undo()
    desk.undo("redo")
    (slot,) = movies(desk.scene)
    assert slot["grok_video_job"] == job_id
    assert desk.state(slot).words.startswith("Generating")
    assert not takes.is_given_up(slot)
    desk.stand_in.finish()
    desk.follow(again, "IMPORTED")
    (clip,) = movies(desk.scene)
    assert not is_still(clip)
    assert desk.bought == 1


def test_what_is_removed_and_brought_back_before_anything_is_sent_stays_stopped(desk: Desk) -> None:
    job_id = desk.click()
    (slot,) = movies(desk.scene)
    remove(desk.scene, slot)
    bpy.ops.ed.undo_push(message="Delete")
    desk.follow(job_id, "CANCELLED")
    desk.undo()
    (slot,) = movies(desk.scene)
    assert desk.state(slot).words == "Stopped"
    assert desk.bought == 0


def test_progress_is_told(desk: Desk) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    (slot,) = movies(desk.scene)
    desk.follow(job_id, "RUNNING")
    state = desk.state(slot)
    assert state.words.startswith("Generating")
    assert (state.bad, state.job.id) == (False, job_id)
    assert desk.state(split(slot, 20)).job.id == job_id


# ------------------------------------------------------------------------------------------ in the middle of something


def test_while_blender_renders_the_clip_waits_and_comes(desk: Desk, patches: Any) -> None:
    job_id = desk.click()
    renders = [True]

    def unsettled(_context: Any, **_named: Any) -> str:
        return "The clip waits while Blender renders." if renders else ""

    patches.set(desk.module("blender.timeline.importing"), "unsettled", unsettled)
    desk.follow(job_id, "READY")
    desk.tick()
    (slot,) = movies(desk.scene)
    assert is_still(slot)
    assert desk.session.imports.waiting == "The clip waits while Blender renders."
    assert desk.state(slot).words == "Ready. The clip waits while Blender renders."
    renders.clear()
    desk.follow(job_id, "IMPORTED")
    assert not is_still(movies(desk.scene)[0])


def test_a_strip_that_cannot_show_its_clip_keeps_no_other_waiting(
    desk: Desk, patches: Any, module: Module
) -> None:
    """A bug of ours, or a strip that nobody has thought of: ticks that raise would end, and with them all that is paid."""
    shows = module("blender.timeline.slots").show
    bad = desk.click(frame=10)

    def show(context: Any, strip: Any, showing: Any, job_id: str) -> list[str]:
        if job_id == bad:
            raise ZeroDivisionError
        return shows(context, strip, showing, job_id)

    patches.set(module("blender.timeline.slots"), "show", show)
    good = desk.click(frame=100)
    desk.follow(good, "IMPORTED")
    desk.follow(bad, "READY")
    for _ in range(10):
        desk.tick()
    assert [is_still(s) for s in movies(desk.scene)] == [True, False]
    patches.undo()
    desk.session.slots.missing.clear()  # some seconds later
    desk.follow(bad, "IMPORTED")
    assert [is_still(s) for s in movies(desk.scene)] == [False, False]


def test_without_global_undo_slots_work_as_well(desk: Desk) -> None:
    edit = bpy.context.preferences.edit
    edit.use_global_undo = False
    try:
        job_id = desk.click()
        desk.follow(job_id, "IMPORTED")
        assert not is_still(movies(desk.scene)[0])
    finally:
        edit.use_global_undo = True


def test_copies_in_other_scenes_become_the_clip_too(desk: Desk) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    other = desk.scene.copy()
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    assert len(movies(other)) == 1
    assert not any(map(is_still, [*movies(other), *movies(desk.scene)]))


def test_with_the_scene_goes_the_slot(desk: Desk) -> None:
    scene = desk.scene
    other = bpy.data.scenes.new("Other")
    click = desk.module("blender.session.click")
    with click.begun_by(press=True, slot=True):
        job_id = click.generate(bpy.context, scene, other, 10)
    assert len(movies(other)) == 1
    bpy.data.scenes.remove(other)
    desk.follow(job_id, "CANCELLED")
    assert desk.bought == 0


def test_a_full_edit_is_refused_before_anything_is_placed(desk: Desk) -> None:
    scene = desk.scene
    editor = scene.sequence_editor_create()
    for channel in editor.channels:
        channel.lock = True
    with pytest.raises(desk.module("blender.refusal").Refused):
        desk.click()
    assert movies(scene) == []
    for channel in list(editor.channels)[6:]:
        channel.lock = False
    desk.click()
    (slot,) = movies(scene)
    assert slot.channel > 5


def test_a_tick_with_two_hundred_slots_keeps_its_time(desk: Desk) -> None:
    desk.stand_in.settings(job_seconds=60)
    job_id = desk.click(frame=1)
    desk.follow(job_id, "RUNNING")
    (slot,) = movies(desk.scene)
    slots, own = desk.module("blender.session.slots"), desk.session.slots
    for number in range(199):
        piece = split(slot, 2) if number == 0 else None
        made = piece or duplicate(desk.scene, slot, 40 * number, channel=20 + number % 50)
        made["grok_video_job"] = f"{number:032x}"
        own.placed.add(f"{number:032x}")
        desk.session.documents[f"{number:032x}"] = desk.session.document
    times = []
    for _ in range(30):
        began = time.thread_time()  # of this thread: others may have the machine
        slots.go_on(bpy.context)
        slots.removed_unsent()
        slots.is_busy()
        times.append(time.thread_time() - began)
    assert len(own.placed) == 200
    assert sorted(times)[len(times) // 2] < 0.002


def test_a_hostile_file_is_harmless(desk: Desk, tmp_path: Path) -> None:
    job_id = desk.click()
    (slot,) = movies(desk.scene)
    for value in ("", "x" * 5000, 7, [1, 2], "../../..", "*", "é\n"):
        slot["grok_video_job"] = value
        slot["grok_video_slot"] = value
        slot["grok_video_size"] = [float("nan"), -1.0, 0.0, 1e30, 5.0]
        desk.scene["grok_video_slots"] = value
        desk.state(slot)
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "odd.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "odd.blend"))
        for _ in range(3):
            desk.tick()
        (slot,) = movies(desk.scene)
    assert job_id

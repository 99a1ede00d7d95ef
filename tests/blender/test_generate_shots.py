"""*Generate Shots*: a list of shots bought with one press, each once, and what becomes of the rest.

Scripts call the operator; presses are made as from a window, whose ticks the tests give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .editing import color, overlaps, span
from .others import Other
from .test_orders import bodies
from .test_rework_breaker import window
from .test_slot_lives import opened
from .test_slots import PACKAGE, Desk, camera, desk, is_still, movies, remove

__all__ = ["camera", "desk", "window"]  # fixtures

Module = Callable[[str], ModuleType]


def add(to: Any, name: str, **fields: Any) -> Any:
    """A row of the list, which begins 100 frames after the one before it."""
    row = to.grok_video.shots.add()
    row.name, row.source, row.prompt = name, "NONE", f"Shot {name}"
    row.target_frame = 1 + 100 * (len(to.grok_video.shots) - 1)
    for field, value in fields.items():
        setattr(row, field, value)
    return row


class Batch(Desk):
    """An artist's Blender with a list of shots."""

    def fill(self, *names: str, **fields: Any) -> None:
        for name in names:
            add(self.scene, name, **fields)

    def press(self, which: str = "WANTED", *, slot: bool = True, press: bool = True) -> list[str]:
        """Press the button and agree; the ids of the jobs to be."""
        scene = self.scene
        offer = self.module("blender.ui.shots_generate").offer_of(bpy.context, scene, which)
        rows = [row for row in scene.grok_video.shots if row.mark in offer.agreed]
        with self.module("blender.session.click").begun_by(press=press, slot=slot):
            return self.module("blender.session.shot_batch").begin(
                bpy.context, scene, rows, offer.agreed
            )

    @property
    def under_way(self) -> Any:
        return self.session.shot_batch.press

    @property
    def told(self) -> list[Any]:
        return list(self.module("blender.session.shots").told(bpy.context, self.scene))

    @property
    def states(self) -> list[str]:
        return [one.state for one in self.told]

    def wanted(self) -> list[str]:
        return [row.name for row in self.module("blender.session.shots").wanted(self.scene)]

    def place_all(self) -> None:
        self.until(lambda: not (self.under_way.to_place or self.under_way.unpushed))

    def settle(self) -> None:
        """Until every shot has come, or came to nothing."""
        self.until(lambda: self.under_way is None)
        ends = {"IMPORTED", "FAILED", "CANCELLED", "UNKNOWN", "STOPPED", ""}
        self.until(lambda: set(self.states) <= ends)

    def names(self) -> list[str]:
        """The shots that were sent, in the order in which they were."""
        whole = [body for body in bodies(self.stand_in) if body is not None]
        return [body["prompt"].removeprefix("Shot ") for body in whole]


@pytest.fixture
def batch(scene: Any, module: Module, stand_in: Any) -> Batch:
    scene.render.fps = 24
    return Batch(module, stand_in)


# ------------------------------------------------------------------------------------------ scripts


def test_a_script_buys_a_list_and_waits(batch: Batch) -> None:
    batch.fill("a", "b", "c")
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    assert batch.names() == ["a", "b", "c"]
    jobs = list(reversed(batch.session.bridge.snapshot.all))
    assert [job.spec.shot_name for job in jobs] == ["a", "b", "c"]
    assert [span(s)[0] for s in movies(batch.scene)] == [1, 101, 201]
    assert [s.name for s in movies(batch.scene)] == ["a", "b", "c"], (
        "strips are called as their shots"
    )
    assert [row.job for row in batch.scene.grok_video.shots] == [job.id for job in jobs]
    assert batch.states == ["IMPORTED"] * 3
    with pytest.raises(RuntimeError, match="Every enabled shot was bought"):
        bpy.ops.grok_video.generate_shots()
    assert batch.bought == 3


def test_a_script_may_leave_the_list_and_wait_later(batch: Batch) -> None:
    batch.fill("a", "b")
    batch.stand_in.settings(job_seconds=600)
    assert bpy.ops.grok_video.generate_shots(wait=False) == {"FINISHED"}
    assert set(batch.states) <= {"QUEUED", "SUBMITTING", "RUNNING"}
    batch.until(lambda: batch.states == ["RUNNING", "RUNNING"])
    batch.stand_in.finish()
    assert bpy.ops.grok_video.wait() == {"FINISHED"}
    assert batch.states == ["IMPORTED"] * 2


def test_what_goes_wrong_is_told_in_one_error_after_all_others(batch: Batch) -> None:
    batch.fill("a")
    add(batch.scene, "bad", prompt="x" * 5000)
    add(batch.scene, "gone", source="IMAGE")
    batch.fill("d")
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.grok_video.generate_shots()
    assert batch.names() == ["a", "d"]
    assert batch.states == ["IMPORTED", "", "", "IMPORTED"]
    told = str(raised.value)
    assert "2 shots are not on the timeline" in told
    assert "“bad”: The prompt has 5000 characters" in told
    assert "“gone”: Choose the image" in told


def test_a_frame_of_one_colour_is_bought_where_the_script_says_so(
    batch: Batch, camera: Any
) -> None:
    camera.location.z = -5.0
    batch.fill("a", source="CAMERA")
    with pytest.raises(RuntimeError, match="“a”: The source still is one colour"):
        bpy.ops.grok_video.generate_shots()
    assert batch.states == ["STOPPED"]
    assert bpy.ops.grok_video.generate_shots(allow_single_color=True) == {"FINISHED"}


def test_rows_that_are_off_are_left(batch: Batch) -> None:
    batch.fill("a", "b")
    batch.scene.grok_video.shots[0].enabled = False
    bpy.ops.grok_video.generate_shots()
    assert batch.names() == ["b"]
    batch.scene.grok_video.shots.clear()
    with pytest.raises(RuntimeError, match="The list has no shots yet"):
        bpy.ops.grok_video.generate_shots()


# ------------------------------------------------------------------------------------------ what is sent


def test_a_shot_has_the_panels_settings_and_its_own(batch: Batch) -> None:
    chosen = batch.scene.grok_video
    chosen.shots_begin, chosen.shots_end = "Film {shot}:", "at {frame} of {scene}, {light}"
    chosen.loop, chosen.end_frame, chosen.keyframes = True, True, True
    chosen.aspect_ratio = "9:16"
    add(batch.scene, "s010", prompt='a "quoted"\n{x}', seconds=2, frame=7)
    batch.scene.name = "Sea"
    bpy.ops.grok_video.generate_shots()
    (body,) = bodies(batch.stand_in)
    assert body["prompt"] == 'Film s010: a "quoted"\n{x} at 7 of Sea, {light}'
    assert (body["duration"], body["aspect_ratio"]) == (2, "9:16")
    (job,) = batch.session.bridge.snapshot.all
    assert not job.spec.loop
    assert not job.spec.keyframes
    assert "s010" in Path(job.spec.output).name


def test_each_camera_is_rendered_at_its_frame_by_one_second_blender(
    batch: Batch, camera: Any, patches: Any
) -> None:
    bpy.context.preferences.addons[PACKAGE].preferences.render_source = "BACKGROUND"
    other = bpy.data.objects.new("Other", camera.data)
    batch.scene.collection.objects.link(other)
    other.location = (5.0, 0.0, 5.0)
    add(batch.scene, "a", source="CAMERA", frame=5)
    add(batch.scene, "b", source="CAMERA", frame=9, camera=other, prompt="{camera}")
    stills = batch.module("blender.sources.stills")
    runs = []
    begin = stills._Run.__init__

    def counted(*args: Any) -> None:
        runs.append(True)
        begin(*args)

    patches.set(stills._Run, "__init__", counted)
    bpy.ops.grok_video.generate_shots(slot=True, allow_single_color=True)
    assert len(runs) == 1
    jobs = list(reversed(batch.session.bridge.snapshot.all))
    sources = [(job.spec.source.camera, job.spec.source.frame) for job in jobs]
    assert sources == [("Shot Camera", 5.0), ("Other", 9.0)]
    assert jobs[1].spec.prompt == "Other"
    first, second = (Path(job.spec.image).read_bytes() for job in jobs)
    assert first != second
    assert not list(Path(jobs[0].spec.image).parent.glob("*.blend")), "the written file is gone"


def test_references_are_made_once_for_all(batch: Batch) -> None:
    image = bpy.data.images.new("Coat", 64, 64)
    batch.scene.grok_video.references.add().image = image
    batch.fill("a", "b")
    bpy.ops.grok_video.generate_shots()
    one, two = (job.spec.references for job in batch.session.bridge.snapshot.all)
    assert one == two
    assert one[0].size == Path(one[0].path).stat().st_size
    assert all("reference_images" in body for body in bodies(batch.stand_in))


def test_an_image_and_a_strip_begin_shots(batch: Batch, tmp_path: Path) -> None:
    image = bpy.data.images.new("Board", 64, 36)
    image.pixels[0:4] = (1.0, 0.0, 0.0, 1.0)
    batch.follow(batch.click(frame=300), "IMPORTED")
    (clip,) = movies(batch.scene)
    add(batch.scene, "image", source="IMAGE", image=image)
    add(batch.scene, "strip", source="STRIP", strip=clip.name, frame=305)
    add(batch.scene, "beside", source="STRIP", strip=clip.name, frame=3)
    add(batch.scene, "nothing", source="STRIP", strip="Nobody")
    told = batch.told
    assert "is seen from frame 300" in told[2].refusal
    assert "There is no strip “Nobody”" in told[3].refusal
    batch.press(slot=False)
    batch.settle()
    kinds = [job.spec.source.kind for job in reversed(batch.session.bridge.snapshot.all)]
    assert kinds == ["NONE", "IMAGE", "STRIP"]


# ------------------------------------------------------------------------------------------ a press


@pytest.mark.usefixtures("window")
def test_slots_come_one_a_tick_in_the_order_of_the_list_and_are_one_undo_step(
    batch: Batch,
) -> None:
    batch.fill("a", "b", "c")
    color(batch.scene, 1, 150, 400)
    bpy.ops.ed.undo_push(message="Strips")
    ids = batch.press()
    assert not movies(batch.scene)
    seen = []
    while batch.under_way.to_place:
        batch.tick()
        seen.append([strip["grok_video_job"] for strip in movies(batch.scene)])
    assert seen == [ids[:1], ids[:2], ids]
    assert not overlaps(batch.scene)
    assert batch.states == ["WAITING"] * 3
    assert batch.bought == 0
    batch.undo()
    batch.tick()
    assert not movies(batch.scene)
    assert batch.under_way is None or not batch.under_way.items
    assert all("slot was removed" in told.words for told in batch.told)
    assert batch.wanted() == ["a", "b", "c"]
    batch.undo("redo")
    for _ in range(5):
        batch.tick()
    assert len(movies(batch.scene)) == 3, "redo brings the slots back, and buys nothing"
    assert batch.bought == 0
    batch.press()
    batch.settle()
    assert len(movies(batch.scene)) == 3, "the slots that stand are those of the shots"
    assert not any(map(is_still, movies(batch.scene)))
    assert batch.bought == 3


@pytest.mark.usefixtures("window")
def test_an_undo_while_slots_are_placed_stops_the_press(batch: Batch) -> None:
    batch.fill("a", "b", "c", "d")
    bpy.ops.ed.undo_push(message="Rows")
    batch.press()
    batch.tick()
    batch.tick()
    assert len(movies(batch.scene)) == 2
    batch.undo()
    for _ in range(10):
        batch.tick()
    assert batch.under_way is None
    assert not movies(batch.scene)
    assert batch.bought == 0


@pytest.mark.usefixtures("window")
def test_undo_and_another_press_buy_nothing_twice(batch: Batch) -> None:
    """Rows that a script added get their marks with the press; an undo takes the marks, and not what was bought."""
    batch.stand_in.settings(job_seconds=600)
    batch.fill("a", "b")
    bpy.ops.ed.undo_push(message="Rows")
    batch.press()
    batch.until(lambda: batch.states == ["RUNNING", "RUNNING"])
    batch.undo()  # the slots
    assert [row.mark for row in batch.scene.grok_video.shots] != ["", ""]
    batch.undo()  # the marks
    assert [row.mark for row in batch.scene.grok_video.shots] == ["", ""]
    assert batch.states == ["RUNNING", "RUNNING"]
    with pytest.raises(batch.module("blender.refusal").Refused, match="was bought"):
        batch.press()
    batch.fill("c")
    batch.press()
    batch.until(lambda: batch.names() == ["a", "b", "c"])


@pytest.mark.usefixtures("window")
def test_a_second_press_waits_for_the_first(batch: Batch) -> None:
    batch.fill("a", "b")
    batch.press()
    batch.fill("c")
    with pytest.raises(batch.module("blender.refusal").Refused, match="is being generated"):
        batch.press()
    batch.settle()
    assert batch.bought == 2
    batch.press()
    batch.settle()
    assert batch.names() == ["a", "b", "c"]


@pytest.mark.usefixtures("window")
def test_a_single_click_comes_first(batch: Batch, camera: Any) -> None:
    batch.fill("a", "b")
    batch.press()
    batch.tick()
    batch.click(frame=900, source="CAMERA")
    batch.until(lambda: not batch.session.click.queue)
    assert len(batch.under_way.items) == 2
    batch.settle()
    assert batch.bought == 3
    assert batch.names()[0] == "A heron lifts off"


@pytest.mark.usefixtures("window")
def test_stop_keeps_what_was_sent_and_go_on_buys_the_rest(batch: Batch) -> None:
    """The slots of what was stopped wait, and what is bought for them later comes into them."""
    batch.fill("a", "b", "c")
    batch.stand_in.settings(job_seconds=600)
    batch.press()
    batch.place_all()
    batch.tick()  # one shot is handed over
    batch.until(lambda: batch.bought == 1)
    batch.module("blender.session.shot_batch").stop(batch.scene)
    batch.until(lambda: "QUEUED" not in batch.states)
    for _ in range(20):
        batch.tick()
    sent = batch.names()
    assert "a" in sent
    assert batch.states[0] == "RUNNING"
    assert batch.states[2] in ("STOPPED", "CANCELLED")
    assert "c" not in sent
    batch.stand_in.settings(job_seconds=0.3)
    batch.stand_in.finish()
    assert batch.press("LEFT")
    batch.settle()
    assert sorted(batch.names()) == ["a", "b", "c"]
    assert [span(s)[0] for s in movies(batch.scene)] == [1, 101, 201]
    assert batch.states == ["IMPORTED"] * 3


@pytest.mark.usefixtures("window")
def test_only_the_failed_ones_again(batch: Batch, camera: Any) -> None:
    """Their pictures are made anew: the scene may be another one by now."""
    batch.stand_in.fail("job", "failed")
    add(batch.scene, "a", source="CAMERA", frame=1)
    batch.press()
    batch.settle()
    assert batch.states == ["FAILED"]
    (first,) = batch.session.bridge.snapshot.all
    batch.fill("b")
    camera.location.x = 1.0
    assert batch.module("blender.session.shots").failed(batch.scene) == [
        batch.scene.grok_video.shots[0]
    ]
    batch.press("FAILED")
    batch.settle()
    again = batch.session.bridge.snapshot.all[0]
    assert batch.states == ["IMPORTED", ""]
    assert again.spec.image != first.spec.image
    assert Path(again.spec.image).read_bytes() != Path(first.spec.image).read_bytes()
    assert len(movies(batch.scene)) == 1, "into the slot that the failed one had"


@pytest.mark.usefixtures("window")
def test_what_may_have_been_charged_is_not_bought_again(batch: Batch) -> None:
    batch.fill("a")
    batch.stand_in.fail("submit", "answer-lost", times=1)
    batch.press()
    batch.until(lambda: batch.states == ["UNKNOWN"])
    refused = batch.module("blender.refusal").Refused
    for which in ("WANTED", "FAILED", "LEFT"):
        with pytest.raises(refused):
            batch.press(which)
    row = batch.scene.grok_video.shots[0]
    batch.module("blender.session.shot_batch").begin(bpy.context, batch.scene, [row])
    assert batch.under_way is None
    assert batch.bought == 1
    batch.stand_in.mend()


@pytest.mark.usefixtures("window")
def test_another_file_ends_the_press(batch: Batch, tmp_path: Path) -> None:
    batch.fill("a", "b", "c")
    bpy.ops.wm.save_mainfile()
    batch.press()
    batch.tick()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    for _ in range(10):
        batch.tick()
    assert batch.under_way is None
    assert batch.bought == 0
    batch.scene.render.fps = 24
    batch.press()
    batch.settle()
    assert batch.bought == 3


@pytest.mark.usefixtures("window")
def test_a_file_that_is_saved_under_another_name_goes_on(batch: Batch, tmp_path: Path) -> None:
    batch.fill("a", "b")
    batch.press()
    batch.tick()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"))
    batch.settle()
    assert batch.states == ["IMPORTED"] * 2
    assert not any(map(is_still, movies(batch.scene)))


# ------------------------------------------------------------------------------------------ what is gone meanwhile


@pytest.mark.usefixtures("window")
def test_what_a_shot_shows_is_gone_before_the_press(batch: Batch, camera: Any) -> None:
    """An empty field means another camera: a shot whose own camera was removed must not be bought with that."""
    scene = batch.scene
    cameras = [bpy.data.objects.new(name, camera.data) for name in ("One", "Two")]
    for one in cameras:
        scene.collection.objects.link(one)
    place = bpy.data.scenes.new("Elsewhere")
    add(scene, "camera", source="CAMERA", camera=cameras[0])
    add(scene, "unlinked", source="CAMERA", camera=cameras[1])
    add(scene, "scene", source="CAMERA", scene=place)
    add(scene, "bare", source="CAMERA", scene=bpy.data.scenes.new("Bare"))
    bpy.data.objects.remove(cameras[0])
    scene.collection.objects.unlink(cameras[1])
    bpy.data.scenes.remove(place)
    batch.fill("fine")
    told = [one.refusal for one in batch.told]
    assert told[0] == "The camera “One” of this shot is gone. Choose another one."
    assert told[1] == "The camera “Two” is in no scene any more. Choose another one."
    assert told[2] == "The scene “Elsewhere” of this shot is gone. Choose another one."
    assert "“Bare” has no camera" in told[3]
    batch.press()
    batch.settle()
    assert batch.names() == ["fine"]
    scene.grok_video.shots[0].camera = None  # by the artist: the scene's own
    scene.grok_video.shots[2].scene = None
    assert [one.refusal for one in batch.told][:3:2] == ["", ""]


@pytest.mark.usefixtures("window")
def test_what_a_shot_shows_goes_after_the_press(batch: Batch, camera: Any) -> None:
    scene = batch.scene
    place = bpy.data.scenes.new("Elsewhere")
    place.camera = camera
    place.render.engine = "CYCLES"
    place.collection.objects.link(camera)
    image = bpy.data.images.new("Board", 64, 36)
    bpy.context.preferences.addons[PACKAGE].preferences.render_source = "HERE"
    add(scene, "scene", source="CAMERA", scene=place)
    add(scene, "image", source="IMAGE", image=image)
    batch.fill("fine")
    batch.press()
    batch.place_all()
    bpy.data.scenes.remove(place)
    bpy.data.images.remove(image)
    scene.name = "Renamed"
    batch.settle()
    told = batch.told
    assert "“Elsewhere” to be rendered is gone" in told[0].words
    assert "“Board” is gone" in told[1].words
    assert [one.state for one in told] == ["STOPPED", "STOPPED", "IMPORTED"]
    assert batch.names() == ["fine"]


@pytest.mark.usefixtures("window")
def test_a_slot_that_the_artist_deletes_is_not_bought(batch: Batch) -> None:
    batch.fill("a", "b", "c")
    batch.press()
    batch.place_all()
    remove(batch.scene, movies(batch.scene)[1])
    batch.settle()
    assert batch.names() == ["a", "c"]


@pytest.mark.usefixtures("window")
def test_targets_that_overlap_go_to_other_channels(batch: Batch) -> None:
    batch.fill("a", "b", "c", target_frame=10)
    batch.press()
    batch.settle()
    assert len(movies(batch.scene)) == 3
    assert not overlaps(batch.scene)


# ------------------------------------------------------------------------------------------ copies, and others


@pytest.mark.usefixtures("window")
def test_a_copied_scene_has_shots_of_its_own(batch: Batch) -> None:
    batch.fill("a")
    batch.press()
    batch.settle()
    first = batch.scene
    bpy.ops.scene.new(type="FULL_COPY")
    assert batch.scene != first
    assert batch.scene.grok_video.shots[0].mark == first.grok_video.shots[0].mark
    assert batch.states == [""], "what was bought of the original is not the copy's"
    batch.press()
    batch.settle()
    assert batch.bought == 2
    assert batch.scene.grok_video.shots[0].mark != first.grok_video.shots[0].mark
    bpy.context.window.scene = first
    assert batch.states == ["IMPORTED"]


@pytest.fixture
def beside(batch: Batch, tmp_path: Path) -> Iterator[Other]:
    """Another Blender of the same artist, with the same list of jobs."""
    with Other.start(tmp_path / "other.log") as other:
        other.do("enable()")
        yield other


def test_another_blender_with_the_file_is_told_what_was_bought(batch: Batch, beside: Other) -> None:
    batch.fill("a", "b")
    batch.module("blender.session.shots").marked(batch.scene)
    bpy.ops.wm.save_mainfile()
    opened(beside, Path(bpy.data.filepath))
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    with pytest.raises(AssertionError, match="was bought"):
        beside.do("bpy.ops.grok_video.generate_shots()")
    assert batch.bought == 2


def test_a_job_that_another_computer_has_is_not_bought_here(batch: Batch) -> None:
    """A file that came from elsewhere names its jobs; only the artist knows what became of them."""
    batch.fill("a", "b")
    batch.module("blender.session.shots").marked(batch.scene)
    row = batch.scene.grok_video.shots[0]
    row.job = "f" * 32
    assert batch.wanted() == ["b"]
    assert "not in this list of clips" in batch.told[0].words
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    assert batch.names() == ["b"]
    row.job = ""
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    assert batch.names() == ["b", "a"]


@pytest.mark.usefixtures("window")
def test_a_bug_ends_the_press_and_no_tick(batch: Batch, patches: Any) -> None:
    def broken(*_args: Any, **_named: Any) -> None:
        raise ZeroDivisionError

    slots = batch.module("blender.session.slots")
    place = slots.place
    batch.fill("a", "b")
    patches.set(slots, "place", broken)
    batch.press()
    batch.tick()
    assert batch.under_way is None
    assert batch.states == ["STOPPED", "STOPPED"]
    patches.set(slots, "place", place)
    batch.press()
    batch.settle()
    assert batch.names() == ["a", "b"]

"""A shot is bought once, whatever comes between the question and the purchase: another press, an undo, a copied scene."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
import pytest
from PIL import Image

from .editing import shift
from .test_generate_shots import Batch, add, batch
from .test_rework_breaker import window
from .test_slots import camera, movies

__all__ = ["batch", "camera", "window"]  # fixtures


@pytest.mark.usefixtures("window")
def test_a_question_that_was_answered_late_frees_no_shot(batch: Batch) -> None:
    """Of two questions in two windows the second one is about what the first has bought."""
    batch.fill("a")
    batch.press()
    batch.settle()
    row = batch.scene.grok_video.shots[0]
    batch.module("blender.session.shot_batch").begin(bpy.context, batch.scene, [row])
    assert batch.states == ["IMPORTED"]
    assert batch.wanted() == []


@pytest.mark.usefixtures("window")
def test_a_job_that_was_sent_again_stands_for_the_shot_of_a_stopped_press(batch: Batch) -> None:
    batch.stand_in.fail("job", "failed", times=1)
    batch.fill("a")
    batch.press()
    batch.settle()
    (failed,) = batch.session.bridge.snapshot.all
    batch.press("FAILED")
    batch.module("blender.session.shot_batch").stop(batch.scene)
    assert batch.states == ["STOPPED"]
    send_again(batch, failed)
    batch.settle()
    assert batch.states == ["IMPORTED"]
    assert batch.wanted() == []
    assert batch.bought == 2


@pytest.mark.usefixtures("window")
def test_what_was_bought_while_the_pictures_were_made_is_not_handed_over(batch: Batch) -> None:
    """By *Send Again* in the list, or by another Blender that has the file open and pressed too."""
    batch.stand_in.fail("job", "failed", times=1)
    batch.fill("a", "b")
    batch.scene.grok_video.shots[1].enabled = False
    batch.press()
    batch.settle()
    (failed,) = batch.session.bridge.snapshot.all
    batch.press("FAILED")
    batch.place_all()
    send_again(batch, failed)
    batch.settle()
    batch.until(lambda: not batch.session.bridge.expects)
    assert batch.bought == 2, "the failed one, and one more"
    assert batch.states == ["IMPORTED", ""]


def send_again(batch: Batch, job: Any) -> None:
    """Press *Send Again* in the list; until the list has the new job."""
    with batch.module("blender.session.click").begun_by(press=True, slot=True):
        fresh = batch.module("blender.session.click").send_again(
            bpy.context, job, batch.scene, job.spec.target.frame
        )
    read_all = batch.module("blender.session.queue").read_all
    batch.session.bridge.worker.ensure(batch.module("blender.session.queue").account())
    batch.module("blender.session.waiting").until(
        lambda: fresh in batch.session.bridge.snapshot.jobs, read_all
    )


@pytest.mark.usefixtures("window")
def test_an_undo_gives_a_copied_row_no_third_mark(batch: Batch) -> None:
    """In a file that was never saved marks are of chance: what was bought of the copy must stay known."""
    bpy.ops.wm.read_homefile(app_template="")
    batch.fill("a")
    batch.press()
    batch.settle()
    bpy.ops.scene.new(type="FULL_COPY")
    copy, shots = batch.scene, batch.module("blender.session.shots")
    before = copy.grok_video.shots[0].mark
    batch.press()
    batch.settle()
    assert batch.bought == 2
    bought_as = copy.grok_video.shots[0].mark
    copy.grok_video.shots[0].mark = before  # as an undo brings the row back
    shots.marked(copy)
    assert copy.grok_video.shots[0].mark == bought_as
    assert batch.wanted() == []


@pytest.mark.usefixtures("window")
def test_the_original_stays_bought_when_its_copy_comes_before_it_in_the_file(
    batch: Batch, tmp_path: Path
) -> None:
    """Blender counts scenes anew when it opens a file, in the order of their names."""
    batch.fill("a")
    batch.press()
    batch.settle()
    name = batch.scene.name
    bpy.ops.scene.new(type="FULL_COPY")
    batch.scene.name = "A copy that comes first"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "two.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "two.blend"))
    assert batch.scene.name != name
    assert batch.wanted() == ["a"]
    bpy.context.window.scene = bpy.data.scenes[name]
    batch.module("blender.session.shots").marked(batch.scene)
    assert batch.states == ["IMPORTED"]
    assert batch.wanted() == []


@pytest.mark.usefixtures("window")
def test_a_strip_that_was_moved_after_the_press_is_not_bought(batch: Batch) -> None:
    batch.follow(batch.click(frame=300), "IMPORTED")
    (clip,) = movies(batch.scene)
    add(batch.scene, "strip", source="STRIP", strip=clip.name, frame=305)
    batch.press()
    batch.tick()
    shift(clip, 3)
    batch.settle()
    assert batch.states == ["STOPPED"]
    assert "was changed" in batch.told[0].words
    assert batch.bought == 1


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize("change", ["painted", "written anew", "another file"])
def test_an_image_that_was_changed_after_the_press_is_not_bought(
    batch: Batch, tmp_path: Path, change: str
) -> None:
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path, colour in ((one, "red"), (two, "blue")):
        Image.new("RGB", (64, 36), colour).save(path)
    image = bpy.data.images.load(str(one))
    add(batch.scene, "image", source="IMAGE", image=image)
    batch.press()
    match change:
        case "painted":
            image.pixels[0:4] = (0.0, 1.0, 0.0, 1.0)
        case "written anew":
            os.utime(one, ns=(1, 1))
        case _:
            image.filepath = str(two)
    batch.settle()
    assert batch.states == ["STOPPED"]
    assert "was changed" in batch.told[0].words
    assert batch.bought == 0


@pytest.mark.usefixtures("window", "camera")
def test_what_holds_the_window_up_is_rendered_before_slots_are_placed(
    batch: Batch, patches: Any
) -> None:
    """It shows the scene itself, which must be as it was at the press."""
    ways = batch.module("blender.sources.ways")
    itself = ways.Choice(ways.Way.ITSELF)
    patches.set(ways, "choose", lambda *_args, **_how: itself)
    batch.fill("text")
    add(batch.scene, "camera", source="CAMERA", frame=4)
    batch.press()
    press = batch.under_way
    placed = len(press.to_place)
    assert placed == 2
    batch.until(lambda: not press.here)
    assert len(press.to_place) == placed
    batch.settle()
    assert batch.bought == 2


def test_a_service_that_nobody_reaches_is_waited_for_once(
    batch: Batch, patches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, shots = batch.module("blender.ui.asking"), batch.module("blender.ui.shots_generate")
    patches.set(asking, "UNREACHABLE_SECONDS", 0.5)
    since: list[float | None] = []

    real = shots._trouble_of

    def waited(*args: Any) -> Any:
        since.append(args[4])
        return real(*args)

    patches.set(shots, "_trouble_of", waited)
    monkeypatch.setenv("XAI_API_BASE", "http://127.0.0.1:9")
    batch.fill("a", "b", "c")
    with pytest.raises(RuntimeError, match="3 shots are not on the timeline"):
        bpy.ops.grok_video.generate_shots()
    assert not any(job.open for job in batch.session.bridge.snapshot.all)
    assert sorted(batch.wanted()) == ["a", "b", "c"]
    assert since[0] is None
    assert len(since) == 3
    assert since[1] is not None
    assert since[1] == since[2]


@pytest.mark.usefixtures("window")
def test_a_row_that_is_removed_before_its_job_is_not_bought(batch: Batch) -> None:
    batch.fill("a", "b")
    batch.press()
    batch.place_all()
    bpy.ops.grok_video.remove_shot(index=1)
    batch.settle()
    assert batch.names() == ["a"]


@pytest.mark.usefixtures("window")
def test_stop_stops_the_jobs_of_rows_that_were_removed(batch: Batch) -> None:
    batch.stand_in.settings(per_second=0, per_minute=1)
    batch.fill("a", "b", "c", "d", "e", "f")
    ids = batch.press(slot=False)
    batch.until(lambda: len(batch.session.shot_batch.press.unsent) >= 3)
    assert batch.under_way is not None
    bpy.ops.grok_video.clear_shots()
    batch.module("blender.session.shot_batch").stop(batch.scene)

    def states() -> set[str]:
        jobs = map(batch.module("blender.session.state").job_by_id, ids)
        return {job.state.name for job in jobs if job is not None}

    batch.until(lambda: not batch.session.bridge.expects and "QUEUED" not in states())
    assert "CANCELLED" in states()
    assert batch.bought <= 1

"""A shot is bought once, whatever comes between the question and the purchase: another press, an undo, a copied scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest

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
    print(
        "DEBUG",
        batch.told,
        [(j.id[:6], j.state, j.problem) for j in batch.session.bridge.snapshot.all],
        batch.session.shot_batch.ended,
    )
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
    clip.frame_start += 3
    batch.settle()
    assert batch.states == ["STOPPED"]
    assert "was changed" in batch.told[0].words
    assert batch.bought == 1

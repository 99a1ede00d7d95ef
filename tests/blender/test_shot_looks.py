"""The look in use for every shot of a list: bought once for each, and what its clip begins with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .editing import color
from .test_generate_shots import Batch, add, batch, beside
from .test_looks import draw_image, look, look_scene
from .test_orders import refused
from .test_rework_breaker import window
from .test_slots import camera

__all__ = ["batch", "beside", "camera", "look", "look_scene", "window"]  # fixtures

Module = Callable[[str], ModuleType]


@pytest.fixture
def listed(look_scene: Any, look: Any, batch: Batch) -> Batch:
    """A list of a camera's, an image's, a strip's shot and one of text alone, while a look is in use."""
    bpy.ops.grok_video.use_look(job=look.id)
    for name in ("One", "Two"):
        add(look_scene, name, source="IMAGE", image=draw_image(name))
    add(look_scene, "Text")
    return batch


@pytest.fixture
def pressed(listed: Batch, request: pytest.FixtureRequest) -> Batch:
    """The same, from then on as in a window: what a press needs is made on ticks."""
    request.getfixturevalue("window")
    return listed


def looks_of(batch: Batch) -> list[Any]:
    """The looks of the rows, oldest first."""
    return [
        job
        for job in reversed(batch.session.bridge.snapshot.all)
        if job.spec.shot and job.spec.look
    ]


def clips_of(batch: Batch) -> dict[str, Any]:
    """The jobs of the rows' clips by the names of the shots."""
    every = batch.session.bridge.snapshot.all
    return {job.spec.shot_name: job for job in every if job.spec.shot and job.spec.duration}


def press_looks(batch: Batch) -> list[str]:
    """Press *Apply the Look* and agree; the ids of the jobs to be."""
    offer = batch.module("blender.ui.shots_look").offer_of(bpy.context, batch.scene)
    rows = [row for row in batch.scene.grok_video.shots if row.mark in offer.agreed]
    with batch.module("blender.session.click").begun_by(press=True, slot=True):
        return batch.module("blender.session.shot_batch").begin(
            bpy.context, batch.scene, rows, offer.agreed, looks=True
        )


def state_of(batch: Batch, number: int) -> Any:
    row = batch.scene.grok_video.shots[number]
    return batch.module("blender.session.shot_looks").state_of(bpy.context, batch.scene, row)


def test_each_shot_with_a_picture_is_made_in_the_look_and_its_clip_begins_with_that(
    listed: Batch, look: Any, module: Module
) -> None:
    chosen = listed.scene.grok_video
    assert bpy.ops.grok_video.apply_look_to_shots() == {"FINISHED"}
    made = looks_of(listed)
    assert [job.spec.shot_name for job in made] == ["One", "Two"]
    for job, row in zip(made, chosen.shots, strict=False):
        assert (job.spec.kind, job.spec.look, job.spec.shot) == ("look", look.id, row.mark)
        assert job.spec.prompt == f"{look.spec.prompt} Make it look like <IMAGE_1>."
        assert job.spec.source.image == row.image.name
        assert len(job.spec.references) == 1
        assert Path(job.clip.path).parent == Path(look.clip.path).parent
        assert not row.job, "the clip of the row was not bought"
    assert made[0].spec.references[0].path == made[1].spec.references[0].path
    assert listed.wanted() == ["One", "Two", "Text"]
    assert chosen.shots_look
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    clips = clips_of(listed)
    assert clips.keys() == {"One", "Two", "Text"}
    pixels = module("blender.sources.pixels")
    for of_row in made:
        sent = pixels.read(Path(clips[of_row.spec.shot_name].spec.image))
        whole = pixels.read(Path(of_row.clip.path))
        assert (pixels.fit(whole, 1.0, (sent.shape[1], sent.shape[0])) == sent).all()
    assert clips["Text"].spec.image == ""
    assert listed.states == ["IMPORTED"] * 3


def test_without_the_switch_and_without_a_look_the_source_is_sent(
    listed: Batch, module: Module
) -> None:
    chosen = listed.scene.grok_video
    bpy.ops.grok_video.apply_look_to_shots()
    add(listed.scene, "Late", source="IMAGE", image=draw_image("Late"))
    generate = module("blender.ui.shots_generate")
    words = [
        line
        for line, _ in generate.lines_of(generate.offer_of(bpy.context, listed.scene, "WANTED"))
    ]
    assert "2 Shots begin in the look." in words
    assert "“Late” is not in the look yet and begins with what the source shows." in words
    chosen.shots_look = False
    found = generate.offer_of(bpy.context, listed.scene, "WANTED")
    assert not found.in_look
    assert not found.without
    bpy.ops.grok_video.generate_shots()
    looks = {Path(job.clip.path).read_bytes() for job in looks_of(listed)}
    pixels = module("blender.sources.pixels")
    first = clips_of(listed)["One"]
    sent = pixels.read(Path(first.spec.image))
    own = pixels.read(Path(looks_of(listed)[0].spec.image))
    assert sent.shape == own.shape
    assert (sent == own).all(), "the source, as it was sent for its look"
    assert Path(first.spec.image).read_bytes() not in looks


def test_pressed_twice_buys_once(pressed: Batch) -> None:
    ids = press_looks(pressed)
    assert len(ids) == 2
    assert not pressed.under_way.to_place, "a look has no place on the timeline"
    assert state_of(pressed, 0).state in ("WAITING", "PREPARING")
    refused_now = pressed.module("blender.refusal").Refused
    with pytest.raises(refused_now):
        press_looks(pressed)
    pressed.until(lambda: pressed.under_way is None)
    with pytest.raises(refused_now, match="No shot that is still to be made lacks the look"):
        press_looks(pressed)
    pressed.until(lambda: [job.state for job in looks_of(pressed)] == ["IMPORTED"] * 2)
    with pytest.raises(refused_now, match="No shot that is still to be made lacks the look"):
        press_looks(pressed)
    assert [job.id for job in looks_of(pressed)] == ids
    assert pressed.states == ["", "", ""], "no clip was bought"


def test_an_undo_makes_no_look_forgotten(pressed: Batch) -> None:
    bpy.ops.ed.undo_push(message="before")
    ids = press_looks(pressed)
    pressed.until(lambda: pressed.under_way is None)
    pressed.undo()
    pressed.tick()
    with pytest.raises(pressed.module("blender.refusal").Refused, match="lacks the look"):
        press_looks(pressed)
    pressed.until(lambda: [job.state for job in looks_of(pressed)] == ["IMPORTED"] * 2)
    assert [job.id for job in looks_of(pressed)] == ids


def test_in_the_middle_of_a_batch_it_is_refused(pressed: Batch) -> None:
    pressed.press()
    with pytest.raises(pressed.module("blender.refusal").Refused):
        press_looks(pressed)
    pressed.settle()
    assert not looks_of(pressed)
    assert clips_of(pressed).keys() == {"One", "Two", "Text"}


def test_stop_ends_what_was_not_sent_and_clips_know_nothing_of_it(pressed: Batch) -> None:
    press_looks(pressed)
    pressed.module("blender.session.shot_batch").stop(pressed.scene)
    assert state_of(pressed, 0).state == "STOPPED"
    assert state_of(pressed, 0).again
    assert pressed.states == ["", "", ""]
    assert len(press_looks(pressed)) == 2


def test_a_look_whose_file_is_gone_is_not_replaced_in_silence(listed: Batch) -> None:
    bpy.ops.grok_video.apply_look_to_shots()
    Path(looks_of(listed)[0].clip.path).unlink()
    with pytest.raises(RuntimeError, match="“One”: The file of its look is gone"):
        bpy.ops.grok_video.generate_shots()
    assert clips_of(listed).keys() == {"Two", "Text"}
    refused(bpy.ops.grok_video.apply_look_to_shots, "lacks the look")


def test_the_look_in_use_that_is_gone_says_so(listed: Batch) -> None:
    bpy.data.images.remove(listed.scene.grok_video.look.image)
    refused(bpy.ops.grok_video.apply_look_to_shots, "is not in this file any more")
    bpy.ops.grok_video.use_render()
    refused(bpy.ops.grok_video.apply_look_to_shots, "No look is in use")
    assert not looks_of(listed)


def test_a_row_that_shows_something_else_lacks_the_look(listed: Batch) -> None:
    bpy.ops.grok_video.apply_look_to_shots()
    listed.scene.grok_video.shots[0].image = draw_image("Other")
    assert state_of(listed, 0).again
    assert state_of(listed, 1).state == "IMPORTED"
    bpy.ops.grok_video.apply_look_to_shots()
    assert [job.spec.source.image for job in looks_of(listed)] == ["One", "Two", "Other"]


@pytest.mark.usefixtures("camera")
def test_a_camera_and_a_strip_are_rendered_as_for_their_clips(listed: Batch) -> None:
    shots = listed.scene.grok_video.shots
    shots[0].source, shots[0].frame = "CAMERA", 7
    strip = color(listed.scene, 1, 1, 50)
    shots[1].source, shots[1].strip, shots[1].frame = "STRIP", strip.name, 12
    assert bpy.ops.grok_video.apply_look_to_shots(allow_single_color=True) == {"FINISHED"}
    sources = [job.spec.source for job in looks_of(listed)]
    assert [(one.kind, one.frame) for one in sources] == [("CAMERA", 7.0), ("STRIP", 12.0)]
    assert [state_of(listed, number).state for number in (0, 1)] == ["IMPORTED", "IMPORTED"]
    refused(bpy.ops.grok_video.apply_look_to_shots, "lacks the look")


def test_a_lost_answer_is_not_bought_again(listed: Batch, stand_in: Any) -> None:
    stand_in.fail("image-submit", "answer-lost")
    with pytest.raises(RuntimeError, match="1 shot is not in the look"):
        bpy.ops.grok_video.apply_look_to_shots()
    states = {job.spec.shot_name: job.state for job in looks_of(listed)}
    assert sorted(states.values()) == ["IMPORTED", "UNKNOWN"]
    assert [one.look_wanted for one in listed.told] == [False, False, False]
    refused(bpy.ops.grok_video.apply_look_to_shots, "lacks the look")
    assert listed.wanted() == ["One", "Two", "Text"], "its clip may be bought"
    assert len(looks_of(listed)) == 2


def test_the_panel_tells_price_and_count_of_the_looks(listed: Batch) -> None:
    shots = listed.module("blender.session.shots")
    totals = shots.totals_of(listed.told)
    bpy.ops.grok_video.apply_look_to_shots()
    spent = sum(job.spec.estimate for job in looks_of(listed))
    assert (totals.looks, totals.looks_price) == (2, spent)
    after = shots.totals_of(listed.told)
    assert (after.looks, after.looks_price, after.wanted) == (0, 0, 3)

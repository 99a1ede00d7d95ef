"""What looks may cost: each frame of *Apply the Look* is bought once, and no more after a stop.

Every look here is bought from the stand-in by a worker process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import bpy
import pytest

from .others import wait_for
from .test_flow import newest, posts, refused
from .test_looks import camera_scene, look_scene
from .test_rework_breaker import in_state, settle, tick_until, window

__all__ = ["camera_scene", "look_scene", "window"]  # fixtures
Module = Callable[[str], ModuleType]


@pytest.fixture
def two_frames(camera_scene: Any, stand_in: Any, module: Module) -> Any:
    """As ``camera_scene``, with a look in use, an end frame and a keyframe to be made in it."""
    chosen = camera_scene.grok_video
    chosen.model, chosen.duration = "grok-imagine-video-1.5", 2
    assert bpy.ops.grok_video.look(allow_single_color=True) == {"FINISHED"}
    bpy.ops.grok_video.use_look(job=newest(module).id)
    chosen.end_frame = chosen.keyframes = True
    camera_scene.timeline_markers.new("Middle", frame=25)
    return camera_scene


def test_a_frame_of_two_markers_is_bought_once(
    two_frames: Any, stand_in: Any, module: Module
) -> None:
    price = module("blender.ui.look_frames").price_of(two_frames)
    two_frames.timeline_markers.new("Beside", frame=25)
    assert module("blender.ui.look_frames").price_of(two_frames) == price
    before = posts(stand_in)
    bpy.ops.grok_video.apply_look(allow_single_color=True)
    assert posts(stand_in) == before + 2
    jobs = module("blender.session.state").current().bridge.snapshot.all
    assert sum(job.cost for job in jobs if job.spec.look) == price


def test_frames_that_are_on_their_way_are_not_bought_again(
    two_frames: Any, window: None, stand_in: Any, module: Module
) -> None:
    """A press again when all is prepared, while the worker has not taken up the jobs yet."""
    looks, session = module("blender.session.looks"), module("blender.session")
    before, click = posts(stand_in), session.current().click
    jobs = looks.apply(bpy.context, two_frames, allow_single_color=True)
    assert looks.frames_to_make(two_frames) == []
    prepare = module("blender.session.click").prepare
    while click.queue:  # without a tick nothing is read of what the worker did
        prepare(bpy.context)
        time.sleep(0.02)
    assert not any(module("blender.session.state").job_by_id(one) for one in jobs)
    assert looks.frames_to_make(two_frames) == []
    with pytest.raises(module("blender.refusal").Refused, match="no end frame or keyframe to make"):
        looks.apply(bpy.context, two_frames, allow_single_color=True)
    for one in jobs:
        tick_until(session, in_state(session, one, "IMPORTED"))
    assert posts(stand_in) == before + 2
    assert looks.frames_to_make(two_frames) == []


def test_frames_that_another_blender_asked_for_are_not_bought_again(
    two_frames: Any, window: None, stand_in: Any, module: Module
) -> None:
    """Two Blenders with the same file: this one has not ticked since the other one pressed, or while both render."""
    looks, session = module("blender.session.looks"), module("blender.session")
    state, answers = module("blender.session.state"), module("blender.session.answers")
    before, click = posts(stand_in), session.current().click
    jobs = looks.apply(bpy.context, two_frames, allow_single_color=True)
    specs = [one.spec for one in click.queue]
    prepare = module("blender.session.click").prepare
    while click.queue:
        prepare(bpy.context)
        time.sleep(0.02)
    for one in jobs:  # as if another session had
        del state.current().documents[one], state.current().looks.frames[one]
    wait_for(lambda: posts(stand_in) == before + 2, "the worker")
    assert not any(state.job_by_id(one) for one in jobs)
    with pytest.raises(module("blender.refusal").Refused, match="no end frame or keyframe to make"):
        looks.apply(bpy.context, two_frames, allow_single_color=True)
    for spec in specs:
        again = replace(spec, id=module("core.spec").new_id())
        asked = module("core.payload").spec_to_payload(again)
        module("blender.session.queue").send("submit", spec=asked, job=again.id)
        tick_until(session, lambda job=again.id: job in state.current().answers.not_taken)
        with pytest.raises(module("blender.refusal").Refused, match="Nothing was sent or charged"):
            answers.refuse_not_taken(again.id)
    for one in jobs:
        tick_until(session, lambda job=one: state.job_by_id(job).clip)
    assert posts(stand_in) == before + 2


@pytest.mark.parametrize("how", ["stopped", "interrupted"])
def test_a_stop_stops_every_frame_of_the_press(
    two_frames: Any, window: None, stand_in: Any, module: Module, how: str
) -> None:
    looks, session = module("blender.session.looks"), module("blender.session")
    before, click = posts(stand_in), session.current().click
    other = two_frames.camera.copy()  # which could be rendered after the first camera is gone
    two_frames.collection.objects.link(other)
    two_frames.grok_video.end_camera = other
    looks.apply(bpy.context, two_frames, allow_single_color=True)
    assert len(click.queue) == 2
    if how == "stopped":
        bpy.ops.grok_video.stop_preparing()
    else:
        bpy.data.objects.remove(two_frames.camera)
        tick_until(session, lambda: click.message)
    assert not click.queue
    assert "Nothing was sent or charged." in click.message
    settle(session, 0.5)
    assert posts(stand_in) == before


def test_what_is_bought_of_several_frames_is_said(
    two_frames: Any, window: None, stand_in: Any, module: Module, patches: Any
) -> None:
    looks, session = module("blender.session.looks"), module("blender.session")
    click, Refused = module("blender.session.click"), module("blender.refusal").Refused
    accept, taken = click.accept, []

    def only_one(*given: Any, **more: Any) -> str:
        if taken:
            raise Refused("The disk is full.")
        taken.append(accept(*given, **more))
        return taken[0]

    patches.set(click, "accept", only_one, copies_ok=True)
    with pytest.raises(Refused, match="Of 2 frames 1 is being made"):
        looks.apply(bpy.context, two_frames, allow_single_color=True)
    tick_until(session, in_state(session, taken[0], "IMPORTED"))
    assert len(looks.frames_to_make(two_frames)) == 1, (
        "the frame that was bought is not asked for again"
    )


def test_a_frame_whose_answer_was_lost_is_asked_about(
    two_frames: Any, stand_in: Any, module: Module
) -> None:
    frames = module("blender.ui.look_frames")
    assert frames.sent_before(two_frames) == ""
    stand_in.fail("image-submit", "answer-lost")
    refused(lambda: bpy.ops.grok_video.apply_look(allow_single_color=True), "may have been charged")
    (lost,) = [
        job
        for job in module("blender.session.state").current().bridge.snapshot.all
        if job.state == "UNKNOWN"
    ]
    frame = int(lost.spec.source.frame)
    assert frames.sent_before(two_frames).startswith(f"Frame {frame} was sent before")
    price = frames.price_of(two_frames)
    title, words = bpy.types.GROK_VIDEO_OT_apply_look.question(None, bpy.context, price)
    assert title == "Buy These Looks Once More?"
    assert f"Frame {frame} was sent before" in words


def test_a_look_sent_again_stays_with_its_scene(
    look_scene: Any, stand_in: Any, module: Module
) -> None:
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    look = newest(module)
    other = bpy.data.scenes.new("Other")
    bpy.context.window.scene = other
    assert bpy.ops.grok_video.send_again(job=look.id, confirm=True) == {"FINISHED"}
    again = newest(module)
    assert again.spec.parent == look.id
    assert again.spec.target.scene == look_scene.name
    found = module("blender.session.looks").of_source(look_scene)
    assert [job.id for job in found] == [look.id, again.id]

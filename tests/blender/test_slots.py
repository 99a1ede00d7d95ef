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
from .editing import every, sequencer_operators, shift, span, split

Module = Callable[[str], ModuleType]


def movies(scene: Any) -> list[Any]:
    return [s for s in every(scene) if s.type == "MOVIE"]


def is_still(strip: Any) -> bool:
    return strip.filepath.endswith(".slot.mov")


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
        return self.module("blender.session.slots").state_of(strip)

    @property
    def bought(self) -> int:
        return len(self.stand_in.requests("submit"))


@pytest.fixture
def desk(scene: Any, module: Module, stand_in: Any) -> Desk:
    scene.render.fps = 24
    return Desk(module, stand_in)


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


def test_a_script_places_none_unless_it_says_so(desk: Desk) -> None:
    seen = []
    slots = desk.module("blender.session.slots")
    place = slots.place

    def spy(*args: Any, **named: Any) -> Any:
        seen.append(True)
        return place(*args, **named)

    slots.place = spy
    try:
        bpy.ops.grok_video.generate(frame=1)
        assert not seen
        bpy.ops.grok_video.generate(frame=100, slot=True)
        assert seen
    finally:
        slots.place = place
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

"""Clicks that are enqueued: one is prepared after the other, and what ends one of them ends no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_orders import bodies, footage, refused, strip
from .test_rework_breaker import children, in_state, settle, tick_until, window

__all__ = ["footage", "strip", "window"]  # fixtures

Module = Callable[[str], ModuleType]


def enqueued(module: Module, prompt: str) -> str:
    """An extension of the strip whose bake is enqueued, whatever is being prepared; gives the job's id to be."""
    state = module("blender.session.state")
    submission = module("blender.submission.extend")
    scene = bpy.context.scene
    scene.grok_video.extend_prompt = prompt
    shot = module("blender.timeline.source_strip").active_source_strip(bpy.context)
    order = submission.extension(scene, shot, state.session_id(), state.job_by_id, 2)
    return module("blender.session.click").accept(bpy.context, order)


def test_two_are_prepared_one_after_the_other_and_each_becomes_its_job(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    session = module("blender.session")
    before = children()
    first, second = enqueued(module, "It dawns"), enqueued(module, "It snows")
    waiting = session.current().click.queue[1]
    clicked_at = waiting.since
    refused(bpy.ops.grok_video.extend, "being prepared")

    def first_is_done() -> bool:
        assert waiting.running is None, "two are prepared at once"
        assert len(children() - before) <= 1
        return session.current().click.preparing is waiting

    tick_until(session, first_is_done)
    assert waiting.since > clicked_at, "the window has no time to say what comes next"
    assert first in session.current().documents
    assert second not in session.current().documents
    for job_id in (first, second):
        tick_until(session, in_state(session, job_id, "IMPORTED"))
    assert not session.current().click.queue
    assert [body["prompt"] for body in bodies(stand_in)] == ["It dawns", "It snows"]


# --------------------------------------------------------------------------------- what ends one, and what ends all


@pytest.fixture
def three(
    window: None, scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> tuple[list[Any], list[Any]]:
    """Three clicks, of which the first has begun; each has a picture of its own already. And their steps."""
    click = module("blender.session.click")
    preparation = module("blender.submission.preparation")
    interrupted = module("blender.refusal").Interrupted

    class Held(preparation.Step):
        """Something that is made until the test says that it is there, or what went wrong with it."""

        label = "Making…"
        said: Any = None

        def __init__(self) -> None:
            self.heard: list[str] = []

        def start(self, _context: Any) -> None:
            self.heard.append("start")

        def poll(self, _context: Any) -> Any:
            if self.said == "interrupted":
                raise interrupted("Render interrupted.")
            return self.said and self.said()

        def cancel(self) -> None:
            self.heard.append("cancel")

    made, steps = [], []
    for number in range(3):
        scene.grok_video.prompt = f"Clip {number}"
        session_id = module("blender.session.state").session_id()
        order = module("blender.submission.generate").generation(
            bpy.context, scene, scene, 1, session_id
        )
        picture = tmp_path / f"{order.spec.id}-{number}.png"
        picture.write_bytes(b"a picture")
        spec = replace(order.spec, image=str(picture), image_mime="image/png", image_bytes=9)
        steps.append(Held())
        made.append(preparation.Preparation(spec, [steps[-1]]))
        click.enqueue(bpy.context, made[-1])
    module("blender.session.tick").tick(bpy.context)
    assert [step.heard for step in steps] == [["start"], [], []]
    return made, steps


def let_go(step: Any) -> None:
    """The step is done; what it made is the text alone."""
    step.said = lambda: lambda spec: replace(spec, image="", image_mime="", image_bytes=0)


@pytest.mark.parametrize("how", ["stopped", "interrupted", "a bug"])
def test_what_ends_the_running_one_lets_the_others_go_on(
    three: Any, scene: Any, stand_in: Any, module: Module, how: str
) -> None:
    session = module("blender.session")
    (ended, *others), steps = three
    match how:
        case "stopped":
            bpy.ops.grok_video.stop_preparing()
            assert steps[0].heard == ["start", "cancel"]
        case "interrupted":
            steps[0].said = "interrupted"
        case _:
            steps[0].said = lambda: 1 / 0
    tick_until(session, lambda: steps[1].heard)
    assert "Nothing was sent or charged." in session.current().click.message
    assert not os.path.exists(ended.spec.image)
    assert os.path.exists(others[0].spec.image)
    assert steps[2].heard == []
    for step in steps[1:]:
        let_go(step)
    for one in others:
        tick_until(session, in_state(session, one.spec.id, "IMPORTED"))
    settle(session, 0.5)
    assert [body["prompt"] for body in bodies(stand_in)] == ["Clip 1", "Clip 2"]


@pytest.mark.parametrize(
    ("wall", "awake", "state"),
    [
        pytest.param(3600.0, 0.0, "held", id="an hour asleep"),
        pytest.param(3600.0, 3600.0, "IMPORTED", id="an hour's render"),
    ],
)
def test_the_word_of_a_click_grows_old_while_the_machine_sleeps(
    three: Any, stand_in: Any, module: Module, wall: float, awake: float, state: str
) -> None:
    """The lid closed over a bake: what is ready in the morning waits for a word, and a long bake does not."""
    session = module("blender.session")
    (first, *_), steps = three
    clicked = first.clicked
    first.clicked = replace(clicked, wall=clicked.wall - wall, awake=clicked.awake - awake)
    let_go(steps[0])

    def there() -> bool:
        job = session.current().bridge.snapshot.jobs.get(first.spec.id)
        return job is not None and (job.held or job.state == "IMPORTED")

    tick_until(session, there)
    job = session.current().bridge.snapshot.jobs[first.spec.id]
    assert ("held" if job.held else job.state) == state
    assert len(bodies(stand_in)) == (state == "IMPORTED")


@pytest.mark.parametrize("then", ["goes on", "is done", "interrupted", "a bug"])
def test_a_click_that_is_stopped_during_its_own_step_takes_no_other_with_it(
    three: Any, stand_in: Any, module: Module, then: str
) -> None:
    """A step runs handlers of the artist's, of frames and of renders, and one of them may press Stop."""
    session = module("blender.session")
    (stopped, *others), steps = three
    interrupted = module("blender.refusal").Interrupted

    def stop() -> Any:
        steps[0].said = None
        bpy.ops.grok_video.stop_preparing()
        match then:
            case "interrupted":
                raise interrupted("Render interrupted.")
            case "a bug":
                raise ZeroDivisionError
        return (lambda spec: spec) if then == "is done" else None

    steps[0].said = stop
    module("blender.session.tick").tick(bpy.context)
    assert list(session.current().click.queue) == others
    assert session.current().click.message == "Stopped. Nothing was sent or charged."
    assert not os.path.exists(stopped.spec.image)
    assert all(os.path.exists(one.spec.image) for one in others)
    module("blender.session.click").drop_all("Over.")
    settle(session, 0.5)
    assert stand_in.requests("submit") == []


def test_an_interrupted_script_leaves_no_click_behind(
    scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    """Ctrl-C while the source is made: the next thing that the script waits for must not buy the clip unseen."""
    session, preparation = module("blender.session"), module("blender.submission.preparation")

    class Interrupted(preparation.Step):
        cancelled = False

        def start(self, _context: Any) -> None: ...

        def poll(self, _context: Any) -> Any:
            raise KeyboardInterrupt

        def cancel(self) -> None:
            self.cancelled = True

    scene.grok_video.prompt = "A wave"
    session_id = module("blender.session.state").session_id()
    order = module("blender.submission.generate").generation(
        bpy.context, scene, scene, 1, session_id
    )
    picture = tmp_path / f"{order.spec.id}.png"
    picture.write_bytes(b"a picture")
    spec, step = replace(order.spec, image=str(picture)), Interrupted()
    with pytest.raises(KeyboardInterrupt):
        module("blender.session.click").enqueue(bpy.context, preparation.Preparation(spec, [step]))
    assert not session.current().click.queue
    assert step.cancelled
    assert not picture.exists()
    bpy.ops.grok_video.generate(frame=1)
    assert len(stand_in.requests("submit")) == 1


@pytest.mark.parametrize("how", ["another file", "disabled"])
def test_what_ends_all(three: Any, scene: Any, stand_in: Any, module: Module, how: str) -> None:
    session = module("blender.session")
    made, steps = three
    if how == "another file":
        bpy.ops.wm.read_homefile(use_empty=True)
        assert not session.current().click.queue
        assert session.current().click.message == (
            "Another file was opened. Nothing was sent or charged."
        )
    else:
        package = module("blender.compat").__name__.split(".blender")[0]
        bpy.ops.preferences.addon_disable(module=package)
        bpy.ops.preferences.addon_enable(module=package)
    assert [step.heard for step in steps] == [["start", "cancel"], [], []]
    assert not any(os.path.exists(one.spec.image) for one in made)
    settle(session, 0.5)
    assert stand_in.requests("submit") == []

"""``{a|b|c}`` in a prompt: a job for each variant, bought with one press at the price of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import editing
from .conftest import patching
from .test_orders import Drawn, bodies
from .test_rework_breaker import tick_until, window

__all__ = ["window"]  # fixtures

Module = Callable[[str], ModuleType]
PRICE = 10**10 // 20  # a second at 480p, from text


def jobs_of(module: Module) -> list[Any]:
    """The jobs of the list, oldest first."""
    return list(reversed(module("blender.session.state").current().bridge.snapshot.all))


def movies(scene: Any) -> list[Any]:
    return [strip for strip in editing.strips(scene) if strip.type == "MOVIE"]


def add_camera(scene: Any) -> None:
    data = bpy.data.cameras.new("Camera")
    scene.camera = bpy.data.objects.new("Camera", data)
    scene.collection.objects.link(scene.camera)
    scene.render.resolution_x, scene.render.resolution_y = 160, 90
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.grok_video.source = "CAMERA"


def test_a_script_gets_what_it_wrote_unless_it_asks(
    scene: Any, stand_in: Any, module: Module
) -> None:
    scene.grok_video.prompt = r"A {red|blue} car \| no"
    bpy.ops.grok_video.generate()
    assert [body["prompt"] for body in bodies(stand_in)] == [r"A {red|blue} car \| no"]
    assert bpy.ops.grok_video.generate(variants=True) == {"FINISHED"}
    sent = sorted(body["prompt"] for body in bodies(stand_in)[1:])
    assert sent == ["A blue car | no", "A red car | no"]
    _, red, blue = jobs_of(module)
    assert {red.state, blue.state} == {"IMPORTED"}, "the script went on before both had come"
    assert red.spec.output != blue.spec.output
    assert len(movies(scene)) == 3, "without a slot each is a strip of its own"


def test_in_a_slot_they_are_takes(scene: Any, stand_in: Any, module: Module) -> None:
    scene.grok_video.prompt = "A {red|blue|green} car"
    assert bpy.ops.grok_video.generate(variants=True, slot=True) == {"FINISHED"}
    first, *others = jobs_of(module)
    takes = module("blender.session.state").current().bridge.snapshot.jobs.takes_of(first.id)
    assert takes == [first, *others]
    assert {job.state for job in takes} == {"IMPORTED"}
    (strip,) = movies(scene)
    assert strip["grok_video_job"] == first.id, "the first is shown"
    assert strip["grok_video_slot"] == first.id


def test_another_take_is_one_clip(scene: Any, stand_in: Any, module: Module) -> None:
    """What several variants are in the panel is refused for one take; braces are no words of a prompt there either."""
    bpy.ops.grok_video.generate(slot=True)
    scene.grok_video.prompt = "A {red|blue} car"
    with pytest.raises(RuntimeError, match="makes 2 variants, and this is one take"):
        bpy.ops.grok_video.another_take(changed=True)
    scene.grok_video.prompt = r"A \{red|blue\} car"
    assert bpy.ops.grok_video.another_take(changed=True) == {"FINISHED"}
    assert [body["prompt"] for body in bodies(stand_in)][1:] == ["A {red|blue} car"]


def test_a_slot_that_is_removed_before_they_are_sent_stops_them_all(
    window: None, scene: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    """Held, none of them is sent in the meantime."""
    click, variants = module("blender.session.click"), module("blender.session.variants")
    session, job_by_id = module("blender.session"), module("blender.session.state").job_by_id
    patches.set(click, "may_buy", lambda: False)
    scene.grok_video.prompt = "{one|two|three|four}"
    with click.begun_by(press=False, slot=True):
        ids = variants.generate(bpy.context, scene, scene, 1)
    tick_until(session, lambda: all((job := job_by_id(one)) and job.held for one in ids))
    editing.base_of(scene.sequence_editor).remove(movies(scene)[0])
    tick_until(session, lambda: all(job_by_id(one).state == "CANCELLED" for one in ids))
    assert bodies(stand_in) == []


def test_the_source_is_rendered_once(
    scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    add_camera(scene)
    scene.grok_video.prompt = "A {red|blue|green} car"
    bpy.ops.grok_video.generate(variants=True, allow_single_color=True)
    assert len(bodies(stand_in)) == 3
    assert len({str(body["image"]) for body in bodies(stand_in)}) == 1
    (still,) = (tmp_path / "data").rglob("*.png")
    assert {job.spec.image for job in jobs_of(module)} == {str(still)}


def test_the_button_says_how_many_and_their_sum(scene: Any, module: Module) -> None:
    def words() -> str:
        layout = Drawn()
        module("blender.ui.generate").draw_generate(layout, bpy.context)
        return " ".join(layout.words)

    scene.grok_video.prompt = "A car"
    assert "grok_video.generate: Generate for $0.05" in words()
    scene.grok_video.prompt = "A {red|blue|green} car"
    assert "grok_video.generate: Generate 3 Variants for $0.15" in words()
    module("blender.session.questions").set_limits(count_loopback=True, day=PRICE * 2)
    assert "Together they would pass your spending limit" in words()
    scene.grok_video.prompt = "{a|b}" * 5
    assert "$" not in words()
    assert "makes 32 variants" in words()
    scene.grok_video.prompt = "{a car|}"
    assert "Variant 2: The prompt is empty" in words()


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("{a|b}{c|d}{e|f}{g|h}{i|j}", "makes 32 variants"),
        ("A car{|" + " is driven" * 500 + "}", "Variant 2: The prompt has 50"),
        ("{a car|}", "Variant 2: The prompt is empty"),
    ],
)
def test_what_one_variant_is_refused_for_refuses_all(
    scene: Any, stand_in: Any, module: Module, prompt: str, said: str
) -> None:
    scene.grok_video.prompt = prompt
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.grok_video.generate(variants=True)
    assert jobs_of(module) == []
    assert bodies(stand_in) == []


def test_limits_hold_those_beyond_them(scene: Any, stand_in: Any, module: Module) -> None:
    questions = module("blender.session.questions")
    questions.set_limits(count_loopback=True, day=PRICE * 2)
    scene.grok_video.prompt = "{one|two|three}"
    spending = module("blender.session.spending")
    assert spending.limit_refusal(PRICE * 2, "") == ""
    assert spending.limit_refusal(PRICE * 3, ""), "the panel says so before"
    with pytest.raises(RuntimeError, match="limit"):
        bpy.ops.grok_video.generate(variants=True)
    assert sorted(job.held for job in jobs_of(module)) == [False, False, True]
    assert len(bodies(stand_in)) == 2


def test_the_press_buys_all_and_a_double_click_none(
    window: None, scene: Any, stand_in: Any, module: Module
) -> None:
    variants, session = module("blender.session.variants"), module("blender.session")
    scene.grok_video.prompt = "A {red|blue} car"
    ids = variants.generate(bpy.context, scene, scene, 1)
    with pytest.raises(module("blender.refusal").Refused, match="sent just now"):
        variants.generate(bpy.context, scene, scene, 1)
    job_by_id = module("blender.session.state").job_by_id
    tick_until(
        session,
        lambda: all((job := job_by_id(one)) and job.state == "IMPORTED" for one in ids),
    )
    assert len(bodies(stand_in)) == len(ids) == 2


def test_interrupted_in_the_middle(scene: Any, stand_in: Any, module: Module) -> None:
    """The inbox takes one job and then no more: the others are not bought, and the artist is told of both."""
    click, refused = module("blender.session.click"), module("blender.refusal").Refused
    real, sent = click.send, []

    def send(command: str, **fields: Any) -> str:
        if command == "submit" and sent:
            raise refused("The disk is full.")
        sent.append(command)
        return real(command, **fields)

    scene.grok_video.prompt = "{one|two|three}"
    with patching.Patches() as broken:
        broken.set(click, "send", send, copies_ok="only a click is asked")
        with pytest.raises(RuntimeError, match=r"Of 3 variants 1 is in the list.*The disk is full"):
            bpy.ops.grok_video.generate(variants=True)
    assert len(sent) == 1


def test_stopped_while_the_source_is_made(
    window: None, scene: Any, stand_in: Any, module: Module
) -> None:
    add_camera(scene)
    click, variants = module("blender.session.click"), module("blender.session.variants")
    scene.grok_video.prompt = "{one|two}"
    ids = variants.generate(bpy.context, scene, scene, 1)
    prepared = module("blender.session.state").is_prepared
    assert all(prepared(one) for one in ids)
    click.stop_preparing()
    assert not any(prepared(one) for one in ids)
    module("blender.session").tick(bpy.context)
    assert jobs_of(module) == []
    assert bodies(stand_in) == []


def test_what_a_script_asks_for_in_a_window_waits(
    window: None, scene: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    variants, session = module("blender.session.variants"), module("blender.session")
    patches.set(module("blender.session.click"), "may_buy", lambda: False)
    scene.grok_video.prompt = "{one|two}"
    ids = variants.generate(bpy.context, scene, scene, 1)
    job_by_id = module("blender.session.state").job_by_id
    tick_until(session, lambda: all((job := job_by_id(one)) and job.held for one in ids))
    assert bodies(stand_in) == []
    with pytest.raises(module("blender.refusal").Refused, match="A script asked for this clip"):
        variants.generate(bpy.context, scene, scene, 1)

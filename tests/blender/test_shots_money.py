"""A list of shots and money: what the question says, what the limits hold, what a script may, what is agreed to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_generate_shots import Batch, add, batch, beside
from .test_rework_breaker import window
from .test_slot_lives import opened
from .test_slots import PACKAGE, camera, movies

__all__ = ["batch", "beside", "camera", "window"]  # fixtures

Module = Callable[[str], ModuleType]
SECOND = 10**10 // 20  # ticks at 480p, from text


def offer(batch: Batch, which: str = "WANTED") -> Any:
    return batch.module("blender.ui.shots_generate").offer_of(bpy.context, batch.scene, which)


def lines(batch: Batch, which: str = "WANTED") -> list[str]:
    generate = batch.module("blender.ui.shots_generate")
    return [words for words, _ in generate.lines_of(offer(batch, which))]


def limit(module: Module, dollars: float) -> None:
    module("blender.session.questions").set_limits(count_loopback=True, day=int(dollars * 10**10))


@pytest.mark.usefixtures("window")
def test_the_question_names_count_sum_and_all_that_is_special(
    batch: Batch, camera: Any, module: Module
) -> None:
    bpy.context.preferences.addons[PACKAGE].preferences.render_source = "HERE"
    batch.scene.render.engine = "BLENDER_WORKBENCH"
    batch.fill("a", "b")
    add(batch.scene, "here", source="CAMERA")
    add(batch.scene, "bad", source="IMAGE")
    add(batch.scene, "long", seconds=40)
    add(batch.scene, "off", enabled=False)
    words = lines(batch)
    found = offer(batch)
    assert list(found.names.values()) == ["a", "b", "here"]
    usd = batch.module("core.amount").usd
    assert words[0] == f"Together the 3 clips cost {usd(found.price)}."
    assert any(line.startswith("“here”: rendered here first") for line in words)
    assert any(line.startswith("“bad” is left out: Choose the image") for line in words)
    assert any(line.startswith("“long” is left out:") for line in words)
    assert batch.bought == 0


def test_shots_beyond_the_limit_are_named_before_and_held(batch: Batch, module: Module) -> None:
    limit(module, 0.12)
    batch.fill("a", "b", "c", "d")
    batch.scene.grok_video.shots[1].seconds = 5
    assert offer(batch).over == ("b", "d")
    assert "“b” and “d” would pass a spending limit and are held for your Send." in lines(batch)
    with pytest.raises(RuntimeError, match=r"2 shots are not on the timeline\. “b”: The limit"):
        bpy.ops.grok_video.generate_shots()
    assert sorted(batch.names()) == ["a", "c"]
    told = batch.told
    assert [(one.state, one.held) for one in told] == [
        ("IMPORTED", False),
        ("QUEUED", True),
        ("IMPORTED", False),
        ("QUEUED", True),
    ]
    assert "Held" in told[1].words
    assert batch.wanted() == [], "what waits for Send is not bought beside that"
    limit(module, 0)
    bpy.ops.grok_video.release(job=told[1].job)
    assert batch.states[1] == "IMPORTED"


def test_without_a_price_a_limit_refuses_the_shot(batch: Batch, module: Module) -> None:
    limit(module, 5)
    batch.fill("a")
    add(batch.scene, "typed", model="grok-of-tomorrow")
    assert "what the model “grok-of-tomorrow” costs is not known" in batch.told[1].refusal
    with pytest.raises(RuntimeError, match="“typed”"):
        bpy.ops.grok_video.generate_shots()
    assert batch.names() == ["a"]


@pytest.mark.usefixtures("window")
def test_a_price_that_changes_after_the_question_is_not_paid(batch: Batch) -> None:
    batch.fill("a", "b")
    found = offer(batch)
    batch.scene.grok_video.shots[0].seconds = 9
    rows = list(batch.scene.grok_video.shots)
    with batch.module("blender.session.click").begun_by(press=True):
        batch.module("blender.session.shot_batch").begin(
            bpy.context, batch.scene, rows, found.agreed
        )
    batch.settle()
    assert batch.names() == ["b"]
    assert "has changed meanwhile" in batch.told[0].words
    rows[1].seconds = 9
    assert [job.spec.estimate for job in batch.session.bridge.snapshot.all] == [SECOND]


@pytest.mark.usefixtures("window")
def test_what_a_script_asks_for_in_a_window_waits_for_send(
    batch: Batch, module: Module, patches: Any
) -> None:
    patches.set(module("blender.session.click"), "may_buy", lambda: False)
    batch.fill(*(f"s{number}" for number in range(52)))
    batch.press(slot=False, press=False)
    batch.until(lambda: batch.under_way is None)
    batch.until(lambda: sum(one.held for one in batch.told) == 50)
    assert [one.state for one in batch.told[50:]] == ["STOPPED", "STOPPED"]
    assert "wait already" in batch.told[51].words
    assert batch.bought == 0
    assert not movies(batch.scene)
    assert len(batch.wanted()) == 2


@pytest.mark.usefixtures("window")
def test_no_more_wait_to_be_sent_than_are_sent_in_a_while(batch: Batch, module: Module) -> None:
    """A word holds for ten minutes: of hundreds that were handed over at once the last would be held."""
    most = module("blender.session.shot_batch").MOST_UNSENT
    batch.stand_in.settings(per_second=0, per_minute=1)
    batch.fill(*(f"s{number}" for number in range(most + 5)))
    batch.press(slot=False)
    batch.until(lambda: len(batch.session.shot_batch.press.unsent) == most)
    for _ in range(20):
        batch.tick()
    assert len(batch.under_way.unsent) == most
    batch.module("blender.session.shot_batch").stop(batch.scene)
    batch.until(lambda: "QUEUED" not in batch.states)
    assert batch.bought < most


@pytest.mark.usefixtures("window")
def test_another_blender_that_presses_too_buys_nothing_again(
    batch: Batch, beside: Any, module: Module
) -> None:
    """Both have the file open with its rows; the first one's jobs are in the list that both read."""
    batch.fill("a", "b")
    module("blender.session.shots").marked(batch.scene)
    bpy.ops.wm.save_mainfile()
    opened(beside, Path(bpy.data.filepath))
    batch.stand_in.settings(job_seconds=600)
    batch.press()
    batch.until(lambda: batch.states == ["RUNNING", "RUNNING"])
    assert (
        beside.do(
            "[r.name for r in (module('blender.session.queue').read_all(), "
            "module('blender.session.shots').wanted(bpy.context.scene))[1]]"
        )
        == []
    )
    assert batch.bought == 2


def test_a_linked_list_buys_nothing(batch: Batch, tmp_path: Path) -> None:
    batch.fill("a")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.scenes = there.scenes
    bpy.context.window.scene = next(one for one in bpy.data.scenes if one.library is not None)
    with pytest.raises(RuntimeError, match="is linked from another file"):
        bpy.ops.grok_video.generate_shots()
    assert batch.bought == 0


def test_without_a_connection_nothing_is_asked(batch: Batch) -> None:
    batch.fill("a")
    bpy.context.preferences.system.use_online_access = False
    with pytest.raises(RuntimeError, match="online access is off"):
        bpy.ops.grok_video.generate_shots()
    assert batch.states == [""]
    assert batch.wanted() == ["a"]


def test_five_hundred_shots_that_are_all_refused(batch: Batch) -> None:
    batch.fill(*(f"s{number}" for number in range(500)), source="IMAGE")
    with pytest.raises(RuntimeError, match=r"“s0” is refused: Choose the image.* So are 499 more"):
        bpy.ops.grok_video.generate_shots()
    batch.fill("fine")
    words = lines(batch)
    assert len(words) == 6
    assert words[-1] == "496 more are left out: the list says why."

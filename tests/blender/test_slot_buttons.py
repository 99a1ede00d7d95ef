"""What the panel *Strip* and the Sequencer's menus say of a slot that waits, and the buttons that are there in each state."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import test_slots
from .editing import every, strips
from .test_orders import Drawn
from .test_slots import Desk, is_still, movies

Module = Callable[[str], ModuleType]
desk = test_slots.desk


class Shown(Drawn):
    """A layout that keeps progress bars too."""

    def progress(self, factor: float = 0.0, text: str = "", **_how: Any) -> None:
        self.words.append(f"{factor:.2f} {text}")

    def separator(self) -> None:
        self.words.append("-")

    def context_string_set(self, _name: str, _value: str) -> None:
        """A button's price."""


def panel(module: Module) -> list[str]:
    layout = Shown()
    module("blender.ui.slot").draw_slot(layout, bpy.context)
    return layout.words


def menu(module: Module) -> list[str]:
    layout = Shown()
    module("blender.ui.slot").draw_slot_entries(layout, bpy.context)
    return layout.words


def operators(words: list[str]) -> set[str]:
    return {
        line.split(":")[0].removeprefix("grok_video.") for line in words if "grok_video." in line
    }


def slot_of(desk: Desk) -> Any:
    (slot,) = movies(desk.scene)
    desk.scene.sequence_editor.active_strip = slot
    return slot


def test_one_that_is_made_shows_how_far_it_is(desk: Desk, module: Module) -> None:
    desk.stand_in.fail("job", "stall", times=1)
    job_id = desk.click()
    desk.until(lambda: (job := desk.job(job_id)) and job.progress == 42)
    slot_of(desk)
    assert panel(module)[0].startswith("0.42 Generating 42 %")
    # Nothing that buys while it is made.
    free = {"copy_request_id", "show_log", "use_settings"}
    assert operators(panel(module)) == {*free, "stop", "remove_slot"}
    assert operators(menu(module)) == {"show_log", "stop", "remove_slot"}


def test_one_that_failed_says_why_and_can_be_generated_again(desk: Desk, module: Module) -> None:
    desk.stand_in.fail("job", "moderated", times=1)
    desk.follow(desk.click(), "FAILED")
    slot_of(desk)
    words = panel(module)
    assert words[0] == "Failed"
    assert "moderation" in " ".join(words)
    assert {"remove_slot", "not_charged"} <= operators(words)
    assert menu(module)[0] == "Failed"
    # Its takes have the button, in the panel and in the menu.
    assert not {"send_again", "another_take", "import_result"} & operators(words + menu(module))
    layout = Shown()
    module("blender.ui.menus").draw_strip_entries(layout, bpy.context)
    assert "grok_video.another_take: Generate Again…" in layout.words


def test_one_that_came_back_by_redo_can_be_generated_again(desk: Desk, module: Module) -> None:
    """Stopped by an undo before it was sent: the button has the price, and buys into this slot."""
    job_id = desk.click()
    desk.undo()
    desk.follow(job_id, "CANCELLED")
    desk.undo("redo")
    slot_of(desk)
    assert panel(module)[0] == "Stopped"
    layout = Shown()
    module("blender.ui.takes").draw_takes(layout, bpy.context)
    assert "grok_video.another_take: Generate Again for $0.05" in layout.words
    again = module("blender.session.takes").another_take(bpy.context, slot_of(desk), changed=False)
    desk.follow(again, "IMPORTED")
    assert [is_still(strip) for strip in movies(desk.scene)] == [False]
    assert desk.bought == 1


def test_one_that_is_held_can_be_sent_or_discarded(desk: Desk, module: Module) -> None:
    click = module("blender.session.click")
    may_buy, click.may_buy = click.may_buy, lambda: False
    try:
        desk.click()
    finally:
        click.may_buy = may_buy
    desk.until(lambda: (newest := desk.session.bridge.snapshot.all) and newest[0].held)
    slot_of(desk)
    words = panel(module)
    assert words[0] == "Held"
    assert "grok_video.release: Send for $0.05" in words
    assert "grok_video.stop: Discard" in words
    assert "grok_video.release: Send…" in menu(module)  # without a price: it asks
    assert desk.bought == 0


def test_one_whose_answer_is_lost_can_be_recovered(desk: Desk, module: Module) -> None:
    desk.stand_in.fail("submit", "answer-cut", times=1)
    desk.follow(desk.click(), "UNKNOWN")
    slot_of(desk)
    words = panel(module)
    assert words[0] == "Answer Lost"
    assert {"request_id", "not_charged"} <= operators(words)
    assert "request_id" in operators(menu(module))


def test_over_the_strip_the_longest_words_that_fit(
    desk: Desk, module: Module, patches: Any
) -> None:
    desk.stand_in.fail("job", "stall", times=1)
    job_id = desk.click()
    desk.until(lambda: (job := desk.job(job_id)) and job.progress == 42)
    drawing = module("blender.ui.slot_drawing")
    listing = module("ledger.listing").Listing
    patches.set(listing, "expected", lambda _self, job: time.time() - job.submitted_at + 110.0)
    said = drawing._said(desk.state(slot_of(desk)))
    assert said[0].startswith("Generating 42 % · ")
    assert said[0].endswith(" · about 2 min left")
    assert said[2:] == ("Generating 42 %", "42 %", "…")
    fitting = [drawing._fitting(said, room, 11.0)[0] for room in (1000, 110, 40, 15, 3)]
    assert fitting == [said[0], "Generating 42 %", "42 %", "…", ""]
    # A sentence of why is cut where half of it fits; where none of it does, the state stands alone.
    why = ("Failed: the service made this clip and withheld it", "Failed", "!")
    assert drawing._fitting(why, 200, 11.0)[0].startswith("Failed: the")
    assert drawing._fitting(why, 200, 11.0)[1] <= 200
    assert [drawing._fitting(why, room, 11.0)[0] for room in (60, 10, 1)] == ["Failed", "!", ""]


def test_by_its_sound_it_is_the_same_slot(desk: Desk, module: Module) -> None:
    desk.stand_in.fail("job", "stall", times=1)
    desk.click(generate_audio=True)
    sounds = [s for s in every(desk.scene) if s.type == "SOUND"]
    if not sounds:
        pytest.skip("this Blender was built without sound")
    desk.scene.sequence_editor.active_strip = sounds[0]
    assert "remove_slot" in operators(panel(module))


def test_other_strips_have_none_of_it(desk: Desk, module: Module) -> None:
    assert panel(module) == menu(module) == []  # nothing is active
    desk.follow(desk.click(), "IMPORTED")
    clip = slot_of(desk)
    assert not is_still(clip)
    assert panel(module) == menu(module) == []
    with pytest.raises(RuntimeError, match="shows its clip"):
        bpy.ops.grok_video.remove_slot()
    with pytest.raises(RuntimeError, match="no strip"):
        bpy.ops.grok_video.remove_slot(strip="Nowhere")
    assert len(movies(desk.scene)) == 1


def test_removed_before_it_is_sent_nothing_is_bought(desk: Desk, module: Module) -> None:
    job_id = desk.click()
    slot = slot_of(desk)
    bpy.ops.grok_video.remove_slot(strip=slot.name)
    assert strips(desk.scene) == []
    desk.follow(job_id, "CANCELLED")
    assert desk.bought == 0


def test_a_job_that_nobody_here_knows(desk: Desk, module: Module) -> None:
    desk.stand_in.fail("job", "stall", times=1)
    desk.click()
    slot = slot_of(desk)
    slot["grok_video_job"] = "0" * 32
    assert "not in this list" in " ".join(panel(module))
    assert operators(panel(module)) == operators(menu(module)) == {"remove_slot"}

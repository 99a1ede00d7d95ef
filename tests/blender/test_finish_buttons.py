"""What the panel says of drafts and loops: the button of Generate, Finish on the strip, and the entry of the menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import test_draft, test_slots
from .editing import set_span, span
from .test_slot_buttons import Shown
from .test_slots import Desk, movies

Module = Callable[[str], ModuleType]
desk, drafting = test_slots.desk, test_draft.drafting
V15, LITE = test_draft.V15, test_draft.LITE


@pytest.fixture
def draft(drafting: Any, desk: Desk) -> Any:
    """The job of a draft that has come, whose strip is active."""
    job = desk.follow(desk.click(frame=10), "IMPORTED")
    desk.scene.sequence_editor.active_strip = movies(desk.scene)[0]
    return job


def words(module: Module, room: str, name: str) -> list[str]:
    layout = Shown()
    getattr(module(f"blender.ui.{room}"), name)(layout, bpy.context)
    return layout.words


def buttons(found: list[str]) -> list[str]:
    return [line for line in found if line.startswith("grok_video.")]


def test_the_button_of_generate_says_draft_and_its_price(drafting: Any, module: Module) -> None:
    assert "grok_video.generate: Generate Draft for $0.05" in words(
        module, "generate", "draw_generate"
    )
    assert any("1.5 Lite, 480p" in line for line in words(module, "draft", "draw_draft"))
    drafting.prompt = "A {red|blue} car"
    assert "grok_video.generate: Generate 2 Drafts for $0.10" in words(
        module, "generate", "draw_generate"
    )
    drafting.draft = False
    assert "grok_video.generate: Generate 2 Variants for $0.58" in words(
        module, "generate", "draw_generate"
    )
    assert len(words(module, "draft", "draw_draft")) == 1, "the switch alone"


def test_finish_says_what_it_buys(drafting: Any, draft: Any, module: Module) -> None:
    found = words(module, "finish", "draw_finish")
    assert buttons(found) == ["grok_video.finish: Finish for $0.29"]
    assert "Grok Imagine Video 1.5, 720p, 2 s" in found
    drafting.model, drafting.resolution = LITE, "1080p"
    found = words(module, "finish", "draw_finish")
    assert buttons(found)[1:] == ["grok_video.finish: Finish as in the Panel for $0.29"]
    assert "Grok Imagine Video 1.5 Lite, 1080p, 2 s" in found
    assert "grok_video.finish: Finish…" in words(module, "finish", "draw_finish_entry")


def test_with_its_motion_it_ends_at_720p_and_costs_the_pictures(
    drafting: Any, draft: Any, module: Module
) -> None:
    drafting.keep_motion, drafting.model, drafting.resolution = True, V15, "1080p"
    found = words(module, "finish", "draw_finish")
    assert buttons(found) == [
        "grok_video.finish: Finish for $0.34",
        "grok_video.finish: Finish as in the Panel for $0.34",
    ]
    assert found.count("Grok Imagine Video 1.5, 720p, 2 s") == 2
    assert any("ends at 720p" in line for line in found)
    drafting.model = LITE
    assert any("takes no keyframes" in line for line in words(module, "finish", "draw_finish"))


def test_a_frame_that_is_gone_is_said_and_the_small_one_offered(
    drafting: Any, draft: Any, module: Module
) -> None:
    Path(draft.spec.full_image.path).unlink()
    words(module, "finish", "draw_finish")
    module("blender.session.files").look()  # as the timer does in a window
    found = words(module, "finish", "draw_finish")
    assert "Its full-size first frame is gone" in found
    assert buttons(found)[1:] == ["grok_video.finish: Finish with the Small Frame for $0.29"]


def test_a_clip_that_is_no_draft_has_no_finish(drafting: Any, desk: Desk, module: Module) -> None:
    drafting.draft = False
    desk.follow(desk.click(frame=10), "IMPORTED")
    desk.scene.sequence_editor.active_strip = movies(desk.scene)[0]
    assert words(module, "finish", "draw_finish") == []
    assert words(module, "finish", "draw_finish_entry") == []


def test_the_strip_of_a_loop_says_where_it_ends(drafting: Any, desk: Desk, module: Module) -> None:
    drafting.loop = True
    assert not words(module, "loop", "draw_loop_of_active")
    desk.follow(desk.click(frame=10), "IMPORTED")
    (strip,) = movies(desk.scene)
    desk.scene.sequence_editor.active_strip = strip
    assert "without a seam" in " ".join(words(module, "loop", "draw_loop_of_active"))
    start, end = span(strip)
    set_span(strip, start, end + 1)
    assert f"to frame {end} " in " ".join(words(module, "loop", "draw_loop_of_active"))


def test_the_switch_of_a_loop_says_which_model_has_it(drafting: Any, module: Module) -> None:
    drafting.model = LITE
    assert len(words(module, "loop", "draw_loop")) == 1, "the switch alone"
    drafting.loop = True
    found = words(module, "loop", "draw_loop")
    assert "takes no end frame, which a loop needs" in " ".join(found)
    assert "grok_video.use_model: Use Grok Imagine Video 1.5" in found
    drafting.model = V15
    assert not buttons(words(module, "loop", "draw_loop"))

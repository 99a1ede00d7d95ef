"""The history of prompts: those of this file, newest first, each once; cleared without losing a job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

from .test_orders import Drawn
from .test_variants import jobs_of

Module = Callable[[str], ModuleType]
PACKAGE = "bl_ext.user_default.grok_video"


@pytest.fixture
def shown(scene: Any, module: Module) -> Callable[[], list[str]]:
    """A function: the prompts that the menu offers, as they would be typed."""
    prompts = module("blender.ui.prompts")

    def now() -> list[str]:
        module("blender.session.queue").read_all()
        return [prompts.typed_for(job) for job in prompts.history(bpy.context.scene)]

    return now


@pytest.fixture
def buy(scene: Any, stand_in: Any) -> Callable[..., None]:
    """A function: let a clip of a prompt be made, as the artist's press of the button makes it."""

    def press(prompt: str) -> None:
        bpy.context.scene.grok_video.prompt = prompt
        bpy.ops.grok_video.generate(variants=True)

    return press


def test_newest_first_without_doubles(scene: Any, shown: Any, buy: Any, module: Module) -> None:
    assert shown() == []
    for prompt in ("Rain", "Snow", "Rain", "A {red|blue} car", r"C:\{x|y\}"):
        buy(prompt)
    assert shown() == [r"C:\{x|y\}", "A {red|blue} car", "Rain", "Snow"]
    newest, *others = jobs_of(module)[::-1]
    assert bpy.ops.grok_video.use_prompt(job=others[0].id) == {"FINISHED"}
    assert scene.grok_video.prompt == "A {red|blue} car"
    bpy.ops.grok_video.use_prompt(job=newest.id)
    assert scene.grok_video.prompt == r"C:\{x|y\}"
    tooltip = module("blender.ui.prompts").GROK_VIDEO_OT_use_prompt.description
    assert tooltip(bpy.context, SimpleNamespace(job=newest.id)) == r"C:\{x|y\}"
    assert "prompt" in tooltip(bpy.context, SimpleNamespace(job="gone"))
    bpy.ops.grok_video.use_settings(job=others[0].id)
    assert scene.grok_video.prompt == "A blue car", "a clip's own settings are of its own prompt"


def test_only_twenty(scene: Any, shown: Any, module: Module, patches: Any, buy: Any) -> None:
    buy("Rain")
    prompts = module("blender.ui.prompts")
    patches.set(prompts, "MOST", 1)
    buy("Snow")
    assert shown() == ["Snow"]


def test_of_this_file_or_of_all(shown: Any, buy: Any, tmp_path: Path) -> None:
    buy("Rain")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    chosen = bpy.context.scene.grok_video
    assert shown() == []
    own = bpy.context.preferences.addons[PACKAGE].preferences
    own.prompts_of_all_files = True
    try:
        assert shown() == ["Rain"]
        bpy.ops.grok_video.clear_history()
        assert shown() == []
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
        assert shown() == [], "cleared for all files"
    finally:
        own.prompts_of_all_files = False
        own.prompts_cleared_at = ""
    assert shown() == ["Rain"]
    assert chosen is not None


def test_cleared_is_hidden_and_no_job_is_gone(
    scene: Any, shown: Any, buy: Any, module: Module, tmp_path: Path
) -> None:
    buy("Rain")
    other = bpy.data.scenes.new("Other")
    bpy.ops.grok_video.clear_history()
    assert shown() == []
    assert len(jobs_of(module)) == 1
    assert other.grok_video.cleared_at == scene.grok_video.cleared_at
    assert other.grok_video.aspect_ratio == "AUTO"
    buy("Snow")
    assert shown() == ["Snow"]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert bpy.data.scenes["Other"].grok_video.aspect_ratio == "AUTO"
    assert shown() == ["Snow"]
    bpy.context.scene.grok_video.cleared_at = "no job at all"
    assert shown() == ["Snow", "Rain"]


def test_one_undo_step(scene: Any, buy: Any, module: Module) -> None:
    operators = module("blender.ui.prompts")
    for name in ("use_prompt", "clear_history"):
        assert {"REGISTER", "UNDO"} <= getattr(operators, f"GROK_VIDEO_OT_{name}").bl_options


def test_a_hostile_prompt_is_one_short_line(
    scene: Any, shown: Any, buy: Any, module: Module
) -> None:
    buy("Line\n\u202eturned" + " and on" * 100)
    menu, layout = module("blender.ui.prompts"), Drawn()
    menu.GROK_VIDEO_MT_prompts.draw(type("Menu", (), {"layout": layout})(), bpy.context)
    (line, clear) = layout.words
    assert line.startswith("grok_video.use_prompt: Line \\u202eturned and on")
    assert len(line) < 120
    assert "\n" not in line
    assert clear.startswith("grok_video.clear_history")

"""Variants of a prompt, the history beside the prompt, presets, and the settings of a job back in the panel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"


def variants_history_and_presets(ui: Ui) -> Steps:
    chosen = bpy.context.scene.grok_video
    chosen.source, chosen.duration, chosen.generate_audio = "NONE", 1, False
    yield from ui.sidebar(KIND)
    yield from ui.fill("prompt", "A {red|blue} car", KIND)
    yield from ui.shot("variants-button")
    state = ui.module("blender.session.state")
    jobs = state.current().bridge
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(
        lambda: [job.state for job in jobs.snapshot.all] == ["IMPORTED"] * 2, "both variants"
    )
    ui.note(prompts=sorted(job.spec.prompt for job in jobs.snapshot.all))
    yield from ui.fill("prompt", "Something else", KIND)
    yield from ui.point(KIND)
    yield from _history(ui, chosen)
    yield from _presets(ui)
    yield from _settings_back(ui)


def _history(ui: Ui, chosen: bpy.types.PropertyGroup) -> Steps:
    """The ⌄ is left of *Paste Prompt*. Typing searches, Return chooses."""
    paste = yield from ui.find("grok_video.paste_prompt", KIND)
    scale = bpy.context.preferences.system.ui_scale
    yield from ui.move(paste.x - 20 * scale, paste.y)
    yield from ui.press()
    yield 0.3
    yield from ui.shot("prompt-history")
    yield from ui.type("red")
    yield 0.3
    yield from ui.shot("prompt-history-typed")
    yield from ui.press("RET")
    yield from ui.until(lambda: chosen.prompt == "A {red|blue} car", "the chosen prompt")
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.undo()
    undone = bpy.context.scene.grok_video
    ui.note(undone=undone.prompt)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.redo()
    ui.note(redone=bpy.context.scene.grok_video.prompt)


def _presets(ui: Ui) -> Steps:
    """Blender opens a panel with its first entry, the preset, under the mouse; + lies below, at the right."""
    scale = bpy.context.preferences.system.ui_scale
    manager = bpy.context.window_manager
    folder = Path(bpy.utils.user_resource("SCRIPTS", path="presets/grok_video", create=True))
    with ui.override(KIND, "WINDOW"):
        bpy.ops.grok_video.preset_add(name="At Dusk")
    manager.preset_name = "At Noon"
    yield from _open_presets(ui)
    yield from ui.shot("presets")
    region = ui.region(KIND, "WINDOW")
    x, y = region.x + region.width // 2, region.y + region.height // 2
    yield from ui.move(x + 92 * scale, y - 36 * scale)
    yield 0.2
    yield from ui.press()
    yield from ui.until(lambda: (folder / "At_Noon.py").exists(), "the preset of the button +")
    yield from ui.press("ESC")
    yield 0.2
    bpy.context.scene.grok_video.prompt = "Something else"
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.undo_push(message="Prompt")
    yield from _open_presets(ui)
    yield from ui.press()
    yield from ui.until(
        lambda: bpy.context.scene.grok_video.prompt == "A {red|blue} car", "the preset's prompt"
    )
    yield from ui.press("ESC")
    yield 0.2
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.undo()
    ui.note(preset_undone=bpy.context.scene.grok_video.prompt)


def _open_presets(ui: Ui) -> Steps:
    yield from ui.point(KIND)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.wm.call_panel(name="GROK_VIDEO_PT_presets", keep_open=True)
    yield 0.3


def _settings_back(ui: Ui) -> Steps:
    bpy.context.scene.grok_video.prompt = "Something else"
    yield from ui.click("grok_video.use_settings", KIND)
    yield from ui.until(
        lambda: bpy.context.scene.grok_video.prompt in ("A red car", "A blue car"), "the settings"
    )
    yield from ui.shot("settings-back")

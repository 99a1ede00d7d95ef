"""A long prompt: typed into the field, and pasted with all its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from driver import Steps, Ui


def long_prompts(ui: Ui, typed: str, pasted: str) -> Steps:
    kind = "SEQUENCE_EDITOR"
    settings = bpy.context.scene.grok_video
    yield from ui.sidebar(kind)
    yield from ui.fill("prompt", typed, kind)
    ui.note(typed=settings.prompt)
    yield from ui.shot("prompt-typed")
    bpy.context.window_manager.clipboard = pasted
    yield from ui.click("grok_video.paste_prompt", kind)
    yield from ui.until(lambda: settings.prompt != typed, "the pasted prompt")
    ui.note(pasted=settings.prompt)
    yield from ui.point(kind)
    yield from ui.shot("prompt-pasted")

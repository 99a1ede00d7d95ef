"""What hands do beside a deliberate click, and what the panel offers where an answer was lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from jobs import apart, newest, quick, strips
from pictures import NARROW, shown

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "VIEW_3D"
#: What Blender's key maps and menus do with the last operator.
REPEATS = ("F9", "SHIFT R", "F3 repeat last", "F3 repeat history", "CTRL Z", "CTRL SHIFT Z")


def text_only(ui: Ui) -> Steps:
    scene = bpy.context.scene
    quick(scene, seconds=1)
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls"
    yield from ui.sidebar(KIND)


def repeats(ui: Ui) -> Steps:
    """Generate, then everything that repeats; then twenty clicks as fast as they come, then one more."""
    yield from text_only(ui)
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(strips, "the clip on the timeline", 90)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the ledger's word of it", 60)
    for keys in REPEATS:
        yield from ui.point(KIND)
        *modifiers, key = keys.split(" ") if not keys.startswith("F3") else ("F3",)
        yield from ui.press(key, shift="SHIFT" in modifiers, ctrl="CTRL" in modifiers)
        yield 0.3
        if key == "F3":
            yield from ui.type(keys.removeprefix("F3 "))
            yield 0.3
            yield from ui.press("RET")
            yield 0.3
        yield from ui.press("ESC")
        yield 0.2
    ui.note(after_repeats=len(shown()))
    yield from ui.find("grok_video.generate", KIND)
    for _ in range(20):
        yield from ui.press()
    yield 0.5
    yield from ui.until(lambda: len(shown()) > 1, "the second job", 30)
    ui.note(after_twenty=len(shown()))
    # Blender shows the refusal under the mouse, over the button.
    yield from ui.press("ESC")
    yield from ui.point(KIND)
    yield from apart(ui)
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(lambda: len(shown()) > 2, "the third job", 30)
    ui.note(after_one_more=len(shown()))
    yield from ui.until(lambda: all(j.state == "IMPORTED" for j in shown()), "all clips", 120)


def answer_lost(ui: Ui, pasted: str) -> Steps:
    """The row of a lost answer, wide and narrow; its buttons pressed; the diagnostics copied."""
    yield from text_only(ui)
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(lambda: newest() and newest().state == "UNKNOWN", "the lost answer", 60)
    yield from ui.point(KIND)
    yield from ui.shot("lost-wide")
    wide = ui.region(KIND).width
    yield from ui.drag_sidebar(KIND, NARROW)
    yield from ui.point(KIND)
    yield from ui.shot("lost-narrow")
    for name in ("show_log", "request_id", "send_again"):
        yield from ui.find(f"grok_video.{name}", KIND)
    yield from ui.drag_sidebar(KIND, wide)
    bpy.context.window_manager.clipboard = ""
    yield from ui.click("grok_video.copy_diagnostics", KIND)
    yield 0.5
    yield from ui.shot("lost-diagnostics")
    yield from ui.press("RET")
    yield from ui.until(lambda: bpy.context.window_manager.clipboard, "the diagnostics")
    ui.note(diagnostics=bpy.context.window_manager.clipboard)
    yield from ui.click("grok_video.show_log", KIND)
    ui.note(asked=True)
    yield from ui.click("grok_video.request_id", KIND)
    yield 0.5
    yield from ui.shot("lost-recover")
    yield from ui.press("ESC")
    found = Path(pasted)
    yield from ui.until(found.exists, "what the artist copied")
    with ui.override(KIND):
        value = found.read_text("utf-8")
        bpy.ops.grok_video.request_id("EXEC_DEFAULT", job=newest().id, value=value)
    yield from ui.until(strips, "the clip on the timeline", 90)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the ledger's word of it", 60)

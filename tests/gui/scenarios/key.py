"""The key is typed into the preferences as an artist does; then Blender tells all it knows, and crashes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import bpy
from jobs import apart, newest, quick, strips

if TYPE_CHECKING:
    from driver import Steps, Ui

PACKAGE = "bl_ext.user_default.grok_video"


def typed_then_crash(ui: Ui, key: str, blend: str) -> Steps:
    """Type it, make a clip, copy the Info log and the diagnostics, save, and die of SIGSEGV with a job running."""
    scene = bpy.context.scene
    quick(scene, seconds=1)
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls"
    area = ui.area("VIEW_3D")
    area.type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module=PACKAGE)
    yield from ui.redraw()
    yield from ui.click("api_key", "PREFERENCES", part="WINDOW")
    yield 0.2
    yield from ui.press("A", ctrl=True)
    yield from ui.type(key)
    yield from ui.press("RET")
    yield 0.3
    own = bpy.context.preferences.addons[PACKAGE].preferences
    ui.note(typed=own.api_key == key)
    yield from ui.point("PREFERENCES", "HEADER")
    yield from ui.shot("key-typed")
    area.type = "VIEW_3D"
    yield from ui.sidebar("VIEW_3D")
    yield from ui.click("grok_video.generate", "VIEW_3D")
    yield from ui.until(strips, "the clip on the timeline", 90)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the ledger's word of it", 60)
    bpy.ops.wm.save_as_mainfile(filepath=blend, compress=False)
    area.type = "INFO"
    yield from ui.redraw()
    with ui.override("INFO", "WINDOW"):
        bpy.ops.info.select_all(action="SELECT")
        bpy.ops.info.report_copy()
    ui.note(info=bpy.context.window_manager.clipboard)
    area.type = "VIEW_3D"
    yield from ui.sidebar("VIEW_3D")
    yield from apart(ui)
    yield from ui.click("grok_video.generate", "VIEW_3D")
    yield from ui.until(lambda: newest().state == "RUNNING", "the second job", 60)
    ui.note(crashes=True)
    os.kill(os.getpid(), signal.SIGSEGV)
    yield 5

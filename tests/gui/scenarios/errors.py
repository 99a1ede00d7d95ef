"""What an artist sees and can press when something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from jobs import newest, quick, strips

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "VIEW_3D"


def offline_then_wrong_key(ui: Ui) -> Steps:
    """Online access is off: the panel's own button turns it on. Then the key is refused."""
    scene = bpy.context.scene
    quick(scene, seconds=1)
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls"
    system = bpy.context.preferences.system
    system.use_online_access = False
    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate", KIND)  # greyed out
    yield from ui.point(KIND)
    yield from ui.shot("error-offline")
    ui.note(job_while_offline=newest() is not None)
    yield from ui.click("extensions.userpref_allow_online", KIND)
    yield from ui.until(lambda: system.use_online_access, "online access")
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.point(KIND)
    yield from ui.until(lambda: newest() and newest().state == "FAILED", "the refusal", 60)
    yield from ui.shot("error-key")
    bpy.context.window_manager.clipboard = ""
    yield from ui.click("grok_video.copy_error", KIND)
    yield from ui.until(lambda: bpy.context.window_manager.clipboard, "the copied error")
    ui.note(copied=bpy.context.window_manager.clipboard)
    yield from ui.find("grok_video.show_preferences", KIND)
    # Once it is mended, the same clip is one click away.
    yield from ui.click("grok_video.send_again", KIND)
    yield 0.3
    yield from ui.press("RET")  # the question whether to buy
    yield from ui.until(strips, "the clip on the timeline", 90)
    ui.note(strips=len(strips()))

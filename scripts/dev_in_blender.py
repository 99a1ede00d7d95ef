"""Runs in the Blender that ``scripts/dev.py`` started: enables the linked extension, and can reload it.

Adds *Reload Grok Video* to Blender's System menu, so that F3 finds it, and gives it F8. None of this is in the zip.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import bpy

sys.path.append(str(Path(__file__).resolve().parent))

# Found once bpy is there.
import addon_utils
from build import link

PACKAGE = "bl_ext.user_default.grok_video"
TARGET = Path(os.environ["GROK_VIDEO_DEV"])  # where the extension lies for this Blender
PORT = 5678  # as in .vscode/launch.json


def reload() -> None:
    """Disable, forget and enable the extension, so that edits count. Raises RuntimeError; the console says why."""
    if PACKAGE in sys.modules:
        addon_utils.disable(PACKAGE)  # the extension's preferences stay
    for name in [one for one in sys.modules if f"{one}.".startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
    link(TARGET)
    importlib.invalidate_caches()
    if addon_utils.enable(PACKAGE, default_set=True) is None:
        raise RuntimeError("Grok Video could not be enabled: the console says why")


class GROK_VIDEO_DEV_OT_reload(bpy.types.Operator):
    bl_idname = "grok_video_dev.reload"
    bl_label = "Reload Grok Video"
    bl_description = "Take up what was edited in the checkout"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            reload()
        except RuntimeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for window in context.window_manager.windows:
            for area in window.screen.areas:
                area.tag_redraw()
        self.report({"INFO"}, "Grok Video was reloaded")
        return {"FINISHED"}


def _draw(self: bpy.types.Menu, _: bpy.types.Context) -> None:
    self.layout.operator(GROK_VIDEO_DEV_OT_reload.bl_idname)


def _set_up() -> None:
    """Set the preferences of a developer's Blender: none of them asks the network."""
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.view.show_developer_ui = True
    if hasattr(preferences.view, "asset_access"):  # 5.2 would fetch Blender's own assets
        preferences.view.asset_access = "ONLY_OFFLINE"
    for repository in preferences.extensions.repos:
        repository.enabled = not repository.use_remote_url
    preferences.system.use_online_access = True  # for the stand-in on this computer
    bpy.utils.register_class(GROK_VIDEO_DEV_OT_reload)
    bpy.types.TOPBAR_MT_blender_system.append(_draw)
    if keys := bpy.context.window_manager.keyconfigs.addon:  # none without a window
        keymap = keys.keymaps.new(name="Window")
        keymap.keymap_items.new(GROK_VIDEO_DEV_OT_reload.bl_idname, "F8", "PRESS")


def _listen(environment: Path) -> None:
    """Let a debugger attach, with the ``debugpy`` of another Python's environment."""
    for packages in environment.rglob("site-packages"):
        sys.path.append(str(packages))
    import debugpy

    debugpy.listen(("127.0.0.1", PORT), in_process_debug_adapter=True)
    print(f"A debugger can attach at port {PORT}.")


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # an edit in the same second as the last is seen as well
    _set_up()
    if "GROK_VIDEO_DEBUGPY" in os.environ:
        _listen(Path(os.environ["GROK_VIDEO_DEBUGPY"]))
    reload()
    print(
        "Grok Video runs from the checkout, against the stand-in. Edited something? F8, or reload()."
    )

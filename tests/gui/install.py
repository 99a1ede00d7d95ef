"""Runs in Blender's background once for each version: installs the zip and saves the preferences.

As an artist does it: Install from Disk, online access allowed, the splash off. It also keeps the start
file of Blender's Video Editing template, for ``harness.py``: ``--app-template`` on the command line would
replace the artist's list of add-ons by Blender's.
"""

import compileall
import importlib
import sys
from pathlib import Path

import bpy

archive, start_file, scale, ask_every = sys.argv[sys.argv.index("--") + 1 :]
bpy.ops.extensions.package_install_files(
    repo="user_default", filepath=archive, enable_on_install=True
)
assert "bl_ext.user_default.grok_video" in bpy.context.preferences.addons
# Each test starts with a copy of this home: else each Blender of it compiles the extension anew.
package = importlib.import_module("bl_ext.user_default.grok_video")
compileall.compile_dir(str(Path(str(package.__file__)).parent), quiet=1)
preferences = bpy.context.preferences
preferences.addons["bl_ext.user_default.grok_video"].preferences.poll_interval = float(ask_every)
preferences.view.show_splash = False
preferences.view.ui_scale = float(scale)
# A 3D View that is drawn by the CPU takes a second; smoothed, Blender draws it many times.
preferences.system.viewport_aa = "OFF"
if hasattr(preferences, "asset_libraries"):  # 5.2 on asks Blender's server for assets
    preferences.asset_libraries.use_online_essentials = False  # at each start
    preferences.view.asset_access = "ONLY_OFFLINE"  # as soon as assets are listed
preferences.system.use_online_access = True
bpy.ops.wm.save_userpref()

templates = Path(bpy.utils.resource_path("LOCAL"), "scripts", "startup", "bl_app_templates_system")
if not templates.exists():  # Debian keeps them among the system's files
    templates = Path(
        bpy.utils.resource_path("SYSTEM"), "scripts", "startup", "bl_app_templates_system"
    )
bpy.ops.wm.open_mainfile(filepath=str(templates / "Video_Editing" / "startup.blend"), load_ui=True)
bpy.ops.wm.save_as_mainfile(filepath=start_file, copy=True)

"""A second Blender that renders scenes out of written files: ``python render_written.py order.json``.

The order is a list of (file, scene, frame or None, copies of unsaved images by the images' names, picture). Owns the
child's side of test_contents.py only; nothing of the extension is loaded.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

import bpy


def main() -> None:
    for file, name, frame, images, picture in json.loads(Path(sys.argv[-1]).read_text("utf-8")):
        try:
            bpy.ops.wm.open_mainfile(filepath=file, load_ui=False, use_scripts=True)
            for unsaved, packed in images.items():
                bpy.data.images[unsaved].user_remap(bpy.data.images[packed])
            scene = bpy.data.scenes[name]
            if frame is not None:
                scene.frame_current = frame
            scene.render.filepath = picture
            with bpy.context.temp_override(scene=scene):
                bpy.ops.render.render(write_still=True)
        except Exception:
            traceback.print_exc()  # the picture is missing: the row's test says so


main()
sys.stdout.flush()
os._exit(0)

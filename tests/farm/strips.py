"""Run by Blender: prints the movie strips of the file that is open, as one line of JSON behind ``STRIPS``."""

import json
import os

import bpy

editor = bpy.context.scene.sequence_editor
strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
found = sorted(
    (
        int(strip.content_start if hasattr(strip, "content_start") else strip.frame_start),
        strip.filepath,
    )
    for strip in strips
    if strip.type == "MOVIE"
)
there = [os.path.isfile(bpy.path.abspath(path)) for _, path in found]
print(f"\nSTRIPS {json.dumps([found, there])}", flush=True)

"""The names that the Blender of the artist and the one that bakes both know. No imports: both load it."""

from __future__ import annotations

ORDER = "order.json"  # what to do
REPORT = "report"  # what was done: a line for each frame
MIDDLE = "middle.mkv"
RESULT = "result.mp4"
ROLE = "grok_video_bake"  # a property of strips: what each is there for

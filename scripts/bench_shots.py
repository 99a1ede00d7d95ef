"""What ``bench.py`` measures of a list of shots, inside the ``bpy`` wheel: raw figures in seconds.

Owns one press that buys many: the press, the ticks that place slots, the ticks after them, and the looks for the panel.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

SHOTS = 500


def shots(task: dict[str, Any]) -> dict[str, list[float]]:
    """A list of shots from text: pressed, its slots placed one a tick, ticks while jobs wait; and a bare strip added."""
    import bench_in_wheel as wheel
    import bench_timeline as timeline
    import bpy

    told: dict[str, list[float]] = {name: [] for name in ("placed", "handed", "tick", "bare")}
    home, count = Path(task["home"]), int(task["shots"])
    with wheel.enabled(home):
        bpy.context.preferences.system.use_online_access = True
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        scene = bpy.context.scene
        bpy.context.window_manager.windows[0].screen.areas[0].ui_type = "SEQUENCE_EDITOR"
        bpy.ops.wm.save_as_mainfile(filepath=str(home / "film.blend"))
        scene = bpy.context.scene
        scene.grok_video.generate_audio = False
        for number in range(count):
            row = scene.grok_video.shots.add()
            row.name, row.source, row.prompt = f"s{number:03}", "NONE", "seconds=900 A heron"
            row.target_frame = 1 + 30 * number
        listed = wheel.module("blender.session.shots")
        batch = wheel.module("blender.session.shot_batch")
        pressed = wheel.module("blender.ui.shots_generate")
        click, tick = wheel.module("blender.session.click"), wheel.module("blender.session.tick")
        session = wheel.module("blender.session.state").current()
        told["look"] = [timeline._timed(lambda: listed.told(bpy.context, scene)) for _ in range(3)]

        def press() -> None:
            offer = pressed.offer_of(bpy.context, scene, "WANTED")
            rows = [row for row in scene.grok_video.shots if row.mark in offer.agreed]
            with click.begun_by(press=True, slot=True):
                batch.begin(bpy.context, scene, rows, offer.agreed)

        told["press"] = [timeline._timed(press)]
        while session.shot_batch.press.to_place:
            told["placed"].append(timeline._timed(lambda: tick.tick(bpy.context)))
        press, most = session.shot_batch.press, batch.MOST_UNSENT
        while press.ready and len(press.unsent) < min(most, count):
            told["handed"].append(timeline._timed(lambda: tick.tick(bpy.context)))
        for _ in range(task["ticks"]):
            told["tick"].append(timeline._timed(lambda: tick.tick(bpy.context)))
            time.sleep(0.02)
        told["bought"] = [
            timeline._timed(lambda: listed.told(bpy.context, scene)) for _ in range(3)
        ]
        for _ in range(11):
            fresh = timeline._fresh_edit()
            told["bare"].append(
                timeline._timed(lambda: timeline.movie_strip_add(fresh, task["clip"]))  # noqa: B023
            )
    return told

"""What ``bench.py`` measures of slots, inside the ``bpy`` wheel: raw figures in seconds.

Owns the edit of many slots. ``slots`` is a task of ``bench_in_wheel.py``, which has the means.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

SLOTS = 200  # that wait, each for a job of its own
CLIPS = 20  # slots whose clips come
EVERY = 12  # scene frames from one slot to the next: several lie above each other


def slots(task: dict[str, Any]) -> dict[str, list[float]]:
    """Slots placed, ticks while all of them wait, looks through the strips after an undo; then clips that come, and takes."""
    import bench_in_wheel as wheel
    import bpy

    told: dict[str, list[float]] = {
        "placed": [],
        "tick": [],
        "empty": [],
        "look": [],
        "bare": [],
        "arrived": [],
        "taken": [],
    }
    with wheel.enabled(Path(task["home"])):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        scene = bpy.context.scene
        bpy.context.window_manager.windows[0].screen.areas[0].ui_type = "SEQUENCE_EDITOR"
        tick, held = wheel.module("blender.session.tick"), wheel.module("blender.session.slots")
        session = wheel.module("blender.session.state").current()
        told["empty"] = [_timed(lambda: tick.tick(bpy.context)) for _ in range(task["ticks"])]
        common = wheel.module("blender.submission.common")
        for number in range(SLOTS):
            spec = wheel.spec_of("A heron", session.bridge.session, Path(task["home"], "clip.mp4"))
            target = common.target_of(session.bridge.session, scene, 1 + EVERY * number)
            spec = replace(spec, target=target)
            session.documents[spec.id] = session.document
            start = time.perf_counter()
            _, why = held.place(bpy.context, spec)
            told["placed"].append(time.perf_counter() - start)
            assert not why, why
        told["tick"] = [_timed(lambda: tick.tick(bpy.context)) for _ in range(task["ticks"])]
        told["look"] = [_timed(held.look) for _ in range(20)]
        shown, probe = wheel.module("blender.timeline.slots"), wheel.module("core.mp4").probe
        takes = [shown.Showing.of(probe(path)) for path in task["clips"]]
        for number, job_id in enumerate(list(session.documents)[:CLIPS]):
            (strip,) = shown.strips_of_job(job_id)
            for name, clip in (("arrived", takes[0]), ("taken", takes[1])):
                told[name].append(_timed(lambda: shown.show(bpy.context, strip, clip, job_id)))  # noqa: B023
            at = 10_000 + 1000 * number
            told["bare"].append(_timed(lambda: add_movie(scene, task["clips"][0], at)))  # noqa: B023
    return told


def add_movie(scene: Any, path: str, frame: int, channel: int = 1) -> None:
    """Add a movie to an edit as Blender's own operator does."""
    import bpy

    given = {"filepath": path, "frame_start": frame, "channel": channel, "fit_method": "FIT",
             "sound": True, "use_framerate": False, "adjust_playback_rate": True,
             "move_strips": False}  # fmt: skip
    known = bpy.ops.sequencer.movie_strip_add.get_rna_type().properties.keys()
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    region = next(one for one in area.regions if one.type == "WINDOW")
    override = {"area": area, "region": region, "scene": scene}
    if bpy.app.version >= (5, 0):
        override["sequencer_scene"] = scene
    with bpy.context.temp_override(**override):
        bpy.ops.sequencer.movie_strip_add(**{k: v for k, v in given.items() if k in known})


def _timed(what: Any) -> float:
    start = time.perf_counter()
    what()
    took = time.perf_counter() - start
    time.sleep(0.0005)
    return took

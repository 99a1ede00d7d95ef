"""What ``bench.py`` measures of slots, inside the ``bpy`` wheel: raw figures in seconds.

Owns the edit of many slots. ``slots`` is a task of ``bench_in_wheel.py``, which has the means.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

SLOTS = 200  # that wait, each for a job of its own
EVERY = 12  # scene frames from one slot to the next: several lie above each other


def slots(task: dict[str, Any]) -> dict[str, list[float]]:
    """Slots placed one after the other, ticks while all of them wait, and the looks through the strips after an undo."""
    import bench_in_wheel as wheel
    import bpy

    told: dict[str, list[float]] = {"placed": [], "tick": [], "empty": [], "look": []}
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
    return told


def _timed(what: Any) -> float:
    start = time.perf_counter()
    what()
    took = time.perf_counter() - start
    time.sleep(0.0005)
    return took

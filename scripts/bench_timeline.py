"""What ``bench.py`` measures on the timeline, inside the ``bpy`` wheel: raw figures in seconds.

Owns the edit of many slots, the life of one, and clips that are imported. ``slots``, ``takes`` and ``place`` are tasks of
``bench_in_wheel.py``, which has the means.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
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


def takes(task: dict[str, Any]) -> dict[str, list[float]]:
    """A slot that is placed, becomes its clip and shows another take, and Blender's own ``movie_strip_add``, in turn."""
    import bench_in_wheel as wheel
    import bpy

    told: dict[str, list[float]] = {"placed": [], "arrived": [], "changed": [], "bare": []}
    clip, home = Path(task["clip"]), Path(task["home"])
    other = Path(shutil.copy(clip, home / "other.mp4"))
    with wheel.enabled(home):
        held, mp4 = wheel.module("blender.session.slots"), wheel.module("core.mp4")
        shown = wheel.module("blender.timeline.slots")
        target_of = wheel.module("blender.submission.common").target_of
        clips = [shown.Showing.of(mp4.probe(path)) for path in (clip, other)]
        for number in range(task["times"] + 1):
            one: dict[str, float] = {}
            scene = _fresh_edit()
            one["bare"] = _timed(lambda: movie_strip_add(scene, str(clip)))  # noqa: B023
            scene = _fresh_edit()
            session = wheel.module("blender.session.state").current()
            spec = wheel.spec_of("A heron", session.bridge.session, home / "clip.mp4")
            spec = replace(spec, target=target_of(session.bridge.session, scene, 1))
            one["placed"] = _timed(lambda: held.place(bpy.context, spec))  # noqa: B023
            for name, showing in zip(("arrived", "changed"), clips, strict=True):
                strip = next(shown.strips_of_slot(spec.id))
                one[name] = _timed(
                    lambda: shown.show(bpy.context, strip, showing, spec.id)  # noqa: B023
                )
                assert Path(bpy.path.abspath(strip.filepath)) == Path(showing.path)
            if number:  # the first of each warms Blender and the disk
                for name, took in one.items():
                    told[name].append(took)
    return told


def place(task: dict[str, Any]) -> dict[str, Any]:
    """``bring_in`` and a bare ``movie_strip_add`` of the same file in turn, in fresh scenes."""
    import bench_in_wheel as wheel
    import bpy

    samples: dict[str, list[float]] = {"ours": [], "bare": []}
    clip = task["clip"]
    with wheel.enabled(Path(task["home"])):
        importing = wheel.module("blender.timeline.importing")
        meta_at = wheel.module("blender.timeline.strips").meta_at
        settle_lowest = wheel.module("blender.timeline.channels").settle_lowest

        def ours(scene: Any) -> None:
            made = importing.Clip(clip, "Clip", "0" * 32, "")
            meta = meta_at(scene, 1)
            importing.bring_in(bpy.context, scene, made, meta=meta, frame=1, settle=settle_lowest)

        ways: list[tuple[str, Callable[[Any], None]]] = [
            ("ours", ours),
            ("bare", lambda scene: movie_strip_add(scene, clip)),
        ]
        for number in range(task["imports"] + 1):
            for name, way in ways if number % 2 else reversed(ways):
                scene = _fresh_edit()
                start = time.perf_counter()
                way(scene)
                took = time.perf_counter() - start
                if number:  # the first of each warms Blender and the disk
                    samples[name].append(took)
    return samples


def movie_strip_add(scene: Any, clip: str) -> None:
    """What Blender does when a movie is added to the sequencer that is open, and nothing else."""
    import bpy

    scene.sequence_editor_create()
    given = {"filepath": clip, "frame_start": 1, "channel": 1, "fit_method": "FIT",
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


def _fresh_edit() -> Any:
    """The scene of an empty file, with a sequencer open as in the artist's window."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.window_manager.windows[0].screen.areas[0].ui_type = "SEQUENCE_EDITOR"
    bpy.context.scene.render.fps = 30
    return bpy.context.scene


def _timed(what: Any) -> float:
    start = time.perf_counter()
    what()
    took = time.perf_counter() - start
    time.sleep(0.0005)
    return took

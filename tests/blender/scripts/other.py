"""Another Blender for a test: does what it is told over stdin, and ticks in between as a window does.

The other end is ``tests/blender/others.py``. A line of input is JSON: {"do": Python}. The answer is a line
of JSON: {"value": …} of an expression, or {"error": the last line of the traceback}. The first line of
output says that Blender is there: {"value": its version}. It ends at the end of its input.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import threading
import tomllib
import traceback
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

# What Blender and the extension print must not get between the answers.
_ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

import bpy  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import old_version  # noqa: E402

#: Another one where the extension is not from the disk but from a repository.
PACKAGE = os.environ.get("GROK_VIDEO_PACKAGE", "bl_ext.user_default.grok_video")


def module(name: str) -> ModuleType:
    """A module of the installed extension: 'core.job'."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def version() -> str:
    """The version of the extension that is in use."""
    folder = Path(str(importlib.import_module(PACKAGE).__file__)).parent
    return str(tomllib.loads((folder / "blender_manifest.toml").read_text("utf-8"))["version"])


def _old() -> bool:
    """Whether it is the version of `tests/data`, whose names stand in ``old_version.py``."""
    return version() == old_version.VERSION


def enable() -> None:
    """Switch the extension on as an artist has it, but for how often it asks."""
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    assert PACKAGE in bpy.context.preferences.addons
    bpy.context.preferences.system.use_online_access = True
    bpy.context.preferences.addons[PACKAGE].preferences.poll_interval = 0.2


def ask_for_the_cheapest(prompt: str, source: str = "NONE") -> None:
    """The scene's settings for a clip that costs as little as one can."""
    chosen = bpy.context.scene.grok_video
    chosen.prompt, chosen.source, chosen.duration = prompt, source, 1
    chosen.generate_audio = False
    if source == "IMAGE":
        chosen.image = bpy.data.images.new("Still", 96, 54)
        chosen.image.generated_type = "COLOR_GRID"


def click(frame: int = 1) -> str:
    """Press Generate as in a window, which waits for nothing; returns the id of the job to be."""
    if _old():
        return old_version.click(PACKAGE, frame)
    scene = bpy.context.scene
    return module("blender.session.click").generate(bpy.context, scene, scene, frame)


def jobs() -> list[dict[str, Any]]:
    """What this Blender shows of the jobs, newest first."""
    shown = (
        old_version.jobs(PACKAGE)
        if _old()
        else module("blender.session.state").current().bridge.snapshot.all
    )
    return [
        {
            "id": job.id,
            "state": job.state,
            "held": job.held,
            "sent": job.sent,
            "request_id": job.request_id,
            "claimed_by": job.claimed_by,
            "problem": job.problem.message if job.problem else "",
            "path": job.clip.path if job.clip else "",
        }
        for job in shown
    ]


def movie_strips() -> list[Any]:
    """Every movie strip that is of a job, in all scenes, outside of meta strips."""
    found = []
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            found += [
                strip
                for strip in strips_of(scene)
                if strip.type == "MOVIE" and "grok_video_job" in strip
            ]
    return found


def strips_of(scene: Any) -> Any:
    """The strips of a scene's edit, outside of meta strips."""
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def movies() -> list[tuple[str, str]]:
    """(scene, job) of every movie strip that is of a job."""
    return [(strip.id_data.name, strip["grok_video_job"]) for strip in movie_strips()]


def _tick() -> None:
    if PACKAGE not in bpy.context.preferences.addons:
        return
    if _old():
        old_version.tick(PACKAGE)
    else:
        tick = module("blender.session.tick")
        state = module("blender.session.state")
        state.current().bridge.tick(0.002)
        if tick.busy():
            tick.tick(bpy.context)


#: Whether this Blender only answers. Stopped by a signal it may hold the lock of a read, for which all others wait.
_still = False


def be_still(still: bool) -> None:
    """Tick no more, or go on ticking."""
    global _still
    _still = still


def _answer(told: str) -> dict[str, Any]:
    try:
        try:
            code = compile(told, "<told>", "eval")
        except SyntaxError:
            exec(compile(told, "<told>", "exec"), globals())
            return {"value": None}
        return {"value": eval(code, globals())}
    except Exception:
        traceback.print_exc()
        return {"error": traceback.format_exc().strip().splitlines()[-1]}


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, default=list), file=_ANSWERS, flush=True)  # operators give sets


def _listen(told: queue.SimpleQueue[str]) -> None:
    """Put every line of input into ``told``, at last an empty one. A thread: Windows cannot ask a pipe whether to wait."""
    for line in sys.stdin:
        told.put(line)
    told.put("")


def main() -> None:
    """Answer and tick until nobody speaks any more."""
    _say({"value": bpy.app.version_string})
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(told,), daemon=True).start()
    while True:
        with suppress(queue.Empty):
            line = told.get(timeout=0.02)
            if not line:
                return
            _say(_answer(json.loads(line)["do"]))
        if _still:
            continue
        try:
            _tick()
        except Exception:  # said in the log; a window goes on as well
            traceback.print_exc()


if __name__ == "__main__":
    main()

"""The list of jobs as people look at it: pictures, the time still to be expected, what has ended since."""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

import bpy
from driver import Steps, Ui
from jobs import described, let_scripts_buy, newest, quick, strips, timeline
from rework import KIND, activate, service, session, to_the_jobs


def clips(ui: Ui, prompts: list[str]) -> Steps:
    """Buy a clip for each prompt, as scripts do, and wait until all are on the timeline."""
    for count, prompt in enumerate(prompts, 1):
        bpy.context.scene.grok_video.prompt = prompt
        bpy.ops.grok_video.generate()
        yield from ui.until(
            lambda count=count: (
                len({strip["grok_video_job"] for strip in strips()}) == count
                and not session(ui).bridge.snapshot.open
            ),
            f"clip {count}",
            120,
        )


def moved(job: Any, number: int) -> Any:
    """``job``, with a copy of its clip."""
    copy = Path(job.clip.path).with_name(f"copy-{number}.mp4")
    shutil.copyfile(job.clip.path, copy)
    return dataclasses.replace(job, clip=dataclasses.replace(job.clip, path=str(copy)))


def _loaded(ui: Ui) -> list[str]:
    return [kind for _, _, kind in session(ui).thumbnails.loaded]


def the_list(ui: Ui) -> Steps:
    """Two clips come while nobody looks; then the list is opened, and one more is under way."""
    quick(bpy.context.scene, seconds=1)
    let_scripts_buy()
    yield from clips(ui, ["A heron lifts off, slowly, and the reeds bow", "It lands again"])
    unseen: Any = ui.module("blender.session.unseen")
    thumbnails: Any = ui.module("blender.session.thumbnails")
    ui.note(unseen=unseen.count(), loaded_before=_loaded(ui))
    yield from ui.sidebar(KIND)
    yield from to_the_jobs(ui)
    yield from ui.until(lambda: len(_loaded(ui)) == 2, "the pictures of two clips")
    yield 1.0
    ui.note(loaded=_loaded(ui), unseen_after=unseen.count())
    yield from ui.shot("list-clips")
    service("settings", job_seconds=60)
    bpy.context.scene.grok_video.prompt = "The reeds stand still"
    bpy.ops.grok_video.generate()
    yield from ui.until(lambda: newest().state == "RUNNING", "the job at the service", 60)
    yield from ui.until(lambda: "IMAGE" in _loaded(ui), "the picture of the still")
    yield 1.0
    yield from to_the_jobs(ui)
    yield from ui.shot("list-running")
    service("finish")
    yield from ui.until(lambda: newest().state == "IMPORTED", "the third clip", 60)
    yield from ui.until(lambda: _loaded(ui).count("MOVIE") == 3, "the picture of the third clip")
    ui.note(unseen_at_last=unseen.count())
    # Once more with copies of the clips: how long the window's own thread works, and the add-on is disabled while
    # Blender's thread reads.
    copies = [moved(job, number) for number, job in enumerate(session(ui).bridge.snapshot.all)]
    for job in copies:
        thumbnails.files.look_now(job)
        assert not thumbnails.icon_of(job)
    began = time.thread_time()
    thumbnails.load()
    ui.note(began=time.thread_time() - began, again=_loaded(ui).count("MOVIE"))
    assert all(map(thumbnails.icon_of, copies))
    yield from ui.redraw(1)
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.grok_video")
    yield 2.0


def two_takes(ui: Ui) -> Steps:
    """One strip, whose slot has another take that is not shown; gives the strip."""
    yield from clips(ui, ["A heron lifts off", "The heron waits"])
    editor = timeline().sequence_editor
    base = editor.strips if hasattr(editor, "strips") else editor.sequences
    other, first = session(ui).bridge.snapshot.all[:2]
    for strip in list(strips()):
        if strip["grok_video_job"] == other.id:
            base.remove(strip)
        else:
            strip["grok_video_slot"] = other.id
    return next(s for s in strips() if s.type == "MOVIE"), first, other


def compare(ui: Ui) -> Steps:
    """Press Compare, hold, release, hold while saving, and end; then a key that holds."""
    quick(bpy.context.scene, seconds=1)
    let_scripts_buy()
    strip, first, other = yield from two_takes(ui)
    activate(strip)
    bpy.ops.wm.save_as_mainfile(filepath=str(ui.output / "compare.blend"))
    before = described(strip)
    yield from ui.sidebar(KIND)
    yield from ui.find("grok_video.compare_takes")
    yield from ui.shot("compare-button")
    yield from ui.press()
    yield from ui.point(KIND)
    notes: dict[str, Any] = {"began": strip["grok_video_job"] == first.id}
    ui.event("LEFTMOUSE", "PRESS")
    yield from ui.until(lambda: strip["grok_video_job"] == other.id, "the other take")
    yield 0.5
    yield from ui.shot("compare-held")
    ui.event("LEFTMOUSE", "RELEASE")
    yield from ui.until(lambda: strip["grok_video_job"] == first.id, "the first take")
    yield from ui.shot("compare-released")
    ui.event("LEFTMOUSE", "PRESS")
    yield from ui.until(lambda: strip["grok_video_job"] == other.id, "the other take again")
    bpy.ops.wm.save_mainfile()
    notes["saved"] = strip["grok_video_job"] == first.id
    ui.event("LEFTMOUSE", "RELEASE")
    yield from ui.press("ESC")
    yield from ui.until(lambda: not modal(ui), "the end of the comparison")
    notes["after"] = described(strip) == before and strip["grok_video_job"] == first.id
    # A key that undoes, pressed while the other take is shown: Blender undoes, and the first take is there.
    scene = bpy.context.scene
    bpy.ops.ed.undo_push(message="Before")
    scene.frame_end = 123
    bpy.ops.ed.undo_push(message="After")
    name = strip.name
    with ui.override(KIND, "WINDOW"):
        bpy.ops.grok_video.compare_takes("INVOKE_DEFAULT")
    yield from ui.point(KIND)
    ui.event("LEFTMOUSE", "PRESS")
    yield from ui.until(lambda: strip["grok_video_job"] == other.id, "the other take once more")
    yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: not modal(ui), "the end by a key")
    ui.event("LEFTMOUSE", "RELEASE")
    yield 0.5
    strip = next(s for s in strips() if s.name == name)
    notes["undone"] = bpy.context.scene.frame_end != 123
    notes["after_undo"] = described(strip) == before and strip["grok_video_job"] == first.id
    # The add-on is disabled, in the Preferences' window perhaps, while the other take is shown.
    with ui.override(KIND, "WINDOW"):
        bpy.ops.grok_video.compare_takes("INVOKE_DEFAULT")
    yield from ui.point(KIND)
    ui.event("LEFTMOUSE", "PRESS")
    yield from ui.until(lambda: strip["grok_video_job"] == other.id, "the other take at last")
    timers: Any = ui.module("blender.ui.compare")._timers
    notes["timed"] = len(timers) == 1
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.grok_video")
    notes["disabled"] = described(strip) == before and strip["grok_video_job"] == first.id
    notes["untimed"] = not timers
    ui.event("LEFTMOUSE", "RELEASE")
    yield 1.0
    yield from ui.shot("compare-disabled")
    ui.note(**notes)


def modal(ui: Ui) -> bool:
    """Whether a comparison goes on."""
    names = [operator.bl_idname for operator in ui.window.modal_operators]
    return "GROK_VIDEO_OT_compare_takes" in names


def unused(ui: Ui) -> Steps:
    """The dialog with the takes that no strip uses; Return moves them, and Put Back in the list returns one."""
    quick(bpy.context.scene, seconds=1)
    let_scripts_buy()
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(bpy.app.tempdir) / "unused.blend"))
    _, _, other = yield from two_takes(ui)
    assert ui.module("blender.session.unused").unused() == []  # an undo step may hold it
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    yield 1.0
    yield from ui.point(KIND)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.grok_video.remove_unused_takes("INVOKE_DEFAULT")
    yield 0.5
    yield from ui.shot("unused-dialog")
    yield from ui.press("RET")
    yield from ui.until(lambda: not Path(other.clip.path).exists(), "the move")
    yield from ui.sidebar(KIND)
    yield from to_the_jobs(ui)
    yield 1.0
    yield from ui.shot("unused-row")
    yield from ui.click("grok_video.put_back")
    yield from ui.until(lambda: Path(other.clip.path).exists(), "the way back")

"""What artists do while a clip is made: new files, undo, other windows, F12. Nothing may be lost or bought twice."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from jobs import newest, quick, strips, without_slots
from patching import Patches

if TYPE_CHECKING:
    from driver import Steps, Ui

VIEW = "VIEW_3D"
PACKAGE = "bl_ext.user_default.grok_video"


def session(ui: Ui) -> Any:
    return ui.module("blender.session.state").current()


def generate(ui: Ui) -> Steps:
    """Press Generate in the 3D View's sidebar."""
    bpy.context.scene.grok_video.prompt = "Snow falls"
    yield from ui.sidebar(VIEW)
    yield from ui.click("grok_video.generate", VIEW)
    yield from ui.point(VIEW)


def running(ui: Ui) -> Steps:
    """A job that the service works on."""
    quick(bpy.context.scene, seconds=1)
    yield from generate(ui)
    yield from ui.until(lambda: newest() and newest().request_id, "the service's answer", 60)


def rendering(ui: Ui) -> Steps:
    """A source render that takes its time, so that something can come between."""
    quick(bpy.context.scene, seconds=1)
    # The step that an undo will go back to.
    bpy.ops.ed.undo_push(message="Before")
    bpy.context.scene.cycles.samples = 100_000
    bpy.ops.ed.undo_push(message="Samples")
    yield from generate(ui)
    yield from ui.until(
        lambda: (
            session(ui).click.preparing
            and session(ui).click.preparing.running
            and bpy.app.is_job_running("RENDER")
        ),
        "the render",
        60,
    )


def done(ui: Ui) -> Steps:
    """The clip on the timeline, once."""
    yield from ui.until(strips, "the clip on the timeline", 90)
    ui.note(jobs=[strip["grok_video_job"] for strip in strips() if strip.type == "MOVIE"])
    ui.note(scenes=[scene.name for scene in bpy.data.scenes])


def file_new(ui: Ui) -> Steps:
    yield from running(ui)
    bpy.ops.wm.read_homefile()
    yield from ui.until(lambda: newest().state == "READY", "the clip in the queue", 60)
    yield 1.0
    ui.note(by_itself=len(strips()))
    yield from ui.sidebar(VIEW)
    yield from ui.click("grok_video.import_result", VIEW)
    yield from done(ui)


def file_open(ui: Ui, blend: str) -> Steps:
    quick(bpy.context.scene, seconds=1)
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    yield from generate(ui)
    yield from ui.until(lambda: newest() and newest().request_id, "the service's answer", 60)
    bpy.ops.wm.read_homefile()
    yield from ui.until(lambda: newest().state == "READY", "the clip in the queue", 60)
    yield 1.0
    ui.note(by_itself=len(strips()))
    bpy.ops.wm.open_mainfile(filepath=blend)
    yield from done(ui)


def save_as(ui: Ui, blend: str) -> Steps:
    yield from running(ui)
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    yield from done(ui)


def workspace(ui: Ui) -> Steps:
    yield from running(ui)
    ui.window.workspace = bpy.data.workspaces["Scripting"]
    yield from ui.redraw()
    yield from done(ui)
    ui.note(workspace=ui.window.workspace.name)


def window_closed(ui: Ui) -> Steps:
    """A second window, and the first one, where the jobs are watched, is closed."""
    yield from running(ui)
    with bpy.context.temp_override(window=ui.window):
        bpy.ops.wm.window_new()
    yield from ui.until(lambda: len(bpy.context.window_manager.windows) == 2, "a second window")
    yield 0.5
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[1]):
        bpy.ops.wm.window_close()
    yield from ui.until(lambda: len(bpy.context.window_manager.windows) == 1, "its end")
    yield from done(ui)


def disabled(ui: Ui, blend: str) -> Steps:
    """The add-on is switched off under a job, and on again."""
    quick(bpy.context.scene, seconds=1)
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    yield from generate(ui)
    yield from ui.until(lambda: newest() and newest().request_id, "the service's answer", 60)
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    yield 1.0
    ui.note(gone=not hasattr(bpy.types.Scene, "grok_video"))
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    yield from done(ui)
    before = set(sys.modules)
    ui.module("blender.lazily").load_rest()
    ui.note(not_loaded=sorted(set(sys.modules) - before))


def keys(ui: Ui) -> Steps:
    """Escape, a right click and a key of Blender's do what they always do."""
    yield from running(ui)
    yield from ui.point(VIEW)
    yield from ui.press("ESC")
    yield from ui.press("RIGHTMOUSE")
    yield from ui.press("ESC")  # out of the context menu
    bpy.ops.object.select_all(action="DESELECT")
    yield from ui.press("A")
    yield from ui.until(lambda: bpy.context.selected_objects, "Select All by its key")
    ui.note(state=str(newest().state))
    yield from done(ui)


def worker_gone(ui: Ui) -> Steps:
    """The worker is gone while nothing is watched; the next click must not write into its grave."""
    scene = bpy.context.scene
    scene.grok_video.source = "NONE"
    scene.grok_video.duration = 1
    yield from generate(ui)
    yield from ui.until(lambda: newest() and newest().state == "IMPORTED", "the first clip", 90)
    yield from ui.until(lambda: not session(ui).watch.running, "the end of the watch", 60)
    worker = session(ui).bridge.worker.pid
    os.kill(worker, signal.SIGKILL)
    status = Path(f"/proc/{worker}/stat")  # nobody has asked for its end yet: it stays as a zombie
    yield from ui.until(
        lambda: status.read_text("utf-8").rpartition(")")[2].split()[0] == "Z", "its end"
    )
    scene.grok_video.prompt = "Rain falls"
    yield from ui.click("grok_video.generate", VIEW)
    yield from ui.point(VIEW)
    yield from ui.until(lambda: len(strips()) > 2, "the second clip", 90)
    yield from done(ui)


def undo_in_render(ui: Ui) -> Steps:
    without_slots()
    yield from rendering(ui)
    yield from ui.point(VIEW)
    yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: session(ui).click.preparing is None, "the end of the render", 60)
    yield from ui.until(lambda: not bpy.app.is_job_running("RENDER"), "Blender's end of it", 60)
    yield from ui.until(lambda: len(bpy.data.scenes) == 1, "the temporary scene's end")
    ui.note(message=session(ui).click.message, job=newest() is not None)
    yield from ui.press("Z", ctrl=True, shift=True)
    yield 0.5
    yield from ui.until(lambda: len(bpy.data.scenes) == 1, "no ghost after redo")


def new_in_render(ui: Ui) -> Steps:
    yield from rendering(ui)
    bpy.ops.wm.read_homefile()
    yield from ui.until(lambda: session(ui).click.preparing is None, "the end of the render", 60)
    ui.note(message=session(ui).click.message, job=newest() is not None)
    ui.note(scenes=[scene.name for scene in bpy.data.scenes])


def f12_in_render(ui: Ui) -> Steps:
    """The artist's own F12 during our render: no crash; ours is whole or interrupted, never half."""
    yield from rendering(ui)
    bpy.context.preferences.view.render_display_type = "NONE"
    bpy.context.scene.cycles.samples = 1
    yield from ui.point(VIEW)
    yield from ui.press("F12")
    yield from ui.until(lambda: session(ui).click.preparing is None, "the end of our render", 90)
    yield from ui.until(lambda: not bpy.app.is_job_running("RENDER"), "the end of theirs", 90)
    yield from ui.until(lambda: len(bpy.data.scenes) == 1, "the temporary scene's end")
    ui.note(message=session(ui).click.message, job=newest() is not None)


def double_click(ui: Ui, playing: bool) -> Steps:
    """Two clicks in a row are one job, also while the playhead runs between them and drawing is slow."""
    scene = bpy.context.scene
    scene.grok_video.source = "NONE"
    scene.grok_video.duration = 1
    scene.grok_video.prompt = "Snow falls"
    yield from ui.sidebar(VIEW)
    yield from ui.find("grok_video.generate", VIEW)
    if playing:
        # A heavy scene: the clicks are dealt with further apart than a double click lasts.
        slow = bpy.types.SpaceView3D.draw_handler_add(time.sleep, (0.8,), "WINDOW", "POST_PIXEL")
        with ui.override(VIEW, "WINDOW"):
            bpy.ops.screen.animation_play()
    yield from ui.press()
    yield from ui.press()
    yield from ui.until(newest, "the job", 60)
    if playing:
        bpy.types.SpaceView3D.draw_handler_remove(slow, "WINDOW")
        with ui.override(VIEW, "WINDOW"):
            bpy.ops.screen.animation_cancel()
    yield from done(ui)


def generate_in_their_render(ui: Ui) -> Steps:
    """The artist renders; Generate has to wait, whatever its source."""
    quick(bpy.context.scene, seconds=1)
    scene = bpy.context.scene
    scene.cycles.samples = 20_000
    scene.grok_video.prompt = "Snow falls"
    bpy.context.preferences.view.render_display_type = "NONE"
    yield from ui.sidebar(VIEW)
    yield from ui.point(VIEW)
    yield from ui.press("F12")
    yield from ui.until(lambda: bpy.app.is_job_running("RENDER"), "their render")
    said = []
    for source in ("CAMERA", "NONE"):
        scene.grok_video.source = source
        try:
            bpy.ops.grok_video.generate()
        except RuntimeError as error:
            said.append(str(error))
    ui.note(said=said, still_rendering=bpy.app.is_job_running("RENDER"))


def autosave(ui: Ui) -> Steps:
    """Blender's autosave happens although a job is watched for longer than its interval."""
    files = bpy.context.preferences.filepaths
    files.use_auto_save_temporary_files = True
    files.auto_save_time = 1
    yield from running(ui)
    folder = Path(bpy.app.tempdir).parent

    def saved() -> set[tuple[Path, float]]:
        return {(path, path.stat().st_mtime) for path in folder.glob("*autosave*.blend")}

    before = saved()
    # Something has to change before there is something to save.
    bpy.context.scene.cursor.location.x += 1
    bpy.ops.ed.undo_push(message="Cursor")
    yield from ui.until(lambda: saved() - before, "the autosave", 140)
    ui.note(watching=session(ui).watch.running, state=str(newest().state))


class PROBE_PT_panel(bpy.types.Panel):
    """A tab of somebody else's."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Probe"
    bl_label = "Probe"
    draws = 0

    def draw(self, _context: bpy.types.Context) -> None:
        PROBE_PT_panel.draws += 1


def redraws(ui: Ui, seconds: int) -> Steps:
    """What is drawn while a job runs: our tab once a second, another tab never."""
    panel = ui.module("blender.ui.sidebar")
    panel.unregister()  # Blender looks at a panel's draw when it is registered
    real, times = panel._JobsPanel.draw, []

    def draw(self: Any, context: bpy.types.Context) -> None:
        times.append(time.monotonic())
        real(self, context)

    Patches().set(panel._JobsPanel, "draw", draw)
    panel.register()
    bpy.utils.register_class(PROBE_PT_panel)
    yield from running(ui)
    yield from ui.until(lambda: newest().progress is not None, "the first poll")
    yield from ui.until(lambda: len(times) > 1, "the end of the click's own redraws")
    times.clear()
    yield from ui.until(lambda: len(times) > seconds, "our tab's redraws", 60)
    ui.note(took=times[-1] - times[0])
    yield from ui.sidebar(VIEW, "Probe")
    second = session(ui).watch.drawn_second
    yield from ui.until(
        lambda: session(ui).watch.drawn_second > second, "the end of its own redraws"
    )
    PROBE_PT_panel.draws = 0
    second = session(ui).watch.drawn_second
    yield from ui.until(
        lambda: session(ui).watch.drawn_second >= second + seconds, "the seconds that pass", 60
    )
    ui.note(other_tab=PROBE_PT_panel.draws, state=str(newest().state))

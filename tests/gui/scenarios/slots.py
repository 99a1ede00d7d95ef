"""A slot from the press on: cut and faded while its clip is made, it becomes the clip; undone before it is sent, it costs nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import bpy
from jobs import JOB, apart, is_still, newest, quick, timeline

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"


def movies() -> list[Any]:
    """The movie strips of clips and slots, in the order of time."""
    editor = timeline().sequence_editor
    every = () if editor is None else getattr(editor, "strips", None) or editor.sequences
    found = [s for s in every if s.type == "MOVIE" and JOB in s]
    return sorted(found, key=lambda s: span(s)[0])


def span(strip: Any) -> tuple[int, int]:
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def seen() -> list[dict[str, Any]]:
    """The pieces as the test reads them."""
    return [{"span": span(s), "still": is_still(s), "job": s[JOB]} for s in movies()]


def becomes_the_clip(ui: Ui, prompt: str) -> Steps:
    """Press Generate; cut and fade the slot, undo and redo that; look at what it becomes while it plays; undo and redo once more."""
    scene = bpy.context.scene
    quick(scene, seconds=2)
    timeline().frame_set(20)
    yield from ui.sidebar(KIND)
    yield from ui.fill("prompt", prompt)
    pressed = time.monotonic()
    yield from ui.click("grok_video.generate")
    yield from ui.until(movies, "the slot")
    ui.note(slot=seen(), slot_after=time.monotonic() - pressed, name=movies()[0].name)
    yield from ui.until(newest, "the job in the list")
    yield from ui.shot("slot-waiting")
    timeline().frame_set(40)
    yield from ui.point(KIND)
    yield from ui.press("K")
    yield from ui.until(lambda: len(movies()) == 2, "the cut")
    with ui.override(KIND, "WINDOW"):
        bpy.ops.sequencer.fades_add("EXEC_DEFAULT", True, duration_seconds=0.3, type="IN_OUT")
    faded = [s.name for s in movies()]
    yield from ui.point(KIND)
    yield from ui.press("Z", ctrl=True)
    yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: len(movies()) == 1, "the undo of the cut")
    for _ in range(2):
        yield from ui.press("Z", ctrl=True, shift=True)
    yield from ui.until(lambda: [s.name for s in movies()] == faded, "the redo of the cut")
    ui.note(cut=seen(), state_then=newest().state)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.screen.animation_play()
    yield from ui.until(lambda: newest().state == "IMPORTED", "the clip", 120)
    ui.note(arrived=seen(), played=ui.window.screen.is_animation_playing)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.screen.animation_cancel()
    yield from ui.shot("slot-arrived")
    yield from ui.point(KIND)
    for _ in range(2):
        yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: len(movies()) == 1, "the undo after the arrival")
    yield from ui.until(lambda: not any(map(is_still, movies())), "the clip after the undo")
    ui.note(undone=seen())
    for _ in range(2):
        yield from ui.press("Z", ctrl=True, shift=True)
    yield from ui.until(lambda: len(movies()) == 2, "the redo after the arrival")
    yield from ui.until(lambda: not any(map(is_still, movies())), "the clip after the redo")
    ui.note(redone=seen())
    yield from taken_back(ui)


def taken_back(ui: Ui) -> Steps:
    """Press once more, and undo before the camera is rendered."""
    click = ui.module("blender.session.state").current().click
    bpy.context.scene.cycles.samples = 4000  # its still takes a while
    timeline().frame_set(200)
    yield from apart(ui)
    yield from ui.click("grok_video.generate")
    yield from ui.until(lambda: len(movies()) == 3, "the second slot")
    assert click.queue, "the click was over before it could be undone"
    yield from ui.point(KIND)
    yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: not click.queue, "the end of the click")
    ui.note(taken_back=seen(), said=click.message)
    yield from ui.shot("slot-taken-back")


def dragged(ui: Ui, prompt: str) -> Steps:
    """Move the slot by the key G while its clip comes: the clip waits for the end of that, and says so."""
    quick(bpy.context.scene, seconds=2)
    timeline().frame_set(20)
    yield from ui.sidebar(KIND)
    yield from ui.fill("prompt", prompt)
    yield from ui.click("grok_video.generate")
    yield from ui.until(movies, "the slot")
    yield from ui.until(lambda: newest() and newest().state == "RUNNING", "the job under way")
    before = seen()
    yield from ui.point(KIND)
    yield from ui.press("G")
    yield from ui.press("ONE", text="1")
    yield from ui.press("TWO", text="2")
    ui.note(dragging=[operator.bl_idname for operator in ui.window.modal_operators])
    imports = ui.module("blender.session.state").current().imports
    yield from ui.until(lambda: imports.waiting, "why the clip waits")
    ui.note(before=before, waiting=imports.waiting, held=[piece["still"] for piece in seen()])
    yield from ui.press("RET")
    yield from ui.until(lambda: newest().state == "IMPORTED", "the clip")
    ui.note(arrived=seen())

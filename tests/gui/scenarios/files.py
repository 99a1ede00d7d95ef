"""A clip whose file is gone, in a window: the row says so, one button brings the file back."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from jobs import JOB, described, newest, strips, timeline, whole_job

if TYPE_CHECKING:
    from driver import Steps, Ui


def gone_and_back(ui: Ui) -> Steps:
    """After a whole job its file is removed behind Blender's back."""
    _without_waveforms()
    yield from whole_job(ui, "SEQUENCE_EDITOR", "A heron", 1, 1)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the record of the import", 60)
    before = newest()
    files = ui.module("blender.session.files")
    Path(before.clip.path).unlink()
    # Nobody presses anything: the row is drawn when the mouse comes, and the file looked at after that.
    yield from ui.until(lambda: _drawn(ui) and files.lost(before) == "gone", "the row", 60)
    if any(area.type == "PROPERTIES" for area in ui.window.screen.areas):
        with contextlib.suppress(
            TypeError
        ):  # before 5.0 a strip's file is in the sidebar's tab Strip
            ui.area("PROPERTIES").spaces.active.context = "STRIP"
    strip = timeline().sequence_editor.active_strip
    strip[JOB] = ["a", "b"]  # scripts write anything
    yield from ui.redraw()
    strip[JOB] = before.id
    yield from ui.redraw()
    yield from ui.find("grok_video.download_again", with_=before.id)  # scrolls there
    yield from ui.shot("files-gone")
    lay = [described(strip) for strip in strips()]
    yield from ui.click("grok_video.download_again", with_=before.id)
    yield from ui.until(
        lambda: newest().seq > before.seq and not newest().fetching and not files.due(),
        "the file",
        60,
    )
    yield from ui.redraw()
    yield from ui.shot("files-back")
    ui.note(
        back=Path(before.clip.path).stat().st_size == before.clip.size,
        same=lay == [described(strip) for strip in strips()],
        state=newest().state,
        lost=files.lost(before),
        problem=newest().problem and newest().problem.message,
    )


def _without_waveforms() -> None:
    """Draw no sound: Blender reads the waveform in a thread, and ends when the file is removed meanwhile."""
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                overlay = area.spaces.active.timeline_overlay
                overlay.waveform_display_type = "NO_WAVEFORMS"


def _drawn(ui: Ui) -> bool:
    """Let the sidebar be drawn, as a mouse over it does."""
    ui.region("SEQUENCE_EDITOR").tag_redraw()
    return True

"""The modal timer operator that lets ticks happen, and the watchdog that starts it again.

A running modal operator blocks autosave, so this one ends itself every 20 s; File › New and File › Open end it too
(docs/blender.md, §6). Every event is passed through.
"""

from __future__ import annotations

import time
from typing import Any

import bpy

from .. import telling
from .state import current, running

TICK_SECONDS = 0.1  # between two ticks while something is under way
#: Seconds after which the modal operator ends itself and is started again, so that Blender can autosave.
BREATH_SECONDS = 20.0
TAB = "Grok Video"  # the tab of the sidebars
_OVER_SLOTS = frozenset({"WINDOW", "PREVIEW"})  # regions in which the state of slots is drawn
DEAD_WATCH_SECONDS = 5.0  # without a tick: Blender has dropped the modal operator untold


def watch() -> None:
    """Start the watchdog, so that ticks happen while something is under way (never in background mode)."""
    if not bpy.app.background and not bpy.app.timers.is_registered(watchdog):
        bpy.app.timers.register(watchdog, first_interval=0.0, persistent=True)


def watchdog() -> float | None:
    """Timer: start the modal operator again whenever something is under way and it does not run.

    A timer outlives File › New and File › Open, which end modal operators (docs/blender.md, §6).
    """
    session = running()
    if session is None:
        return None
    if not session.watch.running or time.monotonic() - session.watch.ticked_at > DEAD_WATCH_SECONDS:
        session.watch.running = False
        window = next(iter(bpy.context.window_manager.windows), None)
        session.watch.tick(bpy.context)
        if not session.watch.busy():
            redraw()
            return None
        if window is not None:
            with bpy.context.temp_override(window=window):
                bpy.ops.grok_video.watch("INVOKE_DEFAULT")
    return 1.0


def report(words: str, *, bad: bool) -> None:
    """Let the modal operator report ``words`` in Blender's status bar. Not for scripts: no such operator runs there."""
    current().watch.reports.append((words, bad))


def reports() -> list[tuple[str, bool]]:
    """What is to be reported now: words, and whether they are bad news."""
    own = current().watch
    taken, own.reports = own.reports, []
    return taken


def watch_started() -> None:
    """Note that the modal operator runs from now on."""
    own = current().watch
    own.running = True
    own.ticked_at = time.monotonic()
    own.ends_at = time.monotonic() + BREATH_SECONDS


def watch_tick(context: bpy.types.Context) -> bool:
    """Do one tick of the modal operator; False when that has to end itself now."""
    session = running()
    if session is None:  # the add-on was disabled while the operator ran
        return False
    own = session.watch
    now = time.monotonic()
    own.turned += min(now - own.ticked_at, TICK_SECONDS)
    own.ticked_at = now
    preparing = session.click.preparing
    own.news |= own.tick(context)
    again = time.monotonic() < own.ends_at and own.busy()
    second = int(time.monotonic())
    if not again or session.click.preparing is not preparing:
        redraw()
    elif second != own.drawn_second:
        # Once a second: Blender blits the whole window whatever is redrawn in it, and ten jobs have news many times
        # in a second.
        redraw(times_only=not own.news)
    else:
        return again
    own.drawn_second, own.news = second, False
    return again


def watch_ended() -> None:
    """Note that the modal operator has ended, by itself or with its window or file, and start the watchdog."""
    session = running()
    if session is not None:
        session.watch.running = False
        watch()


def redraw(*, times_only: bool = False) -> None:
    """Redraw all sidebars and preferences; ``times_only``: only the sidebars that show our tab now.

    And where slots wait, the parts of the Sequencer that tell of them.
    """
    session = running()
    slots_wait = session is not None and bool(session.slots.waiting)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type not in ("VIEW_3D", "SEQUENCE_EDITOR", "PREFERENCES"):
                continue
            for region in area.regions:
                if slots_wait and region.type in _OVER_SLOTS and area.type == "SEQUENCE_EDITOR":
                    region.tag_redraw()
                if not times_only:
                    shown = region.type == "UI" or area.type == "PREFERENCES"
                else:  # a sidebar that is closed is one pixel wide
                    shown = (
                        region.type == "UI"
                        and region.width > 1
                        and region.active_panel_category == TAB
                    )
                if shown:
                    region.tag_redraw()


class GROK_VIDEO_OT_watch(bpy.types.Operator):
    """Ticks while something is under way; every event goes on to Blender."""

    bl_idname = "grok_video.watch"
    bl_label = "Watch Grok Video Jobs"
    bl_options = {"INTERNAL"}

    _timer: bpy.types.Timer | None = None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[Any]:
        if current().watch.running:
            return {"CANCELLED"}
        self._timer = context.window_manager.event_timer_add(TICK_SECONDS, window=context.window)
        watch_started()
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[Any]:
        if event.type == "TIMER":
            again = watch_tick(context)
            told = reports() if running() is not None else []
            for words, bad in told:
                telling.report(self, "WARNING" if bad else "INFO", words)
            if told or not again:  # Blender shows the reports of a modal operator when that ends
                self._end(context)
                return {"CANCELLED", "PASS_THROUGH"}
        return {"PASS_THROUGH"}

    def cancel(self, context: bpy.types.Context) -> None:
        self._end(context)

    def _end(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        watch_ended()

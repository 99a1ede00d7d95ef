"""The modal timer operator that lets ticks happen, and the watchdog that starts it again.

A running modal operator blocks autosave, so it ends itself every 20 s; File › New and File › Open end it
(docs/blender.md, §6). It passes every event through.
"""

from __future__ import annotations

import time
from typing import Any

import bpy

from .state import current, running

TICK_SECONDS = 0.1  # between two ticks while something is under way
BREATH_SECONDS = (
    20.0  # a running modal operator blocks autosave, so it ends itself and is restarted
)
TAB = "Grok Video"  # of the sidebars
DEAD_WATCH_SECONDS = 5.0  # without a tick: the modal operator is gone without a word


def watch() -> None:
    """See to it that ticks happen while something is under way (never in background mode)."""
    if not bpy.app.background and not bpy.app.timers.is_registered(watchdog):
        bpy.app.timers.register(watchdog, first_interval=0.0, persistent=True)


def watchdog() -> float | None:
    """Start the modal timer operator again whenever it is not running and something is under way.

    It outlives File › New and File › Open, which end modal operators (docs/blender.md, §6).
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


def watch_started() -> None:
    """The modal timer operator runs from now on."""
    own = current().watch
    own.running = True
    own.ticked_at = time.monotonic()
    own.ends_at = time.monotonic() + BREATH_SECONDS


def watch_tick(context: bpy.types.Context) -> bool:
    """One tick of the modal timer operator; False when it has to end itself now."""
    session = running()
    if session is None:  # the add-on was disabled under it
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
        # Blender blits the whole window whatever is redrawn in it, so what the worker tells waits for the
        # second: with ten jobs it would be done many times in one.
        redraw(times_only=not own.news)
    else:
        return again
    own.drawn_second, own.news = second, False
    return again


def watch_ended() -> None:
    """The modal timer operator ended: itself, or because its window or the file was closed."""
    session = running()
    if session is not None:
        session.watch.running = False
        watch()


def redraw(*, times_only: bool = False) -> None:
    """Redraw the sidebars and preferences; ``times_only``: no more than those that show the tab now."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type not in ("VIEW_3D", "SEQUENCE_EDITOR", "PREFERENCES"):
                continue
            for region in area.regions:
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
            if not again:
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

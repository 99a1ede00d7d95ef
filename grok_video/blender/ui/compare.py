"""Compare: a modal operator that shows another take of a strip while the mouse button is held."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from .. import timeline
from ..refusal import Refused
from ..session import comparing
from ..session.state import running
from .asking import Result, refuse
from .clip_strip import SCENE, STRIP, clip_strip

#: What goes on to Blender while takes are compared: looking around, stepping through the frames, playing.
_GOES_ON = frozenset(
    {
        *("MOUSEMOVE", "INBETWEEN_MOUSEMOVE", "MIDDLEMOUSE", "WHEELUPMOUSE", "WHEELDOWNMOUSE"),
        *("WHEELINMOUSE", "WHEELOUTMOUSE", "TRACKPADPAN", "TRACKPADZOOM", "MOUSEROTATE"),
        *("MOUSESMARTZOOM", "NDOF_MOTION", "NONE", "TIMER_REPORT", "TIMER_REGION", "TIMER_JOBS"),
        *("TIMER0", "TIMER1", "TIMER2", "TIMERF", "TIMER_AUTOSAVE", "LEFT_ARROW", "RIGHT_ARROW"),
        *("SPACE", "LEFT_SHIFT", "RIGHT_SHIFT", "LEFT_CTRL", "RIGHT_CTRL", "LEFT_ALT", "RIGHT_ALT"),
        *("OSKEY", "HOME", "NUMPAD_PERIOD", "WINDOW_DEACTIVATE"),
    }
)
_ENDS = frozenset({"ESC", "RIGHTMOUSE", "RET", "NUMPAD_ENTER"})
_SECONDS = 0.1  # between looks whether a render wants the first take back
_timers: list[bpy.types.Timer] = []  # of the comparison that goes on


class GROK_VIDEO_OT_compare_takes(bpy.types.Operator):
    bl_idname = "grok_video.compare_takes"
    bl_label = "Compare Takes"
    bl_description = (
        "Show another take of the strip while the left mouse button is held, and the chosen one when it "
        "is released. Changes nothing"
    )
    bl_options = set()

    scene: SCENE
    strip: STRIP
    job: StringProperty(
        name="Take",
        description="Id of the job of the other take; empty: the take before",
        options={"SKIP_SAVE"},
    )

    _timer: bpy.types.Timer | None = None
    _key = ""  # what started the comparison and ends it by being let go; '' for a button

    def execute(self, _context: bpy.types.Context) -> Result:
        return refuse(self, Refused("Compare Takes shows something only in a window."))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        window = context.window
        if window is None or bpy.app.background:
            return self.execute(context)
        if why := timeline.importing.unsettled(context):
            return refuse(self, Refused(why.replace("The clip waits", "Comparing has to wait")))
        try:
            comparing.begin(clip_strip(context, self.scene, self.strip), self.job)
        except Refused as error:
            return refuse(self, error)
        held = event.value == "PRESS" and "MOUSE" not in event.type
        self._key = event.type if held else ""
        manager = context.window_manager
        timer: Any = manager.event_timer_add(_SECONDS, window=window)
        self._timer = timer
        _timers.append(timer)
        manager.modal_handler_add(self)
        self._look(context, shown=held)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> Result:
        if running() is None or not comparing.is_there():
            return self._end(context, "CANCELLED", "PASS_THROUGH")
        if event.type == "TIMER":
            if comparing.settle():
                self._say(context)
            return {"PASS_THROUGH"}
        if event.type == "LEFTMOUSE":
            self._look(context, shown=event.value in ("PRESS", "DOUBLE_CLICK"))
            return {"RUNNING_MODAL"}
        if self._key and event.type == self._key:
            # A key that is held is pressed again and again.
            if event.value == "RELEASE":
                return self._end(context, "FINISHED")
            return {"RUNNING_MODAL"}
        if event.type in ("PAGE_UP", "PAGE_DOWN"):
            if event.value == "PRESS":
                comparing.step(1 if event.type == "PAGE_UP" else -1)
                self._say(context)
            return {"RUNNING_MODAL"}
        if event.type in _ENDS:
            return self._end(context, "FINISHED") if event.value == "PRESS" else {"RUNNING_MODAL"}
        if event.type == "WINDOW_DEACTIVATE":  # the button may be let go in another program
            self._look(context, shown=False)
        if event.type in _GOES_ON or event.value == "RELEASE":
            return {"PASS_THROUGH"}
        # Saving, undo, a render, a tool: Blender does what the key says, with the take that was chosen.
        return self._end(context, "FINISHED", "PASS_THROUGH")

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends the operator with its window, or with the file."""
        self._end(context, "CANCELLED")

    def _look(self, context: bpy.types.Context, *, shown: bool) -> None:
        comparing.look(shown=shown)
        self._say(context)

    def _say(self, context: bpy.types.Context) -> None:
        """Say in the status bar what is shown and what to do, and draw the sequencers."""
        shown, other = comparing.words()
        if running() is not None and comparing.is_shown():
            shown, other = other, shown
        hold = f"Shown: {shown}.   Hold Left Mouse: {other}"
        if comparing.is_shown():
            hold = f"Shown: {shown}.   Release Left Mouse: {other}"
        text = (
            f"{hold}   |   Page Up/Down: Other Takes   |   Space, Arrows: Play, Step   |   Esc: End"
        )
        if context.workspace is not None:
            context.workspace.status_text_set(text)
        _redraw(context)

    def _end(self, context: bpy.types.Context, *result: str) -> Result:
        if running() is not None:
            comparing.end()
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            _timers.remove(self._timer)
            self._timer = None
        if context.workspace is not None:
            context.workspace.status_text_set(None)
        _redraw(context)
        return set(result)


def _redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def draw_compare(layout: bpy.types.UILayout, strip: Any) -> None:
    """Draw the button that compares the takes of ``strip``, where there are several."""
    if len(comparing.takes_of(strip)) > 1:
        button = layout.operator("grok_video.compare_takes", text="Compare", icon="UV_SYNC_SELECT")
        button.scene, button.strip = strip.id_data.name, strip.name


def draw_compare_of_active(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button for the active strip."""
    editor = timeline.strips.target_scene(context).sequence_editor
    strip = editor.active_strip if editor is not None else None
    if strip is not None and strip.type == "MOVIE" and timeline.strips.job_of(strip):
        draw_compare(layout, strip)


def register() -> None:
    bpy.utils.register_class(GROK_VIDEO_OT_compare_takes)


def unregister() -> None:
    """Blender forgets an operator that runs with its class, without a word to it: its timer and its words would stay."""
    manager = bpy.context.window_manager
    while _timers:
        manager.event_timer_remove(_timers.pop())
        for window in manager.windows:
            with bpy.context.temp_override(window=window):
                window.workspace.status_text_set(None)
    bpy.utils.unregister_class(GROK_VIDEO_OT_compare_takes)

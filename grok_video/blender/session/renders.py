"""What is said of a render of the edit that shows slots whose clips are not there yet: once a render, which goes on.

Blender calls render handlers in threads of their own where the window goes on: they only note. Ticks and redraws ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.legible import tell
from .. import timeline
from .state import current, running
from .watch import report, watch


@persistent
def _begun(scene: bpy.types.Scene, *_: object) -> None:
    session = running()
    if session is not None:
        own = session.renders
        own.scene, own.count, own.over, own.told = scene.session_uid, 0, False, ""


@persistent
def _frame_begins(scene: bpy.types.Scene, *_: object) -> None:
    session = running()
    if session is None or not session.slots.waiting:
        return
    own = session.renders
    if not own.count:
        own.first = scene.frame_current
    own.last = scene.frame_current
    own.count += 1
    _say_in_background()


@persistent
def _ended(_scene: bpy.types.Scene, *_: object) -> None:
    session = running()
    if session is not None and session.renders.count:
        session.renders.over = True
        _say_in_background()


def _say_in_background() -> None:
    """Say what is to be said where nothing else asks: there handlers are called in Blender's main thread."""
    if bpy.app.background:
        hear()


def hear() -> None:
    """Say of the render that runs, or has just ended, that it shows stills, where it does and that was not said yet.

    With its second frame a render is known to be an animation; before that, or its end, nobody knows what it will show.
    """
    own = current().renders
    if own.told or own.count < (1 if own.over else 2):
        return
    scene = next((s for s in bpy.data.scenes if s.session_uid == own.scene), None)
    if scene is None or not scene.render.use_sequencer:
        own.count = 0
        return
    first, last = min(own.first, own.last), max(own.first, own.last)
    if own.count > 1 and not own.over:
        last = max(last, scene.frame_end)
    names = timeline.slots.waiting_in(scene, first, last + 1)
    if own.over:
        own.count = 0
    if not names:
        return
    one = len(names) == 1
    slots = (
        f"1 slot waits for its clip (“{names[0]}”)"
        if one
        else f"{len(names)} slots wait for their clips"
    )
    own.told = f"{slots}: the render shows {'its still' if one else 'their stills'}."
    if bpy.app.background:
        tell(own.told)
    else:
        report(own.told, bad=True)
        watch()


def handlers() -> list[tuple[list[Any], Callable[..., None]]]:
    """Blender's lists of render handlers, and what each calls."""
    lists = bpy.app.handlers
    return [
        (lists.render_init, _begun),
        (lists.render_pre, _frame_begins),
        (lists.render_complete, _ended),
        (lists.render_cancel, _ended),
    ]

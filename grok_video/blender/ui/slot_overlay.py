"""When Blender draws over the slots that wait for their clips: in the sequencer's timeline and in its preview.

Owns the draw handlers. That of the Image Editor draws nothing: a render is shown there, and of its slots is to be told. No strips are made, and nothing of this is in renders. Where no slot waits a redraw costs nothing.
What is drawn is ``slot_drawing``'s.
"""

from __future__ import annotations

import traceback
from typing import Any

import bpy

from ..session import renders
from ..session.state import running


class _Handlers:
    """What Blender calls at each redraw of a sequencer while the add-on is registered."""

    def __init__(self) -> None:
        self._added: list[tuple[Any, Any, str]] = []
        self._failed = False

    def add(self) -> None:
        self._failed = False
        for region in ("WINDOW", "PREVIEW"):
            handle = bpy.types.SpaceSequenceEditor.draw_handler_add(
                self._draw, (region,), region, "POST_PIXEL"
            )
            self._added.append((bpy.types.SpaceSequenceEditor, handle, region))
        # The window is not asked for a redraw of a sequencer while a render runs, but for one of the render.
        handle = bpy.types.SpaceImageEditor.draw_handler_add(
            self._draw, ("",), "WINDOW", "POST_PIXEL"
        )
        self._added.append((bpy.types.SpaceImageEditor, handle, "WINDOW"))

    def remove(self) -> None:
        for space, handle, region in self._added:
            space.draw_handler_remove(handle, region)
        self._added.clear()

    def _draw(self, region: str) -> None:
        """Draw what waits. After a failure, which is printed, nothing is drawn: Blender would print one at each redraw."""
        if self._failed or not _some_wait():
            return
        try:
            renders.hear()
            if not region:
                return
            from . import (
                slot_drawing,
            )  # here: until a slot waits, Blender needs nothing of that file

            draw = slot_drawing.draw_timeline if region == "WINDOW" else slot_drawing.draw_preview
            draw(bpy.context)
        except Exception:
            self._failed = True
            traceback.print_exc()


def _some_wait() -> bool:
    """Whether a slot of the open file waits, as far as the last look knows. A set: nothing is walked."""
    session = running()
    return session is not None and bool(session.slots.waiting)


_HANDLERS = _Handlers()


def register() -> None:
    if not bpy.app.background:
        _HANDLERS.add()


def unregister() -> None:
    _HANDLERS.remove()

"""Whether an operator runs because the artist pressed something, or because a script called; and what a button said.

Blender calls ``invoke`` for both. Measured in 4.3 and 5.2, in windows (docs/blender.md, §6): a press comes from Blender
itself, so no Python runs below ``invoke``; a press happens in a region of an editor; and the event is one of a button
or a key. What looks like a press and is none stands in docs/safety.md, rule 4.
"""

from __future__ import annotations

import os
import sys
from types import FrameType

import bpy

#: What buttons and keys do; the values of a mouse that moves and of a timer are others.
_PRESSES = frozenset({"PRESS", "RELEASE", "CLICK", "DOUBLE_CLICK"})


#: Member of the context that a button with a price carries. Blender keeps it with the button alone: a key that is
#: assigned to the button, and Quick Favorites, copy the operator's properties and not that (measured, 4.3 and 5.2).
_PRICED = "grok_video_priced"


def carry_price(layout: bpy.types.UILayout, price: int | None) -> None:
    """Let the buttons of ``layout`` carry the price that they show (ticks; None: not known): they buy at one click."""
    layout.context_string_set(_PRICED, str(price))


def is_priced(context: bpy.types.Context) -> bool:
    """Whether the operator was called by a button that carries a price."""
    return bool(getattr(context, _PRICED, ""))


def shows_price(context: bpy.types.Context, price: int | None) -> bool:
    """Whether the button that called the operator shows ``price`` (ticks; None: not known)."""
    return getattr(context, _PRICED, "") == str(price)


def is_press(context: bpy.types.Context, event: bpy.types.Event) -> bool:
    """Whether the operator's ``invoke``, which calls this function, was called for a press of the artist's.

    False for scripts, handlers, timers, drivers, other operators in Python, and for key maps on a moving mouse.
    """
    invoke = sys._getframe(1)
    # The region: from 5.1 on ``bpy.ops`` is not written in Python, and a timer that is made of nothing else leaves
    # no Python below ``invoke``. Timers and handlers have no region.
    return invoke.f_back is None and context.region is not None and event.value in _PRESSES


def is_from_blend() -> bool:
    """Whether the call comes from Python that is no file on this computer: a text of a .blend, a driver, a console.

    Where no Python calls, Blender does: for the artist's click in an editor, or for a timer that is made of nothing else.
    """
    frame: FrameType | None = sys._getframe(1)
    if frame.f_back is None:
        return bpy.context.region is None
    while frame is not None:
        name = frame.f_code.co_filename
        if not (name.startswith("<frozen ") or os.path.isfile(name)):
            return True
        frame = frame.f_back
    return False

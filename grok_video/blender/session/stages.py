"""What stands in the scenes, as far as panels ask: whether something has moved since a look was made.

Owns what was looked at, and when that is to be looked at again: some moments after Blender has told of a change. A
redraw compares texts alone.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from .. import sources
from .state import current, running
from .watch import redraw

_LATER = 0.3  # seconds after a change until the scene is looked at: a drag is many changes
_MOST = 64  # frames that are kept of a scene


def known_of(scene: bpy.types.Scene) -> str:
    """What ``sources.stage`` said of a scene at its frame; '' before. No look: panels call this."""
    own, key = current().stages, (scene.session_uid, scene.frame_float)
    if own.stale or key not in own.known:
        own.wanted = scene.session_uid
        if not bpy.app.timers.is_registered(look):  # a file that is opened ends timers
            bpy.app.timers.register(look, first_interval=_LATER)
    return own.known.get(key, "")


def look() -> None:
    """Timer: look at the scene that a panel has asked for."""
    session = running()
    if session is None:
        return
    own = session.stages
    scene = next((one for one in bpy.data.scenes if one.session_uid == own.wanted), None)
    if scene is None:
        return
    key, before = (scene.session_uid, scene.frame_float), own.known
    found = sources.stage.stage_of(scene)
    own.known = {key: found} if own.stale or len(before) >= _MOST else {**before, key: found}
    own.stale = False
    if before.get(key) != found:
        redraw()


@persistent
def changed(*_: object) -> None:
    """Handler: Blender tells of a change, a redo or an undo. Called for each step of a drag."""
    session = running()
    if session is not None:
        session.stages.stale = True

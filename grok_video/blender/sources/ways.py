"""In which way a still of a scene's camera is made, so that it shows what F12 would show.

Owns the one order of ways. What each way would not carry says ``contents``; how a still is made, ``background``,
``camera`` and ``scene_render``.
"""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import bpy

from ...core.record import record
from .. import config, scenes
from ..refusal import Refused
from . import contents
from .background import BackgroundRender
from .camera import CameraRender
from .pixels import Still
from .scene_render import SceneRender

#: Seconds for which what was found of a scene is told again at least: a panel asks at each redraw.
KNOWN_SECONDS = 2.0
#: And so many times as long as it took to find: a scene of very many objects must not be searched all the time.
KNOWN_FOR_EACH = 50


class Way(StrEnum):
    """Who renders, from what."""

    BACKGROUND = "BACKGROUND"  # a second Blender, from a file that this one writes
    COPY = "COPY"  # this Blender, from a copy of the scene
    ITSELF = "ITSELF"  # this Blender, from the scene itself, while its window waits


@record
class Choice:
    """The way that was chosen, and what kept the still from a better one."""

    way: Way | None  # None: no way shows what F12 would show
    lost: str = ""  # a noun phrase
    frame: int = 0

    @property
    def refusal(self) -> str:
        """'' or why no still is made, and what helps."""
        if self.way is not None:
            return ""
        return (
            f"What frame {self.frame} shows is known only when the scene was played up to it, because of {self.lost}. "
            "Bake the simulation first."
        )


class Render(Protocol):
    """A still that is being made, in whatever way."""

    def poll(self) -> Still | None:
        """The still, or None while it is being rendered. Raises Interrupted."""

    def cancel(self) -> None:
        """Give the render up: no picture is kept."""


def choose(scene: bpy.types.Scene, frame: int | None = None) -> Choice:
    """The first way that carries all that ``scene`` shows at ``frame`` (None: its current one)."""
    lost = ""
    wanted, window = config.preferences().render_source, not bpy.app.background
    found = contents.Found(scene, frame)
    for way in order(wanted, freezes=scenes.engine_freezes(scene), window=window):
        why = _lost(way, scene, frame, found)
        if not why:
            return Choice(way, lost)
        # The first one tells why a window waits; the last one, why there is no still.
        lost = why if way is Way.ITSELF else lost or why
    return Choice(None, lost, scene.frame_current if frame is None else frame)


def start(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    size: tuple[int, int],
    path: Path,
    file_format: str,
    frame: int | None = None,
    camera: bpy.types.Object | None = None,
) -> Render:
    """Render ``scene``'s camera into ``path``, ``size`` pixels exactly, as F12 would show it.

    ``frame`` and ``camera`` are the scene's own where None. Raises Refused, or Interrupted when Blender cannot render.
    """
    choice = choose(scene, frame)
    if choice.way is None:
        raise Refused(choice.refusal)
    return _RENDERS[choice.way].start(context, scene, size, path, file_format, frame, camera)


def order(wanted: str, *, freezes: bool, window: bool) -> tuple[Way, ...]:
    """The ways in the order in which they are tried.

    ``wanted``: the preference *Render Source*; ``freezes``: whether a window stands still while the engine renders a
    copy; ``window``: whether there is one.
    """
    if wanted == "HERE":
        return Way.COPY, Way.ITSELF
    if wanted == "BACKGROUND" or (freezes and window):
        return Way.BACKGROUND, Way.COPY, Way.ITSELF
    if not window:
        return Way.COPY, Way.ITSELF, Way.BACKGROUND
    # The scene itself is rendered while the window waits, whatever the engine.
    return Way.COPY, Way.BACKGROUND, Way.ITSELF


def _lost(way: Way, scene: bpy.types.Scene, frame: int | None, found: contents.Found) -> str:
    match way:
        case Way.BACKGROUND:
            return contents.lost_in_background(scene, frame, found)
        case Way.COPY:
            return contents.lost_in_copy(scene, frame, found)
        case Way.ITSELF:
            return contents.lost_in_itself(scene, frame, found)


_RENDERS: dict[Way, type[BackgroundRender] | type[CameraRender] | type[SceneRender]] = {
    Way.BACKGROUND: BackgroundRender,
    Way.COPY: CameraRender,
    Way.ITSELF: SceneRender,
}

#: What was found of scenes: (session_uid, what it was found for) -> (monotonic time at which that is old, the choice).
#: Of other frames than the current one the same is lost, whatever the frame: it is not sought anew while the playhead moves.
_known: dict[tuple[object, ...], tuple[float, Choice]] = {}


def known(scene: bpy.types.Scene, frame: int | None = None) -> Choice:
    """What ``choose`` said a moment ago of the same scene and engine, at the playhead or elsewhere; for redraws."""
    there = scene.frame_current if frame is None else frame
    key = (
        scene.session_uid,
        scene.render.engine,
        frame is None or frame == scene.frame_float,
        config.preferences().render_source,
    )
    began = time.monotonic()
    until, choice = _known.get(key, (0.0, None))
    if choice is None or began > until:
        for old in [k for k, (until, _) in _known.items() if began > until]:
            del _known[old]
        choice = choose(scene, frame)
        now = time.monotonic()
        _known[key] = now + max(KNOWN_SECONDS, KNOWN_FOR_EACH * (now - began)), choice
    return replace(choice, frame=there) if choice.way is None else choice


def waiting(choice: Choice, *, freezes: bool) -> str:
    """'' or the sentence that Blender's window stands still while the still is made, and why.

    ``freezes``: whether a window stands still while the engine renders a copy.
    """
    if choice.way is Way.ITSELF or (choice.way is Way.COPY and freezes):
        why = f", because of {choice.lost}" if choice.lost else ""
        return f"Blender will not answer while it renders{why}"
    return ""

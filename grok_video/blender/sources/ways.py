"""In which way a still of a scene's camera is made, so that it shows what F12 would show.

Owns the one order of ways, and what a click keeps of the scenes that it shows. What each way would not carry says
``contents``; how a still is made, ``background``, ``camera`` and ``scene_render``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import bpy

from ...core.record import record
from .. import config, scenes
from ..refusal import Refused
from . import contents
from .background import BackgroundRender, Ordered, Written, ordered
from .camera import CameraRender
from .changes import Changes
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
    unplayed: bool = (
        True  # what no way carries is a simulation: else it reads the size of the render
    )

    @property
    def refusal(self) -> str:
        """'' or why no still is made, and what helps."""
        if self.way is not None:
            return ""
        if self.unplayed:
            return (
                f"What frame {self.frame} shows is known only when the scene was played up to it, because of "
                f"{self.lost}. Bake the simulation first."
            )
        return (
            f"At the size of the clip frame {self.frame} would show something else, because of {self.lost}, which "
            "reads the size of the render. Let a variable of the driver, of the kind Single Property, read it from the "
            "scene."
        )


class Render(Protocol):
    """A still that is being made, in whatever way."""

    def poll(self) -> Still | None:
        """The still, or None while it is being rendered. Raises Interrupted."""

    def cancel(self) -> None:
        """Give the render up: no picture is kept."""


def choose(
    scene: bpy.types.Scene,
    frame: int | None = None,
    *,
    wanted: str = "",
) -> Choice:
    """The first way that carries all that ``scene`` shows at ``frame`` (None: its current one).

    ``wanted``: '' for the preference *Render Source*.
    """
    lost = ""
    wanted, window = wanted or config.preferences().render_source, not bpy.app.background
    freezes = scenes.engine_freezes(scene)
    found = contents.Found(scene, frame)
    for way in order(wanted, freezes=freezes, window=window):
        why = _lost(way, scene, frame, found)
        if not why:
            return Choice(way, lost)
        # The first one tells why a window waits; the last one, why there is no still.
        lost = why if way is Way.ITSELF else lost or why
    there = scene.frame_current if frame is None else frame
    return Choice(None, lost, there, unplayed=lost == contents.unplayed(scene, frame))


def choose_each(scene: bpy.types.Scene, frames: Sequence[int | None]) -> list[Choice]:
    """As ``choose`` for each of ``frames``; the scene is searched twice at most, however many there are."""
    found: dict[bool, Choice] = {}
    for frame in frames:
        if _is_here(scene, frame) not in found:
            found[_is_here(scene, frame)] = choose(scene, frame)
    return [_at(found[_is_here(scene, frame)], scene, frame) for frame in frames]


def _is_here(scene: bpy.types.Scene, frame: int | None) -> bool:
    """Whether ``frame`` is the current one. Of other frames the same is lost, whichever they are."""
    return frame is None or frame == scene.frame_float


def _at(choice: Choice, scene: bpy.types.Scene, frame: int | None) -> Choice:
    there = scene.frame_current if frame is None else frame
    return replace(choice, frame=there) if choice.way is None else choice


def start(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    size: tuple[int, int],
    path: Path,
    file_format: str,
    frame: int | None = None,
    camera: bpy.types.Object | None = None,
) -> Render:
    """Render ``scene``'s camera here into ``path``, ``size`` pixels exactly, as F12 would show it.

    ``frame`` and ``camera`` are the scene's own where None. Raises Refused, or Interrupted when Blender cannot render.
    """
    choice = choose(scene, frame, wanted="HERE")
    if choice.way is None:
        raise Refused(choice.refusal)
    render = SceneRender if choice.way is Way.ITSELF else CameraRender
    return render.start(context, scene, size, path, file_format, frame, camera)


class Kept:
    """What a click keeps of the scenes whose cameras it renders: files for second Blenders.

    Nothing of a scene is kept for a still that is made here. Call ``discard`` when the last still is made or given up.
    """

    def __init__(self, *, several: bool, wanted: str = "") -> None:
        """``several``: whether there are several stills, so that the artist goes on before the last one is begun.

        ``wanted``: as for ``choose``.
        """
        self._several, self._wanted = several, wanted
        self._written: dict[int, Written] = {}
        self._changes: dict[int, Changes] = {}
        self._choices: dict[tuple[int, bool], Choice] = {}

    def way(self, scene: bpy.types.Scene, frame: int | None) -> Way:
        """The way of a still of ``scene`` at ``frame``. Raises Refused."""
        key = scene.session_uid, _is_here(scene, frame)
        if key not in self._choices:
            self._choices[key] = choose(scene, frame, wanted=self._wanted)
        choice = _at(self._choices[key], scene, frame)
        if choice.way is None:
            raise Refused(choice.refusal)
        return choice.way

    def write(self, scenes: Sequence[bpy.types.Scene], parent: Path) -> None:
        """Keep all ``scenes`` in one file, in a folder in ``parent``, for many orders. Raises Interrupted.

        A scene that is not among them is written by its first order into a file of its own. Holds Blender up as a save
        of the file does.
        """
        written = Written(scenes, parent)
        for scene in scenes:
            self._written[scene.session_uid] = written
            self._changes[scene.session_uid] = Changes(scene)

    def order(
        self,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        path: Path,
        file_format: str,
        frame: int | None,
        camera: bpy.types.Object | None,
        noun: str,
    ) -> Ordered:
        """The order of a still of ``scene`` as it is now; see ``background.ordered``. Raises Refused, Interrupted.

        The first one of a scene holds Blender up as a save of the file does.
        """
        if why := scenes.camera_refusal(scene, camera):
            raise Refused(why)
        written = self._written.get(scene.session_uid)
        if written is None:
            written = self._written[scene.session_uid] = Written([scene], path.parent)
            self._changes[scene.session_uid] = Changes(scene)
        return ordered(written, scene, size, path, file_format, frame, camera, noun)

    def is_spare(self, scene: bpy.types.Scene, frame: int | None) -> bool:
        """Whether an order is kept too for a still that this Blender renders from a copy, should the scene change first.

        Cycles stays here as long as here shows the same: a graphics card may not hold a scene twice.
        """
        automatic = config.preferences().render_source == "AUTO" and not bpy.app.background
        return automatic and self._several and not contents.lost_in_background(scene, frame)

    def changed(self, uid: int) -> bool:
        """Whether the scene of an order, by its ``session_uid``, may show something else than at the click."""
        return bool(self._changes[uid])

    def discard(self) -> None:
        """Remove the files."""
        for written in self._written.values():
            written.discard()
        self._written.clear()
        for changes in self._changes.values():
            changes.close()
        self._changes.clear()


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


def begin(order: Ordered) -> Render:
    """Begin a still that was ordered at the click. Raises Interrupted."""
    return BackgroundRender(order)


#: What was found of scenes: (session_uid, what it was found for) -> (monotonic time at which that is old, the choice).
#: It is not sought anew while the playhead moves.
_known: dict[tuple[object, ...], tuple[float, Choice]] = {}


def for_many() -> str:
    """What is ``wanted`` for the stills of a list: a second Blender makes what it can, as the artist works on.

    The preference *Render Source* where that is not automatic, or where there is no window.
    """
    chosen = config.preferences().render_source
    return "BACKGROUND" if chosen == "AUTO" and not bpy.app.background else chosen


def known(scene: bpy.types.Scene, frame: int | None = None, *, wanted: str = "") -> Choice:
    """What ``choose`` said a moment ago of the same scene and engine, at the playhead or elsewhere; for redraws."""
    key = (
        scene.session_uid,
        scene.render.engine,
        _is_here(scene, frame),
        wanted or config.preferences().render_source,
    )
    began = time.monotonic()
    until, choice = _known.get(key, (0.0, None))
    if choice is None or began > until:
        for old in [k for k, (until, _) in _known.items() if began > until]:
            del _known[old]
        choice = choose(scene, frame, wanted=wanted)
        now = time.monotonic()
        _known[key] = now + max(KNOWN_SECONDS, KNOWN_FOR_EACH * (now - began)), choice
    return _at(choice, scene, frame)


def waiting(choice: Choice, *, freezes: bool) -> str:
    """'' or the words that Blender's window stands still while the still is made, for how long, and why.

    ``freezes``: whether a window stands still while the engine renders a copy.
    """
    if choice.way is Way.ITSELF or (choice.way is Way.COPY and freezes):
        why = f", because of {choice.lost}" if choice.lost else ""
        return f"Blender pauses while it renders your picture, about as long as F12 takes{why}"
    return ""

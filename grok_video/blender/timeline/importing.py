"""A clip becomes strips in a scene's sequencer, as Blender's own operator would add it.

Owns what an import adds, so that one undo step takes all of it back, and what is said where something could not be
kept. Knows nothing of jobs beyond the id that a strip carries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import bpy

from ...core.record import record
from .. import compat, said
from ..refusal import Refused
from .channels import FOREVER, extent, free_channels, lowest_place, set_channels
from .clip_files import is_unreadable
from .colour import colour_plan
from .strips import JOB_PROPERTY, SLOT_PROPERTY, cover_scale, strip_name

#: Modal operators by which the artist moves something with the mouse: no strip may come in under the mouse.
_MOVING = ("TRANSFORM_OT_", "SEQUENCER_OT_")
#: While a strip shows another take for a look, nobody may push an undo step that keeps the look.
_COMPARING = "GROK_VIDEO_OT_compare_takes"


@record
class Clip:
    """A finished clip that is to become a movie strip and, where it has sound, a sound strip."""

    path: str
    name: str  # for the strips: the prompt
    job_id: str
    made_from_view: str  # the view transform that the clip's source came through; '' for none
    has_sound: bool = True
    slot: str = ""  # whose take the clip is; '' for the first take of a slot of its own
    at_once: bool = False  # while the animation is playing too


@record
class Landing:
    """Where a clip came to lie in the sequencer, and what is not as one would expect."""

    movie: str  # name of the movie strip
    notice: str  # '' or sentences for the artist: what is not as one would expect
    off_colour: bool  # the notice says that the clip may not look like its file


def refusal(context: bpy.types.Context, scene: bpy.types.Scene, *, at_once: bool = False) -> str:
    """'' or a sentence: why nothing can be imported into ``scene`` now. Cheap enough for every tick.

    ``at_once``: see ``unsettled``.
    """
    if scene.library is not None or scene.override_library is not None:
        return f"The scene “{scene.name}” is linked from another file and cannot take strips."
    return unsettled(context, at_once=at_once)


def unsettled(context: bpy.types.Context, *, at_once: bool = False) -> str:
    """'' or a sentence: why no strip of any scene may be changed now. Cheap enough for every tick.

    ``at_once``: playback is no reason to wait, as for a strip that the artist has asked for just now.
    """
    if bpy.app.is_job_running("RENDER") or bpy.app.is_job_running("OBJECT_BAKE"):
        return "The clip waits while Blender renders."
    for window in context.window_manager.windows:
        played = window.screen.is_animation_playing or window.screen.is_scrubbing
        if played and not at_once:
            return "The clip waits while the animation is playing."
        if any(operator.bl_idname.startswith(_MOVING) for operator in window.modal_operators):
            return "The clip waits while something is being moved."
        if any(operator.bl_idname == _COMPARING for operator in window.modal_operators):
            return "The clip waits while takes are compared."
    return ""


def bring_in(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    clip: Clip,
    *,
    meta: Any,
    frame: int,
    settle: Callable[[Any, Any, Any], str],
    true_speed: bool = True,
) -> Landing:
    """Add a clip to ``meta``, or to the whole edit for None, with its first picture at ``frame``, at true speed.

    The scene keeps its rate, size, view, range and playhead; other strips stay where they are.
    ``settle(base, movie, sound)`` moves the new strips to their place and returns '' or a sentence of what is not as
    one would expect; ``base`` is the editor or meta strip that they lie in, until then on channels that are free for
    ever. Without ``true_speed``, ``settle`` retimes the strips: until then each frame of the scene shows one of the
    file. Raises Refused, and then leaves nothing.
    """
    if why := refusal(context, scene, at_once=clip.at_once):
        raise Refused(why)
    if not os.path.isfile(clip.path):
        raise Refused(f"The clip {clip.path} is not there any more.")
    created = scene.sequence_editor is None
    editor = scene.sequence_editor or scene.sequence_editor_create()
    base = editor if meta is None else meta
    before = {strip.name for strip in compat.strips_all(editor)}
    try:
        movie, sound = _add(context, scene, base, clip, frame, true_speed)
        plan = colour_plan(scene, clip.made_from_view)
        if plan.colorspace:
            movie.colorspace_settings.name = plan.colorspace
        movie.transform.scale_x = movie.transform.scale_y = cover_scale(movie)
        notice = settle(base, movie, sound)
    except Refused:
        for strip in [s for s in compat.strips(base) if s.name not in before]:
            compat.strips(base).remove(strip)
        if created:
            scene.sequence_editor_clear()
        raise
    title = strip_name(clip.name)
    for strip in (movie, sound):
        if strip is not None:
            strip.name = title
            strip[JOB_PROPERTY] = clip.job_id
            if clip.slot:
                strip[SLOT_PROPERTY] = clip.slot
            strip.select = True
    editor.active_strip = movie
    return Landing(
        movie=movie.name,
        notice=" ".join(filter(None, (notice, plan.notice))),
        off_colour=bool(plan.notice),
    )


def _add(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    base: Any,
    clip: Clip,
    frame: int,
    true_speed: bool,
) -> tuple[Any, Any]:
    """The new movie strip and its sound strip or None, on channels that are free for their whole length.

    Raises Refused, and may leave strips.
    """
    before = {strip.name for strip in compat.strips(base)}
    at = frame
    try:  # their length is known only afterwards
        channel = free_channels(base, frame, FOREVER, 2)
    except Refused:
        # In a crowded edit: behind all strips first, as Blender adds a clip to neighbouring channels only.
        at = max([frame, *(compat.span(strip)[1] for strip in compat.strips(base))])
        channel = 1
    try:
        add_file(
            context,
            scene,
            base,
            clip.path,
            at,
            channel,
            sound=clip.has_sound,
            true_speed=true_speed,
        )
    except said.BLENDERS_ERRORS as error:
        hint = ""
        if is_unreadable(clip.path):
            hint = "It takes the backslash in a folder's name for the end of that name: rename the folder."
        raise Refused(f"Blender cannot read the clip {clip.path}.", hint) from error
    new = {s.type: s for s in compat.strips(base) if s.name not in before}
    if "MOVIE" not in new:
        raise Refused(f"Blender finds no pictures in the clip {clip.path}.")
    movie, sound = new["MOVIE"], new.get("SOUND")
    if at != frame:
        _bring_back(base, movie, sound, frame - at)
    return movie, sound


def add_file(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    base: Any,
    path: str,
    frame: int,
    channel: int,
    *,
    sound: bool,
    true_speed: bool = True,
) -> None:
    """Let Blender's operator add a movie to ``base``, the editor or a meta strip of ``scene``. Raises Blender's errors."""
    with _no_proxies(context), operating_on(context, scene, base):
        compat.add_movie(path, frame, channel, sound=sound, true_speed=true_speed)


def _bring_back(base: Any, movie: Any, sound: Any, by: int) -> None:
    """Move the new strips by ``by`` frames, onto channels that are free there. Raises Refused."""
    start, end, mine = extent(movie, sound)
    place = lowest_place(base, start + by, end + by, sound=sound is not None, ignored=mine)
    set_channels(base, movie, sound, *place)
    for strip in filter(None, (movie, sound)):
        compat.shift(strip, by)


@contextmanager
def operating_on(context: bpy.types.Context, scene: bpy.types.Scene, base: Any) -> Iterator[None]:
    """A context in which sequencer operators act on what lies in ``base``: the editor of ``scene``, or a meta strip."""
    with _looking_into(scene.sequence_editor, base), sequencer_context(context, scene):
        yield


@contextmanager
def _looking_into(editor: Any, base: Any) -> Iterator[None]:
    """For the time of the context: show the inside of the meta strip ``base``, or the top of the edit."""
    shown = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    if shown == base:
        yield
        return
    editor.display_stack(None if base == editor else base)
    try:
        yield
    finally:
        editor.display_stack(None if shown == editor else shown)


@contextmanager
def sequencer_context(context: bpy.types.Context, scene: bpy.types.Scene) -> Iterator[None]:
    """An override in which sequencer operators act on ``scene``.

    Such operators need an area with a sequencer: one in this window, else one in a screen that is not shown, else an
    area that becomes one and is changed back before anything is drawn.
    """
    window = context.window or context.window_manager.windows[0]
    screen, area = _sequencer_area(window, scene)
    borrowed = ""
    if area is None:
        area = _least_missed(context.area, window.screen)
        borrowed = area.ui_type
        area.type = "SEQUENCE_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    override = compat.sequencer_override(area, region, scene)
    if screen != window.screen:
        override["screen"] = screen
    # ``blender --command`` has windows and is in none, and an area needs one. Not in one override: see ``compat``.
    inside = context.temp_override(window=window) if context.window is None else nullcontext()
    try:
        with inside, context.temp_override(**override):
            yield
    finally:
        if borrowed:
            area.ui_type = borrowed


def _sequencer_area(
    window: bpy.types.Window, scene: bpy.types.Scene
) -> tuple[bpy.types.Screen, bpy.types.Area | None]:
    """A sequencer's area and its screen; the window's screen and None where there is none."""
    screens = [window.screen]
    if compat.reaches_over_screens(window, scene):
        screens += [s for s in bpy.data.screens if s != window.screen and not s.is_temporary]
    for screen in screens:
        for area in screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                return screen, area
    return window.screen, None


def _least_missed(current: bpy.types.Area | None, screen: bpy.types.Screen) -> bpy.types.Area:
    """The area to borrow as a sequencer: the largest in which a change of type ends no typing or choosing."""

    def key(area: bpy.types.Area) -> tuple[bool, bool, int]:
        busy = area.type in ("VIEW_3D", "FILE_BROWSER", "TEXT_EDITOR", "CONSOLE")
        return area != current, not busy, area.width * area.height

    return max(screen.areas, key=key)


@contextmanager
def _no_proxies(context: bpy.types.Context) -> Iterator[None]:
    """Keep Blender from building proxies (files beside the clip) for strips added meanwhile."""
    preferences = context.preferences
    dirty, setup = preferences.is_dirty, preferences.system.sequencer_proxy_setup
    preferences.system.sequencer_proxy_setup = "MANUAL"
    try:
        yield
    finally:
        preferences.system.sequencer_proxy_setup = setup
        preferences.is_dirty = dirty

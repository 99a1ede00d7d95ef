"""Strips: how a clip comes in, at which rate, scale, length and colour, and where its file lies.

Owns the way of a finished clip into a scene's edit, and finding it again; where one goes that belongs to
another strip is the subject of ``placing``. What a strip knows of its job
is one custom property with the job's id: references to strips die on undo and reload, and a split or a
duplicate carries the id along, so it means *came from*. It knows nothing of the queue, of HTTP and of the
panel, and pushes no undo step: that is for the operator that calls it.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import bpy

from ..core.record import record
from . import compat

JOB_PROPERTY = "grok_video_job"
FOLDER = "grok_video"  # beside the .blend
MAX_CHANNEL = 128
_FOREVER = 2**31  # frames: beyond every strip
#: Of Blender's 63. Longer ones it cuts before it appends .001, and where that cuts a character it gives
#: the same name to several strips (measured, 4.2 to 5.0).
_NAME_BYTES = 56

#: View transform → the strip's colour space that undoes it. Measured on 4.2 to 5.2 with 48 patches
#: and more: exact for any colour, but for the two that `_NARROW` names.
_INVERSES = {
    "Standard": "sRGB",
    "Filmic": "Filmic sRGB",
    "Filmic Log": "Filmic Log",
    "AgX": "AgX Base sRGB",
    "Khronos PBR Neutral": "Khronos PBR Neutral sRGB",
    "ACES 1.3": "ACES 1.3 sRGB",
    "ACES 2.0": "ACES 2.0 sRGB",
    "Raw": "Linear Rec.709",
}

#: What these cannot show is lost: right only for a clip made from a picture in the same view (AgX: by 2
#: of 255 from 5.0 on, by 10 before), else by up to 60 and 140 for saturated colours. The Khronos view
#: has no true inverse at all: by up to 24, where without it would be 31.
_NARROW = {"AgX", "Khronos PBR Neutral"}

#: Colour spaces that the sequencer can work in without spoiling the above (measured).
_WORKING_SPACES = {"sRGB", "Linear Rec.709", "ACEScg"}

#: Strips that cover what lies below them. Texts and adjustments belong on top of a clip.
_COVERING = frozenset({"MOVIE", "IMAGE", "SCENE", "MOVIECLIP", "MASK", "META", "COLOR"})

NO_CHANNEL = "There is no free channel for the clip. Clear or unlock one."

#: The artist is moving something with the mouse: no strip may come in under it.
_MOVING = ("TRANSFORM_OT_", "SEQUENCER_OT_")


class ImportRefused(Exception):
    """A sentence for the artist; nothing was changed."""


@record
class Clip:
    """A finished clip that is to become strips."""

    path: str
    name: str  # for the strips: the prompt
    job_id: str
    made_from_view: str  # the view transform that its source came through; '' for none


@record
class Landing:
    """Where a clip went."""

    movie: str  # name of the movie strip
    sound: str  # name of the sound strip; '' without sound
    channel: int  # the movie's
    start: int  # scene frame of the first picture
    end: int  # scene frame after the last one
    notice: str  # '' or sentences for the artist: what is not as one would expect
    off_colour: bool  # among them that it does not look like its file


@record
class ColourPlan:
    """How a clip is to be shown in a scene."""

    colorspace: str  # for the strip; '' leaves Blender's choice
    notice: str  # '' or why it does not look like its file


# ------------------------------------------------------------------------------------------------- scenes


def target_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene that takes the clip: the one the sequencer shows, else the window's."""
    return compat.sequencer_scene(context)


def show_scene(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """Let the sequencers show ``scene`` where they show none (Blender 5), so that the clip is seen."""
    compat.show_in_sequencer(context, scene)


def refusal(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """'' or a sentence: why nothing can be imported into ``scene`` now. Cheap enough for every tick."""
    if scene.library is not None or scene.override_library is not None:
        return f"The scene “{scene.name}” is linked from another file and cannot take strips."
    if bpy.app.is_job_running("RENDER") or bpy.app.is_job_running("OBJECT_BAKE"):
        return "The clip waits while Blender renders."
    for window in context.window_manager.windows:
        if window.screen.is_animation_playing or window.screen.is_scrubbing:
            return "The clip waits while the animation is playing."
        if any(operator.bl_idname.startswith(_MOVING) for operator in window.modal_operators):
            return "The clip waits while something is being moved."
    return ""


# ------------------------------------------------------------------------------------------------- import


def import_clip(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    path: str,
    *,
    frame: int,
    name: str,
    job_id: str,
    made_from_view: str,
) -> Landing:
    """Place the clip at ``path`` in the edit of ``scene``, starting at ``frame``, at true speed.

    ``made_from_view`` is the view transform that the clip's source came through, '' for none.
    The scene keeps its rate, size, view, range and playhead; other strips stay where they are.
    Raises ImportRefused.
    """
    clip = Clip(path, name, job_id, made_from_view)
    return bring_in(
        context, scene, clip, meta=meta_at(scene, frame), frame=frame, settle=settle_lowest
    )


def bring_in(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    clip: Clip,
    *,
    meta: Any,
    frame: int,
    settle: Callable[[Any, Any, Any], str],
) -> Landing:
    """Add a clip to ``meta``, or to the whole edit for None, with its first picture at ``frame``.

    ``settle(base, movie, sound)`` gives the new strips their place and says what is not as one would
    expect: they come on channels of ``base``, their owner, where nothing ever comes. Raises
    ImportRefused, and then leaves nothing.
    """
    if why := refusal(context, scene):
        raise ImportRefused(why)
    if not os.path.isfile(clip.path):
        raise ImportRefused(f"The clip {clip.path} is not there any more.")
    created = scene.sequence_editor is None
    editor = scene.sequence_editor or scene.sequence_editor_create()
    base = editor if meta is None else meta
    before = {strip.name for strip in compat.strips_all(editor)}
    try:
        movie, sound = _add(context, scene, base, clip.path, frame)
        plan = colour_plan(scene, clip.made_from_view)
        if plan.colorspace:
            movie.colorspace_settings.name = plan.colorspace
        notice = settle(base, movie, sound)
    except ImportRefused:
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
            strip.select = True
    editor.active_strip = movie
    start, end = compat.span(movie)
    return Landing(
        movie=movie.name,
        sound=sound.name if sound else "",
        channel=movie.channel,
        start=start,
        end=end,
        notice=" ".join(filter(None, (notice, plan.notice))),
        off_colour=bool(plan.notice),
    )


def _add(
    context: bpy.types.Context, scene: bpy.types.Scene, base: Any, path: str, frame: int
) -> tuple[Any, Any]:
    """The new movie strip and its sound strip or None, on channels where nothing ever comes.

    How long they are is known only when they are there. Raises ImportRefused, and may leave strips.
    """
    before = {strip.name for strip in compat.strips(base)}
    channel = _free_channels(base, frame, _FOREVER, 2)
    try:
        with (
            _looking_into(scene.sequence_editor, base),
            _no_proxies(context),
            _sequencer_context(context, scene),
        ):
            compat.add_movie(path, frame, channel)
    except RuntimeError as error:
        raise ImportRefused(f"Blender cannot read the clip {path}.") from error
    new = {s.type: s for s in compat.strips(base) if s.name not in before}
    if "MOVIE" not in new:
        raise ImportRefused(f"Blender finds no pictures in the clip {path}.")
    return new["MOVIE"], new.get("SOUND")


def strips_of(scene: bpy.types.Scene, job_id: str) -> list[Any]:
    """The strips of ``scene`` that came from a job, those inside meta strips too."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return [s for s in compat.strips_all(editor) if s.get(JOB_PROPERTY) == job_id]


def show_strips(context: bpy.types.Context, scene: bpy.types.Scene, job_id: str) -> bool:
    """Select the strips of a job and move the playhead to their start; False when there are none."""
    found = strips_of(scene, job_id)
    if not found:
        return False
    editor: Any = scene.sequence_editor  # there is one: it holds the strips that were found
    for strip in compat.strips_all(editor):
        strip.select = strip in found
    movie = next((strip for strip in found if strip.type == "MOVIE"), found[0])
    editor.active_strip = movie
    scene.frame_set(compat.span(movie)[0])
    show_scene(context, scene)
    return True


def strip_name(text: str) -> str:
    """``text`` as a strip's name: one line that fits, whole characters only."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(shown.split()) or "Grok Video"
    return line.encode()[:_NAME_BYTES].decode(errors="ignore").rstrip()


def meta_at(scene: bpy.types.Scene, frame: int) -> Any:
    """The meta strip that takes a clip at ``frame``: the one that is open, as Blender does; else None.

    A clip that begins outside of the open meta strip would never be seen in it.
    """
    editor = scene.sequence_editor
    if editor is not None and len(editor.meta_stack):
        meta = editor.meta_stack[-1]
        start, end = compat.span(meta)
        if start <= frame < end:
            return meta
    return None


@contextmanager
def _looking_into(editor: Any, base: Any) -> Iterator[None]:
    """Open the meta strip ``base``, or close all for the whole edit, for the time of the context."""
    shown = editor.meta_stack[-1] if len(editor.meta_stack) else editor
    if shown == base:
        yield
        return
    editor.display_stack(None if base == editor else base)
    try:
        yield
    finally:
        editor.display_stack(None if shown == editor else shown)


def taken_channels(
    base: Any, start: int, end: int, ignored: frozenset[str] = frozenset()
) -> set[int]:
    """The channels that are not free in [start, end), or locked or muted."""
    closed = {i for i, channel in enumerate(base.channels) if channel.lock or channel.mute}
    return closed | {s.channel for s in _strips_in(base, start, end, ignored)}


def covering_strips(
    base: Any, start: int, end: int, ignored: frozenset[str] = frozenset()
) -> list[Any]:
    """The strips that hide in [start, end), or in a part of it, what lies below them."""
    return [s for s in _strips_in(base, start, end, ignored) if s.type in _COVERING and not s.mute]


def _strips_in(base: Any, start: int, end: int, ignored: frozenset[str]) -> Iterator[Any]:
    for strip in compat.strips(base):
        first, after = compat.span(strip)
        if strip.name not in ignored and first < end and after > start:
            yield strip


def _free_channels(
    base: Any, start: int, end: int, need: int, ignored: frozenset[str] = frozenset()
) -> int:
    """The lowest of ``need`` channels that are free in [start, end), open, and not covered by a picture."""
    taken = taken_channels(base, start, end, ignored)
    covering = covering_strips(base, start, end, ignored)
    for first_try in (max((s.channel + 1 for s in covering), default=1), 1):
        for channel in range(first_try, MAX_CHANNEL + 2 - need):
            if not any(channel + i in taken for i in range(need)):
                return channel
    raise ImportRefused(NO_CHANNEL)


def settle_lowest(base: Any, movie: Any, sound: Any) -> str:
    """Bring the strips down to the lowest channels that are free for their whole length."""
    mine = [strip for strip in (sound, movie) if strip is not None]
    start = min(compat.span(strip)[0] for strip in mine)
    end = max(compat.span(strip)[1] for strip in mine)
    names = frozenset(strip.name for strip in mine)
    channel = _free_channels(base, start, end, len(mine), names)
    for i, strip in enumerate(mine):  # the sound below its picture, as Blender does
        if strip.channel != channel + i:
            strip.channel = channel + i
    return ""


@contextmanager
def _sequencer_context(context: bpy.types.Context, scene: bpy.types.Scene) -> Iterator[None]:
    """An override in which sequencer operators act on ``scene``.

    They need a sequencer's area: one in this window, else one in a screen that is not shown, else one
    that is borrowed and given back before anything is drawn.
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
    try:
        with context.temp_override(**override):
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
    """The area to borrow: a change of its type ends what is being typed or chosen in it."""

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


# ------------------------------------------------------------------------------------------------- colour


def colour_plan(scene: bpy.types.Scene, made_from_view: str) -> ColourPlan:
    """How a clip shows the colours of its file in ``scene``, and what is wrong where it cannot."""
    view = scene.view_settings
    name = view.view_transform
    space = _INVERSES.get(name, "")
    working = scene.sequencer_colorspace_settings
    if space and not compat.offers(working, "name", space):  # another OCIO configuration
        space = ""
    why = ""
    if extras := compat.view_extras(view):
        why = f"{' and '.join(extras)} of this scene change its colours"
    elif not space:
        why = f"the view transform “{name}” changes its colours, and nothing undoes that"
    elif working.name not in _WORKING_SPACES:
        why = f"the sequencer works in the colour space “{working.name}”"
    elif name in _NARROW and (made_from_view != name or name != "AgX"):
        why = f"“{name}” cannot show all colours that it may hold"
    return ColourPlan(space, f"The clip may not look like its file: {why}." if why else "")


def use_standard(scene: bpy.types.Scene) -> None:
    """Show ``scene`` in Standard with nothing on top, and its clips with the colours of their files.

    Raises ImportRefused where the OCIO configuration has no Standard.
    """
    space = _INVERSES["Standard"]
    if not (
        compat.offers(scene.view_settings, "view_transform", "Standard")
        and compat.offers(scene.sequencer_colorspace_settings, "name", space)
    ):
        raise ImportRefused("This Blender's colour configuration has no view transform “Standard”.")
    compat.plain_view(scene)
    if scene.sequence_editor is None:
        return
    for strip in compat.strips_all(scene.sequence_editor):
        if strip.type == "MOVIE" and JOB_PROPERTY in strip.keys():
            strip.colorspace_settings.name = space


# -------------------------------------------------------------------------------------------------- files


def clip_folder(blend: str, output_dir: Path) -> Path:
    """The folder for new clips: ``grok_video`` beside the .blend, else ``output_dir``.

    Else is: ``blend`` is '' because it was never saved, its folder cannot be written, or it lies in an
    asset library.
    """
    if not blend:
        return output_dir
    folder = Path(blend).parent / FOLDER
    libraries = bpy.context.preferences.filepaths.asset_libraries
    if any(library.path and folder.is_relative_to(library.path) for library in libraries):
        return output_dir
    return folder if _writable(folder if folder.exists() else folder.parent) else output_dir


def clip_path(folder: Path, when: datetime, prompt: str, job_id: str) -> Path:
    """``<date>_<slug>_<id8>.mp4`` in ``folder``, a name that no clip and no .json there has."""
    ascii_text = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", ascii_text).strip("-")[:40].rstrip("-") or "clip"
    stem = f"{when:%Y-%m-%d}_{slug}_{job_id[:8]}"
    return next(path for path in _names(folder, stem, ".mp4") if _is_free(path))


def _names(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    """``stem.mp4``, ``stem_2.mp4``, ``stem_3.mp4`` …"""
    yield folder / f"{stem}{suffix}"
    for count in itertools.count(2):
        yield folder / f"{stem}_{count}{suffix}"


def _is_free(path: Path) -> bool:
    return not path.exists() and not path.with_suffix(".json").exists()


def collect_clips(context: bpy.types.Context) -> tuple[int, list[str]]:
    """Copy the clips of this file into the folder beside it and let the strips use the copies.

    Returns how many clips were copied, and a sentence for each that could not be. Nothing is deleted,
    nothing is overwritten; clips that lie there already are only linked relatively.
    """
    if not bpy.data.filepath:
        return 0, ["The file has no folder yet. Save it first."]
    folder = Path(bpy.data.filepath).parent / FOLDER
    moved: dict[Path, Path | None] = {}  # None: could not be copied
    copied = 0
    sentences: list[str] = []
    for owner in _linked_clips():
        old = Path(os.path.realpath(bpy.path.abspath(owner.filepath)))
        if old not in moved:
            try:
                moved[old], fresh = _copy_clip(old, folder)
                copied += fresh
            except OSError as error:
                moved[old] = None
                sentences.append(f"{old} could not be copied: {error.strerror or error}.")
        new = moved[old]
        if new is not None:
            owner.filepath = bpy.path.relpath(str(new))
    return copied, sentences


def _linked_clips() -> Iterator[Any]:
    """Everything with a ``filepath`` that names a clip of ours: movie strips, and the sounds of strips."""
    for scene in bpy.data.scenes:
        if scene.library is not None or scene.sequence_editor is None:
            continue
        for strip in compat.strips_all(scene.sequence_editor):
            if JOB_PROPERTY not in strip.keys():
                continue
            if strip.type == "MOVIE":
                yield strip
            elif strip.type == "SOUND" and _is_local_file(strip.sound):
                yield strip.sound


def _is_local_file(sound: bpy.types.Sound | None) -> bool:
    return sound is not None and sound.library is None and sound.packed_file is None


def _copy_clip(old: Path, folder: Path) -> tuple[Path, bool]:
    """Copy a clip and its .json into ``folder``; the copy, and whether it is new. Raises OSError."""
    folder.mkdir(exist_ok=True)
    names = _names(folder, old.stem, old.suffix)
    new = next(path for path in names if _is_free(path) or _is_copy(path, old))
    if new.exists():
        return new, False
    _copy_whole(old, new)
    if old.with_suffix(".json").is_file():
        _copy_whole(old.with_suffix(".json"), new.with_suffix(".json"))
    return new, True


def _is_copy(path: Path, of: Path) -> bool:
    import filecmp  # here, as tempfile below: few sessions get to it, and Blender's start is waited for

    return path.exists() and filecmp.cmp(path, of, shallow=False)


def _copy_whole(old: Path, new: Path) -> None:
    """Copy a file under its name only when it is whole. Raises OSError."""
    part = new.with_name(f"{new.name}.part")
    try:
        shutil.copyfile(old, part)
        os.replace(part, new)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _writable(folder: Path) -> bool:
    """Whether a file can be made in ``folder``. Asked by making one: rights say little on Windows."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False

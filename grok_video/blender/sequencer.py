"""Strips: where a clip goes, at which rate, scale, length and colour, and where its file lies.

Owns the way of a finished clip into a scene's edit, and finding it again. What a strip knows of its job
is one custom property with the job's id: references to strips die on undo and reload, and a split or a
duplicate carries the id along, so it means *came from*. It knows nothing of the queue, of HTTP and of the
panel, and pushes no undo step: that is for the operator that calls it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import bpy

from . import compat

JOB_PROPERTY = "grok_video_job"
FOLDER = "grok_video"  # beside the .blend
MAX_CHANNEL = 128
_FOREVER = 2**31  # frames: beyond every strip
_NAME_BYTES = 59  # of Blender's 63, so that it can append .001

#: The colour space that undoes a view transform (measured, FACTS §2).
_INVERSES = {"Standard": "sRGB", "Filmic": "Filmic sRGB", "AgX": "AgX Base sRGB"}

#: Strips that cover what lies below them. Texts and adjustments belong on top of a clip.
_COVERING = frozenset({"MOVIE", "IMAGE", "SCENE", "MOVIECLIP", "MASK", "META", "COLOR"})


class ImportRefused(Exception):
    """A sentence for the artist; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a clip went."""

    movie: str  # name of the movie strip
    sound: str  # name of the sound strip; '' without sound
    channel: int  # the movie's
    start: int  # scene frame of the first picture
    end: int  # scene frame after the last one
    notice: str  # '' or a sentence for the artist: what is not right with its colours


@dataclass(frozen=True, slots=True)
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
        return "Blender is rendering. The clip comes in when that is done."
    for window in context.window_manager.windows:
        if window.screen.is_animation_playing or window.screen.is_scrubbing:
            return "The animation is playing. The clip comes in when it stops."
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
    if why := refusal(context, scene):
        raise ImportRefused(why)
    if not os.path.isfile(path):
        raise ImportRefused(f"The clip {path} is not there any more.")
    editor = scene.sequence_editor or scene.sequence_editor_create()
    base = _open_base(editor)
    before = {strip.name for strip in compat.strips_all(editor)}
    # How long the strips will be is known when they are there, so they start where nothing ever comes.
    channel = _free_channels(base, frame, _FOREVER, 2)
    try:
        with _sequencer_context(context, scene), _no_proxies(context):
            compat.add_movie(path, frame, channel)
    except RuntimeError as error:
        _remove_new(base, before)
        raise ImportRefused(f"Blender cannot read the clip {path}.") from error
    new = [strip for strip in compat.strips(base) if strip.name not in before]
    movie = next((strip for strip in new if strip.type == "MOVIE"), None)
    sound = next((strip for strip in new if strip.type == "SOUND"), None)
    if movie is None:
        _remove_new(base, before)
        raise ImportRefused(f"Blender finds no pictures in the clip {path}.")
    plan = colour_plan(scene, made_from_view)
    if plan.colorspace:
        movie.colorspace_settings.name = plan.colorspace
    movie.use_proxy = False
    _settle(base, movie, sound)
    title = strip_name(name)
    for strip in (movie, sound):
        if strip is not None:
            strip.name = title
            strip[JOB_PROPERTY] = job_id
            strip.select = True
    editor.active_strip = movie
    start, end = compat.span(movie)
    return Landing(movie.name, sound.name if sound else "", movie.channel, start, end, plan.notice)


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
    editor = scene.sequence_editor
    for strip in compat.strips_all(editor):
        strip.select = strip in found
    movie = next((strip for strip in found if strip.type == "MOVIE"), found[0])
    editor.active_strip = movie
    scene.frame_set(compat.span(movie)[0])
    show_scene(context, scene)
    return True


def strip_name(text: str) -> str:
    """``text`` as a strip's name: one line that fits, whole characters only."""
    line = " ".join(text.split()) or "Grok Video"
    return line.encode()[:_NAME_BYTES].decode(errors="ignore").rstrip()


def _open_base(editor: bpy.types.SequenceEditor) -> Any:
    """What the artist looks into: the meta strip that is open, else the whole edit."""
    return editor.meta_stack[-1] if len(editor.meta_stack) else editor


def _free_channels(
    base: Any, start: int, end: int, need: int, ignored: frozenset[str] = frozenset()
) -> int:
    """The lowest of ``need`` channels that are free in [start, end), open, and not covered by a picture."""
    busy: set[int] = set()
    lowest = 1
    for strip in compat.strips(base):
        first, after = compat.span(strip)
        if strip.name not in ignored and first < end and after > start:
            busy.add(strip.channel)
            if strip.type in _COVERING and not strip.mute:
                lowest = max(lowest, strip.channel + 1)
    closed = {i for i, channel in enumerate(base.channels) if channel.lock or channel.mute}
    for first_try in (lowest, 1):
        for channel in range(first_try, MAX_CHANNEL + 2 - need):
            if not any(channel + i in busy or channel + i in closed for i in range(need)):
                return channel
    raise ImportRefused("There is no free channel for the clip. Clear or unlock one.")


def _settle(base: Any, movie: Any, sound: Any) -> None:
    """Bring the strips down to the lowest channels that are free for their whole length."""
    mine = [strip for strip in (sound, movie) if strip is not None]
    start = min(compat.span(strip)[0] for strip in mine)
    end = max(compat.span(strip)[1] for strip in mine)
    names = frozenset(strip.name for strip in mine)
    channel = _free_channels(base, start, end, len(mine), names)
    for i, strip in enumerate(mine):  # the sound below its picture, as Blender does
        if strip.channel != channel + i:
            strip.channel = channel + i


def _remove_new(base: Any, before: set[str]) -> None:
    """Take back what a failed import left."""
    collection = compat.strips(base)
    for strip in [strip for strip in collection if strip.name not in before]:
        collection.remove(strip)


@contextmanager
def _sequencer_context(context: bpy.types.Context, scene: bpy.types.Scene) -> Iterator[None]:
    """An override in which sequencer operators act on ``scene``; borrows an area where there is none."""
    windows = context.window_manager.windows
    window = context.window or windows[0]
    areas = list(window.screen.areas)
    area = next((area for area in areas if area.type == "SEQUENCE_EDITOR"), None)
    borrowed = ""
    if area is None:
        area = max(areas, key=lambda a: a.width * a.height)
        borrowed = area.ui_type
        area.type = "SEQUENCE_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    try:
        with context.temp_override(**compat.sequencer_override(area, region, scene)):
            yield
    finally:
        if borrowed:
            area.ui_type = borrowed


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
    if not space:
        return ColourPlan(
            "",
            f"The view transform “{name}” changes the colours of the clip, and nothing undoes it.",
        )
    if name == "AgX" and made_from_view != "AgX":
        return ColourPlan(space, "The clip may hold colours that AgX cannot show.")
    return ColourPlan(space, "")


def use_standard(scene: bpy.types.Scene) -> None:
    """Show ``scene`` in Standard with nothing on top, and its clips with the colours of their files."""
    compat.plain_view(scene)
    if scene.sequence_editor is None:
        return
    for strip in compat.strips_all(scene.sequence_editor):
        if strip.type == "MOVIE" and JOB_PROPERTY in strip.keys():
            strip.colorspace_settings.name = "sRGB"


# -------------------------------------------------------------------------------------------------- files


def clip_folder(blend: str, output_dir: Path) -> Path:
    """The folder for new clips: ``grok_video`` beside the .blend where it can be written, else
    ``output_dir``. ``blend`` is '' when the file was never saved.
    """
    if not blend:
        return output_dir
    folder = Path(blend).parent / FOLDER
    return folder if _writable(folder if folder.exists() else folder.parent) else output_dir


def clip_path(folder: Path, when: datetime, prompt: str, job_id: str) -> Path:
    """``<date>_<slug>_<id8>.mp4`` in ``folder``, a name that no clip and no .json there has."""
    ascii_text = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", ascii_text).strip("-")[:40].rstrip("-") or "clip"
    stem = f"{when:%Y-%m-%d}_{slug}_{job_id[:8]}"
    path, count = folder / f"{stem}.mp4", 1
    while path.exists() or path.with_suffix(".json").exists():
        count += 1
        path = folder / f"{stem}_{count}.mp4"
    return path


def collect_clips(context: bpy.types.Context) -> tuple[int, list[str]]:
    """Copy the clips of this file into the folder beside it and let the strips use the copies.

    Returns how many were copied, and a sentence for each that could not be. Nothing is deleted.
    """
    return 0, []


def _writable(folder: Path) -> bool:
    """Whether a file can be made in ``folder``. Asked by making one: rights say little on Windows."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False

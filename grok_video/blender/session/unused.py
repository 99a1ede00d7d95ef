"""Takes that no strip uses: their list, their move into the folder "unused" beside the clips, and the way back.

Nothing is deleted. What an undo step holds cannot be read, so a clip that was used at any time since the file was opened
counts as used; handlers note that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.files import BLENDERS_PATIENCE, is_there, replace_patiently
from ...core.job import Job, State
from ...core.paths import spelling, with_real_folder
from ...core.record import record
from ...core.spec import Kind
from .. import compat, timeline
from ..refusal import Refused
from . import files
from .state import current, open_spellings, running

_LOOK_AFTER = 0.5  # seconds after a change: while something is dragged, changes come with every move of the mouse


@record
class Take:
    """A clip that nothing in this file uses."""

    job: Job
    size: int  # bytes, with the JSON beside the clip

    @property
    def price(self) -> int | None:
        """Ticks that the clip cost, or was to cost; None: not known."""
        return self.job.spec.estimate if self.job.cost is None else self.job.cost


def unused() -> list[Take]:
    """The takes of this file that nothing in it uses, or has used since it was opened, newest first. Raises Refused.

    Not offered: what another .blend is known to have imported, what a job is still to send, what waits for its import,
    and what does not lie in the folder beside the .blend. Looks at the disk: for presses.
    """
    if not bpy.data.filepath:
        raise Refused(
            "This file was never saved, so no take is known as its own.", "Save it first."
        )
    note_used()
    own, session = current().unused, current()
    folder = Path(bpy.data.filepath).parent / timeline.clip_files.FOLDER
    sizes = _sizes_in(folder)
    here = {spelling(str(folder)), spelling(with_real_folder(str(folder / "x"))[:-2])}
    sent = {
        spelling(path)
        for job in session.bridge.snapshot.active
        for _, path, _ in job.spec.sent_files
    }
    blends = open_spellings()
    found: list[Take] = []
    for job in session.bridge.snapshot.all:
        if job.state is not State.IMPORTED or job.clip is None or job.fetching:
            continue
        if job.spec.kind is Kind.LOOK:
            continue  # no take of a strip
        path = Path(job.clip.path)
        if (
            spelling(job.spec.target.blend) in blends
            and spelling(str(path.parent)) in here
            and sizes.get(path.name) == job.clip.size
            and all(spelling(blend) in blends for blend in job.imported_by)
            and job.id not in own.jobs
            and spelling(job.clip.path) not in own.paths | sent
        ):
            found.append(Take(job, job.clip.size + sizes.get(path.with_suffix(".json").name, 0)))
    return found


def _sizes_in(folder: Path) -> dict[str, int]:
    """Names of the files in a folder → their bytes; {} without the folder. Raises Refused."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Refused(f"The folder {folder} cannot be read: {error.strerror}.") from error


# -------------------------------------------------------------------------------------- what is used


def note_used() -> None:
    """Note every clip that is used just now: by strips of any scene, images, sounds and movie clips."""
    own = current().unused
    own.jobs.update(current().imports.told.keys() - own.earlier)
    for scene in bpy.data.scenes:
        if scene.sequence_editor is None:
            continue
        for strip in compat.strips_all(scene.sequence_editor):
            if strip.type in ("MOVIE", "SOUND"):
                own.jobs.add(timeline.strips.job_of(strip))
                if strip.type == "MOVIE":
                    own.paths.add(_spelled(strip.filepath, scene.library))
    for blocks in (bpy.data.sounds, bpy.data.movieclips, bpy.data.images):
        own.paths.update(_spelled(block.filepath, block.library) for block in blocks)


def _spelled(path: str, library: Any) -> str:
    return spelling(os.path.normpath(bpy.path.abspath(path, library=library))) if path else ""


@persistent
def _note(*_args: object) -> None:
    """Handler: what an undo, a redo or a save finds, and leaves, has been used."""
    if running() is not None:
        note_used()


@persistent
def _opened(*_args: object) -> None:
    """Handler: in another file other clips are used."""
    if running() is not None:
        own = current().unused
        own.paths.clear()
        own.jobs.clear()
        own.earlier.update(current().imports.told)
        note_used()


@persistent
def _changed(*_args: object) -> None:
    """Handler: something in a scene has changed, perhaps its strips."""
    timers = bpy.app.timers
    if running() is not None and not bpy.app.background and not timers.is_registered(look):
        timers.register(look, first_interval=_LOOK_AFTER)


def look() -> None:
    """Timer: note what is used after a change."""
    if running() is not None:
        note_used()


def _handlers() -> Iterator[tuple[list[Any], Any]]:
    on = bpy.app.handlers
    for handlers in (on.undo_pre, on.undo_post, on.redo_pre, on.redo_post, on.save_pre):
        yield handlers, _note
    yield on.load_post, _opened
    yield on.depsgraph_update_post, _changed


def register() -> None:
    """Note what is used from now on."""
    for handlers, handler in _handlers():
        handlers.append(handler)


def unregister() -> None:
    """Note no more."""
    for handlers, handler in _handlers():
        handlers.remove(handler)
    if bpy.app.timers.is_registered(look):
        bpy.app.timers.unregister(look)


# ------------------------------------------------------------------------------------ there and back


def put_away(job: Job) -> None:
    """Move a clip and its JSON into the folder "unused" beside them. Raises Refused, and then both are where they were.

    The clip first: wherever this ends, *Put Back* finds the clip, and the JSON in one of the two places.
    """
    assert job.clip is not None
    clip = Path(job.clip.path)
    target = files.unused_place(job.clip.path)
    try:
        target.parent.mkdir(exist_ok=True)
        _move(clip, target)
        try:
            _move_json(clip, target)
        except OSError:
            _move(target, clip)
            raise
    except OSError as error:
        raise Refused(
            f"{clip.name} could not be moved: {error.strerror or error}.",
            "It stays where it is. Nothing was deleted.",
        ) from error
    finally:
        files.look_now(job)


def put_back(job: Job) -> None:
    """Move a clip and its JSON back to their place. Raises Refused, and then the clip is where it was.

    The JSON first: as long as the clip lies in "unused", this can be done once more.
    """
    assert job.clip is not None
    clip = Path(job.clip.path)
    place = files.unused_place(job.clip.path)
    try:
        if is_there(clip):
            raise Refused(
                f"A file lies at the place of this clip already: {clip}.",
                f"The clip that was put away stays in {place.parent}.",
            )
        if not is_there(place):
            raise Refused(f"The clip is not in {place.parent} any more.", "Download Again is free.")
        _move_json(place, clip)
        _move(place, clip)
    except OSError as error:
        raise Refused(
            f"{clip.name} could not be moved back: {error.strerror or error}.",
            f"It stays in {place.parent}.",
        ) from error
    finally:
        files.look_now(job)


def _move(source: Path, target: Path) -> None:
    """Give a file another name; never over another file. Raises OSError, and then nothing was changed."""
    if is_there(target):
        raise FileExistsError(None, "another file of that name lies there", str(target))
    replace_patiently(source, target, BLENDERS_PATIENCE)


def _move_json(clip: Path, target: Path) -> None:
    """Move the JSON beside a clip after, or before, the clip; what lies there already stays, and both are kept."""
    json, there = clip.with_suffix(".json"), target.with_suffix(".json")
    if is_there(json) and not is_there(there):
        replace_patiently(json, there, BLENDERS_PATIENCE)

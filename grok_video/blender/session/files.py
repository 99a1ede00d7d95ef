"""The files of delivered clips: which are missing as far as was looked, and those that are fetched again.

A look is one ``stat``, after a panel was drawn that shows the clip, or at a press; never while something is drawn.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import bpy

from ...core.job import Job
from ...core.paths import spelling
from ...core.spec import Kind
from .. import timeline
from .queue import send
from .state import current, job_by_id, running
from .watch import redraw

UNUSED = "unused"  # folder beside clips for those that no strip uses
LOOK_AGAIN = 5.0  # seconds after which a file that is shown is looked at again
MOST_LOOKS = 16  # files looked at in one turn of the event loop
SLOW = 0.1  # seconds: a look that takes longer was at a disk that sleeps or a share that does not answer
PUT_OFF = 200.0  # times as long as a slow look took nothing in its folder is looked at again
_GONE, _UNKNOWN = -1, -2  # in place of a size


def lost(job: Job) -> str:
    """'gone', 'broken' (another size than came) or '': the clip's file, as it was last looked at. No look."""
    return _verdict(job, current().files.sizes.get(job.clip.path, _UNKNOWN) if job.clip else 0)


def is_gone(path: str) -> bool:
    """Whether the file was missing when it was last looked at. No look."""
    return current().files.sizes.get(path) == _GONE


def size_seen(path: str) -> int:
    """Bytes of a file when it was last looked at; below 0 where there was none, or nobody has looked. No look."""
    return current().files.sizes.get(path, _UNKNOWN)


def unused_place(path: str) -> Path:
    """Where the clip at ``path`` lies once *Remove Unused Takes* has put it away."""
    return Path(path).parent / UNUSED / Path(path).name


def is_put_away(job: Job) -> bool:
    """Whether the clip lies in the folder for unused takes, as it was last looked at. No look: panels call this."""
    if job.clip is None or lost(job) != "gone":
        return False
    place = str(unused_place(job.clip.path))
    show((place,))
    return size_seen(place) >= 0


def look_now(job: Job) -> str:
    """As ``lost``, after one look."""
    if job.clip is None:
        return ""
    _look_at(job.clip.path)
    verdict = lost(job)
    if verdict == "gone":
        _look_at(str(unused_place(job.clip.path)))
    return verdict


def _verdict(job: Job, size: int) -> str:
    if job.clip is None or size == _UNKNOWN:
        return ""
    if size == _GONE:
        return "gone"
    return "" if size == job.clip.size else "broken"


def show(paths: Iterable[str]) -> None:
    """Have the files that a panel shows looked at soon. No look: panels call this."""
    own = current().files
    now = time.monotonic()
    due = [path for path in paths if path and now >= _due_at(path)]
    own.shown.update(due)
    if due and not bpy.app.background and not bpy.app.timers.is_registered(look):
        bpy.app.timers.register(look, first_interval=0.1)


def _due_at(path: str) -> float:
    """The monotonic time from which on a file may be looked at again unasked."""
    own = current().files
    put_off = own.put_off.get(os.path.dirname(path), 0.0)
    return max(own.looked.get(path, -LOOK_AGAIN) + LOOK_AGAIN, put_off)


def look() -> float | None:
    """Timer: look at files that panels show; once more when there are many."""
    session = running()
    if session is None:
        return None
    own = session.files
    news = False
    for path in sorted(own.shown)[:MOST_LOOKS]:
        own.shown.discard(path)
        if time.monotonic() >= _due_at(path):
            news |= _look_at(path)
    if news:
        redraw()
        for window in bpy.context.window_manager.windows:
            for area in window.screen.areas:
                if area.type == "PROPERTIES":  # where Blender 5 shows a strip's source
                    area.tag_redraw()
    return 0.1 if own.shown else None


def _look_at(path: str) -> bool:
    """Look at a file; True when something else was seen than before."""
    own = current().files
    began = time.monotonic()
    try:
        size = os.stat(path).st_size
    except (FileNotFoundError, NotADirectoryError):
        size = _GONE
    except (OSError, ValueError):  # a folder that may not be read says nothing of its files
        size = _UNKNOWN
    before = own.sizes.get(path)
    now = time.monotonic()
    own.sizes[path], own.looked[path] = size, now
    if now - began > SLOW:  # Blender stood still meanwhile
        own.put_off[os.path.dirname(path)] = now + PUT_OFF * (now - began)
    return before != size


def fetch_again(job: Job) -> str:
    """Have the worker fetch the file of a delivered clip once more, for free; the command's id. Raises Refused."""
    command = send("fetch_again", job=job.id)
    current().files.awaited[job.id] = job.seq
    return command


def stop_fetching(job: Job) -> str:
    """Have the worker fetch the file no more; the command's id. Raises Refused."""
    return send("fetch_stop", job=job.id)


def came(context: bpy.types.Context) -> bool:
    """Let strips show what has come; True when one does. Nothing is changed under a render or under the mouse."""
    own = current().files
    for job in current().bridge.snapshot.open:
        if job.fetching:  # asked for by another Blender, or by an earlier one
            own.awaited.setdefault(job.id, job.seq)
    if not due() or timeline.importing.unsettled(context):
        return False
    shown = False
    for job_id in [job_id for job_id in own.awaited if _is_due(job_id)]:
        del own.awaited[job_id]
        job = job_by_id(job_id)
        assert job is not None
        if not look_now(job):
            shown |= show_clip(job) > 0
    return shown


def due() -> bool:
    """Whether a file that was awaited has come, or will not come."""
    return any(map(_is_due, current().files.awaited))


def _is_due(job_id: str) -> bool:
    job = job_by_id(job_id)
    return job is not None and not job.fetching and job.seq > current().files.awaited[job_id]


def show_clip(job: Job) -> int:
    """Let the strips of a job in this file show the clip where their own file is missing; how many show it."""
    assert job.clip is not None
    if job.spec.kind is Kind.LOOK:
        _read_again(job.clip.path)
    shown, renamed = timeline.media.show_again(job.id, job.clip.path)
    if renamed and not bpy.app.background:
        window = next(iter(bpy.context.window_manager.windows), None)
        with bpy.context.temp_override(window=window):
            bpy.ops.ed.undo_push(message="Download Again")
    return shown


def _read_again(path: str) -> None:
    """Let images read the picture at ``path`` that had none; what the artist has painted or packed stays."""
    for image in bpy.data.images:
        own = spelling(bpy.path.abspath(image.filepath, library=image.library))
        if own != spelling(path) or image.is_dirty or image.packed_file is not None:
            continue
        if not all(image.size):
            image.reload()

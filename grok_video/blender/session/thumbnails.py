"""The pictures beside jobs in lists: the still that was sent, then the first frame of the clip that came.

Owns Blender's previews of those that are shown. A picture is read by Blender's own thread for previews, and only once it
is drawn; a panel that draws asks for nothing but a number.
"""

from __future__ import annotations

import atexit
import functools
import time
from typing import Any

import bpy
import bpy.utils.previews

from ...core.job import Job
from ...core.spec import Kind
from . import files
from .state import current, running
from .watch import redraw

MOST = 48  # pictures that are kept, 256 KB each at most: two windows with every list of ours full
_AT_ONCE = 8  # pictures that are begun in one turn of the event loop
#: Seconds after which a picture that was begun is taken for read. Blender frees a preview that is let go of while its own
#: thread reads it, and crashes (measured, 5.2): it waits for one of two requests only.
_READING = 60.0

_Key = tuple[str, int, str]  # path, bytes, kind of Blender's preview


def icon_of(job: Job) -> int:
    """The number of a job's picture for ``template_icon``; 0 while there is none. No look: panels call this."""
    if bpy.app.background:
        return 0
    key = _picture_of(job)
    if key is None:
        return 0
    own = current().thumbnails
    found = own.loaded.pop(key, None)  # the last in the order
    if found is None:
        own.wanted[key] = None
        if not bpy.app.timers.is_registered(load):
            bpy.app.timers.register(load, first_interval=0.0)
        return 0
    own.loaded[key] = found
    return found[0].icon_id


def _picture_of(job: Job) -> _Key | None:
    """The best picture of a job whose file is there, as far as was looked."""
    spec = job.spec
    clip = job.clip.path if job.clip else ""
    made = "IMAGE" if spec.kind is Kind.LOOK else "MOVIE"
    pictures = (
        (str(files.unused_place(clip)) if files.is_put_away(job) else clip, made),
        (spec.image, "IMAGE"),
        (spec.video.path if spec.video else "", "MOVIE"),
    )
    files.show(path for path, _ in pictures)
    for path, kind in pictures:
        if path and (size := files.size_seen(path)) > 0:
            return path, size, kind
    return None


def load() -> float | None:
    """Timer: begin the previews that panels have asked for, and let go of those that were not asked for longest."""
    session = running()
    if session is None:
        return None
    own = session.thumbnails
    if own.previews is None:
        own.previews = bpy.utils.previews.new()
        # Blender frees the previews when it quits; Python would complain there of a collection that nobody emptied.
        atexit.register(dict[str, Any].clear, own.previews)
    previews = own.previews
    for key in list(own.wanted)[:_AT_ONCE]:
        del own.wanted[key]
        path, _, kind = key
        if key not in own.loaded:
            own.loaded[key] = previews.load(_name(key), path, kind), time.monotonic()
    for key in list(own.loaded)[: max(len(own.loaded) - MOST, 0)]:
        if time.monotonic() - own.loaded[key][1] > _READING:
            del own.loaded[key]
            del previews[_name(key)]
    redraw()
    return 0.0 if own.wanted else None


def _name(key: _Key) -> str:
    return "|".join(map(str, key))


def free() -> None:
    """Let go of every picture, when the add-on is disabled: of one that is just being read, later."""
    own = current().thumbnails
    previews: Any = own.previews
    own.previews = None
    newest = max((begun for _, begun in own.loaded.values()), default=0.0)
    own.loaded.clear()
    own.wanted.clear()
    if previews is None:
        return
    remove = functools.partial(bpy.utils.previews.remove, previews)
    if time.monotonic() - newest > _READING:
        remove()
    else:
        # When Blender quits, no timer comes any more: Blender ends its threads, and frees all previews itself.
        bpy.app.timers.register(remove, first_interval=_READING, persistent=True)

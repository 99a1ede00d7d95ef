"""Files that Blender has read, and whether they are others by now: a second Blender reads what lies there now.

Blender tells neither when it read a file nor that the file was changed since. A library is read when the .blend is
opened, when something is linked, and when it is reloaded: then its file is looked at. An image is read when it is first
shown, and reloaded without a sign: so an image whose file was written after the .blend was opened is in doubt.

Looking takes as long as the drive takes to answer, and goes on where the last look had no more time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.record import record
from .. import compat

#: Seconds that one look at the files of images may take; a single file on a drive that does not answer may take longer.
LOOKING_SECONDS = 0.02
#: Seconds for which what was seen of an image's file holds.
SEEN_SECONDS = 2.0

#: Modification time in nanoseconds and size in bytes; None: there is no file.
Stamp = tuple[int, int] | None


@record
class _Library:
    """A library as Blender has read it."""

    stamp: Stamp
    newest: int  # the highest session_uid at that time: what is read anew has higher ones


#: By the ``session_uid`` of libraries, which is another one each time a .blend is opened.
_libraries: dict[int, _Library] = {}
#: Seconds since the epoch at which the .blend was opened.
_opened = time.time()
#: What was seen of images' files, by path: (monotonic time of the look, whether the file is newer than the .blend's opening).
_seen: dict[str, tuple[float, bool]] = {}


def libraries() -> Iterator[tuple[bpy.types.Library, str]]:
    """Libraries that a second Blender would not find as this one read them, with a part of a sentence: 'is gone'."""
    newest = 0
    for library in bpy.data.libraries:
        if _is_packed(library):
            continue
        now = _stamp(bpy.path.abspath(library.filepath))
        read = _libraries.get(library.session_uid)
        if read is None or (now != read.stamp and _is_reloaded(library, read)):
            newest = newest or _newest()
            read = _libraries[library.session_uid] = _Library(now, newest)
        if now is None:
            yield library, "is gone"
        elif now != read.stamp:
            yield library, "was changed since it was read"


def images() -> list[bpy.types.Image]:
    """Images that this Blender has in its memory, and whose files were written or went since the .blend was opened."""
    asked = [(image, _path(image)) for image in bpy.data.images if _is_in_memory(image)]
    begun = time.monotonic()
    for path in sorted({path for _, path in asked}, key=lambda p: _seen.get(p, (0.0, False))[0]):
        now = time.monotonic()
        if now - begun > LOOKING_SECONDS:
            break
        if path not in _seen or now - _seen[path][0] > SEEN_SECONDS:
            _seen[path] = now, _is_newer(path)
    return [image for image, path in asked if _seen.get(path, (0.0, False))[1]]


def _is_packed(library: Any) -> bool:
    return library.packed_file is not None or getattr(library, "is_archive", False)


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


def _is_newer(path: str) -> bool:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return True
    # An older file that is put in the place keeps its time of modification, not that of its change or creation.
    return max(found.st_mtime, found.st_ctime) > _opened


def _is_reloaded(library: Any, read: _Library) -> bool:
    return all(block.session_uid > read.newest for block in library.users_id)


def _newest() -> int:
    """The highest ``session_uid`` of all datablocks."""
    highest = 0
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION" and prop.identifier != "all_ids":
            blocks: Any = getattr(bpy.data, prop.identifier)
            found = [0] * len(blocks)
            blocks.foreach_get("session_uid", found)
            highest = max(highest, *found, 0)
    return highest


def _is_in_memory(image: bpy.types.Image) -> bool:
    """Whether Blender may show pixels of an image that it has read from a file."""
    # Of images with frames it does not tell (measured).
    return (
        bool(image.users)
        and (
            image.source in ("SEQUENCE", "MOVIE")
            or (image.source in ("FILE", "TILED") and image.has_data)
        )
        and not image.is_dirty  # those count as unsaved
        and not image.packed_files
    )


def _path(image: bpy.types.Image) -> str:
    path = bpy.path.abspath(image.filepath, library=image.library)
    return path.replace("<UDIM>", str(image.tiles[0].number)) if image.source == "TILED" else path


@persistent
def _loaded(*_: object) -> None:
    """Handler: another file was opened."""
    global _opened
    _opened = time.time()
    _libraries.clear()
    _seen.clear()
    _linked()


@persistent
def _linked(*_: object) -> None:
    """Handler: something may have been linked or reloaded, which has read files just now."""
    if len(bpy.data.libraries) > len(_libraries) or compat.append_handlers():
        for _library in libraries():
            pass


def _handlers() -> list[list[Any]]:
    # 4.2 tells nobody that something was linked. Its scene changes then.
    return compat.append_handlers() or [bpy.app.handlers.depsgraph_update_post]


def register() -> None:
    bpy.app.handlers.load_post.append(_loaded)
    for handlers in _handlers():
        handlers.append(_linked)
    if not bpy.app.background:
        # Registering, Blender shows no data.
        bpy.app.timers.register(_linked, first_interval=0.0)


def unregister() -> None:
    if bpy.app.timers.is_registered(_linked):
        bpy.app.timers.unregister(_linked)
    for handlers in _handlers():
        handlers.remove(_linked)
    bpy.app.handlers.load_post.remove(_loaded)
    _libraries.clear()
    _seen.clear()

"""How large an image is, without a redraw that reads its file.

Blender reads and decodes the whole file when it is asked for the size of an image that was not shown yet: 60 ms for a
PNG of 1080p, seconds on a slow drive (measured, 4.2 and 5.3). A redraw leaves that to a timer, and goes without the size
until then. Presses and scripts read at once. Knows nothing of what images are for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy

_MOST = 1024  # images that cannot be read, and are known so
#: Whether a panel is being drawn just now.
_drawing = False
#: Blender's session_uid of the images whose size panels wait for, in that order.
_wanted: dict[int, None] = {}
#: session_uid and path of images that Blender could not read: it remembers so, and asks no drive any more.
_unread: set[tuple[int, str]] = set()


@contextmanager
def in_redraw() -> Iterator[None]:
    """Let ``size_of`` read no file inside."""
    global _drawing
    before, _drawing = _drawing, True
    try:
        yield
    finally:
        _drawing = before


def size_of(image: bpy.types.Image) -> tuple[int, int] | None:
    """Width and height in pixels, (0, 0) of an image that cannot be read; None in a redraw until it was read."""
    known = image.has_data or image.source == "GENERATED" or _key(image) in _unread
    if _drawing and not known:
        _wanted[image.session_uid] = None
        if not bpy.app.timers.is_registered(read_next):  # a file that is opened ends timers
            bpy.app.timers.register(read_next, first_interval=0.0)
        return None
    return image.size[0], image.size[1]


def read_next() -> float | None:
    """Timer: let Blender read one of the images that panels wait for."""
    if not _wanted:
        return None
    uid = next(iter(_wanted))
    del _wanted[uid]
    image = next((one for one in bpy.data.images if one.session_uid == uid), None)
    if image is not None and not all(image.size):
        while len(_unread) >= _MOST:
            _unread.pop()
        _unread.add(_key(image))
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()
    return 0.0 if _wanted else None


def _key(image: bpy.types.Image) -> tuple[int, str]:
    return image.session_uid, image.filepath

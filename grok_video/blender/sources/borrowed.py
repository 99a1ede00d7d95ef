"""The artist's own settings changed for a moment, and put back whatever happens.

Knows nothing of what they are changed for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import bpy

#: Settings that decide which values others can have: they are put back first.
_FIRST = ("media_type", "file_format", "color_mode", "color_depth", "format", "codec")


@contextmanager
def borrowed(owner: bpy.types.bpy_struct, names: Iterable[str] = ()) -> Iterator[None]:
    """Put settings of ``owner`` back at the end of the context, whatever happened to them.

    ``names`` of the settings; none: all plain ones. One that cannot be put back keeps no other from it.
    """
    before = [(name, getattr(owner, name)) for name in names or plain_names(owner)]
    try:
        yield
    finally:
        failed: Exception | None = None
        for name, value in before:
            try:
                if getattr(owner, name) != value:
                    setattr(owner, name, value)
            except (TypeError, AttributeError) as error:
                failed = error
        if failed is not None:
            raise failed


@contextmanager
def borrowed_output(output: bpy.types.RenderSettings) -> Iterator[None]:
    """Put the format of an output back at the end of the context."""
    # The format first, then ffmpeg's settings: 4.2 sets the container anew when the format becomes video (measured).
    movie = cast("bpy.types.FFmpegSettings", output.ffmpeg)
    with borrowed(movie), borrowed(output.image_settings):
        yield


def plain_names(owner: bpy.types.bpy_struct) -> list[str]:
    """The names of an owner's plain settings, in the order in which they can be set."""
    properties: Any = owner.bl_rna.properties
    names = [
        prop.identifier
        for prop in properties
        if not prop.is_readonly and prop.type not in {"POINTER", "COLLECTION"}
    ]
    return [n for n in _FIRST if n in names] + [n for n in names if n not in _FIRST]

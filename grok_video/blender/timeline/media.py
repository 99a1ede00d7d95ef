"""Strips that show the file of a clip: which file each names, and how they show it when it is there again.

Knows nothing of jobs beyond the id that a strip carries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import bpy

from ...core.paths import spelling
from ...core.still_movie import is_still_movie
from .. import compat
from .strips import JOB_PROPERTY, path_of


def file_of(strip: Any) -> str:
    """Absolute path of the file that a movie or sound strip plays; '' for other strips and for packed sounds."""
    owner = _owner(strip)
    return "" if owner is None else path_of(owner)


def show_again(job_id: str, path: str) -> tuple[int, bool]:
    """Let the strips of a job show the clip at ``path``, in every scene of this file.

    A strip that names ``path`` reads the file anew; one whose own file is missing names ``path`` from now on, and keeps
    its handles, cuts, effects and keys. Other strips stay as they are. Returns how many show the clip, and whether a
    strip names another file than before.
    """
    shown, renamed = 0, False
    done: set[Any] = set()
    for strip in _strips(job_id, path):
        owner = _owner(strip)
        if owner is None:
            continue
        own = path_of(owner)
        if not _same(own, path) and os.path.isfile(own):
            continue
        shown += 1
        if owner in done:  # the pieces of a cut sound share one block of data
            continue
        done.add(owner)
        renamed |= not _same(own, path)
        # Blender reads a file that was missing only when it is named, be it by the same name.
        owner.filepath = owner.filepath if _same(own, path) else named(path, owner.filepath)
    return shown, renamed


def _strips(job_id: str, path: str) -> Iterator[Any]:
    for scene in bpy.data.scenes:
        if scene.library is not None or scene.sequence_editor is None:
            continue
        for strip in compat.strips_all(scene.sequence_editor):
            # A slot becomes its clip as a whole (``slots.show``): by its file's name alone it would not fit.
            if strip.type not in ("MOVIE", "SOUND") or is_still_movie(file_of(strip)):
                continue
            if strip.get(JOB_PROPERTY) == job_id or _same(file_of(strip), path):
                yield strip


def _owner(strip: Any) -> Any:
    """What names the file of a strip: a movie strip itself, the sound of a sound strip; None where there is no file."""
    if strip.type == "MOVIE":
        return strip
    sound = strip.sound if strip.type == "SOUND" else None
    local = sound is not None and sound.library is None and sound.packed_file is None
    return sound if local else None


def _same(one: str, other: str) -> bool:
    return bool(one) and spelling(one) == spelling(other)


def named(path: str, like: str = "//") -> str:
    """``path`` as a strip names it: relative to the .blend where the strip's former file was, ``like``."""
    if like.startswith("//") and bpy.data.filepath:
        try:
            return bpy.path.relpath(path)
        except ValueError:  # Windows: on another drive
            pass
    return path

"""Where clips lie: the folder beside the .blend, their names, and how Collect Clips copies them there."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import bpy

from ...core import mp4
from ...core.files import (
    BLENDERS_PATIENCE,
    begin_anew,
    is_writable,
    open_given,
    read_file,
    replace_patiently,
)
from ...core.paths import room_for_clip, spelling
from ...core.spec import Clip
from .. import compat
from .strips import job_of

FOLDER = "grok_video"  # beside the .blend
LOOKS = "looks"  # in the folder of clips
_LONGEST_FACTS = 1 << 20  # bytes of the JSON beside a clip
_SHORTEST_SLUG = 4  # characters of the prompt in a clip's name


def clip_folder(blend: str, output_dir: Path | None) -> Path | None:
    """The folder for new clips: ``grok_video`` beside the .blend, else ``output_dir`` as it is given.

    ``output_dir`` where ``blend`` is '' (a file that was never saved), where its folder cannot be written, where that
    lies in an asset library, and where Blender could not read a clip in it. Raises OSError where nobody can tell.
    """
    if not blend or is_unreadable(blend):
        return output_dir
    folder = Path(blend).parent / FOLDER
    if is_too_deep(folder):
        return output_dir
    libraries = bpy.context.preferences.filepaths.asset_libraries
    below = Path(spelling(str(folder)))
    if any(lib.path and below.is_relative_to(spelling(lib.path)) for lib in libraries):
        return output_dir
    return folder if is_writable(folder if folder.exists() else folder.parent) else output_dir


def is_unreadable(path: str) -> bool:
    """Whether Blender cannot read a file at ``path``: it takes a backslash in a name for the end of a folder's name."""
    return os.sep != "\\" and "\\" in path


def is_too_deep(folder: Path) -> bool:
    """Whether Blender on Windows could not read a clip in ``folder``, be its name as short as it gets."""
    return room_for_clip(str(folder / f"2026-01-01_{'x' * _SHORTEST_SLUG}_01234567.mp4")) < 0


def clip_path(folder: Path, when: datetime, prompt: str, job_id: str, suffix: str = ".mp4") -> Path:
    """``<date>_<slug>_<id8>.mp4`` in ``folder``, a name that no clip and no .json there has.

    The slug has 40 characters at most, and fewer where Blender on Windows could not read so long a path.
    """
    ascii_text = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", ascii_text).strip("-")[:40].rstrip("-") or "clip"
    whole = folder / f"{when:%Y-%m-%d}_{slug}_{job_id[:8]}{suffix}"
    if (room := room_for_clip(str(whole))) < 0:
        slug = slug[: max(len(slug) + room, _SHORTEST_SLUG)].rstrip("-")
    stem = f"{when:%Y-%m-%d}_{slug}_{job_id[:8]}"
    return next(path for path in _names(folder, stem, suffix) if _is_free(path))


def _names(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    """``stem.mp4``, ``stem_2.mp4``, ``stem_3.mp4`` …"""
    yield folder / f"{stem}{suffix}"
    for count in itertools.count(2):
        yield folder / f"{stem}_{count}{suffix}"


def _is_free(path: Path) -> bool:
    return not path.exists() and not path.with_suffix(".json").exists()


def clip_beside(job_id: str) -> Clip | None:
    """The clip of a job in the folder beside the .blend, whoever made it: its JSON names the job. Looks at the disk."""
    if not bpy.data.filepath or len(job_id) < 8:
        return None
    folder = Path(bpy.data.filepath).parent / FOLDER
    try:
        names = sorted(n for n in os.listdir(folder) if n.endswith(".json") and job_id[:8] in n)
    except OSError:
        return None
    for name in names:
        with suppress(OSError, ValueError, AttributeError, mp4.NotAClip):
            told = json.loads(read_file(folder / name, _LONGEST_FACTS))
            if told.get("job") == job_id:
                return mp4.probe((folder / name).with_suffix(".mp4"))
    return None


def collect_clips(context: bpy.types.Context) -> tuple[int, list[str]]:
    """Copy the clips of this file into the folder beside it and let the strips use the copies.

    Returns how many clips were copied, and a sentence for each that could not be. Nothing is deleted,
    nothing is overwritten; clips that lie there already are only linked relatively.
    """
    if not bpy.data.filepath:
        return 0, ["The file has no folder yet. Save it first."]
    folder = Path(bpy.data.filepath).parent / FOLDER
    if is_unreadable(str(folder)):
        return 0, [f"Blender could not read clips in {folder}: there is a backslash in its name."]
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
            if not job_of(strip):
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
    # Here: few sessions collect clips, and at the top the import would delay Blender's start.
    import filecmp

    return path.exists() and filecmp.cmp(path, of, shallow=False)


def _copy_whole(old: Path, new: Path) -> None:
    """Copy a file under its name only when it is whole. Raises OSError."""
    part = new.with_name(f"{new.name}.part")
    try:
        with open_given(old) as source, begin_anew(part, private=False) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        replace_patiently(part, new, BLENDERS_PATIENCE)
    except OSError:
        part.unlink(missing_ok=True)
        raise

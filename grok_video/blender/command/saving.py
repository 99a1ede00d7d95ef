"""Where a subcommand saves the file with its clips: beside the file that was opened, so that nobody's work is written over."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path

import bpy

from ...core.files import is_there, is_writable
from .. import said
from ..refusal import Interrupted, Refused

_SUFFIX = "_clips"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say where the file is saved."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--output",
        metavar="FILE",
        help="the .blend that is written with the clips; default: NAME_clips.blend beside the open one, "
        "with a number where there is one already",
    )
    where.add_argument(
        "--in-place",
        action="store_true",
        help="save the file that is open itself; not if it has changed on the disk meanwhile",
    )


class Saving:
    """Where the open file will be saved, decided before anything is bought."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Raises Refused where nothing can be written there."""
        self._opened = Path(bpy.data.filepath)
        self._was = _state(self._opened)
        self._in_place: bool = args.in_place
        self._output = Path(os.path.abspath(args.output)) if args.output else None
        if self._output is not None and _is_same(self._output, self._opened):
            raise Refused("--output names the file that is open. Say --in-place to save that one.")
        folder = (self._output or self._opened).parent
        if not folder.is_dir() or not is_writable(folder):
            raise Refused(f"Nothing can be written into “{folder}”.", "Choose another --output.")

    def save(self) -> tuple[Path, str]:
        """Save; returns the file, and '' or a sentence why it is another one than was asked for. Raises Interrupted."""
        path, why = self._output or self._opened, ""
        if self._output is None and not self._in_place:
            path = _free(self._opened)
        elif self._in_place and _state(self._opened) != self._was:
            path = _free(self._opened)
            why = f"“{self._opened.name}” was changed meanwhile: the clips are in “{path.name}”."
        try:
            if path == self._opened:
                bpy.ops.wm.save_mainfile()
            else:
                bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
        except said.BLENDERS_ERRORS as error:
            raise Interrupted(
                f"“{path}” could not be written: {said.sentence(error)} The clips lie in their folder."
            ) from error
        return path, why


def _state(path: Path) -> tuple[int, int]:
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return 0, 0


def _is_same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one.samefile(other)
    return False


def _free(opened: Path) -> Path:
    """A name beside the opened file that nothing has."""
    number = 1
    while is_there(path := _named(opened, number)):
        number += 1
    return path


def _named(opened: Path, number: int) -> Path:
    count = f"_{number}" if number > 1 else ""
    return opened.with_name(f"{opened.stem}{_SUFFIX}{count}.blend")

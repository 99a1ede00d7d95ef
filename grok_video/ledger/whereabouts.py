"""Where the list of a folder went, and whence one is coming: notes beside the ledger, ``moved.json``, ``arriving.json``.

A list that has moved is bought from in its new folder only. Owns the notes and what they mean for whoever opens the
folder. It must not know SQLite.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..core.files import WORKERS_PATIENCE, read_file, write_whole
from ..core.job import Job, State
from ..core.record import record
from .errors import ARRIVING_HERE, MOVED_AWAY

MOVED = (
    "moved.json"  # in the old folder, from the moment on from which the list is the new folder's
)
ARRIVING = "arriving.json"  # in the new folder, while the list there is not to be used yet
STAYS = "The job list stays where it is:"
_LONGEST = 1 << 16  # bytes
_MOST_MOVES = 32  # of one list, followed from note to note


@record
class Note:
    """A note of a move. Both are empty for a note that cannot be read, which counts all the same."""

    folder: str  # the other folder
    move: str  # the move's id


def note_in(data_dir: Path, name: str) -> Note | None:
    """The note ``name`` of a folder; None without one. What lies in its place and is no note says so much as *moved*."""
    path = data_dir / name
    if not os.path.lexists(path):
        return None
    try:
        told: Any = json.loads(read_file(path, _LONGEST))
        folder, move = told["folder"], told["move"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Note("", "")
    good = isinstance(folder, str) and isinstance(move, str) and os.path.isabs(folder)
    return Note(folder, move) if good else Note("", "")


def write_note(data_dir: Path, name: str, folder: Path, move: str) -> None:
    """Write a note, which a power cut does not take back once this has returned. Raises OSError."""
    told = {"folder": str(folder), "move": move, "at": time.strftime("%Y-%m-%d %H:%M:%S %z")}
    data = json.dumps(told, indent=1).encode()
    write_whole(data_dir / name, data, durable=True, private=True, patience=WORKERS_PATIENCE)


def list_folder(data_dir: Path) -> str:
    """The folder in which the list of ``data_dir`` is, as far as notes tell; '' where no note tells."""
    if (arriving := note_in(data_dir, ARRIVING)) is not None:
        return arriving.folder
    folder = ""
    for _ in range(_MOST_MOVES):
        note = note_in(Path(folder) if folder else data_dir, MOVED)
        if note is None or not note.folder:
            break
        folder = note.folder
        # A list that is just coming back: the folder's own note is of the time when the list had left it.
        coming = note_in(Path(folder), ARRIVING)
        if coming is not None and coming.move == note.move:
            break
    return folder


def elsewhere(data_dir: Path) -> str:
    """'' or a sentence why the list in a folder is shown and never bought from."""
    folder = list_folder(data_dir) or "another folder"
    if note_in(data_dir, ARRIVING) is not None:
        return ARRIVING_HERE.format(folder=folder, note=ARRIVING)
    if note_in(data_dir, MOVED) is not None:
        return MOVED_AWAY.format(folder=folder, note=MOVED)
    return ""


def at_work(jobs: Iterable[Job]) -> str:
    """'' or a sentence which of the ``jobs`` keep their list where it is: what is sent, made or fetched."""
    working = (State.SUBMITTING, State.RUNNING, State.DOWNLOADING)
    found = [job for job in jobs if job.state in working or job.fetching]
    if not found:
        return ""
    words = " ".join(found[0].spec.prompt.split())[:40] or found[0].spec.short_id
    many = "1 clip is" if len(found) == 1 else f"{len(found)} clips are"
    return (
        f"{STAYS} {many} still being sent, made or fetched, such as “{words}”. Wait until that is done, or press Stop "
        "Tracking, and try again."
    )

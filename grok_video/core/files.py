"""Files of this program: written whole or not at all, read within bounds, in the user's data folder.

Knows nothing of what is in them.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

#: Seconds that a rename is tried again for, while a scanner of Windows holds the file: Blender draws nothing meanwhile.
BLENDERS_PATIENCE = 0.25
WORKERS_PATIENCE = 5.0
_PAUSE = 0.05  # seconds between two tries


class NoFile(OSError):
    """What lies at a path is nothing that this program has written: a pipe, a folder, a device, or too long."""


def default_data_dir() -> Path:
    """The user's data folder of the system: it outlives Blender versions and the extension."""
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "Grok Video"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Grok Video"
    # The XDG specification tells to ignore a relative path.
    given = os.environ.get("XDG_DATA_HOME", "")
    return (
        Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"
    ) / "grok_video"


def read_file(path: Path, most: int) -> bytes:
    """What is in a file of at most ``most`` bytes. Raises NoFile for anything else, OSError.

    Opening a pipe waits until somebody writes into it, and a device may never end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise NoFile(errno.EINVAL, "it is no file", str(path))
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NoFile(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


def write_whole(path: Path, data: bytes, *, durable: bool, private: bool, patience: float) -> None:
    """Let ``path`` hold ``data``, or after a failure or a crash what ``path`` held before: never a part of ``data``.

    ``durable``: on the disk before the old file goes, so that a power cut leaves the old one or the new one too. Takes
    as long as the disk takes: not for Blender's process. ``private``: for this user alone, else as the umask says.
    ``patience``: see ``replace_patiently``. Raises OSError, and then leaves nothing beside ``path``.
    """
    part = path.with_name(f"{path.name}.part")
    descriptor = _opened_anew(part, 0o600 if private else 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        replace_patiently(part, path, patience)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _opened_anew(part: Path, mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(part, flags, mode)
    except FileExistsError:
        part.unlink()  # left behind by a crash: opened again, the file would keep its old mode
        return os.open(part, flags, mode)


def replace_patiently(part: Path, path: Path, patience: float) -> None:
    """Put the whole file ``part`` in the place of ``path``. Raises OSError.

    On Windows whoever has ``path`` open, a virus scanner or an indexer, keeps it from being replaced for a moment:
    the rename is tried again for ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            os.replace(part, path)
            return
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE)


def make_private(folder: Path) -> None:
    """Make the data folder, for its user alone: ``mkdir(parents=True)`` gives its mode to the last part only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

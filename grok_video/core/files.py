"""Files that this program has written, read within bounds, and the user's data folder.

Knows nothing of what is in them.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path


class NoFile(OSError):
    """A pipe, a folder, a device, or too long: nothing that this program has written."""


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


def make_private(folder: Path) -> None:
    """Make the data folder, for its user alone: ``mkdir(parents=True)`` gives its mode to the last part only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

"""Whether what lies at the ledger's path is still what was opened there, told by ``stat`` alone.

Knows files by device and inode. It opens nothing: any open and close of the ledger but SQLite's drops SQLite's locks.
A process that has the ledger open writes into the file that it opened, wherever that went: what is at the path may be
another one by then, or nothing.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from ..core.files import is_there, make_private
from .errors import LOST
from .locks import is_held
from .schema import FILE_NAME

#: Lies in the data folder while a damaged ledger is put by, under the opening lock.
MENDING = "mending"

#: Device and inode of what lies at a path, and of the file that it leads to, which is another one for a link.
FileId = tuple[int, int, int, int]


def file_id(path: Path) -> FileId | None:
    """What lies at ``path``; None for nothing, or a link that leads nowhere. Raises OSError."""
    try:
        entry, file = os.lstat(path), os.stat(path)
    except FileNotFoundError:
        return None
    return entry.st_dev, entry.st_ino, file.st_dev, file.st_ino


def holds_list(data_dir: Path) -> bool:
    """Whether a list of clips can be opened or rebuilt in a folder. Raises OSError."""
    if file_id(data_dir / FILE_NAME) is not None:
        return True
    try:
        return any(entry.name.endswith(".jsonl") for entry in os.scandir(data_dir / "jobs"))
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_put_by(data_dir: Path) -> bool:
    """Whether a process is just putting a damaged ledger by, which Windows refuses while anybody has the file open.

    Not for the process that does so: it holds the lock that is asked for. Raises OSError.
    """
    return is_there(data_dir / MENDING) and is_held(data_dir / "opening.lock")


def session_lock(data_dir: Path, session: str) -> Path:
    """The file whose lock a Blender holds as long as its session lives, from its first command on."""
    return data_dir / "sessions" / f"{session}.lock"


class DataFolder:
    """The data folder as one process knows it. A folder that went away is not made anew in its place.

    An empty list in the place of one that was moved away would have no limits and nothing spent, and the folder could
    not be moved back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[int, int] | None = None  # device and inode, once a list was seen in it

    def note(self) -> None:
        """From here on this is the folder of the list. Raises OSError."""
        found = os.stat(self.path)
        self._known = found.st_dev, found.st_ino

    def is_known(self, path: Path) -> bool:
        """Whether ``path`` leads to the folder that was noted."""
        try:
            found = os.stat(path)
        except OSError:
            return False
        return self._known == (found.st_dev, found.st_ino)

    @property
    def lost(self) -> bool:
        """Whether the folder was moved, renamed or deleted: nothing, or a folder without a list, is at its path."""
        if self._known is None or self.is_known(self.path):
            return False
        try:
            return not holds_list(self.path)
        except OSError:  # a share that is not reached just now
            return True

    @property
    def trouble(self) -> str:
        """'' or a sentence that says that the folder is lost, where it went if that is near, and what to do."""
        return LOST.format(folder=self.path, now=self._now_called()) if self.lost else ""

    def _now_called(self) -> str:
        inode = self._known[1] if self._known else 0
        if (
            not inode
        ):  # a file system without inodes: any folder would look like the one that is looked for
            return ""
        with suppress(OSError):
            for entry in os.scandir(self.path.parent):
                if entry.inode() == inode and self.is_known(Path(entry.path)):
                    return f" It is called “{entry.name}” now."
        return ""

    def make(self) -> None:
        """Make the folder where there has been none yet. Raises OSError, also for a folder that is lost."""
        if self.lost:
            raise FileNotFoundError(
                errno.ENOENT, "its folder was moved, renamed or deleted", str(self.path)
            )
        make_private(self.path)

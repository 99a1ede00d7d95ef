"""Locks of the operating system on files: a process that holds a lock is alive, a dead one's is free.

Knows nothing of what a lock stands for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path
from typing import IO

from ..core.files import open_own
from .errors import LedgerUnwritable, unwritable

#: How often a lock's file is looked for anew, of which each time another one lies at the path.
_MOST_ROUNDS = 20


class FileLock:
    """An exclusive lock of the system on a file, held until ``release`` or the end of the process.

    Measured under SIGSTOP and SIGKILL: only a dead holder's lock is free. POSIX drops a process's locks on
    any close of the file, so a process never opens the lock file that it holds a second time.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self.path = path

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """The lock, or None when somebody else holds it.

        Raises OSError when the file cannot be made, and on a file system that tells no file from another.
        """
        for _ in range(_MOST_ROUNDS):
            file = open_own(path, "a+b")
            if not _lock(file):
                file.close()
                return None
            try:
                same = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
            except FileNotFoundError:
                same = False  # between open and lock somebody removed the file as a dead worker's
            if same:
                return cls(file, path)
            file.close()
        # Some drives of networks and clouds give a file another id at each look.
        raise OSError(errno.EIO, "its file system tells no file from another", str(path))

    @property
    def in_place(self) -> bool:
        """Whether the lock's file is still at its path, where others look for it."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path))
        except OSError:
            return False

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back. ``remove`` also deletes the file."""
        if remove:
            with contextlib.suppress(OSError):  # Windows: an open file stays until it is closed
                self.path.unlink()
        self._file.close()
        if remove:
            with contextlib.suppress(OSError):
                self.path.unlink()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        return True


def is_held(path: Path) -> bool:
    """Whether another living process holds the lock on ``path``. To ask about a lock of one's own would drop it."""
    if not path.exists():
        return False
    try:
        lock = FileLock.take(path)
    except OSError:
        return False
    if lock is None:
        return True
    lock.release()
    return False


def wait_for(path: Path) -> FileLock:
    """Take the lock on ``path``, waiting up to a minute for its holder. Raises LedgerUnwritable."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            lock = FileLock.take(path)
        except OSError as error:
            raise LedgerUnwritable(unwritable(path.parent, error.strerror or "")) from error
        if lock is not None:
            return lock
        if time.monotonic() > deadline:
            raise LedgerUnwritable(unwritable(path.parent, "another Blender is opening it"))
        time.sleep(0.02)

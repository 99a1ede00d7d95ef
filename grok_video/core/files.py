"""Files of this program: written whole or not at all, read within bounds, in the user's data folder.

Knows nothing of what is in them.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

#: Seconds that a rename is tried again for, while a scanner of Windows holds the file: Blender draws nothing meanwhile.
BLENDERS_PATIENCE = 0.25
WORKERS_PATIENCE = 5.0
_PAUSES = (
    0.005,
    0.05,
)  # seconds between two tries: at first, each is twice the one before, and at most
#: Whether a refusal may be over in a moment. On other systems it is about rights, and nothing is gained by a wait.
_OVER_IN_A_MOMENT = sys.platform == "win32"
# Windows has neither: links and pipes are told there by the look before the opening.
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_UNTIL_CLOSED = getattr(os, "O_TEMPORARY", 0)  # of Windows alone


class NoFile(OSError):
    """What lies at a path is nothing that this program has written: a pipe, a device, a folder, a link, too long."""


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


def open_own(path: Path, mode: str) -> IO[bytes]:
    """Open a file that only this program writes; ``mode`` as of ``open``, with ``b``. Raises NoFile, OSError.

    A link in its place is refused: what is written would land in somebody else's file. A new file is for this user
    alone where the folder is (see ``make_private``), else as the umask says.
    """
    return _opened(path, mode, links=False)


def open_given(path: Path) -> BufferedReader:
    """Open a file for reading that the artist or the service named, through links. Raises NoFile, OSError."""
    return cast(BufferedReader, _opened(path, "rb", links=True))


def _opened(path: Path, mode: str, *, links: bool) -> IO[bytes]:
    """A regular file. Opening a pipe waits until somebody else opens it too, and a device may never end."""

    def opener(name: str, flags: int) -> int:
        with suppress(FileNotFoundError):
            _refuse_no_file(
                path, os.stat(path, follow_symlinks=links)
            )  # opening alone rewinds a tape
        # Between the look and the opening another thing may have come into the file's place.
        descriptor = os.open(name, flags | _WITHOUT_WAITING | (0 if links else _NO_LINKS), 0o666)
        try:
            _refuse_no_file(path, os.fstat(descriptor))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    return open(path, mode, opener=opener)


def begin_anew(path: Path, *, private: bool) -> IO[bytes]:
    """Open a file of this program for writing, empty; what lies there is removed: a crash's, a pipe, a link.

    ``private``: see ``write_whole``. Raises OSError, also for a folder in its place.
    """

    def opener(name: str, flags: int) -> int:
        flags = (flags & ~os.O_TRUNC) | os.O_EXCL
        mode = 0o600 if private else 0o666
        try:
            return os.open(name, flags, mode)
        except FileExistsError:
            path.unlink()  # opened again, the file would keep its old mode
            return os.open(name, flags, mode)

    return open(path, "wb", opener=opener)


def new_folder(parent: Path, prefix: str) -> Path:
    """Make a folder with a name of its own in ``parent``, for this user alone. Raises OSError, at the first name.

    Not by ``tempfile``: where nothing may be written, Python 3.11 tries ``os.TMP_MAX`` names on Windows, two billion
    (https://github.com/python/cpython/issues/66305), and Blender's window stands still.
    """
    folder = _own_name(parent, prefix)
    folder.mkdir(mode=0o700)
    return folder


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in ``folder``: one is made and removed, as rights say little on Windows."""
    path = _own_name(folder, ".grok_video-")
    try:
        # Windows removes what somebody else, a scanner, has just opened too, once both have closed it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _UNTIL_CLOSED, 0o600)
        os.close(descriptor)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _own_name(folder: Path, prefix: str) -> Path:
    return folder / f"{prefix}{os.urandom(8).hex()}"


def _refuse_no_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NoFile(errno.EINVAL, "it is no file", str(path))


def is_there(path: Path) -> bool:
    """Whether anything lies at a path, a link to nowhere too. Raises OSError where that cannot be told."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_of_the_system(name: str) -> bool:
    """Whether a name in a folder of this program is none of its own: macOS writes ``._name`` beside each ``name``.

    So it does on disks and shares that keep no attributes of a file (exFAT, FAT, some of SMB), and takes both away at
    once: who goes through a list of names finds the second gone.
    """
    return name.startswith(".")


def size_of(path: Path) -> int:
    """Bytes of a file of this program; 0 when there is none, or something else in its place."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def read_file(path: Path, most: int) -> bytes:
    """What is in a file of this program, of at most ``most`` bytes. Raises NoFile for anything else, OSError."""
    with open_own(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise NoFile(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


def write_whole(path: Path, data: bytes, *, durable: bool, private: bool, patience: float) -> None:
    """Let ``path`` hold ``data``, or after a failure or a crash what ``path`` held before: never a part of ``data``.

    ``durable``: a power cut too leaves the old one or the new one, and the new one once this has returned. Takes as long
    as the disk takes: not for Blender's process. ``private``: for this user alone, else as the umask says.
    ``patience``: see ``replace_patiently``. Raises OSError, and then leaves nothing beside ``path``.
    """
    part = path.with_name(f"{path.name}.part")
    file = begin_anew(part, private=private)
    try:
        with file:
            file.write(data)
            file.flush()
            if durable:
                sync(file.fileno())
        replace_patiently(part, path, patience)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    if durable:
        sync_name(path)


#: How a file system says that a file cannot have a second name there.
_NO_SECOND_NAME = {
    errno.EPERM,
    errno.EACCES,
    errno.EINVAL,
    errno.EMLINK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
}


def create_whole(path: Path, data: bytes) -> bool:
    """Let ``path`` hold ``data``, on the disk once this has returned, unless anything lies there; whether it was made.

    Of all processes that try, on all computers that share the folder, one makes the file. Where the file system has no
    hard links, a crash may leave a part of ``data``. A network that loses an answer may let a file that was made look as
    one that was there: read ``path`` to know whose it is. Takes as long as the disk takes. Raises OSError.
    """
    part = _own_name(path.parent, f".{path.name}-")
    try:
        with begin_anew(part, private=False) as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_SECOND_NAME:
                raise
            if not _create(path, data):
                return False
    finally:
        with suppress(OSError):
            part.unlink()
    sync_name(path)
    return True


def _create(path: Path, data: bytes) -> bool:
    """``create_whole`` without hard links: NFS, SMB and each local disk make such a file once. Raises OSError."""
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666
        )
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
    except OSError:
        with suppress(OSError):
            path.unlink()  # ours, and nobody has been told of it
        raise
    return True


def sync(descriptor: int) -> None:
    """Let what was written to an open file be on the disk, when this returns. Raises OSError."""
    if sys.platform == "darwin":
        import fcntl

        # fsync(2) of macOS leaves the drive its own cache. A drive that knows no other way gets what there is: which
        # errors say so nobody lists (ENOTSUP, ENOTTY, …), and SQLite goes on after any of them too.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_file(path: Path) -> None:
    """Let a file that somebody wrote, and its name, outlive a power cut. What is no file is left alone.

    Raises OSError where the disk fails, and FileNotFoundError.
    """
    # FlushFileBuffers of Windows asks for the right to write.
    mode = "r+b" if sys.platform == "win32" else "rb"
    with _where_it_can_be(), _opened(path, mode, links=True) as file:
        sync(file.fileno())
    sync_name(path)


def sync_name(path: Path) -> None:
    """Let the name of ``path`` outlive a power cut, after a rename or the first write. Raises OSError.

    The name of a file is in its folder (fsync(2)). The folder's own name is synced too: whoever made the folder, an
    artist or Blender, did not.
    """
    for folder in (path.parent, path.parent.parent):
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Let the names in ``folder`` outlive a power cut. Raises OSError where the disk fails.

    A folder that cannot be synced is left as it is. On Windows each is: only a handle that Python does not give can
    flush a folder. NTFS logs renames in their order, and what the ledger's commit flushes is the log up to that commit.
    """
    if sys.platform == "win32":
        return
    with _where_it_can_be():
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)


#: Of what cannot be synced, by file systems of networks and FUSE, for folders that may be entered and not read, and for
#: files that somebody else has open on Windows.
_CANNOT = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EACCES,
    errno.EPERM,
    errno.EBADF,
}


@contextmanager
def _where_it_can_be() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


def replace_patiently(part: Path, path: Path, patience: float) -> None:
    """Put the whole file ``part`` in the place of ``path``. Raises OSError.

    On Windows whoever has one of the two open, a virus scanner or an indexer, keeps it from being renamed for a moment:
    the rename is tried again for ``patience`` seconds.
    """
    deadline = time.monotonic() + patience
    pause, longest = _PAUSES
    while True:
        try:
            os.replace(part, path)
            return
        except PermissionError:
            left = deadline - time.monotonic()
            if left <= 0 or not _OVER_IN_A_MOMENT:
                raise
            time.sleep(min(pause, left))
            pause = min(2 * pause, longest)


#: What a data folder holds that decides what is bought, and where this program writes.
_OWN = (
    *("inbox", "jobs", "workers", "sessions", "stills", "clips", "limits.json", "opening.lock"),
    *(
        "ledger.sqlite3",
        "ledger.sqlite3-journal",
        "worker.log",
        "moved.json",
        "arriving.json",
        "mending",
    ),
)


#: The mode of folders in the data folder, for whom that is. On Windows they inherit its rights: by 0o700 each would have
#: rights of its own from Python 3.11.10 on (gh-118486), and one that was made as administrator none for its user.
INSIDE = 0o777 if sys.platform == "win32" else 0o700


def make_private(folder: Path) -> None:
    """Make the data folder, for its user alone: ``mkdir(parents=True)`` gives its mode to the last part only.

    Raises OSError, and NoFile where everybody may write into the folder, and somebody has.
    """
    # What is made in a profile of Windows inherits that it is its user's, also when made as administrator.
    in_profile = sys.platform == "win32" and folder.is_relative_to(default_data_dir().parent)
    folder.mkdir(mode=INSIDE if in_profile else 0o700, parents=True, exist_ok=True)
    if name := next((name for name in _OWN if planted(folder / name)), ""):
        why = f"everybody may write into it, and what lies at “{name}” is a link or another user's"
        raise NoFile(errno.EPERM, why, str(folder))


def planted(path: Path) -> bool:
    """Whether somebody else may have put there what lies at ``path``: a link, or another user's file or folder.

    Only where everybody may write into its folder, so that an artist may link a folder of theirs to another disk.
    """
    if sys.platform == "win32":  # where the mode says nothing of rights
        return False
    try:
        around, found = os.stat(path.parent), os.lstat(path)
    except OSError:
        return False
    # A folder in the network may give all that its clients make to one user.
    ours = (os.geteuid(), around.st_uid)
    everybody = bool(around.st_mode & stat.S_IWOTH)
    return everybody and (stat.S_ISLNK(found.st_mode) or found.st_uid not in ours)

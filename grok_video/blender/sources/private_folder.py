"""The private folder of one piece of work: the files of a second Blender, or the pictures of a playblast.

Owns its making and its end, and the removal of those that crashes left behind. Knows nothing of what is in it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from ...core.files import begin_anew, new_folder

FOLDER_PREFIX = ".grok_video_bake-"
#: Seconds after which the folder of another piece of work counts as left behind by a crash, and is removed.
STALE_SECONDS = 24 * 3600.0
#: The file that a Blender has open for as long as the folder is its own: on Windows others see that.
_IN_USE = "in_use"
_EMPTY_SECONDS = (
    10.0  # after which an empty folder is nobody's: the first file in it takes milliseconds
)
#: Folders of this Blender that could not be removed: on Windows a process that is ending still has them open.
_left: set[Path] = set()


class PrivateFolder:
    """A folder for this user alone. ``path`` is there until ``remove()``."""

    def __init__(self, parent: Path) -> None:
        """Make the folder in ``parent``, which is made too. Raises OSError."""
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        self.path = new_folder(parent, FOLDER_PREFIX)
        try:
            self._in_use = begin_anew(self.path / _IN_USE, private=True)
        except OSError:
            self.path.rmdir()
            raise

    def keep(self) -> None:
        """Let no sweep take the folder for one that a crash left behind."""
        with suppress(OSError):
            os.utime(self.path)

    def remove(self) -> None:
        """Remove the folder with all that is in it. What Windows does not let go of stays for the next sweep."""
        self._in_use.close()
        shutil.rmtree(self.path, ignore_errors=True)
        if self.path.exists():
            _left.add(self.path)


def _sweep(parent: Path) -> None:
    """Remove the folders of work that crashes left behind, and those of this Blender that could not be removed."""
    for own in list(_left):
        shutil.rmtree(own, ignore_errors=True)
        if not own.exists():
            _left.discard(own)
    for old in parent.glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > STALE_SECONDS or _is_left(old):
                shutil.rmtree(old, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether a folder is known to be nobody's any more, young as it is. Raises OSError.

    On Windows a second Blender whose Blender is gone cannot remove what it has open itself, its log and its film. When
    it has ended too, nothing in the folder is open: a file that is open takes no name, not even its own, for Python and
    Blender open none with FILE_SHARE_DELETE (CreateFileW). An empty folder was made by another Blender just now, or its end was not
    let go of in time.
    """
    if sys.platform != "win32":
        return False  # there the second Blender removes everything
    inside = list(folder.rglob("*"))
    for path in inside:
        os.rename(path, path)
    return bool(inside) or time.time() - folder.stat().st_mtime > _EMPTY_SECONDS

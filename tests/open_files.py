"""Which files this process has open: on Windows nobody can rename those. Standard library only."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def keeps_open(path: Path) -> bool:
    """Whether this process has the file open; on Windows, whether anybody has who lets nobody rename it meanwhile."""
    if sys.platform == "win32":
        aside = path.with_name("aside")
        try:
            path.rename(aside)
        except PermissionError:
            return True
        aside.rename(path)
        return False
    return any(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())

"""Files that several hosts, and several processes of one, write at the same time: whole, and by one of them.

Knows nothing of what is in them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..core.files import WORKERS_PATIENCE, create_whole, replace_patiently, sync_name


def put_shared(path: Path, data: bytes) -> None:
    """Let ``path`` hold ``data``, on the disk once this has returned, whoever else writes it now. Raises OSError.

    ``write_whole`` has one name for the part of a file, which two writers would take from each other.
    """
    part = path.with_name(f".{path.name}-{os.urandom(8).hex()}.part")
    try:
        create_whole(part, data)
        replace_patiently(part, path, WORKERS_PATIENCE)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    sync_name(path)

"""What claims call a data folder: an id that is made once and lies in the folder.

Knows nothing of what else is in there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..core.files import create_whole, is_there, read_file
from .claims import ClaimTrouble

FILE = "farm.id"
_ID = re.compile(rb"[0-9a-f]{32}")


def name_of(data_dir: Path) -> str:
    """The id of the data folder, 32 hex characters; made where there is none. Raises ClaimTrouble.

    A copy of the folder has the same id: claims name the host as well.
    """
    path = data_dir / FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not is_there(path):
            create_whole(path, os.urandom(16).hex().encode())
        found = read_file(path, 64)
    except OSError as error:
        raise ClaimTrouble(
            f"The data folder {data_dir} cannot be named ({error.strerror or error}). Nothing was bought."
        ) from error
    if not _ID.fullmatch(found):
        raise ClaimTrouble(
            f"{path} is not of this program. Remove it, and run the task again. Nothing was bought."
        )
    return found.decode("ascii")

"""Other programs, started from Blender without the API key in their environment.

Blender's own ``wm.path_open`` hands the whole environment on, and on Linux waits for the program, which may be an
editor that is closed an hour later.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

KEY_VARIABLE = "XAI_API_KEY"


def child_environment() -> dict[str, str]:
    """Blender's environment without the API key."""
    # On Windows the names of variables come in any case.
    return {name: value for name, value in os.environ.items() if name.upper() != KEY_VARIABLE}


def how_it_ended(code: int) -> str:
    """What the exit code of a process says that was to go on: a part of a sentence, 'crashed (SIGSEGV)'.

    Windows has no signals: a crash ends with the NTSTATUS of its exception, an error of which is 0xC0000000 at least
    ([MS-ERREF] 2.3). Programs end with less, on other systems with 255 at most.
    """
    if code >= 0xC0000000:
        return f"crashed (0x{code:08X})"
    if code < 0:
        with suppress(ValueError):
            return f"crashed ({signal.Signals(-code).name})"
    return f"ended with an error ({code})"


def open_path(path: Path) -> None:
    """Let the system open a folder or a file in the program it has for that, without waiting for the program.

    Raises OSError when there is no such program.
    """
    if sys.platform == "win32":
        key = os.environ.pop(KEY_VARIABLE, None)
        try:
            # Windows shows a Blender from its Store other folders than all other programs have: this is the real path
            # of what that Blender calls AppData.
            os.startfile(os.path.realpath(path))
        finally:
            if key is not None:
                os.environ[KEY_VARIABLE] = key
        return
    subprocess.Popen(
        ["open" if sys.platform == "darwin" else "xdg-open", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=True,
    )

"""The worker's life as Blender sees it: started, told, started again after a crash, ended.

Owns the child process and the pipe to it. A key reaches the worker over this pipe and in no other way.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any

from ...core.record import record

#: Seconds before the worker is started again after its 1st, 2nd, … crash in a row.
RESTART_AFTER = (1.0, 4.0, 16.0, 60.0)
NO_LEDGER = 3  # the worker's exit code when it cannot open the ledger; its log says why
PACKAGE_FOLDER = Path(__file__).resolve().parents[2]


@record
class Account:
    """The (API base, key) pair in use and how often it may be asked."""

    base: str
    key: str = field(repr=False)
    fingerprint: str
    poll_interval: float  # seconds


def never_block(pipe: int) -> None:
    """Let writes to a full pipe fail instead of wait."""
    if sys.platform == "win32":
        # os.set_blocking() knows pipes on Windows from Python 3.12 on; Blender 4.2 to 5.0 have 3.11.
        import ctypes
        import msvcrt

        no_wait = ctypes.c_ulong(1)  # PIPE_NOWAIT
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(pipe))
        ctypes.windll.kernel32.SetNamedPipeHandleState(handle, ctypes.byref(no_wait), None, None)
    else:
        os.set_blocking(pipe, False)


@contextmanager
def no_sigpipe() -> Iterator[None]:
    """Let a write to a worker that is gone raise OSError, and not kill Blender.

    Python ignores SIGPIPE at its start, but not where a program embeds it in isolation: Blender 4.3 in a
    window dies of it (measured; 5.2 and the ``bpy`` module do not).
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE in signal.sigpending():
            signal.sigwait({signal.SIGPIPE})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def close_pipe(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:  # the other end is gone already
        return

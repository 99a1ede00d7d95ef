"""The worker's process: its start, its end, and what it must never do (dump core, keep the key in its environment)."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from ..ledger.errors import LedgerError
from .desk import Desk, write_log
from .worker import Worker


class Parent:
    """Blender, as the system knows it: our stdin outlives Blender when an add-on has forked it (measured)."""

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._handle: Any = None
        if sys.platform == "win32":
            import ctypes

            self._kernel = ctypes.windll.kernel32
            self._handle = self._kernel.OpenProcess(0x00100000, False, self._pid)  # SYNCHRONIZE

    def gone(self) -> bool:
        """Whether Blender has ended."""
        if sys.platform == "win32":
            return bool(self._handle) and self._kernel.WaitForSingleObject(self._handle, 0) == 0
        return os.getppid() != self._pid


def main(data_dir: Path, session: str, worker_id: str) -> int:
    """Be a worker until there is nothing to do. Returns the exit code: 0 in order, 3 without a ledger, 1 a bug."""
    old_umask = os.umask(0o077)
    os.environ.pop("XAI_API_KEY", None)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the key
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = Worker(Desk(data_dir, session, worker_id, old_umask), Parent())
    except LedgerError as error:
        write_log(data_dir, str(error))
        print(error, file=sys.stderr)
        return 3

    def terminated(_number: int, _frame: object) -> None:
        worker.end()

    signal.signal(signal.SIGTERM, terminated)
    try:
        return worker.run(sys.stdin.buffer)
    except BaseException:
        # To the log, which is redacted: the interpreter would print the exception to stderr, which nobody reads.
        worker.desk.log(traceback.format_exc())
        return 1

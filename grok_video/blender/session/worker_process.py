"""The life of the worker as Blender sees it: started, told, started again after a crash, ended.

Owns the child process and the pipe to it, and knows nothing of what the ledger holds. A key reaches the worker over
this pipe and in no other way.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import field
from pathlib import Path
from typing import Any

import bpy

from ...core.files import open_own
from ...core.record import record
from ...core.spec import new_id
from ...ledger.place import DataFolder
from ..processes import child_environment, how_it_ended

#: Seconds before the worker is started again after its 1st, 2nd, … crash in a row.
RESTART_AFTER = (1.0, 4.0, 16.0, 60.0)
NO_LEDGER = 3  # the worker's exit code when it cannot open the ledger; its log says why
LOG_BYTES = 4096  # of the log's end, in which a worker's last line is looked for
F_SETNOSIGPIPE = 73  # of macOS's <sys/fcntl.h>; Python 3.11 has no name for it
PACKAGE_FOLDER = Path(__file__).resolve().parents[2]


@record
class Account:
    """The (API base, key) pair in use and how often it may be asked."""

    base: str
    key: str = field(repr=False)
    fingerprint: str
    poll_interval: float  # seconds


class WorkerProcess:
    """The worker of this Blender: one at most, which ends when it has nothing left to do."""

    def __init__(self, folder: DataFolder, session: str) -> None:
        self.trouble = ""  # a sentence when the worker cannot be started, or crashed
        self._folder = folder
        self._data_dir = folder.path
        self._session = session
        self._process: subprocess.Popen[bytes] | None = None
        self._told: dict[str, Any] = {}
        self._crashes = 0  # crashes in a row
        self._not_before = 0.0  # monotonic time before which no other worker is started
        self._started_at = 0.0
        self._rests = False

    @property
    def alive(self) -> bool:
        """Whether the worker ran when ``look`` was last called."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The id of the worker's process; 0 without one."""
        return self._process.pid if self._process is not None else 0

    @property
    def crashes_on(self) -> bool:
        """Whether so many workers crashed in a row that a script should not wait for another."""
        return self._crashes >= len(RESTART_AFTER)

    def ensure(self, account: Account) -> None:
        """Start a worker if none runs, and tell the worker when key, base, pace or online access have changed."""
        if self._process is None:
            if self._rests or time.monotonic() < self._not_before or self._folder.lost:
                return
            self._start()
        # A key reaches the worker over this pipe and in no other way.
        self._tell_once(
            "account",
            {
                "type": "account",
                "base": account.base,
                "key": account.key,
                "account": account.fingerprint,
                "poll_interval": account.poll_interval,
            },
        )
        self._tell_once("online", {"type": "online", "online": bool(bpy.app.online_access)})

    def wake(self) -> None:
        """Have the worker look into the inbox now."""
        self._tell({"type": "wake"})

    def look(self) -> None:
        """Notice where the worker has ended, and whether it crashed."""
        process = self._process
        if process is None or process.poll() is None:
            return
        self._process = None
        if process.stdin is not None:
            _close_pipe(process.stdin)
        if process.returncode == 0:  # the worker had nothing left to do
            self._crashes = 0
            return
        if time.monotonic() - self._started_at > RESTART_AFTER[-1]:
            self._crashes = 0
        what = f"{how_it_ended(process.returncode)} and is started again."
        if process.returncode == NO_LEDGER:
            what = f"tries again. {self._last_words(process.pid)}"
        self._crashed(f"The background worker {what} Its log is {self._data_dir / 'worker.log'}.")

    def end(self) -> None:
        """Let the worker end, which first finishes a POST that is in flight; Blender does not wait for that."""
        self._tell({"type": "end"})
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            _close_pipe(process.stdin)
            # Without a return code Python would warn of a process that nobody waits for.
            process.returncode = process.poll() or 0

    def _last_words(self, pid: int) -> str:
        """The last line of a worker in the log: why it could not open the ledger."""
        with suppress(OSError), open_own(self._data_dir / "worker.log", "rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - LOG_BYTES, 0))
            for line in reversed(file.read(LOG_BYTES).decode("utf-8", "replace").splitlines()):
                if line.partition("] ")[0].endswith(f"[{pid}"):
                    return line.partition("] ")[2]
        return "It cannot use the list of clips; nothing is lost."

    def rest(self) -> None:
        """Let the worker end and start no other one, as the list is moved, before ``rest_no_more``."""
        self.end()
        self._rests = True

    def rest_no_more(self) -> None:
        """Start workers again when there is work."""
        self._rests = False

    def _start(self) -> None:
        new_group = 0
        if sys.platform == "win32":
            new_group = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        worker_id = new_id()
        try:
            self._folder.make()
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *bpy.app.python_args,
                    str(PACKAGE_FOLDER),
                    str(self._data_dir),
                    self._session,
                    worker_id,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # the worker keeps its own bounded, redacted log
                cwd=self._data_dir,
                env=child_environment(),
                creationflags=new_group,
                start_new_session=sys.platform != "win32",
            )
        except OSError as error:
            self._crashed(f"The background worker could not be started: {error.strerror}.")
            return
        self.trouble = ""
        self._told = {}
        self._started_at = time.monotonic()
        assert self._process.stdin is not None
        # Or a worker that does not read would hold up Blender's window.
        _never_block(self._process.stdin.fileno())
        _never_signal(self._process.stdin.fileno())

    def _crashed(self, sentence: str) -> None:
        wait = RESTART_AFTER[min(self._crashes, len(RESTART_AFTER) - 1)]
        self._crashes += 1
        self._not_before = time.monotonic() + wait
        self.trouble = sentence

    def _tell_once(self, topic: str, line: dict[str, Any]) -> None:
        if self._told.get(topic) != line and self._tell(line):
            self._told[topic] = line

    def _tell(self, line: dict[str, Any]) -> bool:
        """Write one line to the worker; False when there is none, or it does not read just now."""
        process = self._process
        if process is None or process.stdin is None:
            return False
        data = json.dumps(line).encode() + b"\n"
        try:
            # One write of a short line: the pipe takes all of it or nothing.
            with _no_sigpipe():
                return os.write(process.stdin.fileno(), data) == len(data)
        except (OSError, ValueError):  # the pipe is full or gone (on Windows EINVAL and ENOSPC)
            return False


def _never_block(pipe: int) -> None:
    """Let writes to the pipe fail instead of wait when it is full."""
    if sys.platform == "win32":
        # os.set_blocking() knows pipes on Windows from Python 3.12 on; Blender 4.2 to 5.0 have 3.11.
        import ctypes
        import msvcrt

        no_wait = ctypes.c_ulong(1)  # PIPE_NOWAIT
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(pipe))
        ctypes.windll.kernel32.SetNamedPipeHandleState(handle, ctypes.byref(no_wait), None, None)
    else:
        os.set_blocking(pipe, False)


def _never_signal(pipe: int) -> None:
    """Let writes to a pipe whose reader is gone fail on macOS as elsewhere, without SIGPIPE.

    Apple's kernel sends that signal to the process and not to the thread that writes (XNU, ``dofilewrite``): one of
    Blender's other threads would take what ``_no_sigpipe`` keeps from this one.
    """
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(pipe, F_SETNOSIGPIPE, 1)


@contextmanager
def _no_sigpipe() -> Iterator[None]:
    """Let a write to a worker that is gone raise OSError, and not kill Blender.

    Python ignores SIGPIPE at its start, but not where a program embeds Python in isolation: Blender 4.3 in a window
    dies of that signal (measured; 5.2 and the ``bpy`` module do not).
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


def _close_pipe(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:  # the worker is gone already
        return

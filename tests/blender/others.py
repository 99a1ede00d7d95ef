"""Other Blenders of the same artist, beside the one of the tests: started, told, stopped and killed.

    with Other.start(log, BLENDER_USER_RESOURCES=…) as other:
        other.do("enable()")                 Python in that Blender (see scripts/other.py for what is there)
        job = other.do("click()")            gives the value of an expression
        other.until("jobs()[0]['state'] == 'READY'")

Knows nothing of what the extension promises.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from ..patience import PATIENCE

SCRIPTS = Path(__file__).resolve().parent / "scripts"

#: The variable that says where a person's data folder is on this system, and the extension's folder in it.
DATA_HOME, DATA_NAME = {
    "win32": ("LOCALAPPDATA", "Grok Video"),
    "darwin": ("HOME", "Library/Application Support/Grok Video"),
}.get(sys.platform, ("XDG_DATA_HOME", "grok_video"))


def wait_for(what: Callable[[], Any], words: str, seconds: float = PATIENCE) -> Any:
    """The first true value of ``what``; fails with ``words`` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"waited for {words}"
        time.sleep(0.02)
    return value


def kill(pid: int) -> None:
    """End a process in the middle of whatever it does."""
    os.kill(
        pid, 9
    )  # SIGKILL has no name on Windows, where the process ends with this number as its code


if sys.platform == "win32":
    #: What ``os.kill`` is given for a crash (an access violation), and what is said of it.
    CRASH, CRASH_NAME = 0xC0000005, "0xC0000005"
    #: The exit code of a process that was killed.
    KILLED = 9

    @contextlib.contextmanager
    def _opened(pid: int, access: int) -> Iterator[ctypes.c_void_p]:
        ctypes.windll.kernel32.OpenProcess.restype = ctypes.c_void_p
        process = ctypes.c_void_p(ctypes.windll.kernel32.OpenProcess(access, False, pid))
        yield process
        ctypes.windll.kernel32.CloseHandle(process)

    def gone(pid: int) -> bool:
        """Whether a process has ended."""
        with _opened(pid, 0x00100000) as process:  # SYNCHRONIZE
            return not process or ctypes.windll.kernel32.WaitForSingleObject(process, 0) == 0

    def stop(pid: int) -> None:
        """Let a process stand still."""
        with _opened(pid, 0x0800) as process:  # PROCESS_SUSPEND_RESUME
            assert ctypes.windll.ntdll.NtSuspendProcess(process) == 0

    def go_on(pid: int) -> None:
        """Let a process that was stopped go on."""
        with _opened(pid, 0x0800) as process:
            assert ctypes.windll.ntdll.NtResumeProcess(process) == 0

else:
    CRASH, CRASH_NAME = signal.SIGSEGV, "SIGSEGV"
    KILLED = -signal.SIGKILL

    def gone(pid: int) -> bool:
        """Whether a process has ended; a child that nobody has waited for yet is waited for."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    def stop(pid: int) -> None:
        """Let a process stand still."""
        os.kill(pid, signal.SIGSTOP)

    def go_on(pid: int) -> None:
        """Let a process that was stopped go on."""
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """No call in here goes on for ever: it is interrupted as by Ctrl-C, but fails."""

    def hangs(_number: int, _frame: object) -> None:
        raise AssertionError("it waits for ever")

    def interrupt() -> None:
        if sys.platform == "win32":
            _thread.interrupt_main()  # once a call of the system that waits has returned
        else:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, hangs)
    alarm = threading.Timer(seconds, interrupt)
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()
        signal.signal(signal.SIGINT, before)


class Other:
    """One other Blender. What it prints goes into its log."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self.version = self._hear()

    @classmethod
    def start(cls, log: Path, *, python: str | Path = sys.executable, **environment: str) -> Other:
        """Start one, by default of this version, with further variables of the environment."""
        with open(log, "ab") as errors:
            process = subprocess.Popen(
                [str(python), str(SCRIPTS / "other.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                env=os.environ | environment,
            )
        return cls(process, log)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def tell(self, python: str) -> None:
        """Let it run some Python, and do not wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": python}) + "\n")
        self._process.stdin.flush()

    def do(self, python: str) -> Any:
        """Let it run some Python; the value of an expression."""
        self.tell(python)
        return self._hear()

    def until(self, expression: str, seconds: float = PATIENCE) -> Any:
        """Ask until the expression is true; its value."""
        return wait_for(lambda: self.do(expression), f"{expression}\n{self.log}", seconds)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(seconds)

    @property
    def log(self) -> str:
        """All that it printed."""
        return self._log.read_text("utf-8", "replace")

    def _hear(self) -> Any:
        assert self._process.stdout is not None
        watchdog = threading.Timer(PATIENCE, self._process.kill)  # the test fails then, and goes on
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        assert line, f"the other Blender ended, or took longer than {PATIENCE:g} s\n{self.log}"
        answer = json.loads(line)
        assert "error" not in answer, f"{answer['error']}\n{self.log}"
        return answer["value"]

    def close(self) -> None:
        """Let it end as a script ends; kill it when it does not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Other:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self.close()


def workers_gone(data_dir: Path, take: Callable[[Path], Any]) -> bool:
    """Whether no worker lives in that data folder; ``take`` is the extension's ``FileLock.take``."""
    for path in (data_dir / "workers").glob("*.lock"):
        try:
            lock = take(path)
        except PermissionError:
            if sys.platform != "win32":
                raise
            return False  # a file that was removed and that somebody has open still opens for nobody else
        if lock is None:
            return False
        lock.release()
    return True

"""The second Blender: a process in the background that does one piece of work and ends.

Owns its private folder, the order that is written for it, its start, its report, its end, and what an artist is told
when there is no file. Nothing here waits: ``poll()`` looks and goes. What the second Blender does stands in
``bake_child.py``; what is ordered, and what becomes of the file, with those who order (``bake.py``).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import bpy

from ...core.clock import awake
from ...core.files import open_own
from .. import said
from ..processes import child_environment, how_it_ended
from ..refusal import Interrupted
from .artist import arguments, runs_scripts
from .bake_common import ORDER, REPORT
from .private_folder import PrivateFolder

_END_SECONDS = 1.0  # a killed child is gone in milliseconds
_FULL = 1 << 20  # bytes: a disk with less is full
NOTHING_LOST = "Nothing was sent or charged."
#: What a log says when the graphics card had no memory for a second Blender: Blender, Cycles and drivers of all kinds.
_NO_MEMORY = re.compile(
    rb"out of (gpu |device |host |video )?memory|failed to allocate|"
    rb"(cuda|hip|optix)_?error_?(out_of_memory|memory_allocation)|vk_error_out_of_(device|host)_memory|"
    rb"gl_out_of_memory|insufficient memory|command ?buffer.*insufficient",
    re.IGNORECASE,
)
_LOG_END = 1 << 16  # bytes of the log that are searched
#: How much nicer than the artist's Blender the second one is: where both want the processor it gets a quarter of it.
#: With 10 the window's heartbeat was no steadier, and on a machine that others keep busy the child got a third of that.
_NICER = 5
_CHILD = Path(__file__).with_name("bake_child.py")

#: What a piece of work gives: a clip or a still.
Made = TypeVar("Made")


class Child(ABC, Generic[Made]):
    """One piece of work under way. Call ``poll()`` from a timer until it gives what was made or raises.

    ``cancel()`` at any time.
    """

    def __init__(self, path: Path, noun: str, steps: int) -> None:
        """Make the private folder beside ``path``, where the finished file will lie. Raises Interrupted.

        ``noun`` is what could not be prepared, in sentences; ``steps`` how many frames there are to report.
        """
        self.path = path
        self.progress = (0, steps)
        self._noun = noun
        self._made: Made | None = None
        self._failed = ""
        self._command: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0  # bytes of the report
        self._why = ""  # the child's own word of why there is no file
        self._log_known = 0  # bytes of the log that tell of what is over
        self._alive_at = awake()
        try:
            self._private = PrivateFolder(path.parent)
        except OSError as error:
            raise Interrupted(
                self._sentence(f"“{path.parent}” cannot be written ({error.strerror})")
            ) from error
        self._folder = self._private.path

    @property
    @abstractmethod
    def silent_seconds(self) -> float:
        """Seconds without a sign of life, of a machine that is awake, after which the child counts as hanging."""

    @abstractmethod
    def _collect(self) -> Made:
        """Check the child's file and move it to ``path``. Raises OSError, Interrupted (``_fail``)."""

    def _begin(self, write: Callable[[Path], dict[str, Any]], order: dict[str, Any]) -> None:
        """Write the .blend, by ``write``, and the order; raises Interrupted, and leaves nothing.

        ``write`` gives its part of the order: where it names a .blend that was written before, it writes none. The first
        ``poll()`` starts the child: Blender has its turn in between, and stands still for the writing only.
        """
        try:
            blend = self._folder / "edit.blend"
            order |= {"blend": "", "trusted": False} | write(blend)
            if blend.exists():
                order |= {"blend": str(blend), "trusted": runs_scripts()}
            (self._folder / ORDER).write_text(json.dumps(order), "utf-8")
            self._command = _command_line(order["blend"], trusted=order["trusted"])
        except (OSError, *said.BLENDERS_ERRORS) as error:
            self._finish()
            why = error.strerror if isinstance(error, OSError) else said.sentence(error)
            raise Interrupted(self._sentence(why or "Blender gave no reason")) from error
        except BaseException:
            self._finish()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the child. Raises OSError."""
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
            flags |= subprocess.BELOW_NORMAL_PRIORITY_CLASS
        with open(self._folder / "log", "wb") as log:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,  # never written to: the child ends when the pipe does
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=child_environment(),
                creationflags=flags,
                start_new_session=sys.platform != "win32",
            )
        _step_back(process.pid)
        self._alive_at = awake()
        return process

    # ------------------------------------------------------------------------------ while the child runs

    def poll(self) -> Made | None:
        """What was made, or None while the child makes it. Raises Interrupted.

        Whatever the end, the child and its files are gone afterwards.
        """
        if self._made is not None:
            return self._made
        if self._failed:
            raise Interrupted(self._failed)
        if self._process is None:
            try:
                self._process = self._start()
            except OSError as error:
                self._fail(f"a second Blender could not be started ({error.strerror})")
            return None
        code = self._process.poll()
        self._read_report()
        if code is None:
            if awake() - self._alive_at > self.silent_seconds:
                self._fail(f"Blender in the background did nothing for {self.silent_seconds:.0f} s")
            return None
        if code != 0:
            self._fail(self._ended(code))
        try:
            self._made = self._collect()
        except FileNotFoundError:
            self._fail("Blender wrote no file")
        except OSError as error:
            self._fail(f"“{self.path}” cannot be written ({error.strerror})")
        self._finish()
        return self._made

    def cancel(self) -> None:
        """End the work now: the child and all that it wrote are gone on return."""
        if self._made is None and not self._failed:
            self._failed = self._sentence("it was stopped")
        self._finish()

    def _read_report(self) -> None:
        try:
            with open_own(self._folder / REPORT, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:  # the child has not begun yet, or a scanner of Windows has the file
            return
        *lines, _unfinished = data.split(b"\n")
        for line in lines:
            self._read += len(line) + 1
            self._alive_at = awake()
            if line.isdigit():
                self.progress = (min(int(line), self.progress[1]), self.progress[1])
            elif line.startswith(b"{"):
                self._hear(json.loads(line))

    def _hear(self, word: dict[str, Any]) -> None:
        """Take in what the child says beside its frames: why there is no file."""
        self._why = word["failed"]

    # ------------------------------------------------------------------------------------------- the end

    def _sentence(self, why: str) -> str:
        return f"The {self._noun} could not be prepared: {why.rstrip('.')}. {NOTHING_LOST}"

    def _fail(self, why: str) -> NoReturn:
        """End the work for good: ``why`` is a part of a sentence for the artist. Raises Interrupted."""
        self._failed = self._sentence(self._disk() or why)
        self._finish()
        raise Interrupted(self._failed)

    def _disk(self) -> str:
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError:
            return ""
        return f"the disk of “{self.path.parent}” is full" if free < _FULL else ""

    def _ended(self, code: int) -> str:
        """Why there is no file, as a part of a sentence."""
        if self._lacked_memory():
            return "a second Blender needs more memory than is free, on the graphics card or in this computer"
        return self._why or f"Blender in the background {how_it_ended(code)}"

    def _lacked_memory(self) -> bool:
        with suppress(OSError), open_own(self._folder / "log", "rb") as log:
            log.seek(max(self._log_known, log.seek(0, os.SEEK_END) - _LOG_END))
            return _NO_MEMORY.search(log.read() + self._why.encode()) is not None
        return False

    def _finish(self) -> None:
        """End the child if it runs, and remove the private folder."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                with suppress(OSError):
                    if sys.platform == "win32":
                        process.kill()
                    else:
                        os.killpg(process.pid, signal.SIGKILL)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_END_SECONDS)
            if process.stdin is not None:
                process.stdin.close()
        self._private.remove()


def _command_line(blend: str, *, trusted: bool) -> list[str]:
    """How the child is started that does an order, with the file ``blend`` opened, if there is one."""
    if not bpy.app.binary_path:
        return [sys.executable, *bpy.app.python_args, str(_CHILD)]
    command = [bpy.app.binary_path, "-b", "--factory-startup", "--offline-mode"]
    # Before the file: Blender goes through its arguments in order.
    command += [*arguments(trusted=trusted), *([blend] if blend else [])]
    return [*command, "--python-exit-code", "1", "--python", str(_CHILD)]


def _step_back(pid: int) -> None:
    """Let a process that was just started, in a session of its own, come after the artist's Blender.

    From here and not by itself: on Linux a thread has a priority of its own, and Blender has threads before it runs any
    script.
    """
    if sys.platform == "win32":
        return  # a flag of its start
    with suppress(OSError):  # the child is gone already
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PGRP, pid, min(19, own + _NICER))
    # Linux may share the processor out between sessions first, and heed what is nice within each only then.
    with suppress(OSError), open(f"/proc/{pid}/autogroup", "r+b", buffering=0) as file:
        file.write(b"%d" % _NICER)

"""The process that moves the job list to another folder, as Blender sees it: started, looked at, told to stop.

Owns the child process and its report. Nothing here waits.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import bpy

from ...core.files import new_folder, open_own
from ..processes import child_environment, how_it_ended
from .worker_process import PACKAGE_FOLDER

#: Seconds in which a process that was told to stop does so, and one that is killed ends.
PATIENCE = 10.0


class MoveProcess:
    """One move under way. Call ``look`` from a timer until ``ended`` or ``failed`` has words. Raises OSError."""

    def __init__(self, source: Path, target: Path) -> None:
        # Blender has been open for days: macOS (dirhelper) and systemd remove what lay there untouched.
        Path(bpy.app.tempdir).mkdir(parents=True, exist_ok=True)
        self.target = target
        self.progress = (0, 0)  # files done, and of how many
        self.ended = ""  # what became of the list: a value of ``ledger.moving.Moved``
        self.failed = ""  # a sentence
        self._folder = new_folder(Path(bpy.app.tempdir), "grok-video-move-")
        self._report = self._folder / "report"
        self._read = 0  # bytes of the report
        self._kill_at = math.inf  # monotonic time
        new_group = 0
        if sys.platform == "win32":
            new_group = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        self._process = subprocess.Popen(
            [
                sys.executable,
                *bpy.app.python_args,
                str(PACKAGE_FOLDER),
                "--move",
                *map(str, (source, target, self._report)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=child_environment(),
            creationflags=new_group,
            start_new_session=sys.platform != "win32",
        )

    def look(self) -> bool:
        """Take in what the process has said since the last look; returns whether it has ended."""
        code = self._process.poll()  # before the report, whose last line the process writes last
        with suppress(FileNotFoundError), open_own(self._report, "rb") as file:
            file.seek(self._read)
            *lines, _unfinished = file.read().split(b"\n")
            for line in lines:
                self._read += len(line) + 1
                self._hear(json.loads(line))
        if code is None and not self._is_given_up():
            return False
        if not (self.ended or self.failed):
            killed = time.monotonic() >= self._kill_at
            what = "had to be ended" if code is None or killed else how_it_ended(code)
            self.failed = (
                f"The move of the job list {what}. Nothing is lost, and the list is whole."
            )
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        return True

    def _is_given_up(self) -> bool:
        """Whether a process that does not stop is waited for no longer: killed it leaves one list, at any moment."""
        now = time.monotonic()
        if now < self._kill_at:
            return False
        self._process.kill()
        if now < self._kill_at + PATIENCE:
            return False
        # On a share that is gone not even that ends it, but when it goes on it is at its end.
        self._process.returncode = -1
        return True

    def _hear(self, told: dict[str, object]) -> None:
        match told:
            case {"done": int(done), "of": int(of)}:
                self.progress = (done, of)
            case {"ended": str(words)}:
                self.ended = words
            case {"failed": str(words)}:
                self.failed = words

    def stop(self) -> None:
        """Let the process stop as soon as the list is whole in one folder: in the old one, unless it was too late."""
        self._kill_at = min(self._kill_at, time.monotonic() + PATIENCE)
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

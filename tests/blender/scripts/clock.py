"""A clock of the system that a test sets: wall time is off by the seconds that a file holds.

In a Blender of its own (``other.py``): ``use(file)``, before the extension starts a worker, which is then
started through this script: ``clock.py <file> <package folder> …``. Monotonic time is left alone: it is not
set with the clock, and on Linux and macOS it stands still while the machine sleeps.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def shift(file: str) -> None:
    """Let wall time in this process be off by what ``file`` says now and later."""
    real = time.time

    def now() -> float:
        return real() + float(Path(file).read_text("utf-8"))

    time.time = now
    time.time_ns = lambda: int(now() * 1e9)


def use(file: str, worker_process: Any) -> None:
    """Shift the clock of this Blender, and of the workers that its ``worker_process`` module starts."""
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    import patching  # not in a worker that is started through this script

    shift(file)

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        package = command.index(str(worker_process.PACKAGE_FOLDER))
        return subprocess.Popen([*command[:package], __file__, file, *command[package:]], **options)

    started = SimpleNamespace(**vars(subprocess) | {"Popen": start})
    patching.Patches().set(worker_process, "subprocess", started)


if __name__ == "__main__":
    shift(sys.argv[1])
    del sys.argv[:2]
    runpy.run_path(sys.argv[0], run_name="__main__")

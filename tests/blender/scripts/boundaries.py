"""Every boundary between what Blender puts down and what it does next, and its death at one of them.

For a Blender of its own (``other.py``). The product is not changed: Python itself tells of every file that
is made, renamed or removed and of every process that is started (audit events), so that a new one cannot be
missed; some functions are wrapped for the moments after. A boundary is a name such as 'rename inbox/submit';
the second one of a name ends in ' 2'.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy

sys.path.append(str(Path(__file__).resolve().parents[2]))

import patching

#: What is another one each time: the id of a job, and what ``core.files`` puts behind a dash in a name of its own.
_ID = re.compile(r"[0-9a-f]{32}|(?<=-)[0-9a-f]{16}")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Boundaries:
    """Tells the boundaries as they come (a line of ``record`` each) and dies at the one named ``die_at``.

    ``root``: the folder of everything that this Blender writes. ``both``: the worker dies first. ``save``:
    the file is saved as soon as the strip is there.
    """

    def __init__(
        self,
        module: Callable[[str], ModuleType],
        *,
        root: str,
        record: str,
        die_at: str = "",
        both: bool = False,
        save: bool = False,
    ) -> None:
        self._root = os.path.realpath(root)
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._die_at, self._both, self._save = die_at, both, save
        self._seen: Counter[str] = Counter()
        self._states: set[str] = set()
        self._command = ""
        self._worker: Any = None
        self._wrap(module)
        sys.addaudithook(self._audit)

    def at(self, name: str, before: Callable[[], object] = lambda: None) -> None:
        """Blender is at this boundary; ``before`` is done only if it dies here."""
        self._seen[name] += 1
        if self._seen[name] > 1:
            name = f"{name} {self._seen[name]}"
        if name != self._die_at:
            os.write(self._record, name.encode() + b"\n")
            return
        before()
        os.write(self._record, name.encode() + b"\n")  # the last of them
        if self._both and self._worker is not None:
            self._worker.kill()
        os.kill(os.getpid(), 9)  # SIGKILL, which has no name on Windows

    # ------------------------------------------------------------------------------ what Python tells of itself

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        match event:
            case "open" if arguments[2] & _WRITES:
                self._file("open", arguments[0])
            case "os.rename":
                if self._command and self._ours(arguments[0]):
                    self.at(f"half of inbox/{self._command}", lambda: _halve(arguments[0]))
                self._file("rename", arguments[0])
            case "os.remove" | "os.rmdir" | "os.truncate":
                self._file(event.removeprefix("os."), arguments[0])
            case "os.mkdir" if not os.path.isdir(arguments[0]):
                self._file("mkdir", arguments[0])
            case "subprocess.Popen":
                self.at("start of the worker")

    def _file(self, what: str, path: Any) -> None:
        if self._ours(path):
            self.at(f"{what} {self._called(path)}")

    def _ours(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.path.realpath(path).startswith(self._root)

    def _called(self, path: Any) -> str:
        name = os.path.relpath(os.path.realpath(path), self._root)
        if self._command and os.path.basename(os.path.dirname(name)) == "inbox":
            return f"inbox/{self._command}"
        return _ID.sub("*", name.replace(os.sep, "/"))

    # ------------------------------------------------------------------------------------- the moments after

    def _wrap(self, module: Callable[[str], ModuleType]) -> None:
        ledger = module("ledger.inbox")
        bridge_ = module("blender.session.bridge")
        worker_process = module("blender.session.worker_process").WorkerProcess
        still = module("blender.sources.pixels")
        patches = patching.Patches()

        def put(owner: Any, name: str, wrapped: Any) -> None:
            if owner is os:
                setattr(owner, name, wrapped)
            else:
                patches.set(owner, name, wrapped)

        def after(owner: Any, name: str, say: Callable[..., object]) -> None:
            function = getattr(owner, name)

            @wraps(function)
            def wrapped(*given: Any, **named: Any) -> Any:
                result = function(*given, **named)
                say(result, *given)
                return result

            put(owner, name, wrapped)

        def around(owner: Any, name: str, say: Callable[[str], object]) -> None:
            function = getattr(owner, name)

            @wraps(function)
            def wrapped(*given: Any, **named: Any) -> Any:
                say("before")
                result = function(*given, **named)
                say("after")
                return result

            put(owner, name, wrapped)

        command_put = ledger.put_command

        def put_command(folder: Path, command: str, **fields: Any) -> str:
            self._command = command
            try:
                return command_put(folder, command, **fields)
            finally:
                self._command = ""

        put(bridge_, "put_command", put_command)
        around(still, "write", lambda when: self.at(f"{when} the still"))
        around(module("blender.session.placing"), "place", self._placing)
        after(worker_process, "_start", lambda _, worker: self._started(worker))
        after(worker_process, "_tell", self._told)
        after(bridge_.Bridge, "tick", lambda _, bridge, *__: self._ticked(bridge))
        patches.check_copies()
        after(os, "open", lambda _, path, *__: self._done("opened", path))
        after(os, "replace", lambda _, path, *__: self._done("renamed", path))

    def _done(self, what: str, path: Any) -> None:
        if self._ours(path) and self._command:
            self.at(f"{what} inbox/{self._command}")

    def _started(self, worker: Any) -> None:
        self._worker = worker._process
        self.at("after the start of the worker")

    def _told(self, heard: bool, _worker: Any, line: dict[str, Any]) -> None:
        if heard:
            self.at(f"told {line['type']}")

    def _placing(self, when: str) -> None:
        if when == "after" and self._save:
            bpy.ops.wm.save_mainfile()
        self.at(f"{when} the strip")

    def _ticked(self, bridge: Any) -> None:
        for job in bridge.snapshot.all:
            state = str(job.state)
            if state == "READY" and job.claimed_by:
                state = "the claim granted"
            elif state == "SUBMITTING" and job.sent:
                state = "SENT"
            # Sent in no time, so it may be seen before that or not.
            if state not in {"QUEUED", "SUBMITTING"} | self._states:
                self._states.add(state)
                self.at(f"seen {state}")


def _halve(path: Any) -> None:
    """What a disk has of a file that was being written."""
    os.truncate(path, os.path.getsize(path) // 2)

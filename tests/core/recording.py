"""The worker as it is, with what reaches the disk recorded: ``python -I recording.py <data> <session> <worker>``.

In front of the worker's own entry stand a hook for each file that is opened, renamed or made, and marks around each
sync and each commit. With each commit a line says which files its events name, and which of those a power cut would
take: not synced since they were written, or under a name whose folder was not. Standard library only, and the product
is taken as it comes: its code is not touched.

``RECORD_LOG``: where the lines go. ``RECORD_PACKAGE``: another package than this checkout's. ``RECORD_DISKS``: a folder
of files, the disks under the worker, which are copied to ``<log>.<n>`` at each step that changed one: as they are at
that moment, their plug pulled.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import runpy
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_WRITING = os.O_WRONLY | os.O_RDWR
_OTHERS = ("blend",)  # fields that name a file which Blender writes and this program never reads


def files_in(value: Any, field: str = "") -> Iterator[Path]:
    """Every absolute path in an event's payload under which there is something."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from files_in(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from files_in(inner, field)
    elif isinstance(value, str) and field not in _OTHERS and os.path.isabs(value):
        path = Path(os.path.realpath(value))
        if path.is_file():
            yield path
            if path.suffix == ".mp4" and path.with_suffix(".json").exists():
                yield path.with_suffix(".json")


class Recorder:
    """What this process wrote, renamed and synced, and the lines of its commits."""

    def __init__(self, log: Path, data: Path, disks: str) -> None:
        self._log = open(log, "a", encoding="utf-8")  # noqa: SIM115 - as long as the process
        self._data = data.resolve()
        self._disks = Path(disks) if disks else None
        self._written: dict[Path, int] = {}  # file → step
        self._named: dict[Path, int] = {}  # file or folder → the step in which its name was given
        self._synced: dict[Path, int] = {}  # file or folder → step
        self._seen: dict[str, bytes] = {}
        self._step = 0
        self._guard = threading.RLock()
        self._inside = False

    def step(self, what: str, **more: Any) -> None:
        """Something happened: a line, and the disk as it is now."""
        self._step += 1
        if self._disks is not None:
            now = {path.name: path.read_bytes() for path in self._disks.iterdir()}
            if now != self._seen:
                self._seen = now
                copy = Path(f"{self._log.name}.{self._step}")
                copy.mkdir()
                for name, data in now.items():
                    (copy / name).write_bytes(data)
        print(json.dumps({"step": self._step, "what": what, **more}), file=self._log, flush=True)

    # -- what the system is asked for

    def heard(self, event: str, given: tuple[Any, ...]) -> None:
        """The audit hook: before a file is opened, renamed or made."""
        if event not in ("open", "os.rename", "os.mkdir") or isinstance(given[0], int):
            return
        with self._guard:
            if self._inside:
                return
            self._inside = True
            try:
                self._happened(event, given)
            finally:
                self._inside = False

    def _happened(self, event: str, given: tuple[Any, ...]) -> None:
        path = Path(os.path.realpath(os.fsdecode(given[0])))
        if event == "open":
            if not given[2] & _WRITING:
                return
            self._written[path] = self._step + 1
            if not path.exists():
                self._named[path] = self._step + 1
            return
        if event == "os.mkdir":
            if not path.exists():
                self._named[path] = self._step + 1
            return
        target = Path(os.path.realpath(os.fsdecode(given[1])))
        for known in (self._written, self._synced):
            known.pop(target, None)
            if path in known:
                known[target] = known.pop(path)
        self._named[target] = self._step + 1
        self.step(f"rename to {target.name}")

    def synced(self, descriptor: int) -> None:
        """After a sync."""
        with self._guard:
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            self._inside = True
            try:
                self._synced[path] = self._step + 1
                self.step(f"sync {path.name}")
            finally:
                self._inside = False

    # -- what is recorded

    def commits(self, happened: list[tuple[str, str, str]], tables: set[str]) -> None:
        """Before a commit of (job, kind, payload of an event) and of other tables."""
        with self._guard:
            self._inside = True
            try:
                self._commits(happened, tables)
            finally:
                self._inside = False

    def committed(self) -> None:
        """After it."""
        with self._guard:
            self._inside = True
            self.step("committed")
            self._inside = False

    def _commits(self, happened: list[tuple[str, str, str]], tables: set[str]) -> None:
        named = {path for _, _, text in happened for path in files_in(json.loads(text))}
        named |= {
            self._data / "jobs" / f"{job}.jsonl" for job, kind, _ in happened if kind in MONEY
        }
        if "limits" in tables and (self._data / "limits.json").exists():
            named.add(self._data / "limits.json")
        lacks = {str(path): lack for path in sorted(named) if (lack := self._lacks(path))}
        self.step(
            "commit",
            kinds=[kind for _, kind, _ in happened],
            tables=sorted(tables),
            named=sorted(map(str, named)),
            lacks=lacks,
        )

    def _lacks(self, path: Path) -> list[str]:
        """What is not on the disk yet of a file that is recorded as there."""
        lacks: list[str] = []
        for what, synced, changed in (
            ("content", path, self._written.get(path, 0)),
            ("name", path.parent, self._named.get(path, 0)),
            ("folder's name", path.parent.parent, self._named.get(path.parent, 0)),
        ):
            if self._synced.get(synced, -1) < changed:
                lacks.append(what)
        return lacks


#: Events of which the copy must be on the disk before the ledger has them; those of 0.1.0.
MONEY = frozenset(
    {"created", "submit_started", "sending", "submitted", "not_sent", "rejected", "answer_lost"}
    | {"done", "service_failed", "not_charged", "downloaded"}
)


class Watched(sqlite3.Connection):
    """A connection that tells the recorder what it commits."""

    recorder: Recorder
    happened: list[tuple[str, str, str]] = []
    tables: set[str] = set()

    def execute(self, sql: str, *given: Any) -> Any:
        if sql == "BEGIN IMMEDIATE":
            self.happened, self.tables = [], set()
        elif sql.startswith("INSERT INTO events("):
            job, _, _, kind, payload, _ = given[0]
            self.happened.append((job, kind, payload))
        if sql != "COMMIT" or not (self.happened or self.tables):
            return super().execute(sql, *given)
        self.recorder.commits(self.happened, self.tables)
        result = super().execute(sql, *given)
        self.recorder.committed()
        return result

    def executemany(self, sql: str, *given: Any) -> Any:
        if " INTO limits(" in sql:
            self.tables.add("limits")
        return super().executemany(sql, *given)


def main() -> None:
    """Put the recorder in place and be the worker."""
    package = Path(os.environ.get("RECORD_PACKAGE", ROOT / "grok_video"))
    recorder = Recorder(
        Path(os.environ["RECORD_LOG"]), Path(sys.argv[1]), os.environ.get("RECORD_DISKS", "")
    )
    sync = os.fsync

    def marked(file: Any) -> None:
        sync(file)
        recorder.synced(file if isinstance(file, int) else file.fileno())

    os.fsync = marked
    Watched.recorder = recorder
    sqlite3.connect = functools.partial(sqlite3.connect, factory=Watched)  # type: ignore[assignment]
    sys.addaudithook(recorder.heard)
    sys.argv[0] = str(package)
    with contextlib.suppress(ValueError):
        sys.path.remove(str(Path(__file__).parent))
    runpy.run_path(str(package / "__main__.py"), run_name="__main__")


if __name__ == "__main__":
    main()

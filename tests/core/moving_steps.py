"""The move of a list, cut at each of its steps: ``python -I moving_steps.py <folder> <list> <limit>``.

A step is a call of the system that outlives the process: a file that is opened for writing, renamed, removed or synced, a
folder that is made, and what SQLite is told. ``<list>`` is copied into the folder for each step; a process moves the copy
and is killed at that step, or, with a ``<limit>`` in bytes, every file that grows beyond the limit fails as on a full
disk. Output: for each cut move [step, versions, lists] of the old and the new folder, and of the move that was whole
the files that were not synced before the old list was given up.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from grok_video.ledger.errors import LedgerError
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.moving import move
from grok_video.ledger.place import holds_list
from grok_video.ledger.schema import FILE_NAME
from grok_video.ledger.whereabouts import MOVED

_WRITES = os.O_WRONLY | os.O_RDWR


class Steps:
    """Counts the steps of this process, which ends at one of them."""

    def __init__(self, last: int, new: Path) -> None:
        self.count = 0
        self._last = last
        self._new = new
        self.unsynced: set[str] = set()
        self.given_up: list[str] | None = None
        sys.addaudithook(self._heard)
        sync = os.fsync

        def marked(file: int) -> None:
            self._step()
            sync(file)
            self.unsynced.discard(os.readlink(f"/proc/self/fd/{file}"))

        os.fsync = marked

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(given[0], str) and given[2] & _WRITES:
            if str(self._new) in given[0] and not given[0].endswith(".lock"):
                self.unsynced |= {given[0], str(Path(given[0]).parent)}
            self._step()
        elif event in ("os.rename", "os.remove", "os.mkdir", "sqlite3.connect"):
            if event == "os.rename":
                if given[0] in self.unsynced:
                    self.unsynced |= {str(given[1])}
                self.unsynced.discard(str(given[0]))
                self.unsynced |= (
                    {str(Path(given[1]).parent)} if str(self._new) in given[1] else set()
                )
                if Path(given[1]).name == MOVED:
                    self.given_up = sorted(self.unsynced)
            self._step()

    def _step(self) -> None:
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(work: Any) -> Any:
    """The JSON that ``work`` gives in a process of its own; None when that was killed."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(write, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said) if said else None


def moved(old: Path, new: Path, last: int, limit: int) -> Any:
    """Move the list; [steps, what came of it, what was not synced]."""
    steps = Steps(last, new)
    if limit:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        words: str = move(old, new, lambda _done, _of: None)
    except LedgerError as error:
        words = str(error)
    return steps.count, words, steps.given_up


def version(folder: Path) -> int:
    """The version that every other process finds; 0 without a list."""
    path = folder / FILE_NAME
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file://{path}?mode=rw", uri=True)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def jobs_of(folder: Path) -> Any:
    """What a worker finds that opens the list: [jobs, spent, limit of the day]; None where it is refused."""
    if not holds_list(folder):
        return None
    try:
        ledger = Ledger.open(folder)
    except LedgerError:
        return None
    jobs = ledger.jobs()
    found = [sorted(job.id for job in jobs), sum(job.spent for job in jobs), ledger.limits().day]
    ledger.close()
    return found


def main(folder: Path, given: Path, limit: int) -> None:
    """Cut the move at each step, look, and do it again to its end."""
    found: list[Any] = []
    last, whole = 0, None
    while last == 0 or (limit == 0 and last <= whole[0]):
        old, new = folder / f"{last}" / "old", folder / f"{last}" / "new"
        shutil.copytree(given, old)
        came = in_a_child(lambda o=old, n=new, at=last: moved(o, n, at, limit))
        if last == 0:
            whole = came
        row = {"step": last, "came": came, "versions": [version(old), version(new)]}
        row["lists"] = in_a_child(lambda o=old, n=new: [jobs_of(o), jobs_of(n)])
        row["again"] = in_a_child(lambda o=old, n=new: moved(o, n, 0, 0))
        row["after"] = in_a_child(lambda o=old, n=new: [jobs_of(o), jobs_of(n)])
        row["left"] = sorted(
            path.name for path in new.iterdir() if path.name.endswith((".part", ".json"))
        )
        found.append(row)
        shutil.rmtree(old.parent)
        last += 1
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

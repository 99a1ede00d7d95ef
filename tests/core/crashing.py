"""The worker, killed at a boundary: a process that forks workers as they are and kills them at a named point.

``python -I crashing.py <socket's number>`` loads the package as its own entry does, puts marks around everything
that outlives a process (commits, lines of a journal, files, the steps of a call) and then forks a worker for each
request: that takes milliseconds where a new interpreter takes half a second. Each worker writes the points that it
passes into a log, and kills itself with SIGKILL at the one it was given; or something is done to its data folder
there, a ``deed``, and it goes on. Nothing of this is in the product.

On Windows nobody can be forked: ``python -I crashing.py <what "start" is told>`` is one worker, without deeds.

One JSON object a message, one at a time, each answered: ``{"do": "start", "data", "session", "worker", "log", "at":
[name, n], "deed"}`` with the descriptors of its stdin and stderr; ``{"do": "wait" | "poll", "pid"}``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import io
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))  # run by its path, with -I

import patching

#: Ends a process at once, whatever it is doing. On Windows its exit code is this number.
KILL = 9
LEDGER = "ledger.sqlite3"
BACKUP = "backup.sqlite3"  # beside the data folder: the ledger as it was when the job had been made
#: Seconds; a job that another Blender left behind waits ten before it is held, and three are given to other workers
#: when a ledger was opened again.
GRACE = 0.3

_WRITES = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM) (\w+)")


def delete(data: Path) -> None:
    os.unlink(data / LEDGER)


def rename(data: Path) -> None:
    os.rename(data / LEDGER, data / "ledger (old).sqlite3")


def copy(data: Path) -> None:
    """As a sync tool puts back what it has fetched."""
    shutil.copyfile(data / LEDGER, data / "new")
    os.rename(data / "new", data / LEDGER)


def over(data: Path) -> None:
    """As ``cp`` puts back a backup: into the open file, which stays where it is."""
    backup = data.with_name(BACKUP)
    shutil.copyfile(
        backup if backup.exists() else shutil.copy(data / LEDGER, backup), data / LEDGER
    )


def empty(data: Path) -> None:
    (data / "new").touch()
    os.rename(data / "new", data / LEDGER)


def link(data: Path) -> None:
    """As somebody does whose disk is small."""
    elsewhere = data.with_name("elsewhere.sqlite3")
    os.rename(data / LEDGER, elsewhere)
    os.symlink(elsewhere, data / LEDGER)


def folder(data: Path) -> None:
    """In the place of the ledger."""
    os.unlink(data / LEDGER)
    os.mkdir(data / LEDGER)


def away(data: Path) -> None:
    os.rename(data, data.with_name("moved"))


def swap(data: Path) -> None:
    """The whole folder gives way to a copy."""
    shutil.copytree(data, data.with_name("new"))
    away(data)
    os.rename(data.with_name("new"), data)


DEEDS = {
    deed.__name__: deed for deed in (delete, rename, copy, over, empty, link, folder, away, swap)
}


class Points:
    """The points that this process has passed, and the one where it ends, or where the deed is done."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._at = ("", 0)
        self._log = -1
        self._guard = threading.RLock()
        self._data = Path()
        self._deed: Callable[[Path], None] | None = None

    def begin(self, told: dict[str, Any]) -> None:
        """From here on they count."""
        name, number = told["at"]
        self._at = name, number
        self._data = Path(told["data"])
        self._deed = DEEDS.get(told.get("deed", ""))
        self._log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hit(self, name: str) -> None:
        """Pass a point, or end there."""
        with self._guard:
            self._seen[name] += 1
            os.write(self._log, f"{name}\n".encode())
            if self._deed is not None and name == "commit commands+created: after":
                in_a_child(shutil.copyfile, self._data / LEDGER, self._data.with_name(BACKUP))
            if self._at != (name, self._seen[name]):
                return
            if self._deed is not None:
                in_a_child(self._deed, self._data)
            else:
                os.kill(os.getpid(), KILL)
                time.sleep(60)  # until it has arrived

    def next_is(self, name: str) -> bool:
        """Whether it ends at the next ``hit`` of that name."""
        with self._guard:
            return self._at == (name, self._seen[name] + 1)


def in_a_child(deed: Callable[..., Any], *given: Path) -> None:
    """Do it in another process: whatever opens and closes the ledger in this one drops SQLite's locks."""
    pid = os.fork()
    if not pid:
        try:
            deed(*given)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


POINTS = Points()
hit = POINTS.hit
PATCHES = patching.Patches()


def around(
    owner: Any, name: str, label: str | Callable[..., str], sides: str = "before after"
) -> None:
    """Put a point before and after each call; ``label`` may be made of its arguments, '' is no point."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def marked(*given: Any, **named: Any) -> Any:
        what = label if isinstance(label, str) else label(*given)
        if what and "before" in sides:
            hit(f"{what}: before")
        result = original(*given, **named)
        if what and "after" in sides:
            hit(f"{what}: after")
        return result

    put(owner, name, marked)


def put(owner: Any, name: str, value: Any) -> None:
    """Put a mark in its place; a mark that the product would pass by ends this process with a sentence."""
    if patching.is_product(owner):
        PATCHES.set(owner, name, value)
    else:
        setattr(owner, name, value)


class Watched(sqlite3.Connection):
    """A connection whose commits are points, named by what they make certain."""

    what: list[str] = []

    def execute(self, sql: str, *given: Any) -> Any:
        if sql == "BEGIN IMMEDIATE":
            self.what = []
        elif found := _WRITES.match(sql):
            name = given[0][3] if found[1] == "events" else found[1]
            if name not in ("jobs", *self.what) and not (name == "leases" and self.what):
                self.what.append(name)
        if sql != "COMMIT":
            return super().execute(sql, *given)
        label = "+".join(self.what) or "nothing"
        hit(f"commit {label}: before")
        result = super().execute(sql, *given)
        hit(f"commit {label}: after")
        return result


class PartFile:
    """The file of a download, with a point at each chunk; what was written has left the process."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, chunk: bytes) -> int:
        hit("chunk of the clip: before")
        written = self._file.write(chunk)
        self._file.flush()
        hit("chunk of the clip: after")
        return written


def mark(core: Any) -> None:
    """Put the points into the modules of the product."""
    journal, locks, commands = core("ledger.journal"), core("ledger.locks"), core("ledger.commands")
    store, leases = core("ledger.store"), core("ledger.leases")
    transport, call, body = (
        core("worker.http.transport"),
        core("worker.http.call"),
        core("worker.http.body"),
    )
    worker, delivery = core("worker.worker"), core("worker.delivery")
    call_log = core("worker.call_log")
    real_connect = sqlite3.connect
    sqlite3.connect = functools.partial(real_connect, factory=Watched)  # type: ignore[assignment]

    write_line = journal.Journals.write

    def marked_line(self: Any, job_id: str, line: str, *, synced: bool) -> Any:
        kind = json.loads(line)["kind"]
        hit(f"journal {kind}: before")
        if POINTS.next_is(f"journal {kind}: inside"):
            write_line(self, job_id, line[: len(line) // 2], synced=synced)
        hit(f"journal {kind}: inside")
        marks = write_line(self, job_id, line, synced=synced)
        hit(f"journal {kind}: after")
        return marks

    put(journal.Journals, "write", marked_line)

    def removed(path: Path, *_: Any) -> str:
        if path.parent.name == "inbox":
            with contextlib.suppress(OSError, ValueError):
                return f"unlink {json.loads(path.read_bytes())['command']}"
        return f"unlink {path.suffix}"

    around(pathlib.Path, "unlink", removed)
    around(pathlib.Path, "touch", lambda path, *_: f"touch {path.suffix}")
    around(os, "replace", lambda _, target: f"replace {Path(target).suffix.partition('-')[0]}")

    def lock_of(path: Path) -> str:
        return "the opening" if path.stem == "opening" else "a worker"

    take = locks.FileLock.take.__func__

    def taken(cls: Any, path: Path) -> Any:
        lock = take(cls, path)
        hit(f"lock of {lock_of(path)}: after")
        return lock

    put(locks.FileLock, "take", classmethod(taken))
    around(locks.FileLock, "release", lambda lock, **_: f"unlock {lock_of(lock.path)}")

    around(transport.Transport, "post", "POST")
    around(transport.Transport, "get", "poll")
    around(transport.Transport, "download", "download")

    def asked(_: Any, method: str, url: str, **__: Any) -> str:
        return "POST" if method == "POST" else "poll" if "/v1/" in url else "download"

    send = call.Session.request

    def request(self: Any, method: str, url: str, **options: Any) -> Any:
        answer = send(self, method, url, **options)
        hit(f"{asked(self, method, url)}: the answer begins")
        return answer

    put(call.Session, "request", request)
    around(call.Call, "adopt", "connection", "after")

    parts = body.Body.__iter__

    def chunks(self: Any) -> Iterator[bytes]:
        left = len(self)
        for chunk in parts(self):
            left -= len(chunk)
            what = "part of the body" if left else "last byte"
            hit(f"{what}: before")
            yield chunk
            hit(f"{what}: after")

    put(body.Body, "__iter__", chunks)

    copy = transport.Transport._copy

    def copied(self: Any, response: Any, file: Any, *given: Any) -> None:
        copy(self, response, PartFile(file), *given)

    put(transport.Transport, "_copy", copied)

    around(delivery.mp4, "probe", "probe")
    around(delivery.picture_file, "probe", "probe")
    around(delivery.kept_answer, "keep", "keeping the answer")
    around(delivery, "prepare_folder", "clip's folder")
    around(delivery, "already_there", "look for the clip")
    around(delivery, "write_sidecar", "sidecar")
    around(worker.Worker, "_finished", lambda _, call: f"end of a {call.kind}")
    around(worker.Worker, "_leave", "leaving")
    around(worker.Worker, "_close", "closing")
    around(worker.Worker, "_set_account", "account")
    around(call_log.CallLog, "sends", "log of a POST")
    around(call_log.CallLog, "answered", "log of an answer")
    around(leases.Leases, "register", "registering")
    around(core("ledger.ledger"), "rebuild", "rebuilding")
    around(store.Store, "renew_journal", "renewing a journal")
    around(commands.Commands, "apply", lambda _, said: f"apply {said['command']}")
    put(core("worker.schedule"), "FOREIGN_GRACE", GRACE)
    put(core("worker.leases"), "SETTLES", GRACE)
    PATCHES.check_copies()


def load() -> Any:
    """The package, loaded as its own entry does; gives a function from a module's name to the module."""
    entry_file = Path(__file__).resolve().parents[2] / "grok_video" / "__main__.py"
    spec = importlib.util.spec_from_file_location("entry", entry_file)
    assert spec is not None
    assert spec.loader is not None
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)
    entry._load()
    return lambda name: importlib.import_module(f"grok_video.{name}")


def be_worker(process: Any, told: dict[str, Any], stdin: int, stderr: int) -> None:
    """In the forked process: what ``__main__`` does. Never returns."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_WRONLY)
        for number, wanted in ((stdin, 0), (nothing, 1), (stderr, 2)):
            os.dup2(number, wanted)
            os.close(number)
        sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False))  # noqa: SIM115
        work(process, told)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(70)


def work(process: Any, told: dict[str, Any]) -> None:
    """What ``__main__`` does, with the points counted. Never returns."""
    os.chdir(told["data"])
    POINTS.begin(told)
    os._exit(process.main(Path(told["data"]), told["session"], told["worker"]))


def main() -> None:
    """Fork workers until the other end of the socket is closed."""
    core = load()
    mark(core)
    process = core("worker.process")
    if sys.platform == "win32":
        work(process, json.loads(sys.argv[1]))
    line = socket.socket(fileno=int(sys.argv[1]))
    while True:
        data, given, *_ = socket.recv_fds(line, 1 << 16, 2)
        if not data:
            return
        told = json.loads(data)
        if told["do"] == "start":
            pid = os.fork()
            if not pid:
                line.close()
                be_worker(process, told, *given)
            for number in given:
                os.close(number)
            answer: Any = pid
        else:
            pid, status = os.waitpid(told["pid"], os.WNOHANG if told["do"] == "poll" else 0)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        line.sendall(json.dumps(answer).encode())


if __name__ == "__main__":
    main()

"""The bridge to the worker: what it is told, and what the ledger says.

Owns the read-only view of the ledger. It never waits: a tick reads what is new and goes. It knows nothing of scenes,
strips or renders.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bpy

from ...core.files import make_private
from ...core.job import OPEN_STATES, Job, State
from ...core.record import record
from ...core.spec import new_id
from ...core.spending import Limits
from ...ledger.inbox import put_command
from ...ledger.locks import FileLock
from ...ledger.reader import REBUILT, LedgerReader
from ..processes import child_environment
from .worker_process import (
    NO_LEDGER,
    PACKAGE_FOLDER,
    RESTART_AFTER,
    Account,
    close_pipe,
    never_block,
    no_sigpipe,
)


@record
class Snapshot:
    """The jobs as the panel draws them: immutable, newest first, made once per change."""

    jobs: Mapping[str, Job]
    all: tuple[Job, ...] = ()
    active: tuple[Job, ...] = ()
    done: tuple[Job, ...] = ()
    open: tuple[Job, ...] = ()  # the program has work to do

    @classmethod
    def of(cls, jobs: Mapping[str, Job]) -> Snapshot:
        newest_first = tuple(reversed(list(jobs.values())))
        active = tuple(j for j in newest_first if j.state in OPEN_STATES or j.state is State.READY)
        shown_active = set(map(id, active))
        return cls(
            jobs=jobs,
            all=newest_first,
            active=active,
            done=tuple(j for j in newest_first if id(j) not in shown_active),
            open=tuple(j for j in active if j.open),
        )


class Bridge:
    """One per Blender process."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.session = new_id()
        self.snapshot = Snapshot.of({})
        self.trouble = ""  # a sentence when the worker or the ledger cannot be used
        self._reader = LedgerReader(data_dir)
        self._session_lock: FileLock | None = None
        self._ended_sessions: set[str] = set()
        self._living_sessions: dict[str, float] = {}  # session → when to look again
        self._process: subprocess.Popen[bytes] | None = None
        self._told: dict[str, Any] = {}
        self._crashes = 0
        self._not_before = 0.0
        self._started_at = 0.0
        self._had_inbox = False  # before the last read of the ledger

    # ------------------------------------------------------------------------------------ the ledger

    def tick(self, budget: float) -> bool:
        """Read what is new for at most ``budget`` seconds; True when something changed."""
        self._watch_worker()
        # Asked before reading: what the worker has taken from the inbox by then is in the ledger. Asked
        # afterwards, a command applied between the two would be neither here nor there, and with
        # nothing under way the ticks would end before its job was ever seen.
        self._had_inbox = self._inbox_holds()
        changed = self._reader.refresh(budget)
        if changed:
            self.snapshot = Snapshot.of(dict(self._reader.jobs))
        return changed

    @property
    def ledger_trouble(self) -> str:
        """'' or why the ledger cannot be used: nothing new may be bought then."""
        return self._reader.trouble

    @property
    def limits(self) -> Limits:
        """The spending limits, as the ledger has them."""
        return self._reader.limits

    @property
    def ledger_damaged(self) -> bool:
        """Whether the ledger waits for a worker to rebuild it."""
        return self._reader.damaged

    @property
    def rebuilt(self) -> str:
        """What to tell of a ledger that was rebuilt, until the artist has heard it; else ''."""
        return str(self._reader.notices.get(REBUILT, {}).get("message", ""))

    def notice(self, command_id: str) -> Mapping[str, Any] | None:
        """The worker's answer to a command such as ``check``; None until it is there."""
        return self._reader.notices.get(command_id)

    @property
    def behind(self) -> bool:
        """Whether the ledger holds more than the ticks so far could read."""
        return self._reader.behind

    @property
    def kept_out(self) -> bool:
        """Whether the last tick could not read: a lock, or what a killed worker left for the next one."""
        return self._reader.missed

    def session_ended(self, session: str) -> bool:
        """Whether the Blender that had ``session`` is gone: its lock is free, or was never taken."""
        if session == self.session:
            return False
        if session in self._ended_sessions:
            return True
        # Asked for every clip on every tick: the file is opened once a second at most.
        now = time.monotonic()
        if now < self._living_sessions.get(session, 0.0):
            return False
        self._living_sessions[session] = now + 1.0
        try:
            path = self._session_path(session)
            if path.exists():
                lock = FileLock.take(path)
                if lock is None:
                    return False
                lock.release(remove=True)
        except OSError:  # it cannot be known just now
            return False
        self._ended_sessions.add(session)
        return True

    def _session_path(self, session: str) -> Path:
        return self.data_dir / "sessions" / f"{session}.lock"

    def send(self, command: str, **fields: Any) -> str:
        """Put a command down for the worker and wake it; returns the command's id.

        Raises OSError when the inbox cannot be written: nothing was asked for then.
        """
        if self._session_lock is None:
            # Held for the life of this Blender: others leave the imports of its jobs alone.
            path = self._session_path(self.session)
            make_private(self.data_dir)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._session_lock = FileLock.take(path)
        command_id = put_command(self.data_dir, command, **fields)
        # Put down by a tick that has read the ledger already, and perhaps taken before it is over.
        self._had_inbox = True
        self._tell({"type": "wake"})
        return command_id

    # ------------------------------------------------------------------------------------ the worker

    def ensure_worker(self, account: Account) -> None:
        """Start the worker if it is not running, and tell it what changed."""
        if self._process is None:
            if time.monotonic() < self._not_before:
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

    @property
    def expects(self) -> bool:
        """Whether the ledger may hold, or get, what the last tick did not read; so tick again."""
        unread = self._reader.behind or self._reader.missed or self._reader.damaged
        return unread or self._had_inbox or self._inbox_holds()

    def _inbox_holds(self) -> bool:
        try:
            return any(e.name.endswith(".json") for e in os.scandir(self.data_dir / "inbox"))
        except OSError:
            return False

    @property
    def worker_runs(self) -> bool:
        return self._process is not None

    @property
    def hopeless(self) -> str:
        """'' or why a script should not wait: the ledger, or a worker that crashed again and again."""
        if self._crashes >= len(RESTART_AFTER):
            return self._reader.trouble or self.trouble
        return (
            "" if self._reader.damaged else self._reader.trouble
        )  # a worker mends what is damaged

    def _start(self) -> None:
        new_group = 0
        if sys.platform == "win32":
            new_group = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        worker_id = new_id()
        try:
            make_private(self.data_dir)
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *bpy.app.python_args,
                    str(PACKAGE_FOLDER),
                    str(self.data_dir),
                    self.session,
                    worker_id,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # the worker keeps its own bounded, redacted log
                cwd=self.data_dir,
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
        # A worker that does not read must never hold up the window.
        never_block(self._process.stdin.fileno())

    def _watch_worker(self) -> None:
        process = self._process
        if process is None or process.poll() is None:
            return
        self._process = None
        if process.stdin is not None:
            close_pipe(process.stdin)
        if process.returncode == 0:  # it had nothing left to do
            self._crashes = 0
            return
        if time.monotonic() - self._started_at > RESTART_AFTER[-1]:
            self._crashes = 0
        what = "ended unexpectedly and is started again"
        if process.returncode == NO_LEDGER:
            what = "cannot use the list of clips and tries again; nothing is lost"
        self._crashed(f"The background worker {what}. Its log is {self.data_dir / 'worker.log'}.")

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
            with no_sigpipe():
                return os.write(process.stdin.fileno(), data) == len(data)
        except (OSError, ValueError):  # full, or gone: on Windows EINVAL and ENOSPC say so
            return False

    def close(self) -> None:
        """Let the worker end (it finishes a POST that is in flight) and close the ledger."""
        self._tell({"type": "end"})
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            close_pipe(process.stdin)
            # Blender does not wait for it; without a return code Python would warn of that.
            process.returncode = process.poll() or 0
        self._reader.close()
        if self._session_lock is not None:
            self._session_lock.release(remove=True)
            self._session_lock = None

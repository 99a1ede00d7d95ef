"""The bridge to the worker: commands go over the inbox, and what came of them is read from the ledger.

Owns the read-only view of the ledger, and this session's lock. Nothing here waits: a tick reads what is new and goes.
Knows nothing of scenes, strips or renders.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.files import INSIDE
from ...core.record import record
from ...core.spec import new_id
from ...ledger.inbox import holds_commands, is_waiting, put_command
from ...ledger.listing import Listing, Rows
from ...ledger.locks import FileLock
from ...ledger.place import session_lock
from ...ledger.reader import REBUILT, LedgerReader
from .worker_process import WorkerProcess

_MOST_LOOKED_FOR = 16  # files of commands at each tick
#: What Blender says where it will have no answer to what it said.
NOT_HEARD = "It is not in the list of clips any more: that was replaced by another one. What was bought goes on at the service."


@record
class Snapshot:
    """The jobs as the panel draws them, newest first: made anew when a job has changed, on ticks only.

    What the rows hold is what the list holds now, not a copy of it: a copy of 50,000 jobs is no work for a tick.
    """

    jobs: Listing
    all: Rows
    active: Rows
    done: Rows
    open: Rows  # jobs for which the program has work to do

    @classmethod
    def of(cls, jobs: Listing) -> Snapshot:
        return cls(jobs, jobs.all, jobs.active, jobs.done, jobs.open)


class Bridge:
    """The worker and the ledger of this Blender. One per process.

    ``reader`` is what the ledger says: its jobs as a ``snapshot``, limits, and what is wrong with it.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.session = new_id()
        self.reader = LedgerReader(data_dir)
        self.snapshot = Snapshot.of(self.reader.listing)
        self.folder = self.reader.folder
        self.worker = WorkerProcess(self.folder, self.session)
        self._session_lock: FileLock | None = None
        self._ended_sessions: set[str] = set()
        #: Commands that no worker of this list has heard, or whose answer is lost with the list → that answer.
        self._unheard: dict[str, Mapping[str, Any]] = {}
        self._living_sessions: dict[str, float] = {}  # session → when to look again
        self._had_inbox = False  # the inbox held a command before the last read of the ledger

    def tick(self, budget: float) -> bool:
        """Read what is new for at most ``budget`` seconds; True when something changed."""
        self.worker.look()
        # First the inbox, then the ledger: what a worker has taken from the inbox by now is in the ledger when that
        # is read. The other way round, a command that is applied between the two looks is seen in neither, and with
        # nothing else under way the ticks would end before its job was seen.
        self._had_inbox = holds_commands(self.data_dir)
        gone = [said for said in self._oldest_awaited() if not is_waiting(self.data_dir, said)]
        changed = self.reader.refresh(budget)
        if not (self.reader.behind or self.reader.missed or self.reader.trouble):
            # Taken from the inbox before this read, which knows nothing of them: the list is another one by now.
            for said in self.reader.awaited.keys() & gone:
                del self.reader.awaited[said]
                self._unheard[said] = {"ok": False, "message": NOT_HEARD, "lost": True}
        if changed:
            self.snapshot = Snapshot.of(self.reader.listing)
        return changed

    @property
    def rebuilt(self) -> str:
        """'' or a sentence about a ledger that was rebuilt or replaced, until an artist has read it."""
        told = str(self.reader.notices.get(REBUILT, {}).get("message", ""))
        return " ".join(filter(None, (told, self.reader.replaced)))

    def notice(self, command_id: str) -> Mapping[str, Any] | None:
        """The worker's answer to a command such as ``check``; None until there is one."""
        return self.reader.notices.get(command_id) or self._unheard.get(command_id)

    def answer(self, command_id: str) -> Mapping[str, Any] | None:
        """What came of a command of this session: {"ok": bool, "message": str, …}; None until it was dealt with.

        With the answer, all that the command did to jobs has been read.
        """
        if command_id in self.reader.awaited:
            return None
        return self.notice(command_id) or {"ok": True, "message": ""}

    def _oldest_awaited(self) -> list[str]:
        return list(itertools.islice(self.reader.awaited, _MOST_LOOKED_FOR))

    def session_ended(self, session: str) -> bool:
        """Whether the Blender of ``session`` is gone: its session's lock is free, or was never taken."""
        if session == self.session:
            return False
        if session in self._ended_sessions:
            return True
        # At most once a second: every tick asks for every clip, and each answer opens a file.
        now = time.monotonic()
        if now < self._living_sessions.get(session, 0.0):
            return False
        self._living_sessions[session] = now + 1.0
        try:
            path = session_lock(self.data_dir, session)
            if path.exists():
                lock = FileLock.take(path)
                if lock is None:
                    return False
                lock.release(remove=True)
        except OSError:  # a lock that cannot be tried just now counts as held
            return False
        self._ended_sessions.add(session)
        return True

    def send(self, command: str, **fields: Any) -> str:
        """Put a command down for the worker and wake it; returns the command's id.

        Raises OSError when the inbox cannot be written, or its folder is gone: nothing was asked for then.
        """
        self.folder.make()
        if self._session_lock is not None and not self._session_lock.in_place:
            self._session_lock.release()  # gone with the folder, in which others look for the lock
            self._session_lock = None
        if self._session_lock is None:
            # Held for the life of this Blender, so that other Blenders leave the imports of its jobs alone.
            path = session_lock(self.data_dir, self.session)
            path.parent.mkdir(mode=INSIDE, exist_ok=True)
            self._session_lock = FileLock.take(path)
        command_id = put_command(self.data_dir, command, **fields)
        self.reader.awaited[command_id] = None
        # Noted here too: a worker may take the command before the present tick, which has read the ledger, is over.
        self._had_inbox = True
        self.worker.wake()
        return command_id

    @property
    def expects(self) -> bool:
        """Whether another tick is needed: the ledger may hold, or get, what the last tick did not read."""
        reader = self.reader
        unread = reader.behind or reader.missed or reader.damaged or reader.lost
        return unread or bool(reader.awaited) or self._had_inbox or holds_commands(self.data_dir)

    @property
    def hopeless(self) -> str:
        """'' or why a script should not wait: a ledger that cannot be used, a worker that crashed again and again."""
        if self.worker.crashes_on:
            return self.reader.trouble or self.worker.trouble
        # Not for a damaged ledger, which the worker mends.
        return "" if self.reader.damaged else self.reader.trouble

    def close(self) -> None:
        """Let the worker end (it finishes a POST that is in flight) and close the ledger."""
        self.worker.end()
        self.reader.close()
        if self._session_lock is not None:
            self._session_lock.release(remove=True)
            self._session_lock = None

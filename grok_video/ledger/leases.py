"""Who works on what: living workers, the leases of jobs, and the slots of calls, counted over all processes.

A worker lives as long as the system holds its lock on ``workers/<id>.lock``; no pids, no clocks. Knows nothing of
what a job is about.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection

from .locks import FileLock, is_held
from .place import session_lock
from .schema import ID
from .store import Store


class Leases:
    """The leases of one ledger. ``own``: the lock of the worker that this process is, if it is one."""

    def __init__(self, store: Store, own: FileLock | None) -> None:
        self._store = store
        self._own = own
        self._folder = store.data_dir / "workers"

    def register(self, worker: str, session: str) -> None:
        """Put this worker on record, and remove what dead workers without a job have left."""
        execute = self._store.connection.execute
        with self._store.transaction():
            known = [row[0] for row in execute("SELECT id FROM workers")]
            leased = {row[0] for row in execute("SELECT worker FROM leases")}
            for other in known:
                if other != worker and other not in leased and not self.alive(other):
                    execute("DELETE FROM workers WHERE id = ?", (other,))
                    for suffix in (".lock", ".ready"):
                        # Windows cannot remove an open file: the next worker that registers tries again.
                        with contextlib.suppress(OSError):
                            (self._folder / f"{other}{suffix}").unlink()
            execute("INSERT OR REPLACE INTO workers(id, session) VALUES (?, ?)", (worker, session))

    def alive(self, worker: str) -> bool:
        """Whether a worker lives: whether somebody holds its lock. To probe our own lock would drop it (FileLock)."""
        path = self._folder / f"{worker}.lock"
        if self._own is not None and path == self._own.path:
            return True
        return is_held(path)

    def driven(self, job_id: str) -> bool:
        """Whether a living worker drives the job."""
        with self._store.reading():
            row = self._store.connection.execute(
                "SELECT worker FROM leases WHERE job = ?", (job_id,)
            ).fetchone()
        return row is not None and bool(row[0]) and self.alive(row[0])

    def session_alive(self, session: str) -> bool:
        """Whether that Blender lives, or a worker of its session: on a busy machine a worker may take a while to start."""
        with self._store.reading():
            rows = self._store.connection.execute(
                "SELECT id FROM workers WHERE session = ?", (session,)
            ).fetchall()
        if any(self.alive(row[0]) for row in rows):
            return True
        named = ID.fullmatch(
            session
        )  # what a stranger wrote as a session must lead to no other file
        return named is not None and is_held(session_lock(self._store.data_dir, session))

    def take(self, job_id: str, worker: str) -> int | None:
        """Take the job for ``worker``; None when a living worker has it.

        Returns how many workers died while they drove this job, since it last made progress.
        """
        with self._store.transaction():
            row = self._store.connection.execute(
                "SELECT worker, crashes FROM leases WHERE job = ?", (job_id,)
            ).fetchone()
            holder, crashes = row or ("", 0)
            if holder == worker:
                return crashes
            if holder:
                if self.alive(holder):
                    return None
                crashes += 1
            self._store.connection.execute(
                "INSERT OR REPLACE INTO leases(job, worker, crashes) VALUES (?, ?, ?)",
                (job_id, worker, crashes),
            )
            return crashes

    def taken(self, worker: str) -> set[str]:
        """The jobs that other living workers drive."""
        with self._store.reading():
            rows = self._store.connection.execute(
                "SELECT worker, job FROM leases WHERE worker NOT IN ('', ?)", (worker,)
            ).fetchall()
        alive = {other: self.alive(other) for other in {row[0] for row in rows}}
        return {job for other, job in rows if alive[other]}

    def release(self, worker: str, job_id: str = "") -> None:
        """Give back the lease of one job; without ``job_id`` all leases of the worker, which leaves in order."""
        with self._store.transaction():
            self._store.connection.execute(
                "UPDATE leases SET worker = '' WHERE worker = ? AND (job = ? OR ? = '')",
                (worker, job_id, job_id),
            )

    def drop(self, job_id: str) -> None:
        """Let no worker have the job; inside a transaction of the store only.

        For a job that nobody can be working on, but for a poll: a worker of 0.1.0 keeps its leases as long as it lives,
        and does nothing with a job of which it does not know an event.
        """
        self._store.connection.execute("DELETE FROM leases WHERE job = ?", (job_id,))

    def take_slot(
        self,
        account: str,
        now: float,
        gap: float,
        per_minute: int,
        known: Collection[str] = (),
    ) -> float:
        """Ask for leave to call the API once: 0 when granted, else the seconds to wait before asking again.

        ``known``: other fingerprints of the account, under which 0.1.0 may have taken slots.

        Counts over all workers by wall time. A clock that was set back waits about a second, not an hour:
        the slots on record are moved to at most 1 s ahead of ``now``.
        """
        mine = json.dumps([account, *known])
        of_mine = "account IN (SELECT value FROM json_each(?))"
        with self._store.transaction():
            execute = self._store.connection.execute
            (newest,) = execute(f"SELECT max(at) FROM slots WHERE {of_mine}", (mine,)).fetchone()
            if newest is None:
                execute("INSERT INTO slots(account, at) VALUES (?, ?)", (account, now))
                return 0.0
            if newest > now + 1.0:
                execute(f"UPDATE slots SET at = at - ? WHERE {of_mine}", (newest - now - 1.0, mine))
                newest = now + 1.0
            row = execute(
                f"SELECT at FROM slots WHERE {of_mine} ORDER BY at DESC LIMIT 1 OFFSET ?",
                (mine, per_minute - 1),
            ).fetchone()
            due = max(newest + gap, row[0] + 60.0 if row else 0.0)
            if due > now:
                return due - now
            execute(f"DELETE FROM slots WHERE {of_mine} AND at < ?", (mine, now - 120.0))
            execute("INSERT INTO slots(account, at) VALUES (?, ?)", (account, now))
            return 0.0

"""Which jobs this worker drives: the leases that it holds, and the leases of other living workers.

Owns what the worker knows of leases; what a lease is, and which worker is dead, is ``ledger.leases``'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from .desk import Desk

_LOOK_AGAIN = 2.0  # seconds between two looks at the leases of other workers
#: Seconds in which other workers open a ledger again that went from its place, and say which jobs are theirs.
SETTLES = 3.0


class OwnLeases:
    """The leases that one worker knows of: its own, with their crashes, and those of other living workers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._crashes: dict[str, int] = {}  # job of ours → how many workers died driving the job
        self._others: set[str] = set()  # jobs of other living workers
        self.look_at = 0.0  # monotonic: from then on, ask again for other workers' leases
        self._settled_at = 0.0  # monotonic: before, no job is taken

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._crashes

    def take(self, job_id: str) -> bool:
        """Whether this worker drives a job; it takes a job that no living worker drives. Raises LedgerError."""
        if job_id in self._crashes:
            return True
        mono = time.monotonic()
        if mono < self._settled_at:
            return False
        if mono >= self.look_at:
            self._others = self._desk.ledger.leases.taken(self._desk.id)
            self.look_at = mono + _LOOK_AGAIN
        if job_id in self._others:
            return False
        crashes = self._desk.ledger.leases.take(job_id, self._desk.id)
        if crashes is None:
            self._others.add(job_id)
            return False
        self._crashes[job_id] = crashes
        return True

    def give_back(self, job_id: str) -> None:
        """Let another worker have a job. Raises LedgerError.

        In the ledger too: a job that is only forgotten here would wait as long as this worker lives.
        """
        self._desk.ledger.leases.release(self._desk.id, job_id)
        self.lost(job_id)

    def lost(self, job_id: str) -> None:
        """Forget a lease that another worker has taken, because it took this worker for dead."""
        self._crashes.pop(job_id, None)

    def start_again(self, mine: Iterable[str]) -> None:
        """Begin anew with a ledger that was opened again and may hold no leases. Raises LedgerError.

        The jobs of calls in flight are ``mine`` at once; for all others the other workers are given a moment.
        """
        self._crashes.clear()
        for job_id in mine:
            crashes = self._desk.ledger.leases.take(job_id, self._desk.id)
            if crashes is not None:
                self._crashes[job_id] = crashes
        self._settled_at = self.look_at = time.monotonic() + SETTLES

    def crashes(self, job_id: str) -> int:
        """How many workers died while they drove a job of ours."""
        return self._crashes[job_id]

    def forgive(self, job_id: str) -> None:
        """Count the crashes of a job of ours from 0 on."""
        self._crashes[job_id] = 0

"""The store: jobs and events in SQLite, written in transactions that reach the journals first.

Owns the one connection of a process, its transactions and the rules that hold inside them: the fold by the
table of transitions, one POST for each job, the spending limits. It must not know leases' meaning, commands or
how a file is opened. Everything raises ``LedgerError`` with a sentence for an artist, never a bare sqlite3 error.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core import events, spending
from ..core.job import IllegalTransition, Job, apply
from ..core.payload import from_payload, job_to_payload, to_payload
from ..core.problem import Problem
from ..core.spending import Limits
from .errors import (
    LeaseLost,
    LedgerDamaged,
    LedgerMoved,
    LedgerUnwritable,
    LimitReached,
    StaleJob,
    unwritable,
)
from .journal import Journals, journal_line
from .place import FileId, file_id
from .reader import NOTICES_KEPT, Tail, limits_of, newest_in
from .schema import BROKEN, FILE_NAME, FOLD, ID, main_code, stored_object

#: HTTP statuses that say *later*: nothing was started, so the job may send its one POST again (docs/safety.md, rule 2).
LATER_STATUS = frozenset({425, 429})
#: Gives all fingerprints of the account in use, from the API bases of the jobs that there are (``accounts_of``).
Accounts = Callable[[Iterable[str]], frozenset[str]]
#: Events that end the count of workers that died with a job.
_PROOFS = (
    events.Progress,
    events.Submitted,
    events.Bought,
    events.Done,
    events.Downloaded,
    events.LocalFailed,
    events.FetchLink,
    events.FetchedAgain,
    events.FetchEnded,
)


class Store:
    """Jobs and events in SQLite, for the worker and for tests: one connection, which threads may share.

    ``current``, ``put``, ``tell`` and the methods after them may be called inside a ``transaction`` only.
    """

    def __init__(self, data_dir: Path, connection: sqlite3.Connection) -> None:
        self.data_dir = data_dir
        self.connection = connection
        self.journals = Journals(data_dir)
        self.file: FileId | None = (
            None  # what lay at the path when it was opened; None: not asked yet
        )
        self._guard = threading.RLock()
        self._tail = Tail()
        self._version = -1
        self._pending: dict[str, tuple[Job, int, int]] = {}
        # Job, number, event and text of each line until the commit.
        self._lines: list[tuple[str, int, events.Event, str]] = []

    # -- reading

    def refresh(self) -> list[Job]:
        """The jobs that any process changed since the last call, oldest job first."""
        with self.reading():
            self._pull()
            changed = [self._tail.jobs[job_id] for job_id in self._tail.changed]
            self._tail.changed.clear()
            return sorted(changed, key=lambda job: self._tail.first(job.id))

    def job(self, job_id: str) -> Job | None:
        """The job as it is now."""
        with self.reading():
            self._pull()
            return self.current(job_id)

    def jobs(self) -> list[Job]:
        """All jobs, oldest first."""
        with self.reading():
            self._pull()
            return list(self._tail.in_order().values())

    def events(self, job_id: str) -> list[tuple[events.Event, float]]:
        """What happened to the job, with wall times, oldest first."""
        with self.reading():
            rows = self.connection.execute(
                "SELECT kind, payload, at FROM events WHERE job = ? ORDER BY seq", (job_id,)
            ).fetchall()
        return [(from_payload(kind, json.loads(payload)), at) for kind, payload, at in rows]

    def spent(self, account: str, since: float) -> int:
        """Ticks that the account's jobs submitted since that wall time cost, or may cost yet."""
        with self.reading():
            self._pull()
            return spending.spent(self._tail.jobs.values(), account, since)

    def limits(self) -> Limits:
        """The spending limits as they are now."""
        with self.reading():
            return limits_of(self.connection)

    def bases(self) -> set[str]:
        """The API bases that jobs have on record, each as it was spelled."""
        with self.reading():
            return {job.spec.api_base for job in self._tail.jobs.values()}

    def refusal(self, job: Job, now: float, accounts: Accounts | None = None) -> Problem | None:
        """Why the spending limits refuse to submit ``job`` now; None when they do not.

        ``append`` asks again, in the transaction that reserves the cost.
        """
        with self.reading():
            self._pull()
            return self._over(job, job.spec.estimate, now, accounts)

    def look(self) -> None:
        """Raise LedgerMoved when the path does not lead to the open file any more, LedgerUnwritable when it is barred.

        What is written after that goes into a file that nobody will read again.
        """
        if self.file is None:
            return
        try:
            moved = file_id(self.data_dir / FILE_NAME) != self.file
        except OSError as error:
            raise LedgerUnwritable(unwritable(self.data_dir, error.strerror or "")) from error
        if moved:
            raise LedgerMoved

    # -- writing

    def append(
        self,
        job_id: str,
        expected_seq: int | None,
        event: events.Event,
        *,
        worker: str = "",
        at: float | None = None,
        accounts: Accounts | None = None,
    ) -> Job:
        """Store ``event`` durably and return the job after it.

        ``expected_seq`` is the ``seq`` of the job that the decision was made on (0: no job yet, None: any).
        With a ``worker`` its lease is checked. ``SubmitStarted`` reserves the job's cost: here the spending limits
        hold, over all processes, for the job's account and its other fingerprints, which ``accounts`` knows. Raises
        StaleJob, LeaseLost, LimitReached, IllegalTransition, LedgerMoved or LedgerUnwritable, and then has changed
        nothing.
        """
        buys = isinstance(event, events.SubmitStarted | events.Sending)
        with self.transaction(afresh=buys):
            if worker and self._holder(job_id) != worker:
                raise LeaseLost(f"Another worker goes on with job {job_id[:8]}.")
            job = self.current(job_id)
            if expected_seq is not None and expected_seq != (job.seq if job else 0):
                raise StaleJob(f"Job {job_id[:8]} has changed meanwhile.")
            at = time.time() if at is None else at
            if isinstance(event, events.SubmitStarted) and job is not None:
                unknown = job.spec.estimate is None
                if problem := self._over(job, None if unknown else event.reserved, at, accounts):
                    raise LimitReached(problem)
                # A clock that is set back must not open a day or a month again whose limit is used up.
                at = spending.not_before(at, self._tail.jobs.values())
                event = replace(event, day=spending.date_text(at))
            return self.put(job_id, event, worker, at)

    def noticed(self, key: str) -> dict[str, Any]:
        """The newest notice under ``key``; {} without one."""
        with self.reading():
            row = self.connection.execute(
                "SELECT payload FROM notices WHERE id = ? ORDER BY n DESC LIMIT 1", (key,)
            ).fetchone()
        return stored_object(row[0]) if row is not None else {}

    def notice(self, key: str, payload: Mapping[str, Any]) -> None:
        """Tell every Blender something, such as the answer to a command, under a key; the newest are kept."""
        with self.transaction():
            self.tell(key, payload)

    @contextlib.contextmanager
    def reading(self) -> Generator[None]:
        """Keep the connection for one thread, and turn SQLite's errors into sentences."""
        with self._guard:
            try:
                yield
            except sqlite3.IntegrityError as error:
                raise IllegalTransition(
                    "the last byte of this job's POST has left before"
                ) from error
            except sqlite3.Error as error:
                kind = LedgerDamaged if main_code(error) in BROKEN else LedgerUnwritable
                raise kind(unwritable(self.data_dir, str(error))) from error

    @contextlib.contextmanager
    def transaction(self, *, afresh: bool = False) -> Generator[None]:
        """A transaction: all that is put inside is written to the journals and committed, or nothing is committed.

        ``afresh``: not from what SQLite remembers of the file. Another copy with as many commits, written over the
        open file, is seen in no other way.
        """
        with self.reading():
            if afresh:
                self.connection.execute("PRAGMA shrink_memory")
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                self.look()
                before = self._stat()
                self._pull(afresh=afresh)
                yield
                self.look()
                # Gone from here on, the file is made anew from the journals, which say all that is committed now.
                self._write_journals()
                if self.journals.trouble:
                    self.look()
                newest = newest_in(self.connection)
                if _written_into(before, self._stat()):
                    raise LedgerMoved  # a commit would mix its pages with another file's
                self.connection.execute("COMMIT")
            except BaseException:
                self._pending.clear()
                self._lines.clear()
                self.journals.settle(committed=False)
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
            self.journals.settle(committed=True)
            self._tail.newest = newest
            for job, first, n in self._pending.values():
                self._tail.put(job, first, n)
            self._pending.clear()

    def close(self) -> None:
        """Close the connection; waits for a thread that is using it."""
        with self._guard:
            self.connection.close()

    # -- inside a transaction

    def current(self, job_id: str) -> Job | None:
        """The job with what this transaction has put down so far."""
        pending = self._pending.get(job_id)
        return pending[0] if pending else self._tail.jobs.get(job_id)

    def others(self, job_id: str) -> list[Job]:
        """Every job but that one, as it was before this transaction."""
        return [other for other in self._tail.jobs.values() if other.id != job_id]

    @property
    def touched(self) -> int:
        """How many jobs this transaction has stored an event for."""
        return len(self._pending)

    def put(
        self, job_id: str, event: events.Event, worker: str, at: float, *, journal: bool = True
    ) -> Job:
        """Store ``event`` without asking for a lease; returns the job after it. Raises IllegalTransition.

        ``journal``: False while the journals themselves are being read.
        """
        before = self.current(job_id)
        if (
            isinstance(event, events.NotSent)
            and before is not None
            and before.sent
            and event.problem.http_status not in LATER_STATUS
        ):
            raise IllegalTransition("only an answer that says 'later' takes a sent POST back")
        after = apply(before, event, at)
        if after.id != job_id or not ID.fullmatch(job_id):
            raise IllegalTransition("the event belongs to another job")
        execute = self.connection.execute
        payload = json.dumps(to_payload(event))
        kind = event.name if isinstance(event, events.Unrecognised) else event.kind
        n = execute(
            "INSERT INTO events(job, seq, at, kind, payload, worker) VALUES (?, ?, ?, ?, ?, ?)",
            (job_id, after.seq, at, kind, payload, worker),
        ).lastrowid
        assert n is not None
        pending = self._pending.get(job_id)
        first = pending[1] if pending else self._tail.first(job_id) if before else n
        execute(
            "INSERT INTO jobs(id, first, n, fold, snapshot, journal) VALUES (?, ?, ?, ?, ?, '') ON CONFLICT(id) "
            "DO UPDATE SET n = excluded.n, fold = excluded.fold, snapshot = excluded.snapshot",
            (job_id, first, n, FOLD, json.dumps(job_to_payload(after))),
        )
        if isinstance(event, _PROOFS):
            execute("UPDATE leases SET crashes = 0 WHERE job = ? AND crashes > 0", (job_id,))
        self._pending[job_id] = (after, first, n)
        if journal:
            line = journal_line(after.seq, at, kind, payload)
            self._lines.append((job_id, after.seq, event, line))
        return after

    def tell(self, key: str, payload: Mapping[str, Any]) -> None:
        """Store a notice for every Blender under ``key``."""
        execute = self.connection.execute
        execute("INSERT INTO notices(id, payload) VALUES (?, ?)", (key, json.dumps(dict(payload))))
        execute("DELETE FROM notices WHERE n <= (SELECT max(n) FROM notices) - ?", (NOTICES_KEPT,))

    def put_limits(self, values: Mapping[str, int]) -> None:
        """Store spending limits: ticks by the limit's name."""
        self.connection.executemany(
            "INSERT OR REPLACE INTO limits(name, value) VALUES (?, ?)", values.items()
        )

    def renew_journal(self, job_id: str) -> None:
        """Let the job's journal say what the store says, this transaction included."""
        rows = self.connection.execute(
            "SELECT seq, at, kind, payload FROM events WHERE job = ? ORDER BY seq", (job_id,)
        )
        self.keep_mark(job_id, self.journals.renew(job_id, rows))

    def keep_mark(self, job_id: str, mark: str | None) -> None:
        """Store the mark of the job's journal; None for one that is to be read at the next opening."""
        self.connection.execute("UPDATE jobs SET journal = ? WHERE id = ?", (mark, job_id))

    def lost(self) -> list[Job]:
        """The jobs as they were known, where the open file says something else now: an older copy was written into it.

        Raises sqlite3.Error for a file that cannot be read any more.
        """
        return [] if self._tail.goes_on(self.connection) else list(self._tail.jobs.values())

    def read_all(self) -> None:
        """Take in every job of the file: once, when it was opened."""
        self._tail.goes_on(self.connection)
        self._tail.read(self.connection, -1)

    def _stat(self) -> os.stat_result | None:
        try:
            return os.stat(self.data_dir / FILE_NAME)
        except OSError:  # gone: see ``look``
            return None

    def _pull(self, *, afresh: bool = False) -> None:
        """Take in what other processes wrote; ``data_version`` tells in microseconds whether there is anything.

        Raises LedgerMoved where what was read is there no more.
        """
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or afresh:
            if not self._tail.goes_on(self.connection):
                raise LedgerMoved
            self._tail.read(self.connection, -1)
            self._version = version

    def _holder(self, job_id: str) -> str:
        row = self.connection.execute(
            "SELECT worker FROM leases WHERE job = ?", (job_id,)
        ).fetchone()
        return row[0] if row else ""

    def _over(
        self, job: Job, price: int | None, now: float, accounts: Accounts | None
    ) -> Problem | None:
        limits = limits_of(self.connection)
        if not limits.any or not limits.count(job.spec.api_base):
            return None
        others = self.others(job.id)
        ahead = spending.ahead(now, others)
        now = spending.not_before(now, others)
        account = {job.spec.account}
        if accounts is not None:
            account |= accounts({other.spec.api_base for other in others})
        date = spending.date_text(now)
        today = spending.spent(others, account, spending.day_start(now), date)
        month = spending.spent(others, account, spending.month_start(now), spending.month_of(date))
        spec = job.spec
        return spending.over(limits, today, month, price, spec.model, ahead, spec.kind)

    def _write_journals(self) -> None:
        """Write the lines of what is about to be committed.

        Journals come first: what the ledger knew of money must outlive the ledger, whenever this process dies. Where
        a journal is not as the ledger left it, its mark stays: what others wrote there is read at the next opening.
        """
        lines, self._lines = self._lines, []
        for job_id, seq, event, line in lines:
            if isinstance(event, events.Sending) and not self._journal_holds(job_id, seq):
                self.renew_journal(job_id)  # with this line
            else:
                marks = self.journals.write(job_id, line, synced=_is_about_money(event))
                if marks is None or marks[0] == self._mark(job_id):
                    self.keep_mark(job_id, marks and marks[1])
                # Known to nobody else: this process may end yet.
                if isinstance(event, events.Submitted | events.Bought):
                    self.journals.keep(job_id)
            # No *sending* without its line: a ledger that is rebuilt from journals would let the job be sent twice.
            if self.journals.trouble and isinstance(event, events.Sending):
                raise LedgerUnwritable(unwritable(self.data_dir, self.journals.trouble))

    def _mark(self, job_id: str) -> str | None:
        row = self.connection.execute("SELECT journal FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return row[0] if row else None

    def _journal_holds(self, job_id: str, seq: int) -> bool:
        """Whether the job's journal has every event before ``seq``: without them a line of *sending* makes no job."""
        rows = self.connection.execute(
            "SELECT seq, at, kind, payload FROM events WHERE job = ? AND seq < ?", (job_id, seq)
        )
        return self.journals.holds(job_id, rows)


def _written_into(before: os.stat_result | None, now: os.stat_result | None) -> bool:
    """Whether something was written into the ledger's file in the midst of a transaction.

    SQLite lets nobody else write there, and writes nothing itself before the commit (``cache_spill`` is off). Not on
    Windows, where nobody can write over an open file and times come late.
    """
    if sys.platform == "win32" or before is None or now is None:
        return False
    told = [(one.st_size, one.st_mtime_ns) for one in (before, now)]
    return os.path.samestat(before, now) and told[0] != told[1]


def _is_about_money(event: events.Event) -> bool:
    """Whether an event says where money went, also as news that bring a bill: its line is synced."""
    return event.kind in events.MONEY_EVENTS or getattr(event, "cost", None) is not None

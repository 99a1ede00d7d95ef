"""Events that calls have reported and the ledger does not have yet: none of something paid is dropped.

Owns the events that a full or a locked disk has not taken yet, job by job and in their order.
"""

from __future__ import annotations

import time
from collections import deque

from ..core import events
from ..core.job import IllegalTransition
from ..ledger.errors import LeaseLost, LedgerError, StaleJob
from .desk import Desk
from .leases import OwnLeases

_TRY_AGAIN = 1.0  # seconds until the next try after the ledger has refused
#: Events that say what became of something paid: recorded even when another worker drives the job by then.
_PAID = (
    events.Submitted,
    events.Rejected,
    events.Bought,
    events.Billed,
    events.Done,
    events.ServiceFailed,
    events.Downloaded,
    events.FetchedAgain,
)


class Outcomes:
    """The events of one worker's calls that are not on record yet."""

    def __init__(self, desk: Desk, leases: OwnLeases) -> None:
        self._desk = desk
        self._leases = leases
        self._waiting: dict[str, deque[events.Event]] = {}
        self.due = 0.0  # monotonic time from when on writing is tried again

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._waiting

    def paid(self) -> bool:
        """Whether an event that waits here says what became of something paid."""
        return bool(self.of_paid())

    def of_paid(self) -> set[str]:
        """The jobs of which an event that waits here says what became of something paid."""
        return {
            job_id
            for job_id, waiting in self._waiting.items()
            if any(isinstance(event, _PAID) for event in waiting)
        }

    def add(self, job_id: str, happened: list[events.Event]) -> None:
        """Take events of a job, which the next ``write`` puts on record."""
        if happened:
            self._waiting.setdefault(job_id, deque()).extend(happened)
            self.due = 0.0

    def rename(self, job_id: str, another: str) -> None:
        """Let what is not on record of a job be told of another one."""
        if happened := self._waiting.pop(job_id, None):
            self._waiting.setdefault(another, deque()).extend(happened)

    def write(self) -> None:
        """Put the waiting events on record. Raises LedgerError: then the rest waits for the next try."""
        if time.monotonic() < self.due:
            return
        for job_id in list(self._waiting):
            happened = self._waiting[job_id]
            while happened:
                try:
                    self._append(job_id, happened[0])
                except (IllegalTransition, StaleJob) as error:
                    event = happened[0]
                    # A request id is the only way to what was bought: nowhere else would it be kept.
                    what = event if isinstance(event, events.Submitted) else repr(event.kind)
                    self._desk.log(f"job {job_id[:8]}: a late {what}: {error}")
                except LedgerError:
                    self.due = time.monotonic() + _TRY_AGAIN
                    raise
                happened.popleft()
            del self._waiting[job_id]
        if self._desk.ledger.journals.trouble:
            self._desk.say(self._desk.ledger.journals.trouble)

    def _append(self, job_id: str, event: events.Event) -> None:
        try:
            self._desk.ledger.append(job_id, None, event, worker=self._desk.id)
        except LeaseLost:
            self._leases.lost(job_id)
            # Another worker took this one for dead, and the job. What was paid for is told all the same: a job in
            # UNKNOWN takes an id that comes late.
            if not isinstance(event, _PAID):
                raise IllegalTransition("another worker goes on with it") from None
            self._desk.ledger.append(job_id, None, event)

    def give_up(self) -> None:
        """Write the events that no ledger has taken into the log, request ids in full: the worker leaves."""
        for job_id, waiting in self._waiting.items():
            ids = [event.request_id for event in waiting if isinstance(event, events.Submitted)]
            self._desk.log(
                f"job {job_id[:8]}: could not be written down any more: {ids or list(waiting)}"
            )

"""How the worker opens its ledger again: after it broke in use, or was deleted, renamed, replaced or moved away.

Owns what is remembered of the ledger that was open before, and the choice of the folder. No POST leaves meanwhile.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from ..ledger.carry import Remembered, carry_over, remember
from ..ledger.errors import LedgerError, LedgerMoved
from ..ledger.ledger import Ledger
from ..ledger.reader import REBUILT
from .call_log import CallLog
from .desk import Desk
from .leases import OwnLeases
from .outcomes import Outcomes


class Reopening:
    """Opens the ledger of a desk again. ``due``: the ledger that the desk has is of no use any more."""

    def __init__(self, desk: Desk, leases: OwnLeases, outcomes: Outcomes) -> None:
        self._desk = desk
        self._leases = leases
        self._outcomes = outcomes
        self._home = desk.data_dir  # where Blender looks for the list
        self._before: Remembered | None = None
        self._moved = False
        self.due = False

    def after(self, error: LedgerError) -> None:
        """Note what is wrong with the desk's ledger."""
        self._desk.say(str(error))
        self._moved = isinstance(error, LedgerMoved)
        self.due = True

    def open(self) -> None:
        """Open the ledger again; damage is set aside, and what is gone is made anew from its copies.

        Where the whole data folder was moved away, this worker can only leave: it goes on in the folder, wherever that
        is, with what was paid for. Raises LedgerError.
        """
        desk, old = self._desk, self._desk.ledger
        desk.abort_unsent()
        with desk.sending:
            if self._moved:
                # Of a ledger that is closed, after a try that failed, nothing is read.
                self._before = remember(old) or self._before
            lock = old.leave()
            if (place := self._place(old)) is None:
                if lock is not None:
                    lock.release()
                return
            ledger = Ledger.open(place, worker=desk.id, session=desk.session, lock=lock)
            try:
                self._bring_over(ledger, same=old.folder.is_known(place))
            except BaseException:
                ledger.close()
                raise
            desk.ledger = ledger
        if place != desk.data_dir:
            desk.data_dir, desk.call_log = place, CallLog(place)
        self._leases.start_again(call.job_id for call in desk.running.values() if call.sent)
        self._before, self.due = None, False
        desk.log(f"The list of clips was opened again in {place}.")

    def _place(self, old: Ledger) -> Path | None:
        """The folder of the list; None when it is nowhere and nothing is to be kept in it."""
        folder = old.folder
        if not folder.lost:
            return folder.path
        self._desk.leaving = True
        self._desk.say("The folder of the list of clips was moved, renamed or deleted.")
        try:
            here = Path(os.getcwd())  # the folder itself, which this process was started in
        except FileNotFoundError:
            here = None
        if here is not None and folder.is_known(here):
            return here
        # Deleted: made anew for the answer to something that was paid for, and for nothing else.
        return self._home if self._outcomes.paid() else None

    def _bring_over(self, ledger: Ledger, *, same: bool) -> None:
        paid = self._outcomes.of_paid()
        paid |= {call.job_id for call in self._desk.running.values() if call.sent}
        added = ""
        if self._before is not None:
            carried = carry_over(ledger, self._before, paid, same=same)
            if carried.jobs:
                added = f" {carried.jobs} that it did not know were added."
            for job_id, another in carried.others.items():
                self._rename(job_id, another)
        if self._moved and not ledger.rebuilt and not self._desk.leaving:
            ledger.notice(
                REBUILT,
                {
                    "message": "The file of the list of clips was replaced by another one while it was in use, and "
                    f"that one was opened: {len(ledger.jobs())} clips.{added} Nothing was bought by this. "
                    f"{ledger.limits().words}",
                    "at": time.time(),
                },
            )

    def _rename(self, job_id: str, another: str) -> None:
        """Let the answer to a POST of a job go to the job that the POST is in this ledger."""
        self._outcomes.rename(job_id, another)
        running = self._desk.running
        if another not in running and (call := running.pop(job_id, None)):
            call.job_id = another
            running[another] = call

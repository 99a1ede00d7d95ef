"""What can go wrong with the ledger, each error a sentence for an artist.

Owns the exceptions and the sentences of standing troubles. Knows nothing of SQLite or files.
"""

from __future__ import annotations

from pathlib import Path

from ..core.problem import Problem


class LedgerError(Exception):
    """The ledger did not do what was asked, and is as it was before; the text is a sentence for an artist."""


class LedgerNewer(LedgerError):
    """A newer version of the extension wrote this ledger: it may be read, not written."""


class LedgerDamaged(LedgerError):
    """The file is no ledger any more and another Blender still uses it."""


class LedgerUnwritable(LedgerError):
    """The disk is full, read-only or locked: nothing is lost, and the same call may work later."""


class StaleJob(LedgerError):
    """The job has moved on since the caller read it: look again."""


class LimitReached(LedgerError):
    """The job would pass a spending limit: ``problem`` says so to the artist."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class LeaseLost(LedgerError):
    """The job's lease is another worker's, which drives the job now."""


class CommandRefused(LedgerError):
    """A command in the inbox makes no sense; the text says why."""


DAMAGED = (
    "The list of clips (Grok Video's ledger) is damaged. Nothing is bought again; it is rebuilt from its copies "
    "as soon as no other Blender uses it."
)
LOCKED = (
    "The list of clips (Grok Video's ledger) is locked by another program, or may not be opened. Nothing is "
    "lost; the jobs go on when it is free."
)
NEWER = (
    "The list of clips was written by a newer version of Grok Video: it is shown, but only that version "
    "can go on with it. Update the extension in this Blender."
)


def unwritable(data_dir: Path, why: str) -> str:
    return (
        f"The list of clips (Grok Video's ledger) in {data_dir} cannot be written just now: {why}. "
        "Nothing is lost and nothing was bought by this; check the disk's space and permissions."
    )

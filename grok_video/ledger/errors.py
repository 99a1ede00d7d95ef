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


class LedgerMoved(LedgerError):
    """The path leads to another file than the one that is open, or to none: the ledger has to be opened again."""

    def __init__(self) -> None:
        super().__init__(
            "The list of clips (Grok Video's ledger) was moved, deleted or replaced while it was in use. It is opened "
            "again; nothing is sent before."
        )


class LedgerElsewhere(LedgerError):
    """The list of this folder was moved to another one, or is not here yet: it may be read, not written."""


class LedgerInUse(LedgerError):
    """The list cannot be moved now: something is open in it, or somebody has it open."""


class MoveStopped(LedgerError):
    """The artist stopped the move of the list, which is where it was."""


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
GONE = (
    "The list of clips (Grok Video's ledger) is gone from its folder. Nothing is bought again; it is rebuilt from its "
    "copies."
)
LOST = (
    "The folder of the list of clips was moved, renamed or deleted: {folder}.{now} Nothing is sent or fetched until it is "
    "back; what was bought goes on at the service. Put it back, or choose its new place as Job List Folder in the "
    "preferences. A new start of Blender begins an empty list."
)
LOCKED = (
    "The list of clips (Grok Video's ledger) is locked by another program, or may not be opened. Nothing is "
    "lost; the jobs go on when it is free."
)
MOVED_AWAY = (
    "The list of clips of this folder was moved to {folder}. It is shown here as it was then, and nothing is bought or "
    "fetched from here: choose that folder as Job List Folder in the preferences. If that folder is lost for ever, "
    "remove {note} here to use this list again."
)
ARRIVING_HERE = (
    "The list of clips was not moved into this folder to the end. It is still, or first to be opened, in {folder}: choose "
    "that folder as Job List Folder in the preferences, then this one again. If that folder is lost for ever, remove "
    "{note} here to use what has come."
)
CUT_MOVE = (
    "The list of clips is just being moved to another folder, or that was cut short. Nothing is lost; the jobs go on as "
    "soon as it is opened again."
)
NEWER = (
    "The list of clips was written by a newer version of Grok Video: it is shown, but only that version "
    "can go on with it. Update the extension in this Blender."
)


def replaced(missing: int) -> str:
    """The sentence about a list in which so many clips of the list before are missing."""
    clips = "1 clip that was" if missing == 1 else f"{missing} clips that were"
    return (
        f"Another list of clips lies in the place of the one before: {clips} in that one are not in it. What was "
        "bought goes on at the service; put the other list back to have it fetched."
    )


def unreadable(data_dir: Path, name: str, why: str) -> str:
    return (
        f"The list of clips (Grok Video's ledger) in {data_dir} is not opened while {name} cannot be read ({why}): it may "
        "say that a clip was sent. Nothing is lost and nothing was bought by this; it is tried again by itself."
    )


def unwritable(data_dir: Path, why: str) -> str:
    return (
        f"The list of clips (Grok Video's ledger) in {data_dir} cannot be written just now: {why}. "
        "Nothing is lost and nothing was bought by this; check the disk's space and permissions."
    )

"""A ledger that is gone or damaged, made anew from the journals and from what can still be read of it.

Owns what is to be thought of a job whose record has holes: nothing is sent of what was not sent yet before the
artist says so, and a line that cannot be read may be the one that says *sending*.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from ..core import events
from ..core.files import WORKERS_PATIENCE, begin_anew, replace_patiently
from ..core.job import IllegalTransition, Job, State
from ..core.problem import LOST_HINT, Problem, ProblemCode
from ..core.spec import new_id
from .errors import LedgerDamaged
from .journal import Line, line_of, read_limits
from .locks import FileLock
from .place import MENDING
from .reader import REBUILT
from .schema import (
    FILE_NAME,
    ID,
    LIMITS_SCHEMA,
    SCHEMA_VERSION,
    stored_object,
    stored_text,
    uri,
)
from .store import Store


def rebuild(store: Store, damaged: Path | None) -> bool:
    """Fill an empty store from the journals, and from what can still be read of the ``damaged`` file.

    Returns whether there was anything to rebuild. Raises LedgerUnwritable.
    """
    rows = _salvaged(damaged) if damaged is not None else {}
    found = store.journals.read_all()
    lost = 0
    with store.transaction():
        store.put_limits(read_limits(store.data_dir))
        histories: list[tuple[str, dict[int, Line], bool]] = []
        for job_id in {**rows, **found}:
            lines, torn = found.get(job_id, ({}, False))
            histories.append((job_id, {**rows.get(job_id, {}), **lines}, torn))
        # In the order in which the jobs were made, which the list in the panel shows.
        histories.sort(key=lambda one: min((at for _, at in one[1].values()), default=0.0))
        for job_id, lines, torn in histories:
            # A number that is missing is a line that a full disk kept out altogether.
            torn |= len(lines) < max(lines, default=0)
            for _, (event, at) in sorted(lines.items()):
                with contextlib.suppress(IllegalTransition):  # a line whose commit failed
                    store.put(job_id, event, "", at, journal=False)
            job = store.current(job_id)
            if job is None:
                lost += 1
                continue
            for event in _doubts(job, torn):
                store.put(job_id, event, "", time.time(), journal=False)
            # A whole journal is read again, for other records of the job, before it may be made anew (catch_up).
            if torn or job_id not in found:
                store.renew_journal(job_id)
        rebuilt = bool(store.touched or lost) or damaged is not None
        if rebuilt:
            store.tell(REBUILT, {"message": _message(store.touched, lost)})
        store.connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    return rebuilt


def add_limits(store: Store) -> None:
    """Add the table of spending limits to a ledger that was made before limits existed."""
    with store.transaction():
        store.connection.execute(LIMITS_SCHEMA)
        store.put_limits(read_limits(store.data_dir))


def _message(kept: int, lost: int) -> str:
    clips = "1 clip" if kept == 1 else f"{kept} clips"
    rest = (
        f" {lost} more could not be read and count as nothing spent: see the folder jobs beside it."
    )
    return (
        f"The list of clips was damaged and has been rebuilt from its copies: {clips}. What was spent on them still "
        f"counts, and what was not sent yet waits for your word.{rest if lost else ''} A damaged file is kept."
    )


def _doubts(job: Job, torn: bool) -> list[events.Event]:
    """Events for a rebuilt job whose journal does not say that the last byte of its POST left.

    The artist releases such a job anew. ``torn``: a line of the journal cannot be read and may have said *sending*:
    the job then counts as one whose answer was lost.
    """
    if not waits(job):
        return []
    if torn:
        lost = Problem(
            ProblemCode.ANSWER_LOST,
            "The list of clips was damaged, and with it the record whether this job was sent. It may have been "
            "charged.",
            LOST_HINT,
        )
        return counted_as_sent(job, job.spec.estimate or 0, lost)
    problem = Problem(
        ProblemCode.HELD,
        "The list of clips was damaged and has been rebuilt. Nothing was bought.",
        "Press Send to send this job.",
    )
    return held_back(job, problem)


def waits(job: Job) -> bool:
    """Whether a job's POST is still to be sent, by what is on record."""
    return job.state is State.QUEUED or (job.state is State.SUBMITTING and not job.sent)


def counted_as_sent(job: Job, reserved: int, problem: Problem) -> list[events.Event]:
    """The events by which a job that ``waits`` counts as one whose answer was lost, at ``reserved`` ticks."""
    before: list[events.Event] = []
    if job.state is State.QUEUED:
        before = [events.Released(job.released_by)] if job.held else []
        before.append(events.SubmitStarted(reserved))
    return [*before, events.Sending(), events.AnswerLost(problem)]


def held_back(job: Job, problem: Problem) -> list[events.Event]:
    """The events by which a job that ``waits`` is held."""
    unsent = [events.NotSent(problem)] if job.state is State.SUBMITTING else []
    # NotSent ends a job that was to be stopped: held as well, a cancelled job would wait for the artist.
    return [*unsent, *([] if job.held or job.stop_requested else [events.Held(problem)])]


def _salvaged(path: Path) -> dict[str, dict[int, Line]]:
    """The events of a damaged ledger by job and number: from either end of the table, as far as SQLite reads."""
    found: dict[str, dict[int, Line]] = {}
    for order in ("ASC", "DESC"):
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(uri(path, "ro"), uri=True)) as connection,
        ):
            connection.text_factory = stored_text
            for job_id, seq, at, kind, payload in connection.execute(
                f"SELECT job, seq, at, kind, payload FROM events ORDER BY n {order}"
            ):
                if not (isinstance(job_id, str) and ID.fullmatch(job_id)):
                    continue
                with contextlib.suppress(sqlite3.DatabaseError):
                    if line := line_of(seq, at, kind, stored_object(payload)):
                        found.setdefault(job_id, {})[line[0]] = line[1]
    return found


def set_damaged_aside(data_dir: Path, worker: str) -> Path:
    """Move a damaged ledger away, only when no other worker lives; returns its new place.

    The caller holds the opening lock. Raises LedgerDamaged.
    """
    for path in (data_dir / "workers").glob("*.lock"):
        if path.stem == worker:
            continue
        lock = FileLock.take(path)
        if lock is None:
            raise LedgerDamaged(
                "The list of clips (Grok Video's ledger) is damaged and in use by another Blender. Nothing is "
                "bought again; close the other Blenders, and it is rebuilt from its copies."
            )
        lock.release(remove=True)
    stamp = f"damaged-{time.strftime('%Y%m%d-%H%M%S')}-{new_id()[:4]}"
    aside = data_dir / f"{FILE_NAME}.{stamp}"
    try:
        begin_anew(data_dir / MENDING, private=True).close()  # every Blender lets go of the file
        for suffix in ("", "-journal"):
            path = data_dir / f"{FILE_NAME}{suffix}"
            if path.exists():
                replace_patiently(path, Path(f"{aside}{suffix}"), WORKERS_PATIENCE)
    except OSError as error:
        raise LedgerDamaged(
            "The list of clips (Grok Video's ledger) is damaged, and its file cannot be put by: "
            f"{error.strerror}. Nothing is bought again; that is tried again by itself, and then the list is "
            "rebuilt from its copies."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            (data_dir / MENDING).unlink()
    return aside

"""The journal of a job, ``jobs/<id>.jsonl``: its events as readable lines, from which a ledger is rebuilt.

Owns how a line is written and read back, and the copy of the spending limits that lies beside the ledger. It is
given rows and knows no SQLite. The lines of money events are synced before the ledger commits what they say.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from ..core import events
from ..core.files import (
    WORKERS_PATIENCE,
    NoFile,
    open_own,
    read_file,
    sync,
    sync_name,
    write_whole,
)
from ..core.payload import from_payload
from ..core.spending import LARGEST_LIMIT
from .errors import LedgerUnwritable, unwritable
from .schema import ID, KIND, stored_object

LIMITS_NAME = "limits.json"  # the copy of the spending limits
_LONGEST_LIMITS = 1 << 16  # bytes
_LONGEST_JOURNAL = 64 << 20
#: Seconds of wall time that are no year any more (3000): the clocks of Windows end there.
_LAST_TIME = 32_503_680_000.0
_BEGINNING = b'{"seq": '  # of every line

Line = tuple[events.Event, float]  # an event and its wall time
Row = tuple[int, float, str, str]  # of the table of events: seq, wall time, kind, payload


def journal_line(seq: int, at: float, kind: str, payload: str) -> str:
    """The line of a journal for a stored event."""
    return f'{{"seq": {seq}, "at": {at!r}, "kind": "{kind}", "payload": {payload}}}\n'


def line_of(seq: Any, at: Any, kind: Any, payload: Any) -> tuple[int, Line] | None:
    """(number in its job, event with its wall time) of stored values; None for values that are no event."""
    if not (type(seq) is int and type(at) in (int, float) and math.isfinite(at)):
        return None
    if seq < 1 or not 0 <= at < _LAST_TIME:
        return None
    if not (isinstance(kind, str) and KIND.fullmatch(kind) and isinstance(payload, dict)):
        return None
    try:
        values: dict[str, Any] = payload  # pyright: ignore[reportUnknownVariableType]
        event = from_payload(kind, values)
    except (ValueError, OverflowError):
        return None
    ticks = getattr(event, "reserved", 0) or getattr(event, "cost", None) or 0
    return (seq, (event, float(at))) if ticks >= 0 else None


def entries_of(data: bytes) -> tuple[list[tuple[int, Line] | None], bool]:
    """The lines of a journal in their order, None for one that cannot be read, and whether the last was cut.

    A line that was cut is left out: no commit has followed it.
    """
    found: list[tuple[int, Line] | None] = []
    cut = False
    raws = data.split(b"\n")
    for number, raw in enumerate(raws, 1):
        try:
            line = json.loads(raw)
            entry = line_of(line["seq"], line["at"], line["kind"], line["payload"])
        except (ValueError, KeyError, TypeError, RecursionError):
            entry = None
        if entry is None and number == len(raws) and _was_cut(raw):
            cut = True
        elif entry is not None or raw.strip():
            found.append(entry)
    return found, cut


def _was_cut(raw: bytes) -> bool:
    """Whether ``raw`` is the beginning of a line, and not noise in the place of one."""
    whole = raw.startswith(_BEGINNING) and raw.isascii() and raw.decode().isprintable()
    return bool(raw) and (whole or _BEGINNING.startswith(raw))


def read_journal(path: Path) -> tuple[dict[int, Line], bool]:
    """The events of a journal by their number, and whether any of its lines cannot be read.

    Of two lines with one number the last counts: a line is written before its commit, and a commit that fails
    leaves the number to the next event.
    """
    try:
        entries, cut = entries_of(read_file(path, _LONGEST_JOURNAL))
    except OSError:
        return {}, True
    return dict(entry for entry in entries if entry is not None), cut or None in entries


class Journals:
    """The journals of all jobs of a ledger. ``trouble``: why the last line could not be written; '' when it was."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "jobs"
        self._named: set[str] = (
            set()
        )  # jobs whose journal is sure to be found under its name after a power cut
        self.trouble = ""

    def read_all(self) -> dict[str, tuple[dict[int, Line], bool]]:
        """Every journal that there is, by the id of its job; see ``read_journal``."""
        return {path.stem: read_journal(path) for path in self._folder.glob("*.jsonl")}

    def sizes(self) -> dict[str, int]:
        """The length in bytes of each job's journal; -1 for one that is no file. Raises OSError."""
        found: dict[str, int] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                job_id, dot, end = entry.name.partition(".")
                if dot and end == "jsonl" and ID.fullmatch(job_id):
                    try:
                        about = entry.stat(follow_symlinks=False)
                        found[job_id] = about.st_size if stat.S_ISREG(about.st_mode) else -1
                    except OSError:  # gone meanwhile
                        found[job_id] = -1
        return found

    def read(self, job_id: str) -> bytes:
        """The text of a job's journal. Raises OSError, also for what is no file or longer than any journal."""
        return read_file(self._path(job_id), _LONGEST_JOURNAL)

    def write(self, job_id: str, line: str, *, synced: bool) -> int | None:
        """Append a line to the job's journal; returns its length in bytes after that.

        None for a failure, which is only noted in ``trouble``: the ledger has the event too.
        """
        try:
            with open_own(self._path(job_id), "a+b") as file:
                file.write(_line_break(file) + line.encode())
                size = file.tell()
                if synced:
                    file.flush()
                    sync(file.fileno())
            if synced and job_id not in self._named:
                sync_name(self._path(job_id))
                self._named.add(job_id)
            self.trouble = ""
        except OSError as error:
            self.trouble = _trouble(job_id, error)
            return None
        return size

    def has(self, job_id: str) -> bool:
        """Whether the job has a journal."""
        return self._path(job_id).exists()

    def holds(self, job_id: str, rows: Iterable[Row]) -> bool:
        """Whether the job's journal has a line for each of the rows, saying the same."""
        lines, _torn = read_journal(self._path(job_id))
        told = [line_of(seq, at, kind, stored_object(text)) for seq, at, kind, text in rows]
        return all(line is not None and lines.get(line[0]) == line[1] for line in told)

    def renew(self, job_id: str, rows: Iterable[Row]) -> int | None:
        """Write the job's journal anew from ``rows``; returns its length in bytes, None for a failure.

        A line that ``rows`` lack would mislead the next rebuild: what stood there is kept beside it.
        """
        path = self._path(job_id)
        text = "".join(journal_line(*row) for row in rows).encode()
        self.trouble = ""
        try:
            before = read_file(path, _LONGEST_JOURNAL) if path.exists() else b""
            if before == text:
                return len(text)
            if before:
                aside = path.with_suffix(".damaged")
                write_whole(aside, before, durable=True, private=True, patience=WORKERS_PATIENCE)
            write_whole(path, text, durable=True, private=True, patience=WORKERS_PATIENCE)
        except OSError as error:
            # Noted, not raised: no job is sent while its journal lacks anything (Store._write_journals).
            self.trouble = _trouble(job_id, error)
            return None
        return len(text)

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.jsonl"


def _line_break(file: IO[bytes]) -> bytes:
    """A line break where the last line of ``file`` lacks one: a full disk or a crash cut that line."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _trouble(job_id: str, error: OSError) -> str:
    return f"The readable copy of job {job_id[:8]} is incomplete: {error.strerror}"


def write_limits(data_dir: Path, values: Mapping[str, int]) -> None:
    """Write the copy of the spending limits. Raises LedgerUnwritable."""
    path = data_dir / LIMITS_NAME
    data = json.dumps(values).encode()
    try:
        write_whole(path, data, durable=True, private=True, patience=WORKERS_PATIENCE)
    except OSError as error:
        raise LedgerUnwritable(unwritable(data_dir, error.strerror or "")) from error


def read_limits(data_dir: Path) -> dict[str, int]:
    """The copy of the spending limits, ticks by name; empty where there is no copy. Raises LedgerUnwritable.

    For a copy that cannot be read: a limit of one tick a day, so that nothing is bought until the artist sets
    the limits anew.
    """
    try:
        told = json.loads(read_file(data_dir / LIMITS_NAME, _LONGEST_LIMITS))
        values = {name: int(told[name]) for name in ("day", "month", "count_loopback")}
        if not all(0 <= ticks <= LARGEST_LIMIT for ticks in values.values()):
            raise ValueError("no limits")
    except FileNotFoundError:
        return {}
    except (NoFile, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return {"day": 1}
    except OSError as error:
        raise LedgerUnwritable(unwritable(data_dir, error.strerror or "")) from error
    return values

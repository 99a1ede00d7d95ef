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
from contextlib import suppress
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
from .errors import LedgerUnwritable, unreadable, unwritable
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
    """The lines of a journal in their order, None for one that cannot be read, and whether any was cut.

    A line that was cut, by a full disk or a crash, is left out: no *sending* is committed whose line is not whole.
    """
    found: list[tuple[int, Line] | None] = []
    cut = False
    # Each line stands for itself, also behind one that was cut: no text of a payload holds this beginning as it is.
    raws = data.replace(_BEGINNING, b"\n" + _BEGINNING).split(b"\n")
    for number, raw in enumerate(raws, 1):
        try:
            line = json.loads(raw)
            entry = line_of(line["seq"], line["at"], line["kind"], line["payload"])
        except (ValueError, KeyError, TypeError, RecursionError):
            entry = None
        if entry is None and _was_cut(raw, last=number == len(raws)):
            cut = True
        elif entry is not None or raw.strip():
            found.append(entry)
    return found, cut


def _was_cut(raw: bytes, *, last: bool) -> bool:
    """Whether ``raw`` is the beginning of a line, and not noise in the place of one; ``last``: in the file."""
    if not raw or _BEGINNING.startswith(raw):
        return bool(raw)
    if not (raw.startswith(_BEGINNING) and raw.isascii() and raw.decode().isprintable()):
        return False
    return last or _could_go_on(raw.decode())


def _could_go_on(text: str) -> bool:
    """Whether JSON ends in the midst of ``text``: a line that was damaged is no beginning of one."""
    if text.endswith("}}"):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        return rest.startswith('"') or any(
            word.startswith(rest) for word in ("true", "false", "null")
        )
    except (ValueError, RecursionError):
        pass
    return False


def read_journal(path: Path) -> tuple[dict[int, Line], bool]:
    """The events of a journal by their number, and whether any of its lines cannot be read.

    Of two lines with one number the last counts: a line is written before its commit, and a process that dies between
    the two leaves the number to the next event.
    """
    try:
        entries, cut = entries_of(read_file(path, _LONGEST_JOURNAL))
    except OSError:
        return {}, True
    return dict(entry for entry in entries if entry is not None), cut or None in entries


def mark_of(found: os.stat_result) -> str:
    """What tells a journal from the same one at another time, or from another's of the same length."""
    return f"{found.st_size}:{found.st_mtime_ns}"


class Journals:
    """The journals of all jobs of a ledger. ``trouble``: why the last line could not be written; '' when it was."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "jobs"
        self._named: set[str] = (
            set()
        )  # jobs whose journal is sure to be found under its name after a power cut
        self.trouble = ""
        #: What was appended since the last ``settle``, by job: the journal's length before, its mark after.
        self._appended: dict[str, tuple[int, str]] = {}

    def read_all(self) -> dict[str, tuple[dict[int, Line], bool]]:
        """Every journal that there is, by the id of its job; see ``read_journal``.

        Raises LedgerUnwritable for one that cannot be read just now: without its events a job would look unsent.
        """
        found: dict[str, tuple[dict[int, Line], bool]] = {}
        for job_id in self.marks():
            data = self.read(job_id)
            entries, cut = entries_of(data or b"")
            lines = dict(entry for entry in entries if entry is not None)
            found[job_id] = lines, data is None or cut or None in entries
        return found

    def marks(self) -> dict[str, str]:
        """The mark of each job's journal (see ``mark_of``); '' for one that is no file. Raises LedgerUnwritable."""
        found: dict[str, str] = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    job_id, dot, end = entry.name.partition(".")
                    if dot and end == "jsonl" and ID.fullmatch(job_id):
                        with suppress(FileNotFoundError):  # gone meanwhile
                            about = entry.stat(follow_symlinks=False)
                            found[job_id] = mark_of(about) if stat.S_ISREG(about.st_mode) else ""
        except OSError as error:
            raise self._unreadable(f"the folder {self._folder.name}", error) from error
        return found

    def read(self, job_id: str) -> bytes | None:
        """The text of a job's journal; None for what is gone, no file, or longer than any journal.

        Raises LedgerUnwritable for one that cannot be read just now, as while a scanner of Windows looks at it.
        """
        path = self._path(job_id)
        try:
            return read_file(path, _LONGEST_JOURNAL)
        except (FileNotFoundError, NoFile):
            return None
        except OSError as error:
            raise self._unreadable(f"{self._folder.name}/{path.name}", error) from error

    def write(self, job_id: str, line: str, *, synced: bool) -> tuple[str, str] | None:
        """Append a line to the job's journal; returns its marks before, '' for a new one, and after that.

        None for a failure, which is only noted in ``trouble``: the ledger has the event too.
        """
        try:
            with open_own(self._path(job_id), "a+b") as file:
                about = os.fstat(file.fileno())
                file.write(_line_break(file) + line.encode())
                file.flush()
                before = mark_of(about) if about.st_size else ""
                after = mark_of(os.fstat(file.fileno()))
                first, _ = self._appended.get(job_id, (about.st_size, ""))
                self._appended[job_id] = first, after
                if synced:
                    sync(file.fileno())
            if synced and job_id not in self._named:
                sync_name(self._path(job_id))
                self._named.add(job_id)
            self.trouble = ""
        except OSError as error:
            self.trouble = _trouble(job_id, error)
            return None
        return before, after

    def keep(self, job_id: str) -> None:
        """Let a job's lines stand whatever becomes of the commit: they say what has happened at the service."""
        self._appended.pop(job_id, None)

    def settle(self, *, committed: bool) -> None:
        """Let the lines written since the last call stand, or take them back: nothing follows from them.

        A line that stays without its commit would be another record of its job to whoever reads the journal.
        """
        for job_id, (length, mark) in () if committed else self._appended.items():
            with suppress(OSError), open_own(self._path(job_id), "r+b") as file:
                if mark_of(os.fstat(file.fileno())) == mark:
                    file.truncate(length)
        self._appended.clear()

    def has(self, job_id: str) -> bool:
        """Whether the job has a journal."""
        return self._path(job_id).exists()

    def holds(self, job_id: str, rows: Iterable[Row]) -> bool:
        """Whether the job's journal has a line for each of the rows, saying the same."""
        lines, _torn = read_journal(self._path(job_id))
        told = [line_of(seq, at, kind, stored_object(text)) for seq, at, kind, text in rows]
        return all(line is not None and lines.get(line[0]) == line[1] for line in told)

    def renew(self, job_id: str, rows: Iterable[Row]) -> str | None:
        """Write the job's journal anew from ``rows``; returns its mark, None for a failure.

        A line that ``rows`` lack would mislead the next rebuild: what stood there is kept beside it.
        """
        path = self._path(job_id)
        text = "".join(journal_line(*row) for row in rows).encode()
        self.trouble = ""
        try:
            before = read_file(path, _LONGEST_JOURNAL) if path.exists() else b""
            if before and before != text:
                aside = path.with_suffix(".damaged")
                write_whole(aside, before, durable=True, private=True, patience=WORKERS_PATIENCE)
            if before != text:
                write_whole(path, text, durable=True, private=True, patience=WORKERS_PATIENCE)
            mark = mark_of(os.stat(path, follow_symlinks=False))
        except OSError as error:
            # Noted, not raised: no job is sent while its journal lacks anything (Store._write_journals).
            self.trouble = _trouble(job_id, error)
            return None
        return mark

    def _unreadable(self, what: str, error: OSError) -> LedgerUnwritable:
        return LedgerUnwritable(unreadable(self._folder.parent, what, error.strerror or ""))

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

"""The tables of the ledger, its version, and how a stored cell is read without being believed.

Owns the SQL that makes a ledger. Changes are additive: several versions of the extension share one file.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..core.files import planted

SCHEMA_VERSION = 1
#: The version of a list that is moved away or just coming: no version of the extension writes into a newer ledger. What
#: has become of the list say the notes beside it (``ledger.whereabouts``).
FENCED = 1_000_000
FILE_NAME = "ledger.sqlite3"
_BESIDE = ("", "-journal", "-wal", "-shm")  # what SQLite opens by itself
#: The table of spending limits is newer than the first ledgers, and is added to a ledger that lacks it.
LIMITS_SCHEMA = """
CREATE TABLE IF NOT EXISTS limits(name TEXT PRIMARY KEY, value INTEGER NOT NULL)"""
#: The mark of the job's journal (``journal.mark_of``) as this row was written; 0.1.0, which knows of none, leaves NULL.
JOURNAL_COLUMN = "journal TEXT"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS events(
    n INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL,
    kind TEXT NOT NULL, payload TEXT NOT NULL, worker TEXT NOT NULL DEFAULT '', UNIQUE(job, seq));
CREATE INDEX IF NOT EXISTS spending ON events(at, job) WHERE kind = 'submit_started';
CREATE TABLE IF NOT EXISTS jobs(
    id TEXT PRIMARY KEY, first INTEGER NOT NULL, n INTEGER NOT NULL UNIQUE,
    fold TEXT NOT NULL, snapshot TEXT NOT NULL, {JOURNAL_COLUMN});
CREATE TABLE IF NOT EXISTS posts(job TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TRIGGER IF NOT EXISTS one_post AFTER INSERT ON events WHEN NEW.kind = 'sending'
    BEGIN INSERT INTO posts(job, at) VALUES (NEW.job, NEW.at); END;
CREATE TRIGGER IF NOT EXISTS post_refuted AFTER INSERT ON events WHEN NEW.kind = 'not_sent'
    AND json_extract(NEW.payload, '$.problem.http_status') IN (425, 429)
    BEGIN DELETE FROM posts WHERE job = NEW.job; END;
CREATE TABLE IF NOT EXISTS leases(
    job TEXT PRIMARY KEY, worker TEXT NOT NULL, crashes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS workers(id TEXT PRIMARY KEY, session TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS slots(account TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS slots_by_account ON slots(account, at);
CREATE TABLE IF NOT EXISTS commands(id TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS notices(
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, payload TEXT NOT NULL);
{LIMITS_SCHEMA};
"""


#: Name of the code that folds events into a job. A snapshot under another name is ignored and the job folded anew from
#: its events. tests/core/test_fold.py fails, and says the new name, when that code changes.
FOLD = "43a3464ed56bc36f"
ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
KIND = re.compile(r"[a-z_]{1,64}")
NOT_NOW = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN}
#: SQLite's codes for a file that is no ledger any more: not for a full disk, a lock or a permission.
BROKEN = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_ERROR,  # a table that is gone, a format that there is not
}


def stored_object(text: Any) -> dict[str, Any]:
    """The JSON object that was stored. Raises sqlite3.DatabaseError: nobody stores anything else."""
    try:
        data = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise damage("stored JSON") from error
    if not isinstance(data, dict):
        raise damage("stored JSON")
    return data  # pyright: ignore[reportUnknownVariableType]


def damage(what: str) -> sqlite3.DatabaseError:
    """The error for a ledger whose ``what`` is noise: SQLite has no checksums and reads noise without one."""
    error = sqlite3.DatabaseError(f"{what} cannot be read")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def stored_text(data: bytes) -> str:
    """The text of a stored cell, which is ASCII. Raises sqlite3.DatabaseError for noise."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise damage("stored text") from None


def no_file(path: Path) -> str:
    """The name of what is no file of ours in the place of the ledger ``path`` or of a file beside it; '' for none.

    To be asked before SQLite opens the ledger: SQLite waits at a pipe until somebody writes into it.
    """
    for end in _BESIDE:
        beside = path.with_name(path.name + end)
        if planted(beside):
            return beside.name
        try:
            mode = os.stat(beside).st_mode
        except OSError:
            continue
        if not stat.S_ISREG(mode):
            return beside.name
    return ""


def uri(path: Path, mode: str) -> str:
    text = path.absolute().as_posix()
    return f"file://{'' if text.startswith('/') else '/'}{quote(text, safe='/:')}?mode={mode}"


def main_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF

"""The ledger: one durable file for jobs and events, shared by every Blender and worker of one user.

Owns the data folder (``ledger.sqlite3``, ``inbox/``, ``workers/``, ``jobs/<id>.jsonl``) and how the file is opened,
made, mended and closed; its parts are the store, the leases and the commands. It must not know HTTP, clips or
Blender. Everything raises ``LedgerError`` with a sentence for an artist, never a bare sqlite3 error.

SQLite runs with ``journal_mode=TRUNCATE`` and ``synchronous=FULL``: WAL fails on network homes.
Nobody opens the database except through SQLite: any other open and close in a process drops its locks.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from ..core.files import INSIDE, make_private, sync_folder
from .catch_up import catch_up
from .commands import Commands
from .errors import (
    NEWER,
    LedgerDamaged,
    LedgerElsewhere,
    LedgerError,
    LedgerMoved,
    LedgerNewer,
    LedgerUnwritable,
    unwritable,
)
from .leases import Leases
from .locks import FileLock, wait_for
from .place import DataFolder, file_id
from .rebuild import add_limits, rebuild, set_damaged_aside
from .schema import (
    BROKEN,
    FENCED,
    FILE_NAME,
    SCHEMA,
    SCHEMA_VERSION,
    damage,
    main_code,
    no_file,
    stored_text,
    uri,
)
from .store import Store
from .whereabouts import elsewhere

#: Seconds in which a living worker takes back the transaction of a dead one, whose journal it has open: it looks each second.
_TAKEN_BACK = 20.0


class Ledger(Store):
    """The open ledger: the store, with leases and commands. ``rebuilt``: the file was damaged or gone when opened."""

    def __init__(
        self, data_dir: Path, connection: sqlite3.Connection, lock: FileLock | None
    ) -> None:
        super().__init__(data_dir, connection)
        self.rebuilt = False
        self.folder = DataFolder(data_dir)
        self.leases = Leases(self, lock)
        self.commands = Commands(self, self.leases)
        self._own = lock

    @classmethod
    def open(
        cls, data_dir: Path, *, worker: str = "", session: str = "", lock: FileLock | None = None
    ) -> Ledger:
        """Open the ledger, made or mended where need be. A ``worker`` id takes that worker's lock until ``close``.

        ``lock``: that lock, where the caller holds it already. Raises LedgerNewer, LedgerElsewhere, LedgerDamaged,
        LedgerMoved or LedgerUnwritable.
        """
        data_dir = Path(data_dir)
        try:
            make_private(data_dir)
            for folder in ("inbox", "workers", "jobs", "stills", "clips"):
                (data_dir / folder).mkdir(mode=INSIDE, exist_ok=True)
            if not (data_dir / FILE_NAME).exists():
                for folder in (data_dir, *data_dir.parents):  # each may be as new as the ledger
                    sync_folder(folder)
            if worker and lock is None:
                lock = FileLock.take(data_dir / "workers" / f"{worker}.lock")
        except OSError as error:
            raise LedgerUnwritable(unwritable(data_dir, error.strerror or "")) from error
        if worker and lock is None:
            raise LedgerUnwritable("Another worker with the same id is running.")
        ledger = None
        try:
            opening = wait_for(data_dir / "opening.lock")
            try:
                ledger = cls.opened(data_dir, lock, worker)
            finally:
                opening.release()
            if worker:
                ledger.leases.register(worker, session)
        except BaseException:
            if ledger is not None:
                ledger.close()
            elif lock is not None:
                lock.release(remove=True)
            raise
        return ledger

    @classmethod
    def opened(cls, data_dir: Path, lock: FileLock | None = None, worker: str = "") -> Ledger:
        """``open`` for a caller that holds the opening lock of the folder, which is made."""
        if words := elsewhere(data_dir):
            raise LedgerElsewhere(words)
        damaged: Path | None = None
        for last_try in (False, True):
            connection: sqlite3.Connection | None = None
            path = data_dir / FILE_NAME
            try:
                before = file_id(path)
                connection = _connect(path)
                schema = _checked(connection)
                ledger = cls(data_dir, connection, lock)
                if schema < SCHEMA_VERSION:
                    connection.executescript(f"BEGIN IMMEDIATE;{SCHEMA}COMMIT;")
                    # A missing file is rebuilt like a damaged one. The version is written last, in one
                    # transaction with the jobs: killed before, this process has made nothing.
                    ledger.rebuilt = rebuild(ledger, damaged)
                elif not connection.execute(
                    "SELECT 1 FROM sqlite_master WHERE name = 'limits'"
                ).fetchone():
                    add_limits(ledger)
                ledger.read_all()
                ledger.file = file_id(path)
                ledger.folder.note()
                if before not in (None, ledger.file):
                    raise LedgerMoved
                catch_up(ledger, ledger.leases.driven)
                return ledger
            except OSError as error:
                if connection is not None:
                    connection.close()
                raise LedgerUnwritable(unwritable(data_dir, error.strerror or "")) from error
            except (sqlite3.Error, LedgerDamaged) as error:
                if connection is not None:
                    connection.close()
                broken = isinstance(error, LedgerDamaged) or main_code(error) in BROKEN
                # A full disk, a lock or a permission is no damage: the file stays where it is.
                if not broken or last_try:
                    raise LedgerUnwritable(unwritable(data_dir, str(error))) from error
                damaged = set_damaged_aside(data_dir, worker)
            except LedgerError:
                if connection is not None:
                    connection.close()
                raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Give everything back: the connection, then the lock that says *alive*."""
        with self._guard:
            lock = self.leave()
            if lock is not None:
                lock.release(remove=True)

    def leave(self) -> FileLock | None:
        """Close the connection only. Returns the lock that says *alive*, for the next ledger at the same path.

        None without a lock, or when its file is not at its path any more: nobody would look for it there.
        """
        with self._guard:
            super().close()
            lock, self._own = self._own, None
            if lock is not None and not lock.in_place:
                lock.release()
                return None
            return lock


def _connect(path: Path) -> sqlite3.Connection:
    if name := no_file(path):
        raise LedgerUnwritable(unwritable(path.parent, f"what lies at {name} is no file"))
    connection = sqlite3.connect(
        uri(path, "rwc"), uri=True, timeout=30.0, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = stored_text
    return connection


def _schema_of(connection: sqlite3.Connection) -> int:
    """The schema version of the file, which is read for the first time: a dead worker's transaction is taken back."""
    deadline = time.monotonic() + _TAKEN_BACK
    while True:
        try:
            return connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.OperationalError as error:
            # At its first read SQLite deletes the journal afterwards. Windows refuses that while another worker has the
            # journal open, as the mode TRUNCATE does.
            refused = error.sqlite_errorcode == sqlite3.SQLITE_IOERR_DELETE
            if not refused or time.monotonic() > deadline:
                raise
        time.sleep(1.0)  # SQLite has held the lock for as long: now it is the living worker's turn


def _checked(connection: sqlite3.Connection) -> int:
    """The schema version of the open file (0: new), after its check; writing is set up to be durable.

    Raises LedgerNewer, or sqlite3.Error for a damaged file.
    """
    schema = _schema_of(connection)
    if schema > SCHEMA_VERSION and schema != FENCED:
        connection.close()
        raise LedgerNewer(NEWER)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise damage(verdict)
    connection.execute("PRAGMA journal_mode=TRUNCATE")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA cache_spill=OFF")  # see Store.transaction
    if schema == FENCED:
        # No note says where the list went: whoever moved it was killed before it was anywhere else.
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        return SCHEMA_VERSION
    return schema

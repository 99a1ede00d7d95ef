"""The desk: what the worker's loop and its calls share, and nothing else.

Owns the open ledger, the account, the calls in flight, when the next call may start, and the worker's log. Only the
loop decides; a call runs in a thread of its own, does one thing, and reports by a message.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import events
from ..core.clock import Clocks
from ..core.files import open_own, replace_patiently, size_of
from ..core.job import Job
from ..core.legible import legible
from ..core.record import record
from ..core.redact import KeyMask, hosts_only, mask
from ..core.spec import FileMark, accounts_of
from ..ledger.ledger import Ledger
from ..ledger.store import Accounts
from ..service.answer import NOT_NAMED, Named
from . import schedule
from .call_log import CallLog
from .http.call import Call
from .http.transport import Transport
from .schedule import Pace
from .wording import worded

AT_ONCE = {"submit": 3, "poll": 4, "download": 3, "check": 1}
_LIMITED = frozenset({"submit", "poll", "check"})  # calls to the API take a slot
LOG_SIZE = 256 << 10


@record
class Account:
    """The API base and key in use; ``repr`` never shows the key."""

    fingerprint: str
    pace: Pace
    key: str = field(repr=False)
    transport: Transport | None

    def fingerprints(self, recorded: Iterable[str]) -> frozenset[str]:
        """All fingerprints of the account, among jobs that have those API bases on record."""
        if self.transport is None or not self.key:
            return frozenset()
        return accounts_of(self.transport.base, self.key, recorded)


@dataclass(slots=True)
class RunningCall:
    """One call in flight, and what its thread has to report."""

    kind: str  # a key of AT_ONCE
    job_id: str
    call: Call
    again: bool = False  # for the file of a clip that was delivered before
    began: Clocks = field(default_factory=Clocks.now)
    sent: bool = False  # the last byte of a POST is recorded as leaving
    files: tuple[FileMark, ...] = ()  # a POST's, each as its file was read
    etag: str = ""
    wait: float = 0.0  # seconds that the service asked for
    trouble: bool = False
    limited: bool = False  # the service answered 429: asked too often
    named: Named = NOT_NAMED  # of a poll: of the one before, then its own
    events: list[events.Event] = field(default_factory=list[events.Event])
    command: Mapping[str, Any] | None = None
    path: Path | None = None
    answer: Mapping[str, Any] | None = None


class Desk:
    """What the loop of one worker and its calls share: ledger, account, calls in flight, log."""

    def __init__(self, data_dir: Path, session: str, worker_id: str, umask: int) -> None:
        self.data_dir = data_dir
        self.session = session
        self.id = worker_id
        self.umask = umask  # the artist's, for files in folders of the artist
        self.ledger = Ledger.open(data_dir, worker=worker_id, session=session)
        self.call_log = CallLog(data_dir)
        self.messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.reported = threading.Event()  # a call has reported since the messages were last read
        self.account: Account | None = None
        self.online = False
        self.leaving = False
        self.sending = threading.Lock()  # held while it is decided whether a last byte leaves
        self.running: dict[str, RunningCall] = {}
        self.pause_until = 0.0  # monotonic time before which nothing is asked of the service
        self.last_call = ""  # the kind of the last call that took a slot
        self._said = ""

    def record(self, job: Job, event: events.Event, accounts: Accounts | None = None) -> Job:
        """Put an event of ``job`` as it is now on record, in the job's own words. Raises as ``Ledger.append``."""
        (told,) = worded(job, [event])
        return self.ledger.append(job.id, job.seq, told, worker=self.id, accounts=accounts)

    # -- calls

    @property
    def pace(self) -> Pace:
        """How often the account's service may be asked; the ordinary pace without an account."""
        return self.account.pace if self.account else Pace()

    @property
    def transport(self) -> Transport:
        """The transport to the account's API base. Only for a call that is due: without an account none is."""
        assert self.account is not None
        assert self.account.transport is not None
        return self.account.transport

    def start(self, call: RunningCall, work: Callable[..., None], *given: Any) -> None:
        """Do ``work(call, desk, *given)`` in a thread of its own; ``('call', call)`` is the message of its end."""
        self.running[call.job_id] = call

        def run() -> None:
            try:
                work(call, self, *given)
            except Exception:
                # A bug must end this call and no other; ``call.sent`` says what becomes of a POST.
                self.log(traceback.format_exc())
                call.trouble = True
            finally:
                call.call.close()
                self.messages.put(("call", call))
                self.reported.set()

        threading.Thread(target=run, daemon=True, name=f"{call.kind} {call.job_id[:8]}").start()

    def free_at(self, kind: str) -> float:
        """Monotonic time from when on a call of that kind may start, as far as this process knows."""
        if sum(call.kind == kind for call in self.running.values()) >= AT_ONCE.get(kind, math.inf):
            return math.inf  # the end of a call is a message, after which the loop looks again
        return self.pause_until if kind in _LIMITED else 0.0

    def slot(self, kind: str, *, modest: bool = False) -> float:
        """Take a slot for a call of that kind: 0 when the call may start now, else seconds until to ask again.

        ``modest``: leave a moment in which another worker's submission takes the slot.
        """
        account = self.account
        assert account is not None
        mono = time.monotonic()
        free = self.free_at(kind)
        if free > mono:
            return free - mono
        pace = account.pace
        gap = pace.gap * (1.0 + schedule.MODEST) if modest else pace.gap
        leases = self.ledger.leases
        known = account.fingerprints(self.ledger.bases())
        wait = leases.take_slot(account.fingerprint, time.time(), gap, pace.per_minute, known)
        if wait:
            # The wait is the account's: until then no call of this process needs to ask the ledger.
            self.pause_until = mono + wait
        else:
            self.last_call = kind
        return wait

    def pause(self, until: float) -> None:
        """Ask nothing of the service before that monotonic time."""
        self.pause_until = max(self.pause_until, until)

    def abort_unsent(self) -> None:
        """End every call but the POSTs whose last byte has left: what is paid for has its id in the answer."""
        with self.sending:
            for call in self.running.values():
                if not call.sent:
                    call.call.abort()

    # -- the log

    def say(self, text: str) -> None:
        """Log a standing trouble once, not on every turn of the loop."""
        if text != self._said:
            self.log(text)
        self._said = text

    def said_nothing(self) -> None:
        """Note that a turn of the loop went well: after it, ``say`` logs the same trouble again."""
        self._said = ""

    def log(self, text: str) -> None:
        """Append a line to the worker's log, without the key and URLs' paths."""
        if self.account is not None:
            text = KeyMask(self.account.key).text(text)
        write_log(self.data_dir, text)


def write_log(data_dir: Path, text: str) -> None:
    """Append a line to ``worker.log``, without keys and URLs' paths; at 256 KB the file becomes ``worker.log.1``."""
    path = data_dir / "worker.log"
    text = legible(hosts_only(mask(text)))
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{os.getpid()}] {text}\n"
    with contextlib.suppress(OSError):  # a full disk must not end the worker over a line of its log
        if size_of(path) > LOG_SIZE:
            with contextlib.suppress(
                OSError
            ):  # Windows: somebody reads it, and the line is kept all the same
                replace_patiently(path, path.with_name("worker.log.1"), 0.0)
        with open_own(path, "ab") as file:
            file.write(line.encode())


def pace_of(line: Mapping[str, Any], *, loopback: bool) -> Pace:
    """The pace that Blender asked for: faster than the service allows only on a loopback service."""
    usual = Pace()

    def number(name: str, default: float) -> float:
        value = line.get(name)
        good = isinstance(value, int | float) and math.isfinite(value) and value > 0
        return float(value) if good else default  # pyright: ignore[reportArgumentType]

    poll, gap = number("poll_interval", usual.poll), number("gap", usual.gap)
    per_minute = int(number("per_minute", usual.per_minute))
    if loopback:
        return Pace(poll, gap, max(per_minute, 1))
    return Pace(max(poll, usual.poll), max(gap, usual.gap), max(min(per_minute, 60), 1))

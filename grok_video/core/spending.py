"""What was spent and what may be: limits, local days and months, totals, and the table of it all.

Pure: it is given jobs, limits and a wall time. It must not know SQLite, files or Blender. Money is integer ticks
(1 USD = 10**10 ticks).

A job counts on the day on which its cost was last reserved. A limit counts for each account by itself, and
what was spent at a service on this computer counts never.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable

from .amount import TICKS_PER_USD, usd
from .job import Job
from .problem import Problem, ProblemCode
from .record import record
from .urls import is_local

#: Larger limits are slips of the keyboard: ten million dollars.
LARGEST_LIMIT = 10_000_000 * TICKS_PER_USD


@record
class Limits:
    """How much an account may spend a day and a month, in ticks; 0: no limit."""

    day: int = 0
    month: int = 0
    #: Tests let a service on this computer count; nothing that an artist can press sets it.
    count_loopback: bool = False

    @property
    def any(self) -> bool:
        """Whether there is any limit."""
        return bool(self.day or self.month)

    def count(self, api_base: str) -> bool:
        """Whether what is spent at ``api_base`` counts: a service on this computer takes no money."""
        return self.count_loopback or not is_local(api_base)


@record
class Spending:
    """Sums in ticks of what was spent, or may have been: for the .blend, today, this month, all time."""

    file: int = 0
    today: int = 0
    month: int = 0
    all_time: int = 0
    account_today: int = 0  # of the account in use: what its limits count
    account_month: int = 0


def not_before(now: float, jobs: Iterable[Job]) -> float:
    """The wall time by which limits count: ``now``, but never before the newest purchase (a clock may be set back)."""
    return max(now, max((job.started_at for job in jobs), default=0.0))


def day_start(at: float) -> float:
    """The wall time at which the local day of ``at`` began."""
    now = time.localtime(at)
    return time.mktime((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0, 0, 0, -1))


def month_start(at: float) -> float:
    """The wall time at which the local month of ``at`` began."""
    now = time.localtime(at)
    return time.mktime((now.tm_year, now.tm_mon, 1, 0, 0, 0, 0, 0, -1))


def spent(jobs: Iterable[Job], account: str, since: float) -> int:
    """Ticks that the account's jobs cost, or may cost, that were submitted since that wall time."""
    return sum(job.spent for job in jobs if job.started_at >= since and job.spec.account == account)


def spending(
    jobs: Iterable[Job],
    limits: Limits,
    account: str,
    in_file: Callable[[Job], bool],
    now: float,
) -> Spending:
    """The sums of what ``jobs`` cost; ``in_file`` says which of them belong to the .blend that is open."""
    started = [job for job in jobs if job.started_at]
    now = not_before(now, started)
    day, month = day_start(now), month_start(now)
    file = today = this_month = all_time = account_today = account_month = 0
    for job in started:
        ticks = job.spent
        if not ticks or not limits.count(job.spec.api_base):
            continue
        all_time += ticks
        if in_file(job):
            file += ticks
        if job.started_at >= month:
            this_month += ticks
            account_month += ticks if job.spec.account == account else 0
        if job.started_at >= day:
            today += ticks
            account_today += ticks if job.spec.account == account else 0
    return Spending(file, today, this_month, all_time, account_today, account_month)


def over(limits: Limits, today: int, month: int, price: int | None, model: str) -> Problem | None:
    """Why the spending limits refuse a clip; None when they do not.

    ``today`` and ``month`` are what the account has spent, ``price`` what the clip costs (None: not known).
    """
    if not limits.any:
        return None
    if price is None:
        return _limit(
            f"There is a spending limit, and what the model “{model}” costs is not known.",
            "Enter its price per second in the preferences and generate anew, or set the limits to 0.",
        )
    for name, limit, already, waits in (
        ("month", limits.month, month, "next month"),
        ("day", limits.day, today, "tomorrow"),
    ):
        if limit and already + price > limit:
            return _limit(
                f"The limit of {usd(limit)} a {name} would be passed: {usd(already)} is spent, or may "
                f"be, and this clip costs {usd(price)}.",
                f"Raise the limit in the preferences, or wait until {waits}; then press Send.",
            )
    return None


def _limit(what: str, hint: str) -> Problem:
    message = f"{what} Nothing was sent or charged."
    return Problem(ProblemCode.LIMIT, message, hint)


_FORMULA = ("=", "+", "-", "@", "\N{MINUS SIGN}")
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that are blank
COLUMNS = (
    "local time",
    "job id",
    "kind",
    "model",
    "seconds",
    "resolution",
    "estimate (USD)",
    "charged (USD)",
    "counted (USD)",
    "state",
    "request id",
    "file",
)


def table(jobs: Iterable[Job], limits: Limits) -> str:
    """Every purchase as CSV (RFC 4180), in the order of the jobs; without prompts.

    *charged* is what the service said, *counted* what the totals count. Rejected purchases count 0.
    """
    import csv  # here and not above: Blender's start does not wait for what only an export needs

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for job in jobs:
        spec = job.spec
        if not job.started_at or not limits.count(spec.api_base):
            continue
        writer.writerow(
            (
                time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.started_at)),
                _cell(job.id),
                _cell(spec.kind),
                _cell(spec.model),
                spec.duration,
                _cell(spec.resolution),
                _dollars(spec.estimate),
                _dollars(job.cost),
                _dollars(job.spent),
                _cell(job.state),
                _cell(job.request_id),
                _cell(job.clip.path if job.clip is not None else ""),
            )
        )
    return text.getvalue()


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP: CSV injection).

    A formula may hide behind what is not seen, and its first sign may be a full-width one or another look of it.
    """
    import unicodedata  # here as ``csv`` above

    def is_seen(character: str) -> bool:
        return character not in _FILLERS and unicodedata.category(character)[0] not in "CMZ"

    first = next((at for at, character in enumerate(text) if is_seen(character)), len(text))
    hidden = text[:first].strip(" ")
    looks = unicodedata.normalize("NFKD", text[first : first + 1])
    return f"'{text}" if hidden or looks.startswith(_FORMULA) else text


def _dollars(ticks: int | None) -> str:
    """An exact amount: '0.302', two decimals at least; '' when it is not known."""
    if ticks is None:
        return ""
    whole, rest = divmod(ticks, TICKS_PER_USD)
    cents = f"{rest:010d}"
    return f"{whole}.{cents[:2]}{cents[2:].rstrip('0')}"

"""What was spent and what may be: limits, local days and months, totals, and the table of it all.

Pure: it is given jobs, limits and a wall time. It must not know SQLite, files or Blender. Money is integer ticks
(1 USD = 10**10 ticks).

A job counts on the day on which its cost was last reserved. A limit counts for each account by itself, and
what was spent at a service on this computer counts never.
"""

from __future__ import annotations

import calendar
import io
import math
import time
from collections.abc import Callable, Collection, Iterable

from .amount import TICKS_PER_USD, usd
from .job import Job
from .problem import Problem, ProblemCode
from .record import record
from .spec import Kind
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

    @property
    def words(self) -> str:
        """The limits as a sentence."""
        if not self.any:
            return "There is no spending limit."
        day, month = (usd(ticks) if ticks else "no limit" for ticks in (self.day, self.month))
        return f"The spending limits are: {day} a day, {month} a month."

    def lower(self, other: Limits) -> Limits:
        """The limits that let through what both let through."""
        day, month = (
            min(filter(None, both), default=0)
            for both in ((self.day, other.day), (self.month, other.month))
        )
        return Limits(day, month, self.count_loopback or other.count_loopback)

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


#: Seconds by which a purchase may lie ahead of the clock without a word: such a day is over by itself.
_SOON = 86_400.0


def ahead(now: float, jobs: Iterable[Job]) -> float:
    """The wall time of the newest purchase where that is still to come for more than a day, else 0.0.

    The clock was wrong when that was bought, or is wrong now. Until the artist says which, limits count by that day.
    """
    newest = not_before(now, jobs)
    return newest if newest > now + _SOON else 0.0


def date_text(at: float) -> str:
    """The local date of a wall time: '2036-05-14'."""
    if at > _LATEST:
        return "a day after the year 3000"
    return time.strftime("%Y-%m-%d", _local(at))


def _local(at: float) -> time.struct_time:
    """The local time of a wall time, or of the nearest one that has any."""
    return time.localtime(min(max(at, _EARLIEST), _LATEST))


def day_start(at: float) -> float:
    """The wall time at which the local day of ``at`` began: the first moment that had its date."""
    return _began(at, lambda now: (now.tm_year, now.tm_mon, now.tm_mday))


def month_start(at: float) -> float:
    """The wall time at which the local month of ``at`` began: the first moment that had its name."""
    return _began(at, lambda now: (now.tm_year, now.tm_mon, 1))


#: Wall times that every system has a local time for: Windows has none before 1970 and after the year 3000.
_EARLIEST, _LATEST = 3 * 86_400, 32_503_000_000
#: Seconds before and after its midnight in UTC in which a local day can begin; one that was skipped lies in between.
_BEFORE, _AFTER = 26 * 3600, 50 * 3600
_STEP = 4 * 3600  # seconds; no zone has changed its distance from UTC twice in so short a time


def _began(at: float, first_day: Callable[[time.struct_time], tuple[int, int, int]]) -> float:
    """The first moment on or after the local midnight of ``first_day`` of the local time at ``at``; never after ``at``.

    Of the system's local time only its distance from UTC is asked: ``mktime`` has to guess where a midnight does not
    exist, or exists twice.
    """
    if at < _EARLIEST:
        return min(at, 0.0)
    moment = min(math.floor(at), _LATEST)
    began = moment
    for _ in range(5):
        here = time.localtime(moment)
        midnight = calendar.timegm((*first_day(here), 0, 0, 0))
        began = _first_at(midnight - _BEFORE, min(moment, midnight + _AFTER), midnight)
        if (
            time.localtime(moment) == here
        ):  # else the system's zone was changed meanwhile: a laptop travels
            break
    return float(began)


def _first_at(low: int, high: int, midnight: int) -> int:
    """The first second from ``low`` on whose local time is ``midnight`` or later; ``high`` without one before."""
    low = max(low, 0)
    while low < high:
        offset, end = _offset(low), min(low + _STEP, high)
        if _offset(end) != offset:
            end = _change(low, end, offset)
        if low + offset >= midnight:
            return low
        if midnight - offset < end:
            return midnight - offset
        low = end
    return high


def _offset(second: int) -> int:
    """Seconds by which the local time is ahead of UTC."""
    return calendar.timegm(time.localtime(second)) - second


def _change(low: int, high: int, offset: int) -> int:
    """The second after ``low``, and ``high`` at most, from which on the local time is not ``offset`` ahead."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle) == offset else (low, middle)
    return high


def month_of(date: str) -> str:
    """The month of a local date: '2026-05'. A date is later than its month, as a text too."""
    return date[:7]


def _is_since(job: Job, since: float, date: str) -> bool:
    """Whether the job was bought since that wall time, or on that local date or a later one: a laptop travels west."""
    return job.started_at >= since or job.day >= date


def spent(
    jobs: Iterable[Job], account: str | Collection[str], since: float, date: str = "~"
) -> int:
    """Ticks that the account's jobs cost, or may cost, that were submitted since that wall time.

    ``account``: its fingerprint, or all of its fingerprints (``core.spec.accounts_of``). ``date``: where that wall time
    is the start of a local day or month, the date of that day, or its month.
    """
    mine = {account} if isinstance(account, str) else account
    return sum(
        job.spent for job in jobs if _is_since(job, since, date) and job.spec.account in mine
    )


def spending(
    jobs: Iterable[Job],
    limits: Limits,
    account: str | Collection[str],
    in_file: Callable[[Job], bool],
    now: float,
) -> Spending:
    """The sums of what ``jobs`` cost; ``in_file`` says which of them belong to the .blend that is open.

    ``account``: the fingerprint of the account in use, or all of its fingerprints.
    """
    mine = {account} if isinstance(account, str) else account
    started = [job for job in jobs if job.started_at]
    now = not_before(now, started)
    day, month, date = day_start(now), month_start(now), date_text(now)
    file = today = this_month = all_time = account_today = account_month = 0
    for job in started:
        ticks = job.spent
        if not ticks or not limits.count(job.spec.api_base):
            continue
        all_time += ticks
        if in_file(job):
            file += ticks
        if _is_since(job, month, month_of(date)):
            this_month += ticks
            account_month += ticks if job.spec.account in mine else 0
        if _is_since(job, day, date):
            today += ticks
            account_today += ticks if job.spec.account in mine else 0
    return Spending(file, today, this_month, all_time, account_today, account_month)


def bill_words(job: Job) -> str:
    """'' or how the service's bill of ``job`` differs from the estimate, or that the bill cannot be read."""
    if job.bill and job.cost is None:
        return f"The service's bill cannot be read (“{job.bill}”): it counts as estimated, {usd(job.spent)}"
    if job.bill:
        return f"The service's last bill cannot be read (“{job.bill}”): the one before counts, {usd(job.spent)}"
    if job.cost is None or job.spec.estimate in (None, job.cost):
        return ""
    return f"Charged {usd(job.cost)}, estimated {usd(job.spec.estimate or 0)}"


def is_above(job: Job) -> bool:
    """Whether the service's bill of ``job`` is above what was agreed to."""
    return job.cost is not None and job.cost > (job.spec.estimate or 0)


def passed(limits: Limits, today: int, month: int) -> str:
    """'' or which limit the account has passed with ``today`` and ``month`` (ticks)."""
    return ", ".join(
        f"your limit of {usd(limit)} a {name} is passed: up to {usd(already)} is spent"
        for name, limit, already in (("day", limits.day, today), ("month", limits.month, month))
        if limit and already > limit
    )


def over(
    limits: Limits,
    today: int,
    month: int,
    price: int | None,
    model: str,
    ahead: float = 0.0,
    kind: Kind = Kind.GENERATE,
) -> Problem | None:
    """Why the spending limits refuse a clip; None when they do not.

    ``today`` and ``month`` are what the account has spent, ``price`` what the clip costs (None: not known). ``ahead``:
    the wall time whose day and month those are, where it is still to come (see the function ``ahead``); else 0.0.
    ``kind``: what is bought, as what has no price can be given one.
    """
    if not limits.any:
        return None
    if price is None:
        hint = "Enter its price per second in the preferences and generate anew, or set the limits to 0."
        if kind is Kind.LOOK:
            hint = (
                "Press Refresh Models, choose a model whose price is known, or set the limits to 0."
            )
        return _limit(
            f"There is a spending limit, and what the model “{model}” costs is not known.", hint
        )
    for name, limit, already, waits in (
        ("month", limits.month, month, "next month"),
        ("day", limits.day, today, "tomorrow"),
    ):
        if limit and already + price > limit and ahead:
            return _limit(
                f"The limit of {usd(limit)} a {name} would be passed: up to {usd(already)} is spent, and this "
                f"clip costs {usd(price)}. A purchase is on record for {date_text(ahead)}, and until then all "
                "purchases count as made on that day.",
                f"If the clock is right now, press {SETTLE} in the panel; then press Send.",
            )
        if limit and already + price > limit:
            return _limit(
                f"The limit of {usd(limit)} a {name} would be passed: up to {usd(already)} is spent, "
                f"and this clip costs {usd(price)}.",
                f"Raise the limit in the preferences, or wait until {waits}; then press Send.",
            )
    return None


#: The button with which the artist says that the clock is right.
SETTLE = "Count as Bought Today"


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
                time.strftime("%Y-%m-%d %H:%M:%S", _local(job.started_at)),
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

"""Day and month in every time zone: each begins with the first moment of its date, whatever the clocks do at midnight.

The oracle is ``zoneinfo`` with the data of ``tzdata`` or of the system, which the product does not use.
"""

from __future__ import annotations

import os
import time
import zoneinfo
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grok_video.core.events import Created, SubmitStarted
from grok_video.core.spec import new_id
from grok_video.core.spending import day_start, month_start
from grok_video.ledger.errors import LimitReached
from grok_video.ledger.ledger import Ledger
from tests.core.conftest import make_spec

#: Where the C library finds the zones of the oracle, so that both know the same ones.
FOLDER = next((path for path in zoneinfo.TZPATH if os.path.isdir(path)), "")
ZONES = sorted(zoneinfo.available_timezones()) if FOLDER else []
pytestmark = [
    pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its zone"),
    pytest.mark.skipif(len(ZONES) < 300, reason="this system has no zones"),
]
HOUR = 3600


@pytest.fixture
def move() -> Iterator[Callable[[str | None], None]]:
    """Sets the time zone of this process."""
    before = os.environ.get("TZ")

    def to(name: str | None) -> None:
        os.environ.pop("TZ", None)
        if name is not None:
            os.environ["TZ"] = name
        time.tzset()

    yield to
    to(before)


def offset(zone: zoneinfo.ZoneInfo, at: int) -> int:
    """Seconds by which the zone is ahead of UTC."""
    distance = datetime.fromtimestamp(at, zone).utcoffset()
    assert distance is not None
    return int(distance.total_seconds())


def changes(zone: zoneinfo.ZoneInfo, first: int, last: int, step: int) -> list[int]:
    """The moments from which on the zone has another distance from UTC: at most one in each ``step`` is found."""
    found: list[int] = []
    for low in range(first, last, step):
        before = offset(zone, low)
        if offset(zone, low + step) != before:
            inside = range(low, low + step + 1)
            place = bisect_left(inside, True, key=lambda at, old=before: offset(zone, at) != old)
            found.append(inside[place])
    return found


@cache
def beginnings(zone: zoneinfo.ZoneInfo, midnight: int) -> frozenset[int]:
    """All places where the local day can begin whose midnight it would be in UTC: at a midnight, or when clocks change."""
    near = range(midnight - 48 * HOUR, midnight + 72 * HOUR, 4 * HOUR)
    places = {midnight - offset(zone, moment) for moment in near}
    return frozenset({*places, *changes(zone, near[0], near[-1], 4 * HOUR)})


def began(zone: zoneinfo.ZoneInfo, at: int, *, monthly: bool) -> int:
    """The first moment of the local day or month of ``at``: of all places where one can begin the first that did."""

    def name(moment: int) -> object:
        date = datetime.fromtimestamp(moment, zone).date()
        return (date.year, date.month) if monthly else date

    date = datetime.fromtimestamp(at, zone).date()
    date = date.replace(day=1) if monthly else date
    midnight = int(datetime.combine(date, datetime.min.time(), UTC).timestamp())
    places = {*beginnings(zone, midnight), at}
    return min(moment for moment in places if moment <= at and name(moment) == name(at))


def zones() -> dict[bytes, str]:
    """One name for each zone that differs from the others."""
    found: dict[bytes, str] = {}
    for name in ZONES:
        path = Path(FOLDER, name)
        if path.is_file():
            found.setdefault(path.read_bytes(), name)
    return found


def test_every_day_and_month_of_every_zone_begins_when_it_begins(
    move: Callable[[str | None], None],
) -> None:
    """Each change of each zone in 12 years, and two days of each year where nothing changes."""
    first, last = int(datetime(2016, 1, 1, tzinfo=UTC).timestamp()), 12 * 366 * 24 * HOUR
    wrong: list[str] = []
    looked = 0
    for name in zones().values():
        zone = zoneinfo.ZoneInfo(name)
        move(name)
        moments: list[int] = []
        for change in changes(zone, first, first + last, 7 * 24 * HOUR):
            moments += [change + later for later in (-1, 0, 20 * 60, 90 * 60, 23 * HOUR)]
        moments += range(first, first + last, 183 * 24 * HOUR + 1999)
        for at in moments:
            looked += 1
            for start, monthly in ((day_start, False), (month_start, True)):
                if monthly and looked % 4:
                    continue
                right, got = began(zone, at, monthly=monthly), start(at + 0.25)
                if got != right:
                    wrong.append(f"{name} {at} {start.__name__}: {got - right:+} s")
    assert not wrong, f"{len(wrong)} of {looked}: {wrong[:20]}"
    assert looked > 10_000


@pytest.mark.parametrize(
    ("name", "at", "began_at"),
    [
        # Havana's clocks go from 0:00 to 1:00, and back from 1:00 to 0:00.
        ("America/Havana", "2026-03-08T12:00-04:00", "2026-03-08T01:00-04:00"),
        ("America/Havana", "2026-11-01T12:00-05:00", "2026-11-01T00:00-04:00"),
        ("Asia/Beirut", "2026-03-29T12:00+03:00", "2026-03-29T01:00+03:00"),
        ("Asia/Beirut", "2026-10-24T23:30+02:00", "2026-10-24T00:00+03:00"),  # a day of 25 hours
        ("Africa/Cairo", "2026-04-24T12:00+03:00", "2026-04-24T01:00+03:00"),
        ("America/Asuncion", "2023-10-01T12:00-03:00", "2023-10-01T01:00-03:00"),
        ("America/Asuncion", "2024-03-23T23:30-04:00", "2024-03-23T00:00-03:00"),
        ("Asia/Kathmandu", "2026-05-14T00:00+05:45", "2026-05-14T00:00+05:45"),
        ("Asia/Kolkata", "2026-05-14T23:59+05:30", "2026-05-14T00:00+05:30"),
        ("Pacific/Chatham", "2026-04-05T12:00+12:45", "2026-04-05T00:00+13:45"),
        ("Australia/Lord_Howe", "2026-04-05T12:00+10:30", "2026-04-05T00:00+11:00"),
        ("Australia/Lord_Howe", "2026-10-04T12:00+11:00", "2026-10-04T00:00+10:30"),
        ("Pacific/Apia", "2011-12-31T12:00+14:00", "2011-12-31T00:00+14:00"),
        ("Pacific/Apia", "2011-12-29T23:59-10:00", "2011-12-29T00:00-10:00"),
        # One minute after midnight the clocks went back into the day before: the new day had begun.
        ("America/St_Johns", "2010-11-07T12:00-03:30", "2010-11-07T00:00-02:30"),
        ("America/St_Johns", "2010-11-06T23:30-03:30", "2010-11-06T00:00-02:30"),
        # One minute after midnight the clocks went on to three in the morning.
        ("Antarctica/Casey", "2020-10-04T12:00+11:00", "2020-10-04T00:00+08:00"),
        ("Antarctica/Troll", "2026-03-29T12:00+02:00", "2026-03-29T00:00+00:00"),  # two hours
        ("Pacific/Kiritimati", "2026-05-14T01:00+14:00", "2026-05-14T00:00+14:00"),
        ("Etc/GMT+12", "2026-05-14T23:00-12:00", "2026-05-14T00:00-12:00"),
        # Rules in the variable itself, as a farm or a container may have them.
        ("<+0545>-5:45", "2026-05-14T23:00+05:45", "2026-05-14T00:00+05:45"),
        ("EST5EDT,M3.2.0/0,M11.1.0/1", "2026-03-08T12:00-04:00", "2026-03-08T01:00-04:00"),
        ("XXX-24", "2026-05-14T23:00+00:00", "2026-05-14T00:00+00:00"),
        # What is no zone is UTC.
        ("", "2026-05-14T23:00+00:00", "2026-05-14T00:00+00:00"),
        ("Nowhere/Land", "2026-05-14T23:00+00:00", "2026-05-14T00:00+00:00"),
        (":/dev/null", "2026-05-14T23:00+00:00", "2026-05-14T00:00+00:00"),
    ],
)
def test_days_that_are_not_like_others(
    move: Callable[[str | None], None], name: str, at: str, began_at: str
) -> None:
    move(name)
    then, wanted = (datetime.fromisoformat(text).timestamp() for text in (at, began_at))
    assert day_start(then) == wanted
    assert month_start(then) <= wanted


@pytest.mark.parametrize("name", ["America/Havana", "Pacific/Kiritimati", None])
def test_any_wall_time_has_a_day(move: Callable[[str | None], None], name: str | None) -> None:
    """A clock may say anything, and a ledger may hold anything: what is later counts for the newest day."""
    move(name)
    for at in (-1e300, -1.0, 0.0, 3.0, 90_000.0, 2.0**31, 2.0**32, 4e10, 1e18, 1e300):
        for start in (day_start, month_start):
            assert start(at) <= at
            assert start(at) >= at - 32 * 24 * HOUR or not 3e5 < at < 3e10


def test_a_laptop_that_travels_between_two_calls(
    move: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zone changes at any call for the local time: the start is that of one of both zones' days, never later."""
    at = datetime.fromisoformat("2026-05-14T20:00+00:00").timestamp()
    homes = ("Pacific/Kiritimati", "America/Adak")
    right: set[float] = set()
    for name in homes:
        move(name)
        right.add(day_start(at))
    real = time.localtime
    for travels_at in range(60):
        calls = 0

        def localtime(moment: float, travels_at: int = travels_at) -> time.struct_time:
            nonlocal calls
            if calls == travels_at:
                move(homes[1])
            calls += 1
            return real(moment)

        move(homes[0])
        monkeypatch.setattr(time, "localtime", localtime)
        assert day_start(at) in right


def local_date(zone: str, at: float) -> str:
    return datetime.fromtimestamp(at, zoneinfo.ZoneInfo(zone)).date().isoformat()


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Asia/Tokyo", "America/Los_Angeles", "Pacific/Auckland", "UTC"]),
            st.integers(-3, 14),
            st.integers(1, 5),
        ),
        min_size=20,
        max_size=40,
    )
)
@example([("UTC", -1, 5), ("UTC", 19, 4)])
@example([("Asia/Tokyo", 0, 5), *[("America/Los_Angeles", 0, 5)] * 9, *[("UTC", 4, 5)] * 9])
def test_no_journey_frees_a_date_twice(
    tmp_path_factory: pytest.TempPathFactory, journey: list[tuple[str, int, int]]
) -> None:
    """Whoever flies west on a day has that day's morning twice, and its limit once; also with a clock that is changed."""
    before = os.environ.get("TZ")
    ledger = Ledger.open(tmp_path_factory.mktemp("journey"))
    ledger.connection.execute("PRAGMA synchronous = OFF")
    ledger.commands.apply({"id": new_id(), "command": "limits", "day": 7, "month": 30})
    now = datetime.fromisoformat("2026-05-30T00:00+00:00").timestamp()
    last_bought = 0.0
    days: dict[str, int] = {}
    months: dict[str, int] = {}
    for zone, hours, price in journey:
        os.environ["TZ"] = zone
        time.tzset()
        now += hours * HOUR
        spec = make_spec(api_base="https://api.example", estimate=price)
        job = ledger.append(spec.id, 0, Created(spec))
        refusal = ledger.refusal(job, now)
        try:
            ledger.append(spec.id, 1, SubmitStarted(price), at=now)
        except LimitReached:
            assert refusal is not None
            continue
        assert refusal is None
        last_bought = max(last_bought, now)
        date = local_date(zone, last_bought)
        days[date] = days.get(date, 0) + price
        months[date[:7]] = months.get(date[:7], 0) + price
    ledger.close()
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()
    assert max(days.values()) <= 7
    assert max(months.values()) <= 30

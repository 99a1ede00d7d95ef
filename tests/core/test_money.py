"""Money: limits that hold over processes, clocks and damage; what counts; totals; the table.

The estimates themselves are held against the stand-in's bill in ``test_models.py``.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_video.core import spending
from grok_video.core.amount import TICKS_PER_USD
from grok_video.core.events import (
    AnswerLost,
    Billed,
    Bought,
    Created,
    Done,
    Downloaded,
    Event,
    Held,
    LocalFailed,
    NotCharged,
    NotSent,
    Rejected,
    Released,
    Retried,
    Sending,
    ServiceFailed,
    StopRequested,
    SubmitStarted,
    Submitted,
)
from grok_video.core.job import Job, State
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import Clip, Kind, SourceVideo, account_of, new_id
from grok_video.core.spending import Limits, Spending
from grok_video.ledger.errors import CommandRefused, LimitReached
from grok_video.ledger.journal import LIMITS_NAME
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.reader import LedgerReader
from grok_video.ledger.schema import FILE_NAME
from grok_video.service.look_models import ListedLook
from grok_video.service.pricing import estimate_of
from tests.core.conftest import KEY, ROOT, make_spec, says_free
from tests.core.test_worker import Blender, make_blender, one_service, posts, service
from tests.patience import PATIENCE
from tests.stand_in.client import StandIn

__all__ = ["make_blender", "one_service", "service"]  # fixtures: they are used by their names

BASE = "https://api.example"
ACCOUNT = account_of(BASE, KEY)
PRICE = 520_000_000
TROUBLE = Problem(ProblemCode.NETWORK, "It broke.", http_status=429)
CLIP = Clip("/clips/a.mp4", 5000, 848, 480, 24.0, 25, 25 / 24, True)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def ledger(data_dir: Path) -> Iterator[Ledger]:
    opened = Ledger.open(data_dir)
    yield opened
    opened.close()


def limit(ledger: Ledger, **ticks: object) -> None:
    """What the preferences put down."""
    ledger.commands.apply({"id": new_id(), "command": "limits", **ticks})


def create(ledger: Ledger, **changes: Any) -> Job:
    base = changes.get("api_base", BASE)
    values: dict[str, Any] = {"api_base": base, "account": account_of(base, KEY)} | changes
    spec = make_spec(**values)
    return ledger.append(spec.id, 0, Created(spec))


def start(ledger: Ledger, job: Job | None = None, at: float | None = None, **changes: Any) -> Job:
    """Submit as the worker does: its cost is reserved, or LimitReached is raised."""
    job = job or create(ledger, **changes)
    return ledger.append(job.id, job.seq, SubmitStarted(job.spec.estimate or 0), at=at)


def refused(ledger: Ledger, at: float | None = None, **changes: Any) -> Problem:
    """Why it may not be submitted; nothing has happened to it then."""
    job = create(ledger, **changes)
    with pytest.raises(LimitReached) as raised:
        start(ledger, job, at)
    assert ledger.job(job.id) == job
    return raised.value.problem


def after(ledger: Ledger, job: Job, *events: Event) -> Job:
    for event in events:
        job = ledger.append(job.id, job.seq, event)
    return job


SENT = (Sending(),)
BOUGHT = (Sending(), Submitted("request-1"))


# ------------------------------------------------------------------------------------------------- the limit


@pytest.mark.parametrize("name", ["day", "month"])
def test_a_limit_is_full_to_the_tick(ledger: Ledger, name: str) -> None:
    limit(ledger, **{name: 2 * PRICE + 7})
    start(ledger)
    start(ledger)
    problem = refused(ledger, estimate=8)
    start(ledger, estimate=7)
    assert problem.message.endswith("Nothing was sent or charged.")
    assert problem.code is ProblemCode.LIMIT
    assert says_free(problem)
    assert refused(ledger, estimate=1)
    assert start(ledger, estimate=0)
    assert ledger.spent(ACCOUNT, 0.0) == 2 * PRICE + 7


def test_the_sentence_says_limit_spent_price_and_what_to_do(ledger: Ledger) -> None:
    limit(ledger, day=10 * TICKS_PER_USD, month=TICKS_PER_USD)
    start(ledger, estimate=9 * TICKS_PER_USD // 10)
    by_month = refused(ledger, estimate=3 * TICKS_PER_USD // 10)
    for said in ("$1.00 a month", "$0.90 is spent", "costs $0.30"):
        assert said in by_month.message
    assert by_month.hint == (
        "Raise the limit in the preferences, or wait until next month; then press Send."
    )
    limit(ledger, day=TICKS_PER_USD, month=0)
    by_day = refused(ledger, estimate=3 * TICKS_PER_USD // 10)
    assert "$1.00 a day" in by_day.message
    assert "tomorrow" in by_day.hint


def test_without_a_limit_everything_is_bought(ledger: Ledger) -> None:
    for _ in range(3):
        start(ledger, estimate=10**17)
    assert ledger.limits() == Limits()
    limit(ledger, day=5)
    limit(ledger, month=7)
    assert ledger.limits() == Limits(5, 7)
    limit(ledger, day=0, month=0)
    start(ledger, estimate=None)


def test_a_limit_counts_for_each_account_by_itself(ledger: Ledger) -> None:
    limit(ledger, day=PRICE)
    start(ledger)
    start(ledger, account="another")
    refused(ledger)
    refused(ledger, account="another")


def test_a_service_on_this_computer_never_counts(ledger: Ledger) -> None:
    limit(ledger, day=PRICE)
    for base in ("http://127.0.0.1:9", "http://localhost:8080", "https://[::1]"):
        start(ledger, api_base=base)
        start(ledger, api_base=base, estimate=None)
    start(ledger)
    for base in ("https://127.0.0.1.example", "https://localhost.example", "https://10.0.0.1"):
        start(ledger, api_base=base)
        refused(ledger, api_base=base)


@pytest.mark.parametrize("kind", [Kind.GENERATE, Kind.EXTEND])
def test_under_a_limit_what_has_no_price_is_refused(ledger: Ledger, kind: Kind) -> None:
    video = SourceVideo("/a.mp4", 4.0)
    unknown = {"model": "grok-video-9", "kind": kind, "video": video, "unchecked": True}
    limit(ledger, day=1000 * TICKS_PER_USD)
    problem = refused(ledger, estimate=None, **unknown)
    assert "grok-video-9" in problem.message
    assert "price per second" in problem.hint
    # What the artist entered for a second.
    spec = make_spec(**unknown, duration=5)
    assert estimate_of(spec) is None
    assert estimate_of(spec, 30_000_000) == 150_000_000
    start(ledger, **unknown, estimate=150_000_000)


def test_under_a_limit_a_look_without_a_price_is_told_where_prices_come_from(
    ledger: Ledger,
) -> None:
    unknown = {"model": "grok-imagine-image-9", "kind": Kind.LOOK, "unchecked": True}
    limit(ledger, day=1000 * TICKS_PER_USD)
    problem = refused(ledger, estimate=None, **unknown)
    assert "grok-imagine-image-9" in problem.message
    assert "Refresh Models" in problem.hint
    listed = (ListedLook("grok-imagine-image-9", "", {("1k", "low"): 300_000_000}),)
    spec = make_spec(**unknown, resolution="1k", quality="low", image="/a.png")
    assert estimate_of(spec, 30_000_000) is None  # what a second costs says nothing of a look
    assert estimate_of(spec, listed=listed) == 400_000_000
    start(ledger, **unknown, estimate=400_000_000)


@pytest.mark.parametrize(
    "fields", [{"day": -1}, {"month": 1.5}, {"day": "5"}, {"month": True}, {"day": 10**19}]
)
def test_what_is_no_limit_changes_nothing(ledger: Ledger, fields: dict[str, object]) -> None:
    limit(ledger, day=3, month=4)
    with pytest.raises(CommandRefused):
        limit(ledger, **fields)
    assert ledger.limits() == Limits(3, 4)


# ------------------------------------------------------------------------------------- many processes at once

BUYER = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from grok_video.core.events import *
from grok_video.core.job import *
from grok_video.ledger.errors import *
from grok_video.ledger.ledger import *
ledger = Ledger.open(Path(sys.argv[2]))
jobs = [ledger.job(job_id) for job_id in sys.argv[3:]]
print("ready", flush=True)
sys.stdin.readline()
bought = 0
for job in jobs:
    try:
        ledger.append(job.id, job.seq, SubmitStarted(job.spec.estimate))
        bought += 1
    except LimitReached as error:
        ledger.append(job.id, job.seq, Held(error.problem))
print(bought)
"""


@pytest.mark.parametrize(("processes", "clicks"), [(2, 20), (5, 8)])
def test_processes_that_buy_at_once_do_not_pass_the_limit(
    ledger: Ledger, data_dir: Path, processes: int, clicks: int
) -> None:
    limit(ledger, month=7 * PRICE + 5)
    command = [sys.executable, "-c", BUYER, str(ROOT), str(data_dir)]
    running = [
        subprocess.Popen(
            [*command, *(create(ledger).id for _ in range(clicks))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    bought = [int(process.communicate(timeout=PATIENCE)[0]) for process in running]
    assert sum(bought) == 7
    jobs = ledger.jobs()
    assert sum(job.state is State.SUBMITTING for job in jobs) == 7
    held = [job for job in jobs if job.held]
    assert len(held) == processes * clicks - 7
    assert all(job.problem and job.problem.code is ProblemCode.LIMIT for job in held)
    assert ledger.spent(ACCOUNT, 0.0) == 7 * PRICE


def test_two_workers_and_forty_clicks(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """Real workers of two Blenders; a limit for 7 clips: 7 POSTs, 33 held, and Send sends what fits then."""
    first, second = make_blender(), make_blender()
    first.start()
    second.start()
    assert first.answer(first.say("limits", day=7 * PRICE, count_loopback=True))["ok"]
    ids = [blender.submit() for _ in range(20) for blender in (first, second)]
    jobs = [first.until(job_id, lambda job: job.held or job.ready_at) for job_id in ids]
    held = [job for job in jobs if job.held]
    assert len(posts(service)) == len(service.jobs()) == 7
    assert len(held) == 33
    assert all(job.problem and "$0.364 a day" in job.problem.message for job in held)
    # Room for one: of two that are sent again one is held again.
    first.answer(first.say("limits", day=8 * PRICE))
    for job in held[:2]:
        first.say("release", job=job.id, session=first.session)
    again = [
        first.until(
            job.id, lambda now, seq=job.seq: now.seq > seq + 1 and (now.held or now.ready_at)
        )
        for job in held[:2]
    ]
    assert sorted(job.held for job in again) == [False, True]
    assert len(posts(service)) == 8
    assert sum(job["ticks"] for job in service.jobs()) == 8 * PRICE


# ------------------------------------------------------------------------------------------------- what counts

ENDS: dict[str, tuple[tuple[Event, ...], int]] = {
    "unknown": ((*SENT, AnswerLost(TROUBLE)), PRICE),
    "failed": ((*BOUGHT, ServiceFailed(Problem(ProblemCode.SERVICE, "No."))), PRICE),
    "expired": ((*BOUGHT, ServiceFailed(Problem(ProblemCode.EXPIRED, "No."))), PRICE),
    "moderated": ((*BOUGHT, ServiceFailed(Problem(ProblemCode.MODERATED, "No."))), PRICE),
    "moderated, said": ((*BOUGHT, ServiceFailed(Problem(ProblemCode.MODERATED, "No."), 9)), 9),
    "stopped": ((*BOUGHT, StopRequested()), PRICE),
    "stopped while sending": ((Sending(), StopRequested(), Submitted("r")), PRICE),
    "lost here": ((*BOUGHT, LocalFailed(TROUBLE)), PRICE),
    "running": (BOUGHT, PRICE),
    "sending": (SENT, PRICE),
    "uploading": ((), PRICE),
    "done, said": ((*BOUGHT, Done("u", PRICE + 3)), PRICE + 3),
    "done, not said": ((*BOUGHT, Done("u"), Downloaded(CLIP)), PRICE),
    "rejected": ((*SENT, Rejected(TROUBLE)), 0),
    "refused and billed": ((*SENT, Billed(TROUBLE, PRICE + 5)), PRICE + 5),
    "refused and billed, nobody knows how much": ((*SENT, Billed(TROUBLE)), PRICE),
    "refused and billed, the user's word": ((*SENT, Billed(TROUBLE), NotCharged()), 0),
    "in the answer, said": ((*SENT, Bought("u", PRICE + 7)), PRICE + 7),
    "in the answer, not said": ((*SENT, Bought("u"), Downloaded(CLIP)), PRICE),
    "in the answer, lost here": ((*SENT, Bought("u", 6), LocalFailed(TROUBLE)), 6),
    "in an answer that came late": ((*SENT, AnswerLost(TROUBLE), NotCharged(), Bought("u")), PRICE),
    "lost, and said": ((*SENT, AnswerLost(TROUBLE, PRICE + 9)), PRICE + 9),
    "not sent": ((NotSent(TROUBLE),), 0),
    "later": ((*SENT, NotSent(TROUBLE)), 0),
    "unknown, the user's word": ((*SENT, AnswerLost(TROUBLE), NotCharged()), 0),
    "moderated, the user's word": (
        (*BOUGHT, ServiceFailed(Problem(ProblemCode.MODERATED, "No.")), NotCharged()),
        0,
    ),
    "stopped, the user's word": ((*BOUGHT, StopRequested(), NotCharged()), 0),
    "the word withdrawn": ((*BOUGHT, StopRequested(), NotCharged(), Retried()), PRICE),
    "the word, then an id": (
        (*SENT, AnswerLost(TROUBLE), NotCharged(), Submitted("r"), Done("u", 4)),
        4,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_counts_and_what_makes_room(ledger: Ledger, end: str) -> None:
    """The limit, the sum and a rebuilt ledger all say the same."""
    events, counted = ENDS[end]
    job = after(ledger, start(ledger), *events)
    assert job.spent == ledger.spent(ACCOUNT, 0.0) == counted
    limit(ledger, day=counted + PRICE)
    assert refused(ledger, estimate=PRICE + 1)
    start(ledger)
    limit(ledger, day=counted + PRICE - 1 or 1)
    assert refused(ledger)


# ---------------------------------------------------------------------------------------------------- the clock


def local(*parts: int) -> float:
    return datetime(*parts).timestamp()  # type: ignore[arg-type]


@pytest.fixture
def zone() -> Iterator[Callable[[str], None]]:
    """Sets the time zone."""
    before = os.environ.get("TZ")

    def move(name: str) -> None:
        os.environ["TZ"] = name
        time.tzset()

    yield move
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize("name", ["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "PST8PDT,M3.2.0,M11.1.0"])
def test_a_day_ends_at_local_midnight(
    ledger: Ledger, zone: Callable[[str], None], name: str
) -> None:
    """Also on the days of 23 and 25 hours; and a month on its last midnight."""
    zone(name)
    limit(ledger, day=PRICE)
    for month, day in ((3, 28), (3, 29), (3, 30), (10, 24), (10, 25), (10, 26), (10, 31), (11, 1)):
        first = local(2026, month, day)
        start(ledger, at=first)
        assert refused(ledger, at=first + 1)
        assert refused(ledger, at=local(2026, month, day, 23, 59, 59))
    limit(ledger, day=0, month=PRICE)
    assert refused(ledger, at=local(2026, 11, 30, 23, 59, 59))
    start(ledger, at=local(2026, 12, 1))
    assert refused(ledger, at=local(2026, 12, 31, 23, 59, 59))
    start(ledger, at=local(2027, 1, 1))


@pytest.mark.parametrize(
    ("name", "then"), [("day", (2026, 5, 13, 9)), ("month", (2026, 4, 30, 23, 59))]
)
def test_a_clock_that_is_set_back_frees_nothing(
    ledger: Ledger, name: str, then: tuple[int, ...]
) -> None:
    limit(ledger, **{name: 2 * PRICE})
    start(ledger, at=local(2026, 5, 14, 9))
    # What is bought meanwhile counts for the newest day that was.
    assert start(ledger, at=local(*then)).started_at == local(2026, 5, 14, 9)
    assert refused(ledger, at=local(*then))
    assert refused(ledger, at=local(1999, 1, 1))
    assert refused(ledger, at=local(2026, 5, 14, 9))


def test_a_clock_that_was_ahead_frees_each_day_once(ledger: Ledger) -> None:
    limit(ledger, day=PRICE)
    start(ledger, at=local(2026, 5, 14, 9))
    start(ledger, at=local(2026, 5, 15, 9))  # set forward by a day
    assert refused(ledger, at=local(2026, 5, 14, 10))  # and back
    assert refused(ledger, at=local(2026, 5, 15, 10))  # the true next day
    start(ledger, at=local(2026, 5, 16, 9))


# ---------------------------------------------------------------------------------------- a clock far ahead

TEN_YEARS = 10 * 366 * 86_400.0


def today(ledger: Ledger, now: float | None = None) -> Any:
    """The artist says that the clock is right; what Blender is told."""
    command = {"id": new_id(), "command": "today", "now": time.time() if now is None else now}
    ledger.commands.apply(command)
    payload = ledger.connection.execute(
        "SELECT payload FROM notices WHERE id = ?", (command["id"],)
    ).fetchone()
    return json.loads(payload[0])


@pytest.mark.parametrize("name", ["day", "month"])
@pytest.mark.parametrize("far", [2 * 86_400.0, TEN_YEARS, 1e18])
def test_one_purchase_far_ahead_is_said_and_settled_by_a_word(
    ledger: Ledger, name: str, far: float
) -> None:
    """Until the word nothing is freed; after it what was bought counts today, and each day frees once again."""
    now = time.time()
    limit(ledger, **{name: 2 * PRICE})
    start(ledger, at=now + far)
    assert spending.ahead(now, ledger.jobs()) == now + far
    start(ledger)  # with the clock right again
    assert len(rows(spending.table(ledger.jobs(), Limits()))) == 2
    problem = refused(ledger)
    for said in ("$0.104 is spent", "costs $0.052", spending.date_text(now + far)):
        assert said in problem.message
    assert spending.SETTLE in problem.hint
    assert says_free(problem)
    assert refused(ledger, at=now - 40 * 86_400)
    if far == TEN_YEARS:
        assert refused(ledger, at=now + 40 * 86_400)

    assert today(ledger) == {"ok": True, "message": ""}
    assert not spending.ahead(time.time(), ledger.jobs())
    assert max(job.started_at for job in ledger.jobs()) <= time.time()
    problem = refused(ledger)  # both count today
    assert "on record for" not in problem.message
    assert refused(
        ledger, at=now - 40 * 86_400
    )  # a clock set back frees nothing after the word either
    start(ledger, at=time.time() + 32 * 86_400)
    start(ledger, at=time.time() + 32 * 86_400)
    assert refused(ledger, at=time.time() + 32 * 86_400)


def test_a_clock_that_is_ahead_by_hours_is_no_question(ledger: Ledger) -> None:
    now = time.time()
    limit(ledger, day=PRICE)
    start(ledger, at=now + 23 * 3600)
    assert not spending.ahead(now, ledger.jobs())
    assert "on record for" not in refused(ledger).message
    assert spending.ahead(now - 2 * 3600, ledger.jobs())


@pytest.mark.parametrize("said", [None, "now", True, 10**400, float("nan"), float("inf"), [1.0]])
def test_a_word_without_a_time_is_none(ledger: Ledger, said: object) -> None:
    job = start(ledger, at=time.time() + TEN_YEARS)
    with pytest.raises(CommandRefused):
        ledger.commands.apply({"id": new_id(), "command": "today", "now": said})
    assert ledger.job(job.id) == job


def test_a_word_for_another_clock_settles_nothing(ledger: Ledger) -> None:
    """The clock was moved between the press and the worker: what the artist had seen is true no more."""
    job = start(ledger, at=time.time() + TEN_YEARS)
    for moved in (-TEN_YEARS, -601.0, 601.0, TEN_YEARS):
        answer = today(ledger, time.time() + moved)
        assert not answer["ok"]
        assert "clock" in answer["message"]
    assert ledger.job(job.id) == job
    assert today(ledger)["ok"]


def test_a_word_twice_and_from_two_blenders(ledger: Ledger, data_dir: Path) -> None:
    other = Ledger.open(data_dir)
    jobs = [start(ledger, at=time.time() + TEN_YEARS) for _ in range(3)]
    waits = create(ledger)
    assert today(ledger)["ok"]
    first = ledger.jobs()
    assert today(other)["ok"]
    assert other.jobs() == first
    assert ledger.job(waits.id) == waits
    for job in jobs:
        now = ledger.job(job.id)
        assert now is not None
        assert (now.state, now.reserved, now.driven) == (job.state, job.reserved, True)
        assert now.seq == job.seq + 1
    other.close()


def test_a_word_outlives_the_loss_of_the_ledger(data_dir: Path) -> None:
    ledger = Ledger.open(data_dir)
    limit(ledger, day=PRICE)
    after(ledger, start(ledger, at=time.time() + TEN_YEARS), *BOUGHT, Done("u", PRICE))
    today(ledger)
    before = ledger.jobs()
    ledger.close()
    (data_dir / FILE_NAME).write_bytes(os.urandom(20_000))
    ledger = Ledger.open(data_dir)
    assert ledger.rebuilt
    assert [job.started_at for job in ledger.jobs()] == [job.started_at for job in before]
    assert "on record for" not in refused(ledger).message
    start(ledger, at=time.time() + 2 * 86_400)
    ledger.close()


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 5)), min_size=20, max_size=40))
def test_no_walk_of_the_clock_buys_more_than_a_limit_for_each_new_day(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    ledger = Ledger.open(tmp_path_factory.mktemp("clock"))
    ledger.connection.execute("PRAGMA synchronous = OFF")  # pyright: ignore[reportPrivateUsage]
    limit(ledger, day=7, month=20)
    now, days, months, newest = local(2026, 1, 20), set[str](), set[str](), 0.0
    for hours, price in steps:
        now += hours * 3600
        newest = max(newest, now)
        days.add(time.strftime("%F", time.localtime(newest)))
        months.add(time.strftime("%Y-%m", time.localtime(newest)))
        job = create(ledger, estimate=price)
        if ledger.refusal(job, now) is None:
            start(ledger, job, now)
        else:
            with pytest.raises(LimitReached):
                start(ledger, job, now)
    bought = ledger.spent(ACCOUNT, 0.0)
    ledger.close()
    assert 0 < bought <= min(7 * len(days), 20 * len(months))


# -------------------------------------------------------------------------------------- damaged, older, shared


def test_limits_and_what_was_spent_survive_the_loss_of_the_ledger(data_dir: Path) -> None:
    """Noise in place of the database: rebuilt from the journals, to the tick, with every end that counts."""
    ledger = Ledger.open(data_dir)
    for events, _ in ENDS.values():
        after(ledger, start(ledger), *events)
    spent = ledger.spent(ACCOUNT, spending.day_start(time.time()))
    assert spent == sum(counted for _, counted in ENDS.values())
    limit(ledger, day=spent + PRICE, month=spent + 3 * PRICE)
    # What had not been sent waits for a word and costs nothing any more.
    before = (
        ledger.limits(),
        {
            job.id: (
                0 if job.state is State.SUBMITTING and not job.sent else job.spent,
                job.started_at,
            )
            for job in ledger.jobs()
        },
    )
    ledger.close()
    (data_dir / FILE_NAME).write_bytes(os.urandom(20_000))
    ledger = Ledger.open(data_dir)
    assert ledger.rebuilt
    assert before == (
        ledger.limits(),
        {job.id: (job.spent, job.started_at) for job in ledger.jobs()},
    )
    start(ledger)  # in the place of what was not sent
    start(ledger)
    assert "a day" in refused(ledger).message
    ledger.close()


def test_limits_that_cannot_be_read_any_more_let_nothing_be_bought(data_dir: Path) -> None:
    huge = b'{"day": 1%s, "month": 0, "count_loopback": 0}' % (b"0" * 400)
    less = b'{"day": -1, "month": 0, "count_loopback": 0}'
    words = (b"", b"\xff\0", b"[1]", b'{"day": "much"}', b'{"month": 1e999}', b"{}", b"7")
    for noise in (*words, huge, less):
        ledger = Ledger.open(data_dir)
        limit(ledger, day=PRICE)
        ledger.close()
        (data_dir / FILE_NAME).write_bytes(b"noise" * 1000)
        (data_dir / LIMITS_NAME).write_bytes(noise)
        ledger = Ledger.open(data_dir)
        assert refused(ledger, estimate=20_000_000), noise
        limit(ledger, day=PRICE, month=0)  # the artist enters it anew
        assert ledger.limits() == Limits(PRICE)
        ledger.close()


def test_the_copy_of_a_limit_comes_before_the_limit(ledger: Ledger, data_dir: Path) -> None:
    """Where the copy cannot be written, nothing has changed, and the command stays to be tried again."""
    limit(ledger, day=5)
    (data_dir / f"{LIMITS_NAME}.part").mkdir()
    command = {"id": new_id(), "command": "limits", "day": 9}
    with pytest.raises(Exception, match="cannot be written"):
        ledger.commands.apply(command)
    assert ledger.limits() == Limits(5)
    (data_dir / f"{LIMITS_NAME}.part").rmdir()
    ledger.commands.apply(command)
    assert ledger.limits() == Limits(9)
    assert json.loads((data_dir / LIMITS_NAME).read_bytes())["day"] == 9


def test_a_ledger_of_before_there_were_limits(data_dir: Path) -> None:
    ledger = Ledger.open(data_dir)
    start(ledger)
    limit(ledger, month=PRICE)
    ledger.close()
    raw = sqlite3.connect(data_dir / FILE_NAME)
    raw.execute("DROP TABLE limits")
    raw.commit()
    raw.close()
    reader = LedgerReader(data_dir)
    reader.refresh(1.0)
    assert (reader.trouble, reader.limits, len(reader.jobs)) == ("", Limits(), 1)
    ledger = Ledger.open(data_dir)  # an older version had rebuilt it: the copy is still there
    assert ledger.limits() == Limits(month=PRICE)
    refused(ledger)
    reader.refresh(1.0)
    assert reader.limits == Limits(month=PRICE)
    reader.close()
    ledger.close()


def test_what_one_sets_the_other_sees(ledger: Ledger, data_dir: Path) -> None:
    """Two Blenders that change one limit each keep both."""
    other, reader = Ledger.open(data_dir), LedgerReader(data_dir)
    limit(ledger, day=5)
    limit(other, month=9)
    assert ledger.limits() == other.limits() == Limits(5, 9)
    assert reader.refresh(1.0)
    assert reader.limits == Limits(5, 9)
    limit(ledger, day=6)
    assert reader.refresh(1.0)
    assert reader.limits == Limits(6, 9)
    assert not reader.refresh(1.0)
    reader.close()
    other.close()


# --------------------------------------------------------------------------------------- held, and the word


def test_the_users_word_is_a_command(ledger: Ledger) -> None:
    limit(ledger, day=PRICE)
    lost = after(ledger, start(ledger), *SENT, AnswerLost(TROUBLE))
    waits = create(ledger)
    with pytest.raises(LimitReached) as raised:
        start(ledger, waits)
    after(ledger, waits, Held(raised.value.problem), Released("session-a"))
    ledger.commands.apply({"id": new_id(), "command": "not_charged", "job": lost.id})
    released = ledger.job(waits.id)
    assert released is not None
    assert start(ledger, released).state is State.SUBMITTING
    # Said of a job whose cost is known, it is too late and changes nothing.
    done = after(ledger, ledger.job(waits.id) or waits, *BOUGHT, Done("u", 5))
    ledger.commands.apply({"id": new_id(), "command": "not_charged", "job": done.id})
    assert ledger.job(done.id) == done
    assert ledger.spent(ACCOUNT, 0.0) == 5


# ---------------------------------------------------------------------------------------- totals and the table


def purchase(ledger: Ledger, at: float, *events: Event, **changes: Any) -> Job:
    return after(ledger, start(ledger, at=at, **changes), *events)


def test_totals(ledger: Ledger) -> None:
    now = local(2026, 5, 14, 12)
    purchase(ledger, local(2025, 12, 31, 23), *BOUGHT, Done("u", 1), prompt="film")
    purchase(ledger, local(2026, 5, 1), *BOUGHT, Done("u", 10))
    purchase(ledger, local(2026, 5, 13, 23, 59), *BOUGHT, Done("u", 100), prompt="film")
    purchase(ledger, local(2026, 5, 14), *BOUGHT, ServiceFailed(TROUBLE), estimate=1000)
    purchase(ledger, local(2026, 5, 14, 11), estimate=10_000, account="another")
    purchase(ledger, now, *SENT, Rejected(TROUBLE))
    purchase(ledger, now, *BOUGHT, api_base="http://127.0.0.1:1", prompt="film")
    create(ledger, prompt="film")

    def film(job: Job) -> bool:
        return job.spec.prompt == "film"

    def sums(at: float, **limits: bool) -> Spending:
        return spending.spending(ledger.jobs(), Limits(**limits), ACCOUNT, film, at)

    assert sums(now) == Spending(101, 11_000, 11_110, 11_111, 1000, 1110)
    assert sums(local(2026, 5, 1)) == sums(now)  # the clock was set back
    assert sums(local(2026, 5, 15)) == Spending(101, 0, 11_110, 11_111, 0, 1110)
    assert sums(local(2026, 6, 1)) == Spending(101, 0, 0, 11_111, 0, 0)
    counted = sums(now, count_loopback=True)
    assert counted.file == 101 + PRICE
    assert spending.spending([], Limits(), ACCOUNT, film, now) == Spending()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table(ledger: Ledger) -> None:
    at = local(2026, 5, 14, 12, 30, 15)
    done = purchase(
        ledger, at, *BOUGHT, Done("https://a.example/secret.mp4", 5 * 10**9), Downloaded(CLIP)
    )
    lost = purchase(ledger, at, *SENT, AnswerLost(TROUBLE), estimate=20_000_001)
    purchase(ledger, at, *SENT, Rejected(TROUBLE), estimate=None, model="typed")
    purchase(ledger, at, api_base="http://127.0.0.1:1")
    create(ledger)
    text = spending.table(ledger.jobs(), Limits())
    first, second, third = rows(text)
    assert list(first) == list(spending.COLUMNS)
    assert first == {
        "local time": "2026-05-14 12:30:15",
        "job id": done.id,
        "kind": "generate",
        "model": "grok-imagine-video",
        "seconds": "1",
        "resolution": "480p",
        "estimate (USD)": "0.052",
        "charged (USD)": "0.50",
        "counted (USD)": "0.50",
        "state": "READY",
        "request id": "request-1",
        "file": "/clips/a.mp4",
    }
    assert (second["job id"], second["state"]) == (lost.id, "UNKNOWN")
    assert (second["estimate (USD)"], second["charged (USD)"]) == ("0.0020000001", "")
    assert second["counted (USD)"] == "0.0020000001"
    assert (third["estimate (USD)"], third["counted (USD)"]) == ("", "0.00")
    for secret in (KEY, done.spec.prompt, "secret.mp4"):
        assert secret not in text


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", '=HYPERLINK("x")'),
        *(
            "\uff1d1+1",
            "\uff0b1",
            "\uff0d1",
            "\uff20SUM(A1)",
            "\ufe661",
            "\ufe621",
            "\ufe631",
            "\ufe6bA1",
            "\u22121",
            "\u207c1",
            "\u208a1",
        ),
        *("\ufeff=1", "\u200b=1", "\u00a0+1", "\u3000\uff1d1", "\u2060@A1", "\u202e-1", "\x00=1"),
        *("\u034f=1", "\ufe0f=1", "\u3164=1", "\u2800@A1", " \u200d \uff1d1", "\x85=1", "\v=1"),
    ],
)
def test_no_cell_looks_like_a_formula(ledger: Ledger, text: str) -> None:
    """Also in full width, as a sign of another look, and behind what nobody sees."""
    purchase(ledger, 1e9, Sending(), Submitted(text), model=text)
    (row,) = rows(spending.table(ledger.jobs(), Limits()))
    assert row["model"] == row["request id"] == f"'{text}"


@pytest.mark.parametrize(
    "text", ["grok imagine-video", "  two blanks", "é=1", "“=1”", "x\u200b", ""]
)
def test_other_cells_stay_as_they_are(ledger: Ledger, text: str) -> None:
    purchase(ledger, 1e9, Sending(), Submitted("request-1"), model=text)
    (row,) = rows(spending.table(ledger.jobs(), Limits()))
    assert row["model"] == text


@pytest.mark.parametrize("text", ["=1+1", "\r=1", '=HYPERLINK("x")', 'a,"b"\nc', "é", "\uff1d1"])
def test_no_cell_is_a_formula_and_every_cell_can_be_read_back(ledger: Ledger, text: str) -> None:
    """What a model's name, a service's id or a folder may hold."""
    purchase(
        ledger,
        1e9,
        Sending(),
        Submitted(text),
        Done("u"),
        Downloaded(Clip(text, *CLIP_REST)),
        model=text,
    )
    (row,) = rows(spending.table(ledger.jobs(), Limits()))
    for name in ("model", "request id", "file"):
        assert not row[name].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
        assert row[name] in (text, f"'{text}")


CLIP_REST = (5000, 848, 480, 24.0, 25, 25 / 24, True)


@given(st.integers(0, 10**18))
def test_amounts_in_the_table_are_exact(ticks: int) -> None:
    text = spending._dollars(ticks)  # pyright: ignore[reportPrivateUsage]
    whole, cents = text.split(".")
    assert int(whole + cents.ljust(10, "0")) == ticks
    assert len(cents) >= 2


def test_the_stand_in_reckons_by_itself() -> None:
    """Its bill would prove nothing if it were made by the code that it is held against."""
    sources = (ROOT / "tests" / "stand_in").glob("*.py")
    assert not [path.name for path in sources if "grok_video.core" in path.read_text("utf-8")]

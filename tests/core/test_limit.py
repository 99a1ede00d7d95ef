"""The rate limit on a simulated clock: hundreds of jobs, several workers over one ledger, every call counted.

The workers are real ones (their loop, ``schedule.step``, ``Leases.take_slot``); only the clock, the threads and the
service are simulated.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import os
import random
import time
import types
from pathlib import Path
from typing import Any

import pytest

from grok_video.core import events as events_module
from grok_video.core.events import Created, Done, Downloaded, Progress, Submitted
from grok_video.core.job import State
from grok_video.core.spec import Clip, new_id
from grok_video.ledger.leases import Leases
from grok_video.worker.desk import AT_ONCE, Desk, RunningCall
from grok_video.worker.process import Parent
from grok_video.worker.submit import record_sending
from grok_video.worker.worker import MOST_STEPS, Worker
from tests.core.conftest import KEY, make_spec
from tests.patching import Patches, reading

BASE = "https://api.x.ai"
WORKERS = 3
JOBS = 400  # 17 minutes of clicks: four times as long as any poll may wait
EVERY = 2.6  # seconds between two clicks, on average: with their polls more than the limit allows
MAKING = 40.0  # seconds that the service makes a clip
LATENCY = 0.2


class Clock:
    """Stands for the module ``time`` in worker and ledger."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def strftime(self, form: str, moment: time.struct_time | None = None) -> str:
        return time.strftime(form, moment or time.localtime(self.now))


class SimulatedDesk(Desk):
    """A desk whose calls end after a while of simulated time."""

    clock: Clock
    calls: list[tuple[float, str, str]]  # when, kind, job: of all workers
    ends: list[tuple[float, int, Any, Any]]  # calls in flight: when they end, tie, worker, call
    numbers: Any
    worker: Simulated

    def start(self, call: RunningCall, work: Any, *given: Any) -> None:
        self.running[call.job_id] = call
        if call.kind != "download":  # it is not the API's host, and takes no slot
            self.calls.append((self.clock.now, call.kind, call.job_id))
        at = self.clock.now + LATENCY
        heapq.heappush(self.ends, (at, next(self.numbers), self.worker, call))

    def log(self, text: str) -> None:
        assert "Traceback" not in text


class Simulated(Worker):
    """A worker at such a desk."""

    desk: SimulatedDesk

    def end_of(self, op: RunningCall) -> None:
        """What the service answers."""
        job = self.desk.ledger.job(op.job_id)
        assert job is not None
        if op.kind == "submit":
            record_sending(op, self.desk)
            op.events = [Submitted(f"id-{job.id}")]
        elif op.kind == "poll":
            ready = self.desk.clock.now - job.submitted_at > MAKING
            event = Done("https://v.x.ai/c.mp4", 7) if ready else Progress(50)
            op.events = [event] if ready or job.progress is None else []
        else:
            op.events = [Downloaded(Clip("/c.mp4", 1, 2, 3, 24.0, 25, 1.0, True))]
        op.call.close()
        self._finished(op)


@pytest.fixture
def clock(patches: Patches) -> Clock:
    """The clock of every part of the product, in whichever module it reads the time."""
    made = Clock()
    told = types.SimpleNamespace(
        time=made.time, monotonic=made.monotonic, strftime=made.strftime, sleep=None,
        perf_counter=made.monotonic, time_ns=lambda: int(made.now * 1e9), localtime=time.localtime,
    )  # fmt: skip
    modules = reading("time")
    assert modules
    for module in modules:
        patches.set(module, "time", told, unused_ok="not every module takes part")
    return made


@pytest.fixture
def workers(
    tmp_path: Path, clock: Clock, patches: Patches, monkeypatch: pytest.MonkeyPatch
) -> list[Simulated]:
    # One process holds all their locks here, and a lock of one's own never says that somebody lives.
    patches.set(Leases, "alive", lambda _self, _worker: True)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # nobody pulls the plug here
    calls: list[Any] = []
    ends: list[Any] = []
    numbers = itertools.count()
    made: list[Simulated] = []
    for number in range(WORKERS):
        desk = SimulatedDesk(tmp_path, f"session-{number}", new_id(), 0o022)
        desk.clock, desk.calls, desk.ends, desk.numbers = clock, calls, ends, numbers
        desk.ledger.connection.execute("PRAGMA synchronous = OFF")
        desk.ledger.connection.execute("PRAGMA journal_mode = MEMORY")
        worker = desk.worker = Simulated(desk, Parent())
        worker._set_account({"base": BASE, "key": KEY})
        desk.online = True
        made.append(worker)
    yield made
    for worker in made:
        worker.desk.ledger.close()


def simulate(workers: list[Simulated], clock: Clock, clicks: list[tuple[float, int]]) -> None:
    """Let time pass until every clicked job has its clip. ``clicks``: seconds from now, worker; sorted."""
    chance = random.Random(3)
    start, waiting = clock.now, list(reversed(clicks))
    due = dict.fromkeys(range(len(workers)), clock.now)
    while True:
        while waiting and start + waiting[-1][0] <= clock.now:
            _, number = waiting.pop()
            session = f"session-{number}"
            spec = make_spec(
                api_base=BASE,
                account=workers[0].desk.account.fingerprint,
                session=session,
                image="",
            )
            workers[number].desk.ledger.append(spec.id, 0, Created(spec))
            due[number] = clock.now
        ends = workers[0].desk.ends
        while ends and ends[0][0] <= clock.now:
            _, _, worker, op = heapq.heappop(ends)
            worker.end_of(op)
            due[workers.index(worker)] = clock.now
        ready = [number for number, at in due.items() if at <= clock.now]
        chance.shuffle(ready)  # who of them the system wakes first
        for number in ready:
            # As the loop does: at the time that it asked for, a second later at most.
            until = workers[number]._turn()
            due[number] = clock.now if until == 0.0 else min(max(until, clock.now), clock.now + 1.0)
        if not waiting and not ends and not any(w._work for w in workers):
            return
        following = [*due.values(), *([ends[0][0]] if ends else [])]
        following += [start + waiting[-1][0]] if waiting else []
        clock.now = max(min(following), clock.now + 1e-4)


def test_hundreds_of_jobs_keep_the_limit_and_use_it(workers: list[Simulated], clock: Clock) -> None:
    chance = random.Random(7)
    clicks = sorted(
        (chance.uniform(0.0, JOBS * EVERY), chance.randrange(WORKERS)) for _ in range(JOBS)
    )
    simulate(workers, clock, clicks)
    jobs = workers[0].desk.ledger.jobs()
    assert [job.state for job in jobs] == [State.READY] * JOBS
    calls = workers[0].desk.calls
    times = [at for at, _, _ in calls]
    assert times == sorted(times)
    # Never more than 1 in a second, never more than 60 in a minute.
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 1.0
    for at in times:
        assert bisect.bisect_left(times, at + 60.0) - bisect.bisect_left(times, at) <= 60
    submitted = {job: at for at, kind, job in calls if kind == "submit"}
    assert len(submitted) == sum(kind == "submit" for _, kind, _ in calls) == JOBS
    # What the limit allows is used; the end, when the last clips are only waited for, is no use of it.
    busy = max(submitted.values())
    used = sum(at <= busy for at in times)
    first = times[0]
    assert busy - first <= 1.03 * used
    # New submissions go first, though polls that are overdue all the time take turns with them ...
    waited = [submitted[job.id] - job.created_at for job in jobs]
    assert max(waited) < 120.0
    assert sorted(waited)[JOBS // 2] < 4.0
    # ... and nobody starves: each job is asked for again and again until it is done.
    polls: dict[str, list[float]] = {}
    for at, kind, job in calls:
        if kind == "poll":
            polls.setdefault(job, []).append(at)
    gaps = [
        later - earlier
        for job in jobs
        for earlier, later in itertools.pairwise([submitted[job.id], *polls[job.id]])
    ]
    assert max(gaps) < 240.0
    assert max(job.done_at - job.submitted_at for job in jobs) < MAKING + 240.0


def test_a_burst_does_not_keep_what_is_running_from_being_asked_for(
    workers: list[Simulated], clock: Clock
) -> None:
    """200 clicks at once in one Blender: polls that are overdue take turns with them."""
    simulate(workers[:1], clock, [(0.0, 0)] * 200)
    calls = workers[0].desk.calls
    submits = [at for at, kind, _ in calls if kind == "submit"]
    first_poll = next(at for at, kind, _ in calls if kind == "poll")
    assert first_poll - submits[0] < 45.0
    before = [kind for at, kind, _ in calls if at < first_poll]
    assert len(before) > 25  # until then new submissions went first


def test_a_click_goes_before_the_polls_of_another_blender(
    workers: list[Simulated], clock: Clock
) -> None:
    """One Blender asks for many clips all the time; what is clicked in the other waits a slot or two."""
    many = [(0.1 * number, 0) for number in range(12)]
    clicks = [(15.0 + 2.5 * number, 1) for number in range(12)]
    simulate(workers[:2], clock, [*many, *clicks])
    submitted = {job: at for at, kind, job in workers[0].desk.calls if kind == "submit"}
    late = [job for job in workers[0].desk.ledger.jobs() if job.released_by == "session-1"]
    assert len(late) == len(clicks)
    assert max(submitted[job.id] - job.created_at for job in late) < 2.1


def test_check_connection_is_not_kept_waiting_by_polls(
    workers: list[Simulated], clock: Clock
) -> None:
    """Somebody sits before it: it takes the next slot."""
    worker = workers[0]
    simulate([worker], clock, [])
    path = worker.desk.data_dir / "inbox" / "q.json"
    path.write_text("{}", "utf-8")
    spec_jobs = []
    for _ in range(40):
        spec = make_spec(
            api_base=BASE, account=worker.desk.account.fingerprint, session="session-0", image=""
        )
        ledger = worker.desk.ledger
        for seq, event in enumerate(
            (
                Created(spec),
                events_module.SubmitStarted(1),
                events_module.Sending(),
                Submitted(spec.id),
            )
        ):
            ledger.append(spec.id, seq, event)
        spec_jobs.append(spec.id)
    path.unlink()
    worker._turn()
    assert worker.desk.calls[-1][1] == "poll"
    worker._questions._waiting.append((path, {"id": "q", "command": "check", "account": None}))
    path.write_text("{}", "utf-8")
    clock.now += 1.03
    worker._turn()
    assert worker.desk.calls[-1][1] == "check"


def test_the_longer_of_two_waits_counts(workers: list[Simulated], clock: Clock) -> None:
    """The service asked one call for a minute, and the next for a second: of another job, but the same account."""
    desk = workers[0].desk
    desk.pause(clock.now + 60.0)
    desk.pause(clock.now + 1.0)
    assert desk.slot("poll") == pytest.approx(60.0)
    assert desk.free_at("download") == 0.0  # another host's


def test_many_clips_to_fetch_keep_nothing_else_waiting(
    workers: list[Simulated], clock: Clock
) -> None:
    """More downloads than a turn looks at: a new click is still sent at once."""
    worker = workers[0]
    ledger = worker.desk.ledger
    for _ in range(MOST_STEPS + 10):
        spec = make_spec(
            api_base=BASE, account=worker.desk.account.fingerprint, session="session-0", image=""
        )
        road = (
            Created(spec),
            events_module.SubmitStarted(1),
            events_module.Sending(),
            Submitted(spec.id),
        )
        for seq, event in enumerate((*road, Done("https://v.x.ai/c.mp4"))):
            ledger.append(spec.id, seq, event)
    worker._turn()
    kinds = [call.kind for call in worker.desk.running.values()]
    assert kinds == ["download"] * AT_ONCE["download"]
    spec = make_spec(
        api_base=BASE, account=worker.desk.account.fingerprint, session="session-0", image=""
    )
    ledger.append(spec.id, 0, Created(spec))
    worker._turn()
    assert worker.desk.calls == [(clock.now, "submit", spec.id)]

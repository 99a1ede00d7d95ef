"""A short soak, and that it would see what it looks for: with the safety taken out, the table says so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from grok_video.core.job import State
from grok_video.service.request import submission
from grok_video.worker.http.call import Call
from grok_video.worker.http.transport import Transport
from tests.core.soak import Soak, soak, start_service
from tests.core.soak_plan import FAULTS, WEIGHTS, Action, plan
from tests.stand_in.client import StandIn

SEED, ACTIONS = 10, 150  # with everything in it that a soak does


@pytest.fixture
def service() -> Iterator[StandIn]:
    with start_service() as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, service: StandIn) -> Iterator[Soak]:
    made = Soak(tmp_path, service)
    yield made
    made.close()


def bought(run: Soak, state: State) -> str:
    """A job that one of the Blenders ordered, in that state."""
    person = run.people[0]
    run.do(Action("submit", 0, 0.99, 0.0, 0.0))
    job_id = next(reversed(run.specs))
    person.until(job_id, state)
    return job_id


def test_a_seed_is_a_plan() -> None:
    one, two, other = ([*itertools.islice(plan(seed), 1000)] for seed in (7, 7, 8))
    assert one == two != other
    assert {action.what for action in one} == set(WEIGHTS)


def test_every_failure_is_one_that_the_stand_in_knows(service: StandIn) -> None:
    for at, what, how in FAULTS:
        service.fail(at, what, **how)


def test_a_short_soak_loses_nothing_and_buys_nothing_twice(
    tmp_path: Path, service: StandIn
) -> None:
    assert {action.what for action in itertools.islice(plan(SEED), ACTIONS)} == set(WEIGHTS)
    tally = soak(tmp_path, service, SEED, ACTIONS)
    assert tally.good, str(tally)
    assert tally.actions == ACTIONS
    assert min(tally.jobs, tally.posts, tally.clips, tally.faults, tally.kills.total()) > 10
    assert tally.looks > 5
    assert 0 < tally.billed <= tally.recorded


def test_what_it_looks_for_is_seen(run: Soak, service: StandIn) -> None:
    """A clip that is gone, an order that nobody knows, a POST that came twice, a bill that nobody wrote down."""
    gone = bought(run, State.READY)
    run.look()
    twice = bought(run, State.READY)
    service.fail("submit", "answer-lost")
    unwritten = bought(run, State.UNKNOWN)
    forgotten = bought(run, State.READY)
    run.specs[f"{forgotten}-x"] = run.specs[forgotten]
    Path(run.specs[gone].output).unlink()
    upload = submission(run.specs[twice])
    Transport(service.base, service.key).post(upload.path, upload.parts, lambda: None, Call())
    run.people[0].say("not_charged", job=unwritten)
    run.people[0].until(unwritten, lambda job: job.not_charged)
    tally = run.count()
    assert not tally.good
    assert sorted(line.split()[0] for line in tally.losses) == sorted([gone, f"{forgotten}-x"])
    assert [line.split()[1].strip(":") for line in tally.duplicates] == [twice]
    assert [line.split(":")[0] for line in tally.unpaid] == [unwritten]

"""When what is due, on two virtual clocks."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.events import (
    AnswerLost,
    Blocked,
    Created,
    DownloadBroken,
    Downloaded,
    Event,
    FetchAgain,
    FetchedAgain,
    FetchLink,
    FetchTrouble,
    Held,
    NotSent,
    Released,
    Sending,
    Slow,
    SubmitStarted,
    Submitted,
    Unrecognised,
    UrlGone,
)
from grok_video.core.job import Job, State, apply
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import Clip
from grok_video.worker.schedule import (
    MOST_BROKEN,
    MOST_BROKEN_HERE,
    Act,
    Memory,
    Pace,
    Step,
    World,
    after_dead_link,
    after_poll,
    backoff,
    next_download,
    of_fetching,
    step,
)
from tests.core.conftest import make_spec

T0 = 1_800_000_000.0  # wall time of the click
NETWORK = Problem(ProblemCode.NETWORK, "Broke off.")


def job_of(*events: Event, at: float = T0, **spec: object) -> Job:
    made = make_spec(**spec)
    job = apply(None, Created(made), T0)
    for event in events:
        job = apply(job, event, at)
    return job


def running(at: float = T0) -> Job:
    return job_of(SubmitStarted(1), Sending(), Submitted("r"), at=at)


def downloading(at: float = T0) -> Job:
    from grok_video.core.events import Done

    return apply(running(at), Done("https://x/y"), at)


def world(after: float = 0.0, **changes: object) -> World:
    """The world ``after`` seconds after the click, seen by the session that clicked."""
    made = World(
        wall=T0 + after,
        mono=100.0 + after,
        session="session-a",
        account=make_spec().account,
        online=True,
        pace=Pace(),
        session_lives=lambda session: False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def memory(next_at: float = 0.0) -> Memory:
    return Memory(since=100.0, word=T0, next_at=next_at)


def held_problem(step: Step) -> ProblemCode:
    assert isinstance(step.event, Held)
    return step.event.problem.code


# ------------------------------------------------------------------------------------------------- queued


def test_a_click_is_sent_at_once() -> None:
    assert step(job_of(), world(), memory()).act is Act.SUBMIT
    assert step(job_of(), world(), memory()).at <= world().mono


@pytest.mark.parametrize("after", [600.5, 86400.0])
def test_an_old_click_waits_for_a_new_word(after: float) -> None:
    assert held_problem(step(job_of(), world(after), memory())) is ProblemCode.HELD
    fresh = apply(job_of(), Released("session-a"), T0 + after)
    assert step(fresh, world(after + 1), Memory(100.0 + after, T0 + after)).act is Act.SUBMIT


def test_a_clock_set_back_does_not_keep_a_click_fresh() -> None:
    later = world(601.0, wall=T0 - 7200)
    assert held_problem(step(job_of(), later, memory())) is ProblemCode.HELD


def test_a_job_of_another_session_is_never_sent() -> None:
    job = job_of(session="session-b")
    for after in (0.0, 5.0, 11.0, 599.0, 601.0):
        assert step(job, world(after), memory()).act is not Act.SUBMIT
    assert step(job, world(5.0), memory()).act is Act.WAIT
    assert held_problem(step(job, world(11.0), memory())) is ProblemCode.HELD
    lives = world(11.0, session_lives=lambda session: session == "session-b")
    assert step(job, lives, memory()).act is Act.WAIT
    assert held_problem(step(job, world(601.0), memory())) is ProblemCode.HELD


def test_a_held_job_stays_held() -> None:
    job = apply(job_of(), Held(Problem(ProblemCode.HELD, "Wait.")), T0)
    assert step(job, world(), memory()) == Step(Act.WAIT, math.inf)


@pytest.mark.parametrize(
    ("account", "code"), [("", ProblemCode.KEY), ("another", ProblemCode.OTHER_KEY)]
)
def test_a_click_made_with_another_key_waits(account: str, code: ProblemCode) -> None:
    assert step(job_of(), world(0.5, account=account), memory()).act is Act.WAIT
    assert held_problem(step(job_of(), world(3.0, account=account), memory())) is code
    assert step(job_of(), world(3.0, account=None), memory()).act is Act.WAIT


def test_later_is_later() -> None:
    rate = NotSent(Problem(ProblemCode.RATE, "Later.", http_status=429), wait=30.0)
    job = job_of(SubmitStarted(1), rate)
    assert step(job, world(10.0), memory()) == Step(Act.SUBMIT, world(30.0).mono)


def test_waiting_for_the_service_ends_with_the_users_word() -> None:
    rate = NotSent(Problem(ProblemCode.RATE, "Later.", http_status=429), wait=300.0)
    job = job_of(SubmitStarted(1), rate, at=T0 + 500)
    due = step(job, world(501.0), memory()).at
    assert due <= world(600.0).mono
    assert step(job, world(600.5), memory()).act is Act.RECORD


# -------------------------------------------------------------------------------------- what a dead worker left


def test_what_a_dead_worker_left() -> None:
    before, after = job_of(SubmitStarted(1)), job_of(SubmitStarted(1), Sending())
    assert isinstance(step(before, world(), memory()).event, NotSent)
    assert isinstance(step(after, world(), memory()).event, AnswerLost)


# -------------------------------------------------------------------------------------------------- running


def test_offline_nothing_is_due() -> None:
    offline = world(online=False)
    for job in (job_of(), running(), downloading()):
        assert step(job, offline, memory()).act is Act.WAIT


def test_another_key_blocks_once() -> None:
    other = world(account="another")
    first = step(running(), other, memory())
    assert isinstance(first.event, Blocked)
    assert first.event.problem.code is ProblemCode.OTHER_KEY
    job = apply(running(), first.event, T0)
    assert step(job, other, memory()).act is Act.WAIT
    assert step(job, world(), memory()).act is Act.POLL


def test_a_download_needs_no_key() -> None:
    assert step(downloading(), world(account="another"), memory()).act is Act.DOWNLOAD
    assert step(downloading(), world(account=None), memory()).act is Act.DOWNLOAD


def test_a_download_does_not_wait_for_the_next_poll() -> None:
    remembered = memory()
    after_poll(running(), remembered, Pace(), world().mono, False, 0.0)
    assert step(running(), world(), remembered).at > world().mono
    assert step(downloading(), world(), remembered) == Step(Act.DOWNLOAD, world().mono)


def test_a_dead_link_is_asked_for_later_and_later() -> None:
    """A clip may come to its host after the word of it: three tries within seconds would end a paid job."""
    remembered = memory()
    for links_before, seconds in ((0, 30.0), (1, 120.0)):
        job = replace(downloading(), urls_gone=links_before)
        after_dead_link(job, remembered, Pace(), 1000.0)
        assert step(apply(job, UrlGone(), T0), world(), remembered).at == 1000.0 + seconds


def test_a_file_that_is_fetched_again() -> None:
    """By its link, which is dead as a rule: then the service is asked at once, and later of a link that dies again."""
    clip = Clip("/a.mp4", 1, 848, 480, 24.0, 25, 1.0, True)
    days_later = world(3 * 86_400.0)
    job = apply(apply(downloading(), Downloaded(clip), T0), FetchAgain(), days_later.wall)
    remembered = memory()
    assert step(job, days_later, remembered).act is Act.DOWNLOAD
    assert step(job, replace(days_later, online=False), remembered).act is Act.WAIT
    after_dead_link(job, remembered, Pace(), 1000.0)
    job = apply(job, FetchLink(""), days_later.wall)
    assert step(job, days_later, remembered) == Step(Act.POLL, 0.0)  # and is not called slow
    after_dead_link(job, remembered, Pace(), 1000.0)
    assert step(job, days_later, remembered).at == 1000.0 + 120.0
    blocked = step(job, replace(days_later, account="another"), remembered)
    assert isinstance(blocked.event, Blocked)
    told = of_fetching(blocked.event)
    assert isinstance(told, FetchTrouble)
    job = apply(job, told, days_later.wall)
    assert step(job, replace(days_later, account="another"), remembered).act is Act.WAIT
    assert step(job, days_later, remembered).act is Act.POLL
    job = apply(job, FetchedAgain(clip), days_later.wall)
    assert step(job, days_later, remembered).act is Act.WAIT


def test_slow_is_said_once_and_asked_for_less_often() -> None:
    assert step(running(), world(599.0), memory()).act is Act.POLL
    assert isinstance(step(running(), world(601.0), memory()).event, Slow)
    job = apply(running(), Slow(), T0)
    assert step(job, world(601.0), memory()).act is Act.POLL
    remembered = memory()
    after_poll(job, remembered, Pace(), 1000.0, trouble=False, asked=0.0)
    assert 1030.0 <= remembered.next_at < 1034.0


def test_a_job_is_polled_every_five_seconds_or_more() -> None:
    for number in range(40):
        remembered = memory()
        job = replace(running(), spec=make_spec(id=f"{number:032x}"))
        after_poll(job, remembered, Pace(), 1000.0, trouble=False, asked=0.0)
        assert 1005.0 <= remembered.next_at < 1005.6


def test_jobs_sent_together_are_asked_for_apart() -> None:
    due = set()
    for number in range(20):
        remembered = memory()
        job = replace(running(), spec=make_spec(id=f"{number:032x}"))
        after_poll(job, remembered, Pace(), 1000.0, trouble=False, asked=0.0)
        due.add(remembered.next_at)
    assert len(due) > 5


def test_trouble_backs_off_and_one_good_poll_ends_it() -> None:
    remembered, job = memory(), running()
    waits = []
    for _ in range(6):
        after_poll(job, remembered, Pace(), 1000.0, trouble=True, asked=0.0)
        waits.append(remembered.next_at - 1000.0)
    assert waits == [10.0, 20.0, 40.0, 60.0, 60.0, 60.0]
    after_poll(job, remembered, Pace(), 1000.0, trouble=True, asked=200.0)
    assert remembered.next_at == 1200.0
    after_poll(job, remembered, Pace(), 1000.0, trouble=False, asked=0.0)
    assert (remembered.troubles, remembered.next_at < 1006.0) == (0, True)


@given(st.integers(0, 10_000), st.floats(0.0, 300.0))
def test_backoff_stays_in_bounds(troubles: int, asked: float) -> None:
    assert max(asked, 5.0) <= backoff(Pace(), troubles, asked) <= 300.0


# ----------------------------------------------------------------------------------------------- downloads


def test_a_broken_download_waits_and_a_strange_clock_does_not_stop_it() -> None:
    job = apply(downloading(), DownloadBroken(NETWORK, 20.0), T0)
    assert step(job, world(5.0), memory()) == Step(Act.DOWNLOAD, world(20.0).mono)
    back = world(5.0, wall=T0 - 86400)
    assert step(job, back, memory()).at <= back.mono + 300.0


@pytest.mark.parametrize(
    ("code", "most"),
    [
        (ProblemCode.NETWORK, MOST_BROKEN),
        (ProblemCode.FILE, MOST_BROKEN_HERE),
        (ProblemCode.DOWNLOAD, MOST_BROKEN_HERE),
    ],
)
def test_a_download_is_not_tried_for_ever(code: ProblemCode, most: int) -> None:
    job = downloading()
    problem = Problem(code, "Broke off.")
    waits: list[float] = []
    while (wait := next_download(job, Pace(), problem)) is not None:
        waits.append(wait)
        job = apply(job, DownloadBroken(problem, wait), T0)
    assert len(waits) == most - 1
    assert waits[0] == 5.0
    assert max(waits) <= 300.0


# --------------------------------------------------------------------------------------------- what is at rest


def test_what_is_at_an_end_or_of_a_newer_version_is_left_alone() -> None:
    newer = apply(running(), Unrecognised("paused", {}), T0)
    assert step(newer, world(), memory()) == Step(Act.WAIT, math.inf)
    for state in (State.READY, State.IMPORTED, State.FAILED, State.CANCELLED, State.UNKNOWN):
        assert step(replace(running(), state=state), world(), memory()).at == math.inf

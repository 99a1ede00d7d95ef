"""Recover by Request ID: an answer was lost, somebody found the id, and nothing is bought for it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.events import (
    AnswerLost,
    Blocked,
    Created,
    Done,
    Event,
    Progress,
    Retried,
    ServiceFailed,
    StopRequested,
    Submitted,
)
from grok_video.core.job import IllegalTransition, Job, State, apply
from grok_video.core.spec import new_id
from grok_video.ledger.inbox import put_command, waiting_commands
from grok_video.ledger.ledger import Ledger
from grok_video.service.answer import submit_answer
from grok_video.service.request import request_id_in
from tests.core.conftest import KEY, make_spec
from tests.core.test_job import BOUGHT, ROADS, SENT, TROUBLE, URL, made
from tests.core.test_worker import Blender, blender, make_blender, one_service, service
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

LOST = (*SENT, AnswerLost(TROUBLE))


@pytest.mark.parametrize("state", State)
def test_only_a_job_without_a_proven_id_takes_one(state: State) -> None:
    job = made(*ROADS[state])
    assert job.recoverable == (state is State.UNKNOWN)
    if state not in (State.UNKNOWN, State.SUBMITTING):
        with pytest.raises(IllegalTransition):
            apply(job, Submitted("another"), 9.0)


def test_an_id_that_was_mistyped_can_be_entered_anew() -> None:
    """The service does not know it: with that the paid clip must not be out of reach for good."""
    job = apply(made(*LOST), Submitted("wrong"), 9.0)
    assert not job.recoverable  # it is being asked for
    job = apply(job, Blocked(TROUBLE), 10.0)
    assert job.recoverable
    again = apply(job, Submitted("right"), 11.0)
    assert (again.state, again.request_id, again.blocked) == (State.RUNNING, "right", False)
    stopped = apply(job, StopRequested(), 11.0)
    assert stopped.recoverable
    assert apply(stopped, Submitted("right"), 12.0).state is State.RUNNING
    assert apply(stopped, Retried(), 12.0).request_id == "wrong"


def test_a_stop_of_an_unknown_job_does_not_lock_the_id_out() -> None:
    stopped = made(*LOST, StopRequested())
    assert stopped.state is State.CANCELLED
    assert stopped.recoverable
    job = apply(stopped, Submitted("right"), 12.0)
    assert (job.state, job.stop_requested, job.open) == (State.RUNNING, False, True)


@pytest.mark.parametrize("proof", [Progress(5), Done(URL), ServiceFailed(TROUBLE)])
def test_what_the_service_says_of_an_id_proves_it(proof: Event) -> None:
    job = apply(apply(made(*LOST), Submitted("right"), 9.0), proof, 10.0)
    assert not job.lacks_id
    with pytest.raises(IllegalTransition):
        apply(job, Submitted("another"), 11.0)


def test_the_late_answer_counts_more_than_what_was_typed() -> None:
    typed = apply(made(*LOST), Submitted("wrong"), 9.0)
    assert apply(typed, Submitted("from the answer"), 10.0).request_id == "from the answer"


def test_a_job_that_was_never_sent_takes_no_id() -> None:
    stopped = made(StopRequested())
    assert stopped.state is State.CANCELLED
    assert not stopped.recoverable
    with pytest.raises(IllegalTransition):
        apply(stopped, Submitted("any"), 9.0)


def in_ledger(ledger: Ledger, *events: Event) -> Job:
    spec = make_spec()
    for event in (Created(spec), *events):
        ledger.append(spec.id, None, event)
    job = ledger.job(spec.id)
    assert job is not None
    return job


def test_an_id_belongs_to_one_job(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    other = in_ledger(ledger, *BOUGHT)
    lost = in_ledger(ledger, *LOST)
    put_command(tmp_path, "request_id", job=lost.id, value=other.request_id)
    ((path, command),) = waiting_commands(ledger.data_dir)
    ledger.commands.apply(command)
    path.unlink()
    assert ledger.job(lost.id) == lost
    (notice,) = ledger.connection.execute("SELECT payload FROM notices").fetchone()
    assert "another job" in notice
    ledger.close()


@pytest.mark.parametrize("events", [BOUGHT, LOST[:-1]], ids=["running", "on its way"])
def test_a_job_that_goes_on_takes_no_other_id(tmp_path: Path, events: tuple[Event, ...]) -> None:
    ledger = Ledger.open(tmp_path)
    job = in_ledger(ledger, *events)
    put_command(tmp_path, "request_id", job=job.id, value="typed-by-hand")
    ((_, command),) = waiting_commands(ledger.data_dir)
    ledger.commands.apply(command)
    assert ledger.job(job.id) == job
    (notice,) = ledger.connection.execute("SELECT payload FROM notices").fetchone()
    assert "own request id" in notice
    ledger.close()


def test_the_wrong_id_then_the_right_one_brings_the_clip_for_one_post(
    blender: Blender, service: StandIn
) -> None:
    service.fail("submit", "answer-lost")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, State.UNKNOWN)
    blender.say("request_id", job=job_id, value="00000000-0000-0000-0000-000000000000")
    job = blender.until(job_id, lambda job: job.blocked)
    assert job.problem is not None
    assert job.problem.http_status == 404
    right = service.jobs()[0]["id"]
    blender.say("request_id", job=job_id, value=right)
    job = blender.until(job_id, State.READY)
    assert job.request_id == right
    blender.say("request_id", job=job_id, value="twice")
    blender.fence()
    assert blender.until(job_id, State.READY).request_id == right
    assert len(service.requests("submit")) == 2  # the job's and the fence's


ID = "7d1f0c2e-4b5a-4c3d-9e8f-0123456789ab"


@pytest.mark.parametrize(
    "pasted",
    [
        ID,
        f"  {ID}\n",
        f'"{ID}"',
        f"'{ID}',",
        f"`{ID}`.",
        f"<{ID}>",
        f'{{"request_id": "{ID}"}}',
        f'{{"request_id":"{ID}","status":"pending"}}',
        f'{{"id": "{ID}", "object": "video"}}',
        f'{{"data": {{"id":"{ID}"}}}}',
        f"“{ID}”",
        f"The request id is “{ID}”.",
        f'"request_id": "{ID}",',
        f"request_id={ID}",
        f"Request ID: {ID}",
        f"request {ID}".replace("request ", "request id "),
        f"https://api.x.ai/v1/videos/{ID}",
        f"https://api.x.ai/v1/videos/{ID}/?x=1#y",
        f"GET /v1/videos/{ID} HTTP/1.1",
        f'curl "https://api.x.ai/v1/videos/{ID}" -H "Authorization: Bearer $XAI_API_KEY"',
    ],
)
def test_an_id_is_found_in_what_people_copy(pasted: str) -> None:
    assert request_id_in(pasted) == ID


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "Enter"),
        (" \n", "Enter"),
        (KEY, "API key"),
        ("two words", "one word"),
        ("https://console.x.ai/team", "web address"),
        ("../../v1/api-key", "not a request id"),
        ("x" * 201, "not a request id"),
        ("ünï", "not a request id"),
        ('""', "one word"),
        ("xAI answered 200 with 2 request ids that differ, “a1” and “b2”", "one word"),
    ],
)
def test_what_is_no_id_is_refused_with_a_sentence(pasted: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        request_id_in(pasted)


@pytest.mark.parametrize(
    "ids",
    [("a1", "b2"), ("operations/a1", "b 2"), ("xai-video-1", "ä,1"), ("é" * 200, "7")],
)
def test_each_id_that_is_shown_can_be_entered(ids: tuple[str, str], tmp_path: Path) -> None:
    """Else a clip that was paid for could not be had, although its id is known."""
    lost = submit_answer(200, {}, json.dumps({"id": ids[0], "request_id": ids[1]}).encode(), now=0)
    assert isinstance(lost, AnswerLost)
    for one in ids:
        assert request_id_in(f" {one}\n", lost.problem.message) == one
        assert request_id_in(f"“{one}”", lost.problem.message) == one
        with contextlib.closing(Ledger.open(tmp_path / one[:1])) as ledger:
            job = in_ledger(ledger, *SENT, lost)
            ledger.commands.apply(
                {"id": new_id(), "command": "request_id", "job": job.id, "value": one}
            )
            assert getattr(ledger.job(job.id), "request_id", "") == one
    with pytest.raises(ValueError, match="API key"):
        request_id_in(KEY, lost.problem.message)


@given(st.text())
def test_any_text_is_an_id_that_can_be_asked_for_or_is_refused(pasted: str) -> None:
    found = "x"
    with contextlib.suppress(ValueError):
        found = request_id_in(pasted)
    assert 0 < len(found) <= 200
    assert found.isascii()
    assert "/" not in found
    assert " " not in found

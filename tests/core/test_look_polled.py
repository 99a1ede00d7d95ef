"""A look whose picture comes in the answer to a poll: kept before the ledger says so, and lost by nothing that happens then."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import (
    IN_THE_ANSWER,
    AnswerLost,
    Billed,
    Blocked,
    Bought,
    Created,
    Done,
    Downloaded,
    FetchAgain,
    LocalFailed,
    Sending,
    ServiceFailed,
    StopRequested,
    SubmitStarted,
    Submitted,
    UrlGone,
)
from grok_video.core.job import Job, State, apply
from grok_video.core.payload import from_payload, to_payload
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import Clip, Kind
from grok_video.ledger.ledger import Ledger
from grok_video.service.look_answer import look_poll, picture_in
from grok_video.worker import kept_answer
from grok_video.worker.desk import Desk, RunningCall
from grok_video.worker.fetch import poll
from grok_video.worker.http.call import Call
from grok_video.worker.http.errors import TransportError
from grok_video.worker.http.transport import LONGEST_ANSWER, Transport
from grok_video.worker.kept_answer import KEPT_FOR, forget, of_poll, place_of
from tests.core.conftest import KEY, RawServer, make_spec, png, replay, wait_for
from tests.core.test_look_jobs import B64, file_of, kept, look, make
from tests.core.test_picture_file import jpeg
from tests.core.test_worker import (
    Blender,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.patching import Patches
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

CLIP = Clip("/clips/look.jpg", 5000, 848, 480, 0.0, 1, 0.0, False)
FULL = Problem(ProblemCode.FILE, "The disk is full.")
REFUSED = Problem(ProblemCode.MODERATED, "Withheld.")


@pytest.fixture
def raw() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()


DONE = {"status": "done", **B64}
ASKED = "https://api.x.ai/v1/images/r-1"


def polled(body: Any, status: int = 200) -> Any:
    return look_poll(status, {}, json.dumps(body).encode(), now=1.0, asked=ASKED).event


def in_poll(service: StandIn, body: Any, times: int = 0) -> None:
    """From now on polls of looks are answered so; 0: all of them."""
    service.fail("image-poll", "answer-replaced", status=200, body=json.dumps(body), times=times)


# ---------------------------------------------------------------------------------------- what it means


@pytest.mark.parametrize(
    "body",
    [
        DONE,
        B64,  # early in 2026 answers had no status
        {**DONE, "data": B64["data"][0]},
        {**DONE, "data": [{"url": f"data:image/jpeg;base64,{B64['data'][0]['b64_json']}"}]},
        {**DONE, "data": [{**B64["data"][0], "url": "https://imgen.x.ai/a.jpeg"}]},
        {**DONE, "status": "completed", "request_id": "r-1"},
    ],
)
def test_a_picture_in_the_answer_ends_the_wait(body: Any) -> None:
    said = polled(body)
    assert said == Done(IN_THE_ANSWER, 700_000_000)
    assert picture_in(json.dumps(body).encode()) == jpeg()
    assert from_payload(said.kind, json.loads(json.dumps(to_payload(said)))) == said


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**DONE, "status": "failed"}, 200),
        ({**DONE, "data": [{**B64["data"][0], "respect_moderation": False}]}, 200),
        ({"status": "done", "data": [{"b64_json": ""}]}, 200),
        ({**DONE, "status": "pending"}, 200),
        (DONE, 202),
        (DONE, 500),
        (DONE, 404),
    ],
)
def test_a_picture_counts_only_in_an_answer_that_is_an_end(body: Any, status: int) -> None:
    said = polled(body, status)
    assert not isinstance(said, Done)
    assert isinstance(said, ServiceFailed) is (status == 200 and body["status"] != "pending")


# ------------------------------------------------------------------------------------------- whole jobs


def test_a_picture_in_the_poll_is_kept_and_placed(blender: Blender, service: StandIn) -> None:
    in_poll(service, DONE)
    blender.start()
    job = make(blender)
    assert file_of(job).read_bytes() == jpeg()
    assert (job.cost, job.url) == (700_000_000, IN_THE_ANSWER)
    assert (job.request_id, len(posts(service))) == (service.jobs()[0]["id"], 1)
    wait_for(lambda: kept(blender) == [], "the answer to be removed")


def test_a_picture_that_is_larger_than_other_answers(raw: RawServer) -> None:
    large = png(900, 900)
    item = base64.b64encode(large).decode()
    assert len(item) > 2 * LONGEST_ANSWER
    body = json.dumps({"status": "done", "data": [{"b64_json": item}]}).encode()
    raw.behave = lambda wire: wire.answer(200, body)
    answer = Transport(raw.base, KEY).get("/v1/images/r-1", Call(), picture=True)
    assert picture_in(answer.body) == large
    with pytest.raises(TransportError, match="too long"):
        Transport(raw.base, KEY).get("/v1/videos/r-1", Call())


def of_ledger(blender: Blender, *more: Any) -> Job:
    """A look that runs, and whatever happened to it since."""
    spec = look(blender)
    ledger = Ledger.open(blender.data)
    for event in (
        Created(spec),
        SubmitStarted(spec.estimate or 0),
        Sending(),
        Submitted("r-1"),
        *more,
    ):
        job = ledger.append(spec.id, None, event)
    ledger.close()
    return job


@pytest.mark.parametrize("told", [False, True])
def test_killed_between_the_disk_and_the_ledger_and_after(
    told: bool, blender: Blender, service: StandIn
) -> None:
    """The service is never asked again, which may have forgotten the job by then."""
    job = of_ledger(blender, *([Done(IN_THE_ANSWER, 700_000_000)] if told else []))
    place = place_of(blender.data, job.id)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(json.dumps(DONE).encode())
    blender.start()
    job = blender.until(job.id, State.READY)
    assert (file_of(job).read_bytes(), job.cost) == (jpeg(), 700_000_000)
    assert [request for request in service.requests() if request["endpoint"] != "models"] == []
    wait_for(lambda: not place.exists(), "the answer to be removed")


@pytest.mark.parametrize("how", ["cut", "no picture"])
def test_what_is_no_picture_is_asked_for_again(
    how: str, blender: Blender, service: StandIn
) -> None:
    """There is an id: the service says it once more, with a link this time."""
    item = B64["data"][0]["b64_json"]
    broken = item[:-5] if how == "cut" else base64.b64encode(b"a page").decode()
    in_poll(service, {**DONE, "data": [{"b64_json": broken}]}, times=2)
    blender.start()
    job = make(blender)
    (bought,) = service.jobs()
    assert (job.cost, len(posts(service))) == (bought["ticks"], 1)
    assert job.url.startswith("http")


def test_a_picture_that_stays_broken_ends_the_job(blender: Blender, service: StandIn) -> None:
    in_poll(service, {**DONE, "data": [{"b64_json": "AAAA"}]})
    blender.start()
    job = make(blender, State.FAILED)
    assert (job.urls_gone, job.spent, job.retryable) == (3, 700_000_000, True)
    service.mend()
    blender.say("retry", job=job.id)
    assert blender.until(job.id, State.READY).cost == service.jobs()[0]["ticks"]
    assert len(posts(service)) == 1


def test_a_look_is_fetched_again_from_the_answer_to_a_poll(
    blender: Blender, service: StandIn
) -> None:
    in_poll(service, DONE)
    blender.start()
    job = make(blender)
    wait_for(lambda: kept(blender) == [], "the answer to be removed")
    assert job.fetchable_again
    file_of(job).unlink()
    blender.say("fetch_again", job=job.id)
    blender.until(job.id, lambda now: now.seq > job.seq + 1 and not now.fetching)
    assert file_of(job).read_bytes() == jpeg()
    wait_for(lambda: kept(blender) == [], "the answer to be removed")
    assert len(posts(service)) == 1


def in_the_way(data: Path, job_id: str) -> Path:
    """What keeps the answer of that job from being written."""
    place = place_of(data, job_id)
    way = place.with_name(f"{place.name}.part")
    way.mkdir(parents=True)
    return way


def test_a_disk_that_does_not_take_it_is_said_and_it_is_asked_for_again(
    blender: Blender, service: StandIn, patches: Patches
) -> None:
    """The picture is at the service as before: nothing is on record that is not on the disk."""
    in_poll(service, DONE)
    blender.start()
    spec = look(blender)
    way = in_the_way(blender.data, spec.id)
    blender.say("submit", spec=spec)
    wait_for(lambda: service.requests("image-poll"), "a poll")
    assert blender.until(spec.id, State.RUNNING).url == ""
    way.rmdir()
    job = blender.until(spec.id, State.READY)
    assert file_of(job).read_bytes() == jpeg()
    assert len(posts(service)) == 1


def test_a_disk_that_takes_nothing_for_long_keeps_the_job_blocked(
    tmp_path: Path, patches: Patches, raw: RawServer
) -> None:
    patches.set(kept_answer, "HOLDS", 0.0)
    raw.behave = lambda wire: wire.answer(200, json.dumps(DONE).encode())
    spec = make_spec(kind=Kind.LOOK)
    job = replay(
        [(event, 1.0) for event in (Created(spec), SubmitStarted(1), Sending(), Submitted("r-1"))]
    )
    call = RunningCall("poll", job.id, Call())
    desk = Desk(tmp_path, "s", "w", 0o077)
    in_the_way(tmp_path, job.id)
    poll(call, desk, job, Transport(raw.base, KEY))
    (said,) = call.events
    assert isinstance(said, Blocked)
    assert said.problem.code is ProblemCode.FILE
    assert "asked for again, free" in said.problem.hint
    assert "lost" not in said.problem.message
    after = apply(job, said, 2.0)
    assert (after.state, after.blocked, call.trouble) == (State.RUNNING, True, True)
    desk.ledger.close()


# ------------------------------------------------------------------------------------------ what is swept


def at_rest(tmp_path: Path, *happened: Any, ago: float = 0.0) -> tuple[Job, Path]:
    """A look to which that happened, and its answer on the disk."""
    spec = make_spec(kind=Kind.LOOK, output=str(tmp_path / "look.jpg"))
    at = time.time() - ago
    job = replay([(event, at) for event in (Created(spec), SubmitStarted(1), Sending(), *happened)])
    place = place_of(tmp_path, job.id)
    place.parent.mkdir(exist_ok=True)
    for path in (place, place.with_name(f"{place.name}.part")):
        path.write_bytes(json.dumps(DONE).encode())
    return job, place


@pytest.mark.parametrize(
    ("happened", "days", "stays"),
    [
        ([Submitted("r-1"), Done(IN_THE_ANSWER), StopRequested()], 0, True),
        ([Submitted("r-1"), Done(IN_THE_ANSWER), StopRequested()], 31, False),
        ([Bought(IN_THE_ANSWER), StopRequested()], 29, True),  # the only copy, of which Retry knows
        ([Bought(IN_THE_ANSWER), StopRequested()], 31, False),
        ([Bought(IN_THE_ANSWER), LocalFailed(FULL)], 0, True),
        ([Billed(REFUSED)], 0, False),  # nothing to take up
        ([AnswerLost(REFUSED)], 400, True),  # the next worker recalls it
        ([AnswerLost(REFUSED), StopRequested()], 0, True),
        ([Submitted("r-1")], 400, True),
        ([Bought(IN_THE_ANSWER), Downloaded(CLIP)], 0, False),
        ([Submitted("r-1"), Done(IN_THE_ANSWER), Downloaded(CLIP), FetchAgain()], 0, True),
    ],
)
def test_an_answer_is_swept_when_nobody_can_ask_for_it_any_more(
    tmp_path: Path, happened: list[Any], days: int, stays: bool
) -> None:
    job, place = at_rest(tmp_path, *happened, ago=days * 86_400.0)
    assert KEPT_FOR == 30 * 86_400.0
    forget(tmp_path, job)
    assert place.exists() is stays
    assert place.with_name(f"{place.name}.part").exists() is stays


def test_an_answer_that_nobody_could_tell_of_before_the_stop_is_recalled(blender: Blender) -> None:
    """Killed between the disk and the ledger, then stopped by another Blender: *Retry* brings what was paid for."""
    spec = look(blender)
    ledger = Ledger.open(blender.data)
    happened = (Created(spec), SubmitStarted(1), Sending(), AnswerLost(REFUSED), StopRequested())
    for event in happened:
        ledger.append(spec.id, None, event)
    ledger.close()
    place = place_of(blender.data, spec.id)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(json.dumps(B64).encode())
    blender.start()
    job = blender.until(spec.id, lambda job: job.url)
    assert (job.state, job.url, job.cost) == (State.CANCELLED, IN_THE_ANSWER, 700_000_000)
    blender.say("retry", job=job.id)
    assert file_of(blender.until(spec.id, State.READY)).read_bytes() == jpeg()


def test_the_worker_sweeps_the_answer_of_a_look_that_was_stopped(blender: Blender) -> None:
    """Stopped weeks ago, by a Blender that has ended: the first look at the list does it."""
    spec = look(blender)
    ledger = Ledger.open(blender.data)
    at = time.time() - KEPT_FOR - 60.0
    happened = (Created(spec), SubmitStarted(1), Sending(), Bought(IN_THE_ANSWER), StopRequested())
    for event in happened:
        ledger.append(spec.id, None, event, at=at)
    ledger.close()
    place = place_of(blender.data, spec.id)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(json.dumps(B64).encode())
    blender.start()
    wait_for(lambda: not place.exists(), "the answer to be removed")


def test_the_answer_of_a_running_look_is_read_until_it_proves_no_picture(tmp_path: Path) -> None:
    job, place = at_rest(tmp_path, Submitted("r-1"))
    assert of_poll(tmp_path, job) == Done(IN_THE_ANSWER, 700_000_000)
    gone, _ = at_rest(tmp_path, Submitted("r-1"), Done(IN_THE_ANSWER), UrlGone())
    assert of_poll(tmp_path, gone) is None
    place.unlink()
    assert of_poll(tmp_path, job) is None

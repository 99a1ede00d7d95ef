"""How long a click or *Send* holds, whenever it is taken up: the real worker, and the last look before the last byte."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grok_video.core import clock, events, word
from grok_video.core.job import Job, State, apply
from grok_video.core.payload import spec_to_payload
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import JobSpec, new_id
from grok_video.ledger.inbox import put_command, waiting_commands
from grok_video.ledger.ledger import Ledger
from grok_video.worker.desk import Desk, RunningCall
from grok_video.worker.http import call as http_call
from grok_video.worker.http.call import Call
from grok_video.worker.http.transport import Transport
from grok_video.worker.schedule import step
from grok_video.worker.submit import post
from grok_video.worker.worker import Worker
from tests.core.conftest import make_spec, says_free, wait_for
from tests.core.test_old_version import old
from tests.core.test_worker import (
    Blender,
    blender,
    inside,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.patching import Patches
from tests.stand_in.client import StandIn

__all__ = ["blender", "inside", "make_blender", "old", "one_service", "service"]  # fixtures

HOUR = 3600.0


def said(data: Path, ago: float) -> None:
    """Let what waits in the inbox have been said so many seconds earlier."""
    ((path, command),) = waiting_commands(data)
    path.write_text(json.dumps({**command, "at": command["at"] - int(ago * 1e9)}), "utf-8")


def no_time(data: Path, at: Any, ago: float) -> None:
    """Let what waits in the inbox not tell when it was said; its file is so many seconds old."""
    ((path, command),) = waiting_commands(data)
    path.write_text(json.dumps({**command, "at": at}), "utf-8")
    os.utime(path, (time.time() - ago, time.time() - ago))


def job_in(ledger: Ledger, job_id: str) -> Job:
    job = ledger.job(job_id)
    assert job is not None
    return job


def held(blender: Blender, job_id: str) -> Job:
    job = blender.until(job_id, lambda job: job.held)
    assert job.state is State.QUEUED
    assert says_free(job.problem)
    assert job.problem is not None
    assert "Send" in job.problem.hint
    return job


@pytest.mark.parametrize(
    "ago",
    [
        pytest.param(HOUR, id="an hour"),
        pytest.param(601.0, id="ten minutes and a second"),
        pytest.param(-90.0, id="a minute and a half to come"),
        pytest.param(-400 * 365 * 24 * HOUR, id="centuries to come"),
        pytest.param(time.time() + HOUR, id="before there were computers"),
    ],
)
def test_a_click_that_waited_too_long_is_held_when_it_is_taken_up(
    blender: Blender, service: StandIn, ago: float
) -> None:
    spec = blender.spec()
    put_command(blender.data, "submit", spec=spec)
    said(blender.data, ago)
    blender.start()
    held(blender, spec.id)
    assert service.requests("submit") == []
    blender.say("release", job=spec.id, session=blender.session)  # counts from its own press
    blender.until(spec.id, State.READY)
    assert len(posts(service)) == 1


@pytest.mark.parametrize("ago", [540.0, -30.0], ids=["nine minutes", "half a minute to come"])
def test_a_click_that_may_still_be_sent_is_sent(
    blender: Blender, service: StandIn, ago: float
) -> None:
    spec = blender.spec()
    put_command(blender.data, "submit", spec=spec)
    said(blender.data, ago)
    blender.start()
    job = blender.until(spec.id, State.READY)
    assert len(posts(service)) == 1
    assert job.released_at <= time.time() - max(ago, 0.0)  # its ten minutes are not begun anew


@pytest.mark.parametrize("at", [None, "soon", True, 1.5, [], math.inf])
def test_a_command_without_a_time_is_as_old_as_its_file(tmp_path: Path, at: Any) -> None:
    put_command(tmp_path, "submit")
    no_time(tmp_path, at, HOUR)
    ((_, command),) = waiting_commands(tmp_path)
    assert command["at"] == pytest.approx((time.time() - HOUR) * 1e9, abs=60e9)


def test_a_send_that_waited_too_long_sends_nothing(blender: Blender, service: StandIn) -> None:
    spec = blender.spec()
    put_command(blender.data, "submit", spec=spec)
    said(blender.data, HOUR)
    blender.start()
    held(blender, spec.id)
    blender.hang_up()
    put_command(blender.data, "release", job=spec.id, session=blender.session)
    said(blender.data, HOUR)
    ((asked, _),) = waiting_commands(blender.data)
    blender.start()
    wait_for(lambda: not asked.exists(), "the release to be taken up")
    assert held(blender, spec.id).seq == 3
    assert service.requests("submit") == []


def test_a_send_that_came_too_late_leaves_the_price_on_the_button(tmp_path: Path) -> None:
    """The files were others by then: the button shows what they cost now, and so it stays."""
    spec = make_spec()
    now_dearer = replace(spec, estimate=(spec.estimate or 0) + 1)
    ledger = Ledger.open(tmp_path)
    changed = events.Held(Problem(ProblemCode.FILE, "The file has changed."), now_dearer)
    ledger.append(spec.id, 0, events.Created(spec))
    ledger.append(spec.id, 1, changed)
    an_hour_ago = time.time_ns() - int(HOUR * 1e9)
    said_late = {"id": new_id(), "command": "release", "job": spec.id, "session": "s"}
    ledger.commands.apply({**said_late, "at": an_hour_ago})
    job = ledger.job(spec.id)
    assert job is not None
    assert (job.seq, job.held, job.instead) == (3, True, now_dearer)
    ledger.close()


def test_an_old_send_does_not_take_a_fresh_word_back(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    spec = make_spec()
    ledger.append(spec.id, 0, events.Created(spec))
    for ago in (0.0, HOUR):
        put_command(tmp_path, "release", job=spec.id, session="session-a")
        said(tmp_path, ago)
        ((path, command),) = waiting_commands(tmp_path)
        ledger.commands.apply(command)
        path.unlink()
        assert not job_in(ledger, spec.id).held
    ledger.close()


def test_a_click_of_0_1_0_that_waited_too_long_is_held(
    blender: Blender, service: StandIn, old: Path
) -> None:
    spec = blender.spec()
    text = json.dumps(spec_to_payload(spec))
    code = (
        "import json, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from grok_video.core.ledger import put_command;"
        "put_command(Path(sys.argv[2]), 'submit', spec=json.load(sys.stdin))"
    )
    arguments = [sys.executable, "-I", "-c", code, str(old.parent), str(blender.data)]
    subprocess.run(arguments, input=text.encode(), check=True)
    said(blender.data, HOUR)
    blender.start()
    held(blender, spec.id)
    assert service.requests("submit") == []


def test_a_worker_of_0_1_0_takes_no_word_of_ours(
    make_blender: Callable[[], Blender], service: StandIn, old: Path
) -> None:
    """It knows neither the age of a click nor *held*; what it leaves is taken up here, in its order, beside it."""
    before = make_blender().as_0_1_0(old).start()
    now = make_blender()
    late, of_script, stopped, settled = (now.spec() for _ in range(4))
    an_hour_ago = time.time_ns() - int(HOUR * 1e9)
    put_command(now.data, "submit", spec=late, at=an_hour_ago)
    script = word.held_because("A script asked for it.")
    put_command(now.data, "submit", spec=of_script, held=script)
    put_command(now.data, "submit", spec=stopped)
    put_command(now.data, "stop", job=stopped.id)
    put_command(now.data, "submit", spec=settled, held=script, at=an_hour_ago)
    put_command(now.data, "release", job=settled.id, session=now.session, at=an_hour_ago + 1)
    before.fence()
    before.fence()  # twice: it has looked into the inbox since
    assert len(before.reader.jobs) == len(posts(service)) == 2
    now.start()
    for spec in (late, of_script, settled):
        held(now, spec.id)
    now.until(stopped.id, State.CANCELLED)
    now.fence()
    assert len(posts(service)) == 3
    assert os.listdir(now.data / "inbox") == []
    assert before.process is not None
    assert before.process.poll() is None


def test_the_age_of_a_click_goes_on_where_the_wall_clock_is_set_back(inside: Worker) -> None:
    """Taken up at nine minutes, and the clock set back by an hour: held at ten."""
    spec = make_spec()
    at = time.time() - 540.0
    job = inside.desk.ledger.append(spec.id, 0, events.Created(spec), at=at)
    inside._changed(job)
    inside._memory[spec.id].since -= 61.0
    set_back = replace(inside._world(), wall=at - word.AHEAD)
    due = step(job, set_back, inside._memory[spec.id])
    assert isinstance(due.event, events.Held)


def test_after_a_clock_that_was_set_back_clicks_are_clicks_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted on from before, each click of the next hour would be one of the time to come, and held."""
    now = time.time_ns()
    for at in (now + int(HOUR * 1e9), now):
        monkeypatch.setattr(time, "time_ns", lambda at=at: at)
        put_command(tmp_path, "submit")
    (_, before), (_, after) = reversed(waiting_commands(tmp_path))
    assert after["at"] == now < before["at"]


# ----------------------------------------------------------------------------------------- before the last byte


class Upload:
    """One real POST of this process, whose clocks the test sets when the first chunk of its still has left."""

    def __init__(self, folder: Path, spec: JobSpec, service: StandIn) -> None:
        self.wall = self.awake = 0.0
        self.then: Callable[[], None] = lambda: None
        self.desk = Desk(folder, "session-a", new_id(), 0o022)
        self.desk.online = True
        self.spec = spec
        self._transport = Transport(service.base, service.key)

    def time(self) -> float:
        return time.time() + self.wall

    def monotonic(self) -> float:
        return time.monotonic() + self.awake

    def send(self, *, clicked: float = 0.0) -> Job:
        """Send a job whose click was so many seconds ago; the job as it is after that."""
        ledger = self.desk.ledger
        ledger.append(self.spec.id, 0, events.Created(self.spec), at=time.time() - clicked)
        ledger.leases.take(self.spec.id, self.desk.id)
        job = ledger.append(self.spec.id, 1, events.SubmitStarted(1))
        call = RunningCall("submit", job.id, Call())
        limit = call.call.limit

        def moving(seconds: float) -> None:
            limit(seconds)
            self.then()

        call.call.limit = moving  # type: ignore[method-assign]
        post(call, self.desk, job, None, None, self._transport)
        for event in call.events:
            job = apply(job_in(ledger, job.id), event, time.time())
            ledger.append(job.id, None, event)
        return job_in(ledger, job.id)


@pytest.fixture
def upload(
    blender: Blender, service: StandIn, tmp_path: Path, patches: Patches
) -> Iterator[Upload]:
    made = Upload(tmp_path / "uploads", blender.spec(), service)
    patches.set(clock, "time", SimpleNamespace(time=made.time, monotonic=time.monotonic))
    patches.set(
        clock, "awake", made.monotonic, copies_ok="deadlines of calls are not what is tested"
    )
    yield made
    made.desk.ledger.close()


@pytest.mark.parametrize("seconds", [61.0, HOUR])
def test_what_the_machine_slept_through_is_not_sent(
    upload: Upload, service: StandIn, seconds: float
) -> None:
    upload.then = lambda: setattr(upload, "wall", seconds)
    job = upload.send()
    assert (job.state, job.held, job.sent, job.reserved) == (State.QUEUED, True, False, 0)
    assert says_free(job.problem)
    assert posts(service) == []


def test_many_short_sleeps_are_one_long_one(upload: Upload, service: StandIn) -> None:
    def sleep() -> None:
        upload.wall += 40.0

    upload.then = sleep
    assert upload.send().held
    assert posts(service) == []


@pytest.mark.parametrize(
    ("wall", "awake"),
    [
        pytest.param(3 * HOUR, 3 * HOUR, id="a slow line"),
        pytest.param(50.0, 0.0, id="a clock that is set right"),
        pytest.param(-HOUR, 0.0, id="a clock that is set back"),
    ],
)
def test_an_upload_that_keeps_moving_is_sent(
    upload: Upload, service: StandIn, wall: float, awake: float
) -> None:
    def move() -> None:
        upload.wall, upload.awake = wall, awake

    upload.then = move
    job = upload.send(clicked=590.0)
    assert (job.state, job.held) == (State.RUNNING, False)
    assert len(posts(service)) == 1


@pytest.mark.parametrize("clicked", [601.0, -61.0])
def test_a_click_that_was_too_old_as_the_upload_began_is_not_sent(
    upload: Upload, service: StandIn, clicked: float
) -> None:
    job = upload.send(clicked=clicked)
    assert (job.state, job.held, job.sent) == (State.QUEUED, True, False)
    assert posts(service) == []


@pytest.mark.parametrize("seconds", [word.WORD_HOLDS, -word.AHEAD])
def test_a_word_holds_to_its_last_second(seconds: float) -> None:
    now = 1_800_000_000.0
    assert word.lapsed(now - seconds, now) is None
    assert word.lapsed(now - seconds - math.copysign(1.0, seconds), now) is not None


# ---------------------------------------------------------------------------------------------- after the last byte


def test_no_deadline_of_a_call_passes_in_sleep(patches: Patches) -> None:
    """On Windows its timer goes off then, for that clock goes on in sleep: an answer may be about to come."""
    now = [1000.0]
    patches.set(http_call, "awake", lambda: now[0], copies_ok="a call asks no other clock")
    call = Call()
    call.limit(0.05)
    first = call._timer  # pyright: ignore[reportPrivateUsage]
    wait_for(lambda: call.late or call._timer is not first, "the timer")  # pyright: ignore[reportPrivateUsage]
    assert not call.late
    now[0] += 0.05
    wait_for(lambda: call.late, "the deadline")
    call.close()

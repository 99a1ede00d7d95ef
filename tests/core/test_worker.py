"""The worker as a real process against the stand-in service: whole jobs, killed in every state, never twice.

``Blender`` here is what the bridge is to the worker: it starts the process, talks over its stdin, drops commands
into the inbox and reads the ledger.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import (
    Created,
    Done,
    Event,
    Held,
    NotSent,
    Progress,
    Rejected,
    Released,
    Sending,
    Slow,
    StopRequested,
    SubmitStarted,
    Submitted,
    UrlGone,
)
from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import JobSpec, Keyframe, Kind, Picture, SourceVideo, account_of, new_id
from grok_video.ledger.errors import LedgerUnwritable
from grok_video.ledger.inbox import put_command
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.locks import FileLock
from grok_video.ledger.place import session_lock
from grok_video.ledger.reader import LedgerReader
from grok_video.ledger.schema import FILE_NAME
from grok_video.ledger.store import Store
from grok_video.service.answer import submit_answer
from grok_video.service.checks import check
from grok_video.service.models import MODELS
from grok_video.service.pricing import estimate_of
from grok_video.service.request import LOOK_MODELS_PATH, MODELS_PATH, RemoteClip
from grok_video.worker import schedule as schedule_module
from grok_video.worker import submit as submit_module
from grok_video.worker import worker as worker_module
from grok_video.worker.desk import LOG_SIZE, Desk, RunningCall, write_log
from grok_video.worker.http.call import Call
from grok_video.worker.process import Parent
from grok_video.worker.submit import Abandon, record_sending, remote_source
from tests.core.conftest import KEY, ROOT, RawServer, make_spec, png, says_free, wait_for
from tests.keysearch import found_in
from tests.patching import Patches
from tests.patience import PATIENCE, at_once
from tests.posix import posix
from tests.stand_in.client import StandIn

PACKAGE = ROOT / "grok_video"
FAST = {"poll_interval": 0.1, "gap": 0.01, "per_minute": 100_000}


@functools.cache
def started(config: pytest.Config) -> StandIn:
    """The service of this process: a session's fixture is made anew for each module that imports it, 25 here."""
    service = StandIn.start(job_seconds=0.3, per_second=0, per_minute=0, still=True)
    config.add_cleanup(service.stop)
    return service


@pytest.fixture(scope="session")
def one_service(pytestconfig: pytest.Config) -> StandIn:
    return started(pytestconfig)


@pytest.fixture
def service(one_service: StandIn) -> StandIn:
    one_service.reset()
    return one_service


class Blender:
    """The other end of the worker's pipe, and of the ledger."""

    program = PACKAGE  # what is run as the worker
    ending = ""  # of the names of commands, where they are not this version's

    def __init__(self, folder: Path, service: StandIn) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.project = folder / "project"
        self.project.mkdir(exist_ok=True)
        self.data.mkdir(exist_ok=True)
        self.service = service
        self.session = new_id()
        self.reader = LedgerReader(self.data)
        self.process: subprocess.Popen[bytes] | None = None
        self.worker = ""

    # -- the process

    def start(
        self,
        *,
        online: bool = True,
        key: str | None = None,
        account: bool = True,
        environment: dict[str, str] | None = None,
        pace: dict[str, Any] = FAST,
    ) -> Blender:
        self.spawn(environment)
        if account:
            self.tell_account(key, pace)
        if online:
            self.tell(type="online", online=True)
        ready = self.data / "workers" / f"{self.worker}.ready"
        wait_for(ready.exists, "the worker to be ready")
        return self

    def spawn(self, environment: dict[str, str] | None = None, worker: str = "") -> None:
        """A new worker, of that id or any, which has been told nothing and may not be ready."""
        self.worker = worker or new_id()
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(self.program), str(self.data), self.session, self.worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "stderr.txt", "ab"),  # noqa: SIM115 - the child's
            cwd=self.data,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )

    def tell_account(self, key: str | None = None, pace: dict[str, Any] = FAST) -> None:
        key = self.service.key if key is None else key
        account = account_of(self.service.base, key)
        self.tell(type="account", base=self.service.base, key=key, account=account, **pace)

    def tell(self, **line: Any) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def as_0_1_0(self, program: Path) -> Blender:
        """This Blender with 0.1.0, unzipped at ``program``."""
        self.program, self.ending = program, ".json"
        return self

    def say(self, command: str, **fields: Any) -> str:
        if not self.ending:
            command_id = put_command(self.data, command, **fields)
        else:
            aside = self.folder / "said"
            command_id = put_command(aside, command, **fields)
            (path,) = (aside / "inbox").iterdir()
            (self.data / "inbox").mkdir(exist_ok=True)
            path.rename(self.data / "inbox" / f"{command_id}{self.ending}")
        self.tell(type="wake")
        return command_id

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def hang_up(self) -> int:
        """End of file on its stdin; its exit code."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    # -- jobs

    def spec(self, **changes: Any) -> JobSpec:
        still = self.folder / "still.png"
        if not still.exists():
            still.write_bytes(png(848, 480))
        made = new_id()
        values: dict[str, Any] = {
            "id": made,
            "session": self.session,
            "api_base": self.service.base,
            "account": account_of(self.service.base, self.service.key),
            "image": str(still),
            "image_mime": "image/png",
            "output": str(self.project / f"clip_{made[:8]}.mp4"),
        }
        spec = make_spec(**{**values, **changes})
        # Below the table's price the job would be held.
        price = 0 if "estimate" in changes else estimate_of(spec) or 0
        return replace(spec, estimate=price) if price > (spec.estimate or 0) else spec

    def submit(self, **changes: Any) -> str:
        spec = self.spec(**changes)
        self.say("submit", spec=spec)
        return spec.id

    def job(self, job_id: str) -> Job | None:
        self.reader.refresh(1.0)
        return self.reader.jobs.get(job_id)

    def until(
        self, job_id: str, what: State | Callable[[Job], Any], seconds: float = PATIENCE
    ) -> Job:
        """The job once it is in a state, or once something is true of it."""

        def now() -> Job | None:
            job = self.job(job_id)
            fits = job and (job.state is what if isinstance(what, State) else what(job))
            return job if fits else None

        try:
            return wait_for(now, f"{what} of the job", seconds)
        except BaseException:
            print(self.job(job_id), (self.data / "worker.log").read_text("utf-8"), sep="\n")
            raise

    def answer(self, command_id: str) -> Any:
        def now() -> Any:
            self.reader.refresh(1.0)
            return self.reader.notices.get(command_id)

        return wait_for(now, "an answer to the command")

    def fence(self) -> None:
        """A whole job more: whatever was going to happen before it has happened."""
        self.until(self.submit(), State.READY)

    def close(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.communicate()
        self.reader.close()


@pytest.fixture
def make_blender(tmp_path: Path, service: StandIn) -> Iterator[Callable[[], Blender]]:
    made: list[Blender] = []

    def make() -> Blender:
        made.append(Blender(tmp_path, service))
        return made[-1]

    yield make
    for blender in made:
        blender.close()


@pytest.fixture
def blender(make_blender: Callable[[], Blender]) -> Blender:
    return make_blender()


def posts(service: StandIn) -> list[dict[str, Any]]:
    """The POSTs whose whole body came: what may have been charged."""
    return [request for request in service.requests("submit") if request["complete"]]


# ------------------------------------------------------------------------------------------------ a whole job


def test_a_whole_job(blender: Blender, service: StandIn) -> None:
    spec = blender.spec()
    blender.start().say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    assert job.clip is not None
    assert job.clip == probe(spec.output)
    assert (job.clip.width, job.clip.height, job.clip.frames, job.clip.fps) == (848, 480, 25, 24.0)
    assert job.clip.has_audio
    (bought,) = service.jobs()
    (post,) = service.requests("submit")
    assert (job.request_id, job.cost) == (bought["id"], bought["ticks"])
    assert post["body"]["image"]["url"]["bytes"] == os.path.getsize(spec.image)
    assert service.image(bought["image"]) == Path(spec.image).read_bytes()
    assert len(posts(service)) == 1
    sidecar = json.loads(Path(spec.output).with_suffix(".json").read_text("utf-8"))
    assert sidecar["prompt"] == spec.prompt
    assert sidecar["request_id"] == job.request_id
    assert sidecar["cost_usd"] == bought["ticks"] / 10**10
    assert sidecar["source"]["frame"] == spec.source.frame
    assert sidecar["result_host"] == "127.0.0.1"
    assert "xai-video" not in json.dumps(sidecar)
    assert sorted(os.listdir(blender.project)) == sorted(
        [Path(spec.output).name, Path(spec.output).with_suffix(".json").name]
    )
    assert os.stat(spec.output).st_mode & 0o400
    assert os.listdir(blender.data / "inbox") == []


def test_the_guides_shape_and_no_picture(blender: Blender, service: StandIn) -> None:
    service.settings(shape="guide")
    blender.start()
    job = blender.until(blender.submit(image="", image_mime=""), State.READY)
    assert job.cost is None
    assert service.jobs()[0]["image"] == ""


@posix("modes say nothing of rights there")
def test_the_clip_is_as_readable_as_the_artists_own_files(blender: Blender) -> None:
    mask = os.umask(0o022)
    try:
        blender.start()
    finally:
        os.umask(mask)
    job = blender.until(blender.submit(), State.READY)
    assert job.clip is not None
    assert os.stat(job.clip.path).st_mode & 0o777 == 0o644
    for name in (FILE_NAME, f"jobs/{job.id}.jsonl", "worker.log"):
        assert os.stat(blender.data / name).st_mode & 0o077 == 0


@pytest.mark.deadline
def test_the_import_is_claimed_and_recorded_at_once(blender: Blender) -> None:
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, State.READY)
    assert claim_time(blender, job_id) < at_once(0.2)
    blender.say("claim", job=job_id, session=blender.session)
    blender.say("imported", job=job_id, scene="Scene", blend="/x.blend")
    blender.until(job_id, State.IMPORTED)


def claim_time(blender: Blender, job_id: str) -> float:
    """Seconds until a claim is on record: about 5 ms; the best of five, as the machine may be busy."""
    best = 60.0
    for _ in range(5):
        start = time.monotonic()
        blender.say("claim", job=job_id, session=blender.session)
        blender.until(job_id, lambda job: job.claimed_by)
        best = min(best, time.monotonic() - start)
        blender.say("unclaim", job=job_id)
        blender.until(job_id, lambda job: not job.claimed_by)
    return best


# --------------------------------------------------------------------------------------- killed, and resumed


def big_still(blender: Blender) -> str:
    """A picture that does not fit into the buffers of a connection nobody reads from."""
    path = blender.folder / "big.png"
    path.write_bytes(png(2400, 2400))
    return str(path)


def test_killed_while_queued(blender: Blender, service: StandIn) -> None:
    blender.start(online=False)
    job_id = blender.submit()
    blender.until(job_id, State.QUEUED)
    blender.kill()
    blender.start()
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == len(service.jobs()) == 1


def test_killed_before_the_command_was_read(blender: Blender, service: StandIn) -> None:
    blender.start()
    blender.kill()
    spec = blender.spec()
    put_command(blender.data, "submit", spec=spec)
    blender.start()
    blender.until(spec.id, State.READY)
    assert len(service.requests("submit")) == 1


def test_killed_before_the_last_byte(blender: Blender, service: StandIn) -> None:
    """Nothing was started, so it is sent again by itself: one complete POST in the end."""
    service.fail("submit", "hang")
    blender.start()
    job_id = blender.submit(image=big_still(blender))
    blender.until(job_id, State.SUBMITTING)
    wait_for(lambda: service.requests("submit"), "the POST to begin")
    assert not blender.until(job_id, State.SUBMITTING).sent
    blender.kill()
    blender.start()
    blender.until(job_id, State.READY)
    assert len(posts(service)) == len(service.jobs()) == 1


@pytest.mark.parametrize("how", ["hang-after-body", "hang-after-start"])
def test_killed_after_the_last_byte(blender: Blender, service: StandIn, how: str) -> None:
    """Nobody knows whether it was bought: the program does not buy it a second time."""
    service.fail("submit", how)
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    wait_for(lambda: posts(service), "the POST to arrive")
    blender.kill()
    blender.start()
    job = blender.until(job_id, State.UNKNOWN)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.ANSWER_LOST
    assert job.reserved == job.spec.estimate
    blender.fence()
    assert blender.until(job_id, State.UNKNOWN) == job
    assert len(posts(service)) == 2  # this one and the fence


def test_killed_while_running(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    blender.kill()
    service.finish()
    blender.start()
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


def test_killed_while_downloading(blender: Blender, service: StandIn) -> None:
    service.fail("download", "drip", times=0)
    blender.start()
    job_id = blender.submit()
    job = blender.until(job_id, State.DOWNLOADING)
    part = Path(f"{job.spec.output}.part")
    wait_for(part.exists, "the download to begin")
    blender.kill()
    service.mend()
    blender.start()
    job = blender.until(job_id, State.READY)
    assert probe(job.spec.output).frames == 25
    assert not part.exists()
    assert len(service.requests("submit")) == 1


def test_killed_between_the_file_and_its_record(blender: Blender, service: StandIn) -> None:
    """The clip is in place under its name; it is neither fetched nor named a second time."""
    blender.start()
    first = blender.until(blender.submit(), State.READY)
    service.fail("download", "drip", times=0)
    job_id = blender.submit()
    job = blender.until(job_id, State.DOWNLOADING)
    wait_for(lambda: service.requests("download")[1:], "the download to begin")
    blender.kill()
    shutil.copy(first.spec.output, job.spec.output)
    Path(job.spec.output).with_suffix(".json").write_text(json.dumps({"job": job_id}), "utf-8")
    before = len(service.requests("download"))
    blender.start()
    done = blender.until(job_id, State.READY)
    assert done.clip is not None
    assert done.clip.path == job.spec.output
    assert len(service.requests("download")) == before


def test_killed_once_it_is_ready(blender: Blender, service: StandIn) -> None:
    blender.start()
    job = blender.until(blender.submit(), State.READY)
    blender.kill()
    before = len(service.requests())
    blender.start()
    blender.say("claim", job=job.id, session=blender.session)
    blender.until(job.id, lambda job: job.claimed_by)
    assert len(service.requests()) == before


def test_three_crashes_set_a_job_aside(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    service.fail("poll", "hang", times=0)
    for _ in range(3):
        blender.kill()
        before = len(service.requests("poll"))
        blender.start()
        blender.until(
            job_id,
            lambda job: job.state is State.FAILED or len(service.requests("poll")) > before,  # noqa: B023
        )
    job = blender.until(job_id, State.FAILED)
    assert job.problem is not None
    assert (job.problem.code, job.retryable) == (ProblemCode.CRASHED, True)
    service.mend()
    service.finish()
    blender.say("retry", job=job_id)
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


# --------------------------------------------------------------------------------------- answers to the POST

LOST = [
    "answer-lost",
    "answer-cut",
    "close-after-body",
    "truncate",
    "redirect",
    "no-id",
    "empty-id",
    "fraction-id",
    "garbage",
    "html",
    "empty",
    "huge",
    "null",
    "list",
    "proxy-502",
    408,
    409,
    418,
    500,
    502,
    503,
    504,
]


def test_a_lost_answer_is_unknown_and_never_sent_again(blender: Blender, service: StandIn) -> None:
    blender.start()
    for what in LOST:
        service.fail("submit", what)
        job_id = blender.submit()
        job = blender.until(job_id, lambda job: job.seq > 3)
        assert job.state is State.UNKNOWN, what
        assert job.problem is not None, what
        assert job.problem.code is ProblemCode.ANSWER_LOST, what
        assert not says_free(job.problem), what
        assert "The request had left, so it may have been charged." in job.problem.message, what
        assert job.reserved == job.spec.estimate, what
        assert not job.retryable, what
    blender.fence()
    assert len(posts(service)) == len(LOST) + 1


REFUSED: list[tuple[str | int, ProblemCode | None]] = [
    ("err-401-nokey", ProblemCode.KEY),
    ("bad-credentials", ProblemCode.KEY),
    ("credits-new", ProblemCode.CREDITS),
    *((status, None) for status in (400, 404, 405, 413, 415, 422)),
]


def test_a_refusal_is_final_and_free(blender: Blender, service: StandIn) -> None:
    blender.start()
    for what, code in REFUSED:
        service.fail("submit", what)
        job = blender.until(blender.submit(), State.FAILED)
        assert job.problem is not None
        assert says_free(job.problem), what
        assert code in (None, job.problem.code), what
        assert (job.reserved, job.retryable) == (0, False), what
    assert len(posts(service)) == len(REFUSED)


@pytest.mark.parametrize("status", [429, 425])
def test_later_is_waited_for(blender: Blender, service: StandIn, status: int) -> None:
    body = {
        "code": "resource-exhausted",
        "error": "Too many requests for team x (actual/limit): 2/2",
    }
    headers = {"Retry-After": "1"}
    service.fail("submit", "answer", status=status, body=body, headers=headers, times=2)
    blender.start()
    job_id = blender.submit()
    waiting = blender.until(
        job_id, lambda job: job.problem and job.problem.code is ProblemCode.RATE
    )
    assert (waiting.state, waiting.reserved, waiting.sent) == (State.QUEUED, 0, False)
    blender.until(job_id, State.READY)
    times = [request["time"] for request in service.requests("submit")]
    assert len(times) == 3
    assert all(later - earlier >= 0.9 for earlier, later in itertools.pairwise(times))
    assert len(service.jobs()) == 1


@pytest.mark.parametrize("how", ["close", "close-during-body"])
def test_what_was_not_sent_is_sent_again(blender: Blender, service: StandIn, how: str) -> None:
    service.fail("submit", how, times=2)
    blender.start()
    job = blender.until(blender.submit(image=big_still(blender)), State.READY, 60)
    assert len(posts(service)) == len(service.jobs()) == 1
    assert job.seq > 7


# --------------------------------------------------------------------------------------- while it is running


def test_polls_go_on_through_passing_trouble(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    for what in ("close", "garbage", "empty", "html", "huge", "gzip", "answer-cut", "redirect"):
        before = len(service.requests("poll"))
        service.fail("poll", what)
        wait_for(lambda: len(service.requests("poll")) > before + 1, f"a poll after {what}")  # noqa: B023
        job = blender.until(job_id, lambda job: job.problem is None)  # a good poll has been heard
        assert job.state is State.RUNNING
    service.finish()
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


def test_the_ledger_is_written_when_something_changed(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    job = blender.until(job_id, lambda job: job.progress)
    polls = len(service.requests("poll"))
    wait_for(lambda: len(service.requests("poll")) > polls + 5, "more polls")
    blender.hang_up()
    ledger = Ledger.open(blender.data)
    assert ledger.job(job_id) == job
    ledger.close()


def test_a_key_error_blocks_and_the_right_key_goes_on(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    service.fail("poll", "bad-credentials", times=2)
    job = blender.until(job_id, lambda job: job.blocked)
    assert job.state is State.RUNNING
    assert job.problem is not None
    assert job.problem.code is ProblemCode.KEY
    blender.until(job_id, lambda job: not job.blocked and job.problem is None)
    service.finish()
    blender.until(job_id, State.READY)


@pytest.mark.parametrize("key", ["xai-another-key-altogether", ""])
def test_a_job_is_asked_for_with_its_own_key_only(
    blender: Blender, service: StandIn, key: str
) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    blender.tell_account(key)
    job = blender.until(job_id, lambda job: job.blocked)
    assert job.problem is not None
    assert job.problem.code is (ProblemCode.OTHER_KEY if key else ProblemCode.KEY)
    before = len(service.requests("poll"))
    queued = blender.submit()
    held = blender.until(queued, lambda job: job.held)
    assert held.problem is not None
    assert (held.reserved, held.spent) == (0, 0)
    assert len(service.requests("poll")) <= before + 1  # one may have been on its way
    assert blender.until(job_id, State.RUNNING).seq == job.seq
    service.finish()
    blender.tell_account()
    blender.until(job_id, State.READY)
    blender.say("release", job=queued, session=blender.session)
    blender.until(queued, State.READY)
    assert len(service.requests("submit")) == 2


def test_a_base_with_an_empty_user_does_a_whole_job(blender: Blender, service: StandIn) -> None:
    """What is left of ``user@`` when somebody takes the user out: not refused, and no reason to forget the key."""
    blender.start(account=False)
    base = service.base.replace("://", "://@")
    blender.tell(type="account", base=base, key=service.key, **FAST)
    assert blender.until(blender.submit(), State.READY).clip is not None
    assert len(service.requests("submit")) == 1


def test_offline_nothing_is_asked(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    blender.tell(type="online", online=False)
    queued = blender.submit()
    blender.until(queued, State.QUEUED)  # the worker has read both
    before = len(service.requests())
    service.finish()
    threading.Event().wait(1.0)  # that nothing happens takes a stretch of time: ten polls' worth
    assert len(service.requests()) == before
    blender.tell(type="online", online=True)
    blender.until(job_id, State.READY)
    blender.until(queued, State.READY)


def test_going_offline_stops_an_upload_before_its_last_byte(
    blender: Blender, service: StandIn
) -> None:
    service.fail("submit", "hang")
    blender.start()
    job_id = blender.submit(image=big_still(blender))
    wait_for(lambda: service.requests("submit"), "the POST to begin")
    blender.tell(type="online", online=False)
    job = blender.until(job_id, lambda job: job.state is State.QUEUED and job.problem)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.OFFLINE
    blender.tell(type="online", online=True)
    blender.until(job_id, State.READY)
    assert len(service.jobs()) == 1


def test_going_offline_waits_for_an_answer_that_is_paid(blender: Blender, service: StandIn) -> None:
    service.fail("submit", "answer-late", seconds=1.0)
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    blender.tell(type="online", online=False)
    job = blender.until(job_id, State.RUNNING)
    assert job.request_id == service.jobs()[0]["id"]


def bought(service: StandIn, spec: JobSpec) -> str:
    """The id of a clip that was bought at the service in some other way."""
    request = urllib.request.Request(
        f"{service.base}/v1/videos/generations",
        json.dumps({"model": spec.model, "prompt": "x", "duration": 1}).encode(),
        {"Authorization": f"Bearer {service.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["request_id"]


def test_slow_is_said_once_and_the_job_goes_on(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    spec = blender.spec()
    request_id = bought(service, spec)
    ledger = Ledger.open(blender.data)
    events = (Created(spec), SubmitStarted(1), Sending(), Submitted(request_id))
    for seq, event in enumerate(events):
        ledger.append(spec.id, seq, event, at=time.time() - 601)
    ledger.close()
    blender.start()
    job = blender.until(spec.id, lambda job: job.slow and job.progress)
    assert job.state is State.RUNNING
    service.finish()
    blender.until(spec.id, State.READY)
    blender.hang_up()
    ledger = Ledger.open(blender.data)
    assert [event for event, _ in ledger.events(spec.id)].count(Slow()) == 1
    ledger.close()
    assert len(service.requests("submit")) == 1


ENDINGS = [
    ("failed", ProblemCode.SERVICE),
    ("failed-bare", ProblemCode.SERVICE),
    ("expired", ProblemCode.EXPIRED),
    ("moderated", ProblemCode.MODERATED),
    ("moderated-null", ProblemCode.MODERATED),
    ("moderated-400", ProblemCode.MODERATED),
]


def test_what_the_service_ended_buys_nothing_more(blender: Blender, service: StandIn) -> None:
    """Whether it is final or asked for again: that is free."""
    blender.start()
    for what, code in ENDINGS:
        service.fail("job", what)
        job = blender.until(blender.submit(), State.FAILED)
        assert job.problem is not None
        final = code is ProblemCode.MODERATED
        assert (job.problem.code, job.retryable) == (code, not final), what
        before = job.seq
        command = blender.say("retry", job=job.id)
        if final:
            assert blender.answer(command)["ok"] is False
        else:
            blender.until(job.id, lambda job: job.seq > before + 1 and job.state is State.FAILED)  # noqa: B023
    assert len(service.requests("submit")) == len(ENDINGS)


# ------------------------------------------------------------------------------------------- what the user says


def test_stop_and_take_up_again(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    blender.say("stop", job=job_id)
    blender.until(job_id, State.CANCELLED)
    service.finish()
    blender.say("retry", job=job_id)
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


def test_stop_while_the_answer_is_awaited_keeps_the_id(blender: Blender, service: StandIn) -> None:
    service.fail("submit", "answer-late")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    blender.say("stop", job=job_id)
    waiting = blender.until(job_id, lambda job: job.stop_requested)
    assert waiting.state is State.SUBMITTING
    service.mend()
    job = blender.until(job_id, State.CANCELLED)
    assert job.request_id == service.jobs()[0]["id"]
    blender.say("retry", job=job_id)
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


def test_stop_before_the_last_byte_buys_nothing(blender: Blender, service: StandIn) -> None:
    service.fail("submit", "hang")
    blender.start()
    job_id = blender.submit(image=big_still(blender))
    wait_for(lambda: service.requests("submit"), "the POST to begin")
    blender.say("stop", job=job_id)
    job = blender.until(job_id, State.CANCELLED)
    assert (job.reserved, job.request_id, job.sent) == (0, "", False)
    assert service.jobs() == []


def test_what_is_stopped_only_if_unsent_is_fetched_all_the_same(
    blender: Blender, service: StandIn
) -> None:
    """An artist who removes a slot too late has the clip: nobody stops what is paid for."""
    service.fail("submit", "answer-late")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    command = blender.say("stop", job=job_id, unsent=True)
    assert blender.answer(command)["late"]
    service.mend()
    job = blender.until(job_id, State.READY)
    assert not job.stop_requested


def test_stop_during_the_download_leaves_no_litter(blender: Blender, service: StandIn) -> None:
    service.fail("download", "drip", times=0)
    blender.start()
    job_id = blender.submit()
    job = blender.until(job_id, State.DOWNLOADING)
    part = Path(f"{job.spec.output}.part")
    wait_for(part.exists, "the download to begin")
    blender.say("stop", job=job_id)
    blender.until(job_id, State.CANCELLED)
    wait_for(lambda: not part.exists(), "the .part file to go")
    service.mend()
    blender.say("retry", job=job_id)
    blender.until(job_id, State.READY)


def test_a_request_id_from_the_console_fetches_the_clip(blender: Blender, service: StandIn) -> None:
    service.fail("submit", "answer-lost")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, State.UNKNOWN)
    blender.say("request_id", job=job_id, value=f" {service.jobs()[0]['id']} ")
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


def test_jobs_of_an_earlier_session_wait_for_a_word(blender: Blender, service: StandIn) -> None:
    """Opening Blender buys nothing."""
    old = [blender.spec(session="an-earlier-one"), blender.spec()]
    ledger = Ledger.open(blender.data)
    ledger.append(old[0].id, 0, Created(old[0]), at=time.time() - 60)
    ledger.append(old[1].id, 0, Created(old[1]), at=time.time() - 601)
    ledger.close()
    blender.start()
    for spec in old:
        job = blender.until(spec.id, lambda job: job.held)
        assert job.problem is not None
        assert (job.problem.code, says_free(job.problem)) == (ProblemCode.HELD, True)
    blender.fence()
    assert len(service.requests("submit")) == 1
    blender.say("release", job=old[0].id, session=blender.session)
    blender.until(old[0].id, State.READY)
    assert blender.until(old[1].id, lambda job: True).held


OF_A_SCRIPT = Problem(ProblemCode.HELD, "A script asked for it.", "Press Send.")


def test_a_clip_that_a_script_asked_for_waits(blender: Blender, service: StandIn) -> None:
    """Held from its first moment; a worker of 0.1.0 takes no such command (``test_word``)."""
    blender.start()
    spec = blender.spec()
    blender.say("submit", spec=spec, held=OF_A_SCRIPT)
    job = blender.until(spec.id, lambda job: job.held)
    assert (job.seq, job.problem) == (2, OF_A_SCRIPT)
    blender.fence()
    assert len(posts(service)) == 1
    assert blender.until(spec.id, lambda job: True).held
    blender.say("release", job=spec.id, session=blender.session)
    blender.until(spec.id, State.READY)
    assert len(posts(service)) == 2


def test_checking_the_key(blender: Blender, service: StandIn) -> None:
    blender.start()
    account = account_of(service.base, service.key)
    assert blender.answer(blender.say("check", account=account))["ok"] is True
    service.fail("key", "bad-credentials")
    bad = blender.answer(blender.say("check", account=account))
    assert bad["ok"] is False
    assert bad["message"]
    service.fail("key", "close")
    assert blender.answer(blender.say("check", account=account))["ok"] is False
    blender.tell(type="online", online=False)
    offline = blender.answer(blender.say("check", account=account))
    assert "nline access" in offline["message"]
    blender.tell(type="online", online=True)
    blender.tell_account("")
    none = blender.answer(blender.say("check", account=account_of(service.base, "")))
    assert "no API key" in none["message"]
    wait_for(lambda: not os.listdir(blender.data / "inbox"), "the inbox to be empty")
    assert len(service.requests("key")) == 3


def test_nonsense_does_not_bring_it_down(blender: Blender) -> None:
    blender.start()
    inbox = blender.data / "inbox"
    for name, data in (
        ("a.json", b"\x00\xff"),
        ("b.json", b"[" * 100_000),
        ("c.json", b'{"id": "c", "command": "submit", "spec": {"id": 5}}'),
        ("d.json", b'{"id": "d", "command": "stop", "job": "nobody"}'),
        ("e.json", b"{}" * 10),
        ("f.json.part", b"half"),
        ("f.tmp", b"half"),  # as 0.1.0 names it
        ("g.json", b'{"id": "g", "command": []}'),
    ):
        (inbox / name).write_bytes(data)
    assert blender.process is not None
    assert blender.process.stdin is not None
    blender.process.stdin.write(b"no JSON\n[]\n5\n{}\n" + b"x" * 200_000 + b"\n")
    blender.fence()
    assert sorted(os.listdir(inbox)) == ["bad", "f.json.part", "f.tmp"]
    assert len(os.listdir(inbox / "bad")) == 6


def test_a_command_that_trips_the_program_is_answered_and_put_by(
    blender: Blender, service: StandIn, tmp_path: Path
) -> None:
    """A bug that no check foresees: the file would end the worker of each Blender, again and again."""
    package = tmp_path / "package"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    module = package / "ledger" / "commands.py"
    whole = module.read_text("utf-8")
    line = '            case "stop":\n'
    broken = whole.replace(line, f'{line}                int("")\n')
    assert broken != whole
    module.write_text(broken, "utf-8")
    blender.program = package
    blender.start()
    answer = blender.answer(blender.say("stop", job=blender.submit()))
    assert (answer["ok"], answer["message"]) == (False, "The command could not be read.")
    blender.fence()
    assert len(os.listdir(blender.data / "inbox" / "bad")) == 1
    assert "invalid literal" in (blender.data / "worker.log").read_text("utf-8")


# ------------------------------------------------------------------------------------------------- downloads


@pytest.mark.parametrize("how", ["truncate", "no-length", "gzip", "not-mp4", "close", 503, 416])
def test_a_broken_download_is_no_broken_job(blender: Blender, service: StandIn, how: Any) -> None:
    service.fail("download", how, times=2)
    blender.start()
    job = blender.until(blender.submit(), State.READY)
    assert job.clip is not None
    assert probe(job.clip.path).frames == 25
    assert job.downloads_broken == 0
    requests = service.requests("download")
    assert len(requests) == 3
    if how == "truncate":
        headers = {name.lower() for name, _ in requests[1]["headers"]}
        assert {"range", "if-range"} <= headers
    assert len(service.requests("submit")) == 1


def test_a_download_may_be_sent_elsewhere(blender: Blender, service: StandIn) -> None:
    service.fail("download", "redirect")
    blender.start()
    blender.until(blender.submit(), State.READY)
    for request in service.requests("download"):
        assert "authorization" not in {name.lower() for name, _ in request["headers"]}


def test_a_dead_link_is_asked_for_anew(blender: Blender, service: StandIn) -> None:
    service.fail("download", 404, times=2)
    blender.start()
    blender.until(blender.submit(), State.READY)
    assert len(service.requests("download")) == 3


def test_three_dead_links_in_a_row_are_the_end(blender: Blender, service: StandIn) -> None:
    service.fail("download", 404, times=0)
    blender.start()
    job = blender.until(blender.submit(), State.FAILED)
    assert job.problem is not None
    assert "no longer" in job.problem.message
    assert job.problem.code is ProblemCode.EXPIRED
    assert len(service.requests("download")) == 3
    # It was only late: asking once more is free.
    service.mend()
    blender.say("retry", job=job.id)
    blender.until(job.id, State.READY)
    assert len(service.requests("submit")) == 1


def test_a_hostile_link_is_not_followed_and_costs_nothing(
    blender: Blender, service: StandIn, server: RawServer
) -> None:
    url = f"http://user@127.0.0.1:{server.port}/clip.mp4"
    answer = {"status": "done", "video": {"url": url}}
    service.fail("poll", "answer", status=200, body=answer, times=0)
    blender.start()
    job = blender.until(blender.submit(), State.FAILED)
    assert server.seen == []
    assert job.retryable
    service.mend()
    blender.say("retry", job=job.id)
    blender.until(job.id, State.READY)
    assert len(service.requests("submit")) == 1


# ----------------------------------------------------------------------------------------------------- files


def test_a_folder_is_made_when_the_one_above_is_there(blender: Blender) -> None:
    blender.start()
    output = blender.project / "grok_video" / "clip.mp4"
    job = blender.until(blender.submit(output=str(output)), State.READY)
    assert job.clip is not None
    assert job.clip.path == str(output)
    assert job.problem is None


def test_a_folder_that_is_gone_does_not_lose_the_clip(blender: Blender) -> None:
    blender.start()
    output = blender.project / "gone" / "grok_video" / "clip.mp4"
    job = blender.until(blender.submit(output=str(output)), State.READY)
    assert job.clip is not None
    assert Path(job.clip.path) == blender.data / "clips" / "clip.mp4"
    assert probe(job.clip.path).frames == 25
    assert job.problem is not None
    assert job.problem.code is ProblemCode.FILE
    assert str(output.parent) in job.problem.message


def test_no_file_is_ever_overwritten(blender: Blender) -> None:
    blender.start()
    output = blender.project / "clip.mp4"
    output.write_bytes(b"the artist's")
    (blender.project / "clip-2.json").write_bytes(b"hers")
    job = blender.until(blender.submit(output=str(output)), State.READY)
    assert job.clip is not None
    assert job.clip.path == str(blender.project / "clip-3.mp4")
    assert output.read_bytes() == b"the artist's"
    assert (blender.project / "clip-2.json").read_bytes() == b"hers"
    assert (blender.project / "clip-3.json").exists()


def test_a_clip_that_cannot_be_written_waits_and_can_be_retried(
    blender: Blender, service: StandIn
) -> None:
    blender.start(pace={**FAST, "poll_interval": 0.02})
    output = blender.project / "clip.mp4"
    part, spare = blender.project / "clip.mp4.part", blender.data / "clips"
    part.mkdir()
    spare.rmdir()
    spare.touch()
    job_id = blender.submit(output=str(output))
    job = blender.until(job_id, lambda job: job.downloads_broken)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.FILE
    job = blender.until(job_id, State.FAILED)
    assert job.retryable
    part.rmdir()
    spare.unlink()
    blender.say("retry", job=job_id)
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


def test_a_still_that_is_gone_waits_for_it(blender: Blender, service: StandIn) -> None:
    blender.start()
    missing = blender.folder / "missing.png"
    job_id = blender.submit(image=str(missing))
    job = blender.until(job_id, lambda job: job.held)
    assert job.problem is not None
    assert (job.problem.code, says_free(job.problem)) == (ProblemCode.FILE, True)
    missing.write_bytes(png(848, 480))
    blender.say("release", job=job_id, session=blender.session)
    blender.until(job_id, State.READY)
    assert len(service.requests("submit")) == 1


# ------------------------------------------------------------------------------------ every kind of request

V15 = "grok-imagine-video-1.5"


def made_clip(blender: Blender, **changes: Any) -> Job:
    """A clip of two seconds that this ledger bought: what can be extended and edited."""
    return blender.until(blender.submit(duration=2, **changes), State.READY)


def reworked(
    blender: Blender, kind: Kind, source: Job, *, whole: bool = True, **changes: Any
) -> JobSpec:
    """A spec that extends or edits a clip; ``whole``: it is this job's untouched result."""
    assert source.clip is not None
    clip = source.clip
    video = SourceVideo(
        clip.path, clip.seconds, clip.size, clip.width, clip.height, source.id if whole else ""
    )
    values: dict[str, Any] = {"kind": kind, "video": video, "duration": 2, "image": ""}
    spec = blender.spec(**{**values, "prompt": "on and on", **changes})
    assert check(spec) is None
    return replace(spec, estimate=estimate_of(spec))


def picture(blender: Blender, width: int, label: str = "") -> Picture:
    """A picture that can be told from the others by its size."""
    path = blender.folder / f"{width}.png"
    path.write_bytes(png(width, 64))
    return Picture(str(path), "image/png", path.stat().st_size, label)


def sent(link: Any) -> tuple[str, int, str]:
    """Type, bytes and sha256 of a file as the service got it."""
    return link["url"]["data_uri"], link["url"]["bytes"], link["url"]["sha256"]


def of(path: str, mime: str = "image/png") -> tuple[str, int, str]:
    data = Path(path).read_bytes()
    return mime, len(data), hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("shape", ["real", "guide"])
@pytest.mark.parametrize("kind", [Kind.EXTEND, Kind.EDIT])
def test_a_whole_result_is_named_by_its_url(
    blender: Blender, service: StandIn, kind: Kind, shape: str
) -> None:
    """No upload, and `video_id` beside it for services of the guide's shape."""
    service.settings(shape=shape)
    blender.start()
    source = made_clip(blender)
    spec = reworked(blender, kind, source)
    assert source.clip is not None
    os.unlink(source.clip.path)  # not needed while the service has it
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    first, second = posts(service)
    body = second["body"]
    assert second["path"] == f"/v1/videos/{'extensions' if kind is Kind.EXTEND else 'edits'}"
    assert body["video"] == {"url": source.url}
    assert body["video_id"] == source.request_id == first["job"]
    assert second["body_bytes"] < 1000
    assert set(body) == {"model", "prompt", "video", "video_id"} | (
        {"duration"} if kind is Kind.EXTEND else set[str]()
    )
    assert service.jobs()[1]["ticks"] == spec.estimate == job.reserved
    assert job.cost == (None if shape == "guide" else spec.estimate)
    assert job.clip is not None
    assert job.clip.frames == (49 + 48 if kind is Kind.EXTEND else 47)
    blender.hang_up()
    # The URL is a secret for a day: only the ledger and its journal have it.
    sidecar = job.clip.path.replace(".mp4", ".json")
    for path in (Path(sidecar), blender.data / "worker.log", blender.folder / "stderr.txt"):
        assert "xai-video" not in path.read_text("utf-8")
    told = json.loads(Path(sidecar).read_text("utf-8"))
    assert told["kind"] == kind
    assert told["source_video"] == {
        "file": Path(source.clip.path).name,
        "seconds": source.clip.seconds,
        "job": source.id,
    }


@pytest.mark.parametrize("shape", ["real", "guide"])
@pytest.mark.parametrize("kind", [Kind.EXTEND, Kind.EDIT])
def test_any_other_source_is_uploaded(
    blender: Blender, service: StandIn, kind: Kind, shape: str
) -> None:
    service.settings(shape=shape)
    blender.start()
    source = made_clip(blender)
    spec = reworked(blender, kind, source, whole=False)
    service.expire(for_ever=True)
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    assert spec.video is not None
    body = posts(service)[1]["body"]
    assert sent(body["video"]) == of(spec.video.path, "video/mp4")
    assert "video_id" not in body
    assert service.jobs()[1]["ticks"] == spec.estimate
    assert len(posts(service)) == 2
    assert job.clip is not None


def test_references_arrive_in_their_order(blender: Blender, service: StandIn) -> None:
    blender.start()
    pictures = tuple(picture(blender, 64 + n, f"Camera.00{n}" if n else "") for n in range(7))
    spec = blender.spec(image="", image_mime="", references=pictures, prompt="<IMAGE_6> is here")
    spec = replace(spec, estimate=estimate_of(spec))
    assert check(spec) is None
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    (post,) = posts(service)
    assert [sent(link) for link in post["body"]["reference_images"]] == [
        of(one.path) for one in pictures
    ]
    assert "image" not in post["body"]
    assert job.cost == spec.estimate == service.jobs()[0]["ticks"]
    sidecar = json.loads(Path(spec.output).with_suffix(".json").read_text("utf-8"))
    assert sidecar["references"] == ["64.png", *(f"Camera.00{n}" for n in range(1, 7))]
    assert "source_video" not in sidecar


def test_first_frame_references_end_frame_and_keyframes_at_once(
    blender: Blender, service: StandIn
) -> None:
    """Seven files in one body, each in its place."""
    blender.start()
    keys = tuple(Keyframe(picture(blender, 200 + n, f"Marker {n}"), n) for n in (1, 2, 4, 5))
    spec = blender.spec(
        model=V15,
        duration=2,
        references=(picture(blender, 100, "Robot"),),
        last_frame=picture(blender, 300, "Camera.B"),
        keyframes=keys,
    )
    spec = replace(spec, estimate=estimate_of(spec))
    assert check(spec) is None
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    assert spec.last_frame is not None
    body = posts(service)[0]["body"]
    assert sent(body["image"]) == of(spec.image)
    assert sent(body["reference_images"][0]) == of(spec.references[0].path)
    assert sent(body["last_frame"]) == of(spec.last_frame.path)
    assert [sent(key["image"]) for key in body["keyframes"]] == [
        of(key.picture.path) for key in keys
    ]
    assert [round(key["timestamp_s"] * 3, 6) for key in body["keyframes"]] == [1, 2, 4, 5]
    assert job.cost == spec.estimate == service.jobs()[0]["ticks"]
    sidecar = json.loads(Path(spec.output).with_suffix(".json").read_text("utf-8"))
    assert sidecar["last_frame"] == "Camera.B"
    assert [key["seconds"] for key in sidecar["keyframes"]] == [0.333, 0.667, 1.333, 1.667]
    assert sidecar["keyframes"][0]["picture"] == "Marker 1"


@pytest.mark.parametrize(
    "gone", ["reference Ann", "end frame", "keyframe at 0.67 s", "source clip"]
)
def test_a_file_that_is_gone_is_named_and_waited_for(
    blender: Blender, service: StandIn, gone: str
) -> None:
    blender.start()
    lost = picture(blender, 77, "Ann")
    fine = picture(blender, 78)
    if gone == "source clip":
        spec = reworked(blender, Kind.EXTEND, made_clip(blender), whole=False)
        assert spec.video is not None
        spec = replace(spec, video=replace(spec.video, path=str(blender.folder / "baked.mp4")))
        content, lost = Path(service_clip(blender)).read_bytes(), Picture(spec.video.path, "")
    else:
        content = Path(lost.path).read_bytes()
        os.unlink(lost.path)
        spec = blender.spec(
            model=V15,
            references=(fine, lost) if "reference" in gone else (fine,),
            last_frame=lost if "end" in gone else None,
            keyframes=(Keyframe(fine, 1), Keyframe(lost, 2)) if "key" in gone else (),
        )
    before = len(service.requests("submit"))
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, lambda job: job.held)
    assert job.problem is not None
    assert (job.problem.code, says_free(job.problem)) == (ProblemCode.FILE, True)
    assert f"The {gone} of this job is gone" in job.problem.message
    assert len(service.requests("submit")) == before
    Path(lost.path).write_bytes(content)
    blender.say("release", job=spec.id, session=blender.session)
    blender.until(spec.id, State.READY)
    assert len(service.requests("submit")) == before + 1


def service_clip(blender: Blender) -> str:
    """The file of the clip that was made first."""
    clip = next(iter(blender.reader.jobs.values())).clip
    assert clip is not None
    return clip.path


def test_a_file_that_cannot_be_read_buys_nothing(blender: Blender, service: StandIn) -> None:
    """It is there when the job is taken up, and empty when it is sent."""
    blender.start()
    empty = picture(blender, 66)
    Path(empty.path).write_bytes(b"")
    spec = blender.spec(references=(picture(blender, 64), empty), image="", image_mime="")
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, lambda job: job.held)
    assert job.problem is not None
    assert "66.png" in job.problem.message
    assert (job.state, job.sent, job.reserved) == (State.QUEUED, False, 0)
    blender.fence()
    assert len(posts(service)) == 1
    picture(blender, 66)
    blender.say("release", job=spec.id, session=blender.session)
    blender.until(spec.id, State.READY)


def test_killed_before_the_last_byte_of_many_files(blender: Blender, service: StandIn) -> None:
    """Nothing was started, so it is sent again by itself: one complete POST in the end."""
    service.fail("submit", "hang")
    blender.start()
    big = Picture(big_still(blender), "image/png")
    spec = blender.spec(
        image="", image_mime="", references=(picture(blender, 64), big, picture(blender, 65))
    )
    blender.say("submit", spec=spec)
    blender.until(spec.id, State.SUBMITTING)
    wait_for(lambda: service.requests("submit"), "the POST to begin")
    assert not blender.until(spec.id, State.SUBMITTING).sent
    blender.kill()
    assert service.jobs() == []
    blender.start()
    blender.until(spec.id, State.READY, 60)
    (post,) = posts(service)
    assert [sent(link)[1] for link in post["body"]["reference_images"]] == [
        os.path.getsize(one.path) for one in spec.references
    ]
    assert len(service.jobs()) == 1


def test_an_extension_whose_answer_is_lost_is_not_sent_again(
    blender: Blender, service: StandIn
) -> None:
    blender.start()
    source = made_clip(blender)
    service.fail("submit", "answer-lost")
    spec = reworked(blender, Kind.EXTEND, source)
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.UNKNOWN)
    assert job.reserved == spec.estimate
    blender.fence()
    assert len(posts(service)) == 3


def test_a_url_that_is_gone_is_free_and_send_again_uploads(
    blender: Blender, service: StandIn
) -> None:
    """The service refuses; nothing is sent again by itself; the next try does not rest on the URL."""
    blender.start()
    source = made_clip(blender)
    service.expire(for_ever=True)
    spec = reworked(blender, Kind.EXTEND, source)
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.FAILED)
    assert job.problem is not None
    assert "Failed to download the video" in job.problem.message
    assert "Send Again uploads the clip itself" in job.problem.hint
    assert (says_free(job.problem), job.reserved) == (True, 0)
    blender.fence()
    assert len(posts(service)) == 3
    again = replace(spec, id=new_id(), parent=spec.id)
    blender.say("submit", spec=again)
    blender.until(again.id, State.READY)
    assert spec.video is not None
    assert sent(posts(service)[-1]["body"]["video"]) == of(spec.video.path, "video/mp4")


@pytest.mark.parametrize("added", [1, 11])
def test_a_late_failure_of_an_extension_is_said_in_the_services_words(
    blender: Blender, service: StandIn, added: int
) -> None:
    blender.start()
    source = made_clip(blender)
    spec = replace(reworked(blender, Kind.EXTEND, source), duration=added)
    spec = replace(spec, estimate=estimate_of(spec))
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.FAILED)
    assert job.request_id
    assert job.problem is not None
    assert "between 2 and 10 seconds" in job.problem.message
    assert job.problem.code is ProblemCode.REQUEST


def test_a_model_that_was_typed_in_is_sent_as_it_is(blender: Blender, service: StandIn) -> None:
    blender.start()
    spec = blender.spec(model="grok-imagine-video-9", unchecked=True, estimate=None)
    assert check(spec) is None
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.FAILED)
    assert posts(service)[0]["body"]["model"] == "grok-imagine-video-9"
    assert job.problem is not None
    assert "does not exist" in job.problem.message


def test_voices_are_asked_for(blender: Blender, service: StandIn) -> None:
    blender.start()
    account = account_of(service.base, service.key)
    answer = blender.answer(blender.say("voices", account=account))
    assert answer["ok"] is True
    assert {"ara", "leo"} <= set(answer["voices"])
    assert answer["own_voices"] == []
    assert "own" not in answer["message"]
    service.settings(voices_forbidden=True)
    for fault in ("", "html", "close", "empty"):
        if fault:
            service.fail("voices", fault)
        none = blender.answer(blender.say("voices", account=account))
        assert (none["ok"], none["voices"]) == (False, [])
    assert len(service.requests("voices")) == 10
    assert service.requests("submit") == []


def test_the_voices_of_the_account_are_listed_beside_the_others(
    blender: Blender, service: StandIn
) -> None:
    """Each list may be refused: the other one is known all the same, and what is said tells of both."""
    service.settings(custom_voices="nlbqfwie abcd1234")
    blender.start()
    account = account_of(service.base, service.key)

    def asked() -> Any:
        return blender.answer(blender.say("voices", account=account))

    both = asked()
    assert both["own_voices"] == ["nlbqfwie", "abcd1234"]
    assert {"ara", "leo"} <= set(both["voices"])
    assert both["message"].endswith("2 voices are the account's own.")
    service.fail("voices", 403, after=1)
    others = asked()
    assert (others["ok"], others["own_voices"], others["voices"]) == (True, [], both["voices"])
    service.fail("voices", 403)
    mine = asked()
    assert (mine["ok"], mine["own_voices"], mine["voices"]) == (True, both["own_voices"], [])
    service.settings(custom_voices="abcd1234")
    assert asked()["message"].endswith("1 voice is the account's own.")


def test_models_are_asked_for(blender: Blender, service: StandIn) -> None:
    blender.start()
    account = account_of(service.base, service.key)
    answer = blender.answer(blender.say("models", account=account))
    assert answer["ok"] is True
    assert [model["id"] for model in answer["models"]] == list(MODELS)
    assert "3 models" in answer["message"]
    for what in ("bad-credentials", "html", "close"):
        service.fail("models", what)
        bad = blender.answer(blender.say("models", account=account))
        assert (bad["ok"], bad["models"]) == (False, [])
        assert bad["message"]
    service.fail("models", "empty")
    none = blender.answer(blender.say("models", account=account))
    assert (none["ok"], none["models"]) == (False, [])
    blender.tell(type="online", online=False)
    offline = blender.answer(blender.say("models", account=account))
    assert "nline access" in offline["message"]
    assert offline["models"] == []
    wait_for(lambda: not os.listdir(blender.data / "inbox"), "the inbox to be empty")
    asked = [request["path"] for request in service.requests("models")]
    # What was answered well is followed by the list for looks, in the same answer.
    assert (asked.count(MODELS_PATH), asked.count(LOOK_MODELS_PATH)) == (5, 1)
    assert service.requests("key") == service.requests("submit") == []


# ------------------------------------------------------------------------------------------------ two of them


def test_two_workers_share_one_ledger(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """Each submits its own jobs, once; the limit counts over both; an import is claimed once."""
    service.settings(job_seconds=1.0)
    pace = {"poll_interval": 0.5, "gap": 0.2, "per_minute": 100_000}
    one, two = make_blender().start(pace=pace), make_blender().start(pace=pace)
    jobs = [blender.submit() for blender in (one, two) * 3]
    for job_id in jobs:
        one.until(job_id, State.READY, 60)
    assert len(service.requests("submit")) == len(service.jobs()) == len(jobs)
    asked = [r for r in service.requests() if r["endpoint"] in ("submit", "poll")]
    with contextlib.closing(sqlite3.connect(one.data / FILE_NAME)) as other:
        slots = [row[0] for row in other.execute("SELECT at FROM slots ORDER BY at")]
    assert len(asked) <= len(slots)
    assert all(later - earlier > 0.199 for earlier, later in itertools.pairwise(slots))
    claims = {blender.say("claim", job=jobs[0], session=blender.session) for blender in (one, two)}
    claimed = one.until(jobs[0], lambda job: job.claimed_by)
    refused = wait_for(
        lambda: (one.reader.refresh(1.0) or True) and claims & set(one.reader.notices),
        "the second claim to be refused",
    )
    assert len(refused) == 1
    assert one.until(jobs[0], lambda job: True).claimed_by == claimed.claimed_by


def test_a_living_worker_takes_over_from_a_dead_one(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    service.fail("job", "stall")
    one, two = make_blender().start(), make_blender().start()
    running = one.submit()
    one.until(running, lambda job: job.progress)
    service.fail("submit", "hang-after-start")
    unsure = one.submit()
    one.until(unsure, lambda job: job.sent)
    wait_for(lambda: posts(service)[1:], "the POST to arrive")
    before = two.until(unsure, State.SUBMITTING)
    two.fence()
    assert two.until(unsure, lambda job: True) == before  # a worker that lives keeps its job
    one.kill()
    two.until(unsure, State.UNKNOWN)
    service.finish()
    two.until(running, State.READY)
    assert len(posts(service)) == 3


def test_a_job_is_sent_by_the_blender_whose_user_said_so_though_another_had_it(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """The first Blender has tried it and is offline since; Send is pressed in the second."""
    one, two = make_blender().start(), make_blender().start()
    service.fail("submit", "answer", status=425, body="wait", headers={"Retry-After": "300"})
    job_id = one.submit()
    one.until(job_id, lambda job: job.state is State.QUEUED and job.problem)
    one.tell(type="online", online=False)
    two.say("release", job=job_id, session=two.session)
    two.until(job_id, State.READY)


@posix("no process can be stopped there")
def test_a_held_job_is_nobodys_until_send_is_pressed(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """The Blender that held it stands still, as in a debugger; Send is pressed in another."""
    one = make_blender().start()
    missing = one.folder / "missing.png"
    job_id = one.submit(image=str(missing))
    one.until(job_id, lambda job: job.held)
    one.fence()  # what it does with a job that it holds is done
    assert one.process is not None
    one.process.send_signal(signal.SIGSTOP)
    missing.write_bytes(png(848, 480))
    two = make_blender().start()
    two.say("release", job=job_id, session=two.session)
    two.until(job_id, State.READY)


def test_a_job_that_waits_for_its_key_goes_on_where_the_key_is(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    service.settings(job_seconds=600)
    one = make_blender().start()
    job_id = one.submit()
    one.until(job_id, State.RUNNING)
    one.tell_account(key="xai-another")
    one.until(job_id, lambda job: job.blocked)
    two = make_blender().start()  # the first one lives on
    service.finish()
    two.until(job_id, State.READY)


def test_a_job_is_sent_by_its_own_blender_though_another_found_it_half_sent(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    service.fail("submit", "hang")
    one, two = make_blender().start(), make_blender().start()
    path = session_lock(one.data, one.session)
    path.parent.mkdir(exist_ok=True)
    lock = FileLock.take(path)  # its Blender lives on, however long a worker takes to start
    assert lock is not None
    job_id = one.submit(image=big_still(one))
    wait_for(lambda: service.requests("submit"), "the POST to begin")
    one.kill()
    two.until(job_id, lambda job: job.state is State.QUEUED and job.problem)
    one.start()
    one.until(job_id, State.READY)
    assert len(posts(service)) == 1
    lock.release(remove=True)


# ---------------------------------------------------------------------------------------------- the process


def test_the_key_is_nowhere(blender: Blender, service: StandIn) -> None:
    """Not in arguments, environment, files, ledger or log, whatever went wrong."""
    blender.start()
    assert blender.process is not None
    service.fail("poll", "bad-credentials", times=2)
    service.fail("submit", "answer", status=425, body="wait", headers={"Retry-After": "0.1"})
    blender.until(blender.submit(), State.READY)
    blender.answer(blender.say("check", account=account_of(service.base, service.key)))
    broken = "xai-with\nnewline-and-ünicode"
    blender.tell_account(broken)
    blender.tell_account(f"xai-{'z' * 40}")
    wrong = f"xai-{'z' * 40}"
    blender.answer(blender.say("check", account=account_of(service.base, wrong)))
    proc = Path("/proc") / str(blender.process.pid)
    if proc.exists():  # Linux
        for name in ("cmdline", "environ"):
            assert service.key.encode() not in (proc / name).read_bytes()
    blender.hang_up()
    found, searched = found_in(blender.folder, keys=(service.key, wrong, broken))
    assert found == {}
    assert searched > 6
    keys = {
        dict(r["headers"])["Authorization"]
        for r in service.requests()
        if "Authorization" in dict(r["headers"])
    }
    assert keys == {"Bearer <the key>", "Bearer <another key>"}


def test_netrc_and_proxies_do_not_come_between(
    blender: Blender, service: StandIn, server: RawServer
) -> None:
    netrc = blender.folder / ".netrc"
    netrc.write_text("default login somebody password else\n", "utf-8")
    netrc.chmod(0o600)
    environment = {"HOME": str(blender.folder), "NETRC": str(netrc), "no_proxy": "", "NO_PROXY": ""}
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        environment[name] = server.base
    blender.start(environment=environment)
    blender.until(blender.submit(), State.READY)
    assert server.seen == []
    for request in service.requests():
        headers = {name.lower(): value for name, value in request["headers"]}
        download = request["endpoint"] == "download"
        assert headers.get("authorization") == (None if download else "Bearer <the key>")


@posix("there are no such signals")
def test_signals_of_a_terminal_do_not_end_it(blender: Blender) -> None:
    blender.start()
    assert blender.process is not None
    for number in (signal.SIGINT, signal.SIGHUP):
        blender.process.send_signal(number)
    blender.fence()
    assert blender.hang_up() == 0


@pytest.mark.parametrize(
    "how",
    ["end of file", "end", pytest.param("SIGTERM", marks=posix("ends a process at once there"))],
)
def test_it_waits_for_an_answer_that_is_paid_before_it_ends(
    blender: Blender, service: StandIn, how: str
) -> None:
    service.fail("submit", "answer-late", seconds=1.0)
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    assert blender.process is not None
    if how == "end":
        blender.tell(type="end")
    elif how == "SIGTERM":
        blender.process.terminate()
    else:
        blender.hang_up()
    assert blender.process.wait(PATIENCE) == 0
    job = blender.until(job_id, State.RUNNING)
    assert job.request_id == service.jobs()[0]["id"]
    assert os.listdir(blender.data / "workers") == []


@pytest.mark.deadline
def test_it_ends_at_once_when_nothing_is_paid(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    service.fail("poll", "hang", times=0)
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, State.RUNNING)
    wait_for(lambda: service.requests("poll"), "a poll in flight")
    start = time.monotonic()
    assert blender.hang_up() == 0
    assert time.monotonic() - start < at_once(3.0)


def test_it_ends_when_its_parent_is_gone_though_the_pipe_is_open(blender: Blender) -> None:
    """A fork of Blender by another add-on keeps the pipe open (measured)."""
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen(sys.argv[1:], stdin=0, start_new_session=True).wait()"
    )
    worker = new_id()
    command = [sys.executable, "-I", str(PACKAGE), str(blender.data), blender.session, worker]
    parent = subprocess.Popen([sys.executable, "-c", code, *command], stdin=subprocess.PIPE)
    ready = blender.data / "workers" / f"{worker}.ready"
    wait_for(ready.exists, "the worker to be ready")
    parent.kill()
    parent.wait()
    wait_for(lambda: not ready.exists(), "the worker to end")
    assert parent.stdin is not None
    parent.stdin.close()


def test_it_does_not_touch_a_newer_ledger(blender: Blender) -> None:
    Ledger.open(blender.data).close()
    with sqlite3.connect(blender.data / FILE_NAME) as other:
        other.execute("PRAGMA user_version = 99")
    before = (blender.data / FILE_NAME).read_bytes()
    command = [sys.executable, "-I", str(PACKAGE), str(blender.data), "s", "w"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    assert ended.returncode == 3
    assert b"newer" in ended.stderr
    assert (blender.data / FILE_NAME).read_bytes() == before


def test_a_ledger_that_breaks_while_in_use_is_rebuilt(blender: Blender, service: StandIn) -> None:
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    with open(blender.data / FILE_NAME, "r+b") as file:
        file.write(b"garbage " * 3000)
    service.finish()
    blender.until(job_id, State.READY, 60)
    assert list(blender.data.glob(f"{FILE_NAME}.damaged-*"))
    assert len(service.requests("submit")) == 1


@posix("the system tells it in another way")
@pytest.mark.deadline
def test_it_is_quiet_with_a_thousand_jobs(blender: Blender) -> None:
    """No busy loop, and no work that grows with what is long done."""
    ledger = Ledger.open(blender.data)
    ledger.connection.execute("PRAGMA synchronous = OFF")
    for _ in range(1000):
        spec = blender.spec()
        ledger.append(spec.id, 0, Created(spec), at=time.time() - 7200)
        put = ledger.commands.apply
        put({"id": new_id(), "command": "stop", "job": spec.id})
    ledger.close()
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, State.READY)
    assert blender.process is not None
    before = cpu_seconds(blender.process.pid)
    threading.Event().wait(3.0)  # idleness takes a stretch of time
    assert cpu_seconds(blender.process.pid) - before < 0.1
    assert claim_time(blender, job_id) < at_once(0.2)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@posix("the system tells it in another way")
def test_its_memory_stays_flat(blender: Blender, service: StandIn) -> None:
    def most() -> int:
        assert blender.process is not None
        status = Path(f"/proc/{blender.process.pid}/status").read_text("utf-8")
        return int(status.partition("VmHWM:")[2].split()[0])  # kB

    blender.start()
    blender.fence()
    before = most()
    blender.until(blender.submit(image=big_still(blender)), State.READY, 60)
    assert os.path.getsize(blender.folder / "big.png") > 16 << 20
    assert most() - before < 8 << 10


# -------------------------------------------------------------------------------- its inside, without a process


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[worker_module.Worker]:
    made = worker_module.Worker(Desk(tmp_path, "session-a", new_id(), 0o022), Parent())
    yield made
    made.desk.ledger.close()


def test_an_id_that_the_disk_does_not_take_is_kept(inside: worker_module.Worker) -> None:
    """The answer to a POST is never dropped: it is written once there is space again."""
    ledger = inside.desk.ledger
    spec = make_spec()
    ledger.append(spec.id, 0, Created(spec))
    ledger.leases.take(spec.id, inside.desk.id)
    ledger.append(spec.id, 1, SubmitStarted(1), worker=inside.desk.id)
    ledger.append(spec.id, 2, Sending(), worker=inside.desk.id)
    ledger.connection.execute("PRAGMA query_only = ON")
    inside.outcomes.add(spec.id, [Submitted("r-1")])
    with pytest.raises(LedgerUnwritable):
        inside.outcomes.write()
    ledger.connection.execute("PRAGMA query_only = OFF")
    inside.outcomes.due = 0.0
    inside.outcomes.write()
    job = ledger.job(spec.id)
    assert job is not None
    assert job.request_id == "r-1"


def test_a_hiccup_of_the_ledger_does_not_end_the_waiting_for_a_paid_answer(
    inside: worker_module.Worker, patches: Patches, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = inside.desk.ledger
    paid, other = make_spec(), make_spec()
    for spec, events in (
        (paid, (Created(paid), SubmitStarted(1), Sending())),
        (other, (Created(other), SubmitStarted(1), Sending(), Submitted("r-2"))),
    ):
        ledger.append(spec.id, 0, events[0])
        ledger.leases.take(spec.id, inside.desk.id)
        for seq, event in enumerate(events[1:], 1):
            ledger.append(spec.id, seq, event, worker=inside.desk.id)
    op = RunningCall("submit", paid.id, Call(), sent=True, events=[Submitted("r-1")])
    inside.desk.running[paid.id] = op
    inside.outcomes.add(other.id, [Progress(50)])
    append, began = ledger.append, time.monotonic()
    fails, answers = [LedgerUnwritable("Full.")], [("call", op)]
    ticks = itertools.count(began)

    def hiccup(*given: Any, **named: Any) -> Job:
        if fails:
            raise fails.pop()
        return append(*given, **named)

    def quick_clock() -> float:
        """A second for each look; after a minute the answer comes."""
        now = next(ticks)
        if now - began > 60.0 and answers:
            inside.desk.messages.put(answers.pop())
        return now

    patches.set(ledger, "append", hiccup)
    monkeypatch.setattr(time, "monotonic", quick_clock)
    inside._leave()
    job = ledger.job(paid.id)
    assert job is not None
    assert job.request_id == "r-1"


def test_a_leaving_worker_waits_for_a_ledger_that_takes_nothing_just_now(
    inside: worker_module.Worker, patches: Patches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is there, no call is under way, and its id is not on record yet: ten seconds, not one."""
    ledger, spec = inside.desk.ledger, make_spec()
    for seq, event in enumerate((Created(spec), SubmitStarted(1), Sending())):
        ledger.append(spec.id, seq, event)
    ledger.leases.take(spec.id, inside.desk.id)
    inside.outcomes.add(spec.id, [Submitted("r-1")])
    append, began = ledger.append, time.monotonic()
    seconds = itertools.count(began)

    def full_for_a_while(*given: Any, **named: Any) -> Job:
        if next(seconds) - began < 10.0:
            raise LedgerUnwritable("Full.")
        return append(*given, **named)

    patches.set(ledger, "append", full_for_a_while)
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    inside._leave()
    job = ledger.job(spec.id)
    assert job is not None
    assert job.request_id == "r-1"


def test_an_id_that_comes_after_somebody_took_us_for_dead_is_kept(
    inside: worker_module.Worker,
) -> None:
    from grok_video.core.events import AnswerLost

    ledger = inside.desk.ledger
    spec = make_spec()
    lost = AnswerLost(Problem(ProblemCode.ANSWER_LOST, "Lost."))
    for seq, event in enumerate((Created(spec), SubmitStarted(1), Sending(), lost)):
        ledger.append(spec.id, seq, event)
    ledger.connection.execute("INSERT INTO leases VALUES (?, 'another', 0)", (spec.id,))
    inside.outcomes.add(spec.id, [Submitted("r-1")])
    inside.outcomes.write()
    job = ledger.job(spec.id)
    assert job is not None
    assert (job.state, job.request_id) == (State.RUNNING, "r-1")


def test_only_a_fresh_url_of_the_same_account_is_named(inside: worker_module.Worker) -> None:
    """What the service may no longer have, or another account's, is uploaded."""
    ledger = inside.desk.ledger
    made = make_spec()
    url = "https://vidgen.x.ai/a.mp4"
    video = SourceVideo("/stills/a.mp4", 4.0, job=made.id)
    spec = make_spec(kind=Kind.EXTEND, video=video)

    def bought(job: JobSpec, hours_ago: float, *more: Event) -> None:
        at = time.time() - hours_ago * 3600
        road = (Created(job), SubmitStarted(1), Sending(), Submitted(f"r-{job.id}"), Done(url))
        for seq, event in enumerate((*road, *more)):
            ledger.append(job.id, seq, event, at=at)

    assert remote_source(inside.desk.ledger, spec) is None  # a job that nobody knows
    bought(made, 19.5)
    assert remote_source(inside.desk.ledger, spec) == RemoteClip(url, f"r-{made.id}")
    assert remote_source(inside.desk.ledger, replace(spec, kind=Kind.GENERATE)) is None
    assert remote_source(inside.desk.ledger, replace(spec, video=replace(video, job=""))) is None
    assert remote_source(inside.desk.ledger, replace(spec, account="another")) is None
    assert (
        remote_source(inside.desk.ledger, replace(spec, api_base="https://another.example")) is None
    )

    def named(hours_ago: float, *more: Event) -> Any:
        other = make_spec()
        bought(other, hours_ago, *more)
        return remote_source(inside.desk.ledger, replace(spec, video=replace(video, job=other.id)))

    assert named(0.0)
    assert named(20.1) is None
    assert named(-1.0) is None  # the clock was set back: nobody knows how old it is
    assert named(1.0, UrlGone()) is None

    refused = make_spec()
    problem = Problem(ProblemCode.REQUEST, "Failed to download the video.", http_status=400)
    for seq, event in enumerate((Created(refused), SubmitStarted(1), Sending(), Rejected(problem))):
        ledger.append(refused.id, seq, event)
    assert remote_source(inside.desk.ledger, replace(spec, parent=refused.id)) is None
    assert remote_source(inside.desk.ledger, replace(spec, parent=made.id))


def test_a_job_that_another_was_quicker_with_is_given_back(inside: worker_module.Worker) -> None:
    """Only forgotten, nobody could take it as long as this worker lives."""
    spec = make_spec()
    job = inside.desk.ledger.append(spec.id, 0, Created(spec))
    inside._changed(job)
    inside.desk.ledger.append(spec.id, 1, Released("session-b"))
    held = Held(Problem(ProblemCode.HELD, "Left over."))
    inside._do(job, schedule_module.Step(schedule_module.Act.RECORD, 0.0, held))
    assert spec.id not in inside.leases
    assert inside.desk.ledger.leases.take(spec.id, "another") == 0


def test_a_stop_is_seen_at_the_last_byte(inside: worker_module.Worker) -> None:
    """However late it comes: what was stopped before its last byte left is not bought."""
    ledger, spec = inside.desk.ledger, make_spec()
    inside._set_online(True)
    for seq, event in enumerate((Created(spec), SubmitStarted(1), StopRequested())):
        ledger.append(spec.id, seq, event)
    ledger.leases.take(spec.id, inside.desk.id)
    op = RunningCall("submit", spec.id, Call())
    with pytest.raises(Abandon):
        record_sending(op, inside.desk)
    job = ledger.job(spec.id)
    assert job is not None
    assert (job.sent, op.sent) == (False, False)


def test_a_stop_between_the_last_look_and_the_record_is_seen(
    inside: worker_module.Worker, patches: Patches
) -> None:
    """Another worker takes up the stop just then: the record is one of a job that is stale, so the look is repeated."""
    ledger, spec = inside.desk.ledger, make_spec()
    inside._set_online(True)
    for seq, event in enumerate((Created(spec), SubmitStarted(1))):
        ledger.append(spec.id, seq, event)
    ledger.leases.take(spec.id, inside.desk.id)
    looks: list[int] = []

    def job_then_a_stop(job_id: str) -> Job | None:
        seen = Store.job(ledger, job_id)
        if not looks:
            ledger.append(spec.id, None, StopRequested())
        looks.append(seen.seq if seen else 0)
        return seen

    patches.set(ledger, "job", job_then_a_stop)
    op = RunningCall("submit", spec.id, Call())
    with pytest.raises(Abandon, match="stopped before it was sent"):
        record_sending(op, inside.desk)
    assert (looks, op.sent) == ([2, 3], False)


@pytest.mark.parametrize(
    ("change", "words"), [("online", "switched off"), ("leaving", "Blender ended")]
)
def test_blender_s_end_and_offline_are_seen_at_the_last_byte(
    inside: worker_module.Worker, change: str, words: str
) -> None:
    """The call is ended as well, but its last byte may be on its way to the socket already."""
    ledger, spec = inside.desk.ledger, make_spec()
    inside._set_online(True)
    for seq, event in enumerate((Created(spec), SubmitStarted(1))):
        ledger.append(spec.id, seq, event)
    ledger.leases.take(spec.id, inside.desk.id)
    op = RunningCall("submit", spec.id, Call())
    setattr(inside.desk, change, not getattr(inside.desk, change))
    with pytest.raises(Abandon, match=words):
        record_sending(op, inside.desk)
    job = ledger.job(spec.id)
    assert job is not None
    assert (job.sent, op.sent) == (False, False)
    setattr(inside.desk, change, not getattr(inside.desk, change))
    record_sending(op, inside.desk)
    job = ledger.job(spec.id)
    assert job is not None
    assert (job.sent, op.sent) == (True, True)


@pytest.mark.parametrize("status", [200, 302, 408, 500, 503])
def test_an_answer_before_the_last_byte_left_is_of_nothing_that_was_sent(
    inside: worker_module.Worker, status: int
) -> None:
    op = RunningCall("submit", "a-job", Call())
    said = [submit_answer(status, {}, b"{}", now=0.0)]
    (event,) = submit_module._meaning(op, list(said))
    assert isinstance(event, NotSent)
    assert says_free(event.problem)
    assert op.trouble  # not at once again
    op.sent = True
    assert submit_module._meaning(op, list(said)) == said


@pytest.mark.parametrize("why", ["ended", "taken"])
def test_a_call_that_was_ended_or_whose_job_another_has_is_not_sent(
    inside: worker_module.Worker, why: str
) -> None:
    """As where the ledger is opened again: the last byte cannot leave, so nothing may say that it did."""
    ledger, spec = inside.desk.ledger, make_spec()
    inside._set_online(True)
    for seq, event in enumerate((Created(spec), SubmitStarted(1))):
        ledger.append(spec.id, seq, event)
    ledger.leases.take(spec.id, "another" if why == "taken" else inside.desk.id)
    op = RunningCall("submit", spec.id, Call())
    if why == "ended":
        op.call.abort()
    with pytest.raises(Abandon):
        record_sending(op, inside.desk)
    job = ledger.job(spec.id)
    assert job is not None
    assert (job.sent, op.sent) == (False, False)


@pytest.mark.parametrize("sent", [False, True])
def test_three_crashes_leave_a_job_half_sent_to_its_end(
    inside: worker_module.Worker, sent: bool
) -> None:
    """Three workers died with it. It is not set aside before it is known whether it was bought."""
    ledger, spec = inside.desk.ledger, make_spec()
    inside._set_account({"base": spec.api_base, "key": KEY})
    inside._set_online(True)
    for seq, event in enumerate((Created(spec), SubmitStarted(1), Sending())[: 2 + sent]):
        ledger.append(spec.id, seq, event)
    for dead in ("one", "two", "three"):
        ledger.leases.take(spec.id, dead)
    for _ in range(2):
        inside._turn()
    job = ledger.job(spec.id)
    assert job is not None
    assert job.state is (State.UNKNOWN if sent else State.FAILED)
    assert job.spent == sent
    assert job.problem is not None
    assert job.problem.code is (ProblemCode.ANSWER_LOST if sent else ProblemCode.CRASHED)


def test_a_new_word_is_counted_from_when_it_was_given(inside: worker_module.Worker) -> None:
    spec = make_spec()
    job = inside.desk.ledger.append(spec.id, 0, Created(spec))
    inside._changed(job)
    inside._memory[spec.id].since -= 700.0
    inside._changed(inside.desk.ledger.append(spec.id, 1, Released("session-a")))
    assert time.monotonic() - inside._memory[spec.id].since < at_once(60.0)


def test_it_leaves_when_there_is_nothing_to_do(inside: worker_module.Worker) -> None:
    inside._turn()
    assert not inside.desk.leaving
    inside._busy_at -= worker_module.IDLE + 1
    inside._turn()
    assert inside.desk.leaving


def test_it_stays_while_a_clip_is_being_imported(inside: worker_module.Worker) -> None:
    from grok_video.core.events import Downloaded, ImportClaimed
    from grok_video.core.spec import Clip

    spec = make_spec()
    clip = Clip("/c.mp4", 1, 2, 3, 24.0, 25, 1.0, True)
    events = (
        Created(spec),
        SubmitStarted(1),
        Sending(),
        Submitted("r"),
        Done("u"),
        Downloaded(clip),
        ImportClaimed("session-a"),
    )
    for seq, event in enumerate(events):
        inside.desk.ledger.append(spec.id, seq, event)
    inside._busy_at -= worker_module.IDLE + 1
    inside._turn()
    assert not inside.desk.leaving


@pytest.mark.parametrize("base", ["https://api.x.ai", "http://127.0.0.1:1"])
def test_only_a_loopback_service_is_asked_faster(inside: worker_module.Worker, base: str) -> None:
    inside._set_account(
        {"base": base, "key": "k", "poll_interval": 0.1, "gap": 0.01, "per_minute": 900}
    )
    assert inside.desk.account is not None
    pace = inside.desk.account.pace
    fast = base.startswith("http:")
    assert (pace.poll, pace.gap, pace.per_minute) == ((0.1, 0.01, 900) if fast else (5.0, 1.02, 60))
    for nonsense in ("x", -1, 0, float("nan"), float("inf"), None, True):
        inside._set_account(
            {"base": base, "key": "k", "poll_interval": nonsense, "per_minute": nonsense}
        )
    inside._set_account({"base": base, "key": "k", "poll_interval": 12})
    assert replace(inside.desk.account.pace).poll == 12.0


@pytest.mark.parametrize("base", ["{}", "api.x.ai/v1?key={}", "{}@api.x.ai", "http://{}.example"])
def test_a_key_that_was_pasted_into_the_base_is_not_logged(
    inside: worker_module.Worker, tmp_path: Path, base: str
) -> None:
    for key in ("no-usual-key", "no-usual-key-" + 90 * "x"):
        inside._set_account({"base": base.format(key), "key": key})
    text = (tmp_path / "worker.log").read_text("utf-8")
    assert "base URL" in text
    assert "no-usual" not in text


def test_the_log_is_bounded_and_redacted(inside: worker_module.Worker, tmp_path: Path) -> None:
    inside._set_account({"base": "https://api.x.ai", "key": "no-usual-key"})
    inside.desk.log(
        "went to https://vidgen.x.ai/secret/clip.mp4?sig=1 with no-usual-key and xai-abcdefgh"
    )
    text = (tmp_path / "worker.log").read_text("utf-8")
    assert "vidgen.x.ai" in text
    for secret in ("secret", "sig=1", "no-usual-key", "xai-abcdefgh"):
        assert secret not in text
    for _ in range(600):
        inside.desk.log("x" * 1000)
    size = sum(path.stat().st_size for path in tmp_path.glob("worker.log*"))
    assert size < 2 * LOG_SIZE + 10_000


def test_a_log_that_cannot_be_put_by_is_written_on(tmp_path: Path) -> None:
    """On Windows whoever reads it keeps it from being renamed: what is to be said is said all the same."""
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * LOG_SIZE + b"\n")
    (tmp_path / "worker.log.1").mkdir()
    with open(log, "rb"):
        write_log(tmp_path, "the worker has something to say")
    assert log.read_bytes().endswith(b"the worker has something to say\n")

"""The end of a worker: it outlives Blender for the answer to a POST that is paid, and for nothing else."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grok_video.core.job import Job, State
from grok_video.core.problem import ProblemCode
from tests.core import hasty
from tests.core.conftest import Wire, wait_for
from tests.core.test_faults import Hasty
from tests.core.test_worker import (
    Blender,
    big_still,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.patience import at_once
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]

pytestmark = pytest.mark.deadline

#: Seconds. Far less than any deadline of a call (30 s and more).
AT_ONCE = at_once(5.0)


def hung_poll(blender: Blender, service: StandIn) -> str:
    service.fail("poll", "hang", times=0)
    job_id = blender.submit()
    wait_for(lambda: service.requests("poll"), "a poll in flight")
    return job_id


def hung_download(blender: Blender, service: StandIn) -> str:
    service.fail("download", "hang", times=0)
    job_id = blender.submit()
    wait_for(lambda: service.requests("download"), "a download in flight")
    return job_id


def slow_download(blender: Blender, service: StandIn) -> str:
    service.fail("download", "drip", times=0)
    job_id = blender.submit()
    job = blender.until(job_id, State.DOWNLOADING)
    part = Path(f"{job.spec.output}.part")
    wait_for(part.exists, "the clip to begin")
    return job_id


def hung_upload(blender: Blender, service: StandIn) -> str:
    service.fail("submit", "hang")
    job_id = blender.submit(image=big_still(blender))
    wait_for(lambda: service.requests("submit"), "the POST to begin")
    assert not blender.until(job_id, State.SUBMITTING).sent
    return job_id


@pytest.mark.parametrize("hung", [hung_poll, hung_download, slow_download, hung_upload])
def test_what_is_not_paid_for_is_not_waited_for(
    blender: Blender, service: StandIn, hung: Callable[[Blender, StandIn], str]
) -> None:
    blender.start()
    job_id = hung(blender, service)
    start = time.monotonic()
    assert blender.hang_up() == 0
    assert time.monotonic() - start < AT_ONCE
    assert [path.name for path in (blender.data / "workers").iterdir()] == []
    service.mend()
    blender.start()
    blender.until(job_id, State.READY)
    assert len(posts(service)) == len(service.jobs()) == 1


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    made = Deaf()
    yield made
    made.close()


class Deaf:
    """A service that answers one POST, and from then on lets nobody in: a connection hangs while it is made."""

    key = "xai-of-the-deaf-service"

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._port = self._listener.getsockname()[1]
        self.base = f"http://127.0.0.1:{self._port}"
        self._crowd: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            sock, _ = self._listener.accept()
            wire = Wire(sock)
            wire.read_head()
            wire.read_body()
            while self.outside() < 1:  # what connects now stands in a queue that gets full
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", self._port))
                self._crowd.append(sock)
            wire.answer(200, json.dumps({"request_id": "r-1"}).encode())
            wire.sock.close()

    def outside(self) -> int:
        """How many connections to it hang (SYN_SENT)."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]]
        return sum(row[2] == f"0100007F:{self._port:04X}" and row[3] == "02" for row in rows)

    def close(self) -> None:
        for sock in (self._listener, *self._crowd):
            sock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="how a full queue behaves is the system's own")
def test_a_connection_that_is_never_made_is_not_waited_for(tmp_path: Path, deaf: Deaf) -> None:
    """There is no socket yet that could be shut: the call itself cannot be ended."""
    blender = Blender(tmp_path, deaf)  # type: ignore[arg-type]
    try:
        blender.start()
        job_id = blender.submit()
        blender.until(job_id, State.RUNNING)
        crowd = deaf.outside()
        wait_for(lambda: deaf.outside() > crowd or crowd > 1, "a poll that does not get through")
        start = time.monotonic()
        assert blender.hang_up() == 0
        assert time.monotonic() - start < AT_ONCE
        assert blender.until(job_id, State.RUNNING).request_id == "r-1"
    finally:
        blender.close()


def test_an_answer_that_never_comes_is_waited_for_to_its_end(
    tmp_path: Path, service: StandIn
) -> None:
    """The limit of a POST, here of seconds; that it was lost is on record when the worker is gone."""
    service.fail("submit", "hang-after-start")
    blender = Hasty(tmp_path, service)
    try:
        blender.start()
        job_id = blender.submit()
        blender.until(job_id, lambda job: job.sent)
        wait_for(lambda: posts(service), "the POST to arrive")
        start = time.monotonic()
        assert blender.hang_up() == 0
        assert hasty.ANSWER / 2 < time.monotonic() - start < hasty.ANSWER + AT_ONCE
        job: Job = blender.until(job_id, State.UNKNOWN)
        assert job.problem is not None
        assert job.problem.code is ProblemCode.ANSWER_LOST
        assert job.spent == job.spec.estimate
    finally:
        blender.close()

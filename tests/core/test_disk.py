"""A disk that is really full or really read-only, under the whole worker: a small file system of its own.

Mounting needs root. Whoever is not, has these tests run in a namespace in which he is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe
from grok_video.core.problem import ProblemCode
from grok_video.ledger.errors import LedgerError
from grok_video.ledger.moving import Moved
from grok_video.ledger.reader import LedgerReader
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import RawServer, Wire, wait_for
from tests.core.test_moving import fill, go, jobs_of
from tests.core.test_worker import (
    Blender,
    big_still,
    one_service,
    posts,
    service,
)
from tests.patience import PATIENCE
from tests.stand_in.client import StandIn

__all__ = ["one_service", "service"]  # fixtures

if sys.platform != "linux":
    pytest.skip("there are no such mounts", allow_module_level=True)
ROOT_HERE = os.geteuid() == 0
mounts = pytest.mark.skipif(not ROOT_HERE, reason="run by test_as_root_of_a_namespace")


@pytest.mark.skipif(ROOT_HERE, reason="the tests run as they are")
def test_as_root_of_a_namespace() -> None:
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-m", "pytest"]
    done = subprocess.run([*command, "-q", "-p", "no:cacheprovider", __file__], encoding="utf-8")
    assert done.returncode == 0


class Disk:
    """A file system of some megabytes."""

    def __init__(self, path: Path, size: str) -> None:
        self.path = path
        path.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs")

    def _mount(self, *options: str) -> None:
        subprocess.run(["mount", *options, str(self.path)], check=True)

    def fill(self) -> None:
        """Until not a byte is left: small files are the last that still find a place."""
        for number, size in enumerate((1 << 20, 1 << 16, 4096)):
            path = self.path / f"filler-{number}"
            with open(path, "ab", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
        with pytest.raises(OSError, match="No space left"):
            (self.path / "filler-more").write_bytes(b"x")

    def free(self) -> None:
        for filler in self.path.glob("filler-*"):
            filler.unlink()

    def writable(self, yes: bool) -> None:
        """Read-only for root too. No file on it may be open for writing."""
        self._mount("-o", "remount,rw" if yes else "remount,ro")

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[Callable[..., Disk]]:
    made: list[Disk] = []

    def make(name: str, size: str = "12m") -> Disk:
        made.append(Disk(tmp_path / name, size))
        return made[-1]

    yield make
    for disk in made:
        disk.close()


@pytest.fixture
def blenders() -> Iterator[list[Blender]]:
    """Those that are to be closed before their disk goes."""
    made: list[Blender] = []
    yield made
    for blender in made:
        blender.close()


@pytest.fixture
def data(make_disk: Callable[..., Disk]) -> Disk:
    return make_disk("data")


@pytest.fixture
def blender(data: Disk, tmp_path: Path, service: StandIn, blenders: list[Blender]) -> Blender:
    """One whose data folder is that disk; its pictures and clips are elsewhere."""
    blenders.append(Blender(tmp_path, service))
    return blenders[-1]


def told(reader: LedgerReader) -> None:
    """The panel says that the disk is full, and that nothing is lost."""

    def said() -> bool:
        reader.refresh(1.0)
        return "is full. Nothing is lost" in reader.trouble

    wait_for(said, "a sentence about the disk")


def told_at_once(blender: Blender) -> None:
    """The same of a Blender that was just opened: an older one looks for space each 10 s."""
    with contextlib.closing(LedgerReader(blender.data)) as reader:
        told(reader)


@mounts
def test_full_before_it_is_sent(blender: Blender, data: Disk, service: StandIn) -> None:
    blender.start(online=False)
    job_id = blender.submit()
    blender.until(job_id, State.QUEUED)
    data.fill()
    blender.tell(type="online", online=True)
    told(blender.reader)  # after some seconds: the worker has tried whatever it could by then
    blender.until(job_id, State.QUEUED)
    assert service.requests("submit") == []
    data.free()
    blender.until(job_id, State.READY)
    assert len(posts(service)) == len(service.jobs()) == 1


class Patient(RawServer):
    """A service that reads the body of a POST, and answers, when it is told to."""

    key = "any"

    def __init__(self) -> None:
        super().__init__()
        self.behave = self._behave
        self.read, self.answer, self.over_with = (threading.Event() for _ in range(3))
        self.bodies: list[tuple[int, int]] = []  # bytes announced, bytes that came

    def _behave(self, wire: Wire) -> None:
        if not wire.head.startswith(b"POST"):
            wire.answer(202, b'{"status":"pending"}')
            return
        self.read.wait(PATIENCE)
        self.bodies.append((int(wire.header("Content-Length")), len(wire.read_body())))
        self.answer.wait(PATIENCE)
        with contextlib.suppress(OSError):
            wire.answer(200, b'{"request_id":"r-1"}')
            wire.sock.recv(1)  # the end of it: whoever asked has the whole answer
        self.over_with.set()

    @property
    def bought(self) -> int:
        return sum(announced == came for announced, came in self.bodies)


@pytest.fixture
def patient(blender: Blender) -> Iterator[Patient]:
    """The service of ``blender``."""
    server = Patient()
    blender.service = server  # pyright: ignore[reportAttributeAccessIssue]
    yield server
    for event in (server.read, server.answer):
        event.set()
    server.close()


@mounts
def test_full_between_the_first_byte_and_the_last(
    blender: Blender, data: Disk, patient: Patient
) -> None:
    """What cannot be put down as sent is not sent: its last byte stays here."""
    blender.start()
    job_id = blender.submit(image=big_still(blender))
    blender.until(job_id, State.SUBMITTING)
    wait_for(lambda: patient.seen, "the POST to begin")
    data.fill()
    patient.read.set()
    patient.answer.set()
    wait_for(lambda: patient.bodies, "the end of the POST")
    assert patient.bought == 0
    data.free()
    assert blender.until(job_id, State.RUNNING).request_id == "r-1"
    assert patient.bought == 1


@mounts
@pytest.mark.parametrize("end", ["space comes back", "killed"])
def test_full_when_the_answer_comes(
    blender: Blender, data: Disk, patient: Patient, end: str
) -> None:
    patient.read.set()
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    data.fill()
    told_at_once(blender)
    patient.answer.set()
    assert patient.over_with.wait(PATIENCE)
    assert blender.until(job_id, State.SUBMITTING).request_id == ""
    if end == "killed":
        # The one thing that nothing can hold: then it is said, and counted as spent.
        blender.kill()
        data.free()
        blender.start()
        job = blender.until(job_id, State.UNKNOWN)
        assert job.problem is not None
        assert job.problem.code is ProblemCode.ANSWER_LOST
        assert job.spent == job.spec.estimate
    else:
        data.free()
        assert blender.until(job_id, State.RUNNING).request_id == "r-1"
    assert patient.bought == 1


@mounts
@pytest.mark.parametrize("end", ["space comes back", "killed", "SIGTERM"])
def test_full_while_it_runs(blender: Blender, data: Disk, service: StandIn, end: str) -> None:
    """The id that is on record is there, whatever happens to the worker meanwhile."""
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    request_id = blender.until(job_id, lambda job: job.progress).request_id
    data.fill()
    told_at_once(blender)
    service.finish()
    assert blender.process is not None
    if end != "space comes back":
        blender.process.send_signal(signal.SIGKILL if end == "killed" else signal.SIGTERM)
        blender.process.wait(PATIENCE)
        assert blender.until(job_id, State.RUNNING).request_id == request_id
    data.free()
    if end != "space comes back":
        blender.start()
    job = blender.until(job_id, State.READY)
    assert job.request_id == request_id
    assert len(posts(service)) == 1


def broken(blender: Blender, job_id: str) -> Job:
    """The job once its clip could not be written."""
    job = blender.until(job_id, lambda job: job.downloads_broken)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.FILE
    assert f"cannot be written to {blender.project}: No space left" in job.problem.message
    assert "It is paid for" in job.problem.message
    return job


@mounts
def test_a_full_disk_of_the_project(
    make_disk: Callable[..., Disk], tmp_path: Path, service: StandIn, blenders: list[Blender]
) -> None:
    project = make_disk("project")
    blender = Blender(tmp_path, service)
    blenders.append(blender)
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.progress)
    project.fill()
    service.finish()
    broken(blender, job_id)
    project.free()
    job = blender.until(job_id, State.READY)
    assert probe(job.spec.output) == job.clip
    assert len(posts(service)) == 1


@mounts
def test_a_read_only_project_has_its_clip_in_the_data_folder(
    make_disk: Callable[..., Disk], tmp_path: Path, service: StandIn, blenders: list[Blender]
) -> None:
    project = make_disk("project")
    project.writable(False)
    blender = Blender(tmp_path, service)
    blenders.append(blender)
    blender.start()
    job = blender.until(blender.submit(), State.READY)
    assert job.clip is not None
    assert Path(job.clip.path).parent == blender.data / "clips"
    assert job.problem is not None
    assert f"{blender.project} cannot be written (Read-only file system)" in job.problem.message
    assert len(posts(service)) == 1


@mounts
def test_a_read_only_data_folder_is_said_and_read(
    blender: Blender, data: Disk, service: StandIn
) -> None:
    """Nothing can be bought, what was bought is shown, and it goes on from there."""
    service.fail("job", "stall")
    blender.start()
    job_id = blender.submit()
    request_id = blender.until(job_id, lambda job: job.progress).request_id
    blender.kill()
    before = (data.path / FILE_NAME).read_bytes()
    data.writable(False)
    blender.spawn()
    assert blender.process is not None
    assert blender.process.wait(PATIENCE) == 3
    words = (blender.folder / "stderr.txt").read_text("utf-8")
    assert f"in {blender.data} cannot be written just now" in words
    assert "Nothing is lost and nothing was bought by this" in words
    with pytest.raises(OSError, match="Read-only"):
        blender.submit()
    assert blender.until(job_id, State.RUNNING).request_id == request_id
    assert (data.path / FILE_NAME).read_bytes() == before
    data.writable(True)
    service.finish()
    blender.start()
    assert blender.until(job_id, State.READY).request_id == request_id
    assert len(posts(service)) == 1


@mounts
def test_a_folder_under_another_path_is_the_same_folder(tmp_path: Path) -> None:
    """As on a volume that knows no capitals, of macOS or Windows: ``realpath`` tells the two paths apart."""
    old, new, alias = (tmp_path / name for name in ("old", "new", "alias"))
    fill(old, (State.READY,))
    jobs = jobs_of(old)
    assert go(old, new) is Moved.MOVED
    alias.mkdir()
    subprocess.run(["mount", "--bind", str(new), str(alias)], check=True)
    try:
        for target in (new, new / "clips" / "list", alias / "list"):
            for source in (new, alias):
                with pytest.raises(LedgerError, match=r"its folder already|inside of the other"):
                    go(source, target)
        assert go(alias, old) is Moved.MOVED  # the old folder's note names the other path
    finally:
        subprocess.run(["umount", "--lazy", str(alias)], check=True)
    assert jobs_of(old) == jobs

"""The ledger goes from its place at every boundary of a submission, under two workers that live on.

The points are those of ``crashing.py``; there the worker is not killed, but its ledger is deleted, renamed, replaced or
written over, or the whole folder is moved away and comes back. Counted at the service.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from grok_video.core.job import Job, State
from grok_video.core.spec import JobSpec
from tests.core import crashing
from tests.core.conftest import wait_for
from tests.core.test_crash import (
    LANES,
    WHOLE_JOB,
    Lane,
    Nursery,
    Story,
    Victim,
    buy,
    may_have_started,
    plain,
)
from tests.posix import posix
from tests.stand_in.client import StandIn

pytestmark = [
    pytest.mark.long,
    posix("an open file can be neither moved nor deleted there"),
]

#: The boundaries of a submission, in their order.
POINTS = (
    "commit commands+created: before", "commit slots: after", "commit submit_started: before",
    "commit submit_started: after", "last byte: before", "journal sending: after",
    "commit sending: before", "commit sending: after", "POST: the answer begins",
    "end of a submit: before", "journal submitted: before", "commit submitted: before",
)  # fmt: skip
#: Where every deed is tried; those that stand for others are tried at all points.
KEY_POINTS = POINTS[2::4] + POINTS[4:5]
EVERYWHERE = {"delete", "copy", "over", "away", "swap"}
STORY = Story("moved", plain, buy)


class Mover(Victim):
    """A Blender whose data folder has something done to it at a point that its worker passes."""

    deed = ""
    said: set[int]  # numbers of events after which the artist has said something

    def start(self, at: tuple[str, int] = ("", 0), **_: Any) -> Mover:  # type: ignore[override]
        ask = self.lane.nursery.ask

        def with_deed(what: dict[str, Any], files: list[int] | None = None) -> Any:
            return ask({**what, "deed": self.deed} if what["do"] == "start" else what, files)

        self.lane.nursery.ask = with_deed  # type: ignore[method-assign]
        try:
            super().start(at)
        finally:
            self.lane.nursery.ask = ask  # type: ignore[method-assign]
        return self


def pair(lane: Lane) -> tuple[Mover, Mover]:
    """Two Blenders on one data folder."""
    lane.service.reset()
    lane.count += 1
    first = Mover(lane.folder / str(lane.count), lane, STORY)
    second = Mover(lane.folder / f"{lane.count}-other", lane, STORY)
    second.data = first.data
    second.reader.close()
    second.reader = type(first.reader)(first.data)
    return first, second


def taken_by(first: Mover, spec: JobSpec, point: str) -> str:
    """Which worker took the click up; '' while that is open."""
    if first.log.exists() and point in first.log.read_text("utf-8").splitlines():
        return "the first"
    job = first.job(spec.id)
    return "the other" if job is not None and job.state is State.READY else ""


def begin(lane: Lane, point: str, deed: str) -> tuple[Mover, Mover, JobSpec]:
    """A click, and the deed at the point that its worker passes with it."""
    for _ in range(3):  # the other worker may be quicker to take the click up
        first, second = pair(lane)
        spec = first.order()
        second.start()
        first.deed = deed
        first.start((point, 1))
        first.said = set()
        first.say("submit", spec=spec)

        taker = wait_for(functools.partial(taken_by, first, spec, point), "the point", WHOLE_JOB)
        if taker == "the first":
            return first, second, spec
        first.close()
        second.close()
    pytest.fail("the other worker took all three")


def put_back(first: Mover, second: Mover) -> None:
    """What the artist does who has read the sentence."""
    moved = first.data.with_name("moved")
    match first.deed:
        case "folder":
            wait_for((first.data / crashing.LEDGER).is_dir, "the deed", WHOLE_JOB)
            log = first.data / "worker.log"
            wait_for(
                lambda: "cannot be written" in log.read_text("utf-8"), "the sentence", WHOLE_JOB
            )
            os.rmdir(first.data / crashing.LEDGER)
        case "away":
            wait_for(moved.is_dir, "the deed", WHOLE_JOB)
            for one in (first, second):
                assert one.process is not None
                assert one.process.wait(WHOLE_JOB) == 0
            assert not first.data.exists(), "an empty list in its place"
            os.rename(moved, first.data)
            for one in (first, second):
                one.start()


def ended(blender: Mover, spec: JobSpec) -> Job | None:
    """The job at its end, after the artist's words where it was held."""
    job = blender.job(spec.id)
    if job is None:
        return None
    if job.held and job.seq not in blender.said:
        blender.said.add(job.seq)
        blender.say("release", job=spec.id, session=blender.session)
    return job if job.state in (State.READY, State.FAILED, State.CANCELLED) else None


def try_case(lane: Lane, point: str, deed: str) -> str:
    """One deed at one point; '' or what was wrong."""
    first, second, spec = begin(lane, point, deed)
    try:
        put_back(first, second)
        job = wait_for(lambda: ended(first, spec), "the end of the job", WHOLE_JOB)
        assert (job.state, may_have_started(lane.service)) == (State.READY, 1)
        (bill,) = lane.service.jobs()
        assert (job.request_id, job.cost) == (bill["id"], bill["ticks"])
        for one in (first, second):
            one.leave()
        with contextlib.closing(sqlite3.connect(first.data / crashing.LEDGER)) as raw:
            # A later version folds each job anew: no event of it may be missing.
            raw.execute("UPDATE jobs SET fold = ''")
            raw.commit()
        now = first.look()
        assert now.jobs[spec.id].state is State.READY
        assert now.spent >= bill["ticks"]
        assert now.jobs.keys() == {spec.id}
        assert first.look(rebuilt=True).jobs[spec.id].request_id == bill["id"]
    except BaseException as error:
        log = first.data / "worker.log"
        print(
            point,
            deed,
            log.read_text("utf-8") if log.exists() else "",
            first.job(spec.id),
            sep="\n",
        )
        return f"{deed} at {point!r}: {type(error).__name__}: {error}".splitlines()[0]
    finally:
        first.close()
        second.close()
    shutil.rmtree(first.folder)
    return ""


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lane]]:
    made: list[Lane] = []
    try:
        for number in range(LANES):
            folder = tmp_path_factory.mktemp(f"moved-{number}")
            service = StandIn.start(job_seconds=0, per_second=0, per_minute=0, still=True)
            made.append(Lane(service, Nursery(), folder, folder / "source.mp4"))
        yield made
    finally:
        for lane in made:
            lane.nursery.close()
            lane.service.stop()


@pytest.mark.parametrize("deed", crashing.DEEDS)
def test_nothing_is_bought_twice_or_forgotten(deed: str, lanes: list[Lane]) -> None:
    points = iter(POINTS if deed in EVERYWHERE else KEY_POINTS)

    def work(lane: Lane) -> list[str]:
        return [try_case(lane, point, deed) for point in points]

    with ThreadPoolExecutor(LANES) as pool:
        failed = [one for done in pool.map(work, lanes) for one in done if one]
    assert not failed, "\n".join(failed)

"""The ledger deleted, renamed or replaced under a live worker, and the data folder moved: noticed, said, mended.

A process writes into the file that it opened, wherever that went. So what costs money is recorded only while the path
still leads to that file.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grok_video.core.events import Created, Held, Sending, StopRequested, SubmitStarted, Submitted
from grok_video.core.job import State
from grok_video.core.problem import Problem, ProblemCode
from grok_video.ledger.carry import carry_over, remember
from grok_video.ledger.errors import LedgerMoved
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.reader import REBUILT
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import make_spec, says_free
from tests.core.test_worker import (
    Blender,
    big_still,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.stand_in.client import StandIn

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="an open file can be neither moved nor deleted there"
)

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures


def delete(data: Path) -> None:
    (data / FILE_NAME).unlink()


def replace_by_copy(data: Path) -> None:
    shutil.copyfile(data / FILE_NAME, data / "new")
    os.replace(data / "new", data / FILE_NAME)


@pytest.mark.parametrize("deed", [delete, replace_by_copy])
def test_an_answer_that_comes_later_is_on_record(
    blender: Blender, service: StandIn, deed: Callable[[Path], None]
) -> None:
    """The ledger goes while the answer to a POST is awaited: the id is in the one that is there then."""
    service.fail("submit", "answer-late", seconds=1)
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    deed(blender.data)
    blender.until(job_id, State.READY)
    (bought,) = service.jobs()
    job = blender.job(job_id)
    assert job is not None
    assert job.request_id == bought["id"]
    assert job.spent >= bought["ticks"]
    assert len(posts(service)) == 1


def test_what_was_deleted_during_an_upload_is_not_sent(blender: Blender, service: StandIn) -> None:
    """The last byte leaves only while the record of it goes into the ledger that is at the path."""
    service.fail("submit", "hang")
    blender.start()
    job_id = blender.submit(image=big_still(blender))
    blender.until(job_id, State.SUBMITTING)
    delete(blender.data)
    job = blender.until(job_id, lambda job: job.held)
    assert not job.sent
    assert says_free(job.problem)
    assert posts(service) == []
    assert "rebuilt" in blender.reader.notices[REBUILT]["message"]
    service.mend()
    blender.say("release", job=job_id, session=blender.session)
    blender.until(job_id, State.READY)
    assert len(posts(service)) == 1


@pytest.mark.parametrize("how", ["moved", "renamed beside it, and a new one made", "deleted"])
def test_no_empty_list_takes_the_place_of_a_folder_that_went(
    blender: Blender, service: StandIn, how: str
) -> None:
    """The worker ends; what it had bought is in the folder when that is back, or in one made for it alone."""
    service.fail("submit", "answer-late", seconds=4)
    blender.start()
    limits = blender.say("limits", day=7 * 10**10)
    assert blender.answer(limits)["ok"]
    job_id, waits = blender.submit(), blender.submit(account="another")
    blender.until(waits, lambda job: job.held)
    sent = blender.until(job_id, lambda job: job.sent)
    moved = blender.folder / "moved"
    if how == "deleted":
        while blender.data.exists():  # the worker may write into it meanwhile
            shutil.rmtree(blender.data, ignore_errors=True)
    else:
        blender.data.rename(moved)
        if "new" in how:
            blender.data.mkdir()
    blender.reader.refresh(1.0)
    assert "moved, renamed or deleted" in blender.reader.trouble
    assert ("called “moved” now" in blender.reader.trouble) == (how != "deleted")
    assert not blender.reader.damaged
    assert set(blender.reader.jobs) == {job_id, waits}
    assert blender.process is not None
    assert blender.process.wait(30) == 0
    if how != "deleted":
        assert not blender.data.exists() or os.listdir(blender.data) == ["worker.log"]
        shutil.rmtree(blender.data, ignore_errors=True)
        moved.rename(blender.data)
    blender.start()
    job = blender.until(job_id, State.READY)
    assert job.request_id == service.jobs()[0]["id"]
    assert job.spent >= sent.spent
    assert len(posts(service)) == 1
    assert blender.reader.trouble == ""
    if how == "deleted":  # what cost nothing went with it, and that is said
        assert "1 clip that was" in blender.reader.replaced
    else:
        assert blender.reader.replaced == ""
        assert blender.reader.jobs[waits].held
        assert blender.reader.limits.day == 7 * 10**10


def test_an_older_copy_of_the_whole_folder_makes_nothing_unsent(
    blender: Blender, service: StandIn
) -> None:
    """As a sync tool does it: the job of a minute ago waits in there, by this session's word."""
    service.fail("job", "stall", times=2)
    blender.start()
    first = blender.submit()
    blender.until(first, lambda job: job.progress)
    blender.tell(type="online", online=False)
    older = blender.submit()
    blender.until(older, State.QUEUED)
    shutil.copytree(blender.data, blender.folder / "copy")
    blender.tell(type="online", online=True)
    newer = blender.submit()
    for job_id in (older, newer):
        blender.until(job_id, lambda job: job.request_id)
    assert len(posts(service)) == 3
    before = blender.reader.jobs
    blender.data.rename(blender.folder / "moved")
    (blender.folder / "copy").rename(blender.data)
    blender.until(newer, lambda job: job.request_id)
    service.finish()
    for job_id in (first, older, newer):
        job = blender.until(job_id, State.READY)
        assert job.request_id == before[job_id].request_id
    assert len(posts(service)) == 3
    assert "2 that it did not know" in blender.reader.notices[REBUILT]["message"]


def test_another_list_in_its_place_gets_only_what_was_paid_for(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """Two folders change their names: neither list takes up the other's jobs, but an answer finds its job."""
    other = make_blender()
    other.data = other.folder / "other"
    other.data.mkdir()
    theirs = other.spec()
    ledger = Ledger.open(other.data)
    ledger.append(theirs.id, 0, Created(theirs))
    ledger.close()
    blender = make_blender()
    service.fail("submit", "answer-late", seconds=4)
    blender.start()
    paid, waits = blender.submit(), blender.submit(account="another")
    blender.until(waits, lambda job: job.held)
    blender.until(paid, lambda job: job.sent)
    blender.data.rename(blender.folder / "ours")
    other.data.rename(blender.data)
    job = blender.until(paid, State.READY)
    assert job.request_id == service.jobs()[0]["id"]
    assert set(blender.reader.jobs) == {theirs.id, paid}
    assert "1 clip that was" in blender.reader.replaced
    assert len(posts(service)) == 1


def test_two_workers_and_a_job_whose_answer_is_awaited(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """The other worker rebuilds the ledger first, and lets the one that sent the job have its answer."""
    service.fail("submit", "answer-late", seconds=6)
    first, second = make_blender(), make_blender()
    first.start()
    second.start()
    job_id = first.submit()
    first.until(job_id, lambda job: job.sent)
    delete(first.data)
    first.until(job_id, State.READY)
    ledger = Ledger.open(first.data)
    kinds = [event.kind for event, _ in ledger.events(job_id)]
    ledger.close()
    assert "answer_lost" not in kinds
    assert len(posts(service)) == 1


def test_a_reader_says_at_once_that_the_ledger_is_gone(blender: Blender) -> None:
    """And says no more of it when it is there again."""
    reader = blender.reader
    reader.refresh(1.0)
    assert reader.trouble == ""  # there has been none yet
    spec = blender.spec()
    ledger = Ledger.open(blender.data)
    ledger.append(spec.id, 0, Created(spec))
    reader.refresh(1.0)
    delete(blender.data)
    with pytest.raises(LedgerMoved):
        ledger.append(spec.id, 1, StopRequested())
    assert reader.refresh(1.0)
    assert (reader.damaged, "gone from its folder" in reader.trouble) == (True, True)
    assert set(reader.jobs) == {spec.id}
    ledger.close()
    Ledger.open(blender.data).close()
    reader.refresh(1.0)
    assert (reader.damaged, reader.trouble, reader.replaced) == (False, "", "")
    assert set(reader.jobs) == {spec.id}
    (blender.data / "new").touch()
    os.replace(blender.data / "new", blender.data / FILE_NAME)
    reader.refresh(1.0)
    assert reader.damaged
    assert set(reader.jobs) == {spec.id}


def test_what_was_sent_goes_on_in_a_list_that_holds_it(tmp_path: Path) -> None:
    """The list in its place was rebuilt, or another computer's, and holds the job: paid for, it is not to wait there."""
    spec = make_spec()
    here, there = Ledger.open(tmp_path / "here"), Ledger.open(tmp_path / "there")
    for ledger in (here, there):
        ledger.append(spec.id, 0, Created(spec), at=1000.0)
    there.append(spec.id, 1, Held(Problem(ProblemCode.HELD, "It waits.")))
    here.append(spec.id, 1, SubmitStarted(7))
    here.append(spec.id, 2, Sending())
    assert carry_over(there, remember(here), {spec.id}, same=False) == 1
    there.append(spec.id, None, Submitted("r-1"))
    job = there.job(spec.id)
    assert job is not None
    assert (job.state, job.held, job.open, job.spent) == (State.RUNNING, False, True, 7)
    here.close()
    there.close()

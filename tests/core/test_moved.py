"""The ledger deleted, renamed or replaced under a live worker, and the data folder moved: noticed, said, mended.

A process writes into the file that it opened, wherever that went. So what costs money is recorded only while the path
still leads to that file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import Created, Held, Sending, StopRequested, SubmitStarted, Submitted
from grok_video.core.job import Job, State
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spending import Limits
from grok_video.ledger.carry import carry_over, remember
from grok_video.ledger.errors import LedgerMoved
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.reader import REBUILT, LedgerReader
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import make_spec, says_free, wait_for
from tests.core.test_worker import (
    Blender,
    big_still,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.patching import Patches
from tests.patience import PATIENCE
from tests.posix import posix
from tests.stand_in.client import StandIn

pytestmark = posix("an open file can be neither moved nor deleted there")

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures


def delete(data: Path) -> None:
    (data / FILE_NAME).unlink()


def replace_by_copy(data: Path) -> None:
    shutil.copyfile(data / FILE_NAME, data / "new")
    os.replace(data / "new", data / FILE_NAME)


def write_over(data: Path) -> None:
    """As ``cp`` puts back the backup that ``back_up`` has made; another process: see ``Ledger``."""
    subprocess.run(["cp", data / "backup", data / FILE_NAME], check=True)


def back_up(data: Path) -> None:
    subprocess.run(["cp", data / FILE_NAME, data / "backup"], check=True)


def told(blender: Blender) -> str:
    """What every Blender is told of a ledger that was opened again; its jobs are there a moment before."""

    def notice() -> str:
        blender.reader.refresh(1.0)
        return blender.reader.notices.get(REBUILT, {}).get("message", "")

    return wait_for(notice, "what is told of it")


@pytest.mark.parametrize("deed", [delete, replace_by_copy])
def test_an_answer_that_comes_later_is_on_record(
    blender: Blender, service: StandIn, deed: Callable[[Path], None]
) -> None:
    """The ledger goes while the answer to a POST is awaited: the id is in the one that is there then."""
    service.fail("submit", "answer-late")
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.sent)
    deed(blender.data)
    service.mend()
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
    assert "rebuilt" in told(blender)
    service.mend()
    blender.say("release", job=job_id, session=blender.session)
    blender.until(job_id, State.READY)
    assert len(posts(service)) == 1


@pytest.mark.parametrize("how", ["moved", "renamed beside it, and a new one made", "deleted"])
def test_no_empty_list_takes_the_place_of_a_folder_that_went(
    blender: Blender, service: StandIn, how: str
) -> None:
    """The worker ends; what it had bought is in the folder when that is back, or in one made for it alone."""
    service.fail("submit", "answer-late")
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
    service.mend()
    assert blender.process is not None
    assert blender.process.wait(PATIENCE) == 0
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
    assert "2 that it did not know" in told(blender)


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
    service.fail("submit", "answer-late")
    blender.start()
    paid, waits = blender.submit(), blender.submit(account="another")
    blender.until(waits, lambda job: job.held)
    blender.until(paid, lambda job: job.sent)
    blender.data.rename(blender.folder / "ours")
    other.data.rename(blender.data)
    service.mend()
    job = blender.until(paid, State.READY)
    assert job.request_id == service.jobs()[0]["id"]
    assert set(blender.reader.jobs) == {theirs.id, paid}
    assert "1 clip that was" in blender.reader.replaced
    assert len(posts(service)) == 1


def test_an_answer_finds_the_job_that_its_post_is_in_a_list_where_the_job_was_stopped(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """Another computer's list, synced into the place of this one while the answer is awaited."""
    blender, other = make_blender(), make_blender()
    other.data = other.folder / "other"
    spec = blender.spec()
    ledger = Ledger.open(other.data)
    for event in (Created(spec), StopRequested()):
        ledger.append(spec.id, None, event, at=1000.0)
    ledger.commands.apply({"id": "c", "command": "limits", "day": 9 * 10**10})
    ledger.close()
    service.fail("submit", "answer-late")
    blender.start()
    lower = blender.say("limits", month=7 * 10**10)
    assert blender.answer(lower)["ok"]
    blender.say("submit", spec=spec)
    blender.until(spec.id, lambda job: job.sent)
    blender.data.rename(blender.folder / "ours")
    other.data.rename(blender.data)
    service.mend()

    def ready() -> Job | None:
        blender.reader.refresh(1.0)
        return next((job for job in blender.reader.jobs.values() if job.clip), None)

    another = wait_for(ready, "the clip")
    assert another.request_id == service.jobs()[0]["id"]
    assert another.spec.parent == spec.id
    assert blender.reader.jobs[spec.id].state is State.CANCELLED
    assert len(posts(service)) == 1
    assert blender.reader.limits == Limits(9 * 10**10, 7 * 10**10)
    assert "$9.00 a day, $7.00 a month" in told(blender)


def test_two_workers_and_a_job_whose_answer_is_awaited(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """The other worker rebuilds the ledger first, and lets the one that sent the job have its answer."""
    service.fail("submit", "answer-late")
    first, second = make_blender(), make_blender()
    first.start()
    second.start()
    job_id = first.submit()
    first.until(job_id, lambda job: job.sent)
    delete(first.data)
    wait_for((first.data / FILE_NAME).exists, "a list that is made again")
    service.mend()
    first.until(job_id, State.READY)
    ledger = Ledger.open(first.data)
    kinds = [event.kind for event, _ in ledger.events(job_id)]
    ledger.close()
    assert "answer_lost" not in kinds
    assert len(posts(service)) == 1


def test_an_older_copy_written_over_the_open_list_is_noticed(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """Both workers and both Blenders have read further than it goes; nothing of it is shown as it was there."""
    service.fail("job", "stall", times=3)
    first, second = make_blender(), make_blender()
    first.start()
    second.start()
    limits = first.say("limits", day=7 * 10**10)
    assert first.answer(limits)["ok"]
    older = first.submit()
    first.until(older, lambda job: job.progress)
    back_up(first.data)
    newer = second.submit()
    second.until(newer, lambda job: job.progress)
    before = {job_id: second.job(job_id) for job_id in (older, newer)}
    write_over(first.data)
    for one in (first, second):
        wait_for(lambda one=one: REBUILT in seen(one).notices, "it is said")
        wait_for(lambda one=one: set(seen(one).jobs) == {older, newer}, "all jobs are there")
        assert one.reader.limits.day == 7 * 10**10
    service.finish()
    for job_id in (older, newer):
        job = first.until(job_id, State.READY)
        was = before[job_id]
        assert was is not None
        assert (job.request_id, job.spent) == (was.request_id, was.spent)
    assert len(posts(service)) == 2
    first.hang_up()
    second.hang_up()
    (first.data / FILE_NAME).rename(first.data / "backup")
    ledger = Ledger.open(first.data)
    assert {job.id for job in ledger.jobs()} == {older, newer}
    ledger.close()


def seen(blender: Blender) -> LedgerReader:
    blender.reader.refresh(1.0)
    return blender.reader


@pytest.mark.parametrize("gone", ["an event", "another event", "the answer to a command"])
def test_a_ledger_that_lacks_what_was_read_is_opened_again(tmp_path: Path, gone: str) -> None:
    """Also where the copy went on by itself, and where it lacks what a command has changed: the limits."""
    data = tmp_path / "data"
    spec = make_spec()
    ledger = Ledger.open(data)
    ledger.append(spec.id, 0, Created(spec), at=1000.0)
    back_up(data)
    if gone == "another event":
        branch = tmp_path / "branch"
        shutil.copytree(data, branch)
        other = Ledger.open(branch)
        other.append(spec.id, 1, StopRequested(), at=1001.0)
        other.close()
        shutil.copyfile(branch / FILE_NAME, data / "backup")
    if gone == "the answer to a command":
        ledger.commands.apply({"id": "c", "command": "limits", "day": 5})
    else:
        ledger.append(spec.id, 1, SubmitStarted(7), at=1001.0)
    reader = LedgerReader(data)
    reader.refresh(1.0)
    write_over(data)
    for _ in range(3):
        with pytest.raises(LedgerMoved):
            ledger.append(spec.id, None, Sending())
        if (
            gone != "another event"
        ):  # it has as many commits, so nobody looks at it but for a purchase
            with pytest.raises(LedgerMoved):
                ledger.refresh()
            reader.refresh(1.0)
            assert (reader.jobs[spec.id].state, reader.limits.day) == (State.QUEUED, 0)
    ledger.close()
    reader.close()
    ledger = Ledger.open(data)
    job = ledger.job(spec.id)
    assert job is not None
    states = {"an event": State.SUBMITTING, "another event": State.CANCELLED}
    assert job.state is states.get(gone, State.QUEUED)
    assert ledger.limits().day == (5 if gone == "the answer to a command" else 0)
    ledger.close()


def test_what_is_written_over_in_the_midst_of_a_transaction_is_not_committed(
    tmp_path: Path,
) -> None:
    """The pages of a commit would mix with those of the copy; what the journal has of it is taken back."""
    data = tmp_path / "data"
    spec = make_spec()
    ledger = Ledger.open(data)
    ledger.append(spec.id, 0, Created(spec))
    back_up(data)
    ledger.append(spec.id, 1, SubmitStarted(7))
    path = data / "jobs" / f"{spec.id}.jsonl"
    journal = path.read_bytes()
    write = ledger.journals.write

    def written(job_id: str, line: str, *, synced: bool) -> tuple[str, str] | None:
        marks = write(job_id, line, synced=synced)
        write_over(data)
        return marks

    with Patches() as patches:
        patches.set(type(ledger.journals), "write", lambda _, *a, **b: written(*a, **b))
        with pytest.raises(LedgerMoved):
            ledger.append(spec.id, 2, Sending())
    assert path.read_bytes() == journal
    ledger.close()
    ledger = Ledger.open(data)
    job = ledger.job(spec.id)
    assert job is not None
    assert (job.state, job.sent, job.spent) == (State.SUBMITTING, False, 7)
    ledger.close()


@pytest.mark.parametrize("when", ["before its lines", "with its lines"])
def test_what_goes_in_the_middle_of_a_transaction_takes_nothing_along(
    tmp_path: Path, patches: Patches, when: str
) -> None:
    """The file before a line of the journals is written; the whole folder while they are: neither is committed to."""
    data, moved = tmp_path / "data", tmp_path / "moved"
    spec = make_spec()
    ledger = Ledger.open(data)
    job = ledger.append(spec.id, 0, Created(spec))
    write = ledger.journals.write
    if when == "with its lines":

        def moved_meanwhile(*line: Any, **how: Any) -> int | None:
            data.rename(moved)
            return write(*line, **how)

        patches.set(ledger.journals, "write", moved_meanwhile)

    def write_on() -> None:
        with ledger.transaction():
            ledger.put(spec.id, SubmitStarted(7), "", 1.0)
            if when == "before its lines":
                delete(data)

    with pytest.raises(LedgerMoved):
        write_on()
    assert ledger.job(spec.id) == job
    ledger.close()
    again = Ledger.open(moved if moved.exists() else data)
    assert [(job.state, job.spent) for job in again.jobs()] == [(State.QUEUED, 0)]
    again.close()


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
    os.truncate(blender.data / FILE_NAME, 0)
    reader.refresh(1.0)
    assert (reader.damaged, set(reader.jobs)) == (True, {spec.id})
    Ledger.open(blender.data).close()
    wait_for(lambda: reader.refresh(1.0) and not reader.damaged, "the next look or the one after")
    assert (reader.trouble, set(reader.jobs)) == ("", {spec.id})
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
    before = remember(here)
    assert before is not None
    assert carry_over(there, before, {spec.id}, same=False).jobs == 1
    there.append(spec.id, None, Submitted("r-1"))
    job = there.job(spec.id)
    assert job is not None
    assert (job.state, job.held, job.open, job.spent) == (State.RUNNING, False, True, 7)
    here.close()
    there.close()

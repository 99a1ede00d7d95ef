"""What a process knows of its jobs and limits, brought into the list that it finds in the place of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from grok_video.core import events
from grok_video.core.job import Job, State
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import JobSpec, new_id
from grok_video.core.spending import Limits
from grok_video.ledger.carry import carry_over, remember
from grok_video.ledger.errors import LedgerMoved, LedgerUnwritable
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import make_spec
from tests.core.test_job import CLIP, URL
from tests.posix import posix

TROUBLE = Problem(ProblemCode.FILE, "It could not be done.")
STARTED = (events.SubmitStarted(7), events.Sending())
BOUGHT = (*STARTED, events.Submitted("r-1"))
#: What is remembered of a job that was sent, and what counts as spent by that.
SENT = {
    "sending": (STARTED, 7),
    "lost": ((*STARTED, events.AnswerLost(TROUBLE)), 7),
    "running": (BOUGHT, 7),
    "billed": ((*BOUGHT, events.Progress(40, 9)), 9),
    "stopped": ((*BOUGHT, events.StopRequested()), 7),
    "moderated": ((*BOUGHT, events.ServiceFailed(TROUBLE, 5)), 5),
    "delivered": ((*BOUGHT, events.Done(URL, 8), events.Downloaded(CLIP)), 8),
    "bought": ((*STARTED, events.Bought(URL, 8)), 8),
    "refused and billed": ((*STARTED, events.Billed(TROUBLE, 5)), 5),
    "an answer before the last byte": ((STARTED[0], events.Submitted("r-1")), 7),
}
#: Where the same job is in the other list. The last two bought the clip for themselves.
THERE = {
    "waits": (),
    "held": (events.Held(TROUBLE),),
    "begun": (events.SubmitStarted(6),),
    "stopped": (events.StopRequested(),),
    "failed": (events.Held(TROUBLE), events.LocalFailed(TROUBLE)),
    "running": (events.SubmitStarted(6), events.Sending(), events.Submitted("r-2")),
    "lost": (events.SubmitStarted(6), events.Sending(), events.AnswerLost(TROUBLE)),
}


@pytest.fixture
def pair(tmp_path: Path) -> Iterable[tuple[Ledger, Ledger]]:
    """The list that was open, and the one in its place."""
    here, there = Ledger.open(tmp_path / "here"), Ledger.open(tmp_path / "there")
    yield here, there
    here.close()
    there.close()


def make(ledger: Ledger, spec: JobSpec, *happened: events.Event, at: float = 1000.0) -> None:
    for second, event in enumerate((events.Created(spec), *happened)):
        ledger.append(spec.id, None, event, at=at + second * bool(second))


def carry(here: Ledger, there: Ledger, *, same: bool = False) -> int:
    before = remember(here)
    assert before is not None
    return carry_over(there, before, (), same=same).jobs


def is_sendable(job: Job) -> bool:
    return not job.sent and job.state in (State.QUEUED, State.SUBMITTING)


@pytest.mark.parametrize("was", SENT)
@pytest.mark.parametrize("now", THERE)
def test_what_was_sent_is_in_the_other_list(
    pair: tuple[Ledger, Ledger], was: str, now: str
) -> None:
    """Its id in one job, its cost counted, and nothing that could be sent a second time."""
    here, there = pair
    spec = make_spec()
    happened, spent = SENT[was]
    make(here, spec, *happened)
    make(there, spec, *THERE[now], at=2000.0)
    before = there.job(spec.id)
    assert before is not None
    carry(here, there)
    ids = [job.request_id for job in there.jobs()]
    assert ids.count("r-1") == (1 if any("r-1" in repr(event) for event in happened) else 0)
    own = before.spent if before.sent else 0
    assert sum(job.spent for job in there.jobs()) == spent + own
    assert not any(is_sendable(job) for job in there.jobs())
    if before.state in (State.CANCELLED, State.FAILED, State.RUNNING, State.UNKNOWN):
        assert there.job(spec.id) == before
        (another,) = (job for job in there.jobs() if job.id != spec.id)
        assert another.spec.parent == spec.id
    jobs = there.jobs()
    carry(here, there)
    assert there.jobs() == jobs
    there.close()
    (there.data_dir / FILE_NAME).unlink()
    rebuilt = Ledger.open(there.data_dir)
    assert {job.request_id for job in rebuilt.jobs()} == set(ids)
    rebuilt.close()


@posix("nobody writes over an open file there")
@pytest.mark.parametrize("was", SENT)
@pytest.mark.parametrize(
    "then", [(), (events.Held(TROUBLE),), STARTED], ids=["waits", "held", "sent"]
)
def test_what_was_sent_is_known_when_the_whole_folder_is_written_over(
    tmp_path: Path, was: str, then: tuple[events.Event, ...]
) -> None:
    """``cp -r backup/. folder``: neither the open file nor a journal says any more what this process knows."""
    data, backup, spec, (happened, spent) = (
        tmp_path / "data",
        tmp_path / "copy",
        make_spec(),
        SENT[was],
    )
    ledger = Ledger.open(data)
    make(ledger, make_spec())
    make(ledger, spec, *then)
    shutil.copytree(data, backup)
    later = [event for event in happened if event not in then]
    if then != STARTED:
        later.insert(0, events.Released("s"))
    for event in later or [events.StopRequested()]:
        ledger.append(spec.id, None, event)
    subprocess.run(["cp", "-r", f"{backup}/.", data], check=True)
    with pytest.raises(LedgerMoved):
        ledger.jobs()
    remembered = remember(ledger)
    ledger.close()
    assert remembered is not None
    for _ in range(2):
        again = Ledger.open(data)
        carry_over(again, remembered, (), same=True)
        other, job = again.jobs()
        assert (other.state, other.sent) == (State.QUEUED, False)
        assert job.request_id == ("r-1" if any("r-1" in repr(event) for event in happened) else "")
        assert (job.spent, is_sendable(job)) == (spent, False)
        again.close()


def test_one_post_in_both_is_one_job(pair: tuple[Ledger, Ledger]) -> None:
    """There it was taken for lost; here its answer came, and all that followed."""
    here, there = pair
    spec = make_spec()
    make(here, spec, *SENT["delivered"][0])
    make(there, spec, *STARTED, events.AnswerLost(TROUBLE))
    assert carry(here, there) == 1
    (job,) = there.jobs()
    assert (job.state, job.request_id, job.spent, job.clip) == (State.READY, "r-1", 8, CLIP)
    assert carry(here, there) == 0


def test_what_was_refused_here_is_not_sent_there(pair: tuple[Ledger, Ledger]) -> None:
    here, there = pair
    waits, stopped = make_spec(), make_spec()
    for spec in (waits, stopped):
        make(here, spec, *STARTED, events.Rejected(TROUBLE))
    make(there, waits, at=2000.0)
    make(there, stopped, events.StopRequested(), at=2000.0)
    carry(here, there)
    assert [job.state for job in there.jobs()] == [State.FAILED, State.CANCELLED]
    assert [job.spent for job in there.jobs()] == [0, 0]


def test_a_job_that_cannot_be_brought_over_keeps_no_other_from_it(
    pair: tuple[Ledger, Ledger],
) -> None:
    """A post without its job's word, noise in the place of events, a name that is none, a history that cannot be."""
    here, there = pair
    first, odd, noise, cut, last = (make_spec() for _ in range(5))
    for spec in (first, odd, noise, cut, last):
        make(here, spec, *BOUGHT)
    execute = here.connection.execute
    execute("UPDATE events SET payload = '[' WHERE job = ? AND seq > 1", (noise.id,))
    execute("DELETE FROM events WHERE job = ? AND seq = 3", (cut.id,))
    execute("INSERT INTO events SELECT NULL, 'not an id', seq, at, kind, payload, '' FROM events "
            "WHERE job = ?", (last.id,))  # fmt: skip
    make(there, odd, at=2000.0)
    there.connection.execute("INSERT INTO posts(job, at) VALUES (?, 1.0)", (odd.id,))
    carry(here, there, same=True)
    jobs = {job.id: job for job in there.jobs()}
    assert jobs.keys() == {first.id, odd.id, noise.id, cut.id, last.id}
    for spec in (first, odd, cut, last):
        assert jobs[spec.id].request_id == "r-1"
    assert jobs[noise.id].spent == noise.estimate  # what cannot be read may have said *sending*
    assert not any(is_sendable(job) for job in jobs.values())


@pytest.mark.parametrize(
    ("before", "there_are", "kind", "after"),
    [
        (Limits(5, 0), Limits(), "same", Limits(5, 0)),
        (Limits(5, 30), Limits(3, 0), "same", Limits(3, 30)),
        (Limits(0, 9), Limits(4, 8, True), "same", Limits(4, 8, True)),
        (Limits(), Limits(2, 1), "same", Limits(2, 1)),
        (Limits(5, 0), Limits(), "a job in common", Limits(5, 0)),
        (Limits(5, 9), Limits(), "empty", Limits(5, 9)),
        (Limits(5, 0), Limits(9, 0), "another", Limits(9, 0)),
        (Limits(5, 0), Limits(), "another", Limits()),
    ],
)
def test_whose_limits_count(
    pair: tuple[Ledger, Ledger], before: Limits, there_are: Limits, kind: str, after: Limits
) -> None:
    here, there = pair
    job = make_spec()
    make(here, job)
    if kind != "empty":
        make(there, job if kind == "a job in common" else make_spec())
    for ledger, limits in ((here, before), (there, there_are)):
        given = {"id": new_id(), "command": "limits", "count_loopback": limits.count_loopback}
        ledger.commands.apply({**given, "day": limits.day, "month": limits.month})
    carry(here, there, same=kind == "same")
    assert there.limits() == after
    there.close()
    (there.data_dir / FILE_NAME).unlink()
    rebuilt = Ledger.open(there.data_dir)
    assert rebuilt.limits() == after
    rebuilt.close()


def test_limits_whose_copy_cannot_be_written_are_tried_again(pair: tuple[Ledger, Ledger]) -> None:
    here, there = pair
    here.commands.apply({"id": "c", "command": "limits", "day": 5})
    copy = there.data_dir / "limits.json"
    shutil.rmtree(copy, ignore_errors=True)
    copy.unlink(missing_ok=True)
    copy.mkdir()
    with pytest.raises(LedgerUnwritable):
        carry(here, there, same=True)
    assert there.limits() == Limits()
    copy.rmdir()
    carry(here, there, same=True)
    assert there.limits() == Limits(5)
    assert json.loads(copy.read_text("utf-8"))["day"] == 5


def test_no_file_in_the_place_of_a_copy_keeps_the_list_from_opening(
    pair: tuple[Ledger, Ledger],
) -> None:
    here, there = pair
    first, last = make_spec(), make_spec()
    for spec in (first, last):
        make(here, spec, *BOUGHT)
        make(there, spec, at=2000.0)
    copy = there.data_dir / "jobs" / f"{first.id}.jsonl"
    copy.unlink()
    copy.mkdir()
    assert carry(here, there) == 2
    assert [job.request_id for job in there.jobs()] == ["r-1", "r-1"]


def test_a_ledger_that_is_closed_is_not_remembered(pair: tuple[Ledger, Ledger]) -> None:
    here, _ = pair
    here.close()
    assert remember(here) is None

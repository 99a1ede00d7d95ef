"""An older copy of the ledger in the place of the newer one: from a backup, a sync tool, a restored home.

The jobs' journals are ahead of it then. Nothing is bought twice, no request id is lost, and what was spent counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grok_video.core.events import (
    AnswerLost,
    Created,
    Done,
    Event,
    Held,
    NotSent,
    Progress,
    Rejected,
    Released,
    Sending,
    StopRequested,
    SubmitStarted,
    Submitted,
)
from grok_video.core.job import TRANSITIONS, IllegalTransition, Job, State, apply
from grok_video.core.mp4 import probe
from grok_video.core.payload import to_payload
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import new_id
from grok_video.core.spending import Limits
from grok_video.ledger import journal
from grok_video.ledger.errors import LedgerUnwritable
from grok_video.ledger.journal import LIMITS_NAME, Journals, journal_line, write_limits
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.reader import REBUILT, LedgerReader
from grok_video.ledger.rebuild import waits
from grok_video.ledger.schema import FILE_NAME
from grok_video.ledger.store import Store
from tests.core.conftest import make_spec, replay, wait_for
from tests.core.test_damaged import huge, pipe, within
from tests.core.test_job import RICH, SAMPLES
from tests.core.test_old_version import jobs as one_of_each
from tests.core.test_old_version import old, read_by_old
from tests.core.test_worker import Blender, blender, make_blender, one_service, posts, service
from tests.patching import Patches
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "old", "one_service", "service"]  # fixtures

Told = list[tuple[Event, float]]

TROUBLE = Problem(ProblemCode.NETWORK, "No network.")
RATE = NotSent(Problem(ProblemCode.RATE, "Too many requests.", http_status=429))
PRICE = 520_000_000


def make_older(folder: Path, events: int) -> None:
    """Let the ledger in a folder be as it was when each of its jobs had so many events."""
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as raw:
        raw.execute("DELETE FROM events WHERE seq > ?", (events,))
        raw.execute("DELETE FROM jobs WHERE id NOT IN (SELECT job FROM events)")
        raw.execute(
            "DELETE FROM posts WHERE job NOT IN (SELECT job FROM events WHERE kind = 'sending')"
        )
        # Snapshots of another fold are made anew.
        raw.execute("UPDATE jobs SET fold = '', n = (SELECT max(n) FROM events WHERE job = id)")
        raw.executemany(
            "UPDATE jobs SET journal = ? WHERE id = ?",
            [
                (sum(len(line) for line in lines[:events]), path.stem)
                for path in (folder / "jobs").glob("*.jsonl")
                if (lines := path.read_bytes().splitlines(keepends=True))
            ],
        )
        raw.commit()


def jobs_of(folder: Path) -> dict[str, Job]:
    ledger = Ledger.open(folder)
    jobs = {job.id: job for job in ledger.jobs()}
    ledger.close()
    return jobs


def test_an_older_ledger_buys_nothing_again_wherever_it_ends(
    blender: Blender, service: StandIn
) -> None:
    """A clip is bought and imported; then the ledger of each moment before is put back, and Send is pressed."""
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, State.READY)
    blender.say("claim", job=job_id, session=blender.session)
    blender.say("imported", job=job_id, scene="Scene", blend="/x.blend")
    blender.until(job_id, State.IMPORTED)
    blender.hang_up()
    spent = jobs_of(blender.data)[job_id].spent
    ledger = Ledger.open(blender.data)
    told = ledger.events(job_id)
    ledger.close()
    whole = blender.folder / "whole"
    shutil.copytree(blender.data, whole)
    assert len(told) >= 7
    for count in range(len(told)):
        shutil.rmtree(blender.data)
        shutil.copytree(whole, blender.data)
        make_older(blender.data, count)
        blender.reader.close()
        blender.reader = LedgerReader(blender.data)
        blender.start().say("release", job=job_id, session=blender.session)
        blender.fence()  # what Send could bring about has come about
        blender.hang_up()
        now = jobs_of(blender.data)
        assert (count, now[job_id].state, now[job_id].spent) == (count, State.IMPORTED, spent)
        assert (count, len(posts(service))) == (count, 2 + count)  # with those of the fences


# ------------------------------------------------------------------------------------- what is beyond the ledger


def at_times(*happened: Event) -> Told:
    return [(event, 1000.0 + second) for second, event in enumerate(happened)]


def text_of(told: Told, first: int = 1) -> str:
    """Events as lines of a journal, of which the first has the number ``first``."""
    return "".join(
        journal_line(number, at, event.kind, json.dumps(to_payload(event)))
        for number, (event, at) in enumerate(told, first)
    )


def folder_with(tmp_path: Path, ledger: list[Told], journals: dict[str, str]) -> Path:
    """A data folder whose ledger and journals are not of the same time."""
    folder = tmp_path / f"data-{new_id()[:8]}"
    opened = Ledger.open(folder)
    for told in ledger:
        assert isinstance(told[0][0], Created)
        for event, at in told:
            opened.append(told[0][0].spec.id, None, event, at=at)
    opened.close()
    for job_id, text in journals.items():
        path = folder / "jobs" / f"{job_id}.jsonl"
        for told in ledger:
            # A ledger may put more into an event than it was given: its own lines stay.
            if _id(told) == job_id and text.startswith(text_of(told)):
                text = path.read_text("utf-8") + text[len(text_of(told)) :]
        path.write_text(text, "utf-8")
    return folder


def test_every_job_is_brought_up_to_date_from_every_moment(tmp_path: Path) -> None:
    """Each state, and each event in it: the ledger ends after any of the job's events, or knows no such job."""
    jobs = one_of_each()
    newest = folder_with(tmp_path, jobs, {})
    whole = jobs_of(newest)
    for count in range(max(map(len, jobs))):
        folder = Path(shutil.copytree(newest, tmp_path / str(count)))
        make_older(folder, count)
        after = jobs_of(folder)
        assert after.keys() == whole.keys()
        for told in jobs:
            job, was = after[_id(told)], whole[_id(told)]
            if was.state is State.SUBMITTING and was.sent and count < len(told):
                assert (job.state, job.spent) == (State.UNKNOWN, was.spent)
            else:
                assert job == was
        assert jobs_of(folder) == after  # and once more


def _id(told: Told) -> str:
    assert isinstance(told[0][0], Created)
    return told[0][0].spec.id


def test_what_the_old_version_left_is_brought_up_to_date(old: Path, tmp_path: Path) -> None:
    """Its ledger keeps no lengths: its journals are read once, and as long as it goes on with them."""
    jobs = one_of_each()[::2]
    folder = tmp_path / "data"
    read_by_old(old, folder, jobs)
    new = jobs_of(folder)
    older = tmp_path / "older"
    read_by_old(old, older, [told[:2] for told in jobs])
    os.replace(older / FILE_NAME, folder / FILE_NAME)
    after = jobs_of(folder)
    assert after.keys() == new.keys()
    for job_id, job in after.items():
        assert (job.request_id, job.spent, job.cost) == (
            new[job_id].request_id,
            new[job_id].spent,
            new[job_id].cost,
        )
        assert job == new[job_id] or (job.state, new[job_id].sent) == (State.UNKNOWN, True)


def test_two_versions_in_turn_change_nothing(old: Path, tmp_path: Path, read: list[str]) -> None:
    """0.1.0 writes events and lines without a mark: its journals are read once, and no more."""
    folder = tmp_path / "data"
    first, second = one_of_each()[:10], one_of_each()[:10]
    before = {}
    for jobs in (first, second):
        read_by_old(old, folder, jobs)
        before |= jobs_of(folder)
        assert jobs_of(folder) == before
    text = {path.name: path.read_bytes() for path in (folder / "jobs").iterdir()}
    assert len(read) == len(set(read)) == 20
    assert jobs_of(folder) == before
    assert len(read) == 20
    assert text == {path.name: path.read_bytes() for path in (folder / "jobs").iterdir()}


def test_a_last_line_sending_without_its_commit_is_unknown(tmp_path: Path) -> None:
    """Killed between the two, or an older ledger: nobody can tell which."""
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending())
    folder = folder_with(tmp_path, [told[:2]], {_id(told): text_of(told)})
    ledger = Ledger.open(folder)
    job = ledger.job(_id(told))
    assert job is not None
    assert (job.state, job.spent) == (State.UNKNOWN, PRICE)
    assert job.problem is not None
    assert "may have been charged" in job.problem.message
    with pytest.raises(IllegalTransition):
        ledger.append(job.id, None, Sending())
    ledger.close()


def test_a_living_worker_says_itself_what_became_of_its_post(
    tmp_path: Path, holder: Callable[[Path], object]
) -> None:
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending())
    folder = folder_with(tmp_path, [told[:2]], {})
    ledger = Ledger.open(folder)
    ledger.leases.take(_id(told), "another")
    ledger.close()
    holder(folder / "workers" / "another.lock")
    with open(folder / "jobs" / f"{_id(told)}.jsonl", "a", encoding="utf-8") as file:
        file.write(text_of(told[2:], 3))
    job = jobs_of(folder)[_id(told)]
    assert (job.state, job.sent) == (State.SUBMITTING, True)


def test_a_line_that_was_cut_has_had_no_commit(tmp_path: Path) -> None:
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending())
    whole = text_of(told)
    for cut in range(len(text_of(told[:2])), len(whole) - 1, 4):
        folder = folder_with(tmp_path, [told[:2]], {})
        with open(folder / "jobs" / f"{_id(told)}.jsonl", "a", encoding="utf-8") as file:
            file.write(whole[len(text_of(told[:2])) : cut])
        job = jobs_of(folder)[_id(told)]
        assert (job.state, job.sent) == (State.SUBMITTING, False)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "lines",
    [
        "noise {2} {3} {4}",
        "{1} noise {3} {4}",
        "{1} {2} noise {4}",
        "{1} {2} noise",
        "{1} {2} {3}noise",
        "{1} noise",
        "{1} {4}",
        "{1} {2} {4}",
    ],
)
def test_a_line_that_cannot_be_read_may_say_sending(tmp_path: Path, lines: str) -> None:
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending(), AnswerLost(TROUBLE))
    parts = [text_of([line], number) for number, line in enumerate(told, 1)]
    journal = lines.replace("noise", "\xff\xfe noise\n")
    for number, part in enumerate(parts, 1):
        journal = journal.replace(f"{{{number}}}", part)
    folder = folder_with(tmp_path, [told[:1]], {_id(told): journal})
    job = jobs_of(folder)[_id(told)]
    assert (job.state, job.spent) == (State.UNKNOWN, PRICE)
    assert jobs_of(folder)[job.id] == job


@pytest.mark.parametrize(
    ("lines", "doubt"),
    [
        ("{1} noise noise", True),
        ("{1} noise noise {2} {3}", True),
        ("{1} noise {2} {3}", True),
        ("{1} {2} noise {3}", True),
        ("{1} {2} {3} noise", True),
        ("{1} noise {sending}", True),
        ("noise {started} {sending}", True),
        ("noise {started} noise", True),
        ("{1} {broken} {2} {3}", True),
        ("{1} {joined} {3}", True),
        ("{1} noise {3}", False),
        ("noise {2} {3}", False),
        ("noise noise {3}", False),
        ("{1} {cut} {2} {3}", False),
        ("{1} {2} {cut} {3} {cut}", False),
    ],
)
def test_a_line_that_cannot_be_read_is_the_ledgers_only_in_its_place(
    tmp_path: Path, lines: str, doubt: bool
) -> None:
    """The ledger went on otherwise, and waits; a line of the other record may say that the job was sent."""
    told = at_times(Created(make_spec()), HELD, Released("b"))
    parts = {str(number): text_of([line], number) for number, line in enumerate(told, 1)}
    parts["started"] = text_of(at_times(SubmitStarted(PRICE)), 2)
    parts["sending"] = sending = text_of(at_times(Sending()), 3)
    parts["broken"] = sending.replace('"payload": {', '"payload": [')
    parts["joined"] = parts["2"][:40] + sending
    parts["cut"] = parts["2"][:40] + "\n"
    text = lines.replace("noise", "\xff\xfe noise\n").replace("} ", "}").replace("\n ", "\n")
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    folder = folder_with(tmp_path, [told], {_id(told): text})
    job = jobs_of(folder)[_id(told)]
    assert (job.state, job.spent) == ((State.UNKNOWN, PRICE) if doubt else (State.QUEUED, 0))
    assert jobs_of(folder)[job.id] == job


# --------------------------------------------------------------------------------------------- two records of a job

CREATED = Created(dataclasses.replace(make_spec(), id="f" * 32))
START = (CREATED, SubmitStarted(PRICE))
SENT = (*START, Sending())
HELD = Held(Problem(ProblemCode.HELD, "Held."))


@dataclasses.dataclass
class Fork:
    """What was common, what the journal goes on with, and what the ledger went on with."""

    common: tuple[Event, ...]
    journal: tuple[Event, ...]
    ledger: tuple[Event, ...]
    state: State  # of the job after that
    spent: int  # of all
    ids: tuple[str, ...] = ()
    held: bool = False


FORKS = {
    "nothing sent": Fork(
        (CREATED,), (SubmitStarted(PRICE),), (HELD, Released("b")), State.QUEUED, 0, (), True
    ),
    "nothing sent, in the middle": Fork(
        START, (NotSent(TROUBLE),), (StopRequested(),), State.CANCELLED, 0
    ),
    "sent by the journal": Fork(
        (CREATED,), (SubmitStarted(PRICE), Sending()), (HELD,), State.UNKNOWN, PRICE
    ),
    "sent, one event apart": Fork(
        START, (Sending(),), (NotSent(TROUBLE), HELD), State.UNKNOWN, PRICE
    ),
    "bought by the journal": Fork(
        START, (Sending(), Submitted("r-1"), Progress(3)), (NotSent(TROUBLE), HELD),
        State.UNKNOWN, PRICE, ("r-1",),
    ),
    "bought, with its bill": Fork(
        START, (Sending(), Submitted("r-1"), Done("u", PRICE + 7)), (NotSent(TROUBLE), HELD),
        State.UNKNOWN, PRICE + 7, ("r-1",),
    ),
    "bought by both": Fork(
        (CREATED,), (SubmitStarted(PRICE), Sending(), Submitted("r-1")),
        (HELD, Released("b"), SubmitStarted(PRICE), Sending(), Submitted("r-2")),
        State.RUNNING, 2 * PRICE, ("r-1", "r-2"),
    ),
    "bought by the ledger": Fork(
        (CREATED,), (HELD,), (SubmitStarted(PRICE), Sending(), Submitted("r-2")),
        State.RUNNING, PRICE, ("r-2",),
    ),
    "sent by the journal, bought by the ledger": Fork(
        START, (Sending(), AnswerLost(TROUBLE)),
        (NotSent(TROUBLE), SubmitStarted(PRICE), Sending(), Submitted("r-2")),
        State.RUNNING, 2 * PRICE, ("r-2",),
    ),
    "bought by the journal, stopped by the ledger": Fork(
        (CREATED,), (SubmitStarted(PRICE), Sending(), Submitted("r-1")), (StopRequested(),),
        State.CANCELLED, PRICE, ("r-1",),
    ),
    "sent by both, and nothing else": Fork(
        START, (Sending(),), (Sending(), Submitted("r-2")), State.RUNNING, 2 * PRICE, ("r-2",)
    ),
    "one POST, its answer in the journal": Fork(
        SENT, (Submitted("r-1"), Done("u", PRICE)), (AnswerLost(TROUBLE),),
        State.DOWNLOADING, PRICE, ("r-1",),
    ),
    "one POST, answered in both": Fork(
        (*SENT, Submitted("r-1")), (Progress(3), StopRequested()), (Progress(5), Done("u", 9)),
        State.CANCELLED, 9, ("r-1",),
    ),
    "refused by the journal": Fork(
        START, (Sending(), Rejected(TROUBLE)), (NotSent(TROUBLE), HELD), State.UNKNOWN, 0
    ),
    "told later by the ledger, bought by the journal": Fork(
        SENT, (Submitted("r-1"),), (RATE,), State.UNKNOWN, PRICE, ("r-1",)
    ),
}  # fmt: skip


def forked(tmp_path: Path, fork: Fork, created: Created | None = None) -> tuple[Path, str]:
    """A folder as another version leaves it that went on with an older ledger; the id of its job."""
    created = created or Created(dataclasses.replace(make_spec(), id=new_id()))
    common = at_times(created, *fork.common[1:])
    first = at_times(*fork.journal)
    second = [(event, at + 500.0) for event, at in at_times(*fork.ledger)]
    folder = folder_with(tmp_path, [common + second], {})
    path = folder / "jobs" / f"{created.spec.id}.jsonl"
    lines, count = path.read_text("utf-8").splitlines(keepends=True), len(common)
    path.write_text("".join([*lines[:count], text_of(first, count + 1), *lines[count:]]), "utf-8")
    return folder, created.spec.id


@pytest.mark.parametrize("name", FORKS)
def test_both_of_two_records_are_kept(tmp_path: Path, name: str) -> None:
    fork = FORKS[name]
    folder, job_id = forked(tmp_path, fork)
    account = make_spec().account
    found: list[dict[str, Job]] = []
    for lost in (False, False, True):
        if lost:
            (folder / FILE_NAME).unlink()
        ledger = Ledger.open(folder)
        jobs = {job.id: job for job in ledger.jobs()}
        job = jobs[job_id]
        assert (job.state, job.held) == (fork.state, fork.held)
        assert ledger.spent(account, 0.0) == fork.spent
        assert sorted(one.request_id for one in jobs.values() if one.request_id) == list(fork.ids)
        sends = any(
            isinstance(event, Sending) for event in (*fork.common, *fork.journal, *fork.ledger)
        )
        in_posts = ledger.connection.execute("SELECT 1 FROM posts WHERE job = ?", (job_id,))
        assert lost or (in_posts.fetchone() is not None) == sends
        assert not any(one.open and one.state is State.QUEUED for one in jobs.values())
        ledger.close()
        found.append(jobs)
    assert found[0] == found[1]  # opened again, nothing is found anew
    assert found[0].keys() == found[2].keys()


@pytest.mark.parametrize("name", FORKS)
def test_two_records_are_found_once_though_their_journal_cannot_be_made_anew(
    tmp_path: Path, name: str
) -> None:
    folder, job_id = forked(tmp_path, FORKS[name])
    (folder / "jobs" / f"{job_id}.jsonl.part").mkdir()
    before = jobs_of(folder)
    after = jobs_of(folder)
    assert after.keys() == before.keys()
    assert {job.id: job.spent for job in after.values()} == {
        job.id: job.spent for job in before.values()
    }


@pytest.mark.parametrize("name", FORKS)
def test_two_records_of_a_job_that_the_ledger_does_not_know(tmp_path: Path, name: str) -> None:
    """It is older than the job, and the journal has two records of that."""
    fork = FORKS[name]
    folder, _ = forked(tmp_path, fork)
    make_older(folder, 0)
    jobs = jobs_of(folder)
    assert sorted(one.request_id for one in jobs.values() if one.request_id) == list(fork.ids)
    assert sum(job.spent for job in jobs.values()) >= fork.spent
    assert not any(one.open and one.state is State.QUEUED for one in jobs.values())


@pytest.mark.parametrize("name", FORKS)
def test_two_records_without_a_ledger_are_as_many(tmp_path: Path, name: str) -> None:
    """It is lost before this version sees them: the journal alone says that there were two POSTs."""
    fork = FORKS[name]
    folder, _ = forked(tmp_path, fork)
    (folder / FILE_NAME).unlink()
    jobs = jobs_of(folder)
    assert sorted(one.request_id for one in jobs.values() if one.request_id) == list(fork.ids)
    assert sum(job.spent for job in jobs.values()) >= fork.spent
    assert not any(one.open and one.state is State.QUEUED for one in jobs.values())


@pytest.mark.parametrize("name", FORKS)
@pytest.mark.parametrize("how", ["its file is put here", "its lines are added"])
def test_a_second_record_that_grows_is_gone_on_with(tmp_path: Path, name: str, how: str) -> None:
    """As another computer goes on with the copy that a sync tool brings, or 0.1.0 with the one that lies here."""
    fork = FORKS[name]
    folder, job_id = forked(tmp_path, dataclasses.replace(fork, journal=()))
    path = folder / "jobs" / f"{job_id}.jsonl"
    count = len(fork.common)
    common = path.read_text("utf-8").splitlines(keepends=True)[:count]
    lines = text_of(at_times(*fork.journal), count + 1).splitlines(keepends=True)
    for grown in range(1, len(lines) + 1):
        if "file" in how or grown == 1:
            path.write_text("".join([*common, *lines[:grown]]), "utf-8")
        else:
            with open(path, "a", encoding="utf-8") as file:
                file.write(lines[grown - 1])
        jobs = jobs_of(folder)
        assert jobs_of(folder) == jobs
        assert len(jobs) <= 2
    assert sorted({one.request_id for one in jobs.values()} - {""}) == list(fork.ids)
    assert not any(one.open and waits(one) and not one.held for one in jobs.values())
    spent = sum(job.spent for job in jobs.values())
    # What was refused looks sent until that is read, and counts until the artist says otherwise.
    assert spent == (PRICE if "refused" in name else fork.spent)


@pytest.mark.parametrize("output", [True, False])
def test_the_clips_of_two_records_come_at_once_and_whole(
    blender: Blender, service: StandIn, tmp_path: Path, output: bool
) -> None:
    """Both downloads are under way at the same time: neither takes or removes the other's file."""
    service.fail("job", "stall", times=2)
    blender.start()
    bought = [
        blender.until(blender.submit(duration=seconds), lambda job: job.request_id).request_id
        for seconds in (1, 2)
    ]
    blender.hang_up()
    spec = blender.spec(**({} if output else {"output": ""}))
    ours, theirs = ((SubmitStarted(PRICE), Sending(), Submitted(one)) for one in bought)
    fork = Fork((Created(spec),), theirs, ours, State.RUNNING, 0)
    folder, _ = forked(tmp_path, fork, Created(spec))
    shutil.rmtree(blender.data)
    folder.rename(blender.data)
    blender.reader.close()
    blender.reader = LedgerReader(blender.data)
    service.finish()
    service.fail("download", "drip", times=0, seconds=0.3, bytes=25_000)
    blender.start()
    places = (blender.project, blender.data / "clips")
    wait_for(
        lambda: len([part for place in places for part in place.glob("*.part")]) == 2,
        "both downloads to be under way",
    )
    jobs = {blender.until(spec.id, State.READY).id}
    jobs |= blender.reader.jobs.keys()
    clips = {blender.until(job_id, State.READY).request_id: job_id for job_id in jobs}
    frames = [probe(blender.reader.jobs[clips[one]].clip.path).frames for one in bought]
    assert frames == [25, 49]
    assert not [part for place in places for part in place.glob("*.part")]


def walk(
    chance: random.Random, job: Job | None, number: int, *, first: Created | None = None
) -> list[Event]:
    """Events that may happen to a job, one after the other; an id of its own for each POST."""
    happened: list[Event] = []
    if first is not None:
        happened.append(first)
        job = apply(None, first, 1.0)
    for _ in range(number):
        assert job is not None
        kinds = [cls for state, cls in TRANSITIONS if state is job.state]
        event = SAMPLES[chance.choice(kinds)]
        if isinstance(event, Submitted):
            event = Submitted(f"r-{chance.getrandbits(40):x}")
        with contextlib.suppress(IllegalTransition):
            if not (isinstance(event, NotSent) and job.sent):
                job = apply(job, event, 1.0)
                happened.append(event)
    return happened


@pytest.mark.parametrize("seed", range(25))
def test_no_two_records_lose_an_id_or_money(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    created = Created(dataclasses.replace(RICH, id=new_id()))
    common = walk(chance, None, chance.randrange(4), first=created)
    at_fork = replay(at_times(*common))
    ours, theirs = (walk(chance, at_fork, chance.randrange(1, 9)) for _ in range(2))
    folder, job_id = forked(
        tmp_path, Fork(tuple(common), tuple(theirs), tuple(ours), State.QUEUED, 0), created
    )
    one, other = (replay(at_times(*common, *branch)) for branch in (ours, theirs))
    for _ in range(2):
        jobs = jobs_of(folder)
        ids = {job.request_id for job in jobs.values()}
        assert {one.request_id, other.request_id} <= {*ids, ""}
        paid = [record.spent for record in (one, other) if record.sent]
        # Of one POST two records may say what it cost, or that it cost nothing.
        least = min if at_fork.sent else max
        assert sum(job.spent for job in jobs.values()) >= least(paid, default=0)
        if one.sent or other.sent:
            assert jobs[job_id].sent or not waits(jobs[job_id])


# ------------------------------------------------------------------------------------------- journals that say nothing


def link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "gone")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def empty(path: Path) -> None:
    path.touch()


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


def of_another(path: Path) -> None:
    told = at_times(Created(make_spec()), SubmitStarted(9), Sending(), Submitted("not-ours"))
    path.write_text(text_of(told), "utf-8")


def without_end(path: Path) -> None:
    """Two events take turns with one number."""
    turns = text_of(at_times(HELD), 2) + text_of(at_times(Released("x")), 2)
    path.write_text(turns * 20_000, "utf-8")


@pytest.mark.parametrize(
    "make",
    [pipe, huge, Path.mkdir, link_to_nowhere, link_to_itself, link_to_a_device, empty, noise, of_another,
     without_end],
)  # fmt: skip
def test_nothing_in_the_place_of_a_journal_changes_the_ledger(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    jobs = [at_times(Created(make_spec()), SubmitStarted(PRICE)) for _ in range(3)]
    folder = folder_with(tmp_path, jobs, {})
    before = jobs_of(folder)
    for told in jobs[:2]:
        path = folder / "jobs" / f"{_id(told)}.jsonl"
        path.unlink()
        make(path)
    make(folder / "jobs" / f"{new_id()}.jsonl")
    assert within(60, lambda: jobs_of(folder)) == before
    # What was sent by then is on record in a journal of its own, or was not sent.
    ledger = Ledger.open(folder)
    for told in jobs[:2]:
        with contextlib.suppress(Exception):
            ledger.append(_id(told), None, Sending())
    sent = {job.id: job.sent for job in ledger.jobs()}
    ledger.close()
    (folder / FILE_NAME).unlink()
    again = within(60, lambda: jobs_of(folder))
    assert all(again[job_id].sent for job_id, was in sent.items() if was)


@pytest.mark.parametrize("lost", ["", "half"])
def test_a_journal_that_is_behind_is_made_anew(tmp_path: Path, lost: str) -> None:
    told = at_times(*SENT, Submitted("r-1"), Done("u", 7))
    told[0] = (Created(make_spec()), told[0][1])
    folder = folder_with(tmp_path, [told], {})
    path = folder / "jobs" / f"{_id(told)}.jsonl"
    whole, before = path.read_bytes(), jobs_of(folder)
    path.unlink()
    if lost:
        path.write_text(text_of(told[:2]), "utf-8")
    assert jobs_of(folder) == before
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "line",
    [
        '{"seq": 2, "at": 1, "kind": "submit_started", "payload": {"reserved": -5}}',
        '{"seq": 2, "at": 1e300, "kind": "submit_started", "payload": {"reserved": 5}}',
        '{"seq": 2, "at": -1e9, "kind": "submit_started", "payload": {"reserved": 5}}',
        '{"seq": -2, "at": 1, "kind": "sending", "payload": {}}',
        '{"seq": 99999999999999999999, "at": 1, "kind": "sending", "payload": {}}',
        '{"seq": 2, "at": 1, "kind": "sending", "payload": {}}',
    ],
)
def test_a_line_that_no_ledger_has_written_frees_no_money(tmp_path: Path, line: str) -> None:
    told = at_times(Created(make_spec()))
    folder = folder_with(tmp_path, [told], {_id(told): f"{text_of(told)}{line}\n"})
    ledger = Ledger.open(folder)
    (job,) = ledger.jobs()
    assert job.spent >= 0
    assert job.started_at < time.time() + 1
    ledger.limits()
    ledger.close()


def test_an_event_of_a_newer_version_is_taken_in(tmp_path: Path) -> None:
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending(), Submitted("r-1"))
    newer = '{"seq": 5, "at": 1004.0, "kind": "dreamt", "payload": {"of": 1}}\n'
    folder = folder_with(tmp_path, [told[:1]], {_id(told): text_of(told) + newer})
    job = jobs_of(folder)[_id(told)]
    assert (job.state, job.request_id, job.driven) == (State.RUNNING, "r-1", False)


# -------------------------------------------------------------------------------------------------- limits, lengths


def test_limits_of_an_older_ledger_are_those_of_their_copy(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    Ledger.open(folder).close()
    older = (folder / FILE_NAME).read_bytes()
    ledger = Ledger.open(folder)
    ledger.commands.apply({"id": "c", "command": "limits", "day": 5, "month": 9})
    ledger.close()
    (folder / FILE_NAME).write_bytes(older)
    ledger = Ledger.open(folder)
    assert ledger.limits() == Limits(5, 9)
    ledger.close()


def test_a_copy_of_the_limits_that_cannot_be_read_counts_beside_an_older_ledger_only(
    tmp_path: Path,
) -> None:
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending(), Submitted("r-1"))
    folder = folder_with(tmp_path, [told[:1]], {})
    write_limits(folder, {"day": 5, "month": 9, "count_loopback": 0})
    Ledger.open(folder).close()
    (folder / LIMITS_NAME).write_bytes(b"noise")
    for ahead, limits in ((False, Limits(5, 9)), (True, Limits(1, 9))):
        if ahead:
            (folder / "jobs" / f"{_id(told)}.jsonl").write_text(text_of(told), "utf-8")
        ledger = Ledger.open(folder)
        assert ledger.limits() == limits
        ledger.close()


@pytest.fixture
def read(patches: Patches) -> list[str]:
    """The jobs whose journals were read, in their order."""
    read: list[str] = []
    real = Journals.read

    def noted(self: Journals, job_id: str) -> bytes | None:
        read.append(job_id)
        return real(self, job_id)

    patches.set(Journals, "read", noted)
    return read


def test_only_journals_that_changed_are_read(tmp_path: Path, read: list[str]) -> None:
    jobs = [at_times(Created(make_spec()), SubmitStarted(PRICE), Sending()) for _ in range(20)]
    folder = folder_with(tmp_path, jobs, {})
    jobs_of(folder)
    assert read == []
    longer = _id(jobs[7])
    with open(folder / "jobs" / f"{longer}.jsonl", "a", encoding="utf-8") as file:
        file.write(text_of(at_times(Submitted("r-1")), 4))
    assert jobs_of(folder)[longer].request_id == "r-1"
    assert read == [longer]
    jobs_of(folder)
    assert read == [longer]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("what", ["a journal", "the folder"])
@pytest.mark.parametrize("known", [0, 1, 2])
def test_what_cannot_be_read_for_a_moment_is_not_passed_over(
    tmp_path: Path, known: int, what: str, code: int
) -> None:
    """As while a scanner of Windows looks at it: the ledger is not opened, says why, and the next one reads it."""
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending(), Submitted("r-1"))
    folder = folder_with(tmp_path, [told], {})
    make_older(folder, known)
    lost = not known
    if lost:
        (folder / FILE_NAME).unlink()
    error = OSError(code, os.strerror(code))
    with Patches() as patches, pytest.MonkeyPatch.context() as system:
        if what == "a journal":
            patches.set(journal, "read_file", raising(error), copies_ok="other files are read")
        else:
            system.setattr(os, "scandir", raising(error))
        for _ in range(2):
            with pytest.raises(LedgerUnwritable) as refused:
                Ledger.open(folder)
            named = "the folder jobs" if what == "the folder" else f"jobs/{_id(told)}.jsonl"
            assert f"{named} cannot be read ({error.strerror})" in str(refused.value)
    ledger = Ledger.open(folder)
    job = ledger.job(_id(told))
    assert job is not None
    assert (job.request_id, job.spent) == ("r-1", PRICE)
    assert ledger.rebuilt == lost
    ledger.close()


def raising(error: OSError) -> Callable[..., object]:
    def fails(*_: object) -> object:
        raise error

    return fails


def test_a_job_whose_post_is_on_record_keeps_nobody_out(tmp_path: Path) -> None:
    """And what its journal says beyond that is read when it can be, whatever was recorded in between."""
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending(), Submitted("r-1"))
    folder = folder_with(tmp_path, [told], {})
    with open(folder / "jobs" / f"{_id(told)}.jsonl", "a", encoding="utf-8") as file:
        file.write(text_of(at_times(Done("u", PRICE + 3)), 5))
    with Patches() as patches:
        patches.set(journal, "read_file", raising(OSError(errno.EIO, "bad")), copies_ok="one")
        ledger = Ledger.open(folder)
    assert ledger.append(_id(told), None, Progress(3)).spent == PRICE
    ledger.close()
    assert jobs_of(folder)[_id(told)].spent == PRICE + 3


@pytest.mark.parametrize("between", [True, False])
def test_lines_of_others_are_read_whatever_was_written_after_them(
    tmp_path: Path, between: bool
) -> None:
    """A worker goes on with a job whose journal another one has brought forward: by a sync tool, or 0.1.0's."""
    told = at_times(Created(make_spec()))
    folder = folder_with(tmp_path, [told], {})
    ledger = Ledger.open(folder)
    with open(folder / "jobs" / f"{_id(told)}.jsonl", "a", encoding="utf-8") as file:
        file.write(text_of(at_times(SubmitStarted(PRICE), Sending(), Submitted("r-1")), 2))
    if between:
        ledger.append(_id(told), None, HELD)
        ledger.append(_id(told), None, Released("b"))
    ledger.close()
    jobs = jobs_of(folder)
    assert [job.request_id for job in jobs.values() if job.request_id] == ["r-1"]
    assert not any(waits(job) for job in jobs.values())


def test_another_journal_of_the_same_length_is_read(tmp_path: Path, read: list[str]) -> None:
    told = at_times(Created(make_spec()))
    branch = text_of(at_times(SubmitStarted(PRICE), Sending(), Submitted("r-1")), 2)
    folder = folder_with(tmp_path, [told], {})
    path = folder / "jobs" / f"{_id(told)}.jsonl"
    common = path.read_text("utf-8")
    ledger = Ledger.open(folder)
    room = len(branch) - len(text_of(at_times(Held(Problem(ProblemCode.HELD, ""))), 2))
    held = Held(Problem(ProblemCode.HELD, "x" * room))
    ledger.append(_id(told), None, held, at=1000.5)
    ledger.close()
    assert path.stat().st_size == len(common + branch)
    path.write_text(common + branch, "utf-8")
    jobs = jobs_of(folder)
    assert [job.request_id for job in jobs.values() if job.request_id] == ["r-1"]
    assert jobs_of(folder) == jobs
    assert read == [_id(told)]


def test_what_was_taken_in_is_said_and_one_step_is_not(tmp_path: Path) -> None:
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending(), Submitted("r-1"))
    for known, said in ((3, ""), (1, "1 clip")):
        folder = folder_with(tmp_path, [told[:known]], {_id(told): text_of(told)})
        jobs_of(folder)
        with contextlib.closing(LedgerReader(folder)) as reader:
            reader.refresh(1.0)
            message = reader.notices.get(REBUILT, {}).get("message", "")
        assert said in message if said else message == ""


def test_on_a_full_disk_nothing_is_taken_in_by_halves(tmp_path: Path) -> None:
    """Nothing is taken in by halves: the next opening finds the same."""
    told = at_times(Created(make_spec()), SubmitStarted(PRICE), Sending(), Submitted("r-1"))
    folder = folder_with(tmp_path, [told[:1]], {_id(told): text_of(told)})
    before = (folder / FILE_NAME).read_bytes()
    with Patches() as patches:
        patches.set(Store, "keep_mark", full_disk)
        with pytest.raises(LedgerUnwritable):
            Ledger.open(folder)
    assert (folder / FILE_NAME).read_bytes() == before
    assert jobs_of(folder)[_id(told)].request_id == "r-1"


def full_disk(*_: object) -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


# ----------------------------------------------------------------------------------- all of the folder is older


@pytest.mark.parametrize("clip", ["is there", "was moved away"])
def test_a_folder_that_is_older_altogether_buys_no_clip_that_was_bought(
    blender: Blender, service: StandIn, clip: str
) -> None:
    """Nothing in it can know; but the clip's JSON lies beside the .blend, and says whose it is."""
    blender.start()
    spec = blender.spec()
    before = blender.folder / "before"
    ledger = Ledger.open(before)
    ledger.append(spec.id, 0, Created(spec), at=time.time() - 700)
    ledger.close()
    blender.say("submit", spec=spec)
    made = blender.until(spec.id, State.READY).clip
    assert made is not None
    blender.hang_up()
    if clip == "was moved away":
        os.replace(made.path, blender.folder / "shot_010.mp4")
    shutil.rmtree(blender.data)
    os.replace(before, blender.data)
    blender.reader.close()
    blender.reader = LedgerReader(blender.data)
    blender.start()
    blender.until(spec.id, lambda job: job.held)
    held = blender.until(spec.id, lambda job: job.held)
    blender.say("release", job=spec.id, session=blender.session)
    again = blender.until(spec.id, lambda job: job.held and job.seq > held.seq)
    assert again.problem is not None
    assert "bought before" in again.problem.message
    assert len(posts(service)) == 1

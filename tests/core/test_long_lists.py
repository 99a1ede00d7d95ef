"""Lists of thousands of jobs and inboxes of thousands of commands: what is read first, and how much at a time.

How long that takes measures ``scripts/bench.py``; here the order and the counts are held.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import (
    Created,
    Done,
    Downloaded,
    Event,
    ImportClaimed,
    Imported,
    Sending,
    StopRequested,
    SubmitStarted,
    Submitted,
)
from grok_video.core.job import OPEN_STATES, Job, State, apply
from grok_video.core.paths import spelling
from grok_video.core.spec import Clip, Target, new_id
from grok_video.ledger import inbox as inbox_module
from grok_video.ledger import reader as reader_module
from grok_video.ledger.errors import LedgerUnwritable
from grok_video.ledger.inbox import Inbox, put_command
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.listing import Listing
from grok_video.ledger.reader import LedgerReader
from grok_video.worker.desk import Desk, RunningCall
from grok_video.worker.http.call import Call
from grok_video.worker.process import Parent
from grok_video.worker.worker import Worker
from tests.core.conftest import make_spec
from tests.patching import Patches

SENT: list[Event] = [SubmitStarted(7), Sending(), Submitted("request")]
CLIP = Clip("/clips/clip.mp4", 4_000_000, 1280, 720, 24.0, 145, 6.04, True)
CAME: list[Event] = [*SENT, Done("http://127.0.0.1/clip.mp4", 7), Downloaded(CLIP)]


def make(ledger: Ledger, *happened: Event) -> str:
    spec = make_spec()
    for event in (Created(spec), *happened):
        ledger.append(spec.id, None, event)
    return spec.id


# ------------------------------------------------------------------------------------------------- the reader


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.open(tmp_path)
    made.connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug here
    yield made
    made.close()


@pytest.fixture
def parsed(patches: Patches) -> list[str]:
    """The snapshots that were made jobs, in their order."""
    texts: list[str] = []
    real = reader_module._from_snapshot

    def noted(text: str) -> Job | None:
        texts.append(text)
        return real(text)

    patches.set(reader_module, "_from_snapshot", noted)
    return texts


def read(reader: LedgerReader) -> None:
    while reader.refresh(0.0):
        pass


def test_the_newest_jobs_are_there_after_the_first_slices(ledger: Ledger, tmp_path: Path) -> None:
    made = [make(ledger) for _ in range(40)]
    reader = LedgerReader(tmp_path)
    for read_by_now in range(1, 9):
        assert reader.refresh(0.0)
        assert [job.id for job in reader.listing.all] == made[: -read_by_now - 1 : -1]
    assert reader.behind
    read(reader)
    assert [job.id for job in reader.listing.all] == made[::-1]
    assert not reader.behind
    reader.close()


@pytest.mark.parametrize("read_before", [1, 5, 19])
def test_what_changes_while_the_list_is_read_is_read_next_and_once(
    ledger: Ledger, tmp_path: Path, parsed: list[str], read_before: int
) -> None:
    made = [make(ledger) for _ in range(20)]
    reader = LedgerReader(tmp_path)
    for _ in range(read_before):
        reader.refresh(0.0)
    ledger.append(made[3], None, StopRequested())
    newer = make(ledger)
    parsed.clear()
    for _ in range(2):
        reader.refresh(0.0)
    assert reader.jobs[made[3]].state is State.CANCELLED
    assert reader.listing.all[0].id == newer
    read(reader)
    assert list(reader.jobs) == [*made, newer]
    rest = 20 - read_before - (made[3] not in made[20 - read_before :])
    assert len(parsed) == 2 + rest  # none twice
    reader.close()


def test_a_slice_makes_no_more_jobs_in_a_long_list_than_in_a_short_one(
    ledger: Ledger, tmp_path: Path, parsed: list[str]
) -> None:
    """One row for one slice without time, however many were read; nothing that was read is looked at again."""
    for _ in range(60):
        make(ledger)
    reader = LedgerReader(tmp_path)
    counts: list[int] = []
    while reader.refresh(0.0):
        counts.append(len(parsed))
    assert counts == list(range(1, 61))
    reader.close()


def test_a_job_of_a_newer_list_is_where_it_was_made(ledger: Ledger, tmp_path: Path) -> None:
    """Last changed is not last made: the list shows jobs in the order of their clicks."""
    made = [make(ledger, *SENT) for _ in range(12)]
    ledger.append(made[2], None, StopRequested())
    reader = LedgerReader(tmp_path)
    read(reader)
    assert [job.id for job in reader.listing.all] == made[::-1]
    assert list(reader.jobs) == made
    reader.close()


def test_a_list_of_another_fold_is_read_from_its_end_too(ledger: Ledger, tmp_path: Path) -> None:
    made = [make(ledger, *CAME) for _ in range(9)]
    ledger.connection.execute("UPDATE jobs SET fold = 'older'")
    reader = LedgerReader(tmp_path)
    reader.refresh(0.0)
    assert list(reader.jobs) == made[-1:]
    read(reader)
    assert [job.state for job in reader.listing.active] == [State.READY] * 9
    reader.close()


# ------------------------------------------------------------------------------------------------- the listing


def job_after(*happened: Event, blend: str = "", slot: str = "", **changes: Any) -> Job:
    job: Job | None = None
    spec = make_spec(**changes, target=Target("session-a", blend, "Scene", 1, slot=slot))
    for event in (Created(spec), *happened):
        job = apply(job, event, 1000.0)
    assert job is not None
    return job


ENDS: list[list[Event]] = [[], SENT, CAME, [StopRequested()]]


def test_the_parts_of_the_list_are_what_a_walk_over_all_jobs_gives() -> None:
    dice = random.Random(11)
    listing, firsts = Listing(), dict[str, int]()
    for number in range(200):
        again = number > 20 and dice.random() < 0.5
        job = job_after(*dice.choice(ENDS), id=dice.choice(list(firsts)) if again else new_id())
        listing.put(job, firsts.setdefault(job.id, dice.randrange(10**6)))
    order = sorted(firsts, key=firsts.__getitem__)
    jobs = [listing[job_id] for job_id in order]
    active = [job for job in jobs if job.state in OPEN_STATES or job.state is State.READY]
    assert list(listing) == order
    assert list(listing.all) == jobs[::-1]
    assert list(listing.active) == active[::-1]
    assert list(listing.done) == [job for job in jobs[::-1] if job not in active]
    assert list(listing.open) == [job for job in active[::-1] if job.open]
    assert listing.all[5:13] == tuple(jobs[::-1][5:13])
    assert (listing.all[0], listing.all[-1]) == (jobs[-1], jobs[0])
    assert listing.all[len(jobs) :] == ()


def test_only_clips_for_the_open_file_and_of_own_clicks_are_looked_at_for_an_import() -> None:
    listing = Listing()
    theirs = [job_after(*CAME, blend="/b.blend") for _ in range(20)]
    mine = [job_after(*CAME, blend="/a.blend") for _ in range(2)]
    own, queued = job_after(*CAME, blend=""), job_after(blend="/a.blend")
    for number, job in enumerate([*theirs, *mine, own, queued]):
        listing.put(job, number)
    others = [own.id, queued.id, "not read yet"]
    assert listing.ready_for([spelling("/a.blend")], others) == [own, *mine[::-1]]
    imported = job_after(
        *CAME, ImportClaimed("x"), Imported("Scene", ""), blend="/a.blend", id=mine[1].id
    )
    listing.put(imported, 21)
    assert listing.ready_for([spelling("/a.blend")], others) == [own, mine[0]]
    assert listing.ready_for([spelling("/c.blend")], []) == []


def test_the_takes_of_a_slot_are_its_jobs_in_the_order_in_which_they_were_made() -> None:
    listing = Listing()
    alone = job_after(*CAME)  # of 0.3.0: the first take of a slot that is called like the job
    slots = ["a" * 32, "b" * 32, "a" * 32, alone.id]
    takes = [job_after(id=new_id(), slot=slot) for slot in slots]
    for number, job in enumerate([*takes, alone]):
        listing.put(job, 9 - number)
        listing.put(job, 9 - number)
    assert listing.takes_of("a" * 32) == [takes[2], takes[0]]
    assert listing.takes_of("b" * 32) == [takes[1]]
    assert listing.takes_of(alone.id) == [alone, takes[3]]
    assert listing.takes_of("c" * 32) == []


def test_the_jobs_of_a_shot_are_found_by_the_mark_of_its_row() -> None:
    """As they are now, oldest first; jobs of no list are nobody's."""
    listing = Listing()
    first, other, second = (job_after(id=new_id()) for _ in range(3))
    marked = [
        replace(job, spec=replace(job.spec, shot=mark))
        for job, mark in ((first, "a"), (other, "b"), (second, "a"))
    ]
    for number, job in ((7, marked[2]), (3, marked[0]), (5, marked[1]), (1, job_after())):
        listing.put(job, number)
    came = job_after(*CAME, id=first.id)
    came = replace(came, spec=replace(came.spec, shot="a"))
    listing.put(came, 3)
    assert listing.of_shot("a") == [came, marked[2]]
    assert listing.of_shot("b") == [marked[1]]
    assert listing.of_shot("c") == []
    assert listing.of_shot("") == []


# ------------------------------------------------------------------------------------------------- the inbox


def until_nothing_is_left(inbox: Inbox, enough: Callable[[], bool]) -> list[list[str]]:
    """Ids of the commands, take by take; each file is removed as the worker does."""
    takes: list[list[str]] = []
    while True:
        taken: list[str] = []
        for path, command in inbox.take(enough):
            taken.append(command["id"])
            path.unlink()
        takes.append(taken)
        if not inbox:
            return takes


def test_commands_are_taken_one_by_one_and_read_once(tmp_path: Path, patches: Patches) -> None:
    said = [put_command(tmp_path, "stop", job="x") for _ in range(12)]
    opened: list[str] = []
    real = inbox_module.read_file

    def noted(path: Path, most: int) -> bytes:
        opened.append(path.name)
        return real(path, most)

    patches.set(inbox_module, "read_file", noted, copies_ok="only the inbox is read here")
    inbox = Inbox(tmp_path)
    takes = until_nothing_is_left(inbox, lambda: True)
    assert [one for taken in takes for one in taken] == said  # however the folder lists them
    assert max(map(len, takes)) == 1
    assert sorted(opened) == sorted(f"{one}.command" for one in said)


def test_what_is_said_meanwhile_comes_after_what_was_said_before(tmp_path: Path) -> None:
    before = [put_command(tmp_path, "stop", job="x") for _ in range(5)]
    inbox = Inbox(tmp_path)
    taken: list[str] = []
    for path, command in inbox.take(lambda: len(taken) == 2):
        taken.append(command["id"])
        path.unlink()
    after = put_command(tmp_path, "stop", job="x")
    rest = until_nothing_is_left(inbox, lambda: False)
    rest += until_nothing_is_left(inbox, lambda: False)
    assert taken + [one for take in rest for one in take] == [*before, after]


def test_a_command_whose_doing_failed_is_the_next_again(tmp_path: Path) -> None:
    said = [put_command(tmp_path, "stop", job="x") for _ in range(3)]
    inbox = Inbox(tmp_path)

    def fail() -> None:
        for _ in inbox.take(lambda: False):
            raise LedgerUnwritable("The disk is full.")

    with pytest.raises(LedgerUnwritable):
        fail()
    assert until_nothing_is_left(inbox, lambda: False) == [said]


def test_a_command_that_another_worker_has_done_is_not_done_again(tmp_path: Path) -> None:
    said = [put_command(tmp_path, "stop", job="x") for _ in range(3)]
    inbox = Inbox(tmp_path)
    assert list(inbox.take(lambda: True)) == []  # one was read
    (tmp_path / "inbox" / f"{said[1]}.command").unlink()
    assert until_nothing_is_left(inbox, lambda: False) == [[said[0], said[2]]]


@pytest.mark.parametrize("folder", ["none", "empty", "of no commands"])
def test_an_inbox_without_commands_gives_none(tmp_path: Path, folder: str) -> None:
    if folder != "none":
        (tmp_path / "inbox").mkdir()
    if folder == "of no commands":
        (tmp_path / "inbox" / "x.command").write_text("[", "utf-8")
        (tmp_path / "inbox" / "y.txt").write_text("{}", "utf-8")
    inbox = Inbox(tmp_path)
    assert list(inbox.take(lambda: False)) == []
    assert not inbox


# ------------------------------------------------------------------------------------------------- the worker


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(Desk(tmp_path, "session-a", new_id(), 0o022), Parent())
    made.desk.ledger.connection.execute("PRAGMA synchronous = OFF")
    yield made
    made.desk.ledger.close()


def under_way(worker: Worker, event: Event) -> RunningCall:
    """A POST in flight whose last byte has left, with what its answer will be."""
    spec, ledger = make_spec(session="session-a"), worker.desk.ledger
    ledger.append(spec.id, 0, Created(spec))
    ledger.leases.take(spec.id, worker.desk.id)
    for happened in (SubmitStarted(1), Sending()):
        ledger.append(spec.id, None, happened, worker=worker.desk.id)
    call = worker.desk.running[spec.id] = RunningCall("submit", spec.id, Call())
    call.sent, call.events = True, [event]
    return call


def order_of_commits(worker: Worker) -> list[tuple[str, str]]:
    rows = worker.desk.ledger.connection.execute("SELECT job, kind FROM events ORDER BY n")
    return rows.fetchall()


@pytest.mark.parametrize("reports_at", [1, 7, 29])
def test_the_id_of_a_paid_post_is_on_record_before_the_next_command(
    worker: Worker, tmp_path: Path, patches: Patches, reports_at: int
) -> None:
    """However many commands wait: the answer that comes while one is taken is the next that is committed."""
    call = under_way(worker, Submitted("paid"))
    waiting = [make_spec(session="another") for _ in range(30)]
    for spec in waiting:
        put_command(tmp_path, "submit", spec=spec)
    taken: list[str] = []
    commands = worker.desk.ledger.commands
    real = commands.apply

    def applied(command: dict[str, Any]) -> None:
        real(command)
        taken.append(command["spec"]["id"])
        if len(taken) == reports_at:  # as the thread of a call does
            worker.desk.messages.put(("call", call))
            worker.desk.reported.set()

    patches.set(commands, "apply", applied)
    while len(taken) < len(waiting):
        worker._wait(worker._turn())
    kinds = [job if kind == "created" else kind for job, kind in order_of_commits(worker)]
    paid = kinds.index("submitted")
    made = [one for one in kinds[:paid] if one in taken]
    assert made == [spec.id for spec in waiting[:reports_at]]
    job = worker.desk.ledger.job(call.job_id)
    assert job is not None
    assert job.request_id == "paid"


def test_a_command_that_is_left_lets_the_worker_look_again_at_once(
    worker: Worker, tmp_path: Path
) -> None:
    for _ in range(3):
        put_command(tmp_path, "submit", spec=make_spec(session="another"))
    worker.desk.reported.set()
    assert worker._turn() == 0.0  # and not in a second
    assert len(os.listdir(tmp_path / "inbox")) == 3  # one was read, and nothing else
    while worker._inbox:
        worker._wait(0.0)
        worker._turn()
    assert os.listdir(tmp_path / "inbox") == []

"""The ledger: one POST per job, shared by processes, torn, damaged, newer, full."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_video.core.events import (
    MONEY_EVENTS,
    AnswerLost,
    Billed,
    Bought,
    Created,
    Done,
    Downloaded,
    Event,
    FetchAgain,
    FetchedAgain,
    FetchLink,
    Held,
    Imported,
    NotSent,
    Progress,
    Rejected,
    Sending,
    ServiceFailed,
    StopRequested,
    SubmitStarted,
    Submitted,
)
from grok_video.core.files import default_data_dir
from grok_video.core.job import IllegalTransition, Job, State
from grok_video.core.payload import spec_from_payload, spec_to_payload
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import Clip, new_id
from grok_video.core.spending import LARGEST_LIMIT
from grok_video.ledger import journal as journal_module
from grok_video.ledger import leases as leases_module
from grok_video.ledger.errors import (
    CommandRefused,
    LeaseLost,
    LedgerDamaged,
    LedgerNewer,
    LedgerUnwritable,
    StaleJob,
)
from grok_video.ledger.inbox import put_command, waiting_commands
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.locks import FileLock, is_held
from grok_video.ledger.reader import LedgerReader, Tail
from grok_video.ledger.schema import FILE_NAME, SCHEMA
from grok_video.ledger.store import LATER_STATUS
from tests.core.conftest import ROOT, make_spec, wait_for
from tests.patching import Patches
from tests.patience import PATIENCE, at_once
from tests.posix import posix

RATE = NotSent(Problem(ProblemCode.RATE, "Too many requests.", http_status=429))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    odd = (
        "#1é%" if sys.platform == "win32" else "#1é%?"
    )  # what SQLite would read otherwise in an address
    return tmp_path / f"a folder {odd}"


@pytest.fixture
def ledger(data_dir: Path) -> Iterator[Ledger]:
    opened = Ledger.open(data_dir)
    yield opened
    opened.close()


def create(ledger: Ledger, **changes: object) -> Job:
    spec = make_spec(**changes)
    return ledger.append(spec.id, 0, Created(spec))


def send(ledger: Ledger, job: Job, *more: object) -> Job:
    for event in (SubmitStarted(job.spec.estimate or 0), Sending(), *more):
        job = ledger.append(job.id, job.seq, event)  # type: ignore[arg-type]
    return job


def raw(data_dir: Path) -> sqlite3.Connection:
    made = sqlite3.connect(data_dir / FILE_NAME, isolation_level=None)
    # As the ledger's own: a connection that deletes the journal cannot on Windows, where the ledger has it open.
    made.execute("PRAGMA journal_mode = TRUNCATE")
    return made


# ---------------------------------------------------------------------------------------- one POST per job


def test_a_second_last_byte_is_refused(ledger: Ledger) -> None:
    job = send(ledger, create(ledger))
    with pytest.raises(IllegalTransition):
        ledger.append(job.id, job.seq, Sending())
    with pytest.raises(IllegalTransition):
        ledger.append(job.id, job.seq, NotSent(Problem(ProblemCode.NETWORK, "Broke off.")))
    assert ledger.job(job.id) == job


def test_the_database_itself_refuses_a_second_post(ledger: Ledger, data_dir: Path) -> None:
    """Whatever the code above it believes: even an event written past it fails."""
    job = send(ledger, create(ledger), AnswerLost(Problem(ProblemCode.ANSWER_LOST, "Lost.")))
    row = "INSERT INTO events(job, seq, at, kind, payload) VALUES (?, ?, 0, ?, ?)"
    with raw(data_dir) as other:
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(row, (job.id, 90, "sending", "{}"))
        lost = json.dumps({"problem": {"code": "NETWORK", "message": "Broke off."}})
        other.execute(row, (job.id, 91, "not_sent", lost))
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(row, (job.id, 92, "sending", "{}"))
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(row, (job.id, 1, "progress", "{}"))


@pytest.mark.parametrize("status", [425, 429])
def test_later_takes_the_post_back(ledger: Ledger, status: int) -> None:
    later = NotSent(Problem(ProblemCode.RATE, "Later.", http_status=status))
    job = send(ledger, create(ledger), later)
    assert (job.state, job.reserved) == (State.QUEUED, 0)
    assert send(ledger, job).sent


def test_an_event_is_decided_on_what_is_on_record(ledger: Ledger) -> None:
    job = create(ledger)
    ledger.append(job.id, job.seq, SubmitStarted(1))
    with pytest.raises(StaleJob):
        ledger.append(job.id, job.seq, SubmitStarted(1))
    with pytest.raises(StaleJob):
        ledger.append(job.id, 0, Created(job.spec))


# --------------------------------------------------------------------------------------- several processes

APPENDER = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from grok_video.core.events import *
from grok_video.core.job import *
from grok_video.ledger.errors import *
from grok_video.ledger.ledger import *
ledger = Ledger.open(Path(sys.argv[2]))
won = 0
for _ in range(25):
    while True:
        job = ledger.job(sys.argv[3])
        try:
            ledger.append(job.id, job.seq, Progress(job.seq))
            won += 1
            break
        except StaleJob:
            continue
try:
    ledger.append(sys.argv[4], None, Sending()); won += 1000
except IllegalTransition:
    pass
print(won)
"""


def test_many_writers_one_history(ledger: Ledger, data_dir: Path) -> None:
    """Four processes append to one job: nothing is lost or doubled, and one of them gets to send."""
    job = send(ledger, create(ledger), Submitted("r"))
    other = create(ledger)
    other = ledger.append(other.id, other.seq, SubmitStarted(1))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(ROOT), str(data_dir), job.id, other.id],
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    won = [int(process.communicate(timeout=PATIENCE)[0]) for process in processes]
    assert sum(won) == 4 * 25 + 1000
    after = ledger.job(job.id)
    assert after is not None
    assert after.seq == job.seq + 100
    assert [event for event, _ in ledger.events(job.id)][4:] == [
        Progress(seq) for seq in range(job.seq, after.seq)
    ]


def test_a_writer_killed_in_a_transaction_leaves_nothing(ledger: Ledger, data_dir: Path) -> None:
    """Its journal is rolled back by the next writer; a reader says *next time*, not *damaged*."""
    job = create(ledger)
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode=TRUNCATE'); c.execute('PRAGMA cache_size=1')\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        "c.execute('UPDATE jobs SET snapshot = ?', ('x' * 3000000,))\n"
        "c.execute(\"INSERT INTO notices(id, payload) VALUES ('torn', '{}')\")\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(data_dir / FILE_NAME)], check=False)
    assert (data_dir / f"{FILE_NAME}-journal").stat().st_size > 0
    reader = LedgerReader(data_dir)
    reader.refresh(1.0)
    assert reader.trouble == ""
    ledger.append(job.id, job.seq, StopRequested())
    wait_for(lambda: reader.refresh(1.0) or reader.jobs, "the reader to see it")
    assert reader.jobs[job.id].state is State.CANCELLED
    assert "torn" not in reader.notices
    reader.close()


def test_leases_follow_the_locks(
    ledger: Ledger, data_dir: Path, holder: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    job = create(ledger)
    process = holder(data_dir / "workers" / "other.lock")
    assert ledger.leases.take(job.id, "other") == 0
    assert ledger.leases.take(job.id, "me") is None
    assert ledger.leases.taken("me") == {job.id}
    with pytest.raises(LeaseLost):
        ledger.append(job.id, job.seq, SubmitStarted(1), worker="me")
    process.kill()
    process.wait()
    assert ledger.leases.taken("me") == set()
    assert ledger.leases.take(job.id, "me") == 1
    ledger.append(job.id, job.seq, SubmitStarted(1), worker="me")
    with pytest.raises(LeaseLost):
        ledger.append(job.id, None, Sending(), worker="other")


@posix("no process can be stopped there")
def test_a_stopped_holder_is_no_dead_holder(
    ledger: Ledger, data_dir: Path, holder: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    import signal

    process = holder(data_dir / "workers" / "other.lock")
    process.send_signal(signal.SIGSTOP)
    assert ledger.leases.alive("other")
    process.send_signal(signal.SIGCONT)
    assert not ledger.leases.alive("nobody")


def test_a_drive_that_tells_no_file_from_another_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    holder: Callable[[Path], subprocess.Popen[bytes]],
) -> None:
    """Some drives of networks and clouds give a file another id at each look: nothing waits for ever there."""
    folder = tmp_path / "workers"
    folder.mkdir()
    process = holder(folder / "other.lock")
    monkeypatch.setattr(os.path, "samestat", lambda *_: False)
    with pytest.raises(OSError, match="tells no file from another"):
        FileLock.take(folder / "mine.lock")
    assert is_held(folder / "other.lock")
    process.kill()
    process.wait()
    assert not is_held(folder / "other.lock")
    with pytest.raises(LedgerUnwritable, match="tells no file from another"):
        Ledger.open(tmp_path, worker="mine")


def test_a_worker_with_a_job_keeps_its_lock_where_it_is_taken_for_dead(
    ledger: Ledger, data_dir: Path, patches: Patches
) -> None:
    """Without the file at its path a worker that lives is dead for everybody, and for ever."""
    ledger.leases.take(create(ledger).id, "busy")
    for worker in ("busy", "idle"):
        ledger.leases.register(worker, "session-b")
        (data_dir / "workers" / f"{worker}.lock").touch()
    # As where the lock cannot be tried.
    patches.set(leases_module, "is_held", lambda _path: False, copies_ok="is a file put by?")
    ledger.leases.register("new", "session-a")
    assert [path.name for path in (data_dir / "workers").iterdir()] == ["busy.lock"]


def test_crashes_are_counted_until_the_job_comes_forward(ledger: Ledger) -> None:
    job = create(ledger)
    for count in range(3):
        assert ledger.leases.take(job.id, f"worker-{count}") == count
    job = send(ledger, job)
    assert ledger.leases.take(job.id, "worker-3") == 3
    ledger.append(job.id, job.seq, Submitted("r"))
    assert ledger.leases.take(job.id, "worker-4") == 1


@pytest.mark.deadline
def test_the_reader_never_waits(ledger: Ledger, data_dir: Path) -> None:
    create(ledger)
    reader = LedgerReader(data_dir)
    assert reader.refresh(1.0)
    with raw(data_dir) as other:
        other.execute("BEGIN EXCLUSIVE")
        start = time.perf_counter()
        assert not reader.refresh(1.0)
        assert time.perf_counter() - start < at_once(0.1)
        assert reader.trouble == ""
        other.execute("ROLLBACK")
    create(ledger)
    assert reader.refresh(1.0)
    assert len(reader.jobs) == 2
    reader.close()


def test_the_reader_shows_what_it_read_before_it_was_kept_from_reading_on(
    ledger: Ledger, data_dir: Path
) -> None:
    """A worker that writes between two reads of one look: what the first read brought is shown."""
    reader = LedgerReader(data_dir)
    job = create(ledger)
    real = Tail.read

    def then_busy(self: object, connection: sqlite3.Connection, limit: int, until: float) -> bool:
        if real(self, connection, limit, until):  # type: ignore[arg-type]
            return True
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    with Patches() as patches:
        patches.set(Tail, "read", then_busy)
        assert reader.refresh(1.0)
    assert reader.jobs[job.id] == job
    assert not reader.refresh(1.0)
    reader.close()


def test_the_reader_keeps_to_its_budget_and_carries_on(ledger: Ledger, data_dir: Path) -> None:
    made = [create(ledger).id for _ in range(60)]
    reader = LedgerReader(data_dir)
    looks = 0
    while reader.refresh(0.0):
        looks += 1
    assert looks == 60  # each at least one, and none more when its time is up
    assert list(reader.jobs) == made
    assert not reader.refresh(1.0)
    ledger.append(made[3], 1, StopRequested())
    assert reader.refresh(1.0)
    assert list(reader.jobs) == made  # oldest first, whichever changed last
    assert reader.jobs[made[3]].state is State.CANCELLED
    reader.close()


def test_what_the_reader_sees_is_the_fold(ledger: Ledger, data_dir: Path) -> None:
    """The shortcut in the jobs table and the events say the same, also when the shortcut is of another fold."""
    done = send(ledger, create(ledger), Submitted("r"), Progress(40), Done("https://x/y", 5))
    with raw(data_dir) as other:
        other.execute("UPDATE jobs SET fold = 'of another version', snapshot = '{}'")
    reader = LedgerReader(data_dir)
    reader.refresh(1.0)
    assert reader.jobs[done.id] == done
    reader.close()
    again = Ledger.open(data_dir)
    assert again.jobs() == [done]
    again.close()


def test_an_event_of_a_newer_version_is_kept_and_not_driven(ledger: Ledger, data_dir: Path) -> None:
    job = send(ledger, create(ledger), Submitted("r"))
    with raw(data_dir) as other:
        other.execute(
            "INSERT INTO events(job, seq, at, kind, payload) VALUES (?, 5, 1, 'paused', '{\"x\": 1}')",
            (job.id,),
        )
        other.execute("UPDATE jobs SET n = 99, fold = 'newer' WHERE id = ?", (job.id,))
    after = ledger.job(job.id)
    assert after is not None
    assert (after.driven, after.seq, after.state) == (False, 5, State.RUNNING)
    stopped = ledger.append(job.id, 5, StopRequested())
    assert (stopped.state, stopped.driven) == (State.CANCELLED, False)


# --------------------------------------------------------------------------------------------------- the inbox


def apply_all(ledger: Ledger) -> None:
    for path, command in waiting_commands(ledger.data_dir):
        ledger.commands.apply(command)
        path.unlink()


def test_commands_are_applied_in_order_and_once(ledger: Ledger, data_dir: Path) -> None:
    spec = make_spec()
    put_command(data_dir, "submit", spec=spec)
    put_command(data_dir, "submit", spec=spec)
    put_command(data_dir, "stop", job=spec.id)
    commands = [command for _, command in waiting_commands(ledger.data_dir)]
    for command in commands + commands:
        ledger.commands.apply(command)
    (job,) = ledger.jobs()
    assert (job.spec, job.state, job.seq) == (spec, State.CANCELLED, 2)


@pytest.mark.parametrize("step", [0, -1_000_000_000], ids=["stands still", "is set back"])
def test_what_was_said_later_is_applied_later(
    ledger: Ledger, data_dir: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Windows' clock ticks each 15 ms: a stop right after its submit may be told the same time."""
    clock = itertools.count(time.time_ns(), step)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    said = [put_command(data_dir, "stop", job="x") for _ in range(12)]
    assert [command["id"] for _, command in waiting_commands(ledger.data_dir)] == said


def test_the_same_word_twice_is_one_word(ledger: Ledger) -> None:
    """A command whose file could not be removed comes again: a release must not count anew."""
    job = create(ledger)
    command = {"id": new_id(), "command": "release", "job": job.id, "session": "session-b"}
    ledger.commands.apply(command)
    once = ledger.job(job.id)
    ledger.commands.apply(command)
    assert ledger.job(job.id) == once
    assert once is not None
    assert once.released_by == "session-b"


def test_an_import_is_claimed_once(
    ledger: Ledger, data_dir: Path, holder: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    from grok_video.core.events import Downloaded
    from grok_video.core.spec import Clip

    job = send(ledger, create(ledger), Submitted("r"), Done("u"))
    clip = Clip("/c.mp4", 1, 2, 3, 24.0, 25, 1.0, True)
    ledger.append(job.id, job.seq, Downloaded(clip))
    holder(data_dir / "workers" / "w-a.lock")
    with raw(data_dir) as other:
        other.execute("INSERT INTO workers(id, session) VALUES ('w-a', 'session-a')")
    put_command(data_dir, "claim", job=job.id, session="session-a")
    apply_all(ledger)
    refused = put_command(data_dir, "claim", job=job.id, session="session-b")
    put_command(data_dir, "claim", job=job.id, session="session-a")
    apply_all(ledger)
    after = ledger.job(job.id)
    assert after is not None
    assert after.claimed_by == "session-a"
    reader = LedgerReader(data_dir)
    reader.refresh(1.0)
    assert reader.notices[refused]["ok"] is False
    reader.close()


def test_a_claim_of_a_blender_that_is_gone_does_not_hold(ledger: Ledger, data_dir: Path) -> None:
    from grok_video.core.events import Downloaded
    from grok_video.core.spec import Clip

    job = send(ledger, create(ledger), Submitted("r"), Done("u"))
    ledger.append(job.id, job.seq, Downloaded(Clip("/c.mp4", 1, 2, 3, 24.0, 25, 1.0, True)))
    for session in ("session-a", "session-b"):
        put_command(data_dir, "claim", job=job.id, session=session)
        apply_all(ledger)
    after = ledger.job(job.id)
    assert after is not None
    assert after.claimed_by == "session-b"
    put_command(data_dir, "unclaim", job=job.id, problem=Problem(ProblemCode.SCENE, "Rendering."))
    apply_all(ledger)
    put_command(data_dir, "imported", job=job.id, scene="Scene", blend="/x.blend")
    apply_all(ledger)
    assert isinstance(ledger.events(job.id)[-1][0], Imported)


def test_a_request_id_that_the_user_found_ends_the_unknown(ledger: Ledger, data_dir: Path) -> None:
    job = send(ledger, create(ledger), AnswerLost(Problem(ProblemCode.ANSWER_LOST, "Lost.")))
    for value in ("two words", "../x", "", "x" * 300):
        put_command(data_dir, "request_id", job=job.id, value=value)
    for path, command in waiting_commands(ledger.data_dir):
        with contextlib.suppress(CommandRefused):
            ledger.commands.apply(command)
        path.unlink()
    assert ledger.job(job.id) == job
    put_command(data_dir, "request_id", job=job.id, value=" 8c1f-aa ")
    apply_all(ledger)
    after = ledger.job(job.id)
    assert after is not None
    assert (after.state, after.request_id) == (State.RUNNING, "8c1f-aa")
    put_command(data_dir, "request_id", job=job.id, value="another")
    apply_all(ledger)
    assert ledger.job(job.id) == after


VIDEO = {"path": "/stills/a.mp4", "seconds": 4.04}
HUGE = 10**400  # more than a float, SQLite or Blender holds
PICTURE = {"path": "/stills/a.png", "mime": "image/png"}


def spec_payload(**changes: object) -> dict[str, object]:
    return {**spec_to_payload(make_spec()), **changes}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "\x00\xff",
        "[" * 100_000,
        '{"command": "stop", "job": "x"}',
        '{"id": "../../x", "command": "stop"}',
        '{"id": {"a": 1}, "command": "stop"}',
        '{"id": "q1"}',
        '{"id": "q1", "command": []}',
        '{"id": "q1", "command": {"submit": 1}}',
    ],
)
def test_files_that_say_nothing_are_set_aside(ledger: Ledger, data_dir: Path, text: str) -> None:
    path = data_dir / "inbox" / f"{new_id()}.json"
    path.write_bytes(text.encode("latin-1"))
    assert waiting_commands(ledger.data_dir) == []
    assert not path.exists()
    assert (data_dir / "inbox" / "bad" / path.name).exists()


@pytest.mark.parametrize("ending", [".command.part", ".tmp"])
def test_what_is_left_of_commands_is_removed(tmp_path: Path, ending: str) -> None:
    """An hour later: a Blender that is just saying something is not robbed of its file, and nothing else goes."""
    said = put_command(tmp_path, "check")
    old, new = (tmp_path / "inbox" / f"{new_id()}{ending}" for _ in range(2))
    for path in (old, new, tmp_path / "inbox" / "notes.txt"):
        path.write_bytes(b"{")
        os.utime(path, (0, time.time() - (3500 if path is new else 3700)))
    assert [command["id"] for _, command in waiting_commands(tmp_path)] == [said]
    assert set(os.listdir(tmp_path / "inbox")) == {f"{said}.command", new.name, "notes.txt"}


@pytest.mark.parametrize(
    "command",
    [
        {"command": "submit"},
        {"command": "submit", "spec": []},
        {"command": "submit", "spec": spec_payload(id="../evil")},
        {"command": "submit", "spec": spec_payload(duration="6")},
        {"command": "submit", "spec": spec_payload(prompt=None)},
        {"command": "submit", "spec": spec_payload(kind="gift")},
        {"command": "submit", "spec": spec_payload(target={"session": 5})},
        {"command": "submit", "spec": spec_payload(estimate=-1)},
        {"command": "submit", "spec": spec_payload(image="still.png")},
        {"command": "submit", "spec": spec_payload(image="/still.png", image_bytes=-1)},
        {"command": "submit", "spec": spec_payload(output="../clip.mp4")},
        {"command": "submit", "spec": spec_payload(kind="extend")},
        {"command": "submit", "spec": spec_payload(kind="edit", video=None)},
        {"command": "submit", "spec": spec_payload(video={"path": "a.mp4", "seconds": 4})},
        {"command": "submit", "spec": spec_payload(video={"path": "/a.mp4", "seconds": 0})},
        {"command": "submit", "spec": spec_payload(video={"path": "/a.mp4", "seconds": 1e9})},
        {"command": "submit", "spec": spec_payload(video={**VIDEO, "size": -1})},
        {"command": "submit", "spec": spec_payload(video={**VIDEO, "size": 5 << 30})},
        {"command": "submit", "spec": spec_payload(video={**VIDEO, "height": -480})},
        {"command": "submit", "spec": spec_payload(references=[{**PICTURE, "path": "a.png"}])},
        {"command": "submit", "spec": spec_payload(references=[{**PICTURE, "path": ""}])},
        {"command": "submit", "spec": spec_payload(references=[PICTURE] * 65)},
        {"command": "submit", "spec": spec_payload(last_frame={**PICTURE, "size": -1})},
        {
            "command": "submit",
            "spec": spec_payload(keyframes=[{"picture": PICTURE, "thirds": 1}] * 65),
        },
        *(
            {"command": "submit", "spec": spec_payload(**changes)}
            for changes in (
                {"estimate": HUGE},
                {"estimate": LARGEST_LIMIT + 1},
                {"duration": HUGE},
                {"image_pixels": [HUGE, 1]},
                {"image_bytes": HUGE},
                {"source": {"kind": "NONE", "frame": HUGE}},
                {"source": {"kind": "NONE", "frame": 1e300}},
                {"target": {"session": "s", "frame": -HUGE}},
                {"target": {"session": "s", "channel": 2**31}},
                {"video": {**VIDEO, "width": HUGE}},
                {"video": {**VIDEO, "seconds": HUGE}},
                {"references": [{**PICTURE, "size": HUGE}]},
                {"keyframes": [{"picture": PICTURE, "thirds": HUGE}]},
            )
        ),
        *(
            {"command": "submit", "spec": spec_payload(), "held": held}
            for held in (None, True, "", {}, [], {"code": "HELD"}, {"code": "?", "message": ""})
        ),
        {"command": "stop"},
        {"command": "stop", "job": "no-such-job"},
        {"command": "stop", "job": 5},
        {"command": "sing", "job": "x"},
        {},
    ],
)
def test_commands_without_sense_are_refused(ledger: Ledger, command: dict[str, object]) -> None:
    with pytest.raises(CommandRefused):
        ledger.commands.apply({"id": new_id(), **command})
    assert ledger.jobs() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "extend", "video": {**VIDEO, "size": 9, "width": 848, "height": 480, "job": "j"}},
        {"kind": "edit", "video": VIDEO},
        {"references": [PICTURE] * 7, "last_frame": PICTURE, "unchecked": True, "estimate": None},
        {"keyframes": [{"picture": PICTURE, "thirds": 4}], "model": "grok-imagine-video-1.5"},
    ],
)
def test_jobs_of_every_kind_are_taken(ledger: Ledger, changes: dict[str, object]) -> None:
    payload = json.loads(json.dumps(spec_payload(**changes)))
    ledger.commands.apply({"id": new_id(), "command": "submit", "spec": payload})
    (job,) = ledger.jobs()
    assert job.spec == spec_from_payload(payload)
    assert job.spec.kind == changes.get("kind", "generate")


# ----------------------------------------------------------------------------------------- slots and money


def test_slots_keep_their_distance_over_processes(data_dir: Path) -> None:
    one, two = Ledger.open(data_dir), Ledger.open(data_dir)
    assert one.leases.take_slot("a", 1000.0, 1.02, 60) == 0.0
    assert two.leases.take_slot("a", 1000.5, 1.02, 60) == pytest.approx(0.52)
    assert two.leases.take_slot("b", 1000.5, 1.02, 60) == 0.0
    assert two.leases.take_slot("a", 1001.03, 1.02, 60) == 0.0
    one.close()
    two.close()


def test_slots_of_a_minute(ledger: Ledger) -> None:
    for i in range(5):
        assert ledger.leases.take_slot("a", 1000.0 + i, 0.1, 5) == 0.0
    assert ledger.leases.take_slot("a", 1005.0, 0.1, 5) == pytest.approx(55.0)
    assert ledger.leases.take_slot("a", 1060.0, 0.1, 5) == 0.0


def test_a_clock_set_back_waits_about_two_seconds(ledger: Ledger) -> None:
    assert ledger.leases.take_slot("a", 5000.0, 1.02, 60) == 0.0
    wait = ledger.leases.take_slot("a", 1000.0, 1.02, 60)
    assert wait == pytest.approx(2.02)
    assert ledger.leases.take_slot("a", 1000.0 + wait, 1.02, 60) == 0.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 3.0), min_size=40, max_size=80), st.integers(3, 20))
def test_no_window_of_a_minute_holds_too_many(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float], per_minute: int
) -> None:
    ledger = Ledger.open(tmp_path_factory.mktemp("slots"))
    ledger.connection.execute("PRAGMA synchronous = OFF")  # pyright: ignore[reportPrivateUsage]
    now, granted = 1000.0, []
    for step in steps:
        now += step
        if ledger.leases.take_slot("a", now, 0.5, per_minute) == 0.0:
            granted.append(now)
    ledger.close()
    assert all(b - a >= 0.5 - 1e-6 for a, b in itertools.pairwise(granted))
    for i, start in enumerate(granted):
        assert sum(start <= t < start + 60 - 1e-6 for t in granted[i:]) <= per_minute


def test_what_is_spent(ledger: Ledger) -> None:
    """Reserved until known better; given back only by *not sent* and *rejected*."""
    estimate = make_spec().estimate
    assert estimate is not None
    account = make_spec().account

    def spent() -> int:
        return ledger.spent(account, 0.0)

    job = create(ledger)
    assert spent() == 0
    job = send(ledger, job)
    assert spent() == estimate
    ledger.append(job.id, job.seq, RATE)
    assert spent() == 0
    rejected = send(ledger, create(ledger), Rejected(Problem(ProblemCode.REQUEST, "No.")))
    assert rejected.reserved == spent() == 0
    send(ledger, create(ledger), AnswerLost(Problem(ProblemCode.ANSWER_LOST, "Lost.")))
    moderated = ServiceFailed(Problem(ProblemCode.MODERATED, "No."))
    send(ledger, create(ledger), Submitted("r"), moderated)
    send(ledger, create(ledger), Submitted("r"), StopRequested())
    assert spent() == 3 * estimate
    send(ledger, create(ledger), Submitted("r"), Done("u", 7))
    assert spent() == 3 * estimate + 7
    assert ledger.spent("another", 0.0) == 0
    assert ledger.spent(account, time.time() + 60) == 0


# ------------------------------------------------------------------------------- damaged, newer, full, read-only


def test_a_damaged_ledger_is_set_aside_and_rebuilt(data_dir: Path) -> None:
    ledger = Ledger.open(data_dir)
    running = send(ledger, create(ledger), Submitted("r"), Progress(10))
    unsure = send(ledger, create(ledger))
    queued = create(ledger)
    ledger.close()
    reader = LedgerReader(data_dir)
    reader.refresh(1.0)
    if sys.platform == "win32":
        reader.close()  # nobody moves a file there that is open; how a Blender lets go: test_damaged
    path = data_dir / FILE_NAME
    path.write_bytes(b"SQLite format 3\x00" + b"garbage " * 2000)
    again = Ledger.open(data_dir)
    assert again.rebuilt
    assert again.job(running.id) == running
    assert again.job(unsure.id) == unsure
    held = again.job(queued.id)
    assert held is not None
    assert (held.state, held.held) == (State.QUEUED, True)
    with pytest.raises(IllegalTransition):
        again.append(unsure.id, None, Sending())
    assert len(list(data_dir.glob(f"{FILE_NAME}.damaged-*"))) >= 1
    wait_for(lambda: reader.refresh(1.0), "the reader to find the new file")
    assert reader.jobs[queued.id].held
    assert reader.trouble == ""
    reader.close()
    again.close()


@pytest.mark.parametrize("line", [b'{"seq": 3, "at": 1, "ki', b"\x00\x00\x00", b'{"seq": "x"}\n'])
def test_a_torn_journal_loses_only_its_torn_line(data_dir: Path, line: bytes) -> None:
    ledger = Ledger.open(data_dir)
    job = send(ledger, create(ledger), Submitted("r"))
    ledger.close()
    with open(data_dir / "jobs" / f"{job.id}.jsonl", "ab") as file:
        file.write(line)
    (data_dir / FILE_NAME).unlink()
    again = Ledger.open(data_dir)
    assert again.job(job.id) == job
    again.close()


def test_a_damaged_ledger_in_use_is_left_alone(
    data_dir: Path, holder: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    Ledger.open(data_dir).close()
    process = holder(data_dir / "workers" / "other.lock")
    path = data_dir / FILE_NAME
    path.write_bytes(b"no database at all " * 500)
    with pytest.raises(LedgerDamaged):
        Ledger.open(data_dir)
    assert path.read_bytes().startswith(b"no database")
    process.kill()
    process.wait()
    Ledger.open(data_dir).close()


def test_a_newer_ledger_is_read_and_never_moved(data_dir: Path) -> None:
    ledger = Ledger.open(data_dir)
    job = create(ledger)
    ledger.close()
    with raw(data_dir) as other:
        other.execute("PRAGMA user_version = 99")
    before = (data_dir / FILE_NAME).read_bytes()
    with pytest.raises(LedgerNewer):
        Ledger.open(data_dir)
    reader = LedgerReader(data_dir)
    assert reader.refresh(1.0)
    assert list(reader.jobs) == [job.id]
    assert "newer" in reader.trouble
    reader.close()
    assert (data_dir / FILE_NAME).read_bytes() == before
    assert sorted(p.name for p in data_dir.glob("*damaged*")) == []


def test_a_full_disk_is_said_and_nothing_is_lost(ledger: Ledger, data_dir: Path) -> None:
    job = send(ledger, create(ledger))
    ledger.connection.execute("PRAGMA max_page_count = 1")  # pyright: ignore[reportPrivateUsage]

    def fill() -> None:
        for _ in range(200):
            create(ledger, prompt="x" * 4096)

    with pytest.raises(LedgerUnwritable) as caught:
        fill()
    assert "full" in str(caught.value)
    jobs = len(ledger.jobs())
    ledger.connection.execute("PRAGMA max_page_count = 1000000")  # pyright: ignore[reportPrivateUsage]
    assert ledger.append(job.id, job.seq, Submitted("r")).request_id == "r"
    create(ledger)
    assert len(ledger.jobs()) == jobs + 1


def test_a_locked_ledger_is_said(
    ledger: Ledger, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = create(ledger)
    ledger.connection.execute("PRAGMA busy_timeout = 50")  # pyright: ignore[reportPrivateUsage]
    with raw(data_dir) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnwritable):
            ledger.append(job.id, job.seq, StopRequested())
        other.execute("ROLLBACK")
    assert ledger.append(job.id, job.seq, StopRequested()).state is State.CANCELLED


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerUnwritable):
        Ledger.open(tmp_path / "file" / "data")
    reader = LedgerReader(tmp_path / "file" / "data")
    reader.refresh(1.0)
    # On Windows what lies below a file is not found, as a folder that is yet to be made.
    assert sys.platform == "win32" or "cannot be read" in reader.trouble
    reader.close()


def test_nothing_of_a_transaction_that_failed_gets_into_a_journal(
    ledger: Ledger, data_dir: Path
) -> None:
    """Not with the next one either: a line of *sending* without its POST would leave the job in doubt."""
    job = ledger.append(create(ledger).id, 1, SubmitStarted(1))

    def fail() -> None:
        with ledger.transaction():
            ledger.put(job.id, Sending(), "", 0.0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    other = create(ledger)
    assert the_journal(data_dir, job.id) == ["created", "submit_started"]
    assert the_journal(data_dir, other.id) == ["created"]
    assert ledger.job(job.id) == job


def test_nothing_is_sent_without_a_journal(ledger: Ledger, data_dir: Path) -> None:
    """Other events do without their readable copy; the last byte does not leave without it."""
    job = create(ledger)
    journal = data_dir / "jobs" / f"{job.id}.jsonl"
    journal.unlink()
    journal.mkdir()
    ledger.leases.take(job.id, "me")
    job = ledger.append(job.id, job.seq, SubmitStarted(1), worker="me")
    assert ledger.journals.trouble
    with pytest.raises(LedgerUnwritable):
        ledger.append(job.id, job.seq, Sending(), worker="me")
    assert ledger.job(job.id) == job
    journal.rmdir()
    assert ledger.append(job.id, job.seq, Sending(), worker="me").sent
    assert ledger.journals.trouble == ""


def the_journal(data_dir: Path, job_id: str) -> list[str]:
    """The kinds of the events that stand in a job's readable copy."""
    lines = (data_dir / "jobs" / f"{job_id}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["kind"] for line in lines if line]


def on_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Tells whether all of a file was synced."""
    synced: list[int] = []  # length of the file when it was last synced

    def sync(number: int) -> None:
        if stat.S_ISREG(os.fstat(number).st_mode):
            synced.append(os.fstat(number).st_size)

    monkeypatch.setattr(os, "fsync", sync)
    return lambda: bool(synced) and synced[-1] == path.stat().st_size


A_CLIP = Clip("/clip.mp4", 1, 848, 480, 24.0, 25, 1.0, True)
ASKED_FOR = [RATE, SubmitStarted(1), Sending(), Submitted("r"), Done("https://x/y", 7)]
AT_ONCE = [Sending(), Bought("https://x/y", 7)]
WITHHELD = Billed(Problem(ProblemCode.MODERATED, "Rejected.", http_status=400), 9)
HISTORIES: dict[str, list[Event]] = {
    "asked for": [SubmitStarted(1), *ASKED_FOR, Downloaded(A_CLIP), FetchedAgain(A_CLIP)],
    "at once": [SubmitStarted(1), *AT_ONCE, Downloaded(A_CLIP)],
    "withheld": [SubmitStarted(1), Sending(), WITHHELD],
}


@pytest.mark.parametrize("history", HISTORIES)
def test_the_journal_knows_of_money_before_the_ledger_does(
    ledger: Ledger, data_dir: Path, monkeypatch: pytest.MonkeyPatch, history: str
) -> None:
    """Whenever it is killed: what is committed outlives the ledger. Looked at when each commit begins."""
    spec = make_spec()
    path = data_dir / "jobs" / f"{spec.id}.jsonl"
    seen: list[list[str]] = []
    synced = on_the_disk(path, monkeypatch)

    def looked(statement: str) -> None:
        if statement == "COMMIT":
            seen.append(the_journal(data_dir, spec.id) if synced() else ["not on the disk"])

    ledger.connection.set_trace_callback(looked)  # pyright: ignore[reportPrivateUsage]
    events = [Created(spec), *HISTORIES[history]]
    for event in events:
        ledger.append(spec.id, None, event)
    kinds = [event.kind for event in events]
    assert seen == [kinds[: n + 1] for n in range(len(kinds))]


def test_every_event_of_money_is_in_a_history_or_ends_one() -> None:
    kinds = {event.kind for events in HISTORIES.values() for event in events} | {Created.kind}
    assert {*kinds, "rejected", "answer_lost", "service_failed", "not_charged"} == MONEY_EVENTS


def test_a_bill_is_on_the_disk_whatever_brings_it(
    ledger: Ledger, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the end, or as a file is fetched again; news without a bill cost no sync."""
    job = create(ledger)
    clip = Clip("/clip.mp4", 1, 848, 480, 24.0, 25, 1.0, True)
    synced = on_the_disk(data_dir / "jobs" / f"{job.id}.jsonl", monkeypatch)
    happened = [SubmitStarted(1), Sending(), Submitted("r"), Progress(40), Progress(41, 9)]
    happened += [Done("https://x/y"), Downloaded(clip), FetchAgain(), FetchLink("https://x/z", 7)]
    seen: list[bool] = []
    for event in happened:
        ledger.append(job.id, None, event)
        seen.append(synced())
    assert seen == [
        not isinstance(event, FetchAgain) and event != Progress(40) for event in happened
    ]


def test_a_commit_that_fails_leaves_no_line_in_the_journal(ledger: Ledger, data_dir: Path) -> None:
    """The next event takes the number of the one that never was: its line would be another record of the job."""
    job = create(ledger)
    ledger.connection.execute("PRAGMA busy_timeout = 0")  # pyright: ignore[reportPrivateUsage]
    with contextlib.closing(raw(data_dir)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchall()
        with pytest.raises(LedgerUnwritable):  # a reader lets nobody commit
            ledger.append(job.id, job.seq, SubmitStarted(1))
    assert ledger.job(job.id) == job
    assert the_journal(data_dir, job.id) == ["created"]
    stopped = ledger.append(job.id, job.seq, StopRequested())
    ledger.close()
    (data_dir / FILE_NAME).unlink()
    again = Ledger.open(data_dir)
    assert again.job(job.id) == stopped
    again.close()


@pytest.mark.parametrize("then", ["killed", "rebuilt", "written again", "stopped before that"])
def test_a_request_id_whose_commit_fails_is_in_the_journal(
    ledger: Ledger, data_dir: Path, then: str
) -> None:
    """The service has answered: the id is the only way to the clip, and the process may end before the next try."""
    job = send(ledger, create(ledger))
    ledger.connection.execute("PRAGMA busy_timeout = 0")  # pyright: ignore[reportPrivateUsage]
    with contextlib.closing(raw(data_dir)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM events").fetchall()
        with pytest.raises(LedgerUnwritable):
            ledger.append(job.id, None, Submitted("r"))
    if then == "stopped before that":
        ledger.append(job.id, None, StopRequested())
    if then in ("stopped before that", "written again"):
        ledger.append(job.id, None, Submitted("r"))
    ledger.close()
    if then == "rebuilt":
        (data_dir / FILE_NAME).unlink()
    for _ in range(2):
        again = Ledger.open(data_dir)
        (found,) = again.jobs()
        assert (found.request_id, found.spent) == ("r", job.spent)
        assert found.state is (State.CANCELLED if "stopped" in then else State.RUNNING)
        again.close()


@pytest.mark.parametrize("cut", [1, 20, 70])
def test_a_line_that_was_cut_takes_no_other_with_it(data_dir: Path, cut: int) -> None:
    """A full disk, or a worker killed while it wrote: what comes next stands on a line of its own."""
    ledger = Ledger.open(data_dir)
    job = send(ledger, create(ledger))
    journal = data_dir / "jobs" / f"{job.id}.jsonl"
    before = journal.read_bytes()
    job = ledger.append(job.id, job.seq, Submitted("r"))
    line = journal.read_bytes()[len(before) :]
    journal.write_bytes(before + line + line[:-cut])
    job = ledger.append(job.id, job.seq, Done("https://x/y", 7))
    ledger.close()
    (data_dir / FILE_NAME).unlink()
    again = Ledger.open(data_dir)
    assert again.job(job.id) == job
    again.close()


def test_killed_while_it_was_rebuilt(data_dir: Path) -> None:
    ledger = Ledger.open(data_dir)
    job = send(ledger, create(ledger), Submitted("r"))
    ledger.close()
    (data_dir / FILE_NAME).unlink()

    class Killed(BaseException):
        pass

    def killed(data: bytes) -> None:
        raise Killed

    with Patches() as patches:
        patches.set(journal_module, "entries_of", killed, copies_ok="the copies are not read")
        with pytest.raises(Killed):
            Ledger.open(data_dir)
    again = Ledger.open(data_dir)
    assert again.job(job.id) == job
    again.close()


@posix("modes say nothing of rights there")
def test_the_ledger_is_the_users_alone(ledger: Ledger, data_dir: Path) -> None:
    assert os.stat(data_dir).st_mode & 0o077 == 0
    put_command(data_dir, "check", account="a")
    (path,) = (data_dir / "inbox").iterdir()
    assert os.stat(path).st_mode & 0o077 == 0


def test_sqlite_runs_as_the_rules_say(ledger: Ledger) -> None:
    def pragma(name: str) -> object:
        return ledger.connection.execute(f"PRAGMA {name}").fetchone()[0]  # pyright: ignore[reportPrivateUsage]

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("fullfsync")) == (
        "truncate",
        2,
        1,
    )


def test_where_the_ledger_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert default_data_dir() == tmp_path / ".local" / "share" / "grok_video"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert default_data_dir() == tmp_path / "xdg" / "grok_video"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_data_dir() == tmp_path / "Library" / "Application Support" / "Grok Video"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert default_data_dir() == tmp_path / "Local" / "Grok Video"


@pytest.mark.deadline
def test_a_thousand_jobs_cost_a_look_nothing(ledger: Ledger, data_dir: Path) -> None:
    """What is done ten times a second must not grow with the list: microseconds, not milliseconds."""
    ledger.connection.execute("PRAGMA synchronous = OFF")  # pyright: ignore[reportPrivateUsage]
    for _ in range(1000):
        create(ledger)
    reader = LedgerReader(data_dir)
    while reader.refresh(0.01):
        pass
    ledger.refresh()
    start = time.thread_time()  # what others do with the machine meanwhile is not ours
    for _ in range(1000):
        reader.refresh(0.01)
        ledger.refresh()
    # Each look asks the system about a file: under Wine that asks another process (not measured on Windows).
    assert time.thread_time() - start < (5.0 if sys.platform == "win32" else 0.5)
    reader.close()


def test_the_module_says_which_answers_mean_later() -> None:
    """The trigger in the schema and the constant must not part."""
    schema = SCHEMA  # pyright: ignore[reportPrivateUsage]
    assert f"IN {tuple(sorted(LATER_STATUS))}" in schema


def test_held_jobs_are_stored(ledger: Ledger) -> None:
    job = create(ledger)
    held = ledger.append(job.id, 1, Held(Problem(ProblemCode.HELD, "Wait.")))
    assert held.held
    assert not held.open

"""Our own files when they are damaged: what can still be read is not lost, and what was spent still counts."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from grok_video.core.events import (
    Billed,
    Bought,
    Created,
    Done,
    Progress,
    Sending,
    StopRequested,
    SubmitStarted,
    Submitted,
)
from grok_video.core.job import Job, State
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.redact import Redaction
from grok_video.ledger import job_log, rebuild
from grok_video.ledger import reader as reader_module
from grok_video.ledger.errors import LedgerDamaged, LedgerError, LedgerUnwritable
from grok_video.ledger.inbox import waiting_commands
from grok_video.ledger.journal import LIMITS_NAME
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.place import MENDING
from grok_video.ledger.reader import REBUILT, LedgerReader
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import EACH_ONCE, ROOT, make_spec, replay, wait_for
from tests.open_files import keeps_open
from tests.patching import Patches
from tests.patience import PATIENCE, at_once
from tests.posix import posix

T = TypeVar("T")
CUTS, NOISES = (3, 5) if EACH_ONCE else (24, 40)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with jobs in every state that costs or cost something."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    ledger = Ledger.open(folder)
    roads = (
        [],
        [SubmitStarted(7)],
        [SubmitStarted(11), Sending()],
        [SubmitStarted(13), Sending(), Submitted("r-1"), Progress(40)],
        [SubmitStarted(17), Sending(), Submitted("r-2"), Done("https://v.x.ai/c.mp4", 19)],
        [SubmitStarted(23), Sending(), Bought("https://imgen.x.ai/l.jpeg", 29)],
        [SubmitStarted(31), Sending(), Billed(Problem(ProblemCode.MODERATED, "No."), 37)],
    )
    for road in roads * 4:
        spec = make_spec(prompt="x" * 300)
        for seq, event in enumerate((Created(spec), *road)):
            ledger.append(spec.id, seq, event)
    ledger.close()
    return folder


def copied(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / f"data-{len(os.listdir(tmp_path))}"))


def jobs_of(folder: Path) -> dict[str, Job]:
    ledger = Ledger.open(folder)
    jobs = {job.id: job for job in ledger.jobs()}
    ledger.close()
    return jobs


def spent(folder: Path) -> int:
    ledger = Ledger.open(folder)
    total = ledger.spent(make_spec().account, 0.0)
    ledger.close()
    return total


def nothing_lost(folder: Path, before: dict[str, Job]) -> None:
    """Every job and id is there, nothing costs less, and nothing unsent goes out by itself."""
    after = jobs_of(folder)
    assert after.keys() == before.keys()
    for job_id, job in after.items():
        was = before[job_id]
        assert (job.request_id, job.url, job.cost, job.sent) == (
            was.request_id,
            was.url,
            was.cost,
            was.sent,
        )
        assert job.reserved == was.reserved or not was.sent
        waits = job.state in (State.QUEUED, State.SUBMITTING) and not job.sent
        assert not waits or job.held or job == was


def damages(size: int) -> list[Callable[[Path], None]]:
    """Ways to spoil a ledger file: cut it, overwrite a part with noise or zeros, empty it."""
    chance = random.Random(5)
    cuts = [round(size * part / CUTS) for part in range(CUTS)]

    def cut(at: int) -> Callable[[Path], None]:
        return lambda path: os.truncate(path, at)

    def noise(at: int, data: bytes) -> Callable[[Path], None]:
        def do(path: Path) -> None:
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(data)

        return do

    noises = [
        noise(chance.randrange(size), chance.randbytes(chance.choice((16, 400, 5000)))) for _ in range(NOISES)
    ]  # fmt: skip
    return [*map(cut, cuts), *noises, noise(0, bytes(100)), noise(4096, bytes(4096))]


def test_a_ledger_cut_or_overwritten_anywhere_loses_nothing(whole: Path, tmp_path: Path) -> None:
    before = jobs_of(copied(whole, tmp_path))
    for damage in damages((whole / FILE_NAME).stat().st_size):
        folder = copied(whole, tmp_path)
        damage(folder / FILE_NAME)
        reader = LedgerReader(folder)
        for _ in range(20):
            reader.refresh(1.0)  # never raises
        reader.close()
        nothing_lost(folder, before)
        shutil.rmtree(folder)


def test_what_was_spent_survives_the_rebuilding_and_it_is_said(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    # What never left is given back: it is held. All else counts as before.
    unsent = sum(job.reserved for job in jobs_of(folder).values() if not job.sent)
    before = spent(folder) - unsent
    (folder / FILE_NAME).write_bytes(b"SQLite format 3\0" + b"noise " * 9000)
    reader = LedgerReader(folder)
    reader.refresh(1.0)
    assert reader.damaged
    assert "damaged" in reader.trouble
    assert spent(folder) == before
    reader.refresh(1.0)
    assert (reader.damaged, reader.trouble) == (False, "")
    assert "rebuilt" in reader.notices[REBUILT]["message"]
    assert list(folder.glob(f"{FILE_NAME}.damaged-*"))
    ledger = Ledger.open(folder)
    ledger.commands.apply({"id": "c", "command": "heard"})
    ledger.close()
    reader.refresh(1.0)
    assert not reader.notices[REBUILT].get("message")
    reader.close()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A data folder with one job that was bought: little to do for who opens it again and again."""
    folder = tmp_path / "data"
    spec = make_spec()
    with contextlib.closing(Ledger.open(folder)) as ledger:
        for seq, event in enumerate((Created(spec), SubmitStarted(7), Sending(), Submitted("r-1"))):
            ledger.append(spec.id, seq, event)
    return folder


def spoil_posts(path: Path) -> None:
    """Damage where Blender never looks and a worker does, when it opens the ledger."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'posts'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


OPENS = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from pathlib import Path\n"
    "from grok_video.ledger.ledger import Ledger\n"
    "ledger = Ledger.open(Path(sys.argv[2]), worker='w-1')\n"
    "print(ledger.rebuilt); ledger.close()"
)


def test_damage_that_blender_does_not_see_is_mended_while_blender_reads(
    small: Path,
) -> None:
    before = jobs_of(small)
    spoil_posts(small / FILE_NAME)
    reader = LedgerReader(small)
    reader.refresh(PATIENCE)
    assert (len(reader.jobs), reader.damaged) == (len(before), False)
    opens = subprocess.Popen(
        [sys.executable, "-c", OPENS, str(ROOT), str(small)], stdout=subprocess.PIPE
    )

    def ended() -> bool:
        reader.refresh(1.0)  # as Blender's ticks do, which do not know what the worker does
        return opens.poll() is not None

    wait_for(ended, "the ledger to be opened")
    assert opens.communicate()[0].strip() == b"True"
    reader.refresh(PATIENCE)
    assert "rebuilt" in reader.notices[REBUILT]["message"]
    assert reader.jobs.keys() == before.keys()
    reader.close()
    assert list(small.glob(f"{FILE_NAME}.damaged-*"))
    assert not (small / MENDING).exists()
    nothing_lost(small, before)


def test_whoever_reads_lets_go_of_a_ledger_that_is_being_put_by(
    small: Path, holder: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    reader = LedgerReader(small)
    reader.refresh(PATIENCE)
    jobs = reader.jobs
    (small / MENDING).touch()
    reader.refresh(1.0)
    assert not reader.missed  # a crash has left it
    worker = holder(small / "opening.lock")
    assert not reader.refresh(1.0)
    assert reader.missed
    assert reader.behind  # scripts wait until all is read
    assert not keeps_open(small / FILE_NAME)
    worker.kill()
    worker.wait()
    assert not reader.refresh(1.0)
    assert not reader.missed
    assert not reader.behind
    assert reader.jobs is jobs  # what was read is not read anew
    assert keeps_open(small / FILE_NAME)
    reader.close()


@pytest.mark.skipif(sys.platform != "win32", reason="only there an open file cannot be renamed")
def test_a_damaged_file_that_somebody_keeps_open_is_no_other_blenders(
    small: Path, patches: Patches
) -> None:
    patches.set(rebuild, "WORKERS_PATIENCE", 0.2, copies_ok="what else is renamed")
    before = jobs_of(small)
    spoil_posts(small / FILE_NAME)
    with open(small / FILE_NAME, "rb"), pytest.raises(LedgerDamaged, match="put by") as caught:
        Ledger.open(small)
    assert "other Blenders" not in str(caught.value)
    nothing_lost(small, before)


DIES_WRITING = (
    "import os, sqlite3, sys\n"
    "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "c.execute('PRAGMA journal_mode=TRUNCATE')\n"
    "c.execute('PRAGMA cache_size=1')\n"
    "c.execute('BEGIN IMMEDIATE')\n"
    "c.execute('UPDATE jobs SET snapshot = ?', ('x' * 3000000,))\n"
    "os._exit(9)"
)


def test_a_dead_workers_transaction_is_taken_back_while_another_worker_lives(
    small: Path,
) -> None:
    """Windows deletes no journal that somebody has open: the worker that has it open takes the transaction back."""
    before = jobs_of(small)
    ledger = Ledger.open(small)
    (job,) = ledger.jobs()
    ledger.append(job.id, job.seq, Progress(1))  # from here on its journal is open
    command = [sys.executable, "-c", DIES_WRITING, str(small / FILE_NAME)]
    assert subprocess.run(command, check=False).returncode == 9
    assert (small / f"{FILE_NAME}-journal").stat().st_size
    over = threading.Event()

    def live() -> None:
        while not over.wait(1.0):  # as a worker looks
            ledger.refresh()

    living = threading.Thread(target=live)
    living.start()
    try:
        with contextlib.closing(Ledger.open(small, worker="new")) as other:
            assert [one.progress for one in other.jobs()] == [1]
    finally:
        over.set()
        living.join()
        ledger.close()
    assert not list(small.glob("*damaged*"))
    nothing_lost(small, before)


def test_without_its_copies_what_can_be_read_of_a_damaged_ledger_is_kept(
    whole: Path, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path)
    before = jobs_of(folder)
    shutil.rmtree(folder / "jobs")
    with open(folder / FILE_NAME, "r+b") as file:  # the last page: most rows stand before it
        file.seek(-4096, os.SEEK_END)
        file.write(os.urandom(4096))
    after = jobs_of(folder)
    assert len(after) > len(before) // 2
    assert after.keys() <= before.keys()
    assert len(list((folder / "jobs").glob("*.jsonl"))) == len(after)


def test_a_damaged_copy_beside_a_good_ledger_changes_nothing(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path)
    before = jobs_of(folder)
    for number, path in enumerate(sorted((folder / "jobs").glob("*.jsonl"))):
        path.write_bytes(os.urandom(100 * number))
    assert jobs_of(folder) == before


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_line_that_may_say_sending_counts_as_bought(tmp_path: Path, line: int) -> None:
    """Ledger gone and its copy damaged: a job that may have been sent is never sent again by the program."""
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    for seq, event in enumerate((Created(spec), SubmitStarted(5), Sending())):
        ledger.append(spec.id, seq, event)
    ledger.close()
    (folder / FILE_NAME).unlink()
    journal = folder / "jobs" / f"{spec.id}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[line] = b"\xff" * len(lines[line])
    journal.write_bytes(b"".join(lines))
    job = jobs_of(folder).get(spec.id)
    if line == 0:  # nobody knows what it was; its copy stays
        assert job is None
        assert journal.exists()
        return
    assert job is not None
    assert job.sent
    assert job.reserved
    if line == 2:
        assert job.state is State.UNKNOWN
        assert job.problem is not None
        assert job.problem.code is ProblemCode.ANSWER_LOST


def test_a_number_that_is_missing_is_a_line_that_cannot_be_read(tmp_path: Path) -> None:
    """A disk that was full at *submit started* has taken *sending* later: it must not look unsent."""
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    for seq, event in enumerate((Created(spec), SubmitStarted(5), Sending())):
        ledger.append(spec.id, seq, event)
    ledger.close()
    journal = folder / "jobs" / f"{spec.id}.jsonl"
    created, _, sending = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(created + sending)
    (folder / FILE_NAME).unlink()
    ledger = Ledger.open(folder)
    job = ledger.job(spec.id)
    ledger.close()
    assert job is not None
    assert job.state is State.UNKNOWN
    assert job.spent == spec.estimate


@contextlib.contextmanager
def without_jobs(folder: Path) -> Iterator[None]:
    """No readable copy can be written meanwhile: also not by root, whom no permission stops."""
    (folder / "jobs").rename(folder / "aside")
    (folder / "jobs").touch()
    yield
    (folder / "jobs").unlink()
    (folder / "aside").rename(folder / "jobs")


def test_a_copy_has_its_first_lines_before_the_last_byte_leaves(tmp_path: Path) -> None:
    """The folder could not be written when the job was made, and can be at *sending*."""
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    with without_jobs(folder):
        ledger.append(spec.id, 0, Created(spec))
        started = ledger.append(spec.id, 1, SubmitStarted(5))
    # Where it cannot be mended nothing is sent.
    (folder / "jobs" / f"{spec.id}.jsonl.part").mkdir()
    with pytest.raises(LedgerUnwritable):
        ledger.append(spec.id, 2, Sending())
    assert ledger.job(spec.id) == started
    (folder / "jobs" / f"{spec.id}.jsonl.part").rmdir()
    ledger.append(spec.id, 2, Sending())
    assert ledger.journals.trouble == ""
    sent = ledger.append(spec.id, 3, Submitted("r-1"))
    ledger.close()
    (folder / FILE_NAME).unlink()
    assert jobs_of(folder)[spec.id] == sent


def test_a_line_that_never_counted_does_not_hide_that_it_was_sent(tmp_path: Path) -> None:
    """All numbers are there, but one says what was not committed: rebuilt from it, the job looked unsent."""
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    ledger.append(spec.id, 0, Created(spec))
    with without_jobs(folder):
        ledger.append(spec.id, 1, SubmitStarted(5))
    with open(folder / "jobs" / f"{spec.id}.jsonl", "ab") as file:
        file.write(b'{"seq": 2, "at": 1.0, "kind": "stop_requested", "payload": {}}\n')
    sent = ledger.append(spec.id, 2, Sending())
    ledger.close()
    (folder / FILE_NAME).unlink()
    assert jobs_of(folder)[spec.id] == sent


def test_a_copy_of_which_no_job_can_be_made_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    for seq, event in enumerate((Created(spec), SubmitStarted(5), Sending(), Submitted("r-1"))):
        ledger.append(spec.id, seq, event)
    ledger.close()
    journal = folder / "jobs" / f"{spec.id}.jsonl"
    rest = b"".join(journal.read_bytes().splitlines(keepends=True)[1:])
    journal.write_bytes(rest)
    (folder / FILE_NAME).unlink()
    ledger = Ledger.open(folder)
    assert ledger.rebuilt
    assert ledger.jobs() == []
    ledger.close()
    with contextlib.closing(LedgerReader(folder)) as reader:
        reader.refresh(1.0)
        assert "1 more could not be read" in reader.notices[REBUILT]["message"]
    assert journal.read_bytes() == rest


@pytest.mark.parametrize("torn", [False, True])
def test_what_was_being_stopped_keeps_no_ledger_from_being_rebuilt(
    tmp_path: Path, torn: bool
) -> None:
    """Stop was pressed before the last byte left: such a job ends, and holds up nobody."""
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    for event in (Created(spec), SubmitStarted(5), StopRequested()):
        ledger.append(spec.id, None, event)
    ledger.close()
    if torn:
        with open(folder / "jobs" / f"{spec.id}.jsonl", "ab") as journal:
            journal.write(b"torn\n")
    (folder / FILE_NAME).unlink()
    ledger = Ledger.open(folder)
    job = ledger.job(spec.id)
    ledger.close()
    assert job is not None
    assert job.state is (State.UNKNOWN if torn else State.CANCELLED)
    assert job.reserved == (5 if torn else 0)


def test_a_second_rebuilding_finds_what_the_first_one_found(tmp_path: Path) -> None:
    """The first one gives events new numbers where a line is missing; the copies follow."""
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    road = (Created(spec), SubmitStarted(5), Sending(), Submitted("r-1"))
    for seq, event in enumerate(road):
        ledger.append(spec.id, seq, event)
    ledger.close()
    journal = folder / "jobs" / f"{spec.id}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b"torn\n", *lines[3:]]))
    for progress in (50, 60):
        (folder / FILE_NAME).unlink()
        ledger = Ledger.open(folder)
        ledger.append(spec.id, None, Progress(progress))
        job = ledger.job(spec.id)
        ledger.close()
        assert job is not None
        assert (job.request_id, job.state, job.progress) == ("r-1", State.RUNNING, progress)


@pytest.mark.parametrize(
    "line",
    [
        b'{"seq": 1e999, "at": 1, "kind": "held", "payload": {}}',
        b'{"seq": 9, "at": NaN, "kind": "slow", "payload": {}}',
        b'{"seq": 9, "at": 1e999, "kind": "slow", "payload": {}}',
        b'{"seq": 9, "at": 1, "kind": "\\ud800", "payload": {}}',
        b'{"seq": 9, "at": 1, "kind": [], "payload": {}}',
        b'{"seq": 9, "at": 1, "kind": "slow", "payload": []}',
        b"[" * 20_000,
        b"5",
        bytes(5000),
    ],
)
def test_no_line_of_a_copy_keeps_a_ledger_from_being_rebuilt(tmp_path: Path, line: bytes) -> None:
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    for seq, event in enumerate((Created(spec), SubmitStarted(5), Sending(), Submitted("r-1"))):
        ledger.append(spec.id, seq, event)
    ledger.close()
    (folder / FILE_NAME).unlink()
    with open(folder / "jobs" / f"{spec.id}.jsonl", "ab") as file:
        file.write(line + b"\n")
    assert jobs_of(folder)[spec.id].request_id == "r-1"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)  # sparse: it takes no room


NO_FILES = pytest.mark.parametrize(
    "make",
    [
        pytest.param(pipe, marks=posix("there are no such pipes")),
        pytest.param(huge, marks=posix("a file has no holes there: it would take a terabyte")),
        Path.mkdir,
    ],
)


@NO_FILES
def test_nothing_that_is_no_file_keeps_a_ledger_from_being_rebuilt(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    spec = make_spec()
    ledger.append(spec.id, 0, Created(spec))
    ledger.close()
    (folder / FILE_NAME).unlink()
    make(folder / "jobs" / f"{make_spec().id}x.jsonl")
    make(folder / LIMITS_NAME)
    within(PATIENCE, lambda: Ledger.open(folder).close())
    ledger = Ledger.open(folder)
    assert ledger.rebuilt is False  # the first opening did
    assert [job.id for job in ledger.jobs()] == [spec.id]
    assert ledger.limits().day == 1  # less than anything costs: nothing is bought
    ledger.close()


@NO_FILES
def test_nothing_that_is_no_file_stops_the_log_of_a_job(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """It is read on Blender's main thread."""
    folder = tmp_path / "data"
    (folder / "jobs").mkdir(parents=True)
    job = replay([(Created(make_spec()), 1.0)])
    for end in ("jsonl", "http"):
        make(folder / "jobs" / f"{job.id}.{end}")
    text = within(PATIENCE, lambda: job_log.text_of(job, folder, Redaction(), now=2.0))
    assert job.spec.prompt in text


def within(seconds: float, do: Callable[[], T]) -> T:
    """What ``do`` returns, in a thread: one that hangs fails the test and goes on alone."""
    done: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put(do())
        except BaseException as error:
            done.put(error)

    threading.Thread(target=run, daemon=True).start()
    answer = done.get(timeout=seconds)
    if isinstance(answer, BaseException):
        raise answer
    return answer


@posix("there are neither such pipes nor devices")
@pytest.mark.deadline
def test_an_inbox_full_of_rubbish_is_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    ledger = Ledger.open(folder)
    inbox = folder / "inbox"
    (inbox / "folder.json").mkdir()
    os.mkfifo(inbox / "pipe.json")
    (inbox / "nowhere.json").symlink_to(tmp_path / "gone")
    (inbox / "zero.json").symlink_to("/dev/zero")
    for number in range(500):
        (inbox / f"{number}.json").write_bytes(os.urandom(number))
    start = time.monotonic()
    assert waiting_commands(ledger.data_dir) == []
    assert time.monotonic() - start < at_once(10.0)
    assert os.listdir(inbox) == ["bad"]
    ledger.close()


@pytest.mark.parametrize("apart", [0.1, 3600.0], ids=["ten looks a second", "an hour apart"])
def test_a_ledger_that_stays_locked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: float
) -> None:
    """And not one that was locked at two looks, between which Blender rendered or the machine did something else."""
    import sqlite3

    folder = tmp_path / "data"
    Ledger.open(folder).close()
    clock = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    reader = LedgerReader(folder)
    other = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    looks = 0
    while not reader.refresh(1.0):
        assert reader.missed
        looks, clock[0] = looks + 1, clock[0] + apart
        assert looks < 10_000
    assert looks > 50
    assert looks * apart >= reader_module.LOCKED_AFTER
    assert "locked" in reader.trouble
    other.execute("ROLLBACK")
    other.close()
    reader.refresh(1.0)
    assert reader.trouble == ""
    # Met once more, it is a lock like any other: the seconds begin anew.
    with sqlite3.connect(folder / FILE_NAME, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        reader.refresh(1.0)
        clock[0] += 3600.0
        reader.refresh(1.0)
    other.close()
    assert (reader.missed, reader.trouble) == (True, "")
    reader.close()


def test_a_newer_ledger_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    import sqlite3

    folder = tmp_path / "data"
    Ledger.open(folder).close()
    with sqlite3.connect(folder / FILE_NAME) as other:
        other.execute("ALTER TABLE jobs RENAME TO clips")
        other.execute("PRAGMA user_version = 99")
    reader = LedgerReader(folder)
    reader.refresh(1.0)
    assert "newer" in reader.trouble
    assert not reader.damaged
    reader.close()
    with pytest.raises(LedgerError, match="newer"):
        Ledger.open(folder)

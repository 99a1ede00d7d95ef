"""The job list moves to another folder: whole, once, and never while anything is open.

Each kill, full disk and strange folder leaves one list that can be bought from, with all its jobs, sums and limits.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grok_video.core import events
from grok_video.core.job import Job, State
from grok_video.ledger import moving
from grok_video.ledger.errors import LedgerElsewhere, LedgerError, LedgerInUse
from grok_video.ledger.inbox import put_command, waiting_commands
from grok_video.ledger.journal import write_limits
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.moving import Moved, move
from grok_video.ledger.reader import LedgerReader
from grok_video.ledger.schema import FENCED, FILE_NAME
from grok_video.ledger.whereabouts import ARRIVING, MOVED
from tests.core.conftest import ROOT, make_spec
from tests.core.test_job import ROADS
from tests.core.test_worker import Blender, blender, make_blender, one_service, posts, service
from tests.patching import Patches
from tests.patience import PATIENCE
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

LIMIT = 7 * 10**10
AT_WORK = (State.SUBMITTING, State.RUNNING, State.DOWNLOADING)


def fill(folder: Path, states: tuple[State, ...]) -> None:
    """A list with a limit and a job in each state."""
    ledger = Ledger.open(folder)
    for state in states:
        spec = make_spec(prompt=f"A heron in {state}", estimate=3 * 10**9)
        for event in (events.Created(spec), *ROADS[state]):
            ledger.append(spec.id, None, event)
    with ledger.transaction():
        write_limits(folder, {"day": LIMIT, "month": 0, "count_loopback": 1})
        ledger.put_limits({"day": LIMIT, "count_loopback": 1})
    ledger.close()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder whose list has a job in each state in which nothing is under way."""
    folder = tmp_path / "old"
    fill(folder, tuple(state for state in ROADS if state not in AT_WORK))
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"


def go(source: Path, target: Path) -> Moved:
    return move(source, target, lambda _done, _of: None)


def jobs_of(folder: Path) -> list[Job]:
    ledger = Ledger.open(folder)
    found = ledger.jobs()
    assert ledger.limits().day == LIMIT
    ledger.close()
    return found


def read(folder: Path) -> LedgerReader:
    reader = LedgerReader(folder)
    reader.refresh(10.0)
    reader.close()
    return reader


def refused(source: Path, target: Path, words: str, kind: type[LedgerError] = LedgerError) -> None:
    """The move is refused with a sentence, and the list is where it was, with all that is in it."""
    before = jobs_of(source)
    with pytest.raises(kind, match=words):
        go(source, target)
    assert jobs_of(source) == before
    assert read(source).trouble == ""


def test_all_of_the_list_moves_and_the_old_folder_says_where_it_went(old: Path, new: Path) -> None:
    (old / "jobs" / "x.http").write_text("what was sent", "utf-8")
    before = jobs_of(old)
    copies = {path.name: path.read_bytes() for path in (old / "jobs").iterdir()}
    assert go(old, new) is Moved.MOVED
    assert jobs_of(new) == before
    assert {path.name: path.read_bytes() for path in (new / "jobs").iterdir()} == copies
    assert not (new / ARRIVING).exists()
    there, here = read(new), read(old)
    assert (there.trouble, there.limits.day) == ("", LIMIT)
    assert list(here.jobs.values()) == before
    assert (str(new) in here.trouble, here.elsewhere, here.damaged) == (True, True, False)
    assert Path(here.list_folder) == new
    for worker in ("", "w"):
        with pytest.raises(LedgerElsewhere, match=str(new)):
            Ledger.open(old, worker=worker)
    assert list((old / "workers").iterdir()) == []
    ledger = Ledger.open(new)
    ledger.append(before[0].id, None, events.StopRequested())
    ledger.close()


def test_there_and_back_and_on(old: Path, new: Path, tmp_path: Path) -> None:
    """A folder that the list has left takes it back; each folder that it has left names the last one."""
    before, third = jobs_of(old), tmp_path / "third"
    assert go(old, new) is Moved.MOVED
    assert go(new, old) is Moved.MOVED
    assert go(old, third) is Moved.MOVED
    for folder in (old, new):
        assert Path(read(folder).list_folder) == third
    assert jobs_of(third) == before
    assert go(old, third) is Moved.MOVED  # a Blender that still has the first one follows
    with pytest.raises(LedgerElsewhere, match="third"):
        go(new, tmp_path / "fourth")
    assert len(list(old.glob(f"{FILE_NAME}.before-*"))) == 1  # nothing was written over


def cut(tmp_path: Path, old: Path, limit: int) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("moving_steps.py")
    command = [sys.executable, "-I", str(script), str(tmp_path / "cuts"), str(old), str(limit)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and /proc")
def test_killed_at_each_step_there_is_one_list(tmp_path: Path) -> None:
    """And the next try ends the move. What the new folder holds is on the disk before the old one gives up."""
    old = tmp_path / "old"
    fill(old, (State.QUEUED, State.READY))
    before = jobs_of(old)
    all_of_it = [sorted(job.id for job in before), sum(job.spent for job in before), LIMIT]
    assert all_of_it[1]
    whole, *rows = cut(tmp_path, old, 0)
    assert whole["came"][1:] == ["MOVED", []]
    assert len(rows) > 30
    where = set()
    for row in rows:
        # Of a worker of 0.1.0, which reads no note, the version keeps one list at most as well.
        assert row["versions"] != [1, 1], row
        there = [at for at, found in enumerate(row["lists"]) if found]
        # Given up and not let in yet: the next try, which the old folder asks for, opens the new one.
        assert len(there) == 1 or row["versions"][0] == FENCED, row
        assert all(row["lists"][at] == all_of_it for at in there), row
        where |= set(there)
        assert row["again"][1] == "MOVED", row
        assert row["after"] == [None, all_of_it], row
        assert row["left"] == ["limits.json"], row
    assert where == {0, 1}


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
@pytest.mark.parametrize("limit", [1, 5_000, 40_000])
def test_a_full_disk_leaves_the_list_where_it_is(tmp_path: Path, limit: int) -> None:
    old = tmp_path / "old"
    fill(old, (State.QUEUED, State.READY))
    (row,) = cut(tmp_path, old, limit)
    assert "stays where it is" in row["came"][1]
    assert row["lists"][0] is not None
    assert row["lists"][1] is None
    assert row["again"][1] == "MOVED"


@pytest.mark.parametrize("state", AT_WORK)
def test_what_is_under_way_keeps_the_list(tmp_path: Path, new: Path, state: State) -> None:
    fill(tmp_path / "old", (state, State.READY))
    refused(tmp_path / "old", new, f"1 clip is .*A heron in {state}", LedgerInUse)
    assert not new.exists()


def test_a_file_that_is_fetched_again_keeps_the_list(old: Path, new: Path) -> None:
    ledger = Ledger.open(old)
    (ready,) = (job for job in ledger.jobs() if job.state is State.READY)
    ledger.append(ready.id, None, events.FetchAgain())
    ledger.close()
    refused(old, new, "A heron in READY", LedgerInUse)


def test_a_click_that_no_worker_has_taken_up_keeps_the_list(old: Path, new: Path) -> None:
    put_command(old, "submit", spec=make_spec())
    refused(old, new, "not in the list yet", LedgerInUse)


def test_what_is_said_while_the_list_is_copied_keeps_it_too(old: Path, new: Path) -> None:
    """By another Blender, which does not know of the move: in the folder that is left nobody would hear it."""

    def said(_done: int, _of: int) -> None:
        put_command(old, "heard")

    with pytest.raises(LedgerInUse, match="not in the list yet"):
        move(old, new, said)
    assert not (old / MOVED).exists()
    assert not (new / FILE_NAME).exists()
    Ledger.open(old).close()


def test_a_living_worker_keeps_the_list(
    blender: Blender, new: Path, patches: Patches, service: StandIn
) -> None:
    """Also one that has nothing to do; what it was asked for goes on."""
    patches.set(moving, "LEAVING", 0.2)
    blender.start()
    with pytest.raises(LedgerInUse, match="background worker"):
        go(blender.data, new)
    blender.until(blender.submit(), State.READY)
    assert not new.exists()
    patches.set(moving, "LEAVING", 30.0)
    assert blender.process is not None
    assert blender.process.stdin is not None
    blender.process.stdin.close()  # told to leave
    assert go(blender.data, new) is Moved.MOVED
    assert blender.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("version", ["this one", "0.1.0"])
def test_no_worker_buys_from_the_old_folder(
    blender: Blender, service: StandIn, new: Path, tmp_path: Path, version: str
) -> None:
    """Not even by a click of a Blender that has not heard of the move."""
    Ledger.open(blender.data).close()
    assert go(blender.data, new) is Moved.MOVED
    if version == "0.1.0":
        blender.program = tmp_path / "0.1.0"
        shutil.unpack_archive(ROOT / "tests" / "data" / "grok_video-0.1.0.zip", blender.program)
    put_command(blender.data, "submit", spec=blender.spec())
    blender.spawn()
    assert blender.process is not None
    assert blender.process.wait(PATIENCE) == 3
    assert posts(service) == []
    assert read(new).jobs == {}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("the same", "already"),
        ("a link to it", "already"),
        ("another name for it", "already"),
        ("inside", "inside of the other"),
        ("inside of a link to it", "inside of the other"),
        ("around", "inside of the other"),
        ("a file", "no folder"),
        ("below a file", "cannot be used"),
        ("a system's folder", "cannot be used"),
        ("a link that leads nowhere", "no folder"),
        ("a folder with a file in a folder's place", "cannot be used"),
    ],
)
def test_a_folder_that_cannot_take_it(old: Path, tmp_path: Path, what: str, words: str) -> None:
    (tmp_path / "link").symlink_to(old)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    (tmp_path / "file").touch()
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "jobs").touch()
    targets = {
        "the same": old,
        "a link to it": tmp_path / "link",
        "another name for it": tmp_path / "odd" / ".." / "old",
        "inside": old / "sub",
        "inside of a link to it": tmp_path / "link" / "sub",
        "around": tmp_path,
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "list",
        "a system's folder": Path("/proc/list"),
        "a link that leads nowhere": tmp_path / "nowhere",
        "a folder with a file in a folder's place": tmp_path / "odd",
    }
    refused(old, targets[what], words)


def test_a_list_that_is_there_is_opened_as_it_is(old: Path, new: Path) -> None:
    fill(new, (State.UNKNOWN,))
    before = (jobs_of(old), jobs_of(new))
    assert go(old, new) is Moved.OPENED
    assert (jobs_of(old), jobs_of(new)) == before
    assert read(old).trouble == ""


@pytest.mark.parametrize("what", ["no ledger", "rubbish", "cut"])
def test_a_list_that_is_damaged_is_opened_from_its_copies(old: Path, new: Path, what: str) -> None:
    fill(new, (State.UNKNOWN, State.READY))
    before, path = {job.id for job in jobs_of(new)}, new / FILE_NAME
    data = path.read_bytes()
    path.unlink()
    if what != "no ledger":
        path.write_bytes(b"rubbish" * 999 if what == "rubbish" else data[:5000])
    assert go(old, new) is Moved.OPENED
    assert {job.id for job in jobs_of(new)} == before
    assert read(old).trouble == ""


def test_a_copy_that_is_not_whole_is_not_used(old: Path, new: Path) -> None:
    """An index that lacks what it should have is no damage that each opening looks for."""
    ledger = Ledger.open(old)
    ledger.connection.execute("PRAGMA writable_schema=ON")
    ledger.connection.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'submit_started', 'created') WHERE name = 'spending'"
    )
    ledger.close()
    refused(old, new, "not the same")
    assert not (new / FILE_NAME).exists()


def test_a_list_of_a_newer_version_is_not_opened(old: Path, new: Path) -> None:
    ledger = Ledger.open(new)
    ledger.connection.execute("PRAGMA user_version=2")
    ledger.close()
    refused(old, new, "newer version")


def test_a_list_that_went_elsewhere_is_named(old: Path, new: Path, tmp_path: Path) -> None:
    fill(new, (State.READY,))
    go(new, tmp_path / "third")
    refused(old, new, "third")


@pytest.mark.parametrize(
    "what", ["gone", "damaged", "rubbish as note", "pipe as note", "older copy"]
)
def test_what_is_left_of_the_old_list_comes_to_no_life(
    old: Path, new: Path, tmp_path: Path, what: str
) -> None:
    """A tidy user deletes the old ledger, a sync tool puts one back: no second list is made of the copies."""
    shutil.copyfile(old / FILE_NAME, tmp_path / "copy")
    go(old, new)
    match what:
        case "gone":
            (old / FILE_NAME).unlink()
        case "damaged":
            (old / FILE_NAME).write_bytes(b"rubbish" * 999)
        case "older copy":
            shutil.copyfile(tmp_path / "copy", old / FILE_NAME)
        case "pipe as note":
            (old / MOVED).unlink()
            os.mkfifo(old / MOVED)
        case _:
            (old / MOVED).write_text("{", "utf-8")
    with pytest.raises(LedgerElsewhere):
        Ledger.open(old)
    reader = read(old)
    assert "moved" in reader.trouble
    assert (reader.elsewhere, reader.damaged) == (True, False)


def test_a_disk_that_is_not_there_gets_no_folder_in_its_place(old: Path, new: Path) -> None:
    go(old, new)
    new.rename(new.with_name("away"))
    with pytest.raises(LedgerElsewhere, match="new"):
        go(old, new)
    assert not new.exists()


def test_a_new_folder_that_is_lost_for_ever(old: Path, new: Path) -> None:
    """By the artist's own hand the old list is the list again."""
    before = jobs_of(old)
    go(old, new)
    shutil.rmtree(new)
    (old / MOVED).unlink()
    assert read(old).damaged  # a worker opens it
    assert jobs_of(old) == before
    assert read(old).trouble == ""


KILLED = """
import os, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from grok_video.ledger.moving import move
name, real = {name!r}, os.replace
def replace(part, path):
    if (path.name, {named}) == (name, False): os.kill(os.getpid(), 9)
    real(part, path)
    if path.name == name: os.kill(os.getpid(), 9)
os.replace = replace
move(Path({source!r}), Path({target!r}), lambda done, of: None)
"""


def killed(source: Path, target: Path, name: str, *, named: bool) -> None:
    """A process moves the list and is killed as a file gets that name, before or after."""
    code = KILLED.format(
        root=str(ROOT), name=name, named=named, source=str(source), target=str(target)
    )
    assert subprocess.run([sys.executable, "-I", "-c", code]).returncode == -9


@pytest.mark.parametrize(
    ("name", "named"), [(FILE_NAME, True), (MOVED, False), (MOVED, True)], ids=str
)
@pytest.mark.parametrize("then", ["the source is gone", "another list in its place"])
def test_what_a_killed_move_has_brought_is_kept(
    old: Path, new: Path, tmp_path: Path, name: str, named: bool, then: str
) -> None:
    """It may be the last copy. By the artist's own hand it is a list."""
    before = jobs_of(old)
    killed(old, new, name, named=named)
    shutil.rmtree(old)
    fill(tmp_path / "other", (State.READY,))
    if then == "another list in its place":
        (tmp_path / "other").rename(old)
        assert go(old, new) is Moved.MOVED
        (kept,) = new.glob(f"{FILE_NAME}.before-*")
        shutil.copyfile(kept, new / FILE_NAME)
    else:
        refused(tmp_path / "other", new, ARRIVING)
        with pytest.raises(LedgerElsewhere, match=ARRIVING):
            go(old, new)
        (new / ARRIVING).unlink()
    assert {job.id for job in before} <= {job.id for job in jobs_of(new)}


def test_killed_on_the_way_back_the_folder_names_where_to_go_on(old: Path, new: Path) -> None:
    """Not itself, by the note that the other folder still has of the first move."""
    before = jobs_of(old)
    go(old, new)
    killed(new, old, MOVED, named=True)
    assert str(old) in read(new).trouble
    assert go(new, Path(read(new).list_folder)) is Moved.MOVED
    assert jobs_of(old) == before


@pytest.mark.parametrize("back", [False, True])
def test_what_a_list_has_left_in_a_folder_changes_no_list_that_comes(
    old: Path, new: Path, back: bool
) -> None:
    """The rollback journal of a killed writer, limits, and words that no worker has taken up."""
    before = jobs_of(old)
    if back:
        go(old, new)
        old, new = new, old
    fill(new.with_name("other"), (State.READY,))
    code = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('PRAGMA cache_size=1');"
        "db.executescript('BEGIN; CREATE TABLE x(a); UPDATE jobs SET fold = 0;' + 'INSERT INTO x VALUES "
        "(zeroblob(9000));' * 99); os.kill(os.getpid(), 9)"
    )
    path = new.with_name("other") / FILE_NAME
    assert subprocess.run([sys.executable, "-c", code, path]).returncode == -9
    new.mkdir(exist_ok=True)
    shutil.copyfile(f"{path}-journal", new / f"{FILE_NAME}-journal")
    assert (new / f"{FILE_NAME}-journal").stat().st_size
    (old / "limits.json").unlink()
    write_limits(new, {"day": 1, "month": 1, "count_loopback": 0})
    if back:
        put_command(new, "limits", day=LIMIT * 99)
    assert go(old, new) is Moved.MOVED
    ledger = Ledger.open(new)
    assert (ledger.rebuilt, ledger.limits().month, waiting_commands(new)) == (False, 0, [])
    ledger.close()
    assert jobs_of(new) == before


@pytest.mark.parametrize("name", [ARRIVING, "jobs"])
def test_what_lies_in_a_folder_that_cannot_take_the_list_back_is_kept(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Another list is in the new folder by now: what the old one keeps is the last copy of its jobs."""
    before = sorted((old / "jobs").glob("*.jsonl"))
    go(old, new)
    shutil.rmtree(new)
    fill(new, (State.READY,))
    replace = os.replace

    def full(path: Path, place: Path) -> None:
        if old in Path(place).parents and name in (Path(path).name, Path(place).name):
            raise OSError(28, "No space left on device")
        replace(path, place)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        refused(new, old, "No space")
    assert sorted((old / "jobs").glob("*.jsonl")) == before
    assert list(old.glob(f"{FILE_NAME}*"))
    assert go(new, old) is Moved.MOVED


def process(source: Path, target: Path, report: Path) -> subprocess.Popen[bytes]:
    """The move as Blender begins it."""
    command = [sys.executable, "-I", str(ROOT / "grok_video"), "--move", source, target, report]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # pyright: ignore[reportArgumentType]


def told(report: Path) -> dict[str, Any]:
    last: dict[str, Any] = json.loads(report.read_text("utf-8").splitlines()[-1])
    return last


def test_two_moves_at_once_are_one(old: Path, tmp_path: Path) -> None:
    before = jobs_of(old)
    places = [tmp_path / name for name in ("one", "two")]
    both = [process(old, place, tmp_path / f"{place.name}.report") for place in places]
    for one in both:
        one.wait(PATIENCE)
    ends = {place: told(tmp_path / f"{place.name}.report") for place in places}
    (winner,) = (place for place, words in ends.items() if words.get("ended") == "MOVED")
    (loser,) = (place for place in places if place != winner)
    assert str(winner) in ends[loser]["failed"]
    assert jobs_of(winner) == before
    assert not (loser / FILE_NAME).exists()


def test_stopped_the_list_is_where_it_was(old: Path, new: Path, tmp_path: Path) -> None:
    before = jobs_of(old)
    moving_now = process(old, new, tmp_path / "report")
    assert moving_now.stdin is not None
    moving_now.stdin.close()
    assert moving_now.wait(PATIENCE) == 0
    if "failed" in (words := told(tmp_path / "report")):
        assert "stays where it is" in words["failed"]
        assert jobs_of(old) == before
        assert sorted(path.name for path in new.iterdir() if path.is_file()) == ["opening.lock"]
    else:  # on a machine that is slow to say so
        assert jobs_of(new) == before

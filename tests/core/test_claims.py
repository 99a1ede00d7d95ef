"""Shots are bought once, by whichever host comes first: claims on shared storage, and the task that buys, as real processes.

Engines run a task again, kill it anywhere, and run it on two hosts at once. Counted at the service.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.shot import Shot
from grok_video.core.spec import new_id
from grok_video.core.word import held_because, is_lapse
from grok_video.farm.claims import SILENT, Claim, Claims, ClaimTrouble, Watch
from grok_video.farm.ledger_name import name_of
from grok_video.farm.shot_folder import Listed, ShotList, clip_of, digest_of, names_for, write_list
from tests.core.conftest import ROOT, wait_for
from tests.core.test_worker import one_service, posts, service  # noqa: F401 - fixtures
from tests.patience import PATIENCE
from tests.posix import posix
from tests.stand_in.client import StandIn

LEDGER, OTHER = "a" * 32, "b" * 32


def claims_in(folder: Path, ledger: str = LEDGER, host: str = "host-a") -> Claims:
    return Claims(folder, ledger, host)


# ---------------------------------------------------------------------------------------------------- one claim


def test_the_first_claim_holds(tmp_path: Path) -> None:
    ours, theirs = claims_in(tmp_path), claims_in(tmp_path, OTHER, "host-b")
    job, late = new_id(), new_id()
    held = ours.take("s010", "mark", job)
    assert held == Claim("s010", "mark", "host-a", LEDGER, job)
    assert theirs.take("s010", "mark", late) == held
    assert theirs.read("s010") == held
    assert ours.is_ours(held)
    assert not theirs.is_ours(held)
    assert not claims_in(tmp_path, LEDGER, "a-clone").is_ours(held)
    assert theirs.read("s020") is None
    assert [path.name for path in (tmp_path / "claims").iterdir()] == ["s010.json"]


@posix("asks the system what was synced")
def test_a_claim_is_on_the_disk_before_anything_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append((found.st_dev, found.st_ino))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    claims_in(tmp_path).take("s010", "mark", new_id())
    for path in (tmp_path / "claims" / "s010.json", tmp_path / "claims"):
        found = path.stat()
        assert (found.st_dev, found.st_ino) in synced


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_hard_links_one_makes_it_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def link(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    job = new_id()
    held = claims_in(tmp_path).take("s010", "mark", job)
    assert held.job == job
    assert claims_in(tmp_path, OTHER).take("s010", "mark", new_id()) == held


def test_an_answer_that_the_share_lost_is_found_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def link(part: Path, path: Path) -> None:
        real(part, path)
        raise FileExistsError(errno.EEXIST, "the request was sent twice")

    monkeypatch.setattr(os, "link", link)
    job = new_id()
    assert claims_in(tmp_path).take("s010", "mark", job).job == job


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "torn": b'{"version": 1, "shot": "s010", "ma',
    "huge": b" " * 10_000,
    "no object": b"[]",
    "deep": b"[" * 4000,
    "another shot": json.dumps(
        {"version": 1, "shot": "s020", "mark": "m", "host": "h", "ledger": LEDGER, "job": "c" * 32}
    ).encode(),
    "a path outside": json.dumps(
        {
            "version": 1,
            "shot": "s010",
            "mark": "m",
            "host": "h",
            "ledger": "../../x",
            "job": "c" * 32,
        }
    ).encode(),
    "wrong types": json.dumps(
        {"version": 1, "shot": "s010", "mark": 1, "host": [], "ledger": None, "job": {}}
    ).encode(),
    "a newer version": json.dumps(
        {"version": 2, "shot": "s010", "mark": "m", "host": "h", "ledger": LEDGER, "job": "c" * 32}
    ).encode(),
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_claim_is_said_and_nobody_buys(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "claims" / "s010.json"
    path.parent.mkdir()
    path.write_bytes(content)
    claims = claims_in(tmp_path)
    for ask in (lambda: claims.read("s010"), lambda: claims.take("s010", "mark", new_id())):
        with pytest.raises(ClaimTrouble, match=r"“s010” cannot be read.*shots release s010"):
            ask()
    assert path.read_bytes() == content
    assert claims.take("s020", "mark", new_id()).shot == "s020"  # the other shots go on


@posix("links and pipes")
@pytest.mark.parametrize("what", ["folder", "link", "pipe"])
def test_what_is_no_file_is_said_and_nobody_waits_for_it(tmp_path: Path, what: str) -> None:
    path = tmp_path / "claims" / "s010.json"
    path.parent.mkdir()
    if what == "folder":
        path.mkdir()
    elif what == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path)
    with pytest.raises(ClaimTrouble, match="“s010”"):
        claims_in(tmp_path).take("s010", "mark", new_id())
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.ESTALE])
def test_a_folder_that_takes_no_claim_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def link(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(ClaimTrouble) as caught:
        claims_in(tmp_path).take("s010", "mark", new_id())
    assert os.strerror(number) in str(caught.value)
    assert "“s010”" in str(caught.value)
    assert "Nothing was bought" in str(caught.value)
    assert list((tmp_path / "claims").iterdir()) == []


def test_a_folder_that_is_gone_is_no_free_shot(tmp_path: Path) -> None:
    claims = claims_in(tmp_path / "share")
    for ask in (lambda: claims.read("s010"), lambda: claims.take("s010", "mark", new_id())):
        with pytest.raises(ClaimTrouble, match="“s010”"):
            ask()
    assert not (tmp_path / "share").exists()


@pytest.mark.parametrize("shot", ["", "../x", "a/b", "S010", "a" * 65, "-x", "a\n"])
def test_no_other_name_makes_a_file(tmp_path: Path, shot: str) -> None:
    with pytest.raises(ClaimTrouble, match="no name of a shot"):
        claims_in(tmp_path).take(shot, "mark", new_id())
    assert not any(tmp_path.rglob("*.json"))


def test_only_a_person_frees_a_shot(tmp_path: Path) -> None:
    claims = claims_in(tmp_path)
    assert not claims.release("s010")
    claims.take("s010", "mark", new_id())
    assert claims_in(tmp_path, OTHER).release("s010")
    assert claims.read("s010") is None
    (tmp_path / "claims" / "s010.json").write_bytes(b"torn")
    assert claims.release("s010")


# ------------------------------------------------------------------------------------------------- signs of life


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_holder_lives_as_long_as_its_heartbeat_changes(tmp_path: Path) -> None:
    holder, clock = claims_in(tmp_path), Clock()
    claim = holder.take("s010", "mark", new_id())
    watch = Watch(claims_in(tmp_path, OTHER), clock)
    holder.beat(1.0)
    assert watch.silent(claim) == 0.0
    for number in range(1, 50):
        holder.beat(1.0 + 100 * number)
        clock.now += SILENT - 1
        assert not watch.is_gone(claim)
    clock.now += SILENT - 1
    assert not watch.is_gone(claim)
    clock.now += 2
    assert watch.is_gone(claim)
    holder.beat(1e6)  # it was only cut off
    clock.now += 5
    assert not watch.is_gone(claim)


def test_no_clock_of_another_host_is_believed(tmp_path: Path) -> None:
    """A heartbeat file from the future, or from 1970, is a heartbeat as good as any."""
    holder, clock = claims_in(tmp_path), Clock()
    claim = holder.take("s010", "mark", new_id())
    holder.beat(1.0)
    watch = Watch(claims_in(tmp_path, OTHER), clock)
    beat = tmp_path / "claims" / f"{LEDGER}.beat"
    for at in (0, 4_000_000_000):
        os.utime(beat, (at, at))
        assert watch.silent(claim) < SILENT
        clock.now += SILENT / 2
    assert watch.is_gone(claim)


@pytest.mark.parametrize("content", [b"", b"x" * 100_000, b"\xff\xfe"])
def test_a_broken_heartbeat_is_no_sign_of_life_for_ever(tmp_path: Path, content: bytes) -> None:
    claim = claims_in(tmp_path).take("s010", "mark", new_id())
    (tmp_path / "claims" / f"{LEDGER}.beat").write_bytes(content)
    clock = Clock()
    watch = Watch(claims_in(tmp_path, OTHER), clock)
    watch.silent(claim)
    clock.now += SILENT
    assert watch.is_gone(claim)


def test_only_a_job_that_waits_for_a_word_is_sent_by_the_task() -> None:
    assert is_lapse(held_because("This job was left over when Blender ended."))
    assert not is_lapse(Problem(ProblemCode.LIMIT, "Over.", "Press Send to send it now."))
    assert not is_lapse(Problem(ProblemCode.HELD, "Rebuilt.", "Press Send to send this job."))
    assert not is_lapse(None)


def test_a_data_folder_keeps_its_name(tmp_path: Path) -> None:
    assert name_of(tmp_path / "a") == name_of(tmp_path / "a") != name_of(tmp_path / "b")
    (tmp_path / "a" / "farm.id").write_bytes(b"forged")
    with pytest.raises(ClaimTrouble, match=r"farm\.id"):
        name_of(tmp_path / "a")


# -------------------------------------------------------------------------------------------- the task that buys


class Farm:
    """A shared folder with an exported list, and hosts that run the task."""

    def __init__(self, tmp_path: Path, of: StandIn, names: list[str]) -> None:
        self.folder, self.tmp, self.service = tmp_path / "share", tmp_path, of
        self.folder.mkdir()
        shots = [Shot(name) for name in names]
        self.files = names_for(names)
        listed = tuple(
            Listed(file, row, new_id(), name, True, 520_000_000)
            for row, (file, name) in enumerate(zip(self.files, names, strict=True))
        )
        digest = digest_of(shots, "", "")
        write_list(
            self.folder, ShotList("/film.blend", "0" * 64, "Scene", digest, listed), shots, "", ""
        )
        self.log = tmp_path / "points.txt"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, host: str = "host-a", data: str = "a", **more: Any) -> subprocess.Popen[str]:
        told = {
            "folder": str(self.folder),
            "data": str(self.tmp / data),
            "host": host,
            "base": self.service.base,
            "key": self.service.key,
            "log": str(self.log),
            **more,
        }
        self.started.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.core.buying_task", json.dumps(told)],
                stdout=subprocess.PIPE,
                encoding="utf-8",
                cwd=ROOT,
            )
        )
        return self.started[-1]

    def run(self, **told: Any) -> dict[str, list[str]] | None:
        """What a run of the task says of each shot; None where it was killed."""
        return self.end(self.start(**told))

    def end(self, process: subprocess.Popen[str]) -> dict[str, list[str]] | None:
        out, _ = process.communicate(timeout=PATIENCE)
        if process.returncode:
            assert process.returncode == -9, out
            return None
        return json.loads(out)

    def bought_once(self) -> None:
        """One POST a shot, and each shot's clip in the folder."""
        assert len(posts(self.service)) == len(self.files)
        assert all(clip_of(self.folder, file) for file in self.files)


@pytest.fixture
def farm(tmp_path: Path, service: StandIn) -> Any:  # noqa: F811
    made: list[Farm] = []

    def make(*names: str) -> Farm:
        made.append(Farm(tmp_path, service, list(names)))
        return made[-1]

    yield make
    for one in made:
        for process in one.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def test_one_run_buys_each_shot_once(farm: Callable[..., Farm]) -> None:
    one = farm("s010", "Šárka / 2", "s010")
    assert one.run() == {file: ["DONE", ""] for file in one.files}
    one.bought_once()
    assert one.run() == {file: ["DONE", ""] for file in one.files}  # by a click on *requeue*
    assert one.run(host="host-b", data="b") == {file: ["DONE", ""] for file in one.files}
    one.bought_once()


@posix("killed with SIGKILL")
@pytest.mark.long
def test_killed_at_every_boundary_and_run_again(farm: Callable[..., Farm], tmp_path: Path) -> None:
    """Each point that a whole run passes becomes a kill; the next run finishes, and the service has one POST a shot."""
    whole = farm("s010")
    assert whole.run()
    passed = whole.log.read_text("utf-8").split("\n")[:-1]
    counted: Counter[str] = Counter()
    points: list[tuple[str, int]] = []
    for name in passed:
        counted[name] += 1
        points.append((name, counted[name]))
    assert {"take: before", "take: after", "queue: before", "queue: after"} <= set(counted)
    assert any(name.startswith("job is RUNNING") for name in counted)
    for number, point in enumerate(points):
        whole.service.reset()
        (tmp_path / str(number)).mkdir()
        one = Farm(tmp_path / str(number), whole.service, ["s010"])
        assert one.run(kill=list(point)) is None, point
        assert one.run() == {"s010": ["DONE", ""]}, point
        one.bought_once()


@pytest.mark.parametrize("second", [("host-a", "a"), ("host-b", "b")], ids=["one ledger", "two"])
def test_run_twice_at_once(
    farm: Callable[..., Farm], tmp_path: Path, second: tuple[str, str]
) -> None:
    one = farm("s010", "s020", "s030")
    gate = tmp_path / "go"
    runs = [
        one.start(after=str(gate)),
        one.start(host=second[0], data=second[1], after=str(gate)),
    ]
    gate.touch()
    for process in runs:
        assert one.end(process) == {file: ["DONE", ""] for file in one.files}
    one.bought_once()


def test_another_ledger_says_who_holds_what_a_dead_host_claimed(farm: Callable[..., Farm]) -> None:
    one = farm("s010", "s020")
    assert one.run(kill=["queue: before", 1]) is None
    claim = claims_in(one.folder).read("s010")
    assert claim is not None
    found = one.run(host="host-b", data="b", silent=3.0)
    assert found is not None
    end, sentence = found["s010"]
    assert end == "GONE"
    assert claim.host in sentence
    assert claim.job[:8] in sentence
    assert found["s020"] == ["DONE", ""]  # the others go on
    assert len(posts(one.service)) == 1
    # Its own ledger goes on; what the other host has bought meanwhile is not bought again.
    assert one.run() == {file: ["DONE", ""] for file in one.files}
    one.bought_once()


def test_a_shot_that_a_person_frees_is_taken_by_who_waits_for_it(farm: Callable[..., Farm]) -> None:
    one = farm("s010")
    assert one.run(kill=["take: after", 1]) is None
    waiting = one.start(host="host-b", data="b")
    assert claims_in(one.folder).release("s010")
    assert one.end(waiting) == {"s010": ["DONE", ""]}
    one.bought_once()
    held = claims_in(one.folder).read("s010")
    assert held is not None
    assert held.host == "host-b"


def test_a_shot_that_cannot_be_bought_is_not_claimed(farm: Callable[..., Farm]) -> None:
    one = farm("refused", "s020")
    found = one.run()
    assert found == {"refused": ["REFUSED", "There is no still of it."], "s020": ["DONE", ""]}
    assert claims_in(one.folder).read("refused") is None
    assert len(posts(one.service)) == 1


def test_a_lost_answer_is_not_bought_again_by_any_run(farm: Callable[..., Farm]) -> None:
    one = farm("s010")
    one.service.fail("submit", "answer-lost")
    for _ in range(2):
        found = one.run()
        assert found is not None
        assert found["s010"][0] == "UNKNOWN"
    assert len(posts(one.service)) == 1


def test_what_was_refused_by_the_service_is_said_and_not_tried_again(
    farm: Callable[..., Farm],
) -> None:
    one = farm("s010")
    one.service.fail("submit", 400)
    for _ in range(2):
        found = one.run()
        assert found is not None
        assert found["s010"][0] == "FAILED"
    assert len(posts(one.service)) == 1


def test_a_claim_of_another_list_is_not_followed(farm: Callable[..., Farm]) -> None:
    one = farm("s010")
    claims_in(one.folder, OTHER, "host-z").take("s010", "another mark", new_id())
    found = one.run()
    assert found is not None
    assert "another list" in found["s010"][1]
    assert posts(one.service) == []


def test_waiting_ends_when_the_holder_is_done(farm: Callable[..., Farm]) -> None:
    """The second host waits, and neither buys nor gives up."""
    one = farm("s010")
    one.service.settings(job_seconds=1.5)
    first = one.start()
    wait_for(lambda: claims_in(one.folder).read("s010"), "the claim")
    assert one.run(host="host-b", data="b") == {"s010": ["DONE", ""]}
    assert one.end(first) == {"s010": ["DONE", ""]}
    one.bought_once()

"""The order in which a farm's task buys: what a person or the share does in the middle of it, step by step.

With claims on a disk, and jobs as a ledger would have them. The same task as a process, with a service, is ``test_claims``'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from grok_video.core.job import Job, State
from grok_video.core.shot import Shot
from grok_video.core.spec import new_id
from grok_video.core.word import held_because
from grok_video.farm.buying import MOST_UNSENT, Buying, End
from grok_video.farm.claims import BEAT, Claims, ClaimTrouble
from grok_video.farm.shot_folder import LIST, Listed, ShotList, digest_of, write_list
from tests.core.conftest import make_spec

OURS, THEIRS = "a" * 32, "b" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A ledger, and what the making of pictures meets."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.sent: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def job(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id)

    def refusal(self, listed: Listed, job_id: str) -> str:
        self.meanwhile()
        return ""

    def queue(self, listed: Listed, job_id: str) -> str:
        self.sent.append(job_id)
        self.jobs[job_id] = job_of(job_id)
        return ""

    def send(self, job: Job) -> str:
        self.sent.append(job.id)
        return ""

    def retry(self, job: Job) -> str:
        return ""


def job_of(job_id: str) -> Job:
    return Job(make_spec(id=job_id), State.QUEUED, 1, 0.0, 0.0, "session-a", 0.0)


class Run:
    """A run of the task on a host, whose list has ``count`` shots."""

    def __init__(self, folder: Path, count: int = 1) -> None:
        self.folder = folder
        self.listed = [Listed(f"s{row}", row, f"mark{row}", "", False, 1) for row in range(count)]
        listing = ShotList("/film.blend", "0" * 64, "Scene", digest_of([], "", ""), ())
        write_list(folder, listing, [Shot("s")], "", "")
        self.ours = Claims(folder, OURS, "host-a")
        self.theirs = Claims(folder, THEIRS, "host-b")
        self.desk, self.clock = Desk(), Clock()
        self.buying = Buying(folder, self.ours, self.listed, self.desk, self.clock)

    def freed_and_taken(self) -> None:
        """A person frees the shot, and another host buys it."""
        assert self.theirs.release("s0")
        self.theirs.take("s0", "mark0", new_id())


def test_what_another_host_has_claimed_while_pictures_were_made_is_not_bought(
    tmp_path: Path,
) -> None:
    """Killed after the claim and run again; a person frees the shot just then."""
    run = Run(tmp_path)
    run.ours.take("s0", "mark0", new_id())
    run.desk.meanwhile = run.freed_and_taken
    run.buying.step()
    run.desk.meanwhile = lambda: None
    run.buying.step()
    assert run.desk.sent == []
    assert not run.buying.shots[0].ours


def test_a_job_whose_word_has_lapsed_is_not_sent_where_another_host_buys_the_shot(
    tmp_path: Path,
) -> None:
    """A computer that slept with a job that waits: it was given up, freed and bought elsewhere."""
    run = Run(tmp_path)
    run.buying.step()
    (job_id,) = run.desk.sent
    lapsed = held_because("The computer slept.")
    run.desk.jobs[job_id] = replace(run.desk.jobs[job_id], held=True, problem=lapsed)
    run.freed_and_taken()
    for _ in range(3):
        run.buying.step()
    assert run.desk.sent == [job_id]
    assert not run.buying.shots[0].ours


def test_the_empty_place_of_a_share_that_was_cut_off_is_no_free_shot(tmp_path: Path) -> None:
    """The folder is where the share was mounted: it is there without it, and empty."""
    run = Run(tmp_path)
    run.theirs.take("s0", "mark0", new_id())
    run.buying.step()
    (tmp_path / "claims").rename(tmp_path / "away")
    (tmp_path / LIST).rename(tmp_path / "away.json")
    for _ in range(3):
        run.clock.now += 10
        run.buying.step()
    assert run.desk.sent == []
    assert run.buying.shots[0].end is End.REFUSED
    assert LIST in run.buying.shots[0].sentence


def test_a_holder_beats_while_many_pictures_are_made(tmp_path: Path) -> None:
    """Whoever wants to free a shot looks for one and a half beats: no turn is longer without one."""
    run = Run(tmp_path, 5)
    beats: set[str] = set()
    for listed in run.listed:
        claim = run.ours.take(listed.file, listed.mark, new_id())

    def slow() -> None:
        run.clock.now += BEAT + 1
        beats.add(run.theirs.heartbeat(claim))

    run.desk.meanwhile = slow
    run.buying.step()
    assert len(beats - {""}) == len(run.listed)


def test_a_long_list_does_not_ask_the_share_at_each_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, MOST_UNSENT + 500)
    run.buying.step()
    assert len(run.desk.sent) == MOST_UNSENT
    asked: list[str] = []
    real = run.ours.read
    monkeypatch.setattr(run.ours, "read", lambda shot: asked.append(shot) or real(shot))
    for _ in range(5):
        run.buying.step()
    assert asked == []
    for job_id in run.desk.sent[:3]:
        run.desk.jobs[job_id] = replace(run.desk.jobs[job_id], state=State.RUNNING)
    run.clock.now += 10
    run.buying.step()
    assert len(run.desk.sent) == MOST_UNSENT + 3


def test_a_claim_that_is_just_being_written_is_waited_for(tmp_path: Path) -> None:
    """Without hard links a claim has its name before its content."""
    claims = Claims(tmp_path, OURS, "host-a")
    held = claims.take("s0", "mark0", new_id())
    path = tmp_path / "claims" / "s0.json"
    whole = path.read_bytes()
    path.write_bytes(b"")
    timer = Timer(0.1, path.write_bytes, [whole])
    timer.start()
    try:
        assert claims.read("s0") == held
    finally:
        timer.join()


def test_a_torn_claim_is_said_after_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "claims" / "s0.json"
    path.parent.mkdir()
    path.write_bytes(b'{"version": 1, ')
    begun = time.monotonic()
    with pytest.raises(ClaimTrouble, match="not whole"):
        Claims(tmp_path, OURS, "host-a").read("s0")
    assert time.monotonic() - begun < 30

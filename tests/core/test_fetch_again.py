"""A clip that was delivered and whose file is gone, moved or broken: fetched again for free, and nothing else happens."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import Event
from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe
from grok_video.core.problem import ProblemCode
from grok_video.core.spec import Kind
from grok_video.ledger.ledger import Ledger
from grok_video.worker.delivery import probed
from grok_video.worker.http.errors import Unwritable
from tests.core.conftest import clip_bytes, wait_for
from tests.core.test_old_version import old
from tests.core.test_worker import (
    FAST,
    Blender,
    blender,
    make_blender,
    one_service,
    service,
)
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "old", "one_service", "service"]  # fixtures


def delivered(blender: Blender, state: State = State.IMPORTED, **changes: Any) -> Job:
    """A job whose clip came, and its file."""
    job = blender.until(blender.submit(**changes), State.READY)
    if state is State.IMPORTED:
        blender.say("claim", job=job.id, session=blender.session)
        blender.until(job.id, lambda job: job.claimed_by)
        blender.say("imported", job=job.id, scene="Shot 1", blend="/films/a.blend")
        job = blender.until(job.id, State.IMPORTED)
    return job


def path_of(job: Job) -> Path:
    assert job.clip is not None
    return Path(job.clip.path)


def again(blender: Blender, job: Job) -> Job:
    """Ask for the file once more; the job when that has ended."""
    blender.say("fetch_again", job=job.id)
    return ended(blender, job)


def ended(blender: Blender, job: Job) -> Job:
    return blender.until(job.id, lambda now: now.seq > job.seq and not now.fetching)


def unchanged(before: Job, after: Job) -> None:
    """All that a job is, but what a file's way back may change."""
    for name in (
        "spec", "state", "imported_into", "claimed_by", "request_id", "cost", "reserved", "sent", "started_at",
        "submitted_at", "done_at", "ready_at", "finished_at", "released_by", "stop_requested", "not_charged", "driven",
    ):  # fmt: skip
        assert getattr(after, name) == getattr(before, name), name


def bought_once(service: StandIn, jobs: int = 1) -> None:
    assert len(service.requests("submit")) == len(service.jobs()) == jobs


def happened(data: Path, job_id: str) -> list[Event]:
    ledger = Ledger.open(data)
    events = [event for event, _ in ledger.events(job_id)]
    ledger.close()
    return events


# ------------------------------------------------------------------------------------------------------ gone


@pytest.mark.parametrize("state", [State.READY, State.IMPORTED])
def test_a_file_that_is_gone_comes_back(state: State, blender: Blender, service: StandIn) -> None:
    blender.start()
    job = delivered(blender, state)
    whole = path_of(job).read_bytes()
    path_of(job).unlink()
    after = again(blender, job)
    unchanged(job, after)
    assert (after.clip, after.problem, after.open) == (job.clip, None, False)
    assert path_of(job).read_bytes() == whole
    assert sorted(os.listdir(blender.project)) == [
        path_of(job).with_suffix(".json").name,
        path_of(job).name,
    ]
    bought_once(service)
    kinds = [event.kind for event in happened(blender.data, job.id)]
    assert kinds[job.seq :] == ["fetch_again", "fetched_again"]


def test_its_json_comes_back_as_well(blender: Blender) -> None:
    blender.start()
    job = delivered(blender)
    for path in blender.project.iterdir():
        path.unlink()
    again(blender, job)
    assert json.loads(path_of(job).with_suffix(".json").read_text("utf-8"))["job"] == job.id


def test_a_dead_link_is_asked_for_anew(blender: Blender, service: StandIn) -> None:
    """As a rule: a link lives for a day."""
    blender.start()
    job = delivered(blender)
    path_of(job).unlink()
    service.expire()
    after = again(blender, job)
    unchanged(job, after)
    assert after.clip == job.clip
    assert path_of(job).exists()
    assert after.url != job.url
    bought_once(service)
    events = happened(blender.data, job.id)[job.seq :]
    assert [event.kind for event in events] == [
        "fetch_again", "fetch_link", "fetch_link", "fetched_again",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ("expired", {"status": 200, "body": {"status": "expired"}}),
        ("unknown", {"status": 404, "body": {"code": "not-found", "error": "Unknown request"}}),
        ("dead", None),
    ],
)
def test_what_the_service_no_longer_has_is_said_and_the_job_stays(
    how: str, answer: dict[str, Any] | None, blender: Blender, service: StandIn
) -> None:
    blender.start()
    job = delivered(blender)
    path_of(job).unlink()
    service.expire(for_ever=True)
    if answer:
        service.fail("poll", "answer", times=0, **answer)
    after = again(blender, job)
    unchanged(job, after)
    assert after.clip == job.clip
    assert after.problem is not None
    assert after.problem.code is ProblemCode.EXPIRED
    assert "no longer has this clip" in after.problem.message
    assert after.fetchable_again  # it may have been a gateway's word
    assert not path_of(job).exists()
    bought_once(service)
    service.mend()
    asked = len(service.requests("poll"))
    blender.fence()
    assert all(job.request_id not in poll["path"] for poll in service.requests("poll")[asked:])


# ------------------------------------------------------------------------------------- what lies there by now


def test_a_broken_file_is_kept_aside(blender: Blender) -> None:
    blender.start()
    job = delivered(blender)
    whole = path_of(job).read_bytes()
    path_of(job).write_bytes(whole[: len(whole) // 2])
    after = again(blender, job)
    unchanged(job, after)
    assert after.clip == job.clip
    assert path_of(job).read_bytes() == whole
    (kept,) = blender.project.glob("*-broken.mp4")
    assert kept.read_bytes() == whole[: len(whole) // 2]
    assert after.problem is not None
    assert kept.name in after.problem.message


def test_an_empty_file_is_nothing_that_is_kept(blender: Blender) -> None:
    blender.start()
    job = delivered(blender)
    path_of(job).write_bytes(b"")
    after = again(blender, job)
    assert (after.clip, after.problem) == (job.clip, None)
    assert probe(path_of(job)) == job.clip
    assert len(os.listdir(blender.project)) == 2


@pytest.mark.parametrize("what", ["clip", "folder", "link", "link to nowhere", "pipe"])
def test_what_may_be_the_artists_own_is_left_alone(what: str, blender: Blender) -> None:
    """Another film under that name, or what is no file: the clip gets a name beside it."""
    blender.start()
    job = delivered(blender)
    place, own = path_of(job), blender.folder / "own.mp4"
    place.unlink()
    own.write_bytes(clip_bytes(frames=99))
    if what == "clip":
        shutil.copy(own, place)
    elif what == "folder":
        place.mkdir()
    elif what == "link":
        place.symlink_to(own)
    elif what == "link to nowhere":
        place.symlink_to(blender.folder / "nowhere.mp4")
    else:
        os.mkfifo(place)
    before, kept = os.lstat(place), own.read_bytes()
    after = again(blender, job)
    unchanged(job, after)
    assert os.lstat(place).st_ino == before.st_ino
    assert own.read_bytes() == kept
    assert path_of(after) == place.with_name(f"{place.stem}-2.mp4")
    assert probe(path_of(after)).frames == 25
    assert after.problem is not None
    assert path_of(after).name in after.problem.message
    assert json.loads(path_of(after).with_suffix(".json").read_text("utf-8"))["job"] == job.id


def test_another_json_there_is_not_overwritten(blender: Blender) -> None:
    blender.start()
    job = delivered(blender)
    path_of(job).unlink()
    path_of(job).with_suffix(".json").write_text("mine", "utf-8")
    after = again(blender, job)
    assert after.clip == job.clip
    assert path_of(job).with_suffix(".json").read_text("utf-8") == "mine"


def test_a_file_that_was_put_back_is_not_fetched(blender: Blender, service: StandIn) -> None:
    blender.start()
    job = delivered(blender)
    away = blender.folder / "away.mp4"
    path_of(job).rename(away)
    downloads = len(service.requests("download"))
    blender.tell(type="online", online=False)
    blender.say("fetch_again", job=job.id)
    blender.until(job.id, lambda job: job.fetching)
    away.rename(path_of(job))
    blender.tell(type="online", online=True)
    after = ended(blender, job)
    assert (after.clip, after.problem) == (job.clip, None)
    assert len(service.requests("download")) == downloads


@pytest.mark.parametrize("how", ["gone", "read-only"])
def test_a_folder_that_cannot_be_written_does_not_lose_the_clip(how: str, blender: Blender) -> None:
    blender.start()
    folder = blender.project / "shots" / "grok_video"
    folder.parent.mkdir()
    job = delivered(blender, output=str(folder / "clip.mp4"))
    shutil.rmtree(folder.parent)
    if how == "read-only":  # by what root cannot write either: the folder's place is a file
        folder.parent.write_text("no folder", "utf-8")
    after = again(blender, job)
    unchanged(job, after)
    assert path_of(after) == blender.data / "clips" / "clip.mp4"
    assert probe(path_of(after)).frames == 25
    assert after.problem is not None
    assert after.problem.code is ProblemCode.FILE
    assert str(folder) in after.problem.message
    # The folder is there again: the next time the file is fetched, it is where the record says.
    path_of(after).unlink()
    assert path_of(again(blender, after)) == path_of(after)


def test_a_folder_that_was_removed_is_made_again(blender: Blender) -> None:
    blender.start()
    folder = blender.project / "grok_video"
    job = delivered(blender, output=str(folder / "clip.mp4"))
    shutil.rmtree(folder)
    after = again(blender, job)
    assert (after.clip, after.problem) == (job.clip, None)
    assert sorted(os.listdir(folder)) == ["clip.json", "clip.mp4"]


# ------------------------------------------------------------------------------------------ in the middle of it


def dripping(blender: Blender, service: StandIn, job: Job) -> Path:
    """The file is fetched again, very slowly; its part."""
    service.fail("download", "drip", times=0)
    path_of(job).unlink()
    before = len(service.requests("download"))
    blender.say("fetch_again", job=job.id)
    wait_for(lambda: service.requests("download")[before:], "the download to begin")
    return Path(f"{path_of(job)}.part")


def test_pressed_twice_it_is_fetched_once(blender: Blender, service: StandIn) -> None:
    blender.start()
    job = delivered(blender)
    dripping(blender, service, job)
    more = {blender.say("fetch_again", job=job.id) for _ in range(2)}
    service.mend()
    blender.fence()
    assert not more & set(blender.reader.notices)  # no word of *too late*
    blender.kill()
    blender.start()
    ended(blender, job)
    blender.say("fetch_again", job=job.id)  # the file is there: nothing is fetched
    blender.fence()
    kinds = [event.kind for event in happened(blender.data, job.id)][job.seq :]
    assert kinds.count("fetch_again") == 2
    assert kinds.count("fetched_again") == 2
    assert len(service.requests("download")) == 5  # clip, begun, finished; two fences


def test_stopped_it_stays_what_it_was(blender: Blender, service: StandIn) -> None:
    blender.start()
    job = delivered(blender)
    dripping(blender, service, job)
    blender.say("fetch_stop", job=job.id)
    after = ended(blender, job)
    unchanged(job, after)
    assert (after.clip, after.problem) == (job.clip, None)
    service.mend()
    assert path_of(again(blender, after)).exists()
    assert len(os.listdir(blender.project)) == 2
    bought_once(service)


def test_killed_in_the_middle_the_next_worker_goes_on(blender: Blender, service: StandIn) -> None:
    blender.start()
    job = delivered(blender)
    dripping(blender, service, job)
    blender.kill()
    service.mend()
    blender.start()
    after = ended(blender, job)
    unchanged(job, after)
    assert probe(path_of(after)) == job.clip
    bought_once(service)


def test_a_download_that_is_taken_away_is_an_error_with_words(tmp_path: Path) -> None:
    """By a scanner of Windows, or by a worker of 0.1.0, which tidies up behind jobs that are over."""
    with pytest.raises(Unwritable) as caught:
        probed(tmp_path / "clip.mp4.part", Kind.GENERATE)
    assert "cannot be written" in caught.value.problem.message


def test_a_broken_download_is_tried_again(blender: Blender, service: StandIn) -> None:
    blender.start()
    job = delivered(blender)
    path_of(job).unlink()
    service.fail("download", "truncate", times=2)
    after = again(blender, job)
    unchanged(job, after)
    assert probe(path_of(after)) == job.clip
    assert after.downloads_broken == 0


def test_what_comes_and_is_no_clip_ends_it_with_a_sentence(
    blender: Blender, service: StandIn
) -> None:
    blender.start(pace={**FAST, "poll_interval": 0.02})
    job = delivered(blender)
    path_of(job).unlink()
    service.fail("download", "not-mp4", times=0)
    after = again(blender, job)
    unchanged(job, after)
    assert after.clip == job.clip
    assert after.problem is not None
    assert "could not be downloaded again" in after.problem.message
    service.mend()
    assert path_of(again(blender, after)).exists()


def test_offline_it_waits(blender: Blender, service: StandIn) -> None:
    blender.start()
    job = delivered(blender)
    path_of(job).unlink()
    blender.tell(type="online", online=False)
    before = len(service.requests())
    blender.say("fetch_again", job=job.id)
    blender.until(job.id, lambda job: job.fetching)
    assert len(service.requests()) == before
    blender.tell(type="online", online=True)
    assert ended(blender, job).clip == job.clip
    assert path_of(job).exists()


def test_a_link_needs_no_key_and_a_poll_needs_that_of_the_purchase(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    one = make_blender().start()
    job = delivered(one)
    one.tell_account("xai-AnotherKeyOfTheSameArtist0123456789abcdef")
    path_of(job).unlink()
    after = again(one, job)
    assert path_of(after).exists()
    path_of(job).unlink()
    service.expire()
    one.say("fetch_again", job=job.id)
    blocked = one.until(job.id, lambda job: job.blocked)
    assert blocked.problem is not None
    assert blocked.problem.code is ProblemCode.OTHER_KEY
    assert (blocked.state, blocked.open) == (State.IMPORTED, True)
    # Another Blender has that key: the file comes.
    two = make_blender().start()
    done = two.until(job.id, lambda now: now.seq > blocked.seq and not now.fetching)
    unchanged(job, done)
    assert (done.clip, done.problem) == (job.clip, None)
    assert path_of(job).exists()
    bought_once(service)


def test_two_blenders_press(make_blender: Callable[[], Blender], service: StandIn) -> None:
    one, two = make_blender().start(), make_blender().start()
    job = delivered(one)
    path_of(job).unlink()
    for either in (one, two):
        either.say("fetch_again", job=job.id)
    for either in (one, two):
        unchanged(job, ended(either, job))
    two.fence()
    one.fence()
    assert sorted(path.name for path in one.project.glob(f"{path_of(job).stem}*")) == [
        path_of(job).with_suffix(".json").name,
        path_of(job).name,
    ]
    assert len(service.jobs()) == 3
    assert probe(path_of(job)) == job.clip


def test_the_worker_that_fetched_the_clip_does_not_hold_it_up_nor_fetch_it_too(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """It lives, offline, and has the lease of the job as it ended."""
    one, two = make_blender().start(), make_blender().start()
    job = delivered(one)
    one.tell(type="online", online=False)
    before = len(service.requests("download"))
    dripping(two, service, job)
    one.tell(type="online", online=True)
    service.mend()
    one.fence()
    assert len(service.requests("download")) == before + 2  # the file once, the fence's clip
    two.kill()
    after = ended(one, job)
    unchanged(job, after)
    assert probe(path_of(job)) == job.clip


def test_imported_while_its_file_comes(blender: Blender, service: StandIn) -> None:
    """Another Blender had the strips of the clip already: both become true."""
    blender.start()
    job = delivered(blender, State.READY)
    dripping(blender, service, job)
    blender.say("imported", job=job.id, scene="Shot 1", blend="")
    imported = blender.until(job.id, State.IMPORTED)
    assert imported.fetching
    service.mend()
    blender.kill()
    blender.start()
    after = ended(blender, imported)
    assert (after.state, after.imported_into, after.clip) == (State.IMPORTED, "Shot 1", job.clip)


def test_what_never_came_is_not_fetched_again(blender: Blender, service: StandIn) -> None:
    service.fail("job", "failed")
    blender.start()
    job = blender.until(blender.submit(), State.FAILED)
    answer = blender.answer(blender.say("fetch_again", job=job.id))
    assert not answer["ok"]
    assert blender.until(job.id, lambda job: True) == job


# ------------------------------------------------------------------------------------- with 0.1.0 beside it


def test_with_a_worker_of_0_1_0_on_the_same_ledger(
    make_blender: Callable[[], Blender], service: StandIn, old: Path
) -> None:
    """It has the job's lease, reads the same inbox, and does not know what the new one does."""
    before = make_blender().as_0_1_0(old).start()
    job = delivered(before, State.READY)
    service.fail("job", "stall")
    keeps_it_awake = before.submit()
    before.until(keeps_it_awake, lambda job: job.progress)
    now = make_blender().start()
    path_of(job).unlink()
    command = now.say("fetch_again", job=job.id)
    before.tell(type="wake")
    after = ended(now, job)
    unchanged(job, after)
    assert (after.clip, after.problem) == (job.clip, None)
    assert path_of(job).exists()
    assert command not in now.reader.notices
    assert not (now.data / "inbox" / "bad").exists()
    # There the clip is imported, and here that is read.
    before.say("imported", job=job.id, scene="Shot 1", blend="")
    assert now.until(job.id, State.IMPORTED).imported_into == "Shot 1"
    service.finish()
    now.until(keeps_it_awake, State.READY)
    assert before.process is not None
    assert before.process.poll() is None
    bought_once(service, jobs=2)


def test_a_clip_that_0_1_0_fetched(
    make_blender: Callable[[], Blender], service: StandIn, old: Path
) -> None:
    before = make_blender().as_0_1_0(old).start()
    job = delivered(before)
    before.hang_up()
    path_of(job).unlink()
    service.expire()
    now = make_blender().start()
    after = again(now, job)
    unchanged(job, after)
    assert probe(path_of(job)) == job.clip
    bought_once(service)

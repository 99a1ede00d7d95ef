"""Is a file the clip that is on record? One rule says so, wherever a last copy is judged.

As many bytes with the same header are not enough: after a power cut a file may have its length and its index, and
nulls for pictures. Real workers, real files.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grok_video.core.events import Done, Event, FetchAgain, FetchLink, UrlGone
from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe
from grok_video.core.spec import Kind, new_id
from grok_video.ledger.ledger import Ledger
from grok_video.worker.delivery import already_there, clip_on_disk
from grok_video.worker.desk import Desk, RunningCall
from grok_video.worker.http.call import Call
from grok_video.worker.http.errors import Unwritable
from grok_video.worker.http.transport import Transport
from grok_video.worker.redelivery import deliver_again
from tests.core.conftest import RawServer, clip_bytes, wait_for
from tests.core.test_changed_files import as_clicked, content
from tests.core.test_fetch_again import again, delivered, ended, path_of, unchanged
from tests.core.test_old_version import old
from tests.core.test_power import before_its_name, half, longer, ready, settled, unname
from tests.core.test_worker import (
    Blender,
    blender,
    make_blender,
    one_service,
    posts,
    reworked,
    service,
)
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "old", "one_service", "service"]  # fixtures


def one_byte(clip: bytes) -> bytes:
    """Another picture in the same file: the index comes first, the pictures last."""
    return clip[:-20] + bytes([clip[-20] ^ 0xFF]) + clip[-19:]


def nulls_at_the_end(clip: bytes) -> bytes:
    """Its last block is not on the disk, its length is."""
    return clip[:-1000] + bytes(1000)


OTHERS: list[Callable[[bytes], bytes]] = [one_byte, nulls_at_the_end]


def add(blender: Blender, job: Job, *happened: Event) -> None:
    """Put events of a job on record, as a worker does that ends then."""
    ledger = Ledger.open(blender.data)
    for event in happened:
        ledger.append(job.id, None, event)
    ledger.close()


# ----------------------------------------------------------------------------------------------------- the parts


def test_a_part_that_only_looks_like_the_clip_is_no_clip(blender: Blender) -> None:
    blender.start()
    job = ready(blender)
    blender.kill()
    clip, part = unname(job)
    whole = part.read_bytes()
    for change in OTHERS:
        part.write_bytes(change(whole))
        assert replace(probe(part), path=str(clip)) == job.clip, "by size and probe they are one"
        assert not settled(blender, job)
        assert part.read_bytes() == change(whole)
        assert not clip.exists()
    part.write_bytes(whole)
    assert settled(blender, job)
    assert clip.read_bytes() == whole


def test_the_last_whole_copy_is_not_removed_for_a_file_of_its_length(blender: Blender) -> None:
    """Nulls of the same length, nulls behind the index, the artist's grading in place: the part stays beside each."""
    blender.start()
    job = ready(blender)
    blender.kill()
    clip, part = unname(job)
    whole = part.read_bytes()
    for other in (bytes(len(whole)), *(change(whole) for change in OTHERS)):
        clip.write_bytes(other)
        assert not settled(blender, job)
        assert part.read_bytes() == whole
        assert clip.read_bytes() == other
    clip.write_bytes(whole)
    assert not settled(blender, job)
    assert not part.exists()
    assert clip.read_bytes() == whole


def test_of_0_1_0_size_and_probe_count(blender: Blender) -> None:
    """It recorded no checksum."""
    blender.start()
    job = replace(ready(blender), clip_sha256="")
    blender.kill()
    clip, part = unname(job)
    whole = part.read_bytes()
    for other in (half(whole), longer(whole), clip_bytes(12), bytes(len(whole))):
        part.write_bytes(other)
        assert not settled(blender, job)
        assert part.read_bytes() == other
    part.write_bytes(one_byte(whole))
    assert settled(blender, job), "nobody can tell"
    part.write_bytes(whole)
    clip.write_bytes(bytes(len(whole)))
    assert not settled(blender, job)
    assert part.read_bytes() == whole


@pytest.mark.parametrize(("change", "named"), [(one_byte, True), (nulls_at_the_end, False)])
def test_what_only_looks_like_the_clip_of_its_json_is_fetched_anew(
    blender: Blender, service: StandIn, change: Callable[[bytes], bytes], named: bool
) -> None:
    """The worker ended between the JSON and the record, and the disk lost something."""
    job, clip, part = before_its_name(blender)
    other = change(part.read_bytes())
    part.write_bytes(other)
    if named:
        os.replace(part, clip)
    downloads = len(service.requests("download"))
    blender.start()
    job = blender.until(job.id, State.READY)
    assert len(service.requests("download")) == downloads + 1
    assert job.clip_sha256 == content(path_of(job))
    assert path_of(job) == (clip.with_stem(f"{clip.stem}-2") if named else clip)
    if named:
        assert clip.read_bytes() == other
    assert not part.exists()


def test_a_clip_under_its_second_name_is_found(blender: Blender, service: StandIn) -> None:
    """Under the first one lies what is not the clip of the JSON beside it."""
    job, clip, part = before_its_name(blender)
    second = clip.with_stem(f"{clip.stem}-2")
    told = json.loads(clip.with_suffix(".json").read_text("utf-8"))
    second.with_suffix(".json").write_text(json.dumps(told), "utf-8")
    os.replace(part, second)
    clip.write_bytes(one_byte(second.read_bytes()))
    downloads = len(service.requests("download"))
    blender.start()
    job = blender.until(job.id, State.READY)
    assert path_of(job) == second
    assert len(service.requests("download")) == downloads


def test_a_clip_beside_a_json_of_0_1_0_is_found(blender: Blender) -> None:
    """Which tells neither size nor checksum: so it is believed of a clip that has its name, and of no part."""
    job, clip, part = before_its_name(blender)
    sidecar = clip.with_suffix(".json")
    told = json.loads(sidecar.read_text("utf-8"))
    del told["clip"]["bytes"], told["clip"]["sha256"]
    sidecar.write_text(json.dumps(told), "utf-8")
    shutil.copy(part, clip)
    assert already_there(clip, job) == probe(clip)
    shutil.copy(clip, part)
    clip.unlink()
    assert already_there(clip, job) is None
    assert part.exists()


# --------------------------------------------------------------------------------------------- fetched again


def test_a_file_that_only_looks_like_the_clip_stays_and_the_clip_comes(blender: Blender) -> None:
    """Graded in place, as long as before."""
    blender.start()
    job = delivered(blender)
    place = path_of(job)
    whole = place.read_bytes()
    place.write_bytes(one_byte(whole))
    after = again(blender, job)
    unchanged(job, after)
    assert place.read_bytes() == one_byte(whole)
    assert path_of(after).read_bytes() == whole
    assert path_of(after) != place
    assert after.problem is not None
    assert path_of(after).name in after.problem.message
    assert after.clip_sha256 == job.clip_sha256


@pytest.mark.parametrize("change", [None, nulls_at_the_end])
def test_a_part_is_the_clip_only_by_its_content(
    blender: Blender, service: StandIn, change: Callable[[bytes], bytes] | None
) -> None:
    blender.start()
    job = delivered(blender)
    blender.kill()
    place = path_of(job)
    whole, part = place.read_bytes(), Path(f"{place}.part")
    place.unlink()
    part.write_bytes(change(whole) if change else whole)
    downloads = len(service.requests("download"))
    add(blender, job, FetchAgain())
    blender.start()
    after = ended(blender, job)
    assert place.read_bytes() == whole
    assert (after.clip, after.clip_sha256, after.problem) == (job.clip, job.clip_sha256, None)
    assert len(service.requests("download")) == downloads + bool(change)


def test_what_was_encoded_anew_is_the_clip_from_then_on(
    blender: Blender, service: StandIn, server: RawServer
) -> None:
    """Its checksum is on record, in its JSON too; so it is sent by its address."""
    anew = clip_bytes(frames=48)
    server.behave = lambda wire: wire.answer(200, anew)
    blender.start()
    job = delivered(blender, duration=2)
    blender.kill()
    path_of(job).unlink()
    add(blender, job, FetchAgain(), FetchLink(f"{server.base}/anew.mp4"))
    blender.start()
    after = ended(blender, job)
    assert path_of(after).read_bytes() == anew
    assert after.clip_sha256 == content(path_of(after)) != job.clip_sha256
    told = json.loads(path_of(after).with_suffix(".json").read_text("utf-8"))
    assert (told["job"], told["clip"]["sha256"]) == (job.id, after.clip_sha256)
    spec = as_clicked(reworked(blender, Kind.EXTEND, after))
    blender.say("submit", spec=spec)
    blender.until(spec.id, lambda job: job.sent and job.state is not State.SUBMITTING)
    assert posts(service)[-1]["body"]["video"] == {"url": after.url}
    # Asked for once more, it is found as it is.
    assert again(blender, after).clip_sha256 == after.clip_sha256


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_nothing_is_written_where_nobody_can_see_what_lies_there(
    blender: Blender, service: StandIn, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A disk or a share that fails for a moment: the clip waits, and needs no second download."""
    blender.start()
    job = delivered(blender)
    blender.kill()
    place = path_of(job)
    own = one_byte(place.read_bytes())
    place.write_bytes(own)
    before = sorted(os.listdir(blender.project))
    desk = Desk(blender.data, blender.session, new_id(), 0o077)
    transport = Transport(service.base, "")
    look = os.lstat

    def lstat(path: str | os.PathLike[str], **how: int) -> os.stat_result:
        if Path(path) == place:
            raise OSError(number, os.strerror(number), str(path))
        return look(path, **how)

    def fetch() -> Path:
        call = RunningCall("download", job.id, Call(), True)
        return Path(deliver_again(call, desk, job, transport).clip.path)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "lstat", lstat)
            with pytest.raises(Unwritable):
                fetch()
        assert place.read_bytes() == own
        assert sorted(os.listdir(blender.project)) == sorted([*before, f"{place.name}.part"])
        downloads = len(service.requests("download"))
        beside = fetch()
    finally:
        desk.ledger.close()
    assert content(beside) == job.clip_sha256
    assert place.read_bytes() == own
    assert len(service.requests("download")) == downloads


# ------------------------------------------------------------------------------------------------- a dead link


@pytest.mark.parametrize("how", ["dead", "refused"])
def test_a_whole_part_is_the_clip_where_the_service_has_it_no_more(
    blender: Blender, service: StandIn, how: str
) -> None:
    """The worker ended between the download and the JSON; nobody looked for a day."""
    job, clip, part = before_its_name(blender)
    clip.with_suffix(".json").unlink()
    whole = part.read_bytes()
    if how == "dead":
        service.fail("download", "answer", status=404, times=0)
    else:
        add(blender, job, UrlGone(), Done("ftp://127.0.0.1/clip.mp4"))
    service.fail("poll", "answer", status=200, body={"status": "expired"}, times=0)
    blender.start()
    job = blender.until(job.id, State.READY)
    assert clip.read_bytes() == whole
    assert (job.clip, job.clip_sha256) == (probe(clip), content(clip))
    assert json.loads(clip.with_suffix(".json").read_text("utf-8"))["job"] == job.id
    assert job.problem is not None
    assert "earlier download" in job.problem.message
    assert not part.exists()
    assert len(posts(service)) == 2


def test_while_the_service_has_the_clip_no_part_is_taken_for_it(blender: Blender) -> None:
    """After a power cut its end may be nulls, and nothing on record tells."""
    job, clip, part = before_its_name(blender)
    clip.with_suffix(".json").unlink()
    other = nulls_at_the_end(part.read_bytes())
    part.write_bytes(other)
    blender.start()
    job = blender.until(job.id, State.READY)
    assert clip.read_bytes() != other
    assert job.problem is None


@pytest.mark.parametrize("what", ["half", "nulls", "another job's"])
def test_what_may_be_no_clip_of_the_job_is_not_taken_for_it(
    blender: Blender, service: StandIn, what: str
) -> None:
    output = str(blender.project / "clip.mp4") if what == "another job's" else ""
    job, clip, part = before_its_name(blender, **({"output": output} if output else {}))
    clip.with_suffix(".json").unlink()
    whole = part.read_bytes()
    left = {"half": half(whole), "nulls": bytes(len(whole))}.get(what, whole)
    part.write_bytes(left)
    service.fail("download", "answer", status=404, times=0)
    service.fail("poll", "answer", status=200, body={"status": "expired"}, times=0)
    blender.start()
    job = blender.until(job.id, State.FAILED)
    assert not clip.exists()
    # The end of a job is on record before what it leaves is cleared away.
    wait_for(lambda: part.exists() == (left == whole), "the part's end")


# ---------------------------------------------------------------------------------- a list that is older than the clip


def test_only_a_clip_that_is_there_is_called_so(blender: Blender) -> None:
    """A JSON says whose the clip was; under its name there is nothing, a folder, a link to nowhere: it was bought."""
    blender.start()
    job = ready(blender)
    blender.kill()
    clip = path_of(job)
    told = clip.with_suffix(".json").name
    assert clip_on_disk(blender.data, job) == clip.name
    away = blender.folder / "away.mp4"
    os.replace(clip, away)
    assert clip_on_disk(blender.data, job) == told
    clip.mkdir()
    assert clip_on_disk(blender.data, job) == told
    clip.rmdir()
    clip.symlink_to(blender.folder / "nowhere.mp4")
    assert clip_on_disk(blender.data, job) == told
    clip.unlink()
    clip.symlink_to(away)
    assert clip_on_disk(blender.data, job) == clip.name
    clip.unlink()
    shutil.copy(away, part := Path(f"{clip}.part"))
    assert clip_on_disk(blender.data, job) == part.name, "which lost its name"
    part.write_bytes(one_byte(away.read_bytes()))
    assert clip_on_disk(blender.data, job) == told

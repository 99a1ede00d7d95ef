"""A file that changes between the click and its sending: what is sent is the file of the click, at its price.

Real workers, real files. What Blender does at the click itself is in ``tests/blender/test_changed_files.py``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grok_video.core import events
from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe
from grok_video.core.payload import from_payload
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import (
    Clip,
    FileMark,
    JobSpec,
    Keyframe,
    Kind,
    Picture,
    SourceVideo,
    account_of,
    mark_of,
)
from grok_video.ledger.ledger import Ledger
from grok_video.service.pricing import estimate_of
from tests.core.conftest import KEY, RawServer, Wire, make_spec, png, says_free
from tests.core.test_old_version import old, read_by_old
from tests.core.test_worker import (
    FAST,
    Blender,
    blender,
    made_clip,
    make_blender,
    one_service,
    posts,
    reworked,
    sent,
    service,
)
from tests.patience import PATIENCE
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "old", "one_service", "service"]  # fixtures


def as_clicked(spec: JobSpec) -> JobSpec:
    """The spec with the marks that a click puts down."""
    marks = {path: mark_of(path, os.stat(path)) for _, path, _ in spec.sent_files}
    return replace(spec, files=tuple(marks.values()))


def content(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def everything(blender: Blender) -> JobSpec:
    """A job with a file of each kind that goes along with a new clip."""

    def picture(width: int, name: str) -> Picture:
        path = blender.folder / f"{name}.png"
        path.write_bytes(png(width, 64))
        return Picture(str(path), "image/png", path.stat().st_size, name)

    spec = blender.spec(
        model="grok-imagine-video-1.5",
        duration=2,
        last_frame=picture(64, "end"),
        references=(picture(65, "Chair"),),
        keyframes=(Keyframe(picture(66, "Marker"), 3),),
    )
    still = blender.folder / "own-still.png"
    still.write_bytes(png(848, 480))
    spec = replace(spec, image=str(still), image_bytes=still.stat().st_size)
    return as_clicked(replace(spec, estimate=estimate_of(spec)))


def touched(path: Path) -> None:
    """The same bytes under a new time, as a sync tool leaves them."""
    at = path.stat().st_mtime_ns + 5_000_000_000
    os.utime(path, ns=(at, at))


def other_bytes(path: Path) -> None:
    """As many bytes, other ones, written in place."""
    data = bytearray(path.read_bytes())
    data[-20] ^= 0xFF
    path.write_bytes(data)
    touched(path)


def replaced_with_its_time(path: Path) -> None:
    """Another file of the same size and the same time: ``cp -p``, an archive that is unpacked, Explorer."""
    before = path.stat()
    aside = path.with_name("aside")
    shutil.copy(path, aside)
    other_bytes(aside)
    os.utime(aside, ns=(before.st_mtime_ns, before.st_mtime_ns))
    os.replace(aside, path)


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


KINDS = ["source still", "reference Chair", "end frame", "keyframe at 1.00 s"]


def held(blender: Blender, job_id: str, code: ProblemCode = ProblemCode.FILE) -> Job:
    job = blender.until(job_id, lambda job: job.held)
    assert job.problem is not None
    assert job.problem.code is code
    assert says_free(job.problem)
    assert (job.state, job.sent, job.reserved) == (State.QUEUED, False, 0)
    return job


def send(blender: Blender, job: Job) -> None:
    """Press *Send*: the job as it is held, with the files as they are, at their price."""
    blender.say("release", job=job.id, session=blender.session, spec=job.instead)


def reserved(blender: Blender, job_id: str) -> list[int]:
    """What was reserved at each beginning of a POST of the job, whatever has become of the job since."""
    lines = (blender.data / "jobs" / f"{job_id}.jsonl").read_text("utf-8").splitlines()
    happened = [from_payload(line["kind"], line["payload"]) for line in map(json.loads, lines)]
    return [event.reserved for event in happened if isinstance(event, events.SubmitStarted)]


# ------------------------------------------------------------------------------------- every file of a new clip


@pytest.mark.parametrize("change", [other_bytes, replaced_with_its_time, longer])
def test_a_file_that_is_another_one_than_at_the_click_waits_for_send(
    blender: Blender, service: StandIn, change: Callable[[Path], None]
) -> None:
    """Each kind of file of a new clip, one job for each; then *Send* sends the file as it is now."""
    orders = []
    for what in KINDS:
        spec = everything(blender)
        path = dict((name, path) for name, path, _ in spec.sent_files)[what]
        change(Path(path))
        orders.append((what, path, spec))
        if blender.process is None:
            blender.start()
        blender.say("submit", spec=spec)
        job = held(blender, spec.id)
        assert job.problem is not None
        assert what in job.problem.message
        assert job.instead is not None
        assert job.instead.estimate == spec.estimate
        assert posts(service) == []
        send(blender, job)
        job = blender.until(spec.id, lambda job: job.sent and job.state is not State.SUBMITTING)
        (post,) = posts(service)
        told = json.dumps(post["body"])
        assert content(path) in told
        assert content(path) in {mark.sha256 for mark in job.spec.files}
        service.reset()


def test_the_same_files_are_sent_and_their_checksums_recorded(
    blender: Blender, service: StandIn
) -> None:
    spec = everything(blender)
    blender.start().say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    assert {mark.sha256 for mark in job.spec.files} == {
        content(path) for _, path, _ in spec.sent_files
    }
    assert len(posts(service)) == 1
    line = next(
        line
        for line in (blender.data / "jobs" / f"{spec.id}.jsonl").read_text("utf-8").splitlines()
        if json.loads(line)["kind"] == "sending"
    )
    assert content(spec.image) in line  # also where the ledger is rebuilt from


def test_a_file_with_another_time_waits_unless_its_content_is_known(
    blender: Blender, service: StandIn
) -> None:
    """A file that a sync tool has copied back: unknown at first; *Send Again* knows what was sent."""
    spec = everything(blender)
    touched(Path(spec.image))
    blender.start().say("submit", spec=spec)
    job = held(blender, spec.id)
    send(blender, job)
    job = blender.until(spec.id, State.READY)
    touched(Path(spec.image))
    again = replace(job.spec, id="again-" + spec.id[:8], parent=spec.id, output="")
    blender.say("submit", spec=again)
    blender.until(again.id, State.READY)
    assert len(posts(service)) == 2
    other_bytes(Path(spec.image))
    third = replace(job.spec, id="third-" + spec.id[:8], parent=spec.id, output="")
    blender.say("submit", spec=third)
    held(blender, third.id)
    assert len(posts(service)) == 2


def test_content_counts_where_it_is_known_and_the_disk_says_nothing(
    blender: Blender, service: StandIn
) -> None:
    """In place, as many bytes, with the old time: a network share with a coarse clock."""
    spec = everything(blender)
    blender.start().say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    path = Path(spec.image)
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[-20] ^= 0xFF
    with open(path, "r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert path.stat().st_ino == before.st_ino
    again = replace(job.spec, id="again-" + spec.id[:8], parent=spec.id, output="")
    blender.say("submit", spec=again)
    assert held(blender, again.id).instead is not None
    assert len(posts(service)) == 1


@pytest.mark.parametrize("what", ["folder", "pipe", "nothing", "link to nothing", "unreadable"])
def test_what_is_no_file_any_more_is_held_and_hangs_nothing(
    blender: Blender, service: StandIn, what: str
) -> None:
    spec = everything(blender)
    path = Path(spec.references[0].path)
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link to nothing":
        path.symlink_to(path.with_name("nowhere"))
    elif what == "unreadable":
        path.write_bytes(png(65, 64))
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("root reads everything")
    blender.start().say("submit", spec=spec)
    job = held(blender, spec.id)
    assert job.instead is None
    blender.fence()
    assert len(posts(service)) == 1  # of the fence


@pytest.mark.parametrize("change", [other_bytes, replaced_with_its_time, longer, touched])
def test_a_file_that_changes_while_it_is_sent_is_noticed_before_the_last_byte(
    blender: Blender, server: RawServer, change: Callable[[Path], None]
) -> None:
    """The service stops reading in the middle of the body; meanwhile the file changes."""
    began, changed = threading.Event(), threading.Event()
    bodies: list[bytes] = []

    def behave(wire: Wire) -> None:
        wire.read_body(100_000)
        began.set()
        assert changed.wait(PATIENCE)
        length = int(wire.header("Content-Length"))
        if len(wire.read_body()) == length:
            bodies.append(wire.body)
            wire.answer(400, b"{}")

    server.behave = behave
    big = blender.folder / "big.png"
    before = os.urandom(12 << 20)  # more than the buffers of a connection hold
    big.write_bytes(before)
    account = account_of(server.base, KEY)
    spec = blender.spec(api_base=server.base, account=account, image=str(big))
    spec = as_clicked(replace(spec, image_bytes=big.stat().st_size))
    blender.start(account=False)
    blender.tell(type="account", base=server.base, key=KEY, account=account, **FAST)
    blender.say("submit", spec=spec)
    assert began.wait(PATIENCE)
    change(big)
    changed.set()
    if (
        change is replaced_with_its_time
    ):  # the open file is that of the click, whatever its name is given to
        blender.until(spec.id, State.FAILED)
        (body,) = bodies
        assert base64.b64encode(before) in body
        return
    job = held(blender, spec.id)
    assert job.instead is not None
    assert bodies == []
    # The change takes a moment, and may have been seen in the middle: then what Send takes has changed once more.
    while job.state is not State.FAILED:
        send(blender, job)
        seq = job.seq + 1
        job = blender.until(
            spec.id,
            lambda now, seq=seq: now.state is State.FAILED or (now.held and now.seq > seq),
        )
    (body,) = bodies
    assert base64.b64encode(big.read_bytes()) in body


# --------------------------------------------------------------------------------------- source videos


def film(blender: Blender, seconds: int, name: str) -> Path:
    """A clip of that many seconds that no job of the test is about."""
    job = blender.until(blender.submit(duration=seconds), State.READY)
    assert job.clip is not None
    path = blender.folder / name
    shutil.copy(job.clip.path, path)
    return path


@pytest.mark.parametrize("kind", [Kind.EXTEND, Kind.EDIT])
def test_another_clip_in_the_place_of_the_download_is_not_sent_by_its_address(
    blender: Blender, service: StandIn, kind: Kind
) -> None:
    """The trial: 2 s were priced, and in the place of the clip lies one of 4 s."""
    blender.start()
    source = made_clip(blender)
    assert source.clip is not None
    long = film(blender, 4, "long.mp4")
    spec = as_clicked(reworked(blender, kind, source))
    bought = len(posts(service))
    shutil.copy(long, source.clip.path)
    blender.say("submit", spec=spec)
    job = held(blender, spec.id)
    assert len(posts(service)) == bought
    assert job.instead is not None
    assert job.instead.video is not None
    assert job.instead.video.seconds == probe(long).seconds
    assert (job.instead.estimate or 0) > (spec.estimate or 0)
    send(blender, job)
    job = blender.until(spec.id, State.READY)
    body = posts(service)[-1]["body"]
    assert sent(body["video"])[2] == content(long)
    assert "video_id" not in body
    assert service.jobs()[-1]["ticks"] == job.spec.estimate == job.reserved == job.cost


@pytest.mark.parametrize("clicked", ["before", "after"])
def test_as_many_other_bytes_are_sent_themselves(
    blender: Blender, service: StandIn, clicked: str
) -> None:
    """Graded in place, as long as before: clicked after that, the file is the click's, and its price is the same."""
    blender.start()
    source = made_clip(blender)
    assert source.clip is not None
    path = Path(source.clip.path)
    spec = reworked(blender, Kind.EXTEND, source)
    if clicked == "before":
        spec = as_clicked(spec)
    other_bytes(path)
    if clicked == "after":
        spec = as_clicked(spec)
    blender.say("submit", spec=spec)
    if clicked == "before":
        send(blender, held(blender, spec.id))
    job = blender.until(spec.id, State.READY)
    assert sent(posts(service)[-1]["body"]["video"])[2] == content(path)
    assert service.jobs()[-1]["ticks"] == spec.estimate == job.cost


@pytest.mark.parametrize("change", [touched, "copied back", "untouched"])
def test_the_download_is_sent_by_its_address_whatever_its_time_is(
    blender: Blender, service: StandIn, change: Any
) -> None:
    """Its checksum is on record since the download: a time or an inode says nothing against it."""
    blender.start()
    source = made_clip(blender)
    assert source.clip is not None
    path = Path(source.clip.path)
    if change is touched:
        touched(path)
    elif change == "copied back":
        shutil.copy(path, path.with_name("aside"))
        os.replace(path.with_name("aside"), path)
    spec = as_clicked(reworked(blender, Kind.EXTEND, source))
    blender.say("submit", spec=spec)
    blender.until(spec.id, State.READY)
    assert posts(service)[-1]["body"]["video"] == {"url": source.url}


def test_a_touch_after_the_click_does_not_hold_the_download(
    blender: Blender, service: StandIn
) -> None:
    """The click knew no checksum, but the download did."""
    blender.start()
    source = made_clip(blender)
    assert source.clip is not None
    spec = as_clicked(reworked(blender, Kind.EXTEND, source))
    touched(Path(source.clip.path))
    blender.say("submit", spec=spec)
    blender.until(spec.id, State.READY)
    assert posts(service)[-1]["body"]["video"] == {"url": source.url}


@pytest.mark.parametrize("marks", [True, False])
def test_a_length_that_was_not_priced_is_not_sent(
    blender: Blender, service: StandIn, marks: bool
) -> None:
    """The link is old, so the file goes along: estimate 0.13 USD, billed 0.24, and the limit was passed."""
    blender.start()
    source = made_clip(blender)
    assert source.clip is not None
    service.expire(for_ever=True)
    spec = reworked(blender, Kind.EXTEND, source, whole=False)
    shutil.copy(film(blender, 4, "long.mp4"), source.clip.path)
    assert spec.video is not None
    size = os.path.getsize(source.clip.path)
    spec = replace(spec, video=replace(spec.video, size=size))  # what a script may say
    blender.say("submit", spec=as_clicked(spec) if marks else spec)
    job = held(blender, spec.id)
    assert job.problem is not None
    assert "another one than was priced" in job.problem.message
    assert job.instead is not None
    dearer = job.instead.estimate
    assert dearer is not None
    assert dearer > (spec.estimate or 0)
    spent = sum(job["ticks"] for job in service.jobs())
    blender.say("limits", day=spent + dearer - 1, count_loopback=True)
    send(blender, job)
    job = blender.until(spec.id, lambda job: job.problem and job.problem.code is ProblemCode.LIMIT)
    assert len(posts(service)) == 2
    blender.say("limits", day=spent + dearer)
    blender.say("release", job=job.id, session=blender.session)
    job = blender.until(spec.id, State.READY)
    assert service.jobs()[-1]["ticks"] == dearer == job.cost


def test_the_price_that_was_seen_is_the_bill(blender: Blender, service: StandIn) -> None:
    """The file is the click's, and its price is another than the button said: an older table of prices, a script."""
    blender.start()
    source = made_clip(blender)
    spec = as_clicked(reworked(blender, Kind.EXTEND, source))
    price = spec.estimate
    assert price is not None
    seen = replace(spec, estimate=price - 1)
    blender.say("submit", spec=seen)
    job = held(blender, spec.id, ProblemCode.HELD)
    assert job.instead == replace(
        job.spec, estimate=price, files=job.instead.files if job.instead else ()
    )
    assert len(posts(service)) == 1
    send(blender, job)
    assert blender.until(spec.id, State.READY).reserved == price
    # What is typed in has the artist's own price: a service that sells cheaper is nobody's concern.
    dearer = replace(as_clicked(reworked(blender, Kind.EDIT, source)), model="grok-next")
    dearer = replace(dearer, unchecked=True, estimate=2 * 10**9)
    blender.say("submit", spec=dearer)
    blender.until(dearer.id, lambda job: job.sent)
    # By now the service may have refused that model, and a job that has ended has nothing reserved.
    assert reserved(blender, dearer.id) == [2 * 10**9]


@pytest.mark.parametrize("unchecked", [False, True])
def test_a_cheaper_film_is_not_sent_as_the_one_that_was_priced(
    blender: Blender, service: StandIn, unchecked: bool
) -> None:
    """Shorter, and so no dearer: the artist chose another one. A typed-in model keeps its price per second."""
    blender.start()
    source = made_clip(blender)
    assert source.clip is not None
    short = film(blender, 1, "short.mp4")
    bought = len(posts(service))
    spec = reworked(blender, Kind.EDIT, source, whole=False)
    shutil.copy(short, source.clip.path)
    assert spec.video is not None
    spec = replace(spec, video=replace(spec.video, size=short.stat().st_size))
    if unchecked:
        spec = replace(spec, model="grok-next", unchecked=True, estimate=2 * 10**9)
    blender.say("submit", spec=as_clicked(spec))
    job = held(blender, spec.id)
    assert len(posts(service)) == bought
    assert job.instead is not None
    assert job.instead.duration == 1
    assert 0 < (job.instead.estimate or 0) < (spec.estimate or 0)


def test_files_that_changed_are_named_as_artists_speak(blender: Blender) -> None:
    """One has changed, two have; one is gone, two are."""
    both = everything(blender)
    for path in (both.image, both.references[0].path):
        longer(Path(path))
    blender.start().say("submit", spec=both)
    job = held(blender, both.id)
    assert job.problem is not None
    assert "source still and the reference Chair of this job have changed" in job.problem.message
    lost = everything(blender)
    for path in (lost.image, lost.references[0].path):
        Path(path).unlink()
    blender.say("submit", spec=lost)
    job = held(blender, lost.id)
    assert job.problem is not None
    assert "source still and the reference Chair of this job are gone" in job.problem.message


def test_a_source_that_is_no_clip_any_more_is_held(blender: Blender, service: StandIn) -> None:
    blender.start()
    source = made_clip(blender)
    assert source.clip is not None
    spec = as_clicked(reworked(blender, Kind.EXTEND, source))
    Path(source.clip.path).write_bytes(os.urandom(source.clip.size))
    blender.say("submit", spec=spec)
    assert held(blender, spec.id).instead is None
    assert len(posts(service)) == 1


# ----------------------------------------------------------------------------------------- beside 0.1.0


def test_the_old_version_reads_what_is_recorded_of_files(old: Path, tmp_path: Path) -> None:
    """Marks, checksums and what *Send* took instead are more than 0.1.0 knows: it shows and drives the job."""
    mark = FileMark("/stills/a.mp4", 2**33, 2**62 + 1, 2**64 - 1, "ab" * 32)
    video = SourceVideo("/stills/a.mp4", 4.04, 90_000, 848, 480)
    spec = make_spec(kind=Kind.EXTEND, video=video, files=(replace(mark, sha256=""),))
    dearer = replace(spec, files=(mark,), video=replace(video, seconds=9.0), estimate=7)
    problem = Problem(ProblemCode.FILE, "It has changed.")
    clip = Clip("/clips/a.mp4", 5000, 848, 480, 24.0, 145, 145 / 24, True)
    data_dir = tmp_path / "data"
    ledger = Ledger.open(data_dir)
    for event in (
        events.Created(spec),
        events.Held(problem, dearer),
        events.Released("session-a", dearer),
        events.SubmitStarted(7),
        events.Sending((mark,)),
        events.Submitted("request-1"),
        events.Done("https://a.example/c.mp4"),
        events.Downloaded(clip, None, "cd" * 32),
    ):
        ledger.append(spec.id, None, event)
    ledger.close()
    (told,) = read_by_old(old, data_dir, []).values()
    assert (told["state"], told["driven"], told["reserved"]) == ("READY", True, 7)
    ledger = Ledger.open(data_dir)  # of which 0.1.0 has written the snapshots
    (job,) = ledger.jobs()
    ledger.close()
    assert (job.spec, job.clip_sha256) == (replace(dearer, files=(mark,)), "cd" * 32)


def test_the_old_versions_worker_goes_on_with_such_a_job(
    blender: Blender, service: StandIn, old: Path
) -> None:
    service.fail("job", "stall")
    spec = everything(blender)
    blender.start().say("submit", spec=spec)
    blender.until(spec.id, State.RUNNING)
    blender.kill()
    blender.as_0_1_0(old).start()
    service.finish()
    job = blender.until(spec.id, State.READY)
    assert job.clip_sha256 == ""
    assert len(posts(service)) == 1
    # What 0.1.0 has downloaded is known by its size and by what it says of itself.
    blender.kill()
    blender.program, blender.ending = Blender.program, Blender.ending
    blender.start()
    again = as_clicked(reworked(blender, Kind.EXTEND, job))
    blender.say("submit", spec=again)
    blender.until(again.id, State.READY)
    assert posts(service)[-1]["body"]["video"] == {"url": job.url}

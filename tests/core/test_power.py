"""A pulled plug: what is on record as there is on the disk, with its name, before the record is.

``recording.py`` runs the worker as it is and says of each commit which files its events name, and what of those a
power cut would take. Where this process may mount one, an ext4 of its own shows the same: its image is copied at each
step of a worker that buys a clip, as a pulled plug would leave it, and another worker goes on from each copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import Unrecognised
from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe
from grok_video.core.spec import Clip, JobSpec, Keyframe, Kind, Picture, SourceVideo, new_id
from grok_video.ledger.inbox import put_command
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.schema import FILE_NAME
from grok_video.service.pricing import estimate_of
from grok_video.worker.delivery import write_sidecar
from grok_video.worker.desk import Desk
from grok_video.worker.leftovers import Leftovers
from tests.core import recording
from tests.core.conftest import box, clip_bytes, png, wait_for
from tests.core.test_changed_files import content
from tests.core.test_worker import Blender, blender, make_blender, one_service, posts, service
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/fd")


class Recorded(Blender):
    """A Blender whose worker is recorded."""

    program = Path(recording.__file__)

    def spawn(self, environment: dict[str, str] | None = None) -> None:
        super().spawn({"RECORD_LOG": str(self.log), **(environment or {})})

    @property
    def log(self) -> Path:
        return self.folder / "steps.txt"

    def steps(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def commits(self, kind: str) -> list[dict[str, Any]]:
        """The commits of an event, or of a table."""
        commits = [step for step in self.steps() if step["what"] == "commit"]
        return [step for step in commits if kind in (*step["kinds"], *step["tables"])]

    def lost(self) -> dict[str, Any]:
        """What a power cut would take of what is on record, by event and file."""
        return {
            f"{'+'.join(step['kinds'] or step['tables'])} {Path(file).name}": lacks
            for step in self.steps()
            for file, lacks in step.get("lacks", {}).items()
        }


@pytest.fixture
def recorded(tmp_path: Path, service: StandIn) -> Iterator[Recorded]:
    made = Recorded(tmp_path, service)
    yield made
    made.close()


def picture(folder: Path, name: str, width: int) -> Picture:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png(width, 64))
    return Picture(str(path), "image/png", path.stat().st_size)


def named(recorded: Recorded, kind: str) -> set[str]:
    return {Path(file).name for step in recorded.commits(kind) for file in step["named"]}


@LINUX
def test_what_is_recorded_as_there_is_on_the_disk(recorded: Recorded) -> None:
    """A clip, its JSON, what was sent for it, the copies of its events, the limits: in folders that are new too."""
    recorded.start()
    recorded.answer(recorded.say("limits", day=10**12, month=10**13))
    stills = recorded.data / "stills"
    spec = recorded.spec(
        output=str(recorded.project / "new" / "clip.mp4"),
        image="",
        image_mime="",
        duration=2,
        references=(picture(stills, "a.png", 64), picture(recorded.folder / "hers", "b.png", 65)),
    )
    recorded.say("submit", spec=spec)
    job = recorded.until(spec.id, State.READY)
    assert job.clip is not None
    recorded.say("claim", job=job.id, session=recorded.session)
    recorded.say("imported", job=job.id, scene="Scene", blend=str(recorded.project / "x.blend"))
    recorded.until(job.id, State.IMPORTED)
    Path(spec.output).unlink()
    recorded.say("fetch_again", job=job.id)
    recorded.until(job.id, lambda job: not job.fetching and Path(spec.output).exists())
    later = recorded.spec(
        image=str(stills / "a.png"),
        last_frame=picture(stills, "end.png", 66),
        keyframes=(Keyframe(picture(stills, "key.png", 67), 2),),
    )
    recorded.say("submit", spec=later)
    recorded.until(later.id, lambda job: job.state in (State.READY, State.FAILED))
    bake = stills / "bake.mp4"
    shutil.copy(spec.output, bake)
    video = SourceVideo(str(bake), job.clip.seconds, job.clip.size, 848, 480)
    longer = recorded.spec(kind=Kind.EXTEND, video=video, duration=2, image="", image_mime="")
    longer = replace(longer, estimate=estimate_of(longer))
    recorded.say("submit", spec=longer)
    recorded.until(longer.id, State.READY)
    assert recorded.lost() == {}
    journals = {f"{one.id}.jsonl" for one in (spec, later, longer)}
    sent = {"a.png", "b.png", "end.png", "key.png", "bake.mp4"}
    assert named(recorded, "created") == sent | journals
    for one in (spec, longer):
        name = Path(one.output).stem
        assert {f"{name}.mp4", f"{name}.json", f"{one.id}.jsonl"} <= named(recorded, "downloaded")
    assert Path(spec.output).name in named(recorded, "fetched_again")
    assert named(recorded, "limits") == {"limits.json"}
    assert named(recorded, "sending") == sent | journals
    for kind in ("submit_started", "submitted", "done"):
        assert named(recorded, kind) <= journals


@LINUX
def test_a_new_data_folder_is_there_with_all_its_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blender may have made it, and waits for no disk."""
    synced: set[str] = set()
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.add(os.readlink(f"/proc/self/fd/{number}"))
    )
    data = tmp_path / "new" / "as new" / "data"
    (data / "stills").mkdir(parents=True)
    Ledger.open(data).close()
    assert {str(folder) for folder in (data, *data.parents)} <= synced
    synced.clear()
    Ledger.open(data).close()
    assert synced == set()


# ----------------------------------------------------------------------------- what a pulled plug left of a download


def as_told(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(at))


def ready(blender: Blender, **changes: Any) -> Job:
    job = blender.until(blender.submit(**changes), State.READY)
    assert job.clip is not None
    return job


def unname(job: Job) -> tuple[Path, Path]:
    """Take the rename of a clip back, as a power cut does that comes before its folder is on the disk."""
    assert job.clip is not None
    clip, part = Path(job.clip.path), Path(f"{job.spec.output}.part")
    os.replace(clip, part)
    return clip, part


@pytest.mark.parametrize("state", ["READY", "claimed", "IMPORTED"])
def test_a_clip_that_lost_its_name_has_it_again(
    blender: Blender, service: StandIn, state: str
) -> None:
    """Also where the ledger is of a version that did not sync the folder."""
    blender.start()
    job = ready(blender)
    if state != "READY":
        blender.say("claim", job=job.id, session=blender.session)
        blender.until(job.id, lambda job: job.claimed_by)
    if state == "IMPORTED":
        blender.say("imported", job=job.id, scene="Scene", blend="/x.blend")
        blender.until(job.id, State.IMPORTED)
    blender.kill()
    clip, part = unname(job)
    sidecar = clip.with_suffix(".json")
    told = sidecar.read_text("utf-8")
    sidecar.unlink()
    before = len(service.requests())
    blender.start()
    wait_for(clip.exists, "the clip to be there again")
    assert probe(clip) == job.clip
    assert json.loads(sidecar.read_text("utf-8")) == {
        **json.loads(told),
        "made_at": as_told(job.ready_at),
    }
    assert not part.exists()
    blender.say("claim", job=job.id, session=blender.session)
    wait_for(lambda: not os.listdir(blender.data / "inbox"), "the claim to be taken")
    assert len(service.requests()) == before


def test_a_clip_has_its_name_before_it_can_be_claimed(blender: Blender) -> None:
    """Blender claims, and imports what it then finds: the worker that starts for the claim sees to the clip first."""
    blender.start()
    job = ready(blender)
    blender.kill()
    clip, _ = unname(job)
    put_command(blender.data, "claim", job=job.id, session=blender.session)
    blender.start()
    blender.until(job.id, lambda job: job.claimed_by)
    assert probe(clip) == job.clip


def test_the_second_name_of_a_clip_is_given_again(blender: Blender) -> None:
    taken = blender.project / "clip.mp4"
    taken.write_bytes(b"hers")
    blender.start()
    job = ready(blender, output=str(taken))
    blender.kill()
    clip, _ = unname(job)
    assert clip.name == "clip-2.mp4"
    blender.start()
    wait_for(clip.exists, "the clip to be there again")
    assert taken.read_bytes() == b"hers"


def settled(blender: Blender, job: Job) -> bool:
    """Whether the clip has its name again, after another worker's look at the job."""
    clip = Path(job.clip.path if job.clip else job.spec.output)
    missing = not clip.is_file()
    desk = Desk(blender.data, blender.session, new_id(), 0o077)
    try:
        Leftovers(desk).see_to(job)
    finally:
        desk.ledger.close()
    return missing and clip.is_file()


def half(clip: bytes) -> bytes:
    return clip[: len(clip) // 2]


def longer(clip: bytes) -> bytes:
    return clip + box(b"free", bytes(16))


def test_a_part_that_is_another_is_kept_while_the_clip_is_missing(blender: Blender) -> None:
    """Cut, longer, empty, nulls of the same length, another clip: never taken for the clip, and never the last to go."""
    blender.start()
    job = ready(blender)
    blender.kill()
    clip, part = unname(job)
    whole = part.read_bytes()
    others = (half(whole), longer(whole), b"", bytes(len(whole)), clip_bytes(12))
    for other in others:
        part.write_bytes(other)
        assert not settled(blender, job)
        assert part.read_bytes() == other
        assert not clip.exists()
    clip.write_bytes(whole)
    for other in others:
        part.write_bytes(other)
        assert not settled(blender, job)
        assert not part.exists()
        assert clip.read_bytes() == whole


@pytest.mark.parametrize("hours", [1, 30])
def test_a_clip_whose_part_is_another_is_fetched_again(
    blender: Blender, service: StandIn, hours: int
) -> None:
    """By itself while the service has it as a rule; later the artist may ask for it, and the part stays."""
    blender.start()
    job = ready(blender)
    blender.kill()
    clip, part = unname(job)
    part.write_bytes(half(part.read_bytes()))
    with contextlib.closing(sqlite3.connect(blender.data / FILE_NAME)) as ledger, ledger:
        ledger.execute("UPDATE events SET at = at - ?", (hours * 3600,))
        ledger.execute("UPDATE jobs SET fold = ''")  # to be folded anew
    blender.start()
    if hours < 20:
        blender.until(job.id, lambda job: not job.fetching and clip.exists())
        assert probe(clip) == job.clip
        wait_for(lambda: not part.exists(), "the part to be removed")
    blender.fence()
    assert part.exists() == (hours > 20)
    assert len(service.requests("download")) == (3 if hours < 20 else 2)
    assert len(posts(service)) == 2


def test_what_lies_at_the_clips_name_stays(blender: Blender) -> None:
    """The artist's own file, a link into a drive that is not there, a folder: the part is kept beside it."""
    blender.start()
    job = ready(blender)
    blender.kill()
    clip, part = unname(job)
    clip.write_bytes(b"hers")
    assert not settled(blender, job)
    assert clip.read_bytes() == b"hers"
    clip.unlink()
    clip.symlink_to(blender.folder / "gone" / "clip.mp4")
    assert not settled(blender, job)
    assert clip.is_symlink()
    clip.unlink()
    clip.mkdir()
    assert not settled(blender, job)
    clip.rmdir()
    away = blender.folder / "away"
    os.replace(part, spare := blender.data / "clips" / part.name)
    os.rename(blender.project, away)
    assert not settled(blender, job), "a drive that is not there"
    assert spare.exists()
    os.rename(away, blender.project)
    assert settled(blender, job)
    assert probe(clip) == job.clip


def test_what_is_no_part_hangs_nothing(blender: Blender) -> None:
    blender.start()
    job = ready(blender)
    blender.kill()
    clip, part = unname(job)
    whole = part.read_bytes()
    part.unlink()
    for make in (lambda: os.mkfifo(part), lambda: part.symlink_to("/dev/zero"), part.mkdir):
        make()
        assert not settled(blender, job)
        assert os.path.lexists(part)
        part.rmdir() if part.is_dir() else part.unlink()
    spare = blender.data / "clips" / f"{clip.name}.part"
    spare.write_bytes(whole)
    assert settled(blender, job), (
        "what could not be written beside the .blend lies in the data folder"
    )
    assert probe(clip) == job.clip


def test_a_whole_part_of_a_job_without_a_clip_is_kept(blender: Blender) -> None:
    """A job that failed or was stopped as its clip was to get its name: half a clip goes, a whole one does not."""
    blender.start()
    job = replace(ready(blender), clip=None, state=State.FAILED)
    part = Path(f"{job.spec.output}.part")
    os.replace(job.spec.output, part)
    assert not settled(blender, job)
    whole = part.read_bytes()
    assert probe(part).frames == 25
    part.write_bytes(half(whole))
    assert not settled(blender, job)
    assert not part.exists()


def before_its_name(blender: Blender, **changes: Any) -> tuple[Job, Path, Path]:
    """A job whose worker ended between the JSON of its clip and the clip's name."""
    blender.start()
    first = ready(blender)
    blender.service.fail("download", "drip", times=0)
    job = blender.until(blender.submit(**changes), State.DOWNLOADING)
    blender.kill()
    blender.service.mend()
    clip, part = Path(job.spec.output), Path(f"{job.spec.output}.part")
    clip.parent.mkdir(exist_ok=True)  # the worker makes it after its word that it downloads
    shutil.copy(first.spec.output, part)
    told = replace(probe(part), path=str(clip))
    write_sidecar(clip.with_suffix(".json"), job, told, content(part), 0o077)
    return job, clip, part


def test_a_part_that_its_json_tells_of_needs_no_download(
    blender: Blender, service: StandIn
) -> None:
    """Months later, too: the link is dead, and the clip is here."""
    job, clip, part = before_its_name(blender)
    service.fail("download", "answer", status=404, times=0)
    whole, downloads = part.read_bytes(), len(service.requests("download"))
    blender.start()
    job = blender.until(job.id, State.READY)
    assert job.clip == probe(clip)
    assert clip.read_bytes() == whole
    assert not part.exists()
    assert len(service.requests("download")) == downloads
    assert len(posts(service)) == 2


def test_a_part_that_its_json_does_not_tell_of_is_fetched_anew(blender: Blender) -> None:
    job, clip, part = before_its_name(blender)
    part.write_bytes(longer(part.read_bytes()))
    blender.start()
    job = blender.until(job.id, State.READY)
    assert job.clip == probe(clip)
    assert not part.exists()
    assert sorted(path.suffix for path in blender.project.iterdir()) == [
        ".json",
        ".json",
        ".mp4",
        ".mp4",
    ]


@LINUX
@pytest.mark.parametrize("has_its_name", [True, False])
def test_what_an_earlier_worker_put_there_is_on_the_disk_too(
    recorded: Recorded, has_its_name: bool
) -> None:
    """That worker may have ended before it synced a folder."""
    job, clip, part = before_its_name(recorded)
    if has_its_name:
        os.replace(part, clip)
    recorded.start()
    recorded.until(job.id, State.READY)
    assert recorded.lost() == {}
    assert {clip.name, f"{clip.stem}.json"} <= named(recorded, "downloaded")


def test_what_a_newer_version_is_about_is_left_alone(blender: Blender) -> None:
    """Whatever its event says of the file, and whatever it has in the part."""
    blender.start()
    job = ready(blender)
    blender.kill()
    ledger = Ledger.open(blender.data)
    ledger.append(job.id, None, Unrecognised("moved_to_the_archive", {}))
    ledger.close()
    clip, part = unname(job)
    blender.start()
    blender.fence()
    assert part.exists()
    assert not clip.exists()


# -------------------------------------------------------------------------------------- the plug of real disks


class Disks:
    """Two ext4 in files, of the data folder and of the artist's: what one syncs takes nothing of the other along."""

    NAMES = ("data", "project")

    def __init__(self, folder: Path) -> None:
        self.folder, self.images = folder, folder / "images"
        self.images.mkdir()
        self._mounted: list[Path] = []
        for name in self.NAMES:
            (folder / name).mkdir()
            with open(self.images / name, "wb") as file:
                file.truncate(8 << 20)
            options = ("-q", "-F", "-b", "1024", "-J", "size=1", "-m", "0")
            run("mkfs.ext4", *options, self.images / name)

    def mount(self, images: Path) -> None:
        """Mount what is in these images, after their journals; from now on they hold what somebody syncs."""
        for name in self.NAMES:
            run("mount", "-o", "loop,commit=300", images / name, self.folder / name)
            self._mounted.append(self.folder / name)

    def unmount(self) -> None:
        while self._mounted:
            run("umount", self._mounted.pop())


def run(*command: Any) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("not run: disks are mounted by root of Linux only")
    if lacking := [tool for tool in ("mkfs.ext4", "e2fsck", "mount") if shutil.which(tool) is None]:
        pytest.skip(f"not run: there is no {' and no '.join(lacking)}")
    made = Disks(tmp_path)
    try:
        try:
            made.mount(made.images)
        except AssertionError as error:
            pytest.skip(f"not run: nothing can be mounted here: {error}")
        yield made
    finally:
        made.unmount()


@pytest.mark.long
def test_the_plug_is_pulled_at_each_step(disks: Disks, service: StandIn) -> None:
    """Each copy is looked at; from the moment when the request id is known, a new worker goes on with it."""
    buyer = Recorded(disks.folder, service)
    sent = picture(buyer.project, "hers.png", 640)
    still = Path(sent.path).read_bytes()
    spec = buyer.spec(image=sent.path)
    try:
        buyer.spawn({"RECORD_DISKS": str(disks.images)})
        buyer.tell_account()
        buyer.tell(type="online", online=True)
        buyer.say("submit", spec=spec)
        clip = buyer.until(spec.id, State.READY).clip
        assert clip is not None
        buyer.say("claim", job=spec.id, session=buyer.session)
        buyer.say("imported", job=spec.id, scene="Scene", blend="")
        buyer.until(spec.id, State.IMPORTED)
        assert buyer.hang_up() == 0
    finally:
        buyer.close()
    disks.unmount()
    copies = sorted(disks.folder.glob("steps.txt.*"), key=lambda path: int(path.suffix[1:]))
    states = {after_the_cut(disks, copy, buyer, spec, still, clip) for copy in copies}
    on_the_way = {State.QUEUED, State.RUNNING, State.DOWNLOADING, State.READY, State.IMPORTED}
    assert on_the_way <= states, "a copy was taken of each"
    assert len(posts(service)) == 1


def after_the_cut(
    disks: Disks, copy: Path, buyer: Recorded, spec: JobSpec, still: bytes, clip: Clip
) -> State | None:
    """Whether all is there that the ledger of a copy says, now and when a worker has gone on; the state it was in."""
    disks.mount(copy)
    blender = Blender(disks.folder, buyer.service)
    blender.session = buyer.session
    try:
        job = on_record(blender.data, copy / "read", spec.id)
        if job is not None:
            assert Path(spec.image).read_bytes() == still
        if job is not None and job.clip is not None:
            assert probe(job.clip.path) == job.clip == clip
            assert (
                json.loads(Path(spec.output).with_suffix(".json").read_text("utf-8"))["job"]
                == job.id
            )
        if job is not None and job.request_id:
            blender.start()
            there = blender.until(spec.id, lambda job: job.state in (State.READY, State.IMPORTED))
            assert probe(spec.output) == there.clip == clip
            left = {path.suffix for path in blender.project.iterdir()}
            assert left == {".json", ".mp4", ".png", ""}  # "": lost+found
        return job.state if job is not None else None
    finally:
        blender.close()
        disks.unmount()
        for name in disks.NAMES:
            run("e2fsck", "-f", "-n", copy / name)


def on_record(data: Path, copy: Path, job_id: str) -> Job | None:
    """What the ledger of a data folder says of the job, read from a copy of the folder."""
    if not (data / FILE_NAME).exists():
        return None
    shutil.copytree(data, copy)
    ledger = Ledger.open(copy)
    try:
        return ledger.job(job_id)
    finally:
        ledger.close()

"""Pipes, links, devices and folders in the place of each file of this program, met by a real worker.

Opening a pipe waits for its other end, a device never ends, and what is written through a link lands in somebody else's
file. Each case is a whole job: its clip comes, or it is said why not; what a link leads to stays as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grok_video.core.job import State
from grok_video.core.mp4 import probe
from grok_video.core.spec import JobSpec
from grok_video.ledger.journal import LIMITS_NAME
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import png, wait_for
from tests.core.test_damaged import within
from tests.core.test_worker import Blender, one_service
from tests.posix import posix
from tests.stand_in.client import StandIn

pytestmark = [
    pytest.mark.long,
    posix("there are neither pipes nor devices there"),
]

__all__ = ["one_service"]  # a fixture

SOMEBODYS = b"somebody else's\n"

#: Every file and folder that a job's way leads over, seen from the data folder: a worker's, ...
PLACES = (
    FILE_NAME, f"{FILE_NAME}-journal", f"{FILE_NAME}-wal", LIMITS_NAME, "opening.lock", "worker.log", "worker.log.1",
    "workers/{worker}.lock", "workers/{worker}.ready", "jobs", "inbox", "workers",
)  # fmt: skip
#: ... and a job's own, of which one worker meets all.
PLACES_OF_A_JOB = (
    "jobs/{job}.jsonl", "jobs/{job}.http", "inbox/{job}.json", "../still.png", "../project/{clip}.mp4",
    "../project/{clip}.mp4.part", "../project/{clip}.json", "../project/{clip}.json.part",
)  # fmt: skip


def pipe(path: Path, _other: Path) -> None:
    os.mkfifo(path)


def link(path: Path, other: Path) -> None:
    path.symlink_to(other)


def nowhere(path: Path, other: Path) -> None:
    path.symlink_to(other.with_name("nothing"))


def device(path: Path, _other: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path, _other: Path) -> None:
    path.mkdir()


THINGS = (pipe, link, nowhere, device, folder)


@pytest.mark.parametrize("put", THINGS, ids=lambda put: put.__name__)
def test_no_file_in_the_place_of_ours_loses_a_job_or_hangs_it(
    tmp_path: Path, one_service: StandIn, put: Callable[[Path, Path], None]
) -> None:
    one_service.reset()

    def ended_well(places: tuple[str, ...]) -> list[str]:
        here = tmp_path / places[0].replace("/", " ")
        here.mkdir()
        try:
            return within(60, lambda: whole_jobs(here, one_service, places, put))
        except BaseException as error:  # pytest's own failures as well
            return [f"{' '.join(places)}: {type(error).__name__}: {error}"]

    with ThreadPoolExecutor(3) as pool:
        wrong = pool.map(ended_well, [PLACES_OF_A_JOB, *((place,) for place in PLACES)])
        assert [word for words in wrong for word in words] == []
    bought = [job["prompt"] for job in one_service.jobs()]
    assert len(bought) == len(set(bought)), "bought twice"


def whole_jobs(
    here: Path, service: StandIn, places: tuple[str, ...], put: Callable[[Path, Path], None]
) -> list[str]:
    """Have a job made for each place with something in that place; returns what was wrong with which."""
    blender = Blender(here, service)
    other = here / "other"
    other.write_bytes(SOMEBODYS)
    specs: dict[str, JobSpec] = {}
    for name in ("jobs", "workers", "inbox"):
        if name not in places:
            (blender.data / name).mkdir()
    for number, place in enumerate(places):
        still = here / f"{number}.png"
        still.write_bytes(png(64, 36))
        spec = specs[place] = blender.spec(prompt=place, image=str(still))
        named = place.format(job=spec.id, worker=blender.session, clip=Path(spec.output).stem)
        path = still if place.endswith(".png") else Path(os.path.normpath(blender.data / named))
        path.unlink(missing_ok=True)
        put(path, other)
    try:
        blender.spawn(worker=blender.session)
        blender.tell_account()
        blender.tell(type="online", online=True)
        if (blender.data / "inbox").is_dir():  # else nothing can be said to a worker
            for spec in specs.values():
                blender.say("submit", spec=spec)
        words = {place: what_is_wrong(blender, spec.id) for place, spec in specs.items()}
        assert other.read_bytes() == SOMEBODYS
    finally:
        blender.close()
    return [f"{place}: {word}" for place, word in words.items() if word]


def what_is_wrong(blender: Blender, job_id: str) -> str:
    """'' where the job's clip comes, or a word of why not."""
    try:
        came = wait_for(lambda: what_came(blender, job_id), "a clip or a word", 30)
        if isinstance(came, Path):
            assert probe(came).frames == 25
        else:
            assert len(came) > 20, "no word of it"
    except BaseException as error:  # pytest's own failures as well
        return f"{type(error).__name__}: {error}"
    return ""


def what_came(blender: Blender, job_id: str) -> Path | str | None:
    """The job's clip, or what is said of the job or by a worker that ended; None: neither yet."""
    job = blender.job(job_id)
    if job is not None and job.state is State.READY:
        assert job.clip is not None
        return Path(job.clip.path)
    if job is not None and job.problem is not None:
        return job.problem.message
    assert blender.process is not None
    code = blender.process.poll()
    if code is None:
        return None
    assert code == 3, "a worker without a ledger says so"
    return (blender.folder / "stderr.txt").read_text("utf-8")

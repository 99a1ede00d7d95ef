"""An answer, to a POST or a poll, that holds what was bought: kept in the data folder until the picture in it has its place.

Owns ``clips/<job>.answer``. Mostly nothing can be asked for it again, so it is on the disk before the ledger says
anything, and a worker that ends between the two leaves what the next one goes on with.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from pathlib import Path

from ..core import events
from ..core.clock import awake
from ..core.files import INSIDE, WORKERS_PATIENCE, NoFile, is_there, read_file, write_whole
from ..core.job import Job, State
from ..core.problem import Problem, ProblemCode
from ..core.spec import Kind
from ..service.look_answer import look_answer, look_poll, picture_in
from .http.errors import LinkGone
from .http.transport import LONGEST_PICTURE_ANSWER

#: Seconds for which writing is tried again on a disk that is full: the answer is in memory alone.
HOLDS = 60.0
_TRY_AGAIN = 1.0
#: Seconds for which the answer of a look is kept that was stopped or has failed, and that *Retry* could bring.
KEPT_FOR = 30 * 86_400.0


def keep(data_dir: Path, job_id: str, body: bytes) -> Problem | None:
    """In the thread of a call: put an answer on the disk, for good; what the artist is to know when nothing helps."""
    path, until = place_of(data_dir, job_id), awake() + HOLDS
    while True:
        try:
            path.parent.mkdir(mode=INSIDE, exist_ok=True)
            write_whole(path, body, durable=True, private=True, patience=WORKERS_PATIENCE)
            return None
        except OSError as error:
            why = error.strerror
        if awake() > until:
            return Problem(
                ProblemCode.FILE,
                f"The look came with the answer and could not be written to {path.parent}: {why}.",
                "Free some space or allow writing there, before you make another one.",
            )
        threading.Event().wait(_TRY_AGAIN)


def recalled(data_dir: Path, job: Job) -> list[events.Event]:
    """What an answer to a POST says that a worker kept, and ended before it could tell; [] without one."""
    stopped = job.state is State.CANCELLED and not (job.request_id or job.url)
    if job.spec.kind is not Kind.LOOK or not (stopped or job.state is State.UNKNOWN):
        return []
    body = _body(data_dir, job)
    happened = look_answer(200, {}, body, now=time.time(), asked="") if body else []
    # What was stopped goes on by *Retry* alone.
    return [event for event in happened if not stopped or isinstance(event, events.Bought)]


def of_poll(data_dir: Path, job: Job) -> events.Done | None:
    """The end of a look that an answer tells of which a worker kept, and ended before it could tell; None without one.

    Not where what was kept has proved to be no picture: then the service is asked once more.
    """
    if job.spec.kind is not Kind.LOOK or job.state is not State.RUNNING or job.urls_gone:
        return None
    body = _body(data_dir, job)
    if not body:
        return None
    found = look_poll(200, {}, body, now=time.time(), asked="")
    ended = found.event
    if isinstance(ended, events.Done) and ended.url == events.IN_THE_ANSWER:
        return replace(ended, bill=found.bill)
    return None


def _body(data_dir: Path, job: Job) -> bytes:
    """The answer that was kept; b"" where there is none, or none that can be read."""
    try:
        return read_file(place_of(data_dir, job.id), LONGEST_PICTURE_ANSWER)
    except (OSError, NoFile):
        return b""


def picture_of(data_dir: Path, job: Job) -> bytes:
    """The picture in the answer that was kept. Raises LinkGone without one, OSError where it cannot be read."""
    path = place_of(data_dir, job.id)
    if not is_there(path):
        raise LinkGone(
            Problem(
                ProblemCode.DOWNLOAD,
                f"The look came with the answer, which is gone from {path.parent}.",
            )
        )
    return picture_in(read_file(path, LONGEST_PICTURE_ANSWER))


def forget(data_dir: Path, job: Job) -> None:
    """Remove the answer of a look that has its place, or that nobody will ask for any more.

    Of a look that was stopped, or has failed, it may be the only copy of what was paid for: *Retry* brings it.
    """
    if job.spec.kind is not Kind.LOOK or job.fetching:
        return
    ended = job.state in (State.CANCELLED, State.FAILED)
    old = ended and time.time() - job.finished_at > KEPT_FOR
    refused = job.state is State.FAILED and not job.retryable
    if job.clip is not None or old or refused:
        place = place_of(data_dir, job.id)
        for path in (place, place.with_name(f"{place.name}.part")):
            with contextlib.suppress(OSError):
                path.unlink()


def place_of(data_dir: Path, job_id: str) -> Path:
    return data_dir / "clips" / f"{job_id}.answer"

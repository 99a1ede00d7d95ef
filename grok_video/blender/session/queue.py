"""Commands to the worker about a job (send, release, retry, recover), and the jobs as they were last read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from ...core.job import Job
from ...core.payload import spec_to_payload
from ...core.problem import ProblemCode
from ...core.spec import JobSpec
from ...core.urls import api_base_refusal
from ...ledger.whereabouts import elsewhere
from .. import config
from ..refusal import Refused
from . import waiting
from .answers import note
from .bridge import NOT_HEARD
from .state import current
from .watch import watch
from .worker_process import Account

_SOON = 0.05  # seconds


def account() -> Account:
    return Account(config.api_base(), config.api_key(), config.account(), config.poll_interval())


def connection_trouble() -> tuple[str, ProblemCode] | None:
    """Why no request can leave now, and the problem's code, as far as that is known without one; None: it can."""
    base = config.api_base()
    if trouble := api_base_refusal(base):
        return trouble, ProblemCode.NETWORK
    if not bpy.app.online_access:
        if bpy.app.online_access_override:
            return (
                "Blender was started in offline mode. Start it without --offline-mode to generate.",
                ProblemCode.OFFLINE,
            )
        return (
            "Blender's online access is off. Turn on “Allow Online Access” in the System preferences.",
            ProblemCode.OFFLINE,
        )
    if trouble := config.api_key_refusal(config.api_key()):
        return trouble, ProblemCode.KEY
    return None


def click_trouble() -> tuple[str, ProblemCode] | None:
    """As ``connection_trouble``, and why a clip of now could not be kept where the preferences say."""
    if trouble := connection_trouble():
        return trouble
    refusal = list_refusal() or ("" if bpy.data.filepath else config.output_refusal())
    return (refusal, ProblemCode.FILE) if refusal else None


def list_refusal() -> str:
    """'' or a sentence why the list that is open is not the one that the preferences name."""
    if refusal := config.list_refusal():
        return refusal
    opened = current().bridge.data_dir
    # Named from the .blend, or from where Blender was started, and opened before there was one.
    if config.preferences().ledger_dir.strip() and (meant := config.data_dir()) != opened:
        return f"Job List Folder in the preferences: it names {meant} by now, and the list in {opened} is open. Choose one."
    return ""


def send(command: str, **fields: object) -> str:
    """Put a command into the worker's inbox and see to it that a worker runs; returns its id. Raises Refused."""
    refuse_elsewhere()
    session = current()
    try:
        command_id = session.bridge.send(command, **fields)
    except OSError as error:
        raise Refused(
            f"The job list in {session.bridge.data_dir} cannot be written: {error.strerror}.",
            "Nothing was sent. Make room, or choose another folder in the preferences.",
            ProblemCode.FILE,
        ) from error
    note(command_id, command, str(fields.get("job", "")))
    session.bridge.worker.ensure(account())
    watch()
    return command_id


def release(job: Job, instead: JobSpec | None = None) -> str:
    """Let this session submit a job that was held, or ``instead`` with its files as they are now.

    Returns the id of the command, as do all here that give one. Raises Refused.
    """
    session = current()
    session.documents.setdefault(job.id, session.document)
    now: dict[str, Any] = {} if instead is None else {"spec": spec_to_payload(instead)}
    return send("release", job=job.id, session=session.bridge.session, **now)


def retry(job: Job) -> str:
    """Poll or download a job once more, for free. Raises Refused."""
    session = current()
    session.documents.setdefault(job.id, session.document)
    return send("retry", job=job.id)


def recover(job: Job, pasted: str) -> str:
    """Take up a job whose answer was lost by the request id that the artist found. Free.

    Returns the id of the command. Raises Refused.
    """
    from ...service.request import request_id_in  # here: Blender needs nothing else of that file

    if not job.recoverable:
        raise Refused("This job has its request id: there is nothing to recover.")
    try:
        request_id = request_id_in(pasted, job.problem.message if job.problem else "")
    except ValueError as error:
        raise Refused(str(error)) from error
    for other in current().bridge.snapshot.all:
        if other.id == request_id:
            raise Refused(
                "That is the number of a job in this list, not a request id of the service."
            )
        if other.request_id == request_id and other.id != job.id:
            raise Refused(
                f"That request id belongs to another job of this list: {other.spec.short_id}."
            )
    if job.request_id == request_id:
        raise Refused("The service does not know this request id.", "Look for another one.")
    if (trouble := connection_trouble()) and trouble[1] is ProblemCode.OFFLINE:
        raise Refused(trouble[0], code=trouble[1])
    session = current()
    session.documents.setdefault(job.id, session.document)
    return send("request_id", job=job.id, value=request_id)


def heard_of_rebuilding() -> str:
    """Let no Blender say any more that the ledger was rebuilt: the artist has read so. Raises Refused."""
    command = send("heard")
    current().bridge.reader.heard()
    return command


def not_charged(job: Job) -> str:
    """Record the artist's word that ``job`` has cost nothing. Raises Refused."""
    return send("not_charged", job=job.id)


def job_of(job_id: str, wanted: Callable[[Job], bool]) -> Job:
    """The job with that id; for '' the newest job that is ``wanted``. Raises Refused."""
    if bpy.app.background:  # no timer has read the ledger yet
        read_all()
    snapshot = current().bridge.snapshot
    if job_id:
        job = snapshot.jobs.get(job_id)
        if job is None:
            raise Refused(f"There is no job “{job_id[:8]}” in the list.")
        return job
    for job in snapshot.all:
        if wanted(job):
            return job
    raise Refused("There is no such job in the list.")


def read_all() -> None:
    """Read the list of jobs to its end. Scripts and background mode only: this blocks."""
    bridge = current().bridge

    def read() -> bool:
        bridge.tick(1.0)
        while bridge.reader.behind and not bridge.reader.missed:
            bridge.tick(1.0)
        return not bridge.reader.behind

    # With a worker: what keeps Blender out may be a killed worker's transaction, which only a worker takes back.
    waiting.until(read, lambda: bridge.worker.ensure(account()))


def read_soon() -> None:
    """Read what is new in the list, as long as a window may wait: what another Blender has just asked for is seen."""
    bridge, until = current().bridge, time.monotonic() + _SOON
    while time.monotonic() < until:
        bridge.tick(_SOON)
        if not (bridge.reader.behind or bridge.reader.missed):
            return
        time.sleep(0.002)  # a worker writes just now


def refuse_moving() -> None:
    """Raise Refused while the list is on its way to another folder: what is said now would be said to the old one."""
    if current().moving.process is not None:
        raise Refused(
            "The job list is just being moved to another folder. Nothing was sent or charged.",
            "Press again when it is there.",
        )


def refuse_elsewhere() -> None:
    """Raise Refused where the list is moving or has moved: no worker will hear what is said in its folder."""
    refuse_moving()
    # Not what the last tick has read: another Blender may have moved it since.
    if words := elsewhere(current().bridge.data_dir):
        raise Refused(words, code=ProblemCode.FILE)


def refuse_lost() -> None:
    """Raise Refused where the data folder was moved away: in its place nothing is made."""
    if trouble := current().bridge.folder.trouble:
        raise Refused(trouble, code=ProblemCode.FILE)


def make_data_folder() -> Path:
    """The data folder, made where there has been none yet. Raises Refused, OSError."""
    refuse_lost()
    bridge = current().bridge
    bridge.folder.make()
    return bridge.data_dir


def refuse_unheard() -> None:
    """Raise Refused where no worker will ever hear what was said: the list and its inbox gave way to others."""
    session = current()
    prepared = session.click.queue or session.shot_batch.press
    if not (session.bridge.expects or prepared):
        raise Refused(NOT_HEARD, code=ProblemCode.FILE)


def refuse_hopeless() -> None:
    if why := current().bridge.hopeless:
        raise Refused(why, "The job is kept in the list and goes on when it can.")

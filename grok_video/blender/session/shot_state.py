"""What became of a row of the shot list: of its clip, or of its look.

Both are asked of the press that is under way, of what was handed over, and of the list of jobs, in that order. A clip is known
there by the mark of its row, a look by ``key_of_look``: neither is taken for the other.
"""

from __future__ import annotations

from ...core.job import Job, State
from ...core.spec import JobSpec, Kind
from .shot_told import Told
from .slot_state import words_of_job
from .state import ShotPress, current, job_by_id


def key_of_look(mark: str, look: str) -> str:
    """What a row's picture in a look is known by in this session."""
    return f"{mark} {look}" if mark else ""


def key_of(spec: JobSpec) -> str:
    """What the job to be of ``spec`` is known by in this session."""
    return key_of_look(spec.shot, spec.look) if spec.kind is Kind.LOOK else spec.shot


def job_of(mark: str) -> Job | None:
    """The job that tells what became of a row's clip: the newest that stands for it, else the newest."""
    return newest(current().bridge.snapshot.jobs.of_shot(mark) if mark else [])


def newest(jobs: list[Job]) -> Job | None:
    """Of jobs for one thing, oldest first, the newest that stands, else the newest."""
    standing = (job for job in reversed(jobs) if job.stands)
    return next(standing, jobs[-1] if jobs else None)


_STRANGE = (
    "Its job is not in this list of clips: it was bought on another computer, or the list was replaced. Empty the "
    "field Job to generate the shot here."
)


def state_of(mark: str, noted: str = "") -> Told:
    """What became of the row of that mark; ``again``: nothing stands for it, and it may be bought.

    ``noted``: id of the job that the row itself names. It tells of a job that this list does not have.
    """
    return told_by(mark, job_of(mark), noted)


def told_by(key: str, job: Job | None, noted: str = "") -> Told:
    """What became of what is known by ``key``, of which ``job`` is the job in the list; ``noted``: as ``state_of``."""
    own = current().shot_batch
    press = own.press
    if press is not None and (job_id := press.of_row.get(key)):
        spec, prepared = press.items[job_id].spec, _is_prepared_now(press, job_id)
        words, state = ("Preparing", "PREPARING") if prepared else ("Waiting", "WAITING")
        return Told(spec.estimate if spec is not None else None, "", state, job_id, words)
    # What stands counts before all that became of presses: it may have come from another one, or from Send Again.
    if not (job is not None and job.stands):
        if (job_id := own.queued.get(key)) and job_by_id(job_id) is None:
            if why := current().answers.not_taken.get(job_id):
                return Told(state="STOPPED", job=job_id, words=why, again=True)
            return Told(state=State.QUEUED.name, job=job_id, words="Waiting to Send")
        if (ended := own.ended.get(key)) is not None:
            return Told(state="STOPPED", job=ended[0], words=ended[1], again=True)
    if job is None and noted and key:
        return Told(state=State.UNKNOWN.name, job=noted, words=_STRANGE)
    if job is None:
        return Told(again=True)
    words = " ".join(filter(None, (words_of_job(job), own.notes.get(key, ""))))
    return Told(
        job.spec.estimate, "", job.state.name, job.id, words, again=not job.stands, held=job.held
    )


def _is_prepared_now(press: ShotPress, job_id: str) -> bool:
    """Whether the picture of a shot to come is being made just now."""
    if press.to_place:
        return False
    if press.here and press.here[0] == job_id:
        return True
    done = press.stills.progress[0] if press.stills is not None else 0
    return done < len(press.ordered) and press.ordered[done] == job_id

"""A job: its state, and the one transition table that says which event leads where.

Owns ``Job``, ``State`` and ``apply``, the fold of events into a job. Knows nothing of HTTP, files, SQLite or
Blender. Money is integer ticks (1 USD = 10**10 ticks), wall time is seconds since the epoch (float), lengths
are seconds of clip (int) unless a name says frames.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from . import events
from .problem import RETRYABLE_PROBLEMS, Problem, ProblemCode
from .record import record
from .seam import Seam
from .spec import Clip, JobSpec


class State(StrEnum):
    """The states of a job. The values are what the ledger stores."""

    QUEUED = "QUEUED"
    SUBMITTING = "SUBMITTING"
    RUNNING = "RUNNING"
    DOWNLOADING = "DOWNLOADING"
    READY = "READY"
    IMPORTED = "IMPORTED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


#: Work the program still has to do by itself.
OPEN_STATES = frozenset({State.QUEUED, State.SUBMITTING, State.RUNNING, State.DOWNLOADING})
#: Nothing more happens unless the user asks. READY is not among them: the import is still due.
FINAL_STATES = frozenset({State.IMPORTED, State.FAILED, State.CANCELLED, State.UNKNOWN})
#: The clip was whole on the disk once.
_DELIVERED = frozenset({State.READY, State.IMPORTED})


class IllegalTransition(ValueError):
    """An event that cannot happen in that state. Nothing was changed."""


@record
class Job:
    """A job as it is now: the fold of its events."""

    spec: JobSpec
    state: State
    seq: int  # number of events so far; the next event is stored under it
    created_at: float
    updated_at: float
    released_by: str  # the Blender session that may submit the job: it clicked, or pressed Send
    released_at: float
    problem: Problem | None = None  # the last trouble; cleared by progress
    held: bool = False
    instead: JobSpec | None = (
        None  # what *Send* sends, where files or the price are not those of the click
    )
    sent: bool = False  # the last byte of a POST left and was not answered with *later*
    stop_requested: bool = False
    blocked: bool = False
    slow: bool = False
    started_at: float = 0.0  # the last time that its cost was reserved: the day it counts for
    day: str = (
        ""  # the local date of ``started_at`` where the job was bought; '' when nobody noted that
    )
    reserved: int = 0  # ticks counted against the account until known better
    cost: int | None = None  # ticks, as the service said
    bill: str = ""  # what the service last said of the cost, where that is no amount
    not_charged: bool = False  # the user says that the service's bill does not have this job
    request_id: str = ""
    id_unproven: bool = False  # entered by the user, and the service has not confirmed it yet
    submitted_at: float = 0.0
    done_at: float = 0.0  # when the service said that the clip is done
    ready_at: float = 0.0  # when the clip was whole on disk
    progress: int | None = None  # percent
    url: str = ""  # secret for a day: never shown
    urls_gone: int = 0  # dead links in a row
    downloads_broken: int = 0  # broken downloads in a row
    not_before: float = 0.0  # wall time before which the next try is not due
    clip: Clip | None = None
    clip_sha256: str = ""  # 64 hex characters, of the clip's file as it was last downloaded
    claimed_by: str = ""
    imported_into: str = ""
    #: Every .blend that the clip is known to have been imported into, by its path; none that was never saved.
    imported_by: tuple[str, ...] = ()
    fetching: bool = False  # READY or IMPORTED, and the clip's file is fetched again
    seam: Seam | None = None  # what takes the colour shift of the clip back, as last measured
    finished_at: float = 0.0
    driven: bool = True  # False: holds events of a newer version

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def asked_for(self) -> JobSpec:
        """What the next press of *Send* or *Send Again* asks for."""
        return self.instead if self.held and self.instead else self.spec

    @property
    def open(self) -> bool:
        """Whether the program still has work to do by itself."""
        return (self.state in OPEN_STATES and not self.held) or self.fetching

    @property
    def awaits_link(self) -> bool:
        """Whether the service is to be asked for the job: it is not done yet, or the clip's link is not known."""
        return self.state is State.RUNNING or (self.fetching and not self.url)

    @property
    def awaits_file(self) -> bool:
        """Whether the clip is to be downloaded from the link that is known."""
        return self.state is State.DOWNLOADING or (self.fetching and bool(self.url))

    @property
    def fetchable_again(self) -> bool:
        """Whether the file of the delivered clip can be asked for once more, for free."""
        link = self.url not in ("", events.IN_THE_ANSWER)
        known = self.clip is not None and (link or bool(self.request_id))
        return self.driven and not self.fetching and self.state in _DELIVERED and known

    @property
    def lacks_id(self) -> bool:
        """Whether the job was sent without a request id that is known and that the service has confirmed."""
        return self.sent and (not (self.request_id or self.url) or self.id_unproven)

    @property
    def recoverable(self) -> bool:
        """Whether it makes sense that the user enters a request id, be it a second and better one."""
        waits = self.state in (State.UNKNOWN, State.CANCELLED)
        return self.driven and self.lacks_id and (waits or self.blocked)

    @property
    def stands(self) -> bool:
        """Whether a clip was or may have been bought by the job, or may still come: a shot that has such a job is not bought again.

        Not of what failed, where the service itself has no clip, or was stopped before it was sent.
        """
        if self.state is State.FAILED:
            code = self.problem.code if self.problem is not None else None
            return self.retryable and code not in (ProblemCode.SERVICE, ProblemCode.EXPIRED)
        if self.state is State.CANCELLED:
            return self.sent or bool(self.request_id or self.url)
        return True

    @property
    def spent(self) -> int:
        """Ticks that count as spent: the service's figure, else what is reserved, else the user's word."""
        if self.cost is not None:
            return self.cost
        return 0 if self.not_charged else self.reserved

    @property
    def charge_open(self) -> bool:
        """Whether the job ended without a clip and counts at its estimate, as nobody said what it cost."""
        ended = self.state in (State.FAILED, State.CANCELLED, State.UNKNOWN)
        return ended and self.driven and self.cost is None and self.spent > 0

    @property
    def retryable(self) -> bool:
        """Whether *retry* (free: polls or downloads) makes sense."""
        if not (self.request_id or self.url) or not self.driven:
            return False
        if self.state in (State.CANCELLED, State.UNKNOWN):
            return True
        return self.state is State.FAILED and bool(
            self.problem and self.problem.code in RETRYABLE_PROBLEMS
        )


_S = State
#: (state, event) → next state. What is not in here cannot happen.
TRANSITIONS: dict[tuple[State, type[events.Event]], State] = {
    (_S.QUEUED, events.Held): _S.QUEUED,
    (_S.QUEUED, events.Released): _S.QUEUED,
    (_S.QUEUED, events.SubmitStarted): _S.SUBMITTING,
    (_S.QUEUED, events.LocalFailed): _S.FAILED,
    (_S.QUEUED, events.StopRequested): _S.CANCELLED,
    (_S.SUBMITTING, events.Sending): _S.SUBMITTING,
    (_S.SUBMITTING, events.Submitted): _S.RUNNING,
    (_S.SUBMITTING, events.NotSent): _S.QUEUED,
    (_S.SUBMITTING, events.Rejected): _S.FAILED,
    (_S.SUBMITTING, events.AnswerLost): _S.UNKNOWN,
    (_S.SUBMITTING, events.Bought): _S.DOWNLOADING,
    (_S.SUBMITTING, events.Billed): _S.FAILED,
    (_S.SUBMITTING, events.StopRequested): _S.SUBMITTING,
    (_S.RUNNING, events.Submitted): _S.RUNNING,
    (_S.RUNNING, events.Progress): _S.RUNNING,
    (_S.RUNNING, events.Blocked): _S.RUNNING,
    (_S.RUNNING, events.Slow): _S.RUNNING,
    (_S.RUNNING, events.Done): _S.DOWNLOADING,
    (_S.RUNNING, events.ServiceFailed): _S.FAILED,
    (_S.RUNNING, events.LocalFailed): _S.FAILED,
    (_S.RUNNING, events.StopRequested): _S.CANCELLED,
    (_S.DOWNLOADING, events.Blocked): _S.DOWNLOADING,
    (_S.DOWNLOADING, events.DownloadBroken): _S.DOWNLOADING,
    (_S.DOWNLOADING, events.UrlGone): _S.RUNNING,
    (_S.DOWNLOADING, events.Downloaded): _S.READY,
    (_S.DOWNLOADING, events.LocalFailed): _S.FAILED,
    (_S.DOWNLOADING, events.StopRequested): _S.CANCELLED,
    (_S.READY, events.ImportClaimed): _S.READY,
    (_S.READY, events.ImportReleased): _S.READY,
    (_S.READY, events.Imported): _S.IMPORTED,
    (_S.IMPORTED, events.Imported): _S.IMPORTED,
    (_S.IMPORTED, events.ImportReleased): _S.IMPORTED,
    **{
        (state, event): state
        for state in (_S.READY, _S.IMPORTED)
        for event in (
            events.SeamMeasured,
            events.FetchAgain,
            events.FetchLink,
            events.FetchTrouble,
            events.FetchedAgain,
            events.FetchEnded,
        )
    },
    (_S.FAILED, events.NotCharged): _S.FAILED,
    (_S.CANCELLED, events.NotCharged): _S.CANCELLED,
    (_S.UNKNOWN, events.NotCharged): _S.UNKNOWN,
    (_S.FAILED, events.Retried): _S.RUNNING,
    (_S.CANCELLED, events.Retried): _S.RUNNING,
    (_S.CANCELLED, events.Submitted): _S.RUNNING,
    (_S.CANCELLED, events.Bought): _S.CANCELLED,  # an answer that came late: *Retry* has its link
    (_S.UNKNOWN, events.Retried): _S.RUNNING,
    (_S.UNKNOWN, events.Submitted): _S.RUNNING,
    (_S.UNKNOWN, events.Bought): _S.DOWNLOADING,
    (_S.UNKNOWN, events.Billed): _S.FAILED,
    (_S.UNKNOWN, events.StopRequested): _S.CANCELLED,
}


def apply(job: Job | None, event: events.Event, at: float) -> Job:
    """The job after ``event``, which happened at wall time ``at``. Pure: the given job stays as it is.

    ``job`` is None for the first event, which must be ``Created``.
    Raises IllegalTransition for what the table does not allow.
    """
    if job is None:
        if not isinstance(event, events.Created):
            raise IllegalTransition(f"a job starts with 'created', not with {event.kind!r}")
        return Job(
            spec=event.spec,
            state=State.QUEUED,
            seq=1,
            created_at=at,
            updated_at=at,
            released_by=event.spec.target.session,
            released_at=at,
        )
    if isinstance(event, events.Unrecognised):
        return replace(job, seq=job.seq + 1, updated_at=at, driven=False)
    if isinstance(event, events.Dated):  # in every state, and changes none
        after = replace(job, seq=job.seq + 1, updated_at=at)
        if event.at >= job.started_at:
            return after
        return replace(after, started_at=event.at, day="")
    state = TRANSITIONS.get((job.state, type(event)))
    if state is None:
        raise IllegalTransition(f"{event.kind!r} cannot happen to a job that is {job.state}")
    after = replace(_changed(job, event, at), seq=job.seq + 1, updated_at=at)
    if after.state is job.state and state is not job.state:
        after = replace(after, state=state)
    if after.state in FINAL_STATES and job.state not in FINAL_STATES:
        after = replace(after, finished_at=at)
    return after


def _changed(job: Job, event: events.Event, at: float) -> Job:
    """The fields that ``event`` changes, other than the ordinary change of state."""
    match event:
        case events.Held(problem, instead):
            return replace(job, held=True, problem=problem, instead=instead)
        case events.Released(session, instead):
            return replace(
                job,
                spec=job.spec.with_files_of(instead) if instead else job.spec,
                held=False,
                instead=None,
                problem=None,
                not_before=0.0,
                released_by=session,
                released_at=at,
            )
        case events.SubmitStarted(reserved, day):
            return replace(job, reserved=reserved, started_at=at, day=day, problem=None)
        case events.Sending(files):
            if job.sent:
                raise IllegalTransition("the last byte of this job's POST has left before")
            spec = replace(job.spec, files=files) if files else job.spec
            return replace(job, sent=True, spec=spec)
        case events.Submitted(request_id):
            if not request_id:
                raise IllegalTransition("a submitted job has a request id")
            if job.state is not State.SUBMITTING and not job.lacks_id:
                raise IllegalTransition("the job has its request id already")
            # A stop that came while the answer was awaited ends the job, with the id that was paid for. An
            # UNKNOWN job is taken up again: its id was entered by the user, or came late after all.
            stopped = job.stop_requested and job.state is State.SUBMITTING
            return replace(
                job,
                state=State.CANCELLED if stopped else job.state,
                request_id=request_id,
                id_unproven=job.state is not State.SUBMITTING,
                submitted_at=at,
                not_charged=False,
                problem=None,
                blocked=False,
                stop_requested=stopped,
                finished_at=0.0,
            )
        case events.NotSent(problem, wait):
            stopped = State.CANCELLED if job.stop_requested else job.state
            return replace(
                job, state=stopped, problem=problem, sent=False, reserved=0, not_before=at + wait
            )
        case events.Rejected(problem):
            return replace(job, problem=problem, reserved=0)
        case events.AnswerLost(problem, cost):
            return replace(job, problem=problem, cost=cost if cost is not None else job.cost)
        case events.LocalFailed(problem):
            return replace(job, problem=problem)
        case events.Progress(percent, cost):
            return replace(
                job,
                progress=percent,
                cost=cost if cost is not None else job.cost,
                blocked=False,
                problem=None,
                id_unproven=False,
            )
        case events.Blocked(problem):
            return replace(job, blocked=True, problem=problem)
        case events.Slow():
            return replace(job, slow=True)
        case events.Bought(url, cost, bill):
            if job.request_id or job.url:
                raise IllegalTransition("the job has its answer already")
            # A stop while the answer was awaited keeps the link to what was paid for.
            stopped = job.stop_requested and job.state is State.SUBMITTING
            return replace(
                job,
                state=State.CANCELLED if stopped else job.state,
                url=url,
                cost=cost if cost is not None else job.cost,
                bill=bill,
                submitted_at=at,
                done_at=at,
                progress=100,
                not_charged=False,
                problem=None,
                finished_at=job.finished_at if job.state is State.CANCELLED else 0.0,
            )
        case events.Done(url, cost, bill):
            return replace(
                job,
                url=url,
                cost=cost if cost is not None else job.cost,
                bill=bill,
                done_at=at,
                id_unproven=False,
                progress=100,
                blocked=False,
                problem=None,
                not_before=0.0,
            )
        case events.ServiceFailed(problem, cost, bill) | events.Billed(problem, cost, bill):
            return replace(
                job,
                problem=problem,
                cost=cost if cost is not None else job.cost,
                bill=bill,
                id_unproven=False,
            )
        case events.DownloadBroken(problem, wait):
            return replace(
                job,
                problem=problem,
                downloads_broken=job.downloads_broken + 1,
                not_before=at + wait,
            )
        case events.UrlGone():
            if not job.request_id:
                raise IllegalTransition("nobody can be asked for another link")
            return replace(job, url="", urls_gone=job.urls_gone + 1, not_before=0.0)
        case events.Downloaded(clip, problem, sha256):
            return replace(
                job,
                clip=clip,
                clip_sha256=sha256,
                problem=problem,
                ready_at=at,
                urls_gone=0,
                downloads_broken=0,
                blocked=False,
            )
        case events.StopRequested():
            return replace(job, stop_requested=True, held=False)
        case events.Retried():
            if not job.retryable:
                raise IllegalTransition("only a job that can still be fetched is retried")
            return replace(
                job,
                state=State.DOWNLOADING if job.url else State.RUNNING,
                not_charged=False,
                stop_requested=False,
                problem=None,
                blocked=False,
                slow=False,
                urls_gone=0,
                downloads_broken=0,
                not_before=0.0,
                finished_at=0.0,
            )
        case events.NotCharged():
            if not job.charge_open:
                raise IllegalTransition("what this job cost is known")
            return replace(job, not_charged=True)
        case events.ImportClaimed(session):
            if job.claimed_by:
                raise IllegalTransition("the import of this job is claimed already")
            return replace(job, claimed_by=session)
        case events.ImportReleased(problem):
            return replace(job, claimed_by="", problem=problem)
        case events.Imported(scene, blend):
            known = not blend or blend in job.imported_by
            by = job.imported_by if known else (*job.imported_by, blend)
            return replace(job, imported_into=scene, imported_by=by, problem=None)
        case events.SeamMeasured(seam):
            return replace(job, seam=seam)
        case _:
            return _fetched(job, event, at)


def _fetched(job: Job, event: events.Event, at: float) -> Job:
    """The fields that ``event`` changes of a delivered job whose file is fetched again."""
    match event:
        case events.FetchAgain():
            if not job.fetchable_again:
                raise IllegalTransition("the file of this clip is being fetched, or cannot be")
            return replace(
                job,
                fetching=True,
                problem=None,
                blocked=False,
                urls_gone=0,
                downloads_broken=0,
                not_before=0.0,
            )
        case events.FetchedAgain(clip, problem, sha256):
            # True also when the user has stopped the fetching meanwhile.
            return replace(
                job,
                fetching=False,
                clip=clip,
                clip_sha256=sha256,
                problem=problem,
                blocked=False,
                urls_gone=0,
                downloads_broken=0,
            )
        case events.FetchLink() | events.FetchTrouble() | events.FetchEnded() if not job.fetching:
            raise IllegalTransition("the file of this clip is not being fetched")
        case events.FetchLink(""):
            if not job.request_id:
                raise IllegalTransition("nobody can be asked for another link")
            return replace(job, url="", urls_gone=job.urls_gone + 1, not_before=0.0)
        case events.FetchLink(url, cost):
            # What is on record of the cost stays: a link that is named again bills nothing. Nor is the clip younger.
            cost = cost if job.cost is None else job.cost
            return replace(job, url=url, cost=cost, blocked=False, problem=None, not_before=0.0)
        case events.FetchTrouble(problem, wait, blocked):
            broken = job.downloads_broken + (problem is not None and not blocked)
            return replace(
                job,
                problem=problem,
                blocked=blocked,
                downloads_broken=broken,
                not_before=at + wait,
            )
        case events.FetchEnded(problem):
            return replace(job, fetching=False, blocked=False, problem=problem)
        case _:
            return job

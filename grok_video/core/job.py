"""A job: what was asked for, what happened to it, and what it is now.

Owns the data of a job (``JobSpec``), the events that happen to it, the one transition table, and the fold
of events into a ``Job``. It knows nothing of HTTP, files, SQLite or Blender: everything else in ``core``
depends on this module, and this module depends on nothing.

Money is integer ticks (1 USD = 10**10 ticks), wall time is seconds since the epoch (float), lengths are
seconds of clip (int) unless a name says frames.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import ipaddress
import math
import os
import types
import typing
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, ClassVar

from .record import record

TICKS_PER_USD = 10**10


class State(StrEnum):
    """Where a job is. The values are what the ledger stores."""

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


class ProblemCode(StrEnum):
    """What kind of trouble a job is in: decides the button that the panel offers."""

    KEY = "KEY"  # no key, a wrong key, a blocked team: the preferences
    OTHER_KEY = "OTHER_KEY"  # the job belongs to another key or API base
    OFFLINE = "OFFLINE"  # online access is off in Blender's preferences
    NETWORK = "NETWORK"  # DNS, TLS, proxy, refused, reset, too slow
    RATE = "RATE"  # too many requests: waits by itself
    CREDITS = "CREDITS"  # out of money
    REQUEST = "REQUEST"  # the service refused the request as it stands
    MODERATED = "MODERATED"
    EXPIRED = "EXPIRED"
    SERVICE = "SERVICE"  # the service failed
    ANSWER_LOST = "ANSWER_LOST"  # sent, and nobody knows whether it was bought
    DOWNLOAD = "DOWNLOAD"  # the result could not be fetched
    FILE = "FILE"  # folder gone, not writable, disk full, source still missing
    SCENE = "SCENE"  # the target scene or .blend is not there
    HELD = "HELD"  # waits for the user's word before money is spent
    CRASHED = "CRASHED"  # was active in three crashes of the worker
    LIMIT = "LIMIT"  # would pass a spending limit: the preferences


@record
class Problem:
    """A sentence for an artist: what happened, whether anything was charged, what to do now."""

    code: ProblemCode
    message: str  # what happened; the service's own words where it said some
    hint: str = ""  # what to do now
    charged: bool | None = None  # None: not known
    http_status: int | None = None


#: What to do about ANSWER_LOST: the same wherever the answer was lost.
LOST_HINT = (
    "Look for it in the xAI console: with its request id the clip can be fetched for free. Send Again "
    "makes and charges a new one."
)


class Kind(StrEnum):
    """Which endpoint a job goes to."""

    GENERATE = "generate"
    EXTEND = "extend"
    EDIT = "edit"


@record
class Source:
    """Where the first frame came from: kept for the clip's JSON and for the panel."""

    kind: str  # 'CAMERA' 'VIEWPORT' 'RENDER_RESULT' 'IMAGE' 'SEQUENCER' 'NONE'
    scene: str = ""
    frame: float = 0.0  # with its sub-frame
    camera: str = ""
    image: str = ""  # name of the image datablock


@record
class Target:
    """Where the clip goes: decided at the click and kept."""

    session: str  # the Blender session (uuid hex) that clicked
    blend: str = ""  # absolute path of the .blend; '' when it was not saved
    scene: str = ""
    frame: int = 1  # AFTER: where the source ended at the click; OVER: where the sent part began
    place: str = "AT"  # 'AT' frame, 'AFTER' the end of the source strip, 'OVER' the source strip
    strip: str = ""  # name of the source strip at the click
    mark: str = ""  # its custom property "grok_video_source": finds it after renames and cuts
    channel: int = 0  # the source strip's
    length: int = 0  # scene frames of the source that were sent
    offset: int = 0  # OVER: scene frames from the source's left handle to the first one sent


@record
class Picture:
    """A picture that goes along with a request."""

    path: str  # absolute
    mime: str  # 'image/png' 'image/jpeg'
    size: int = 0  # bytes
    label: str = ""  # what the artist knows it by

    @property
    def name(self) -> str:
        """The label, or the file's name."""
        return self.label or os.path.basename(self.path)


@record
class Keyframe:
    """A picture that the clip passes through."""

    picture: Picture
    thirds: int  # thirds of a second from the clip's start: the service's grid

    @property
    def seconds(self) -> float:
        """From the clip's start."""
        return self.thirds / 3


@record
class SourceVideo:
    """The clip that is extended or edited."""

    path: str  # absolute path of the MP4: what is uploaded
    seconds: float
    size: int = 0  # bytes
    width: int = 0
    height: int = 0
    job: str = ""  # id of the job whose whole result it is: named by its URL while that is fresh


@record
class JobSpec:
    """Everything there is to know of a request, fixed before it is queued."""

    id: str  # uuid4 hex, made by Blender
    kind: Kind
    model: str
    prompt: str
    duration: int  # seconds; EXTEND: those added; EDIT: the source's, rounded (not sent)
    resolution: str  # '480p' '720p' '1080p'; EXTEND and EDIT: what is priced (not sent)
    aspect_ratio: str  # '16:9' …; never 'AUTO': that is resolved before
    generate_audio: bool
    account: str  # fingerprint of (API base, key): see account_of()
    api_base: str  # without a trailing slash, '/v1/…' is appended
    estimate: int | None  # ticks; None when the model's price is not known
    image: str = ""  # absolute path of the source still; '' for text-to-video
    image_mime: str = ""  # 'image/png' 'image/jpeg'
    image_pixels: tuple[int, int] = (0, 0)  # width, height
    image_bytes: int = 0
    output: str = ""  # absolute path of the MP4 to be, chosen at submission
    parent: str = ""  # job id this one sends again
    source: Source = dataclasses.field(default_factory=lambda: Source("NONE"))
    target: Target = dataclasses.field(default_factory=lambda: Target(""))
    video: SourceVideo | None = None  # what is extended or edited
    references: tuple[Picture, ...] = ()  # <IMAGE_0>, <IMAGE_1> … in the prompt
    last_frame: Picture | None = None
    keyframes: tuple[Keyframe, ...] = ()
    unchecked: bool = False  # a model that was typed in: sent as it is, its price is not known

    @property
    def short_id(self) -> str:
        """The first 8 characters: what file names and rows show."""
        return self.id[:8]

    @property
    def pictures(self) -> tuple[tuple[str, Picture], ...]:
        """Every picture that is sent, with what it is called: 'source still', 'reference Camera.001'."""
        first = Picture(self.image, self.image_mime, self.image_bytes)
        return (
            *([("source still", first)] if self.image else []),
            *((f"reference {picture.name}", picture) for picture in self.references),
            *([("end frame", self.last_frame)] if self.last_frame else []),
            *((f"keyframe at {frame.seconds:.2f} s", frame.picture) for frame in self.keyframes),
        )


def new_id() -> str:
    """A fresh job, command or session id: 32 hex characters."""
    return uuid.uuid4().hex


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its name alone."""
    host = host.strip("[]").lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def account_of(api_base: str, key: str) -> str:
    """16 hex characters that stand for an (API base, key) pair without giving the key away.

    A job is polled only with the pair it was bought with.
    """
    digest = hashlib.blake2b(
        f"{api_base.rstrip('/')}\n{key}".encode(), digest_size=8, salt=b"grok_video"
    )
    return digest.hexdigest()


@record
class Clip:
    """What the downloaded file says of itself (never what was asked for)."""

    path: str  # absolute
    size: int  # bytes
    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    has_audio: bool


# --------------------------------------------------------------------------------------------------- events


@record
class Event:
    """Something that happened to a job. ``kind`` is its name in the ledger and never changes."""

    kind: ClassVar[str] = ""


@record
class Created(Event):
    kind: ClassVar[str] = "created"
    spec: JobSpec


@record
class Held(Event):
    kind: ClassVar[str] = "held"
    problem: Problem


@record
class Released(Event):
    """The user pressed Send on a held job; ``session`` is the one that may submit it now."""

    kind: ClassVar[str] = "released"
    session: str


@record
class SubmitStarted(Event):
    kind: ClassVar[str] = "submit_started"
    reserved: int  # ticks


@record
class Sending(Event):
    """The last byte is about to leave. From here on only a complete answer decides."""

    kind: ClassVar[str] = "sending"


@record
class Submitted(Event):
    kind: ClassVar[str] = "submitted"
    request_id: str


@record
class NotSent(Event):
    """Nothing was started: the last byte never left, or the service said *later* (429 rate, 425)."""

    kind: ClassVar[str] = "not_sent"
    problem: Problem
    wait: float = 0.0  # seconds before the next try


@record
class Rejected(Event):
    kind: ClassVar[str] = "rejected"
    problem: Problem


@record
class AnswerLost(Event):
    kind: ClassVar[str] = "answer_lost"
    problem: Problem


@record
class Progress(Event):
    """A good poll of a running job, written when something changed. Clears ``blocked``."""

    kind: ClassVar[str] = "progress"
    percent: int | None


@record
class Blocked(Event):
    """The job goes on at the service, but we cannot ask for it just now."""

    kind: ClassVar[str] = "blocked"
    problem: Problem


@record
class Slow(Event):
    kind: ClassVar[str] = "slow"


@record
class Done(Event):
    kind: ClassVar[str] = "done"
    url: str
    cost: int | None = None  # ticks


@record
class ServiceFailed(Event):
    """The service ended the job: failed, expired, moderated. Final."""

    kind: ClassVar[str] = "service_failed"
    problem: Problem
    cost: int | None = None  # ticks


@record
class DownloadBroken(Event):
    kind: ClassVar[str] = "download_broken"
    problem: Problem
    wait: float = 0.0  # seconds before the next try


@record
class UrlGone(Event):
    kind: ClassVar[str] = "url_gone"


@record
class Downloaded(Event):
    kind: ClassVar[str] = "downloaded"
    clip: Clip
    problem: Problem | None = None  # the clip is safe, but not where it was meant to be


@record
class LocalFailed(Event):
    """Something on this side ended the job: it can be retried for free once mended."""

    kind: ClassVar[str] = "local_failed"
    problem: Problem


@record
class StopRequested(Event):
    """The user stops tracking: CANCELLED at once, or, in SUBMITTING, when the answer is there."""

    kind: ClassVar[str] = "stop_requested"


@record
class Retried(Event):
    kind: ClassVar[str] = "retried"


@record
class NotCharged(Event):
    """The user's word, from the service's bill: what became of this job has cost nothing."""

    kind: ClassVar[str] = "not_charged"


@record
class ImportClaimed(Event):
    kind: ClassVar[str] = "import_claimed"
    session: str


@record
class ImportReleased(Event):
    """The claimant could not import: the clip waits in the queue."""

    kind: ClassVar[str] = "import_released"
    problem: Problem


@record
class Imported(Event):
    kind: ClassVar[str] = "imported"
    scene: str
    blend: str = ""


@record
class Unrecognised(Event):
    """An event of a newer version: kept as it is; such a job is shown, not driven."""

    kind: ClassVar[str] = "?"
    name: str
    payload: Mapping[str, Any]


EVENTS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        Created,
        Held,
        Released,
        SubmitStarted,
        Sending,
        Submitted,
        NotSent,
        Rejected,
        AnswerLost,
        Progress,
        Blocked,
        Slow,
        Done,
        ServiceFailed,
        DownloadBroken,
        UrlGone,
        Downloaded,
        LocalFailed,
        StopRequested,
        Retried,
        NotCharged,
        ImportClaimed,
        ImportReleased,
        Imported,
    )
}

#: Events that say where money went: their text also goes, synced, into ``jobs/<id>.jsonl``.
MONEY_EVENTS = frozenset(
    {
        Created.kind,
        SubmitStarted.kind,
        Sending.kind,
        Submitted.kind,
        NotSent.kind,
        Rejected.kind,
        AnswerLost.kind,
        Done.kind,
        ServiceFailed.kind,
        NotCharged.kind,
        Downloaded.kind,
    }
)


def to_payload(event: Event) -> dict[str, Any]:
    """The event as JSON-ready data, without its kind."""
    if isinstance(event, Unrecognised):
        return dict(event.payload)
    return dataclasses.asdict(event)


def from_payload(kind: str, payload: Mapping[str, Any]) -> Event:
    """The event that ``to_payload`` wrote. Unknown fields of a newer version are dropped.

    Raises ValueError when a known kind lacks a field or holds a wrong one.
    """
    cls = EVENTS.get(kind)
    try:
        values = dict(payload)
        if cls is None:
            return Unrecognised(kind, values)
        if "spec" in values:
            values["spec"] = spec_from_payload(values["spec"])
        return _build(cls, values)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"event {kind!r} cannot be read: {error}") from error


def spec_to_payload(spec: JobSpec) -> dict[str, Any]:
    """The spec as JSON-ready data."""
    return dataclasses.asdict(spec)


def spec_from_payload(payload: Mapping[str, Any]) -> JobSpec:
    """The spec that ``spec_to_payload`` wrote. Raises TypeError, KeyError, AttributeError or ValueError.

    Older ledgers lack fields: those have defaults.
    """
    values = dict(payload)
    for name in ("source", "target", "image_pixels"):
        if not values.get(name):
            values.pop(name, None)
    return _build(JobSpec, values)


def job_to_payload(job: Job) -> dict[str, Any]:
    """The folded job as JSON-ready data: the ledger's shortcut past the events."""
    return dataclasses.asdict(job)


def job_from_payload(payload: Mapping[str, Any]) -> Job:
    """The job that ``job_to_payload`` wrote. Raises TypeError, KeyError, AttributeError or ValueError."""
    return _build(Job, {**payload, "spec": spec_from_payload(payload["spec"])})


def _build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """The dataclass from those values that are its fields, with all that lies inside of it.

    Raises TypeError or ValueError for one of a wrong type: a wrong one in a ledger or an inbox file is
    found here, and not by what reckons with it later.
    """
    wanted = _types(cls)
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in wanted:
            continue
        try:
            made[name] = _made(value, wanted[name])
        except _Misfit:
            raise TypeError(f"{cls.__name__}.{name} cannot be {value!r:.80}") from None
    return cls(**made)


class _Misfit(Exception):
    """A value that is none of the wanted type."""


@functools.cache
def _types(cls: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _made(value: Any, wanted: Any) -> Any:
    """A value as JSON holds it, as a field of that type holds it. Raises _Misfit, TypeError, ValueError."""
    if wanted is str or wanted is bool:
        fits = isinstance(value, wanted)
    elif wanted is int:
        fits = type(value) is int
    elif wanted is float:  # JSON has one kind of number; no time or length is infinite
        fits = type(value) in (int, float) and math.isfinite(value)
    else:
        return _made_of_parts(value, wanted)
    if not fits:
        raise _Misfit
    return value


def _made_of_parts(value: Any, wanted: Any) -> Any:
    origin = typing.get_origin(wanted)
    if origin is types.UnionType:  # always one type or None
        (other,) = (one for one in typing.get_args(wanted) if one is not types.NoneType)
        return None if value is None else _made(value, other)
    if origin is tuple:
        parts = typing.get_args(wanted)
        if not isinstance(value, list | tuple):
            raise _Misfit
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        if parts[-1] is Ellipsis:
            parts = (parts[0],) * len(items)
        if len(items) != len(parts):
            raise _Misfit
        return tuple(map(_made, items, parts))
    if isinstance(value, wanted):
        return value
    if issubclass(wanted, StrEnum):
        if isinstance(value, str):
            return wanted(value)
    elif isinstance(value, Mapping) and hasattr(wanted, "__dataclass_fields__"):
        return _build(wanted, typing.cast(Mapping[str, Any], value))
    raise _Misfit


def problem_from_payload(values: Mapping[str, Any]) -> Problem:
    """The problem that ``dataclasses.asdict`` wrote. Raises TypeError, KeyError or ValueError."""
    return _build(Problem, {**values, "code": values["code"]})


# ----------------------------------------------------------------------------------------------------- fold


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
    released_by: str  # session that may submit it: the one that clicked, or that pressed Send
    released_at: float
    problem: Problem | None = None  # the last trouble; cleared by progress
    held: bool = False
    sent: bool = False  # the last byte of a POST left and was not answered with *later*
    stop_requested: bool = False
    blocked: bool = False
    slow: bool = False
    started_at: float = 0.0  # the last time that its cost was reserved: the day it counts for
    reserved: int = 0  # ticks counted against the account until known better
    cost: int | None = None  # ticks, as the service said
    not_charged: bool = False  # the user's word
    request_id: str = ""
    id_unproven: bool = False  # entered by the user, and the service has not confirmed it yet
    submitted_at: float = 0.0
    done_at: float = 0.0  # the service said so
    ready_at: float = 0.0  # the clip is on disk
    progress: int | None = None  # percent
    url: str = ""  # secret for a day: never shown
    urls_gone: int = 0  # in a row
    downloads_broken: int = 0  # in a row
    not_before: float = 0.0  # wall time before which the next try is not due
    clip: Clip | None = None
    claimed_by: str = ""
    imported_into: str = ""
    finished_at: float = 0.0
    driven: bool = True  # False: holds events of a newer version

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def open(self) -> bool:
        """Whether the program still has work to do by itself."""
        return self.state in OPEN_STATES and not self.held

    @property
    def lacks_id(self) -> bool:
        """Whether the service may have made a clip of which no id is known, or only one that proved nothing."""
        return self.sent and (not self.request_id or self.id_unproven)

    @property
    def recoverable(self) -> bool:
        """Whether it makes sense that the user enters a request id: also a better one than that before."""
        waits = self.state in (State.UNKNOWN, State.CANCELLED)
        return self.driven and self.lacks_id and (waits or self.blocked)

    @property
    def spent(self) -> int:
        """Ticks that count as spent: the service's figure, else what is reserved, else the user's word."""
        if self.cost is not None:
            return self.cost
        return 0 if self.not_charged else self.reserved

    @property
    def charge_open(self) -> bool:
        """Whether it ended without a clip and counts at its estimate, as nobody said what it cost."""
        ended = self.state in (State.FAILED, State.CANCELLED, State.UNKNOWN)
        return ended and self.driven and self.cost is None and self.spent > 0

    @property
    def retryable(self) -> bool:
        """Whether *retry* (free: polls or downloads) makes sense."""
        if not self.request_id or not self.driven:
            return False
        if self.state in (State.CANCELLED, State.UNKNOWN):
            return True
        return self.state is State.FAILED and bool(
            self.problem and self.problem.code in RETRYABLE_PROBLEMS
        )


#: A FAILED job with one of these can be taken up again for free. Of what the service said that is final which is
#: about the request itself; the rest may have been a gateway's word, or a clip that came too late.
RETRYABLE_PROBLEMS = frozenset(
    {
        ProblemCode.DOWNLOAD,
        ProblemCode.FILE,
        ProblemCode.NETWORK,
        ProblemCode.CRASHED,
        ProblemCode.EXPIRED,
        ProblemCode.SERVICE,
    }
)

_S = State
#: (state, event) → next state. What is not in here cannot happen.
TRANSITIONS: dict[tuple[State, type[Event]], State] = {
    (_S.QUEUED, Held): _S.QUEUED,
    (_S.QUEUED, Released): _S.QUEUED,
    (_S.QUEUED, SubmitStarted): _S.SUBMITTING,
    (_S.QUEUED, LocalFailed): _S.FAILED,
    (_S.QUEUED, StopRequested): _S.CANCELLED,
    (_S.SUBMITTING, Sending): _S.SUBMITTING,
    (_S.SUBMITTING, Submitted): _S.RUNNING,
    (_S.SUBMITTING, NotSent): _S.QUEUED,
    (_S.SUBMITTING, Rejected): _S.FAILED,
    (_S.SUBMITTING, AnswerLost): _S.UNKNOWN,
    (_S.SUBMITTING, StopRequested): _S.SUBMITTING,
    (_S.RUNNING, Submitted): _S.RUNNING,
    (_S.RUNNING, Progress): _S.RUNNING,
    (_S.RUNNING, Blocked): _S.RUNNING,
    (_S.RUNNING, Slow): _S.RUNNING,
    (_S.RUNNING, Done): _S.DOWNLOADING,
    (_S.RUNNING, ServiceFailed): _S.FAILED,
    (_S.RUNNING, LocalFailed): _S.FAILED,
    (_S.RUNNING, StopRequested): _S.CANCELLED,
    (_S.DOWNLOADING, Blocked): _S.DOWNLOADING,
    (_S.DOWNLOADING, DownloadBroken): _S.DOWNLOADING,
    (_S.DOWNLOADING, UrlGone): _S.RUNNING,
    (_S.DOWNLOADING, Downloaded): _S.READY,
    (_S.DOWNLOADING, LocalFailed): _S.FAILED,
    (_S.DOWNLOADING, StopRequested): _S.CANCELLED,
    (_S.READY, ImportClaimed): _S.READY,
    (_S.READY, ImportReleased): _S.READY,
    (_S.READY, Imported): _S.IMPORTED,
    (_S.IMPORTED, Imported): _S.IMPORTED,
    (_S.IMPORTED, ImportReleased): _S.IMPORTED,
    (_S.FAILED, NotCharged): _S.FAILED,
    (_S.CANCELLED, NotCharged): _S.CANCELLED,
    (_S.UNKNOWN, NotCharged): _S.UNKNOWN,
    (_S.FAILED, Retried): _S.RUNNING,
    (_S.CANCELLED, Retried): _S.RUNNING,
    (_S.CANCELLED, Submitted): _S.RUNNING,
    (_S.UNKNOWN, Retried): _S.RUNNING,
    (_S.UNKNOWN, Submitted): _S.RUNNING,
    (_S.UNKNOWN, StopRequested): _S.CANCELLED,
}


def apply(job: Job | None, event: Event, at: float) -> Job:
    """The job after ``event``, which happened at wall time ``at``. Pure: the given job stays as it is.

    ``job`` is None for the first event, which must be ``Created``.
    Raises IllegalTransition for what the table does not allow.
    """
    if job is None:
        if not isinstance(event, Created):
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
    if isinstance(event, Unrecognised):
        return replace(job, seq=job.seq + 1, updated_at=at, driven=False)
    state = TRANSITIONS.get((job.state, type(event)))
    if state is None:
        raise IllegalTransition(f"{event.kind!r} cannot happen to a job that is {job.state}")
    after = replace(_changed(job, event, at), seq=job.seq + 1, updated_at=at)
    if after.state is job.state and state is not job.state:
        after = replace(after, state=state)
    if after.state in FINAL_STATES and job.state not in FINAL_STATES:
        after = replace(after, finished_at=at)
    return after


def _changed(job: Job, event: Event, at: float) -> Job:
    """The fields that ``event`` changes, other than the ordinary change of state."""
    match event:
        case Held(problem):
            return replace(job, held=True, problem=problem)
        case Released(session):
            return replace(
                job, held=False, problem=None, not_before=0.0, released_by=session, released_at=at
            )
        case SubmitStarted(reserved):
            return replace(job, reserved=reserved, started_at=at, problem=None)
        case Sending():
            if job.sent:
                raise IllegalTransition("the last byte of this job's POST has left before")
            return replace(job, sent=True)
        case Submitted(request_id):
            if not request_id:
                raise IllegalTransition("a submitted job has a request id")
            if job.state is not State.SUBMITTING and not job.lacks_id:
                raise IllegalTransition("the job has its request id already")
            # A stop that came while the answer was awaited ends the job, with the id it paid for. One that
            # is UNKNOWN is taken up again: its id was entered, or came after all.
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
        case NotSent(problem, wait):
            stopped = State.CANCELLED if job.stop_requested else job.state
            return replace(
                job, state=stopped, problem=problem, sent=False, reserved=0, not_before=at + wait
            )
        case Rejected(problem):
            return replace(job, problem=problem, reserved=0)
        case AnswerLost(problem) | LocalFailed(problem):
            return replace(job, problem=problem)
        case Progress(percent):
            return replace(job, progress=percent, blocked=False, problem=None, id_unproven=False)
        case Blocked(problem):
            return replace(job, blocked=True, problem=problem)
        case Slow():
            return replace(job, slow=True)
        case Done(url, cost):
            return replace(
                job,
                url=url,
                cost=cost if cost is not None else job.cost,
                done_at=at,
                id_unproven=False,
                progress=100,
                blocked=False,
                problem=None,
                not_before=0.0,
            )
        case ServiceFailed(problem, cost):
            return replace(
                job,
                problem=problem,
                cost=cost if cost is not None else job.cost,
                id_unproven=False,
            )
        case DownloadBroken(problem, wait):
            return replace(
                job,
                problem=problem,
                downloads_broken=job.downloads_broken + 1,
                not_before=at + wait,
            )
        case UrlGone():
            return replace(job, url="", urls_gone=job.urls_gone + 1, not_before=0.0)
        case Downloaded(clip, problem):
            return replace(
                job,
                clip=clip,
                problem=problem,
                ready_at=at,
                urls_gone=0,
                downloads_broken=0,
                blocked=False,
            )
        case StopRequested():
            return replace(job, stop_requested=True, held=False)
        case Retried():
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
        case NotCharged():
            if not job.charge_open:
                raise IllegalTransition("what this job cost is known")
            return replace(job, not_charged=True)
        case ImportClaimed(session):
            if job.claimed_by:
                raise IllegalTransition("the import of this job is claimed already")
            return replace(job, claimed_by=session)
        case ImportReleased(problem):
            return replace(job, claimed_by="", problem=problem)
        case Imported(scene):
            return replace(job, imported_into=scene, problem=None)
        case _:
            return job


def replay(events: Iterable[tuple[Event, float]]) -> Job:
    """The job that these (event, wall time) pairs make, oldest first. Raises IllegalTransition."""
    job: Job | None = None
    for event, at in events:
        job = apply(job, event, at)
    if job is None:
        raise IllegalTransition("a job has at least one event")
    return job

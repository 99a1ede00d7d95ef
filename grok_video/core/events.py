"""Everything that can happen to a job, one frozen record each.

Owns the events, their names on record (``kind``), and which of them are about money. What an event makes of
a job is in ``core.job``; how it is written down, in ``core.payload``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .problem import Problem
from .record import record
from .seam import Seam
from .spec import Clip, FileMark, JobSpec

#: The URL of ``Bought`` where the picture itself came in the answer.
IN_THE_ANSWER = "data:"


@record
class Event:
    """Something that happened to a job. ``kind`` is the event's name in the ledger and never changes."""

    kind: ClassVar[str] = ""


@record
class Created(Event):
    kind: ClassVar[str] = "created"
    spec: JobSpec


@record
class Held(Event):
    kind: ClassVar[str] = "held"
    problem: Problem
    instead: JobSpec | None = (
        None  # with the files or the price as they are now: not those of the click
    )


@record
class Released(Event):
    """The user pressed Send on a held job; ``session``: the Blender that may submit the job now."""

    kind: ClassVar[str] = "released"
    session: str
    instead: JobSpec | None = None  # what is sent now, where the files or the price are other ones


@record
class SubmitStarted(Event):
    kind: ClassVar[str] = "submit_started"
    reserved: int  # ticks
    day: str = ""  # the local date then, '2026-05-14': where a laptop travels, no date comes twice


@record
class Sending(Event):
    """The last byte of the job's POST is about to leave. From here on only a complete answer decides."""

    kind: ClassVar[str] = "sending"
    files: tuple[FileMark, ...] = ()  # each as its file was read, with its checksum


@record
class Submitted(Event):
    kind: ClassVar[str] = "submitted"
    request_id: str


@record
class NotSent(Event):
    """The service started nothing: the last byte never left, or the answer was *later* (429 rate, 425)."""

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
    cost: int | None = None  # ticks, where the answer that decides nothing says what it cost


@record
class Bought(Event):
    """The answer to the POST holds what was bought, or its link: there is nothing to be asked for.

    This kind and the next are newer than 0.4.0, which shows the job and does not drive it.
    """

    kind: ClassVar[str] = "bought"
    url: str  # ``IN_THE_ANSWER``: all of it came, and is kept in the data folder
    cost: int | None = None  # ticks
    bill: str = ""  # what the service said of the cost, where that is no amount


@record
class Billed(Event):
    """The service refused the POST, or withheld what it made, and charges for it. Final."""

    kind: ClassVar[str] = "billed"
    problem: Problem
    cost: int | None = None  # ticks
    bill: str = ""  # what the service said of the cost, where that is no amount


@record
class Progress(Event):
    """A poll said that the job runs, and something changed since the last. Clears ``blocked``."""

    kind: ClassVar[str] = "progress"
    percent: int | None
    cost: int | None = None  # ticks: a bill that is above what counts so far


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
    bill: str = ""  # what the service said of the cost, where that is no amount


@record
class ServiceFailed(Event):
    """The service ended the job: failed, expired, moderated. Final."""

    kind: ClassVar[str] = "service_failed"
    problem: Problem
    cost: int | None = None  # ticks
    bill: str = ""  # what the service said of the cost, where that is no amount


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
    sha256: str = ""  # 64 hex characters, of the clip's file; 0.1.0 wrote none


@record
class LocalFailed(Event):
    """Something on this computer ended the job, which can be retried for free when that is mended."""

    kind: ClassVar[str] = "local_failed"
    problem: Problem


@record
class StopRequested(Event):
    """The user stops the job: it is CANCELLED at once, or, in SUBMITTING, when the answer is there."""

    kind: ClassVar[str] = "stop_requested"


@record
class Retried(Event):
    kind: ClassVar[str] = "retried"


@record
class NotCharged(Event):
    """The user says that the job has cost nothing, according to the service's bill."""

    kind: ClassVar[str] = "not_charged"


@record
class Dated(Event):
    """The artist says that the job was bought at ``at`` (wall time) at the latest: the clock had been ahead."""

    kind: ClassVar[str] = "dated"
    at: float


@record
class ImportClaimed(Event):
    kind: ClassVar[str] = "import_claimed"
    session: str


@record
class ImportReleased(Event):
    """The Blender that had claimed the clip could not import it: the clip waits in the queue."""

    kind: ClassVar[str] = "import_released"
    problem: Problem


@record
class Imported(Event):
    kind: ClassVar[str] = "imported"
    scene: str
    blend: str = ""


@record
class SeamMeasured(Event):
    """A comparison of the clip with its source has found what the service did to the colours, and what takes that back.

    Where nothing is to be taken back there is no event: 0.4.0 shows a job that has one, and does not drive it.
    """

    kind: ClassVar[str] = "seam_measured"
    seam: Seam


@record
class FetchAgain(Event):
    """The user wants the file of a delivered clip once more, for free: it is gone, or another one than came.

    The job stays where it is, READY or IMPORTED, until ``FetchedAgain`` or ``FetchEnded``. The kinds of all that happens
    to such a job are newer than 0.1.0, which shows the job and does not drive it.
    """

    kind: ClassVar[str] = "fetch_again"


@record
class FetchLink(Event):
    """The link that the file is fetched again from, as a poll has said; '': the link that was known is dead."""

    kind: ClassVar[str] = "fetch_link"
    url: str
    cost: int | None = None  # ticks


@record
class FetchTrouble(Event):
    """Why the file is not there again yet; without a problem: the service answers as it should."""

    kind: ClassVar[str] = "fetch_trouble"
    problem: Problem | None = None
    wait: float = 0.0  # seconds before the next try
    blocked: bool = False  # we cannot ask just now; else a download broke


@record
class FetchedAgain(Event):
    """The file of a delivered clip is whole on the disk again."""

    kind: ClassVar[str] = "fetched_again"
    clip: Clip
    #: The clip is safe, but something else than that clip lies where it lay.
    problem: Problem | None = None
    sha256: str = ""  # as of ``Downloaded``: the service may have encoded the clip anew


@record
class FetchEnded(Event):
    """The file is not fetched again, and the job stays what it is; without a problem: the user stopped it."""

    kind: ClassVar[str] = "fetch_ended"
    problem: Problem | None = None


@record
class Unrecognised(Event):
    """An event that a newer version wrote: kept, and its job is shown but goes no further in this version."""

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
        Bought,
        Billed,
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
        Dated,
        ImportClaimed,
        ImportReleased,
        Imported,
        SeamMeasured,
        FetchAgain,
        FetchLink,
        FetchTrouble,
        FetchedAgain,
        FetchEnded,
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
        Bought.kind,
        Billed.kind,
        Done.kind,
        ServiceFailed.kind,
        NotCharged.kind,
        Downloaded.kind,
        FetchedAgain.kind,
    }
)

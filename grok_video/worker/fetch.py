"""Asking for a job, and fetching its clip: both free, both in a thread of their own.

Owns what a broken download, a dead link or a lost poll means for the job. Where the clip's files go is
``worker.delivery``'s.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ..core import events
from ..core.job import Job
from ..core.problem import Problem, ProblemCode
from ..core.spec import Kind
from ..core.urls import one_base
from ..service.answer import NOT_NAMED, poll_answer
from ..service.look_answer import look_poll
from ..service.request import poll_path
from . import kept_answer, schedule
from .delivery import deliver
from .desk import Desk, RunningCall
from .http.errors import Broken, LinkGone, Refused, TransportError, Unwritable
from .http.transport import Transport
from .redelivery import deliver_again

_NO_LONGER = Problem(
    ProblemCode.EXPIRED,
    "The service no longer offers this clip: its link was gone three times in a row.",
    "Retry asks once more and is free; Send Again makes a new one, which is charged.",
)
_NO_ID = Problem(
    ProblemCode.EXPIRED,
    "The link to this clip is dead, and the service gave no request id to ask for another. The clip was charged.",
    "Retry tries the link once more and is free; Send Again makes a new one, which is charged.",
)


def poll(call: RunningCall, desk: Desk, job: Job, transport: Transport) -> None:
    """In a thread: ask the service once how a job is, with the key that the job was bought with."""
    began = time.monotonic()
    path = poll_path(job.request_id, job.spec.kind)
    before, call.named = call.named, NOT_NAMED
    if (kept := kept_answer.of_poll(desk.data_dir, job)) is not None:
        call.events = [kept]
        return
    look = job.spec.kind is Kind.LOOK
    try:
        answer = transport.get(path, call.call, picture=look)
    except TransportError as error:
        call.trouble = True
        desk.log(f"job {job.id[:8]}: {error.problem.message}")
        desk.call_log.unanswered(job.id, "GET", error.problem.message, began)
        return
    desk.call_log.answered(job.id, "GET", answer.status, answer.headers, answer.body, began)
    read = look_poll if look else poll_answer
    found = read(
        answer.status,
        answer.headers,
        answer.body,
        now=time.time(),
        asked=transport.base + path,
        before=before,
    )
    call.named = found.named
    if found.note:
        desk.log(f"job {job.id[:8]}: {found.note}")
    call.wait = found.wait or 0.0
    call.limited = answer.status == 429
    call.trouble = found.event is None or isinstance(found.event, events.Blocked)
    match found.event:
        case None:
            return
        case events.Progress(percent, cost):
            # A body without a percentage means *running*: the last figure stays.
            percent = job.progress if percent is None or call.again else percent
            # A clip that was delivered is not made again: its link may come late, and is asked for more rarely.
            call.trouble = call.again
            # A bill below what counts may still grow: it counts when the job has ended.
            grown = cost is not None and cost > job.spent and not call.again
            if percent != job.progress or job.blocked or job.problem or grown:
                call.events = [events.Progress(percent, cost if grown else None)]
        case events.Done() | events.ServiceFailed() as ended:
            call.events = [replace(ended, bill=found.bill)]
            if isinstance(ended, events.Done) and ended.url == events.IN_THE_ANSWER:
                _keep(call, desk, job, answer.body)
        case events.Blocked(problem) if job.blocked and job.problem == problem:
            return
        case event:
            call.events = [event]


def _keep(call: RunningCall, desk: Desk, job: Job, body: bytes) -> None:
    """Put a poll's answer with the picture in it on the disk before the ledger says so; where that fails, ask again."""
    if problem := kept_answer.keep(desk.data_dir, job.id, body):
        asked_again = replace(
            problem, hint="Free some space or allow writing there: it is asked for again, free."
        )
        call.trouble, call.events = True, [events.Blocked(asked_again)]


def download(call: RunningCall, desk: Desk, job: Job) -> None:
    """In a thread: fetch the clip, check it, put it in place."""
    # A result URL never sees the key. 0.1.0 took spellings of a base that are refused by now.
    transport = Transport(one_base(job.spec.api_base), "")
    pace = desk.pace
    try:
        into_place = deliver_again if call.again else deliver
        call.events = [into_place(call, desk, job, transport)]
    except (LinkGone, Refused) as error:
        call.events = _without_link(job, pace, error)
    except TransportError as error:
        if call.call.aborted:
            return
        if isinstance(error, Broken):
            call.etag = error.etag
        wait = schedule.next_download(job, pace, error.problem)
        if job.url == events.IN_THE_ANSWER and not isinstance(error, Unwritable):
            # What came in the answer is as it is. Where there is an id, the service may say it better.
            if job.request_id:
                call.events = _without_link(job, pace, error)
                return
            wait = None
        if wait is None:
            call.events = [events.LocalFailed(error.problem)]
        else:
            call.events = [events.DownloadBroken(error.problem, wait)]


def _without_link(job: Job, pace: schedule.Pace, error: TransportError) -> list[events.Event]:
    """The events of a download whose link is dead, or is one that is never opened."""
    refused = isinstance(error, Refused)
    if not job.request_id:
        # Nobody can be asked for another link, and this one may be early, as any may.
        if refused or job.downloads_broken + 1 >= schedule.MOST_URLS_GONE:
            return [events.LocalFailed(error.problem if refused else _NO_ID)]
        wait = schedule.pause_for_link(pace, job.downloads_broken)
        return [events.DownloadBroken(error.problem, wait)]
    gone: list[events.Event] = [events.UrlGone()]
    if job.urls_gone + 1 >= schedule.MOST_URLS_GONE:
        # Until then also after a refusal: the next poll may name an address that may be opened.
        gone.append(
            events.LocalFailed(error.problem) if refused else events.ServiceFailed(_NO_LONGER)
        )
    return gone

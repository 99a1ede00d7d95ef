"""One POST: which files it would lack, the record of its last byte, and what became of the job.

``post`` runs in a thread of its own, the only one that writes to the ledger: *sending* must be on record before the
last byte leaves. Nothing here is ever repeated by the program.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace

from ..core import events, word
from ..core.clock import Clocks
from ..core.job import IllegalTransition, Job, State
from ..core.problem import LOST_HINT, Problem, ProblemCode
from ..core.spec import JobSpec, Kind
from ..core.urls import one_base
from ..ledger.errors import LedgerError, StaleJob
from ..ledger.store import Accounts, Store
from ..service.answer import names_job, submit_answer
from ..service.look_answer import look_answer
from ..service.request import LOOKS_PATH, RemoteClip, submission
from . import kept_answer
from .desk import Desk, RunningCall
from .http.errors import Answer, SourceGone, TransportError
from .http.transport import Transport
from .sources import FilesChanged, Reading, files_of_click, found_instead, one_or_more

URL_FRESH = 20 * 3600.0  # seconds; a result's URL is gone after about 24 h


class Abandon(Exception):
    """Raised before the last byte of a POST: the byte does not leave. ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem

    @classmethod
    def because(cls, code: ProblemCode, why: str) -> Abandon:
        """An Abandon with the sentence ``why``."""
        return cls(Problem(code, f"{why} Nothing was charged."))


def bought_before(name: str) -> Problem:
    """Why a job is not sent whose clip was downloaded before, as the file ``name`` tells: the clip, or only its JSON."""
    only_told = name.endswith(".json")
    there = f"was there before, as {name} tells" if only_told else f"is there already ({name})"
    return Problem(
        ProblemCode.HELD,
        f"The clip of this job {there}: it was bought before, and this list of clips is older than that, as after a "
        "backup was put back. Nothing was sent or charged.",
        f"Add {'the clip' if only_told else 'the file'} to the sequencer, or generate another clip.",
    )


def gone_files(spec: JobSpec, named: RemoteClip | None) -> Problem | None:
    """Why a job is not sent of whose files some are not on disk; None where all are there."""
    if named is not None and not spec.files:
        return None  # put down by 0.1.0, which sent the address of a clip that was gone
    gone = [what for what, path, _ in spec.sent_files if not os.path.exists(path)]
    if not gone:
        return None
    return Problem(
        ProblemCode.FILE,
        f"{one_or_more(gone, 'is', 'are')} gone. Nothing was sent or charged.",
        "Put back what is gone and press Send, or generate again.",
    )


def source_job(store: Store, spec: JobSpec) -> Job | None:
    """The job that made the clip which ``spec`` extends or edits; None for a clip from elsewhere."""
    return store.job(spec.video.job) if spec.video is not None and spec.video.job else None


def remote_source(
    store: Store, spec: JobSpec, accounts: Accounts | None = None
) -> RemoteClip | None:
    """The source clip by its URL at the service, less than 20 hours old; None: the file must be uploaded."""
    if not spec.kind.reworks:
        return None
    refused = store.job(spec.parent) if spec.parent else None
    if refused is not None and refused.state is State.FAILED and not refused.request_id:
        return None  # the job that is sent again was refused, perhaps for the URL of its source
    made = source_job(store, spec)
    if made is None or not (made.url and made.request_id):
        return None
    ours = one_base(made.spec.api_base) == one_base(spec.api_base)
    mine = accounts({made.spec.api_base}) if accounts is not None else ()
    ours &= made.spec.account == spec.account or made.spec.account in mine
    fresh = 0.0 <= time.time() - made.done_at < URL_FRESH
    return RemoteClip(made.url, made.request_id) if ours and fresh else None


def post(
    call: RunningCall,
    desk: Desk,
    job: Job,
    named: RemoteClip | None,
    made: Job | None,
    transport: Transport,
) -> None:
    """In a thread: send the job and report what became of it (docs/safety.md, rules 1 and 2).

    ``made``: the job that made the source clip, which ``named`` names at the service.
    """
    began = time.monotonic()
    try:
        files, named = files_of_click(job.spec, named, made)
        reading = Reading(files)

        def before_last() -> None:
            call.files = reading.files
            record_sending(call, desk)

        upload = submission(job.spec, named)
        desk.call_log.sends(job.id, upload)
        answer = transport.post(
            *(upload.path, upload.parts, before_last, call.call, reading),
            picture=job.spec.kind is Kind.LOOK,
        )
    except Abandon as error:
        call.trouble = error.problem.code is ProblemCode.FILE
        call.events = [events.NotSent(error.problem)]
        if error.problem.code is ProblemCode.HELD:
            call.events.append(events.Held(error.problem))
    except FilesChanged as error:
        call.events = [
            events.NotSent(error.problem),
            events.Held(error.problem, error.instead),
        ]
    except SourceGone as error:
        held = events.Held(error.problem, found_instead(job.spec, named, made))
        call.events = [events.NotSent(error.problem), held]
    except TransportError as error:
        came = error.came
        if came is not None:
            happened = _read(desk, job, came, transport)
            # The answer was cut, packed or announced wrongly, but holds a whole id, or a whole look: the job is bought.
            # Ids that are no answer to which clip this is, are kept where the artist sees them.
            kept = call.sent and names_job(came.headers, came.body)
            if kept or not isinstance(happened[0], events.AnswerLost):
                call.events = happened
                _log_answer(desk, job, came, began)
                return
        call.trouble = not call.call.aborted
        call.events = [no_answer(call, desk, error.problem)]
        desk.call_log.unanswered(job.id, "POST", error.problem.message, began)
    else:
        call.events = _meaning(call, _read(desk, job, answer, transport, named=named is not None))
        _log_answer(desk, job, answer, began)


def _log_answer(desk: Desk, job: Job, answer: Answer, began: float) -> None:
    desk.call_log.answered(job.id, "POST", answer.status, answer.headers, answer.body, began)


def _read(
    desk: Desk, job: Job, answer: Answer, transport: Transport, *, named: bool = False
) -> list[events.Event]:
    """What an answer to the POST of ``job`` says. A picture in it is on the disk when this returns."""
    status, headers, body = answer.status, answer.headers, answer.body
    if job.spec.kind is not Kind.LOOK:
        return [submit_answer(status, headers, body, now=time.time(), named=named)]
    asked = transport.base + LOOKS_PATH
    happened = look_answer(status, headers, body, now=time.time(), asked=asked)
    said = happened[-1]
    if not isinstance(said, events.Bought | events.Done) or said.url != events.IN_THE_ANSWER:
        return happened
    lost = kept_answer.keep(desk.data_dir, job.id, body)
    if lost is None:
        return happened
    # Where there is an id, the picture may be asked for.
    problem = replace(lost, message=f"{lost.message} It is lost.")
    return happened[:-1] or [events.Billed(problem, said.cost, said.bill)]


def _meaning(call: RunningCall, happened: list[events.Event]) -> list[events.Event]:
    """The events of a complete answer: an answer that came before the last byte left says that nothing was sent."""
    event = happened[0]
    if isinstance(event, events.AnswerLost) and not call.sent:
        status = event.problem.http_status
        why = f"xAI answered {status} before the whole request had left."
        again = "Nothing was sent or charged; it is tried again."
        event = events.NotSent(Problem(ProblemCode.NETWORK, f"{why} {again}", http_status=status))
    call.trouble |= isinstance(event, events.NotSent)
    return [event, *happened[1:]]


def no_answer(call: RunningCall, desk: Desk, problem: Problem) -> events.Event:
    """The event of a POST without an answer: not sent, or sent and nobody knows what became of the request."""
    if call.sent:
        return events.AnswerLost(
            Problem(
                ProblemCode.ANSWER_LOST,
                f"{problem.message} The request had left, so it may have been charged.",
                LOST_HINT,
            )
        )
    if call.call.aborted:
        code = ProblemCode.NETWORK if desk.online else ProblemCode.OFFLINE
        return events.NotSent(Problem(code, "It was not sent. Nothing was charged."))
    message = f"{problem.message} Nothing was sent or charged; it is tried again."
    return events.NotSent(replace(problem, message=message))


def record_sending(call: RunningCall, desk: Desk) -> None:
    """In the sending thread: put *sending* on the disk, without which no last byte may leave. Raises Abandon."""
    with desk.sending:
        while True:
            try:
                job = desk.ledger.job(call.job_id)
            except LedgerError as error:
                raise Abandon.because(ProblemCode.FILE, str(error)) from error
            if job is None or job.stop_requested or call.call.aborted:
                raise Abandon.because(ProblemCode.NETWORK, "It was stopped before it was sent.")
            if not desk.online:
                raise Abandon.because(ProblemCode.OFFLINE, "Online access was switched off.")
            if desk.leaving:
                raise Abandon.because(ProblemCode.NETWORK, "Blender ended before it was sent.")
            if problem := _word_lapsed(call, job):
                raise Abandon(problem)
            try:
                desk.ledger.append(call.job_id, job.seq, events.Sending(call.files), worker=desk.id)
            except StaleJob:
                continue  # another event, such as a stop, came between: look again
            except (LedgerError, IllegalTransition) as error:
                raise Abandon.because(ProblemCode.FILE, str(error)) from error
            call.sent = True
            return


def _word_lapsed(call: RunningCall, job: Job) -> Problem | None:
    """Why the artist's word does not let the last byte leave; None while it does.

    The age of the word counts when its upload began: an upload that keeps moving may take its time.
    """
    slept = Clocks.now().slept_since(call.began)
    return word.lapsed(job.released_at, call.began.wall) or word.slept_through(slept)

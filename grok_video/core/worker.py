"""The worker: one process, no bpy, that takes jobs from the ledger through HTTP to a clip in place.

Owns the loop, its threads (one for each call in flight) and the files of a clip. What is due it asks
``schedule``, what an answer means ``wire``, what is on record ``ledger``. Only the loop decides; a
thread does one call and reports, with one exception: *sending* is recorded by the thread that sends.

Blender talks over stdin, one JSON object a line: ``account``, ``online``, ``wake``, ``end``. The key arrives there
and lives in this process's memory only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from . import joblog, mp4, schedule, wire
from .job import (
    FINAL_STATES,
    TICKS_PER_USD,
    AnswerLost,
    Blocked,
    Done,
    DownloadBroken,
    Downloaded,
    Event,
    Held,
    IllegalTransition,
    Job,
    JobSpec,
    Kind,
    LocalFailed,
    NotSent,
    Problem,
    ProblemCode,
    Progress,
    Rejected,
    Sending,
    ServiceFailed,
    State,
    SubmitStarted,
    Submitted,
    UrlGone,
    account_of,
)
from .ledger import (
    LATER_STATUS,
    CommandRefused,
    LeaseLost,
    Ledger,
    LedgerDamaged,
    LedgerError,
    LimitReached,
    StaleJob,
)
from .masking import KeyMask
from .record import record
from .schedule import Act, Memory, Pace, World
from .transport import (
    ANSWER_TIMEOUT,
    Broken,
    Call,
    LinkGone,
    Refused,
    SourceGone,
    Transport,
    TransportError,
    base_problem,
    unwritable,
)

IDLE = 30.0  # seconds with nothing to do before the worker leaves
URL_FRESH = 20 * 3600.0  # seconds; a result's URL is gone after about 24 h
TICK = 1.0  # seconds at most between two looks at the inbox, the ledger and the parent
MOST_STEPS = 50  # jobs looked at between two looks at what Blender says
AT_ONCE = {"submit": 3, "poll": 4, "download": 3, "check": 1}
_LIMITED = frozenset({"submit", "poll", "check"})  # calls to the API take a slot
_QUESTIONS = frozenset({"check", "models"})  # commands that are answered by the service
LOG_SIZE = 256 << 10
LAST_WORDS = 1.0  # seconds that calls which were ended have to say so, when the worker leaves
REPLACE_FOR = 5.0  # seconds to try a rename that a scanner of Windows refuses
_FULL = {errno.ENOSPC, errno.EDQUOT}
#: What became of something paid: never dropped.
_PAID = (Submitted, Rejected, Done, ServiceFailed, Downloaded)


@record
class Account:
    """The API base and key in use; its text never shows the key."""

    fingerprint: str
    pace: Pace
    key: str = field(repr=False)
    transport: Transport | None


@dataclass(slots=True)
class Op:
    """One call in flight."""

    kind: str  # a key of AT_ONCE
    job_id: str
    call: Call
    sent: bool = False  # the last byte of a POST is recorded as leaving
    etag: str = ""
    wait: float = 0.0  # seconds that the service asked for
    trouble: bool = False
    limited: bool = False  # 429
    events: list[Event] = field(default_factory=list[Event])
    command: Mapping[str, Any] | None = None
    path: Path | None = None
    answer: Mapping[str, Any] | None = None


class _Abandon(Exception):
    """The last byte of a POST stays here."""

    def __init__(self, code: ProblemCode, why: str) -> None:
        super().__init__(why)
        self.problem = Problem(code, f"{why} Nothing was charged.", charged=False)


class Worker:
    """One worker: made, ``run`` and gone."""

    def __init__(self, data_dir: Path, session: str, worker_id: str, old_umask: int) -> None:
        self._data_dir = data_dir
        self._session = session
        self._id = worker_id
        self._umask = old_umask
        self._ledger = Ledger.open(data_dir, worker=worker_id, session=session)
        self._ready = data_dir / "workers" / f"{worker_id}.ready"
        self._calls = joblog.Calls(data_dir)
        self._messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._account: Account | None = None
        self._online = False
        self._wake = True
        self._leaving = False
        self._work: dict[str, Job] = {}  # jobs that are not at an end, by id
        self._memory: dict[str, Memory] = {}
        self._ops: dict[str, Op] = {}
        self._leases: dict[str, int] = {}  # our jobs, and how many workers died with each
        self._etags: dict[str, str] = {}
        self._taken: set[str] = set()  # jobs of other living workers
        self._taken_due = 0.0
        self._unwritten: dict[str, deque[Event]] = {}
        self._retry_due = 0.0
        self._pause_until = 0.0  # nothing is asked of the service before: it said so, or the limit
        self._last_call = ""  # the kind of the last call that took a slot
        self._checks: deque[tuple[Path, dict[str, Any]]] = deque()
        self._busy_at = time.monotonic()
        self._parent = _Parent()
        self._said = ""
        self._broken = False
        self._sending = threading.Lock()  # held while it is decided whether a last byte leaves
        if self._ledger.rebuilt:
            self.log("The ledger was damaged or gone; it was rebuilt from the copies of the jobs.")

    # -------------------------------------------------------------------------------------------- the loop

    def run(self, stdin: IO[bytes]) -> int:
        """Work until told to end, the parent is gone, or nothing is left to do. Returns the exit code."""
        threading.Thread(target=self._listen, args=(stdin,), daemon=True).start()
        self._ready.touch()
        self.log(f"ready, session {self._session[:8]}")
        try:
            self._work_on()
        except Exception:
            # A bug ends this process, but not before what was paid for has its answer. The leases stay:
            # they count the crashes of a job.
            self.log(traceback.format_exc())
            self._leave()
            return 1
        self._leave()
        self._close()
        return 0

    def _work_on(self) -> None:
        while not self._leaving:
            try:
                if self._broken:
                    self._reopen()
                until = self._turn()
            except LedgerDamaged as error:
                self._say(str(error))
                self._broken = True
                until = time.monotonic() + TICK
            except LedgerError as error:
                # Full, read-only or locked: nothing is given up, everything is tried again.
                self._say(str(error))
                until = time.monotonic() + TICK
            self._wait(until)

    def end(self) -> None:
        """Ask the worker to leave; safe in a signal handler."""
        self._messages.put(("end", None))

    def _wait(self, until: float) -> None:
        timeout = min(max(until - time.monotonic(), 0.0), TICK)
        try:
            message = (
                self._messages.get(timeout=timeout) if timeout else self._messages.get_nowait()
            )
        except queue.Empty:
            return
        while True:
            self._handle(*message)
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                return

    def _listen(self, stdin: IO[bytes]) -> None:
        while line := stdin.readline(1 << 16):
            try:
                data = json.loads(line)
            except ValueError:
                self.log("a line on stdin was not understood")
                continue
            self._messages.put(("line", data))
        self._messages.put(("end", None))

    def _handle(self, kind: str, data: Any) -> None:
        if kind == "op":
            self._finished(data)
        elif kind == "end":
            self._leaving = True
        elif isinstance(data, dict):
            line: dict[str, Any] = data  # pyright: ignore[reportUnknownVariableType]
            match line.get("type"):
                case "account":
                    self._set_account(line)
                case "online":
                    self._set_online(line.get("online") is True)
                case "wake":
                    self._wake = True
                case "end":
                    self._leaving = True
                case _:
                    self.log("a line on stdin was not understood")

    def _turn(self) -> float:
        """Look at everything once; returns the monotonic time of the next look."""
        if self._parent.gone():
            self.log("Blender is gone")
            self._leaving = True
            return 0.0
        self._write_unwritten()
        self._read_inbox()
        for job in self._ledger.refresh():
            self._changed(job)
        # Somebody looks at the panel and waits for it: before the polls, which would never leave a slot.
        until = min(self._start_checks(), self._drive())
        for job in self._ledger.refresh():  # what driving wrote down may be due at once
            self._changed(job)
            until = 0.0
        self._said = ""
        if self._idle():
            self.log("nothing to do")
            self._leaving = True
        return until

    def _idle(self) -> bool:
        now = time.monotonic()
        claimed = any(
            job.state is State.READY and job.claimed_by == self._session
            for job in self._work.values()
        )
        waiting = claimed or any(job.open and job.driven for job in self._work.values())
        if waiting or self._ops or self._checks or self._unwritten or self._wake:
            self._busy_at = now
        return now - self._busy_at > IDLE

    def _changed(self, job: Job) -> None:
        op = self._ops.get(job.id)
        if job.state in FINAL_STATES or (job.state is State.READY and not job.claimed_by):
            self._work.pop(job.id, None)
            self._memory.pop(job.id, None)
            if op is None and job.spec.output and job.state is not State.UNKNOWN:
                self._remove_parts(job)
        else:
            self._work[job.id] = job
            memory = self._memory.get(job.id)
            if memory is None or memory.word != job.released_at:
                self._memory[job.id] = Memory(since=time.monotonic(), word=job.released_at)
        if op is None:
            return
        wanted = {"poll": State.RUNNING, "download": State.DOWNLOADING}
        stopped = job.stop_requested or wanted.get(op.kind, job.state) is not job.state
        with self._sending:
            if stopped and not op.sent:
                op.call.abort()  # the user does not wait for it any more

    # ------------------------------------------------------------------------------------- what Blender says

    def _set_account(self, line: Mapping[str, Any]) -> None:
        base, key = str(line.get("base", "")).rstrip("/"), str(line.get("key", "")).strip()
        problem = base_problem(base)
        if problem or not (key.isascii() and key.isprintable()) or " " in key:
            self.log(problem or "The API key holds characters that no key has.")
            key = ""
        transport = None if problem else Transport(base, key)
        pace = _pace(line, loopback=transport is not None and transport.loopback)
        before, self._account = self._account, Account(account_of(base, key), pace, key, transport)
        if before is not None and before.fingerprint == self._account.fingerprint:
            return  # the interval was moved: nothing becomes due by that
        for job_id, job in self._work.items():
            if job.blocked:
                self._memory[job_id].next_at = 0.0

    def _set_online(self, online: bool) -> None:
        self._online = online
        if not online:
            self._abort_unsent()

    def _abort_unsent(self) -> None:
        """End every call but a POST whose last byte has left: its answer is the id of something paid."""
        with self._sending:
            for op in self._ops.values():
                if not op.sent:
                    op.call.abort()

    def _read_inbox(self) -> None:
        self._wake = False
        waiting = {command["id"] for _, command in self._checks}
        waiting |= {op.command["id"] for op in self._ops.values() if op.command is not None}
        for path, command in self._ledger.inbox():
            self._busy_at = time.monotonic()
            if command["id"] in waiting:
                continue
            try:
                if command.get("command") not in _QUESTIONS:
                    self._ledger.apply(command)
                elif not self._ledger.done(command["id"]):
                    self._check(path, command)
                    continue
            except CommandRefused as error:
                self.log(f"a command was refused: {error}")
                self._put_by(path, command, str(error))
                continue
            except LedgerError:
                raise  # full, read-only or locked: said and tried again
            except Exception:
                # A bug. The file would be found again by each worker of each Blender, and end it.
                self.log(f"a command could not be read:\n{traceback.format_exc()}")
                self._put_by(path, command, "The command could not be read.")
                continue
            # Windows: a scanner may have it open. It was applied once; the next look removes it.
            with contextlib.suppress(OSError):
                path.unlink()

    def _put_by(self, path: Path, command: dict[str, Any], words: str) -> None:
        """Answer a command that is not done, and move it out of the way."""
        self._ledger.answer(command, {"ok": False, "message": words})
        self._ledger.set_aside(path)

    # ----------------------------------------------------------------------------------- what is due

    def _drive(self) -> float:
        """Start what is due; returns the monotonic time of the next thing."""
        world = self._world()
        until = math.inf
        ready: list[tuple[float, float, str, schedule.Step]] = []
        for job in self._work.values():
            if job.id in self._ops or job.id in self._unwritten:
                continue
            another = job.state is State.QUEUED and job.released_by != self._session
            if another and job.id in self._leases:
                self._give_back(job.id)  # the Blender that sends it cannot while we have it
            step = schedule.step(job, world, self._memory[job.id])
            if step.at > world.mono:
                until = min(until, step.at)
            elif step.act is not Act.WAIT:
                ready.append((self._rank(job.id, step, world.mono), step.at, job.id, step))
        ready.sort(key=lambda item: item[:2])
        steps = 0
        for _, _, job_id, step in ready:
            free = self._free_at(step.act.lower())
            if free > world.mono:
                until = min(until, free)
                continue
            if steps == MOST_STEPS:
                return world.mono  # Blender's lines are read between
            steps += 1
            until = min(until, self._do(self._work[job_id], step))
        return until

    def _rank(self, job_id: str, step: schedule.Step, mono: float) -> float:
        """What goes first: the smallest. A poll that is overdue takes turns with the submissions."""
        if self._last_call == "submit" and schedule.overdue(step, self._memory[job_id], mono):
            return _ORDER[Act.SUBMIT] - 0.5
        return _ORDER[step.act]

    def _free_at(self, kind: str) -> float:
        """Monotonic time from when on a call of that kind may start, as far as this process knows."""
        if self._running(kind) >= AT_ONCE.get(kind, math.inf):
            return math.inf  # the end of a call is a message, and looks again
        return self._pause_until if kind in _LIMITED else 0.0

    def _world(self) -> World:
        account = self._account
        return World(
            wall=time.time(),
            mono=time.monotonic(),
            session=self._session,
            account=(account.fingerprint if account.key else "") if account else None,
            online=self._online,
            pace=account.pace if account else Pace(),
            session_lives=self._ledger.session_alive,
        )

    def _do(self, job: Job, step: schedule.Step) -> float:
        """Do one step, if this worker may; returns when to look again."""
        mono = time.monotonic()
        if not self._leased(job):
            return self._taken_due
        try:
            if self._leases[job.id] >= schedule.MOST_CRASHES and job.state is not State.SUBMITTING:
                self._ledger.append(job.id, job.seq, schedule.crashed(), worker=self._id)
                self._leases[job.id] = 0
                return mono
            match step.act:
                case Act.RECORD:
                    assert step.event is not None
                    self._ledger.append(job.id, job.seq, step.event, worker=self._id)
                    if isinstance(step.event, Held | Blocked):
                        self._give_back(job.id)  # to whoever has the key or gets the user's word
                case Act.SUBMIT:
                    return self._submit(job)
                case Act.POLL:
                    memory = self._memory[job.id]
                    starves = schedule.overdue(step, memory, mono, schedule.STARVING)
                    wait = self._slot("poll", modest=not starves)
                    if wait:
                        return mono + wait
                    self._start(Op("poll", job.id, Call()), self._poll, job, self._transport())
                case _:
                    op = Op("download", job.id, Call(), etag=self._etags.pop(job.id, ""))
                    self._start(op, self._download, job)
        except (StaleJob, LeaseLost, IllegalTransition) as error:
            self.log(f"job {job.id[:8]}: {error}")
            self._give_back(job.id)
        return math.inf

    def _give_back(self, job_id: str) -> None:
        """Let another worker have a job. On record too: what we only forgot would wait as long as we live."""
        self._ledger.release(self._id, job_id)
        self._leases.pop(job_id, None)

    def _leased(self, job: Job) -> bool:
        """Whether this worker drives the job, taking it when nobody alive does."""
        if job.id in self._leases:
            return True
        mono = time.monotonic()
        if mono >= self._taken_due:
            self._taken = self._ledger.taken(self._id)
            self._taken_due = mono + 2.0
        if job.id in self._taken:
            return False
        crashes = self._ledger.lease(job.id, self._id)
        if crashes is None:
            self._taken.add(job.id)
            return False
        self._leases[job.id] = crashes
        return True

    def _running(self, kind: str) -> int:
        return sum(op.kind == kind for op in self._ops.values())

    def _slot(self, kind: str, *, modest: bool = False) -> float:
        """0 when a call of that kind may start now, else seconds until it may be asked again.

        ``modest``: what another worker has to send may go before it.
        """
        account = self._account
        assert account is not None
        mono = time.monotonic()
        free = self._free_at(kind)
        if free > mono:
            return free - mono
        pace = account.pace
        gap = pace.gap * (1.0 + schedule.MODEST) if modest else pace.gap
        wait = self._ledger.take_slot(account.fingerprint, time.time(), gap, pace.per_minute)
        if wait:
            # Nobody else of this process needs to ask before.
            self._pause_until = mono + wait
        else:
            self._last_call = kind
        return wait

    def _start(self, op: Op, work: Callable[..., None], *given: Any) -> None:
        self._ops[op.job_id] = op

        def run() -> None:
            try:
                work(op, *given)
            except Exception:
                # A bug must end this call only; what a sent POST becomes is decided by ``op.sent``.
                self.log(traceback.format_exc())
                op.trouble = True
            finally:
                op.call.close()
                self._messages.put(("op", op))

        threading.Thread(target=run, daemon=True, name=f"{op.kind} {op.job_id[:8]}").start()

    def _transport(self) -> Transport:
        assert self._account is not None
        assert self._account.transport is not None
        return self._account.transport

    # ------------------------------------------------------------------------------------- submit

    def _submit(self, job: Job) -> float:
        named = self._named(job.spec)
        if gone := _gone_files(job.spec, named):
            held = Problem(
                ProblemCode.FILE,
                f"The {gone} of this job is gone. Nothing was sent or charged.",
                "Put the file back and press Send, or generate again.",
                charged=False,
            )
            return self._hold(job, held)
        # Asked before a slot is taken: what is held makes no other job wait.
        if over := self._ledger.refusal(job, time.time()):
            return self._hold(job, over)
        wait = self._slot("submit")
        if wait:
            return time.monotonic() + wait
        started = SubmitStarted(job.spec.estimate or 0)
        try:
            job = self._ledger.append(job.id, job.seq, started, worker=self._id)
        except LimitReached as error:  # another Blender was quicker
            return self._hold(job, error.problem)
        self._start(Op("submit", job.id, Call()), self._post, job, named, self._transport())
        return math.inf

    def _hold(self, job: Job, problem: Problem) -> float:
        """Let a job wait for the user's word. It is not ours then: whoever gets the word may take it."""
        self._ledger.append(job.id, job.seq, Held(problem), worker=self._id)
        self._give_back(job.id)
        return math.inf

    def _named(self, spec: JobSpec) -> wire.Named | None:
        """The source clip by the URL that the service gave for it, while that is good; else it is uploaded."""
        if spec.kind is Kind.GENERATE or spec.video is None or not spec.video.job:
            return None
        refused = self._ledger.job(spec.parent) if spec.parent else None
        if refused is not None and refused.state is State.FAILED and not refused.request_id:
            return None  # perhaps for its URL
        made = self._ledger.job(spec.video.job)
        if made is None or not (made.url and made.request_id):
            return None
        ours = (made.spec.account, made.spec.api_base) == (spec.account, spec.api_base)
        fresh = 0.0 <= time.time() - made.done_at < URL_FRESH
        return wire.Named(made.url, made.request_id) if ours and fresh else None

    def _post(self, op: Op, job: Job, named: wire.Named | None, transport: Transport) -> None:
        """In a thread: send the job and put down what became of it (docs/safety.md, rules 1 and 2)."""
        began = time.monotonic()

        def before_last() -> None:
            self._record_sending(op)

        try:
            upload = wire.submission(job.spec, named)
            self._calls.sends(job.id, upload)
            answer = transport.post(upload.path, upload.parts, before_last, op.call)
        except _Abandon as error:
            op.trouble = error.problem.code is ProblemCode.FILE
            op.events = [NotSent(error.problem)]
        except SourceGone as error:
            op.events = [NotSent(error.problem), Held(error.problem)]
        except TransportError as error:
            came = error.came
            if came is not None:
                event = wire.submit_answer(came.status, came.headers, came.body, now=time.time())
                # An answer that was cut, packed or announced wrongly, but the id is whole: it is what was bought.
                if isinstance(event, Submitted):
                    op.events = [event]
                    self._calls.answered(
                        job.id, "POST", came.status, came.headers, came.body, began
                    )
                    return
            op.trouble = not op.call.aborted
            op.events = [self._no_answer(op, error.problem)]
            self._calls.unanswered(job.id, "POST", error.problem.message, began)
        else:
            event = wire.submit_answer(
                answer.status,
                answer.headers,
                answer.body,
                now=time.time(),
                named=named is not None,
            )
            if isinstance(event, AnswerLost) and not op.sent:
                event = NotSent(event.problem)
            if isinstance(event, NotSent):
                op.trouble = True
                if op.sent and answer.status not in LATER_STATUS:
                    event = AnswerLost(event.problem)
                elif event.problem.http_status != answer.status:
                    problem = replace(event.problem, http_status=answer.status)
                    event = replace(event, problem=problem)
            op.events = [event]
            self._calls.answered(job.id, "POST", answer.status, answer.headers, answer.body, began)

    def _no_answer(self, op: Op, problem: Problem) -> Event:
        if op.sent:
            return AnswerLost(
                Problem(
                    ProblemCode.ANSWER_LOST,
                    f"{problem.message} The request had left, so it may have been charged.",
                    schedule.LOST_HINT,
                )
            )
        if op.call.aborted:
            code = ProblemCode.NETWORK if self._online else ProblemCode.OFFLINE
            return NotSent(Problem(code, "It was not sent. Nothing was charged.", charged=False))
        message = f"{problem.message} Nothing was sent or charged; it is tried again."
        return NotSent(replace(problem, message=message, charged=False))

    def _record_sending(self, op: Op) -> None:
        """In the sending thread: nothing may leave after the last byte unless this is on the disk."""
        with self._sending:
            while True:
                job = self._ledger.job(op.job_id)
                if job is None or job.stop_requested:
                    raise _Abandon(ProblemCode.NETWORK, "It was stopped before it was sent.")
                if not self._online:
                    raise _Abandon(ProblemCode.OFFLINE, "Online access was switched off.")
                if self._leaving:
                    raise _Abandon(ProblemCode.NETWORK, "Blender ended before it was sent.")
                try:
                    self._ledger.append(op.job_id, job.seq, Sending(), worker=self._id)
                except StaleJob:
                    continue  # a stop came between: look again
                except (LedgerError, IllegalTransition) as error:
                    raise _Abandon(ProblemCode.FILE, str(error)) from error
                op.sent = True
                return

    # --------------------------------------------------------------------------------------- poll

    def _poll(self, op: Op, job: Job, transport: Transport) -> None:
        """In a thread: ask for a job once, with the key it belongs to."""
        began = time.monotonic()
        try:
            answer = transport.get(wire.poll_path(job.request_id), op.call)
        except TransportError as error:
            op.trouble = True
            self.log(f"job {job.id[:8]}: {error.problem.message}")
            self._calls.unanswered(job.id, "GET", error.problem.message, began)
            return
        self._calls.answered(job.id, "GET", answer.status, answer.headers, answer.body, began)
        poll = wire.poll_answer(answer.status, answer.headers, answer.body, now=time.time())
        if poll.note:
            self.log(f"job {job.id[:8]}: {poll.note}")
        op.wait = poll.wait or 0.0
        op.limited = answer.status == 429
        op.trouble = poll.event is None or isinstance(poll.event, Blocked)
        match poll.event:
            case None:
                return
            case Progress(percent):
                # An empty body says *running* and nothing of how far: the last figure stays.
                percent = job.progress if percent is None else percent
                if percent != job.progress or job.blocked or job.problem:
                    op.events = [Progress(percent)]
            case Blocked(problem) if job.blocked and job.problem == problem:
                return
            case event:
                op.events = [event]

    # ----------------------------------------------------------------------------------- download

    def _download(self, op: Op, job: Job) -> None:
        """In a thread: fetch the clip, check it, put it in place."""
        transport = Transport(job.spec.api_base, "")  # a result URL never sees the key
        pace = self._account.pace if self._account else Pace()
        try:
            op.events = [self._deliver(op, job, transport)]
        except LinkGone:
            op.events = [UrlGone()]
            if job.urls_gone + 1 >= schedule.MOST_URLS_GONE:
                op.events.append(ServiceFailed(_NO_LONGER))
        except Refused as error:
            # The next poll may name a better place.
            op.events = [UrlGone()]
            if job.urls_gone + 1 >= schedule.MOST_URLS_GONE:
                op.events.append(LocalFailed(error.problem))
        except TransportError as error:
            if op.call.aborted:
                return
            if isinstance(error, Broken):
                op.etag = error.etag
            wait = schedule.next_download(job, pace, error.problem)
            if wait is None:
                op.events = [LocalFailed(error.problem)]
            else:
                op.events = [DownloadBroken(error.problem, wait)]

    def _deliver(self, op: Op, job: Job, transport: Transport) -> Downloaded:
        """The clip at its place: beside the .blend, else in the data folder with a word about it."""
        wanted = Path(job.spec.output) if job.spec.output else self._spare(job)
        problem: Problem | None = None
        try:
            _prepare(wanted, 0o777 & ~self._umask)
        except OSError as error:
            if error.errno in _FULL:
                raise unwritable(error, wanted) from error
            problem = Problem(
                ProblemCode.FILE,
                f"The folder {wanted.parent} cannot be written ({error.strerror}), so the clip is in "
                f"{self._spare(job).parent}.",
                "Import it from the queue, or move it where you like.",
            )
            wanted = self._spare(job)
            _prepare(wanted)
        earlier = _already_there(wanted, job)
        if earlier is not None:
            return Downloaded(earlier, problem)
        part = _part(wanted)
        transport.download(job.url, part, op.etag, op.call)
        try:
            clip = mp4.probe(part)
        except mp4.NotAClip as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise TransportError(
                Problem(ProblemCode.DOWNLOAD, f"What came is not a whole clip: {error}.")
            ) from error
        final = _free_name(wanted)
        clip = replace(clip, path=str(final))
        try:
            if wanted.parent != self._spare(job).parent:
                # The artist's folder keeps the artist's umask; ours is private.
                os.chmod(part, 0o666 & ~self._umask)
            self._write_sidecar(final.with_suffix(".json"), job, clip)
            _replace(part, final)
        except OSError as error:
            raise unwritable(error, final) from error
        return Downloaded(clip, problem)

    def _spare(self, job: Job) -> Path:
        name = Path(job.spec.output).name[-100:] if job.spec.output else f"{job.id}.mp4"
        return self._data_dir / "clips" / name

    def _write_sidecar(self, path: Path, job: Job, clip: Any) -> None:
        spec = job.spec
        text = json.dumps(
            {
                "prompt": spec.prompt,
                "kind": spec.kind,
                "model": spec.model,
                "settings": {
                    "duration": spec.duration,
                    "resolution": spec.resolution,
                    "aspect_ratio": spec.aspect_ratio,
                    "generate_audio": spec.generate_audio,
                },
                "job": job.id,
                "request_id": job.request_id,
                "cost_usd": _dollars(job.cost),
                "estimated_cost_usd": _dollars(spec.estimate),
                "source": dataclasses.asdict(spec.source),
                **_inputs(spec),
                "parent": spec.parent,
                "made_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "result_host": wire.host_of(job.url),
                "clip": {
                    "file": Path(clip.path).name,
                    "width": clip.width,
                    "height": clip.height,
                    "fps": clip.fps,
                    "frames": clip.frames,
                    "has_audio": clip.has_audio,
                },
            },
            indent=2,
            ensure_ascii=False,
        )
        temporary = path.with_name(path.name + ".part")
        temporary.write_bytes(text.encode("utf-8", "replace") + b"\n")
        os.chmod(temporary, 0o666 & ~self._umask)
        _replace(temporary, path)

    def _remove_parts(self, job: Job) -> None:
        for clip in (Path(job.spec.output), self._spare(job)):
            with contextlib.suppress(OSError):  # seldom there; litter at worst
                _part(clip).unlink()

    # -------------------------------------------------------------------------------------- the results

    def _finished(self, op: Op) -> None:
        """What a thread reports. Late reports on jobs that moved on are absorbed."""
        del self._ops[op.job_id]
        if op.kind == "check":
            self._answer_check(op)
            return
        job = self._ledger_job(op.job_id)
        memory = self._memory.get(op.job_id)
        pace = self._account.pace if self._account else Pace()
        mono = time.monotonic()
        if op.kind == "submit":
            if not op.events:  # the thread had a bug
                op.events = [
                    self._no_answer(op, Problem(ProblemCode.NETWORK, "The program failed."))
                ]
            self._plan_submit(op, memory, pace, mono)
        elif op.kind == "poll" and memory is not None and job is not None and not op.call.aborted:
            schedule.after_poll(job, memory, pace, mono, op.trouble, op.wait)
            if op.limited:  # the limit is the account's, not the job's
                self._pause_until = max(self._pause_until, mono + max(op.wait, pace.gap))
        elif op.kind == "download":
            self._etags[op.job_id] = op.etag
            if op.trouble and memory is not None:  # a bug: not at once again
                memory.fetch_at = mono + pace.longest
            if job is not None and memory is not None and UrlGone() in op.events:
                schedule.after_dead_link(job, memory, pace, mono)
            if job is not None and job.state is not State.DOWNLOADING:
                self._remove_parts(job)
        self._record(op.job_id, op.events)

    def _plan_submit(self, op: Op, memory: Memory | None, pace: Pace, mono: float) -> None:
        event = op.events[0]
        if memory is None:
            return
        if isinstance(event, NotSent):
            if op.trouble:
                memory.troubles += 1
                wait = max(event.wait, schedule.backoff(pace, memory.troubles - 1))
                op.events[0] = replace(event, wait=wait)
                if event.problem.code is ProblemCode.RATE:
                    self._pause_until = max(self._pause_until, mono + wait)
        elif isinstance(event, Submitted):
            memory.troubles = 0
            memory.next_at = mono + pace.poll

    def _ledger_job(self, job_id: str) -> Job | None:
        try:
            return self._ledger.job(job_id)
        except LedgerError:
            return self._work.get(job_id)

    def _record(self, job_id: str, events: list[Event]) -> None:
        if events:
            self._unwritten.setdefault(job_id, deque()).extend(events)
            self._retry_due = 0.0

    def _write_unwritten(self) -> None:
        """Write down what happened; what the disk does not take now stays here and is tried again."""
        if time.monotonic() < self._retry_due:
            return
        for job_id in list(self._unwritten):
            events = self._unwritten[job_id]
            while events:
                try:
                    self._append(job_id, events[0])
                except (IllegalTransition, StaleJob) as error:
                    self.log(f"job {job_id[:8]}: a late {events[0].kind!r}: {error}")
                except LedgerError:
                    self._retry_due = time.monotonic() + TICK
                    raise
                events.popleft()
            del self._unwritten[job_id]
        if self._ledger.twin_trouble:
            self._say(self._ledger.twin_trouble)

    def _append(self, job_id: str, event: Event) -> None:
        try:
            self._ledger.append(job_id, None, event, worker=self._id)
        except LeaseLost:
            self._leases.pop(job_id, None)
            # Somebody took us for dead. UNKNOWN takes an id that comes late.
            if not isinstance(event, _PAID):
                raise IllegalTransition("another worker goes on with it") from None
            self._ledger.append(job_id, None, event)

    # ------------------------------------------------------------------ Check Connection, Refresh Models

    def _check(self, path: Path, command: dict[str, Any]) -> None:
        """Take up a question to the service, if it is ours; another Blender's is left to its worker."""
        account = self._account
        age = time.time() - _created(path)
        if account is None or command.get("account") not in (account.fingerprint, None):
            if age > 30.0:
                self._refuse(path, command, "The key has changed meanwhile; try again.")
        elif not account.key or account.transport is None:
            self._refuse(path, command, "There is no API key: enter one in the preferences.")
        elif not self._online:
            self._refuse(
                path,
                command,
                "Online access is off: allow it in Blender's preferences under System, Network.",
            )
        else:
            self._checks.append((path, command))

    def _start_checks(self) -> float:
        waiting, self._checks = self._checks, deque()
        for path, command in waiting:  # they may have waited for a slot: look again
            self._check(path, command)
        if not self._checks:
            return math.inf
        wait = self._slot("check")
        if wait:
            return time.monotonic() + wait
        path, command = self._checks.popleft()
        op = Op("check", str(command["id"]), Call(), command=command, path=path)
        self._start(op, self._ask, self._transport())
        return math.inf

    def _ask(self, op: Op, transport: Transport) -> None:
        """In a thread: ask what the command wants to know. Both are free."""
        assert op.command is not None
        models = op.command["command"] == "models"
        try:
            answer = transport.get(wire.MODELS_PATH if models else wire.KEY_PATH, op.call)
        except TransportError as error:
            op.answer = {"ok": False, "message": error.problem.message}
            return
        said = (wire.models_answer if models else wire.key_answer)(
            answer.status, answer.headers, answer.body
        )
        match said:
            case Problem():
                text = f"{said.message} {said.hint}".strip()
                op.answer = {"ok": False, "message": wire.mask(text)}
            case None:
                op.answer = {"ok": True, "message": "The key is good."}
            case []:
                op.answer = {"ok": False, "message": "The service named no models."}
            case listed:
                count = "1 model" if len(listed) == 1 else f"{len(listed)} models"
                message = f"The key may use {count}."
                op.answer = {"ok": True, "message": message, "models": listed}

    def _answer_check(self, op: Op) -> None:
        assert op.command is not None
        assert op.path is not None
        answer = op.answer or {"ok": False, "message": "The program failed; its log says more."}
        try:
            self._settle(op.path, op.command, answer)
        except LedgerError as error:
            self._say(str(error))  # the file is still in the inbox and is taken up again

    def _refuse(self, path: Path, command: Mapping[str, Any], message: str) -> None:
        self._settle(path, command, {"ok": False, "message": message})

    def _settle(self, path: Path, command: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        nothing: dict[str, Any] = {"models": []} if command.get("command") == "models" else {}
        self._ledger.answer(command, {**nothing, **answer})
        with contextlib.suppress(OSError):  # answered once; the next look removes it
            path.unlink()

    # ------------------------------------------------------------------------------------ the end

    def _reopen(self) -> None:
        """The ledger broke while in use: set it aside and go on with the rebuilt one."""
        self._ledger.close()
        self._leases.clear()
        self._ledger = Ledger.open(self._data_dir, worker=self._id, session=self._session)
        self._broken = False

    def _leave(self) -> None:
        """Wait for the answer of what was paid for, at most as long as a POST lives; drop all else."""
        self._leaving = True
        self._abort_unsent()
        deadline = time.monotonic() + ANSWER_TIMEOUT + 10.0
        given_up = math.inf  # when a ledger that takes nothing is left alone
        # A call that was just ended says so at once, unless it hangs where no socket can be shut.
        others = time.monotonic() + LAST_WORDS
        while self._ops or self._unwritten:
            now = time.monotonic()
            sent = any(op.sent for op in self._ops.values())
            if now > (deadline if self._owes() else others) or (now > given_up and not sent):
                break
            with contextlib.suppress(queue.Empty):
                kind, data = self._messages.get(timeout=0.2)
                if kind == "op":
                    self._finished(data)
            try:
                self._write_unwritten()
            except LedgerError as error:
                self._say(str(error))
                given_up = min(given_up, time.monotonic() + 20.0)
            if not self._unwritten:
                given_up = math.inf
        for job_id, events in self._unwritten.items():
            ids = [event.request_id for event in events if isinstance(event, Submitted)]
            self.log(f"job {job_id[:8]}: could not be written down any more: {ids or list(events)}")
        with contextlib.suppress(OSError):
            self._ready.unlink()

    def _owes(self) -> bool:
        """Whether something that was paid for is not on record yet."""
        events = [event for waiting in self._unwritten.values() for event in waiting]
        return any(op.sent for op in self._ops.values()) or any(
            isinstance(event, _PAID) for event in events
        )

    def _close(self) -> None:
        """Give the jobs back in order, so that the next worker has them at once."""
        try:
            self._ledger.release(self._id)
        except LedgerError as error:
            self._say(str(error))
        self.log("ended")
        self._ledger.close()

    # ------------------------------------------------------------------------------------- the log

    def _say(self, text: str) -> None:
        """Log a standing trouble once, not on every turn."""
        if text != self._said:
            self.log(text)
        self._said = text

    def log(self, text: str) -> None:
        """One line more in the worker's log: bounded, and without the key or a URL's path."""
        if self._account is not None:
            text = KeyMask(self._account.key).text(text)
        write_log(self._data_dir, text)


def write_log(data_dir: Path, text: str) -> None:
    """Append to ``worker.log``; at 256 KB the old one becomes ``worker.log.1``."""
    path = data_dir / "worker.log"
    text = wire.hosts_only(wire.mask(text))
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{os.getpid()}] {text}\n"
    with contextlib.suppress(OSError):  # a full disk must not end the worker, least of all here
        if path.exists() and path.stat().st_size > LOG_SIZE:
            os.replace(path, path.with_name("worker.log.1"))
        with open(path, "a", encoding="utf-8", errors="replace") as file:
            file.write(line)


_ORDER = {Act.RECORD: 0, Act.DOWNLOAD: 1, Act.SUBMIT: 2, Act.POLL: 3}
_NO_LONGER = Problem(
    ProblemCode.EXPIRED,
    "The service no longer offers this clip: its link was gone three times in a row.",
    "Retry asks once more and is free; Send Again makes a new one, which is charged.",
    charged=True,
)


def _pace(line: Mapping[str, Any], *, loopback: bool) -> Pace:
    """The pace that Blender asked for: faster than the service allows only on a loopback service."""
    usual = Pace()

    def number(name: str, default: float) -> float:
        value = line.get(name)
        good = isinstance(value, int | float) and math.isfinite(value) and value > 0
        return float(value) if good else default  # pyright: ignore[reportArgumentType]

    poll, gap = number("poll_interval", usual.poll), number("gap", usual.gap)
    per_minute = int(number("per_minute", usual.per_minute))
    if loopback:
        return Pace(poll, gap, max(per_minute, 1))
    return Pace(max(poll, usual.poll), max(gap, usual.gap), max(min(per_minute, 60), 1))


def _dollars(ticks: int | None) -> float | None:
    return None if ticks is None else ticks / TICKS_PER_USD


def _gone_files(spec: JobSpec, named: wire.Named | None) -> str:
    """What is to be sent and is not there, as an artist knows it; '' when all is."""
    files = [(what, picture.path) for what, picture in spec.pictures]
    if spec.kind is not Kind.GENERATE:
        files = [("source clip", spec.video.path)] if spec.video and named is None else []
    gone = [what for what, path in files if not os.path.exists(path)]
    return " and the ".join(gone)


def _inputs(spec: JobSpec) -> dict[str, Any]:
    """For the clip's JSON: what went along with the request. Never a URL."""
    told: dict[str, Any] = {}
    if spec.video is not None:
        video = spec.video
        told["source_video"] = {
            "file": Path(video.path).name,
            "seconds": video.seconds,
            "job": video.job,
        }
    if spec.references:
        told["references"] = [picture.name for picture in spec.references]
    if spec.last_frame is not None:
        told["last_frame"] = spec.last_frame.name
    if spec.keyframes:
        told["keyframes"] = [
            {"seconds": round(frame.seconds, 3), "picture": frame.picture.name}
            for frame in spec.keyframes
        ]
    return told


def _created(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


# -------------------------------------------------------------------------------------------- the clip's files


def _part(clip: Path) -> Path:
    return clip.with_name(clip.name + ".part")


def _prepare(clip: Path, mode: int = 0o700) -> None:
    """Make sure that ``clip`` can be written: its folder is made when the one above is there."""
    if not clip.parent.is_dir():
        clip.parent.mkdir()
        os.chmod(clip.parent, mode)
    with open(_part(clip), "ab"):
        pass


def _names(wanted: Path) -> Any:
    yield wanted
    for number in range(2, 10_000):
        yield wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")


def _free_name(wanted: Path) -> Path:
    """``wanted``, or the first of ``-2``, ``-3`` … of which there is neither clip nor JSON."""
    for path in _names(wanted):
        if not os.path.lexists(path) and not os.path.lexists(path.with_suffix(".json")):
            return path
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(wanted))


def _already_there(wanted: Path, job: Job) -> Any:
    """The clip of this very job, put in place by a worker that ended before it could say so."""
    for path in _names(wanted):
        if not path.exists():
            # Its JSON is written first: one without a clip is of a worker that ended in between.
            sidecar = path.with_suffix(".json")
            if _job_of(sidecar) == job.id:
                with contextlib.suppress(OSError):
                    sidecar.unlink()
            return None
        if _job_of(path.with_suffix(".json")) == job.id:
            try:
                clip = mp4.probe(path)
            except (mp4.NotAClip, OSError):
                return None
            with contextlib.suppress(OSError):
                _part(wanted).unlink()
            return clip
    return None


def _job_of(sidecar: Path) -> str:
    try:
        data = json.loads(sidecar.read_bytes())
        return str(data.get("job", ""))
    except (OSError, ValueError, AttributeError, RecursionError):
        return ""


def _replace(source: Path, target: Path) -> None:
    """``os.replace``, tried for a while: on Windows a scanner may hold the file."""
    deadline = time.monotonic() + REPLACE_FOR
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


# --------------------------------------------------------------------------------------------------- the process


class _Parent:
    """Blender, as the system knows it: a fork of it by another add-on keeps our stdin open (measured)."""

    def __init__(self) -> None:
        self._pid = os.getppid()
        self._handle: Any = None
        if sys.platform == "win32":
            import ctypes

            self._kernel = ctypes.windll.kernel32
            self._handle = self._kernel.OpenProcess(0x00100000, False, self._pid)  # SYNCHRONIZE

    def gone(self) -> bool:
        if sys.platform == "win32":
            return bool(self._handle) and self._kernel.WaitForSingleObject(self._handle, 0) == 0
        return os.getppid() != self._pid


def main(data_dir: Path, session: str, worker_id: str) -> int:
    """The whole life of the process. Returns its exit code: 0 in order, 3 without a ledger, 1 a bug."""
    old_umask = os.umask(0o077)
    os.environ.pop("XAI_API_KEY", None)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the key
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = Worker(data_dir, session, worker_id, old_umask)
    except LedgerError as error:
        write_log(data_dir, str(error))
        print(error, file=sys.stderr)
        return 3

    def terminated(_number: int, _frame: object) -> None:
        worker.end()

    signal.signal(signal.SIGTERM, terminated)
    try:
        return worker.run(sys.stdin.buffer)
    except BaseException:
        # The interpreter would print it, and nobody reads our stderr; the log is redacted.
        worker.log(traceback.format_exc())
        return 1

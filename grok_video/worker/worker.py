"""The worker: a process without bpy that takes jobs from the ledger, buys and fetches their clips by HTTP.

Owns the loop: what Blender says, what is due, and what the calls report. What is due it asks ``worker.schedule``,
what each call does is in the files of their names, what is on record ``ledger``. Only the loop decides; a thread does
one call and reports, with one exception: *sending* is recorded by the thread that sends (``worker.submit``).

Blender talks over stdin, one JSON object a line: ``account``, ``online``, ``wake``, ``end``. The key arrives there
and lives in this process's memory only.
"""

from __future__ import annotations

import contextlib
import json
import math
import queue
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import IO, Any, Protocol

from ..core import events
from ..core.clock import awake
from ..core.job import FINAL_STATES, IllegalTransition, Job, State
from ..core.problem import Problem, ProblemCode
from ..core.redact import KeyMask
from ..core.spec import JobSpec, account_of
from ..core.urls import api_base_refusal, plain_api_base
from ..ledger.errors import (
    LeaseLost,
    LedgerDamaged,
    LedgerError,
    LedgerMoved,
    LimitReached,
    StaleJob,
)
from ..ledger.inbox import Inbox
from . import schedule
from .commands import take_commands
from .dearer import listed_looks, risen
from .delivery import clip_on_disk
from .desk import Account, Desk, RunningCall, pace_of
from .fetch import download, poll
from .http.call import Call
from .http.transport import ANSWER_TIMEOUT, PICTURE_TIMEOUT, Transport
from .kept_answer import recalled
from .leases import OwnLeases
from .leftovers import Leftovers
from .outcomes import Outcomes
from .questions import Questions
from .reopening import Reopening
from .schedule import Act, Memory, Pace, World
from .submit import bought_before, gone_files, no_answer, post, remote_source, source_job
from .wording import worded

IDLE = 30.0  # seconds with nothing to do before the worker leaves
TICK = 1.0  # seconds at most between two looks at the inbox, the ledger and the parent
MOST_STEPS = 50  # jobs looked at between two looks at what Blender says
LAST_WORDS = 1.0  # seconds that a leaving worker waits for the reports of calls that it ended
_ORDER = {Act.RECORD: 0, Act.DOWNLOAD: 1, Act.SUBMIT: 2, Act.POLL: 3}


class Parent(Protocol):
    """The process that started the worker: Blender."""

    def gone(self) -> bool:
        """Whether the parent has ended."""
        ...


class Worker:
    """The loop of one worker process: takes jobs as far as they go until ``run`` returns."""

    def __init__(self, desk: Desk, parent: Parent) -> None:
        self.desk = desk
        self.leases = OwnLeases(desk)
        self.outcomes = Outcomes(desk, self.leases)
        self._parent = parent
        self._questions = Questions(desk)
        self._leftovers = Leftovers(desk)
        self._ready = desk.data_dir / "workers" / f"{desk.id}.ready"
        self._wake = True
        self._inbox = Inbox(desk.data_dir, lambda ids: desk.ledger.commands.refuse_unread(ids))
        self._work: dict[str, Job] = {}  # jobs that are not at an end, by id
        self._memory: dict[str, Memory] = {}
        self._etags: dict[str, str] = {}
        self._busy_at = time.monotonic()
        self._reopening = Reopening(desk, self.leases, self.outcomes)
        if desk.ledger.rebuilt:
            desk.log("The ledger was damaged or gone; it was rebuilt from the copies of the jobs.")

    # -------------------------------------------------------------------------------------------- the loop

    def run(self, stdin: IO[bytes]) -> int:
        """Work until told to end, the parent is gone, or nothing is left to do. Returns the exit code."""
        threading.Thread(target=self._listen, args=(stdin,), daemon=True).start()
        self._ready.touch()
        self.desk.log(f"ready, session {self.desk.session[:8]}")
        try:
            self._work_on()
        except Exception:
            # A bug ends this process, but not before what was paid for has its answer. The leases are not given
            # back: the next worker that takes one counts a crash of its job.
            self.desk.log(traceback.format_exc())
            self._leave()
            return 1
        self._leave()
        self._close()
        return 0

    def _work_on(self) -> None:
        while not self.desk.leaving:
            try:
                if self._reopening.due:
                    self._reopen()
                    continue
                until = self._turn()
            except LedgerMoved as error:
                self._reopening.after(error)
                until = 0.0
            except LedgerDamaged as error:
                self._reopening.after(error)
                until = time.monotonic() + TICK
            except LedgerError as error:
                # The disk is full or read-only, or the ledger locked: no job is given up, all is tried again.
                self.desk.say(str(error))
                until = time.monotonic() + TICK
            self._wait(until)

    def end(self) -> None:
        """Ask the worker to leave; safe in a signal handler."""
        self.desk.messages.put(("end", None))

    def _wait(self, until: float) -> None:
        timeout = min(max(until - time.monotonic(), 0.0), TICK)
        self.desk.reported.clear()
        try:
            message = (
                self.desk.messages.get(timeout=timeout)
                if timeout
                else self.desk.messages.get_nowait()
            )
        except queue.Empty:
            return
        while True:
            self._handle(*message)
            try:
                message = self.desk.messages.get_nowait()
            except queue.Empty:
                return

    def _listen(self, stdin: IO[bytes]) -> None:
        while line := stdin.readline(1 << 16):
            try:
                data = json.loads(line)
            except ValueError:
                self.desk.log("a line on stdin was not understood")
                continue
            self.desk.messages.put(("line", data))
        self.desk.messages.put(("end", None))

    def _handle(self, kind: str, data: Any) -> None:
        if kind == "call":
            self._finished(data)
        elif kind == "end":
            self.desk.leaving = True
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
                    self.desk.leaving = True
                case _:
                    self.desk.log("a line on stdin was not understood")

    def _turn(self) -> float:
        """Look at everything once; returns the monotonic time of the next look."""
        if self._parent.gone():
            self.desk.log("Blender is gone")
            self.desk.leaving = True
            return 0.0
        self.desk.ledger.look()
        self.outcomes.write()
        # Before a command too: a claim brings in a clip that the look at its job may first have to put in its place.
        self._take_in()
        self._read_inbox()
        self._take_in()
        # Questions before polls, which would never leave a slot: somebody looks at the panel for the answer.
        until = min(self._questions.start(), self._drive())
        if self._take_in() or self._inbox:  # what driving wrote down may be due at once
            until = 0.0
        self.desk.said_nothing()
        if self._idle():
            self.desk.log("nothing to do")
            self.desk.leaving = True
        return until

    def _idle(self) -> bool:
        now = time.monotonic()
        claimed = any(
            job.state is State.READY and job.claimed_by == self.desk.session
            for job in self._work.values()
        )
        waiting = claimed or any(job.open and job.driven for job in self._work.values())
        if waiting or self.desk.running or self._questions.ids or self.outcomes or self._wake:
            self._busy_at = now
        return now - self._busy_at > IDLE

    def _take_in(self) -> bool:
        """Look at the jobs that any process changed since the last look: the first time at all jobs."""
        changed = self.desk.ledger.refresh()
        for job in changed:
            self._changed(job)
        return bool(changed)

    def _changed(self, job: Job) -> None:
        call = self.desk.running.get(job.id)
        over = job.state in FINAL_STATES or (job.state is State.READY and not job.claimed_by)
        if call is None and (over or job.state is State.READY):
            self._leftovers.see_to(job)
            self.outcomes.add(job.id, recalled(self.desk.data_dir, job))
        if over and not job.fetching:
            self._work.pop(job.id, None)
            self._memory.pop(job.id, None)
        else:
            before = self._work.get(job.id)
            if job.fetching and not (before and before.fetching):
                self.leases.lost(job.id)  # whoever had the job has the lease no more (Leases.drop)
            self._work[job.id] = job
            memory = self._memory.get(job.id)
            if memory is None or memory.word != job.released_at:
                aged = max(time.time() - job.released_at, 0.0)
                self._memory[job.id] = Memory(time.monotonic(), job.released_at, aged=aged)
        if call is None:
            return
        awaited = {"poll": job.awaits_link, "download": job.awaits_file}
        stopped = job.stop_requested or not awaited.get(call.kind, True)
        with self.desk.sending:
            if stopped and not call.sent:
                call.call.abort()  # nobody waits for what the call would bring

    # ------------------------------------------------------------------------------------- what Blender says

    def _set_account(self, line: Mapping[str, Any]) -> None:
        base, key = plain_api_base(str(line.get("base", ""))), str(line.get("key", "")).strip()
        problem = api_base_refusal(base)
        if problem or not (key.isascii() and key.isprintable()) or " " in key:
            if problem and KeyMask(key).text(base) != base:
                problem = (
                    "The API base URL holds the API key."  # of which the sentence shows a part
                )
            self.desk.log(problem or "The API key holds characters that no key has.")
            key = ""
        transport = None if problem else Transport(base, key)
        pace = pace_of(line, loopback=transport is not None and transport.loopback)
        before, self.desk.account = (
            self.desk.account,
            Account(account_of(base, key), pace, key, transport),
        )
        if before is not None and before.fingerprint == self.desk.account.fingerprint:
            return  # only the pace has changed, by which no job becomes due
        for job_id, job in self._work.items():
            if job.blocked:
                self._memory[job_id].next_at = 0.0

    def _set_online(self, online: bool) -> None:
        self.desk.online = online
        if not online:
            self.desk.abort_unsent()

    def _read_inbox(self) -> None:
        self._wake = False
        if take_commands(self._inbox, self.desk, self._questions):
            self._busy_at = time.monotonic()

    # ----------------------------------------------------------------------------------- what is due

    def _drive(self) -> float:
        """Start what is due; returns the monotonic time of the next thing."""
        world = self._world()
        until = math.inf
        ready: list[tuple[float, float, str, schedule.Step]] = []
        for job in self._work.values():
            if job.id in self.desk.running or job.id in self.outcomes:
                continue
            another = job.state is State.QUEUED and job.released_by != self.desk.session
            if another and job.id in self.leases:
                self.leases.give_back(job.id)  # only the other Blender's worker may send the job
            step = schedule.step(job, world, self._memory[job.id])
            if step.at > world.mono:
                until = min(until, step.at)
            elif step.act is not Act.WAIT:
                ready.append((self._rank(job.id, step, world.mono), step.at, job.id, step))
        ready.sort(key=lambda item: item[:2])
        steps = 0
        for _, _, job_id, step in ready:
            free = self.desk.free_at(step.act.lower())
            if free > world.mono:
                until = min(until, free)
                continue
            if steps == MOST_STEPS:
                return world.mono  # at once again, after a look at what Blender says
            steps += 1
            until = min(until, self._do(self._work[job_id], step))
        return until

    def _rank(self, job_id: str, step: schedule.Step, mono: float) -> float:
        """The order of steps, smallest first. A poll that is overdue takes turns with the submissions."""
        if self.desk.last_call == "submit" and schedule.overdue(step, self._memory[job_id], mono):
            return _ORDER[Act.SUBMIT] - 0.5
        return _ORDER[step.act]

    def _world(self) -> World:
        account = self.desk.account
        bases = {job.spec.api_base for job in self._work.values()}
        return World(
            wall=time.time(),
            mono=time.monotonic(),
            session=self.desk.session,
            account=(account.fingerprint if account.key else "") if account else None,
            online=self.desk.online,
            pace=self.desk.pace,
            session_lives=self.desk.ledger.leases.session_alive,
            accounts=account.fingerprints(bases) if account else frozenset(),
        )

    def _do(self, job: Job, step: schedule.Step) -> float:
        """Do one step, if this worker may; returns when to look again."""
        mono = time.monotonic()
        if not self.leases.take(job.id):
            return self.leases.look_at
        try:
            if (
                self.leases.crashes(job.id) >= schedule.MOST_CRASHES
                and job.state is not State.SUBMITTING
            ):
                crashed = schedule.crashed()
                event = schedule.of_fetching(crashed) if job.fetching else crashed
                self.desk.record(job, event)
                self.leases.forgive(job.id)
                return mono
            match step.act:
                case Act.RECORD:
                    assert step.event is not None
                    event = schedule.of_fetching(step.event) if job.fetching else step.event
                    self.desk.record(job, event)
                    if isinstance(step.event, events.Held | events.Blocked):
                        # To the worker that has the job's key, or of the Blender where Send is pressed.
                        self.leases.give_back(job.id)
                case Act.SUBMIT:
                    return self._submit(job)
                case Act.POLL:
                    memory = self._memory[job.id]
                    starves = schedule.overdue(step, memory, mono, schedule.STARVING)
                    wait = self.desk.slot("poll", modest=not starves)
                    if wait:
                        return mono + wait
                    call = RunningCall("poll", job.id, Call(), job.fetching, named=memory.named)
                    self.desk.start(call, poll, job, self.desk.transport)
                case _:
                    etag = self._etags.pop(job.id, "")
                    call = RunningCall("download", job.id, Call(), job.fetching, etag=etag)
                    self.desk.start(call, download, job)
        except (StaleJob, LeaseLost, IllegalTransition) as error:
            self.desk.log(f"job {job.id[:8]}: {error}")
            self.leases.give_back(job.id)
        return math.inf

    # ------------------------------------------------------------------------------------- submit

    def _submit(self, job: Job) -> float:
        if name := clip_on_disk(self.desk.data_dir, job):
            return self._hold(job, bought_before(name))
        account = self.desk.account
        assert account is not None  # else no job is due
        named = remote_source(self.desk.ledger, job.spec, account.fingerprints)
        if gone := gone_files(job.spec, named):
            return self._hold(job, gone)
        if dearer := risen(job.spec, listed_looks(self.desk)):
            return self._hold(job, dearer.problem, dearer.instead)
        # Before a slot is taken, which a job that is held would keep from the others.
        if over := self.desk.ledger.refusal(job, time.time(), account.fingerprints):
            return self._hold(job, over)
        wait = self.desk.slot("submit")
        if wait:
            return time.monotonic() + wait
        call = RunningCall("submit", job.id, Call())
        started = events.SubmitStarted(job.spec.estimate or 0)
        try:
            job = self.desk.record(job, started, account.fingerprints)
        except LimitReached as error:  # another Blender has used up the limit since
            return self._hold(job, error.problem)
        made = source_job(self.desk.ledger, job.spec)
        self.desk.start(call, post, job, named, made, self.desk.transport)
        return math.inf

    def _hold(self, job: Job, problem: Problem, instead: JobSpec | None = None) -> float:
        """Hold a job until the user presses Send, and give it back: Send may be pressed in another Blender."""
        self.desk.record(job, events.Held(problem, instead))
        self.leases.give_back(job.id)
        return math.inf

    # -------------------------------------------------------------------------------------- the results

    def _finished(self, call: RunningCall) -> None:
        """Take the report of a call's thread: plan what follows, and keep the events to be written."""
        del self.desk.running[call.job_id]
        if call.kind == "check":
            self._questions.answered(call)
            return
        job = self._ledger_job(call.job_id)
        memory = self._memory.get(call.job_id)
        pace = self.desk.pace
        mono = time.monotonic()
        if call.kind == "submit":
            if not call.events:  # the thread had a bug
                call.events = [
                    no_answer(call, self.desk, Problem(ProblemCode.NETWORK, "The program failed."))
                ]
            if memory is not None:
                self._plan_submit(call, memory, pace, mono)
        elif (
            call.kind == "poll" and memory is not None and job is not None and not call.call.aborted
        ):
            schedule.after_poll(job, memory, pace, mono, call.trouble, call.wait)
            memory.named = call.named
            if call.limited:  # the limit is the account's, not the job's
                self.desk.pause(mono + max(call.wait, pace.gap))
        elif call.kind == "download":
            self._etags[call.job_id] = call.etag
            if call.trouble and memory is not None:  # a bug: not at once again
                memory.fetch_at = mono + pace.longest
            if job is not None and memory is not None and events.UrlGone() in call.events:
                schedule.after_dead_link(job, memory, pace, mono)
            if job is not None and not job.awaits_file:
                self._leftovers.see_to(job)
        if call.again:
            call.events = [schedule.of_fetching(event) for event in call.events]
        self.outcomes.add(call.job_id, worded(job, call.events))

    def _plan_submit(self, call: RunningCall, memory: Memory, pace: Pace, mono: float) -> None:
        event = call.events[0]
        if isinstance(event, events.NotSent):
            if call.trouble:
                memory.troubles += 1
                wait = max(event.wait, schedule.backoff(pace, memory.troubles - 1))
                call.events[0] = replace(event, wait=wait)
                if event.problem.code is ProblemCode.RATE:
                    self.desk.pause(mono + wait)
        elif isinstance(event, events.Submitted):
            memory.troubles = 0
            memory.next_at = mono + pace.poll

    def _ledger_job(self, job_id: str) -> Job | None:
        try:
            return self.desk.ledger.job(job_id)
        except LedgerError:
            return self._work.get(job_id)

    # ------------------------------------------------------------------------------------ the end

    def _reopen(self) -> None:
        """Open the ledger again: what this worker knows of jobs is then read anew."""
        self._reopening.open()
        self._work.clear()

    def _leave(self) -> None:
        """Wait for the answer of what was paid for, at most as long as a POST lives; drop all else."""
        self.desk.leaving = True
        self.desk.abort_unsent()
        deadline = awake() + max(ANSWER_TIMEOUT, PICTURE_TIMEOUT) + 10.0
        given_up = math.inf  # when to stop writing into a ledger that takes nothing
        # Only so long for calls that were ended: one may hang where no socket can be shut, as in a name look-up.
        others = awake() + LAST_WORDS
        while self.desk.running or self.outcomes:
            now = awake()
            sent = any(call.sent for call in self.desk.running.values())
            if now > (deadline if self._owes() else others) or (now > given_up and not sent):
                break
            with contextlib.suppress(queue.Empty):
                kind, data = self.desk.messages.get(timeout=0.2)
                if kind == "call":
                    self._finished(data)
            try:
                if self._reopening.due:
                    self._reopen()
                self.outcomes.write()
            except (LedgerMoved, LedgerDamaged) as error:
                self._reopening.after(error)
                given_up = min(given_up, awake() + 20.0)
            except LedgerError as error:
                self.desk.say(str(error))
                given_up = min(given_up, awake() + 20.0)
            if not self.outcomes:
                given_up = math.inf
        self.outcomes.give_up()
        with contextlib.suppress(OSError):
            self._ready.unlink()

    def _owes(self) -> bool:
        """Whether something that was paid for is not on record yet."""
        return any(call.sent for call in self.desk.running.values()) or self.outcomes.paid()

    def _close(self) -> None:
        """Give the jobs back in order, so that the next worker has them at once."""
        try:
            self.desk.ledger.leases.release(self.desk.id)
        except LedgerError as error:
            self.desk.say(str(error))
        self.desk.log("ended")
        self.desk.ledger.close()

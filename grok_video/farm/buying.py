"""The task that buys the shots of a list: each claimed first, then queued as a job, and waited for until its clip is there.

Engines run the task again, and twice at once: it goes on with what its own ledger has, waits for what another holder
buys, and says what only a person can settle. It knows no Blender and no ledger: what is done with jobs does a ``Desk``.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ..core.job import Job, State
from ..core.record import mutable_record
from ..core.spec import new_id
from ..core.word import is_lapse
from .claims import SILENT, Claim, Claims, ClaimTrouble, Watch
from .shot_folder import LIST, FolderTrouble, Listed, clip_of, put_clip

#: Jobs that wait to be sent, at most: a job counts as forgotten ten minutes after it was queued, and about one leaves a second.
MOST_UNSENT = 30
#: Seconds between two looks into the folder for a shot that another holder buys.
_LOOK = 5.0
#: Seconds after which a job that waits for somebody, for another key perhaps, ends its shot for this run.
_BLOCKED = 60.0


class End(StrEnum):
    """How a shot ended for this run of the task."""

    DONE = "DONE"  # its clip lies in the folder
    REFUSED = "REFUSED"  # not bought, and not claimed by this run: a sentence says what to change
    FAILED = "FAILED"  # its job has ended without a clip, or is held
    UNKNOWN = "UNKNOWN"  # sent, and the answer is lost: it may have been paid
    GONE = "GONE"  # claimed by a holder that shows no sign of life


@mutable_record
class Progress:
    """A shot on its way through this run."""

    listed: Listed
    claim: Claim | None = None
    ours: bool = False
    built: str = ""  # id of the job for which its pictures were made by this run
    first_look: bool = True  # its job was not seen by this run yet
    queued: bool = False  # by this run
    retried: int = 0  # events of its job when this run asked for what it has paid for again, free; 0: not asked
    blocked_since: float = (
        0.0  # monotonic time of the first look that found its job blocked; 0.0: it goes on
    )
    look_at: float = 0.0  # monotonic time before which the folder is not looked into again
    end: End | None = None
    sentence: str = ""

    def lets_go(self, now: float) -> None:
        """Look at the shot anew: the claim that this run knew of holds no more."""
        self.claim, self.ours, self.queued, self.first_look = None, False, False, True
        self.look_at = now

    def ends(self, end: End, sentence: str = "") -> None:
        """Note how the shot ended."""
        self.end, self.sentence = end, sentence


class Desk(Protocol):
    """What is done with jobs: by the ledger of this host."""

    def job(self, job_id: str) -> Job | None:
        """The job as the ledger has it; None: it has none of that id."""
        ...

    def refusal(self, listed: Listed, job_id: str) -> str:
        """'' or why the shot cannot be bought now as the job of that id; asked before it is claimed."""
        ...

    def queue(self, listed: Listed, job_id: str) -> str:
        """Queue the shot as the job of that id, which the ledger takes once; '' or why it could not be."""
        ...

    def not_taken(self, job_id: str) -> str:
        """'' or why the ledger has refused the job that ``queue`` handed over."""
        ...

    def send(self, job: Job) -> str:
        """Let a job that waits for a word be sent: this task is the word; '' or why that could not be said."""
        ...

    def retry(self, job: Job) -> str:
        """Poll or download once more what a job has bought, free; '' or why that could not be said."""
        ...


class Buying:
    """One run of the task. ``step`` until ``is_over``; nothing here waits."""

    def __init__(
        self,
        folder: Path,
        claims: Claims,
        shots: Sequence[Listed],
        desk: Desk,
        clock: Callable[[], float] = time.monotonic,
        *,
        buys: bool = True,
    ) -> None:
        """Without ``buys`` nothing is claimed, queued or sent: what was bought is waited for."""
        self.shots = [Progress(listed) for listed in shots]
        self._folder = folder
        self._claims = claims
        self._desk = desk
        self._clock = clock
        self._watch = Watch(claims, clock)
        self._buys = buys
        self._room = MOST_UNSENT  # shots that may be claimed until the next step

    @property
    def is_over(self) -> bool:
        """Whether every shot has ended."""
        return all(one.end for one in self.shots)

    @property
    def jobs(self) -> list[str]:
        """Ids of the jobs that this run waits for, as the list has their shots."""
        waits = (one for one in self.shots if one.ours and one.claim and not one.end)
        return [one.claim.job for one in waits if one.claim]

    def step(self) -> None:
        """Go on with each shot as far as that takes no waiting."""
        holds = bool(self.jobs)
        self._room = MOST_UNSENT - self._unsent()
        for one in self.shots:
            if one.end:
                continue
            if holds:
                # At each shot: the pictures of one may take longer than a watcher looks. Without the share for now: jobs
                # that were sent go on, and other hosts hear nothing meanwhile.
                with suppress(ClaimTrouble):
                    self._claims.beat(self._clock())
            try:
                self._go_on(one)
            except (ClaimTrouble, FolderTrouble) as trouble:
                one.ends(End.REFUSED if one.claim is None else End.FAILED, str(trouble))
            holds = holds or (one.ours and not one.end)

    def _go_on(self, one: Progress) -> None:
        if one.claim is None:
            self._begin(one)
        if one.claim is not None and not one.end:
            (self._follow if one.ours else self._wait)(one, one.claim)

    def _begin(self, one: Progress) -> None:
        """Find out whose the shot is, and claim it where it is nobody's."""
        if one.look_at > self._clock():
            return
        if clip_of(self._folder, one.listed.file):
            one.ends(End.DONE)
            return
        claim = self._claims.read(one.listed.file)
        if claim is None:
            if not self._buys:
                one.ends(End.REFUSED, "Nobody has claimed it: it is not being bought.")
                return
            if self._room <= 0:
                one.look_at = self._clock() + _LOOK
                return
            job_id = new_id()
            if why := self._desk.refusal(one.listed, job_id):
                one.ends(End.REFUSED, why)
                return
            one.built = job_id
            if not os.path.isfile(self._folder / LIST):
                # The place of a share that was cut off is an empty folder, where nobody has claimed anything.
                raise FolderTrouble(
                    f"There is no {LIST} in {self._folder} any more. Nothing was bought for shot “{one.listed.file}”."
                )
            self._claims.beat(self._clock())  # before the claim: who finds it sees its holder live
            self._room -= 1
            claim = self._claims.take(one.listed.file, one.listed.mark, job_id)
        if claim.mark != one.listed.mark:
            raise ClaimTrouble(
                f"The claim of shot “{one.listed.file}” is of another list. It is not bought here: export into an empty folder."
            )
        # A claim of another host whose job this ledger has: both hosts share the data folder.
        one.claim = claim
        one.ours = self._claims.is_ours(claim) or self._desk.job(claim.job) is not None

    def _unsent(self) -> int:
        jobs = (
            self._desk.job(one.claim.job)
            for one in self.shots
            if one.claim and one.ours and not one.end
        )
        return sum(job is None or job.state is State.QUEUED for job in jobs)

    def _follow(self, one: Progress, claim: Claim) -> None:
        """Go on with a shot that this ledger has claimed."""
        job = self._desk.job(claim.job)
        first, one.first_look = one.first_look, False
        if not self._buys and (job is None or _bought_nothing(job)):
            one.ends(End.REFUSED, "It is claimed and was not sent: “shots buy” goes on with it.")
            return
        if job is None:
            if not one.queued:
                self._queue(one, claim)
            elif why := self._desk.not_taken(claim.job):
                one.ends(End.FAILED, why)
            return
        if first and _bought_nothing(job):
            # Ended by an earlier run. The id follows from the last one: two runs at once mean one job.
            one.claim = self._claims.renew(claim, again(claim.job))
            one.queued, one.first_look = False, True
            return
        self._tell(one, job)

    def _queue(self, one: Progress, claim: Claim) -> None:
        if one.built != claim.job:
            # Claimed by an earlier run. The claim is read afterwards: pictures take time, in which a person may free it.
            self._claims.beat(self._clock())
            if why := self._desk.refusal(one.listed, claim.job):
                one.ends(End.FAILED, why)
                return
            one.built = claim.job
        if self._holds(one, claim):
            one.queued = True
            if why := self._desk.queue(one.listed, claim.job):
                one.ends(End.FAILED, why)

    def _holds(self, one: Progress, claim: Claim) -> bool:
        """Whether the claim still stands; else the shot is looked at anew: a person has freed it, another host may buy it."""
        if self._claims.read(one.listed.file) == claim:
            return True
        one.lets_go(self._clock())
        return False

    def _tell(self, one: Progress, job: Job) -> None:
        """Note how the job of a shot ended, or let it go on."""
        said = f"{job.problem.message} {job.problem.hint}".strip() if job.problem else ""
        if job.retryable and not one.retried:
            one.retried = job.seq
            if why := self._desk.retry(job):
                one.ends(End.FAILED, why)
            return
        if job.seq == one.retried:
            return  # not heard by a worker yet
        match job.state:
            case State.READY | State.IMPORTED:
                self._deliver(one, job)
            case State.UNKNOWN:
                one.ends(End.UNKNOWN, said)
            case State.FAILED | State.CANCELLED:
                one.ends(End.FAILED, said or "The job was stopped.")
            case State.QUEUED if job.held:
                mine = self._buys and is_lapse(job.problem) and job.instead is None
                # It waited for long, or the computer slept: the shot may have been freed meanwhile.
                if mine and one.claim and not self._holds(one, one.claim):
                    return
                why = self._desk.send(job) if mine else said
                if why:
                    one.ends(End.FAILED, why)
            case _:
                self._mind_block(one, job, said)

    def _mind_block(self, one: Progress, job: Job, said: str) -> None:
        """End a shot whose job goes on only when somebody does something: it was blocked for a while."""
        now = self._clock()
        if not job.blocked:
            one.blocked_since = 0.0
        elif not one.blocked_since:
            one.blocked_since = now  # perhaps by an earlier run, which had another key
        elif now - one.blocked_since > _BLOCKED:
            one.ends(End.FAILED, said)

    def _deliver(self, one: Progress, job: Job) -> None:
        there = clip_of(self._folder, one.listed.file)
        if there is None and job.clip is not None:
            put_clip(self._folder, one.listed.file, Path(job.clip.path))
            there = clip_of(self._folder, one.listed.file)
        if there is None:
            one.ends(
                End.FAILED,
                "Its clip was bought, and its file is gone: the job list can fetch it again.",
            )
        else:
            one.ends(End.DONE)

    def _wait(self, one: Progress, claim: Claim) -> None:
        """Look whether another holder is done with a shot, and alive."""
        gone = self._watch.is_gone(claim)
        now = self._clock()
        if now < one.look_at and not gone:
            return
        one.look_at = now + _LOOK
        if clip_of(self._folder, one.listed.file):
            one.ends(End.DONE)
            return
        held = self._claims.read(one.listed.file)
        if held != claim:
            one.lets_go(now)  # a person has freed it, or its holder has begun anew
        elif gone:
            one.ends(
                End.GONE,
                f"It is claimed by {claim.host} (job {claim.job[:8]} of ledger {claim.ledger[:8]}), from which no sign of life "
                f"came for {SILENT / 60:.0f} minutes. It may be paid. Run the task there again, or free the shot.",
            )


def again(job_id: str) -> str:
    """The id of the job that takes the place of one that ended unsent."""
    return hashlib.sha256(f"{job_id} again".encode()).hexdigest()[:32]


def _bought_nothing(job: Job) -> bool:
    """Whether a job has ended before anything was sent."""
    ended = job.state in (State.CANCELLED, State.FAILED)
    return ended and not (job.sent or job.request_id or job.url or job.spent or job.submitted_at)

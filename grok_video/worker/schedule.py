"""What the worker has to do next for a job, and when: pure policy.

Owns the times of the program: how often to ask, when to back off, when a job waits for the user's word. It must
not know HTTP, files, threads or the ledger. It is given two clocks: *wall* (seconds since the epoch) for what is
on record, *mono* (seconds, this process only) for what it plans.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from zlib import crc32

from ..core import events, word
from ..core.job import Job, State
from ..core.problem import LOST_HINT, Problem, ProblemCode
from ..core.record import mutable_record, record
from ..service.answer import NOT_NAMED, Named

#: Seconds that a job of another Blender session may wait for that session's worker to be (re)started.
FOREIGN_GRACE = 10.0
#: Seconds after which a poll that is due takes turns with submissions; until then all submissions go first.
OVERDUE = 30.0
#: Seconds after which a poll that is due is no longer modest towards the submissions of other workers.
STARVING = 120.0
#: Part of the gap that a modest poll waits longer, so that another worker's submission comes first.
MODEST = 0.005
#: Seconds that a job may be ahead of its account: a key that was just entered reaches the worker by another way.
ACCOUNT_GRACE = 2.0
SLOW_AFTER = 600.0
MOST_CRASHES = 3
MOST_URLS_GONE = 3
#: Downloads broken in a row before the job asks for the user: hours of them for network trouble, less for what is
#: wrong on this computer.
MOST_BROKEN = 40
MOST_BROKEN_HERE = 8


@record
class Pace:
    """How often the service may be asked: the defaults are its limits, and faster is for a service on this computer."""

    poll: float = 5.0  # seconds between two polls of one job
    gap: float = 1.02  # seconds between any two calls
    per_minute: int = 60

    @property
    def slow_poll(self) -> float:
        """Seconds between two polls of a slow job: 30 at the ordinary pace."""
        return self.poll * 6

    @property
    def longest(self) -> float:
        """The longest wait of a backoff: 5 minutes at the ordinary pace."""
        return self.poll * 60


@record
class World:
    """What a decision depends on beside the job: the two clocks, the account, whether we are online."""

    wall: float
    mono: float
    session: str
    account: str | None  # fingerprint; '' without a key; None when Blender has not said yet
    online: bool
    pace: Pace
    session_lives: Callable[[str], bool]
    accounts: frozenset[str] = frozenset()  # all fingerprints that jobs of the account have

    def owns(self, job: Job) -> bool:
        """Whether ``job`` was made for the account in use."""
        return job.spec.account == self.account or job.spec.account in self.accounts


@mutable_record
class Memory:
    """What the worker remembers of a job between two looks, and may forget when its process ends."""

    since: float  # mono: when the user's word was first seen
    word: float  # wall: when that word was given (``Job.released_at``)
    next_at: float = 0.0  # mono: not to be polled or sent before
    fetch_at: float = 0.0  # mono: not to be downloaded before, however late the next poll is
    troubles: int = 0  # calls in a row that failed
    aged: float = 0.0  # seconds that the word was old, by wall time, when it was first seen
    named: Named = NOT_NAMED  # what the last poll said: forgotten, it is asked for anew, free


class Act(StrEnum):
    WAIT = "WAIT"
    SUBMIT = "SUBMIT"
    POLL = "POLL"
    DOWNLOAD = "DOWNLOAD"
    RECORD = "RECORD"


@record
class Step:
    """What to do with a job, at ``at`` (mono) or later. ``event`` is what RECORD writes down."""

    act: Act
    at: float
    event: events.Event | None = None


def step(job: Job, world: World, memory: Memory) -> Step:
    """What is due next for a job that has no call in flight."""
    if not job.open or not job.driven:
        return Step(Act.WAIT, math.inf)
    if job.state is State.QUEUED:
        return _queued(job, world, memory)
    if job.state is State.SUBMITTING:
        return Step(Act.RECORD, world.mono, _abandoned(job))
    if job.awaits_link:
        return _asked(job, world, memory)
    if not world.online:
        return Step(Act.WAIT, math.inf)
    return Step(Act.DOWNLOAD, max(memory.fetch_at, _mono(job.not_before, world)))


def overdue(step: Step, memory: Memory, mono: float, after: float = OVERDUE) -> bool:
    """Whether a step is a poll that has been due for more than ``after`` seconds."""
    return step.act is Act.POLL and mono - max(step.at, memory.since) > after


def _queued(job: Job, world: World, memory: Memory) -> Step:
    awake = memory.aged + world.mono - memory.since
    age = max(world.wall - job.released_at, awake)
    ends = world.mono + word.WORD_HOLDS - age
    if problem := word.lapsed(job.released_at, world.wall, awake):
        return Step(Act.RECORD, world.mono, events.Held(problem))
    if job.released_by != world.session:
        if world.session_lives(job.released_by):
            return Step(Act.WAIT, ends)
        if age < FOREIGN_GRACE:
            return Step(Act.WAIT, world.mono + FOREIGN_GRACE - age)
        return _hold(world, "This job was left over when Blender ended.")
    if world.account is None:
        return Step(Act.WAIT, ends)
    if not world.owns(job):
        if age < ACCOUNT_GRACE:
            return Step(Act.WAIT, world.mono + ACCOUNT_GRACE - age)
        return Step(Act.RECORD, world.mono, events.Held(_account_problem(world)))
    if not world.online:
        return Step(Act.WAIT, ends)
    return Step(Act.SUBMIT, min(max(memory.next_at, _mono(job.not_before, world)), ends))


def _hold(world: World, why: str) -> Step:
    return Step(Act.RECORD, world.mono, events.Held(word.held_because(why)))


def _asked(job: Job, world: World, memory: Memory) -> Step:
    """The next poll of a job: it runs, or the link of its delivered clip is dead."""
    if world.account is None:
        return Step(Act.WAIT, math.inf)
    if not world.owns(job):
        # “There is no key” and “another key” are the same block, told by two Blenders with different keys. Each
        # worker would write down its own sentence over the other's, an event a second for ever.
        if job.blocked and job.problem in (_NO_KEY, _OTHER_KEY):
            return Step(Act.WAIT, math.inf)
        return Step(Act.RECORD, world.mono, events.Blocked(_account_problem(world)))
    if not world.online:
        return Step(Act.WAIT, math.inf)
    if not job.slow and not job.fetching and world.wall - job.submitted_at > SLOW_AFTER:
        return Step(Act.RECORD, world.mono, events.Slow())
    return Step(Act.POLL, memory.next_at)


_NO_KEY = Problem(
    ProblemCode.KEY,
    "There is no API key. The job is kept as it is.",
    "Enter the key in the preferences.",
)
_OTHER_KEY = Problem(
    ProblemCode.OTHER_KEY,
    "This job belongs to another API key or API address. It is kept as it is.",
    "Set that key again in the preferences, and it goes on.",
)


def _account_problem(world: World) -> Problem:
    return _OTHER_KEY if world.account else _NO_KEY


def _abandoned(job: Job) -> events.Event:
    """The event of a job in SUBMITTING whose worker is gone (docs/safety.md, rule 5)."""
    if job.sent:
        return events.AnswerLost(
            Problem(
                ProblemCode.ANSWER_LOST,
                "The program ended after this request had been sent and before the answer came. It may "
                "have been charged.",
                LOST_HINT,
            )
        )
    return events.NotSent(
        Problem(
            ProblemCode.NETWORK,
            "The program ended before this request was sent. Nothing was charged.",
        )
    )


def crashed() -> events.LocalFailed:
    """The event that ends a job which was active in three crashes of the worker."""
    return events.LocalFailed(
        Problem(
            ProblemCode.CRASHED,
            f"The background worker ended unexpectedly {MOST_CRASHES} times while it worked on this job, "
            "which is set aside so that the others go on.",
            "Retry is free; if it happens again, report it with the worker's log.",
        )
    )


_FORGOTTEN = Problem(
    ProblemCode.EXPIRED,
    "The service no longer has this clip, so its file cannot be downloaded again.",
    "Put the file back from a copy, or generate the clip anew, which is charged.",
)


def of_fetching(event: events.Event) -> events.Event:
    """What ``event``, the outcome of a call, means for a delivered job whose file is fetched again.

    No end of the fetching changes what the job is, and the user may ask again: so what only the service could mend
    ends it, where a job that runs would be asked for on and on.
    """
    match event:
        case events.Done(url, cost):
            return events.FetchLink(url, cost)
        case events.UrlGone():
            return events.FetchLink("")
        case events.Downloaded(clip, problem, sha256):
            return events.FetchedAgain(clip, problem, sha256)
        case events.Progress():
            return events.FetchTrouble()
        case events.DownloadBroken(problem, wait):
            return events.FetchTrouble(problem, wait)
        case events.Blocked(problem) if problem.code is not ProblemCode.SERVICE:
            return events.FetchTrouble(problem, blocked=True)
        case events.Blocked() | events.ServiceFailed(Problem(ProblemCode.EXPIRED)):
            return events.FetchEnded(_FORGOTTEN)
        case events.ServiceFailed(problem) | events.LocalFailed(problem):
            why = f"The clip's file could not be downloaded again. {problem.message}"
            hint = "Nothing was charged. Download Again tries once more, free."
            return events.FetchEnded(replace(problem, message=why, hint=hint))
        case _:
            return event


def _mono(wall: float, world: World) -> float:
    """A wall time on record as monotonic time, at most 5 minutes ahead: a clock set back must not hold a job up."""
    return world.mono + min(max(wall - world.wall, 0.0), world.pace.longest)


def backoff(pace: Pace, troubles: int, asked: float = 0.0) -> float:
    """Seconds to wait after that many calls in a row that failed; never less than the service ``asked`` for."""
    return max(asked, min(pace.poll * 2 ** min(troubles, 16), pace.longest))


def after_poll(
    job: Job, memory: Memory, pace: Pace, mono: float, trouble: bool, asked: float
) -> None:
    """Plan the next poll of a job; a fresh or a good one ends the backoff."""
    if trouble:
        memory.troubles += 1
        memory.next_at = mono + min(
            backoff(pace, memory.troubles, asked), max(asked, pace.poll * 12)
        )
        return
    memory.troubles = 0
    interval = pace.slow_poll if job.slow else pace.poll
    # The stagger spreads the polls of jobs that were sent together.
    stagger = 1.0 + 0.1 * (crc32(job.id.encode()) % 16) / 16
    memory.next_at = mono + max(interval * stagger, asked)


def after_dead_link(job: Job, memory: Memory, pace: Pace, mono: float) -> None:
    """Plan the poll that asks for a link anew, later each time: a clip may reach its host after its link was told.

    Three dead links in a row end a job: at the ordinary pace, after two minutes and a half.
    """
    if job.fetching and not job.urls_gone:
        return  # the link that is on record of an old clip is dead as a rule
    memory.next_at = mono + pause_for_link(pace, job.urls_gone)


def pause_for_link(pace: Pace, dead: int) -> float:
    """Seconds until a link that is dead is asked for, or tried, again; ``dead``: how often it was before."""
    return pace.slow_poll * 4**dead


def next_download(job: Job, pace: Pace, problem: Problem) -> float | None:
    """Seconds until a broken download is tried again; None: the user is asked first."""
    most = MOST_BROKEN if problem.code is ProblemCode.NETWORK else MOST_BROKEN_HERE
    if job.downloads_broken + 1 >= most:
        return None
    return backoff(pace, job.downloads_broken)

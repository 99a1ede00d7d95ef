"""Killed at every boundary: the worker is recorded through whole jobs, then killed at each point that it passed.

``crashing.py`` puts the points around all that outlives a process. A story is first told to its end; every point
that it passed becomes a case, so that none can be forgotten. After each kill another worker goes on: of the same
Blender, of a later one, or with the ledger gone and rebuilt from the copies of its jobs. Counted at the service.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import AnswerLost, Created, Sending, SubmitStarted, Submitted
from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import JobSpec, Kind, Picture, SourceVideo, account_of, new_id
from grok_video.ledger.inbox import put_command
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.schema import FILE_NAME
from grok_video.service.look_models import DEFAULT_LOOK_MODEL
from grok_video.service.pricing import estimate_of
from grok_video.worker.clip_file import probe as probe_of
from grok_video.worker.kept_answer import place_of
from tests.core import crashing
from tests.core.conftest import EACH_ONCE, png, wait_for
from tests.core.test_worker import FAST, Blender, bought
from tests.patience import PATIENCE
from tests.stand_in.client import StandIn

pytestmark = pytest.mark.long

LANES = 1 if EACH_ONCE else 4  # cases at a time: they mostly wait
WHOLE_JOB = PATIENCE
GUARD = threading.Lock()  # of what the lanes share
HURRIED = {**FAST, "poll_interval": 0.03}


# ---------------------------------------------------------------------------------- workers that end at a point


class Died(Exception):
    """The worker was killed, as it was to be."""


class Forked:
    """A worker, as ``subprocess.Popen`` would show it."""

    def __init__(self, nursery: Nursery, told: dict[str, Any], stderr: Path) -> None:
        mine, its = os.pipe()[::-1]
        with open(stderr, "ab") as file:
            self.pid = nursery.ask({"do": "start", **told}, [its, file.fileno()])
        os.close(its)
        self.stdin = open(mine, "wb")  # noqa: SIM115 - as long as the worker lives
        self._nursery = nursery
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._nursery.ask({"do": "poll", "pid": self.pid})
        return self._code

    def wait(self, seconds: float = WHOLE_JOB) -> int:
        wait_for(lambda: self.poll() is not None, "the worker to end", seconds)
        assert self._code is not None
        return self._code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, crashing.KILL)

    def communicate(self) -> None:
        self.stdin.close()
        self.wait()


class Nursery:
    """The process that forks workers."""

    def __init__(self) -> None:
        self._line, other = socket.socketpair()
        number = str(other.fileno())
        program = [sys.executable, "-I", crashing.__file__, number]
        self._process = subprocess.Popen(program, pass_fds=[other.fileno()])
        other.close()

    def ask(self, what: dict[str, Any], files: list[int] | None = None) -> Any:
        socket.send_fds(self._line, [json.dumps(what).encode()], files or [])
        answer = self._line.recv(1 << 10)
        assert answer, "the process that forks has ended"
        return json.loads(answer)

    def start(self, told: dict[str, Any], stderr: Path) -> Forked:
        return Forked(self, told, stderr)

    def close(self) -> None:
        self._line.close()
        self._process.wait(PATIENCE)


class WindowsNursery(Nursery):
    """Nobody can be forked on Windows: each worker is started, which takes half a second."""

    def __init__(self) -> None:
        pass

    def start(self, told: dict[str, Any], stderr: Path) -> Any:
        program = [sys.executable, "-I", crashing.__file__, json.dumps(told)]
        with open(stderr, "ab") as file:
            return subprocess.Popen(
                program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=file
            )

    def close(self) -> None:
        pass


class Victim(Blender):
    """A Blender whose worker may be killed at any moment."""

    def __init__(self, folder: Path, lane: Lane, story: Story) -> None:
        folder.mkdir()
        super().__init__(folder, lane.service)
        self.lane = lane
        self.story = story
        self.log = folder / "points.txt"
        self.clicked = False
        self.lost = False  # the clip's file was lost, once

    def start(self, at: tuple[str, int] = ("", 0), **_: Any) -> Victim:  # type: ignore[override]
        self.worker = new_id()
        told = {
            "data": str(self.data),
            "session": self.session,
            "worker": self.worker,
            "at": at,
            "log": str(self.log),
        }
        self.process = self.lane.nursery.start(told, self.folder / "stderr.txt")  # type: ignore[assignment]
        ready = self.data / "workers" / f"{self.worker}.ready"
        self.tell_account(pace=HURRIED)
        self.tell(type="online", online=True)
        self.watch(ready.exists, "the worker to be ready")
        return self

    def tell(self, **line: Any) -> None:
        try:
            super().tell(**line)
        except OSError:  # a broken pipe; on Windows it may be EINVAL
            raise Died from None

    def say(self, command: str, **fields: Any) -> str:
        command_id = put_command(self.data, command, **fields)
        self.clicked |= command == "submit"
        self.tell(type="wake")
        return command_id

    def watch(self, condition: Callable[[], Any], what: str) -> Any:
        """The first true value of ``condition``; Died when the worker is gone before."""
        assert self.process is not None

        def now() -> Any:
            gone = self.process and self.process.poll() is not None
            value = condition()  # it may have come true in the worker's last moment
            if not value and gone:
                raise Died
            return value

        return wait_for(now, what, WHOLE_JOB)

    def reach(self, job_id: str, what: State | Callable[[Job], Any]) -> Job:
        """The job once it is in a state, or once something is true of it."""

        def now() -> Job | None:
            job = self.job(job_id)
            fits = job and (job.state is what if isinstance(what, State) else what(job))
            return job if fits else None

        return self.watch(now, f"{what} of the job")

    def leave(self) -> None:
        """End of file on its stdin, and its end in order."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        if self.process.wait(WHOLE_JOB) != 0:
            raise Died

    def order(self, **changes: Any) -> JobSpec:
        """A job with its price, which sends a small still if it sends nothing else."""
        still = self.folder / "still.png"
        if not still.exists():
            still.write_bytes(png(212, 120))
        spec = self.spec(**changes)
        return replace(spec, estimate=estimate_of(spec))

    def look(self, *, rebuilt: bool = False) -> Look:
        """What is on record, read from a copy; ``rebuilt``: as after the loss of the ledger."""
        copy = self.folder / f"copy-{new_id()}"
        shutil.copytree(self.data, copy)
        if rebuilt:
            lose_ledger(copy)
        ledger = Ledger.open(copy)
        account = account_of(self.service.base, self.service.key)
        found = Look({job.id: job for job in ledger.jobs()}, ledger.spent(account, 0.0))
        ledger.close()
        return found


@dataclass
class Look:
    """What a ledger says."""

    jobs: dict[str, Job]
    spent: int  # ticks


def lose_ledger(data: Path) -> None:
    for name in (FILE_NAME, f"{FILE_NAME}-journal"):
        (data / name).unlink(missing_ok=True)


@dataclass
class Lane:
    """Where one case after the other is tried: a service and a process that forks workers."""

    service: StandIn
    nursery: Nursery
    folder: Path
    source: Path  # a clip to be sent along
    count: int = 0

    def victim(self, story: Story) -> Victim:
        """A new Blender, in a world in which nothing has happened yet."""
        self.service.reset()
        self.count += 1
        return Victim(self.folder / str(self.count), self, story)


# -------------------------------------------------------------------------------------------------- the stories


@dataclass
class Story:
    """What happens to one job. ``prepare`` comes before the worker; ``tell`` may be cut short by its death."""

    name: str
    prepare: Callable[[Victim], JobSpec]
    tell: Callable[[Victim, JobSpec], None]
    every_way: bool = False  # go on from where money is decided in each way, not in one
    also: tuple[
        str, ...
    ] = ()  # points, killed at for the last time though another story passes them too
    recorded: list[str] = field(default_factory=list)


def plain(victim: Victim) -> JobSpec:
    # One poll that says how far it is, so that this is written down as well.
    victim.service.fail(
        "poll", "answer", status=202, body={"status": "pending", "progress": 37}, times=1
    )
    return victim.order()


def buy(victim: Victim, spec: JobSpec) -> None:
    victim.say("submit", spec=spec)
    victim.reach(spec.id, State.READY)


def buy_and_import(victim: Victim, spec: JobSpec) -> None:
    buy(victim, spec)
    bring_in(victim, spec.id)


def bring_in(victim: Victim, job_id: str) -> None:
    victim.say("claim", job=job_id, session=victim.session)
    victim.reach(job_id, lambda job: job.claimed_by == victim.session)
    victim.say("imported", job=job_id, scene="Scene", blend="/x.blend")
    victim.reach(job_id, State.IMPORTED)


def upload(victim: Victim) -> JobSpec:
    """An extension whose source goes along with it."""
    clip = probe(victim.lane.source)
    video = SourceVideo(clip.path, clip.seconds, clip.size, clip.width, clip.height)
    return victim.order(kind=Kind.EXTEND, video=video, duration=2, image="", image_mime="")


def references(victim: Victim) -> JobSpec:
    pictures: list[Picture] = []
    for width in (64, 65):
        path = victim.folder / f"{width}.png"
        path.write_bytes(png(width, 64))
        pictures.append(Picture(str(path), "image/png", path.stat().st_size))
    return victim.order(references=tuple(pictures), image="", image_mime="")


def stalled(victim: Victim) -> JobSpec:
    victim.service.fail("job", "stall")
    return victim.order()


def stop_and_retry(victim: Victim, spec: JobSpec) -> None:
    victim.say("submit", spec=spec)
    victim.reach(spec.id, lambda job: job.progress)
    victim.say("stop", job=spec.id)
    victim.reach(spec.id, State.CANCELLED)
    victim.say("retry", job=spec.id)
    victim.service.finish()
    victim.reach(spec.id, State.READY)


def told_later(victim: Victim) -> JobSpec:
    body = {"code": "resource-exhausted", "error": "Too many requests for team x: 2/2"}
    victim.service.fail("submit", "answer", status=429, body=body)
    return victim.order()


def dead_link(victim: Victim) -> JobSpec:
    victim.service.fail("download", "answer", status=404)
    return victim.order()


def broken_download(victim: Victim) -> JobSpec:
    victim.service.fail("download", "truncate")
    return victim.order()


def answer_lost(victim: Victim) -> JobSpec:
    victim.service.fail("submit", "answer-lost")
    return victim.order()


def recover(victim: Victim, spec: JobSpec) -> None:
    victim.say("submit", spec=spec)
    victim.reach(spec.id, State.UNKNOWN)
    victim.say("request_id", job=spec.id, value=victim.service.jobs()[0]["id"])
    victim.reach(spec.id, State.READY)


def fetch_again(victim: Victim, spec: JobSpec) -> None:
    """The clip is imported, then its file is lost and its link is dead."""
    buy_and_import(victim, spec)
    lose_file(victim, spec)
    victim.say("fetch_again", job=spec.id)
    victim.reach(spec.id, is_back)


def lose_file(victim: Victim, spec: JobSpec) -> None:
    Path(spec.output).unlink(missing_ok=True)
    victim.lost = True
    victim.service.expire()


#: Passed for the clip and once more for its file.
ITS_FILE = ("chunk of the clip", "probe", "clip's folder", "end of a download")
SECOND_FILE = (*ITS_FILE, "replace .mp4", "end of a poll")


def is_back(job: Job) -> bool:
    return not job.fetching and job.clip is not None and Path(job.clip.path).exists()


def left_over(victim: Victim) -> JobSpec:
    """A click of eleven minutes ago, by a Blender that ended."""
    spec = victim.order(session="an-earlier-one")
    ledger = Ledger.open(victim.data)
    ledger.append(spec.id, 0, Created(spec), at=time.time() - 660)
    ledger.close()
    return spec


def hold_and_release(victim: Victim, spec: JobSpec) -> None:
    victim.reach(spec.id, lambda job: job.held)
    victim.say("release", job=spec.id, session=victim.session)
    victim.reach(spec.id, State.READY)


def ledger_gone(victim: Victim) -> JobSpec:
    """One that runs, one whose answer was lost, and one that was never sent; the ledger is noise."""
    spec, lost, queued = victim.order(), victim.order(), victim.order()
    problem = Problem(ProblemCode.ANSWER_LOST, "Lost.")
    started = SubmitStarted(spec.estimate or 0)
    ledger = Ledger.open(victim.data)
    for one, events in (
        (spec, [started, Sending(), Submitted(bought(victim.service, spec))]),
        (lost, [started, Sending(), AnswerLost(problem)]),
        (queued, []),
    ):
        for event in (Created(one), *events):
            ledger.append(one.id, None, event)
    ledger.close()
    (victim.data / FILE_NAME).write_bytes(b"SQLite format 3\\x00" + b"noise " * 4000)
    return spec


def look(victim: Victim) -> JobSpec:
    """A look that the service makes while its id is known."""
    return victim.order(
        kind=Kind.LOOK,
        model=DEFAULT_LOOK_MODEL,
        duration=0,
        resolution="1k",
        quality="medium",
        aspect_ratio="AUTO",
        output=str(victim.project / "look.jpg"),
    )


def look_at_once(victim: Victim) -> JobSpec:
    """A look of a service that knows the older form alone: its link is in the answer, and no id."""
    victim.service.settings(defers=False)
    return look(victim)


def look_in_the_answer(victim: Victim) -> JobSpec:
    """A look of which all comes in the answer."""
    body = {"data": [{"b64_json": base64.b64encode(png(64, 48)).decode()}]}
    victim.service.fail("submit", "answer-replaced", status=200, body=body)
    return look(victim)


def go_on(victim: Victim, spec: JobSpec) -> None:
    victim.reach(spec.id, State.READY)


STORIES = [
    Story("generate", plain, buy_and_import, every_way=True),
    Story("extend", upload, buy),
    Story("references", references, buy),
    Story("stop", stalled, stop_and_retry),
    Story("later", told_later, buy, every_way=True),
    Story("dead link", dead_link, buy),
    Story("broken download", broken_download, buy),
    Story("recover", answer_lost, recover, every_way=True),
    Story("fetch again", plain, fetch_again, also=SECOND_FILE),
    Story("release", left_over, hold_and_release),
    Story("rebuild", ledger_gone, go_on),
    Story("look", look, buy_and_import, every_way=True, also=(*ITS_FILE, "sidecar", "replace")),
    Story(
        "look at once", look_at_once, buy, every_way=True, also=("end of a download", "download")
    ),
    Story("look in the answer", look_in_the_answer, buy, every_way=True, also=ITS_FILE),
]
#: What makes each state certain, and the stories that come by all of them.
STATES = {
    f"commit {event}: after"
    for event in (
        "commands+created", "submit_started", "sending", "submitted", "done", "downloaded", "commands+import_claimed",
        "commands+imported", "commands+stop_requested", "not_sent", "answer_lost",
    )
}  # fmt: skip
if EACH_ONCE:
    STORIES = [story for story in STORIES if story.name in ("generate", "stop", "later", "recover")]


# ------------------------------------------------------------------------------------------------ what is tried

#: Points where money is decided: killed there in every story, and gone on from in every way.
MONEY = (
    "POST", "part of the body", "last byte", "end of a submit", "commit submit_started",
    "commit sending", "commit submitted", "commit not_sent", "commit answer_lost", "journal submit_started",
    "journal sending", "journal submitted", "journal not_sent", "journal answer_lost", "commit bought",
    "journal bought", "keeping the answer",
)  # fmt: skip
#: Where *sending* stands in the journal and not in the ledger: UNKNOWN, not sent anew (docs/safety.md, rule 5).
SENDING_IS_WRITTEN = ("journal sending: after", "commit sending: before")
#: Must be among those that are passed: a mark that is lost would prove nothing.
NEEDED = (
    *(f"{what}: {side}" for side in ("before", "after") for what in (
        "commit commands+created", "commit submit_started", "commit sending", "commit submitted",
        "commit progress", "commit done", "commit downloaded", "commit commands+import_claimed",
        "commit commands+imported", "commit commands+stop_requested", "commit commands+retried",
        "commit not_sent", "commit url_gone", "commit download_broken", "commit answer_lost",
        "commit commands+fetch_again", "commit fetch_link", "commit fetched_again", "unlink fetch_again",
        "commit commands+submitted", "commit commands+released", "commit held", "commit slots",
        "commit leases", "commit workers", "unlink submit", "unlink claim", "unlink imported", "unlink stop",
        "unlink retry", "unlink release", "unlink request_id", "touch .ready", "unlink .ready", "POST", "poll",
        "download", "part of the body", "last byte", "chunk of the clip", "probe", "sidecar", "replace .json",
        "replace .mp4", "leaving", "closing", "rebuilding", "renewing a journal", "registering",
        "end of a submit", "end of a poll", "end of a download", "clip's folder", "look for the clip", "account",
        "log of a POST", "log of an answer", "apply submit", "apply claim", "unlock a worker", "commit bought",
        "keeping the answer",
    )),
    *(f"journal {kind}: {side}" for side in ("before", "inside", "after") for kind in (
        "created", "submit_started", "sending", "submitted", "progress", "done", "downloaded", "not_sent",
        "fetch_again", "fetch_link", "fetched_again", "answer_lost", "bought", "import_claimed", "imported", "stop_requested", "retried", "held", "released",
    )),
    "POST: the answer begins", "poll: the answer begins", "download: the answer begins", "connection: after",
    "lock of a worker: after", "lock of the opening: after",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One kill, and what comes after it."""

    story: str
    at: tuple[str, int]
    after: str  # 'same' 'later' 'rebuilt'

    def __str__(self) -> str:
        return f"{self.story}, killed at {self.at[0]!r} ({self.at[1]}), then {self.after}"


def cases_of(stories: list[Story]) -> list[Case]:
    """A case for every point that was passed, its first and its last time, and for no point twice."""
    cases: list[Case] = []
    known: set[str] = set()
    for story in stories:
        counts = Counter(story.recorded)
        for name, count in counts.items():
            money = name.startswith(MONEY)
            also = name.startswith(story.also)
            if name in known and not money and not also:
                continue
            ways = ("same", "later", "rebuilt") if money and story.every_way else ("same",)
            # How often others come (a poll, a look at the inbox) is a matter of time.
            both = money or name.startswith(("chunk of", "replace"))
            times = {1, count} if both else {count} if also else {1}
            if EACH_ONCE:
                times, ways = {1}, ("same",) if name in STATES - known else ()
            cases += [Case(story.name, (name, n), way) for n in sorted(times) for way in ways]
        known |= set(counts)
    return cases


def record(lane: Lane, story: Story) -> list[str]:
    """Tell a story to its end; the points that it passes."""
    victim = lane.victim(story)
    try:
        spec = story.prepare(victim)
        victim.start()
        story.tell(victim, spec)
        victim.leave()
        return victim.log.read_text("utf-8").splitlines()
    finally:
        victim.close()


def kill(lane: Lane, story: Story, case: Case) -> tuple[Victim, JobSpec]:
    """Tell a story until the worker is killed at the case's point."""
    for _ in range(3):  # what depends on time may not come every time
        victim = lane.victim(story)
        spec = story.prepare(victim)
        try:
            victim.start(at=case.at)
            story.tell(victim, spec)
            victim.leave()
        except Died:
            assert victim.process is not None
            killed = crashing.KILL if sys.platform == "win32" else -crashing.KILL
            assert victim.process.wait() == killed
            assert victim.log.read_text("utf-8").splitlines()[-1] == case.at[0]
            return victim, spec
        except BaseException:
            victim.close()
            raise
        victim.close()
    pytest.fail("the point was not reached again")


def may_have_started(service: StandIn) -> int:
    """POSTs that came whole and were not told *later*."""
    whole = [request for request in service.requests("submit") if request["complete"]]
    return sum(request["status"] not in (425, 429) for request in whole)


def at_once(job: Job) -> bool:
    """Whether the answer to its POST was all that there is to know."""
    return bool(job.url) and not job.request_id


def check_rebuilt(before: Look, again: Look, bought: bool) -> None:
    """What the ledger knew of money is known without it. The copies may be a step ahead of it."""
    for job in before.jobs.values():
        copy = again.jobs[job.id]
        assert job.request_id in ("", copy.request_id)
        if job.sent and (bought or copy.sent):  # else: told *later*
            assert copy.sent
            assert copy.spent >= job.spent
        assert copy.state is not State.QUEUED or copy.held, "nothing is sent without a word"


def go_on_after(victim: Victim, spec: JobSpec, *, may_hold: bool) -> Job:
    """Start a worker, say what a user would say, and see the job to its end."""
    posts = may_have_started(victim.service)
    victim.start()
    tells = (buy, buy_and_import, stop_and_retry, recover, fetch_again)
    if victim.story.tell in tells and not victim.clicked:
        victim.say("submit", spec=spec)  # it was killed before anybody clicked
    said: set[tuple[str, int]] = set()

    def ended() -> Job | None:
        came = may_have_started(
            victim.service
        )  # before the job is read: a release may lie in the inbox already
        job = victim.job(spec.id)
        if job is None:
            return None

        def once(command: str, **fields: Any) -> None:
            if (command, job.seq) not in said:
                said.add((command, job.seq))
                victim.say(command, job=spec.id, **fields)

        if job.held:
            assert may_hold, "the same Blender started its worker again: nobody has to be asked"
            if ("release", job.seq) not in said:
                assert came == posts, "bought before the user's word"
            once("release", session=victim.session)
        elif job.state is State.UNKNOWN:
            if place_of(victim.data, spec.id).exists():
                return None  # the worker is about to find it
            jobs = victim.service.jobs()
            if victim.story.name != "recover" or not jobs:
                return job
            once("request_id", value=jobs[0]["id"])
        elif job.state is State.CANCELLED:
            once("retry")
        elif job.state is State.RUNNING and victim.story.name == "stop":
            victim.service.finish()
        elif job.state is State.READY:
            if job.claimed_by == victim.session:
                once("imported", scene="Scene", blend="")
            else:
                once("claim", session=victim.session)
        elif job.state is State.IMPORTED and victim.story.tell is fetch_again:
            if not victim.lost:
                lose_file(victim, spec)
            if not is_back(job):
                once("fetch_again")
                return None
        return job if job.state in (State.IMPORTED, State.FAILED) else None

    return victim.watch(ended, "the end of the job")


def try_case(lane: Lane, story: Story, case: Case) -> None:
    """Kill, go on, and look at everything that may have been lost or bought twice."""
    victim, spec = kill(lane, story, case)
    try:
        before = victim.look()
        again = victim.look(rebuilt=True)
        check_rebuilt(before, again, bool(victim.service.jobs()))
        if case.after == "later":
            victim.session = new_id()
        if case.after == "rebuilt":
            victim.reader.close()  # Windows removes no file that is open
            lose_ledger(victim.data)
        known = (again if case.after == "rebuilt" else before).jobs.get(spec.id)
        lost = known is not None and known.sent and not (known.request_id or known.url)
        lost &= not place_of(victim.data, spec.id).exists()  # an answer that was kept is found
        held_before = story.name == "release"
        job = go_on_after(victim, spec, may_hold=case.after != "same" or held_before)
        # Its line is written and its commit is not: nobody can tell this from a ledger that is older than its journals.
        assert lost or case.at[0] not in SENDING_IS_WRITTEN
        if lost and story.name != "recover":
            assert job.state is State.UNKNOWN
            assert job.spent == spec.estimate
        elif job.state is State.UNKNOWN:
            assert lost
        else:
            assert job.state is State.IMPORTED
            assert job.clip is not None
            files = sorted(victim.project.iterdir(), key=lambda path: path.suffix == ".json")
            assert [path.suffix for path in files] == [Path(job.clip.path).suffix, ".json"]
            assert probe_of(files[0], spec.kind) == job.clip
        wait_for(lambda: not os.listdir(victim.data / "inbox"), "every command to be removed")
        victim.leave()
        after = victim.look()
        for one in before.jobs.values():
            assert after.jobs[one.id].request_id == one.request_id or not one.request_id
        bills = victim.service.jobs()
        assert len(bills) <= 1
        assert may_have_started(victim.service) <= 1
        assert after.spent >= sum(bill["ticks"] for bill in bills)
        ids = {one.request_id for one in after.jobs.values()}
        assert (
            {bill["id"] for bill in bills} <= ids or lost or any(map(at_once, after.jobs.values()))
        )
        check_rebuilt(after, victim.look(rebuilt=True), True)
    except BaseException:
        print((victim.data / "worker.log").read_text("utf-8"), victim.job(spec.id), sep="\n")
        raise
    finally:
        victim.close()
    shutil.rmtree(victim.folder)


# ----------------------------------------------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lane]]:
    made: list[Lane] = []
    try:
        for number in range(LANES):
            folder = tmp_path_factory.mktemp(f"lane-{number}")
            service = StandIn.start(job_seconds=0, per_second=0, per_minute=0, still=True)
            nursery = WindowsNursery() if sys.platform == "win32" else Nursery()
            made.append(Lane(service, nursery, folder, folder / "source.mp4"))
        with ThreadPoolExecutor(LANES) as pool:
            list(pool.map(warm_up, made))
        yield made
    finally:
        for lane in made:
            lane.nursery.close()
            lane.service.stop()


def warm_up(lane: Lane) -> None:
    """Make the clip that is sent along, and every clip of a story once, so that no case waits for it."""
    story = Story("source", lambda victim: victim.order(duration=2), buy)
    victim = lane.victim(story)
    try:
        spec = story.prepare(victim)
        victim.start()
        story.tell(victim, spec)
        shutil.copy(spec.output, lane.source)
    finally:
        victim.close()
    for told in STORIES:
        recorded = record(lane, told)
        with GUARD:
            told.recorded[:] = recorded


@pytest.fixture(scope="module")
def cases(lanes: list[Lane]) -> list[Case]:
    return cases_of(STORIES)


def test_every_boundary_is_passed(cases: list[Case], record_property: Any) -> None:
    passed = {name for story in STORIES for name in story.recorded}
    if EACH_ONCE:
        assert {case.at[0] for case in cases} == STATES
        return
    assert sorted(set(NEEDED) - passed) == []
    points = {(case.story, case.at) for case in cases}
    print(f"{len(passed)} names, {len(points)} points, {len(cases)} kills")
    record_property("points", len(points))
    record_property("kills", len(cases))
    assert {case.at[0] for case in cases} == passed


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_killed_there_it_neither_buys_twice_nor_loses(
    story: Story, lanes: list[Lane], cases: list[Case]
) -> None:
    todo = [case for case in cases if case.story == story.name]
    assert todo
    waiting = iter(todo)
    failed: list[str] = []

    def work(lane: Lane) -> None:
        while True:
            with GUARD:
                case = next(waiting, None)
            if case is None:
                return
            try:
                try_case(lane, story, case)
            except BaseException as error:
                with GUARD:
                    failed.append(f"{case}: {type(error).__name__}: {error}".splitlines()[0])

    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(work, lanes))
    if failed:
        pytest.fail("\n".join([f"{len(failed)} of {len(todo)}:", *failed]))

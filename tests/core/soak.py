"""Several Blenders on one data folder, a service that fails, and a random hand that kills, stops and clicks.

    python -m tests.core.soak --minutes 5 --seed 1

What is done is decided by the seed alone; what comes of it also by the machine, whose timing is never the same
twice. At the end everything is brought to rest and counted: what the service has billed against what is on record.
Exit code 1 when something was lost, bought twice or billed beyond the record, or did not come to rest.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grok_video.core.job import FINAL_STATES, Job, State
from grok_video.core.mp4 import NotAClip
from grok_video.core.problem import ProblemCode
from grok_video.core.spec import JobSpec, Kind, new_id
from grok_video.ledger.inbox import holds_commands
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.schema import FILE_NAME
from grok_video.service.pricing import estimate_of
from grok_video.service.request import LOOKS_PATH
from grok_video.worker.clip_file import probe
from tests.core.conftest import png
from tests.core.soak_plan import BLENDERS, FAULTS, KILLS, Action, plan
from tests.core.test_look_jobs import look
from tests.core.test_worker import Blender
from tests.stand_in.client import StandIn

MOST_OPEN = 25  # jobs at work; beyond that nothing is clicked
REST = 180.0  # seconds at most until nothing moves any more
LATER = (425, 429)  # the service said that it started nothing: the one POST is free again


class Person(Blender):
    """A Blender whose worker may be dead, frozen or not ready whenever something is said to it."""

    frozen = 0  # until that action

    def begin(self) -> None:
        self.spawn()
        self.tell_account()
        self.tell(type="online", online=True)

    def tell(self, **line: Any) -> None:
        with contextlib.suppress(OSError, ValueError):  # it ended, or its input was closed
            super().tell(**line)

    @property
    def dead(self) -> bool:
        return self.process is None or self.process.poll() is not None


@dataclass
class Tally:
    """What came of it. Everything below ``billed`` has to be empty or zero."""

    actions: int = 0
    jobs: int = 0
    posts: int = 0  # complete ones
    looks: int = 0  # of them
    begun: int = 0  # POSTs, all
    clips: int = 0
    unknown: int = 0  # on record as such, each with its sentence
    kills: Counter[str] = field(default_factory=Counter[str])
    faults: int = 0
    damages: int = 0
    recorded: int = 0  # ticks
    billed: int = 0  # ticks
    losses: list[str] = field(default_factory=list[str])
    duplicates: list[str] = field(default_factory=list[str])
    unpaid: list[str] = field(default_factory=list[str])  # billed beyond what is on record
    restless: list[str] = field(default_factory=list[str])

    @property
    def good(self) -> bool:
        return not (self.losses or self.duplicates or self.unpaid or self.restless)

    def __str__(self) -> str:
        kills = ", ".join(f"{count} {what}" for what, count in sorted(self.kills.items()))
        rows = [
            ("actions", self.actions, ""),
            ("jobs", self.jobs, f"{self.unknown} of them unknown to the end, and said so"),
            ("POSTs, complete", self.posts, f"of {self.begun} begun; {self.looks} of looks"),
            ("clips", self.clips, "whole, each in its place"),
            ("kills", self.kills.total(), kills),
            ("faults", self.faults, "of the service and the network"),
            ("damages", self.damages, "of the ledger's file"),
            ("on record, $", f"{self.recorded / 10**10:.2f}", ""),
            ("billed, $", f"{self.billed / 10**10:.2f}", ""),
            ("losses", len(self.losses), ""),
            ("duplicates", len(self.duplicates), ""),
            ("billed beyond record", len(self.unpaid), ""),
            ("did not come to rest", len(self.restless), ""),
        ]
        lines = [f"{name:22}{value:>8}  {more}".rstrip() for name, value, more in rows]
        return "\n".join([*lines, *self.losses, *self.duplicates, *self.unpaid, *self.restless])


class Soak:
    """One data folder, its Blenders and its service."""

    def __init__(self, folder: Path, service: StandIn) -> None:
        self.folder = folder
        self.service = service
        self.people = [Person(folder, service) for _ in range(BLENDERS)]
        self.tally = Tally()
        self.specs: dict[str, JobSpec] = {}
        self.old: list[subprocess.Popen[bytes]] = []  # workers that were told to end
        self.ids: dict[str, str] = {}  # as they were once on record
        self.had_clip: set[str] = set()
        self.asked_again: set[str] = (
            set()
        )  # at the end: what the service says of a job once more, it means

    # -- one action

    def do(self, action: Action) -> None:
        """Carry an action out, as far as it makes sense now."""
        self.tally.actions += 1
        for person in self.people:
            if person.frozen and person.frozen <= self.tally.actions:
                self.thaw(person)
            if person.dead:
                self.revive(person)
        person = self.people[action.blender]
        match action.what:
            case "submit":
                if sum(job.open for job in self.look().values()) < MOST_OPEN:
                    self.submit(person, action)
            case "submit again":
                if spec := self.pick(action, list(self.specs.values())):
                    person.say("submit", spec=spec)
            case "fault":
                at, what, how = FAULTS[int(action.which * len(FAULTS))]
                self.service.fail(at, what, after=int(action.how * 3), **how)
                self.tally.faults += 1
            case "offline" | "online":
                person.tell(type="online", online=action.what == "online")
            case "check":
                person.say("check", account=None)
            case "expire":
                self.service.expire()
            case "damage":
                self.damage(action)
            case what if what in KILLS:
                self.tally.kills[what] += 1
                self.hurt(person, what, action)
            case what:
                self.click(person, what, action)
        threading.Event().wait(action.pause)

    def submit(self, person: Person, action: Action) -> None:
        made = new_id()
        pictured = action.which < 0.6
        a_look = action.which < 0.3
        about: dict[str, Any] = {
            "id": made,
            "prompt": f"soak {made}",
            "image": str(self.still(action.how)) if pictured else "",
            "image_mime": "image/png" if pictured else "",
        }
        if a_look:
            # Every fourth service makes looks at once, as it did before it knew of another form.
            self.service.settings(defers=action.how < 0.75)
            spec = look(person, **about)
        else:
            output = str(person.project / f"clip_{made[:8]}.mp4")
            spec = person.spec(duration=1 + int(action.how * 2), output=output, **about)
            spec = replace(spec, estimate=estimate_of(spec))
        self.specs[made] = spec
        person.say("submit", spec=spec)

    def still(self, how: float) -> Path:
        """A small picture, and sometimes one that does not fit into the buffers of a connection."""
        side = 1200 if how > 0.9 else 64
        path = self.folder / f"{side}.png"
        if not path.exists():
            path.write_bytes(png(side, side))
        return path

    def click(self, person: Person, what: str, action: Action) -> None:
        jobs = self.look()
        if (job := self.pick(action, list(jobs.values()))) is None:
            return
        if what == "import":
            person.say("claim", job=job.id, session=person.session)
            if action.how < 0.7:
                person.say("imported", job=job.id, scene="Scene", blend="")
        elif what == "release":
            held = self.pick(action, [job for job in jobs.values() if job.held])
            if held:
                person.say("release", job=held.id, session=person.session)
        else:
            person.say(what, job=job.id)

    def pick(self, action: Action, among: list[Any]) -> Any:
        """The one that is meant, of the newest; None when there is none."""
        newest = among[-20:]
        return newest[int(action.which * len(newest))] if newest else None

    # -- the processes

    def hurt(self, person: Person, what: str, action: Action) -> None:
        assert person.process is not None
        assert person.process.stdin is not None
        if what == "freeze":
            person.process.send_signal(19)  # SIGSTOP
            person.frozen = self.tally.actions + 1 + int(action.how * 15)
            return
        self.thaw(person)
        match what:
            case "kill":
                person.process.kill()
                person.process.wait()
                return
            case "terminate":
                person.process.terminate()
            case _:
                with contextlib.suppress(OSError):
                    person.process.stdin.close()
        if what == "quit":
            person.session = new_id()
        self.revive(person)

    def thaw(self, person: Person) -> None:
        person.frozen = 0
        if not person.dead:
            assert person.process is not None
            person.process.send_signal(18)  # SIGCONT

    def revive(self, person: Person) -> None:
        """Another worker for it; the one before may still wait for an answer."""
        if person.process is not None:
            self.old.append(person.process)
        person.begin()

    def damage(self, action: Action) -> None:
        """Spoil the ledger's file while nobody writes: the workers were killed."""
        for person in self.people:
            self.thaw(person)
            if not person.dead:
                assert person.process is not None
                person.process.kill()
                person.process.wait()
        self.reap()
        path = self.people[0].data / FILE_NAME
        size = path.stat().st_size if path.exists() else 0
        if not size:
            return
        self.tally.damages += 1
        if action.how < 0.3:
            os.truncate(path, int(size * action.which))
        elif action.how < 0.4:
            path.unlink()
        else:
            with open(path, "r+b") as file:
                file.seek(int(size * action.which))
                file.write(random.Random(action.which).randbytes(5000))

    def reap(self) -> None:
        """Wait for the workers that were told to end."""
        for process in self.old:
            try:
                process.wait(200)
            except subprocess.TimeoutExpired:
                self.tally.restless.append(f"the worker {process.pid} does not end")
                process.kill()
                process.wait()
            for pipe in (process.stdin,):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self.old.clear()

    # -- what is on record

    def look(self) -> dict[str, Job]:
        """The jobs as a Blender sees them now; what was once on record is remembered."""
        reader = self.people[0].reader
        reader.refresh(1.0)
        for job in reader.jobs.values():
            if job.request_id:
                self.ids[job.id] = job.request_id
            if job.clip is not None:
                self.had_clip.add(job.id)
        return dict(reader.jobs)

    # -- the end

    def rest(self) -> None:
        """Nothing fails any more, and whatever a person could still do is done, all of it for free."""
        self.service.mend()
        for person in self.people:
            self.thaw(person)
            person.tell(type="online", online=True)
        said: set[tuple[str, int]] = set()
        deadline = time.monotonic() + REST
        quiet = 0
        while quiet < 10:
            if time.monotonic() > deadline:
                self.tally.restless += [
                    f"{job.id} is {job.state}, held {job.held}, blocked {job.blocked}: {job.problem}"
                    for job in self.look().values()
                    if job.open or job.held
                ] or ["the inbox is never empty"]
                return
            for person in self.people:
                if person.dead:
                    self.revive(person)
            self.service.finish()
            # A look that was made at once has no id that could be asked for.
            bought = {
                job["prompt"]: job["id"] for job in self.service.jobs() if job.get("deferred", True)
            }
            moving = holds_commands(self.people[0].data)
            for job in self.look().values():
                moving |= job.open
                if (job.id, job.seq) in said:
                    continue
                if self.help(job, bought):
                    said.add((job.id, job.seq))
                    moving = True
            quiet = 0 if moving else quiet + 1
            threading.Event().wait(0.1)

    def help(self, job: Job, bought: dict[str, str]) -> bool:
        """Do the next free thing for a job; False when there is none."""
        person = self.people[0]
        if job.blocked and is_forgotten(job):
            person.say("stop", job=job.id)
        elif job.held:
            person.say("release", job=job.id, session=person.session)
        elif job.retryable and not (ended_by_service(job) and job.id in self.asked_again):
            self.asked_again.add(job.id)
            person.say("retry", job=job.id)
        elif job.recoverable and bought.get(job.spec.prompt):
            person.say("request_id", job=job.id, value=bought[job.spec.prompt])
        elif job.state is State.READY and not job.claimed_by:
            person.say("claim", job=job.id, session=person.session)
        elif job.state is State.READY:
            person.say("imported", job=job.id, scene="Scene", blend="")
        else:
            return False
        return True

    def count(self) -> Tally:
        """Hold what is on record against what the service has seen."""
        for person in self.people:
            assert person.process is not None
            assert person.process.stdin is not None
            self.old.append(person.process)
            with contextlib.suppress(OSError):
                person.process.stdin.close()
        self.reap()
        ledger = Ledger.open(self.people[0].data)
        jobs = {job.id: job for job in ledger.jobs()}
        ledger.close()
        tally = self.tally
        tally.jobs = len(jobs)
        tally.unknown = sum(job.state is State.UNKNOWN for job in jobs.values())
        self._count_posts()
        bills = {job["prompt"].removeprefix("soak "): job for job in self.service.jobs()}
        tally.billed = sum(bill["ticks"] for bill in self.service.jobs())
        tally.recorded = sum(job.spent for job in jobs.values())
        for job_id in self.specs.keys() | bills.keys():
            job = jobs.get(job_id)
            bill = bills.get(job_id)
            if job is None:
                tally.losses.append(f"{job_id} was ordered and is not on record, billed: {bill}")
                continue
            if bill and job.spent < bill["ticks"]:
                tally.unpaid.append(f"{job_id}: {job.spent} of {bill['ticks']} ticks, {job.state}")
            if why := self._lost(job, bill):
                tally.losses.append(f"{job_id} is {job.state}, {why}: {job.problem}")
        return tally

    def _count_posts(self) -> None:
        posts: Counter[str] = Counter()
        for request in self.service.requests("submit"):
            self.tally.begun += 1
            if not request["complete"]:
                continue
            self.tally.posts += 1
            self.tally.looks += request["path"] == LOOKS_PATH
            if request["status"] not in LATER:
                posts[request["body"]["prompt"]] += 1
        bought = Counter(job["prompt"] for job in self.service.jobs())
        for prompt, count in (posts | bought).items():
            if count > 1:
                self.tally.duplicates.append(f"{prompt}: {count} complete POSTs")

    def _lost(self, job: Job, bill: dict[str, Any] | None) -> str:
        """Why a job is lost; '' when it is not."""
        if self.ids.get(job.id, job.request_id) != job.request_id:
            return f"its id {self.ids[job.id]} is gone"
        if job.state in (State.READY, State.IMPORTED):
            self.tally.clips += 1
            if job.clip is None:
                return "without a clip"
            frames = 1 if job.spec.kind is Kind.LOOK else 24 * job.spec.duration + 1
            try:
                whole = probe(Path(job.clip.path), job.spec.kind).frames == frames
            except (NotAClip, OSError) as error:
                return f"its clip is not there ({error})"
            return "" if whole else "its clip is not whole"
        if job.id in self.had_clip:
            return "but had its clip"
        if job.open or job.state not in FINAL_STATES:
            return "not at its end"
        if job.problem is None and job.state is not State.CANCELLED:  # the stop itself is the word
            return "without a word why"
        # What the service itself ended is no loss; what we gave up or never heard of is one.
        given_up = job.retryable and not ended_by_service(job)
        # A look that was made at once has no id: its bill is known, or its answer was lost and that is said.
        unheard = job.lacks_id and bill is not None and not bill.get("deferred", True)
        known = job.request_id or job.cost is not None or unheard
        if bill and job.state is not State.UNKNOWN and (given_up or not known):
            return f"but was billed as {bill['id']}"
        return ""

    def close(self) -> None:
        for person in self.people:
            self.thaw(person)
            person.close()
        for process in self.old:
            process.kill()
            process.wait()


def ended_by_service(job: Job) -> bool:
    """Whether a job failed by the service's own word. It may be asked again for free, and says it again."""
    code = job.problem.code if job.problem is not None else None
    failed = job.state is State.FAILED and code in (ProblemCode.SERVICE, ProblemCode.EXPIRED)
    return failed or (job.state is State.CANCELLED and is_forgotten(job))


def is_forgotten(job: Job) -> bool:
    """Whether the service does not know the job any more: of looks it says so when they have expired."""
    return job.problem is not None and job.problem.http_status == 404


def soak(folder: Path, service: StandIn, seed: int, actions: int, seconds: float = 1e9) -> Tally:
    """Do so many actions of a seed's plan, or what can be done in so many seconds, and count."""
    run = Soak(folder, service)
    until = time.monotonic() + seconds
    try:
        for action in itertools.islice(plan(seed), actions):
            if time.monotonic() > until:
                break
            run.do(action)
        run.rest()
        return run.count()
    finally:
        run.close()


def start_service() -> StandIn:
    """The stand-in as the soak wants it: quick, and without a limit of its own."""
    return StandIn.start(job_seconds=0.4, per_second=0, per_minute=0, still=True)


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="grok-video-soak-"))
    with start_service() as service:
        tally = soak(folder, service, args.seed, sys.maxsize, args.minutes * 60)
    print(f"Soak of {args.minutes:g} minutes, seed {args.seed}")
    print(tally)
    if tally.good:
        shutil.rmtree(folder)
    else:
        print(f"Its data is kept in {folder}.")
    return 0 if tally.good else 1


if __name__ == "__main__":
    raise SystemExit(main())

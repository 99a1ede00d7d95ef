"""The list of jobs as Blender shows it: in the order in which jobs were made, kept up job by job.

Owns the order and the parts *active*, *done*, *open* and *looks* of one ledger's jobs. A change costs the same in a list of ten
and of 50,000: nothing here copies or walks the list. It must not know SQLite.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast, overload

from ..core.expected import Expected
from ..core.job import OPEN_STATES, Job, State
from ..core.paths import spelling
from ..core.spec import Kind

_Key = tuple[int, str]  # row of the job's first event, and its id


def may_come(job: Job) -> bool:
    """Whether the clip of a job has come, or may still come without another purchase."""
    return job.clip is not None or job.open or job.held


class Rows(Sequence[Job]):
    """Some of the jobs of a list, newest first: what the list holds now, not a copy."""

    def __init__(self, jobs: Mapping[str, Job]) -> None:
        self._jobs = jobs
        self._keys: list[_Key] = []  # oldest first: jobs are made at the end

    def keep(self, key: _Key, wanted: bool) -> None:
        """Let a job be one of these rows, or none of them."""
        at = bisect_left(self._keys, key)
        there = at < len(self._keys) and self._keys[at] == key
        if wanted and not there:
            self._keys.insert(at, key)
        elif there and not wanted:
            del self._keys[at]

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Job, ...]: ...
    def __getitem__(self, index: int | slice) -> Job | tuple[Job, ...]:
        if isinstance(index, slice):
            wanted = range(len(self._keys) - 1, -1, -1)[index]
            return tuple(self._jobs[self._keys[at][1]] for at in wanted)
        return self._jobs[self._keys[-1 - index][1]]

    def __iter__(self) -> Iterator[Job]:
        return (self._jobs[job_id] for _, job_id in reversed(self._keys))

    def __reversed__(self) -> Iterator[Job]:
        return (self._jobs[job_id] for _, job_id in self._keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return tuple(self) == tuple(cast(Sequence[object], other))

    __hash__ = None  # pyright: ignore[reportAssignmentType]


class Listing(Mapping[str, Job]):
    """All jobs by id, oldest first, and the parts of the panel's list, each newest first."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self.all = Rows(self._jobs)
        self.active = Rows(self._jobs)
        self.done = Rows(self._jobs)
        self.open = Rows(self._jobs)  # jobs for which the program has work to do
        self.looks = Rows(self._jobs)
        self._keys: dict[str, _Key] = {}
        #: Spelling of a .blend -> its clips that wait to be imported.
        self._ready: dict[str, set[_Key]] = {}
        #: Slot -> its takes.
        self._takes: dict[str, set[_Key]] = {}
        #: Mark of a row of a shot list -> the clips that were made from it, and its looks.
        self._shots: dict[str, set[_Key]] = {}
        self._looks_of_shots: dict[str, set[_Key]] = {}
        self._expected = Expected()

    def put(self, job: Job, first: int) -> None:
        """Take in a job as it is now; row ``first`` is its first event, which says where in the list the job is."""
        key = self._keys.setdefault(job.id, (first, job.id))
        self._jobs[job.id] = job
        ready = self._ready.setdefault(spelling(job.spec.target.blend), set())
        (ready.add if job.state is State.READY else ready.discard)(key)
        self._takes.setdefault(job.spec.slot, set()).add(key)
        if job.spec.shot:
            of_kind = self._looks_of_shots if job.spec.kind is Kind.LOOK else self._shots
            of_kind.setdefault(job.spec.shot, set()).add(key)
        self._expected.learn(job)
        active = job.state in OPEN_STATES or job.state is State.READY or job.fetching
        self.all.keep(key, True)
        self.looks.keep(key, job.spec.kind is Kind.LOOK)
        self.active.keep(key, active)
        self.done.keep(key, not active)
        self.open.keep(key, active and job.open)

    def ready_for(self, spellings: Iterable[str], others: Iterable[str]) -> list[Job]:
        """The clips that wait to be imported into a .blend, and those of the jobs ``others``; newest first.

        ``spellings`` of the .blend, as ``core.paths.spelling`` gives them.
        """
        keys = {self._keys[job_id] for job_id in others if job_id in self._keys}
        keys.update(*(self._ready.get(blend, ()) for blend in spellings))
        found = (self._jobs[job_id] for _, job_id in sorted(keys, reverse=True))
        return [job for job in found if job.state is State.READY]

    def takes_of(self, slot: str) -> list[Job]:
        """The jobs whose clips are takes of a slot, oldest first."""
        return [self._jobs[job_id] for _, job_id in sorted(self._takes.get(slot, ()))]

    def of_shot(self, mark: str) -> list[Job]:
        """The jobs of clips that were made from a row of a shot list, oldest first."""
        return [self._jobs[job_id] for _, job_id in sorted(self._shots.get(mark, ()))]

    def looks_of_shot(self, mark: str) -> list[Job]:
        """The jobs of looks that were made from a row of a shot list, oldest first."""
        return [self._jobs[job_id] for _, job_id in sorted(self._looks_of_shots.get(mark, ()))]

    def expected(self, job: Job) -> float | None:
        """Seconds that the service will take for a job, learned from the jobs before; None without any like it."""
        return self._expected.of(job)

    def __getitem__(self, job_id: str) -> Job:
        return self._jobs[job_id]

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._jobs

    def __iter__(self) -> Iterator[str]:
        return (job.id for job in reversed(self.all))

    def __len__(self) -> int:
        return len(self._jobs)

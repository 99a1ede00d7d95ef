"""How long a clip or a look takes at the service, learned from those before, and how a time is shown.

Owns the groups of jobs that are alike and the newest times of each. Lengths of time are seconds. Knows no list of jobs
and no clock: whoever shows a time subtracts what has passed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from statistics import median

from .job import Job
from .spec import Kind

KEPT = 20  # jobs of each group, the newest: a service gets quicker, and slower, with the weeks
#: Seconds after which an answer says nothing: the service was not asked for so long because nobody was there to ask.
LONGEST = 1800.0
_Group = tuple[object, ...]
_Time = tuple[
    float, str, float
]  # wall time when the clip was done, id of the job, seconds that the clip took


class Expected:
    """The times that jobs have taken, by what they asked for."""

    def __init__(self) -> None:
        self._times: dict[_Group, list[_Time]] = {}

    def learn(self, job: Job) -> None:
        """Take in how long a job took; one that is not done teaches nothing, and one that is known nothing new."""
        took = job.done_at - job.submitted_at
        if not job.submitted_at or not 0.0 < took <= LONGEST:
            return
        time = (job.done_at, job.id, took)
        for group in _groups(job):
            times = self._times.setdefault(group, [])
            at = bisect_left(times, time)
            if at == len(times) or times[at] != time:
                times.insert(at, time)
                del times[:-KEPT]

    def of(self, job: Job) -> float | None:
        """Seconds that the service will take for a job, by those most like it; None where nothing is known."""
        for group in _groups(job):
            if times := self._times.get(group):
                return median(took for _, _, took in times)
        return None


def _groups(job: Job) -> Iterator[_Group]:
    """The groups that a job belongs to, the one of jobs most like it first. Another service has other times."""
    spec = job.spec
    alike: _Group = (spec.api_base, spec.model)
    if spec.kind is Kind.LOOK:  # of clips says nothing, and is said nothing by them
        yield (*alike, spec.kind, spec.resolution, spec.quality)
        yield (*alike, spec.kind)
        return
    yield (*alike, spec.kind, spec.resolution, spec.duration)
    yield (*alike, spec.resolution, spec.duration)
    yield (*alike, spec.resolution)
    yield alike


def time_text(seconds: float) -> str:
    """A time that has passed, as *1:12*, with hours where there are any."""
    minutes, rest = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

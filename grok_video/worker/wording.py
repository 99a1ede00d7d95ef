"""The sentences of a job's events in its own words: what is said of a clip is said of a look where the job makes one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from ..core import events
from ..core.job import Job
from ..core.problem import Problem, of_look
from ..core.spec import Kind


def worded(job: Job | None, happened: Iterable[events.Event]) -> list[events.Event]:
    """Events of ``job`` with their sentences about a look, where it makes one."""
    if job is None or job.spec.kind is not Kind.LOOK:
        return list(happened)
    return [_of_look(event) for event in happened]


def _of_look(event: events.Event) -> events.Event:
    problem = getattr(event, "problem", None)
    if not isinstance(problem, Problem):
        return event
    return replace(cast(Any, event), problem=of_look(problem))

"""What this Blender session knows beyond the ledger, and nothing of what is done with it.

Owns the session while the add-on is registered. It must import nothing of the session that stands above it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import field

import bpy

from ...core import spending as money
from ...core.job import Job
from ...core.record import mutable_record
from ...core.spec import new_id
from ...service.pricing import Pass
from .. import config
from ..submission.preparation import Preparation
from ..timeline import importing
from .bridge import Bridge, Snapshot


@mutable_record
class Click:
    """The clicks that are no jobs yet, and the last one of all. Changed by click.py only."""

    #: The first one is being prepared, the others wait for their turn.
    queue: deque[Preparation] = field(default_factory=deque)
    message: str = ""  # the last thing that ended a click without a job, for the panel
    #: What the last click asked for, and the monotonic time when that was dealt with.
    last: tuple[object, float] = (None, 0.0)
    turned_then: float = 0.0  # ``Watch.turned`` at that time

    @property
    def preparing(self) -> Preparation | None:
        """What is being prepared just now."""
        return self.queue[0] if self.queue else None


@mutable_record
class Series:
    """Strips that are extended in several passes. Changed by series.py only."""

    #: Job id → the passes that follow, as the artist agreed to them; bought one by one, by this session only.
    agreed: dict[str, tuple[Pass, ...]] = field(default_factory=dict)
    #: Job id → scene and strip that the next pass goes on from.
    next: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Job id → the job of the next pass.
    follows: dict[str, str] = field(default_factory=dict)


@mutable_record
class Imports:
    """The imports that this session asked for and made. Changed by imports.py only."""

    #: Job id → monotonic time when its import was asked for.
    claimed: dict[str, float] = field(default_factory=dict)
    #: Ids of the jobs whose import, or why there is none, this session told the worker.
    reported: set[str] = field(default_factory=set)
    #: Job id → a landing with something to say.
    landings: dict[str, importing.Landing] = field(default_factory=dict)
    waiting: str = ""  # why a clip that is ready is not imported just now


@mutable_record
class Question:
    """What is asked of the worker and is no job: a command with an answer."""

    command: str
    asked: str = ""  # the id of the command when it was last put down; '' before


@mutable_record
class Questions:
    """The questions of this session. Changed by questions.py only."""

    key: Question = field(default_factory=lambda: Question("check"))  # is the key good?
    models: Question = field(default_factory=lambda: Question("models"))  # what may the key use?
    limits: Question = field(default_factory=lambda: Question("limits"))  # spend no more than this
    limits_trouble: str = ""  # why the limits could not even be asked for


@mutable_record
class Sums:
    """What was spent, kept until something changes. Changed by spending.py only."""

    spending: money.Spending = field(default_factory=money.Spending)
    #: The jobs, and all the rest, that ``spending`` was summed up for.
    summed_for: tuple[Snapshot | None, object] = (None, None)


@mutable_record
class Watch:
    """The modal operator that ticks, and what it has seen. Changed by watch.py only."""

    tick: Callable[[bpy.types.Context], bool]  # goes on with everything that is under way
    busy: Callable[[], bool]  # whether anything is
    running: bool = False  # the modal operator runs
    ticked_at: float = 0.0  # monotonic time of the operator's last tick
    ends_at: float = 0.0  # monotonic time when the operator has to end itself
    #: Seconds between ticks, added up: ``TICK_SECONDS`` at most for each turn of the event loop.
    turned: float = 0.0
    drawn_second: int = 0  # of the last redraw
    news: bool = False  # something changed since that redraw


@mutable_record
class Session:
    """What this Blender session knows beyond the ledger.

    Each part is changed by the file of its name only: panels read, operators call its functions.
    """

    bridge: Bridge
    watch: Watch
    click: Click = field(default_factory=Click)
    series: Series = field(default_factory=Series)
    imports: Imports = field(default_factory=Imports)
    questions: Questions = field(default_factory=Questions)
    sums: Sums = field(default_factory=Sums)
    document: str = field(default_factory=new_id)  # changes when another .blend is opened
    documents: dict[str, str] = field(default_factory=dict)  # job id → document it was clicked in


_session: Session | None = None


def running() -> Session | None:
    """What this session knows; None while the add-on is not registered."""
    return _session


def begin(tick: Callable[[bpy.types.Context], bool], busy: Callable[[], bool]) -> None:
    """Begin a session: the add-on was registered."""
    global _session
    _session = Session(Bridge(config.data_dir()), Watch(tick, busy))


def end() -> Session | None:
    """End the session: the add-on is being unregistered."""
    global _session
    session, _session = _session, None
    return session


def current() -> Session:
    """What this session knows. Raises RuntimeError when the add-on is not registered."""
    if _session is None:
        raise RuntimeError("Grok Video is not enabled")
    return _session


def session_id() -> str:
    """The id of this Blender session."""
    return current().bridge.session


def job_by_id(job_id: str) -> Job | None:
    """The job as it was last read from the list."""
    return current().bridge.snapshot.jobs.get(job_id)


def is_open(blend: str) -> bool:
    return bool(blend) and blend == bpy.data.filepath

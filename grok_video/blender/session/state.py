"""The session: what this Blender knows beyond the ledger, in parts; a part is changed by the file of its name.

Owns the one session while the add-on is registered. Of this folder it may import ``bridge`` and
``shot_told`` only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import field
from typing import TYPE_CHECKING, Any

import bpy

from ...core import spending as money
from ...core.job import Job
from ...core.paths import spelling, with_real_folder
from ...core.record import mutable_record
from ...core.seam import Seam
from ...core.shot import Shot
from ...core.spec import JobSpec, new_id
from ...ledger.listing import may_come
from ...service.pricing import Pass
from .. import config
from ..identity import Meant
from .bridge import Bridge, Snapshot
from .shot_told import ShotTotals, Told

if TYPE_CHECKING:
    from ..sources.seam import Measurement
    from ..sources.stills import Stills
    from ..sources.ways import Kept
    from ..submission.preparation import Preparation
    from ..timeline import importing
    from .move_process import MoveProcess


@mutable_record
class Click:
    """The clicks that are no jobs yet, and the last of all clicks. Changed by click.py only."""

    #: The first click is being prepared, the others wait for their turn.
    queue: deque[Preparation] = field(default_factory=deque)
    message: str = ""  # why a click, or what was to follow one, ended without a job
    #: What the last click asked for, and the monotonic time when the click was done with.
    last: tuple[object, float] = (None, 0.0)
    turned_then: float = 0.0  # ``Watch.turned`` at that time
    pressed: bool = (
        False  # what runs just now was begun by the artist's press of a button that buys
    )
    slotted: bool = False  # what is asked for just now gets a slot at once
    scripts_may_buy: bool = False  # the artist allowed that, until this session ends
    #: Id of a job that a script asked for, and that waits for the artist → what was asked for.
    for_scripts: dict[str, object] = field(default_factory=dict)

    @property
    def preparing(self) -> Preparation | None:
        """The click that is being prepared just now; None without one."""
        return self.queue[0] if self.queue else None


@mutable_record
class Blocking:
    """What scripts have not waited for. Changed by blocking.py only."""

    #: Ids of jobs that a script bought without waiting, in that order: their end was told to nobody yet.
    left: dict[str, None] = field(default_factory=dict)


@mutable_record
class Series:
    """Strips that are extended in several passes. Changed by series.py only."""

    #: Job id → the passes that follow, as the artist agreed to them; bought one by one, by this session only.
    agreed: dict[str, tuple[Pass, ...]] = field(default_factory=dict)
    #: Job id → scene and strip that the job's next pass goes on from.
    next: dict[str, tuple[Meant, str]] = field(default_factory=dict)
    #: Job id → the job of the next pass.
    follows: dict[str, str] = field(default_factory=dict)


@mutable_record
class Imports:
    """The imports that this session asked for and made. Changed by imports.py only."""

    #: Job id → monotonic time when the job's import was asked for.
    claimed: dict[str, float] = field(default_factory=dict)
    #: Ids of the jobs whose import, or why there is none, this session told the worker.
    reported: set[str] = field(default_factory=set)
    #: Job id → a landing with something to say.
    landings: dict[str, importing.Landing] = field(default_factory=dict)
    #: Job id → the command by which this session last told that the clip is on the timeline.
    told: dict[str, str] = field(default_factory=dict)
    waiting: str = ""  # why a clip that is ready is not imported just now


@mutable_record
class Takes:
    """The takes that strips asked for in this session. Changed by takes.py only."""

    #: Job id → scene and name of the strip that asked for the take, and the take that it showed then.
    asked: dict[str, tuple[Meant, str, str]] = field(default_factory=dict)
    #: Ids of the takes that strips of the opened file wait for: asked for before, or in another Blender with that file.
    expected: set[str] = field(default_factory=set)


@mutable_record
class Slots:
    """What is known of the slots of the open file. Changed by slots.py only."""

    placed: set[str] = field(default_factory=set)  # ids of the jobs whose slots were placed here
    waiting: set[str] = field(default_factory=set)  # … that strips waited for at the last look
    removed: set[str] = field(default_factory=set)  # … whose slots are not there any more
    stopping: set[str] = field(default_factory=set)  # … of those, whose jobs were told to stop
    #: Job id → why its click ended without a job.
    ended: dict[str, str] = field(default_factory=dict)
    #: Job id → what was said as the slot was placed.
    landings: dict[str, importing.Landing] = field(default_factory=dict)
    #: Job id → the spec whose first frame was made, and that its slot does not show yet.
    pictures: dict[str, JobSpec] = field(default_factory=dict)
    #: Job id → events of the job, and monotonic time, when the file of its clip was missing.
    missing: dict[str, tuple[int, float]] = field(default_factory=dict)
    asked: set[str] = field(
        default_factory=set
    )  # ids of the jobs whose clips came: slots looked for
    unchecked: list[str] = field(
        default_factory=list
    )  # ids whose still movies are to be looked for
    strangers: set[str] = field(
        default_factory=set
    )  # ids not in this list, looked for beside the .blend
    stale: bool = (
        True  # strips were brought back as they were, or nobody has looked yet: look again
    )
    counted: object = None  # strips of each scene at the last look
    looked: float = 0.0  # monotonic time of that look


@mutable_record
class Seams:
    """The measurements of what the service did to colours. Changed by seams.py only."""

    #: Id of the job that is measured just now, and the strip that asked for that: None, as the clip is to come.
    measured: str = ""
    asked: tuple[Meant, str] | None = None
    process: Measurement | None = None
    since: dict[str, float] = field(
        default_factory=dict
    )  # job id → monotonic time when the clip began to wait
    held: frozenset[str] = frozenset()  # ids of the jobs whose clips wait for their measurement
    #: Job id → what was measured in this session; None: nothing, or not in time.
    found: dict[str, Seam | None] = field(default_factory=dict)
    waiting: bool = True  # strips may wait for an open Sequencer


@mutable_record
class Renders:
    """The render that began last, as far as slots ask. Changed by renders.py only."""

    scene: int = 0  # Blender's session_uid of the scene that is rendered
    first: int = 0  # scene frames: the first one that was rendered, and the last so far
    last: int = 0
    count: int = 0  # frames so far; 0: nothing to be said of the render (any more)
    over: bool = False
    told: str = ""  # what was said of it


@mutable_record
class Files:
    """What was seen of the files of clips, and which are to come back. Changed by files.py only."""

    sizes: dict[str, int] = field(default_factory=dict)  # path → bytes at the last look, or below 0
    looked: dict[str, float] = field(default_factory=dict)  # path → monotonic time of that look
    #: Folder → monotonic time before which nothing in it is looked at: a look took long.
    put_off: dict[str, float] = field(default_factory=dict)
    shown: set[str] = field(
        default_factory=set
    )  # paths that panels show and that are to be looked at
    #: Job id → events of the job when its file was asked for again.
    awaited: dict[str, int] = field(default_factory=dict)


@mutable_record
class Question:
    """A command to the worker that is answered by a notice: *check*, *models*, *voices* or *limits*."""

    command: str
    asked: str = ""  # the id of the command when it was last put down; '' before


@mutable_record
class Questions:
    """The questions of this session. Changed by questions.py only."""

    key: Question = field(default_factory=lambda: Question("check"))  # is the key good?
    models: Question = field(default_factory=lambda: Question("models"))  # which may the key use?
    voices: Question = field(default_factory=lambda: Question("voices"))  # which are there?
    limits: Question = field(default_factory=lambda: Question("limits"))  # a change of the limits
    limits_trouble: str = ""  # why the limits could not even be asked for


@mutable_record
class Answers:
    """What this session said to the workers and was not answered yet. Changed by answers.py only."""

    #: Id of a command → its name, and the id of the job that it is about ('' for none).
    awaited: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Job id → why it was not taken into the list.
    not_taken: dict[str, str] = field(default_factory=dict)
    refusal: str = ""  # why what was said last was refused


@mutable_record
class Sums:
    """The sums of what was spent, and what they were made from. Changed by spending.py only."""

    spending: money.Spending = field(default_factory=money.Spending)
    ahead: float = 0.0  # wall time of a purchase that is still to come: the sums are that day's
    day: float = 0.0  # wall times at which the day and the month of the sums began
    month: float = 0.0
    #: Job id → the bill that was reported, and the jobs that were looked through for bills.
    told: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    told_for: Snapshot | None = None
    #: The jobs, and all the rest, that ``spending`` was summed up for.
    summed_for: tuple[Snapshot | None, object] = (None, None)


@mutable_record
class Moving:
    """The move of the job list to another folder. Changed by moving.py only."""

    kept: str  # the preference *Job List Folder* as it was last in force
    process: MoveProcess | None = None  # of a move under way
    folder: str = ""  # what the preference will be after it
    message: str = ""  # why the last move did not happen


@mutable_record
class Pointing:
    """Where in the timeline the mouse was when a menu was last asked for there. Changed by pointing.py only."""

    scene: str = ""  # name of the scene whose edit was shown there
    frame: int = 0
    channel: int = 0


@mutable_record
class Watch:
    """The modal operator that lets ticks happen: whether it runs, and when it ticked. Changed by watch.py only."""

    tick: Callable[[bpy.types.Context], bool]  # goes on with everything that is under way
    busy: Callable[[], bool]  # whether anything is under way
    running: bool = False  # the modal operator runs
    ticked_at: float = 0.0  # monotonic time of the last tick
    ends_at: float = 0.0  # monotonic time when the modal operator has to end itself
    #: Seconds between ticks, added up: TICK_SECONDS at most for each turn of the event loop.
    turned: float = 0.0
    drawn_second: int = 0  # monotonic second of the last redraw
    news: bool = False  # something changed since that redraw
    reports: list[tuple[str, bool]] = field(
        default_factory=list
    )  # a line for the status bar, and whether its news are bad


@mutable_record
class Comparing:
    """A look at another take of a strip. Changed by comparing.py only."""

    scene: Meant | None = None  # None: nothing is compared
    strip: str = ""  # name of the strip
    first: Job | None = None  # the take that the strip shows by the artist's choice
    other: Job | None = None
    choices: tuple[Job, ...] = ()  # between which the strip can change, oldest first
    shown: bool = False  # the strip shows the other one just now
    #: Name of the strip, and of each of its sounds → left and right handle before the look.
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    is_due: bool = False  # a render wants the first take back


@mutable_record
class Unused:
    """What was used since the file was opened. Changed by unused.py only."""

    paths: set[str] = field(default_factory=set)  # spellings
    jobs: set[str] = field(default_factory=set)  # ids of jobs whose clips strips showed
    #: Ids of jobs whose clips this session imported before the file was opened.
    earlier: set[str] = field(default_factory=set)


@mutable_record
class Unseen:
    """The jobs that have ended since the artist looked. Changed by unseen.py only."""

    #: Job id → monotonic time when a panel first showed the ended job; 0.0: none has.
    ended: dict[str, float] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)  # ids of the jobs that were open at the last look
    seen_in: Snapshot | None = None  # the jobs as they were at the last look


@mutable_record
class Thumbnails:
    """The pictures beside jobs. Changed by thumbnails.py only."""

    previews: Any = None  # Blender's collection of previews; None: nothing was shown yet
    #: Path, size and kind of a picture → Blender's preview, and the monotonic time when that was begun; the one that
    #: was asked for last at the end.
    loaded: dict[tuple[str, int, str], tuple[Any, float]] = field(default_factory=dict)
    #: Pictures that panels show and that are to be loaded, in that order.
    wanted: dict[tuple[str, int, str], None] = field(default_factory=dict)


@mutable_record
class Stages:
    """What stands in the scenes that panels ask about. Changed by stages.py only."""

    #: Blender's session_uid and frame of a scene → what ``sources.stage`` said of the scene.
    known: dict[tuple[int, float], str] = field(default_factory=dict)
    stale: bool = True  # Blender has told of a change since
    wanted: int = 0  # session_uid of the scene that a panel asks about


@mutable_record
class Looks:
    """The looks of the scene that a panel shows, and what is known of them. Changed by looks.py only."""

    reported: set[str] = field(default_factory=set)  # ids of jobs whose looks this session told of
    #: Job of the look in use, and what stood for the view or picture of its source, when the artist was asked about it.
    asked: tuple[str, str] = ("", "")
    agreed: tuple[str, str] = ("", "")  # … and said yes
    moved: dict[str, str] = field(
        default_factory=dict
    )  # job id → how its look has moved; '' as it is
    unmeasured: dict[str, None] = field(default_factory=dict)  # ids of jobs that are to be measured
    #: Id of the job that is measured just now, and the steps that are left.
    measuring: tuple[str, Generator[None, None, str]] | None = None
    #: Id of a job to be → look in use, frame and camera: what Apply the Look asked for in this session.
    frames: dict[str, tuple[str, tuple[float, str]]] = field(default_factory=dict)
    listed: tuple[Job, ...] = ()  # the looks of a source, oldest first
    listed_for: tuple[Snapshot | None, object] = (None, None)  # the jobs and the source


@mutable_record
class ShotPress:
    """The shots of one press that are no jobs yet."""

    scene: Meant  # of the list
    kept: Kept  # what the cameras show, as it was at the press
    count: int  # shots of the press, those that were refused too
    slotted: bool = False  # slots are wanted
    of_looks: bool = False  # of pictures in the look, and not of clips
    allow_single_color: bool = False  # a script says that frames of one colour are meant
    #: Job id → the shot that becomes that job, in the order of the list.
    items: dict[str, Preparation] = field(default_factory=dict)
    of_row: dict[str, str] = field(default_factory=dict)  # ``key_of`` → id of the job to be
    to_place: deque[str] = field(default_factory=deque)  # ids of jobs to be whose slots are to come
    unpushed: bool = False  # slots of this press stand that are in no undo step yet
    here: deque[str] = field(default_factory=deque)  # … whose pictures this Blender makes
    ready: deque[str] = field(default_factory=deque)  # … whose pictures are there
    stills: Stills | None = None  # the work of the second Blender; None where there is none
    ordered: tuple[str, ...] = ()  # … in the order of its stills
    unsent: list[str] = field(default_factory=list)  # ids of jobs that were handed over


@mutable_record
class ShotBatch:
    """The presses that buy shots, or their looks, which have a key of their own for the mark. Changed by shot_batch.py only."""

    press: ShotPress | None = None  # None: none is under way
    #: Mark of a row → the job that was handed over last in this session, while the list of jobs does not have it yet.
    queued: dict[str, str] = field(default_factory=dict)
    #: Mark of a row → id of the job to be ('': there was none), and why the row came to no job.
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Mark of a row → the job that it nearly came to, and the frame of its slot, which may stand.
    stopped: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: Mark of a row → what placing its slot had to say.
    notes: dict[str, str] = field(default_factory=dict)


@mutable_record
class ShotList:
    """What is known of the shot lists of the open file. Changed by shots.py only."""

    #: The row as it was, with its scene → marks that this session gave to such rows: an undo takes those back.
    given: dict[tuple[int, Shot], list[str]] = field(default_factory=dict)
    #: session_uid of a scene → what panels tell of the rows of its list, as last looked up, and of the whole list.
    told: dict[int, list[Told]] = field(default_factory=dict)
    totals: dict[int, ShotTotals] = field(default_factory=dict)
    #: session_uid of the scene, and address of the window, for which a panel asked last.
    asked_of: tuple[int, int] = (0, 0)
    looked: list[Told] = field(default_factory=list)  # by the look that is under way
    twins: set[int] | None = None  # rows of another row's mark; None: no look is under way
    spent: float = 0.0  # seconds that the look took so far
    next_look: float = 0.0  # monotonic time before which no other look begins


@mutable_record
class Session:
    """What this Blender session knows beyond the ledger.

    Each part is changed by the file of its name only: panels read parts, operators call that file's functions.
    """

    bridge: Bridge
    watch: Watch
    moving: Moving
    click: Click = field(default_factory=Click)
    blocking: Blocking = field(default_factory=Blocking)
    series: Series = field(default_factory=Series)
    slots: Slots = field(default_factory=Slots)
    seams: Seams = field(default_factory=Seams)
    renders: Renders = field(default_factory=Renders)
    imports: Imports = field(default_factory=Imports)
    takes: Takes = field(default_factory=Takes)
    files: Files = field(default_factory=Files)
    questions: Questions = field(default_factory=Questions)
    answers: Answers = field(default_factory=Answers)
    sums: Sums = field(default_factory=Sums)
    pointing: Pointing = field(default_factory=Pointing)
    comparing: Comparing = field(default_factory=Comparing)
    unused: Unused = field(default_factory=Unused)
    unseen: Unseen = field(default_factory=Unseen)
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    stages: Stages = field(default_factory=Stages)
    looks: Looks = field(default_factory=Looks)
    shot_batch: ShotBatch = field(default_factory=ShotBatch)
    shot_list: ShotList = field(default_factory=ShotList)
    document: str = field(default_factory=new_id)  # changes when another .blend is opened
    documents: dict[str, str] = field(default_factory=dict)  # job id → document of the click
    opened: tuple[str, frozenset[str]] = ("", frozenset())  # the .blend, and its spellings


_session: Session | None = None


def running() -> Session | None:
    """The session; None while the add-on is not registered."""
    return _session


def begin(tick: Callable[[bpy.types.Context], bool], busy: Callable[[], bool]) -> None:
    """Begin the session when the add-on is registered."""
    global _session
    preferences, data_dir = config.preferences(), config.data_dir()
    kept = preferences.ledger_dir.strip()
    if kept and kept != str(data_dir) and not config.list_refusal():
        # What was typed may name another list in the next Blender: relative to its own folder, or its .blend.
        kept = preferences.ledger_dir = str(data_dir)
        bpy.context.preferences.is_dirty = True
    _session = Session(Bridge(data_dir), Watch(tick, busy), Moving(kept))


def end() -> Session | None:
    """End the session when the add-on is unregistered; returns it, or None without one."""
    global _session
    session, _session = _session, None
    return session


def current() -> Session:
    """The session. Raises RuntimeError when the add-on is not registered."""
    if _session is None:
        raise RuntimeError("Grok Video is not enabled")
    return _session


def session_id() -> str:
    """The id of this Blender session."""
    return current().bridge.session


def job_by_id(job_id: str) -> Job | None:
    """The job as it was last read from the ledger; None without one of that id."""
    return current().bridge.snapshot.jobs.get(job_id)


def under_way(slot: str) -> Job | None:
    """The newest take of a slot whose clip has come or may still come; None where all have ended without one."""
    takes = current().bridge.snapshot.jobs.takes_of(slot)
    return next((take for take in reversed(takes) if may_come(take)), None)


def is_prepared(job_id: str) -> bool:
    """Whether the click that is to become that job is being prepared, or waits for its turn."""
    session = current()
    press = session.shot_batch.press
    of_list = press is not None and job_id in press.items
    return of_list or any(click.becomes(job_id) for click in session.click.queue)


def is_as_clicked(job: Job) -> bool:
    """Whether the job was clicked in this Blender, in the file that is open since then."""
    session = current()
    here = job.spec.target.session == session.bridge.session
    return here and session.documents.get(job.id) == session.document


def is_of_file(job: Job) -> bool:
    """Whether the job was clicked in the open .blend: since it was opened, or before under one of its spellings."""
    session = current()
    return session.documents.get(job.id) == session.document or is_open(job.spec.target.blend)


def is_open(blend: str) -> bool:
    """Whether the .blend that a job names is the open one, however its path is spelled; not for ''."""
    return bool(blend) and spelling(blend) in open_spellings()


def open_spellings() -> frozenset[str]:
    """The spellings of the open .blend: as it was opened, and with its real folder, as jobs name it (``target_of``)."""
    session, path = current(), bpy.data.filepath
    if session.opened[0] != path:
        # Once for each file that is opened or saved, where Blender has just been: that disk answers.
        paths = (path, with_real_folder(path))
        session.opened = path, frozenset(spelling(path) for path in paths if path)
    return session.opened[1]

"""One clip, from the button to the strip.

Owns the single bridge, the click that is being prepared, and what happens on a tick: a click whose pictures
and bake are there becomes a job, a downloaded clip becomes strips, a pass is followed by the next one.
Operators and the panel call in here; nothing here draws.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, field, replace
from datetime import datetime
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from ..core import spending as money
from ..core.files import make_private
from ..core.job import FINAL_STATES, Job, State
from ..core.payload import spec_to_payload
from ..core.problem import Problem, ProblemCode
from ..core.record import mutable_record
from ..core.spec import Clip, JobSpec, Target, new_id
from ..service import checks
from ..service.pricing import Pass
from . import capture, orders, placing, sequencer, settings, shots
from .bridge import Account, Bridge, Snapshot
from .preparing import Interrupted, Preparation, files_sent, remove_files

TICK_SECONDS = 0.1  # between two ticks while something is under way
TICK_BUDGET = 0.002  # seconds one tick may read the ledger
BREATH_SECONDS = (
    20.0  # a running modal operator blocks autosave, so it ends itself and is restarted
)
DOUBLE_CLICK_SECONDS = 1.0
CLAIM_SECONDS = 10.0  # before an import that was not granted is asked for again
TAB = "Grok Video"  # of the sidebars
NOTHING_LOST = "Nothing was sent or charged."
DEAD_WATCH_SECONDS = 5.0  # without a tick: the modal operator is gone without a word


Refused = orders.Refused


@mutable_record
class Flow:
    """What this Blender session knows beyond the ledger."""

    bridge: Bridge
    document: str = field(default_factory=new_id)  # changes when another .blend is opened
    documents: dict[str, str] = field(default_factory=dict)  # job id → document it was clicked in
    pending: Preparation | None = None
    follows: dict[str, str] = field(default_factory=dict)  # job id → the job of the next pass
    passes: dict[str, tuple[Pass, ...]] = field(
        default_factory=dict
    )  # job id → the passes that follow, as they were agreed to; bought one by one, by this session only
    next_passes: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # job id → scene and strip that its next pass goes on from
    message: str = ""  # the last thing that ended a click without a job, for the panel
    notices: dict[str, sequencer.Landing] = field(
        default_factory=dict
    )  # job id → a landing with something to say
    claimed: dict[str, float] = field(
        default_factory=dict
    )  # job id → when its import was asked for
    settled: set[str] = field(default_factory=set)  # job ids whose import this session reported on
    waiting: str = ""  # why a clip that is ready is not imported just now
    last_click: tuple[object, float] = (None, 0.0)  # what it asked for, and when it was dealt with
    since_click: float = 0.0  # seconds since then, a tick's at most for each turn of the event loop
    check: str = ""  # id of the last question whether the key is good
    models_asked: str = ""  # id of the last question which models it may use
    limits_asked: str = ""  # id of the last change of the spending limits
    limits_trouble: str = ""  # why that could not even be put down
    spending: money.Spending = field(default_factory=money.Spending)
    spending_of: tuple[Snapshot | None, object] = (
        None,
        None,
    )  # what ``spending`` was summed up for
    breath: float = 0.0  # when the modal operator has to end itself
    watched: bool = False  # the modal operator runs
    ticked: float = 0.0  # monotonic time of its last tick
    second: int = 0
    news: bool = False  # something changed since the last redraw
    said: object = None  # the last step of a job that was told to a script's console


_flow: Flow | None = None


def current() -> Flow:
    """The flow of this session. Raises RuntimeError when the add-on is not registered."""
    if _flow is None:
        raise RuntimeError("Grok Video is not enabled")
    return _flow


# ----------------------------------------------------------------------------------------- from the click


def account() -> Account:
    return Account(
        settings.api_base(), settings.api_key(), settings.account(), settings.poll_interval()
    )


def connection_trouble() -> tuple[str, ProblemCode] | None:
    """Why no request can leave now, as far as it can be known without one; None when it can."""
    base = settings.api_base()
    if trouble := settings.api_base_trouble(base):
        return trouble, ProblemCode.NETWORK
    if not bpy.app.online_access:
        if bpy.app.online_access_override:
            return (
                "Blender was started in offline mode. Start it without --offline-mode to generate.",
                ProblemCode.OFFLINE,
            )
        return (
            "Blender's online access is off. Turn on “Allow Online Access” in the System preferences.",
            ProblemCode.OFFLINE,
        )
    if trouble := settings.api_key_trouble(settings.api_key()):
        return trouble, ProblemCode.KEY
    return None


def generate(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
) -> str:
    """Start a clip from ``scene``'s settings for ``target`` at ``frame``; returns the id of the job to be.

    Raises Refused.
    """
    _refuse_now()
    return _take_order(context, orders.generate(context, scene, target, frame, session()))


def extend(context: bpy.types.Context, shot: shots.Shot, passes: list[Pass]) -> str:
    """Let a shot go on by the first of ``passes``; the others follow one after the other. Raises Refused."""
    _refuse_now()
    order = orders.extend(context.scene, shot, session(), job_by_id, passes[0].seconds)
    order.passes = tuple(passes[1:])
    return _take_order(context, order)


def edit(context: bpy.types.Context, shot: shots.Shot) -> str:
    """Let a shot look different. Raises Refused."""
    _refuse_now()
    return _take_order(context, orders.edit(context.scene, shot, session(), job_by_id))


def edit_animation(context: bpy.types.Context, target: bpy.types.Scene) -> str:
    """Play the animation into a clip and let it look different. Raises Refused."""
    _refuse_now()
    return _take_order(context, orders.edit_animation(context, context.scene, target, session()))


def continue_shot(context: bpy.types.Context, shot: shots.Shot) -> str:
    """Start a new clip from a shot's last frame. Raises Refused."""
    _refuse_now()
    return _take_order(context, orders.continue_shot(context.scene, shot, session()))


def session() -> str:
    """The id of this Blender session."""
    return current().bridge.session


def job_by_id(job_id: str) -> Job | None:
    """The job as it was last read from the list."""
    return current().bridge.snapshot.jobs.get(job_id)


def _refuse_now() -> None:
    """Raise Refused where no click can become a job at this moment."""
    flow = current()
    if flow.pending is not None:
        raise Refused("The source of another clip is being prepared.", "Wait until it is done.")
    if trouble := connection_trouble():
        raise Refused(trouble[0], code=trouble[1])
    if trouble := flow.bridge.ledger_trouble:
        if bpy.app.background and flow.bridge.ledger_damaged:
            return  # no timer has it rebuilt: the worker does so before it takes up the job
        raise Refused(trouble)


def _take_order(context: bpy.types.Context, order: orders.Order) -> str:
    """Take the pictures that are there, and queue the job, or note what must be made before.

    In a window what is to be made is only noted here and started on the next tick, so that the panel can
    say so first. Returns the id of the job to be. Raises Refused.
    """
    flow = current()
    _refuse_unpriced(order.spec)
    _refuse_double_click(order.spec)
    flow.message = ""
    make_private(flow.bridge.data_dir)
    orders.still_path(order.spec.id).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    spec = order.spec
    try:
        for take in order.stills:
            spec = take(spec)
    except (capture.CaptureRefused, capture.CaptureInterrupted) as error:
        remove_files(spec)
        raise Refused(str(error)) from error
    if order.passes:
        flow.passes[spec.id] = order.passes
    if order.steps:
        begin(context, Preparation(spec, order.steps))
    else:
        _queue(spec)
    return spec.id


def begin(context: bpy.types.Context, pending: Preparation) -> None:
    """Let ticks make what is needed; in background mode this blocks until it is there. Raises Refused."""
    flow = current()
    flow.message = ""
    flow.pending = pending
    if not bpy.app.background:
        watch()
        return
    while flow.pending is not None:
        _prepare(context)
        time.sleep(0.02)
    if flow.message:
        raise Refused(flow.message)


def _refuse_unpriced(spec: JobSpec) -> None:
    # What has a price and is too dear becomes a job that is held: only the ledger knows for sure.
    if bpy.app.background:
        _read_all()
    if spec.estimate is None and limits_count():
        over = money.over(current().bridge.limits, 0, 0, None, spec.model)
        assert over is not None
        raise Refused(over.message, over.hint, over.code)


def _refuse_double_click(spec: JobSpec) -> None:
    # The second click of a double click arrives when the first has been dealt with. Where playback makes
    # each turn of the event loop slow that may be seconds later, so the turns count as well as the time.
    flow = current()
    same = what_a_click_asks_for(spec)
    before, at = flow.last_click
    soon = time.monotonic() - at < DOUBLE_CLICK_SECONDS
    soon |= flow.watched and flow.since_click < DOUBLE_CLICK_SECONDS
    # Each click of a row counts from the one before: hammering the button is one click.
    _clicked(same)
    if not bpy.app.background and before == same and soon:
        raise Refused("This clip was sent just now.", "Press again if you want a second one.")


def _clicked(what: object) -> None:
    flow = current()
    flow.last_click, flow.since_click = (what, time.monotonic()), 0.0


def what_a_click_asks_for(spec: JobSpec) -> JobSpec:
    """What two clicks have in common that are one: the playhead may move between them."""
    return replace(
        spec,
        id="",
        image="",
        output="",
        target=Target("", strip=spec.target.strip),
        video=None,
        references=(),
        last_frame=None,
        keyframes=(),
    )


def _prepare(context: bpy.types.Context) -> bool:
    """Go on with what a click needs, and queue its job when all is there; True when something changed."""
    flow = current()
    pending = flow.pending
    if pending is None:
        return False
    try:
        changed = pending.tick(context)
    except (Interrupted, Refused) as error:
        _drop_pending(str(error))
        return True
    except Exception:
        # A bug ends this click, and not every click to come.
        traceback.print_exc()
        _drop_pending("The program failed: Blender's console says more.")
        return True
    if not pending.done:
        return changed
    if pending.spec is not None and (why := orders.source_gone(pending.spec)):
        _drop_pending(why)
        return True
    flow.pending = None
    try:
        if pending.spec is not None:
            _queue(pending.spec)
    except Refused as error:
        flow.message = str(error)
        if pending.spec is not None:
            flow.passes.pop(pending.spec.id, None)
    return True


def drop_pending() -> None:
    """The artist gives up what is being prepared; nothing was sent or charged."""
    flow = current()
    if flow.pending is not None:
        _drop_pending("Stopped.")


def _drop_pending(sentence: str) -> None:
    flow = current()
    if flow.pending is not None:
        flow.pending.cancel()
        if flow.pending.spec is not None:
            flow.passes.pop(flow.pending.spec.id, None)
    flow.pending = None
    said = "" if sentence.endswith(NOTHING_LOST) else f" {NOTHING_LOST}"
    flow.message = f"{sentence}{said}"


def _queue(spec: JobSpec) -> None:
    """Hand the job to the worker. From here on it survives everything that happens to Blender."""
    flow = current()
    flow.documents[spec.id] = flow.document
    send("submit", spec=spec_to_payload(spec))
    # On a busy machine all this outlasts the time between the clicks of a double click.
    _clicked(flow.last_click[0])


def send(command: str, **fields: object) -> str:
    """Put a command down for the worker and see to it that one runs. Raises Refused."""
    flow = current()
    try:
        command_id = flow.bridge.send(command, **fields)
    except OSError as error:
        raise Refused(
            f"The job list in {flow.bridge.data_dir} cannot be written: {error.strerror}.",
            "Nothing was sent. Make room, or choose another folder in the preferences.",
            ProblemCode.FILE,
        ) from error
    flow.bridge.ensure_worker(account())
    watch()
    return command_id


def send_again(job: Job, target: bpy.types.Scene, frame: int) -> str:
    """Buy ``job`` once more as a new job with the same still and settings. Raises Refused."""
    if trouble := connection_trouble():
        raise Refused(trouble[0], code=trouble[1])
    spec = job.spec
    for path in files_sent(spec):
        if not Path(path).is_file():
            raise Refused(f"A source of this job is gone: {path}.", "Make the clip anew.")
    job_id = new_id()
    folder = sequencer.clip_folder(bpy.data.filepath, settings.output_dir())
    fresh = replace(
        spec,
        id=job_id,
        parent=spec.id,
        account=settings.account(),
        api_base=settings.api_base(),
        estimate=price_again(job),
        output=str(sequencer.clip_path(folder, datetime.now(), spec.prompt, job_id)),
        # What went after or over a strip goes there again; it is found by the strip.
        target=replace(
            spec.target,
            session=session(),
            blend=bpy.data.filepath,
            scene=target.name,
            **({"frame": frame} if spec.target.place == "AT" else {}),
        ),
    )
    if problem := checks.check(fresh):
        raise Refused(problem.message, problem.hint, problem.code)
    _refuse_unpriced(fresh)
    _refuse_double_click(fresh)
    _queue(fresh)
    return job_id


def release(job: Job) -> None:
    """Let this session submit a job that was held. Raises Refused."""
    flow = current()
    flow.documents.setdefault(job.id, flow.document)
    send("release", job=job.id, session=flow.bridge.session)


def retry(job: Job) -> None:
    """Poll or download a job once more, for free. Raises Refused."""
    flow = current()
    flow.documents.setdefault(job.id, flow.document)
    send("retry", job=job.id)


def recover(job: Job, pasted: str) -> str:
    """Take up a job whose answer was lost by the request id that the artist found. Free.

    Returns the id of the command. Raises Refused.
    """
    from ..service.request import request_id_in  # only the worker needs the rest of it

    if not job.recoverable:
        raise Refused("This job has its request id: there is nothing to recover.")
    try:
        request_id = request_id_in(pasted)
    except ValueError as error:
        raise Refused(str(error)) from error
    for other in current().bridge.snapshot.all:
        if other.id == request_id:
            raise Refused(
                "That is the number of a job in this list, not a request id of the service."
            )
        if other.request_id == request_id and other.id != job.id:
            raise Refused(
                f"That request id belongs to another job of this list: {other.spec.short_id}."
            )
    if job.request_id == request_id:
        raise Refused("The service does not know this request id.", "Look for another one.")
    if (trouble := connection_trouble()) and trouble[1] is ProblemCode.OFFLINE:
        raise Refused(trouble[0], code=trouble[1])
    flow = current()
    flow.documents.setdefault(job.id, flow.document)
    return send("request_id", job=job.id, value=request_id)


def stop_unsent(context: bpy.types.Context, job_id: str, seconds: float) -> None:
    """Stop a job that was not sent, and tick for so long at most until it is known whether it was.

    Scripts and background mode only: this blocks.
    """

    def settled(job: Job | None) -> bool:
        return job is not None and (job.sent or bool(job.request_id) or not job.open)

    bridge = current().bridge
    _read_all()
    if settled(job_by_id(job_id)):
        return
    send("stop", job=job_id)
    deadline = time.monotonic() + seconds
    while not settled(job_by_id(job_id)) and time.monotonic() < deadline:
        bridge.tick(TICK_BUDGET)
        if job_by_id(job_id) is None and not bridge.expects:
            return  # it was interrupted before there was a job
        bridge.ensure_worker(account())
        time.sleep(0.02)


def heard_of_rebuilding() -> None:
    """The artist has read that the ledger was rebuilt: no Blender says it any more. Raises Refused."""
    send("heard")


def check_connection() -> None:
    """Ask the service whether the key is good; the answer is ``connection_answer()`` later."""
    flow = current()
    flow.bridge.ensure_worker(account())
    flow.check = send("check", account=settings.account())


def connection_answer() -> Mapping[str, object] | None:
    """{"ok": bool, "message": str} of the last check; None before there is one."""
    flow = current()
    return flow.bridge.notice(flow.check) if flow.check else None


def refresh_models() -> None:
    """Ask the service which models the key may use; the answer is ``models_answer()`` later."""
    flow = current()
    flow.bridge.ensure_worker(account())
    flow.models_asked = send("models", account=settings.account())


def models_answer() -> Mapping[str, object] | None:
    """{"ok": bool, "message": str, "models": [{"id": str}]} of the last question; None before there is one."""
    flow = current()
    return flow.bridge.notice(flow.models_asked) if flow.models_asked else None


def models_of_key() -> list[str]:
    """The models that the service named; [] before it was asked."""
    answer = models_answer()
    named = answer.get("models") if answer is not None else None
    if not isinstance(named, list):
        return []
    return [str(model["id"]) for model in named if isinstance(model, dict) and "id" in model]


def wait_for(
    context: bpy.types.Context, asked: Callable[[], Mapping[str, object] | None]
) -> Mapping[str, object]:
    """Tick until a question is answered (scripts and background mode only: this blocks)."""
    while (answer := asked()) is None:
        _refuse_hopeless()
        tick(context)
        time.sleep(0.02)
    return answer


def price_again(job: Job) -> int | None:
    """What sending ``job`` again would cost, in ticks, at today's prices."""
    return orders.price_of(job.spec)


# ------------------------------------------------------------------------------------------------- money


def limits() -> money.Limits:
    """The spending limits, as they are in the ledger."""
    if _flow is None:
        return money.Limits()
    if bpy.app.background:  # no timer has read the ledger yet
        _read_all()
    return _flow.bridge.limits


def set_limits(**ticks: int) -> None:
    """Change ``day`` or ``month``; 0: no limit. Scripts wait for the ledger's word; windows see it on a tick.

    Called by a property, so nothing is raised: what goes wrong is said in the preferences.
    """
    flow = current()
    flow.limits_trouble = ""
    try:
        flow.limits_asked = send("limits", **ticks)
        while bpy.app.background and flow.bridge.notice(flow.limits_asked) is None:
            _refuse_hopeless()
            _read_all()
            flow.bridge.ensure_worker(account())
            time.sleep(0.02)
    except Refused as error:
        flow.limits_trouble = str(error)


def limits_trouble() -> str:
    """'' or why the limits are not as they were last entered."""
    flow = current()
    answer = flow.bridge.notice(flow.limits_asked) if flow.limits_asked else None
    refused = answer is not None and not answer["ok"]
    return str(answer["message"]) if answer is not None and refused else flow.limits_trouble


def limits_count() -> bool:
    """Whether there are limits, and the service in use counts against them."""
    known = current().bridge.limits
    return known.any and known.count(settings.api_base())


def limit_trouble(price: int | None, model: str) -> str:
    """'' or why no clip may be bought for that price (ticks; None: not known) now."""
    if not limits_count():
        return ""
    sums = spending()
    over = money.over(current().bridge.limits, sums.account_today, sums.account_month, price, model)
    return over.message if over is not None else ""


def spending() -> money.Spending:
    """What was spent; summed up anew when a job, the day or the file has changed, so it may be drawn."""
    flow = current()
    snapshot, mine, now = flow.bridge.snapshot, settings.account(), time.time()
    path, day = bpy.data.filepath, time.localtime(now)[:3]
    of = (flow.document, len(flow.documents), path, mine, flow.bridge.limits, day)
    if flow.spending_of[0] is not snapshot or flow.spending_of[1] != of:
        flow.spending = money.spending(snapshot.all, flow.bridge.limits, mine, _in_file, now)
        flow.spending_of = snapshot, of
    return flow.spending


def _in_file(job: Job) -> bool:
    flow = current()
    return flow.documents.get(job.id) == flow.document or _is_open(job.spec.target.blend)


def spending_table() -> str:
    """Every purchase as CSV, oldest first."""
    if bpy.app.background:  # no timer has read the ledger yet
        _read_all()
    bridge = current().bridge
    return money.table(reversed(bridge.snapshot.all), bridge.limits)


def not_charged(job: Job) -> None:
    """Record the artist's word that ``job`` has cost nothing. Raises Refused."""
    send("not_charged", job=job.id)


# ------------------------------------------------------------------------------------------- on the tick


def tick(context: bpy.types.Context) -> bool:
    """Everything that is due now; True when the panel has something new to show."""
    flow = current()
    changed = flow.bridge.tick(TICK_BUDGET)
    capture.tidy()
    changed |= _prepare(context)
    _end_series()
    try:
        changed |= _import_due(context)
        changed |= _start_next_pass(context)
    except Refused as error:
        if bpy.app.background:
            raise
        # Blender ends a timer that raises: it is said in the panel and tried again.
        flow.waiting = str(error)
    # Reading a long ledger and starting a process are each as much as one tick may do. What keeps Blender
    # from reading may be a transaction of a killed worker, which only another one takes back.
    if (not flow.bridge.behind or flow.bridge.kept_out) and busy():
        flow.bridge.ensure_worker(account())
    return changed


def busy() -> bool:
    """Whether something is under way that needs ticks."""
    flow = current()
    if flow.pending is not None or flow.next_passes or flow.bridge.expects:
        return True
    mine = settings.account()
    session = flow.bridge.session
    # A running worker also downloads what was bought with another key: it must hear of *offline*.
    downloads = flow.bridge.worker_runs
    return any(
        job.driven
        and (
            job.spec.account == mine
            or job.released_by == session
            or (downloads and job.state is State.DOWNLOADING)
        )
        for job in flow.bridge.snapshot.open
    ) or any(_imports_by_itself(job) for job in flow.bridge.snapshot.active)


def _imports_by_itself(job: Job) -> bool:
    """Whether this session imports ``job`` without being asked.

    It clicked, and that file is still open; or it opened that file after the Blender that clicked ended.
    """
    flow = current()
    if job.state is not State.READY or not job.driven or job.id in flow.settled:
        return False
    claimant = job.claimed_by
    if claimant not in ("", flow.bridge.session) and not flow.bridge.session_ended(claimant):
        return False
    given_back = job.problem is not None and job.problem.code is ProblemCode.SCENE
    if job.id in flow.claimed and not claimant and given_back:
        return False  # waits for the artist
    if job.id in flow.documents:
        return flow.documents[job.id] == flow.document or _is_open(job.spec.target.blend)
    return _is_open(job.spec.target.blend) and flow.bridge.session_ended(job.spec.target.session)


def _is_open(blend: str) -> bool:
    return bool(blend) and blend == bpy.data.filepath


def _import_due(context: bpy.types.Context) -> bool:
    flow = current()
    flow.waiting = ""
    for job in flow.bridge.snapshot.active:
        if not _imports_by_itself(job):
            continue
        if job.claimed_by != flow.bridge.session:
            # Asked again after a while: the claimant's worker may have outlived its Blender.
            now = time.monotonic()
            if now - flow.claimed.get(job.id, -CLAIM_SECONDS) >= CLAIM_SECONDS:
                send("claim", job=job.id, session=flow.bridge.session)
                flow.claimed[job.id] = now
            continue
        scene = bpy.data.scenes.get(job.spec.target.scene)
        if scene is None:
            _give_back(job, f"The scene “{job.spec.target.scene}” is not there any more.")
            return True
        if why := sequencer.refusal(context, scene):
            flow.waiting = why
            continue
        _import_as_operator(job)
        return True
    return False


def _start_next_pass(context: bpy.types.Context) -> bool:
    """Let a shot go on from the part that was just placed; True when that began or ended.

    The artist agreed to all passes and their price; each is bought when the one before is on the timeline.
    """
    flow = current()
    if not flow.next_passes or flow.pending is not None:
        return False
    job_id, (scene_name, strip_name) = next(iter(flow.next_passes.items()))
    del flow.next_passes[job_id]
    passes = flow.passes.pop(job_id)
    job = job_by_id(job_id)
    try:
        if job is None:
            raise Refused("Its job is gone.")
        _refuse_now()
        shot = shots.shot_of(orders.strip_named(scene_name, strip_name))
        order = orders.next_pass(shot, job, session(), job_by_id, passes[0])
        order.passes = passes[1:]
        flow.follows[job_id] = _take_order(context, order)
    except (Refused, shots.ShotRefused) as error:
        flow.message = _series_ended(passes, str(error))
        if bpy.app.background:
            raise Refused(flow.message) from error
    return True


def _series_ended(passes: tuple[Pass, ...], why: str) -> str:
    parts = "1 more part was" if len(passes) == 1 else f"{len(passes)} more parts were"
    return f"The shot was not extended further: {why} What is there stays; {parts} not sent or charged."


def drop_passes(job_id: str, why: str) -> None:
    """What was to follow a job is not bought any more: the artist would have to ask for it anew."""
    flow = current()
    flow.next_passes.pop(job_id, None)
    if passes := flow.passes.pop(job_id, ()):
        flow.message = _series_ended(passes, why)


def _end_series() -> None:
    """Nothing follows a pass that did not come in by itself.

    *Retry*, *Send* and *Import* speak of one job, so none of them may buy what was to follow it.
    """
    flow = current()
    for job_id in list(flow.passes):
        job = job_by_id(job_id)
        if job is None or job_id in flow.next_passes:
            continue
        if job.held or job.stop_requested or job.state in FINAL_STATES:
            drop_passes(job_id, "The part before it was stopped, failed or was placed elsewhere.")


def _import_as_operator(job: Job) -> None:
    """Import through the operator, so that it is one undo step of its own."""
    if bpy.app.background:
        import_job(bpy.context, job, None, None)
        return
    window = bpy.context.window_manager.windows[0]
    try:
        with bpy.context.temp_override(window=window):
            bpy.ops.grok_video.import_result("EXEC_DEFAULT", True, job=job.id)
    except RuntimeError as error:  # the operator reported why
        current().message = str(error).removeprefix("Error: ").strip()


def import_job(
    context: bpy.types.Context,
    job: Job,
    scene: bpy.types.Scene | None,
    frame: int | None,
) -> sequencer.Landing | None:
    """Make the strips of a downloaded job; None when they are there already.

    ``scene`` and ``frame`` are the artist's word; without it the job's own target counts. Raises Refused.
    """
    flow = current()
    asked_for = scene is not None or frame is not None
    by_itself = not asked_for and _imports_by_itself(job)
    scene = scene or bpy.data.scenes.get(job.spec.target.scene)
    if scene is None:
        _give_back(job, f"The scene “{job.spec.target.scene}” is not there any more.")
        raise Refused(f"The scene “{job.spec.target.scene}” is not there.", "Choose another one.")
    if job.clip is None:
        raise Refused("This job has no clip yet.")
    if not asked_for and sequencer.strips_of(scene, job.id):
        _report_imported(job, scene)
        return None
    try:
        landing = _place(context, job, job.clip, scene, frame if asked_for else None)
    except sequencer.ImportRefused as error:
        _give_back(job, str(error))
        raise Refused(str(error), code=ProblemCode.FILE) from error
    sequencer.show_scene(context, scene)
    if landing.notice:
        flow.notices[job.id] = landing
    if by_itself and job.id in flow.passes:
        flow.next_passes[job.id] = scene.name, landing.movie
    else:
        drop_passes(job.id, "The part before it was placed by hand.")
    _report_imported(job, scene)
    return landing


def _place(
    context: bpy.types.Context,
    job: Job,
    clip: Clip,
    scene: bpy.types.Scene,
    frame: int | None,
) -> sequencer.Landing:
    """Make the strips where they belong: at a frame, after their source, or over it."""
    spec, target = job.spec, job.spec.target
    title = spec.prompt or spec.source.image or "Grok Video"
    made = sequencer.Clip(clip.path, title, job.id, _view_of_source(job, scene))
    if target.place == "AT" or frame is not None:
        # The artist's word counts before the place that the clip was made for.
        at = target.frame if frame is None else frame
        if target.place == "AFTER":
            head = _head_of(job, clip)
            return placing.place_after(
                context, scene, made, source=None, frame=at, head=head, chosen=True
            )
        meta = sequencer.meta_at(scene, at)
        return sequencer.bring_in(
            context, scene, made, meta=meta, frame=at, settle=sequencer.settle_lowest
        )
    here = scene.name == target.scene
    if target.place == "OVER":
        source = here and shots.find_source(
            scene, target.strip, target.mark, target.frame, content=target.offset
        )
        part = placing.Part(target.frame, target.length, target.offset, target.channel, target.mark)
        return placing.place_over(context, scene, made, source=source or None, part=part)
    source = here and shots.find_source(scene, target.strip, target.mark, target.frame)
    return placing.place_after(
        context,
        scene,
        made,
        source=source or None,
        frame=target.frame,
        head=_head_of(job, clip),
    )


def _head_of(job: Job, clip: Clip) -> float:
    """Seconds at the start of a clip that are its source's and are not shown again."""
    video = job.spec.video
    if video is None:  # a shot that is continued: the clip is all new
        return 0.0
    return placing.head_seconds(clip.seconds, video.seconds, job.spec.duration)


def _view_of_source(job: Job, scene: bpy.types.Scene) -> str:
    """The view transform that the job's still came through; '' when it came through none."""
    source = job.spec.source
    if source.kind in ("NONE", "IMAGE"):
        return ""
    origin = bpy.data.scenes.get(source.scene)
    return (origin or scene).view_settings.view_transform


def _report_imported(job: Job, scene: bpy.types.Scene) -> None:
    send("imported", job=job.id, scene=scene.name, blend=bpy.data.filepath)
    current().settled.add(job.id)  # said once, however long the worker takes to read it


def _give_back(job: Job, sentence: str) -> None:
    """The clip waits in the queue with its Import button; nothing is lost."""
    if job.claimed_by == current().bridge.session and job.state is State.READY:
        problem = Problem(
            ProblemCode.SCENE, sentence, "The clip is kept. Press Import to place it.", charged=True
        )
        send("unclaim", job=job.id, problem=asdict(problem))
        current().settled.add(job.id)


def job_of(job_id: str, wanted: Callable[[Job], bool]) -> Job:
    """The job with that id (or the newest one that is ``wanted``). Raises Refused."""
    if bpy.app.background:  # no timer has read the ledger yet
        _read_all()
    snapshot = current().bridge.snapshot
    if job_id:
        job = snapshot.jobs.get(job_id)
        if job is None:
            raise Refused(f"There is no job “{job_id[:8]}” in the list.")
        return job
    for job in snapshot.all:
        if wanted(job):
            return job
    raise Refused("There is no such job in the list.")


def _read_all() -> None:
    bridge = current().bridge
    bridge.tick(1.0)
    while bridge.behind:
        if bridge.kept_out:  # see tick()
            bridge.ensure_worker(account())
            time.sleep(0.02)
        bridge.tick(1.0)


def wait_until(context: bpy.types.Context, job_id: str, ended: Callable[[Job], bool]) -> Job:
    """Tick until the job has ended (scripts and background mode only: this blocks)."""
    while True:
        tick(context)
        job = current().bridge.snapshot.jobs.get(job_id)
        if job is not None and ended(job):
            return job
        _refuse_hopeless()
        time.sleep(0.02)


def wait_for_command(context: bpy.types.Context, command: str, job: Job) -> None:
    """Tick until ``job`` has moved on by a command (scripts and background mode only: this blocks).

    Raises Refused when the command came too late.
    """

    def heard(now: Job) -> bool:
        return now.seq > job.seq or current().bridge.notice(command) is not None

    wait_until(context, job.id, heard)
    if (answer := current().bridge.notice(command)) is not None:
        raise Refused(str(answer["message"]))


def _refuse_hopeless() -> None:
    if why := current().bridge.hopeless:
        raise Refused(why, "The job is kept in the list and goes on when it can.")


# ------------------------------------------------------------------------------------------- the watching


def watch() -> None:
    """See to it that ticks happen while something is under way (never in background mode)."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_watchdog):
        bpy.app.timers.register(_watchdog, first_interval=0.0, persistent=True)


def _watchdog() -> float | None:
    """Start the modal timer operator again whenever it is not running and something is under way.

    It outlives File › New and File › Open, which end modal operators (docs/blender.md, §6).
    """
    if _flow is None:
        return None
    if not _flow.watched or time.monotonic() - _flow.ticked > DEAD_WATCH_SECONDS:
        _flow.watched = False
        window = next(iter(bpy.context.window_manager.windows), None)
        tick(bpy.context)
        if not busy():
            redraw()
            return None
        if window is not None:
            with bpy.context.temp_override(window=window):
                bpy.ops.grok_video.watch("INVOKE_DEFAULT")
    return 1.0


def watch_started() -> None:
    """The modal timer operator runs from now on."""
    flow = current()
    flow.watched = True
    flow.ticked = time.monotonic()
    flow.breath = time.monotonic() + BREATH_SECONDS


def watch_tick(context: bpy.types.Context) -> bool:
    """One tick of the modal timer operator; False when it has to end itself now."""
    if _flow is None:  # the add-on was disabled under it
        return False
    now = time.monotonic()
    _flow.since_click += min(now - _flow.ticked, TICK_SECONDS)
    _flow.ticked = now
    rendering = _flow.pending is not None
    _flow.news |= tick(context)
    again = time.monotonic() < _flow.breath and busy()
    second = int(time.monotonic())
    if not again or rendering != (_flow.pending is not None):
        redraw()
    elif second != _flow.second:
        # Blender blits the whole window whatever is redrawn in it, so what the worker tells waits for the
        # second: with ten jobs it would be done many times in one.
        redraw(times_only=not _flow.news)
    else:
        return again
    _flow.second, _flow.news = second, False
    return again


def watch_ended() -> None:
    """The modal timer operator ended: itself, or because its window or the file was closed."""
    if _flow is not None:
        _flow.watched = False
        watch()


def redraw(*, times_only: bool = False) -> None:
    """Redraw the sidebars and preferences; ``times_only``: no more than those that show the tab now."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type not in ("VIEW_3D", "SEQUENCE_EDITOR", "PREFERENCES"):
                continue
            for region in area.regions:
                if not times_only:
                    shown = region.type == "UI" or area.type == "PREFERENCES"
                else:  # a sidebar that is closed is one pixel wide
                    shown = (
                        region.type == "UI"
                        and region.width > 1
                        and region.active_panel_category == TAB
                    )
                if shown:
                    region.tag_redraw()


def preferences_changed() -> None:
    """The key, the base, the interval or the ledger's place was edited."""
    if _flow is None:
        return
    if _flow.bridge.data_dir != settings.data_dir():
        _flow.bridge.close()
        _flow.bridge = Bridge(settings.data_dir())
    if _flow.bridge.worker_runs:
        _flow.bridge.ensure_worker(account())
    watch()


@persistent
def _on_load(*_args: object) -> None:
    if _flow is not None:
        _flow.document = new_id()
        _flow.passes.clear()  # the edit that they were to go on in is closed
        _flow.next_passes.clear()
        if _flow.pending is not None:
            _drop_pending("Another file was opened.")
        watch()


def register() -> None:
    global _flow
    _flow = Flow(Bridge(settings.data_dir()))
    bpy.app.handlers.load_post.append(_on_load)
    # Jobs of an earlier session are shown and, where they are paid for, fetched.
    watch()


def unregister() -> None:
    global _flow
    bpy.app.handlers.load_post.remove(_on_load)
    if bpy.app.timers.is_registered(_watchdog):
        bpy.app.timers.unregister(_watchdog)
    flow, _flow = _flow, None
    if flow is not None:
        if flow.pending is not None:
            flow.pending.cancel()
        flow.bridge.close()

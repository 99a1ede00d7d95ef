"""One clip, from the button to the strip.

Owns the single bridge, the render that is under way, and what happens on a tick: a finished still becomes
a job, a downloaded clip becomes strips. Operators and the panel call in here; nothing here draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path

import bpy
from bpy.app.handlers import persistent

from ..core import models
from ..core.job import (
    Job,
    JobSpec,
    Kind,
    Problem,
    ProblemCode,
    Source,
    State,
    Target,
    new_id,
    spec_to_payload,
)
from . import capture, sequencer, settings
from .bridge import Account, Bridge, make_private

TICK_SECONDS = 0.1  # between two ticks while something is under way
TICK_BUDGET = 0.002  # seconds one tick may read the ledger
BREATH_SECONDS = (
    20.0  # a running modal operator blocks autosave, so it ends itself and is restarted
)
DOUBLE_CLICK_SECONDS = 1.0
MAX_FRAME = 1_048_574 - 60 * 240  # Blender's last frame, less a minute at its highest rate
CLAIM_SECONDS = 10.0  # before an import that was not granted is asked for again
SHOW_SECONDS = 0.15  # between a click and its render: a redraw fits in
TAB = "Grok Video"  # of the sidebars
DEAD_WATCH_SECONDS = 5.0  # without a tick: the modal operator is gone without a word


class Refused(Exception):
    """A sentence for the artist; nothing was rendered, sent or charged."""

    def __init__(self, message: str, hint: str = "", code: ProblemCode | None = None) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code


@dataclass(slots=True, eq=False, repr=False)
class _Pending:
    """A click whose still is not there yet: no job exists before its image does."""

    spec: JobSpec
    scene: str
    size: tuple[int, int]
    since: float  # monotonic time of the click
    render: capture.CameraRender | None = None


@dataclass(slots=True, eq=False, repr=False)
class Flow:
    """What this Blender session knows beyond the ledger."""

    bridge: Bridge
    document: str = field(default_factory=new_id)  # changes when another .blend is opened
    documents: dict[str, str] = field(default_factory=dict)  # job id → document it was clicked in
    pending: _Pending | None = None
    message: str = ""  # the last thing that ended a click without a job, for the panel
    notices: dict[str, str] = field(default_factory=dict)  # job id → about its colours
    claimed: dict[str, float] = field(
        default_factory=dict
    )  # job id → when its import was asked for
    settled: set[str] = field(default_factory=set)  # job ids whose import this session reported on
    waiting: str = ""  # why a clip that is ready is not imported just now
    last_click: tuple[object, float] = (None, 0.0)
    check: str = ""  # id of the last question whether the key is good
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


def obvious_trouble(
    context: bpy.types.Context, scene: bpy.types.Scene
) -> tuple[str, ProblemCode] | None:
    """Why Generate would refuse now, as far as a redraw may find out; None when it would not."""
    if trouble := connection_trouble():
        return trouble
    chosen = scene.grok_video
    if why := capture.refusal(context, scene, chosen.source, chosen.image):
        return why, ProblemCode.REQUEST
    prompt = chosen.written_prompt()
    if not prompt and chosen.source == "NONE":
        return "Write a prompt: a clip from text alone needs one.", ProblemCode.REQUEST
    if len(prompt) > models.MAX_PROMPT:
        much = len(prompt) - models.MAX_PROMPT
        return f"The prompt is {much} characters too long.", ProblemCode.REQUEST
    return None


def ratio_of(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """The ratio that will be asked for: 'AUTO' becomes the offered one nearest to the source."""
    chosen = scene.grok_video
    if chosen.aspect_ratio != "AUTO":
        return chosen.aspect_ratio
    ratios = models.MODELS[chosen.model].ratios
    size = capture.natural_size(context, scene, chosen.source, chosen.image)
    return models.nearest_ratio(*size, ratios) if size else ratios[0]


def price(scene: bpy.types.Scene) -> int | None:
    """The estimate in ticks of what Generate would buy now; None when it is not known."""
    chosen = scene.grok_video
    images = 0 if chosen.source == "NONE" else 1
    return models.estimate(chosen.model, chosen.duration, chosen.resolution, images)


def _spec(
    context: bpy.types.Context, scene: bpy.types.Scene, target: bpy.types.Scene, frame: int
) -> JobSpec:
    chosen = scene.grok_video
    job_id = new_id()
    prompt = chosen.written_prompt()
    folder = sequencer.clip_folder(bpy.data.filepath, settings.output_dir())
    return JobSpec(
        id=job_id,
        kind=Kind.GENERATE,
        model=chosen.model,
        prompt=prompt,
        duration=chosen.duration,
        resolution=chosen.resolution,
        aspect_ratio=ratio_of(context, scene),
        generate_audio=chosen.generate_audio and models.MODELS[chosen.model].audio,
        account=settings.account(),
        api_base=settings.api_base(),
        estimate=price(scene),
        image="" if chosen.source == "NONE" else str(still_path(job_id)),
        image_mime="" if chosen.source == "NONE" else f"image/{preferred_format().lower()}",
        output=str(sequencer.clip_path(folder, datetime.now(), prompt, job_id)),
        source=Source(chosen.source, scene=scene.name),
        target=Target(
            session=current().bridge.session,
            blend=bpy.data.filepath,
            scene=target.name,
            frame=frame,
        ),
    )


def preferred_format() -> str:
    """'PNG' or 'JPEG': how the first frame is sent."""
    return settings.preferences().still_format


def still_path(job_id: str) -> Path:
    """Where the still of a job lies: beside the ledger, so that sending again needs no render."""
    suffix = ".jpg" if preferred_format() == "JPEG" else ".png"
    return settings.data_dir() / "stills" / f"{job_id}{suffix}"


def generate(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
) -> str:
    """Start a clip from ``scene``'s settings for ``target`` at ``frame``; returns the id of the job to be.

    In a window a camera render is only noted here and started on the next tick, so that the panel can say
    *Rendering…* first. Raises Refused.
    """
    flow = current()
    if flow.pending is not None:
        raise Refused("The source of another clip is being rendered.", "Wait until it is done.")
    if trouble := connection_trouble():
        raise Refused(trouble[0], code=trouble[1])
    if trouble := flow.bridge.ledger_trouble:
        raise Refused(trouble)
    if target.library is not None or target.override_library is not None:
        raise Refused(
            f"The scene “{target.name}” is linked from another file and cannot take strips.",
            "Choose a local scene for the clip.",
        )
    if abs(frame) > MAX_FRAME:
        raise Refused(f"Blender's timeline ends before frame {frame}.", "Choose another frame.")
    chosen = scene.grok_video
    if why := capture.refusal(context, scene, chosen.source, chosen.image):
        raise Refused(why)
    spec = _spec(context, scene, target, frame)
    if problem := models.check(spec):
        raise Refused(problem.message, problem.hint, problem.code)
    _refuse_double_click(spec)
    flow.message = ""
    size = models.clip_size(spec.resolution, spec.aspect_ratio)
    if chosen.source == "NONE":
        _queue(spec)
        return spec.id
    make_private(flow.bridge.data_dir)
    Path(spec.image).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if chosen.source != "CAMERA":
        try:
            still = capture.capture_now(
                context,
                scene,
                chosen.source,
                chosen.image,
                size,
                Path(spec.image),
                preferred_format(),
            )
        except (capture.CaptureRefused, capture.CaptureInterrupted) as error:
            raise Refused(str(error)) from error
        _queue(_with_still(spec, still))
        return spec.id
    flow.pending = _Pending(spec, scene.name, size, time.monotonic())
    if bpy.app.background:
        _start_render(context)
        _collect_render()
        if flow.message:
            raise Refused(flow.message)
    else:
        watch()
    return spec.id


def _refuse_double_click(spec: JobSpec) -> None:
    # The second click of a double click arrives when the first has been dealt with.
    flow = current()
    same = what_a_click_asks_for(spec)
    before, at = flow.last_click
    if not bpy.app.background and before == same and time.monotonic() - at < DOUBLE_CLICK_SECONDS:
        raise Refused("This clip was sent just now.", "Press again if you want a second one.")
    flow.last_click = (same, time.monotonic())


def what_a_click_asks_for(spec: JobSpec) -> JobSpec:
    """What two clicks have in common that are one: the playhead may move between them."""
    return replace(spec, id="", image="", output="", target=Target(""))


def _start_when_shown(context: bpy.types.Context) -> bool:
    """Start the render that was clicked once *Rendering…* has been drawn: the window may freeze then."""
    pending = current().pending
    if pending is None or pending.render is not None:
        return False
    if time.monotonic() - pending.since < SHOW_SECONDS:
        return False
    _start_render(context)
    return True


def _start_render(context: bpy.types.Context) -> None:
    """Start the render that was clicked; what ends it without a still is said in ``message``."""
    flow = current()
    pending = flow.pending
    assert pending is not None
    scene = bpy.data.scenes.get(pending.scene)
    if scene is None:
        _drop_pending("The scene to be rendered is gone.")
        return
    try:
        pending.render = capture.CameraRender.start(
            context, scene, pending.size, Path(pending.spec.image), preferred_format()
        )
    except (capture.CaptureRefused, capture.CaptureInterrupted) as error:
        _drop_pending(str(error))


def _collect_render() -> bool:
    """Take the still of a finished render and queue its job; True when something changed."""
    flow = current()
    pending = flow.pending
    if pending is None or pending.render is None:
        return False
    try:
        still = pending.render.poll()
    except capture.CaptureInterrupted as error:
        _drop_pending(str(error))
        return True
    if still is None:
        return False
    flow.pending = None
    try:
        _queue(_with_still(pending.spec, still))
    except Refused as error:
        flow.message = str(error)
    return True


def _drop_pending(sentence: str) -> None:
    flow = current()
    flow.pending = None
    flow.message = f"{sentence} Nothing was sent or charged."


def _with_still(spec: JobSpec, still: capture.Still) -> JobSpec:
    return replace(
        spec,
        image=still.path,
        image_mime=still.mime,
        image_pixels=(still.width, still.height),
        image_bytes=still.size,
        source=still.source,
    )


def _queue(spec: JobSpec) -> None:
    """Hand the job to the worker. From here on it survives everything that happens to Blender."""
    flow = current()
    # Taking the still may have lasted longer than the time between the clicks of a double click.
    flow.last_click = (flow.last_click[0], time.monotonic())
    flow.documents[spec.id] = flow.document
    send("submit", spec=spec_to_payload(spec))


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
    if spec.image and not Path(spec.image).is_file():
        raise Refused("The source image of this job is gone.", "Generate the clip anew.")
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
        target=Target(
            session=current().bridge.session,
            blend=bpy.data.filepath,
            scene=target.name,
            frame=frame,
        ),
    )
    if problem := models.check(fresh):
        raise Refused(problem.message, problem.hint, problem.code)
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


def check_connection() -> None:
    """Ask the service whether the key is good; the answer is ``connection_answer()`` later."""
    flow = current()
    flow.bridge.ensure_worker(account())
    flow.check = send("check", account=settings.account())


def connection_answer() -> Mapping[str, object] | None:
    """{"ok": bool, "message": str} of the last check; None before there is one."""
    flow = current()
    return flow.bridge.notice(flow.check) if flow.check else None


def wait_for_check(context: bpy.types.Context) -> Mapping[str, object]:
    """Tick until the check is answered (scripts and background mode only: this blocks)."""
    while (answer := connection_answer()) is None:
        _refuse_hopeless()
        tick(context)
        time.sleep(0.02)
    return answer


def price_again(job: Job) -> int | None:
    """What sending ``job`` again would cost, in ticks, at today's prices."""
    spec = job.spec
    return models.estimate(spec.model, spec.duration, spec.resolution, 1 if spec.image else 0)


# ------------------------------------------------------------------------------------------- on the tick


def tick(context: bpy.types.Context) -> bool:
    """Everything that is due now; True when the panel has something new to show."""
    flow = current()
    changed = flow.bridge.tick(TICK_BUDGET)
    capture.tidy()
    changed |= _start_when_shown(context)
    changed |= _collect_render()
    try:
        changed |= _import_due(context)
    except Refused as error:
        if bpy.app.background:
            raise
        # Blender ends a timer that raises: it is said in the panel and tried again.
        flow.waiting = str(error)
    if busy():
        flow.bridge.ensure_worker(account())
    return changed


def busy() -> bool:
    """Whether something is under way that needs ticks."""
    flow = current()
    if flow.pending is not None or flow.bridge.expects:
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
        landing = sequencer.import_clip(
            context,
            scene,
            job.clip.path,
            frame=job.spec.target.frame if frame is None else frame,
            name=job.spec.prompt or job.spec.source.image or "Grok Video",
            job_id=job.id,
            made_from_view=_view_of_source(job, scene),
        )
    except sequencer.ImportRefused as error:
        _give_back(job, str(error))
        raise Refused(str(error), code=ProblemCode.FILE) from error
    sequencer.show_scene(context, scene)
    if landing.notice:
        flow.notices[job.id] = landing.notice
    _report_imported(job, scene)
    return landing


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

    It outlives File › New and File › Open, which end modal operators (measured, FACTS §4).
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
    _flow.ticked = time.monotonic()
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
        if _flow.pending is not None and _flow.pending.render is None:
            _flow.pending = None
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
        if flow.pending is not None and flow.pending.render is not None:
            flow.pending.render.cancel()
        flow.bridge.close()

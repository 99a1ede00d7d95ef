"""What ``scripts/bench.py`` measures in a real window: raw figures in seconds, handed back as notes."""

from __future__ import annotations

import base64
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import driver
import requests
from driver import Steps, Ui
from jobs import let_scripts_buy, newest, quick, strips, timeline
from patching import Patches

driver.REST = 0.0  # the figures of before are of a Blender that does not rest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
BEAT = 0.005  # seconds between two beats
SETTLE = 1.5  # seconds between the start of a traffic and the first beat that counts
POLLED = 10  # jobs that run all the while


class Heart:
    """A timer of Blender's that beats every 5 ms and notes how long it really took."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        bpy.app.timers.register(self._beat, persistent=True)

    def _beat(self) -> float:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now
        return BEAT

    def fresh(self) -> None:
        """Forget what was."""
        self.gaps.clear()
        self._last = time.perf_counter()

    def taken(self) -> list[float]:
        """The gaps since ``fresh()``, with the one that is still open."""
        gaps = [*self.gaps, time.perf_counter() - self._last]
        self.fresh()
        return gaps


# ------------------------------------------------------------------------------------------ heartbeat


class Traffic:
    """Jobs of the add-on: ten that are polled, and one after the other with large files."""

    def __init__(self, ui: Ui, image: str, megabytes: int, folder: Path) -> None:
        self.session = ui.module("blender.session")
        self.spec = ui.module("core.spec")
        self.payload = ui.module("core.payload")
        self.settings = ui.module("blender.config")
        self.image, self.megabytes, self.folder = image, megabytes, folder
        self.polled: list[str] = []
        self.carried: list[str] = []

    def submit(self, prompt: str, image: str = "") -> str:
        """Queue a job for the bench's service, which reads in the prompt what to do."""
        spec = self.spec.JobSpec(
            id=self.spec.new_id(), kind=self.spec.Kind.GENERATE, model="grok-imagine-video",
            prompt=prompt, duration=1, resolution="480p", aspect_ratio="16:9", generate_audio=True,
            account=self.settings.account(), api_base=self.settings.api_base(), estimate=0,
            image=image, image_mime="image/png" if image else "",
            image_bytes=Path(image).stat().st_size if image else 0,
            output=str(self.folder / f"{len(self.carried)}.mp4"),
            target=self.spec.Target(self.session.current().bridge.session),
        )  # fmt: skip
        self.session.send("submit", spec=self.payload.spec_to_payload(spec))
        return spec.id

    def of(self, job_id: str) -> Any:
        """The job as the panel shows it, or None."""
        return self.session.current().bridge.snapshot.jobs.get(job_id)

    def start(self, ui: Ui) -> Steps:
        """Have ten jobs polled: new ones the first time, the same ones taken up again later."""
        if self.polled:
            for job_id in self.polled:
                self.session.send("retry", job=job_id)
        else:
            self.polled = [self.submit(f"seconds=100000 number={n}") for n in range(POLLED)]
        yield from ui.until(
            lambda: all(self.of(i) and self.of(i).state == "RUNNING" for i in self.polled),
            "ten jobs under way",
            60,
        )

    def carry(self) -> None:
        """See to it that a large upload or download is under way."""
        if not self.carried or (self.of(self.carried[-1]) and self.arrived()):
            self.carried.append(self.submit(f"seconds=0 megabytes={self.megabytes}", self.image))

    def arrived(self) -> int:
        """How many large clips are there; their files are let go of."""
        there = [i for i in self.carried if (job := self.of(i)) and job.state == "READY"]
        for job_id in there:
            Path(self.of(job_id).clip.path).unlink(missing_ok=True)
        return len(there) if there and there[-1] == self.carried[-1] else 0

    def stop(self, ui: Ui) -> Steps:
        """Let the large one arrive, then stop the tracking of the others; the window is idle then."""
        yield from ui.until(self.arrived, "the last large clip", 60)
        for job_id in self.polled:
            self.session.send("stop", job=job_id)
        yield from ui.until(
            lambda: all(self.of(i).state == "CANCELLED" for i in self.polled), "the stop", 30
        )
        yield from ui.until(
            lambda: not self.session.current().watch.running, "the end of the watch", 60
        )


def by_hand(base: str, image: str, megabytes: int, folder: Path) -> None:
    """What scripts on the web do: encode, post, poll, fetch, each in one go."""
    session = requests.Session()
    session.trust_env = False
    data = base64.b64encode(Path(image).read_bytes()).decode()
    order = {
        "prompt": f"seconds=0 megabytes={megabytes}",
        "image": {"url": f"data:image/png;base64,{data}"},
    }
    job = session.post(f"{base}/v1/videos/generations", json=order).json()["request_id"]
    while True:
        answer = session.get(f"{base}/v1/videos/{job}").json()
        if answer["status"] == "done":
            break
        time.sleep(0.2)
    folder.joinpath("by-hand.mp4").write_bytes(session.get(answer["video"]["url"]).content)


class BENCH_OT_in_execute(bpy.types.Operator):
    bl_idname = "bench.in_execute"
    bl_label = "Requests in Execute"

    work: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        BENCH_OT_in_execute.work()
        return {"FINISHED"}


def heartbeat(
    ui: Ui, base: str, image: str, megabytes: int, folder: str, seconds: float, rounds: int
) -> Steps:
    """Gaps of the heartbeat in turn: idle, idle with redraws, ours, the two wrong ways."""
    out = Path(folder)
    ui.module("blender.config").preferences().poll_interval = 5.0
    yield from ui.sidebar("SEQUENCE_EDITOR")
    yield from ui.point("SEQUENCE_EDITOR")
    traffic = Traffic(ui, image, megabytes, out)
    heart = Heart()
    blocks: dict[str, list[list[float]]] = {}
    work = lambda: by_hand(base, image, megabytes, out)  # noqa: E731
    BENCH_OT_in_execute.work = staticmethod(work)
    bpy.utils.register_class(BENCH_OT_in_execute)

    def block(name: str, each: Callable[[], object] = lambda: None, pause: float = 0.1) -> Steps:
        yield SETTLE
        heart.fresh()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            each()
            yield pause
        blocks.setdefault(name, []).append(heart.taken())
        ui.note(blocks=blocks)

    def sidebar_redraw() -> None:
        ui.region("SEQUENCE_EDITOR").tag_redraw()

    for _ in range(rounds):
        yield from block("idle")
        yield from ui.sidebar("SEQUENCE_EDITOR", "Tool")
        yield from block("redraws", sidebar_redraw, 0.5)
        yield from ui.sidebar("SEQUENCE_EDITOR")
        yield from traffic.start(ui)
        traffic.carry()
        before = len(traffic.carried)
        yield from block("ours", traffic.carry)
        ui.note(carried=len(traffic.carried) - before)
        yield from traffic.stop(ui)
        yield from block("idle")
        threads: list[threading.Thread] = []

        def in_a_thread(threads: list[threading.Thread] = threads) -> None:
            if not threads or not threads[-1].is_alive():
                threads.append(threading.Thread(target=work))
                threads[-1].start()

        yield from block("thread", in_a_thread)
        while threads[-1].is_alive():
            yield 0.1
        yield 1.0
        heart.fresh()
        with ui.override("SEQUENCE_EDITOR"):
            bpy.ops.bench.in_execute()
        yield 0.2
        blocks.setdefault("execute", []).append(heart.taken())
    ui.note(blocks=blocks)


# ---------------------------------------------------------------------------------------------- panel


def _timed(
    draw: Callable[[Any, Any], None],
    own: list[float],
    clock: Callable[[], float] = time.perf_counter,
) -> Callable[[Any, Any], None]:
    def timed(self: Any, context: Any) -> None:
        start = clock()
        draw(self, context)
        own.append(clock() - start)

    return timed


SHOTS = 500


def panel(ui: Ui, draws: int, jobs: int) -> Steps:
    """How long Python draws each part of the panel, with as many jobs as the ledger holds."""
    samples: dict[str, list[float]] = {"request": [], "jobs": [], "opened": []}
    types = ui.module("blender.ui.sidebar")
    types.unregister()  # Blender looks at a panel's draw when it is registered
    request = types._RequestPanel.draw

    parts = [draw for _name, _title, draw in ui.module("blender.ui.strip")._SECTIONS]
    parts += [ui.module("blender.ui.references").draw_pictures]
    parts += [ui.module("blender.ui.edit").draw_edit_animation]

    def opened(self: Any, context: Any) -> None:
        request(self, context)
        for draw in parts:
            draw(self.layout.column(), context)

    patches = Patches()
    patches.set(types._RequestPanel, "draw", _timed(request, samples["request"]))
    patches.set(types._JobsPanel, "draw", _timed(types._JobsPanel.draw, samples["jobs"]))
    types.register()
    bpy.context.window_manager.grok_video.show = "ALL"
    state = ui.module("blender.session.state")
    yield from ui.sidebar("SEQUENCE_EDITOR")
    yield from ui.point("SEQUENCE_EDITOR")
    yield from ui.until(lambda: len(state.current().bridge.snapshot.all) == jobs, "all the jobs")
    a_strip(timeline())
    for own in samples.values():
        own.clear()

    def enough(name: str) -> Callable[[], bool]:
        def drawn() -> bool:
            ui.region("SEQUENCE_EDITOR").tag_redraw()
            return len(samples[name]) >= draws

        return drawn

    yield from ui.until(enough("request"), "enough redraws", 120)
    types.unregister()
    patches.set(types._RequestPanel, "draw", _timed(opened, samples["opened"]))
    types.register()
    yield from ui.until(enough("opened"), "enough redraws with all parts open", 120)
    for count in (1, SHOTS):
        own = samples.setdefault(f"shots {count}", [])
        search = samples.setdefault(f"search {count}", [])
        yield from a_list(ui, count)
        types.unregister()
        patches.set(types._RequestPanel, "draw", _listed(ui, own, search))
        types.register()
        yield from ui.until(enough(f"shots {count}"), f"enough redraws with {count} shots", 120)
    ui.note(samples=samples)


def a_list(ui: Ui, count: int) -> Steps:
    """A list of so many shots that follow each other, of which all is known that a row tells."""
    chosen = bpy.context.scene.grok_video
    chosen.shots.clear()
    for number in range(count):
        shot = chosen.shots.add()
        shot.mark, shot.name, shot.source = f"bench {number}", f"Shot {number}", "NONE"
        shot.prompt, shot.frame, shot.target_frame = "A heron", 1 + 24 * number, 1 + 24 * number
    shots = ui.module("blender.session.shots")

    def known() -> bool:
        told = shots.told(bpy.context, bpy.context.scene)
        return len(told) == count and all(one.price is not None for one in told)

    yield from ui.until(known, "the prices of the shots", 120)


def _listed(ui: Ui, own: list[float], search: list[float]) -> Callable[[Any, Any], None]:
    draw_shots = ui.module("blender.ui.shots").draw_shots
    clock = (
        time.thread_time
    )  # the processor's: a list of 10 rows is drawn long enough to be interrupted
    timed = _timed(lambda self, context: draw_shots(self.layout.column(), context), own, clock)
    searched = _timed(_search, search, clock)

    def draw(self: Any, context: Any) -> None:
        timed(self, context)
        searched(self, context)

    return draw


def _search(_self: Any, context: Any) -> None:
    """What Python does for a search by name in the list, ordered by frame."""
    kind: Any = bpy.types.GROK_VIDEO_UL_shots
    view = SimpleNamespace(filter_name="t 4", order="FRAME", bitflag_filter_item=1 << 30)
    kind.filter_items(view, context, context.scene.grok_video, "shots")


def a_strip(scene: bpy.types.Scene) -> None:
    """A strip that can be extended and edited, and is the active one."""
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    fields = {"length": 99} if bpy.app.version >= (5, 0) else {"frame_end": 100}
    editor.active_strip = strips.new_effect(
        name="Colour", type="COLOR", channel=2, frame_start=1, **fields
    )


# ---------------------------------------------------------------------------------------------- slots


def overlay(ui: Ui, draws: int, jobs: int, slots: list[int]) -> Steps:
    """How long what Blender calls at a redraw of the timeline takes, over so many slots in view, each of a job of its own."""
    session = ui.module("blender.session.state").current()
    handlers = ui.module("blender.ui.slot_overlay")._HANDLERS
    still = ui.module("core.still_movie")
    path = still.still_movie_path(ui.module("blender.config").data_dir(), "bench")
    still.write_still_movie(still.card(848, 480), path, 49, 24.0)
    yield from ui.sidebar("SEQUENCE_EDITOR")
    yield from ui.until(lambda: len(session.bridge.snapshot.all) == jobs, "all the jobs")
    waiting = [job for job in session.bridge.snapshot.all if job.clip is None][: max(slots)]
    assert len(waiting) == max(slots)
    editor = timeline().sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    samples: dict[str, list[float]] = {}
    sheet = ui.module("blender.ui.slot_drawing")._Sheet
    drawn: list[float] = []
    draw, patches = sheet.draw, Patches()

    def timed(self: Any) -> None:
        start = time.thread_time()
        draw(self)
        drawn.append(time.thread_time() - start)

    patches.set(sheet, "draw", timed, unused_ok="without a slot nothing is drawn")
    for count in sorted(slots):
        for number in range(len(strips), count):
            place = {"channel": 1 + number % 20, "frame_start": 1 + 60 * (number // 20)}
            strip = strips.new_movie(name="A heron", filepath=str(path), **place)
            strip["grok_video_job"] = waiting[number].id
        ui.module("blender.session.slots").look()
        assert len(session.slots.waiting) == count
        with ui.override("SEQUENCE_EDITOR", "WINDOW"):
            bpy.ops.sequencer.view_all()
        yield SETTLE  # Blender's own smooth view
        yield from ui.shot(f"overlay-{count}")
        whole = samples[f"{count} whole"] = []
        drawn.clear()
        with ui.override("SEQUENCE_EDITOR", "WINDOW"):
            for _ in range(draws):
                start = time.thread_time()  # other programs may have the machine
                handlers._draw("WINDOW")
                whole.append(time.thread_time() - start)
        samples[f"{count} ours"] = (
            [a - b for a, b in zip(whole, drawn, strict=True)] if drawn else []
        )
        assert not handlers._failed, "the drawing failed: see the log"
    ui.note(samples=samples)


# ----------------------------------------------------------------------------------------------- bake


def bake(ui: Ui, clip: str, rounds: int) -> Steps:
    """Gaps of the heartbeat: idle, and while a strip is baked."""
    scene = timeline()
    scene.render.fps = 24
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_sound("Sound", clip, 1, 1)
    editor.active_strip = strips.new_movie("Footage", clip, 2, 1)
    chosen = bpy.context.scene.grok_video
    chosen.extend_prompt, chosen.extend_seconds = "seconds=100000", 2
    queue = ui.module("blender.session.queue")
    state = ui.module("blender.session.state")
    yield from ui.sidebar("SEQUENCE_EDITOR")
    yield from ui.point("SEQUENCE_EDITOR")
    heart = Heart()
    jobs: set[str] = set()
    blocks: dict[str, list[list[float]]] = {"idle": [], "ours": []}

    def idle() -> Steps:
        yield SETTLE
        heart.fresh()
        end = time.monotonic() + 10.0
        while time.monotonic() < end:
            yield 0.1
        blocks["idle"].append(heart.taken())

    let_scripts_buy()
    for _ in range(rounds):
        yield from idle()
        heart.fresh()
        with ui.override("SEQUENCE_EDITOR"):
            bpy.ops.grok_video.extend("EXEC_DEFAULT")
        yield from ui.until(lambda: state.current().click.preparing is None, "the bake", 600)
        blocks["ours"].append(heart.taken())
        assert not state.current().click.message, state.current().click.message
        (job_id,) = state.current().documents.keys() - jobs
        jobs.add(job_id)
        yield from ui.until(
            lambda i=job_id: (job := state.job_by_id(i)) and job.state == "RUNNING",
            "the job under way",
            60,
        )
        queue.send("stop", job=job_id)
        yield from ui.until(lambda: not state.current().watch.running, "the end of the watch", 60)
        ui.note(blocks=blocks)


# --------------------------------------------------------------------------------------------- render


def many_objects(scene: bpy.types.Scene, count: int) -> None:
    """A grid of cubes that share one mesh, seen by the camera."""
    bpy.ops.mesh.primitive_cube_add(size=1)
    mesh = bpy.context.object.data
    for number in range(count - 1):
        cube = bpy.data.objects.new(f"Cube {number}", mesh)
        cube.location = (number % 50 - 25, number // 50 - 15, number % 7)
        scene.collection.objects.link(cube)
    quick(scene, seconds=1)  # last: it puts something in view where there is nothing
    scene.cycles.samples = 4
    scene.camera.location = (0, 0, 60)


def render(ui: Ui, objects: int, runs: int, folder: str) -> Steps:
    """Our camera render, and Blender's own of the scene and of a bare copy, in turn: start, run, heartbeat."""
    scene = bpy.context.scene
    with ui.override("SEQUENCE_EDITOR", "WINDOW"):
        many_objects(scene, objects)
    size = (848, 480)
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.use_sequencer = False
    bpy.context.preferences.view.render_display_type = "NONE"
    capture = ui.module("blender.sources.camera")
    heart = Heart()
    samples: dict[str, list[Any]] = {
        f"{who} {what}": [] for who in ("ours", "bare", "copy") for what in ("start", "run", "gaps")
    }
    yield 1.0
    for number in range(runs + 1):
        for who in ("ours", "bare", "copy") if number % 2 else ("copy", "bare", "ours"):
            copy = None
            heart.fresh()
            start = time.perf_counter()
            if who == "ours":
                path = Path(folder, f"still-{number}.png")
                with bpy.context.temp_override(window=ui.window):
                    running = capture.CameraRender.start(bpy.context, scene, size, path, "PNG")
            else:
                copy = scene.copy() if who == "copy" else None
                (copy or scene).render.filepath = str(Path(folder, f"{who}-{number}.png"))
                given = {"scene": copy} if copy else {"window": ui.window}
                with bpy.context.temp_override(**given):
                    bpy.ops.render.render("INVOKE_DEFAULT", write_still=True)
            started = time.perf_counter() - start
            if who == "ours":
                yield from ui.until(lambda one=running: one.poll(), "our render", 120)
            else:
                yield from ui.until(
                    lambda: not bpy.app.is_job_running("RENDER"), "Blender's render", 120
                )
            took = time.perf_counter() - start
            if copy is not None:
                bpy.data.scenes.remove(copy)
            if number:  # the first of each warms Cycles
                samples[f"{who} start"].append(started)
                samples[f"{who} run"].append(took)
                samples[f"{who} gaps"].append(heart.taken())
            yield 0.5
    ui.note(samples=samples)


def stills(ui: Ui, runs: int, folder: str) -> Steps:
    """Gaps of the heartbeat: idle, and while EEVEE's still of the scene is made here and in the background."""
    scene = bpy.context.scene
    if scene.camera is None:
        with ui.override("SEQUENCE_EDITOR", "WINDOW"):
            bpy.ops.mesh.primitive_monkey_add(rotation=(1.2, 0, 0))
        scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.camera.location = (0, 0, 6)
        scene.collection.objects.link(scene.camera)
    eevee = "BLENDER_EEVEE_NEXT" if (4, 2) <= bpy.app.version < (5, 0) else "BLENDER_EEVEE"
    scene.render.engine = eevee
    scene.eevee.taa_render_samples = 4
    ways = {
        "background": ui.module("blender.sources.background").BackgroundRender,
        "here": ui.module("blender.sources.camera").CameraRender,
    }
    samples: dict[str, list[Any]] = {"idle": []}
    heart = Heart()
    for number in range(runs + 1):
        yield SETTLE
        heart.fresh()
        end = time.monotonic() + 10.0
        while time.monotonic() < end:
            yield 0.1
        samples["idle"].append(heart.taken())
        for who, kind in ways.items():
            heart.fresh()
            start = time.perf_counter()
            path = Path(folder, f"{who}-{number}.png")
            with bpy.context.temp_override(window=ui.window):
                work = kind.start(bpy.context, scene, (848, 480), path, "PNG")
            while work.poll() is None:  # as often as a tick looks, and as when idle
                yield 0.1
            if number:  # the first of each fills the cache of shaders
                samples.setdefault(f"{who} took", []).append(time.perf_counter() - start)
                samples.setdefault(f"{who} gaps", []).append(heart.taken())
            yield 0.5
    ui.note(samples=samples)


def large(ui: Ui, runs: int, folder: str) -> Steps:
    """Longest gaps of the heartbeat while Cycles makes a still of few and of many vertices here, and while they are written."""
    sys.path.append(str(SCRIPTS))
    from bench_stills import VERTICES, heavy

    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.camera.location = (700, 700, 100)
    scene.collection.objects.link(scene.camera)
    ways = {
        "here": ui.module("blender.sources.camera").CameraRender,
        "written": ui.module("blender.sources.background").BackgroundRender,
    }
    samples: dict[str, list[float]] = {}
    heart = Heart()
    for number in range(runs + 1):
        for size, vertices in (("small", 50_000), ("large", VERTICES)):
            mesh = heavy(scene, vertices, 0)
            for who, kind in ways.items():
                yield SETTLE
                heart.fresh()
                path = Path(folder, f"{size}-{who}-{number}.png")
                with bpy.context.temp_override(window=ui.window):
                    work = kind.start(bpy.context, scene, (320, 180), path, "PNG")
                if who == "here":
                    yield from ui.until(lambda one=work: one.poll(), f"the {size} still", 300)
                else:
                    yield 0.1  # the beat after the writing; before its first poll there is no second Blender
                    work.cancel()
                if number:  # the first of each warms Cycles
                    samples.setdefault(f"{size} {who}", []).append(max(heart.taken()))
            bpy.data.meshes.remove(mesh)
    ui.note(samples=samples)


# ----------------------------------------------------------------------------------------------- done


def done(ui: Ui, runs: int) -> Steps:
    """From the service's *done*, as the worker read it, to the strip on the timeline."""
    quick(bpy.context.scene, seconds=1)
    ui.module("blender.config").preferences().poll_interval = 0.5
    chosen = bpy.context.scene.grok_video
    chosen.source = "NONE"
    let_scripts_buy()
    yield from ui.sidebar("SEQUENCE_EDITOR")
    samples: dict[str, list[float]] = {"strip": [], "ready": []}
    for number in range(runs):
        chosen.prompt = f"seconds=1.{number} a wave"
        timeline().frame_set(1 + 100 * number)
        with ui.override("SEQUENCE_EDITOR"):
            bpy.ops.grok_video.generate("EXEC_DEFAULT")
        before = len(strips())
        end = time.monotonic() + 60
        while len(strips()) == before:
            assert time.monotonic() < end, "the strip never came"
            yield
        seen = time.time()
        samples["strip"].append(seen - newest().done_at)
        samples["ready"].append(newest().ready_at - newest().done_at)
        yield 1.5  # the next click is no double click
    ui.note(samples=samples)

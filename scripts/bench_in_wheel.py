"""What ``scripts/bench.py`` runs inside the ``bpy`` wheel: each row in a process of its own.

Owns the measuring; the host reckons and prints. A JSON file says what to do and where the raw figures (seconds, bytes) go.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench_lists import full_inbox, long_list  # noqa: F401 - tasks of theirs
from bench_shots import shots  # noqa: F401
from bench_stills import written_scene  # noqa: F401
from bench_timeline import place, slots, takes  # noqa: F401

PACKAGE = "bl_ext.user_default.grok_video"
ROUNDS = 5  # over the sizes of the ledger, so that what else the machine does meets all alike
CHANGES_PER_SECOND = 20  # by another process during the ticks; ten jobs make about one


def module(name: str) -> Any:
    """A module of the installed extension."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def without_blender(name: str, package: Path) -> Any:
    """A module that needs no Blender, such as ``core.spec``, out of the installed extension's folder."""
    sys.path.insert(0, str(package.parent))
    try:
        return importlib.import_module(f"{package.name}.{name}")
    finally:
        sys.path.remove(str(package.parent))


# --------------------------------------------------------------------------- without Blender: ledgers


def openings(task: dict[str, Any]) -> dict[str, Any]:
    """Open a ledger of many jobs as a worker does: as it was left, and with one journal that is ahead of it."""
    package = Path(task["package"])
    specs, events = without_blender("core.spec", package), without_blender("core.events", package)
    ledgers = without_blender("ledger.ledger", package)
    reader = without_blender("ledger.reader", package)
    data = Path(task["data"])
    ledger = ledgers.Ledger.open(data)
    with ledger.transaction():
        for number in range(task["jobs"]):
            spec = specs.JobSpec(
                id=specs.new_id(), kind=specs.Kind.GENERATE, model="grok-imagine-video", prompt="snow " * 60,
                duration=6, resolution="720p", aspect_ratio="16:9", generate_audio=True,
                account="0123456789abcdef", api_base="http://127.0.0.1:9", estimate=42 * 10**8,
                output="/clips/clip.mp4", source=specs.Source("CAMERA", "Scene", 1.0, "Camera"),
                target=specs.Target("an earlier session", "/shots/shot.blend", "Scene", number),
            )  # fmt: skip
            for event in (events.Created(spec), events.StopRequested()):
                ledger.put(spec.id, event, "", 1000.0, journal=False)
            rows = ledger.connection.execute(
                "SELECT seq, at, kind, payload FROM events WHERE job = ? ORDER BY seq", (spec.id,)
            )
            line = '{"seq": %d, "at": %r, "kind": "%s", "payload": %s}\n'
            journal = data / "jobs" / f"{spec.id}.jsonl"
            journal.write_bytes("".join(line % row for row in rows).encode())
    ledger.close()
    samples: dict[str, list[float]] = {"read": [], "open": [], "ahead": [], "first": []}
    for name, times in (("first", 1), ("open", task["times"]), ("ahead", task["times"])):
        for number in range(times):
            if name == "ahead":
                with open(journal, "a", encoding="utf-8") as file:
                    file.write(line % (number + 3, 1.0, "dreamt", "{}"))
            started = time.perf_counter()
            ledger = ledgers.Ledger.open(data)
            samples[name].append(time.perf_counter() - started)
            ledger.close()
            started = time.perf_counter()
            with contextlib.closing(reader.LedgerReader(data)) as alone:
                alone.refresh(60.0)
            samples["read"].append(time.perf_counter() - started)
    return samples


def make_ledger(task: dict[str, Any]) -> dict[str, Any]:
    """Fill a ledger: ten jobs of another key under way, twenty clips waiting, the others ended."""
    package = Path(task["package"])
    specs, events = without_blender("core.spec", package), without_blender("core.events", package)
    ledger = without_blender("ledger.ledger", package).Ledger.open(Path(task["data"]))
    words = "The camera drifts slowly around the glowing cube while snow begins to fall. "
    clip = specs.Clip("/clips/clip.mp4", 4_000_000, 1280, 720, 24.0, 145, 145 / 24, True)
    under_way = [events.SubmitStarted(7 * 10**9), events.Sending(), events.Submitted("request")]
    came = [
        *under_way,
        events.Done("http://127.0.0.1/clip.mp4", 7 * 10**9),
        events.Downloaded(clip),
    ]
    for number in range(task["jobs"]):
        spec = specs.JobSpec(
            id=specs.new_id(), kind=specs.Kind.GENERATE, model="grok-imagine-video", prompt=words * 4,
            duration=6, resolution="720p", aspect_ratio="16:9", generate_audio=True,
            account="0123456789abcdef", api_base="http://127.0.0.1:9", estimate=42 * 10**8,
            image="/stills/still.png", image_mime="image/png",
            image_bytes=1_500_000, output="/clips/clip.mp4",
            source=specs.Source("CAMERA", "Scene", 1.0, "Camera"),
            target=specs.Target("an earlier session", "/shots/shot.blend", "Scene", number),
        )  # fmt: skip
        if number < 10:
            happened = under_way
        elif number < 30:
            happened = came
        elif number < 100:
            happened = [
                *came,
                events.ImportClaimed("x"),
                events.Imported("Scene", "/shots/shot.blend"),
            ]
        else:
            happened = [events.StopRequested()]
        for event in [events.Created(spec), *happened]:
            ledger.append(spec.id, None, event)
    ledger.close()
    return {}


def change_ledger(task: dict[str, Any]) -> dict[str, Any]:
    """Write progress of one job after the other into a ledger, as a worker does, until standard input ends."""
    package = Path(task["package"])
    events = without_blender("core.events", package)
    ledger = without_blender("ledger.ledger", package).Ledger.open(Path(task["data"]))
    running = [one.id for one in ledger.jobs() if one.state == "RUNNING"]
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    print("ready", flush=True)
    number = 0
    while not ended.wait(1 / CHANGES_PER_SECOND):
        number += 1
        ledger.append(running[number % len(running)], None, events.Progress(number % 100))
    ledger.close()
    return {}


# ------------------------------------------------------------------------------------------- register


def register(_task: dict[str, Any]) -> dict[str, Any]:
    """Blender's start, then the add-on's, in a fresh process."""
    start = time.perf_counter()
    import bpy

    started = time.perf_counter()
    package = importlib.import_module(PACKAGE)
    bpy.context.preferences.addons.new().module = PACKAGE  # as Blender does before it registers
    before = time.perf_counter()
    package.register()
    ended = time.perf_counter()
    package.unregister()
    again = time.perf_counter()
    package.register()
    warm = time.perf_counter() - again
    package.unregister()
    return {
        "blender": started - start,
        "register": ended - before,
        "register warm": warm,
        "version": bpy.app.version_string,
    }


def install(task: dict[str, Any]) -> dict[str, Any]:
    """Install the zip; it is enabled by each row itself. Tells where it lies."""
    import bpy

    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=task["archive"], enable_on_install=True
    )
    folder = str(Path(str(importlib.import_module(PACKAGE).__file__)).parent)
    return {"package": folder, "version": bpy.app.version_string}


@contextlib.contextmanager
def enabled(data_home: Path) -> Iterator[None]:
    """The add-on, enabled with its ledger in ``data_home``."""
    import bpy

    os.environ["XDG_DATA_HOME"] = str(data_home)
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    assert PACKAGE in bpy.context.preferences.addons, "the add-on could not be enabled"
    try:
        yield
    finally:
        bpy.ops.preferences.addon_disable(module=PACKAGE)


# ----------------------------------------------------------------------------------------------- tick


def tick(task: dict[str, Any]) -> dict[str, Any]:
    """A tick with ledgers of several sizes, quiet and with changes from another process."""
    import bpy

    samples: dict[str, list[float]] = {}
    each = task["ticks"] // ROUNDS
    for _ in range(ROUNDS):
        for jobs, home in task["homes"].items():
            for kind in ("quiet", "changing"):
                with enabled(Path(home)), _changes(task, home, kind) as changing:
                    _ticks(bpy.context, changing, each, samples, f"{kind} {jobs}", f"first {jobs}")
    return samples


def _ticks(
    context: Any,
    changing: bool,
    wanted: int,
    samples: dict[str, list[float]],
    name: str,
    first: str,
) -> None:
    tick = module("blender.session.tick")
    state = module("blender.session.state")
    clock = time.perf_counter
    while True:  # until all that the ledger holds was read
        start = clock()
        tick.tick(context)
        samples.setdefault(first, []).append(clock() - start)
        if not state.current().bridge.reader.behind:
            break
    own = samples.setdefault(name, [])
    changed = samples.setdefault(f"{name}, a change", [])
    for _ in range(wanted):
        start = clock()
        news = tick.tick(context)
        took = clock() - start
        own.append(took)
        if news:
            changed.append(took)
        # Between ticks Blender does something else: what they left in the caches is gone.
        time.sleep(0.002 if changing else 0.0005)


@contextlib.contextmanager
def _changes(task: dict[str, Any], home: str, kind: str) -> Iterator[bool]:
    if kind == "quiet" or not Path(home, "grok_video", "ledger.sqlite3").exists():
        yield False
        return
    given = Path(task["result"]).with_name("changes.json")
    asked = {
        "do": "change_ledger",
        "package": task["package"],
        "data": str(Path(home, "grok_video")),
        "result": str(given.with_suffix(".result")),
    }
    given.write_text(json.dumps(asked), "utf-8")
    writer = subprocess.Popen(
        [sys.executable, __file__, str(given)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdin
    assert writer.stdout
    writer.stdout.readline()
    try:
        yield True
    finally:
        writer.stdin.close()
        writer.wait()
        writer.stdout.close()


# --------------------------------------------------------------------------------------------- worker


def worker(task: dict[str, Any]) -> dict[str, Any]:
    """From the spawn to *ready*, beside a Python that does nothing; then memory at large files."""
    import bpy

    samples: dict[str, list[float]] = {"ready": [], "bare": []}
    home = Path(task["home"])
    with enabled(home):
        queue = module("blender.session.queue")
        bridge = module("blender.session.bridge")
        for number in range(task["spawns"]):
            start = time.perf_counter()
            subprocess.run([sys.executable, *bpy.app.python_args, "-c", "pass"], check=True)
            samples["bare"].append(time.perf_counter() - start)
            own = bridge.Bridge(home / f"spawn-{number}")
            start = time.perf_counter()
            own.worker.ensure(queue.account())
            ready = own.data_dir / "workers"
            while not any(ready.glob("*.ready")):
                time.sleep(0.0005)
            samples["ready"].append(time.perf_counter() - start)
            own.close()
    return samples


def memory(task: dict[str, Any]) -> dict[str, Any]:
    """The worker's peak memory: idle, small, at a large upload, at a large download."""
    import bpy

    bpy.context.preferences.system.use_online_access = True
    home = Path(task["home"])
    peaks: dict[str, Any] = {}
    with enabled(home):
        module("blender.config").preferences().poll_interval = 0.2
        for name, image, megabytes in (
            ("idle", "", None),
            ("small", "", 0),
            ("upload", task["image"], 0),
            ("download", "", task["megabytes"]),
        ):
            peaks[name] = _peak(home / f"memory-{name}", image, megabytes)
    return peaks


def _peak(data: Path, image: str, megabytes: int | None) -> float | None:
    """The peak memory of a worker in bytes; None where the system does not tell."""
    queue = module("blender.session.queue")
    bridge = module("blender.session.bridge")
    own = bridge.Bridge(data)
    own.worker.ensure(queue.account())
    while not any((data / "workers").glob("*.ready")):
        time.sleep(0.01)
    if megabytes is not None:
        spec = spec_of(f"seconds=0 megabytes={megabytes}", own.session, data / "clip.mp4", image)
        own.send("submit", spec=module("core.payload").spec_to_payload(spec))
        state, end = "", time.monotonic() + 120
        while state not in ("READY", "FAILED", "UNKNOWN"):
            assert time.monotonic() < end, f"the job is still {state or 'not there'}"
            time.sleep(0.02)
            own.tick(1.0)
            state = own.snapshot.all[0].state if own.snapshot.all else ""
        assert state == "READY", own.snapshot.all[0].problem
    peak = memory_of(own.worker.pid, "VmHWM")
    own.close()
    (data / "clip.mp4").unlink(missing_ok=True)
    return peak


def memory_of(process: int | str, line: str) -> int | None:
    """Bytes of a process now ('VmRSS') or at its peak ('VmHWM'); None where the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    return next((int(li.split()[1]) * 1024 for li in lines if li.startswith(line)), None)


@contextlib.contextmanager
def growth(into: dict[str, Any]) -> Iterator[None]:
    """By how many bytes this process is larger at its peak than it was before, as ``into["growth"]``."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")  # the peak counts from now on
    before = memory_of("self", "VmRSS")
    yield
    peak = memory_of("self", "VmHWM")
    into["growth"] = None if before is None or peak is None else max(peak - before, 0)


def spec_of(prompt: str, session: str, output: Path, image: str = "") -> Any:
    """A job for the bench's service, which reads in the prompt what it shall do."""
    job = module("core.spec")
    settings = module("blender.config")
    return job.JobSpec(
        id=job.new_id(), kind=job.Kind.GENERATE, model="grok-imagine-video", prompt=prompt,
        duration=1, resolution="480p", aspect_ratio="16:9", generate_audio=True,
        account=settings.account(), api_base=settings.api_base(), estimate=5 * 10**8,
        image=image, image_mime="image/png" if image else "",
        image_bytes=os.path.getsize(image) if image else 0, output=str(output),
        target=job.Target(session),
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------- bake


def strip_of_footage(clip: str) -> Any:
    """A scene of the footage's size with the footage in it, picture and sound; gives the picture's strip."""
    import bpy

    scene = bpy.context.scene
    scene.render.fps = 24
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    scene.view_settings.view_transform = "Standard"
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_sound("Sound", clip, 1, 1)
    strip = strips.new_movie("Footage", clip, 2, 1)
    editor.active_strip = strip
    return strip


def bake(task: dict[str, Any]) -> dict[str, Any]:
    """Extend a strip of 15 s, as a window does it: the bake on ticks, until the service has the job."""
    import bpy

    home, told = Path(task["home"]), {"polls": [], "child": None}
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.preferences.system.use_online_access = True
    strip_of_footage(task["clip"])
    start = time.perf_counter()
    bpy.ops.wm.save_as_mainfile(filepath=str(home / "shot.blend"), compress=False)
    told["save"] = time.perf_counter() - start
    with enabled(home):
        state = module("blender.session.state")
        click = module("blender.session.click")
        blocking = module("blender.session.blocking")
        extend = module("blender.submission.extend")
        scene = bpy.context.scene
        scene.grok_video.extend_prompt, scene.grok_video.extend_seconds = "seconds=100000", 2
        source = module("blender.timeline.source_strip").active_source_strip(bpy.context)
        with growth(told):
            start = time.perf_counter()
            known = state.session_id(), state.job_by_id
            submission = extend.extension(scene, source, *known, 2)
            (step,) = submission.steps
            step.start(bpy.context)
            told["started"] = time.perf_counter() - start
            change = None
            while change is None:
                looked = time.perf_counter()
                process = step.work._process
                change = step.poll(bpy.context)
                told["polls"].append(time.perf_counter() - looked)
                if peak := memory_of(process.pid, "VmHWM"):
                    told["child"] = max(told["child"] or 0, peak)
                time.sleep(0.02)
            told["bake"] = time.perf_counter() - start
            spec = change(submission.spec)
            click.queue_job(spec, None)
            blocking.wait_until(bpy.context, spec.id, lambda job: job.state == "RUNNING")
            told["whole"] = time.perf_counter() - start
    return told


def render_strip(task: dict[str, Any]) -> dict[str, Any]:
    """The baseline of the bake: the same pictures by Blender's own render, in the Blender that the artist has."""
    import bpy

    told: dict[str, Any] = {}
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    strip = strip_of_footage(task["clip"])
    strip.transform.scale_x = strip.transform.scale_y = 2 / 3
    scene = bpy.context.scene
    output = scene.render
    output.resolution_x, output.resolution_y = 1280, 720
    scene.frame_start, scene.frame_end = 1, 360
    if hasattr(output.image_settings, "media_type"):
        output.image_settings.media_type = "VIDEO"
    output.image_settings.file_format = "FFMPEG"
    output.ffmpeg.format, output.ffmpeg.codec, output.ffmpeg.audio_codec = "MPEG4", "H264", "AAC"
    output.filepath = str(Path(task["folder"], "rendered.mp4"))
    output.use_file_extension = False
    with growth(told):
        start = time.perf_counter()
        bpy.ops.render.render(animation=True)
        told["took"] = time.perf_counter() - start
    told["peak"] = memory_of("self", "VmHWM")
    return told


def transcode(task: dict[str, Any]) -> dict[str, Any]:
    """Another baseline of the bake: the same file by the encoder alone, as somebody makes it outside of Blender."""
    out = Path(task["folder"], "coded.mp4")
    start = time.perf_counter()
    process = subprocess.Popen(
        [task["ffmpeg"], "-v", "error", "-y", "-i", task["clip"], "-vf", "scale=1280:720",
         "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", str(out)],
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    peak = None
    while process.poll() is None:
        peak = memory_of(process.pid, "VmHWM") or peak
        time.sleep(0.01)
    took = time.perf_counter() - start
    assert process.returncode == 0
    return {"took": took, "peak": peak}


def main() -> None:
    """Do what the task says."""
    task = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    if profile := task.get("profile"):
        import cProfile

        run = cProfile.Profile()
        result = run.runcall(globals()[task["do"]], task)
        run.dump_stats(profile)
    else:
        result = globals()[task["do"]](task)
    Path(task["result"]).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()

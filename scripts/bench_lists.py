"""What ``bench.py`` measures of long lists and full inboxes, inside the ``bpy`` wheel: raw figures in seconds.

Owns the ledgers of thousands of jobs, made in one transaction, and the inbox of thousands of commands. Its functions
are tasks of ``bench_in_wheel.py``, which has the means.
"""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

SLICE = 0.01  # seconds between two slices of a list, as a window's timer makes them
LONGEST = 600.0  # seconds after which nothing more is waited for


def long_list(task: dict[str, Any]) -> dict[str, Any]:
    """Ticks of the first reading of a long list: the processor's time of each, and when its first page was there.

    The processor's and not the clock's: what else a machine does in a minute would be the longest tick.
    """
    import bench_in_wheel as wheel
    import bpy

    home = Path(task["home"])
    _fill(home / "grok_video", Path(task["package"]), task["jobs"])
    gc.collect()  # what the filling has left is not the ticks' to look through
    told: dict[str, Any] = {"ticks": [], "page": None, "empty": []}
    with wheel.enabled(home):
        tick = wheel.module("blender.session.tick").tick
        bridge = wheel.module("blender.session.state").current().bridge
        began = time.perf_counter()
        while time.perf_counter() - began < LONGEST:
            start = time.thread_time()
            tick(bpy.context)
            told["ticks"].append(time.thread_time() - start)
            if told["page"] is None and len(bridge.snapshot.all) >= 8:
                told["page"] = time.perf_counter() - began
            if not bridge.reader.behind:
                break
            time.sleep(task["between"])
        told["all"] = time.perf_counter() - began
        for _ in range(200):
            start = time.thread_time()
            tick(bpy.context)
            told["empty"].append(time.thread_time() - start)
    return told


def _fill(data: Path, package: Path, jobs: int) -> None:
    """A ledger of that many jobs, imported all but the newest eight."""
    import bench_in_wheel as wheel

    specs = wheel.without_blender("core.spec", package)
    events = wheel.without_blender("core.events", package)
    ledger = wheel.without_blender("ledger.ledger", package).Ledger.open(data)
    words = "The camera drifts slowly around the glowing cube while snow begins to fall. "
    clip = specs.Clip("/clips/clip.mp4", 4_000_000, 1280, 720, 24.0, 145, 145 / 24, True)
    came = [
        events.SubmitStarted(7 * 10**9), events.Sending(), events.Submitted("request"),
        events.Done("http://127.0.0.1/clip.mp4", 7 * 10**9), events.Downloaded(clip),
        events.ImportClaimed("x"), events.Imported("Scene", "/shots/shot.blend"),
    ]  # fmt: skip
    with ledger.transaction():
        for number in range(jobs):
            spec = specs.JobSpec(
                id=specs.new_id(), kind=specs.Kind.GENERATE, model="grok-imagine-video", prompt=words * 4,
                duration=6, resolution="720p", aspect_ratio="16:9", generate_audio=True,
                account="0123456789abcdef", api_base="http://127.0.0.1:9", estimate=42 * 10**8,
                output="/clips/clip.mp4", source=specs.Source("CAMERA", "Scene", 1.0, "Camera"),
                target=specs.Target("an earlier session", "/shots/shot.blend", "Scene", number),
            )  # fmt: skip
            ended = came if number < jobs - 8 else [events.StopRequested()]
            for event in (events.Created(spec), *ended):
                ledger.put(spec.id, event, "", 1000.0 + number, journal=False)
    ledger.close()


def full_inbox(task: dict[str, Any]) -> dict[str, float]:
    """From the answer to a paid POST until its id is on record: with an empty inbox, and with a full one."""
    import bench_in_wheel as wheel
    import bpy

    bpy.context.preferences.system.use_online_access = True
    told: dict[str, float] = {}
    with wheel.enabled(Path(task["home"])):
        for name, commands in (("empty", 0), ("full", task["commands"])):
            own = wheel.module("blender.session.bridge").Bridge(Path(task["home"]) / name)
            own.worker.ensure(wheel.module("blender.session.queue").account())
            spec = wheel.spec_of(
                f"seconds=100000 answers={task['answers']}", own.session, own.data_dir / "clip.mp4"
            )
            own.send("submit", spec=wheel.module("core.payload").spec_to_payload(spec))

            def once(own: Any, spec: Any, what: str) -> float:
                end = time.monotonic() + LONGEST
                while not getattr(own.snapshot.jobs.get(spec.id), what, None):
                    assert time.monotonic() < end, f"the job is never {what}"
                    own.tick(1.0)
                    time.sleep(0.005)
                return time.monotonic()

            left = once(own, spec, "sent")
            put = wheel.module("ledger.inbox").put_command
            for _ in range(commands):
                put(own.data_dir, "stop", job="0" * 32)
            own.worker.wake()
            told[f"{name} put"] = time.monotonic() - left
            told[name] = once(own, spec, "request_id") - left - task["answers"]
            own.close()
    return told

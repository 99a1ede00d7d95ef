"""Blender dies at every boundary between what it puts down and what it does next: bought once, lost never.

A Blender of its own clicks and goes on until the strip is there, first to its end, which tells all the
boundaries that there are (``scripts/boundaries.py``), then once for each of them up to its death there. What
later sessions find must be one of a few ends, and be offered where it does not come by itself. The worker's
own boundaries are in ``tests/core/test_crash.py``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .editing import strips
from .others import DATA_HOME, DATA_NAME, KILLED, Other, wait_for, workers_gone

pytestmark = pytest.mark.long

Module = Callable[[str], ModuleType]
PACKAGE = "bl_ext.user_default.grok_video"

#: What there is to be seen at all; without them the wrapping or the flow has changed.
LANDMARKS = (
    "before the still",
    "after the still",
    "open inbox/submit",
    "opened inbox/submit",
    "half of inbox/submit",
    "rename inbox/submit",
    "renamed inbox/submit",
    "start of the worker",
    "after the start of the worker",
    "told account",
    "told online",
    "seen SENT",
    "seen RUNNING",
    "seen DOWNLOADING",
    "seen READY",
    "rename inbox/claim",
    "renamed inbox/claim",
    "seen the claim granted",
    "before the strip",
    "after the strip",
    "rename inbox/imported",
    "renamed inbox/imported",
    "told end",
)

CLICK = """
enable()
{saved} and bpy.ops.wm.save_as_mainfile(filepath={blend!r})
ask_for_the_cheapest({prompt!r}, "IMAGE")
from boundaries import Boundaries
boundaries = Boundaries(module, **{plan!r})
bpy.ops.grok_video.generate()
bpy.ops.preferences.addon_disable(module=PACKAGE)
"""


@dataclass(frozen=True)
class Point:
    """Where one Blender dies, and how."""

    boundary: str  # '': nowhere
    both: bool = False  # its worker dies first; else that ends by itself
    save: bool = False  # the file is saved right after the strip is there
    saved: bool = True  # the file had been saved before the click

    def __str__(self) -> str:
        how = [name for name in ("both", "save") if getattr(self, name)]
        return " ".join([self.boundary or "nowhere", *how, *([] if self.saved else ["unsaved"])])


@dataclass
class Crash:
    """What a Blender left behind."""

    point: Point
    root: Path
    passed: list[str] = field(default_factory=list)  # boundaries
    ids: list[str] = field(default_factory=list)  # request ids on record then

    @property
    def data(self) -> Path:
        return self.root / "data" / DATA_NAME

    @property
    def blend(self) -> Path:
        return self.root / "shot.blend"


def crash(point: Point, root: Path, module: Module) -> Crash:
    """Let a Blender click and die at ``point``; returns when its worker has ended as well."""
    root.mkdir()
    crash = Crash(point, root)
    record = root.with_suffix(".boundaries")
    plan = {
        "root": str(root),
        "record": str(record),
        "die_at": point.boundary,
        "both": point.both,
        "save": point.save,
    }
    told = CLICK.format(saved=point.saved, blend=str(crash.blend), prompt=str(point), plan=plan)
    with Other.start(root.with_suffix(".log"), **{DATA_HOME: str(root / "data")}) as other:
        if not point.boundary:
            other.do(told)
        else:
            other.tell(told)
            assert other.wait() == KILLED, f"{point} never came\n{other.log}"
    crash.passed = record.read_text("utf-8").splitlines()
    assert point.boundary in ("", crash.passed[-1])
    wait_for(
        lambda: workers_gone(crash.data, module("ledger.locks").FileLock.take),
        f"the worker's end, {point}",
    )
    reader = module("ledger.reader").LedgerReader(crash.data)
    reader.refresh(10.0)
    crash.ids = [job.request_id for job in reader.jobs.values() if job.request_id]
    reader.close()
    return crash


class Later:
    """The Blender of the tests as a later session on what others left behind."""

    def __init__(self, bpy: Any, module: Module, stand_in: Any) -> None:
        self.bpy = bpy
        self.module = module
        self.stand_in = stand_in

    @contextmanager
    def session(self, crash: Crash) -> Iterator[None]:
        """Blender starts and the artist opens the file, where there is one; then Blender ends."""
        self.bpy.ops.preferences.addon_disable(module=PACKAGE)
        os.environ[DATA_HOME] = str(crash.root / "data")
        self.bpy.ops.preferences.addon_enable(module=PACKAGE)
        self.bpy.context.preferences.addons[PACKAGE].preferences.poll_interval = 0.2
        if crash.point.saved:
            self.bpy.ops.wm.open_mainfile(filepath=str(crash.blend))
        else:
            self.bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        try:
            yield
        finally:
            self.bpy.ops.preferences.addon_disable(module=PACKAGE)
            take = self.module("ledger.locks").FileLock.take
            wait_for(lambda: workers_gone(crash.data, take), "the end of the worker")

    @property
    def job(self) -> Any:
        """The one job; None when nothing was put down."""
        jobs = self.module("blender.session.state").current().bridge.snapshot.all
        assert len(jobs) <= 1
        return jobs[0] if jobs else None

    def settle(self, *, held: bool = True) -> None:
        """Tick until nothing is under way; ``held``: and nothing waits for being held."""
        tick = self.module("blender.session.tick")
        state = self.module("blender.session.state")

        def rests() -> bool:
            tick.tick(self.bpy.context)
            job = self.job
            queued = not held and job is not None and job.state == "QUEUED"
            return not tick.busy() or (queued and not state.current().bridge.expects)

        try:
            wait_for(rests, "the end of what is under way")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._under_way()}") from None

    def _under_way(self) -> str:
        bridge = self.module("blender.session.state").current().bridge
        files = sorted(path.name for path in (bridge.data_dir / "inbox").iterdir())
        log = (bridge.data_dir / "worker.log").read_text("utf-8", "replace")
        return f"{self.job}, inbox {files}, {bridge.reader.trouble}{bridge.worker.trouble}\n{log[-2000:]}"

    def posts(self, crash: Crash) -> int:
        """Whole submissions of the crash's click that came to the service."""
        return sum(
            request["complete"] and (request["body"] or {}).get("prompt") == str(crash.point)
            for request in self.stand_in.requests("submit")
        )

    def made(self, crash: Crash) -> list[str]:
        """Request ids of what the service made of the click."""
        return [j["id"] for j in self.stand_in.jobs() if j["prompt"] == str(crash.point)]

    def clips(self) -> int:
        """How many times the clip is in the file."""
        return sum(
            strip.type == "MOVIE" and "grok_video_job" in strip
            for scene in self.bpy.data.scenes
            for strip in strips(scene)
        )

    def find(self, crash: Crash, *, held: bool) -> str:
        """A session after the crash, in which the artist presses what is offered; the end that it found.

        A job is held ten seconds after it came. Without ``held`` the session ends before that: ''.
        """
        ops, posts = self.bpy.ops.grok_video, self.posts(crash)
        assert posts <= 1
        with self.session(crash):
            self.settle(held=held)
            job, before = self.job, self.clips()
            assert before <= 1
            assert self.posts(crash) == posts, "a later session bought by itself"
            if job is None:
                assert not posts
                return "no click"
            if job.state == "QUEUED" and not job.held:
                return ""
            assert crash.ids in ([], [job.request_id])
            assert self.made(crash) in ([], [job.request_id]) or job.state == "UNKNOWN"
            if job.held:
                end = "held"
                assert not job.sent
                assert posts == 0
                assert ops.release(job=job.id) == {"FINISHED"}
            elif job.state == "UNKNOWN":
                end = "unknown"
                assert job.sent
                assert job.reserved == job.spec.estimate > 0
                (made,) = self.made(crash)
                assert ops.request_id(job=job.id, value=made) == {"FINISHED"}
            elif job.state == "READY":
                end = "ready"
                assert not crash.point.saved, "it did not come by itself"
                assert before == 0
                assert ops.import_result(job=job.id) == {"FINISHED"}
            elif before:
                end = "imported"
            else:  # the file was not saved with the strip in it
                end = "imported, not saved"
                assert ops.import_result(job=job.id) == {"FINISHED"}
            self.settle()
            assert self.job.state == "IMPORTED"
            assert self.clips() == 1
            assert self.posts(crash) == 1
            assert self.made(crash) == [self.job.request_id]
        return end


def points_of(passed: list[str], unsaved: list[str]) -> list[Point]:
    """Where to die: at every boundary, with and without the worker once there is one."""
    worker, strip = passed.index("after the start of the worker"), passed.index("after the strip")
    points = [Point(boundary) for boundary in passed]
    points += [Point(boundary, both=True) for boundary in passed[worker:]]
    points += [Point(boundary, save=True) for boundary in passed[strip:]]
    # In a file without a name nothing is imported by itself.
    ready, placed = unsaved.index("seen READY"), unsaved.index("before the strip")
    points += [Point(boundary, saved=False) for boundary in unsaved[ready : placed + 1]]
    return points


def test_blender_dies_at_every_boundary(
    blender: ModuleType, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    # Slow enough for each state to be seen.
    stand_in.settings(job_seconds=0.2)
    stand_in.fail("submit", "answer-late", seconds=0.2, times=0)
    stand_in.fail("download", "drip", bytes=1 << 18, seconds=0.1, times=0)
    whole = crash(Point(""), tmp_path / "whole", module)
    unsaved = crash(Point("", saved=False), tmp_path / "unsaved", module)
    assert [name for name in LANDMARKS if name not in whole.passed] == []
    points = points_of(whole.passed, unsaved.passed)
    later = Later(blender, module, stand_in)
    ends: dict[Point, str] = {}
    failed: dict[str, str] = {}

    def find(point: Point, dying: Future[Crash], *, held: bool) -> None:
        try:
            ends[point] = later.find(dying.result(), held=held)
        except Exception as error:
            failed[str(point)] = f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(3) as pool:
        dying = {
            point: pool.submit(crash, point, tmp_path / f"{number}", module)
            for number, point in enumerate(points)
        }
        for point in points:
            find(point, dying[point], held=False)
    for point in [point for point, end in ends.items() if not end]:
        find(point, dying[point], held=True)
    for point, end in ends.items():
        print(f"{point}: {end}")
    for end, count in Counter(ends.values()).items():
        print(f"{count} of {len(points)}: {end}")
    assert failed == {}
    # None of the ends is what everything comes to, and there is no other.
    assert set(ends.values()) == {
        "no click",
        "held",
        "unknown",
        "ready",
        "imported",
        "imported, not saved",
    }

"""A damaged list of clips, met by Blender: it starts, says so, has it rebuilt, and what was paid for is there."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..open_files import keeps_open
from ..patience import PATIENCE

Module = Callable[[str], ModuleType]
PACKAGE = "bl_ext.user_default.grok_video"


def restarted(bpy: Any, worker: int, spoil: Callable[[], object]) -> None:
    """The add-on is switched off, its files are spoiled once no worker writes, and it is switched on again."""
    assert worker
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    with contextlib.suppress(ChildProcessError):  # it had ended before
        os.waitpid(worker, 0)
    spoil()
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    assert PACKAGE in bpy.context.preferences.addons
    bpy.context.preferences.addons[PACKAGE].preferences.poll_interval = 0.2


@pytest.mark.parametrize("how", ["cut", "noise", "empty", "gone"])
def test_a_damaged_list_is_rebuilt_and_it_is_said(
    blender: ModuleType, stand_in: Any, module: Module, tmp_path: Path, how: str
) -> None:
    scene = blender.context.scene
    scene.grok_video.prompt, scene.grok_video.source = "Rain", "NONE"
    scene.grok_video.duration = 1
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    blender.ops.grok_video.generate()
    state = module("blender.session.state")
    tick = module("blender.session.tick")
    (job,) = state.current().bridge.snapshot.all
    path = state.current().bridge.data_dir / "ledger.sqlite3"

    def spoil() -> None:
        size = path.stat().st_size
        match how:
            case "cut":
                os.truncate(path, size // 2)
            case "noise":
                path.write_bytes(os.urandom(size))
            case "empty":
                os.truncate(path, 0)
            case _:
                path.unlink()

    restarted(blender, state.current().bridge.worker.pid, spoil)
    bridge = state.current().bridge
    bridge.tick(1.0)
    assert how not in ("cut", "noise") or "damaged" in bridge.reader.trouble
    # A script, or a click: the worker rebuilds the list before it takes up the job.
    blender.ops.grok_video.generate()
    bridge = state.current().bridge
    assert bridge.reader.trouble == ""
    assert "rebuilt" in bridge.rebuilt
    newest, before = bridge.snapshot.all
    assert (before.id, before.request_id, before.cost) == (job.id, job.request_id, job.cost)
    assert newest.state == "IMPORTED"
    assert len(stand_in.jobs()) == 2
    assert blender.ops.grok_video.heard() == {"FINISHED"}
    while bridge.rebuilt:
        tick.tick(blender.context)


def test_damage_that_only_a_worker_sees_is_mended_while_this_blender_reads(
    blender: ModuleType, stand_in: Any, module: Module, clicked: Callable[[str], Any]
) -> None:
    """On Windows a file that anybody has open cannot be put by: Blender lets go of it, then and when it is at rest."""
    stand_in.settings(job_seconds=600)
    job = clicked("RUNNING")
    bridge = module("blender.session.state").current().bridge
    tick = module("blender.session.tick")

    def until(condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, bridge.worker.trouble
            tick.tick(blender.context)
            time.sleep(0.02)

    path = bridge.data_dir / "ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        asked = "SELECT rootpage FROM sqlite_master WHERE name = 'posts'"
        (page,) = connection.execute(asked).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    bridge.worker.end()  # the next one looks at every page
    until(lambda: bridge.rebuilt and not bridge.reader.trouble)
    assert bridge.snapshot.jobs[job.id].request_id == job.request_id
    stand_in.finish()
    until(lambda: bridge.snapshot.jobs[job.id].state == "IMPORTED")
    assert len(stand_in.jobs()) == 1
    blender.ops.grok_video.heard()
    until(lambda: not tick.busy())
    bridge.worker.end()
    until(lambda: not keeps_open(path))


#: What is left of a worker that died in the middle of writing.
KILLED_WRITER = """
import os, signal, sqlite3, sys
ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
ledger.execute("PRAGMA journal_mode=TRUNCATE")
ledger.execute("PRAGMA cache_size=1")
ledger.execute("BEGIN IMMEDIATE")
ledger.execute("UPDATE jobs SET snapshot = ?", ("x" * 3000000,))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("who", ["a window", "a script"])
def test_a_worker_that_died_in_the_middle_of_writing(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    who: str,
) -> None:
    """Blender may only read, and nobody can until another worker has taken the half transaction back."""
    stand_in.settings(job_seconds=600)
    job = clicked("RUNNING")
    tick = module("blender.session.tick")
    state = module("blender.session.state")
    queue = module("blender.session.queue")
    path = state.current().bridge.data_dir / "ledger.sqlite3"

    def spoil() -> None:
        subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], check=False)
        assert path.with_name(f"{path.name}-journal").stat().st_size > 0

    restarted(blender, state.current().bridge.worker.pid, spoil)
    stand_in.finish()

    def hangs(_number: int, _frame: object) -> None:
        raise AssertionError("it waits for ever")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(30)
    try:
        if who == "a script":
            assert queue.job_of(job.id, lambda _: True).request_id == job.request_id
        while (now := state.job_by_id(job.id)) is None or now.state != "IMPORTED":
            tick.tick(blender.context)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert len(stand_in.jobs()) == 1


def test_a_list_that_cannot_be_opened_says_why(module: Module, tmp_path: Path) -> None:
    """The panel shows the sentence of the worker, which tries again until the list can be opened."""
    made = module("blender.session.worker_process")
    lock = tmp_path / "opening.lock"
    lock.mkdir()
    worker = made.WorkerProcess(module("ledger.place").DataFolder(tmp_path), "session")
    account = made.Account(base="http://127.0.0.1:9", key="", fingerprint="f", poll_interval=5.0)

    def until(condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            worker.ensure(account)
            worker.look()
            time.sleep(0.02)

    until(lambda: worker.trouble)
    assert "tries again" in worker.trouble
    assert "it is no file. Nothing is lost and nothing was bought" in worker.trouble
    lock.rmdir()
    until(lambda: list((tmp_path / "workers").glob("*.ready")))
    assert worker.trouble == ""
    worker.end()

"""The list of clips goes from its place under a running Blender: said, mended, and no script waits for ever."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .others import at_most

Module = Callable[[str], ModuleType]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows renames and deletes nothing that a worker has open"
)


@contextlib.contextmanager
def meanwhile(stand_in: Any, deed: Callable[[], object]) -> Iterator[None]:
    """``deed`` is done in the middle of the script: once a job is at the service."""

    def wait() -> None:
        while not stand_in.jobs():
            time.sleep(0.05)
        deed()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join(60)


def data_dir(module: Module) -> Path:
    folder: Path = module("blender.session.state").current().bridge.data_dir
    return folder


def test_a_click_makes_no_list_in_the_place_of_one_that_was_moved(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module, clicked: Callable[[str], Any]
) -> None:
    job = clicked("IMPORTED")
    data = data_dir(module)
    moved = data.with_name(f"{data.name} moved")
    tick = module("blender.session.tick")
    state = module("blender.session.state")
    bridge = state.current().bridge
    data.rename(moved)
    try:
        with at_most(60):
            # A Blender that stands idle has not looked: the click does.
            with pytest.raises(RuntimeError, match="moved, renamed or deleted"):
                blender.ops.grok_video.generate()
            tick.tick(blender.context)
            assert "moved, renamed or deleted" in bridge.reader.trouble
            assert "moved, renamed or deleted" in bridge.hopeless
            assert bridge.snapshot.all[0].id == job.id
            while bridge.worker.alive:  # what it does goes on in the folder
                tick.tick(blender.context)
                time.sleep(0.05)
        assert not data.exists()
    finally:
        moved.rename(data)
    with at_most(120):
        blender.ops.grok_video.generate()
    assert bridge.reader.trouble == ""
    assert [one.state for one in bridge.snapshot.all] == ["IMPORTED", "IMPORTED"]
    assert len(stand_in.jobs()) == 2


@pytest.mark.parametrize("how", ["folder moved", "folder replaced", "ledger deleted"])
def test_a_script_ends_with_a_sentence_or_with_its_clip(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module, how: str
) -> None:
    stand_in.settings(job_seconds=600 if how != "ledger deleted" else 3)
    data = data_dir(module)
    moved, other = (data.with_name(f"{data.name} {what}") for what in ("moved", "other"))
    module("ledger.ledger").Ledger.open(other).close()

    def deed() -> None:
        if how == "ledger deleted":
            (data / "ledger.sqlite3").unlink()
            return
        state = module("blender.session.state")
        while not any(job.request_id for job in state.current().bridge.snapshot.all):
            time.sleep(0.05)
        data.rename(moved)
        if how == "folder replaced":
            other.rename(data)

    try:
        with at_most(120), meanwhile(stand_in, deed):
            if how == "ledger deleted":
                blender.ops.grok_video.generate()
            else:
                words = "moved, renamed or deleted" if how == "folder moved" else "not in the list"
                with pytest.raises(RuntimeError, match=words):
                    blender.ops.grok_video.generate()
    finally:
        if moved.exists():
            worker = module("blender.session.state").current().bridge.worker
            with at_most(60):
                while worker.alive:
                    worker.look()
                    time.sleep(0.05)
            shutil.rmtree(data, ignore_errors=True)
            moved.rename(data)
    assert len(stand_in.jobs()) == 1

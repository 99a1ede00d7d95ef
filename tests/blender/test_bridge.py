"""Blender's ear: nothing that the worker did may stay unheard because the ticks ended too early."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Module = Callable[[str], ModuleType]


@pytest.fixture
def bridge(module: Module, tmp_path: Path) -> Iterator[Any]:
    """A bridge with an empty ledger that it has read, and no worker."""
    folder = tmp_path / "data"
    module("ledger.ledger").Ledger.open(folder).close()
    bridge = module("blender.session.bridge").Bridge(folder)
    bridge.tick(1.0)
    assert not bridge.expects
    yield bridge
    bridge.close()


def test_a_command_taken_between_the_read_and_the_question(bridge: Any) -> None:
    command = bridge.send("check", account="0" * 16)
    bridge.tick(1.0)
    # The worker takes it now: after Blender has read the ledger, before it asks whether to go on.
    (bridge.data_dir / "inbox" / f"{command}.command").unlink()
    assert bridge.expects
    bridge.tick(1.0)
    assert not bridge.expects


def test_a_command_taken_after_the_read_that_it_followed(bridge: Any) -> None:
    """An import is reported by the tick that has read the ledger; the worker may be quicker than its end."""
    bridge.tick(1.0)
    command = bridge.send("check", account="0" * 16)
    (bridge.data_dir / "inbox" / f"{command}.command").unlink()
    assert bridge.expects
    bridge.tick(1.0)
    assert not bridge.expects


def test_a_lock_is_no_answer(bridge: Any) -> None:
    writer = sqlite3.connect(bridge.data_dir / "ledger.sqlite3", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    bridge.tick(1.0)
    assert bridge.expects
    writer.execute("ROLLBACK")
    writer.close()
    bridge.tick(1.0)
    assert not bridge.expects


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fcntl nor SIGPIPE")
def test_on_macos_a_worker_that_is_gone_sends_blender_no_signal(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel signals the process, whatever the thread that writes has blocked (F_SETNOSIGPIPE, fcntl(2))."""
    import fcntl

    made = module("blender.session.worker_process")
    worker = made.WorkerProcess(module("ledger.place").DataFolder(tmp_path), "session")
    account = made.Account(base="http://127.0.0.1:9", key="", fingerprint="f", poll_interval=5.0)
    done: list[tuple[str, ...] | tuple[int, ...]] = []
    write = os.write

    def told(pipe: int, data: bytes) -> int:
        done.append(("write",))
        return write(pipe, data)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        patch.setattr(fcntl, "fcntl", lambda *call: done.append(call))
        patch.setattr(os, "write", told)
        worker.ensure(account)
    pipe = worker._process.stdin.fileno()
    assert done[:2] == [(pipe, made.F_SETNOSIGPIPE, 1), ("write",)]
    worker.end()

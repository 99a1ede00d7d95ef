"""Blender's ear: nothing that the worker did may stay unheard because the ticks ended too early."""

from __future__ import annotations

import sqlite3
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

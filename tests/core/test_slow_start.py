"""A worker that a busy machine starts slowly: what its Blender asked for meanwhile is left to that worker."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grok_video.core.events import Created, Held
from grok_video.core.spec import account_of
from grok_video.ledger.inbox import put_command
from grok_video.ledger.place import session_lock
from grok_video.worker import worker as worker_module
from grok_video.worker.schedule import FOREIGN_GRACE
from tests.core.conftest import make_spec
from tests.core.test_worker import (
    Blender,
    blender,
    inside,
    make_blender,
    one_service,
    service,
)
from tests.stand_in.client import StandIn

__all__ = ["blender", "inside", "make_blender", "one_service", "service"]

SLOW = 40.0  # seconds that the worker needs to start


def test_another_worker_leaves_a_click_to_the_blender_that_lives(
    inside: worker_module.Worker, holder: Callable[[Path], subprocess.Popen[bytes]]
) -> None:
    ledger = inside.desk.ledger
    lock = session_lock(inside.desk.data_dir, "session-b")
    lock.parent.mkdir()
    other = holder(lock)
    spec = make_spec(session="session-b")
    ledger.append(spec.id, 0, Created(spec), at=time.time() - SLOW)
    for _ in range(3):
        inside._turn()
    assert [type(event) for event, _ in ledger.events(spec.id)] == [Created]
    other.kill()
    other.wait()
    inside._turn()
    assert type(ledger.events(spec.id)[-1][0]) is Held


@pytest.mark.parametrize("strange", ["../workers/w", "", "s" * 300, "a\0b"])
def test_a_session_that_is_no_name_of_a_file_has_no_blender(
    inside: worker_module.Worker,
    holder: Callable[[Path], subprocess.Popen[bytes]],
    strange: str,
) -> None:
    """What a stranger wrote as the session of a job leads to no lock outside of the folder."""
    holder(inside.desk.data_dir / "workers" / "w.lock")
    spec = make_spec(session=strange)
    ledger = inside.desk.ledger
    ledger.append(spec.id, 0, Created(spec), at=time.time() - FOREIGN_GRACE - 1.0)
    inside._turn()
    assert type(ledger.events(spec.id)[-1][0]) is Held


@pytest.mark.parametrize("command", ["check", "models"])
def test_a_question_waits_for_its_worker(blender: Blender, service: StandIn, command: str) -> None:
    account = account_of(service.base, service.key)
    asked = put_command(blender.data, command, account=account)
    (path,) = (blender.data / "inbox").iterdir()
    os.utime(path, (time.time() - SLOW,) * 2)
    blender.start()
    assert blender.answer(asked)["ok"], blender.answer(asked)


@pytest.mark.parametrize("lives", [True, False])
def test_a_question_about_another_key_waits_for_the_blender_that_lives(
    inside: worker_module.Worker, holder: Callable[[Path], subprocess.Popen[bytes]], lives: bool
) -> None:
    data = inside.desk.data_dir
    lock = session_lock(data, "session-b")
    lock.parent.mkdir()
    other = holder(lock)
    if not lives:
        other.kill()
        other.wait()
    inside._set_account({"base": "http://127.0.0.1:9", "key": "xai-one"})
    put_command(data, "check", account="another", session="session-b")
    (path,) = (data / "inbox").iterdir()
    os.utime(path, (time.time() - SLOW,) * 2)
    inside._turn()
    assert path.exists() is lives

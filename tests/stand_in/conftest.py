"""One running stand-in for its tests."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from stand_in.client import StandIn


@pytest.fixture(scope="session")
def _running() -> Iterator[StandIn]:
    with StandIn.start(python=sys.executable, job_seconds=0, per_second=0, per_minute=0) as service:
        yield service


@pytest.fixture
def service(_running: StandIn) -> StandIn:
    """The service as if just started: no limits, jobs that take no time but their encoding."""
    _running.reset()
    return _running


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any], str], Any]:
    """Waits for a condition to become true; fails with what it waited for."""

    def wait(condition: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.01)
        pytest.fail(f"waited in vain for {what}")

    return wait

"""The numbers of docs/farm.md are those that the simulated clock gives, and the simulation keeps the service's limits."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from grok_video.core.amount import TICKS_PER_USD
from grok_video.farm.buying import MOST_UNSENT
from grok_video.farm.claims import BEAT, SILENT
from grok_video.farm.openjd import MOST_TASKS
from grok_video.service.pricing import estimate_of
from grok_video.worker.schedule import Pace
from tests.core.conftest import make_spec

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("farm_plan", ROOT / "scripts" / "farm_plan.py")
assert SPEC is not None
assert SPEC.loader is not None
farm_plan = importlib.util.module_from_spec(SPEC)
sys.modules["farm_plan"] = farm_plan
SPEC.loader.exec_module(farm_plan)
PAPER = (ROOT / "docs/farm.md").read_text("utf-8")


def test_every_row_of_the_paper_is_simulated() -> None:
    rows = farm_plan.rows()
    assert len(rows) == 2 + len(farm_plan.SIZES) * len(farm_plan.TEAMS)
    for row in rows:
        assert row in PAPER.splitlines()


@pytest.mark.parametrize("shots", [1, 59, 1000])
@pytest.mark.parametrize("teams", [1, 3])
@pytest.mark.parametrize("seconds", [5.0, 60.0, 600.0])
def test_no_plan_is_quicker_than_the_limit_or_the_service(
    shots: int, teams: int, seconds: float
) -> None:
    plan = farm_plan.simulate(shots, teams, seconds)
    of_one = -(-shots // teams)
    assert plan.sent >= (of_one - 1) * Pace().gap - 1e-6
    assert plan.done >= plan.sent
    assert plan.done >= seconds
    assert plan.calls >= 2 * of_one  # an order and a question, at least
    # Each call has its turn; between two there may be waiting.
    assert plan.done >= (plan.calls - 1) * Pace().gap - 1e-6


def test_what_the_paper_says_of_prices_and_times_is_so() -> None:
    price = estimate_of(make_spec(duration=6, image="/still.png"), 0)
    assert price is not None
    for shots in (1_000, 10_000):
        assert f"{shots:,}" in PAPER
        assert f"${price * shots / TICKS_PER_USD:,.2f}" in PAPER
    assert f"changes every {BEAT:.0f} seconds" in PAPER
    assert f"After {SILENT / 60:.0f} minutes without a change" in PAPER
    assert f"at most {MOST_UNSENT} shots ahead" in PAPER
    assert f"more than {MOST_TASKS:,} shots" in PAPER

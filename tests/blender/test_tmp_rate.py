from __future__ import annotations
from typing import Any
import pytest
from .test_generate_shots import batch
from .test_rework_breaker import window
__all__=["batch","window"]

@pytest.mark.usefixtures("window")
def test_rate(batch: Any) -> None:
    batch.stand_in.settings(job_seconds=600)
    batch.fill(*(f"s{n}" for n in range(100)))
    batch.press()
    batch.until(lambda: len(batch.stand_in.requests("submit")) >= 90)
    at = [r["time"] for r in batch.stand_in.requests("submit")][10:90]
    every = [r["time"] for r in batch.stand_in.requests()]
    between=[t for t in every if at[0]<=t<=at[-1]]
    print("RATE", (len(at)-1)/(at[-1]-at[0]), "calls", (len(between)-1)/(at[-1]-at[0]))
    batch.module("blender.session.shot_batch").stop(batch.scene)

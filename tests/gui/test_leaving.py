"""Blender goes while a job runs: what was paid is there when it comes back, and is paid once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

PROMPT = "Fog comes in from the sea."


@pytest.mark.parametrize("end", ["quit", pytest.param("killed", marks=pytest.mark.once)])
def test_the_job_goes_on_in_the_next_blender(gui: Gui, stand_in: StandIn, end: str) -> None:
    stand_in.settings(job_seconds=600)
    arguments = {"prompt": PROMPT, "seconds": 1}
    if end == "quit":
        job = gui.run("jobs.py:start_and_leave", **arguments).notes["job"]
    else:
        running = gui.start("jobs.py:start_and_leave", arguments, stay=True)
        job = running.until("job")
        running.kill()
    stand_in.finish()
    report = gui.run("jobs.py:find_it_again", job=job)
    assert {strip["job"] for strip in report.notes["strips"]} == {job}
    assert len(stand_in.requests("submit")) == 1

"""The date of a purchase is settled by a word while the job is under way: nothing is lost, and the job goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grok_video.core.events import Dated
from grok_video.core.job import Job, State
from grok_video.core.spec import new_id
from grok_video.ledger.ledger import Ledger
from tests.core.test_old_version import old
from tests.core.test_worker import (
    Blender,
    big_still,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "old", "one_service", "service"]  # fixtures


def settle(blender: Blender, job: Job) -> None:
    """The artist's word, by a clock that is a moment before the job's purchase."""
    ledger = Ledger.open(blender.data)
    then = job.started_at - 0.001
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(time, "time", lambda: then)
        ledger.commands.apply({"id": new_id(), "command": "today", "now": then})
    assert Dated(then) in [event for event, _ in ledger.events(job.id)]
    ledger.close()


#: Where the job is: the fault that keeps it there, and what is true of it then.
STAGES: dict[str, tuple[tuple[str, str], Callable[[Job], object]]] = {
    "uploading": (("submit", "hang"), lambda job: job.state is State.SUBMITTING),
    "answer awaited": (("submit", "answer-late"), lambda job: job.sent),
    "running": (("job", "stall"), lambda job: job.progress),
    "downloading": (("download", "close"), lambda job: job.downloads_broken),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_word_for_a_job_that_is_under_way(blender: Blender, service: StandIn, stage: str) -> None:
    (place, how), there = STAGES[stage]
    service.fail(place, how, times=2)
    blender.start()
    job_id = blender.submit(**({"image": big_still(blender)} if stage == "uploading" else {}))
    settle(blender, blender.until(job_id, there))
    service.mend()
    service.finish()
    if stage == "uploading":  # the hanging upload ends, and another one begins
        blender.tell(type="online", online=False)
        blender.until(job_id, State.QUEUED)
        blender.tell(type="online", online=True)
    job = blender.until(job_id, State.READY)
    assert job.spent > 0
    assert job.request_id == service.jobs()[0]["id"]
    assert len(posts(service)) == 1
    assert "Traceback" not in (blender.data / "worker.log").read_text("utf-8")


def test_a_job_that_0_1_0_drives_goes_on_here(
    make_blender: Callable[[], Blender], service: StandIn, old: Path
) -> None:
    """0.1.0 drives no job of which it does not know an event, and keeps its lease as long as it lives."""
    before = make_blender().as_0_1_0(old).start()
    service.fail("job", "stall", times=2)
    keeps_it_awake, bought = before.submit(), before.submit()
    before.until(keeps_it_awake, lambda job: job.progress)
    job = before.until(bought, lambda job: job.progress)
    settle(before, job)
    now = make_blender().start()
    service.finish()
    now.until(bought, State.READY, 10.0)
    now.until(keeps_it_awake, State.READY)
    assert before.process is not None
    assert before.process.poll() is None
    assert len(posts(service)) == 2

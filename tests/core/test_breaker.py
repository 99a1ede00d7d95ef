"""Attempts to make the engine pay, ask or write when it must not, each one made after the code was written.

What is proven here was found by trying to break it; where a rule has its own test file, it is not repeated.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from grok_video.core.events import (
    AnswerLost,
    Created,
    Sending,
    ServiceFailed,
    SubmitStarted,
    Submitted,
)
from grok_video.core.spec import account_of
from grok_video.ledger.inbox import put_command
from grok_video.service.answer import poll_answer, submit_answer
from grok_video.worker import worker as worker_module
from tests.core.conftest import RawServer, make_spec
from tests.core.test_worker import (
    Blender,
    blender,
    inside,
    make_blender,
    one_service,
    service,
)
from tests.patching import Patches
from tests.patience import PATIENCE
from tests.stand_in.client import StandIn

__all__ = ["blender", "inside", "make_blender", "one_service", "service"]  # fixtures


def running(worker: worker_module.Worker, **changes: Any) -> str:
    """A job that was bought and that nobody drives."""
    spec = make_spec(**changes)
    for seq, event in enumerate((Created(spec), SubmitStarted(1), Sending(), Submitted("r-1"))):
        worker.desk.ledger.append(spec.id, seq, event)
    return spec.id


def test_two_blenders_that_cannot_ask_for_a_job_do_not_argue(
    make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """One has no key, the other another key: the ledger would grow for as long as both are open."""
    one, two = make_blender().start(), make_blender().start(key="")
    service.fail("job", "stall")
    job_id = one.submit()
    one.until(job_id, lambda job: job.progress)
    one.tell_account("xai-another")
    one.until(job_id, lambda job: job.blocked)
    seen = one.until(job_id, lambda job: job.blocked).seq
    for _ in range(6):  # each answer is a turn of that worker
        for each in (one, two):
            each.answer(each.say("check", account=None))
    assert one.until(job_id, lambda job: True).seq - seen <= 1


def test_no_check_of_the_key_leaves_once_blender_is_offline(
    inside: worker_module.Worker, server: RawServer
) -> None:
    """It was asked for while online, and waited for its turn."""
    inside._set_account({"base": server.base, "key": "xai-k", "gap": 0.01})
    inside._set_online(True)
    inside.desk.pause_until = time.monotonic() + 0.2
    put_command(inside.desk.data_dir, "check", account=account_of(server.base, "xai-k"))
    inside._turn()
    assert inside._questions.ids
    inside._set_online(False)
    inside.desk.pause_until = 0.0
    inside._turn()
    assert not inside.desk.running
    assert not inside._questions.ids
    (notice,) = inside.desk.ledger.connection.execute("SELECT payload FROM notices").fetchone()
    assert '"ok": false' in notice


def test_a_job_is_polled_with_the_key_that_was_in_use_when_it_was_due(
    inside: worker_module.Worker, server: RawServer, patches: Patches
) -> None:
    """The key is changed between the decision to poll and the poll itself."""
    first = account_of(server.base, "xai-first")
    running(inside, api_base=server.base, account=first)
    inside._set_account({"base": server.base, "key": "xai-first", "gap": 0.01})
    inside._set_online(True)
    start = inside.desk.start

    def later(op: Any, work: Any, *given: Any) -> None:
        inside._set_account({"base": server.base, "key": "xai-second", "gap": 0.01})
        start(op, work, *given)

    patches.set(inside.desk, "start", later)
    inside._turn()
    assert inside.desk.messages.get(timeout=PATIENCE)[0] == "call"
    (poll,) = server.seen
    assert poll.header("Authorization") == "Bearer xai-first"


def test_moving_the_interval_does_not_ask_for_a_blocked_job_each_time(
    inside: worker_module.Worker, server: RawServer
) -> None:
    """Blender says its account again with each step of the slider."""
    line = {"base": server.base, "key": "xai-k", "gap": 0.01, "poll_interval": 5.0}
    server.behave = lambda wire: wire.answer(403, b'{"error": "no"}')
    running(inside, api_base=server.base, account=account_of(server.base, "xai-k"))
    inside._set_account(line)
    inside._set_online(True)
    for step in range(5):
        inside._turn()
        while inside.desk.running:
            inside._handle(*inside.desk.messages.get(timeout=PATIENCE))
        inside._set_account({**line, "poll_interval": 5.0 + step})
        time.sleep(0.02)
    assert len(server.seen) == 1


def test_an_id_or_an_address_as_long_as_the_answer_is_not_carried_along() -> None:
    """Each event would store it again, and Blender's tick would parse a megabyte for each."""
    long = "r" * 900_000
    answer = submit_answer(200, {}, json.dumps({"request_id": long}).encode(), now=0.0)
    assert isinstance(answer, AnswerLost)  # it may have been bought
    video = {"url": f"https://example.com/{long}"}
    body = json.dumps({"status": "done", "video": video}).encode()
    assert isinstance(poll_answer(200, {}, body, now=0.0).event, ServiceFailed)

"""Whatever an artist or a script does after a click: the POSTs are counted at the service.

Windows, where F9, Shift-R and fast clicks are real ones, have ``tests/gui/test_never_twice.py``.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..patience import PATIENCE

Module = Callable[[str], ModuleType]
WRONG_ID = "00000000-0000-4000-8000-000000000000"


def until(module: Module, blender: ModuleType, job_id: str, what: Callable[[Any], Any]) -> Any:
    return module("blender.session.blocking").wait_until(blender.context, job_id, what)


def jobs(module: Module) -> tuple[Any, ...]:
    """All jobs, newest first."""
    module("blender.session.queue").read_all()
    return module("blender.session.state").current().bridge.snapshot.all


def posts(stand_in: Any) -> int:
    """The POSTs whose whole body came: what may have been charged."""
    return sum(request["complete"] for request in stand_in.requests("submit"))


def settle(module: Module, blender: ModuleType) -> None:
    """Let the worker do everything that it was going to do: it answers a question after that."""
    questions = module("blender.session.questions")
    blocking = module("blender.session.blocking")
    key = module("blender.session.state").current().questions.key
    for _ in range(2):  # one may have been taken up beside what is waited for
        questions.ask_service(key)
        blocking.wait_for(blender.context, lambda: questions.answer_to(key))


def refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call()


# ------------------------------------------------------------------------------------------------- retry


@pytest.mark.parametrize("how", ["not-mp4", "close", 503])
def test_retry_of_a_failed_download_never_posts(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module, how: str | int
) -> None:
    stand_in.fail("download", how, times=0)
    job_id = module("blender.session.click").generate(blender.context, scene, scene, 1)
    until(module, blender, job_id, lambda job: job.downloads_broken or job.state == "FAILED")
    # Stopped and taken up, as often as one likes, while it goes on failing.
    for _ in range(3):
        blender.ops.grok_video.stop(job=job_id)
        retry = module("blender.session.queue").retry
        retry(jobs(module)[0])
        until(
            module, blender, job_id, lambda job: job.state == "DOWNLOADING" and job.downloads_broken
        )
    assert posts(stand_in) == 1
    blender.ops.grok_video.stop(job=job_id)
    stand_in.mend()
    assert blender.ops.grok_video.retry(job=job_id) == {"FINISHED"}
    refused(lambda: blender.ops.grok_video.retry(job=job_id), "nothing to take up")
    assert posts(stand_in) == 1
    assert len(jobs(module)) == 1


@pytest.mark.parametrize("how", [500, 429, "html", "bad-credentials", "close"])
def test_retry_of_a_failed_poll_never_posts(
    blender: ModuleType,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    how: str | int,
) -> None:
    """429 and 5xx are what usual programs repeat: of a POST that would buy twice."""
    stand_in.fail("poll", how, times=2)
    job = clicked("RUNNING")
    deadline = time.monotonic() + PATIENCE
    while not stand_in.requests("poll") and time.monotonic() < deadline:
        module("blender.session.tick").tick(blender.context)
    blender.ops.grok_video.stop(job=job.id)
    stand_in.mend()
    stand_in.finish()
    assert blender.ops.grok_video.retry(job=job.id) == {"FINISHED"}
    assert posts(stand_in) == 1


# ------------------------------------------------------------------------------------------ redo and repeat


def test_undo_redo_and_repeat_buy_nothing(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    """After each operator that spends: what Ctrl-Z, Ctrl-Shift-Z, Shift-R and F9 do."""
    blender.ops.ed.undo_push(message="before")
    blender.ops.grok_video.generate()
    done = jobs(module)[0]
    blender.ops.grok_video.send_again(job=done.id, confirm=True)
    bought = posts(stand_in)
    assert bought == 2
    manager = blender.context.window_manager
    assert not spending(module, blender) & {operator.bl_idname for operator in manager.operators}
    window = manager.windows[0]
    ways: list[Callable[[], object]] = [
        lambda: blender.ops.ed.undo(),
        lambda: blender.ops.ed.redo(),
        lambda: blender.ops.ed.undo_redo(),
        lambda: blender.ops.screen.repeat_last(),
        lambda: blender.ops.screen.repeat_history(index=0),
        lambda: blender.ops.screen.redo_last("INVOKE_DEFAULT"),
    ]
    area = window.screen.areas[0]
    for way in ways * 2:
        # Where Blender itself has nothing to redo or repeat it says so.
        with (
            blender.context.temp_override(window=window, area=area, region=area.regions[-1]),
            contextlib.suppress(RuntimeError),
        ):
            way()
    settle(module, blender)
    assert posts(stand_in) == bought
    assert len(jobs(module)) == 2


def spending(module: Module, blender: ModuleType) -> set[str]:
    """The operators that can buy, and those that take up what was bought."""
    buys = module("blender.ui.asking").Buys
    found = {
        cls.__name__ for cls in blender.types.Operator.__subclasses__() if issubclass(cls, buys)
    }
    assert {"GROK_VIDEO_OT_generate", "GROK_VIDEO_OT_another_take"} < found
    return {*found, "GROK_VIDEO_OT_retry", "GROK_VIDEO_OT_request_id"}


def test_nothing_that_submits_is_kept_for_redo(module: Module, blender: ModuleType) -> None:
    for name in spending(module, blender):
        assert not set(getattr(blender.types, name).bl_options) & {"REGISTER", "UNDO"}, name


# ----------------------------------------------------------------------------------------------- many clicks


def test_a_script_that_asks_twice_buys_twice_and_the_ids_are_its_own(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    """Two calls of a script are two clips: the guard against double clicks is for hands."""
    blender.ops.grok_video.generate()
    blender.ops.grok_video.generate()
    assert posts(stand_in) == len(jobs(module)) == 2


@pytest.mark.parametrize("copies", [20])
def test_one_command_that_is_put_down_many_times_is_one_post(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    tmp_path: Path,
    copies: int,
) -> None:
    """A crash between writing and removing, a restored backup: the same click in many files."""
    click = module("blender.session.click")
    state = module("blender.session.state")
    inbox = state.current().bridge.data_dir / "inbox"
    job_id = click.generate(blender.context, scene, scene, 1)
    # The worker takes the original at any moment, so the copies are made of what was sent.
    spec = until(module, blender, job_id, lambda job: job).spec
    put = module("ledger.inbox").put_command
    command = put(tmp_path, "submit", spec=spec)
    (path,) = (tmp_path / "inbox").iterdir()
    text = path.read_text("utf-8")
    for number in range(copies):
        other = text if number % 2 else text.replace(command, f"{number:032x}")
        (inbox / f"copy-{number}.tmp").write_text(other, "utf-8")
        (inbox / f"copy-{number}.tmp").rename(inbox / f"copy-{number}{path.suffix}")
    until(module, blender, job_id, lambda job: job.state == "IMPORTED")
    settle(module, blender)
    assert posts(stand_in) == len(jobs(module)) == 1


def test_send_of_a_held_job_pressed_twice_is_one_post(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = module("blender.session.queue")
    stand_in.fail("submit", 425)
    job = clicked("QUEUED")
    until(module, blender, job.id, lambda job: job.problem is not None)
    monkeypatch.setenv("XAI_API_KEY", "xai-another")
    job = until(module, blender, job.id, lambda job: job.held)
    monkeypatch.setenv("XAI_API_KEY", stand_in.key)
    before = posts(stand_in)
    queue.release(job)
    queue.release(job)
    until(module, blender, job.id, lambda job: job.state == "IMPORTED")
    settle(module, blender)
    assert posts(stand_in) == before + 1
    assert len(stand_in.jobs()) == 1


class Interrupted:
    """Ctrl-C that comes from outside at some moment, between any two steps of Python."""

    @staticmethod
    @contextmanager
    def after(seconds: float) -> Iterator[None]:
        def interrupt(_number: int, _frame: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def test_a_script_in_a_loop_that_is_interrupted(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    """Each call buys at most once, and what a call said was not sent is never sent afterwards."""
    chance = random.Random(5)
    tick = module("blender.session.tick")
    # The service answers late, so that interrupts fall into every part of a call.
    stand_in.settings(job_seconds=0.1)
    calls, promised = 0, []
    for number in range(ROUNDS):
        stand_in.mend()
        if number % 3 == 1:
            stand_in.fail("submit", "answer-late", seconds=0.4)
        elif number % 3 == 2:
            stand_in.fail("submit", 425, headers={"Retry-After": "0.3"})
        before = {job.id for job in jobs(module)}
        # Of three interrupts one comes within the first hundredth, before there is a job.
        wait = chance.uniform(0.0005, 0.01) if chance.random() < 0.33 else chance.uniform(0.01, 1.3)
        said = ""
        calls += 1
        try:
            with Interrupted.after(wait):
                blender.ops.grok_video.generate()
        except (RuntimeError, KeyboardInterrupt) as error:
            said = str(error)
        fresh = [job for job in jobs(module) if job.id not in before]
        assert len(fresh) <= 1
        if "was not sent or charged" in said:
            promised += [job.id for job in fresh]
    # Everything that is still to come, comes.
    end = time.monotonic() + PATIENCE
    while any(job.open for job in jobs(module)) and time.monotonic() < end:
        tick.tick(blender.context)
        time.sleep(0.02)
    settle(module, blender)
    every = {job.id: job for job in jobs(module)}
    assert len(every) <= calls
    sent = [job for job in every.values() if job.request_id or job.sent]
    assert len(stand_in.jobs()) == len(sent)  # a 425 starts nothing
    assert all(job.request_id for job in sent)
    for job_id in promised:
        assert not every[job_id].sent
        assert not every[job_id].request_id
    assert promised  # some were caught in time
    assert sent  # and some were not


ROUNDS = 14


# ---------------------------------------------------------------------------------------------------- recover


def lost(stand_in: Any, clicked: Callable[[str], Any]) -> Any:
    """A job whose answer was lost; the service made its clip."""
    stand_in.fail("submit", "answer-lost")
    return clicked("UNKNOWN")


def test_recover_takes_what_people_paste_and_never_posts(
    blender: ModuleType, stand_in: Any, module: Module, clicked: Callable[[str], Any]
) -> None:
    job = lost(stand_in, clicked)
    recover = blender.ops.grok_video.request_id
    right = stand_in.jobs()[0]["id"]
    for pasted, words in (
        ("", "Enter the request id"),
        ("two words", "one word"),
        (stand_in.key, "API key"),
        (job.id, "number of a job in this list"),
        ("https://console.x.ai/", "no request id"),
    ):
        refused(lambda pasted=pasted: recover(job=job.id, value=pasted), words)
        assert jobs(module)[0].state == "UNKNOWN"
    # Mistyped: the service does not know it, which is said, and another one can be entered.
    refused(lambda: recover(job=job.id, value=WRONG_ID), "(?i)not found|does not know")
    assert jobs(module)[0].recoverable
    refused(lambda: recover(job=job.id, value=WRONG_ID), "does not know this request id")
    assert recover(job=job.id, value=json.dumps({"request_id": right, "status": "done"})) == {
        "FINISHED"
    }
    assert jobs(module)[0].state == "IMPORTED"
    refused(lambda: recover(job=job.id, value=right), "nothing to recover")  # twice
    assert posts(stand_in) == 1
    assert len(stand_in.jobs()) == 1


def test_recover_refuses_the_id_of_another_job(
    blender: ModuleType, stand_in: Any, module: Module, clicked: Callable[[str], Any]
) -> None:
    other = clicked("IMPORTED")
    job = lost(stand_in, clicked)
    refused(
        lambda: blender.ops.grok_video.request_id(job=job.id, value=other.request_id),
        f"another job of this list: {other.spec.short_id}",
    )
    assert jobs(module)[0].state == "UNKNOWN"
    assert posts(stand_in) == 2


# -------------------------------------------------------------------------------------------------- send again


def test_send_again_says_its_price_and_each_press_is_one_post(
    blender: ModuleType, stand_in: Any, module: Module, clicked: Callable[[str], Any]
) -> None:
    """A script that presses twice gets two; each is a job of its own, and the dialog says the second time."""
    job = lost(stand_in, clicked)
    click = module("blender.session.click")
    models = module("core.amount")
    operators = module("blender.ui.job_actions")
    assert models.priced("Send Again", click.price_again(job)) == "Send Again for $0.05"
    refused(lambda: blender.ops.grok_video.send_again(job=job.id), "costs money")
    assert posts(stand_in) == 1
    assert operators._bought_since(job) == ""
    blender.ops.grok_video.send_again(job=job.id, confirm=True)
    assert operators._bought_since(job) == "It was sent again once already."
    blender.ops.grok_video.send_again(job=job.id, confirm=True)
    assert operators._bought_since(job) == "It was sent again twice already."
    assert posts(stand_in) == 3
    assert [j.spec.parent for j in jobs(module)] == [job.id, job.id, ""]
    assert jobs(module)[-1].state == "UNKNOWN"
    assert jobs(module)[-1].reserved > 0  # it counts until somebody knows better


def test_the_lost_answer_arrives_while_it_is_sent_again(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module, clicked: Callable[[str], Any]
) -> None:
    """Both clips come, each for its own click, and the old job cannot be sent any more."""
    job = lost(stand_in, clicked)
    click = module("blender.session.click")
    state = module("blender.session.state")
    ledger_module = module("ledger.ledger")
    job_module = module("core.events")
    stand_in.settings(job_seconds=30)
    target = scene
    fresh = click.send_again(blender.context, job, target, 60)
    until(module, blender, fresh, lambda job: job.state == "RUNNING")
    # As by the worker that had sent it, which another one had taken for dead.
    first = stand_in.jobs()[0]["id"]
    ledger = ledger_module.Ledger.open(state.current().bridge.data_dir)
    ledger.append(job.id, None, job_module.Submitted(first))
    ledger.close()
    until(module, blender, job.id, lambda job: job.state != "UNKNOWN")
    refused(lambda: blender.ops.grok_video.send_again(job=job.id, confirm=True), "under way")
    stand_in.finish()
    for job_id in (job.id, fresh):
        until(module, blender, job_id, lambda job: job.state == "IMPORTED")
    assert posts(stand_in) == len(stand_in.jobs()) == 2
    assert {job.request_id for job in jobs(module)} == {made["id"] for made in stand_in.jobs()}

"""A command is answered by its own answer alone, and every refusal reaches whoever gave the command.

Which refusals there are is ``core/test_refusals.py``'s. Here a real worker reads what Blender puts down.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ..patience import PATIENCE
from .conftest import patching
from .others import at_most
from .test_breaker import held
from .test_flow import newest, posts

Module = Callable[[str], ModuleType]
NO_WORKER = (
    "the worker says nothing in this process, although a test before may have imported its rooms"
)
MANY = 25  # a worker takes so many commands in more than one look of a script


@contextmanager
def unreadable(module: Module) -> Iterator[None]:
    """What Blender says meanwhile comes as half a file: a disk that was full, another version, a sync tool."""

    def half(data_dir: Path, _command: str, **_fields: Any) -> str:
        command_id: str = module("core.spec").new_id()
        (data_dir / "inbox").mkdir(parents=True, exist_ok=True)
        (data_dir / "inbox" / f"{command_id}.command").write_bytes(b'{"id": ')
        return command_id

    with patching.Patches() as patches:
        patches.set(module("blender.session.bridge"), "put_command", half, copies_ok=NO_WORKER)
        yield


@pytest.fixture
def other_says(module: Module) -> Callable[..., None]:
    """A function: another Blender says a command so many times just before this one says something."""

    def say(command: str, times: int = MANY, **fields: Any) -> None:
        data = module("blender.session.state").current().bridge.data_dir
        for _ in range(times):
            module("ledger.inbox").put_command(data, command, **fields)

    return say


def refused(call: Callable[[], object], words: str) -> None:
    with at_most(30), pytest.raises(RuntimeError, match=words):
        call()


def test_a_clip_that_cannot_be_read(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    generate = blender.ops.grok_video.generate
    with unreadable(module):
        refused(generate, r"The clip was refused\. What was asked for could not be read\. Nothing")
    assert not module("blender.session.state").current().documents
    assert generate() == {"FINISHED"}
    assert posts(stand_in) == 1


def test_import_of_a_clip_that_waits(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    other_says: Callable[..., None],
) -> None:
    """Once the import was refused: the answer to that was taken for the answer to the next, and the script failed."""
    stand_in.settings(job_seconds=60)
    job = clicked("RUNNING")
    blender.data.scenes.new("Another")
    blender.data.scenes.remove(scene)
    stand_in.finish()
    blocking = module("blender.session.blocking")
    blocking.wait_until(blender.context, job.id, lambda job: job.problem and not job.claimed_by)
    place = blender.ops.grok_video.import_result
    for frame in (200, 300):
        refused(lambda: place(job=job.id), "is not there")
        other_says("unclaim", job=job.id, problem={"code": "SCENE", "message": "No room."})
        if frame == 200:
            with unreadable(module):
                refused(lambda: place(job=job.id, scene="Another", frame=200), "could not be read")
        else:
            assert place(job=job.id, scene="Another", frame=frame) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"


def test_retry_of_a_job_that_was_stopped(
    blender: ModuleType,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    other_says: Callable[..., None],
) -> None:
    stand_in.settings(job_seconds=60)
    job = clicked("RUNNING")
    with unreadable(module):
        refused(lambda: blender.ops.grok_video.stop(job=job.id), "Stop Tracking was refused")
    assert blender.ops.grok_video.stop(job=job.id) == {"FINISHED"}
    for name in ("retry", "not_charged"):
        with unreadable(module):
            refused(
                lambda name=name: getattr(blender.ops.grok_video, name)(job=job.id),
                "could not be read",
            )
    stand_in.finish()
    other_says("not_charged", job=job.id)
    assert blender.ops.grok_video.retry(job=job.id) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    assert posts(stand_in) == 1


def test_retry_that_another_blender_presses_first(
    blender: ModuleType,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    other_says: Callable[..., None],
) -> None:
    """The second one comes too late, and what it asks for is under way: no error. So is a stop of what has ended."""
    stand_in.settings(job_seconds=60)
    job = clicked("RUNNING")
    other_says("stop", 1, job=job.id)
    assert blender.ops.grok_video.stop(job=job.id) == {"FINISHED"}
    stand_in.finish()
    other_says("retry", 1, job=job.id)
    assert blender.ops.grok_video.retry(job=job.id) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    assert blender.ops.grok_video.stop(job=job.id) == {"FINISHED"}


def test_send_and_discard_of_a_held_job(
    blender: ModuleType,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    other_says: Callable[..., None],
) -> None:
    job = held(blender, module, clicked, stand_in)
    for name in ("release", "stop"):
        with unreadable(module):
            refused(
                lambda name=name: getattr(blender.ops.grok_video, name)(job=job.id), "was refused"
            )
    an_hour_ago = time.time_ns() - 3600 * 10**9
    other_says("release", job=job.id, session="another", at=an_hour_ago)
    assert blender.ops.grok_video.release(job=job.id) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    assert len(stand_in.jobs()) == 1


def test_a_file_that_is_fetched_again(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    other_says: Callable[..., None],
) -> None:
    blender.ops.grok_video.generate()
    job = newest(module)
    Path(job.clip.path).unlink()
    fetch = blender.ops.grok_video.download_again
    with unreadable(module):
        refused(lambda: fetch(job=job.id), "Download Again was refused")
    other_says("unclaim", job=job.id, problem={"code": "SCENE", "message": "No room."})
    assert fetch(job=job.id) == {"FINISHED"}
    assert Path(job.clip.path).is_file()


@pytest.fixture
def other_first(blender: ModuleType, module: Module, patches: Any) -> Callable[..., list[str]]:
    """A function: from now on another Blender says the same just before; returns the ids of this one's commands.

    ``moved_on`` says of a job whether what the other one said has come that far.
    """
    queue, blocking = module("blender.session.queue"), module("blender.session.blocking")
    put = module("ledger.inbox").put_command
    send = queue.send

    def begin(moved_on: Callable[[Any], bool]) -> list[str]:
        said: list[str] = []

        def twice(command: str, **fields: Any) -> str:
            put(module("blender.session.state").current().bridge.data_dir, command, **fields)
            blocking.wait_until(blender.context, fields["job"], moved_on)
            said.append(send(command, **fields))
            return said[-1]

        patches.set(queue, "send", twice, copies_ok="only buttons are pressed")
        return said

    return begin


def test_send_that_another_blender_presses_first(
    blender: ModuleType,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    other_first: Callable[..., list[str]],
) -> None:
    """The clip that is asked for comes. Whoever is told that it came too late is not told that nothing was bought."""
    job = held(blender, module, clicked, stand_in)
    said = other_first(lambda job: job.request_id)
    assert blender.ops.grok_video.release(job=job.id) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    assert len(stand_in.jobs()) == 1
    answer = module("blender.session.state").current().bridge.answer(said[0])
    words = module("blender.session.answers").refusal_in("release", answer)
    assert words.startswith("Send was refused. Too late: the clip is ")
    assert "charged" not in words


def test_an_id_and_a_word_on_the_charge_that_another_blender_gives_first(
    blender: ModuleType,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    other_first: Callable[..., list[str]],
) -> None:
    stand_in.fail("submit", "answer-lost")
    job = clicked("UNKNOWN")
    said = other_first(lambda job: job.request_id or not job.charge_open)
    own = f' "{stand_in.jobs()[0]["id"]}" '
    assert blender.ops.grok_video.request_id(job=job.id, value=own) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    stand_in.fail("submit", "answer-lost")
    job = clicked("UNKNOWN")
    assert blender.ops.grok_video.not_charged(job=job.id) == {"FINISHED"}
    bridge = module("blender.session.state").current().bridge
    assert [bridge.answer(one)["ok"] for one in said] == [False, False]


# --------------------------------------------------------------------------------------------------------- in a window


@pytest.fixture
def window(blender: ModuleType, module: Module, patches: Any) -> SimpleNamespace:
    """The ticks take this Blender for one with a window, where nothing waits."""
    shown = SimpleNamespace(app=SimpleNamespace(background=False, timers=blender.app.timers))
    patches.set(module("blender.session.tick"), "bpy", shown)
    return shown


def ticked(blender: ModuleType, module: Module, until: Callable[[], object]) -> None:
    tick = module("blender.session.tick")
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline
        assert tick.busy(), "the ticks of a window would have ended"
        tick.tick(blender.context)
        time.sleep(0.01)


def test_a_window_tells_what_was_refused(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    window: SimpleNamespace,
) -> None:
    click, queue = module("blender.session.click"), module("blender.session.queue")
    session = module("blender.session.state").current()
    with unreadable(module):
        click.generate(blender.context, scene, scene, 1)
        ticked(blender, module, lambda: session.answers.refusal)
    words = (
        "The clip was refused. What was asked for could not be read. Nothing was sent or charged."
    )
    assert session.answers.refusal == words
    assert session.watch.reports == [(words, True)]
    job_id = click.generate(blender.context, scene, scene, 2)
    assert session.answers.refusal == ""
    ticked(
        blender, module, lambda: "IMPORTED" in [job.state for job in session.bridge.snapshot.all]
    )
    queue.send("stop", job=job_id)
    ticked(blender, module, lambda: session.answers.refusal)
    assert (
        session.answers.refusal
        == "Stop Tracking was refused. Too late: the clip is imported by now."
    )
    # Another Blender was first, which the artist has not asked for and need not know.
    queue.send("claim", job=job_id, session="late")
    ticked(blender, module, lambda: not session.answers.awaited)
    assert session.answers.refusal.startswith("Stop Tracking was refused.")
    assert len(session.watch.reports) == 2
    assert posts(stand_in) == 1


def test_a_click_whose_list_gave_way_to_another_is_not_called_free(
    blender: ModuleType,
    scene: Any,
    module: Module,
    window: SimpleNamespace,
) -> None:
    """A worker took it up, and an older list was put back: the clip may have been bought."""
    session = module("blender.session.state").current()
    blender.ops.grok_video.generate()

    def taken(_data_dir: Path, _command: str, **_fields: Any) -> str:
        return module("core.spec").new_id()  # of this list, no worker knows

    with patching.Patches() as patches:
        patches.set(module("blender.session.bridge"), "put_command", taken, copies_ok=NO_WORKER)
        module("blender.session.click").generate(blender.context, scene, scene, 1)
        ticked(blender, module, lambda: session.answers.refusal)
    assert session.answers.refusal == module("blender.session.bridge").NOT_HEARD

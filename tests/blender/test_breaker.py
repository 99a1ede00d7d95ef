"""Attempts to make the extension buy twice, lose a clip, hang or flood, each made after the code was written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Module = Callable[[str], ModuleType]


def held(blender: ModuleType, module: Module, clicked: Callable[[str], Any], stand_in: Any) -> Any:
    """A job that waits for the artist's word: its key was taken away before it was sent."""
    blocking = module("blender.session.blocking")
    stand_in.fail("submit", 425)
    job = clicked("QUEUED")
    job = blocking.wait_until(
        blender.context, job.id, lambda job: job.problem is not None and job.state == "QUEUED"
    )
    os.environ["XAI_API_KEY"] = "xai-another"
    job = blocking.wait_until(blender.context, job.id, lambda job: job.held)
    os.environ["XAI_API_KEY"] = stand_in.key
    return job


def job_of(module: Module, job_id: str) -> Any:
    return module("blender.session.state").current().bridge.snapshot.jobs[job_id]


# ------------------------------------------------------------------------------------------------ paying twice


def test_a_double_click_during_playback_is_one_job(
    blender: ModuleType, scene: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    """The playhead moves between the two clicks, and so does the job's id, its files and its target."""
    common = module("blender.submission.common")
    first = clicked("IMPORTED").spec
    again = replace(
        first, id="another", output="/elsewhere.mp4", target=replace(first.target, frame=2)
    )
    assert common.what_a_click_asks_for(first) == common.what_a_click_asks_for(again)
    other = replace(first, prompt="Something else")
    assert common.what_a_click_asks_for(first) != common.what_a_click_asks_for(other)


def test_a_job_that_came_back_to_life_is_not_sent_again(
    blender: ModuleType, stand_in: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    """The dialog asked while it was stopped; meanwhile it was taken up again."""
    stand_in.fail("job", "stall")
    job = clicked("RUNNING")
    with pytest.raises(RuntimeError, match="under way"):
        blender.ops.grok_video.send_again(job=job.id, confirm=True)
    assert len(stand_in.requests("submit")) == 1


# ------------------------------------------------------------------------------------------ a script that hangs


def test_a_held_job_is_sent_and_waited_for(
    blender: ModuleType, stand_in: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    job = held(blender, module, clicked, stand_in)
    assert blender.ops.grok_video.release(job=job.id) == {"FINISHED"}
    assert job_of(module, job.id).state == "IMPORTED"
    assert len(stand_in.jobs()) == 1


def test_a_held_job_is_stopped(
    blender: ModuleType, stand_in: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    job = held(blender, module, clicked, stand_in)
    assert blender.ops.grok_video.stop(job=job.id) == {"FINISHED"}
    assert job_of(module, job.id).state == "CANCELLED"
    assert stand_in.jobs() == []


def test_a_retry_offline_is_refused_and_does_not_wait_for_ever(
    blender: ModuleType, stand_in: Any, clicked: Callable[[str], Any]
) -> None:
    stand_in.fail("job", "stall")
    job = clicked("RUNNING")
    blender.ops.grok_video.stop(job=job.id)
    blender.context.preferences.system.use_online_access = False
    with pytest.raises(RuntimeError, match="online access"):
        blender.ops.grok_video.retry(job=job.id)


def test_a_script_hears_of_a_job_that_the_service_does_not_know(
    blender: ModuleType, scene: Any, stand_in: Any
) -> None:
    stand_in.fail("poll", "not-found", times=0)
    with pytest.raises(RuntimeError, match="not found"):
        blender.ops.grok_video.generate()


# --------------------------------------------------------------------------------------------- a clip that is lost


def test_a_claim_that_could_not_be_put_down_is_asked_for_again(
    blender: ModuleType, stand_in: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    """The disk is full, or the folder is away, in the moment when the clip is ready."""
    blocking = module("blender.session.blocking")
    state = module("blender.session.state")
    refusal = module("blender.refusal")
    stand_in.settings(job_seconds=60)
    job = clicked("RUNNING")
    bridge = state.current().bridge
    inbox = bridge.data_dir / "inbox"
    away = inbox.rename(inbox.with_name("away"))
    inbox.write_text("", "utf-8")
    stand_in.finish()
    with pytest.raises(refusal.Refused):
        blocking.wait_until(blender.context, job.id, lambda job: job.state == "IMPORTED")
    assert job_of(module, job.id).state == "READY"
    inbox.unlink()
    away.rename(inbox)
    blocking.wait_until(blender.context, job.id, lambda job: job.state == "IMPORTED")


def test_an_import_is_reported_once_however_long_it_takes_to_be_read(
    blender: ModuleType, stand_in: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    """A worker that stands still must not be buried under a file for each tick."""
    blocking = module("blender.session.blocking")
    state = module("blender.session.state")
    tick = module("blender.session.tick")
    job = clicked("READY")
    bridge = state.current().bridge
    blocking.wait_until(
        blender.context, job.id, lambda job: job.claimed_by == bridge.session or job.imported_into
    )
    inbox = bridge.data_dir / "inbox"
    bridge.close()  # nobody reads the inbox
    for _ in range(20):
        tick.tick(blender.context)
        bridge.close()
    said = [path for path in inbox.glob("*.command") if '"imported"' in path.read_text("utf-8")]
    assert len(said) <= 1


# -------------------------------------------------------------------------------------------------- the process


@pytest.mark.skipif(
    sys.platform == "win32",
    reason="the folder of a Windows user is that user's alone; modes say nothing there",
)
def test_the_data_folder_is_the_users_alone(
    blender: ModuleType, clicked: Callable[[str], Any], module: Module
) -> None:
    before = os.umask(0o022)
    try:
        clicked("IMPORTED")
    finally:
        os.umask(before)
    folder = module("blender.session.state").current().bridge.data_dir
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows renames no file that is open")
def test_a_session_that_lives_is_looked_for_once_a_second(
    blender: ModuleType, module: Module, tmp_path: Path
) -> None:
    """Hundreds of clips may wait for another Blender; each tick asks for each of them."""
    bridge = module("blender.session.bridge").Bridge(tmp_path)
    (tmp_path / "sessions").mkdir()
    lock = tmp_path / "sessions" / "other.lock"
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'ab'); fcntl.lockf(f, fcntl.LOCK_EX)\n"
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert not bridge.session_ended("other")
        moved = lock.rename(lock.with_name("moved"))  # seen at once if it were looked for
        assert not bridge.session_ended("other")
        moved.rename(lock)
        other.kill()

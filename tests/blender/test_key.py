"""The key is in the preferences, in Blender's environment and in one header; everything else is searched for it.

Blender's own windows, its Info log and its crash file are searched by ``tests/gui/test_key.py``; other hosts, and what
a service repeats, by ``tests/core/test_key.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..patience import PATIENCE, at_once

PACKAGE = "bl_ext.user_default.grok_video"
Module = Callable[[str], ModuleType]
KEY = "xai-RecognisableKey0123456789abcdefghijklmnop"


@pytest.fixture
def service(
    blender: ModuleType, monkeypatch: pytest.MonkeyPatch, service_of: Callable[..., Any]
) -> Iterator[Any]:
    """The stand-in with the recognisable key, which the environment does not hold yet."""
    with service_of(job_seconds=0.3, per_second=0, per_minute=0, key=KEY) as running:
        monkeypatch.setenv("XAI_API_BASE", running.base)
        blender.context.preferences.system.use_online_access = True
        own(blender).poll_interval = 0.2
        yield running


def own(blender: ModuleType) -> Any:
    return blender.context.preferences.addons[PACKAGE].preferences


@pytest.fixture(params=["preferences", "environment"])
def scene(
    request: pytest.FixtureRequest,
    blender: ModuleType,
    service: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """A saved file; the key is where an artist, or a farm, puts it."""
    if request.param == "preferences":
        own(blender).api_key = KEY
    else:
        monkeypatch.setenv("XAI_API_KEY", KEY)
    scene = blender.context.scene
    scene.grok_video.prompt = "A heron lifts off"
    scene.grok_video.source = "NONE"
    scene.grok_video.duration = 1
    blender.context.preferences.filepaths.use_file_compression = False
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return blender.context.scene


def children(keysearch: ModuleType, service: Any) -> dict[int, bytes]:
    """The processes below Blender, without the service, whose key it is."""
    found = keysearch.descendants()
    below = keysearch.descendants(service.pid)
    return {pid: data for pid, data in found.items() if pid != service.pid and pid not in below}


def test_nothing_that_is_written_holds_the_key(
    blender: ModuleType,
    scene: Any,
    service: Any,
    module: Module,
    keysearch: ModuleType,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Files, .blend in every state, ledger, journals, logs, JSON, console, reports, children's arguments."""
    state_ = module("blender.session.state")
    blocking = module("blender.session.blocking")
    click_ = module("blender.session.click")
    queue = module("blender.session.queue")
    diagnostics = module("blender.ui.support")
    saved: list[Path] = []
    told: dict[int, bytes] = {}
    shown = ""

    def save(state: str) -> None:
        saved.append(tmp_path / f"{state}.blend")
        for compress in (False, True):
            path = saved[-1].with_name(f"{state}-{compress}.blend")
            blender.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=compress)
        told.update(children(keysearch, service))

    def until(job_id: str, *states: str) -> Any:
        return blocking.wait_until(blender.context, job_id, lambda job: job.state in states)

    def click() -> str:
        return click_.generate(blender.context, scene, scene, 1)

    blender.ops.wm.save_userpref()
    save("idle")
    assert blender.ops.grok_video.check_connection() == {"FINISHED"}
    blender.ops.grok_video.refresh_models()
    # Preparing: a bake is a child of its own.
    blender.ops.grok_video.generate()
    strip = next(s for s in strips(scene) if s.type == "MOVIE")
    strip.frame_final_duration -= 2  # not whole: it must be baked
    shot = module("blender.timeline.source_strip").source_strip_of(strip)
    scene.grok_video.edit_prompt = "At night"
    order = module("blender.submission.edit").edit_of_strip(
        scene, shot, state_.session_id(), state_.job_by_id
    )
    pending = module("blender.submission.preparation").Preparation(order.spec, order.steps)
    pending.tick(blender.context)
    end = time.monotonic() + PATIENCE
    while len(told) < 2 and time.monotonic() < end:  # the worker and the bake
        told.update(children(keysearch, service))
    save("preparing")
    pending.cancel()
    service.settings(job_seconds=60)
    job_id = click()
    until(job_id, "RUNNING")
    save("running")
    service.finish()
    until(job_id, "IMPORTED")
    save("done")
    # What the service says of a key, it says masked; a hostile one does not.
    echo = {"error": f"Incorrect API key provided: {KEY}.", "code": KEY}
    service.fail("submit", "answer", status=400, body=echo)
    shown += failed(blender.ops.grok_video.generate)
    save("failed")
    service.fail("submit", "answer-lost")
    shown += failed(blender.ops.grok_video.generate)
    save("unknown")
    service.fail("key", "answer", status=401, body=echo)
    shown += failed(blender.ops.grok_video.check_connection)
    # A bug in the middle of it all: the traceback as Blender prints it, and with every variable.
    shown += everything(state_.current().bridge, queue.account(), state_.current())
    for job in state_.current().bridge.snapshot.all:
        shown += diagnostics.log_of(job)
        blender.ops.grok_video.show_log(job=job.id)
        shown += blender.context.window_manager.clipboard
    for ticked in (False, True):
        shown += diagnostics.diagnostics_text(blender.context, prompts=ticked, paths=ticked)
    blender.ops.grok_video.copy_diagnostics(prompts=True, paths=True)
    told.update(children(keysearch, service))
    blender.ops.preferences.addon_disable(module=PACKAGE)
    blender.ops.preferences.addon_enable(module=PACKAGE)
    printed = capfd.readouterr()

    assert len(told) >= 2
    assert keysearch.in_processes(told, [KEY]) == {}
    assert keysearch.held((shown + printed.out + printed.err).encode(), [KEY]) == []
    assert "Grok Video diagnostics" in printed.out
    assert "xai-***" in shown
    preferences = Path(blender.utils.user_resource("CONFIG")) / "userpref.blend"
    folders = (tmp_path, Path(os.environ["HOME"]), Path(blender.app.tempdir))
    found, count = keysearch.found_in(*folders, keys=[KEY], but=[preferences])
    assert found == {}
    assert count > 30
    assert all(path.with_name(f"{path.stem}-True.blend").exists() for path in saved)
    # The search does find it where it may be.
    in_preferences = bool(keysearch.held(keysearch._unpacked(preferences.read_bytes()), [KEY]))
    assert in_preferences == ("XAI_API_KEY" not in os.environ)
    for request in service.requests():
        headers = {name.lower(): value for name, value in request["headers"]}
        wanted = None if request["endpoint"] == "download" else "Bearer <the key>"
        assert headers.pop("authorization", None) == wanted
        assert (
            keysearch.held(
                repr((headers, request["path"], request["query"], request["body"])).encode(), [KEY]
            )
            == []
        )


def strips(scene: Any) -> list[Any]:
    editor = scene.sequence_editor
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def failed(call: Callable[[], object]) -> str:
    """What is said, with its whole traceback."""
    with pytest.raises(RuntimeError) as caught:
        call()
    return "".join(traceback.format_exception(caught.value))


def everything(*given: object) -> str:
    """A traceback that tells every variable, as crash reporters of other add-ons make them."""
    inside = [repr(one) for one in given]
    try:
        raise RuntimeError(f"{inside}")
    except RuntimeError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(told.format())


# ----------------------------------------------------------------------------------------- a crash, a bug


_CRASHING = """
    import ctypes, faulthandler, os, sys, time
    import bpy
    faulthandler.enable()
    for name in ("user_default",):
        bpy.ops.extensions.package_install_files(repo=name, filepath=sys.argv[1], enable_on_install=True)
    bpy.context.preferences.system.use_online_access = True
    own = bpy.context.preferences.addons["bl_ext.user_default.grok_video"].preferences
    own.poll_interval = 0.2
    scene = bpy.context.scene
    scene.grok_video.prompt, scene.grok_video.source, scene.grok_video.duration = "x", "NONE", 1
    from bl_ext.user_default.grok_video.blender.session import click, queue, state, tick
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(os.environ["HOME"], "shot.blend"))
    click.generate(bpy.context, scene, scene, 1)
    while not any(job.state == "RUNNING" for job in state.current().bridge.snapshot.all):
        tick.tick(bpy.context)
        time.sleep(0.02)
    if sys.argv[2] == "bug":
        def broken(*_):
            account = queue.account()
            raise RuntimeError(f"planted bug: {account} {state.current().bridge}")
        state.current().bridge.__class__.tick = broken
        bpy.ops.grok_video.generate()
    elif sys.argv[2] == "abort":
        os.abort()
    else:
        def deep(account):
            ctypes.string_at(0)
        deep(queue.account())
"""


@pytest.mark.parametrize("how", ["bug", "segfault", "abort"])
def test_a_crash_tells_nobody_the_key(
    archive: Path, tmp_path: Path, how: str, keysearch: ModuleType, service_of: Callable[..., Any]
) -> None:
    """A Blender of its own dies with a job running: what it printed and left behind is searched."""
    script = tmp_path / "crash.py"
    script.write_text(textwrap.dedent(_CRASHING), "utf-8")
    with service_of(job_seconds=600, per_second=0, per_minute=0, key=KEY) as service:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("XDG_")
        }
        environment |= {
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path / "tmp"),
            "BLENDER_USER_RESOURCES": str(tmp_path / "blender"),
            "XAI_API_BASE": service.base,
            "XAI_API_KEY": KEY,
        }
        (tmp_path / "tmp").mkdir()
        died = subprocess.run(
            [sys.executable, "-I", str(script), str(archive), how],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            timeout=300,
        )
        assert died.returncode != 0
        assert len(service.requests("submit")) == 1
    end = time.monotonic() + PATIENCE
    data = tmp_path / ".local" / "share" / "grok_video"
    while list((data / "workers").glob("*.lock")) and time.monotonic() < end:
        time.sleep(0.05)  # its worker sees that it is gone
    assert keysearch.held(died.stdout + died.stderr, [KEY]) == []
    said = died.stderr.decode("utf-8", "replace")
    assert ("planted bug: " if how == "bug" else "Fatal Python error") in said
    found, count = keysearch.found_in(tmp_path, keys=[KEY])
    assert found == {}
    assert count > 20


# ---------------------------------------------------------------------------------- programs that are opened


@pytest.mark.deadline
def test_a_program_that_is_opened_gets_no_key_and_is_not_waited_for(
    blender: ModuleType,
    scene: Any,
    module: Module,
    keysearch: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Blender's own path_open hands the whole environment on, and waits for an editor to be closed."""
    monkeypatch.setenv("XAI_API_KEY", KEY)
    said = tmp_path / "said"
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$1" > "{said}.new"\nenv >> "{said}.new"\nmv "{said}.new" "{said}"\nsleep 60\n',
        "utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    blender.ops.grok_video.generate()
    job = module("blender.session.state").current().bridge.snapshot.all[0]
    before = time.monotonic()
    assert blender.ops.grok_video.open_folder(job=job.id) == {"FINISHED"}
    assert time.monotonic() - before < at_once(2.0)
    end = time.monotonic() + PATIENCE
    while not said.exists() and time.monotonic() < end:
        time.sleep(0.02)
    text = said.read_text("utf-8")
    assert text.startswith(str(Path(job.clip.path).parent))
    assert "PATH=" in text
    assert keysearch.held(text.encode(), [KEY]) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="no program"):
        blender.ops.grok_video.open_folder(job=job.id)

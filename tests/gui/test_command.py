"""The command line of a real Blender: its exit codes, its JSON among Blender's own lines, files that are not there, signals."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from patience import PATIENCE

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

#: A film with two shots from text, and one whose camera is gone.
FILM = """
import bpy
scene = bpy.context.scene
scene.camera = None
scene.grok_video.duration, scene.grok_video.generate_audio = 1, False
for name, source, frame in (("one", "NONE", 1), ("two", "NONE", 100), ("three", "CAMERA", 200)):
    row = scene.grok_video.shots.add()
    row.name, row.source, row.prompt, row.target_frame = name, source, "The heron " + name, frame
row.enabled = False
bpy.ops.wm.save_as_mainfile(filepath={path!r})
"""
LOOK = """
import bpy
editor = bpy.context.scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
print("CLIPS", sorted(int(strip.frame_final_start) for strip in strips if strip.type == "MOVIE"))
"""

Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def blender(gui: Gui) -> Callable[..., Ended]:
    """Runs this artist's Blender without a window."""

    def run(*arguments: str) -> Ended:
        return subprocess.run(
            gui.profile.blender(["--background", *arguments]),
            env=gui.profile.environment(gui.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
        )

    return run


@pytest.fixture
def film(blender: Callable[..., Ended], tmp_path: Path) -> Path:
    path = tmp_path / "film.blend"
    made = blender("--python-expr", FILM.format(path=str(path)))
    assert path.is_file(), made.stdout + made.stderr
    return path


def told(ended: Ended) -> dict[str, Any]:
    (line,) = re.findall(r"^GROK_VIDEO_JSON (.*)$", ended.stdout, re.M)
    return dict(json.loads(line))


def test_a_list_from_a_terminal(
    blender: Callable[..., Ended], film: Path, stand_in: StandIn, tmp_path: Path
) -> None:
    """Help, a price, the clips in a copy of the file, the same once more; offline and without the file nothing."""
    stand_in.settings(job_seconds=1)
    command = ["--command", "grok_video", "shots", "run"]

    def run(*arguments: str, before: tuple[str, ...] = (str(film), "--online-mode")) -> Ended:
        return blender(*before, *command, *arguments)

    helped = run("--help")
    assert (helped.returncode, "exit codes:" in helped.stdout) == (0, True)
    assert run("--nothing").returncode == 2
    offline = run("--yes", before=("--offline-mode", str(film)))
    assert (offline.returncode, "offline mode" in offline.stderr) == (4, True)
    gone = run("--yes", "--json", before=(str(tmp_path / "gone.blend"), "--online-mode"))
    assert (gone.returncode, told(gone)["code"]) == (3, 3)
    asked = run("--json")
    assert (asked.returncode, told(asked)["code"]) == (5, 5), asked.stdout + asked.stderr
    assert stand_in.requests("submit") == []

    file = tmp_path / "report.json"
    bought = run("--yes", "--json", str(file))
    assert bought.returncode == 0, bought.stdout + bought.stderr
    report = json.loads(file.read_text("utf-8"))
    assert [shot["state"] for shot in report["shots"]] == ["IMPORTED"] * 2
    assert "GROK_VIDEO_JSON" not in bought.stdout
    assert report["saved"] == str(tmp_path / "film_clips.blend")
    assert "CLIPS [1, 100]" in blender(report["saved"], "--python-expr", LOOK).stdout
    # The same task once more, on the same file, which has no clips: none is bought, and they come.
    again = run("--yes", "--json")
    assert (again.returncode, told(again)["code"]) == (0, 0), again.stdout + again.stderr
    assert told(again)["saved"] == str(tmp_path / "film_clips_2.blend")
    assert "CLIPS [1, 100]" in blender(told(again)["saved"], "--python-expr", LOOK).stdout
    assert len(stand_in.requests("submit")) == 2
    assert "CLIPS []" in blender(str(film), "--python-expr", LOOK).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_engine_ends_the_task(
    gui: Gui, film: Path, stand_in: StandIn, blender: Callable[..., Ended], number: signal.Signals
) -> None:
    """What was sent goes on at the service; the task that is run again waits for that, and buys it not."""
    stand_in.settings(job_seconds=600)
    arguments = [str(film), "--online-mode", "--command", "grok_video", "shots", "run", "--yes"]
    process = subprocess.Popen(
        gui.profile.blender(["--background", *arguments, "--json"]),
        env=gui.profile.environment(gui.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    end = time.monotonic() + PATIENCE
    while len(stand_in.jobs()) < 2:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, out + err
    assert "Interrupted" in err
    stand_in.settings(job_seconds=0.2)
    stand_in.finish()
    again = blender(*arguments, "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert [shot["state"] for shot in told(again)["shots"]] == ["IMPORTED"] * 2
    assert len(stand_in.requests("submit")) == 2

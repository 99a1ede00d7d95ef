"""Of a Blender in a window: one that crashes by itself in its start is started once more, and nothing else is hidden.

Blender here is a shell script that dies as it is told.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "gui"), str(ROOT / "scripts")]

import blenders  # noqa: E402
import harness  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="windows are driven on Linux")

#: What Blender writes: its own frames, then Python's.
NATIVE = "# Blender 5.2.2\n\n# backtrace\n/usr/bin/blender(+0x1)\n\n# Python backtrace\n"
OURS = (
    f'{NATIVE}  File "/home/a/.config/bl_ext/user_default/grok_video/blender/ui/jobs.py", line 1\n'
)
SCENARIO = f'{NATIVE}  File "{harness.HERE}/driver.py", line 400 in step\n'
THEIRS = f'{NATIVE}  File "/usr/share/blender/scripts/modules/bpy/utils/__init__.py", line 1\n'

#: Life number of a Blender → does what ``lives`` holds for it: words for the report, the crash file, its end.
PROGRAM = """#!/bin/sh
for task; do :; done
cd "{lives}"
life=$(($(cat count) + 1))
echo $life > count
[ -e $life ] || exit 99
report=$(sed -n 's/.*"report": "\\([^"]*\\)".*/\\1/p' "$task")
[ -e $life.report ] && cp $life.report "$report"
[ -e $life.crash ] && cp $life.crash "$TMPDIR/blender.crash.txt"
echo "life $life"
kill -s $(cat $life) $$
"""

Lives = Callable[..., harness.Running]


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """A function: (signal, crash file, whether the scenario has begun) for each life → that Blender, started."""
    folder = tmp_path / "lives"
    folder.mkdir()
    (folder / "count").write_text("0", "utf-8")
    program = tmp_path / "blender"
    program.write_text(PROGRAM.format(lives=folder), "utf-8")
    program.chmod(0o755)
    window = blenders.Window("5.2.2 LTS", str(program))
    home = tmp_path / "home"
    home.mkdir()
    before = list(harness.STARTED_AGAIN)

    def start(*ends: tuple[str, str, bool]) -> harness.Running:
        for number, (end, crash, begun) in enumerate(ends, 1):
            (folder / str(number)).write_text(end, "utf-8")
            report = {"notes": {"life": number} if begun else {}, "begun": begun, "ended": ""}
            (folder / f"{number}.report").write_text(json.dumps(report), "utf-8")
            if crash:
                (folder / f"{number}.crash").write_text(crash, "utf-8")
        profile = harness.Profile(window, home, harness.Screen(":0", harness.SCREEN))
        return profile.start("jobs.py:whole_job", {}, tmp_path / "output", layout="General")

    yield start
    harness.STARTED_AGAIN[:] = before  # what was planted is not for the summary of this run


@pytest.mark.parametrize("crash", [NATIVE, THEIRS])
def test_a_crash_of_blenders_own_in_its_start_is_one_start_more(lives: Lives, crash: str) -> None:
    running = lives(("SEGV", crash, False), ("TERM", "", True))
    assert running.until("life") == 2
    report = running.wait()
    assert (report.notes, report.code, report.crash) == ({"life": 2}, -signal.SIGTERM, "")
    assert report.log == "life 1\nlife 2\n"
    (told,) = harness.STARTED_AGAIN
    assert "jobs.py:whole_job, ended with -11" in told
    assert crash in told


@pytest.mark.parametrize(
    ("end", "crash", "begun"),
    [
        pytest.param("SEGV", NATIVE, True, id="the scenario has begun"),
        pytest.param("ABRT", OURS, False, id="the extension was under way"),
        pytest.param("SEGV", SCENARIO, False, id="the scenario was under way"),
        pytest.param("KILL", "", False, id="somebody else ended it"),
    ],
)
def test_any_other_end_stays_what_it_was(lives: Lives, end: str, crash: str, begun: bool) -> None:
    running = lives((end, crash, begun), ("TERM", "", True))
    report = running.wait()
    assert report.code == -signal.Signals[f"SIG{end}"]
    assert report.crash == crash
    assert report.log == "life 1\n"
    assert harness.STARTED_AGAIN == []


def test_a_blender_that_crashes_again_has_crashed(lives: Lives) -> None:
    running = lives(("SEGV", NATIVE, False), ("SEGV", THEIRS, False), ("TERM", "", True))
    with pytest.raises(AssertionError, match="never noted life") as told:
        running.until("life")
    assert THEIRS in str(told.value)
    assert running.wait().code == -signal.SIGSEGV
    assert len(harness.STARTED_AGAIN) == 1


def test_each_blender_crashes_into_a_place_of_its_own(lives: Lives, tmp_path: Path) -> None:
    running = lives(("SEGV", OURS, True))
    running.wait()
    assert (tmp_path / "home" / "tmp" / "blender.crash.txt").read_text("utf-8") == OURS

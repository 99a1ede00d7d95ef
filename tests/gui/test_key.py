"""A key that was typed into a real window is in no log of Blender and in no crash file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import keysearch
from stand_in.client import StandIn

if TYPE_CHECKING:
    from conftest import Gui

KEY = "xai-RecognisableKey0123456789abcdefghijklmnop"


def test_info_log_and_crash_file_do_not_hold_the_key(gui: Gui, tmp_path: Path) -> None:
    with StandIn.start(job_seconds=600, key=KEY) as service:
        gui.environment |= {"XAI_API_BASE": service.base}
        running = gui.start(
            "key.py:typed_then_crash",
            {"key": KEY, "blend": str(tmp_path / "shot.blend")},
            layout="General",
        )
        running.until("typed")
        while not service.jobs() and running.process.poll() is None:
            time.sleep(0.1)
        service.settings(job_seconds=1)
        service.finish()
        running.until("info")
        service.settings(job_seconds=600)
        report = running.wait()
        assert report.notes["typed"]
        assert report.notes["crashes"]
        assert report.code != 0
        assert "movie_strip_add" in report.notes["info"]
        assert len(service.requests("submit")) == 2
    (crash,) = gui.profile.home.rglob("*.crash.txt")
    assert "Blender" in crash.read_text("utf-8", "replace")
    assert keysearch.held((report.log + report.notes["info"]).encode(), [KEY]) == []
    # The scenario's own orders hold it, and the preferences may; the start files are older than the key.
    home = gui.profile.home
    but = [
        file
        for name in ("*.task.json", "userpref.blend", "startup.blend", "video_editing.blend")
        for file in home.rglob(name)
    ]
    found, count = keysearch.found_in(tmp_path, keys=[KEY], but=but)
    assert found == {}
    assert count > 20

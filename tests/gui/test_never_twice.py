"""F9, Shift-R, F3 and fast fingers buy nothing; a lost answer offers its two ways out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from patience import PATIENCE

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn


def test_repeating_buys_nothing_and_a_hammered_button_is_one_click(
    gui: Gui, stand_in: StandIn
) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("twice.py:repeats", layout="General").notes
    assert notes["after_repeats"] == 1
    assert notes["after_twenty"] == 2
    assert notes["after_one_more"] == 3
    assert len(stand_in.requests("submit")) == len(stand_in.jobs()) == 3


@pytest.mark.once
def test_a_lost_answer_is_recovered_by_its_id(gui: Gui, stand_in: StandIn, tmp_path: Path) -> None:
    """Its buttons are found in a narrow sidebar; log and diagnostics are fit to be shown to anybody."""
    stand_in.settings(job_seconds=1)
    stand_in.fail("submit", "answer-lost")
    shown = tmp_path / "shown.txt"
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(
        f'#!/bin/sh\ncat "$1" > "{shown}.new"; env >> "{shown}.new"; mv "{shown}.new" "{shown}"\n',
        "utf-8",
    )
    opener.chmod(0o755)
    running = gui.start(
        "twice.py:answer_lost",
        {"pasted": str(tmp_path / "copied.json")},
        layout="General",
        environment={
            "PATH": f"{opener.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        },
    )
    running.until("asked")
    end = time.monotonic() + PATIENCE
    while not shown.exists() and time.monotonic() < end:
        time.sleep(0.05)
    (made,) = stand_in.jobs()
    fresh = tmp_path / "copied.new"
    fresh.write_text(f'{{"request_id": "{made["id"]}"}}', "utf-8")
    fresh.rename(tmp_path / "copied.json")
    notes = gui.good(running.wait()).notes
    log = shown.read_text("utf-8")
    assert "answer lost: ANSWER_LOST" in log
    for text in (log, notes["diagnostics"]):
        assert stand_in.key not in text
        assert "://" not in text.split("PATH=")[0]
    assert "Snow falls" in log
    assert "Snow falls" not in notes["diagnostics"]
    assert str(tmp_path) not in notes["diagnostics"]
    assert "ANSWER_LOST" in notes["diagnostics"]
    assert len(stand_in.requests("submit")) == len(stand_in.jobs()) == 1

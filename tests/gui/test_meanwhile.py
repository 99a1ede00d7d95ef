"""While a clip is made the artist goes on; what was paid arrives once, what was not sent costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    from conftest import Gui
    from stand_in.client import StandIn


def once(value: object) -> ParameterSet:
    """A case for one version of Blender: see ``ONCE`` of scripts/rings.py."""
    return pytest.param(value, marks=pytest.mark.once)


def paid_once(stand_in: StandIn) -> bool:
    return len(stand_in.requests("submit")) == len(stand_in.jobs()) == 1


@pytest.mark.parametrize("what", ["file_new", *map(once, ("file_open", "save_as", "disabled"))])
def test_other_file_during_a_job(gui: Gui, stand_in: StandIn, tmp_path: Path, what: str) -> None:
    stand_in.settings(job_seconds=8)
    arguments = {} if what == "file_new" else {"blend": str(tmp_path / "shot.blend")}
    notes = gui.run(f"meanwhile.py:{what}", layout="General", **arguments).notes
    assert len(notes["jobs"]) == 1
    assert notes["scenes"] == ["Scene"]
    assert notes.get("by_itself", 0) == 0  # another file does not get the clip unasked
    assert notes.get("gone", True)
    assert not notes.get("not_loaded")  # by then a timer has loaded what the start did not wait for
    assert paid_once(stand_in)


@pytest.mark.parametrize("what", [once("workspace"), "window_closed", "keys"])
def test_other_work_during_a_job(gui: Gui, stand_in: StandIn, what: str) -> None:
    stand_in.settings(job_seconds=8)
    notes = gui.run(f"meanwhile.py:{what}", layout="General").notes
    assert len(notes["jobs"]) == 1
    assert notes.get("workspace", "Scripting") == "Scripting"
    assert notes.get("state", "RUNNING") == "RUNNING"
    assert paid_once(stand_in)


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ("undo_in_render", "Render interrupted"),
        ("new_in_render", "Another file was opened"),
        ("f12_in_render", "Render interrupted"),
    ],
)
def test_interrupted_render_costs_nothing(
    gui: Gui, stand_in: StandIn, what: str, cause: str
) -> None:
    notes = gui.run(f"meanwhile.py:{what}", layout="General").notes
    assert cause in notes["message"]
    assert "Nothing was sent or charged" in notes["message"]
    assert not notes["job"]
    assert stand_in.requests() == []


@pytest.mark.parametrize("playing", [once(False), True])
def test_double_click_is_one_job(gui: Gui, stand_in: StandIn, playing: bool) -> None:
    notes = gui.run("meanwhile.py:double_click", layout="General", playing=playing).notes
    assert len(notes["jobs"]) == 1
    assert paid_once(stand_in)


def test_generate_waits_for_the_artists_own_render(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("meanwhile.py:generate_in_their_render", layout="General").notes
    assert notes["still_rendering"]
    assert len(notes["said"]) == 2
    assert all("Blender renders something else" in said for said in notes["said"])
    assert stand_in.requests() == []


@pytest.mark.once  # a minute, Blender's least; what could keep it from saving is an operator that stays modal, in any version
def test_autosave_happens_during_a_job(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=600)
    notes = gui.run("meanwhile.py:autosave", layout="General").notes
    assert notes["state"] == "RUNNING"


def test_a_job_redraws_its_own_tab_once_a_second_and_no_other_tab(
    gui: Gui, stand_in: StandIn
) -> None:
    stand_in.settings(job_seconds=600)
    notes = gui.run("meanwhile.py:redraws", layout="General", seconds=4).notes
    assert notes["state"] == "RUNNING"
    assert notes["took"] > 3  # between five draws
    assert notes["other_tab"] <= 1  # a change of state is told in every sidebar


def test_blender_outlives_its_worker(gui: Gui, stand_in: StandIn) -> None:
    stand_in.settings(job_seconds=1)
    notes = gui.run("meanwhile.py:worker_gone", layout="General").notes
    assert len(set(notes["jobs"])) == 2
    assert len(stand_in.jobs()) == 2

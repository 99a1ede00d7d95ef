"""*Job List Folder* in Blender: the value changes once the list is there, and never while anything is open."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .others import DATA_NAME, stop, wait_for

PACKAGE = "bl_ext.user_default.grok_video"
DOLLAR = 10**10

Module = Callable[[str], ModuleType]


def own(blender: ModuleType) -> Any:
    return blender.context.preferences.addons[PACKAGE].preferences


def bridge(module: Module) -> Any:
    return module("blender.session.state").current().bridge


def restart(module: Module) -> None:
    """As the next Blender finds the preferences."""
    tick = module("blender.session.tick")
    tick.unregister()
    tick.register()


def test_limits_sums_and_jobs_go_along(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path, capfd: Any
) -> None:
    """And the value is that of the new folder, also after a restart, which saves it as it saves all preferences."""
    blender.ops.grok_video.generate()
    own(blender).day_limit = 7.0
    before = dict(bridge(module).snapshot.jobs)
    blender.context.preferences.is_dirty = False
    new = tmp_path / "new folder ü"
    own(blender).ledger_dir = str(new)
    assert own(blender).ledger_dir == str(new)
    assert blender.context.preferences.is_dirty
    assert own(blender).unseen_list == ""
    restart(module)
    assert bridge(module).data_dir == new
    module("blender.session.queue").read_all()
    assert dict(bridge(module).snapshot.jobs) == before
    assert round(own(blender).day_limit, 6) == 7.0
    blender.ops.grok_video.generate()
    assert [job.state for job in bridge(module).snapshot.all] == ["IMPORTED", "IMPORTED"]


def test_a_blender_whose_temporary_folder_was_cleaned_away_moves_the_list(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path
) -> None:
    """macOS removes what lay there for three days, and a Blender may be open over a weekend."""
    from shutil import rmtree

    blender.ops.grok_video.generate()
    rmtree(blender.app.tempdir)
    blender.ops.grok_video.move_list(directory=str(tmp_path / "new"))
    assert bridge(module).data_dir == tmp_path / "new"
    assert list(Path(blender.app.tempdir).iterdir()) == []


def test_while_a_clip_is_made_the_value_stays(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    tmp_path: Path,
    capfd: Any,
) -> None:
    stand_in.settings(job_seconds=600)
    job = clicked("RUNNING")
    own(blender).ledger_dir = str(tmp_path / "new")
    assert own(blender).ledger_dir == ""
    assert "1 clip is still being sent, made or fetched" in capfd.readouterr().out
    with pytest.raises(RuntimeError, match="A heron lifts off"):
        blender.ops.grok_video.move_list(directory=str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    assert bridge(module).snapshot.all[0].id == job.id
    blender.ops.grok_video.stop()
    blender.ops.grok_video.move_list(directory=str(tmp_path / "new"))
    assert own(blender).ledger_dir == str(tmp_path / "new")
    module("blender.session.queue").read_all()
    assert bridge(module).snapshot.all[0].state == "CANCELLED"


@pytest.mark.parametrize("what", ["a file", "the folder itself", "below a file"])
def test_a_bad_folder_leaves_the_value(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path, what: str
) -> None:
    blender.ops.grok_video.generate()
    (tmp_path / "file").touch()
    folder = {
        "a file": tmp_path / "file",
        "the folder itself": bridge(module).data_dir,
        "below a file": tmp_path / "file" / "list",
    }[what]
    with pytest.raises(RuntimeError, match="stays where it is"):
        blender.ops.grok_video.move_list(directory=str(folder))
    assert own(blender).ledger_dir == ""
    blender.ops.grok_video.generate()  # goes on as before
    assert len(bridge(module).snapshot.all) == 2


def test_a_list_that_is_there_shows_its_limits_before_the_first_purchase(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path, capfd: Any
) -> None:
    other = tmp_path / "other"
    ledger = module("ledger.ledger").Ledger.open(other)
    with ledger.transaction():
        module("ledger.journal").write_limits(
            other, {"day": 3 * DOLLAR, "month": 0, "count_loopback": 1}
        )
        ledger.put_limits({"day": 3 * DOLLAR, "count_loopback": 1})
    ledger.close()
    blender.ops.grok_video.generate()
    first = bridge(module).data_dir
    moving = module("blender.session.moving")
    assert "holds a list of clips already" in moving.would(other)[1]
    blender.ops.grok_video.move_list(directory=str(other))
    assert (
        "0 clips, a limit of $3.00 a day ($0.00 spent), no limit a month" in capfd.readouterr().out
    )
    restart(module)
    assert bridge(module).data_dir == other
    module("blender.session.queue").read_all()
    assert "a limit of $3.00 a day" in moving.unseen()
    assert bridge(module).snapshot.all == ()
    moving.seen()
    assert moving.unseen() == ""
    blender.ops.grok_video.generate()
    assert len(bridge(module).snapshot.all) == 1
    assert "holds a list of clips already" in moving.would(first)[1]  # never merged, never marked
    assert not (first / "moved.json").exists()


def test_another_blender_follows(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path
) -> None:
    """One whose preferences still have the old folder: shown, said, and opened in the new place by a press."""
    blender.ops.grok_video.generate()
    first, new = bridge(module).data_dir, tmp_path / "new"
    own(blender).ledger_dir = str(new)
    module("blender.session.tick").unregister()
    own(blender).ledger_dir = ""
    module("blender.session.tick").register()
    state = module("blender.session.state").current()
    assert state.bridge.data_dir == first
    module("blender.session.queue").read_all()
    assert len(state.bridge.snapshot.all) == 1
    with pytest.raises(RuntimeError, match="was moved to"):
        blender.ops.grok_video.generate()
    assert not list((first / "inbox").iterdir())
    blender.ops.grok_video.move_list(directory=state.bridge.reader.list_folder)
    assert bridge(module).data_dir == new
    assert own(blender).unseen_list == ""
    blender.ops.grok_video.generate()
    assert len(bridge(module).snapshot.all) == 2


def all_read(blender: ModuleType, module: Module) -> None:
    """Let ticks happen, as with a window, until all that was said and done is read.

    A tick of a busy machine may end with more to read, and a list that is still being read does not move.
    """
    tick = module("blender.session.tick")

    def is_read() -> bool:
        tick.tick(blender.context)
        return not bridge(module).expects

    wait_for(is_read, "the list to be read")


def move_ended(blender: ModuleType, module: Module) -> None:
    """Let ticks happen until the process of the move is gone."""
    tick, state = module("blender.session.tick"), module("blender.session.state")

    def is_over() -> bool:
        tick.tick(blender.context)
        return state.current().moving.process is None

    wait_for(is_over, "the end of the move")


class _Bpy:
    """Blender as with a window."""

    def __getattr__(self, name: str) -> Any:
        import bpy

        return _App() if name == "app" else getattr(bpy, name)


class _App:
    background = False

    def __getattr__(self, name: str) -> Any:
        import bpy

        return getattr(bpy.app, name)


def test_in_a_window_nothing_waits_and_clicks_are_refused(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path, patches: Any
) -> None:
    blender.ops.grok_video.generate()
    state, moving = module("blender.session.state"), module("blender.session.moving")
    all_read(blender, module)
    patches.set(moving, "bpy", _Bpy())
    new = tmp_path / "new"
    own(blender).ledger_dir = str(new)
    assert own(blender).ledger_dir == ""
    # Had this waited for the move, it would be over: nothing but a look, which is a tick's, ends it.
    assert state.current().moving.process is not None, state.current().moving.message
    with pytest.raises(RuntimeError, match="just being moved"):
        blender.ops.grok_video.generate()
    with pytest.raises(RuntimeError, match="just being moved"):
        blender.ops.grok_video.move_list(directory=str(tmp_path / "third"))
    move_ended(blender, module)
    assert (own(blender).ledger_dir, state.current().moving.message) == (str(new), "")
    said = json.loads((tmp_path / "data" / DATA_NAME / "moved.json").read_text("utf-8"))
    assert said["folder"] == str(new)


@pytest.mark.parametrize("name", ["new ", " "])
def test_a_folder_whose_name_ends_with_a_blank(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path, name: str
) -> None:
    """The preference could not hold it: the next Blender would begin an empty list without limits beside it."""
    blender.ops.grok_video.generate()
    data = bridge(module).data_dir
    with pytest.raises(RuntimeError, match="blank"):
        blender.ops.grok_video.move_list(directory=str(tmp_path / name))
    assert (bridge(module).data_dir, own(blender).ledger_dir) == (data, "")


def test_no_list_is_bought_from_unseen(
    blender: ModuleType, scene: Any, module: Module, patches: Any
) -> None:
    """Neither by a question that was asked before it was opened, nor by a script that may buy in a window."""
    asking, moving = module("blender.ui.asking"), module("blender.session.moving")
    module("blender.session.queue").read_all()
    own(blender).unseen_list = "another"
    patches.set(asking, "bpy", _Bpy())
    with pytest.raises(RuntimeError, match="Another list is open"):
        blender.ops.grok_video.generate()
    assert not module("blender.session.state").current().documents
    moving.seen()
    blender.ops.grok_video.generate()
    assert len(module("blender.session.state").current().documents) == 1


def test_a_move_whose_process_hangs_can_be_stopped(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path, patches: Any
) -> None:
    """As on a share that is gone: it hears nothing, and the panel must not wait for it for ever."""
    blender.ops.grok_video.generate()
    state, moving, tick, process = (
        module(f"blender.session.{name}") for name in ("state", "moving", "tick", "move_process")
    )
    all_read(blender, module)
    patches.set(moving, "bpy", _Bpy())
    patches.set(process, "PATIENCE", 0.2)
    moving.begin(str(tmp_path / "new"))
    stop(state.current().moving.process._process.pid)
    tick.tick(blender.context)
    moving.stop()
    move_ended(blender, module)
    assert "had to be ended" in state.current().moving.message
    assert own(blender).ledger_dir == ""
    blender.ops.grok_video.generate()
    assert len(bridge(module).snapshot.all) == 2


def test_a_blender_that_has_not_heard_of_a_move_says_nothing_into_the_old_folder(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path
) -> None:
    blender.ops.grok_video.generate()
    data = bridge(module).data_dir
    notes = module("ledger.whereabouts")
    notes.write_note(data, notes.MOVED, tmp_path / "new", "0" * 32)  # by another process, just now
    queue = module("blender.session.queue")
    with pytest.raises(module("blender.refusal").Refused, match="was moved to"):
        queue.send("heard")
    assert not list((data / "inbox").iterdir())

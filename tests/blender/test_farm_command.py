"""The tasks of a farm as an engine calls them: by words, an exit code, and lines that are read."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_farm import add, add_cube, reopened, saved
from .test_orders import bodies
from .test_variants import jobs_of, movies

Module = Callable[[str], ModuleType]


class Task:
    """The command line, in a folder with a list of two shots that was exported by it."""

    def __init__(self, scene: Any, module: Module, folder: Path, capfd: Any) -> None:
        add_cube(scene)
        add(scene, "S 010", source="CAMERA", frame=3)
        add(scene, "title")
        self.blend, self.folder, self._capfd = saved(), folder, capfd
        self._main = module("blender.command").main
        self.said = ""
        self.exported = self("export", "--engine", "openjd")

    def __call__(self, name: str, *words: str) -> tuple[int, Any]:
        """The exit code and the JSON of a subcommand, in the file as it is on the disk."""
        reopened(self.blend)
        self._capfd.readouterr()
        code = self._main(["shots", name, "--folder", str(self.folder), *words, "--json"])
        out, err = self._capfd.readouterr()
        self.said = out + err
        lines = [line for line in out.splitlines() if line.startswith("GROK_VIDEO_JSON ")]
        return code, json.loads(lines[-1].partition(" ")[2]) if lines else None

    def states(self, name: str, *words: str) -> tuple[int, dict[str, str]]:
        code, told = self(name, *words)
        return code, {one["shot"]: one["state"] for one in told["shots"]}


@pytest.fixture
def task(scene: Any, module: Module, tmp_path: Path, capfd: Any) -> Task:
    return Task(scene, module, tmp_path / "share", capfd)


BOTH = {"s_010": "DONE", "title": "DONE"}


def test_each_task_tells_its_end(task: Task, stand_in: Any) -> None:
    code, told = task.exported
    assert code == 0
    assert [one["shot"] for one in told["shots"]] == list(BOTH)
    assert len(told["files"]) == 4
    assert "2 shots for $0.10" in task.said
    # No still, no claim, no request.
    code, states = task.states("buy", "--yes", "--shot", "s_010")
    assert (code, states) == (4, {"s_010": "REFUSED"})
    assert "shots stills --shot s_010" in task.said
    assert task.states("stills") == (0, {"s_010": "DONE"})
    code, told = task("buy")
    assert code == 5
    assert told["price"] == pytest.approx(0.102, abs=0.01)
    assert "Nothing was bought: add --yes" in task.said
    assert task.states("wait") == (4, dict.fromkeys(BOTH, "REFUSED"))
    assert bodies(stand_in) == []
    assert task.states("buy", "--yes") == (0, BOTH)
    assert task.states("wait") == (0, BOTH)
    code, told = task("place")
    assert code == 0
    assert len(movies(reopened(Path(told["saved"])))) == 2
    assert len(bodies(stand_in)) == 2


def test_a_shot_that_is_missing_is_named_and_the_others_are_placed(
    task: Task, stand_in: Any
) -> None:
    assert task.states("buy", "--yes", "--shot", "title") == (0, {"title": "DONE"})
    code, told = task("place")
    assert code == 6
    assert "s_010: There is no whole clip of it" in task.said
    assert len(movies(reopened(Path(told["saved"])))) == 1


def test_in_place_and_again(task: Task) -> None:
    task("stills")
    task("buy", "--yes")
    assert task.states("place", "--in-place") == (0, BOTH)
    assert len(movies(reopened(task.blend))) == 2
    before = task.blend.read_bytes()
    assert task.states("place", "--in-place") == (0, BOTH)
    assert task.blend.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("stills", ["--shot", "../x"], "There is no shot"),
        ("release", ["nobody"], "There is no shot"),
        ("buy", ["--yes", "--shot", "S 010"], "There is no shot"),
    ],
)
def test_unknown_shots_are_refused(task: Task, name: str, words: list[str], said: str) -> None:
    assert task(name, *words)[0] == 4
    assert said in task.said


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 5000, b'{"farm": {"version": 1}}', b"\xff"])
def test_a_list_that_is_none_is_refused(task: Task, stand_in: Any, content: bytes) -> None:
    (task.folder / "shots.json").write_bytes(content)
    for name, words in (("stills", []), ("buy", ["--yes"]), ("place", []), ("release", ["title"])):
        assert task(name, *words)[0] == 4
        assert "is no list of this program" in task.said
    assert bodies(stand_in) == []


def test_a_folder_that_is_not_shared_is_refused(task: Task, stand_in: Any) -> None:
    (task.folder / "shots.json").unlink()
    assert task("buy", "--yes")[0] == 4
    assert "one that all hosts share" in task.said
    assert bodies(stand_in) == []


def test_a_claim_of_another_host_is_freed_by_a_person_alone(
    task: Task, module: Module, stand_in: Any
) -> None:
    listed = module("farm.shot_folder").read_list(task.folder).shots[1]
    other = module("farm.claims").Claims(task.folder, "b" * 32, "other-host")
    other.take(listed.file, listed.mark, "c" * 32)
    other.beat()
    claim = task.folder / "claims" / "title.json"
    code, _ = task("release", "title")
    assert code == 5
    for word in ("other-host", "cccccccc", "may be paid already", "--yes"):
        assert word in task.said
    living = threading.Event()

    def beats() -> None:
        now = 1000.0
        while not living.wait(0.05):
            now += 1000
            other.beat(now)

    thread = threading.Thread(target=beats)
    thread.start()
    try:
        assert task("release", "title", "--yes", "--watch", "5")[0] == 4
        assert "is just buying title" in task.said
        assert claim.exists()
    finally:
        living.set()
        thread.join()
    assert task("release", "title", "--yes", "--watch", "0.1")[0] == 0
    assert not claim.exists()
    assert task("release", "title", "--yes")[0] == 0
    assert "Nobody has claimed" in task.said
    assert task.states("buy", "--yes", "--shot", "title") == (0, {"title": "DONE"})
    assert len(bodies(stand_in)) == 1


def test_a_lost_answer_is_paid_again_by_a_persons_word_alone(
    task: Task, module: Module, stand_in: Any
) -> None:
    stand_in.fail("submit", "answer-lost")
    for _ in range(2):
        assert task.states("buy", "--yes", "--shot", "title") == (1, {"title": "UNKNOWN"})
        assert len(bodies(stand_in)) == 1
    assert task("release", "title", "--yes", "--watch", "0.1")[0] == 0
    assert "may be paid already" in task.said
    assert task.states("buy", "--yes", "--shot", "title") == (0, {"title": "DONE"})
    assert len(bodies(stand_in)) == 2
    first, second = jobs_of(module)
    assert (first.state, second.spec.parent) == ("UNKNOWN", first.id)


def test_a_list_that_was_copied_is_not_bought_twice(
    task: Task, module: Module, scene: Any, tmp_path: Path, stand_in: Any
) -> None:
    """Another folder with the same rows: whose shots this computer has bought."""
    assert task.states("buy", "--yes", "--shot", "title")[0] == 0
    shutil.copytree(
        task.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("claims", "clips")
    )
    task.folder = tmp_path / "copy"
    assert task.states("buy", "--yes", "--shot", "title") == (4, {"title": "REFUSED"})
    assert "bought before" in task.said
    assert len(bodies(stand_in)) == 1


def test_a_claim_that_changes_while_its_holder_is_watched_is_not_freed(
    task: Task, module: Module, patches: Any
) -> None:
    """Two persons free the shot, and a host has taken it after the first."""
    listed = module("farm.shot_folder").read_list(task.folder).shots[1]
    claims = module("farm.claims").Claims
    gone, taker = (claims(task.folder, name * 32, f"host-{name}") for name in "bc")
    gone.take(listed.file, listed.mark, "d" * 32)
    looked = threading.Event()

    def meanwhile() -> None:
        looked.wait(60)
        gone.release(listed.file)
        taker.take(listed.file, listed.mark, "e" * 32)

    real = claims.heartbeat
    thread = threading.Thread(target=meanwhile)
    thread.start()

    def heartbeat(self: Any, claim: Any) -> str:
        looked.set()
        thread.join()
        return real(self, claim)

    patches.set(claims, "heartbeat", heartbeat)
    try:
        code, _ = task("release", "title", "--yes", "--watch", "0.1")
    finally:
        looked.set()
        thread.join()
    assert code == 4
    assert "changed meanwhile" in task.said
    assert taker.read("title").job == "e" * 32


def test_one_look_that_finds_no_heartbeat_is_no_end_of_a_holder(
    task: Task, module: Module, patches: Any
) -> None:
    listed = module("farm.shot_folder").read_list(task.folder).shots[1]
    claims = module("farm.claims").Claims
    claims(task.folder, "b" * 32, "other-host").take(listed.file, listed.mark, "c" * 32)
    beats = iter(("", "first", "first", "second"))
    patches.set(claims, "heartbeat", lambda *_: next(beats, "second"))
    assert task("release", "title", "--yes", "--watch", "30")[0] == 4
    assert "is just buying title" in task.said


def test_a_holder_that_is_gone_ends_the_task_with_75(
    task: Task, module: Module, patches: Any, stand_in: Any
) -> None:
    listed = module("farm.shot_folder").read_list(task.folder).shots[1]
    module("farm.claims").Claims(task.folder, "b" * 32, "other-host").take(
        listed.file, listed.mark, "c" * 32
    )
    patches.set(module("farm.claims"), "SILENT", 0.5, copies_ok=True)
    task("stills")
    code, states = task.states("buy", "--yes")
    assert (code, states) == (75, {"s_010": "DONE", "title": "GONE"})
    assert "title: It is claimed by other-host (job cccccccc" in task.said
    assert len(bodies(stand_in)) == 1


def test_an_engine_that_ends_the_task_stops_what_was_not_sent(task: Task, stand_in: Any) -> None:
    task("stills")
    stand_in.settings(job_seconds=60)

    def end() -> None:
        until = time.monotonic() + 60
        while len(bodies(stand_in)) < 1 and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    code, _ = task("buy", "--yes", "--shot", "title")
    thread.join()
    assert code == 130
    assert "title: The job was sent and goes on" in task.said
    stand_in.finish()
    assert task.states("wait", "--shot", "title") == (0, {"title": "DONE"})
    assert len(bodies(stand_in)) == 1


def test_a_missing_file_is_no_startup_scene(
    module: Module, blender: Any, tmp_path: Path, stand_in: Any
) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    for name in ("export", "stills", "buy", "wait", "place"):
        assert module("blender.command").main(["shots", name, "--folder", str(tmp_path)]) == 3

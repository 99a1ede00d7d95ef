"""Lives that jobs survive: another version beside this one, an update, sleep, clocks, networks, renamed scenes.

Whatever happens, a click is bought once and its clip is on the timeline once. Killed Blenders are in
``test_crash.py``; File › New and Open, undo and a disabled add-on in windows in ``tests/gui/test_meanwhile.py``.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import ROOT, load_by_path
from .editing import strips
from .others import DATA_NAME, Other, go_on, kill, stop, wait_for
from .relay import Relay

Module = Callable[[str], ModuleType]
PACKAGE = "bl_ext.user_default.grok_video"
HOUR, DAY = 3600, 86400


def posts(stand_in: Any) -> int:
    return len([request for request in stand_in.requests("submit") if request["complete"]])


def clips_in(scene: Any) -> list[str]:
    """The jobs of the movie strips of a scene."""
    return [s["grok_video_job"] for s in strips(scene) if s.type == "MOVIE"]


def ticked(blender: ModuleType, module: Module, what: Callable[[], Any], words: str) -> Any:
    """Let this Blender tick, as a window does, until something is true."""

    def now() -> Any:
        module("blender.session.tick").tick(blender.context)
        return what()

    return wait_for(now, words)


def seen(module: Module, job_id: str) -> Any:
    return module("blender.session.state").job_by_id(job_id)


def reaches(blender: ModuleType, module: Module, job_id: str, state: str) -> None:
    """Let this Blender tick until it shows that a job is in a state."""

    def now() -> bool:
        job = seen(module, job_id)
        return job is not None and job.state == state

    ticked(blender, module, now, f"a job that is {state}")


def installed(other: Other, archive: Path, blend: Path, prompt: str) -> None:
    """Give another Blender the extension, a file and what to ask for."""
    other.do(
        "bpy.ops.extensions.package_install_files("
        f"repo='user_default', filepath={str(archive)!r}, enable_on_install=True)"
    )
    opened(other, blend, prompt)


def opened(other: Other, blend: Path, prompt: str) -> None:
    other.do("enable()")
    other.do(f"bpy.ops.wm.save_as_mainfile(filepath={str(blend)!r})")
    other.do(f"ask_for_the_cheapest({prompt!r})")


def state_of(job_id: str) -> str:
    """An expression for another Blender: what it shows of a job."""
    return f"{{job['id']: job['state'] for job in jobs()}}.get({job_id!r})"


def events_of(data: Path, job_id: str) -> list[tuple[str, str]]:
    """(kind, worker) of what happened to a job, by the ledger."""
    connection = sqlite3.connect(f"file:{data / 'ledger.sqlite3'}?mode=ro", uri=True, timeout=30)
    rows = connection.execute(
        "SELECT kind, worker FROM events WHERE job = ? ORDER BY seq", (job_id,)
    )
    events = rows.fetchall()
    connection.close()
    return events


# --------------------------------------------------------------------------------- versions beside each other


def other_wheel() -> tuple[str, str | Path]:
    """A Blender of another version, and its Python: the runner's choice, else made now."""
    import bpy

    environments = load_by_path(ROOT / "scripts" / "environments.py")
    version = environments.neighbour("{}.{}".format(*bpy.app.version[:2]))
    given = os.environ.get("GROK_VIDEO_OTHER_PYTHON")
    return version, given or environments.wheel_python(version)


def test_two_blenders_of_different_versions(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    archive: Path,
    tmp_path: Path,
) -> None:
    """Each drives its own job, both show both, each clip is imported once; then one of them dies."""
    stand_in.settings(job_seconds=600)
    version, python = other_wheel()
    click = module("blender.session.click")
    state = module("blender.session.state")
    data = tmp_path / "data" / DATA_NAME
    home = {"BLENDER_USER_RESOURCES": str(tmp_path / "other")}
    theirs = tmp_path / "theirs.blend"
    with Other.start(tmp_path / "other.log", python=python, **home) as other:
        assert other.version.startswith(version)
        assert other.version != blender.app.version_string
        installed(other, archive, theirs, "Theirs")
        mine = click.generate(blender.context, scene, scene, 1)
        their = other.do("click()")
        both = {mine, their}

        def running() -> bool:
            here = {job.id for job in state.current().bridge.snapshot.all if job.state == "RUNNING"}
            return here == both

        ticked(blender, module, running, "both jobs in this Blender")
        other.until(f"{{job['id'] for job in jobs() if job['state'] == 'RUNNING'}} == {both!r}")
        stand_in.finish()

        def imported() -> bool:
            return {job.state for job in state.current().bridge.snapshot.all} == {"IMPORTED"}

        ticked(blender, module, imported, "both clips in their files")
        other.until("{job['state'] for job in jobs()} == {'IMPORTED'}")
        assert clips_in(scene) == [mine]
        assert other.do("movies()") == [["Scene", their]]
        drivers = [
            {worker for _, worker in events_of(data, job) if worker} for job in (mine, their)
        ]
        assert [len(one) for one in drivers] == [1, 1], "a job was driven by two workers"
        assert drivers[0] != drivers[1]
        assert posts(stand_in) == len(stand_in.jobs()) == 2

        other.do("bpy.ops.wm.save_mainfile()")
        third = other.do("click()")
        other.until(f"{state_of(third)} == 'RUNNING'")
        worker = other.do("module('blender.session.state').current().bridge.worker.pid")
        kill(worker)
        kill(other.pid)
        other.wait()
    stand_in.finish()
    reaches(blender, module, third, "READY")
    assert clips_in(scene) == [mine]
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=str(theirs))
    reaches(blender, module, third, "IMPORTED")
    assert sorted(clips_in(blender.context.scene)) == sorted([their, third])
    assert posts(stand_in) == len(stand_in.jobs()) == 3


# ---------------------------------------------------------------------------------------------------- an update

#: What artists had before this version.
OLD = ROOT / "tests" / "data" / "grok_video-0.1.0.zip"
#: What a coming version may do to the ledger: a table more, an event more.
NEWER = {
    "blender_manifest.toml": [(r'^version = ".*"', 'version = "99.0.0"')],
    "core/events.py": [
        (
            r"^EVENTS: dict",
            '@record\nclass Noted(Event):\n    kind: ClassVar[str] = "noted"\n\n\nEVENTS: dict',
        ),
        (r"^        FetchEnded,\n    \)", "        FetchEnded,\n        Noted,\n    )"),
    ],
    "core/job.py": [
        (
            r"^    \(_S.RUNNING, events.Slow\)",
            "    (_S.RUNNING, events.Noted): _S.RUNNING,\n    (_S.RUNNING, events.Slow)",
        ),
    ],
    # As test_fold.py of that version would have it.
    "ledger/schema.py": [(r'^FOLD = ".*"', 'FOLD = "of a coming one"')],
    "ledger/ledger.py": [
        (
            r'^( *)connection.execute\("PRAGMA fullfsync=ON"\)',
            r'\g<0>\n\1connection.execute("CREATE TABLE IF NOT EXISTS notes(id TEXT)")',
        )
    ],
    "worker/outcomes.py": [
        (
            r"^( *)self._append\(job_id, happened\[0\]\)",
            r"\g<0>\n\1if isinstance(happened[0], events.Submitted):"
            r"\n\1    self._append(job_id, events.Noted())",
        )
    ],
}


@pytest.fixture
def newer(archive: Path, tmp_path: Path) -> Path:
    """The zip of a coming version: a table and a kind of event that this one does not know."""
    made = tmp_path / "newer.zip"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            for wanted, changes in NEWER.items():
                if name == wanted or name.endswith(f"/{wanted}"):
                    text = data.decode()
                    for pattern, word in changes:
                        text, count = re.subn(pattern, word, text, flags=re.MULTILINE)
                        assert count == 1, f"{pattern} in {name}"
                    data = text.encode()
            new.writestr(name, data)
    return made


@pytest.fixture
def another(stand_in: Any, archive: Path, tmp_path: Path) -> Iterator[Other]:
    """Another Blender of this version with an extension folder of its own, a file and a prompt."""
    home = {"BLENDER_USER_RESOURCES": str(tmp_path / "other")}
    with Other.start(tmp_path / "other.log", **home) as other:
        installed(other, archive, tmp_path / "other.blend", "A heron lifts off")
        yield other


@pytest.mark.outer
def test_an_update_while_the_older_worker_waits_for_an_answer(
    stand_in: Any, archive: Path, tmp_path: Path
) -> None:
    """What 0.1.0 sent goes on when its answer is there; the next job is this version's."""
    data = tmp_path / "data" / DATA_NAME
    home = {"BLENDER_USER_RESOURCES": str(tmp_path / "other")}
    with Other.start(tmp_path / "other.log", **home) as other:
        installed(other, OLD, tmp_path / "other.blend", "A heron lifts off")
        assert other.do("version()") == "0.1.0"
        stand_in.fail("submit", "answer-late")
        job = other.do("click()")
        other.until("jobs() and jobs()[0]['sent']")
        other.do(
            "bpy.ops.extensions.package_install_files("
            f"repo='user_default', filepath={str(archive)!r}, enable_on_install=True)"
        )
        other.do("enable()")
        assert other.do("version()") != "0.1.0", "the update is not in use"
        assert events_of(data, job)[-1][0] == "sending"
        assert other.do(state_of(job)) in (None, "SUBMITTING")
        stand_in.mend()
        other.until(f"{state_of(job)} == 'IMPORTED'")
        assert other.do("movies()") == [["Scene", job]]
        assert posts(stand_in) == len(stand_in.jobs()) == 1
        drivers = dict(events_of(data, job))
        assert drivers["submitted"] == drivers["sending"], "its answer was the older worker's"
        other.do("ask_for_the_cheapest('Once more')")
        fresh = other.do("click(60)")
        other.until(f"{state_of(fresh)} == 'IMPORTED'")
        assert dict(events_of(data, fresh))["sending"] != drivers["sending"]
        assert sorted(other.do("movies()")) == sorted([["Scene", job], ["Scene", fresh]])
        assert posts(stand_in) == len(stand_in.jobs()) == 2


@pytest.mark.outer
@pytest.mark.parametrize("which", ["the old one", "a coming one"])
def test_another_version_in_another_blender(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    newer: Path,
    tmp_path: Path,
    which: str,
) -> None:
    """Each goes on with its own jobs; what this version does not know it shows and leaves alone."""
    stand_in.settings(job_seconds=600)
    click, again = module("blender.session.click"), ""
    mine = click.generate(blender.context, scene, scene, 1)
    reaches(blender, module, mine, "RUNNING")
    home = {"BLENDER_USER_RESOURCES": str(tmp_path / "other")}
    with Other.start(tmp_path / "other.log", **home) as other:
        archive, version = (OLD, "0.1.0") if which == "the old one" else (newer, "99.0.0")
        installed(other, archive, tmp_path / "theirs.blend", "Theirs")
        assert other.do("version()") == version
        their = other.do("click()")
        other.until(f"{state_of(their)} == 'RUNNING'")
        ticked(blender, module, lambda: seen(module, their) is not None, "the other version's job")
        if which == "the old one":
            reaches(blender, module, their, "RUNNING")
            assert seen(module, their).driven
            # The older one's worker does not take the next click: a worker is started for it.
            worker = module("blender.session.state").current().bridge.worker
            worker.end()
            again = click.generate(blender.context, scene, scene, 50)
            reaches(blender, module, again, "RUNNING")
            assert worker.alive
        else:
            ticked(blender, module, lambda: not seen(module, their).driven, "what is not known")
        stand_in.finish()
        other.until(f"{state_of(their)} == 'IMPORTED'")
        reaches(blender, module, mine, "IMPORTED")
        assert other.do("movies()") == [["Scene", their]]
        other.until(f"{state_of(mine)} == 'IMPORTED'")
        if again:
            reaches(blender, module, again, "IMPORTED")
    assert sorted(clips_in(scene)) == sorted(filter(None, (mine, again)))
    assert posts(stand_in) == len(stand_in.jobs()) == 2 + bool(again)


# ------------------------------------------------------------------------------------------- sleep and the clock


class Clocked:
    """A Blender and its worker whose clock the test sets, and which it lets sleep."""

    def __init__(self, other: Other, file: Path) -> None:
        self.other = other
        self._file = file
        self._set(0)
        other.do(
            f"import clock; clock.use({str(file)!r}, module('blender.session.worker_process'))"
        )

    def _set(self, seconds: float) -> None:
        # Renamed into place: it may be read at any moment.
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(seconds), "utf-8")
        fresh.replace(self._file)

    def turn(self, seconds: float) -> None:
        """Set the clock ahead, or back."""
        self._set(float(self._file.read_text("utf-8")) + seconds)

    def sleep(self, seconds: float, meanwhile: Callable[[], object]) -> None:
        """The machine sleeps for so long, while something happens at the service."""
        worker = self.other.do("module('blender.session.state').current().bridge.worker.pid")
        for pid in (worker, self.other.pid):
            stop(pid)
        meanwhile()
        self.turn(seconds)
        for pid in (worker, self.other.pid):
            go_on(pid)


@pytest.fixture
def clocked(another: Other, tmp_path: Path) -> Clocked:
    return Clocked(another, tmp_path / "clock")


@pytest.mark.outer
@pytest.mark.parametrize("what", ["an hour asleep", "an hour ahead", "a day ahead", "a day back"])
def test_sleep_and_clocks_in_each_state(clocked: Clocked, stand_in: Any, what: str) -> None:
    """While the answer is awaited, while the clip is made, and while it comes: bought once, there once."""
    other = clocked.other
    stand_in.fail("submit", "answer-late", seconds=0.7, times=0)
    stand_in.fail("download", "drip", bytes=1 << 17, seconds=0.15, times=0)
    stand_in.settings(job_seconds=600)

    def answered() -> None:
        came = stand_in.requests("submit")[-1]["time"]
        wait_for(lambda: time.time() > came + 0.8, "the answer on its way")

    meanwhile = {"SENT": answered, "RUNNING": stand_in.finish, "DOWNLOADING": lambda: None}
    jobs = []
    for number, (state, happens) in enumerate(meanwhile.items(), 1):
        job = other.do(f"click({number * 60})")
        jobs.append(job)
        if state == "SENT":
            other.until("jobs() and jobs()[0]['sent']")
        else:
            other.until(f"{state_of(job)} == 'RUNNING'")
        if state == "DOWNLOADING":
            stand_in.finish()
            wait_for(lambda: stand_in.jobs()[-1]["downloads"], "the clip to be asked for")
        match what:
            case "an hour asleep":
                clocked.sleep(HOUR, happens)
            case "an hour ahead":
                clocked.turn(HOUR)
            case "a day ahead":
                clocked.turn(DAY)
            case _:
                clocked.turn(-DAY)
        other.until(f"{state_of(job)} != 'SUBMITTING'")
        stand_in.finish()
        other.until(f"{state_of(job)} == 'IMPORTED'")
        assert posts(stand_in) == len(stand_in.jobs()) == number
    assert sorted(other.do("movies()")) == sorted(["Scene", job] for job in jobs)


@pytest.mark.outer
def test_a_click_that_slept_before_it_was_sent_waits_for_a_word(
    clocked: Clocked, stand_in: Any
) -> None:
    other = clocked.other
    stand_in.fail("submit", 425, headers={"Retry-After": "2"})
    job = other.do("click()")
    other.until("jobs() and jobs()[0]['problem'] and jobs()[0]['state'] == 'QUEUED'")
    clocked.sleep(HOUR, lambda: None)
    other.until("jobs()[0]['held']")
    assert stand_in.jobs() == []
    assert other.do(f"bpy.ops.grok_video.release(job={job!r}) == {{'FINISHED'}}")
    assert other.do("movies()") == [["Scene", job]]
    assert len(stand_in.jobs()) == 1


# ----------------------------------------------------------------------------------------------------- the network


@pytest.fixture
def net(blender: ModuleType, stand_in: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """The network between Blender and the service."""
    with Relay(stand_in.base) as relay:
        monkeypatch.setenv("XAI_API_BASE", relay.base)
        yield relay


def gone_for_a_while(blender: ModuleType, module: Module, net: Relay, seconds: float) -> None:
    """Without a network for so long: long enough for the worker to try more than once."""
    net.down()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        module("blender.session.tick").tick(blender.context)
        time.sleep(0.02)
    net.up()


@pytest.mark.outer
@pytest.mark.parametrize("when", ["before it is sent", "RUNNING", "DOWNLOADING"])
def test_the_network_goes_and_comes_back(
    blender: ModuleType,
    net: Relay,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    when: str,
) -> None:
    state = module("blender.session.state")
    if when == "before it is sent":
        net.down()
        job = clicked("QUEUED")
        ticked(blender, module, lambda: seen(module, job.id).problem, "why it was not sent")
    elif when == "RUNNING":
        stand_in.settings(job_seconds=600)
        job = clicked("RUNNING")
        polls = len(stand_in.requests("poll"))
        ticked(blender, module, lambda: len(stand_in.requests("poll")) > polls, "a poll")
    else:
        stand_in.fail("download", "drip", bytes=1 << 16, seconds=0.2)
        job = clicked("DOWNLOADING")
        part = Path(f"{job.spec.output}.part")
        ticked(blender, module, lambda: part.exists() and part.stat().st_size, "a part of the clip")
    gone_for_a_while(blender, module, net, 1.5)
    stand_in.finish()
    reaches(blender, module, job.id, "IMPORTED")
    assert clips_in(scene) == [job.id]
    assert posts(stand_in) == len(stand_in.jobs()) == 1
    assert state.current().bridge.worker.trouble == ""


@pytest.mark.outer
def test_the_network_goes_while_the_answer_is_awaited(
    blender: ModuleType,
    net: Relay,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
) -> None:
    """Nobody can know whether it was bought: the artist decides, and the program sends nothing again."""
    stand_in.fail("submit", "answer-late", seconds=60)
    job = clicked("SUBMITTING")
    ticked(blender, module, lambda: stand_in.jobs(), "the service to begin")
    gone_for_a_while(blender, module, net, 1.5)
    reaches(blender, module, job.id, "UNKNOWN")
    assert seen(module, job.id).reserved == job.spec.estimate
    (made,) = stand_in.jobs()
    assert blender.ops.grok_video.request_id(job=job.id, value=made["id"]) == {"FINISHED"}
    assert clips_in(scene) == [job.id]
    assert posts(stand_in) == len(stand_in.jobs()) == 1


# ----------------------------------------------------------------------------------------- the scene and the file


@pytest.mark.parametrize("taken", [False, True])
def test_the_scene_is_gone_while_its_job_runs(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    taken: bool,
) -> None:
    """The clip waits, says why, and goes where the artist says, once; ``taken``: another scene has its name by then."""
    stand_in.settings(job_seconds=600)
    job = clicked("RUNNING")
    before = scene.name
    place = blender.data.scenes.new("Edit")
    blender.data.scenes.remove(scene)
    if taken:
        place.name = before
    stand_in.finish()

    def waits() -> bool:
        now = seen(module, job.id)
        return now.state == "READY" and now.problem is not None and not now.claimed_by

    ticked(blender, module, waits, "the clip to wait")
    assert f"“{before}”" in seen(module, job.id).problem.message
    assert all(clips_in(one) == [] for one in blender.data.scenes)
    assert blender.ops.grok_video.import_result(job=job.id, scene=place.name) == {"FINISHED"}
    assert [clips_in(one) for one in blender.data.scenes if clips_in(one)] == [[job.id]]
    assert clips_in(place) == [job.id]
    assert posts(stand_in) == len(stand_in.jobs()) == 1


def test_the_file_gets_another_name_while_its_job_runs(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    clicked: Callable[[str], Any],
    tmp_path: Path,
) -> None:
    """The file that is open gets the clip; the one that it was is not given it once more."""
    stand_in.settings(job_seconds=600)
    job = clicked("RUNNING")
    old = blender.data.filepath
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot 2.blend"))
    stand_in.finish()
    reaches(blender, module, job.id, "IMPORTED")
    assert clips_in(scene) == [job.id]
    assert Path(seen(module, job.id).clip.path).is_file()
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=old)
    tick = module("blender.session.tick")
    ticked(blender, module, lambda: not tick.busy(), "the end of what is under way")
    assert clips_in(blender.context.scene) == []
    assert posts(stand_in) == len(stand_in.jobs()) == 1

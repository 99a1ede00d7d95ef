"""The test runner itself: what each size runs, what runs beside what, and what its last lines say.

No ring of the project is run here: the rings of these tests are small programs.
"""

from __future__ import annotations

import fnmatch
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT)]

import environments  # noqa: E402
import rings  # noqa: E402
import runner  # noqa: E402
import test as command  # noqa: E402
from rings import Ask, Check, Load, Ring, Size  # noqa: E402
from runner import Result  # noqa: E402

from tests.patience import PATIENCE  # noqa: E402

COMPUTES, WAITS, ALONE = Load.COMPUTES, Load.WAITS, Load.ALONE


# ------------------------------------------------------------------------------------------- what is chosen


def test_the_three_sizes() -> None:
    quick, ordinary, everything = (command.chosen(argv)[0] for argv in (["--quick"], [], ["--all"]))
    assert quick == ["lint", "types", "core-oldest"]
    assert set(quick) < set(ordinary) < set(everything) == set(rings.RINGS) - rings.NAMED_ONLY
    assert [name for name in ordinary if name.startswith("blender-")] == ["blender-4.2"]
    assert [name for name in ordinary if name.startswith("gui-")] == ["gui-5.2"]


@pytest.mark.parametrize(
    ("words", "size"),
    [(["--quick"], "quick"), ([], "ordinary"), (["--all"], "all"), (["core", "lint"], "named")],
)
def test_the_rings_know_the_size_and_the_words_for_pytest(words: list[str], size: str) -> None:
    names, ask, _ = command.chosen([*words, "--", "-k", "still", "-x"])
    assert ask == Ask(Size(size), ("-k", "still", "-x"))
    if size == "named":
        assert names == ["lint", "core-oldest", "core-newest"]  # in the order of the list


@pytest.mark.parametrize("words", [["no-such-ring"], ["--quick", "--all"], ["core", "--all"]])
def test_what_cannot_be_meant_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        command.chosen(words)
    assert refused.value.code == 2
    said = capsys.readouterr().err
    assert "no such ring: no-such-ring" in said or "--quick" in said.splitlines()[-1]


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every environment is there."""
    for name in ("tool_python", "wheel_python"):
        monkeypatch.setattr(rings, name, lambda which: Path("/the/python/of", which))
    window = rings.window.__globals__["Window"]("5.2", "/the/blender")
    monkeypatch.setattr(rings, "window", lambda version: window)
    for name in ("windows_python", "windows_blender"):
        windows = rings.Windows(Path("/the/python.exe/of", name))
        monkeypatch.setattr(rings, name, lambda *_, windows=windows: windows)


def commands(name: str, size: Size, *extra: str) -> list[str]:
    """What a ring runs in a size, one line for each program."""
    return [" ".join(check.command) for check in rings.RINGS[name].checks(Ask(size, extra))]


@pytest.mark.usefixtures("set_up")
def test_nothing_is_left_out_of_a_whole_run() -> None:
    """Marks and lists of files leave out only what another ring of the same run has."""
    said = {name: commands(name, Size.ALL) for name in rings.RINGS}
    whole = [name for name, lines in said.items() if not any(" -m not " in line for line in lines)]
    for needed in ("core-oldest", f"blender-{environments.NEWEST}", "stand-in", "scripts"):
        assert needed in whole
    left_out = f"-m not {rings.LONG} and not {rings.ONCE} -n 4 --dist loadgroup"
    assert left_out in said["core-newest"][0]
    assert said["core-newest"][0].endswith(" tests/core")
    assert f"gui-{rings.WHOLE_WINDOW}" in whole
    for name in rings.GROUPS["gui"]:
        assert said[name][0].endswith("tests/gui")
        again = name != f"gui-{rings.WHOLE_WINDOW}"
        assert (f" -m not {rings.ONCE} " in said[name][0]) is again
    for version in environments.VERSIONS:
        (line,) = said[f"blender-{version}"]
        outer = version in (environments.OLDEST, environments.NEWEST)
        assert line.endswith(" tests/blender") is outer
        assert (f"-m not {rings.LONG}" in line) is (version != environments.NEWEST)
        assert (f"and not {rings.OUTER}" in line) is not outer
        assert (f"and not {rings.ONCE}" in line) is (version == environments.OLDEST)


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize("name", list(rings.RINGS))
def test_a_ring_that_is_named_leaves_nothing_out(name: str) -> None:
    for line in commands(name, Size.NAMED):
        assert " -m not " not in line
        assert rings.ONE_JOB not in line


@pytest.mark.usefixtures("set_up")
def test_smaller_sizes_run_parts() -> None:
    assert f"-m not {rings.LONG} -n 4" in commands("core-oldest", Size.QUICK)[0]
    assert "-m not" not in commands("core-oldest", Size.ORDINARY)[0]
    assert commands("gui-5.2", Size.ORDINARY)[0].endswith(rings.ONE_JOB)
    assert "test_readme" not in "".join(commands("scripts", Size.ORDINARY))


@pytest.mark.usefixtures("set_up")
def test_types_are_checked_of_the_branches_of_windows_too() -> None:
    checks = [line for line in commands("types", Size.QUICK) if " pyright " in line]
    assert len(checks) == 2
    assert [line.endswith(" --pythonplatform Windows") for line in checks] == [False, True]


@pytest.mark.usefixtures("set_up")
def test_words_for_pytest_run_in_one_process() -> None:
    (line,) = commands("blender-5.3", Size.NAMED, "-k", "still")
    assert " -n " not in line
    assert line.endswith("tests/blender -k still")
    (line,) = commands("core-oldest", Size.NAMED, "tests/core/test_job.py", "--pdb")
    assert line.endswith("tests/core/test_job.py --pdb")
    assert "tests/core " not in line


def test_the_files_of_the_versions_in_the_middle_are_there() -> None:
    there = {path.stem.removeprefix("test_") for path in ROOT.glob("tests/blender/test_*.py")}
    assert set(rings.MIDDLE) <= there


# ------------------------------------------------------------------------------------------------- Windows


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize("system", ["linux", "win32"])
def test_one_word_is_windows_in_both_places(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under Wine here, and the same tests with Windows' own Python on Windows."""
    monkeypatch.setattr(rings, "platform", system)
    names, ask, _ = command.chosen(["windows"])
    assert names == ["windows-core", f"windows-{rings.WINDOWS}"]
    pythons = {
        "linux": ["/the/python.exe/of/windows_python", "/the/python.exe/of/windows_blender"],
        "win32": ["/the/python/of/core-oldest", f"/the/python/of/{rings.WINDOWS}"],
    }
    for name, python, folder in zip(names, pythons[system], ("core", "blender"), strict=True):
        (check,) = rings.RINGS[name].checks(ask)
        start = check.command.index(python)
        assert check.command[start + 1 : start + 3] == ["-m", "pytest"]
        assert (check.command[0] == "unshare") is (start > 0) is (system == "linux")
        assert [Path(word).parent for word in check.command[-3:]] == [Path("tests", folder)] * 3
        stand_in = check.environment["GROK_VIDEO_STAND_IN_PYTHON"]
        assert stand_in.startswith("Z:\\") is (system == "linux")


def test_other_blenders_on_windows_are_asked_for_by_name() -> None:
    assert command.chosen(["windows-4.2"])[0] == ["windows-4.2"]
    assert not rings.NAMED_ONLY & set(command.chosen(["--all"])[0])


@pytest.mark.usefixtures("set_up")
def test_the_long_tables_are_a_ring_of_their_own_on_windows() -> None:
    """*windows* stays within minutes however it is asked for."""
    for words in (["windows"], ["windows-core"], ["--all"]):
        names, ask, _ = command.chosen(words)
        assert "windows-core" in names
        assert "windows-tables" not in names
        (check,) = rings.RINGS["windows-core"].checks(ask)
        assert check.environment["GROK_VIDEO_EACH_ONCE"] == "1"
    names, ask, _ = command.chosen(["windows-tables"])
    (check,) = rings.RINGS["windows-tables"].checks(ask)
    assert names == ["windows-tables"]
    assert "GROK_VIDEO_EACH_ONCE" not in check.environment


def test_the_files_that_windows_is_asked_are_there() -> None:
    core = [*rings.WINDOWS_CORE, *rings.WINDOWS_TABLES]
    asked = [rings._windows_path("core", name) for name in core]
    asked += [rings._windows_path("blender", name) for name in rings.WINDOWS_BLENDER]
    for path in asked:
        file, _, test = path.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text("utf-8") or not test, path


def pinned(file: str) -> dict[str, str]:
    """Name -> version, of the lines of a list that name one."""
    lines = (ROOT / "tests" / file).read_text("utf-8").splitlines()
    return dict(line.split()[0].split("==") for line in lines if "==" in line and line[0] != "#")


def test_windows_has_the_versions_of_the_other_rings() -> None:
    """Its list is written out, with checksums: a newer version in the others would pass it by."""
    windows = pinned("windows/requirements.txt")
    core = pinned("core/requirements.txt")
    assert core == {name: windows[name] for name in core}
    for name, version in pinned("stand_in/requirements.txt").items():
        if name not in ("numpy", "openai"):  # as bpy asks for it; of the stand-in's own tests alone
            assert fnmatch.fnmatch(windows[name], version)
    assert set(pinned("blender/requirements.txt")) <= set(windows)
    wheels = (ROOT / "tests" / "windows" / "requirements-bpy.txt").read_text("utf-8")
    for version in rings.BLENDERS:
        assert f"bpy=={environments.WHEELS[version]} --hash=sha256:" in wheels


# --------------------------------------------------------------------------------- what runs beside what


@pytest.mark.parametrize(
    ("load", "beside", "may"),
    [
        (COMPUTES, [], True),
        (COMPUTES, [COMPUTES], True),
        (COMPUTES, [COMPUTES, COMPUTES], False),
        (COMPUTES, [COMPUTES, WAITS, WAITS], True),
        (WAITS, [COMPUTES, COMPUTES], True),
        (WAITS, [COMPUTES, COMPUTES, WAITS], False),
        (WAITS, [COMPUTES, WAITS], True),
        (WAITS, [WAITS, WAITS], False),
        (ALONE, [], True),
        (ALONE, [WAITS], False),
        (COMPUTES, [ALONE], False),
        (WAITS, [ALONE], False),
    ],
)
def test_what_may_start_beside_what(load: Load, beside: list[Load], may: bool) -> None:
    assert runner.fits(load, beside, computing=2) is may


def test_rings_run_beside_each_other_as_far_as_they_fit() -> None:
    loads = {"c1": COMPUTES, "alone": ALONE, "c2": COMPUTES, "c3": COMPUTES} | {
        f"w{number}": WAITS for number in range(4)
    }
    lock = threading.Lock()
    now: list[str] = []
    seen: list[list[str]] = []

    def run(name: str) -> Result:
        with lock:
            now.append(name)
            seen.append(list(now))
        time.sleep(0.05)
        with lock:
            now.remove(name)
        return Result(name, passed=1)

    results = list(runner.schedule(loads, run, computing=2))
    assert sorted(result.ring for result in results) == sorted(loads)
    for beside in seen:
        assert sum(name[0] == "c" for name in beside) <= 2
        assert sum(name[0] == "w" for name in beside) <= 2
        assert "alone" not in beside or beside == ["alone"]
    assert max(map(len, seen)) == 3
    assert seen[-1] == ["alone"]


def test_what_ends_one_ring_by_force_ends_the_run() -> None:
    def run(name: str) -> Result:
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError):
        list(runner.schedule({"a": WAITS, "b": WAITS}, run, computing=2))


def test_an_interrupted_run_does_not_wait_for_its_rings() -> None:
    over, ended = threading.Event(), threading.Event()

    def run(name: str) -> Result:
        if name == "long":
            over.wait(60)
            ended.set()
        return Result(name)

    results = runner.schedule({"long": WAITS, "short": WAITS}, run, computing=2)
    assert next(results).ring == "short"
    results.close()  # as when Ctrl-C ends the loop that takes them
    assert not ended.is_set()
    over.set()


# -------------------------------------------------------------------------------------- what comes of them


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runner, "OUTPUT", tmp_path)
    return tmp_path


def ring_of(*programs: str, missing: str = "") -> Ring:
    """A ring that runs Python programs, or that lacks something."""

    def checks(_: Ask) -> Iterator[Check]:
        for program in programs:
            # The word says that the closing line of pytest is to be read.
            yield Check([sys.executable, "-c", program, "pytest"])
        if missing:
            raise environments.Missing(missing)

    return Ring("a ring", WAITS, checks)


def ran(ring: Ring) -> Result:
    return runner.Runner({"it": ring}, Ask(), live=False).run("it")


@pytest.mark.parametrize(
    ("program", "passed", "failed"),
    [
        ("print('==== 12 passed, 1 skipped in 3.21s ====')", 12, 0),
        ("print('== 1 failed, 12 passed, 2 errors in 3.21s ==');raise SystemExit(1)", 12, 3),
        ("print('12 passed in 3.21s (0:00:03)')", 12, 0),
        ("raise SystemExit(5)", 0, 1),  # pytest found no test
        ("import os;print('== 12 passed in 3.21s ==',flush=True);os.abort()", 12, 1),
    ],
)
def test_the_counts_of_a_ring(output: Path, program: str, passed: int, failed: int) -> None:
    result = ran(ring_of(program))
    assert (result.passed, result.failed) == (passed, failed)
    assert result.cpu > 0 or sys.platform == "win32"


def test_a_ring_without_what_it_needs_says_so(output: Path) -> None:
    result = ran(ring_of("print('== 12 passed in 3.21s ==')", missing="Python 3.13 is needed"))
    assert result.missing == "Python 3.13 is needed"
    assert (output / "it.log").read_text("utf-8").endswith(result.missing)


def test_a_ring_whose_zip_cannot_be_made_here_could_not_run(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no wheel of Blender for this computer, and so no tool that builds."""

    def no_tool() -> Path:
        raise environments.Missing("No wheel for this computer")

    monkeypatch.setattr(runner, "extension_tool", no_tool)
    result = ran(Ring("a ring", WAITS, lambda _: iter([]), needs_zip=True))
    assert (result.missing, result.failed) == ("No wheel for this computer", 0)


def test_a_ring_that_hangs_is_ended(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LIMIT_SECONDS", 0)  # a second is the least
    result = ran(ring_of("import time; time.sleep(60)"))
    assert result.failed == 1
    assert "it hangs" in (output / "it.log").read_text("utf-8")


def test_what_a_ring_has_started_ends_with_it(output: Path) -> None:
    """Its output is held by a program that it has started: the ring is over when both are."""
    begun = output / "begun"
    waits = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep({PATIENCE})"
    starts = f"subprocess.run([sys.executable, '-c', {waits!r}], stdout=sys.stdout)"
    ring = ring_of(f"import subprocess, sys; {starts}")
    running = runner.Runner({"it": ring}, Ask(), live=False)
    with ThreadPoolExecutor() as pool:
        result = pool.submit(running.run, "it")
        until = time.monotonic() + PATIENCE
        while not begun.exists() and not result.done() and time.monotonic() < until:
            time.sleep(0.01)
        assert begun.exists()
        running.stop()
        assert result.result(PATIENCE / 2).failed == 1


def test_what_is_left_out_is_in_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    good, lacking = Result("lint", passed=2), Result("gui-5.2", missing="No Blender with a window.")
    monkeypatch.delenv("CI", raising=False)
    counts, left_out = command.closing([good, lacking], Size.ORDINARY)
    assert counts == "2 passed, 0 failed"
    assert left_out.startswith("Left out: gui-5.2")
    assert "--all" in left_out
    assert "tables of kills" in command.closing([good], Size.QUICK)[-1]
    assert command.closing([good], Size.ALL) == command.closing([good], Size.NAMED) == [counts]


def test_in_ci_a_ring_that_is_left_out_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    results = [Result("lint", passed=2), Result("gui-5.2", missing="No Blender with a window.")]
    assert command.closing(results, Size.ALL) == [
        "2 passed, 1 failed",
        "Left out: gui-5.2 (could not run).",
    ]


# ------------------------------------------------------------------------------------------- environments


def test_each_wheel_has_the_python_of_its_blender() -> None:
    assert environments.VERSIONS == ["4.2", "4.5", "5.0", "5.2", "5.3"]
    assert [environments.python_of(version) for version in ("4.2", "5.0", "5.1", "5.10")] == [
        "3.11",
        "3.11",
        "3.13",
        "3.13",
    ]
    assert environments.newest_wheel() == "5.0"
    for version in environments.VERSIONS:
        assert environments.neighbour(version) != version


def test_a_python_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    monkeypatch.setattr(environments.Path, "glob", lambda self, pattern: [])
    with pytest.raises(environments.Missing, match=r"Python 3\.13 is needed \(Blender's own from"):
        environments.find_python("3.13")


@pytest.mark.parametrize(
    ("told", "size"),
    [
        ("Downloading a.whl (1.5 MB)\nUsing cached b.whl (9.0 MB)\nDownloading c.gz (500 kB)", 2.0),
        ("Downloading bpy-5.3.0.whl (1.2 GB)", 1200.0),
        ("Requirement already satisfied: a", 0.0),
    ],
)
def test_what_pip_transferred(told: str, size: float) -> None:
    pattern = environments.PIP_DOWNLOADS
    assert environments.megabytes(pattern, told) == pytest.approx(size)

"""Which rings of tests there are, what each runs in which size, and how it uses the machine.

Owns the list. A ring sets up what it needs (``environments.py``, ``blenders.py``) and says which programs to
run; ``runner.py`` runs them. Three sizes: *quick* before a commit, *ordinary* for what an ordinary change can
break, *all* for everything. A ring that is asked for by its name runs all that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from sys import platform

from blenders import window
from environments import (
    NEWEST,
    OLDEST,
    ROOT,
    VERSIONS,
    WHEELS,
    Missing,
    cache_dir,
    neighbour,
    say,
    tool_python,
    wheel_python,
)
from wine import BLENDERS, Windows, windows_blender, windows_python

OUTPUT = ROOT / "test-output"


class Size(StrEnum):
    """How much is wanted."""

    QUICK = "quick"
    ORDINARY = "ordinary"
    ALL = "all"
    NAMED = "named"  # these rings, each whole


class Load(StrEnum):
    """What a ring does to those beside it; see ``runner.fits``."""

    COMPUTES = "computes"  # keeps a core busy
    WAITS = "waits"  # for timers, for the stand-in, for another process
    ALONE = "alone"  # its tests have deadlines that a busy machine would hide behind


@dataclass(frozen=True, slots=True)
class Check:
    """One program that a ring runs; its exit code says whether it passed."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """How much of a ring is wanted, and with which arguments for pytest."""

    size: Size = Size.NAMED
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ring:
    """A set of checks that stands for itself.

    ``checks`` sets up what it needs, or raises Missing. ``needs`` are the same things, each of which can
    be set up earlier, while other rings run.
    """

    about: str
    load: Load
    checks: Callable[[Ask], Iterator[Check]]
    needs: tuple[Callable[[], object], ...] = ()
    needs_zip: bool = False


#: What takes long and depends neither on a Python nor on a library: it runs in one ring of each kind.
LONG = "long"
#: What one ring of its kind has in a run of everything. Of the core: what asks nothing of a Python or a library, and is
#: quick enough for ``--quick``, see ``ONCE`` of its conftest.py; of the wheels, see theirs. Of the windows: where the version
#: decides nothing. The way from a press to the clip, the question about money, keys, undo, renders and what is drawn stay in both.
ONCE = "once"
#: The window that has all of it.
WHOLE_WINDOW = "5.2"
#: What asks nothing of a Blender that differs between versions: the wheels between leave it out, see ``MIDDLE``.
OUTER = "outer"
#: Tests that say how many seconds something may take: see ``_deadlines``.
DEADLINE = "deadline"


#: A process that dies ends the run: with another in its place pytest-xdist may wait for ever (measured, 3.8.0).
_MORTAL = ("--max-worker-restart", "0")
#: Core mostly waits: each test goes to one of four processes, but for what its conftest.py keeps together.
_SPREAD = ("-n", "4", "--dist", "loadgroup", *_MORTAL)
#: A Blender computes: two of them, and a file stays in one, for what its tests share.
_FILES = ("-n", "2", "--dist", "loadfile", *_MORTAL)

#: In each log: what to shorten first.
_SLOWEST = ("--durations", "30", "--durations-min", "3")


def _pytest(
    python: Path,
    ring: str,
    ask: Ask,
    paths: list[str],
    mark: str = "",
    distribution: tuple[str, ...] = (),
) -> Check:
    """A run of pytest over ``paths``, of tests with ``mark`` (an expression).

    ``distribution`` says in how many processes (pytest-xdist). With arguments of the person's own there
    is one: what fails is then seen in order, and can be stopped at (``-x``, ``--pdb``).
    """
    for path in paths:
        if not (ROOT / path.split("::")[0]).exists():
            raise Missing(f"{path} is not in this checkout.")
    if any((ROOT / word.split("::")[0]).exists() for word in ask.extra if word[:1] != "-"):
        paths = []  # the person names files
    cache = cache_dir() / "pytest" / ring  # one for each ring, so that --lf means this ring
    command = [str(python), "-m", "pytest", "-o", f"cache_dir={cache}", *_SLOWEST]
    command += ["-m", mark] if mark else []
    command += () if ask.extra else distribution
    return Check(
        [*command, *paths, *ask.extra],
        # Started without the person's own settings; rings that need more set it themselves.
        {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONFAULTHANDLER": "1",
            # The environment of the stand-in, made now: a test would make another, inside its time limit.
            "GROK_VIDEO_STAND_IN_PYTHON": str(tool_python("stand-in")),
        },
    )


def _lint(_: Ask) -> Iterator[Check]:
    ruff = [str(tool_python("lint")), "-m", "ruff"]
    yield Check([*ruff, "format", "--check", "--diff", "."])
    yield Check([*ruff, "check", "."])


def _types(_: Ask) -> Iterator[Check]:
    node = {"PYRIGHT_PYTHON_CACHE_DIR": str(cache_dir() / "pyright")}
    # Pyright passes over what stands behind another system's name: the second time it reads Windows' part.
    for stubs, *how in (
        ("newest", "--project", "."),
        ("4.2", "--project", "tests/types/blender-4.2.json", "--pythonplatform", "Windows"),
    ):
        python = str(tool_python(f"types-{stubs}"))
        yield Check([python, "tests/types/stubs.py", str(OUTPUT / f"stubs-{stubs}")])
        yield Check([python, "-m", "pyright", "--pythonpath", python, *how], node)


def _core(which: str) -> Callable[[Ask], Iterator[Check]]:
    def checks(ask: Ask) -> Iterator[Check]:
        # What asks nothing of Python or of a library: one ring of a whole run has it.
        again = ask.size is Size.ALL and which == "newest"
        mark = f"not {LONG}" if again or ask.size is Size.QUICK else ""
        mark += f" and not {ONCE}" if again else ""
        python = tool_python(f"core-{which}")
        yield _pytest(python, f"core-{which}", ask, ["tests/core"], mark, _SPREAD)

    return checks


def _stand_in(ask: Ask) -> Iterator[Check]:
    yield _pytest(tool_python("stand-in"), "stand-in", ask, ["tests/stand_in"])


#: What the wheels between the oldest and the newest run of tests/blender: what docs/blender.md says differs
#: between versions, and what compat.py branches on. Names of strips, handles and channels (sequencer, placing,
#: shots), the files of strips (slot_files, slots, takes), retiming (gap), colours (sequencer_colour), render settings,
#: compositors and copies of scenes (capture), encoding and the second Blender (bake), paths, and files of other
#: versions (sequencer_files, lives), properties and registration (settings, compat, exit), and whole jobs (flow). The
#: others ask for money, jobs, keys and damage, where a Blender is only who clicks; so do some tests of these, which
#: have the mark ``OUTER``.
MIDDLE = [
    "bake",
    "capture",
    "compat",
    "exit",
    "flow",
    "gap",
    "lives",
    "placing",
    "sequencer",
    "sequencer_colour",
    "sequencer_files",
    "settings",
    "shots",
    "slot_files",
    "slots",
    "takes",
]


def _blender(version: str) -> Callable[[Ask], Iterator[Check]]:
    def checks(ask: Ask) -> Iterator[Check]:
        name, paths, mark = f"blender-{version}", ["tests/blender"], ""
        if ask.size is Size.ALL and version not in (OLDEST, NEWEST):
            paths = [f"tests/blender/test_{subject}.py" for subject in MIDDLE]
            mark = f"not {LONG} and not {OUTER}"
        elif ask.size is not Size.NAMED and version != NEWEST:
            mark = f"not {LONG} and not {ONCE}"
        check = _pytest(wheel_python(version), name, ask, paths, mark, _FILES)
        # Made now, as the environment of the stand-in is: outside a test's time limit.
        other = {"GROK_VIDEO_OTHER_PYTHON": str(wheel_python(neighbour(version)))}
        yield Check(check.command, check.environment | other)

    return checks


#: What Windows is asked of the core: files, locks, processes, sockets and keys. The rest asks nothing of a system.
WINDOWS_CORE = [
    "crash",
    "damaged",
    "files",
    "joblog",
    "key",
    "leaving",
    "ledger",
    "paths",
    "redact",
    "tls",
    "transport",
    "worker",
]
#: Those with a long table, of which each state and each kind is asked once otherwise.
WINDOWS_TABLES = ["crash", "damaged"]
#: And of tests/blender: the zip installed, whole jobs and the frames they bring, a bake, damage, settings and paths.
WINDOWS_BLENDER = [
    "bake::test_cancel",
    "bake::test_a_crash",
    "bake::test_the_child_ends_with_its_parent",
    "bake::test_what_a_crash_left_is_swept",
    "bridge",
    "child",
    "damaged",
    "demo",
    "exit",
    "flow::test_camera_view_is_what_the_service_receives",
    "flow::test_job_goes_on_without_the_add_on_and_waits_for_its_file",
    "flow::test_key_is_nowhere_on_disk",
    "flow::test_readme_script",
    "flow::test_text_becomes_a_clip_at_the_given_frame",
    "flow::test_unsaved_file_collects_its_clips_after_the_first_save",
    "folders::test_a_clip_that_windows_could_not_open_is_not_bought",
    "folders::test_understood_on_windows",
    "moving::test_in_a_window_nothing_waits_and_clicks_are_refused",
    "odd_folders",
    "one_file",
    "settings",
]
#: The Blender that a run of everything has on Windows; the others run when they are named.
WINDOWS = "5.0"


def _windows_path(folder: str, name: str) -> str:
    """What pytest is asked for: of *settings* the file, of *bake::test_cancel* that test."""
    subject, *test = name.split("::")
    return "::".join((f"tests/{folder}/test_{subject}.py", *test))


def _windows(
    ring: str,
    ask: Ask,
    paths: list[str],
    distribution: tuple[str, ...],
    own: Callable[[], Path],
    wine: Callable[[], Windows],
) -> Check:
    """A run of pytest in Windows' Python: under Wine in ``wine``; on Windows itself (not run) in its ``own``."""
    if platform == "win32":
        return _pytest(own(), ring, ask, paths, "", distribution)
    windows = wine()
    check = _pytest(windows.python, ring, ask, paths, "", distribution)
    stand_in = {"GROK_VIDEO_STAND_IN_PYTHON": windows_python().path}
    return Check(windows.command(*check.command[1:]), check.environment | stand_in)


def _windows_core(ring: str, names: list[str], *, whole: bool) -> Callable[[Ask], Iterator[Check]]:
    def checks(ask: Ask) -> Iterator[Check]:
        paths = [_windows_path("core", name) for name in names]
        own = partial(tool_python, "core-oldest")
        check = _windows(ring, ask, paths, _SPREAD, own, windows_python)
        # A worker takes half a second to start there, and the long tables an hour: they are a ring of their own.
        once = {} if whole else {"GROK_VIDEO_EACH_ONCE": "1"}
        yield Check(check.command, check.environment | once)

    return checks


def _windows_blender(version: str) -> Callable[[Ask], Iterator[Check]]:
    def checks(ask: Ask) -> Iterator[Check]:
        paths = [_windows_path("blender", name) for name in WINDOWS_BLENDER]
        own, wine = partial(wheel_python, version), partial(windows_blender, version)
        yield _windows(f"windows-{version}", ask, paths, _FILES, own, wine)

    return checks


#: The whole job that an ordinary run clicks in a window.
ONE_JOB = "tests/gui/test_whole_job.py::test_from_the_sequencer"


def _gui(version: str) -> Callable[[Ask], Iterator[Check]]:
    def checks(ask: Ask) -> Iterator[Check]:
        say(f"gui-{version}: Blender {window(version).version}")
        paths = [ONE_JOB] if ask.size is Size.ORDINARY else ["tests/gui"]
        again = ask.size is Size.ALL and version != WHOLE_WINDOW
        mark = f"not {ONCE}" if again else ""
        check = _pytest(tool_python("host"), f"gui-{version}", ask, paths, mark)
        yield Check(check.command, check.environment | {"GROK_VIDEO_WINDOW": version})

    return checks


def _farm(ask: Ask) -> Iterator[Check]:
    yield _pytest(tool_python("farm"), "farm", ask, ["tests/farm"])


def _scripts(ask: Ask) -> Iterator[Check]:
    whole = ask.size in (Size.ALL, Size.NAMED)
    paths = ["tests/scripts"] if whole else ["tests/scripts/test_runner.py"]
    yield _pytest(tool_python("host"), "scripts", ask, paths)


def _deadlines(ask: Ask) -> Iterator[Check]:
    """Tests with deadlines, once more on a machine that does nothing else, where a race of quick machines shows."""
    for name, python, folder in (
        ("core", tool_python("core-oldest"), "tests/core"),
        ("blender", wheel_python(NEWEST), "tests/blender"),
    ):
        check = _pytest(python, f"deadlines-{name}", ask, [folder], DEADLINE)
        # What a busy machine is forgiven is asked for here: ``at_once`` of tests/patience.py.
        yield Check(check.command, check.environment | {"GROK_VIDEO_ALONE": "1"})


#: How long the soak of a whole run goes on.
SOAK_MINUTES = 2.0


def soak_check(minutes: float = SOAK_MINUTES, seed: int = 1) -> Check:
    """``tests/core/soak.py``: random kills and faults, which prints its own table."""
    command = [str(tool_python("core-oldest")), "-m", "tests.core.soak"]
    command += ["--minutes", str(minutes), "--seed", str(seed)]
    return Check(command, {"GROK_VIDEO_STAND_IN_PYTHON": str(tool_python("stand-in"))})


def _soak(_: Ask) -> Iterator[Check]:
    yield soak_check()


_STAND_IN = partial(tool_python, "stand-in")


def _wheels(*versions: str) -> tuple[Callable[[], object], ...]:
    return (_STAND_IN, *(partial(wheel_python, version) for version in versions))


def _window_ring(version: str) -> Ring:
    return Ring(
        f"real windows of Blender {version}, clicked",
        Load.COMPUTES,
        _gui(version),
        (_STAND_IN, partial(tool_python, "host"), partial(window, version)),
        needs_zip=True,
    )


def _wheel_ring(version: str) -> Ring:
    return Ring(
        f"the zip installed in the bpy wheel {WHEELS[version]}",
        Load.COMPUTES,
        _blender(version),
        _wheels(version, neighbour(version)),
        needs_zip=True,
    )


def _windows_needs(
    own: Callable[[], object], wine: Callable[[], object]
) -> tuple[Callable[[], object], ...]:
    return (_STAND_IN, own if platform == "win32" else wine)


def _windows_ring(version: str) -> Ring:
    return Ring(
        f"the zip in Windows' wheel {WHEELS[version]}: on Linux under Wine",
        Load.COMPUTES,
        _windows_blender(version),
        _windows_needs(partial(wheel_python, version), partial(windows_blender, version)),
        needs_zip=True,
    )


#: The rings by name, in the order in which they start: quick answers first, then the longest rings.
RINGS: dict[str, Ring] = {
    "lint": Ring("ruff: format and rules", Load.COMPUTES, _lint),
    "types": Ring(
        "pyright, as in an editor, on the newest and the 4.2 stubs of Blender",
        Load.COMPUTES,
        _types,
        (partial(tool_python, "types-newest"), partial(tool_python, "types-4.2")),
    ),
    "core-oldest": Ring(
        "pure Python 3.11, the worker as a process, with the libraries of Blender 4.2",
        Load.WAITS,
        _core("oldest"),
        (_STAND_IN, partial(tool_python, "core-oldest")),
    ),
    "stand-in": Ring("the stand-in service keeps the rules of the real one", Load.WAITS, _stand_in),
    f"gui-{WHOLE_WINDOW}": _window_ring(WHOLE_WINDOW),
    f"blender-{NEWEST}": _wheel_ring(NEWEST),
    "gui-4.3": _window_ring("4.3"),
    f"blender-{OLDEST}": _wheel_ring(OLDEST),
    **{f"blender-{version}": _wheel_ring(version) for version in VERSIONS[1:-1]},
    "core-newest": Ring(
        "the same on Python 3.13, with the libraries of the newest Blender",
        Load.WAITS,
        _core("newest"),
        (_STAND_IN, partial(tool_python, "core-newest")),
    ),
    "windows-core": Ring(
        "files, locks, processes and sockets in Windows' Python 3.11: on Linux under Wine",
        Load.COMPUTES,
        _windows_core("windows-core", WINDOWS_CORE, whole=False),
        _windows_needs(partial(tool_python, "core-oldest"), windows_python),
    ),
    "windows-tables": Ring(
        "every kill and every damage of the long tables, in Windows' Python 3.11",
        Load.COMPUTES,
        _windows_core("windows-tables", WINDOWS_TABLES, whole=True),
        _windows_needs(partial(tool_python, "core-oldest"), windows_python),
    ),
    **{f"windows-{version}": _windows_ring(version) for version in BLENDERS},
    "farm": Ring(
        "exported shot lists run by OpenJD's runner in a real Blender, and as Flamenco would",
        Load.COMPUTES,
        _farm,
        (_STAND_IN, partial(tool_python, "farm"), partial(window, WHOLE_WINDOW)),
        needs_zip=True,
    ),
    "scripts": Ring("the test runner, and every command of the README", Load.WAITS, _scripts),
    "soak": Ring("two minutes of random kills and faults", Load.WAITS, _soak),
    "deadlines": Ring(
        "what may take only so many seconds, with nothing beside it",
        Load.ALONE,
        _deadlines,
        _wheels(NEWEST),
        needs_zip=True,
    ),
}
#: Rings that run only when they are asked for by their own name.
NAMED_ONLY = {f"windows-{version}" for version in BLENDERS if version != WINDOWS}
NAMED_ONLY.add("windows-tables")
#: Names that stand for several rings.
GROUPS = {
    group: [ring for ring in RINGS if ring.startswith(f"{group}-") and ring not in NAMED_ONLY]
    for group in ("core", "blender", "gui", "windows")
}
#: What each size runs; see ``_core``, ``_blender``, ``_gui`` and ``_scripts`` for how much of it.
SIZES: dict[Size, list[str]] = {
    Size.QUICK: ["lint", "types", "core-oldest"],
    Size.ORDINARY: [
        "lint",
        "types",
        "core-oldest",
        "stand-in",
        "gui-5.2",
        f"blender-{OLDEST}",
        "scripts",
    ],
    Size.ALL: [ring for ring in RINGS if ring not in NAMED_ONLY],
}
#: What a size leaves out although its rings have it, for the last line of its report.
LEFT_OUT: dict[Size, str] = {
    Size.QUICK: "the tables of kills, the stand-in, Blender, windows",
    Size.ORDINARY: "Python 3.13 and newer wheels, Blender's table of kills and attempts to break it, the other windows, farms, "
    "the README's commands, the soak",
}

"""The gui ring: real windows, clicked. ``GROK_VIDEO_WINDOW`` says which Blender (default 5.2).

gui         starts Blender with a scenario of ``scenarios/`` and brings its report, for one test
stand_in    the service on loopback, for one test
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests"), str(ROOT / "scripts")]

import blenders  # noqa: E402
import harness  # noqa: E402
from stand_in.client import StandIn  # noqa: E402


def pytest_report_header() -> str:
    return f"Blender in a window: {blenders.window(version()).version}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What fails because the virtual screen failed Blender 4.3 is run again; nothing else is."""
    if version() == "4.3":
        for item in items:
            item.add_marker(pytest.mark.flaky(reruns=15, only_rerun=[harness.LOST_SCREEN]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which Blenders crashed by themselves before their scenario began: no failure, and not to be overlooked."""
    for crash in harness.STARTED_AGAIN:
        terminalreporter.section("Blender crashed in its start, and was started once more")
        terminalreporter.write_line(crash)


def version() -> str:
    """Which Blender this run is about."""
    return os.environ.get("GROK_VIDEO_WINDOW", "5.2")


@pytest.fixture(scope="session")
def window() -> blenders.Window:
    """The Blender under test."""
    return blenders.window(version())


@pytest.fixture(scope="session")
def screen(window: blenders.Window) -> Iterator[harness.Screen]:
    """A virtual screen for the whole run."""
    with harness.screen(window) as small:
        yield small


@pytest.fixture(scope="session")
def large_screen(window: blenders.Window) -> Iterator[harness.Screen]:
    """The one that the README's pictures are taken on."""
    with harness.screen(window, harness.LARGE) as large:
        yield large


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip under test: the runner's, else built now."""
    if given := os.environ.get("GROK_VIDEO_ZIP"):
        return Path(given)
    out = tmp_path_factory.mktemp("zip")
    built = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "build.py"), "--out", str(out)],
        capture_output=True,
        encoding="utf-8",
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return Path(built.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def installed(
    window: blenders.Window,
    screen: harness.Screen,
    archive: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A home in which the zip was installed; each test works in a copy of it."""
    home = tmp_path_factory.mktemp("home")
    # The stand-in is asked as often as it can be: five seconds a clip would be a sixth of the ring's time.
    harness.Profile(window, home, screen).install(archive, ask_every=1.0)
    return home


@dataclass(slots=True)
class Gui:
    """Blender for one test: the same artist's home each time it is started."""

    profile: harness.Profile
    output: Path
    environment: dict[str, str]
    started: list[harness.Running] = field(default_factory=list)

    def start(
        self, scenario: str, arguments: Mapping[str, Any] = {}, **how: Any
    ) -> harness.Running:
        """Start Blender with a scenario such as ``'jobs.py:whole_job'``; see ``Profile.start``."""
        extra = self.environment | how.pop("environment", {})
        running = self.profile.start(scenario, arguments, self.output, environment=extra, **how)
        self.started.append(running)
        return running

    def run(
        self,
        scenario: str,
        limit: float = harness.LIMIT,
        layout: str = "Video Editing",
        **arguments: Any,
    ) -> harness.Report:
        """Run a scenario in Blender's window to its end, which must be a good one."""
        return self.good(self.start(scenario, arguments, layout=layout).wait(limit))

    def good(self, report: harness.Report) -> harness.Report:
        """The report of a scenario that ended well in a Blender that quit well."""
        if report.ended != "ok" or report.code != 0:
            pytest.fail(
                f"The scenario {report.ended or 'never ended'}, Blender ended with {report.code}.\n"
                f"{report.error}\n\nBlender's last lines:\n{_last(report.log)}\n{report.crash}\n\n"
                f"The data folder:\n{self._data()}",
                pytrace=False,
            )
        return report

    def _data(self) -> str:
        """What lies in the ledger's folder, what happened to each job, what the worker said: for a failure's report."""
        folder = self.profile.home / ".local" / "share" / "grok_video"
        log = folder / "worker.log"
        files = [
            f"{path.stat().st_size:9}  {path.relative_to(folder)}"
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        said = _last(log.read_text("utf-8", "replace")) if log.exists() else "no worker.log"
        happened = [
            f"{path.stem[:8]}: {_events(path)}" for path in sorted(folder.glob("jobs/*.jsonl"))
        ]
        return "\n".join([*files, *happened, said])


def _events(journal: Path) -> str:
    """The events of a job by their names, with what was said of them."""
    events = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    said = [(event["payload"].get("problem") or {}).get("message", "") for event in events]
    return ", ".join(
        f"{event['kind']} ({words})" if words else event["kind"]
        for event, words in zip(events, said, strict=True)
    )


def _last(text: str) -> str:
    return "\n".join(text.splitlines()[-40:])


@pytest.fixture
def gui(
    request: pytest.FixtureRequest, window: blenders.Window, installed: Path, tmp_path: Path
) -> Iterator[Gui]:
    """Blender in a window, with the extension as an artist has it, and an empty ledger.

    On the large screen for a test with the mark ``pictures``.
    """
    pictures = request.node.get_closest_marker("pictures")
    screen = request.getfixturevalue("large_screen" if pictures else "screen")
    home = tmp_path / "home"
    shutil.copytree(installed, home, symlinks=True)
    gui = Gui(harness.Profile(window, home, screen, [tmp_path]), HERE / "output" / version(), {})
    yield gui
    for running in gui.started:
        if running.process.poll() is None:
            running.kill()
    # Tests send nothing but to loopback; see install.py.
    asked = home / ".cache" / "blender" / "remote-assets"
    assert not asked.exists(), "Blender asked its own server for assets"


@pytest.fixture
def stand_in(gui: Gui) -> Iterator[StandIn]:
    """The service on loopback, with its limits; the artist's environment names it and its key."""
    with StandIn.start(job_seconds=3) as service:
        gui.environment |= {"XAI_API_BASE": service.base, "XAI_API_KEY": service.key}
        yield service

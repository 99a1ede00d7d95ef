"""Starts Blender in a real window with the built zip, lets a scenario drive it, and brings its report.

Owns the processes on the host's side: the screen (Xvfb), the Blender, and their folders. What happens
inside is ``driver.py``'s. No pytest here: the bench and the README's pictures use this as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "scripts"))

from blenders import Window  # noqa: E402
from environments import cache_dir  # noqa: E402

#: The screen of the tests, in pixels. The CPU draws it: it costs what its pixels cost. A lower one makes the mouse scroll.
SCREEN = (1280, 1000)
#: The screen of what is looked at, or measured against an older figure: the README's pictures and the bench.
LARGE = (1600, 1000)
#: A scenario that takes longer hangs; a test may say otherwise. In seconds.
LIMIT = 900.0
#: What a Blender prints whose connection to the screen broke, and which then hangs.
SCREEN_DIED = "X Error of failed request"
LOST_SCREEN = "Blender lost its screen"
#: What Blender writes as it crashes, named after the file that is open.
CRASH_FILES = "*.crash.txt"
#: Blenders that crashed by themselves before their scenario began, and were started once more: for a run's summary.
STARTED_AGAIN: list[str] = []
#: In an artist's home: the start file with the Sequencer, see ``install.py``.
VIDEO_EDITING = "video_editing.blend"


@dataclass(frozen=True, slots=True)
class Screen:
    """A virtual screen, which a Blender shown on it fills."""

    display: str
    size: tuple[int, int]  # pixels


@dataclass(frozen=True, slots=True)
class Report:
    """What a scenario left behind."""

    notes: dict[str, Any]
    ended: str  # 'ok', 'failed', or '' when Blender was gone first
    error: str  # the traceback of a failed scenario
    code: int  # Blender's exit code, negative for a signal
    log: str  # what Blender printed
    output: Path  # pictures
    crash: str  # what Blender wrote as it crashed, with its backtraces, or ''


def is_blenders_own(code: int, crash: str) -> bool:
    """Whether a Blender that ended with ``code`` and wrote ``crash`` crashed with no Python of ours under way."""
    ours = ("grok_video", str(HERE))
    frames = [line for line in crash.splitlines() if line.lstrip().startswith('File "')]
    return code < 0 and bool(crash) and not any(name in line for line in frames for name in ours)


@contextmanager
def screen(window: Window, size: tuple[int, int] = SCREEN) -> Iterator[Screen]:
    """A virtual screen of ``size`` pixels for the time of the context."""
    # A number of our own: the sockets of two systems on one machine share a name space.
    for number in range(200 + os.getpid() % 500, 1000):
        reader, writer = os.pipe()
        process = subprocess.Popen(
            window.command(
                ["Xvfb", f":{number}", "-screen", "0", f"{size[0]}x{size[1]}x24",
                 "+extension", "GLX", "-nolisten", "tcp", "-noreset", "-displayfd", str(writer)]
            ),
            pass_fds=(writer,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as ready:
            answer = ready.readline()  # comes when it can be used; nothing when the number is taken
        if answer:
            break
        process.wait()
    else:
        raise RuntimeError("Xvfb found no free display")
    try:
        yield Screen(f":{number}", size)
    finally:
        process.terminate()
        process.wait()


@dataclass(slots=True)
class Profile:
    """An artist's home: preferences, extension, ledger. Lives as long as a test wants it."""

    window: Window
    home: Path
    screen: Screen
    shared: list[Path] = field(default_factory=list)  # folders that Blender must see

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The environment of a Blender started by this artist: nothing of the host's but PATH."""
        values = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "DISPLAY": self.screen.display,
            "LANG": "C.UTF-8",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            # Compiled anew for the CPU at each start, the shaders take half of it.
            "MESA_SHADER_CACHE_DIR": str(self._kept / "shaders"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_RUNTIME_DIR": str(self.home),
            # Blender writes there as it crashes, and as it quits: in a /tmp that is shared, over what others wrote.
            "TMPDIR": str(self._temporary),
        }
        if self.window.root is None:
            values["PATH"] = os.environ.get("PATH", values["PATH"])
        return values | dict(extra)

    def blender(self, arguments: list[str]) -> list[str]:
        """The command that starts this artist's Blender."""
        self._kept.mkdir(parents=True, exist_ok=True)
        self._temporary.mkdir(exist_ok=True)
        return self.window.command(
            [self.window.blender, *arguments], [ROOT, self.home, self._kept, *self.shared]
        )

    @property
    def _temporary(self) -> Path:
        return self.home / "tmp"

    @property
    def _kept(self) -> Path:
        """What makes the next start of this Blender, and the next search of the mouse, quicker."""
        return cache_dir() / "kept" / self.window.version.replace(" ", "-")

    def install(self, archive: Path, ui_scale: float = 1.0, ask_every: float = 5.0) -> None:
        """Install and enable the zip, allow online access, and save the preferences.

        ``ask_every`` is the preference *Ask Every*, in seconds.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        copy = self.home / archive.name
        shutil.copyfile(archive, copy)
        done = subprocess.run(
            self.blender(["--background", "--python-exit-code", "7", "--python",
                          str(HERE / "install.py"), "--", str(copy),
                          str(self.home / VIDEO_EDITING), str(ui_scale), str(ask_every)]),
            env=self.environment({}), capture_output=True, encoding="utf-8", timeout=120,
        )  # fmt: skip
        copy.unlink()
        if done.returncode:
            raise RuntimeError(f"The zip could not be installed:\n{done.stdout}{done.stderr}")

    def start(
        self,
        scenario: str,
        arguments: Mapping[str, Any],
        output: Path,
        *,
        environment: Mapping[str, str] = {},
        layout: str = "Video Editing",
        blend: Path | None = None,
        flags: tuple[str, ...] = (),
        stay: bool = False,
    ) -> Running:
        """Start Blender in a window with a scenario such as ``'jobs.py:whole_job'``.

        ``layout`` is what the artist starts with: 'Video Editing', or 'General' with its 3D View;
        ``blend`` is a file to open instead; ``stay`` leaves Blender open when the scenario ends.
        """
        output.mkdir(parents=True, exist_ok=True)
        startup = self.home.joinpath(
            ".config", "blender", "{}.{}".format(*self.window.minor), "config", "startup.blend"
        )
        startup.unlink(missing_ok=True)
        if layout == "Video Editing":
            shutil.copyfile(self.home / VIDEO_EDITING, startup)
        name = re.sub(r"\W+", "-", scenario)
        task = self.home / f"{name}.task.json"
        report = self.home / f"{name}.report.json"
        report.unlink(missing_ok=True)
        file, _, function = scenario.partition(":")
        task.write_text(
            json.dumps(
                {
                    "scenario": f"{HERE / 'scenarios' / file}:{function}",
                    "arguments": dict(arguments),
                    "output": str(output),
                    "report": str(report),
                    "hints": str(self._kept / "hints.json"),
                    "stay": stay,
                    "overlays": self.screen.size == LARGE,
                }
            ),
            "utf-8",
        )
        command = self._command(flags, blend, task)
        log = self.home / f"{name}.log"
        log.unlink(missing_ok=True)
        values = self.environment(environment)

        def begin() -> subprocess.Popen[bytes]:
            with log.open("ab") as sink:
                return subprocess.Popen(
                    Profile(self.window, self.home, self.screen, [*self.shared, output]).blender(
                        command
                    ),
                    env=values,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                )

        return Running(scenario, begin, report, log, output, Path(values["TMPDIR"]))

    def _command(self, flags: tuple[str, ...], blend: Path | None, task: Path) -> list[str]:
        command = [
            "--enable-event-simulate",
            "--window-geometry",
            "0",
            "0",
            *map(str, self.screen.size),
        ]
        if self.window.minor >= (5, 0):
            command += ["--gpu-backend", "opengl"]
        command += flags
        if blend is not None:
            command += [str(blend)]
        return [*command, "--python", str(HERE / "driver.py"), "--", str(task)]


@dataclass(slots=True)
class Running:
    """A Blender with its window open. One that crashes by itself before the scenario begins is started once more."""

    scenario: str
    begin: Callable[[], subprocess.Popen[bytes]]  # starts it
    report_file: Path
    log_file: Path
    output: Path
    temporary: Path  # where Blender writes as it crashes
    process: subprocess.Popen[bytes] = field(init=False)
    _is_second: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        for path in self.temporary.glob(CRASH_FILES):
            path.unlink()
        self.process = self.begin()

    @property
    def _crash(self) -> str:
        """What Blender wrote as it crashed."""
        return "\n".join(
            path.read_text("utf-8", "replace") for path in sorted(self.temporary.glob(CRASH_FILES))
        )

    def is_gone(self) -> bool:
        """Whether Blender has ended for good."""
        code, crash = self.process.poll(), self._crash
        if code is None:
            return False
        if self._is_second or self._report().get("begun") or not is_blenders_own(code, crash):
            return True
        STARTED_AGAIN.append(f"{self.scenario}, ended with {code}:\n{crash}")
        self._is_second = True
        self._start()
        return False

    def _log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    def _report(self) -> dict[str, Any]:
        try:
            return json.loads(self.report_file.read_text("utf-8"))
        except FileNotFoundError:
            return {"notes": {}, "ended": ""}  # not started yet, or it never got that far

    def until(self, note: str, seconds: float = LIMIT) -> Any:
        """Wait until the scenario has noted ``note``; returns it."""
        end = time.monotonic() + seconds
        while note not in (report := self._report())["notes"]:
            gone = self.is_gone() or report["ended"] or SCREEN_DIED in self._log()
            if gone or time.monotonic() > end:
                ended = self.wait(0 if report["ended"] else 1)
                raise AssertionError(
                    f"the scenario never noted {note}:\n{ended.error}\n{ended.log}\n{ended.crash}"
                )
            time.sleep(0.05)
        return report["notes"][note]

    def kill(self) -> None:
        """End Blender as a crash does."""
        self.process.kill()
        self.process.wait()

    def wait(self, limit: float = LIMIT) -> Report:
        """Wait for Blender to be gone; it is killed after ``limit`` seconds."""
        end = time.monotonic() + limit
        trouble = ""
        while not self.is_gone() and not trouble:
            time.sleep(0.1)
            if time.monotonic() > end:
                trouble = f"Blender was still there after {limit:g} s and was ended."
            elif SCREEN_DIED in self._log():  # Blender then neither goes on nor leaves
                trouble = f"{LOST_SCREEN} (an X error, see its last lines) and was ended."
        if trouble:
            self.kill()
        report = self._report()
        return Report(
            notes=report["notes"],
            ended=report["ended"],
            error="\n".join(filter(None, [report.get("error", ""), trouble])),
            code=self.process.returncode,
            log=self._log(),
            output=self.output,
            crash=self._crash,
        )

"""Where ``bench.py`` measures: the clips, the service, the wheel and the window that its rows ask for.

Owns how each is made, once, and that nothing of the person's is read or written. What is measured is in
``bench_in_wheel.py`` and in the scenarios of the window, what is made of it in ``bench_rows.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environments import ROOT, Missing, newest_wheel, tool_python, wheel_python

OUTPUT = ROOT / "bench-output"
WINDOW = "5.2"
UPLOAD = 30_000_000  # bytes


@dataclass(slots=True)
class Bench:
    """What the rows have in common; each part is made when the first row asks for it."""

    folder: Path
    quick: bool
    profile: bool
    archive: Path
    about: dict[str, str] = field(default_factory=dict)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _made: dict[str, Any] = field(default_factory=dict)

    def close(self) -> None:
        """End what the rows have started, such as the service."""
        self._stack.close()

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """The value that ``make`` gave when ``name`` was first asked for."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    # -- files and the service

    @property
    def clip(self) -> Path:
        """A clip of 6 s at 720p with sound, as the service makes them."""
        return self.once("clip", lambda: self._film("clip.mp4", "1280x720", 6.042))

    @property
    def footage(self) -> Path:
        """A camera's clip: 15 s at 1080p with sound."""
        return self.once("footage", lambda: self._film("footage.mp4", "1920x1080", 15))

    def _film(self, name: str, size: str, seconds: float) -> Path:
        path = self.folder / name
        output_of([self.ffmpeg, "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=24:d={seconds}",
              "-f", "lavfi", "-i", f"sine=d={seconds}", "-c:v", "libx264", "-preset", "veryfast",
              "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)])  # fmt: skip
        return path

    @property
    def ffmpeg(self) -> str:
        """The encoder that the stand-in uses."""

        def find() -> str:
            code = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
            return output_of([str(tool_python("stand-in")), "-c", code]).strip()

        return self.once("ffmpeg", find)

    def image(self, folder: Path) -> Path:
        """A file of 30 MB to be sent; what is in it concerns nobody."""
        path = folder / "image.png"
        path.write_bytes(os.urandom(UPLOAD))
        return path

    @property
    def service(self) -> dict[str, str]:
        """The environment that leads the add-on to the bench's service."""

        def start() -> dict[str, str]:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "scripts" / "bench_service.py"), str(self.clip)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._stack.enter_context(process)
            assert process.stdout
            told = json.loads(process.stdout.readline())
            return {"XAI_API_BASE": told["base"], "XAI_API_KEY": told["key"]}

        return self.once("service", start)

    # -- in the wheel

    def in_wheel(self, do: str, *, environment: Mapping[str, str] = {}, **task: Any) -> Any:
        """What ``bench_in_wheel.py`` has measured."""
        if do != "install":
            task["package"] = self.package
        given = self.folder / "task.json"
        result = given.with_suffix(".result")
        if self.profile:
            OUTPUT.mkdir(exist_ok=True)
            task["profile"] = str(OUTPUT / f"{do}.prof")
        given.write_text(json.dumps(task | {"do": do, "result": str(result)}), "utf-8")
        program = str(ROOT / "scripts" / "bench_in_wheel.py")
        output_of(
            [str(wheel_python(newest_wheel())), program, str(given)],
            self.scratch("wheel") | dict(environment),
        )
        return json.loads(result.read_text("utf-8"))

    def scratch(self, name: str) -> dict[str, str]:
        """An environment in which nothing of the person's is read or written."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        # Nothing of Python's either: PYTHONDONTWRITEBYTECODE would have the add-on compiled at each start, as no
        # artist's is.
        strange = ("BLENDER", "XAI_", "XDG", "PYTHON")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(strange)}
        return kept | {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "LOCALAPPDATA": str(home / "local"),
            "APPDATA": str(home / "roaming"),
            "XDG_DATA_HOME": str(home / "data"),
            "BLENDER_USER_RESOURCES": str(home / "blender"),
        }

    @property
    def package(self) -> str:
        """The folder of the extension, installed in the wheel's profile."""

        def make() -> str:
            told = self.in_wheel("install", archive=str(self.archive))
            self.about["wheel"] = told["version"]
            return told["package"]

        return self.once("package", make)

    def ledger(self, jobs: int) -> Path:
        """A data home whose ledger holds that many jobs."""

        def make() -> Path:
            home = self.folder / f"jobs-{jobs}"
            home.mkdir()
            if jobs:
                self.in_wheel("make_ledger", jobs=jobs, data=str(home / "grok_video"))
            return home

        return self.once(f"jobs-{jobs}", make)

    # -- in a window

    def in_window(self, scenario: str, *, data: Path | None = None, **arguments: Any) -> Any:
        """What a scenario of ``tests/gui/scenarios/bench.py`` has noted."""
        sys.path.append(str(ROOT / "tests" / "gui"))
        import blenders
        import harness

        window = self.once("window", lambda: blenders.window(WINDOW))
        self.about["window"] = window.version
        screen = self.once(
            "screen", lambda: self._stack.enter_context(harness.screen(window, harness.LARGE))
        )
        installed = self.folder / "home"
        self.once("home", lambda: harness.Profile(window, installed, screen).install(self.archive))
        home = self.folder / f"home-{scenario}"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(installed, home, symlinks=True)
        if data is not None:
            shutil.copytree(data, home / ".local" / "share", dirs_exist_ok=True)
        if "image" in arguments:
            arguments["image"] = str(self.image(home))
        if "clip" in arguments:  # the window sees its home and nothing else of ours
            arguments["clip"] = shutil.copy(arguments["clip"], home)
        if "folder" in arguments:
            arguments["folder"] = str(home)
        profile = harness.Profile(window, home, screen)
        running = profile.start(
            f"bench.py:{scenario}",
            arguments,
            self.folder / "pictures",
            environment=self.service,
        )
        try:
            report = running.wait(900)
        except BaseException:
            running.kill()
            raise
        if report.ended != "ok":
            last = "\n".join(report.log.splitlines()[-30:])
            raise Missing(f"{scenario} in the window: {report.error}\n{last}")
        shutil.rmtree(home, ignore_errors=True)
        return report.notes


def output_of(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """What a program printed, in its own environment or that one. Raises Missing with its words when it failed."""
    done = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=None if environment is None else {**environment},
    )
    if done.returncode:
        raise Missing(f"{Path(command[1]).name} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout

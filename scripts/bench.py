"""Measure what an artist would feel, each figure beside its baseline of the same run.

Owns which rows there are, what is made of their raw figures, and the table. There is no pass or fail: a
machine that does other things at the same time gives other figures. The table goes to the terminal, the
same as JSON into ``bench-output/bench.json``. Everything runs against a service on loopback.

    python3 scripts/bench.py                       every row
    python3 scripts/bench.py --rows tick,import    these
    python3 scripts/bench.py --quick               fewer runs of each
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import (
    ROOT,
    Missing,
    newest_wheel,
    require_python,
    say,
    tool_python,
    wheel_python,
)

OUTPUT = ROOT / "bench-output"
WINDOW = "5.2"
UPLOAD = 30_000_000  # bytes
DOWNLOAD_MEGABYTES = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. ``value`` and ``baseline`` are seconds, or bytes where ``unit`` is 'MB'."""

    row: str
    what: str
    value: float
    unit: str = "ms"
    beside: str = ""  # what the baseline is
    baseline: float | None = None
    aim: str = ""
    samples: int = 0

    @property
    def times(self) -> float | None:
        """The figure as a multiple of its baseline."""
        return self.value / self.baseline if self.baseline else None


def part(samples: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0..1) of the samples lie."""
    ordered = sorted(samples)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


median = statistics.median

# Of each block of gaps its own figure, then the median of the blocks: a hiccup of the machine in one of them
# is not taken for the traffic's.
_KINDS: list[tuple[str, Callable[[list[float]], float]]] = [
    ("p50", lambda gaps: part(gaps, 0.5)),
    ("p99", lambda gaps: part(gaps, 0.99)),
    ("max", max),
]


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

        def make() -> Path:
            path = self.folder / "clip.mp4"
            _out([self.ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=24:d=6.042",
                  "-f", "lavfi", "-i", "sine=d=6.042", "-c:v", "libx264", "-preset", "veryfast",
                  "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)])  # fmt: skip
            return path

        return self.once("clip", make)

    @property
    def footage(self) -> Path:
        """A camera's clip: 15 s at 1080p with sound."""

        def make() -> Path:
            path = self.folder / "footage.mp4"
            _out([self.ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=24:d=15",
                  "-f", "lavfi", "-i", "sine=d=15", "-c:v", "libx264", "-preset", "veryfast",
                  "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)])  # fmt: skip
            return path

        return self.once("footage", make)

    @property
    def ffmpeg(self) -> str:
        """The encoder that the stand-in uses."""

        def find() -> str:
            code = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
            return _out([str(tool_python("stand-in")), "-c", code]).strip()

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
        _out(
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
        display = self.once("screen", lambda: self._stack.enter_context(harness.screen(window)))
        installed = self.folder / "home"
        self.once("home", lambda: harness.Profile(window, installed, display).install(self.archive))
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
        profile = harness.Profile(window, home, display)
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


def _out(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=None if environment is None else {**environment},
    )
    if done.returncode:
        raise Missing(f"{Path(command[1]).name} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


# ----------------------------------------------------------------------------------------------- rows


def _tick(bench: Bench) -> Iterator[Figure]:
    sizes = (0, 1, 100, 1000)
    homes = {str(size): str(bench.ledger(size)) for size in sizes}
    samples = bench.in_wheel("tick", homes=homes, ticks=500 if bench.quick else 2000)
    for kind in ("quiet", "changing"):
        empty = samples[f"{kind} 0"]
        for size in sizes[1:]:
            own = samples[f"{kind} {size}"]
            name = f"tick, {size} jobs, {kind}"
            yield Figure("tick", f"{name}: median", median(own), "ms", "no job", median(empty),
                         "< 0.5 ms", len(own))  # fmt: skip
            yield Figure("tick", f"{name}: max", max(own), "ms", "no job", max(empty),
                         "< 5 ms", len(own))  # fmt: skip
    for size in sizes[1:]:
        if own := samples[f"changing {size}, a change"]:
            yield Figure("tick", f"tick that reads a change, {size} jobs: median", median(own), "ms",
                         "quiet", median(samples[f"quiet {size}"]), "", len(own))  # fmt: skip
        own = samples[f"first {size}"]
        yield Figure("tick", f"ticks of the first reading, {size} jobs: max", max(own), "ms",
                     "no job", max(samples["first 0"]), "< 5 ms", len(own))  # fmt: skip


def _register(bench: Bench) -> Iterator[Figure]:
    runs = [bench.in_wheel("register") for _ in range(3 if bench.quick else 9)]
    start = median([run["blender"] for run in runs])
    for name, aim in (("register", "< 15 ms"), ("register warm", "")):
        own = [run[name] for run in runs]
        words = f"{name}()" if name == "register" else "register() once more"
        yield Figure("register", f"{words}: median", median(own), "ms", "Blender's start", start,
                     aim, len(own))  # fmt: skip


def _worker(bench: Bench) -> Iterator[Figure]:
    told = bench.in_wheel(
        "worker",
        environment=bench.service,
        home=str(_fresh(bench, "spawns")),
        spawns=5 if bench.quick else 15,
    )
    ready, bare = told["ready"], told["bare"]
    yield Figure("worker", "spawn to ready: median", median(ready), "ms", "python -c pass",
                 median(bare), "", len(ready))  # fmt: skip
    yield Figure("worker", "spawn to ready: max", max(ready), "ms", "python -c pass", max(bare),
                 "", len(ready))  # fmt: skip


def _memory(bench: Bench) -> Iterator[Figure]:
    home = _fresh(bench, "memory")
    peaks = bench.in_wheel(
        "memory",
        environment=bench.service,
        home=str(home),
        image=str(bench.image(home)),
        megabytes=DOWNLOAD_MEGABYTES,
    )
    if peaks["idle"] is None:
        raise Missing("This system does not tell a process's peak memory (it needs /proc).")
    for name, words in (
        ("small", "peak memory, a small job"),
        ("upload", f"peak memory, upload of {UPLOAD // 10**6} MB"),
        ("download", f"peak memory, download of {DOWNLOAD_MEGABYTES} MB"),
    ):
        yield Figure("memory", words, peaks[name], "MB", "idle", peaks["idle"], "flat", 1)


def _import(bench: Bench) -> Iterator[Figure]:
    samples = bench.in_wheel(
        "place",
        home=str(_fresh(bench, "imports")),
        clip=str(bench.clip),
        imports=4 if bench.quick else 12,
    )
    ours, bare = samples["ours"], samples["bare"]
    yield Figure("import", "import_clip: median", median(ours), "ms", "movie_strip_add",
                 median(bare), "≤ 1.2 ×", len(ours))  # fmt: skip
    yield Figure("import", "import_clip: max", max(ours), "ms", "movie_strip_add", max(bare),
                 "", len(ours))  # fmt: skip


def _bake(bench: Bench) -> Iterator[Figure]:
    """A strip of 15 s at 1080p, made 720p: by us in the background, by others as they do."""
    runs = 1 if bench.quick else 3
    made = [
        bench.in_wheel(
            "bake",
            environment=bench.service,
            home=str(_fresh(bench, f"bake-{number}")),
            clip=str(bench.footage),
        )
        for number in range(runs)
    ]
    bare = [
        bench.in_wheel("render_strip", clip=str(bench.footage), folder=str(bench.folder))
        for _ in range(runs)
    ]
    coded = [
        bench.in_wheel("transcode", ffmpeg=bench.ffmpeg, clip=str(bench.footage),
                       folder=str(bench.folder))
        for _ in range(runs)
    ]  # fmt: skip
    others = (("Blender's own render of it", bare), ("ffmpeg, veryfast", coded))
    words = "bake of 15 s, 1080p to 720p"
    own = median([run["bake"] for run in made])
    for beside, other in others:
        took = median([run["took"] for run in other])
        yield Figure("bake", f"{words}: time", own, "ms", beside, took, "", runs)
    whole = median([run["whole"] for run in made])
    yield Figure("bake", "click to accepted job: time", whole, "ms", "the bake", own, "", runs)
    started = median([run["started"] for run in made])
    yield Figure("bake", "of it, the call that Blender waits for", started, "ms",
                 "saving the file", median([run["save"] for run in made]), "", runs)  # fmt: skip
    polls = [took for run in made for took in run["polls"]]
    yield Figure("bake", "of it, one look at the child: max", max(polls), "ms", "", None, "< 5 ms",
                 len(polls))  # fmt: skip
    if None in (made[0]["child"], bare[0]["peak"], coded[0]["peak"]):
        raise Missing("This system does not tell a process's peak memory (it needs /proc).")
    peak = median([run["child"] for run in made])
    for beside, other in others:
        theirs = median([run["peak"] for run in other])
        yield Figure("bake", f"{words}: peak memory of the child", peak, "MB", beside, theirs,
                     "", runs)  # fmt: skip
    yield Figure("bake", f"{words}: growth of the artist's Blender",
                 median([run["growth"] for run in made]), "MB", "Blender's own render of it",
                 median([run["growth"] for run in bare]), "", runs)  # fmt: skip
    yield from _bake_in_window(bench)


def _bake_in_window(bench: Bench) -> Iterator[Figure]:
    blocks = bench.in_window("bake", clip=str(bench.footage), rounds=1 if bench.quick else 3)
    own, idle = blocks["blocks"]["ours"], blocks["blocks"]["idle"]
    for kind, of in _KINDS:
        yield Figure("bake", f"heartbeat during a bake: {kind}", median([of(gaps) for gaps in own]),
                     "ms", "idle", median([of(gaps) for gaps in idle]),
                     "" if kind == "p50" else "≤ 1.1 ×", sum(map(len, own)))  # fmt: skip


def _fresh(bench: Bench, name: str) -> Path:
    folder = bench.folder / name
    folder.mkdir()
    return folder


def _done(bench: Bench) -> Iterator[Figure]:
    transfers = [_transfer(bench) for _ in range(5)]
    samples = bench.in_window("done", runs=3 if bench.quick else 8)["samples"]
    transfer = median([*transfers, *(_transfer(bench) for _ in range(5))])
    own = [took - transfer for took in samples["strip"]]
    words = "the service's done, as read, to the strip, less the transfer"
    yield Figure("done", f"{words}: median", median(own), "ms", "the bare transfer", transfer,
                 "≤ 500 ms", len(own))  # fmt: skip
    yield Figure("done", f"{words}: max", max(own), "ms", "the bare transfer", transfer, "",
                 len(own))  # fmt: skip
    ready = median([took - transfer for took in samples["ready"]])
    yield Figure("done", "of it, until the worker has the clip in place", ready, "ms",
                 "the bare transfer", transfer, "", len(own))  # fmt: skip


def _transfer(bench: Bench) -> float:
    """Seconds for a bare download of what the add-on downloads."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    base = bench.service["XAI_API_BASE"]
    order = urllib.request.Request(f"{base}/v1/videos/generations", b'{"prompt": "seconds=0"}')
    with opener.open(order) as answer:
        job = json.load(answer)["request_id"]
    start = time.perf_counter()
    with opener.open(f"{base}/clip/{job}.mp4") as answer:
        (bench.folder / "bare.mp4").write_bytes(answer.read())
    return time.perf_counter() - start


def _panel(bench: Bench) -> Iterator[Figure]:
    draws = 100 if bench.quick else 400
    samples = {
        jobs: bench.in_window("panel", data=bench.ledger(jobs), draws=draws, jobs=jobs)["samples"]
        for jobs in (0, 1000)
    }
    for name in ("jobs", "request", "opened"):
        own, empty = samples[1000][name], samples[0][name]
        name = {"opened": "request panel with all its parts open"}.get(name, f"{name} panel")
        yield Figure("panel", f"draw of the {name}, 1000 jobs: median", median(own), "ms",
                     "no job", median(empty), "< 0.5 ms", len(own))  # fmt: skip
        yield Figure("panel", f"draw of the {name}, 1000 jobs: p99", part(own, 0.99), "ms",
                     "no job", part(empty, 0.99), "", len(own))  # fmt: skip


_WAYS = {
    "redraws": "idle, Blender's own tab redrawn twice a second",
    "ours": "our worker: 10 polled, 30 MB up, 200 MB down",
    "thread": "wrong: requests and base64 in a thread of Blender",
    "execute": "wrong: requests in execute",
}


def _heartbeat(bench: Bench) -> Iterator[Figure]:
    blocks = bench.in_window(
        "heartbeat",
        base=bench.service["XAI_API_BASE"],
        image="",
        folder="",
        megabytes=DOWNLOAD_MEGABYTES,
        seconds=6 if bench.quick else 20,
        rounds=2 if bench.quick else 3,
    )["blocks"]
    for way, words in _WAYS.items():
        for kind, of in _KINDS:
            own = median([of(gaps) for gaps in blocks[way]])
            idle = median([of(gaps) for gaps in blocks["idle"]])
            aim = "≤ 1.1 ×" if way == "ours" and kind != "p50" else ""
            count = sum(map(len, blocks[way]))
            yield Figure("heartbeat", f"{words}: {kind}", own, "ms", "idle", idle, aim, count)
            if way == "ours":  # what of it is the drawing of a sidebar, whoever's it is
                drawn = median([of(gaps) for gaps in blocks["redraws"]])
                yield Figure("heartbeat", f"{words}: {kind}", own, "ms", "idle with redraws", drawn,
                             aim, count)  # fmt: skip


def _render(bench: Bench) -> Iterator[Figure]:
    samples = bench.in_window("render", objects=1500, runs=3 if bench.quick else 7, folder="")[
        "samples"
    ]
    for kind, words in (("start", "start"), ("run", "start to still")):
        own, bare = samples[f"ours {kind}"], samples[f"bare {kind}"]
        yield Figure("render", f"camera render of 1500 objects, {words}: median", median(own), "ms",
                     "Blender's own", median(bare), "", len(own))  # fmt: skip
        # The copy is what keeps the artist's scene as it was: Blender evaluates it anew.
        yield Figure("render", f"camera render of 1500 objects, {words}: median", median(own), "ms",
                     "Blender's own of a copy", median(samples[f"copy {kind}"]), "",
                     len(own))  # fmt: skip
    own, bare = ([max(gaps) for gaps in samples[f"{who} gaps"]] for who in ("ours", "bare"))
    yield Figure("render", "heartbeat during it: max", median(own), "ms", "Blender's own",
                 median(bare), "", len(own))  # fmt: skip


ROWS: dict[str, tuple[str, Callable[[Bench], Iterator[Figure]]]] = {
    "tick": ("one tick with 1, 100 and 1000 jobs", _tick),
    "register": ("register() beside Blender's start", _register),
    "worker": ("the worker's start", _worker),
    "memory": ("the worker's peak memory", _memory),
    "import": ("import_clip beside movie_strip_add", _import),
    "bake": ("baking and sending a strip of 15 s at 1080p (wheel and window)", _bake),
    "done": ("the service's done to the strip (window)", _done),
    "panel": ("drawing the panel (window)", _panel),
    "render": ("a camera render of 1500 objects (window)", _render),
    "heartbeat": ("gaps of a 5 ms heartbeat under traffic (window)", _heartbeat),
}


# ---------------------------------------------------------------------------------------------- table


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "MB":
        return f"{value / 1e6:.1f} MB"
    return f"{value * 1e3:.3f} ms" if value < 0.01 else f"{value * 1e3:.1f} ms"


def table(figures: Sequence[Figure]) -> str:
    """The figures as text."""
    lines = [("what", "figure", "beside", "baseline", "ratio", "aim")]
    for one in figures:
        lines.append(
            (
                one.what,
                _shown(one.value, one.unit),
                one.beside,
                _shown(one.baseline, one.unit),
                "" if one.times is None else f"{one.times:.2f} ×",
                one.aim,
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    right = (1, 3, 4)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _write(figures: Sequence[Figure], about: Mapping[str, Any]) -> None:
    OUTPUT.mkdir(exist_ok=True)
    rows = [asdict(one) | {"ratio": one.times} for one in figures]
    text = json.dumps({"about": about, "figures": rows}, indent=1, ensure_ascii=False)
    OUTPUT.joinpath("bench.json").write_text(f"{text}\n", "utf-8")


def _arguments() -> argparse.Namespace:
    known = "\n".join(f"  {name:10} {about}" for name, (about, _) in ROWS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"rows:\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", default=",".join(ROWS), metavar="name,…", help="default: all")
    parser.add_argument("--quick", action="store_true", help="fewer runs of each")
    parser.add_argument(
        "--profile", action="store_true", help="also leave cProfile's figures of the wheel's rows"
    )
    args = parser.parse_args()
    args.rows = args.rows.split(",")
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f"no such row: {' '.join(sorted(unknown))}")
    return args


def main() -> int:
    """Measure and print; what could not be measured is said."""
    require_python()
    args = _arguments()
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="grok-video-bench-", ignore_cleanup_errors=True) as at:
        folder = Path(at).resolve()
        built = _out([sys.executable, str(ROOT / "scripts" / "build.py"), "--out", str(folder)])
        bench = Bench(folder, args.quick, args.profile, Path(built.splitlines()[-1]))
        load = getattr(os, "getloadavg", lambda: (0.0,))
        bench.about |= {
            "machine": platform.platform(),
            "cores": str(os.cpu_count()),
            "load before": f"{load()[0]:.1f}",
            "quick": str(args.quick),
        }
        try:
            for name in [name for name in ROWS if name in args.rows]:
                say(f"{name}: {ROWS[name][0]} …")
                try:
                    figures += ROWS[name][1](bench)
                except Missing as error:
                    missing[name] = str(error)
                bench.about["load after"] = f"{load()[0]:.1f}"
                _write(figures, bench.about | {"could not be measured": missing})
        finally:
            bench.close()
    print(table(figures))
    print("  ".join(f"{name}: {value}" for name, value in bench.about.items()))
    for name, why in missing.items():
        print(f"{name} could not be measured: {why}")
    print(f"Also in {OUTPUT.relative_to(ROOT)}/bench.json")
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except Missing as missing:
        raise SystemExit(str(missing)) from None
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted.") from None

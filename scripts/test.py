"""Set up and run the project's test rings: all that this machine can run, or the named ones.

Owns which rings there are, what each runs, and the report. Two rings run at a time where two cores
allow it; each writes its own log. With ``CI=true`` a ring that could not run is a failure.

    python3 scripts/test.py                        every ring
    python3 scripts/test.py lint core              these
    python3 scripts/test.py blender-4.2 -- -k still -x       with arguments for pytest
    python3 scripts/test.py --soak 60              no ring: an hour of random kills and faults
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from environments import (
    ROOT,
    WHEELS,
    Missing,
    cache_dir,
    neighbour,
    require_python,
    say,
    tool_python,
    wheel_python,
)

OUTPUT = ROOT / "test-output"
#: A ring that takes longer hangs: it is ended and counts as failed.
LIMIT_SECONDS = 40 * 60


@dataclass(frozen=True, slots=True)
class Check:
    """One program that a ring runs; its exit code says whether it passed."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ring:
    """A set of checks that stands for itself. ``checks`` sets up what it needs, or raises Missing."""

    about: str
    checks: Callable[[list[str]], Iterator[Check]]
    needs_zip: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a ring ended. ``missing`` is why it could not run, or ''."""

    ring: str
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    missing: str = ""


def _pytest(python: Path, ring: str, paths: list[str], extra: list[str]) -> Check:
    for path in paths:
        if not (ROOT / path).exists():
            raise Missing(f"{path} is not in this checkout.")
    if any((ROOT / word.split("::")[0]).exists() for word in extra if not word.startswith("-")):
        paths = []  # the person names files
    cache = cache_dir() / "pytest" / ring  # one for each ring, so that --lf means this ring
    return Check(
        [str(python), "-m", "pytest", "-o", f"cache_dir={cache}", *paths, *extra],
        # Started without the person's own settings; rings that need more set it themselves.
        {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONFAULTHANDLER": "1",
            # Made here: each ring's own Python would make another, inside a test's time limit.
            "GROK_VIDEO_STAND_IN_PYTHON": str(tool_python("stand-in")),
        },
    )


def _lint(_: list[str]) -> Iterator[Check]:
    ruff = [str(tool_python("lint")), "-m", "ruff"]
    yield Check([*ruff, "format", "--check", "--diff", "."])
    yield Check([*ruff, "check", "."])


def _core_newest(extra: list[str]) -> Iterator[Check]:
    yield _pytest(tool_python("core"), "core", ["tests/core"], extra)


#: What the HTTP libraries have no part in, or no other than in what is tested with both.
_ONCE = [
    "bill",
    "crash",
    "damaged",
    "disk",
    "docs",
    "job",
    "joblog",
    "ledger",
    "limit",
    "models",
    "money",
    "mp4",
    "record",
    "schedule",
    "soak",
]


def _core_oldest(extra: list[str]) -> Iterator[Check]:
    once = {f"test_{name}.py" for name in _ONCE}
    files = sorted(path.name for path in (ROOT / "tests" / "core").glob("test_*.py"))
    twice = [f"tests/core/{name}" for name in files if name not in once]
    yield _pytest(tool_python("core-oldest"), "core-oldest", twice, extra)


def _stand_in(extra: list[str]) -> Iterator[Check]:
    yield _pytest(tool_python("stand-in"), "stand-in", ["tests/stand_in"], extra)


def _types(_: list[str]) -> Iterator[Check]:
    node = {"PYRIGHT_PYTHON_CACHE_DIR": str(cache_dir() / "pyright")}
    for stubs in ("newest", "4.2"):
        python = str(tool_python(f"types-{stubs}"))
        pyright = [python, "-m", "pyright", "--pythonpath", python, "--project"]
        if stubs == "newest":
            yield Check([*pyright, "pyproject.toml"], node)
        yield Check([python, "tests/types/stubs.py", str(OUTPUT / f"stubs-{stubs}")])
        yield Check([*pyright, f"tests/types/blender-{stubs}.json"], node)


def _blender(version: str) -> Callable[[list[str]], Iterator[Check]]:
    def checks(extra: list[str]) -> Iterator[Check]:
        check = _pytest(wheel_python(version), f"blender-{version}", ["tests/blender"], extra)
        # Made here for the same reason as the stand-in's.
        other = {"GROK_VIDEO_OTHER_PYTHON": str(wheel_python(neighbour(version)))}
        yield Check(check.command, check.environment | other)

    return checks


def _gui(version: str) -> Callable[[list[str]], Iterator[Check]]:
    def checks(extra: list[str]) -> Iterator[Check]:
        import blenders

        say(f"gui-{version}: Blender {blenders.window(version).version}")
        check = _pytest(tool_python("host"), f"gui-{version}", ["tests/gui"], extra)
        yield Check(check.command, check.environment | {"GROK_VIDEO_WINDOW": version})

    return checks


def _scripts(extra: list[str]) -> Iterator[Check]:
    yield _pytest(tool_python("host"), "scripts", ["tests/scripts"], extra)


#: In the order in which they start: quick answers first, then the long ones.
RINGS: dict[str, Ring] = {
    "lint": Ring("ruff: format and rules", _lint),
    "types": Ring("pyright: strict on core, Blender's side on the 4.2 and newest stubs", _types),
    "gui-5.2": Ring("real windows of Blender 5.2 LTS, clicked", _gui("5.2"), needs_zip=True),
    "core-newest": Ring("pure Python, the worker as a process", _core_newest),
    "core-oldest": Ring("what HTTP has a part in, with the libraries of Blender 4.2", _core_oldest),
    "stand-in": Ring("the stand-in service keeps the rules of the real one", _stand_in),
    **{
        f"blender-{version}": Ring(
            f"the zip installed in the bpy wheel {release}", _blender(version), needs_zip=True
        )
        for version, release in WHEELS.items()
    },
    "gui-4.3": Ring("real windows of Blender 4.3, clicked", _gui("4.3"), needs_zip=True),
    "scripts": Ring("every command of the README", _scripts),
}
#: What one word stands for.
GROUPS = {
    group: [ring for ring in RINGS if ring.startswith(f"{group}-")]
    for group in ("core", "blender", "gui")
}


class Runner:
    """Runs rings and keeps their logs; ends what it started when it is interrupted."""

    def __init__(self, extra: list[str], live: bool) -> None:
        self.extra = extra  # for pytest
        self.live = live  # show output as it comes: for one ring at a time
        self.archive = ""  # the zip under test
        self._running: set[subprocess.Popen[str]] = set()

    def build(self) -> bool:
        """Build the zip that rings install; False (and said) when that fails."""
        built = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "build.py"), "--out", str(OUTPUT)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if built.returncode:
            print(built.stdout)
            return False
        self.archive = built.stdout.splitlines()[-1]
        return True

    def run(self, name: str) -> Result:
        """Run a ring to its end."""
        start = time.monotonic()
        passed = failed = 0
        with (OUTPUT / f"{name}.log").open("w", encoding="utf-8") as log:
            try:
                for check in RINGS[name].checks(self.extra):
                    ok, bad = self._check(check, log.write, start + LIMIT_SECONDS)
                    passed, failed = passed + ok, failed + bad
            except Missing as missing:
                log.write(str(missing))
                return Result(name, missing=str(missing))
        return Result(name, time.monotonic() - start, passed, failed)

    def _check(self, check: Check, log: Callable[[str], object], until: float) -> tuple[int, int]:
        process = subprocess.Popen(
            check.command,
            cwd=ROOT,
            env=os.environ | {"GROK_VIDEO_ZIP": self.archive} | check.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._running.add(process)
        guard = threading.Timer(max(1.0, until - time.monotonic()), self._end, [process])
        guard.start()
        closing = ""
        assert process.stdout
        for line in process.stdout:
            log(line)
            if self.live:
                print(line, end="", flush=True)
            if re.fullmatch(r"=+ .*\bin [\d.]+s.*=+|.*\d+ \w+.* in [\d.]+s.*", line.strip()):
                closing = line
        code = process.wait()
        hung = not guard.is_alive()
        guard.cancel()
        self._running.discard(process)
        if hung:
            log(f"\nEnded after {LIMIT_SECONDS} s: it hangs.\n")
        elif code < 0:
            log(f"\nDied of {signal.Signals(-code).name}.\n")
        if "pytest" not in check.command:
            return (0, 1) if code else (1, 0)
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", closing)}
        failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
        # A run that died, or found nothing to run, is a failure although no test failed.
        return counts.get("passed", 0), failed or int(code != 0)

    def _end(self, process: subprocess.Popen[str]) -> None:
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End everything that still runs."""
        for process in list(self._running):
            self._end(process)


def failures(name: str) -> str:
    """The part of a ring's log that says what failed."""
    lines = (OUTPUT / f"{name}.log").read_text("utf-8").splitlines()
    start = next(
        (n for n, line in enumerate(lines) if re.match(r"=+ (FAILURES|ERRORS) =+", line)),
        max(0, len(lines) - 60),
    )
    shown = lines[start:]
    if len(shown) > 300:
        shown = [*shown[:150], f"… {len(shown) - 300} lines more in the log …", *shown[-150:]]
    return "\n".join(shown)


def _arguments(argv: list[str]) -> tuple[list[str], list[str], argparse.Namespace]:
    own, extra = argv, []
    if "--" in argv:
        cut = argv.index("--")
        own, extra = argv[:cut], argv[cut + 1 :]
    known = "\n".join(f"  {name:12} {ring.about}" for name, ring in RINGS.items())
    groups = "\n".join(f"  {group:12} {', '.join(rings)}" for group, rings in GROUPS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"rings:\n{known}\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rings", nargs="*", metavar="ring")
    parser.add_argument(
        "-j", "--jobs", type=int, default=min(2, os.cpu_count() or 1), help="rings at a time"
    )
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="random kills and faults instead of rings"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the soak: what it does, and when")
    args = parser.parse_args(own)
    if unknown := [name for name in args.rings if name not in RINGS and name not in GROUPS]:
        parser.error(f"no such ring: {' '.join(unknown)}")
    wanted = {ring for name in args.rings for ring in GROUPS.get(name, [name])}
    return [name for name in RINGS if name in wanted or not wanted], extra, args


def _soak(minutes: float, seed: int) -> int:
    """Run ``tests/core/soak.py``, which prints its own table; returns its exit code."""
    try:
        command = [str(tool_python("core")), "-m", "tests.core.soak"]
        environment = {"GROK_VIDEO_STAND_IN_PYTHON": str(tool_python("stand-in"))}
    except Missing as missing:
        print(missing)
        return 1
    command += ["--minutes", str(minutes), "--seed", str(seed)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment).returncode


def main() -> int:
    """Run the rings; returns the exit code."""
    require_python()
    names, extra, args = _arguments(sys.argv[1:])
    if args.soak is not None:
        return _soak(args.soak, args.seed)
    OUTPUT.mkdir(exist_ok=True)
    runner = Runner(extra, live=len(names) == 1)
    if any(RINGS[name].needs_zip for name in names):
        try:
            if not runner.build():
                print("The extension does not build.\n0 passed, 1 failed")
                return 1
        except Missing as missing:
            print(f"{missing}\n0 passed, 1 failed")
            return 1
    results: dict[str, Result] = {}
    with ThreadPoolExecutor(max(1, args.jobs)) as pool:
        pending = [pool.submit(runner.run, name) for name in names]
        try:
            for done in as_completed(pending):
                result = done.result()
                results[result.ring] = result
                _report(result, runner.live)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            runner.stop()
            raise
    return _summary([results[name] for name in names])


def _report(result: Result, live: bool) -> None:
    if result.missing:
        print(f"{result.ring}: could not run: {result.missing}", flush=True)
    elif result.failed:
        if not live:
            print(f"\n──── {result.ring} failed ────\n{failures(result.ring)}\n", flush=True)
    else:
        print(f"{result.ring}: {result.passed} passed in {result.seconds:.0f} s", flush=True)


def _summary(results: list[Result]) -> int:
    in_ci = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    print("\nRings:")
    for result in results:
        if result.missing:
            state = f"COULD NOT RUN  {result.missing.splitlines()[0]}"
        else:
            state = f"{'FAILED' if result.failed else 'ok':7} {result.seconds:4.0f} s"
            state += f"  {result.passed} passed, {result.failed} failed"
        print(f"  {result.ring:12} {state}")
    print(f"Logs: {OUTPUT.relative_to(ROOT)}/<ring>.log")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    if in_ci:
        failed += sum(1 for result in results if result.missing)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted.") from None

"""Runs rings: which of them beside each other, their processes, logs and results.

Owns the processes and ``test-output/``. It knows what a ring is, and none by name.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from environments import ROOT, Missing, extension_tool
from rings import OUTPUT, Ask, Check, Load, Ring

#: A ring that takes longer hangs: it is ended and counts as failed. On a busy machine windows take two thirds of it.
LIMIT_SECONDS = 60 * 60
#: How many rings that mostly wait run at a time while a core is free.
WAITING = 2


@dataclass(frozen=True, slots=True)
class Result:
    """How a ring ended. ``missing`` is why it could not run, or ''."""

    ring: str
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    missing: str = ""
    cpu: float = 0.0  # seconds of processor time, of its processes and theirs


def fits(load: Load, beside: list[Load], computing: int) -> bool:
    """Whether a ring may start beside running ones; ``computing`` of those that compute run at a time.

    Beside so many there is one that waits: it fills their pauses, and the next one those that come after.
    """
    if Load.ALONE in beside or (load is Load.ALONE and beside):
        return False
    if load is Load.WAITS:
        return beside.count(load) < (1 if beside.count(Load.COMPUTES) >= computing else WAITING)
    return beside.count(load) < computing


def schedule(
    rings: Mapping[str, Load], run: Callable[[str], Result], computing: int
) -> Iterator[Result]:
    """Run all of ``rings``, each as soon as it fits, in their order; gives each result as it comes.

    A ring that must be alone comes when nothing else is left to start: it does not hold up the others.
    """
    # Rings that must be alone come last: before, each would make the other rings wait.
    pending = sorted(rings, key=lambda name: rings[name] is Load.ALONE)
    running: dict[Future[Result], str] = {}
    pool = ThreadPoolExecutor(max(1, len(pending)))
    try:
        while pending or running:
            for name in list(pending):
                if rings[name] is Load.ALONE and name != pending[0]:
                    break
                if fits(rings[name], [rings[other] for other in running.values()], computing):
                    running[pool.submit(run, name)] = name
                    pending.remove(name)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
                yield future.result()
    finally:
        # An interrupted run does not wait for its rings: the caller ends their processes.
        pool.shutdown(wait=False)


class Runner:
    """Runs rings and keeps their logs; ends what it started when it is interrupted."""

    def __init__(self, rings: Mapping[str, Ring], ask: Ask, live: bool) -> None:
        self.rings = rings
        self.ask = ask
        self.live = live  # print output at once: for one ring at a time
        self.archive = ""  # the zip under test
        self._building = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def _build(self) -> str:
        """The zip that rings install, built by the first that asks. Raises Missing, or OSError with why."""
        with self._building:
            if not self.archive:
                program, tool = str(ROOT / "scripts" / "build.py"), str(extension_tool())
                built = subprocess.run(
                    [sys.executable, program, "--tool", tool, "--out", str(OUTPUT)],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    encoding="utf-8",
                )
                if built.returncode:
                    raise OSError(f"The extension does not build.\n{built.stdout}")
                self.archive = built.stdout.splitlines()[-1]
        return self.archive

    def prefetch(self) -> threading.Thread:
        """Set up what the rings need, one after the other, while the first of them run already."""

        def fetch() -> None:
            for ring in self.rings.values():
                for need in ring.needs:
                    if self._stopped:
                        return
                    # Not said here: the ring that needs the thing says why it is not to be had.
                    with contextlib.suppress(Missing):
                        need()

        thread = threading.Thread(target=fetch, name="prefetch", daemon=True)
        thread.start()
        return thread

    def run(self, name: str) -> Result:
        """Run a ring to its end."""
        ring = self.rings[name]
        start = time.monotonic()
        passed = failed = 0
        cpu = 0.0
        with (OUTPUT / f"{name}.log").open("w", encoding="utf-8") as log:
            try:
                if ring.needs_zip:
                    self._build()
                for check in ring.checks(self.ask):
                    if self._stopped:
                        break
                    ok, bad, used = self._check(check, log.write, start + LIMIT_SECONDS)
                    passed, failed, cpu = passed + ok, failed + bad, cpu + used
            except Missing as missing:
                log.write(str(missing))
                return Result(name, missing=str(missing))
            except OSError as error:
                log.write(str(error))
                failed += 1
        return Result(name, time.monotonic() - start, passed, failed, cpu=cpu)

    def _check(
        self, check: Check, log: Callable[[str], object], until: float
    ) -> tuple[int, int, float]:
        """Run one program: how many passed, how many failed, and the processor time that it took."""
        process = subprocess.Popen(
            check.command,
            cwd=ROOT,
            env=os.environ | {"GROK_VIDEO_ZIP": self.archive} | check.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._running.add(process)
        if self._stopped:  # interrupted while the program started
            self._end(process)
        hung = threading.Event()

        def give_up() -> None:
            hung.set()
            self._end(process)

        guard = threading.Timer(max(1.0, until - time.monotonic()), give_up)
        guard.start()
        closing = ""
        assert process.stdout
        for line in process.stdout:
            log(line)
            if self.live:
                print(line, end="", flush=True)
            if re.fullmatch(r"=+ .*\bin [\d.]+s.*=+|.*\d+ \w+.* in [\d.]+s.*", line.strip()):
                closing = line
        code, cpu = _wait(process)
        guard.cancel()
        self._running.discard(process)
        if hung.is_set():
            log(f"\nEnded after {LIMIT_SECONDS} s: it hangs.\n")
        elif code < 0:
            log(f"\nDied of {signal.Signals(-code).name}.\n")
        elif code >= 0xC0000000:
            log(f"\nCrashed ({code:#x}).\n")
        if "pytest" not in check.command:
            return (0, 1, cpu) if code else (1, 0, cpu)
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", closing)}
        failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
        # A run that died, or found nothing to run, is a failure although no test failed.
        return counts.get("passed", 0), failed or int(code != 0), cpu

    def _end(self, process: subprocess.Popen[str]) -> None:
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":  # there are no sessions: ended with all that it started
                tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
                subprocess.run(tree, capture_output=True)
            else:
                os.killpg(process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End everything that still runs, and start nothing more."""
        self._stopped = True
        for process in list(self._running):
            self._end(process)


def _wait(process: subprocess.Popen[str]) -> tuple[int, float]:
    """The exit code of ``process``, and the processor time of it and of all that it waited for."""
    if sys.platform == "win32":
        return process.wait(), 0.0
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # else Popen would wait again
    return process.returncode, used.ru_utime + used.ru_stime


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

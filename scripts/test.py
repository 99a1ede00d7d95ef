"""Set up and run the project's test rings, in one of three sizes or by name, and report.

Owns the command line and the report; which rings there are is ``rings.py``'s, how they run ``runner.py``'s.
With ``CI=true`` a ring that could not run is a failure.

    python3 scripts/test.py --quick                before a commit: lint, types, core (3 minutes)
    python3 scripts/test.py                        what an ordinary change can break (15 minutes)
    python3 scripts/test.py --all                  every ring, every version (about an hour)
    python3 scripts/test.py lint core              these, each whole
    python3 scripts/test.py blender-4.2 -- -k still -x       with arguments for pytest
    python3 scripts/test.py --soak 60              no ring: an hour of random kills and faults
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from environments import DOWNLOADS, ROOT, Missing, require_python

if __name__ == "__main__":
    require_python()  # what follows is written for Python 3.11

from rings import GROUPS, LEFT_OUT, OUTPUT, RINGS, SIZES, Ask, Size, soak_check
from runner import Result, Runner, failures, schedule


def _parser() -> argparse.ArgumentParser:
    known = "\n".join(f"  {name:12} {ring.about}" for name, ring in RINGS.items())
    groups = "\n".join(f"  {group:12} {', '.join(rings)}" for group, rings in GROUPS.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"rings:\n{known}\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rings", nargs="*", metavar="ring")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="lint, types, core without long tables")
    sizes.add_argument("--all", action="store_true", help="every ring and every version")
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=min(2, os.cpu_count() or 1),
        help="rings that compute at a time; one that waits runs beside them",
    )
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="random kills and faults instead of rings"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the soak: what it does, and when")
    return parser


def chosen(argv: list[str]) -> tuple[list[str], Ask, argparse.Namespace]:
    """The rings that the command line asks for, in their order, and how much of each."""
    own, extra = argv, []
    if "--" in argv:
        cut = argv.index("--")
        own, extra = argv[:cut], argv[cut + 1 :]
    parser = _parser()
    args = parser.parse_args(own)
    if unknown := [name for name in args.rings if name not in RINGS and name not in GROUPS]:
        parser.error(f"no such ring: {' '.join(unknown)}")
    if args.rings and (args.quick or args.all):
        parser.error("either rings by name, or --quick, or --all")
    size = Size.QUICK if args.quick else Size.ALL if args.all else Size.ORDINARY
    wanted = set(SIZES[size])
    if args.rings:
        size = Size.NAMED
        wanted = {ring for name in args.rings for ring in GROUPS.get(name, [name])}
    return [name for name in RINGS if name in wanted], Ask(size, tuple(extra)), args


def _soak(minutes: float, seed: int) -> int:
    """Run a soak by itself; returns its exit code."""
    try:
        check = soak_check(minutes, seed)
    except Missing as missing:
        print(missing)
        return 1
    return subprocess.run(check.command, cwd=ROOT, env=os.environ | check.environment).returncode


def main() -> int:
    """Run the rings; returns the exit code."""
    names, ask, args = chosen(sys.argv[1:])
    if args.soak is not None:
        return _soak(args.soak, args.seed)
    start = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    rings = {name: RINGS[name] for name in names}
    runner = Runner(rings, ask, live=len(names) == 1)
    results: dict[str, Result] = {}
    if len(names) > 1:
        runner.prefetch()
    try:
        loads = {name: ring.load for name, ring in rings.items()}
        for result in schedule(loads, runner.run, max(1, args.jobs)):
            results[result.ring] = result
            _report(result, runner.live)
    except BaseException:
        runner.stop()
        raise
    return _summary([results[name] for name in names], ask.size, time.monotonic() - start)


def _report(result: Result, live: bool) -> None:
    if result.missing:
        print(f"{result.ring}: could not run: {result.missing}", flush=True)
    elif result.failed:
        if not live:
            print(f"\n──── {result.ring} failed ────\n{failures(result.ring)}\n", flush=True)
    else:
        print(f"{result.ring}: {result.passed} passed in {result.seconds:.0f} s", flush=True)


def _summary(results: list[Result], size: Size, seconds: float) -> int:
    print("\nRings:")
    for result in results:
        if result.missing:
            state = f"COULD NOT RUN  {result.missing.splitlines()[0]}"
        else:
            state = f"{'FAILED' if result.failed else 'ok':7} {result.seconds:4.0f} s"
            state += f" {result.cpu:4.0f} s of CPU" if result.cpu else ""  # Windows does not tell
            state += f"  {result.passed} passed, {result.failed} failed"
        print(f"  {result.ring:12} {state}")
    if DOWNLOADS:
        total = sum(one.megabytes for one in DOWNLOADS)
        print(f"Downloads: {len(DOWNLOADS)}, {total:.0f} MB")
    print(f"{seconds / 60:.1f} minutes; logs: {OUTPUT.relative_to(ROOT)}/<ring>.log")
    print("\n".join(closing(results, size)))
    return 1 if _failed(results) else 0


def _failed(results: list[Result]) -> int:
    failed = sum(result.failed for result in results)
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        failed += sum(1 for result in results if result.missing)
    return failed


def closing(results: list[Result], size: Size) -> list[str]:
    """The counts in one line that programs read, and what was left out in the last one."""
    lines = [f"{sum(result.passed for result in results)} passed, {_failed(results)} failed"]
    out = [f"{result.ring} (could not run)" for result in results if result.missing]
    if size in LEFT_OUT:
        out.append(f"{LEFT_OUT[size]} (--all runs them)")
    if out:
        lines.append(f"Left out: {'; '.join(out)}.")
    return lines


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted.") from None

"""Measure what an artist would feel, each figure beside its baseline of the same run.

Owns the table; the rows are in ``bench_rows.py``. There is no pass or fail: a machine that does other things at
the same time gives other figures. The table goes to the terminal, the same as JSON into
``bench-output/bench.json``. Everything runs against a service on loopback.

    python3 scripts/bench.py                       every row
    python3 scripts/bench.py --rows tick,import    these
    python3 scripts/bench.py --quick               fewer runs of each
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench_rows import ROWS, Figure
from bench_setup import OUTPUT, Bench, output_of
from environments import ROOT, Missing, require_python, say


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
        built = output_of(
            [sys.executable, str(ROOT / "scripts" / "build.py"), "--out", str(folder)]
        )
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

"""How long a shot list takes to buy, on a simulated clock: one team's limit, and several teams with a buying host each.

    python3 scripts/farm_plan.py [--seconds 60]

Simulated is what a worker does (``worker/schedule.py``): one call in ``Pace.gap`` seconds, orders before questions, a question
that is overdue takes turns with orders, each job asked for every ``Pace.poll`` seconds at most. How long the service takes for
a clip is an assumption, ``--seconds``; rendering, uploads and downloads are left out: they go on beside it.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from grok_video.worker.schedule import OVERDUE, Pace

#: Seconds that the service takes for a clip: assumed.
SECONDS = 60.0
SIZES = (1_000, 10_000)
TEAMS = (1, 2, 4, 10)


@dataclass(frozen=True, slots=True)
class Plan:
    """What became of a list."""

    sent: float  # seconds until the last order left
    done: float  # seconds until the last clip was known
    calls: int  # of one team, the busiest


def simulate(shots: int, teams: int, seconds: float = SECONDS) -> Plan:
    """A list that so many buying hosts share, each with the key of a team of its own."""
    shares = [shots // teams + (number < shots % teams) for number in range(teams)]
    return max((_one_team(share, seconds) for share in shares), key=lambda plan: plan.done)


def _one_team(shots: int, seconds: float) -> Plan:
    pace, now, calls = Pace(), 0.0, 0
    last_sent, last_done = 0.0, 0.0
    unsent, asked_last = shots, True
    due: list[tuple[float, float]] = []  # (when to ask again, when it is done), a heap
    while unsent or due:
        overdue = bool(due) and due[0][0] <= now - OVERDUE
        if unsent and (asked_last or not overdue):
            unsent -= 1
            last_sent = now
            heapq.heappush(due, (now + pace.poll, now + seconds))
            asked_last = False
        elif due[0][0] <= now:
            _, ready = heapq.heappop(due)
            if ready <= now:
                last_done = now
            else:
                heapq.heappush(due, (now + pace.poll, ready))
            asked_last = True
        else:
            now = due[0][0]  # nothing may be done before
            continue
        calls += 1
        now += pace.gap
    return Plan(last_sent, last_done, calls)


def rows(seconds: float = SECONDS) -> list[str]:
    """The table of docs/farm.md, a line each."""
    made = [
        "| shots | teams | last order after | last clip after | calls of a team |",
        "|---|---|---|---|---|",
    ]
    for shots in SIZES:
        for teams in TEAMS:
            plan = simulate(shots, teams, seconds)
            made.append(
                f"| {shots:,} | {teams} | {clock(plan.sent)} | {clock(plan.done)} | {plan.calls:,} |"
            )
    return made


def clock(seconds: float) -> str:
    """'1 h 05 min', '17 min'."""
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the service for a clip")
    print("\n".join(rows(parser.parse_args().seconds)))


if __name__ == "__main__":
    main()

"""The task of a farm that buys, as a process of its own: killed where a test says so, and run again.

    python -m tests.core.buying_task '{"folder", "data", "host", "base", "key", "kill": [point, n], "held"}'

It is what ``shots buy`` of the command line is, without Blender: claims, a ledger, a worker process. It prints one line of
JSON at its end, {"shot": [end, sentence]}. The points are around all that outlives it: claims, heartbeats, commands.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from grok_video.core.job import Job
from grok_video.farm import claims as claims_module
from grok_video.farm.buying import Buying
from grok_video.farm.claims import Claims
from grok_video.farm.ledger_name import name_of
from grok_video.farm.shot_folder import Listed, clip_path, read_list
from tests.core.test_worker import Blender


class Points:
    """Counts the points that are passed, into a log, and ends the process at one of them."""

    def __init__(self, log: str, kill: list[Any] | None) -> None:
        self._log, self._kill, self._seen = log, kill, Counter[str]()

    def hit(self, name: str) -> None:
        self._seen[name] += 1
        with open(self._log, "a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        if self._kill == [name, self._seen[name]]:
            os.kill(os.getpid(), 9)


class Desk:
    """The ledger of a data folder, through the inbox and a worker."""

    def __init__(self, blender: Blender, points: Points, folder: Path) -> None:
        self._blender, self._points, self._folder = blender, points, folder

    def job(self, job_id: str) -> Job | None:
        return self._blender.reader.jobs.get(job_id)

    def refusal(self, listed: Listed, job_id: str) -> str:
        return "There is no still of it." if listed.name == "refused" else ""

    def queue(self, listed: Listed, job_id: str) -> str:
        output = str(clip_path(self._folder, listed.file))
        Path(output).parent.mkdir(exist_ok=True)
        spec = self._blender.spec(id=job_id, output=output, shot=listed.mark, shot_name=listed.name)
        self._points.hit("queue: before")
        self._blender.say("submit", spec=spec)
        self._points.hit("queue: after")
        return ""

    def not_taken(self, job_id: str) -> str:
        return ""

    def send(self, job: Job) -> str:
        self._blender.say("release", job=job.id, session=self._blender.session)
        self._points.hit("release: after")
        return ""

    def retry(self, job: Job) -> str:
        self._blender.say("retry", job=job.id)
        self._points.hit("retry: after")
        return ""


def main(told: dict[str, Any]) -> int:
    points = Points(told["log"], told.get("kill"))
    folder, data = Path(told["folder"]), Path(told["data"])
    data.mkdir(parents=True, exist_ok=True)
    service = cast(Any, SimpleNamespace(base=told["base"], key=told["key"]))
    blender = Blender(data, service)
    if lock := told.get("after"):  # starts with others at the same moment
        while not os.path.exists(lock):
            time.sleep(0.001)
    blender.start()
    claims = Claims(folder, name_of(blender.data), told["host"])
    for name in ("take", "renew"):
        real = getattr(claims, name)

        def around(*given: Any, name: str = name, real: Any = real) -> Any:
            points.hit(f"{name}: before")
            made = real(*given)
            points.hit(f"{name}: after")
            return made

        setattr(claims, name, around)
    listed = read_list(folder).shots
    buying = Buying(folder, claims, listed, Desk(blender, points, folder))
    states: dict[str, str] = {}
    while not buying.is_over:
        blender.reader.refresh(1.0)
        for job in blender.reader.jobs.values():
            if states.get(job.id) != job.state:
                states[job.id] = job.state
                points.hit(f"job is {job.state}")
        buying.step()
        time.sleep(0.01)
    blender.hang_up()
    print(json.dumps({one.listed.file: [one.end, one.sentence] for one in buying.shots}))
    return 0


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    claims_module.SILENT = asked.get("silent", claims_module.SILENT)
    raise SystemExit(main(asked))

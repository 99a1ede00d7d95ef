"""One account, however its API base was spelled: what 0.1.0 recorded under each spelling counts, and is polled."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grok_video.core.events import Created, Event, Sending, SubmitStarted, Submitted
from grok_video.core.job import Job, State
from grok_video.core.payload import to_payload
from grok_video.core.problem import ProblemCode
from grok_video.core.spec import account_of, accounts_of, new_id
from grok_video.ledger.ledger import Ledger
from tests.bases import ONE_SERVICE
from tests.core.conftest import KEY, ROOT, RawServer, Wire, clip_bytes, make_spec, wait_for
from tests.core.test_worker import FAST, Blender

OLD = ROOT / "tests" / "data" / "grok_video-0.1.0.zip"
PRICE = 520_000_000
BOUGHT: tuple[Event, ...] = (SubmitStarted(PRICE), Sending())


def write_with_old(folder: Path, data_dir: Path, jobs: list[tuple[str, str, str]]) -> None:
    """Let 0.1.0 buy a clip for each (API base, key, request id), just now."""
    package = folder / "old" / "grok_video"
    with zipfile.ZipFile(OLD) as archive:
        archive.extractall(package)
    told: list[Any] = []
    for base, key, request_id in jobs:
        spec = make_spec(api_base=base, account=f"of {key}")
        events = (Created(replace(spec, id=new_id())), *BOUGHT, Submitted(request_id))
        told.append([(event.kind, to_payload(event), time.time()) for event in events])
    script = Path(__file__).with_name("old_version.py")
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(package), str(data_dir)],
        input=json.dumps(told),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr


def of_this_computer(server: RawServer) -> list[str]:
    """Spellings of the server's base that 0.1.0 took."""
    port = server.port
    return [
        f"http://127.0.0.1:{port}",
        f"HTTP://127.0.0.1:{port}",
        f"http://127.0.0.1:0{port}",
        f"http://@127.0.0.1:{port}",
        f"http://:@127.0.0.1:{port}",  # refused by now
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}/v1/v1",
        f"http://127.0.0.1:{port}/.",
        f"http://127.0.0.1:{port}/a/../v1",
        f"http://127.0.0.1:{port}/%76%31",
    ]


@pytest.mark.parametrize("now", [0, 8], ids=["plain", "odd"])
def test_what_0_1_0_recorded_under_each_spelling_counts_and_is_polled(
    tmp_path: Path, server: RawServer, now: int
) -> None:
    """And what another key bought under the same spellings does neither."""
    spellings = of_this_computer(server)
    jobs = [(base, KEY, f"mine-{number}") for number, base in enumerate(spellings)]
    jobs += [(base, "xai-another", f"other-{number}") for number, base in enumerate(spellings)]
    blender = Blender(tmp_path, SimpleNamespace(base=server.base, key=KEY))  # type: ignore[arg-type]
    write_with_old(tmp_path, blender.data, jobs)
    asked: set[str] = set()

    def behave(wire: Wire) -> None:
        asked.add(wire.head.partition(b" HTTP")[0].decode().rpartition("/")[2])
        wire.read_body()
        wire.answer(202 if wire.head.startswith(b"GET") else 503)

    server.behave = behave
    try:
        blender.start(account=False)
        base = [*spellings, f"http://127.0.0.1:{server.port}/v1/."][now]
        blender.tell(type="account", base=base, key=KEY, account=account_of(base, KEY), **FAST)
        wanted = {request_id for _, key, request_id in jobs if key == KEY}
        wait_for(lambda: asked >= wanted, "each spelling's job to be asked for", 30.0)
        spent = len(spellings) * PRICE
        limits = {"day": spent + PRICE - 1, "count_loopback": True}
        assert blender.answer(blender.say("limits", **limits))["ok"]
        fresh = blender.submit(api_base=base, account=account_of(base, KEY))
        held = blender.until(fresh, lambda job: job.held)
        assert held.problem is not None
        assert held.problem.code is ProblemCode.LIMIT
        assert "$0.52 is spent" in held.problem.message
        assert blender.answer(blender.say("limits", day=spent + PRICE))["ok"]
        blender.say("release", job=fresh, session=blender.session)
        blender.until(fresh, lambda job: job.sent)
        assert asked - {"generations"} == wanted
        blender.reader.refresh(5.0)
        for job in blender.reader.jobs.values():
            if job.request_id.startswith("other-"):
                assert job.blocked
    finally:
        blender.close()


def test_what_0_1_0_bought_under_each_spelling_comes_home(
    tmp_path: Path, server: RawServer
) -> None:
    spellings = of_this_computer(server)
    blender = Blender(tmp_path, SimpleNamespace(base=server.base, key=KEY))  # type: ignore[arg-type]
    jobs = [(base, KEY, f"mine-{number}") for number, base in enumerate(spellings)]
    write_with_old(tmp_path, blender.data, jobs)
    clip = clip_bytes()
    done = json.dumps({"status": "done", "video": {"url": f"{server.base}/clip.mp4"}}).encode()
    server.behave = lambda wire: wire.answer(200, clip if b"/clip.mp4 " in wire.head else done)
    try:
        blender.start()
        blender.reader.refresh(5.0)
        for job_id in list(blender.reader.jobs):
            blender.until(job_id, State.READY)
    finally:
        blender.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    opened = Ledger.open(tmp_path / "data")
    yield opened
    opened.close()


@pytest.mark.parametrize("spellings", ONE_SERVICE[:5], ids=lambda spellings: spellings[0])
def test_a_limit_counts_what_0_1_0_recorded(
    ledger: Ledger, tmp_path: Path, spellings: tuple[str, ...]
) -> None:
    """Whichever spelling is in use now: the limit is full to the tick, and stored text stays."""
    write_with_old(
        tmp_path,
        tmp_path / "data",
        [(base, key, f"{key}-{n}") for n, base in enumerate(spellings) for key in (KEY, "other")],
    )
    assert {job.spec.api_base for job in ledger.jobs()} == set(spellings)
    ledger.commands.apply(
        {"id": new_id(), "command": "limits", "day": (len(spellings) + 1) * PRICE - 1}
    )
    for base in spellings:

        def mine(recorded: Any, base: str = base) -> frozenset[str]:
            return accounts_of(base, KEY, recorded)

        job = created(ledger, base)
        refusal = ledger.refusal(job, time.time(), mine)
        assert refusal is not None
        assert ledger.spent(account_of(base, KEY), 0.0) < len(spellings) * PRICE
        assert ledger.refusal(job, time.time()) is None  # who has no key knows no other spelling


def created(ledger: Ledger, base: str) -> Job:
    spec = make_spec(api_base=base, account=account_of(base, KEY))
    job = ledger.append(spec.id, 0, Created(spec))
    assert job.state is State.QUEUED
    return job


def test_slots_of_each_spelling_keep_their_distance(ledger: Ledger) -> None:
    take = ledger.leases.take_slot
    assert take("old", 1000.0, 1.02, 60) == 0.0
    assert take("plain", 1000.5, 1.02, 60, {"old", "plain"}) == pytest.approx(0.52)
    assert take("plain", 1000.5, 1.02, 60) == 0.0
    assert take("plain", 1002.0, 1.0, 3, {"old"}) == 0.0
    assert take("plain", 1003.0, 1.0, 3, {"old"}) == pytest.approx(57.0)
    assert take("plain", 10.0, 1.0, 3, {"old"}) == pytest.approx(1.0, abs=60.0)

"""One ledger, two versions: what 0.1.0 wrote is read here as 0.1.0 reads it, and the other way round.

Each state, and each event that can happen in it, is a job. Blender with both versions: ``tests/blender/test_lives.py``.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import (
    Billed,
    Bought,
    Created,
    Dated,
    Event,
    FetchAgain,
    FetchedAgain,
    FetchEnded,
    FetchLink,
    FetchTrouble,
    Sending,
)
from grok_video.core.job import State
from grok_video.core.payload import to_payload
from grok_video.core.spec import JobSpec, Kind, new_id
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.reader import LedgerReader
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import ROOT
from tests.core.old_version import told
from tests.core.test_job import ALLOWED, CLIP, RICH, ROADS, SAMPLES, TROUBLE, URL

OLD = ROOT / "tests" / "data" / "grok_video-0.1.0.zip"
#: What 0.1.0 writes down and reads nowhere, by what it belongs to: gone since, so what is written here lacks it.
UNREAD = {"problem": {"charged": False}}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.1.0, unzipped."""
    folder = tmp_path_factory.mktemp("old") / "grok_video"
    with zipfile.ZipFile(OLD) as archive:
        archive.extractall(folder)
    return folder


#: The kinds of events that 0.1.0 does not know.
NEWER = frozenset(
    {
        *("fetch_again", "fetch_link", "fetch_trouble", "fetched_again", "fetch_ended"),
        *("bought", "billed"),
        "seam_measured",
    }
)


def jobs() -> list[list[tuple[Event, float]]]:
    """A job for each state with its way there, and for each event in it that 0.1.0 knows."""
    found = []
    for state, road in ROADS.items():
        kinds = set(ALLOWED[state].split()[::2]) - NEWER
        for last in [(), *((event,) for event in SAMPLES.values() if event.kind in kinds)]:
            events = (Created(dataclasses.replace(RICH, id=new_id())), *road, *last)
            found.append([(event, 1000.0 + second) for second, event in enumerate(events)])
    return found


def as_of_old(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload of an event as 0.1.0 writes it."""
    return {
        name: {**value, **UNREAD[name]} if name in UNREAD and value else value
        for name, value in payload.items()
    }


def read_by_old(old: Path, data_dir: Path, written: list[list[tuple[Event, float]]]) -> Any:
    """Let 0.1.0 write jobs; all that it then reads."""
    text = [
        [(event.kind, as_of_old(to_payload(event)), at) for event, at in events]
        for events in written
    ]
    script = Path(__file__).with_name("old_version.py")
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(old), str(data_dir)],
        input=json.dumps(text),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_here(data_dir: Path) -> Any:
    reader = LedgerReader(data_dir)
    reader.refresh(10.0)
    assert reader.trouble == ""
    read = {name: told(job) for name, job in reader.jobs.items()}
    reader.close()
    return json.loads(json.dumps(read))


def agree(old: Any, new: Any, where: str = "") -> None:
    """What the old version reads is the same in both; the new one may know more."""
    if isinstance(old, dict):
        unread = UNREAD.get(where.rpartition(".")[2], {})
        for name, value in old.items():
            if name not in unread:
                agree(value, new[name], f"{where}.{name}")
    else:
        assert old == new, where


def test_the_old_version_does_not_read_what_is_gone(old: Path) -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in old.rglob("*.py")]
    read = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    assert "image_bytes" in read
    assert not read & {name for gone in UNREAD.values() for name in gone}


def test_what_the_old_version_wrote(old: Path, tmp_path: Path) -> None:
    written = jobs()
    data_dir = tmp_path / "data"
    before = read_by_old(old, data_dir, written)
    assert len(before) == len(written) > 40
    agree(before, read_here(data_dir))
    Ledger.open(data_dir).close()  # the worker's side: it may fold anew, and write what it needs
    agree(before, read_here(data_dir))
    agree(before, read_by_old(old, data_dir, []))


def test_what_this_version_wrote(old: Path, tmp_path: Path) -> None:
    written = jobs()
    data_dir = tmp_path / "data"
    ledger = Ledger.open(data_dir)
    for events in written:
        created = events[0][0]
        assert isinstance(created, Created)
        for event, at in events:
            ledger.append(created.spec.id, None, event, at=at)
    ledger.close()
    here = read_here(data_dir)
    assert len(here) == len(written)
    agree(read_by_old(old, data_dir, []), here)


def test_the_old_versions_copies_make_the_list_again(old: Path, tmp_path: Path) -> None:
    """The ledger is lost: what 0.1.0 wrote beside it is enough, and what it had not sent waits for a word."""
    data_dir = tmp_path / "data"
    before = read_by_old(old, data_dir, jobs())
    (data_dir / FILE_NAME).unlink()
    Ledger.open(data_dir).close()
    after = read_here(data_dir)
    assert set(after) == set(before)
    for name, was in before.items():
        if was["state"] == "QUEUED" or (was["state"] == "SUBMITTING" and not was["sent"]):
            ended = after[name]["state"] == "CANCELLED" and was["stop_requested"]
            assert ended or (after[name]["state"] == "QUEUED" and after[name]["held"])
            assert not after[name]["sent"]
        else:
            agree(was, after[name], name)


def fetched_again() -> list[list[tuple[Event, float]]]:
    """Delivered jobs, each with a piece of a file's way back."""
    way = [
        FetchAgain(),
        FetchLink(""),
        FetchLink(URL),
        FetchTrouble(TROUBLE, 3.0),
        FetchedAgain(CLIP),
    ]
    found = []
    for state in (State.READY, State.IMPORTED):
        ways = [*(way[:length] for length in range(1, len(way) + 1)), [way[0], FetchEnded(TROUBLE)]]
        for one in ways:
            events = (Created(dataclasses.replace(RICH, id=new_id())), *ROADS[state], *one)
            found.append([(event, 1000.0 + second) for second, event in enumerate(events)])
    return found


def test_a_file_that_is_fetched_again_is_shown_by_the_old_version_and_not_driven(
    old: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    ledger = Ledger.open(data_dir)
    written = fetched_again()
    for events in written:
        for event, at in events:
            ledger.append(_spec_of(events).id, None, event, at=at)
    ledger.close()
    here = read_here(data_dir)
    seen = read_by_old(old, data_dir, [])
    assert len(here) == len(seen) == len(written)
    for name, job in here.items():
        assert job["driven"]
        assert not seen[name]["driven"]
        for field in ("state", "seq", "spec", "request_id", "cost", "reserved", "imported_into"):
            agree(seen[name][field], job[field], f"{name}.{field}")
    # Its list made again from the copies by 0.1.0: every event is kept, and read here as before.
    (data_dir / FILE_NAME).unlink()
    assert not any(job["driven"] for job in read_by_old(old, data_dir, []).values())
    for name, job in read_here(data_dir).items():
        # 0.1.0 writes again only what it knows: of a purchase its moment, and not the buyer's date; of the scene its name.
        agree(here[name] | {"day": job["day"], "spec": as_written_again(here[name])}, job, name)


def as_written_again(job: Any) -> Any:
    """The spec of a job as it is left when 0.1.0 has made the list again."""
    target = job["spec"]["target"] | {"scene_uid": 0, "scene_mark": ""}
    video = job["spec"]["video"] and job["spec"]["video"] | {"seam": None}
    return job["spec"] | {"target": target, "video": video}


def _spec_of(events: list[tuple[Event, float]]) -> JobSpec:
    created = events[0][0]
    assert isinstance(created, Created)
    return created.spec


@pytest.mark.parametrize("last", [Bought(URL, 8), Billed(TROUBLE, 5)], ids=["bought", "billed"])
def test_an_answer_that_says_it_all_is_shown_by_the_old_version_and_not_driven(
    last: Event, old: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    spec = dataclasses.replace(RICH, id=new_id())
    ledger = Ledger.open(data_dir)
    for event in (Created(spec), *ROADS[State.SUBMITTING], Sending(), last):
        ledger.append(spec.id, None, event, at=1000.0)
    ledger.close()
    here = read_here(data_dir)
    for _ in range(2):
        seen = read_by_old(old, data_dir, [])[spec.id]
        assert (seen["driven"], seen["state"], seen["reserved"]) == (
            False, "SUBMITTING", here[spec.id]["reserved"],
        )  # fmt: skip
        (data_dir / FILE_NAME).unlink()  # 0.1.0 makes the list again from the copies
    read_by_old(old, data_dir, [])
    again = read_here(data_dir)[spec.id]
    assert (again["state"], again["cost"]) == (here[spec.id]["state"], here[spec.id]["cost"])


def test_a_look_is_nothing_to_the_old_version_and_stays_in_the_list(
    old: Path, tmp_path: Path
) -> None:
    """0.1.0 knows no such kind: it shows the other jobs, drives no look, and takes none out of list or copies."""
    data_dir = tmp_path / "data"
    look = dataclasses.replace(RICH, id=new_id(), kind=Kind.LOOK, video=None, image="/a.png")
    clip = dataclasses.replace(RICH, id=new_id())
    ledger = Ledger.open(data_dir)
    for spec in (look, clip):
        for event in (Created(spec), *ROADS[State.RUNNING]):
            ledger.append(spec.id, None, event, at=1000.0)
    ledger.close()
    here = read_here(data_dir)
    assert set(read_by_old(old, data_dir, [])) == {clip.id}
    assert read_here(data_dir) == here
    (data_dir / FILE_NAME).unlink()
    assert set(read_by_old(old, data_dir, [])) == {clip.id}
    Ledger.open(data_dir).close()
    agree(here[look.id]["spec"], read_here(data_dir)[look.id]["spec"])
    assert read_here(data_dir)[look.id]["request_id"] == here[look.id]["request_id"]


def test_a_corrected_date_is_kept_by_the_old_version(old: Path, tmp_path: Path) -> None:
    """0.1.0 shows the job, does not drive it, and counts it by the date that it knows: later, so it frees nothing."""
    data_dir = tmp_path / "data"
    ledger = Ledger.open(data_dir)
    ids = []
    for road in ROADS.values():
        spec = dataclasses.replace(RICH, id=new_id())
        ids.append(spec.id)
        for seq, event in enumerate((Created(spec), *road)):
            ledger.append(spec.id, seq, event, at=2e9)
        ledger.append(spec.id, len(road) + 1, Dated(1e9), at=1e9)
    ledger.close()
    here = read_here(data_dir)
    for then in (read_by_old(old, data_dir, []), read_by_old(old, data_dir, [])):
        assert set(then) == set(ids)
        for name, was in then.items():
            assert not was["driven"]
            assert was["state"] == here[name]["state"]
            assert was["started_at"] == (2e9 if here[name]["started_at"] else 0.0)
    assert read_here(data_dir) == here
    assert {job["started_at"] for job in here.values()} == {0.0, 1e9}

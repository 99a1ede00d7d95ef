"""Whatever a worker refuses or cannot read is answered under the id of the command, once, and nobody waits for it.

What the answer becomes on Blender's side, a script's error or a row of the panel, is ``blender/test_answers.py``'s.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.job import State
from grok_video.core.payload import spec_to_payload
from grok_video.core.spec import new_id
from grok_video.ledger import inbox
from grok_video.ledger.errors import CommandRefused
from grok_video.ledger.inbox import is_waiting, put_command, waiting_commands
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.reader import LedgerReader
from tests.core.conftest import make_spec
from tests.core.test_worker import Blender, make_blender, one_service, service  # noqa: F401
from tests.patching import Patches

#: What lies in the inbox under the name of a command, and is none.
NO_COMMANDS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(b'{"id": "a", "comm'),
    "a list": lambda path: path.write_bytes(b"[]"),
    "no text": lambda path: path.write_bytes(b"\x00\xff\xfe"),
    "deeper than it can be read": lambda path: path.write_bytes(b"[" * 100_000),
    "more than it can be": lambda path: path.write_bytes(b'{"x": "%s"}' % (b"x" * (2 << 20))),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link to nowhere": lambda path: path.symlink_to(path.with_name("nowhere")),
    "a circle of links": lambda path: path.symlink_to(path),
    "without an id": lambda path: path.write_bytes(b'{"command": "stop", "job": "x"}'),
    "with a path as its id": lambda path: path.write_bytes(b'{"id": "../x", "command": "stop"}'),
    "without a command": lambda path: path.write_bytes(b'{"id": "a"}'),
    "with a number as its command": lambda path: path.write_bytes(b'{"id": "a", "command": 5}'),
}


def spec(**changes: object) -> dict[str, object]:
    return {**spec_to_payload(make_spec()), **changes}


#: What can be read and is refused, with words of the reason.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "of a newer version": ({"command": "dance", "job": "JOB"}, "no command 'dance'"),
    "no spec": ({"command": "submit"}, "cannot be read"),
    "a spec of another version": ({"command": "submit", "spec": spec(kind="sing")}, "sing"),
    "a clip at home": ({"command": "submit", "spec": spec(output="~/a.mp4")}, "not absolute"),
    "a price of nonsense": ({"command": "submit", "spec": spec(estimate=-5)}, "less than nothing"),
    "held for nonsense": ({"command": "submit", "spec": spec(), "held": 7}, "held"),
    "stop of no job": ({"command": "stop"}, "lacks 'job'"),
    "stop of another list's job": ({"command": "stop", "job": "elsewhere"}, "no job"),
    "retry of no job": ({"command": "retry", "job": 5}, "lacks 'job'"),
    "an id of nonsense": ({"command": "request_id", "job": "JOB", "value": "x" * 300}, "lacks"),
    "an id of a running job": ({"command": "request_id", "job": "JOB", "value": "y"}, "Too late"),
    "send of what is sent": ({"command": "release", "job": "JOB", "session": "s"}, "Too late"),
    "send by nobody": ({"command": "release", "job": "JOB"}, "lacks 'session'"),
    "not charged, and it goes on": ({"command": "not_charged", "job": "JOB"}, "Too late"),
    "a file that never came": ({"command": "fetch_again", "job": "JOB"}, "Too late"),
    "an import of nothing": ({"command": "claim", "job": "JOB", "session": "s"}, "Too late"),
    "a limit of nonsense": ({"command": "limits", "day": -1}, "no spending limit"),
    "a clock of nonsense": ({"command": "today", "now": "noon"}, "lacks 'now'"),
    "a clock that was changed": ({"command": "today", "now": 5.0}, "Too late"),
}


@pytest.fixture
def blender(make_blender: Callable[[], Blender]) -> Blender:  # noqa: F811
    return make_blender()


def test_every_refusal_is_answered_under_its_id(blender: Blender) -> None:
    """All at once, to one worker; and the clip that is asked for among them is made."""
    blender.start()
    blender.service.settings(job_seconds=600)
    job_id = blender.submit()
    blender.until(job_id, State.RUNNING)
    box = blender.data / "inbox"
    asked: dict[str, tuple[str, str]] = {}
    for name, make in NO_COMMANDS.items():
        command_id = new_id()
        make(box / f"{command_id}.command")
        asked[command_id] = name, "could not be read"
    for name, (fields, words) in REFUSED.items():
        values = {key: job_id if value == "JOB" else value for key, value in fields.items()}
        asked[blender.say(**values)] = name, words
    stopped = blender.say("stop", job=job_id)
    blender.until(job_id, State.CANCELLED)
    for command_id, (name, words) in asked.items():
        answer = blender.answer(command_id)
        assert (answer["ok"], words in answer["message"]) == (False, True), (name, answer)
        assert not is_waiting(blender.data, command_id), name
    assert stopped not in blender.reader.notices
    assert sorted(os.listdir(box)) == ["bad"]


# ------------------------------------------------------------------------------------------------------ told once


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger.open(tmp_path / "data")
    yield made
    made.close()


def test_what_cannot_be_put_aside_is_answered_once(ledger: Ledger) -> None:
    """Each second anew, its answer would push those of others out of the list."""
    box = ledger.data_dir / "inbox"
    (box / "bad").write_bytes(b"no folder")
    said = new_id()
    (box / f"{said}.command").write_bytes(b"{")
    for _ in range(3):
        assert waiting_commands(ledger.data_dir, ledger.commands.refuse_unread) == []
        assert is_waiting(ledger.data_dir, said)
        ledger.commands.answer({"id": said}, {"ok": False, "message": "Once more."})
    rows = ledger.connection.execute("SELECT id, payload FROM notices").fetchall()
    assert [(name, json.loads(text)["message"]) for name, text in rows] == [
        (said, "What was asked for could not be read.")
    ]


def test_a_file_that_somebody_keeps_open_for_good_is_given_up(
    ledger: Ledger, patches: Patches
) -> None:
    """A scanner of Windows has it for a moment. A file that may never be read would be waited for for ever."""

    def barred(path: Path, _most: int) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    patches.set(inbox, "read_file", barred, copies_ok="only the inbox is looked at")
    fresh, old = (put_command(ledger.data_dir, "stop", job="x") for _ in range(2))
    before = time.time() - 60
    os.utime(ledger.data_dir / "inbox" / f"{old}.command", (before, before))
    unread: list[str] = []
    assert waiting_commands(ledger.data_dir, unread.extend) == []
    assert (unread, is_waiting(ledger.data_dir, fresh)) == ([old], True)


def test_a_command_that_no_worker_would_read_is_refused_before(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        put_command(tmp_path, "submit", spec=asdict(make_spec(prompt="x" * (1 << 20))))
    assert not (tmp_path / "inbox").exists()


# --------------------------------------------------------------------------------------- with all that was done by it


def test_an_awaited_command_is_dealt_with_when_all_that_it_did_is_read(ledger: Ledger) -> None:
    """However small the slices are in which Blender's tick reads: with the answer the jobs are as it left them."""
    specs = [make_spec() for _ in range(40)]
    for one in specs:
        ledger.commands.apply(
            {"id": new_id(), "command": "submit", "spec": json.loads(json.dumps(asdict(one)))}
        )
    reader = LedgerReader(ledger.data_dir)
    while not reader.jobs or reader.behind:
        reader.refresh(0.0)
    said = [put_command(ledger.data_dir, "stop", job=one.id) for one in specs]
    unknown = put_command(ledger.data_dir, "stop", job="elsewhere")
    reader.awaited.update(dict.fromkeys([*said, unknown]))
    reader.refresh(0.0)
    assert [*reader.awaited] == [*said, unknown]
    for _, command in waiting_commands(ledger.data_dir):
        try:
            ledger.commands.apply(command)
        except CommandRefused as error:
            ledger.commands.answer(command, {"ok": False, "message": str(error)})
    while reader.awaited:
        reader.refresh(0.0)
        for one, command_id in zip(specs, said, strict=True):
            assert command_id in reader.awaited or reader.jobs[one.id].state is State.CANCELLED
        assert unknown in reader.awaited or unknown in reader.notices
    reader.close()

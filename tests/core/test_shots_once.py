"""A row of a shot list is bought once: which jobs stand for it, and that the ledger takes no second one, whoever asks."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grok_video.core import events
from grok_video.core.payload import spec_to_payload
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import JobSpec, Kind, Source, new_id
from grok_video.ledger.errors import CommandRefused
from grok_video.ledger.ledger import Ledger
from tests.core.conftest import make_spec
from tests.core.test_long_lists import CAME, job_after

SENT = (events.SubmitStarted(1, "2026-12-01"), events.Sending())
RUNS = (*SENT, events.Submitted("request"))


def failed(code: ProblemCode) -> Problem:
    return Problem(code, "It failed.")


@pytest.mark.parametrize(
    ("happened", "stands"),
    [
        ((), True),
        ((events.Held(failed(ProblemCode.LIMIT)),), True),
        ((events.StopRequested(),), False),
        (SENT, True),
        ((*SENT, events.AnswerLost(failed(ProblemCode.ANSWER_LOST))), True),
        ((*SENT, events.Rejected(failed(ProblemCode.REQUEST))), False),
        (RUNS, True),
        ((*RUNS, events.StopRequested()), True),
        ((*RUNS, events.ServiceFailed(failed(ProblemCode.MODERATED))), False),
        ((*RUNS, events.ServiceFailed(failed(ProblemCode.SERVICE))), False),
        ((*RUNS, events.ServiceFailed(failed(ProblemCode.EXPIRED))), False),
        ((*RUNS, events.LocalFailed(failed(ProblemCode.CRASHED))), True),
        ((*RUNS, events.LocalFailed(failed(ProblemCode.FILE))), True),
        ((events.LocalFailed(failed(ProblemCode.FILE)),), False),
        (CAME, True),
    ],
)
def test_which_jobs_stand_for_a_shot(happened: tuple[events.Event, ...], stands: bool) -> None:
    """All that was, or may have been, bought; and what comes by a free *Retry*."""
    assert job_after(*happened).stands is stands


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, True),
        ({"shot": "another"}, False),
        ({"shot": ""}, False),
        ({"parent": "f" * 32}, False),
    ],
)
def test_the_ledger_takes_a_shot_once_whoever_asks(
    tmp_path: Path, changes: dict[str, Any], refused: bool
) -> None:
    """Two Blenders with the same file that both press: each has looked, and neither could know of the other."""
    ledger = Ledger.open(tmp_path)

    def ask(spec: JobSpec) -> None:
        command = {"id": new_id(), "command": "submit", "spec": spec_to_payload(spec)}
        ledger.commands.apply({**command, "said": time.time()})

    first = make_spec(shot="mark", shot_name="s010")
    second = replace(make_spec(shot="mark", shot_name="s010"), **changes)
    ask(first)
    if not refused:
        ask(second)
        assert ledger.current(second.id) is not None
    else:
        with pytest.raises(CommandRefused, match="The shot “s010” was bought already"):
            ask(second)
        assert ledger.current(second.id) is None
        ledger.append(first.id, None, events.StopRequested())
        ask(second)
        assert ledger.current(second.id) is not None, "what was stopped unsent stands for nothing"
    ledger.close()


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, True),
        ({"source": Source("IMAGE", frame=9.0, image="block-out")}, True),
        ({"source": Source("IMAGE", image="another")}, False),
        ({"look": "e" * 32}, False),
        ({"kind": Kind.GENERATE, "look": ""}, False),
    ],
)
def test_the_ledger_takes_the_look_of_a_shot_once_and_its_clip_beside_it(
    tmp_path: Path, changes: dict[str, Any], refused: bool
) -> None:
    ledger = Ledger.open(tmp_path)
    source = Source("IMAGE", image="block-out")
    known = {"shot": "mark", "shot_name": "s010", "kind": Kind.LOOK, "look": "d" * 32}
    known |= {"image": "/still.jpg", "image_mime": "image/jpeg", "resolution": "1k", "duration": 0}
    for spec in (
        make_spec(**known, source=source),
        second := make_spec(**({**known, "source": source} | changes)),
    ):
        command = {"id": new_id(), "command": "submit", "spec": spec_to_payload(spec)}
        if refused and spec is second:
            with pytest.raises(CommandRefused, match="The look of the shot “s010” was bought"):
                ledger.commands.apply({**command, "said": time.time()})
        else:
            ledger.commands.apply({**command, "said": time.time()})
    assert (ledger.current(second.id) is None) is refused
    ledger.close()

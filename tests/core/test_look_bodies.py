"""The bodies of the image API as they are written down and were seen: each is read as what it says (``fixtures.json``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import Billed, Bought, Done, Event, ServiceFailed, Submitted
from grok_video.core.problem import ProblemCode
from grok_video.service.look_answer import look_answer, look_poll
from grok_video.service.request import LOOKS_PATH

BODIES: dict[str, dict[str, Any]] = {
    entry["id"]: entry
    for entry in json.loads((Path(__file__).parent / "fixtures.json").read_text("utf-8"))
    if entry["id"].startswith("look-")
}


def said(name: str) -> tuple[Event | None, dict[str, Any]]:
    """What the answer means, and its body."""
    entry = BODIES[name]
    status, headers = entry["status"], {"content-type": entry["content_type"]}
    raw, body = json.dumps(entry["body"]).encode(), entry["body"]
    if entry["method"] == "GET":
        asked = "https://api.x.ai/v1/images/r-1"
        return look_poll(status, headers, raw, now=1.0, asked=asked).event, body
    assert entry["path"] == LOOKS_PATH
    asked = f"https://api.x.ai{LOOKS_PATH}"
    (event,) = look_answer(status, headers, raw, now=1.0, asked=asked)
    return event, body


def test_every_body_is_tested_below() -> None:
    assert set(BODIES) == {*ENDS, "look-start", "look-poll-failed", "look-400-moderated"}


ENDS = {"look-at-once": Bought, "look-poll-done": Done}


@pytest.mark.parametrize("name", sorted(ENDS))
def test_a_look_that_is_made(name: str) -> None:
    event, body = said(name)
    assert event == ENDS[name](body["data"][0]["url"], body["usage"]["cost_in_usd_ticks"])


def test_a_look_that_is_begun() -> None:
    event, body = said("look-start")
    assert event == Submitted(body["request_id"])


def test_a_look_that_failed() -> None:
    event, body = said("look-poll-failed")
    assert isinstance(event, ServiceFailed)
    assert event.problem.code is ProblemCode.REQUEST
    assert body["error"]["message"] not in event.problem.message  # seen in documents: no words
    assert event.problem.message.endswith("did not say why.")


def test_a_look_that_was_withheld_costs_what_the_error_says() -> None:
    event, body = said("look-400-moderated")
    assert isinstance(event, Billed)
    assert event.problem.code is ProblemCode.MODERATED
    assert event.cost == body["usage"]["cost_in_usd_ticks"]
    assert body["error"] in event.problem.message

"""What the service bills: above or below the estimate, before the end, twice, changed, or nothing that can be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grok_video.core.amount import TICKS_PER_USD
from grok_video.core.events import (
    Done,
    Progress,
    Sending,
    ServiceFailed,
    SubmitStarted,
    Submitted,
    UrlGone,
)
from grok_video.core.job import Job, State
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spending import Limits, bill_words, is_above, passed
from grok_video.service.answer import poll_answer
from tests.core.conftest import KEY, RawServer, Wire, clip_bytes
from tests.core.test_job import SAMPLES, made
from tests.core.test_worker import Blender

PRICE = 520_000_000  # of make_spec()
SENT = (SubmitStarted(PRICE), Sending(), Submitted("r"))


class Service:
    """A service that answers polls with a bill: text that is put into the JSON as it is."""

    def __init__(self, server: RawServer) -> None:
        self.base, self.key = server.base, KEY
        self.bills: dict[str, str] = {}  # "pending" or "done" → what stands after "usage"
        self.ready = True
        self.clip = clip_bytes()
        server.behave = self._behave

    def _behave(self, wire: Wire) -> None:
        wire.read_body()
        if wire.head.startswith(b"POST"):
            wire.answer(200, json.dumps({"request_id": f"r{len(self.bills)}-{id(wire)}"}).encode())
        elif b"/clip.mp4" in wire.head.split(b"\r\n")[0]:
            wire.answer(200, self.clip)
        else:
            word = "done" if self.ready else "pending"
            body = f'{{"status": "{word}", "video": {{"url": "{self.base}/clip.mp4"}}'
            if not self.ready:
                body = f'{{"status": "{word}"'
            if word in self.bills:
                body += f', "usage": {self.bills[word]}'
            wire.answer(200 if self.ready else 202, f"{body}}}".encode())


@pytest.fixture
def service(server: RawServer) -> Service:
    return Service(server)


@pytest.fixture
def blender(tmp_path: Path, service: Service) -> Any:
    made = Blender(tmp_path, SimpleNamespace(base=service.base, key=KEY))  # type: ignore[arg-type]
    made.start()
    assert made.answer(made.say("limits", count_loopback=True))["ok"]
    yield made
    made.close()


def ticks(amount: object) -> str:
    return json.dumps({"cost_in_usd_ticks": amount})


def held_by_limit(blender: Blender) -> str:
    job = blender.until(blender.submit(image="", image_mime=""), lambda job: job.held)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.LIMIT
    return job.problem.message


def bought(blender: Blender, until: State | Callable[[Job], Any] = State.READY) -> Job:
    return blender.until(blender.submit(image="", image_mime=""), until)


def test_a_bill_above_the_estimate_counts_and_is_said(blender: Blender, service: Service) -> None:
    """The limit, which allowed the clip, is passed by its bill: the next one is held, and the clip is there."""
    blender.answer(blender.say("limits", day=3 * PRICE))
    service.bills["done"] = ticks(4 * PRICE)
    job = bought(blender)
    assert (job.spent, job.cost) == (4 * PRICE, 4 * PRICE)
    assert bill_words(job) == "Charged $0.208, estimated $0.052"
    assert is_above(job)
    assert job.clip is not None
    told = json.loads(Path(job.clip.path).with_suffix(".json").read_text("utf-8"))
    assert (told["cost_usd"], told["estimated_cost_usd"]) == (0.208, 0.052)
    assert "$0.208 is spent" in held_by_limit(blender)
    words = passed(Limits(3 * PRICE), 4 * PRICE, 0)
    assert "$0.156 a day" in words
    assert "$0.208 is spent" in words


def test_a_bill_before_the_end_counts_at_once(blender: Blender, service: Service) -> None:
    """Above what counts: at once. Below: when the job has ended, as it may grow."""
    blender.answer(blender.say("limits", day=3 * PRICE))
    service.ready = False
    service.bills["pending"] = ticks(PRICE - 1)
    job = bought(blender, lambda job: job.state is State.RUNNING and job.submitted_at)
    service.bills["pending"] = ticks(3 * PRICE)
    job = blender.until(job.id, lambda job: job.cost is not None)
    assert (job.state, job.spent) == (State.RUNNING, 3 * PRICE)
    assert bill_words(job)
    assert "$0.156 is spent" in held_by_limit(blender)
    seen = job.seq
    service.bills["pending"] = ticks(2 * PRICE)  # less again: nothing is freed before the end
    service.bills["done"] = ticks(PRICE + 5)
    service.ready = True
    job = blender.until(job.id, State.READY)
    assert job.spent == PRICE + 5
    assert job.seq == seen + 2


def test_a_bill_below_the_estimate_makes_room(blender: Blender, service: Service) -> None:
    blender.answer(blender.say("limits", day=PRICE + 10))
    service.bills["done"] = ticks(10)
    job = bought(blender)
    assert job.spent == 10
    assert bill_words(job) == "Charged $0.00, estimated $0.052"
    assert not is_above(job)
    service.bills["done"] = ticks(0)
    assert bought(blender).spent == 0


#: What stands after "usage" → words of it that the artist reads; '' where nothing was said of a cost.
STRANGE = {
    ticks(-5): "cost_in_usd_ticks: -5",
    ticks(2.5e9 + 0.5): "cost_in_usd_ticks: 2500000000.5",
    ticks("520000000"): "cost_in_usd_ticks: 520000000",
    ticks("free"): "free",
    ticks(True): "True",
    ticks(10**6 * TICKS_PER_USD): "10000000000000000",
    ticks(10**400): "inf",
    ticks(float("nan")): "nan",
    ticks(float("-inf")): "-inf",
    ticks([PRICE]): "[520000000]",
    ticks({"amount": 5, "currency": "EUR"}): "EUR",
    '{"cost_in_eur_ticks": 5}': "cost_in_eur_ticks: 5",
    '{"cost": 1.5, "currency": "EUR"}': "cost: 1.5",
    '"5 EUR"': "5 EUR",
    "12": "usage: 12",
    "[5]": "usage: [5]",
    ticks("x" * 5000): "xxx",
    ticks("<b>5</b>\n\t\u202e5"): "",
    ticks(None): "",
    "{}": "",
    "null": "",
    '{"output_tokens": 7}': "",
}


@pytest.mark.parametrize("usage", STRANGE, ids=lambda usage: usage[:40])
def test_a_bill_that_cannot_be_believed_counts_as_estimated_and_is_said(usage: str) -> None:
    body = f'{{"status": "done", "video": {{"url": "https://a.example/c.mp4"}}, "usage": {usage}}}'
    found = poll_answer(200, {}, body.encode(), now=0.0)
    assert found.event == Done("https://a.example/c.mp4")
    assert STRANGE[usage] in found.bill
    assert bool(found.bill) is bool(STRANGE[usage])
    assert len(found.bill) <= 80
    assert found.bill.isprintable()
    job = made(*SENT, Done("u", None, found.bill))
    assert job.spent == PRICE
    words = bill_words(job)
    assert bool(words) is bool(found.bill)
    assert found.bill in words
    assert not words or words.endswith("it counts as estimated, $0.052")


def test_a_strange_bill_reaches_the_record_of_the_job(blender: Blender, service: Service) -> None:
    service.bills["done"] = ticks(-PRICE)
    job = bought(blender)
    assert (job.spent, job.cost, job.bill) == (PRICE, None, "cost_in_usd_ticks: -520000000")


def test_a_bill_that_comes_twice_or_changes() -> None:
    """The service's last word on one request counts, once; a strange word changes nothing, and is said."""
    twice = made(*SENT, Done("u", 2 * PRICE), UrlGone(), Done("u", 2 * PRICE))
    assert twice.spent == 2 * PRICE
    for last in (PRICE, 5 * PRICE, 0):
        assert made(*SENT, Done("u", 2 * PRICE), UrlGone(), Done("u", last)).spent == last
    strange = made(*SENT, Done("u", 2 * PRICE), UrlGone(), Done("u", None, "cost: -1"))
    assert strange.spent == 2 * PRICE
    assert "the one before counts, $0.104" in bill_words(strange)
    assert is_above(strange)
    silent = made(*SENT, Done("u", 2 * PRICE, ""), UrlGone(), Done("u"))
    assert bill_words(silent) == "Charged $0.104, estimated $0.052"
    problem = Problem(ProblemCode.SERVICE, "No.")
    failed = made(*SENT, Progress(5, 3 * PRICE), ServiceFailed(problem))
    assert (failed.spent, failed.charge_open) == (3 * PRICE, False)
    moderated = made(*SENT, ServiceFailed(problem, None, "cost: x"))
    assert (moderated.spent, moderated.charge_open) == (PRICE, True)
    assert bill_words(moderated)


def test_what_is_billed_as_estimated_says_nothing() -> None:
    assert bill_words(made(*SENT)) == ""
    estimate = next(iter(SAMPLES.values())).spec.estimate  # type: ignore[attr-defined]
    assert bill_words(made(*SENT, Done("u", estimate))) == ""
    assert passed(Limits(), 9, 9) == passed(Limits(9, 9), 9, 9) == ""
    assert passed(Limits(8, 8), 9, 9).count("is passed") == 2

"""The faults of the network and of the service in every stage of a look, in each of its forms.

As ``test_faults``, of which it is a sample: what breaks in the connection is the same code, so each form of the answer gets
what can go wrong with it, and of the faults that take long to notice one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from grok_video.core.job import State
from grok_video.core.problem import ProblemCode
from tests.core.test_faults import (
    BODIES,
    BROKEN,
    HTML,
    LATER,
    LOOK,
    MISFRAMED,
    PASSING,
    REFUSED,
    WRONG,
    Case,
    Doing,
    Matrix,
    Request,
    answer_lost,
    answered,
    came_well_through,
    no_answer,
    played,
    reset_before,
    reset_inside,
    stalled,
    to,
    whole,
    worker_came_through,
)

FORMS = ("deferred", "polled", "url", "base64")
#: Each takes as long to be noticed as a POST may take: one of each suffices.
_LONG = {"no answer": "deferred", "one byte now and then": "base64", "a stalled body": "url"}
_LAST_PIECE = (
    "chunks without the last",
    "a chunk that is cut behind the body",
    "gzip without its end",
)
_ODD = ("an empty 200", "HTML", "truncated JSON", "JSON null", "JSON list", "a gzip bomb")
_NO = ("429 out of credits", "400", "401", "404", "422")
_WITHHELD = {"code": "imagine:content-moderated", "error": "Rejected by content moderation."}
_BILL = {"usage": {"cost_in_usd_ticks": 900_000_000}}


def submit_cases() -> Iterator[Case]:
    lost = State.UNKNOWN, ProblemCode.ANSWER_LOST
    for form in FORMS:
        for name, (do, ends) in BROKEN.items():
            if _LONG.get(name, form) != form:
                continue
            code = ProblemCode.ANSWER_LOST if ends is State.UNKNOWN else None
            big = do in (reset_before, reset_inside)
            yield Case("submit", name, [do], ends, code, big=big, form=form)
        for name, do in MISFRAMED.items() if form in ("url", "base64") else ():
            # Of a long answer the libraries keep the last piece for themselves: nobody knows then.
            gone = form == "base64" and name in _LAST_PIECE
            yield Case("submit", f"whole, but {name}", [do], *(lost if gone else ()), form=form)
        yield Case("submit", "bought, answer lost", [answer_lost], *lost, form=form)
    for name in _ODD:
        yield Case("submit", name, [BODIES[name]], *lost, form="url")
    for name in ("408", "502 as text"):
        yield Case("submit", name, [PASSING[name]], *lost, form="deferred")
    yield Case("submit", "429", [LATER["429"]], later=1, form="base64")
    for name in _NO:
        do, code = REFUSED[name]
        yield Case("submit", name, [do], State.FAILED, code, form="deferred")
    yield Case("submit", "redirect 307", [to("/elsewhere", 307)], *lost, form="url")
    for value in WRONG[::2]:
        # An empty list is a look that was withheld, as the answer of one that was made at once says.
        data = {"data": [{"url": value}]} if value else {"data": [{"b64_json": value}]}
        yield Case("submit", f"the picture is {value!r}", [answered(200, data)], *lost, form="url")


def poll_cases() -> Iterator[Case]:
    for form in ("deferred", "polled"):
        for name, (do, _) in BROKEN.items():
            if name in _LONG and form != "polled":
                continue
            yield Case("poll", name, [do, do], form=form)
        for name in _ODD[:: 1 if form == "polled" else 3]:
            yield Case("poll", name, [BODIES[name]] * 2, form=form)
        yield Case("poll", "a body of 2 MiB", [BODIES["a body of 2 MiB"]], form=form)
        yield Case("poll", "500, then 429", [PASSING["500"], LATER["429"]], form=form)
    for name in _NO:
        yield Case("poll", name, [REFUSED[name][0]] * 2, form="deferred")
    for value in WRONG[::3]:
        code = ProblemCode.SERVICE
        for name in ("url", "b64_json"):
            do = ended(data=[{name: value}])
            yield Case(
                "poll", f"done, {name} is {value!r}", [do], State.FAILED, code, form="deferred"
            )
    moderated = State.FAILED, ProblemCode.MODERATED
    for name, do in (
        ("400", answered(400, {**_WITHHELD, **_BILL})),
        ("nothing", ended(data=[], **_BILL)),
        ("its word", ended(data=[{"respect_moderation": False}], **_BILL)),
    ):
        yield Case("poll", f"withheld, says {name}", [do], *moderated, form="deferred")
    for name, broken in (("cut", "iVBORw0KGgo"), ("a page", "PGh0bWw+"), ("noise", "#~!")):
        do = ended(data=[{"b64_json": broken}])
        yield Case("poll", f"the picture is {name}", [do, do], form="polled")
        yield Case("poll", f"the picture is {name} for long", [do] * 3, State.FAILED, retry=True, form="polled")  # fmt: skip


def ended(**fields: Any) -> Doing:
    """The answer of a look that is done, and says so with these fields."""

    def do(r: Request) -> None:
        r.take()
        r.wire.send(whole(200, {"status": "done", **fields}))

    return do


def download_cases(elsewhere: str, closed: str) -> Iterator[Case]:
    for form in ("deferred", "url"):
        for name in ("reset inside the body", "a stalled body", "less than the announced length"):
            yield Case("download", name, [BROKEN[name][0]], form=form)
        for name, do in (
            ("HTML", answered(200, HTML)),
            ("a picture cut short", answered(200, LOOK[:-40])),
            ("503", answered(503)),
            ("404: the link has expired", answered(404)),
        ):
            yield Case("download", name, [do] * 2, form=form)
        yield Case("download", "redirect to another host", [to(f"{elsewhere}/x.png")], form=form)
        dead = [answered(404)] * 3
        yield Case("download", "gone for good", dead, State.FAILED, ProblemCode.EXPIRED, form=form)
    yield Case("download", "refused", [], urls=[f"{closed}/c.png"], form="deferred")


def all_cases(elsewhere: str = "http:", _silent: str = "", closed: str = "http:") -> list[Case]:
    cases = [*submit_cases(), *poll_cases(), *download_cases(elsewhere, closed)]
    assert len({case.id for case in cases}) == len(cases)
    assert no_answer in {do for do, _ in BROKEN.values()}
    assert stalled in {do for do, _ in BROKEN.values()}
    return cases


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with played(tmp_path_factory.mktemp("look faults"), all_cases) as done:
        yield done


@pytest.mark.parametrize("name", [case.id for case in all_cases()])
def test_a_fault_neither_buys_twice_nor_loses_the_look(matrix: Matrix, name: str) -> None:
    case = matrix.cases[name]
    came_well_through(case)
    assert case.job is not None
    told = case.job.problem
    assert told is None or "clip" not in f"{told.message} {told.hint}".lower()


def test_the_worker_came_through_all_of_it(matrix: Matrix) -> None:
    worker_came_through(matrix)


def test_no_answer_and_no_part_is_left(matrix: Matrix) -> None:
    assert matrix.parts == []
    assert matrix.largest <= 2 << 20
    assert matrix.ledger <= len(matrix.cases) * 12_000

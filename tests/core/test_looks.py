"""A look as it is priced, checked, asked for and answered: tables, bodies and what an answer's every form means."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.amount import usd
from grok_video.core.events import (
    IN_THE_ANSWER,
    AnswerLost,
    Billed,
    Blocked,
    Bought,
    Done,
    Event,
    NotSent,
    Progress,
    Rejected,
    ServiceFailed,
    Submitted,
)
from grok_video.core.problem import Problem, ProblemCode, of_look
from grok_video.core.spec import Kind, Picture
from grok_video.service.answer import poll_answer, submit_answer
from grok_video.service.checks import check, refusal
from grok_video.service.look_answer import look_answer, look_poll, looks_answer, picture_in
from grok_video.service.look_models import (
    DEFAULT_LOOK_MODEL,
    LOOK_MODELS,
    MAX_LOOK_PROMPT,
    REDIRECTED,
    ListedLook,
    listed_from,
    look_model_named,
    look_price,
)
from grok_video.service.pricing import estimate_of
from grok_video.service.request import poll_path, request_id_in, submission
from tests.core.conftest import make_spec, says_free

V2, V1, OLD = "grok-imagine-image-2.0", "grok-imagine-image", "grok-imagine-image-quality"
MOOD = Picture("/stills/mood.png", "image/png", 5000, "Mood")
ASKED = "https://api.x.ai/v1/images/edits"
LINK = "https://imgen.x.ai/xai-imgen/xai-tmp-imgen-0a1b.jpeg"
BYTES = b"\xff\xd8the picture\xff\xd9"
B64 = base64.b64encode(BYTES).decode()
MODERATED = "Generated image rejected by content moderation."


def look(**changes: Any) -> Any:
    """A look of a render, as the panel asks for it."""
    values: dict[str, Any] = {
        "kind": Kind.LOOK,
        "model": V2,
        "prompt": "a gouache storyboard",
        "duration": 0,
        "resolution": "1k",
        "quality": "medium",
        "aspect_ratio": "AUTO",
        "generate_audio": False,
        "image": "/stills/render.png",
        "image_mime": "image/png",
        "image_pixels": (1280, 720),
        "image_bytes": 90_000,
        "output": "/project/grok_video/looks/look.jpg",
    }
    return make_spec(**{**values, **changes})


# ----------------------------------------------------------------------------------------------------- money


@pytest.mark.parametrize(
    ("model", "resolution", "quality", "references", "price"),
    [
        (V2, "1k", "medium", 0, "$0.07"),
        (V2, "2k", "medium", 0, "$0.09"),  # what a recorded edit that was moderated had cost
        (V2, "1k", "low", 0, "$0.05"),
        (V2, "2k", "low", 0, "$0.07"),
        (V2, "1k", "medium", 4, "$0.11"),
        (V1, "1k", "", 0, "$0.022"),
        (V1, "2k", "", 2, "$0.026"),
        (f"{V1}-2026-03-02", "1k", "", 0, "$0.022"),
        (OLD, "1k", "low", 0, "$0.05"),  # a redirect, at low
        ("grok-imagine-image-pro", "2k", "low", 0, "$0.07"),
    ],
)
def test_what_a_look_costs(
    model: str, resolution: str, quality: str, references: int, price: str
) -> None:
    spec = look(
        model=model, resolution=resolution, quality=quality, references=(MOOD,) * references
    )
    ticks = estimate_of(spec)
    assert ticks is not None
    assert usd(ticks) == price
    assert check(spec) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "grok-imagine-image-3.0"},
        {"resolution": "1.5k"},
        {"quality": "high"},
        {"quality": ""},
    ],
)
def test_what_has_no_price_is_not_guessed(changes: dict[str, Any]) -> None:
    assert estimate_of(look(**changes)) is None


def test_the_services_own_prices_win() -> None:
    listed = (ListedLook(V2, "", {("1k", "medium"): 900_000_000}),)
    assert estimate_of(look(), listed=listed) == 1_000_000_000  # and a picture at the table's
    assert estimate_of(look(quality="low"), listed=listed) == estimate_of(look(quality="low"))
    assert estimate_of(look(model=V1, quality=""), listed=listed) == 220_000_000
    # A new model of the service's: its price, and the dearest picture that is known.
    new = ListedLook("grok-imagine-image-3.0", "", {("1k", "medium"): 1_000_000_000})
    spec = look(model=new.id, unchecked=True, references=(MOOD,))
    assert estimate_of(spec, listed=(new,)) == 1_200_000_000
    assert check(spec, (new,)) is None


def test_a_list_that_knows_qualities_of_a_model_without_counts_at_its_dearest() -> None:
    listed = (ListedLook(V1, "", {("1k", "low"): 100, ("1k", "medium"): 300_000_000}),)
    assert look_price(V1, "1k", "", 1, listed) == 320_000_000
    by_alias = (ListedLook(f"{V1}-2026-03-02", "", {("1k", ""): 7}),)
    assert look_price(V1, "1k", "", 0, by_alias) == 7


def test_the_list_is_read_from_the_service_and_back_from_the_ledger() -> None:
    """``price_per_image`` is in hundred millionths of a cent, which are ticks."""
    body = {
        "models": [
            {
                "id": V2,
                "max_prompt_length": 1024,
                "pricing": [
                    {"quality": "medium", "resolution": "1K", "price_per_image": 600000000},
                    {"quality": "low", "resolution": "2k", "price_per_image": 600000000.0},
                    {"quality": "low", "resolution": "", "price_per_image": 1},
                    {"quality": "low", "resolution": "1k", "price_per_image": -1},
                    {"quality": "low", "resolution": "1k", "price_per_image": True},
                    {"resolution": "1k", "price_per_image": "6"},
                    "nonsense",
                ],
            },
            {"id": V1, "pricing": {"1k": 4}, "name": "One"},
            {"id": ""},
            {"id": "xai-AKeyThatIsInAList0123456789"},
        ]
    }
    said = looks_answer(200, {}, json.dumps(body).encode())
    assert isinstance(said, list)
    two, one = listed_from(json.loads(json.dumps({"looks": said})))
    assert two.prices == {("1k", "medium"): 600000000, ("2k", "low"): 600000000}
    assert (two.longest_prompt, two.label) == (1024, LOOK_MODELS[V2].label)
    assert (one.prices, one.label, one.longest_prompt) == ({}, "One", 0)
    assert listed_from(None) == listed_from({"ok": True}) == listed_from({"looks": 7}) == ()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_no_list_on_record_raises(noise: Any) -> None:
    listed = listed_from({"looks": [{"id": "a", "prices": noise, "longest_prompt": noise}, noise]})
    look_price("a", "1k", "low", 1, listed)
    assert look_price(V2, "1k", "low", 1, listed) == 500_000_000


def test_a_list_that_was_refused_is_a_problem() -> None:
    assert isinstance(looks_answer(404, {}, b"{}"), Problem)
    assert isinstance(looks_answer(200, {}, b"<html>"), Problem)


# --------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": ""}, "no picture to make a look from"),
        ({"prompt": " "}, "The prompt of the look is empty."),
        ({"prompt": "x" * (MAX_LOOK_PROMPT + 1)}, "Shorten it by 1."),
        ({"prompt": "x" * 99_999}, "more than 10,000 characters"),
        ({"model": "grok-imagine-video"}, "is not known"),
        ({"model": " ", "unchecked": True}, "No model is named."),
        ({"resolution": "480p"}, "Choose 1k or 2k."),
        ({"quality": "high"}, "Choose low or medium."),
        ({"quality": ""}, "Choose low or medium."),
        ({"model": V1}, "Leave the quality out."),
        ({"model": OLD}, "Choose low."),
        ({"references": (MOOD,) * 5}, "Remove 1."),
        (
            {"model": V1, "quality": "", "references": (MOOD,) * 3},
            "or choose Grok Imagine Image 2.0",
        ),
        ({"references": (Picture("", "image/png"),)}, "has no file"),
        ({"references": (Picture("/a.gif", "image/gif"),)}, "Save it as PNG or JPEG."),
        ({"image_bytes": 21 << 20}, "21 MB"),
        ({"unchecked": True, "model": "new", "references": (MOOD,) * 5}, "The service takes 5"),
    ],
)
def test_what_the_service_would_refuse_is_said_before(changes: dict[str, Any], words: str) -> None:
    assert words in refusal(look(**changes))


def test_the_length_that_the_service_lists_counts() -> None:
    spec = look(prompt="x" * 1025)
    assert check(spec) is None
    assert "takes 1024" in refusal(spec, (ListedLook(V2, "", {}, 1024),))
    assert check(look(prompt="x" * 12_000), (ListedLook(V2, "", {}, 20_000),)) is None


def test_every_row_has_a_name_of_its_own() -> None:
    rows = [*LOOK_MODELS.values(), REDIRECTED]
    names = [name for row in rows for name in (row.id, *row.aliases)]
    assert len(set(names)) == len(names)
    assert all(look_model_named(name) for name in names)
    assert next(iter(LOOK_MODELS)) == DEFAULT_LOOK_MODEL
    for row in rows:
        assert set(row.prices) == {(size, how) for size in row.resolutions for how in row.qualities}


# ------------------------------------------------------------------------------------------------ the request


def body_of(spec: Any) -> tuple[str, Any]:
    """The path and the JSON of a request, each file as its path."""
    upload = submission(spec)
    assert isinstance(upload.parts[-1], bytes)
    assert upload.parts[-1].endswith(b"}")
    text = "".join(p.decode() if isinstance(p, bytes) else f"<{p.name}>" for p in upload.parts)
    return upload.path, json.loads(text)


def test_a_look_of_one_picture() -> None:
    path, body = body_of(look())
    assert path == "/v1/images/edits"
    assert body == {
        "model": V2,
        "prompt": "a gouache storyboard",
        "image": {"url": "data:image/png;base64,<render.png>"},
        "resolution": "1k",
        "quality": "medium",
        "n": 1,
        "response_format": "url",
        "deferred": True,
    }


def test_a_look_of_several_pictures_names_them_in_order() -> None:
    _, body = body_of(look(references=(MOOD, Picture("/s/hero.jpg", "image/jpeg"))))
    assert "image" not in body
    assert [one["url"].partition(",")[2] for one in body["images"]] == [
        "<render.png>", "<mood.png>", "<hero.jpg>",
    ]  # fmt: skip


def test_a_model_without_qualities_is_sent_none() -> None:
    assert "quality" not in body_of(look(model=V1, quality=""))[1]


def test_a_look_is_asked_for_among_pictures() -> None:
    assert poll_path("a b", Kind.LOOK) == "/v1/images/a%20b"
    assert poll_path("a b") == poll_path("a b", Kind.EDIT) == "/v1/videos/a%20b"
    assert request_id_in("GET https://api.x.ai/v1/images/7d1f0c2e-1 200") == "7d1f0c2e-1"


# ------------------------------------------------------------------------------------------------- the answer


def answered(status: int, body: Any, **headers: str) -> list[Event]:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return look_answer(status, headers, raw, now=1_000.0, asked=ASKED)


def data(**item: Any) -> dict[str, Any]:
    return {"data": [item], "usage": {"cost_in_usd_ticks": 700_000_000}}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"request_id": "r-1"}, [Submitted("r-1")]),
        ({"request_id": "r-1", "data": None}, [Submitted("r-1")]),
        (data(url=LINK, mime_type="image/jpeg"), [Bought(LINK, 700_000_000)]),
        (data(url=LINK, respect_moderation=True, revised_prompt=""), [Bought(LINK, 700_000_000)]),
        ({"created": 1776527939, "data": [{"url": LINK}]}, [Bought(LINK)]),
        ({"id": "log-7", "data": [{"url": LINK}]}, [Bought(LINK)]),
        ({"data": {"url": LINK}}, [Bought(LINK)]),
        ({"data": [{"url": "/made/1.jpeg"}]}, [Bought("https://api.x.ai/made/1.jpeg")]),
        ({"data": [{"url": LINK}, {"url": "https://b.example/2"}]}, [Bought(LINK)]),
        ({"data": [{"url": "", "file_output": {"public_url": LINK}}]}, [Bought(LINK)]),
        (data(b64_json=B64), [Bought(IN_THE_ANSWER, 700_000_000)]),
        (data(url=f"data:image/jpeg;base64,{B64}"), [Bought(IN_THE_ANSWER, 700_000_000)]),
        ({"request_id": "r-1", **data(url=LINK)}, [Submitted("r-1"), Done(LINK, 700_000_000)]),
        (
            {"request_id": "r-1", **data(b64_json=B64)},
            [Submitted("r-1"), Done(IN_THE_ANSWER, 700_000_000)],
        ),
        (
            {"data": [{"url": LINK}], "usage": {"total_tokens": 0, "image_cost": 2_000_000}},
            [Bought(LINK, None, "image_cost: 2000000")],
        ),
        (
            {"data": [{"url": LINK}], "usage": {"cost_in_usd_ticks": 4, "output_tokens": 9}},
            [Bought(LINK, 4)],
        ),
    ],
)  # fmt: skip
def test_an_answer_that_bought_something(body: Any, wanted: list[Event]) -> None:
    assert answered(200, body) == wanted


@pytest.mark.parametrize(
    ("status", "body", "ticks"),
    [
        (400, {"code": "imagine:content-moderated", "error": MODERATED, "usage": {"cost_in_usd_ticks": 900_000_000}}, 900_000_000),
        (400, {"code": "Client specified an invalid argument", "error": MODERATED, "usage": {"cost_in_usd_ticks": 500_000_000}}, 500_000_000),
        (200, {"data": []}, None),
        (200, {"data": [{"respect_moderation": False}]}, None),
        (200, data(url=LINK, respect_moderation=False), 700_000_000),
        (200, {"data": [], "usage": {"cost_in_usd_ticks": 700_000_000}}, 700_000_000),
    ],
)  # fmt: skip
def test_what_moderation_withheld_is_billed(status: int, body: Any, ticks: int | None) -> None:
    (event,) = answered(status, body)
    assert isinstance(event, Billed)
    assert (event.problem.code, event.cost) == (ProblemCode.MODERATED, ticks)
    assert not says_free(event.problem)
    assert "clip" not in f"{event.problem.message} {event.problem.hint}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 422])
def test_a_refusal_costs_what_it_says_and_else_nothing(status: int) -> None:
    """Of clips as well."""
    error = {"error": "No."}
    billed = {**error, "usage": {"cost_in_usd_ticks": 5}}
    for answer in (look_answer, submit_answer):
        known: Any = {"asked": ASKED} if answer is look_answer else {}

        def say(body: Any, answer: Any = answer, known: Any = known) -> Any:
            event = answer(status, {}, json.dumps(body).encode(), now=1.0, **known)
            return event[0] if isinstance(event, list) else event

        for free in (error, {**error, "usage": None}, {**error, "usage": {"cost_in_usd_ticks": 0}}):
            event = say(free)
            assert isinstance(event, Rejected)
            assert says_free(event.problem)
        event = say(billed)
        assert isinstance(event, Billed)
        assert event.cost == 5
        assert not says_free(event.problem)
        # An amount that nobody can read: counted at the estimate, and said.
        event = say({**error, "usage": {"cost_in_usd_ticks": -5}})
        assert isinstance(event, Billed)
        assert (event.cost, event.bill) == (None, "cost_in_usd_ticks: -5")


def test_what_is_told_to_come_later_and_was_billed_is_not_sent_again() -> None:
    assert isinstance(answered(429, {"error": "Too many requests"})[0], NotSent)
    usage = {"usage": {"cost_in_usd_ticks": 5}}
    assert isinstance(answered(429, {"error": "Too many requests", **usage})[0], Billed)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "{}"), (200, ""), (200, "<html>"), (201, "[]"), (200, {"data": [{"revised_prompt": ""}]}),
        (200, {"data": [7]}), (200, {"data": [{"url": "pending"}]}), (200, {"data": [{"url": 7}]}),
        (200, {"data": [{"url": f"javascript:{LINK}"}]}), (200, {"request_id": "..", "data": None}),
        (302, ""), (408, "{}"), (409, "{}"), (500, "{}"), (502, "error code: 502"), (504, ""),
    ],
)  # fmt: skip
def test_what_decides_nothing_is_unknown(status: int, body: Any) -> None:
    (event,) = answered(status, body)
    assert isinstance(event, AnswerLost)
    assert event.cost is None
    assert "clip" not in f"{event.problem.message} {event.problem.hint}"


def test_a_failure_that_says_what_it_cost_is_counted_so() -> None:
    (event,) = answered(500, {"error": "x", "usage": {"cost_in_usd_ticks": 7}})
    assert isinstance(event, AnswerLost)
    assert event.cost == 7
    (event,) = answered(500, {"error": "x", "usage": {"cost_in_usd_ticks": 0}})
    assert isinstance(event, AnswerLost)
    assert event.cost is None


def polled(status: int, body: Any) -> Any:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return look_poll(status, {}, raw, now=1_000.0, asked="https://api.x.ai/v1/images/r-1")


USAGE = {"usage": {"cost_in_usd_ticks": 700_000_000}}


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (202, "", Progress(None)),
        (202, {"status": "pending"}, Progress(None)),
        (202, {"status": "pending", "data": []}, Progress(None)),
        (200, {"status": "pending"}, Progress(None)),
        (200, {"request_id": "r-1", "status": "done", "data": [{"url": LINK}], **USAGE}, Done(LINK, 700_000_000)),
        (200, {"data": [{"url": LINK}]}, Done(LINK)),
    ],
)  # fmt: skip
def test_a_poll_of_a_look(status: int, body: Any, wanted: Event) -> None:
    assert polled(status, body).event == wanted


@pytest.mark.parametrize(
    ("status", "body", "code", "ticks"),
    [
        (200, {"status": "failed", "error": {"code": "invalid_argument", "message": "m"}}, ProblemCode.REQUEST, None),
        (200, {"status": "failed", "error": {"code": "internal_error"}, **USAGE}, ProblemCode.SERVICE, 700_000_000),
        (200, {"status": "expired"}, ProblemCode.EXPIRED, None),
        (200, {"status": "done", "data": []}, ProblemCode.MODERATED, None),
        (200, {"data": []}, ProblemCode.MODERATED, None),
        (200, {"status": "done", "data": [{"respect_moderation": False}], **USAGE}, ProblemCode.MODERATED, 700_000_000),
        (200, {"status": "done", "data": [{}]}, ProblemCode.SERVICE, None),
        (400, {"code": "imagine:content-moderated", "error": MODERATED, **USAGE}, ProblemCode.MODERATED, 700_000_000),
        (422, {"error": "No.", **USAGE}, ProblemCode.SERVICE, 700_000_000),
    ],
)  # fmt: skip
def test_a_poll_of_a_look_that_ended(
    status: int, body: Any, code: ProblemCode, ticks: int | None
) -> None:
    event = polled(status, body).event
    assert isinstance(event, ServiceFailed)
    assert (event.problem.code, event.cost) == (code, ticks)
    assert "clip" not in f"{event.problem.message} {event.problem.hint}"


def test_a_poll_of_a_clip_books_what_an_error_says_it_cost() -> None:
    body = json.dumps({"error": "No.", **USAGE}).encode()
    event = poll_answer(400, {}, body, now=1.0).event
    assert isinstance(event, ServiceFailed)
    assert (event.cost, event.problem.http_status) == (700_000_000, 400)


def test_a_look_that_the_service_does_not_know_is_kept() -> None:
    assert isinstance(polled(404, {"error": "not found"}).event, Blocked)


def test_only_a_look_has_its_link_in_data() -> None:
    body = json.dumps({"status": "done", "data": [{"url": LINK}]}).encode()
    assert isinstance(poll_answer(200, {}, body, now=1.0).event, ServiceFailed)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (data(b64_json=B64), BYTES),
        (data(b64_json=f"data:image/jpeg;base64,{B64}"), BYTES),
        (data(url=f"DATA:image/jpeg;base64,{B64}"), BYTES),
        (data(b64_json=f"{B64[:4]}\n{B64[4:]}"), BYTES),
        (data(b64_json=B64[:-3]), b""),
        (data(b64_json="\u00e9"), b""),
        (data(url=LINK), b""),
        ({}, b""),
        ([], b""),
    ],
)
def test_the_picture_in_an_answer(body: Any, wanted: bytes) -> None:
    assert picture_in(json.dumps(body).encode()) == wanted


@given(st.sampled_from([200, 202, 400, 404, 429, 500]), st.binary(max_size=200))
def test_no_answer_raises(status: int, body: bytes) -> None:
    look_answer(status, {}, body, now=1.0, asked=ASKED)
    look_poll(status, {}, body, now=1.0, asked=ASKED)
    looks_answer(status, {}, body)
    picture_in(body)


@given(
    st.dictionaries(
        st.sampled_from(["request_id", "id", "data", "status", "error", "usage", "video"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["url", "b64_json", "code"]), inner)
            ),
            max_leaves=5,
        ),
    )
)
def test_no_json_raises_or_sells_twice(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    happened = look_answer(200, {}, raw, now=1.0, asked=ASKED)
    assert not isinstance(happened[0], Rejected | NotSent)  # never *not charged*, never again
    look_poll(200, {}, raw, now=1.0, asked=ASKED)
    picture_in(raw)


def test_sentences_speak_of_looks_and_leave_the_services_words() -> None:
    said = Problem(ProblemCode.SERVICE, "This clip is odd.", "The clip's file; clips; eclipse.")
    assert of_look(said).message == "This look is odd."
    assert of_look(said).hint == "The look's file; looks; eclipse."
    assert of_look(said, "This clip is odd.").message == "This clip is odd."

"""The stand-in takes orders for pictures as the service does, and answers in its words (docs/api.md)."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from stand_in.calls import Answer, call, data_uri, edit, fetched, final, generate, imagine
from stand_in.client import StandIn

FIXTURES = {
    entry["id"]: entry
    for entry in json.loads(Path(__file__).with_name("fixtures.json").read_text("utf-8"))
}
RED = Image.new("RGB", (64, 36), (200, 30, 30))
LINK = {"url": "https://example.com/a.png"}
OLD = "grok-imagine-image"
CENT = 10**8


def done(service: StandIn, started: Answer) -> Any:
    assert started.status == 200, started.body
    answer = final(service, started.json["request_id"], path="/v1/images")
    assert answer.status == 200, answer.body
    return answer.json


def shape(body: Any) -> Any:
    """A body with its values taken out."""
    if isinstance(body, dict):
        return {name: shape(value) for name, value in body.items()}
    return [shape(item) for item in body] if isinstance(body, list) else type(body)


# Both forms


def test_a_picture_at_once(service: StandIn) -> None:
    answer = edit(service)
    assert answer.status == 200
    assert shape(answer.json) == shape(FIXTURES["image-done-at-once"]["body"])
    assert answer.json["usage"] == FIXTURES["image-done-at-once"]["body"]["usage"]
    (item,) = answer.json["data"]
    assert item["mime_type"] == "image/jpeg"
    assert urlsplit(item["url"]).path.startswith("/xai-imgen/xai-tmp-imgen-")
    got = call(service, "GET", urlsplit(item["url"]).path, key="")
    assert (got.status, got.headers["Content-Type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(got.body)) as image:
        assert (image.format, image.size) == ("JPEG", (1408, 768))
    (job,) = service.jobs()
    assert (job["kind"], job["state"], job["deferred"]) == ("image-edit", "done", False)
    assert (job["quality"], job["resolution"], job["n"]) == ("medium", "1k", 1)
    assert job["downloads"] == 1


def test_a_picture_at_once_takes_as_long_as_a_job(service: StandIn) -> None:
    service.settings(job_seconds=600)
    with pytest.raises(TimeoutError):
        call(service, "POST", "/v1/images/generations", {"prompt": "x"}, timeout=0.3)
    assert [job["state"] for job in service.jobs()] == ["running"]


def test_a_deferred_picture_is_asked_for(service: StandIn) -> None:
    service.settings(job_seconds=0.3)
    started = edit(service, deferred=True)
    assert shape(started.json) == shape(FIXTURES["start-gen"]["body"])
    request_id = started.json["request_id"]
    running = call(service, "GET", f"/v1/images/{request_id}")
    seen = FIXTURES["image-pending-202"]
    assert (running.status, running.json) == (seen["status"], seen["body"])
    body = done(service, started)
    assert shape(body) == shape(FIXTURES["image-done"]["body"])
    assert (body["request_id"], body["status"]) == (request_id, "done")
    assert body["usage"] == FIXTURES["image-done"]["body"]["usage"]
    assert fetched(service, body["data"][0]["url"])
    (job,) = service.jobs()
    assert (job["id"], job["deferred"]) == (request_id, True)
    assert job["polls"] >= 2


def test_a_running_poll_can_be_empty(service: StandIn) -> None:
    service.settings(job_seconds=600)
    service.fail("image-job", "empty-202")
    request_id = edit(service, deferred=True).json["request_id"]
    answer = call(service, "GET", f"/v1/images/{request_id}")
    assert (answer.status, answer.body) == (202, b"")
    service.finish(request_id)
    assert final(service, request_id, path="/v1/images").json["status"] == "done"


def test_a_poll_knows_only_deferred_orders(service: StandIn) -> None:
    edit(service)
    clip = generate(service).json["request_id"]
    at_once = service.jobs()[0]["id"]
    for unknown in (at_once, clip, "824c6d07-f5ce-987d-b3e9-0949599b05e7", "no-id"):
        assert call(service, "GET", f"/v1/images/{unknown}").status == 404
    deferred = edit(service, deferred=True).json["request_id"]
    assert call(service, "GET", f"/v1/videos/{deferred}").status == 404
    service.fail("image-job", "expired")
    gone = edit(service, deferred=True).json["request_id"]
    assert final(service, gone, path="/v1/images").status == 404


def test_an_older_service_ignores_the_deferred_field(service: StandIn) -> None:
    service.settings(defers=False)
    answer = edit(service, deferred=True, response_format="b64_json")
    assert set(answer.json) == {"data", "usage"}
    assert base64.b64decode(answer.json["data"][0]["b64_json"])
    unknown = call(service, "GET", f"/v1/images/{service.jobs()[0]['id']}")
    assert (unknown.status, unknown.json["error"]["code"]) == (404, 404)


def test_base64_is_the_picture_and_no_address(service: StandIn) -> None:
    (item,) = edit(service, response_format="b64_json").json["data"]
    assert set(item) == {"b64_json", "mime_type"}
    with Image.open(io.BytesIO(base64.b64decode(item["b64_json"], validate=True))) as image:
        assert image.format == "JPEG"
    service.fail("image-job", "b64-cut")
    (half,) = edit(service, response_format="b64_json").json["data"]
    assert len(half["b64_json"]) < len(item["b64_json"])
    assert len(half["b64_json"]) % 4


def test_several_pictures_differ_and_each_is_billed(service: StandIn) -> None:
    answer = edit(service, n=3)
    urls = [item["url"] for item in answer.json["data"]]
    assert len({fetched(service, url) for url in urls}) == len(urls) == 3
    assert answer.json["usage"]["cost_in_usd_ticks"] == 3 * 6 * CENT + CENT
    (job,) = service.jobs()
    assert [picture["url"] for picture in job["pictures"]] == urls


def test_pictures_are_public_and_go_away_on_request(service: StandIn) -> None:
    (item,) = edit(service).json["data"]
    body = done(service, edit(service, deferred=True))
    deferred = service.jobs()[1]["id"]
    whole = fetched(service, item["url"])
    service.expire()
    for url in (item["url"], body["data"][0]["url"]):
        assert call(service, "GET", urlsplit(url).path, key="").status == 404
    fresh = final(service, deferred, path="/v1/images").json["data"][0]["url"]
    assert fresh != body["data"][0]["url"]
    assert len(fetched(service, fresh)) == len(whole)
    service.expire(for_ever=True)
    again = final(service, deferred, path="/v1/images").json["data"][0]["url"]
    assert call(service, "GET", urlsplit(again).path, key="").status == 404


def test_a_stored_picture_is_sent_on_by_its_id(service: StandIn) -> None:
    storage = {"filename": "s010.jpg", "expires_after": 86400, "public_url": True}
    (item,) = edit(service, storage_options=storage).json["data"]
    stored = item["file_output"]
    assert stored["filename"] == "s010.jpg"
    assert stored["public_url"] == item["url"]
    (source,) = service.jobs()[0]["pictures"]
    again = edit(service, image={"file_id": stored["file_id"]})
    assert again.status == 200, again.body
    assert service.jobs()[-1]["image"] == source["sha256"]
    clip = generate(service, image={"file_id": stored["file_id"]})
    assert clip.status == 200, clip.body
    assert service.jobs()[-1]["image"] == source["sha256"]
    by_url = generate(service, image={"url": item["url"]})
    assert by_url.status == 200
    assert service.jobs()[-1]["image"] == source["sha256"]
    assert edit(service, image={"file_id": "file_0000"}).status == 404
    service.expire()
    assert generate(service, image={"url": item["url"]}).status == 400
    service.fail("image-job", "storage-error")
    (unstored,) = edit(service, storage_options=storage).json["data"]
    assert "file_output" not in unstored
    assert unstored["storage_error"]
    assert fetched(service, unstored["url"])


def test_other_bodies_of_a_picture(service: StandIn) -> None:
    def ended(outcome: str, **fields: Any) -> Any:
        service.fail("image-job", outcome)
        return edit(service, **fields).json

    tokens = ended("tokens")["usage"]
    assert tokens["cost_in_usd_ticks"] == 7 * CENT
    assert tokens["total_tokens"] == tokens["input_tokens"] + tokens["output_tokens"]
    assert "usage" not in ended("no-usage")
    older = ended("older-form")
    assert (set(older), older["data"][0]["revised_prompt"]) == ({"created", "data"}, "")
    assert "url" not in ended("no-url")["data"][0]
    assert re.fullmatch(r"[^.]+", urlsplit(ended("no-suffix")["data"][0]["url"]).path)
    service.settings(picture_said="image/png")
    assert edit(service).json["data"][0]["mime_type"] == "image/png"
    service.settings(done_word="ready", ids="data.id", number_ids=True)
    started = edit(service, deferred=True).json
    poll = final(service, str(started["data"]["id"]), path="/v1/images").json
    assert poll["status"] == "ready"


# Rules


@pytest.mark.parametrize(
    "fields",
    [
        {"images": [LINK] * 5},
        {"images": [LINK] * 3, "model": OLD, "quality": None},
        {"images": [LINK], "quality": "low"},
        {"image": LINK | {"type": "image_url"}},
        {"image": {"image_url": LINK["url"]}},
        {"image": {"url": data_uri(RED, "JPEG")}},
        {"image": {"url": data_uri(RED, "WEBP")}},
        {"image": {"url": data_uri(RED), "file_id": None}, "images": None},
        {"aspect_ratio": "auto"},
        {"aspect_ratio": "19.5:9"},
        {"aspect_ratio": "21:9"},
        {"resolution": "1.5k"},
        {"resolution": None, "quality": None, "model": None},
        {"quality": "auto"},
        {"model": "grok-imagine-image-pro"},
        {"model": f"{OLD}-2026-03-02", "quality": None},
        {"n": 10, "resolution": "1k"},
        {"prompt": "x" * 8000},
        {"seed": 5, "mask": {"url": 7}, "output_format": 3, "user": "u"},
        {"output": {"upload_urls": ["https://example.com/put"]}},
        {"storage_options": {"filename": "a.jpg", "expires_after": 3600}},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_values_that_are_accepted(service: StandIn, fields: dict[str, Any]) -> None:
    answer = edit(service, deferred=True, **fields)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "  "},
        {"prompt": "x" * 8001},
        {"image": None},
        {"images": []},
        {"image": LINK, "images": [LINK]},
        {"images": [LINK] * 6},
        {"images": [LINK] * 4, "model": OLD, "quality": None},
        {"model": OLD, "quality": "low"},
        {"model": OLD, "quality": None, "aspect_ratio": "21:9"},
        {"quality": "high"},
        {"n": 0},
        {"n": 11},
        {"size": "1024x1024"},
        {"deferred": True, "response_format": "b64_json"},
        {"storage_options": {"filename": "a.jpg", "expires_after": 3599}},
        {"storage_options": {"filename": "a.jpg", "expires_after": 2592001}},
        {"output": {"upload_urls": []}},
        {"output": {"upload_urls": ["https://x.example"]}, "response_format": "b64_json"},
        {"image": {}},
        {"image": LINK | {"file_id": "file_1"}},
        {"image": {"url": "file:///etc/passwd"}},
        {"image": {"url": "data:image/png;base64,####"}},
        {"image": {"url": data_uri(RED, "GIF")}},
        {"image": {"url": "data:text/plain;base64,aGVsbG8="}},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_values_that_are_refused(service: StandIn, fields: dict[str, Any]) -> None:
    fields = ({"image": None} if "images" in fields else {}) | fields
    answer = edit(service, **fields)
    assert (answer.status, answer.json["code"]) == (400, "invalid-argument")
    assert answer.json["error"]
    assert service.jobs() == []


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,aGVsbG8=",
        data_uri(RED, "PNG", "image/jpeg"),
        data_uri(RED, "PNG")[:-60] + "AAAA",
    ],
)
def test_what_is_no_picture_is_refused(service: StandIn, url: str) -> None:
    answer = edit(service, image={"url": url})
    assert (answer.status, answer.json) == (400, {"error": "invalid image format"})
    assert service.jobs() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"aspect_ratio": "7:5"}, "aspect_ratio: unknown variant `7:5`, expected one of `1:1`"),
        ({"resolution": "4k"}, "resolution: unknown variant `4k`, expected one of `1k`"),
        ({"resolution": "1K"}, "resolution: unknown variant `1K`, expected one of `1k`"),
        ({"response_format": "png"}, "response_format: unknown variant `png`"),
        ({"prompt": None}, "missing field `prompt`"),
        ({"image": "https://example.com/a.png"}, "image: invalid type: string"),
        ({"n": "2"}, 'n: invalid type: string "2", expected i32'),
        ({"deferred": "yes"}, 'deferred: invalid type: string "yes", expected a boolean'),
        ({"quality": 5}, "quality: invalid type: integer `5`"),
        ({"storage_options": {}}, "storage_options: missing field `filename`"),
    ],
    ids=lambda fields: "-".join(fields) if isinstance(fields, dict) else "",
)
def test_shapes_are_refused_in_text(service: StandIn, fields: dict[str, Any], words: str) -> None:
    answer = edit(service, **fields)
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    start = "Failed to deserialize the JSON body into the target type: "
    assert answer.body.decode().startswith(start + words)
    assert service.jobs() == []


def test_only_json_is_taken(service: StandIn) -> None:
    media = {"Content-Type": "multipart/form-data; boundary=x"}
    for path in ("edits", "generations"):
        answer = call(service, "POST", f"/v1/images/{path}", b'{"prompt":"x"}', headers=media)
        assert answer.status == 415
    assert call(service, "POST", "/v1/images/edits", b"{").status == 400
    assert call(service, "POST", "/v1/images/edits", {"prompt": "x"}, key="").status == 401
    assert call(service, "GET", "/v1/images/edits").status == 405


def test_a_model_that_does_not_exist(service: StandIn) -> None:
    for model in ("grok-imagine-image-3.0", "grok-imagine-video"):
        answer = edit(service, model=model)
        assert answer.status == 404
        seen = FIXTURES["err-model-404-new"]["body"]
        assert answer.json["code"] == seen["code"]
        assert answer.json["error"] == seen["error"].replace("grok-imagine-video-2.0", model)


def test_pictures_passed_to_generations_are_ignored_and_not_billed(service: StandIn) -> None:
    answer = imagine(service, image={"url": data_uri(RED)}, images="nonsense", quality="medium")
    assert answer.json["usage"]["cost_in_usd_ticks"] == 6 * CENT
    (job,) = service.jobs()
    assert (job["kind"], job["image"], job["ticks"]) == ("image-generate", "", 6 * CENT)


# Prices


@pytest.mark.parametrize(
    ("quality", "resolution", "cents"),
    [
        ("low", "1k", 4),
        ("medium", "1k", 6),
        ("low", "2k", 6),
        ("medium", "2k", 8),
        (None, "1k", 6),
        ("auto", "1k", 6),
    ],
)
def test_the_price_of_an_edit(
    service: StandIn, quality: str | None, resolution: str, cents: int
) -> None:
    answer = edit(service, quality=quality, resolution=resolution)
    assert answer.json["usage"]["cost_in_usd_ticks"] == (cents + 1) * CENT
    assert service.jobs()[0]["ticks"] == (cents + 1) * CENT


def test_other_prices(service: StandIn) -> None:
    def ticks(answer: Answer) -> int:
        return answer.json["usage"]["cost_in_usd_ticks"]

    assert ticks(imagine(service)) == 4 * CENT  # nothing said of quality: low
    assert ticks(edit(service, images=[LINK] * 3)) == 9 * CENT
    assert ticks(edit(service, model=OLD, quality=None)) == 22 * CENT // 10
    assert ticks(imagine(service, model=OLD, resolution="2k")) == 2 * CENT
    for name in ("quality", "quality-latest", "quality-20260403", "pro"):
        answer = edit(service, model=f"grok-imagine-image-{name}", quality="medium")
        assert ticks(answer) == 5 * CENT
        assert answer.json["model"] == "grok-imagine-image-2.0"
    service.settings(bill=2.0, image_price=1.5)
    assert ticks(imagine(service)) == 12 * CENT


def test_the_list_of_models_names_the_prices(service: StandIn) -> None:
    listed = call(service, "GET", "/v1/image-generation-models").json["models"]
    assert [model["id"] for model in listed] == ["grok-imagine-image-2.0", OLD]
    newest = listed[0]
    prices = {(row["quality"], row["resolution"]): row for row in newest["pricing"]}
    for (quality, resolution), row in prices.items():
        billed = imagine(service, quality=quality, resolution=resolution).json["usage"]
        assert billed["cost_in_usd_ticks"] == row["price_per_image"]
    assert newest["image_price"] == 6
    assert newest["max_prompt_length"] == 8000
    assert all("quality" not in row for row in listed[1]["pricing"])
    one = call(service, "GET", f"/v1/image-generation-models/{OLD}-2026-03-02")
    assert one.json == listed[1]
    assert call(service, "GET", "/v1/image-generation-models/no").status == 404
    service.settings(image_price=2, prompt_length=10)
    dearer = call(service, "GET", "/v1/image-generation-models/grok-imagine-image-2.0").json
    assert dearer["pricing"][0]["price_per_image"] == 2 * newest["pricing"][0]["price_per_image"]
    assert dearer["max_prompt_length"] == 10
    assert edit(service, prompt="x" * 11).status == 400


# Moderation and failure


def test_moderated_at_once_is_a_refusal_that_costs(service: StandIn) -> None:
    for outcome, name in (
        ("moderated", "image-400-moderated-new"),
        ("moderated-400", "image-400-moderated-new"),
        ("moderated-failed", "image-400-moderated-new"),
        ("moderated-old", "image-400-moderated-old"),
    ):
        service.fail("image-job", outcome)
        answer = edit(service, resolution="2k")
        seen = FIXTURES[name]
        usage = {"usage": {"cost_in_usd_ticks": 9 * CENT}}
        assert (answer.status, answer.json) == (seen["status"], seen["body"] | usage)
    assert FIXTURES["image-400-moderated-new"]["body"]["usage"] == usage["usage"]
    assert [job["state"] for job in service.jobs()] == ["moderated"] * 4


def test_moderated_without_a_word(service: StandIn) -> None:
    for fields in ({}, {"deferred": True}):
        for outcome, data in (
            ("moderated-no-url", [{"respect_moderation": False}]),
            ("moderated-null", []),
        ):
            service.fail("image-job", outcome)
            answer = edit(service, **fields)
            body = done(service, answer) if fields else answer.json
            assert body["data"] == data
            assert body["usage"]["cost_in_usd_ticks"] == 7 * CENT


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("moderated", "invalid_argument"),
        ("moderated-denied", "permission_denied"),
        ("failed", "internal_error"),
        ("unavailable", "service_unavailable"),
    ],
)
def test_a_deferred_order_that_fails(service: StandIn, outcome: str, code: str) -> None:
    service.fail("image-job", outcome)
    body = done(service, edit(service, deferred=True))
    assert (set(body), body["status"]) == ({"request_id", "status", "error"}, "failed")
    assert body["error"]["code"] == code


def test_deferred_and_refused_on_the_poll(service: StandIn) -> None:
    service.fail("image-job", "moderated-400")
    request_id = edit(service, deferred=True).json["request_id"]
    answer = final(service, request_id, path="/v1/images")
    assert (answer.status, answer.json["code"]) == (400, "imagine:content-moderated")
    assert answer.json["usage"]["cost_in_usd_ticks"] == 7 * CENT


def test_failed_at_once_is_an_error_of_the_service(service: StandIn) -> None:
    for outcome, status in (("failed", 500), ("failed-bare", 500), ("unavailable", 503)):
        service.fail("image-job", outcome)
        assert edit(service).status == status


# What goes wrong


def test_a_failure_can_be_of_pictures_or_of_clips_alone(service: StandIn) -> None:
    service.fail("image-submit", 503)
    assert generate(service).status == 200
    assert edit(service).status == 503
    service.fail("video-submit", 503)
    assert edit(service).status == 200
    assert generate(service).status == 503
    service.fail("submit", 502, times=2)
    assert [edit(service).status, generate(service).status] == [502, 502]
    service.fail("image-models", 500)
    assert call(service, "GET", "/v1/video-generation-models").status == 200
    assert call(service, "GET", "/v1/image-generation-models").status == 500
    service.fail("image-job", "failed")
    assert final(service, generate(service).json["request_id"]).json["status"] == "done"
    assert edit(service).status == 500
    assert len(service.requests("image-submit")) == 4
    assert len(service.requests("video-submit")) == 4
    assert len(service.requests("submit")) == 8


@pytest.mark.parametrize("deferred", [False, True])
def test_an_answer_that_is_lost_has_bought(service: StandIn, deferred: bool) -> None:
    service.fail("image-submit", "answer-lost")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        edit(service, deferred=deferred)
    service.fail("image-submit", "answer-cut")
    with pytest.raises(http.client.IncompleteRead):
        edit(service, deferred=deferred)
    service.fail("image-submit", "answer-replaced", status=502, body="error code: 502")
    assert edit(service, deferred=deferred).status == 502
    assert [job["ticks"] for job in service.jobs()] == [7 * CENT] * 3
    service.fail("image-submit", "close-after-body")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        edit(service, deferred=deferred)
    assert len(service.jobs()) == 3


def test_broken_downloads(service: StandIn) -> None:
    (item,) = edit(service).json["data"]
    path = urlsplit(item["url"]).path
    whole = fetched(service, item["url"])
    service.fail("image-download", "truncate", bytes=1000)
    with pytest.raises(http.client.IncompleteRead) as cut:
        call(service, "GET", path, key="")
    assert cut.value.partial == whole[:1000]
    service.fail("image-download", "short-length", bytes=500)
    assert call(service, "GET", path, key="").body == whole[:500]
    service.fail("image-download", "no-length")
    assert call(service, "GET", path, key="").body == whole[: len(whole) // 2]
    service.fail("image-download", "not-mp4")
    page = call(service, "GET", path, key="")
    assert page.headers["Content-Type"] == "image/jpeg"
    assert page.body.startswith(b"<!doctype")
    service.fail("image-download", "redirect")
    hop = call(service, "GET", path, key="")
    assert call(service, "GET", hop.headers["Location"], key="").body == whole
    part = call(service, "GET", path, key="", headers={"Range": "bytes=100-"})
    assert (part.status, part.body) == (206, whole[100:])


def test_records_and_limits_are_those_of_clips(service: StandIn) -> None:
    uri = data_uri(RED)
    edit(service, image={"url": uri})
    (post,) = service.requests("image-submit")
    sent = base64.b64decode(uri.partition(",")[2])
    assert post["body"]["image"]["url"]["bytes"] == len(sent)
    assert service.image(post["body"]["image"]["url"]["sha256"]) == sent
    assert (post["of"], post["job"]) == ("image", service.jobs()[0]["id"])
    service.settings(per_minute=1)
    assert edit(service).status == 429
    assert call(service, "GET", "/v1/api-key").status == 429

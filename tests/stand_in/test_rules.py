"""The stand-in accepts what the service accepts, and refuses in its words (docs/api.md, §1 and §3)."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stand_in.calls import call, data_uri, final, generate, made
from stand_in.client import StandIn

FIXTURES = {
    entry["id"]: entry
    for entry in json.loads(Path(__file__).with_name("fixtures.json").read_text("utf-8"))
}
RED = Image.new("RGB", (64, 36), (200, 30, 30))
LINK = {"url": "https://example.com/a.png"}
V15 = "grok-imagine-video-1.5"
WIRE_NAMES = {"generate": "generations", "edit": "edits", "extend": "extensions"}


def like(name: str, answer: Any) -> None:
    """The answer is that captured one, to the byte for text and to the value for JSON."""
    seen = FIXTURES[name]
    assert answer.status == seen["status"]
    assert answer.headers["Content-Type"] == seen["content_type"]
    body = answer.body.decode() if isinstance(seen["body"], str) else answer.json
    assert body == seen["body"]


REQUESTS = [
    entry
    for entry in FIXTURES.values()
    if entry["kind"] == "request" and entry["evidence"] != "seed"
]


@pytest.mark.parametrize("entry", REQUESTS, ids=[entry["id"] for entry in REQUESTS])
def test_captured_requests_start_a_job(service: StandIn, entry: dict[str, Any]) -> None:
    body = json.loads(re.sub(r"<IMAGE_URL_\d>", LINK["url"], json.dumps(entry["body"])))
    answer = call(service, "POST", entry["path"], body)
    assert answer.status == 200, answer.body
    assert list(answer.json) == list(FIXTURES["start-gen"]["body"])
    assert [job["id"] for job in service.jobs()] == [answer.json["request_id"]]
    assert WIRE_NAMES[service.jobs()[0]["kind"]] in entry["path"]


def test_captured_refusals_come_back_to_the_letter(service: StandIn) -> None:
    no_such = generate(service, model="grok-imagine-video-2.0")
    like("err-model-404-new", no_such)
    for seconds in (0, 16, -1):
        like("err-duration", generate(service, duration=seconds))
    links = [LINK] * 3
    like("err-r2v-dur", generate(service, duration=16, reference_images=links))
    like("err-r2v-1080", generate(service, model=V15, resolution="1080p", reference_images=links))
    like("err-refs", generate(service, model=V15, reference_images=[LINK] * 30))
    voices = [{"voice_id": "ara"}] * 4
    like("err-voice", generate(service, model=V15, reference_audios=voices))
    video = {"model": V15, "prompt": "x", "video": {"url": "https://example.com/a.mp4"}}
    like("err-edit-model", call(service, "POST", "/v1/videos/edits", video))
    like("err-ext-model", call(service, "POST", "/v1/videos/extensions", video))
    like("err-401-nokey", call(service, "GET", "/v1/api-key", key=""))
    like("err-400-badkey-new", call(service, "GET", "/v1/api-key", key="xai-somethingjU"))
    like("poll-400-badid", call(service, "GET", "/v1/videos/not-an-id"))
    assert service.jobs() == []


def test_shapes_are_refused_in_serdes_words_and_columns(service: StandIn) -> None:
    # 38 characters up to the closing brace, as in the captured body.
    short = b'{"prompt":"1234567890123456789012345"}'
    assert len(short) == 38
    like("err-422-missing-video", call(service, "POST", "/v1/videos/edits", short))
    text = b'{"prompt":"x","video":"https://example.com/a.mp4"}'
    like("err-422-video-string", call(service, "POST", "/v1/videos/edits", text))
    head = b'{"model":"grok-imagine-video","prompt":"'
    tail = b'","aspect_ratio":"auto"'
    body = head + b"x" * (116 - len(head) - len(tail)) + tail + b"}"
    like("err-422-aspect", call(service, "POST", "/v1/videos/generations", body))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"duration":"5"}',
            'duration: invalid type: string "5", expected i32 at line 1 column 15',
        ),
        (
            b'{"duration":5.5}',
            "duration: invalid type: floating point `5.5`, expected i32 at line 1 column 15",
        ),
        (
            b'{"duration":true}',
            "duration: invalid type: boolean `true`, expected i32 at line 1 column 16",
        ),
        (
            b'{"duration":99999999999}',
            "duration: invalid value: integer `99999999999`, expected i32 at line 1 column 23",
        ),
        (b'{"prompt":null}', "prompt: invalid type: null, expected a string at line 1 column 14"),
        (b'{"prompt":{}}', "prompt: invalid type: map, expected a string at line 1 column 10"),
        (
            b'{"image":"x"}',
            'image: invalid type: string "x", expected struct ImageUrl at line 1 column 12',
        ),
        (
            b'{"reference_images":[{"url":5}]}',
            "reference_images[0].url: invalid type: integer `5`, expected a string at line 1 column 29",
        ),
        (
            b'{"generate_audio":1}',
            "generate_audio: invalid type: integer `1`, expected a boolean at line 1 column 19",
        ),
        (
            b'{"resolution":"4k"}',
            "resolution: unknown variant `4k`, expected one of `480p`, `720p`, `1080p` at line 1 column 18",
        ),
        (
            b'{"keyframes":[{"timestamp_s":1}]}',
            "keyframes[0]: missing field `image` at line 1 column 31",
        ),
        (
            b'{"storage_options":{}}',
            "storage_options: missing field `filename` at line 1 column 21",
        ),
        (b'{"prompt":"a","prompt":"b"}', "duplicate field `prompt` at line 1 column 22"),
        (
            b'{\n"prompt":\n7}',
            "prompt: invalid type: integer `7`, expected a string at line 3 column 1",
        ),
        (
            '{"prompt":"ü","user":7}'.encode(),
            "user: invalid type: integer `7`, expected a string at line 1 column 23",
        ),
        (b"[]", "invalid type: sequence, expected struct GenerateVideoRequest at line 1 column 0"),
    ],
)
def test_types(service: StandIn, body: bytes, words: str) -> None:
    answer = call(service, "POST", "/v1/videos/generations", body)
    assert answer.status == 422
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    start = "Failed to deserialize the JSON body into the target type: "
    assert answer.body.decode() == start + words
    assert service.jobs() == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"prompt":', b'{"prompt":"x"} x', b"\xff", b'{"a":[1,]}', b"[" * 500]
)
def test_what_is_no_json_is_400(service: StandIn, body: bytes) -> None:
    answer = call(service, "POST", "/v1/videos/generations", body)
    assert answer.status == 400
    assert answer.body.startswith(b"Failed to parse the request body as JSON: ")


def test_only_json_is_taken(service: StandIn) -> None:
    body = b'{"prompt":"x"}'
    for media in ("multipart/form-data; boundary=x", "text/plain", ""):
        answer = call(
            service, "POST", "/v1/videos/generations", body, headers={"Content-Type": media}
        )
        assert answer.status == 415
    media = "Application/JSON; charset=utf-8"
    good = call(service, "POST", "/v1/videos/generations", body, headers={"Content-Type": media})
    assert good.status == 200


def test_unknown_fields_are_ignored(service: StandIn) -> None:
    assert generate(service, seed=5, fps=30, negative_prompt={"x": [1]}).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": None},
        {"prompt": ""},
        {"prompt": "  "},
        {"prompt": "x" * 4097},
        {"prompt": "", "model": V15, "reference_audios": [{"voice_id": "ara"}]},
        {"reference_images": [LINK] * 8, "duration": 10},
        {"model": V15, "reference_images": [LINK] * 15},
        {"model": V15, "resolution": "1080p", "image": LINK, "last_frame": LINK},
        {
            "model": f"{V15}-preview",
            "resolution": "1080p",
            "duration": 5,
            "keyframes": [{"image": LINK, "timestamp_s": 1}],
        },
        {"resolution": "1080p"},
        {"image": LINK, "reference_images": [LINK]},
        {"duration": 11, "reference_images": [LINK]},
        {"last_frame": LINK},
        {"keyframes": [{"image": LINK, "timestamp_s": 1}], "duration": 5},
        {"reference_audios": [{"voice_id": "ara"}]},
        {"model": "grok-imagine-video-1.5-lite", "reference_images": [LINK]},
        {"model": V15, "keyframes": [{"image": LINK, "timestamp_s": 1}] * 5, "duration": 5},
        {"model": V15, "keyframes": [{"image": LINK, "timestamp_s": 5}], "duration": 5},
        {"model": V15, "keyframes": [{"image": LINK, "timestamp_s": 0}], "duration": 5},
        {"model": V15, "keyframes": [{"image": LINK, "timestamp_s": 1.5}], "duration": 5},
        {"model": V15, "reference_audios": [{}]},
        {"storage_options": {"filename": "a.mp4", "expires_after": 2592001}},
        {"image": {}},
        {"image": {"url": "<IMAGE_URL_1>"}},
        {"image": {"url": "file:///etc/passwd"}},
        {"image": {"url": "data:image/png,xx"}},
        {"image": {"url": "data:image/png;base64,####"}},
        {"image": {"url": "data:image/png;base64,aGVsbG8="}},
        {"image": {"url": data_uri(RED, "PNG", "image/jpeg")}},
        {"image": {"url": data_uri(RED, "GIF")}},
        {"image": {"url": data_uri(RED, "PNG")[:-60] + "AAAA"}},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_values_that_are_refused(service: StandIn, fields: dict[str, Any]) -> None:
    answer = generate(service, **fields)
    assert answer.status == 400
    assert answer.json["code"] == "invalid-argument"
    assert answer.json["error"]
    assert service.jobs() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "x" * 4096},
        {"prompt": None, "image": {"url": data_uri(RED)}},
        {"image": {"url": data_uri(RED, "JPEG")}},
        {"image": {"url": data_uri(RED, "WEBP")}},
        {"image": {"url": data_uri(RED), "file_id": None}},
        {"prompt": "", "reference_images": [LINK] * 7, "duration": 10},
        {"prompt": None, "model": f"{V15}-2026-05-30", "reference_images": [LINK] * 14},
        {"prompt": "", "model": V15, "last_frame": LINK},
        {
            "prompt": None,
            "model": V15,
            "duration": 5,
            "keyframes": [{"image": LINK, "timestamp_s": 1}],
        },
        {"model": V15, "reference_images": [LINK], "duration": 15},
        {"model": V15, "image": LINK, "reference_images": [LINK]},
        {"model": V15, "resolution": "720p", "last_frame": LINK, "image": LINK},
        {"model": V15, "duration": 5, "keyframes": [{"image": LINK, "timestamp_s": 1.667}]},
        {"model": V15, "reference_audios": [{"voice_id": "ara"}] * 3},
        {"model": "grok-imagine-video-1.5-lite", "resolution": "1080p"},
        {"aspect_ratio": "21:9"},
        {"aspect_ratio": "5:2", "model": V15, "resolution": "1080p"},
        {"aspect_ratio": None, "user": None, "output": {"upload_url": "https://example.com"}},
        {"storage_options": {"filename": "a.mp4", "public_url": {"expires_after": 60}}},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_values_that_are_accepted(service: StandIn, fields: dict[str, Any]) -> None:
    answer = generate(service, **fields)
    assert answer.status == 200, answer.body


def test_the_default_duration_is_eight_seconds(service: StandIn) -> None:
    assert generate(service, duration=None, resolution=None, model=None).status == 200
    job = service.jobs()[0]
    assert (job["duration"], job["resolution"], job["model"]) == (8, "480p", "grok-imagine-video")


@pytest.mark.parametrize(
    ("fields", "ticks"),
    [
        ({"duration": 1}, 5 * 10**8),  # billed: docs/api.md, §5
        ({"duration": 10, "model": V15, "image": LINK}, 81 * 10**8),  # billed
        ({"duration": 10, "model": f"{V15}-preview", "image": LINK}, 81 * 10**8),
        ({"duration": 10, "resolution": "720p", "image": LINK}, 702 * 10**7),  # the guide
        ({"duration": 6, "image": LINK}, 302 * 10**7),  # the guide
    ],
)
def test_the_price(service: StandIn, fields: dict[str, Any], ticks: int) -> None:
    service.settings(motion=False)  # nobody looks at the ten seconds
    done = final(service, generate(service, **fields).json["request_id"])
    assert done.json["usage"]["cost_in_usd_ticks"] == ticks
    assert service.jobs()[0]["ticks"] == ticks


def extend(service: StandIn, **fields: Any) -> Any:
    asked = {"prompt": "on", "video": {"url": "https://example.com/a.mp4"}, "duration": 2}
    return call(service, "POST", "/v1/videos/extensions", asked | fields)


def test_durations_of_an_extension(service: StandIn) -> None:
    for seconds in (0, 16):
        like("err-duration", extend(service, duration=seconds))
    for seconds in (1, 11):
        started = extend(service, duration=seconds)
        assert started.status == 200
        failed = final(service, started.json["request_id"])
        assert failed.status == 200
        assert failed.json["status"] == "failed"
        assert failed.json["error"] == FIXTURES["poll-failed-extdur"]["body"]["error"]
    for seconds in (2, 10):
        assert extend(service, duration=seconds).status == 200


def test_edits_need_a_short_mp4_and_a_prompt(service: StandIn) -> None:
    def edit(**fields: Any) -> Any:
        return call(service, "POST", "/v1/videos/edits", {"prompt": "snow"} | fields)

    long_url, _ = made(service, duration=9)
    short_url, short = made(service, duration=2)
    assert edit(video={"url": long_url}).status == 400
    assert edit(video={"url": short_url}).status == 200
    as_data = "data:video/mp4;base64," + base64.b64encode(short).decode()
    assert edit(video={"url": as_data}).status == 200
    assert edit(video={"url": as_data[:4000]}).status == 400
    assert edit(video={"url": service.base + "/xai-vidgen-bucket/xai-video-00.mp4"}).status == 400
    assert edit(video={"url": short_url}, prompt="").status == 400
    assert edit(video={}).status == 400
    missing = call(service, "POST", "/v1/videos/edits", {"video": {"url": short_url}})
    assert missing.status == 422
    assert b"missing field `prompt`" in missing.body


def test_video_id_is_of_the_guide_only(service: StandIn) -> None:
    request_id = generate(service, duration=2).json["request_id"]
    final(service, request_id)
    body = {"prompt": "on", "video_id": request_id, "duration": 2}
    real = call(service, "POST", "/v1/videos/extensions", body)
    assert real.status == 422
    assert b"missing field `video`" in real.body
    both = body | {"video": {"url": "https://example.com/a.mp4"}}
    assert call(service, "POST", "/v1/videos/extensions", both).status == 200
    service.settings(shape="guide")
    guide = call(service, "POST", "/v1/videos/extensions", body)
    assert guide.status == 200, guide.body
    assert final(service, guide.json["request_id"]).json["video"]["duration"] == 4
    assert call(service, "POST", "/v1/videos/extensions", both).status == 200


def test_a_stored_file_needs_no_upload(service: StandIn) -> None:
    started = generate(service, duration=2, storage_options={"filename": "a.mp4"})
    stored = final(service, started.json["request_id"]).json["video"]["file_output"]
    assert stored["filename"] == "a.mp4"
    good = extend(service, video={"file_id": stored["file_id"]})
    assert good.status == 200
    assert final(service, good.json["request_id"]).json["video"]["duration"] == 4
    assert extend(service, video={"file_id": "file_0000"}).status == 404


def test_keys(service: StandIn) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        headers = {"Authorization": f"{scheme}  {service.key} "}
        assert call(service, "GET", "/v1/api-key", key="", headers=headers).status == 200
    basic = {"Authorization": "Basic eDp5"}
    assert call(service, "GET", "/v1/api-key", key="", headers=basic).status == 401
    service.settings(shape="guide")
    assert call(service, "GET", "/v1/api-key", key="xai-wrong").status == 401
    told = json.dumps(service.requests())
    assert service.key not in told
    assert "xai-wrong" not in told


def test_models_and_routes(service: StandIn) -> None:
    listed = call(service, "GET", "/v1/video-generation-models?x=1").json["models"]
    seen = FIXTURES["model-list"]["body"]["models"][0]
    assert [set(model) for model in listed] == [set(seen)] * len(listed)
    one = call(service, "GET", "/v1/video-generation-models/grok-imagine-video").json
    like_one = FIXTURES["model-get-base"]["body"]
    assert one | {"fingerprint": ""} == like_one | {"fingerprint": ""}
    assert call(service, "GET", "/v1/video-generation-models/no").status == 404
    unknown = call(service, "GET", "/v1/nothing")
    assert unknown.status == 404
    assert unknown.json["error"]["code"] == 404
    assert isinstance(unknown.json["error"]["message"], str)
    wrong = call(service, "GET", "/v1/videos/generations")
    assert (wrong.status, wrong.body) == (405, b"")
    absent = call(service, "GET", "/v1/videos/824c6d07-f5ce-987d-b3e9-0949599b05e7")
    assert (absent.status, absent.json["code"]) == (404, "not-found")

"""The wire against every captured answer, the guide's shape, and noise: right events, never an exception."""

from __future__ import annotations

import base64
import json
import math
import re
import string
from collections.abc import Mapping
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grok_video.core.amount import TICKS_PER_USD
from grok_video.core.events import (
    AnswerLost,
    Blocked,
    Done,
    Event,
    NotSent,
    Progress,
    Rejected,
    ServiceFailed,
    Submitted,
)
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.redact import mask
from grok_video.core.spec import JobSpec, Keyframe, Kind, Picture, SourceVideo
from grok_video.core.urls import host_of
from grok_video.service.answer import (
    Named,
    Poll,
    key_answer,
    models_answer,
    poll_answer,
    submit_answer,
)
from grok_video.service.body import retry_after
from grok_video.service.request import RemoteClip, poll_path, submission
from tests.core.conftest import KEY, make_spec, says_free

FIXTURES: dict[str, dict[str, Any]] = {
    entry["id"]: entry
    for entry in json.loads((Path(__file__).parent / "fixtures.json").read_text("utf-8"))
}
NOW = 1_800_000_000.0
#: docs/safety.md, rule 2: nothing else says that nothing was started.
REJECTED = {400, 401, 403, 404, 405, 413, 415, 422}
HTML = b"<!doctype html>\n<html><head><title>Oops</title></head><body>Not <b>this</b></body></html>"


def encoded(body: Any) -> bytes:
    """A body as it is sent: text as it stands, anything else as JSON."""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def submit(status: int, body: Any = "", headers: Mapping[str, str] | None = None) -> Event:
    raw = body if isinstance(body, bytes) else encoded(body)
    return submit_answer(status, headers or {}, raw, now=NOW)


ASKED = "https://api.x.ai/v1/videos/request-1"


def poll(status: int, body: Any = "", headers: Mapping[str, str] | None = None) -> Poll:
    raw = body if isinstance(body, bytes) else encoded(body)
    return poll_answer(status, headers or {}, raw, now=NOW, asked=ASKED)


def polls(*bodies: Any, status: int = 200) -> list[Poll]:
    """What polls running say, each of which knows of the one before."""
    said: list[Poll] = []
    for body in bodies:
        before = said[-1].named if said else Named()
        raw = encoded(body)
        said.append(poll_answer(status, {}, raw, now=NOW, asked=ASKED, before=before))
    return said


def key(status: int, body: Any = "") -> Problem | None:
    return key_answer(status, {}, body if isinstance(body, bytes) else encoded(body))


def failed(status: int, body: Any) -> ServiceFailed:
    event = poll(status, body).event
    assert isinstance(event, ServiceFailed)
    return event


def problem_of(event: Event | None) -> Problem:
    assert isinstance(event, Rejected | NotSent | AnswerLost | ServiceFailed | Blocked)
    return event.problem


# ------------------------------------------------------------------------------------------------- requests


Files = Mapping[str, bytes]


def assembled(
    spec: JobSpec, files: Files | None = None, named: RemoteClip | None = None
) -> tuple[str, dict[str, Any]]:
    """Where it goes, and what the service reads when the worker has put the parts together."""
    upload = submission(spec, named)
    body = b""
    for part in upload.parts:
        body += part if isinstance(part, bytes) else base64.b64encode((files or {})[str(part)])
    last = upload.parts[-1]
    assert isinstance(last, bytes)
    assert last.endswith(b"}")
    assert all(
        isinstance(one, bytes) != isinstance(two, bytes) for one, two in pairwise(upload.parts)
    )
    return upload.path, json.loads(body)


def generation(spec: JobSpec, files: Files | None = None) -> dict[str, Any]:
    path, body = assembled(spec, files)
    assert path == "/v1/videos/generations"
    return body


def uri(mime: str, data: bytes) -> dict[str, str]:
    return {"url": f"data:{mime};base64,{base64.b64encode(data).decode()}"}


@given(st.text(min_size=1).filter(str.strip), st.booleans(), st.integers(1, 15))
@example('"}}, {"model": "dear\\', True, 6)
@example("Ein Schäfer 🐑\n\u2028\ud800", False, 1)
def test_a_request_says_what_was_asked_for(prompt: str, sound: bool, seconds: int) -> None:
    spec = make_spec(
        prompt=prompt,
        generate_audio=sound,
        duration=seconds,
        resolution="720p",
        aspect_ratio="3:2",
        image="/stills/a.png",
        image_mime="image/png",
    )
    assert generation(spec, {"/stills/a.png": b"\x89PNG pixels"}) == {
        "model": spec.model,
        "prompt": prompt,
        "duration": seconds,
        "resolution": "720p",
        "aspect_ratio": "3:2",
        "generate_audio": sound,
        "image": uri("image/png", b"\x89PNG pixels"),
    }


@pytest.mark.parametrize(
    ("pixels", "ratio", "named"),
    [
        ((848, 480), "16:9", True),  # cropped to a name, or of that ratio anyway
        ((480, 848), "9:16", True),
        ((0, 0), "3:2", True),  # nobody noted what was sent
        ((1148, 480), "16:9", False),  # whole: 2.39:1
        ((480, 1148), "9:16", False),
        ((888, 480), "16:9", False),  # 1.85:1
        ((1920, 20), "16:9", False),
        ((1, 1080), "9:16", False),
        (
            (1120, 480),
            "21:9",
            False,
        ),  # cropped to a name that may not be known along with a picture
    ],
)
def test_a_ratio_is_named_along_with_a_picture_only_where_the_picture_has_it(
    pixels: tuple[int, int], ratio: str, named: bool
) -> None:
    """With a picture the clip follows that; a service that does not would crop or stretch to what is named."""
    spec = make_spec(
        image=A.path, image_mime=A.mime, image_pixels=pixels, aspect_ratio=ratio, references=(B,)
    )
    body = generation(spec, PIXELS)
    assert body.get("aspect_ratio") == (ratio if named else None)
    assert "auto" not in json.dumps(body).lower()


@pytest.mark.parametrize("ratio", ["21:9", "5:2", "9:16"])
def test_text_alone_names_its_ratio(ratio: str) -> None:
    assert generation(make_spec(aspect_ratio=ratio))["aspect_ratio"] == ratio
    assert (
        generation(make_spec(aspect_ratio=ratio, references=(A,)), PIXELS)["aspect_ratio"] == ratio
    )


def test_text_to_video_sends_no_image() -> None:
    assert "image" not in generation(make_spec(prompt="}"))


def test_no_prompt_is_no_field() -> None:
    body = generation(
        make_spec(prompt=" \n", image="a.jpg", image_mime="image/jpeg"), {"a.jpg": b"x"}
    )
    assert "prompt" not in body
    assert body["image"]["url"].startswith("data:image/jpeg;base64,")


A, B, C, D = (Picture(f"/stills/{n}.png", "image/png", 3) for n in "abcd")
PIXELS = {picture.path: picture.path.encode() for picture in (A, B, C, D)}
CLIP = SourceVideo("/stills/source.mp4", 4.04, 7, 848, 480, "job-1")
NAMED = RemoteClip("https://vidgen.x.ai/bucket/xai-video-5ec4e7.mp4", "request-1")


def test_references_go_in_their_order_as_their_kind_says() -> None:
    photo = Picture("/photos/d.jpg", "image/jpeg")
    body = generation(
        make_spec(prompt="<IMAGE_1> meets <IMAGE_0>", references=(A, B, photo)),
        PIXELS | {photo.path: b"jpeg"},
    )
    assert body["reference_images"] == [
        uri("image/png", b"/stills/a.png"),
        uri("image/png", b"/stills/b.png"),
        uri("image/jpeg", b"jpeg"),
    ]
    assert "image" not in body
    assert body["prompt"] == "<IMAGE_1> meets <IMAGE_0>"


def test_voices_go_by_their_ids() -> None:
    body = generation(
        make_spec(prompt="<AUDIO_1> answers <AUDIO_0>", voices=("ara", 'my "own"')), {}
    )
    assert body["reference_audios"] == [{"voice_id": "ara"}, {"voice_id": 'my "own"'}]
    assert "reference_images" not in body
    assert "reference_audios" not in generation(make_spec(), {})


def test_a_first_frame_an_end_frame_and_keyframes_each_have_their_place() -> None:
    spec = make_spec(
        image=A.path,
        image_mime=A.mime,
        last_frame=B,
        keyframes=(Keyframe(C, 3), Keyframe(D, 7)),
    )
    body = generation(spec, PIXELS)
    assert body["image"] == uri("image/png", b"/stills/a.png")
    assert body["last_frame"] == uri("image/png", b"/stills/b.png")
    first, second = body["keyframes"]
    assert (first["image"], first["timestamp_s"]) == (uri("image/png", b"/stills/c.png"), 1.0)
    assert second["image"] == uri("image/png", b"/stills/d.png")
    assert math.isclose(second["timestamp_s"], 7 / 3)


def test_an_extension_uploads_its_source_and_says_how_much_is_added() -> None:
    spec = make_spec(kind=Kind.EXTEND, prompt="on", duration=5, video=CLIP, image=A.path)
    assert assembled(spec, {CLIP.path: b"mp4"}) == (
        "/v1/videos/extensions",
        {"model": spec.model, "prompt": "on", "video": uri("video/mp4", b"mp4"), "duration": 5},
    )


def test_an_edit_is_as_long_as_its_source_and_says_no_length() -> None:
    spec = make_spec(kind=Kind.EDIT, prompt="snow", duration=4, video=CLIP, references=(A,))
    assert assembled(spec, {CLIP.path: b"mp4"}) == (
        "/v1/videos/edits",
        {"model": spec.model, "prompt": "snow", "video": uri("video/mp4", b"mp4")},
    )


@pytest.mark.parametrize("kind", [Kind.EXTEND, Kind.EDIT])
def test_a_source_that_the_service_has_is_named_for_both_shapes(kind: Kind) -> None:
    """`video` for the real service, `video_id` for the guide's: each ignores the other."""
    _, body = assembled(make_spec(kind=kind, video=CLIP, duration=6), {}, NAMED)
    assert body["video"] == {"url": NAMED.url}
    assert body["video_id"] == "request-1"
    assert NAMED.url not in repr(NAMED)


def test_only_fields_of_the_reference_are_sent() -> None:
    """A misspelt field is ignored by the service and costs money."""
    seen: dict[str, set[str]] = {"/v1/videos/generations": {"image", "last_frame", "keyframes"}}
    for entry in FIXTURES.values():
        if entry["kind"] == "request":
            seen.setdefault(entry["path"], set()).update(entry["body"])
    specs = [
        make_spec(image=A.path, image_mime=A.mime),
        make_spec(references=(A,), last_frame=B, keyframes=(Keyframe(C, 1),)),
        make_spec(kind=Kind.EXTEND, video=CLIP),
        make_spec(kind=Kind.EDIT, video=CLIP),
    ]
    for spec in specs:
        for named in (None, NAMED):
            path, body = assembled(spec, PIXELS | {CLIP.path: b"mp4"}, named)
            assert set(body) <= seen[path]


@pytest.mark.parametrize("kind", [Kind.EXTEND, Kind.EDIT])
def test_what_has_no_source_buys_nothing(kind: Kind) -> None:
    with pytest.raises(ValueError, match=kind.value):
        submission(make_spec(kind=kind))


@given(
    st.text(),
    st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(), st.floats(allow_nan=False)),
)
def test_the_pieces_are_the_json_that_python_would_write(
    prompt: str, mimes: list[str], more: dict[str, float]
) -> None:
    """Whatever an artist writes, the files come to lie where they belong and nowhere else."""
    pictures = tuple(Picture(f"/{n}.png", "image/png") for n, _ in enumerate(mimes))
    spec = make_spec(prompt=prompt + "x", model=json.dumps(more), references=pictures)
    body = generation(spec, {f"/{n}.png": b"%d" % n for n, _ in enumerate(mimes)})
    assert (body["prompt"], body["model"]) == (spec.prompt, spec.model)
    assert body.get("reference_images", []) == [
        uri("image/png", b"%d" % n) for n, _ in enumerate(mimes)
    ]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Failed to download the video."),
        (400, "Video could not be decoded. Only MP4 is supported."),
        (404, "The requested video was not found."),
        (422, "unable to fetch input video: 403"),
        (400, "Could not retrieve video from the given URL"),
        (400, "The video URL has expired"),
    ],
)
def test_a_source_that_cannot_be_fetched_is_free_and_says_what_works(
    status: int, words: str
) -> None:
    body = encoded({"code": "invalid-argument", "error": f"{words} ({NAMED.url})"})
    event = submit_answer(status, {}, body, now=NOW, named=True)
    assert isinstance(event, Rejected)
    assert event.problem.code is ProblemCode.REQUEST
    assert says_free(event.problem)
    assert "Send Again uploads the clip itself" in event.problem.hint
    assert "xai-video" not in event.problem.message
    uploaded = submit_answer(status, {}, body, now=NOW)
    assert isinstance(uploaded, Rejected)
    assert "Choose another source" in uploaded.problem.hint


@pytest.mark.parametrize("name", ["err-model-404-new", "err-edit-model", "err-ext-model"])
def test_other_refusals_are_not_taken_for_a_source_that_is_gone(name: str) -> None:
    entry = FIXTURES[name]
    event = submit_answer(entry["status"], {}, encoded(entry["body"]), now=NOW, named=True)
    assert isinstance(event, Rejected)
    assert "uploads" not in event.problem.hint


@given(st.text())
@example("a/../b?x=1#y %41")
@example("\ud800")
def test_an_id_is_one_part_of_the_path(request_id: str) -> None:
    path = poll_path(request_id)
    assert re.fullmatch(r"/v1/videos/[A-Za-z0-9_.~%-]*", path)
    if "\ud800" not in request_id:
        assert unquote(path.removeprefix("/v1/videos/")) == request_id


# ---------------------------------------------------------------------------------------------- every fixture

SUBMITTED = {"start-gen", "start-edit", "start-ext", "start-docs"}
REFUSED = {
    "err-model-404-new": ProblemCode.REQUEST,
    "err-duration": ProblemCode.REQUEST,
    "err-r2v-dur": ProblemCode.REQUEST,
    "err-r2v-1080": ProblemCode.REQUEST,
    "err-refs": ProblemCode.REQUEST,
    "err-voice": ProblemCode.REQUEST,
    "err-edit-model": ProblemCode.REQUEST,
    "err-ext-model": ProblemCode.REQUEST,
    "err-zdr": ProblemCode.REQUEST,
    "err-422-missing-video": ProblemCode.REQUEST,
    "err-422-video-string": ProblemCode.REQUEST,
    "err-422-aspect": ProblemCode.REQUEST,
    "err-429-credits": ProblemCode.CREDITS,
    "err-400-badkey-new": ProblemCode.KEY,
    "err-401-nokey": ProblemCode.KEY,
}
RUNNING = {
    "poll-pending-202": 42,
    "poll-pending-202-0": 0,
    "poll-pending-202-empty": None,
    "seed-processing": None,
}
DONE = {"poll-done-1s", "poll-done-15", "poll-done-docs", "seed-done"}
FAILED = {
    "poll-done-moderated": ProblemCode.MODERATED,
    "poll-400-moderated-new": ProblemCode.MODERATED,
    "poll-failed-docs": ProblemCode.REQUEST,
    "poll-failed-extdur": ProblemCode.REQUEST,
    "poll-failed-internal": ProblemCode.SERVICE,
    "poll-expired": ProblemCode.EXPIRED,
    "seed-failed": ProblemCode.SERVICE,
}
OTHERS = {"err-429-rps", "poll-400-badid", "model-get-base", "model-list"}


def test_every_captured_answer_is_tested_below() -> None:
    looks = "look-"  # ``test_look_bodies``
    answers = {
        name
        for name, entry in FIXTURES.items()
        if entry["kind"] != "request" and not name.startswith(looks)
    }
    assert answers == SUBMITTED | set(REFUSED) | set(RUNNING) | DONE | set(FAILED) | OTHERS


def said(name: str) -> tuple[int, Any, dict[str, str]]:
    entry = FIXTURES[name]
    return entry["status"], entry["body"], {"content-type": entry["content_type"]}


@pytest.mark.parametrize("name", sorted(SUBMITTED))
def test_captured_starts(name: str) -> None:
    assert submit(*said(name)) == Submitted(FIXTURES[name]["body"]["request_id"])


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_captured_refusals(name: str) -> None:
    status, body, headers = said(name)
    event = submit(status, body, headers)
    assert isinstance(event, Rejected)
    assert event.problem.code is REFUSED[name]
    assert says_free(event.problem)
    assert event.problem.http_status == status
    assert "Nothing was charged." in event.problem.hint
    words = body if isinstance(body, str) else body["error"]
    # The service's own words, but for the secrets and addresses in them.
    if "https" not in words:
        shown = words.replace("xa***jU", "***")
        assert event.problem.message.rstrip(".") == shown.rstrip(".")
    assert event.problem.message.rstrip(".").split()[:2] == words.split()[:2]


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_captured_polls_of_a_running_job(name: str) -> None:
    assert poll(*said(name)) == Poll(Progress(RUNNING[name]))


@pytest.mark.parametrize("name", sorted(DONE))
def test_captured_clips(name: str) -> None:
    body = FIXTURES[name]["body"]
    cost = body.get("usage", {}).get("cost_in_usd_ticks")
    assert poll(*said(name)) == Poll(Done(body["video"]["url"], cost))


@pytest.mark.parametrize("name", sorted(FAILED))
def test_captured_ends_without_a_clip(name: str) -> None:
    status, body, headers = said(name)
    event = poll(status, body, headers).event
    assert isinstance(event, ServiceFailed)
    assert event.problem.code is FAILED[name]
    assert "may have been charged" in event.problem.hint  # none of them tells its cost
    assert event.problem.message
    assert event.problem.hint


def test_a_captured_rate_limit_is_tried_again_and_asked_again() -> None:
    event = submit(*said("err-429-rps"))
    assert isinstance(event, NotSent)
    assert event.problem.code is ProblemCode.RATE
    assert says_free(event.problem)
    answer = poll(*said("err-429-rps"))
    assert answer.event is None
    assert "Too many requests" in answer.note


@pytest.mark.parametrize("name", ["model-get-base", "model-list"])
def test_an_answer_to_another_question_ends_nothing(name: str) -> None:
    assert isinstance(poll(*said(name)).event, Progress)
    assert isinstance(submit(*said(name)), AnswerLost)


# ----------------------------------------------------------------- the POST: docs/safety.md, rule 2


@pytest.mark.parametrize("body", ["", "{}", "error code", HTML.decode()])
def test_what_a_status_alone_says_of_a_post(body: str) -> None:
    for status in range(100, 600):
        event = submit(status, body)
        if status in REJECTED:
            wanted: type[Event] = Rejected
        elif status in (425, 429):
            wanted = NotSent
        else:
            wanted = AnswerLost
        assert type(event) is wanted, status
        assert says_free(problem_of(event)) is (wanted is not AnswerLost)
        assert ("may have been charged" in problem_of(event).message) is (wanted is AnswerLost)
        assert problem_of(event).http_status == status


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_with_an_id_is_bought(status: int) -> None:
    assert submit(status, {"request_id": "not-a-uuid 7", "status": "failed"}) == Submitted(
        "not-a-uuid 7"
    )


LONG_ID = "é" * 200


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"request_id": "a"}, "a"),
        ({"id": "a"}, "a"),
        ({"data": {"request_id": "a"}}, "a"),
        ({"data": {"id": "a"}}, "a"),
        ({"request_id": 7}, "7"),
        ({"id": -7}, "-7"),
        ({"data": {"request_id": 0}}, "0"),
        ('{"data": {"id": ' + "9" * 200 + "}}", "9" * 200),
        ({"request_id": LONG_ID}, LONG_ID),
        ({"request_id": "a", "id": "a", "data": {"request_id": "a", "id": "a"}}, "a"),
        ({"request_id": "7", "id": 7}, "7"),
        ({"request_id": None, "id": "", "data": {"request_id": [], "id": "a"}}, "a"),
        ({"request_id": True, "id": 1.5, "data": {"id": "a"}}, "a"),
        ({"id": "a", "object": "video", "status": "queued", "error": None}, "a"),
        ({"id": "a", "error": ""}, "a"),
        ({"request_id": "a", "error": {}, "data": {"error": False}}, "a"),
        ({"request_id": "a", "data": "b"}, "a"),
        ({"request_id": "a", "data": [{"id": "b"}]}, "a"),
        ({"request_id": "a", "video": {"id": "b"}}, "a"),
    ],
)
def test_the_id_of_a_job_wherever_it_stands(body: Any, wanted: str) -> None:
    assert submit(200, body) == Submitted(wanted)
    assert isinstance(submit(503, body), AnswerLost)  # in a 2xx only


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"request_id": "a1", "id": "b2"}, ["a1", "b2"]),
        ({"id": "a1", "data": {"id": "b2"}}, ["a1", "b2"]),
        ({"data": {"request_id": "a1", "id": 7}}, ["a1", "7"]),
        ({"request_id": "a1", "id": "b2", "data": {"id": "c3"}}, ["a1", "b2", "c3"]),
        ({"request_id": "a" * 200, "id": "b" * 200}, ["a" * 200, "b" * 200]),
        ({"request_id": "a1", "id": "A1"}, ["a1", "A1"]),  # an id is opaque
        ({"request_id": "a1", "id": "b" * 300}, ["a1", "b" * 200]),
        ({"request_id": "a1", "id": "b\n2"}, ["a1", "b?2"]),
        ({"request_id": "a1", "error": "It broke"}, ["a1", "It broke"]),
        ({"request_id": "a1", "error": {"code": 7}}, ["a1"]),
        ({"id": "a1", "error": 13}, ["a1"]),
        ({"data": {"id": "a1", "error": "No"}}, ["a1"]),
        ({"request_id": "a" * 201}, ["a" * 200]),
        ({"request_id": ".."}, [".."]),
        ({"request_id": "xai-video-1", "id": "xai-b2"}, ["“xai-video-1”", "“xai-b2”"]),
        ({"request_id": KEY, "id": "b2"}, ["“xai-***” and “b2”"]),
    ],
)
def test_ids_that_do_not_say_which_job_was_bought_are_shown(body: Any, shown: list[str]) -> None:
    """None is asked for by itself, none is lost: the artist may enter each."""
    event = submit(200, body)
    assert isinstance(event, AnswerLost)
    assert "may have been charged" in event.problem.message
    assert "Recover by Request ID" in event.problem.hint
    for text in shown:
        assert text in event.problem.message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"request_id": ""},
        {"request_id": " "},
        {"request_id": None},
        {"request_id": True},
        {"request_id": 1e300},
        {"data": ["a"]},
        {"data": {"request": {"id": "a"}}},
        {"video_id": "a"},
        {"request_id": ["a"]},
        {"request_id": {"id": "a"}},
        {"request_id": "\ud800"},
        {"request_id": "a\nb"},
        '{"id": ' + "9" * 201 + "}",
        {"object": "model", "id": "a"},
        [{"request_id": "a"}],
        "request_id",
        b'{"request_id": "a',
        b'\xff\xfe{\x00"\x00',
        HTML,
        b"",
    ],
)
def test_a_2xx_without_a_usable_id_is_a_lost_answer(body: Any) -> None:
    event = submit(200, body)
    assert isinstance(event, AnswerLost)
    assert event.problem.code is ProblemCode.ANSWER_LOST
    assert "may have been charged" in event.problem.message
    assert "id" in event.problem.hint


@pytest.mark.parametrize("status", [301, 302, 307, 308, 408, 409, 500, 502, 503, 504, 529])
def test_an_id_in_an_answer_that_is_no_success_does_not_count(status: int) -> None:
    assert isinstance(submit(status, {"request_id": "a"}), AnswerLost)


def test_only_the_words_tell_a_rate_limit_from_an_empty_purse() -> None:
    new_code = {**FIXTURES["err-429-credits"]["body"], "code": "resource-exhausted"}
    old_code = {**FIXTURES["err-429-rps"]["body"], "code": "Some resource has been exhausted"}
    assert problem_of(submit(429, new_code)).code is ProblemCode.CREDITS
    assert isinstance(submit(429, new_code), Rejected)
    assert isinstance(submit(429, old_code), NotSent)
    assert isinstance(submit(429, {"error": {"code": 429, "message": new_code["error"]}}), Rejected)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"code": "invalid-argument", "error": "Incorrect API key provided: xa***jU."}),
        (
            400,
            {
                "code": "Client specified an invalid argument",
                "error": "Incorrect API key provided: xa***jU. You can obtain an API key from https://console.x.ai.",
            },
        ),
        (401, ""),
        (403, {"code": "unauthenticated:bad-credentials", "error": "The API key was disabled."}),
        (403, {"code": "permission-denied", "error": "Your team is blocked."}),
        (403, HTML),
    ],
)
def test_a_wrong_key_sends_to_the_preferences(status: int, body: Any) -> None:
    event = submit(status, body)
    assert isinstance(event, Rejected)
    assert event.problem.code is ProblemCode.KEY
    assert "preferences" in event.problem.hint
    blocked = poll(status, body).event
    assert isinstance(blocked, Blocked)
    assert blocked.problem.code is ProblemCode.KEY
    checked = key(status, body)
    assert checked is not None
    assert checked.code is ProblemCode.KEY


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"code": "x", "error": "Real words"}, "Real words."),
        ({"error": {"code": 400, "message": "Nested words!"}}, "Nested words!"),
        ({"error": {"code": "x", "message": ["no"]}, "message": "Beside"}, "Beside."),
        ({"error": "Guide's words"}, "Guide's words."),
        ({"detail": "Other words"}, "Other words."),
        ("Plain words", "Plain words."),
        ('"A JSON string"', "A JSON string."),
        (" Two\nlines\t\x00 of\u202e words ", "Two lines of words."),
        ("\ufeffMarked", "Marked."),
        ("names <IMAGE_0> twice", "names <IMAGE_0> twice."),
    ],
)
def test_the_services_own_words_are_shown(body: Any, words: str) -> None:
    assert problem_of(submit(400, body)).message == words


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b"...",
        b'{"error": null}',
        b'{"error": 5}',
        b'{"error": "..."}',
        b"\xff\xfe\x00\x01",
        HTML,
        HTML.replace(b"<!doctype html>\n", b"  "),
        b"Oops <br> it broke</p>",
        json.dumps({"error": HTML.decode()}).encode(),
        json.dumps(HTML.decode()).encode(),
        json.dumps({"error": {"message": HTML.decode()}}).encode(),
    ],
)
def test_without_words_the_sentence_is_ours(body: bytes) -> None:
    for event in (submit(400, body), submit(500, body), poll(418, body).event):
        message = problem_of(event).message
        assert re.search(r"\b(400|500|418)\b", message)
        assert not re.search(r"[<>{}\[\]\ufffd]|\.\.\.|null", message)
        assert message.endswith(".")


def test_a_page_is_known_by_its_type_too() -> None:
    event = submit(400, "Sign in to the hotel", {"CONTENT-TYPE": "Text/HTML; charset=utf-8"})
    assert "hotel" not in problem_of(event).message


def test_long_words_are_cut() -> None:
    message = problem_of(submit(400, {"error": "words " * 100_000})).message
    assert 100 < len(message) < 600
    assert message.endswith("…")


def test_secrets_are_not_shown() -> None:
    body = {"error": f"Key {KEY} for https://vidgen.x.ai/secret/clip.mp4?sig=1 of xa***jU"}
    lost = submit(500, body)
    answers = [
        problem_of(submit(400, body)).message,
        problem_of(lost).message,
        problem_of(poll(404, body).event).message,
        poll(503, body).note,
        problem_of(poll(200, {**body, "status": "failed"}).event).message,
        poll(200, {"status": f"Bearer {KEY}"}).note,
    ]
    for text in answers:
        assert KEY[4:] not in text
        assert "secret" not in text
        assert "jU" not in text
    assert "vidgen.x.ai" in answers[0]


def test_a_link_to_the_console_stays_whole() -> None:
    assert "https://console.x.ai/team/default/rate-limits" in (
        problem_of(submit(*said("err-429-rps"))).message
    )


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (404, {"error": "The model x does not exist"}, "model"),
        (404, {"error": {"code": 404, "message": "Not found"}}, "base URL"),
        (405, "", "base URL"),
        (413, "", "JPEG"),
        (422, "Failed to deserialize", "Change"),
        (429, FIXTURES["err-429-credits"]["body"], "credits"),
        (400, {"code": "imagine:content-moderated", "error": "No."}, "prompt"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, body: Any, word: str) -> None:
    assert word in problem_of(submit(status, body)).hint


# -------------------------------------------------------------------------------------------------- the poll


DONE_WORDS = ["done", "completed", "succeeded", "success", "finished", "ready"]


@pytest.mark.parametrize("word", [*DONE_WORDS, "DONE", " Ready\n", None, ""])
def test_a_clip_in_every_shape(word: str | None) -> None:
    body = {"status": word, "video": {"url": "https://a.example/c.mp4", "duration": 6}}
    if word is None:
        del body["status"]  # early 2026
    assert poll(200, body) == Poll(Done("https://a.example/c.mp4"))


LINK = "https://a.example/c.mp4"
OTHER = "https://b.example/d.mp4"


@pytest.mark.parametrize(
    "body",
    [
        {"video": {"url": LINK}},
        {"video_url": LINK},
        {"videos": [{"url": LINK}]},
        {"video": {"url": None, "file_output": {"file_id": "f", "public_url": LINK}}},
        {"video": {"url": LINK}, "video_url": OTHER, "videos": [{"url": OTHER}]},
        {"video": {"url": " "}, "video_url": LINK, "videos": [{"url": OTHER}]},
        {"video": None, "video_url": LINK},
        {"video": {"url": "ftp://a.example/c.mp4"}, "videos": [{"url": LINK}, {"url": OTHER}]},
        {"video": "https://x.example/", "video_url": f" {LINK} "},
        {"video": {"file_output": {"public_url": LINK}}, "videos": [], "video_url": 5},
        {"videos": ["https://x.example/", {"url": OTHER}], "video_url": LINK},
    ],
)
@pytest.mark.parametrize("status", [{"status": "done"}, {"status": "Success"}, {}])
def test_a_link_wherever_it_stands(body: dict[str, Any], status: dict[str, str]) -> None:
    assert poll(200, {**status, **body}).event == Done(LINK)


@pytest.mark.parametrize(
    "video",
    [
        {"videos": [{"url": LINK, "respect_moderation": False}]},
        {"video": {"respect_moderation": False}, "video_url": LINK},
    ],
)
def test_a_link_that_moderation_keeps_back_is_none(video: dict[str, Any]) -> None:
    assert failed(200, {"status": "done", **video}).problem.code is ProblemCode.MODERATED


@pytest.mark.parametrize(
    ("link", "whole"),
    [
        ("/bucket/c.mp4?x=1", "https://api.x.ai/bucket/c.mp4?x=1"),
        ("c.mp4", "https://api.x.ai/v1/videos/c.mp4"),
        ("request-1/content", "https://api.x.ai/v1/videos/request-1/content"),
        ("../c.mp4", "https://api.x.ai/v1/c.mp4"),
        ("../../../../c.mp4", "https://api.x.ai/c.mp4"),
        ("//vidgen.x.ai/c.mp4", "https://vidgen.x.ai/c.mp4"),
        ("//127.0.0.1/c.mp4", "https://127.0.0.1/c.mp4"),  # refused where it would be opened
        ("HTTPS://A.example/c.mp4", "HTTPS://A.example/c.mp4"),
        ("http://a.example/c.mp4", "http://a.example/c.mp4"),  # the same
    ],
)
def test_a_link_without_a_host_is_the_services_own(link: str, whole: str) -> None:
    assert poll(200, {"status": "done", "video": {"url": link}}).event == Done(whole)
    assert poll(200, {"video_url": link}).event == Done(whole)


@pytest.mark.parametrize(
    "link",
    [
        *("", "#top", "?x=1", "mailto:a@b.example", "https:c.mp4", "//[::1", "/", "..", "//"),
        *("pending", "null", "None", "N/A", "not ready yet", "Soon. Try again", "processing..."),
        *("/v1/videos/request-1", ASKED),
    ],
)
def test_what_names_no_file_is_no_link(link: str) -> None:
    """A word or the address of the poll itself would end a job that runs, after three downloads of nothing."""
    said = {"video": {"url": link}}
    assert failed(200, {"status": "done", **said}).problem.code is ProblemCode.SERVICE
    assert isinstance(poll(200, said).event, Progress)
    assert poll(200, {"video_url": LINK, **said}).event == Done(LINK)
    for one in polls(*[{"status": "rendering", **said}] * 4):
        assert isinstance(one.event, Progress)


def rendered(word: Any, url: Any = LINK) -> dict[str, Any]:
    return {"status": word, "video": {"url": url}, "usage": {"cost_in_usd_ticks": 5}}


@pytest.mark.parametrize("word", ["rendered", "OK", "complete", 3, ["x"], {"state": "done"}, True])
def test_a_word_that_nobody_told_us_is_done_with_the_same_link_three_times(word: Any) -> None:
    first, second, third = polls(*[rendered(word)] * 3)
    assert isinstance(first.event, Progress)
    assert isinstance(second.event, Progress)
    assert third.event == Done(LINK, 5)
    assert "third time" in third.note
    assert LINK not in repr(second)
    # Another word each time says no less.
    assert polls(rendered("a"), rendered("b"), rendered("c"))[-1].event == Done(LINK, 5)


@pytest.mark.parametrize(
    "between",
    [
        rendered("rendered", OTHER),
        rendered("rendered", ""),
        rendered("rendered", None),
        rendered("pending"),
        {"status": "rendered"},
        {"status": "rendered", "video_url": LINK},
        {"status": "rendered", "video": {"url": LINK, "respect_moderation": False}},
        {"progress": 50},
    ],
)
def test_three_polls_running_are_three_without_another_between(between: Any) -> None:
    again = rendered("rendered")
    for bodies in ([again, between, again, again], [again, again, between, again, again]):
        assert not any(isinstance(one.event, Done | ServiceFailed) for one in polls(*bodies))
    done = polls(again, again, between, again, again, again)[-1]
    assert done.event == Done(LINK, 5)


@pytest.mark.parametrize(
    "word",
    ["pending", "processing", "queued", "in_progress", "In Progress", "in-progress", "running"],
)
def test_a_job_that_runs_is_never_done_by_its_link(word: str) -> None:
    for one in polls(*[rendered(word)] * 5):
        assert isinstance(one.event, Progress)
    for one in polls(*[rendered("rendered")] * 5, status=202):
        assert isinstance(one.event, Progress)


@pytest.mark.parametrize("link", [{"video_url": LINK}, {"videos": [{"url": LINK}]}])
def test_an_unknown_word_is_believed_of_the_services_own_place_only(link: Any) -> None:
    for one in polls(*[{"status": "rendered", **link}] * 5):
        assert isinstance(one.event, Progress)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", ["", "{}", "[]", "null", "soon", {"status": "pending"}, {"x": 1}])
def test_a_2xx_without_an_end_is_running(status: int, body: Any) -> None:
    assert poll(status, body).event == Progress(None)


def test_any_202_is_running() -> None:
    body = {"status": "done", "video": {"url": "https://a.example/c.mp4"}, "progress": 99}
    assert poll(202, body).event == Progress(99)


def test_an_unknown_status_is_running_with_a_warning() -> None:
    answer = poll(200, {"status": "warming_up", "progress": 3})
    assert answer.event == Progress(3)
    assert "warming_up" in answer.note
    for word in ("pending", "processing"):
        assert poll(200, {"status": word}).note == ""


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        ("0", 0),
        ("100", 100),
        ("42.9", 42),
        ("-3", 0),
        ("250", 100),
        ("1e999", 100),
        ("-1e999", 0),
        ("9" * 5000, 100),
        ("NaN", None),
        ("true", None),
        ('"42"', None),
        ("[42]", None),
        ("null", None),
    ],
)
def test_progress_is_a_percentage_or_nothing(value: str, percent: int | None) -> None:
    assert poll(200, f'{{"status": "pending", "progress": {value}}}').event == Progress(percent)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"status": "done", "video": {"url": "", "respect_moderation": False}}),
        (200, {"status": "done", "video": {"respect_moderation": False}}),
        (200, {"status": "done", "video": {"url": "https://a.b/c", "respect_moderation": False}}),
        (200, {"status": "done", "video": None}),
        (200, {"video": {"url": "", "respect_moderation": False}}),
        (400, {"code": "imagine:content-moderated", "error": "Rejected."}),
        (
            400,
            {
                "code": "Client specified an invalid argument",
                "error": "Generated video rejected by content moderation.",
            },
        ),
        (
            200,
            {
                "status": "failed",
                "error": {
                    "code": "invalid_argument",
                    "message": "Generated video rejected by content moderation.",
                },
            },
        ),
        (200, {"status": "failed", "error": "Rejected by moderation"}),
    ],
)
def test_moderation_in_all_its_forms_is_final(status: int, body: Any) -> None:
    event = failed(status, body)
    assert event.problem.code is ProblemCode.MODERATED
    assert "moderat" in event.problem.message.lower() or "Rejected" in event.problem.message
    assert "prompt" in event.problem.hint


@pytest.mark.parametrize("status", [400, 403, 422])
@pytest.mark.parametrize(
    "body",
    ["Blocked: this page violates the content policy of ACME Corp.", '"rejected by moderation"'],
)
def test_words_of_moderation_outside_an_answer_end_no_job(status: int, body: str) -> None:
    """They may be a proxy's; asking again is free."""
    assert isinstance(poll(status, body).event, Blocked)


@pytest.mark.parametrize(
    "video",
    [
        {},
        {"url": "", "respect_moderation": True},
        {"url": None},
        {"url": 5},
        {"url": ["https://a.b/c"]},
        {"url": "file:///etc/passwd"},
        {"url": "ftp://a.b/c.mp4"},
        {"url": "javascript:alert(1)"},
        {"url": "data:video/mp4;base64,AAAA"},
        {"url": "https://"},
        {"url": "https://[::1"},
        {"url": "https://a.b/c\nHost: x"},
        "https://a.b/c",
        ["https://a.b/c"],
        7,
    ],
)
def test_done_without_a_clip_that_can_be_fetched_is_an_end(video: Any) -> None:
    """Read as running it polls for ever."""
    event = failed(200, {"status": "done", "video": video})
    assert event.problem.code is ProblemCode.SERVICE
    assert "may have been charged" in event.problem.hint
    # Without a status it is no end at all.
    assert isinstance(poll(200, {"video": video}).event, Progress)


def test_done_without_any_video_is_an_end() -> None:
    assert failed(200, {"status": "done"}).problem.code is ProblemCode.SERVICE


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"error": "It broke"}, ProblemCode.SERVICE, "It broke."),
        ({"error": {"code": "internal_error"}}, ProblemCode.SERVICE, "xAI"),
        (
            {"error": {"code": "service_unavailable", "message": "Busy"}},
            ProblemCode.SERVICE,
            "Busy.",
        ),
        ({"error": {"code": "permission_denied", "message": "No"}}, ProblemCode.REQUEST, "No."),
        ({"error": {"code": "failed_precondition"}}, ProblemCode.REQUEST, "xAI"),
        ({"error": {"code": "invalid_argument"}, "video": None}, ProblemCode.REQUEST, "xAI"),
        ({"error": {"code": 13, "message": "13"}}, ProblemCode.SERVICE, "13."),
        ({"video": {"url": "", "duration": 0}, "progress": 0}, ProblemCode.SERVICE, "xAI"),
        ({"error": [1, 2]}, ProblemCode.SERVICE, "xAI"),
    ],
)
def test_failures_in_every_shape(body: dict[str, Any], code: ProblemCode, words: str) -> None:
    event = failed(200, {"status": "failed", **body})
    assert event.problem.code is code
    assert event.problem.message.startswith(words)


@pytest.mark.parametrize("word", ["failed", "expired", "error", "cancelled", "canceled", "FAILED"])
def test_every_word_for_failed_is_final(word: str) -> None:
    # A clip's address does not make a failed job a good one.
    failed(200, {"status": word, "video": {"url": "https://a.b/c"}})


@pytest.mark.parametrize(
    ("ticks", "cost"),
    [
        ("0", 0),
        ("500000000", 500_000_000),
        ("-1", None),
        ("5.5", None),
        ("true", None),
        ('"5"', None),
        ("null", None),
        ("9" * 30, None),
        ("9" * 9000, None),
        ("1e999", None),
        (str(10**6 * TICKS_PER_USD), None),
    ],
)
def test_a_cost_is_a_sane_number_of_ticks_or_nothing(ticks: str, cost: int | None) -> None:
    rest = f'"usage": {{"cost_in_usd_ticks": {ticks}}}}}'
    done = poll(200, '{"status": "done", "video": {"url": "https://a.b/c"}, ' + rest).event
    assert done == Done("https://a.b/c", cost)
    for start in ('{"status": "failed", ', '{"status": "done", "video": null, '):
        event = poll(200, start + rest).event
        assert isinstance(event, ServiceFailed)
        assert event.cost == cost
        said_so = {None: "may have been charged", True: "$0.05", False: "Nothing was charged"}
        assert said_so[None if cost is None else cost > 0] in event.problem.hint


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("body", ["", "{}", "error code: 502", HTML.decode()])
def test_what_passes_by_itself_is_asked_again(status: int, body: str) -> None:
    answer = poll(status, body, {"retry-after": "7"})
    assert answer.event is None
    assert answer.wait == 7
    assert str(status) in answer.note
    assert "<" not in answer.note


@pytest.mark.parametrize("status", [301, 302, 400, 404, 405, 410, 415, 418, 422, 451, 0, 199])
def test_everything_else_keeps_the_job_and_says_why(status: int) -> None:
    event = poll(status, {"status": "done", "video": {"url": "https://a.b/c"}}).event
    assert isinstance(event, Blocked)
    assert not says_free(event.problem)  # the job was bought: nothing says otherwise
    assert "Nothing was charged" not in event.problem.hint
    assert "kept" in event.problem.hint


def test_a_poll_without_credits_waits_for_the_user() -> None:
    event = poll(*said("err-429-credits")).event
    assert isinstance(event, Blocked)
    assert event.problem.code is ProblemCode.CREDITS


# --------------------------------------------------------------------------------------------------- the key


def test_a_good_key() -> None:
    good = {"api_key_blocked": False, "api_key_disabled": False, "team_blocked": False}
    assert key(200, good) is None
    assert key(200, {}) is None


@pytest.mark.parametrize("flag", ["api_key_blocked", "api_key_disabled", "team_blocked"])
def test_a_key_that_is_known_but_may_do_nothing(flag: str) -> None:
    problem = key(200, {flag: True})
    assert problem is not None
    assert problem.code is ProblemCode.KEY


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, HTML, ProblemCode.NETWORK),
        (302, b"", ProblemCode.NETWORK),
        (404, b"{}", ProblemCode.NETWORK),
        (429, b"", ProblemCode.RATE),
        (503, b"", ProblemCode.SERVICE),
    ],
)
def test_an_answer_that_says_nothing_of_the_key(
    status: int, body: bytes, code: ProblemCode
) -> None:
    problem = key(status, body)
    assert problem is not None
    assert problem.code is code
    assert "key" not in problem.hint


# --------------------------------------------------------------------------------------------------- helpers


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 1.5 ", 1.5),
        ("-3", 0),
        ("86400", 300),
        ("9" * 5000, 300),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW + 90).replace("-0000", "+0000"), 90),
        (formatdate(NOW + 90), 90),  # -0000: a date without a zone is UTC
        (formatdate(NOW - 90, usegmt=True), 0),
        (formatdate(NOW + 10**6, usegmt=True), 300),
        ("nan", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2030 00:00:00 +9999", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"RETRY-after": value}, NOW) == seconds


def test_retry_after_is_honoured_on_every_answer() -> None:
    assert retry_after({}, NOW) is None
    later = submit(429, "", {"Retry-After": "9"})
    assert isinstance(later, NotSent)
    assert later.wait == 9
    assert poll(202, "", {"Retry-After": "9"}).wait == 9
    assert poll(404, "", {"Retry-After": "9"}).wait == 9


def test_mask() -> None:
    assert mask(f"a {KEY}, b") == "a xai-***, b"
    assert mask(f"Bearer {KEY.upper()}") == "Bearer xai-***"
    assert mask("provided: xa***jU.") == "provided: ***."
    assert mask("a **bold** 2*3 word") == "a **bold** 2*3 word"


@given(st.text(), st.text(string.ascii_letters + string.digits + "-_", min_size=1), st.text())
def test_no_key_gets_through_the_mask(before: str, secret: str, after: str) -> None:
    # 'Q' before and after so that a part of the random text is not the secret by chance.
    masked = mask(f"{before} xai-QQ{secret}QQ {after}")
    assert f"QQ{secret}QQ" not in masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://vidgen.x.ai/a/b.mp4", "vidgen.x.ai"),
        ("http://user:pw@Host.example:8080/x", "host.example"),
        ("https://[::1]:5/x", "::1"),
        ("https://[::1", ""),
        ("no url", ""),
        ("", ""),
    ],
)
def test_host_of(url: str, host: str) -> None:
    assert host_of(url) == host


# ---------------------------------------------------------------------------------------------------- models


def models(status: int, body: Any) -> Any:
    raw = body if isinstance(body, bytes) else encoded(body)
    return models_answer(status, {}, raw)


def test_the_captured_list_of_models() -> None:
    assert models(200, FIXTURES["model-list"]["body"]) == [{"id": "grok-imagine-video"}]


@pytest.mark.parametrize(
    "body",
    [
        {"models": [{"id": "a"}, {"id": "b", "name": "The B"}]},
        {"data": [{"id": "a"}, {"id": "b", "name": "The B"}], "object": "list"},
        [{"id": "a"}, {"id": "b", "name": "The B"}],
        {
            "models": [
                {"id": " a "},
                None,
                5,
                {},
                {"id": 7},
                {"id": "a"},
                {"id": "b", "label": "The B"},
            ]
        },
    ],
)
def test_models_in_any_list(body: Any) -> None:
    assert models(200, body) == [{"id": "a"}, {"id": "b", "name": "The B"}]


@pytest.mark.parametrize(
    "body",
    [{"models": ["a", "b"]}, {"data": ["a", "b"]}, ["a", "b"], {"models": {"a": {}, "b": 1}}],
)
def test_models_by_their_name_alone(body: Any) -> None:
    assert models(200, body) == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", {"models": None}, {"models": [[]]}, "x"])
def test_no_models_are_none(body: Any) -> None:
    assert models(200, body) == []


def test_models_are_bounded_and_never_hold_a_key() -> None:
    many = [{"id": f"model-{n}"} for n in range(5000)]
    assert len(models(200, many)) == 100
    odd = ["m" * 129, KEY, f"see {KEY}", "<b>bold</b>", "two\nlines", "xa***jU", "good"]
    assert models(200, {"models": odd}) == [{"id": "good"}]
    named = [{"id": "good", "name": f"N {KEY} " + "n" * 500}]
    (kept,) = models(200, {"models": named})
    assert KEY[4:] not in kept["name"]
    assert len(kept["name"]) <= 128


@pytest.mark.parametrize("name", ["err-400-badkey-new", "err-401-nokey", "err-429-rps"])
def test_a_refused_list_says_what_a_refused_key_says(name: str) -> None:
    entry = FIXTURES[name]
    assert models(entry["status"], entry["body"]) == key(entry["status"], entry["body"])


def test_a_page_is_no_list_of_models() -> None:
    problem = models(200, HTML)
    assert isinstance(problem, Problem)
    assert problem.code is ProblemCode.NETWORK


# ------------------------------------------------------------------------------------------------ any answer

STATUSES = st.one_of(
    st.sampled_from([200, 202, 204, 302, 400, 401, 403, 404, 408, 422, 425, 429, 500, 503]),
    st.integers(),
)
WORDS = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "done",
            "failed",
            "pending",
            "expired",
            "https://a.b/c",
            "http://[",
            "content-moderated",
            KEY,
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["code", "message", "url", "type", "id", "name"]), st.text()),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "request_id",
        "id",
        "status",
        "video",
        "videos",
        "video_url",
        "file_output",
        "public_url",
        "url",
        "usage",
        "cost_in_usd_ticks",
        "respect_moderation",
        "error",
        "code",
        "message",
        "progress",
        "model",
        "detail",
        "models",
        "data",
        "api_key_blocked",
    ]
)
BODIES = st.one_of(
    st.binary(),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(NAMES, VALUES).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {
            "status": WORDS,
            "video": st.dictionaries(NAMES, VALUES),
            "usage": st.dictionaries(NAMES, VALUES),
            "error": st.dictionaries(NAMES, VALUES),
        }
    ).map(lambda value: json.dumps(value).encode()),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "content-type", "Date"]),
    st.one_of(
        st.text(),
        st.floats().map(str),
        st.from_regex(
            r"\w{3}, \d{1,5} \w{3} \d{1,6} \d{1,3}:\d\d:\d\d [+-]?\w{1,5}", fullmatch=True
        ),
    ),
)
DEEP = b'{"video":' * 100_000
SHOUT = b'{"status":"failed","error":"' + b"<" * 5000 + b'"}'


@given(STATUSES, HEADERS, BODIES)
@example(200, {}, DEEP)
@example(500, {}, b"[" * 1_000_000)
@example(400, {}, SHOUT)
@example(200, {}, b'{"request_id": ' + b"9" * 100_000 + b"}")
@example(
    200, {}, b'{"status": NaN, "progress": Infinity, "usage": {"cost_in_usd_ticks": -Infinity}}'
)
@example(429, {"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2359"}, b"")
@example(429, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -2359"}, b"")
def test_no_answer_raises_and_every_problem_can_be_shown_and_kept(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    post = submit_answer(status, headers, body, now=NOW)
    got = poll_answer(status, headers, body, now=NOW, asked=ASKED, before=Named(ASKED, 2))
    checked = key_answer(status, headers, body)
    listed = models_answer(status, headers, body)
    if isinstance(listed, list):
        assert len(listed) <= 100
        for about in listed:
            assert set(about) <= {"id", "name"}
            assert all(text.isprintable() and 0 < len(text) <= 128 for text in about.values())
            assert KEY[4:] not in str(about)
            assert json.dumps(about).encode()
    if isinstance(post, Submitted):
        assert 200 <= status < 300
        assert poll_path(post.request_id)
    if isinstance(post, Rejected):
        assert status in REJECTED | {429}
    if isinstance(post, NotSent):
        assert status in (425, 429)
        assert 0 <= post.wait <= 300
    assert got.wait is None or 0 <= got.wait <= 300
    assert len(got.note) < 700
    if isinstance(got.event, Done):
        assert got.event.url.lower().startswith(("http://", "https://"))
        assert host_of(got.event.url)
    if isinstance(got.event, Done | ServiceFailed):
        assert got.event.cost is None or got.event.cost >= 0
    if isinstance(got.event, Progress):
        assert got.event.percent is None or 0 <= got.event.percent <= 100
    problems = [one for one in (checked, listed) if isinstance(one, Problem)]
    problems += [e.problem for e in (post, got.event) if hasattr(e, "problem")]
    for problem in problems:
        assert 0 < len(problem.message) < 700
        assert problem.message.isprintable()
        assert KEY[4:] not in problem.message
        assert problem.message.encode()  # no half of a surrogate pair


@given(st.floats(allow_nan=False), HEADERS)
def test_a_wait_is_never_long_or_negative(now: float, headers: dict[str, str]) -> None:
    wait = retry_after(headers, now)
    assert wait is None or (math.isfinite(wait) and 0 <= wait <= 300)

"""The stand-in as a server: its answers, limits, records, what it makes go wrong, and its life."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from PIL import Image

from stand_in import faults
from stand_in.calls import call, data_uri, final, generate, made
from stand_in.client import StandIn

FIXTURES = faults.FIXTURES
Wait = Callable[[Callable[[], Any], str], Any]
BLUE = Image.new("RGB", (160, 90), (20, 40, 220))


def address(service: StandIn) -> tuple[str, int]:
    parts = urlsplit(service.base)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


@contextlib.contextmanager
def raw(service: StandIn) -> Iterator[socket.socket]:
    with socket.create_connection(address(service), timeout=20) as sock:
        yield sock


def rest(sock: socket.socket) -> bytes:
    """All that comes until the other side ends; a reset ends it as well."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            data += piece
    return data


def head(service: StandIn, *lines: str, path: str = "/v1/videos/generations") -> bytes:
    """A POST's head with the right key."""
    first = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {service.key}"]
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", ""]).encode()


# What a job answers


def test_progress_rises_from_pending_to_done(service: StandIn, wait_for: Wait) -> None:
    service.settings(job_seconds=0.6)
    request_id = generate(service).json["request_id"]
    seen: list[Any] = []
    while (answer := call(service, "GET", f"/v1/videos/{request_id}")).status == 202:
        assert answer.json["status"] == "pending"
        seen.append(answer.json["progress"])
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    done = answer.json
    like = FIXTURES["poll-done-1s"]["body"]
    assert set(done) == set(like)
    assert set(done["video"]) == set(like["video"])
    assert (done["status"], done["progress"], done["video"]["duration"]) == ("done", 100, 1)
    assert done["usage"] == like["usage"]
    assert urlsplit(done["video"]["url"]).path.endswith(".mp4")


def test_the_guides_shape(service: StandIn) -> None:
    service.settings(shape="guide", job_seconds=0.2)
    request_id = generate(service).json["request_id"]
    running = call(service, "GET", f"/v1/videos/{request_id}")
    assert (running.status, running.json["status"]) == (200, "processing")
    done = final(service, request_id)
    assert done.status == 200
    assert set(done.json) == {"status", "video", "progress"}
    assert set(done.json["video"]) == {"url", "duration"}
    service.fail("job", "failed-bare")
    assert final(service, generate(service).json["request_id"]).json == {"status": "failed"}


@pytest.mark.parametrize(
    ("outcome", "status", "expected"),
    [
        ("moderated", 200, FIXTURES["poll-done-moderated"]["body"]),
        ("moderated-400", 400, FIXTURES["poll-400-moderated-new"]["body"]),
        ("expired", 200, FIXTURES["poll-expired"]["body"]),
        ("failed-bare", 200, FIXTURES["seed-failed"]["body"]),
    ],
)
def test_captured_ends_of_a_job(
    service: StandIn, outcome: str, status: int, expected: dict[str, Any]
) -> None:
    service.fail("job", outcome)
    answer = final(service, generate(service).json["request_id"])
    assert (answer.status, answer.json) == (status, expected)
    assert final(service, generate(service).json["request_id"]).json["status"] == "done"


def test_other_ends_of_a_job(service: StandIn) -> None:
    def end(outcome: str) -> dict[str, Any]:
        service.fail("job", outcome)
        answer = final(service, generate(service).json["request_id"])
        assert answer.status == 200
        return answer.json

    assert end("moderated-null")["video"] is None
    assert end("moderated-no-url")["video"] == {"respect_moderation": False}
    assert end("moderated-failed")["error"]["code"] == "invalid_argument"
    assert end("failed")["error"]["code"] == "internal_error"
    assert end("unavailable")["error"]["code"] == "service_unavailable"
    assert isinstance(end("failed-string")["error"], str)
    assert "url" not in end("no-url")["video"]
    assert not urlsplit(end("no-suffix")["video"]["url"]).path.endswith(".mp4")
    assert "status" not in end("no-status")


def test_a_job_that_stalls_runs_until_it_is_let_go(service: StandIn) -> None:
    service.fail("job", "stall")
    request_id = generate(service).json["request_id"]
    for _ in range(3):
        answer = call(service, "GET", f"/v1/videos/{request_id}")
        assert (answer.status, answer.json) == (202, FIXTURES["poll-pending-202"]["body"])
    service.finish(request_id)
    assert final(service, request_id).json["status"] == "done"


def test_running_with_an_empty_body(service: StandIn) -> None:
    service.settings(job_seconds=60)
    service.fail("job", "empty-202")
    request_id = generate(service).json["request_id"]
    answer = call(service, "GET", f"/v1/videos/{request_id}")
    assert (answer.status, answer.body) == (202, b"")


def test_ids_look_like_those_of_the_service(service: StandIn) -> None:
    given = {generate(service).json["request_id"] for _ in range(5)}
    assert len(given) == 5
    captured = FIXTURES["start-gen"]["body"]["request_id"]
    for request_id in given:
        assert [len(part) for part in request_id.split("-")] == [
            len(part) for part in captured.split("-")
        ]
        assert request_id[14] != "4"


def test_ids_and_links_stand_where_they_are_told_to(service: StandIn) -> None:
    service.settings(ids="id data.request_id", number_ids=True, ids_differ=True, id_error="No.")
    body = generate(service).json
    (job,) = service.jobs()
    assert body == {
        "error": "No.",
        "id": int(job["id"]),
        "data": {"request_id": int(job["id"]) + 1},
    }
    service.settings(done_word="ready", link="videos[0].url", relative=True)
    done = final(service, job["id"]).json
    assert (done["status"], "video" in done) == ("ready", False)
    (video,) = done["videos"]
    assert video["url"] == urlsplit(service.jobs()[0]["url"]).path
    service.settings(done_word="", link="video.file_output.public_url", relative=False)
    done = final(service, job["id"]).json
    assert "status" not in done
    assert done["video"]["url"] is None
    assert done["video"]["file_output"]["public_url"] == service.jobs()[0]["url"]
    for wrong in ({"ids": "id uuid"}, {"link": "url"}, {"odd": "tail wheel"}):
        with pytest.raises(ValueError, match="knows"):
            service.settings(**wrong)


# The result


def test_the_result_is_public_and_comes_in_parts(service: StandIn) -> None:
    url, whole = made(service)
    path = urlsplit(url).path
    about = call(service, "HEAD", path, key="")
    assert (about.status, about.body) == (200, b"")
    assert int(about.headers["Content-Length"]) == len(whole)
    assert about.headers["Content-Type"] == "video/mp4"
    etag = about.headers["ETag"]
    assert etag.startswith('"')  # a strong one
    part = call(service, "GET", path, key="", headers={"Range": "bytes=100-", "If-Range": etag})
    assert (part.status, part.body) == (206, whole[100:])
    assert part.headers["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    other = {"Range": "bytes=100-", "If-Range": '"another"'}
    assert call(service, "GET", path, key="", headers=other).body == whole
    beyond = {"Range": f"bytes={len(whole)}-"}
    assert call(service, "GET", path, key="", headers=beyond).status == 416
    assert all(
        "Authorization" not in dict(request["headers"]) for request in service.requests("download")
    )
    call(service, "GET", path)  # a client that gives its key away is seen
    assert dict(service.requests("download")[-1]["headers"])["Authorization"] == "Bearer <the key>"


def test_result_urls_expire(service: StandIn) -> None:
    url, whole = made(service)
    request_id = service.jobs()[0]["id"]
    service.expire(request_id)
    assert call(service, "GET", urlsplit(url).path, key="").status == 404
    fresh = final(service, request_id).json["video"]["url"]
    assert fresh != url
    assert call(service, "GET", urlsplit(fresh).path, key="").body == whole
    service.expire(for_ever=True)
    again = final(service, request_id).json["video"]["url"]
    assert call(service, "GET", urlsplit(again).path, key="").status == 404


# The limits


def test_one_request_a_second_and_sixty_a_minute(service: StandIn) -> None:
    service.settings(per_second=1, per_minute=60)
    assert call(service, "GET", "/v1/api-key").status == 200
    second = generate(service)
    captured = FIXTURES["err-429-rps"]
    assert second.status == captured["status"]
    expected = captured["body"]["error"].replace("2/2", "1/1")
    assert second.json == captured["body"] | {"error": expected}
    assert second.json["code"] == "resource-exhausted"
    assert service.jobs() == []
    service.settings(per_second=0, per_minute=3)
    answers = [call(service, "GET", "/v1/api-key").status for _ in range(4)]
    assert answers == [200, 200, 429, 429]
    # Neither another key nor a download counts.
    assert call(service, "GET", "/v1/api-key", key="xai-another").status == 400
    service.settings(per_minute=0)
    assert call(service, "GET", "/v1/api-key").status == 200


def test_the_limits_are_on_when_nothing_is_said() -> None:
    with StandIn.start(python=sys.executable) as alone:
        told = alone.settings()
    assert (told["per_second"], told["per_minute"]) == (1, 60)
    assert (told["shape"], told["job_seconds"]) == ("real", 3)


# The records


def test_every_request_is_recorded_without_its_key_and_its_pictures(service: StandIn) -> None:
    uri = data_uri(BLUE)
    request_id = generate(service, image={"url": uri}).json["request_id"]
    call(service, "GET", f"/v1/videos/{request_id}?a=b", key="xai-a-secret-of-another")
    call(service, "GET", "/elsewhere")
    post, poll, other = service.requests()
    sent = base64.b64decode(uri.partition(",")[2])
    digest = hashlib.sha256(sent).hexdigest()
    assert post["body"]["image"]["url"] == {
        "data_uri": "image/png",
        "bytes": len(sent),
        "sha256": digest,
        "pixels": [160, 90],
    }
    assert service.image(digest) == sent
    assert post["body"]["prompt"] == "a boat"
    assert (post["endpoint"], post["method"], post["complete"]) == ("submit", "POST", True)
    assert (post["status"], post["outcome"], post["job"]) == (200, "answered", request_id)
    assert abs(post["time"] - time.time()) < 20
    assert (poll["endpoint"], poll["query"], poll["status"]) == ("poll", "a=b", 400)
    assert (other["endpoint"], other["status"]) == ("", 404)
    text = json.dumps(service.requests())
    assert service.key not in text
    assert "xai-a-secret" not in text
    job = service.jobs()[0]
    assert (job["image"], job["image_pixels"]) == (digest, [160, 90])


def test_a_body_that_breaks_off_is_recorded_and_starts_nothing(
    service: StandIn, wait_for: Wait
) -> None:
    with raw(service) as sock:
        sock.sendall(head(service, "Content-Length: 100") + b'{"prompt":"x"}')
        wait_for(lambda: service.requests() and service.requests()[0]["body_bytes"], "the body")
    wait_for(lambda: service.requests()[0]["outcome"] == "incomplete", "the end of the body")
    record = service.requests()[0]
    assert (record["complete"], record["status"], record["body_bytes"]) == (False, None, 14)
    assert service.jobs() == []


def test_a_client_that_leaves_after_its_body_has_bought(service: StandIn, wait_for: Wait) -> None:
    body = b'{"prompt":"x","duration":1}'
    with raw(service) as sock:
        sock.sendall(head(service, f"Content-Length: {len(body)}") + body)
    wait_for(service.jobs, "the job")


def test_what_is_under_way_at_a_reset_starts_nothing_in_the_new_world(
    service: StandIn, wait_for: Wait
) -> None:
    # Noise, so that it takes a while to look at each.
    uri = data_uri(Image.effect_noise((1600, 900), 90))

    def post() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            generate(service, image={"url": uri})

    clients = [threading.Thread(target=post) for _ in range(12)]
    for client in clients:
        client.start()
    wait_for(lambda: any(post["complete"] for post in service.requests()), "a whole body")
    service.reset()
    for client in clients:
        client.join(60)
    known = {post["job"] for post in service.requests()}
    assert {job["id"] for job in service.jobs()} <= known


# What goes wrong


def test_captured_answers_on_demand(service: StandIn) -> None:
    for name in ("err-429-credits", "err-422-missing-video", "err-zdr", "poll-pending-202-empty"):
        service.fail("submit", name)
        seen = FIXTURES[name]
        answer = generate(service)
        assert answer.status == seen["status"]
        expected = seen["body"]
        assert (answer.body.decode() if isinstance(expected, str) else answer.json) == expected
    assert generate(service).status == 200
    assert len(service.jobs()) == 1


def test_any_answer_as_often_as_wanted(service: StandIn) -> None:
    request_id = generate(service).json["request_id"]
    service.fail("poll", 503, times=2, after=1)
    path = f"/v1/videos/{request_id}"
    assert [call(service, "GET", path).status for _ in range(4)][1:3] == [503, 503]
    assert call(service, "GET", path).status in (200, 202)
    service.fail("key", "answer", status=429, body="slow", headers={"Retry-After": "2"}, times=0)
    for _ in range(3):
        answer = call(service, "GET", "/v1/api-key")
        assert (answer.status, answer.body, answer.headers["Retry-After"]) == (429, b"slow", "2")
    service.mend()
    assert call(service, "GET", "/v1/api-key").status == 200
    with pytest.raises(ValueError, match="no failure"):
        service.fail("poll", "nonsense")
    with pytest.raises(ValueError, match="a job ends as"):
        service.fail("job", "nonsense")


@pytest.mark.parametrize("name", list(faults.ANSWERS))
def test_answers_that_nobody_expects(service: StandIn, name: str) -> None:
    expected = faults.ANSWERS[name]
    service.fail("poll", name)
    answer = call(service, "GET", "/v1/videos/824c6d07-f5ce-987d-b3e9-0949599b05e7")
    assert (answer.status, answer.body) == (expected.status, expected.body)


@pytest.mark.parametrize("what", ["close", "close-during-body", "close-after-body"])
def test_closed_before_anything_started(service: StandIn, what: str) -> None:
    service.fail("submit", what)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        generate(service, prompt="x" * 4000)
    assert service.jobs() == []
    record = service.requests()[0]
    assert (record["outcome"], record["status"]) == (what, None)
    assert record["complete"] == (what == "close-after-body")
    assert generate(service).status == 200


def test_an_answer_that_is_lost_has_bought(service: StandIn) -> None:
    service.fail("submit", "answer-lost")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        generate(service)
    assert len(service.jobs()) == 1
    record = service.requests()[0]
    assert (record["outcome"], record["job"]) == ("answer-lost", service.jobs()[0]["id"])
    service.fail("submit", "answer-cut")
    with pytest.raises(http.client.IncompleteRead):
        generate(service)
    assert len(service.jobs()) == 2
    service.fail("submit", "answer-replaced", status=502, body="error code: 502")
    answer = generate(service)
    assert (answer.status, answer.body) == (502, b"error code: 502")
    assert len(service.jobs()) == 3


@pytest.mark.parametrize("what", ["hang", "hang-after-body", "hang-after-start"])
def test_answers_that_never_come(service: StandIn, what: str) -> None:
    service.fail("submit", what)
    with pytest.raises(TimeoutError):
        call(service, "POST", "/v1/videos/generations", {"prompt": "x"}, timeout=0.5)
    assert len(service.jobs()) == (what == "hang-after-start")
    # Nobody else waits meanwhile.
    assert call(service, "GET", "/v1/api-key").status == 200


def test_an_answer_that_comes_before_the_end_of_the_body(service: StandIn) -> None:
    service.fail("submit", "answer-early", status=413, body="too large")
    with raw(service) as sock:
        sock.sendall(head(service, "Content-Length: 1000") + b'{"prompt":')
        assert sock.recv(1000).startswith(b"HTTP/1.1 413 ")
    assert not service.requests()[0]["complete"]
    assert service.jobs() == []


def test_an_answer_that_is_held_back_leaves_once_mended(service: StandIn) -> None:
    service.fail("submit", "answer-late")
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(generate(service).status))
    asking.start()
    while not service.jobs():
        time.sleep(0.02)
    assert answers == []
    service.mend()
    asking.join(60)
    assert answers == [200]


def test_no_answer_is_held_back_once_mended_before_the_body_was_whole(
    service: StandIn, wait_for: Wait
) -> None:
    """A client says that it has sent before the server has read to the end."""
    service.fail("submit", "answer-late")
    body = b'{"prompt":"x","duration":1}'
    with raw(service) as sock:
        sock.sendall(head(service, f"Content-Length: {len(body)}") + body[:9])
        wait_for(lambda: service.requests() and service.requests()[0]["body_bytes"], "the body")
        service.mend()
        sock.sendall(body[9:])
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_comes_late(service: StandIn) -> None:
    service.fail("submit", "answer-late", seconds=0.4)
    start = time.monotonic()
    assert generate(service).status == 200
    assert time.monotonic() - start >= 0.4


def test_broken_downloads(service: StandIn) -> None:
    url, whole = made(service)
    path = urlsplit(url).path
    service.fail("download", "truncate", bytes=1000)
    with pytest.raises(http.client.IncompleteRead) as cut:
        call(service, "GET", path, key="")
    assert cut.value.partial == whole[:1000]
    assert cut.value.expected == len(whole) - 1000
    service.fail("download", "no-length")
    assert call(service, "GET", path, key="").body == whole[: len(whole) // 2]
    service.fail("download", "short-length", bytes=500)
    assert call(service, "GET", path, key="").body == whole[:500]
    service.fail("download", "gzip")
    packed = call(service, "GET", path, key="")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == whole
    service.fail("download", "redirect")
    hop = call(service, "GET", path, key="")
    assert hop.status == 302
    assert call(service, "GET", hop.headers["Location"], key="").body == whole
    service.fail("download", "redirect", location="https://example.com/x")
    elsewhere = call(service, "GET", path, key="")
    assert elsewhere.headers["Location"] == "https://example.com/x"
    service.fail("download", "no-range")
    plain = call(service, "GET", path, key="", headers={"Range": "bytes=5-"})
    assert (plain.status, plain.body, plain.headers["ETag"]) == (200, whole, None)
    service.fail("download", "not-mp4")
    page = call(service, "GET", path, key="")
    assert page.headers["Content-Type"] == "video/mp4"
    assert page.body != whole
    for status in (403, 404, 410, 500):
        service.fail("download", status)
        assert call(service, "GET", path, key="").status == status
    service.fail("download", "close")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        call(service, "GET", path, key="")
    assert call(service, "GET", path, key="").body == whole


def test_a_cut_download_goes_on_where_it_ended(service: StandIn) -> None:
    url, whole = made(service)
    path = urlsplit(url).path
    service.fail("download", "truncate", bytes=1000)
    with raw(service) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer, _, first = rest(sock).partition(b"\r\n\r\n")
    etag = next(
        line for line in answer.decode().split("\r\n") if line.lower().startswith("etag:")
    ).split()[1]
    more = {"Range": f"bytes={len(first)}-", "If-Range": etag}
    part = call(service, "GET", path, key="", headers=more)
    assert part.status == 206
    assert first + part.body == whole


def test_a_byte_at_a_time(service: StandIn) -> None:
    service.fail("key", "drip", seconds=0.1)
    with raw(service) as sock:
        sock.sendall(f"GET /v1/api-key HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.key}\r\n\r\n".encode())  # fmt: skip
        received = b""
        while b"\r\n\r\n" not in received:
            received += sock.recv(65536)
        body = received.partition(b"\r\n\r\n")[2]
        start = time.monotonic()
        while len(body) < 6:
            piece = sock.recv(65536)
            assert len(piece) <= 2
            body += piece
        assert time.monotonic() - start > 0.3
    assert call(service, "GET", "/v1/api-key").status == 200


# Clients that we did not write


def test_expect_continue_is_answered_only_when_the_body_is_wanted(service: StandIn) -> None:
    body = b'{"prompt":"x","duration":1}'
    lines = ("Expect: 100-continue", f"Content-Length: {len(body)}", "Connection: close")
    with raw(service) as sock:
        sock.sendall(head(service, *lines))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert rest(sock).startswith(b"HTTP/1.1 200 ")
    service.fail("submit", "close")
    with raw(service) as sock:
        sock.sendall(head(service, *lines))
        assert rest(sock) == b""


def test_a_body_in_chunks(service: StandIn) -> None:
    with raw(service) as sock:
        sock.sendall(head(service, "Transfer-Encoding: chunked", "Connection: close"))
        for piece in (b'{"prompt":', b'"x","dura', b'tion":1}'):
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        sock.sendall(b"0\r\n\r\n")
        assert rest(sock).startswith(b"HTTP/1.1 200 ")
    assert service.jobs()[0]["duration"] == 1


def test_one_connection_for_many_requests(service: StandIn) -> None:
    connection = http.client.HTTPConnection(*address(service), timeout=20)
    headers = {"Authorization": f"Bearer {service.key}", "Content-Type": "application/json"}
    sockets: set[int] = set()
    for method, path, body in (
        ("GET", "/v1/api-key", None),
        ("POST", "/v1/videos/generations", '{"prompt":"x","duration":1}'),
        ("POST", "/v1/videos/generations", '{"prompt":7}'),
        ("GET", "/v1/video-generation-models", None),
        ("GET", "/none", None),
    ):
        connection.request(method, path, body, headers)
        connection.getresponse().read()
        assert connection.sock is not None
        sockets.add(id(connection.sock))
    connection.close()
    assert len(sockets) == 1
    assert len(service.requests()) == 5


def test_urllib_and_aiohttp_make_a_clip(service: StandIn) -> None:
    headers = {"Authorization": f"Bearer {service.key}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{service.base}/v1/videos/generations", b'{"prompt":"x","duration":1}', headers
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        request_id = json.load(answer)["request_id"]
    final(service, request_id)

    async def fetch() -> bytes:
        async with aiohttp.ClientSession(service.base, headers=headers) as session:
            async with session.get(f"/v1/videos/{request_id}") as poll:
                url = (await poll.json())["video"]["url"]
            async with session.get(url) as got:
                return await got.read()

    assert b"ftyp" in asyncio.run(fetch())[:16]


def test_a_large_picture_does_not_hold_up_others(service: StandIn) -> None:
    noise = Image.frombytes("RGB", (2300, 2000), os.urandom(2300 * 2000 * 3))
    uri = data_uri(noise, "PNG", compress_level=1)
    assert len(uri) > 15_000_000
    answered = 0
    done = threading.Event()

    def post() -> None:
        assert generate(service, image={"url": uri}).status == 200
        done.set()

    thread = threading.Thread(target=post)
    thread.start()
    while not done.is_set() and thread.is_alive():
        assert call(service, "GET", "/v1/api-key").status == 200
        answered += not done.is_set()
    thread.join()
    assert done.is_set()
    assert answered > 5  # a few go between, however busy the machine is
    assert service.requests("submit")[0]["body"]["image"]["url"]["pixels"] == [2300, 2000]


# Its life


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and " Z " in Path(f"/proc/{pid}/stat").read_text(
        "utf-8"
    )


def test_the_first_line_is_where_and_with_which_key() -> None:
    command = [sys.executable, "-P", "-m", "stand_in"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert set(told) == {"base", "key"}
    headers = {"Authorization": f"Bearer {told['key']}"}
    request = urllib.request.Request(f"{told['base']}/v1/api-key", headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        assert answer.status == 200
    assert process.poll() is None  # without --parent-pipe an ended stdin ends nothing
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stdout.read() == b""
    process.stdout.close()


def test_no_orphan_is_left_by_a_test_that_is_killed(wait_for: Wait) -> None:
    code = (
        "import sys, time; from stand_in.client import StandIn\n"
        "service = StandIn.start(python=sys.executable)\n"
        "print(service.pid, flush=True); time.sleep(600)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    assert not gone(pid)
    holder.kill()
    holder.communicate()
    wait_for(lambda: gone(pid), "the end of the stand-in")


def test_it_ends_while_it_encodes_and_leaves_no_files(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "stand_in", "--parent-pipe", "--per-second", "0"]
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "TMPDIR": str(tmp_path),
    }
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    service = StandIn(process, told["base"], told["key"])
    for n in range(4):
        fields = {"model": "grok-imagine-video-1.5", "resolution": "1080p", "duration": 15}
        assert generate(service, prompt=f"long {n}", **fields).status == 200
    service.stop()  # kills what has not ended after some seconds
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_fails_says_so() -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        StandIn.start(python=sys.executable, shape="round")

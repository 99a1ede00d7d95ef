"""HTTP against a server that misbehaves byte by byte: what leaves, what comes back, and when it ends."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import random
import re
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from grok_video.core.urls import api_base_refusal
from grok_video.worker.http import transport
from grok_video.worker.http.body import Body
from grok_video.worker.http.errors import (
    Answer,
    Broken,
    LinkGone,
    Refused,
    SourceGone,
    TransportError,
    Unwritable,
    shown_host,
)
from grok_video.worker.http.transport import LONGEST_ANSWER, Transport
from tests.core.conftest import KEY, RawServer, Wire, clip_bytes, new_call, wait_for
from tests.patching import Patches
from tests.patience import PATIENCE, at_once
from tests.posix import posix

HEAD, TAIL = b'{"image":{"url":"data:image/png;base64,', b'"},"duration":1}'


def nothing() -> None:
    """Before the last byte, when a test is about something else."""


def post(server: RawServer, image: str = "", before_last: Callable[[], None] = nothing) -> Answer:
    return Transport(server.base, KEY).post("/v1/x", around(image), before_last, new_call())


def around(image: str | Path) -> list[bytes | Path]:
    """The parts of a body with one picture in it, or none."""
    return [HEAD, *([Path(image)] if image else []), TAIL]


def still(tmp_path: Path, size: int) -> Path:
    path = tmp_path / "still.png"
    path.write_bytes(random.Random(1).randbytes(size))
    return path


# ------------------------------------------------------------------------------------------------- the body


@pytest.mark.parametrize("size", [1, 2, 3, 36 * 1024 - 1, 36 * 1024, 36 * 1024 + 1, 200_000])
def test_the_body_is_the_file_and_its_length_is_exact(tmp_path: Path, size: int) -> None:
    image = still(tmp_path, size)
    body = Body(around(image), nothing)
    chunks = list(body)
    data = b"".join(chunks)
    assert len(data) == len(body)
    assert max(map(len, chunks)) <= 48 * 1024
    assert base64.b64decode(data[len(HEAD) : -len(TAIL)], validate=True) == image.read_bytes()
    assert (data[: len(HEAD)], data[-len(TAIL) :]) == (HEAD, TAIL)


@given(
    st.lists(st.binary(max_size=20), max_size=4),
    st.lists(st.sampled_from([1, 2, 3, 4, 36 * 1024 - 1, 36 * 1024 + 2]), max_size=4),
)
def test_a_body_of_many_files_is_all_of_them_in_order(
    tmp_path_factory: pytest.TempPathFactory, between: list[bytes], sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("files")
    parts: list[bytes | Path] = []
    wanted = b""
    for number in range(max(len(between), len(sizes))):
        if number < len(between):
            parts.append(between[number])
            wanted += between[number]
        if number < len(sizes):
            path = folder / f"{number}.bin"
            path.write_bytes(random.Random(number).randbytes(sizes[number]))
            parts.append(path)
            wanted += base64.b64encode(path.read_bytes())
    seen: list[bytes] = []
    body = Body([*parts, TAIL], lambda: seen.append(b"asked"))
    for chunk in body:
        assert chunk
        seen.append(chunk)
    assert seen[-2:] == [b"asked", TAIL[-1:]]
    assert b"".join(chunk for chunk in seen if chunk != b"asked") == wanted + TAIL
    assert len(body) == len(wanted + TAIL)


@pytest.mark.parametrize("parts", [[], [b""], [b"{", b""]])
def test_a_body_ends_with_the_byte_that_buys(parts: list[bytes | Path]) -> None:
    with pytest.raises(ValueError, match="brace"):
        Body(parts, nothing)


def test_a_file_is_never_the_last_part(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="brace"):
        Body([HEAD, still(tmp_path, 5)], nothing)


def test_the_last_byte_is_held_back(tmp_path: Path) -> None:
    seen: list[bytes] = []
    body = Body(around(still(tmp_path, 100)), lambda: seen.append(b"asked"))
    for chunk in body:
        seen.append(chunk)
    assert seen[-2:] == [b"asked", b"}"]


def test_a_body_is_never_sent_twice(tmp_path: Path) -> None:
    body = Body(around(""), nothing)
    list(body)
    with pytest.raises(RuntimeError):
        list(body)


def test_a_still_that_is_gone_or_shrinks_sends_nothing(tmp_path: Path) -> None:
    image = still(tmp_path, 100_000)
    with pytest.raises(SourceGone):
        Body(around(tmp_path / "other.png"), nothing)
    asked: list[int] = []
    body = iter(Body(around(image), lambda: asked.append(1)))
    next(body)
    os.truncate(image, 50_000)
    with pytest.raises(SourceGone):
        list(body)
    assert not asked


def test_a_file_that_is_empty_grows_or_is_written_meanwhile_sends_nothing(tmp_path: Path) -> None:
    first = tmp_path / "a.mp4"
    first.write_bytes(bytes(100))
    empty = tmp_path / "b.mp4"
    empty.write_bytes(b"")
    asked: list[int] = []
    with pytest.raises(SourceGone, match=r"b\.mp4"):
        Body([HEAD, first, b",", empty, TAIL], nothing)

    second = tmp_path / "c.mp4"
    changes: list[Callable[[], object]] = [
        lambda: second.write_bytes(bytes(200_001)),  # grown
        lambda: os.utime(second, (1.0, 1.0)),  # written over
        second.unlink,
    ]
    for change in changes:
        second.write_bytes(bytes(200_000))
        body = iter(Body([HEAD, first, b",", second, TAIL], lambda: asked.append(1)))
        sent = [next(body) for _ in range(3)]
        if change != second.unlink:  # an open file outlives its name here: that one goes before
            sent.append(next(body))
        change()
        with pytest.raises(SourceGone, match=r"c\.mp4"):
            list(body)
        assert TAIL not in sent
    assert not asked


# --------------------------------------------------------------------------------------------------- POST


def test_a_post_arrives_as_it_should(server: RawServer, tmp_path: Path) -> None:
    image = still(tmp_path, 100_000)
    server.behave = lambda wire: (wire.read_body(), wire.answer(200, b'{"request_id":"r"}'))[0]
    answer = post(server, str(image))
    (wire,) = server.seen
    assert (answer.status, json.loads(answer.body)) == (200, {"request_id": "r"})
    assert wire.header("Authorization") == f"Bearer {KEY}"
    assert wire.header("Content-Type") == "application/json"
    assert wire.header("Accept-Encoding") == "identity"
    assert not wire.header("Transfer-Encoding")
    assert int(wire.header("Content-Length")) == len(wire.body)
    sent = json.loads(wire.body)["image"]["url"].partition(",")[2]
    assert base64.b64decode(sent) == image.read_bytes()


def test_the_last_byte_waits_for_the_record(server: RawServer, tmp_path: Path) -> None:
    """Everything but the last byte is at the server while *sending* is being recorded."""
    at_server: list[int] = []

    def behave(wire: Wire) -> None:
        length = int(wire.header("Content-Length"))
        wire.read_body(length - 1)
        at_server.append(len(wire.body))
        wire.read_body()
        wire.answer(200, b"{}")

    server.behave = behave
    post(
        server,
        str(still(tmp_path, 1000)),
        lambda: wait_for(lambda: at_server, "all but the last byte"),
    )
    (wire,) = server.seen
    assert at_server == [len(wire.body) - 1]


def test_what_the_record_raises_keeps_the_last_byte_here(server: RawServer, tmp_path: Path) -> None:
    class Full(Exception):
        pass

    def full() -> None:
        raise Full

    server.behave = lambda wire: (wire.read_body(), wire.answer(200, b'{"request_id":"r"}'))[0]
    with pytest.raises(Full):
        post(server, str(still(tmp_path, 100_000)), full)
    (wire,) = wait_for(lambda: server.seen, "the connection")
    length = int(wire.header("Content-Length"))
    wait_for(lambda: len(wire.body) == length - 1, "the body but its last byte")


@pytest.mark.parametrize("when", ["before", "inside", "after"])
def test_a_connection_that_breaks_is_one_request(
    server: RawServer, tmp_path: Path, when: str
) -> None:
    """Whenever it breaks, the request is not repeated; the record says on which side of the last byte."""
    asked: list[int] = []

    def behave(wire: Wire) -> None:
        if when == "inside":
            wire.read_body(100_000)
        elif when == "after":
            wire.read_body()
        wire.reset()

    server.behave = behave
    with pytest.raises(TransportError) as caught:
        post(server, str(still(tmp_path, 8_000_000)), lambda: asked.append(1))
    assert len(server.seen) == 1
    assert bool(asked) == (when == "after")
    assert "127.0.0.1" in caught.value.problem.message


def test_nothing_is_repeated_behind_our_back(server: RawServer) -> None:
    """When to ask again is the schedule's to say: each call to the API takes a slot."""
    server.behave = lambda wire: wire.reset()
    with pytest.raises(TransportError):
        Transport(server.base, KEY).get("/v1/x", new_call())
    assert len(server.seen) == 1


def test_an_early_refusal_is_heard(server: RawServer) -> None:
    """A service that refuses by the headers alone gets its say, if the system lets it through."""

    def behave(wire: Wire) -> None:
        wire.answer(413, b"too large", "Connection: close")
        wire.read_body()

    server.behave = behave
    assert post(server).status == 413


def test_redirects_of_the_api_are_answers(server: RawServer) -> None:
    def answers(wire: Wire) -> None:
        wire.read_body()  # else closing resets the connection, and on Windows an answer that is not read yet is lost
        wire.answer(307, b"", f"Location: {server.base}/other")

    server.behave = answers
    assert post(server).status == 307
    answer = Transport(server.base, KEY).get("/v1/x", new_call())
    assert answer.status == 307
    assert len(server.seen) == 2


def test_every_post_has_its_own_connection(server: RawServer) -> None:
    def behave(wire: Wire) -> None:
        wire.read_body()
        wire.answer(200, b"{}")
        wire.sock.recv(1)  # keep-alive, as far as the server is concerned

    server.behave = behave
    post(server)
    post(server)
    assert len(server.seen) == 2


# ------------------------------------------------------------------------------------------------- deadlines


def drip(wire: Wire, data: bytes, over: threading.Event) -> None:
    """One byte per 50 ms: every single read is quick, the whole never ends."""
    for byte in data:
        wire.send(bytes([byte]))
        if over.wait(0.05):
            return


@pytest.mark.parametrize("part", ["head", "body"])
@pytest.mark.deadline
def test_a_dripping_answer_ends_in_time(server: RawServer, part: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"

    def behave(wire: Wire) -> None:
        if part == "body":
            wire.send(head)
            drip(wire, b"x" * 9999, server.over)
        else:
            drip(wire, b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 9999, server.over)

    server.behave = behave
    start = time.monotonic()
    with pytest.raises(TransportError) as caught:
        Transport(server.base, KEY).get("/v1/x", new_call(), timeout=0.6)
    assert 0.5 < time.monotonic() - start < at_once(3.0)
    assert "too long" in caught.value.problem.message


def test_the_answer_of_a_post_has_a_deadline_from_the_last_byte(
    server: RawServer, patches: Patches
) -> None:
    patches.set(
        transport, "ANSWER_TIMEOUT", 0.6, copies_ok="the worker's waits for threads that leave"
    )
    server.behave = lambda wire: (wire.read_body(), server.over.wait(PATIENCE))[0]
    with pytest.raises(TransportError):
        post(server)


def test_an_answer_that_may_hold_a_picture_may_be_longer_and_come_later(
    server: RawServer, patches: Patches
) -> None:
    """And is bounded all the same."""

    def look() -> Answer:
        transport_of = Transport(server.base, KEY)
        return transport_of.post("/v1/x", around(""), nothing, new_call(), picture=True)

    body = b'{"data": "' + b"A" * transport.LONGEST_ANSWER + b'"}'
    server.behave = lambda wire: (wire.read_body(), wire.answer(200, body))[0]
    with pytest.raises(TransportError, match="far too long"):
        post(server)
    assert look().body == body
    patches.set(transport, "LONGEST_PICTURE_ANSWER", 1 << 20, copies_ok="what is read back")
    with pytest.raises(TransportError, match="far too long"):
        look()
    patches.set(
        transport, "PICTURE_TIMEOUT", 0.6, copies_ok="the worker's waits for threads that leave"
    )
    server.behave = lambda wire: (wire.read_body(), server.over.wait(PATIENCE))[0]
    with pytest.raises(TransportError, match="too long to answer"):
        look()


def test_a_look_that_never_ends_is_not_downloaded(server: RawServer, tmp_path: Path) -> None:
    server.behave = lambda wire: wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(200_000))
    part = tmp_path / "look.part"
    with pytest.raises(TransportError, match="too long"):
        Transport(server.base, KEY).download(f"{server.base}/l.jpeg", part, "", new_call(), 100_000)
    assert part.stat().st_size == 0


def test_a_slow_download_ends(server: RawServer, tmp_path: Path, patches: Patches) -> None:
    patches.set(transport, "SLOWEST_FOR", 0.6)

    def behave(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
        drip(wire, b"x" * 9999, server.over)

    server.behave = behave
    with pytest.raises(Broken):
        fetch(server, tmp_path)


@pytest.mark.deadline
def test_a_steady_download_may_take_longer_than_the_window(
    server: RawServer, tmp_path: Path, patches: Patches
) -> None:
    patches.set(transport, "SLOWEST_FOR", 6.0)  # a busy machine may stop for a second or two
    data = os.urandom(40 * 4000)

    def behave(wire: Wire) -> None:
        wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode())
        for i in range(40):
            wire.send(data[i * 4000 : (i + 1) * 4000])
            server.over.wait(0.2)

    server.behave = behave
    fetch(server, tmp_path)
    assert (tmp_path / "clip.part").read_bytes() == data


@pytest.mark.deadline
@pytest.mark.parametrize("how", ["stopped", "too long"])
@pytest.mark.parametrize("what", ["answer", "upload"])
def test_a_call_that_waits_is_ended_at_once(
    server: RawServer, tmp_path: Path, patches: Patches, what: str, how: str
) -> None:
    """Not when the libraries' own timeouts end: 30 s for an answer to a poll, 180 s for a POST's."""
    call = new_call()
    end = call.abort
    if how == "too long":
        end = partial(call.limit, 0.0)
    if (what, how) == ("upload", "too long"):
        patches.set(transport, "UPLOAD_STALL", 0.5)
        end = nothing

    def behave(_wire: Wire) -> None:
        threading.Timer(0.2, end).start()
        server.over.wait(PATIENCE)

    server.behave = behave
    left: list[bool] = []
    parts = [b"{", still(tmp_path, 16_000_000), b"}"]  # more than the system's buffers take
    to = Transport(server.base, KEY)
    ask = {
        "answer": lambda: to.get("/v1/x", call),
        "upload": lambda: to.post("/v1/x", parts, lambda: left.append(True), call),
    }
    start = time.monotonic()
    with contextlib.closing(call), pytest.raises(TransportError, match=how):
        ask[what]()
    assert time.monotonic() - start < at_once(5.0)
    assert not left


def test_a_call_that_is_over_can_be_ended(server: RawServer) -> None:
    """The artist may press Stop just when the answer has come."""
    call = new_call()
    assert Transport(server.base, KEY).get("/v1/x", call).body == b"{}"
    call.abort()
    call.close()
    call.abort()
    call.close()


# --------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b" " * 2_000_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2_000_000,
        b"no HTTP at all\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_is_not_whole_is_none(server: RawServer, raw: bytes) -> None:
    server.behave = lambda wire: (wire.read_body(), wire.send(raw))[0]
    with pytest.raises(TransportError):
        post(server)
    with pytest.raises(TransportError):
        Transport(server.base, KEY).get("/v1/x", new_call())


RID = b'{"request_id": "r-1"}'


@pytest.mark.parametrize("status", [200, 202, 299, 302, 400, 401, 422, 429, 500])
@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (b"Content-Length: 99", RID),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(RID), RID)),
        (b"Transfer-Encoding: chunked", b"999\r\n%s" % RID),
        (b"Content-Encoding: gzip", gzip.compress(RID, mtime=0)),
        (b"Content-Encoding: deflate", zlib.compress(RID)),
        (b"Content-Encoding: gzip", RID),
    ],
)
def test_what_came_of_a_good_answer_to_a_post_is_kept(
    server: RawServer, status: int, headers: bytes, sent: bytes
) -> None:
    """Of a refusal nothing is: that it started nothing must be certain."""
    raw = b"HTTP/1.1 %d X\r\n%s\r\n\r\n%s" % (status, headers, sent)
    server.behave = lambda wire: (wire.read_body(), wire.send(raw))[0]
    with pytest.raises(TransportError) as broken:
        post(server)
    came = broken.value.came
    assert (came and came.body) == (RID if status < 300 else None)
    with pytest.raises(TransportError) as broken:
        Transport(server.base, KEY).get("/v1/x", new_call())
    assert broken.value.came is None


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
INTERIM = {
    "102": PROCESSING,
    "103": EARLY,
    "all of them": (CONTINUE + PROCESSING + EARLY) * 3,
    "a thousand": PROCESSING * 1000,
    "of no known number": b"HTTP/1.1 199 What\r\n\r\n",
    "without words": b"HTTP/1.1 103\r\n\r\n",
    "of HTTP 1.0": b"HTTP/1.0 102 Processing\r\n\r\n",
    "with bare line feeds": b"HTTP/1.1 103 Early Hints\nA: b\n\n",
    "with a length": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 36\r\n\r\n",
    "with a body": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\nhello\r\n",
    "with a body to the end": b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello",
    "with a chunked body": b"HTTP/1.1 102 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "without an end": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n",
    "with junk": b"HTTP/1.1 103 X\r\nno colon\r\n: \r\n\xff\x00\r\nVia: HTTP/1.1 200\r\n\r\n",
    "with many headers": b"HTTP/1.1 103 X\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    "with a long header": b"HTTP/1.1 103 X\r\nA: " + b"b" * 200_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
def test_the_id_behind_interim_answers_is_kept(server: RawServer, interim: bytes) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Y: z\r\n\r\n%s" % (len(RID), RID)
    server.behave = lambda wire: (wire.read_body(), wire.send(interim + raw))[0]
    answer = post(server)
    assert (answer.status, answer.body, answer.headers["X-Y"]) == (200, RID, "z")
    assert "Link" not in answer.headers
    assert Transport(server.base, KEY).get("/v1/x", new_call()).body == RID
    # A refusal is one as well; and the answer may come in pieces, whenever.
    refusal = b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}"
    server.behave = lambda wire: (wire.read_body(), wire.send(interim + refusal))[0]
    assert post(server).status == 422


@pytest.mark.parametrize("rest", [b"", b"HTTP/1.1 2", b"X: y\r\n\r\n"])
def test_interim_answers_alone_are_no_answer(server: RawServer, rest: bytes) -> None:
    server.behave = lambda wire: (wire.read_body(), wire.send(EARLY + PROCESSING + rest))[0]
    with pytest.raises(TransportError) as broken:
        post(server)
    assert broken.value.came is None or not broken.value.came.body


def test_interim_answers_without_an_end_end(server: RawServer) -> None:
    def behave(wire: Wire) -> None:
        wire.read_body()
        while True:
            wire.send(PROCESSING * 1000)

    server.behave = behave
    with pytest.raises(TransportError):
        post(server)


def test_a_download_behind_interim_answers(server: RawServer, tmp_path: Path) -> None:
    server.behave = lambda wire: wire.send(
        EARLY + PROCESSING + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nclip"
    )
    part = tmp_path / "c.part"
    assert Transport(server.base, KEY).download(f"{server.base}/c", part, "", new_call()) == ""
    assert part.read_bytes() == b"clip"


def test_what_came_is_bounded_and_without_the_key(server: RawServer) -> None:
    sent = gzip.compress(KEY.encode() + bytes(20 << 20))

    def answers(wire: Wire) -> None:
        wire.read_body()  # else closing resets the connection, and on Windows an answer that is not read yet is lost
        wire.answer(200, sent, "Content-Encoding: gzip", f"X-Y: {KEY}")

    server.behave = answers
    with pytest.raises(TransportError) as broken:
        post(server)
    came = broken.value.came
    assert came is not None
    assert 1 << 19 < len(came.body) <= LONGEST_ANSWER
    assert KEY[4:] not in came.body.decode() + str(dict(came.headers))


def test_a_refusal_whose_headers_break_off_decides_nothing(server: RawServer) -> None:
    server.behave = lambda wire: (wire.read_body(), wire.send(b"HTTP/1.1 429 X\r\nContent-Le"))[0]
    with pytest.raises(TransportError):
        post(server)


def test_a_chunked_answer_is_read(server: RawServer) -> None:
    server.behave = lambda wire: wire.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    assert Transport(server.base, KEY).get("/v1/x", new_call()).body == b"{}"


@pytest.mark.parametrize("name", ["x\x1bred", "n" * 30_000, "schäfer.example", "a b", "x\x07"])
def test_a_name_that_is_none_is_not_repeated(server: RawServer, tmp_path: Path, name: str) -> None:
    """A redirect may name anything; what is said of it is shown in the panel and in a terminal."""
    assert shown_host(f"https://{name}/x") == "the service"
    server.behave = lambda wire: wire.send(
        b"HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: http://%s/x\r\n\r\n" % name.encode()
    )
    with pytest.raises(TransportError) as refused:
        Transport(server.base, KEY).download(
            f"{server.base}/c", tmp_path / "c.part", "", new_call()
        )
    message = refused.value.problem.message
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize("host", ["api.x.ai", "127.0.0.1", "a_b.example", "::1", "fe80::1%eth0"])
def test_the_name_of_a_host_is_said(host: str) -> None:
    inside = f"[{host}]" if ":" in host else host
    assert shown_host(f"https://{inside}:8/x") == host


def test_refused_and_unknown_hosts_have_sentences() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TransportError) as caught:
        Transport(f"http://127.0.0.1:{port}", KEY).get("/v1/x", new_call())
    assert "refused" in caught.value.problem.message
    with pytest.raises(TransportError) as caught:
        Transport("https://no-such-host.invalid", KEY).get("/v1/x", new_call())
    assert "no-such-host.invalid" in caught.value.problem.message


# ---------------------------------------------------------------------------------------- the key stays here


def test_netrc_and_proxies_of_the_environment_neither_leak_nor_replace_the_key(
    server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    proxy = RawServer()
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.base)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.behave = lambda wire: (wire.read_body(), wire.answer(200, b"{}"))[0]
    post(server)
    fetch(server, tmp_path)
    proxy.close()
    assert not proxy.seen
    first, second = server.seen
    assert first.header("Authorization") == f"Bearer {KEY}"
    assert second.header("Authorization") == ""


def test_beyond_loopback_netrc_does_not_replace_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of the environment is used there: it sees a tunnel to the host and no key."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    proxy = RawServer()
    monkeypatch.setenv("https_proxy", proxy.base)
    proxy.behave = lambda wire: wire.answer(502)
    with pytest.raises(TransportError) as caught:
        Transport("https://api.example.com", KEY).get("/v1/x", new_call())
    proxy.close()
    assert proxy.seen[0].head.startswith(b"CONNECT api.example.com:443")
    assert KEY.encode() not in proxy.seen[0].head
    assert "proxy" in caught.value.problem.message.lower()


def test_no_exception_holds_the_key(server: RawServer) -> None:
    server.behave = lambda wire: wire.reset()
    with pytest.raises(TransportError) as caught:
        post(server)
    assert KEY not in repr(caught.value)
    assert KEY not in repr(Transport(server.base, KEY))


@pytest.mark.parametrize(
    ("base", "good"),
    [
        ("https://api.x.ai", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("http://api.x.ai", False),
        ("http://192.168.1.2", False),
        ("https://user:pass@api.x.ai", False),
        ("https://user@api.x.ai", False),
        ("ftp://127.0.0.1", False),
        ("api.x.ai", False),
        ("https://", False),
        ("https://[::1", False),
        ("https://api.x.ai?x=1", False),
        ("", False),
    ],
)
def test_which_bases_are_taken(base: str, good: bool) -> None:
    assert (api_base_refusal(base) == "") is good
    if good:
        assert Transport(base, KEY).base == base
    else:
        with pytest.raises(ValueError, match=re.escape(api_base_refusal(base))):
            Transport(base, KEY)


# ------------------------------------------------------------------------------------------------- downloads


def fetch(server: RawServer, tmp_path: Path, path: str = "/clip.mp4", etag: str = "") -> None:
    url = path if "://" in path else server.base + path
    Transport(server.base, KEY).download(url, tmp_path / "clip.part", etag, new_call())


def test_a_download_never_sees_the_key(server: RawServer, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    server.behave = lambda wire: wire.answer(200, data)
    fetch(server, tmp_path)
    assert (tmp_path / "clip.part").read_bytes() == data
    assert not server.seen[0].header("Authorization")
    assert server.seen[0].header("Accept-Encoding") == "identity"


@pytest.fixture
def uncounting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's HTTP libraries do as those of Blender 4.2: they hand over a body that was cut as if it were whole."""
    real = HTTPAdapter.build_response

    def build(adapter: HTTPAdapter, request: Any, raw: Any) -> requests.Response:
        raw.enforce_content_length = False
        return real(adapter, request, raw)

    monkeypatch.setattr(HTTPAdapter, "build_response", build)


@pytest.mark.usefixtures("uncounting")
@pytest.mark.parametrize("came", [0, 1, 4999])
def test_a_cut_download_is_noticed(server: RawServer, tmp_path: Path, came: int) -> None:
    server.behave = lambda wire: wire.send(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(came)
    )
    with pytest.raises(Broken):
        fetch(server, tmp_path)


@pytest.mark.usefixtures("uncounting")
def test_an_answer_that_was_cut_is_noticed_here(server: RawServer) -> None:
    cut = b"HTTP/1.1 400 X\r\nContent-Length: 99\r\n\r\n{}"
    server.behave = lambda wire: (wire.read_body(), wire.send(cut))[0]
    with pytest.raises(TransportError):
        post(server)
    with pytest.raises(TransportError):
        Transport(server.base, KEY).get("/v1/x", new_call())


@pytest.mark.deadline
@pytest.mark.parametrize("what", ["a clip", "an answer"])
@pytest.mark.parametrize("why", ["stopped", "slow"])
def test_what_was_ended_here_is_not_whole(
    server: RawServer, tmp_path: Path, patches: Patches, what: str, why: str
) -> None:
    """Without a length a body ends with its connection: also with one that was shut by a stop, or at its deadline."""
    call = new_call()
    if why == "slow" and what == "a clip":
        patches.set(transport, "SLOWEST_FOR", 0.5)

    def behave(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + clip_bytes())
        if why == "stopped":
            call.abort()
            server.over.wait(PATIENCE)
        drip(wire, b"x" * 999, server.over)

    server.behave = behave
    service = Transport(server.base, KEY)
    ask = {
        "a clip": lambda: service.download(f"{server.base}/x", tmp_path / "clip.part", "", call),
        "an answer": lambda: service.get("/v1/x", call, 20.0 if why == "stopped" else 0.5),
    }[what]
    with pytest.raises(TransportError):
        ask()
    call.close()


def test_a_compressed_download_is_refused(server: RawServer, tmp_path: Path) -> None:
    server.behave = lambda wire: wire.answer(200, bytes(100), "Content-Encoding: gzip")
    with pytest.raises(TransportError):
        fetch(server, tmp_path)


class Resuming:
    """Serves ``data``, the first time only half of it; then as ``later`` says."""

    def __init__(self, data: bytes, etag: str, later: Callable[[Wire, int], None]) -> None:
        self.data = data
        self.etag = etag
        self.later = later
        self.calls = 0

    def __call__(self, wire: Wire) -> None:
        self.calls += 1
        if self.calls == 1:
            head = (
                f"HTTP/1.1 200 OK\r\nETag: {self.etag}\r\nContent-Length: {len(self.data)}\r\n\r\n"
            )
            wire.send(head.encode() + self.data[: len(self.data) // 2])
            return
        wanted = wire.header("Range").removeprefix("bytes=").removesuffix("-")
        self.later(wire, int(wanted or 0))


def test_a_download_goes_on_with_a_strong_etag(server: RawServer, tmp_path: Path) -> None:
    data = os.urandom(100_000)

    def later(wire: Wire, start: int) -> None:
        assert wire.header("If-Range") == '"v1"'
        rest = data[start:]
        span = f"Content-Range: bytes {start}-{len(data) - 1}/{len(data)}"
        wire.answer(206, rest, span, 'ETag: "v1"')

    server.behave = Resuming(data, '"v1"', later)
    with pytest.raises(Broken) as caught:
        fetch(server, tmp_path)
    fetch(server, tmp_path, etag=caught.value.etag)
    assert (tmp_path / "clip.part").read_bytes() == data
    assert server.seen[1].header("Range") == f"bytes={len(data) // 2}-"


def test_a_weak_etag_begins_anew(server: RawServer, tmp_path: Path) -> None:
    data = os.urandom(100_000)
    server.behave = Resuming(data, 'W/"v1"', lambda wire, start: wire.answer(200, data))
    with pytest.raises(Broken) as caught:
        fetch(server, tmp_path)
    assert caught.value.etag == ""
    fetch(server, tmp_path, etag=caught.value.etag)
    assert (tmp_path / "clip.part").read_bytes() == data
    assert server.seen[1].header("Range") == ""


def test_a_200_to_a_range_begins_anew(server: RawServer, tmp_path: Path) -> None:
    data, other = os.urandom(100_000), os.urandom(70_000)
    server.behave = Resuming(data, '"v1"', lambda wire, start: wire.answer(200, other))
    with pytest.raises(Broken) as caught:
        fetch(server, tmp_path)
    fetch(server, tmp_path, etag=caught.value.etag)
    assert (tmp_path / "clip.part").read_bytes() == other


@pytest.mark.parametrize("wrong", ["start", "etag", "none"])
def test_a_wrong_206_is_not_mixed_in(server: RawServer, tmp_path: Path, wrong: str) -> None:
    data = os.urandom(100_000)

    def later(wire: Wire, start: int) -> None:
        span = f"Content-Range: bytes {start + (wrong == 'start')}-{len(data) - 1}/{len(data)}"
        headers = [span] if wrong != "none" else []
        headers.append('ETag: "v2"' if wrong == "etag" else 'ETag: "v1"')
        wire.answer(206, data[start:], *headers)

    server.behave = Resuming(data, '"v1"', later)
    with pytest.raises(Broken) as caught:
        fetch(server, tmp_path)
    with pytest.raises(TransportError):
        fetch(server, tmp_path, etag=caught.value.etag)
    assert not (tmp_path / "clip.part").exists()


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_link_that_is_gone(server: RawServer, tmp_path: Path, status: int) -> None:
    server.behave = lambda wire: wire.answer(status)
    with pytest.raises(LinkGone):
        fetch(server, tmp_path)


@pytest.mark.parametrize("status", [204, 206, 416, 429, 500, 503])
def test_any_other_answer_is_a_broken_download(
    server: RawServer, tmp_path: Path, status: int
) -> None:
    server.behave = lambda wire: wire.answer(status)
    with pytest.raises(TransportError) as caught:
        fetch(server, tmp_path)
    assert type(caught.value) in (TransportError, Broken)


def test_redirects_are_followed_five_times(server: RawServer, tmp_path: Path) -> None:
    def behave(wire: Wire) -> None:
        hop = int(wire.head.split()[1].strip(b"/"))
        if hop == last:
            wire.answer(200, b"clip")
        else:
            wire.answer(302, b"", f"Location: /{hop + 1}")

    server.behave = behave
    last = 5
    fetch(server, tmp_path, "/0")
    assert (tmp_path / "clip.part").read_bytes() == b"clip"
    last = 6
    with pytest.raises(TransportError):
        fetch(server, tmp_path, "/0")
    assert len(server.seen) == 12


HOSTILE = [
    "http://example.com/clip.mp4",
    "https://user@example.com/clip.mp4",
    "https://user:pass@example.com/clip.mp4",
    "https://127.0.0.1/clip.mp4",
    "https://localhost/clip.mp4",
    "https://[::1]/clip.mp4",
    "https://[::ffff:127.0.0.1]/clip.mp4",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1/clip.mp4",
    "https://192.168.1.1/clip.mp4",
    "https://[fe80::1]/clip.mp4",
    "https://[fd00::1]/clip.mp4",
    "https://0.0.0.0/clip.mp4",
    "https://2130706433/clip.mp4",
    "file:///etc/passwd",
    "ftp://example.com/clip.mp4",
    "//example.com/clip.mp4",
    "https:///clip.mp4",
    "https://[bad/clip.mp4",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_public_service_cannot_send_us_into_a_private_network(tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused) as caught:
        Transport("https://api.x.ai", KEY).download(url, tmp_path / "p", "", new_call())
    assert "clip.mp4" not in caught.value.problem.message


@pytest.mark.parametrize(
    "url", ["https://user@127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher:x"]
)
def test_each_hop_is_checked(server: RawServer, tmp_path: Path, url: str) -> None:
    server.behave = lambda wire: wire.answer(302, b"", f"Location: {url}")
    with pytest.raises(Refused):
        fetch(server, tmp_path)


def test_the_connected_address_counts_not_the_name(
    server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when asked and private when connected to is refused before a byte is sent."""
    port = server.port
    answers = iter(["93.184.216.34"])
    real = socket.getaddrinfo

    def changing(host: object, *args: object, **kwargs: object) -> object:
        if host == "rebinding.example":
            address = next(answers, "127.0.0.1")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return real(host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with pytest.raises(Refused):
        Transport("https://api.x.ai", KEY).download(
            f"https://rebinding.example:{port}/x", tmp_path / "p", "", new_call()
        )
    assert all(not wire.head for wire in server.seen)


@posix("there is no device that is always full")
def test_a_full_disk_is_said(server: RawServer, tmp_path: Path, patches: Patches) -> None:
    full = open("/dev/full", "wb")  # noqa: SIM115 - closed as the part is
    patches.set(transport, "_open_part", lambda _part, _start: full)
    server.behave = lambda wire: wire.answer(200, bytes(500_000))
    with pytest.raises(Unwritable) as caught:
        fetch(server, tmp_path)
    assert "space" in caught.value.problem.message


def test_a_folder_that_is_gone_is_said(server: RawServer, tmp_path: Path) -> None:
    server.behave = lambda wire: wire.answer(200, b"clip")
    with pytest.raises(Unwritable):
        Transport(server.base, KEY).download(
            server.base + "/x", tmp_path / "gone" / "clip.part", "", new_call()
        )


def test_memory_stays_flat(server: RawServer, tmp_path: Path) -> None:
    """20 MB up and 40 MB down pass through in chunks."""
    image = still(tmp_path, 20 << 20)
    digest = hashlib.sha256()

    def behave(wire: Wire) -> None:
        if wire.head.startswith(b"POST"):
            left = int(wire.header("Content-Length")) - len(wire.body)
            wire.body = b""
            while left:
                left -= len(wire.sock.recv(65536))
            wire.answer(200, b"{}")
            return
        wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {40 << 20}\r\n\r\n".encode())
        block = bytes(1 << 16)
        for _ in range(640):
            wire.send(block)
            digest.update(block)

    server.behave = behave
    tracemalloc.start()
    post(server, str(image))
    fetch(server, tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "clip.part").stat().st_size == 40 << 20
    assert hashlib.sha256((tmp_path / "clip.part").read_bytes()).digest() == digest.digest()
    assert peak < 6 << 20

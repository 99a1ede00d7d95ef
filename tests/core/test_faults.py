"""Every fault of the network and of the service, in every stage of a job, through the real worker.

One service that answers byte by byte, one worker whose deadlines are seconds (``hasty.py``), and one job for each
fault in each stage, all at once. ``matrix`` runs them; each test below it looks at one. Looks are in
``test_look_faults``.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import itertools
import json
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grok_video.core.events import (
    Created,
    Event,
    NotSent,
    Rejected,
    Sending,
    SubmitStarted,
    Submitted,
)
from grok_video.core.job import Job, State, apply
from grok_video.core.payload import from_payload, job_from_payload, job_to_payload, to_payload
from grok_video.core.problem import ProblemCode
from grok_video.core.spec import JobSpec
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.schema import FILE_NAME
from grok_video.ledger.store import LATER_STATUS
from grok_video.service.answer import poll_answer, submit_answer
from grok_video.service.request import submission
from grok_video.worker.delivery import already_there
from grok_video.worker.http.body import Body
from tests.core import hasty, test_wire
from tests.core.conftest import (
    KEY,
    RawServer,
    Wire,
    clip_bytes,
    make_spec,
    png,
    replay,
    says_free,
    wait_for,
)
from tests.core.test_look_jobs import look
from tests.core.test_worker import FAST, Blender

CLIP = clip_bytes(media=20_000)
LOOK = png(120, 80)
COST = 500_000_000  # ticks, as the service bills each clip
POLLED = (b"/v1/videos/", b"/v1/images/")
HTML = b"<!doctype html><html><body>Sign in to the hotel's network</body></html>"


class Hasty(Blender):
    """A Blender whose worker waits for seconds where the real one waits for minutes."""

    program = Path(hasty.__file__)


# -------------------------------------------------------------------------------------------- the service


@dataclass
class Request:
    """One request that is to go wrong."""

    service: Service
    wire: Wire
    case: Case

    def take(self) -> None:
        """Read the whole body: from here on the service may have started something."""
        length = int(self.wire.header("Content-Length") or 0)
        if len(self.wire.read_body()) == length and length:
            self.case.posts += 1

    def good(self) -> bytes:
        """All that a good service does, but for sending the answer that is returned."""
        self.take()
        if self.wire.head.startswith(b"POST"):
            return whole(200, self.service.begun(self.case))
        if self.wire.head.split(b" ")[1].startswith(POLLED):
            return whole(200, self.service.done(self.case))
        return whole(200, self.case.file, "Content-Type: video/mp4", 'ETag: "v1"')

    def hang(self) -> None:
        """Until the client has gone."""
        self.wire.sock.settimeout(20)
        while self.wire.sock.recv(65536):
            pass


def whole(status: int, body: Any, *headers: str) -> bytes:
    """A whole answer as bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


Doing = Callable[[Request], None]


@dataclass(eq=False)
class Case:
    """A job, and what goes wrong with its first requests of one stage."""

    stage: str  # 'submit' 'poll' 'download'
    name: str
    faults: list[Doing]  # one for each request; then the service is good
    ends: State = State.READY
    code: ProblemCode | None = None  # of the problem it ends with
    later: int = 0  # POSTs that were answered with *later*: they started nothing
    big: bool = False  # sends more than the buffers of a connection hold
    request_id: str = ""  # that the service gives it; '' makes one up
    urls: list[str] = field(default_factory=list)  # given before the good one
    retry: bool = False  # it ends FAILED, and a free Retry brings the clip
    #: '': a clip; of a look 'deferred', 'polled' (its picture is in the answer to the poll), or at once 'url', 'base64'.
    form: str = ""
    # What was seen of it:
    posts: int = 0  # whole bodies that were read
    started: list[str] = field(
        default_factory=list
    )  # ids of what was bought; '' for a look that was made at once
    requests: dict[str, int] = field(default_factory=dict)
    spec: JobSpec | None = None
    job: Job | None = None
    after: Job | None = None  # once the fault had passed and the free ways had been gone

    @property
    def id(self) -> str:
        return f"{self.stage}: {self.name}" + (f" ({self.form})" if self.form else "")

    @property
    def file(self) -> bytes:
        """What is bought."""
        return LOOK if self.form else CLIP

    @property
    def comes(self) -> bool:
        """Whether the clip comes in the end: by itself, by Retry, or by its request id."""
        by_id = self.ends is State.UNKNOWN and any(self.started)
        return self.ends is State.READY or by_id or self.retry


class Service:
    """Answers every job as its case says. The POSTs are told apart by their lengths."""

    def __init__(self) -> None:
        self.raw = RawServer()
        self.raw.behave = self._behave
        self.base, self.key = self.raw.base, KEY
        self.strangers: list[bytes] = []  # requests that should never have come
        self._by_length: dict[int, Case] = {}
        self._by_id: dict[str, Case] = {}
        self._by_clip: dict[str, Case] = {}
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()

    def expect(self, case: Case) -> None:
        """Make the case's request one that can be told from the others before its body is read."""
        assert case.spec is not None
        spec = case.spec
        while True:
            length = len(Body(submission(spec).parts, lambda: None))
            if length not in self._by_length:
                break
            spec = JobSpec(**{**_fields(spec), "prompt": spec.prompt + "."})
        self._by_length[length] = case
        self._by_clip[spec.id] = case
        case.spec = spec

    def begun(self, case: Case) -> dict[str, Any]:
        """Buy what the case is about; the answer to its POST."""
        if case.form not in ("url", "base64"):
            return {"request_id": self.start(case)}
        case.started.append("")
        return self.done(case)

    def start(self, case: Case) -> str:
        """Buy the case's clip."""
        request_id = case.request_id or f"id-{next(self._numbers)}"
        assert self._by_id.setdefault(request_id, case) is case
        case.started.append(request_id)
        return request_id

    def url(self, case: Case) -> str:
        assert case.spec is not None
        return f"{self.base}/clip/{case.spec.id}.mp4"

    def done(self, case: Case) -> dict[str, Any]:
        usage = {"cost_in_usd_ticks": COST}
        if case.form in ("polled", "base64"):
            return {"data": [{"b64_json": base64.b64encode(LOOK).decode()}], "usage": usage}
        url = case.urls.pop(0) if case.urls else self.url(case)
        if case.form:
            return {"data": [{"url": url}], "usage": usage}
        return {"status": "done", "video": {"url": url}, "usage": usage}

    def _behave(self, wire: Wire) -> None:
        method, path = wire.head.decode("latin-1").split(" ")[:2]
        stage, case = "", None
        if method == "POST":
            stage, case = "submit", self._by_length.get(int(wire.header("Content-Length")))
        elif path.encode().startswith(POLLED):
            stage, case = "poll", self._by_id.get(unquote(path.split("/", 3)[3]))
        elif path.startswith("/clip/"):
            stage, case = "download", self._by_clip.get(Path(urlsplit(path).path).stem)
        with self._guard:
            secret = wire.header("Authorization") and stage == "download"
            if case is None or secret:
                self.strangers.append(wire.head)
                return
            case.requests[stage] = case.requests.get(stage, 0) + 1
            fault = case.faults.pop(0) if stage == case.stage and case.faults else None
        request = Request(self, wire, case)
        if fault is None:
            wire.send(request.good())
        else:
            fault(request)

    def stop_listening(self) -> None:
        """From now on every connection is refused."""
        self.raw.stop_listening()

    def listen_again(self) -> None:
        """At the same place as before."""
        self.raw.listen()

    def close(self) -> None:
        self.raw.close()


def _fields(spec: JobSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in JobSpec.__match_args__}


# --------------------------------------------------------------------------------- what goes wrong on the wire


def reset_before(r: Request) -> None:
    r.wire.reset()


def reset_inside(r: Request) -> None:
    if r.wire.head.startswith(b"POST"):
        r.wire.read_body(100_000)
    else:
        answer = r.good()
        r.wire.send(answer[: len(answer) - 40])
    r.wire.reset()


def reset_after(r: Request) -> None:
    """A POST is read and starts nothing; anything else is answered."""
    r.take()
    if not r.wire.head.startswith(b"POST"):
        r.wire.send(r.good())
    r.wire.reset()


def answer_lost(r: Request) -> None:
    r.good()
    r.wire.reset()


def no_answer(r: Request) -> None:
    r.take()
    r.hang()


def no_answer_after_all(r: Request) -> None:
    r.good()
    r.hang()


def nothing_read(r: Request) -> None:
    r.service.raw.over.wait(2 * hasty.OTHERS)


def drip(r: Request) -> None:
    """A byte now and then: each read is quick, the whole never ends in time."""
    for byte in r.good():
        r.wire.send(bytes([byte]))
        if r.service.raw.over.wait(0.3):
            return


def stalled(r: Request) -> None:
    answer = r.good()
    r.wire.send(answer[:-30])
    r.hang()


def length(more: int) -> Doing:
    """The announced length is ``more`` than what comes."""

    def do(r: Request) -> None:
        head, _, body = r.good().partition(b"\r\n\r\n")
        head = head.replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % (len(body) + more))  # fmt: skip
        r.wire.send(head + b"\r\n\r\n" + body)

    return do


def framed(*headers: str, packed: Callable[[bytes], bytes] = bytes) -> Doing:
    """A good answer under other headers, its body ``packed``, and then the end."""

    def do(r: Request) -> None:
        body = packed(r.good().partition(b"\r\n\r\n")[2])
        lines = ["HTTP/1.1 200 X", *(line.replace("all", str(len(body))) for line in headers)]
        r.wire.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return do


def one_chunk(body: bytes) -> bytes:
    """All of it, but not the chunk of no bytes that ends it."""
    return b"%x\r\n%s\r\n" % (len(body), body)


def answered(status: int, body: Any = b"", *headers: str) -> Doing:
    """Read, nothing started, and this answer; ``now`` in a header becomes a date a second ahead."""

    def do(r: Request) -> None:
        r.take()
        made = [line.replace("now", formatdate(time.time() + 1, usegmt=True)) for line in headers]
        r.wire.send(whole(status, body, *made))

    return do


def as_it_is(data: bytes) -> Doing:
    def do(r: Request) -> None:
        r.take()
        r.wire.send(data)

    return do


def endless(piece: bytes, announced: int = 0) -> Doing:
    """A body that never ends: in chunks, or under an announced length."""
    kind = f"Content-Length: {announced}" if announced else "Transfer-Encoding: chunked"
    data = piece if announced else b"%x\r\n%s\r\n" % (len(piece), piece)

    def do(r: Request) -> None:
        r.take()
        r.wire.send(f'HTTP/1.1 200 X\r\n{kind}\r\nETag: "e"\r\n\r\n'.encode())
        while True:  # until the client has had enough
            r.wire.send(data)

    return do


def to(where: str, status: int = 302) -> Doing:
    """A redirect; ``<clip>`` is the clip's own address."""

    def do(r: Request) -> None:
        r.take()
        r.wire.send(
            whole(status, b"", f"Location: {where.replace('<clip>', r.service.url(r.case))}")
        )

    return do


RATE = {"code": "resource-exhausted", "error": "Too many requests for team x (actual/limit): 2/2"}
CREDITS = {"code": "resource-exhausted", "error": "Your team used all available credits."}
BOMB = gzip.compress(bytes(20 << 20))

#: Connections that break: the same for every stage, with what becomes of a POST.
BROKEN: dict[str, tuple[Doing, State]] = {
    "reset before the body": (reset_before, State.READY),
    "reset inside the body": (reset_inside, State.READY),
    "reset after the body": (reset_after, State.UNKNOWN),
    "no answer": (no_answer, State.UNKNOWN),
    "one byte now and then": (drip, State.UNKNOWN),
    "a stalled body": (stalled, State.UNKNOWN),
    "less than the announced length": (length(10), State.READY),
    "more than the announced length": (length(-5), State.UNKNOWN),
}
#: A whole body that is announced as something else: the id in it is what was bought.
MISFRAMED: dict[str, Doing] = {
    "one byte more is announced": length(1),
    "chunks without the last": framed("Transfer-Encoding: chunked", packed=one_chunk),
    "a chunk that is cut behind the body": framed(
        "Transfer-Encoding: chunked", packed=lambda body: one_chunk(body + b" " * 99)[:-50]
    ),
    "gzip": framed("Content-Encoding: gzip", "Content-Length: all", packed=gzip.compress),
    "deflate": framed("Content-Encoding: deflate", "Content-Length: all", packed=zlib.compress),
    "gzip without its end": framed(
        "Content-Encoding: gzip", "Content-Length: 999", packed=lambda b: gzip.compress(b)[:-8]
    ),
    "gzip that is none": framed("Content-Encoding: gzip", "Content-Length: all"),
}
#: Bodies that are no answer, all with a good status and an honest length.
BODIES: dict[str, Doing] = {
    "an empty 202": answered(202),
    "an empty 200": answered(200),
    "204": answered(204),
    "HTML": answered(200, HTML, "Content-Type: text/html"),
    "truncated JSON": answered(200, b'{"request_id": "r-1", "status": "done", "vid'),
    "JSON null": answered(200, b"null"),
    "JSON list": answered(200, b"[]"),
    "JSON text": answered(200, b'"done"'),
    "JSON nested 100000 deep": answered(200, b'{"a":' * 100_000),
    "JSON with a number of 100000 digits": answered(200, b'{"request_id":' + b"9" * 100_000 + b"}"),
    "JSON NaN": answered(200, b'{"request_id": NaN, "status": NaN, "progress": -Infinity}'),
    "bytes that are no text": answered(200, b"\xff\xfe\x00{}"),
    "a body of 2 MiB": answered(200, b'{"a": "' + b"x" * (2 << 20) + b'"}'),
    "a body without end": endless(b" " * 65536),
    "gzip unasked": answered(200, gzip.compress(b"{}"), "Content-Encoding: gzip"),
    "a gzip bomb": answered(200, BOMB, "Content-Encoding: gzip"),
    "no HTTP at all": as_it_is(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "a head without end": as_it_is(b"HTTP/1.1 200 X\r\n" + b"X-Y: z\r\n" * 2000),
}  # fmt: skip
PASSING: dict[str, Doing] = {
    **{str(status): answered(status, {}) for status in (408, 409, 500, 503, 504)},
    "502 as text": answered(502, b"error code: 502", "Content-Type: text/plain"),
}
LATER: dict[str, Doing] = {
    "425": answered(425, {}),
    "429": answered(429, RATE),
    "429, Retry-After in seconds": answered(429, RATE, "Retry-After: 1"),
    "429, Retry-After a date": answered(429, RATE, "Retry-After: now"),
    "429, Retry-After nonsense": answered(429, RATE, "Retry-After: soon, or -1e999"),
}
REFUSED: dict[str, tuple[Doing, ProblemCode]] = {
    "429 out of credits": (answered(429, CREDITS), ProblemCode.CREDITS),
    **{
        str(status): (answered(status, {"error": "No."}), code)
        for status, code in (
            (400, ProblemCode.REQUEST),
            (401, ProblemCode.KEY),
            (403, ProblemCode.KEY),
            (404, ProblemCode.NETWORK),
            (405, ProblemCode.NETWORK),
            (413, ProblemCode.REQUEST),
            (415, ProblemCode.REQUEST),
            (422, ProblemCode.REQUEST),
        )
    },
}
WRONG: list[Any] = [None, 7, -7.5, True, [], {}, ["x"], {"x": 1}, "", " \n"]


def submit_cases() -> Iterator[Case]:
    """What goes wrong with the POST: at most one whole one, and never sent again by the program."""
    lost = State.UNKNOWN, ProblemCode.ANSWER_LOST
    for name, (do, ends) in BROKEN.items():
        code = ProblemCode.ANSWER_LOST if ends is State.UNKNOWN else None
        yield Case("submit", name, [do], ends, code, big=do in (reset_before, reset_inside))
    for name, do in MISFRAMED.items():
        yield Case("submit", f"whole, but {name}", [do])
    yield Case("submit", "nothing is read", [nothing_read], big=True)
    yield Case("submit", "bought, answer lost", [answer_lost], *lost)
    yield Case("submit", "bought, no answer", [no_answer_after_all], *lost)
    for name, do in {**BODIES, **PASSING}.items():
        yield Case("submit", name, [do], *lost)
    for name, do in LATER.items():
        yield Case("submit", name, [do], later=1)
    for name, (do, code) in REFUSED.items():
        yield Case("submit", name, [do], State.FAILED, code)
    for status in (301, 302, 303, 307, 308):
        do = to("/elsewhere", status)
        yield Case("submit", f"redirect {status}", [do], *lost)
    yield Case("submit", "redirect to another host", [to("http://localhost:9/x", 307)], *lost)
    for value in (value for value in WRONG if value != 7):  # a whole number is an id
        do = answered(200, {"request_id": value})
        yield Case("submit", f"the id is {value!r}", [do], *lost)
    for odd in (
        "a/b/../c",
        "../../v1/api-key",
        "a b",
        "%2e%2e",
        "?x=1#y",
        "Schäfer 🐑",
        ". .",
        "i" * 200,
    ):
        yield Case("submit", f"the id is {odd[:20]!r}", [], request_id=odd)
    for odd in (".", "..", "é" * 201, "i" * 10_000, "two\nlines", "\x1b[31mred"):
        do = answered(200, {"request_id": odd})
        yield Case("submit", f"the id is {odd[:12]!r}, unusable", [do], *lost)


def poll_cases() -> Iterator[Case]:
    """What goes wrong with polls: asking again is free, so all of it heals by itself, or is said for good."""
    for name, do in {**{name: do for name, (do, _) in BROKEN.items()}, **BODIES}.items():
        yield Case("poll", name, [do, do])
    for name, do in PASSING.items():
        yield Case("poll", name, [do, do])
    for name, do in LATER.items():
        yield Case("poll", name, [do])
    for name, (do, _) in REFUSED.items():
        yield Case("poll", name, [do, do])
    for status in (301, 302, 307, 308):
        yield Case("poll", f"redirect {status}", [to("/elsewhere", status)] * 2)
    yield Case("poll", "redirect to another host", [to("http://localhost:9/x", 307)] * 2)
    for name, fields in (("status", {}), ("progress", {"status": "pending"})):
        bodies = [answered(200, {**fields, name: value}) for value in WRONG]
        yield Case("poll", f"wrong types of {name}", bodies)
    both = [answered(202, {"status": value, "progress": value}) for value in WRONG]
    yield Case("poll", "wrong types in a 202", both)
    for name, known in (
        ("usage", {}),
        ("usage.cost_in_usd_ticks", {}),
        ("model", {}),
        ("video.respect_moderation", {}),
        ("video.duration", {}),
    ):
        for value in WRONG:
            yield Case("poll", f"done, {name} is {value!r}", [done_with(name, value, **known)])
    for name in ("video", "video.url"):
        for value in WRONG:
            nothing = name == "video" and value is None
            code = ProblemCode.MODERATED if nothing else ProblemCode.SERVICE
            do = done_with(name, value)
            yield Case("poll", f"done, {name} is {value!r}", [do], State.FAILED, code)
    for url in (
        "ftp://127.0.0.1/c.mp4",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https:c.mp4",
        "http://",
    ):
        do = done_with("video.url", url)
        yield Case("poll", f"done at {url}", [do], State.FAILED, ProblemCode.SERVICE)
    for value in [*WRONG, {"code": 7, "message": []}, {"code": None, "message": {"x": 1}}]:
        do = answered(200, {"status": "failed", "error": value})
        yield Case("poll", f"failed, error is {value!r}", [do], State.FAILED, ProblemCode.SERVICE)


def done_with(name: str, value: Any) -> Doing:
    """A good answer with one field that is of a wrong type."""

    def do(r: Request) -> None:
        body = r.service.done(r.case)
        inside, _, last = name.rpartition(".")
        (body.setdefault(inside, {}) if inside else body)[last] = value
        r.wire.send(whole(200, body))

    return do


def download_cases(elsewhere: str, silent: str, closed: str) -> Iterator[Case]:
    """What goes wrong with the clip's file.

    ``elsewhere`` is another host, ``silent`` one that says nothing, ``closed`` one that refuses for a while.
    """
    for name, (do, _) in BROKEN.items():
        yield Case("download", name, [do, do])
    for name, do in {**BODIES, **PASSING, **LATER}.items():
        yield Case("download", name, [do, do])
    yield Case("download", "an MP4 cut short", [answered(200, CLIP[:-500])] * 2)
    yield Case(
        "download", "an MP4 without its index", [answered(200, CLIP[:28] + CLIP[-20_008:])] * 2
    )
    yield Case("download", "noise", [answered(200, os.urandom(30_000))] * 2)
    yield Case("download", "1 TB announced", [endless(bytes(65536), 1 << 40)] * 2)
    yield Case("download", "a wrong 206", [answered(206, CLIP, "Content-Range: bytes 7-9/10")] * 2)
    yield Case("download", "416", [answered(416)] * 2)
    for status in (401, 403, 404, 410):
        yield Case("download", f"{status}: the URL has expired", [answered(status)] * 2)
    for status in (301, 302, 303, 307, 308):
        yield Case("download", f"redirect {status}", [to("<clip>?hop", status)])
    yield Case("download", "redirect without end", [to("<clip>?again")] * 12)
    yield Case("download", "redirect without a place", [answered(302)] * 2)
    for where in (
        "https://user@127.0.0.1/c.mp4",
        "http://user:word@127.0.0.1:9/c.mp4",
        "file:///etc/passwd",
        "ftp://127.0.0.1/c.mp4",
        "gopher:x",
        "http://[::1",
    ):
        yield Case("download", f"redirect to {where}", [to(where)] * 2)
    yield Case("download", "redirect to another host", [to(f"{elsewhere}/clip/x.mp4")])
    yield Case("download", "refused", [], urls=[f"{closed}/c.mp4"])
    # Nobody here can make loopback trust a certificate, so these two do not heal: they go on being tried.
    tried = State.DOWNLOADING, ProblemCode.NETWORK
    yield Case(
        "download", "a TLS handshake that hangs", [], *tried, urls=[f"https://{silent}/c.mp4"]
    )
    secure = elsewhere.replace("http:", "https:")
    yield Case("download", "TLS to what speaks none", [], *tried, urls=[f"{secure}/c.mp4"])
    user = "http://user:word@127.0.0.1:9/c.mp4"
    yield Case("download", "a URL with userinfo", [], urls=[user] * 2)
    yield Case(
        "download", "a URL with userinfo for long", [], State.FAILED, ProblemCode.DOWNLOAD, urls=[user] * 3, retry=True
    )  # fmt: skip
    yield Case(
        "download", "no MP4 for long", [answered(200, HTML)] * 8, State.FAILED, ProblemCode.DOWNLOAD, retry=True
    )  # fmt: skip
    yield Case("download", "gone for good", [answered(404)] * 3, State.FAILED, ProblemCode.EXPIRED)


# ------------------------------------------------------------------------------------------------ the matrix


@dataclass
class Matrix:
    """What was seen when all cases had come to their end."""

    cases: dict[str, Case]
    log: str
    code: int  # of the worker's exit
    grown: int  # kB of memory
    largest: int  # bytes of the largest file that is not the ledger
    ledger: int  # bytes of the ledger
    parts: list[str]  # unfinished downloads that were left
    strangers: list[bytes]
    elsewhere: list[Wire]


def all_cases(elsewhere: str = "http:", silent: str = "", closed: str = "http:") -> list[Case]:
    cases = [*submit_cases(), *poll_cases(), *download_cases(elsewhere, silent, closed)]
    assert len({case.id for case in cases}) == len(cases)
    return cases


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with played(tmp_path_factory.mktemp("faults"), all_cases) as done:
        yield done


@contextlib.contextmanager
def played(folder: Path, cases_of: Callable[[str, str, str], list[Case]]) -> Iterator[Matrix]:
    """All cases, played to their end; ``cases_of`` makes them as ``all_cases`` does."""
    service, elsewhere = Service(), RawServer()
    elsewhere.behave = lambda wire: wire.send(whole(200, cases[0].file))
    other = f"http://localhost:{elsewhere.port}"
    blender = Hasty(folder, service)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen: whoever connects is refused
        try:
            name, late = (
                f"127.0.0.1:{silent.getsockname()[1]}",
                f"127.0.0.1:{closed.getsockname()[1]}",
            )
            cases = cases_of(other, name, f"http://{late}")
            yield run(blender, service, elsewhere, cases, closed)
        finally:
            blender.close()
            service.close()
            elsewhere.close()
    assert not service.raw.errors


def run(
    blender: Hasty, service: Service, elsewhere: RawServer, cases: list[Case], closed: socket.socket
) -> Matrix:
    """Submit a job for every case, wait for what becomes of it, then go the ways that are free."""
    small, big = blender.folder / "small.png", blender.folder / "big.png"
    small.write_bytes(png(64, 36))
    big.write_bytes(png(1700, 1700))
    for case in cases:
        ask = look if case.form else Blender.spec
        case.spec = ask(blender, image=str(big if case.big else small), prompt=case.id)
        service.expect(case)
    blender.start(pace={**FAST, "poll_interval": 0.04})
    before = most_memory(blender)
    for case in cases:
        blender.say("submit", spec=case.spec)
    late = next(case for case in cases if case.name == "refused")
    settle(blender, [late], lambda _, job: job.downloads_broken > 1)
    threading.Thread(target=serve_one, args=(closed, late.file), daemon=True).start()
    settle(blender, cases, lambda case, job: job.state is case.ends)
    tried = [case for case in cases if case.ends is State.DOWNLOADING]
    settle(blender, tried, lambda _, job: job.downloads_broken > 1)
    for case in cases:
        assert case.spec is not None
        case.job = case.after = blender.job(case.spec.id)
        if case.ends is State.UNKNOWN and any(case.started):
            blender.say("request_id", job=case.spec.id, value=case.started[0])
        elif case.retry:
            blender.say("retry", job=case.spec.id)
        elif case in tried:
            blender.say("stop", job=case.spec.id)
    settle(blender, tried, lambda _, job: job.state is State.CANCELLED)
    free = [case for case in cases if case.comes]
    settle(blender, free, lambda _, job: job.state is State.READY)
    for case in free:
        assert case.spec is not None
        case.after = blender.job(case.spec.id)
    grown = most_memory(blender) - before
    blender.hang_up()  # every call is at its end, every part of a file removed
    assert blender.process is not None
    ledger = blender.data / FILE_NAME
    files = [p for p in blender.folder.rglob("*") if p.is_file() and p not in (big, ledger)]
    return Matrix(
        {case.id: case for case in cases},
        (blender.data / "worker.log").read_text("utf-8"),
        blender.process.returncode,
        grown,
        max(path.stat().st_size for path in files),
        ledger.stat().st_size,
        [path.name for path in files if path.suffix == ".part"],
        service.strangers,
        elsewhere.seen,
    )


def serve_one(closed: socket.socket, file: bytes) -> None:
    """Listen where nobody did, and give the file to whoever asks first."""
    closed.listen()
    sock, _ = closed.accept()
    wire = Wire(sock)
    wire.read_head()
    wire.send(whole(200, file))
    sock.close()


def settle(blender: Hasty, cases: list[Case], done: Callable[[Case, Job], bool]) -> None:
    """Wait until ``done`` is true of every case's job; the cases of which it never is are named."""
    assert blender.process is not None
    deadline = time.monotonic() + 300
    waiting = list(cases)
    while waiting and time.monotonic() < deadline and blender.process.poll() is None:
        blender.reader.refresh(1.0)
        jobs = blender.reader.jobs
        waiting = [c for c in waiting if not (c.spec and (job := jobs.get(c.spec.id)) and done(c, job))]  # fmt: skip
        threading.Event().wait(0.05)
    log = (blender.data / "worker.log").read_text("utf-8")[-3000:]
    stuck = {case.id: blender.job(case.spec.id) for case in waiting if case.spec}
    became = [f"{name}: {job and (job.state, job.problem)}" for name, job in stuck.items()]
    if became:
        pytest.fail("\n".join([f"exit code {blender.process.poll()}", *became, log]))


def most_memory(blender: Blender) -> int:
    """kB that the worker held at most so far."""
    assert blender.process is not None
    status = Path(f"/proc/{blender.process.pid}/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize("name", [case.id for case in all_cases()])
def test_a_fault_neither_buys_twice_nor_loses_the_clip(matrix: Matrix, name: str) -> None:
    came_well_through(matrix.cases[name])


def came_well_through(case: Case) -> None:
    """What a fault did to a job: nothing was bought twice, and nothing that was bought is lost."""
    job, after = case.job, case.after
    assert job is not None
    assert after is not None
    assert job.state is case.ends, job.problem
    # One click, at most one purchase: what was answered with *later* started nothing.
    assert case.posts - case.later <= 1
    assert len(case.started) <= 1
    if case.ends is not State.READY:
        assert job.problem is not None
        assert case.code in (None, job.problem.code)
        assert job.problem.message.isprintable()
        assert len(job.problem.message) < 700
    if case.ends is State.UNKNOWN:
        assert job.reserved == job.spec.estimate
        assert job.problem is not None
        assert not says_free(job.problem)
    elif case.ends is State.FAILED and case.stage == "submit":
        assert job.problem is not None
        assert (job.reserved, says_free(job.problem), job.retryable) == (0, True, False)
    else:  # the service took it: what it cost, or may cost, counts
        assert job.cost is not None or job.reserved == job.spec.estimate
    if case.comes:
        assert after.state is State.READY
        assert after.clip is not None
        assert Path(after.clip.path).read_bytes() == case.file
        assert case.requests["submit"] == 1 + case.later + (case.big and case.stage == "submit")


def test_the_worker_came_through_all_of_it(matrix: Matrix) -> None:
    worker_came_through(matrix)


def worker_came_through(matrix: Matrix) -> None:
    """No exception, no key where it does not belong, and an end."""
    assert matrix.code == 0
    assert "Traceback" not in matrix.log
    assert KEY not in matrix.log
    assert matrix.strangers == []  # no redirect of the API was followed, no download had the key
    assert matrix.elsewhere
    assert all(not wire.header("Authorization") for wire in matrix.elsewhere)


def test_memory_and_disk_were_bounded(matrix: Matrix) -> None:
    assert matrix.grown < 48 << 10
    assert matrix.largest <= 2 << 20
    # 7 kB a job, and more where a busy machine gives time for more tries; what the service sent is 20 MB.
    assert matrix.ledger <= len(matrix.cases) * 10_000
    assert matrix.parts == []


# ------------------------------------------------------------------------- where no answer can be told apart


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[Hasty, Service]]:
    service = Service()
    blender = Hasty(tmp_path, service)  # type: ignore[arg-type]
    yield blender, service
    blender.close()
    service.close()


def test_refused_everywhere_for_a_while(alone: tuple[Hasty, Service]) -> None:
    """The network is gone while one job waits to be sent, one is made and one is fetched."""
    blender, service = alone
    cases = {stage: Case(stage, "refused", []) for stage in ("submit", "poll", "download")}
    for case in cases.values():
        case.spec = blender.spec(image="", image_mime="", prompt=case.id)
        service.expect(case)
    running = answered(202, {"status": "pending", "progress": 7})
    cases["poll"].faults = [running] * 10_000
    cases["download"].faults = [answered(503)] * 10_000
    blender.start(pace={**FAST, "poll_interval": 0.04})
    for stage, reached in (("poll", "progress"), ("download", "downloads_broken")):
        spec = cases[stage].spec
        assert spec is not None
        blender.say("submit", spec=spec)
        blender.until(spec.id, lambda job: getattr(job, reached))  # noqa: B023
    service.stop_listening()
    spec = cases["submit"].spec
    assert spec is not None
    blender.say("submit", spec=spec)
    unsent = blender.until(spec.id, lambda job: job.problem)
    assert (unsent.state, unsent.reserved, unsent.sent) == (State.QUEUED, 0, False)
    assert unsent.problem is not None
    assert says_free(unsent.problem)
    assert "refused" in unsent.problem.message
    broken = blender.until(
        cases["download"].spec.id,  # type: ignore[union-attr]
        lambda job: job.problem and job.problem.code is ProblemCode.NETWORK,
    )
    assert broken.state is State.DOWNLOADING
    assert blender.until(cases["poll"].spec.id, State.RUNNING).problem is None  # type: ignore[union-attr]
    for case in cases.values():
        case.faults.clear()
    service.listen_again()
    for case in cases.values():
        assert case.spec is not None
        blender.until(case.spec.id, State.READY)
        assert (case.posts, len(case.started)) == (1, 1)
    assert "Traceback" not in (blender.data / "worker.log").read_text("utf-8")


def test_a_tls_handshake_of_the_api_that_hangs(tmp_path: Path) -> None:
    """Nothing is sent into it, and a job that is asked for through it stays what it is."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        service = Silent(f"https://127.0.0.1:{silent.getsockname()[1]}", KEY)
        blender = Hasty(tmp_path, service)  # type: ignore[arg-type]
        running = blender.spec(image="", image_mime="")
        ledger = Ledger.open(blender.data)
        events = (Created(running), SubmitStarted(1), Sending(), Submitted("r-1"))
        for seq, event in enumerate(events):
            ledger.append(running.id, seq, event)
        ledger.close()
        try:
            blender.start()
            queued = blender.submit(image="", image_mime="")
            job = blender.until(queued, lambda job: job.problem)
            assert (job.state, job.sent, job.reserved) == (State.QUEUED, False, 0)
            assert job.problem is not None
            assert (job.problem.code, says_free(job.problem)) == (ProblemCode.NETWORK, True)
            assert "too long" in job.problem.message
            log = blender.data / "worker.log"
            wait_for(lambda: "took too long" in log.read_text("utf-8"), "a poll to end")
            assert blender.until(running.id, State.RUNNING).seq == len(events)
            assert "Traceback" not in log.read_text("utf-8")
        finally:
            blender.close()


@dataclass
class Silent:
    """What a Blender has to know of a service that never says anything."""

    base: str
    key: str


# ---------------------------------------------------------------------------------------------- any body at all

BODIES_TRIED = 600
_ESTIMATE = 520_000_000


@pytest.mark.once  # what a Python reads otherwise, or not at all, is in the matrix
@settings(max_examples=BODIES_TRIED)
@given(test_wire.STATUSES, test_wire.HEADERS, test_wire.BODIES)
def test_any_answer_is_an_event_that_can_happen_and_be_kept(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """From bytes to the job: the event fits the job's state, its money stays, and the ledger can hold it."""
    spec = make_spec(estimate=_ESTIMATE)
    road = [(event, 1.0) for event in (Created(spec), SubmitStarted(_ESTIMATE), Sending())]
    sent = replay(road)
    said = submit_answer(status, headers, body, now=2.0)
    after = apply(sent, kept(said), 2.0)
    free = isinstance(said, Rejected | NotSent)
    assert after.reserved == (0 if free else _ESTIMATE)
    assert after.state is not State.QUEUED or status in LATER_STATUS
    running = apply(sent, Submitted("r-1"), 2.0)
    poll = poll_answer(status, headers, body, now=2.0)
    after = apply(running, kept(poll.event), 3.0) if poll.event else running
    assert after.request_id == "r-1"
    assert after.reserved == _ESTIMATE
    assert after.state in (State.RUNNING, State.DOWNLOADING, State.FAILED)
    assert job_from_payload(json.loads(json.dumps(job_to_payload(after)))) == after


def kept(event: Event) -> Event:
    """The event as the ledger gives it back."""
    again = from_payload(event.kind, json.loads(json.dumps(to_payload(event))))
    assert again == event
    return again


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=400),
        test_wire.VALUES.map(lambda value: json.dumps(value).encode()),
        st.dictionaries(st.just("job"), test_wire.VALUES).map(lambda v: json.dumps(v).encode()),
        st.tuples(st.integers(0, len(CLIP)), st.binary(max_size=64)).map(
            lambda cut: CLIP[: cut[0]] + cut[1] + CLIP[cut[0] + len(cut[1]) :]
        ),
    )
)
@example(b"[" * 20_000)
@example(b'{"job": ' + b"9" * 10_000 + b"}")
def test_any_file_beside_a_clip_or_in_its_place_is_no_error(tmp_path: Path, data: bytes) -> None:
    """What is found under a clip's name, and under its JSON's, is looked at before anything is fetched."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(data)
    clip.with_suffix(".json").write_bytes(data)
    job = replay([(Created(make_spec()), 1.0)])
    assert already_there(clip, job) is None
    clip.with_suffix(".json").write_text(json.dumps({"job": job.id}), "utf-8")
    found = already_there(clip, job)
    assert found is None or (found.frames > 0 and found.size == len(data))

"""The key goes to the API host in one header, and is nowhere else: not on disk, not at another host, not in words.

The Blender ring has the rest: what Blender writes, and its child processes (``tests/blender/test_key.py``).
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.job import State
from grok_video.core.payload import to_payload
from grok_video.core.redact import KeyMask, Redaction
from grok_video.core.spec import account_of
from grok_video.ledger import job_log
from grok_video.service.answer import key_answer, models_answer, poll_answer, submit_answer
from grok_video.service.voices import voices_answer
from grok_video.worker.call_log import answer_text
from grok_video.worker.http.errors import Refused, TransportError
from grok_video.worker.http.transport import Transport
from tests.core.conftest import RawServer, Wire, clip_bytes, new_call, wait_for
from tests.core.test_worker import FAST, Blender, blender, make_blender, one_service, service
from tests.keysearch import descendants, forms, found_in, held, in_processes
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

#: As the real ones are, and one of a service that is reached through another base.
KEYS = ("xai-RecognisableKey0123456789abcdefghijkl", "sk_other/Gateway+Key=0123456789")
EACH_KEY = pytest.mark.parametrize("key", KEYS, ids=["xai", "other"])

#: How a service, or a proxy before it, may write a key that it was sent.
ECHOES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "header": lambda key: f"Bearer {key}",
    "url": lambda key: quote(key, safe=""),
    "url, all": lambda key: "".join(f"%{c:02x}" for c in key.encode()),
    "json": lambda key: "".join(f"\\u{c:04X}" for c in key.encode()),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of the header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of a pair": lambda key: base64.urlsafe_b64encode(f"a:{key}:".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
}


# ------------------------------------------------------------------------------------------ the search itself


@EACH_KEY
@pytest.mark.parametrize("form", forms("x" * 9))
def test_the_search_finds_every_form(tmp_path: Path, key: str, form: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"before" + forms(key)[form] + b"after")
    (tmp_path / "in" / "other").write_bytes(b"nothing")
    found, count = found_in(tmp_path, keys=[key])
    assert count == 2
    ((path, names),) = found.items()
    assert path.endswith("file")
    assert form in names


def test_the_search_finds_names_and_processes(tmp_path: Path) -> None:
    (tmp_path / f"still-{KEYS[0]}.png").write_bytes(b"")
    assert len(found_in(tmp_path, keys=KEYS)[0]) == 1
    assert in_processes({7: f"prog\0--key={KEYS[0]}\0\0A=1\0".encode()}, KEYS)
    assert in_processes({7: f"prog\0\0\0XAI_API_KEY={KEYS[0]}\0".encode()}, KEYS)


# ------------------------------------------------------------------------------------------ the mask


@EACH_KEY
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_every_echo_is_masked(key: str, echo: Callable[[str], str]) -> None:
    said = f'{{"error": "before {echo(key)} after"}}'.encode()
    masked = KeyMask(key).bytes(said)
    assert held(masked, [key]) == []
    assert masked.startswith(b'{"error": "before ')
    assert masked.endswith(b' after"}')
    json.loads(masked)


def test_utf16_is_masked_both_ways() -> None:
    for how in ("utf-16-le", "utf-16-be"):
        assert held(KeyMask(KEYS[0]).bytes(f"a {KEYS[0]} b".encode(how)), KEYS) == []


@given(st.binary(), st.binary())
def test_the_mask_takes_nothing_else_out(before: bytes, after: bytes) -> None:
    mask = KeyMask(KEYS[0])
    assert mask.bytes(before + after) == before + after
    assert mask.bytes(before + KEYS[0].encode() + after).startswith(before)
    assert KeyMask("").bytes(before) == before
    assert KEYS[0] not in repr(mask)


# ------------------------------------------------------------------------------------ every field of every answer

#: Answers with a place for the echo, by what was asked.
ANSWERS: dict[str, list[tuple[int, str]]] = {
    "submit": [
        (200, '{"request_id": "ECHO"}'),
        (200, '{"request_id": "r-ECHO-1"}'),
        (200, '{"ECHO": "x"}'),
        (202, "ECHO"),
        (400, '{"code": "ECHO", "error": "Incorrect API key provided: ECHO."}'),
        (401, '{"error": {"message": "ECHO", "type": "ECHO", "code": "ECHO"}}'),
        (422, "Failed: ECHO"),
        (422, '{"detail": "ECHO"}'),
        (429, '{"error": "Used all available credits ECHO"}'),
        (429, '{"error": "Too many requests ECHO"}'),
        (302, "ECHO"),
        (500, '{"message": "ECHO"}'),
        (502, "<html>ECHO</html>"),
    ],
    "poll": [
        (200, '{"status": "ECHO", "progress": "ECHO"}'),
        (200, '{"status": "failed", "error": {"code": "ECHO", "message": "ECHO"}}'),
        (200, '{"status": "failed", "error": "ECHO"}'),
        (200, '{"status": "done", "video": {"url": "http://127.0.0.1:1/ECHO.mp4?k=ECHO"}}'),
        (200, '{"status": "done", "video": {"url": "", "ECHO": 1}, "model": "ECHO"}'),
        (200, '{"status": "done", "video": {"respect_moderation": false}, "error": "ECHO"}'),
        (400, '{"error": "rejected by content moderation ECHO"}'),
        (403, '{"code": "unauthenticated:ECHO", "error": "ECHO"}'),
        (404, '{"error": "no ECHO"}'),
        (503, "ECHO"),
    ],
    "key": [(401, '{"error": "ECHO"}'), (500, "ECHO"), (200, "<html>ECHO")],
    "models": [
        (200, '{"models": [{"id": "ECHO", "name": "ECHO"}, {"id": "good", "name": "A ECHO"}]}'),
        (200, '{"data": ["ECHO", "b ECHO"]}'),
        (403, '{"message": "ECHO"}'),
    ],
    "voices": [
        (200, '{"voices": [{"voice_id": "ECHO", "name": "ECHO"}, {"voice_id": "ara"}]}'),
        (403, '{"message": "ECHO"}'),
    ],
}
ENDED = (State.FAILED, State.DOWNLOADING)  # nothing is asked any more
CASES = [(asked, status, body) for asked, cases in ANSWERS.items() for status, body in cases]


@EACH_KEY
@pytest.mark.parametrize(("asked", "status", "body"), CASES)
def test_what_the_service_repeats_is_masked(
    server: RawServer, key: str, asked: str, status: int, body: str
) -> None:
    """Through HTTP and what reads the answer, to what would be stored and logged, for every echo."""
    transport = Transport(server.base, key)
    for name, echo in ECHOES.items():
        told = body.replace("ECHO", echo(key)).encode()

        def behave(wire: Wire, told: bytes = told, echo: Callable[[str], str] = echo) -> None:
            wire.read_body()
            headers = [
                f"{h}: {echo(key)}"
                for h in ("X-Request-Id", "Content-Type", "Retry-After", "Location")
            ]
            wire.answer(status, told, *headers)

        server.behave = behave
        if asked == "submit":
            answer = transport.post("/v1/x", [b"{}"], lambda: None, new_call())
            event = submit_answer(answer.status, answer.headers, answer.body, now=time.time())
            kept = json.dumps(to_payload(event))
        else:
            answer = transport.get("/v1/x", new_call())
            if asked == "poll":
                poll = poll_answer(answer.status, answer.headers, answer.body, now=time.time())
                kept = f"{json.dumps(to_payload(poll.event)) if poll.event else ''} {poll.note}"
            else:
                read: Any = {"key": key_answer, "models": models_answer, "voices": voices_answer}[
                    asked
                ]
                kept = repr(read(answer.status, answer.headers, answer.body))
        everything = f"{kept}\n{answer_text(answer.body)}\n{dict(answer.headers)}"
        assert held(everything.encode(), [key]) == [], name
    assert server.seen[0].header("Authorization") == f"Bearer {key}"


@EACH_KEY
def test_no_file_of_a_worker_holds_what_a_hostile_service_repeats(
    blender: Blender, server: RawServer, key: str
) -> None:
    """One worker, many jobs, each answered with the key in every field; then everything it wrote is searched."""
    queue = {asked: list(cases) for asked, cases in ANSWERS.items()}
    ends: list[int] = []
    echoes = list(ECHOES.values())

    def behave(wire: Wire) -> None:
        if not wire.head:
            return  # the worker left before it said a word
        wire.read_body()
        path = wire.head.split(b" ")[1].decode()
        kind = {
            "/v1/videos/generations": "submit",
            "/v1/api-key": "key",
            "/v1/video-generation-models": "models",
            "/v1/tts/voices": "voices",
            "/v1/custom-voices": "voices",
        }.get(path, "poll")
        status, body = 200, '{"request_id": "r-1"}'
        if kind == "submit" and ends:
            status, body = ANSWERS["submit"][ends.pop()]
        elif kind != "submit":
            status, body = queue[kind].pop(0) if queue[kind] else (503, "ECHO")
        echo = echoes[len(server.seen) % len(echoes)](key)
        wire.answer(
            status,
            body.replace("ECHO", echo).encode(),
            f"Retry-After: {echo}",
            f"X-Request-Id: {echo}",
        )

    server.behave = behave
    blender.start(account=False)
    account = account_of(server.base, key)
    blender.tell(type="account", base=server.base, key=key, account=account, **FAST)
    ours = {"api_base": server.base, "account": account, "image": "", "image_mime": ""}
    jobs: list[str] = []
    while queue["poll"]:  # some of them end a job
        jobs.append(blender.submit(**ours))
        blender.until(jobs[-1], lambda job: job.state in ENDED or not queue["poll"])
    for number in range(len(ANSWERS["submit"])):
        ends.append(number)
        jobs.append(blender.submit(**ours))
        wait_for(lambda: not ends, "the answer to a POST")
    for command in ("check", "models", "voices"):
        for _ in ANSWERS["key" if command == "check" else command]:
            blender.answer(blender.say(command, account=account))
    blender.until(jobs[-1], lambda job: job.state is not State.SUBMITTING)
    logs = ""
    for job_id in jobs:
        job = blender.job(job_id)
        assert job is not None
        logs += job_log.text_of(job, blender.data, Redaction(), now=time.time())
    blender.hang_up()
    found, count = found_in(blender.folder, keys=[key])
    assert found == {}
    assert count > 2 * len(jobs)
    assert held(logs.encode(), [key]) == []
    assert "xai-***" in logs  # it was there
    said = {wire.header("Authorization") for wire in server.seen if wire.head}
    assert said == {f"Bearer {key}"}


# ------------------------------------------------------------------------------------------------ other hosts


@pytest.fixture
def other() -> Any:
    made = RawServer()
    yield made
    made.close()


def sent_to(server: RawServer) -> bytes:
    return b"\n".join(wire.head + b"\n" + wire.body for wire in server.seen)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@EACH_KEY
def test_no_redirect_of_the_api_is_followed(
    server: RawServer, other: RawServer, key: str, status: int
) -> None:
    server.behave = lambda wire: (
        wire.read_body(),
        wire.answer(status, b"moved", f"Location: {other.base}/v1/x"),
    )[0]
    transport = Transport(server.base, key)
    answer = transport.get("/v1/x", new_call())
    assert (answer.status, answer.body) == (status, b"moved")
    assert transport.post("/v1/x", [b"{}"], lambda: None, new_call()).status == status
    assert other.seen == []


@pytest.mark.parametrize("status", [200, 301, 302, 303, 307, 308])
def test_a_result_host_and_its_hops_never_get_the_key(
    server: RawServer, other: RawServer, tmp_path: Path, status: int
) -> None:
    """Even from a transport that has the key, at the API's own host, and with cookies set on the way."""
    clip = clip_bytes()

    def hop(wire: Wire) -> None:
        if status == 200 or b"/second" in wire.head:
            wire.answer(200, clip, 'ETag: "a"')
        else:
            wire.answer(
                status, b"", f"Location: {other.base}/second", f"Set-Cookie: key={KEYS[0]}; Path=/"
            )

    server.behave = other.behave = hop
    Transport(server.base, KEYS[0]).download(
        f"{server.base}/first", tmp_path / "a.part", "", new_call()
    )
    assert held(sent_to(server) + sent_to(other), KEYS) == []
    assert b"authorization" not in (sent_to(server) + sent_to(other)).lower()
    assert (tmp_path / "a.part").read_bytes() == clip


@pytest.mark.parametrize(
    "url",
    [
        "http://user:{key}@127.0.0.1:{port}/a",
        "http://{key}@127.0.0.1:{port}/a",
        "http://user@127.0.0.1:{port}/a",
    ],
)
def test_an_address_with_a_user_is_not_opened(server: RawServer, tmp_path: Path, url: str) -> None:
    address = url.format(key=KEYS[0], port=server.port)
    with pytest.raises(Refused) as caught:
        Transport(server.base, KEYS[0]).download(address, tmp_path / "a", "", new_call())
    assert held(repr(caught.value).encode() + str(caught.value.problem).encode(), KEYS) == []
    with pytest.raises(ValueError, match="user") as refused:
        Transport(address, KEYS[0])
    assert held(str(refused.value).encode(), KEYS) == []
    assert server.seen == []


@pytest.mark.parametrize("entry", ["default", "machine 127.0.0.1", "machine api.example.com"])
@pytest.mark.parametrize("place", ["NETRC", "HOME"])
def test_netrc_neither_replaces_nor_joins_the_key(
    server: RawServer,
    other: RawServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    entry: str,
    place: str,
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"{entry} login somebody password NetrcPassword\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv(place, str(netrc if place == "NETRC" else tmp_path))
    if place == "HOME":
        monkeypatch.setenv("USERPROFILE", str(tmp_path))  # the same on Windows
    server.behave = lambda wire: (wire.read_body(), wire.answer(200, b"{}"))[0]
    other.behave = lambda wire: wire.answer(200, clip_bytes())
    transport = Transport(server.base, KEYS[0])
    transport.get("/v1/x", new_call())
    transport.post("/v1/x", [b"{}"], lambda: None, new_call())
    transport.download(f"{other.base}/a", tmp_path / "a", "", new_call())
    assert [wire.header("Authorization") for wire in server.seen] == [f"Bearer {KEYS[0]}"] * 2
    assert [wire.header("Authorization") for wire in other.seen] == [""]


@pytest.mark.parametrize("userinfo", ["", "proxyuser:proxypass@"])
def test_a_proxy_sees_a_tunnel_and_no_key(
    other: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, userinfo: str
) -> None:
    """Beyond loopback: the API itself, and a result's host, through the proxy of the environment."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, other.base.replace("//", f"//{userinfo}"))
    other.behave = lambda wire: wire.answer(407, KEYS[0].encode(), f"Proxy-Authenticate: {KEYS[0]}")
    transport = Transport("https://api.example.com", KEYS[0])
    said = ""
    with pytest.raises(TransportError) as caught:
        transport.get("/v1/x", new_call())
    said += repr(caught.value) + caught.value.problem.message
    with pytest.raises(TransportError) as caught:
        transport.post("/v1/x", [b"{}"], lambda: None, new_call())
    said += repr(caught.value) + caught.value.problem.message
    with pytest.raises(TransportError) as caught:
        transport.download("https://results.example.com/a", tmp_path / "a", "", new_call())
    said += repr(caught.value) + caught.value.problem.message
    assert len(other.seen) == 3
    assert all(wire.head.startswith(b"CONNECT ") for wire in other.seen)
    assert held(sent_to(other), KEYS) == []
    assert held(said.encode(), KEYS) == []
    assert "proxypass" not in said


# ------------------------------------------------------------------------------------------------ processes


def test_the_worker_and_what_lies_below_it_never_have_the_key(
    blender: Blender, service: StandIn
) -> None:
    """Also when it was in the environment that the worker was started from by mistake."""
    blender.start()
    service.fail("job", "stall")
    blender.until(blender.submit(), State.RUNNING)
    assert blender.process is not None
    if sys.platform != "linux":  # only Linux shows what others could read
        return
    told = descendants()
    assert blender.process.pid in told
    ours = {pid: data for pid, data in told.items() if pid != service.pid}
    assert in_processes(ours, [service.key]) == {}
    assert Path(f"/proc/{blender.process.pid}/limits").read_text("utf-8").splitlines()[5].split()[
        4:6
    ] == [
        "0",
        "0",
    ]

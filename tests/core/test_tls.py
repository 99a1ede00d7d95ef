"""Real TLS handshakes with a company's own authority: refused until the environment names it, and then only for its hosts.

The names are resolved here, to this machine; everything else is what a job goes through.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from grok_video.core import urls as urls_module
from grok_video.core.job import State
from grok_video.core.problem import ProblemCode
from grok_video.core.spec import account_of
from grok_video.core.urls import is_private_address
from grok_video.worker.http import call as call_module
from grok_video.worker.http.errors import Answer, Refused, TransportError
from grok_video.worker.http.transport import Transport
from tests.core.conftest import KEY, RawServer, Wire, new_call
from tests.core.test_worker import Blender
from tests.patching import Patches
from tests.patience import PATIENCE, at_once
from tests.posix import posix

HOST = "video.company.example"
INSIDE = "10.20.30.40"  # an API inside of a private network: its clips may lie there too
NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PARTS = (b'{"prompt":"a ball"', b"}")


class SecureServer(RawServer):
    """The server of single bytes behind TLS; ``refusals`` are the handshakes that did not come about."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self.refusals: list[OSError] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)
        super().__init__()

    def _one(self, sock: socket.socket) -> None:
        try:
            secure = self._context.wrap_socket(sock, server_side=True)
        except OSError as error:
            self.refusals.append(error)
            sock.close()
            return
        super()._one(secure)


@pytest.fixture(scope="module")
def company() -> trustme.CA:
    return trustme.CA(organization_name="A Company")


@pytest.fixture
def serve() -> Iterator[Callable[[trustme.LeafCert], SecureServer]]:
    made: list[SecureServer] = []

    def start(certificate: trustme.LeafCert) -> SecureServer:
        made.append(SecureServer(certificate))
        return made[-1]

    yield start
    for server in made:
        server.close()
        assert not server.errors


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no authority but what a test names; every name of this module is this machine."""
    for name in (*NAMES, *os.environ):
        if name in NAMES or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name, raising=False)
    real = socket.getaddrinfo

    def here(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if str(host).endswith(".example") or host == INSIDE:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", here)


def named(company: trustme.CA, name: str, folder: Path) -> str:
    """What the environment variable holds that names the authority: a file, or a folder of them."""
    file = folder / "company.pem"
    company.cert_pem.write_to_path(str(file))
    if name != "SSL_CERT_DIR":
        return str(file)
    asked = ["openssl", "x509", "-hash", "-noout", "-in", str(file)]
    told = subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    authorities = folder / "authorities"
    authorities.mkdir()
    file.rename(authorities / f"{told}.0")
    return str(authorities)


def post(host: str, port: int, left: list[bool]) -> Answer:
    """Buy something there; ``left`` is added to when the last byte may leave."""
    secure = Transport(f"https://{host}:{port}", KEY)
    return secure.post("/v1/videos/generations", PARTS, lambda: left.append(True), new_call())


@pytest.mark.parametrize(
    "name",
    [
        *NAMES[:-1],
        pytest.param(
            NAMES[-1], marks=posix("the program that names a folder's files is not there")
        ),
    ],
)
def test_a_companys_authority_is_trusted_where_the_environment_names_it(
    company: trustme.CA,
    serve: Callable[[trustme.LeafCert], SecureServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    server = serve(company.issue_cert(HOST, INSIDE))
    monkeypatch.setenv(name, named(company, name, tmp_path))
    bodies: list[bytes] = []

    def behave(wire: Wire) -> None:
        bodies.append(wire.read_body())
        wire.answer(200, b'{"request_id":"r-1"}')

    server.behave = behave
    left: list[bool] = []
    assert post(HOST, server.port, left).status == 200
    assert Transport(f"https://{HOST}:{server.port}", KEY).get("/v1/videos/r-1", new_call()).status
    inside = Transport(f"https://{INSIDE}:{server.port}", KEY)
    part = tmp_path / "clip.part"
    assert inside.download(f"https://{INSIDE}:{server.port}/c.mp4", part, "", new_call()) == ""
    assert part.read_bytes() == b'{"request_id":"r-1"}'
    assert left == [True]
    assert bodies == [b"".join(PARTS), b"", b""]
    keys = [wire.header("Authorization") for wire in server.seen]
    assert keys == [f"Bearer {KEY}", f"Bearer {KEY}", ""]
    assert not server.refusals


def another_authority(company: trustme.CA) -> trustme.LeafCert:
    return trustme.CA().issue_cert(HOST)


def another_host(company: trustme.CA) -> trustme.LeafCert:
    return company.issue_cert("other.company.example", "company.example")


def expired(company: trustme.CA) -> trustme.LeafCert:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return company.issue_cert(HOST, not_after=yesterday)


@pytest.mark.parametrize("of", [another_authority, another_host, expired])
def test_what_the_authority_did_not_sign_for_that_host_is_refused(
    company: trustme.CA,
    serve: Callable[[trustme.LeafCert], SecureServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of: Callable[[trustme.CA], trustme.LeafCert],
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", named(company, "REQUESTS_CA_BUNDLE", tmp_path))
    refused(serve(of(company)))


@pytest.mark.parametrize("value", [None, "", "/nowhere/company.pem"])
@pytest.mark.parametrize("name", NAMES)
def test_without_its_authority_nothing_is_sent(
    company: trustme.CA,
    serve: Callable[[trustme.LeafCert], SecureServer],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str | None,
) -> None:
    """Not set, empty, or of a file that is not there: never a reason not to look."""
    if value is not None:
        monkeypatch.setenv(name, value)
    refused(serve(company.issue_cert(HOST)))


def refused(server: SecureServer) -> None:
    """A POST there ends at the handshake, with its sentence."""
    left: list[bool] = []
    with pytest.raises(TransportError) as caught:
        post(HOST, server.port, left)
    assert caught.value.problem.code is ProblemCode.NETWORK
    assert f"certificate of {HOST} is not trusted" in caught.value.problem.message
    assert left == server.seen == []


@pytest.mark.deadline
@pytest.mark.parametrize("waits_for", ["handshake", "answer", "upload"])
def test_a_secure_call_that_waits_is_stopped_at_once(
    company: trustme.CA,
    serve: Callable[[trustme.LeafCert], SecureServer],
    server: RawServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    waits_for: str,
) -> None:
    """Also where the server never answers the handshake, because it knows no TLS and waits for more."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", named(company, "REQUESTS_CA_BUNDLE", tmp_path))
    call = new_call()
    if waits_for != "handshake":
        server = serve(company.issue_cert(HOST))
    server.behave = lambda _wire: (server.over.wait(PATIENCE), None)[1]
    picture = tmp_path / "still.png"
    picture.write_bytes(bytes(16_000_000))  # more than the system's buffers take
    left: list[bool] = []
    to, parts = Transport(f"https://{HOST}:{server.port}", KEY), [b"{", picture, b"}"]
    ask = {
        "handshake": lambda: to.get("/v1/x", call),
        "answer": lambda: to.get("/v1/x", call),
        "upload": lambda: to.post("/v1/x", parts, lambda: left.append(True), call),
    }
    start = time.monotonic()
    threading.Timer(0.5, call.abort).start()
    with contextlib.closing(call), pytest.raises(TransportError, match="was stopped"):
        ask[waits_for]()
    assert time.monotonic() - start < at_once(5.0)
    assert not left


def test_a_job_says_that_the_certificate_is_not_trusted(
    company: trustme.CA, serve: Callable[[trustme.LeafCert], SecureServer], tmp_path: Path
) -> None:
    """To this machine itself no environment adds an authority, so the whole worker can be shown it."""
    server = serve(company.issue_cert("127.0.0.1"))
    base = f"https://127.0.0.1:{server.port}"
    blender = Blender(tmp_path, SimpleNamespace(base=base, key=KEY))  # pyright: ignore[reportArgumentType]
    with contextlib.closing(blender):
        blender.start(environment={"REQUESTS_CA_BUNDLE": named(company, NAMES[0], tmp_path)})
        job_id = blender.submit(api_base=base, account=account_of(base, KEY))
        job = blender.until(job_id, lambda job: job.state is State.QUEUED and job.problem)
        assert job.problem is not None
        assert "certificate of 127.0.0.1 is not trusted" in job.problem.message
        assert "Nothing was sent or charged; it is tried again." in job.problem.message
        assert (job.sent, job.reserved, job.held) == (False, 0, False)
        blender.until(job_id, lambda job: job.seq > 5)  # and again
        assert server.seen == []


@pytest.mark.parametrize(
    "place", [INSIDE, "169.254.169.254", "[::1]", "127.0.0.1", "localhost", "inside.example"]
)
def test_a_redirect_from_a_public_host_into_a_private_network_is_refused(
    company: trustme.CA,
    serve: Callable[[trustme.LeafCert], SecureServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    patches: Patches,
    place: str,
) -> None:
    """For its first hop alone this machine counts as public: as if the service's host lay outside."""
    server = serve(company.issue_cert(HOST, place.strip("[]")))
    monkeypatch.setenv("SSL_CERT_FILE", named(company, "SSL_CERT_FILE", tmp_path))
    there = f"https://{place}:{server.port}/inside.mp4"
    server.behave = lambda wire: wire.answer(302, b"", f"Location: {there}")
    real, asked = is_private_address, []

    def at_first_public(address: str) -> bool:
        asked.append(address)
        return bool(server.seen) and real(address)

    for module in (urls_module, call_module):
        patches.set(module, "is_private_address", at_first_public)
    service = Transport(f"https://{HOST}:{server.port}", KEY)
    with pytest.raises(Refused) as caught:
        service.download(f"https://{HOST}:{server.port}/c.mp4", tmp_path / "p", "", new_call())
    assert "private network" in caught.value.problem.message
    assert len(server.seen) == 1
    assert not (tmp_path / "p").exists()

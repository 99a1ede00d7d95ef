"""HTTP: requests with a total deadline, a body that holds back its last byte, downloads that count.

Owns everything that touches ``requests``; no other module imports it. It must not know what an answer means
(``wire``), what a job is doing (``schedule``) or the ledger. Works with requests 2.27 and urllib3 1.26 (Blender
4.2) as with the newest; the facts it rests on were measured on both (docs/safety.md, rules 24 to 28).

Nothing that leaves this module carries the key, and no exception a result URL: only hosts and our own sentences.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .job import Problem, ProblemCode, is_loopback
from .masking import KeyMask
from .record import record

CONNECT_TIMEOUT = 30.0  # seconds; urllib3 also takes it for each chunk of a body
ANSWER_TIMEOUT = 180.0  # from the last byte of a POST
POLL_TIMEOUT = 30.0
UPLOAD_STALL = 60.0  # one chunk of the body
SLOWEST = 1000  # bytes per second of a download, over
SLOWEST_FOR = 60.0  # seconds
LONGEST_ANSWER = 1 << 20  # bytes
LONGEST_CLIP = 1 << 30
MOST_HOPS = 5
_SOURCE_CHUNK = 36 * 1024  # multiple of 3: 48 KB of base64
_READ = 16 * 1024
_BY_BYTES = 8 * 1024  # of the answer to a POST: the longest id and more
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({401, 403, 404, 410})


@record
class Answer:
    """A complete answer, without the key: ``headers`` compare without case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No complete answer. ``problem`` says why, in a sentence.

    ``came`` is what there is of a 2xx answer to a POST: its body may be cut, or be no answer at all.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.came: Answer | None = None


class Refused(TransportError):
    """We will not talk to that address, however often asked."""


class SourceGone(TransportError):
    """A file that was to be sent cannot be read or has changed."""


class LinkGone(TransportError):
    """The service no longer has the file at that URL."""


class Unwritable(TransportError):
    """The clip cannot be written: disk full, folder gone or read-only. ``errno`` is the system's."""

    def __init__(self, problem: Problem, errno: int | None) -> None:
        super().__init__(problem)
        self.errno = errno


# ------------------------------------------------------------------------------------------ one call's sockets


class Call:
    """One HTTP call that can be ended from another thread, by its deadline or by ``abort``.

    ``timeout=`` of requests bounds nothing (a byte per half second keeps it alive, measured), so a
    timer shuts the socket. A duplicate of the socket is kept for that: TLS replaces the original.
    """

    def __init__(self, *, only_public: bool = False) -> None:
        self.only_public = only_public
        self.aborted = False
        self.late = False
        self._guard = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer: threading.Timer | None = None
        self._fires = 0.0
        self._deadline = 0.0

    def limit(self, seconds: float) -> None:
        """End the call in that many seconds; replaces the limit set before."""
        with self._guard:
            self._deadline = time.monotonic() + seconds
            if self._timer is None or self._deadline < self._fires:
                self._arm()

    def _arm(self) -> None:
        # A limit that moves on with every chunk leaves the timer alone: it looks again when it fires.
        if self._timer is not None:
            self._timer.cancel()
        self._fires = self._deadline
        self._timer = threading.Timer(self._deadline - time.monotonic(), self._expire)
        self._timer.daemon = True
        self._timer.start()

    def abort(self) -> None:
        """End the call now: it fails with *stopped*."""
        self.aborted = True
        self._shut()

    def adopt(self, sock: socket.socket) -> None:
        """Take note of a socket that was just connected."""
        with self._guard:
            self._sockets.append(sock.dup())
        if self.aborted or self.late:
            self._shut()

    def close(self) -> None:
        """Forget the sockets and the timer."""
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()

    def _expire(self) -> None:
        with self._guard:
            if self._timer is None:
                return  # closed meanwhile
            if time.monotonic() < self._deadline:
                self._arm()
                return
        self.late = True
        self._shut()

    def _shut(self) -> None:
        with self._guard:
            for sock in self._sockets:
                with suppress(OSError):  # the other side was quicker
                    sock.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """requests' adapter over connections that report their socket to a Call. It never retries."""

    def __init__(self, call: Call) -> None:
        self._classes = _pool_classes(call)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._classes

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._classes
        return manager


def _pool_classes(call: Call) -> dict[str, Any]:
    def watch(connection: Any, sock: socket.socket) -> socket.socket:
        call.adopt(sock)
        # Checked on the connected socket, so that no second DNS answer comes between.
        if call.only_public and not connection.proxy:
            _refuse_private(sock.getpeername()[0])
        return sock

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return watch(self, super()._new_conn())

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return watch(self, super()._new_conn())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType]

    return {"http": PlainPool, "https": SecurePool}


# ----------------------------------------------------------------------------------------------------- addresses


def base_problem(base: str) -> str:
    """Why an API base cannot be used; '' when it can: https, or http to loopback, without a user."""
    try:
        url = urlsplit(base)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "The API base URL cannot be read."
    if url.scheme not in ("http", "https") or not host:
        return "The API base URL must begin with https://"
    if url.username is not None or url.password is not None:
        return "The API base URL must not hold a user name or password."
    if url.scheme == "http" and not is_loopback(host):
        return "The API base URL must begin with https:// (http only to this machine)."
    if url.query or url.fragment:
        return "The API base URL must not hold a query."
    return ""


def _private(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return not ip.is_global or ip.is_multicast


def _refuse_private(address: str) -> None:
    if _private(address):
        raise Refused(
            Problem(
                ProblemCode.DOWNLOAD,
                "The service named an address inside a private network as the clip's place. "
                "It was not opened.",
                "Tell the service's support; the request id is kept with the job.",
            )
        )


def _base_is_private(host: str) -> bool:
    try:
        return _private(host.strip("[]"))
    except ValueError:
        return is_loopback(host)


# --------------------------------------------------------------------------------------------------- the upload


class Body:
    """The parts of a request one after the other: bytes as they are, files as base64 of what is in them.

    Files are read and encoded as they leave. The last byte of all is held back: ``before_last`` is called, and
    must return, before it is yielded; ``moving`` is called before every chunk of a file. An object
    with an exact ``__len__`` and an ``__iter__``: a generator would make requests send two lengths.
    Raises SourceGone when a file cannot be read, is empty or changes meanwhile.
    """

    def __init__(
        self,
        parts: Sequence[bytes | Path],
        before_last: Callable[[], None],
        moving: Callable[[], None] = lambda: None,
    ) -> None:
        last = parts[-1] if parts else b""
        if not isinstance(last, bytes) or not last:
            raise ValueError("the last part holds the closing brace")
        self._parts = [
            (part, len(part) if isinstance(part, bytes) else _source_size(part)) for part in parts
        ]
        self._before_last = before_last
        self._moving = moving
        self._used = False

    def __len__(self) -> int:
        return sum(
            size if isinstance(part, bytes) else (size + 2) // 3 * 4 for part, size in self._parts
        )

    def __iter__(self) -> Iterator[bytes]:
        if self._used:
            raise RuntimeError("the body of a POST is sent once")
        self._used = True
        *before, (last, _) = self._parts
        assert isinstance(last, bytes)
        for part, size in before:
            if not isinstance(part, bytes):
                yield from self._encoded(part, size)
            elif part:  # an empty chunk would end a body that is sent in chunks
                yield part
        if len(last) > 1:
            yield last[:-1]
        self._before_last()
        yield last[-1:]

    def _encoded(self, path: Path, size: int) -> Iterator[bytes]:
        left = size
        try:
            with open(path, "rb") as file:
                before = os.fstat(file.fileno())
                while left:
                    data = file.read(min(_SOURCE_CHUNK, left))
                    if not data or (len(data) % 3 and len(data) != left):
                        raise _source_gone(path, "it became shorter while it was sent")
                    left -= len(data)
                    self._moving()
                    yield base64.b64encode(data)
                after = os.fstat(file.fileno())
                if (after.st_size, after.st_mtime_ns) != (size, before.st_mtime_ns):
                    raise _source_gone(path, "it changed while it was sent")
        except OSError as error:
            # A broken connection is thrown into the sender, not in here: this is the file.
            raise _source_gone(path, error.strerror or "") from error


def _source_size(path: Path) -> int:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise _source_gone(path, error.strerror or "") from error
    if not size:
        raise _source_gone(path, "it is empty")
    return size


def _source_gone(path: Path, why: str) -> SourceGone:
    return SourceGone(
        Problem(
            ProblemCode.FILE,
            f"The file {path.name} that this job sends cannot be read: {why}. "
            "Nothing was sent or charged.",
            "Put the file back and press Send, or generate again.",
            charged=False,
        )
    )


# ------------------------------------------------------------------------------------------------ the transport


class Transport:
    """Calls to one API base with one key. Threads may share it: each call has its own connection."""

    def __init__(self, base: str, key: str) -> None:
        problem = base_problem(base)
        if problem:
            raise ValueError(problem)
        self.base = base.rstrip("/")
        host = urlsplit(base).hostname or ""
        self.loopback = is_loopback(host)
        self._private = _base_is_private(host)
        self.__key = key
        self._mask = KeyMask(key)

    def __repr__(self) -> str:
        return f"Transport({self.base!r})"

    def post(
        self,
        path: str,
        parts: Sequence[bytes | Path],
        before_last: Callable[[], None],
        call: Call,
    ) -> Answer:
        """Send one POST, once, on a fresh connection; see ``Body`` for what ``before_last`` does.

        Raises TransportError, or whatever ``before_last`` raised: then the last byte has not left.
        """

        def last() -> None:
            before_last()
            call.limit(ANSWER_TIMEOUT)

        # A slow line may take long over 20 MB: only a chunk that does not leave ends the call.
        body = Body(parts, last, moving=lambda: call.limit(UPLOAD_STALL))
        call.limit(UPLOAD_STALL)
        with self._session(call, api=True) as session:
            return self._exchange(
                session,
                call,
                "POST",
                self.base + path,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=(CONNECT_TIMEOUT, ANSWER_TIMEOUT),
            )

    def get(self, path: str, call: Call, timeout: float = POLL_TIMEOUT) -> Answer:
        """One GET with the key. Raises TransportError."""
        call.limit(timeout)
        with self._session(call, api=True) as session:
            return self._exchange(
                session, call, "GET", self.base + path, timeout=(CONNECT_TIMEOUT, timeout)
            )

    def download(self, url: str, part: Path, etag: str, call: Call) -> str:
        """Fetch ``url`` into the file ``part``, without the key; returns '' when all of it is there.

        ``etag`` is what an earlier, broken try returned in ``Broken.etag``: with it the file is
        continued, otherwise begun anew. Raises LinkGone, Refused, Unwritable, Broken or TransportError.
        """
        call.only_public = not self._private
        for _ in range(MOST_HOPS + 1):
            self._check_result(url)
            start = _size_of(part) if etag else 0
            headers = {"Range": f"bytes={start}-", "If-Range": etag} if start else {}
            with self._session(call, api=False) as session:
                call.limit(SLOWEST_FOR)
                with _sentences(call, url):
                    response = session.get(
                        url,
                        headers=headers,
                        auth=_no_auth,
                        stream=True,
                        allow_redirects=False,
                        timeout=(CONNECT_TIMEOUT, SLOWEST_FOR),
                    )
                location = response.headers.get("Location")
                if response.status_code in _REDIRECTS and location:
                    try:
                        url = urljoin(url, location)
                    except ValueError:
                        url = location  # no address: refused with its sentence
                    continue
                return self._save(response, part, start, etag, call, url)
        raise TransportError(
            Problem(ProblemCode.DOWNLOAD, "The service sent us round in circles for the clip.")
        )

    def _save(
        self, response: requests.Response, part: Path, start: int, etag: str, call: Call, url: str
    ) -> str:
        status = response.status_code
        if status in _GONE:
            raise LinkGone(Problem(ProblemCode.DOWNLOAD, "The link to the clip no longer works."))
        if status == 416:
            with suppress(OSError):
                part.unlink()
        if status == 206 and start:
            first = (response.headers.get("Content-Range") or "").partition("-")[0]
            same = response.headers.get("ETag", etag) == etag
            if first.split() != ["bytes", str(start)] or not same:
                with suppress(OSError):
                    part.unlink()
                raise _broken("The service continued another file than the one begun")
        elif status == 200:
            start = 0
        else:
            raise _broken(f"The service answered {status} instead of the clip", status)
        strong = response.headers.get("ETag") or ""
        strong = strong if strong.startswith('"') else ""
        try:
            with _sentences(call, url):
                _refuse_encoding(response)
                file = _open_part(part, start)
                with file:
                    self._copy(response, file, start, call)
                    file.flush()
                    os.fsync(file.fileno())
        except Unwritable:
            raise
        except TransportError as error:
            raise Broken(error.problem, strong) from error
        except OSError as error:
            raise unwritable(error, part) from error
        return ""

    def _copy(self, response: requests.Response, file: Any, start: int, call: Call) -> None:
        expected = _length(response)
        got = 0
        window_got = 0
        while True:
            # What is announced is not waited for: the disk is not filled with what will be thrown away.
            if start + max(got, expected or 0) > LONGEST_CLIP:
                file.truncate(0)
                raise _broken("The clip is too long to be one")
            chunk = response.raw.read(_READ, decode_content=False)
            if not chunk:
                break
            got += len(chunk)
            try:
                file.write(chunk)
            except OSError as error:
                raise unwritable(error, Path(file.name)) from error
            # At least SLOWEST bytes a second over each window, or the timer ends it.
            if got - window_got >= SLOWEST * SLOWEST_FOR:
                window_got = got
                call.limit(SLOWEST_FOR)
        # urllib3 1.26 gives a cut body as a good 200 (measured), so we count.
        if call.aborted or call.late or (expected is not None and got != expected):
            raise _broken("The download broke off")

    def _check_result(self, url: str) -> None:
        """Each hop of a download: https, no user, no private network (docs/safety.md, rule 28)."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port, parts = "", None, urlsplit("")
        allowed = ("https", "http") if self.loopback else ("https",)
        if parts.scheme not in allowed or not host or parts.username is not None:
            raise Refused(
                Problem(
                    ProblemCode.DOWNLOAD,
                    "The service named a place for the clip that is not a secure web address. "
                    "It was not opened.",
                    "Tell the service's support; the request id is kept with the job.",
                )
            )
        if self._private:
            return
        if is_loopback(host):
            _refuse_private("127.0.0.1")
        with suppress(OSError, UnicodeError):  # behind a proxy the name may be unknown here
            for entry in socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM):
                _refuse_private(str(entry[4][0]))

    # -- requests

    def _session(self, call: Call, *, api: bool) -> _Session:
        return _Session(call, self._bearer if api else _no_auth, trust_env=not self.loopback)

    def _bearer(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # A callable: with `auth=None` a .netrc entry would replace the header (measured).
        if self.__key:
            request.headers["Authorization"] = f"Bearer {self.__key}"
        return request

    def _exchange(
        self, session: _Session, call: Call, method: str, url: str, **options: Any
    ) -> Answer:
        response: requests.Response | None = None
        body = bytearray()
        try:
            with _sentences(call, url):
                response = session.request(
                    method, url, auth=session.auth, stream=True, allow_redirects=False, **options
                )
                expected = _length(response)
                # By single bytes at first: of a larger piece that breaks off the libraries keep what came.
                while chunk := response.raw.read(
                    1 if method == "POST" and len(body) < _BY_BYTES else _READ, decode_content=False
                ):
                    body += chunk
                    if len(body) > LONGEST_ANSWER:
                        raise _network(f"{_host(url)} sent an answer that is far too long")
                _refuse_encoding(response)
                # Headers that break off read like an answer without a length (measured): such a refusal of a
                # POST proves nothing, while a 2xx proves itself by its JSON.
                good = response.status_code // 100 == 2
                framed = expected is not None or _chunked(response) or good
                cut = expected is not None and len(body) != expected
                if call.aborted or call.late or cut or (method == "POST" and not framed):
                    raise _network(_sentence(EOFError(), call, _host(url)))
        except TransportError as error:
            if method == "POST" and response is not None and response.status_code // 100 == 2:
                error.came = self._answer(response, _unpacked(bytes(body)))
            raise
        return self._answer(response, bytes(body))

    def _answer(self, response: requests.Response, body: bytes) -> Answer:
        # Here and nowhere later: what the service repeats of the key can then get into no id, address,
        # sentence, ledger or log.
        for name, value in list(response.headers.items()):
            response.headers[name] = self._mask.text(value)
        return Answer(response.status_code, response.headers, self._mask.bytes(body))


class Broken(TransportError):
    """A download that broke off. ``etag`` lets the next try go on where this one ended ('': it cannot)."""

    def __init__(self, problem: Problem, etag: str) -> None:
        super().__init__(problem)
        self.etag = etag


class _Session(requests.Session):
    """A session for one call: its connection is new and is closed with it."""

    def __init__(self, call: Call, auth: Callable[..., Any], *, trust_env: bool) -> None:
        super().__init__()
        self.trust_env = trust_env
        self.verify = _authorities() if trust_env else str(DEFAULT_CA_BUNDLE_PATH)
        self.auth = auth
        self.headers.clear()
        self.headers.update(
            {
                "User-Agent": "grok-video-for-blender",
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                "Connection": "close",
            }
        )
        self.mount("https://", _Adapter(call))
        self.mount("http://", _Adapter(call))

    def resolve_redirects(self, *_args: Any, **_options: Any) -> Any:
        """None: even with ``allow_redirects=False`` requests reads the whole body, however long, to look for one."""
        return iter(())

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        # Always a path: requests 2.27 takes an empty CURL_CA_BUNDLE for *do not verify* (measured).
        return super().merge_environment_settings(url, proxies, stream, self.verify, cert)


def _authorities() -> str:
    """The certificates that TLS trusts: a company's, where the environment names them, else those of requests."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
    given = (os.environ.get(name, "") for name in names)
    return next((path for path in given if os.path.exists(path)), str(DEFAULT_CA_BUNDLE_PATH))


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _length(response: requests.Response) -> int | None:
    """Bytes of body that the headers announce; None when they do not say."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and not _chunked(response) else None


def _chunked(response: requests.Response) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _refuse_encoding(response: requests.Response) -> None:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise _network("The service answered in a compressed form that was not asked for")


def _unpacked(body: bytes) -> bytes:
    """What gzip or zlib made ``body`` from, at most ``LONGEST_ANSWER`` of it; as it is when neither did."""
    try:
        return zlib.decompressobj(wbits=32 + zlib.MAX_WBITS).decompress(body, LONGEST_ANSWER)
    except zlib.error:
        return body


# ---------------------------------------------------------------------------------------------------- the file


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _open_part(part: Path, start: int) -> Any:
    try:
        if not start:
            return open(part, "wb")
        file = open(part, "r+b")  # noqa: SIM115 - the caller closes it
        file.seek(start)
        file.truncate()
        return file
    except OSError as error:
        raise unwritable(error, part) from error


def unwritable(error: OSError, path: Path) -> Unwritable:
    """What to say when a clip cannot be written at ``path``."""
    return Unwritable(
        Problem(
            ProblemCode.FILE,
            f"The clip cannot be written to {path.parent}: {error.strerror or 'unknown error'}. "
            "It is paid for and waits at the service for about a day.",
            "Free some space or allow writing there; it is tried again by itself, then by Retry.",
        ),
        error.errno,
    )


# --------------------------------------------------------------------------------------------------- sentences


class _sentences:
    """Turns whatever the libraries raise into a TransportError with a sentence, and drops their texts:
    they hold headers and URLs. Exceptions of our own callbacks pass."""

    def __init__(self, call: Call, url: str) -> None:
        self._call = call
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, TransportError):
            return
        if isinstance(
            error,
            (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                http.client.HTTPException,
                OSError,
                ValueError,
            ),
        ):
            raise _network(_sentence(error, self._call, _host(self._url))) from None


#: What may be repeated as a name: a redirect can give control characters or 30 kB for one.
_NAME = re.compile(r"[\w.:%-]{1,253}", re.ASCII)


def _host(url: str) -> str:
    """The host of ``url``, fit to be shown."""
    with suppress(ValueError):
        name = urlsplit(url).hostname or ""
        if _NAME.fullmatch(name):
            return name
    return "the service"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it was made from, in whichever way the libraries nest it."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inside = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting.extend(e for e in inside if isinstance(e, BaseException))


#: A certificate of another host: urllib3 1.26 compares the names itself, and says so in a class of its own, which
#: has moved about; this is where every version has it.
_OTHER_HOST: type[Exception] = urllib3.connection.CertificateError  # pyright: ignore


def _sentence(error: BaseException, call: Call, host: str) -> str:
    chain = list(_chain(error))

    def any_is(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) for one in chain)

    if call.aborted:
        return f"The connection to {host} was stopped"
    if any_is(socket.gaierror):
        return f"The name {host} was not found (DNS): is this computer online?"
    if any_is(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
        return "The proxy in the system's settings refused the connection or did not answer"
    if any_is(ssl.SSLCertVerificationError, _OTHER_HOST):
        return f"The certificate of {host} is not trusted (TLS): is something in between?"
    if call.late:  # before what the libraries make of a socket that was shut
        return f"{host} took too long to answer"
    if any_is(ssl.SSLError, requests.exceptions.SSLError):
        return f"The secure connection to {host} failed (TLS)"
    if any_is(ConnectionRefusedError):
        return f"{host} refused the connection"
    # urllib3 counts *no connection* as a kind of timeout, whatever the reason.
    timed_out = any_is(TimeoutError, requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
    if timed_out:
        return f"{host} took too long to answer"
    if any_is(urllib3.exceptions.NewConnectionError):
        return f"{host} cannot be reached: is this computer online?"
    return f"The connection to {host} broke off"


def _network(message: str) -> TransportError:
    return TransportError(Problem(ProblemCode.NETWORK, message + "."))


def _broken(message: str, status: int | None = None) -> TransportError:
    return TransportError(Problem(ProblemCode.DOWNLOAD, message + ".", http_status=status))

"""HTTP: requests with a total deadline, a body that holds back its last byte, downloads that count.

Owns everything that touches ``requests``; no other module imports it. It must not know what an answer means
(``service``), what a job is doing (``worker.schedule``) or the ledger. Works with requests 2.27 and urllib3 1.26 (Blender
4.2) as with the newest; the facts it rests on were measured on both (docs/safety.md, rules 24 to 28).

Nothing that leaves this module carries the key, and no exception a result URL: only hosts and our own sentences.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from ...core.files import begin_anew, open_own, size_of, sync
from ...core.problem import Problem, ProblemCode
from ...core.redact import KeyMask
from ...core.urls import api_base_refusal, is_loopback, is_private_host
from .body import Body, Watch
from .call import CONNECT_TIMEOUT, Call, Session, no_auth, refuse_private
from .errors import (
    Answer,
    Broken,
    LinkGone,
    Refused,
    TransportError,
    Unwritable,
    broken_download,
    network_error,
    shown_host,
    unwritable,
)
from .sentences import in_sentences, sentence_of

ANSWER_TIMEOUT = 180.0  # seconds from the last byte of a POST
#: The same where the answer may be the picture itself: 60 to 80 s are told of the older form of a look (likely).
PICTURE_TIMEOUT = 360.0
POLL_TIMEOUT = 30.0
UPLOAD_STALL = 60.0  # seconds in which one chunk of the body has to leave
SLOWEST = 1000  # bytes per second that a download must keep up, over ...
SLOWEST_FOR = 60.0  # ... so many seconds
LONGEST_ANSWER = 1 << 20  # bytes
LONGEST_PICTURE_ANSWER = 64 << 20
LONGEST_CLIP = 1 << 30
MOST_HOPS = 5
_READ = 16 * 1024
_BY_BYTES = 8 * 1024  # bytes of a POST's answer that are read one by one: the longest id and more
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({401, 403, 404, 410})


class Transport:
    """Calls to one API base with one key. Threads may share it: each call has its own connection."""

    def __init__(self, base: str, key: str) -> None:
        """``base``: a plain API base. Raises ValueError for one that cannot be used."""
        if why := api_base_refusal(base):
            raise ValueError(why)
        self.base = base
        host = urlsplit(base).hostname or ""
        self.loopback = is_loopback(host)
        self._private = is_private_host(host)
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
        watch: Watch | None = None,
        *,
        picture: bool = False,
    ) -> Answer:
        """Send one POST, once, on a fresh connection; see ``Body`` for what ``before_last`` and ``watch`` do.

        ``picture``: the answer may hold one, and so may be longer and come later. Raises TransportError, or whatever
        ``before_last`` raised: then the last byte has not left.
        """
        patience = PICTURE_TIMEOUT if picture else ANSWER_TIMEOUT

        def last() -> None:
            before_last()
            call.limit(patience)

        # A limit for each chunk, not for the body: a slow line may take long over 20 MB.
        body = Body(parts, last, moving=lambda: call.limit(UPLOAD_STALL), watch=watch)
        call.limit(UPLOAD_STALL)
        with self._session(call, api=True) as session:
            return self._exchange(
                session,
                call,
                "POST",
                self.base + path,
                longest=LONGEST_PICTURE_ANSWER if picture else LONGEST_ANSWER,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=(CONNECT_TIMEOUT, patience),
            )

    def get(
        self, path: str, call: Call, timeout: float = POLL_TIMEOUT, *, picture: bool = False
    ) -> Answer:
        """Send one GET with the key. Raises TransportError.

        ``picture``: the answer may hold one, and so may be longer; each MiB of it has ``timeout`` seconds.
        """
        call.limit(timeout)
        with self._session(call, api=True) as session:
            return self._exchange(
                session,
                call,
                "GET",
                self.base + path,
                longest=LONGEST_PICTURE_ANSWER if picture else LONGEST_ANSWER,
                moving=lambda: call.limit(timeout),
                timeout=(CONNECT_TIMEOUT, timeout),
            )

    def download(
        self, url: str, part: Path, etag: str, call: Call, longest: int | None = None
    ) -> str:
        """Fetch ``url`` into the file ``part``, without the key; returns '' when all of it is there.

        ``longest``: bytes at most, else those of a clip. ``etag`` is what an earlier, broken try returned in ``Broken.etag``: with it the file is
        continued, otherwise begun anew. Raises LinkGone, Refused, Unwritable, Broken or TransportError.
        """
        call.only_public = not self._private
        for _ in range(MOST_HOPS + 1):
            self._check_result(url)
            start = size_of(part) if etag else 0
            headers = {"Range": f"bytes={start}-", "If-Range": etag} if start else {}
            with self._session(call, api=False) as session:
                call.limit(SLOWEST_FOR)
                with in_sentences(call, url):
                    response = session.get(
                        url,
                        headers=headers,
                        auth=no_auth,
                        stream=True,
                        allow_redirects=False,
                        timeout=(CONNECT_TIMEOUT, SLOWEST_FOR),
                    )
                location = response.headers.get("Location")
                if response.status_code in _REDIRECTS and location:
                    try:
                        url = urljoin(url, location)
                    except ValueError:
                        url = location  # no address at all: ``_check_result`` refuses what is not https
                    continue
                return self._save(response, part, start, etag, call, url, longest or LONGEST_CLIP)
        raise TransportError(
            Problem(ProblemCode.DOWNLOAD, "The service sent us round in circles for the clip.")
        )

    def _save(
        self,
        response: requests.Response,
        part: Path,
        start: int,
        etag: str,
        call: Call,
        url: str,
        longest: int,
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
                raise broken_download("The service continued another file than the one begun")
        elif status == 200:
            start = 0
        else:
            raise broken_download(f"The service answered {status} instead of the clip", status)
        strong = response.headers.get("ETag") or ""
        strong = strong if strong.startswith('"') else ""
        try:
            with in_sentences(call, url):
                _refuse_encoding(response)
                file = _open_part(part, start)
                with file:
                    self._copy(response, file, start, call, longest)
                    file.flush()
                    sync(file.fileno())
        except Unwritable:
            raise
        except TransportError as error:
            raise Broken(error.problem, strong) from error
        except OSError as error:
            raise unwritable(error, part) from error
        return ""

    def _copy(
        self, response: requests.Response, file: Any, start: int, call: Call, longest: int
    ) -> None:
        expected = _length(response)
        got = 0
        window_got = 0
        while True:
            # The announced length counts at once, or the disk would fill with what will be thrown away.
            if start + max(got, expected or 0) > longest:
                file.truncate(0)
                raise broken_download("The clip is too long to be one")
            chunk = response.raw.read(_READ, decode_content=False)
            if not chunk:
                break
            got += len(chunk)
            try:
                file.write(chunk)
            except OSError as error:
                raise unwritable(error, Path(file.name)) from error
            # Enough bytes for a whole window: the timer, which ends a slow download, begins anew.
            if got - window_got >= SLOWEST * SLOWEST_FOR:
                window_got = got
                call.limit(SLOWEST_FOR)
        # Counted here: urllib3 1.26 gives a body that was cut as a good 200 (measured).
        if call.aborted or call.late or (expected is not None and got != expected):
            raise broken_download("The download broke off")

    def _check_result(self, url: str) -> None:
        """Raise Refused unless a clip's place is https, without a user and not private (docs/safety.md, rule 28)."""
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
            refuse_private("127.0.0.1")
        with suppress(OSError, UnicodeError):  # behind a proxy this computer may not know the name
            for entry in socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM):
                refuse_private(str(entry[4][0]))

    # -- requests

    def _session(self, call: Call, *, api: bool) -> Session:
        return Session(call, self._bearer if api else no_auth, trust_env=not self.loopback)

    def _bearer(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Given to requests as ``auth``: with `auth=None` a .netrc entry would replace the header (measured).
        if self.__key:
            request.headers["Authorization"] = f"Bearer {self.__key}"
        return request

    def _exchange(
        self,
        session: Session,
        call: Call,
        method: str,
        url: str,
        longest: int | None = None,
        moving: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> Answer:
        response: requests.Response | None = None
        body = bytearray()
        try:
            with in_sentences(call, url):
                response = session.request(
                    method, url, auth=session.auth, stream=True, allow_redirects=False, **options
                )
                expected = _length(response)
                # The id of what was bought stands at the start, so the first bytes are read one by one: of a
                # larger piece that breaks off the libraries keep what came for themselves.
                while chunk := response.raw.read(
                    1 if method == "POST" and len(body) < _BY_BYTES else _READ, decode_content=False
                ):
                    if (len(body) + len(chunk)) // LONGEST_ANSWER > len(body) // LONGEST_ANSWER:
                        moving()
                    body += chunk
                    if len(body) > (longest or LONGEST_ANSWER):
                        raise network_error(
                            f"{shown_host(url)} sent an answer that is far too long"
                        )
                _refuse_encoding(response)
                # Headers that break off look like an answer without a length (measured). A refusal of a POST that
                # looks so proves nothing; a 2xx proves itself by its JSON.
                good = response.status_code // 100 == 2
                framed = expected is not None or _chunked(response) or good
                cut = expected is not None and len(body) != expected
                if call.aborted or call.late or cut or (method == "POST" and not framed):
                    raise network_error(sentence_of(EOFError(), call, shown_host(url)))
        except TransportError as error:
            if method == "POST" and response is not None and response.status_code // 100 == 2:
                error.came = self._answer(response, _unpacked(bytes(body)))
            raise
        return self._answer(response, bytes(body))

    def _answer(self, response: requests.Response, body: bytes) -> Answer:
        # The first place that sees an answer: masked here, a key that the service repeats gets into no id, address,
        # sentence, ledger or log.
        for name, value in list(response.headers.items()):
            response.headers[name] = self._mask.text(value)
        return Answer(response.status_code, response.headers, self._mask.bytes(body))


def _length(response: requests.Response) -> int | None:
    """Bytes of body that the headers announce; None when they do not say."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and not _chunked(response) else None


def _chunked(response: requests.Response) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _refuse_encoding(response: requests.Response) -> None:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise network_error("The service answered in a compressed form that was not asked for")


def _unpacked(body: bytes) -> bytes:
    """``body`` unpacked, at most ``LONGEST_ANSWER`` bytes, when gzip or zlib made it; else ``body``."""
    try:
        return zlib.decompressobj(wbits=32 + zlib.MAX_WBITS).decompress(body, LONGEST_ANSWER)
    except zlib.error:
        return body


def _open_part(part: Path, start: int) -> Any:
    try:
        if not start:
            return begin_anew(part, private=False)
        file = open_own(part, "r+b")
        file.seek(start)
        file.truncate()
        return file
    except OSError as error:
        raise unwritable(error, part) from error

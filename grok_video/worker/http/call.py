"""One HTTP call: its deadline, its sockets, and how it is ended from another thread.

Owns the connection of a call (always a fresh one), the authorities that TLS trusts, and the refusal of private
addresses at the moment a socket is made.
"""

from __future__ import annotations

import http
import http.client
import os
import re
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ...core.clock import awake
from ...core.problem import Problem, ProblemCode
from ...core.urls import is_private_address
from .errors import Refused

CONNECT_TIMEOUT = 30.0  # seconds; urllib3 also takes it for each chunk of a body
_WAKE_AGAIN = 0.05  # seconds


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
        self._plain: list[socket.socket] = []  # of those without TLS, what the libraries read from
        self._taken: list[int] = []  # handles that were taken from those
        self._closed = threading.Event()
        self._waking = False
        self._timer: threading.Timer | None = None
        self._fires = 0.0
        self._deadline = 0.0

    def limit(self, seconds: float) -> None:
        """End the call in that many seconds of an awake machine, whatever limit was set before.

        What was under way as the machine fell asleep may come when it wakes: an answer to a POST too, which is paid.
        """
        with self._guard:
            self._deadline = awake() + seconds
            if self._timer is None or self._deadline < self._fires:
                self._arm()

    def _arm(self) -> None:
        # Not for each chunk that moves the limit on: a timer that fires early looks at the limit again.
        if self._timer is not None:
            self._timer.cancel()
        self._fires = self._deadline
        self._timer = threading.Timer(self._deadline - awake(), self._expire)
        self._timer.daemon = True
        self._timer.start()

    def abort(self) -> None:
        """End the call now, from any thread: the thread of the call sees it fail with *stopped*."""
        self.aborted = True
        self._shut()

    def adopt(self, sock: socket.socket, *, plain: bool) -> None:
        """Take a socket that was just connected, to shut it when the call has to end. ``plain``: not for TLS."""
        with self._guard:
            self._sockets.append(sock.dup())
            if plain:
                self._plain.append(sock)
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
            self._plain.clear()
            for handle in self._taken:
                socket.close(handle)
            self._taken.clear()
        self._closed.set()

    def _expire(self) -> None:
        with self._guard:
            if self._timer is None:
                return  # closed meanwhile
            if awake() < self._deadline:
                self._arm()
                return
        self.late = True
        self._shut()

    def _shut(self) -> None:
        with self._guard:
            for sock in self._sockets:
                with suppress(OSError):  # the service has shut the connection already
                    sock.shutdown(socket.SHUT_RDWR)
            if sys.platform != "win32" or self._waking:
                return
            self._waking = True
        threading.Thread(target=self._wake, daemon=True).start()

    if sys.platform == "win32":

        def _wake(self) -> None:
            """Break off the waits of the call's thread until ``close``: on Windows a socket that is shut wakes nobody."""
            import ctypes

            while True:
                with self._guard:
                    # Python waits again where the system says *interrupted*, as Windows may, unless the socket has no
                    # handle any more. TLS reads instead, and what is shut cannot be read.
                    taken = [sock.detach() for sock in self._plain]
                    self._taken += [handle for handle in taken if handle != -1]  # -1: closed before
                    self._plain.clear()
                    for sock in self._sockets:
                        handle = ctypes.c_void_p(sock.fileno())
                        ctypes.windll.kernel32.CancelIoEx(handle, None)
                if self._closed.wait(_WAKE_AGAIN):  # the thread may have been between two waits
                    return


class _Adapter(HTTPAdapter):
    """The adapter of requests over connections that report their socket to a Call, and without retries."""

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


_STATUS = re.compile(rb"(HTTP/1\.\d) +(\d{3})(?![^ \r\n])([^\r\n]*)")
_LONGEST_LINE = 1 << 16
_LONGEST_INTERIM = 1 << 20  # bytes of all that comes before the answer


class FinalResponse(http.client.HTTPResponse):
    """The answer itself. ``http.client`` passes over 100, and takes 102 or 103 for the answer, which follows.

    An interim answer has no body (RFC 9110, 15.2); one that a gateway has given a body, or no end, is passed over too.
    """

    def _read_status(self) -> tuple[str, int, str]:
        first = cast("tuple[str, int, str]", super()._read_status())  # pyright: ignore
        version, status, reason = first
        left, after_headers = _LONGEST_INTERIM, False
        while 100 <= status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            line = self.fp.readline(min(_LONGEST_LINE, left))
            left -= len(line)
            if not line:
                raise http.client.RemoteDisconnected("Nothing came after an interim answer")
            if found := (_STATUS.search if after_headers else _STATUS.match)(line):
                version, code, words = (part.decode("iso-8859-1") for part in found.groups())
                status, reason, after_headers = int(code), words.strip(), False
            else:
                after_headers |= not line.strip()
        return version, status, reason


def _pool_classes(call: Call) -> dict[str, Any]:
    def watch(connection: Any, sock: socket.socket) -> socket.socket:
        call.adopt(sock, plain=isinstance(connection, Plain))
        # The address of the connected socket: a name could have another address at the next look (DNS rebinding).
        if call.only_public and not connection.proxy:
            refuse_private(sock.getpeername()[0])
        return sock

    class Plain(HTTPConnection):
        response_class = FinalResponse

        def _new_conn(self) -> socket.socket:
            return watch(self, super()._new_conn())

    class Secure(HTTPSConnection):
        response_class = FinalResponse

        def _new_conn(self) -> socket.socket:
            return watch(self, super()._new_conn())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # pyright: ignore[reportAssignmentType]

    return {"http": PlainPool, "https": SecurePool}


def refuse_private(address: str) -> None:
    if is_private_address(address):
        raise Refused(
            Problem(
                ProblemCode.DOWNLOAD,
                "The service named an address inside a private network as the clip's place. "
                "It was not opened.",
                "Tell the service's support; the request id is kept with the job.",
            )
        )


class Session(requests.Session):
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
        """No redirects: even with ``allow_redirects=False`` requests would read a whole body to look for one."""
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


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request

"""Exceptions of the HTTP libraries become sentences; the libraries' texts, which hold headers and URLs, are dropped.

Classes of exceptions choose the words only, never what becomes of a job.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3

from .call import Call
from .errors import TransportError, network_error, shown_host


class in_sentences:
    """Turns what the HTTP libraries raise into a TransportError with a sentence of ours; other exceptions pass.

    The libraries' own texts hold headers and URLs, so they must reach no log and no panel.
    """

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
            raise network_error(sentence_of(error, self._call, shown_host(self._url))) from None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error with every error inside it: causes, contexts, reasons, arguments."""
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


#: What urllib3 raises for a certificate of another host: 1.26 compares the names itself and has a class of its own for
#: that. The class has moved about; every version has it here.
_OTHER_HOST: type[Exception] = urllib3.connection.CertificateError  # pyright: ignore


def sentence_of(error: BaseException, call: Call, host: str) -> str:
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
    # Before what the libraries say: once our deadline has shut the socket, TLS or the service is blamed.
    if call.late:
        return f"{host} took too long to answer"
    if any_is(ssl.SSLError, requests.exceptions.SSLError):
        return f"The secure connection to {host} failed (TLS)"
    if any_is(ConnectionRefusedError):
        return f"{host} refused the connection"
    # Only timeouts of reading: urllib3 counts every *no connection* as a timeout of connecting.
    timed_out = any_is(TimeoutError, requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
    if timed_out:
        return f"{host} took too long to answer"
    if any_is(urllib3.exceptions.NewConnectionError):
        return f"{host} cannot be reached: is this computer online?"
    return f"The connection to {host} broke off"

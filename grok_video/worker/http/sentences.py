"""The libraries' exceptions become sentences; their own texts, which hold headers and URLs, are dropped.

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
            raise network_error(sentence_of(error, self._call, shown_host(self._url))) from None


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

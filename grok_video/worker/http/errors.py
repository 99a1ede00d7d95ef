"""What can go wrong with a call, each error a problem with a sentence for an artist.

Knows nothing of the HTTP libraries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ...core.problem import Problem, ProblemCode
from ...core.record import record


@record
class Answer:
    """A complete answer, without the key: ``headers`` compare without case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """A call ended without a complete answer. ``problem`` says why, in a sentence.

    ``came``: what there is of a 2xx answer to a POST, with a body that may be cut, or noise.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.came: Answer | None = None


class Refused(TransportError):
    """The address is one that we never open, however often it is named."""


class SourceGone(TransportError):
    """A file that was to be sent cannot be read or has changed."""


class LinkGone(TransportError):
    """The service no longer has the file at that URL."""


class Unwritable(TransportError):
    """The clip cannot be written: disk full, folder gone or read-only. ``errno`` is the system's."""

    def __init__(self, problem: Problem, errno: int | None) -> None:
        super().__init__(problem)
        self.errno = errno


class Broken(TransportError):
    """A download that broke off. ``etag`` lets the next try continue the file; '': the file begins anew."""

    def __init__(self, problem: Problem, etag: str) -> None:
        super().__init__(problem)
        self.etag = etag


def unwritable(error: OSError, path: Path) -> Unwritable:
    """The error of a clip that cannot be written at ``path``."""
    return Unwritable(
        Problem(
            ProblemCode.FILE,
            f"The clip cannot be written to {path.parent}: {error.strerror or 'unknown error'}. "
            "It is paid for and waits at the service for about a day.",
            "Free some space or allow writing there; it is tried again by itself, then by Retry.",
        ),
        error.errno,
    )


#: A host's name that may be shown: a redirect can name a host of control characters, or of 30 kB.
_NAME = re.compile(r"[\w.:%-]{1,253}", re.ASCII)


def shown_host(url: str) -> str:
    """The host of ``url``, fit to be shown."""
    with suppress(ValueError):
        name = urlsplit(url).hostname or ""
        if _NAME.fullmatch(name):
            return name
    return "the service"


def network_error(message: str) -> TransportError:
    return TransportError(Problem(ProblemCode.NETWORK, message + "."))


def broken_download(message: str, status: int | None = None) -> TransportError:
    return TransportError(Problem(ProblemCode.DOWNLOAD, message + ".", http_status=status))

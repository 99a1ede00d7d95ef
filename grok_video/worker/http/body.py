"""The body of a POST: files read and encoded as they leave, and the last byte held back.

Owns the promise that everything the service would need to start something leaves only after ``before_last``.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ...core.files import open_given
from ...core.problem import Problem, ProblemCode
from .errors import SourceGone

_SOURCE_CHUNK = 36 * 1024  # multiple of 3: 48 KB of base64


class Watch(Protocol):
    """Is told of the files of a body as they are read, and may raise TransportError: then the last byte stays here."""

    def opened(self, path: Path, status: os.stat_result) -> None:
        """A file is open; ``status`` is what the system says of what is open, whatever the path names by now."""
        ...

    def left(self, path: Path, sha256: str) -> None:
        """All of a file was read, and none of it has changed since ``opened``."""
        ...


class Body:
    """The body of a request, made as it leaves: bytes as they are, files as base64 of what is in them.

    The last byte of all is held back: it leaves when ``before_last`` has been called and has returned. ``moving`` is
    called before every chunk of a file, ``watch`` is told of every file. An object with an exact ``__len__`` and an ``__iter__``: a generator would
    make requests send two lengths. Raises SourceGone when a file cannot be read, is empty or changes meanwhile.
    """

    def __init__(
        self,
        parts: Sequence[bytes | Path],
        before_last: Callable[[], None],
        moving: Callable[[], None] = lambda: None,
        watch: Watch | None = None,
    ) -> None:
        last = parts[-1] if parts else b""
        if not isinstance(last, bytes) or not last:
            raise ValueError("the last part holds the closing brace")
        self._parts = [
            (part, len(part) if isinstance(part, bytes) else _source_size(part)) for part in parts
        ]
        self._before_last = before_last
        self._moving = moving
        self._watch = watch
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
            elif part:  # an empty chunk would mean the end of a body that is sent in chunks
                yield part
        if len(last) > 1:
            yield last[:-1]
        self._before_last()
        yield last[-1:]

    def _encoded(self, path: Path, size: int) -> Iterator[bytes]:
        left = size
        digest = hashlib.sha256()
        try:
            with open_given(path) as file:
                before = os.fstat(file.fileno())
                if self._watch is not None:
                    self._watch.opened(path, before)
                while left:
                    data = file.read(min(_SOURCE_CHUNK, left))
                    if not data or (len(data) % 3 and len(data) != left):
                        raise _source_gone(path, "it became shorter while it was sent")
                    left -= len(data)
                    self._moving()
                    digest.update(data)
                    yield base64.b64encode(data)
                after = os.fstat(file.fileno())
                if (after.st_size, after.st_mtime_ns) != (size, before.st_mtime_ns):
                    raise _source_gone(path, "it changed while it was sent")
                if self._watch is not None:
                    self._watch.left(path, digest.hexdigest())
        except OSError as error:
            # Only the file can fail here: a broken connection is raised in the sender.
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
        )
    )

"""The calls of a job, noted in ``jobs/<id>.http`` as they are made: what was sent, what was answered.

One JSON object a line: ``at`` (wall time), ``what`` ('sends' 'answered' 'unanswered' 'left out') and what goes with
that call. The file holds no key, no picture and of a web address only its host. Nothing here decides anything, and no
trouble with these files ends a call.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from ..core.files import open_given, open_own, write_whole
from ..core.redact import hosts_only, mask
from ..ledger.job_log import LARGEST
from ..service.request import Upload

_LONGEST_BODY = 4000  # characters of an answer that are kept
_LONGEST_READ = 16 << 10  # bytes of an answer that are looked at
_LONGEST_REQUEST = 32_000
_FIRST_KEPT = 4  # lines: the request and its answer
_LONGEST_HEADER = 200  # characters that are kept
_LONGEST_READ_HEADER = 4000  # characters that are looked at: an address is longer than its host
_HEADERS = ("content-type", "retry-after", "x-request-id", "location")
#: Begins once in a run of backslashes: tried at each of them, the search is slow.
_ESCAPED_SLASH = re.compile(r"(?<!\\)\\+/")
_DATA_URI = re.compile(r"data:[\w/+.-]*;base64,[\w+/=-]*")
#: A picture in an answer, which is cut before anything else is done with it.
_PICTURE = re.compile(r'("b64_json"\s*:\s*")[\w+/=\\-]+')


class CallLog:
    """Notes what a job sends and what is answered. Never raises: a call must not end because of its note."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "jobs"
        self._last: dict[str, tuple[int, str]] = {}  # job → status and text of its newest poll
        self._same: dict[str, int] = {}  # job → polls since then that were answered alike

    def sends(self, job_id: str, upload: Upload) -> None:
        """Note that a POST is about to be sent."""
        body = _cut(_request_text(upload), _LONGEST_REQUEST)
        self._note(job_id, what="sends", method="POST", path=upload.path, body=body)

    def answered(
        self,
        job_id: str,
        method: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        began: float,
    ) -> None:
        """Note an answer; ``began`` is the monotonic time of the call. Polls that say the same are only counted."""
        text = answer_text(body)
        if method == "GET":
            if self._last.get(job_id) == (status, text):
                self._same[job_id] = self._same.get(job_id, 0) + 1
                return
            self._last[job_id] = status, text
        # Cut before masking: a header may be as long as the service likes, and the search takes its time.
        told = {
            name.lower(): hosts_only(mask(value[:_LONGEST_READ_HEADER]))[:_LONGEST_HEADER]
            for name, value in headers.items()
            if name.lower() in _HEADERS
        }
        self._note(
            job_id,
            what="answered",
            method=method,
            status=status,
            seconds=round(time.monotonic() - began, 3),
            headers={name: told[name] for name in _HEADERS if name in told},
            bytes=len(body),
            body=text,
            same_before=self._same.pop(job_id, 0),
        )

    def unanswered(self, job_id: str, method: str, words: str, began: float) -> None:
        """Note that no whole answer came; ``words`` are our own sentence of why."""
        seconds = round(time.monotonic() - began, 3)
        self._note(job_id, what="unanswered", method=method, seconds=seconds, words=words)

    def _note(self, job_id: str, **line: Any) -> None:
        path = self._folder / f"{job_id}.http"
        data = json.dumps({"at": time.time(), **line}, ensure_ascii=False)
        with suppress(OSError):  # that the disk is full is said where the ledger is written
            with open_own(path, "ab") as file:
                file.write(data.encode("utf-8", "replace") + b"\n")
                size = file.tell()
            if size > LARGEST:
                _shorten(path)


def _shorten(path: Path) -> None:
    """Cut the file at ``path``: the first four lines stay, and as many of the newest as half of the room holds."""
    with open_own(path, "rb") as file:
        lines = file.read().splitlines(keepends=True)
    first, rest = lines[:_FIRST_KEPT], lines[_FIRST_KEPT:]
    kept: list[bytes] = []
    size = 0
    for line in reversed(rest):
        size += len(line)
        if size > LARGEST // 2:
            break
        kept.insert(0, line)
    gap = {"at": time.time(), "what": "left out", "lines": len(rest) - len(kept)}
    data = b"".join([*first, json.dumps(gap).encode() + b"\n", *kept])
    # Without a wait: an answer is noted before it is on record, and may be the id of something paid.
    write_whole(path, data, durable=False, private=True, patience=0.0)


def _request_text(upload: Upload) -> str:
    """The body of a POST, with each file replaced by its size and checksum."""
    text = "".join(
        part.decode("ascii", "replace") if isinstance(part, bytes) else _summary(part)
        for part in upload.parts
    )
    try:
        text = json.dumps(_shown(json.loads(text)), ensure_ascii=False)
    except ValueError:
        text = _plain(text)
    return text


def _summary(path: Path) -> str:
    """Size and checksum of a file, in the place of its base64: of characters that JSON need not escape."""
    try:
        with open_given(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return "(a file that cannot be read)"
    return f"({size} bytes, sha256 {digest})"


def answer_text(body: bytes) -> str:
    """An answer as one line of text: no key, no result's address, no control characters, and not too long."""
    # Cut first: nobody reads an answer that is longer, and masking it takes its time.
    text = body[:_LONGEST_READ].decode("utf-8-sig", errors="replace")
    text = _PICTURE.sub(r"\1(a picture)", text)
    with suppress(ValueError, RecursionError):
        text = json.dumps(_shown(json.loads(text)), ensure_ascii=False)
    # Once more over the whole line, for what is no JSON, and for JSON inside a text, whose slashes may be escaped.
    return _cut(_plain(_ESCAPED_SLASH.sub("/", text)), _LONGEST_BODY)


def _shown(value: Any) -> Any:
    """A value of JSON with all its texts fit to be shown: without keys, addresses and long data."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, dict):
        fields = cast(dict[str, Any], value)
        return {_plain(name): _shown(inner) for name, inner in fields.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in cast(list[Any], value)]
    return value


def _plain(text: str) -> str:
    text = _DATA_URI.sub(lambda found: f"({len(found[0])} characters of data)", text)
    return mask(hosts_only("".join(c if c.isprintable() or c == "\n" else " " for c in text)))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text)} characters)"

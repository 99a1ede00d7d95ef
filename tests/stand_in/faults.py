"""Failures on demand: what can be made to go wrong, and how often.

Owns the names of the failures (``ANSWERS``, ``WIRE``, ``OUTCOMES``) and the queue of those that are due.
Knows nothing of sockets: ``server.py`` carries them out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Captured bodies by their id: the project's copy of what was seen on the wire.
FIXTURES: dict[str, dict[str, Any]] = {
    entry["id"]: entry
    for entry in json.loads(Path(__file__).with_name("fixtures.json").read_text("utf-8"))
}

#: Where a failure can happen. 'any' is all but those of a job. Those with a word before them are of clips or of pictures.
_OF_BOTH = ("submit", "poll", "download", "models", "job")
PLACES = (
    *_OF_BOTH,
    *(f"{of}-{place}" for of in ("video", "image") for place in _OF_BOTH),
    "key",
    "voices",
    "any",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A fixed answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


_HTML = (
    b"<!doctype html><html><head><title>Oops</title></head><body>Not what you want.</body></html>"
)

#: Answers that are no captured body. A number as a name is that status with ``{}``.
ANSWERS: dict[str, Answer] = {
    "garbage": Answer(200, b'{"status": "done", "video": {"url": "http://127.0.0.1/\xff\xfe'),
    "html": Answer(200, _HTML, "text/html"),
    "empty": Answer(200, b"", ""),
    "huge": Answer(200, b'{"status":"pending","filler":"' + b"x" * (3 << 20) + b'"}'),
    "null": Answer(200, b"null"),
    "list": Answer(200, b"[]"),
    "no-id": Answer(200, b"{}"),
    "empty-id": Answer(200, b'{"request_id":""}'),
    "fraction-id": Answer(200, b'{"request_id":7.5}'),
    "proxy-502": Answer(502, b"error code: 502", "text/plain"),
    "bad-credentials": Answer(
        403, b'{"code":"unauthenticated:bad-credentials","error":"The API key was disabled."}'
    ),
    "permission-denied": Answer(
        403, b'{"code":"permission-denied","error":"Your team is blocked from the API."}'
    ),
    "credits-new": Answer(
        429,
        FIXTURES["err-429-credits"]["body"]["error"]
        .join(('{"code":"resource-exhausted","error":"', '"}'))
        .encode(),
    ),
    "string-error": Answer(200, b'{"status":"failed","error":"Something broke."}'),
    "unknown-status": Answer(200, b'{"status":"warming_up","progress":3}'),
    "unknown-route": Answer(404, b'{"error":{"code":404,"message":"Not found"}}'),
    "not-found": Answer(404, b'{"code":"not-found","error":"The request was not found."}'),
}

#: What can happen on the wire.
WIRE = {
    "hang": "never answers; the body was not read",
    "hang-after-body": "reads the body, starts nothing, never answers",
    "answer-late": "does all as usual, and answers only after `seconds`, or once mended",
    "hang-after-start": "does all as usual (a job starts), never answers",
    "close": "closes before the body is read",
    "close-during-body": "closes after `bytes` of the body (half of it)",
    "close-after-body": "reads the body, starts nothing, closes",
    "answer-lost": "does all as usual (a job starts), closes without an answer",
    "answer-cut": "does all as usual, closes after half of the answer",
    "truncate": "announces the whole length, sends `bytes` of it (half), closes",
    "short-length": "announces and sends `bytes` (half): whole by its length, and is not",
    "no-length": "sends half without a Content-Length, closes: looks whole and is not",
    "drip": "sends 1 byte (or `bytes`) each `seconds` (0.5)",
    "gzip": "compresses the answer although nobody asked",
    "redirect": "302 to `location` (the same path with ?hop=1)",
    "no-range": "ignores Range and gives no ETag",
    "not-mp4": "a web page, said to be video/mp4",
    "answer-early": "answers with the given answer while the body is still being sent",
    "answer-replaced": "does all as usual (a job starts), answers with the given answer",
}

_GIVEN = {"answer-early", "answer-replaced"}

#: How a job can end, for ``at="job"``, 'video-job' or 'image-job': the next such job that starts takes it. Pictures at
#: once have no poll: failed and unavailable are a 5xx of the POST, moderated ones a 400 with the price.
OUTCOMES = {
    "failed": "failed with internal_error",
    "unavailable": "failed with service_unavailable",
    "failed-bare": "failed without a reason, as in the guide",
    "failed-string": "failed, error is a string",
    "expired": "expired",
    "moderated": "done, respect_moderation false, empty url",
    "moderated-null": "done, video is null",
    "moderated-no-url": "done, respect_moderation false, no url",
    "moderated-400": "400 on the poll",
    "moderated-old": "400 on the poll, with the code as it was",
    "moderated-failed": "failed with invalid_argument",
    "moderated-denied": "failed with permission_denied",
    "no-url": "done, respect_moderation true, and no url at all",
    "stall": "runs for ever; /finish ends it",
    "no-suffix": "the url has no .mp4",
    "no-status": "done and running without a status, as in early 2026",
    "empty-202": "running answers have an empty body",
    "no-usage": "a picture whose price is not said",
    "tokens": "a picture whose price stands among numbers of tokens",
    "older-form": "a picture at once as in early 2026: created, revised_prompt, no price",
    "storage-error": "a picture that was made and could not be stored",
    "b64-cut": "half of the base64 of a picture, in a whole answer",
}


@dataclass(slots=True)
class Fault:
    """A failure that is due. ``times`` 0 is for ever; ``after`` requests go well before it."""

    at: str
    what: str
    times: int = 1
    after: int = 0
    seconds: float = 0.0
    bytes: int = 0
    location: str = ""
    answer: Answer | None = None
    mended: int = 0  # how often all had been well again when it was asked for


class Faults:
    """The queue: the oldest failure that fits is the one that happens."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []
        self.mended = 0  # how often all was well again

    def add(self, wanted: dict[str, Any]) -> Fault:
        """Queue a failure from the control API's JSON. Raises ValueError with what is wrong."""
        known = {"at", "what", "times", "after", "seconds", "bytes", "location", "status", "body",
                 "content_type", "headers"}  # fmt: skip
        if unknown := set(wanted) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        at, what = wanted.get("at", "any"), str(wanted.get("what", "answer"))
        if at not in PLACES:
            raise ValueError(f"at is one of {', '.join(PLACES)}")
        fault = Fault(
            at,
            what,
            int(wanted.get("times", 1)),
            int(wanted.get("after", 0)),
            float(wanted.get("seconds", 0)),
            int(wanted.get("bytes", 0)),
            str(wanted.get("location", "")),
            mended=self.mended,
        )
        if at.endswith("job"):
            if what not in OUTCOMES:
                raise ValueError(f"a job ends as one of {', '.join(OUTCOMES)}")
        elif what not in WIRE or what in _GIVEN:
            fault.answer = _answer(what, wanted)
        self._queue.append(fault)
        return fault

    def take(self, *places: str) -> Fault | None:
        """The failure that happens to this request, or None; counts it."""
        for fault in self._queue:
            if fault.at not in places:
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.times == 1:
                self._queue.remove(fault)
            elif fault.times:
                fault.times -= 1
            return fault
        return None

    def waiting(self) -> int:
        """How many failures are due."""
        return len(self._queue)

    def clear(self) -> None:
        """Nothing goes wrong any more, and an answer that was held back leaves."""
        self._queue.clear()
        self.mended += 1


def _answer(what: str, wanted: dict[str, Any]) -> Answer:
    if what in FIXTURES and FIXTURES[what]["status"]:
        seen = FIXTURES[what]
        base = Answer(seen["status"], _bytes(seen["body"]), seen["content_type"])
    elif what in ANSWERS:
        base = ANSWERS[what]
    elif what.isdecimal() and 200 <= int(what) <= 599:
        base = Answer(int(what), b"{}")
    elif what in {"answer", *_GIVEN}:
        base = Answer(500, b"{}")
    else:
        raise ValueError(
            f"{what} is no failure; there are: a fixture with a status, a status, "
            f"{', '.join([*ANSWERS, *WIRE])}, answer"
        )
    return Answer(
        int(wanted.get("status", base.status)),
        _bytes(wanted["body"]) if "body" in wanted else base.body,
        str(wanted.get("content_type", base.content_type)),
        base.headers | {str(k): str(v) for k, v in wanted.get("headers", {}).items()},
    )


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()

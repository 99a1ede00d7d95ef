"""The wire format, sans-io: a spec becomes a request, an answer becomes an event.

Owns every fact about the service's requests, answers and errors, so that a correction is one edit. It opens
no socket and no file; parsers never raise, whatever the bytes. Both shapes of the service are understood:
the one seen on the wire, and the one of the guide (which says ``processing`` and gives no details).
"""

from __future__ import annotations

import email.utils
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urlsplit

from .job import (
    AnswerLost,
    Blocked,
    Done,
    JobSpec,
    NotSent,
    Problem,
    ProblemCode,
    Progress,
    Rejected,
    ServiceFailed,
    Submitted,
)

KEY_PATH = "/v1/api-key"
GENERATIONS_PATH = "/v1/videos/generations"
#: Seconds that a Retry-After may ask for at most, and what a passing fault waits without one.
MAX_RETRY_AFTER = 300.0
PASSING_WAIT = 10.0
MAX_MESSAGE = 400  # characters shown of what the service says
#: Ticks: a clip does not cost more than a thousand dollars; what says so is not a cost.
_MAX_COST = 1000 * 10**10

_DONE = frozenset({"done", "completed", "succeeded"})
_FAILED = frozenset({"failed", "expired", "error", "cancelled", "canceled"})
_RUNNING = frozenset({"pending", "processing", "queued", "running", "in_progress"})


# ------------------------------------------------------------------------------------------------- requests


@dataclass(frozen=True, slots=True)
class Upload:
    """A POST whose body is ``head`` + base64 of the file ``image`` (when there is one) + ``tail``."""

    path: str
    head: bytes
    image: str  # absolute path, or ''
    tail: bytes  # ends with the closing brace: the byte that is held back


def submission(spec: JobSpec) -> Upload:
    """The request that buys ``spec``. Unknown fields are ignored by the service, so names matter.

    Duration and resolution are always sent: the guide's defaults are not the service's.
    """
    fields: dict[str, Any] = {"model": spec.model}
    if spec.prompt:
        fields["prompt"] = spec.prompt
    fields |= {
        "duration": spec.duration,
        "resolution": spec.resolution,
        "aspect_ratio": spec.aspect_ratio,
        "generate_audio": spec.generate_audio,
    }
    text = json.dumps(fields).encode("ascii")
    if not spec.image:
        return Upload(GENERATIONS_PATH, text[:-1], "", b"}")
    head = text[:-1] + f', "image": {{"url": "data:{spec.image_mime};base64,'.encode("ascii")
    return Upload(GENERATIONS_PATH, head, spec.image, b'"}}')


def poll_path(request_id: str) -> str:
    """Where a job is asked for."""
    return f"/v1/videos/{quote(request_id, safe='')}"


# -------------------------------------------------------------------------------------------------- answers


def submit_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float
) -> Submitted | Rejected | NotSent | AnswerLost:
    """What a complete answer to a POST means. Only an id is a purchase, only a refusal is none."""
    data = _json(body)
    said = _said(data, body)
    if 200 <= status < 300:
        request_id = _field(data, "request_id")
        if isinstance(request_id, str) and request_id.strip():
            return Submitted(request_id.strip())
        return AnswerLost(_lost("The service answered without a request id.", status))
    kind = _kind(status, data, said)
    if kind is ProblemCode.RATE or status == 425:
        wait = retry_after(headers, now)
        problem = Problem(
            ProblemCode.RATE,
            "The service takes no more requests just now.",
            "It is sent again by itself. Nothing was charged.",
            charged=False,
            http_status=status,
        )
        return NotSent(problem, wait if wait is not None else PASSING_WAIT)
    if status in (400, 401, 403, 404, 405, 413, 415, 422, 429):
        return Rejected(_refusal(kind, said, status))
    return AnswerLost(_lost(said or f"The service answered with HTTP {status}.", status))


@dataclass(frozen=True, slots=True)
class Poll:
    """What an answer to a poll means. ``event`` None: ask again, after ``wait`` seconds if given."""

    event: Progress | Done | ServiceFailed | Blocked | None
    wait: float | None = None
    note: str = ""


def poll_answer(status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> Poll:
    """What an answer to ``GET /v1/videos/<id>`` means."""
    data = _json(body)
    said = _said(data, body)
    wait = retry_after(headers, now)
    if 200 <= status < 300:
        return _good_poll(status, data, wait)
    kind = _kind(status, data, said)
    match kind:
        case ProblemCode.MODERATED:
            return Poll(ServiceFailed(_moderated(said), _cost(data)))
        case ProblemCode.KEY:
            return Poll(Blocked(_refusal(kind, said, status, running=True)), wait)
        case ProblemCode.RATE | ProblemCode.CREDITS:
            return Poll(None, wait if wait is not None else PASSING_WAIT, said)
        case _:
            pass
    if status in (400, 404, 405, 410, 422):
        problem = Problem(
            ProblemCode.REQUEST,
            said or f"The service does not know this job (HTTP {status}).",
            "It is asked again. If the API base or the key was changed, change it back.",
            http_status=status,
        )
        return Poll(Blocked(problem), wait)
    # 408, 5xx, redirects and whatever a proxy invents: passing, the job goes on at the service.
    return Poll(None, wait if wait is not None else PASSING_WAIT, said or f"HTTP {status}")


def _good_poll(status: int, data: Any, wait: float | None) -> Poll:
    state = _field(data, "status")
    state = state.strip().lower() if isinstance(state, str) else ""
    video = _field(data, "video")
    url = _field(video, "url")
    url = url.strip() if isinstance(url, str) else ""
    if status == 202:
        return Poll(Progress(_percent(data)), wait)
    if state in _FAILED:
        return Poll(ServiceFailed(_failure(state, data), _cost(data)))
    if _field(video, "respect_moderation") is False:
        return Poll(ServiceFailed(_moderated(_said(data, b"")), _cost(data)))
    if state in _DONE or (not state and url):
        if url.lower().startswith(("http://", "https://")):
            return Poll(Done(url, _cost(data)))
        if not url and isinstance(data, dict) and "video" in data:
            # Done with an empty url or video:null is one of the forms of moderation.
            return Poll(ServiceFailed(_moderated(_said(data, b"")), _cost(data)))
        problem = Problem(
            ProblemCode.SERVICE,
            "The service says that the clip is done, but not where it is.",
            "It may have been charged. Copy the request id and ask the service.",
        )
        return Poll(ServiceFailed(problem, _cost(data)))
    note = "" if not state or state in _RUNNING else f"unknown status {mask(state)[:40]!r}"
    return Poll(Progress(_percent(data)), wait, note)


def key_answer(status: int, headers: Mapping[str, str], body: bytes) -> Problem | None:
    """What an answer to ``GET /v1/api-key`` means; None: the key is good."""
    data = _json(body)
    if 200 <= status < 300:
        if _field(data, "api_key_blocked") is True or _field(data, "api_key_disabled") is True:
            return _refusal(ProblemCode.KEY, "This API key is blocked or disabled.", status)
        if _field(data, "team_blocked") is True:
            return _refusal(ProblemCode.KEY, "The team of this API key is blocked.", status)
        return None
    said = _said(data, body)
    return _refusal(_kind(status, data, said), said, status)


# --------------------------------------------------------------------------------------------------- errors


def _kind(status: int, data: Any, said: str) -> ProblemCode:
    """The kind of an error. The service's codes were sentences until mid-2026: words decide."""
    error = _field(data, "error")
    code = _field(data, "code") or _field(error, "code")
    words = f"{code if isinstance(code, str) else ''} {said}".lower()
    if "moderat" in words:
        return ProblemCode.MODERATED
    if status in (401, 403) or "incorrect api key" in words or "unauthenticated" in words:
        return ProblemCode.KEY
    if status == 429 or "resource-exhausted" in words:
        if "credit" in words or "spending limit" in words:
            return ProblemCode.CREDITS
        return ProblemCode.RATE if status == 429 else ProblemCode.REQUEST
    return ProblemCode.REQUEST if 400 <= status < 500 else ProblemCode.SERVICE


_HINTS = {
    ProblemCode.KEY: "Check the key in the preferences, then send the clip again.",
    ProblemCode.CREDITS: "Add credits or raise the limit at the service, then send the clip again.",
    ProblemCode.MODERATED: "Change the prompt or the source.",
    ProblemCode.REQUEST: "Change what it names, then generate anew.",
    ProblemCode.SERVICE: "Try again later.",
}


def _refusal(kind: ProblemCode, said: str, status: int, *, running: bool = False) -> Problem:
    hint = _HINTS.get(kind, "")
    if running:
        hint = "The clip goes on at the service. Check the key in the preferences."
        return Problem(kind, said or "The service does not accept the API key.", hint, None, status)
    message = said or f"The service refused the request (HTTP {status})."
    return Problem(kind, message, f"Nothing was charged. {hint}".strip(), False, status)


def _lost(said: str, status: int) -> Problem:
    return Problem(
        ProblemCode.ANSWER_LOST,
        said,
        "It may have been charged. Look in the service's console before sending it again.",
        None,
        status,
    )


def _moderated(said: str) -> Problem:
    return Problem(
        ProblemCode.MODERATED,
        said or "The service's moderation refused the clip.",
        "It may have been charged. Change the prompt or the source.",
    )


def _failure(state: str, data: Any) -> Problem:
    said = _said(data, b"")
    error = _field(data, "error")
    code = _field(error, "code")
    if "moderat" in f"{code} {said}".lower():
        return _moderated(said)
    if state == "expired":
        return Problem(
            ProblemCode.EXPIRED,
            said or "The service gave the job up: it expired.",
            "It may have been charged. Send it again to try once more.",
        )
    passing = code in ("service_unavailable", "internal_error")
    return Problem(
        ProblemCode.SERVICE,
        said or "The service failed to make the clip and gave no reason.",
        "It may have been charged. Send it again to try once more."
        if passing or not said
        else "It may have been charged. Change what it names before sending it again.",
    )


# ------------------------------------------------------------------------------------------------- small parts


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a Retry-After asks for (a number or a date), at most 300; None without one."""
    for name, value in headers.items():
        if name.lower() != "retry-after":
            continue
        text = value.strip()
        try:
            if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
                seconds = float(text)
            else:
                seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
        except (TypeError, ValueError, OverflowError, OSError):
            return None
        return min(max(seconds, 0.0), MAX_RETRY_AFTER)
    return None


def mask(text: str) -> str:
    """The text with everything that looks like a key made unreadable."""
    text = re.sub(r"xai-[A-Za-z0-9_\-]{4,}", "xai-***", text)
    return re.sub(r"\b[A-Za-z0-9\-]{1,8}\*{3,}[A-Za-z0-9]{0,8}", "***", text)


def host_of(url: str) -> str:
    """The host of a url: what may be shown of a result's address."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _field(data: Any, name: str) -> Any:
    return cast("dict[str, Any]", data).get(name) if isinstance(data, dict) else None


def _said(data: Any, body: bytes) -> str:
    """The service's own words: masked, on one line, cut to a readable length. '' when it said none."""
    error = _field(data, "error")
    for words in (error, _field(error, "message"), _field(data, "message"), _field(data, "detail")):
        if isinstance(words, str) and words.strip():
            return _tidy(words)
    if data is None and body:
        text = body[:4000].decode("utf-8", "replace").strip()
        if "<" in text and re.search(r"<\s*(!doctype|html|head|body|title)", text, re.IGNORECASE):
            title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
            return _tidy(html.unescape(title.group(1))) if title else ""
        return _tidy(text)
    return ""


def _tidy(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    masked = mask(line)
    return masked if len(masked) <= MAX_MESSAGE else masked[: MAX_MESSAGE - 1] + "…"


def _percent(data: Any) -> int | None:
    value = _field(data, "progress")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= 100 else None


def _cost(data: Any) -> int | None:
    value = _field(_field(data, "usage"), "cost_in_usd_ticks")
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_COST else None

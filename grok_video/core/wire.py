"""The service's language: a spec becomes a request, (status, headers, body) becomes an event.

Owns every fact of the wire: paths, fields, words of the answers and what each one means. It must not know sockets,
files, clocks or the ledger: it is given bytes and numbers and gives back events of ``job``. Nothing that a service
or a proxy answers makes it raise.

What each fact rests on: docs/api.md. Facts are sure but for those called likely. Two shapes are understood: the
real one and the older guide's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

from .job import (
    LOST_HINT,
    TICKS_PER_USD,
    AnswerLost,
    Blocked,
    Done,
    JobSpec,
    Kind,
    NotSent,
    Picture,
    Problem,
    ProblemCode,
    Progress,
    Rejected,
    ServiceFailed,
    Submitted,
)
from .models import usd
from .record import record

GENERATIONS_PATH = "/v1/videos/generations"
EXTENSIONS_PATH = "/v1/videos/extensions"
EDITS_PATH = "/v1/videos/edits"
MODELS_PATH = "/v1/video-generation-models"  # free, says which models a key may use
KEY_PATH = "/v1/api-key"  # free, says whether a key is good

#: Words of ``status`` (sure: pending done failed expired; the guide: processing; the rest likely).
_RUNNING = frozenset({"pending", "processing", "queued", "in_progress", "running"})
_DONE = frozenset({"done", "completed", "succeeded"})
_FAILED = frozenset({"failed", "expired", "error", "cancelled", "canceled"})

#: Answers to a POST that started nothing, so nothing was charged. 429 is decided by its words.
_REJECTING = frozenset({400, 401, 403, 404, 405, 413, 415, 422})
#: Answers to a poll that pass by themselves. Never for a POST: a 5xx may have started something.
_PASSING = frozenset({408, 409, 425})

# 400 "Incorrect API key provided: xa***jU.", 401 and 403 with the code "unauthenticated:…".
_KEY_WORDS = re.compile(r"incorrect api key|invalid api key|unauthenticated|credentials", re.I)
# Sure: "imagine:content-moderated", "… rejected by content moderation."; the others are likely.
_MODERATION_WORDS = re.compile(
    r"moderat(?:ion|ed|or)|usage guidelines|content policy|safety[ _]check|safety system", re.I
)
# Sure: "used all available credits or reached its monthly spending limit". The words of the rate limit speak of
# "historical API spend", so "spend" alone does not tell.
_CREDIT_WORDS = re.compile(
    r"available credits|more credits|out of credits|insufficient|spending limit|billing", re.I
)
#: A source video that the service could not fetch or read (likely: the words vary).
_VIDEO_WORDS = re.compile(
    r"video.{0,80}\b(?:download|fetch|retriev|decod|access|found|expired|unavailable|read)"
    r"|\b(?:download|fetch|retriev|decod|access|read)\w*\b.{0,80}video",
    re.I,
)
_RATE_WORDS = re.compile(r"too many requests|rate limit exceeded", re.I)

_LONGEST_WORDS = 400  # characters of the service's own words that are shown
_LONGEST_ID = 4096  # characters; it is kept with every event's snapshot, and Blender reads those
_LONGEST_TYPED_ID = 200
_LONGEST_URL = 64 << 10
_LONGEST_NAME = 128  # characters of a model's
_MOST_MODELS = 100
_LONGEST_WAIT = 300.0  # seconds; a queued job waits for a new word of the user after 600
_MOST_TICKS = 10**5 * TICKS_PER_USD  # a cost beyond 100,000 USD is nonsense

_HTML = re.compile(r"^\s*<(?!IMAGE_)|</\w|<!|<(?:html|head|body|script|style|img|br|p|div)\b", re.I)
_KEY = re.compile(r"xai-[\w*-]+", re.I)
_SECRET = re.compile(r"xai-[\w*-]+|[\w-]{0,12}\*{3,}[\w-]{0,12}", re.I)
_URL = re.compile(r"https?://[^\s\"'<>`]+", re.I)
# Begins only where a run of a scheme's characters does: tried at each of them it takes seconds for 26 KB (measured).
_ADDRESS = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]*(:/{2}[^\s\"'<>`]+)", re.I)
#: Links in the service's words that an artist needs whole; of all others only the host is shown.
_HELP_HOSTS = frozenset({"x.ai", "console.x.ai", "docs.x.ai", "accounts.x.ai"})

_FREE = "Nothing was charged."
_KEY_HINT = "Check the API key in the preferences."
_BASE_HINT = "Check the API base URL in the preferences."
_CREDIT_HINT = "Add credits or raise the spending limit in the xAI console."
_MODERATED_HINT = "Change the prompt or the source before you send it again."
_BLOCKED_HINT = "The job is kept and asked for again by itself."


# ------------------------------------------------------------------------------------------------- requests


@record
class Upload:
    """A POST: its body is the parts one after the other, the files among them as base64."""

    path: str  # appended to the API base
    parts: tuple[bytes | Path, ...]  # bytes and files in turn; the last ends with '}', which buys


@record
class Named:
    """A clip that the service still has: an extension or edit names it and uploads nothing."""

    url: str = field(repr=False)  # secret for a day
    request_id: str  # the guide's ``video_id``; the real service ignores it (likely)


@record
class _File:
    """A data URI of a file, in the place of a string of JSON."""

    mime: str
    path: str


def submission(spec: JobSpec, named: Named | None = None) -> Upload:
    """The request that buys ``spec``; ``named`` is its source video where that need not be uploaded.

    Unknown fields are ignored by the service and cost money instead of failing, so only fields of
    docs/api.md are sent; duration, resolution and sound always, as documents disagree on their defaults.
    Raises ValueError for an extension or edit without a source video.
    """
    if spec.kind is Kind.GENERATE:
        path, fields = GENERATIONS_PATH, _generation(spec)
    else:
        path, fields = EDITS_PATH, _rework(spec, named)
        if spec.kind is Kind.EXTEND:  # an edit is as long as its source
            path, fields["duration"] = EXTENSIONS_PATH, spec.duration
    parts: list[bytes | Path] = []
    for part in _json(fields):
        if parts and isinstance(part, bytes) and isinstance(parts[-1], bytes):
            parts[-1] += part
        else:
            parts.append(part)
    return Upload(path, tuple(parts))


def _generation(spec: JobSpec) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "model": spec.model,
        "prompt": spec.prompt,
        "duration": spec.duration,
        "resolution": spec.resolution,
        "aspect_ratio": spec.aspect_ratio,
        "generate_audio": spec.generate_audio,
    }
    if not spec.prompt.strip():
        del fields["prompt"]  # optional with an image
    if spec.image:
        fields["image"] = {"url": _File(spec.image_mime, spec.image)}
    if spec.references:
        fields["reference_images"] = [_picture(picture) for picture in spec.references]
    if spec.last_frame:
        fields["last_frame"] = _picture(spec.last_frame)
    if spec.keyframes:
        fields["keyframes"] = [
            {"image": _picture(frame.picture), "timestamp_s": frame.seconds}
            for frame in spec.keyframes
        ]
    return fields


def _picture(picture: Picture) -> dict[str, Any]:
    return {"url": _File(picture.mime, picture.path)}


def _rework(spec: JobSpec, named: Named | None) -> dict[str, Any]:
    """What an edit and an extension have in common."""
    fields: dict[str, Any] = {"model": spec.model, "prompt": spec.prompt}
    if named is not None:
        fields["video"] = {"url": named.url}
        fields["video_id"] = named.request_id
    elif spec.video is not None:
        fields["video"] = {"url": _File("video/mp4", spec.video.path)}
    else:
        raise ValueError(f"a job that is to {spec.kind} has a source video")
    return fields


def _json(value: Any) -> Iterator[bytes | Path]:
    """The pieces of a JSON text, ASCII only, with its files where their base64 belongs."""
    match value:
        case _File(mime, path):
            yield f'"data:{mime};base64,'.encode("ascii")
            yield Path(path)
            yield b'"'
        case dict():
            opening = b"{"
            for name, inner in cast(dict[str, Any], value).items():
                yield opening + json.dumps(name).encode("ascii") + b": "
                yield from _json(inner)
                opening = b", "
            yield b"}"
        case list():
            opening = b"["
            for inner in cast(list[Any], value):
                yield opening
                yield from _json(inner)
                opening = b", "
            yield b"]"
        case _:
            yield json.dumps(value).encode("ascii")


_FOUND_ID = re.compile(
    r"(?:request|video|generation)[ _-]?id[\"'`]?\s*(?:[:=]|is)?\s*[\"'`]?([^\s\"'`,;{}<>]+)", re.I
)
_ID_IN_URL = re.compile(r"/videos/([^/?#\s]+)")


def request_id_in(pasted: str) -> str:
    """The request id in what somebody copied: bare, quoted, of an answer's JSON, or the end of a web address.

    Raises ValueError with a sentence when there is none, or none that can be asked for.
    """
    text = pasted.strip()
    if not text:
        raise ValueError("Enter the request id.")
    if _KEY.match(text):
        raise ValueError("That is an API key, not a request id.")
    in_url = _ID_IN_URL.search(text)
    named = _FOUND_ID.search(text)
    if in_url:
        text = unquote(in_url[1])
    elif named:
        text = named[1]
    text = text.strip(" \t\"'`<>()[]{},;.")
    if "://" in text:
        raise ValueError("That web address holds no request id.")
    if not text or re.search(r"\s", text):
        raise ValueError("That holds no request id: it is one word, such as 7d1f0c2e-…")
    if len(text) > _LONGEST_TYPED_ID or not re.fullmatch(r"[!-.0-~]+", text):
        raise ValueError("That is not a request id: it holds letters, digits and dashes.")
    return text


def poll_path(request_id: str) -> str:
    """Where to ask for a job; the id is opaque and quoted whole."""
    return f"/v1/videos/{quote(request_id, safe='', errors='replace')}"


# -------------------------------------------------------------------------------------------------- answers


def submit_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, named: bool = False
) -> Submitted | Rejected | NotSent | AnswerLost:
    """What a complete answer to the POST means (docs/safety.md, rule 2); ``now`` is wall time.

    ``named``: the source video was named by its URL and not uploaded.
    Only answers that are known to start nothing say so; everything else may have been bought.
    """
    said = _read(headers, body)
    if 200 <= status < 300:
        request_id = said.fields.get("request_id")
        if isinstance(request_id, str) and _can_be_asked_for(request_id):
            if len(request_id) <= _LONGEST_ID:
                return Submitted(request_id)
            return _lost(status, f"xAI answered {status} with a request id that is far too long")
        return _lost(status, f"xAI answered {status} without a request id{said.quoted}")
    if status == 425 or (status == 429 and not said.out_of_credits):
        problem = Problem(
            ProblemCode.RATE,
            said.words or "xAI is asked too often at the moment.",
            f"{_FREE} It is sent again by itself.",
            charged=False,
            http_status=status,
        )
        return NotSent(problem, retry_after(headers, now) or 0.0)
    if status == 429 or status in _REJECTING:
        return Rejected(_refusal(status, said, named=named))
    return _lost(status, f"xAI answered {status}{said.quoted}")


def _can_be_asked_for(request_id: str) -> bool:
    """Whether a path can hold it: dots alone are taken out of paths, however they are quoted (measured)."""
    return request_id.isprintable() and request_id.strip() not in ("", ".", "..")


@record
class Poll:
    """What a poll said."""

    event: Progress | Done | ServiceFailed | Blocked | None  # None: nothing new, ask again
    wait: float | None = None  # seconds that the service asked for
    note: str = ""  # a warning for the log


def poll_answer(status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> Poll:
    """What a complete answer to a poll means; ``now`` is wall time.

    Whatever is not clearly an end keeps the job: asking again is free.
    """
    said = _read(headers, body)
    wait = retry_after(headers, now)
    if 200 <= status < 300:
        event, note = _outcome(status, said)
        return Poll(event, wait, note)
    # A text or a page with such words may be a proxy's, and says nothing of the clip.
    if status in (400, 403, 422) and said.fields and said.moderated:
        return Poll(ServiceFailed(_moderated(said.words, _cost(said), status), _cost(said)), wait)
    if status >= 500 or status in _PASSING or (status == 429 and not said.out_of_credits):
        return Poll(None, wait, f"the poll was answered {status}{said.quoted}")
    return Poll(Blocked(_blocked(status, said)), wait)


def key_answer(status: int, headers: Mapping[str, str], body: bytes) -> Problem | None:
    """What ``GET /v1/api-key`` says of the key; None when it is good. Asking is free."""
    said = _read(headers, body)
    if 200 <= status < 300:
        for flag, what in (
            ("api_key_blocked", "This API key is blocked."),
            ("api_key_disabled", "This API key is disabled."),
            ("team_blocked", "The team of this API key is blocked."),
        ):
            if said.fields.get(flag) is True:
                hint = "The xAI console says why."
                return Problem(ProblemCode.KEY, what, hint, charged=False, http_status=status)
        if said.html:
            what = "A web page answered in place of xAI."
            return Problem(ProblemCode.NETWORK, what, _BASE_HINT, charged=False, http_status=status)
        return None
    if status >= 500 or status in _PASSING or (status == 429 and not said.out_of_credits):
        return Problem(
            ProblemCode.RATE if status == 429 else ProblemCode.SERVICE,
            said.words or f"xAI answered {status}.",
            "Try again in a minute.",
            charged=False,
            http_status=status,
        )
    return _refusal(status, said)


def models_answer(
    status: int, headers: Mapping[str, str], body: bytes
) -> list[dict[str, str]] | Problem:
    """What ``GET /v1/video-generation-models`` lists: each with its ``id``, in the service's order.

    A ``name`` is there when the service gave one. Any shape is read, and never more than is worth showing.
    """
    said = _read(headers, body)
    if not 200 <= status < 300 or said.html:
        problem = key_answer(status, headers, body)
        assert problem is not None
        return problem
    found: dict[str, dict[str, str]] = {}
    for entry in _listed(said):
        about = cast(dict[str, Any], entry) if isinstance(entry, dict) else {"id": entry}
        name = next(_texts(about.get("name"), about.get("label")), "")
        model_id = next(_texts(about.get("id"), about.get("model"), name), "").strip()
        # One that is masked, cut or cannot be printed is not what the service calls it.
        if model_id and len(model_id) <= _LONGEST_NAME and model_id == _clean(model_id):
            name = _clean(name)[:_LONGEST_NAME]
            found.setdefault(model_id, {"id": model_id, **({"name": name} if name else {})})
        if len(found) == _MOST_MODELS:
            break
    return list(found.values())


def _listed(said: _Said) -> list[Any]:
    """The list of an answer, wherever it stands."""
    for inner in (said.fields.get("models"), said.fields.get("data"), said.listed):
        if isinstance(inner, list):
            return cast(list[Any], inner)
        if isinstance(inner, dict):
            return list(cast(dict[str, Any], inner))
    return []


def _outcome(status: int, said: _Said) -> tuple[Progress | Done | ServiceFailed, str]:
    """The event of a 2xx poll, and a warning for the log."""
    word = said.fields.get("status")
    word = word.strip().lower() if isinstance(word, str) else ""
    if status == 202:  # running, whatever the body says or whether there is one
        return Progress(_percent(said)), ""
    if word in _FAILED:
        return _ended(word, said), ""
    url = _result_url(said)
    if word in _DONE or (not word and (url or said.withheld)):
        return _finished(url, said), ""
    note = ""
    if word and word not in _RUNNING:
        note = f"the status {_clean(word)!r} is not known and is taken as running"
    elif not word and (said.words or not said.fields):
        note = f"the poll was answered {status} with nothing that is known{said.quoted}"
    return Progress(_percent(said)), note


def _finished(url: str, said: _Said) -> Done | ServiceFailed:
    """A job that the service calls done: with a clip, moderated, or with nothing at all."""
    cost = _cost(said)
    null = "video" in said.fields and said.fields["video"] is None  # one way to say moderated
    if said.withheld or null:
        return ServiceFailed(_moderated(said.words, cost), cost)
    if url:
        return Done(url, cost)
    # Read as "still running" this polls for ever: there is nothing more to wait for.
    problem = Problem(
        ProblemCode.SERVICE,
        "xAI says that the clip is done, but gave no address to fetch it from.",
        _spent(cost, "Ask xAI with the request id, or send it again."),
        charged=_charged(cost),
    )
    return ServiceFailed(problem, cost)


def _ended(word: str, said: _Said) -> ServiceFailed:
    """A job that the service calls failed or expired."""
    cost = _cost(said)
    if said.moderated or said.withheld:
        return ServiceFailed(_moderated(said.words, cost), cost)
    if word == "expired":
        code, what = ProblemCode.EXPIRED, "The job expired at xAI before there was a clip."
        hint = "Send it again."
    elif word in ("cancelled", "canceled"):
        code, what = ProblemCode.SERVICE, "The job was cancelled at xAI."
        hint = "Send it again."
    elif said.code in ("invalid_argument", "permission_denied", "failed_precondition"):
        # The service will say the same to the same request.
        code, what = ProblemCode.REQUEST, "xAI could not make this clip and did not say why."
        hint = "Change the prompt, the source or the settings before you send it again."
    else:  # internal_error, service_unavailable; the guide: no reason at all
        code, what = ProblemCode.SERVICE, "xAI failed to make this clip and did not say why."
        hint = "It may work when it is sent again."
    problem = Problem(code, said.words or what, _spent(cost, hint), charged=_charged(cost))
    return ServiceFailed(problem, cost)


def _moderated(words: str, cost: int | None, status: int | None = None) -> Problem:
    return Problem(
        ProblemCode.MODERATED,
        words or "xAI made this clip and withheld it: its moderation rejected it.",
        _spent(cost, _MODERATED_HINT),
        charged=_charged(cost),
        http_status=status,
    )


def _refusal(status: int, said: _Said, *, named: bool = False) -> Problem:
    """An answer that started nothing, as what to do about it."""
    words = said.words
    if said.moderated and status in (400, 403, 422):
        code, what = ProblemCode.MODERATED, "xAI's moderation rejected this request."
        hint = "Change the prompt or the source."
    elif status in (401, 403) or (status == 400 and said.about_key):
        code, what, hint = ProblemCode.KEY, "xAI does not accept the API key.", _KEY_HINT
        if status == 403:
            hint = f"{_KEY_HINT} If it is right, its team or model access is blocked: see the xAI console."
    elif status == 429:
        code, what, hint = ProblemCode.CREDITS, "The credits are used up.", _CREDIT_HINT
    elif status == 404 and "model" in words.lower():
        code, what, hint = ProblemCode.REQUEST, "", "Choose another model."
    elif status in (400, 404, 422) and _VIDEO_WORDS.search(words):
        code, what = ProblemCode.REQUEST, ""
        # The worker uploads the source of a job whose parent was refused.
        hint = "Send Again uploads the clip itself." if named else "Choose another source clip."
    elif 300 <= status < 400 or status in (404, 405):
        code, what = ProblemCode.NETWORK, f"The API address answered {status}: it is not xAI's."
        hint = _BASE_HINT
    elif status == 413:
        code, what = ProblemCode.REQUEST, "The source is too large for xAI."
        hint = "Send pictures as JPEG, a smaller resolution, or a shorter clip."
    else:
        code, what = ProblemCode.REQUEST, f"xAI refused the request ({status})."
        hint = "Change what it names, and generate again."
    return Problem(code, words or what, f"{_FREE} {hint}", charged=False, http_status=status)


def _blocked(status: int, said: _Said) -> Problem:
    """An answer to a poll that only the user can mend; the job itself goes on at the service."""
    refusal = _refusal(status, said)
    code, what, hint = ProblemCode.SERVICE, refusal.message, ""
    if refusal.code is ProblemCode.KEY:
        code, hint = refusal.code, _KEY_HINT
    elif refusal.code is ProblemCode.CREDITS:
        code, hint = refusal.code, _CREDIT_HINT
    elif status == 404:
        what = said.words or "xAI does not know this job."
        hint = "If the API key or the API base URL was changed, set it back."
    elif refusal.code is ProblemCode.NETWORK:
        code, hint = refusal.code, _BASE_HINT
    return Problem(code, what, f"{hint} {_BLOCKED_HINT}".strip(), http_status=status)


def _lost(status: int, what: str) -> AnswerLost:
    problem = Problem(
        ProblemCode.ANSWER_LOST,
        f"{what.rstrip('.')}. The request had left, so it may have been charged.",
        LOST_HINT,
        http_status=status,
    )
    return AnswerLost(problem)


def _charged(cost: int | None) -> bool | None:
    return None if cost is None else cost > 0


def _spent(cost: int | None, hint: str) -> str:
    """The hint after what is known of the cost of a job that the service took."""
    if cost is None:
        return f"It may have been charged. {hint}"
    return f"It cost {usd(cost)}. {hint}" if cost else f"{_FREE} {hint}"


# ------------------------------------------------------------------------------------------------- the body


@record
class _Said:
    """A body as far as it could be read."""

    fields: Mapping[str, Any]  # of the JSON object; empty when it is none
    code: str  # the service's name for the trouble, '' when it gave none
    words: str  # what it said, fit to be shown; '' when it said nothing
    html: bool
    listed: list[Any] | None = None  # a body that is one

    @property
    def quoted(self) -> str:
        """The words as the end of a sentence."""
        return f": {self.words}" if self.words else ""

    def part(self, name: str) -> Mapping[str, Any]:
        """The object under ``name``; an empty one when there is none."""
        value = self.fields.get(name)
        return cast(dict[str, Any], value) if isinstance(value, dict) else {}

    @property
    def withheld(self) -> bool:
        """Whether moderation keeps the clip back; no word of it means no."""
        return self.part("video").get("respect_moderation") is False

    @property
    def moderated(self) -> bool:
        """Whether the words are those of moderation."""
        return bool(_MODERATION_WORDS.search(f"{self.code} {self.words}"))

    @property
    def about_key(self) -> bool:
        return bool(_KEY_WORDS.search(f"{self.code} {self.words}"))

    @property
    def out_of_credits(self) -> bool:
        return bool(_CREDIT_WORDS.search(self.words)) and not _RATE_WORDS.search(self.words)


def _read(headers: Mapping[str, str], body: bytes) -> _Said:
    """Any body: the real JSON, the guide's, plain text, a proxy's page, nothing, or noise."""
    text = body.decode("utf-8-sig", errors="replace")
    try:
        data: Any = json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError):
        html = "html" in _header(headers, "content-type").lower() or bool(_HTML.search(text))
        return _Said({}, "", "" if html else _sentence(text), html)
    if isinstance(data, str):
        return _Said({}, "", _sentence(data), False)
    if isinstance(data, list):
        return _Said({}, "", "", False, cast(list[Any], data))
    if not isinstance(data, dict):
        return _Said({}, "", "", False)
    fields = cast(dict[str, Any], data)
    error = fields.get("error")
    inner = cast(dict[str, Any], error) if isinstance(error, dict) else {}
    code = next(_texts(fields.get("code"), inner.get("code"), inner.get("type")), "")
    words = _texts(
        error, inner.get("message"), inner.get("error"), fields.get("message"), fields.get("detail")
    )
    return _Said(fields, code.strip(), next((w for w in map(_sentence, words) if w), ""), False)


def _texts(*values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str) and value.strip())


def _whole(digits: str) -> int | float:
    """An integer of JSON; one that is too long for Python to read is as good as infinite."""
    return int(digits) if len(digits) < 40 else math.inf


def _clean(text: str) -> str:
    """Words of the service as a line for the panel: no markup, secrets, control characters, or excess."""
    if _HTML.search(text) or "\ufffd" in text:  # a page, or bytes that are no text
        return ""
    text = "".join(c if c.isprintable() else " " for c in text[: 20 * _LONGEST_WORDS])
    text = _URL.sub(_link, mask(" ".join(text.split())))
    if not any(map(str.isalnum, text)):
        return ""  # "...", seen in documents
    if len(text) > _LONGEST_WORDS:
        text = text[: _LONGEST_WORDS - 1].rstrip() + "…"
    return text


def _sentence(text: str) -> str:
    """Words of the service with a full stop: a hint follows them."""
    text = _clean(text)
    return f"{text}." if text and text[-1] not in ".!?…" else text


def _link(found: re.Match[str]) -> str:
    host = host_of(found.group())
    return found.group() if host in _HELP_HOSTS else host


def _result_url(said: _Said) -> str:
    """The address of the clip; '' when there is none that can be fetched."""
    url = said.part("video").get("url")
    if not isinstance(url, str) or len(url) > _LONGEST_URL:
        return ""
    url = url.strip()
    usable = re.match(r"https?://", url, re.I) and url.isprintable() and host_of(url)
    return url if usable else ""


def _percent(said: _Said) -> int | None:
    value = said.fields.get("progress")
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return int(min(max(value, 0), 100))


def _cost(said: _Said) -> int | None:
    """Ticks, when the service gave a sane number of them."""
    ticks = said.part("usage").get("cost_in_usd_ticks")
    if isinstance(ticks, int) and not isinstance(ticks, bool) and 0 <= ticks <= _MOST_TICKS:
        return ticks
    return None


# -------------------------------------------------------------------------------------------------- helpers


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as seconds or as a date; capped, never negative.

    Nobody has seen the service send one. None when there is none that can be read.
    """
    value = _header(headers, "retry-after").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
            seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now
        except (ValueError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def mask(text: str) -> str:
    """The text without API keys: ``xai-…`` whole, and what the service shows of one (``xa***jU``)."""
    # Without stars only whole keys can be in it, which are found a hundred times as fast.
    secret = _SECRET if "***" in text else _KEY
    return secret.sub(lambda m: "xai-***" if m[0].lower().startswith("xai-") else "***", text)


def hosts_only(text: str) -> str:
    """The text with every web address cut down to its host: a result's address is a secret for a day."""
    # Whatever stands before the colon, as a scheme or not: "_https", "-https".
    return _ADDRESS.sub(lambda found: host_of(f"x{found[1]}"), text)


def host_of(url: str) -> str:
    """The host of a URL, which may be shown where the URL may not; '' when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

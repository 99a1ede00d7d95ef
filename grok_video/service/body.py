"""The body of an answer, whatever a service or a proxy sent, read as far as it can be read.

Owns where words, codes, addresses, percentages and costs stand in a body, and which words speak of a key,
moderation or credits. What they mean for a job is ``service.answer``'s. Never raises.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from ..core.amount import TICKS_PER_USD
from ..core.record import record
from ..core.redact import mask
from ..core.urls import host_of

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
VIDEO_WORDS = re.compile(
    r"video.{0,80}\b(?:download|fetch|retriev|decod|access|found|expired|unavailable|read)"
    r"|\b(?:download|fetch|retriev|decod|access|read)\w*\b.{0,80}video",
    re.I,
)
_RATE_WORDS = re.compile(r"too many requests|rate limit exceeded", re.I)
_LONGEST_WORDS = 400  # characters of the service's own words that are shown
_LONGEST_BILL = 80  # characters of a bill that is none
_LONGEST_URL = 64 << 10
LONGEST_ID = 200  # characters of a request id
#: What an address without a host looks like. A word in the place of one ("pending", "n/a") names no file.
_PATH = re.compile(r"/.+|(?!n/a$)\S*[/.]\w\S*", re.I)
_LONGEST_WAIT = 300.0  # seconds; a queued job waits for a new word of the user after 600
_MOST_TICKS = 10**5 * TICKS_PER_USD  # a cost beyond 100,000 USD is nonsense
_HTML = re.compile(
    r"^\s*<(?!IMAGE_|AUDIO_)|</\w|<!|<(?:html|head|body|script|style|img|br|p|div)\b", re.I
)
_URL = re.compile(r"https?://[^\s\"'<>`]+", re.I)
_LIKE_KEY = re.compile(r"xai-\w{20}|\*{3}", re.I)
#: Links in the service's words that an artist needs whole; of all others only the host is shown.
_HELP_HOSTS = frozenset({"x.ai", "console.x.ai", "docs.x.ai", "accounts.x.ai"})


@record
class AnswerBody:
    """The body of an answer as far as it could be read."""

    fields: Mapping[str, Any]  # of the JSON object; empty when the body is no JSON object
    code: str  # the service's name for the trouble; '' without one
    words: str  # the service's own words, fit to be shown; '' without any
    html: bool
    listed: list[Any] | None = None  # the body, when the JSON is a list

    @property
    def quoted(self) -> str:
        """The service's words as the end of a sentence (': …'); '' without any."""
        return f": {self.words}" if self.words else ""

    def part(self, name: str) -> Mapping[str, Any]:
        """The JSON object under ``name``; empty without one."""
        value = self.fields.get(name)
        return cast(dict[str, Any], value) if isinstance(value, dict) else {}

    @property
    def videos(self) -> list[Mapping[str, Any]]:
        """Every JSON object that speaks of the clip: ``video``, and the first of ``videos``."""
        more = self.fields.get("videos")
        first = cast(list[Any], more)[0] if isinstance(more, list) and more else None
        return [
            self.part("video"),
            *([cast(dict[str, Any], first)] if isinstance(first, dict) else []),
        ]

    @property
    def withheld(self) -> bool:
        """Whether the body says that moderation keeps the clip back."""
        return any(video.get("respect_moderation") is False for video in self.videos)

    @property
    def has_error(self) -> bool:
        """Whether the body names an error; one that is null or empty is none."""
        return bool(self.fields.get("error") or self.part("data").get("error"))

    @property
    def moderated(self) -> bool:
        """Whether the service's code or words speak of moderation."""
        return bool(_MODERATION_WORDS.search(f"{self.code} {self.words}"))

    @property
    def about_key(self) -> bool:
        return bool(_KEY_WORDS.search(f"{self.code} {self.words}"))

    @property
    def out_of_credits(self) -> bool:
        return bool(_CREDIT_WORDS.search(self.words)) and not _RATE_WORDS.search(self.words)


def read_body(headers: Mapping[str, str], body: bytes) -> AnswerBody:
    """Read any body: the real JSON, the older guide's, plain text, a proxy's page, nothing, or noise."""
    text = body.decode("utf-8-sig", errors="replace")
    try:
        data: Any = json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError):
        html = "html" in _header(headers, "content-type").lower() or bool(_HTML.search(text))
        return AnswerBody({}, "", "" if html else _sentence(text), html)
    if isinstance(data, str):
        return AnswerBody({}, "", _sentence(data), False)
    if isinstance(data, list):
        return AnswerBody({}, "", "", False, cast(list[Any], data))
    if not isinstance(data, dict):
        return AnswerBody({}, "", "", False)
    fields = cast(dict[str, Any], data)
    error = fields.get("error")
    inner = cast(dict[str, Any], error) if isinstance(error, dict) else {}
    code = next(texts(fields.get("code"), inner.get("code"), inner.get("type")), "")
    words = texts(
        error, inner.get("message"), inner.get("error"), fields.get("message"), fields.get("detail")
    )
    return AnswerBody(
        fields, code.strip(), next((w for w in map(_sentence, words) if w), ""), False
    )


def texts(*values: Any) -> Iterator[str]:
    return (value for value in values if isinstance(value, str) and value.strip())


def _whole(digits: str) -> int | float:
    """An integer of JSON; one that is longer than any id is as good as infinite."""
    return int(digits) if len(digits) <= LONGEST_ID else math.inf


def clean(text: str) -> str:
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
    text = clean(text)
    return f"{text}." if text and text[-1] not in ".!?…" else text


def _link(found: re.Match[str]) -> str:
    host = host_of(found.group())
    return found.group() if host in _HELP_HOSTS else host


#: Where a clip's address is looked for, the first that can be fetched counts: docs/api.md, §2. The first alone is of the
#: real service (sure); the last is its own for clips that are kept as files (likely).
def _links(said: AnswerBody) -> Iterator[Any]:
    video, *more = said.videos
    yield video.get("url")
    yield said.fields.get("video_url")
    yield from (one.get("url") for one in more)
    stored = video.get("file_output")
    if isinstance(stored, dict):
        yield cast(dict[str, Any], stored).get("public_url")


def result_url_in(said: AnswerBody, asked: str) -> str:
    """The address of the clip; '' when there is none that can be fetched. ``asked``: the URL that was asked."""
    return next(filter(None, (_fetchable(link, asked) for link in _links(said))), "")


def named_url_in(said: AnswerBody, asked: str) -> str:
    """The address at ``video.url``, of which alone an answer with an unknown status may speak; '' without one."""
    return _fetchable(next(_links(said)), asked)


def _fetchable(link: Any, asked: str) -> str:
    """``link`` as a whole address, or ''. One without a host is the service's own (RFC 3986, 5.2)."""
    if not isinstance(link, str) or len(link) > _LONGEST_URL:
        return ""
    written: str = link.strip()
    try:
        to = urlsplit(written)
        url = written if to.scheme else urljoin(asked, written)
    except ValueError:
        return ""
    if not (to.netloc or _PATH.fullmatch(to.path)):
        return ""
    usable = re.match(r"https?://", url, re.I) and url.isprintable() and host_of(url)
    return url if usable and url != asked else ""  # there is no clip where it was asked for


def ids_in(said: AnswerBody) -> list[str]:
    """What the answer to a POST calls its job, each name once; of any length, and perhaps not fit to be asked for.

    docs/api.md, §2: ``request_id`` is sure, the others are what services of this kind answer (weak).
    """
    if said.fields.get("object") == "model":
        return []  # the answer to another question
    data = said.part("data")
    places = (
        *(said.fields.get(name) for name in ("request_id", "id")),
        *(data.get(name) for name in ("request_id", "id")),
    )
    named = (str(one) for one in places if isinstance(one, str) or type(one) is int)
    return list(dict.fromkeys(name for name in named if name.strip()))


def shown_id(request_id: str) -> str:
    """A request id in quotes, fit to be shown: whole, where it may be one."""
    text = "".join(c if c.isprintable() else "?" for c in request_id[: LONGEST_ID + 1])
    # An id may begin as a key does, which goes on without a dash: masked, it would be lost.
    text = _URL.sub(_link, mask(text) if _LIKE_KEY.search(text) else text)
    return f"“{text}”" if len(text) <= LONGEST_ID else f"“{text[:LONGEST_ID]}…”"


def percent_in(said: AnswerBody) -> int | None:
    value = said.fields.get("progress")
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return int(min(max(value, 0), 100))


def cost_in(said: AnswerBody) -> int | None:
    """The clip's cost in ticks; None unless the service gave a number from 0 to 100,000 USD."""
    ticks = said.part("usage").get("cost_in_usd_ticks")
    if isinstance(ticks, int) and not isinstance(ticks, bool) and 0 <= ticks <= _MOST_TICKS:
        return ticks
    return None


def strange_bill_in(said: AnswerBody) -> str:
    """What the answer says of a cost, as a line for the panel, where ``cost_in`` finds none; '' where it says nothing.

    A negative or a huge amount, a text, another currency: nothing that may be believed, and nothing to be silent about.
    """
    if cost_in(said) is not None:
        return ""
    usage = said.fields.get("usage")
    told = {"usage": usage} if not isinstance(usage, dict) else cast(dict[str, Any], usage)
    told = {**told, **said.fields}
    words = [
        f"{name}: {value}"
        for name, value in told.items()
        if ((name == "usage" and not isinstance(value, dict)) or "cost" in name.lower())
        and value is not None
    ]
    return clean(", ".join(words))[:_LONGEST_BILL]


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the header ``Retry-After`` asks for, 0 to 300; None without a readable one.

    The header may give seconds or a date. Nobody has seen the service send one.
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

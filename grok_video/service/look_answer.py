"""What the service's answers mean for a look: as ``service.answer`` says of a clip, with its picture in ``data``.

Owns the two forms of the answer to a POST, an id to be asked for or the picture at once, and what *Refresh Models*
learns of looks. Nothing that is answered makes it raise.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ..core import events
from ..core.problem import Problem, ProblemCode, of_look
from .answer import (
    NOT_NAMED,
    Named,
    Poll,
    key_answer,
    named_models,
    poll_said,
    spent,
    submit_answer,
)
from .body import AnswerBody, cost_in, ids_in, read_body, result_url_in, strange_bill_in

_WITHHELD = {"respect_moderation": False}
#: Stands for the link of a picture that came in the answer to a poll, until that is read.
_IN_IT = "https://in.the.answer/"
_MODERATED = "xAI made this look and withheld it: its moderation rejected it."
_CHANGE = "Change the prompt or the source before you send it again."
_MOST_PRICES = 100
_LONGEST_NAME = 40  # characters of a resolution or quality
_MOST_TICKS = 10**15


def look_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, asked: str
) -> list[events.Event]:
    """What a complete answer to the POST of a look means; ``now`` is wall time, ``asked`` the URL that was asked.

    A picture in the answer is ``Bought``, or with an id ``Submitted`` and ``Done``: with ``IN_THE_ANSWER`` where
    the answer holds all of the picture (see ``picture_in``). All else is as of a clip.
    """
    said = _read(headers, body)
    if 200 <= status < 300 and "video" in said.fields:
        cost, bill = cost_in(said), strange_bill_in(said)
        ids = ids_in(said)
        url = events.IN_THE_ANSWER if _data_in(said) else result_url_in(said, asked)
        if url and not said.withheld:
            request_id = said.fields.get("request_id")
            known = len(ids) == 1 and ids[0] == request_id
            if known:
                return [events.Submitted(ids[0]), events.Done(url, cost, bill)]
            return [events.Bought(url, cost, bill)]
        if said.withheld and not ids:
            problem = Problem(ProblemCode.MODERATED, said.words or _MODERATED, spent(cost, _CHANGE))
            return [events.Billed(problem, cost, bill)]
    event = submit_answer(status, headers, body, now=now)
    if isinstance(event, events.Submitted):
        return [event]
    return [replace(event, problem=of_look(event.problem, said.words))]


def look_poll(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    asked: str,
    before: Named = NOT_NAMED,
) -> Poll:
    """What a complete answer to the poll of a look means; as ``service.answer.poll_answer``.

    Where the answer holds all of the picture, ``Done`` is with ``IN_THE_ANSWER``, as of an answer to the POST. The
    deferred form is documented with links alone (docs/api.md); a picture that came otherwise was paid for as well.
    """
    said = _read(headers, body)
    in_it = bool(_data_in(said))
    if in_it:
        picture = {**said.part("video"), "url": _IN_IT}
        said = replace(said, fields={**said.fields, "video": picture})
    found = poll_said(status, headers, said, now=now, asked=asked, before=before)
    match found.event:
        case events.Done() as done if in_it:
            return replace(found, event=replace(done, url=events.IN_THE_ANSWER))
        case events.ServiceFailed(problem) | events.Blocked(problem) as event:
            return replace(found, event=replace(event, problem=of_look(problem, said.words)))
        case _:
            return found


def picture_in(body: bytes) -> bytes:
    """The picture that came in an answer itself; b"" where there is none, or nothing that can be decoded."""
    try:
        return base64.b64decode(_data_in(_read({}, body)))
    except (binascii.Error, ValueError):
        return b""


def _data_in(said: AnswerBody) -> str:
    """The base64 of a picture in the answer; '' where there is none."""
    picture = said.part("video")
    bare, url = picture.get("b64_json"), picture.get("url")
    for text in (bare, url if isinstance(url, str) and url[:5].lower() == "data:" else None):
        if isinstance(text, str) and text.strip():
            return text.partition(",")[2] if text[:5].lower() == "data:" else text
    return ""


def _read(headers: Mapping[str, str], body: bytes) -> AnswerBody:
    """The body of an answer with its first picture where a clip would stand. No picture at all is one withheld."""
    said = read_body(headers, body)
    data = said.fields.get("data")
    if isinstance(data, list):
        entries = cast(list[Any], data)
        first = entries[0] if entries else _WITHHELD
    elif isinstance(data, dict) and ("url" in data or "b64_json" in data):
        first = cast(Any, data)
    else:
        return said
    return replace(said, fields={**said.fields, "video": first})


def looks_answer(
    status: int, headers: Mapping[str, str], body: bytes
) -> list[dict[str, Any]] | Problem:
    """What ``GET /v1/image-generation-models`` lists, as ``look_models.listed_from`` reads it back.

    Of each model ``id``, ``name`` where it has one, ``prices`` as [resolution, quality, ticks] and ``longest_prompt``.
    The service tells a price in hundred millionths of a cent, which are ticks.
    """
    said = read_body(headers, body)
    if not 200 <= status < 300 or said.html:
        problem = key_answer(status, headers, body)
        assert problem is not None
        return problem
    return [
        {
            "id": model_id,
            **({"name": name} if name else {}),
            "prices": _prices_in(about),
            "longest_prompt": _whole(about.get("max_prompt_length"), 1 << 20) or 0,
        }
        for model_id, (name, about) in named_models(said).items()
    ]


def _prices_in(about: Mapping[str, Any]) -> list[list[Any]]:
    """The prices of one model; what is no price is left out."""
    pricing = about.get("pricing")
    found: list[list[Any]] = []
    for entry in cast(list[Any], pricing)[:_MOST_PRICES] if isinstance(pricing, list) else []:
        if not isinstance(entry, dict):
            continue
        told = cast(dict[str, Any], entry)
        ticks = _whole(told.get("price_per_image"), _MOST_TICKS)
        resolution, quality = _name(told.get("resolution")), _name(told.get("quality"))
        if ticks is not None and resolution:
            found.append([resolution, quality, ticks])
    return found


def _name(value: Any) -> str:
    """A resolution or a quality in lower case; '' for what is none."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if text.isprintable() and len(text) <= _LONGEST_NAME else ""


def _whole(value: Any, most: int) -> int | None:
    """A whole number from 0 to ``most``, also where JSON writes it with a point; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and 0 <= value <= most else None

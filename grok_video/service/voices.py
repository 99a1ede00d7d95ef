"""The voices of the service: its list of them, and the list in its refusal of a voice that it has not.

Facts (docs/api.md): an unknown id is a 400 that lists the voices (likely; its words are not known), and ids are read in
capitals or not. It must not know sockets, files, clocks or the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..core.problem import Problem
from .answer import key_answer
from .body import AnswerBody, clean, read_body, texts

VOICES_PATH = "/v1/tts/voices"  # lists the voices of speech, which are those of clips (likely)
#: Lists the voices that the account has made, `voices` too, 30 at most (weak).
OWN_VOICES_PATH = "/v1/custom-voices"
_MOST = 200  # voices of a list
_LONGEST = 64  # characters of an id
_ID = re.compile(rf"[^\W_][\w.-]{{0,{_LONGEST - 1}}}")
#: What comes before the list in a sentence.
_BEFORE = re.compile(r".*(?::|\b(?:one of|are)\b)", re.I | re.S)
_QUOTES = re.compile("[][(){}<>\"'`\u2018\u2019\u201c\u201d]")
_BETWEEN = re.compile(r"\s*(?:[,;|]|\band\b|\bor\b)\s*", re.I)


def voices_answer(status: int, headers: Mapping[str, str], body: bytes) -> list[str] | Problem:
    """The ids that ``GET`` of VOICES_PATH or OWN_VOICES_PATH lists, in the service's order. Any shape is read."""
    said = read_body(headers, body)
    if not 200 <= status < 300 or said.html:
        problem = key_answer(status, headers, body)
        assert problem is not None
        return problem
    found: dict[str, str] = {}
    for entry in _listed(said):
        about = cast(dict[str, Any], entry) if isinstance(entry, dict) else {"id": entry}
        voice = next(texts(about.get("voice_id"), about.get("id"), about.get("name")), "").strip()
        if len(voice) <= _LONGEST and voice == clean(voice):
            found.setdefault(voice.casefold(), voice)
        if len(found) == _MOST:
            break
    found.pop("", None)
    return list(found.values())


def _listed(said: AnswerBody) -> Sequence[Any]:
    for inner in (said.fields.get("voices"), said.fields.get("data"), said.listed):
        if isinstance(inner, list):
            return cast(list[Any], inner)
    return ()


def voices_in(words: str) -> tuple[str, ...]:
    """The ids of the voices that a refusal lists; () for words that are about no voice, or list none."""
    if not re.search(r"voice", words, re.I) or (before := _BEFORE.match(words)) is None:
        return ()
    rest = re.split(r"[.!?](?:\s|$)", words[before.end() :], maxsplit=1)[0]
    bare = _QUOTES.sub(" ", rest).strip()
    found: dict[str, str] = {}
    for part in _BETWEEN.split(bare):
        if _ID.fullmatch(part):  # an id that was cut off ends with "…"
            found.setdefault(part.casefold(), part)
    return tuple(found.values()) if len(found) > 1 else ()

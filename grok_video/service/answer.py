"""What the service's answers mean: (status, headers, body) become an event of a job, or a problem.

Owns what each answer means for a job or a question. Nothing that a service or a proxy answers makes it raise. It
must not know sockets, files, clocks or the ledger.

What each fact rests on: docs/api.md. Facts are sure but for those called likely. Two shapes are understood: the
real one and the older guide's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any, cast

from ..core import events
from ..core.amount import usd
from ..core.problem import LOST_HINT, Problem, ProblemCode
from ..core.record import record
from .body import (
    LONGEST_ID,
    VIDEO_WORDS,
    AnswerBody,
    clean,
    cost_in,
    ids_in,
    named_url_in,
    percent_in,
    read_body,
    result_url_in,
    retry_after,
    shown_id,
    strange_bill_in,
    texts,
)

#: Words of ``status`` (sure: pending done failed expired; the guide: processing; success finished ready weak; the rest
#: likely), as ``_word_in`` writes them.
_RUNNING = frozenset({"pending", "processing", "queued", "in_progress", "running"})
_DONE = frozenset({"done", "completed", "succeeded", "success", "finished", "ready"})
_FAILED = frozenset({"failed", "expired", "error", "cancelled", "canceled"})
#: Answers to a POST that started nothing, so nothing was charged. 429 is decided by its words.
_REJECTING = frozenset({400, 401, 403, 404, 405, 413, 415, 422})
#: Answers to a poll that pass by themselves. Not for a POST: 408 and 409 do not tell that nothing was started.
_PASSING = frozenset({408, 409, 425})
#: Polls running in which a status that is not known has to come with one link, to be taken for *done*.
_ENOUGH_POLLS = 3
_LONGEST_NAME = 128  # characters of a model's id or name
_MOST_MODELS = 100
_FREE = "Nothing was charged."
_KEY_HINT = "Check the API key in the preferences."
_BASE_HINT = "Check the API base URL in the preferences."
_CREDIT_HINT = "Add credits or raise the spending limit in the xAI console."
_MODERATED_HINT = "Change the prompt or the source before you send it again."
_IDS_HINT = "Recover by Request ID asks for an id that you enter, free. Send Again makes and charges a new clip."
_BLOCKED_HINT = "The job is kept and asked for again by itself."


def submit_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, named: bool = False
) -> events.Submitted | events.Rejected | events.NotSent | events.AnswerLost | events.Billed:
    """What a complete answer to the POST means (docs/safety.md, rule 2); ``now`` is wall time.

    ``named``: the source video was named by its URL and not uploaded.
    Only answers that are known to start nothing say so; everything else may have been bought.
    """
    said = read_body(headers, body)
    if 200 <= status < 300:
        ids = ids_in(said)
        if len(ids) == 1 and _can_be_asked_for(ids[0]) and not said.has_error:
            return events.Submitted(ids[0])
        return _lost(status, f"xAI answered {status} {_of_ids(ids, said)}", said, ids)
    if _is_billed(said) and (status in (425, 429) or status in _REJECTING):
        refused = _refusal(status, said, named=named)
        hint = refused.hint.removeprefix(_FREE).strip()
        problem = replace(refused, hint=spent(cost_in(said), hint))
        return events.Billed(problem, cost_in(said), strange_bill_in(said))
    if status == 425 or (status == 429 and not said.out_of_credits):
        problem = Problem(
            ProblemCode.RATE,
            said.words or "xAI is asked too often at the moment.",
            f"{_FREE} It is sent again by itself.",
            http_status=status,
        )
        return events.NotSent(problem, retry_after(headers, now) or 0.0)
    if status == 429 or status in _REJECTING:
        return events.Rejected(_refusal(status, said, named=named))
    return _lost(status, f"xAI answered {status}{said.quoted}", said)


def _is_billed(said: AnswerBody) -> bool:
    """Whether an error says what it cost (sure of moderated pictures), be it in a way that cannot be read."""
    if (cost := cost_in(said)) is not None:
        return cost > 0
    return said.fields.get("usage") is not None and bool(strange_bill_in(said))


def _can_be_asked_for(request_id: str) -> bool:
    """Whether ``request_id`` survives in a URL's path, from which dots alone are taken, quoted or not (measured)."""
    whole = request_id.isprintable() and len(request_id) <= LONGEST_ID
    return whole and request_id.strip() not in ("", ".", "..")


def _of_ids(ids: list[str], said: AnswerBody) -> str:
    """What is wrong with the ids of a good answer to a POST. They are shown: nowhere else could they be found again."""
    if not ids:
        return f"without a request id{said.quoted}"
    shown = " and ".join(map(shown_id, ids))
    if len(ids) > 1:
        return f"with {len(ids)} request ids that differ, {shown}{said.quoted}"
    if said.has_error:
        return f"with the request id {shown} and with an error{said.quoted}"
    if len(ids[0]) > LONGEST_ID:
        return f"with a request id that is far too long, {shown}"
    return f"with a request id that cannot be asked for, {shown}"


def names_job(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the body of an answer to a POST holds an id, good or not."""
    return bool(ids_in(read_body(headers, body)))


@record
class Named:
    """A link that came with a status that is not known, and in how many polls running."""

    link: str = field(default="", repr=False)  # secret for a day
    times: int = 0

    def again(self, link: str) -> Named:
        """What is known after one more poll, which named ``link``, or '' for none."""
        if not link:
            return NOT_NAMED
        return Named(link, self.times + 1 if link == self.link else 1)


NOT_NAMED = Named()


@record
class Poll:
    """What the answer to a poll means for a job: an event, when to ask again, a note."""

    event: (
        events.Progress | events.Done | events.ServiceFailed | events.Blocked | None
    )  # None: nothing new, ask again
    wait: float | None = None  # seconds that the service asked for
    note: str = ""  # a warning for the log
    bill: str = ""  # what the service said of the cost, where that is no amount
    named: Named = NOT_NAMED  # for the next poll of the job


def poll_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    asked: str = "",
    before: Named = NOT_NAMED,
) -> Poll:
    """What a complete answer to a poll means; ``now`` is wall time.

    ``asked``: the URL that was asked; without it a link that is no whole address is none.
    ``before``: ``Poll.named`` of the poll before this one; none after a poll that was not answered.
    Whatever is not clearly an end keeps the job: asking again is free.
    """
    return poll_said(status, headers, read_body(headers, body), now=now, asked=asked, before=before)


def poll_said(
    status: int,
    headers: Mapping[str, str],
    said: AnswerBody,
    *,
    now: float,
    asked: str,
    before: Named,
) -> Poll:
    """What ``poll_answer`` says of a body that was read."""
    wait = retry_after(headers, now)
    if 200 <= status < 300:
        event, note, named = _outcome(status, said, asked, before)
        return Poll(event, wait, note, strange_bill_in(said), named)
    # Only JSON counts: a text or a page that speaks of moderation may be a proxy's, and would end the job.
    if status in (400, 403, 422) and said.fields and (said.moderated or cost_in(said)):
        ended = _ended("failed", said)
        problem = replace(ended.problem, http_status=status)
        return Poll(replace(ended, problem=problem), wait, bill=strange_bill_in(said))
    if status >= 500 or status in _PASSING or (status == 429 and not said.out_of_credits):
        return Poll(None, wait, f"the poll was answered {status}{said.quoted}")
    return Poll(events.Blocked(_blocked(status, said)), wait)


def key_answer(status: int, headers: Mapping[str, str], body: bytes) -> Problem | None:
    """What ``GET /v1/api-key`` says of the key; None when it is good. Asking is free."""
    said = read_body(headers, body)
    if 200 <= status < 300:
        for flag, what in (
            ("api_key_blocked", "This API key is blocked."),
            ("api_key_disabled", "This API key is disabled."),
            ("team_blocked", "The team of this API key is blocked."),
        ):
            if said.fields.get(flag) is True:
                hint = "The xAI console says why."
                return Problem(ProblemCode.KEY, what, hint, http_status=status)
        if said.html:
            what = "A web page answered in place of xAI."
            return Problem(ProblemCode.NETWORK, what, _BASE_HINT, http_status=status)
        return None
    if status >= 500 or status in _PASSING or (status == 429 and not said.out_of_credits):
        return Problem(
            ProblemCode.RATE if status == 429 else ProblemCode.SERVICE,
            said.words or f"xAI answered {status}.",
            "Try again in a minute.",
            http_status=status,
        )
    return _refusal(status, said)


def named_models(said: AnswerBody) -> dict[str, tuple[str, dict[str, Any]]]:
    """The models that an answer lists: id -> name ('' without one) and all that is said of the model.

    In the service's order. Any shape is read, and never more than is worth showing.
    """
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for entry in _listed(said):
        about = cast(dict[str, Any], entry) if isinstance(entry, dict) else {"id": entry}
        name = next(texts(about.get("name"), about.get("label")), "")
        model_id = next(texts(about.get("id"), about.get("model"), name), "").strip()
        # An id that ``clean`` changes (masked, cut, not printable) would name no model in a request.
        if model_id and len(model_id) <= _LONGEST_NAME and model_id == clean(model_id):
            found.setdefault(model_id, (clean(name)[:_LONGEST_NAME], about))
        if len(found) == _MOST_MODELS:
            break
    return found


def models_answer(
    status: int, headers: Mapping[str, str], body: bytes
) -> list[dict[str, str]] | Problem:
    """What ``GET /v1/video-generation-models`` lists: each with its ``id``, and a ``name`` where it has one."""
    said = read_body(headers, body)
    if not 200 <= status < 300 or said.html:
        problem = key_answer(status, headers, body)
        assert problem is not None
        return problem
    return [
        {"id": model_id, **({"name": name} if name else {})}
        for model_id, (name, _) in named_models(said).items()
    ]


def _listed(said: AnswerBody) -> list[Any]:
    """The list of an answer, wherever it stands."""
    for inner in (said.fields.get("models"), said.fields.get("data"), said.listed):
        if isinstance(inner, list):
            return cast(list[Any], inner)
        if isinstance(inner, dict):
            return list(cast(dict[str, Any], inner))
    return []


def _outcome(
    status: int, said: AnswerBody, asked: str, before: Named
) -> tuple[events.Progress | events.Done | events.ServiceFailed, str, Named]:
    """The event of a 2xx poll, a warning for the log, and what the next poll is to know."""
    word = _word_in(said)
    running = events.Progress(percent_in(said), cost_in(said))
    if status == 202:  # running, whatever the body says or whether there is one
        return running, "", NOT_NAMED
    if word in _FAILED:
        return _ended(word, said), "", NOT_NAMED
    url = result_url_in(said, asked)
    if word in _DONE or (not word and (url or said.withheld)):
        return _finished(url, said), "", NOT_NAMED
    if word and word not in _RUNNING:
        note = f"the status {clean(word)!r} is not known"
        named = before.again("" if said.withheld else named_url_in(said, asked))
        if named.times >= _ENOUGH_POLLS:
            # A word of *done* that nobody told us: a clip that runs has no link, or another one each time.
            done = _finished(named.link, said)
            return done, f"{note}, but names the same link for the third time", NOT_NAMED
        return running, f"{note} and is taken as running", named
    note = ""
    if not word and (said.words or not said.fields):
        note = f"the poll was answered {status} with nothing that is known{said.quoted}"
    return running, note, NOT_NAMED


def _word_in(said: AnswerBody) -> str:
    """The status in lower case, with underscores for blanks and dashes; '' without one."""
    status = said.fields.get("status")
    if status is None:
        return ""
    plain = isinstance(status, str | int | float)
    return re.sub(
        r"[\s_-]+", "_", (str(status) if plain else type(status).__name__).strip().lower()
    )


def _finished(url: str, said: AnswerBody) -> events.Done | events.ServiceFailed:
    """A job that the service calls done: with a clip, moderated, or with nothing at all."""
    cost = cost_in(said)
    null = "video" in said.fields and said.fields["video"] is None  # one way to say moderated
    if said.withheld or (null and not url):
        return events.ServiceFailed(_moderated(said.words, cost), cost)
    if url:
        return events.Done(url, cost)
    # Done without an address: taken for running, the job would be polled for ever.
    problem = Problem(
        ProblemCode.SERVICE,
        "xAI says that the clip is done, but gave no address to fetch it from.",
        spent(cost, "Ask xAI with the request id, or send it again."),
    )
    return events.ServiceFailed(problem, cost)


def _ended(word: str, said: AnswerBody) -> events.ServiceFailed:
    """A job that the service calls failed or expired."""
    cost = cost_in(said)
    if said.moderated or said.withheld:
        return events.ServiceFailed(_moderated(said.words, cost), cost)
    if word == "expired":
        code, what = ProblemCode.EXPIRED, "The job expired at xAI before there was a clip."
        hint = "Send it again."
    elif word in ("cancelled", "canceled"):
        code, what = ProblemCode.SERVICE, "The job was cancelled at xAI."
        hint = "Send it again."
    elif said.code in ("invalid_argument", "permission_denied", "failed_precondition"):
        # Final: the service will say the same to the same request.
        code, what = ProblemCode.REQUEST, "xAI could not make this clip and did not say why."
        hint = "Change the prompt, the source or the settings before you send it again."
    else:  # internal_error, service_unavailable; the guide: no reason at all
        code, what = ProblemCode.SERVICE, "xAI failed to make this clip and did not say why."
        hint = "It may work when it is sent again."
    problem = Problem(code, said.words or what, spent(cost, hint))
    return events.ServiceFailed(problem, cost)


def _moderated(words: str, cost: int | None) -> Problem:
    return Problem(
        ProblemCode.MODERATED,
        words or "xAI made this clip and withheld it: its moderation rejected it.",
        spent(cost, _MODERATED_HINT),
    )


def _refusal(status: int, said: AnswerBody, *, named: bool = False) -> Problem:
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
    elif status in (400, 404, 422) and VIDEO_WORDS.search(words):
        code, what = ProblemCode.REQUEST, ""
        # True of Send Again: the worker names no URL when the job that is sent again was refused.
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
    return Problem(code, words or what, f"{_FREE} {hint}", http_status=status)


def _blocked(status: int, said: AnswerBody) -> Problem:
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


def _lost(status: int, what: str, said: AnswerBody, ids: Sequence[str] = ()) -> events.AnswerLost:
    problem = Problem(
        ProblemCode.ANSWER_LOST,
        f"{what.rstrip('.')}. The request had left, so it may have been charged.",
        _IDS_HINT if ids else LOST_HINT,
        http_status=status,
    )
    return events.AnswerLost(problem, cost_in(said) or None)


def spent(cost: int | None, hint: str) -> str:
    """The hint after what is known of the cost of a job that the service took."""
    if cost is None:
        return f"It may have been charged. {hint}"
    return f"It cost {usd(cost)}. {hint}" if cost else f"{_FREE} {hint}"

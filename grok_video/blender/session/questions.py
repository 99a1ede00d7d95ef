"""Questions to the worker that are no jobs: is the key good, which models may it use; and changes of the limits.

Owns what was asked last. The answers are notices in the ledger, so that nothing waits for an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from ...ledger.reader import looks_notice
from ...service.look_models import ListedLook, listed_from
from .. import config
from ..refusal import Refused
from . import waiting
from .queue import account, read_all, refuse_hopeless, send
from .state import Question, current


def ask_service(question: Question) -> None:
    """Ask whether the key is good, or which models it may use; ``answer_to`` has the answer later. Raises Refused."""
    bridge = current().bridge
    bridge.worker.ensure(account())
    question.asked = send(question.command, account=config.account(), session=bridge.session)


def answer_to(question: Question) -> Mapping[str, object] | None:
    """The answer to a question when it was last asked, {"ok": bool, "message": str, …}; None before there is one."""
    return current().bridge.notice(question.asked) if question.asked else None


def models_of_key() -> list[str]:
    """The names of the models that the key may use, as the service last said; [] before it was asked."""
    answer = answer_to(current().questions.models)
    named = answer.get("models") if answer is not None else None
    if not isinstance(named, list):
        return []
    return [str(model["id"]) for model in named if isinstance(model, dict) and "id" in model]


def listed_looks() -> tuple[ListedLook, ...]:
    """The models for looks as the service last listed them to this key, with its prices; () before it was asked.

    Whichever Blender asked: the worker prices each look by the same list when the look is sent.
    """
    return listed_from(current().bridge.notice(looks_notice(config.account())))


def set_limits(**ticks: int) -> None:
    """Change the spending limits ``day`` or ``month`` (ticks; 0: no limit); scripts wait until they are in the ledger.

    Called by a property, so nothing is raised: ``limits_trouble`` says what went wrong.
    """
    own = current().questions
    own.limits_trouble = ""
    try:
        fields: dict[str, Any] = dict(ticks)
        own.limits.asked = send(own.limits.command, **fields)
        if bpy.app.background:
            waiting.until(lambda: answer_to(own.limits), _read_on)
    except Refused as error:
        own.limits_trouble = str(error)


def _read_on() -> None:
    refuse_hopeless()
    read_all()
    current().bridge.worker.ensure(account())


def limits_trouble() -> str:
    """'' or why the limits are not as they were last entered."""
    own = current().questions
    answer = answer_to(own.limits)
    if answer is not None and not answer["ok"]:
        return str(answer["message"])
    return own.limits_trouble

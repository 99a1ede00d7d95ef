"""What is asked of the worker and is no job: is the key good, which models may it use, shall the limits be so.

Owns what was asked last; the answers are in the ledger, so that nothing waits for them.
"""

from __future__ import annotations

from collections.abc import Mapping

import bpy

from .. import config
from ..refusal import Refused
from . import waiting
from .queue import account, read_all, refuse_hopeless, send
from .state import Question, current


def ask_service(question: Question) -> None:
    """Ask whether the key is good, or which models it may use; ``answer_to`` has it later. Raises Refused."""
    current().bridge.worker.ensure(account())
    question.asked = send(question.command, account=config.account())


def answer_to(question: Question) -> Mapping[str, object] | None:
    """{"ok": bool, "message": str} and more, of the last time it was asked; None before there is one."""
    return current().bridge.notice(question.asked) if question.asked else None


def models_of_key() -> list[str]:
    """The models that the service named; [] before it was asked."""
    answer = answer_to(current().questions.models)
    named = answer.get("models") if answer is not None else None
    if not isinstance(named, list):
        return []
    return [str(model["id"]) for model in named if isinstance(model, dict) and "id" in model]


def set_limits(**ticks: int) -> None:
    """Change ``day`` or ``month``; 0: no limit. Scripts wait for the ledger's word; windows see it on a tick.

    Called by a property, so nothing is raised: what goes wrong is said in the preferences.
    """
    own = current().questions
    own.limits_trouble = ""
    try:
        own.limits.asked = send(own.limits.command, **ticks)
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

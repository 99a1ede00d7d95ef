"""Questions to the service that have no job: is the key good, which models may it use."""

from __future__ import annotations

from collections.abc import Mapping

from .. import config
from .queue import account, send
from .state import current


def check_connection() -> None:
    """Ask the service whether the key is good; the answer is ``connection_answer()`` later."""
    session = current()
    session.bridge.ensure_worker(account())
    session.check = send("check", account=config.account())


def connection_answer() -> Mapping[str, object] | None:
    """{"ok": bool, "message": str} of the last check; None before there is one."""
    session = current()
    return session.bridge.notice(session.check) if session.check else None


def refresh_models() -> None:
    """Ask the service which models the key may use; the answer is ``models_answer()`` later."""
    session = current()
    session.bridge.ensure_worker(account())
    session.models_asked = send("models", account=config.account())


def models_answer() -> Mapping[str, object] | None:
    """{"ok": bool, "message": str, "models": [{"id": str}]} of the last question; None before there is one."""
    session = current()
    return session.bridge.notice(session.models_asked) if session.models_asked else None


def models_of_key() -> list[str]:
    """The models that the service named; [] before it was asked."""
    answer = models_answer()
    named = answer.get("models") if answer is not None else None
    if not isinstance(named, list):
        return []
    return [str(model["id"]) for model in named if isinstance(model, dict) and "id" in model]

"""Questions to the service that have no job: is the key good, which models may it use, which voices are there. All free.

Owns which questions wait, whose they are, and the sentence that answers each.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.problem import Problem
from ..core.redact import mask
from ..ledger.errors import LedgerError
from ..ledger.reader import looks_notice
from ..service.answer import key_answer, models_answer
from ..service.look_answer import looks_answer
from ..service.request import KEY_PATH, LOOK_MODELS_PATH, MODELS_PATH
from ..service.voices import OWN_VOICES_PATH, VOICES_PATH, voices_answer
from .desk import Desk, RunningCall
from .http.call import Call
from .http.errors import TransportError
from .http.transport import Transport

#: Commands that are answered by the service -> where it is asked, and what its answer means.
_ASKED: dict[str, tuple[str, Callable[[int, Mapping[str, str], bytes], Any]]] = {
    "check": (KEY_PATH, key_answer),
    "models": (MODELS_PATH, models_answer),
    "voices": (VOICES_PATH, voices_answer),
}
QUESTIONS = frozenset(_ASKED)


class Questions:
    """Questions to the service that this worker has taken up and not answered yet."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: deque[tuple[Path, dict[str, Any]]] = deque()
        #: Commands of which the first list has been answered and the second is still to be asked for: looks after
        #: clips, the account's own voices after the service's.
        self._first: dict[str, Mapping[str, Any]] = {}

    @property
    def ids(self) -> set[str]:
        """The ids of the commands that ask the waiting questions."""
        return {command["id"] for _, command in self._waiting}

    def take_up(self, path: Path, command: dict[str, Any]) -> None:
        """Take up a question about this worker's account; after 30 s refuse one about another account.

        Until then, and as long as another Blender that asks lives, the question is left to that Blender's worker, which
        may be slow to start.
        """
        account = self._desk.account
        if account is None:
            return  # Blender says so in the first line that a worker reads
        if command.get("account") not in (account.fingerprint, None):
            if time.time() - _created(path) > 30.0 and not self._is_anothers(command):
                self._refuse(path, command, "The key has changed meanwhile; try again.")
        elif not account.key or account.transport is None:
            self._refuse(path, command, "There is no API key: enter one in the preferences.")
        elif not self._desk.online:
            self._refuse(
                path,
                command,
                "Online access is off: allow it in Blender's preferences under System, Network.",
            )
        else:
            self._waiting.append((path, command))

    def _is_anothers(self, command: Mapping[str, Any]) -> bool:
        asker = str(command.get("session", ""))
        return asker != self._desk.session and self._desk.ledger.leases.session_alive(asker)

    def start(self) -> float:
        """Ask the first question, if a call may start; returns the monotonic time of the next look."""
        waiting, self._waiting = self._waiting, deque()
        # Once more for each: key and online access may have changed while a question waited for a slot.
        for path, command in waiting:
            self.take_up(path, command)
        if not self._waiting:
            return math.inf
        wait = self._desk.slot("check")
        if wait:
            return time.monotonic() + wait
        path, command = self._waiting.popleft()
        call = RunningCall("check", str(command["id"]), Call(), command=command, path=path)
        again = command["id"] in self._first
        work = _ASKED_THEN[command["command"]] if again else ask
        self._desk.start(call, work, self._desk.transport)
        return math.inf

    def answered(self, call: RunningCall) -> None:
        """Put the answer that the thread of a question found on record, for the Blender that asked."""
        assert call.command is not None
        assert call.path is not None
        answer = call.answer or {"ok": False, "message": "The program failed; its log says more."}
        command_id, asked = call.command["id"], call.command["command"]
        first = self._first.pop(command_id, None)
        if first is None and asked in _ASKED_THEN and (answer["ok"] or asked == "voices"):
            # The second call takes a slot of its own. The question is on record with both answers.
            self._first[command_id] = answer
            self._waiting.appendleft((call.path, dict(call.command)))
            return
        if first is not None and asked == "voices":
            answer = _with_own(first, answer.get("own_voices", ()))
        elif first is not None:
            looks = answer.get("looks", ())
            answer = _with_looks(first, looks)
            self._note_looks(str(call.command.get("account")), looks)
        try:
            self._settle(call.path, call.command, answer)
        except LedgerError as error:
            # The question's file is still in the inbox, and the next look takes up the question again.
            self._desk.say(str(error))

    def _note_looks(self, account: str, looks: Sequence[Any]) -> None:
        """Keep a list for every Blender with that key: looks are priced by the list, at the click and when they are sent."""
        if not looks:
            return
        try:
            self._desk.ledger.notice(looks_notice(account), {"looks": list(looks)})
        except LedgerError as error:
            self._desk.say(str(error))

    def _refuse(self, path: Path, command: Mapping[str, Any], message: str) -> None:
        self._settle(path, command, {"ok": False, "message": message})

    def _settle(self, path: Path, command: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        self._first.pop(command["id"], None)
        asked = str(command.get("command"))
        lists = {"models": ("models", "looks"), "voices": ("voices", "own_voices")}.get(asked, ())
        nothing: dict[str, Any] = {name: [] for name in lists}
        self._desk.ledger.commands.answer(command, {**nothing, **answer})
        with contextlib.suppress(OSError):  # a scanner has the file: removed at the next look
            path.unlink()


def ask(call: RunningCall, _desk: Desk, transport: Transport) -> None:
    """In a thread: ask what the command wants to know."""
    assert call.command is not None
    asked = call.command["command"]
    path, meaning = _ASKED[asked]
    try:
        answer = transport.get(path, call.call)
    except TransportError as error:
        call.answer = {"ok": False, "message": error.problem.message}
        return
    match meaning(answer.status, answer.headers, answer.body):
        case Problem() as said:
            text = f"{said.message} {said.hint}".strip()
            call.answer = {"ok": False, "message": mask(text)}
        case None:
            call.answer = {"ok": True, "message": "The key is good."}
        case []:
            call.answer = {"ok": False, "message": f"The service named no {asked}."}
        case listed:
            count = f"1 {asked[:-1]}" if len(listed) == 1 else f"{len(listed)} {asked}"
            message = f"The key may use {count}."
            call.answer = {"ok": True, "message": message, asked: listed}


def ask_looks(call: RunningCall, _desk: Desk, transport: Transport) -> None:
    """In a thread: ask which models for looks the key may use. A service that has none says nothing of them."""
    try:
        answer = transport.get(LOOK_MODELS_PATH, call.call)
    except TransportError:
        return
    said = looks_answer(answer.status, answer.headers, answer.body)
    if not isinstance(said, Problem):
        call.answer = {"looks": said}


def ask_own_voices(call: RunningCall, _desk: Desk, transport: Transport) -> None:
    """In a thread: ask which voices are the account's own. A key that may not read them says nothing of them."""
    try:
        answer = transport.get(OWN_VOICES_PATH, call.call)
    except TransportError:
        return
    said = voices_answer(answer.status, answer.headers, answer.body)
    if not isinstance(said, Problem):
        call.answer = {"own_voices": said}


#: Questions of two lists -> how the second is asked for.
_ASKED_THEN: dict[str, Callable[..., None]] = {"models": ask_looks, "voices": ask_own_voices}


def _with_own(first: Mapping[str, Any], own: Sequence[Any]) -> dict[str, Any]:
    """The answer about the service's voices, be it a refusal, and what is known of the account's own."""
    if not own:
        return dict(first)
    count = "1 voice is" if len(own) == 1 else f"{len(own)} voices are"
    message = f"{first['message']} {count} the account's own."
    return {**first, "ok": True, "message": message, "own_voices": list(own)}


def _with_looks(clips: Mapping[str, Any], looks: Sequence[Any]) -> dict[str, Any]:
    """The answer about the models for clips, and what is known of those for looks."""
    more = f" {len(looks)} more make looks." if looks else ""
    return {**clips, "message": f"{clips['message']}{more}", "looks": list(looks)}


def _created(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()

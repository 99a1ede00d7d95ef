"""What the worker does with a command of Blender's: applies it, takes it up as a question, or refuses it.

What a command does to a job is ``ledger.commands``'s, and how a question is asked of the service ``questions``'s.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from pathlib import Path
from typing import Any

from ..ledger.errors import CommandRefused, LedgerError
from ..ledger.inbox import Inbox, set_command_aside
from .desk import Desk
from .questions import QUESTIONS, Questions

#: Seconds for which commands are taken before the worker looks what else is due.
TAKES = 0.1


def take_commands(inbox: Inbox, desk: Desk, questions: Questions) -> bool:
    """Do what waits in the inbox, for a moment; whether there was anything. Raises LedgerError: then the file stays.

    A call that reports ends that at once: the id of what was paid for is on record before the next command is.
    """
    until, taken = time.monotonic() + TAKES, False

    def enough() -> bool:
        return time.monotonic() >= until or desk.reported.is_set()

    for path, command in inbox.take(enough):
        taken = True
        take_command(path, command, desk, questions)
    return taken


def take_command(path: Path, command: dict[str, Any], desk: Desk, questions: Questions) -> None:
    """Do what the command in the file at ``path`` says, once. Raises LedgerError: then the file stays.

    The file of a question stays until the answer is on record: should this worker end, another one asks.
    """
    if command["id"] in questions.ids or any(
        call.command is not None and call.command["id"] == command["id"]
        for call in desk.running.values()
    ):
        return
    try:
        if command.get("command") not in QUESTIONS:
            desk.ledger.commands.apply(command)
        elif not desk.ledger.commands.done(command["id"]):
            questions.take_up(path, command)
            return
    except CommandRefused as error:
        desk.log(f"a command was refused: {error}")
        _put_by(path, command, str(error), desk)
        return
    except LedgerError:
        raise  # the loop says so and tries again
    except Exception:
        # A bug: left in the inbox, the file would end every worker of every Blender.
        desk.log(f"a command could not be read:\n{traceback.format_exc()}")
        _put_by(path, command, "The command could not be read.", desk)
        return
    # Windows: a scanner may have the file open. The command was applied once; the next look removes its file.
    with contextlib.suppress(OSError):
        path.unlink()


def _put_by(path: Path, command: dict[str, Any], words: str, desk: Desk) -> None:
    """Answer a command that cannot be done, and move its file out of the inbox."""
    desk.ledger.commands.answer(command, {"ok": False, "message": words})
    set_command_aside(path)

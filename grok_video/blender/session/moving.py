"""Another folder for the job list: by the artist's press or a script, through one rule, in a process of its own.

Owns the preference *Job List Folder* while the add-on runs: the folder changes only once the list is there.
"""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from ...core.amount import usd
from ...core.files import default_data_dir
from ...core.legible import tell
from ...ledger.inbox import holds_commands
from ...ledger.place import holds_list
from ...ledger.whereabouts import STAYS, at_work
from .. import config
from ..folders import understood
from ..refusal import Refused
from . import waiting
from .bridge import Bridge
from .move_process import MoveProcess
from .queue import list_refusal, read_all, refuse_moving
from .series import forget_all
from .spending import sums_now
from .state import current, running
from .watch import redraw, report, watch

#: Seconds in which a living worker takes up what was said.
_WORDS_TAKEN_UP = 5.0


def begin(folder: str) -> None:
    """Let the list move to ``folder`` ('': the system's), or the list that is there be opened. Raises Refused.

    Scripts in the background wait for the end, and are refused where that is none.
    """
    session = current()
    refuse_moving()
    target, folder = target_of(folder)
    if list_refusal() and target == session.bridge.data_dir:
        session.moving.message = ""
        _keep(folder)  # the list that is open for want of the folder that the preference names
        return
    if session.click.queue or session.shot_batch.press is not None:
        raise Refused(f"{STAYS} the source of a clip is being prepared.", "Wait until it is done.")
    if bpy.app.background:
        read_all()
        # A worker may just be taking up the script's last word.
        inbox_of = session.bridge.data_dir
        waiting.until(lambda: not holds_commands(inbox_of), look, _WORDS_TAKEN_UP)
    if words := _refusal(target):
        raise Refused(words)
    own = session.moving
    own.message, own.folder = "", folder
    try:
        own.process = MoveProcess(session.bridge.data_dir, target)
    except OSError as error:
        raise Refused(f"{STAYS} no process can be started: {error.strerror}.") from error
    session.bridge.worker.rest()
    session.bridge.reader.let_go()  # nothing is read meanwhile, and the file may be damaged
    if not bpy.app.background:
        watch()
        return
    waiting.until(lambda: own.process is None, look)
    if own.message:
        raise Refused(own.message)


def target_of(typed: str) -> tuple[Path, str]:
    """The folder that was typed, and what the preference will be for it; '' for the system's. Raises Refused."""
    line = typed.rstrip("\r\n")
    try:
        target = understood(typed)
    except Refused as error:
        raise Refused(f"{STAYS} {error}") from error
    folder = "" if target is None else str(target)
    # The preference is read without them, by 0.1.0 too. At the end of a whole path they may belong to the name.
    if folder != folder.strip() or (os.path.isabs(line) and line != line.rstrip()):
        raise Refused(f"{STAYS} “{line}” begins or ends with a blank.")
    return target or default_data_dir(), folder


def _refusal(target: Path) -> str:
    """'' or a sentence why the list cannot move now, as far as Blender knows; the process looks again."""
    bridge = current().bridge
    if bridge.reader.elsewhere:
        return ""
    if bridge.folder.lost:  # and with it what was under way in it
        return "" if _holds_list(target) else bridge.folder.trouble
    if words := at_work(bridge.snapshot.all):
        return words
    if bridge.reader.behind or holds_commands(bridge.data_dir):
        return f"{STAYS} what you asked for last is not in the list yet. Try again in a moment."
    return ""


def look() -> bool:
    """Go on with a move that is under way; True when there is something new to show."""
    session = current()
    own = session.moving
    process = own.process
    if process is None:
        return False
    before = process.progress
    if not process.look():
        return process.progress != before
    own.process = None
    if process.failed:
        _say(process.failed)
        session.bridge.worker.rest_no_more()
    else:
        _take(process)
    watch()
    return True


def _take(process: MoveProcess) -> None:
    """Go over to the list in the new folder."""
    session, preferences = current(), config.preferences()
    session.bridge.close()
    session.bridge = Bridge(process.target)
    forget_all()
    _keep(session.moving.folder)
    unseen_yet = process.ended == "OPENED" or (process.ended == "MOVED" and preferences.unseen_list)
    preferences.unseen_list = str(process.target) if unseen_yet else ""
    words = {
        "MOVED": f"The job list is in {process.target} now.",
        "OPENED": f"The job list in {process.target} is open now. Nothing was moved or merged.",
    }.get(process.ended, f"The job list will be kept in {process.target}.")
    report(words, bad=False)
    if bpy.app.background and process.ended == "OPENED":
        read_all()
        tell(f"Grok Video: {unseen()}")


def _keep(folder: str) -> None:
    """Let the preference say ``folder`` from now on, also in the next Blender."""
    current().moving.kept = folder
    config.preferences().ledger_dir = folder
    bpy.context.preferences.is_dirty = True  # or Blender would not save them by itself


def stop() -> None:
    """Stop a move; the process says how it ended."""
    process = current().moving.process
    if process is not None:
        process.stop()


def chosen() -> None:
    """Follow the preference, which a script has set: it keeps its value until the list is there, or for good.

    Called by a property, so nothing is raised: ``Moving.message`` says what went wrong.
    """
    session = running()
    preferences = config.preferences()
    wanted = preferences.ledger_dir.strip()
    if session is None or wanted == session.moving.kept:
        return
    preferences.ledger_dir = session.moving.kept  # calls this function again, which returns above
    try:
        same = target_of(wanted)[0] == session.bridge.data_dir
        if same and session.moving.kept and not list_refusal():
            return  # the same folder, spelled otherwise
        begin(wanted)
    except Refused as error:
        _say(str(error))
        tell(f"Grok Video: {error}")


def _say(words: str) -> None:
    current().moving.message = words
    report(words, bad=True)
    redraw()


def _holds_list(folder: Path) -> bool:
    try:
        return holds_list(folder)
    except OSError as error:
        raise Refused(f"{STAYS} {folder} cannot be read: {error.strerror}.") from error


def would(folder: Path) -> tuple[str, ...]:
    """The question before the list moves to ``folder``: its title, then its sentences. Raises Refused."""
    bridge = current().bridge
    if _holds_list(folder):
        return (
            "Open the List in That Folder?",
            f"{folder} holds a list of clips already.",
            "It is opened as it is, with its own limits and sums, which you are shown before the first purchase.",
            f"Nothing is merged: the present list stays in {bridge.data_dir}.",
        )
    clips = len(bridge.snapshot.all)
    return (
        "Move the Job List?",
        f"{'1 clip' if clips == 1 else f'{clips} clips'}, {usd(sums_now().month)} spent this month and your limits go to "
        f"{folder}.",
        f"{bridge.data_dir} keeps a copy that is shown and not bought from, and the pictures and clips that lie there: "
        "keep that folder.",
    )


def unseen() -> str:
    """'' or the limits and sums of a list that was opened as it is, until something was bought by it.

    Raises Refused while the list is still being read.
    """
    bridge = current().bridge
    if not config.preferences().unseen_list:
        return ""
    if bridge.reader.behind or bridge.reader.missed:
        raise Refused("The list of clips is still being read.", "Press again in a moment.")
    sums, limits, clips = sums_now(), bridge.reader.limits, len(bridge.snapshot.all)
    day, month = (
        f"a limit of {usd(limit)} a {name}" if limit else f"no limit a {name}"
        for name, limit in (("day", limits.day), ("month", limits.month))
    )
    return (
        f"Another list is open, “{bridge.data_dir.name}”: {'1 clip' if clips == 1 else f'{clips} clips'}, {day} "
        f"({usd(sums.account_today)} spent), {month} ({usd(sums.account_month)} spent)."
    )


def seen() -> None:
    """Note that the artist has read of the limits and sums of the list that is open."""
    if config.preferences().unseen_list:
        config.preferences().unseen_list = ""
        bpy.context.preferences.is_dirty = True

"""The process that moves the list of clips to another folder: its start, its words to Blender, and how it is stopped.

What is moved and in which order is ``ledger.moving``'s. Needs no key, and no network. Stops when its stdin ends, as it
does with Blender: the list is then in one folder or in the other.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import IO

from ..core.files import begin_anew
from ..ledger.errors import LedgerError, MoveStopped
from ..ledger.moving import move
from .desk import write_log

#: Files between two lines about how far the move is.
_SAID_EVERY = 64


def main(source: Path, target: Path, report: Path) -> int:
    """Move the list. Returns the exit code: 0 when ``report`` says how it ended.

    The report is lines of JSON: ``{"done", "of"}`` while the list is copied, at the end ``{"ended"}`` or ``{"failed"}``.
    """
    os.umask(0o077)
    os.environ.pop("XAI_API_KEY", None)
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(stopped,), daemon=True).start()
    with begin_anew(report, private=True) as file:

        def progress(done: int, of: int) -> None:
            if stopped.is_set():
                raise MoveStopped("The move was stopped. The job list stays where it is.")
            if done % _SAID_EVERY == 0 or done == of:
                _say(file, done=done, of=of)

        try:
            _say(file, ended=move(source, target, progress))
        except LedgerError as error:
            _say(file, failed=str(error))
        except Exception:
            write_log(source, traceback.format_exc())
            _say(file, failed=f"The program failed. The job list is in {source} or in {target}.")
    return 0


def _listen(stopped: threading.Event) -> None:
    while sys.stdin.buffer.read(1 << 10):
        pass
    stopped.set()


def _say(file: IO[bytes], **words: object) -> None:
    file.write(json.dumps(words).encode() + b"\n")
    file.flush()

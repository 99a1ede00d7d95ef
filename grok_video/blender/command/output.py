"""What subcommands say, to people, to engines and as JSON, and the exit codes.

Blender prints lines of its own on the same output: JSON goes into a file, or on one line that begins with ``MARK``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.files import BLENDERS_PATIENCE, write_whole
from ...core.legible import legible, tell

#: Exit codes. 2 is argparse's own.
DONE, FAILED, USAGE, NO_FILE, REFUSED, NOT_AGREED, PARTLY = range(7)
#: As other programs say it: a later try may go well (sysexits.h), and the signal SIGINT (128 + 2).
TRY_LATER, INTERRUPTED = 75, 130
CODES = {
    DONE: "done",
    FAILED: "failed, or what was bought did not come; the last sentence says why",
    USAGE: "wrong arguments",
    NO_FILE: "no .blend is open: none was named, or Blender could not read it",
    REFUSED: "refused, nothing was bought: offline, no key, nothing to do, bad settings",
    NOT_AGREED: "it costs money and --yes is missing: the price was told, nothing was bought",
    PARTLY: "of several shots some are refused or did not come",
    TRY_LATER: "another host has a shot and is not heard any more; see shots release",
    INTERRUPTED: "interrupted (Ctrl-C, SIGTERM); what was not sent is stopped",
}
#: What the line of JSON begins with.
MARK = "GROK_VIDEO_JSON "
#: Lines that begin so are read by engines and by whom the JSON is for: what others have written must not look like one.
_READ_BY_PROGRAMS = ("openjd_", MARK.strip())


def say(words: str) -> None:
    """Tell people something, on one line or more."""
    for line in legible(words, lines=True).splitlines():
        tell(f" {line}" if line.startswith(_READ_BY_PROGRAMS) else line)


def progress(fraction: float, words: str) -> None:
    """Tell how much is done, from 0 to 1, and what is just being done: people, and an OpenJD engine where one runs this."""
    percent, words = round(100 * min(max(fraction, 0.0), 1.0)), legible(words)
    tell(f"Grok Video: {percent} %, {words}")
    if any(name.startswith("OPENJD_") for name in os.environ):
        tell(f"openjd_progress: {percent}")
        tell(f"openjd_status: {words}")


def result(data: Mapping[str, Any], args: argparse.Namespace, code: int = DONE) -> int:
    """End a subcommand: give ``data`` as JSON where ``--json`` asks for it; returns the exit code."""
    if args.json is None:
        return code
    text = json.dumps({"command": args.command, "code": code, **data})
    if not args.json:
        # After a line break: what Blender prints itself may have ended in the middle of a line.
        print(f"\n{MARK}{text}", flush=True)
        return code
    try:
        write_whole(
            Path(args.json), text.encode(), durable=False, private=False, patience=BLENDERS_PATIENCE
        )
    except OSError as error:
        complain(f"“{args.json}” could not be written ({error.strerror}).")
        return code or FAILED
    return code


def fail(words: str, args: argparse.Namespace, code: int, **data: Any) -> int:
    """End a subcommand that went wrong: the sentence for people, and as JSON; returns the exit code."""
    complain(words)
    return result({"error": words, **data}, args, code)


def complain(words: str) -> None:
    """Tell people what went wrong, where programs tell errors."""
    sys.stdout.flush()
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    text = f"Grok Video: {legible(words)}".encode(encoding, "backslashreplace").decode(encoding)
    print(text, file=sys.stderr, flush=True)


def codes_told() -> str:
    """The exit codes for ``--help``."""
    return "\n".join(["exit codes:", *(f"  {code:3}  {words}" for code, words in CODES.items())])

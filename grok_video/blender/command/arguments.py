"""The parser of the command line, and what happens around every subcommand."""

from __future__ import annotations

import argparse
from pathlib import Path

import bpy

from ...core.files import is_writable
from ...core.problem import ProblemCode
from .. import said
from ..refusal import Interrupted, Refused
from ..session import queue
from . import farm, generate, interrupt, jobs, output, shots, spending

_ABOUT = """\
Makes video clips with xAI's service and puts them on the timeline of the .blend that is open:

  blender -b film.blend --online-mode --command grok_video shots run --yes

The .blend and Blender's own options come before --command. The service is asked only with
--online-mode, or where the preferences allow online access. The key comes from the environment
(XAI_API_KEY) or from the preferences, never from an argument."""


def parser() -> argparse.ArgumentParser:
    """The parser of all subcommands."""
    made = argparse.ArgumentParser(
        prog="blender … --command grok_video",
        description=_ABOUT,
        epilog=output.codes_told(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = made.add_subparsers(metavar="SUBCOMMAND", required=True)
    generate.add(subparsers)
    jobs.add(subparsers)
    spending.add(subparsers)
    farm.add(shots.add(subparsers))
    return made


def main(argv: list[str]) -> int:
    """Parse and run; returns the exit code."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as end:  # --help, and wrong arguments, of which argparse has told
        return end.code if isinstance(end.code, int) else output.USAGE
    with interrupt.heeded() as args.stopped:
        try:
            return _run(args)
        except KeyboardInterrupt:
            return output.fail("Interrupted.", args, output.INTERRUPTED)


def _run(args: argparse.Namespace) -> int:
    if args.json and not is_writable(Path(args.json).absolute().parent):
        output.complain(f"“{args.json}” cannot be written. Nothing was done.")
        return output.USAGE
    if args.needs_file and not bpy.data.filepath:
        return output.fail(_NO_FILE, args, output.NO_FILE)
    try:
        if args.needs_service and (trouble := queue.connection_trouble()):
            offline = trouble[1] is ProblemCode.OFFLINE and not bpy.app.online_access_override
            raise Refused(trouble[0], _ONLINE if offline else "")
        # With a file Blender runs a command without a window, and no strip comes into the sequencer (4.3, 5.2).
        window = bpy.context.window or next(iter(bpy.context.window_manager.windows), None)
        with bpy.context.temp_override(window=window):
            return args.run(bpy.context, args)
    except Refused as error:
        return output.fail(str(error), args, output.REFUSED)
    except Interrupted as error:
        return output.fail(str(error), args, output.FAILED)
    except said.BLENDERS_ERRORS as error:  # an operator's
        code = output.INTERRUPTED if args.stopped.now else output.FAILED
        return output.fail(args.stopped.why(error), args, code)


_NO_FILE = (
    "No .blend is open. Name one before --command; if you did, Blender could not read it, as its own lines above say. "
    "Nothing was bought."
)
_ONLINE = "Or start Blender with --online-mode before --command."

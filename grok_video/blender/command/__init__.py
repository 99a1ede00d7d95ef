"""The command line: ``blender -b film.blend --online-mode --command grok_video …``, and the same as a function.

What a subcommand needs is imported when it is called: Blender's start does not wait for argparse.
"""

from __future__ import annotations

from typing import Any

import bpy

#: The command's name: a Python identifier, as Blender wants.
NAME = "grok_video"
#: What Blender gave for the command; it takes the command away by that alone.
_registered: list[Any] = []


def main(argv: list[str]) -> int:
    """Run a subcommand with its arguments, such as ``['jobs', 'list', '--json']``; returns the exit code.

    See ``output.CODES``. Blocks until all is done, as scripts do.
    """
    from . import arguments

    return arguments.main(argv)


def register() -> None:
    """Let Blender know the command."""
    _registered.append(bpy.utils.register_cli_command(NAME, main))


def unregister() -> None:
    """Take the command away."""
    while _registered:
        bpy.utils.unregister_cli_command(_registered.pop())

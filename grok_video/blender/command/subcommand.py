"""How a subcommand is added to the parser: what each has in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import bpy

from .output import codes_told

#: Does a subcommand; returns the exit code. Raises Refused, Interrupted, and what Blender's operators raise.
Run = Callable[[bpy.types.Context, argparse.Namespace], int]


def group(subparsers: Any, name: str, about: str) -> Any:
    """A word with subcommands of its own; returns what these are added to."""
    parser = subparsers.add_parser(name, help=about, description=about)
    return parser.add_subparsers(metavar="SUBCOMMAND", required=True)


def leaf(
    subparsers: Any, name: str, run: Run, about: str, *, file: bool = False, service: bool = False
) -> argparse.ArgumentParser:
    """Add a subcommand that does something; returns its parser, for its own arguments.

    ``file``: it needs a .blend that is open; ``service``: the service must be allowed and have a key.
    """
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=about,
        description=about,
        epilog=codes_told(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--json",
        nargs="?",
        const="",
        metavar="FILE",
        help="the result as JSON into FILE; without FILE on one line that begins with GROK_VIDEO_JSON",
    )
    command = parser.prog.partition("grok_video ")[2]
    parser.set_defaults(run=run, needs_file=file, needs_service=service, command=command)
    return parser


def add_yes(parser: argparse.ArgumentParser) -> None:
    """The word without which nothing is bought."""
    parser.add_argument(
        "--yes",
        action="store_true",
        help="buy; without it the price is told, and nothing is bought",
    )

"""``spending``: what was spent, and the limits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import bpy

from ...core.amount import usd
from ...core.files import BLENDERS_PATIENCE, write_whole
from ..refusal import Refused
from ..session import spending
from . import output, subcommand
from .generate import dollars

#: Name in JSON → what people read.
_SUMS = {"file": "This file", "today": "Today", "month": "This month", "all_time": "All time"}


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    about = "what was spent today, this month and in all, and the limits"
    parser = subcommand.leaf(subparsers, "spending", run, about)
    parser.add_argument("--csv", metavar="FILE", help="write every purchase into FILE")


def run(_context: bpy.types.Context, args: argparse.Namespace) -> int:
    """See ``subcommand.Run``."""
    limits = spending.limits()  # reads the list
    sums = spending.sums_now()
    spent = {name: getattr(sums, name) for name in _SUMS}
    for name, words in _SUMS.items():
        output.say(f"{words}: {usd(spent[name])}")
    output.say(limits.words)
    if args.csv:
        data = spending.table().encode("utf-8-sig")
        try:
            write_whole(
                Path(args.csv), data, durable=False, private=False, patience=BLENDERS_PATIENCE
            )
        except OSError as error:
            raise Refused(f"“{args.csv}” cannot be written ({error.strerror}).") from error
        output.say(f"Written to {args.csv}.")
    data_of = {name: dollars(ticks) for name, ticks in spent.items()}
    told = {"day": dollars(limits.day), "month": dollars(limits.month)}
    return output.result({"spent": data_of, "limits": told}, args)

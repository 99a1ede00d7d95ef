"""``shots export``, ``stills``, ``buy``, ``wait``, ``place`` and ``release``: the tasks of a farm, each to be run again at will.

What they do in Blender is ``session.farm``'s and ``session.shots_export``'s.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import bpy

from ...core.amount import usd
from ...farm.buying import Buying, End
from ...farm.claims import BEAT, Claim, ClaimTrouble
from ...farm.shot_folder import FolderTrouble, clip_of
from ..refusal import Interrupted, Refused
from ..session import farm, shots_export
from . import output, subcommand
from .generate import dollars, scene_named

#: Seconds for which *release* looks for a sign of life of who holds the shot.
_LOOK = 1.5 * BEAT
_ENGINES = {"openjd": "OPENJD", "flamenco": "FLAMENCO", "none": ""}


def add(group: Any) -> None:
    """Add the subcommands to those of ``shots``."""
    about = "write the list, and the job of an engine, into a folder that all hosts share"
    parser = _leaf(group, "export", _export, about, file=True, shots=False)
    parser.add_argument("--engine", choices=list(_ENGINES), default="none", help="whose job")
    parser.add_argument("--scene", metavar="NAME", help="whose list; default: the active scene's")
    _leaf(
        group,
        "stills",
        _stills,
        "render the stills that are not there yet; buys nothing",
        file=True,
    )
    about = "buy what no other host buys, and wait until all clips are in the folder"
    parser = _leaf(group, "buy", _buy, about, file=True, service=True)
    parser.add_argument(
        "--allow-single-color",
        action="store_true",
        help="buy a clip also where its first frame is one colour",
    )
    subcommand.add_yes(parser)
    about = "wait for the clips of what was bought; buys nothing"
    _leaf(group, "wait", _wait, about, file=True, service=True)
    about = "put the clips into the sequencer and save NAME_clips.blend into the folder"
    parser = _leaf(group, "place", _place, about, file=True)
    parser.add_argument(
        "--in-place",
        action="store_true",
        help="save the .blend itself; not if it has changed since the export",
    )
    about = (
        "let a shot be bought anew that a host has claimed which is gone; it may be paid already"
    )
    parser = _leaf(group, "release", _release, about, shots=False)
    parser.add_argument("shot", metavar="SHOT", help="the shot, as its files are called")
    parser.add_argument(
        "--yes", action="store_true", help="free it; without it is told what may be paid"
    )
    parser.add_argument(
        "--watch", type=float, default=_LOOK, metavar="SECONDS", help=argparse.SUPPRESS
    )


def _leaf(
    group: Any,
    name: str,
    run: subcommand.Run,
    about: str,
    *,
    file: bool = False,
    service: bool = False,
    shots: bool = True,
) -> argparse.ArgumentParser:
    parser = subcommand.leaf(group, name, run, about, file=file, service=service)
    parser.add_argument(
        "--folder", metavar="DIR", required=True, help="the exported folder, which all hosts share"
    )
    if shots:
        parser.add_argument(
            "--shot",
            action="append",
            default=[],
            metavar="SHOT",
            help="only this one, as its files are called; may be given several times",
        )
    return parser


def _folder(args: argparse.Namespace) -> Path:
    return Path(os.path.abspath(args.folder))


def _export(context: bpy.types.Context, args: argparse.Namespace) -> int:
    scene = scene_named(context, args.scene)
    made = shots_export.export(context, scene, _folder(args), _ENGINES[args.engine])
    for sentence in (*made.left_out, shots_export.summary_of(made)):
        output.say(sentence)
    told = [
        {"shot": one.file, "name": one.name, "price": dollars(one.price)} for one in made.listed
    ]
    data = {"files": [str(path) for path in made.paths], "shots": told, "left_out": made.left_out}
    return output.result(data, args)


def _stills(context: bpy.types.Context, args: argparse.Namespace) -> int:
    of = farm.opened(_folder(args))
    wanted = [one for one in of.named(args.shot) if one.still]
    told: list[dict[str, Any]] = []
    for number, one in enumerate(wanted):
        output.progress(number / len(wanted), f"the still of {one.file}")
        state, sentence = "DONE", "It was there."
        try:
            if not farm.has_still(of, one):
                note = farm.make_still(context, of, one)
                sentence = f"Rendered, {note.width} x {note.height}."
        except (Refused, Interrupted, FolderTrouble) as why:
            state, sentence = "FAILED", str(why)
        told.append(_told(one.file, one.name, state, sentence))
    output.progress(1.0, "stills")
    return _end(told, args)


def _buy(context: bpy.types.Context, args: argparse.Namespace) -> int:
    of = farm.opened(_folder(args))
    wanted = of.named(args.shot)
    if not args.yes:
        # What is claimed is somebody's, and what is there is bought.
        prices = [one.price for one in wanted if farm.is_free(of, one)]
        known = [price for price in prices if price is not None]
        least = "" if len(known) == len(prices) else "more than "
        output.say(
            f"{len(prices)} of {len(wanted)} shots are to be bought, for {least}{usd(sum(known))}. "
            "Nothing was bought: add --yes to buy them."
        )
        return output.result({"price": dollars(sum(known))}, args, output.NOT_AGREED)
    return _follow(
        context,
        farm.buying_of(context, of, wanted, allow_single_color=args.allow_single_color),
        args,
    )


def _wait(context: bpy.types.Context, args: argparse.Namespace) -> int:
    of = farm.opened(_folder(args))
    return _follow(context, farm.buying_of(context, of, of.named(args.shot), buys=False), args)


def _follow(context: bpy.types.Context, buying: Buying, args: argparse.Namespace) -> int:
    """Follow a run to its end, and tell how it goes."""
    last: list[str] = [""]

    def tell() -> None:
        ended = Counter(str(one.end) for one in buying.shots if one.end)
        others = sum(
            1 for one in buying.shots if one.claim is not None and not one.ours and not one.end
        )
        done, count = ended["DONE"], len(buying.shots)
        words = f"{done} of {count} clips are there"
        words += f", {len(buying.jobs)} under way here" if buying.jobs else ""
        words += f", {others} at other hosts" if others else ""
        if words != last[0]:
            last[0] = words
            output.progress(sum(ended.values()) / max(count, 1), words)

    try:
        farm.follow(buying, tell)
    except KeyboardInterrupt:
        for sentence in farm.stop(buying):
            output.say(sentence)
        raise
    told = [
        _told(one.listed.file, one.listed.name, str(one.end), one.sentence) for one in buying.shots
    ]
    return _end(told, args)


def _place(context: bpy.types.Context, args: argparse.Namespace) -> int:
    of = farm.opened(_folder(args))
    wanted = of.named(args.shot)
    before = farm.strips_of(of)
    said = farm.place(context, of, wanted)
    names = {one.file: one.name for one in wanted}
    told = [
        _told(file, names[file], "FAILED" if why else "DONE", why) for file, why in said.items()
    ]
    if args.in_place and farm.strips_of(of) == before:
        output.say("Every clip that is there was placed before: the file is left as it is.")
        return _end(told, args)
    path = farm.save_placed(of, in_place=args.in_place)
    output.say(f"Saved {path}.")
    return _end(told, args, saved=str(path))


def _release(_context: bpy.types.Context, args: argparse.Namespace) -> int:
    folder = _folder(args)
    listed = {one.file for one in farm.listed_in(folder).shots}
    if args.shot not in listed:
        raise Refused(f"There is no shot “{args.shot[:64]}” in {folder}.")
    claims = farm.claims_in(folder)
    claim: Claim | None = None
    try:
        claim = claims.read(args.shot)
        if claim is None:
            output.say(f"Nobody has claimed {args.shot}.")
            return output.result({"shot": args.shot}, args)
        words = (
            f"It is claimed by {claim.host}, as job {claim.job[:8]} of ledger {claim.ledger[:8]}."
        )
    except ClaimTrouble as trouble:
        words = str(trouble)
    if clip_of(folder, args.shot):
        words += (
            " Its clip is in the folder already, and as long as it is there, it is not bought anew."
        )
    else:
        words += " It may be paid already: freed, it is bought anew, and paid once more."
    if not args.yes:
        output.say(f"{words} Look into the job list of that host first. Add --yes to free it.")
        return output.result({"shot": args.shot}, args, output.NOT_AGREED)
    if claim is not None and _lives(claims, claim, args.watch):
        raise Refused(
            f"{claim.host} is just buying {args.shot}: it is not freed. End the task there first."
        )
    try:
        if claim is not None and claims.read(args.shot) != claim:
            raise Refused(f"The claim of {args.shot} has changed meanwhile: it is not freed.")
        claims.release(args.shot)
    except ClaimTrouble as trouble:
        raise Refused(str(trouble)) from trouble
    output.say(f"{args.shot} is free. {words}")
    return output.result({"shot": args.shot, "freed": True}, args)


def _lives(claims: Any, claim: Claim, seconds: float) -> bool:
    """Whether the holder of a claim shows a sign of life while it is watched. Blocks for so long at most."""
    first, until = claims.heartbeat(claim), time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.2)
        beat = claims.heartbeat(claim)
        if first and beat not in ("", first):
            return True
        first = first or beat  # a share may fail to answer for once
    return False


def _told(file: str, name: str, state: str, sentence: str) -> dict[str, Any]:
    return {"shot": file, "name": name, "state": state, "sentence": sentence}


def _end(told: list[dict[str, Any]], args: argparse.Namespace, **more: Any) -> int:
    """Say what became of each shot that is not well; returns the exit code."""
    states = {one["state"] for one in told}
    for one in told:
        if one["state"] != End.DONE:
            output.complain(f"{one['shot']}: {one['sentence']}")
    if states <= {End.DONE}:
        code = output.DONE
    elif End.GONE in states:
        code = output.TRY_LATER
    elif End.DONE in states:
        code = output.PARTLY
    else:
        code = output.REFUSED if states == {End.REFUSED} else output.FAILED
    return output.result({"shots": told, **more}, args, code)

"""``shots``: the shot list of a scene: told, checked, and bought as *Generate Shots* does."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import bpy

from ...core.amount import usd
from .. import said, submission
from ..refusal import Refused
from ..session import blocking, shots, spending
from ..session.state import Told, current, job_by_id
from . import jobs, output, subcommand
from .generate import dollars, scene_named
from .saving import Saving, add_options

#: What a row is called whose clip is on the timeline.
_THERE = "IMPORTED"
#: ``--which`` → the rows, and what the operator calls them.
_WHICH = {"all": ("WANTED", shots.wanted), "failed": ("FAILED", shots.failed)}


def add(subparsers: Any) -> Any:
    """Add the subcommands; returns what more are added to."""
    under = subcommand.group(subparsers, "shots", "the shot list of a scene")
    subcommand_list = subcommand.leaf(
        under, "list", _list, "the shots and what became of each", file=True
    )
    check = subcommand.leaf(
        under, "check", _check, "what each shot would cost, or why it would be refused", file=True
    )
    run = subcommand.leaf(
        under,
        "run",
        _run,
        "buy every enabled shot that was not bought yet, as Generate Shots does, and wait for all",
        file=True,
        service=True,
    )
    for parser in (subcommand_list, check, run):
        parser.add_argument(
            "--scene", metavar="NAME", help="the scene of the list; default: the active one"
        )
    run.add_argument(
        "--which",
        choices=list(_WHICH),
        default="all",
        help="all that were not bought, or of these only the failed ones",
    )
    run.add_argument(
        "--allow-single-color",
        action="store_true",
        help="buy a clip also where its first frame is one colour",
    )
    subcommand.add_yes(run)
    add_options(run)
    return under


def as_data(scene: bpy.types.Scene, row: Any, told: Told) -> dict[str, Any]:
    """What JSON tells of a row: the shot, and what became of it."""
    job = job_by_id(told.job) if told.job else None
    return {
        **asdict(submission.shots.as_data(scene, row)),
        "price": dollars(told.price),
        "refusal": told.refusal,
        "state": told.state,
        "words": told.words,
        "job": jobs.as_data(job) if job is not None else None,
    }


def _all_of(context: bpy.types.Context, scene: bpy.types.Scene) -> list[tuple[Any, Told]]:
    return list(zip(scene.grok_video.shots, shots.told(context, scene), strict=True))


def _list(context: bpy.types.Context, args: argparse.Namespace) -> int:
    scene = scene_named(context, args.scene)
    rows = _all_of(context, scene)
    for number, (row, told) in enumerate(rows, 1):
        off = "" if row.enabled else "off, "
        words = told.words or told.refusal or "not bought yet"
        output.say(f"{number:4}  {row.name}: {off}{words}")
    if not rows:
        output.say(f"The shot list of “{scene.name}” is empty.")
    return output.result({"shots": [as_data(scene, *one) for one in rows]}, args)


def _check(context: bpy.types.Context, args: argparse.Namespace) -> int:
    scene = scene_named(context, args.scene)
    rows = _looked_at(context, scene, shots.wanted(scene))
    for row, price, why in rows:
        known = "its price is not known" if price is None else usd(price)
        output.say(f"{row.name}: {why or known}")
    refused = [row for row, _, why in rows if why]
    output.say(_sum(rows))
    told = [{"name": row.name, "price": dollars(price), "refusal": why} for row, price, why in rows]
    code = output.PARTLY if refused else output.DONE
    return output.result({"shots": told, "price": dollars(_price(rows))}, args, code)


_Looked = list[tuple[Any, int | None, str]]


def _looked_at(context: bpy.types.Context, scene: bpy.types.Scene, rows: list[Any]) -> _Looked:
    """Rows with their prices in ticks (None: not known) and why they would be refused, their files looked at."""
    found: _Looked = []
    with context.temp_override(scene=scene):
        for row in rows:
            made = submission.shots.draft(bpy.context, scene, row)
            price = submission.common.price_of(made)
            why = submission.shots.refusal(bpy.context, scene, row, made, look=True)
            if not why and price is None:
                why = spending.limit_refusal(None, made.model)
            found.append((row, price, why))
    return found


def _price(rows: _Looked) -> int | None:
    """Ticks of all that would be bought; None where one is not known."""
    prices = [price for _, price, why in rows if not why]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def _sum(rows: _Looked) -> str:
    """What is bought and for how much, as a sentence."""
    count, price = sum(1 for _, _, why in rows if not why), _price(rows)
    these = "1 shot" if count == 1 else f"{count} shots"
    known = "for a price that is not known" if price is None else f"for {usd(price)}"
    left_out = f", {len(rows) - count} left out" if count < len(rows) else ""
    return f"{these} {known}{left_out}."


def _run(context: bpy.types.Context, args: argparse.Namespace) -> int:
    scene = scene_named(context, args.scene)
    saving = Saving(args)
    which, rows_of = _WHICH[args.which]
    shots.marked(scene)
    rows = _looked_at(context, scene, rows_of(scene))
    if not rows:
        output.say("There is nothing to buy: every enabled shot was bought, or waits to be sent.")
        return output.result({"shots": [], "price": 0.0}, args)
    for row, _, why in rows:
        if why:
            output.say(f"“{row.name}” is left out: {why}")
    if not (ready := [row for row, _, why in rows if not why]):
        raise Refused("No shot can be bought.")
    price = _price(rows)
    output.say(_sum(rows))
    if price is not None and (over := spending.limit_refusal(price, "")):
        output.say(f"{over} What would pass the limit is held.")
    if not args.yes:
        output.say("Nothing was bought: add --yes to buy.")
        told = [{"name": row.name, "price": dollars(cost)} for row, cost, why in rows if not why]
        data = {"shots": told, "price": dollars(price)}
        return output.result(data, args, output.NOT_AGREED)
    marks = [row.mark for row in ready]
    error = _buy(context, scene, which, args)
    asked = [row for row, _, _ in rows]
    ended = [(row, shots.state_of(row.mark)) for row in scene.grok_video.shots if row.mark in marks]
    for row, told in ended:
        output.say(f"{row.name}: {told.words}")
    data: dict[str, Any] = {"shots": [as_data(scene, *one) for one in ended]}
    if any(told.state == _THERE for _, told in ended):
        path, why = saving.save()
        data["saved"] = str(path)
        output.say(" ".join(filter(None, (f"Saved {path}.", why))))
    if args.stopped.now:
        return output.fail(error or "Interrupted.", args, output.INTERRUPTED, **data)
    if len(ended) < len(asked) or any(told.state != _THERE for _, told in ended):
        return output.fail(error or "Some shots were left out.", args, output.PARTLY, **data)
    return output.result(data, args)


def _buy(
    context: bpy.types.Context, scene: bpy.types.Scene, which: str, args: argparse.Namespace
) -> str:
    """Buy the shots and wait for all; '' or what went wrong, one sentence after the other."""
    errors: list[str] = []

    def try_to(operator: Any, **how: Any) -> None:
        try:
            operator(**how)
        except said.BLENDERS_ERRORS as error:
            errors.append(said.sentence(error))

    with context.temp_override(scene=scene):
        before = set(current().documents)
        try_to(
            bpy.ops.grok_video.generate_shots,
            which=which,
            wait=False,
            allow_single_color=args.allow_single_color,
        )
        ids = [job_id for job_id in current().documents if job_id not in before]
        for number, job_id in enumerate(ids):
            if args.stopped.now:
                errors.append(blocking.interrupted(context, job_id))
                continue
            job = job_by_id(job_id)
            name = job.spec.shot_name if job is not None else ""
            output.progress(number / len(ids), f"waiting for “{name}”, {number + 1} of {len(ids)}")
            try_to(bpy.ops.grok_video.wait, job=job_id)
    if ids and not args.stopped.now:
        output.progress(1.0, "all shots have ended")
    return " ".join(dict.fromkeys(errors))

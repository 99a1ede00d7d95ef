"""``shots``: the shot list of a scene: told, checked, and bought as *Generate Shots* does."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import bpy

from ...core.amount import usd
from ...core.job import State
from .. import said, submission
from ..refusal import Refused
from ..session import blocking, queue, shots, spending
from ..session.state import Told, job_by_id
from . import jobs, output, subcommand
from .generate import dollars, scene_named
from .saving import Saving, add_options

#: The state of a row whose clip is on the timeline.
_THERE = State.IMPORTED.name
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


def _scene_of(context: bpy.types.Context, args: argparse.Namespace) -> bpy.types.Scene:
    """The scene of the list, the list of jobs read: what was bought of a row, that one says. Raises Refused."""
    queue.read_all()
    return scene_named(context, args.scene)


def _all_of(context: bpy.types.Context, scene: bpy.types.Scene) -> list[tuple[Any, Told]]:
    with context.temp_override(scene=scene):
        return list(zip(scene.grok_video.shots, shots.told(bpy.context, scene), strict=True))


def _list(context: bpy.types.Context, args: argparse.Namespace) -> int:
    scene = _scene_of(context, args)
    rows = _all_of(context, scene)
    for number, (row, told) in enumerate(rows, 1):
        off = "" if row.enabled else "off, "
        output.say(f"{number:4}  {row.name}: {off}{_words(told, '')}")
    if not rows:
        output.say(f"The shot list of “{scene.name}” is empty.")
    return output.result({"shots": [as_data(scene, *one) for one in rows]}, args)


def _check(context: bpy.types.Context, args: argparse.Namespace) -> int:
    scene = _scene_of(context, args)
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
    scene = _scene_of(context, args)
    saving = Saving(args)
    which, rows_of = _WHICH[args.which]
    if not any(row.enabled for row in scene.grok_video.shots):
        raise Refused(f"The shot list of “{scene.name}” has no enabled shot.")
    shots.marked(scene)
    looked = _looked_at(context, scene, rows_of(scene))
    for row, _, why in looked:
        if why:
            output.say(f"“{row.name}” is left out: {why}")
    ready = [row for row, _, why in looked if not why]
    if not ready:
        output.say("There is nothing to buy.")
    elif not _agreed(looked, args):
        told = [{"name": row.name, "price": dollars(cost)} for row, cost, why in looked if not why]
        data = {"shots": told, "price": dollars(_price(looked))}
        return output.result(data, args, output.NOT_AGREED)
    work = _Work(context, scene, args)
    if ready:
        work.buy(which)
    work.wait()
    rows = [row for row in scene.grok_video.shots if row.enabled]
    ended = [(row, shots.state_of(row.mark, row.job)) for row in rows]
    for row, told in ended:
        why = next((why for other, _, why in looked if other == row), "")
        output.say(f"{row.name}: {_words(told, why)}")
    data: dict[str, Any] = {"shots": [as_data(scene, *one) for one in ended]}
    if work.came:
        path, why = saving.save()
        data["saved"] = str(path)
        output.say(" ".join(filter(None, (f"Saved {path}.", why))))
    if args.stopped.now:
        return output.fail(work.trouble or "Interrupted.", args, output.INTERRUPTED, **data)
    if work.trouble or any(told.state != _THERE for _, told in ended):
        return output.fail(work.trouble or "Some shots did not come.", args, output.PARTLY, **data)
    return output.result(data, args)


def _agreed(looked: _Looked, args: argparse.Namespace) -> bool:
    """Tell what is bought and for how much; whether the arguments say so."""
    price = _price(looked)
    output.say(_sum(looked))
    if price is not None and (over := spending.limit_refusal(price, "")):
        output.say(f"{over} What would pass the limit is held.")
    if not args.yes:
        output.say("Nothing was bought: add --yes to buy.")
    return args.yes


class _Work:
    """The buying of a list and the waiting for it. An earlier run may have been ended at any moment: what it bought is waited for."""

    def __init__(
        self, context: bpy.types.Context, scene: bpy.types.Scene, args: argparse.Namespace
    ) -> None:
        self.came = False  # a clip came onto the timeline
        self._context, self._scene, self._args = context, scene, args
        self._troubles: list[str] = []
        known = [shots.state_of(row.mark).job for row in scene.grok_video.shots]
        self._before = {job_id for job_id in known if _is_there(job_id)}

    @property
    def trouble(self) -> str:
        """'' or what went wrong, one sentence after the other."""
        return " ".join(dict.fromkeys(self._troubles))

    def _try(self, operator: Any, **how: Any) -> set[str]:
        try:
            with self._context.temp_override(scene=self._scene):
                return operator(**how)
        except said.BLENDERS_ERRORS as error:
            self._troubles.append(self._args.stopped.why(error))
            return {"CANCELLED"}

    def buy(self, which: str) -> None:
        """Buy the rows; their pictures are made when this returns."""
        self._try(
            bpy.ops.grok_video.generate_shots,
            which=which,
            wait=False,
            allow_single_color=self._args.allow_single_color,
        )

    def wait(self) -> None:
        """Wait for the jobs of all enabled rows, and see to it that their clips are on the timeline of this file."""
        rows = [row for row in self._scene.grok_video.shots if row.enabled]
        jobs_of = [(row.name, shots.state_of(row.mark)) for row in rows]
        bought = [(name, told.job) for name, told in jobs_of if told.job and not told.again]
        for number, (name, job_id) in enumerate(bought):
            if self._args.stopped.now:
                self._troubles.append(blocking.interrupted(self._context, job_id))
                continue
            output.progress(
                number / len(bought), f"waiting for “{name}”, {number + 1} of {len(bought)}"
            )
            if "FINISHED" in self._try(_brings(job_id), job=job_id) and job_id in self._before:
                self.came = True
        # Blender places every clip that comes, whichever job the loop waits for.
        self.came |= any(_is_there(job_id) for _, job_id in bought if job_id not in self._before)
        if bought and not self._args.stopped.now:
            output.progress(1.0, "all shots have ended")


def _brings(job_id: str) -> Any:
    """The operator that brings the clip of a job onto the timeline of this file."""
    job = job_by_id(job_id)
    if job is not None and job.state is State.IMPORTED:
        # An earlier run may have ended before it saved the file with the clip: else the clip is there, and nothing is done.
        return bpy.ops.grok_video.import_result
    if job is not None and not job.open and job.retryable:
        # An earlier run was ended just when its request left: the job is stopped, and paid for. Free.
        return bpy.ops.grok_video.retry
    return bpy.ops.grok_video.wait


def _is_there(job_id: str) -> bool:
    """Whether the clip of a job is on a timeline, by the list."""
    job = job_by_id(job_id)
    return job is not None and job.state is State.IMPORTED


def _words(told: Told, refusal: str) -> str:
    """What became of a row, for people."""
    if told.state == _THERE:
        return "on the timeline"
    return told.words or refusal or told.refusal or "not bought yet"

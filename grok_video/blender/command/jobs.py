"""``jobs``: the list of jobs, the log of one, and what can be done about one for free."""

from __future__ import annotations

import argparse
from typing import Any

import bpy

from ...core.amount import TICKS_PER_USD, usd
from ...core.files import read_file
from ...core.job import Job, State
from .. import said, submission
from ..refusal import Refused
from ..session import click, queue
from ..session.state import current, job_by_id
from . import output, subcommand

_SHOWN = 50  # jobs of a list that is not asked for whole
_LARGEST_LOG = 16 << 20  # bytes: far more than the log of a job has
_WHICH = "the job's id, or its beginning"
_WORDS = 60  # characters of a prompt

#: A clip of a file that is not open is fetched, and waits for that file.
_CAME = frozenset({State.READY, State.IMPORTED})


def add(subparsers: Any) -> None:
    """Add the subcommands."""
    under = subcommand.group(subparsers, "jobs", "the list of jobs, of all files")
    parser = subcommand.leaf(under, "list", _list, "the newest jobs, their states and costs")
    parser.add_argument(
        "--most", type=int, default=_SHOWN, metavar="N", help=f"how many; 0: all; default {_SHOWN}"
    )
    parser.add_argument("--open", action="store_true", help="only those that have not ended")
    for name, does, about, service in (
        ("log", _log, "what a job sent, what came back, and when", False),
        ("stop", _stop, "stop asking for a job; what was sent is still charged", False),
        ("retry", _retry, "ask for a job, or download its clip, once more; free", True),
    ):
        leaf = subcommand.leaf(under, name, does, about, service=service)
        leaf.add_argument("job", help=_WHICH)
    send = subcommand.leaf(under, "send", _send, "send a job that is held: this buys", service=True)
    send.add_argument("job", help=_WHICH)
    subcommand.add_yes(send)


def as_data(job: Job) -> dict[str, Any]:
    """What JSON tells of a job. No key, no address of a clip at the service."""
    spec = job.spec
    return {
        "id": job.id,
        "state": job.state.value,
        "held": job.held,
        "made": job.created_at,
        "model": spec.model,
        "prompt": submission.cast.as_written(spec),
        "shot": spec.shot_name,
        "blend": spec.target.blend,
        "scene": spec.target.scene,
        "frame": spec.target.frame,
        "price": None if spec.estimate is None else spec.estimate / TICKS_PER_USD,
        "cost": None if job.cost is None else job.cost / TICKS_PER_USD,
        "clip": job.clip.path if job.clip is not None else "",
        "problem": trouble_of(job),
    }


def trouble_of(job: Job) -> str:
    """'' or the sentence of what is wrong with a job."""
    return f"{job.problem.message} {job.problem.hint}".strip() if job.problem is not None else ""


def _list(_context: bpy.types.Context, args: argparse.Namespace) -> int:
    queue.read_all()
    listing = current().bridge.snapshot
    jobs = listing.open if args.open else listing.all
    shown = jobs[: args.most] if args.most > 0 else jobs[:]
    for job in shown:
        cost = (
            usd(job.cost)
            if job.cost is not None
            else f"about {usd(job.spent)}"
            if job.spent
            else "-"
        )
        prompt = " ".join(submission.cast.as_written(job.spec).split())[:_WORDS]
        output.say(f"{job.spec.short_id}  {job.state.value:<11} {cost:>9}  {prompt}")
    left = len(jobs) - len(shown)
    if left > 0:
        output.say(f"… and {left} more: --most 0 tells all.")
    if not jobs:
        output.say("There are no such jobs.")
    return output.result({"jobs": [as_data(job) for job in shown], "left": max(left, 0)}, args)


def _named(args: argparse.Namespace) -> Job:
    """The job that is meant. Raises Refused."""
    queue.read_all()
    snapshot = current().bridge.snapshot
    found = [job for job in snapshot.all if args.job and job.id.startswith(args.job)]
    if len(found) != 1:
        many = "More than one job begins" if found else "No job begins"
        raise Refused(f"{many} with “{args.job}”.")
    return found[0]


def _log(_context: bpy.types.Context, args: argparse.Namespace) -> int:
    job = _named(args)
    bpy.ops.grok_video.show_log(job=job.id)
    path = current().bridge.data_dir / "logs" / f"log_{job.spec.short_id}.txt"
    text = read_file(path, _LARGEST_LOG).decode("utf-8", "replace")
    output.say(text)
    return output.result({"job": as_data(job), "log": text}, args)


def _send(_context: bpy.types.Context, args: argparse.Namespace) -> int:
    job = _named(args)
    if not job.held:
        raise Refused("This job does not wait to be sent.")
    price = click.price_again(job)
    known = "Its price is not known." if price is None else f"It costs {usd(price)}."
    output.say(f"{known} {trouble_of(job)}".strip())
    if not args.yes:
        output.say("Nothing was bought: add --yes to buy it.")
        data = {"price": None if price is None else price / TICKS_PER_USD, "job": as_data(job)}
        return output.result(data, args, output.NOT_AGREED)
    return _done(job, args, bpy.ops.grok_video.release, _CAME)


def _stop(_context: bpy.types.Context, args: argparse.Namespace) -> int:
    return _done(_named(args), args, bpy.ops.grok_video.stop, frozenset(State))


def _retry(_context: bpy.types.Context, args: argparse.Namespace) -> int:
    return _done(_named(args), args, bpy.ops.grok_video.retry, _CAME)


def _done(job: Job, args: argparse.Namespace, operator: Any, good: frozenset[State]) -> int:
    error = ""
    try:
        operator(job=job.id)
    except said.BLENDERS_ERRORS as raised:
        error = args.stopped.why(raised)
    now = job_by_id(job.id) or job
    if error and (args.stopped.now or now.state not in good or good == frozenset(State)):
        code = output.INTERRUPTED if args.stopped.now else output.FAILED
        return output.fail(error, args, code, job=as_data(now))
    output.say(f"{now.spec.short_id} is {now.state.value}. {trouble_of(now)}".strip())
    return output.result({"job": as_data(now)}, args)

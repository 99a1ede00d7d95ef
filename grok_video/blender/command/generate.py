"""``generate``: buys one clip, as the button of the panel does, and waits for it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import bpy

from ...core.amount import usd
from ...core.files import open_given
from .. import identity, said, submission, timeline
from ..refusal import Refused
from ..session.state import current, job_by_id
from . import jobs, output, subcommand
from .saving import Saving, add_options

_LARGEST_PROMPT = 1 << 20  # bytes of a file that is read: far more than the service takes
#: Option → the setting of the panel that it sets; the model first, which decides what there is of others.
_SETTINGS = {
    "model": "model",
    "source": "source",
    "seconds": "duration",
    "resolution": "resolution",
    "ratio": "aspect_ratio",
    "sound": "generate_audio",
}


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subcommand.leaf(
        subparsers,
        "generate",
        run,
        "buy one clip with the settings of the panel, or those that are given, and wait for it",
        file=True,
        service=True,
    )
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument(
        "--prompt", metavar="TEXT", help="the prompt, as it is: braces are no variants"
    )
    prompt.add_argument("--prompt-file", metavar="FILE", help="a text file with the prompt")
    parser.add_argument(
        "--scene", metavar="NAME", help="the scene that is filmed; default: the active one"
    )
    parser.add_argument("--source", help="CAMERA, IMAGE, SEQUENCER or NONE, as in the panel")
    parser.add_argument(
        "--source-frame", type=int, metavar="FRAME", help="the frame that is filmed"
    )
    parser.add_argument(
        "--frame", type=int, help="the frame of the sequencer at which the clip begins"
    )
    parser.add_argument("--seconds", type=int, help="the length of the clip")
    parser.add_argument("--model", help="name of the model")
    parser.add_argument("--resolution", help="480p, 720p or 1080p")
    parser.add_argument("--ratio", metavar="RATIO", help="AUTO, NEAREST, or such as 16:9")
    parser.add_argument(
        "--sound", action=argparse.BooleanOptionalAction, help="with sound, or without"
    )
    parser.add_argument(
        "--allow-single-color",
        action="store_true",
        help="buy the clip also where its first frame is one colour",
    )
    subcommand.add_yes(parser)
    add_options(parser)


def run(context: bpy.types.Context, args: argparse.Namespace) -> int:
    """See ``subcommand.Run``."""
    saving = Saving(args)
    prompt = _prompt_of(args)
    scene = scene_named(context, args.scene)
    with context.temp_override(scene=scene):
        return _run(bpy.context, scene, prompt, saving, args)


def _run(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    prompt: str | None,
    saving: Saving,
    args: argparse.Namespace,
) -> int:
    _set(scene, prompt, args)
    target = timeline.strips.target_scene(context)
    frame = target.frame_current if args.frame is None else args.frame
    if args.source_frame is not None:
        scene.frame_set(args.source_frame)
    draft = submission.generate.generate_draft(context, scene)
    if why := submission.generate.generate_refusal(context, scene, draft):
        raise Refused(why)
    price = submission.common.price_of(draft)
    known = (
        "The price of the clip is not known." if price is None else f"The clip costs {usd(price)}."
    )
    if not args.yes:
        output.say(f"{known} Nothing was bought: add --yes to buy it.")
        return output.result({"price": dollars(price)}, args, output.NOT_AGREED)
    output.say(known)
    before = set(current().documents)
    error = ""
    try:
        bpy.ops.grok_video.generate(frame=frame, allow_single_color=args.allow_single_color)
    except said.BLENDERS_ERRORS as raised:
        error = args.stopped.why(raised)
    made = [job_by_id(job_id) for job_id in current().documents.keys() - before]
    told = {"jobs": [jobs.as_data(job) for job in made if job is not None]}
    if error:
        code = output.INTERRUPTED if args.stopped.now else output.FAILED
        return output.fail(error, args, code, **told)
    path, why = saving.save()
    output.say(" ".join(filter(None, (f"Saved {path}.", why))))
    return output.result({**told, "saved": str(path)}, args)


def scene_named(context: bpy.types.Context, name: str | None) -> bpy.types.Scene:
    """The scene of that name, the active one for None. Raises Refused."""
    if name is None:
        return context.scene
    scene = identity.named(bpy.data.scenes, name)
    if scene is None:
        raise Refused(f"There is no scene “{name}” in this file.")
    return scene


def dollars(ticks: int | None) -> float | None:
    """Ticks for JSON: in dollars."""
    return None if ticks is None else ticks / 10**10


def _prompt_of(args: argparse.Namespace) -> str | None:
    """The prompt that was given. Raises Refused."""
    if args.prompt_file is None:
        return args.prompt
    try:
        with open_given(Path(args.prompt_file)) as file:
            data = file.read(_LARGEST_PROMPT + 1)
        if len(data) > _LARGEST_PROMPT:
            raise Refused(f"“{args.prompt_file}” is too long for a prompt.")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise Refused(f"“{args.prompt_file}” cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise Refused(f"“{args.prompt_file}” is no text in UTF-8.") from error


def _set(scene: bpy.types.Scene, prompt: str | None, args: argparse.Namespace) -> None:
    """Set the panel as the options say. Raises Refused."""
    chosen: Any = scene.grok_video
    if prompt is not None:
        chosen.prompt, chosen.prompt_text = prompt, None
    for option, setting in _SETTINGS.items():
        value = getattr(args, option)
        if value is None:
            continue
        try:
            setattr(chosen, setting, value)
        except (TypeError, ValueError, OverflowError) as error:
            _, _, there = str(error).partition(" not found in ")
            offered = f"There is: {there}." if there else ""
            raise Refused(f"--{option} cannot be “{value}”.", offered) from error
        if (now := getattr(chosen, setting)) != value:  # Blender takes the nearest number
            raise Refused(f"--{option} cannot be {value}. The nearest is {now}.")

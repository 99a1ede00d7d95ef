"""The variants of one click: several jobs that differ in their prompts, and share pictures, settings and slot.

The rules of the braces in a prompt are ``core.variants``'; this file makes jobs of what they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import bpy

from ...core.record import record
from ...core.spec import JobSpec, new_id
from ...core.variants import Variants, variants_of
from ...service import checks
from ..refusal import Refused

OutputOf = Callable[[str, str], str]  # prompt and job's id -> path of the clip


@record
class Variant:
    """A job that is bought along with the first of a click, from the same pictures."""

    id: str  # of the job
    prompt: str
    output: str  # absolute path of the MP4 to be


def asked_for(scene: bpy.types.Scene) -> Variants:
    """The variants that the scene's prompt stands for. Cheap enough for a redraw."""
    return variants_of(scene.grok_video.written_prompt())


def first_prompt(scene: bpy.types.Scene) -> str:
    """The prompt of the first variant; what is written, where there are too many variants."""
    return next(iter(asked_for(scene).prompts), scene.grok_video.written_prompt())


def price_of_all(each: int | None, count: int) -> int | None:
    """Ticks that so many variants cost; None where the price of one is not known."""
    return None if each is None else each * count


def refusal(draft: JobSpec, asked: Variants) -> str:
    """'' or why the variants of ``draft`` would be refused: what one of their prompts changes about that."""
    if asked.refusal:
        return asked.refusal
    if asked.count == 1:
        return ""
    # What a prompt can be refused for is its length.
    by_length = sorted(asked.prompts, key=len)
    for prompt in (by_length[0], by_length[-1]):
        if why := checks.refusal(replace(draft, prompt=prompt)):
            return f"Variant {asked.prompts.index(prompt) + 1}: {why}"
    return ""


def others_of(spec: JobSpec, asked: Variants, output_of: OutputOf) -> tuple[Variant, ...]:
    """The variants after the first, which is ``spec``. Raises Refused, before anything is made for any of them."""
    if why := refusal(spec, asked):
        raise Refused(why)
    ids = [(new_id(), prompt) for prompt in asked.prompts[1:]]
    return tuple(Variant(job_id, prompt, output_of(prompt, job_id)) for job_id, prompt in ids)


def specs_of(first: JobSpec, others: Iterable[Variant]) -> list[JobSpec]:
    """The specs of all variants: the pictures are those of ``first``, and the clips are takes of its slot.

    Without a slot each clip comes as a strip of its own.
    """
    return [
        first,
        *(replace(first, id=one.id, prompt=one.prompt, output=one.output) for one in others),
    ]


def put_each(first: JobSpec, others: Iterable[Variant], put: Callable[[JobSpec], None]) -> None:
    """Let ``put`` buy each variant after ``first``, which is bought.

    Raises Refused, where one could not be bought: those after it are not.
    """
    specs = specs_of(first, others)
    for number, spec in enumerate(specs[1:], 1):
        try:
            put(spec)
        except Refused as error:
            there = "1 is" if number == 1 else f"{number} are"
            raise Refused(
                f"Of {len(specs)} variants {there} in the list. The others were not sent or charged: {error}"
            ) from error

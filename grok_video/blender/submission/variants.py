"""The variants of one click: several jobs that differ in their prompts and in whom these name, and share all else.

The rules of the braces in a prompt are ``core.variants``'; this file makes jobs of what they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import bpy

from ...core.record import record
from ...core.spec import Character, JobSpec, Picture, new_id
from ...core.variants import Variants, variants_of
from ..refusal import Refused

OutputOf = Callable[[str, str], str]  # prompt and job's id -> path of the clip


@record
class Variant:
    """A job that is bought along with the first of a click: what of it is another than the first one's."""

    id: str  # of the job
    prompt: str
    output: str  # absolute path of the MP4 to be
    estimate: int | None  # ticks
    #: Pictures of characters that only this prompt names are made along with the first one's.
    references: tuple[Picture, ...]
    voices: tuple[str, ...]
    cast: tuple[Character, ...]


def asked_for(scene: bpy.types.Scene) -> Variants:
    """The variants that the scene's prompt stands for. Cheap enough for a redraw."""
    return variants_of(scene.grok_video.written_prompt())


def first_prompt(scene: bpy.types.Scene) -> str:
    """The prompt of the first variant; what is written, where there are too many variants."""
    return next(iter(asked_for(scene).prompts), scene.grok_video.written_prompt())


def variant_of(draft: JobSpec, price: int | None, output_of: OutputOf) -> Variant:
    """The variant that ``draft`` asks for, as a job to be of that price. Raises Refused."""
    job_id = new_id()
    output = output_of(draft.written or draft.prompt, job_id)
    return Variant(job_id, draft.prompt, output, price, draft.references, draft.voices, draft.cast)


def specs_of(first: JobSpec, others: Iterable[Variant]) -> list[JobSpec]:
    """The specs of all variants: the pictures are made with those of ``first``, and the clips are takes of its slot.

    Without a slot each clip comes as a strip of its own.
    """
    sizes = {mark.path: mark.size for mark in first.files}

    def sized(picture: Picture) -> Picture:
        return replace(picture, size=sizes.get(picture.path, picture.size))

    return [
        first,
        *(
            replace(
                first,
                id=one.id,
                prompt=one.prompt,
                output=one.output,
                estimate=one.estimate,
                references=tuple(map(sized, one.references)),
                voices=one.voices,
                cast=one.cast,
            )
            for one in others
        ),
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

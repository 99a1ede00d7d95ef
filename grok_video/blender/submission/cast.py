"""Who of a scene's cast goes along with a clip: what the prompt becomes, and why it cannot be sent.

The rules of the names are ``core.cast``'s; this file takes the characters from the scene, and finds in a job what was
written for it.
"""

from __future__ import annotations

import functools
from typing import Any

import bpy

from ...core import cast
from ...core.cast import Cast, Told
from ...core.spec import Character, JobSpec
from ...core.variants import as_typed, variants_of
from ..sources import capture

#: Stands in its place of the cast for a character that no prompt in question can name.
_UNNAMED = Character("")


def characters(scene: bpy.types.Scene, prompts: str) -> Cast:
    """The cast of a scene, as far as ``prompts`` can name it: read once for all variants of a prompt."""
    may_name = cast.naming(prompts)
    return _same(
        tuple(
            Character(one.name, len(one.images), one.voice) if may_name(one.name) else _UNNAMED
            for one in scene.grok_video.cast
        )
    )


@functools.lru_cache(maxsize=8)
def _same(members: tuple[Character, ...]) -> Cast:
    # What is one and the same need not be compared, character by character, for each prompt.
    return Cast(members)


def named(scene: bpy.types.Scene, name: str) -> Any:
    """The character of that name in the cast of a scene, in capitals or not; None where there is none."""
    wanted = name.casefold()
    return next((one for one in scene.grok_video.cast if one.name.casefold() == wanted), None)


def told(scene: bpy.types.Scene, prompt: str, people: Cast | None = None) -> Told:
    """What a prompt without alternatives says of the cast of a scene. Cheap enough for a redraw.

    ``people``: the ``characters``, where they were read for other prompts just now.
    """
    if "@" not in prompt:
        return Told(prompt)
    people = characters(scene, prompt) if people is None else people
    return cast.told(prompt, people, len(scene.grok_video.references))


def written_for(prompt: str, said: Told) -> str:
    """What a job keeps of the prompt as it was written; '' where exactly that is sent."""
    return "" if said.prompt == prompt and not said.trouble else as_typed(prompt)


def refusal(
    scene: bpy.types.Scene, draft: JobSpec, people: Cast | None = None, *, look: bool = False
) -> str:
    """'' or why the cast cannot go along as the draft's prompt names it; ``look``: at the files of its pictures.

    ``people``: as for ``told``.
    """
    if not draft.written:
        return ""
    said = told(scene, variants_of(draft.written).prompts[0], people)
    if said.trouble:
        return said.trouble
    for number in said.named:
        character = scene.grok_video.cast[number]
        for place, one in enumerate(character.images, 1):
            if why := capture.image_refusal(one.image, look=look):
                return f"Picture {place} of @{character.name}: {why}"
    return ""


def plain_references(spec: JobSpec) -> int:
    """How many of a job's references were the clip's own: those of its cast come after."""
    return max(len(spec.references) - sum(one.pictures for one in spec.cast), 0)


def as_written(spec: JobSpec) -> str:
    """The prompt of a job with ``@Name``, as artists know it, and with the alternative that became this job."""
    if not spec.cast:
        return spec.prompt
    return _as_written(spec.prompt, spec.written, spec.cast, plain_references(spec))


def typed_for(spec: JobSpec) -> str:
    """What to type into a prompt to get this job, without the alternatives that became others."""
    named = as_written(spec)
    return as_typed(cast.as_typed(spec.prompt) if named == spec.prompt else named)


@functools.lru_cache(maxsize=64)  # rows of the list ask at each redraw
def _as_written(prompt: str, written: str, members: tuple[Character, ...], before: int) -> str:
    for one in variants_of(written).prompts:
        if cast.told(one, members, before).prompt == prompt:
            return one
    return prompt

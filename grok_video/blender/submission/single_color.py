"""Pictures of one colour from edge to edge, of which a clip is bought only by the artist's second word.

An engine that fails, a scene whose view layers are off, a driver that reads 0 make such a picture, and what would be
bought with it is nothing. Owns which pictures of a spec are looked at, and the words.
"""

from __future__ import annotations

from pathlib import Path

from ...core.problem import Problem, ProblemCode
from ...core.spec import JobSpec
from ..sources import pixels


def single_colored(spec: JobSpec) -> list[str]:
    """What the frames of ``spec`` that are one colour are called: 'source still', 'end frame'. Raises Interrupted.

    References are not looked at: the artist picked each as a picture of a thing or a look.
    """
    references = {picture.path for picture in spec.references}
    return [
        what
        for what, picture in spec.pictures
        if picture.path not in references and pixels.is_single_color(Path(picture.path))
    ]


def words_of(spec: JobSpec) -> str:
    """'' or a sentence that frames of ``spec`` are one colour. Raises Interrupted."""
    if not (found := single_colored(spec)):
        return ""
    named = f"{', '.join(found[:-1])} and {found[-1]} are" if len(found) > 1 else f"{found[0]} is"
    return f"The {named} one colour from edge to edge, as when nothing is lit, in view or rendered."


def problem_of(words: str, *, script: bool) -> Problem:
    """Why a job waits for *Send*; ``words``: of ``words_of``; ``script``: besides, a script asked for it."""
    by = "A script asked for this clip, not you. " if script else ""
    return Problem(ProblemCode.HELD, f"{words} {by}Nothing was bought.", "Press Send to buy it.")

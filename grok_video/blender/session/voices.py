"""The voices that a character can have, as far as anybody knows them: of the service, of a refusal, of the table.

Owns whom to believe. The lists need a key that may read them; a voice can be typed without any list.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from ...core.job import Job, State
from ...core.problem import ProblemCode
from ...service.models import VOICES
from ...service.voices import voices_in
from . import questions
from .state import current

_LOOKED_THROUGH = 50  # jobs, the newest


def known() -> Sequence[str]:
    """Ids of voices to choose from: the account's own, and those that the service has named, else is known for."""
    return list({voice.casefold(): voice for voice in (*own(), *(named() or VOICES))}.values())


def own() -> Sequence[str]:
    """Ids of the account's own voices, as the service last listed them; empty where the key may not read them."""
    return _listed("own_voices")


def named() -> Sequence[str]:
    """Ids of the voices that the service has named, in its list or in its last refusal; empty where it named none."""
    if listed := _listed("voices"):
        return listed
    for job in islice(current().bridge.snapshot.all, _LOOKED_THROUGH):
        if offered := offered_by(job):
            return offered
    return ()


def _listed(which: str) -> Sequence[str]:
    """A list of the last answer about voices; empty before there is one."""
    answer = questions.answer_to(current().questions.voices)
    listed = answer.get(which) if answer is not None else None
    return [str(voice) for voice in listed] if isinstance(listed, list) else ()


def offered_by(job: Job) -> Sequence[str]:
    """Ids of the voices that the service named when it refused this job for one of its voices; else empty."""
    problem = job.problem
    if job.state is not State.FAILED or not job.spec.voices or problem is None:
        return ()
    return voices_in(problem.message) if problem.code is ProblemCode.REQUEST else ()


def is_unknown(voice: str) -> bool:
    """Whether the service has named voices, and not that one; an account's own voice is none of those."""
    heard = {one.casefold() for one in named()}
    mine = {one.casefold() for one in own()}
    return bool(heard) and voice.strip().casefold() not in heard | mine

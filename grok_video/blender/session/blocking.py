"""How scripts and background mode wait for a job: ticks in a loop, until the job has ended or cannot go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import bpy

from ...core.amount import usd
from ...core.job import Job, State
from ...core.legible import tell
from ...core.shape import other_shape
from ..refusal import Refused
from . import waiting
from .answers import refusal_in, refuse_not_taken
from .queue import account, read_all, refuse_hopeless, refuse_unheard, send
from .state import current, job_by_id
from .tick import TICK_BUDGET, tick


def stop_unsent(context: bpy.types.Context, job_id: str, seconds: float) -> None:
    """Stop a job unless it was sent, and tick until that is known, for so many seconds at most.

    Scripts and background mode only: this blocks.
    """

    def settled(job: Job | None) -> bool:
        return job is not None and (job.sent or bool(job.request_id) or not job.open)

    bridge = current().bridge
    read_all()
    if settled(job_by_id(job_id)):
        return
    send("stop", job=job_id)

    def known() -> bool:
        if settled(job_by_id(job_id)):
            return True
        bridge.tick(TICK_BUDGET)
        # No job, and nothing left to be read: the script was interrupted before there was a job.
        return job_by_id(job_id) is None and not bridge.expects

    waiting.until(known, lambda: bridge.worker.ensure(account()), seconds)


def wait_for(
    context: bpy.types.Context, asked: Callable[[], Mapping[str, object] | None]
) -> Mapping[str, object]:
    """Tick until a question is answered (scripts and background mode only: this blocks)."""

    def go_on() -> None:
        refuse_hopeless()
        tick(context)
        if asked() is None:
            refuse_unheard()

    answer = waiting.until(asked, go_on)
    assert answer is not None
    return answer


def wait_until(context: bpy.types.Context, job_id: str, ended: Callable[[Job], bool]) -> Job:
    """Tick until the job has ended (scripts and background mode only: this blocks)."""

    def over() -> Job | None:
        tick(context)
        job = job_by_id(job_id)
        if job is None:
            refuse_not_taken(job_id)
            refuse_unheard()
            return None
        return job if ended(job) else None

    job = waiting.until(over, refuse_hopeless)
    assert job is not None
    return job


def wait_for_shots(context: bpy.types.Context) -> None:
    """Tick until each shot of the press that is under way is a job, or came to none (scripts: this blocks).

    Raises Refused.
    """

    def go_on() -> None:
        refuse_hopeless()
        tick(context)

    waiting.until(lambda: current().shot_batch.press is None, go_on)


def leave(job_id: str) -> None:
    """Note a job that a script does not wait for now; see ``jobs_left``."""
    current().blocking.left[job_id] = None


def jobs_left() -> list[str]:
    """The jobs whose end no script was told yet, and those of this session that are under way, oldest first."""
    session = current()
    under_way = (key for key in session.documents if (job := job_by_id(key)) and job.open)
    return list(dict.fromkeys((*session.blocking.left, *under_way)))


def taken(job_id: str) -> None:
    """Forget a job that ``leave`` noted: a script waits for it from now on."""
    current().blocking.left.pop(job_id, None)


def wait_for_command(
    context: bpy.types.Context,
    command: str,
    job_id: str = "",
    all_the_same: Callable[[Job], bool] = lambda _job: False,
) -> None:
    """Tick until a command's own answer is there, and what it did is read (scripts and background mode: this blocks).

    Raises Refused with the reason where the command was refused, unless the job is ``all_the_same`` as was wanted.
    """
    name, _ = current().answers.awaited.get(command, ("", ""))
    answer = wait_for(context, lambda: current().bridge.answer(command))
    job = job_by_id(job_id)
    if not answer["ok"] and not (job is not None and all_the_same(job)):
        raise Refused(refusal_in(name, answer))


_last_step: object = None  # the last step of a job that the console of a script was told


def say_step(job: Job) -> None:
    """Print a job's step on the console of a script, once; at the end with the path of the clip."""
    global _last_step
    step = (job.id, job.state, job.problem and job.problem.message)
    if _last_step == step:
        return
    _last_step = step
    words = [f"Grok Video {job.spec.short_id}: {job.state.lower()}"]
    if job.problem is not None:
        words.append(job.problem.message)
    if job.state is State.IMPORTED and job.clip is not None:
        words.append(job.clip.path)
        if job.cost is not None:
            words.append(usd(job.cost))
        if shape := other_shape(job):
            words.append(shape)
    tell(", ".join(words))


#: Seconds that an interrupted script waits to know whether its job was sent.
INTERRUPTED_SECONDS = 5.0


def interrupted(context: bpy.types.Context, job_id: str) -> str:
    """After Ctrl-C in a script: stop the job unless it was sent; returns a sentence of what became of it."""
    stop_unsent(context, job_id, INTERRUPTED_SECONDS)
    return f"Interrupted. {became_of(job_id)}"


def became_of(job_id: str) -> str:
    """A sentence of what became of a job that ``stop_unsent`` was to stop."""
    job = job_by_id(job_id)
    if job is not None and (job.sent or job.request_id):
        return "The job was sent and goes on at the service; Retry or a new start finds it."
    if job is None and not current().bridge.expects:
        return "Nothing was sent or charged."
    if job is not None and job.state is State.CANCELLED:
        return "The job was not sent or charged; it is kept in the list."
    return "The job is being stopped; if it was sent before, it is kept in the list."


#: Seconds that a script waits with an unsent job for a service that cannot be reached.
UNREACHABLE_SECONDS = 60.0

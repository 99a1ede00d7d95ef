"""The takes of a slot: which there are, another one, the one that a strip shows, and what a new one does when it comes.

A new take is shown by the strip that asked for it, where the artist has not chosen another since. Its arrival makes no
undo step; the artist's choice is one.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import bpy

from ...core import mp4
from ...core.job import FINAL_STATES, Job
from ...core.record import record
from ...core.spec import Clip, JobSpec, new_id
from .. import compat, submission, timeline
from ..identity import Meant
from ..refusal import Refused
from . import click, files, look_frames, placing, seams, slots, unused
from .state import current, job_by_id, may_come, under_way

_DOWNLOAD = "Download Again brings it back, free."


@record
class Choice:
    """The takes of the slot that a strip belongs to, oldest first, and which of them the strip shows."""

    takes: tuple[Job, ...]
    shown: int  # index; -1 where the job of the strip is not in the list

    @property
    def job(self) -> Job | None:
        """The take that the strip shows, or waits for."""
        return self.takes[self.shown] if self.shown >= 0 else None

    def first(self, step: int) -> Job | None:
        """The first other take with a clip from the end where a walk in the direction of ``step`` begins anew."""
        others = [job for job in self.takes if job.clip is not None and job != self.job]
        return next(iter(others if step > 0 else reversed(others)), None)

    def beside(self, step: int) -> Job | None:
        """The next take with a clip in the direction of ``step`` (1 or -1); None where there is none."""
        at = self.shown + step
        while 0 <= at < len(self.takes):
            if self.takes[at].clip is not None:
                return self.takes[at]
            at += step
        return None


def choice_of(strip: Any) -> Choice:
    """The takes that a movie strip may show. Cheap enough for a redraw."""
    jobs = current().bridge.snapshot.jobs
    own = jobs.takes_of(timeline.strips.slot_of(strip))
    earlier = [jobs[one] for one in timeline.takes.earlier_of(strip) if one in jobs]
    takes = tuple({job.id: job for job in (*earlier, *own)}.values())
    shown_id = timeline.strips.job_of(strip)
    shown = next((at for at, job in enumerate(takes) if job.id == shown_id), -1)
    if shown < 0 and shown_id in jobs:  # of another slot: a strip that a script tagged
        return Choice((jobs[shown_id], *takes), 0)
    return Choice(takes, shown)


def is_given_up(strip: Any) -> bool:
    """Whether a strip waits for a clip that comes only when it is bought again. Cheap enough for a redraw."""
    job = job_by_id(timeline.strips.job_of(strip))
    over = job is not None and not may_come(job) and timeline.slots.is_waiting(strip)
    return over and under_way(timeline.strips.slot_of(strip)) is None


def asked_of(strip: Any) -> Job:
    """The take whose request another take of the strip repeats. Raises Refused."""
    job = choice_of(strip).job
    if job is None:
        raise Refused(
            f"The take that “{strip.name}” shows is not in the list of clips.",
            "Generate makes a new clip.",
        )
    return job


def another_take(
    context: bpy.types.Context, strip: Any, *, changed: bool, allow_single_color: bool = False
) -> str:
    """Buy another take for a strip: the same request, or ``changed`` by the panel's prompt and settings.

    Returns the id of the job to be. Raises Refused, Interrupted.
    """
    job = asked_of(strip)
    wanted = submission.takes.changed(context, context.scene, job.spec) if changed else None
    if wanted is not None and wanted.trouble:
        raise Refused(wanted.trouble)

    def buy(scene: bpy.types.Scene, frame: int, slot: str) -> str:
        if wanted is not None and wanted.anew:
            click.refuse_now()
            asked = submission.takes.generated_anew(
                context,
                job.spec,
                scene,
                frame,
                current().bridge.session,
                look_frames.in_look(context.scene),
            )
            place = replace(asked.spec.target, slot=slot)
            asked.spec = replace(asked.spec, target=place)
            return click.accept(context, asked, allow_single_color=allow_single_color)
        fresh = None
        if wanted is not None:
            fresh = submission.finish.looked_at(wanted.draft, job.spec)
        return click.send_again(context, job, scene, frame, slot=slot, changed=fresh)

    return _shown_when_it_comes(strip, job, buy)


def finish(
    context: bpy.types.Context,
    strip: Any,
    final: JobSpec,
    *,
    keep_motion: bool,
    allow_single_color: bool = False,
) -> str:
    """Buy ``final``, the final clip of the draft that a strip shows, as a take of the strip: see ``submission.finish``.

    Returns the id of the job to be. Raises Refused, Interrupted.
    """
    job = asked_of(strip)

    def buy(scene: bpy.types.Scene, frame: int, slot: str) -> str:
        fresh = submission.finish.looked_at(final, job.spec)
        if not keep_motion:
            return click.send_again(context, job, scene, frame, slot=slot, changed=fresh)
        click.refuse_now()
        if lost := files.look_now(job):
            there = "gone" if lost == "gone" else "another file now"
            raise Refused(f"The clip of this draft is {there}, so its motion cannot be kept.")
        session = current().bridge.session
        asked = submission.finish.finishing(job, fresh, session, scene, frame, slot)
        return click.accept(context, asked, allow_single_color=allow_single_color)

    return _shown_when_it_comes(strip, job, buy)


def _shown_when_it_comes(
    strip: Any, job: Job, buy: Callable[[bpy.types.Scene, int, str], str]
) -> str:
    """Let ``buy(scene, frame, slot)`` buy a take for a strip that shows ``job``, and the strip await it; the take's id."""
    scene, frame = strip.id_data, compat.span(strip)[0]
    meant, name = Meant.of(scene), strip.name
    slot = timeline.takes.keep_slot(strip)
    job_id = buy(scene, frame, slot)
    strip = timeline.takes.find(meant, name)
    if strip is not None:  # no undo step: the strip shows what it showed
        timeline.takes.await_take(strip, job_id)
        current().takes.asked[job_id] = (meant, name, job.id)
        slots.follow(slot)
    return job_id


def choose(context: bpy.types.Context, strip: Any, job: Job, *, pieces: bool) -> list[str]:
    """Let a strip, or all ``pieces`` of its slot in its scene, show a take; sentences for the artist. Raises Refused."""
    if job.clip is None:
        raise Refused(f"This take has no clip: {_why_not(job)}.", "Choose another one.")
    clip, said = _clip_now(job)
    slot, newest = timeline.takes.keep_slot(strip), choice_of(strip).takes[-1].id
    showing = placing.showing_of(job.spec, clip)
    scene, wanted = strip.id_data, [strip]
    if pieces:
        wanted = list(timeline.slots.strips_of_slot(slot, scene))
    for name in [one.name for one in wanted]:  # a take of another rate makes a strip another object
        one = compat.strips_all(scene.sequence_editor)[name]
        timeline.takes.keep_slot(one)
        said += timeline.slots.show(context, one, showing, job.id)
        seams.shown(context, scene, name, job)
        one = compat.strips_all(scene.sequence_editor)[name]
        timeline.takes.note_choice(one, newest)
    unused.note_used()  # at once: who steps through takes leaves one before the look after a change, yet in an undo step
    return list(dict.fromkeys(said))


def _why_not(job: Job) -> str:
    if job.problem is not None and job.state in FINAL_STATES:
        return job.problem.message.rstrip(".")
    return "it failed or was stopped" if job.state in FINAL_STATES else "it is not there yet"


def _clip_now(job: Job) -> tuple[Clip, list[str]]:
    """What is in the file of a take now, after one look, and a sentence where that is another one. Raises Refused."""
    assert job.clip is not None
    if job.fetching:
        raise Refused("The file of this take is being downloaded.", "Choose it when it is there.")
    lost = files.look_now(job)
    if not lost:
        return job.clip, []
    if lost == "gone" and files.is_put_away(job):
        raise Refused("This take lies in the folder “unused”.", "Press Put Back first.")
    if lost == "gone":
        raise Refused(f"The file of this take is gone: {job.clip.path}.", _DOWNLOAD)
    try:
        return mp4.probe(job.clip.path), [
            f"Another file lies where the clip of this take was, and is shown. {_DOWNLOAD}"
        ]
    except (mp4.NotAClip, OSError) as error:
        raise Refused(f"The file of this take is no clip any more: {error}.", _DOWNLOAD) from error


def is_of_slot_here(job: Job) -> bool:
    """Whether the clip of a job is a take of a slot of which this file has strips."""
    return bool(job.spec.target.slot) and slots.stands(job.spec.slot)


def is_unwanted(job: Job) -> bool:
    """Whether the strips are gone that asked for a take in this session: its clip is not forced upon anybody."""
    return job.id in current().takes.asked and not is_of_slot_here(job)


def arrive(context: bpy.types.Context, job: Job) -> bpy.types.Scene:
    """Let the strips that asked for a take show it; the scene of the slot, of which this file has strips.

    No undo step is made.
    """
    strips = list(timeline.slots.strips_of_slot(job.spec.slot))
    scene = strips[0].id_data
    for strip in strips:
        if _awaits(strip, job):
            try:
                _show(context, strip, job)
            except Exception:
                # A bug leaves this strip as it was, and the take to be chosen: raised, it would end all ticks.
                traceback.print_exc()
    slots.has_come(job)
    return scene


def _awaits(strip: Any, job: Job) -> bool:
    """Whether a strip asked for a take, and the artist has not chosen one for it since the take was there."""
    if timeline.takes.awaited_by(strip) == job.id:
        return True
    meant, name, before = current().takes.asked.get(job.id, (None, "", ""))
    if meant is None or (strip.name, timeline.strips.job_of(strip)) != (name, before):
        return False
    takes = [one.id for one in choice_of(strip).takes]
    newest = timeline.takes.chosen_at(strip)
    chosen = newest in takes and job.id in takes and takes.index(newest) >= takes.index(job.id)
    return not chosen and meant.find(bpy.data.scenes) == strip.id_data


def _show(context: bpy.types.Context, strip: Any, job: Job) -> None:
    assert job.clip is not None
    showing = placing.showing_of(job.spec, job.clip)
    scene, name = strip.id_data, strip.name
    timeline.slots.show(context, strip, showing, job.id)
    seams.shown(context, scene, name, job)
    strip = compat.strips_all(scene.sequence_editor)[name]
    strip.pop(timeline.takes.AWAITED_PROPERTY, None)


def awaited() -> set[str]:
    """The ids of the jobs whose clips the strips of the file say that they await."""
    found = set[str]()
    for scene in bpy.data.scenes:
        if scene.library is None and scene.sequence_editor is not None:
            every = compat.strips_all(scene.sequence_editor)
            found.update(timeline.takes.awaited_by(strip) for strip in every)
    return found - {""}


def is_busy() -> bool:
    """Whether a tick has something to do for takes that strips of the opened file wait for."""
    session = current()
    return bool(session.takes.expected) and (session.bridge.reader.behind or bool(_known()))


def _known() -> set[str]:
    """Of the takes that strips of the opened file wait for: those that are there, and those that will not come."""
    session = current()
    jobs = session.bridge.snapshot.jobs
    found = {one: jobs.get(one) for one in session.takes.expected}
    return {
        one
        for one, job in found.items()
        if job is None or not may_come(job) or (job.clip is not None and not job.fetching)
    }


def settle_opened(context: bpy.types.Context) -> None:
    """Let strips of the opened file show the takes that they wait for, when these are there."""
    session = current()
    if not session.takes.expected or session.bridge.reader.behind:
        return
    known = _known()
    if known and not timeline.importing.unsettled(context, at_once=True):
        session.takes.expected -= known
        settle(context)


def settle(context: bpy.types.Context) -> None:
    """Let strips show the takes that came while the state that an undo or a file brought back was older than that."""
    if timeline.importing.unsettled(context, at_once=True):
        return
    jobs = current().bridge.snapshot.jobs
    # In the order of the purchases: a take follows the take that its strip showed before.
    for job_id in dict.fromkeys((*current().takes.asked, *awaited())):
        job = jobs.get(job_id)
        if job is None or job.clip is None or job.fetching or seams.is_held(job_id):
            continue
        for strip in list(timeline.slots.strips_of_slot(job.spec.slot)):
            if _awaits(strip, job) and not files.look_now(job):
                _show(context, strip, job)
                slots.has_come(job)


def own_slot(strip: Any) -> None:
    """Let a strip be a slot of its own: takes that it gets from now on are its own; those so far stay its first."""
    takes = [job.id for job in choice_of(strip).takes if job.clip is not None]
    timeline.takes.become_own_slot(strip, new_id(), takes)


def file_opened() -> None:
    """Forget what strips of the file that was open asked for: strips of this one say so themselves."""
    own = current().takes
    own.asked.clear()
    own.expected = awaited()

"""A downloaded clip becomes strips: by itself where it was asked for, else when the artist presses Import."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import bpy

from ...core.job import Job, State
from ...core.problem import Problem, ProblemCode
from ...core.spec import Kind
from .. import identity, said, timeline
from ..refusal import Refused
from . import files, placing, seams, slots, takes
from .click import say
from .queue import send
from .series import drop_passes, go_on_from
from .state import current, is_as_clicked, is_open, open_spellings

if TYPE_CHECKING:
    from ..timeline import importing

CLAIM_SECONDS = 10.0  # before an import that was not granted is asked for again


def imports_by_itself(job: Job) -> bool:
    """Whether this session imports the clip of ``job`` without being asked.

    A session does so for its own clicks while their file is open, and for the clicks of a Blender that has ended in
    the file that is open here.
    """
    session = current()
    if job.state is not State.READY or not job.driven or job.id in session.imports.reported:
        return False
    if job.spec.kind is Kind.LOOK:  # never on a timeline: see ``looks``
        return False
    if job.fetching:
        return False
    claimant = job.claimed_by
    if claimant not in ("", session.bridge.session) and not session.bridge.session_ended(claimant):
        return False
    if job.id in session.slots.waiting or slots.is_removed(job) or takes.is_unwanted(job):
        return False  # the clip takes its slot's place, or the artist has removed that
    given_back = job.problem is not None and job.problem.code is ProblemCode.SCENE
    if job.id in session.imports.claimed and not claimant and given_back:
        return False  # given back once: the clip waits for the artist
    if job.id in session.documents:
        return session.documents[job.id] == session.document or is_open(job.spec.target.blend)
    return is_open(job.spec.target.blend) and session.bridge.session_ended(job.spec.target.session)


def imports_to_come() -> list[Job]:
    """The clips that this session imports without being asked, newest first.

    Only clips of its own clicks and of the open file are looked at: a long list may hold thousands for other files.
    """
    session = current()
    ready = session.bridge.snapshot.jobs.ready_for(open_spellings(), session.documents)
    return [job for job in ready if imports_by_itself(job)]


def import_due(context: bpy.types.Context) -> bool:
    """Import the next clip that comes in by itself; True when one was imported or given back. Raises Refused."""
    session = current()
    session.imports.waiting = ""
    if (arrived := arrive_next(context)) is not None:
        return arrived
    for job in imports_to_come():
        if job.claimed_by != session.bridge.session:
            # Asked for again after a while: the worker of the Blender that has the claim may outlive that Blender.
            now = time.monotonic()
            if now - session.imports.claimed.get(job.id, -CLAIM_SECONDS) >= CLAIM_SECONDS:
                send("claim", job=job.id, session=session.bridge.session)
                session.imports.claimed[job.id] = now
            continue
        if seams.is_held(job.id):
            continue
        scene = _target_scene(job)
        if scene is None:
            _give_back(job, f"The scene “{job.spec.target.scene}” is not there any more.")
            return True
        if takes.is_of_slot_here(job) and files.look_now(job) != "gone":
            if why := timeline.importing.unsettled(context, at_once=True):
                wait_because(why)
                continue
            _report_imported(job, takes.arrive(context, job))
            return True
        if why := timeline.importing.refusal(context, scene):
            wait_because(why)
            continue
        _import_as_operator(job)
        return True
    return False


def hold_unmeasured() -> None:
    """Hold back the clips that wait for the measurement of their colours; see ``seams``."""
    seams.hold([*slots.takes_there(), *imports_to_come()])


def arrive_next(context: bpy.types.Context) -> bool | None:
    """Let the next slot whose clip is there become that clip: True when one did, False when it waits; None: none is due.

    A slot is in the file already, so no claim is asked for: in two Blenders with the same file both show the clip.
    """
    due = slots.due()
    if not due:
        return None
    if why := timeline.importing.unsettled(context, at_once=True):
        wait_because(why)
        return False
    for job_id in due:
        if (arrival := slots.arrive(context, job_id)) is not None:
            if arrival.whole and arrival.scene is not None:
                _arrived(arrival, arrival.scene)
            return True
    return None


def _arrived(arrival: slots.Arrival, scene: bpy.types.Scene) -> None:
    """Report a clip that has become its slot, once, and let what was agreed to go on from it."""
    job, session = arrival.take, current()
    landing = slots.landing_of(arrival)
    if landing.notice:
        session.imports.landings[job.id] = landing
    if job.id in session.imports.reported:
        return
    if job.state is State.READY:  # else another Blender with this file was the first to say so
        _report_imported(job, scene)
    go_on_from(job.id, scene, arrival.movie)


def wait_because(why: str) -> None:
    """Say in the panel why a clip that is ready is not imported just now; the next tick tries again."""
    current().imports.waiting = why


def _target_scene(job: Job) -> bpy.types.Scene | None:
    """The scene that the job's clip is for; None when it is gone."""
    return identity.scene_of(job.spec.target, same_file=is_as_clicked(job))


def forget_landings() -> None:
    """Stop showing the notices of imported clips: the artist has mended what they told of."""
    current().imports.landings.clear()


def _import_as_operator(job: Job) -> None:
    """Import a job's clip through the operator, so that the import is one undo step of its own."""
    if bpy.app.background:
        import_job(bpy.context, job, None, None)
        return
    window = bpy.context.window_manager.windows[0]
    try:
        with bpy.context.temp_override(window=window):
            bpy.ops.grok_video.import_result("EXEC_DEFAULT", True, job=job.id)
    except said.BLENDERS_ERRORS as error:  # Blender raises what the operator has reported
        say(said.sentence(error))


def import_job(
    context: bpy.types.Context,
    job: Job,
    scene: bpy.types.Scene | None,
    frame: int | None,
) -> importing.Landing | None:
    """Make the strips of a downloaded job; None when the strips are there already.

    ``scene`` and ``frame`` are where the artist wants the clip; with both None the job's own target counts. Raises
    Refused.
    """
    session = current()
    asked_for = scene is not None or frame is not None
    by_itself = not asked_for and imports_by_itself(job)
    own = _target_scene(job)
    scene = scene or own
    if scene is None:
        _give_back(job, f"The scene “{job.spec.target.scene}” is not there any more.")
        raise Refused(f"The scene “{job.spec.target.scene}” is not there.", "Choose another one.")
    if job.clip is None:
        raise Refused("This job has no clip yet.")
    if job.spec.kind is Kind.LOOK:
        raise Refused("A look is a picture and no clip.", "Use makes it the first frame.")
    if job.fetching:
        raise Refused("The clip's file is being downloaded again.", "Import it when it is there.")
    if not asked_for and (there := next(timeline.slots.strips_of_job(job.id), None)):
        if not slots.waits_for(job.id):
            _report_imported(job, there.id_data)
            return None
        if why := timeline.importing.unsettled(context):
            raise Refused(why)
        return _arrive_now(context, job)
    if files.look_now(job) == "gone" and files.is_put_away(job):
        raise Refused("This clip lies in the folder “unused”.", "Press Put Back first.")
    if files.lost(job) == "gone":
        gone, hint = f"The file of this clip is gone: {job.clip.path}.", "Download Again is free."
        _give_back(job, gone, hint)
        raise Refused(gone, hint)
    if not asked_for and takes.is_of_slot_here(job):
        _report_imported(job, takes.arrive(context, job))
        return None
    try:
        at = frame if asked_for else None
        landing = placing.place(context, job.spec, job.clip, scene, at, here=scene == own)
    except Refused as error:
        _give_back(job, str(error))
        raise
    seams.arrived(context, scene, landing.movie, job)
    timeline.strips.show_scene(context, scene)
    if landing.notice:
        session.imports.landings[job.id] = landing
    if not (by_itself and go_on_from(job.id, scene, landing.movie)):
        drop_passes(job.id, "The part before it was placed by hand.")
    _report_imported(job, scene)
    return landing


def _arrive_now(context: bpy.types.Context, job: Job) -> importing.Landing:
    """Let the slot of a job become its clip, for a press of *Import*. Raises Refused."""
    arrival = slots.arrive(context, job.id)
    if arrival is None or arrival.scene is None:
        raise Refused("The file of this clip is gone.", "Download Again is free.")
    _arrived(arrival, arrival.scene)
    return slots.landing_of(arrival)


def _report_imported(job: Job, scene: bpy.types.Scene) -> None:
    own = current().imports
    own.told[job.id] = send("imported", job=job.id, scene=scene.name, blend=bpy.data.filepath)
    own.reported.add(job.id)  # said once, however late the worker reads the command


def _give_back(
    job: Job, sentence: str, hint: str = "The clip is kept. Press Import to place it."
) -> None:
    """Give a claimed clip back: it waits in the panel's list with its Import button, and nothing is lost."""
    if job.claimed_by == current().bridge.session and job.state is State.READY:
        problem = Problem(ProblemCode.SCENE, sentence, hint)
        send("unclaim", job=job.id, problem=asdict(problem))
        current().imports.reported.add(job.id)

"""Commands, Blender's word to the workers, done once: each becomes events, a change of limits, or a notice.

Owns what each command does to a job as things are now. How a command is put down and what it may hold is
``ledger.inbox``'s.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core import events, word
from ..core.files import sync_file
from ..core.job import TRANSITIONS, IllegalTransition, Job, State
from ..core.paths import spelling
from ..core.payload import seam_from_payload
from ..core.problem import Problem, ProblemCode
from ..core.seam import Seam
from ..core.shot import pictured
from ..core.spec import JobSpec, Kind
from ..core.spending import LARGEST_LIMIT
from .errors import CommandRefused
from .inbox import checked_spec, given_problem, held_problem, said_at, text_field
from .journal import write_limits
from .leases import Leases
from .listing import may_come
from .reader import REBUILT, limits_of
from .store import Store

#: Seconds for which the artist's word that the clock is right holds.
_CLOCK_HOLDS = 600.0
_UNREAD = "What was asked for could not be read."


class Commands:
    """Applies commands to one ledger: each once, however many workers find its file in the inbox."""

    def __init__(self, store: Store, leases: Leases) -> None:
        self._store = store
        self._leases = leases

    def apply(self, command: Mapping[str, Any]) -> None:
        """Do what a command says, once. Raises CommandRefused when its text makes no sense.

        A command that comes too late (a stop of a finished job) is answered by a notice and is no error.
        """
        store = self._store
        if command.get("command") == "submit":
            _sync_what_is_sent(checked_spec(command.get("spec")))
        with store.transaction():
            now = time.time()
            fresh = store.connection.execute(
                "INSERT OR IGNORE INTO commands(id, at) VALUES (?, ?)", (command["id"], now)
            )
            if fresh.rowcount == 0:
                return
            if command.get("command") == "heard":  # the artist has read that the ledger was rebuilt
                store.tell(REBUILT, {})
                return
            try:
                if command.get("command") == "limits":
                    self._set_limits(command)
                    store.tell(command["id"], {"ok": True, "message": ""})
                    return
                if command.get("command") == "today":
                    self._settle_clock(command, now)
                    store.tell(command["id"], {"ok": True, "message": ""})
                    return
                said = said_at(command, now)
                lapsed = word.lapsed(said, now)
                for job_id, event in self._meaning(command, lapsed):
                    if isinstance(event, events.FetchAgain):
                        self._leases.drop(job_id)
                    # What the artist's word lets be sent is as old as the word, whenever it is taken up.
                    given = isinstance(event, events.Created | events.Released) and not lapsed
                    self._refuse_late(job_id, event)
                    store.put(job_id, event, "", min(said, now) if given else now)
            except IllegalTransition as error:
                words = f"Too late: {error}."
                store.tell(command["id"], {"ok": False, "message": words, "late": True})

    def answer(self, command: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
        """Record that a command was done outside the ledger, or refused; Blender is told ``payload``, once."""
        self._answer([command["id"]], payload)

    def refuse_unread(self, command_ids: Sequence[str]) -> None:
        """Record that what was said under those ids could not be read, for the Blenders that wait for an answer."""
        self._answer(command_ids, {"ok": False, "message": _UNREAD})

    def _answer(self, command_ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        with self._store.transaction():
            for command_id in command_ids:
                fresh = self._store.connection.execute(
                    "INSERT OR IGNORE INTO commands(id, at) VALUES (?, ?)",
                    (command_id, time.time()),
                )
                # Where its file cannot be put aside, a command comes again each second.
                if fresh.rowcount:
                    self._store.tell(command_id, payload)

    def done(self, command_id: str) -> bool:
        """Whether a command was applied or answered before."""
        with self._store.reading():
            row = self._store.connection.execute(
                "SELECT 1 FROM commands WHERE id = ?", (command_id,)
            ).fetchone()
        return row is not None

    def _refuse_late(self, job_id: str, event: events.Event) -> None:
        """Raise IllegalTransition in an artist's words where the job has gone on to where ``event`` cannot happen."""
        job = self._store.current(job_id)
        if job is not None and (job.state, type(event)) not in TRANSITIONS:
            raise IllegalTransition(f"the clip is {job.state.lower()} by now")

    def _meaning(
        self, command: Mapping[str, Any], lapsed: Problem | None
    ) -> list[tuple[str, events.Event]]:
        """What a command makes happen: (job id, event) of each. Raises CommandRefused, IllegalTransition.

        ``lapsed``: why it is too late, or too early, to buy something by it.
        """
        name = command.get("command")
        if name == "submit":
            spec, held = checked_spec(command.get("spec")), held_problem(command) or lapsed
            if self._store.current(spec.id):
                return []
            self._refuse_frame_again(spec)
            self._refuse_shot_again(spec)
            made: list[tuple[str, events.Event]] = [(spec.id, events.Created(spec))]
            return [*made, (spec.id, events.Held(held))] if held is not None else made
        job_id = text_field(command, "job", 64)
        job = self._store.current(job_id)
        if job is None:
            raise CommandRefused(f"There is no job {job_id[:8]}.")
        match name:
            case "stop":
                if command.get("unsent") is True and (job.sent or job.request_id):
                    raise IllegalTransition("the clip was sent, and comes when it is done")
                return [(job_id, events.StopRequested())]
            case "retry":
                return [(job_id, events.Retried())]
            case "not_charged":
                return [(job_id, events.NotCharged())]
            case "release":
                session = text_field(command, "session", 64)
                if lapsed and not job.held:
                    raise IllegalTransition("that press of Send holds no more")
                if lapsed:
                    return [(job_id, events.Held(lapsed, job.instead))]
                return [(job_id, events.Released(session, _instead(job, command.get("spec"))))]
            case "fetch_again":  # pressed twice: once is enough
                return [] if job.fetching else [(job_id, events.FetchAgain())]
            case "fetch_stop":
                return [(job_id, events.FetchEnded())]
            case "claim":
                session = text_field(command, "session", 64)
                return [(job_id, event) for event in self._claim(job, session)]
            case "unclaim":
                return [(job_id, events.ImportReleased(given_problem(command.get("problem"))))]
            case "imported":
                blend = command.get("blend")
                scene = text_field(command, "scene", 256)
                return [(job_id, events.Imported(scene, blend if isinstance(blend, str) else ""))]
            case "seam":
                return [(job_id, events.SeamMeasured(_seam(command.get("seam"))))]
            case "request_id":
                return [(job_id, self._recover(job, text_field(command, "value", 200).strip()))]
            case _:
                raise CommandRefused(f"There is no command {name!r}.")

    def _refuse_frame_again(self, spec: JobSpec) -> None:
        """Raise CommandRefused where another Blender with the same file has asked for that frame in that look before.

        Each Blender looks before it asks; while both render, neither can know of the other.
        """
        if spec.kind is not Kind.LOOK or not spec.look or spec.parent or spec.shot:
            return  # of a shot's look: ``_refuse_shot_again``
        if any(may_come(one) and _is_frame_of(spec, one.spec) for one in self._store.others("")):
            raise CommandRefused(
                f"Frame {spec.source.frame:g} is being made in this look already, by another Blender with the same file."
            )

    def _refuse_shot_again(self, spec: JobSpec) -> None:
        """Raise CommandRefused where a job stands for the row of a shot list already, of another Blender with the same file.

        What an artist asks for once more of a clip (another take, *Send Again*, *Finish*) names that clip.
        """
        if not spec.shot or spec.parent:
            return
        others = (one for one in self._store.others("") if one.spec.shot == spec.shot)
        if any(_is_same_of_shot(spec, one.spec) and one.stands for one in others):
            what = "look of the shot" if spec.kind is Kind.LOOK else "shot"
            raise CommandRefused(
                f"The {what} “{spec.shot_name}” was bought already, by another Blender with the same file."
            )

    def _recover(self, job: Job, request_id: str) -> events.Submitted:
        """The event of a request id that the artist entered. Raises IllegalTransition where the job takes none."""
        if not job.recoverable:
            raise IllegalTransition(f"the job is {job.state} and has its own request id")
        told = job.problem is not None and f"“{request_id}”" in job.problem.message
        if not (
            told or re.fullmatch(r"[!-.0-~]+", request_id)
        ):  # printable ASCII, no slash, no space
            raise IllegalTransition("that is not a request id")
        if any(other.request_id == request_id for other in self._store.others(job.id)):
            raise IllegalTransition("that request id is another job's")
        return events.Submitted(request_id)

    def _claim(self, job: Job, session: str) -> list[events.Event]:
        if job.claimed_by == session and job.state is State.READY:
            return []
        held = job.claimed_by and job.state is State.READY
        if not held or self._leases.session_alive(job.claimed_by):
            return [events.ImportClaimed(session)]
        # The Blender that had claimed it is gone: the clip is free again.
        gone = Problem(ProblemCode.SCENE, "The Blender that was importing this clip has ended.")
        return [events.ImportReleased(gone), events.ImportClaimed(session)]

    def _settle_clock(self, command: Mapping[str, Any], now: float) -> None:
        """Let what is on record as bought later than now count as bought now: the clock is right, says the artist.

        Raises IllegalTransition when the clock was changed since the artist said so, CommandRefused for no time.
        """
        said = command.get("now")
        if not isinstance(said, float) or not math.isfinite(said):
            raise CommandRefused("The command lacks 'now'.")
        if abs(now - said) > _CLOCK_HOLDS:
            raise IllegalTransition("the clock was changed after you had said that it is right")
        for job in self._store.others(""):
            if job.started_at > now:
                self._store.put(job.id, events.Dated(now), "", now)
                if job.state is State.RUNNING:
                    self._leases.drop(job.id)  # a worker of 0.1.0 does not ask for the job any more

    def _set_limits(self, command: Mapping[str, Any]) -> None:
        """Change the limits that the command names, first in their copy beside the ledger.

        The other way round a crash would leave a copy from which a rebuilt ledger allows more than the artist did.
        """
        values = dataclasses.asdict(limits_of(self._store.connection))
        for name in ("day", "month"):
            if name in command:
                ticks = command[name]
                if type(ticks) is not int or not 0 <= ticks <= LARGEST_LIMIT:
                    raise CommandRefused(f"{ticks!r:.40} is no spending limit.")
                values[name] = ticks
        if "count_loopback" in command:
            values["count_loopback"] = command["count_loopback"] is True
        write_limits(self._store.data_dir, values)
        self._store.put_limits(values)


def _is_same_of_shot(spec: JobSpec, other: JobSpec) -> bool:
    """Whether two jobs of one row stand for each other: both clips, or both the same picture in one look."""
    if Kind.LOOK not in (spec.kind, other.kind):
        return True
    same_look = spec.kind is other.kind and spec.look == other.look
    return same_look and pictured(spec.source) == pictured(other.source)


def _is_frame_of(spec: JobSpec, other: JobSpec) -> bool:
    """Whether both are the same frame of one scene in one look: of the same file, or of one that was saved from that."""
    mine, target, its = spec.source, spec.target, other.target
    if (spec.look, mine.frame, mine.camera) != (
        other.look,
        other.source.frame,
        other.source.camera,
    ):
        return False
    same_file = target.blend != "" and spelling(target.blend) == spelling(its.blend)
    return same_file or (target.scene_mark != "" and target.scene_mark == its.scene_mark)


def _sync_what_is_sent(spec: JobSpec) -> None:
    """Let the files that a job will send outlive a power cut: Blender, which made them, waits for no disk.

    Outside of the transaction, which other workers wait for. A file that is gone or lies on a broken disk does not stop
    the click: the job is held when the file is to be sent.
    """
    paths = [picture.path for _, picture in spec.pictures]
    if spec.video is not None:
        paths.append(spec.video.path)
    for path in paths:
        with contextlib.suppress(OSError):
            sync_file(Path(path))


def _seam(payload: Any) -> Seam:
    """What takes the shift of a clip's colours back, as Blender measured it. Raises CommandRefused."""
    try:
        return seam_from_payload(payload)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandRefused(f"What was measured cannot be read: {error}") from error


def _instead(job: Job, payload: Any) -> JobSpec | None:
    """What *Send* sends in the place of the job's spec; None: the spec as it is. Raises CommandRefused."""
    if payload is None:
        return None
    spec = job.spec.with_files_of(checked_spec(payload))
    if [path for _, path, _ in spec.sent_files] != [path for _, path, _ in job.spec.sent_files]:
        raise CommandRefused("The files to be sent are not those of the job.")
    return spec

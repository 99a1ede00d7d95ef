"""An exported shot list on one host of a farm: its stills made, its shots bought, its clips placed.

Owns what these three do in Blender. The folder, claims and the order of buying are ``farm``'s; what a row submits is
``submission.shots``'s. Nothing here asks or draws.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core import mp4
from ...core.files import (
    BLENDERS_PATIENCE,
    INSIDE,
    is_there,
    read_file,
    replace_patiently,
    write_whole,
)
from ...core.job import Job
from ...core.paths import with_real_folder
from ...core.problem import ProblemCode
from ...core.record import record
from ...farm.buying import Buying
from ...farm.claims import Claims, ClaimTrouble
from ...farm.ledger_name import name_of
from ...farm.shot_folder import (
    LIST,
    FolderTrouble,
    Listed,
    ShotList,
    StillNote,
    checksum_of,
    clip_of,
    clip_path,
    digest_of,
    put_still,
    read_list,
    still_of,
    write_note,
)
from .. import identity, submission, timeline
from ..refusal import Interrupted, Refused
from . import answers, placing, waiting
from .blocking import INTERRUPTED_SECONDS, became_of
from .click import queue_job, refuse_now, refuse_unpriced, why_held
from .queue import account, make_data_folder, read_all, refuse_hopeless, release, retry, send
from .state import current, job_by_id, session_id
from .tick import TICK_BUDGET

if TYPE_CHECKING:
    from ..submission.common import Submission

_LARGEST_STILL = 256 << 20  # bytes


@record
class Opened:
    """An exported list, and its rows in the .blend that is open."""

    folder: Path
    listing: ShotList
    scene: bpy.types.Scene
    sha256: str  # of the .blend that is open

    def row(self, listed: Listed) -> Any:
        """The row of a shot."""
        return self.scene.grok_video.shots[listed.row]

    def named(self, files: list[str]) -> list[Listed]:
        """The shots of those names, as the list has them; all for none. Raises Refused."""
        known = {one.file: one for one in self.listing.shots}
        if unknown := [name for name in files if name not in known]:
            raise Refused(f"There is no shot “{unknown[0][:64]}” in {self.folder}.")
        wanted = set(files) or set(known)
        return [one for one in self.listing.shots if one.file in wanted]


def opened(folder: Path) -> Opened:
    """The exported list of a folder, of which the .blend that is open has the rows. Raises Refused."""
    listing = listed_in(folder)
    scene = identity.named(bpy.data.scenes, listing.scene)
    if scene is None:
        raise Refused(f"The scene “{listing.scene}” of the exported list is not in this file.")
    if digest_of_list(scene) != listing.digest:
        raise Refused(
            "The shot list of this file is another one than was exported.",
            "Export it again into an empty folder.",
        )
    try:
        sha256 = checksum_of(Path(bpy.data.filepath))
    except OSError as error:
        raise Refused(f"{bpy.data.filepath} cannot be read: {error.strerror}.") from error
    rows = scene.grok_video.shots
    if any(one.row >= len(rows) for one in listing.shots):
        raise Refused(f"{folder / LIST} has shots that are no rows of the list. Export it again.")
    for one in listing.shots:
        rows[one.row].mark = one.mark
    return Opened(folder, listing, scene, sha256)


def listed_in(folder: Path) -> ShotList:
    """The exported list of a folder. Raises Refused."""
    try:
        return read_list(folder)
    except FolderTrouble as trouble:
        raise Refused(str(trouble), code=ProblemCode.FILE) from trouble


def digest_of_list(scene: bpy.types.Scene) -> str:
    """What stands for all rows of ``scene``'s list: see ``shot_folder.digest_of``."""
    chosen = scene.grok_video
    shots = [submission.shots.as_data(scene, row) for row in chosen.shots]
    return digest_of(shots, chosen.shots_begin, chosen.shots_end)


# ------------------------------------------------------------------------------------------------------ stills


def has_still(of: Opened, listed: Listed) -> bool:
    """Whether the still of a shot is there, whole, and of the .blend that is open."""
    return still_of(of.folder, listed.file, listed.mark, of.sha256) is not None


def make_still(context: bpy.types.Context, of: Opened, listed: Listed) -> StillNote:
    """Render the first frame of a shot into the folder, as a press of *Generate* would. Raises Refused, Interrupted."""
    asked = _submission(context, of, listed, "")
    Path(asked.spec.image).parent.mkdir(parents=True, exist_ok=True, mode=INSIDE)
    try:
        still = _made_by(context, asked.spec, asked.steps[0])
        size = (still.width, still.height)
        picture, at = Path(still.path), (of.folder, listed.file, listed.mark)
        return put_still(*at, picture, still.mime, size, still.source, of.sha256)
    except FolderTrouble as trouble:
        raise Refused(str(trouble), code=ProblemCode.FILE) from trouble
    finally:
        submission.preparation.remove_files(asked.spec)


def _made_by(context: bpy.types.Context, spec: Any, step: Any) -> Any:
    """The still that the first step of a shot makes. Blocks. Raises Interrupted."""
    if not isinstance(step, submission.preparation.CameraStep):
        step.start(context)  # an image, or what a strip shows: made at one go
        return step.made
    made: list[Any] = []

    def take(spec: Any, still: Any) -> Any:
        made.append(still)
        return spec

    step.add_to = take  # the still as rendered: for a draft a smaller picture is sent
    prepared = submission.preparation.Preparation(spec, [step])
    try:
        prepared.keep()
        waiting.until(lambda: prepared.done, lambda: prepared.tick(context))
    except BaseException:
        prepared.cancel()
        raise
    return made[-1]


def _submission(context: bpy.types.Context, of: Opened, listed: Listed, job_id: str) -> Submission:
    """What the row of a shot submits as the job of that id ('': of any); nothing is made yet. Raises Refused."""
    make_data_folder()
    target = timeline.strips.target_scene(context)
    return submission.shots.submission_of(
        context, of.scene, of.row(listed), target, session_id(), job_id=job_id
    )


# ------------------------------------------------------------------------------------------------------ buying


class Desk:
    """What is done with the jobs of an exported list, by this Blender's ledger; see ``farm.buying.Desk``."""

    def __init__(
        self, context: bpy.types.Context, of: Opened, *, allow_single_color: bool = False
    ) -> None:
        self._context = context
        self._of = of
        self._allow_single_color = allow_single_color
        #: Job id -> spec that was made before its shot was claimed; another host may have come first.
        self._built: dict[str, Any] = {}

    def job(self, job_id: str) -> Job | None:
        """The job as the ledger has it."""
        return job_by_id(job_id)

    def refusal(self, listed: Listed, job_id: str) -> str:
        """'' or why the shot cannot be bought now; its pictures are there afterwards."""
        for spec in self._built.values():  # of a shot that another host has claimed meanwhile
            submission.preparation.remove_files(spec)
        self._built.clear()
        try:
            self._built[job_id] = self._spec(listed, job_id)
        except (Refused, Interrupted) as why:
            return str(why)
        except (OSError, FolderTrouble) as why:
            return f"Its pictures cannot be made: {why}. Nothing was bought."
        return ""

    def queue(self, listed: Listed, job_id: str) -> str:
        """Hand the job to the worker; '' or why it could not be."""
        if job_id not in self._built and (why := self.refusal(listed, job_id)):
            return why
        try:
            queue_job(self._built.pop(job_id), None)
        except Refused as why:
            return str(why)
        return ""

    def send(self, job: Job) -> str:
        """Let a job that an earlier run of the task left behind be sent."""
        try:
            release(job)
        except Refused as why:
            return str(why)
        return ""

    def not_taken(self, job_id: str) -> str:
        """'' or why the list of jobs has refused the job that ``queue`` handed over."""
        return current().answers.not_taken.get(job_id, "")

    def retry(self, job: Job) -> str:
        """Ask once more for what a job has paid for."""
        try:
            retry(job)
        except Refused as why:
            return str(why)
        return ""

    def _spec(self, listed: Listed, job_id: str) -> Any:
        """The spec of a shot, its pictures made. Raises Refused, Interrupted, OSError, FolderTrouble."""
        of, marked = self._of, submission.preparation.marked
        released = self._before(listed, job_id)
        asked = _submission(self._context, of, listed, job_id)
        result = with_real_folder(str(clips_blend(of)))
        spec = replace(
            asked.spec,
            output=str(clip_path(of.folder, listed.file)),
            # The clip comes by itself where *place* has put it, and nowhere else.
            target=replace(asked.spec.target, blend=result),
            parent=released,
        )
        _refuse_dearer(listed, spec.estimate)
        refuse_unpriced(spec)
        stills = submission.common.still_path(job_id).parent
        stills.mkdir(parents=True, exist_ok=True, mode=INSIDE)
        try:
            spec = marked(spec)
            for add_to in asked.stills:
                spec = marked(add_to(spec))
            if asked.steps:
                spec = marked(self._with_still(listed, spec))
            why_held(spec, False, self._allow_single_color)
        except BaseException:
            submission.preparation.remove_files(spec)
            raise
        return spec

    def _before(self, listed: Listed, job_id: str) -> str:
        """'' or the id of a job of this folder that stands for the shot, and whose claim a person has released.

        Named as the job before it, the ledger takes the shot once more. Raises Refused for a purchase by a press, or of
        another folder: nobody has said that the shot shall be paid twice.
        """
        made_here, released = str(clip_path(self._of.folder, listed.file)), ""
        for job in current().bridge.snapshot.jobs.of_shot(listed.mark):
            if not job.stands or job.id == job_id:
                continue
            if job.spec.output != made_here:
                raise Refused(
                    f"It was bought before, or waits to be sent, as job {job.spec.short_id} of this computer's list.",
                    "Its clip is in that list.",
                )
            released = job.id
        return released

    def _with_still(self, listed: Listed, spec: Any) -> Any:
        """The spec with the still of the folder as its first frame. Raises Refused, OSError."""
        from ..sources.pixels import Still

        note = still_of(self._of.folder, listed.file, listed.mark, self._of.sha256)
        if note is None:
            raise Refused(
                f"There is no whole still of it in {self._of.folder / 'stills'} that was rendered from this file.",
                f"Run “shots stills --shot {listed.file}” first.",
            )
        # Beside the ledger, as every picture that is sent: sent again, the clip needs no share.
        path = Path(spec.image).with_suffix(Path(note.path).suffix)
        data = read_file(Path(note.path), _LARGEST_STILL)
        write_whole(path, data, durable=False, private=True, patience=BLENDERS_PATIENCE)
        made = Still(str(path), note.mime, note.width, note.height, note.size, note.source)
        return submission.common.with_still(spec, made)


def _refuse_dearer(listed: Listed, price: int | None) -> None:
    """Raise Refused where a shot costs more than was said at the export."""
    if listed.price is not None and (price is None or price > listed.price):
        raise Refused(
            "It costs more now than was said at the export. Nothing was bought.",
            "Export the list again, and look at the price.",
        )


def buying_of(
    context: bpy.types.Context,
    of: Opened,
    wanted: list[Listed],
    *,
    buys: bool = True,
    allow_single_color: bool = False,
) -> Buying:
    """A run of the task that buys shots, or without ``buys`` waits for them; see ``follow``.

    Raises Refused where nothing can be bought at all: no key, offline, a list of jobs that cannot be written.
    """
    refuse_now()
    read_all()
    desk = Desk(context, of, allow_single_color=allow_single_color)
    return Buying(of.folder, claims_in(of.folder), wanted, desk, buys=buys)


def follow(buying: Buying, tell: Callable[[], object]) -> None:
    """Go on until each shot has ended; ``tell`` is called at each turn. Blocks. Raises Refused, KeyboardInterrupt."""
    bridge = current().bridge

    def go_on() -> None:
        # Not the session's tick, which would import the clips into the file that is open.
        refuse_hopeless()
        bridge.worker.ensure(account())
        bridge.tick(TICK_BUDGET)
        answers.hear()
        buying.step()
        tell()

    waiting.until(lambda: buying.is_over, go_on)


def stop(buying: Buying) -> list[str]:
    """Stop what a run has not sent, and say what became of each shot that it still waited for. Raises Refused."""
    waited = [one for one in buying.shots if one.ours and one.claim is not None and not one.end]
    jobs = {one.listed.file: one.claim.job for one in waited if one.claim is not None}
    for job_id in jobs.values():
        job = job_by_id(job_id)
        if job is None or (job.open and not (job.sent or job.request_id)):
            send(
                "stop", job=job_id, unsent=True
            )  # of what was sent meanwhile the ledger thinks better
    bridge = current().bridge

    def go_on() -> None:
        bridge.worker.ensure(account())
        bridge.tick(TICK_BUDGET)

    waiting.until(lambda: not bridge.reader.awaited, go_on, INTERRUPTED_SECONDS)
    return [f"{file}: {became_of(job_id)}" for file, job_id in jobs.items()]


def claims_in(folder: Path) -> Claims:
    """The claims of a folder, as this host and its data folder see them. Raises Refused."""
    try:
        return Claims(folder, name_of(make_data_folder()), socket.gethostname())
    except ClaimTrouble as trouble:
        raise Refused(str(trouble), code=ProblemCode.FILE) from trouble


def is_free(of: Opened, listed: Listed) -> bool:
    """Whether a shot is neither there nor claimed. Raises Refused."""
    try:
        there = clip_of(of.folder, listed.file) is not None
        return not there and claims_in(of.folder).read(listed.file) is None
    except ClaimTrouble:
        return False


# ----------------------------------------------------------------------------------------------------- placing


def clips_blend(of: Opened) -> Path:
    """The .blend that *place* writes."""
    return of.folder / f"{Path(bpy.data.filepath).stem}_clips.blend"


def place(context: bpy.types.Context, of: Opened, wanted: list[Listed]) -> dict[str, str]:
    """Put the clips of the folder into the sequencer, in the order of the list; shot -> '' or why it is not there.

    A clip whose strips are there already stays as it is. The file is not saved.
    """
    said: dict[str, str] = {}
    target = timeline.strips.target_scene(context)
    for one in wanted:
        try:
            said[one.file] = _place(context, of, one, target)
        except Refused as why:
            said[one.file] = str(why)
    return said


def strips_of(of: Opened) -> int:
    """How many of the folder's clips have strips in the file that is open."""
    notes = (clip_of(of.folder, one.file) for one in of.listing.shots)
    return sum(
        next(timeline.slots.strips_of_job(note.job), None) is not None for note in notes if note
    )


def _place(context: bpy.types.Context, of: Opened, listed: Listed, target: bpy.types.Scene) -> str:
    """'' or why the clip of a shot cannot be placed. Raises Refused."""
    note = clip_of(of.folder, listed.file)
    if note is None:
        return f"There is no whole clip of it in {of.folder / 'clips'}."
    if next(timeline.slots.strips_of_job(note.job), None) is not None:
        return ""
    row = of.row(listed)
    draft = submission.shots.draft(context, of.scene, row)
    place_at = submission.common.target_of(session_id(), target, row.target_frame)
    spec = replace(draft, id=note.job, target=place_at)
    try:
        clip = mp4.probe(note.path)
    except (mp4.NotAClip, OSError) as error:
        return f"Its clip cannot be read: {error}."
    placing.place(context, spec, clip, target, None, here=True)
    for strip in timeline.slots.strips_of_job(note.job):
        with suppress(ValueError):  # another drive of Windows
            strip.filepath = bpy.path.relpath(note.path)
    return ""


def _note_of_result(of: Opened, path: Path) -> Path:
    """Where it is noted what *place* has written at ``path``."""
    return of.folder / "placed" / f"{path.stem}.sha256"


def _own_result(of: Opened) -> Path:
    """Where *place* saves: never over a file that somebody has worked in, or that is not of *place*. Raises Refused."""
    first = clips_blend(of)
    for number in range(1, 1000):
        path = first if number == 1 else first.with_name(f"{first.stem}_{number}.blend")
        try:
            if not is_there(path):
                return path
            noted = read_file(_note_of_result(of, path), 64).decode("ascii", "replace")
            if noted == checksum_of(path):
                return path
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    raise Refused(f"{first} and all files numbered after it are somebody's.")


def save_placed(of: Opened, *, in_place: bool) -> Path:
    """Save the file with its clips beside them, relative paths remade, or in its own place. Raises Refused.

    Never over a file that has changed since the export, or since *place* has saved it: that one gets a number.
    """
    path = Path(bpy.data.filepath) if in_place else _own_result(of)
    if in_place and of.sha256 != of.listing.sha256:
        raise Refused(f"{path} has changed since the export, and is left as it is.")
    part = path.with_name(f"{path.stem}.part-{os.urandom(4).hex()}.blend")
    try:
        # A copy, so that a save that fails leaves what was there; Blender remakes relative paths for its folder.
        bpy.ops.wm.save_as_mainfile(filepath=str(part), copy=True, relative_remap=True)
        if in_place and checksum_of(path) != of.sha256:
            raise Refused(f"{path} was saved by somebody meanwhile, and is left as it is.")
        if not in_place:
            # Before the file: killed in between, the next run takes the older file for somebody's, and leaves it.
            write_note(_note_of_result(of, path), checksum_of(part).encode())
        replace_patiently(part, path, BLENDERS_PATIENCE)
    except FolderTrouble as trouble:
        raise Refused(str(trouble), code=ProblemCode.FILE) from trouble
    except (RuntimeError, OSError) as error:
        raise Refused(f"{path} cannot be written: {error}.", code=ProblemCode.FILE) from error
    finally:
        part.unlink(missing_ok=True)
        Path(f"{part}1").unlink(missing_ok=True)
    return path

"""What every submission shares: the spec as a draft, its price, the places of its files, the target of its clip.

The panel asks for the same specs as drafts: what is priced and checked there is what a click sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import bpy

from ...core.job import Job
from ...core.paths import with_real_folder
from ...core.problem import ProblemCode
from ...core.record import mutable_record
from ...core.spec import JobSpec, Kind, Picture, Target
from ...service import checks, models
from ...service.look_models import ListedLook
from ...service.pricing import estimate_of
from .. import config, identity, scenes
from ..refusal import Refused
from ..sources import pixels
from ..timeline import clip_files, room
from ..timeline.source_marks import find_source
from . import cast
from .preparation import Step
from .variants import Variant

MAX_FRAME = 1_048_574 - 60 * 240  # Blender's last frame, less a minute at its highest rate


@mutable_record
class Submission:
    """What a click asks for: the spec as far as it is known, and what must be made before the job can be queued."""

    spec: JobSpec
    #: Makers of pictures that take no time: each writes its picture and returns the spec with that added.
    stills: list[Callable[[JobSpec], JobSpec]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    others: tuple[Variant, ...] = ()  # bought along with ``spec``, from the same pictures

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs to be, the first one's first."""
        return [self.spec.id, *(one.id for one in self.others)]


FIRST_FRAME = "first frame"  # what the end frame of a loop is called
DRAFT = "draft"  # in place of a job's id


def preferred_format() -> str:
    """'PNG' or 'JPEG': how pictures are sent."""
    return config.preferences().still_format


def still_path(job_id: str, part: str = "") -> Path:
    """Where a picture of a job lies: beside the ledger, so that sending again needs no render."""
    suffix = ".jpg" if preferred_format() == "JPEG" else ".png"
    return config.data_dir() / "stills" / f"{job_id}{part}{suffix}"


def sweep_stills() -> None:
    """Remove what crashes left of unfinished pictures."""
    pixels.sweep(config.data_dir() / "stills")


def video_path(job_id: str) -> Path:
    """Where the baked source of a job lies."""
    return config.data_dir() / "stills" / f"{job_id}.mp4"


def place_of(job_id: str, part: str = "") -> str:
    """Where a job's picture will lie, absolute; only DRAFT for a draft, of which each redraw makes one."""
    return DRAFT if job_id == DRAFT else str(still_path(job_id, part))


def picture_of(job_id: str, part: str, label: str) -> Picture:
    return Picture(place_of(job_id, part), mime_type(), label=label)


def mime_type() -> str:
    return f"image/{preferred_format().lower()}"


def draft_of(
    scene: bpy.types.Scene,
    kind: Kind,
    prompt: str,
    seconds: int,
    resolution: str,
    ratio: str,
    **sent: Any,
) -> JobSpec:
    # All fields in one call: each redraw makes drafts, and replace() costs more than all else about them.
    chosen = scene.grok_video
    if (
        "cast" not in sent
    ):  # not Generate's, which sends whom it names: ``checks`` refuses the others
        sent["cast"] = cast.told(scene, prompt).members
    return JobSpec(
        id=DRAFT,
        kind=kind,
        model=chosen.model_id(),
        prompt=prompt.strip(),
        duration=seconds,
        resolution=resolution,
        aspect_ratio=ratio,
        generate_audio=chosen.generate_audio and chosen.model_row().audio,
        account="",
        api_base="",
        estimate=None,
        unchecked=chosen.model_row() is models.ANY,
        **sent,
    )


def signed(draft: JobSpec, job_id: str, target: Target, output: str = "") -> JobSpec:
    """The draft as a job of this account. Raises Refused with what the service, or the sequencer, would refuse.

    ``output``: of ``output_of``; '': the path that is called after the prompt.
    """
    draft = replace(draft, target=target)
    if problem := checks.check(draft):
        raise Refused(problem.message, problem.hint, problem.code)
    if why := room_refusal(draft):
        raise Refused(why)
    return replace(
        draft,
        id=job_id,
        account=config.account(),
        api_base=config.api_base(),
        estimate=price_of(draft),
        output=output or output_of(draft.written or draft.prompt, job_id),
    )


def output_of(prompt: str, job_id: str, *, look: bool = False, folder: Path | None = None) -> str:
    """The path that a job's clip will have: beside the .blend, else where the preferences say. Raises Refused.

    ``look``: the path of a look, whose pictures lie in a folder of their own in there. ``folder``: of ``output_folder``,
    where many paths are asked for at once.
    """
    folder = folder or output_folder(look=look)
    try:
        suffix = ".jpg" if look else ".mp4"
        return str(clip_files.clip_path(folder, datetime.now(), prompt, job_id, suffix))
    except OSError as error:
        raise _no_folder(error) from error


def output_folder(*, look: bool = False) -> Path:
    """The folder of ``output_of``, in which files can be made just now. Raises Refused."""
    try:
        folder = clip_files.clip_folder(bpy.data.filepath, None) or config.output_dir()
    except OSError as error:
        raise _no_folder(error) from error
    if look:
        folder /= clip_files.LOOKS
    if clip_files.is_unreadable(str(folder)):
        raise Refused(
            f"Blender could not read a clip in {folder}: there is a backslash in that name.",
            "Choose another Clip Folder in the preferences.",
            ProblemCode.FILE,
        )
    if clip_files.is_too_deep(folder):
        raise Refused(
            f"Windows could not open a clip in {folder}: the path of that folder is too long.",
            "Choose another Clip Folder in the preferences, with a shorter path.",
            ProblemCode.FILE,
        )
    return folder


def _no_folder(error: OSError) -> Refused:
    return Refused(
        f"No clip can go to {error.filename or 'its folder'}: {error.strerror}.",
        "Choose another Clip Folder in the preferences, or save the file elsewhere.",
        ProblemCode.FILE,
    )


def price_of(spec: JobSpec, listed: Iterable[ListedLook] = ()) -> int | None:
    """Ticks that ``spec`` will cost, None when not known; of a typed-in model the artist has entered the price.

    ``listed``: what *Refresh Models* brought of the models for looks.
    """
    return estimate_of(spec, config.unknown_second(), listed)


def target_of(session: str, scene: bpy.types.Scene, frame: int, **fields: Any) -> Target:
    if scene.library is not None or scene.override_library is not None:
        raise Refused(
            f"The scene “{scene.name}” is linked from another file and cannot take strips.",
            "Choose a local scene for the clip.",
        )
    if abs(frame) > MAX_FRAME:
        raise Refused(f"Blender's timeline ends before frame {frame}.", "Choose another frame.")
    return Target(
        session=session,
        blend=with_real_folder(bpy.data.filepath),
        scene=scene.name,
        frame=frame,
        scene_uid=scene.session_uid,
        scene_mark=identity.scene_mark(scene, session),
        **fields,
    )


def retarget(target: Target, session: str, scene: bpy.types.Scene, frame: int) -> Target:
    """``target`` in ``scene``, of the file that is open. Raises Refused.

    A clip that went after or over a strip goes there again: the strip is found again, not its frame.
    """
    fresh = target_of(session, scene, frame if target.place == "AT" else target.frame)
    own = {name: getattr(fresh, name) for name in _OF_SCENE}
    return replace(target, **own)


#: The fields of a target that say in which file and scene it is, and at which frame.
_OF_SCENE = ("session", "blend", "scene", "frame", "scene_uid", "scene_mark")


def room_refusal(spec: JobSpec, *, same_file: bool = True) -> str:
    """'' or why the clip of ``spec`` would find no place in the sequencer now: not bought, it costs nothing.

    ``same_file``: see ``identity.scene_of``.
    """
    target = spec.target
    scene = identity.scene_of(target, same_file=same_file)
    if scene is None or scene.sequence_editor is None or spec.kind is Kind.LOOK:
        return ""
    frames = frames_of(scene, spec.duration)
    if target.place == "AT":
        # An animation that is edited may come back with a sound; what is generated, only where that was asked for.
        sound = spec.generate_audio or spec.video is not None
        return room.refusal_at(scene, target.frame, target.length or frames, sound=sound)
    if target.place == "GAP":
        return room.refusal_at(scene, target.frame, target.length, sound=spec.generate_audio)
    content = target.offset if target.place == "OVER" else None
    source = find_source(scene, target.strip, target.mark, target.frame, content=content)
    if target.place == "OVER":
        return room.refusal_over(scene, source, target.frame, target.length, target.channel)
    return room_after(scene, source, spec, target.frame)


def room_after(scene: bpy.types.Scene, source: Any, spec: JobSpec, frame: int) -> str:
    """'' or why the clip of ``spec`` could not be placed behind ``source``, or at ``frame`` where that is None."""
    video = spec.video  # None: Continue Shot, whose clip is all new
    return room.refusal_after(
        scene,
        source,
        frame,
        frames_of(scene, spec.duration),
        repeated=frames_of(scene, video.seconds) if video else 0,
        sound=spec.generate_audio or video is not None,
    )


def frames_of(scene: bpy.types.Scene, seconds: float) -> int:
    """The scene frames that a clip of so many seconds takes, with one for rounding."""
    return int(seconds * scenes.rate(scene)) + 2


def with_still(spec: JobSpec, made: pixels.Still) -> JobSpec:
    """The spec with the still ``made`` as its first frame, and as the end frame of a loop.

    Of a draft ``made`` is kept at full size, and a smaller one, made from it, is sent. Raises Interrupted, OSError.
    """
    if spec.full_image is not None:
        size = models.whole_size(spec.resolution, made.width, made.height, enlarge=False)
        sent, kept = pixels.smaller(made, Path(spec.full_image.path), size)
        full = replace(spec.full_image, path=kept.path, mime=kept.mime, size=kept.size)
        spec, made = replace(spec, full_image=full), sent
    spec = replace(
        spec,
        image=made.path,
        image_mime=made.mime,
        image_pixels=(made.width, made.height),
        image_bytes=made.size,
        source=replace(made.source, view=made.source.view or spec.source.view),
    )
    return looped(spec) if spec.loop else spec


def looped(spec: JobSpec) -> JobSpec:
    """The spec with its own first frame as its end frame too."""
    if not spec.image:
        return replace(spec, loop=True)
    picture = Picture(spec.image, spec.image_mime, spec.image_bytes, FIRST_FRAME)
    return replace(spec, loop=True, last_frame=picture)


def what_a_click_asks_for(spec: JobSpec) -> JobSpec:
    """The part of a spec by which two clicks are the same click: without ids, paths, pictures and the playhead."""
    return replace(
        spec,
        id="",
        # Of two clicks on *Generate Again* the second one repeats the job that the first one made.
        parent=spec.target.slot or spec.parent,
        image="",
        output="",
        target=Target("", strip=spec.target.strip, right=spec.target.right),
        video=None,
        files=(),
        references=(),
        last_frame=None,
        keyframes=(),
        full_image=None,
    )


FindJob = Callable[[str], Job | None]


def model_for(scene: bpy.types.Scene, what: str) -> models.Model:
    """The model that the artist chose where that can do ``what`` ('extend', 'edit'), else the first that can."""
    model = scene.grok_video.model_row()
    return model if what in model.makes else models.models_that(what)[0]

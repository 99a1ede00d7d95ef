"""What a row of the shot list submits: a clip with the panel's settings, and with what the row has of its own.

Of the panel a shot has ratio, sound, references, cast and *Draft*; not its end frame, keyframes, loop, variants and look in
use. Knows nothing of jobs and of the list as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.framing import nearest_ratio
from ...core.record import mutable_record
from ...core.shot import Fields, Shot, whole_prompt
from ...core.spec import JobSpec, Kind, Source, new_id
from ...service import checks, models
from ...service.cheapest import as_chosen, drafted
from .. import compat, config, scenes
from ..identity import Meant
from ..refusal import Interrupted, Refused
from ..sources import capture, ways
from ..timeline import room
from ..timeline.source_strip import file_refusal, source_strip_of, waiting_refusal
from . import cast, generate
from .common import (
    DRAFT,
    MAX_FRAME,
    Submission,
    draft_of,
    frames_of,
    mime_type,
    output_of,
    picture_of,
    place_of,
    preferred_format,
    signed,
    target_of,
    with_still,
)
from .preparation import Change, Step

if TYPE_CHECKING:
    from ..sources.pixels import Still

    #: Lets the first frame of a row's clip be made for a submission: as ``add_source``.
    FirstFrame = Callable[[Submission, bpy.types.Context, bpy.types.Scene, Any, JobSpec], None]


def scene_of(scene: bpy.types.Scene, row: Any) -> bpy.types.Scene:
    """The scene whose camera a row of ``scene``'s list renders."""
    return row.scene or scene


def camera_of(scene: bpy.types.Scene, row: Any) -> bpy.types.Object | None:
    """The camera that a row of ``scene``'s list renders; None where there is none."""
    return row.camera or scenes.camera_of(scene_of(scene, row), row.frame)


def as_data(scene: bpy.types.Scene, row: Any) -> Shot:
    """A row of ``scene``'s list as data."""
    return Shot(
        name=row.name,
        enabled=row.enabled,
        prompt=row.prompt,
        source=row.source,
        scene=row.scene.name if row.scene is not None else "",
        camera=row.camera.name if row.camera is not None else "",
        image=row.image.name if row.image is not None else "",
        strip=row.strip,
        frame=row.frame,
        seconds=row.seconds,
        model=row.model,
        resolution=row.resolution,
        target_frame=row.target_frame,
    )


def fields_of(scene: bpy.types.Scene, row: Any) -> Fields:
    """What the fields of a row's prompt stand for."""
    camera = camera_of(scene, row) if row.source == "CAMERA" else None
    return Fields(
        shot=row.name,
        camera=camera.name if camera is not None else "",
        scene=scene_of(scene, row).name,
        frame=row.frame,
    )


def prompt_of(scene: bpy.types.Scene, row: Any) -> str:
    """The prompt of a row as it is sent, but for whom ``@Name`` means. Its braces are braces."""
    chosen = scene.grok_video
    fields = fields_of(scene, row)
    return whole_prompt(row.prompt, fields, chosen.shots_begin, chosen.shots_end)


def model_of(scene: bpy.types.Scene, row: Any) -> models.Model:
    """The row of a shot's model in the table of models; ``models.ANY`` for one that the table does not know."""
    name = row.model.strip()
    return (models.model_named(name) or models.ANY) if name else scene.grok_video.model_row()


def draft(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    job_id: str = DRAFT,
    pictures: str = "",
) -> JobSpec:
    """The spec that a row of ``scene``'s list would send now, its files not made yet.

    ``pictures``: what the files of its references are called after, in place of ``job_id``: shots of one press share them.
    """
    chosen, model, prompt = scene.grok_video, model_of(scene, row), prompt_of(scene, row)
    told = cast.told(scene, prompt)
    image, mime = "", ""
    if row.source != "NONE":
        image, mime = place_of(job_id), mime_type()
    made = draft_of(
        scene,
        Kind.GENERATE,
        told.prompt,
        row.seconds or chosen.duration,
        row.resolution.strip() or chosen.resolution,
        _ratio_of(context, scene, row, model),
        image=image,
        image_mime=mime,
        source=source_of(context, scene, row),
        references=generate.references_of(scene, told, pictures or job_id),
        voices=told.voices,
        cast=told.members,
        written=cast.written_for(prompt, told),
        shot=row.mark,
        shot_name=row.name,
    )
    if row.model.strip():
        made = replace(
            made,
            model=row.model.strip(),
            generate_audio=chosen.generate_audio and model.audio,
            unchecked=model is models.ANY,
        )
    if not chosen.draft:
        return made
    full = picture_of(job_id, "-full", "full-size first frame") if image else None
    return drafted(replace(made, full_image=full), chosen.models_of_key())


def source_of(context: bpy.types.Context, scene: bpy.types.Scene, row: Any) -> Source:
    """Where the first frame of a row comes from, as far as that is known before the frame is made."""
    match row.source:
        case "CAMERA":
            place, camera = scene_of(scene, row), camera_of(scene, row)
            name = camera.name if camera is not None else ""
            return Source("CAMERA", scene=place.name, frame=float(row.frame), camera=name)
        case "IMAGE":
            name = row.image.name if row.image is not None else ""
            return Source("IMAGE", scene=scene.name, frame=float(row.frame), image=name)
        case "STRIP":
            edit = compat.sequencer_scene(context)
            return Source("STRIP", scene=edit.name, frame=float(row.frame), image=row.strip)
        case _:
            return Source("NONE", scene=scene.name)


def _natural_size(
    context: bpy.types.Context, scene: bpy.types.Scene, row: Any
) -> tuple[float, float] | None:
    """Width and height of the full frame of a row's source, in square pixels; None where nobody knows."""
    match row.source:
        case "CAMERA":
            return scenes.frame_size(scene_of(scene, row))
        case "IMAGE":
            size = tuple(row.image.size) if row.image is not None else (0, 0)
            return (float(size[0]), float(size[1])) if all(size) else None
        case "STRIP":
            return scenes.frame_size(compat.sequencer_scene(context))
        case _:
            return None


def _ratio_of(
    context: bpy.types.Context, scene: bpy.types.Scene, row: Any, model: models.Model
) -> str:
    """As ``generate.ratio_of``, of a row's own source."""
    chosen = scene.grok_video.aspect_ratio
    if chosen not in (config.AUTO, config.NEAREST):
        return chosen
    if row.source == "NONE":
        auto = chosen == config.AUTO
        return nearest_ratio(*scenes.frame_size(scene), model.ratios) if auto else model.ratios[0]
    size = _natural_size(context, scene, row)
    return nearest_ratio(*size, model.picture_ratios) if size else model.ratios[0]


def _is_whole(scene: bpy.types.Scene, row: Any) -> bool:
    """As ``generate.is_whole``, of a row's own model."""
    follows = model_of(scene, row).follows_picture and not config.preferences().crop_to_nearest
    return scene.grok_video.aspect_ratio == config.AUTO and follows


def picture_size(
    context: bpy.types.Context, scene: bpy.types.Scene, row: Any, made: JobSpec
) -> tuple[int, int]:
    """The pixels at which the first frame of the draft ``made`` is rendered."""
    natural = _natural_size(context, scene, row)
    if natural is not None and _is_whole(scene, row):
        return models.whole_size(generate.final_resolution(made), *natural)
    return models.clip_size(generate.final_resolution(made), made.aspect_ratio)


# ---------------------------------------------------------------------------------------------- refusals


def refusal(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    draft: JobSpec,
    *,
    look: bool = False,
) -> str:
    """'' or why a row's ``draft`` would be refused now; ``look``: at files, as a click must and a redraw must not."""
    target = compat.sequencer_scene(context)
    for why in (
        _linked_refusal(scene),
        _linked_refusal(target),
        source_refusal(context, scene, row, look=look),
        generate.references_refusal(scene, draft, look=look),
    ):
        if why:
            return why
    if draft.draft and (why := checks.refusal(as_chosen(draft))):
        return why  # a draft that could not be finished is not worth its price
    if why := checks.refusal(draft):
        return why
    if abs(row.target_frame) > MAX_FRAME:
        return (
            f"Blender's timeline ends before frame {row.target_frame}. Choose another target frame."
        )
    frames = frames_of(target, draft.duration)
    return room.refusal_at(target, row.target_frame, frames, sound=draft.generate_audio)


def _linked_refusal(scene: bpy.types.Scene) -> str:
    if scene.library is None and scene.override_library is None:
        return ""
    return f"The scene “{scene.name}” is linked from another file. Make it local first."


def source_refusal(
    context: bpy.types.Context, scene: bpy.types.Scene, row: Any, *, look: bool
) -> str:
    """'' or why the picture of a row's source cannot be made now; ``look``: as ``refusal``."""
    match row.source:
        case "CAMERA":
            return _camera_refusal(scene, row)
        case "IMAGE":
            if row.image is None:
                return "Choose the image that the clip starts from."
            return capture.image_refusal(row.image, look=look)
        case "STRIP":
            return _strip_refusal(compat.sequencer_scene(context), row, look=look)
        case "NONE":
            return ""
        case _:
            return f"There is no source “{row.source}”."


def _camera_refusal(scene: bpy.types.Scene, row: Any) -> str:
    # Blender empties a pointer when what it leads to is removed, and an empty field means something else.
    if row.scene is None and row.scene_name:
        return f"The scene “{row.scene_name}” of this shot is gone. Choose another one."
    if row.camera is None and row.camera_name:
        return f"The camera “{row.camera_name}” of this shot is gone. Choose another one."
    if row.camera is not None and not row.camera.users_scene:
        return f"The camera “{row.camera.name}” is in no scene any more. Choose another one."
    place = scene_of(scene, row)
    if why := scenes.camera_refusal(place, camera_of(scene, row)):
        return why
    return ways.known(place, row.frame, wanted=ways.for_many()).refusal


def strip_of(edit: bpy.types.Scene, row: Any) -> Any:
    """The strip that a row of the source 'STRIP' names; None where there is none."""
    editor = edit.sequence_editor
    return compat.strips_all(editor).get(row.strip) if editor is not None and row.strip else None


def _strip_refusal(edit: bpy.types.Scene, row: Any, *, look: bool) -> str:
    if not row.strip:
        return "Choose the strip that the clip starts from."
    strip = strip_of(edit, row)
    if strip is None:
        return f"There is no strip “{row.strip}” in the sequencer of “{edit.name}”."
    try:
        seen = source_strip_of(strip)
    except Refused as why:
        return str(why)
    if not seen.start <= row.frame < seen.end:
        return (
            f"“{row.strip}” is seen from frame {seen.start} to {seen.last}, and not at {row.frame}."
        )
    if why := waiting_refusal(strip, row.frame, row.frame + 1):
        return why
    return file_refusal(strip, row.frame, row.frame + 1) if look else ""


def pauses(scene: bpy.types.Scene, row: Any) -> str:
    """'' or the words that Blender's window stands still while the first frame of a row is made, and why."""
    if row.source != "CAMERA":
        return ""
    place = scene_of(scene, row)
    choice = ways.known(place, row.frame, wanted=ways.for_many())
    return ways.waiting(choice, freezes=scenes.engine_freezes(place))


# ---------------------------------------------------------------------------------------------- submission


def submission_of(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    target: bpy.types.Scene,
    session: str,
    pictures: str = "",
    folder: Path | None = None,
    *,
    job_id: str = "",
    first: FirstFrame | None = None,
) -> Submission:
    """The submission of a row of ``scene``'s list, to land in ``target``, as the job of that id ('': a new one). Raises Refused.

    ``pictures``: see ``draft``. ``folder``: see ``common.output_of``. ``first``: what makes its first frame; None: its source. What its first frame shows is not kept yet: see ``preparation.CameraStep.keep``.
    """
    place = target_of(session, target, row.target_frame)
    job_id = job_id or new_id()
    made = draft(context, scene, row, job_id, pictures)
    if why := refusal(context, scene, row, made, look=True):
        raise Refused(why)
    title = f"{row.name} {made.written or made.prompt}"
    output = output_of(title, job_id, folder=folder)
    submission = Submission(signed(made, job_id, place, output))
    if made.image:
        (first or add_source)(submission, context, scene, row, made)
    wanted = {picture.path for picture in made.references}
    generate.add_references(submission, scene, pictures or job_id, wanted)
    return submission


def add_source(
    submission: Submission,
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    row: Any,
    made: JobSpec,
) -> None:
    """Let the picture of a row's source be made for ``submission``, at the pixels of the clip ``made``."""
    path, size = Path(submission.spec.image), picture_size(context, scene, row, made)
    if row.source == "CAMERA":
        place = scene_of(scene, row)
        submission.steps.append(
            generate.camera_step(place, size, path, with_still, row.frame, chosen=row.camera)
        )
        return
    whole = None
    if _is_whole(scene, row):
        whole = partial(models.whole_size, generate.final_resolution(made), enlarge=False)
    if row.source == "IMAGE":
        step = PictureStep(
            Meant.of(scene),
            size,
            path,
            image=Meant.of(row.image),
            whole=whole,
            shown=_shown_by(row.image),
        )
    else:
        edit = compat.sequencer_scene(context)
        shown = _shown(strip_of(edit, row), row.frame)
        step = PictureStep(
            Meant.of(edit), size, path, strip=row.strip, frame=row.frame, shown=shown
        )
    submission.steps.append(step)


def _shown(strip: Any, frame: int) -> tuple[object, ...]:
    """What tells that a strip shows another picture at ``frame`` than it did. Raises Refused."""
    seen = source_strip_of(strip)
    return seen.start <= frame < seen.end, seen.origin, seen.path


def _shown_by(image: bpy.types.Image) -> tuple[object, ...]:
    """What tells that an image shows another picture than it did: another file, one that was written anew, the first paint."""
    path, written = bpy.path.abspath(image.filepath, library=image.library), 0
    with suppress(OSError, ValueError):
        written = os.stat(path).st_mtime_ns
    return path, written, image.is_dirty


@mutable_record
class PictureStep(Step):
    """A first frame from an image, or from what a strip shows: made here, at one go.

    Made after the press: what shows another file by then, a strip that was moved or an image that was painted on, is not
    bought.
    """

    scene: Meant
    size: tuple[int, int]  # pixels
    path: Path
    image: Meant | None = None  # None: what the strip shows
    whole: Callable[[float, float], tuple[int, int]] | None = None  # see ``capture.capture_now``
    strip: str = ""
    frame: int = 0  # of the strip's scene
    shown: tuple[object, ...] = ()  # by the strip or the image, at the press
    label: str = "Rendering…"
    made: Still | None = None

    def start(self, context: bpy.types.Context) -> None:
        scene = self.scene.find(bpy.data.scenes)
        if scene is None:
            raise Interrupted(f"The scene “{self.scene.name}” is gone.")
        file_format = preferred_format()
        if self.image is not None:
            image = self.image.find(bpy.data.images)
            if image is None:
                raise Interrupted(f"The image “{self.image.name}” is gone.")
            if _shown_by(image) != self.shown:
                raise Interrupted(f"The image “{self.image.name}” was changed after the press.")
            self.made = capture.capture_now(
                context, scene, "IMAGE", image, self.size, self.path, file_format, self.whole
            )
            return
        editor = scene.sequence_editor
        strip = compat.strips_all(editor).get(self.strip) if editor is not None else None
        if strip is None:
            raise Interrupted(f"The strip “{self.strip}” is gone.")
        if _shown(strip, self.frame) != self.shown:
            raise Interrupted(f"The strip “{self.strip}” was changed after the press.")
        self.made = capture.strip_still(scene, strip, self.frame, self.size, self.path, file_format)

    def poll(self, context: bpy.types.Context) -> Change | None:
        made = self.made
        assert made is not None
        return lambda spec: with_still(spec, made)

    def cancel(self) -> None:
        """Nothing is under way between two ticks."""

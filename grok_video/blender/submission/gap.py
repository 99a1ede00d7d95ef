"""What Fill Gap submits: a clip from the last picture before a gap to the first one behind it, to play as long as the gap.

At the start or the end of an edit there is one such picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...core import gap as plan
from ...core.framing import nearest_ratio
from ...core.spec import JobSpec, Kind, Source, new_id
from ...service import checks, models
from .. import compat, identity, scenes
from ..refusal import Refused
from ..sources import capture, pixels
from ..timeline import gaps
from ..timeline.gaps import Gap
from ..timeline.slots import waiting_in
from ..timeline.source_marks import source_id
from ..timeline.source_strip import file_refusal, source_strip_of
from .common import (
    DRAFT,
    Submission,
    draft_of,
    mime_type,
    picture_of,
    place_of,
    preferred_format,
    signed,
    target_of,
    with_still,
)
from .generate import is_whole
from .strip_part import strip_named

Size = tuple[int, int]


def scene_of(found: Gap) -> bpy.types.Scene:
    """The scene of a gap. Raises Refused."""
    scene = found.scene_meant.find(bpy.data.scenes)
    if scene is None:
        raise Refused(f"The scene “{found.scene}” is gone.")
    return scene


def gap_named(scene: bpy.types.Scene, left: str, right: str) -> Gap:
    """The gap between the strips of those names; '' for one of them: to the next strip on the channel. Raises Refused."""
    return gaps.gap_beside(
        scene,
        strip_named(scene, left) if left else None,
        strip_named(scene, right) if right else None,
    )


def makes_needed(found: Gap) -> str:
    """What a model must make for this gap: 'last_frame' or, where no strip is behind the gap, 'image'."""
    return "last_frame" if found.right else "image"


def model_of(scene: bpy.types.Scene, name: str) -> models.Model:
    """The model of that name; for '' the one that the panel of ``scene`` has. Raises Refused."""
    row = models.model_named(name) if name else scene.grok_video.model_row()
    if row is None:
        raise Refused(f"The model “{name}” is not known.", "Choose another model.")
    return row


def refusal(scene: bpy.types.Scene, found: Gap, model: str = "") -> str:
    """'' or why no clip of ``model`` can fill the gap, as far as a redraw may find out."""
    try:
        row, edit = model_of(scene, model), scene_of(found)
        if why := plan.refusal(found.frames, found.fps, row.min_seconds, row.max_seconds):
            return why
        for name, frame in _ends(found):
            strip = strip_named(edit, name)
            source_strip_of(strip)
            if waits := waiting_in(edit, frame, frame + 1, strip):
                return f"“{waits[0]}” still waits for its clip, so its picture cannot be sent. Fill the gap when the clip is there."
        return _hidden(edit, found) or checks.refusal(draft(scene, found, model))
    except Refused as error:
        return str(error)


def _hidden(edit: bpy.types.Scene, found: Gap) -> str:
    """'' or why nobody would see a clip in this gap."""
    if not (found.left and found.right):
        return ""
    left, right = strip_named(edit, found.left), strip_named(edit, found.right)
    over = gaps.transition_over(left, right)
    if over is None:
        return ""
    return f"“{over.name}” goes from “{found.left}” to “{found.right}” in this gap already. Mute or delete it first."


def draft(scene: bpy.types.Scene, found: Gap, model: str = "", job_id: str = DRAFT) -> JobSpec:
    """The spec that Fill Gap would send now, by ``model`` ('': the panel's). Raises Refused."""
    chosen, row = scene.grok_video, model_of(scene, model)
    filling = plan.filling_of(found.frames, found.fps, row.min_seconds, row.max_seconds)
    if filling is None:
        raise Refused(plan.refusal(found.frames, found.fps, row.min_seconds, row.max_seconds))
    edit = scene_of(found)
    first = found.left or found.right
    made = draft_of(
        scene,
        Kind.GENERATE,
        chosen.gap_prompt,
        filling.seconds,
        chosen.resolution,
        nearest_ratio(*scenes.frame_size(edit), row.picture_ratios),
        image=place_of(job_id) if found.left else "",
        image_mime=mime_type() if found.left else "",
        last_frame=picture_of(job_id, "-end", found.right) if found.right else None,
        source=Source("STRIP", scene=found.scene, frame=dict(_ends(found))[first], image=first),
    )
    if not model:
        return made
    sound = chosen.generate_audio and row.audio
    resolution = made.resolution if made.resolution in row.prices else next(iter(row.prices))
    return replace(made, model=row.id, unchecked=False, generate_audio=sound, resolution=resolution)


def speed(scene: bpy.types.Scene, found: Gap, model: str = "") -> float:
    """How fast the clip will play; 0 where none fits."""
    row = model_of(scene, model)
    filling = plan.filling_of(found.frames, found.fps, row.min_seconds, row.max_seconds)
    return filling.speed if filling is not None else 0.0


def filling(scene: bpy.types.Scene, found: Gap, session: str, model: str = "") -> Submission:
    """The submission of a clip that fills a gap, by ``model`` ('': the panel's). Raises Refused."""
    edit, job_id = scene_of(found), new_id()
    if why := refusal(scene, found, model):
        raise Refused(why)
    for name, frame in _ends(found):
        if why := file_refusal(strip_named(edit, name), frame, frame + 1):
            raise Refused(why)
    made = draft(scene, found, model, job_id)
    target = target_of(
        session,
        edit,
        found.start,
        place="GAP",
        strip=found.left,
        channel=found.channel,
        length=found.frames,
        right=found.right,
    )
    submission = Submission(signed(made, job_id, target))
    size = _size(scene, edit, submission.spec)
    for name, frame in _ends(found):
        submission.stills.append(_still(edit, name, frame, size, first=name == found.left))
    # The strips are marked last: a click that is refused leaves them as they were.
    left = strip_named(edit, found.left) if found.left else None
    right = strip_named(edit, found.right) if found.right else None
    target = replace(
        target,
        mark=source_id(left) if left is not None else "",
        right_mark=source_id(right) if right is not None else "",
        offset=found.end - compat.content_start(right) if right is not None else 0,
    )
    submission.spec = replace(submission.spec, target=target)
    return submission


def _ends(found: Gap) -> list[tuple[str, int]]:
    """The strips beside a gap, each with the scene frame whose picture the clip shall meet: the left one first."""
    ends = [(found.left, found.start - 1), (found.right, found.end)]
    return [(name, frame) for name, frame in ends if name]


def _size(scene: bpy.types.Scene, edit: bpy.types.Scene, spec: JobSpec) -> Size:
    if is_whole(scene):
        return models.whole_size(spec.resolution, *scenes.frame_size(edit))
    return models.clip_size(spec.resolution, spec.aspect_ratio)


def _still(
    edit: bpy.types.Scene, name: str, frame: int, size: Size, *, first: bool
) -> Callable[[JobSpec], JobSpec]:
    """What takes the picture of a strip beside the gap, as the clip's first or last frame."""
    meant = identity.Meant.of(edit)

    def add_to(spec: JobSpec) -> JobSpec:
        scene: Any = meant.find(bpy.data.scenes)
        shown = gaps.shown_at(strip_named(scene, name), frame)
        end = spec.last_frame
        path = Path(spec.image if first else end.path if end is not None else "")
        made: pixels.Still = capture.strip_still(
            scene, shown, frame, size, path, preferred_format()
        )
        if first:
            made = replace(made, source=replace(made.source, image=name))
            return with_still(spec, made)
        assert end is not None
        return replace(spec, last_frame=replace(end, size=made.size))

    return add_to

"""*From Camera Markers* and *From Selected Strips*: a shot list that says again what the scene or the edit shows.

What a second press finds again it updates: nothing is doubled, nothing that the artist wrote is lost.
"""

from __future__ import annotations

from typing import Any

import bpy

from ...core.legible import legible
from ...core.record import record
from ...core.shot import frame_at
from ...core.shot_spans import is_longer, whole_seconds
from .. import compat, scenes, submission, telling, timeline
from ..refusal import Refused
from ..session import shots
from .asking import Asks, Result
from .shots_list import list_scene, new_row

#: Kinds of strips that become shots: those that show a picture of their own, and those that keep a place for one.
_PICTURES = frozenset({"IMAGE", "MOVIE", "SCENE"})
_PLACEHOLDERS = frozenset({"TEXT", "COLOR"})
_NAMED = 3  # names in a sentence


@record
class Found:
    """What a marker or a strip says of its shot."""

    name: str
    source: str
    frame: int  # of the scene that is rendered; of a strip of the edit
    target_frame: int
    length: int  # in frames; 0: nobody knows
    rate: float  # frames a second of ``length``
    scene: bpy.types.Scene | None = None  # None: the list's
    camera: bpy.types.Object | None = None
    strip: str = ""
    prompt: str = ""

    @property
    def picture(self) -> tuple[Any, ...]:
        """What the shot begins with."""
        return self.source, self.frame, self.scene, self.camera, self.strip


@record
class _Counts:
    """What became of what was found, by names."""

    added: list[str]
    updated: list[str]
    kept: list[str]
    longer: list[str]
    unknown: list[str]


class GROK_VIDEO_OT_shots_from_markers(Asks, bpy.types.Operator):
    bl_idname = "grok_video.shots_from_markers"
    bl_label = "Shots from Camera Markers"
    bl_description = (
        "Make a shot of each marker with a camera, as long as until the next one. A shot with the marker's name, or of "
        "its camera at its frame, gets camera, frames and seconds anew and keeps the rest; one with a job stays as it is"
    )
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        found, left_out = _of_markers(scene, timeline.strips.target_scene(context))
        return _tell(self, _fill(scene, found), left_out)


class GROK_VIDEO_OT_shots_from_strips(Asks, bpy.types.Operator):
    bl_idname = "grok_video.shots_from_strips"
    bl_label = "Shots from Selected Strips"
    bl_description = (
        "Make a shot of each selected image, scene, movie, text and color strip, where it begins and as long. Texts "
        "become prompts. A shot with the strip's name gets frames and seconds anew and keeps the rest; one with a job "
        "stays as it is"
    )
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        found, left_out = _of_strips(scene, timeline.strips.target_scene(context))
        return _tell(self, _fill(scene, found), left_out)


# ------------------------------------------------------------------------------------------------ what is found


def _of_markers(scene: bpy.types.Scene, edit: bpy.types.Scene) -> tuple[list[Found], list[str]]:
    """The shots of the camera markers in the order of their frames, and sentences on those left out. Raises Refused."""
    markers = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
    with_camera = [marker for marker in markers if marker.camera is not None]
    if not with_camera:
        has_some = f"No marker of “{scene.name}” has a camera." if markers else ""
        raise Refused(
            has_some or f"The scene “{scene.name}” has no markers.",
            "Choose a camera and a frame, and use Marker › Bind Camera to Markers.",
        )
    # As Blender does: a camera that is hidden in renders is passed over, and of two on a frame the first one counts.
    seen: dict[int, bpy.types.TimelineMarker] = {}
    hidden, doubled = list[str](), list[str]()
    for marker in with_camera:
        if marker.camera.hide_render:
            hidden.append(marker.name)
        elif marker.frame in seen:
            doubled.append(marker.name)
        else:
            seen[marker.frame] = marker
    left_out = [
        _sentence(hidden, "Left out, as their cameras are hidden in renders"),
        _sentence(doubled, "Left out, as an earlier marker has their frame"),
    ]
    if not seen:
        raise Refused(" ".join(filter(None, left_out)), "Let a camera be seen in renders.")
    rate, edit_rate = scenes.rate(scene), scenes.rate(edit)
    ends = [*list(seen)[1:], scene.frame_end + 1]
    found = [
        Found(
            name=marker.name,
            source="CAMERA",
            frame=frame,
            target_frame=frame_at(frame, rate, edit_rate),
            length=max(end - frame, 0),
            rate=rate,
            camera=marker.camera,
        )
        for (frame, marker), end in zip(seen.items(), ends, strict=True)
    ]
    return found, [words for words in left_out if words]


def _of_strips(scene: bpy.types.Scene, edit: bpy.types.Scene) -> tuple[list[Found], list[str]]:
    """The shots of the selected strips in the order of their frames, and sentences on those left out. Raises Refused."""
    editor = edit.sequence_editor
    level = (editor.meta_stack[-1] if editor.meta_stack else editor) if editor is not None else None
    selected = [] if level is None else [s for s in compat.strips(level) if s.select]
    strips = [s for s in selected if s.type in _PICTURES | _PLACEHOLDERS]
    others = [s.name for s in selected if s.type not in _PICTURES | _PLACEHOLDERS]
    waiting = [s.name for s in strips if timeline.slots.is_waiting(s)]
    strips = [s for s in strips if not timeline.slots.is_waiting(s)]
    placed = [(*timeline.strips.visible_span(strip), strip) for strip in strips]
    unseen = [strip.name for start, end, strip in placed if end <= start]
    placed = [place for place in placed if place[0] < place[1]]
    left_out = [
        _sentence(waiting, "Left out, as they wait for their clips"),
        _sentence(unseen, "Left out, as their meta strips do not show them"),
        _sentence(others, "Left out, as they have no picture of their own"),
    ]
    if not placed:
        words = " ".join(filter(None, left_out)) or f"No strip of “{edit.name}” is selected."
        raise Refused(words, "Select image, scene, movie, text or color strips.")
    placed.sort(key=lambda place: (place[0], place[2].channel))
    found = [_of_strip(scene, edit, strip, start, end) for start, end, strip in placed]
    return found, [words for words in left_out if words]


def _of_strip(
    scene: bpy.types.Scene, edit: bpy.types.Scene, strip: Any, start: int, end: int
) -> Found:
    """The shot of a strip that is seen in the frames [start, end) of ``edit``."""
    rate = scenes.rate(edit)

    def shot(source: str, frame: int, **fields: Any) -> Found:
        return Found(
            name=strip.name,
            source=source,
            frame=frame,
            target_frame=start,
            length=end - start,
            rate=rate,
            prompt=strip.text.strip() if strip.type == "TEXT" else "",
            **fields,
        )

    is_placeholder = strip.type in _PLACEHOLDERS
    filmed = _scene_strip_at(start, strip) if is_placeholder else strip
    if filmed is not None and _shows_camera(filmed):
        # Rendered by the camera, the picture is as large as the clip, and the window is not held.
        return shot(
            "CAMERA",
            compat.scene_frame(filmed, start),
            scene=None if filmed.scene == scene else filmed.scene,
            camera=filmed.scene_camera,
        )
    if is_placeholder:
        frame = frame_at(start, rate, scenes.rate(scene))
        return shot("CAMERA" if scenes.camera_of(scene, frame) else "NONE", frame)
    return shot("STRIP", start, strip=strip.name)


def _shows_camera(strip: Any) -> bool:
    return (
        strip.type == "SCENE"
        and strip.scene is not None
        and strip.scene_input == "CAMERA"
        and not compat.is_retimed(strip)
        and (strip.scene_camera or scenes.camera_of(strip.scene)) is not None
    )


def _scene_strip_at(frame: int, placeholder: Any) -> Any:
    """The scene strip beside a placeholder that shows a camera at ``frame``: the nearest below it, else the nearest above."""
    found = [
        strip
        for strip in compat.strips(timeline.strips.owner_of(placeholder))
        if not strip.mute
        and compat.span(strip)[0] <= frame < compat.span(strip)[1]
        and _shows_camera(strip)
    ]

    def distance(strip: Any) -> tuple[bool, int]:
        return strip.channel > placeholder.channel, abs(strip.channel - placeholder.channel)

    return min(found, key=distance, default=None)


# ------------------------------------------------------------------------------------------- what becomes of it


def _fill(scene: bpy.types.Scene, found: list[Found]) -> _Counts:
    """Update the rows that are of what was found, and add one of what no row is of. Rows with a job stay."""
    shots.marked(scene)
    chosen = scene.grok_video
    count = len(chosen.shots)
    free = set(range(count))
    by_name: dict[str, list[int]] = {}
    by_picture: dict[tuple[Any, ...], list[int]] = {}
    for number, row in enumerate(chosen.shots):
        by_name.setdefault(row.name, []).append(number)
        picture = (row.source, row.frame, row.scene, row.camera, row.strip)
        by_picture.setdefault(picture, []).append(number)

    def take(numbers: list[int]) -> int:
        """The first row of ``numbers`` that is of nothing else that was found; -1 without any."""
        number = next((n for n in numbers if n in free), -1)
        free.discard(number)
        return number

    # By names first: a row that bears a marker's name is not another marker's, whatever it shows.
    numbers = [take(by_name.get(one.name, [])) for one in found]
    for at, one in enumerate(found):
        if numbers[at] < 0:
            numbers[at] = take(by_picture.get(one.picture, []))
    told = _Counts([], [], [], [], [])
    for one, number in zip(found, numbers, strict=True):
        if number >= 0 and _has_job(chosen.shots[number]):
            told.kept.append(one.name)
            continue
        row = chosen.shots[number] if number >= 0 else new_row(scene, one.name)
        (told.updated if number >= 0 else told.added).append(one.name)
        _write(row, one, told, new=number < 0)
    if told.added:
        chosen.shots_index = count
    return told


def _has_job(row: Any) -> bool:
    """Whether something was made of a row, or is about to be."""
    return bool(row.job) or shots.state_of(row.mark).state not in ("", "STOPPED")


def _write(row: Any, one: Found, told: _Counts, *, new: bool) -> None:
    """Let a row say where and how long its shot is; a new one also what it begins with, and its prompt."""
    if new:
        row.source, row.strip = one.source, one.strip
    if new or row.source == one.source == "CAMERA":
        row.scene, row.camera = one.scene, one.camera
    if new or row.source == one.source:
        row.frame = one.frame
    row.prompt = row.prompt or one.prompt
    row.target_frame = one.target_frame
    model = submission.shots.model_of(row.id_data, row)
    if not one.length:
        told.unknown.append(one.name)
        row.seconds = 0
        return
    if is_longer(one.length, one.rate, model.max_seconds):
        told.longer.append(one.name)
    row.seconds = whole_seconds(one.length, one.rate, model.min_seconds, model.max_seconds)


def _tell(operator: bpy.types.Operator, told: _Counts, left_out: list[str]) -> Result:
    count = [
        _counted(len(told.added), "added"),
        _counted(len(told.updated), "updated"),
        _counted(len(told.kept), "with a job, left as it is", "with a job, left as they are"),
    ]
    words = [
        ", ".join(filter(None, count)) + ".",
        _sentence(told.longer, "Longer than the model makes, so with its longest clip"),
        _sentence(told.unknown, "Behind the end of the scene, so as long as Generate says"),
        *left_out,
    ]
    warns = bool(told.longer or told.unknown or left_out)
    telling.report(operator, "WARNING" if warns else "INFO", " ".join(filter(None, words)))
    return {"FINISHED"}


def _counted(number: int, one: str, more: str = "") -> str:
    if not number:
        return ""
    return f"1 shot {one}" if number == 1 else f"{number} shots {more or one}"


def _sentence(names: list[str], words: str) -> str:
    """``words`` and the first of some names; '' without any."""
    if not names:
        return ""
    listed = ", ".join(f"“{legible(name[:60])}”" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{words}: {listed}{more}."


register, unregister = bpy.utils.register_classes_factory(
    (GROK_VIDEO_OT_shots_from_markers, GROK_VIDEO_OT_shots_from_strips)
)

"""The drawing over the slots that wait for their clips: state, progress and seconds, in Blender's own font and theme.

Knows nothing of when: ``slot_overlay`` asks, and loads this file with the first slot that waits. Of an edit only the
strips that the region shows are looked at.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from typing import Any, cast

import blf
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from ...core.legible import legible
from ...core.record import record
from ...core.spec import JobSpec
from .. import compat, submission, timeline
from ..session import slot_state
from ..session.state import current, job_by_id
from .job_buttons import seconds_left
from .widgets import about_text, lines_of

FONT = 0  # Blender's own
_TOP, _BOTTOM = 0.94, 0.06  # of a channel, between which Blender draws a strip
_BACK = (0.0, 0.0, 0.0, 0.62)  # behind words: they are read on any still
_TRACK = (0.0, 0.0, 0.0, 0.45)  # what of the progress bar is still to come
_SCRUB = 23  # pixels of the frame numbers above the strips
_BAD = "!"  # where no word fits
_MOST_WORDS = 40  # slots that are told of in words: a line of text takes as long as all boxes
_MOST = 400  # slots of one redraw that are told of
_MOST_IN_PREVIEW = 3
_PROMPT_LINES = 6
_PROMPT = 2000  # characters of a prompt that are looked at
_WIDEST = 4000  # characters of a state

Color = tuple[float, float, float, float]
Box = tuple[float, float, float, float]  # left, bottom, right, top in pixels of the region


def _opaque(color: Any) -> Color:
    """A colour of the theme, with or without transparency, as one that hides what lies below."""
    red, green, blue = tuple(color)[:3]
    return red, green, blue, 1.0


@record
class _Look:
    """The font's size and the colours of one redraw."""

    scale: float  # pixels of an interface of scale 1
    size: float  # of the font
    text: Color
    fill: Color
    bad: Color

    @staticmethod
    def now() -> _Look:
        preferences = bpy.context.preferences
        scale = preferences.system.ui_scale or 1.0
        theme = preferences.themes[0].user_interface
        return _Look(
            scale,
            preferences.ui_styles[0].widget.points * scale,
            _opaque(theme.wcol_tooltip.text),
            _opaque(theme.wcol_progress.item),
            compat.error_color(preferences.themes[0]),
        )

    @property
    def row(self) -> float:
        """The height of a line of text with what is around it."""
        return round(self.size * 1.6)


@record
class _Label:
    """Words at a place, and their colour."""

    words: str
    x: float
    y: float
    color: Color


class _Sheet:
    """The boxes and words of one redraw, drawn together: each colour of boxes is one batch."""

    def __init__(self, look: _Look) -> None:
        self.look = look
        self._boxes: dict[Color, list[Box]] = {}
        self._labels: list[_Label] = []

    def box(self, color: Color, box: Box) -> None:
        self._boxes.setdefault(color, []).append(box)

    def words(self, words: str, x: float, y: float, color: Color) -> None:
        """Words whose line begins at ``x`` and stands on ``y``."""
        self._labels.append(_Label(words, x, y, color))

    def draw(self) -> None:
        gpu.state.blend_set("ALPHA")
        shader = gpu.shader.from_builtin("UNIFORM_COLOR")
        for color, boxes in self._boxes.items():
            points: Any = _triangles(boxes)  # the stubs know no arrays
            batch = batch_for_shader(shader, "TRIS", {"pos": points})
            shader.bind()
            shader.uniform_float("color", color)
            batch.draw(shader)
        gpu.state.blend_set("NONE")
        blf.size(FONT, self.look.size)
        for label in self._labels:
            blf.color(FONT, *label.color)
            blf.position(FONT, label.x, label.y, 0.0)
            blf.draw(FONT, label.words)


def _triangles(boxes: list[Box]) -> np.ndarray:
    """Two triangles for each box, as points of three numbers."""
    left, bottom, right, top = np.array(boxes, np.float32).T
    points = np.zeros((len(boxes), 6, 3), np.float32)
    points[:, :, 0] = np.stack((left, right, right, left, right, left), 1)
    points[:, :, 1] = np.stack((bottom, bottom, top, bottom, top, top), 1)
    return points.reshape(-1, 3)


# ---------------------------------------------------------------------------------------------- what waits


def _edit(context: bpy.types.Context) -> tuple[bpy.types.Scene, Any] | None:
    """The scene whose edit the region shows, and where the strips that are shown lie: the editor, or the open meta strip."""
    scene = compat.sequencer_scene(context)
    editor = scene.sequence_editor if scene is not None else None
    if editor is None:
        return None
    return scene, editor.meta_stack[-1] if len(editor.meta_stack) else editor


def _seen(owner: Any, first: float, after: float, low: float, high: float) -> Iterator[Any]:
    """The strips in ``owner`` between those frames and channels: slots, and whatever lies there.

    Asked of all strips at once, which Blender does without Python: an edit may have thousands.
    """
    strips = compat.strips(owner)
    starts, ends, channels = (np.frombuffer(p, np.int32) for p in compat.places_of(strips))
    there = (starts < after) & (ends > first) & (channels + 1 > low) & (channels < high)
    for index in np.flatnonzero(there)[:_MOST]:
        yield strips[int(index)]


# ---------------------------------------------------------------------------------------------- the timeline


def draw_timeline(context: bpy.types.Context) -> None:
    region, space, found = context.region, cast(Any, context.space_data), _edit(context)
    if found is None or not space.show_overlays:
        return
    view = region.view2d
    left, bottom = view.region_to_view(0, 0)
    right, top = view.region_to_view(region.width, region.height)
    across, up = region.width / (right - left), region.height / (top - bottom)
    sheet = _Sheet(_Look.now())
    scrubbing = _SCRUB * sheet.look.scale
    edge = max(
        sheet.look.scale, 1.0
    )  # Blender's own outline of a strip, which tells the chosen ones
    seen = [
        (strip, state)
        for strip in _seen(found[1], left, right, bottom, top)
        if (state := slot_state.state_of(strip)) is not None
    ]
    for strip, state in seen:
        start, end = compat.span(strip)
        box = (
            max((start - left) * across + edge, 0.0),
            max((strip.channel + _BOTTOM - bottom) * up + edge, 0.0),
            min((end - left) * across - edge, region.width),
            min((strip.channel + _TOP - bottom) * up - edge, region.height - scrubbing),
        )
        if box[2] - box[0] >= 1.0 and box[3] - box[1] >= 2.0:
            whole = (start - left) * across, (end - left) * across
            _draw_slot(sheet, box, whole, state, words=len(seen) <= _MOST_WORDS)
    sheet.draw()


def _draw_slot(
    sheet: _Sheet, box: Box, whole: tuple[float, float], state: slot_state.SlotState, *, words: bool
) -> None:
    """Draw a slot's state into ``box``, the part of the strip that is seen; ``whole``: the left and right of all of it.

    Without ``words``, and without room for them, a colour at the strip's lower edge tells.
    """
    look = sheet.look
    left, bottom, right, top = box
    bar = min(max(3.0 * look.scale, 2.0), (top - bottom) / 2)
    if state.bad:
        sheet.box(look.bad, (left, bottom, right, bottom + bar))
    elif state.factor is not None:
        done = whole[0] + (whole[1] - whole[0]) * min(max(state.factor, 0.0), 1.0)
        done = min(max(done, left), right)
        # Not in the theme's blue of progress bars: movie strips are blue.
        sheet.box(look.text, (left, bottom, done, bottom + bar))
        sheet.box(_TRACK, (done, bottom, right, bottom + bar))
    margin = 5.0 * look.scale
    if not words or top - bottom < look.row * 0.8:
        return
    fitting, width = _fitting(_said(state), int(right - left - 2 * margin), look.size)
    if not fitting:
        return
    row = min(look.row, top - bottom)
    if top - bottom - bar >= 2 * row:  # below Blender's own line, with the strip's name
        at, line = left, bottom + bar
    elif right - left >= 2 * (width + 2 * margin):  # beside the name
        at, line = right - width - 2 * margin, (top + bottom - row) / 2
    else:
        at, line = left, (top + bottom - row) / 2
    sheet.box(look.bad if state.bad else _BACK, (at, line, at + width + 2 * margin, line + row))
    sheet.words(fitting, at + margin, line + (row - look.size * 0.72) / 2, look.text)


def _said(state: slot_state.SlotState) -> tuple[str, ...]:
    """The words of a slot, the longest first: all, the state alone, the percent, and a sign where no word fits.

    First those with the time that is still to be expected, where that is known.
    """
    words = legible(" ".join(state.words[:_WIDEST].split()))
    short = words.split(" · ")[0].split(": ")[0]
    if state.bad:
        return (words, short, _BAD)
    percent = (f"{state.factor * 100:.0f} %",) if state.factor is not None else ()
    left = seconds_left(state.job, time.time()) if state.job is not None else 0.0
    whole = (f"{words} · {about_text(left)} left",) if left else ()
    return (*whole, words, short, *percent, "…")


@functools.lru_cache(maxsize=2048)
def _fitting(said: tuple[str, ...], room: int, size: float) -> tuple[str, float]:
    """The first of these words that fits into ``room`` pixels, with its width; why something failed may be cut."""
    blf.size(FONT, size)
    for number, words in enumerate(said):
        width = blf.dimensions(FONT, words)[0]
        if width <= room:
            return words, width
        if number == 0 and said[-1] == _BAD and room > 12 * size:
            cut = _cut(words, room)
            return cut, blf.dimensions(FONT, cut)[0]
    return "", 0.0


def _cut(words: str, room: int) -> str:
    """The beginning of ``words`` that fits, in the present size of the font."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if blf.dimensions(FONT, words[:middle].rstrip() + "…")[0] <= room:
            low = middle
        else:
            high = middle - 1
    return words[:low].rstrip(" .,;:") + "…"


# ---------------------------------------------------------------------------------------------- the preview


def draw_preview(context: bpy.types.Context) -> None:
    region, space, found = context.region, cast(Any, context.space_data), _edit(context)
    if found is None or not space.show_overlays:
        return
    scene, owner = found
    frame = scene.frame_current
    waiting = [
        (strip, state)
        for strip in _seen(owner, frame, frame + 1, 0, 1e9)
        if not (strip.mute or owner.channels[strip.channel].mute)
        and (state := slot_state.state_of(strip)) is not None
    ]
    if not waiting:
        return
    waiting.sort(key=lambda one: -one[0].channel)
    sheet = _Sheet(_Look.now())
    picture = _picture_box(region, scene)
    _draw_states(sheet, region, picture, waiting[:_MOST_IN_PREVIEW])
    strip = waiting[0][0]
    if strip == _uppermost(owner, frame) and (prompt := _prompt_of_card(strip)):
        left, bottom, right, top = picture
        shown = max(left, 0), max(bottom, 0), min(right, region.width), min(top, region.height)
        _draw_prompt(sheet, shown, prompt)
    sheet.draw()


def _picture_box(region: bpy.types.Region, scene: bpy.types.Scene) -> Box:
    """Where the preview shows the frame of ``scene``, in pixels of the region."""
    render = scene.render
    width = render.resolution_x * render.pixel_aspect_x / render.pixel_aspect_y / 2
    height = render.resolution_y / 2
    view = region.view2d
    left, bottom = view.view_to_region(-width, -height, clip=False)
    right, top = view.view_to_region(width, height, clip=False)
    return left, bottom, right, top


def _draw_states(
    sheet: _Sheet,
    region: bpy.types.Region,
    picture: Box,
    waiting: list[tuple[Any, slot_state.SlotState]],
) -> None:
    """Draw a line for each slot below the picture, or at its lower edge where the region ends there."""
    look = sheet.look
    margin = 6.0 * look.scale
    left, right = max(picture[0], 0.0), min(picture[2], region.width)
    if right - left < 4 * look.size:
        left, right = 0.0, region.width
    line = max(picture[1] - margin, look.row * len(waiting) + margin)
    for strip, state in waiting:
        line -= look.row
        said = _said(state)
        named = (f"{legible(strip.name)}   {said[0]}",) if len(waiting) > 1 else ()
        words, width = _fitting((*named, *said), int(right - left - 2 * margin), look.size)
        at = max((left + right - width) / 2, left + margin)
        back = look.bad if state.bad else _BACK
        sheet.box(back, (at - margin, line, at + width + margin, line + look.row))
        if state.factor is not None and not state.bad:
            done = at - margin + (width + 2 * margin) * min(max(state.factor, 0.0), 1.0)
            sheet.box(look.fill, (at - margin, line, done, line + 2 * look.scale))
        sheet.words(words, at, line + (look.row - look.size * 0.72) / 2, look.text)


def _uppermost(owner: Any, frame: int) -> Any:
    """The strip with a picture that covers all others at ``frame``; None without one."""
    strips = compat.strips(owner)
    starts, ends, channels = (np.frombuffer(p, np.int32) for p in compat.places_of(strips))
    there = np.flatnonzero((starts <= frame) & (ends > frame))
    for index in sorted(there, key=lambda one: -channels[one]):
        strip = strips[int(index)]
        if strip.type != "SOUND" and not (strip.mute or owner.channels[strip.channel].mute):
            return strip
    return None


def _prompt_of_card(strip: Any) -> str:
    """The prompt of a slot that shows a card, as there is no still; '' for one that shows a picture."""
    job_id = timeline.strips.job_of(strip)
    job = job_by_id(job_id)
    clicks = (c.spec for c in current().click.queue if c.spec is not None and c.spec.id == job_id)
    spec = job.spec if job is not None else next(clicks, None)
    if spec is None or _shows_picture(strip, spec):
        return ""
    return submission.cast.as_written(spec)[:_PROMPT]


def _shows_picture(strip: Any, spec: JobSpec) -> bool:
    """Whether a slot shows the first frame that is sent, or a frame of its source, and no card."""
    return spec.video is not None or f"{spec.id}-still" in strip.filepath


def _draw_prompt(sheet: _Sheet, shown: Box, prompt: str) -> None:
    """Draw a prompt in the middle of the part of the picture that is ``shown``."""
    look = sheet.look
    left, bottom, right, top = shown
    room = int((right - left) * 0.75)
    if room < 6 * look.size or top - bottom < 3 * look.row:
        return
    most = max(min(_PROMPT_LINES, int((top - bottom) * 0.7 / look.row)), 1)
    lines = lines_of(legible(prompt), room, look.size, most)
    line = (top + bottom) / 2 + len(lines) * look.row / 2
    blf.size(FONT, look.size)
    for words in lines:
        line -= look.row
        width = blf.dimensions(FONT, words)[0]
        on = line + (look.row - look.size * 0.72) / 2
        sheet.words(words, (left + right - width) / 2, on, look.text)

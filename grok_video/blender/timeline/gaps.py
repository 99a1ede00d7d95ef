"""Gaps between strips of a channel: which they are, which strips lie beside them, and how a clip comes to fill one.

Never moves another strip, and never places a clip over one. Knows nothing of jobs and of the panel, and pushes no
undo step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from ...core import gap
from ...core.record import record
from ...core.spec import Target
from .. import compat, scenes
from ..identity import Meant
from ..refusal import Refused
from . import importing, retiming
from .channels import extent, settle_lowest, taken_channels
from .importing import Clip, Landing
from .placement import bring_to, cut_by_meta, stand_of
from .sounds import sounds_of
from .source_marks import find_source
from .strips import cover_scale, owner_of, visible_span


@record
class Gap:
    """A gap in an edit: the scene frames [start, end) of a channel, and the strips beside them."""

    scene: str  # its name
    left: str  # name of the strip before the gap; '' at the start of the edit
    right: str  # name of the strip behind the gap; '' at the end of the edit
    channel: int
    start: int
    end: int
    fps: float  # of the scene
    scene_meant: Meant

    @property
    def frames(self) -> int:
        return self.end - self.start


def gap_beside(scene: bpy.types.Scene, left: Any, right: Any) -> Gap:
    """The gap between two strips of ``scene``; one of them None: to the next strip on the other's channel.

    Where there is no next strip, to the end of the scene's range, or of the meta strip. Raises Refused.
    """
    strip = left or right
    owner = owner_of(strip)
    if left is None or right is None:
        near = _beside(owner, strip.channel, compat.span(strip), strip)
        left, right = (near[0], right) if left is None else (left, near[1])
    elif owner_of(left) != owner_of(right):
        raise Refused(f"“{left.name}” and “{right.name}” do not lie in the same meta strip.")
    first, after = _bounds(scene, owner)
    start = visible_span(left)[1] if left is not None else first
    end = visible_span(right)[0] if right is not None else after
    if start >= end:
        raise Refused(_no_gap(left, right), "Move the strips apart, or choose others.")
    return Gap(
        scene=scene.name,
        left=left.name if left is not None else "",
        right=right.name if right is not None else "",
        channel=strip.channel,
        start=start,
        end=end,
        fps=scenes.rate(scene),
        scene_meant=Meant.of(scene),
    )


def _no_gap(left: Any, right: Any) -> str:
    if left is None:
        return f"There is no gap before “{right.name}”."
    if right is None:
        return f"There is no gap behind “{left.name}”."
    return f"There is no gap between “{left.name}” and “{right.name}”."


def gap_at(scene: bpy.types.Scene, channel: int, frame: int) -> Gap:
    """The gap of ``channel`` in which ``frame`` lies, where the sequencer looks now. Raises Refused."""
    owner = shown_owner(scene)
    if owner is None:
        raise Refused(f"The sequencer of “{scene.name}” is empty. Add a strip first.")
    for strip in strips_on(owner, channel):
        first, after = compat.span(strip)
        if first <= frame < after:
            raise Refused(
                f"“{strip.name}” lies at frame {frame} of channel {channel}.",
                "Put the playhead into a gap of that channel.",
            )
    left, right = _beside(owner, channel, (frame, frame), None)
    if left is None and right is None:
        raise Refused(f"There is no strip on channel {channel}, so there is no gap.")
    return gap_beside(scene, left, right)


def gap_after(scene: bpy.types.Scene, strip: Any) -> Gap | None:
    """The gap between ``strip`` and the next strip on its channel; None where none follows. Cheap enough for a redraw."""
    _, right = _beside(owner_of(strip), strip.channel, compat.span(strip), strip)
    if right is None:
        return None
    try:
        return gap_beside(scene, strip, right)
    except Refused:
        return None


def gap_at_playhead(scene: bpy.types.Scene) -> Gap:
    """The gap at the playhead on the active strip's channel, else the one that follows the active strip. Raises Refused."""
    owner = shown_owner(scene)
    editor = scene.sequence_editor
    active = editor.active_strip if editor is not None else None
    if owner is None or active is None or owner_of(active) != owner:
        raise Refused(
            "No strip is active, so it is not known which gap is meant.",
            "Click the strip before the gap.",
        )
    try:
        return gap_at(scene, active.channel, scene.frame_current)
    except Refused:
        return gap_beside(scene, active, None)


def shown_owner(scene: bpy.types.Scene) -> Any:
    """What the sequencer shows of ``scene``: the open meta strip, else the editor; None for an edit without strips."""
    editor = scene.sequence_editor
    if editor is None or not len(compat.strips(editor)):
        return None
    return editor.meta_stack[-1] if len(editor.meta_stack) else editor


def strips_on(owner: Any, channel: int) -> Iterator[Any]:
    """The strips of a channel, in an editor or a meta strip."""
    strips = compat.strips(owner)
    channels = [0] * len(strips)
    strips.foreach_get("channel", channels)  # a redraw looks at no strip of another channel
    return (strips[number] for number, found in enumerate(channels) if found == channel)


def _beside(owner: Any, channel: int, span: tuple[int, int], strip: Any) -> tuple[Any, Any]:
    """The nearest strips of a channel before and behind the scene frames ``span`` of ``strip``."""
    left = right = None
    for other in strips_on(owner, channel):
        if other == strip:
            continue
        first, after = compat.span(other)
        if after <= span[0] and (left is None or after > compat.span(left)[1]):
            left = other
        if first >= span[1] and (right is None or first < compat.span(right)[0]):
            right = other
    return left, right


def _bounds(scene: bpy.types.Scene, owner: Any) -> tuple[int, int]:
    """The scene frames in which gaps of ``owner`` may lie where a strip is missing on one side."""
    if owner == scene.sequence_editor:
        return scene.frame_start, scene.frame_end + 1
    return visible_span(owner)


def shown_at(strip: Any, frame: int) -> Any:
    """The strip whose picture stands for ``strip`` at a scene frame: the effect above that is made of it, if one is.

    The effects of such an effect count too; muted ones do not.
    """
    owner = owner_of(strip)
    for other in compat.strips(owner):
        first, after = compat.span(other)
        if (
            strip in compat.inputs(other)
            and first <= frame < after
            and not other.mute
            and not owner.channels[other.channel].mute
        ):
            return shown_at(other, frame)
    return strip


def transition_over(left: Any, right: Any) -> Any:
    """The strip that goes from ``left`` to ``right``, and so hides what fills the gap between both; None without one.

    Between strips that do not touch Blender lets a transition last as long as the gap. Muted ones do not count.
    """
    owner = owner_of(left)
    for strip in compat.strips(owner):
        hidden = strip.mute or owner.channels[strip.channel].mute
        if not hidden and {left, right} <= set(compat.inputs(strip)):
            return strip
    return None


# ------------------------------------------------------------------------------------------------ filling one


@record
class _Place:
    """Where the clip of a gap goes now: scene frames [start, end), and what is said of it."""

    start: int
    end: int
    beside: tuple[Any, ...]  # the strips of the gap that are there still, the left one first
    flexible: bool  # the gap is another one now: the clip may get the gap's length
    said: str = ""


def place_in_gap(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    clip: Clip,
    *,
    target: Target,
    here: bool,
) -> Landing:
    """Place the clip of a gap between its strips, wherever those are now, retimed so that both its ends are seen.

    ``here``: ``scene`` is the one that the gap was in. A gap that has another length now is filled where the clip's
    speed allows; else, and where the gap is gone, the clip keeps the length that the gap had, on channels that are
    free. Raises Refused, and then leaves nothing.
    """
    place = _place_of(scene, target, here=here)
    meta = _meta_of(place)

    def settle(base: Any, movie: Any, sound: Any) -> str:
        said, end = [place.said], place.end
        if place.flexible:
            now, length = place.end - place.start, target.length
            # Added without true speed, the movie has one frame of the scene for each of its file.
            lasts = compat.content_length(movie) / movie.fps
            speed = gap.speed_of(lasts, now, scenes.rate(scene))
            if gap.is_fit(speed):
                said.append(
                    f"The gap has {now} frames now and had {length}: the clip fills it at {speed:.2f} times its speed."
                )
            else:
                end = place.start + length
                said.append(
                    f"The gap has {now} frames now, which the clip cannot fill: it has the {length} frames of before."
                )
        retiming.stretch(context, scene, base, [movie], end)
        said.append(_stretch_sound(context, scene, base, sound, end))
        movie.transform.scale_x = movie.transform.scale_y = cover_scale(movie)
        said.append(_settle_beside(base, movie, sound, place.beside, target.channel))
        said.append(cut_by_meta(meta, end))
        return " ".join(filter(None, said))

    return importing.bring_in(
        context, scene, clip, meta=meta, frame=place.start, settle=settle, true_speed=False
    )


def _stretch_sound(
    context: bpy.types.Context, scene: bpy.types.Scene, base: Any, sound: Any, end: int
) -> str:
    """Let the clip's sound last as long as its picture; '' or why it cannot be heard."""
    if sound is None:
        return ""
    if compat.mixes_retimed_sounds():
        retiming.stretch(context, scene, base, [sound], end)
        return ""
    compat.set_span(sound, compat.span(sound)[0], end)
    sound.mute = True
    return "This Blender cannot play a sound at another speed, so the clip's sound is muted."


def neighbours_of(scene: bpy.types.Scene, target: Target) -> tuple[Any, Any]:
    """The strips before and behind the gap of a job as they are now; None for one that is gone, or never was."""
    left = right = None
    if target.strip:
        left = find_source(scene, target.strip, target.mark, target.frame)
    if target.right:
        end = target.frame + target.length
        right = find_source(scene, target.right, target.right_mark, end, content=target.offset)
    return left, right


def _place_of(scene: bpy.types.Scene, target: Target, *, here: bool) -> _Place:
    left, right = neighbours_of(scene, target) if here else (None, None)
    both = f"“{target.strip}” and “{target.right}”"
    if left is not None and right is not None:
        start, end = visible_span(left)[1], visible_span(right)[0]
        if owner_of(left) == owner_of(right) and end > start:
            return _Place(start, end, (left, right), end - start != target.length)
        said = f"There is no gap between {both} any more, so the clip lies behind “{left.name}”."
        return _Place(start, start + target.length, (left,), False, said)
    if left is not None:
        start = visible_span(left)[1]
        said = f"“{target.right}” is gone, so the clip lies behind “{left.name}”."
        return _Place(start, start + target.length, (left,), False, said if target.right else "")
    if right is not None:
        end = visible_span(right)[0]
        said = f"“{target.strip}” is gone, so the clip lies before “{right.name}”."
        return _Place(end - target.length, end, (right,), False, said if target.strip else "")
    end = target.frame + target.length
    gone = both if target.strip and target.right else f"“{target.strip or target.right}”"
    verb = "are" if target.strip and target.right else "is"
    said = f"{gone} {verb} gone, so the clip lies where the gap was." if here else ""
    return _Place(target.frame, end, (), False, said)


def _meta_of(place: _Place) -> Any:
    """The meta strip in which the strips of a gap lie; None for the whole edit."""
    return place.beside[0].parent_meta() if place.beside else None


def _settle_beside(base: Any, movie: Any, sound: Any, beside: tuple[Any, ...], channel: int) -> str:
    """Bring the new strips onto a channel of the strips beside them, else onto free ones; returns a sentence or ''."""
    start, end, mine = extent(movie, sound)
    taken = taken_channels(base, start, end, mine)
    stands = [stand_of(base, strip) for strip in beside]
    wanted = [stand.channel for stand in stands] or [channel]
    free = next((number for number in wanted if number > 0 and number not in taken), 0)
    if not free:
        settle_lowest(base, movie, sound)
        return (
            f"Channel {wanted[0]} is not free there, so the clip lies on channel {movie.channel}."
        )
    sounds = [s.channel for strip in beside for s in sounds_of(strip) if owner_of(s) == base]
    bring_to(base, movie, sound, free, [*sounds, free - 1])
    return ""

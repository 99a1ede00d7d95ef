"""Where an extension or an edit goes: behind the strip that it continues, or over the strip that it changes.

Owns the cut of a clip that belongs to a source strip, its channels, and what its sound does beside the
source's. The source is left alone. It knows nothing of jobs and of the panel, and pushes no undo step.
"""

from __future__ import annotations

from typing import Any

import bpy

from ...core.record import record
from ...service.pricing import new_part_only
from .. import compat
from ..refusal import Refused
from . import importing
from .channels import (
    MAX_CHANNEL,
    covering_strips,
    extent,
    first_free,
    set_channels,
    settle_lowest,
    taken_channels,
)
from .importing import Clip, Landing
from .sounds import is_heard, sounds_of, voices_of, volume_of
from .source_marks import pieces_of
from .strips import meta_at, metas_around, owner_of, pixels_of, visible_span

#: Scene frames by which a clip of 24 frames a second may end early at the scene's own rate.
_ROUNDING = 1
#: Seconds by which a source's length may change when the service brings it to 24 frames a second.
_RESAMPLED = 0.15


def place_after(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    clip: Clip,
    *,
    source: Any,
    frame: int,
    head: float,
    chosen: bool = False,
    whole: bool = False,
) -> Landing:
    """Place an extension so that its new part begins on the frame where ``source`` visibly ends now.

    ``head``: seconds at the start of the file that are the source's (``head_seconds``), hidden behind the left handle.
    ``source`` None: the source is gone, and the new part begins at ``frame``, where the source ended when it was sent,
    or which the artist has ``chosen``. ``whole``: the source's own file was sent, not what the edit showed of it.
    Raises Refused.
    """
    seam = frame if source is None else visible_span(source)[1]
    meta = meta_for(scene, source, seam)
    # At each frame of the scene Blender shows the nearest frame of the file. 5.0 takes an earlier frame at some
    # rates, and never shows others at 25 and 30 a second: there one frame is held at the seam (measured).
    hidden = round(head * scene.render.fps / scene.render.fps_base)

    def settle(base: Any, movie: Any, sound: Any) -> str:
        said = []
        end = compat.span(movie)[1]
        if end <= seam:
            # Which part is new cannot be known, so all of the clip is shown: hidden, it would be paid for in vain.
            end += hidden
            for strip in filter(None, (movie, sound)):
                compat.shift(strip, hidden)
            said.append("The clip is no longer than what it continues, so all of it is shown.")
        _cut(movie, sound, seam, end)
        if whole and source is not None:
            _frame_alike(movie, source)
        if source is None:
            if not chosen:
                said.append("The strip that it continues is gone, so it lies where that ended.")
            settle_lowest(base, movie, sound)
        else:
            _follow_sounds(sound, source)
            _settle_behind(base, movie, sound, source, seam)
        said.append(_cut_by_meta(meta, end))
        return " ".join(filter(None, said))

    return importing.bring_in(context, scene, clip, meta=meta, frame=seam - hidden, settle=settle)


def head_seconds(measured: float, sent: float, added: float) -> float:
    """Seconds at the start of an extension's file that show its source, which was ``sent`` to have ``added`` to it.

    The service answers with source and new part in one file, or with the new part alone: the ``measured`` length of
    the file tells. It also brings a source to its own rate, by which the length may change by a few frames: the head
    is what is not ``added``, unless that is far from what was ``sent``.
    """
    if new_part_only(sent, added, measured):
        return 0.0
    left = measured - added
    return left if abs(left - sent) <= _RESAMPLED else min(sent, measured)


@record
class SentPart:
    """The part of a source strip that was sent to be edited."""

    frame: int  # scene frame of the part's first picture when it was sent
    length: int  # scene frames
    content: int  # scene frames from the start of the source's content to the part
    channel: int  # of the source when it was sent
    mark: str = ""  # of the source, by which its pieces are found


def place_over(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    clip: Clip,
    *,
    source: Any,
    part: SentPart,
    whole: bool = False,
) -> Landing:
    """Place an edit on the next free channel above ``source``, exactly over the part that was sent.

    The edit is trimmed as the source is trimmed now, and never stretched: at any frame both show the same time. Behind
    an edit that is shorter, the original is seen again. ``whole``: as for ``place_after``. Raises Refused.
    """
    start = part.frame if source is None else compat.content_start(source) + part.content
    first, end = _seen(source, part, start)
    meta = meta_for(scene, source, first)

    def settle(base: Any, movie: Any, sound: Any) -> str:
        said = []
        last = compat.span(movie)[1]
        # The edit may lack a last frame only because the rates differ: its last picture is held, or one frame of
        # the original would flash.
        after = end if last >= end - _ROUNDING else last
        if after < end:
            said.append(
                "The edit is shorter than its source: "
                f"the last {end - max(after, first)} frames show the original."
            )
        # When what is left of the source lies behind the end of the edit, all of the edit is shown: hidden, it
        # would be paid for in vain.
        opening = first if first < after else start
        _cut(movie, sound, opening, after)
        if whole and source is not None:
            _frame_alike(movie, source)
        channel, name = part.channel, "the strip that was edited"
        if source is None:
            said.append("The strip that was edited is gone, so the edit lies where it was.")
        else:
            stand = stand_of(base, source)
            channel, name = stand.channel, f"“{stand.name}”"
            said.append(_hush(sound, source))
        said.append(_cut_by_meta(meta, after))
        said.append(_settle_above(base, movie, sound, channel, name))
        return " ".join(filter(None, said))

    return importing.bring_in(context, scene, clip, meta=meta, frame=start, settle=settle)


def _seen(source: Any, part: SentPart, start: int) -> tuple[int, int]:
    """The scene frames of the sent part that the source, or the pieces it was cut into, still show."""
    end = start + part.length
    if source is None:
        return start, end
    spans = [visible_span(piece) for piece in pieces_of(source, part.mark)]
    seen = [(max(first, start), min(after, end)) for first, after in spans]
    seen = [(first, after) for first, after in seen if first < after]
    if not seen:
        return start, end
    return min(first for first, _ in seen), max(after for _, after in seen)


def meta_for(scene: bpy.types.Scene, source: Any, frame: int) -> Any:
    """The meta strip to place into: the innermost around the source that is open and shows ``frame``.

    Never a closed meta strip, in which the artist does not work. Blender does not make a meta strip longer for what is
    added: a clip that begins behind its end would not be seen, and so goes outside, behind the meta strip.
    """
    if source is None:
        return meta_at(scene, frame)
    opened = list(source.id_data.sequence_editor.meta_stack)
    for meta in metas_around(source):
        start, end = visible_span(meta)
        if meta in opened and start <= frame < end:
            return meta
    return None


def stand_of(base: Any, source: Any) -> Any:
    """The strip directly in ``base`` that is the source, or the meta strip that holds it."""
    while owner_of(source) != base:
        source = source.parent_meta()
    return source


def _cut_by_meta(meta: Any, end: int) -> str:
    # Said, and not mended: the length of a meta strip is the artist's cut, and Blender keeps it too.
    if meta is None or visible_span(meta)[1] >= end:
        return ""
    return f"The meta strip “{meta.name}” ends before the clip does. Drag its end to see all of it."


def _cut(movie: Any, sound: Any, start: int, end: int) -> None:
    """Trim both strips to [start, end). Blender gives a sound the span of its picture, however long it is."""
    for strip in filter(None, (movie, sound)):
        compat.set_span(strip, start, end)


def _frame_alike(movie: Any, source: Any) -> None:
    """Frame a clip exactly as its source is framed, or the picture would jump where one follows the other.

    For a source whose own file was sent. What was sent as the edit showed it has the source's framing in its pixels.
    """
    own, (width, height) = pixels_of(source), pixels_of(movie)
    wide, high = own[0] / width, own[1] / height
    theirs, ours = source.transform, movie.transform
    ours.scale_x, ours.scale_y = theirs.scale_x * wide, theirs.scale_y * high
    ours.offset_x, ours.offset_y, ours.rotation = theirs.offset_x, theirs.offset_y, theirs.rotation
    ours.origin = theirs.origin
    for side, by in (("min_x", wide), ("max_x", wide), ("min_y", high), ("max_y", high)):
        setattr(movie.crop, side, round(getattr(source.crop, side) / by))


def _follow_sounds(sound: Any, source: Any) -> None:
    """Give the sound of an extension the volume, pan and mute of its source's sound."""
    before = sounds_of(source)
    if sound is None or not before:
        return
    model = next((s for s in before if is_heard(s)), before[0])
    sound.volume = volume_of(model)
    sound.pan = model.pan
    sound.mute = not is_heard(model)  # also where only the channel of the source's sound is muted


def _hush(sound: Any, source: Any) -> str:
    """Mute the sound of an edit, as its source's sound plays on below; returns a sentence that says so, or ''."""
    before = voices_of(source)
    if sound is None or not before:
        return ""
    sound.mute = True
    if any(is_heard(s) for s in before):
        return f"Its sound is muted: that of “{source.name}” plays on."
    return f"Its sound is muted, as that of “{source.name}” is."


def _settle_behind(base: Any, movie: Any, sound: Any, source: Any, seam: int) -> None:
    """Bring the new strips onto the source's channels where those are free, else onto the lowest free channels."""
    stand = stand_of(base, source)
    start, end, mine = extent(movie, sound)
    taken = taken_channels(base, start, end, mine)
    # A strip above that begins at or behind the seam would hide the extension. One that lies over the source as
    # well, a logo or a vignette, is meant to.
    hidden = any(
        strip.channel > stand.channel and compat.span(strip)[0] >= seam
        for strip in covering_strips(base, start, end, mine)
    )
    if stand.channel in taken or hidden:
        settle_lowest(base, movie, sound)
        return
    beside = [s.channel for s in sounds_of(source) if owner_of(s) == base]
    _move(base, movie, sound, stand.channel, [*beside, stand.channel - 1])


def _settle_above(base: Any, movie: Any, sound: Any, channel: int, name: str) -> str:
    """Bring the picture onto the lowest channel above ``channel`` that is free; returns a sentence or ''.

    Where ``channel`` is the last, no clearing makes room above: a clip that was paid is placed below, and that is said.
    """
    if channel >= MAX_CHANNEL:
        settle_lowest(base, movie, sound)
        return f"There is no channel above {name}, so the edit lies on channel {movie.channel}. Mute {name} to see it."
    place = extent(movie, sound)
    above = free_above(base, *place, channel=channel)
    if not above:
        raise Refused(*nothing_above(name, channel))
    _move(base, movie, sound, above, [])
    return ""


def free_above(base: Any, start: int, end: int, ignored: frozenset[str], *, channel: int) -> int:
    """The lowest channel above ``channel`` that is free in [start, end); 0 where there is none."""
    taken = taken_channels(base, start, end, ignored)
    return next((c for c in range(channel + 1, MAX_CHANNEL + 1) if c not in taken), 0)


def nothing_above(name: str, channel: int) -> tuple[str, str]:
    """Why an edit finds no place over its source ``name`` on ``channel``, and what helps."""
    return (
        f"There is no free channel above {name}, where the edit belongs.",
        f"Clear, unlock or unmute one of the channels {channel + 1} to {MAX_CHANNEL}.",
    )


def _move(base: Any, movie: Any, sound: Any, channel: int, wanted: list[int]) -> None:
    """Bring the picture to the free ``channel``, the sound to a free channel, one of ``wanted`` where one is free."""
    beside = 0
    if sound is not None:
        place = extent(movie, sound)
        taken = taken_channels(base, *place) | {channel}
        beside = first_free([*wanted, *range(1, MAX_CHANNEL + 1)], taken, place)
    set_channels(base, movie, sound, channel, beside)

"""Where the content of a strip lies once its file is another one: its head, and an end that nobody touched.

Blender leaves the handles of a strip where they are when it gets another file, and its content where it begins. What the
artist sees between the handles must stay the same part of the clip, so the content is slipped below them. Knows nothing of
jobs and of slots.
"""

from __future__ import annotations

from typing import Any

from ...core.record import record
from .. import compat, scenes
from .strips import curves_of, owner_of

#: Scene frames by which a handle may lie beside the end of its content and is still where Blender has put it: at most
#: rates the content of a clip ends between two frames.
_ROUNDING = 0.51
#: Scene frames that a clip may be shorter than its strip: rates of service and scene differ. Its last picture is held, or
#: what lies below would flash.
_HELD = 1


@record
class Timing:
    """How a movie strip and its sounds lay before their file was changed."""

    end: int  # scene frame after the last that the movie strip shows
    is_untouched: bool  # the movie strip ends where its content does
    ends: tuple[int, ...]  # of the sounds

    @staticmethod
    def of(strip: Any, sounds: list[Any]) -> Timing:
        """How they lie now."""
        return Timing(
            end=compat.span(strip)[1],
            is_untouched=abs(compat.hidden_at_end(strip)) <= _ROUNDING,
            ends=tuple(compat.span(sound)[1] for sound in sounds),
        )


def realign(
    strip: Any, sounds: list[Any], before: Timing, old_head: float, new_head: float
) -> list[str]:
    """Let a strip that names another file show the same part of the clip; returns sentences for the artist.

    ``old_head``, ``new_head``: the seconds at the start of the former and of the new file that are the source's.
    """
    rate = scenes.rate(strip.id_data)
    # At each frame of the scene Blender shows the nearest frame of the file: rounded as ``place_after`` does.
    if by := round(old_head * rate) - round(new_head * rate):
        for one in (strip, *sounds):
            slip(one, by)
    if not before.is_untouched:
        return []
    hidden = round(compat.hidden_at_end(strip))
    start, end = compat.span(strip)
    if -_HELD <= hidden <= 0 or end + hidden <= start:
        return []
    if not _is_free(strip, end, end + hidden):
        return [
            f"The clip of “{strip.name}” is longer than its strip, behind which another one lies."
            " Move that and drag the end of the strip to see all of it."
        ]
    compat.set_end(strip, end + hidden)
    for sound, after in zip(sounds, before.ends, strict=True):
        if after == before.end and _is_free(sound, after, after + hidden):
            compat.set_end(sound, after + hidden)
    return []


def slip(strip: Any, by: int) -> None:
    """Move the content of a strip by so many scene frames along the timeline, below handles and keys that stay."""
    start, end = compat.span(strip)
    places = [
        (key, key.co[0], key.handle_left[0], key.handle_right[0])
        for curve in curves_of(strip, "")
        for key in getattr(curve, "keyframe_points", ())
    ]
    channel = strip.channel
    spare = 0
    while by:
        # A strip that is moved onto another one lands on another channel: so it is made one frame long, and moved within
        # the place that it has.
        room = end - start - 1
        if not room:
            spare = spare or _spare_channel(strip)
            strip.channel = spare
        step = max(-room, min(room, by)) if room else by
        if step > 0 and room:
            compat.set_end(strip, start + 1)
        elif room:
            compat.set_span(strip, end - 1, end)
        compat.shift(strip, step)
        compat.set_span(strip, start, end)
        by -= step
    if spare:
        strip.channel = channel
    for key, at, left, right in places:  # Blender moves the keys of a strip with it
        key.co[0], key.handle_left[0], key.handle_right[0] = at, left, right


def _spare_channel(strip: Any) -> int:
    """A channel of the strip's owner on which nothing lies."""
    taken = {other.channel for other in compat.strips(owner_of(strip))}
    return next(channel for channel in range(128, 0, -1) if channel not in taken)


def _is_free(strip: Any, start: int, end: int) -> bool:
    """Whether no other strip lies in the scene frames [start, end) of a strip's channel."""
    return not any(
        other.channel == strip.channel
        and other != strip
        and compat.span(other)[0] < end
        and compat.span(other)[1] > start
        for other in compat.strips(owner_of(strip))
    )

"""Where the content of a strip lies once its file is another one: its head, its speed, and an end that nobody touched.

Blender leaves the handles of a strip where they are when it gets another file, and its content where it begins. What the
artist sees between the handles must stay the same part of the clip, so the content is slipped below them. Knows nothing of
jobs and of slots.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...core.record import record
from .. import compat, scenes
from .channels import MAX_CHANNEL
from .strips import curves_of, owner_of

#: Scene frames by which a handle may lie beside the end of its content and is still where Blender has put it: at most
#: rates the content of a clip ends between two frames.
_ROUNDING = 0.51
#: Scene frames that a clip may be shorter than its strip: rates of service and scene differ. Its last picture is held, or
#: what lies below would flash.
_HELD = 1


@record
class Content:
    """The file that the content of a strip stands for."""

    fps: float
    frames: int
    head: float  # seconds at its start that are the source's
    #: Frames of the file that are left out before and behind the content, so that retiming plays it as fast as before.
    trim: tuple[int, int] = (0, 0)
    tail: int = 0  # frames at its end that show its beginning again: a loop's one


@record
class Ends:
    """Where a movie strip and its sounds ended before their file was changed."""

    movie: int  # scene frame after the last that is shown
    is_untouched: bool  # the movie strip ended where its content did, but for the tail of a loop
    tail: int  # scene frames of a loop's tail that were to be hidden
    sounds: tuple[int, ...]

    @staticmethod
    def of(strip: Any, sounds: list[Any], content: Content) -> Ends:
        """Where a movie strip that shows ``content`` and its sounds end before their file is changed."""
        tail = frames_of_tail(strip, content)
        return Ends(
            movie=compat.span(strip)[1],
            is_untouched=abs(compat.hidden_at_end(strip) - tail) <= _ROUNDING,
            tail=tail,
            sounds=tuple(compat.span(sound)[1] for sound in sounds),
        )


def name_and_realign(
    strip: Any, name: Callable[[], Any], old: Content, new: Content
) -> tuple[Any, Content, list[str]]:
    """Let a movie strip name the file ``new`` instead of ``old``, and show the same part of the clip.

    ``name()`` does the first and returns the strip, which may be a new Python object then. Returns that, what its content
    stands for from now on, and sentences for the artist.
    """
    retimed = compat.is_retimed(strip)
    by = 0 if retimed else frames_of_head(strip, old, new)
    # Blender gives no strip handles that lie wholly outside of its content: so the content moves while it is the longer one.
    if by > 0:
        slip(strip, by)
    place = compat.span(strip)
    strip = name()
    # Up to 5.2 Blender drags the left handle away where the file is shorter than what the right one hides (measured).
    if compat.span(strip) != place:
        _in_its_place(strip, place, lambda: None, lambda: None)
    if retimed:
        trim, said = _trim_for_speed(strip, old, new)
        _set_trim(strip, old.trim, trim)
        return strip, Content(old.fps, old.frames, old.head, trim, new.tail), said
    _set_trim(strip, old.trim, (0, 0))
    if by < 0:
        slip(strip, by)
    return strip, new, []


def frames_of_head(strip: Any, old: Content, new: Content) -> int:
    """The scene frames by which the head of ``new`` is shorter than that of ``old``."""
    rate = scenes.rate(strip.id_data)
    # At each frame of the scene Blender shows the nearest frame of the file: rounded as ``place_after`` does.
    return round(old.head * rate) - round(new.head * rate)


def frames_of_tail(strip: Any, content: Content) -> int:
    """The scene frames at the end of a strip's content that show the tail of a loop; 0 where the strip is retimed."""
    if not content.tail or content.frames <= content.tail or compat.is_retimed(strip):
        return 0
    # Up to the first frame of the scene whose nearest frame of the file is the tail's.
    left = content.frames - content.tail - 0.5 - compat.trim(strip)[0]
    shown = max(math.ceil(left * scenes.rate(strip.id_data) / content.fps - 1e-6), 1)
    end = compat.span(strip)[1] + round(compat.hidden_at_end(strip))
    return max(end - compat.content_start(strip) - shown, 0)


def hide_tail(strip: Any, sounds: list[Any], content: Content) -> None:
    """Let a strip that was just placed, and its sounds, end before the tail of its loop."""
    end = compat.span(strip)[1] + round(compat.hidden_at_end(strip))
    if tail := frames_of_tail(strip, content):
        for one in (strip, *sounds):
            compat.set_end(one, end - tail)


def _trim_for_speed(strip: Any, old: Content, new: Content) -> tuple[tuple[int, int], list[str]]:
    """The frames of the file ``new`` to leave out, so that the keys of a retimed strip play those that they did.

    Retiming keys stretch whatever content there is over the same time, so the content keeps the length for which the
    artist has set them. A file that is too short for that is stretched, and that is said.
    """
    first = round((new.head - old.head) * new.fps)
    last = new.frames - round(old.frames * new.fps / old.fps) - first
    if first < 0 or last < 0:
        text = f"The clip of “{strip.name}” is shorter than the one that was retimed, so it plays slower. Look at its speed."
        return (0, 0), [text]
    return (first, last), []


def _set_trim(strip: Any, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Leave ``new`` frames of a strip's file out instead of ``old``, and what the artist leaves out; content stays put."""
    if old == new:
        return
    before = compat.trim(strip)
    own = [max(0, now - ours) for now, ours in zip(before, old, strict=True)]
    start = compat.content_start(strip)

    def leave_out(first: int, last: int) -> None:
        compat.set_trim(strip, first, last)
        compat.shift(strip, start - compat.content_start(strip))

    _in_its_place(
        strip,
        compat.span(strip),
        lambda: leave_out(own[0] + new[0], own[1] + new[1]),
        lambda: leave_out(*before),
    )


def slip(strip: Any, by: int) -> bool:
    """Move the content of a strip by so many scene frames along the timeline, below handles and keys that stay.

    Returns whether that could be: there must be content somewhere between the handles.
    """
    return not by or _in_its_place(
        strip, compat.span(strip), lambda: compat.shift(strip, by), lambda: compat.shift(strip, -by)
    )


def _in_its_place(
    strip: Any, place: tuple[int, int], change: Callable[[], None], back: Callable[[], None]
) -> bool:
    """Change the content of a strip whose handles lie at ``place``, move none of its keys, and touch no other strip.

    Returns whether that could be; else it is taken ``back``.
    """
    keys = [
        (key, key.co[0], key.handle_left[0], key.handle_right[0])
        for curve in curves_of(strip, "")
        for key in getattr(curve, "keyframe_points", ())
    ]
    # A strip that comes to lie on another one lands on another channel: so it is moved where nothing is.
    channel, taken = strip.channel, {s.channel for s in compat.strips(owner_of(strip))}
    strip.channel = next((c for c in range(MAX_CHANNEL, 0, -1) if c not in taken), channel)
    change()
    compat.set_span(strip, *place)
    done = compat.span(strip) == place
    if not done:
        back()
        compat.set_span(strip, *place)
    if strip.channel != channel and _is_free(strip, *compat.span(strip), channel):
        strip.channel = channel  # never where another strip lies: Blender 4.5 would crash or hang
    for key, at, left, right in keys:
        key.co[0], key.handle_left[0], key.handle_right[0] = at, left, right
    return done


def follow_end(strip: Any, sounds: list[Any], before: Ends, content: Content) -> list[str]:
    """Let a strip whose end nobody touched end where its ``content`` does, if nothing is in the way; its sounds too.

    Of a loop, where it begins anew. Returns sentences for the artist.
    """
    hidden = round(compat.hidden_at_end(strip)) - frames_of_tail(strip, content)
    start, end = compat.span(strip)
    # Of a loop the last picture is the first once more: it is held only where what follows would leave a hole.
    loops = content.tail and not compat.is_retimed(strip) and _is_free(strip, end, end + 1)
    held = 0 if loops else _HELD
    if not before.is_untouched or -held <= hidden <= 0 or end + hidden <= start:
        return []
    if not _is_free(strip, end, end + hidden):
        if hidden <= before.tail:
            return []  # the end of a clip whose strip had shown a loop
        return [
            f"The clip of “{strip.name}” is longer than its strip, behind which another strip lies."
            " Move that one and drag the end of the strip to see all of the clip."
        ]
    compat.set_end(strip, end + hidden)
    for sound, after in zip(sounds, before.sounds, strict=True):
        if after == before.movie and _is_free(sound, after, after + hidden):
            compat.set_end(sound, after + hidden)
    return []


def _is_free(strip: Any, start: int, end: int, channel: int = 0) -> bool:
    """Whether no other strip lies in the scene frames [start, end) of a strip's channel, or of ``channel``."""
    return not any(
        other.channel == (channel or strip.channel)
        and other != strip
        and compat.span(other)[0] < end
        and compat.span(other)[1] > start
        for other in compat.strips(owner_of(strip))
    )

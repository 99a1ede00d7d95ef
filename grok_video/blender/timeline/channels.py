"""Channels of the sequencer: which are free in a range, which strips hide what is below, where new strips settle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import compat
from ..refusal import Refused

MAX_CHANNEL = 128
FOREVER = 2**31  # frames: beyond every strip
#: Strips that cover what lies below them. Texts and adjustments belong on top of a clip.
_COVERING = frozenset({"MOVIE", "IMAGE", "SCENE", "MOVIECLIP", "MASK", "META", "COLOR"})
NO_CHANNEL = "There is no free channel for the clip. Clear or unlock one."


def taken_channels(
    base: Any, start: int, end: int, ignored: frozenset[str] = frozenset()
) -> set[int]:
    """The channels that hold a strip in the scene frames [start, end), or are locked or muted."""
    closed = {i for i, channel in enumerate(base.channels) if channel.lock or channel.mute}
    return closed | {s.channel for s in _strips_in(base, start, end, ignored)}


def covering_strips(
    base: Any, start: int, end: int, ignored: frozenset[str] = frozenset()
) -> list[Any]:
    """The strips that hide what lies below them in the scene frames [start, end), or in a part of those."""
    return [s for s in _strips_in(base, start, end, ignored) if s.type in _COVERING and not s.mute]


def _strips_in(base: Any, start: int, end: int, ignored: frozenset[str]) -> Iterator[Any]:
    for strip in compat.strips(base):
        first, after = compat.span(strip)
        if strip.name not in ignored and first < end and after > start:
            yield strip


def free_channels(
    base: Any, start: int, end: int, need: int, ignored: frozenset[str] = frozenset()
) -> int:
    """The lowest of ``need`` neighbouring channels that are free in [start, end), above all pictures if possible.

    Raises Refused.
    """
    taken = taken_channels(base, start, end, ignored)
    covering = covering_strips(base, start, end, ignored)
    for first_try in (max((s.channel + 1 for s in covering), default=1), 1):
        for channel in range(first_try, MAX_CHANNEL + 2 - need):
            if not any(channel + i in taken for i in range(need)):
                return channel
    raise Refused(NO_CHANNEL)


def settle_lowest(base: Any, movie: Any, sound: Any) -> str:
    """Bring the two new strips, or the picture alone, down to the lowest channels free for their whole length."""
    mine = [strip for strip in (sound, movie) if strip is not None]
    start = min(compat.span(strip)[0] for strip in mine)
    end = max(compat.span(strip)[1] for strip in mine)
    names = frozenset(strip.name for strip in mine)
    channel = free_channels(base, start, end, len(mine), names)
    for i, strip in enumerate(mine):  # the sound below its picture, as Blender does
        if strip.channel != channel + i:
            strip.channel = channel + i
    return ""

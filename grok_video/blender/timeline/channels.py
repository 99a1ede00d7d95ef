"""Channels of the sequencer: which are free in a range, which strips hide what is below, where new strips settle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .. import compat
from ..refusal import Refused

MAX_CHANNEL = 128
FOREVER = 2**31  # frames: beyond every strip
#: Strips that cover what lies below them. Texts and adjustments belong on top of a clip.
_COVERING = frozenset({"MOVIE", "IMAGE", "SCENE", "MOVIECLIP", "MASK", "META", "COLOR"})


def taken_channels(
    base: Any, start: int, end: int, ignored: frozenset[str] = frozenset()
) -> set[int]:
    """The channels that hold a strip in the scene frames [start, end), or are locked or muted."""
    return closed_channels(base) | {s.channel for s in _strips_in(base, start, end, ignored)}


def closed_channels(base: Any) -> set[int]:
    """The channels that the artist has locked or muted: no strip is placed there."""
    return {i for i, channel in enumerate(base.channels) if channel.lock or channel.mute}


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


def free_channels(base: Any, start: int, end: int, need: int) -> int:
    """The lowest of ``need`` neighbouring channels that are free in [start, end), above all pictures if possible.

    Raises Refused.
    """
    channel = _neighbours(base, start, end, need)
    if not channel:
        raise no_channel(start, end, need)
    return channel


def lowest_place(
    base: Any, start: int, end: int, *, sound: bool, ignored: frozenset[str] = frozenset()
) -> tuple[int, int]:
    """The channels for a picture and its sound (0: none) in [start, end): neighbours above all pictures if possible.

    Raises Refused.
    """
    if channel := _neighbours(base, start, end, 1 + sound, ignored):
        return channel + sound, channel * sound  # the sound below its picture, as Blender does
    taken = taken_channels(base, start, end, ignored)
    free = [channel for channel in range(1, MAX_CHANNEL + 1) if channel not in taken]
    if len(free) < 1 + sound:
        raise no_channel(start, end, 1 + sound - len(free))
    return free[-1], free[0]


def no_channel(start: int, end: int, missing: int) -> Refused:
    """The refusal that a clip finds no place in [start, end): so many channels are missing."""
    count = "one" if missing == 1 else "two"
    frames = f"from frame {start} on" if end >= FOREVER else f"in the frames {start} to {end - 1}"
    return Refused(
        f"There is no free channel for the clip {frames}.", f"Clear, unlock or unmute {count}."
    )


def _neighbours(
    base: Any, start: int, end: int, need: int, ignored: frozenset[str] = frozenset()
) -> int:
    """The lowest of ``need`` neighbouring free channels, above all pictures if possible; 0 where there are none."""
    taken = taken_channels(base, start, end, ignored)
    covering = covering_strips(base, start, end, ignored)
    for first_try in (max((s.channel + 1 for s in covering), default=1), 1):
        for channel in range(first_try, MAX_CHANNEL + 2 - need):
            if not any(channel + i in taken for i in range(need)):
                return channel
    return 0


def extent(movie: Any, sound: Any) -> tuple[int, int, frozenset[str]]:
    """The scene frames [start, end) that the new strips take, and their names."""
    mine = [strip for strip in (movie, sound) if strip is not None]
    start = min(compat.span(strip)[0] for strip in mine)
    end = max(compat.span(strip)[1] for strip in mine)
    return start, end, frozenset(strip.name for strip in mine)


def settle_lowest(base: Any, movie: Any, sound: Any) -> str:
    """Bring the two new strips, or the picture alone, down to the lowest channels free for their whole length."""
    start, end, mine = extent(movie, sound)
    place = lowest_place(base, start, end, sound=sound is not None, ignored=mine)
    set_channels(base, movie, sound, *place)
    return ""


def set_channels(base: Any, movie: Any, sound: Any, channel: int, beside: int) -> None:
    """Bring the picture onto ``channel`` and the sound, where there is one, onto ``beside``: both are free.

    Where they would have to swap and no third channel is empty, they stay.
    """
    if sound is not None and sound.channel == channel != beside:
        # First out of the way: Blender 4.5 crashes when a strip is set onto a channel that is occupied there.
        occupied = {s.channel for s in _strips_in(base, *extent(movie, sound))}
        occupied |= {movie.channel, channel}
        spare = next((c for c in range(MAX_CHANNEL, 0, -1) if c not in occupied), 0)
        if not spare:
            return  # no room to swap the two: the strips lie on free channels as they were added
        sound.channel = spare
    for strip, place in ((movie, channel), (sound, beside)):
        if strip is not None and strip.channel != place:
            strip.channel = place


def first_free(
    channels: Iterable[int], taken: set[int], place: tuple[int, int, frozenset[str]]
) -> int:
    """The first of ``channels`` that is not ``taken``. Raises Refused, which names the frames of ``place``."""
    for channel in channels:
        if channel >= 1 and channel not in taken:
            return channel
    raise no_channel(*place[:2], 1)

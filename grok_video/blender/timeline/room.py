"""Whether a clip will find a place in the sequencer: asked before the clip is paid.

Asks for what ``placement`` and ``importing`` will ask for when the clip comes. Knows nothing of jobs.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from ..refusal import Refused
from .channels import MAX_CHANNEL, closed_channels, lowest_place
from .placement import free_above, meta_for, nothing_above, stand_of
from .strips import meta_at, visible_span


def refusal_at(scene: bpy.types.Scene, frame: int, frames: int, *, sound: bool) -> str:
    """'' or why no clip of so many scene frames can be placed at ``frame``, alone or with its sound."""
    base = meta_at(scene, frame) or scene.sequence_editor
    return _refusal(base, frame, frame + frames, sound)


def refusal_after(
    scene: bpy.types.Scene, source: Any, frame: int, frames: int, *, repeated: int, sound: bool
) -> str:
    """'' or why no clip can go on for so many scene frames behind ``source``, or at ``frame`` where that is None.

    ``repeated``: scene frames of its source with which the clip begins: they will lie hidden before the seam.
    """
    seam = frame if source is None else visible_span(source)[1]
    base = meta_for(scene, source, seam) or scene.sequence_editor
    return _refusal(base, seam - repeated, seam + frames, sound)


def refusal_over(scene: bpy.types.Scene, source: Any, frame: int, frames: int, channel: int) -> str:
    """'' or why no edit of the scene frames [frame, frame + frames) can be placed above ``source``.

    Above ``channel`` where ``source`` is None.
    """
    base = meta_for(scene, source, frame) or scene.sequence_editor
    if base is None:
        return ""
    name = "the strip"
    if source is not None:
        stand = stand_of(base, source)
        channel, name = stand.channel, f"“{stand.name}”"
    if (
        channel >= MAX_CHANNEL
    ):  # none is above, whatever is cleared: ``note_over`` says where the edit will lie
        channel = 0
    if _is_roomy(base, 2, channel):
        return ""
    if not free_above(base, frame, frame + frames, frozenset(), channel=channel):
        return " ".join(nothing_above(name, channel))
    return _refusal(base, frame, frame + frames, True)


def note_over(scene: bpy.types.Scene, source: Any, frame: int) -> str:
    """'' or a sentence that an edit will lie below ``source``, as that is on the last channel."""
    stand = stand_of(meta_for(scene, source, frame) or scene.sequence_editor, source)
    if stand.channel < MAX_CHANNEL:
        return ""
    return f"There is no channel above “{stand.name}”: the edit will lie below. Move the strip down first, or mute it then."


def _refusal(base: Any, start: int, end: int, sound: bool) -> str:
    if base is None or _is_roomy(base, 1 + sound, 0):
        return ""
    try:
        lowest_place(base, start, end, sound=sound)
    except Refused as why:
        return str(why)
    return ""


def _is_roomy(base: Any, need: int, above: int) -> bool:
    """Whether so many channels are open and hold no strip at any time: for a redraw, which looks at no single strip."""
    strips = compat.strips(base)
    used = [0] * len(strips)
    strips.foreach_get("channel", used)
    shut = closed_channels(base) | set(used)
    return sum(channel not in shut for channel in range(above + 1, MAX_CHANNEL + 1)) >= need

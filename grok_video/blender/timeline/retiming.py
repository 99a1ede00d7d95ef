"""A clip that is played faster or slower, so that it takes exactly so many frames: by Blender's own retiming.

Both the first and the last picture of the clip are seen then, and its sound keeps step. Knows nothing of gaps and of
jobs.

By the operator alone (measured, 4.2 to 5.3): to set the frame of a retiming key is a crash, or does nothing, where a
strip without keys was made before; ``retiming_keys.add`` crashes up to 5.0. The operator is exact where the content
lasts whole frames of the scene, which a movie's does that was added without true speed. A sound's content always does.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from . import importing

#: Frames by which the operator is asked for another length than is wanted, one after the other: 4.2 ends most strips a
#: frame late, and rounding others beside.
_ASKED = (0.0, -1.0, -0.5, -1.5, 0.5, 1.0, 1.5, 2.0)


def stretch(
    context: bpy.types.Context, scene: bpy.types.Scene, base: Any, strips: list[Any], end: int
) -> None:
    """Let strips of ``base``, just added without true speed and neither cut nor retimed, end at ``end``, hiding nothing.

    ``base``: the editor of ``scene``, or a meta strip. The strips stay on their channels: make room before or after.
    """
    every = list(compat.strips(base))
    chosen = [strip for strip in every if strip.select]
    active = scene.sequence_editor.active_strip
    try:
        with importing.operating_on(context, scene, base):
            for strip in strips:
                for other in every:
                    other.select = other == strip
                scene.sequence_editor.active_strip = strip
                _stretch_selected(strip, end)
    finally:
        for strip in every:
            strip.select = strip in chosen
        scene.sequence_editor.active_strip = active


def _stretch_selected(strip: Any, end: int) -> None:
    start, length = compat.span(strip)[0], compat.content_length(strip)
    # The operator changes what lies before the right handle: that is to be all.
    compat.set_span(strip, start, start + length)
    for asked in _ASKED:
        if end - start + asked < 1:
            continue
        speed = 100.0 * length / (end - start + asked)
        bpy.ops.sequencer.retiming_segment_speed_set("EXEC_DEFAULT", False, speed=speed)
        if compat.span(strip)[1] == end:
            return
    compat.set_span(strip, start, end)

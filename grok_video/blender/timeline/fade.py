"""The sound of a new part fades in where it begins: two sounds that do not go on from each other crack at the cut.

By keys of the volume, as Blender's own *Fades* makes them: the artist sees and changes them, and they move with the
strip. Knows nothing of jobs; the strips before the seam are left alone.
"""

from __future__ import annotations

from typing import Any

from .. import compat, scenes
from .sounds import sounds_of
from .strips import SAME_FRAME, curves_of

FRAMES = 2  # of the scene


def fade_in(movie: Any, head: float) -> bool:
    """Let the sounds of a movie strip fade in, if the strip begins ``head`` seconds after its file; whether one does.

    A sound whose volume has keys or a driver already is the artist's.
    """
    faded = False
    for sound in sounds_of(movie):
        start = compat.span(sound)[0]
        seam = compat.content_start(sound) + round(head * scenes.rate(sound.id_data))
        if abs(start - seam) > SAME_FRAME or _is_animated(sound):
            continue
        full = sound.volume
        # Where the artist drags the head into view, the sound is heard there too.
        for frame, volume in ((start - 1, full), (start, 0.0), (start + FRAMES, full)):
            sound.volume = volume
            sound.keyframe_insert("volume", frame=frame)
        for curve in curves_of(sound, "volume"):
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"
        faded = True
    return faded


def _is_animated(sound: Any) -> bool:
    if any(True for _ in curves_of(sound, "volume")):
        return True
    animation, path = sound.id_data.animation_data, sound.path_from_id("volume")
    return animation is not None and any(curve.data_path == path for curve in animation.drivers)

"""A frame of a clip's file as a still, as the service has made it: without what the artist does to the strip.

Knows nothing of jobs and of the panel.
"""

from __future__ import annotations

from pathlib import Path

from ...core.spec import Clip, Source
from .. import compat, said, scenes
from ..refusal import Interrupted, Refused
from . import pixels
from .scene_copy import empty_scene, run, save, tidy


def clip_frame(clip: Clip, number: int, path: Path, file_format: str) -> pixels.Still:
    """The frame ``number`` (from 0) of a clip in the clip's own pixels and colours, written to ``path``.

    Blender is held up for a tenth of a second at most. Raises Refused, Interrupted, OSError.
    """
    if does := scenes.busy():
        raise Refused(f"Blender {does} something else. Wait until it is done.")
    part = pixels.part_of(path).with_suffix(".png")
    # Not in a copy of the artist's scene: to clear an edit and then to render may crash 4.2.
    made = empty_scene()
    try:
        strips = compat.strips(made.sequence_editor_create())
        strips.new_movie(name="clip", filepath=clip.path, channel=1, frame_start=1)
        made.render.resolution_x, made.render.resolution_y = clip.width, clip.height
        made.frame_current = 1 + number
        run(made, wait=True)
        save(made, part, "PNG", (clip.width, clip.height))
        rgb = pixels.read(part)
    except said.BLENDERS_ERRORS as error:
        raise Interrupted(f"The clip could not be read: {said.sentence(error)}") from error
    finally:
        pixels.remove(part)
        tidy()
    pixels.write(rgb, path, file_format)
    shown = Source("IMAGE", frame=float(number), image=path.name)
    return pixels.finished(path, file_format, rgb.shape[1], rgb.shape[0], shown)

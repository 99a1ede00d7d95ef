"""A frame of a clip's file as a still, as the service has made it: without what the artist does to the strip.

Knows nothing of jobs and of the panel.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ...core.spec import Clip, Source
from .. import compat, said, scenes
from ..refusal import Interrupted, Refused
from . import pixels
from .bake_common import show_on_srgb
from .scene_copy import copy_scene, run, save, tidy


def clip_frame(
    scene: bpy.types.Scene, clip: Clip, number: int, path: Path, file_format: str
) -> pixels.Still:
    """The frame ``number`` (from 0) of a clip in the clip's own pixels and colours, written to ``path``.

    ``scene``: any of the file, to render in a copy of it. Blender is held up for a tenth of a second. Raises Refused,
    Interrupted, OSError.
    """
    if does := scenes.busy():
        raise Refused(f"Blender {does} something else. Wait until it is done.")
    part = pixels.part_of(path).with_suffix(".png")
    copy = copy_scene(scene)
    try:
        copy.animation_data_clear()
        copy.sequence_editor_clear()
        editor = copy.sequence_editor_create()
        strip = compat.strips(editor).new_movie(
            name="clip", filepath=clip.path, channel=1, frame_start=1
        )
        render = copy.render
        render.use_sequencer, render.use_compositing = True, False
        render.resolution_x, render.resolution_y = clip.width, clip.height
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
        render.dither_intensity = 0.0
        compat.plain_view(copy)
        show_on_srgb(copy)
        strip.transform.scale_x = strip.transform.scale_y = 1.0
        copy.frame_current, copy.frame_subframe = 1 + number, 0.0
        run(copy, wait=True)
        save(copy, part, "PNG", (clip.width, clip.height))
        rgb = pixels.read(part)
    except said.BLENDERS_ERRORS as error:
        raise Interrupted(f"The clip could not be read: {said.sentence(error)}") from error
    finally:
        pixels.remove(part)
        tidy()
    pixels.write(rgb, path, file_format)
    shown = Source("IMAGE", scene=scene.name, frame=float(number), image=path.name)
    return pixels.finished(path, file_format, rgb.shape[1], rgb.shape[0], shown)

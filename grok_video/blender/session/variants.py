"""A click on Generate whose prompt has alternatives: a job for each, bought together. See ``submission.variants``."""

from __future__ import annotations

import bpy

from .. import submission
from .click import accept, refuse_now
from .look_frames import in_look
from .state import session_id


def generate(
    context: bpy.types.Context,
    scene: bpy.types.Scene,
    target: bpy.types.Scene,
    frame: int,
    *,
    allow_single_color: bool = False,
) -> list[str]:
    """As ``click.generate``, with a job for each variant that the prompt stands for; returns their ids.

    Raises Refused, Interrupted.
    """
    refuse_now()
    asked = submission.generate.generation(
        context, scene, target, frame, session_id(), variants=True, in_look=in_look(scene)
    )
    accept(context, asked, allow_single_color=allow_single_color)
    return asked.job_ids

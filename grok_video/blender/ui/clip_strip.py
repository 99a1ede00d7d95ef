"""The strip of a clip that an operator is about: its properties, and the strip that they name."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from .. import submission, timeline
from ..refusal import Refused
from .asking import target_of

SCENE = StringProperty(
    name="Scene",
    description="Scene of the strip; empty: the sequencer's",
    options={"SKIP_SAVE"},
)
STRIP = StringProperty(
    name="Strip",
    description="Name of the strip; empty: the active one",
    options={"SKIP_SAVE"},
)


def clip_strip(context: bpy.types.Context, scene: str, name: str) -> Any:
    """The movie strip of a clip or a slot: the one of that name, the active one for ''; by its sound too. Raises Refused."""
    if name:
        where = target_of(context, scene)
        strip = timeline.takes.movie_of(submission.strip_part.strip_named(where, name))
    else:
        where = timeline.strips.target_scene(context)
        strip = timeline.takes.active_movie(context)
    if strip is None:
        named = f"“{name}”" if name else "The active strip"
        raise Refused(f"{named} is no clip of Grok Video.", "Click one that is.")
    if where.library is not None or where.override_library is not None:
        raise Refused(f"The scene “{where.name}” is linked from another file.", "Make it local.")
    return strip

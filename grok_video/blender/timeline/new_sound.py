"""A sound strip for a movie strip that came without one. Knows nothing of jobs and of slots."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, said
from .channels import MAX_CHANNEL, taken_channels
from .importing import sequencer_context
from .strips import owner_of


def add_sound(context: bpy.types.Context, movie: Any, path: str) -> list[Any]:
    """Add a sound strip of the file at ``path``, in step with a movie strip and with its handles, beside that.

    Returns the strip; [] where there is no channel for one, and where Blender was built without sound.
    """
    base, name = owner_of(movie), movie.name
    start, end = compat.span(movie)
    taken = taken_channels(base, start, end)
    channel = next(
        (c for c in (movie.channel - 1, *range(1, MAX_CHANNEL + 1)) if c and c not in taken), 0
    )
    if not channel:
        return []
    try:
        # On an empty channel first: the whole sound may be longer than the place that its handles leave.
        spare = next(
            c
            for c in range(MAX_CHANNEL, -1, -1)
            if c not in {s.channel for s in compat.strips(base)}
        )
        sound = compat.strips(base).new_sound(name, path, spare, compat.content_start(movie))
    except (StopIteration, *said.BLENDERS_ERRORS):
        return []
    compat.set_span(sound, start, end)
    sound.channel = channel
    sound.mute, sound.select = movie.mute, movie.select
    _connect(context, movie, sound)
    return [sound]


def _connect(context: bpy.types.Context, movie: Any, sound: Any) -> None:
    """Let Blender select and move the two together, where it can, as its operator does for what it adds."""
    scene = movie.id_data
    every = compat.strips_all(scene.sequence_editor)
    chosen = {strip.name for strip in every if strip.select}
    for strip in every:
        strip.select = strip in (movie, sound)
    with sequencer_context(context, scene):
        compat.connect_selected()
    for strip in every:
        strip.select = strip.name in chosen

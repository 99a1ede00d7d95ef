"""A movie strip gets another rate: Blender fixes the rate of a strip when the strip is made, whatever file it names later.

So a strip is made of the new file, and Blender lets the two exchange their contents: the strip that the edit knows stays
where it is, with its name, effects, keys and drivers. What goes over with the content is given back here. Knows nothing
of jobs and of slots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bpy

from .. import compat, said, scenes
from ..refusal import Refused
from .importing import add_file, sequencer_context
from .strips import owner_of

#: Properties that belong to the content or to the place: they are the new file's, or stay with the strip anyway.
_NOT_GIVEN_BACK = re.compile(
    r"name|type|blend_type|blend_alpha|channel|filepath|stream_index|show_retiming_keys|duration"
    r"|(frame|left|right|content|animation)_.*"
)
_PLAIN = frozenset({"BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"})
_GROUPS = ("crop", "transform", "colorspace_settings")
_HIGHEST = 120  # channel: from 4.5 on Blender's operator finds none at the very top
_TRIES = 6  # frames around the difference in length that is reckoned


def reborn(context: bpy.types.Context, strip: Any, path: str) -> Any:
    """Let a movie strip show the file at ``path`` at that file's own rate; returns the strip, which is a new Python object.

    Handles and the start of the content stay. Raises Refused where Blender cannot read the file, or cannot exchange the
    two: the strip is then as it was.
    """
    scene, base, name = strip.id_data, owner_of(strip), strip.name
    editor: Any = scene.sequence_editor
    every = compat.strips_all(editor)
    chosen = {s.name for s in every if s.select}
    active = editor.active_strip.name if editor.active_strip is not None else ""
    linked = {s.name for s in compat.connected(strip)}
    before, place = {s.name for s in every}, compat.span(strip)
    taken = {s.channel for s in compat.strips(base)}
    channel = next((c for c in range(_HIGHEST, 0, -1) if c not in taken), _HIGHEST)
    start = compat.content_start(strip)
    beside = ""
    try:
        try:
            add_file(context, scene, base, path, start, channel, sound=False)
        except said.BLENDERS_ERRORS as error:
            raise Refused(f"Blender cannot read the clip {path}.") from error
        beside = next(s.name for s in compat.strips_all(editor) if s.name not in before)
        _exchange(strip, every[beside])
        # The Python objects of before are of the former contents, and equal to nothing.
        movie, former = every[name], every[beside]
        _give_back(movie, former)
        with sequencer_context(context, scene):
            _give_modifiers_back(editor, movie, former)
        compat.set_span(movie, *place)
        compat.strips(base).remove(former)
        if linked:
            _select(editor, linked | {name}, name)
            with sequencer_context(context, scene):
                compat.connect_selected()
    except Refused:
        if beside:
            compat.strips(base).remove(every[beside])
        raise
    finally:
        _select(editor, chosen, active)
    return every[name]


def _select(editor: Any, names: set[str], active: str) -> None:
    every = compat.strips_all(editor)
    for strip in every:
        strip.select = strip.name in names
    editor.active_strip = every.get(active) if active else None


def _exchange(one: Any, two: Any) -> None:
    """``one.swap(two)`` for contents of different lengths too: for that moment the longer one is trimmed. Raises Refused."""
    names = one.name, two.name
    for strip, frames in _trims(one, two):
        kept = compat.trim(strip)
        compat.set_trim(strip, kept[0], kept[1] + frames)
        try:
            one.swap(two)
        except RuntimeError:  # "Strips must be the same length"
            compat.set_trim(strip, *kept)
        else:
            # The contents have changed places, and with them what was trimmed.
            compat.set_trim(compat.strips_all(one.id_data.sequence_editor)[names[0]], 0, 0)
            return
    raise Refused(f"The rate of “{names[0]}” cannot be changed.")


def _trims(one: Any, two: Any) -> Iterator[tuple[Any, int]]:
    """Which of two strips to trim by how many frames of its file, the likeliest first.

    Blender compares lengths in a unit that differs between versions and rates, so several are tried.
    """
    yield one, 0
    least = abs(compat.content_length(one) - compat.content_length(two))
    rate = scenes.rate(one.id_data)
    for around in (0, least):
        for strip in (one, two):
            for likely in {around, round(around * strip.fps / rate)}:
                for frames in range(likely - _TRIES, likely + _TRIES + 1):
                    if frames > 0:
                        yield strip, frames


def _give_back(movie: Any, former: Any) -> None:
    """Give a strip what it had before its content was exchanged, but for what belongs to the content."""
    for name in _GROUPS:
        _copy(getattr(former, name), getattr(movie, name))
    _copy(former, movie, _NOT_GIVEN_BACK)
    for name in former.keys():
        if name not in former.bl_rna.properties:
            movie[name] = former[name]


def _copy(source: Any, target: Any, without: re.Pattern[str] | None = None) -> None:
    """Copy the plain properties that can be set, but for those whose names are ``without``."""
    for prop in source.bl_rna.properties:
        name = prop.identifier
        if prop.is_readonly or prop.type not in _PLAIN or (without and without.fullmatch(name)):
            continue
        value = getattr(source, name)
        value = tuple(value) if getattr(prop, "is_array", False) else value
        if value != getattr(target, name):
            setattr(target, name, value)


def _give_modifiers_back(editor: Any, movie: Any, former: Any) -> None:
    """Copy the modifiers by Blender's operator, which takes curves and masks along; in the context of a sequencer."""
    if not len(former.modifiers):
        return
    _select(editor, {movie.name, former.name}, former.name)
    bpy.ops.sequencer.strip_modifier_copy(type="REPLACE")

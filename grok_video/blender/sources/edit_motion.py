"""What moves an edit beside its keys: drivers, and handlers of add-ons and scripts. What of it a bake does not carry.

Owns which drivers matter to the strips that are needed and what those read. Changes nothing and plays nothing. Knows
nothing of roles; the second Blender makes keys of the drivers that are carried (``bake_child.key_drivers``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import bpy

from .. import compat
from . import contents, driven, foreign, handler_code
from .bake_common import OF_EDIT

_STRIP = re.compile(r'sequence_editor\.(?:strips|sequences)_all\["((?:[^"\\]|\\.)*)"\]')
#: The custom property at the end of a path.
_CUSTOM = re.compile(r'\["((?:[^"\\]|\\.)*)"\]$')
#: Whoever changes a strip, or the view of an edit, from Python has one of these in a name.
_NAMES_OF_EDITS = re.compile(r"sequence|strips|_strip|strip_|view_settings", re.IGNORECASE)
#: What helps wherever a bake of a strip is refused.
RENDER_IT = "Render it to a movie, and choose the strip of that. Nothing was sent or charged."


def drivers_of(scene: bpy.types.Scene, strips: Iterable[Any]) -> list[tuple[Any, Any]]:
    """The drivers of ``strips``, of their masks and groups, and of the edit's view: each with its datablock."""
    found: list[tuple[Any, Any]] = []
    names = {strip.name for strip in strips}
    for owner in (scene, *_shared(strips)):
        for curve in owner.animation_data.drivers if owner.animation_data else ():
            strip = _STRIP.match(curve.data_path)
            if curve.mute or curve.driver is None:
                continue
            if owner != scene or (
                bpy.utils.unescape_identifier(strip[1]) in names
                if strip
                else curve.data_path.startswith(OF_EDIT)
            ):
                found.append((owner, curve))
    return found


def _shared(strips: Iterable[Any]) -> list[Any]:
    """The masks and compositor groups of strips, which have drivers of their own."""
    found = [strip.mask for strip in strips if strip.type == "MASK"]
    for strip in strips:
        for modifier in getattr(strip, "modifiers", ()):
            found += [modifier.input_mask_id, getattr(modifier, "node_group", None)]
    return list(dict.fromkeys(block for block in found if block is not None))


def _targets(drivers: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
    for _, curve in drivers:
        for variable in curve.driver.variables:
            yield from variable.targets


def strips_read(scene: bpy.types.Scene, drivers: Iterable[tuple[Any, Any]]) -> set[str]:
    """The names of the strips of ``scene`` that drivers read."""
    paths = [target.data_path for target in _targets(drivers) if target.id in (scene, None)]
    found = [match for path in paths if (match := _STRIP.match(path))]
    return {bpy.utils.unescape_identifier(match[1]) for match in found}


def refusal(
    scene: bpy.types.Scene, strip: Any, drivers: list[tuple[Any, Any]], start: int, end: int
) -> str:
    """'' or why a bake of the frames [start, end) of ``strip`` would not show how drivers and handlers move it."""
    if what := _handler(drivers):
        return f"Blender in the background does not carry {what}, which may change “{strip.name}”. {RENDER_IT}"
    if why := _unnamed(scene, drivers):
        return why
    known: dict[tuple[str, str], bool] = {}
    for owner, curve in drivers:
        if {driven.Reads.OUTSIDE, driven.Reads.HERE} & set(
            driven.reads(curve.driver, [scene], known, owner)
        ):
            return (
                f"{_words(owner, curve)} is driven by what only this Blender has (a function, a property of an "
                "add-on), or the driver has failed. Key it instead. Nothing was sent or charged."
            )
    things = {t.id for t in _targets(drivers) if t.id and not isinstance(t.id, bpy.types.Scene)}
    for other in sorted({s for thing in things for s in _scenes_of(thing, scene)}, key=_name):
        if lost := contents.lost_in_bake(other, start, end):
            return (
                f"“{strip.name}” is driven by objects, and Blender in the background does not carry {lost}. "
                f"Key what is driven instead. Nothing was sent or charged."
            )
    return ""


def still_refusal(
    scene: bpy.types.Scene, strip: Any, drivers: list[tuple[Any, Any]], frame: int
) -> str:
    """'' or why a copy of ``scene``, rendered at ``frame``, would not show ``strip`` as drivers and handlers move it.

    What moves it was evaluated at the playhead, and for a render Blender evaluates only what the copy itself reads of
    itself anew (measured, 4.2 and 4.5).
    """
    if why := _unnamed(scene, drivers):
        return why
    if frame == scene.frame_float:
        return ""
    moved = _handler(drivers) or any(
        owner != scene or any(target.id != scene for target in _targets([(owner, curve)]))
        for owner, curve in drivers
    )
    return (
        f"“{strip.name}” is moved by drivers or scripts, whose values Blender has at the playhead only. "
        f"Move the playhead to frame {frame}. Nothing was sent or charged."
        if moved
        else ""
    )


def _unnamed(scene: bpy.types.Scene, drivers: list[tuple[Any, Any]]) -> str:
    """'' or a sentence that a driver reads a strip by its number or as the active one: a copy has others there."""
    for owner, curve in drivers:
        for target in _targets([(owner, curve)]):
            path = target.data_path
            if (
                target.id in (scene, None)
                and path.startswith("sequence_")
                and not _STRIP.match(path)
            ):
                return (
                    f"{_words(owner, curve)} is driven by “{path}”, which names no strip. Copy the path of that strip's "
                    "property into the driver, or key what is driven. Nothing was sent or charged."
                )
    return ""


def _name(block: bpy.types.ID) -> str:
    return block.name


def _scenes_of(thing: Any, scene: bpy.types.Scene) -> list[bpy.types.Scene]:
    return list(getattr(thing, "users_scene", ())) or [scene]


def _words(owner: Any, curve: Any) -> str:
    """The driven property in Blender's words: 'The Opacity of “Sky”'."""
    path, strip = curve.data_path, _STRIP.match(curve.data_path)
    name = bpy.utils.unescape_identifier(strip[1]) if strip else owner.name
    if custom := _CUSTOM.search(path):
        return f"The property “{bpy.utils.unescape_identifier(custom[1])}” of “{name}”"
    holder, dot, last = path.rpartition(".")
    prop = None
    with suppress(ValueError):  # what an add-on had defined that is gone
        prop = owner.path_resolve(holder).bl_rna.properties.get(last) if dot else None
    return f"The {prop.name if prop else f'property {last}'} of “{name}”"


# ---------------------------------------------------------------------------------------------- handlers


def _handler(drivers: list[tuple[Any, Any]]) -> str:
    """'' or what an add-on or a script does while the frame changes, where it may change the edit.

    Where there are drivers, any handler may change what those read. Else only one whose code names strips.
    """
    for _, handler, what in foreign.handlers_of(going=False):
        if drivers or names_edits(handler):
            return what
    return ""


def names_edits(handler: Any) -> bool:
    """Whether the code of a handler names strips or the view of an edit, as far as it can be followed."""
    return handler_code.speaks_of(handler, _NAMES_OF_EDITS, compat.STRIP_TYPE)

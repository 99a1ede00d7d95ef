"""The playhead of the artist's scene at another frame for a moment, and back, without a loss.

A pose or a value that was changed and not keyed yet is gone in Blender when the frame changes: here it comes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import bpy

from .. import compat

#: The collections of ``bpy.data`` whose datablocks hold nodes with an animation of their own.
_WITH_NODES = ("materials", "worlds", "lights", "scenes")
#: A custom property at the end of a path: pose.bones["Arm"]["bend"]. Quotes in its name are escaped, brackets are not.
_CUSTOM = re.compile(r'\["((?:[^"\\]|\\.)*)"\]$')
#: What a path of an animation raises that leads nowhere, or to something of another kind.
_NO_VALUE = (ValueError, TypeError, KeyError, AttributeError, IndexError)


@contextmanager
def at_frame(scene: bpy.types.Scene, frame: int) -> Iterator[None]:
    """For the time of the context ``scene`` is at ``frame``; then at its own again, with all that has no key."""
    own, fraction = scene.frame_current, scene.frame_subframe
    before = list(_animated_values())
    try:
        scene.frame_set(frame)
        yield
    finally:
        scene.frame_set(own, subframe=fraction)
        for block, path, index, value in before:
            with suppress(*_NO_VALUE, ReferenceError):
                if _value(block, path, index) != value:
                    _put(block, path, index, value)


def _animated_values() -> Iterator[tuple[Any, str, int, Any]]:
    """What the curves of all actions in use set now: (datablock, path, index, value)."""
    for block in _animated_blocks():
        for curve in (*compat.curves(block), *compat.nonlinear_curves(block)):
            with suppress(*_NO_VALUE):
                yield (
                    block,
                    curve.data_path,
                    curve.array_index,
                    _value(block, curve.data_path, curve.array_index),
                )


def _animated_blocks() -> Iterator[Any]:
    if not bpy.data.actions:
        return
    for prop in bpy.data.bl_rna.properties:
        if prop.type != "COLLECTION" or prop.identifier == "all_ids":
            continue
        for block in getattr(bpy.data, prop.identifier):
            if getattr(block, "animation_data", None) is not None:
                yield block
            if prop.identifier in _WITH_NODES and (nodes := compat.own_nodes(block)):
                yield nodes


def _value(block: Any, path: str, index: int) -> Any:
    value = block.path_resolve(path)
    return value[index] if _has_items(value) else value


def _put(block: Any, path: str, index: int, value: Any) -> None:
    """Set what an animation's path leads to."""
    there = block.path_resolve(path)
    if _has_items(there):
        there[index] = value
        return
    if found := _CUSTOM.search(path):
        owner, name = path[: found.start()], bpy.utils.unescape_identifier(found[1])
        (block.path_resolve(owner) if owner else block)[name] = value
        block.update_tag()
        return
    owner, _, name = path.rpartition(".")
    setattr(block.path_resolve(owner) if owner else block, name, value)


def _has_items(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))

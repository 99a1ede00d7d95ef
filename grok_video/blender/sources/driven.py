"""Drivers whose value depends on more than what a copy of the scene has with it. Changes nothing."""

from __future__ import annotations

import ast
import builtins
import functools
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import bpy

from .. import compat
from . import handler_code

#: What an expression may name beside its variables in every Blender: the names of ``bpy.app.driver_namespace``.
_BLENDERS_NAMES = {
    *dir(builtins),
    *(name for name in dir(math) if name[0] != "_"),
    *("clamp", "lerp", "smoothstep", "noise", "frame", "self", "depsgraph"),
}
#: Kinds of datablocks that are not written into another file.
_NOT_WRITTEN = {"WINDOWMANAGER", "WORKSPACE", "SCREEN"}
_INDEX = re.compile(r"\[[^\]]*\]")
#: Settings of a render that a still sets for itself, by the beginnings of their names.
_SET = re.compile(
    r"\b(resolution_(x|y|percentage)|pixel_aspect_|use_(border|crop_to_border|multiview|sequencer|stamp|render_cache))"
)
_NUMBERED = re.compile(r"scenes\s*\[\s*[^\s\"']")


class Reads(Enum):
    """What a driver's value depends on."""

    #: Code or properties of this Blender: functions, add-ons, windows.
    OUTSIDE = auto()
    #: What is not written, or on how the driver fared in this Blender.
    HERE = auto()
    #: The scene itself, as its frame.
    SCENE = auto()
    #: The size of the render, which is set to that of the clip, or another of its settings.
    SIZE = auto()
    #: The same, of a copy of the scene where the copy is rendered.
    COPYS_SIZE = auto()
    #: The same by code, or by way of other datablocks: ``kept_settings`` does not find it.
    HIDDEN_SIZE = auto()


def drivers(
    scenes: list[bpy.types.Scene], objects: list[bpy.types.Object]
) -> Iterator[tuple[str, Reads]]:
    """Each driver that reads more than objects and their data, as a part of a sentence, with what it reads."""
    known: dict[tuple[str, str], bool] = {}
    for owner in animated(scenes, objects):
        animation = owner.animation_data
        if animation is None or not animation.drivers:
            continue
        for curve in animation.drivers:
            if curve.mute or curve.driver is None:
                continue
            for read in reads(curve.driver, scenes, known, owner):
                yield f"the driver of “{curve.data_path}” in “{owner.name}”", read


def animated(
    scenes: Iterable[bpy.types.Scene], objects: Iterable[bpy.types.Object]
) -> Iterator[Any]:
    """All that may have drivers: of the scenes and objects that are given, and all else of the file that is used."""
    for scene in scenes:
        yield scene
        yield from compat.compositors_of(scene)
    yield from objects
    for name, trees in _collections():
        if name in ("scenes", "objects"):
            continue
        for owner in getattr(bpy.data, name)[:]:
            if owner.users:
                yield owner
                if trees and owner.node_tree is not None:
                    yield owner.node_tree


def with_drivers() -> Iterator[Any]:
    """All datablocks of the file that have drivers, used or not, the nodes among them that are a part of another one."""
    for name, trees in _collections():
        for block in getattr(bpy.data, name)[:]:
            animation = block.animation_data
            if animation is not None and animation.drivers:
                yield block
            if trees and (tree := block.node_tree) is not None:
                animation = tree.animation_data
                if animation is not None and animation.drivers:
                    yield tree


@functools.cache
def _collections() -> list[tuple[str, bool]]:
    """The collections of ``bpy.data`` whose datablocks may have drivers, and whether nodes of their own may too."""
    properties: Any = bpy.data.bl_rna.properties
    return [
        (prop.identifier, "node_tree" in prop.fixed_type.properties)
        for prop in properties
        if prop.type == "COLLECTION" and "animation_data" in prop.fixed_type.properties
    ]


def reads(
    driver: bpy.types.Driver,
    scenes: list[bpy.types.Scene],
    known: dict[tuple[str, str], bool],
    own: Any,
) -> Iterator[Reads]:
    """What a driver in one of ``scenes`` reads; ``known``: which kinds of paths are an add-on's, found before.

    ``own``: the datablock that has the driver, ``self`` in its expression.
    """
    if not driver.is_valid:
        yield Reads.HERE  # Blender does not try again what has failed once, a second Blender does (measured)
    if driver.type == "SCRIPTED":
        names = _foreign_names(driver.expression)
        unknown = names and names - {variable.name for variable in driver.variables}
        of_self = _paths_of_self(driver.expression)
        if unknown or any(_is_of_addon(own, path) for path in of_self):
            yield Reads.OUTSIDE
        yield from _sizes_in_code(driver, scenes[0], known, own)
    for variable in driver.variables:
        of_context = variable.type == "CONTEXT_PROP"
        for target in variable.targets:
            path = target.data_path
            owner = scenes[0] if of_context else target.id
            if owner is None:
                continue
            is_scene = isinstance(owner, bpy.types.Scene)
            if not of_context and (target.id_type in _NOT_WRITTEN or not owner.users):
                yield Reads.HERE  # a driver is no user, and 4.2 writes nothing without one (measured)
            elif variable.type in ("SINGLE_PROP", "CONTEXT_PROP"):
                key = (type(owner).__name__, _INDEX.sub("[]", path))
                if key not in known:
                    known[key] = _is_of_addon(owner, path)
                if known[key]:
                    yield Reads.OUTSIDE
                else:
                    yield from _sizes(owner, path, scenes[0], own, of_context=of_context)
            if is_scene and owner in scenes and not of_context:
                yield Reads.SCENE


def _sizes(
    owner: Any, path: str, scene: bpy.types.Scene, own: Any, *, of_context: bool
) -> Iterator[Reads]:
    """What a variable reads that a still of ``scene`` sets: ``path`` of ``owner``."""
    if isinstance(owner, bpy.types.Scene) and path.startswith("render."):
        yield Reads.SIZE
        # A copied scene has copies of its own drivers, and they read the copy.
        if of_context or own == scene or own in compat.compositors_of(scene):
            yield Reads.COPYS_SIZE
    elif _SET.search(path.rpartition(".")[2]) and ".render." in path:
        with suppress(ValueError):
            if owner.path_resolve(path.rpartition(".render.")[0]) == scene:
                yield Reads.HIDDEN_SIZE


def _sizes_in_code(
    driver: bpy.types.Driver, scene: bpy.types.Scene, known: dict[tuple[str, str], bool], own: Any
) -> Iterator[Reads]:
    """What the expression of a driver reads that a still of ``scene`` sets, itself or by a function that it calls."""
    reads = _speaks_of_sizes(driver.expression)
    for name in _foreign_names(driver.expression) - {v.name for v in driver.variables}:
        key = ("driver_namespace", name)
        if key not in known:
            called = bpy.app.driver_namespace.get(name)
            known[key] = isinstance(
                called, FunctionType | MethodType | partial
            ) and handler_code.speaks_of(called, _SET)
        reads = reads or known[key]
    if reads:
        yield Reads.HIDDEN_SIZE
        # A number may find the copy among the scenes.
        if own == scene or "depsgraph" in driver.expression or _NUMBERED.search(driver.expression):
            yield Reads.COPYS_SIZE


@functools.lru_cache(1024)
def _speaks_of_sizes(expression: str) -> bool:
    """Whether a driver's expression itself takes a setting that a still sets; its variables may be called the same."""
    if not _SET.search(expression):
        return False
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return any(
        _SET.search(node.attr if isinstance(node, ast.Attribute) else str(node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Constant)
    )


@functools.lru_cache(1024)
def _foreign_names(expression: str) -> frozenset[str]:
    """The names in a driver's expression, variables among them, that not every Blender knows."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return frozenset()  # reads nothing anywhere: Blender cannot read the expression either
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return frozenset(names - _BLENDERS_NAMES)


@functools.lru_cache(1024)
def _paths_of_self(expression: str) -> frozenset[str]:
    """The data paths of what a driver's expression reads of ``self``: 'data.lens' of self.data.lens * 2."""
    if "self" not in expression:
        return frozenset()
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return frozenset()
    texts = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return frozenset(text[5:] for text in texts if text.startswith("self."))


def _is_of_addon(owner: Any, path: str) -> bool:
    """Whether a data path goes through a property that an add-on or a script has defined."""
    value = owner
    for step in re.findall(r"\w+|\[[^\]]*\]", path):
        if isinstance(value, bpy.types.bpy_prop_collection) and step[0] == "[":
            key = step[1:-1].strip("\"'")
            value = value.get(bpy.utils.unescape_identifier(key)) if key != step[1:-1] else None
            continue
        if not isinstance(value, bpy.types.bpy_struct) or step[0] == "[":
            return False  # an item of an array, or a custom property
        prop = value.bl_rna.properties.get(step)
        if prop is None:
            return False
        if prop.is_runtime:
            return True
        value = getattr(value, step)
    return False

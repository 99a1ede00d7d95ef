"""Settings of a render that drivers read, kept for them while a still of the scene itself sets others.

A driver that reads ``render.resolution_x`` of a scene would show another picture at the size of the clip. Until the
render is over its variable reads a custom property that has the artist's value.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy

from . import driven
from .borrowed import borrowed

#: Names of the custom properties, which are gone with the render.
_KEPT = "grok_video_kept_"


@contextmanager
def for_drivers(scene: bpy.types.Scene, lent: ExitStack) -> Iterator[None]:
    """Let drivers go on reading what settings of ``scene``'s render are now, until ``lent`` is closed.

    The settings are changed within the context. Only what drivers read by a variable of theirs is kept: of ``scene``
    itself, or of the active scene.
    """
    before = [(target, _values(scene, target)) for target in _targets(scene)]
    yield
    names: dict[str, str] = {}
    for target, values in before:
        if values != _values(scene, target):
            path = target.data_path
            name = names.setdefault(path, f"{_KEPT}{len(names)}")
            for each, value in values.items():
                if name not in each:
                    each[name] = value
                    lent.callback(each.pop, name, None)
            lent.enter_context(borrowed(target, ["data_path"]))
            target.data_path = f'["{name}"]'


def _targets(scene: bpy.types.Scene) -> Iterator[Any]:
    """The targets of drivers' variables that read settings of the render of ``scene``, or of the active scene."""
    for owner in driven.animated(bpy.data.scenes, bpy.data.objects):
        animation = owner.animation_data
        for curve in animation.drivers if animation is not None else ():
            # Setting a path would have Blender try again what has failed.
            if curve.mute or curve.driver is None or not curve.driver.is_valid:
                continue
            for variable in curve.driver.variables:
                for target in variable.targets:
                    if _reads(variable, target, scene):
                        yield target


def _reads(variable: bpy.types.DriverVariable, target: Any, scene: bpy.types.Scene) -> bool:
    if not target.data_path.startswith("render.") or not _leads(scene, target.data_path):
        return False
    if variable.type == "CONTEXT_PROP":
        return target.context_property == "ACTIVE_SCENE"
    return variable.type == "SINGLE_PROP" and target.id == scene


def _leads(scene: bpy.types.Scene, path: str) -> bool:
    try:
        scene.path_resolve(path)
    except ValueError:
        return False
    return True


def _values(scene: bpy.types.Scene, target: Any) -> dict[bpy.types.Scene, Any]:
    """What a target may read, by the scenes of which it may be read: of all that are rendered, where it says *active*."""
    scenes = [scene] if target.id == scene else list(bpy.data.scenes)
    return {each: each.path_resolve(target.data_path) for each in scenes}

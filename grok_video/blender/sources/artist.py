"""What the artist's Blender has that shapes a render and that a Blender with factory settings lacks.

Handed on to the second Blender: by its command line what is decided as Blender starts, the rest in the order. Changes
nothing of the artist's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from .. import compat
from . import driven
from .scene_copy import PREFIX, TAG

#: Settings under Preferences › System that change pixels; only those that this version has.
_SYSTEM = (
    "anisotropic_filter",
    "gl_clip_alpha",
    "gl_texture_limit",
    "use_gpu_subdivision",
    "use_studio_light_edit",  # whether the lights below count
)
#: What Workbench lights a scene with, where the scene says *Studio* and names no other light.
_LIGHT = ("use", "smooth", "diffuse_color", "specular_color", "direction")
#: A Python driver's expression that Blender evaluates only where scripts of the file may run (the attribute decides).
_PROBE = "(1.0).real"


def arguments(*, trusted: bool) -> list[str]:
    """The arguments of another Blender's command line, which opens a file with the trust that the artist's has."""
    return [
        "--enable-autoexec" if trusted else "--disable-autoexec",
        *compat.gpu_arguments(),
    ]


def runs_scripts() -> bool:
    """Whether Python of this file runs: drivers of more than arithmetic, and registered texts.

    Blender does not tell (``bpy.app.autoexec_fail`` only, that something was blocked since the file was opened). The preference alone is not the answer: a command line, excluded paths, *Trusted Source* and
    *Allow Execution* decide too. Where nothing in the file needs Python, the answer is no.
    """
    if bpy.app.autoexec_fail and not bpy.context.preferences.filepaths.use_scripts_auto_execute:
        return False
    return _needs_python() and _probe()


def _needs_python() -> bool:
    if any(text.use_module for text in bpy.data.texts):
        return True
    return any(
        driver.type == "SCRIPTED" and driver.expression and not driver.is_simple_expression
        for block in driven.with_drivers()
        for driver in (curve.driver for curve in block.animation_data.drivers)
    )


def _probe() -> bool:
    """Let Blender evaluate a driver that needs Python, in a scene of its own, and tell whether it did."""
    scene = bpy.data.scenes.new(f"{PREFIX}probe")
    scene[TAG] = True
    thing: Any = bpy.data.objects.new(f"{PREFIX}probe", None)
    try:
        scene.collection.objects.link(thing)
        thing.driver_add("location", 0).driver.expression = _PROBE
        scene.view_layers[0].update()
        return thing.location[0] == 1.0
    finally:
        bpy.data.objects.remove(thing)
        bpy.data.scenes.remove(scene)


def artists_settings(scenes: Iterable[bpy.types.Scene]) -> dict[str, Any]:
    """Settings of the preferences for renders of ``scenes``, for ``bake_child.as_the_artists``."""
    system: Any = bpy.context.preferences.system  # the stubs have a colour of which no list is made
    settings: dict[str, Any] = {
        "system": {name: getattr(system, name) for name in _SYSTEM if hasattr(system, name)},
        "ambient": _plain(system.light_ambient),
        "lights": [
            {name: _plain(getattr(light, name)) for name in _LIGHT} for light in system.solid_lights
        ],
    }
    if any(scene.render.engine == "CYCLES" for scene in scenes):
        settings["cycles"] = _cycles()
    return settings


def _plain(value: Any) -> Any:
    return list(value) if hasattr(value, "__len__") else value


def _cycles() -> dict[str, Any]:
    """Cycles' compute device, and which devices of that kind it uses by their ids; {} for a render by the processor."""
    addon = bpy.context.preferences.addons.get("cycles")
    own: Any = addon.preferences if addon is not None else None
    kind = getattr(own, "compute_device_type", "NONE")
    if kind == "NONE":
        return {}
    return {"kind": kind, "devices": {device.id: device.use for device in own.devices}}

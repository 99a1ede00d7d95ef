"""Blender's side: thin. It collects what the artist says, calls the core, and reports.

Never imports requests, threading, asyncio or multiprocessing: that is the worker's business.
"""

import atexit

import addon_utils
import bpy

from . import capture, flow, operators, panel, settings

# flow is last: it starts to watch, and needs everything else in place.
_MODULES = (settings, capture, operators, panel, flow)


def register() -> None:
    for module in _MODULES:
        module.register()
    if not bpy.app.binary_path:  # Blender as a Python module
        atexit.register(_disable)


def _disable() -> None:
    """A script that imported ``bpy`` ends: with handlers and classes left, Blender hangs or crashes (measured)."""
    addon_utils.disable(settings.PACKAGE)


def unregister() -> None:
    atexit.unregister(_disable)
    for module in reversed(_MODULES):
        module.unregister()

"""Blender's side: it collects what the artist says, hands it to the worker, and shows what became of it.

Never imports requests, threading, asyncio or multiprocessing: that is the worker's business.
"""

import atexit

import addon_utils
import bpy

from . import config, ui
from .session import tick
from .sources import camera

# The session is last: it starts to watch, and needs everything else in place.
_MODULES = (camera, ui, tick)


def register() -> None:
    for module in _MODULES:
        module.register()
    if not bpy.app.binary_path:  # Blender as a Python module
        atexit.register(_disable)


def _disable() -> None:
    """A script that imported ``bpy`` ends: with handlers and classes left, Blender hangs or crashes (measured)."""
    addon_utils.disable(config.PACKAGE)


def unregister() -> None:
    atexit.unregister(_disable)
    for module in reversed(_MODULES):
        module.unregister()

"""Blender's side of the add-on: clicks become commands to the worker, and the clips that it fetches become strips.

Never imports requests, threading, asyncio or multiprocessing: that is the worker's business.
"""

import atexit

import addon_utils
import bpy

from . import command, config, lazily, ui
from .session import tick
from .sources import camera, on_disk

# The session's tick is last: it starts to import clips, and needs operators and handlers in place.
_MODULES = (camera, on_disk, ui, command, lazily, tick)


def register() -> None:
    for module in _MODULES:
        module.register()
    if not bpy.app.binary_path:  # Blender as a Python module
        atexit.register(_disable)


def _disable() -> None:
    """Unregister at the end of a script that imported ``bpy``: with handlers left Blender hangs or crashes."""
    addon_utils.disable(config.PACKAGE)


def unregister() -> None:
    atexit.unregister(_disable)
    for module in reversed(_MODULES):
        module.unregister()

"""Blender's side: thin. It collects what the artist says, calls the core, and reports.

Never imports requests, threading, asyncio or multiprocessing: that is the worker's business.
"""

from . import capture, flow, operators, panel, settings

# flow is last: it starts to watch, and needs everything else in place.
_MODULES = (settings, capture, operators, panel, flow)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()

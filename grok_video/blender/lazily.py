"""Modules that are imported when they are first used: Blender's start does not wait for what only a click needs.

In a window the rest follows by itself, a module at a time, once Blender has started: another Blender shares the
extension's folder and may update the extension there, and then a file of the new version must not come in among ours.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType

import bpy

_FIRST, _PAUSE = 0.5, 0.02  # seconds before the first module, and between two
_PROGRAM = "bake_child"  # runs in a Blender of its own; imported, the program would run here
_packages: list[str] = []


def modules_of(package: str) -> Callable[[str], ModuleType]:
    """The ``__getattr__`` (PEP 562) of a package of that full name: each module is an attribute that imports itself.

    Python sets the attribute of the package with the import, so the function is called once for each module.
    """
    _packages.append(package)

    def __getattr__(name: str) -> ModuleType:
        full = f"{package}.{name}"
        if importlib.util.find_spec(full) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(full)

    return __getattr__


def load_next() -> float | None:
    """Import the next module that nobody has used yet; seconds until the next call, None when none is left."""
    for package in _packages:
        for found in pkgutil.iter_modules(sys.modules[package].__path__):
            full = f"{package}.{found.name}"
            if found.name != _PROGRAM and full not in sys.modules:
                importlib.import_module(full)
                return _PAUSE
    return None


def register() -> None:
    """Let a timer load what the start did not wait for; scripts and background mode load what they use."""
    if not bpy.app.background:
        bpy.app.timers.register(load_next, first_interval=_FIRST, persistent=True)


def unregister() -> None:
    """Load no more."""
    if bpy.app.timers.is_registered(load_next):
        bpy.app.timers.unregister(load_next)

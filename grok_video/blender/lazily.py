"""Modules that are imported when they are first used: Blender's start does not wait for what only a click needs.

In a window the rest follows at the first turn of the event loop: another Blender shares the
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


def load_rest() -> None:
    """Import every module that nobody has used yet."""
    for package in _packages:
        for found in pkgutil.iter_modules(sys.modules[package].__path__):
            full = f"{package}.{found.name}"
            if found.name != _PROGRAM and full not in sys.modules:
                importlib.import_module(full)


def register() -> None:
    """Let a timer load what the start did not wait for; scripts and background mode load what they use."""
    if not bpy.app.background:
        bpy.app.timers.register(load_rest, first_interval=0.0, persistent=True)


def unregister() -> None:
    """Load no more."""
    if bpy.app.timers.is_registered(load_rest):
        bpy.app.timers.unregister(load_rest)

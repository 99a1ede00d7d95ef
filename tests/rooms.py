"""The rooms of the extension for tests: a file by its name, or a floor of several files under one name.

``room(PACKAGE, "blender.compat")`` is that module. ``room(PACKAGE, "blender.timeline")`` is a floor: what any of its
files defines is found there by name, so that a test of the whole floor need not know the file. Names are replaced
where they are read, in a file and never on a floor (``tests/patching.py``). Standard library only: it runs inside
Blender too.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any


class Floor:
    """What the files of a package define. A name that several define is that of the file ``first``."""

    def __init__(self, package: ModuleType, first: str) -> None:
        # bake_child is the script of the second Blender: the extension itself never imports it.
        names = [m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "bake_child"]
        self._rooms = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
        self._name = package.__name__
        self._first = [room for room in self._rooms if room.__name__.endswith(f".{first}")]

    def __getattr__(self, name: str) -> Any:
        values = [vars(room)[name] for room in self._rooms if name in vars(room)]
        for rooms in (self._first, self._rooms):
            own = [
                value
                for room in rooms
                if getattr(value := vars(room).get(name), "__module__", None) == room.__name__
            ]
            if own:
                break
        different = {id(value): value for value in own or values}
        if len(different) != 1:
            raise AttributeError(f"{self._name} has {len(different)} of the name {name!r}")
        return next(iter(different.values()))


def room(package: str, name: str, first: str = "") -> Any:
    """A module of the extension, such as ``'core.job'``, or a floor, such as ``'blender.timeline'``."""
    found = importlib.import_module(f"{package}.{name}")
    return Floor(found, first) if hasattr(found, "__path__") else found

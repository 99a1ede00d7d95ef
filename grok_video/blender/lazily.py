"""Modules that are imported when they are first used: Blender's start does not wait for what only a click needs."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType


def modules_of(package: str) -> Callable[[str], ModuleType]:
    """The ``__getattr__`` (PEP 562) of a package of that full name: each module is an attribute that imports itself.

    Python sets the attribute of the package with the import, so the function is called once for each module.
    """

    def __getattr__(name: str) -> ModuleType:
        full = f"{package}.{name}"
        if importlib.util.find_spec(full) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(full)

    return __getattr__

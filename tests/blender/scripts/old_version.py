"""The names that tests need in version 0.1.0, the zip in ``tests/data``: nothing in there is renamed any more.

For ``other.py`` beside this file, which does the same in the version of this checkout.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import bpy

VERSION = "0.1.0"


def _flow(package: str) -> ModuleType:
    return importlib.import_module(f"{package}.blender.flow")


def click(package: str, frame: int) -> str:
    """Press Generate as in a window; returns the id of the job to be."""
    scene = bpy.context.scene
    return _flow(package).generate(bpy.context, scene, scene, frame)


def jobs(package: str) -> tuple[Any, ...]:
    """What is shown of the jobs, newest first."""
    return _flow(package).current().bridge.snapshot.all


def tick(package: str) -> None:
    """What a window's timer does."""
    flow = _flow(package)
    flow.current().bridge.tick(0.002)
    if flow.busy():
        flow.tick(bpy.context)

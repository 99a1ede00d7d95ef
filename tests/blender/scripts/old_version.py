"""The names that tests need in version 0.1.0, the zip in ``tests/data``: nothing in there is renamed any more.

For ``other.py`` beside this file, which does the same in the version of this checkout.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import bpy

VERSION = "0.1.0"


def _flow() -> ModuleType:
    return importlib.import_module("bl_ext.user_default.grok_video.blender.flow")


def click(frame: int) -> str:
    """Press Generate as in a window; returns the id of the job to be."""
    scene = bpy.context.scene
    return _flow().generate(bpy.context, scene, scene, frame)


def jobs() -> tuple[Any, ...]:
    """What is shown of the jobs, newest first."""
    return _flow().current().bridge.snapshot.all


def tick() -> None:
    """What a window's timer does."""
    flow = _flow()
    flow.current().bridge.tick(0.002)
    if flow.busy():
        flow.tick(bpy.context)

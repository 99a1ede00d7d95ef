"""The extension's files change under a Blender that runs: another Blender shares its folder, and updates it there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_rework_breaker import in_state, tick_until, window

__all__ = ["window"]  # a fixture


LATE = ("submission", "timeline", "sources")
#: Loaded at the start, for the handlers that they register.
AT_THE_START = {"camera", "scene_copy"}


@pytest.fixture
def fresh(extension: ModuleType) -> Iterator[None]:
    """The modules that load late are not loaded, as after a start, whatever other tests have used."""
    folders = [sys.modules[f"{extension.__name__}.blender.{name}"] for name in LATE]
    loaded = {
        (folder, name): value
        for folder in folders
        for name, value in vars(folder).items()
        if isinstance(value, ModuleType) and name not in AT_THE_START
        if value.__name__ == f"{folder.__name__}.{name}"
    }
    for (folder, name), value in loaded.items():
        delattr(folder, name)
        del sys.modules[value.__name__]
    yield
    for (folder, name), value in loaded.items():
        setattr(folder, name, value)
        sys.modules[value.__name__] = value


@pytest.fixture
def update(extension: ModuleType) -> Iterator[Callable[[], None]]:
    """Replaces the files of the folders that load late by those of a version that has moved things."""
    blender = Path(extension.__file__ or "").parent / "blender"
    before = {path: path.read_bytes() for name in LATE for path in (blender / name).glob("*.py")}

    def replace() -> None:
        for path in before:
            path.write_text("from ..refusal import Moved\n", "utf-8")

    yield replace
    for path, data in before.items():
        path.write_bytes(data)


def test_what_loads_late_is_loaded_before_the_files_are_others(
    window: None,
    scene: Any,
    stand_in: Any,
    module: Callable[[str], ModuleType],
    fresh: None,
    update: Callable[[], None],
) -> None:
    module("blender.lazily").load_rest()  # as the timer does, which a wheel has not
    update()
    session = module("blender.session")
    scene.grok_video.prompt = "A wave"
    bpy.ops.grok_video.generate(frame=1)
    (job_id,) = session.current().documents
    tick_until(session, in_state(session, job_id, "IMPORTED"))

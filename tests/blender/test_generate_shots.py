"""*Generate Shots*: a list of shots bought with one press, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_orders import bodies
from .test_variants import add_camera, jobs_of, movies

Module = Callable[[str], ModuleType]


def add(scene: Any, name: str, **fields: Any) -> Any:
    row = scene.grok_video.shots.add()
    row.name, row.source, row.prompt = name, "NONE", f"Shot {name}"
    row.target_frame = 1 + 100 * (len(scene.grok_video.shots) - 1)
    for field, value in fields.items():
        setattr(row, field, value)
    return row


def test_a_list_is_bought_once(scene: Any, stand_in: Any, module: Module) -> None:
    for name in "abc":
        add(scene, name)
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    assert sorted(body["prompt"] for body in bodies(stand_in)) == ["Shot a", "Shot b", "Shot c"]
    assert [job.spec.shot_name for job in jobs_of(module)] == ["a", "b", "c"]
    assert len(movies(scene)) == 3
    with pytest.raises(RuntimeError, match="Every enabled shot was bought"):
        bpy.ops.grok_video.generate_shots()


def test_cameras(scene: Any, stand_in: Any, module: Module) -> None:
    add_camera(scene)
    add(scene, "a", source="CAMERA", frame=5)
    add(scene, "b", source="CAMERA", frame=9)
    assert bpy.ops.grok_video.generate_shots(slot=True, allow_single_color=True) == {"FINISHED"}
    assert [job.spec.source.frame for job in jobs_of(module)] == [5.0, 9.0]
    told = module("blender.session.shots").told(bpy.context, scene)
    assert [one.state for one in told] == ["IMPORTED", "IMPORTED"]

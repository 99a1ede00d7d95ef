"""Scripts that buy clips without waiting for them, and wait for them later."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import bpy
import pytest

from .editing import span, strips
from .test_rework_breaker import _Bpy

Module = Callable[[str], ModuleType]


def job_ids(stand_in: Any, module: Module) -> list[str]:
    """The jobs of this Blender, oldest first."""
    return list(module("blender.session.state").current().documents)


def test_several_are_made_at_the_same_time(scene: Any, stand_in: Any, module: Module) -> None:
    stand_in.settings(job_seconds=600)
    for frame in (1, 101, 201):
        assert bpy.ops.grok_video.generate(frame=frame, wait=False) == {"FINISHED"}
    assert strips(scene) == []
    assert len(job_ids(stand_in, module)) == 3
    stand_in.settings(job_seconds=0.3)
    stand_in.finish()
    assert bpy.ops.grok_video.wait() == {"FINISHED"}
    assert sorted(span(strip)[0] for strip in strips(scene)) == [1, 101, 201]
    assert len(stand_in.requests("submit")) == 3
    assert bpy.ops.grok_video.wait() == {"FINISHED"}  # nothing is left


def test_one_by_its_id(scene: Any, stand_in: Any, module: Module) -> None:
    bpy.ops.grok_video.generate(frame=1, wait=False)
    bpy.ops.grok_video.generate(frame=101, wait=False)
    first, second = job_ids(stand_in, module)
    assert bpy.ops.grok_video.wait(job=second) == {"FINISHED"}
    assert second in {strip["grok_video_job"] for strip in strips(scene)}
    bpy.ops.grok_video.wait(job=first)
    assert {strip["grok_video_job"] for strip in strips(scene)} == {first, second}
    with pytest.raises(RuntimeError, match="no job"):
        bpy.ops.grok_video.wait(job="0" * 32)


def test_each_failure_is_told_once(scene: Any, stand_in: Any, module: Module) -> None:
    stand_in.fail("job", "moderated", times=1)
    bpy.ops.grok_video.generate(frame=1, wait=False)
    (failed,) = job_ids(stand_in, module)
    state = module("blender.session.state")
    blocking = module("blender.session.blocking")
    blocking.wait_until(bpy.context, failed, lambda job: job.state == "FAILED")
    bpy.ops.grok_video.generate(frame=101, wait=False)
    with pytest.raises(RuntimeError, match="moderation"):
        bpy.ops.grok_video.wait()
    assert [span(strip)[0] for strip in strips(scene)] == [101]  # the other was waited for
    assert bpy.ops.grok_video.wait() == {"FINISHED"}
    assert state.current().blocking.left == {}


def test_the_part_that_follows_too(scene: Any, stand_in: Any, module: Module) -> None:
    bpy.ops.grok_video.generate(frame=1, wait=False)
    bpy.ops.grok_video.generate(frame=101, wait=False)
    first, second = job_ids(stand_in, module)
    session = module("blender.session.state").current()
    session.series.follows[first] = second  # as where a strip is extended in two parts
    session.blocking.left.clear()
    assert bpy.ops.grok_video.wait(job=first) == {"FINISHED"}
    assert {strip["grok_video_job"] for strip in strips(scene)} == {first, second}


def test_a_clip_for_another_file_is_not_waited_for_for_ever(
    scene: Any, stand_in: Any, module: Module
) -> None:
    bpy.ops.grok_video.generate(frame=1, wait=False)
    bpy.ops.wm.read_homefile(use_empty=True)
    with pytest.raises(RuntimeError, match="not open"):
        bpy.ops.grok_video.wait()
    assert len(stand_in.requests("submit")) == 1


def test_interrupted_while_it_waits(
    scene: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    stand_in.settings(job_seconds=600)
    bpy.ops.grok_video.generate(frame=1, wait=False)
    bpy.ops.grok_video.generate(frame=101, wait=False)

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    patches.set(module("blender.session.blocking"), "wait_until", interrupt)
    with pytest.raises(RuntimeError, match="Interrupted") as told:
        bpy.ops.grok_video.wait()
    assert str(told.value).count("Interrupted") == 2


def test_a_window_does_not_wait(scene: Any, module: Module, patches: Any) -> None:
    patches.set(module("blender.ui.wait"), "bpy", _Bpy())
    with pytest.raises(RuntimeError, match="does not wait"):
        bpy.ops.grok_video.wait()


def test_every_operator_that_buys_can_return_at_once(blender: ModuleType, module: Module) -> None:
    buys = module("blender.ui.asking").Buys
    found = [
        cls
        for name in dir(bpy.types)
        if name.startswith("GROK_VIDEO_OT_") and issubclass(cls := getattr(bpy.types, name), buys)
    ]
    assert len(found) >= 6
    for cls in found:
        operator = getattr(bpy.ops.grok_video, cls.bl_idname.partition(".")[2])
        wait = operator.get_rna_type().properties["wait"]
        assert wait.default
        assert wait.is_skip_save

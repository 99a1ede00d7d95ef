"""Takes that no strip uses go into a folder of their own and come back: none that is used, and never half of one."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .editing import every
from .test_flow import newest, refused

Module = Callable[[str], ModuleType]


def base_of(scene: Any) -> Any:
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def without_strips(scene: Any, job: Any) -> None:
    for strip in list(every(scene)):
        if strip["grok_video_job"] == job.id:
            base_of(scene).remove(strip)


def pair(job: Any, folder: str = "") -> list[bool]:
    """Whether the clip, and its JSON, lie in their place, or in ``folder`` beside it."""
    clip = Path(job.clip.path)
    place = clip.parent / folder / clip.name
    return [place.is_file(), place.with_suffix(".json").is_file()]


@pytest.fixture
def takes(blender: ModuleType, scene: Any, module: Module) -> list[Any]:
    """Three clips of a file that is opened anew: a strip shows the first of them only."""
    jobs: list[Any] = []
    for number in range(3):
        scene.grok_video.prompt = f"Take {number}"
        blender.ops.grok_video.generate(frame=10 + 100 * number)
        jobs.append(newest(module))
    for job in jobs[1:]:
        without_strips(scene, job)
    blender.ops.wm.save_mainfile()
    reopen(blender, module)
    return jobs


def reopen(blender: ModuleType, module: Module) -> Any:
    """What was used until then is in no undo step any more."""
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    module("blender.session.queue").read_all()
    return blender.context.scene


def found(module: Module) -> list[str]:
    return [take.job.spec.prompt for take in module("blender.session.unused").unused()]


def remove(**given: Any) -> set[str]:
    return bpy.ops.grok_video.remove_unused_takes(**given)


def test_what_no_strip_uses_goes_and_comes_back(
    blender: ModuleType, takes: list[Any], module: Module
) -> None:
    first, second, third = takes
    assert found(module) == ["Take 2", "Take 1"]
    (size,) = {
        take.size for take in module("blender.session.unused").unused() if take.job == third
    } or {0}
    clip = Path(third.clip.path)
    assert size == clip.stat().st_size + clip.with_suffix(".json").stat().st_size
    assert remove(jobs=second.id) == {"FINISHED"}
    assert (pair(second), pair(second, "unused")) == ([False, False], [True, True])
    assert found(module) == ["Take 2"]
    assert remove() == {"FINISHED"}
    assert remove() == {"CANCELLED"}
    assert (pair(first), pair(third)) == ([True, True], [False, False])
    files = module("blender.session.files")
    assert files.is_put_away(third)
    assert not files.is_put_away(first)
    # What is wanted in the list all the same leads to Put Back.
    refused(lambda: blender.ops.grok_video.import_result(job=third.id, here=True), "Put Back")
    for job in (second, third):
        assert blender.ops.grok_video.put_back(job=job.id) == {"FINISHED"}
        assert (pair(job), pair(job, "unused")) == ([True, True], [False, False])
        refused(lambda job=job: blender.ops.grok_video.put_back(job=job.id), "already")
    assert found(module) == ["Take 2", "Take 1"]


@pytest.mark.parametrize("way", ["undone", "other scene", "meta", "image", "sound", "removed"])
def test_what_was_used_since_the_file_was_opened_is_used(
    blender: ModuleType, takes: list[Any], module: Module, way: str
) -> None:
    second, scene = takes[1], blender.context.scene
    if way == "image":
        blender.data.images.load(second.clip.path)
    elif way == "sound":
        if not blender.app.build_options.audaspace:
            pytest.skip("this wheel has no sound")
        blender.data.sounds.load(second.clip.path)
    else:
        if way == "other scene":
            scene = blender.data.scenes.new("Other")
            scene.sequence_editor_create()
        owner = base_of(scene)
        if way == "meta":
            owner = owner.new_meta("Meta", channel=9, frame_start=1)
            owner = owner.strips if hasattr(owner, "strips") else owner.sequences
        blender.ops.ed.undo_push(message="Before")
        owner.new_movie("Mine", blender.path.relpath(second.clip.path), 7, 300)
        blender.ops.ed.undo_push(message="Added")
        if way == "undone":
            blender.ops.ed.undo()
        elif way == "removed":
            module("blender.session.unused").look()  # the timer after the change
            base_of(scene).remove(next(s for s in every(scene) if s.name == "Mine"))
    assert found(module) == ["Take 2"]
    refused(lambda: remove(jobs=second.id), "and stays")
    assert pair(second) == [True, True]
    reopen(blender, module)
    assert found(module) == ["Take 2", "Take 1"]


def test_a_take_that_was_chosen_for_a_moment_is_in_an_undo_step(
    blender: ModuleType, takes: list[Any], module: Module
) -> None:
    first, second, _ = takes
    (strip,) = [s for s in every(blender.context.scene) if s.type == "MOVIE"]
    for job in (second, first):
        module("blender.session.takes").choose(blender.context, strip, job, pieces=False)
    assert found(module) == ["Take 2"]


def test_a_take_with_a_star_goes_only_where_it_is_named(
    blender: ModuleType, takes: list[Any], module: Module
) -> None:
    _, second, third = takes
    module("blender.timeline.takes").set_star(blender.context.scene, second.id, True)
    assert remove() == {"FINISHED"}
    assert (pair(second), pair(third)) == ([True, True], [False, False])
    assert remove(jobs=second.id) == {"FINISHED"}
    assert pair(second) == [False, False]


def test_what_another_file_imported_is_not_offered(
    blender: ModuleType, takes: list[Any], module: Module, tmp_path: Path
) -> None:
    path, third = blender.data.filepath, takes[2]
    blender.ops.wm.read_homefile(use_empty=True)
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"))
    blender.ops.grok_video.import_result(job=third.id, here=True)
    assert found(module) == []  # they are of the other file
    blender.ops.wm.open_mainfile(filepath=path)
    reopen(blender, module)
    assert found(module) == ["Take 1"]


def test_a_file_that_was_never_saved(blender: ModuleType, module: Module) -> None:
    refused(remove, "never saved")


@pytest.mark.parametrize("trouble", ["taken", "full", "json", "a file", "read-only"])
def test_what_cannot_be_moved_stays_whole(
    blender: ModuleType, takes: list[Any], module: Module, patches: Any, trouble: str
) -> None:
    second = takes[1]
    clip = Path(second.clip.path)
    content, folder = clip.read_bytes(), clip.parent / "unused"
    unused = module("blender.session.unused")
    real = unused.replace_patiently

    def broken(source: Path, target: Path, patience: float) -> None:
        if trouble == "full" or (trouble == "json" and source.suffix == ".json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        if trouble == "read-only":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
        real(source, target, patience)

    if trouble == "taken":
        folder.mkdir()
        (folder / clip.name).write_text("the artist's own", "utf-8")
    elif trouble == "a file":
        folder.write_text("in the way", "utf-8")
    else:
        patches.set(unused, "replace_patiently", broken, copies_ok="only takes are moved here")
    with pytest.raises(module("blender.refusal").Refused, match="could not be moved"):
        unused.put_away(second)
    assert pair(second) == [True, True]
    assert clip.read_bytes() == content
    if trouble == "taken":
        assert (folder / clip.name).read_text("utf-8") == "the artist's own"
    assert not module("blender.session.files").lost(second)


@pytest.mark.parametrize("half", ["clip", "json"])
def test_what_a_crash_left_half_way_comes_back(
    blender: ModuleType, takes: list[Any], module: Module, half: str
) -> None:
    """Between the two files: the way there moves the clip first, the way back the JSON."""
    second = takes[1]
    clip, folder = Path(second.clip.path), Path(second.clip.path).parent / "unused"
    folder.mkdir()
    content = clip.read_bytes()
    clip.rename(folder / clip.name)
    if half == "json":
        clip.with_suffix(".json").rename(folder / clip.with_suffix(".json").name)
        os.link(folder / clip.with_suffix(".json").name, clip.with_suffix(".json"))
    assert blender.ops.grok_video.put_back(job=second.id) == {"FINISHED"}
    assert pair(second) == [True, True]
    assert clip.read_bytes() == content


def test_what_a_job_is_still_to_send_is_used(takes: list[Any], module: Module) -> None:
    """A held extension reads its source when Send is pressed."""
    second = takes[1]
    bridge, spec = module("blender.session.state").current().bridge, module("core.spec")
    asked = dataclasses.replace(
        second.spec, kind=spec.Kind.EXTEND, video=spec.SourceVideo(second.clip.path, 1.0)
    )
    held = dataclasses.replace(second, spec=asked)
    bridge.snapshot = dataclasses.replace(bridge.snapshot, active=[held])
    assert found(module) == ["Take 2"]

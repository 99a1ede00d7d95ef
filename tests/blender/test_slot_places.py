"""Where a slot may lie, and what may happen to its file's path, while its clip is made: it becomes the clip all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import test_slot_files, test_slots
from .editing import (
    color,
    every,
    find,
    make_meta,
    overlaps,
    set_span,
    span,
    split,
)
from .test_rework_breaker import settle
from .test_slots import Desk, is_still, movies

Module = Callable[[str], ModuleType]
desk = test_slots.desk
clip_of, fast = test_slot_files.clip_of, test_slot_files.fast
needs_sound = test_slot_files.needs_sound


@pytest.fixture
def files(blender: ModuleType, module: Module, tmp_path: Path) -> test_slot_files.Desk:
    """A place of work without a service: clips of any kind arrive."""
    blender.context.scene.render.fps = 24
    return test_slot_files.Desk(module, tmp_path)


def waiting(desk: Desk, **chosen: Any) -> tuple[str, str]:
    """A slot whose job runs: the job's id, and the name of the strip."""
    desk.stand_in.settings(job_seconds=600)
    job_id = desk.click(**chosen)
    desk.follow(job_id, "RUNNING")
    (slot,) = movies(desk.scene)
    return job_id, slot.name


def arrives(desk: Desk, job_id: str) -> None:
    """The clip comes: each strip of the slot shows it, with its sound."""
    desk.stand_in.finish()
    job = desk.follow(job_id, "IMPORTED")
    for strip in every(desk.scene):
        if strip.get("grok_video_job") == job_id:
            owner = strip.sound if strip.type == "SOUND" else strip
            assert Path(bpy.path.abspath(owner.filepath)).resolve() == Path(job.clip.path).resolve()
    assert desk.bought == 1


# ------------------------------------------------------------------------------------------ channels, meta strips


@pytest.mark.parametrize("how", ["channel locked", "channel muted", "strip locked", "strip muted"])
def test_in_a_place_that_is_closed(desk: Desk, how: str) -> None:
    """Locked is for hands, muted for eyes: the clip is neither moved away nor shown."""
    job_id, name = waiting(desk, generate_audio=True)
    for strip in every(desk.scene):
        what, _, state = how.partition(" ")
        owner = desk.scene.sequence_editor.channels[strip.channel] if what == "channel" else strip
        setattr(owner, {"locked": "lock", "muted": "mute"}[state], True)
    before = {s.name: (s.channel, span(s), s.mute, s.lock) for s in every(desk.scene)}
    arrives(desk, job_id)
    assert {s.name: (s.channel, span(s), s.mute, s.lock) for s in every(desk.scene)} == before
    assert name in before


def test_on_the_last_channel(desk: Desk) -> None:
    job_id, name = waiting(desk, generate_audio=True)
    slot = find(desk.scene, name)
    slot.channel = 128
    arrives(desk, job_id)
    assert find(desk.scene, name).channel == 128


@pytest.mark.parametrize("edit", ["whole", "cut"])
def test_on_the_last_channel_a_clip_of_another_rate_and_with_a_sound_of_its_own(
    files: test_slot_files.Desk, clip_of: Callable[..., Path], fast: Path, edit: str
) -> None:
    """What Blender makes anew for the rate, and the sound strip that the slot had not, find their places."""
    strip = files.put(clip_of(audio=False), 11)
    name = strip.name
    strip.channel = 128
    color(files.scene, 127, 1, 200)
    if edit == "cut":
        split(strip, 30)
    before = {s.name: (s.channel, span(s)) for s in every(files.scene)}
    assert files.arrive(fast) == []
    assert find(files.scene, name).channel == 128
    assert files.arrive(clip_of()) == []
    after = {s.name: (s.channel, span(s)) for s in every(files.scene) if s.type != "SOUND"}
    assert after == before
    assert not overlaps(files.scene)


@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_while_a_meta_strip_is_open(desk: Desk, opened: bool, inside: bool) -> None:
    """The artist stays where the artist is."""
    job_id, name = waiting(desk)
    if inside:
        meta = make_meta(desk.scene, find(desk.scene, name)).name
    else:
        meta = make_meta(desk.scene, color(desk.scene, 20, 300, 400)).name
    if opened:
        desk.scene.sequence_editor.display_stack(find(desk.scene, meta))
    lay = span(find(desk.scene, name))
    arrives(desk, job_id)
    assert not is_still(find(desk.scene, name))
    stack = desk.scene.sequence_editor.meta_stack
    assert [one.name for one in stack] == ([meta] if opened else [])
    assert span(find(desk.scene, name)) == lay
    parent = find(desk.scene, name).parent_meta()
    assert (parent.name if parent else "") == (meta if inside else "")


def test_in_a_scene_that_is_linked_into_another_file(desk: Desk, tmp_path: Path) -> None:
    """There nothing can be changed: the slot stays what its own file says, and nothing is bought or said twice."""
    job_id, name = waiting(desk)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "lent.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "lent.blend"), link=True) as (there, here):
        here.scenes = there.scenes
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "borrows.blend"))
    linked = next(scene for scene in bpy.data.scenes if scene.library is not None)
    desk.stand_in.finish()
    desk.follow(job_id, "READY")
    settle(desk.module("blender.session"), 0.3)
    assert is_still(find(linked, name))
    assert not movies(bpy.context.scene)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "lent.blend"))
    desk.follow(job_id, "IMPORTED")
    assert not is_still(find(desk.scene, name))
    assert desk.bought == 1


# ------------------------------------------------------------------------------------------ paths


@pytest.mark.parametrize("how", ["relative", "absolute", "moved"])
def test_however_its_path_is_written(desk: Desk, tmp_path: Path, how: str) -> None:
    """File › External Data › Make Paths Relative, … Absolute, and Save As into another folder."""
    job_id, name = waiting(desk, generate_audio=True)
    folder = tmp_path / "elsewhere" / "deep"
    folder.mkdir(parents=True)
    bpy.ops.wm.save_mainfile()
    if how == "absolute":
        bpy.ops.file.make_paths_absolute()
    else:
        bpy.ops.file.make_paths_relative()
        assert find(desk.scene, name).filepath.startswith("//")
    if how == "moved":
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / "copy.blend"))
    else:
        bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert is_still(find(desk.scene, name))
    assert desk.state(find(desk.scene, name)).words.startswith("Generating")
    arrives(desk, job_id)


@needs_sound
def test_a_file_that_is_packed_while_the_slot_waits(desk: Desk, tmp_path: Path) -> None:
    """*Automatically Pack Resources* packs the silence of the slot too, which is nothing that anybody wants to keep."""
    job_id, name = waiting(desk, generate_audio=True)
    right = split(find(desk.scene, name), 20)
    set_span(right, 22, 35)
    bpy.ops.file.pack_all()
    packed = [sound for sound in bpy.data.sounds if sound.packed_file is not None]
    assert packed
    bpy.ops.wm.save_mainfile()
    arrives(desk, job_id)
    assert len([strip for strip in every(desk.scene) if strip.type == "SOUND"]) == 2
    told = [landing.notice for landing in desk.session.imports.landings.values()]
    assert not any("packed" in words for words in told)


# ------------------------------------------------------------------------------------------ each press


def test_continue_and_send_again_have_a_slot_too(desk: Desk) -> None:
    scene = desk.scene
    scene.render.resolution_x, scene.render.resolution_y = 848, 480
    first = desk.click(frame=1, duration=2)
    desk.follow(first, "IMPORTED")
    (source,) = movies(scene)
    name, end = source.name, span(source)[1]
    desk.stand_in.settings(job_seconds=600)
    scene.grok_video.extend_prompt = "It goes on"
    click = desk.module("blender.session.click")
    shots = desk.module("blender.timeline.source_strip")
    with click.begun_by(press=True, slot=True):
        continued = click.continue_shot(bpy.context, shots.source_strip_of(source))
    slot = next(s for s in movies(scene) if s["grok_video_job"] == continued)
    assert (is_still(slot), span(slot)[0]) == (True, end)
    with click.begun_by(press=True, slot=True):
        again = click.send_again(bpy.context, desk.job(first), scene, 300)
    slot = next(s for s in movies(scene) if s["grok_video_job"] == again)
    assert (is_still(slot), span(slot)[0]) == (True, 300)
    for job_id in (continued, again):
        desk.follow(job_id, "RUNNING")
    desk.stand_in.finish()
    for job_id in (continued, again):
        desk.follow(job_id, "IMPORTED")
    assert not any(map(is_still, movies(scene)))
    assert len(movies(scene)) == desk.bought == 3
    assert name in [s.name for s in movies(scene)]

"""The scene, the camera and the strip that were chosen at the click are used, be they called otherwise since.

Names are taken over, swapped, and borne by linked datablocks; each test asks for one job, or for none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import editing
from .placed import import_clip
from .test_orders import footage, newest
from .test_rework_breaker import in_state, settle, tick_until, window

__all__ = ["footage", "window"]  # fixtures

Module = Callable[[str], ModuleType]
#: Nothing here depends on the version, but for Blender's ``session_uid``, which is asked for in two versions.
pytestmark = pytest.mark.long
MARK = "grok_video_scene"


def renamed(scene: Any, _folder: Path) -> None:
    scene.name = "SC01"


def name_taken(scene: Any, _folder: Path) -> None:
    scene.name = "SC01"
    bpy.data.scenes.new("Scene")


def swapped(scene: Any, _folder: Path) -> None:
    other = bpy.data.scenes.new("Other")
    scene.name, other.name = "x", "Scene"
    scene.name = "Other"


def linked_beside(scene: Any, folder: Path) -> None:
    bpy.data.libraries.write(str(folder / "lib.blend"), {scene})
    scene.name = "SC01"
    with bpy.data.libraries.load(str(folder / "lib.blend"), link=True) as (_, wanted):
        wanted.scenes = ["Scene"]
    assert bpy.data.scenes.get("Scene").library


def mark_undone(scene: Any, folder: Path) -> None:
    del scene[MARK]
    name_taken(scene, folder)


def clicked(scene: Any, module: Module, target: Any = None) -> str:
    return module("blender.session.click").generate(bpy.context, scene, target or scene, 1)


def landed(module: Module, job_id: str) -> Any:
    """The job as soon as its clip is on a timeline, or was given back."""
    return module("blender.session.blocking").wait_until(
        bpy.context, job_id, lambda job: job.state == "IMPORTED" or job.problem is not None
    )


@pytest.mark.parametrize("change", [renamed, name_taken, swapped, linked_beside, mark_undone])
def test_a_clip_lands_in_the_scene_of_the_click(
    scene: Any, module: Module, tmp_path: Path, change: Callable[[Any, Path], None]
) -> None:
    job_id = clicked(scene, module)
    change(scene, tmp_path)
    assert landed(module, job_id).state == "IMPORTED"
    holds = [s for s in bpy.data.scenes if s.library is None and editing.strips(s)]
    assert holds == [scene]


def test_a_scene_that_took_the_name_of_a_deleted_one_gets_nothing(
    scene: Any, module: Module
) -> None:
    job_id = clicked(scene, module)
    fresh = bpy.data.scenes.new("Fresh")
    copy = scene.copy()  # bears the mark, and is another scene
    bpy.context.window.scene = fresh
    bpy.data.scenes.remove(scene)
    fresh.name = "Scene"
    job = landed(module, job_id)
    assert job.state == "READY"
    assert "“Scene” is not there" in job.problem.message
    assert [editing.strips(s) for s in (fresh, copy)] == [[], []]
    assert bpy.ops.grok_video.import_result(job=job_id, here=True) == {"FINISHED"}
    assert editing.strips(fresh)


def test_a_scene_renamed_in_another_session_is_found_by_its_mark(
    scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    stand_in.fail("job", "stall")
    job_id = clicked(scene, module)
    module("blender.session.blocking").wait_until(
        bpy.context, job_id, lambda job: job.state == "RUNNING"
    )
    name_taken(scene, tmp_path)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    stand_in.finish()
    assert landed(module, job_id).state == "IMPORTED"
    assert [s.name for s in bpy.data.scenes if editing.strips(s)] == ["SC01"]


def test_which_scene_a_target_means_in_a_file_that_was_opened(
    scene: Any, module: Module, tmp_path: Path
) -> None:
    """By the mark, of several marked ones by the name; by the name alone where none is marked."""
    identity = module("blender.identity")
    target = module("blender.submission.common").target_of("s" * 32, scene, 1)
    assert MARK not in scene, "a click that is refused leaves a mark"

    def meant(**changes: Any) -> Any:
        return identity.scene_of(replace(target, **changes), same_file=False)

    linked_beside(scene, tmp_path)
    assert meant() is None, "a linked scene takes strips"
    scene.name = "Scene"
    assert meant() == meant(scene_mark="", scene_uid=0) == scene  # not saved since, or of 0.1.0
    identity.mark_scene(scene, target.scene_mark)
    assert identity.scene_mark(scene, "s" * 32) == target.scene_mark
    assert identity.scene_mark(scene, "another") == target.scene_mark
    copy = scene.copy()
    assert copy[MARK] == scene[MARK]
    assert meant() == scene
    fresh = identity.scene_mark(scene, "another")
    assert fresh != target.scene_mark, "a copy has the same mark"
    identity.mark_scene(scene, fresh)
    assert (meant(scene_mark=fresh), meant()) == (scene, scene)
    scene.name = "SC01"
    assert meant(scene_mark=fresh) == scene
    assert meant() is None, "one of two copies is taken at random"
    for junk in (7, "x" * (1 << 17)):
        copy[MARK] = junk
        assert meant() == scene
    bpy.data.scenes.remove(copy)
    # A copy that is rendered takes no clip.
    made = module("blender.sources.scene_copy").copy_scene(scene)
    assert MARK not in made
    bpy.data.scenes.remove(made)


def test_a_scene_that_is_gone_before_the_job_is_queued_costs_nothing(
    window: None, scene: Any, stand_in: Any, module: Module
) -> None:
    session = module("blender.session")
    edit = bpy.data.scenes.new("Edit")
    click = prepared(scene, module, edit)
    bpy.data.scenes.remove(edit)
    bpy.data.scenes.new("Edit")
    tick_until(session, lambda: session.current().click.preparing is None)
    assert "The scene “Edit” that takes the clip is gone." in session.current().click.message
    assert "Nothing was sent or charged." in session.current().click.message
    settle(session, 0.2)
    assert not stand_in.jobs()
    assert not Path(click.spec.image).exists()


def prepared(scene: Any, module: Module, target: Any = None) -> Any:
    """A click on Generate in a window, whose still is not begun yet."""
    camera = bpy.data.objects.new("Near", bpy.data.cameras.new("Near"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    scene.grok_video.source = "CAMERA"
    clicked(scene, module, target)
    return module("blender.session").current().click.preparing


@pytest.mark.parametrize(("at", "then", "words"), [(1.0, 30, ""), (2.5, 30, "moved from 2.5")])
def test_a_still_is_rendered_where_the_playhead_was(
    window: None, scene: Any, stand_in: Any, module: Module, at: float, then: int, words: str
) -> None:
    session = module("blender.session")
    scene.frame_set(int(at), subframe=at % 1)
    click = prepared(scene, module)
    scene.frame_set(then)
    tick_until(session, lambda: session.current().click.preparing is not click)
    assert scene.frame_current == then
    if words:
        assert words in session.current().click.message
        assert not stand_in.jobs()
    else:
        assert click.spec.source.frame == at
        tick_until(session, in_state(session, click.spec.id, "QUEUED"))


@pytest.mark.parametrize("change", ["name taken", "switched", "gone"])
def test_a_still_is_rendered_from_the_camera_of_the_click(
    window: None, scene: Any, stand_in: Any, module: Module, change: str
) -> None:
    session = module("blender.session")
    click = prepared(scene, module)
    near = scene.camera
    far = bpy.data.objects.new("Far", bpy.data.cameras.new("Far"))
    scene.collection.objects.link(far)
    scene.camera = far
    if change == "name taken":
        near.name = "x"
    if change == "gone":
        bpy.data.objects.remove(near)
    far.name = "Far" if change == "switched" else "Near"
    tick_until(session, lambda: session.current().click.preparing is not click)
    if change == "gone":
        assert session.current().click.message.startswith("The camera “Near” is gone.")
        assert not stand_in.jobs()
    else:
        assert click.spec.source.camera == near.name
        # What it shows is one colour, so the job waits for a word.
        tick_until(session, in_state(session, click.spec.id, "QUEUED"))


def test_each_picture_of_a_click_keeps_its_camera(scene: Any, module: Module) -> None:
    """The end frame's own, and of a keyframe the one that a marker binds there."""
    scene.grok_video.model = "grok-imagine-video-1.5"
    made = {}
    for name in ("Start", "Marked", "End"):
        made[name] = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        scene.collection.objects.link(made[name])
    scene.camera = made["Start"]
    generate = module("blender.submission.generate")

    def cameras(frame: int | None, chosen: Any = None) -> str:
        step = generate.camera_step(scene, (64, 36), Path("a.png"), None, frame, "", chosen)
        return step.camera.find(bpy.data.objects).name

    assert [cameras(None), cameras(30), cameras(30, made["End"])] == ["Start", "Start", "End"]
    scene.timeline_markers.new("a", frame=1).camera = made["Start"]
    scene.timeline_markers.new("b", frame=20).camera = made["Marked"]
    assert [cameras(None), cameras(19), cameras(20), cameras(30, made["End"])] == [
        *("Start", "Start", "Marked", "End")
    ]


def test_a_linked_camera_of_the_same_name_can_be_chosen(
    scene: Any, module: Module, tmp_path: Path
) -> None:
    own = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    bpy.data.libraries.write(str(tmp_path / "lib.blend"), {own})
    with bpy.data.libraries.load(str(tmp_path / "lib.blend"), link=True) as (_, wanted):
        wanted.objects = ["Camera"]
    (linked,) = wanted.objects
    for camera in (linked, own):
        scene.collection.objects.link(camera)
    scene.camera = own
    items = [name for name, *_ in module("blender.ui.references")._cameras(None, bpy.context)]
    assert sorted(items) == ["Camera", "Camera [lib.blend]"]
    identity = module("blender.identity")
    assert identity.named(scene.objects, "Camera") == own
    assert identity.named(scene.objects, "Camera [lib.blend]") == linked
    meant = identity.Meant.of(linked)
    linked.library.reload()
    assert meant.find(bpy.data.objects).library, "a library that was reloaded lost its camera"
    bpy.data.objects.remove(own)
    assert identity.named(scene.objects, "Camera").library
    assert identity.named(scene.objects, "No") is None


def film(scene: Any, path: Path) -> Any:
    editor = scene.sequence_editor or scene.sequence_editor_create()
    editor.active_strip = editing.base_of(editor).new_movie("Camera", str(path), 3, 1)
    scene.grok_video.extend_prompt, scene.grok_video.extend_seconds = "It goes on", 2
    return editor.active_strip


@pytest.mark.parametrize("change", ["swapped", "replaced", "undone", "undone, and another"])
def test_a_strip_is_baked_that_was_clicked(
    window: None, scene: Any, footage: Path, module: Module, stand_in: Any, change: str
) -> None:
    session = module("blender.session")
    state, parts = module("blender.session.state"), module("blender.submission.strip_part")
    movie = film(scene, footage)
    order = module("blender.submission.extend").extension(
        scene,
        module("blender.timeline.source_strip").active_source_strip(bpy.context),
        state.session_id(),
        state.job_by_id,
        2,
    )
    target = order.spec.target
    source = module("blender.timeline.source_strip").source_strip_of(movie)
    if change == "swapped":
        other = editing.color(scene, 1, 1, 145)
        movie.name, other.name = "x", "Camera"
    elif change == "replaced":
        editing.base_of(scene.sequence_editor).remove(movie)
        editing.color(scene, 3, 1, 145).name = "Camera"
    else:
        del movie["grok_video_source"]
        if change != "undone":
            movie.name = "x"
            editing.color(scene, 1, 1, 120).name = "Camera"
    if change in ("swapped", "undone"):
        assert parts._strip_as_clicked(source, target) == movie
        return
    module("blender.session.click").accept(bpy.context, order)
    tick_until(session, lambda: session.current().click.preparing is None)
    assert session.current().click.message.startswith("The strip “Camera” is not there any more.")
    settle(session, 0.2)
    assert not stand_in.jobs()


@pytest.mark.parametrize("frames", [0, 24])
def test_a_strip_that_was_moved_is_baked_where_it_is(
    scene: Any, footage: Path, module: Module, patches: Any, frames: int
) -> None:
    state, parts = module("blender.session.state"), module("blender.submission.strip_part")
    movie = film(scene, footage)
    source = module("blender.timeline.source_strip").source_strip_of(movie)
    order = module("blender.submission.extend").extension(
        scene, source, state.session_id(), state.job_by_id, 2
    )
    editing.shift(movie, frames)
    baked: list[Any] = []
    patches.set(parts.bake.Bake, "strip", staticmethod(lambda *order: baked.append(order)))
    order.steps[0].begin()
    (_, strip, start, end, *_) = baked[0]
    target = order.spec.target
    assert (strip, start, end) == (
        movie,
        target.frame - target.length + frames,
        target.frame + frames,
    )


def test_an_animation_is_played_in_the_scene_of_the_click(
    scene: Any, module: Module, tmp_path: Path, patches: Any
) -> None:
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    scene.grok_video.edit_of, scene.grok_video.edit_prompt = "CAMERA", "As a drawing"
    scene.frame_end = 48
    edit = module("blender.submission.edit")
    order = edit.edit_of_animation(bpy.context, scene, scene, "s" * 32)
    name_taken(scene, tmp_path)
    played: list[Any] = []
    patches.set(edit.bake.Bake, "camera", staticmethod(lambda scene, *_: played.append(scene)))
    order.steps[0].begin()
    assert played == [scene]
    bpy.context.window.scene = bpy.data.scenes["Scene"]
    bpy.data.scenes.remove(scene)
    with pytest.raises(module("blender.refusal").Refused, match="“Scene” is gone"):
        order.steps[0].begin()


def test_a_pass_goes_on_from_the_strip_before_whatever_that_is_called(
    scene: Any, module: Module, footage: Path
) -> None:
    series, meant = module("blender.session.series"), module("blender.identity").Meant
    made = import_clip(module("blender.timeline"), scene, footage, frame=1, job_id="a" * 32)
    chosen = meant.of(scene)
    movie = editing.find(scene, made.movie)
    movie.name = "x"
    editing.color(scene, 90, 1, 50).name = made.movie
    scene.name = "SC01"
    bpy.data.scenes.new("Scene")
    assert series._strip_of_pass(chosen, made.movie, "a" * 32) == movie
    with pytest.raises(module("blender.refusal").Refused, match="There is no strip"):
        series._strip_of_pass(chosen, made.movie, "b" * 32)


def test_send_again_goes_to_the_scene_of_its_strip(
    scene: Any, footage: Path, module: Module, stand_in: Any, tmp_path: Path
) -> None:
    film(scene, footage)
    stand_in.fail("job", "moderated", times=1)
    with pytest.raises(RuntimeError):
        bpy.ops.grok_video.continue_shot()
    failed = newest(module)
    assert failed.state == "FAILED"
    name_taken(scene, tmp_path)
    bpy.context.window.scene = bpy.data.scenes["Scene"]
    assert bpy.ops.grok_video.send_again(job=failed.id, confirm=True) == {"FINISHED"}
    again = newest(module)
    assert (again.spec.target.scene, again.spec.target.place) == ("SC01", "AFTER")
    assert [s.type for s in editing.strips(bpy.data.scenes["Scene"])] == []
    assert again.id in [s.get("grok_video_job") for s in editing.strips(scene)]

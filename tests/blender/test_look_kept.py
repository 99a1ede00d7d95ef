"""What an artist did to the picture of a look stays, whatever is pressed; and a look is found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from .test_flow import newest, posts
from .test_looks import camera_scene, look, look_scene
from .test_orders import Drawn
from .test_rework_breaker import in_state, tick_until, window

__all__ = ["camera_scene", "look", "look_scene", "window"]  # fixtures
Module = Callable[[str], ModuleType]
PAINT = 0.25


def paint(image: Any) -> None:
    image.pixels.foreach_set(np.full(image.size[0] * image.size[1] * 4, PAINT, np.float32))
    image.update()
    assert image.is_dirty


def is_painted(image: Any) -> bool:
    return image.pixels[0] == pytest.approx(PAINT, abs=0.01)


def test_a_look_that_was_painted_over_stays_so(look_scene: Any, look: Any) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    image = look_scene.grok_video.look.image
    paint(image)
    bpy.ops.grok_video.use_look(job=look.id)
    assert is_painted(look_scene.grok_video.look.image), "pressed once more"
    bpy.ops.grok_video.use_render()
    bpy.ops.grok_video.use_look(job=look.id)
    assert is_painted(look_scene.grok_video.look.image), "after the render"


def test_a_look_that_was_painted_over_and_packed_stays_so(look_scene: Any, look: Any) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    image = look_scene.grok_video.look.image
    paint(image)
    image.pack()
    packed = image.packed_file.data
    for press in (bpy.ops.grok_video.use_look, bpy.ops.grok_video.use_render):
        press()
    bpy.ops.grok_video.use_look(job=look.id)
    assert look_scene.grok_video.look.image == image
    assert image.packed_file.data == packed
    assert is_painted(image)


def test_a_look_whose_file_was_missing_for_a_while(look_scene: Any, look: Any) -> None:
    path = Path(look.clip.path)
    bpy.ops.grok_video.use_look(job=look.id)
    bpy.ops.wm.save_mainfile()
    away = path.rename(path.with_name("away.jpg"))
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    image = bpy.context.scene.grok_video.look.image
    assert not all(image.size)
    away.rename(path)
    bpy.ops.grok_video.use_look(job=look.id)
    assert all(bpy.context.scene.grok_video.look.image.size)


def test_looks_of_an_image_that_was_renamed_are_found(
    look_scene: Any, look: Any, module: Module
) -> None:
    looks = module("blender.session.looks")
    bpy.data.images["Block-out"].name = "Renamed"
    assert [job.id for job in looks.of_source(look_scene)] == [look.id]
    bpy.ops.grok_video.use_look(job=look.id)
    assert look_scene.grok_video.look.of_image == bpy.data.images["Renamed"]


def test_a_picture_that_was_compared_stays_where_it_was_painted_over(
    look_scene: Any, look: Any, module: Module
) -> None:
    looks = module("blender.session.looks")
    plain = bpy.data.images.load(look.spec.image)
    painted = bpy.data.images.load(look.spec.image)
    paint(painted)
    names = plain.name, painted.name
    for image in (plain, painted):
        looks.let_go(image)
    assert [name in bpy.data.images for name in names] == [False, True]


def test_a_painted_and_packed_look_that_is_not_in_use_is_saved(
    look_scene: Any, look: Any, module: Module
) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    image = look_scene.grok_video.look.image
    paint(image)
    image.pack()
    name = image.name
    bpy.ops.grok_video.look()
    bpy.ops.grok_video.use_look(job=newest(module).id)
    other = look_scene.grok_video.look.image
    other.pack()
    as_it_came = other.name
    bpy.ops.grok_video.use_render()
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert is_painted(bpy.data.images[name])
    assert as_it_came not in bpy.data.images, "its file is there"


def test_a_file_saved_under_another_name_still_has_its_looks(
    camera_scene: Any, module: Module, tmp_path: Path
) -> None:
    looks, frames = module("blender.session.looks"), module("blender.session.look_frames")
    chosen = camera_scene.grok_video
    bpy.ops.grok_video.look(allow_single_color=True)
    made = newest(module)
    bpy.ops.grok_video.use_look(job=made.id)
    chosen.model, chosen.end_frame = "grok-imagine-video-1.5", True
    bpy.ops.grok_video.apply_look()
    assert len(frames.in_look(camera_scene)) == 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot_v002.blend"))
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene = bpy.context.scene
    assert [job.id for job in looks.of_source(scene)] == [made.id]
    assert len(frames.in_look(scene)) == 1
    assert looks.of_source(bpy.data.scenes.new("Empty")) == []


def test_no_look_is_measured_while_blender_renders_or_plays(
    look_scene: Any, look: Any, module: Module, patches: Any
) -> None:
    looks = module("blender.session.looks")
    own = module("blender.session.state").current().looks
    own.unmeasured[look.id] = None
    with patches:
        patches.set(module("blender.timeline.importing"), "unsettled", lambda _context: "Playing")
        assert looks.measure() > 0.0
        assert look.id not in own.moved
    turns = 0
    while looks.measure() is not None:
        turns += 1
    assert turns > 2, "in parts, between which the window lives on"
    assert look.id in own.moved
    kept = own.moved[look.id] = "As it was measured"
    assert looks.measure_now(look) == kept, "once"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_redraw_reads_no_file_of_an_image(
    look_scene: Any, look: Any, module: Module, tmp_path: Path, is_there: bool
) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    shown = tmp_path / "shown.png"
    look_scene.grok_video.image.save(filepath=str(shown))
    chosen = look_scene.grok_video
    chosen.image = chosen.look.of_image = bpy.data.images.load(str(shown))
    bpy.ops.wm.save_mainfile()
    if not is_there:
        Path(look.clip.path).unlink()
        shown.unlink()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    chosen = bpy.context.scene.grok_video
    images = [chosen.image, chosen.look.image]
    image_size, generate = module("blender.sources.image_size"), module("blender.ui.generate")

    def redraw() -> str:
        layout = Drawn()
        with image_size.in_redraw():
            generate.draw_request(layout, bpy.context, module("blender.ui.look").draw_in_use)
            generate.draw_generate(layout, bpy.context)
        return " ".join(layout.words)

    assert not any(image.has_data for image in images)
    first = redraw()
    assert not any(image.has_data for image in images)
    assert "no pixels" not in first
    assert "Begins with the Look" in first
    while image_size.read_next() is not None:
        pass
    assert [image.has_data for image in images] == [is_there] * 2
    later = redraw()
    assert ("no pixels" in later) != is_there


def test_two_markers_at_one_frame_are_one_look(
    camera_scene: Any, stand_in: Any, module: Module
) -> None:
    chosen = camera_scene.grok_video
    bpy.ops.grok_video.look(allow_single_color=True)
    bpy.ops.grok_video.use_look(job=newest(module).id)
    chosen.model, chosen.duration, chosen.keyframes = "grok-imagine-video-1.5", 2, True
    for name in ("Turn", "Also the Turn"):
        camera_scene.timeline_markers.new(name, frame=20)
    before = posts(stand_in)
    price = module("blender.ui.look_frames").price_of(camera_scene)
    bpy.ops.grok_video.apply_look()
    assert posts(stand_in) == before + 1
    assert newest(module).cost == price


def test_frames_that_the_list_does_not_tell_of_yet_are_not_bought_again(
    window: None, camera_scene: Any, stand_in: Any, module: Module
) -> None:
    looks, session = module("blender.session.looks"), module("blender.session")
    chosen = camera_scene.grok_video
    chosen.model, chosen.end_frame = "grok-imagine-video-1.5", True
    camera_scene.camera.location.y = -4.0
    job_id = looks.make(bpy.context, camera_scene, allow_single_color=True)
    tick_until(session, in_state(session, job_id, "IMPORTED"))
    looks.use(camera_scene, module("blender.session.state").job_by_id(job_id))
    (frame,) = looks.apply(bpy.context, camera_scene)
    state = module("blender.session.state")
    tick_until(session, lambda: frame in state.current().documents)
    assert state.job_by_id(frame) is None, "put down, and not in the list yet"
    module("blender.session.click")._clicked(None)  # long after a double click
    with pytest.raises(module("blender.refusal").Refused, match="no end frame or keyframe to make"):
        looks.apply(bpy.context, camera_scene)
    tick_until(session, in_state(session, frame, "IMPORTED"))
    assert posts(stand_in) == 2

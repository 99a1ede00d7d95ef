"""A slot that waits for its clip is never a source: what shows one is refused before anything is sent, by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .editing import base_of, color, every, find, make_meta, set_span, strips

Module = Callable[[str], ModuleType]
NAME = "A heron lifts off"


@pytest.fixture
def slot(scene: Any, stand_in: Any, module: Module, tmp_path: Path) -> Any:
    """A slot of two seconds that begins at the first frame, in a scene that asks for all that can be asked for."""
    still_movie = module("core.still_movie")
    path = still_movie.still_movie_path(tmp_path, "5" * 32)
    path.parent.mkdir()
    still_movie.write_still_movie(still_movie.card(320, 180), path, 49)
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strip = base_of(editor).new_movie(name=NAME, filepath=str(path), channel=3, frame_start=1)
    strip["grok_video_job"] = strip["grok_video_slot"] = "5" * 32
    editor.active_strip = strip
    settings = scene.grok_video
    settings.extend_prompt = settings.edit_prompt = "It goes on"
    settings.model = "grok-imagine-video"
    return strip


def in_a_meta(scene: Any, slot: Any) -> str:
    below = color(scene, 1, 1, 97)
    return make_meta(scene, slot, below).name


def in_a_meta_of_a_meta(scene: Any, slot: Any) -> str:
    inner = make_meta(scene, slot, color(scene, 1, 1, 97))
    return make_meta(scene, inner, color(scene, 7, 1, 97)).name


def under_an_effect(scene: Any, slot: Any) -> str:
    return color(scene, 5, 1, 50, "GAUSSIAN_BLUR", slot).name


def in_a_scene_strip(scene: Any, slot: Any) -> str:
    edit = bpy.data.scenes.new("Edit")
    shown = base_of(edit.sequence_editor_create())
    shown.new_movie(name=slot.name, filepath=slot.filepath, channel=3, frame_start=1)
    base_of(scene.sequence_editor).remove(slot)
    strip = base_of(scene.sequence_editor).new_scene(
        name="Act", scene=edit, channel=2, frame_start=1
    )
    strip.scene_input = "SEQUENCER"
    set_span(strip, 1, 97)
    return strip.name


def itself(scene: Any, slot: Any) -> str:
    return slot.name


SHAPES = [itself, in_a_meta, in_a_meta_of_a_meta, under_an_effect, in_a_scene_strip]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_made_of_a_slot_that_waits(
    scene: Any, stand_in: Any, slot: Any, module: Module, shape: Callable[[Any, Any], str]
) -> None:
    name = shape(scene, slot)
    scene.sequence_editor.active_strip = find(scene, name)
    if shape is not under_an_effect:  # of what is longer than the slot, the end alone would be sent
        set_span(find(scene, name), 1, 49)
    scene.frame_set(48)
    for operator in ("extend", "continue_shot", "edit"):
        with pytest.raises(RuntimeError, match=NAME):
            getattr(bpy.ops.grok_video, operator)(strip=name)
        with pytest.raises(RuntimeError, match=NAME):
            getattr(bpy.ops.grok_video, operator)()
    with pytest.raises(RuntimeError, match=NAME):
        bpy.ops.grok_video.add_reference(source="STRIP")
    scene.grok_video.source = "SEQUENCER"
    with pytest.raises(RuntimeError, match=NAME):
        bpy.ops.grok_video.generate()
    assert stand_in.requests() == []
    assert len(scene.grok_video.references) == 0
    assert module("blender.session.state").current().documents == {}


def test_a_slot_that_comes_into_the_strip_after_the_click(
    scene: Any, stand_in: Any, slot: Any, module: Module, tmp_path: Path
) -> None:
    meta = make_meta(scene, color(scene, 1, 1, 97), color(scene, 2, 1, 97))
    parts = module("blender.submission.strip_part")
    state = module("blender.session.state")
    source = module("blender.timeline.source_strip").source_strip_of(meta)
    part = module("blender.submission.edit").part_to_edit(scene, source, state.job_by_id, look=True)
    draft = parts.rework_draft(scene, module("core.spec").Kind.EDIT, part, 4)
    asked = parts.rework(draft, "6" * 32, part, state.session_id(), "OVER")
    find(scene, NAME).move_to_meta(find(scene, meta.name))
    with pytest.raises(module("blender.refusal").Refused, match=NAME):
        parts._bake(part, asked.spec.target, tmp_path / "bake.mp4")


def test_what_does_not_show_the_slot_is_a_source(
    scene: Any, stand_in: Any, slot: Any, module: Module
) -> None:
    source_strip = module("blender.timeline.source_strip")
    meta = find(scene, in_a_meta(scene, slot))
    assert "1" not in source_strip.waiting_refusal(meta, 50, 97)
    assert source_strip.waiting_refusal(meta, 50, 97) == ""
    assert NAME in source_strip.waiting_refusal(meta, 49, 97)
    set_span(meta, 60, 97)  # the slot is hidden by the handle
    assert source_strip.waiting_refusal(meta, *source_strip.visible_span(meta)) == ""
    find(scene, NAME).mute = True
    assert source_strip.waiting_refusal(meta, 1, 97) == ""
    assert source_strip.waiting_refusal_at(scene, 1) == ""


def test_the_frame_under_the_playhead(scene: Any, stand_in: Any, slot: Any, module: Module) -> None:
    color(scene, 1, 1, 97)
    waits = module("blender.timeline.source_strip").waiting_refusal_at
    assert [bool(waits(scene, frame)) for frame in (0, 1, 49, 50)] == [False, True, True, False]
    assert "“A heron lifts off”: a slot" in waits(scene, 1)


def test_the_button_says_why(scene: Any, slot: Any, module: Module) -> None:
    """What the panel draws: the same sentence as the click's, without a look at the disk."""
    source_strip = module("blender.timeline.source_strip")
    meta = find(scene, in_a_meta(scene, slot))
    source = source_strip.source_strip_of(meta)
    state = module("blender.session.state")
    submission = module("blender.submission.extend")
    set_span(meta, 1, 49)
    source = source_strip.source_strip_of(meta)
    part = submission.part_to_extend(scene, source, state.job_by_id)
    draft = module("blender.submission.strip_part").rework_draft(
        scene, module("core.spec").Kind.EXTEND, part, 6
    )
    assert NAME in submission.extend_refusal(scene, source, draft)
    assert NAME in submission.continue_refusal(source, draft)
    edit = module("blender.submission.edit")
    assert NAME in edit.edit_refusal(edit.part_to_edit(scene, source, state.job_by_id), draft)
    scene.grok_video.source = "SEQUENCER"
    generate = module("blender.submission.generate")
    draft = generate.generate_draft(bpy.context, scene)
    assert NAME in generate.generate_refusal(bpy.context, scene, draft)
    assert len(every(scene)) == len(strips(scene)) + 2


# ------------------------------------------------------------------------------------------ renders of the edit

ONE = "1 slot waits for its clip (“A heron lifts off”): the render shows its still."


@pytest.fixture
def rendered(
    scene: Any, slot: Any, module: Module, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Callable[..., int]:
    """Renders the edit, small; gives how often it was said that slots wait."""
    render = scene.render
    render.resolution_x, render.resolution_y = 32, 18
    render.filepath = str(tmp_path / "out" / "frame-")
    module("blender.session.slots").look()

    def run(words: str = ONE, **how: Any) -> int:
        capfd.readouterr()
        bpy.ops.render.render(**how)
        return capfd.readouterr().out.count(words)

    return run


def test_a_render_tells_of_slots_that_wait(
    scene: Any, slot: Any, module: Module, rendered: Callable[..., int], tmp_path: Path
) -> None:
    scene.frame_set(10)
    assert rendered() == 1
    assert rendered() == 1  # once a render
    scene.frame_set(60)
    assert rendered("wait") == 0  # nothing of the slot is seen there
    scene.frame_start, scene.frame_end = 47, 51
    assert rendered(animation=True) == 1
    assert len(list((tmp_path / "out").iterdir())) == 5  # none was stopped
    scene.frame_start = 50
    assert rendered("wait", animation=True) == 0


def test_a_render_that_shows_no_slot_tells_of_none(
    scene: Any, slot: Any, module: Module, rendered: Callable[..., int]
) -> None:
    scene.frame_set(10)
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    slot.mute = True
    assert rendered("wait") == 0
    slot.mute = False
    scene.render.use_sequencer = False
    assert rendered("wait") == 0


def test_a_render_tells_how_many_slots_wait(
    scene: Any, slot: Any, module: Module, rendered: Callable[..., int]
) -> None:
    base = base_of(scene.sequence_editor)
    for number in (1, 2):
        other = base.new_movie(
            name=f"Waves {number}", filepath=slot.filepath, channel=3 + number, frame_start=3
        )
        other["grok_video_job"] = slot["grok_video_job"]
    scene.frame_start, scene.frame_end = 1, 4
    words = "3 slots wait for their clips: the render shows their stills."
    assert rendered(words, animation=True) == 1
    make_meta(scene, *strips(scene))
    assert rendered(words, animation=True) == 1

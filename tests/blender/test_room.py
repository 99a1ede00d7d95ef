"""No clip is bought that would find no place in the sequencer, and what is bought finds one."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import editing
from .test_orders import footage, made_by, newest, refused, scene, strip

__all__ = ["footage", "scene", "strip"]  # fixtures

Module = Callable[[str], ModuleType]
SOUNDS = int(bpy.app.build_options.audaspace)


def lock(scene: Any, *but: int) -> None:
    """Lock all channels but some."""
    for number, channel in enumerate(scene.sequence_editor_create().channels):
        channel.lock = number not in but


def fill(scene: Any, *but: int, start: int = 1, end: int = 900) -> None:
    """A strip on all channels but some."""
    for channel in range(1, 129):
        if channel not in but:
            editing.color(scene, channel, start, end, "TEXT")


def locked_above(scene: Any, strip: Any) -> None:
    strip.channel = 127
    scene.sequence_editor.channels[128].lock = True


def muted_above(scene: Any, strip: Any) -> None:
    strip.channel = 126
    for channel in (127, 128):
        scene.sequence_editor.channels[channel].mute = True


def taken_above(scene: Any, strip: Any) -> None:
    strip.channel = 127
    editing.color(scene, 128, 70, 75, "TEXT")  # over its last frames only


def in_a_meta(scene: Any, strip: Any) -> None:
    editing.make_meta(scene, strip)
    meta = editing.strips(scene)[0]
    meta.channel = 127
    scene.sequence_editor.channels[128].lock = True
    scene.sequence_editor.active_strip = meta


@pytest.mark.parametrize("crowd", [locked_above, muted_above, taken_above, in_a_meta])
def test_an_edit_that_finds_no_channel_above_is_not_bought(
    scene: Any, strip: Any, stand_in: Any, crowd: Callable[[Any, Any], None]
) -> None:
    crowd(scene, strip)
    before = [dict(s) for s in editing.every(scene)]
    refused(bpy.ops.grok_video.edit, "above")
    assert stand_in.requests("submit") == []
    assert [dict(s) for s in editing.every(scene)] == before  # not marked as a source either


@pytest.mark.parametrize("kind", ["extend", "continue_shot", "edit", "generate"])
def test_nothing_is_bought_where_every_channel_is_closed(
    scene: Any, strip: Any, stand_in: Any, kind: str
) -> None:
    scene.grok_video.source, scene.grok_video.prompt = "NONE", "Snow falls"
    lock(scene)
    refused(getattr(bpy.ops.grok_video, kind), "no free channel")
    assert stand_in.requests("submit") == []


@pytest.mark.parametrize("sound", [False, True])
def test_a_shot_goes_on_where_only_its_own_channels_are_open(
    scene: Any, strip: Any, module: Module, sound: bool
) -> None:
    """A new clip hides nothing before the seam: the channel of its source is free behind that."""
    scene.grok_video.generate_audio = sound
    strip.channel = 1
    lock(scene, *range(1, 2 + sound))
    bpy.ops.grok_video.continue_shot(strip=strip.name)
    made = made_by(scene, newest(module).id)
    assert (made.channel, editing.span(made)[0]) == (1, 83)


def test_what_an_extension_repeats_needs_no_room_before_that(
    scene: Any, strip: Any, footage: Any, stand_in: Any, module: Module
) -> None:
    """Of a long strip only the last seconds are sent: what lies over its first ones is in nobody's way."""
    editor = scene.sequence_editor
    for frame in range(83, 83 + 4 * 144, 144):
        editing.base_of(editor).new_movie("More", str(footage), strip.channel, frame)
    last = 83 + 4 * 144
    meta = editing.make_meta(scene, *editing.strips(scene))
    meta.channel = 3
    editor.active_strip = meta
    fill(scene, 3, 60, 61, start=1, end=last + 900)
    for channel in (60, 61):
        editing.color(scene, channel, 1, last - 15 * 24 - 5, "TEXT")
    draft, source = extended(scene, module)
    assert module("blender.submission.extend").room_behind(source, draft) == ""
    editing.color(scene, 60, last - 24, last - 20, "TEXT")
    assert "no free channel" in module("blender.submission.extend").room_behind(source, draft)


def extended(scene: Any, module: Module) -> tuple[Any, Any]:
    """The draft of an extension of the active strip, and that strip."""
    extend, parts = module("blender.submission.extend"), module("blender.submission.strip_part")
    source = module("blender.timeline.source_strip").active_source_strip(bpy.context)
    part = extend.part_to_extend(scene, source, lambda _id: None)
    kind = module("core.spec").Kind.EXTEND
    return parts.rework_draft(scene, kind, part, 2), source


def test_a_clip_with_sound_needs_two_channels(scene: Any, stand_in: Any, module: Module) -> None:
    chosen = scene.grok_video
    chosen.source, chosen.prompt, chosen.generate_audio = "NONE", "Snow falls", True
    fill(scene, 128, start=1, end=20)
    refused(
        lambda: bpy.ops.grok_video.generate(frame=10),
        "frames 10 to 35. Clear, unlock or unmute one.",
    )
    assert stand_in.requests("submit") == []
    chosen.generate_audio = False
    bpy.ops.grok_video.generate(frame=10)
    made = made_by(scene, newest(module).id)
    assert (made.channel, editing.span(made)[0]) == (128, 10)
    chosen.generate_audio = True
    bpy.ops.grok_video.generate(frame=20)  # behind them all
    assert made_by(scene, newest(module).id).channel == 1 + SOUNDS


def test_the_channel_that_is_left_is_found(scene: Any, strip: Any, module: Module) -> None:
    """Two channels, no neighbours, free just as long as the clip: Blender itself adds none there."""
    strip.channel = 5
    fill(scene, 5, 60, 128)
    for channel in (60, 128):
        editing.color(scene, channel, 95, 900, "TEXT")
    bpy.ops.grok_video.edit()
    made = made_by(scene, newest(module).id)
    assert made.channel == 60
    assert editing.span(made)[0] == 11
    assert not editing.overlaps(scene)


def test_the_place_is_looked_at_again_before_the_purchase(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """Before the strip is prepared the artist moves it, and the only channel above is locked."""
    shot = module("blender.timeline.source_strip").active_source_strip(bpy.context)
    state = module("blender.session.state")
    asked = module("blender.submission.edit").edit_of_strip(
        scene, shot, state.session_id(), state.job_by_id
    )
    locked_above(scene, strip)
    with pytest.raises(module("blender.refusal").Refused, match="no free channel above"):
        module("blender.session.click").accept(bpy.context, asked)
    assert stand_in.requests("submit") == []


def test_an_edit_of_a_strip_on_the_last_channel_lands_below_and_says_so(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """No clearing makes room above channel 128; above all others, clearing lets Import place the clip."""
    strip.channel = 128
    room = module("blender.timeline.room")
    assert "will lie below" in room.note_over(scene, strip, 11)
    bpy.ops.grok_video.edit()
    job = newest(module)
    made = made_by(scene, job.id)
    assert (made.channel, editing.span(made)[0]) == (1 + SOUNDS * bool(job.clip.has_audio), 11)
    landings = module("blender.session.state").current().imports.landings
    assert "no channel above" in landings[job.id].notice
    editing.base_of(scene.sequence_editor).remove(made)
    locked_above(scene, strip)
    assert room.note_over(scene, strip, 11) == ""
    refused(lambda: bpy.ops.grok_video.import_result(job=job.id), "no free channel above")
    scene.sequence_editor.channels[128].lock = False
    assert bpy.ops.grok_video.import_result(job=job.id) == {"FINISHED"}
    assert made_by(scene, job.id).channel == 128

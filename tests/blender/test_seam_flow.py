"""Seams on the timeline: an extension comes matched, waits for a Sequencer, and what the artist touches is left alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from . import pictures
from .editing import every, find, sequencer_operators, set_span, span
from .others import wait_for
from .test_flow import newest

Module = Callable[[str], ModuleType]
NAME = "Grok Video Seam"
DRIFT = "gain=1.05,1,0.93 lift=8,4,-6 gamma=1.08"
#: Codes of 255 that are left at a seam at most.
LEFT = 2.0


@pytest.fixture
def source(blender: ModuleType, scene: Any, stand_in: Any, module: Module, patches: Any) -> Any:
    """The strip of a clip of two seconds that is to be extended; the service's extensions drift."""
    patches.set(module("blender.session.seams"), "PATIENCE", 120.0)  # others keep this machine busy
    module("blender.config").preferences().match_seams = True
    scene.render.resolution_x, scene.render.resolution_y = 848, 480
    scene.render.resolution_percentage = 100
    scene.render.fps = 24
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.grok_video.duration = 2
    scene.grok_video.extend_prompt, scene.grok_video.extend_seconds = "It goes on", 2
    blender.ops.grok_video.generate(frame=1)
    stand_in.settings(drift=DRIFT)
    (strip,) = movies(scene)
    return strip


def movies(scene: Any) -> list[Any]:
    return sorted((s for s in every(scene) if s.type == "MOVIE"), key=lambda s: span(s)[0])


def open_sequencer(scene: Any) -> None:
    with sequencer_operators(scene):
        pass


def close_sequencers() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.type = "VIEW_3D"


def ours(strip: Any) -> list[str]:
    return [modifier.type for modifier in strip.modifiers if modifier.name.startswith(NAME)]


def extended(blender: ModuleType, module: Module, scene: Any) -> tuple[Any, Any]:
    """An extension of the last strip: the strip that came, and its job."""
    scene.sequence_editor.active_strip = movies(scene)[-1]
    assert blender.ops.grok_video.extend() == {"FINISHED"}
    return movies(scene)[-1], newest(module)


def difference(scene: Any, source: Any, strip: Any, folder: Path) -> float:
    """Of the last half second of the source from the same in its extension, whose head is shown for that."""
    start, end = span(strip)
    set_span(strip, start - 12, end)
    found = []
    for frame in range(start - 12, start, 4):
        seen = []
        for hidden, shown in ((strip, source), (source, strip)):
            hidden.mute, shown.mute = True, False
            seen.append(pictures.see(scene, folder, frame))
        found.append(np.abs(seen[0] - seen[1])[: 480 - 60].mean())  # without the row of numbers
    source.mute = strip.mute = False
    set_span(strip, start, end)
    return float(np.mean(found))


@pytest.mark.parametrize("slot", [False, True], ids=["imported", "slot"])
def test_an_extension_comes_matched(
    blender: ModuleType, scene: Any, source: Any, module: Module, tmp_path: Path, slot: bool
) -> None:
    open_sequencer(scene)
    scene.sequence_editor.active_strip = source
    blender.ops.grok_video.extend(slot=slot)
    strip, job = movies(scene)[-1], newest(module)
    assert ours(strip) == ["CURVES"]
    assert job.seam is not None
    note = json.loads(strip["grok_video_seam"])
    assert (note["job"], note["made"]) == (job.id, True)
    assert not list(source.modifiers)
    matched = difference(scene, source, strip, tmp_path)
    strip.modifiers[0].mute = True
    raw = difference(scene, source, strip, tmp_path)
    assert raw > 5.0
    assert matched <= LEFT


def test_without_drift_there_is_nothing_on_the_strip(
    blender: ModuleType, scene: Any, source: Any, stand_in: Any, module: Module
) -> None:
    open_sequencer(scene)
    stand_in.settings(drift="")
    strip, job = extended(blender, module, scene)
    assert (ours(strip), job.seam, "grok_video_seam" in strip) == ([], None, False)


def test_the_preference_turns_it_off(
    blender: ModuleType, scene: Any, source: Any, module: Module
) -> None:
    open_sequencer(scene)
    module("blender.config").preferences().match_seams = False
    strip, job = extended(blender, module, scene)
    assert (ours(strip), job.seam, "grok_video_seam" in strip) == ([], None, False)


def test_without_a_sequencer_the_modifiers_wait(
    blender: ModuleType, scene: Any, source: Any, module: Module
) -> None:
    """5.0 would end where they were made; a file keeps what waits."""
    close_sequencers()
    strip, job = extended(blender, module, scene)
    assert (ours(strip), job.seam is None) == ([], False)
    assert not json.loads(strip["grok_video_seam"])["made"]
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene = bpy.context.scene
    name = movies(scene)[-1].name
    close_sequencers()
    tick = module("blender.session.tick").tick
    tick(bpy.context)
    assert ours(find(scene, name)) == []
    open_sequencer(scene)
    tick(bpy.context)
    assert ours(find(scene, name)) == ["CURVES"]
    tick(bpy.context)
    assert ours(find(scene, name)) == ["CURVES"]


def note_of(strip: Any) -> Any:
    return json.loads(strip["grok_video_seam"])


def test_what_the_artist_has_touched_is_left_alone(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any
) -> None:
    """Deleted modifiers are not made again, muted ones stay muted, for another take too; its numbers are known."""
    open_sequencer(scene)
    strip, job = extended(blender, module, scene)
    with sequencer_operators(scene):
        strip.modifiers.remove(strip.modifiers[0])
    tick = module("blender.session.tick")
    tick.tick(bpy.context)
    tick._on_undo()
    assert ours(strip) == []
    stand_in.settings(drift="gain=0.9")
    blender.ops.grok_video.another_take(strip=strip.name)
    strip, second = movies(scene)[-1], newest(module)
    assert (strip["grok_video_job"], ours(strip)) == (second.id, [])
    assert second.seam is not None
    blender.ops.grok_video.match_to_source(strip=strip.name)
    made = ours(strip)  # of a plain gain too *Hue Correct* may bring the colours closer
    assert made[:1] == ["CURVES"]
    for modifier in strip.modifiers:
        modifier.mute = True
    blender.ops.grok_video.choose_take(job=job.id, strip=strip.name)
    assert all(modifier.mute for modifier in strip.modifiers)
    assert ours(strip)[:1] == ["CURVES"]
    assert note_of(strip)["job"] == job.id


def test_a_take_brings_its_numbers_or_mutes(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any, tmp_path: Path
) -> None:
    open_sequencer(scene)
    strip, job = extended(blender, module, scene)
    stand_in.settings(drift="")
    blender.ops.grok_video.another_take(strip=strip.name)
    plain = newest(module)
    strip = movies(scene)[-1]
    assert (plain.seam, strip["grok_video_job"]) == (None, plain.id)
    assert [modifier.mute for modifier in strip.modifiers] == [True]
    assert difference(scene, source, strip, tmp_path) <= LEFT
    blender.ops.ed.undo_push(message="before")
    blender.ops.grok_video.choose_take("EXEC_DEFAULT", True, job=job.id, strip=strip.name)
    strip = movies(scene)[-1]
    assert [modifier.mute for modifier in strip.modifiers] == [False]
    assert difference(scene, movies(scene)[0], strip, tmp_path) <= LEFT
    for name, muted, shown in (("undo", True, plain), ("redo", False, job)):
        with sequencer_operators(scene):
            getattr(blender.ops.ed, name)()
        scene = bpy.context.scene
        strip = movies(scene)[-1]
        assert [modifier.mute for modifier in strip.modifiers] == [muted], name
        assert strip["grok_video_job"] == shown.id
        assert difference(scene, movies(scene)[0], strip, tmp_path) <= LEFT


def test_an_extension_of_a_matched_strip_sends_the_raw_clip_and_is_matched_to_both(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any, tmp_path: Path
) -> None:
    """Here of a continued shot, whose clip is all new."""
    open_sequencer(scene)
    stand_in.settings(drift=DRIFT, drift_of="generate")
    scene.grok_video.resolution = "480p"
    blender.ops.grok_video.continue_shot(strip=source.name)
    middle, first = movies(scene)[-1], newest(module)
    stand_in.settings(drift="gain=0.95,1,1.04 lift=-3", drift_of="extend")
    last, second = extended(blender, module, scene)
    video = second.spec.video
    assert (video.path, video.job, video.seam) == (first.clip.path, first.id, first.seam)
    assert second.seam not in (None, first.seam)
    assert difference(scene, middle, last, tmp_path) <= LEFT
    # An edit is sent what is seen.
    scene.grok_video.edit_prompt = "At night"
    scene.sequence_editor.active_strip = middle
    blender.ops.grok_video.edit(what="STRIP")
    edited = newest(module)
    assert (edited.spec.video.job, edited.spec.video.seam) == ("", None)
    strip = next(s for s in movies(scene) if s["grok_video_job"] == edited.id)
    assert ours(strip) == []


def test_an_extension_of_an_extension_sends_the_raw_clip(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any, tmp_path: Path
) -> None:
    """Its hidden head is ours, no change of the artist's: what it ends with is what the clip ends with."""
    open_sequencer(scene)
    middle, first = extended(blender, module, scene)
    hidden = span(middle)[0] - module("blender.compat").content_start(middle)
    assert hidden == span(source)[1] - span(source)[0]
    last, second = extended(blender, module, scene)
    video = second.spec.video
    assert (video.path, video.job, video.seam) == (first.clip.path, first.id, first.seam)
    assert video.seconds == first.clip.seconds
    assert span(last)[0] == span(middle)[1]
    assert difference(scene, middle, last, tmp_path) <= LEFT
    middle.mute = True
    numbers = [
        pictures.number_of(pictures.see(scene, tmp_path, span(last)[0] + step)) for step in (0, 1)
    ]
    assert numbers == [first.clip.frames, first.clip.frames + 1], "it goes on where that ends"


@pytest.mark.parametrize("where", ["left", "right", "all"])
def test_an_extension_that_the_artist_cut_is_sent_as_it_is_seen(
    blender: ModuleType, scene: Any, source: Any, module: Module, where: str
) -> None:
    open_sequencer(scene)
    scene.grok_video.extend_seconds = 3  # of which enough is left
    strip, _first = extended(blender, module, scene)
    start, end = span(strip)
    cut = {"left": (start + 5, end), "right": (start, end - 5), "all": (start - 20, end)}
    set_span(strip, *cut[where])
    _strip, second = extended(blender, module, scene)
    video = second.spec.video
    assert (video.job, video.seam) == ("", None)
    shown = cut[where][1] - cut[where][0]
    assert video.seconds == pytest.approx(shown / 24, abs=0.05)


def test_an_edit_of_an_extension_sends_what_is_seen(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any
) -> None:
    open_sequencer(scene)
    stand_in.settings(drift="")
    strip, _job = extended(blender, module, scene)
    start, end = span(strip)
    scene.grok_video.edit_prompt = "At night"
    scene.sequence_editor.active_strip = strip
    blender.ops.grok_video.edit(what="STRIP")
    video = newest(module).spec.video
    assert (video.job, video.seconds) == ("", pytest.approx((end - start) / 24, abs=0.05))


def test_a_clip_that_a_handler_brings_is_matched_later(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any, tmp_path: Path
) -> None:
    """A file that is opened in the background shows its clips at once, and nobody waits for a measurement there."""
    open_sequencer(scene)
    stand_in.settings(job_seconds=600)
    scene.sequence_editor.active_strip = source
    blender.ops.grok_video.extend(slot=True, wait=False)
    tick, queue = module("blender.session.tick").tick, module("blender.session.queue")

    def reach(state: str, go_on: Callable[[], object]) -> Callable[[], bool]:
        return lambda: (go_on(), newest(module).state == state)[1]

    wait_for(reach("RUNNING", lambda: tick(bpy.context)), "the job")
    blender.ops.wm.save_mainfile()
    stand_in.finish()
    wait_for(reach("READY", queue.read_all), "the clip")
    blender.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene = bpy.context.scene
    open_sequencer(scene)
    strip, job = movies(scene)[-1], newest(module)
    assert (strip["grok_video_job"], job.seam, ours(strip)) == (job.id, None, [])
    seam = module("blender.timeline.seam")
    assert seam.is_due(strip)
    # The file keeps that it is due.
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene = bpy.context.scene
    open_sequencer(scene)
    name = movies(scene)[-1].name
    assert seam.is_due(find(scene, name))
    wait_for(lambda: (tick(bpy.context), ours(find(scene, name)))[1], "the modifiers")
    strip = find(scene, name)
    assert not seam.is_due(strip)
    wait_for(lambda: (tick(bpy.context), newest(module).seam)[1], "the list")
    assert difference(scene, movies(scene)[0], strip, tmp_path) <= LEFT


def test_a_clip_without_a_shift_that_a_handler_brings_is_measured_once(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any
) -> None:
    open_sequencer(scene)
    stand_in.settings(drift="")
    strip, job = extended(blender, module, scene)
    session = module("blender.session.state").current()
    session.seams.found.clear()
    module("blender.timeline.seam").set_due(strip, job.id)
    module("blender.session.seams").changed_behind()
    tick = module("blender.session.tick").tick
    wait_for(lambda: (tick(bpy.context), job.id in session.seams.found)[1], "the measurement")
    tick(bpy.context)
    assert ("grok_video_seam" in strip, session.seams.waiting) == (False, False)
    assert session.seams.process is None


def test_a_clip_waits_no_longer_than_that_for_a_slow_measurement(
    blender: ModuleType, scene: Any, source: Any, module: Module, patches: Any, tmp_path: Path
) -> None:
    """The second Blender gets no processor: the clip comes without, and nothing is left of the measurement."""
    open_sequencer(scene)
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(600)\n", "utf-8")
    seams, patience = module("blender.session.seams"), 3.0
    patches.set(seams, "PATIENCE", patience)
    patches.set(module("blender.sources.child"), "_CHILD", slow)
    strip, job = extended(blender, module, scene)
    session = module("blender.session.state").current()
    waited = time.monotonic() - session.seams.since[job.id]
    assert patience <= waited < patience + 5.0, waited
    assert (ours(strip), job.seam, "grok_video_seam" in strip) == ([], None, False)
    assert session.seams.process is None
    stills = module("blender.config").data_dir() / "stills"
    assert not [path for path in stills.iterdir() if path.is_dir()]


def test_modifiers_that_the_artist_changed_are_sent(
    blender: ModuleType, scene: Any, source: Any, module: Module
) -> None:
    open_sequencer(scene)
    strip, _job = extended(blender, module, scene)
    curve = strip.modifiers[0].curve_mapping.curves[0]
    curve.points[3].location = (curve.points[3].location[0], curve.points[3].location[1] + 0.1)
    strip.modifiers[0].curve_mapping.update()
    _strip, second = extended(blender, module, scene)
    assert (second.spec.video.job, second.spec.video.seam) == ("", None)


def test_a_continued_shot_is_matched_to_the_last_frame(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any
) -> None:
    open_sequencer(scene)
    stand_in.settings(drift=DRIFT, drift_of="generate")
    scene.sequence_editor.active_strip = source
    scene.grok_video.resolution = "480p"
    assert blender.ops.grok_video.continue_shot() == {"FINISHED"}
    strip, job = movies(scene)[-1], newest(module)
    assert job.seam is not None
    assert ours(strip)[-1:] == ["CURVES"]


def test_an_edit_is_matched_only_when_asked(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any
) -> None:
    open_sequencer(scene)
    stand_in.settings(drift="gain=0.9 lift=10", drift_of="edit")
    scene.grok_video.edit_prompt = "At night"
    scene.sequence_editor.active_strip = source
    blender.ops.grok_video.edit(what="STRIP")
    job = newest(module)
    strip = next(s for s in movies(scene) if s["grok_video_job"] == job.id)
    assert (ours(strip), job.seam) == ([], None)
    blender.ops.grok_video.match_to_source(strip=strip.name)
    assert ours(strip) == ["CURVES"]
    assert newest(module).seam is not None or note_of(strip)["seam"]
    with pytest.raises(RuntimeError, match="not made from a strip"):
        blender.ops.grok_video.match_to_source(strip=source.name)


@pytest.mark.skipif(not bpy.app.build_options.audaspace, reason="a Blender without sound")
@pytest.mark.parametrize("slot", [False, True], ids=["imported", "slot"])
def test_the_sound_of_the_new_part_fades_in(
    blender: ModuleType, scene: Any, source: Any, module: Module, stand_in: Any, slot: bool
) -> None:
    """Over two frames; the source's sound is left alone, the head is heard where it is dragged into view."""
    stand_in.settings(drift="")
    scene.grok_video.generate_audio = True
    blender.ops.grok_video.generate(frame=200)
    scene.sequence_editor.active_strip = movies(scene)[-1]
    blender.ops.grok_video.extend(slot=slot)
    strip = movies(scene)[-1]
    (sound,) = (s for s in every(scene) if s.type == "SOUND" and span(s)[0] == span(strip)[0])
    path = sound.path_from_id("volume")
    start = span(sound)[0]
    heard = []
    for frame in (start - 10, start - 1, start, start + 1, start + 2, start + 20):
        scene.frame_set(frame)
        heard.append(sound.volume)
    assert heard == pytest.approx([1.0, 1.0, 0.0, 0.5, 1.0, 1.0])
    curves = list(module("blender.compat").curves(scene))
    assert [curve.data_path for curve in curves] == [path]
    assert module("blender.timeline.fade").fade_in(strip, 0.0) is False
    assert len(curves[0].keyframe_points) == 3


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "null", '{"job": 3}', '{"seam": {"at": [2, 1]}}', 7, "x" * 99999]
)
def test_a_note_that_is_none_is_no_note(
    blender: ModuleType, scene: Any, source: Any, module: Module, text: Any
) -> None:
    """Scripts and other files write anything: the strip is drawn, extended and shown as one without a note."""
    source["grok_video_seam"] = text
    seam = module("blender.timeline.seam")
    assert (seam.note_of(source), seam.waits(source), seam.on(source)) == (None, False, None)
    assert list(seam.waiting()) == []
    assert module("blender.timeline.source_strip").source_strip_of(source).whole

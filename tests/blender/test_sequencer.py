"""A clip comes into the edit: at true speed, where it belongs, and with nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import pictures
from .editing import base_of, color, overlaps, sequencer_operators, span, strips
from .placed import import_clip

Module = Callable[[str], ModuleType]

SECONDS = 15
CLIP_FRAMES = 24 * SECONDS + 1
#: The rates that artists cut in: fps and fps_base.
RATES = {
    "23.976": (24, 1.001),
    "24": (24, 1.0),
    "25": (25, 1.0),
    "29.97": (30, 1.001),
    "30": (30, 1.0),
    "50": (50, 1.0),
    "60": (60, 1.0),
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The longest clip there is, with sound."""
    return pictures.numbered_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", SECONDS)


@pytest.fixture
def short(clip: Path, tmp_path: Path) -> Path:
    """One second without sound, in a folder of its own."""
    return pictures.numbered_clip(tmp_path / "short.mp4", 1, audio=False)


@pytest.fixture
def scene(blender: ModuleType) -> Any:
    """A scene of the clips' size, so that what it shows can be read."""
    scene = blender.context.scene
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    return scene


@pytest.fixture
def sequencer(module: Module) -> Any:
    return module("blender.timeline")


@pytest.fixture
def place(sequencer: Any) -> Callable[..., Any]:
    """``place(scene, path, frame, …)`` imports a clip."""

    def place(scene: Any, path: Path, frame: int = 1, **other: str) -> Any:
        return import_clip(sequencer, scene, path, frame=frame, **other)

    return place


def layout() -> list[tuple[str, list[str]]]:
    """All editors of all workspaces. (Without a window Blender corrects their sizes as it likes.)"""
    return [(screen.name, [a.ui_type for a in screen.areas]) for screen in bpy.data.screens]


# ------------------------------------------------------------------------------------------------ speed


@pytest.mark.parametrize("rate", RATES)
def test_a_clip_plays_at_true_speed(
    scene: Any, clip: Path, place: Callable[..., Any], tmp_path: Path, rate: str
) -> None:
    scene.render.fps, scene.render.fps_base = RATES[rate]
    per_second = scene.render.fps / scene.render.fps_base
    landing = place(scene, clip, 40)

    assert landing.start == 40
    assert abs(landing.end - landing.start - CLIP_FRAMES / 24 * per_second) <= 1
    for frame in (landing.start, (landing.start + landing.end) // 2, landing.end - 1):
        shown = pictures.number_of(pictures.see(scene, tmp_path, frame))
        assert abs(shown - (frame - landing.start) / per_second * 24) <= 1, frame
    assert pictures.number_of(pictures.see(scene, tmp_path, landing.start)) == 0
    for strip in strips(scene):
        assert abs(span(strip)[0] - landing.start) <= 1
        assert abs(span(strip)[1] - landing.end) <= 1
    assert (scene.render.fps, round(scene.render.fps_base, 3)) == RATES[rate]


@pytest.mark.parametrize("rate", ["23.976", "25", "60"])
def test_the_sound_is_with_its_picture(
    scene: Any, clip: Path, place: Callable[..., Any], tmp_path: Path, rate: str
) -> None:
    scene.render.fps, scene.render.fps_base = RATES[rate]
    per_second = scene.render.fps / scene.render.fps_base
    landing = place(scene, clip, 11)
    kinds = sorted(strip.type for strip in strips(scene))
    if not bpy.app.build_options.audaspace:  # the wheel of 4.2: the picture comes in all the same
        assert (kinds, landing.sound) == (["MOVIE"], "")
        return
    assert kinds == ["MOVIE", "SOUND"]
    scene.frame_start, scene.frame_end = 1, landing.end - 1
    with bpy.context.temp_override(scene=scene):
        bpy.ops.sound.mixdown(
            filepath=str(tmp_path / "mix.wav"), container="WAV", codec="PCM", format="S16"
        )
    beeps = pictures.beeps_of(tmp_path / "mix.wav")
    # Of the last one there may be half.
    assert [second for _at, second in beeps][:SECONDS] == list(range(SECONDS))
    for at, second in beeps:
        assert abs(at - ((landing.start - 1) / per_second + second)) <= 1 / per_second


def test_picture_and_sound_are_connected(scene: Any, clip: Path, place: Callable[..., Any]) -> None:
    landing = place(scene, clip)
    if not landing.sound or "disconnect" not in dir(bpy.ops.sequencer):
        assert bpy.app.version < (4, 4)
        return
    for strip in strips(scene):
        strip.select = strip.name == landing.movie
    with sequencer_operators(scene):
        # Finds something to take apart once, and then nothing more.
        assert bpy.ops.sequencer.disconnect() == {"FINISHED"}
        assert bpy.ops.sequencer.disconnect() == {"CANCELLED"}


# ------------------------------------------------------------------------------------------ the strips


def test_the_strips_say_where_they_come_from(
    scene: Any, clip: Path, place: Callable[..., Any], sequencer: Any
) -> None:
    other = color(scene, 5, 1, 50)
    other.select = True
    prompt = "Ein Frösch 🐸\nspringt —\t" * 9
    landing = place(scene, clip, 20, name=prompt, job_id="f" * 32)
    found = sequencer.strips_of(scene, "f" * 32)

    assert {strip.name for strip in found} == {landing.movie, landing.sound} - {""}
    assert landing.movie.startswith("Ein Frösch 🐸 springt — Ein Frösch 🐸 springt")
    assert all(len(strip.name.encode()) <= 63 for strip in found)
    assert all(strip["grok_video_job"] == "f" * 32 for strip in found)
    assert all(strip.select for strip in found)
    assert not other.select
    assert scene.sequence_editor.active_strip.name == landing.movie
    movie = next(strip for strip in found if strip.type == "MOVIE")
    assert (landing.channel, landing.start, landing.end) == (movie.channel, *span(movie))


@pytest.mark.parametrize("letter", ["e", "é", "鷺", "🐸"])
def test_clips_of_one_prompt_have_names_of_their_own(
    scene: Any, short: Path, place: Callable[..., Any], letter: str
) -> None:
    # Wherever Blender cuts a name, for some of these it is inside of a letter.
    for shift in range(len(letter.encode())):
        names = {place(scene, short, name="x" * shift + letter * 99).movie for _ in range(3)}
        assert len(names) == 3


def test_a_clip_without_a_prompt_has_a_name(
    scene: Any, short: Path, place: Callable[..., Any]
) -> None:
    assert place(scene, short, name=" \n").movie == "Grok Video"
    assert place(scene, short, name="").movie != "Grok Video"


def test_a_clip_fills_the_frame_and_has_no_proxy(
    scene: Any, short: Path, place: Callable[..., Any]
) -> None:
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT * 3
    place(scene, short)
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH * 2, pictures.HEIGHT * 3
    place(scene, short, 100)
    first, second = strips(scene)
    assert (first.transform.scale_x, first.transform.scale_y) == pytest.approx((1.0, 1.0))
    assert (second.transform.scale_x, second.transform.scale_y) == pytest.approx((2.0, 2.0))
    assert not first.use_proxy
    assert [entry.name for entry in short.parent.iterdir()] == ["short.mp4"]


def test_a_strip_is_found_after_it_was_cut_nested_and_saved(
    scene: Any, short: Path, place: Callable[..., Any], sequencer: Any, tmp_path: Path
) -> None:
    place(scene, short, 10)
    with sequencer_operators(scene):
        bpy.ops.sequencer.split(frame=20, type="SOFT", side="BOTH")
        bpy.ops.sequencer.meta_make()
    assert len(sequencer.strips_of(scene, "job")) == 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    assert len(sequencer.strips_of(bpy.context.scene, "job")) == 2
    assert sequencer.strips_of(bpy.context.scene, "another") == []
    assert sequencer.strips_of(bpy.data.scenes.new("Empty"), "job") == []


def test_one_undo_takes_it_back(
    scene: Any, short: Path, place: Callable[..., Any], sequencer: Any
) -> None:
    color(scene, 1, 1, 50)
    bpy.ops.ed.undo_push(message="before")
    place(scene, short)
    bpy.ops.ed.undo_push(message="Import Clip")
    bpy.ops.ed.undo()
    assert [strip.type for strip in strips(bpy.context.scene)] == ["COLOR"]
    bpy.ops.ed.redo()
    assert len(sequencer.strips_of(bpy.context.scene, "job")) == 1


def test_show_strips(scene: Any, short: Path, place: Callable[..., Any], sequencer: Any) -> None:
    place(scene, short, 70)
    other = color(scene, 4, 1, 10)
    scene.sequence_editor.active_strip = other
    assert sequencer.show_strips(bpy.context, scene, "job")
    assert scene.frame_current == 70
    assert scene.sequence_editor.active_strip.name == "A frog"
    assert not other.select
    assert not sequencer.show_strips(bpy.context, scene, "another")


# --------------------------------------------------------------------------------- nothing else changes


def test_the_scene_and_the_window_stay_as_they_were(
    scene: Any, clip: Path, place: Callable[..., Any]
) -> None:
    scene.render.fps, scene.render.fps_base = 30, 1.001
    scene.frame_start, scene.frame_end = 5, 77
    scene.use_preview_range = True
    scene.frame_set(33)
    preferences = bpy.context.preferences
    preferences.is_dirty = False

    def state() -> tuple[object, ...]:
        render, view = scene.render, scene.view_settings
        return (
            (render.fps, render.fps_base, render.resolution_x, render.resolution_y),
            (render.resolution_percentage, scene.frame_start, scene.frame_end),
            (scene.frame_preview_start, scene.frame_preview_end, scene.frame_current),
            (view.view_transform, view.look, view.exposure, view.gamma),
            scene.sequencer_colorspace_settings.name,
            (preferences.is_dirty, preferences.system.sequencer_proxy_setup),
            (bpy.context.scene.name, bpy.context.window.workspace.name, layout()),
            [(s.name, s.channel, span(s), s.mute) for s in strips(scene) if s.type == "COLOR"],
        )

    for channel in (1, 2, 4):
        color(scene, channel, 10 * channel, 400)
    before = state()
    place(scene, clip, 20)
    assert state() == before
    assert not overlaps(scene)


def test_handlers_of_other_addons_do_not_break_it(
    scene: Any, short: Path, place: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def meddles(*_: object) -> None:
        calls.append(1)
        if scene.frame_current != 3:
            scene.frame_set(3)
        raise ValueError("another add-on is broken")

    handlers = bpy.app.handlers
    lists = (handlers.depsgraph_update_post, handlers.frame_change_post, handlers.frame_change_pre)
    for added in lists:
        added.append(meddles)
    try:
        landing = place(scene, short, 50)
        bpy.context.view_layer.update()
    finally:
        for added in lists:
            added.remove(meddles)
    assert calls
    assert "another add-on is broken" in capfd.readouterr().err
    assert (landing.start, landing.end) == (50, 75)


# ---------------------------------------------------------------------------------------------- channels


def test_the_lowest_free_channels_are_taken(
    scene: Any, clip: Path, place: Callable[..., Any]
) -> None:
    landing = place(scene, clip, 1)
    assert sorted(strip.channel for strip in strips(scene)) == ([1, 2] if landing.sound else [1])
    # The next one ends before it begins: the same channels, however far up the first was added.
    end = place(scene, clip, 1 - CLIP_FRAMES).end
    assert end == 1
    assert {strip.channel for strip in strips(scene)} == ({1, 2} if landing.sound else {1})
    assert not overlaps(scene)


def test_a_gap_too_short_is_not_taken(scene: Any, short: Path, place: Callable[..., Any]) -> None:
    later = color(scene, 1, 30, 60, "TEXT")
    landing = place(scene, short, 10)  # ends at 35
    assert landing.channel == 2
    assert (later.channel, *span(later)) == (1, 30, 60)
    assert place(scene, short, 5).channel == 3
    assert place(scene, short, 60).channel == 1


def test_a_clip_is_not_hidden_below_a_picture(
    scene: Any, short: Path, place: Callable[..., Any]
) -> None:
    color(scene, 6, 1, 100)
    color(scene, 9, 1, 100, "TEXT")
    assert place(scene, short).channel == 7
    muted = color(scene, 20, 200, 300)
    muted.mute = True
    assert place(scene, short, 210).channel == 1


def test_locked_and_muted_channels_are_left_alone(
    scene: Any, clip: Path, place: Callable[..., Any]
) -> None:
    channels = scene.sequence_editor_create().channels
    channels[2].lock = True
    channels[4].mute = True
    landing = place(scene, clip)
    assert landing.channel == (6 if landing.sound else 1)
    assert {strip.channel for strip in strips(scene)} == ({5, 6} if landing.sound else {1})


def test_no_free_channel(
    scene: Any, short: Path, place: Callable[..., Any], sequencer: Any
) -> None:
    channels = scene.sequence_editor_create().channels
    for channel in range(1, 129):
        channels[channel].lock = True
    with pytest.raises(sequencer.Refused, match="no free channel"):
        place(scene, short)
    assert strips(scene) == []


# ------------------------------------------------------------------------------------- scenes and places


def test_another_scene_than_the_one_in_the_window(
    scene: Any, short: Path, place: Callable[..., Any]
) -> None:
    color(scene, 1, 1, 50)
    other = bpy.data.scenes.new("Other")
    other.render.fps = 48
    place(other, short, 9)
    assert [span(strip) for strip in strips(other)] == [(9, 59)]
    assert [strip.type for strip in strips(scene)] == ["COLOR"]
    assert bpy.context.scene == scene


@pytest.mark.parametrize("view", ["SEQUENCER", "PREVIEW", "SEQUENCER_PREVIEW"])
def test_an_open_sequencer_stays_as_it_is(
    scene: Any, short: Path, place: Callable[..., Any], view: str
) -> None:
    area = max(bpy.context.window.screen.areas, key=lambda area: area.width)
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = view
    before = layout()
    for target in (scene, bpy.data.scenes.new("Other")):
        place(target, short, 9)
        assert [span(strip) for strip in strips(target)] == [(9, 34)]
    assert (layout(), area.spaces.active.view_type) == (before, view)


def test_a_sequencer_in_another_workspace_serves(
    scene: Any, short: Path, place: Callable[..., Any]
) -> None:
    template = Path(bpy.utils.system_resource("SCRIPTS"), "startup", "bl_app_templates_system")
    bpy.ops.workspace.append_activate(
        idname="Video Editing", filepath=str(template / "Video_Editing" / "startup.blend")
    )
    shown = bpy.context.window.screen
    spaces = [len(area.spaces) for area in shown.areas]
    assert "SEQUENCE_EDITOR" not in [area.type for area in shown.areas]
    before = layout()
    place(scene, short, 9)
    assert [span(strip) for strip in strips(scene)] == [(9, 34)]
    # No area that the artist sees ever was a sequencer.
    assert [len(area.spaces) for area in shown.areas] == spaces
    for target in (scene, bpy.data.scenes.new("Other")):
        place(target, short, 100)
        assert (100, 125) in [span(strip) for strip in strips(target)]
    assert layout() == before
    # With a screen at hand Blender would begin to build proxies at once.
    assert [entry.name for entry in short.parent.iterdir()] == ["short.mp4"]


def open_meta(scene: Any) -> Any:
    with sequencer_operators(scene):
        bpy.ops.sequencer.meta_make()
    meta = strips(scene)[0]
    scene.sequence_editor.display_stack(meta)
    return meta


def test_an_open_meta_strip_takes_the_clip(
    scene: Any, short: Path, place: Callable[..., Any], sequencer: Any
) -> None:
    color(scene, 1, 1, 100)
    meta = open_meta(scene)
    place(scene, short, 30)
    assert [strip.type for strip in strips(scene)] == ["META"]
    assert sorted(strip.type for strip in base_of(meta)) == ["COLOR", "MOVIE"]
    assert len(sequencer.strips_of(scene, "job")) == 1


def test_a_clip_beyond_an_open_meta_strip_is_not_lost_in_it(
    scene: Any, short: Path, place: Callable[..., Any]
) -> None:
    color(scene, 1, 1, 100)
    meta = open_meta(scene)
    place(scene, short, 100)
    assert sorted(strip.type for strip in strips(scene)) == ["META", "MOVIE"]
    assert [strip.type for strip in base_of(meta)] == ["COLOR"]
    assert scene.sequence_editor.meta_stack[-1] == meta


def test_the_scene_that_the_sequencer_shows(scene: Any, sequencer: Any) -> None:
    assert sequencer.target_scene(bpy.context) == scene
    if bpy.app.version < (5, 0):
        sequencer.show_scene(bpy.context, scene)
        return
    workspace = bpy.context.workspace
    other = bpy.data.scenes.new("Other")
    sequencer.show_scene(bpy.context, other)
    assert workspace.sequencer_scene == other
    assert sequencer.target_scene(bpy.context) == other
    sequencer.show_scene(bpy.context, scene)  # the artist's choice stays
    assert workspace.sequencer_scene == other


# ----------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "garbage", "cut", "sound only"])
def test_a_bad_file_leaves_nothing(
    scene: Any, clip: Path, place: Callable[..., Any], sequencer: Any, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "bad.mp4"
    unused = bpy.data.scenes.new("Unused")
    unused.sequence_editor_clear()
    match kind:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "garbage":
            path.write_bytes(b"not a clip" * 1000)
        case "cut":  # the stand-in puts the table of contents first: cut inside of it
            path.write_bytes(clip.read_bytes()[:2000])
        case "sound only":
            pictures.sound_of(clip, path)
    with pytest.raises(sequencer.Refused, match=r"bad\.mp4"):
        place(unused, path)
    assert unused.sequence_editor is None
    color(scene, 1, 1, 50)
    before = layout()
    with pytest.raises(sequencer.Refused):
        place(scene, path)
    assert [strip.type for strip in strips(scene)] == ["COLOR"]
    assert layout() == before


def test_a_linked_scene_takes_no_strips(
    scene: Any, short: Path, place: Callable[..., Any], sequencer: Any, tmp_path: Path
) -> None:
    scene.name = "Linked"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.scenes = ["Linked"]
    linked = wanted.scenes[0]
    assert "linked from another file" in sequencer.refusal(bpy.context, linked)
    with pytest.raises(sequencer.Refused, match="linked from another file"):
        place(linked, short)
    assert strips(linked) == []
    assert sequencer.refusal(bpy.context, bpy.context.scene) == ""


def test_nothing_comes_in_during_playback(
    scene: Any, short: Path, place: Callable[..., Any], sequencer: Any
) -> None:
    bpy.ops.screen.animation_play()
    assert "playing" in sequencer.refusal(bpy.context, scene)
    with pytest.raises(sequencer.Refused, match="playing"):
        place(scene, short)
    bpy.ops.screen.animation_cancel()
    assert place(scene, short).start == 1
